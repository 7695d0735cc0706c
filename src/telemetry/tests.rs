//! What Prometheus reads.

use std::{
    io::{ErrorKind, Write},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use super::{Answer, Metrics};
use crate::{
    command::fixture::{NOW, board},
    model::{
        ChannelName, CheckKind, Delivery, Failure, FailureClass, FailureKind, Gap, GapKind, Kind,
        Outcome, Verdict,
        board::Ourselves,
        observation::{Degradation, DegradationKind},
    },
};

fn busy() -> Metrics {
    let metrics = Metrics::new();
    let look = |outcome: &Outcome, millis| {
        metrics.look_began(Duration::from_micros(30));
        metrics.looked(CheckKind::Health, outcome, Duration::from_millis(millis));
        metrics.look_ended();
    };
    let words = String::from("words");
    look(&Outcome::Healthy, 84);
    look(&Outcome::Healthy, 121);
    let kind = DegradationKind::RuleMatched;
    look(
        &Outcome::Degraded(Degradation {
            kind,
            words: words.clone(),
        }),
        20,
    );
    let (class, kind) = (FailureClass::Silent, FailureKind::RuleMatched);
    look(
        &Outcome::Unhealthy(Failure {
            class,
            kind,
            words: words.clone(),
        }),
        5_000,
    );
    let kind = GapKind::Resolver;
    look(
        &Outcome::Unobservable(Gap {
            kind,
            words: words.clone(),
        }),
        1,
    );
    metrics.look_began(Duration::ZERO);
    metrics.transition(Verdict::Operational, Verdict::Down);
    let channel = ChannelName::new("a \"quoted\" name\nof two lines");
    let delay = Duration::from_millis(400);
    metrics.delivered(&channel, Kind::Opened, &Delivery::Accepted, delay);
    metrics.delivered(
        &channel,
        Kind::Opened,
        &Delivery::Refused {
            why: words,
            is_malformed: false,
        },
        delay,
    );
    metrics.scheduler_lag(Duration::from_millis(2));
    metrics.overrun();
    metrics.store_size(4_096);
    metrics.reloaded(NOW);
    metrics.slash_command(Answer::Answered);
    metrics
}

fn rendered() -> String {
    let board = board();
    board.ourselves.store(Arc::new(Ourselves {
        outbox: 2,
        outbox_oldest: Some(NOW - Duration::from_secs(90)),
        ..Ourselves::default()
    }));
    busy().render(Arc::new(board), NOW)
}

#[test]
fn what_happened_is_counted() {
    let text = rendered();
    for line in [
        "hekate_target_state{target=\"master/green\",group=\"master\",state=\"down\"} 1",
        "hekate_target_state{target=\"master/green\",group=\"master\",state=\"operational\"} 0",
        "hekate_target_state{target=\"api\",group=\"\",state=\"operational\"} 1",
        "hekate_probe_results_total{check=\"health\",result=\"healthy\"} 2",
        "hekate_probe_problems_total{check=\"health\",result=\"degraded\",kind=\"rule_matched\"} 1",
        "hekate_probe_problems_total{check=\"health\",result=\"unhealthy\",kind=\"rule_matched\"} 1",
        "hekate_probe_duration_seconds_bucket{le=\"0.1\",check=\"health\",result=\"healthy\"} 1",
        "hekate_probe_duration_seconds_count{check=\"health\",result=\"healthy\"} 2",
        "hekate_transitions_total{from=\"operational\",to=\"down\"} 1",
        "hekate_transitions_total{from=\"down\",to=\"operational\"} 0",
        "hekate_notifications_total{channel=\"a \\\"quoted\\\" name\\nof two lines\",kind=\"opened\",outcome=\"accepted\"} 1",
        "hekate_notification_delay_seconds_count 1",
        "hekate_outbox_messages 2",
        "hekate_outbox_oldest_seconds 90.0",
        "hekate_scheduler_lag_seconds_count 1",
        "hekate_overruns_total 1",
        "hekate_looks_in_flight 1",
        "hekate_look_waiting_seconds_count 6",
        "hekate_store_size_bytes 4096",
        "hekate_store_writable 1",
        "hekate_config_last_reload_successful 1",
        "hekate_config_last_reload_timestamp_seconds 1795270480.0",
        "hekate_slash_commands_total{outcome=\"answered\"} 1",
        "# TYPE hekate_overruns_total counter",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
    assert!(text.contains("hekate_build_info{version=\""));
}

#[test]
fn each_name_is_described_once_and_before_its_samples() {
    let text = rendered();
    let mut described = std::collections::HashSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let name = rest.split(' ').next().unwrap().to_owned();
            assert!(described.insert(name), "{line}");
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            let is_described = ["", "_sum", "_count", "_bucket"].iter().any(|suffix| {
                name.strip_suffix(suffix)
                    .is_some_and(|name| described.contains(name))
            });
            assert!(is_described, "{line}");
        }
    }
}

/// Prometheus' own tool has nothing to say against it.
#[test]
fn promtool_finds_no_fault() {
    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match started {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            assert!(
                std::env::var_os("HEKATE_REQUIRE_SERVERS").is_none(),
                "promtool is required and not installed"
            );
            skipped("promtool is not installed");
            return;
        }
        started => started.expect("promtool starts"),
    };
    let text = rendered();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}

#[expect(clippy::print_stderr, reason = "a skipped test has to be heard of")]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}
