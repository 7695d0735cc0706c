//! Asking stores over HTTP: one client a source, answers capped, what goes wrong classed.

use std::{
    io,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::DateTime;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use reqwest::{Client, Method, RequestBuilder, redirect, retry};
use rustix::io::Errno;
use rustls::ClientConfig;
use url::Url;

use crate::{
    model::{
        Timestamp,
        logs::{HttpStore, LogFault, LogFaultKind, StoreCredentials},
        plan::{Credentials, HttpVersion, TlsSettings},
        secret::Secret,
        text::clean,
    },
    probe::http::tls::Configs,
};

/// More of an answer is not read.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Name, connection and TLS together.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// Of an error's words so much is shown.
const WORDS_MAX: usize = 300;
/// What is shorter is no secret worth hiding, and would take common words out of a text.
const SECRET_MIN: usize = 4;
/// No clock of a store was seen yet.
const NO_SKEW: i64 = i64::MIN;

/// TLS for stores: configurations are shared by those with the same settings.
pub(in crate::probe) struct Tls(Configs);

impl Tls {
    pub(in crate::probe) fn new() -> Self {
        Self(Configs::new())
    }

    fn of(&self, settings: &TlsSettings) -> Result<ClientConfig, LogFault> {
        self.0
            .of(settings, HttpVersion::Http1)
            .map(|config| (*config).clone())
            .map_err(|gap| LogFault::new(LogFaultKind::Own, gap.words))
    }
}

/// The way to one store.
pub(in crate::probe) struct Web {
    client: Client,
    base: Url,
    credentials: Option<StoreCredentials>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What must not come back to people in the words of an error.
    secrets: Vec<Secret>,
    skew_ms: AtomicI64,
}

/// A complete answer.
pub(in crate::probe) struct Answered {
    pub(in crate::probe) status: StatusCode,
    pub(in crate::probe) headers: HeaderMap,
    pub(in crate::probe) body: Vec<u8>,
}

impl Web {
    pub(in crate::probe) fn open(http: &HttpStore, tls: &Tls) -> Result<Self, LogFault> {
        let client = Client::builder()
            .user_agent(concat!("hekate/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WITHIN)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .referer(false)
            // A kept connection may be closed by the other side in the moment it is used again.
            .pool_max_idle_per_host(0)
            .http1_only()
            .tls_backend_preconfigured(tls.of(&http.tls)?)
            .build()
            .map_err(|error| own(&error.without_url().to_string()))?;
        let mut headers = Vec::with_capacity(http.headers.len());
        for (name, value) in &http.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_str(value.expose());
            if let (Ok(name), Ok(mut value)) = (name, value) {
                value.set_sensitive(true);
                headers.push((name, value));
            }
        }
        Ok(Self {
            client,
            base: http.url.clone(),
            credentials: http.credentials.clone(),
            headers,
            secrets: secrets(http),
            skew_ms: AtomicI64::new(NO_SKEW),
        })
    }

    /// How far the store's clock was ahead of ours in its last answer, in milliseconds.
    pub(in crate::probe) fn skew_ms(&self) -> Option<i64> {
        Some(self.skew_ms.load(Ordering::Relaxed)).filter(|skew| *skew != NO_SKEW)
    }

    /// A token in the store's own way, if that is how it is logged in to.
    pub(in crate::probe) fn token(&self) -> Option<&str> {
        match &self.credentials {
            Some(StoreCredentials::Token(token)) => Some(token.expose()),
            Some(StoreCredentials::Common(_)) | None => None,
        }
    }

    /// A request to this path below the base address; `path` begins with `/`, without a query.
    pub(in crate::probe) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        let below = format!("{}{path}", self.base.path().trim_end_matches('/'));
        url.set_path(&below);
        self.dressed(method, url)
    }

    /// As [`Web::request`], with these parameters in the query of the address.
    pub(in crate::probe) fn request_with(
        &self,
        method: Method,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> RequestBuilder {
        let mut url = self.base.clone();
        let below = format!("{}{path}", self.base.path().trim_end_matches('/'));
        url.set_path(&below);
        url.set_query(Some(&form(parameters)));
        self.dressed(method, url)
    }

    /// A request to an address joined to the base address; absent if that leads to another server, which must not learn
    /// who we are.
    pub(in crate::probe) fn request_to(&self, method: Method, url: &Url) -> Option<RequestBuilder> {
        let is_ours = url.origin() == self.base.origin()
            && url.username().is_empty()
            && url.password().is_none();
        is_ours.then(|| self.dressed(method, url.clone()))
    }

    /// The base address.
    pub(in crate::probe) fn base(&self) -> &Url {
        &self.base
    }

    /// With our headers and credentials.
    fn dressed(&self, method: Method, url: Url) -> RequestBuilder {
        let mut request = self.client.request(method, url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        match &self.credentials {
            Some(StoreCredentials::Common(Credentials::Basic { username, password })) => {
                request.basic_auth(username, Some(password.expose()))
            }
            Some(StoreCredentials::Common(Credentials::Bearer(token))) => {
                request.bearer_auth(token.expose())
            }
            Some(StoreCredentials::Token(_)) | None => request,
        }
    }

    /// Sends a request and reads its whole answer; `now` is the time at which it is sent.
    pub(in crate::probe) async fn ask(
        &self,
        request: RequestBuilder,
        now: Timestamp,
    ) -> Result<Answered, LogFault> {
        #[cfg(any(test, feature = "fuzz"))]
        if let Some(answered) = rehearsed() {
            return Ok(answered);
        }
        let mut response = request.send().await.map_err(no_answer)?;
        self.note_clock(response.headers(), now);
        let status = response.status();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(LogFault::new(
                    LogFaultKind::Unreachable,
                    "its answer is larger than 4 MiB",
                ));
            }
            body.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            body = self.without_secrets(&body);
        }
        Ok(Answered {
            status,
            headers,
            body,
        })
    }

    /// Some servers repeat in an error what they were asked with.
    fn without_secrets(&self, body: &[u8]) -> Vec<u8> {
        let mut text = String::from_utf8_lossy(body).into_owned();
        for secret in &self.secrets {
            if text.contains(secret.expose()) {
                text = text.replace(secret.expose(), "(redacted)");
            }
        }
        text.into_bytes()
    }

    fn note_clock(&self, headers: &HeaderMap, now: Timestamp) {
        let date = headers
            .get(http::header::DATE)
            .and_then(|value| DateTime::parse_from_rfc2822(value.to_str().ok()?).ok());
        if let Some(date) = date {
            // The header has whole seconds; its middle is the best guess.
            let theirs = date.timestamp_millis() + 500;
            self.skew_ms
                .store(theirs - now.as_millis(), Ordering::Relaxed);
        }
    }
}

#[cfg(any(test, feature = "fuzz"))]
thread_local! {
    static REHEARSAL: std::cell::RefCell<Option<(u16, Vec<Vec<u8>>)>> = const { std::cell::RefCell::new(None) };
}

/// From now on all requests of this thread are answered with this status and these bodies, the last of them for ever.
#[cfg(any(test, feature = "fuzz"))]
pub(in crate::probe) fn rehearse(status: u16, mut bodies: Vec<Vec<u8>>) {
    bodies.reverse();
    REHEARSAL.set(Some((status, bodies)));
}

#[cfg(any(test, feature = "fuzz"))]
fn rehearsed() -> Option<Answered> {
    REHEARSAL.with_borrow_mut(|rehearsal| {
        let (status, bodies) = rehearsal.as_mut()?;
        let body = if bodies.len() > 1 {
            bodies.pop()
        } else {
            bodies.first().cloned()
        };
        Some(Answered {
            status: StatusCode::from_u16(*status).unwrap_or_default(),
            headers: HeaderMap::new(),
            body: body.unwrap_or_default(),
        })
    })
}

impl Answered {
    /// The fault that the status stands for, as far as statuses mean the same everywhere; absent for 2xx.
    pub(in crate::probe) fn fault(&self) -> Option<LogFault> {
        let kind = match self.status.as_u16() {
            200..=299 => return None,
            401 | 403 => LogFaultKind::Auth,
            404 => LogFaultKind::NotFound,
            408 | 300..=399 | 500..=599 => LogFaultKind::Unreachable,
            429 => LogFaultKind::Overloaded,
            _ => LogFaultKind::BadQuery,
        };
        let said = clean(&String::from_utf8_lossy(&self.body), WORDS_MAX);
        let status = self.status.as_u16();
        let words = if said.is_empty() {
            format!("HTTP {status}")
        } else {
            format!("HTTP {status}: {said}")
        };
        Some(LogFault::new(kind, words))
    }

    /// The body as JSON.
    pub(in crate::probe) fn json(&self) -> Result<serde_json::Value, LogFault> {
        serde_json::from_slice(&self.body).map_err(|_| {
            LogFault::new(
                LogFaultKind::Unreachable,
                "its answer is no JSON, so it is not the store that answers",
            )
        })
    }
}

/// Parameters as a form or as the query of an address.
pub(in crate::probe) fn form(parameters: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish()
}

/// The fault for an answer that is JSON of another shape than the store's.
pub(in crate::probe) fn strange(store: &str) -> LogFault {
    LogFault::new(
        LogFaultKind::Unreachable,
        format!("its answer has not the shape of {store}'s, so it is not the store that answers"),
    )
}

fn own(words: &str) -> LogFault {
    LogFault::new(LogFaultKind::Own, words)
}

/// The fault for an error that says what this machine lacks; what we lack is no fault of the store.
pub(in crate::probe) fn own_lack(error: &io::Error) -> Option<LogFault> {
    let lacking = match Errno::from_io_error(error)? {
        Errno::MFILE => "this process has no file descriptors left",
        Errno::NFILE => "this machine has no file descriptors left",
        Errno::NOBUFS => "this machine has no network buffers left",
        Errno::NOMEM => "this machine has no memory left",
        Errno::ADDRNOTAVAIL | Errno::ADDRINUSE => "this machine has no local ports left",
        _ => return None,
    };
    Some(own(lacking))
}

/// A request that brought no complete answer.
fn no_answer(error: reqwest::Error) -> LogFault {
    let mut words = String::from("no answer");
    let error = error.without_url();
    let mut source: Option<&dyn std::error::Error> = Some(&error);
    while let Some(cause) = source {
        if let Some(lack) = cause.downcast_ref::<io::Error>().and_then(own_lack) {
            return lack;
        }
        words = cause.to_string();
        source = cause.source();
    }
    LogFault::new(LogFaultKind::Unreachable, words)
}

/// All that we are known by to this store, as it stands in a request.
fn secrets(http: &HttpStore) -> Vec<Secret> {
    let basic = |name: &str, password: &str| {
        Secret::new(BASE64_STANDARD.encode(format!("{name}:{password}")))
    };
    let mut secrets: Vec<Secret> = http
        .headers
        .iter()
        .map(|(_, value)| value.clone())
        .collect();
    match &http.credentials {
        Some(StoreCredentials::Common(Credentials::Basic { username, password })) => {
            secrets.push(basic(username, password.expose()));
            secrets.push(password.clone());
        }
        Some(StoreCredentials::Common(Credentials::Bearer(token))) => secrets.push(token.clone()),
        Some(StoreCredentials::Token(token)) => {
            secrets.push(basic(token.expose(), "token"));
            secrets.push(token.clone());
        }
        None => {}
    }
    secrets.retain(|secret| secret.expose().len() >= SECRET_MIN);
    secrets
}

/// A request with this body of JSON.
pub(in crate::probe) fn with_json(
    request: RequestBuilder,
    body: &serde_json::Value,
) -> RequestBuilder {
    request
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(body.to_string())
}
