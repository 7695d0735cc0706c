//! Light target servers in a process of their own, so that only the asking side is counted.

use std::{
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Addresses of the servers: many, so that closed connections do not use up the ports.
const SERVERS: u8 = 20;
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"UP\"}";

/// Starts this program again with the word `serve`, and says at which port the servers are.
pub(crate) fn start() -> (Child, u16) {
    let me = std::env::current_exe().expect("a benchmark is a program");
    let mut server = Command::new(me)
        .arg("serve")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("it is piped"))
        .read_line(&mut line)
        .expect("it says its port");
    (server, line.trim().parse().expect("it is a port"))
}

/// The address of the server for the target with this number.
pub(crate) fn address(target: u32, port: u16) -> SocketAddr {
    let last = 1 + u8::try_from(target % u32::from(SERVERS)).unwrap_or(0);
    (Ipv4Addr::new(127, 0, 0, last), port).into()
}

/// Serves until it is ended. A path that begins with `/hang` is never answered.
pub(crate) async fn serve() {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("loopback has ports");
    let port = first.local_addr().expect("it is bound").port();
    let mut servers = JoinSet::new();
    servers.spawn(accept(first));
    for last in 2..=SERVERS {
        let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), port)).await;
        servers.spawn(accept(
            listener.expect("the port is free on all of loopback"),
        ));
    }
    println!("{port}");
    servers.join_all().await;
}

async fn accept(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream));
    }
}

/// Answers requests until one says that it is the last.
async fn answer(mut stream: TcpStream) {
    let mut head = [0; 2048];
    let mut filled = 0;
    while let Ok(read @ 1..) = stream.read(&mut head[filled..]).await {
        filled += read;
        if !head[..filled].ends_with(b"\r\n\r\n") {
            continue;
        }
        if head.starts_with(b"GET /hang") {
            // Until the other side gives up.
            while let Ok(1..) = stream.read(&mut head).await {}
            return;
        }
        let is_last = head[..filled]
            .windows(5)
            .any(|word| word.eq_ignore_ascii_case(b"close"));
        if stream.write_all(ANSWER.as_bytes()).await.is_err() || is_last {
            return;
        }
        filled = 0;
    }
}
