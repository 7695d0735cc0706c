use proptest::prelude::*;

use super::*;
use crate::{
    judge::sli::{Beside, CheckPast, Span, Standing, Turn, measure_each},
    model::{Verdict, slo::Objective},
};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// When it is asked.
const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn slo(objective: &str, window: Duration) -> Slo {
    Slo {
        name: String::from("master availability"),
        groups: Vec::new(),
        targets: Vec::new(),
        objective: Objective::parse(objective).expect("an objective"),
        window,
    }
}

/// Down in these spans, each so long ago and so long; up otherwise.
fn past(outages: &[(Duration, Duration)]) -> CheckPast {
    let mut past = CheckPast::default();
    let mut turn = |from, to, at| {
        let number = past.turns.len() as u64 + 2;
        past.turns.push(Turn {
            number,
            from,
            to,
            at,
            since: at,
        });
    };
    for (ago, lasted) in outages {
        turn(Verdict::Operational, Verdict::Down, NOW - *ago);
        if lasted < ago {
            let until = NOW - (*ago - *lasted);
            turn(Verdict::Down, Verdict::Operational, until);
        }
    }
    let last = past.turns.last();
    past.standing = Some(Standing {
        settled: last.map_or(Verdict::Operational, |turn| turn.to),
        since: last.map_or(NOW - DAY * 900, |turn| turn.since),
        number: last.map_or(1, |turn| turn.number),
    });
    past
}

fn judged(slo: &Slo, targets: &[Vec<(Duration, Duration)>], beside: &Beside) -> Outcome {
    let bounds = bounds(slo.window, NOW);
    let measured: Vec<_> = (1..)
        .zip(targets)
        .map(|(number, outages)| Measured {
            title: format!("master {number}"),
            slis: measure_each(&bounds, &[past(outages)], beside),
        })
        .collect();
    judge(slo, &bounds, &measured)
}

fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Healthy => String::from("fine"),
        Outcome::Degraded(Degradation { words, .. }) => format!("slow: {words}"),
        Outcome::Unhealthy(Failure { words, .. }) => format!("fast: {words}"),
        Outcome::Unobservable(Gap { words, .. }) => format!("open: {words}"),
    }
}

fn level(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Healthy => "fine",
        Outcome::Degraded(_) => "slow",
        Outcome::Unhealthy(_) => "fast",
        Outcome::Unobservable(_) => "open",
    }
}

#[test]
fn the_windows_are_those_of_the_workbook_and_grow_and_shrink_with_that_of_the_slo() {
    let lengths = |window| {
        let rules = rules(window);
        rules.map(|rule| format!("{} {}/{}", rule.tenths, span(rule.long), span(rule.short)))
    };
    assert_eq!(
        lengths(DAY * 30),
        ["144 1 h/5 min", "60 6 h/30 min", "10 3 d/6 h"]
    );
    assert_eq!(
        lengths(DAY * 90),
        ["144 3 h/15 min", "60 18 h/1 h 30 min", "10 9 d/18 h"]
    );
    // No long window is shorter than an hour.
    assert_eq!(
        lengths(DAY * 7),
        [
            "144 1 h/5 min",
            "60 1 h 24 min/7 min",
            "10 16 h 48 min/1 h 24 min"
        ]
    );
    assert_eq!(
        lengths(DAY),
        ["144 1 h/5 min", "60 1 h/5 min", "10 2 h 24 min/12 min"]
    );
}

#[test]
fn each_rule_holds_from_its_factor_on_in_both_windows() {
    // 99.9% of an hour are 3.6 s: 14.4 times that are 51.84 s, and 4.32 s of five minutes. Six hours at 6 are 129.6 s, three
    // days at 1 are 259.2 s.
    let ms = Duration::from_millis;
    let month = slo("99.9%", DAY * 30);
    for (outages, wanted) in [
        (vec![], "fine"),
        (vec![(MINUTE * 2, ms(51_840))], "fine"),
        (vec![(MINUTE * 2, ms(51_841))], "fast"),
        // It is over since more than five minutes.
        (vec![(MINUTE * 7, ms(51_841))], "fine"),
        (vec![(MINUTE * 8, ms(129_600))], "fine"),
        (vec![(MINUTE * 8, ms(129_601))], "fast"),
        (vec![(MINUTE * 33, ms(129_601))], "fine"),
        (vec![(HOUR * 2, ms(259_200))], "fine"),
        (vec![(HOUR * 2, ms(259_201))], "slow"),
        (vec![(HOUR * 5, ms(259_201))], "slow"),
        (vec![(HOUR * 7, ms(259_201))], "fine"),
        // Many small ones are as bad as a long one.
        (
            (1..=30).rev().map(|ago| (HOUR * ago, ms(10_000))).collect(),
            "slow",
        ),
    ] {
        let outcome = judged(&month, std::slice::from_ref(&outages), &Beside::default());
        assert_eq!(level(&outcome), wanted, "{outages:?}: {}", said(&outcome));
    }
}

#[test]
fn people_read_what_burnt_what_is_left_and_who_spent_it() {
    let month = slo("99.9%", DAY * 30);
    let none = Beside::default();
    let alone = judged(&month, &[vec![(MINUTE * 3, MINUTE * 3)]], &none);
    assert_eq!(
        said(&alone),
        "fast: burns 50\u{d7} too fast for 99.9% in 30 d: down 3 min in the last 1 h; 93% of the error budget left (40 min 12 s of 43 min 12 s), gone in 13 h 24 min at this pace"
    );
    let several = [
        vec![(MINUTE * 3, MINUTE * 3)],
        vec![],
        vec![(MINUTE * 20, MINUTE * 10)],
        vec![(MINUTE * 40, MINUTE)],
        vec![(MINUTE * 40, MINUTE * 2)],
    ];
    assert_eq!(
        said(&judged(&month, &several, &none)),
        "fast: burns 53\u{d7} too fast for 99.9% in 30 d: down 16 min in the last 1 h; 92% of the error budget left (3 h 20 min of 3 h 36 min), gone in 12 h 30 min at this pace; most by master 3 (10 min), master 1 (3 min), master 5 (2 min) and 1 more"
    );
    let spent = judged(&month, &[vec![(HOUR * 2, HOUR * 2)]], &none);
    assert_eq!(
        said(&spent),
        "fast: burns 1000\u{d7} too fast for 99.9% in 30 d: down 1 h in the last 1 h; the error budget of 43 min 12 s is spent"
    );
    let slow = judged(&month, &[vec![(HOUR * 3, MINUTE * 5)]], &none);
    assert_eq!(
        said(&slow),
        "slow: burns 1.1\u{d7} too fast for 99.9% in 30 d: down 5 min in the last 3 d; 88% of the error budget left (38 min 12 s of 43 min 12 s), gone in 22 d 22 h at this pace"
    );
}

#[test]
fn what_nobody_saw_and_maintenance_accuse_nobody_and_clear_nobody() {
    let month = slo("99.9%", DAY * 30);
    let back = |from: Duration, until: Duration| Span {
        from: NOW - from,
        until: NOW - until,
    };
    let burning = [vec![(MINUTE * 30, MINUTE * 30)]];
    let hidden = |beside: &Beside| said(&judged(&month, &burning, beside));
    let all = vec![back(HOUR, Duration::ZERO)];
    let maintained = Beside {
        maintenance: all.clone(),
        ..Beside::default()
    };
    assert_eq!(hidden(&maintained), "fine");
    let absent = Beside {
        absent: all,
        ..Beside::default()
    };
    assert_eq!(hidden(&absent), "fine");
    // It burnt, and since then nobody knows.
    let lately = Beside {
        absent: vec![back(MINUTE * 6, Duration::ZERO)],
        ..Beside::default()
    };
    let burnt = [vec![(MINUTE * 9, MINUTE * 2)]];
    assert_eq!(
        said(&judged(&month, &burnt, &lately)),
        "open: most of the last 5 min was not measured, so nobody knows whether the error budget burns on"
    );
    assert_eq!(said(&judged(&month, &[], &Beside::default())), "fine");
}

/// Outages in the last days, none within another: how long ago each began, and how long it lasted.
fn outages() -> impl Strategy<Value = Vec<(Duration, Duration)>> {
    let one = (0_u64..4 * 24 * 60, 0_u64..5_000);
    prop::collection::vec(one, 0..8).prop_map(|mut list| {
        list.sort_unstable_by(|one, other| other.cmp(one));
        list.dedup_by_key(|(minute, _)| *minute);
        let list: Vec<_> = list
            .into_iter()
            .map(|(minute, lasted)| (Duration::from_mins(minute), Duration::from_secs(lasted)))
            .collect();
        let next = list.iter().skip(1).map(|(ago, _)| *ago);
        let next: Vec<_> = next.chain([Duration::ZERO]).collect();
        list.into_iter()
            .zip(next)
            .filter(|((ago, lasted), _)| !lasted.is_zero() && !ago.is_zero())
            .map(|((ago, lasted), next)| (ago, lasted.min(ago - next)))
            .collect()
    })
}

/// The rules in floating point, straight from the book, of down time that is counted by overlapping.
fn independently(
    objective: f64,
    days: f64,
    targets: &[Vec<(Duration, Duration)>],
) -> (Level, bool) {
    let down = |back: f64| -> f64 {
        let all = targets.iter().flatten().map(|(ago, lasted)| {
            let (ago, lasted) = (ago.as_secs_f64(), lasted.as_secs_f64());
            (ago.min(back) - (ago - lasted).min(back)).max(0.0)
        });
        all.sum()
    };
    let mut is_near = false;
    let mut exceeds = |factor: f64, long: f64| {
        let long = (long * days / 30.0).max(3_600.0);
        [long, long / 12.0].into_iter().all(|back| {
            #[expect(clippy::cast_precision_loss, reason = "there are a few")]
            let errors = down(back) / (back * targets.len() as f64);
            let burn = errors / (1.0 - objective);
            is_near |= (burn - factor).abs() < 0.01;
            burn > factor
        })
    };
    let fast = exceeds(14.4, 3_600.0) | exceeds(6.0, 6.0 * 3_600.0);
    let slow = exceeds(1.0, 3.0 * 86_400.0);
    let level = match (fast, slow) {
        (true, _) => "fast",
        (false, true) => "slow",
        (false, false) => "fine",
    };
    (level, is_near)
}

type Level = &'static str;

proptest! {
    #[test]
    fn the_rules_hold_when_an_independent_computation_says_so(
        targets in prop::collection::vec(outages(), 1..4),
        objective in prop::sample::select(vec![("99%", 0.99), ("99.9%", 0.999), ("99.95%", 0.9995), ("90%", 0.9)]),
        days in prop::sample::select(vec![1_u32, 7, 30, 90]),
    ) {
        let outcome = judged(&slo(objective.0, DAY * days), &targets, &Beside::default());
        let (wanted, is_near) = independently(objective.1, f64::from(days), &targets);
        prop_assume!(!is_near);
        prop_assert_eq!(level(&outcome), wanted, "{:?}", said(&outcome));
    }

    #[test]
    fn what_hides_time_never_makes_it_worse(
        targets in prop::collection::vec(outages(), 1..4),
        from in 0_u64..5_000,
        long in 0_u64..5_000,
        is_maintenance: bool,
    ) {
        let rank = |outcome: &Outcome| match outcome {
            Outcome::Healthy | Outcome::Unobservable(_) => 0,
            Outcome::Degraded(_) => 1,
            Outcome::Unhealthy(_) => 2,
        };
        let month = slo("99.9%", DAY * 30);
        let hidden = vec![Span { from: NOW - Duration::from_mins(from + long), until: NOW - Duration::from_mins(from) }];
        let beside = if is_maintenance {
            Beside { maintenance: hidden, ..Beside::default() }
        } else {
            Beside { absent: hidden, ..Beside::default() }
        };
        let open = judged(&month, &targets, &Beside::default());
        let covered = judged(&month, &targets, &beside);
        prop_assert!(rank(&covered) <= rank(&open), "{} then {}", said(&open), said(&covered));
    }

    #[test]
    fn nothing_is_longer_than_a_message_takes(name in "\\PC{0,300}", days in 1_u32..400) {
        let month = slo("99.999%", DAY * days);
        let bounds = bounds(month.window, NOW);
        let outage = past(&[(DAY * 399, DAY * 399)]);
        let one = Measured { title: name, slis: measure_each(&bounds, &[outage], &Beside::default()) };
        let outcome = judge(&month, &bounds, &[one.clone(), one.clone(), one]);
        prop_assert!(said(&outcome).chars().count() <= FOREIGN_MAX + "fast: ".len());
    }
}
