//! What we send to prove who we are is not repeated, even if the target repeats it.
//!
//! Whatever looks like a secret is masked where a body is read. A secret of our own need not look like one, but it is
//! known.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use url::Url;

use super::Findings;
use crate::model::{
    Outcome, Secret,
    http::HttpQuestion,
    plan::{Credentials, HealthQuestion},
};

/// What stands where a secret was.
const MASK: &str = "***";
/// Shorter values are words rather than secrets, and covering them would make other words unreadable. Of a secret that
/// was cut, a rest shorter than this stays.
const SECRET_CHARS_MIN: usize = 6;
/// Headers of the file that hold no secret.
const PLAIN_HEADERS: [&str; 10] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-type",
    "host",
    "origin",
    "referer",
    "user-agent",
];

/// Covers the secrets of the question in every text that is shown to people.
pub(super) fn cover(findings: &mut Findings, question: &HealthQuestion) {
    if findings.outcome == Outcome::Healthy && findings.detail.is_none() {
        return;
    }
    cover_all(findings, &secrets_of(question));
}

/// Covers these in every text that is shown to people.
pub(in crate::probe) fn cover_all(findings: &mut Findings, secrets: &[String]) {
    if secrets.is_empty() {
        return;
    }
    for text in texts_of(findings) {
        cover_text(text, secrets);
    }
}

/// Covers these in one text.
pub(in crate::probe) fn cover_text(text: &mut String, secrets: &[String]) {
    for secret in secrets {
        cover_one(text, secret);
    }
}

/// What may be secret in headers of the file.
pub(in crate::probe) fn of_headers(headers: &[(String, Secret)]) -> Vec<String> {
    let mut secrets = Vec::new();
    for (name, value) in headers {
        if !PLAIN_HEADERS
            .iter()
            .any(|plain| name.eq_ignore_ascii_case(plain))
        {
            // A scheme before it, as in `Token abc`, is often left out where it is repeated.
            let value = value.expose();
            let last = value.rsplit(' ').next().unwrap_or(value);
            secrets.extend([value.to_owned(), last.to_owned()]);
        }
    }
    secrets.retain(|secret| secret.chars().count() >= SECRET_CHARS_MIN);
    secrets
}

/// What may be secret in a text that is sent: every word that is not one of those expected in return.
pub(in crate::probe) fn of_text(sent: Option<&Secret>, expected: Option<&str>) -> Vec<String> {
    let sent = sent.map_or("", Secret::expose);
    let expected = expected.unwrap_or_default();
    let is_between = |c: char| c.is_whitespace() || c.is_control() || "\"',:;{}[]()".contains(c);
    sent.split(is_between)
        .filter(|word| word.chars().count() >= SECRET_CHARS_MIN && !expected.contains(word))
        .map(str::to_owned)
        .collect()
}

/// Covers the secrets of an `http:` question, those in what it sends included.
pub(super) fn cover_http(findings: &mut Findings, question: &HttpQuestion) {
    if findings.outcome == Outcome::Healthy && findings.detail.is_none() {
        return;
    }
    let mut secrets = secrets_of(&question.asked);
    let sent = question.body.as_ref().map_or("", Secret::expose);
    let is_between = |c: char| c.is_whitespace() || c.is_control() || "\"',:;{}[]()&=".contains(c);
    let words = sent.split(is_between);
    secrets.extend(
        words
            .filter(|word| word.chars().count() >= SECRET_CHARS_MIN)
            .map(str::to_owned),
    );
    cover_all(findings, &secrets);
}

fn secrets_of(question: &HealthQuestion) -> Vec<String> {
    let mut secrets = Vec::new();
    match &question.credentials {
        Some(Credentials::Basic { username, password }) => {
            let pair = format!("{username}:{}", password.expose());
            secrets.extend([BASE64_STANDARD.encode(pair), password.expose().to_owned()]);
        }
        Some(Credentials::Bearer(token)) => secrets.push(token.expose().to_owned()),
        None => {}
    }
    secrets.extend(secrets_of_url(question));
    secrets.retain(|secret: &String| secret.chars().count() >= SECRET_CHARS_MIN);
    secrets.extend(of_headers(&question.headers));
    secrets
}

/// What variables brought into the path and the query. The host is no secret: without it the words would say nothing.
fn secrets_of_url(question: &HealthQuestion) -> Vec<String> {
    let url = &question.url;
    let parts = [url.path(), url.query().unwrap_or_default()];
    let mut secrets = Vec::new();
    for secret in &question.url_secrets {
        let secret = secret.expose();
        if secret.contains("://") {
            // The whole address is a variable; what is secret in one is in its query.
            for pair in url.query().unwrap_or_default().split('&') {
                let value = pair.split_once('=').map_or(pair, |(_, value)| value);
                secrets.push(value.to_owned());
            }
            for (_, value) in url.query_pairs() {
                secrets.extend(forms_of(&value));
            }
            continue;
        }
        let forms = forms_of(secret);
        let is_there = |form: &String| parts.iter().any(|part| part.contains(form.as_str()));
        if forms.iter().any(is_there) {
            secrets.extend(forms);
        }
    }
    secrets
}

/// A secret as it is, and in the forms that it takes within an address.
pub(in crate::probe) fn forms_of(secret: &str) -> [String; 4] {
    let mut url = Url::parse("http://host/").expect("a constant address");
    url.set_path(secret);
    url.set_query(Some(secret));
    [
        secret.to_owned(),
        url.path().trim_start_matches('/').to_owned(),
        url.query().unwrap_or_default().to_owned(),
        form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
    ]
}

fn texts_of(findings: &mut Findings) -> Vec<&mut String> {
    let mut texts = Vec::new();
    match &mut findings.outcome {
        Outcome::Healthy => {}
        Outcome::Degraded(degradation) => texts.push(&mut degradation.words),
        Outcome::Unhealthy(failure) => texts.push(&mut failure.words),
        Outcome::Unobservable(gap) => texts.push(&mut gap.words),
    }
    if let Some(detail) = &mut findings.detail {
        for component in &mut detail.components {
            texts.push(&mut component.name);
            texts.extend(&mut component.message);
        }
        texts.extend(&mut detail.excerpt);
        texts.extend(&mut detail.via);
        texts.extend(&mut detail.note);
    }
    texts
}

/// Covers a secret wherever it stands, and what is left of it where the text was cut. A short one has to stand alone.
fn cover_one(text: &mut String, secret: &str) {
    if secret.chars().count() < SECRET_CHARS_MIN {
        cover_word(text, secret);
        return;
    }
    if text.contains(secret) {
        *text = text.replace(secret, MASK);
    }
    let Some(whole) = text.strip_suffix('…') else {
        return;
    };
    let ends = secret.char_indices().map(|(end, _)| end);
    let rests = ends.skip(SECRET_CHARS_MIN).map(|end| &secret[..end]);
    if let Some(rest) = rests.filter(|rest| whole.ends_with(rest)).last() {
        let kept = whole.len() - rest.len();
        text.replace_range(kept.., &format!("{MASK}…"));
    }
}

/// Covers a word between others.
fn cover_word(text: &mut String, secret: &str) {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(secret).filter(|_| !secret.is_empty()) {
        let (before, after) = (&rest[..at], &rest[at + secret.len()..]);
        out.push_str(before);
        let is_part =
            out.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric);
        out.push_str(if is_part { secret } else { MASK });
        rest = after;
    }
    out.push_str(rest);
    *text = out;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_is_covered_where_it_stands_alone() {
        for (text, covered) in [
            ("to /orders/4711 and 47110", "to /orders/*** and 47110"),
            ("4711", "***"),
            ("47114711 x4711", "47114711 x4711"),
            ("4711,4711", "***,***"),
            ("", ""),
        ] {
            let mut found = text.to_owned();
            cover_one(&mut found, "4711");
            assert_eq!(found, covered, "{text}");
        }
    }

    #[test]
    fn words_that_are_sent_may_be_secret() {
        let sent =
            Secret::new("AUTH default hunter2+x\r\n{\"token\":\"abc.def-ghi\",\"op\":\"welcome\"}");
        assert_eq!(
            of_text(Some(&sent), Some("you are welcome")),
            ["default", "hunter2+x", "abc.def-ghi"]
        );
        assert!(of_text(None, None).is_empty());
    }

    #[test]
    fn a_secret_is_covered_wherever_it_stands() {
        for (text, covered) in [
            ("nobody knows s3cr3t+value here", "nobody knows *** here"),
            ("s3cr3t+values3cr3t+value", "******"),
            ("cut in the middle: s3cr3t+v…", "cut in the middle: ***…"),
            ("cut after it: s3cr3t+value…", "cut after it: ***…"),
            ("hardly any of it: s3cr3…", "hardly any of it: s3cr3…"),
            ("not cut, s3cr3t+v", "not cut, s3cr3t+v"),
            ("nothing", "nothing"),
            ("…", "…"),
        ] {
            let mut found = text.to_owned();
            cover_one(&mut found, "s3cr3t+value");
            assert_eq!(found, covered, "{text}");
        }
    }
}
