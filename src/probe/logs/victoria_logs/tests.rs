use std::{fmt::Write as _, sync::Arc};

use expect_test::expect;

use crate::{
    model::logs::HttpStore,
    probe::logs::stand_in::{NOW, Reply, StandIn, open, read_one},
};

use super::*;

fn victoria(http: HttpStore, tenant: Option<(u32, u32)>) -> Arc<dyn Store> {
    open(LogStore::VictoriaLogs { http, tenant })
}

fn stream(body: &str) -> Reply {
    Reply::of(200, "application/stream+json", body)
}

#[tokio::test]
async fn answers_of_all_kinds() {
    let answers = [
        (
            "a line",
            stream("{\"newest\":\"2026-11-22T00:59:30.123456789Z\"}\n"),
        ),
        ("nothing", stream("{\"lines\":\"0\",\"newest\":\"\"}\n")),
        (
            "a pipe that drops the time",
            stream("{\"lines\":\"17\",\"newest\":\"\"}\n"),
        ),
        ("an empty body", stream("")),
        (
            "two rows of a query that groups",
            stream(
                "{\"newest\":\"2026-11-22T00:59:00Z\"}\n{\"newest\":\"2026-11-22T00:59:30Z\"}\n",
            ),
        ),
        (
            "from the future",
            stream("{\"newest\":\"2027-11-22T00:59:00Z\"}\n"),
        ),
        (
            "a parse error",
            Reply::text(400, "cannot parse query [foo | ]: unexpected pipe \"\"\n"),
        ),
        ("no token", Reply::text(401, "")),
        ("a queue", Reply::text(429, "wait")),
        (
            "a node is gone",
            Reply::text(502, "cannot fetch data from vlstorage"),
        ),
        ("a page", Reply::of(200, "text/html", "<html></html>")),
        ("no object", stream("7\n")),
        ("another field", stream("{\"_msg\":\"x\"}\n")),
        ("no time", stream("{\"newest\":\"yesterday\"}\n")),
        ("a number", stream("{\"newest\":1795309170}\n")),
        ("half a line", stream("{\"newest\":\"2026-11-")),
        (
            "cut",
            Reply::Cut(b"{\"newest\":\"2026-11-22T00:59:30Z\"}\n".to_vec()),
        ),
        ("closed", Reply::Closed),
    ];
    let mut table = String::new();
    for (name, reply) in answers {
        let stand_in = StandIn::always(reply).await;
        let reading = read_one(&*victoria(stand_in.http(), None), r#"{app="core"}"#).await;
        writeln!(table, "{name}: {reading}").unwrap();
    }
    expect![[r#"
        a line: 29877 ms ago
        nothing: nothing
        a pipe that drops the time: bad_query: a pipe of the query takes the time of the lines away; it has to keep _time
        an empty body: nothing
        two rows of a query that groups: 30000 ms ago
        from the future: bad_query: the newest line is stamped 364 d 23 h ahead of our clock, which is not believed
        a parse error: bad_query: HTTP 400: cannot parse query [foo | ]: unexpected pipe ""
        no token: auth: HTTP 401
        a queue: overloaded: HTTP 429: wait
        a node is gone: unreachable: HTTP 502: cannot fetch data from vlstorage
        a page: unreachable: its answer has not the shape of VictoriaLogs's, so it is not the store that answers
        no object: unreachable: its answer has not the shape of VictoriaLogs's, so it is not the store that answers
        another field: unreachable: its answer has not the shape of VictoriaLogs's, so it is not the store that answers
        no time: unreachable: its answer has not the shape of VictoriaLogs's, so it is not the store that answers
        a number: unreachable: its answer has not the shape of VictoriaLogs's, so it is not the store that answers
        half a line: unreachable: its answer has not the shape of VictoriaLogs's, so it is not the store that answers
        cut: unreachable: end of file before message length reached
        closed: unreachable: connection closed before message completed
    "#]].assert_eq(&table);
}

/// The query stays as it was typed, or `a or b` would search `b` through all times.
#[tokio::test]
async fn what_is_asked() {
    let stand_in = StandIn::always(stream("{\"newest\":\"\"}")).await;
    let store = victoria(stand_in.http(), Some((12, 7)));
    read_one(
        &*store,
        r#"{app="core"} or {app="cron"} | filter x:y # both"#,
    )
    .await;
    let asked = &stand_in.asked()[0];
    assert_eq!(asked.header("accountid"), "12");
    assert_eq!(asked.header("projectid"), "7");
    let question = format!("{} {} {:#?}", asked.method, asked.path, asked.parameters);
    expect![[r#"
        POST /select/logsql/query [
            (
                "query",
                "{app=\"core\"} or {app=\"cron\"} | filter x:y # both\n| stats count() as lines, max(_time) as newest",
            ),
            (
                "start",
                "2026-11-22T00:45:00.000Z",
            ),
            (
                "end",
                "2026-11-22T01:00:30.000Z",
            ),
        ]"#]].assert_eq(&question);
}

#[tokio::test]
async fn canaries_are_found_by_their_numbers() {
    let rows = "{\"_msg\":\"hekate_canary=one-1 up\"}\n{\"_msg\":\"hekate_canary=one-3 up\"}\n{\"_msg\":\"noise\"}\n{\"x\":1}\n";
    let stand_in = StandIn::always(stream(rows)).await;
    let store = victoria(stand_in.http(), None);
    let unseen = [1, 2, 3].map(|number| CanaryMark {
        number,
        sent_at: NOW - Duration::from_secs(30 * (4 - number)),
    });
    assert_eq!(store.find("one", &unseen, NOW).await, Ok(vec![1, 3]));
    let asked = &stand_in.asked()[0];
    assert_eq!(
        asked.parameter("query"),
        r#"{app="hekate",hekate_monitor="one"} | fields _msg | limit 1000"#
    );
    assert_eq!(asked.parameter("start"), "2026-11-22T00:57:30.000Z");
    // None there is an answer as well.
    let stand_in = StandIn::always(stream("")).await;
    let store = victoria(stand_in.http(), None);
    assert_eq!(store.find("one", &unseen, NOW).await, Ok(vec![]));
}
