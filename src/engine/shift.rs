//! Who is on call next is told by itself when the shift begins: what is open, what is silent, and what happened before.
//!
//! That a shift's beginning was told is not stored. Everything that is stored says when, and whoever ran at the beginning
//! of a shift wrote the note before anything later: so a beginning that is later than all that is stored was not told.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{Action, Engine, correlate};
use crate::model::{
    Batch, Incident, Kind, Moment, OnCallName, Plan, Severity, Story, TargetId, Tick, Timestamp,
    Verdict, plan::OnCall, planned::PlanKind, rota::Turn, text::span,
};

/// So many incidents that are over are remembered.
pub(crate) const PAST_MAX: usize = 500;
/// For so long; no shift is longer than a week.
pub(crate) const PAST_FOR: Duration = Duration::from_hours(8 * 24);
/// So many open incidents are named, and so many plans.
const NAMED_MAX: usize = 3;
/// A clock that was farther in the future than this was wrong.
const FUTURE_MAX: Duration = Duration::from_hours(24);

/// Shifts, and what happened in them.
#[derive(Default, Debug)]
pub(super) struct Shifts {
    /// Up to when the beginnings of each rota's shifts were told.
    told_until: BTreeMap<OnCallName, Timestamp>,
    /// When the next shift begins, by both clocks.
    next: Option<Moment>,
    /// When that was found out.
    looked_at: Timestamp,
    /// Incidents that are over, in the order in which they ended.
    past: VecDeque<Past>,
    /// From when on all of them are known.
    known_since: Timestamp,
}

/// An incident that is over.
#[derive(Clone, Debug)]
struct Past {
    number: u64,
    name: String,
    worst: Verdict,
    since: Timestamp,
    closed_at: Timestamp,
    mentioned: BTreeSet<OnCallName>,
    id: String,
    targets: Vec<TargetId>,
}

impl Shifts {
    pub(super) fn next_deadline(&self) -> Option<Tick> {
        self.next.map(|next| next.tick)
    }

    /// The worst that a target went through since then and that is over: how bad it was, for how long, and the id of its incident.
    pub(super) fn worst_since(
        &self,
        target: &TargetId,
        since: Timestamp,
    ) -> Option<(Verdict, Duration, &str)> {
        let theirs = |past: &&Past| past.since >= since && past.targets.contains(target);
        let past = self.past.iter().filter(theirs);
        let worst = past.max_by_key(|past| (past.worst, past.closed_at.since(past.since)))?;
        Some((worst.worst, worst.closed_at.since(worst.since), &worst.id))
    }
}

impl Engine {
    /// Takes over what a store remembers: all that began before was told.
    pub(super) fn restore_shifts(&mut self, now: Moment, last_at: Option<Timestamp>) {
        self.shifts.known_since = now.at;
        let told_until = last_at.unwrap_or(now.at);
        let rotas = rotas(&self.plan).map(|on_call| (on_call.name.clone(), told_until));
        self.shifts.told_until = rotas.collect();
    }

    /// The file changed: other rotas may begin at other times.
    pub(super) fn replan_shifts(&mut self) {
        self.shifts.next = None;
    }

    /// Takes in what was over before this process began, the newest first.
    pub(super) fn recalled(&mut self, incidents: &[Incident]) {
        for incident in incidents.iter().rev() {
            self.note_past(incident);
        }
        let oldest = self.shifts.past.front().map(|past| past.closed_at);
        self.shifts.known_since = match oldest {
            Some(oldest) if self.shifts.past.len() >= PAST_MAX => oldest,
            Some(_) | None => Timestamp::default(),
        };
    }

    /// Remembers what is over by what is to be stored.
    pub(super) fn note_pasts(&mut self, now: Moment, actions: &[Action]) {
        for action in actions {
            if let Action::Commit(batch) = action {
                for incident in &batch.incidents {
                    self.note_past(incident);
                }
            }
        }
        let is_old = |past: &Past| now.at.since(past.closed_at) > PAST_FOR;
        while self.shifts.past.front().is_some_and(is_old) {
            self.shifts.past.pop_front();
        }
    }

    fn note_past(&mut self, incident: &Incident) {
        let Some(closed_at) = incident.closed_at else {
            return;
        };
        if incident.targets.is_empty() && incident.common.is_none() {
            return;
        }
        let mut known = self.shifts.past.iter();
        if known.any(|past| past.number == incident.number) {
            return;
        }
        let past = Past {
            number: incident.number,
            name: self.called(incident),
            worst: incident.worst,
            since: incident.since,
            closed_at,
            mentioned: mentioned(incident),
            id: incident.id.to_string(),
            targets: incident.targets.clone(),
        };
        let later = |known: &Past| known.closed_at <= closed_at;
        let place = self.shifts.past.partition_point(later);
        self.shifts.past.insert(place, past);
        if self.shifts.past.len() > PAST_MAX {
            let gone = self.shifts.past.pop_front();
            let until = gone.map_or(self.shifts.known_since, |past| past.closed_at);
            self.shifts.known_since = self.shifts.known_since.max(until);
        }
    }

    /// Tells those whose shift has begun.
    pub(super) fn turn_shifts(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let is_before = |next: Moment| now.at < next.at && now.tick < next.tick;
        if self.shifts.next.is_some_and(is_before) && now.at >= self.shifts.looked_at {
            return;
        }
        self.shifts.looked_at = now.at;
        self.shifts.next = None;
        let plan = Arc::clone(&self.plan);
        let mut batch = Batch::new(now.at);
        for on_call in rotas(&plan) {
            let Some(rota) = &on_call.rota else { continue };
            let Some(turn) = rota.turn_at(now.at) else {
                continue;
            };
            let wait = turn.until.since(now.at);
            let next = now + wait;
            let earlier = self.shifts.next.filter(|known| known.at <= next.at);
            self.shifts.next = earlier.or(Some(next));
            let told_until = self.shifts.told_until.entry(on_call.name.clone());
            let told_until = told_until.or_insert(now.at);
            if told_until.since(now.at) > FUTURE_MAX {
                *told_until = now.at;
            }
            if turn.from <= *told_until {
                continue;
            }
            *told_until = now.at;
            let before = rota.turn_at(turn.from - Duration::from_millis(1));
            self.tell_shift(now, on_call, turn, before, &mut batch);
        }
        if !batch.is_empty() {
            actions.push(Action::Commit(Arc::new(batch)));
        }
    }

    fn tell_shift(
        &mut self,
        now: Moment,
        on_call: &OnCall,
        turn: Turn<'_>,
        before: Option<Turn<'_>>,
        batch: &mut Batch,
    ) {
        let was = before.map_or(&[][..], |before| before.users);
        let new: Vec<_> = turn
            .users
            .iter()
            .filter(|user| !was.contains(user))
            .collect();
        // Without a bot nobody can be told by themselves.
        let mailboxes = self.plan.direct();
        let channels: Vec<_> = new
            .into_iter()
            .map(|user| Plan::mailbox_of(user))
            .filter(|name| mailboxes.contains_key(name))
            .collect();
        if channels.is_empty() {
            return;
        }
        let zone = on_call
            .rota
            .as_ref()
            .map_or(self.plan.server.timezone, |rota| rota.timezone);
        let mut notes = vec![self.open_words(&on_call.name)];
        notes.extend(self.silent_words());
        notes.extend(before.map(|before| self.past_words(&on_call.name, before, turn.from)));
        let words = format!("until {}", turn.until.words(zone));
        let title = format!("you are on call for {}", on_call.name);
        let story = Story {
            severity: Severity::Info,
            notes,
            ..Story::plain(title, words, now.at)
        };
        self.news_as(now, Kind::Notice, story, channels, batch);
    }

    /// `open: master blue DOWN since 22 Nov 14:02:10 CET, @eva is on it (#k7f2); 2 more`, or that nothing is.
    fn open_words(&self, name: &OnCallName) -> String {
        let alone = self.watched.iter().flatten();
        let alone = alone.filter_map(|watched| watched.incident.as_deref());
        let shared = self.commons.open.values().map(|shared| &shared.open);
        let mut open: Vec<_> = alone
            .chain(shared)
            .map(|open| &open.incident)
            .filter(|incident| incident.is_open() && self.is_for(name, &mentioned(incident)))
            .collect();
        // The worst first, for only some are named; of equals the oldest.
        open.sort_by_key(|incident| (Reverse(incident.severity), incident.since));
        let zone = self.plan.server.timezone;
        let words = open.iter().take(NAMED_MAX).map(|incident| {
            let on_it = incident.acknowledged.as_ref();
            let on_it = on_it.map_or_else(String::new, |taken| format!(", {} is on it", taken.by));
            format!(
                "{} {} since {}{on_it} (#{})",
                self.called(incident),
                state(incident.verdict),
                incident.since.words(zone),
                incident.id
            )
        });
        listed("open", &words.collect::<Vec<_>>(), open.len())
            .unwrap_or_else(|| String::from("nothing is open"))
    }

    /// `silent: api until 22 Nov 16:20:00 CET, "db restore" (s41)`; absent if nothing is.
    fn silent_words(&self) -> Option<String> {
        let zone = self.plan.server.timezone;
        let made: Vec<_> = self
            .made()
            .filter(|planned| planned.id.kind != PlanKind::Deploy)
            .collect();
        let words = made.iter().take(NAMED_MAX).map(|planned| {
            let slots = self.slots_of_plan(planned.id);
            let mut names = slots.iter().filter_map(|slot| self.at(*slot));
            let first = names.next().map(|watched| watched.target.title());
            let more = names.count();
            let who = match (first, more) {
                (None, _) => String::from("nobody any more"),
                (Some(first), 0) => first,
                (Some(first), more) => format!("{first} and {more} more"),
            };
            let until = planned.end(&planned.until.words(zone));
            format!("{who} until {until}, {} ({})", planned.why, planned.id)
        });
        listed(
            "silent or in maintenance",
            &words.collect::<Vec<_>>(),
            made.len(),
        )
    }

    /// `in the shift before: 3 incidents, the longest master blue for 45 min (#k7f2)`.
    fn past_words(&self, name: &OnCallName, before: Turn<'_>, until: Timestamp) -> String {
        let past: Vec<_> = self
            .shifts
            .past
            .iter()
            .filter(|past| past.closed_at >= before.from && past.closed_at < until)
            .filter(|past| self.is_for(name, &past.mentioned))
            .collect();
        let known_since = self.shifts.known_since.max(before.from);
        let when = if known_since > before.from {
            let since = known_since.words(self.plan.server.timezone);
            format!("in the shift before, as far as is known (since {since})")
        } else {
            String::from("in the shift before")
        };
        let length = |past: &Past| past.closed_at.since(past.since);
        let Some(longest) = past.iter().max_by_key(|past| length(past)) else {
            return format!("{when}: nothing that is over by now");
        };
        let count = match past.len() {
            1 => String::from("1 incident"),
            count => format!("{count} incidents"),
        };
        let which = if past.len() == 1 { "" } else { "the longest " };
        format!(
            "{when}: {count}, {which}{} {} for {} (#{})",
            longest.name,
            state(longest.worst),
            span(length(longest)),
            longest.id
        )
    }

    /// Whether something is theirs: they were mentioned for it, or nobody else could have been.
    fn is_for(&self, name: &OnCallName, mentioned: &BTreeSet<OnCallName>) -> bool {
        mentioned.contains(name) || self.plan.on_call.len() == 1
    }

    fn called(&self, incident: &Incident) -> String {
        match incident.targets.as_slice() {
            [target] if incident.common.is_none() => self.title_of(target),
            _ => correlate::title_of_shared(incident),
        }
    }
}

fn rotas(plan: &Plan) -> impl Iterator<Item = &OnCall> {
    plan.on_call
        .values()
        .filter(|on_call| on_call.rota.is_some())
}

fn mentioned(incident: &Incident) -> BTreeSet<OnCallName> {
    let told = incident.told.iter();
    told.filter_map(|told| told.mention.clone()).collect()
}

fn state(verdict: Verdict) -> String {
    match verdict {
        Verdict::Down => String::from("DOWN"),
        Verdict::Operational | Verdict::Suspect | Verdict::Degraded | Verdict::Unknown => {
            verdict.to_string()
        }
    }
}

fn listed(label: &str, named: &[String], count: usize) -> Option<String> {
    let more = count - named.len();
    if named.is_empty() {
        return None;
    }
    let mut words = format!("{label}: {}", named.join("; "));
    if more > 0 {
        words.push_str("; and ");
        words.push_str(&more.to_string());
        words.push_str(" more");
    }
    Some(words)
}
