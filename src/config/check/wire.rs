//! `tcp:`, `tls:`, `dns:`, `icmp:`, `websocket:` and `grpc:` of a target.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use url::Url;

use super::{
    Check,
    health::word,
    timing::{Complaints, Fields, Layer},
    values::SecretFields,
};
use crate::{
    config::{
        code::Code,
        decode::{At, OneOrMany, SwitchOr, TextOr},
        raw::{self, DurationText, SecretText},
        report::Problem,
        source::Span,
    },
    model::{
        Check as Asked, CheckKind, Secret,
        plan::{IpFamily, Question, TlsSettings},
        text::clean,
        wire::{
            DnsQuestion, Expected, GrpcQuestion, IcmpQuestion, RecordKind, StartTls, TcpQuestion,
            TlsQuestion, WebsocketQuestion,
        },
    },
};

/// The port of `tls` if none is written.
const HTTPS_PORT: u16 = 443;
/// The port of a resolver if none is written.
const DNS_PORT: u16 = 53;

impl Check<'_> {
    /// The checks of a target that have a section in this file.
    pub(super) fn wire_checks(
        &mut self,
        raw: &raw::Target,
        target: &str,
        layers: &[&Layer],
        complaints: &mut Complaints,
    ) -> Vec<Asked> {
        let mut out = Vec::new();
        macro_rules! ask {
            ($key:ident, $kind:ident, $of:ident) => {
                if let Some(at) = &raw.$key
                    && self.is_built(CheckKind::$kind, at.span)
                {
                    let own = match &at.value {
                        Some(TextOr::Section(raw)) => {
                            self.own_layer(raw.interval.as_ref(), raw.timeout.as_ref())
                        }
                        Some(TextOr::Text(_)) | None => Layer::default(),
                    };
                    let layers: Vec<&Layer> =
                        [&own].into_iter().chain(layers.iter().copied()).collect();
                    let (policy, _severity) = self.policy(&layers, target, complaints);
                    let subject = format!("`{}` of `{}`", CheckKind::$kind, clean(target, 64));
                    if let Some(question) = self.$of(at, &subject) {
                        out.push(Asked {
                            kind: CheckKind::$kind,
                            policy,
                            question: Question::$kind(Arc::new(question)),
                        });
                    }
                }
            };
        }
        ask!(tcp, Tcp, tcp_question);
        ask!(tls, Tls, tls_question);
        ask!(dns, Dns, dns_question);
        ask!(icmp, Icmp, icmp_question);
        ask!(websocket, Websocket, websocket_question);
        ask!(grpc, Grpc, grpc_question);
        out
    }

    /// What a section of a check says of its own rhythm.
    fn own_layer(
        &self,
        interval: Option<&At<DurationText>>,
        timeout: Option<&At<DurationText>>,
    ) -> Layer {
        self.layer(&Fields {
            interval,
            timeout,
            confirm: None,
            failures: None,
            successes: None,
            slow_after: None,
            severity: None,
        })
    }

    /// Whether this hekate was built with that kind of check.
    fn is_built(&self, kind: CheckKind, span: Span) -> bool {
        let is_missing = (kind == CheckKind::Dns && cfg!(not(feature = "dns")))
            || (kind == CheckKind::Icmp && cfg!(not(feature = "icmp")))
            || (kind == CheckKind::Websocket && cfg!(not(feature = "websocket")));
        if is_missing {
            self.report(
                Problem::new(
                    Code::NotBuilt,
                    span,
                    format!("this hekate was built without `{kind}`"),
                )
                .help(format!(
                    "use a build with the feature `{kind}`, or remove the key"
                )),
            );
        }
        !is_missing
    }

    fn tcp_question(
        &mut self,
        at: &At<TextOr<raw::TcpCheck>>,
        subject: &str,
    ) -> Option<TcpQuestion> {
        let (short, raw) = parts(at, raw::EndpointText)?;
        let address = short.as_ref().or(raw.address.as_ref());
        self.has(at.span, address.is_some(), subject, "address", "host:port");
        let endpoint = address.and_then(|at| self.endpoint(at, subject, None));
        let send = self.said(raw.send.as_ref(), subject);
        let expect = raw.expect.as_ref().map(|at| self.expected(at, subject));
        let tls = self.wrapped(raw.tls.as_ref());
        Some(TcpQuestion {
            endpoint: endpoint?,
            ip: ip(raw.ip.as_ref()),
            tls,
            send,
            expect: match expect {
                Some(expect) => Some(expect?),
                None => None,
            },
            all_addresses: is_on(raw.all_addresses.as_ref()),
        })
    }

    fn tls_question(
        &mut self,
        at: &At<TextOr<raw::TlsCheck>>,
        subject: &str,
    ) -> Option<TlsQuestion> {
        let (short, raw) = parts(at, raw::EndpointText)?;
        let address = short.as_ref().or(raw.address.as_ref());
        self.has(at.span, address.is_some(), subject, "address", "host:port");
        let endpoint = address.and_then(|at| self.endpoint(at, subject, Some(HTTPS_PORT)));
        let tls = At {
            span: at.span,
            value: Some(raw::Tls {
                ca_file: raw.ca_file.clone(),
                certificate_file: raw.certificate_file.clone(),
                key_file: raw.key_file.clone(),
                server_name: raw.server_name.clone(),
                insecure: raw.insecure.clone(),
            }),
        };
        let settings = self.tls(Some(&tls), None);
        let warn_at = self.warn_at(raw.warn_at.as_ref());
        Some(TlsQuestion {
            endpoint: endpoint?,
            ip: ip(raw.ip.as_ref()),
            settings,
            warn_at,
            starttls: word(raw.starttls.as_ref(), |word| StartTls::from_word(&word.0)),
            all_addresses: is_on(raw.all_addresses.as_ref()),
        })
    }

    fn warn_at(&self, at: Option<&At<OneOrMany<DurationText>>>) -> Vec<Duration> {
        let hour = Duration::from_hours(1);
        let Some(OneOrMany(list)) = at.and_then(|at| at.value.as_ref()) else {
            return TlsQuestion::WARN_AT.to_vec();
        };
        let mut steps: Vec<Duration> = list
            .iter()
            .filter_map(|at| self.duration(at, "`warn_at`", hour..=hour * 24 * 365).value)
            .collect();
        if let Some(at) = at
            && list.is_empty()
        {
            self.report(
                Problem::new(Code::Empty, at.span, "`warn_at` is empty")
                    .help("give it a time, or remove the key"),
            );
        }
        steps.sort_by(|one, other| other.cmp(one));
        steps.dedup();
        steps
    }

    fn dns_question(
        &mut self,
        at: &At<TextOr<raw::DnsCheck>>,
        subject: &str,
    ) -> Option<DnsQuestion> {
        let (short, raw) = parts(at, String::from)?;
        let name = short.as_ref().or(raw.name.as_ref());
        self.has(at.span, name.is_some(), subject, "name", "example.test");
        let name = name.and_then(|at| self.domain(at, subject));
        // A word that is none of the types is known to be wrong; its records are then not judged as well.
        let record = match &raw.record {
            Some(at) => word(Some(at), |word| RecordKind::from_word(&word.0)),
            None => Some(RecordKind::A),
        };
        if let (Some(expect), Some(contains)) = (&raw.expect, &raw.contains) {
            self.report(
                Problem::new(
                    Code::Both,
                    contains.span,
                    format!("{subject} has both `expect` and `contains`"),
                )
                .other(expect.span, "and here")
                .help("keep `expect` if there may be no other records, else `contains`"),
            );
        }
        let expect = match (&raw.expect, &raw.contains) {
            (Some(at), _) => Expected::Exactly(self.records(at, "`expect`", record)),
            (None, Some(at)) => Expected::Containing(self.records(at, "`contains`", record)),
            (None, None) => Expected::Any,
        };
        let resolver = raw.resolver.as_ref().and_then(|at| self.resolver(at));
        Some(DnsQuestion {
            name: name?,
            record: record?,
            expect,
            resolver,
        })
    }

    fn records(
        &self,
        at: &At<OneOrMany<String>>,
        key: &str,
        record: Option<RecordKind>,
    ) -> Vec<String> {
        let Some(OneOrMany(list)) = &at.value else {
            return Vec::new();
        };
        if list.is_empty() {
            self.report(
                Problem::new(Code::Empty, at.span, format!("{key} is empty"))
                    .help("give it a record, or remove the key"),
            );
        }
        let mut out = Vec::new();
        for at in list {
            let Some(text) = self.text(at, key) else {
                continue;
            };
            let fits = match record {
                Some(RecordKind::A) => text.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4()),
                Some(RecordKind::Aaaa) => text.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()),
                Some(
                    RecordKind::Cname
                    | RecordKind::Mx
                    | RecordKind::Txt
                    | RecordKind::Ns
                    | RecordKind::Srv
                    | RecordKind::Soa
                    | RecordKind::Caa,
                )
                | None => true,
            };
            if fits {
                out.push(text);
            } else {
                self.report(
                    Problem::new(
                        Code::Address,
                        at.span,
                        format!(
                            "`{}` is no address that a record of type {} can hold",
                            clean(&text, 64),
                            record.unwrap_or_default().as_str()
                        ),
                    )
                    .help("A holds IPv4 addresses, AAAA IPv6 addresses, CNAME names"),
                );
            }
        }
        out
    }

    pub(super) fn resolver(&self, at: &At<String>) -> Option<SocketAddr> {
        let text = self.text(at, "`resolver`")?;
        let found = text
            .parse::<IpAddr>()
            .map(|ip| SocketAddr::new(ip, DNS_PORT))
            .or_else(|_not_alone| text.parse::<SocketAddr>());
        if let Ok(address) = found
            && address.port() != 0
        {
            return Some(address);
        }
        self.report(
            Problem::new(
                Code::Address,
                at.span,
                format!("`{}` is not the address of a resolver", clean(&text, 64)),
            )
            .help("write an address, not a name: 1.1.1.1, 1.1.1.1:53 or [2606:4700:4700::1111]:53"),
        );
        None
    }

    fn icmp_question(
        &mut self,
        at: &At<TextOr<raw::IcmpCheck>>,
        subject: &str,
    ) -> Option<IcmpQuestion> {
        let (short, raw) = parts(at, String::from)?;
        let host = short.as_ref().or(raw.host.as_ref());
        self.has(at.span, host.is_some(), subject, "host", "db.internal");
        let host = host.and_then(|at| self.host(at, subject));
        let packets = raw
            .packets
            .as_ref()
            .and_then(|at| self.whole(at, "`packets`", 1..=10).value)
            .unwrap_or(3);
        let max_lost = raw
            .max_lost
            .as_ref()
            .and_then(|at| self.whole(at, "`max_lost`", 0..=packets - 1).value);
        Some(IcmpQuestion {
            host: host?,
            ip: ip(raw.ip.as_ref()),
            packets,
            max_lost: max_lost.unwrap_or(packets - 1),
        })
    }

    fn websocket_question(
        &mut self,
        at: &At<TextOr<raw::WebsocketCheck>>,
        subject: &str,
    ) -> Option<WebsocketQuestion> {
        let (short, raw) = parts(at, raw::AddressText)?;
        let address = short.as_ref().or(raw.url.as_ref());
        self.has(at.span, address.is_some(), subject, "url", "wss://…");
        let url: Option<Url> = address.and_then(|at| self.websocket_url(at, subject));
        let headers = self.headers(raw.headers.as_ref(), subject);
        let is_plain = url.as_ref().is_some_and(|url| url.scheme() == "ws");
        let tls = self.tls(raw.tls.as_ref(), is_plain.then_some("ws"));
        let send = self.said(raw.send.as_ref(), subject);
        let expect = raw.expect.as_ref().map(|at| self.expected(at, subject));
        Some(WebsocketQuestion {
            url: url?,
            headers,
            ip: ip(raw.ip.as_ref()),
            tls,
            send,
            expect: match expect {
                Some(expect) => Some(expect?),
                None => None,
            },
        })
    }

    fn grpc_question(
        &mut self,
        at: &At<TextOr<raw::GrpcCheck>>,
        subject: &str,
    ) -> Option<GrpcQuestion> {
        let (short, raw) = parts(at, raw::EndpointText)?;
        let address = short.as_ref().or(raw.address.as_ref());
        self.has(at.span, address.is_some(), subject, "address", "host:port");
        let endpoint = address.and_then(|at| self.endpoint(at, subject, None));
        let metadata = self.headers(raw.metadata.as_ref(), subject);
        let tls = self.wrapped(raw.tls.as_ref());
        let service = raw
            .service
            .as_ref()
            .and_then(|at| self.text(at, "`service`"));
        Some(GrpcQuestion {
            endpoint: endpoint?,
            service: service.unwrap_or_default(),
            ip: ip(raw.ip.as_ref()),
            tls,
            metadata,
        })
    }

    /// Says which key is missing, unless a misspelt one was meant as it.
    fn has(&self, span: Span, has: bool, subject: &str, key: &str, example: &str) {
        if !has && !self.findings.was_meant(span, key) {
            self.report(
                Problem::new(Code::Missing, span, format!("{subject} has no `{key}`"))
                    .help(format!("add `{key}: \"{example}\"`")),
            );
        }
    }

    /// `tls: true`, or the section.
    fn wrapped(&mut self, at: Option<&At<SwitchOr<raw::Tls>>>) -> Option<TlsSettings> {
        let at = at?;
        match at.value.as_ref()? {
            SwitchOr::Switch(is_on) => is_on.then(TlsSettings::default),
            SwitchOr::Section(raw) => {
                let section = At {
                    span: at.span,
                    value: Some(raw),
                };
                Some(self.tls_section(&section))
            }
        }
    }

    /// What is said to the other side; not empty.
    fn said(&mut self, at: Option<&At<SecretText>>, subject: &str) -> Option<Secret> {
        self.secret(&SecretFields {
            owner: subject,
            key: "send",
            direct: at,
            file: None,
            in_preview: Some(""),
            is_optional: true,
            variable: None,
            has_file_twin: false,
        })
        .map(|found| found.secret)
    }

    /// What has to come; line ends and tabs are welcome.
    fn expected(&self, at: &At<String>, subject: &str) -> Option<String> {
        let text = at.value.as_deref()?;
        if !self.has_no_variable(at.span, text, "`expect`") {
            return None;
        }
        if text.is_empty() || text.len() > 1024 {
            self.report(
                Problem::new(
                    Code::Range,
                    at.span,
                    format!("`expect` of {subject} must be 1 to 1024 bytes"),
                )
                .help("a short piece that is always there is enough"),
            );
            return None;
        }
        Some(text.to_owned())
    }
}

/// The shorthand of a section, if it is one, and the section, which is empty then.
fn parts<T, Short>(
    at: &At<TextOr<T>>,
    of: impl Fn(String) -> Short,
) -> Option<(Option<At<Short>>, Cow<'_, T>)>
where
    T: Default + Clone,
{
    Some(match at.value.as_ref()? {
        TextOr::Text(text) => (
            Some(At {
                span: at.span,
                value: Some(of(text.clone())),
            }),
            Cow::Owned(T::default()),
        ),
        TextOr::Section(raw) => (None, Cow::Borrowed(raw)),
    })
}

fn ip(at: Option<&At<raw::IpWord>>) -> IpFamily {
    word(at, |word| match word.0.as_str() {
        "v4" => Some(IpFamily::V4),
        "v6" => Some(IpFamily::V6),
        _ => None,
    })
    .unwrap_or_default()
}

fn is_on(at: Option<&At<bool>>) -> bool {
    at.and_then(|at| at.value).unwrap_or(false)
}
