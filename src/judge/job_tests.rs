use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::model::{Secret, calendar::Recurring, job::JobKeys};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
/// Some day at noon in UTC.
const NOON: Timestamp = Timestamp::from_millis(1_800_014_400_000);

fn question(rhythm: Rhythm) -> JobQuestion {
    JobQuestion {
        rhythm,
        grace: MINUTE * 10,
        max_runtime: Some(MINUTE * 45),
        third_party: Some(String::from("HubSpot")),
        third_party_exit_codes: vec![75],
        told_in: None,
        keys: JobKeys {
            own: Some(Secret::new("a-token-of-many-characters")),
            server: None,
            ping: None,
        },
    }
}

fn cron(line: &str) -> Rhythm {
    Rhythm::Cron(Recurring::parse(line, chrono_tz::UTC, Duration::ZERO).unwrap())
}

fn ping(what: Pinged, run: &str, said: &str) -> Ping {
    Ping {
        what,
        run: run.to_owned(),
        said: said.to_owned(),
        fault: None,
        took: None,
    }
}

/// A job and what was found out about it, a line each: when, and what.
struct Story {
    question: JobQuestion,
    memory: JobMemory,
    now: Timestamp,
    deaf: Vec<(Timestamp, Timestamp)>,
    out: String,
}

impl Story {
    fn of(question: JobQuestion) -> Self {
        let memory = JobMemory::new(&question, NOON);
        Self {
            question,
            memory,
            now: NOON,
            deaf: Vec::new(),
            out: String::new(),
        }
    }

    /// Every two hours, ten minutes late at the most, and 45 minutes long.
    fn two_hourly() -> Self {
        Self::of(question(cron("0 */2 * * *")))
    }

    fn wait_until(&mut self, after: Duration) -> &mut Self {
        let end = NOON + after;
        while let Some(at) = next_deadline(&self.question, &self.memory).filter(|at| *at <= end) {
            assert!(at > self.now || self.now == NOON, "a deadline is met once");
            self.now = self.now.max(at);
            self.pass();
        }
        self.now = end;
        self
    }

    fn pass(&mut self) {
        let outcome = passed(&self.question, &mut self.memory, self.now, &self.deaf);
        self.note(outcome.as_ref());
    }

    /// Nobody looks until then, and what came meanwhile was not heard.
    fn away_until(&mut self, after: Duration) -> &mut Self {
        self.deaf.push((self.now, NOON + after));
        self.now = NOON + after;
        self.pass();
        self
    }

    fn call(&mut self, after: Duration, ping: &Ping) -> &mut Self {
        self.wait_until(after);
        let heard = heard(&self.question, &mut self.memory, ping, self.now);
        self.note(heard.outcome.as_ref());
        self
    }

    fn began(&mut self, after: Duration) -> &mut Self {
        self.call(after, &ping(Pinged::Began, "", ""))
    }

    fn done(&mut self, after: Duration) -> &mut Self {
        self.call(after, &ping(Pinged::Done, "", "18 204 rows"))
    }

    fn note(&mut self, outcome: Option<&Outcome>) {
        let (mark, words) = match outcome {
            None => return,
            Some(Outcome::Healthy) => ("well", ""),
            Some(Outcome::Degraded(it)) => ("degraded", it.words.as_str()),
            Some(Outcome::Unhealthy(it)) => ("down", it.words.as_str()),
            Some(Outcome::Unobservable(it)) => ("unknown", it.words.as_str()),
        };
        let after = span(self.now.since(NOON));
        self.out.push_str(&[&after, " ", mark, " ", words].concat());
        self.out = self.out.trim_end().to_owned() + "\n";
    }

    fn is(&self, expected: &Expect) {
        expected.assert_eq(&self.out);
    }
}

#[test]
fn late_overrun_stuck_failed_and_well_are_told_apart() {
    let mut story = Story::two_hourly();
    story
        .began(HOUR * 2)
        .done(HOUR * 2 + MINUTE * 12)
        // It does not come.
        .began(HOUR * 4 + MINUTE * 30)
        .done(HOUR * 4 + MINUTE * 40)
        // It takes too long, and ends after all.
        .began(HOUR * 6)
        .done(HOUR * 6 + MINUTE * 50)
        // It takes far too long.
        .began(HOUR * 8)
        .done(HOUR * 9 + MINUTE * 30)
        .began(HOUR * 10)
        .call(
            HOUR * 10 + MINUTE,
            &ping(Pinged::Failed(Some(3)), "", "disk full"),
        )
        .done(HOUR * 12);
    story.is(&expect![[r#"
        2 h 12 min well
        4 h 10 min down late: no run since one was due 10 min ago (at 0 */2 * * *, grace 10 min); the last good run ended 1 h 58 min ago
        4 h 40 min well
        6 h 45 min degraded overrun: a run has been on its way for 45 min, max_runtime is 45 min
        6 h 50 min well
        8 h 45 min degraded overrun: a run has been on its way for 45 min, max_runtime is 45 min
        8 h 55 min down stuck: a run has been on its way for 55 min, max_runtime is 45 min
        9 h 30 min well
        10 h 1 min down failed with exit code 3: disk full
        12 h well
    "#]]);
}

#[test]
fn a_period_is_counted_from_the_last_sign() {
    let mut question = question(Rhythm::Every(HOUR));
    question.max_runtime = None;
    let mut story = Story::of(question);
    story
        .done(MINUTE * 50)
        .done(MINUTE * 115)
        // A run that began is a sign; without a limit it is stuck when the next one is late.
        .began(MINUTE * 170)
        .wait_until(HOUR * 5)
        .done(HOUR * 5)
        .wait_until(HOUR * 7);
    story.is(&expect![[r#"
        50 min well
        1 h 55 min well
        4 h 1 min down stuck: a run has been on its way for 1 h 11 min, the next one is due
        5 h well
        6 h 10 min down late: no run since one was due 10 min ago (every 1 h, grace 10 min); the last good run ended 1 h 10 min ago
    "#]]);
}

#[test]
fn a_clock_that_is_ahead_makes_no_run_late() {
    let mut story = Story::two_hourly();
    // The host begins the runs of 14:00 and 16:00 half a minute early by our clock.
    for hours in [2, 4] {
        story
            .began(HOUR * (hours - 1) + Duration::from_secs(59 * 60 + 30))
            .done(HOUR * hours + MINUTE);
    }
    story.wait_until(HOUR * 6);
    story.is(&expect![[r#"
        2 h 1 min well
        4 h 1 min well
    "#]]);
    // More than a minute before is a run by hand; the one that is due is still expected.
    story.done(HOUR * 7 + MINUTE * 55).wait_until(HOUR * 9);
    story.is(&expect![[r#"
        2 h 1 min well
        4 h 1 min well
        6 h 10 min down late: no run since one was due 10 min ago (at 0 */2 * * *, grace 10 min); the last good run ended 2 h 9 min ago
        7 h 55 min well
        8 h 10 min down late: no run since one was due 10 min ago (at 0 */2 * * *, grace 10 min); the last good run ended 15 min ago
    "#]]);
}

#[test]
fn what_came_while_nobody_listened_is_held_against_nobody() {
    let mut story = Story::two_hourly();
    story.done(HOUR * 2);
    // Away for the whole of the time in which a sign could have come, and then the next run comes.
    story
        .wait_until(HOUR * 3 + MINUTE * 59)
        .away_until(HOUR * 4 + MINUTE * 20)
        .done(HOUR * 6);
    assert_eq!(story.memory.unheard, None);
    // Away for a moment at the due time: it is late all the same, and that is said.
    story
        .wait_until(HOUR * 8)
        .away_until(HOUR * 8 + MINUTE * 2)
        .wait_until(HOUR * 9);
    // A run whose end nobody could hear is no longer waited for.
    story
        .began(HOUR * 10)
        .wait_until(HOUR * 10 + MINUTE)
        .away_until(HOUR * 11)
        .wait_until(HOUR * 12)
        .done(HOUR * 12 + MINUTE);
    story.is(&expect![[r#"
        2 h well
        4 h 20 min unknown a run was due 20 min ago, and nobody was listening when the sign could have come
        6 h well
        8 h 10 min down late: no run since one was due 10 min ago (at 0 */2 * * *, grace 10 min); the last good run ended 2 h 10 min ago; nobody was listening for 2 min of that
        11 h unknown it began 1 h ago, and nobody was listening when the sign could have come
        12 h 1 min well
    "#]]);
}

#[test]
fn after_a_long_absence_only_the_last_run_that_was_due_counts() {
    let mut story = Story::of(question(cron("* * * * *")));
    story.question.grace = MINUTE;
    // For a year a run was due every minute.
    story.away_until(HOUR * 24 * 365);
    assert_eq!(story.out.lines().count(), 1, "{}", story.out);
    assert!(story.out.contains("unknown"), "{}", story.out);
    story.out.clear();
    story.wait_until(HOUR * 24 * 365 + MINUTE * 3);
    let first = story.out.lines().next().unwrap_or_default();
    assert!(first.contains("down late"), "{}", story.out);
}

#[test]
fn runs_are_told_apart_by_their_names() {
    let mut story = Story::of(question(Rhythm::Every(HOUR)));
    let call = |what, run: &str| ping(what, run, "");
    story
        .call(MINUTE, &call(Pinged::Began, "a"))
        .call(MINUTE * 2, &call(Pinged::Began, "b"))
        // Told again by a client that lost our answer.
        .call(MINUTE * 3, &call(Pinged::Began, "a"))
        .call(MINUTE * 30, &call(Pinged::Done, "a"));
    assert_eq!(story.memory.runs.len(), 1);
    assert_eq!(story.memory.good.as_ref().unwrap().took, Some(MINUTE * 29));
    // The end of `a` again: it says nothing new, even after others.
    let known = story.memory.clone();
    let again = heard(
        &story.question,
        &mut story.memory,
        &call(Pinged::Done, "a"),
        story.now + MINUTE,
    );
    assert!(again.is_repeat && again.outcome.is_none());
    assert_eq!(story.memory, known);
    // Nor does its beginning, which was on its way for longer.
    let late = heard(
        &story.question,
        &mut story.memory,
        &call(Pinged::Began, "a"),
        story.now + MINUTE,
    );
    assert!(late.is_repeat && late.on_its_way.is_none());
    assert_eq!(story.memory, known);
    // A call without a name is about the only one that is on its way.
    story.call(MINUTE * 40, &call(Pinged::Failed(None), ""));
    assert_eq!(story.memory.runs, []);
    story.is(&expect![[r#"
        30 min well
        40 min down failed
    "#]]);
}

#[test]
fn a_job_that_does_not_name_its_runs_has_one_at_a_time() {
    let mut story = Story::two_hourly();
    story.began(HOUR * 2).began(HOUR * 2 + MINUTE * 5);
    assert_eq!(story.memory.runs.len(), 1);
    story.done(HOUR * 2 + MINUTE * 7);
    assert_eq!(story.memory.good.as_ref().unwrap().took, Some(MINUTE * 2));
    // A second end right after the first is the same one again.
    let again = heard(
        &story.question,
        &mut story.memory,
        &ping(Pinged::Done, "", ""),
        story.now + MINUTE,
    );
    assert!(again.is_repeat);
    assert_eq!(again.outcome, Some(Outcome::Healthy));
}

#[test]
fn whose_fault_it_was_is_said() {
    let words = |code, fault, said: &str| {
        let mut story = Story::two_hourly();
        let ping = Ping {
            fault,
            took: None,
            ..ping(Pinged::Failed(code), "", said)
        };
        story.call(HOUR, &ping);
        (story.out, story.memory.last.unwrap().fault)
    };
    assert_eq!(
        words(Some(75), None, "502 Bad Gateway"),
        (
            String::from(
                "1 h down failed with exit code 75, the fault of HubSpot: 502 Bad Gateway\n"
            ),
            Some(Fault::ThirdParty)
        )
    );
    assert_eq!(
        words(Some(75), Some(Fault::Ours), ""),
        (
            String::from("1 h down failed with exit code 75, a fault of ours\n"),
            Some(Fault::Ours)
        )
    );
    assert_eq!(
        words(None, None, ""),
        (String::from("1 h down failed\n"), None)
    );
}

#[test]
fn more_runs_than_can_be_remembered_are_given_up_oldest_first() {
    let mut story = Story::two_hourly();
    for number in 0..20 {
        let call = ping(Pinged::Began, &format!("run-{number}"), "");
        let heard = heard(&story.question, &mut story.memory, &call, story.now);
        assert_eq!(heard.given_up.len(), usize::from(number >= RUNS_MAX));
    }
    assert_eq!(story.memory.runs.len(), RUNS_MAX);
    assert_eq!(story.memory.runs[0].id, "run-12");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever a job does: every deadline is met once and then another one is waited for, nobody is accused earlier than `grace` after a due time or than
    /// `max_runtime` after a beginning, and a run that ends well always makes it well.
    #[test]
    fn deadlines_always_go_on(
        line in proptest::sample::select(vec!["0 */2 * * *", "*/5 * * * *", "30 2 * * *", "0 9 * * MON"]),
        period in proptest::option::of(1_u64..600),
        max_minutes in proptest::option::of(1_u64..120),
        grace in 1_u64..60,
        deeds in proptest::collection::vec((0_u8..6, 0_u64..400, 0_u8..3), 1..60),
    ) {
        let rhythm = period.map_or_else(|| cron(line), |minutes| Rhythm::Every(MINUTE * u32::try_from(minutes).unwrap()));
        let mut question = question(rhythm);
        question.grace = Duration::from_mins(grace);
        question.max_runtime = max_minutes.map(Duration::from_mins);
        let mut memory = JobMemory::new(&question, NOON);
        let mut now = NOON;
        let mut deaf: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (deed, minutes, run) in deeds {
            let end = now + Duration::from_mins(minutes);
            if deed == 5 {
                // Away: whatever falls due is looked at afterwards.
                deaf.push((now, end));
                now = end;
            }
            let mut turns = 0;
            while let Some(at) = next_deadline(&question, &memory).filter(|at| *at <= end) {
                let before = memory.clone();
                now = now.max(at);
                let outcome = passed(&question, &mut memory, now, &deaf);
                prop_assert_ne!(&before, &memory, "a deadline that changes nothing comes for ever");
                if let Some(Outcome::Unhealthy(failure)) = outcome {
                    if failure.kind == FailureKind::JobLate {
                        let due = memory.missed.expect("it is known which one");
                        prop_assert!(due + question.grace <= now);
                        prop_assert!(memory.runs.is_empty());
                    } else {
                        prop_assert_eq!(failure.kind, FailureKind::JobStuck);
                        let oldest = memory.runs.iter().map(|run| run.began_at).min().expect("it is there");
                        prop_assert!(now.since(oldest) >= question.max_runtime.unwrap_or_default() + question.grace);
                    }
                }
                turns += 1;
                prop_assert!(turns < 10_000, "deadlines go on");
            }
            now = now.max(end);
            let what = match deed {
                0 | 1 => Pinged::Began,
                2 => Pinged::Done,
                3 => Pinged::Failed(Some(run)),
                4 => Pinged::Noted,
                _ => continue,
            };
            let call = ping(what, ["", "a", "b"][usize::from(run)], "said");
            let known = memory.clone();
            let heard = heard(&question, &mut memory, &call, now);
            if what == Pinged::Done && !heard.is_repeat {
                prop_assert_eq!(heard.outcome, Some(Outcome::Healthy));
                prop_assert_eq!(memory.good.as_ref().map(|good| good.at), Some(now));
            }
            // No sign makes an earlier run due than was due before.
            prop_assert!(memory.settled_to >= known.settled_to);
            prop_assert!(memory.runs.len() <= RUNS_MAX);
        }
    }

    /// What is heard half is heard; and times that overlap are counted once.
    #[test]
    fn deafness_is_counted_once(parts in proptest::collection::vec((0_u64..100, 0_u64..60), 0..8)) {
        let window = (NOON, NOON + MINUTE * 100);
        let parts: Vec<_> = parts.into_iter().map(|(from, length)| {
            let from = NOON + Duration::from_mins(from);
            (from, from + Duration::from_mins(length))
        }).collect();
        let covered = (0..100_u32).filter(|minute| {
            let at = NOON + MINUTE * *minute;
            parts.iter().any(|(from, until)| *from <= at && at < *until)
        }).count();
        let deaf = deaf_within(window, &parts);
        prop_assert_eq!(deaf.as_secs() / 60, covered as u64);
        prop_assert_eq!(is_heard(window, &parts), covered <= 50);
    }
}

#[test]
fn how_long_a_run_took_is_believed_from_whoever_measured_it() {
    let question = question(Rhythm::Every(Duration::from_hours(1)));
    let mut memory = JobMemory::new(&question, NOON);
    let end = |took| Ping {
        took,
        ..ping(Pinged::Done, "", "")
    };
    let measured = Duration::from_millis(40);
    // Its beginning was never heard of.
    heard(&question, &mut memory, &end(Some(measured)), NOON);
    let took = |memory: &JobMemory| memory.good.as_ref().and_then(|good| good.took);
    assert_eq!(took(&memory), Some(measured));
    // Its beginning was heard of late, so what we saw of it is too short.
    let (later, end_at) = (
        NOON + Duration::from_mins(30),
        NOON + Duration::from_mins(31),
    );
    heard(&question, &mut memory, &ping(Pinged::Began, "", ""), later);
    heard(
        &question,
        &mut memory,
        &end(Some(Duration::from_mins(5))),
        end_at,
    );
    assert_eq!(took(&memory), Some(Duration::from_mins(5)));
    heard(&question, &mut memory, &ping(Pinged::Began, "", ""), end_at);
    heard(
        &question,
        &mut memory,
        &end(None),
        end_at + Duration::from_mins(7),
    );
    assert_eq!(took(&memory), Some(Duration::from_mins(7)));
}
