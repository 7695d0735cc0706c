//! A `targets.yaml` in the making: what every program's file is read into.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::{
    Note,
    target::{Target, Value},
    words,
};
use crate::{config::Environment, model::text::clean};

/// What stands for a variable while the new file is tried: fit for a part of an address, a header, a password, a token.
pub(super) const SAMPLE: &str = "sample0123456789abcdef";
/// What stands for a variable that is a whole address.
pub(super) const SAMPLE_URL: &str = "https://sample.example.test";
/// What stands for a variable that is a webhook of Slack.
pub(super) const SAMPLE_WEBHOOK: &str = "https://hooks.slack.com/services/T000/B000/sample";

/// Where messages go.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) name: String,
    pub(super) value: Value,
}

/// When work is planned.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) keys: Vec<(String, Value)>,
    /// What it was in the old file.
    pub(super) from: String,
}

/// Something that runs at its times and says so.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) name: String,
    /// Where it was in the old file, for people.
    pub(super) from: String,
    /// What is nearly the same.
    pub(super) near: Vec<String>,
    /// What it says, in the words of `jobs:`.
    pub(super) keys: Vec<(String, Value)>,
}

/// What has to be set in the environment.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    /// What it is, for people.
    pub(super) what: String,
    sample: &'static str,
}

/// A `targets.yaml` in the making.
#[derive(Default)]
pub(super) struct Draft {
    /// Whether the old file knows variables of the environment, as a shell writes them.
    pub(super) is_shell: bool,
    pub(super) targets: Vec<Target>,
    pub(super) channels: Vec<Channel>,
    pub(super) witnesses: Vec<(String, Value)>,
    pub(super) windows: Vec<Window>,
    pub(super) jobs: Vec<Job>,
    pub(super) variables: BTreeMap<String, Variable>,
    pub(super) near: Vec<Note>,
    pub(super) left: Vec<Note>,
    /// Whether everybody is told of everything, because the routes were refused.
    pub(super) has_one_route: bool,
    names: HashMap<String, usize>,
    secrets: HashMap<String, String>,
}

impl Draft {
    /// Names something that has no counterpart.
    pub(super) fn leave(&mut self, of: impl AsRef<str>, what: impl AsRef<str>) {
        self.left.push(note(of.as_ref(), what.as_ref()));
    }

    /// Names something that means nearly the same.
    pub(super) fn nearly(&mut self, of: impl AsRef<str>, what: impl AsRef<str>) {
        self.near.push(note(of.as_ref(), what.as_ref()));
    }

    /// Names the keys of a section that were not understood.
    pub(super) fn leave_keys(&mut self, of: &str, keys: &[&str]) {
        if !keys.is_empty() {
            let keys: Vec<String> = keys
                .iter()
                .map(|key| format!("`{}`", words::shown(key)))
                .collect();
            let what = format!("no counterpart of {}", keys.join(", "));
            self.leave(of, what);
        }
    }

    /// A new target with names that nobody else has.
    pub(super) fn target(&mut self, name: &str, group: Option<&str>, from: String) -> Target {
        let group = group.map(words::name);
        let plain = words::name(name);
        let key = |name: &str| {
            let group = group.as_deref().unwrap_or_default();
            format!("{group}/{name}").to_lowercase()
        };
        let mut count = self.names.get(&key(&plain)).copied().unwrap_or(0) + 1;
        let mut own = plain.clone();
        while count > 1 {
            own = format!("{plain} {count}");
            if !self.names.contains_key(&key(&own)) {
                break;
            }
            count += 1;
        }
        self.names.insert(key(&plain), count);
        if own != plain {
            self.names.insert(key(&own), 1);
        }
        let mut target = Target {
            from,
            ..Target::default()
        };
        if own != name.trim() {
            target
                .near
                .push(format!("it was called `{}`", words::shown(name)));
        }
        target.name = own;
        target.group = group;
        target
    }

    /// A text in which variables work, so that it says the same as in the old file.
    pub(super) fn open(&mut self, text: &str, sample: &'static str) -> String {
        if !self.is_shell {
            return text.replace('$', "$$");
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let (name, after) = reference(rest);
            let Some(name) = name else {
                out.push_str("$$");
                // What was two dollars is one.
                rest = rest.strip_prefix('$').unwrap_or(rest);
                continue;
            };
            out.extend(["${", name, "}"]);
            let what = String::from("as in the old file");
            self.variables
                .entry(name.to_owned())
                .or_insert(Variable { what, sample });
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// A variable in place of a secret; the same one for the same secret.
    pub(super) fn secret(
        &mut self,
        text: &str,
        hint: &str,
        what: impl Into<String>,
        sample: &'static str,
    ) -> String {
        if self.is_shell && has_reference(text) {
            return self.open(text, sample);
        }
        if let Some(name) = self.secrets.get(text) {
            return format!("${{{name}}}");
        }
        let name = self.variable(hint, what, sample);
        self.secrets.insert(text.to_owned(), name.clone());
        format!("${{{name}}}")
    }

    /// A new variable of its own; its name.
    pub(super) fn variable(
        &mut self,
        hint: &str,
        what: impl Into<String>,
        sample: &'static str,
    ) -> String {
        let plain = words::variable(hint);
        let mut name = plain.clone();
        let mut count = 1;
        while self.variables.contains_key(&name) {
            count += 1;
            name = format!("{plain}_{count}");
        }
        let what = clean(&what.into(), 160);
        self.variables
            .insert(name.clone(), Variable { what, sample });
        name
    }

    /// Adds a channel, or finds the one with the same address; its name.
    pub(super) fn channel(&mut self, name: &str, webhook: &str, slack: Option<&str>) -> String {
        let plain = words::name(name);
        let hint = format!("SLACK_WEBHOOK_{plain}");
        let what = format!("webhook of the channel `{plain}`");
        let address = self.secret(webhook, &hint, what, SAMPLE_WEBHOOK);
        let value = match slack {
            Some(slack) => Value::Map(vec![
                (String::from("slack"), Value::text(slack)),
                (String::from("webhook_url"), Value::text(address)),
            ]),
            None => Value::text(address),
        };
        if let Some(known) = self.channels.iter().find(|known| known.value == value) {
            return known.name.clone();
        }
        let is_taken = |name: &str| self.channels.iter().any(|known| known.name == name);
        let mut own = plain.clone();
        let mut count = 1;
        while is_taken(&own) {
            count += 1;
            own = format!("{plain}_{count}");
        }
        self.channels.push(Channel {
            name: own.clone(),
            value,
        });
        own
    }

    /// An address of the web: its text in the new file, and the user name and password that stood in it.
    pub(super) fn address(&mut self, url: &str, hint: &str) -> (String, Option<(String, String)>) {
        let url = url.trim();
        let url = url.split('#').next().unwrap_or(url);
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) => (format!("{scheme}://"), rest),
            None => (String::new(), url),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let is_whole = scheme.is_empty();
        let host = self.open(host, if is_whole { SAMPLE_URL } else { SAMPLE });
        let (path, query) = match tail.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (tail, None),
        };
        let mut text = format!("{scheme}{host}");
        for (index, part) in path.split('/').enumerate() {
            if index > 0 {
                text.push('/');
            }
            text.push_str(&self.part(part, words::is_random(part), hint));
        }
        for (index, pair) in query
            .into_iter()
            .flat_map(|query| query.split('&'))
            .enumerate()
        {
            text.push(if index == 0 { '?' } else { '&' });
            match pair.split_once('=') {
                Some((name, value)) if !value.is_empty() && words::is_secret_word(name) => {
                    text.push_str(&self.open(name, SAMPLE));
                    text.push('=');
                    text.push_str(&self.part(value, true, &format!("{hint} {name}")));
                }
                Some(_) | None => text.push_str(&self.part(pair, words::is_random(pair), hint)),
            }
        }
        let user = user.map(|user| {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            (decoded(name), decoded(password))
        });
        (text, user)
    }

    fn part(&mut self, text: &str, is_secret: bool, hint: &str) -> String {
        if is_secret {
            let what = format!("a part of the address of {hint}");
            self.secret(text, hint, what, SAMPLE)
        } else {
            self.open(text, SAMPLE)
        }
    }

    /// Variables with samples in place of values, to try the new file with.
    pub(super) fn environment(&self) -> Environment {
        Environment::of(
            self.variables
                .iter()
                .map(|(name, variable)| (name.as_str(), variable.sample)),
        )
    }

    /// A channel for everything, if the old file had none that can be used.
    pub(super) fn some_channel(&mut self) {
        if self.channels.is_empty() {
            let what = "webhook of the channel that hears of everything";
            let name = self.variable("SLACK_WEBHOOK_URL", what, SAMPLE_WEBHOOK);
            self.channels.push(Channel {
                name: String::from("alerts"),
                value: Value::text(format!("${{{name}}}")),
            });
        }
    }

    /// Says in one place what most targets say, so that the others stand out.
    pub(super) fn settle(&mut self) -> Vec<(String, Value)> {
        let mut out = Vec::new();
        let looked_at = |target: &&mut Target| target.interval.is_some();
        let is_one_for_all = |of: fn(&Target) -> Option<Duration>, targets: &[Target]| {
            let mut counts: BTreeMap<Duration, usize> = BTreeMap::new();
            let mut asked = targets.iter().filter(|target| target.interval.is_some());
            let is_whole = asked.all(|target| {
                of(target).is_some_and(|length| {
                    *counts.entry(length).or_default() += 1;
                    true
                })
            });
            let most = counts.into_iter().max_by_key(|(_, count)| *count);
            most.filter(|(_, count)| is_whole && *count > 1)
                .map(|(length, _)| length)
        };
        let timeout = is_one_for_all(|target| target.timeout, &self.targets);
        let interval = is_one_for_all(|target| target.interval, &self.targets);
        // Whoever says no limit would inherit one that may not fit.
        let fits = match (interval, timeout) {
            (Some(interval), Some(timeout)) => timeout + Duration::from_secs(1) <= interval,
            (None, Some(_)) => false,
            (_, None) => true,
        };
        if !fits {
            return out;
        }
        let targets = self.targets.iter_mut();
        if let Some(interval) = interval {
            out.push((String::from("interval"), Value::length(interval)));
        }
        if let Some(timeout) = timeout {
            out.push((String::from("timeout"), Value::length(timeout)));
        }
        for target in targets.filter(looked_at) {
            if target.timeout == timeout {
                target.timeout = None;
            }
            if target.interval == interval {
                target.interval = None;
            }
        }
        out
    }
}

fn note(of: &str, what: &str) -> Note {
    Note {
        of: clean(of, 120),
        what: clean(what, 400),
    }
}

/// The variable that a dollar begins, and what comes after it.
fn reference(rest: &str) -> (Option<&str>, &str) {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if let Some((name, after)) = rest
        .strip_prefix('{')
        .and_then(|inside| inside.split_once('}'))
    {
        return (Some(name).filter(|name| is_name(name)), after);
    }
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    (
        Some(&rest[..end]).filter(|name| is_name(name)),
        &rest[end..],
    )
}

fn has_reference(text: &str) -> bool {
    text.match_indices('$')
        .any(|(at, _)| reference(&text[at + 1..]).0.is_some() && !text[..at].ends_with('$'))
}

fn decoded(text: &str) -> String {
    let form = format!("v={}", text.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(form.as_bytes())
        .next()
        .map_or_else(|| text.to_owned(), |(_, value)| value.into_owned())
}
