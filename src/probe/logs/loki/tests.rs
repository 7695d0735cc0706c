use std::fmt::Write as _;

use expect_test::expect;

use crate::{
    model::logs::{HttpStore, LogAsk, LogStoreQuestion},
    probe::logs::{
        ask_all,
        stand_in::{NOW, Reply, StandIn, open, read_one, subject, told},
    },
};

use super::*;

fn loki(http: HttpStore) -> std::sync::Arc<dyn Store> {
    open(LogStore::Loki { http, tenant: None })
}

/// What Loki 3 answers to a question that two streams match.
const TWO_STREAMS: &str = r#"{"status":"success","data":{"resultType":"streams","result":[
    {"stream":{"app":"core","color":"blue","service_name":"core"},"values":[["1795309140000000000","older"]]},
    {"stream":{"app":"core","color":"green","service_name":"core"},
     "values":[["1795309170123456789","newer",{"detected_level":"info"}],["1795309169000000000","x"]]}],
    "stats":{"summary":{"totalLinesProcessed":2}}}}"#;
const EMPTY: &str =
    r#"{"status":"success","data":{"resultType":"streams","result":[],"stats":{}}}"#;

/// What it says when it has understood.
fn answers() -> Vec<(&'static str, Reply)> {
    vec![
        ("two streams", Reply::json(200, TWO_STREAMS)),
        ("empty", Reply::json(200, EMPTY)),
        (
            "warnings",
            Reply::json(
                200,
                r#"{"status":"success","warnings":["max series reached"],"data":{"resultType":"streams","result":[]}}"#,
            ),
        ),
        (
            "a metric query",
            Reply::json(
                200,
                r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#,
            ),
        ),
        (
            "from the future",
            Reply::json(
                200,
                r#"{"status":"success","data":{"resultType":"streams","result":[{"stream":{},"values":[["1795312800000000000","x"]]}]}}"#,
            ),
        ),
    ]
}

/// What it, or somebody in its place, says otherwise.
fn refusals() -> Vec<(&'static str, Reply)> {
    vec![
        (
            "a syntax error",
            Reply::text(
                400,
                "parse error at line 1, col 2: syntax error: unexpected IDENTIFIER",
            ),
        ),
        ("no tenant", Reply::text(401, "no org id")),
        ("not allowed", Reply::text(403, "")),
        (
            "too many questions",
            Reply::text(429, "too many outstanding requests"),
        ),
        (
            "no ingester",
            Reply::text(
                500,
                "rpc error: code = Unavailable desc = \u{1b}[31mnode is down",
            ),
        ),
        (
            "a proxy",
            Reply::of(502, "text/html", "<html>Bad Gateway</html>"),
        ),
        (
            "a login page",
            Reply::text(302, "").with("location", "/login"),
        ),
        ("a page", Reply::of(200, "text/html", "<html>hello</html>")),
        ("an empty body", Reply::json(200, "")),
        ("another store", Reply::json(200, r#"{"took":1,"hits":{}}"#)),
        (
            "a number for a time",
            Reply::json(
                200,
                r#"{"status":"success","data":{"resultType":"streams","result":[{"stream":{},"values":[[1795309140000000000,"x"]]}]}}"#,
            ),
        ),
        ("cut", Reply::Cut(TWO_STREAMS.as_bytes()[..90].to_vec())),
        ("closed", Reply::Closed),
        ("huge", Reply::text(200, &"x".repeat(5 * 1024 * 1024))),
    ]
}

#[tokio::test]
async fn answers_of_all_kinds() {
    let mut table = String::new();
    for (name, reply) in answers().into_iter().chain(refusals()) {
        let stand_in = StandIn::always(reply).await;
        let reading = read_one(&*loki(stand_in.http()), r#"{app="core"}"#).await;
        writeln!(table, "{name}: {reading}").unwrap();
    }
    expect![[r#"
        two streams: 29877 ms ago
        empty: nothing
        warnings: nothing, partial
        a metric query: bad_query: the query counts lines; one that gives the lines themselves is wanted, such as {app="x"}
        from the future: bad_query: the newest line is stamped 1 h ahead of our clock, which is not believed
        a syntax error: bad_query: HTTP 400: parse error at line 1, col 2: syntax error: unexpected IDENTIFIER
        no tenant: auth: HTTP 401: no org id
        not allowed: auth: HTTP 403
        too many questions: overloaded: HTTP 429: too many outstanding requests
        no ingester: unreachable: HTTP 500: rpc error: code = Unavailable desc = [31mnode is down
        a proxy: unreachable: HTTP 502: <html>Bad Gateway</html>
        a login page: unreachable: HTTP 302
        a page: unreachable: its answer is no JSON, so it is not the store that answers
        an empty body: unreachable: its answer is no JSON, so it is not the store that answers
        another store: unreachable: its answer has not the shape of Loki's, so it is not the store that answers
        a number for a time: unreachable: its answer has not the shape of Loki's, so it is not the store that answers
        cut: unreachable: end of file before message length reached
        closed: unreachable: connection closed before message completed
        huge: unreachable: its answer is larger than 4 MiB
    "#]].assert_eq(&table);
}

#[tokio::test]
async fn what_is_asked() {
    let stand_in = StandIn::always(Reply::json(200, EMPTY)).await;
    let mut http = stand_in.http();
    http.url.set_path("/behind/a/proxy");
    let store = open(LogStore::Loki {
        http,
        tenant: Some(String::from("core|cron")),
    });
    read_one(&*store, r#"{app="core", color!="a&b"}"#).await;
    let asked = &stand_in.asked()[0];
    assert_eq!(asked.header("x-scope-orgid"), "core|cron");
    let question = format!("{} {} {:#?}", asked.method, asked.path, asked.parameters);
    expect![[r#"
        GET /behind/a/proxy/loki/api/v1/query_range [
            (
                "query",
                "{app=\"core\", color!=\"a&b\"}",
            ),
            (
                "start",
                "1795308300000000000",
            ),
            (
                "end",
                "1795309230000000000",
            ),
            (
                "limit",
                "1",
            ),
            (
                "direction",
                "backward",
            ),
        ]"#]]
    .assert_eq(&question);
}

/// Each subject has its own answer, in their order, and a bad one takes no other with it.
#[tokio::test]
async fn many_subjects() {
    let stand_in = StandIn::start(|asked| match asked.parameter("query") {
        r#"{app="core"}"# => Reply::json(200, TWO_STREAMS),
        "{" => Reply::text(400, "parse error"),
        _ => Reply::json(200, EMPTY),
    })
    .await;
    let subjects = [r#"{app="a"}"#, r#"{app="core"}"#, "{", r#"{app="b"}"#].map(subject);
    let readings = loki(stand_in.http())
        .read(&subjects, NOW, crate::probe::logs::ROUND)
        .await;
    let lines: Vec<_> = readings.iter().map(told).collect();
    assert_eq!(
        lines,
        [
            "nothing",
            "29877 ms ago",
            "bad_query: HTTP 400: parse error",
            "nothing"
        ]
    );
}

/// A stopped process takes connections and never answers.
#[tokio::test]
async fn a_hung_store_is_given_up() {
    let stand_in = StandIn::always(Reply::Hung).await;
    let http = stand_in.http();
    let store = loki(http.clone());
    let source = crate::probe::logs::stand_in::source(LogStore::Loki { http, tenant: None });
    let question = LogStoreQuestion {
        source: std::sync::Arc::new(source),
        subjects: vec![subject("{}"), subject("{a=\"b\"}")],
    };
    let ask = LogAsk {
        monitor: String::from("one"),
        send: None,
        unseen: marks_at(&[1]),
    };
    let limit = Duration::from_millis(200);
    let answer = ask_all(&*store, &question, &ask, NOW, limit).await;
    let late = "unreachable: no answer within 160ms";
    assert_eq!(
        answer.readings.iter().map(told).collect::<Vec<_>>(),
        [late; 2]
    );
    assert_eq!(
        answer.seen.unwrap().unwrap_err().words,
        "no answer within 200ms"
    );
    assert_eq!(answer.statement, None);
}

fn marks_at(seconds_ago: &[u32]) -> Vec<CanaryMark> {
    let marks = seconds_ago.iter().map(|seconds| CanaryMark {
        number: u64::from(1_000 - seconds),
        sent_at: NOW - Duration::from_secs(u64::from(*seconds)),
    });
    marks.collect()
}

#[tokio::test]
async fn canaries_are_found_by_their_numbers() {
    let stand_in = StandIn::always(Reply::json(
        200,
        r#"{"status":"success","data":{"resultType":"streams","result":[{"stream":{"app":"hekate","hekate_monitor":"one"},
        "values":[["1795309080000000000","hekate_canary=one-880 up"],["1795309140000000000","hekate_canary=one-940 up"],
        ["1795309141000000000","hekate_canary=two-970 up"],["1795309142000000000","noise"]]}]}}"#,
    ))
    .await;
    let store = loki(stand_in.http());
    let unseen = marks_at(&[120, 90, 60, 30]);
    let seen = store.find("one", &unseen, NOW).await;
    assert_eq!(seen, Ok(vec![880, 940]));
    let asked = &stand_in.asked()[0];
    assert_eq!(
        asked.parameter("query"),
        r#"{app="hekate",hekate_monitor="one"} |= "hekate_canary=""#
    );
    // A minute before the oldest.
    assert_eq!(asked.parameter("start"), "1795309020000000000");
    assert_eq!(asked.parameter("direction"), "forward");
}

/// Seconds after questions are answered again, `/ready` still says no: words, not a verdict.
#[tokio::test]
async fn ready_is_only_a_word() {
    let stand_in = StandIn::start(|asked| match asked.path.as_str() {
        "/ready" => Reply::text(
            503,
            "Ingester not ready: waiting for 15s after being ready\n",
        ),
        _ => Reply::json(200, TWO_STREAMS),
    })
    .await;
    let store = loki(stand_in.http());
    assert_eq!(read_one(&*store, "{}").await, "29877 ms ago");
    let statement = store.state(NOW).await.unwrap();
    assert_eq!(
        statement.words,
        "it says of itself: Ingester not ready: waiting for 15s after being ready"
    );
    assert_eq!(
        (statement.complete_until, statement.drains_within),
        (None, None)
    );
    let stand_in = StandIn::always(Reply::text(200, "ready\n")).await;
    assert_eq!(loki(stand_in.http()).state(NOW).await, None);
}

#[tokio::test]
async fn its_clock_is_seen() {
    let reply = Reply::json(200, EMPTY).with("date", "Sun, 22 Nov 2026 01:01:00 GMT");
    let stand_in = StandIn::always(reply).await;
    let store = loki(stand_in.http());
    assert_eq!(store.skew_ms(), None);
    read_one(&*store, "{}").await;
    assert_eq!(store.skew_ms(), Some(60_500));
}
