//! `jobs:` work that runs by itself at its times and calls us.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use chrono_tz::Tz;

use super::{
    Check,
    channels::{Channels, OnCalls},
    targets::{Groups, Others},
    timing::Layer,
    values::SecretFields,
};
use crate::{
    config::{
        code::Code,
        decode::{At, Named, OneOrMany},
        raw::jobs as raw,
        report::Problem,
        source::Span,
    },
    model::{
        ChannelName, Check as Asked, CheckKind, Group, GroupName, OnCallName, Policy, Route,
        Secret, Severity, Target, TargetId, Timestamp,
        calendar::Recurring,
        job::{GROUP, JobKeys, JobQuestion, Rhythm},
        judgement::Count,
        plan::{Matcher, OnCall, Question, Server},
        text::{FOREIGN_MAX, clean},
    },
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);
/// What an unset token is in a preview.
const STAND_IN: &str = "preview-preview-preview";
/// The board has to hear this often that somebody listens.
const LISTEN_EVERY: Duration = Duration::from_secs(30);
const PERIOD: RangeInclusive<Duration> = MINUTE..=Duration::from_hours(365 * 24);
/// A time from which the gap between two runs is measured.
const MEASURED_FROM: Timestamp = Timestamp::from_millis(1_767_225_600_000);
/// What stands in a path behind a job, so that no job can be called like it.
const SUFFIXES: [&str; 3] = ["start", "fail", "log"];

/// The names that jobs refer to, and the groups, of which they are one.
type Names<'a> = (&'a mut Channels, &'a mut OnCalls, &'a mut Groups);

impl Check<'_> {
    pub(super) fn jobs(
        &mut self,
        at: Option<At<Named<raw::Job>>>,
        server: &Server,
        defaults: &Layer,
        (channels, on_call, groups): Names<'_>,
    ) -> Others {
        let mut out = Others::default();
        let Some(At {
            span: whole,
            value: Some(Named(named)),
        }) = at
        else {
            return out;
        };
        if named.is_empty() {
            return out;
        }
        if groups.references.is_declared(GROUP) {
            let span = groups.references.span(GROUP).unwrap_or(whole);
            self.report(
                Problem::new(
                    Code::Name,
                    span,
                    format!("`{GROUP}` is what hekate calls the jobs"),
                )
                .other(whole, "of this section")
                .help("call your group otherwise"),
            );
        }
        groups.references.declare(GROUP, whole);
        let mut tokens: Vec<(Secret, Span)> = Vec::new();
        for (key, at) in named {
            let Some(name) = self.job_name(&key) else {
                continue;
            };
            let span = at.span;
            let Some(job) = at.value else { continue };
            let owner = format!("job `{name}`");
            let question = self.job_question(&job, span, &owner, server, &mut tokens);
            let told_in = self.job_channel(&job, &owner, channels);
            let mention = self.job_owner(&job, &owner, told_in.is_some(), on_call);
            let announces = self.announces(&job, told_in.is_some());
            let Some(mut question) = question else {
                continue;
            };
            question.told_in = told_in.clone().filter(|_| announces);
            let target = self.job_target(name, &job, defaults, question);
            if let Some(channel) = told_in {
                out.routes.push(Route {
                    matcher: Matcher {
                        targets: vec![target.id.clone()],
                        ..Matcher::default()
                    },
                    to: vec![channel],
                    mention,
                    remind_after: Vec::new(),
                    goes_on: false,
                });
            }
            out.targets.push(Arc::new(target));
        }
        let is_taken = |group: &Group| group.aliases.iter().any(|alias| alias == "jobs");
        let is_taken = groups.list.iter().any(is_taken) || groups.references.is_declared("jobs");
        out.group = Some(Group {
            is_always_active: false,
            is_production: false,
            name: GroupName::new(GROUP),
            aliases: (!is_taken)
                .then(|| String::from("jobs"))
                .into_iter()
                .collect(),
            team: None,
        });
        out
    }

    fn job_name(&self, key: &At<String>) -> Option<String> {
        let name = self.name(key, "the name of a job")?;
        if SUFFIXES.contains(&name.as_str()) || name.parse::<u16>().is_ok() {
            self.report(
                Problem::new(
                    Code::Name,
                    key.span,
                    format!("a job cannot be called `{name}`"),
                )
                .label("calls say with this word what happened, as in /ping/<key>/<job>/start")
                .help("call it by what it does"),
            );
            return None;
        }
        Some(name)
    }

    fn job_target(
        &self,
        name: String,
        raw: &raw::Job,
        defaults: &Layer,
        question: JobQuestion,
    ) -> Target {
        let group = GroupName::new(GROUP);
        let severity = raw.severity.as_ref().and_then(|at| at.value.as_ref());
        let severity = severity.and_then(|word| Severity::from_word(&word.0));
        let runbook_url = raw
            .runbook_url
            .as_ref()
            .and_then(|at| self.address(at, "`runbook_url`"));
        Target {
            id: TargetId::of(Some(&group), &name),
            name,
            group: Some(group),
            aliases: self.names(raw.aliases.as_ref()).0,
            icon: raw.icon.as_ref().and_then(|at| self.icon(at)),
            severity: severity.or(defaults.severity()).unwrap_or_default(),
            runbook_url: runbook_url.map(|url| url.as_str().to_owned()),
            was: None,
            depends_on: Vec::new(),
            checks: vec![Asked {
                kind: CheckKind::Job,
                policy: Policy {
                    interval: LISTEN_EVERY,
                    timeout: LISTEN_EVERY / 2,
                    count: Some(Count { failures: 1, of: 1 }),
                    successes: 1,
                    slow_after: LISTEN_EVERY / 2,
                    ..Policy::default()
                },
                question: Question::Job(Arc::new(question)),
            }],
        }
    }

    fn job_question(
        &mut self,
        raw: &raw::Job,
        span: Span,
        owner: &str,
        server: &Server,
        tokens: &mut Vec<(Secret, Span)>,
    ) -> Option<JobQuestion> {
        let rhythm = self.rhythm(raw, span, owner, server.timezone);
        let grace = raw
            .grace
            .as_ref()
            .map(|at| self.duration(at, "`grace`", SECOND..=DAY * 7).value);
        let max_runtime = raw
            .max_runtime
            .as_ref()
            .map(|at| self.duration(at, "`max_runtime`", SECOND..=DAY * 30).value);
        let third_party = raw.third_party.as_ref();
        let third_party = third_party.and_then(|at| self.text(at, "`third_party`"));
        let third_party_exit_codes = self.exit_codes(raw);
        let own = self.job_token(raw, owner, tokens);
        let keys = JobKeys {
            own: own?,
            server: server.token.clone(),
            ping: server.ping_key.clone(),
        };
        let is_callable = keys.own.is_some() || keys.server.is_some() || keys.ping.is_some();
        if !is_callable && !self.environment.preview {
            self.report(
                Problem::new(
                    Code::Missing,
                    span,
                    format!("nobody could call: {owner} has no `token`, and `server` has neither a `ping_key` nor a `token`"),
                )
                .help("add `ping_key: \"${HEKATE_PING_KEY}\"` to `server`; jobs then call /ping/<key>/<job>"),
            );
        }
        let rhythm = rhythm?;
        let grace = match grace {
            Some(grace) => grace?,
            None => (rhythm.gap(MEASURED_FROM) / 10).clamp(MINUTE, MINUTE * 60),
        };
        Some(JobQuestion {
            rhythm,
            grace,
            max_runtime: match max_runtime {
                Some(max) => Some(max?),
                None => None,
            },
            third_party: third_party.map(|name| clean(&name, FOREIGN_MAX / 5)),
            third_party_exit_codes,
            told_in: None,
            keys,
        })
    }

    fn exit_codes(&self, raw: &raw::Job) -> Vec<u8> {
        let codes = raw.third_party_exit_codes.as_ref();
        let codes = codes.and_then(|at| at.value.as_ref());
        let mut out = Vec::new();
        for at in codes.map_or(&[][..], |OneOrMany(codes)| codes) {
            match at.value.map(u8::try_from) {
                Some(Ok(code)) if code > 0 => out.push(code),
                Some(_) => self.report(
                    Problem::new(Code::Range, at.span, "no failure ends with this code")
                        .help("exit codes of failures are from 1 to 255"),
                ),
                None => {}
            }
        }
        out
    }

    /// When it runs; absent if that is wrong.
    fn rhythm(&self, raw: &raw::Job, span: Span, owner: &str, zone: Tz) -> Option<Rhythm> {
        let zone = match &raw.timezone {
            Some(at) => self.timezone(at)?,
            None => zone,
        };
        match (&raw.schedule, &raw.period) {
            (Some(schedule), None) => {
                let line = self.text(schedule, "`schedule`")?;
                let (line, _): (Recurring, _) =
                    self.cron(&line, schedule.span, owner, zone, Duration::ZERO)?;
                Some(Rhythm::Cron(line))
            }
            (None, Some(period)) => {
                let period = self.duration(period, "`period`", PERIOD).value?;
                Some(Rhythm::Every(period))
            }
            (Some(schedule), Some(period)) => {
                self.report(
                    Problem::new(
                        Code::Both,
                        period.span,
                        format!("{owner} has both a `schedule` and a `period`"),
                    )
                    .other(schedule.span, "and here")
                    .help("keep `schedule` if it runs at certain times, `period` if it runs so long after its last sign"),
                );
                None
            }
            (None, None) => {
                let mut keys = ["schedule", "period"].iter();
                if !keys.any(|key| self.findings.was_meant(span, key)) {
                    self.report(
                        Problem::new(
                            Code::Missing,
                            span,
                            format!("{owner} does not say when it runs"),
                        )
                        .help("add `schedule: \"0 */2 * * *\"`, or `period: 2h`"),
                    );
                }
                None
            }
        }
    }

    /// Its own token, if it has one; absent as a whole if that is wrong.
    #[expect(clippy::option_option, reason = "having none is no mistake")]
    fn job_token(
        &mut self,
        raw: &raw::Job,
        owner: &str,
        tokens: &mut Vec<(Secret, Span)>,
    ) -> Option<Option<Secret>> {
        if raw.token.is_none() && raw.token_file.is_none() {
            return Some(None);
        }
        let found = self.key(&SecretFields {
            owner,
            key: "token",
            direct: raw.token.as_ref(),
            file: raw.token_file.as_ref(),
            in_preview: Some(STAND_IN),
            is_optional: false,
            variable: Some("HEKATE_JOB_TOKEN"),
            has_file_twin: true,
        })?;
        let twin = tokens.iter().find(|(known, _)| *known == found.secret);
        if let Some((_, first)) = twin.filter(|_| !found.is_stand_in) {
            self.report(
                Problem::new(
                    Code::Twice,
                    found.span,
                    format!("{owner} has the token of another job, so a call could mean either"),
                )
                .other(*first, "the other one"),
            );
            return None;
        }
        tokens.push((found.secret.clone(), found.span));
        Some(Some(found.secret))
    }

    fn job_channel(
        &self,
        raw: &raw::Job,
        owner: &str,
        channels: &mut Channels,
    ) -> Option<ChannelName> {
        let at = raw.channel.as_ref()?;
        let channel = self.text(at, "`channel`")?;
        let who = format!("{owner} tells `{}`", clean(&channel, 64));
        channels
            .references
            .refer(&channel, at.span, who)
            .then(|| ChannelName::new(channel))
    }

    /// Whether each run is told.
    fn announces(&self, raw: &raw::Job, has_channel: bool) -> bool {
        let Some(at) = &raw.announce else {
            return true;
        };
        if !has_channel && raw.channel.is_none() {
            self.report(
                Problem::new(
                    Code::Missing,
                    at.span,
                    "`announce` is about `channel`, and there is none",
                )
                .help("add `channel:`, or remove `announce`"),
            );
        }
        match self.text(at, "`announce`").as_deref() {
            Some("failures") => false,
            Some("runs") | None => true,
            Some(other) => {
                self.report(
                    Problem::new(
                        Code::WrongType,
                        at.span,
                        format!(
                            "`announce` is `runs` or `failures`, not `{}`",
                            clean(other, 32)
                        ),
                    )
                    .help("`runs` tells each run as one message, `failures` only what goes wrong"),
                );
                true
            }
        }
    }

    /// Who is mentioned: an entry of `on_call`, or somebody by Slack's id, who becomes one that no key can name.
    fn job_owner(
        &self,
        raw: &raw::Job,
        owner: &str,
        has_channel: bool,
        on_call: &mut OnCalls,
    ) -> Option<OnCallName> {
        let at = raw.owner.as_ref()?;
        if !has_channel && raw.channel.is_none() {
            self.report(
                Problem::new(
                    Code::Missing,
                    at.span,
                    format!("the owner of {owner} is mentioned in its `channel`, and it has none"),
                )
                .help("add `channel:`, or let a route mention somebody"),
            );
            return None;
        }
        let text = self.text(at, "`owner`")?;
        // As in `allow:` of an action; a word in capitals without a digit is more likely a name that nobody declared.
        let is_id = text.len() >= 3
            && text.starts_with(['U', 'W', 'S'])
            && text.bytes().any(|b| b.is_ascii_digit())
            && text
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !is_id || on_call.references.is_declared(&text) {
            let who = format!("{owner} belongs to `{}`", clean(&text, 64));
            return on_call
                .references
                .refer(&text, at.span, who)
                .then(|| OnCallName::new(text));
        }
        let name = OnCallName::new(format!("@{text}"));
        let is_group = text.starts_with('S');
        let entry = OnCall {
            name: name.clone(),
            user_group: is_group.then(|| text.clone()),
            users: (!is_group).then_some(text).into_iter().collect(),
            rota: None,
            quiet_hours: None,
        };
        on_call.on_call.insert(name.clone(), entry);
        Some(name)
    }
}
