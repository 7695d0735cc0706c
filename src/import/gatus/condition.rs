//! `[STATUS] == 200`, `[BODY].status == UP`, `[RESPONSE_TIME] < 300`: what a condition of Gatus means for us.
//!
//! Source: `config/endpoint/condition.go`: two sides with ` == `, ` != `, ` <= `, ` >= `, ` > ` or ` < ` between them, in this order;
//! `pat(…)` has `*` for anything, `any(…)` is a list.

use std::time::Duration;

use serde_json::Value as Json;

use crate::import::words::{self, Statuses};

/// What a condition asks for.
pub(super) enum Meaning {
    /// Nothing that is not asked for anyway.
    Implied,
    /// One of these statuses.
    Status(Statuses),
    /// An answer within this time.
    Within(Duration),
    /// A body that this regular expression is found in.
    Body(String),
    /// A condition on the JSON of the body, in our words.
    Json(String),
    /// The same, and why it is not quite the same.
    JsonNearly(String, &'static str),
    /// A certificate that lasts for longer than this.
    Certificate(Duration),
    /// It cannot be said, and why.
    Unknown(&'static str),
}

/// Reads a condition.
pub(super) fn meaning(text: &str) -> Meaning {
    const OPERATORS: [&str; 6] = ["==", "!=", "<=", ">=", ">", "<"];
    let split = OPERATORS.iter().find_map(|operator| {
        let (left, right) = text.split_once(&format!(" {operator} "))?;
        Some((left.trim(), *operator, right.trim()))
    });
    let Some((left, operator, right)) = split else {
        return Meaning::Unknown("it has no comparison");
    };
    let is_placeholder = |side: &str| side.starts_with('[') || side.contains("([");
    let (left, operator, right) = if is_placeholder(right) && !is_placeholder(left) {
        (right, turned(operator), left)
    } else {
        (left, operator, right)
    };
    match left {
        "[STATUS]" => status(operator, right),
        "[RESPONSE_TIME]" => response_time(operator, right),
        "[CONNECTED]" if operator == "==" && right == "true" => Meaning::Implied,
        "[DNS_RCODE]" if operator == "==" && right == "NOERROR" => Meaning::Implied,
        "[CERTIFICATE_EXPIRATION]" if matches!(operator, ">" | ">=") => words::duration(right)
            .map_or(
                Meaning::Unknown("its right side is no duration"),
                Meaning::Certificate,
            ),
        "[DOMAIN_EXPIRATION]" => Meaning::Unknown("registrations of domains are not looked at"),
        "[IP]" => Meaning::Unknown("say `dns: { expect: … }` for what a name leads to"),
        "[BODY]" => body(operator, right),
        _ => json(left, operator, right),
    }
}

fn turned(operator: &str) -> &str {
    match operator {
        "<=" => ">=",
        ">=" => "<=",
        ">" => "<",
        "<" => ">",
        other => other,
    }
}

fn status(operator: &str, right: &str) -> Meaning {
    if let Some(list) = function(right, "any") {
        let codes: Vec<u16> = list
            .split(',')
            .filter_map(|code| code.trim().parse().ok())
            .collect();
        return match operator {
            "==" => Meaning::Status(Statuses::which(|code| codes.contains(&code))),
            "!=" => Meaning::Status(Statuses::which(|code| !codes.contains(&code))),
            _ => Meaning::Unknown("a list is compared with == and !="),
        };
    }
    if let Some(pattern) = function(right, "pat") {
        let Ok(pattern) = regex::Regex::new(&words::glob(pattern)) else {
            return Meaning::Unknown("its pattern is too long");
        };
        let fits = |code: u16| pattern.is_match(&code.to_string());
        return match operator {
            "==" => Meaning::Status(Statuses::which(fits)),
            "!=" => Meaning::Status(Statuses::which(|code| !fits(code))),
            _ => Meaning::Unknown("a pattern is compared with == and !="),
        };
    }
    let Ok(number) = right.parse::<u16>() else {
        return Meaning::Unknown("its right side is no status");
    };
    Meaning::Status(Statuses::which(|code| match operator {
        "==" => code == number,
        "!=" => code != number,
        "<=" => code <= number,
        ">=" => code >= number,
        ">" => code > number,
        _ => code < number,
    }))
}

fn response_time(operator: &str, right: &str) -> Meaning {
    let length = match right.parse::<u64>() {
        Ok(millis) => Some(Duration::from_millis(millis)),
        Err(_) => words::duration(right),
    };
    match (operator, length) {
        ("<" | "<=", Some(length)) if !length.is_zero() => Meaning::Within(length),
        _ => Meaning::Unknown("only an upper limit of the time can be asked for"),
    }
}

fn body(operator: &str, right: &str) -> Meaning {
    match (operator, function(right, "pat"), function(right, "any")) {
        ("==", Some(pattern), _) => Meaning::Body(match words::within(pattern) {
            Some(part) => regex::escape(part),
            None => words::glob(pattern),
        }),
        ("==", None, Some(list)) => {
            let parts: Vec<String> = list
                .split(',')
                .map(|part| regex::escape(part.trim()))
                .collect();
            Meaning::Body(format!("^({})$", parts.join("|")))
        }
        ("==", None, None) => Meaning::Body(format!("^{}$", regex::escape(right))),
        _ => Meaning::Unknown("of a whole body it can only be asked what is in it"),
    }
}

fn json(left: &str, operator: &str, right: &str) -> Meaning {
    if let Some(inner) = function(left, "len") {
        return match (path(inner), operator, right) {
            (Some(path), ">" | "!=", "0") | (Some(path), ">=", "1") => Meaning::JsonNearly(
                format!("{path} exists"),
                "that it is there is asked, not how long it is",
            ),
            _ => Meaning::Unknown("lengths are not compared"),
        };
    }
    if let Some(inner) = function(left, "has") {
        return match (path(inner), operator, right) {
            (Some(path), "==", "true") | (Some(path), "!=", "false") => {
                Meaning::Json(format!("{path} exists"))
            }
            (Some(path), "==", "false") | (Some(path), "!=", "true") => {
                Meaning::Json(format!("{path} missing"))
            }
            _ => Meaning::Unknown("it cannot be understood"),
        };
    }
    let Some(path) = path(left) else {
        return Meaning::Unknown("it cannot be understood");
    };
    if function(right, "pat").is_some() || function(right, "any").is_some() {
        return Meaning::Unknown("values of JSON are compared without patterns and lists");
    }
    if right.starts_with('[') {
        return Meaning::Unknown("two values of an answer are not compared");
    }
    let is_number = right.parse::<f64>().is_ok_and(f64::is_finite)
        && serde_json::from_str::<Json>(right).is_ok_and(|value| value.is_number());
    let value = match right {
        "true" | "false" | "null" => right.to_owned(),
        number if is_number => number.to_owned(),
        text => Json::from(text).to_string(),
    };
    if !is_number && !matches!(operator, "==" | "!=") {
        return Meaning::Unknown("only numbers are compared by size");
    }
    Meaning::Json(format!("{path} {operator} {value}"))
}

/// What stands in the brackets of a function.
fn function<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(name)?
        .strip_prefix('(')?
        .strip_suffix(')')
}

/// `[BODY].data[0].id` as `JSONPath`.
fn path(text: &str) -> Option<String> {
    let rest = text.strip_prefix("[BODY]")?;
    let mut out = String::from("$");
    for part in rest.split('.') {
        let (key, indexes) = match part.find('[') {
            Some(at) => part.split_at(at),
            None => (part, ""),
        };
        let is_plain = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let is_index = !key.is_empty() && key.chars().all(|c| c.is_ascii_digit());
        match () {
            () if key.is_empty() => {}
            () if is_index => out.extend(["[", key, "]"]),
            () if is_plain => {
                out.push('.');
                out.push_str(key);
            }
            () if key.contains(['\'', '\\']) || key.chars().any(char::is_control) => return None,
            () => out.extend(["['", key, "']"]),
        }
        let is_right = indexes.is_empty()
            || indexes
                .strip_prefix('[')?
                .strip_suffix(']')?
                .split("][")
                .all(|index| !index.is_empty() && index.chars().all(|c| c.is_ascii_digit()));
        if !is_right {
            return None;
        }
        out.push_str(indexes);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> String {
        match meaning(text) {
            Meaning::Implied => String::from("implied"),
            Meaning::Status(statuses) => format!("status {}", statuses.words().join(", ")),
            Meaning::Within(limit) => format!("within {}", words::written(limit)),
            Meaning::Body(pattern) => format!("body {pattern}"),
            Meaning::Json(condition) => format!("json {condition}"),
            Meaning::JsonNearly(condition, why) => format!("json {condition} ({why})"),
            Meaning::Certificate(left) => format!("certificate {}", words::written(left)),
            Meaning::Unknown(why) => format!("unknown: {why}"),
        }
    }

    #[test]
    fn conditions_mean_the_same_or_say_why_not() {
        let mut out = String::new();
        for text in [
            "[STATUS] == 200",
            "[STATUS] < 300",
            "300 > [STATUS]",
            "[STATUS] == any(200, 429)",
            "[STATUS] == pat(2*)",
            "[STATUS] != 500",
            "[RESPONSE_TIME] < 300",
            "[RESPONSE_TIME] > 300",
            "[CONNECTED] == true",
            "[CERTIFICATE_EXPIRATION] > 48h",
            "[DOMAIN_EXPIRATION] > 720h",
            "[DNS_RCODE] == NOERROR",
            "[BODY] == pat(*hello*)",
            "[BODY] == pat(a*b)",
            "[BODY] == 1.2.3.4",
            "[BODY] != x",
            "[BODY].status == UP",
            "[BODY].count > 5",
            "[BODY].deleted == false",
            "[BODY].data[0].id == 1",
            "[BODY][0].id == 1",
            "[BODY].a-b.c == x",
            "[BODY].name == pat(john*)",
            "[BODY].x == [CONTEXT].y",
            "len([BODY].text) > 0",
            "len([BODY].list) == 3",
            "has([BODY].errors) == false",
            "[STATUS] = 200",
            "",
        ] {
            writeln!(out, "{text:34} {}", told(text)).unwrap();
        }
        expect![[r#"
            [STATUS] == 200                    status 200
            [STATUS] < 300                     status 100-299
            300 > [STATUS]                     status 100-299
            [STATUS] == any(200, 429)          status 200, 429
            [STATUS] == pat(2*)                status 2xx
            [STATUS] != 500                    status 100-499, 501-599
            [RESPONSE_TIME] < 300              within 300ms
            [RESPONSE_TIME] > 300              unknown: only an upper limit of the time can be asked for
            [CONNECTED] == true                implied
            [CERTIFICATE_EXPIRATION] > 48h     certificate 2d
            [DOMAIN_EXPIRATION] > 720h         unknown: registrations of domains are not looked at
            [DNS_RCODE] == NOERROR             implied
            [BODY] == pat(*hello*)             body hello
            [BODY] == pat(a*b)                 body (?s)^a.*b$
            [BODY] == 1.2.3.4                  body ^1\.2\.3\.4$
            [BODY] != x                        unknown: of a whole body it can only be asked what is in it
            [BODY].status == UP                json $.status == "UP"
            [BODY].count > 5                   json $.count > 5
            [BODY].deleted == false            json $.deleted == false
            [BODY].data[0].id == 1             json $.data[0].id == 1
            [BODY][0].id == 1                  json $[0].id == 1
            [BODY].a-b.c == x                  json $['a-b'].c == "x"
            [BODY].name == pat(john*)          unknown: values of JSON are compared without patterns and lists
            [BODY].x == [CONTEXT].y            unknown: two values of an answer are not compared
            len([BODY].text) > 0               json $.text exists (that it is there is asked, not how long it is)
            len([BODY].list) == 3              unknown: lengths are not compared
            has([BODY].errors) == false        json $.errors missing
            [STATUS] = 200                     unknown: it has no comparison
                                               unknown: it has no comparison
        "#]].assert_eq(&out);
    }

    proptest! {
        #[test]
        fn no_condition_panics(text in "[\\[\\]A-Z.a-c()*,=!<> 0-9é'$]{0,40}") {
            let _ = told(&text);
            let _ = told(&format!("[BODY]{text} == {text}"));
            let _ = told(&format!("[STATUS] == {text}"));
        }
    }
}
