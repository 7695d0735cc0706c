//! What an action does: its request, or its build.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use serde_json::Value;

use super::super::{Check, values::SecretFields};
use crate::{
    config::{
        code::Code,
        decode::{At, Named},
        raw::{AddressText, DurationText, actions as typed},
        report::Problem,
        source::Span,
    },
    model::{
        Secret,
        action::{Call, HttpCall, JenkinsCall, OwnCall},
        plan::Credentials,
        planned::{DEPLOY_MAX, LENGTH_MAX, LENGTH_MIN, PlanKind},
        text::clean,
    },
};

/// How long one answer may take.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(5);
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// How long a build may take.
const BUILD: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_mins(30);
const BUILD_DEFAULT: Duration = Duration::from_mins(30);
/// What is filled in.
const PLACEHOLDERS: [&str; 6] = ["target", "name", "group", "asker", "reason", "attempt"];
/// The longest body, in characters.
const JSON_MAX: usize = 16 * 1024;

impl Check<'_> {
    /// What is done; exactly one thing.
    pub(super) fn call(&mut self, raw: typed::Action, span: Span, who: &str) -> Option<Call> {
        let own = [
            ("silence", PlanKind::Silence, raw.silence),
            ("maintenance", PlanKind::Maintenance, raw.maintenance),
            ("deploy", PlanKind::Deploy, raw.deploy),
        ];
        let own = own.into_iter();
        let own: Vec<_> = own
            .filter_map(|(key, kind, at)| Some((key, kind, at?)))
            .collect();
        let spans = own.iter().map(|(_, _, at)| at.span);
        let calls = [
            raw.http.as_ref().map(|at| at.span),
            raw.jenkins.as_ref().map(|at| at.span),
        ];
        let mut things: Vec<_> = calls.into_iter().flatten().chain(spans).collect();
        things.sort_unstable();
        if let [first, second, ..] = things.as_slice() {
            self.report(
                Problem::new(Code::Both, *second, format!("{who} does two things"))
                    .other(*first, "and here")
                    .help("keep one of `http`, `jenkins`, `silence`, `maintenance` and `deploy`"),
            );
            return None;
        }
        if let Some(http) = raw.http {
            let call = self.http_call(http, who);
            return call.map(|call| Call::Http(Box::new(call)));
        }
        if let Some(jenkins) = raw.jenkins {
            let call = self.jenkins_call(jenkins, who);
            return call.map(|call| Call::Jenkins(Box::new(call)));
        }
        if let Some((key, kind, at)) = own.into_iter().next() {
            if let Some(grace) = raw.grace {
                self.report(
                    Problem::new(
                        Code::Action,
                        grace.span,
                        format!("{who} has a grace, and nothing goes away for a {key}"),
                    )
                    .help("remove it"),
                );
            }
            return self.own_call(key, kind, at, who).map(Call::Own);
        }
        let is_meant = ["http", "jenkins", "silence", "maintenance", "deploy"]
            .iter()
            .any(|key| self.findings.was_meant(span, key));
        if !is_meant {
            self.report(
                Problem::new(Code::Missing, span, format!("{who} does nothing")).help(
                    "add `http: { url: … }`, `jenkins: { url: …, job: … }`, or `silence: { for: 1h }`",
                ),
            );
        }
        None
    }

    /// What hekate itself does.
    fn own_call(
        &self,
        key: &str,
        kind: PlanKind,
        at: At<typed::OwnPlan>,
        who: &str,
    ) -> Option<OwnCall> {
        let span = at.span;
        let raw = at.value?;
        let Some(length) = raw.length else {
            if !self.findings.was_meant(span, "for") {
                self.report(
                    Problem::new(
                        Code::Missing,
                        span,
                        format!("the {key} of {who} has no length"),
                    )
                    .help("add `for: 30m`"),
                );
            }
            return None;
        };
        let longest = match kind {
            PlanKind::Silence | PlanKind::Maintenance => LENGTH_MAX,
            PlanKind::Deploy => DEPLOY_MAX,
        };
        let length = self.duration(&length, "`for`", LENGTH_MIN..=longest);
        Some(OwnCall {
            kind,
            length: length.value?,
        })
    }

    fn http_call(&mut self, at: At<typed::ActionHttp>, who: &str) -> Option<HttpCall> {
        let raw = at.value?;
        let url = self.called_address(raw.url.as_ref(), at.span, who);
        let headers = self.headers(raw.headers.as_ref(), who);
        let method = raw.method.as_ref();
        let method = method.map_or(Some("POST"), |at| Some(at.value.as_ref()?.0.as_str()));
        let params = self.params(raw.params.as_ref());
        let json = raw.json.as_ref().map(|at| self.json_body(at));
        let bodies = raw.json.as_ref().zip(raw.params.as_ref());
        if let Some((json, params)) = bodies.filter(|_| method != Some("GET")) {
            self.report(
                Problem::new(Code::Both, json.span, format!("{who} has two bodies"))
                    .other(params.span, "and here")
                    .help("keep one of `params` and `json`"),
            );
        }
        let credentials = self.action_credentials(&raw, who);
        let success = self.statuses(raw.success.as_ref());
        let timeout = self.length(raw.timeout.as_ref(), "`timeout`", TIMEOUT, TIMEOUT_DEFAULT);
        let ca_pem = self.roots(raw.ca_file.as_ref());
        Some(HttpCall {
            method: method?.to_owned(),
            url: url?,
            headers,
            credentials: credentials?,
            params: params?,
            json: match json {
                Some(json) => Some(json?),
                None => None,
            },
            success,
            timeout: timeout?,
            ca_pem: ca_pem?,
        })
    }

    /// Who we are; absent if it is wrong, and nothing in it if it is not said.
    #[expect(clippy::option_option, reason = "wrong is not the same as not said")]
    fn action_credentials(
        &mut self,
        raw: &typed::ActionHttp,
        who: &str,
    ) -> Option<Option<Credentials>> {
        let token = raw.bearer.as_ref().map(|at| at.span);
        let token = token.or(raw.bearer_file.as_ref().map(|at| at.span));
        if let (Some(token), Some(basic)) = (token, &raw.basic) {
            self.report(
                Problem::new(
                    Code::Both,
                    token,
                    format!("{who} says in two ways who we are"),
                )
                .other(basic.span, "and here")
                .help("keep one of `basic` and `bearer`"),
            );
            return None;
        }
        if let Some(basic) = &raw.basic {
            return self.basic(basic, who).map(Some);
        }
        let bearer = self.secret(&SecretFields {
            owner: who,
            key: "bearer",
            direct: raw.bearer.as_ref(),
            file: raw.bearer_file.as_ref(),
            in_preview: Some("preview"),
            is_optional: true,
            variable: Some("ACTION_TOKEN"),
            has_file_twin: true,
        });
        Some(bearer.map(|found| Credentials::Bearer(found.secret)))
    }

    fn jenkins_call(&mut self, at: At<typed::Jenkins>, who: &str) -> Option<JenkinsCall> {
        let raw = at.value?;
        for (key, has) in [
            ("job", raw.job.is_some()),
            ("user", raw.user.is_some()),
            ("token", raw.token.is_some() || raw.token_file.is_some()),
        ] {
            if !has && !self.findings.was_meant(at.span, key) {
                self.report(Problem::new(
                    Code::Missing,
                    at.span,
                    format!("`jenkins` of {who} has no `{key}`"),
                ));
            }
        }
        let url = self.called_address(raw.url.as_ref(), at.span, who);
        let job = raw.job.as_ref().and_then(|at| self.job(at));
        let user = raw.user.as_ref().and_then(|at| self.text(at, "`user`"));
        let owner = format!("`jenkins` of {who}");
        let token = self.secret(&SecretFields {
            owner: &owner,
            key: "token",
            direct: raw.token.as_ref(),
            file: raw.token_file.as_ref(),
            in_preview: Some("preview"),
            is_optional: false,
            variable: Some("JENKINS_TOKEN"),
            has_file_twin: true,
        });
        let params = self.params(raw.params.as_ref());
        let build_limit = raw.build_limit.as_ref();
        let build_limit = self.length(build_limit, "`build_limit`", BUILD, BUILD_DEFAULT);
        let ca_pem = self.roots(raw.ca_file.as_ref());
        let url = url?;
        Some(JenkinsCall {
            url: Secret::new(url.expose().trim_end_matches('/')),
            job: job?,
            user: user?,
            token: token?.secret,
            params: params?,
            build_limit: build_limit?,
            ca_pem: ca_pem?,
        })
    }

    /// `ops/restart`: names of folders, and the job.
    fn job(&self, at: &At<String>) -> Option<Vec<String>> {
        let text = self.text(at, "`job`")?;
        let parts: Vec<_> = text
            .trim_matches('/')
            .split('/')
            .map(str::to_owned)
            .collect();
        let is_path = |part: &String| ["", ".", "..", "job"].contains(&part.as_str());
        if parts.iter().any(is_path) || text.contains(['{', '?', '#']) {
            self.report(
                Problem::new(
                    Code::Action,
                    at.span,
                    format!("`{}` is no job of Jenkins", clean(&text, 64)),
                )
                .help("write its folders and its name, as in `ops/restart`, without `job/`"),
            );
            return None;
        }
        Some(parts)
    }

    fn length(
        &self,
        at: Option<&At<DurationText>>,
        subject: &str,
        range: RangeInclusive<Duration>,
        default: Duration,
    ) -> Option<Duration> {
        at.map_or(Some(default), |at| self.duration(at, subject, range).value)
    }

    #[expect(clippy::option_option, reason = "wrong is not the same as not said")]
    fn roots(&mut self, at: Option<&At<String>>) -> Option<Option<Arc<[u8]>>> {
        match at {
            None => Some(None),
            Some(at) => self.certificates(at, "`ca_file`").map(Some),
        }
    }

    /// An address with its placeholders, none of which can say whom we ask.
    fn called_address(
        &self,
        at: Option<&At<AddressText>>,
        span: Span,
        who: &str,
    ) -> Option<Secret> {
        let Some(at) = at else {
            if !self.findings.was_meant(span, "url") {
                self.report(
                    Problem::new(Code::Missing, span, format!("{who} has no `url`"))
                        .help("add `url: https://jenkins.example.test/…`"),
                );
            }
            return None;
        };
        let filled = self.filled(at.span, &at.value.as_ref()?.0, "url", false)?;
        let text = filled.text;
        self.placeholders(at.span, &text)?;
        let host_ends = text
            .find("://")
            .and_then(|at| Some(at + 3 + text[at + 3..].find('/')?));
        let first = text.find('{');
        if let Some(first) = first
            && host_ends.is_none_or(|end| first < end)
        {
            self.report(
                Problem::new(
                    Code::Placeholder,
                    at.span,
                    format!("the host of {who} is not fixed"),
                )
                .help("placeholders work behind the host, in the path and after `?`"),
            );
            return None;
        }
        let mut sample = text.clone();
        for name in PLACEHOLDERS {
            sample = sample.replace(&format!("{{{name}}}"), "x");
        }
        self.url(
            self.inner(at.span),
            &sample,
            !filled.has_variables && sample == text,
            who,
        )?;
        Some(Secret::new(text))
    }

    fn params(&self, at: Option<&At<Named<String>>>) -> Option<Vec<(String, String)>> {
        let Some(at) = at else {
            return Some(Vec::new());
        };
        let Named(list) = at.value.as_ref()?;
        let mut out = Vec::new();
        for (key, at) in list {
            let key = self.text(key, "the name of a parameter")?;
            let value = at.value.as_deref()?;
            if !self.has_no_variable(at.span, value, "this value") {
                return None;
            }
            self.placeholders(at.span, value)?;
            out.push((key, value.to_owned()));
        }
        Some(out)
    }

    fn json_body(&self, at: &At<String>) -> Option<Value> {
        let text = at.value.as_deref()?;
        if !self.has_no_variable(at.span, text, "the body") {
            return None;
        }
        let value = match serde_json::from_str::<Value>(text) {
            Ok(value) if text.len() <= JSON_MAX => value,
            Ok(_) => {
                self.report(
                    Problem::new(Code::TooMuch, at.span, "`json` is too long")
                        .help(format!("{JSON_MAX} characters at most")),
                );
                return None;
            }
            Err(error) => {
                self.report(
                    Problem::new(Code::Action, at.span, "`json` is no JSON")
                        .label(clean(&error.to_string(), 120))
                        .help(r#"write it as text: json: '{"instance": "{name}"}'"#),
                );
                return None;
            }
        };
        self.texts(at.span, &value)?;
        Some(value)
    }

    /// Looks at every text in it, for only there something is filled in.
    fn texts(&self, span: Span, value: &Value) -> Option<()> {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Some(()),
            Value::String(text) => self.placeholders(span, text),
            Value::Array(items) => items
                .iter()
                .try_for_each(|item| self.texts(span, item).ok_or(()))
                .ok(),
            Value::Object(map) => map
                .values()
                .try_for_each(|item| self.texts(span, item).ok_or(()))
                .ok(),
        }
    }

    /// Refuses a word in braces that is not filled in.
    fn placeholders(&self, span: Span, text: &str) -> Option<()> {
        for (at, _) in text.match_indices('{') {
            let rest = &text[at + 1..];
            let Some(end) = rest.find('}') else { continue };
            let word = &rest[..end];
            let is_word =
                !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            if is_word && !PLACEHOLDERS.contains(&word) {
                self.report(
                    Problem::new(
                        Code::Placeholder,
                        self.piece(span, &format!("{{{word}}}")),
                        format!("nothing is filled in for `{{{}}}`", clean(word, 40)),
                    )
                    .help("there is {target}, {name}, {group}, {asker}, {reason} and {attempt}"),
                );
                return None;
            }
        }
        Some(())
    }
}
