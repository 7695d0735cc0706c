//! `steps:` of a target: requests in order, and the values that they hand on.

use std::{sync::Arc, time::Duration};

use serde_json_path::JsonPath;

use super::{
    Check,
    http::section,
    timing::{Complaints, Fields, Layer},
};
use crate::{
    config::{
        code::Code,
        decode::{At, ListOr, Named, OneOrMany, TextOr},
        raw::{AddressText, Basic, SecretText, http::Http, steps as typed},
        report::Problem,
        source::Span,
        suggest::{listed, nearest},
        template::{Placeholder, filled, placeholders},
    },
    model::{
        Check as Asked, CheckKind, Secret,
        plan::Question,
        steps::{Extract, Place, Step, StepsQuestion},
        text::clean,
    },
};

/// Names that stand for something else where a target is made from a list or a range.
const RESERVED: [&str; 3] = ["each", "address", "host"];
/// What stands in an address in place of a value, to see whether the address can be right.
const STAND_IN: &str = "1";
/// The longest name of a value, in bytes.
const NAME_MAX: usize = 64;

/// A value that some step extracts.
struct Declared {
    name: String,
    span: Span,
    /// The step, from 0 on.
    step: usize,
    is_used: bool,
}

impl Check<'_> {
    /// A short scenario.
    pub(super) fn steps(
        &mut self,
        at: &At<ListOr<typed::Step, typed::Steps>>,
        target: &str,
        layers: &[&Layer],
        complaints: &mut Complaints,
    ) -> Option<Asked> {
        let default = typed::Steps::default();
        let (list, raw) = match at.value.as_ref()? {
            ListOr::List(list) => (Some(list), &default),
            ListOr::Section(raw) => (raw.requests.as_ref().and_then(|at| at.value.as_ref()), raw),
        };
        let subject = format!("`steps` of `{}`", clean(target, 64));
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
        let Some(list) = list else {
            if raw.requests.is_none() && !self.findings.was_meant(at.span, "requests") {
                self.report(
                    Problem::new(
                        Code::Missing,
                        at.span,
                        format!("{subject} has no `requests`"),
                    )
                    .help("add `requests:` with `- { name: open, http: \"https://…\" }`"),
                );
            }
            return None;
        };
        let steps = self.requests(list, at.span, &subject, policy.timeout);
        Some(Asked {
            kind: CheckKind::Steps,
            policy,
            question: Question::Steps(Arc::new(StepsQuestion { steps: steps? })),
        })
    }

    fn requests(
        &mut self,
        list: &[At<typed::Step>],
        span: Span,
        subject: &str,
        whole: Duration,
    ) -> Option<Vec<Step>> {
        if list.is_empty() || list.len() > StepsQuestion::STEPS_MAX {
            self.report(Problem::new(
                Code::Range,
                span,
                format!(
                    "{subject} must be 1 to {} requests",
                    StepsQuestion::STEPS_MAX
                ),
            ));
            return None;
        }
        self.cleans_up_last(list);
        let mut declared = self.declared(list);
        let mut steps = Vec::with_capacity(list.len());
        for (number, at) in list.iter().enumerate() {
            if let Some(raw) = &at.value {
                steps.push(self.step(raw, at.span, (number, subject), whole, &mut declared));
            } else {
                steps.push(None);
            }
        }
        for value in declared.iter().filter(|value| !value.is_used) {
            self.report(
                Problem::new(
                    Code::UnusedValue,
                    value.span,
                    format!("no later step uses `{}`", value.name),
                )
                .help(format!("use it as `{{{{{}}}}}`, or remove it", value.name)),
            );
        }
        steps.into_iter().collect()
    }

    /// Steps that clean up come after all others, and there are others.
    fn cleans_up_last(&self, list: &[At<typed::Step>]) {
        let cleans = |at: &At<typed::Step>| {
            let switch = at.value.as_ref()?.cleanup.as_ref()?;
            (switch.value == Some(true)).then_some(switch.span)
        };
        let first = list.iter().position(|at| cleans(at).is_some());
        let Some((first, span)) = first.and_then(|first| Some((first, cleans(&list[first])?)))
        else {
            return;
        };
        if first == 0 {
            self.report(
                Problem::new(Code::Range, span, "there is nothing to clean up before it")
                    .help("steps that clean up come last"),
            );
        } else if let Some(after) = list[first..].iter().find(|at| cleans(at).is_none()) {
            self.report(
                Problem::new(
                    Code::Range,
                    after.span,
                    "this step comes after one that cleans up",
                )
                .other(span, "which is here")
                .help("steps that clean up come last"),
            );
        }
    }

    /// All values that are extracted, with the steps that do it.
    fn declared(&self, list: &[At<typed::Step>]) -> Vec<Declared> {
        let mut out: Vec<Declared> = Vec::new();
        for (step, at) in list.iter().enumerate() {
            let named = at.value.as_ref().and_then(|raw| raw.extract.as_ref());
            let named = named.and_then(|at| at.value.as_ref());
            for (key, _) in named.map_or(&[][..], |Named(list)| list) {
                let Some(name) = self.value_name(key) else {
                    continue;
                };
                if let Some(first) = out.iter().find(|other| other.name == name) {
                    self.report(
                        Problem::new(
                            Code::Twice,
                            key.span,
                            format!("`{name}` is extracted a second time"),
                        )
                        .other(first.span, "first here")
                        .help("give one of them another name"),
                    );
                    continue;
                }
                out.push(Declared {
                    name,
                    span: key.span,
                    step,
                    is_used: false,
                });
            }
        }
        out
    }

    fn value_name(&self, key: &At<String>) -> Option<String> {
        let name = key.value.as_deref()?;
        let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
            && name.len() <= NAME_MAX;
        let why = if RESERVED.contains(&name) {
            "stands for something else: it is what a target of a list or range is called by"
        } else if is_word {
            return Some(name.to_owned());
        } else {
            "is not a name for a value"
        };
        self.report(
            Problem::new(
                Code::Name,
                key.span,
                format!("`{}` {why}", clean(name, NAME_MAX)),
            )
            .help("use letters, digits, `_` and `-`, such as `order_id`"),
        );
        None
    }

    fn step(
        &mut self,
        raw: &typed::Step,
        span: Span,
        (number, of): (usize, &str),
        whole: Duration,
        declared: &mut [Declared],
    ) -> Option<Step> {
        let name = raw.name.as_ref().map(|at| {
            let text = self.text(at, "the name of a step")?;
            Some(clean(&text, NAME_MAX))
        });
        let subject = format!("step {} of {of}", number + 1);
        let extract = self.extracts(raw.extract.as_ref(), &subject);
        let Some(http) = &raw.http else {
            if !self.findings.was_meant(span, "http") {
                self.report(
                    Problem::new(Code::Missing, span, format!("{subject} has no `http`"))
                        .help("add `http: \"https://…\"`, or `http: { url: …, method: POST }`"),
                );
            }
            return None;
        };
        let mut http = section(http)?;
        self.has_no_rhythm(&http);
        let timeout = http.timeout.as_ref().map(|at| {
            let least = Duration::from_millis(10);
            self.duration(at, "`timeout` of a step", least..=whole)
                .value
        });
        let place = (number, &mut *declared);
        let address = self.put_values(&mut http, place);
        let limit = timeout.flatten().unwrap_or(whole);
        let request = self.http_question(&http, span, &subject, limit);
        Some(Step {
            name: match name {
                Some(name) => Some(name?),
                None => None,
            },
            request: request?,
            address,
            timeout: timeout.flatten(),
            extract: extract?,
            is_cleanup: raw.cleanup.as_ref().and_then(|at| at.value) == Some(true),
        })
    }

    /// All steps share one rhythm and one visitor's connections.
    fn has_no_rhythm(&self, http: &Http) {
        let interval = http.interval.as_ref().map(|at| ("interval", at.span));
        let connection = http.connection.as_ref().map(|at| ("connection", at.span));
        for (key, span) in [interval, connection].into_iter().flatten() {
            let help = if key == "interval" {
                "say it for all of them: `steps: { interval: 5m, requests: […] }`"
            } else {
                "each run makes its own connections, as a new visitor would"
            };
            self.report(
                Problem::new(
                    Code::Range,
                    span,
                    format!("`{key}` cannot be said of a single step"),
                )
                .help(help),
            );
        }
    }

    /// Checks the `{{…}}` in everything that is sent, and writes them in one way. The result is the address with them, if it
    /// has any; in the request something else stands in their places then.
    fn put_values(
        &self,
        http: &mut Http,
        (step, declared): (usize, &mut [Declared]),
    ) -> Option<Secret> {
        let mut secret = |at: &mut At<SecretText>| {
            if let Some(SecretText(text)) = &mut at.value {
                *text = self.understood(text, at.span, step, declared);
            }
        };
        let headers = http.headers.as_mut().and_then(|at| at.value.as_mut());
        for (_, at) in headers.map_or(&mut [][..], |Named(list)| list) {
            secret(at);
        }
        http.body.iter_mut().for_each(&mut secret);
        http.bearer.iter_mut().for_each(&mut secret);
        if let Some(Basic {
            username, password, ..
        }) = http.basic.as_mut().and_then(|at| at.value.as_mut())
        {
            username.iter_mut().for_each(&mut secret);
            password.iter_mut().for_each(&mut secret);
        }
        self.expects_no_values(http, declared);
        let at = http.url.as_mut()?;
        let AddressText(text) = at.value.as_mut()?;
        if placeholders(text).is_empty() {
            return None;
        }
        let written = self.understood(text, at.span, step, declared);
        *text = filled(&written, |_placeholder| Some(STAND_IN));
        // What is wrong with variables is said where the address is checked.
        let whole = self.environment.fill(&written).ok()?.text;
        let host_at = whole.find("://").map_or(0, |at| at + 3);
        let path_at = whole[host_at..].find(['/', '?', '#']);
        let path_at = path_at.map_or(whole.len(), |at| host_at + at);
        if whole.find("{{").is_some_and(|at| at < path_at) {
            self.report(
                Problem::new(
                    Code::Placeholder,
                    self.inner(at.span),
                    "an answer cannot choose the host that is asked next",
                )
                .label("a value stands before the path")
                .help("write the host out: \"https://shop.example.test/orders/{{order_id}}\"; `follow_redirects` follows a redirect"),
            );
            return None;
        }
        Some(Secret::new(whole))
    }

    /// A text with its placeholders written in one way; those that stand for nothing are reported.
    fn understood(&self, text: &str, span: Span, step: usize, declared: &mut [Declared]) -> String {
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for placeholder in placeholders(text) {
            self.is_known(&placeholder, span, step, declared);
            out.push_str(&text[done..placeholder.range.start]);
            out.push_str("{{");
            out.push_str(placeholder.word);
            out.push_str("}}");
            done = placeholder.range.end;
        }
        out.push_str(&text[done..]);
        out
    }

    fn is_known(
        &self,
        placeholder: &Placeholder<'_>,
        span: Span,
        step: usize,
        declared: &mut [Declared],
    ) {
        // A slip in its spelling is no second problem where the value is extracted.
        let meant = nearest(
            placeholder.word,
            declared.iter().map(|value| value.name.as_str()),
        )
        .map(str::to_owned);
        let found = declared
            .iter_mut()
            .find(|value| value.name == placeholder.word || meant.as_ref() == Some(&value.name));
        let place = self.piece(span, placeholder.whole);
        let shown = clean(placeholder.whole, NAME_MAX);
        let problem = match found {
            Some(value) if value.name == placeholder.word => {
                value.is_used = true;
                if value.step < step {
                    return;
                }
                let label = if value.step == step {
                    "only the answer of this step brings it"
                } else {
                    "a later step extracts it"
                };
                Problem::new(
                    Code::Placeholder,
                    place,
                    format!("`{shown}` is used before it is extracted"),
                )
                .label(label)
                .other(value.span, "here")
                .help("extract it in an earlier step")
            }
            Some(value) => {
                value.is_used = true;
                Problem::new(
                    Code::Placeholder,
                    place,
                    format!("no step extracts `{}`", clean(placeholder.word, NAME_MAX)),
                )
                .label(format!("did you mean `{{{{{}}}}}`?", value.name))
            }
            None => {
                let names: Vec<_> = declared
                    .iter()
                    .filter(|value| value.step < step)
                    .map(|value| value.name.as_str())
                    .collect();
                let problem = Problem::new(
                    Code::Placeholder,
                    place,
                    format!("no step extracts `{}`", clean(placeholder.word, NAME_MAX)),
                );
                if names.is_empty() {
                    problem.help("add `extract: { token: \"$.token\" }` to an earlier step")
                } else {
                    problem.help(format!("the steps before it extract {}", listed(names)))
                }
            }
        };
        self.report(problem);
    }

    /// What is expected is written out.
    fn expects_no_values(&self, http: &Http, declared: &mut [Declared]) {
        let Some(expect) = http.expect.as_ref().and_then(|at| at.value.as_ref()) else {
            return;
        };
        let named = expect.header.as_ref().and_then(|at| at.value.as_ref());
        let headers = named.map_or(&[][..], |Named(list)| list).iter();
        let json = expect.json.as_ref().and_then(|at| at.value.as_ref());
        let json = json.map_or(&[][..], |OneOrMany(list)| list).iter();
        let texts = headers.map(|(_, at)| at).chain(json).chain(&expect.body);
        for at in texts {
            for placeholder in placeholders(at.value.as_deref().unwrap_or_default()) {
                let Some(value) = declared
                    .iter_mut()
                    .find(|value| value.name == placeholder.word)
                else {
                    continue;
                };
                value.is_used = true;
                self.report(
                    Problem::new(
                        Code::Placeholder,
                        self.piece(at.span, placeholder.whole),
                        format!(
                            "`{}` is not filled in here",
                            clean(placeholder.whole, NAME_MAX)
                        ),
                    )
                    .help("values are put into addresses, headers, credentials and bodies only"),
                );
            }
        }
    }

    fn extracts(
        &self,
        at: Option<&At<Named<TextOr<typed::Extract>>>>,
        subject: &str,
    ) -> Option<Vec<Extract>> {
        let Some(at) = at else {
            return Some(Vec::new());
        };
        let Named(list) = at.value.as_ref()?;
        let all = list.iter().map(|(key, at)| {
            let place = match at.value.as_ref()? {
                TextOr::Text(text) => self.json_place(&At {
                    span: at.span,
                    value: Some(text.clone()),
                })?,
                TextOr::Section(raw) => self.place_of_value(raw, at.span, key, subject)?,
            };
            Some(Extract {
                name: key.value.clone()?,
                place,
            })
        });
        // All of them are looked at, so that every mistake is told.
        all.collect::<Vec<_>>().into_iter().collect()
    }

    fn place_of_value(
        &self,
        raw: &typed::Extract,
        span: Span,
        key: &At<String>,
        subject: &str,
    ) -> Option<Place> {
        let shown = clean(key.value.as_deref().unwrap_or_default(), NAME_MAX);
        let ways: Vec<Span> = [&raw.json, &raw.header, &raw.body]
            .into_iter()
            .flatten()
            .map(|at| at.span)
            .collect();
        let example =
            "write one of `json: \"$.token\"`, `header: X-Token` and `body: 'token=([a-z]+)'`";
        if let [first, second, ..] = ways.as_slice() {
            self.report(
                Problem::new(
                    Code::Both,
                    *second,
                    format!("`{shown}` is extracted in two ways"),
                )
                .other(*first, "and here")
                .help(example),
            );
            return None;
        }
        let was_meant = ["json", "header", "body"]
            .iter()
            .any(|key| self.findings.was_meant(span, key));
        if ways.is_empty() && !was_meant {
            self.report(
                Problem::new(
                    Code::Missing,
                    span,
                    format!("`{shown}` of {subject} says nowhere to look"),
                )
                .help(example),
            );
        }
        if let (Some(pattern), None) = (&raw.pattern, &raw.header) {
            self.report(
                Problem::new(
                    Code::Both,
                    pattern.span,
                    "`pattern` is for the value of a `header`",
                )
                .help(example),
            );
            return None;
        }
        if let Some(at) = &raw.json {
            return self.json_place(at);
        }
        if let Some(at) = &raw.body {
            return self.pattern(at, "`body`").map(Place::Body);
        }
        let name = self.expected_header(raw.header.as_ref()?)?;
        let pattern = raw.pattern.as_ref().map(|at| self.pattern(at, "`pattern`"));
        match pattern {
            Some(pattern) => Some(Place::Header(name, Some(pattern?))),
            None => Some(Place::Header(name, None)),
        }
    }

    fn json_place(&self, at: &At<String>) -> Option<Place> {
        let text = self.text(at, "what is extracted")?;
        match JsonPath::parse(text.trim()) {
            Ok(path) => Some(Place::Json(path)),
            Err(error) => {
                let why = if text.trim_start().starts_with('$') {
                    clean(&error.to_string(), 100)
                } else {
                    String::from("it begins with `$`")
                };
                self.report(
                    Problem::new(
                        Code::Condition,
                        self.inner(at.span),
                        "this JSONPath cannot be understood",
                    )
                    .label(why)
                    .help("write `token: \"$.token\"`; for a header or the text of a body: `token: { header: X-Token }`, `token: { body: 'token=([a-z]+)' }`"),
                );
                None
            }
        }
    }
}
