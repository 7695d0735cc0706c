//! `http:` one request, and what its answer has to be.

use std::{sync::Arc, time::Duration};

use regex::Regex;

use super::{
    plan::{HealthQuestion, HealthRule},
    secret::Secret,
};

/// `http:` one request, and what its answer has to be.
#[derive(Clone, PartialEq, Debug)]
pub struct HttpQuestion {
    /// Where and as whom it is asked, the same way as a health endpoint; what only means something to health bodies is
    /// left at its defaults.
    pub asked: Arc<HealthQuestion>,
    /// `method:` in capitals. Default `GET`.
    pub method: String,
    /// `body:` what is sent; it may hold a secret.
    pub body: Option<Secret>,
    /// `expect:`
    pub expect: Expect,
    /// `follow_redirects:` how many redirects are followed, 0 to 10. Default 0: a redirect is the answer.
    pub follow_redirects: u8,
}

/// `expect:` conditions on an answer; all of them have to hold.
#[derive(Clone, PartialEq, Debug)]
pub struct Expect {
    /// `status:` ranges of status codes, both ends included; at least one. Default 200 to 299.
    pub statuses: Vec<(u16, u16)>,
    /// `header:` what has to be found in headers.
    pub headers: Vec<(String, Pattern)>,
    /// `json:` conditions on a JSON body.
    pub json: Vec<HealthRule>,
    /// `body:` what has to be found in the body.
    pub body: Option<Pattern>,
    /// `max_bytes:` the longest body allowed, decompressed; 1 to 262,144.
    pub max_bytes: Option<u32>,
    /// `max_duration:` the longest time allowed for all of it.
    pub max_duration: Option<Duration>,
    /// `then: degraded` whether an answer that is not as expected only falls short.
    pub is_mild: bool,
}

/// A regular expression, compared by how it is written.
#[derive(Clone, Debug)]
pub struct Pattern(pub Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}
