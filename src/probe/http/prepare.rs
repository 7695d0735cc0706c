//! What all looks at one question share, built once: the request, the TLS configuration, the kept connection.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Uri, header,
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body_util::Full;
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::{
    model::{
        Gap, GapKind, Secret,
        plan::{Credentials, HealthQuestion, HttpVersion},
        text::clean,
    },
    probe::health,
};

use super::{address, line::Line, tls};

/// Who we say we are.
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("hekate/", env!("CARGO_PKG_VERSION")));

/// A question made ready to be asked.
pub(super) struct Prepared {
    pub(super) place: Place,
    pub(super) port: u16,
    pub(super) tls: Option<(TlsConnector, ServerName<'static>)>,
    request: Template,
    kept: Mutex<Option<Box<Line>>>,
}

/// Where the host of the URL is.
pub(super) enum Place {
    /// Written as an address, which may be looked at.
    Address(SocketAddr),
    /// To be looked up.
    Name(Arc<str>),
}

/// What is its own of a request. The headers that all requests share are added when one is sent: a map of headers takes
/// more than a kilobyte, and thousands of questions wait most of the time.
struct Template {
    host: HeaderValue,
    /// Credentials and the headers of the file.
    own: Vec<OwnHeader>,
    /// `/health?full`, for HTTP/1.1.
    path: Uri,
    /// `https://api.example.test/health?full`; only if HTTP/2 is to be spoken.
    whole: Option<Box<Uri>>,
}

/// A header that the file asks for.
struct OwnHeader {
    name: HeaderName,
    value: HeaderValue,
    /// Whether it stands beside those of its name that came before, in place of replacing them.
    is_added: bool,
}

/// Headers of a usual request: those of ours, and `Connection`.
const USUAL_HEADERS: usize = 6;

impl Prepared {
    /// Builds it.
    pub(super) fn of(question: &HealthQuestion, configs: &tls::Configs) -> Result<Self, Gap> {
        let url = &question.url;
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(unusable("the URL has no host"));
        };
        let address = |ip: IpAddr| {
            let usable = address::usable(&[ip], question.ip, port)?;
            Ok(usable.into_iter().map(Place::Address).next())
        };
        let literal = match host {
            Host::Domain(_) => None,
            Host::Ipv4(ip) => address(ip.into())?,
            Host::Ipv6(ip) => address(ip.into())?,
        };
        let tls = match url.scheme() {
            "http" => None,
            "https" => {
                let bare = url.host_str().unwrap_or_default();
                let bare = bare.trim_start_matches('[').trim_end_matches(']');
                let name = tls::server_name(&question.tls, bare)?;
                let config = configs.of(&question.tls, question.http_version)?;
                Some((TlsConnector::from(config), name))
            }
            other => {
                return Err(unusable(format!(
                    "{} is neither http nor https",
                    clean(other, 20)
                )));
            }
        };
        let place =
            literal.unwrap_or_else(|| Place::Name(url.host_str().unwrap_or_default().into()));
        Ok(Self {
            place,
            port,
            tls,
            request: Template::of(question)?,
            kept: Mutex::new(None),
        })
    }

    /// The request for HTTP/1.1.
    pub(super) fn http1(&self, is_last: bool) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = self.request.path.clone();
        *request.headers_mut() = self.request.headers();
        if is_last {
            request
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        request
    }

    /// The request for HTTP/2, where the host is part of the address.
    pub(super) fn http2(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::default());
        let uri = self.request.whole.as_deref();
        *request.uri_mut() = uri.unwrap_or(&self.request.path).clone();
        *request.version_mut() = http::Version::HTTP_2;
        *request.headers_mut() = self.request.headers();
        request.headers_mut().remove(header::HOST);
        request
    }

    /// Takes the connection that an earlier look kept.
    pub(super) fn take_kept(&self) -> Option<Box<Line>> {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Keeps a connection for the next look.
    pub(super) fn keep(&self, line: Box<Line>) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
    }
}

impl Template {
    fn of(question: &HealthQuestion) -> Result<Self, Gap> {
        let url = &question.url;
        let host = match url.port() {
            Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
            None => url.host_str().unwrap_or_default().to_owned(),
        };
        let host =
            HeaderValue::try_from(host).map_err(|_error| unusable("the URL has no usable host"))?;
        let mut own = Vec::new();
        if let Some(credentials) = &question.credentials {
            own.push(OwnHeader {
                name: header::AUTHORIZATION,
                value: authorization(credentials)?,
                is_added: false,
            });
        }
        add_own_headers(&mut own, &question.headers)?;
        own.shrink_to_fit();
        let path = match url.query() {
            Some(query) => PathAndQuery::try_from(format!("{}?{query}", url.path())),
            None => PathAndQuery::try_from(url.path()),
        }
        .map_err(|_error| unusable("the path of the URL cannot be sent"))?;
        let whole = match question.http_version {
            HttpVersion::Http1 => None,
            HttpVersion::Http2 => Some(Box::new(whole(url, &host, path.clone())?)),
        };
        Ok(Self {
            host,
            own,
            path: Uri::from(path),
            whole,
        })
    }

    /// All headers of a request.
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(USUAL_HEADERS + self.own.len());
        headers.insert(header::HOST, self.host.clone());
        headers.insert(header::USER_AGENT, USER_AGENT);
        headers.insert(header::ACCEPT, HeaderValue::from_static(health::ACCEPT));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        for own in &self.own {
            if own.is_added {
                headers.append(&own.name, own.value.clone());
            } else {
                headers.insert(&own.name, own.value.clone());
            }
        }
        headers
    }
}

/// The address as HTTP/2 wants it.
fn whole(url: &Url, host: &HeaderValue, path: PathAndQuery) -> Result<Uri, Gap> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(if url.scheme() == "https" {
        Scheme::HTTPS
    } else {
        Scheme::HTTP
    });
    parts.authority = Authority::try_from(host.as_bytes()).ok();
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map_err(|_error| unusable("the URL cannot be sent"))
}

/// The headers of the file: the first of a name replaces ours, more of the same name are added to it.
fn add_own_headers(out: &mut Vec<OwnHeader>, own: &[(String, Secret)]) -> Result<(), Gap> {
    let first = out.len();
    for (name, value) in own {
        let shown = clean(name, 60);
        let name = HeaderName::try_from(name)
            .map_err(|_error| unusable(format!("{shown:?} is no name of a header")))?;
        let mut value = HeaderValue::try_from(value.expose())
            .map_err(|_error| unusable(format!("the value of header {shown} cannot be sent")))?;
        value.set_sensitive(true);
        let is_added = out[first..].iter().any(|before| before.name == name);
        out.push(OwnHeader {
            name,
            value,
            is_added,
        });
    }
    Ok(())
}

/// Source: RFC 7617 (Basic), RFC 6750 (Bearer).
fn authorization(credentials: &Credentials) -> Result<HeaderValue, Gap> {
    let text = match credentials {
        Credentials::Basic { username, password } => {
            let pair = format!("{username}:{}", password.expose());
            format!("Basic {}", STANDARD.encode(pair))
        }
        Credentials::Bearer(token) => format!("Bearer {}", token.expose()),
    };
    let mut value = HeaderValue::try_from(text)
        .map_err(|_error| unusable("the bearer token has characters that cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn unusable(words: impl Into<String>) -> Gap {
    Gap {
        kind: GapKind::NotConfigured,
        words: words.into(),
    }
}
