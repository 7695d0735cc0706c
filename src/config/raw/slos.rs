//! `slos:` as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::DurationText;
use crate::config::decode::{At, OneOrMany};

/// How available some targets are meant to be: `sli` says how much of the error budget is left.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "an SLO", deny_unknown_fields)]
#[schemars(rename = "Slo")]
pub(crate) struct Slo {
    /// What it is called, for people.
    #[schemars(required)]
    pub(crate) name: Option<At<String>>,
    /// Any of these groups. With `target` as well, both have to fit.
    pub(crate) group: Option<At<OneOrMany<String>>>,
    /// Any of these targets: `group/name`, or the name alone if it is the only one.
    pub(crate) target: Option<At<OneOrMany<String>>>,
    /// The share of the measured time in which they are to be available, such as `99.9%`: more than 0% and less than 100%, with up to
    /// three decimal places.
    #[schemars(required)]
    pub(crate) objective: Option<At<String>>,
    /// Over how long, up to now: 1h to 400d, and no longer than the store's `retention`. Default `30d`.
    pub(crate) window: Option<At<DurationText>>,
    /// Whether it is told when the error budget burns too fast, as an incident of the target `slo/<name>`: routes may match `group: slo`. Needs a
    /// window of at least `1d`. Default `false`.
    pub(crate) burn_alerts: Option<At<bool>>,
}
