//! From the tree to the types of [`raw`], with every mistake of form on the way.
//!
//! Serde stops at the first error of a value. Here every field is an [`At`], which takes the error of its value down and
//! goes on without the value; a struct tells us its keys, so unknown ones are found at once and skipped.

mod vessels;

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor},
    forward_to_deserialize_any,
};

use self::vessels::{AT, LIST_OR, ONE_OR_MANY, SWITCH_OR, TEXT_OR};
pub(crate) use self::vessels::{At, ListOr, Named, OneOrMany, SwitchOr, TextOr};
use super::{
    code::Code,
    findings::Findings,
    raw,
    report::Problem,
    source::{Source, Span, is_secret_key},
    suggest::{listed, nearest},
    syntax,
    tree::{Entry, Form, Kind, Node},
};
use crate::model::text::clean;

/// Decodes the whole tree.
pub(crate) fn decode<'a, T: Deserialize<'a>>(
    node: &'a Node,
    sources: &'a [std::sync::Arc<Source>],
    findings: &'a Findings,
) -> At<T> {
    let world = World { sources, findings };
    At::deserialize(Decoder {
        node,
        key: None,
        is_item: false,
        world: &world,
    })
    .unwrap_or(At {
        span: node.span,
        value: None,
    })
}

struct World<'a> {
    sources: &'a [std::sync::Arc<Source>],
    findings: &'a Findings,
}

/// One value that is being decoded.
#[derive(Clone, Copy)]
struct Decoder<'a, 'w> {
    node: &'a Node,
    key: Option<&'a Entry>,
    /// Whether it is one of a list under the key.
    is_item: bool,
    world: &'w World<'w>,
}

/// Why a value could not be decoded.
#[derive(Debug)]
enum Fault {
    /// It should be something else.
    Not(String),
    /// It should be one of these words.
    NoSuchWord(&'static [&'static str]),
    /// Anything else.
    Other(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Not(wanted) => write!(f, "expected {wanted}"),
            Self::NoSuchWord(words) => write!(f, "expected one of {}", words.join(", ")),
            Self::Other(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::Other(words.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::Not(wanted.to_string())
    }

    fn invalid_value(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::Not(wanted.to_string())
    }

    fn unknown_variant(_: &str, words: &'static [&'static str]) -> Self {
        Self::NoSuchWord(words)
    }
}

impl<'a, 'w> Decoder<'a, 'w> {
    fn child(self, node: &'a Node, key: &'a Entry) -> Self {
        Self {
            node,
            key: Some(key),
            is_item: false,
            ..self
        }
    }

    fn item(self, node: &'a Node) -> Self {
        Self {
            node,
            is_item: true,
            ..self
        }
    }

    /// `` `name` `` or "this value".
    fn subject(&self) -> String {
        self.key.map_or_else(
            || String::from("this value"),
            |entry| {
                let of = if self.is_item { "an item of " } else { "" };
                format!("{of}`{}`", clean(&entry.key, 64))
            },
        )
    }

    fn source(&self) -> Option<&'w Source> {
        self.world
            .sources
            .get(usize::from(self.node.span.file))
            .map(|source| &**source)
    }

    /// Where to point if this value is wrong: an empty value is nowhere, its key is not.
    fn place(&self) -> Span {
        match self.key {
            Some(entry) if self.node.span.start >= self.node.span.end => entry.span,
            Some(_) | None => self.node.span,
        }
    }

    fn report(&self, fault: Fault) {
        self.world.findings.report(match (&self.node.kind, fault) {
            (Kind::Scalar(Form::Null, _), _) => self.empty(),
            (Kind::Scalar(_, text), Fault::NoSuchWord(words)) => {
                no_such_word(self.place(), &self.subject(), text, words.iter().copied())
            }
            (_, Fault::NoSuchWord(words)) => {
                self.wrong(&format!("one of {}", listed(words.iter().copied())))
            }
            (_, Fault::Not(wanted)) => self.wrong(&wanted),
            (_, Fault::Other(words)) => Problem::new(
                Code::WrongType,
                self.place(),
                format!("{} cannot be used: {}", self.subject(), clean(&words, 120)),
            ),
        });
    }

    fn wrong(&self, wanted: &str) -> Problem {
        let found = match &self.node.kind {
            Kind::Scalar(Form::Null, _) => "nothing",
            Kind::Scalar(Form::Bool(_), _) => "`true` or `false`",
            Kind::Scalar(Form::Number, _) => "a number",
            Kind::Scalar(Form::Text, _) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "keys and values",
        };
        let problem = Problem::new(
            Code::WrongType,
            self.place(),
            format!("{} should be {wanted}, not {found}", self.subject()),
        );
        match &self.node.kind {
            Kind::Scalar(Form::Text, text) if wanted.starts_with("`true`") => {
                match text.to_lowercase().as_str() {
                    "yes" | "on" | "y" => problem.label("did you mean `true`?"),
                    "no" | "off" | "n" => problem.label("did you mean `false`?"),
                    _ => problem,
                }
            }
            Kind::Scalar(Form::Text, text)
                if wanted.ends_with("number") && text.parse::<u32>().is_ok() =>
            {
                problem.label("write it without quotes")
            }
            Kind::Scalar(Form::Bool(_), text) if wanted.starts_with("text") => {
                problem.label(format!(
                    "did you mean the word \"{}\"? put it in quotes",
                    clean(text, 10)
                ))
            }
            Kind::Map(entries) if wanted.starts_with("a list") => match entries.first() {
                Some(_) => problem.label("each one begins with `- `"),
                None => problem,
            },
            Kind::Scalar(..) | Kind::List(_) | Kind::Map(_) => problem,
        }
    }

    fn empty(&self) -> Problem {
        if let (Some(entry), Some(source)) = (self.key, self.source()) {
            let after = entry.span.end as usize;
            let line = source.line(source.line_of(after));
            let rest = source.text.get(after..line.end.max(after)).unwrap_or("");
            if let Some(comment) = rest.find(" #").map(|at| at + 1)
                && rest[comment + 1..].starts_with(|c: char| c.is_alphanumeric())
                && rest[..comment].trim_end().ends_with(':')
            {
                let span = entry
                    .span
                    .with(after + comment..after + rest.trim_end().len());
                return syntax::swallowed(span, Some(&entry.key), &rest[comment..]);
            }
        }
        Problem::new(
            Code::Empty,
            self.place(),
            format!("{} is empty", self.subject()),
        )
        .help("give it a value, or remove the key")
    }

    /// Tells apart what a section takes, what a later version will take, and what is misspelt.
    fn unknown_key(self, section: &'static str, keys: &'static [&'static str], entry: &Entry) {
        let findings = self.world.findings;
        let key = clean(&entry.key, 64);
        if raw::is_later(section, &entry.key) {
            findings.report(
                Problem::new(
                    Code::NotYet,
                    entry.span,
                    format!("`{key}` is not available in this version"),
                )
                .label("remove it")
                .help(format!("{section} may have: {}", all(keys))),
            );
            for check in keys {
                findings.meant(self.node.span, check);
            }
            return;
        }
        let mut problem = Problem::new(
            Code::UnknownKey,
            entry.span,
            format!("unknown field `{key}`"),
        );
        let is_free = |candidate: &&str| !self.has(candidate);
        if let Some(meant) = nearest(&entry.key, keys.iter().copied().filter(is_free))
            .or_else(|| nearest(&entry.key, keys.iter().copied()))
        {
            problem = problem.label(format!("did you mean `{meant}`?"));
            findings.meant(self.node.span, meant);
            if is_secret_key(meant) {
                findings.hide(entry.value.span);
            }
        } else if let Some(home) = raw::sections_with(&entry.key).first() {
            problem = problem.label(format!("belongs to {home}"));
        }
        findings.report(problem.help(format!("{section} may have: {}", all(keys))));
    }

    fn has(&self, key: &str) -> bool {
        match &self.node.kind {
            Kind::Map(entries) => entries.iter().any(|entry| entry.key == key),
            Kind::Scalar(..) | Kind::List(_) => false,
        }
    }
}

/// The problem of a word that is none of those that can be here.
pub(crate) fn no_such_word<'a>(
    span: Span,
    subject: &str,
    word: &str,
    words: impl IntoIterator<Item = &'a str> + Clone,
) -> Problem {
    let problem = Problem::new(
        Code::NoSuchWord,
        span,
        format!("{subject} cannot be `{}`", clean(word, 64)),
    );
    let problem = match nearest(word, words.clone()) {
        Some(meant) => problem.label(format!("did you mean `{meant}`?")),
        None => problem,
    };
    let all: Vec<_> = words.into_iter().collect();
    problem.help(format!("it is one of: {}", all.join(", ")))
}

/// All keys of a section.
fn all(keys: &[&str]) -> String {
    keys.join(", ")
}

impl<'de> Deserializer<'de> for Decoder<'de, '_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::Scalar(Form::Null, _) => visitor.visit_unit(),
            Kind::Scalar(Form::Bool(value), _) => visitor.visit_bool(*value),
            Kind::Scalar(Form::Number | Form::Text, text) => visitor.visit_str(text),
            Kind::List(_) => self.deserialize_seq(visitor),
            Kind::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::Scalar(Form::Number | Form::Text, text) => visitor.visit_str(text),
            Kind::Scalar(Form::Null | Form::Bool(_), _) | Kind::List(_) | Kind::Map(_) => {
                Err(Fault::Not(String::from("text")))
            }
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::Scalar(Form::Bool(value), _) => visitor.visit_bool(*value),
            Kind::Scalar(Form::Null | Form::Number | Form::Text, _)
            | Kind::List(_)
            | Kind::Map(_) => Err(Fault::Not(String::from("`true` or `false`"))),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let number = match &self.node.kind {
            Kind::Scalar(Form::Number, text) => text.parse().ok(),
            Kind::Scalar(Form::Null | Form::Bool(_) | Form::Text, _)
            | Kind::List(_)
            | Kind::Map(_) => None,
        };
        match number {
            Some(number) => visitor.visit_u32(number),
            None => Err(Fault::Not(String::from("a whole number"))),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let number = match &self.node.kind {
            Kind::Scalar(Form::Number, text) => text.parse::<f64>().ok(),
            Kind::Scalar(Form::Null | Form::Bool(_) | Form::Text, _)
            | Kind::List(_)
            | Kind::Map(_) => None,
        };
        match number {
            Some(number) if number.is_finite() => visitor.visit_f64(number),
            Some(_) => Err(Fault::Not(String::from("a finite number"))),
            None if matches!(self.node.kind, Kind::Scalar(Form::Number, _)) => Err(Fault::Not(
                String::from("a finite number in decimal digits"),
            )),
            None => Err(Fault::Not(String::from("a number"))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match (name, &self.node.kind) {
            (AT, _) => visitor.visit_seq(Place {
                decoder: self,
                step: 0,
            }),
            (TEXT_OR, Kind::Scalar(Form::Number | Form::Text, text)) => visitor.visit_str(text),
            (SWITCH_OR, Kind::Scalar(Form::Bool(is_on), _)) => visitor.visit_bool(*is_on),
            (SWITCH_OR, Kind::Scalar(..) | Kind::List(_)) => Err(Fault::Not(String::from(
                "`true`, `false`, or keys and values",
            ))),
            (LIST_OR, Kind::Scalar(..)) => {
                Err(Fault::Not(String::from("a list, or keys and values")))
            }
            (ONE_OR_MANY | LIST_OR, Kind::List(items)) => visitor.visit_seq(Items {
                decoder: self,
                left: items.iter(),
            }),
            (ONE_OR_MANY, Kind::Scalar(..) | Kind::Map(_)) => visitor.visit_seq(Items {
                decoder: self,
                left: std::slice::from_ref(self.node).iter(),
            }),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::List(items) => visitor.visit_seq(Items {
                decoder: self,
                left: items.iter(),
            }),
            Kind::Scalar(..) | Kind::Map(_) => Err(Fault::Not(String::from("a list"))),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::Map(entries) => visitor.visit_map(Entries {
                decoder: self,
                left: entries.iter(),
                keys: None,
                value: None,
            }),
            Kind::Scalar(..) | Kind::List(_) => {
                Err(Fault::Not(String::from("names, each with its settings")))
            }
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::Map(entries) => visitor.visit_map(Entries {
                decoder: self,
                left: entries.iter(),
                keys: Some((name, keys)),
                value: None,
            }),
            Kind::Scalar(..) | Kind::List(_) => {
                let some: Vec<_> = keys.iter().copied().take(3).collect();
                Err(Fault::Not(format!(
                    "keys and values ({}, …)",
                    some.join(", ")
                )))
            }
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u64 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct enum
        identifier ignored_any
    }
}

/// Place and value, in three steps, for [`At`].
struct Place<'a, 'w> {
    decoder: Decoder<'a, 'w>,
    step: u8,
}

impl<'de> SeqAccess<'de> for Place<'de, '_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        self.step += 1;
        let span = self.decoder.node.span;
        match self.step {
            1 => seed
                .deserialize(u32::from(span.file).into_deserializer())
                .map(Some),
            2 => seed.deserialize(span.start.into_deserializer()).map(Some),
            3 => seed.deserialize(span.end.into_deserializer()).map(Some),
            _ => match seed.deserialize(self.decoder) {
                Ok(value) => Ok(Some(value)),
                Err(fault) => {
                    self.decoder.report(fault);
                    Ok(None)
                }
            },
        }
    }
}

struct Items<'a, 'w> {
    decoder: Decoder<'a, 'w>,
    left: std::slice::Iter<'a, Node>,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        self.left
            .next()
            .map(|node| seed.deserialize(self.decoder.item(node)))
            .transpose()
    }
}

/// Keys and values of a section (whose keys are known) or of a map with free names.
struct Entries<'a, 'w> {
    decoder: Decoder<'a, 'w>,
    left: std::slice::Iter<'a, Entry>,
    keys: Option<(&'static str, &'static [&'static str])>,
    value: Option<&'a Entry>,
}

impl<'de> MapAccess<'de> for Entries<'de, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        for entry in self.left.by_ref() {
            self.value = Some(entry);
            match self.keys {
                Some((_, keys)) if keys.contains(&entry.key.as_str()) => {
                    return seed
                        .deserialize(entry.key.as_str().into_deserializer())
                        .map(Some);
                }
                Some((section, keys)) => self.decoder.unknown_key(section, keys, entry),
                None => return seed.deserialize(Key(entry)).map(Some),
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        match self.value.take() {
            Some(entry) => seed.deserialize(self.decoder.child(&entry.value, entry)),
            None => Err(Fault::Other(String::from(
                "a value was asked for before its key",
            ))),
        }
    }
}

/// A free name, with its place.
struct Key<'a>(&'a Entry);

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Span { file, start, end } = self.0.span;
        let mut step = 0;
        let parts = std::iter::from_fn(|| {
            step += 1;
            match step {
                1 => Some(KeyPart::Number(u32::from(file))),
                2 => Some(KeyPart::Number(start)),
                3 => Some(KeyPart::Number(end)),
                4 => Some(KeyPart::Text(&self.0.key)),
                _ => None,
            }
        });
        visitor.visit_seq(serde::de::value::SeqDeserializer::new(parts))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

enum KeyPart<'a> {
    Number(u32),
    Text(&'a str),
}

impl<'a> IntoDeserializer<'a, Fault> for KeyPart<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for KeyPart<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Self::Number(number) => visitor.visit_u32(number),
            Self::Text(text) => visitor.visit_str(text),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
