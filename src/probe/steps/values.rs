//! What answers bring for later steps, and how it is put into them. Every value is a secret, and foreign.

use std::{fmt::Write as _, sync::Arc};

use http::HeaderValue;
use regex::Regex;
use serde_json::Value;
use url::Url;

use crate::{
    model::{
        Secret,
        http::{HttpQuestion, Pattern},
        plan::{Credentials, HealthQuestion},
        steps::{Place, Step, StepsQuestion},
        text::clean,
    },
    probe::{
        health,
        http::{cover, look::Kept},
    },
};

/// The longest value, in bytes; the longest tokens are half of it.
const VALUE_BYTES_MAX: usize = 16 * 1024;
/// The most characters of an expression within the words.
const EXPRESSION_MAX: usize = 60;
/// Shorter values are covered nowhere: they are in every other word.
const COVERED_CHARS_MIN: usize = 4;

/// The values of one run.
pub(super) struct Values {
    known: Vec<(String, Option<Secret>)>,
}

/// Where a value is put in, and so how it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Into {
    /// As it is.
    Text,
    /// Within a text of JSON.
    Json,
    /// Within a form.
    Form,
}

impl Values {
    /// Before anything was extracted.
    pub(super) fn of(question: &StepsQuestion) -> Self {
        let names = question.steps.iter().flat_map(|step| &step.extract);
        Self {
            known: names.map(|extract| (extract.name.clone(), None)).collect(),
        }
    }

    /// Takes what the file wants of an answer.
    ///
    /// # Errors
    ///
    /// The first value that is not there, in words that name its expression.
    pub(super) fn take(&mut self, step: &Step, kept: Option<&Kept>) -> Result<(), String> {
        for extract in &step.extract {
            let found = kept
                .ok_or("there is no answer")
                .and_then(|kept| find(&extract.place, kept))
                .map_err(|why| {
                    let place = shown(&extract.place);
                    format!("cannot extract `{}` with {place}: {why}", extract.name)
                })?;
            if let Some((_, value)) = self
                .known
                .iter_mut()
                .find(|(name, _)| *name == extract.name)
            {
                *value = Some(found);
            }
        }
        Ok(())
    }

    /// The request of a step with the values in it.
    ///
    /// # Errors
    ///
    /// Why it cannot be sent, as a clause.
    pub(super) fn fill(&self, step: &Step) -> Result<HttpQuestion, String> {
        let template = &step.request;
        let asked = &template.asked;
        let url = match &step.address {
            Some(address) => self.url(address, &asked.url)?,
            None => asked.url.clone(),
        };
        let mut headers = Vec::with_capacity(asked.headers.len());
        for (name, value) in &asked.headers {
            headers.push((name.clone(), self.header(name, value)?));
        }
        let credentials = match &asked.credentials {
            Some(Credentials::Bearer(token)) => {
                Some(Credentials::Bearer(self.header("Authorization", token)?))
            }
            Some(Credentials::Basic { username, password }) => Some(Credentials::Basic {
                username: self.text(username, Into::Text)?,
                password: Secret::new(self.text(password.expose(), Into::Text)?),
            }),
            None => None,
        };
        let body = match &template.body {
            Some(body) => Some(Secret::new(self.text(body.expose(), kind_of(template))?)),
            None => None,
        };
        Ok(HttpQuestion {
            asked: Arc::new(HealthQuestion {
                url,
                headers,
                credentials,
                ..HealthQuestion::clone(asked)
            }),
            body,
            ..template.clone()
        })
    }

    /// Everything that has to be covered, in all its forms.
    pub(super) fn secrets(&self) -> Vec<String> {
        let values = self.known.iter().filter_map(|(_, value)| value.as_ref());
        covered(values.map(Secret::expose))
    }

    /// A text with the values in it; two braces that stand for none of them stay.
    fn text(&self, template: &str, into: Into) -> Result<String, String> {
        self.each(template, |out, value| match into {
            Into::Text => out.push_str(value),
            Into::Json => {
                let quoted = Value::from(value).to_string();
                out.push_str(&quoted[1..quoted.len() - 1]);
            }
            Into::Form => out.extend(form_urlencoded::byte_serialize(value.as_bytes())),
        })
    }

    fn header(&self, name: &str, template: &Secret) -> Result<Secret, String> {
        let text = self.text(template.expose(), Into::Text)?;
        if HeaderValue::try_from(text.as_str()).is_err() {
            return Err(format!(
                "what was extracted cannot be sent in header `{}`",
                clean(name, EXPRESSION_MAX)
            ));
        }
        Ok(Secret::new(text))
    }

    /// An address with the values in it. They cannot lead to another place.
    fn url(&self, template: &Secret, like: &Url) -> Result<Url, String> {
        let text = self.each(template.expose(), |out, value| {
            let is_query = out.contains('?');
            let value = if is_query || !out.ends_with('/') {
                value
            } else {
                value.trim_start_matches('/')
            };
            out.push_str(&encoded(value, !is_query));
        })?;
        Url::parse(&text)
            .ok()
            .filter(|url| url.origin() == like.origin() && url.username().is_empty())
            .ok_or_else(|| String::from("its address cannot be used with what was extracted"))
    }

    fn each(
        &self,
        template: &str,
        mut put: impl FnMut(&mut String, &str),
    ) -> Result<String, String> {
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some(at) = rest.find("{{") {
            let inside = &rest[at + 2..];
            let known = self.known.iter().find_map(|(name, value)| {
                let after = inside.strip_prefix(name.as_str())?.strip_prefix("}}")?;
                Some((name, value, after))
            });
            match known {
                Some((_, Some(value), after)) => {
                    out.push_str(&rest[..at]);
                    put(&mut out, value.expose());
                    rest = after;
                }
                Some((name, None, _)) => return Err(format!("there is no `{name}`")),
                None => {
                    // `{{{name}}` begins one sign later.
                    out.push_str(&rest[..=at]);
                    rest = &rest[at + 1..];
                }
            }
        }
        out.push_str(rest);
        Ok(out)
    }
}

/// A value within an address: all but letters, digits and a few signs is encoded, and in a path the slashes stay.
fn encoded(value: &str, is_path: bool) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if is_path => out.push('/'),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

/// The forms in which these texts may be repeated.
pub(super) fn covered<'v>(values: impl Iterator<Item = &'v str>) -> Vec<String> {
    let mut secrets: Vec<String> = values
        .flat_map(|value| {
            let ours = [encoded(value, true), encoded(value, false)];
            cover::forms_of(value).into_iter().chain(ours)
        })
        .collect();
    secrets.retain(|secret| secret.chars().count() >= COVERED_CHARS_MIN);
    // The longest first: one may be a part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}

/// How values are written within the body of a request.
fn kind_of(request: &HttpQuestion) -> Into {
    let headers = &request.asked.headers;
    let kind = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.expose().to_ascii_lowercase());
    let body = request.body.as_ref().map_or("", Secret::expose);
    let is = |name: &str, otherwise| kind.as_ref().map_or(otherwise, |kind| kind.contains(name));
    if is("json", body.trim_start().starts_with(['{', '['])) {
        Into::Json
    } else if is("x-www-form-urlencoded", false) {
        Into::Form
    } else {
        Into::Text
    }
}

fn find(place: &Place, kept: &Kept) -> Result<Secret, &'static str> {
    let found = match place {
        Place::Header(name, pattern) => {
            let values: Vec<_> = kept
                .headers
                .get_all(name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect();
            if values.is_empty() {
                return Err("there is no such header");
            }
            match pattern {
                None => values.into_iter().next(),
                Some(Pattern(regex)) => values.iter().find_map(|value| matched(regex, value)),
            }
            .ok_or("it is not found in that header")?
        }
        Place::Body(_) | Place::Json(_) if !kept.is_whole => {
            return Err("the body is too long, or its encoding is not known");
        }
        Place::Body(Pattern(regex)) => matched(regex, &String::from_utf8_lossy(&kept.body))
            .ok_or("it is not found in the body")?,
        Place::Json(path) => {
            let value = health::value(&kept.body).ok_or("the body is no JSON")?;
            let nodes = path.query(&value);
            match nodes.first().ok_or("it finds nothing")? {
                Value::String(text) => text.clone(),
                number @ (Value::Number(_) | Value::Bool(_)) => number.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => {
                    return Err("what it finds is neither a text nor a number");
                }
            }
        }
    };
    match () {
        () if found.is_empty() => Err("what it finds is empty"),
        () if found.len() > VALUE_BYTES_MAX => Err("what it finds is longer than 16 KiB"),
        () if found.chars().any(char::is_control) => Err("what it finds is not on one line"),
        () => Ok(Secret::new(found)),
    }
}

/// The first group, or all of it if there is none.
fn matched(regex: &Regex, text: &str) -> Option<String> {
    let groups = regex.captures(text)?;
    let group = groups.get(1).or_else(|| groups.get(0))?;
    Some(group.as_str().to_owned())
}

fn shown(place: &Place) -> String {
    let short = |text: &str| clean(text, EXPRESSION_MAX);
    match place {
        Place::Json(path) => format!("`{}`", short(&path.to_string())),
        Place::Header(name, None) => format!("header `{}`", short(name)),
        Place::Header(name, Some(Pattern(regex))) => {
            format!("`{}` in header `{}`", short(regex.as_str()), short(name))
        }
        Place::Body(Pattern(regex)) => format!("`{}`", short(regex.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(list: &[(&str, Option<&str>)]) -> Values {
        let owned =
            |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(Secret::new));
        Values {
            known: list.iter().map(owned).collect(),
        }
    }

    #[test]
    fn values_are_put_in_once_and_where_they_belong() {
        let values = values(&[
            ("a", Some("one")),
            ("ab", Some("{{a}} \"x\" & ž")),
            ("none", None),
        ]);
        for (template, into, expected) in [
            ("", Into::Text, Ok("")),
            ("x {{a}}{{a}} y", Into::Text, Ok("x oneone y")),
            ("{{ab}}", Into::Text, Ok("{{a}} \"x\" & ž")),
            (
                "{\"k\": \"{{ab}}\"}",
                Into::Json,
                Ok("{\"k\": \"{{a}} \\\"x\\\" & ž\"}"),
            ),
            (
                "k={{ab}}",
                Into::Form,
                Ok("k=%7B%7Ba%7D%7D+%22x%22+%26+%C5%BE"),
            ),
            (
                "{{b}} {{.a}} {{ a }} {{a",
                Into::Text,
                Ok("{{b}} {{.a}} {{ a }} {{a"),
            ),
            ("{{{a}}}", Into::Text, Ok("{one}")),
            ("{{none}}", Into::Text, Err("there is no `none`")),
        ] {
            let found = values.text(template, into);
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(found, expected, "{template}");
        }
    }

    #[test]
    fn an_address_stays_at_its_host() {
        for (template, value, expected) in [
            ("https://a.test/x/{{v}}", "17", "https://a.test/x/17"),
            (
                "https://a.test/{{v}}",
                "/orders/17",
                "https://a.test/orders/17",
            ),
            (
                "https://a.test/{{v}}",
                "//evil.test/",
                "https://a.test/evil.test/",
            ),
            (
                "https://a.test/{{v}}",
                "a?b#c%2f d",
                "https://a.test/a%3Fb%23c%252f%20d",
            ),
            (
                "https://a.test/x?q={{v}}&r=1",
                "a/b&c=d",
                "https://a.test/x?q=a%2Fb%26c%3Dd&r=1",
            ),
            (
                "https://a.test/{{v}}",
                "žluť",
                "https://a.test/%C5%BElu%C5%A5",
            ),
        ] {
            let like: Url = "https://a.test/".parse().unwrap();
            let url = values(&[("v", Some(value))]).url(&Secret::new(template), &like);
            assert_eq!(url.unwrap().as_str(), expected, "{template} {value}");
        }
    }

    proptest! {
        #[test]
        fn no_value_leads_to_another_host(value in "[a-z0-9@:/?#%\\\\.{}& é]{1,20}", template in prop_oneof![
            Just("https://a.test/{{v}}"), Just("https://a.test/x{{v}}y"), Just("https://a.test?{{v}}"), Just("https://a.test/x?y={{v}}#z"),
        ]) {
            let like: Url = "https://a.test/".parse().unwrap();
            if let Ok(url) = values(&[("v", Some(&value))]).url(&Secret::new(template), &like) {
                prop_assert_eq!(url.origin(), like.origin());
                prop_assert!(url.username().is_empty() && url.password().is_none());
            }
        }

        #[test]
        fn json_stays_json(value in any::<String>()) {
            let body = values(&[("v", Some(&value))]).text("{\"a\": \"{{v}}\"}", Into::Json).unwrap();
            let read: Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(&read["a"], &Value::from(value));
        }

        #[test]
        fn no_template_panics(template in "[{}ab é]{0,30}", value in any::<String>()) {
            let values = values(&[("a", Some(&value)), ("b", None)]);
            if let Ok(text) = values.text(&template, Into::Text)
                && !template.contains("{{a}}")
            {
                prop_assert_eq!(text, template);
            }
        }
    }
}
