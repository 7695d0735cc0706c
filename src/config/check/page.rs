//! `page:`.

use ipnet::IpNet;

use super::{Check, health::word};
use crate::{
    config::{
        code::Code,
        decode::{At, OneOrMany},
        raw,
        report::Problem,
        source::Span,
    },
    model::{
        page::{Language, PageSettings, TrustedProxy},
        text::clean,
    },
};

/// The most origins, and the most networks: origins all stand in one header.
const MANY_MAX: usize = 20;

/// Headers that browsers send by themselves: if one of them was believed, everybody behind the proxy would be somebody.
const OF_BROWSERS: [&str; 17] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "dnt",
    "host",
    "if-modified-since",
    "if-none-match",
    "origin",
    "pragma",
    "referer",
    "upgrade-insecure-requests",
    "user-agent",
    "x-forwarded-for",
];

impl Check<'_> {
    pub(super) fn page(&mut self, at: Option<At<raw::page::Page>>) -> PageSettings {
        let raw = at.and_then(|at| at.value).unwrap_or_default();
        let title = raw.title.and_then(|at| self.name(&at, "`title` of `page`"));
        let language = word(raw.language.as_ref(), |word| Language::of_tag(&word.0));
        let defaults = PageSettings::default();
        PageSettings {
            title: title.unwrap_or(defaults.title),
            language: language.unwrap_or_default(),
            is_public: raw.public.and_then(|at| at.value).unwrap_or_default(),
            embed_on: raw.embed_on.map_or_else(Vec::new, |at| self.origins(&at)),
            trusted_proxy: raw.trusted_proxy.and_then(|at| self.trusted_proxy(at)),
        }
    }

    /// Origins of pages that may show our cards.
    fn origins(&self, at: &At<OneOrMany<String>>) -> Vec<String> {
        let Some(OneOrMany(typed)) = &at.value else {
            return Vec::new();
        };
        self.at_most(at.span, typed.len(), "`embed_on` of `page` has", "origins");
        let origins = typed.iter().filter_map(|at| self.origin(at));
        origins.collect()
    }

    /// `https://wiki.example.test`, and nothing behind it.
    fn origin(&self, at: &At<String>) -> Option<String> {
        let subject = "an address of `embed_on`";
        let text = self.text(at, subject)?;
        let url = self.url(at.span, &text, true, subject)?;
        let origin = url.origin().ascii_serialization();
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            self.report(
                Problem::new(
                    Code::Address,
                    at.span,
                    format!("{subject} is more than an origin"),
                )
                .help(format!(
                    "write {origin}: all pages there may show the cards"
                )),
            );
            return None;
        }
        Some(origin)
    }

    fn at_most(&self, span: Span, count: usize, subject: &str, noun: &str) {
        if count > MANY_MAX {
            self.report(
                Problem::new(Code::Range, span, format!("{subject} {count} {noun}"))
                    .help(format!("it may have at most {MANY_MAX}")),
            );
        }
    }

    fn trusted_proxy(&self, at: At<raw::page::TrustedProxy>) -> Option<TrustedProxy> {
        let At { span, value } = at;
        let raw = value?;
        let user_header = match &raw.user_header {
            None => Some(String::from("x-forwarded-user")),
            Some(at) => self.user_header(at),
        };
        if raw.from.is_none() && !self.findings.was_meant(span, "from") {
            self.report(
                Problem::new(Code::Missing, span, "`trusted_proxy` of `page` has no `from`")
                    .help("write where the proxy is, such as `from: [10.0.0.0/8]`; whoever asks from elsewhere is not believed"),
            );
        }
        let from = raw.from?;
        let OneOrMany(typed) = from.value.as_ref()?;
        let (subject, count) = ("`from` of `trusted_proxy` has", typed.len());
        self.at_most(from.span, count, subject, "networks");
        // All of them are looked at, so that all mistakes are told at once.
        let networks: Vec<_> = typed.iter().map(|at| self.network(at)).collect();
        Some(TrustedProxy {
            from: networks.into_iter().collect::<Option<_>>()?,
            user_header: user_header?,
        })
    }

    /// `10.0.0.0/8`, or one address.
    fn network(&self, at: &At<String>) -> Option<IpNet> {
        let text = self.text(at, "`from` of `trusted_proxy`")?;
        let address = || text.parse::<std::net::IpAddr>().ok().map(IpNet::from);
        let network = text.parse::<IpNet>().ok().or_else(address);
        let shown = clean(&text, 64);
        match network {
            None => {
                self.report(
                    Problem::new(Code::Network, at.span, format!("`{shown}` is not a network"))
                        .help("write an address or a network, such as 10.0.0.7, 10.0.0.0/8 or \"fd00::/8\""),
                );
                None
            }
            Some(network) if network.prefix_len() == 0 => {
                self.report(
                    Problem::new(Code::Network, at.span, format!("`{shown}` is everybody"))
                        .help("write where the proxy is: whoever asks from there can say that they are anybody"),
                );
                None
            }
            Some(network) => Some(network.trunc()),
        }
    }

    fn user_header(&self, at: &At<String>) -> Option<String> {
        let text = self.text(at, "`user_header` of `trusted_proxy`")?;
        let shown = clean(&text, 64);
        let Ok(name) = http::HeaderName::from_bytes(text.as_bytes()) else {
            self.report(Problem::new(
                Code::Header,
                at.span,
                format!("`{shown}` is not the name of a header"),
            ));
            return None;
        };
        if OF_BROWSERS.contains(&name.as_str()) || name.as_str().starts_with("sec-") {
            self.report(
                Problem::new(
                    Code::Header,
                    at.span,
                    format!("every browser sends `{shown}`"),
                )
                .help(
                    "write the header in which the proxy names who looks, such as X-Forwarded-User",
                ),
            );
            return None;
        }
        Some(name.as_str().to_owned())
    }
}
