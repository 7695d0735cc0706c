//! What people are owed beside planned work and beside what something depends on: nothing new while it is on, the end of what was told in any case, and what is
//! still bad afterwards in time. Looks go on as ever.

use std::{collections::HashMap, time::Duration};

use hekate::model::{
    ChannelName, Entry, IncidentId, Kind, TargetId, Verdict,
    planned::{HowEnded, PlanKind},
};

use super::{Cause, Keeping, Kept, Work};
use crate::{
    reference::{Chronicle, Look, Word, longest, named_in},
    weather::Sky,
    world::World,
};

/// What happens at the very moment may be before it or after it.
const EDGE: Duration = Duration::from_millis(10);
/// For so long a trouble waits for others, and a look for witnesses.
pub(super) const WAITS: Duration = Duration::from_secs(20);
/// Beside a kill, a stall or a change of the file nothing is promised for so long.
const CALM: Duration = Duration::from_mins(3);

/// All that there is to be said of planned work in a world in which everything healed in the end.
pub(crate) fn agrees(world: &World, keeping: &Keeping, seed: u64) {
    let mut faults = world.chronicle.works.faults.clone();
    faults.extend(told_in_spite(world, keeping));
    faults.extend(super::taken::agrees(world, keeping));
    faults.extend(ended_otherwise(world));
    for (target, kept) in keeping {
        faults.extend(unlooked(world, target, kept));
        faults.extend(unended(world, target, kept));
        faults.extend(told_late(world, target, kept));
    }
    assert!(
        faults.is_empty(),
        "the second opinion on what was planned in the world with HEKATE_SIM_SEED={seed}:\n{}",
        faults.join("\n")
    );
}

/// From when on a trouble that begins at `from` may be told, if that takes no longer than `bound`.
pub(crate) fn kept_until(kept: &[Kept], from: Duration, bound: Duration) -> Duration {
    let mut from = from;
    loop {
        let over =
            |kept: &&Kept| kept.from <= from + bound && kept.until.saturating_add(EDGE) > from;
        let until = kept
            .iter()
            .filter(over)
            .map(|kept| kept.until.saturating_add(EDGE * 2));
        match until.max().filter(|until| *until > from) {
            Some(until) => from = until,
            None => return from,
        }
    }
}

/// Whether something may have kept a target from being told a moment ago.
pub(crate) fn was_kept(keeping: &Keeping, target: &TargetId, at: Duration) -> bool {
    let lately = |kept: &Kept| kept.from <= at && at <= kept.until.saturating_add(CALM);
    keeping.get(target).into_iter().flatten().any(lately)
}

impl Kept {
    fn is_surely_on(&self, at: Duration) -> bool {
        self.surely_from.saturating_add(EDGE) < at && at + EDGE < self.surely_until
    }
}

fn is_surely_kept(kept: &[Kept], at: Duration) -> bool {
    kept.iter().any(|kept| kept.is_surely_on(at))
}

/// Something new was told of a target while it was not to be.
fn told_in_spite(world: &World, keeping: &Keeping) -> Vec<String> {
    let chronicle = &world.chronicle;
    let mut last: HashMap<(&IncidentId, &ChannelName, TargetId), Verdict> = HashMap::new();
    let mut faults = Vec::new();
    for (at, _, entry) in &chronicle.decided {
        let said = named_in(chronicle, entry);
        let is_kept = |target: &TargetId| {
            // Whatever it depends on, its certificate has to be renewed.
            let mut looks = chronicle.before(target, *at).take(12);
            let words = &entry.story.reason.words;
            let is_ending =
                words.contains("certificate ends") || looks.any(|look| look.sky.is_warned_of());
            let mut kept = keeping.get(target).into_iter().flatten();
            kept.any(|kept| kept.is_surely_on(*at) && !(is_ending && kept.cause == Cause::Parent))
        };
        let bad = || said.iter().filter(|(_, verdict)| is_bad(*verdict));
        let is_planned = |target: &TargetId| {
            let kept = keeping.get(target).into_iter().flatten();
            let mut planned = kept.filter(|kept| kept.cause == Cause::Plan);
            planned.any(|kept| kept.is_surely_on(*at))
        };
        let is_all_kept = bad().count() > 0 && bad().all(|(target, _)| is_planned(target));
        if entry.kind == Kind::Reminder && is_all_kept {
            faults.push(format!(
                "{:?} reminded at {at:?} of what is kept",
                entry.key
            ));
        }
        let is_end = matches!(
            entry.kind,
            Kind::Recovered | Kind::Removed | Kind::Notice | Kind::Split
        );
        let mut news = Vec::new();
        for (target, verdict) in &said {
            let place = (&entry.key.incident, &entry.key.channel, target.clone());
            // Whoever stood in for another channel knows what that one knew.
            let before = last.insert(place, *verdict);
            let before = before.or_else(|| chronicle.said_before(entry, target));
            let is_other = is_other_reason(chronicle, target, *at, entry, before);
            // That something was renewed which had been warned of is good news, even if it ends some day again.
            let is_renewed = entry.story.reason.words.starts_with("renewed");
            if !is_end
                && !is_renewed
                && super::whole_of(entry).is_none()
                && (before != Some(*verdict) || is_other)
            {
                let is_worse = before.is_none_or(|before| *verdict > before);
                news.push((target, *verdict, is_bad(*verdict) && (is_worse || is_other)));
            }
        }
        // Of several, somebody's news may be told together with those of others, if they are older than what keeps them.
        let is_due = news
            .iter()
            .any(|(target, _, is_new)| !is_new || !is_kept(target));
        for (target, verdict, _) in news.into_iter().filter(|(_, _, is_new)| *is_new) {
            let kept = keeping.get(target).map_or(&[][..], Vec::as_slice);
            if is_kept(target) && (!is_due || began_inside(chronicle, target, kept, *at)) {
                faults.push(format!(
                    "{:?} {:?} said at {at:?} that {target} is {verdict} ({}), and that was kept: {:?}",
                    entry.key, entry.kind, entry.story.reason.words, near(kept, *at)
                ));
            }
        }
    }
    faults
}

fn near(kept: &[Kept], at: Duration) -> Vec<&Kept> {
    let is_near = |kept: &&Kept| kept.from <= at && kept.until.saturating_add(CALM) >= at;
    kept.iter().filter(is_near).collect()
}

/// Whether nothing was wrong with a target when what keeps it now began.
fn began_inside(chronicle: &Chronicle, target: &TargetId, kept: &[Kept], at: Duration) -> bool {
    let over = kept.iter().filter(|kept| kept.is_surely_on(at));
    over.map(|kept| kept.surely_from).min().is_some_and(|from| {
        let looks = chronicle.before(target, from);
        let last: Vec<_> = looks.take(3).map(|look| chronicle.word_of(look)).collect();
        last.len() == 3 && last.iter().all(|word| *word == Word::Well)
    })
}

fn is_bad(verdict: Verdict) -> bool {
    verdict > Verdict::Suspect
}

/// Whether a change of one target says that something else is wrong with it, which is no better than what was told. That
/// nothing but an end to come is left is the end of something.
fn is_other_reason(
    chronicle: &Chronicle,
    target: &TargetId,
    at: Duration,
    entry: &Entry,
    before: Option<Verdict>,
) -> bool {
    let mut looks = chronicle.before(target, at);
    let seen = looks.find(|look| chronicle.word_of(look) != Word::Nothing);
    let is_only_ending = seen.is_some_and(|look| matches!(look.sky, Sky::Ends(_)));
    let is_first = |other: &&(Duration, u32, Entry)| {
        let (key, other) = (&entry.key, &other.2.key);
        other.incident == key.incident && other.sequence == key.sequence
    };
    // Other channels hear the same at the same moment.
    let first = chronicle.decided.iter().find(is_first);
    first.is_some_and(|(_, _, first)| first.key == entry.key)
        && entry.kind == Kind::Changed
        && entry.story.many.is_none()
        && before == Some(entry.story.to)
        && !is_only_ending
}

/// What somebody began did not last as long as was said.
fn ended_otherwise(world: &World) -> Vec<String> {
    let works = &world.chronicle.works;
    let mut faults = Vec::new();
    for work in &works.made {
        let Some((began, id)) = work.began else {
            continue;
        };
        let target = work.targets.first().expect("it is about somebody");
        let Some(kept) = works.work_over(&world.chronicle, work, target) else {
            continue;
        };
        let is_founded = match work.ended {
            // Nobody in here wishes one that ends with its trouble.
            None | Some((_, HowEnded::Recovered)) => false,
            Some((at, HowEnded::Over)) => at + EDGE >= kept.surely_until.min(began + work.length),
            Some((at, HowEnded::Stopped)) => work.end_wished == Some(at),
            Some((at, HowEnded::Replaced)) => works.made.iter().any(|other| {
                let is_then = other.began.is_some_and(|(began, _)| began == at);
                is_then && other.kind == work.kind && other.targets == work.targets
            }),
            Some((at, HowEnded::CameBack)) => came_back(&world.chronicle, work, began, at),
        };
        if !is_founded {
            faults.push(format!(
                "{id} of {:?} from {began:?} for {:?} ended {:?}",
                work.targets, work.length, work.ended
            ));
        }
    }
    faults
}

fn came_back(chronicle: &Chronicle, work: &Work, began: Duration, at: Duration) -> bool {
    let back = work.targets.first();
    let back = back.and_then(|target| chronicle.back_after(target, began));
    work.kind == PlanKind::Deploy && back.is_some_and(|back| back <= at)
}

/// Whether nothing befell hekate itself around this time, and it could see.
pub(crate) fn is_calm(world: &World, from: Duration, until: Duration) -> bool {
    let chronicle = &world.chronicle;
    let far = |at: &Duration| *at + CALM < from || *at > until;
    chronicle.voids.iter().all(far)
        && chronicle.reloads.iter().all(far)
        && chronicle.taken_out.iter().all(|(at, _)| *at > until)
        && world
            .disturbed
            .iter()
            .all(|(begin, end)| *end < from || *begin > until)
        && world.sees(from, until)
}

/// A target that was not looked at because something was planned there.
fn unlooked(world: &World, target: &TargetId, kept: &[Kept]) -> Vec<String> {
    let looks = world.chronicle.looks.get(target);
    let looks = looks.map_or(&[][..], Vec::as_slice);
    let is_long = |pair: &&[Look]| {
        let policy = &pair[0].policy;
        let most = policy.interval + policy.timeout + WAITS;
        pair[1].began > pair[0].began + most
    };
    let gaps = looks.windows(2).filter(is_long);
    gaps.filter(|pair| {
        let (from, until) = (pair[0].began, pair[1].began);
        let is_over = kept
            .iter()
            .any(|kept| kept.from <= until && kept.until >= from);
        is_over && is_calm(world, from, until)
    })
    .map(|pair| {
        format!(
            "{target} was looked at at {:?} and then at {:?}",
            pair[0].began, pair[1].began
        )
    })
    .collect()
}

impl Chronicle {
    /// What was said of a target, in the same incident and to anybody, before this message.
    fn said_before(&self, entry: &Entry, target: &TargetId) -> Option<Verdict> {
        let earlier = self.decided.iter().filter(|(_, _, other)| {
            let (key, other) = (&entry.key, &other.key);
            other.incident == key.incident && other.sequence < key.sequence
        });
        let said = earlier.rev().find_map(|(_, _, other)| {
            let mut said = named_in(self, other).into_iter();
            said.find(|(named, _)| named == target)
        });
        said.map(|(_, verdict)| verdict)
    }

    /// The last word on a target by then: when, in which message, and what.
    fn last_said(&self, target: &TargetId, by: Duration) -> Option<(Duration, &Entry, Verdict)> {
        let decided = self.decided.iter().rev();
        let mut said = decided
            .filter(|(at, _, entry)| *at <= by && entry.kind != Kind::Notice)
            .filter_map(|(at, _, entry)| {
                let mut said = named_in(self, entry).into_iter();
                Some((*at, entry, said.find(|(named, _)| named == target)?.1))
            });
        said.next()
    }
}

/// A target that was told, and the end of which was kept from people.
fn unended(world: &World, target: &TargetId, kept: &[Kept]) -> Vec<String> {
    let chronicle = &world.chronicle;
    let weather = world.weather.get(target).map(|it| it.stretches(world.now));
    let mut faults = Vec::new();
    for (from, until, sky) in weather.into_iter().flatten() {
        let policy = chronicle.before(target, until).next();
        let Some(policy) = policy.map(|look| &look.policy) else {
            continue;
        };
        let bound = policy.interval * 4 + policy.timeout + Duration::from_secs(30);
        let by = from + bound;
        let is_tried = sky == Sky::Fine && until >= by && is_surely_kept(kept, from);
        if !is_tried || !is_surely_kept(kept, by) || !is_calm(world, from, by) {
            continue;
        }
        if chronicle.is_restless(target, by) || chronicle.is_shared(target, by) {
            continue;
        }
        let said = |by| chronicle.last_said(target, by);
        if let (Some((_, _, Verdict::Down)), Some((_, entry, Verdict::Down))) =
            (said(from), said(by))
        {
            faults.push(format!(
                "{target} is well since {from:?}, and the last word is {:?}, {:?}",
                entry.key, entry.kind
            ));
        }
    }
    faults
}

/// What was down when nothing kept it from being told any more, and was not told then, or not why so late.
fn told_late(world: &World, target: &TargetId, kept: &[Kept]) -> Vec<String> {
    let chronicle = &world.chronicle;
    let weather = world.weather.get(target).map(|it| it.stretches(world.now));
    let stretches: Vec<_> = weather.into_iter().flatten().collect();
    let mut faults = Vec::new();
    for one in kept.iter().filter(|one| one.cause == Cause::Plan) {
        let end = one.until;
        if one.surely_until != end || kept_until(kept, end, WAITS) > end + EDGE * 2 {
            continue;
        }
        let mut bad = stretches.iter().filter(|(_, _, sky)| sky.class().is_some());
        let Some((from, until, sky)) = bad.find(|(from, until, _)| *from < end && end < *until)
        else {
            continue;
        };
        let policy = chronicle.before(target, *until).next();
        let Some(policy) = policy.map(|look| &look.policy) else {
            continue;
        };
        let by = end + policy.interval + policy.timeout + WAITS * 2;
        let decided_by = *from + longest(*sky, policy) * 2 + Duration::from_secs(103);
        if decided_by > end || *until < by || !is_calm(world, *from, by) {
            continue;
        }
        if chronicle.is_restless(target, by) || chronicle.is_shared(target, by) {
            continue;
        }
        let said = chronicle.last_said(target, by);
        let is_told = matches!(said, Some((_, _, Verdict::Down)));
        let is_explained = said.is_none_or(|(at, entry, _)| {
            at < end || entry.kind != Kind::Opened || !entry.story.notes.is_empty()
        });
        if !is_told || !is_explained {
            faults.push(format!(
                "{target} was {sky:?} from {from:?} to {until:?} and kept until {end:?}, and by {by:?} the last word was {:?}",
                said.map(|(at, entry, verdict)| (at, entry.kind, verdict, &entry.story.notes))
            ));
        }
    }
    faults
}
