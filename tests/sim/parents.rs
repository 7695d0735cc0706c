//! Who depends on whom in the simulated worlds, and when that truly hides somebody.

use std::{sync::Arc, time::Duration};

use hekate::model::{GroupName, Plan, TargetId, plan::Parent};

use crate::{
    planned::{Cause, Kept, is_calm},
    reference::{Word, longest},
    world::World,
};

/// Who fails is told no sooner after its parent is back …
const AFTER_PARENT: Duration = Duration::from_secs(45);
/// … and may be told so long after it, with the time in which it is asked again.
const AFTER_PARENT_MAX: Duration = Duration::from_secs(105);
/// After so many good looks in a row nothing is down any more, however they are counted.
const WELL_ENOUGH: u32 = 5;

/// From when to when.
type Span = (Duration, Duration);

/// Who depends on whom: a target, or a group by its name.
#[derive(Clone, Default, Debug)]
pub(crate) struct Dependencies {
    pairs: Vec<(&'static str, On)>,
}

/// What somebody depends on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum On {
    Target(&'static str),
    Group(&'static str),
}

impl On {
    fn parent(self) -> Parent {
        match self {
            Self::Target(id) => Parent::Target(TargetId::new(id)),
            Self::Group(name) => Parent::Group(GroupName::new(name)),
        }
    }

    fn members(self, all: &[TargetId]) -> Vec<&TargetId> {
        let is_one = |id: &&TargetId| match self {
            Self::Target(name) => id.as_str() == name,
            Self::Group(group) => id.as_str().split_once('/').map(|(it, _)| it) == Some(group),
        };
        all.iter().filter(is_one).collect()
    }
}

impl Dependencies {
    pub(crate) fn add(&mut self, child: &'static str, on: On) {
        self.pairs.push((child, on));
    }

    /// Writes them into the file.
    pub(crate) fn write(&self, plan: &mut Plan) {
        for target in &mut plan.targets {
            let on = self.of(&target.id).map(On::parent).collect::<Vec<_>>();
            if !on.is_empty() {
                Arc::make_mut(target).depends_on = on;
            }
        }
    }

    fn of(&self, child: &TargetId) -> impl Iterator<Item = On> {
        let pairs = self.pairs.iter();
        pairs
            .filter(|(name, _)| *name == child.as_str())
            .map(|(_, on)| *on)
    }
}

impl World {
    /// What hides a target because of those that it depends on.
    pub(crate) fn hidden(&self, child: &TargetId) -> Vec<Kept> {
        let mut out = Vec::new();
        for on in self.dependencies.of(child) {
            out.extend(self.surely_down(on).into_iter().map(|(from, until)| Kept {
                from,
                surely_from: from,
                surely_until: until + AFTER_PARENT,
                until: until + AFTER_PARENT,
                cause: Cause::Parent,
            }));
        }
        out.extend(self.may_hide(child).into_iter().map(|(from, until)| Kept {
            from,
            surely_from: Duration::MAX,
            surely_until: Duration::ZERO,
            until: until.saturating_add(AFTER_PARENT_MAX),
            cause: Cause::Parent,
        }));
        out
    }

    /// Something that it depends on, directly or not, may be down.
    fn may_hide(&self, child: &TargetId) -> Vec<Span> {
        let all = self.ids();
        let mut out = Vec::new();
        for on in self.dependencies.of(child) {
            let members = on.members(&all);
            let spans = members.iter().map(|member| self.maybe_down(member));
            // Of a group of which somebody was taken out, the others decide.
            if self.chronicle.taken_out.is_empty() {
                out.extend(
                    spans
                        .reduce(|some, others| both(&some, &others))
                        .unwrap_or_default(),
                );
            } else {
                out.extend(spans.flatten());
            }
            for member in members {
                out.extend(self.may_hide(member));
            }
        }
        out
    }

    fn ids(&self) -> Vec<TargetId> {
        let mut all: Vec<_> = self.weather.keys().cloned().collect();
        all.sort();
        all
    }

    /// When a target may be taken for down: from its first bad look until many were good.
    fn maybe_down(&self, target: &TargetId) -> Vec<Span> {
        let looks = self.chronicle.looks.get(target).into_iter().flatten();
        let mut out = Vec::new();
        let (mut since, mut well) = (None, 0);
        for look in looks {
            match self.chronicle.word_of(look) {
                Word::Bad => {
                    since.get_or_insert(look.began);
                    well = 0;
                }
                Word::Else => well = 0,
                Word::Well => well += 1,
                Word::Nothing => {}
            }
            if well == WELL_ENOUGH
                && let Some(from) = since.take()
            {
                out.push((from, look.ended));
            }
        }
        out.extend(since.map(|from| (from, self.now)));
        out
    }

    /// When nobody is left who could serve, as everybody has to know by then.
    fn surely_down(&self, on: On) -> Vec<Span> {
        let all = self.ids();
        let members = on.members(&all).into_iter();
        let spans = members.map(|member| self.surely_down_alone(member));
        spans
            .reduce(|some, others| both(&some, &others))
            .unwrap_or_default()
    }

    fn surely_down_alone(&self, target: &TargetId) -> Vec<Span> {
        let weather = self.weather.get(target).map(|it| it.stretches(self.now));
        let stretches = weather.into_iter().flatten();
        let sure = stretches.filter_map(|(from, until, sky)| {
            sky.class()?;
            let policy = &self.chronicle.before(target, until).next()?.policy;
            let known_by = from + longest(sky, policy) * 2 + Duration::from_secs(113);
            let is_calm = is_calm(self, from, until + Duration::from_mins(1));
            (known_by < until && is_calm).then_some((known_by, until))
        });
        sure.collect()
    }
}

/// When both are the case.
fn both(some: &[Span], others: &[Span]) -> Vec<Span> {
    let pairs = some
        .iter()
        .flat_map(|one| others.iter().map(move |other| (one, other)));
    pairs
        .map(|(one, other)| (one.0.max(other.0), one.1.min(other.1)))
        .filter(|(from, until)| from < until)
        .collect()
}
