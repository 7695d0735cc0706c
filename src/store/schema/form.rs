//! How a stored form and a type of the model are turned into each other, and the forms that all versions share.

use std::{fmt, sync::Arc, time::Duration};

use chrono::Datelike;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::{
    ChannelName, GroupName, IncidentId, OnCallName, TargetId,
    time::{Tick, Timestamp},
};

/// The stored form of `M`. Nothing is lost on the way there and back, unless the form says so.
pub(in crate::store) trait Form<M>: Sized {
    /// What is stored of it.
    fn of(model: &M) -> Self;
    /// What was stored.
    fn into_model(self) -> M;
}

macro_rules! itself {
    ($($kind:ty),*) => {
        $(impl Form<$kind> for $kind {
            fn of(model: &$kind) -> Self {
                model.clone()
            }

            fn into_model(self) -> $kind {
                self
            }
        })*
    };
}

itself!(bool, u8, u16, u32, u64, i64, String);

macro_rules! names {
    ($($name:ident),*) => {
        $(impl Form<$name> for String {
            fn of(model: &$name) -> Self {
                Self::from(model.as_str())
            }

            fn into_model(self) -> $name {
                $name::new(self)
            }
        })*
    };
}

names!(TargetId, GroupName, ChannelName, OnCallName, IncidentId);

impl<M, F: Form<M>> Form<Option<M>> for Option<F> {
    fn of(model: &Option<M>) -> Self {
        model.as_ref().map(F::of)
    }

    fn into_model(self) -> Option<M> {
        self.map(F::into_model)
    }
}

impl<M, F: Form<M>> Form<Vec<M>> for Vec<F> {
    fn of(model: &Vec<M>) -> Self {
        model.iter().map(F::of).collect()
    }

    fn into_model(self) -> Vec<M> {
        self.into_iter().map(F::into_model).collect()
    }
}

impl<M, F: Form<M>> Form<Box<M>> for Box<F> {
    fn of(model: &Box<M>) -> Self {
        Self::new(F::of(model))
    }

    fn into_model(self) -> Box<M> {
        Box::new(F::into_model(*self))
    }
}

impl<M, F: Form<M>> Form<Arc<M>> for Box<F> {
    fn of(model: &Arc<M>) -> Self {
        Self::new(F::of(model))
    }

    fn into_model(self) -> Arc<M> {
        Arc::new(F::into_model(*self))
    }
}

impl<M, N, F: Form<M>, G: Form<N>> Form<(M, N)> for (F, G) {
    fn of(model: &(M, N)) -> Self {
        (F::of(&model.0), G::of(&model.1))
    }

    fn into_model(self) -> (M, N) {
        (self.0.into_model(), self.1.into_model())
    }
}

/// A point in time: RFC 3339 where people read it, milliseconds where they do not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::store) struct Time(pub(in crate::store) Timestamp);

impl Form<Timestamp> for Time {
    fn of(model: &Timestamp) -> Self {
        Self(*model)
    }

    fn into_model(self) -> Timestamp {
        self.0
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Times beyond the years of four digits have no date that can be read again; their number says the same.
        let date = self.0.to_utc();
        let has_date = (0..=9_999).contains(&date.year()) && Timestamp::from(date) == self.0;
        if serializer.is_human_readable() && has_date {
            serializer.collect_str(&self.0)
        } else {
            serializer.serialize_i64(self.0.as_millis())
        }
    }
}

struct ReadTime;

impl de::Visitor<'_> for ReadTime {
    type Value = Time;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date such as 2026-01-31T12:00:00.000Z, or milliseconds since 1970")
    }

    fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Time, E> {
        Ok(Time(Timestamp::from_millis(millis)))
    }

    fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Time, E> {
        i64::try_from(millis)
            .map(|millis| Time(Timestamp::from_millis(millis)))
            .map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
        chrono::DateTime::parse_from_rfc3339(text)
            .map(|date| Time(Timestamp::from_millis(date.timestamp_millis())))
            .map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(ReadTime)
        } else {
            deserializer.deserialize_i64(ReadTime)
        }
    }
}

/// A length of time: `1s 203ms` where people read it, seconds and nanoseconds where they do not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct Span(pub(in crate::store) Duration);

impl Form<Duration> for Span {
    fn of(model: &Duration) -> Self {
        Self(*model)
    }

    fn into_model(self) -> Duration {
        self.0
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&humantime::format_duration(self.0))
        } else {
            (self.0.as_secs(), self.0.subsec_nanos()).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            humantime::parse_duration(&text)
                .map(Self)
                .map_err(de::Error::custom)
        } else {
            let (seconds, nanos) = <(u64, u32)>::deserialize(deserializer)?;
            // `Duration::new` panics when the carry of the nanoseconds does not fit.
            if nanos < 1_000_000_000 {
                Ok(Self(Duration::new(seconds, nanos)))
            } else {
                Err(de::Error::custom("more nanoseconds than a second has"))
            }
        }
    }
}

/// A point on the monotonic clock of the process that wrote it; inside of a proof only differences of it mean anything.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(transparent)]
pub(in crate::store) struct Micros(u64);

impl Form<Tick> for Micros {
    fn of(model: &Tick) -> Self {
        Self(model.as_micros())
    }

    fn into_model(self) -> Tick {
        Tick::from_micros(self.0)
    }
}
