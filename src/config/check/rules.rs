//! `rules:` conditions on status and body: `status >= 500`, `$.queue.depth > 100`, `$.error exists`.

use serde_json::Value;
use serde_json_path::JsonPath;

use super::Check;
use crate::{
    config::{code::Code, decode::At, raw, report::Problem, source::Span},
    model::{
        plan::{Comparison, HealthRule, RuleVerdict, Subject},
        text::{FOREIGN_MAX, clean},
    },
};

/// What a condition asks, without what it means.
#[derive(Clone, PartialEq, Debug)]
struct Condition {
    subject: Subject,
    comparison: Comparison,
    value: Option<Value>,
}

impl Check<'_> {
    pub(super) fn rules(&self, at: Option<&At<Vec<At<raw::Rule>>>>) -> Vec<HealthRule> {
        let list = at
            .and_then(|at| at.value.as_ref())
            .map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(|at| self.rule(at)).collect()
    }

    fn rule(&self, at: &At<raw::Rule>) -> Option<HealthRule> {
        let raw = at.value.as_ref()?;
        for (key, has) in [("if", raw.r#if.is_some()), ("then", raw.then.is_some())] {
            if !has && !self.findings.was_meant(at.span, key) {
                self.report(
                    Problem::new(Code::Missing, at.span, format!("a rule has no `{key}`"))
                        .help("write `{ if: \"$.queue.depth > 100\", then: degraded }`"),
                );
            }
        }
        let say = raw.say.as_ref().and_then(|at| self.text(at, "`say`"));
        let typed = raw.r#if.as_ref()?;
        let text = self.text(typed, "`if`")?;
        let condition = self.condition(typed.span, &text)?;
        let then = match raw.then.as_ref()?.value.as_ref()?.0.as_str() {
            "operational" => RuleVerdict::Operational,
            "degraded" => RuleVerdict::Degraded,
            _ => RuleVerdict::Down,
        };
        Some(HealthRule {
            subject: condition.subject,
            comparison: condition.comparison,
            value: condition.value,
            then,
            say: say.unwrap_or_else(|| clean(&text, FOREIGN_MAX)),
        })
    }

    fn condition(&self, span: Span, text: &str) -> Option<Condition> {
        match parse(text) {
            Ok(condition) => Some(condition),
            Err((piece, why)) => {
                let span = self.piece(self.inner(span), piece);
                self.report(
                    Problem::new(Code::Condition, span, "this condition cannot be understood")
                        .label(why)
                        .help("write `status >= 500`, `$.queue.depth > 100`, `$.status == \"UP\"`, `$.error exists` or `$.version missing`"),
                );
                None
            }
        }
    }

    /// A condition on a JSON body that has to hold.
    pub(super) fn json_condition(&self, at: &At<String>) -> Option<HealthRule> {
        let text = self.text(at, "`json`")?;
        let condition = self.condition(at.span, &text)?;
        if condition.subject == Subject::Status {
            self.report(
                Problem::new(
                    Code::Condition,
                    at.span,
                    "`json` is about the body, and this is about the status",
                )
                .help("say it with `status:`"),
            );
            return None;
        }
        Some(HealthRule {
            subject: condition.subject,
            comparison: condition.comparison,
            value: condition.value,
            then: RuleVerdict::Operational,
            say: clean(&text, FOREIGN_MAX),
        })
    }
}

/// Reads a condition.
///
/// # Errors
///
/// The piece that is wrong, and why.
fn parse(text: &str) -> Result<Condition, (&str, String)> {
    let text = text.trim();
    let (left, operator, right) = split(text);
    let subject = match left.trim() {
        "status" => Subject::Status,
        path if path.starts_with('$') => Subject::Json(
            JsonPath::parse(path).map_err(|error| (path, clean(&error.to_string(), 100)))?,
        ),
        "" => {
            return Err((
                text,
                String::from("it begins with `status` or a JSONPath such as `$.status`"),
            ));
        }
        other => {
            return Err((
                other,
                String::from("did you mean `status`, or a JSONPath such as `$.status`?"),
            ));
        }
    };
    let comparison = match operator {
        "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        "exists" => Comparison::Exists,
        "missing" => Comparison::Missing,
        "=" => return Err(("=", String::from("did you mean `==`?"))),
        _ => {
            return Err((
                text,
                String::from("a comparison is missing: == != < <= > >= exists missing"),
            ));
        }
    };
    let right = right.trim();
    if matches!(comparison, Comparison::Exists | Comparison::Missing) {
        if !right.is_empty() {
            return Err((right, format!("nothing comes after `{operator}`")));
        }
        if subject == Subject::Status {
            return Err((
                text,
                String::from("there is always a status; compare it with a number"),
            ));
        }
        return Ok(Condition {
            subject,
            comparison,
            value: None,
        });
    }
    let value = value(right)?;
    let is_ordered = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    if (is_ordered || subject == Subject::Status) && !value.is_number() {
        return Err((right, String::from("this is compared with numbers only")));
    }
    Ok(Condition {
        subject,
        comparison,
        value: Some(value),
    })
}

fn value(text: &str) -> Result<Value, (&str, String)> {
    if text.is_empty() {
        return Err((text, String::from("the value to compare with is missing")));
    }
    if let Some(inner) = text
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
    {
        return Ok(Value::from(inner));
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_array() || value.is_object() => Err((
            text,
            String::from("compare with a number, a text, true, false or null"),
        )),
        Ok(value) => Ok(value),
        Err(_) => Err((text, format!("put text in quotes: \"{}\"", clean(text, 40)))),
    }
}

/// Left side, operator, right side; operators within brackets and quotes belong to the path.
fn split(text: &str) -> (&str, &str, &str) {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '(') => depth += 1,
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            (None, '=' | '!' | '<' | '>') if depth == 0 => {
                let two = text
                    .get(at..at + 2)
                    .filter(|two| matches!(*two, "==" | "!=" | "<=" | ">="));
                let operator = two.unwrap_or(&text[at..=at]);
                return (&text[..at], operator, &text[at + operator.len()..]);
            }
            (None, c) if c.is_whitespace() && depth == 0 => {
                let rest = text[at..].trim_start();
                for word in ["exists", "missing"] {
                    let after = rest.strip_prefix(word);
                    if let Some(after) =
                        after.filter(|after| !after.starts_with(char::is_alphanumeric))
                    {
                        return (&text[..at], word, after);
                    }
                }
            }
            (Some(_) | None, _) => {}
        }
    }
    (text, "", "")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn conditions_are_read_or_explained() {
        let mut out = String::new();
        for text in [
            "status >= 500",
            "status==503",
            "$.queue.depth > 100",
            "$.status == \"UP\"",
            "$.status != 'UP'",
            "$.error exists",
            "$['a b'].c missing",
            "$.a[?@.b > 3].c <= 2.5",
            "$.nodes[?@.state == 'x'] exists",
            "$.ok == true",
            "$.status == UP",
            "$.status = \"UP\"",
            "$.queue.depth > \"a\"",
            "status exists",
            "status == \"OK\"",
            "stauts > 3",
            "$.a..[",
            "$.a >",
            "$.a exists now",
            "$.a == [1]",
            "$.a",
            "",
        ] {
            match parse(text) {
                Ok(condition) => {
                    let subject = match condition.subject {
                        Subject::Status => String::from("status"),
                        Subject::Json(path) => path.to_string(),
                    };
                    writeln!(
                        out,
                        "{text:34} {subject} {:?} {:?}",
                        condition.comparison, condition.value
                    )
                    .unwrap();
                }
                Err((piece, why)) => writeln!(out, "{text:34} {piece:?}: {why}").unwrap(),
            }
        }
        expect![[r#"
            status >= 500                      status GreaterOrEqual Some(Number(500))
            status==503                        status Equal Some(Number(503))
            $.queue.depth > 100                $.queue.depth Greater Some(Number(100))
            $.status == "UP"                   $.status Equal Some(String("UP"))
            $.status != 'UP'                   $.status NotEqual Some(String("UP"))
            $.error exists                     $.error Exists None
            $['a b'].c missing                 $['a b'].c Missing None
            $.a[?@.b > 3].c <= 2.5             $.a[?@['b']>3].c LessOrEqual Some(Number(2.5))
            $.nodes[?@.state == 'x'] exists    $.nodes[?@['state']=='x'] Exists None
            $.ok == true                       $.ok Equal Some(Bool(true))
            $.status == UP                     "UP": put text in quotes: "UP"
            $.status = "UP"                    "=": did you mean `==`?
            $.queue.depth > "a"                "\"a\"": this is compared with numbers only
            status exists                      "status exists": there is always a status; compare it with a number
            status == "OK"                     "\"OK\"": this is compared with numbers only
            stauts > 3                         "stauts": did you mean `status`, or a JSONPath such as `$.status`?
            $.a..[                             "$.a..[": at position 5, must start with lowercase alpha or '_'
            $.a >                              "": the value to compare with is missing
            $.a exists now                     "now": nothing comes after `exists`
            $.a == [1]                         "[1]": compare with a number, a text, true, false or null
            $.a                                "$.a": a comparison is missing: == != < <= > >= exists missing
                                               "": it begins with `status` or a JSONPath such as `$.status`
        "#]].assert_eq(&out);
    }

    proptest! {
        #[test]
        fn no_condition_panics(text in "[$a-c.@?\\[\\]()'\"<>=! 0-9éx]{0,30}") {
            let _ = parse(&text);
        }
    }
}
