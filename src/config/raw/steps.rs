//! `steps:` as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, http::Http};
use crate::config::decode::{At, Named, TextOr};

/// A short scenario: requests in order. A list in place of it is its `requests`.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`steps`", deny_unknown_fields)]
#[schemars(rename = "Steps")]
pub(crate) struct Steps {
    /// The requests, 1 to 20; the first one that fails ends the scenario.
    #[schemars(required)]
    pub(crate) requests: Option<At<Vec<At<Step>>>>,
    /// From one run to the next. Default that of the target.
    pub(crate) interval: Option<At<DurationText>>,
    /// Limit of one run, all steps together. Default that of the target.
    pub(crate) timeout: Option<At<DurationText>>,
}

/// One request of a scenario.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a step", deny_unknown_fields)]
#[schemars(rename = "Step")]
pub(crate) struct Step {
    /// What people call it.
    pub(crate) name: Option<At<String>>,
    /// What is asked and expected. `{{token}}` in its address, headers, credentials and body is what an earlier step extracted
    /// as `token`.
    #[schemars(required)]
    pub(crate) http: Option<At<TextOr<Http>>>,
    /// What later steps use of its answer: names of your choice. A text is a `JSONPath`.
    pub(crate) extract: Option<At<Named<TextOr<Extract>>>>,
    /// Whether it is also taken after a step failed; whatever comes of it, the target is not blamed. Default `false`.
    pub(crate) cleanup: Option<At<bool>>,
}

/// Where a value stands in an answer.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`extract`", deny_unknown_fields)]
#[schemars(rename = "Extract")]
pub(crate) struct Extract {
    /// A `JSONPath`: `$.token`.
    pub(crate) json: Option<At<String>>,
    /// The name of a header.
    pub(crate) header: Option<At<String>>,
    /// A regular expression; its first group is the value, or all of it.
    pub(crate) body: Option<At<String>>,
    /// The same for the value of a `header`.
    pub(crate) pattern: Option<At<String>>,
}
