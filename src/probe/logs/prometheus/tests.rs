use std::{fmt::Write as _, sync::Arc};

use expect_test::expect;

use crate::{
    model::logs::{HttpStore, LogStore},
    probe::logs::stand_in::{Asked, NOW, Reply, StandIn, open, read_one},
};

use super::*;

fn prometheus(http: HttpStore) -> Arc<dyn Store> {
    open(LogStore::Prometheus {
        http,
        is_victoria: false,
    })
}

/// Series of the target `core` with these values.
fn vector(values: &[&str]) -> String {
    let series: Vec<_> = values
        .iter()
        .map(|value| {
            format!(
                r#"{{"metric":{{"__name__":"m","instance":"core:9000","job":"core"}},"value":[1795309200.001,"{value}"]}}"#
            )
        })
        .collect();
    format!(
        r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#,
        series.join(",")
    )
}

fn error(status: u16, class: &str, words: &str) -> Reply {
    Reply::json(
        status,
        &format!(r#"{{"status":"error","errorType":"{class}","error":"{words}"}}"#),
    )
}

fn success(of: &str) -> Reply {
    Reply::json(200, &format!(r#"{{"status":"success",{of}}}"#))
}

#[tokio::test]
async fn values_of_all_kinds() {
    let values: [(&str, &[&str]); 11] = [
        ("a time", &["1795309140.25"]),
        (
            "the newest of three",
            &["1795309100", "1795309160", "1795309120"],
        ),
        ("an old one", &["1795222800"]),
        ("one of two is no time", &["NaN", "1795309140"]),
        ("one of two is of the future", &["1795400000", "1795309140"]),
        ("no line yet", &["0"]),
        ("NaN", &["NaN"]),
        ("without end", &["+Inf"]),
        ("milliseconds", &["1.7953091405e+12"]),
        ("an age", &["12.5"]),
        ("a clock that is fast", &["1795309240"]),
    ];
    let mut table = String::new();
    for (name, values) in values {
        let stand_in = StandIn::always(Reply::json(200, &vector(values))).await;
        let reading = read_one(&*prometheus(stand_in.http()), "m").await;
        writeln!(table, "{name}: {reading}").unwrap();
    }
    expect![[""]].assert_eq(&table);
}

#[tokio::test]
async fn answers_of_all_kinds() {
    let answers = [
        (
            "a scalar",
            success(r#""data":{"resultType":"scalar","result":[1795309200,"1795309140"]}"#),
        ),
        (
            "a scalar of nothing",
            success(r#""data":{"resultType":"scalar","result":[1795309200,"NaN"]}"#),
        ),
        (
            "a matrix",
            success(r#""data":{"resultType":"matrix","result":[]}"#),
        ),
        (
            "a string",
            success(r#""data":{"resultType":"string","result":[1795309200,"x"]}"#),
        ),
        (
            "warnings",
            success(
                r#""warnings":["remote read failed"],"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1795309140"]}]}"#,
            ),
        ),
        (
            "warnings and nothing",
            success(
                r#""warnings":["remote read failed"],"data":{"resultType":"vector","result":[]}"#,
            ),
        ),
        (
            "infos",
            success(
                r#""infos":["metric might not be a counter"],"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1795309140"]}]}"#,
            ),
        ),
        (
            "a part of a cluster",
            success(
                r#""isPartial":true,"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1795309140"]}]}"#,
            ),
        ),
        (
            "bad data",
            error(400, "bad_data", "invalid parameter query: 1:3: parse error"),
        ),
        (
            "execution",
            error(422, "execution", "many-to-many matching not allowed"),
        ),
        (
            "VictoriaMetrics does not understand",
            error(422, "422", "error when executing query: unparsed data left"),
        ),
        (
            "VictoriaMetrics takes too long",
            error(
                422,
                "422",
                "timeout exceeded during query execution: 4.0 seconds",
            ),
        ),
        (
            "a timeout",
            error(503, "timeout", "query timed out in expression evaluation"),
        ),
        ("starting", Reply::text(503, "Service Unavailable")),
        ("given up", error(499, "canceled", "query was canceled")),
        ("error with 200", error(200, "internal", "it broke")),
        ("no password", Reply::text(401, "Unauthorized")),
        ("a limit", Reply::text(429, "")),
        ("nothing there", Reply::text(404, "404 page not found")),
        ("a page", Reply::of(200, "text/html", "<html></html>")),
        ("another store", Reply::json(200, r#"{"status":"UP"}"#)),
        (
            "a number for a text",
            success(
                r#""data":{"resultType":"vector","result":[{"metric":{},"value":[1,1795309140]}]}"#,
            ),
        ),
        ("cut", Reply::Cut(vector(&["1795309140"]).into_bytes())),
        ("closed", Reply::Closed),
    ];
    let mut table = String::new();
    for (name, reply) in answers {
        let stand_in = StandIn::always(reply).await;
        let reading = read_one(&*prometheus(stand_in.http()), "m").await;
        writeln!(table, "{name}: {reading}").unwrap();
    }
    expect![[""]].assert_eq(&table);
}

/// The question about the past answers `past`, `up` answers `up`, and everything else nothing.
async fn empty(past: Reply, up: Reply) -> StandIn {
    StandIn::start(move |asked: &Asked| {
        let query = asked.parameter("query");
        if query.starts_with("last_over_time((\nm") {
            past.clone()
        } else if query == r#"up{job="core",instance="core:9000"}"# {
            up.clone()
        } else {
            Reply::json(200, &vector(&[]))
        }
    })
    .await
}

#[tokio::test]
async fn what_an_empty_answer_means() {
    let nothing = || Reply::json(200, &vector(&[]));
    let one = |value: &str| Reply::json(200, &vector(&[value]));
    let (recent, old) = (|| one("1795309100"), || one("1795308000"));
    let stories = [
        ("never there", nothing(), nothing()),
        ("one scrape was missed", recent(), one("0")),
        ("the exporter died", old(), one("0")),
        ("the exporter lost it", old(), one("1")),
        ("not scraped any more", old(), nothing()),
        ("`up` cannot be asked", old(), Reply::Closed),
        ("it never said a time", one("0"), one("0")),
        (
            "the past cannot be asked",
            error(400, "bad_data", "no subqueries here"),
            nothing(),
        ),
        ("it dies in between", Reply::Closed, nothing()),
    ];
    let mut table = String::new();
    for (name, past, up) in stories {
        let stand_in = empty(past, up).await;
        let reading = read_one(&*prometheus(stand_in.http()), "m").await;
        writeln!(table, "{name}: {reading}").unwrap();
    }
    expect![[""]].assert_eq(&table);
}

#[tokio::test]
async fn what_is_asked() {
    let stand_in = StandIn::always(Reply::json(200, &vector(&[]))).await;
    read_one(
        &*prometheus(stand_in.http()),
        "max(m{a=\"b\"}) # the newest",
    )
    .await;
    let asked = stand_in.asked();
    let questions: Vec<_> = asked
        .iter()
        .map(|asked| format!("{} {} {:?}", asked.method, asked.path, asked.parameters))
        .collect();
    expect![[""]].assert_eq(&questions.join("\n"));
}

/// One number that grows: a line that was sent before it is in.
#[tokio::test]
async fn canaries_up_to_the_number() {
    let unseen = [120_u32, 60, 30].map(|seconds| CanaryMark {
        number: u64::from(1_000 - seconds),
        sent_at: NOW - Duration::from_secs(u64::from(seconds)),
    });
    for (value, expected) in [
        (Some("1795309140"), vec![880, 940]),
        (Some("1795309139.999"), vec![880]),
        (Some("1795300000"), vec![]),
        (None, vec![]),
    ] {
        let values: Vec<_> = value.into_iter().collect();
        let stand_in = StandIn::always(Reply::json(200, &vector(&values))).await;
        let seen = prometheus(stand_in.http()).find("one", &unseen, NOW).await;
        assert_eq!(seen, Ok(expected));
        let asked = stand_in.asked();
        assert_eq!(
            asked[0].parameter("query"),
            r#"last_over_time(hekate_canary_sent_timestamp_seconds{monitor="one"}[420s])"#
        );
    }
}

#[tokio::test]
async fn its_scrapes_are_its_statement() {
    let stand_in = StandIn::always(Reply::json(200, &vector(&["1795309186.5"]))).await;
    let statement = prometheus(stand_in.http()).state(NOW).await.unwrap();
    assert_eq!(
        statement.complete_until,
        Some(NOW - Duration::from_millis(13_500))
    );
    assert_eq!(statement.words, "its targets were last scraped 13.5 s ago");
    // A store that nothing is scraped into says nothing, and neither does one that cannot be asked.
    for reply in [Reply::json(200, &vector(&[])), Reply::Closed] {
        let stand_in = StandIn::always(reply).await;
        assert_eq!(prometheus(stand_in.http()).state(NOW).await, None);
    }
}
