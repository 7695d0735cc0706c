//! `http:` of a target.

use std::{sync::Arc, time::Duration};

use http::HeaderName;
use regex::RegexBuilder;

use super::{
    Check,
    health::word,
    timing::{Complaints, Fields, Layer},
    values::SecretFields,
};
use crate::{
    config::{
        code::Code,
        decode::{At, Named, OneOrMany, TextOr},
        raw::{self, AddressText, SecretText, http as typed},
        report::Problem,
        source::Span,
    },
    model::{
        Check as Asked, CheckKind, Secret,
        http::{Expect, HttpQuestion, Pattern},
        plan::Question,
        text::clean,
    },
};

/// The most memory that one regular expression may take, in bytes.
const PATTERN_BYTES_MAX: usize = 256 * 1024;
/// The longest body that is read.
const BODY_BYTES_MAX: u32 = 256 * 1024;

impl Check<'_> {
    /// One request, and what its answer has to be.
    pub(super) fn http(
        &mut self,
        at: &At<TextOr<typed::Http>>,
        target: &str,
        layers: &[&Layer],
        complaints: &mut Complaints,
    ) -> Option<Asked> {
        let raw = section(at)?;
        let subject = format!("`http` of `{}`", clean(target, 64));
        let own = self.layer(&Fields {
            interval: raw.interval.as_ref(),
            timeout: raw.timeout.as_ref(),
            confirm: None,
            failures: None,
            successes: None,
            slow_after: None,
            severity: None,
        });
        let layers: Vec<&Layer> = [&own].into_iter().chain(layers.iter().copied()).collect();
        let (policy, _severity) = self.policy(&layers, target, complaints);
        let question = self.http_question(&raw, at.span, &subject, policy.timeout);
        Some(Asked {
            kind: CheckKind::Http,
            policy,
            question: Question::Http(Arc::new(question?)),
        })
    }

    /// One request that may take so long; `subject` is what it is, for people.
    pub(super) fn http_question(
        &mut self,
        raw: &typed::Http,
        span: Span,
        subject: &str,
        timeout: Duration,
    ) -> Option<HttpQuestion> {
        let health = At {
            span,
            value: Some(TextOr::Section(raw::Health {
                url: raw.url.clone(),
                headers: raw.headers.clone(),
                basic: raw.basic.clone(),
                bearer: raw.bearer.clone(),
                bearer_file: raw.bearer_file.clone(),
                connection: raw.connection.clone(),
                http_version: raw.http_version.clone(),
                ip: raw.ip.clone(),
                all_addresses: raw.all_addresses.clone(),
                tls: raw.tls.clone(),
                ..raw::Health::default()
            })),
        };
        let asked = self.asked(&health, subject);
        let body = self.sent(raw.body.as_ref(), subject);
        let follow_redirects = raw
            .follow_redirects
            .as_ref()
            .map(|at| self.whole(at, "`follow_redirects`", 0..=10).value);
        let expect = self.expect(raw.expect.as_ref(), timeout);
        Some(HttpQuestion {
            asked: Arc::new(asked?),
            method: word(raw.method.as_ref(), |word| Some(word.0.clone()))
                .unwrap_or_else(|| String::from("GET")),
            body,
            expect,
            follow_redirects: match follow_redirects {
                Some(count) => count?,
                None => 0,
            },
        })
    }

    /// What is sent; it may hold a secret.
    fn sent(&mut self, at: Option<&At<SecretText>>, subject: &str) -> Option<Secret> {
        let found = self.secret(&SecretFields {
            owner: subject,
            key: "body",
            direct: Some(at?),
            file: None,
            in_preview: Some("preview"),
            is_optional: true,
            variable: None,
            has_file_twin: false,
        })?;
        Some(found.secret)
    }

    fn expect(&self, at: Option<&At<typed::Expect>>, timeout: Duration) -> Expect {
        let default = typed::Expect::default();
        let raw = at.and_then(|at| at.value.as_ref()).unwrap_or(&default);
        let headers = raw
            .header
            .as_ref()
            .and_then(|at| at.value.as_ref())
            .map_or(&[][..], |Named(list)| list);
        let headers = headers
            .iter()
            .filter_map(|(key, at)| {
                let name = self.expected_header(key);
                let pattern = self.pattern(at, "the value of a header");
                Some((name?, pattern?))
            })
            .collect();
        let conditions = raw
            .json
            .as_ref()
            .and_then(|at| at.value.as_ref())
            .map_or(&[][..], |OneOrMany(list)| list);
        let json = conditions
            .iter()
            .filter_map(|at| self.json_condition(at))
            .collect();
        let millisecond = Duration::from_millis(1);
        Expect {
            statuses: self.statuses(raw.status.as_ref()),
            headers,
            json,
            body: raw.body.as_ref().and_then(|at| self.pattern(at, "`body`")),
            max_bytes: raw.max_bytes.as_ref().and_then(|at| self.max_bytes(at)),
            max_duration: raw.max_duration.as_ref().and_then(|at| {
                self.duration(at, "`max_duration`", millisecond..=timeout)
                    .value
            }),
            is_mild: word(raw.then.as_ref(), |word| Some(word.0 == "degraded")).unwrap_or(false),
        }
    }

    pub(super) fn expected_header(&self, key: &At<String>) -> Option<String> {
        let name = key.value.as_deref()?;
        if HeaderName::from_bytes(name.as_bytes()).is_ok() {
            return Some(name.to_owned());
        }
        self.report(Problem::new(
            Code::Header,
            key.span,
            format!("`{}` is not the name of a header", clean(name, 64)),
        ));
        None
    }

    fn max_bytes(&self, at: &At<u32>) -> Option<u32> {
        let value = at.value?;
        if (1..=BODY_BYTES_MAX).contains(&value) {
            return Some(value);
        }
        self.report(Problem::new(
            Code::Range,
            at.span,
            format!("`max_bytes` must be 1 to {BODY_BYTES_MAX}"),
        ));
        None
    }

    pub(super) fn statuses(
        &self,
        at: Option<&At<OneOrMany<typed::StatusText>>>,
    ) -> Vec<(u16, u16)> {
        let list = at
            .and_then(|at| at.value.as_ref())
            .map_or(&[][..], |OneOrMany(list)| list);
        let mut out = Vec::new();
        for at in list {
            let Some(typed::StatusText(text)) = &at.value else {
                continue;
            };
            match range(text.trim()) {
                Some(range) => out.push(range),
                None => self.report(
                    Problem::new(
                        Code::Range,
                        at.span,
                        format!("`{}` is no status code", clean(text, 40)),
                    )
                    .help("write `200`, `2xx`, `200-204`, or a list of these"),
                ),
            }
        }
        if out.is_empty() {
            out.push((200, 299));
        }
        out
    }

    pub(super) fn pattern(&self, at: &At<String>, subject: &str) -> Option<Pattern> {
        let text = self.text(at, subject)?;
        match RegexBuilder::new(&text)
            .size_limit(PATTERN_BYTES_MAX)
            .build()
        {
            Ok(regex) => Some(Pattern(regex)),
            Err(error) => {
                let why = if matches!(error, regex::Error::CompiledTooBig(_)) {
                    String::from("it is too large")
                } else {
                    // The last line says what is wrong, those before show where.
                    let text = error.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    clean(last.trim_start_matches("error: "), 100)
                };
                self.report(
                    Problem::new(
                        Code::Condition,
                        at.span,
                        "this regular expression cannot be understood",
                    )
                    .label(why)
                    .help(
                        "characters such as . * + ? ( [ { stand for themselves after a backslash",
                    ),
                );
                None
            }
        }
    }
}

/// The section, of which a text is the address.
pub(super) fn section(at: &At<TextOr<typed::Http>>) -> Option<typed::Http> {
    Some(match at.value.as_ref()? {
        TextOr::Text(text) => typed::Http {
            url: Some(At {
                span: at.span,
                value: Some(AddressText(text.clone())),
            }),
            ..typed::Http::default()
        },
        TextOr::Section(raw) => raw.clone(),
    })
}

fn range(text: &str) -> Option<(u16, u16)> {
    let code = |text: &str| {
        let code: u16 = text.trim().parse().ok()?;
        (100..=599).contains(&code).then_some(code)
    };
    if let Some(class) = text.strip_suffix("xx") {
        let first = class
            .parse::<u16>()
            .ok()
            .filter(|class| (1..=5).contains(class))?
            * 100;
        return Some((first, first + 99));
    }
    match text.split_once('-') {
        Some((first, last)) => {
            Some((code(first)?, code(last)?)).filter(|(first, last)| first <= last)
        }
        None => code(text).map(|code| (code, code)),
    }
}
