//! What `serde_yaml` makes of the same text, and where it differs.

use std::fmt;

use serde::{
    Deserialize,
    de::{MapAccess, SeqAccess, Visitor},
};

use super::{Form, Kind, Node};
use crate::config::{code::Code, findings::Findings, report::Problem, source::Span};

/// What `serde_yaml` reads, with keys in their order and as often as they are there.
#[derive(PartialEq, Debug)]
pub(super) enum Plain {
    Scalar(Form, Option<String>),
    List(Vec<Plain>),
    Map(Vec<(Plain, Plain)>),
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Plain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Plain, E> {
        Ok(Plain::Scalar(Form::Null, None))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Plain, E> {
        Ok(Plain::Scalar(Form::Bool(value), None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Plain, E> {
        Ok(Plain::Scalar(Form::Number, None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Plain, E> {
        Ok(Plain::Scalar(Form::Number, None))
    }

    fn visit_i128<E>(self, _: i128) -> Result<Plain, E> {
        Ok(Plain::Scalar(Form::Number, None))
    }

    fn visit_u128<E>(self, _: u128) -> Result<Plain, E> {
        Ok(Plain::Scalar(Form::Number, None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Plain, E> {
        Ok(Plain::Scalar(Form::Number, None))
    }

    fn visit_str<E>(self, text: &str) -> Result<Plain, E> {
        Ok(Plain::Scalar(Form::Text, Some(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Plain, A::Error> {
        let mut out = Vec::new();
        while let Some(item) = items.next_element()? {
            out.push(item);
        }
        Ok(Plain::List(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Plain, A::Error> {
        let mut out = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            out.push(entry);
        }
        Ok(Plain::Map(out))
    }
}

/// Takes over from `serde_yaml` what every single value is.
pub(super) fn agree(node: &mut Node, value: &Plain, findings: &Findings) {
    match (&mut node.kind, value) {
        (Kind::Scalar(form, text), Plain::Scalar(theirs, their_text)) => {
            let is_same = their_text.as_ref().is_none_or(|theirs| theirs == text);
            *form = *theirs;
            if is_same {
                return;
            }
        }
        (Kind::List(items), Plain::List(theirs)) if items.len() == theirs.len() => {
            for (item, theirs) in items.iter_mut().zip(theirs) {
                agree(item, theirs, findings);
            }
            return;
        }
        (Kind::Map(entries), Plain::Map(theirs)) if entries.len() == theirs.len() => {
            for (entry, (key, theirs)) in entries.iter_mut().zip(theirs) {
                if let Plain::Scalar(_, Some(key)) = key
                    && *key != entry.key
                {
                    findings.report(readers_differ(entry.span));
                }
                agree(&mut entry.value, theirs, findings);
            }
            return;
        }
        (Kind::Scalar(..) | Kind::List(_) | Kind::Map(_), _) => {}
    }
    findings.report(readers_differ(node.span));
}

fn readers_differ(span: Span) -> Problem {
    Problem::new(
        Code::ReadersDiffer,
        span,
        "two YAML readers understand this value differently",
    )
    .help("put it in quotes, on one line")
}
