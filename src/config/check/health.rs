//! `health:` how an HTTP health endpoint is asked.

use http::{HeaderName, HeaderValue};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use std::sync::Arc;

use super::{Check, values::SecretFields};
use crate::{
    config::{
        code::Code,
        decode::{At, Named, OneOrMany, TextOr},
        raw,
        report::Problem,
        source::{Span, is_secret_key},
    },
    model::{
        Family, Secret,
        plan::{Connection, Credentials, HealthQuestion, HttpVersion, IpFamily, TlsSettings},
        text::clean,
    },
};

/// Headers that the HTTP library writes itself; a second one would break the request.
const OWN_HEADERS: [&str; 8] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Check<'_> {
    pub(super) fn health(
        &mut self,
        at: &At<TextOr<raw::Health>>,
        target: &str,
    ) -> Option<HealthQuestion> {
        self.asked(at, &format!("`health` of `{}`", clean(target, 64)))
    }

    /// How an HTTP endpoint is asked.
    pub(super) fn asked(
        &mut self,
        at: &At<TextOr<raw::Health>>,
        subject: &str,
    ) -> Option<HealthQuestion> {
        let default = raw::Health::default();
        let (shorthand, raw) = match at.value.as_ref()? {
            TextOr::Text(text) => {
                let address = At {
                    span: at.span,
                    value: Some(raw::AddressText(text.clone())),
                };
                (Some(address), &default)
            }
            TextOr::Section(raw) => (None, raw),
        };
        let address = shorthand.as_ref().or(raw.url.as_ref());
        if address.is_none() && !self.findings.was_meant(at.span, "url") {
            self.report(
                Problem::new(Code::Missing, at.span, format!("{subject} has no `url`"))
                    .help("add `url: \"https://…\"`"),
            );
        }
        let url = address.and_then(|at| self.address_with_secrets(at, subject));
        let headers = self.headers(raw.headers.as_ref(), subject);
        let credentials = self.credentials(raw, subject);
        let is_plain = url.as_ref().is_some_and(|(url, _)| url.scheme() == "http");
        let tls = self.tls(raw.tls.as_ref(), is_plain.then_some("http"));
        let rules = self.rules(raw.rules.as_ref());
        let components = raw
            .critical_components
            .as_ref()
            .and_then(|at| at.value.as_ref())
            .map_or(&[][..], |OneOrMany(list)| list);
        let critical_components = components
            .iter()
            .filter_map(|at| self.text(at, "a component"))
            .collect();
        let (url, url_secrets) = url?;
        Some(HealthQuestion {
            role_field: None,
            url,
            url_secrets,
            headers,
            credentials,
            format: word(raw.format.as_ref(), |word| Family::from_word(&word.0)),
            critical_components,
            rules,
            connection: word(raw.connection.as_ref(), |word| match word.0.as_str() {
                "reuse" => Some(Connection::Reuse),
                _ => None,
            })
            .unwrap_or_default(),
            http_version: word(raw.http_version.as_ref(), |word| match word.0.as_str() {
                "2" => Some(HttpVersion::Http2),
                _ => None,
            })
            .unwrap_or_default(),
            ip: word(raw.ip.as_ref(), |word| match word.0.as_str() {
                "v4" => Some(IpFamily::V4),
                "v6" => Some(IpFamily::V6),
                _ => None,
            })
            .unwrap_or_default(),
            all_addresses: self.all_addresses(raw, subject),
            tls,
        })
    }

    /// Connections are kept for one address, so keeping them and asking all of them do not go together.
    fn all_addresses(&self, raw: &raw::Health, subject: &str) -> bool {
        let Some(at) = raw
            .all_addresses
            .as_ref()
            .filter(|at| at.value == Some(true))
        else {
            return false;
        };
        if let Some(connection) = raw.connection.as_ref()
            && connection
                .value
                .as_ref()
                .is_some_and(|word| word.0 == "reuse")
        {
            self.report(
                Problem::new(
                    Code::Both,
                    connection.span,
                    format!("{subject} keeps its connection and asks all addresses"),
                )
                .other(at.span, "here")
                .help("remove `connection: reuse`, or `all_addresses`"),
            );
        }
        true
    }

    pub(super) fn headers(
        &mut self,
        at: Option<&At<Named<raw::SecretText>>>,
        subject: &str,
    ) -> Vec<(String, Secret)> {
        let mut out: Vec<(String, Secret)> = Vec::new();
        let list = at
            .and_then(|at| at.value.as_ref())
            .map_or(&[][..], |named| &named.0);
        for (key, at) in list {
            let Some(name) = self.header_name(key) else {
                continue;
            };
            if out
                .iter()
                .any(|(before, _)| before.eq_ignore_ascii_case(&name))
            {
                self.report(
                    Problem::new(
                        Code::Twice,
                        key.span,
                        format!("header `{name}` is here twice"),
                    )
                    .note("case makes no difference in names of headers"),
                );
            }
            let owner = format!("header `{name}` of {subject}");
            let found = self.secret(&SecretFields {
                owner: &owner,
                key: "",
                direct: Some(at),
                file: None,
                in_preview: Some(""),
                is_optional: true,
                variable: is_secret_key(&name).then_some("HEALTH_TOKEN"),
                has_file_twin: false,
            });
            let Some(found) = found else { continue };
            if HeaderValue::from_str(found.secret.expose()).is_err() {
                self.report(
                    Problem::new(
                        Code::Header,
                        found.span,
                        format!("the value of {owner} cannot be sent"),
                    )
                    .help("header values are one line of visible ASCII"),
                );
                continue;
            }
            out.push((name, found.secret));
        }
        out
    }

    fn header_name(&self, key: &At<String>) -> Option<String> {
        let name = key.value.as_deref()?;
        let shown = clean(name, 64);
        let why = match HeaderName::from_bytes(name.as_bytes()) {
            Err(_) => "is not the name of a header",
            Ok(name) if OWN_HEADERS.contains(&name.as_str()) => "is written by hekate itself",
            Ok(_) => return Some(name.to_owned()),
        };
        self.report(Problem::new(
            Code::Header,
            key.span,
            format!("`{shown}` {why}"),
        ));
        None
    }

    fn credentials(&mut self, raw: &raw::Health, subject: &str) -> Option<Credentials> {
        let bearer = self.secret(&SecretFields {
            owner: subject,
            key: "bearer",
            direct: raw.bearer.as_ref(),
            file: raw.bearer_file.as_ref(),
            in_preview: None,
            is_optional: true,
            variable: Some("HEALTH_TOKEN"),
            has_file_twin: true,
        });
        let basic = raw.basic.as_ref().and_then(|at| self.basic(at, subject));
        let bearer_span = raw.bearer.as_ref().map(|at| at.span);
        let bearer_span = bearer_span.or(raw.bearer_file.as_ref().map(|at| at.span));
        let header = raw
            .headers
            .as_ref()
            .and_then(|at| at.value.as_ref())
            .and_then(|Named(list)| {
                list.iter()
                    .find(|(key, _)| {
                        key.value
                            .as_deref()
                            .is_some_and(|key| key.eq_ignore_ascii_case("authorization"))
                    })
                    .map(|(key, _)| key.span)
            });
        let ways: Vec<Span> = [raw.basic.as_ref().map(|at| at.span), bearer_span, header]
            .into_iter()
            .flatten()
            .collect();
        if let [first, second, ..] = ways.as_slice() {
            self.report(
                Problem::new(
                    Code::Both,
                    *second,
                    format!("{subject} says in two ways who we are"),
                )
                .other(*first, "and here")
                .help("keep one of `basic`, `bearer` and the header `Authorization`"),
            );
        }
        if let Some(found) = &bearer
            && HeaderValue::from_str(found.secret.expose()).is_err()
        {
            self.report(
                Problem::new(
                    Code::Header,
                    found.span,
                    format!("`bearer` of {subject} cannot be sent"),
                )
                .help("a token is one line of visible ASCII"),
            );
        }
        basic.or_else(|| bearer.map(|found| Credentials::Bearer(found.secret)))
    }

    pub(super) fn basic(&mut self, at: &At<raw::Basic>, subject: &str) -> Option<Credentials> {
        let raw = at.value.as_ref()?;
        let owner = format!("`basic` of {subject}");
        for (key, has) in [
            ("username", raw.username.is_some()),
            (
                "password",
                raw.password.is_some() || raw.password_file.is_some(),
            ),
        ] {
            if !has && !self.findings.was_meant(at.span, key) {
                self.report(Problem::new(
                    Code::Missing,
                    at.span,
                    format!("{owner} has no `{key}`"),
                ));
            }
        }
        let username = self.secret(&SecretFields {
            owner: &owner,
            key: "username",
            direct: raw.username.as_ref(),
            file: None,
            in_preview: Some("preview"),
            is_optional: false,
            variable: None,
            has_file_twin: false,
        });
        let password = self.secret(&SecretFields {
            owner: &owner,
            key: "password",
            direct: raw.password.as_ref(),
            file: raw.password_file.as_ref(),
            in_preview: Some("preview"),
            is_optional: false,
            variable: Some("HEALTH_PASSWORD"),
            has_file_twin: true,
        });
        let username = username?;
        // Source: RFC 7617, section 2: the first colon ends the user name.
        if username.secret.expose().contains(':') {
            self.report(Problem::new(
                Code::Header,
                username.span,
                format!("`username` of {owner} contains a colon"),
            ));
            return None;
        }
        Some(Credentials::Basic {
            username: username.secret.expose().to_owned(),
            password: password?.secret,
        })
    }

    /// A section of TLS settings, if there is one; `plain` is the scheme of an address that has no use for it.
    pub(super) fn tls(&mut self, at: Option<&At<raw::Tls>>, plain: Option<&str>) -> TlsSettings {
        let Some(At {
            span,
            value: Some(raw),
        }) = at
        else {
            return TlsSettings::default();
        };
        if let Some(scheme) = plain {
            self.report(
                Problem::new(
                    Code::UselessTls,
                    *span,
                    format!("`tls` means nothing for an address that begins with {scheme}://"),
                )
                .help(format!("write {scheme}s://, or remove `tls`")),
            );
        }
        self.tls_section(&At {
            span: *span,
            value: Some(raw),
        })
    }

    pub(super) fn tls_section(&mut self, at: &At<&raw::Tls>) -> TlsSettings {
        let At {
            span,
            value: Some(raw),
        } = at
        else {
            return TlsSettings::default();
        };
        if let Some(At {
            span,
            value: Some(true),
        }) = raw.insecure
        {
            self.report(
                Problem::new(Code::Insecure, span, "any certificate will be accepted, so anybody in between can pretend to be the target")
                    .help("name the root certificate with `ca_file` instead"),
            );
        }
        let ca_pem = raw
            .ca_file
            .as_ref()
            .and_then(|at| self.certificates(at, "`ca_file`"));
        let certificate_pem = raw
            .certificate_file
            .as_ref()
            .and_then(|at| self.certificates(at, "`certificate_file`"));
        let key_pem = raw.key_file.as_ref().and_then(|at| self.private_key(at));
        match (&raw.certificate_file, &raw.key_file) {
            (Some(at), None) => {
                self.half_an_identity(at.span, "certificate_file", "key_file", *span);
            }
            (None, Some(at)) => {
                self.half_an_identity(at.span, "key_file", "certificate_file", *span);
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        let server_name = raw.server_name.as_ref().and_then(|at| self.server_name(at));
        TlsSettings {
            ca_pem,
            certificate_pem,
            key_pem,
            server_name,
            insecure: raw
                .insecure
                .as_ref()
                .and_then(|at| at.value)
                .unwrap_or(false),
        }
    }

    fn server_name(&self, at: &At<String>) -> Option<String> {
        let name = self.text(at, "`server_name`")?;
        if ServerName::try_from(name.as_str()).is_ok() {
            return Some(name);
        }
        self.report(Problem::new(
            Code::Address,
            at.span,
            format!(
                "`{}` is not a name that a certificate can carry",
                clean(&name, 64)
            ),
        ));
        None
    }

    fn half_an_identity(&self, span: Span, has: &str, misses: &str, map: Span) {
        if !self.findings.was_meant(map, misses) {
            self.report(
                Problem::new(
                    Code::Missing,
                    span,
                    format!("`{has}` needs `{misses}` beside it"),
                )
                .help(format!("add `{misses}:`")),
            );
        }
    }

    pub(super) fn certificates(&mut self, at: &At<String>, key: &str) -> Option<Arc<[u8]>> {
        let pem = self.side_file(at, key)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        if certificates.is_ok_and(|certificates| !certificates.is_empty()) {
            return Some(pem.into());
        }
        self.report(
            Problem::new(
                Code::Certificate,
                at.span,
                format!("the file of {key} holds no certificate in PEM form"),
            )
            .help("it begins with -----BEGIN CERTIFICATE-----"),
        );
        None
    }

    fn private_key(&mut self, at: &At<String>) -> Option<Secret> {
        let pem = self.side_file(at, "`key_file`")?;
        if PrivateKeyDer::from_pem_slice(&pem).is_ok()
            && let Ok(pem) = String::from_utf8(pem)
        {
            return Some(Secret::new(pem));
        }
        self.report(
            Problem::new(
                Code::Certificate,
                at.span,
                "the file of `key_file` holds no private key in PEM form",
            )
            .help("it begins with -----BEGIN PRIVATE KEY-----"),
        );
        None
    }
}

/// A word that was checked when it was read.
pub(super) fn word<W, T>(at: Option<&At<W>>, of: impl Fn(&W) -> Option<T>) -> Option<T> {
    of(at?.value.as_ref()?)
}
