//! A stand-in engine at a socket of its own.

use std::{os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use expect_test::expect;
use rustix::io::Errno;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixListener,
    sync::mpsc,
};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

struct StandIn {
    folder: TempDir,
    asked: mpsc::UnboundedReceiver<String>,
}

impl StandIn {
    /// Answers every request with what belongs to its container, which may be nothing, and closes the connection.
    fn start(answer: fn(&str) -> Vec<u8>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let (tell, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let tell = tell.clone();
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        request.push(stream.read_u8().await.unwrap());
                    }
                    let request = String::from_utf8(request).unwrap();
                    let line = request.lines().next().unwrap().to_owned();
                    let container = line.split('/').nth(2).unwrap().to_owned();
                    tell.send(line).unwrap();
                    stream.write_all(&answer(&container)).await.unwrap();
                });
            }
        });
        Self { folder, asked }
    }

    fn docker(&self) -> Docker {
        Docker {
            engine: Engine {
                socket: self.folder.path().join("docker.sock"),
            },
        }
    }
}

fn http(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn subjects(queries: &[&str]) -> Vec<Subject> {
    let subject = |query: &&str| Subject {
        query: (*query).to_owned(),
        streams: Vec::new(),
        lookback: Duration::from_mins(15),
    };
    queries.iter().map(subject).collect()
}

async fn read(docker: &Docker, queries: &[&str]) -> String {
    let readings = docker
        .read(&subjects(queries), NOW, crate::probe::logs::ROUND)
        .await;
    let line = |(query, reading): (&&str, &Result<Reading, LogFault>)| match reading {
        Ok(reading) => format!("{query}: {:?} {:?}\n", reading.event, reading.ingest),
        Err(fault) => format!("{query}: {} {}\n", fault.kind.as_str(), fault.words),
    };
    queries.iter().zip(&readings).map(line).collect()
}

/// What engines answer, by the name of the container.
fn answer(container: &str) -> Vec<u8> {
    match container {
        "tty" => http(
            "200 OK",
            "Content-Type: application/vnd.docker.raw-stream\r\n",
            b"2027-01-15T07:59:58.5Z hello\r\n",
        ),
        "framed" => http(
            "200 OK",
            "Content-Type: application/vnd.docker.multiplexed-stream\r\n",
            b"\x02\0\0\0\0\0\0\x1b2027-01-15T07:59:59Z hello\n",
        ),
        "chunked" => http(
            "200 OK",
            "Transfer-Encoding: chunked\r\n",
            b"8\r\n\x01\0\0\0\0\0\0\x1b\r\n1b\r\n2027-01-15T07:59:59Z hello\n\r\n0\r\n\r\n",
        ),
        "empty" => http("200 OK", "Content-Length: 0\r\n", b""),
        "gone" => http(
            "404 Not Found",
            "",
            br#"{"message":"No such container: gone"}"#,
        ),
        "removed" => http(
            "409 Conflict",
            "",
            br#"{"message":"can not get logs from container which is dead or marked for removal"}"#,
        ),
        "gelf" => http(
            "501 Not Implemented",
            "",
            br#"{"message":"configured logging driver does not support reading"}"#,
        ),
        "locked" => http("403 Forbidden", "", b"<html>no</html>"),
        "broken" => http("500 Internal Server Error", "", b""),
        "cut" => http("200 OK", "Content-Length: 100\r\n", b"2027"),
        "long" => http(
            "200 OK",
            "",
            &[
                b"2027-01-15T07:59:57Z ".to_vec(),
                vec![b'x'; 3 * 1024 * 1024],
            ]
            .concat(),
        ),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn containers_are_read_and_faults_are_classed() {
    let mut engine = StandIn::start(answer);
    let docker = engine.docker();
    let text = read(
        &docker,
        &[
            "tty", "framed", "chunked", "empty", "gone", "removed", "gelf", "locked", "broken",
            "cut", "long", "hung-up",
        ],
    )
    .await;
    expect![[r#"
        tty: Some(2027-01-15T07:59:58.500Z) Some(2027-01-15T07:59:58.500Z)
        framed: Some(2027-01-15T07:59:59.000Z) Some(2027-01-15T07:59:59.000Z)
        chunked: Some(2027-01-15T07:59:59.000Z) Some(2027-01-15T07:59:59.000Z)
        empty: None None
        gone: not_found HTTP 404: No such container: gone
        removed: not_found HTTP 409: can not get logs from container which is dead or marked for removal
        gelf: bad_query HTTP 501: configured logging driver does not support reading
        locked: auth HTTP 403: <html>no</html>
        broken: unreachable HTTP 500
        cut: unreachable end of file before message length reached
        long: Some(2027-01-15T07:59:57.000Z) Some(2027-01-15T07:59:57.000Z)
        hung-up: unreachable connection closed before message completed
    "#]]
    .assert_eq(&text);
    let mut asked = Vec::new();
    while let Ok(line) = engine.asked.try_recv() {
        asked.push(line);
    }
    assert_eq!(asked.len(), 12);
    let line = "GET /containers/tty/logs?stdout=1&stderr=1&tail=1&timestamps=1&follow=0 HTTP/1.1";
    assert!(asked.iter().any(|asked| asked == line), "{asked:?}");
}

/// It never reaches the engine.
#[tokio::test]
async fn a_query_that_is_no_container_is_not_asked() {
    let mut engine = StandIn::start(|_| Vec::new());
    let text = read(
        &engine.docker(),
        &["", "-a", "a/b", "..", "a?b", "a b", "a%2f", "ž"],
    )
    .await;
    assert_eq!(text.matches("bad_query").count(), 8, "{text}");
    engine.asked.try_recv().unwrap_err();
}

#[tokio::test]
async fn sockets_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| Docker {
        engine: Engine {
            socket: folder.path().join(name),
        },
    };
    std::fs::write(folder.path().join("file"), "").unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.path().join("left")).unwrap());
    let long = "x".repeat(200);
    let text = [
        read(&at("missing"), &["a"]).await,
        read(&at("file"), &["a"]).await,
        read(&at("left"), &["a"]).await,
        read(&at(&long), &["a"]).await,
    ]
    .concat();
    expect![[r#"
        a: unreachable there is no such socket
        a: unreachable nobody listens at the socket
        a: unreachable nobody listens at the socket
        a: bad_query the path cannot be one of a socket
    "#]]
    .assert_eq(&text);
}

#[tokio::test]
async fn a_socket_without_permission() {
    let engine = StandIn::start(|_| Vec::new());
    let closed = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(engine.folder.path().join("docker.sock"), closed).unwrap();
    let fault = engine::no_connection(&Errno::ACCESS.into());
    assert_eq!(fault.kind, LogFaultKind::Auth);
    // Nothing is forbidden to the superuser.
    if rustix::process::geteuid().is_root() || !Path::new("/proc/self").exists() {
        return;
    }
    let text = read(&engine.docker(), &["a"]).await;
    assert!(text.starts_with("a: auth "), "{text}");
}
