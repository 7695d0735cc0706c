//! What people have to be told: incidents and the outbox entries that follow from them.

use std::{sync::Arc, time::Duration};

use super::{
    Action, Engine, Trouble,
    watched::{HOLD_AFTER_DOWN, Open, Watched},
};
use crate::{
    model::{
        Batch, ChannelName, Entry, EntryKey, EntryState, Incident, IncidentId, Kind, Moment,
        OnCallName, Outage, Phases, Reason, Rule, Severity, Slot, Story, TargetId, Tick, Told,
        Verdict,
    },
    route::{self, Case},
};

/// Members of larger groups say nothing of each other, and a mass outage must not cost the square of its size.
const SIBLINGS_OF_AT_MOST: usize = 12;

impl Engine {
    /// Compares what people were told of a target with what is, and writes down what they have to hear.
    ///
    /// The one place that opens, changes and closes incidents. Answers with the incident that this belongs to.
    pub(super) fn settle_accounts(
        &mut self,
        now: Moment,
        slot: Slot,
        batch: &mut Batch,
    ) -> Option<IncidentId> {
        let watched = self.at_mut(slot)?;
        let standing = watched.standing();
        let incident = match (
            watched.incident.as_ref().map(|open| open.incident.verdict),
            standing,
        ) {
            (None, None) => {
                watched.held_until = None;
                None
            }
            (None, Some(verdict)) => {
                let quiet_until = watched.down_ended.map(|ended| ended + HOLD_AFTER_DOWN);
                match quiet_until.filter(|until| verdict == Verdict::Degraded && *until > now.tick)
                {
                    Some(until) => {
                        watched.held_until = Some(until);
                        None
                    }
                    None => self.open(now, slot, verdict, batch),
                }
            }
            (Some(told), Some(verdict)) if told == verdict => watched
                .incident
                .as_ref()
                .map(|open| open.incident.id.clone()),
            (Some(_), Some(verdict)) => self.change(now, slot, verdict, batch),
            (Some(_), None) => self.close(now, slot, batch),
        };
        self.set_wake(slot);
        incident
    }

    fn open(
        &mut self,
        now: Moment,
        slot: Slot,
        verdict: Verdict,
        batch: &mut Batch,
    ) -> Option<IncidentId> {
        self.incidents += 1;
        let number = self.incidents;
        let watched = self.at(slot)?;
        let decision = route::route(&self.plan, case(watched, verdict));
        let target = &watched.target;
        let mut incident = Incident {
            id: IncidentId::from_number(number),
            number,
            targets: vec![target.id.clone()],
            severity: target.severity,
            since: watched.checks[watched.deciding()].state.since,
            opened_at: now.at,
            closed_at: None,
            verdict,
            worst: verdict,
            told: Vec::new(),
            sequence: 0,
            remind_after: decision.remind_after,
            reminders: 0,
            remind_at: None,
            seen: seen_before(watched),
        };
        let story = Arc::new(self.story(slot, &decision.to, None));
        for (channel, mention) in decision.to {
            batch.entries.push(entry(
                &incident,
                channel.clone(),
                Kind::Opened,
                now,
                mention.clone(),
                &story,
            ));
            incident.told.push(Told {
                channel,
                at: now.at,
                mention,
            });
        }
        incident.sequence += 1;
        let remind = plan_reminder(&mut incident, now);
        batch.incidents.push(incident.clone());
        let id = incident.id.clone();
        let watched = self.at_mut(slot)?;
        watched.held_until = None;
        watched.incident = Some(Box::new(Open { incident, remind }));
        Some(id)
    }

    /// A told trouble became another one. Who was told hears of it; who has to hear of the new one and was not told, too.
    fn change(
        &mut self,
        now: Moment,
        slot: Slot,
        verdict: Verdict,
        batch: &mut Batch,
    ) -> Option<IncidentId> {
        let decision = route::route(&self.plan, case(self.at(slot)?, verdict));
        let story = Arc::new(self.story(slot, &decision.to, None));
        let mut open = self.at_mut(slot)?.incident.take()?;
        let incident = &mut open.incident;
        let was_worse = incident.worst >= verdict;
        for told in &mut incident.told {
            let wanted = decision
                .to
                .iter()
                .find(|(channel, _)| *channel == told.channel);
            // One mention a channel and incident, and only when it gets worse than it ever was.
            let mention = wanted.and_then(|(_, mention)| mention.clone());
            let mention = mention.filter(|_| told.mention.is_none() && !was_worse);
            told.mention = told.mention.take().or_else(|| mention.clone());
            let key = EntryKey {
                incident: incident.id.clone(),
                sequence: incident.sequence,
                channel: told.channel.clone(),
            };
            batch
                .entries
                .push(entry_of(key, Kind::Changed, now, mention, &story));
        }
        if !was_worse {
            for (channel, mention) in decision.to {
                if incident.told.iter().all(|told| told.channel != channel) {
                    batch.entries.push(entry(
                        incident,
                        channel.clone(),
                        Kind::Opened,
                        now,
                        mention.clone(),
                        &story,
                    ));
                    incident.told.push(Told {
                        channel,
                        at: now.at,
                        mention,
                    });
                }
            }
            if !decision.remind_after.is_empty() {
                incident.remind_after = decision.remind_after;
            }
        }
        incident.sequence += 1;
        incident.verdict = verdict;
        incident.worst = incident.worst.max(verdict);
        if verdict == Verdict::Unknown || open.remind.is_none() {
            open.remind = plan_reminder(&mut open.incident, now);
        }
        batch.incidents.push(open.incident.clone());
        let id = open.incident.id.clone();
        self.at_mut(slot)?.incident = Some(open);
        Some(id)
    }

    fn close(&mut self, now: Moment, slot: Slot, batch: &mut Batch) -> Option<IncidentId> {
        let watched = self.at_mut(slot)?;
        let Open { mut incident, .. } = *watched.incident.take()?;
        if incident.worst == Verdict::Down {
            watched.down_ended = Some(now.tick);
        }
        let until = watched.checks[watched.deciding()].state.since;
        let outage = outage(&incident, until);
        let to: Vec<_> = incident
            .told
            .iter()
            .map(|told| (told.channel.clone(), None))
            .collect();
        let story = Arc::new(self.story(slot, &to, Some(outage)));
        end(&mut incident, Kind::Recovered, now, &story, batch);
        Some(incident.id)
    }

    /// Closes the incident of a target that is no longer in the file.
    pub(super) fn close_removed(
        now: Moment,
        target: &TargetId,
        mut incident: Incident,
        batch: &mut Batch,
    ) {
        let outage = outage(&incident, now.at);
        let title = target.as_str().replacen('/', " ", 1);
        let words = String::from("it was taken out of the file, so nobody looks at it any more");
        let story = Story {
            target: Some(target.clone()),
            from: incident.verdict,
            to: Verdict::Unknown,
            since: incident.since,
            outage: Some(outage),
            severity: incident.severity,
            ..plain_story(now, title, words)
        };
        end(&mut incident, Kind::Removed, now, &Arc::new(story), batch);
    }

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
            if let Some(watched) = self.at_mut(slot) {
                watched.wake = None;
                if watched.held_until.is_some_and(|until| until <= now.tick) {
                    watched.held_until = None;
                    watched.down_ended = None;
                }
            }
            self.remind(now, slot, &mut batch);
            self.settle_accounts(now, slot, &mut batch);
            if !batch.is_empty() {
                actions.push(Action::Commit(Arc::new(batch)));
                self.show(slot, actions);
            }
        }
    }

    fn remind(&mut self, now: Moment, slot: Slot, batch: &mut Batch) {
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        if watched
            .incident
            .as_ref()
            .and_then(|open| open.remind)
            .is_none_or(|at| at > now.tick)
        {
            return;
        }
        let told = watched.incident.iter().flat_map(|open| &open.incident.told);
        let to: Vec<_> = told.map(|told| (told.channel.clone(), None)).collect();
        let story = Arc::new(self.story(slot, &to, None));
        let Some(mut open) = self
            .at_mut(slot)
            .and_then(|watched| watched.incident.take())
        else {
            return;
        };
        let incident = &mut open.incident;
        for told in &incident.told {
            let mention = told.mention.clone().filter(|_| incident.reminders == 0);
            batch.entries.push(entry(
                incident,
                told.channel.clone(),
                Kind::Reminder,
                now,
                mention,
                &story,
            ));
        }
        incident.sequence += 1;
        incident.reminders += 1;
        open.remind = plan_reminder(&mut open.incident, now);
        batch.incidents.push(open.incident.clone());
        if let Some(watched) = self.at_mut(slot) {
            watched.incident = Some(open);
        }
    }

    /// Adds a channel to those that were told of an open incident.
    ///
    /// Of an incident that has been closed meanwhile, the end is already on its way by the same detour.
    pub(super) fn stood_in(
        &mut self,
        now: Moment,
        incident: &IncidentId,
        channel: ChannelName,
        actions: &mut Vec<Action>,
    ) {
        let open = self
            .watched
            .iter_mut()
            .flatten()
            .filter_map(|watched| watched.incident.as_mut());
        let Some(open) = open.into_iter().find(|open| open.incident.id == *incident) else {
            return;
        };
        if open
            .incident
            .told
            .iter()
            .any(|told| told.channel == channel)
        {
            return;
        }
        open.incident.told.push(Told {
            channel,
            at: now.at,
            mention: None,
        });
        let mut batch = Batch::new(now.at);
        batch.incidents.push(open.incident.clone());
        actions.push(Action::Commit(Arc::new(batch)));
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

    /// Takes note of our own trouble, and tells `ops` once that it began and once that it is over.
    pub(super) fn troubled(&mut self, now: Moment, trouble: Trouble, actions: &mut Vec<Action>) {
        let is_news = if trouble.is_over {
            self.troubles.remove(&trouble.key)
        } else {
            self.troubles.insert(trouble.key.clone())
        };
        if !is_news {
            return;
        }
        let title = if trouble.is_over {
            format!("over: {}", trouble.title)
        } else {
            trouble.title
        };
        let mut batch = Batch::new(now.at);
        self.notice(
            now,
            &title,
            &trouble.words,
            trouble.not_to.as_ref(),
            &mut batch,
        );
        if !batch.is_empty() {
            actions.push(Action::Commit(Arc::new(batch)));
        }
    }

    /// Writes a message of our own for `ops`.
    pub(super) fn notice(
        &mut self,
        now: Moment,
        title: &str,
        words: &str,
        not_to: Option<&ChannelName>,
        batch: &mut Batch,
    ) {
        let Some(channel) = self.plan.ops().filter(|ops| Some(*ops) != not_to).cloned() else {
            return;
        };
        self.incidents += 1;
        let incident = Incident {
            id: IncidentId::from_number(self.incidents),
            number: self.incidents,
            targets: Vec::new(),
            severity: Severity::Warning,
            since: now.at,
            opened_at: now.at,
            closed_at: Some(now.at),
            verdict: Verdict::Unknown,
            worst: Verdict::Unknown,
            told: vec![Told {
                channel: channel.clone(),
                at: now.at,
                mention: None,
            }],
            sequence: 1,
            remind_after: Vec::new(),
            reminders: 0,
            remind_at: None,
            seen: Vec::new(),
        };
        let story = Arc::new(plain_story(now, title.to_owned(), words.to_owned()));
        let key = EntryKey {
            incident: incident.id.clone(),
            sequence: 0,
            channel,
        };
        batch
            .entries
            .push(entry_of(key, Kind::Notice, now, None, &story));
        batch.incidents.push(incident);
    }

    /// The facts of a message about a target as it stands.
    fn story(
        &self,
        slot: Slot,
        to: &[(ChannelName, Option<OnCallName>)],
        outage: Option<Outage>,
    ) -> Story {
        let watched = self
            .at(slot)
            .expect("stories are told of targets that are there");
        let index = watched.deciding();
        let watching = &watched.checks[index];
        let target = &watched.target;
        let told_before = watched.incident.as_ref().map(|open| open.incident.verdict);
        Story {
            target: Some(target.id.clone()),
            title: target.title(),
            icon: target.icon.clone(),
            severity: target.severity,
            check: Some(target.checks[index].kind),
            from: told_before
                .or_else(|| outage.as_ref().map(|outage| outage.worst))
                .or(watching.decision.from)
                .unwrap_or(Verdict::Unknown),
            to: watching.state.settled,
            since: watching.state.since,
            decided_at: watching.decision.at,
            reason: watching.state.reason.clone(),
            looks_for: watching.decision.looks_for,
            looks_of: watching.decision.looks_of,
            phases: watching.last.phases,
            detail: watching.last.detail.clone(),
            last_good: watching.state.last_good,
            outage,
            runbook_url: target.runbook_url.clone(),
            also_told: to
                .iter()
                .take(5)
                .map(|(channel, _)| channel.clone())
                .collect(),
            siblings: self.siblings(slot),
        }
    }

    /// What the others of the same group do, worst first, at most three.
    fn siblings(&self, slot: Slot) -> Vec<String> {
        let group = self
            .at(slot)
            .and_then(|watched| watched.target.group.as_ref());
        let Some(members) = group.and_then(|group| self.groups.get(group)) else {
            return Vec::new();
        };
        if members.len() > SIBLINGS_OF_AT_MOST {
            return Vec::new();
        }
        let mut others: Vec<_> = members
            .iter()
            .filter(|member| **member != slot)
            .filter_map(|member| self.at(*member))
            .map(|watched| (watched.settled(), watched.target.title()))
            .collect();
        others.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
        others.truncate(3);
        others
            .into_iter()
            .map(|(verdict, title)| format!("{title} {verdict}"))
            .collect()
    }
}

/// What the looks that decided saw, as the beginning of the tally.
fn seen_before(watched: &Watched) -> Vec<(String, u32)> {
    let watching = &watched.checks[watched.deciding()];
    let label = watching.last.label.clone();
    label
        .map(|label| (label, u32::from(watching.decision.looks_for).max(1)))
        .into_iter()
        .collect()
}

fn case(watched: &Watched, verdict: Verdict) -> Case<'_> {
    let target = &watched.target;
    Case {
        target: &target.id,
        group: target.group.as_ref(),
        severity: target.severity,
        verdict,
    }
}

fn entry(
    incident: &Incident,
    channel: ChannelName,
    kind: Kind,
    now: Moment,
    mention: Option<OnCallName>,
    story: &Arc<Story>,
) -> Entry {
    let key = EntryKey {
        incident: incident.id.clone(),
        sequence: incident.sequence,
        channel,
    };
    entry_of(key, kind, now, mention, story)
}

fn entry_of(
    key: EntryKey,
    kind: Kind,
    now: Moment,
    mention: Option<OnCallName>,
    story: &Arc<Story>,
) -> Entry {
    Entry {
        key,
        kind,
        created_at: now.at,
        mention,
        story: Arc::clone(story),
        state: EntryState::Queued,
        attempts: 0,
        instead_of: None,
    }
}

/// Closes an incident and tells everybody who was told of it.
fn end(incident: &mut Incident, kind: Kind, now: Moment, story: &Arc<Story>, batch: &mut Batch) {
    for told in &incident.told {
        batch.entries.push(entry(
            incident,
            told.channel.clone(),
            kind,
            now,
            None,
            story,
        ));
    }
    incident.sequence += 1;
    incident.closed_at = Some(now.at);
    incident.verdict = story.to;
    incident.remind_at = None;
    batch.incidents.push(incident.clone());
}

fn outage(incident: &Incident, until: crate::model::Timestamp) -> Outage {
    Outage {
        worst: incident.worst,
        since: incident.since,
        until,
        seen: incident.seen.clone(),
    }
}

fn plain_story(now: Moment, title: String, words: String) -> Story {
    Story {
        target: None,
        title,
        icon: None,
        severity: Severity::Warning,
        check: None,
        from: Verdict::Unknown,
        to: Verdict::Unknown,
        since: now.at,
        decided_at: now.at,
        reason: Reason {
            rule: Rule::NotYetSeen,
            words,
        },
        looks_for: 0,
        looks_of: 0,
        phases: Phases::default(),
        detail: None,
        last_good: None,
        outage: None,
        runbook_url: None,
        also_told: Vec::new(),
        siblings: Vec::new(),
    }
}

/// Plans the next reminder: the times of the route count from the opening, and the last one repeats.
///
/// The wait is measured in ticks, so that a moved clock neither hurries nor delays it.
fn plan_reminder(incident: &mut Incident, now: Moment) -> Option<Tick> {
    incident.remind_at = None;
    if incident.remind_after.is_empty() || incident.verdict == Verdict::Unknown {
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

/// How long after the opening the reminder with this number is due, counted from 0.
fn offset(incident: &Incident, number: u32) -> Duration {
    let times = &incident.remind_after;
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
