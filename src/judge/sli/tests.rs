use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1_000)
}

fn span(from: i64, until: i64) -> Span {
    Span {
        from: at(from),
        until: at(until),
    }
}

fn turn(number: u64, from: Verdict, to: Verdict, since: i64, decided: i64) -> Turn {
    Turn {
        number,
        from,
        to,
        at: at(decided),
        since: at(since),
    }
}

fn check(turns: Vec<Turn>, standing: Option<(Verdict, i64, u64)>) -> CheckPast {
    CheckPast {
        is_log: false,
        turns,
        standing: standing.map(|(settled, since, number)| Standing {
            settled,
            since: at(since),
            number,
        }),
    }
}

/// Seconds: operational, degraded, down, maintenance, not measured; outages, and the longest.
fn told(sli: &Sli) -> String {
    let longest = sli.longest.map_or_else(String::new, |longest| {
        let from = longest.from.as_seconds();
        format!(", longest {} s from {from}", longest.lasted.as_secs())
    });
    format!(
        "{} up, {} degraded, {} down, {} maintenance, {} not measured, {} outages{longest}; {}",
        sli.operational.as_secs(),
        sli.degraded.as_secs(),
        sli.down.as_secs(),
        sli.maintenance.as_secs(),
        sli.not_measured.as_secs(),
        sli.outages,
        sli.words().unwrap_or_else(|| String::from("nothing known"))
    )
}

use Verdict::{Degraded, Down, Operational, Unknown};

/// One check that was up, went down at 100 (decided at 120), and came back at 160 (decided at 170).
fn outage() -> CheckPast {
    check(
        vec![
            turn(4, Operational, Down, 100, 120),
            turn(5, Down, Operational, 160, 170),
        ],
        Some((Operational, 160, 5)),
    )
}

#[test]
fn an_outage_counts_from_when_it_truly_began() {
    let sli = measure(span(0, 1_000), &[outage()], &Beside::default());
    assert_eq!(
        told(&sli),
        "940 up, 0 degraded, 60 down, 0 maintenance, 0 not measured, 1 outages, longest 60 s from 100; 94%"
    );
    // What began before the window counts from its beginning.
    let sli = measure(span(130, 230), &[outage()], &Beside::default());
    assert_eq!(
        told(&sli),
        "70 up, 0 degraded, 30 down, 0 maintenance, 0 not measured, 1 outages, longest 30 s from 130; 70%"
    );
}

#[test]
fn what_nobody_saw_and_what_was_planned_leave_the_denominator() {
    let beside = Beside {
        absent: vec![span(110, 130)],
        maintenance: vec![span(150, 300)],
        blind: vec![span(500, 600), span(550, 620)],
    };
    let sli = measure(span(0, 1_000), &[outage()], &beside);
    assert_eq!(
        told(&sli),
        "680 up, 0 degraded, 30 down, 150 maintenance, 140 not measured, 1 outages, longest 30 s from 100; 95.774%"
    );
}

#[test]
fn who_answers_while_we_are_blind_is_seen_from_then_on() {
    let beside = Beside {
        blind: vec![span(50, 400)],
        ..Beside::default()
    };
    let sli = measure(span(0, 1_000), &[outage()], &beside);
    assert_eq!(
        told(&sli),
        "890 up, 0 degraded, 60 down, 0 maintenance, 50 not measured, 1 outages, longest 60 s from 100; 93.684%"
    );
}

#[test]
fn a_change_that_is_missing_makes_a_time_that_is_not_measured() {
    let lost = check(
        vec![
            turn(4, Operational, Down, 100, 120),
            turn(7, Down, Operational, 160, 170),
        ],
        Some((Degraded, 900, 10)),
    );
    let sli = measure(span(0, 1_000), &[lost], &Beside::default());
    assert_eq!(
        told(&sli),
        "110 up, 100 degraded, 20 down, 0 maintenance, 770 not measured, 1 outages, longest 20 s from 100; 91.304%"
    );
    // Nothing of the window is left, and what stands is of after its beginning.
    let lost = check(Vec::new(), Some((Operational, 900, 10)));
    let sli = measure(span(0, 1_000), &[lost], &Beside::default());
    assert_eq!(
        told(&sli),
        "100 up, 0 degraded, 0 down, 0 maintenance, 900 not measured, 0 outages; 100%"
    );
}

#[test]
fn a_check_has_a_say_from_its_first_look_on() {
    let health = check(Vec::new(), Some((Operational, -500, 3)));
    let new = check(
        vec![turn(1, Unknown, Operational, 600, 600)],
        Some((Operational, 600, 1)),
    );
    let never = check(Vec::new(), Some((Unknown, 0, 0)));
    let sli = measure(
        span(0, 1_000),
        &[health, new.clone(), never.clone()],
        &Beside::default(),
    );
    assert_eq!(sli.operational, Duration::from_secs(1_000));
    let sli = measure(span(0, 1_000), &[new], &Beside::default());
    assert_eq!(sli.not_measured, Duration::from_mins(10));
    let sli = measure(span(0, 1_000), &[never], &Beside::default());
    assert_eq!(
        (sli.not_measured, sli.words()),
        (Duration::from_secs(1_000), None)
    );
}

#[test]
fn a_log_that_cannot_say_anything_has_no_say_beside_an_endpoint() {
    let health = check(Vec::new(), Some((Operational, -500, 3)));
    let mut log = check(Vec::new(), Some((Unknown, -500, 3)));
    let sli = measure(
        span(0, 100),
        &[health.clone(), log.clone()],
        &Beside::default(),
    );
    assert_eq!(sli.not_measured, Duration::from_secs(100));
    log.is_log = true;
    let sli = measure(span(0, 100), &[health, log.clone()], &Beside::default());
    assert_eq!(sli.operational, Duration::from_secs(100));
    let sli = measure(span(0, 100), &[log], &Beside::default());
    assert_eq!(sli.not_measured, Duration::from_secs(100));
}

#[test]
fn a_hundred_percent_is_said_of_nothing_that_was_down() {
    let sli = |up, down| Sli {
        operational: Duration::from_millis(up),
        down: Duration::from_millis(down),
        ..Sli::default()
    };
    let month = 30 * 24 * 3_600 * 1_000;
    for (up, down, words) in [
        (month, 0, Some("100%")),
        (month - 1, 1, Some("99.999%")),
        (999, 1, Some("99.9%")),
        (99_950, 50, Some("99.95%")),
        (99_050, 950, Some("99.05%")),
        (0, 1, Some("0%")),
        (1, month, Some("0%")),
        (0, 0, None),
    ] {
        assert_eq!(sli(up, down).words().as_deref(), words, "{up} {down}");
    }
}

#[test]
fn a_budget_is_what_the_objective_leaves_of_what_was_measured() {
    let objective = Objective::parse("99.9%").unwrap();
    let sli = |down| Sli {
        operational: Duration::from_secs(86_400 - down),
        down: Duration::from_secs(down),
        maintenance: Duration::from_hours(9),
        not_measured: Duration::from_hours(9),
        ..Sli::default()
    };
    let told = |down| {
        let budget = sli(down).budget(objective);
        let (left, over) = (budget.left().as_millis(), budget.over().as_millis());
        (budget.is_kept(), left, over, budget.left_percent())
    };
    assert_eq!(told(0), (true, 86_400, 0, 100));
    assert_eq!(told(1), (true, 85_400, 0, 98));
    assert_eq!(told(86), (true, 400, 0, 0));
    assert_eq!(told(87), (false, 0, 600, 0));
    let nothing = Sli::default().budget(objective);
    assert_eq!((nothing.is_kept(), nothing.left_percent()), (true, 100));
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop::sample::select(vec![Operational, Degraded, Down, Unknown])
}

fn spans() -> impl Strategy<Value = Vec<Span>> {
    let one = (-20_i64..220, 0_i64..40).prop_map(|(from, long)| span(from, from + long));
    prop::collection::vec(one, 0..3)
}

/// Changes with small and large gaps in their numbers, each decided a while after it began.
fn checks() -> impl Strategy<Value = CheckPast> {
    let turns = prop::collection::vec((0_i64..50, 0_i64..30, verdicts(), 1_u64..12), 0..6);
    let standing = prop::option::of((verdicts(), -50_i64..220, 0_u64..4));
    (turns, standing, any::<bool>(), verdicts(), 0_u64..2).prop_map(
        |(changes, standing, is_log, first, number)| {
            let (mut turns, mut now, mut from, mut number) = (Vec::new(), 0, first, number);
            for (gap, late, to, ahead) in changes {
                now += gap;
                number += if ahead > 2 { 1 } else { ahead };
                turns.push(turn(number, from, to, now - late, now));
                from = to;
            }
            let standing =
                standing.map(|(settled, since, more)| (settled, since, number + more / 2));
            CheckPast {
                is_log,
                ..check(turns, standing)
            }
        },
    )
}

/// How a check is at a time, said anew: of all that was ever decided, the last that reaches back to this time.
fn said(check: &CheckPast, second: i64) -> Option<Verdict> {
    let now = at(second);
    let mut all: Vec<(Timestamp, Verdict)> = Vec::new();
    let mut last: Option<(u64, Timestamp)> = None;
    let standing = check.standing.filter(|standing| standing.number > 0);
    for turn in &check.turns {
        if last.is_some_and(|(number, _)| number + 1 != turn.number) {
            all.push((last.unwrap().1, Unknown));
        }
        all.push((turn.since.min(turn.at), turn.to));
        last = Some((turn.number, turn.at));
    }
    if let Some(standing) = standing
        && last.is_none_or(|(number, _)| number != standing.number)
    {
        if last.is_some_and(|(number, _)| number + 1 != standing.number) {
            all.push((last.unwrap().1, Unknown));
        }
        all.push((standing.since, standing.settled));
    }
    let held = all.iter().rev().find(|(since, _)| *since <= now);
    held.map(|(_, verdict)| *verdict)
        .or_else(|| match check.turns.first() {
            Some(turn) => (turn.number > 1).then_some(turn.from),
            None => standing
                .filter(|standing| standing.number > 1)
                .map(|_| Unknown),
        })
}

/// The same measure, second by second.
fn counted(window: (i64, i64), checks: &[CheckPast], beside: &Beside) -> Sli {
    let is_in = |spans: &[Span], second| {
        let now = at(second);
        spans
            .iter()
            .any(|span| span.from <= now && now < span.until)
    };
    let second = Duration::from_secs(1);
    let mut sli = Sli::default();
    let mut outages: Vec<Outage> = Vec::new();
    let mut is_down = false;
    let blind = merged(&beside.blind);
    for now in window.0..window.1 {
        let was_seen = |span: &&Span| {
            let answers = checks.iter().flat_map(|check| &check.turns);
            answers.filter(|turn| turn.to != Unknown).any(|turn| {
                span.from <= turn.at && turn.at < span.until && turn.since.min(turn.at) <= at(now)
            })
        };
        let mut blinding = blind
            .iter()
            .filter(|span| span.from <= at(now) && at(now) < span.until);
        let is_blind = blinding.next().is_some_and(|span| !was_seen(&span));
        let worst = checks
            .iter()
            .filter_map(|check| {
                let said = said(check, now)?;
                let is_mute = said == Unknown && check.is_log && checks.len() > 1;
                (!is_mute).then_some(said)
            })
            .max();
        if is_in(&beside.maintenance, now) {
            sli.maintenance += second;
        } else if is_in(&beside.absent, now) || is_blind || worst.is_none_or(|it| it == Unknown) {
            sli.not_measured += second;
        } else if worst == Some(Down) {
            sli.down += second;
            if is_down {
                outages.last_mut().unwrap().lasted += second;
            } else {
                let from = at(now);
                outages.push(Outage {
                    from,
                    lasted: second,
                });
            }
            is_down = true;
        } else {
            is_down = false;
            if worst == Some(Degraded) {
                sli.degraded += second;
            } else {
                sli.operational += second;
            }
        }
    }
    sli.outages = u32::try_from(outages.len()).unwrap();
    let longest = outages.iter().map(|outage| outage.lasted).max();
    sli.longest = outages
        .into_iter()
        .find(|outage| Some(outage.lasted) == longest);
    sli
}

proptest! {
    #[test]
    fn the_measure_is_what_counting_every_second_gives(
        checks in prop::collection::vec(checks(), 0..4),
        absent in spans(),
        blind in spans(),
        maintenance in spans(),
        from in 0_i64..60,
        long in 0_i64..150,
    ) {
        let beside = Beside { absent, blind, maintenance };
        let window = (from, from + long);
        let sli = measure(span(window.0, window.1), &checks, &beside);
        prop_assert_eq!(sli, counted(window, &checks, &beside));
        prop_assert_eq!(sli.window(), Duration::from_secs(u64::try_from(long).unwrap()));
    }

    #[test]
    fn each_of_many_spans_is_measured_as_if_it_was_asked_for_alone(
        checks in prop::collection::vec(checks(), 0..4),
        absent in spans(),
        blind in spans(),
        maintenance in spans(),
        from in 0_i64..60,
        lengths in prop::collection::vec(0_i64..50, 0..6),
    ) {
        let beside = Beside { absent, blind, maintenance };
        let mut seconds = vec![from];
        for length in lengths {
            seconds.push(seconds[seconds.len() - 1] + length);
        }
        let bounds: Vec<_> = seconds.iter().copied().map(at).collect();
        let each = measure_each(&bounds, &checks, &beside);
        let alone = seconds.windows(2).map(|pair| counted((pair[0], pair[1]), &checks, &beside));
        prop_assert_eq!(each, alone.collect::<Vec<_>>());
    }
}
