//! A target in the making, and values of the new file.

use std::{collections::BTreeSet, time::Duration};

use super::words;

/// A value of the new file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Value {
    /// A text; in quotes where it has to be.
    Text(String),
    /// A number, a duration, `true`: never in quotes.
    Word(String),
    /// A list.
    List(Vec<Value>),
    /// A section, its keys in this order.
    Map(Vec<(String, Value)>),
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn word(word: impl std::fmt::Display) -> Self {
        Self::Word(format!("{word}"))
    }

    pub(super) fn length(length: Duration) -> Self {
        Self::Word(words::written(length))
    }

    /// A list of texts; a single one stands alone.
    pub(super) fn texts(mut texts: Vec<String>) -> Self {
        match texts.pop() {
            Some(only) if texts.is_empty() => Self::Text(only),
            Some(last) => {
                texts.push(last);
                Self::List(texts.into_iter().map(Self::Text).collect())
            }
            None => Self::List(Vec::new()),
        }
    }
}

/// Something about a target that can be left out if it is refused.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// The keys that lead to it.
    pub(super) path: Vec<String>,
    pub(super) value: Value,
    /// Whether it is one of a list.
    pub(super) is_item: bool,
    /// What it was in the old file.
    pub(super) what: String,
}

/// What is watched.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) group: Option<String>,
    /// What it was in the old file: `endpoint "api"`.
    pub(super) from: String,
    pub(super) interval: Option<Duration>,
    pub(super) timeout: Option<Duration>,
    /// Its checks, and what else it cannot do without.
    pub(super) keys: Vec<(String, Value)>,
    pub(super) pieces: Vec<Piece>,
    /// What means only nearly the same.
    pub(super) near: Vec<String>,
    /// The channels that it is told in; none is the usual ones.
    pub(super) to: BTreeSet<String>,
    pub(super) remind_after: Option<Duration>,
}

impl Target {
    /// Says something more of it.
    pub(super) fn piece(&mut self, path: &[&str], value: Value, what: impl Into<String>) {
        self.add(path, value, what.into(), false);
    }

    /// Says one more of a list.
    pub(super) fn item(&mut self, path: &[&str], value: Value, what: impl Into<String>) {
        self.add(path, value, what.into(), true);
    }

    fn add(&mut self, path: &[&str], value: Value, what: String, is_item: bool) {
        self.pieces.push(Piece {
            path: path.iter().map(|key| (*key).to_owned()).collect(),
            value,
            is_item,
            what,
        });
    }

    /// Whether it has this check.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|(known, _)| known == key)
    }

    /// How often it is looked at and for how long, within what is possible.
    pub(super) fn rhythm(&mut self, interval: Duration, timeout: Option<Duration>) {
        let usual = interval.clamp(Duration::from_secs(1), Duration::from_hours(24));
        let millis = u64::try_from(usual.as_millis()).unwrap_or(u64::MAX);
        let kept = Duration::from_millis(millis);
        if usual != interval {
            self.near.push(format!(
                "every {} became every {}",
                words::written(interval),
                words::written(kept)
            ));
        }
        self.interval = Some(kept);
        let Some(timeout) = timeout else { return };
        let longest = if kept > Duration::from_secs(5) {
            kept.saturating_sub(Duration::from_secs(1))
        } else {
            kept * 4 / 5
        };
        let longest = longest.min(Duration::from_mins(5));
        let fits = timeout.clamp(Duration::from_millis(10), longest);
        if fits != timeout {
            self.near.push(format!(
                "the limit of {} became {}: looks do not overlap",
                words::written(timeout),
                words::written(fits)
            ));
        }
        self.timeout = Some(fits);
    }

    /// How long failures have to last before they are told. Short ones are hekate's own business: it looks again at once.
    pub(super) fn patience(&mut self, length: Duration) {
        const OWN: Duration = Duration::from_secs(20);
        const LONGEST: Duration = Duration::from_hours(1);
        if length <= OWN {
            return;
        }
        if length > LONGEST {
            self.near.push(format!(
                "failures had to last {}, and now {}",
                words::written(length),
                words::written(LONGEST)
            ));
        }
        let value = Value::length(length.min(LONGEST));
        self.piece(&["confirm"], value, "how long failures have to last");
    }

    /// Says that it has to call another address from now on.
    pub(super) fn called(&mut self) {
        let mut address = url::Url::parse("http://hekate/v1/heartbeat").ok();
        let path = address.as_mut().and_then(|address| {
            let mut parts = address.path_segments_mut().ok()?;
            parts.extend(&self.group).push(&self.name);
            drop(parts);
            Some(address.path().to_owned())
        });
        self.near.push(format!(
            "its caller calls {} from now on, with `?state=fail` when it failed",
            path.unwrap_or_default()
        ));
    }

    /// `master/blue`, or the name alone.
    pub(super) fn id(&self) -> String {
        match &self.group {
            Some(group) => format!("{group}/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Everything it says but its name and its group.
    pub(super) fn said(&self, pieces: &[Piece]) -> Vec<(String, Value)> {
        let mut map = Vec::new();
        for (key, length) in [("interval", self.interval), ("timeout", self.timeout)] {
            if let Some(length) = length {
                map.push((String::from(key), Value::length(length)));
            }
        }
        // What holds for all checks comes first.
        let (own, of_checks): (Vec<_>, Vec<_>) = pieces.iter().partition(|piece| {
            let first = piece.path.first().map_or("", String::as_str);
            matches!(first, "severity" | "confirm" | "successes" | "slow_after")
        });
        for piece in own {
            put(&mut map, &piece.path, piece);
        }
        map.extend(self.keys.iter().cloned());
        for piece in of_checks {
            put(&mut map, &piece.path, piece);
        }
        map
    }
}

fn put(map: &mut Vec<(String, Value)>, path: &[String], piece: &Piece) {
    let Some((key, rest)) = path.split_first() else {
        return;
    };
    let at = map.iter().position(|(known, _)| known == key);
    let at = at.unwrap_or_else(|| {
        map.push((key.clone(), Value::Map(Vec::new())));
        map.len() - 1
    });
    let Some((_, value)) = map.get_mut(at) else {
        return;
    };
    if !rest.is_empty() {
        if !matches!(value, Value::Map(_)) {
            *value = Value::Map(Vec::new());
        }
        if let Value::Map(inner) = value {
            put(inner, rest, piece);
        }
        return;
    }
    match value {
        Value::List(list) if piece.is_item => list.push(piece.value.clone()),
        Value::Text(_) | Value::Word(_) | Value::List(_) | Value::Map(_) => {
            *value = if piece.is_item {
                Value::List(vec![piece.value.clone()])
            } else {
                piece.value.clone()
            };
        }
    }
}
