//! The places of `discovery:` that are asked over their own protocols.

use std::path::PathBuf;

use url::Host;

use super::{Check, health::word, values::is_domain};
use crate::{
    config::{
        code::Code,
        decode::{At, TextOr},
        raw::{
            AddressText,
            discovery::{self as raw, DnsSrv, DockerSd, KubernetesSd},
            logs::{Reached, Rest},
        },
        report::Problem,
        source::Span,
    },
    model::{
        discovery::{DockerEngine, DockerPlace, KubernetesList, KubernetesPlace, Place, SrvPlace},
        text::clean,
    },
};

/// The most names, labels or namespaces of one entry.
const LIST_MAX: usize = 100;

impl Check<'_> {
    /// The place of an entry that has one.
    pub(super) fn place(&mut self, raw: &raw::Discovery, name: &str) -> Option<Place> {
        if let Some(at) = &raw.dns_srv {
            return self.dns_srv(at, name).map(Place::DnsSrv);
        }
        if let Some(at) = &raw.docker {
            return self.docker_sd(at, name).map(Place::Docker);
        }
        self.kubernetes_sd(raw.kubernetes.as_ref()?, name)
            .map(Place::Kubernetes)
    }

    fn dns_srv(&self, at: &At<TextOr<DnsSrv>>, name: &str) -> Option<SrvPlace> {
        if cfg!(not(feature = "dns")) {
            self.report(
                Problem::new(
                    Code::NotBuilt,
                    at.span,
                    "this hekate was built without `dns`",
                )
                .help("use a build with the feature `dns`, or remove the key"),
            );
            return None;
        }
        let (names, resolver) = match at.value.as_ref()? {
            TextOr::Text(text) => {
                let text = At {
                    span: at.span,
                    value: Some(text.clone()),
                };
                (vec![text], None)
            }
            TextOr::Section(raw) => {
                if raw.names.is_none() && !self.findings.was_meant(at.span, "names") {
                    self.report(
                        Problem::new(
                            Code::Missing,
                            at.span,
                            format!("`dns_srv` of `{name}` has no `names`"),
                        )
                        .help("add `names: _http._tcp.shop.example.test`"),
                    );
                }
                let names = raw.names.as_ref()?.value.as_ref()?;
                (names.0.clone(), raw.resolver.as_ref())
            }
        };
        let resolver = resolver.map(|at| self.resolver(at));
        let span = at.span;
        let names = self.listed(&names, span, "`names`", |name| {
            (!is_domain(name)).then_some("a name looks like _http._tcp.shop.example.test")
        })?;
        Some(SrvPlace {
            names,
            resolver: match resolver {
                Some(resolver) => Some(resolver?),
                None => None,
            },
        })
    }

    fn docker_sd(&mut self, at: &At<DockerSd>, name: &str) -> Option<DockerPlace> {
        let raw = at.value.as_ref()?;
        let network = raw.network.as_ref().map(|at| self.text(at, "`network`"));
        let host = raw.host.as_ref().map(|at| self.host_of_ports(at));
        let labels = match &raw.labels {
            Some(list) => list
                .value
                .as_ref()
                .and_then(|labels| self.listed(&labels.0, list.span, "`labels`", |_| None)),
            None => Some(vec![String::from("hekate.enable=true")]),
        };
        let engine = self.engine(raw, at.span, &format!("`docker` of `{name}`"))?;
        let host_of_engine = match &engine {
            DockerEngine::Http(http) => http.url.host_str().unwrap_or_default().to_owned(),
            DockerEngine::Socket(_) => String::from("127.0.0.1"),
        };
        Some(DockerPlace {
            engine,
            labels: labels?,
            is_published: word(raw.address.as_ref(), |word| Some(word.0 == "published"))
                .unwrap_or(false),
            network: match network {
                Some(network) => Some(network?),
                None => None,
            },
            host: match host {
                Some(host) => host?,
                None => host_of_engine,
            },
        })
    }

    /// Over a socket of this machine, or over TCP.
    fn engine(&mut self, raw: &DockerSd, span: Span, owner: &str) -> Option<DockerEngine> {
        if let (Some(url), Some(socket)) = (&raw.url, &raw.socket) {
            self.report(
                Problem::new(
                    Code::Both,
                    socket.span,
                    format!("{owner} has `url` and `socket`"),
                )
                .other(url.span, "and here")
                .help("keep one of them"),
            );
            return None;
        }
        let Some(url) = &raw.url else {
            if let Some(tls) = &raw.tls {
                self.report(
                    Problem::new(
                        Code::UselessTls,
                        tls.span,
                        format!("`tls` of {owner} means nothing without `url`"),
                    )
                    .help("add `url: \"https://docker.internal:2376\"`, or remove `tls`"),
                );
            }
            let socket = match &raw.socket {
                Some(at) => self.text(at, "`socket`")?,
                None => String::from("/var/run/docker.sock"),
            };
            return Some(DockerEngine::Socket(PathBuf::from(socket)));
        };
        let reached = Reached {
            url: Some(url.clone()),
            ..Reached::default()
        };
        let rest = Rest {
            tls: raw.tls.as_ref(),
            ..Rest::default()
        };
        self.reach(&reached, rest, span, owner, false)
            .map(|http| DockerEngine::Http(Box::new(http)))
    }

    /// A name or an address, as it stands in an address.
    fn host_of_ports(&self, at: &At<String>) -> Option<String> {
        let text = self.text(at, "`host`")?;
        let bare = text.parse::<std::net::Ipv6Addr>();
        let text = bare.map_or(text, |ip| format!("[{ip}]"));
        match Host::parse(&text) {
            Ok(Host::Domain(domain)) if !is_domain(&domain) => {}
            Ok(host) => return Some(host.to_string()),
            Err(_) => {}
        }
        self.report(
            Problem::new(
                Code::Address,
                at.span,
                format!("`{}` is not a host", clean(&text, 64)),
            )
            .help("write a name or an address without a port"),
        );
        None
    }

    fn kubernetes_sd(
        &mut self,
        at: &At<TextOr<KubernetesSd>>,
        name: &str,
    ) -> Option<KubernetesPlace> {
        let owner = format!("`kubernetes` of `{name}`");
        let default = KubernetesSd::default();
        let (reached, raw) = match at.value.as_ref()? {
            TextOr::Text(text) => {
                let url = At {
                    span: at.span,
                    value: Some(AddressText(text.clone())),
                };
                let reached = Reached {
                    url: Some(url),
                    ..Reached::default()
                };
                (reached, &default)
            }
            TextOr::Section(raw) => (Reached::from(raw), raw),
        };
        let server = self.reach(&reached, raw.rest(), at.span, &owner, false);
        let namespaces = match &raw.namespaces {
            Some(list) => list.value.as_ref().and_then(|namespaces| {
                self.listed(&namespaces.0, list.span, "`namespaces`", |name| {
                    (!is_namespace(name)).then_some("a namespace looks like shop-staging")
                })
            }),
            None => Some(Vec::new()),
        };
        let selector = match &raw.selector {
            Some(at) => self.text(at, "`selector`"),
            None => Some(String::new()),
        };
        Some(KubernetesPlace {
            server: server?,
            list: word(raw.list.as_ref(), |word| KubernetesList::from_word(&word.0))
                .unwrap_or_default(),
            namespaces: namespaces?,
            selector: selector?,
        })
    }

    /// The texts of a list that is not empty; `why_not` says how a text should look.
    fn listed(
        &self,
        list: &[At<String>],
        span: Span,
        key: &str,
        why_not: impl Fn(&str) -> Option<&'static str>,
    ) -> Option<Vec<String>> {
        if list.is_empty() || list.len() > LIST_MAX {
            self.report(Problem::new(
                Code::Empty,
                span,
                format!(
                    "{key} has {} entries, 1 to {LIST_MAX} are possible",
                    list.len()
                ),
            ));
            return None;
        }
        let mut out = Some(Vec::new());
        for at in list {
            let text = self.text(at, key);
            let wrong = text.as_deref().and_then(&why_not);
            if let (Some(text), Some(how)) = (&text, wrong) {
                self.report(
                    Problem::new(
                        Code::Address,
                        at.span,
                        format!("`{}` cannot be one of {key}", clean(text, 64)),
                    )
                    .help(how),
                );
            }
            match (text, wrong, &mut out) {
                (Some(text), None, Some(out)) => out.push(text),
                _ => out = None,
            }
        }
        out
    }
}

/// It becomes a part of a path. Source: RFC 1123, as Kubernetes asks for.
fn is_namespace(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
