use std::{fmt::Write as _, sync::Arc};

use expect_test::expect;

use crate::{
    model::{
        Secret,
        logs::{HttpStore, LogStore, StoreCredentials},
        plan::Credentials,
    },
    probe::logs::stand_in::{Reply, StandIn, open, read_one},
};

use super::*;

fn kubernetes(http: HttpStore) -> Arc<dyn Store> {
    open(LogStore::Kubernetes(http))
}

fn pods(names: &[&str]) -> Reply {
    let items: Vec<_> = names
        .iter()
        .map(|name| format!(r#"{{"metadata":{{"name":"{name}"}},"status":{{"phase":"Running"}}}}"#))
        .collect();
    Reply::json(
        200,
        &format!(
            r#"{{"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"1"}},"items":[{}]}}"#,
            items.join(",")
        ),
    )
}

fn status(code: u16, reason: &str, message: &str) -> Reply {
    Reply::json(
        code,
        &format!(
            r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{message}","reason":"{reason}","code":{code}}}"#
        ),
    )
}

fn line(at: &str) -> Reply {
    Reply::text(200, &format!("{at} {{\"level\":\"info\",\"msg\":\"beginn"))
}

/// What is said of two pods when their logs answer so.
async fn with_logs(first: Reply, second: Reply) -> String {
    let stand_in = StandIn::start(move |asked| match asked.path.as_str() {
        "/api/v1/namespaces/prod/pods" => pods(&["core-a", "core-b"]),
        "/api/v1/namespaces/prod/pods/core-a/log" => first.clone(),
        "/api/v1/namespaces/prod/pods/core-b/log" => second.clone(),
        _ => Reply::text(404, "404 page not found"),
    })
    .await;
    read_one(&*kubernetes(stand_in.http()), "prod/app=core").await
}

#[tokio::test]
async fn logs_of_all_kinds() {
    let recent = || line("2026-11-22T00:59:30.123456789Z");
    let waiting = || {
        status(
            400,
            "BadRequest",
            r#"container \"web\" in pod \"core-b\" is waiting to start: ContainerCreating"#,
        )
    };
    let stories = [
        ("the newer of two", line("2026-11-22T00:58:00Z"), recent()),
        ("one has none", recent(), Reply::text(200, "")),
        ("one is waiting", recent(), waiting()),
        ("both are waiting", waiting(), waiting()),
        (
            "one is gone",
            recent(),
            status(404, "NotFound", "pods not found"),
        ),
        (
            "a node does not answer",
            recent(),
            status(500, "InternalError", "dial tcp 10.0.0.7:10250: i/o timeout"),
        ),
        (
            "no node answers",
            status(500, "InternalError", "dial tcp 10.0.0.6:10250: i/o timeout"),
            Reply::Closed,
        ),
        (
            "which container",
            status(
                400,
                "BadRequest",
                "a container name must be specified for pod core-a, choose one of: [web proxy]",
            ),
            Reply::Closed,
        ),
        ("one clock is fast", recent(), line("2026-11-22T02:00:00Z")),
        (
            "no time",
            Reply::text(200, "unable to retrieve container logs"),
            Reply::text(200, ""),
        ),
        (
            "not allowed to read logs",
            status(403, "Forbidden", r#"cannot get resource \"pods/log\""#),
            status(403, "Forbidden", r#"cannot get resource \"pods/log\""#),
        ),
    ];
    let mut table = String::new();
    for (name, first, second) in stories {
        writeln!(table, "{name}: {}", with_logs(first, second).await).unwrap();
    }
    expect![[r#"
        the newer of two: 29877 ms ago
        one has none: 29877 ms ago
        one is waiting: 29877 ms ago
        both are waiting: nothing
        one is gone: 29877 ms ago
        a node does not answer: 29877 ms ago, partial
        no node answers: unreachable: HTTP 500: dial tcp 10.0.0.6:10250: i/o timeout
        which container: bad_query: HTTP 400: a container name must be specified for pod core-a, choose one of: [web proxy]
        one clock is fast: 29877 ms ago, partial
        no time: nothing, partial
        not allowed to read logs: auth: HTTP 403: cannot get resource "pods/log"
    "#]].assert_eq(&table);
}

#[tokio::test]
async fn lists_of_all_kinds() {
    let stories = [
        ("no pod", pods(&[])),
        (
            "null",
            Reply::json(200, r#"{"kind":"PodList","metadata":{},"items":null}"#),
        ),
        (
            "a bad selector",
            status(400, "BadRequest", "unable to parse requirement: found '!'"),
        ),
        ("no token", status(401, "Unauthorized", "Unauthorized")),
        ("not allowed", status(403, "Forbidden", "pods is forbidden")),
        ("too many", status(429, "TooManyRequests", "try again")),
        ("down", Reply::text(503, "apiserver not ready")),
        ("a page", Reply::of(200, "text/html", "<html></html>")),
        ("another API", Reply::json(200, r#"{"items":{}}"#)),
        ("a pod that leads elsewhere", pods(&["../../secrets"])),
        ("closed", Reply::Closed),
    ];
    let mut table = String::new();
    for (name, reply) in stories {
        let stand_in = StandIn::always(reply).await;
        let reading = read_one(&*kubernetes(stand_in.http()), "prod/app=core").await;
        writeln!(table, "{name}: {reading}").unwrap();
    }
    expect![[r#"
        no pod: not_found: no pod in prod matches app=core
        null: not_found: no pod in prod matches app=core
        a bad selector: bad_query: HTTP 400: unable to parse requirement: found '!'
        no token: auth: HTTP 401: Unauthorized
        not allowed: auth: HTTP 403: pods is forbidden
        too many: overloaded: HTTP 429: try again
        down: unreachable: HTTP 503: apiserver not ready
        a page: unreachable: its answer is no JSON, so it is not the store that answers
        another API: unreachable: its answer has not the shape of Kubernetes's, so it is not the store that answers
        a pod that leads elsewhere: unreachable: its answer has not the shape of Kubernetes's, so it is not the store that answers
        closed: unreachable: connection closed before message completed
    "#]].assert_eq(&table);
}

/// Pods are there, but none is running: that is silence, not a wrong selector.
#[tokio::test]
async fn none_is_running() {
    let stand_in = StandIn::start(|asked| match asked.parameter("fieldSelector") {
        "" => pods(&["core-a"]),
        _ => pods(&[]),
    })
    .await;
    let store = kubernetes(stand_in.http());
    assert_eq!(read_one(&*store, "prod/app=core").await, "nothing");
}

#[tokio::test]
async fn more_pods_than_are_asked() {
    let stand_in = StandIn::start(|asked| {
        if asked.path.ends_with("/log") {
            line("2026-11-22T00:59:30Z")
        } else {
            Reply::json(
                200,
                r#"{"kind":"PodList","metadata":{"continue":"abc"},"items":[{"metadata":{"name":"core-a"}}]}"#,
            )
        }
    })
    .await;
    let store = kubernetes(stand_in.http());
    assert_eq!(
        read_one(&*store, "prod/app=core").await,
        "30000 ms ago, partial"
    );
}

#[tokio::test]
async fn what_is_asked() {
    let stand_in = StandIn::start(|asked| {
        if asked.path.ends_with("/log") {
            line("2026-11-22T00:59:30Z")
        } else {
            pods(&["core-a"])
        }
    })
    .await;
    let mut http = stand_in.http();
    let token = Credentials::Bearer(Secret::new("a token"));
    http.credentials = Some(StoreCredentials::Common(token));
    read_one(&*kubernetes(http), "prod/app.kubernetes.io/name=core/web").await;
    let mut table = String::new();
    for asked in stand_in.asked() {
        assert_eq!(asked.header("authorization"), "Bearer a token");
        writeln!(
            table,
            "{} {} {:?}",
            asked.method, asked.path, asked.parameters
        )
        .unwrap();
    }
    expect![[r#"
        GET /api/v1/namespaces/prod/pods [("labelSelector", "app.kubernetes.io/name=core"), ("fieldSelector", "status.phase=Running"), ("limit", "20")]
        GET /api/v1/namespaces/prod/pods/core-a/log [("tailLines", "1"), ("timestamps", "true"), ("limitBytes", "64"), ("container", "web")]
    "#]].assert_eq(&table);
}
