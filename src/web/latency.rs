//! How long answers took: the charts of a target's page, and `GET /api/v1/targets/<words>/latency`.

use std::sync::Arc;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Shared, target::STORE_LIMIT, trouble};
use crate::{
    command::Line,
    model::{
        CheckId, CheckKind, Target, Timestamp,
        board::Row,
        latency::{Latencies, is_timed},
        text::span,
    },
    page::{Chart, Window},
};

/// The most checks of a page that are drawn; a target has rarely more than two.
const CHECKS_MAX: usize = 4;

/// The last 24 hours of each check; nothing if the store does not say so in time, because the question was another one.
pub(super) async fn lately(shared: &Shared, target: &Target, now: Timestamp) -> Vec<Chart> {
    let asked = timed(target).map(|check| (check, Window::Day)).collect();
    let read = timeout(STORE_LIMIT, read(shared, asked, now)).await;
    let mut charts = read.ok().and_then(Result::ok).unwrap_or_default();
    charts.retain(|chart| chart.total().looks() > 0);
    charts
}

/// `health: p50 38 ms, p95 142 ms, 3 of 2880 looks failed (24h)`
pub(super) fn sentences(charts: &[Chart]) -> Vec<String> {
    let sentence = |chart: &Chart| {
        let total = chart.total();
        let took = |percent| {
            let took = total.answers.percentile(percent);
            took.map_or_else(|| String::from("-"), span)
        };
        let (kind, half, most) = (chart.kind.as_str(), took(50), took(95));
        let (failures, looks) = (total.failures(), total.looks());
        format!(
            "{kind}: p50 {half}, p95 {most}, {failures} of {looks} looks failed ({})",
            chart.window.as_str()
        )
    };
    charts.iter().map(sentence).collect()
}

/// The same as numbers, by the check.
pub(super) fn totals(charts: &[Chart]) -> Value {
    let total = |chart: &Chart| (String::from(chart.kind.as_str()), numbers(&chart.total()));
    Value::Object(charts.iter().map(total).collect())
}

/// The charts of a target, check by check and the shortest first; absent if the store does not say so in time.
pub(super) async fn charts(shared: &Shared, line: &Line, now: Timestamp) -> Option<Vec<Chart>> {
    let asked = timed(&line.target).take(CHECKS_MAX);
    let asked = asked.flat_map(|check| Window::ALL.map(|window| (check.clone(), window)));
    let asked: Vec<_> = asked.collect();
    match timeout(STORE_LIMIT, read(shared, asked, now)).await {
        Ok(Ok(charts)) => Some(charts),
        Ok(Err(why)) => {
            tracing::warn!(event = "page.latency", %why, "the page of a target cannot show how long answers take");
            None
        }
        Err(_late) => None,
    }
}

/// Its checks of which it is known how long answers take.
fn timed(target: &Target) -> impl Iterator<Item = CheckId> {
    let kinds = target.checks.iter().map(|check| check.kind);
    let mut kinds: Vec<CheckKind> = kinds.filter(|kind| is_timed(*kind)).collect();
    kinds.dedup();
    let id = target.id.clone();
    kinds.into_iter().map(move |kind| CheckId {
        target: id.clone(),
        kind,
    })
}

async fn read(
    shared: &Shared,
    asked: Vec<(CheckId, Window)>,
    now: Timestamp,
) -> Result<Vec<Chart>, String> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let times_answers = Arc::clone(&shared.times_answers);
    let read = move || {
        let chart = |(check, window): (CheckId, Window)| {
            let begins = window.begins(now);
            let counted = times_answers(&check, window.grain(), &begins)?;
            Ok(Chart {
                kind: check.kind,
                window,
                points: begins.into_iter().zip(counted).collect(),
            })
        };
        asked.into_iter().map(chart).collect()
    };
    shared.readers.ask(read).await
}

/// The answer of the API.
pub(super) async fn answer(shared: &Shared, row: &Row, window: Option<&str>) -> Response {
    let Some(window) = Window::named(window.unwrap_or("24h")) else {
        return trouble(
            StatusCode::BAD_REQUEST,
            "bad_window",
            "`window` is 24h, 7d or 90d",
        );
    };
    let now = shared.clock.now().at;
    let asked = timed(&row.target).map(|check| (check, window)).collect();
    match read(shared, asked, now).await {
        Ok(charts) => Json(json!({
            "target": row.target.id.as_str(),
            "window": window.as_str(),
            "points_of": window.grain().as_str(),
            "checks": charts.iter().map(check).collect::<Vec<_>>(),
        }))
        .into_response(),
        Err(why) => trouble(StatusCode::SERVICE_UNAVAILABLE, "store", &why),
    }
}

fn check(chart: &Chart) -> Value {
    let point = |(from, counted): &(Timestamp, Latencies)| {
        let mut point = numbers(counted);
        point["from"] = json!(from.to_string());
        point
    };
    let mut check = numbers(&chart.total());
    check["check"] = json!(chart.kind.as_str());
    check["points"] = chart.points.iter().map(point).collect();
    check
}

/// Times are milliseconds, and `null` where nothing was answered.
fn numbers(counted: &Latencies) -> Value {
    let ms = |percent| {
        let took = counted.answers.percentile(percent);
        // The sketch knows no more than three digits.
        took.map(|took| (took.as_secs_f64() * 100_000.0).round() / 100.0)
    };
    json!({
        "p50_ms": ms(50),
        "p95_ms": ms(95),
        "p99_ms": ms(99),
        "looks": counted.looks(),
        "failures": {
            "explicit": counted.explicit,
            "refused": counted.refused,
            "silent": counted.silent,
        },
        "unobservable": counted.gaps,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        model::{Outcome, latency::Grain},
        web::{
            State, router,
            tests::{get_of, world},
        },
    };

    /// Every hour and day but the newest one had four looks, one of which failed.
    fn state() -> State {
        let mut state = world().state;
        state.times_answers = Arc::new(|_: &_, grain: Grain, begins: &[Timestamp]| {
            let mut counted = Latencies::default();
            for took in [10, 20, 400] {
                counted.add(&Outcome::Healthy, Duration::from_millis(took));
            }
            counted.refused = if grain == Grain::Day { 24 } else { 1 };
            let mut all = vec![counted; begins.len()];
            all.last_mut().map(std::mem::take);
            Ok(all)
        });
        state
    }

    #[tokio::test]
    async fn the_api_says_how_long_answers_take() {
        let router = router(state());
        for (window, points, of) in [
            ("", 24, "hour"),
            ("?window=7d", 168, "hour"),
            ("?window=90d", 90, "day"),
        ] {
            let answer = get_of(
                &router,
                &format!("/api/v1/targets/master/blue/latency{window}"),
            )
            .await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(body["points_of"], of);
            let check = &body["checks"][0];
            assert_eq!(check["check"], "health");
            let all = check["points"].as_array().unwrap();
            assert_eq!(all.len(), points);
            assert_eq!(all[points - 1]["p50_ms"], Value::Null, "a gap is a gap");
            let half = check["p50_ms"].as_f64().unwrap();
            assert!((19.6..=20.4).contains(&half), "{half}");
            assert_eq!(
                check["failures"]["refused"].as_u64().unwrap() % (points as u64 - 1),
                0
            );
        }
        let bad = get_of(&router, "/api/v1/targets/master/blue/latency?window=1y").await;
        assert_eq!(bad.status, StatusCode::BAD_REQUEST);
        assert!(bad.body.contains("24h, 7d or 90d"), "{}", bad.body);
        let nobody = get_of(&router, "/api/v1/targets/nobody/latency").await;
        assert_eq!(nobody.status, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn who_asks_about_a_target_is_told_in_a_line() {
        let path = "/api/v1/targets/master/blue/explain";
        let text = get_of(&router(state()), &format!("{path}?format=text"))
            .await
            .body;
        assert!(text.contains("health: p50 20 ms, p95 "), "{text}");
        assert!(text.contains(", 23 of 92 looks failed (24h)"), "{text}");
        let body: Value = serde_json::from_str(&get_of(&router(state()), path).await.body).unwrap();
        assert_eq!(body["latency_24h"]["health"]["looks"], 92);
        let nothing = get_of(&router(world().state), path).await.body;
        let body: Value = serde_json::from_str(&nothing).unwrap();
        assert_eq!(body["latency_24h"], json!({}));
    }

    #[tokio::test]
    async fn the_page_of_a_target_draws_it() {
        let page = get_of(&router(state()), "/targets/master/blue").await.body;
        for words in [
            "health, 24 hours: half within 20 ms, 95% within",
            "health, 7 days:",
            "health, 90 days:",
            "<title id=\"latency-health-24h\">",
            "class=\"p95\" d=\"M0 ",
            "Days without data: 1",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        let czech = get_of(&router(state()), "/targets/master/blue?lang=cs")
            .await
            .body;
        assert!(
            czech.contains("polovina do") && czech.contains("Hodin bez dat: 1"),
            "{czech}"
        );
    }

    #[tokio::test]
    async fn a_store_that_fails_takes_only_the_charts_away() {
        let mut state = state();
        state.times_answers = Arc::new(|_: &_, _, _: &_| Err(String::from("the disk is on fire")));
        let router = router(state);
        let page = get_of(&router, "/targets/master/blue").await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(
            !page.body.contains("on fire") && !page.body.contains("figure"),
            "{}",
            page.body
        );
        let answer = get_of(&router, "/api/v1/targets/master/blue/latency").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
