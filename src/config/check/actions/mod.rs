//! `actions:` what people can have done, and who may.

mod call;

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc, time::Duration};

use super::{
    Check,
    channels::{Bot, Channels, OnCalls},
    targets::Groups,
};
use crate::{
    config::{
        code::Code,
        decode::{At, Named, OneOrMany},
        raw::{AllowanceText, DurationText, actions as typed},
        report::Problem,
        source::Span,
    },
    model::{
        ChannelName, GroupName, OnCallName, Verdict,
        action::{
            Action, Allow, Confirm, EXPIRES_DEFAULT, GRACE_DEFAULT, Guard, RoleWanted, TAKEN, When,
        },
        plan::OnCall,
        quiet_hours::Allowance,
        text::clean,
    },
};

/// Below that nobody finds the button, above nobody remembers the question.
const EXPIRES: RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_mins(15);
/// As for a deploy that is announced.
const GRACE: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(1);
/// The times that a rate can be about.
const RATE_WITHIN: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(24);
/// The most that a rate can allow.
const RATE_MAX: u32 = 1_000;

/// What actions refer to.
struct Around<'a> {
    channels: &'a mut Channels,
    on_call: &'a mut OnCalls,
    groups: &'a Groups,
    /// Who can ask Slack who is in a user group.
    bot: &'a Bot,
}

impl Check<'_> {
    /// The actions in the order of the file.
    pub(super) fn actions(
        &mut self,
        at: Option<At<Named<typed::Action>>>,
        channels: &mut Channels,
        on_call: &mut OnCalls,
        groups: &Groups,
        bot: &Bot,
    ) -> Arc<[Arc<Action>]> {
        let around = &mut Around {
            channels,
            on_call,
            groups,
            bot,
        };
        let named = at.and_then(|at| at.value);
        let mut phrases: BTreeMap<String, Span> = BTreeMap::new();
        let mut out = Vec::new();
        for (key, at) in named.map_or_else(Vec::new, |Named(list)| list) {
            let Some(name) = self.name(&key, "the name of an action") else {
                continue;
            };
            let who = format!("action `{}`", clean(&name, 64));
            let Some(raw) = at.value else { continue };
            let aliases = self.action_aliases(raw.aliases.as_ref());
            let words = aliases.iter().map(|(word, span)| (word, *span));
            for (word, span) in std::iter::once((&name, key.span)).chain(words) {
                self.phrase(word, span, &who, &mut phrases);
            }
            let guard = self.guard(&raw, at.span, &who, around);
            let grace = raw.grace.as_ref();
            let grace = grace.and_then(|at| self.duration(at, "`grace`", GRACE).value);
            let tell = raw.tell.as_ref().and_then(|at| {
                let name = self.text(at, "`tell`")?;
                let is_known = around.channels.references.refer(
                    &name,
                    at.span,
                    format!("{who} tells `{}`", clean(&name, 64)),
                );
                is_known.then(|| ChannelName::new(name))
            });
            let call = self.call(raw, at.span, &who);
            if let (Some(guard), Some(call)) = (guard, call) {
                out.push(Arc::new(Action {
                    name,
                    aliases: aliases.into_iter().map(|(word, _)| word).collect(),
                    guard,
                    grace: grace.unwrap_or(GRACE_DEFAULT),
                    tell,
                    call,
                }));
            }
        }
        out.into()
    }

    fn action_aliases(&self, at: Option<&At<OneOrMany<String>>>) -> Vec<(String, Span)> {
        let list = at.and_then(|at| at.value.as_ref());
        let list = list.map_or(&[][..], |OneOrMany(list)| list);
        let aliases = list.iter();
        aliases
            .filter_map(|at| Some((self.name(at, "an alias")?, at.span)))
            .collect()
    }

    /// Each phrase means one thing.
    fn phrase(&self, word: &str, span: Span, who: &str, known: &mut BTreeMap<String, Span>) {
        let phrase = word.replace(['_', '-'], " ").to_lowercase();
        let first = phrase.split(' ').next().unwrap_or_default();
        let taken = TAKEN.iter().find(|taken| {
            let taken = taken.replace('-', " ");
            taken == first || taken == phrase
        });
        let is_planned = ["announce", "list", "end", "add", "start", "stop"]
            .iter()
            .any(|word| phrase.starts_with(&format!("deploy {word}")));
        if taken.is_some() || is_planned {
            self.report(
                Problem::new(
                    Code::Action,
                    span,
                    format!("{who} cannot be called `{}`", clean(word, 64)),
                )
                .label("this is a command of hekate's own")
                .help("give it another name"),
            );
        }
        if let Some(first) = known.insert(phrase, span) {
            self.report(
                Problem::new(
                    Code::Twice,
                    span,
                    format!("`{}` already stands for an action", clean(word, 64)),
                )
                .other(first, "here")
                .note("case, `-`, `_` and spaces make no difference"),
            );
        }
    }

    fn guard(
        &self,
        raw: &typed::Action,
        span: Span,
        who: &str,
        around: &mut Around<'_>,
    ) -> Option<Guard> {
        let when = self.action_when(raw.when.as_ref(), who, around);
        let allow = self.allow(raw.allow.as_ref(), span, who, around);
        let typed = raw.confirm.as_ref();
        let typed = typed.and_then(|at| Some((at.span, at.value.as_ref()?.0.as_str())));
        // What hekate itself begins can be ended as easily, whoever is active.
        let is_own = raw.silence.is_some() || raw.maintenance.is_some() || raw.deploy.is_some();
        let takes_active = !is_own && when.as_ref().is_some_and(|when| when.role.takes_active());
        let confirm = match typed {
            Some((_, "none")) => Confirm::No,
            Some((_, "type_name")) => Confirm::TypeName,
            None if takes_active => Confirm::TypeName,
            Some(_) | None => Confirm::Button,
        };
        if let (Some((span, _)), true) = (typed, takes_active && confirm != Confirm::TypeName) {
            self.report(
                Problem::new(
                    Code::Action,
                    span,
                    format!("{who} can touch an active instance, and its name is not typed"),
                )
                .help("write `confirm: type_name`, or `role: inactive`"),
            );
        }
        let expires = raw.expires_after.as_ref();
        let expires = expires.map(|at| self.duration(at, "`expires_after`", EXPIRES).value);
        let rate = raw.rate.as_ref().map(|at| self.rate(at));
        let reason = raw.reason.as_ref().and_then(|at| at.value.as_ref());
        Some(Guard {
            when: when?,
            allow: allow?,
            confirm,
            needs_second_person: raw.second_person.as_ref().and_then(|at| at.value) == Some(true),
            needs_reason: reason.is_some_and(|word| word.0 == "required"),
            rate: match rate {
                Some(rate) => Some(rate?),
                None => None,
            },
            expires_after: expires.unwrap_or(Some(EXPIRES_DEFAULT))?,
        })
    }

    /// Absent if something in it is wrong: what was to narrow must not fall away.
    fn action_when(
        &self,
        at: Option<&At<typed::When>>,
        who: &str,
        around: &Around<'_>,
    ) -> Option<When> {
        let Some(at) = at else {
            return Some(When::default());
        };
        let raw = at.value.as_ref()?;
        if ["role", "state", "group"]
            .iter()
            .any(|key| self.findings.was_meant(at.span, key))
        {
            return None;
        }
        let role = match &raw.role {
            None => RoleWanted::NotActive,
            Some(at) => match at.value.as_ref()?.0.as_str() {
                "inactive" => RoleWanted::Inactive,
                "active" => RoleWanted::Active,
                _ => RoleWanted::Any,
            },
        };
        let mut states = Vec::new();
        for at in self.narrowing(raw.state.as_ref())? {
            states.push(Verdict::from_word(&at.value.as_ref()?.0)?);
        }
        let mut groups = Vec::new();
        for at in self.narrowing(raw.group.as_ref())? {
            let name = self.text(at, "`group`")?;
            if !self.is_group(&name, at, who, around.groups) {
                return None;
            }
            groups.push(GroupName::new(name));
        }
        Some(When {
            role,
            states,
            groups,
        })
    }

    /// The items of a list that narrows; an empty one would narrow to nothing or to everything, and neither was meant.
    fn narrowing<'a, T>(&self, at: Option<&'a At<OneOrMany<T>>>) -> Option<&'a [At<T>]> {
        let Some(at) = at else { return Some(&[]) };
        let OneOrMany(list) = at.value.as_ref()?;
        if list.is_empty() {
            self.report(
                Problem::new(Code::Empty, at.span, "this list is empty")
                    .help("name at least one, or remove the key"),
            );
            return None;
        }
        Some(list)
    }

    fn allow(
        &self,
        at: Option<&At<typed::Allow>>,
        span: Span,
        who: &str,
        around: &mut Around<'_>,
    ) -> Option<Allow> {
        let Some(at) = at else {
            if !self.findings.was_meant(span, "allow") {
                self.report(
                    Problem::new(
                        Code::Missing,
                        span,
                        format!("{who} does not say whom it obeys"),
                    )
                    .help("add `allow: { users: [U…] }`, `groups: [S…]`, or `api: true`"),
                );
            }
            return None;
        };
        let raw = at.value.as_ref()?;
        let mut out = Allow {
            programs: raw.api.as_ref().and_then(|at| at.value) == Some(true),
            ..Allow::default()
        };
        for at in self.narrowing(raw.users.as_ref())? {
            out.users.push(self.slack_id(at, &["U", "W"], "a user")?);
        }
        for at in self.narrowing(raw.channels.as_ref())? {
            let id = self.slack_id(at, &["C", "G", "D"], "a channel")?;
            out.channels.push(id);
        }
        for at in self.narrowing(raw.groups.as_ref())? {
            self.people_of(at, who, around, &mut out)?;
        }
        let is_nobody = out.users.is_empty() && out.user_groups.is_empty() && !out.programs;
        let is_meant = ["users", "groups", "api"]
            .iter()
            .any(|key| self.findings.was_meant(at.span, key));
        if is_nobody && !is_meant {
            self.report(
                Problem::new(Code::Action, at.span, format!("{who} obeys nobody"))
                    .help("add `users: [U…]`, `groups: [S…]`, or `api: true`"),
            );
            return None;
        }
        Some(out)
    }

    /// The people of a user group, or of an on-call entry, as far as the file names them.
    fn people_of(
        &self,
        at: &At<String>,
        who: &str,
        around: &mut Around<'_>,
        out: &mut Allow,
    ) -> Option<()> {
        let text = self.text(at, "this group")?;
        let group = if around
            .on_call
            .on_call
            .contains_key(&OnCallName::new(&*text))
        {
            around.on_call.references.refer(&text, at.span, who);
            let entry = &around.on_call.on_call[&OnCallName::new(&*text)];
            let people = entry.people();
            out.users.extend(people.iter().map(|id| (*id).clone()));
            if !people.is_empty() {
                return Some(());
            }
            entry.user_group.clone()?
        } else if text.starts_with('S') {
            self.slack_id(at, &["S"], "a user group")?
        } else {
            let who = format!("{who} obeys `{}`", clean(&text, 64));
            around.on_call.references.refer(&text, at.span, who);
            return None;
        };
        let is_it = |entry: &&OnCall| entry.user_group.as_ref() == Some(&group);
        let entries = around.on_call.on_call.values().filter(is_it);
        let people = entries.flat_map(OnCall::people);
        let users: Vec<String> = people.cloned().collect();
        if users.is_empty() {
            if matches!(around.bot, Bot::Absent) {
                self.report(
                    Problem::new(
                        Code::Membership,
                        at.span,
                        format!("nobody can say who is in the user group {group}"),
                    )
                    .label(format!("{who} obeys nobody because of it"))
                    .help("list the `users` of an `on_call` entry with this `user_group`, or add a `bot_token` to `slack`, so that Slack can be asked"),
                );
            }
            out.user_groups.push(group);
        }
        out.users.extend(users);
        Some(())
    }

    /// `3 per 1h`.
    fn rate(&self, at: &At<AllowanceText>) -> Option<Allowance> {
        let AllowanceText(text) = at.value.as_ref()?;
        let parts = text.split_once(" per ");
        let parts = parts.and_then(|(count, within)| Some((count.trim().parse().ok()?, within)));
        let Some((count, within)) = parts.filter(|(count, _)| (1..=RATE_MAX).contains(count))
        else {
            self.report(
                Problem::new(
                    Code::Allowance,
                    at.span,
                    format!("`{}` is not so many times in a time", clean(text, 40)),
                )
                .help(format!(
                    "write it like `3 per 1h`, with 1 to {RATE_MAX} times"
                )),
            );
            return None;
        };
        let within = At {
            span: at.span,
            value: Some(DurationText(within.to_owned())),
        };
        let within = self.duration(&within, "the time of `rate`", RATE_WITHIN);
        Some(Allowance {
            count,
            within: within.value?,
        })
    }
}
