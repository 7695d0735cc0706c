//! Opening a connection to one of several addresses.

use std::{io, net::SocketAddr, time::Duration};

use futures_util::{
    StreamExt as _,
    future::{Either, select},
    stream::FuturesUnordered,
};
use tokio::net::TcpStream;

/// How long an address is tried alone before the next one joins the race.
///
/// Source: RFC 8305, section 5: "Connection Attempt Delay", recommended 250 ms.
const HEAD_START: Duration = Duration::from_millis(250);

/// Why an address gave no connection. All of them are kept: which one accuses whom is decided when all are known.
pub(in crate::probe) type Refusals = Vec<(SocketAddr, io::Error)>;

/// Tries the addresses in order, the next one as soon as the one before it failed or had its head start; the first
/// connection wins.
///
/// What failed is left in `refusals`, also when this future is dropped because the time is up.
pub(in crate::probe) async fn connect(
    addresses: &[SocketAddr],
    refusals: &mut Refusals,
) -> Option<(TcpStream, SocketAddr)> {
    if let [only] = addresses {
        return match TcpStream::connect(*only).await {
            Ok(stream) => Some((stream, *only)),
            Err(error) => {
                refusals.push((*only, error));
                None
            }
        };
    }
    race(addresses, refusals).await
}

async fn race(
    addresses: &[SocketAddr],
    refusals: &mut Refusals,
) -> Option<(TcpStream, SocketAddr)> {
    let attempt = |address: SocketAddr| async move { (address, TcpStream::connect(address).await) };
    let mut waiting = addresses.iter().copied();
    let mut running = FuturesUnordered::new();
    running.push(attempt(waiting.next()?));
    loop {
        let head_start = std::pin::pin!(tokio::time::sleep(HEAD_START));
        let ended = if waiting.len() == 0 {
            running.next().await
        } else {
            match select(running.next(), head_start).await {
                Either::Left((ended, _)) => ended,
                Either::Right(((), _)) => {
                    running.extend(waiting.next().map(attempt));
                    continue;
                }
            }
        };
        match ended {
            Some((address, Ok(stream))) => return Some((stream, address)),
            Some((address, Err(error))) => {
                refusals.push((address, error));
                running.extend(waiting.next().map(attempt));
            }
            None => return None,
        }
    }
}

/// Small writes leave at once. It only makes the look quicker, so a system that refuses it changes nothing.
pub(in crate::probe) fn no_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// An address of this machine where nothing listens any more.
    async fn closed() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    #[tokio::test]
    async fn the_next_address_is_tried_at_once_when_one_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let (first, second) = (closed().await, closed().await);
        let mut refusals = Refusals::new();
        let (_stream, address) = connect(&[first, second, open], &mut refusals)
            .await
            .unwrap();
        assert_eq!(address, open);
        let refused: Vec<_> = refusals.iter().map(|(address, _)| *address).collect();
        assert_eq!(refused, [first, second]);
    }

    #[tokio::test]
    async fn every_refusal_is_kept() {
        let (first, second) = (closed().await, closed().await);
        let mut refusals = Refusals::new();
        assert!(connect(&[first, second], &mut refusals).await.is_none());
        assert_eq!(refusals.len(), 2);
        let mut refusals = Refusals::new();
        assert!(connect(&[first], &mut refusals).await.is_none());
        assert_eq!(refusals.len(), 1);
    }
}
