//! `maintenance:` as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, Match};
use crate::config::decode::At;

/// When work is planned at some targets: nothing new is told of them meanwhile. Either `schedule` and `duration`, or `from`
/// and `to`.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a maintenance", deny_unknown_fields)]
#[schemars(rename = "Maintenance")]
pub(crate) struct Window {
    /// What it is called, for people.
    #[schemars(required)]
    pub(crate) name: Option<At<String>>,
    /// Whom it is about; as in a route, but without `state` and `component`.
    #[schemars(required)]
    pub(crate) r#match: Option<At<Match>>,
    /// When it begins, again and again: a cron line of five fields, such as `0 2 * * *`.
    pub(crate) schedule: Option<At<String>>,
    /// How long it is each time, 1m to 7d.
    pub(crate) duration: Option<At<DurationText>>,
    /// When it begins, once: `2026-12-01 22:00`, or with its zone `2026-12-01T22:00:00+01:00`.
    pub(crate) from: Option<At<String>>,
    /// When it ends, once.
    pub(crate) to: Option<At<String>>,
    /// The zone of these times. Default that of `server`.
    pub(crate) timezone: Option<At<String>>,
}
