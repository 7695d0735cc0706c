//! Everything that strangers write, as functions of bytes that must neither panic nor say what cannot be.
//!
//! The tests play each with the seeds in `fuzz/corpus` and with what chance makes of them; `fuzz/` lets libFuzzer look for
//! more. Only they use this module.

#[cfg(test)]
mod tests;

use crate::{
    config::{Environment, Format, load_text},
    model::{
        Detail, Family, Outcome,
        plan::{Connection, HealthQuestion, HttpVersion, IpFamily, TlsSettings},
    },
    probe,
};

/// A name and what to do with the bytes; each has a folder of seeds and a program by this name.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 5] = [
    ("config", config),
    ("health", health),
    ("logs", probe::fuzz_logs),
    ("roles", probe::fuzz_roles),
    ("stamps", probe::fuzz_stamps),
];

/// Does with the bytes what the target of this name does.
///
/// # Panics
///
/// If a promise is broken, or there is no such target.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, run) = target.expect("programs name targets");
    run(bytes);
}

/// A file: a plan, or mistakes that can be shown.
fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let environment =
        Environment::of([("URL", "https://hooks.slack.com/services/T0/B0/not-a-secret")]);
    let outcome = load_text("targets.yaml", &text, &environment);
    let shown = [Format::Human, Format::Json].map(|format| outcome.report.render(format, false));
    let is_refused = outcome.plan.is_none();
    assert!(
        !is_refused || shown.iter().any(|text| !text.is_empty()),
        "refused without a word"
    );
}

/// A line with a status and the type of the content, and a body.
fn health(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (line, body) = bytes.split_at(end);
    let line = String::from_utf8_lossy(line);
    let (status, content_type) = line.split_once(' ').unwrap_or(("200", &line));
    let status = status.parse().unwrap_or(200);
    let question = question(content_type);
    let answer = probe::health::Answer {
        status,
        content_type: Some(content_type).filter(|text| !text.is_empty()),
        location: Some(content_type).filter(|_| (300..400).contains(&status)),
        server: Some(content_type),
        via: None,
        retry_after: None,
        body: body.get(1..).unwrap_or_default(),
        is_cut: content_type.ends_with("cut"),
        is_unreadable: false,
    };
    let reading = probe::health::read(&question, &answer);
    let words = match &reading.outcome {
        Outcome::Healthy => {
            assert!((200..300).contains(&status), "healthy with {status}");
            ""
        }
        Outcome::Degraded(short) => &short.words,
        Outcome::Unhealthy(failure) => &failure.words,
        Outcome::Unobservable(gap) => &gap.words,
    };
    is_plain(words);
    if let Some(detail) = &reading.detail {
        is_plain_detail(detail);
    }
}

fn question(content_type: &str) -> HealthQuestion {
    let format = content_type.split(' ').find_map(Family::from_word);
    HealthQuestion {
        all_addresses: false,
        url: "http://127.0.0.1/health".parse().expect("it is an address"),
        url_secrets: Vec::new(),
        headers: Vec::new(),
        credentials: None,
        format,
        critical_components: vec![String::from("db")],
        rules: Vec::new(),
        connection: Connection::Fresh,
        http_version: HttpVersion::Http1,
        ip: IpFamily::Auto,
        tls: TlsSettings::default(),
        role_field: None,
    }
}

/// People see it, in a terminal as well.
fn is_plain(text: &str) {
    let is_bad =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!text.chars().any(is_bad), "{text:?}");
    assert!(
        text.chars().count() <= 1_000,
        "{} bytes of words",
        text.len()
    );
}

fn is_plain_detail(detail: &Detail) {
    for component in &detail.components {
        is_plain(&component.name);
        component.message.as_deref().into_iter().for_each(is_plain);
    }
    detail.excerpt.as_deref().into_iter().for_each(is_plain);
    detail.via.as_deref().into_iter().for_each(is_plain);
}
