//! What happens in a script.

use std::{sync::Arc, time::Duration};

use super::{Checker, Context};
use crate::{
    config::{
        code::Code,
        decode::At,
        raw::script as raw,
        report::Problem,
        script::{Answer, Beats, Doing, Receiving, Step},
        source::Span,
        suggest::listed,
    },
    model::{
        ChannelName, CheckKind, Target,
        logs::LogStore,
        plan::Question,
        roles::Roles,
        text::{FOREIGN_MAX, clean, span},
    },
};

impl Checker<'_> {
    /// The steps in order, and in the context when they end.
    pub(super) fn steps(
        &self,
        place: Span,
        list: Vec<At<raw::Step>>,
        context: &mut Context<'_>,
    ) -> Option<Vec<Step>> {
        let mut out = Vec::new();
        let mut is_good = true;
        let mut before = Duration::ZERO;
        let last = list.len().saturating_sub(1);
        for (index, at) in list.into_iter().enumerate() {
            let span = at.span;
            let Some(step) = at.value else {
                is_good = false;
                continue;
            };
            let after = self.after(span, &step, before);
            before = after.unwrap_or(before);
            if let Some(end) = &step.end {
                is_good &= self.end(end, index == last, &step);
                context.ends_after = after;
                continue;
            }
            let doing = self.doing(span, &step, context);
            let lasts = step.r#for.as_ref().map(|at| self.moment(at, "`for`"));
            let (Some(after), Some(doing)) = (after, doing) else {
                is_good = false;
                continue;
            };
            match lasts.map(|lasts| Some((lasts?, well_again(&doing)))) {
                None => {}
                Some(Some((lasts, Some(doing)))) => out.push(Step {
                    after: after + lasts,
                    span,
                    doing,
                    is_end: true,
                }),
                Some(Some((_, None))) => {
                    self.no_length(span);
                    is_good = false;
                }
                Some(None) => is_good = false,
            }
            out.push(Step {
                after,
                span,
                doing,
                is_end: false,
            });
        }
        if context.ends_after.is_none() && is_good {
            self.check.report(
                Problem::new(Code::Missing, place, "this script has no end")
                    .help("let it end with `- { at: 20m, end: true }`"),
            );
        }
        out.sort_by_key(|step| (step.after, !step.is_end));
        is_good &= self.is_there(&out, context.ends_after);
        is_good.then_some(out)
    }

    fn after(&self, span: Span, step: &raw::Step, before: Duration) -> Option<Duration> {
        let Some(at) = &step.at else {
            self.missing(span, "at", "this step", "say when it happens: `at: 1m`");
            return None;
        };
        let after = self.moment(at, "`at`")?;
        if after < before {
            self.check.report(
                Problem::new(
                    Code::Range,
                    at.span,
                    "this step is earlier than the one above it",
                )
                .help("write the steps in the order in which they happen"),
            );
        }
        Some(after)
    }

    fn end(&self, end: &At<bool>, is_last: bool, step: &raw::Step) -> bool {
        if end.value == Some(true) && is_last && named(step).is_empty() {
            return true;
        }
        let words = if is_last {
            "the end is a step of its own: `{ at: 20m, end: true }`"
        } else {
            "the end is not the last step"
        };
        self.check.report(Problem::new(Code::Both, end.span, words));
        false
    }

    fn no_length(&self, span: Span) {
        self.check.report(
            Problem::new(Code::Both, span, "a step of this kind has no `for`")
                .help("write a second step for what follows"),
        );
    }

    /// What happens: a step is about one thing.
    fn doing(&self, span: Span, step: &raw::Step, context: &mut Context<'_>) -> Option<Doing> {
        match named(step).as_slice() {
            [] => {
                self.check.report(
                    Problem::new(Code::Missing, span, "in this step nothing happens").help(
                        "say of what: `target`, `source`, `group`, `channel`, `command`, `action`, `run`, `restart`, `reload`, `clock`, `our_network`, or `end: true`",
                    ),
                );
                None
            }
            ["target"] => self.of_target(span, step, context),
            ["source"] => self.of_source(span, step, context),
            ["group"] => self.of_group(span, step, context),
            ["channel"] => self.of_channel(span, step, context),
            ["command"] => {
                let at = step.command.as_ref()?;
                let words = clean(&self.check.text(at, "`command`")?, FOREIGN_MAX);
                self.has_only(span, step, &[])
                    .then_some(Doing::Command { words })
            }
            ["action"] => self.of_action(span, step, context),
            ["run"] => self.of_run(span, step, context),
            ["restart"] => self.of_restart(span, step),
            ["reload"] => self.of_reload(span, step, context),
            ["clock"] => self.of_clock(span, step),
            ["our_network"] => {
                let word = step.our_network.as_ref()?.value.as_ref()?;
                self.has_only(span, step, &["our_network"])
                    .then_some(Doing::OurNetwork {
                        is_up: word.0 == "up",
                    })
            }
            several => {
                self.check.report(
                    Problem::new(
                        Code::Both,
                        span,
                        format!(
                            "a step is about one thing, and this one has {}",
                            listed(several.iter().copied())
                        ),
                    )
                    .help("write one step for each"),
                );
                None
            }
        }
    }

    /// Refuses keys that belong to steps about something else.
    pub(super) fn has_only(&self, span: Span, step: &raw::Step, allowed: &[&str]) -> bool {
        let given = [
            ("all_checks", step.all_checks.is_some()),
            ("log_freshness", step.log_freshness.is_some()),
            ("heartbeat", step.heartbeat.is_some()),
            ("took", step.took.is_some()),
            ("says", step.says.is_some()),
            ("answers", step.answers.is_some()),
            ("lag", step.lag.is_some()),
            ("active", step.active.is_some()),
            ("away", step.away.is_some()),
            ("by", step.by.is_some()),
            ("in", step.r#in.is_some()),
            ("member_of", step.member_of.is_some()),
            ("confirm", step.confirm.is_some()),
            ("types", step.types.is_some()),
            ("second", step.second.is_some()),
        ];
        let checks = step.answers_of_checks().map(|(kind, _)| kind.as_str());
        let given = given
            .iter()
            .filter(|(_, is_given)| *is_given)
            .map(|(key, _)| *key);
        let wrong: Vec<_> = given
            .chain(checks)
            .filter(|key| !allowed.contains(key))
            .collect();
        if wrong.is_empty() {
            return true;
        }
        self.check.report(
            Problem::new(
                Code::Both,
                span,
                format!("{} means nothing in this step", listed(wrong)),
            )
            .help("write a step of its own for it"),
        );
        false
    }

    fn of_target(&self, span: Span, step: &raw::Step, context: &Context<'_>) -> Option<Doing> {
        let target = self.target(step.target.as_ref()?, &context.names)?;
        let says = match &step.says {
            Some(at) => Some(clean(&self.check.text(at, "`says`")?, FOREIGN_MAX)),
            None => None,
        };
        let answers: Vec<_> = step.answers_of_checks().collect();
        let given = [
            !answers.is_empty() || step.all_checks.is_some(),
            step.log_freshness.is_some(),
            step.heartbeat.is_some(),
        ];
        if given.iter().filter(|is_given| **is_given).count() != 1
            || (step.all_checks.is_some() && !answers.is_empty())
        {
            let asked: Vec<_> = target
                .checks
                .iter()
                .map(|check| check.kind.as_str())
                .collect();
            let mut keys = asked.iter().chain(&["all_checks"]);
            if keys.any(|key| self.check.findings.was_meant(span, key)) {
                return None;
            }
            self.check.report(
                Problem::new(
                    Code::Missing,
                    span,
                    "this step should say one thing of its target",
                )
                .help(format!(
                    "`all_checks: silent`, or one of its checks: {}",
                    listed(asked.iter().copied())
                )),
            );
            return None;
        }
        if let Some(at) = &step.log_freshness {
            self.has_check(at.span, target, CheckKind::LogFreshness)?;
            let is_written = at.value.as_ref()?.0 == "fresh";
            return self
                .has_only(span, step, &["log_freshness"])
                .then(|| Doing::Log {
                    target: target.id.clone(),
                    is_written,
                });
        }
        if let Some(at) = &step.heartbeat {
            self.has_check(at.span, target, CheckKind::Heartbeat)?;
            let beats = match at.value.as_ref()?.0.as_str() {
                "beating" => Beats::Beating,
                "failing" => Beats::Failing,
                _ => Beats::Silent,
            };
            return self
                .has_only(span, step, &["heartbeat", "says"])
                .then(|| Doing::Beats {
                    target: target.id.clone(),
                    beats,
                    says,
                });
        }
        self.answering(span, step, target, &answers, says)
    }

    fn answering(
        &self,
        span: Span,
        step: &raw::Step,
        target: &Arc<Target>,
        answers: &[(CheckKind, &At<raw::AnswerWord>)],
        says: Option<String>,
    ) -> Option<Doing> {
        let mut kinds = Vec::new();
        let mut word: Option<&At<raw::AnswerWord>> = step.all_checks.as_ref();
        for (kind, at) in answers {
            self.has_check(at.span, target, *kind)?;
            if word.is_some_and(|word| word.value != at.value) {
                self.check.report(
                    Problem::new(Code::Both, at.span, "two checks are answered differently")
                        .help("write one step for each"),
                );
                return None;
            }
            word = Some(at);
            kinds.push(*kind);
        }
        if step.all_checks.is_some() {
            let asked = target.checks.iter().map(|check| check.kind);
            kinds.extend(asked.filter(|kind| is_looked_at(*kind)));
        }
        let word = word?;
        if kinds.is_empty() {
            self.check.report(
                Problem::new(
                    Code::NoSuchWord,
                    word.span,
                    format!("nobody asks `{}` anything", target.title()),
                )
                .help("use `heartbeat` or `log_freshness`"),
            );
            return None;
        }
        let answer = answer_of(&word.value.as_ref()?.0)?;
        let took = match &step.took {
            Some(at) => Some(self.took(at, target, &kinds)?),
            None => None,
        };
        let mut allowed = vec!["all_checks", "took", "says"];
        allowed.extend(kinds.iter().map(|kind| kind.as_str()));
        self.has_only(span, step, &allowed).then(|| Doing::Answer {
            target: target.id.clone(),
            kinds,
            answer,
            took,
            says,
        })
    }

    fn took(
        &self,
        at: &At<super::DurationText>,
        target: &Target,
        kinds: &[CheckKind],
    ) -> Option<Duration> {
        let took = self.moment(at, "`took`")?;
        let asked = target
            .checks
            .iter()
            .filter(|check| kinds.contains(&check.kind));
        let limit = asked.map(|check| check.policy.timeout).min()?;
        if took >= limit {
            self.check.report(
                Problem::new(
                    Code::Range,
                    at.span,
                    format!("a look is given up after {}", span(limit)),
                )
                .help("write `silent` for what does not answer in time"),
            );
            return None;
        }
        Some(took)
    }

    fn has_check(&self, place: Span, target: &Target, kind: CheckKind) -> Option<()> {
        if target.checks.iter().any(|check| check.kind == kind) {
            return Some(());
        }
        let kinds: Vec<_> = target
            .checks
            .iter()
            .map(|check| check.kind.as_str())
            .collect();
        self.check.report(
            Problem::new(
                Code::NoSuchWord,
                place,
                format!("`{}` has no `{kind}`", target.title()),
            )
            .help(format!("it has: {}", listed(kinds.iter().copied()))),
        );
        None
    }

    fn of_source(&self, span: Span, step: &raw::Step, context: &Context<'_>) -> Option<Doing> {
        let (_, source) = self.source(step.source.as_ref()?, &[context.plan])?;
        if !self.has_only(span, step, &["answers", "lag"]) {
            return None;
        }
        if step.answers.is_none() && step.lag.is_none() {
            self.missing(
                span,
                "answers",
                "this step",
                "say what changes: `lag: 8m`, or `answers: silent`",
            );
            return None;
        }
        let is_push = matches!(source.store, LogStore::Push { .. });
        if let (Some(at), true) = (&step.answers, is_push) {
            self.check.report(
                Problem::new(Code::Both, at.span, "nobody asks a source that is pushed")
                    .help("let it fall behind with `lag`, or its logs fall silent with `log_freshness: stale`"),
            );
            return None;
        }
        let lag = match &step.lag {
            Some(at) if can_lag(&source.store) => Some(self.moment(at, "`lag`")?),
            Some(at) => {
                self.check.report(
                    Problem::new(
                        Code::Both,
                        at.span,
                        format!(
                            "{} has no pipeline that could be behind",
                            source.store.title()
                        ),
                    )
                    .help("let its logs fall silent with `log_freshness: stale`"),
                );
                return None;
            }
            None => None,
        };
        let answers = match &step.answers {
            Some(at) => Some(receiving(&at.value.as_ref()?.0)?),
            None => None,
        };
        Some(Doing::Source {
            source: source.name.clone(),
            answers,
            lag,
        })
    }

    fn of_group(&self, span: Span, step: &raw::Step, context: &Context<'_>) -> Option<Doing> {
        let groups = context.plan.groups.iter();
        let known = groups.map(|group| (group.name.as_str(), &group.name));
        let at = step.group.as_ref()?;
        let group = self.one_of(at, (Code::NoSuchGroup, "a group"), known)?;
        let Some(roles) = roles_of(context, group) else {
            self.check.report(
                Problem::new(
                    Code::NoSuchGroup,
                    at.span,
                    format!("nobody reads who of `{group}` is active"),
                )
                .help("its `active:` has to name a source"),
            );
            return None;
        };
        let Some(active) = &step.active else {
            self.missing(
                span,
                "active",
                "this step",
                "say who is active: `active: green`",
            );
            return None;
        };
        if !self.has_only(span, step, &["active"]) {
            return None;
        }
        let known = roles
            .members
            .iter()
            .map(|member| (member.name.as_str(), &member.target));
        let mut members = Vec::new();
        for at in &active.value.as_ref()?.0 {
            members.push(
                self.one_of(at, (Code::NoSuchTarget, "a member"), known.clone())?
                    .clone(),
            );
        }
        Some(Doing::Active {
            group: group.clone(),
            members,
        })
    }

    fn of_channel(&self, span: Span, step: &raw::Step, context: &Context<'_>) -> Option<Doing> {
        let known = context.plan.channels.keys();
        let known = known.map(|name| (name.as_str(), name));
        let at = step.channel.as_ref()?;
        let channel: &ChannelName = self.one_of(at, (Code::NoSuchChannel, "a channel"), known)?;
        let Some(answers) = &step.answers else {
            self.missing(
                span,
                "answers",
                "this step",
                "say what it does: `answers: silent`",
            );
            return None;
        };
        let answers = receiving(&answers.value.as_ref()?.0)?;
        self.has_only(span, step, &["answers"])
            .then(|| Doing::Channel {
                channel: channel.clone(),
                answers,
            })
    }
}

/// What a step is about.
fn named(step: &raw::Step) -> Vec<&'static str> {
    let given = [
        ("target", step.target.is_some()),
        ("source", step.source.is_some()),
        ("group", step.group.is_some()),
        ("channel", step.channel.is_some()),
        ("command", step.command.is_some()),
        ("action", step.action.is_some()),
        ("run", step.run.is_some()),
        ("restart", step.restart.is_some()),
        ("reload", step.reload.is_some()),
        ("clock", step.clock.is_some()),
        ("our_network", step.our_network.is_some()),
    ];
    let given = given.iter().filter(|(_, is_given)| *is_given);
    given.map(|(key, _)| *key).collect()
}

/// Whether a look asks it; the others call us, or are read from a store.
const fn is_looked_at(kind: CheckKind) -> bool {
    match kind {
        CheckKind::Health
        | CheckKind::Http
        | CheckKind::Tcp
        | CheckKind::Tls
        | CheckKind::Dns
        | CheckKind::Grpc
        | CheckKind::Icmp
        | CheckKind::Websocket
        | CheckKind::Steps
        | CheckKind::Metrics => true,
        CheckKind::LogFreshness
        | CheckKind::Heartbeat
        | CheckKind::LogStore
        | CheckKind::Roles
        | CheckKind::Job
        | CheckKind::ErrorBudget => false,
    }
}

/// Whether lines take a way into the store on which they can be held up.
const fn can_lag(store: &LogStore) -> bool {
    match store {
        LogStore::Graylog(_)
        | LogStore::Elasticsearch { .. }
        | LogStore::Loki { .. }
        | LogStore::VictoriaLogs { .. }
        | LogStore::Prometheus { .. }
        | LogStore::JournalGateway(_)
        | LogStore::Push { .. } => true,
        LogStore::File { .. }
        | LogStore::Journald { .. }
        | LogStore::Docker { .. }
        | LogStore::Kubernetes(_)
        | LogStore::HttpJson { .. } => false,
    }
}

fn answer_of(word: &str) -> Option<Answer> {
    let mut all = Answer::ALL.into_iter();
    all.find(|answer| answer.as_str() == word)
}

pub(super) fn receiving(word: &str) -> Option<Receiving> {
    let mut all = Receiving::ALL.into_iter();
    all.find(|receiving| receiving.as_str() == word)
}

/// The step that ends another one; absent if "well again" means nothing for it.
fn well_again(doing: &Doing) -> Option<Doing> {
    match doing {
        Doing::Answer { target, kinds, .. } => Some(Doing::Answer {
            target: target.clone(),
            kinds: kinds.clone(),
            answer: Answer::Ok,
            took: None,
            says: None,
        }),
        Doing::Log { target, is_written } => (!is_written).then(|| Doing::Log {
            target: target.clone(),
            is_written: true,
        }),
        Doing::Beats { target, .. } => Some(Doing::Beats {
            target: target.clone(),
            beats: Beats::Beating,
            says: None,
        }),
        Doing::Source {
            source,
            answers,
            lag,
        } => Some(Doing::Source {
            source: source.clone(),
            answers: answers.map(|_| Receiving::Ok),
            lag: lag.map(|_| Duration::ZERO),
        }),
        Doing::Channel { channel, .. } => Some(Doing::Channel {
            channel: channel.clone(),
            answers: Receiving::Ok,
        }),
        Doing::OurNetwork { is_up } => (!is_up).then_some(Doing::OurNetwork { is_up: true }),
        Doing::Run { action, .. } => Some(Doing::Run {
            action: action.clone(),
            answers: Receiving::Ok,
            took: None,
            says: None,
        }),
        Doing::Clock { by_ms } => Some(Doing::Clock { by_ms: -by_ms }),
        Doing::Active { .. }
        | Doing::Command { .. }
        | Doing::Action { .. }
        | Doing::Restart { .. }
        | Doing::Reload { .. } => None,
    }
}

fn roles_of(context: &Context<'_>, group: &crate::model::GroupName) -> Option<Arc<Roles>> {
    let mut checks = context
        .plan
        .targets
        .iter()
        .flat_map(|target| &target.checks);
    checks.find_map(|check| match &check.question {
        Question::Roles(roles) if roles.group == *group => Some(Arc::clone(roles)),
        Question::Roles(_)
        | Question::Health(_)
        | Question::LogFreshness(_)
        | Question::LogStore(_)
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
}
