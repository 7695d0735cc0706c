//! Everything that strangers write, as functions of bytes that must neither panic nor say what cannot be.
//!
//! The tests play each with the seeds in `fuzz/corpus` and with what chance makes of them; `fuzz/` lets libFuzzer look for
//! more. Only they use this module.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::{
    config::{Environment, Format, load_text},
    model::{
        Detail, Family, Outcome,
        metrics::{Absent, Combine, Limits, MetricsQuestion},
        plan::{Connection, HealthQuestion, HttpVersion, IpFamily, TlsSettings},
    },
    probe,
    slack::{
        command::ResponseUrl,
        event::{Callback, Event, Venue},
        interaction::{Action, Interaction},
    },
};

/// A name and what to do with the bytes; each has a folder of seeds and a program by this name.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 8] = [
    ("config", config),
    ("health", health),
    ("interaction", interaction),
    ("logs", probe::fuzz_logs),
    ("metrics", metrics),
    ("roles", probe::fuzz_roles),
    ("stamps", probe::fuzz_stamps),
    ("events", events),
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

/// The payload of something pressed, as JSON: what is understood of it says nothing that it could not have said itself.
fn interaction(bytes: &[u8]) {
    let payload = serde_json::from_slice(bytes).unwrap_or_default();
    let read = Interaction::of_payload(&payload, ResponseUrl::parse);
    if let Ok(Interaction::Click(click)) = &read
        && let Ok(action) = &click.action
    {
        let again = Action::read(&action.id(None), &action.value());
        assert_eq!(again.as_ref(), Ok(action), "what it means can be written");
    }
    if let Ok(Interaction::Submission(submission)) = &read
        && let Ok(filled) = &submission.filled
    {
        is_plain(&filled.name);
        is_plain(filled.why.as_deref().unwrap_or_default());
        assert!(!filled.nonce.is_empty() && !filled.nonce.contains(' '));
    }
}

/// What Slack says that happened: words of a program are no words to the bot, a mention is needed where it is spoken to in a
/// channel, and an ordinary message has none.
fn events(bytes: &[u8]) {
    let own = [String::from("U0HEKATE")];
    if let Ok(Callback::Happened(happening)) = Callback::parse(bytes)
        && let Event::Said(said) = &happening.event
    {
        assert!(!happening.id.is_empty() && !said.user_id.is_empty());
        let typed = said.words(&own);
        let is_mentioned = said.raw.contains("<@U0HEKATE");
        assert!(match said.venue {
            Venue::Direct => typed.is_some(),
            Venue::Channel => typed.is_none() || is_mentioned,
            Venue::Overheard => typed.is_none() || !said.raw.contains("<@U0HEKATE>"),
        });
    }
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
    if reading.outcome == Outcome::Healthy {
        assert!((200..300).contains(&status), "healthy with {status}");
    }
    is_plain(words_of(&reading.outcome));
    if let Some(detail) = &reading.detail {
        is_plain_detail(detail);
    }
}

/// A line that says what is asked, and a page of metrics: `name key=value sum down openmetrics`, all but the name at will.
fn metrics(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (line, page) = bytes.split_at(end);
    let line = String::from_utf8_lossy(line);
    let page = page.get(1..).unwrap_or_default();
    let is_open = line.ends_with("openmetrics");
    let question = metrics_question(&line);
    let read = |body, is_cut| {
        let answer = probe::health::Answer {
            status: 200,
            content_type: is_open.then_some("application/openmetrics-text; version=1.0.0"),
            location: None,
            server: None,
            via: None,
            retry_after: None,
            body,
            is_cut,
            is_unreadable: false,
        };
        let outcome = probe::read_metrics(&question, &answer).outcome;
        is_plain(words_of(&outcome));
        outcome
    };
    let whole = read(page, false);
    let cut = read(&page[..page.len() / 2], true);
    // What is not there says nothing, so whoever accuses with half of a page can only be right.
    let is_accused = matches!(cut, Outcome::Unhealthy(_));
    if is_accused && question.combine == Combine::Any && question.absent != Absent::Down {
        assert!(matches!(whole, Outcome::Unhealthy(_)), "{cut:?}, {whole:?}");
    }
}

fn metrics_question(line: &str) -> MetricsQuestion {
    let mut words = line.split(' ');
    let name = words.next().unwrap_or_default().to_owned();
    let mut labels = Vec::new();
    let (mut combine, mut absent) = (Combine::Any, Absent::Unknown);
    for word in words {
        combine = Combine::from_word(word).unwrap_or(combine);
        absent = Absent::from_word(word).unwrap_or(absent);
        labels.extend(
            word.split_once('=')
                .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
    }
    MetricsQuestion {
        asked: Arc::new(question("")),
        name,
        labels,
        combine,
        down: Limits {
            above: Some(1_000.0),
            below: None,
        },
        degraded: Limits {
            above: Some(100.0),
            below: Some(1.0),
        },
        absent,
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

fn words_of(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Healthy => "",
        Outcome::Degraded(short) => &short.words,
        Outcome::Unhealthy(failure) => &failure.words,
        Outcome::Unobservable(gap) => &gap.words,
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
