//! What systemd is told.

use std::{io, os::unix::net::UnixDatagram, time::Duration};

use rustix::process::Signal;

use super::{home::Home, receiver::Receiver, targets::Targets, wait::LONG};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systemd_hears_ready_alive_and_stopping() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let mut home = Home::new(&receiver, &["alerts"]);
    home.write(&targets.section(&["api"]));
    let path = home.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("the folder takes sockets");
    socket.set_read_timeout(Some(LONG)).expect("it is a socket");
    home.set("NOTIFY_SOCKET", path.to_str().expect("it is plain"));
    home.set("WATCHDOG_USEC", "1000000");
    let socket = Ear(socket);

    let mut hekate = home.spawn(&["run"]);
    let ready = socket.hear("READY=1");
    assert!(ready.contains("STATUS=watching 1 targets"), "{ready}");
    socket.hear("WATCHDOG=1");
    socket.hear("WATCHDOG=1");

    // A frozen process is one that does not feed: nothing is heard while it stands still.
    hekate.signal(Signal::STOP);
    socket.drain();
    socket
        .0
        .set_read_timeout(Some(Duration::from_secs(2)))
        .expect("it is a socket");
    let silence = socket.0.recv(&mut [0; 64]).map_err(|error| error.kind());
    assert_eq!(silence, Err(io::ErrorKind::WouldBlock));
    hekate.signal(Signal::CONT);
    socket
        .0
        .set_read_timeout(Some(LONG))
        .expect("it is a socket");
    socket.hear("WATCHDOG=1");

    hekate.signal(Signal::TERM);
    socket.hear("STOPPING=1");
    assert_eq!(hekate.ended().await.code(), Some(0));
}

struct Ear(UnixDatagram);

impl Ear {
    /// Waits for a message with this line.
    fn hear(&self, line: &str) -> String {
        loop {
            let mut bytes = [0; 1024];
            let length = self
                .0
                .recv(&mut bytes)
                .unwrap_or_else(|error| panic!("waiting for {line}: {error}"));
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if text.lines().any(|found| found == line) {
                return text;
            }
        }
    }

    /// Takes what was sent before.
    fn drain(&self) {
        let quickly = Some(Duration::from_millis(300));
        self.0.set_read_timeout(quickly).expect("it is a socket");
        while self.0.recv(&mut [0; 64]).is_ok() {}
    }
}
