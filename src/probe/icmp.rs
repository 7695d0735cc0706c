//! `icmp:` whether a host answers echo requests.
//!
//! They leave through a datagram socket of ICMP, for which no privilege is needed where the system allows it to our
//! group; the kernel writes the identifier and hands us the replies to our own requests only.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use url::Host;

use crate::{
    clock::Clock,
    model::{
        DegradationKind, Detail, FailureKind, GapKind, Outcome, Phases, Tick, wire::IcmpQuestion,
    },
};

use super::http::{Findings, address, limits::Limits, resolve::Resolver, trouble};

/// From one echo request to the next.
const GAP: Duration = Duration::from_millis(200);
/// Once a reply has come the others are waited for no longer than this after the last request.
const PATIENCE: Duration = Duration::from_secs(1);
/// What the requests carry besides their number.
const PAYLOAD: &[u8; 16] = b"hekate echo test";

/// What a look has learned.
#[derive(Default)]
struct Echoes {
    phases: Phases,
    address: Option<IpAddr>,
    came: u8,
}

/// One look.
pub(super) async fn look(
    question: &IcmpQuestion,
    resolver: &Resolver,
    clock: &Clock,
    started: Tick,
    limit: Duration,
) -> Findings {
    let timer = pin!(tokio::time::sleep_until(clock.instant(started + limit)));
    let mut limits = Limits::new(clock, timer, started, limit);
    let mut echoes = Echoes::default();
    let outcome = match echoes.ask(question, resolver, &mut limits).await {
        Ok(()) => echoes.judge(question),
        Err(outcome) => outcome,
    };
    let is_lossy = echoes.came < question.packets && echoes.came > 0;
    let mut findings = Findings::of(outcome);
    findings.phases = echoes.phases;
    if findings.outcome != Outcome::Healthy || is_lossy {
        findings.detail = Some(Box::new(Detail {
            address: echoes.address.map(|address| address.to_string()),
            note: is_lossy.then(|| echoes.loss(question)),
            ..Detail::default()
        }));
    }
    findings
}

impl Echoes {
    async fn ask(
        &mut self,
        question: &IcmpQuestion,
        resolver: &Resolver,
        limits: &mut Limits<'_>,
    ) -> Result<(), Outcome> {
        let found = match &question.host {
            Host::Domain(name) => {
                let name: Arc<str> = name.as_str().into();
                let found = resolver.resolve(&name, limits).await?;
                self.phases.resolve_us = Some(limits.lap());
                found.addresses
            }
            Host::Ipv4(address) => [IpAddr::from(*address)].into(),
            Host::Ipv6(address) => [IpAddr::from(*address)].into(),
        };
        let usable = address::usable(&found, question.ip, 0).map_err(Outcome::Unobservable)?;
        let address = usable
            .first()
            .ok_or_else(|| trouble::gap(GapKind::NotConfigured, "there is no address"))?
            .ip();
        self.address = Some(address);
        let socket = socket(address).map_err(|error| not_sent(address, &error))?;
        let exchange = self.exchange(question, &socket, limits);
        exchange.await.map_err(|error| not_sent(address, &error))
    }

    /// Sends the requests and collects the replies, until all are there or the time is up.
    async fn exchange(
        &mut self,
        question: &IcmpQuestion,
        socket: &UdpSocket,
        limits: &mut Limits<'_>,
    ) -> io::Result<()> {
        let gap = GAP.min(limits.whole / (u32::from(question.packets) * 2));
        let mut replied = 0_u16;
        for number in 0..question.packets {
            send(socket, number, self.address).await?;
            let is_last = number + 1 == question.packets;
            loop {
                let wait = match (is_last, replied) {
                    (false, _) => gap,
                    (true, 0) => limits.whole,
                    (true, _) => PATIENCE,
                };
                if is_last && self.came == question.packets {
                    return Ok(());
                }
                match limits.run(wait, reply(socket)).await {
                    Ok(Ok(number)) if number < question.packets && replied & (1 << number) == 0 => {
                        replied |= 1 << number;
                        self.came += 1;
                        if self.phases.first_byte_us.is_none() {
                            self.phases.first_byte_us = Some(limits.lap());
                        }
                    }
                    Ok(Ok(_twice)) => {}
                    Ok(Err(error)) => return Err(error),
                    Err(_time_for_the_next) => break,
                }
            }
        }
        Ok(())
    }

    fn judge(&self, question: &IcmpQuestion) -> Outcome {
        let lost = question.packets - self.came;
        if self.came == 0 {
            return trouble::silent(
                FailureKind::NoReply,
                format!("no reply to {} echo requests", question.packets),
            );
        }
        if lost > question.max_lost {
            return trouble::short(DegradationKind::Unexpected, self.loss(question));
        }
        Outcome::Healthy
    }

    fn loss(&self, question: &IcmpQuestion) -> String {
        format!(
            "{} of {} echo requests lost",
            question.packets - self.came,
            question.packets
        )
    }
}

/// A socket that reaches this host only.
fn socket(address: IpAddr) -> io::Result<UdpSocket> {
    let (domain, protocol, any): (_, _, IpAddr) = match address {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, Ipv4Addr::UNSPECIFIED.into()),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, Ipv6Addr::UNSPECIFIED.into()),
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(protocol))?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(any, 0).into())?;
    socket.connect(&SocketAddr::new(address, 0).into())?;
    // To the standard library and to tokio a datagram socket is a datagram socket.
    UdpSocket::from_std(socket.into())
}

/// Source: RFC 792 and RFC 4443, "Echo Request".
async fn send(socket: &UdpSocket, number: u8, address: Option<IpAddr>) -> io::Result<()> {
    let kind = match address {
        Some(IpAddr::V6(_)) => 128,
        Some(IpAddr::V4(_)) | None => 8,
    };
    let mut packet = vec![kind, 0, 0, 0, 0, 0, 0, number];
    packet.extend_from_slice(PAYLOAD);
    // The kernel writes it for IPv6, and again for IPv4 where it writes the identifier as well.
    if kind == 8 {
        let sum = checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
    }
    socket.send(&packet).await.map(|_length| ())
}

/// The number of the next reply.
async fn reply(socket: &UdpSocket) -> io::Result<u8> {
    let mut packet = [0; 128];
    loop {
        let length = socket.recv(&mut packet).await?;
        if let Some(number) = number_of(&packet[..length]) {
            return Ok(number);
        }
    }
}

/// The number of an echo reply that is ours.
fn number_of(packet: &[u8]) -> Option<u8> {
    // Some systems leave the header of IPv4 before it.
    let packet = match packet.first()? {
        first if first >> 4 == 4 => packet.get(usize::from(first & 0xF) * 4..)?,
        _ => packet,
    };
    match packet {
        [0 | 129, 0, _, _, _, _, 0, number, payload @ ..] if payload == PAYLOAD => Some(*number),
        _ => None,
    }
}

/// Source: RFC 1071.
fn checksum(packet: &[u8]) -> u16 {
    let sum = packet.chunks(2).fold(0_u32, |sum, pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        sum + u32::from(u16::from_be_bytes([pair[0], low]))
    });
    let folded = (sum & 0xFFFF) + (sum >> 16);
    let folded = (folded & 0xFFFF) + (folded >> 16);
    !u16::try_from(folded).unwrap_or(u16::MAX)
}

/// What it means that no request could be sent.
fn not_sent(address: IpAddr, error: &io::Error) -> Outcome {
    match Errno::from_io_error(error) {
        Some(Errno::ACCESS | Errno::PERM) => trouble::gap(
            GapKind::OwnResources,
            "this process may not send echo requests; allow it with the sysctl net.ipv4.ping_group_range = \"0 2147483647\"",
        ),
        Some(Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT) => trouble::gap(
            GapKind::OwnNetwork,
            format!("this machine cannot send echo requests to {address}"),
        ),
        Some(Errno::CONNREFUSED) => {
            trouble::refused(FailureKind::Unreachable, "the host refuses echo requests")
        }
        _ => {
            let error = error
                .raw_os_error()
                .map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
            trouble::connect(&vec![(SocketAddr::new(address, 0), error)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_echoes_count() {
        let reply = |kind: u8| [&[kind, 0, 1, 2, 3, 4, 0, 2][..], PAYLOAD].concat();
        assert_eq!(number_of(&reply(0)), Some(2));
        assert_eq!(number_of(&reply(129)), Some(2));
        assert_eq!(number_of(&reply(3)), None);
        assert_eq!(number_of(&reply(0)[..20]), None);
        assert_eq!(number_of(&[]), None);
        let with_header = [&[0x45; 20][..], &reply(0)].concat();
        assert_eq!(number_of(&with_header), Some(2));
        assert_eq!(number_of(&[0x4F; 30]), None);
    }

    /// The example of RFC 1071, section 3.
    #[test]
    fn the_checksum_is_the_standards() {
        let sum = checksum(&[0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]);
        assert_eq!(sum, !0xDDF2);
    }
}
