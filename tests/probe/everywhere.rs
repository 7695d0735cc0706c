//! `all_addresses`: an instance behind a name that rotates is not hidden by the others.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use expect_test::{Expect, expect};
use hekate::{
    clock::Clock,
    config::{Environment, load_text},
    model::{Family, Observation, Secret, plan::Credentials, plan::Question},
    probe::{Prober, http::Lookup},
};
use tokio::net::TcpListener;

use super::stage::{
    PATIENT, SHORT, ask, look_with, ok, question, read_head, send, told, until_closed,
};

/// What an address does with a request.
#[derive(Clone, Copy)]
enum Does {
    Answers(&'static str),
    /// The body of a 503.
    Fails(&'static str),
    RedirectsOnce,
    Stalls,
    NothingListens,
}

/// Addresses of this machine at one port, and how often each of them was asked.
struct Fleet {
    port: u16,
    ips: Vec<IpAddr>,
    asked: Vec<Arc<AtomicUsize>>,
    lookups: Arc<AtomicUsize>,
}

fn loopback(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, last).into()
}

impl Fleet {
    /// `127.0.0.1` and those after it, in this order.
    async fn of(members: &[Does]) -> Self {
        let ips: Vec<IpAddr> = (1..).map(loopback).take(members.len()).collect();
        let (port, listeners) = 'ports: loop {
            let mut port = 0;
            let mut listeners = Vec::new();
            for (ip, does) in ips.iter().zip(members) {
                // A port that is free at one address need not be free at the next.
                let Ok(listener) = TcpListener::bind(SocketAddr::new(*ip, port)).await else {
                    continue 'ports;
                };
                port = listener.local_addr().expect("it is bound").port();
                listeners.push((!matches!(does, Does::NothingListens)).then_some(listener));
            }
            break (port, listeners);
        };
        let mut asked = Vec::new();
        for (listener, does) in listeners.into_iter().zip(members) {
            let count = Arc::new(AtomicUsize::new(0));
            asked.push(Arc::clone(&count));
            if let Some(listener) = listener {
                tokio::spawn(serve(listener, *does, count));
            }
        }
        Self {
            port,
            ips,
            asked,
            lookups: Arc::default(),
        }
    }

    fn prober(&self) -> Prober {
        let (ips, lookups) = (self.ips.clone(), Arc::clone(&self.lookups));
        Prober::with_lookup(
            Clock::start(),
            Lookup::new(move |_name| {
                lookups.fetch_add(1, Ordering::SeqCst);
                Ok(ips.clone())
            }),
        )
    }

    fn question(&self) -> Question {
        let mut asked = question(&format!("http://api.test:{}/health", self.port));
        asked.all_addresses = true;
        ask(asked)
    }

    async fn look(&self, limit: Duration) -> Observation {
        look_with(&self.prober(), &self.question(), limit).await
    }

    fn asked(&self) -> Vec<usize> {
        self.asked
            .iter()
            .map(|count| count.load(Ordering::SeqCst))
            .collect()
    }
}

async fn serve(listener: TcpListener, does: Does, count: Arc<AtomicUsize>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let count = Arc::clone(&count);
        tokio::spawn(async move {
            let head = read_head(&mut stream).await;
            count.fetch_add(1, Ordering::SeqCst);
            match does {
                Does::Answers(body) => send(&mut stream, &ok(body)).await,
                Does::Fails(body) => {
                    let answer = String::from_utf8(ok(body)).expect("it is text");
                    let answer = answer.replace("200 OK", "503 Service Unavailable");
                    send(&mut stream, answer.as_bytes()).await;
                }
                Does::RedirectsOnce if head.starts_with("GET /second ") => {
                    send(&mut stream, &ok("OK")).await;
                }
                Does::RedirectsOnce => {
                    let answer =
                        "HTTP/1.1 302 Found\r\nLocation: /second\r\nContent-Length: 0\r\n\r\n";
                    send(&mut stream, answer.as_bytes()).await;
                }
                Does::Stalls => until_closed(&mut stream).await,
                Does::NothingListens => {}
            }
        });
    }
}

fn address(seen: &Observation) -> Option<IpAddr> {
    let address = seen.detail.as_ref()?.address.as_ref()?;
    let address: SocketAddr = address.parse().expect("it is an address");
    Some(address.ip())
}

#[tokio::test]
async fn all_are_asked_and_the_name_is_resolved_once() {
    let fleet = Fleet::of(&[Does::Answers("OK"); 3]).await;
    let seen = fleet.look(PATIENT).await;
    assert_eq!(told(&seen), "healthy");
    assert_eq!(seen.detail, None, "a good look is cheap");
    assert_eq!(seen.status, Some(200));
    assert!(seen.phases.resolve_us.is_some() && seen.phases.body_us.is_some());
    assert_eq!(fleet.asked(), [1, 1, 1]);
    assert_eq!(fleet.lookups.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_worst_address_decides_and_is_named() {
    use Does::{Answers, Fails, NothingListens};
    const DOWN: &str = r#"{"status":"DOWN"}"#;
    let cases: [(&[Does], u8, Expect); 6] = [
        (
            &[Answers("OK"), Answers("OK"), NothingListens],
            3,
            expect![[
                r#"refused connection_refused: 127.0.0.3: connection refused, nothing listens on port N; 1 of 3 addresses"#
            ]],
        ),
        (
            &[NothingListens, Answers("OK"), NothingListens],
            1,
            expect![[
                r#"refused connection_refused: 127.0.0.1, 127.0.0.3: connection refused, nothing listens on port N; 2 of 3 addresses"#
            ]],
        ),
        (
            &[NothingListens, Fails(DOWN)],
            2,
            expect![
                "explicit says_down: 127.0.0.2: HTTP 503, the body says DOWN; 127.0.0.1: connection refused, nothing listens on port N; 2 of 2 addresses"
            ],
        ),
        (
            &[NothingListens; 5],
            1,
            expect![[
                r#"refused connection_refused: 127.0.0.1, 127.0.0.2, 127.0.0.3: connection refused, nothing listens on port N; and 2 more; 5 of 5 addresses"#
            ]],
        ),
        (
            &[Answers("OK"), Answers(r#"{"status":"DEGRADED"}"#)],
            2,
            expect![
                "degraded says_degraded: 127.0.0.2: HTTP 200, the body says DEGRADED; 1 of 2 addresses"
            ],
        ),
        (
            &[Answers("OK"), Answers(r#"{"status":"UNKNOWN"}"#)],
            2,
            expect![
                "gap says_unknown: 127.0.0.2: HTTP 200, the body says UNKNOWN; 1 of 2 addresses"
            ],
        ),
    ];
    for (members, worst, expected) in cases {
        let fleet = Fleet::of(members).await;
        let seen = fleet.look(PATIENT).await;
        expected.assert_eq(&told(&seen));
        assert_eq!(address(&seen), Some(loopback(worst)));
    }
}

#[tokio::test]
async fn one_limit_holds_for_all_and_the_phases_are_those_of_the_worst() {
    let fleet = Fleet::of(&[Does::Answers("OK"), Does::Stalls]).await;
    let seen = fleet.look(SHORT).await;
    expect![[r#"silent first_byte_timeout: 127.0.0.2: connected in N ms, no answer within 300 ms; 1 of 2 addresses"#]]
        .assert_eq(&told(&seen));
    assert!(seen.phases.resolve_us.is_some() && seen.phases.connect_us.is_some());
    assert_eq!(seen.phases.first_byte_us, None);
    assert_eq!(seen.status, None);
}

#[tokio::test]
async fn a_poorer_dialect_at_one_address_is_not_hidden() {
    let fleet = Fleet::of(&[Does::Answers(r#"{"status":"UP"}"#), Does::Answers("hello")]).await;
    let seen = fleet.look(PATIENT).await;
    assert_eq!(seen.family, Some(Family::CodeOnly), "{}", told(&seen));
}

#[tokio::test]
async fn of_more_than_sixteen_addresses_it_is_said() {
    let fleet = Fleet::of(&[Does::Answers("OK"); 20]).await;
    let seen = fleet.look(PATIENT).await;
    assert_eq!(told(&seen), "healthy");
    let note = seen.detail.and_then(|detail| detail.note);
    assert_eq!(note.as_deref(), Some("looked at 16 of 20 addresses"));
    assert_eq!(fleet.asked().iter().sum::<usize>(), 16);

    let fleet = Fleet::of(&[Does::NothingListens; 20]).await;
    let seen = fleet.look(PATIENT).await;
    assert!(
        told(&seen).ends_with("and 13 more; 16 of 16 addresses looked at, of 20"),
        "{}",
        told(&seen)
    );
}

#[tokio::test]
async fn an_address_that_is_there_twice_is_asked_once() {
    let mut fleet = Fleet::of(&[Does::Answers("OK")]).await;
    fleet.ips = vec![loopback(1), loopback(1)];
    assert_eq!(told(&fleet.look(PATIENT).await), "healthy");
    assert_eq!(fleet.asked(), [1]);
    // A name with a single address says what it always says.
    let fleet = Fleet::of(&[Does::NothingListens]).await;
    assert_eq!(
        told(&fleet.look(PATIENT).await),
        "refused connection_refused: connection refused, nothing listens on port N"
    );
}

#[tokio::test]
async fn what_only_one_address_repeats_of_our_secrets_is_covered() {
    let fleet = Fleet::of(&[
        Does::Answers("OK"),
        Does::Fails(r#"{"status":"DOWN","error":"no such token: t0ps3cret-t0ken-of-ours"}"#),
    ])
    .await;
    let mut asked = question(&format!("http://api.test:{}/health", fleet.port));
    asked.all_addresses = true;
    asked.credentials = Some(Credentials::Bearer(Secret::new(
        "t0ps3cret-t0ken-of-ours".to_owned(),
    )));
    let seen = look_with(&fleet.prober(), &ask(asked), PATIENT).await;
    let shown = format!("{seen:?}");
    assert!(!shown.contains("t0ps3cret"), "{shown}");
    assert!(told(&seen).contains("127.0.0.2"), "{shown}");
}

#[tokio::test]
async fn the_redirects_of_an_address_are_followed_there() {
    let fleet = Fleet::of(&[Does::RedirectsOnce, Does::RedirectsOnce]).await;
    let text = format!(
        "channels: {{ alerts: \"https://hooks.slack.com/services/T0/B0/not-a-secret\" }}\n\
         targets: [ {{ name: api, http: {{ url: \"http://api.test:{}/first\", follow_redirects: 1, all_addresses: true }} }} ]\n",
        fleet.port
    );
    let outcome = load_text("targets.yaml", &text, &Environment::default());
    let plan = outcome.plan.expect("the file is good");
    let asked = plan.targets[0].checks[0].question.clone();
    let seen = look_with(&fleet.prober(), &asked, PATIENT).await;
    assert_eq!(told(&seen), "healthy");
    assert_eq!(fleet.asked(), [2, 2]);
    assert_eq!(fleet.lookups.load(Ordering::SeqCst), 1);
}
