//! `heartbeat:` as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, SecretText};
use crate::config::decode::At;

/// A sign of life that the target sends by itself: it calls `/v1/heartbeat/<group>/<name>`. A text in place of it is its
/// `every`.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`heartbeat`", deny_unknown_fields)]
#[schemars(rename = "Heartbeat")]
pub(crate) struct Heartbeat {
    /// From one beat to the next, 10s to 90d.
    #[schemars(required)]
    pub(crate) every: Option<At<DurationText>>,
    /// How late a beat may be, 1s to 7d. Default a tenth of `every`, at least 1m and at most 1h.
    pub(crate) grace: Option<At<DurationText>>,
    /// What a caller has to send (`Authorization: Bearer …`), at least 16 characters. Default the token of `server`.
    pub(crate) token: Option<At<SecretText>>,
    /// File with the token.
    pub(crate) token_file: Option<At<String>>,
}
