//! `groups:` and `targets:`.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chrono_tz::Tz;

use super::{
    Check,
    logs::{GROUP, Sources},
    parents::Wanted,
    references::References,
    roles,
    timing::{Complaints, Layer, fields},
};
use crate::{
    config::{
        code::Code,
        decode::{At, Named, OneOrMany},
        raw,
        report::Problem,
        source::Span,
    },
    model::{
        Check as Asked, CheckKind, Group, GroupName, Policy, Route, Secret, Target, TargetId,
        plan::Question, text::clean,
    },
};

/// The groups, what they say of their targets, and who refers to them.
pub(super) struct Groups {
    pub(super) references: References,
    /// Whether there is a `groups:` section: without one every name is fine.
    is_strict: bool,
    pub(super) list: Vec<Group>,
    layers: BTreeMap<GroupName, Layer>,
    /// The places of aliases, in the order of `list`.
    pub(super) aliases: Vec<Vec<Span>>,
    /// What groups say of who is active, until their members are known.
    pub(super) active: Vec<roles::Drafted>,
    /// What groups depend on, until it is known what there is.
    pub(super) depends_on: BTreeMap<GroupName, Vec<Wanted>>,
}

/// What holds for all targets.
pub(super) struct Context<'a> {
    pub(super) defaults: &'a Layer,
    /// The zone of times of the day that say none.
    pub(super) zone: Tz,
    /// Whether anything else is watched: jobs, or what is discovered.
    pub(super) has_others: bool,
    /// What callers have to know that a heartbeat does not say otherwise of.
    pub(super) server_token: Option<&'a Secret>,
}

/// A target and the places of what others may collide with.
pub(super) struct Placed {
    pub(super) target: Arc<Target>,
    pub(super) name: Span,
    pub(super) aliases: Vec<Span>,
    /// What it depends on, as typed.
    pub(super) depends_on: Vec<Wanted>,
}

/// The targets in the order of the file.
pub(super) struct Targets {
    pub(super) placed: Vec<Placed>,
    /// Whether each that was typed could be read as far as its name.
    pub(super) is_complete: bool,
    /// The roles of groups, each a target of its own.
    pub(super) roles: Vec<Arc<Target>>,
}

/// What a section beside `targets` has hekate watch: its targets, their group, and the routes of those that have a channel.
#[derive(Default)]
pub(super) struct Others {
    pub(super) targets: Vec<Arc<Target>>,
    pub(super) group: Option<Group>,
    pub(super) routes: Vec<Route>,
}

impl Others {
    /// Puts them behind the targets and groups of the file, and before its routes.
    pub(super) fn add_to(
        self,
        targets: &mut Vec<Arc<Target>>,
        groups: &mut Vec<Group>,
        routes: &mut Vec<Route>,
    ) {
        targets.extend(self.targets);
        groups.extend(self.group);
        routes.splice(0..0, self.routes);
    }
}

impl Check<'_> {
    pub(super) fn groups(&self, at: Option<At<Named<raw::Group>>>, whole: Span) -> Groups {
        let mut out = Groups {
            references: References::new("group", Code::NoSuchGroup),
            is_strict: at.is_some(),
            list: Vec::new(),
            layers: BTreeMap::new(),
            aliases: Vec::new(),
            active: Vec::new(),
            depends_on: BTreeMap::new(),
        };
        let is_wrong = at.as_ref().is_some_and(|at| at.value.is_none());
        if is_wrong || self.findings.was_meant(whole, "groups") {
            out.references.unknowable();
        }
        let named = at
            .and_then(|at| at.value)
            .map_or_else(Vec::new, |named| named.0);
        for (key, at) in named {
            if let Some(text) = &key.value {
                out.references.declare(text, key.span);
            }
            let Some(name) = self.name(&key, "the name of a group") else {
                continue;
            };
            if name == GROUP {
                self.report(
                    Problem::new(
                        Code::Name,
                        key.span,
                        format!("`{GROUP}` is what hekate calls the stores of logs"),
                    )
                    .help("call your group otherwise"),
                );
            }
            let mut raw = at.value.unwrap_or_default();
            let name = GroupName::new(name);
            let active = raw.active.take();
            let is_always_active = active.as_ref().is_some_and(|at| self.is_always(at));
            if let Some(at) = active {
                let group = name.clone();
                out.active.push(roles::Drafted { group, at });
            }
            let parents = self.typed_parents(raw.depends_on.as_ref());
            if !parents.is_empty() {
                out.depends_on.insert(name.clone(), parents);
            }
            let (aliases, spans) = self.names(raw.aliases.as_ref());
            out.layers.insert(name.clone(), self.layer(&fields!(raw)));
            out.list.push(Group {
                is_always_active,
                is_production: raw.production.and_then(|at| at.value).unwrap_or(false),
                name,
                aliases,
                team: raw.team.as_ref().and_then(|at| self.text(at, "`team`")),
            });
            out.aliases.push(spans);
        }
        out
    }

    /// Aliases and their places.
    pub(super) fn names(&self, at: Option<&At<OneOrMany<String>>>) -> (Vec<String>, Vec<Span>) {
        let list = at
            .and_then(|at| at.value.as_ref())
            .map_or(&[][..], |list| &list.0);
        list.iter()
            .filter_map(|at| Some((self.name(at, "an alias")?, at.span)))
            .unzip()
    }

    pub(super) fn targets(
        &mut self,
        at: Option<At<Vec<At<raw::Target>>>>,
        whole: Span,
        context: &Context<'_>,
        groups: &mut Groups,
        sources: &mut Sources,
    ) -> Targets {
        let mut out = Targets {
            placed: Vec::new(),
            is_complete: false,
            roles: Vec::new(),
        };
        let (span, list) = match at {
            Some(At {
                span,
                value: Some(list),
            }) => (span, list),
            Some(At { value: None, .. }) => return out,
            None if self.findings.was_meant(whole, "targets") => return out,
            None => (whole, Vec::new()),
        };
        if list.is_empty() && !context.has_others {
            self.report(
                Problem::new(Code::NoTarget, span, "there is no target, so there is nothing to watch")
                    .help("add `targets:` with `- { name: api, health: \"https://api.example.test/health\" }`"),
            );
        }
        let mut complaints = Complaints::default();
        let mut was = Vec::new();
        let typed = list.len();
        for at in list {
            let place = at.span;
            if let Some(raw) = at.value
                && let Some(placed) =
                    self.target(&raw, place, context, groups, sources, &mut complaints)
            {
                if let Some(at) = raw.was {
                    was.push((placed.target.id.clone(), at.span));
                }
                out.placed.push(placed);
            }
        }
        out.is_complete = out.placed.len() == typed;
        self.unique(&out);
        self.not_roles(&out, groups);
        self.renamed(&out, &was);
        out
    }

    pub(super) fn target(
        &mut self,
        raw: &raw::Target,
        place: Span,
        context: &Context<'_>,
        groups: &mut Groups,
        sources: &mut Sources,
        complaints: &mut Complaints,
    ) -> Option<Placed> {
        if raw.name.is_none() && !self.findings.was_meant(place, "name") {
            self.report(
                Problem::new(Code::Missing, place, "a target has no `name`")
                    .label("in this target")
                    .help("add `name:`; people say it, and its history hangs on it"),
            );
        }
        let name = raw
            .name
            .as_ref()
            .and_then(|at| self.name(at, "the name of a target"));
        let shown = name.as_deref().unwrap_or("this target");
        let group = self.group_of(raw, shown, groups);
        self.asks_something(raw, place, shown);
        let own = self.layer(&fields!(raw));
        let layers: Vec<&Layer> = [
            Some(&own),
            group.as_ref().and_then(|group| groups.layers.get(group)),
            Some(context.defaults),
        ]
        .into_iter()
        .flatten()
        .collect();
        let (policy, severity) = self.policy(&layers, shown, complaints);
        let checks = self.checks(raw, shown, policy, &layers, context, sources, complaints);
        let icon = raw.icon.as_ref().and_then(|at| self.icon(at));
        let runbook_url = raw
            .runbook_url
            .as_ref()
            .and_then(|at| self.address(at, "`runbook_url`"))
            .map(String::from);
        let was = raw.was.as_ref().and_then(|at| self.was(at, group.as_ref()));
        let (aliases, spans) = self.names(raw.aliases.as_ref());
        let depends_on = self.typed_parents(raw.depends_on.as_ref());
        let name = name?;
        Some(Placed {
            name: raw.name.as_ref().map_or(place, |at| at.span),
            aliases: spans,
            depends_on,
            target: Arc::new(Target {
                id: TargetId::of(group.as_ref(), &name),
                name,
                group,
                aliases,
                icon,
                severity,
                runbook_url,
                was,
                depends_on: Vec::new(),
                checks,
            }),
        })
    }

    /// Everything that is asked of a target, in the order of the kinds.
    #[expect(
        clippy::too_many_arguments,
        reason = "each check takes what it needs of them"
    )]
    fn checks(
        &mut self,
        raw: &raw::Target,
        shown: &str,
        policy: Policy,
        layers: &[&Layer],
        context: &Context<'_>,
        sources: &mut Sources,
        complaints: &mut Complaints,
    ) -> Vec<Asked> {
        let mut checks = Vec::new();
        if let Some(question) = raw.health.as_ref().and_then(|at| self.health(at, shown)) {
            checks.push(Asked {
                kind: CheckKind::Health,
                policy,
                question: Question::Health(Arc::new(question)),
            });
        }
        let log = raw.log_freshness.as_ref();
        if let Some((question, policy)) =
            log.and_then(|at| self.log_freshness(at, shown, sources, context.zone))
        {
            checks.push(Asked {
                kind: CheckKind::LogFreshness,
                policy,
                question: Question::LogFreshness(Arc::new(question)),
            });
        }
        checks.extend(self.wire_checks(raw, shown, layers, complaints));
        let heartbeat = raw.heartbeat.as_ref();
        checks.extend(heartbeat.and_then(|at| self.heartbeat(at, shown, context.server_token)));
        let http = raw.http.as_ref();
        checks.extend(http.and_then(|at| self.http(at, shown, layers, complaints)));
        let metrics = raw.metrics.as_ref();
        checks.extend(metrics.and_then(|at| self.metrics(at, shown, layers, complaints)));
        let steps = raw.steps.as_ref();
        checks.extend(steps.and_then(|at| self.steps(at, shown, layers, complaints)));
        checks
    }

    /// A target has at least one check; keys that look like one were meant as one.
    fn asks_something(&self, raw: &raw::Target, place: Span, shown: &str) {
        let is_asked = [
            raw.health.is_some(),
            raw.log_freshness.is_some(),
            raw.tcp.is_some(),
            raw.tls.is_some(),
            raw.dns.is_some(),
            raw.icmp.is_some(),
            raw.websocket.is_some(),
            raw.grpc.is_some(),
            raw.heartbeat.is_some(),
            raw.http.is_some(),
            raw.metrics.is_some(),
            raw.steps.is_some(),
        ]
        .contains(&true);
        let was_meant = [
            "health",
            "log_freshness",
            "tcp",
            "tls",
            "dns",
            "icmp",
            "websocket",
            "grpc",
            "heartbeat",
            "http",
            "metrics",
            "steps",
        ]
        .iter()
        .any(|key| self.findings.was_meant(place, key));
        if !is_asked && !was_meant {
            self.report(
                Problem::new(
                    Code::Missing,
                    place,
                    format!("target `{shown}` has no `health`, so there is nothing to look at"),
                )
                .label("in this target")
                .help("add `health: \"https://…\"`"),
            );
        }
    }

    fn group_of(&self, raw: &raw::Target, shown: &str, groups: &mut Groups) -> Option<GroupName> {
        let at = raw.group.as_ref()?;
        let name = if groups.is_strict {
            self.text(at, "`group`")?
        } else {
            self.name(at, "`group`")?
        };
        let group = GroupName::new(name.as_str());
        if groups.is_strict {
            let who = format!("target `{}` is in `{}`", clean(shown, 64), clean(&name, 64));
            groups.references.refer(&name, at.span, who);
        } else if !groups.references.is_declared(&name) {
            groups.references.declare(&name, at.span);
            groups.list.push(Group {
                is_always_active: false,
                is_production: false,
                name: group.clone(),
                aliases: Vec::new(),
                team: None,
            });
            groups.aliases.push(Vec::new());
        }
        Some(group)
    }

    /// What a target was called before: in the same group, or with its group, or `/name` without one.
    fn was(&self, at: &At<String>, group: Option<&GroupName>) -> Option<TargetId> {
        let text = self.text(at, "`was`")?;
        let id = match text.split_once('/') {
            None => TargetId::of(group, &text),
            Some(("", name)) => TargetId::of(None, name),
            Some((group, name)) => TargetId::of(Some(&GroupName::new(group)), name),
        };
        if text.matches('/').count() > 1 || text.ends_with('/') {
            self.report(
                Problem::new(
                    Code::Name,
                    at.span,
                    format!("`{}` is not the name of a target", clean(&text, 64)),
                )
                .help("write `old name`, or `old group/old name`"),
            );
            return None;
        }
        Some(id)
    }

    pub(super) fn icon(&self, at: &At<String>) -> Option<String> {
        let text = self.text(at, "`icon`")?;
        let is_word = text
            .strip_prefix(':')
            .and_then(|rest| rest.strip_suffix(':'))
            .is_some_and(|word| {
                (1..=100).contains(&word.len())
                    && word.split("::").all(|part| {
                        !part.is_empty()
                            && part.bytes().all(|b| {
                                b.is_ascii_lowercase()
                                    || b.is_ascii_digit()
                                    || matches!(b, b'-' | b'_' | b'+' | b'\'')
                            })
                    })
            });
        if is_word || is_emoji(&text) {
            return Some(text);
        }
        self.report(
            Problem::new(
                Code::Icon,
                at.span,
                format!("`{}` is not an emoji", clean(&text, 40)),
            )
            .help("write the name of an emoji in lower case between colons, \":hekate-blue:\", or a single emoji"),
        );
        None
    }

    /// No two targets are called the same.
    fn unique(&self, targets: &Targets) {
        let mut first: HashMap<&TargetId, Span> = HashMap::new();
        for placed in &targets.placed {
            let Some(before) = first.get(&placed.target.id) else {
                first.insert(&placed.target.id, placed.name);
                continue;
            };
            let place = match &placed.target.group {
                Some(group) => format!("in group `{group}`"),
                None => String::from("without a group"),
            };
            self.report(
                Problem::new(
                    Code::SameTarget,
                    placed.name,
                    format!("there are two targets `{}` {place}", placed.target.name),
                )
                .label("and again here")
                .other(*before, "first here")
                .help("give one of them another name, or another group"),
            );
        }
    }

    /// No target has the name under which the roles of its group stand.
    fn not_roles(&self, targets: &Targets, groups: &Groups) {
        for placed in &targets.placed {
            let of =
                |drafted: &&roles::Drafted| Some(&drafted.group) == placed.target.group.as_ref();
            if let Some(drafted) = groups.active.iter().find(of)
                && placed.target.name == roles::NAME
            {
                self.report(
                    Problem::new(
                        Code::Name,
                        placed.name,
                        format!(
                            "`{}` is what hekate calls who of a group is active",
                            roles::NAME
                        ),
                    )
                    .other(drafted.at.span, "which is read here")
                    .help("call your target otherwise"),
                );
            }
        }
    }

    /// `was` names something that is gone, and no two targets want the same past.
    fn renamed(&self, targets: &Targets, was: &[(TargetId, Span)]) {
        let living: HashMap<&TargetId, Span> = targets
            .placed
            .iter()
            .map(|placed| (&placed.target.id, placed.name))
            .collect();
        let spans: HashMap<&TargetId, Span> = was.iter().map(|(id, span)| (id, *span)).collect();
        let mut heirs: HashMap<&TargetId, Span> = HashMap::new();
        for placed in &targets.placed {
            let (Some(was), Some(span)) = (&placed.target.was, spans.get(&placed.target.id)) else {
                continue;
            };
            let (other, sentence) = if let Some(name) = living.get(was) {
                let sentence = if *was == placed.target.id {
                    format!("target `{was}` cannot be its own past")
                } else {
                    format!("`{was}` is still a target, so its past cannot be taken over")
                };
                (*name, sentence)
            } else if let Some(first) = heirs.get(was) {
                (
                    *first,
                    format!("two targets want to take over the past of `{was}`"),
                )
            } else {
                heirs.insert(was, *span);
                continue;
            };
            self.report(
                Problem::new(Code::Was, *span, sentence)
                    .other(other, "")
                    .help("`was` says what a renamed target was called before; remove it once the rename has been loaded"),
            );
        }
    }
}

/// A single emoji: no ASCII but keycaps, no letters, few characters.
fn is_emoji(text: &str) -> bool {
    let mut chars = text.chars();
    let is_keycap = chars
        .next()
        .is_some_and(|c| c.is_ascii_digit() || c == '#' || c == '*')
        && text.ends_with('\u{20E3}');
    let is_pictorial = text.chars().all(|c| {
        matches!(u32::from(c),
            0xA9 | 0xAE | 0x200D | 0x203C | 0x2049 | 0x20E3 | 0x2100..=0x2BFF | 0x3030 | 0x303D | 0x3297 | 0x3299
            | 0xFE0E | 0xFE0F | 0x1F000..=0x1FAFF | 0xE0020..=0xE007F)
    });
    is_keycap && text.chars().count() <= 3
        || is_pictorial && (1..=12).contains(&text.chars().count()) && emoji_count(text) == 1
}

/// How many pictures a row of emoji characters shows: joined ones and modifiers make one.
fn emoji_count(text: &str) -> usize {
    let mut count = 0;
    let mut is_joined = false;
    let mut flags = 0;
    for c in text.chars() {
        match u32::from(c) {
            0x200D => is_joined = true,
            0xFE0E | 0xFE0F | 0x20E3 | 0x1F3FB..=0x1F3FF | 0xE0020..=0xE007F => {}
            0x1F1E6..=0x1F1FF => {
                flags += 1;
                count += flags % 2;
            }
            _ => {
                count += usize::from(!is_joined);
                is_joined = false;
            }
        }
    }
    count
}

impl Groups {
    /// Whether a target may be in it: any, if there is no `groups:`.
    pub(super) fn takes(&self, name: &str) -> bool {
        !self.is_strict || self.references.is_declared(name)
    }

    pub(super) fn finish(self, check: &Check<'_>) -> Vec<Group> {
        self.references.finish(check);
        self.list
    }
}

impl Targets {
    pub(super) fn into_plan(self) -> Vec<Arc<Target>> {
        let placed = self.placed.into_iter().map(|placed| placed.target);
        placed.chain(self.roles).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_are_single_pictures() {
        for good in ["🔵", "⬛️", "👩‍💻", "👍🏽", "🇨🇿", "1️⃣", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
        {
            assert!(is_emoji(good), "{good}");
        }
        for bad in ["", "a", "🔵🔵", "1", "🇨🇿🇨🇿", "é", "->"] {
            assert!(!is_emoji(bad), "{bad}");
        }
    }
}
