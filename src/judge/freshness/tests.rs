//! One case for each row, the order of the rows, and every cell of the matrix with health.

use super::*;
use crate::model::{
    SourceName,
    logs::{LogQuestion, Subject},
};

const MAX_AGE: Duration = Duration::from_mins(5);

fn at(minutes: f64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000) + Duration::from_secs_f64(minutes * 60.0)
}

fn question() -> LogQuestion {
    LogQuestion {
        source: SourceName::new("graylog"),
        subject: Subject {
            query: String::from("app:x"),
            streams: Vec::new(),
            lookback: MAX_AGE * 3,
        },
        max_age: MAX_AGE,
        quiet: Vec::new(),
        is_silent_when_inactive: false,
    }
}

/// Something that wrote at minute 60, asked for since the beginning.
fn memory() -> LogMemory {
    LogMemory {
        newest: Some(at(60.0)),
        asked_since: Some(at(0.0)),
        ..LogMemory::default()
    }
}

/// A good round at this minute: the store is complete up to a few seconds ago and found nothing newer.
fn evidence(minute: f64) -> Evidence<'static> {
    Evidence {
        now: at(minute),
        looking_since: at(0.0),
        startup_grace: Duration::from_mins(2),
        is_in_maintenance: false,
        is_blind: false,
        reading: Ok(Reading {
            event: Some(at(60.0)),
            ..Reading::default()
        }),
        watermark: Some(at(minute - 0.1)),
        is_proved_by_canary: true,
        is_store_lagging: false,
        lag_limit: Duration::from_secs(90),
        gap_end: None,
        skew_ms: None,
        grace_until: None,
        active_since: None,
        is_expected_silent: false,
        is_failing_otherwise: false,
    }
}

fn fault(kind: LogFaultKind) -> LogFault {
    LogFault::new(kind, "no")
}

#[track_caller]
fn assert_row(memory: &LogMemory, evidence: &Evidence<'_>, row: LogRow) {
    assert_eq!(
        decide(&mut memory.clone(), &question(), evidence).row,
        row,
        "{memory:?} {evidence:?}"
    );
}

#[test]
fn row_1_grace() {
    let fresh_start = Evidence {
        looking_since: at(69.0),
        ..evidence(70.0)
    };
    assert_row(&memory(), &fresh_start, LogRow::Grace);
    let new_check = LogMemory {
        asked_since: Some(at(69.5)),
        ..LogMemory::default()
    };
    assert_row(&new_check, &evidence(70.0), LogRow::Grace);
    let in_maintenance = Evidence {
        is_in_maintenance: true,
        ..evidence(61.0)
    };
    assert_row(&memory(), &in_maintenance, LogRow::Grace);
}

#[test]
fn row_2_blind() {
    let blind = Evidence {
        is_blind: true,
        ..evidence(70.0)
    };
    assert_row(&memory(), &blind, LogRow::Blind);
    let other_clock = Evidence {
        skew_ms: Some(-31_000),
        ..evidence(70.0)
    };
    assert_row(&memory(), &other_clock, LogRow::Blind);
    let nearly_our_clock = Evidence {
        skew_ms: Some(29_000),
        ..evidence(64.0)
    };
    assert_row(&memory(), &nearly_our_clock, LogRow::Fresh);
}

#[test]
fn row_3_a_recent_line_is_proof_of_life_whatever_the_store_is_like() {
    let dead = fault(LogFaultKind::Unreachable);
    for evidence in [
        evidence(64.0),
        Evidence {
            reading: Err(&dead),
            ..evidence(64.0)
        },
        Evidence {
            is_store_lagging: true,
            watermark: None,
            skew_ms: Some(60_000),
            ..evidence(64.0)
        },
        Evidence {
            reading: Ok(Reading {
                event: Some(at(64.9)),
                ingest: None,
                is_partial: true,
            }),
            ..evidence(65.0)
        },
    ] {
        assert_row(&memory(), &evidence, LogRow::Fresh);
    }
}

#[test]
fn a_line_from_the_future_is_not_believed() {
    let future = Evidence {
        reading: Ok(Reading {
            event: Some(at(1_000.0)),
            ingest: Some(at(1_000.0)),
            is_partial: false,
        }),
        ..evidence(70.0)
    };
    assert_row(&memory(), &future, LogRow::Confirming);
}

#[test]
fn rows_4_to_6_need_several_rounds_and_keep_what_held_before() {
    for (kind, rounds, row) in [
        (LogFaultKind::Auth, 3, LogRow::Auth),
        (LogFaultKind::BadQuery, 3, LogRow::Config),
        (LogFaultKind::NotFound, 3, LogRow::Config),
        (LogFaultKind::Unreachable, 2, LogRow::Unreachable),
        (LogFaultKind::Overloaded, 2, LogRow::Unreachable),
        (LogFaultKind::Own, 2, LogRow::Unreachable),
    ] {
        let mut memory = LogMemory {
            row: Some(LogRow::Late),
            ..memory()
        };
        let fault = fault(kind);
        for round in 1..=rounds {
            let evidence = Evidence {
                reading: Err(&fault),
                ..evidence(70.0 + f64::from(round))
            };
            let decision = decide(&mut memory, &question(), &evidence);
            let expected = if round < rounds { LogRow::Late } else { row };
            assert_eq!(decision.row, expected, "{kind:?} in round {round}");
            assert!(
                matches!(
                    outcome(&decision, &evidence, false),
                    Outcome::Unobservable(_)
                ),
                "a question without an answer is never evidence"
            );
        }
    }
}

#[test]
fn row_7_partial() {
    let partial = Evidence {
        reading: Ok(Reading {
            event: Some(at(60.0)),
            ingest: None,
            is_partial: true,
        }),
        ..evidence(70.0)
    };
    assert_row(&memory(), &partial, LogRow::Partial);
}

#[test]
fn row_8_the_shipper_works_off_a_backlog() {
    let backlog = Evidence {
        reading: Ok(Reading {
            event: Some(at(60.0)),
            ingest: Some(at(69.9)),
            is_partial: false,
        }),
        ..evidence(70.0)
    };
    assert_row(&memory(), &backlog, LogRow::LaggingSource);
}

#[test]
fn row_9_the_store_is_behind_unless_our_own_line_proves_the_silence() {
    let behind = Evidence {
        is_store_lagging: true,
        watermark: Some(at(63.0)),
        ..evidence(70.0)
    };
    assert_row(&memory(), &behind, LogRow::LaggingStore);
    let proved = Evidence {
        watermark: Some(at(66.0)),
        ..behind.clone()
    };
    assert_row(&memory(), &proved, LogRow::Confirming);
    let only_said = Evidence {
        is_proved_by_canary: false,
        ..proved
    };
    assert_row(&memory(), &only_said, LogRow::LaggingStore);
}

#[test]
fn row_10_nothing_says_up_to_when_the_store_is_complete() {
    let unproven = Evidence {
        watermark: None,
        ..evidence(70.0)
    };
    assert_row(&memory(), &unproven, LogRow::Unproven);
}

#[test]
fn row_11_nothing_was_ever_seen() {
    let nothing = Evidence {
        reading: Ok(Reading::default()),
        ..evidence(70.0)
    };
    let mut memory = LogMemory {
        newest: None,
        ..memory()
    };
    assert_row(&memory, &nothing, LogRow::NeverSeen);
    decide(&mut memory, &question(), &nothing);
    assert!(is_misconfigured(&memory, &question(), at(70.0)));
    assert!(
        !is_misconfigured(&memory, &question(), at(14.0)),
        "soon after the start"
    );
}

#[test]
fn row_12_silence_is_expected() {
    let inactive = Evidence {
        is_expected_silent: true,
        ..evidence(70.0)
    };
    assert_row(&memory(), &inactive, LogRow::Idle);
}

#[test]
fn rows_13_to_15_silence_is_measured_against_the_watermark() {
    let mut memory = memory();
    let mut row = |evidence: &Evidence<'_>| decide(&mut memory, &question(), evidence).row;
    // Ten minutes old by the clock, four by what is proved.
    let late = Evidence {
        watermark: Some(at(64.0)),
        ..evidence(70.0)
    };
    assert_eq!(row(&late), LogRow::Late);
    assert_eq!(row(&evidence(70.5)), LogRow::Confirming);
    assert_eq!(row(&evidence(71.0)), LogRow::Stale);
    assert_eq!(row(&evidence(71.5)), LogRow::Stale);
    let writes_again = Evidence {
        reading: Ok(Reading {
            event: Some(at(71.9)),
            ..Reading::default()
        }),
        ..evidence(72.0)
    };
    assert_eq!(row(&writes_again), LogRow::Fresh);
}

#[test]
fn silence_counts_from_the_last_thing_that_excuses_it() {
    for excused in [
        Evidence {
            gap_end: Some(at(67.0)),
            ..evidence(70.0)
        },
        Evidence {
            grace_until: Some(at(67.0)),
            ..evidence(70.0)
        },
        Evidence {
            active_since: Some(at(67.0)),
            ..evidence(70.0)
        },
    ] {
        assert_row(&memory(), &excused, LogRow::Late);
    }
}

/// Everything that is wrong at once: as the worst is taken away, the next row holds.
#[test]
fn the_first_row_that_holds_decides() {
    let auth = fault(LogFaultKind::Auth);
    let mut evidence = Evidence {
        is_in_maintenance: true,
        is_blind: true,
        reading: Ok(Reading {
            event: Some(at(66.0)),
            ingest: None,
            is_partial: true,
        }),
        is_store_lagging: true,
        watermark: Some(at(64.0)),
        is_expected_silent: true,
        ..evidence(70.0)
    };
    let fresh = LogMemory::default;
    let base = || LogMemory {
        refused_rounds: 5,
        ..memory()
    };
    assert_row(&base(), &evidence, LogRow::Grace);
    evidence.is_in_maintenance = false;
    assert_row(&base(), &evidence, LogRow::Blind);
    evidence.is_blind = false;
    assert_row(&base(), &evidence, LogRow::Fresh);
    evidence.reading = Err(&auth);
    assert_row(&base(), &evidence, LogRow::Auth);
    evidence.reading = Ok(Reading {
        event: None,
        ingest: Some(at(69.0)),
        is_partial: true,
    });
    assert_row(&base(), &evidence, LogRow::Partial);
    evidence.reading = Ok(Reading {
        event: None,
        ingest: Some(at(69.0)),
        is_partial: false,
    });
    assert_row(&base(), &evidence, LogRow::LaggingSource);
    evidence.reading = Ok(Reading::default());
    assert_row(&base(), &evidence, LogRow::LaggingStore);
    evidence.is_store_lagging = false;
    evidence.watermark = None;
    assert_row(&base(), &evidence, LogRow::Unproven);
    evidence.watermark = Some(at(69.9));
    let never = LogMemory {
        asked_since: Some(at(0.0)),
        ..fresh()
    };
    assert_row(&never, &evidence, LogRow::NeverSeen);
    assert_row(&base(), &evidence, LogRow::Idle);
    evidence.is_expected_silent = false;
    assert_row(&base(), &evidence, LogRow::Confirming);
}

#[test]
fn quiet_hours_know_their_zone_and_midnight() {
    let window = |days: &[u8], from, to| Quiet {
        days: days.to_vec(),
        from_minute: from,
        to_minute: to,
        timezone: chrono_tz::Europe::Prague,
    };
    let time = |text: &str| Timestamp::from(text.parse::<chrono::DateTime<chrono::Utc>>().unwrap());
    // A Saturday night in winter: Prague is an hour ahead.
    let cases = [
        ("2026-11-21T21:30:00Z", window(&[5], 22 * 60, 6 * 60), true),
        ("2026-11-22T04:59:00Z", window(&[5], 22 * 60, 6 * 60), true),
        ("2026-11-22T05:00:00Z", window(&[5], 22 * 60, 6 * 60), false),
        ("2026-11-22T21:30:00Z", window(&[5], 22 * 60, 6 * 60), false),
        ("2026-11-21T20:59:00Z", window(&[], 22 * 60, 6 * 60), false),
        ("2026-11-21T11:00:00Z", window(&[], 12 * 60, 13 * 60), true),
        ("2026-11-21T12:00:00Z", window(&[], 12 * 60, 13 * 60), false),
        ("2026-11-21T12:00:00Z", window(&[], 0, 24 * 60), true),
    ];
    for (now, quiet, expected) in cases {
        assert_eq!(
            is_quiet(std::slice::from_ref(&quiet), time(now)),
            expected,
            "{now} {quiet:?}"
        );
    }
}

#[test]
fn a_log_accuses_only_what_has_no_endpoint() {
    let mut memory = memory();
    decide(&mut memory, &question(), &evidence(70.0));
    let decision = decide(&mut memory, &question(), &evidence(71.0));
    assert_eq!(decision.row, LogRow::Stale);
    let with_endpoint = outcome(&decision, &evidence(71.0), false);
    let Outcome::Degraded(degradation) = with_endpoint else {
        panic!("silence beside an endpoint degrades: {with_endpoint:?}");
    };
    assert_eq!(
        degradation.words,
        "no line in its log for 11 min (proved up to 6 s ago)"
    );
    assert!(matches!(
        outcome(&decision, &evidence(71.0), true),
        Outcome::Unhealthy(_)
    ));
}

/// Rounds in a row are counted in a byte; a silence outlives that.
#[test]
fn a_silence_stays_one_however_long_it_lasts() {
    let mut memory = memory();
    for round in 0..1_000 {
        let minute = 70.0 + f64::from(round) / 2.0;
        let decision = decide(&mut memory, &question(), &evidence(minute));
        let expected = if round == 0 {
            LogRow::Confirming
        } else {
            LogRow::Stale
        };
        assert_eq!(decision.row, expected, "round {round}");
    }
}

#[test]
fn what_both_say_together() {
    let said = |row, is_bad, answers| together(row, Life::Alive, is_bad, answers).unwrap_or("");
    assert!(said(LogRow::Fresh, true, false).contains("stuck"));
    assert!(said(LogRow::Stale, true, false).contains("gone"));
    assert!(said(LogRow::Unreachable, true, false).contains("cannot say"));
    assert_eq!(said(LogRow::Stale, false, true), "");
    assert_eq!(said(LogRow::Late, true, true), "");
}

/// What a log did to the spans of a decision can be read from them, so that it can be done again to others.
#[test]
fn bent_spans_say_what_bent_them() {
    let plain = Spans::default();
    assert_eq!(bent_by(&plain), None);
    for row in [LogRow::Fresh, LogRow::Stale] {
        let mut spans = plain;
        bend(&mut spans, row, Life::Open);
        assert_ne!(spans, plain);
        assert_eq!(bent_by(&spans), Some(row));
    }
    let mut late = plain;
    bend(&mut late, LogRow::Late, Life::Open);
    assert_eq!(late, plain);
}

/// Only a line of after the silence began is a sign of life, and its lack only where the store would show it.
#[test]
fn a_line_of_before_the_silence_is_no_sign_of_life() {
    let since = at(60.0);
    let after = |seconds: u64| Some(since + Duration::from_secs(seconds));
    let before = Some(at(59.9));
    for (newest, read_up_to, expected) in [
        (before, None, Life::Open),
        (before, before, Life::Open),
        (before, after(9), Life::Open),
        (before, after(10), Life::Quiet),
        (Some(since), after(10), Life::Quiet),
        (None, after(30), Life::Quiet),
        (after(1), None, Life::Alive),
        (after(1), after(40), Life::Alive),
    ] {
        assert_eq!(
            life(newest, read_up_to, since),
            expected,
            "{newest:?} {read_up_to:?}"
        );
    }
    let silent = |row, life| {
        let mut spans = Spans::default();
        bend(&mut spans, row, life);
        spans.silent
    };
    let plain = Spans::default().silent;
    assert_eq!(silent(LogRow::Fresh, Life::Alive), ALIVE_SILENT_SPAN);
    assert_eq!(silent(LogRow::Fresh, Life::Open), ALIVE_SILENT_SPAN);
    assert_eq!(silent(LogRow::Fresh, Life::Quiet), plain);
    assert_eq!(silent(LogRow::Unreachable, Life::Open), plain);
    assert_eq!(silent(LogRow::Stale, Life::Alive), CORROBORATED_SPAN);
}

/// What was read in part, or by another clock, shows nothing.
#[test]
fn only_a_whole_reading_shows_up_to_where_it_was_read() {
    let whole = evidence(60.0);
    assert_eq!(read_up_to(&whole), whole.watermark);
    let fault = LogFault::new(LogFaultKind::Unreachable, "no answer");
    let mut other = whole.clone();
    other.reading = Err(&fault);
    assert_eq!(read_up_to(&other), None);
    let mut other = whole.clone();
    other.reading = Ok(Reading {
        is_partial: true,
        ..Reading::default()
    });
    assert_eq!(read_up_to(&other), None);
    let mut other = whole;
    other.skew_ms = Some(31_000);
    assert_eq!(read_up_to(&other), None);
}
