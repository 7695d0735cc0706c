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
    expect![[r#"
        a time: 59750 ms ago
        the newest of three: 40000 ms ago
        an old one: 86400000 ms ago
        one of two is no time: 60000 ms ago
        one of two is of the future: 60000 ms ago
        no line yet: nothing
        NaN: bad_query: it says NaN, which is no time
        without end: bad_query: it says inf, which is no time
        milliseconds: bad_query: it says 1795309140500, which are milliseconds since 1970, where seconds are wanted
        an age: bad_query: it says 12.5, too little for seconds since 1970; if that is an age, the time itself is wanted
        a clock that is fast: bad_query: the newest line is stamped 40 s ahead of our clock, which is not believed
    "#]].assert_eq(&table);
}

/// What it says when it has understood.
fn answers() -> Vec<(&'static str, Reply)> {
    vec![
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
    ]
}

/// What it, or somebody in its place, says otherwise.
fn refusals() -> Vec<(&'static str, Reply)> {
    vec![
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
    ]
}

#[tokio::test]
async fn answers_of_all_kinds() {
    let mut table = String::new();
    for (name, reply) in answers().into_iter().chain(refusals()) {
        let stand_in = StandIn::always(reply).await;
        let reading = read_one(&*prometheus(stand_in.http()), "m").await;
        writeln!(table, "{name}: {reading}").unwrap();
    }
    expect![[r#"
        a scalar: 60000 ms ago
        a scalar of nothing: not_found: the query gives NaN: its scalar() finds no series, or more than one
        a matrix: bad_query: the query gives no single number; one that gives the time of the newest line in seconds is wanted
        a string: bad_query: the query gives no single number; one that gives the time of the newest line in seconds is wanted
        warnings: 60000 ms ago, partial
        warnings and nothing: nothing, partial
        infos: 60000 ms ago
        a part of a cluster: 60000 ms ago, partial
        bad data: bad_query: HTTP 400: invalid parameter query: 1:3: parse error
        execution: bad_query: HTTP 422: many-to-many matching not allowed
        VictoriaMetrics does not understand: bad_query: HTTP 422: error when executing query: unparsed data left
        VictoriaMetrics takes too long: unreachable: HTTP 422: timeout exceeded during query execution: 4.0 seconds
        a timeout: unreachable: HTTP 503: query timed out in expression evaluation
        starting: unreachable: HTTP 503: Service Unavailable
        given up: unreachable: HTTP 499: query was canceled
        error with 200: unreachable: HTTP 200: it broke
        no password: auth: HTTP 401: Unauthorized
        a limit: overloaded: HTTP 429
        nothing there: not_found: HTTP 404: 404 page not found
        a page: unreachable: its answer is no JSON, so it is not the store that answers
        another store: unreachable: its answer has not the shape of Prometheus's, so it is not the store that answers
        a number for a text: unreachable: its answer has not the shape of Prometheus's, so it is not the store that answers
        cut: unreachable: end of file before message length reached
        closed: unreachable: connection closed before message completed
    "#]].assert_eq(&table);
}

/// The questions about the last minutes and the last hour answer so, `up` answers `up`, and everything else nothing.
async fn empty(missed: Reply, past: Reply, up: Reply) -> StandIn {
    StandIn::start(move |asked: &Asked| {
        let query = asked.parameter("query");
        if query == "last_over_time(m[240s])" {
            missed.clone()
        } else if query == "last_over_time(m[3600s])" {
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
        ("never there", nothing(), nothing(), nothing()),
        ("one scrape was missed", recent(), recent(), one("0")),
        (
            "a restart, and a log with long pauses",
            old(),
            old(),
            one("0"),
        ),
        (
            "it exports nonsense, when it does",
            one("12"),
            old(),
            one("1"),
        ),
        ("the exporter died", nothing(), old(), one("0")),
        ("the exporter lost it", nothing(), old(), one("1")),
        ("not scraped any more", nothing(), old(), nothing()),
        ("`up` cannot be asked", nothing(), old(), Reply::Closed),
        ("it never said a time", nothing(), one("0"), one("0")),
        (
            "the past cannot be asked",
            error(400, "bad_data", "no subqueries here"),
            error(400, "bad_data", "no subqueries here"),
            nothing(),
        ),
        (
            "it dies in between",
            Reply::Closed,
            Reply::Closed,
            nothing(),
        ),
    ];
    let mut table = String::new();
    for (name, missed, past, up) in stories {
        let stand_in = empty(missed, past, up).await;
        let reading = read_one(&*prometheus(stand_in.http()), "m").await;
        writeln!(table, "{name}: {reading}").unwrap();
    }
    expect![[r#"
        never there: not_found: the query finds nothing, neither now nor in the last 1 h: its selector is wrong, or it was never scraped
        one scrape was missed: 100000 ms ago, partial
        a restart, and a log with long pauses: 1200000 ms ago, partial
        it exports nonsense, when it does: bad_query: it says 12, too little for seconds since 1970; if that is an age, the time itself is wanted
        the exporter died: not_found: there are no samples any more: its exporter does not answer (`up` is 0), which says nothing about the log; its last word was of a line 20 min ago
        the exporter lost it: not_found: there are no samples any more: its exporter is up, but does not export it any more; its last word was of a line 20 min ago
        not scraped any more: not_found: there are no samples any more: its target is not scraped any more; its last word was of a line 20 min ago
        `up` cannot be asked: not_found: there are no samples any more: its exporter is gone, or is not scraped; its last word was of a line 20 min ago
        it never said a time: not_found: there are no samples any more: its exporter does not answer (`up` is 0), which says nothing about the log
        the past cannot be asked: not_found: the query finds nothing, and nothing can be learned of its past: HTTP 400: no subqueries here
        it dies in between: unreachable: connection closed before message completed
    "#]].assert_eq(&table);
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
    expect![[r#"
        GET /api/v1/query [("query", "max(m{a=\"b\"}) # the newest"), ("time", "1795309200.000"), ("timeout", "4s")]
        GET /api/v1/query [("query", "last_over_time((\nmax(m{a=\"b\"}) # the newest\n)[240s:4s])"), ("time", "1795309200.000"), ("timeout", "4s")]
        GET /api/v1/query [("query", "last_over_time((\nmax(m{a=\"b\"}) # the newest\n)[3600s:60s])"), ("time", "1795309200.000"), ("timeout", "4s")]"#]].assert_eq(&questions.join("\n"));
}

#[test]
fn only_bare_selectors_are_looked_back_at_exactly() {
    for (query, expected) in [
        ("m", "last_over_time(m[3600s])"),
        (" job:m:max ", "last_over_time(job:m:max[3600s])"),
        (r#"m{a="b"}"#, r#"last_over_time(m{a="b"}[3600s])"#),
        (r#"{a="b"}"#, r#"last_over_time({a="b"}[3600s])"#),
        (
            r#"m{a="b"} or n{a="b"}"#,
            "last_over_time((\nm{a=\"b\"} or n{a=\"b\"}\n)[3600s:60s])",
        ),
        (
            "m offset 5m",
            "last_over_time((\nm offset 5m\n)[3600s:60s])",
        ),
        ("max(m)", "last_over_time((\nmax(m)\n)[3600s:60s])"),
        ("m # it", "last_over_time((\nm # it\n)[3600s:60s])"),
    ] {
        assert_eq!(over_time(query, PAST_MIN), expected);
    }
    let day = over_time("max(m)", PAST_MAX);
    assert_eq!(day, "last_over_time((\nmax(m)\n)[86400s:240s])");
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
    assert_eq!(statement.words, "its targets were last scraped 13 s ago");
    // A store that nothing is scraped into says nothing, and neither does one that cannot be asked.
    for reply in [Reply::json(200, &vector(&[])), Reply::Closed] {
        let stand_in = StandIn::always(reply).await;
        assert_eq!(prometheus(stand_in.http()).state(NOW).await, None);
    }
}
