//! One round of questions to the witnesses: whether anything beyond this machine can be reached at all.
//!
//! A witness is not judged. That it answers, with whatever, proves the way there; a refused connection does so as well.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use tokio::net::{TcpListener, TcpStream};

use super::{
    Prober,
    http::{connect, limits::Limits, trouble},
};
use crate::model::{
    FailureKind, Outcome,
    text::span,
    witness::{Answer, ROUND_LIMIT, Round, RoundOrder, WitnessQuestion},
};

/// The port that is tried on a gateway; nearly all of them accept or refuse it.
const GATEWAY_PORT: u16 = 53;
/// Where Linux tells its routes.
const ROUTES: &str = "/proc/net/route";

impl Prober {
    /// Asks all witnesses at once; over within [`ROUND_LIMIT`].
    ///
    /// Dropping the future ends it.
    pub async fn ask_witnesses(&self, order: &RoundOrder) -> Round {
        let asking = order.witnesses.iter().map(|witness| async {
            let asked = self.ask_witness(&witness.question);
            tokio::time::timeout(ROUND_LIMIT, asked)
                .await
                .unwrap_or_else(|_elapsed| Err(no_answer(ROUND_LIMIT)))
        });
        Round {
            number: order.number,
            answers: join_all(asking).await,
        }
    }

    async fn ask_witness(&self, question: &WitnessQuestion) -> Answer {
        match question {
            WitnessQuestion::Name(name) => self.addresses(name.expose()).await.map(|_addresses| ()),
            WitnessQuestion::Connection { host, port } => {
                let addresses = match host.expose().parse::<IpAddr>() {
                    Ok(address) => vec![address],
                    Err(_name) => self.addresses(host.expose()).await?,
                };
                if addresses.is_empty() {
                    return Err(String::from("there is no such name"));
                }
                let addresses: Vec<_> = addresses
                    .into_iter()
                    .map(|address| SocketAddr::new(address, *port))
                    .collect();
                reach(&addresses).await
            }
            WitnessQuestion::Gateway => match gateway(&read_routes().await?) {
                Some(gateway) => reach(&[(gateway, GATEWAY_PORT).into()]).await,
                None => Err(String::from("this machine has no default route")),
            },
            WitnessQuestion::Loopback => call_ourselves().await,
        }
    }

    /// What the resolver says now; nothing if there is no such name, which is an answer as well.
    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        let clock = &self.world.clock;
        let timer = pin!(tokio::time::sleep(Duration::ZERO));
        let mut limits = Limits::new(clock, timer, clock.now().tick, ROUND_LIMIT);
        let resolver = self.world.http.resolver();
        match resolver.resolve(&Arc::from(name), &mut limits).await {
            Ok(resolved) if resolved.is_remembered => {
                Err(String::from("the resolver does not answer"))
            }
            Ok(resolved) => Ok(resolved.addresses.to_vec()),
            Err(Outcome::Unhealthy(failure)) if failure.kind == FailureKind::NameNotFound => {
                Ok(Vec::new())
            }
            Err(_trouble) => Err(String::from("the resolver does not answer")),
        }
    }
}

/// Whether anything at these addresses accepts or refuses.
async fn reach(addresses: &[SocketAddr]) -> Answer {
    let mut refusals = Vec::new();
    if connect::connect(addresses, &mut refusals).await.is_some() {
        return Ok(());
    }
    match refusals.iter().find(|(_, error)| proves_the_way(error)) {
        Some(_) => Ok(()),
        None => Err(refusals.first().map_or_else(
            || no_answer(ROUND_LIMIT),
            |(_, error)| trouble::plain(error),
        )),
    }
}

/// Whether somebody over there said no.
fn proves_the_way(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}

fn no_answer(limit: Duration) -> String {
    format!("no answer within {}", span(limit))
}

/// Opens a port of our own for a moment and calls it: that needs descriptors, and a network stack that works.
async fn call_ourselves() -> Answer {
    let calling = async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (called, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        called?;
        accepted?;
        Ok::<(), io::Error>(())
    };
    calling.await.map_err(|error| trouble::plain(&error))
}

async fn read_routes() -> Result<String, String> {
    tokio::fs::read_to_string(ROUTES)
        .await
        .map_err(|_error| String::from("this system does not tell its routes"))
}

/// The default gateway in the kernel's table of routes: the line whose destination and mask are zero.
///
/// Source: `Documentation/networking/proc_net_tcp.rst` of Linux and `fib_route_seq_show`: hexadecimal in the byte order
/// of this machine; flag 2 = has a gateway.
fn gateway(routes: &str) -> Option<IpAddr> {
    routes.lines().skip(1).find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (destination, gateway, flags, mask) = (
            fields.get(1)?,
            fields.get(2)?,
            fields.get(3)?,
            fields.get(7)?,
        );
        let flags = u16::from_str_radix(flags, 16).ok()?;
        if *destination != "00000000" || *mask != "00000000" || flags & 2 == 0 {
            return None;
        }
        let bytes = u32::from_str_radix(gateway, 16).ok()?.to_ne_bytes();
        Some(Ipv4Addr::from(bytes).into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        model::{
            Secret,
            witness::{Witness, WitnessQuestion},
        },
        probe::http::Lookup,
    };

    fn witness(question: WitnessQuestion) -> Witness {
        Witness {
            name: String::from("a witness"),
            question,
        }
    }

    fn connection(host: &str, port: u16) -> Witness {
        witness(WitnessQuestion::Connection {
            host: Secret::new(host),
            port,
        })
    }

    async fn ask(lookup: Lookup, witnesses: Vec<Witness>) -> Vec<Answer> {
        let prober = Prober::with_lookup(Clock::start(), lookup);
        let order = RoundOrder {
            number: 7,
            witnesses: witnesses.into(),
        };
        let round = prober.ask_witnesses(&order).await;
        assert_eq!(round.number, 7);
        round.answers
    }

    #[tokio::test]
    async fn whoever_answers_or_refuses_is_there() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let open = listener.local_addr().expect("an address").port();
        let closed = {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .await
                .expect("a port");
            listener.local_addr().expect("an address").port()
        };
        let lookup = Lookup::new(|name| match name {
            "here.test" => Ok(vec![Ipv4Addr::LOCALHOST.into()]),
            "nowhere.test" => Err(io::ErrorKind::NotFound.into()),
            _ => Err(io::Error::other("broken")),
        });
        let name = |name: &str| witness(WitnessQuestion::Name(Secret::new(name)));
        let answers = ask(
            lookup,
            vec![
                connection("127.0.0.1", open),
                connection("here.test", closed),
                name("here.test"),
                name("nowhere.test"),
                witness(WitnessQuestion::Loopback),
                connection("nowhere.test", open),
                name("broken.test"),
                connection("broken.test", open),
            ],
        )
        .await;
        let silent = |why: &str| Err(why.to_owned());
        assert_eq!(
            answers,
            [
                Ok(()),
                Ok(()),
                Ok(()),
                Ok(()),
                Ok(()),
                silent("there is no such name"),
                silent("the resolver does not answer"),
                silent("the resolver does not answer"),
            ]
        );
    }

    #[test]
    fn the_gateway_is_read_from_the_table_of_routes() {
        let address = u32::from_ne_bytes([10, 1, 2, 254]);
        let routes = format!(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
             eth0\t0002010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
             eth0\t00000000\t{address:08X}\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        );
        assert_eq!(gateway(&routes), Some(Ipv4Addr::new(10, 1, 2, 254).into()));
        assert_eq!(gateway("Iface\tDestination\n"), None);
        assert_eq!(gateway(""), None);
        assert_eq!(gateway("x\neth0 00000000 zz 0003 0 0 0 00000000"), None);
    }
}
