//! What time alone brings: reminders, and what was held back.

use std::{sync::Arc, time::Duration};

use super::{
    Action, Engine,
    hold::Hold,
    tell::{entry, told_of},
    watched::Watched,
};
use crate::{
    judge::flapping::{DIGESTS_AFTER, News},
    model::{Batch, Incident, Kind, Moment, Slot, Tick, ToldFlapping, Verdict},
};

/// A reminder that nobody can vouch for now is put off by so much at a time.
pub(super) const DOUBT_WAIT: Duration = Duration::from_secs(15);

impl Engine {
    /// Reminds of an open incident, or tells what was held back, if it is time.
    pub(super) fn wake(&mut self, now: Moment, actions: &mut Vec<Action>) {
        while let Some((tick, slot)) = self
            .wakes
            .first()
            .copied()
            .filter(|(tick, _)| *tick <= now.tick)
        {
            self.wakes.remove(&(tick, slot));
            let mut batch = Batch::new(now.at);
            let mut hold = None;
            if let Some(watched) = self.at_mut(slot) {
                watched.wake = None;
                hold.clone_from(&watched.hold);
            }
            self.remind(now, slot, &mut batch);
            self.settle_accounts(now, slot, &mut batch);
            let is_hold_changed = self.at(slot).is_some_and(|watched| {
                let words = |hold: &Option<Box<Hold>>| hold.as_ref().map(|hold| hold.words.clone());
                words(&watched.hold) != words(&hold)
            });
            if !batch.is_empty() {
                actions.push(Action::Commit(Arc::new(batch)));
                self.show(slot, actions);
            } else if is_hold_changed {
                self.show(slot, actions);
            }
        }
    }

    fn remind(&mut self, now: Moment, slot: Slot, batch: &mut Batch) {
        let Some(watched) = self.at(slot) else {
            return;
        };
        let is_in_doubt = watched.is_in_doubt() || watched.is_otherwise_than_told(now.tick);
        let quiet_until = self.quiet_until(slot);
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        let room_at = watched.restless.room(now.tick, News::Again);
        let Some(open) = watched
            .incident
            .as_mut()
            .filter(|open| open.remind.is_some_and(|at| at <= now.tick))
        else {
            return;
        };
        if quiet_until.is_some() {
            open.remind = quiet_until;
            return;
        }
        if is_in_doubt {
            open.remind = Some(now.tick + DOUBT_WAIT);
            return;
        }
        if room_at.is_some() {
            open.remind = room_at;
            return;
        }
        let open = watched.incident.iter();
        let to: Vec<_> = open.flat_map(|open| told_of(&open.incident)).collect();
        let story = Arc::new(self.story(now, slot, &to, None));
        let Some(mut open) = self
            .at_mut(slot)
            .and_then(|watched| watched.incident.take())
        else {
            return;
        };
        let incident = &mut open.incident;
        let is_first = incident.reminders == 0 && incident.flapping != Some(ToldFlapping::Unsteady);
        for told in &incident.told {
            let mention = told.mention.clone().filter(|_| is_first);
            batch.entries.push(entry(
                incident,
                told.channel.clone(),
                Kind::Reminder,
                now,
                mention,
                &story,
            ));
        }
        // What a digest says is what was told last; if that changes again and lasts, it is news.
        let is_steady = story.flapping.as_ref().is_some_and(|it| it.is_steady);
        if incident.flapping == Some(ToldFlapping::Steady) && is_steady {
            incident.verdict = story.to;
        }
        incident.sequence += 1;
        incident.reminders += 1;
        open.remind = plan_reminder(&mut open.incident, now);
        batch.incidents.push(open.incident.clone());
        if let Some(watched) = self.at_mut(slot) {
            watched.restless.tell(now);
            watched.incident = Some(open);
        }
    }

    /// Keeps the list of wakes in step with what a target wants.
    pub(super) fn set_wake(&mut self, slot: Slot) {
        let Some(watched) = self.at(slot) else { return };
        let (before, wanted) = (watched.wake, watched.own_deadline());
        if before == wanted {
            return;
        }
        if let Some(before) = before {
            self.wakes.remove(&(before, slot));
        }
        if let Some(wanted) = wanted {
            self.wakes.insert((wanted, slot));
        }
        if let Some(watched) = self.at_mut(slot) {
            watched.wake = wanted;
        }
    }
}

impl Watched {
    /// Whether it is not what people were told, and a reminder would be the wrong way to say so: it is told by itself, at
    /// once or when it has lasted. A digest of what flaps says how it is.
    fn is_otherwise_than_told(&self, now: Tick) -> bool {
        self.said().is_some_and(|said| {
            let is_told = self.standing() == Some(said.verdict);
            let is_digest = said.is_flapping && (!said.is_steady || self.restless.has_lasted(now));
            !is_told && !is_digest
        })
    }
}

/// Plans the next reminder: the times of the route count from the opening, and the last one repeats.
///
/// The wait is measured in ticks, so that a moved clock neither hurries nor delays it.
pub(super) fn plan_reminder(incident: &mut Incident, now: Moment) -> Option<Tick> {
    incident.remind_at = None;
    let is_quiet = incident.verdict == Verdict::Unknown || incident.is_only_ending();
    if reminders_of(incident).is_empty() || is_quiet || incident.acknowledged.is_some() {
        return None;
    }
    let before = incident
        .reminders
        .checked_sub(1)
        .map_or(Duration::ZERO, |given| offset(incident, given));
    let wait = offset(incident, incident.reminders)
        .saturating_sub(before)
        .max(Duration::from_secs(1));
    incident.remind_at = Some(now.at + wait);
    Some(now.tick + wait)
}

/// When reminders of an incident are due.
pub(super) fn reminders_of(incident: &Incident) -> &[Duration] {
    if has_digests(incident) {
        &DIGESTS_AFTER
    } else {
        &incident.remind_after
    }
}

/// Whether digests stand in for the reminders of an incident: it flaps, and was not told to stay bad.
pub(super) fn has_digests(incident: &Incident) -> bool {
    match incident.flapping {
        Some(ToldFlapping::Unsteady) => true,
        Some(ToldFlapping::Steady) => incident.verdict == Verdict::Operational,
        None => false,
    }
}

/// How long after the opening the reminder with this number is due, counted from 0.
fn offset(incident: &Incident, number: u32) -> Duration {
    let times = reminders_of(incident);
    let last = times.last().copied().unwrap_or_default();
    match times.get(number as usize) {
        Some(time) => *time,
        None => last.saturating_mul(
            number
                .saturating_add(2)
                .saturating_sub(u32::try_from(times.len()).unwrap_or(1)),
        ),
    }
}
