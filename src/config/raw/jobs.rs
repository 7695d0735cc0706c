//! `jobs:` as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AddressText, DurationText, SecretText, SeverityWord};
use crate::config::decode::{At, OneOrMany};

/// A job that runs by itself at its times and calls `/ping/…` when it begins and ends. Either `schedule` or `period`.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a job", deny_unknown_fields)]
#[schemars(rename = "Job")]
pub(crate) struct Job {
    /// Other words for it: the data that it brings.
    pub(crate) aliases: Option<At<OneOrMany<String>>>,
    /// An emoji, as of a target.
    pub(crate) icon: Option<At<String>>,
    /// How bad it is for people when its run fails, is late or is stuck. Default that of `defaults`, else `critical`.
    pub(crate) severity: Option<At<SeverityWord>>,
    /// Where to read what to do then.
    pub(crate) runbook_url: Option<At<AddressText>>,
    /// When it runs: a cron line of five fields, such as `0 */2 * * *`.
    pub(crate) schedule: Option<At<String>>,
    /// The zone of `schedule`. Default that of `server`.
    pub(crate) timezone: Option<At<String>>,
    /// How long after its last sign it runs again, 1m to 365d.
    pub(crate) period: Option<At<DurationText>>,
    /// How late its run may be, and for how much longer than `max_runtime` it may run until it counts as stuck, 1s to 7d. Default a tenth of the
    /// time between two runs, at least 1m and at most 1h.
    pub(crate) grace: Option<At<DurationText>>,
    /// How long a run may take, 1s to 30d. Default until the next one is late.
    pub(crate) max_runtime: Option<At<DurationText>>,
    /// The channel that hears of it. Default as the routes say.
    pub(crate) channel: Option<At<String>>,
    /// What is told in `channel`: every run as one message that a bot edits (`runs`, the default), or only what goes wrong (`failures`).
    #[schemars(extend("enum" = ["runs", "failures"]))]
    pub(crate) announce: Option<At<String>>,
    /// Who is mentioned in `channel` when it goes wrong: an entry of `on_call`, or Slack's id of somebody (`U…`) or of a user group (`S…`).
    pub(crate) owner: Option<At<String>>,
    /// Whom the data comes from, for the words of a failure that is theirs: `HubSpot`.
    pub(crate) third_party: Option<At<String>>,
    /// What the job ends with when the fault is theirs: codes from 1 to 255.
    pub(crate) third_party_exit_codes: Option<At<OneOrMany<u32>>>,
    /// What its calls have to bring, at least 16 characters: as a bearer token, or as `/ping/<token>`. Default the token or the `ping_key` of `server`.
    pub(crate) token: Option<At<SecretText>>,
    /// File with the token.
    pub(crate) token_file: Option<At<String>>,
}
