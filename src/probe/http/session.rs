//! What the requests of one scenario share: cookies and connections. Nothing of it outlives the scenario.
//!
//! Cookies go back to the host and port that set them and to nobody else, whatever their `Domain` says: what was said to
//! one host is never told to another one.

use std::sync::Arc;

use cookie_store::{CookieStore, RawCookie};
use http::header;
use url::{Origin, Url};

use crate::model::{
    Gap, Secret,
    plan::{Connection, HealthQuestion, HttpVersion, IpFamily, TlsSettings},
};

use super::{Ready, line::Line, look::Kept, prepare::Prepared, tls::Configs};

/// The most cookies of one scenario; more are not taken.
const COOKIES_MAX: usize = 100;
/// The longest list of cookies that is sent, in bytes; servers refuse longer ones.
const COOKIE_BYTES_MAX: usize = 8 * 1024;

/// Cookies and connections of one scenario.
#[derive(Default)]
pub(in crate::probe) struct Session {
    jars: Vec<(Site, CookieStore)>,
    lines: Vec<(Way, Box<Line>)>,
    /// What the cookies held, to be covered.
    values: Vec<String>,
}

/// Whom a cookie belongs to. http and https of one name are one site: `Secure` tells them apart.
#[derive(PartialEq, Eq)]
struct Site {
    host: String,
    /// Unless it is the usual one.
    port: Option<u16>,
}

/// What has to be alike for a connection to be used again.
#[derive(PartialEq)]
struct Way {
    origin: Origin,
    tls: TlsSettings,
    version: HttpVersion,
    ip: IpFamily,
}

impl Session {
    /// Makes a request ready: with the cookies for its place, and over the connection that an earlier one left.
    pub(super) fn ready(
        &mut self,
        plain: Arc<HealthQuestion>,
        configs: &Configs,
    ) -> Result<Ready, Gap> {
        let mut asked = HealthQuestion::clone(&plain);
        asked.connection = Connection::Reuse;
        if let Some(cookies) = self.cookies(&asked.url) {
            let own = asked
                .headers
                .iter_mut()
                .find(|(name, _)| name.eq_ignore_ascii_case(header::COOKIE.as_str()));
            match own {
                Some((_, value)) => *value = Secret::new(format!("{}; {cookies}", value.expose())),
                None => asked
                    .headers
                    .push((header::COOKIE.to_string(), Secret::new(cookies))),
            }
        }
        let prepared = Prepared::of(&asked, configs)?;
        let way = Way::of(&asked);
        if let Some(at) = self.lines.iter().position(|(other, _)| *other == way) {
            prepared.keep(self.lines.swap_remove(at).1);
        }
        Ok(Ready {
            plain,
            asked: Arc::new(asked),
            prepared: Arc::new(prepared),
        })
    }

    /// Takes what a request left: its connection, and the cookies of its answer.
    pub(super) fn learn(&mut self, ready: &Ready, kept: Option<&Kept>) {
        if let Some(line) = ready.prepared.take_kept() {
            self.lines.push((Way::of(&ready.asked), line));
        }
        let Some(kept) = kept else { return };
        for value in kept.headers.get_all(header::SET_COOKIE) {
            if let Ok(text) = value.to_str() {
                self.take(text, &ready.asked.url);
            }
        }
    }

    /// What the cookies held so far.
    pub(in crate::probe) fn cookie_values(&self) -> &[String] {
        &self.values
    }

    fn take(&mut self, text: &str, url: &Url) {
        let Ok(mut cookie) = RawCookie::parse(text) else {
            return;
        };
        if self.values.len() >= COOKIES_MAX {
            return;
        }
        self.values.push(cookie.value().to_owned());
        cookie.unset_domain();
        let site = Site::of(url);
        let at = self.jars.iter().position(|(other, _)| *other == site);
        let at = at.unwrap_or_else(|| {
            self.jars.push((site, CookieStore::new()));
            self.jars.len() - 1
        });
        // One that cannot be used is none; that the scenario misses it shows in the answers.
        if let Err(error) = self.jars[at].1.insert_raw(&cookie.into_owned(), url) {
            tracing::trace!(%error, "a cookie was not taken");
        }
    }

    /// The value of `Cookie` for this address.
    fn cookies(&self, url: &Url) -> Option<String> {
        let site = Site::of(url);
        let (_, jar) = self.jars.iter().find(|(other, _)| *other == site)?;
        let mut cookies = String::new();
        for (name, value) in jar.get_request_values(url) {
            if cookies.len() + name.len() + value.len() + 3 > COOKIE_BYTES_MAX {
                break;
            }
            if !cookies.is_empty() {
                cookies.push_str("; ");
            }
            cookies.push_str(name);
            cookies.push('=');
            cookies.push_str(value);
        }
        (!cookies.is_empty()).then_some(cookies)
    }
}

impl Site {
    fn of(url: &Url) -> Self {
        Self {
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port(),
        }
    }
}

impl Way {
    fn of(asked: &HealthQuestion) -> Self {
        Self {
            origin: asked.url.origin(),
            tls: asked.tls.clone(),
            version: asked.http_version,
            ip: asked.ip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn cookies_go_back_to_whom_they_are_from_and_to_nobody_else() {
        let mut session = Session::default();
        let shop = url("https://shop.example.test/login/form");
        for cookie in [
            "sid=one; Path=/; Secure; HttpOnly",
            "wide=two; Domain=example.test; Path=/",
            "deep=three; Path=/login",
            "gone=four; Path=/; Max-Age=0",
            "past=five; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "foreign=six; Domain=other.test; Path=/",
            "no cookie at all",
            "=empty",
        ] {
            session.take(cookie, &shop);
        }
        let sent = |text: &str| {
            let sent = session.cookies(&url(text)).unwrap_or_default();
            let mut sent: Vec<_> = sent.split("; ").map(str::to_owned).collect();
            sent.sort();
            sent.join("; ")
        };
        for (to, cookies) in [
            (
                "https://shop.example.test/login",
                "deep=three; foreign=six; sid=one; wide=two",
            ),
            (
                "https://shop.example.test/cart",
                "foreign=six; sid=one; wide=two",
            ),
            ("http://shop.example.test/cart", "foreign=six; wide=two"),
            ("https://example.test/", ""),
            ("https://pay.shop.example.test/", ""),
            ("https://other.test/", ""),
            ("https://shop.example.test:8443/", ""),
        ] {
            assert_eq!(sent(to), cookies, "{to}");
        }
    }

    #[test]
    fn cookies_without_end_are_not_kept() {
        let mut session = Session::default();
        let shop = url("https://shop.example.test/");
        for number in 0..10_000 {
            session.take(&format!("c{number}={}; Path=/", "x".repeat(200)), &shop);
        }
        assert_eq!(session.cookie_values().len(), COOKIES_MAX);
        assert!(session.cookies(&shop).unwrap().len() <= COOKIE_BYTES_MAX);
    }
}
