//! `routes:` who hears of what, and whether everybody can be heard of.

use std::time::Duration;

use super::{
    Check,
    channels::{Channels, OnCalls},
    targets::{Groups, Targets},
};
use crate::{
    config::{
        code::Code,
        decode::{At, OneOrMany},
        raw,
        report::Problem,
        source::Span,
        suggest::{listed, nearest},
    },
    model::{
        ChannelName, GroupName, OnCallName, Route, Severity, Target, TargetId, Verdict,
        plan::Matcher, roles::Role, text::clean,
    },
};

/// The most reminders that can be listed; the last gap repeats anyway.
const REMINDERS_MAX: usize = 10;
/// The states that a route can be about.
const STATES: [Verdict; 3] = [Verdict::Down, Verdict::Degraded, Verdict::Unknown];

/// A route and where it is.
struct Placed {
    route: Route,
    span: Span,
    /// Whether anything in its `match` was wrong: then nothing can be said about what it takes.
    is_doubtful: bool,
}

impl Check<'_> {
    pub(super) fn routes(
        &self,
        at: Option<At<Vec<At<raw::Route>>>>,
        channels: &mut Channels,
        on_call: &mut OnCalls,
        groups: &Groups,
        targets: &Targets,
        whole: Span,
    ) -> Vec<Route> {
        let Some(at) = at else {
            if self.findings.was_meant(whole, "routes") {
                return Vec::new();
            }
            return self.the_only_route(channels);
        };
        let (span, Some(list)) = (at.span, at.value) else {
            return Vec::new();
        };
        if list.is_empty() {
            self.report(
                Problem::new(
                    Code::NoCatchAll,
                    span,
                    "there is no route, so nobody would be told of anything",
                )
                .help("add `- to: [ops]`, which takes everything"),
            );
            return Vec::new();
        }
        let mut placed = Vec::with_capacity(list.len());
        for (index, at) in list.into_iter().enumerate() {
            placed.push(self.route(at, index + 1, channels, on_call, groups, targets));
        }
        self.last_takes_all(&placed, channels);
        self.reachable(&placed, &kinds(groups, targets));
        self.unused(channels);
        placed.into_iter().map(|placed| placed.route).collect()
    }

    /// Without `routes:` everything goes to the only channel.
    fn the_only_route(&self, channels: &mut Channels) -> Vec<Route> {
        let names: Vec<String> = channels.references.names().map(str::to_owned).collect();
        match names.as_slice() {
            [] => Vec::new(),
            [only] => vec![Route {
                matcher: Matcher::default(),
                to: vec![ChannelName::new(only.as_str())],
                mention: None,
                remind_after: Vec::new(),
                goes_on: false,
            }],
            [first, second, ..] => {
                if let (Some(span), Some(other)) = (
                    channels.references.span(first),
                    channels.references.span(second),
                ) {
                    self.report(
                        Problem::new(
                            Code::NoRoutes,
                            other,
                            format!("there are {} channels, but no `routes` that say which one hears of what", names.len()),
                        )
                        .other(span, "")
                        .help(format!("add `routes:` with `- to: [{}]`", clean(first, 64))),
                    );
                }
                Vec::new()
            }
        }
    }

    fn route(
        &self,
        at: At<raw::Route>,
        number: usize,
        channels: &mut Channels,
        on_call: &mut OnCalls,
        groups: &Groups,
        targets: &Targets,
    ) -> Placed {
        let span = at.span;
        let is_wrong = at.value.is_none();
        let raw = at.value.unwrap_or_default();
        let mut is_doubtful = is_wrong || self.findings.was_meant(span, "match");
        let who = format!("route {number}");
        let matcher = raw
            .r#match
            .map(|at| self.matcher(at, &who, groups, targets, &mut is_doubtful))
            .unwrap_or_default();
        let mut to = Vec::new();
        match raw.to {
            Some(at) => {
                let list = at.value.map_or_else(Vec::new, |list| list.0);
                if list.is_empty() {
                    self.report(Problem::new(
                        Code::Missing,
                        at.span,
                        format!("route {number} sends to nobody"),
                    ));
                }
                for at in list {
                    let Some(name) = self.text(&at, "a channel") else {
                        continue;
                    };
                    let who = format!("route {number} sends to `{}`", clean(&name, 64));
                    if channels.references.refer(&name, at.span, who) {
                        let name = ChannelName::new(name);
                        if to.contains(&name) {
                            self.report(Problem::new(
                                Code::Twice,
                                at.span,
                                format!("`{name}` is in this list twice"),
                            ));
                        } else {
                            to.push(name);
                        }
                    }
                }
            }
            None if is_wrong || self.findings.was_meant(span, "to") => {}
            None => self.report(
                Problem::new(Code::Missing, span, format!("route {number} has no `to`"))
                    .help("add `to: [channel]`"),
            ),
        }
        let mention = raw.mention.and_then(|at| {
            let name = self.text(&at, "`mention`")?;
            let who = format!("route {number} mentions `{}`", clean(&name, 64));
            on_call
                .references
                .refer(&name, at.span, who)
                .then(|| OnCallName::new(name))
        });
        Placed {
            route: Route {
                matcher,
                to,
                mention,
                remind_after: self.remind_after(raw.remind_after),
                goes_on: raw.r#continue.and_then(|at| at.value).unwrap_or(false),
            },
            span,
            is_doubtful,
        }
    }

    fn remind_after(&self, at: Option<At<OneOrMany<raw::DurationText>>>) -> Vec<Duration> {
        let Some(At {
            span,
            value: Some(OneOrMany(list)),
        }) = at
        else {
            return Vec::new();
        };
        if list.len() > REMINDERS_MAX {
            self.report(
                Problem::new(
                    Code::Range,
                    span,
                    format!("`remind_after` has more than {REMINDERS_MAX} times"),
                )
                .help("the last gap repeats by itself"),
            );
        }
        let range = Duration::from_mins(1)..=Duration::from_hours(30 * 24);
        let mut out: Vec<Duration> = Vec::new();
        for at in &list {
            let Some(after) = self
                .duration(at, "a time of `remind_after`", range.clone())
                .value
            else {
                continue;
            };
            if out.last().is_some_and(|before| after <= *before) {
                self.report(
                    Problem::new(
                        Code::Reminders,
                        at.span,
                        "the times of `remind_after` must grow",
                    )
                    .help("they are counted from the first message: [30m, 2h, 8h]"),
                );
                continue;
            }
            out.push(after);
        }
        out
    }

    pub(super) fn matcher(
        &self,
        at: At<raw::Match>,
        who: &str,
        groups: &Groups,
        targets: &Targets,
        is_doubtful: &mut bool,
    ) -> Matcher {
        let Some(raw) = at.value else {
            *is_doubtful = true;
            return Matcher::default();
        };
        // An unknown key may have narrowed it.
        *is_doubtful |= ["group", "target", "severity", "state", "role", "component"]
            .iter()
            .any(|key| self.findings.was_meant(at.span, key));
        let mut out = Matcher::default();
        for at in self.listed_values(raw.group, is_doubtful) {
            let name = self.text(&at, "`group`");
            let known = name.filter(|name| self.is_group(name, &at, who, groups));
            *is_doubtful |= known.is_none();
            out.groups.extend(known.map(GroupName::new));
        }
        for at in self.listed_values(raw.target, is_doubtful) {
            let id = self
                .text(&at, "`target`")
                .and_then(|name| self.target_named(&name, &at, who, targets));
            *is_doubtful |= id.is_none();
            out.targets.extend(id);
        }
        for at in self.listed_values(raw.severity, is_doubtful) {
            out.severities
                .extend(at.value.and_then(|word| Severity::from_word(&word.0)));
        }
        for at in self.listed_values(raw.state, is_doubtful) {
            out.states
                .extend(at.value.and_then(|word| Verdict::from_word(&word.0)));
        }
        for at in self.listed_values(raw.role, is_doubtful) {
            out.roles.extend(at.value.map(|word| match word.0.as_str() {
                "inactive" => Role::Inactive,
                _ => Role::Active,
            }));
        }
        for at in self.listed_values(raw.component, is_doubtful) {
            let name = self.text(&at, "`component`");
            *is_doubtful |= name.is_none();
            out.components.extend(name);
        }
        out
    }

    /// The values of a list that is there: an empty one would take everything, and that is never what was meant.
    fn listed_values<T>(&self, at: Option<At<OneOrMany<T>>>, is_doubtful: &mut bool) -> Vec<At<T>> {
        let Some(at) = at else { return Vec::new() };
        let list = at.value.map_or_else(Vec::new, |list| list.0);
        if list.is_empty() {
            *is_doubtful = true;
            self.report(
                Problem::new(Code::Empty, at.span, "this list is empty")
                    .help("name at least one, or remove the key"),
            );
        }
        *is_doubtful |= list.iter().any(|at| at.value.is_none());
        list
    }

    pub(super) fn is_group(&self, name: &str, at: &At<String>, who: &str, groups: &Groups) -> bool {
        if groups.references.is_declared(name) {
            return true;
        }
        if !groups.references.is_knowable() {
            return false;
        }
        let mut problem = Problem::new(
            Code::NoSuchGroup,
            at.span,
            format!("{who} is about `{}`, which is not a group", clean(name, 64)),
        );
        if let Some(meant) = nearest(name, groups.references.names()) {
            problem = problem.label(format!("did you mean `{}`?", clean(meant, 64)));
        }
        self.report(problem.help(format!("there is: {}", listed(groups.references.names()))));
        false
    }

    fn target_named(
        &self,
        name: &str,
        at: &At<String>,
        who: &str,
        targets: &Targets,
    ) -> Option<TargetId> {
        let ids = targets.placed.iter().map(|placed| &placed.target.id);
        let matches: Vec<&TargetId> = targets
            .placed
            .iter()
            .filter(|placed| placed.target.id.as_str() == name || placed.target.name == name)
            .map(|placed| &placed.target.id)
            .collect();
        let exact = matches.iter().find(|id| id.as_str() == name);
        match (exact, matches.as_slice()) {
            (Some(id), _) => Some((*id).clone()),
            (None, [only]) => Some((*only).clone()),
            (None, []) => {
                let names = targets
                    .placed
                    .iter()
                    .flat_map(|placed| [placed.target.id.as_str(), placed.target.name.as_str()]);
                let mut problem = Problem::new(
                    Code::NoSuchTarget,
                    at.span,
                    format!(
                        "{who} is about `{}`, which is not a target",
                        clean(name, 64)
                    ),
                );
                if let Some(meant) = nearest(name, names) {
                    problem = problem.label(format!("did you mean `{}`?", clean(meant, 64)));
                }
                self.report(
                    problem.help(format!("there is: {}", listed(ids.map(TargetId::as_str)))),
                );
                None
            }
            (None, many) => {
                self.report(
                    Problem::new(
                        Code::Ambiguous,
                        at.span,
                        format!(
                            "{who} is about `{}`, which is {} targets",
                            clean(name, 64),
                            many.len()
                        ),
                    )
                    .help(format!(
                        "write {}",
                        listed(many.iter().map(|id| id.as_str()))
                    )),
                );
                None
            }
        }
    }

    fn last_takes_all(&self, routes: &[Placed], channels: &Channels) {
        let Some(last) = routes.last() else { return };
        let takes_all = last.route.matcher == Matcher::default() && !last.is_doubtful;
        if takes_all || last.is_doubtful {
            return;
        }
        let names: Vec<&str> = channels.references.names().collect();
        let channel = names
            .iter()
            .find(|name| **name == "ops")
            .or(names.first())
            .copied()
            .unwrap_or("ops");
        self.report(
            Problem::new(
                Code::NoCatchAll,
                last.span,
                "the last route does not take everything, so some troubles would be told to nobody",
            )
            .label("this is the last route")
            .help(format!("add `- to: [{}]` after it", clean(channel, 64))),
        );
    }

    /// Warns of routes that nothing can come to: earlier ones take everything that they would take.
    fn reachable(&self, routes: &[Placed], kinds: &[Kind<'_>]) {
        if routes.iter().any(|placed| placed.is_doubtful) {
            return;
        }
        // Of every target the cases that are taken already, as bits.
        let mut covered = vec![0_u16; kinds.len()];
        for (index, placed) in routes.iter().enumerate() {
            let cases = cases_of(&placed.route);
            let mut is_about_any = false;
            let mut is_reached = false;
            for (known, kind) in covered.iter_mut().zip(kinds) {
                let bits = kind.taken(&placed.route, cases);
                is_about_any |= bits != 0;
                is_reached |= bits & !*known != 0;
                // Nobody knows beforehand which components there are.
                if !placed.route.goes_on && placed.route.matcher.components.is_empty() {
                    *known |= bits;
                }
            }
            let is_last = index + 1 == routes.len();
            if is_reached || is_last || kinds.is_empty() {
                continue;
            }
            if is_about_any {
                self.never_reached(routes, index, kinds);
            } else {
                self.report(
                    Problem::new(
                        Code::Unreachable,
                        placed.span,
                        format!(
                            "route {} can never match: no target is like that",
                            index + 1
                        ),
                    )
                    .help("check its `match`, or remove it"),
                );
            }
        }
    }

    fn never_reached(&self, routes: &[Placed], index: usize, kinds: &[Kind<'_>]) {
        let late = &routes[index];
        let alone = routes[..index].iter().position(|early| {
            !early.route.goes_on
                && kinds.iter().all(|kind| {
                    let late = kind.taken(&late.route, cases_of(&late.route));
                    late & !kind.taken(&early.route, cases_of(&early.route)) == 0
                })
        });
        let number = index + 1;
        let problem = match alone {
            Some(early) => Problem::new(
                Code::Unreachable,
                late.span,
                format!("route {number} can never match: route {} already takes everything it would take", early + 1),
            )
            .other(routes[early].span, format!("route {}", early + 1))
            .help(format!("move route {number} up, or add `continue: true` to route {}", early + 1)),
            None => Problem::new(
                Code::Unreachable,
                late.span,
                format!("route {number} can never match: the routes before it already take everything it would take"),
            )
            .help(format!("move route {number} up, or add `continue: true` to those before it")),
        };
        self.report(problem);
    }

    /// Warns of channels that nothing is ever sent to.
    fn unused(&self, channels: &Channels) {
        if !channels.references.all_known() {
            return;
        }
        for name in channels.references.names() {
            if name == "ops" || channels.references.is_used(name) {
                continue;
            }
            if let Some(span) = channels.references.span(name) {
                self.report(
                    Problem::new(
                        Code::UnusedChannel,
                        span,
                        format!("nothing is ever sent to channel `{}`", clean(name, 64)),
                    )
                    .help("name it in a route, or remove it"),
                );
            }
        }
    }
}

fn takes(matcher: &Matcher, target: &Target) -> bool {
    (matcher.groups.is_empty()
        || target
            .group
            .as_ref()
            .is_some_and(|group| matcher.groups.contains(group)))
        && (matcher.targets.is_empty() || matcher.targets.contains(&target.id))
        && (matcher.severities.is_empty() || matcher.severities.contains(&target.severity))
}

/// A target with the cases that can be: of each state, whether it is active, inactive, or has no role.
struct Kind<'a> {
    target: &'a Target,
    cases: u16,
}

impl Kind<'_> {
    /// Its cases that the route takes; `cases` are those that the route is about.
    fn taken(&self, route: &Route, cases: u16) -> u16 {
        if takes(&route.matcher, self.target) {
            cases & self.cases
        } else {
            0
        }
    }
}

const ACTIVE: u16 = 0b001;
const INACTIVE: u16 = 0b010;
const WITHOUT_ROLE: u16 = 0b100;

fn kinds<'a>(groups: &Groups, targets: &'a Targets) -> Vec<Kind<'a>> {
    let role = |target: &Target| {
        let group = groups
            .list
            .iter()
            .find(|group| Some(&group.name) == target.group.as_ref());
        let is_read = targets
            .roles
            .iter()
            .any(|roles| roles.group == target.group);
        match group {
            Some(group) if group.is_always_active => ACTIVE,
            Some(_) if is_read => ACTIVE | INACTIVE,
            Some(_) | None => WITHOUT_ROLE,
        }
    };
    let members = targets.placed.iter().map(|placed| Kind {
        target: &placed.target,
        cases: in_every_state(role(&placed.target)),
    });
    let roles = targets.roles.iter().map(|target| Kind {
        target,
        cases: in_every_state(WITHOUT_ROLE),
    });
    members.chain(roles).collect()
}

fn in_every_state(roles: u16) -> u16 {
    (0..STATES.len()).fold(0, |bits, index| bits | roles << (3 * index))
}

/// The cases that a route is about, as bits.
fn cases_of(route: &Route) -> u16 {
    let Matcher { states, roles, .. } = &route.matcher;
    let of = |role: Role, bit: u16| if roles.contains(&role) { bit } else { 0 };
    let roles = if roles.is_empty() {
        ACTIVE | INACTIVE | WITHOUT_ROLE
    } else {
        of(Role::Active, ACTIVE) | of(Role::Inactive, INACTIVE)
    };
    STATES
        .iter()
        .enumerate()
        .filter(|(_, state)| states.is_empty() || states.contains(state))
        .fold(0, |bits, (index, _)| bits | roles << (3 * index))
}
