//! Files of other programs as plain values, and sections of them that know what was never asked for.

use std::collections::BTreeSet;

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::{Text, Trouble, words};
use crate::model::text::clean;

/// The largest file that is read, in bytes: a fleet of 20,000 has less.
pub const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Reads YAML, with its merge keys (`<<`), which these programs take: what one file says, or, of a file of Kubernetes, what its
/// `ConfigMap`s hold.
///
/// # Errors
///
/// Where it is no YAML.
pub(super) fn documents(file: Text<'_>) -> Result<Vec<Value>, Trouble> {
    let mut all = yaml(file)?;
    if !all.iter().any(is_of_kubernetes) {
        return match all.pop() {
            Some(only) if all.is_empty() => Ok(vec![only]),
            Some(_) => Err(unreadable(
                file,
                None,
                "there are several documents in it; give each as a file",
            )),
            None => Ok(vec![Value::Null]),
        };
    }
    let mut out = Vec::new();
    for document in all {
        let data = document.get("data").and_then(Value::as_object);
        for text in data
            .into_iter()
            .flat_map(Map::values)
            .filter_map(Value::as_str)
        {
            let inner = yaml(Text {
                name: file.name,
                text,
            });
            // Other things may be beside it, which need not be YAML.
            let known = inner.into_iter().flatten().filter(is_known);
            out.extend(known);
        }
    }
    if out.is_empty() {
        return Err(unreadable(
            file,
            None,
            "no `ConfigMap` in it holds a configuration",
        ));
    }
    Ok(out)
}

fn is_of_kubernetes(document: &Value) -> bool {
    document.get("apiVersion").is_some() && document.get("kind").is_some()
}

/// Whether it is a file of one of the programs.
fn is_known(document: &Value) -> bool {
    let mut keys = super::gatus::KEYS
        .iter()
        .chain(&["modules", "scrape_configs"]);
    keys.any(|key| document.get(*key).is_some())
}

fn yaml(file: Text<'_>) -> Result<Vec<Value>, Trouble> {
    small_enough(file)?;
    let wrong = |error: &serde_yaml::Error| {
        let place = error.location().map(|at| (at.line(), at.column()));
        unreadable(file, place, &error.to_string())
    };
    let mut out = Vec::new();
    for document in serde_yaml::Deserializer::from_str(file.text) {
        let mut tree = serde_yaml::Value::deserialize(document).map_err(|error| wrong(&error))?;
        tree.apply_merge().map_err(|error| wrong(&error))?;
        out.push(plain(tree));
    }
    Ok(out)
}

/// Reads JSON.
///
/// # Errors
///
/// Where it is no JSON.
pub(super) fn json(file: Text<'_>) -> Result<Value, Trouble> {
    small_enough(file)?;
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(file.text);
    serde_json::from_str(text).map_err(|error| {
        unreadable(
            file,
            Some((error.line(), error.column())),
            &error.to_string(),
        )
    })
}

fn small_enough(file: Text<'_>) -> Result<(), Trouble> {
    if file.text.len() > BYTES_MAX {
        return Err(unreadable(file, None, "it is larger than 16 MiB"));
    }
    if file.text.starts_with("SQLite format 3") {
        return Err(unreadable(
            file,
            None,
            "this is a database; export it as JSON (Uptime Kuma 1: Settings, Backup, Export)",
        ));
    }
    Ok(())
}

fn unreadable(file: Text<'_>, place: Option<(usize, usize)>, why: &str) -> Trouble {
    let name = words::shown(file.name);
    Trouble::Unreadable {
        place: match place {
            Some((line, column)) if line > 0 => format!("{name}:{line}:{column}"),
            Some(_) | None => name,
        },
        why: clean(why, 200),
    }
}

/// The same without what JSON has no word for. What carries a tag (`!!binary`) becomes something that is no text, so it is named
/// as what could not be carried.
fn plain(tree: serde_yaml::Value) -> Value {
    match tree {
        serde_yaml::Value::Null => Value::Null,
        serde_yaml::Value::Bool(is_on) => Value::Bool(is_on),
        serde_yaml::Value::Number(number) => {
            let whole = number.as_i64().map(Value::from);
            let whole = whole.or_else(|| number.as_u64().map(Value::from));
            whole.unwrap_or_else(|| match number.as_f64().map(Value::from) {
                Some(Value::Number(number)) => Value::Number(number),
                _ => Value::String(number.to_string()),
            })
        }
        serde_yaml::Value::String(text) => Value::String(text),
        serde_yaml::Value::Sequence(list) => list.into_iter().map(plain).collect(),
        serde_yaml::Value::Mapping(map) => map
            .into_iter()
            .filter_map(|(key, value)| Some((text(&plain(key))?, plain(value))))
            .collect::<Map<_, _>>()
            .into(),
        serde_yaml::Value::Tagged(tagged) => {
            let mut map = Map::new();
            map.insert(tagged.tag.to_string(), plain(tagged.value));
            Value::Object(map)
        }
    }
}

/// A single value as text.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_on) => Some(is_on.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A section of an old file. What nobody asked for, or what is not of the kind that was asked for, is in [`Fields::rest`].
pub(super) struct Fields<'a> {
    of: Option<&'a Map<String, Value>>,
    taken: BTreeSet<&'a str>,
}

impl<'a> Fields<'a> {
    /// The section; one without keys if it is none.
    pub(super) fn of(value: &'a Value) -> Self {
        Self {
            of: value.as_object(),
            taken: BTreeSet::new(),
        }
    }

    /// Whether there is a section at all.
    pub(super) const fn is_section(&self) -> bool {
        self.of.is_some()
    }

    /// What is there, whatever it is; nothing for null.
    pub(super) fn any(&mut self, key: &str) -> Option<&'a Value> {
        let (key, value) = self.of?.get_key_value(key)?;
        self.taken.insert(key);
        Some(value).filter(|value| !value.is_null())
    }

    fn of_kind<T>(&mut self, key: &str, kind: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        let (key, value) = self.of?.get_key_value(key)?;
        let found = kind(value);
        if found.is_some() || value.is_null() {
            self.taken.insert(key);
        }
        found
    }

    /// A single value as text; not empty.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let is_empty = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
        if self.of.and_then(|of| of.get(key)).is_some_and(is_empty) {
            self.ignore(key);
            return None;
        }
        self.of_kind(key, text)
    }

    /// `true` or `false`, also as 1 or 0, or in words of older YAML.
    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        self.of_kind(key, |value| match text(value)?.to_lowercase().as_str() {
            "true" | "1" | "yes" | "on" | "y" => Some(true),
            "false" | "0" | "no" | "off" | "n" => Some(false),
            _ => None,
        })
    }

    /// A number that is not negative.
    pub(super) fn number(&mut self, key: &str) -> Option<f64> {
        self.of_kind(key, |value| {
            let number: f64 = text(value)?.trim().parse().ok()?;
            (number.is_finite() && number >= 0.0).then_some(number)
        })
    }

    /// A list; a single value is a list of one.
    pub(super) fn list(&mut self, key: &str) -> &'a [Value] {
        self.any(key).map_or(&[], |value| {
            value
                .as_array()
                .map_or_else(|| std::slice::from_ref(value), Vec::as_slice)
        })
    }

    /// A section below.
    pub(super) fn section(&mut self, key: &str) -> Option<Fields<'a>> {
        self.of_kind(key, |value| value.as_object().map(|_| Fields::of(value)))
    }

    /// The keys of a section below and their single values as text.
    pub(super) fn texts(&mut self, key: &str) -> Vec<(&'a str, String)> {
        let Some(map) = self.of.and_then(|of| of.get(key)?.as_object()) else {
            return Vec::new();
        };
        let texts: Vec<_> = map
            .iter()
            .filter_map(|(key, value)| Some((key.as_str(), text(value)?)))
            .collect();
        // What was not understood stays in the rest, and so is named.
        if texts.len() == map.len() {
            self.ignore(key);
        }
        texts
    }

    /// The single values of a list as text.
    pub(super) fn words(&mut self, key: &str) -> Vec<String> {
        let Some(value) = self.of.and_then(|of| of.get(key)) else {
            return Vec::new();
        };
        let list = value
            .as_array()
            .map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
        let words: Vec<String> = list.iter().filter_map(text).collect();
        if words.len() == list.len() {
            self.ignore(key);
        }
        words
    }

    /// The keys of this section.
    pub(super) fn keys(&self) -> Vec<&'a str> {
        self.of
            .map_or_else(Vec::new, |of| of.keys().map(String::as_str).collect())
    }

    /// Takes a key as read: it means nothing to whoever moves in.
    pub(super) fn ignore(&mut self, key: &str) {
        if let Some((key, _)) = self.of.and_then(|of| of.get_key_value(key)) {
            self.taken.insert(key);
        }
    }

    /// What says something and was not asked for.
    pub(super) fn rest(&self) -> Vec<&'a str> {
        let says_nothing = |value: &Value| match value {
            Value::Null => true,
            Value::Bool(is_on) => !is_on,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::Number(_) => false,
        };
        self.of.map_or_else(Vec::new, |of| {
            of.iter()
                .filter(|(key, value)| !self.taken.contains(key.as_str()) && !says_nothing(value))
                .map(|(key, _)| key.as_str())
                .collect()
        })
    }
}
