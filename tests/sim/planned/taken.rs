//! Who is on which incident: what people wished, what they were answered, and what has to hold until something new is told.

use std::{collections::BTreeMap, time::Duration};

use hekate::{
    engine::Event,
    model::{
        Incident, IncidentId, Kind,
        planned::{Answer, Asked, Done, IfTaken, Person, Wish},
    },
};

use super::{
    Keeping,
    opinion::{WAITS, is_calm},
};
use crate::{reference::Chronicle, world::World};

/// Of whoever was told by the route of `master`, who was not reminded yet is reminded so long after nobody is on it any more.
const FIRST_REMINDER: Duration = Duration::from_mins(30);
/// A reminder waits for the next look, and for its witnesses.
const DOUBTS: Duration = Duration::from_mins(2);

/// Which of the open incidents somebody means, counted from 0 and around.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    Any(usize),
    /// Of those that somebody is on, if there are any.
    Taken(usize),
}

/// What somebody says of an incident; people are numbers from 0.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Says {
    Mine {
        by: usize,
    },
    /// Whoever clicked first is on it.
    MineIfFree {
        by: usize,
    },
    NotMine {
        by: usize,
    },
    Theirs {
        by: usize,
        to: usize,
    },
}

/// Who was on an incident from this time on.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    at: Duration,
    incident: IncidentId,
    on_it: OnIt,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum OnIt {
    Somebody(Person),
    Nobody,
    /// It was lost with the process whether what somebody wished was done.
    Unclear,
}

/// What somebody wished of an incident.
#[derive(Clone, Debug)]
pub(super) struct Wished {
    incident: IncidentId,
    becomes: OnIt,
    is_owed: bool,
}

fn person(number: usize) -> Person {
    let names = ["jan@laptop", "ana@desk"];
    Person {
        name: names[number % names.len()].to_owned(),
        slack_user: None,
    }
}

impl World {
    /// Somebody says this of one of the open incidents.
    pub(super) fn attend(&mut self, which: Which, says: Says) {
        let Some(incident) = self.meant(which).cloned() else {
            return;
        };
        self.chronicle.forgets_nobody(&incident, self.now);
        let is_free = incident.acknowledged.is_none();
        let id = incident.id.clone();
        let take = |if_taken| Wish::Acknowledge {
            incident: id.clone(),
            why: None,
            if_taken,
        };
        let (wish, by, becomes, is_owed) = match says {
            Says::Mine { by } => {
                let becomes = OnIt::Somebody(person(by));
                (take(IfTaken::TakeOver), by, becomes, true)
            }
            Says::MineIfFree { by } => {
                let becomes = OnIt::Somebody(person(by));
                (take(IfTaken::Leave), by, becomes, is_free)
            }
            Says::NotMine { by } => {
                let taken = incident.acknowledged.as_ref();
                let is_theirs = taken.is_some_and(|taken| taken.by == person(by));
                let incident = id.clone();
                (Wish::GiveBack { incident }, by, OnIt::Nobody, is_theirs)
            }
            Says::Theirs { by, to } => {
                let (incident, to) = (id.clone(), person(to));
                let becomes = OnIt::Somebody(to.clone());
                (Wish::HandOver { incident, to }, by, becomes, true)
            }
        };
        self.chronicle.works.wished = Some(Wished {
            incident: id,
            becomes,
            is_owed,
        });
        let at = self.now;
        self.event(Event::Planned(Asked {
            number: 1,
            wish,
            by: person(by),
        }));
        // Killed before it could answer: a commit may have been made.
        let works = &mut self.chronicle.works;
        if let Some(Wished { incident, .. }) = works.wished.take() {
            let on_it = OnIt::Unclear;
            works.turns.push(Turn {
                at,
                incident,
                on_it,
            });
        }
    }

    fn meant(&self, which: Which) -> Option<&Incident> {
        let open = self.checks.incidents.values();
        let open: Vec<_> = open.filter(|incident| incident.is_open()).collect();
        let taken = open.iter().filter(|it| it.acknowledged.is_some()).copied();
        let taken: Vec<_> = taken.collect();
        let (number, among) = match which {
            Which::Taken(number) if !taken.is_empty() => (number, taken),
            Which::Any(number) | Which::Taken(number) => (number, open),
        };
        among.get(number % among.len().max(1)).copied()
    }

    /// What became of what somebody wished of an incident; whatever it was is stored.
    pub(super) fn attended(&mut self, answer: &Answer) {
        let works = &mut self.chronicle.works;
        let Some(wished) = works.wished.take() else {
            works.faults.push(format!("nobody wished {answer:?}"));
            return;
        };
        let Wished {
            incident,
            becomes,
            is_owed,
        } = &wished;
        let done = match answer {
            Ok(Done::Acknowledged {
                incident,
                acknowledgement,
                ..
            }) => {
                let on_it = OnIt::Somebody(acknowledgement.by.clone());
                Some((incident, on_it))
            }
            Ok(Done::GivenBack { incident, .. }) => Some((incident, OnIt::Nobody)),
            Ok(Done::Begun { .. } | Done::Ended(_) | Done::Split { .. } | Done::Announced(_)) => {
                None
            }
            // It ended at this very moment.
            Err(refused) if refused.is_missing => return,
            Err(refused) => {
                if *is_owed {
                    let fault = format!("{wished:?} was refused: {refused:?}");
                    works.faults.push(fault);
                }
                return;
            }
        };
        if !is_owed || done.as_ref() != Some(&(incident, becomes.clone())) {
            let fault = format!("{wished:?} was answered {answer:?}");
            works.faults.push(fault);
        }
        let stored = self.checks.incidents.get(incident);
        let stored = stored.and_then(|stored| stored.acknowledged.as_ref());
        let is_stored = match becomes {
            OnIt::Somebody(by) => stored.is_some_and(|stored| stored.by == *by),
            OnIt::Nobody | OnIt::Unclear => stored.is_none(),
        };
        if !is_stored {
            let fault = format!("{wished:?} was promised, and {stored:?} is stored");
            works.faults.push(fault);
        }
        works.turns.push(Turn {
            at: self.now,
            incident: incident.clone(),
            on_it: becomes.clone(),
        });
    }
}

impl Chronicle {
    /// Whoever is on an incident of one target is on it until something new is told, and nobody else comes to be.
    fn forgets_nobody(&mut self, incident: &Incident, now: Duration) {
        let mut turns = self.works.turns.iter();
        let Some(turn) = turns.rfind(|turn| turn.incident == incident.id) else {
            return;
        };
        let mut decided = self.decided.iter();
        let is_news = decided.any(|(at, _, entry)| {
            *at >= turn.at
                && entry.key.incident == incident.id
                && !matches!(entry.kind, Kind::Reminder | Kind::Notice | Kind::Noted)
        });
        let stored = incident.acknowledged.as_ref().map(|taken| &taken.by);
        let is_so = match &turn.on_it {
            OnIt::Somebody(by) => stored == Some(by) || is_news || incident.common.is_some(),
            OnIt::Nobody => stored.is_none(),
            OnIt::Unclear => true,
        };
        if !is_so {
            let fault = format!("{turn:?}, and at {now:?} {stored:?} is on it");
            self.works.faults.push(fault);
        }
    }
}

/// All that there is to be said of who was on which incident.
pub(super) fn agrees(world: &World, keeping: &Keeping) -> Vec<String> {
    let mut of: BTreeMap<&IncidentId, Vec<&Turn>> = BTreeMap::new();
    for turn in &world.chronicle.works.turns {
        of.entry(&turn.incident).or_default().push(turn);
    }
    let mut faults = Vec::new();
    for turns in of.values() {
        let ends = turns.iter().skip(1).map(|turn| turn.at);
        for (turn, until) in turns.iter().zip(ends.chain([Duration::MAX])) {
            match turn.on_it {
                OnIt::Somebody(_) => {
                    faults.extend(reminded_in_spite(&world.chronicle, turn, until));
                }
                OnIt::Nobody => faults.extend(not_reminded(world, keeping, turn, until)),
                OnIt::Unclear => {}
            }
        }
    }
    faults
}

/// Somebody was reminded of what was taken on, and of which nothing was told since then.
fn reminded_in_spite(chronicle: &Chronicle, turn: &Turn, until: Duration) -> Option<String> {
    let mut decided = chronicle.decided.iter();
    let (at, _, next) = decided.find(|(at, _, entry)| {
        entry.key.incident == turn.incident
            && *at > turn.at
            && *at < until
            && entry.kind != Kind::Notice
    })?;
    // Whoever hears of it for the first time, because it is a disaster by now, is not reminded.
    let mut before = chronicle
        .decided
        .iter()
        .take_while(|(then, _, _)| then < at);
    let is_known = before.any(|(_, _, entry)| {
        entry.key.incident == next.key.incident && entry.key.channel == next.key.channel
    });
    // A reminder of several says what changed, if that is sooner than the next message.
    let is_wrong = next.kind == Kind::Reminder && next.story.many.is_none() && is_known;
    is_wrong.then(|| format!("{:?} reminded at {at:?} of {turn:?}", next.key))
}

/// Nobody is on it any more, it is as bad as ever, and nobody was reminded of it.
fn not_reminded(world: &World, keeping: &Keeping, turn: &Turn, until: Duration) -> Option<String> {
    let incident = world.checks.incidents.get(&turn.incident)?;
    let [target] = &incident.targets[..] else {
        return None;
    };
    let chronicle = &world.chronicle;
    let of_it = || {
        let decided = chronicle.decided.iter();
        decided.filter(|(_, _, entry)| entry.key.incident == turn.incident)
    };
    let before = || of_it().filter(|(at, _, _)| *at <= turn.at);
    let by = turn.at + FIRST_REMINDER + DOUBTS;
    let policy = &chronicle.before(target, by).next()?.policy;
    let by = by + policy.interval + policy.timeout + WAITS;
    let weather = world.weather.get(target)?.stretches(world.now);
    let mut weather = weather.iter();
    let is_bad =
        weather.all(|(from, until, sky)| *until < turn.at || *from > by || sky.class().is_some());
    let is_first = before().all(|(_, _, entry)| entry.kind != Kind::Reminder);
    let is_calm = by < until
        && is_calm(world, turn.at, by)
        && !chronicle.works.is_moved()
        && !chronicle.is_restless(target, by)
        && incident.common.is_none()
        && keeping
            .get(target)
            .into_iter()
            .flatten()
            .all(|kept| kept.from > by || kept.until < turn.at);
    let is_tried = is_bad && is_first && is_calm && target.as_str().starts_with("master/");
    let is_heard = of_it().any(|(at, _, _)| *at > turn.at && *at <= by);
    (is_tried && !is_heard)
        .then(|| format!("{turn:?}, {target} is bad until {by:?}, and nobody was reminded"))
}
