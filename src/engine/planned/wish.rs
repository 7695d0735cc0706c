//! What people wish: a plan begins, a plan ends, an incident is taken on.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    super::{Action, Engine, noted::Deed, remind::plan_reminder, watched::Open},
    Reach, Standing,
};
use crate::{
    model::{
        Batch, ChannelName, Incident, Moment, Severity, Slot, Story, Verdict,
        plan::Matcher,
        planned::{
            Acknowledgement, Answer, Asked, DEPLOY_MAX, Done, HowEnded, IfTaken, LENGTH_MAX,
            LENGTH_MIN, Length, PLANS_MAX, Person, PlanId, PlanKind, Planned, Refused, Wish,
        },
        text::span,
    },
    route,
};

/// So many targets are named in the notice of a plan; the rest is counted.
const NAMED_MAX: usize = 4;

/// How somebody takes an incident on.
struct Taking {
    by: Person,
    why: Option<String>,
    if_taken: IfTaken,
    deed: Deed,
}

impl Taking {
    /// Somebody takes it on.
    fn on(by: Person, why: Option<String>, if_taken: IfTaken) -> Self {
        let words = match &why {
            Some(why) => format!("{by} is on it: {why}"),
            None => format!("{by} is on it"),
        };
        Self {
            by,
            why,
            if_taken,
            deed: Deed { words, calls: None },
        }
    }
}

impl Engine {
    /// Does what somebody wishes, and answers.
    pub(in crate::engine) fn asked(
        &mut self,
        now: Moment,
        asked: Asked,
        actions: &mut Vec<Action>,
    ) {
        let mut batch = Batch::new(now.at);
        let Asked { number, wish, by } = asked;
        let answer = match wish {
            Wish::Begin {
                kind,
                targets,
                length,
                why,
                release,
            } => {
                let planned = Planned {
                    id: PlanId {
                        kind,
                        number: self.plans.last + 1,
                    },
                    matcher: Matcher {
                        targets,
                        ..Matcher::default()
                    },
                    why,
                    release,
                    by,
                    from: now.at,
                    until: now.at + length.from_now(now.at, self.plan.server.timezone),
                    is_until_recovered: length == Length::Recovered,
                    ended: None,
                };
                self.begin_plan(now, planned, &mut batch, actions)
            }
            Wish::End { id } => self.stop_plan(now, id, by, &mut batch, actions),
            Wish::Acknowledge {
                incident,
                why,
                if_taken,
            } => {
                let taking = Taking::on(by, why, if_taken);
                self.acknowledge(now, incident.as_str(), taking, &mut batch, actions)
            }
            Wish::GiveBack { incident } => {
                self.give_back(now, incident.as_str(), &by, &mut batch, actions)
            }
            Wish::Split { incident, targets } => {
                self.split(now, (&incident, &targets), &by, &mut batch, actions)
            }
            Wish::Announce(said) => self.announce_release(now, *said, by, &mut batch, actions),
            Wish::HandOver { incident, to } => {
                let taking = Taking {
                    why: Some(format!("handed over by {by}")),
                    if_taken: IfTaken::TakeOver,
                    deed: Deed {
                        words: format!("{by} handed it over to {to}"),
                        // Whoever takes it on from somebody need not be told so.
                        calls: to.slack_user.clone().filter(|_| to != by),
                    },
                    by: to,
                };
                self.acknowledge(now, incident.as_str(), taking, &mut batch, actions)
            }
        };
        if !batch.is_empty() {
            actions.push(Action::Commit(Arc::new(batch)));
        }
        // Behind the commit: what is answered is stored.
        actions.push(Action::Answer(number, Box::new(answer)));
    }

    pub(in crate::engine) fn begin_plan(
        &mut self,
        now: Moment,
        mut planned: Planned,
        batch: &mut Batch,
        actions: &mut Vec<Action>,
    ) -> Answer {
        let kind = planned.id.kind;
        let length = planned.until.since(planned.from);
        let longest = longest(kind);
        if !(LENGTH_MIN..=longest).contains(&length) {
            return Err(refused(format!(
                "it may last from {} to {}",
                span(LENGTH_MIN),
                span(longest)
            )));
        }
        planned
            .matcher
            .targets
            .retain(|target| self.index.contains_key(target));
        if planned.matcher.targets.is_empty() {
            return Err(missing("nobody of them is watched any more"));
        }
        if kind == PlanKind::Deploy {
            self.replace_deploys(now, &planned, batch);
        }
        if self.plans.made.len() >= PLANS_MAX {
            return Err(refused(format!(
                "{PLANS_MAX} silences, maintenances and deploys are on already; end one first"
            )));
        }
        let reach = Reach::of(&planned.matcher);
        let slots: BTreeSet<_> = self.slots_of(&reach).into_iter().collect();
        let is_down = |slot: &Slot| {
            self.at(*slot)
                .is_some_and(|watched| watched.settled() == Verdict::Down)
        };
        let was_down = slots.iter().any(is_down);
        if planned.is_until_recovered && !self.is_any_bad(&reach) {
            return Err(refused(String::from(
                "nobody of them is bad, so there is nothing to recover from; say for how long instead",
            )));
        }
        self.plans.last = planned.id.number;
        let but = self.but(kind, &slots);
        if kind != PlanKind::Deploy {
            self.announce_plan(now, &planned, &slots, batch);
        }
        batch.planned.push(planned.clone());
        self.plans.made.push(Standing {
            reach,
            until: now.tick + length,
            was_down,
            planned: Arc::new(planned.clone()),
        });
        self.plans.is_changed = true;
        if kind != PlanKind::Deploy {
            self.note_plan(now, &planned, &slots, batch);
        }
        for slot in slots {
            self.show(slot, actions);
        }
        Ok(Done::Begun { planned, but })
    }

    /// What is announced anew is not announced twice.
    fn replace_deploys(&mut self, now: Moment, planned: &Planned, batch: &mut Batch) {
        let is_same = |known: &&Standing| {
            known.planned.id.kind == planned.id.kind && known.planned.matcher == planned.matcher
        };
        let earlier = self.plans.made.iter().filter(is_same);
        let earlier: Vec<_> = earlier.map(|known| known.planned.id).collect();
        for id in earlier {
            let by = Some(planned.by.clone());
            self.end_plan(now, id, HowEnded::Replaced, by, batch);
        }
    }

    /// What somebody who begins a plan may not expect.
    fn but(&self, kind: PlanKind, slots: &BTreeSet<Slot>) -> Option<String> {
        let watched = || slots.iter().filter_map(|slot| self.at(*slot));
        if kind == PlanKind::Deploy {
            let active = watched().find(|watched| self.is_in_use(watched))?;
            return Some(format!(
                "{} is active, so until it is switched away its trouble is told at once",
                active.target.title()
            ));
        }
        let told = watched()
            .filter(|watched| watched.incident.is_some() || watched.common.is_some())
            .count();
        let subject = match told {
            0 => return None,
            1 => String::from("one incident is"),
            told => format!("the incidents of {told} targets are"),
        };
        Some(format!(
            "{subject} open already; that it is over will be told"
        ))
    }

    fn stop_plan(
        &mut self,
        now: Moment,
        id: PlanId,
        by: Person,
        batch: &mut Batch,
        actions: &mut Vec<Action>,
    ) -> Answer {
        let slots: BTreeSet<_> = self.slots_of_plan(id).into_iter().collect();
        let Some(planned) = self.end_plan(now, id, HowEnded::Stopped, Some(by), batch) else {
            return Err(missing(&format!(
                "there is no {} {id}; it has ended, or there never was one",
                id.kind.as_str()
            )));
        };
        if id.kind != PlanKind::Deploy {
            self.announce_plan(now, &planned, &slots, batch);
            self.note_plan(now, &planned, &slots, batch);
        }
        self.resettle(now, &slots, batch, actions);
        Ok(Done::Ended(planned))
    }

    /// Says to those who would hear of its targets that a person keeps them from it, or does not any more; where the messages of
    /// their incidents say it, nothing else does.
    fn announce_plan(
        &mut self,
        now: Moment,
        planned: &Planned,
        slots: &BTreeSet<Slot>,
        batch: &mut Batch,
    ) {
        let mut channels: Vec<ChannelName> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for watched in slots.iter().filter_map(|slot| self.at(*slot)) {
            for (channel, _) in route::route(&self.plan, watched.case(Verdict::Down)).to {
                if !channels.contains(&channel) {
                    channels.push(channel);
                }
            }
            if names.len() < NAMED_MAX {
                names.push(watched.target.title());
            }
        }
        channels.retain(|channel| !self.is_seen_there(channel, slots));
        if channels.is_empty() {
            return;
        }
        let story = Story {
            severity: Severity::Info,
            also_told: channels.clone(),
            ..Story::plain(
                title(planned, slots.len(), self.plan.server.timezone),
                words(planned, &names, slots.len()),
                now.at,
            )
        };
        self.news(now, story, channels, batch);
    }

    /// Somebody takes an incident on: it reminds nobody any more until it changes.
    fn acknowledge(
        &mut self,
        now: Moment,
        incident: &str,
        taking: Taking,
        batch: &mut Batch,
        actions: &mut Vec<Action>,
    ) -> Answer {
        let acknowledgement = Acknowledgement {
            by: taking.by,
            at: now.at,
            why: taking.why,
        };
        if taking.if_taken == IfTaken::Leave
            && let Some(first) = self.taken_on(incident)
        {
            let at = first.at.words(self.plan.server.timezone);
            return Err(refused(if first.by == acknowledgement.by {
                format!("you have had {incident} since {at}")
            } else {
                format!("{} has been on {incident} since {at}", first.by)
            }));
        }
        let taken = self.change_open(incident, |open| {
            open.incident.acknowledged = Some(acknowledgement.clone());
            open.incident.remind_at = None;
            open.remind = None;
        })?;
        let incident = taken.id.clone();
        let titles = self.note_taken(now, taken, &taking.deed, batch, actions);
        Ok(Done::Acknowledged {
            incident,
            titles,
            acknowledgement,
        })
    }

    /// Nobody is on an incident any more; only whoever is can say so. Reminders go on.
    fn give_back(
        &mut self,
        now: Moment,
        incident: &str,
        by: &Person,
        batch: &mut Batch,
        actions: &mut Vec<Action>,
    ) -> Answer {
        match self.taken_on(incident) {
            Some(taken) if !taken.by.is_same_as(by) => {
                return Err(refused(format!(
                    "{} is on {incident}, and only who is on it can give it back",
                    taken.by
                )));
            }
            Some(_) => {}
            None => {
                // Of one that is over something else is said.
                self.change_open(incident, |_| {})?;
                return Err(refused(format!("nobody is on {incident}")));
            }
        }
        let given = self.change_open(incident, |open| {
            open.incident.acknowledged = None;
            open.remind = plan_reminder(&mut open.incident, now);
        })?;
        let incident = given.id.clone();
        let deed = Deed {
            words: format!("{by} is not on it any more"),
            calls: None,
        };
        let titles = self.note_taken(now, given, &deed, batch, actions);
        Ok(Done::GivenBack { incident, titles })
    }

    /// Changes an open incident, of one target or of several; it is returned as it is then.
    fn change_open(
        &mut self,
        incident: &str,
        mut change: impl FnMut(&mut Open),
    ) -> Result<Incident, Refused> {
        let mut changed = |open: &mut Open| {
            change(open);
            open.incident.clone()
        };
        let is_it = |open: &Open| open.incident.id.as_str() == incident;
        let mut alone = self.watched.iter_mut().flatten();
        let alone = alone.find_map(|watched| {
            let open = watched.incident.as_deref_mut();
            open.filter(|open| is_it(open)).map(&mut changed)
        });
        let number = {
            let mut shared = self.commons.open.values();
            let shared = shared.find(|shared| is_it(&shared.open));
            shared.map(|shared| shared.open.incident.number)
        };
        let found = match (alone, number) {
            (None, Some(number)) => self.commons.open.change(number, changed),
            (alone, _) => alone,
        };
        found.ok_or_else(|| {
            missing(&format!(
                "there is no open incident {incident}; it is over, or there never was one"
            ))
        })
    }

    /// Stores and shows who is on an incident now; returns what people call those whom it is about.
    fn note_taken(
        &mut self,
        now: Moment,
        incident: Incident,
        deed: &Deed,
        batch: &mut Batch,
        actions: &mut Vec<Action>,
    ) -> Vec<String> {
        let (id, targets) = (incident.id.clone(), incident.targets.clone());
        batch.incidents.push(incident);
        let slots: Vec<_> = targets
            .iter()
            .filter_map(|target| self.index.get(target).copied())
            .collect();
        self.note_deed(now, &self.slots_of_incident(&id), deed, batch);
        let mut titles = Vec::new();
        for slot in slots {
            titles.extend(self.at(slot).map(|watched| watched.target.title()));
            self.set_wake(slot);
            self.show(slot, actions);
        }
        titles
    }

    /// Who has taken an open incident on, if somebody has.
    fn taken_on(&self, incident: &str) -> Option<Acknowledgement> {
        let is_it = |open: &&Open| open.incident.id.as_str() == incident;
        let alone = self.watched.iter().flatten();
        let mut alone = alone.filter_map(|watched| watched.incident.as_deref());
        let shared = self.commons.open.values().map(|shared| &shared.open);
        let open = alone
            .find(is_it)
            .or_else(|| shared.into_iter().find(is_it))?;
        open.incident.acknowledged.clone()
    }
}

/// How long a plan of this kind may last.
const fn longest(kind: PlanKind) -> Duration {
    match kind {
        PlanKind::Silence | PlanKind::Maintenance => LENGTH_MAX,
        PlanKind::Deploy => DEPLOY_MAX,
    }
}

fn missing(words: &str) -> Refused {
    Refused {
        is_missing: true,
        words: words.to_owned(),
    }
}

const fn refused(words: String) -> Refused {
    Refused {
        is_missing: false,
        words,
    }
}

/// `2 targets are silenced until 22 Nov 16:20:00 CET`.
fn title(planned: &Planned, count: usize, zone: chrono_tz::Tz) -> String {
    let (noun, verb) = if count == 1 {
        ("target", "is")
    } else {
        ("targets", "are")
    };
    let what = match planned.id.kind {
        PlanKind::Silence => "silenced",
        PlanKind::Maintenance => "in maintenance",
        PlanKind::Deploy => "being deployed",
    };
    match &planned.ended {
        Some(_) => format!("{count} {noun} {verb} not {what} any more"),
        None => format!(
            "{count} {noun} {verb} {what} until {}",
            planned.end(&planned.until.words(zone))
        ),
    }
}

/// `by jan@laptop: db restore · master blue, master green · s41`.
fn words(planned: &Planned, names: &[String], count: usize) -> String {
    let more = match count.saturating_sub(names.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names = format!("{}{more}", names.join(", "));
    let id = planned.id;
    match planned.ended.as_ref().and_then(|ended| ended.by.as_ref()) {
        Some(by) => format!("{by} ended it · {names} · {id}"),
        None => format!("by {}: {} · {names} · {id}", planned.by, planned.why),
    }
}
