//! `log_sources:` and `log_freshness:`.

use std::{path::PathBuf, sync::Arc, time::Duration};

use chrono_tz::Tz;

use super::{
    Check, channels::Channels, health::word, references::References, targets::Others,
    values::SecretFields,
};
use crate::{
    config::{
        code::Code,
        decode::{At, Named, OneOrMany, TextOr},
        raw::{
            AddressText,
            logs::{self as raw, Reached, Rest},
            roles,
        },
        report::Problem,
        source::Span,
    },
    model::{
        ChannelName, Check as Asked, CheckKind, Group, GroupName, Policy, Route, Secret, Severity,
        SourceName, Target, TargetId,
        judgement::Count,
        logs::{
            Canary, CanaryPath, HttpStore, LogQuestion, LogSource, LogStore, LogStoreQuestion,
            Quiet, StoreCredentials, Subject, TimeFormat, TimePlace,
        },
        plan::{Credentials, Matcher, Question},
        text::clean,
    },
};

/// The group in which stores of logs stand beside the targets.
pub(super) const GROUP: &str = "log source";
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);
/// The shortest time that is looked back for a line.
const LOOKBACK_MIN: Duration = Duration::from_mins(15);
/// The shortest token that a caller may be known by, in characters.
const TOKEN_MIN: usize = 16;

/// The sources, and who refers to them.
pub(super) struct Sources {
    pub(super) references: References,
    list: Vec<Drafted>,
}

/// A source, its rhythm, and what targets want of it so far.
struct Drafted {
    source: Arc<LogSource>,
    policy: Policy,
    subjects: Vec<Subject>,
}

impl Sources {
    fn policy_of(&self, name: &str) -> Option<&Policy> {
        self.list
            .iter()
            .find(|drafted| drafted.source.name.as_str() == name)
            .map(|drafted| &drafted.policy)
    }
}

impl Check<'_> {
    pub(super) fn log_sources(
        &mut self,
        at: Option<At<Named<raw::LogSource>>>,
        whole: Span,
        channels: &mut Channels,
    ) -> Sources {
        let mut out = Sources {
            references: References::new("log source", Code::NoSuchSource),
            list: Vec::new(),
        };
        let is_wrong = at.as_ref().is_some_and(|at| at.value.is_none());
        if is_wrong || self.findings.was_meant(whole, "log_sources") {
            out.references.unknowable();
        }
        let named = at
            .and_then(|at| at.value)
            .map_or_else(Vec::new, |named| named.0);
        for (key, at) in named {
            if let Some(text) = &key.value {
                out.references.declare(text, key.span);
            }
            let span = at.span;
            let (Some(name), Some(raw)) = (self.name(&key, "the name of a log source"), at.value)
            else {
                continue;
            };
            if let Some(drafted) = self.log_source(&name, &raw, span, channels) {
                out.list.push(drafted);
            }
        }
        out
    }

    fn log_source(
        &mut self,
        name: &str,
        raw: &raw::LogSource,
        span: Span,
        channels: &mut Channels,
    ) -> Option<Drafted> {
        let owner = format!("log source `{}`", clean(name, 64));
        let store = self.log_store(raw, span, &owner);
        let canary = raw.canary.as_ref().and_then(|at| self.canary(at, &owner));
        let channel = raw.channel.as_ref().and_then(|at| {
            let channel = self.text(at, "`channel`")?;
            channels
                .references
                .refer(
                    &channel,
                    at.span,
                    format!("{owner} tells `{}`", clean(&channel, 64)),
                )
                .then(|| ChannelName::new(channel))
        });
        let interval = raw.interval.as_ref().and_then(|at| {
            self.duration(at, "`interval`", SECOND * 5..=MINUTE * 60)
                .value
        });
        let interval = interval.unwrap_or(SECOND * 30);
        let timeout = raw.timeout.as_ref().and_then(|at| {
            self.duration(
                at,
                "`timeout`",
                Duration::from_millis(100)..=interval.saturating_sub(SECOND),
            )
            .value
        });
        let timeout = timeout.unwrap_or_else(|| (SECOND * 5).min(interval.saturating_sub(SECOND)));
        let lag_limit = raw
            .lag_limit
            .as_ref()
            .and_then(|at| self.duration(at, "`lag_limit`", SECOND * 10..=DAY).value);
        let reorder_margin = raw.reorder_margin.as_ref().and_then(|at| {
            self.duration(at, "`reorder_margin`", Duration::ZERO..=MINUTE * 10)
                .value
        });
        let startup_grace = raw.startup_grace.as_ref().and_then(|at| {
            self.duration(at, "`startup_grace`", Duration::ZERO..=MINUTE * 60)
                .value
        });
        let store = store?;
        let is_victoria = matches!(
            store,
            LogStore::Prometheus {
                is_victoria: true,
                ..
            }
        );
        let source = LogSource {
            name: SourceName::new(name),
            lag_limit: lag_limit.unwrap_or(SECOND * if is_victoria { 120 } else { 90 }),
            reorder_margin: reorder_margin.unwrap_or(SECOND * 10),
            startup_grace: startup_grace.unwrap_or(MINUTE * 2),
            store,
            canary,
            channel,
        };
        Some(Drafted {
            source: Arc::new(source),
            policy: Policy {
                interval,
                timeout,
                count: Some(Count { failures: 2, of: 2 }),
                successes: 2,
                slow_after: timeout,
                ..Policy::default()
            },
            subjects: Vec::new(),
        })
    }

    /// Exactly one kind of store.
    fn log_store(&mut self, raw: &raw::LogSource, span: Span, owner: &str) -> Option<LogStore> {
        let kinds: [(&str, Option<Span>); 14] = [
            ("graylog", raw.graylog.as_ref().map(|at| at.span)),
            (
                "elasticsearch",
                raw.elasticsearch.as_ref().map(|at| at.span),
            ),
            ("opensearch", raw.opensearch.as_ref().map(|at| at.span)),
            ("loki", raw.loki.as_ref().map(|at| at.span)),
            ("victorialogs", raw.victorialogs.as_ref().map(|at| at.span)),
            ("prometheus", raw.prometheus.as_ref().map(|at| at.span)),
            (
                "victoriametrics",
                raw.victoriametrics.as_ref().map(|at| at.span),
            ),
            ("file", raw.file.as_ref().map(|at| at.span)),
            ("journald", raw.journald.as_ref().map(|at| at.span)),
            (
                "journal_gateway",
                raw.journal_gateway.as_ref().map(|at| at.span),
            ),
            ("docker", raw.docker.as_ref().map(|at| at.span)),
            ("kubernetes", raw.kubernetes.as_ref().map(|at| at.span)),
            ("http_json", raw.http_json.as_ref().map(|at| at.span)),
            ("push", raw.push.as_ref().map(|at| at.span)),
        ];
        let given: Vec<_> = kinds
            .iter()
            .filter_map(|(kind, span)| Some((*kind, (*span)?)))
            .collect();
        match given.as_slice() {
            [] => {
                let was_meant = kinds
                    .iter()
                    .any(|(kind, _)| self.findings.was_meant(span, kind));
                if !was_meant {
                    self.report(
                        Problem::new(Code::Missing, span, format!("{owner} has no store"))
                            .help("add one, such as `graylog: { url: \"https://graylog.example.test/api\" }`"),
                    );
                }
                None
            }
            [_] => self.the_store(raw, owner),
            [(first, place), (second, other), ..] => {
                self.report(
                    Problem::new(
                        Code::Both,
                        *other,
                        format!("{owner} is `{first}` and `{second}` at once"),
                    )
                    .other(*place, "and here")
                    .help("make two log sources of it"),
                );
                None
            }
        }
    }

    fn the_store(&mut self, raw: &raw::LogSource, owner: &str) -> Option<LogStore> {
        if let Some(at) = &raw.graylog {
            return Some(LogStore::Graylog(self.over_http(at, owner, true)?.0));
        }
        if let Some(at) = raw.elasticsearch.as_ref().or(raw.opensearch.as_ref()) {
            let (http, section) = self.over_http(at, owner, true)?;
            let text = |at: Option<&At<String>>, key: &str| self.text(at?, key);
            let index = text(section.and_then(|raw| raw.index.as_ref()), "`index`");
            let time_field = text(
                section.and_then(|raw| raw.time_field.as_ref()),
                "`time_field`",
            );
            let ingest_field = text(
                section.and_then(|raw| raw.ingest_field.as_ref()),
                "`ingest_field`",
            );
            return Some(LogStore::Elasticsearch {
                http,
                index: index.unwrap_or_else(|| String::from("logs-*")),
                time_field: time_field.unwrap_or_else(|| String::from("@timestamp")),
                ingest_field,
            });
        }
        if let Some(at) = &raw.loki {
            let (http, section) = self.over_http(at, owner, false)?;
            let tenant = section
                .and_then(|raw| raw.tenant.as_ref())
                .and_then(|at| self.text(at, "`tenant`"));
            return Some(LogStore::Loki { http, tenant });
        }
        if let Some(at) = &raw.victorialogs {
            let (http, section) = self.over_http(at, owner, false)?;
            let number = |at: Option<&At<u32>>| at.and_then(|at| at.value);
            let account = number(section.and_then(|raw| raw.account_id.as_ref()));
            let project = number(section.and_then(|raw| raw.project_id.as_ref()));
            let tenant = (account.is_some() || project.is_some())
                .then(|| (account.unwrap_or(0), project.unwrap_or(0)));
            return Some(LogStore::VictoriaLogs { http, tenant });
        }
        for (at, is_victoria) in [(&raw.prometheus, false), (&raw.victoriametrics, true)] {
            if let Some(at) = at {
                let (http, _) = self.over_http(at, owner, false)?;
                return Some(LogStore::Prometheus { http, is_victoria });
            }
        }
        if let Some(at) = &raw.journal_gateway {
            return Some(LogStore::JournalGateway(
                self.over_http(at, owner, false)?.0,
            ));
        }
        if let Some(at) = &raw.kubernetes {
            return Some(LogStore::Kubernetes(self.over_http(at, owner, false)?.0));
        }
        if let Some(at) = &raw.http_json {
            return self.http_json(at, owner);
        }
        self.local_store(raw, owner)
    }

    /// The stores that are on this machine, or that call us.
    fn local_store(&mut self, raw: &raw::LogSource, owner: &str) -> Option<LogStore> {
        if let Some(at) = &raw.file {
            let raw = at.value.as_ref()?;
            let timezone = raw.timezone.as_ref().and_then(|at| self.timezone(at));
            let grace = raw.rotation_grace.as_ref().and_then(|at| {
                self.duration(at, "`rotation_grace`", Duration::ZERO..=MINUTE * 60)
                    .value
            });
            return Some(LogStore::File {
                timezone: timezone.unwrap_or(Tz::UTC),
                rotation_grace: grace.unwrap_or(MINUTE),
            });
        }
        if let Some(at) = &raw.journald {
            let directory = at.value.as_ref()?.directory.as_ref();
            let directory = directory.and_then(|at| self.text(at, "`directory`"));
            return Some(LogStore::Journald {
                directory: directory.map(|path| self.folder.join(path)),
            });
        }
        if let Some(at) = &raw.docker {
            let socket = at.value.as_ref()?.socket.as_ref();
            let socket = socket.and_then(|at| self.text(at, "`socket`"));
            return Some(LogStore::Docker {
                socket: socket.map_or_else(|| PathBuf::from("/var/run/docker.sock"), PathBuf::from),
            });
        }
        let at = raw.push.as_ref()?;
        let span = at.span;
        let raw = at.value.as_ref()?;
        let owner = format!("`push` of {owner}");
        let token = self.push_token(raw.token.as_ref(), raw.token_file.as_ref(), &owner, span)?;
        Some(LogStore::Push { token })
    }

    /// What a caller has to know.
    pub(super) fn push_token(
        &mut self,
        direct: Option<&At<crate::config::raw::SecretText>>,
        file: Option<&At<String>>,
        owner: &str,
        span: Span,
    ) -> Option<Secret> {
        if direct.is_none() && file.is_none() && !self.findings.was_meant(span, "token") {
            self.report(
                Problem::new(Code::Missing, span, format!("{owner} has no `token`")).help(
                    "add `token: \"${HEKATE_PUSH_TOKEN}\"`; callers send it as a bearer token",
                ),
            );
        }
        let found = self.secret(&SecretFields {
            owner,
            key: "token",
            direct,
            file,
            in_preview: Some("preview-preview-preview"),
            is_optional: false,
            variable: Some("HEKATE_PUSH_TOKEN"),
            has_file_twin: true,
        })?;
        if found.secret.expose().chars().count() < TOKEN_MIN {
            self.report(
                Problem::new(
                    Code::WeakKey,
                    found.span,
                    format!("`token` of {owner} is shorter than {TOKEN_MIN} characters"),
                )
                .help("make one with `openssl rand -hex 16`"),
            );
            return None;
        }
        Some(found.secret)
    }

    fn http_json(&mut self, at: &At<raw::HttpJson>, owner: &str) -> Option<LogStore> {
        let raw = at.value.as_ref()?;
        let http = self.reach(&Reached::from(raw), raw.rest(), at.span, owner, false);
        let pointer = raw.pointer.as_ref();
        let header = raw.header.as_ref();
        let place = match (pointer, header) {
            (Some(pointer), None) => {
                let text = self.text(pointer, "`pointer`")?;
                if !text.starts_with('/') {
                    self.report(
                        Problem::new(
                            Code::Condition,
                            pointer.span,
                            format!("`{}` is not a JSON pointer", clean(&text, 64)),
                        )
                        .help("it begins with a slash: `/log/last`"),
                    );
                    return None;
                }
                TimePlace::Pointer(text)
            }
            (None, Some(header)) => TimePlace::Header(self.text(header, "`header`")?),
            (Some(pointer), Some(header)) => {
                self.report(
                    Problem::new(
                        Code::Both,
                        header.span,
                        format!("{owner} reads the time in two places"),
                    )
                    .other(pointer.span, "and here")
                    .help("keep `pointer` or `header`"),
                );
                return None;
            }
            (None, None) => {
                if !self.findings.was_meant(at.span, "pointer")
                    && !self.findings.was_meant(at.span, "header")
                {
                    self.report(
                        Problem::new(
                            Code::Missing,
                            at.span,
                            format!("{owner} does not say where the time stands"),
                        )
                        .help("add `pointer: /log/last`, or `header: Last-Modified`"),
                    );
                }
                return None;
            }
        };
        let format = word(raw.format.as_ref(), |word| {
            Some(match word.0.as_str() {
                "unix" => TimeFormat::Unix,
                "unix_ms" => TimeFormat::UnixMillis,
                "unix_us" => TimeFormat::UnixMicros,
                "unix_ns" => TimeFormat::UnixNanos,
                "age_seconds" => TimeFormat::AgeSeconds,
                _ => TimeFormat::Text,
            })
        });
        Some(LogStore::HttpJson {
            http: http?,
            place,
            format: format.unwrap_or(TimeFormat::Text),
        })
    }

    /// A store over HTTP, and its section if it is written as one.
    fn over_http<'a, T>(
        &mut self,
        at: &'a At<TextOr<T>>,
        owner: &str,
        has_own_token: bool,
    ) -> Option<(HttpStore, Option<&'a T>)>
    where
        Reached: From<&'a T>,
        T: HasRest,
    {
        match at.value.as_ref()? {
            TextOr::Text(text) => {
                let reached = Reached {
                    url: Some(At {
                        span: at.span,
                        value: Some(AddressText(text.clone())),
                    }),
                    ..Reached::default()
                };
                let http = self.reach(&reached, Rest::default(), at.span, owner, has_own_token)?;
                Some((http, None))
            }
            TextOr::Section(raw) => {
                let reached = Reached::from(raw);
                let http = self.reach(&reached, raw.rest(), at.span, owner, has_own_token)?;
                Some((http, Some(raw)))
            }
        }
    }

    pub(super) fn reach(
        &mut self,
        reached: &Reached,
        rest: Rest<'_>,
        span: Span,
        owner: &str,
        has_own_token: bool,
    ) -> Option<HttpStore> {
        if reached.url.is_none() && !self.findings.was_meant(span, "url") {
            self.report(
                Problem::new(Code::Missing, span, format!("{owner} has no `url`"))
                    .help("add `url: \"https://…\"`"),
            );
        }
        let url = reached.url.as_ref().and_then(|at| self.address(at, owner));
        let token = self.secret(&SecretFields {
            owner,
            key: "token",
            direct: reached.token.as_ref(),
            file: reached.token_file.as_ref(),
            in_preview: None,
            is_optional: true,
            variable: Some("LOG_TOKEN"),
            has_file_twin: true,
        });
        let basic = rest.basic.and_then(|at| self.basic(at, owner));
        if let (Some(found), Some(at)) = (&token, rest.basic) {
            self.report(
                Problem::new(
                    Code::Both,
                    at.span,
                    format!("{owner} says in two ways who we are"),
                )
                .other(found.span, "and here")
                .help("keep `token` or `basic`"),
            );
        }
        let headers = self.headers(rest.headers, owner);
        let is_plain = url.as_ref().is_some_and(|url| url.scheme() == "http");
        let tls = self.tls(rest.tls, is_plain.then_some("http"));
        let url = url?;
        let credentials = match (token, basic) {
            (Some(found), _) if has_own_token => Some(StoreCredentials::Token(found.secret)),
            (Some(found), _) => Some(StoreCredentials::Common(Credentials::Bearer(found.secret))),
            (None, Some(basic)) => Some(StoreCredentials::Common(basic)),
            (None, None) => None,
        };
        Some(HttpStore {
            url,
            credentials,
            headers,
            tls,
        })
    }

    fn canary(&mut self, at: &At<raw::Canary>, owner: &str) -> Option<Canary> {
        let raw = at.value.as_ref()?;
        let ways: Vec<(&str, Span)> = [
            ("gelf_http", raw.gelf_http.as_ref().map(|at| at.span)),
            ("gelf_tcp", raw.gelf_tcp.as_ref().map(|at| at.span)),
            ("loki_push", raw.loki_push.as_ref().map(|at| at.span)),
            (
                "elastic_index",
                raw.elastic_index.as_ref().map(|at| at.span),
            ),
            ("file", raw.file.as_ref().map(|at| at.span)),
            ("import", raw.import.as_ref().map(|at| at.span)),
        ]
        .into_iter()
        .filter_map(|(way, span)| Some((way, span?)))
        .collect();
        let give_up = raw
            .give_up
            .as_ref()
            .and_then(|at| self.duration(at, "`give_up`", MINUTE..=DAY).value);
        match ways.as_slice() {
            [] => {
                self.report(
                    Problem::new(
                        Code::Missing,
                        at.span,
                        format!("`canary` of {owner} has no way into the store"),
                    )
                    .help(
                        "add one, such as `gelf_http: \"http://graylog.example.test:12201/gelf\"`",
                    ),
                );
                return None;
            }
            [_] => {}
            [(first, place), (second, other), ..] => {
                self.report(
                    Problem::new(
                        Code::Both,
                        *other,
                        format!("`canary` of {owner} goes by `{first}` and `{second}` at once"),
                    )
                    .other(*place, "and here"),
                );
                return None;
            }
        }
        let subject = format!("`canary` of {owner}");
        let url = |at: &At<AddressText>| self.address(at, &subject);
        let text = |at: &At<String>, key: &str| self.text(at, key);
        let via = if let Some(at) = &raw.gelf_http {
            CanaryPath::GelfHttp(url(at)?)
        } else if let Some(at) = &raw.loki_push {
            CanaryPath::LokiPush(url(at)?)
        } else if let Some(at) = &raw.import {
            CanaryPath::Import(url(at)?)
        } else if let Some(at) = &raw.elastic_index {
            CanaryPath::ElasticIndex(text(at, "`elastic_index`")?)
        } else if let Some(at) = &raw.file {
            CanaryPath::File(self.folder.join(text(at, "`file`")?))
        } else {
            CanaryPath::GelfTcp(self.host_and_port(raw.gelf_tcp.as_ref()?)?)
        };
        Some(Canary {
            via,
            give_up: give_up.unwrap_or(MINUTE * 10),
        })
    }

    fn host_and_port(&self, at: &At<String>) -> Option<String> {
        let text = self.text(at, "`gelf_tcp`")?;
        let is_good = text.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if !is_good {
            self.report(
                Problem::new(
                    Code::Address,
                    at.span,
                    format!("`{}` is not a host and a port", clean(&text, 64)),
                )
                .help("write `graylog.example.test:12201`"),
            );
            return None;
        }
        Some(text)
    }

    /// How fresh the log of a target has to be.
    pub(super) fn log_freshness(
        &self,
        at: &At<raw::LogFreshness>,
        target: &str,
        sources: &mut Sources,
        zone: Tz,
    ) -> Option<(LogQuestion, Policy)> {
        let owner = format!("`log_freshness` of `{}`", clean(target, 64));
        let raw = at.value.as_ref()?;
        let source = self.source_of(raw, at.span, &owner, sources);
        if raw.query.is_none() && !self.findings.was_meant(at.span, "query") {
            self.report(
                Problem::new(Code::Missing, at.span, format!("{owner} has no `query`"))
                    .help("add `query:`, in the words of the store"),
            );
        }
        let query = raw.query.as_ref().and_then(|at| self.text(at, "`query`"));
        let streams = raw
            .streams
            .as_ref()
            .and_then(|at| at.value.as_ref())
            .map_or(&[][..], |OneOrMany(list)| list)
            .iter()
            .filter_map(|at| self.text(at, "a stream"))
            .collect();
        let max_age = raw
            .max_age
            .as_ref()
            .and_then(|at| self.duration(at, "`max_age`", SECOND * 10..=DAY * 30).value)
            .unwrap_or(MINUTE * 5);
        let windows = raw
            .quiet
            .as_ref()
            .and_then(|at| at.value.as_ref())
            .map_or(&[][..], |OneOrMany(list)| list);
        let quiet = windows
            .iter()
            .filter_map(|at| self.quiet(at, zone))
            .collect();
        let is_silent = word(raw.expect_when_inactive.as_ref(), |word| {
            Some(word.0 == "silent")
        });
        let source = source?;
        let policy = sources.policy_of(&source)?;
        let question = LogQuestion {
            source: SourceName::new(source.as_str()),
            subject: Subject {
                query: query?,
                streams,
                lookback: (max_age * 3).max(LOOKBACK_MIN),
            },
            max_age,
            quiet,
            is_silent_when_inactive: is_silent.unwrap_or(false),
        };
        let policy = Policy {
            successes: 1,
            ..policy.clone()
        };
        if let Some(drafted) = sources
            .list
            .iter_mut()
            .find(|drafted| drafted.source.name == question.source)
            && !drafted.subjects.contains(&question.subject)
        {
            drafted.subjects.push(question.subject.clone());
        }
        Some((question, policy))
    }

    fn source_of(
        &self,
        raw: &raw::LogFreshness,
        span: Span,
        owner: &str,
        sources: &mut Sources,
    ) -> Option<String> {
        if let Some(at) = &raw.source {
            let name = self.text(at, "`source`")?;
            let who = format!("{owner} is read from `{}`", clean(&name, 64));
            return sources
                .references
                .refer(&name, at.span, who)
                .then_some(name);
        }
        let names: Vec<String> = sources.references.names().map(String::from).collect();
        if let [only] = names.as_slice() {
            sources.references.refer(only, span, owner);
            return Some(only.clone());
        }
        if !self.findings.was_meant(span, "source") && sources.references.is_knowable() {
            let problem = Problem::new(
                Code::Missing,
                span,
                format!("{owner} does not say from which log source"),
            );
            self.report(if names.is_empty() {
                problem.help("add a section `log_sources:` with the store of your logs")
            } else {
                problem.help(format!("add `source:`, one of {}", names.join(", ")))
            });
        }
        None
    }

    fn quiet(&self, at: &At<raw::Quiet>, zone: Tz) -> Option<Quiet> {
        let raw = at.value.as_ref()?;
        let days = raw
            .days
            .as_ref()
            .and_then(|at| at.value.as_ref())
            .map_or(&[][..], |OneOrMany(list)| list)
            .iter()
            .filter_map(|at| {
                let word = &at.value.as_ref()?.0;
                let position = raw::DayWord::WORDS.iter().position(|day| day == word)?;
                u8::try_from(position).ok()
            })
            .collect();
        for (key, has) in [("from", raw.from.is_some()), ("to", raw.to.is_some())] {
            if !has && !self.findings.was_meant(at.span, key) {
                self.report(Problem::new(
                    Code::Missing,
                    at.span,
                    format!("`quiet` has no `{key}`"),
                ));
            }
        }
        let timezone = raw.timezone.as_ref().and_then(|at| self.timezone(at));
        let from = raw.from.as_ref().and_then(|at| self.minute(at));
        let to = raw.to.as_ref().and_then(|at| self.minute(at));
        Some(Quiet {
            days,
            from_minute: from?,
            to_minute: to?,
            timezone: timezone.unwrap_or(zone),
        })
    }

    /// A time of the day in minutes.
    pub(super) fn minute(&self, at: &At<String>) -> Option<u16> {
        let text = self.text(at, "a time of the day")?;
        let minute = text.split_once(':').and_then(|(hour, minute)| {
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60 || (hour, minute) == (24, 0)).then_some(hour * 60 + minute)
        });
        if minute.is_none() {
            self.report(
                Problem::new(
                    Code::ClockTime,
                    at.span,
                    format!("`{}` is not a time of the day", clean(&text, 40)),
                )
                .help("write hours and minutes in quotes: \"22:00\""),
            );
        }
        minute
    }
}

/// A section that says what else it takes to reach a store.
pub(super) trait HasRest {
    fn rest(&self) -> Rest<'_>;
}

macro_rules! has_rest {
    ($($name:path),* $(,)?) => {
        $(impl HasRest for $name {
            fn rest(&self) -> Rest<'_> {
                Self::rest(self)
            }
        })*
    };
}

has_rest!(
    raw::Store,
    raw::Graylog,
    raw::Elastic,
    raw::Loki,
    raw::VictoriaLogs,
    roles::Header,
    roles::Body,
    roles::Redirect,
    roles::Haproxy,
    roles::Traefik,
    roles::Envoy,
    roles::KubernetesService,
    roles::KubernetesEndpoints,
);

impl Sources {
    /// The stores as targets of their own, their group, and the routes to those who own them.
    pub(super) fn finish(self, check: &Check<'_>) -> Others {
        self.references.finish(check);
        let group = GroupName::new(GROUP);
        let mut targets = Vec::new();
        let mut routes = Vec::new();
        for drafted in self.list {
            let Drafted {
                source,
                policy,
                subjects,
            } = drafted;
            let name = source.name.as_str().to_owned();
            let id = TargetId::of(Some(&group), &name);
            if let Some(channel) = &source.channel {
                routes.push(Route {
                    matcher: Matcher {
                        targets: vec![id.clone()],
                        ..Matcher::default()
                    },
                    to: vec![channel.clone()],
                    mention: None,
                    remind_after: Vec::new(),
                    goes_on: false,
                });
            }
            targets.push(Arc::new(Target {
                id,
                name,
                group: Some(group.clone()),
                aliases: Vec::new(),
                icon: None,
                severity: Severity::Warning,
                runbook_url: None,
                was: None,
                depends_on: Vec::new(),
                checks: vec![Asked {
                    kind: CheckKind::LogStore,
                    policy,
                    question: Question::LogStore(Arc::new(LogStoreQuestion { source, subjects })),
                }],
            }));
        }
        let group = (!targets.is_empty()).then(|| Group {
            is_always_active: false,
            is_production: false,
            name: group,
            aliases: vec![String::from("logs")],
            team: None,
        });
        Others {
            targets,
            group,
            routes,
        }
    }
}
