use std::{fmt::Write as _, sync::Arc};

use expect_test::expect;
use proptest::prelude::*;

use crate::probe::logs::stand_in::{NOW, Reply, StandIn, open, read_one, subject, told};

use super::*;

fn endpoint(
    stand_in: &StandIn,
    path: &str,
    place: TimePlace,
    format: TimeFormat,
) -> Arc<dyn Store> {
    let mut http = stand_in.http();
    http.url.set_path(path);
    open(LogStore::HttpJson {
        http,
        place,
        format,
    })
}

fn pointer(text: &str) -> TimePlace {
    TimePlace::Pointer(text.to_owned())
}

#[test]
fn values_of_all_formats() {
    let values = [
        (TimeFormat::Text, r#""2026-11-22T00:59:30Z""#),
        (TimeFormat::Text, r#"" 2026-11-22T01:59:30.250+01:00 ""#),
        (TimeFormat::Text, r#""Sun, 22 Nov 2026 00:59:30 GMT""#),
        (TimeFormat::Text, r#""2026-11-22T00:59:30""#),
        (TimeFormat::Text, r#""2027-11-22T00:59:30Z""#),
        (TimeFormat::Text, "1795309170"),
        (TimeFormat::Text, "null"),
        (TimeFormat::Unix, "1795309170.5"),
        (TimeFormat::Unix, r#""1795309170""#),
        (TimeFormat::Unix, "1795309170500"),
        (TimeFormat::Unix, "0"),
        (TimeFormat::Unix, "true"),
        (TimeFormat::Unix, r#"{"a":[1,2,3]}"#),
        (TimeFormat::UnixMillis, "1795309170500"),
        (TimeFormat::UnixMillis, "1795309170"),
        (TimeFormat::UnixMicros, "1795309170500000"),
        (TimeFormat::UnixNanos, "1795309170500000000"),
        (TimeFormat::AgeSeconds, "30.5"),
        (TimeFormat::AgeSeconds, "0"),
        (TimeFormat::AgeSeconds, "-60"),
        (TimeFormat::AgeSeconds, "1795309170"),
        (TimeFormat::AgeSeconds, r#""NaN""#),
    ];
    let mut table = String::new();
    for (format, value) in values {
        let read = read(&serde_json::from_str(value).unwrap(), format, NOW);
        let reading = read.map(|event| Reading {
            event,
            ..Reading::default()
        });
        writeln!(table, "{format:?} {value}: {}", told(&reading)).unwrap();
    }
    expect![[""]].assert_eq(&table);
}

#[tokio::test]
async fn answers_of_all_kinds() {
    let good = r#"{"log":{"newest":"2026-11-22T00:59:30Z","a/b":1}}"#;
    let answers = [
        ("good", Reply::json(200, good)),
        ("not there", Reply::json(200, r#"{"log":{}}"#)),
        ("no JSON", Reply::text(200, "2026-11-22T00:59:30Z")),
        ("empty", Reply::json(204, "")),
        ("wrong password", Reply::json(401, good)),
        ("gone", Reply::text(404, "")),
        ("busy", Reply::text(429, "")),
        ("down", Reply::text(503, "")),
        ("cut", Reply::Cut(good.as_bytes().to_vec())),
        ("closed", Reply::Closed),
    ];
    let mut table = String::new();
    for (name, reply) in answers {
        let stand_in = StandIn::always(reply).await;
        let store = endpoint(&stand_in, "/", pointer("/log/newest"), TimeFormat::Text);
        writeln!(table, "{name}: {}", read_one(&*store, "").await).unwrap();
    }
    expect![[""]].assert_eq(&table);
}

#[tokio::test]
async fn a_header_of_the_answer() {
    let reply = Reply::text(200, "hello")
        .with("last-modified", "Sun, 22 Nov 2026 00:59:30 GMT")
        .with("x-age", "7");
    let stand_in = StandIn::always(reply).await;
    for (name, format, expected) in [
        ("Last-Modified", TimeFormat::Text, "30000 ms ago"),
        ("X-Age", TimeFormat::AgeSeconds, "7000 ms ago"),
        (
            "X-Other",
            TimeFormat::Text,
            "bad_query: its answer has no header X-Other",
        ),
    ] {
        let store = endpoint(&stand_in, "/", TimePlace::Header(name.to_owned()), format);
        assert_eq!(read_one(&*store, "").await, expected);
    }
}

#[tokio::test]
async fn where_subjects_are_asked() {
    let stand_in = StandIn::always(Reply::json(200, "0")).await;
    let store = endpoint(&stand_in, "/api", pointer(""), TimeFormat::Unix);
    let mut table = String::new();
    let own = format!("{}elsewhere", stand_in.url);
    for query in [
        "",
        "?of=blue",
        "blue",
        "blue/log?all=1",
        "/top",
        "../up",
        "a b%2Fc",
        &own,
        "http://other.example.test/x",
        "//other.example.test/x",
        "\\\\other.example.test/x",
        "file:///etc/passwd",
        "http://user:word@127.0.0.1/x",
    ] {
        let before = stand_in.asked().len();
        let reading = read_one(&*store, query).await;
        let asked = stand_in.asked();
        let went = asked.get(before).map_or(String::from("-"), |asked| {
            format!("{} {:?}", asked.path, asked.parameters)
        });
        let query = query.replace(stand_in.url.as_str(), "OWN/");
        writeln!(table, "{query:?}: {went}, {reading}").unwrap();
    }
    expect![[""]].assert_eq(&table);
}

/// Targets that read the same address share one request.
#[tokio::test]
async fn one_question_for_each_address() {
    let stand_in = StandIn::start(|asked| match asked.path.as_str() {
        "/blue" => Reply::json(200, "1795309170"),
        _ => Reply::json(200, "1795309140"),
    })
    .await;
    let store = endpoint(&stand_in, "/", pointer(""), TimeFormat::Unix);
    let subjects = ["green", "/blue", "blue", "./blue", "http://other.test/"].map(subject);
    let readings = store.read(&subjects, NOW).await;
    let lines: Vec<_> = readings.iter().map(told).collect();
    assert_eq!(
        lines[..4],
        [
            "60000 ms ago",
            "30000 ms ago",
            "30000 ms ago",
            "30000 ms ago"
        ]
    );
    assert!(lines[4].starts_with("bad_query"), "{}", lines[4]);
    assert_eq!(stand_in.asked().len(), 2);
}

proptest! {
    /// Whatever a query says, the request goes to the server of the URL or nowhere: other servers must not see our token.
    #[test]
    fn no_query_leads_away(query in r"[a-z./:@?#\\% \t]{0,24}") {
        let base: Url = "http://app.example.test/api".parse().unwrap();
        let joined = joined(&base, &query);
        if let Some(url) = joined.filter(|url| url.origin() == base.origin()) {
            prop_assert_eq!(url.host_str(), Some("app.example.test"));
            prop_assert_eq!(url.port_or_known_default(), Some(80));
        }
    }
}
