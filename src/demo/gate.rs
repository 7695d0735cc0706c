//! Listeners that the story opens and shuts: one that refuses connections, and one that is silent as if its host were gone.

use std::{net::SocketAddr, time::Duration};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    time::timeout,
};

/// How long a listener that cannot be opened again is tried.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Serves on a port of this machine for as long as `is_open` says; in between connections are refused.
///
/// # Errors
///
/// If there is no free port.
pub(super) async fn serve(
    router: Router,
    mut changed: watch::Receiver<()>,
    is_open: impl Fn() -> bool + Send + Sync + 'static,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let mut listener = Some(listener);
        loop {
            if !is_open() {
                listener = None;
                until(&mut changed, &is_open, true).await;
            }
            let Some(listening) = listener.take() else {
                match TcpListener::bind(address).await {
                    Ok(again) => listener = Some(again),
                    Err(error) => {
                        tracing::debug!(%error, "a pretend server cannot listen again yet");
                        tokio::time::sleep(AGAIN_AFTER).await;
                    }
                }
                continue;
            };
            let serving = axum::serve(listening, router.clone());
            tokio::select! {
                ended = serving => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a pretend server ended");
                    }
                }
                () = until(&mut changed, &is_open, false) => {}
            }
        }
    });
    Ok(address)
}

/// Takes connections for as long as `is_open` says; in between nobody answers, as if the host were gone.
///
/// A socket whose queue is full drops what else comes, so the queue is filled by connections of our own.
///
/// # Errors
///
/// If there is no free port.
pub(super) fn stand(
    mut changed: watch::Receiver<()>,
    is_open: impl Fn() -> bool + Send + Sync + 'static,
) -> std::io::Result<SocketAddr> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let listener = socket.listen(1)?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            if is_open() {
                tokio::select! {
                    // Whoever asked has seen that somebody is there.
                    taken = listener.accept() => drop(taken),
                    () = until(&mut changed, &is_open, false) => {}
                }
            } else {
                let mut waiting = Vec::new();
                while let Ok(Ok(held)) = timeout(AGAIN_AFTER, TcpStream::connect(address)).await {
                    waiting.push(held);
                }
                until(&mut changed, &is_open, true).await;
            }
        }
    });
    Ok(address)
}

/// Waits until it is so.
async fn until(
    changed: &mut watch::Receiver<()>,
    is_open: &(impl Fn() -> bool + Sync),
    wanted: bool,
) {
    while is_open() != wanted {
        if changed.changed().await.is_err() {
            // The demo is over.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use super::*;

    async fn meets(address: SocketAddr) -> &'static str {
        match timeout(Duration::from_secs(2), TcpStream::connect(address)).await {
            Ok(Ok(_)) => "connected",
            Ok(Err(_)) => "refused",
            Err(_) => "silence",
        }
    }

    #[tokio::test]
    async fn one_refuses_and_the_other_is_silent_while_they_are_shut() {
        let gate = Arc::new(AtomicBool::new(true));
        let changed = watch::Sender::new(());
        let is_open = || {
            let gate = Arc::clone(&gate);
            move || gate.load(Ordering::SeqCst)
        };
        let router = Router::new();
        let server = serve(router, changed.subscribe(), is_open()).await.unwrap();
        let stand = stand(changed.subscribe(), is_open()).unwrap();
        for round in 0..2 {
            assert_eq!(meets(server).await, "connected", "round {round}");
            assert_eq!(meets(stand).await, "connected", "round {round}");
            gate.store(false, Ordering::SeqCst);
            changed.send_replace(());
            // Both tasks shut by themselves; nothing says when.
            while meets(server).await != "refused" {}
            while meets(stand).await != "silence" {}
            gate.store(true, Ordering::SeqCst);
            changed.send_replace(());
            while meets(server).await != "connected" {}
            while meets(stand).await != "connected" {}
        }
    }
}
