//! `metrics:` from the file to what a look says.

use std::{fmt::Write as _, io::Write as _, net::SocketAddr};

use expect_test::{expect, expect_file};
use flate2::{Compression, write::GzEncoder};
use hekate::config::{Environment, Format, load_text};

use super::stage::{
    PATIENT, answering, look_with, nobody, ok, prober, read_head, send, serve, told,
};

const PAGE: &str = "# TYPE queue_depth gauge\nqueue_depth{queue=\"mail\",host=\"a\"} 700\n\
                    queue_depth{queue=\"sms\",host=\"a\"} 42.5\nqueue_depth{queue=\"sms\",host=\"a\"} 9000\n\
                    up 1\nratio NaN\nratio{of=\"a\"} 0.25\nidle NaN\ntorn{ 1\ntorn 3\nsum{a=\"1\"} +Inf\n\
                    sum{a=\"2\"} -Inf\ntiny 0.30000000000000004\n# TYPE jobs counter\njobs_total 4\nlarge 1e300\n";

/// Limits of values on [`PAGE`].
const LIMITS: &[&str] = &[
    "name: queue_depth, above: 700, below: 42.5",
    "name: queue_depth, above: 500",
    "name: queue_depth, above: 40",
    "name: queue_depth, below: 1000",
    "name: queue_depth, combine: sum, above: 742.5, below: 742.5",
    "name: queue_depth, combine: sum, above: 742",
    "name: queue_depth, combine: max, above: 699",
    "name: queue_depth, combine: min, below: 43",
    "name: queue_depth, labels: { queue: sms }, degraded_above: 40, above: 50",
    "name: queue_depth, degraded_above: 40, above: 50",
    "name: queue_depth, labels: { queue: fax }, above: 1",
    "name: queue, above: 1",
    "name: queue, above: 1, absent: down",
    "name: queue, above: 1, absent: degraded",
    "name: queue, above: 1, absent: operational",
    "name: jobs, above: 1",
    "name: up, degraded_below: 1",
    "name: ratio, above: 0.2",
    "name: ratio, combine: sum, below: 0.2",
    "name: idle, below: 1",
    "name: idle, below: 1, absent: down",
    "name: torn, above: 5",
    "name: torn, above: 2",
    "name: sum, above: 1000000",
    "name: sum, combine: sum, above: 1",
    "name: tiny, above: 0.3",
    "name: large, above: 2.5e-7",
];

async fn looked(address: SocketAddr, rest: &str) -> String {
    let text = format!(
        "channels: {{ alerts: \"https://hooks.slack.com/services/T0/B0/not-a-secret\" }}\n\
         targets: [ {{ name: api, metrics: {{ url: \"http://{address}/metrics\", {rest} }} }} ]\n"
    );
    let environment = Environment::of([("TOKEN", "s3cr3t-token")]);
    let outcome = load_text("targets.yaml", &text, &environment);
    let said = outcome.report.render(Format::Human, false);
    let plan = outcome.plan.unwrap_or_else(|| panic!("{said}"));
    let question = &plan.targets[0].checks[0].question;
    told(&look_with(&prober(), question, PATIENT).await)
}

#[tokio::test]
async fn a_value_is_compared_with_its_limits() {
    let mut first = String::new();
    // A page of one piece, one that is longer than a health body may be, and one with the line ends of another system.
    let pages = [
        answering(ok(PAGE)).await,
        answering(ok(&format!("{}{PAGE}", "filler 1\n".repeat(30_000)))).await,
        answering(ok(&format!("\u{feff}{}", PAGE.replace('\n', "\r\n")))).await,
    ];
    for (at, address) in pages.into_iter().enumerate() {
        let mut said = String::new();
        for rest in LIMITS {
            let _ = writeln!(said, "{rest}\n    {}", looked(address, rest).await);
        }
        if at == 0 {
            expect_file!["metrics/said_of_limits.txt"].assert_eq(&said);
            first = said;
        } else {
            assert_eq!(said, first, "all pages say the same");
        }
    }
}

#[tokio::test]
async fn pages_of_the_wild() {
    let pages = [
        include_str!("metrics/node_exporter.txt"),
        include_str!("metrics/prometheus.txt"),
        include_str!("metrics/victoria_metrics.txt"),
        include_str!("metrics/micrometer_open_metrics.txt"),
    ];
    let mut addresses = Vec::new();
    for page in pages {
        addresses.push(answering(ok(page)).await);
    }
    let cases = [
        (0, "name: node_load1, above: 8"),
        (
            0,
            "name: node_filesystem_avail_bytes, labels: { fstype: xfs }, below: 5e9",
        ),
        (0, "name: node_filesystem_avail_bytes, below: 5000000000"),
        (0, "name: node_network_speed_bytes, below: 0"),
        (
            0,
            "name: go_gc_duration_seconds, labels: { quantile: \"1\" }, above: 0.0002",
        ),
        (
            1,
            "name: prometheus_config_last_reload_successful, below: 1",
        ),
        (
            1,
            "name: prometheus_engine_query_duration_seconds, above: 1",
        ),
        (
            1,
            "name: prometheus_http_request_duration_seconds, above: 1",
        ),
        (
            1,
            "name: prometheus_http_request_duration_seconds_bucket, labels: { le: +Inf }, above: 10",
        ),
        (
            1,
            "name: prometheus_tsdb_lowest_timestamp_seconds, above: 1e15",
        ),
        (2, "name: vm_active_merges, above: 1"),
        (2, "name: flag, labels: { value: '\"12\"' }, above: 0"),
        (
            2,
            "name: vm_free_disk_space_bytes, degraded_below: 1e11, below: 1e10",
        ),
        (
            3,
            "name: logback_events_total, labels: { level: error }, above: 5",
        ),
        (3, "name: logback_events, above: 5"),
        (3, "name: http_server_requests_seconds_bucket, above: 20"),
    ];
    let mut said = String::new();
    for (page, rest) in cases {
        let _ = writeln!(said, "{rest}\n    {}", looked(addresses[page], rest).await);
    }
    expect_file!["metrics/said_of_pages.txt"].assert_eq(&said);
}

fn typed(kind: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn bare(status: &str, more: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\n\r\n").into_bytes()
}

fn gzip(body: &str, length: usize) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(body.as_bytes()).expect("into memory");
    let packed = packed.finish().expect("into memory");
    let packed = &packed[..packed.len().min(length)];
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    )
    .into_bytes();
    bytes.extend_from_slice(packed);
    bytes
}

#[tokio::test]
async fn what_is_no_page_of_metrics_is_said_and_accuses_nobody_of_more() {
    let rest = "name: up, below: 1";
    let html = "<!doctype html><title>Sign in</title>\nup 0\n";
    let long = "filler 1\n".repeat(500_000);
    let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let cases = [
        ("404", bare("404 Not Found", "")),
        ("401", bare("401 Unauthorized", "")),
        ("500", bare("500 Internal Server Error", "")),
        (
            "to a login",
            bare(
                "302 Found",
                "Location: https://login.example.test/sso?x=1\r\n",
            ),
        ),
        ("204", bare("204 No Content", "")),
        ("an empty page", ok("")),
        ("a comment", ok("# nothing here\n\n")),
        (
            "a page for people",
            typed("text/html; charset=utf-8", "<p>hello</p>"),
        ),
        ("a page with a line like a value", typed("text/plain", html)),
        (
            "metrics that call themselves a page",
            typed("text/html", "up 0\n"),
        ),
        ("JSON", ok("{\"status\": \"UP\"}")),
        ("bytes", ok("\u{0}\u{1}\u{2}binary\u{ff}")),
        ("packed", gzip("up 0\n", usize::MAX)),
        ("packed and torn", gzip("up 0\n", 12)),
        (
            "a bomb",
            gzip(&format!("up 1\n{}", long.repeat(10)), usize::MAX),
        ),
        ("long, without it", ok(&long)),
        ("long, it is over", ok(&format!("up 1\n{long}"))),
        ("long, one is bad", ok(&format!("up{{a=\"1\"}} 0\n{long}"))),
        ("long, not over", ok(&"up{a=\"b\"} 1\n".repeat(400_000))),
        ("no end", typed(open, "up 1\n")),
        ("no end, but over", typed(open, "up 1\nother 2\n")),
        ("an end", typed(open, "up 1\n# EOF\n")),
        ("no end, but bad", typed(open, "up 0\n")),
        ("no end, without it", typed(open, "other 2\n")),
        (
            "torn",
            b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nup 1\n".to_vec(),
        ),
    ];
    let mut said = String::new();
    for (what, bytes) in cases {
        let _ = writeln!(
            said,
            "{what}\n    {}",
            looked(answering(bytes).await, rest).await
        );
    }
    let _ = writeln!(said, "nobody\n    {}", looked(nobody().await, rest).await);
    expect_file!["metrics/said_of_strange.txt"].assert_eq(&said);
}

#[tokio::test]
async fn a_secret_that_we_send_is_not_shown_and_text_is_asked_for() {
    let (heard, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let address = serve(move |mut stream| {
        let heard = heard.clone();
        async move {
            let request = read_head(&mut stream).await.to_ascii_lowercase();
            let _nobody_asks = heard.send(request);
            let page =
                "up{token=\"hunter2hunter2\",mine=\"s3cr3t-token\"} 0\nup{a=\"<!here>\"} 1\n";
            send(&mut stream, &ok(page)).await;
        }
    })
    .await;
    let said = looked(address, "name: up, below: 1, bearer: \"${TOKEN}\"").await;
    expect!["explicit rule_matched: `up{mine=***,token=***}` is 0, below 1"].assert_eq(&said);
    let request = requests.recv().await.expect("it was asked");
    assert!(
        request.contains("accept: text/plain;version=0.0.4"),
        "{request}"
    );
    assert!(request.contains("bearer s3cr3t-token"), "{request}");
}
