//! `discovery:` as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AddressText, At, DurationText, OneOrMany, SecretText, Target, TextOr};

/// A source that says what there is, and what of it becomes a target.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "an entry of `discovery`", deny_unknown_fields)]
#[schemars(rename = "Discovery")]
pub(crate) struct Discovery {
    /// Files in Prometheus' form: a list of `{ targets: […], labels: {…} }`, JSON or YAML; relative to the file.
    pub(crate) file_sd: Option<At<OneOrMany<String>>>,
    /// An address that answers with such a list as JSON.
    pub(crate) http_sd: Option<At<TextOr<HttpSd>>>,
    /// How often it is read, 1s to 1d. Default `30s`.
    pub(crate) every: Option<At<DurationText>>,
    /// The target that each thing becomes; `{{address}}`, `{{host}}` and `{{label.…}}` stand for what is known of it.
    #[schemars(required)]
    pub(crate) target: Option<At<Target>>,
}

/// An address that answers with a list. A text in place of it is its `url`.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`http_sd`", deny_unknown_fields)]
#[schemars(rename = "HttpSd")]
pub(crate) struct HttpSd {
    /// Its address.
    #[schemars(required)]
    pub(crate) url: Option<At<AddressText>>,
    /// A bearer token.
    pub(crate) bearer: Option<At<SecretText>>,
    /// File with the bearer token.
    pub(crate) bearer_file: Option<At<String>>,
}
