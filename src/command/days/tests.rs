use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use crate::{
    command::fixture,
    judge::sli::{Beside, CheckPast, Span, Standing, Turn, measure_each},
    model::Verdict,
};

/// All that happens in these tests happens at a multiple of five minutes.
const STEP: Duration = Duration::from_mins(5);
const STEPS_OF_DAY: u64 = 288;

/// Some time after 1 March 2026, midnight in London.
fn at(steps: u64) -> Timestamp {
    let begin = DateTime::parse_from_rfc3339("2026-03-01T00:00:00Z").expect("a time");
    Timestamp::from(begin.to_utc()) + STEP * u32::try_from(steps).expect("a year at most")
}

/// A change as it came: decided then, true since then.
#[derive(Clone, Copy, Debug)]
struct Change {
    since: u64,
    decided: u64,
    to: Verdict,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let verdicts = prop::sample::select(vec![
        Verdict::Operational,
        Verdict::Degraded,
        Verdict::Down,
        Verdict::Unknown,
    ]);
    prop::collection::vec((1_u64..4_000, 0_u64..6, verdicts), 0..25).prop_map(|changes| {
        let mut decided = 0;
        let changes = changes.into_iter().map(|(gap, late, to)| {
            decided += gap;
            let since = decided - late.min(gap);
            Change { since, decided, to }
        });
        changes.collect()
    })
}

/// What a store would say at this time of the changes that were decided from `from` on.
fn past(changes: &[Change], from: Timestamp, now: Timestamp) -> CheckPast {
    let mut before = Verdict::Unknown;
    let mut turns = Vec::new();
    for (number, change) in (1..).zip(changes) {
        turns.push(Turn {
            number,
            from: before,
            to: change.to,
            at: at(change.decided),
            since: at(change.since),
        });
        before = change.to;
    }
    turns.retain(|turn| turn.at <= now);
    let standing = turns.last().map(|turn| Standing {
        settled: turn.to,
        since: turn.since,
        number: turn.number,
    });
    turns.retain(|turn| turn.at >= from);
    CheckPast {
        is_log: false,
        turns,
        standing,
    }
}

/// The fixture's targets that are in this, with what happened to them.
const NAMES: [&str; 3] = ["master/blue", "master/green", "api"];

fn count(
    fleet: &[Vec<Change>],
    worked_on: Span,
    zone: Tz,
    now: u64,
    before: Option<&Bars>,
) -> Bars {
    let (board, now) = (fixture::board(), at(now));
    let mut count = Count::begin(now, zone, NAMES.len(), before);
    let bounds = count.bounds().to_vec();
    let beside = Beside {
        maintenance: vec![worked_on],
        ..Beside::default()
    };
    // One after the other, as a large fleet is read.
    for (name, changes) in NAMES.into_iter().zip(fleet) {
        let checks = [past(changes, bounds[0], now)];
        let measured = measure_each(&bounds, &checks, &beside);
        count.take(&board, vec![(TargetId::new(name), measured)]);
    }
    count.end()
}

/// The same days, looked at every five minutes with nothing but a calendar.
fn counted(changes: &[Change], worked_on: Span, zone: Tz, now: u64) -> Vec<Day> {
    let mut days: Vec<(NaiveDate, Day)> = Vec::new();
    let long: u64 = STEP.as_millis().try_into().expect("it is short");
    for step in now.saturating_sub(92 * STEPS_OF_DAY)..now {
        let date = at(step).to_utc().with_timezone(&zone).date_naive();
        if days.last().is_none_or(|(last, _)| *last != date) {
            days.push((date, Day::default()));
        }
        let (_, day) = days.last_mut().expect("it was just added");
        let known = changes.iter().filter(|change| change.decided <= now);
        let held = known.rev().find(|change| change.since <= step);
        let part = match held.map_or(Verdict::Unknown, |change| change.to) {
            _ if worked_on.from <= at(step) && at(step) < worked_on.until => {
                &mut day.maintenance_ms
            }
            Verdict::Operational | Verdict::Suspect => &mut day.operational_ms,
            Verdict::Degraded => &mut day.degraded_ms,
            Verdict::Down => &mut day.down_ms,
            Verdict::Unknown => &mut day.not_measured_ms,
        };
        *part += long;
    }
    let today = at(now).to_utc().with_timezone(&zone).date_naive();
    if days.last().is_some_and(|(last, _)| *last != today) {
        days.push((today, Day::default()));
    }
    days.split_off(days.len() - DAYS)
        .into_iter()
        .map(|(_, day)| day)
        .collect()
}

fn zones() -> impl Strategy<Value = Tz> {
    // Midnight is skipped, comes twice, or is moved by half an hour in some of them.
    prop::sample::select(vec![
        Tz::Europe__Prague,
        Tz::America__New_York,
        Tz::America__Havana,
        Tz::Africa__Cairo,
        Tz::Australia__Lord_Howe,
        Tz::Asia__Kathmandu,
        Tz::UTC,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever happened, whenever it was counted before, and wherever days begin.
    #[test]
    fn days_are_what_looking_every_five_minutes_gives(
        fleet in prop::collection::vec(changes(), 3),
        worked_on in (0_u64..80_000, 0_u64..2_000),
        zone in zones(),
        first in 100 * STEPS_OF_DAY..300 * STEPS_OF_DAY,
        later in prop::collection::vec(0_u64..800, 0..5),
    ) {
        let worked_on = Span { from: at(worked_on.0), until: at(worked_on.0 + worked_on.1) };
        let mut now = first;
        let mut bars = count(&fleet, worked_on, zone, now, None);
        for steps in later {
            now += steps;
            bars = count(&fleet, worked_on, zone, now, Some(&bars));
        }
        prop_assert_eq!(bars.date(DAYS - 1), at(now).to_utc().with_timezone(&zone).date_naive());
        let expected: Vec<_> = fleet.iter().map(|changes| counted(changes, worked_on, zone, now)).collect();
        for (name, expected) in NAMES.into_iter().zip(&expected) {
            let bar = bars.target(&TargetId::new(name)).expect("it was counted");
            prop_assert_eq!(bar.days(), expected.as_slice(), "{}", name);
        }
        let master = bars.group(&GroupName::new("master")).expect("it was counted");
        for (place, day) in master.days().iter().enumerate() {
            let (blue, green) = (expected[0][place], expected[1][place]);
            prop_assert_eq!(*day, blue.both(green, u64::max));
        }
        let both = expected[0].iter().chain(&expected[1]);
        let down_ms: u64 = both.map(|day| day.down_ms).sum();
        prop_assert_eq!(master.total().down, Duration::from_millis(down_ms));
        prop_assert_eq!(bars.group(&GroupName::new("cron")), None);
    }
}

#[test]
fn a_day_is_as_long_as_its_zone_makes_it() {
    let well = vec![Change {
        since: 0,
        decided: 0,
        to: Verdict::Operational,
    }];
    let nobody = Span {
        from: at(0),
        until: at(0),
    };
    let fleet = [well, Vec::new(), Vec::new()];
    let hours = |now: u64, date: &str| {
        let bars = count(&fleet, nobody, Tz::Europe__Prague, now, None);
        let bar = bars
            .target(&TargetId::new("master/blue"))
            .expect("it was counted");
        let place = (0..DAYS).find(|place| bars.date(*place).to_string() == date);
        bar.days()[place.expect("it is shown")].operational_ms / 3_600_000
    };
    assert_eq!(hours(60 * STEPS_OF_DAY, "2026-03-28"), 24);
    assert_eq!(hours(60 * STEPS_OF_DAY, "2026-03-29"), 23);
    assert_eq!(hours(250 * STEPS_OF_DAY, "2026-10-25"), 25);
    // Before it was watched nothing is known of it, and that is not well.
    let bars = count(&fleet, nobody, Tz::Europe__Prague, 60 * STEPS_OF_DAY, None);
    let bar = bars
        .target(&TargetId::new("master/blue"))
        .expect("it was counted");
    assert_eq!(bar.days()[0].how(), How::Unseen);
    assert_eq!(bar.days()[89].how(), How::Well);
}

#[test]
fn a_day_counts_as_the_worst_of_it() {
    let day = |operational_ms, degraded_ms, down_ms, maintenance_ms, not_measured_ms| Day {
        operational_ms,
        degraded_ms,
        down_ms,
        maintenance_ms,
        not_measured_ms,
    };
    for (day, how, length_ms) in [
        (day(86_399_999, 0, 1, 0, 0), How::Down, 1),
        (day(0, 5, 1, 9, 9), How::Down, 1),
        (day(90, 1, 0, 50, 0), How::Degraded, 1),
        (day(90, 0, 0, 1, 500), How::Maintenance, 1),
        (day(90, 0, 0, 0, 10), How::Well, 90),
        (day(90, 0, 0, 0, 11), How::InPart, 11),
        (day(0, 0, 0, 0, 7), How::Unseen, 7),
        (day(0, 0, 0, 0, 0), How::Unseen, 0),
    ] {
        assert_eq!(day.how(), how, "{day:?}");
        assert_eq!(day.length(), Duration::from_millis(length_ms), "{day:?}");
    }
}

#[test]
fn of_very_many_targets_only_the_groups_are_kept() {
    let board = fixture::board();
    let now = fixture::NOW;
    let down = Sli {
        down: Duration::from_mins(5),
        ..Sli::default()
    };
    let mut before = None;
    for _ in 0..2 {
        let mut count = Count::begin(now, Tz::UTC, TARGETS_MAX + 1, before.as_ref());
        let days = count.bounds().len() - 1;
        count.take(
            &board,
            vec![(TargetId::new("master/blue"), vec![down; days])],
        );
        let bars = count.end();
        assert_eq!(bars.target(&TargetId::new("master/blue")), None);
        let master = bars
            .group(&GroupName::new("master"))
            .expect("it was counted");
        assert_eq!(master.total().down, Duration::from_mins(5 * 90));
        before = Some(bars);
    }
}

#[test]
fn whoever_comes_new_has_no_days_before() {
    let board = fixture::board();
    let empty = Count::begin(fixture::NOW, Tz::UTC, 1, None).end();
    let mut count = Count::begin(fixture::NOW, Tz::UTC, 1, Some(&empty));
    let days = count.bounds().len() - 1;
    count.take(
        &board,
        vec![(TargetId::new("api"), vec![Sli::default(); days])],
    );
    let bars = count.end();
    let bar = bars.target(&TargetId::new("api")).expect("it was counted");
    assert_eq!(bar.days().len(), DAYS);
}
