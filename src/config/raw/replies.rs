//! `replies:` as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::DurationText;
use crate::config::decode::{At, OneOrMany};

/// What is said when somebody says certain words to hekate.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a reply", deny_unknown_fields)]
#[schemars(rename = "Reply")]
pub(crate) struct Reply {
    /// The words, or several forms of them: whole words in this order; case and punctuation do not matter.
    #[schemars(required)]
    pub(crate) when: Option<At<OneOrMany<String>>>,
    /// What is said, shown as it is written; at most 300 characters.
    #[schemars(required)]
    pub(crate) say: Option<At<String>>,
    /// Where ordinary messages are answered as well: channels of the file that have Slack's id, or ids, `C…`. Default nowhere.
    pub(crate) channels: Option<At<OneOrMany<String>>>,
    /// How long it is not said again in the same channel, 0s to 7d. Default `10m`.
    pub(crate) cooldown: Option<At<DurationText>>,
}
