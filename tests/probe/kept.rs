//! `connection: reuse`: cheaper, and never a false failure because a server closed what was idle.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hekate::{
    model::{
        Outcome,
        plan::{Connection, HttpVersion, Question},
    },
    probe::Freshness,
};
use http_body_util::Full;
use hyper::{Request, Response, body::Bytes, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::stage::{
    PATIENT, ask, look_id, look_with, ok, prober, question, read_head, send, serve, told,
    until_closed,
};

fn reusing(address: SocketAddr) -> Question {
    let mut asked = question(&format!("http://{address}/health"));
    asked.connection = Connection::Reuse;
    ask(asked)
}

/// Serves, and counts the connections.
async fn counting<Serve, Done>(serve_one: Serve) -> (SocketAddr, Arc<AtomicUsize>)
where
    Serve: Fn(TcpStream) -> Done + Send + 'static,
    Done: Future<Output = ()> + Send + 'static,
{
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let address = serve(move |stream| {
        count.fetch_add(1, Ordering::SeqCst);
        serve_one(stream)
    })
    .await;
    (address, connections)
}

async fn answer_for_ever(mut stream: TcpStream) {
    while read_head(&mut stream).await.ends_with("\r\n\r\n") {
        send(&mut stream, &ok("OK")).await;
    }
}

#[tokio::test]
async fn looks_share_one_connection_but_those_of_a_burst_do_not() {
    let (address, connections) = counting(answer_for_ever).await;
    let (prober, asked) = (prober(), reusing(address));
    let first = look_with(&prober, &asked, PATIENT).await;
    assert!(first.phases.connect_us.is_some());
    for _ in 0..5 {
        let seen = look_with(&prober, &asked, PATIENT).await;
        assert_eq!(told(&seen), "healthy");
        assert_eq!(seen.phases.connect_us, None, "nothing was opened");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    let fresh = prober
        .look(look_id(), &asked, PATIENT, Freshness::Fresh)
        .await;
    assert_eq!(fresh.outcome, Outcome::Healthy);
    assert!(fresh.phases.connect_us.is_some());
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_connection_that_dies_under_the_request_is_replaced_at_once() {
    let (address, connections) = counting(|mut stream| async move {
        read_head(&mut stream).await;
        send(&mut stream, &ok("OK")).await;
        // The second request is read and not answered.
        read_head(&mut stream).await;
    })
    .await;
    let (prober, asked) = (prober(), reusing(address));
    for looks in 1..=10 {
        let seen = look_with(&prober, &asked, PATIENT).await;
        assert_eq!(told(&seen), "healthy");
        assert_eq!(connections.load(Ordering::SeqCst), looks);
    }
}

/// A firewall that forgot an idle connection tells nobody: requests over it are never answered.
#[tokio::test]
async fn a_connection_that_nobody_remembers_is_replaced_in_time() {
    let (address, connections) = counting(|mut stream| async move {
        read_head(&mut stream).await;
        send(&mut stream, &ok("OK")).await;
        until_closed(&mut stream).await;
    })
    .await;
    let (prober, asked) = (prober(), reusing(address));
    for looks in 1..=3 {
        let seen = look_with(&prober, &asked, Duration::from_secs(2)).await;
        assert_eq!(told(&seen), "healthy");
        assert_eq!(connections.load(Ordering::SeqCst), looks);
    }
}

/// An answer that takes more than half of the look still counts, though a fresh connection was opened meanwhile.
#[tokio::test]
async fn a_slow_answer_over_a_kept_connection_counts() {
    let second = Arc::new(tokio::sync::Notify::new());
    let opened = Arc::new(AtomicUsize::new(0));
    let (count, notify) = (Arc::clone(&opened), Arc::clone(&second));
    let address = serve(move |mut stream| {
        let is_first = count.fetch_add(1, Ordering::SeqCst) == 0;
        let second = Arc::clone(&notify);
        async move {
            read_head(&mut stream).await;
            if is_first {
                send(&mut stream, &ok("OK")).await;
                read_head(&mut stream).await;
                second.notified().await;
                send(&mut stream, &ok("OK")).await;
            } else {
                second.notify_one();
            }
            until_closed(&mut stream).await;
        }
    })
    .await;
    let (prober, asked) = (prober(), reusing(address));
    assert_eq!(told(&look_with(&prober, &asked, PATIENT).await), "healthy");
    let seen = look_with(&prober, &asked, Duration::from_secs(2)).await;
    assert_eq!(told(&seen), "healthy");
    assert_eq!(
        seen.phases.connect_us, None,
        "it came over the kept connection"
    );
    assert_eq!(opened.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_goodbye_to_an_idle_connection_is_no_answer() {
    let (address, connections) = counting(|mut stream| async move {
        read_head(&mut stream).await;
        send(&mut stream, &ok("OK")).await;
        read_head(&mut stream).await;
        send(
            &mut stream,
            b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        )
        .await;
    })
    .await;
    let (prober, asked) = (prober(), reusing(address));
    for _ in 0..4 {
        assert_eq!(told(&look_with(&prober, &asked, PATIENT).await), "healthy");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_server_that_wants_to_close_is_obeyed() {
    let (address, connections) = counting(|mut stream| async move {
        read_head(&mut stream).await;
        send(
            &mut stream,
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        )
        .await;
    })
    .await;
    let (prober, asked) = (prober(), reusing(address));
    for _ in 0..3 {
        let seen = look_with(&prober, &asked, PATIENT).await;
        assert_eq!(seen.status, Some(200));
        assert!(seen.phases.connect_us.is_some());
    }
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

/// The race that every kept connection runs: the server closes it as idle just when the next request is sent. Who asks
/// over a new connection each time does not run it, and over a kept one it is never lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_race_against_idle_timeouts_is_never_lost() {
    let (address, connections) = counting(close_when_idle).await;
    race(&reusing(address)).await;
    let kept = connections.swap(0, Ordering::SeqCst);
    assert!(kept > RACERS, "the race took place: {kept} connections");
    race(&ask(question(&format!("http://{address}/health")))).await;
    let fresh = connections.load(Ordering::SeqCst);
    assert_eq!(fresh, RACERS * LAPS);
}

const IDLE: Duration = Duration::from_millis(5);
const RACERS: usize = 8;
const LAPS: usize = 100;

/// The first request of a connection may take its time; only idleness ends it.
async fn close_when_idle(mut stream: TcpStream) {
    let mut head = Ok(read_head(&mut stream).await);
    while head.is_ok_and(|head| head.ends_with("\r\n\r\n")) {
        send(&mut stream, &ok("OK")).await;
        head = tokio::time::timeout(IDLE, read_head(&mut stream)).await;
    }
}

/// Many look at the same server, with pauses from just before to just after its limit, in steps of 50 microseconds.
async fn race(asked: &Question) {
    let prober = prober();
    let racers: Vec<_> = (0..RACERS)
        .map(|number| {
            let (prober, asked) = (prober.clone(), asked.clone());
            tokio::spawn(async move {
                for lap in 0..LAPS {
                    let seen = look_with(&prober, &asked, PATIENT).await;
                    assert_eq!(told(&seen), "healthy");
                    let step = u32::try_from((lap + number) % 20).expect("it is small");
                    let pause = IDLE * 9 / 10 + Duration::from_micros(50) * step;
                    tokio::time::sleep(pause).await;
                }
            })
        })
        .collect();
    for racer in racers {
        racer.await.expect("no look failed");
    }
}

#[tokio::test]
async fn http2_connections_are_kept_as_well() {
    let (address, connections) = counting(|stream| async move {
        let service = service_fn(|_request: Request<hyper::body::Incoming>| async {
            Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from_static(b"OK"))))
        });
        let _ends_with_the_test = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await;
    })
    .await;
    let mut asked = question(&format!("http://{address}/health"));
    asked.connection = Connection::Reuse;
    asked.http_version = HttpVersion::Http2;
    let (prober, asked) = (prober(), ask(asked));
    for _ in 0..5 {
        assert_eq!(told(&look_with(&prober, &asked, PATIENT).await), "healthy");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
