//! A trouble of the past judged by other rules.
//!
//! Every change of a verdict carries the looks that it rests on, from the first bad one to the one that decided, and so
//! does its end. What lies between the two is not stored look by look: it stayed bad, for else the end would have come
//! earlier, but a single good look in between would have ended a longer burst. So what is decided by looks that are
//! there is certain, and what is decided between them is probable.

use std::time::Duration;

use crate::{
    judge::{self, Pace},
    model::{Policy, Rule, Seen, State, Tick, Timestamp, Transition, Verdict},
};

/// A check that became bad, and what became of it.
#[derive(Clone, Copy, Debug)]
pub struct Trouble<'a> {
    /// How it became bad.
    pub begun: &'a Transition,
    /// The next change of the same check; absent if there was none yet.
    pub next: Option<&'a Transition>,
    /// When nothing is known any more, if there is no next change.
    pub known_until: Timestamp,
}

/// What other rules would have made of a trouble.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Retold {
    /// It would have been told.
    Told {
        /// When.
        at: Timestamp,
        /// As what.
        verdict: Verdict,
        /// Whether all looks that decide are stored; else some of them are taken to be as bad as those before.
        is_certain: bool,
    },
    /// It would have been over before it was believed.
    Never {
        /// As above.
        is_certain: bool,
    },
    /// Nobody can say; why, in one clause.
    Unknown(&'static str),
}

/// More looks than this between the stored ones are not made up: whatever is not believed by then never is.
const LOOKS_MAX: usize = 2_000;

/// Judges a trouble anew with these rules.
pub fn retry(policy: &Policy, trouble: Trouble<'_>) -> Retold {
    let Transition { reason, proof, .. } = trouble.begun;
    match reason.rule {
        Rule::PartialFailure | Rule::Slow => {
            return Retold::Unknown(
                "it was decided by many looks, of which the store keeps the last ones only",
            );
        }
        Rule::Stale => return Retold::Unknown("it was decided by what was not seen"),
        Rule::Blocked => return Retold::Unknown("it was decided by what it depends on"),
        Rule::NotYetSeen
        | Rule::FirstLook
        | Rule::Confirmed(_)
        | Rule::Counted
        | Rule::FallsShort
        | Rule::NoVerdict
        | Rule::Recovered
        | Rule::AnswersAgain => {}
    }
    let before = judge::replay(proof).map(|change| change.to);
    if before != Some(trouble.begun.to) {
        return Retold::Unknown("its looks do not say any more what they said then");
    }
    let mut trial = Trial {
        policy,
        state: proof.before.clone(),
        is_certain: true,
    };
    for seen in &proof.seen {
        if let Some(told) = trial.show(seen) {
            return told;
        }
    }
    let Some(last) = proof.seen.last() else {
        return Retold::Unknown("the store keeps no look of it");
    };
    let rest = trouble.next.map_or(&[][..], |next| &next.proof.seen);
    let ends_at = rest.first().map_or(trouble.known_until, |seen| seen.at);
    if let Some(told) = trial.between(last, ends_at) {
        return told;
    }
    for seen in rest {
        if let Some(told) = trial.show(&rebased(seen, last)) {
            return told;
        }
    }
    if trouble.next.is_none() {
        return Retold::Unknown("it is not over, and not bad for long enough yet");
    }
    Retold::Never {
        is_certain: trial.is_certain,
    }
}

struct Trial<'a> {
    policy: &'a Policy,
    state: State,
    is_certain: bool,
}

impl Trial<'_> {
    fn show(&mut self, seen: &Seen) -> Option<Retold> {
        let change = judge::step(self.policy, &mut self.state, seen)?;
        (change.to != Verdict::Operational).then(|| Retold::Told {
            at: seen.at + seen.took(),
            verdict: change.to,
            is_certain: self.is_certain,
        })
    }

    /// Looks as bad as the last one, in the rhythm that these rules ask for, until the next stored one.
    fn between(&mut self, last: &Seen, ends_at: Timestamp) -> Option<Retold> {
        let mut seen = last.clone();
        for _ in 0..LOOKS_MAX {
            let (after, is_regular) = match judge::pace(self.policy, &self.state, &seen) {
                Pace::Fresh { after } => (seen.took() + after, false),
                Pace::Regular { every } => (every, true),
            };
            seen = shifted(&seen, after.max(Duration::from_millis(1)), is_regular);
            if seen.at + seen.took() >= ends_at {
                return None;
            }
            self.is_certain = false;
            if let Some(told) = self.show(&seen) {
                return Some(told);
            }
        }
        None
    }
}

fn shifted(seen: &Seen, after: Duration, is_regular: bool) -> Seen {
    Seen {
        started: seen.started + after,
        finished: seen.finished + after,
        at: seen.at + after,
        is_regular,
        ..seen.clone()
    }
}

/// A look whose ticks count from where those of an earlier one do; it may be from a later process.
fn rebased(seen: &Seen, base: &Seen) -> Seen {
    let started: Tick = base.started + seen.at.since(base.at);
    Seen {
        started,
        finished: started + seen.took(),
        ..seen.clone()
    }
}
