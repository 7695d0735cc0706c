//! From names to addresses, and what happens while the resolver is in trouble.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use expect_test::expect;
use hekate::{
    clock::Clock,
    model::{
        Outcome,
        plan::{IpFamily, Question},
    },
    probe::{Prober, http::Lookup},
};

use super::stage::{
    PATIENT, SHORT, answering, ask, look, look_with, nobody, ok, question, stalling, told,
};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What the pretended resolver says next.
#[derive(Clone)]
enum Says {
    Addresses(Vec<IpAddr>),
    NoSuchName,
    TryAgain,
    Panics,
}

/// A resolver that says what it is told to.
#[derive(Clone)]
struct Told(Arc<Mutex<Says>>);

impl Told {
    fn new(says: Says) -> (Self, Prober) {
        let told = Self(Arc::new(Mutex::new(says)));
        let says = Arc::clone(&told.0);
        let lookup = Lookup::new(move |_name| {
            let says = says.lock().expect("nobody panics while holding it").clone();
            match says {
                Says::Addresses(list) => Ok(list),
                Says::NoSuchName => Err(io::ErrorKind::NotFound.into()),
                Says::TryAgain => Err(io::Error::other("Temporary failure in name resolution")),
                Says::Panics => panic!("a resolver that panics, as told"),
            }
        });
        (told, Prober::with_lookup(Clock::start(), lookup))
    }

    fn now_says(&self, says: Says) {
        *self.0.lock().expect("nobody panics while holding it") = says;
    }
}

fn named(name: &str, server: SocketAddr) -> Question {
    ask(question(&format!("http://{name}:{}/health", server.port())))
}

#[tokio::test]
async fn this_machines_own_resolver_knows_localhost() {
    let server = answering(ok("OK")).await;
    let mut asked = question(&format!("http://localhost:{}/", server.port()));
    asked.ip = IpFamily::V4;
    let seen = look(asked, PATIENT).await;
    assert_eq!(told(&seen), "healthy");
    assert!(seen.phases.resolve_us.is_some());
}

#[tokio::test]
async fn the_last_known_address_helps_through_resolver_trouble() {
    let server = answering(ok("OK")).await;
    let (resolver, prober) = Told::new(Says::Addresses(vec![LOOPBACK]));
    let asked = named("api.example.test", server);
    assert_eq!(look_with(&prober, &asked, PATIENT).await.detail, None);
    for trouble in [Says::TryAgain, Says::Panics] {
        resolver.now_says(trouble);
        let seen = look_with(&prober, &asked, PATIENT).await;
        assert_eq!(told(&seen), "healthy");
        let detail = seen.detail.expect("the trouble is told");
        assert_eq!(
            detail.note.as_deref(),
            Some("resolver failing, used the last known address")
        );
        assert_eq!(detail.address, Some(server.to_string()));
    }
    let other = look_with(&prober, &named("other.example.test", server), PATIENT).await;
    expect!["gap resolver: looking up other.example.test broke off"].assert_eq(&told(&other));
}

/// The target may have moved, and the resolver has taken its part of the time.
#[tokio::test]
async fn silence_at_a_remembered_address_accuses_nobody() {
    let (resolver, prober) = Told::new(Says::Addresses(vec![LOOPBACK]));
    let good = answering(ok("OK")).await;
    assert_eq!(
        told(&look_with(&prober, &named("api.example.test", good), PATIENT).await),
        "healthy"
    );
    resolver.now_says(Says::TryAgain);
    let silent = stalling("").await;
    let seen = look_with(&prober, &named("api.example.test", silent), SHORT).await;
    expect!["gap resolver: the resolver is failing, and at the last known address: connected in N ms, no answer within 300 ms"].assert_eq(&told(&seen));
    // Whatever does come back still counts.
    let closed = nobody().await;
    let seen = look_with(&prober, &named("api.example.test", closed), PATIENT).await;
    expect!["refused connection_refused: connection refused, nothing listens on port N"]
        .assert_eq(&told(&seen));
    let broken = answering("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n").await;
    let seen = look_with(&prober, &named("api.example.test", broken), PATIENT).await;
    assert_eq!(seen.status, Some(500));
    assert!(matches!(seen.outcome, Outcome::Unhealthy(_)));
}

#[tokio::test]
async fn resolver_trouble_without_a_known_address_is_a_gap() {
    let server = answering(ok("OK")).await;
    let (resolver, prober) = Told::new(Says::TryAgain);
    let asked = named("api.example.test", server);
    let seen = look_with(&prober, &asked, PATIENT).await;
    expect!["gap resolver: the resolver fails for api.example.test: Temporary failure in name resolution"].assert_eq(&told(&seen));
    // It says "no such name" right after trouble: that proves nothing yet.
    resolver.now_says(Says::NoSuchName);
    let seen = look_with(&prober, &asked, PATIENT).await;
    expect![
        "gap resolver: the resolver is failing, and says that there is no name api.example.test"
    ]
    .assert_eq(&told(&seen));
    // It has proved that it works, so now it is believed.
    resolver.now_says(Says::Addresses(vec![LOOPBACK]));
    assert_eq!(told(&look_with(&prober, &asked, PATIENT).await), "healthy");
    for says in [Says::NoSuchName, Says::Addresses(Vec::new())] {
        resolver.now_says(says);
        let seen = look_with(&prober, &asked, PATIENT).await;
        expect!["silent name_not_found: there is no name api.example.test"].assert_eq(&told(&seen));
    }
}

/// The thread of the hanging lookup is released at the end of the test, or the runtime would wait for it.
#[tokio::test]
async fn a_resolver_that_hangs_is_a_gap() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = Mutex::new(held);
    let lookup = Lookup::new(move |_name| {
        let _released = held.lock().expect("nobody panics while holding it").recv();
        Ok(vec![LOOPBACK])
    });
    let prober = Prober::with_lookup(Clock::start(), lookup);
    let server = answering(ok("OK")).await;
    let seen = look_with(&prober, &named("api.example.test", server), SHORT).await;
    expect!["gap resolver: the resolver did not answer for api.example.test within 150 ms"]
        .assert_eq(&told(&seen));
    drop(release);
}

#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let server = answering(ok("OK")).await;
    let (resolver, prober) = Told::new(Says::Addresses(vec![LOOPBACK]));
    let asked = named("rebinding.example.test", server);
    assert_eq!(told(&look_with(&prober, &asked, PATIENT).await), "healthy");
    let metadata = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
    resolver.now_says(Says::Addresses(vec![metadata]));
    let seen = look_with(&prober, &asked, PATIENT).await;
    expect!["gap not_configured: address 169.254.169.254 is never looked at"]
        .assert_eq(&told(&seen));
    // Among others it is passed over.
    resolver.now_says(Says::Addresses(vec![metadata, LOOPBACK]));
    assert_eq!(told(&look_with(&prober, &asked, PATIENT).await), "healthy");
}

#[tokio::test]
async fn the_other_family_is_tried_when_the_first_refuses() {
    let server = answering(ok("OK")).await;
    let both = vec![IpAddr::V6(Ipv6Addr::LOCALHOST), LOOPBACK];
    let (_resolver, prober) = Told::new(Says::Addresses(both));
    let seen = look_with(&prober, &named("api.example.test", server), PATIENT).await;
    assert_eq!(told(&seen), "healthy");
}

#[tokio::test]
async fn only_the_family_that_was_asked_for() {
    let server = answering(ok("OK")).await;
    let (_resolver, prober) = Told::new(Says::Addresses(vec![LOOPBACK]));
    let mut asked = question(&format!("http://api.example.test:{}/", server.port()));
    asked.ip = IpFamily::V6;
    let seen = look_with(&prober, &ask(asked), PATIENT).await;
    expect!["gap not_configured: there is no address of the family that `ip` asks for"]
        .assert_eq(&told(&seen));
}
