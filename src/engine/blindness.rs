//! Whether what looks bring back may be believed: before silence accuses anybody, the witnesses are asked.
//!
//! Only silence is ever doubted. An answer that came, however bad, and a refused connection prove the way there.
//! While we are blind, verdicts stand as they are, with their age; nobody is accused, and whoever answers is believed.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{Action, Engine, Trouble, watched::Watched};
use crate::{
    judge::{
        self,
        blindness::{Change, Sight},
        strain::{CROWDED, Cause, LATE, Strain},
    },
    model::{
        Batch, FailureClass, Gap, GapKind, Moment, Observation, Outcome, Policy, Seen, Slot, Tick,
        Timestamp, Verdict,
        lapse::{Lapse, LapseKind},
        text::span,
        witness::{ROUND_EVERY, Round, RoundOrder},
    },
    schedule::{Due, phase},
};

/// Two rounds begin at least so far apart.
const ROUND_GAP: Duration = Duration::from_secs(2);
/// A round that began longer ago than this vouches for nothing.
const VOUCHES_FOR: Duration = Duration::from_secs(5);
/// A round that has not come back by then never will.
const ROUND_LOST: Duration = Duration::from_secs(10);
/// Blindness that lasts for so long is told before its end, in case somebody can hear it.
const TOLD_AFTER: Duration = Duration::from_mins(5);
/// After blindness, whatever could not be seen is looked at within this time.
const LOOKED_AT_WITHIN: Duration = Duration::from_secs(5);
/// Being late all the time for so long is trouble of our own.
const OVERLOAD_AFTER: Duration = Duration::from_mins(1);
/// The strain from which we count as overloaded, and the one below which it is over.
const OVERLOAD: (u8, u8) = (6, 2);

/// What is known of our own eyes.
#[derive(Debug, Default)]
pub(super) struct Lookout {
    pub(super) sight: Sight,
    strain: Strain,
    /// The number of the last round.
    number: u64,
    /// The round that was asked for and has not come back.
    asked: Option<Asked>,
    /// When the next round is due.
    due: Tick,
    /// When the last round that came back began, and whether it was good.
    last: Option<(Tick, bool)>,
    /// Looks that wait for a round before they are judged.
    pub(super) held: Vec<Held>,
    /// Silence that was believed for want of an accusation, and waits for a round to bear it out.
    unproved: Vec<(Slot, u8)>,
    /// What could not be seen since we are blind.
    unseen: BTreeSet<Slot>,
    /// Since when time has gone its way.
    undisturbed_since: Tick,
    /// Silence of looks that began before this says nothing: we were blind.
    sees_since: Tick,
    /// When blindness is told although it goes on.
    tell_at: Option<Tick>,
    /// Whether it was.
    is_told: bool,
    /// Since when looks are late all the time.
    strained_since: Option<Tick>,
    /// The latest start of a look in that time.
    latest: Duration,
    is_overload_told: bool,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    number: u64,
    at: Moment,
}

/// A look that would settle an accusation by silence.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) observation: Observation,
    pub(super) is_regular: bool,
    pub(super) planned: Tick,
}

impl Lookout {
    /// Since when we see nothing, if we do not.
    pub(super) const fn blind_since(&self) -> Option<Timestamp> {
        self.sight.blind_since()
    }

    pub(super) const fn is_blind(&self) -> bool {
        self.sight.blind_since().is_some()
    }

    /// Whether a look that began then saw nothing because we were blind, or still are.
    pub(super) fn was_blind(&self, began: Tick) -> bool {
        self.is_blind() || began < self.sees_since
    }

    /// By how much limits and spans are stretched now.
    pub(super) fn factor(&self) -> u32 {
        self.strain.factor()
    }

    fn vouches(&self, now: Tick) -> bool {
        self.last
            .is_some_and(|(began, is_good)| is_good && now.since(began) <= VOUCHES_FOR)
    }

    /// Whether the last round of witnesses began after that and was good.
    fn was_well_since(&self, since: Tick) -> bool {
        self.last
            .is_some_and(|(began, is_good)| is_good && began >= since)
    }

    /// When it has to be woken.
    pub(super) fn next_deadline(&self) -> Tick {
        let round = match self.asked {
            Some(asked) => asked.at.tick + ROUND_LOST,
            None => self.due,
        };
        self.tell_at.map_or(round, |tell| tell.min(round))
    }

    /// A look starts that was planned for then. What time itself held up is nobody's slowness.
    pub(super) fn started(&mut self, now: Tick, planned: Tick) {
        self.strain.fall(now.since(Tick::ZERO));
        if planned < self.undisturbed_since {
            return;
        }
        let late = now.since(planned);
        if late > LATE {
            self.strain.rise(now.since(Tick::ZERO), Cause::Late);
            self.latest = self.latest.max(late);
        }
        if late > CROWDED {
            self.strain.rise(now.since(Tick::ZERO), Cause::Crowded);
        }
    }
}

/// Whether it is silence that this look accuses with.
fn is_silence(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Unhealthy(failure) => failure.class == FailureClass::Silent,
        Outcome::Healthy | Outcome::Degraded(_) | Outcome::Unobservable(_) => false,
    }
}

impl Engine {
    /// When the witnesses want to be asked next; never if there are none.
    pub(super) fn next_round(&self) -> Option<Tick> {
        (!self.plan.witnesses.is_empty()).then(|| self.lookout.next_deadline())
    }

    /// Asks the witnesses if it is time, and tells of long blindness and of overload.
    pub(super) fn look_out(&mut self, now: Moment, actions: &mut Vec<Action>) {
        if self.plan.witnesses.is_empty() {
            return;
        }
        let lookout = &mut self.lookout;
        if lookout
            .asked
            .is_some_and(|asked| now.tick.since(asked.at.tick) >= ROUND_LOST)
        {
            lookout.asked = None;
            lookout.due = now.tick;
            // That a round is lost is our own fault, and hides no outage.
            self.prove(now, actions);
            self.release(now, actions);
        }
        let lookout = &mut self.lookout;
        if lookout.asked.is_none() && lookout.due <= now.tick {
            lookout.number += 1;
            lookout.asked = Some(Asked {
                number: lookout.number,
                at: now,
            });
            lookout.due = now.tick + ROUND_EVERY;
            actions.push(Action::AskWitnesses(RoundOrder {
                number: lookout.number,
                witnesses: Arc::clone(&self.plan.witnesses),
            }));
            self.note_overload(now, actions);
        }
        if self.lookout.tell_at.is_some_and(|at| at <= now.tick) {
            self.lookout.tell_at = None;
            self.lookout.is_told = true;
            let since = self.lookout.sight.blind_since().unwrap_or(now.at);
            let trouble = Trouble {
                key: String::from("sight"),
                is_over: false,
                title: format!(
                    "blind since {}: nobody is accused of silence",
                    since.words(self.plan.server.timezone)
                ),
                words: self.lookout.sight.why().to_owned(),
                not_to: None,
            };
            self.troubled(now, trouble, actions);
        }
    }

    /// Wants a round soon, because somebody is silent.
    pub(super) fn want_round(&mut self, now: Moment) {
        let lookout = &mut self.lookout;
        let began = lookout.last.map(|(began, _)| began);
        let earliest = began.map_or(now.tick, |began| began + ROUND_GAP);
        lookout.due = lookout.due.min(earliest.max(now.tick));
    }

    /// Before a look is judged: silence while we are blind says nothing, and silence that would settle an accusation waits
    /// for the witnesses. Gives the look back if it can be judged now.
    pub(super) fn doubt(
        &mut self,
        now: Moment,
        mut observation: Observation,
        (is_regular, planned): (bool, Tick),
        may_wait: bool,
    ) -> Option<Observation> {
        if self.plan.witnesses.is_empty() {
            return Some(observation);
        }
        let is_silence = is_silence(&observation.outcome);
        // A round of a store, or of roles, does not tell silence from a refusal.
        let is_round = !may_wait && observation.outcome != Outcome::Healthy;
        if !is_silence && !is_round {
            return Some(observation);
        }
        if self.lookout.was_blind(observation.started.tick) {
            self.lookout.unseen.insert(observation.look.slot);
            observation.outcome = self.hidden();
            let check = usize::from(observation.look.check);
            let watched = self.at_mut(observation.look.slot);
            if let Some(watching) = watched.and_then(|watched| watched.checks.get_mut(check)) {
                watching.is_unproved = true;
            }
            return Some(observation);
        }
        let is_answer = match &observation.outcome {
            Outcome::Unhealthy(failure) => failure.class == FailureClass::Explicit,
            Outcome::Healthy | Outcome::Degraded(_) | Outcome::Unobservable(_) => true,
        };
        if !is_silence && is_answer {
            return Some(observation);
        }
        self.want_round(now);
        let is_vouched_for = self.lookout.vouches(now.tick);
        if is_vouched_for || !self.would_accuse(&observation, is_regular) {
            if !is_vouched_for {
                self.note_unproved(&observation);
            }
            return Some(observation);
        }
        if !may_wait {
            // A round is judged at once. It is believed if the witnesses were well after its silence began, else the next one
            // is: by then they have been asked.
            if !self.lookout.was_well_since(self.silent_since(&observation)) {
                observation.outcome = self.hidden();
            }
            return Some(observation);
        }
        self.lookout.held.push(Held {
            observation,
            is_regular,
            planned,
        });
        None
    }

    /// When the first look of those that are silent was over; of the first one itself, an ordinary round of witnesses ago.
    fn silent_since(&self, observation: &Observation) -> Tick {
        let check = usize::from(observation.look.check);
        let watched = self.at(observation.look.slot);
        let watching = watched.and_then(|watched| watched.checks.get(check));
        let burst = watching.and_then(|watching| watching.state.burst.as_ref());
        let before = observation.started.tick.since(Tick::ZERO);
        burst.map_or(Tick::ZERO + before.saturating_sub(ROUND_EVERY), |burst| {
            burst.known
        })
    }

    /// Whoever is said to be down is not said to be so again because of silence that nobody vouches for.
    fn note_unproved(&mut self, observation: &Observation) {
        let (slot, check) = (observation.look.slot, observation.look.check);
        let watching = self
            .at_mut(slot)
            .and_then(|watched| watched.checks.get_mut(usize::from(check)));
        if let Some(watching) = watching {
            watching.is_unproved = true;
            self.lookout.unproved.push((slot, check));
        }
    }

    /// Silence was true, as far as anybody can say: what was not told for want of that is told.
    fn prove(&mut self, now: Moment, actions: &mut Vec<Action>) {
        for (slot, check) in std::mem::take(&mut self.lookout.unproved) {
            let watching = self
                .at_mut(slot)
                .and_then(|watched| watched.checks.get_mut(usize::from(check)));
            if let Some(watching) = watching {
                watching.is_unproved = false;
                self.settle_held(now, slot, actions);
            }
        }
    }

    /// What a look saw that could not see.
    fn hidden(&self) -> Outcome {
        let why = self.lookout.sight.why();
        let words = if why.is_empty() {
            String::from("hekate itself could not see")
        } else {
            format!("hekate itself could not see: {why}")
        };
        Outcome::Unobservable(Gap {
            kind: GapKind::OwnNetwork,
            words,
        })
    }

    /// Whether the judge, shown this look, would settle on something bad.
    fn would_accuse(&self, observation: &Observation, is_regular: bool) -> bool {
        let check = observation.look.check;
        let Some(watched) = self.at(observation.look.slot) else {
            return false;
        };
        let Some(watching) = watched.checks.get(usize::from(check)) else {
            return false;
        };
        let policy = self.policy_now(watched, check);
        let mut state = watching.state.clone();
        let seen = Seen::of(observation, is_regular);
        judge::step(&policy, &mut state, &seen)
            .is_some_and(|change| change.to != Verdict::Operational)
    }

    /// The rules for a look now: as its log bends them, and as our own slowness stretches them.
    pub(super) fn policy_now(&self, watched: &Watched, check: u8) -> Policy {
        let mut policy = watched.joint_policy(check);
        let factor = watched.checks[usize::from(check)]
            .stretch
            .max(self.lookout.factor());
        if factor > 1 {
            let spans = &mut policy.spans;
            for span in [&mut spans.explicit, &mut spans.refused, &mut spans.silent] {
                *span *= factor;
            }
        }
        policy
    }

    /// The limit of a look now: longer while we are slow ourselves, but never as long as the interval.
    pub(super) fn limit_now(&self, limit: Duration, interval: Duration) -> Duration {
        let longest = interval.saturating_sub(Duration::from_secs(1)).max(limit);
        (limit * self.lookout.factor()).min(longest)
    }

    /// A round came back.
    pub(super) fn witnessed(&mut self, now: Moment, round: &Round, actions: &mut Vec<Action>) {
        let Some(asked) = self
            .lookout
            .asked
            .take_if(|asked| asked.number == round.number)
        else {
            return;
        };
        let witnesses = Arc::clone(&self.plan.witnesses);
        let lookout = &mut self.lookout;
        let was_doubtful = lookout.sight.is_open() && !lookout.is_blind();
        let change = lookout.sight.round(&witnesses, &round.answers, asked.at.at);
        let is_good = !lookout.is_blind() && !lookout.sight.is_open();
        lookout.last = Some((asked.at.tick, is_good));
        if lookout.sight.is_open() || lookout.is_blind() {
            lookout.due = lookout.due.min((asked.at.tick + ROUND_GAP).max(now.tick));
        }
        match change {
            Some(Change::Blinded) => self.blinded(now, actions),
            Some(Change::Sees { since, why }) => self.sees(now, since, &why, actions),
            None if was_doubtful && is_good => self.saw_badly(asked.at.tick, actions),
            None if is_good => self.prove(now, actions),
            None => {}
        }
        if self.lookout.sight.is_open() && !self.lookout.is_blind() {
            return;
        }
        self.release(now, actions);
    }

    /// Judges what has waited for a round.
    fn release(&mut self, now: Moment, actions: &mut Vec<Action>) {
        for mut held in std::mem::take(&mut self.lookout.held) {
            if self.lookout.is_blind() {
                self.lookout.unseen.insert(held.observation.look.slot);
                held.observation.outcome = self.hidden();
            }
            self.judge_look(
                now,
                &held.observation,
                (held.is_regular, held.planned),
                actions,
            );
        }
    }

    /// We saw badly for a moment, too short to be called blind: what silence said before we were seen to see again is
    /// nothing that a good round could vouch for.
    fn saw_badly(&mut self, until: Tick, actions: &mut Vec<Action>) {
        self.lookout.unproved.clear();
        self.take_back_silence(actions);
        let hidden = self.hidden();
        for held in &mut self.lookout.held {
            if held.observation.started.tick < until {
                held.observation.outcome = hidden.clone();
            }
        }
    }

    /// Whatever silence has said so far is forgotten.
    fn take_back_silence(&mut self, actions: &mut Vec<Action>) {
        for index in 0..self.watched.len() {
            let slot = Slot(u32::try_from(index).unwrap_or(u32::MAX));
            let Some(watched) = self.at_mut(slot) else {
                continue;
            };
            let mut is_changed = false;
            for watching in &mut watched.checks {
                let is_silent = watching
                    .state
                    .burst
                    .as_ref()
                    .is_some_and(|burst| burst.weakest == FailureClass::Silent);
                if is_silent {
                    judge::void(&mut watching.state);
                    is_changed = true;
                }
            }
            if is_changed {
                self.show(slot, actions);
            }
        }
    }

    /// We see nothing: whatever silence has said so far is taken back.
    fn blinded(&mut self, now: Moment, actions: &mut Vec<Action>) {
        self.lookout.unproved.clear();
        self.lookout.tell_at = Some(now.tick + TOLD_AFTER);
        self.take_back_silence(actions);
        let sight = &self.lookout.sight;
        let since = sight.blind_since().unwrap_or(now.at);
        let words = sight.why().to_owned();
        actions.push(Action::Blind(Some((since, words.clone()))));
        // At once, so that it is known even if nobody lives to see its end.
        let mut batch = Batch::new(now.at);
        batch.lapses.push(Lapse {
            from: since,
            until: None,
            kind: LapseKind::Blind,
            words,
        });
        actions.push(Action::Commit(Arc::new(batch)));
    }

    /// We see again: what could not be seen is looked at soon, and `ops` hears of the gap.
    fn sees(&mut self, now: Moment, since: Timestamp, why: &str, actions: &mut Vec<Action>) {
        self.lookout.sees_since = now.tick;
        self.lookout.tell_at = None;
        self.excuse_beats(now, now.at.since(since));
        let unseen = std::mem::take(&mut self.lookout.unseen);
        for slot in &unseen {
            self.look_after_blindness(now, *slot);
        }
        let unseen = unseen.len();
        let zone = self.plan.server.timezone;
        let lasted = span(now.at.since(since));
        let words = format!(
            "from {} to {} ({lasted}): {why}; {}",
            since.words(zone),
            now.at.words(zone),
            match unseen {
                0 => String::from("every target answered all the same"),
                1 => String::from(
                    "1 target could not be seen, and nothing is known of it for that time"
                ),
                _ => format!(
                    "{unseen} targets could not be seen, and nothing is known of them for that time"
                ),
            }
        );
        actions.push(Action::Blind(None));
        let mut batch = Batch::new(now.at);
        batch.lapses.push(Lapse {
            from: since,
            until: Some(now.at.max(since)),
            kind: LapseKind::Blind,
            words: why.to_owned(),
        });
        if std::mem::take(&mut self.lookout.is_told) {
            let trouble = Trouble {
                key: String::from("sight"),
                is_over: true,
                title: String::from("blindness"),
                words,
                not_to: None,
            };
            self.note_trouble(now, trouble, &mut batch);
        } else {
            self.notice(now, "hekate was blind", &words, None, &mut batch);
        }
        actions.push(Action::Commit(Arc::new(batch)));
    }

    /// Plans looks at what could not be seen.
    fn look_after_blindness(&mut self, now: Moment, slot: Slot) {
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        let mut dues = Vec::new();
        for (check, watching) in (0_u8..).zip(&mut watched.checks) {
            if watching.own_trouble_since.is_none() || watching.flight.is_some() {
                continue;
            }
            watching.generation += 1;
            watching.is_next_regular = true;
            let soon = now.tick + phase(slot.0 as usize, LOOKED_AT_WITHIN);
            watching.planned = watching.planned.min(soon);
            dues.push(Due {
                planned: watching.planned,
                slot,
                check,
                generation: watching.generation,
            });
        }
        for due in dues {
            self.schedule.add(due);
        }
    }

    /// Time stood still or jumped: what was asked meanwhile says nothing.
    ///
    /// Looks that were held are void as well; the caller plans new ones for every check that has none in flight.
    pub(super) fn void_rounds(&mut self, now: Moment) {
        let lookout = &mut self.lookout;
        lookout.sight.void();
        lookout.asked = None;
        lookout.last = None;
        lookout.held.clear();
        lookout.unproved.clear();
        lookout.due = now.tick;
        lookout.undisturbed_since = now.tick;
    }

    /// The file changed: other witnesses are asked, and looks that were held are made anew.
    pub(super) fn replace_witnesses(&mut self, now: Moment, is_changed: bool) {
        for held in std::mem::take(&mut self.lookout.held) {
            let look = held.observation.look;
            let Some(watching) = self
                .at_mut(look.slot)
                .and_then(|watched| watched.checks.get_mut(usize::from(look.check)))
            else {
                continue;
            };
            if watching.flight.is_some() {
                continue;
            }
            watching.generation += 1;
            watching.is_next_regular = true;
            watching.planned = now.tick;
            let due = Due {
                planned: now.tick,
                slot: look.slot,
                check: look.check,
                generation: watching.generation,
            };
            self.schedule.add(due);
        }
        if is_changed {
            let lookout = &mut self.lookout;
            lookout.unproved.clear();
            lookout.sight.replace();
            lookout.asked = None;
            lookout.last = None;
            lookout.due = now.tick;
        }
    }

    /// Being late all the time is trouble of our own, and `ops` hears of it.
    fn note_overload(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let lookout = &mut self.lookout;
        lookout.strain.fall(now.tick.since(Tick::ZERO));
        let score = lookout.strain.score();
        let (from, below) = OVERLOAD;
        if score >= from {
            lookout.strained_since.get_or_insert(now.tick);
        } else if score < below {
            lookout.strained_since = None;
            lookout.latest = Duration::ZERO;
        }
        let is_overloaded = lookout
            .strained_since
            .is_some_and(|since| now.tick.since(since) >= OVERLOAD_AFTER);
        if is_overloaded == lookout.is_overload_told || lookout.is_blind() {
            return;
        }
        lookout.is_overload_told = is_overloaded;
        let words = if is_overloaded {
            format!(
                "looks start up to {} late; limits and spans are stretched meanwhile, so that nobody else is blamed",
                span(lookout.latest)
            )
        } else {
            String::from("looks start on time")
        };
        let trouble = Trouble {
            key: String::from("overload"),
            is_over: !is_overloaded,
            title: String::from("hekate is too slow for what it has to look at"),
            words,
            not_to: None,
        };
        self.troubled(now, trouble, actions);
    }
}
