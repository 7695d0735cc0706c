//! What several programs have in common: one HTTP request and what its answer has to be, and the other questions.

use super::{
    draft::{Draft, SAMPLE},
    target::{Target, Value},
    words::{self, Statuses},
};

/// A request as an old file describes it.
#[derive(Default)]
pub(super) struct Request {
    pub(super) url: String,
    pub(super) method: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
    /// User name and password.
    pub(super) basic: Option<(String, String)>,
    pub(super) bearer: Option<String>,
    /// How many redirects are followed.
    pub(super) redirects: u32,
    /// Which statuses are fine.
    pub(super) statuses: Option<Statuses>,
    /// Whether any certificate is accepted.
    pub(super) is_insecure: bool,
}

impl Draft {
    /// Asks this of a target, as `http:`.
    pub(super) fn request(&mut self, target: &mut Target, request: Request) {
        let hint = target.id();
        let (url, user) = self.address(&request.url, &hint);
        let keys = vec![(String::from("url"), Value::text(url))];
        target.keys.push((String::from("http"), Value::Map(keys)));
        if let Some(method) = request.method.map(|method| method.to_uppercase())
            && method != "GET"
        {
            let what = format!("method `{}`", words::shown(&method));
            target.piece(&["http", "method"], Value::text(method), what);
        }
        let mut bearer = request.bearer;
        let mut headers = Vec::new();
        for (name, value) in request.headers {
            let token = value.strip_prefix("Bearer ").map(str::trim);
            match token {
                Some(token) if name.eq_ignore_ascii_case("authorization") && bearer.is_none() => {
                    bearer = Some(token.to_owned());
                }
                Some(_) | None => headers.push((name, value)),
            }
        }
        self.headers(target, "http", "headers", headers);
        self.login(target, request.basic.or(user), bearer);
        if let Some(body) = request.body {
            let text = if words::is_secret_word(&body) {
                let what = format!("body of the request of {hint}");
                self.secret(&body, &format!("{hint} body"), what, SAMPLE)
            } else {
                self.open(&body, SAMPLE)
            };
            target.piece(
                &["http", "body"],
                Value::text(text),
                "the body of the request",
            );
        }
        if request.redirects > 0 {
            let count = Value::word(request.redirects.min(10));
            target.piece(&["http", "follow_redirects"], count, "redirects");
        }
        // Without TLS there is nothing to accept.
        if request.is_insecure && !request.url.starts_with("http://") {
            let value = Value::word(true);
            target.piece(
                &["http", "tls", "insecure"],
                value,
                "any certificate is accepted",
            );
        }
        if let Some(statuses) = request.statuses {
            let words = statuses.words();
            if words.is_empty() {
                self.leave(&target.from, "no status can be all that is asked of it");
            } else if words != ["2xx"] {
                let mut words: Vec<Value> = words.into_iter().map(Value::Word).collect();
                let value = match words.pop() {
                    Some(only) if words.is_empty() => only,
                    last => {
                        words.extend(last);
                        Value::List(words)
                    }
                };
                target.piece(&["http", "expect", "status"], value, "the status");
            }
        }
    }

    /// Headers, or what is sent with a call; secrets as variables.
    pub(super) fn headers(
        &mut self,
        target: &mut Target,
        check: &str,
        key: &str,
        headers: Vec<(String, String)>,
    ) {
        for (name, value) in headers {
            let what = format!("header `{}`", words::shown(&name));
            let text = if words::is_secret_word(&name) {
                let hint = format!("{} {name}", target.id());
                let of = format!("{what} of {}", target.id());
                self.secret(&value, &hint, of, SAMPLE)
            } else {
                self.open(&value, SAMPLE)
            };
            target.piece(&[check, key, &name], Value::text(text), what);
        }
    }

    fn login(
        &mut self,
        target: &mut Target,
        basic: Option<(String, String)>,
        bearer: Option<String>,
    ) {
        let hint = target.id();
        if let Some((name, password)) = basic {
            let what = format!("password of {hint}");
            let password = self.secret(&password, &format!("{hint} password"), what, SAMPLE);
            let keys = vec![
                (
                    String::from("username"),
                    Value::text(self.open(&name, SAMPLE)),
                ),
                (String::from("password"), Value::text(password)),
            ];
            target.piece(
                &["http", "basic"],
                Value::Map(keys),
                "user name and password",
            );
            if bearer.is_some() {
                let what = "its bearer token: it has a password as well, and one of them is sent";
                self.leave(&target.from, what);
            }
        } else if let Some(token) = bearer {
            let what = format!("bearer token of {hint}");
            let token = self.secret(&token, &format!("{hint} token"), what, SAMPLE);
            target.piece(&["http", "bearer"], Value::text(token), "the bearer token");
        }
    }

    /// A check that asks a host and a port; `key` is `tcp`, `tls` or `grpc`.
    pub(super) fn endpoint(&mut self, target: &mut Target, key: &str, address: &str) {
        let address = self.open(address.trim_end_matches('/'), SAMPLE);
        let keys = vec![(String::from("address"), Value::text(address))];
        target.keys.push((String::from(key), Value::Map(keys)));
    }

    /// A check with one key that takes no variables.
    pub(super) fn plainly(target: &mut Target, check: &str, key: &str, text: &str) {
        let keys = vec![(String::from(key), Value::text(text))];
        target.keys.push((String::from(check), Value::Map(keys)));
    }

    /// Something to be sent, and kept from readers if it looks like a secret.
    pub(super) fn sent(&mut self, target: &mut Target, check: &str, text: &str) {
        let hint = target.id();
        let value = if words::is_secret_word(text) {
            let what = format!("what is sent to {hint}");
            self.secret(text, &format!("{hint} send"), what, SAMPLE)
        } else {
            self.open(text, SAMPLE)
        };
        target.piece(&[check, "send"], Value::text(value), "what is sent");
    }

    /// Warnings of the certificate at an address of the web, as `tls:` beside the check.
    pub(super) fn certificate(
        &mut self,
        target: &mut Target,
        url: &str,
        warn_at: Option<std::time::Duration>,
    ) {
        let Some(rest) = url.trim().strip_prefix("https://") else {
            self.leave(&target.from, "the certificate: only https has one");
            return;
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let host = rest[..end].rsplit('@').next().unwrap_or_default();
        let host = self.open(host, SAMPLE);
        let mut keys = vec![(String::from("address"), Value::text(host))];
        if let Some(warn_at) = warn_at {
            keys.push((String::from("warn_at"), Self::warned(target, warn_at)));
        }
        let hourly = Value::length(std::time::Duration::from_hours(1));
        keys.push((String::from("interval"), hourly));
        target.piece(&["tls"], Value::Map(keys), "warnings of the certificate");
    }

    /// When a certificate that ends is told.
    pub(super) fn warned(target: &mut Target, warn_at: std::time::Duration) -> Value {
        target.near.push(format!(
            "a certificate with less than {} left is told as degraded, not as down",
            words::written(warn_at)
        ));
        Value::List(vec![Value::length(warn_at)])
    }
}
