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
    expect![[r#"
        Text "2026-11-22T00:59:30Z": 30000 ms ago
        Text " 2026-11-22T01:59:30.250+01:00 ": 29750 ms ago
        Text "Sun, 22 Nov 2026 00:59:30 GMT": 30000 ms ago
        Text "2026-11-22T00:59:30": bad_query: it says "2026-11-22T00:59:30", which is no time with a zone such as 2026-01-31T20:14:05Z
        Text "2027-11-22T00:59:30Z": bad_query: the newest line is stamped 364 d 23 h ahead of our clock, which is not believed
        Text 1795309170: bad_query: it says 1795309170, which is no time with a zone such as 2026-01-31T20:14:05Z
        Text null: nothing
        Unix 1795309170.5: 29500 ms ago
        Unix "1795309170": 30000 ms ago
        Unix 1795309170500: bad_query: it says 1795309170500, which are milliseconds since 1970, where seconds are wanted
        Unix 0: nothing
        Unix true: bad_query: it says true, which is no number
        Unix {"a":[1,2,3]}: bad_query: it says {"a":[1,2,3]}, which is no number
        UnixMillis 1795309170500: 29500 ms ago
        UnixMillis 1795309170: bad_query: it says 1795309170, which are seconds since 1970, where milliseconds are wanted
        UnixMicros 1795309170500000: 29500 ms ago
        UnixNanos 1795309170500000000: 29500 ms ago
        AgeSeconds 30.5: 30500 ms ago
        AgeSeconds 0: 0 ms ago
        AgeSeconds -60: bad_query: the newest line is stamped 1 min ahead of our clock, which is not believed
        AgeSeconds 1795309170: bad_query: it says an age of 1795309170 s, which is before the year 2000; if that is a time, an age is wanted
        AgeSeconds "NaN": bad_query: it says NaN, which is no age
    "#]].assert_eq(&table);
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
    expect![[r#"
        good: 30000 ms ago
        not there: bad_query: there is nothing at /log/newest in its answer
        no JSON: unreachable: its answer is no JSON, so it is not the store that answers
        empty: unreachable: its answer is no JSON, so it is not the store that answers
        wrong password: auth: HTTP 401: {"log":{"newest":"2026-11-22T00:59:30Z","a/b":1}}
        gone: not_found: HTTP 404
        busy: overloaded: HTTP 429
        down: unreachable: HTTP 503
        cut: unreachable: end of file before message length reached
        closed: unreachable: connection closed before message completed
    "#]]
    .assert_eq(&table);
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
    expect![[r#"
        "": /api [], nothing
        "?of=blue": /api [("of", "blue")], nothing
        "blue": /api/blue [], nothing
        "blue/log?all=1": /api/blue/log [("all", "1")], nothing
        "/top": /top [], nothing
        "../up": /up [], nothing
        "a b%2Fc": /api/a%20b%2Fc [], nothing
        "OWN/elsewhere": /elsewhere [], nothing
        "http://other.example.test/x": -, bad_query: the query leads away from the server of the URL; a path on that server is wanted
        "//other.example.test/x": -, bad_query: the query leads away from the server of the URL; a path on that server is wanted
        "\\\\other.example.test/x": -, bad_query: the query leads away from the server of the URL; a path on that server is wanted
        "file:///etc/passwd": -, bad_query: the query leads away from the server of the URL; a path on that server is wanted
        "http://user:word@127.0.0.1/x": -, bad_query: the query leads away from the server of the URL; a path on that server is wanted
    "#]].assert_eq(&table);
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
    let readings = store.read(&subjects, NOW, crate::probe::logs::ROUND).await;
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
