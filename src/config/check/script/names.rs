//! Names in a file of tests, looked up in the plan that is tested.

use std::{collections::BTreeSet, sync::Arc};

use super::Checker;
use crate::{
    config::{
        code::Code,
        decode::At,
        report::Problem,
        suggest::{listed, nearest},
    },
    model::{Plan, Target, TargetId, plan::Question, text::clean},
};

/// What can be named.
pub(super) struct Names<'a> {
    titles: BTreeSet<String>,
    /// Every word that a target goes by, with the target.
    targets: Vec<(String, &'a Arc<Target>)>,
}

impl<'a> Names<'a> {
    /// What can be named in any of these.
    pub(super) fn of(plans: &[&'a Plan]) -> Self {
        let all = || plans.iter().flat_map(|plan| &plan.targets);
        let mut targets = Vec::new();
        for target in all() {
            let words = [target.id.to_string(), target.title(), target.name.clone()];
            let mut words: Vec<_> = words.into_iter().chain(target.aliases.clone()).collect();
            words.sort();
            words.dedup();
            targets.extend(words.into_iter().map(|word| (word, target)));
        }
        let titles = all().map(|target| target.title()).collect();
        Self { titles, targets }
    }
}

/// Case, dashes and underlines make no other name.
fn folded(word: &str) -> String {
    word.trim().to_lowercase().replace('-', "_")
}

impl Checker<'_> {
    /// The target that is called so.
    pub(super) fn target<'a>(&self, at: &At<String>, names: &Names<'a>) -> Option<&'a Arc<Target>> {
        let word = self.check.text(at, "`target`")?;
        let wanted = folded(&word);
        let mut found: Vec<&'a Arc<Target>> = Vec::new();
        for (known, target) in &names.targets {
            if folded(known) == wanted && found.iter().all(|other| other.id != target.id) {
                found.push(target);
            }
        }
        match found.as_slice() {
            [only] => Some(only),
            [] => {
                let known = names.targets.iter().map(|(word, _)| word.as_str());
                self.unknown(
                    Code::NoSuchTarget,
                    at,
                    "a target",
                    &word,
                    known,
                    names.titles.iter().map(String::as_str),
                );
                None
            }
            several => {
                self.check.report(
                    Problem::new(
                        Code::Ambiguous,
                        at.span,
                        format!("`{}` is {} targets", clean(&word, 64), several.len()),
                    )
                    .help(format!(
                        "write {}",
                        listed(several.iter().map(|target| target.id.as_str()))
                    )),
                );
                None
            }
        }
    }

    /// The one of these that is called so.
    pub(super) fn one_of<'a, T>(
        &self,
        at: &At<String>,
        (code, noun): (Code, &str),
        known: impl Iterator<Item = (&'a str, T)> + Clone,
    ) -> Option<T> {
        let word = self.check.text(at, noun)?;
        let found = known.clone().find(|(name, _)| *name == word);
        if found.is_none() {
            let names = known.map(|(name, _)| name);
            self.unknown(code, at, noun, &word, names.clone(), names);
        }
        found.map(|(_, one)| one)
    }

    fn unknown<'a>(
        &self,
        code: Code,
        at: &At<String>,
        noun: &str,
        word: &str,
        near: impl IntoIterator<Item = &'a str>,
        all: impl IntoIterator<Item = &'a str>,
    ) {
        let mut problem = Problem::new(
            code,
            at.span,
            format!(
                "`{}` is not {noun} of the file that is tested",
                clean(word, 64)
            ),
        );
        if let Some(meant) = nearest(word, near) {
            problem = problem.label(format!("did you mean `{}`?", clean(meant, 64)));
        }
        // What several plans name is there once.
        let mut there: Vec<&str> = Vec::new();
        for name in all {
            if !there.contains(&name) {
                there.push(name);
            }
        }
        self.check.report(if there.is_empty() {
            problem.help("there is none in it")
        } else {
            problem.help(format!("there is: {}", listed(there)))
        });
    }

    /// The store of logs that is called so, as the target that it is.
    pub(super) fn source(
        &self,
        at: &At<String>,
        plans: &[&Plan],
    ) -> Option<(TargetId, Arc<crate::model::logs::LogSource>)> {
        let targets = plans.iter().flat_map(|plan| &plan.targets);
        let stores = targets.flat_map(|target| {
            target
                .checks
                .iter()
                .filter_map(move |check| match &check.question {
                    Question::LogStore(store) => Some((target, &store.source)),
                    Question::Health(_)
                    | Question::LogFreshness(_)
                    | Question::Roles(_)
                    | Question::Tcp(_)
                    | Question::Tls(_)
                    | Question::Dns(_)
                    | Question::Icmp(_)
                    | Question::Websocket(_)
                    | Question::Grpc(_)
                    | Question::Heartbeat(_)
                    | Question::Job(_)
                    | Question::ErrorBudget(_)
                    | Question::Http(_)
                    | Question::Metrics(_)
                    | Question::Steps(_) => None,
                })
        });
        let stores: Vec<_> = stores.collect();
        let known = stores.iter().map(|(target, source)| {
            let found = (target.id.clone(), Arc::clone(source));
            (source.name.as_str(), found)
        });
        self.one_of(at, (Code::NoSuchSource, "a log source"), known)
    }
}
