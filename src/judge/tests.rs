//! Stories: what the looks bring over time, and what the judge makes of it.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::model::{DegradationKind, Ending, GapKind, Moment, Tick, judgement::Count};

/// A target as the story has it: from each time on it answers in one way.
fn weather(story: &str) -> Vec<(Duration, String)> {
    story
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (at, what) = line
                .split_once(' ')
                .expect("a story line is a time and a word");
            (
                humantime::parse_duration(at).expect("a time"),
                what.trim().to_owned(),
            )
        })
        .collect()
}

fn failure(class: FailureClass, kind: FailureKind, words: &str) -> Outcome {
    Outcome::Unhealthy(Failure {
        class,
        kind,
        words: words.to_owned(),
    })
}

/// The outcome and length of a look at something that answers in this way.
fn answer(what: &str, number: u64) -> (Outcome, Duration, Option<Family>) {
    let quick = Duration::from_millis(40);
    let gap = |kind, words: &str| {
        Outcome::Unobservable(Gap {
            kind,
            words: words.to_owned(),
        })
    };
    let short = |kind, words: &str| {
        Outcome::Degraded(Degradation {
            kind,
            words: words.to_owned(),
        })
    };
    let (outcome, took) = match what {
        "ok" => (Outcome::Healthy, quick),
        "slow" => (Outcome::Healthy, Duration::from_millis(2_500)),
        "page" => return (Outcome::Healthy, quick, Some(Family::CodeOnly)),
        "down" => (
            failure(
                FailureClass::Explicit,
                FailureKind::SaysDown,
                "the body says DOWN",
            ),
            quick,
        ),
        "refused" => (
            failure(
                FailureClass::Refused,
                FailureKind::ConnectionRefused,
                "connection refused",
            ),
            quick,
        ),
        "silent" => (
            failure(
                FailureClass::Silent,
                FailureKind::FirstByteTimeout,
                "no answer",
            ),
            Duration::from_secs(4),
        ),
        "404" => (
            failure(FailureClass::Refused, FailureKind::NotFound, "HTTP 404"),
            quick,
        ),
        "401" => (gap(GapKind::NotAuthorised, "HTTP 401"), quick),
        "no-files" => (gap(GapKind::OwnResources, "too many open files"), quick),
        "degraded" => (
            short(DegradationKind::SaysDegraded, "the body says DEGRADED"),
            quick,
        ),
        "redirect" => (short(DegradationKind::Redirected, "redirected"), quick),
        "ok-or-degraded" | "ok-or-401" if number.is_multiple_of(2) => (Outcome::Healthy, quick),
        "ok-or-degraded" => return answer("degraded", number),
        "ok-or-401" => return answer("401", number),
        "half" if chance(number, 50) => (Outcome::Healthy, quick),
        "third" if chance(number, 67) => (Outcome::Healthy, quick),
        "half" | "third" => (
            failure(FailureClass::Refused, FailureKind::ServerError, "HTTP 500"),
            quick,
        ),
        other => (ending_outcome(other), quick),
    };
    (outcome, took, Some(Family::Spring3))
}

fn ending_outcome(what: &str) -> Outcome {
    let ending = ending(what).unwrap_or_else(|| panic!("the story does not know `{what}`"));
    match ending.warning {
        None => Outcome::Healthy,
        Some(_) => Outcome::Degraded(Degradation {
            kind: DegradationKind::Expiring,
            words: what.replace('-', " in "),
        }),
    }
}

/// Of `ends-20d`: warned of at 21, 7 and 1 days.
fn ending(what: &str) -> Option<Ending> {
    let left = humantime::parse_duration(what.strip_prefix("ends-")?).expect("a time");
    Ending::of(
        left,
        &[21, 7, 1].map(|days| Duration::from_hours(24 * days)),
    )
}

/// A log that did not say yet whether somebody is alive makes silence need longer; when it does, the next look decides.
#[test]
fn a_proof_holds_though_silence_needed_longer_at_first() {
    let usual = Policy::default();
    let mut longer = usual.clone();
    longer.spans.silent = Duration::from_secs(45);
    let mut state = State::new(Timestamp::default());
    let mut now = Moment::default();
    let mut look = |policy: &Policy, what: &str| {
        let (outcome, took, family) = answer(what, 1);
        now = now + Duration::from_secs(8);
        let seen = Seen {
            started: now.tick,
            finished: now.tick + took,
            at: now.at,
            is_regular: true,
            outcome,
            status: None,
            family,
            ending: None,
        };
        step(policy, &mut state, &seen)
    };
    assert!(look(&usual, "ok").is_some());
    for _ in 0..4 {
        assert_eq!(look(&longer, "silent"), None);
    }
    let change = look(&usual, "silent").expect("silent for 36 s");
    assert_eq!(change.to, Verdict::Down);
    let again = replay(&change.proof).expect("a proof gives its change again");
    assert_eq!(
        (again.to, again.since, again.reason),
        (change.to, change.since, change.reason)
    );
}

/// True for so many of a hundred numbers, without a pattern.
fn chance(number: u64, percent: u64) -> bool {
    let mixed = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32 & 0xFFFF < percent * 655
}

/// Plays a story and returns the changes with the times at which they were decided.
fn play(policy: &Policy, story: &str, state: &mut State) -> Vec<(Duration, Change)> {
    let weather = weather(story);
    let end = weather.last().expect("a story has an end").0;
    let mut now = Duration::ZERO;
    let mut is_regular = true;
    let mut changes = Vec::new();
    let mut number = 0;
    while now <= end {
        let what = &weather
            .iter()
            .rev()
            .find(|(from, _)| *from <= now)
            .expect("a story begins at 0s")
            .1;
        if what == "end" {
            break;
        }
        let (outcome, took, family) = answer(what, number);
        number += 1;
        let started = Moment::default() + now;
        let seen = Seen {
            started: started.tick,
            finished: started.tick + took,
            at: started.at,
            is_regular,
            outcome,
            status: Some(200),
            family,
            ending: ending(what),
        };
        if let Some(change) = step(policy, state, &seen) {
            let again = replay(&change.proof).expect("a proof gives its change again");
            assert_eq!(
                (again.to, again.since, &again.reason),
                (change.to, change.since, &change.reason)
            );
            assert_eq!(
                (again.looks_for, again.looks_of),
                (change.looks_for, change.looks_of)
            );
            changes.push((now + took, change));
        }
        match pace(policy, state, &seen) {
            Pace::Regular { every } => {
                now += every.max(took);
                is_regular = true;
            }
            Pace::Fresh { after } => {
                now += took + after;
                is_regular = false;
            }
        }
    }
    changes
}

fn check_with(policy: &Policy, story: &str, expected: &Expect) {
    let mut state = State::new(Timestamp::default());
    let mut out = String::new();
    for (at, change) in play(policy, story, &mut state) {
        let at = humantime::format_duration(Duration::from_millis(
            u64::try_from(at.as_millis()).unwrap(),
        ));
        let Change {
            from,
            to,
            since,
            reason,
            looks_for,
            looks_of,
            ..
        } = change;
        writeln!(
            out,
            "{at}: {from} -> {to} since {}s, {looks_for} of {looks_of} looks: {} ({})",
            since.as_millis() / 1_000,
            reason.words,
            reason.rule.as_str()
        )
        .expect("a string takes everything");
    }
    if state.blips > 0 {
        writeln!(out, "{} blips", state.blips).expect("a string takes everything");
    }
    expected.assert_eq(&out);
}

fn check(story: &str, expected: &Expect) {
    check_with(&Policy::default(), story, expected);
}

#[test]
fn a_target_that_says_down_is_told_after_eight_seconds() {
    check(
        "0s ok
         70s down
         5m ok
         10m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 38s 80ms: operational -> down since 90s, 4 of 4 looks: the body says DOWN (confirmed_explicit)
            5m 18s 160ms: down -> operational since 308s, 3 of 3 looks: 3 good looks in a row (recovered)
        "#]],
    );
}

#[test]
fn a_refused_connection_takes_twelve_seconds_and_silence_twenty() {
    check(
        "0s ok
         70s refused
         3m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 42s 80ms: operational -> down since 90s, 5 of 5 looks: connection refused (confirmed_refused)
        "#]],
    );
    check(
        "0s ok
         70s silent
         3m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 58s: operational -> down since 90s, 5 of 5 looks: no answer (confirmed_silent)
        "#]],
    );
}

#[test]
fn the_weakest_look_of_a_burst_decides_its_length() {
    check(
        "0s ok
         70s silent
         95s refused
         3m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 54s 40ms: operational -> down since 90s, 6 of 6 looks: connection refused (confirmed_silent)
        "#]],
    );
}

#[test]
fn one_good_look_ends_a_suspicion_and_nobody_is_told() {
    check(
        "0s ok
         89s silent
         95s ok
         124s down
         128s ok
         10m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            2 blips
        "#]],
    );
}

#[test]
fn the_first_sight_can_be_down() {
    check(
        "0s refused
         2m ok
         5m end",
        &expect![[r#"
            12s 80ms: unknown -> down since 0s, 5 of 5 looks: connection refused (confirmed_refused)
            2m 22s 160ms: down -> operational since 132s, 3 of 3 looks: 3 good looks in a row (recovered)
        "#]],
    );
}

#[test]
fn our_own_trouble_is_never_evidence() {
    check(
        "0s ok
         70s no-files
         20m ok
         21m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
        "#]],
    );
    // Not even when it begins in the middle of a burst: the burst waits, and then is void.
    check(
        "0s ok
         89s silent
         98s no-files
         20m ok
         21m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
        "#]],
    );
}

#[test]
fn not_being_let_in_is_no_verdict_and_a_path_that_never_worked_is_a_mistake_in_the_file() {
    check(
        "0s 401
         5m ok
         10m end",
        &expect![[r#"
            12s 80ms: unknown -> unknown since 0s, 5 of 5 looks: HTTP 401 (no_verdict)
            5m 22s 160ms: unknown -> operational since 312s, 3 of 3 looks: 3 good looks in a row (recovered)
        "#]],
    );
    check(
        "0s 404
         5m end",
        &expect![[r#"
            12s 80ms: unknown -> unknown since 0s, 5 of 5 looks: HTTP 404 (no_verdict)
        "#]],
    );
    check(
        "0s ok
         70s 404
         5m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 42s 80ms: operational -> down since 90s, 5 of 5 looks: HTTP 404 (confirmed_refused)
        "#]],
    );
}

#[test]
fn an_answer_that_falls_short_is_degraded_and_never_down() {
    check(
        "0s ok
         70s degraded
         5m ok
         10m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 38s 80ms: operational -> degraded since 90s, 4 of 4 looks: the body says DEGRADED (falls_short)
            5m 18s 160ms: degraded -> operational since 308s, 3 of 3 looks: 3 good looks in a row (recovered)
        "#]],
    );
    check(
        "0s ok
         70s refused
         95s redirect
         5m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 42s 80ms: operational -> degraded since 90s, 2 of 5 looks: redirected (falls_short)
        "#]],
    );
}

#[test]
fn a_page_without_meaning_where_there_was_one_is_degraded() {
    check(
        "0s ok
         70s page
         5m ok
         6m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 42s 80ms: operational -> degraded since 90s, 5 of 5 looks: answered with a page that says nothing, where it used to answer in `spring3` (falls_short)
            5m 12s 160ms: degraded -> operational since 302s, 3 of 3 looks: 3 good looks in a row (recovered)
        "#]],
    );
}

#[test]
fn degraded_becomes_down_but_silence_has_to_last_longer() {
    check(
        "0s ok
         70s degraded
         3m silent
         10m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 38s 80ms: operational -> degraded since 90s, 4 of 4 looks: the body says DEGRADED (falls_short)
            4m 1s 40ms: degraded -> down since 188s, 8 of 8 looks: no answer (confirmed_silent)
        "#]],
    );
}

#[test]
fn what_fell_short_at_first_and_then_falls_silent_is_down() {
    check(
        "0s ok
         70s redirect
         95s silent
         10m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 54s 40ms: operational -> degraded since 90s, 3 of 6 looks: redirected (falls_short)
            2m 43s 40ms: degraded -> down since 110s, 8 of 8 looks: no answer (confirmed_silent)
        "#]],
    );
}

#[test]
fn slow_answers_have_to_be_most_of_six() {
    check(
        "0s ok
         70s slow
         10m ok
         20m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            3m 32s 500ms: operational -> degraded since 210s, 5 of 6 looks: slow: 5 of the last 6 answers took longer than 2 s (slow)
            10m 50s 120ms: degraded -> operational since 640s, 3 of 3 looks: 3 good looks in a row (recovered)
        "#]],
    );
}

#[test]
fn half_of_the_looks_failing_is_degraded_within_minutes_and_heals_slowly() {
    check(
        "0s ok
         10m half
         30m ok
         60m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            15m 14s 200ms: operational -> degraded since 914s, 5 of 31 looks: fails again and again: 5 of the last 31 looks (partial_failure)
            19m 29s 720ms: degraded -> down since 1157s, 5 of 5 looks: HTTP 500 (confirmed_refused)
            22m 30s 80ms: down -> degraded since 1339s, 10 of 18 looks: answers again, but 8 of 18 looks still failed (answers_again)
            38m 44s 880ms: degraded -> operational since 2314s, 3 of 3 looks: 3 good looks in a row (recovered)
            34 blips
        "#]],
    );
}

#[test]
fn counting_replaces_the_burst_if_the_file_says_so() {
    let policy = Policy {
        count: Some(Count { failures: 3, of: 5 }),
        ..Policy::default()
    };
    check_with(
        &policy,
        "0s ok
         70s refused
         5m ok
         10m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            2m 30s 40ms: operational -> down since 90s, 3 of 5 looks: connection refused (counted)
            5m 10s 120ms: down -> operational since 300s, 3 of 3 looks: 3 good looks in a row (recovered)
        "#]],
    );
}

/// Confirmation by three failures of the last five looks.
fn counting() -> Policy {
    Policy {
        count: Some(Count { failures: 3, of: 5 }),
        ..Policy::default()
    }
}

#[test]
fn after_an_outage_counting_begins_anew() {
    check_with(
        &counting(),
        "0s ok
         70s refused
         5m ok
         6m refused
         6m20s ok
         10m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            2m 30s 40ms: operational -> down since 90s, 3 of 5 looks: connection refused (counted)
            5m 10s 120ms: down -> operational since 300s, 3 of 3 looks: 3 good looks in a row (recovered)
            1 blips
        "#]],
    );
}

#[test]
fn what_begins_with_something_milder_and_then_only_fails_is_down_without_another_wait() {
    check(
        "0s ok
         85s 401
         91s silent
         5m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 54s 40ms: operational -> unknown since 90s, 1 of 5 looks: HTTP 401 (no_verdict)
            2m 18s 40ms: unknown -> down since 110s, 5 of 5 looks: no answer (confirmed_silent)
        "#]],
    );
    check(
        "0s ok
         85s degraded
         91s refused
         5m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 42s 80ms: operational -> degraded since 90s, 1 of 5 looks: the body says DEGRADED (falls_short)
            1m 54s 120ms: degraded -> down since 102s, 5 of 5 looks: connection refused (confirmed_refused)
        "#]],
    );
}

#[test]
fn failures_are_not_counted_across_a_time_in_which_nothing_was_known() {
    check_with(
        &counting(),
        "0s ok
         70s refused
         140s 401
         30m refused
         30m20s ok
         60m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            2m 30s 40ms: operational -> unknown since 90s, 1 of 3 looks: HTTP 401 (no_verdict)
            30m 40s 120ms: unknown -> operational since 1830s, 3 of 3 looks: 3 good looks in a row (recovered)
        "#]],
    );
}

#[test]
fn what_answers_again_under_counting_heals() {
    check_with(
        &counting(),
        "0s ok
         70s refused
         5m half
         8m ok
         60m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            2m 30s 40ms: operational -> down since 90s, 3 of 5 looks: connection refused (counted)
            6m 50s 320ms: down -> degraded since 400s, 8 of 13 looks: answers again, but 5 of 13 looks still failed (answers_again)
            22m 30s 400ms: degraded -> operational since 1340s, 3 of 3 looks: 3 good looks in a row (recovered)
            1 blips
        "#]],
    );
}

#[test]
fn one_good_look_early_in_an_outage_is_forgotten_by_its_end() {
    check(
        "0s ok
         70s refused
         3m ok
         193s refused
         2h ok
         3h end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 42s 80ms: operational -> down since 90s, 5 of 5 looks: connection refused (confirmed_refused)
            2h 12s 200ms: down -> operational since 7202s, 3 of 3 looks: 3 good looks in a row (recovered)
        "#]],
    );
}

#[test]
fn what_answers_now_well_and_now_short_is_no_longer_down() {
    check(
        "0s ok
         70s refused
         5m ok-or-degraded
         20m ok
         40m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 42s 80ms: operational -> down since 90s, 5 of 5 looks: connection refused (confirmed_refused)
            5m 42s 320ms: down -> degraded since 337s, 4 of 7 looks: the body says DEGRADED (falls_short)
            20m 19s 680ms: degraded -> operational since 1209s, 3 of 3 looks: 3 good looks in a row (recovered)
        "#]],
    );
}

#[test]
fn good_looks_count_as_a_row_only_if_nothing_lies_between_them() {
    check(
        "0s ok
         70s 401
         5m ok-or-401
         20m ok-or-degraded
         40m ok
         60m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 42s 80ms: operational -> unknown since 90s, 5 of 5 looks: HTTP 401 (no_verdict)
            40m 6s 640ms: unknown -> operational since 2396s, 3 of 3 looks: 3 good looks in a row (recovered)
            193 blips
        "#]],
    );
}

#[test]
fn numbers_that_have_run_for_weeks_do_not_overflow() {
    let mut state = State::new(Timestamp::default());
    state.settled = Verdict::Down;
    state.answered = (u16::MAX, u16::MAX);
    let mut changes = Vec::new();
    for number in 0..3 {
        let (outcome, took, family) = answer("ok", 0);
        let started = Moment::default() + Duration::from_secs(10 * number);
        let seen = Seen {
            started: started.tick,
            finished: started.tick + took,
            at: started.at,
            is_regular: false,
            outcome,
            status: None,
            family,
            ending: None,
        };
        changes.extend(step(&Policy::default(), &mut state, &seen));
    }
    let [change] = changes.as_slice() else {
        panic!("one change: {changes:?}")
    };
    assert_eq!((change.looks_for, change.looks_of), (u16::MAX, u16::MAX));
}

#[test]
fn each_warning_of_an_end_is_decided_once_and_what_is_left_ages() {
    check(
        "0s ok
         70s ends-21d
         2h ends-20d
         4h ends-7d
         6h ends-6d
         8h ends-23h
         9h ok
         10h end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 38s 80ms: operational -> degraded since 90s, 4 of 4 looks: ends in 21d (falls_short)
            4h 16s 120ms: degraded -> degraded since 14408s, 4 of 4 looks: ends in 7d, was told at 21 d (falls_short)
            8h 24s 160ms: degraded -> degraded since 28816s, 4 of 4 looks: ends in 23h, was told at 7 d (falls_short)
            9h 1m 9s 520ms: degraded -> operational since 32424s, 10 of 10 looks: 10 good looks in a row (recovered)
        "#]],
    );
}

#[test]
fn looks_at_what_ends_are_made_without_haste() {
    let mut state = State::new(Timestamp::default());
    let _ = play(
        &Policy::default(),
        "0s ok\n60s ends-20d\n5m end",
        &mut state,
    );
    assert_eq!(state.settled, Verdict::Degraded);
    let seen = Seen {
        started: Tick::ZERO,
        finished: Tick::ZERO,
        at: Timestamp::default(),
        is_regular: true,
        outcome: Outcome::Healthy,
        status: None,
        family: None,
        ending: None,
    };
    let every = Policy::default().interval;
    assert_eq!(
        pace(&Policy::default(), &state, &seen),
        Pace::Regular { every }
    );
}

#[test]
fn what_is_left_is_shown_as_of_the_last_look() {
    let mut state = State::new(Timestamp::default());
    let story = "0s ok\n60s ends-20d\n10m ends-19d\n20m end";
    let changes = play(&Policy::default(), story, &mut state);
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert_eq!(state.reason.words, "ends in 19d");
}

#[test]
fn nothing_flaps_where_a_warning_begins() {
    check(
        "0s ends-505h
         10m ends-503h
         20m ends-505h
         40m ends-503h
         60m ends-527h
         80m ok
         2h end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            10m 8s 80ms: operational -> degraded since 600s, 4 of 4 looks: ends in 503h (falls_short)
            1h 20m 53s 440ms: degraded -> operational since 4808s, 10 of 10 looks: 10 good looks in a row (recovered)
        "#]],
    );
}

#[test]
fn a_host_with_the_old_certificate_behind_the_same_name_is_not_forgotten() {
    check(
        "0s ends-6d
         10m ok
         10m30s ends-6d
         20m ok
         20m30s ends-6d
         30m ends-20d
         31m ends-6d
         60m end",
        &expect![[r#"
            8s 80ms: unknown -> degraded since 0s, 4 of 4 looks: ends in 6d (falls_short)
            30m 48s 880ms: degraded -> degraded since 1803s, 10 of 10 looks: ends in 20d (falls_short)
            31m 26s 920ms: degraded -> degraded since 1878s, 4 of 4 looks: ends in 6d, was told at 21 d (falls_short)
        "#]],
    );
}

#[test]
fn a_burst_of_two_kinds_is_told_as_what_all_of_it_bears_out_and_then_as_the_end() {
    check(
        "0s ok
         60s degraded
         62s ends-20h
         10m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 8s 80ms: operational -> degraded since 60s, 4 of 4 looks: the body says DEGRADED (falls_short)
            1m 26s 120ms: degraded -> degraded since 78s, 4 of 4 looks: ends in 20h (falls_short)
        "#]],
    );
}

#[test]
fn renewed_for_less_than_the_first_warning_is_warned_of_again() {
    check(
        "0s ends-23h
         10m ends-20d
         30m ends-6d
         60m end",
        &expect![[r#"
            8s 80ms: unknown -> degraded since 0s, 4 of 4 looks: ends in 23h (falls_short)
            10m 53s 440ms: degraded -> degraded since 608s, 10 of 10 looks: ends in 20d (falls_short)
            30m 31s 480ms: degraded -> degraded since 1823s, 4 of 4 looks: ends in 6d, was told at 21 d (falls_short)
        "#]],
    );
}

#[test]
fn a_failure_does_not_say_that_nothing_but_an_end_is_left() {
    check(
        "0s ok
         60s degraded
         10m ends-20d
         10m10s refused
         10m15s ends-20d
         20m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 8s 80ms: operational -> degraded since 60s, 4 of 4 looks: the body says DEGRADED (falls_short)
            10m 24s 200ms: degraded -> degraded since 616s, 4 of 4 looks: ends in 20d (falls_short)
        "#]],
    );
}

#[test]
fn what_is_slow_and_ends_is_told_as_both_and_heals_one_by_one() {
    check(
        "0s ok
         60s slow
         10m ends-20d
         20m slow
         40m ok
         60m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            3m 2s 500ms: operational -> degraded since 180s, 5 of 6 looks: slow: 5 of the last 6 answers took longer than 2 s (slow)
            10m 8s 80ms: degraded -> degraded since 600s, 4 of 4 looks: ends in 20d (falls_short)
            21m 18s 40ms: degraded -> degraded since 1208s, 10 of 10 looks: slow: 6 of the last 6 answers took longer than 2 s (falls_short)
            40m 55s 660ms: degraded -> operational since 2445s, 3 of 3 looks: 3 good looks in a row (recovered)
        "#]],
    );
    check(
        "0s ok
         60s ends-20d
         20m refused
         30m ends-20d
         40m ends-6d
         50m ok
         60m end",
        &expect![[r#"
            40ms: unknown -> operational since 0s, 1 of 1 looks: the first look was good (first_look)
            1m 8s 80ms: operational -> degraded since 60s, 4 of 4 looks: ends in 20d (falls_short)
            20m 20s 120ms: degraded -> down since 1208s, 5 of 5 looks: connection refused (confirmed_refused)
            30m 15s 200ms: down -> degraded since 1805s, 3 of 3 looks: ends in 20d (falls_short)
            40m 23s 240ms: degraded -> degraded since 2415s, 4 of 4 looks: ends in 6d, was told at 21 d (falls_short)
            51m 8s 600ms: degraded -> operational since 3023s, 10 of 10 looks: 10 good looks in a row (recovered)
        "#]],
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Shorter than the span: never told. Longer than the bound: always told, once. Whatever the phase.
    #[test]
    fn the_contract_holds(phase in 0_u64..30_000, short in 0_u64..20_000, class in 0_usize..3) {
        let policy = Policy::default();
        let (class, word) = [
            (FailureClass::Explicit, "down"), (FailureClass::Refused, "refused"), (FailureClass::Silent, "silent"),
        ][class];
        let promise = contract(&policy, class);
        let begin = 120_000 + phase;
        let span = u64::try_from(promise.never_told_under.as_millis()).unwrap();
        let blip = short.min(span);
        let story = format!("0s ok\n{begin}ms {word}\n{}ms ok\n10m end", begin + blip);
        let mut state = State::new(Timestamp::default());
        let told: Vec<_> = play(&policy, &story, &mut state).into_iter().map(|(_, change)| change.to).collect();
        prop_assert_eq!(told, vec![Verdict::Operational], "a {} ms blip", blip);

        let bound = u64::try_from(promise.always_told_over.as_millis()).unwrap();
        let story = format!("0s ok\n{begin}ms {word}\n{}ms ok\n20m end", begin + bound);
        let mut state = State::new(Timestamp::default());
        let changes = play(&policy, &story, &mut state);
        let told: Vec<_> = changes.iter().map(|(_, change)| change.to).collect();
        prop_assert_eq!(told, vec![Verdict::Operational, Verdict::Down, Verdict::Operational]);
        prop_assert!(changes[1].0 <= Duration::from_millis(begin + bound));
    }

    /// Total: any looks in any order give a verdict, and every change can be judged again.
    #[test]
    fn any_looks_give_changes_that_replay(
        looks in proptest::collection::vec((0_usize..11, any::<bool>(), 0_u64..40_000), 1..200),
    ) {
        let words = ["ok", "slow", "page", "down", "refused", "silent", "404", "401", "no-files", "degraded", "redirect"];
        let policy = Policy::default();
        let mut state = State::new(Timestamp::default());
        let mut now = Tick::ZERO;
        let mut last = Verdict::Unknown;
        for (index, is_regular, pause) in looks {
            let (outcome, took, family) = answer(words[index], 1);
            now = now + Duration::from_millis(pause);
            let at = Timestamp::default() + now.since(Tick::ZERO);
            let seen = Seen { started: now, finished: now + took, at, is_regular, outcome, status: None, family, ending: None };
            now = now + took;
            if let Some(change) = step(&policy, &mut state, &seen) {
                prop_assert_eq!(change.from, last);
                last = change.to;
                let again = replay(&change.proof).expect("a proof gives its change again");
                prop_assert_eq!(&again.reason, &change.reason);
                prop_assert_eq!((again.from, again.to, again.since), (change.from, change.to, change.since));
                prop_assert!(change.to != Verdict::Suspect);
                prop_assert!(change.proof.seen.len() <= 64);
            }
            prop_assert_eq!(state.settled, last);
            let _ = pace(&policy, &state, &seen);
        }
    }

    /// No state is without an end: whatever was seen, under whatever rules, what is well afterwards is called so in time.
    #[test]
    fn whatever_was_seen_what_heals_is_operational_within_the_hour(
        looks in proptest::collection::vec((0_usize..13, any::<bool>(), 0_u64..40_000), 1..120),
        changes_at in 0_usize..120,
        (counts_first, counts_then) in any::<(bool, bool)>(),
    ) {
        let words = [
            "ok", "slow", "page", "down", "refused", "silent", "404", "401", "no-files", "degraded", "redirect",
            "down", "ok",
        ];
        let policy = |counts| if counts { counting() } else { Policy::default() };
        let mut state = State::new(Timestamp::default());
        let mut now = Tick::ZERO;
        let mut show = |state: &mut State, policy: &Policy, word: &str, is_regular: bool| {
            let (outcome, took, family) = answer(word, 1);
            let at = Timestamp::default() + now.since(Tick::ZERO);
            let seen = Seen { started: now, finished: now + took, at, is_regular, outcome, status: None, family, ending: None };
            let _ = step(policy, state, &seen);
            let pause = match pace(policy, state, &seen) {
                Pace::Regular { every } => (every.max(took), true),
                Pace::Fresh { after } => (took + after, false),
            };
            now = now + pause.0;
            (now, pause.1)
        };
        let mut is_regular = true;
        for (index, (word, _, _)) in looks.iter().enumerate() {
            let policy = policy(if index < changes_at { counts_first } else { counts_then });
            is_regular = show(&mut state, &policy, words[*word], is_regular).1;
        }
        let policy = policy(counts_then);
        // The page that says nothing is the dialect from now on, if it was the only one; so the healing one is told apart.
        state.family = Some(Family::Spring3);
        let (begin, _) = show(&mut state, &policy, "ok", is_regular);
        loop {
            let (at, next) = show(&mut state, &policy, "ok", is_regular);
            is_regular = next;
            if at.since(begin) > Duration::from_hours(1) {
                break;
            }
        }
        prop_assert_eq!(state.settled, Verdict::Operational);
        prop_assert_eq!(&state.burst, &None);
        prop_assert_eq!(&state.recovery, &None);
    }

    /// Whatever else happens: a warning is decided anew only if it is nearer to the end than the last one, or if something
    /// milder was decided between the two.
    #[test]
    fn no_warning_is_decided_twice(
        looks in proptest::collection::vec((0_usize..10, any::<bool>(), 0_u64..40_000), 1..300),
    ) {
        let words = [
            "ok", "slow", "refused", "ends-23h", "ends-25h", "ends-6d", "ends-7d12h", "ends-20d", "ends-21d12h", "degraded",
        ];
        let policy = Policy::default();
        let mut state = State::new(Timestamp::default());
        let mut now = Tick::ZERO;
        for (word, is_regular, pause) in looks {
            let (outcome, took, family) = answer(words[word], 1);
            now = now + Duration::from_millis(pause);
            let at = Timestamp::default() + now.since(Tick::ZERO);
            let ending = ending(words[word]);
            let seen = Seen { started: now, finished: now + took, at, is_regular, outcome, status: None, family, ending };
            now = now + took;
            let before = (state.settled, state.warned_at);
            if let Some(change) = step(&policy, &mut state, &seen) {
                prop_assert!((change.from, change.to) != (Verdict::Degraded, Verdict::Degraded)
                    || before.1 != state.warned_at, "{change:?}");
                let again = replay(&change.proof).expect("a proof gives its change again");
                prop_assert_eq!((&again.reason, again.since), (&change.reason, change.since));
                prop_assert!(change.to != Verdict::Suspect);
            }
            prop_assert!(state.warned_at.is_none() || state.settled == Verdict::Degraded);
        }
    }

    /// An end is only said after so many good looks with nothing between them.
    #[test]
    fn an_end_rests_on_good_looks_in_a_row(
        looks in proptest::collection::vec((0_usize..8, any::<bool>(), 0_u64..20_000), 1..200),
    ) {
        let words = ["ok", "ok", "ok", "refused", "degraded", "401", "404", "silent"];
        let policy = Policy::default();
        let mut state = State::new(Timestamp::default());
        let mut now = Tick::ZERO;
        let mut in_a_row = 0_u8;
        for (word, is_regular, pause) in looks {
            let (outcome, took, family) = answer(words[word], 1);
            now = now + Duration::from_millis(pause);
            in_a_row = if outcome == Outcome::Healthy { in_a_row.saturating_add(1) } else { 0 };
            let at = Timestamp::default() + now.since(Tick::ZERO);
            let seen = Seen { started: now, finished: now + took, at, is_regular, outcome, status: None, family, ending: None };
            now = now + took;
            if let Some(change) = step(&policy, &mut state, &seen)
                && change.to == Verdict::Operational
            {
                let wanted = if change.reason.rule == Rule::FirstLook { 1 } else { policy.successes };
                prop_assert!(in_a_row >= wanted, "{change:?}");
            }
        }
    }

    /// The promise of counting: what is over before so many looks could have failed is never told, whatever was before it.
    #[test]
    fn the_contract_of_counting_holds(phase in 0_u64..60_000, short in 0_u64..54_000, before in 0_u64..300) {
        let policy = counting();
        let promise = contract(&policy, FailureClass::Refused);
        let earlier = format!("0s ok\n60s refused\n{}s ok\n", 61 + before);
        let begin = 900_000 + phase;
        let blip = short.min(u64::try_from(promise.never_told_under.as_millis()).unwrap());
        let mut state = State::new(Timestamp::default());
        let changes = play(&policy, &format!("{earlier}{begin}ms refused\n{}ms ok\n30m end", begin + blip), &mut state);
        let is_told = changes.iter().any(|(at, change)| change.to == Verdict::Down && *at >= Duration::from_millis(begin));
        prop_assert!(!is_told, "a {} ms blip", blip);

        let bound = u64::try_from(promise.always_told_over.as_millis()).unwrap();
        let mut state = State::new(Timestamp::default());
        let changes = play(&policy, &format!("{earlier}{begin}ms refused\n{}ms ok\n40m end", begin + bound), &mut state);
        let told_at = changes.iter().find(|(at, change)| change.to == Verdict::Down && *at >= Duration::from_millis(begin));
        prop_assert!(told_at.is_some_and(|(at, _)| *at <= Duration::from_millis(begin + bound)));
    }
}
