//! `active:` of a group: where it is read who of its members is active.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{Check, logs::HasRest, targets::Targets};
use crate::{
    config::{
        code::Code,
        decode::{At, Named, OneOrMany, TextOr},
        raw::{
            AddressText,
            logs::{Reached, Rest},
            roles::{self as raw, Sources},
        },
        report::Problem,
        source::Span,
        suggest::{listed, nearest},
    },
    model::{
        Check as Asked, CheckKind, GroupName, Policy, Target, TargetId,
        judgement::Spans,
        logs::HttpStore,
        plan::Question,
        roles::{Member, RoleSource, Roles},
        text::clean,
    },
};

/// What the roles of a group are called beside its members.
pub(super) const NAME: &str = "roles";
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
/// None or several active ones for so long are an incident.
const WRONG_FOR: Duration = Duration::from_mins(1);

/// The section of a group, until its members are known.
pub(super) struct Drafted {
    pub(super) group: GroupName,
    pub(super) at: At<TextOr<raw::Active>>,
}

impl Check<'_> {
    /// `active: always`; another word is a mistake.
    pub(super) fn is_always(&self, at: &At<TextOr<raw::Active>>) -> bool {
        let Some(TextOr::Text(word)) = &at.value else {
            return false;
        };
        if word == "always" {
            return true;
        }
        self.report(
            Problem::new(
                Code::NoSuchWord,
                at.span,
                format!("`{}` is not a way to know who is active", clean(word, 40)),
            )
            .help("write `always`, or where to read it: { health_field: /active }"),
        );
        false
    }

    /// The roles of all groups, as targets of their own that stand behind the members.
    pub(super) fn roles(&mut self, drafted: Vec<Drafted>, targets: &mut Targets) {
        for Drafted { group, at } in drafted {
            let Some(TextOr::Section(raw)) = &at.value else {
                continue;
            };
            let members = members(&group, targets);
            let Some(roles) = self.roles_of(&group, raw, at.span, members) else {
                continue;
            };
            let field = roles.sources.iter().find_map(|source| match source {
                RoleSource::HealthField(pointer) => Some(pointer.clone()),
                RoleSource::Always
                | RoleSource::Header { .. }
                | RoleSource::Body { .. }
                | RoleSource::Redirect { .. }
                | RoleSource::HaproxyCsv { .. }
                | RoleSource::HaproxySocket { .. }
                | RoleSource::Traefik { .. }
                | RoleSource::Envoy { .. }
                | RoleSource::KubernetesService { .. }
                | RoleSource::KubernetesEndpoints { .. }
                | RoleSource::Dns { .. }
                | RoleSource::File { .. }
                | RoleSource::Command { .. }
                | RoleSource::Push { .. } => None,
            });
            if let Some(pointer) = field {
                self.read_in_health(&group, &pointer, at.span, targets);
            }
            targets.roles.push(Arc::new(target(&group, roles, targets)));
        }
    }

    fn roles_of(
        &mut self,
        group: &GroupName,
        raw: &raw::Active,
        span: Span,
        mut members: Vec<Member>,
    ) -> Option<Roles> {
        let owner = format!("`active` of `{}`", clean(group.as_str(), 64));
        if members.is_empty() {
            self.report(
                Problem::new(
                    Code::Missing,
                    span,
                    format!("{owner} is about a group without targets, so nobody can be active"),
                )
                .help("give a target `group:`, or remove `active:`"),
            );
        }
        if let Some(map) = &raw.map {
            self.map(map, &owner, &mut members);
        }
        let first = self.source(&raw.sources(), span, &owner);
        let second = raw.fallback.as_ref().and_then(|at| {
            let owner = format!("`fallback` of {owner}");
            let source = self.source(&at.value.as_ref()?.sources(), at.span, &owner)?;
            Some((source, at.span))
        });
        let every = self.span_of(raw.every.as_ref(), "`every`", (SECOND * 2, MINUTE * 60));
        let stale = self.span_of(
            raw.stale_after.as_ref(),
            "`stale_after`",
            (SECOND * 10, MINUTE * 60 * 24),
        );
        let grace = self.span_of(raw.grace.as_ref(), "`grace`", (Duration::ZERO, MINUTE * 60));
        let first = first?;
        let mut sources = vec![first];
        if let Some((source, at)) = second {
            if source.as_str() == sources[0].as_str() {
                self.report(
                    Problem::new(
                        Code::Both,
                        at,
                        format!("`fallback` of {owner} reads the same way as the first"),
                    )
                    .help("a second opinion has to come from somewhere else"),
                );
            }
            sources.push(source);
        }
        let every = every.unwrap_or(SECOND * 10);
        Some(Roles {
            group: group.clone(),
            members,
            sources,
            is_exactly_one: raw
                .exactly_one
                .as_ref()
                .and_then(|at| at.value)
                .unwrap_or(true),
            every,
            stale_after: stale.unwrap_or(MINUTE * 5).max(every * 3),
            grace: grace.unwrap_or(MINUTE * 3),
            is_announced: raw
                .announce
                .as_ref()
                .and_then(|at| at.value)
                .unwrap_or(true),
        })
    }

    fn span_of(
        &self,
        at: Option<&At<crate::config::raw::DurationText>>,
        key: &str,
        (least, most): (Duration, Duration),
    ) -> Option<Duration> {
        self.duration(at?, key, least..=most).value
    }

    /// `map:` names members, each once.
    fn map(&self, at: &At<Named<String>>, owner: &str, members: &mut [Member]) {
        let list = at.value.as_ref().map_or(&[][..], |named| &named.0);
        for (key, value) in list {
            let Some(name) = &key.value else { continue };
            let Some(called) = self.text(value, "a name in `map`") else {
                continue;
            };
            let names: Vec<String> = members.iter().map(|member| member.name.clone()).collect();
            if let Some(member) = members.iter_mut().find(|member| member.name == *name) {
                member.called = called;
                continue;
            }
            let names = || names.iter().map(String::as_str);
            let mut problem = Problem::new(
                Code::NoSuchTarget,
                key.span,
                format!(
                    "`map` in {owner} is about `{}`, which is not in this group",
                    clean(name, 64)
                ),
            );
            if let Some(meant) = nearest(name, names()) {
                problem = problem.label(format!("did you mean `{}`?", clean(meant, 64)));
            }
            self.report(problem.help(format!("there is: {}", listed(names()))));
        }
        for (index, member) in members.iter().enumerate() {
            let twin = members[..index]
                .iter()
                .find(|other| other.called == member.called);
            if let Some(twin) = twin {
                self.report(Problem::new(
                    Code::Twice,
                    at.span,
                    format!(
                        "`{}` and `{}` are both called `{}` in {owner}",
                        clean(&twin.name, 64),
                        clean(&member.name, 64),
                        clean(&member.called, 64)
                    ),
                ));
            }
        }
    }

    /// Exactly one source.
    fn source(&mut self, raw: &Sources<'_>, span: Span, owner: &str) -> Option<RoleSource> {
        let given = given(raw);
        match given.as_slice() {
            [] => {
                let was_meant = KEYS.iter().any(|key| self.findings.was_meant(span, key));
                if !was_meant {
                    self.report(
                        Problem::new(
                            Code::Missing,
                            span,
                            format!("{owner} does not say where to read who is active"),
                        )
                        .help("add one, such as `health_field: /active`"),
                    );
                }
                None
            }
            [_] => self
                .near_source(raw, owner)
                .or_else(|| self.proxy_source(raw, owner))
                .or_else(|| self.cluster_source(raw, owner)),
            [(first, place), (second, other), ..] => {
                self.report(
                    Problem::new(
                        Code::Both,
                        *other,
                        format!("{owner} is read by `{first}` and `{second}` at once"),
                    )
                    .other(*place, "and here")
                    .help("put the second one under `fallback:`"),
                );
                None
            }
        }
    }

    /// What members, files and callers say.
    fn near_source(&mut self, raw: &Sources<'_>, owner: &str) -> Option<RoleSource> {
        if let Some(at) = raw.health_field {
            return Some(RoleSource::HealthField(self.pointer(at, "/active")?));
        }
        if let Some(at) = raw.dns {
            let name = self.text(at, "`dns`")?;
            return Some(RoleSource::Dns { name });
        }
        if let Some(at) = raw.file {
            let path = self.folder.join(self.text(at, "`file`")?);
            return Some(RoleSource::File { path });
        }
        if let Some(at) = raw.command {
            let OneOrMany(words) = at.value.as_ref()?;
            let argv: Vec<String> = words
                .iter()
                .filter_map(|at| self.text(at, "a word of `command`"))
                .collect();
            if argv.is_empty() {
                self.report(
                    Problem::new(
                        Code::Empty,
                        at.span,
                        format!("`command` of {owner} is empty"),
                    )
                    .help("write a program and its arguments: [cat, /run/active]"),
                );
                return None;
            }
            return Some(RoleSource::Command { argv });
        }
        let at = raw.push?;
        let push = at.value.as_ref()?;
        let owner = format!("`push` of {owner}");
        let (token, file) = (push.token.as_ref(), push.token_file.as_ref());
        let token = self.push_token(token, file, &owner, at.span)?;
        Some(RoleSource::Push { token })
    }

    /// What stands before the members says.
    fn proxy_source(&mut self, raw: &Sources<'_>, owner: &str) -> Option<RoleSource> {
        if let Some(at) = raw.header {
            let (request, section) = self.role_address(at, owner)?;
            let name = self.wanted(section.name.as_ref(), "name", at.span, owner)?;
            if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                self.report(Problem::new(
                    Code::Header,
                    section.name.as_ref().map_or(at.span, |at| at.span),
                    format!("`{}` is not the name of a header", clean(&name, 64)),
                ));
            }
            return Some(RoleSource::Header { request, name });
        }
        if let Some(at) = raw.body {
            let (request, section) = self.asked_shortly(at, owner)?;
            let pointer = section.and_then(|section| section.pointer.as_ref());
            let pointer = match pointer {
                Some(at) => self.pointer(at, "/active")?,
                None => String::new(),
            };
            return Some(RoleSource::Body { request, pointer });
        }
        if let Some(at) = raw.redirect {
            let (request, _) = self.asked_shortly(at, owner)?;
            return Some(RoleSource::Redirect { request });
        }
        if let Some(at) = raw.haproxy_csv {
            let (request, section) = self.role_address(at, owner)?;
            let backend = self.wanted(section.backend.as_ref(), "backend", at.span, owner)?;
            let request = Arc::new(as_csv(Arc::unwrap_or_clone(request)));
            return Some(RoleSource::HaproxyCsv { request, backend });
        }
        let at = raw.haproxy_socket?;
        let section = at.value.as_ref()?;
        let address = self.wanted(section.address.as_ref(), "address", at.span, owner);
        let backend = self.wanted(section.backend.as_ref(), "backend", at.span, owner);
        let address = address?;
        let has_port = address
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        let address = if has_port {
            address
        } else {
            let path: PathBuf = self.folder.join(&address);
            path.to_string_lossy().into_owned()
        };
        Some(RoleSource::HaproxySocket {
            address,
            backend: backend?,
        })
    }

    /// What runs the members says.
    fn cluster_source(&mut self, raw: &Sources<'_>, owner: &str) -> Option<RoleSource> {
        if let Some(at) = raw.traefik {
            let (request, section) = self.role_address(at, owner)?;
            let service = self.wanted(section.service.as_ref(), "service", at.span, owner)?;
            return Some(RoleSource::Traefik { request, service });
        }
        if let Some(at) = raw.envoy {
            let (request, section) = self.role_address(at, owner)?;
            let cluster = self.wanted(section.cluster.as_ref(), "cluster", at.span, owner)?;
            return Some(RoleSource::Envoy { request, cluster });
        }
        let namespace = |at: Option<&At<String>>| match at {
            Some(at) => at.value.clone(),
            None => Some(String::from("default")),
        };
        if let Some(at) = raw.kubernetes_service {
            let (request, section) = self.role_address(at, owner)?;
            let service = self.wanted(section.service.as_ref(), "service", at.span, owner);
            let label = self.wanted(section.label.as_ref(), "label", at.span, owner);
            return Some(RoleSource::KubernetesService {
                request,
                namespace: namespace(section.namespace.as_ref())?,
                service: service?,
                label: label?,
            });
        }
        let at = raw.kubernetes_endpoints?;
        let (request, section) = self.role_address(at, owner)?;
        let service = self.wanted(section.service.as_ref(), "service", at.span, owner)?;
        Some(RoleSource::KubernetesEndpoints {
            request,
            namespace: namespace(section.namespace.as_ref())?,
            service,
        })
    }

    /// A key without which its section says nothing.
    fn wanted(
        &self,
        at: Option<&At<String>>,
        key: &str,
        span: Span,
        owner: &str,
    ) -> Option<String> {
        if let Some(at) = at {
            return self.text(at, &format!("`{key}`"));
        }
        if !self.findings.was_meant(span, key) {
            self.report(Problem::new(
                Code::Missing,
                span,
                format!("{owner} has no `{key}`"),
            ));
        }
        None
    }

    fn pointer(&self, at: &At<String>, example: &str) -> Option<String> {
        let text = self.text(at, "a JSON pointer")?;
        if text.starts_with('/') {
            return Some(text);
        }
        self.report(
            Problem::new(
                Code::Condition,
                at.span,
                format!("`{}` is not a JSON pointer", clean(&text, 64)),
            )
            .help(format!("it begins with a slash: `{example}`")),
        );
        None
    }

    fn role_address<'a, T: HasRest>(
        &mut self,
        at: &'a At<T>,
        owner: &str,
    ) -> Option<(Arc<HttpStore>, &'a T)>
    where
        Reached: From<&'a T>,
    {
        let section = at.value.as_ref()?;
        let reached = Reached::from(section);
        let http = self.reach(&reached, section.rest(), at.span, owner, false)?;
        Some((Arc::new(http), section))
    }

    fn asked_shortly<'a, T: HasRest>(
        &mut self,
        at: &'a At<TextOr<T>>,
        owner: &str,
    ) -> Option<(Arc<HttpStore>, Option<&'a T>)>
    where
        Reached: From<&'a T>,
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
                let http = self.reach(&reached, Rest::default(), at.span, owner, false)?;
                Some((Arc::new(http), None))
            }
            TextOr::Section(section) => {
                let reached = Reached::from(section);
                let http = self.reach(&reached, section.rest(), at.span, owner, false)?;
                Some((Arc::new(http), Some(section)))
            }
        }
    }

    /// Lets the looks at the members hand out what stands at this place.
    fn read_in_health(&self, group: &GroupName, pointer: &str, span: Span, targets: &mut Targets) {
        for placed in &mut targets.placed {
            if placed.target.group.as_ref() != Some(group) {
                continue;
            }
            let target = Arc::make_mut(&mut placed.target);
            let name = target.name.clone();
            let health = target.checks.iter_mut().find_map(|check| {
                if let Question::Health(question) = &mut check.question {
                    Some(Arc::make_mut(question))
                } else {
                    None
                }
            });
            match health {
                Some(health) => health.role_field = Some(pointer.to_owned()),
                None => self.report(
                    Problem::new(
                        Code::Missing,
                        placed.name,
                        format!(
                            "target `{}` has no `health` in which its role could stand",
                            clean(&name, 64)
                        ),
                    )
                    .other(span, "it is to be read in `health_field`"),
                ),
            }
        }
    }
}

/// The keys of sources.
const KEYS: [&str; 14] = [
    "health_field",
    "header",
    "body",
    "redirect",
    "haproxy_csv",
    "haproxy_socket",
    "traefik",
    "envoy",
    "kubernetes_service",
    "kubernetes_endpoints",
    "dns",
    "file",
    "command",
    "push",
];

/// The sources that are there, with their places.
fn given(raw: &Sources<'_>) -> Vec<(&'static str, Span)> {
    let spans = [
        raw.health_field.map(|at| at.span),
        raw.header.map(|at| at.span),
        raw.body.map(|at| at.span),
        raw.redirect.map(|at| at.span),
        raw.haproxy_csv.map(|at| at.span),
        raw.haproxy_socket.map(|at| at.span),
        raw.traefik.map(|at| at.span),
        raw.envoy.map(|at| at.span),
        raw.kubernetes_service.map(|at| at.span),
        raw.kubernetes_endpoints.map(|at| at.span),
        raw.dns.map(|at| at.span),
        raw.file.map(|at| at.span),
        raw.command.map(|at| at.span),
        raw.push.map(|at| at.span),
    ];
    KEYS.into_iter()
        .zip(spans)
        .filter_map(|(key, span)| Some((key, span?)))
        .collect()
}

/// The address of the table as CSV: the page's with `;csv`, as `HAProxy` wants it.
fn as_csv(mut http: HttpStore) -> HttpStore {
    let path = http.url.path();
    if !path.contains(';') {
        let path = format!("{path};csv");
        http.url.set_path(&path);
    }
    http
}

/// The targets of a group as those who may be active.
fn members(group: &GroupName, targets: &Targets) -> Vec<Member> {
    let of_group = targets
        .placed
        .iter()
        .map(|placed| &placed.target)
        .filter(|target| target.group.as_ref() == Some(group));
    of_group
        .map(|target| Member {
            target: target.id.clone(),
            name: target.name.clone(),
            called: target.name.clone(),
            address: address(target),
        })
        .collect()
}

fn address(target: &Target) -> Option<(String, u16)> {
    target
        .checks
        .iter()
        .find_map(|check| match &check.question {
            Question::Health(health) => Some((
                health.url.host_str()?.to_owned(),
                health.url.port_or_known_default()?,
            )),
            Question::LogFreshness(_)
            | Question::LogStore(_)
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
}

/// The roles of a group as a target of its own.
fn target(group: &GroupName, roles: Roles, targets: &Targets) -> Target {
    let of_group = targets
        .placed
        .iter()
        .filter(|placed| placed.target.group.as_ref() == Some(group));
    let severity = of_group.map(|placed| placed.target.severity).max();
    let every = roles.every;
    let timeout = (SECOND * 5).min(every.saturating_sub(SECOND));
    Target {
        id: TargetId::of(Some(group), NAME),
        name: NAME.to_owned(),
        group: Some(group.clone()),
        aliases: Vec::new(),
        icon: None,
        severity: severity.unwrap_or_default(),
        runbook_url: None,
        was: None,
        depends_on: Vec::new(),
        checks: vec![Asked {
            kind: CheckKind::Roles,
            policy: Policy {
                interval: every,
                timeout,
                spans: Spans {
                    explicit: WRONG_FOR,
                    refused: WRONG_FOR,
                    silent: WRONG_FOR,
                },
                count: None,
                successes: 2,
                slow_after: timeout,
            },
            question: Question::Roles(Arc::new(roles)),
        }],
    }
}
