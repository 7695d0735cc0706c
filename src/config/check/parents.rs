//! `depends_on:` what a target cannot work without.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    Check,
    targets::{Groups, Targets},
};
use crate::{
    config::{
        code::Code,
        decode::{At, OneOrMany},
        report::Problem,
        source::Span,
        suggest::{listed, nearest},
    },
    model::{GroupName, TargetId, plan::Parent, text::clean},
};

/// A name as it was typed, and where.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    span: Span,
    name: String,
}

/// What the names of parents may mean.
struct Known<'a> {
    /// Targets by their whole names, and by their own names, which several can have.
    targets: HashMap<&'a str, Vec<&'a TargetId>>,
    groups: BTreeMap<&'a str, &'a GroupName>,
    /// Whether everything that is there could be read.
    is_complete: bool,
}

impl Check<'_> {
    /// The names in a list; an empty one would mean nothing.
    pub(super) fn typed_parents(&self, at: Option<&At<OneOrMany<String>>>) -> Vec<Wanted> {
        let Some(at) = at else { return Vec::new() };
        let list = at.value.as_ref().map_or(&[][..], |list| &list.0);
        if list.is_empty() && at.value.is_some() {
            self.report(
                Problem::new(Code::Empty, at.span, "this list is empty")
                    .help("name at least one, or remove the key"),
            );
        }
        let typed = list.iter().filter_map(|at| {
            Some(Wanted {
                span: at.span,
                name: at.value.clone()?,
            })
        });
        typed.collect()
    }

    /// Finds out what each target depends on, now that it is known what there is.
    ///
    /// Only the first `declared` of them can be named: what was discovered comes and goes, and a file that is good must
    /// not become wrong by that. Its group can be named.
    pub(super) fn parents(&self, groups: &Groups, targets: &mut Targets, declared: usize) {
        let asks = targets
            .placed
            .iter()
            .any(|placed| !placed.depends_on.is_empty());
        if !asks && groups.depends_on.is_empty() {
            return;
        }
        let known = known(groups, targets, declared);
        let of_groups: BTreeMap<&GroupName, Vec<(Parent, Span)>> = groups
            .depends_on
            .iter()
            .map(|(group, typed)| {
                let who = format!("group `{group}`");
                (group, self.resolve(typed, &who, &known, groups))
            })
            .collect();
        let found: Vec<Vec<(Parent, Span)>> = targets
            .placed
            .iter()
            .map(|placed| {
                let who = format!("target `{}`", placed.target.name);
                let mut parents = self.resolve(&placed.depends_on, &who, &known, groups);
                let group = placed.target.group.as_ref();
                let shared = group.and_then(|group| of_groups.get(group));
                parents.extend(shared.into_iter().flatten().cloned());
                parents
            })
            .collect();
        if self.has_circle(targets, &found) {
            return;
        }
        for (placed, parents) in targets.placed.iter_mut().zip(found) {
            let target = Arc::make_mut(&mut placed.target);
            for (parent, _) in parents {
                if !target.depends_on.contains(&parent) {
                    target.depends_on.push(parent);
                }
            }
        }
    }

    fn resolve(
        &self,
        typed: &[Wanted],
        who: &str,
        known: &Known<'_>,
        groups: &Groups,
    ) -> Vec<(Parent, Span)> {
        let parents = typed
            .iter()
            .filter_map(|typed| Some((self.parent(typed, who, known, groups)?, typed.span)));
        parents.collect()
    }

    fn parent(
        &self,
        typed: &Wanted,
        who: &str,
        known: &Known<'_>,
        groups: &Groups,
    ) -> Option<Parent> {
        let name = typed.name.as_str();
        let targets = known.targets.get(name).map_or(&[][..], Vec::as_slice);
        let exact = targets.iter().find(|id| id.as_str() == name);
        match (known.groups.get(name), exact, targets) {
            (Some(group), _, []) => Some(Parent::Group((*group).clone())),
            (None, Some(id), _) | (None, None, [id]) => Some(Parent::Target((*id).clone())),
            (None, None, []) => {
                if known.is_complete && groups.references.is_knowable() {
                    self.report(no_such(typed, who, known));
                }
                None
            }
            (group, _, several) => {
                let mut meanings: Vec<String> =
                    several.iter().map(|id| format!("target `{id}`")).collect();
                meanings.extend(group.map(|group| format!("group `{group}`")));
                let help = if group.is_some() {
                    String::from("give one of them another name")
                } else {
                    format!("write {}", listed(several.iter().map(|id| id.as_str())))
                };
                let name = clean(name, 64);
                let sentence = format!(
                    "{who} depends on `{name}`, which is {}",
                    meanings.join(" and ")
                );
                self.report(Problem::new(Code::Ambiguous, typed.span, sentence).help(help));
                None
            }
        }
    }

    /// Reports the first way that leads back to where it began.
    ///
    /// Groups are stations of their own, so that it costs what was written, not every pair of members.
    fn has_circle(&self, targets: &Targets, found: &[Vec<(Parent, Span)>]) -> bool {
        let mut ways: HashMap<Parent, Vec<(Parent, Option<Span>)>> = HashMap::new();
        for (placed, parents) in targets.placed.iter().zip(found) {
            let own = Parent::Target(placed.target.id.clone());
            if let Some(group) = &placed.target.group {
                let members = ways.entry(Parent::Group(group.clone())).or_default();
                members.push((own.clone(), None));
            }
            let parents = parents.iter().cloned();
            ways.entry(own)
                .or_default()
                .extend(parents.map(|(parent, span)| (parent, Some(span))));
        }
        let mut done: HashMap<&Parent, bool> = HashMap::new();
        for placed in &targets.placed {
            let own = Parent::Target(placed.target.id.clone());
            let Some((own, _)) = ways.get_key_value(&own) else {
                continue;
            };
            if let Some((way, span)) = circle(own, &ways, &mut done) {
                let names: Vec<_> = way
                    .iter()
                    .map(|parent| format!("`{}`", name_of(parent)))
                    .collect();
                let sentence = format!(
                    "dependencies go round in a circle: {}",
                    names.join(" needs ")
                );
                self.report(
                    Problem::new(Code::Circle, span, sentence)
                        .help("remove one of them: what each needs of the other excuses neither"),
                );
                return true;
            }
        }
        false
    }
}

fn known<'a>(groups: &'a Groups, targets: &'a Targets, declared: usize) -> Known<'a> {
    let mut by_name: HashMap<&str, Vec<&TargetId>> = HashMap::new();
    for placed in targets.placed.iter().take(declared) {
        let (id, name) = (&placed.target.id, placed.target.name.as_str());
        by_name.entry(id.as_str()).or_default().push(id);
        if name != id.as_str() {
            by_name.entry(name).or_default().push(id);
        }
    }
    let groups = groups.list.iter();
    Known {
        targets: by_name,
        groups: groups
            .map(|group| (group.name.as_str(), &group.name))
            .collect(),
        is_complete: targets.is_complete,
    }
}

fn no_such(typed: &Wanted, who: &str, known: &Known<'_>) -> Problem {
    let names = known.targets.keys().chain(known.groups.keys()).copied();
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    let name = clean(&typed.name, 64);
    let sentence = format!("{who} depends on `{name}`, which is neither a target nor a group");
    let mut problem = Problem::new(Code::NoSuchParent, typed.span, sentence);
    if let Some(meant) = nearest(&typed.name, names.iter().copied()) {
        problem = problem.label(format!("did you mean `{}`?", clean(meant, 64)));
    }
    problem.help(format!("there is: {}", listed(names.into_iter())))
}

fn name_of(parent: &Parent) -> &str {
    match parent {
        Parent::Target(id) => id.as_str(),
        Parent::Group(group) => group.as_str(),
    }
}

/// A way from here that leads back to itself, and the last place where it was written; walked without recursion, because
/// ways can be as long as the file.
fn circle<'a>(
    from: &'a Parent,
    ways: &'a HashMap<Parent, Vec<(Parent, Option<Span>)>>,
    done: &mut HashMap<&'a Parent, bool>,
) -> Option<(Vec<&'a Parent>, Span)> {
    if done.contains_key(from) {
        return None;
    }
    done.insert(from, false);
    let mut path: Vec<(&Parent, usize, Option<Span>)> = vec![(from, 0, None)];
    while let Some((station, next, _)) = path.last_mut() {
        let here = *station;
        let Some((to, span)) = ways.get(here).and_then(|ways| ways.get(*next)) else {
            done.insert(here, true);
            path.pop();
            continue;
        };
        *next += 1;
        match done.get(to) {
            Some(true) => {}
            Some(false) => {
                let start = path.iter().position(|(station, ..)| *station == to)?;
                let mut way: Vec<&Parent> =
                    path[start..].iter().map(|(station, ..)| *station).collect();
                way.push(to);
                let spans = path[start..].iter().rev().map(|(.., span)| *span);
                let span = std::iter::once(*span).chain(spans).flatten().next()?;
                return Some((way, span));
            }
            None => {
                done.insert(to, false);
                path.push((to, 0, *span));
            }
        }
    }
    None
}
