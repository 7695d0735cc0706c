//! `rota:` of an on-call entry as it is typed.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::decode::{At, OneOrMany};

/// Who is on call when: `shifts`, the same in every week, or a `rotation` from week to week.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`rota`", deny_unknown_fields)]
#[schemars(rename = "Rota")]
pub(crate) struct Rota {
    /// Shifts of a week; each lasts until the next one begins.
    pub(crate) shifts: Option<At<Vec<At<Shift>>>>,
    /// People who take turns, a week each.
    pub(crate) rotation: Option<At<Rotation>>,
    /// Who stands in for whoever would be on call, and when.
    pub(crate) overrides: Option<At<Vec<At<Override>>>>,
    /// The zone of their times. Default that of `server`.
    pub(crate) timezone: Option<At<String>>,
}

/// People who take turns, a week each.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`rotation`", deny_unknown_fields)]
#[schemars(rename = "Rotation")]
pub(crate) struct Rotation {
    /// Slack's ids of people, `U…` or `W…`, in their order; two who are on call together are a list of their own.
    #[schemars(required)]
    pub(crate) who: Option<At<Vec<At<OneOrMany<String>>>>>,
    /// When the first of them began, `"2026-11-23 09:00"`: each hands over a week later, on that day of the week at that time.
    #[schemars(required)]
    pub(crate) starts: Option<At<String>>,
}

/// Somebody who stands in.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "an override", deny_unknown_fields)]
#[schemars(rename = "Override")]
pub(crate) struct Override {
    /// Slack's ids of people, `U…` or `W…`.
    #[schemars(required)]
    pub(crate) who: Option<At<OneOrMany<String>>>,
    /// From when on: `2026-12-24 12:00`, or with its zone `2026-12-24T12:00:00+01:00`.
    #[schemars(required)]
    pub(crate) from: Option<At<String>>,
    /// Until when.
    #[schemars(required)]
    pub(crate) to: Option<At<String>>,
}

/// People who are on call from a time of the week on.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a shift", deny_unknown_fields)]
#[schemars(rename = "Shift")]
pub(crate) struct Shift {
    /// Slack's ids of people, `U…` or `W…`.
    #[schemars(required)]
    pub(crate) who: Option<At<OneOrMany<String>>>,
    /// Day and time, `"mon 09:00"`.
    #[schemars(required)]
    pub(crate) from: Option<At<String>>,
}
