//! What the judge works with: its rules for one check, what it is shown, what it remembers, and the proof of a verdict.

use std::time::Duration;

use super::{
    health::Family,
    observation::{Ending, Extra, FailureClass, Observation, Outcome},
    time::{Tick, Timestamp},
    verdict::{Reason, Rule, Verdict},
};

/// How long failures of each class have to last before they are believed.
///
/// An outage shorter than the span of its class is never told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spans {
    /// For answers that say "not healthy". Default 8 s.
    pub explicit: Duration,
    /// For refusals and answers of somebody else. Default 12 s.
    pub refused: Duration,
    /// For silence. Default 20 s.
    pub silent: Duration,
}

impl Default for Spans {
    fn default() -> Self {
        Self {
            explicit: Duration::from_secs(8),
            refused: Duration::from_secs(12),
            silent: Duration::from_secs(20),
        }
    }
}

impl Spans {
    /// The span of one class.
    pub const fn of(&self, class: FailureClass) -> Duration {
        match class {
            FailureClass::Explicit => self.explicit,
            FailureClass::Refused => self.refused,
            FailureClass::Silent => self.silent,
        }
    }
}

/// Confirmation by counting regular looks, in place of spans.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Count {
    /// So many failures …, 1 to `of`.
    pub failures: u8,
    /// … among so many last regular looks, 1 to 32.
    pub of: u8,
}

/// The rules for one check.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    /// From one regular look to the next. Default 30 s, 1 s to 1 day.
    pub interval: Duration,
    /// Limit of one look. Default 5 s, shorter than the interval.
    pub timeout: Duration,
    /// Confirmation by span.
    pub spans: Spans,
    /// Confirmation by counting, if the file asks for it; the spans are then not used.
    pub count: Option<Count>,
    /// Good looks in a row that end an outage. Default 3, 1 to 10.
    pub successes: u8,
    /// An answer that takes longer is slow. Default 2 s.
    pub slow_after: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            spans: Spans::default(),
            count: None,
            successes: 3,
            slow_after: Duration::from_secs(2),
        }
    }
}

/// The part of an observation that the judge is shown.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    /// When the look started.
    pub started: Tick,
    /// When it was finished; of a look that brought an answer without the time that finding the address took, which is our
    /// own resolver's.
    pub finished: Tick,
    /// When it started, for people.
    pub at: Timestamp,
    /// Whether it was a look of the ordinary rhythm; looks of a burst and of a recovery are not.
    pub is_regular: bool,
    /// What it means.
    pub outcome: Outcome,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The dialect of the body.
    pub family: Option<Family>,
    /// How near what it shows is to its end.
    pub ending: Option<Ending>,
}

impl Seen {
    /// What the judge is shown of an observation.
    pub fn of(observation: &Observation, is_regular: bool) -> Self {
        Self {
            started: observation.started.tick,
            finished: (observation.finished.tick - resolving(observation))
                .max(observation.started.tick),
            at: observation.started.at,
            is_regular,
            outcome: observation.outcome.clone(),
            status: observation.status,
            family: observation.family,
            ending: match observation.extra.as_deref() {
                Some(Extra::Ending(ending)) => Some(*ending),
                Some(Extra::Logs(_) | Extra::Roles(_) | Extra::OwnRole(_) | Extra::Steps(_))
                | None => None,
            },
        }
    }

    /// How long the look took.
    pub const fn took(&self) -> Duration {
        self.finished.since(self.started)
    }
}

/// How long an answer waited for our own resolver: that makes nobody slow, unless the resolver is all that was asked.
fn resolving(observation: &Observation) -> Duration {
    let phases = observation.phases;
    let is_all = phases.finished().count() <= 1;
    let is_answer = match observation.outcome {
        Outcome::Healthy | Outcome::Degraded(_) => true,
        Outcome::Unhealthy(_) | Outcome::Unobservable(_) => false,
    };
    let micros = phases.resolve_us.filter(|_| is_answer && !is_all);
    Duration::from_micros(micros.unwrap_or_default().into())
}

/// The first failure and the fresh looks that follow it until it is believed or refuted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Burst {
    /// When the first bad look started, for people: since when it is bad.
    pub since: Timestamp,
    /// When the first failure was known; the span is counted from here.
    pub known: Tick,
    /// When a look of the burst last counted; a burst that hears nothing for long is void.
    pub heard: Tick,
    /// Looks that counted, the first one included.
    pub looks: u16,
    /// How many of them were failures (`Unhealthy`).
    pub failures: u16,
    /// How many of them were answers that fall short (`Degraded`).
    pub shortfalls: u16,
    /// How many of them were answers that cannot be used.
    pub no_verdicts: u16,
    /// The weakest evidence among the failures; decides the span.
    pub weakest: FailureClass,
    /// What the last one of the kind that will decide said.
    pub words: String,
    /// Of the answers that fall short because something ends, the longest warning time; absent if one is about
    /// something else.
    pub warning: Option<Duration>,
}

/// Looks in a row that contradict a bad verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recovery {
    /// Towards which verdict they point.
    pub towards: Verdict,
    /// How many there were.
    pub looks: u8,
    /// When the first of them started.
    pub started: Tick,
    /// When the first of them started, for people.
    pub since: Timestamp,
}

/// What was last known to be good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Good {
    /// When that look started.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Its HTTP status.
    pub status: Option<u16>,
}

/// Everything the judge remembers of one check.
#[derive(Clone, PartialEq, Debug)]
pub struct State {
    /// The verdict that holds and may have been told; never `Suspect`.
    pub settled: Verdict,
    /// Why.
    pub reason: Reason,
    /// Since when: for a bad verdict the start of the first bad look, not the time of deciding.
    pub since: Timestamp,
    /// Whether any look ever was good; before that a 404 is a mistake in the file, after it an outage.
    pub ever_worked: bool,
    /// A failure that is being confirmed.
    pub burst: Option<Burst>,
    /// Better looks that are being confirmed.
    pub recovery: Option<Recovery>,
    /// Good and bad looks since the first good one of an outage: how well it "answers again".
    pub answered: (u16, u16),
    /// The cumulative sum for partial failure, in thousandths of a nat; 0 to 18,000.
    pub score: u32,
    /// Of the last regular looks, newest in the lowest bit: 1 = failed.
    pub failed_bits: u32,
    /// How many regular looks `failed_bits` holds, at most 32.
    pub failed_len: u8,
    /// Of the last six good regular looks, newest in the lowest bit: 1 = slow.
    pub slow_bits: u8,
    /// How many looks `slow_bits` holds, at most 6.
    pub slow_len: u8,
    /// Regular looks in the memory that forgets half every 2,000 looks; with `failed_lately` the own rate of failure.
    pub seen_lately: u16,
    /// Failed ones among them.
    pub failed_lately: u16,
    /// Failures that a next look refuted.
    pub blips: u32,
    /// The last good look.
    pub last_good: Option<Good>,
    /// The dialect that good answers have.
    pub family: Option<Family>,
    /// While it is degraded because something ends: the warning that was decided last.
    pub warned_at: Option<Duration>,
    /// What the judge was shown since the current question arose; empty when nothing is in question.
    pub trail: Option<Box<Trail>>,
}

impl State {
    /// Nothing was seen yet.
    pub fn new(at: Timestamp) -> Self {
        Self {
            settled: Verdict::Unknown,
            reason: Reason {
                rule: Rule::NotYetSeen,
                words: String::from("not looked at yet"),
            },
            since: at,
            ever_worked: false,
            burst: None,
            recovery: None,
            answered: (0, 0),
            score: 0,
            failed_bits: 0,
            failed_len: 0,
            slow_bits: 0,
            slow_len: 0,
            seen_lately: 0,
            failed_lately: 0,
            blips: 0,
            last_good: None,
            family: None,
            warned_at: None,
            trail: None,
        }
    }

    /// What the grid shows: the settled verdict, or `Suspect` while a failure of something fine is being confirmed.
    pub const fn shown(&self) -> Verdict {
        match (self.settled, &self.burst) {
            (Verdict::Operational | Verdict::Unknown | Verdict::Suspect, Some(_)) => {
                Verdict::Suspect
            }
            (settled, _) => settled,
        }
    }
}

/// What the judge was shown since a question arose.
#[derive(Clone, PartialEq, Debug)]
pub struct Trail {
    /// Its memory before the first of them (with an empty trail).
    pub before: State,
    /// What it was shown, oldest first, at most 64; later ones of a long question replace the middle by a newer `before`.
    pub seen: Vec<Seen>,
}

/// All that a verdict rests on: shown to the judge again, it gives the same verdict.
#[derive(Clone, PartialEq, Debug)]
pub struct Proof {
    /// The rules that held.
    pub policy: Policy,
    /// The judge's memory before.
    pub before: State,
    /// What it was then shown; the last one decided.
    pub seen: Vec<Seen>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Failure, FailureClass, FailureKind, LookId, Moment, Phases, Slot};

    #[test]
    fn a_slow_resolver_of_ours_makes_no_answer_slow() {
        let second = Duration::from_secs(1);
        let silent = Outcome::Unhealthy(Failure {
            class: FailureClass::Silent,
            kind: FailureKind::FirstByteTimeout,
            words: String::from("no answer"),
        });
        for (outcome, resolve_us, connect_us, took) in [
            (Outcome::Healthy, Some(700_000), Some(100_000), 300),
            (Outcome::Healthy, None, Some(100_000), 1_000),
            // The resolver is what was asked.
            (Outcome::Healthy, Some(700_000), None, 1_000),
            (silent, Some(700_000), Some(100_000), 1_000),
            // Of several addresses each may have waited.
            (Outcome::Healthy, Some(7_000_000), Some(100_000), 0),
        ] {
            let observation = Observation {
                look: LookId {
                    slot: Slot(0),
                    check: 0,
                    number: 1,
                },
                started: Moment::default() + second,
                finished: Moment::default() + 2 * second,
                outcome,
                status: None,
                phases: Phases {
                    resolve_us,
                    connect_us,
                    ..Phases::default()
                },
                family: None,
                detail: None,
                extra: None,
            };
            let seen = Seen::of(&observation, true);
            assert_eq!(seen.took(), Duration::from_millis(took), "{observation:?}");
        }
    }
}
