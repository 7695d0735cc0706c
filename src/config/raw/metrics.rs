//! `metrics:` as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AddressText, Basic, DurationText, IpWord, SecretText, Tls, words};
use crate::config::decode::{At, Named};

/// One value among the metrics of a target, in Prometheus' text format, and how large it may be.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`metrics`", deny_unknown_fields)]
#[schemars(rename = "Metrics")]
pub(crate) struct Metrics {
    /// The address of its metrics.
    #[schemars(required)]
    pub(crate) url: Option<At<AddressText>>,
    /// More headers.
    pub(crate) headers: Option<At<Named<SecretText>>>,
    /// User name and password.
    pub(crate) basic: Option<At<Basic>>,
    /// A bearer token.
    pub(crate) bearer: Option<At<SecretText>>,
    /// File with the bearer token.
    pub(crate) bearer_file: Option<At<String>>,
    /// Which addresses are used: `auto`, `v4` or `v6`. Default `auto`.
    pub(crate) ip: Option<At<IpWord>>,
    /// Whom to trust and who we are.
    pub(crate) tls: Option<At<Tls>>,
    /// The name of the metric, as a line of the page begins: `queue_depth`, `http_requests_total`.
    #[schemars(required)]
    pub(crate) name: Option<At<String>>,
    /// Labels that a series has to carry to be counted; others may be beside them.
    pub(crate) labels: Option<At<Named<String>>>,
    /// What several series are together: `any` compares each of them. Default `any`.
    pub(crate) combine: Option<At<CombineWord>>,
    /// More than this is down.
    pub(crate) above: Option<At<f64>>,
    /// Less than this is down.
    pub(crate) below: Option<At<f64>>,
    /// More than this is degraded.
    pub(crate) degraded_above: Option<At<f64>>,
    /// Less than this is degraded.
    pub(crate) degraded_below: Option<At<f64>>,
    /// What it means that there is no such series, or only ones that are NaN. Default `unknown`.
    pub(crate) absent: Option<At<AbsentWord>>,
    /// As in `defaults`, for this check.
    pub(crate) interval: Option<At<DurationText>>,
    /// As in `defaults`, for this check.
    pub(crate) timeout: Option<At<DurationText>>,
}

words! {
    /// What several series are together.
    CombineWord, crate::model::metrics::Combine::ALL_WORDS
}
words! {
    /// What it means that a value is not there.
    AbsentWord, crate::model::metrics::Absent::ALL_WORDS
}
