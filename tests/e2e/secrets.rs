//! Secrets stay where they belong: in requests to whom they are meant for.

use std::{fs, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use hekate::config::{self, Environment};

use super::{
    home::{Hekate, Home},
    receiver::{Reaction, Receiver},
    targets::{Mood, Targets},
    wait::until,
};

/// Secrets with characters that every notation writes in its own way.
const BEARER: &str = "canary1+bearer/Q7x=";
const HEADER: &str = "canary2+header/K3z=";
const PASSWORD: &str = "canary3:pass word%W9";
const SIGNING: &str = "canary4signing0123456789abcdef01";
const SIGNED: &str = "canary5signedwebhooksecret0123456789";
const WEBHOOK: &str = "canary6webhooktokenXyZ";
const DEAD_MAN: &str = "canary7deadmantoken";
const QUERY: &str = "canary8+query/M5c";
const PATH: &str = "canary9pathL4v";

/// Targets that repeat all they are sent.
const TARGETS: [&str; 4] = ["bearer", "basic", "header", "address"];
/// Targets that repeat a secret as if it were a word like any other, and the header that has it.
const QUOTING: [(&str, &str); 3] = [
    ("bearer_word", "authorization"),
    ("basic_word", "authorization"),
    ("header_word", "x-api-key"),
];

/// A secret in every form in which it might leak.
fn forms(secret: &str) -> Vec<String> {
    let escaped: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut forms = vec![
        secret.to_owned(),
        escaped.to_lowercase(),
        escaped.replace('+', "%20"),
        escaped,
        BASE64_STANDARD.encode(secret),
        BASE64_URL_SAFE_NO_PAD.encode(secret),
        secret.replace('/', "\\/"),
    ];
    // What is left of it when another text is encoded with it.
    forms.push(secret[..12].to_owned());
    forms
}

fn all_forms() -> Vec<String> {
    let mut all: Vec<_> = [
        BEARER, HEADER, PASSWORD, SIGNING, SIGNED, WEBHOOK, DEAD_MAN, QUERY, PATH,
    ]
    .into_iter()
    .flat_map(forms)
    .collect();
    all.push(BASE64_STANDARD.encode(format!("monitor:{PASSWORD}")));
    all
}

fn assert_clean(place: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for form in all_forms() {
        if let Some(at) = text.find(&form) {
            let start = text.floor_char_boundary(at.saturating_sub(120));
            let end = text.ceil_char_boundary((at + 120).min(text.len()));
            panic!("a secret is in {place}: …{}…", &text[start..end]);
        }
    }
}

fn assert_clean_below(folder: &Path) {
    for entry in fs::read_dir(folder).expect("it can be listed").flatten() {
        let path = entry.path();
        if path.is_dir() {
            assert_clean_below(&path);
        } else {
            let bytes = fs::read(&path).expect("it can be read");
            assert_clean(&path.display().to_string(), &bytes);
        }
    }
}

fn file_of(targets: &Targets, receiver: &Receiver) -> String {
    let (bearer, basic, header) = (
        targets.url("bearer"),
        targets.url("basic"),
        targets.url("header"),
    );
    let address = targets.url("address");
    let signed = receiver.url("signed");
    format!(
        r#"
server: {{ listen: "127.0.0.1:0" }}
defaults: {{ interval: 1s, timeout: 800ms, confirm: {{ explicit: 1s, refused: 1s, silent: 4s }}, successes: 1, severity: warning }}
slack: {{ signing_secret: "${{SIGNING}}" }}
dead_man: {{ url: "${{DEAD_MAN}}", every: 10s }}
channels:
  alerts: "${{ALERTS}}"
  quoting: "${{QUOTING}}"
  signed: {{ signed_webhook: {{ url: "{signed}", secret: "${{SIGNED}}" }} }}
  ops: "${{OPS}}"
targets:
  - {{ name: bearer, health: {{ url: "{bearer}", bearer: "${{BEARER}}" }} }}
  - {{ name: basic, health: {{ url: "{basic}", basic: {{ username: monitor, password: "${{PASSWORD}}" }} }} }}
  - {{ name: header, health: {{ url: "{header}", headers: {{ X-Api-Key: "${{HEADER}}" }} }} }}
  - {{ name: bearer_word, health: {{ url: "{bearer}_word", bearer: "${{BEARER}}" }} }}
  - {{ name: basic_word, health: {{ url: "{basic}_word", basic: {{ username: monitor, password: "${{PASSWORD}}" }} }} }}
  - {{ name: header_word, health: {{ url: "{header}_word", headers: {{ X-Api-Key: "${{HEADER}}" }} }} }}
  - {{ name: address, health: "{address}?key=${{QUERY}}&more=${{PATH_WORD}}" }}
  - {{ name: whole, health: "${{WHOLE}}" }}
  - {{ name: gone, health: "http://127.0.0.1:9/${{PATH_WORD}}/health?key=${{QUERY}}" }}
routes:
  - {{ to: [alerts, quoting, signed] }}
"#
    )
}

/// A house full of secrets, and servers that repeat what they are told.
fn secretive(targets: &Targets, receiver: &Receiver) -> Home {
    let mut home = Home::new(receiver, &[]);
    for (name, value) in [
        ("BEARER", BEARER.to_owned()),
        ("HEADER", HEADER.to_owned()),
        ("PASSWORD", PASSWORD.to_owned()),
        ("SIGNING", SIGNING.to_owned()),
        ("SIGNED", SIGNED.to_owned()),
        ("QUERY", QUERY.to_owned()),
        ("PATH_WORD", PATH.to_owned()),
        ("WHOLE", format!("{}?pass={QUERY}", targets.url("whole"))),
        ("DEAD_MAN", receiver.url(&format!("deadman-{DEAD_MAN}"))),
        ("ALERTS", receiver.url(&format!("alerts-{WEBHOOK}"))),
        ("QUOTING", receiver.url(&format!("quoting-{WEBHOOK}"))),
        ("OPS", receiver.url(&format!("ops-{WEBHOOK}"))),
    ] {
        home.set(name, &value);
    }
    home.write_text(&file_of(targets, receiver));
    for name in TARGETS {
        targets.set(name, Mood::Echo);
    }
    targets.set("whole", Mood::Echo);
    for (name, header) in QUOTING {
        targets.set(name, Mood::Quote(header));
    }
    receiver.react("quoting", &[Reaction::Quote]);
    receiver.react("alerts", &[Reaction::Broken, Reaction::Ok]);
    home
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_anywhere_but_in_the_request_that_needs_it() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = secretive(&targets, &receiver);
    let mut hekate = home.spawn(&["run", "-vv"]);
    hekate.wait_for_start().await;
    let quoting = QUOTING.map(|(name, _)| name);
    for name in TARGETS.into_iter().chain(quoting).chain(["whole", "gone"]) {
        hekate.shows(name, "down").await;
    }
    receiver.hear_down("alerts").await;
    receiver
        .hear("ops", "of the webhook that refuses", |told| {
            told.text.contains("quoting")
        })
        .await;
    // Nothing critical is refused, so the dead man is told.
    until(
        "the signed webhook and the dead man are called",
        async || {
            let is_called = |channel| !receiver.told_to(channel).is_empty();
            (is_called("signed") && is_called("deadman")).then_some(())
        },
    )
    .await;

    check_answers(&hekate).await;
    check_commands(&home, &hekate).await;
    hekate.stop().await;
    let output = home.run(&["store", "export"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"transition\""));
    assert_clean("the export", &output.stdout);
    assert_clean("the logs", home.words_of_all_runs().as_bytes());
    assert_clean_below(&home.path().join("data"));
    for told in receiver.told() {
        assert_clean(&told.channel, told.payload.to_string().as_bytes());
        // The address is what the secret is for; the headers have no business with it.
        let (line, headers) = told.head.split_once('\n').expect("there are lines");
        assert!(
            line.contains("canary") || told.channel == "signed",
            "{line}"
        );
        assert_clean(&told.channel, headers.as_bytes());
    }
}

async fn check_answers(hekate: &Hekate) {
    for path in ["/metrics", "/readyz", "/api/v1/status"] {
        let answer = hekate.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert_clean(path, answer.body.as_bytes());
    }
    for (name, _) in QUOTING {
        let path = format!("/api/v1/targets/{name}/explain");
        let answer = hekate.get(&path).await;
        assert_clean(&path, answer.body.as_bytes());
        assert!(answer.body.contains("nobody knows ***"), "{}", answer.body);
    }
    for name in TARGETS.into_iter().chain(["whole"]) {
        let path = format!("/api/v1/targets/{name}/explain");
        let answer = hekate.get(&path).await;
        assert_clean(&path, answer.body.as_bytes());
        // What the target repeated is shown, without the secret.
        assert!(answer.body.contains("host: 127.0.0.1"), "{}", answer.body);
        let path = format!("/api/v1/targets/{name}/history");
        let answer = hekate.get(&path).await;
        assert!(answer.body.contains("down"), "{}", answer.body);
        assert_clean(&path, answer.body.as_bytes());
    }
}

async fn check_commands(home: &Home, hekate: &Hekate) {
    let server = format!("http://{}", hekate.address);
    for arguments in [
        &["--help"][..],
        &["run", "--help"],
        &["validate"],
        &["validate", "--format", "json"],
        &["check"],
        &["check", "--format", "json"],
        &["check", "--nagios"],
        &["check", "--phases"],
        &["check", "--format", "short"],
        &["status", "--server", &server],
        &["explain", "address", "--server", &server],
        &["history", "whole", "--server", &server],
        &["store", "verify"],
        &["store", "export"],
        &["notify", "test", "quoting"],
        &["notify", "preview"],
        &["explain", "bearer", "--server", &server],
        &["reload", "--server", &server],
    ] {
        let output = home.run(arguments).await;
        assert_clean(&format!("{arguments:?}"), &output.stdout);
        assert_clean(&format!("{arguments:?}"), &output.stderr);
    }
    let outcome = config::load(&home.file(), &Environment::of(home.variables()));
    assert!(outcome.plan.is_some(), "{:?}", outcome.report);
    assert_clean("Debug", format!("{outcome:?}").as_bytes());
    // A mistake beside the secrets: what is shown of the file must not show what the variables hold.
    let good = fs::read_to_string(home.file()).expect("it was written");
    home.write_text(&good.replace("every: 10s", "every: never"));
    let output = home.run(&["validate"]).await;
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    assert_clean("the report", &output.stdout);
    let output = home.run(&["reload", "--server", &server]).await;
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    assert_clean("the report", &output.stderr);
    home.write_text(&good);
}
