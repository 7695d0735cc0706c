//! How available a target was: plain arithmetic over what is remembered of it, exact to the millisecond.
//!
//! The verdict at a time is that of the last change that reaches back to it ([`Turn::since`], not when it was decided), and
//! a target's is the worst of its checks', as everywhere. What nobody can know is never guessed: times in which nobody
//! looked, in which a verdict was unknown, and in which a change is missing are *not measured*, and leave the
//! denominator. So does maintenance, which is counted apart. Degraded counts as available, and is shown.

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::model::{
    Timestamp, Verdict,
    slo::{Objective, percent},
};

/// From one time until before another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Span {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end, which is not part of it.
    pub until: Timestamp,
}

/// A change of the verdict of one check, without what it rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    /// Runs up by one with every change of the check, from 1.
    pub number: u64,
    /// Before.
    pub from: Verdict,
    /// After.
    pub to: Verdict,
    /// When it was decided.
    pub at: Timestamp,
    /// Since when it holds.
    pub since: Timestamp,
}

/// How a check stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Its verdict.
    pub settled: Verdict,
    /// Since when.
    pub since: Timestamp,
    /// The number of its last change; 0 if it was never judged.
    pub number: u64,
}

/// What is remembered of one check.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CheckPast {
    /// Whether it reads a log, which has no say beside others while it is unknown.
    pub is_log: bool,
    /// The changes that were decided since the window's beginning, in the order in which they were decided.
    pub turns: Vec<Turn>,
    /// How it stands; absent if nothing is known of it.
    pub standing: Option<Standing>,
}

/// What else is known of the time that is asked about. Spans may overlap, in any order.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Beside {
    /// Nobody looked at anything.
    pub absent: Vec<Span>,
    /// Silence said nothing; who answered all the same was seen.
    pub blind: Vec<Span>,
    /// Somebody worked on the target.
    pub maintenance: Vec<Span>,
}

/// How long a target was how, in one window of time. All parts together are the window.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Sli {
    /// It worked.
    pub operational: Duration,
    /// It worked, but not well.
    pub degraded: Duration,
    /// It did not work.
    pub down: Duration,
    /// Somebody worked on it, however it was.
    pub maintenance: Duration,
    /// Nobody can say how it was.
    pub not_measured: Duration,
    /// How often it began to be down, or was down when the window began. What is not measured, and maintenance, in the midst of
    /// an outage make no second one of it.
    pub outages: u32,
    /// The longest of them.
    pub longest: Option<Outage>,
}

/// A time in which a target was down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outage {
    /// Its beginning, as far as it is in the window.
    pub from: Timestamp,
    /// How long it was down; without what is not measured in between, and without maintenance.
    pub lasted: Duration,
}

impl Sli {
    /// The time that counts: what was measured, without maintenance.
    pub fn counted(&self) -> Duration {
        self.available() + self.down
    }

    /// The time in which it was available, well or not so well.
    pub fn available(&self) -> Duration {
        self.operational + self.degraded
    }

    /// All of it.
    pub fn window(&self) -> Duration {
        self.counted() + self.maintenance + self.not_measured
    }

    /// The share of the counted time in which it was available, in thousandths of a percent, rounded down: 100,000 is
    /// never said of anything that was down. Absent if nothing was measured.
    pub fn thousandths(&self) -> Option<u32> {
        share(self.available(), self.counted())
    }

    /// The share of the counted time in which it was available, from 0 to 1; absent if nothing was measured.
    pub fn ratio(&self) -> Option<f64> {
        let counted = self.counted();
        (!counted.is_zero()).then(|| self.available().as_secs_f64() / counted.as_secs_f64())
    }

    /// As people read it: `99.982%`, rounded down; absent if nothing was measured.
    pub fn words(&self) -> Option<String> {
        self.thousandths().map(percent)
    }

    /// What an objective allows of it, and what was used of that.
    pub fn budget(&self, objective: Objective) -> Budget {
        Budget {
            allowed: objective.budget(self.counted()),
            spent: self.down,
        }
    }

    /// Several targets as one: their times together. The longest outage is that of one of them.
    pub fn add(&mut self, other: &Self) {
        self.operational += other.operational;
        self.degraded += other.degraded;
        self.down += other.down;
        self.maintenance += other.maintenance;
        self.not_measured += other.not_measured;
        self.outages = self.outages.saturating_add(other.outages);
        self.longest = longer(self.longest, other.longest);
    }
}

/// An error budget: for how long something may be down out of the time that was measured of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// So long, rounded down to a millisecond.
    pub allowed: Duration,
    /// So long it was down.
    pub spent: Duration,
}

impl Budget {
    /// Whether the objective is met: no more is spent than allowed.
    pub fn is_kept(&self) -> bool {
        self.spent <= self.allowed
    }

    /// What is left of it.
    pub fn left(&self) -> Duration {
        self.allowed.saturating_sub(self.spent)
    }

    /// What was spent beyond it.
    pub fn over(&self) -> Duration {
        self.spent.saturating_sub(self.allowed)
    }

    /// The share of it that is left, in percent from 0 to 100, rounded down; of a budget of nothing all is left while nothing is spent.
    pub fn left_percent(&self) -> u32 {
        match share(self.left(), self.allowed) {
            Some(thousandths) => thousandths / 1_000,
            None if self.is_kept() => 100,
            None => 0,
        }
    }
}

/// A share in thousandths of a percent, rounded down; absent of nothing.
fn share(part: Duration, whole: Duration) -> Option<u32> {
    let thousandths = part.as_millis() * 100_000 / Some(whole.as_millis()).filter(|ms| *ms > 0)?;
    u32::try_from(thousandths).ok()
}

fn longer(one: Option<Outage>, other: Option<Outage>) -> Option<Outage> {
    match (one, other) {
        // Of equals the earlier.
        (Some(one), Some(other)) => {
            let is_longer = (other.lasted, one.from) > (one.lasted, other.from);
            Some(if is_longer { other } else { one })
        }
        (one, other) => one.or(other),
    }
}

/// How a check counts at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Word {
    /// It was not there yet, and has no say.
    NotYet,
    Is(Verdict),
}

/// From when on a check was how.
#[derive(Clone, Copy, Debug)]
struct Step {
    from: Timestamp,
    word: Word,
}

/// The beginning of time.
const EVER: Timestamp = Timestamp::from_millis(i64::MIN);

/// How available a target with these checks was in the window.
pub fn measure(window: Span, checks: &[CheckPast], beside: &Beside) -> Sli {
    let measured = measure_each(&[window.from, window.until], checks, beside);
    measured.into_iter().next().unwrap_or_default()
}

/// The same of each span from one of these bounds to the next one, as if each was asked for alone; the bounds run up.
pub fn measure_each(bounds: &[Timestamp], checks: &[CheckPast], beside: &Beside) -> Vec<Sli> {
    let (Some(first), Some(last)) = (bounds.first(), bounds.last()) else {
        return Vec::new();
    };
    let courses: Vec<_> = checks.iter().map(course).collect();
    let absent = merged(&beside.absent);
    let blind: Vec<_> = merged(&beside.blind)
        .into_iter()
        .filter_map(|span| unanswered(span, checks))
        .collect();
    let maintenance = merged(&beside.maintenance);
    let spans = absent.iter().chain(&blind).chain(&maintenance);
    let mut cuts: Vec<_> = courses.iter().flatten().map(|step| step.from).collect();
    cuts.extend(spans.flat_map(|span| [span.from, span.until]));
    cuts.extend(bounds);
    cuts.retain(|cut| (first..=last).contains(&cut));
    cuts.sort_unstable();
    cuts.dedup();
    let of_span = |bounds: &[Timestamp]| {
        let from = cuts.partition_point(|cut| *cut < bounds[0]);
        let until = cuts.partition_point(|cut| *cut <= bounds[1]);
        let mut count = Count::default();
        for pair in cuts.get(from..until).unwrap_or_default().windows(2) {
            let (from, lasted) = (pair[0], pair[1].since(pair[0]));
            if holds(&maintenance, from) {
                count.sli.maintenance += lasted;
            } else if holds(&absent, from) || holds(&blind, from) {
                count.sli.not_measured += lasted;
            } else {
                count.add(verdict(checks, &courses, from), from, lasted);
            }
        }
        count.close();
        count.sli
    };
    bounds.windows(2).map(of_span).collect()
}

/// What was counted so far.
#[derive(Default)]
struct Count {
    sli: Sli,
    /// The outage that is not over.
    open: Option<Outage>,
}

impl Count {
    fn add(&mut self, verdict: Verdict, from: Timestamp, lasted: Duration) {
        match verdict {
            Verdict::Operational | Verdict::Suspect => {
                self.sli.operational += lasted;
                self.close();
            }
            Verdict::Degraded => {
                self.sli.degraded += lasted;
                self.close();
            }
            Verdict::Unknown => self.sli.not_measured += lasted,
            Verdict::Down => {
                self.sli.down += lasted;
                let none = Outage {
                    from,
                    lasted: Duration::ZERO,
                };
                self.open.get_or_insert(none).lasted += lasted;
            }
        }
    }

    fn close(&mut self) {
        if let Some(outage) = self.open.take() {
            self.sli.outages += 1;
            self.sli.longest = longer(self.sli.longest, Some(outage));
        }
    }
}

/// The worst of what the checks say at this time; unknown if none has a say.
fn verdict(checks: &[CheckPast], courses: &[Vec<Step>], at: Timestamp) -> Verdict {
    let said = checks.iter().zip(courses).filter_map(|(check, course)| {
        let place = course.partition_point(|step| step.from <= at);
        match course.get(place.checked_sub(1)?)?.word {
            Word::NotYet => None,
            Word::Is(Verdict::Unknown) if check.is_log && checks.len() > 1 => None,
            Word::Is(verdict) => Some(verdict),
        }
    });
    said.max().unwrap_or(Verdict::Unknown)
}

/// How a check went on, oldest first: each change holds since when it says, whatever was decided before it.
fn course(check: &CheckPast) -> Vec<Step> {
    let first = match (check.turns.first(), check.standing) {
        (Some(turn), _) if turn.number > 1 => Word::Is(turn.from),
        // Changes that nobody remembers came before it.
        (None, Some(standing)) if standing.number > 1 => Word::Is(Verdict::Unknown),
        (Some(_) | None, _) => Word::NotYet,
    };
    let mut steps = vec![Step {
        from: EVER,
        word: first,
    }];
    let mut before: Option<Turn> = None;
    for turn in &check.turns {
        if let Some(before) = before
            && before.number.checked_add(1) != Some(turn.number)
        {
            go_on(&mut steps, before.at, Verdict::Unknown);
        }
        go_on(&mut steps, turn.since.min(turn.at), turn.to);
        before = Some(*turn);
    }
    let Some(standing) = check.standing.filter(|standing| standing.number > 0) else {
        return steps;
    };
    match before {
        Some(before) if before.number == standing.number => {}
        Some(before) => {
            if before.number.checked_add(1) != Some(standing.number) {
                go_on(&mut steps, before.at, Verdict::Unknown);
            }
            go_on(&mut steps, standing.since, standing.settled);
        }
        None => go_on(&mut steps, standing.since, standing.settled),
    }
    steps
}

fn go_on(steps: &mut Vec<Step>, from: Timestamp, to: Verdict) {
    while steps.len() > 1 && steps.last().is_some_and(|last| last.from >= from) {
        steps.pop();
    }
    steps.push(Step {
        from,
        word: Word::Is(to),
    });
}

/// What is left of a blind time before the target answered all the same: a verdict that was decided in it proves that it
/// was seen, from then on.
fn unanswered(span: Span, checks: &[CheckPast]) -> Option<Span> {
    let turns = checks.iter().flat_map(|check| &check.turns);
    let answers = turns
        .filter(|turn| turn.to != Verdict::Unknown && span.from <= turn.at && turn.at < span.until);
    let until = answers
        .map(|turn| turn.since.min(turn.at))
        .min()
        .unwrap_or(span.until);
    (span.from < until).then_some(Span { until, ..span })
}

/// The same times as spans that do not touch, in order.
pub fn merged(spans: &[Span]) -> Vec<Span> {
    let mut sorted: Vec<_> = spans
        .iter()
        .filter(|span| span.from < span.until)
        .copied()
        .collect();
    sorted.sort_unstable();
    let mut out: Vec<Span> = Vec::with_capacity(sorted.len());
    for span in sorted {
        match out.last_mut() {
            Some(last) if span.from <= last.until => last.until = last.until.max(span.until),
            Some(_) | None => out.push(span),
        }
    }
    out
}

/// Whether this time is in one of the merged spans.
fn holds(spans: &[Span], at: Timestamp) -> bool {
    let place = spans.partition_point(|span| span.from <= at);
    place > 0 && at < spans[place - 1].until
}
