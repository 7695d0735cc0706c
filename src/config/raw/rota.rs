//! `rota:` of an on-call entry as it is typed.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::decode::{At, OneOrMany};

/// Who is on call when, the same in every week.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`rota`", deny_unknown_fields)]
#[schemars(rename = "Rota")]
pub(crate) struct Rota {
    /// Shifts; each lasts until the next one begins.
    #[schemars(required)]
    pub(crate) shifts: Option<At<Vec<At<Shift>>>>,
    /// The zone of their times. Default that of `server`.
    pub(crate) timezone: Option<At<String>>,
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
