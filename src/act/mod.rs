//! Does what was decided: one request, or a build of Jenkins that is waited for.
//!
//! Everything that could have begun something is asked once. If it may have got there and no answer came, the answer is that
//! nobody knows, and whoever reads it looks.

mod http;
mod jenkins;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use reqwest::{Certificate, Client, Response, StatusCode, redirect, retry};
use url::form_urlencoded;

use crate::model::{
    TargetId,
    action::{Action, AttemptId, Call, Ongoing, Ran, RanResult},
    text::clean,
};

/// Name, connection and TLS together.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// More of an answer is not read.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// The most characters of foreign words that are kept.
const WORDS_MAX: usize = 120;

/// Something to be done, with what is filled in.
#[derive(Clone, Debug)]
pub struct Job {
    /// For which attempt.
    pub attempt: AttemptId,
    /// What.
    pub action: Arc<Action>,
    /// `{target}`
    pub target: TargetId,
    /// `{name}`
    pub name: String,
    /// `{group}`
    pub group: String,
    /// `{asker}`
    pub asker: String,
    /// `{reason}`
    pub reason: String,
}

/// Does it, and says how it ended; `tell` hears how far it has come. It ends within what the file allows, and never fails: trouble is
/// data.
pub async fn run(job: Job, tell: impl Fn(Ongoing) + Send + Sync) -> Ran {
    let ended = match &job.action.call {
        Call::Http(call) => http::run(call, &job).await,
        Call::Own(_) => Ended::failed(String::from("hekate does that itself, and asks nobody")),
        Call::Jenkins(call) => {
            let attempt = job.attempt;
            let told = move |words: &str, reference: Option<String>| {
                tell(Ongoing {
                    attempt,
                    words: clean(words, WORDS_MAX),
                    reference: reference.map(|name| clean(&name, WORDS_MAX)),
                });
            };
            jenkins::run(call, &job, told).await
        }
    };
    let Ended {
        result,
        words,
        reference,
    } = ended;
    Ran {
        attempt: job.attempt,
        result,
        words: clean(&words, crate::model::action::WORDS_MAX),
        reference: reference.map(|name| clean(&name, WORDS_MAX)),
    }
}

/// How it ended.
struct Ended {
    result: RanResult,
    words: String,
    reference: Option<String>,
}

impl Ended {
    fn failed(words: impl Into<String>) -> Self {
        Self {
            result: RanResult::Failed,
            words: words.into(),
            reference: None,
        }
    }

    fn unknown(words: impl Into<String>) -> Self {
        Self {
            result: RanResult::Unknown,
            words: words.into(),
            reference: None,
        }
    }

    fn called(self, reference: Option<String>) -> Self {
        Self { reference, ..self }
    }

    /// What a request that was not answered means: what never left cannot have done anything.
    fn of_error(error: reqwest::Error) -> Self {
        let words = words_of(error);
        match words {
            (true, words) => Self::failed(words),
            (false, words) => Self::unknown(words),
        }
    }
}

/// Whether it certainly never left, and why it failed, without the address.
fn words_of(error: reqwest::Error) -> (bool, String) {
    let is_kept = error.is_connect() || error.is_builder();
    let is_late = error.is_timeout();
    let error = error.without_url();
    let mut deepest: &dyn std::error::Error = &error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let words = match (is_kept, is_late) {
        (true, true) => String::from("no connection in time"),
        (true, false) => format!("no connection: {}", clean(&deepest.to_string(), WORDS_MAX)),
        (false, true) => String::from("no answer in time"),
        (false, false) => format!("no answer: {}", clean(&deepest.to_string(), WORDS_MAX)),
    };
    (is_kept, words)
}

/// What a status says if it is that of a proxy which had no good answer: whatever it passed on may have been done.
fn unanswered(status: StatusCode) -> Option<String> {
    let is_of_proxy = matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT
    );
    let status = status.as_u16();
    is_of_proxy.then(|| format!("HTTP {status}, so a proxy had no good answer"))
}

/// A client that follows nothing, repeats nothing, and goes through no proxy of the environment.
fn client(ca_pem: Option<&[u8]>, timeout: Duration) -> Result<Client, String> {
    let mut builder = Client::builder()
        .user_agent(concat!("hekate/", env!("CARGO_PKG_VERSION")))
        .timeout(timeout)
        .connect_timeout(CONNECT_WITHIN)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .referer(false)
        .pool_max_idle_per_host(0)
        .http1_only();
    if let Some(pem) = ca_pem {
        let roots = Certificate::from_pem_bundle(pem);
        let roots = roots.map_err(|error| format!("`ca_file` cannot be used: {error}"))?;
        builder = builder.tls_certs_merge(roots);
    }
    builder
        .build()
        .map_err(|error| format!("the HTTP client cannot be made: {}", error.without_url()))
}

/// The beginning of an answer's body; what does not come any more is left out.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = ANSWER_BYTES_MAX - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() >= ANSWER_BYTES_MAX {
            break;
        }
    }
    body
}

impl Job {
    /// A text with its placeholders filled in, as it is.
    fn filled(&self, text: &str) -> String {
        self.fill(text, str::to_owned)
    }

    /// The same for an address: whatever is filled in stays inside of its part.
    fn filled_in_address(&self, text: &str) -> String {
        self.fill(text, |value| {
            let encoded: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
            // In a path a plus sign is one, and dots alone would climb.
            match encoded.as_str() {
                "." => String::from("%2E"),
                ".." => String::from("%2E%2E"),
                encoded => encoded.replace('+', "%20"),
            }
        })
    }

    /// Each placeholder once, from left to right: what is filled in is never read again.
    fn fill(&self, text: &str, encode: impl Fn(&str) -> String) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            out.push_str(&rest[..open]);
            rest = &rest[open..];
            let Some(close) = rest.find('}') else { break };
            if let Some(value) = self.value(&rest[1..close]) {
                out.push_str(&encode(&value));
                rest = &rest[close + 1..];
            } else {
                out.push('{');
                rest = &rest[1..];
            }
        }
        out.push_str(rest);
        out
    }

    fn value(&self, word: &str) -> Option<String> {
        Some(match word {
            "target" => self.target.to_string(),
            "name" => self.name.clone(),
            "group" => self.group.clone(),
            "asker" => self.asker.clone(),
            "reason" => self.reason.clone(),
            "attempt" => self.attempt.to_string(),
            _ => return None,
        })
    }

    /// Fields of a form.
    fn form(&self, params: &[(String, String)]) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (key, value) in params {
            form.append_pair(key, &self.filled(value));
        }
        form.finish()
    }
}
