//! `actions:` as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    AddressText, AllowanceText, Basic, DurationText, SecretText, StateWord,
    http::{MethodWord, StatusText},
    words,
};
use crate::config::decode::{At, Named, OneOrMany};

/// Something that people can have done to a target, from Slack, a terminal or a program: an HTTP request, a build of
/// Jenkins, or a silence, maintenance or deploy that hekate begins. What is not allowed is refused.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "an action", deny_unknown_fields)]
#[schemars(rename = "Action")]
pub(crate) struct Action {
    /// Other words for it.
    pub(crate) aliases: Option<At<OneOrMany<String>>>,
    /// To what it may be done.
    pub(crate) when: Option<At<When>>,
    /// Whom it obeys; nobody who is not here.
    #[schemars(required)]
    pub(crate) allow: Option<At<Allow>>,
    /// How the asker confirms: `button`, `type_name` (typing the target's name) or `none`. Default `button`, and `type_name` for
    /// what may touch an active instance.
    pub(crate) confirm: Option<At<ConfirmWord>>,
    /// Whether somebody else who is allowed has to confirm as well. Default `false`.
    pub(crate) second_person: Option<At<bool>>,
    /// Whether it has to be said why: `required` or `optional`. Default `optional`.
    pub(crate) reason: Option<At<ReasonWord>>,
    /// How often it may be done: `3 per 1h`. Default: as often as people want.
    pub(crate) rate: Option<At<AllowanceText>>,
    /// How long a question waits for its confirmation, 5s to 15m. Default `60s`.
    pub(crate) expires_after: Option<At<DurationText>>,
    /// For how long afterwards the target may be away without anybody being told, 1m to 1h. Default `5m`.
    pub(crate) grace: Option<At<DurationText>>,
    /// The channel that is told what came of it. Default: the one in which it was asked if its `slack:` says so, else the one
    /// for hekate's own trouble.
    pub(crate) tell: Option<At<String>>,
    /// One request.
    pub(crate) http: Option<At<ActionHttp>>,
    /// A build of Jenkins, waited for.
    pub(crate) jenkins: Option<At<Jenkins>>,
    /// A silence of the target, begun by hekate itself.
    pub(crate) silence: Option<At<OwnPlan>>,
    /// A maintenance of the target, begun by hekate itself.
    pub(crate) maintenance: Option<At<OwnPlan>>,
    /// A deploy of the target, announced by hekate itself: it may go down and come back untold.
    pub(crate) deploy: Option<At<OwnPlan>>,
}

/// What hekate itself begins for the target.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "what an action begins", deny_unknown_fields)]
#[schemars(rename = "OwnPlan")]
pub(crate) struct OwnPlan {
    /// For how long: 1m to 24h, a deploy up to 1h.
    #[serde(rename = "for")]
    #[schemars(required)]
    pub(crate) length: Option<At<DurationText>>,
}

/// To what an action may be done; everything given has to hold, at the moment in which it is done.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`when` of an action", deny_unknown_fields)]
#[schemars(rename = "ActionWhen")]
pub(crate) struct When {
    /// `inactive`, `active` or `any`. Default: whatever has no role, and of the others the inactive ones.
    pub(crate) role: Option<At<WantedRoleWord>>,
    /// In which of these states. Default: in any.
    pub(crate) state: Option<At<OneOrMany<StateWord>>>,
    /// In which of these groups. Default: everywhere.
    pub(crate) group: Option<At<OneOrMany<String>>>,
}

/// Whom an action obeys: these users, and the people of these groups. Nobody else.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`allow` of an action", deny_unknown_fields)]
#[schemars(rename = "ActionAllow")]
pub(crate) struct Allow {
    /// Ids of users in Slack: `U…`, `W…`.
    pub(crate) users: Option<At<OneOrMany<String>>>,
    /// User groups of Slack (`S…`), or entries of `on_call`. Who is in a user group is what the `users` of an `on_call` entry
    /// with it say, or, without any, what Slack says to the bot of `bot_token` right then.
    pub(crate) groups: Option<At<OneOrMany<String>>>,
    /// Ids of the channels in which it can be asked for: `C…`. Default: all.
    pub(crate) channels: Option<At<OneOrMany<String>>>,
    /// Whether programs on this machine, and those with the token of `server`, may as well; `hekate action run` is one.
    /// Default `false`.
    pub(crate) api: Option<At<bool>>,
}

/// One request; `{target}`, `{name}`, `{group}`, `{asker}`, `{reason}` and `{attempt}` are filled in.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`http` of an action", deny_unknown_fields)]
#[schemars(rename = "ActionHttp")]
pub(crate) struct ActionHttp {
    /// Its address.
    #[schemars(required)]
    pub(crate) url: Option<At<AddressText>>,
    /// Default `POST`.
    pub(crate) method: Option<At<MethodWord>>,
    /// More headers.
    pub(crate) headers: Option<At<Named<SecretText>>>,
    /// Fields of a form; of a `GET` in the address.
    pub(crate) params: Option<At<Named<String>>>,
    /// The body, as JSON in a text.
    pub(crate) json: Option<At<String>>,
    /// User name and password.
    pub(crate) basic: Option<At<Basic>>,
    /// A bearer token.
    pub(crate) bearer: Option<At<SecretText>>,
    /// File with the bearer token.
    pub(crate) bearer_file: Option<At<String>>,
    /// Statuses that mean that it was done. Default `2xx`.
    pub(crate) success: Option<At<OneOrMany<StatusText>>>,
    /// How long the answer is waited for, 1s to 5m. Default `30s`.
    pub(crate) timeout: Option<At<DurationText>>,
    /// File with additional root certificates.
    pub(crate) ca_file: Option<At<String>>,
}

/// A build of Jenkins: its crumb is fetched, the build is waited for.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`jenkins` of an action", deny_unknown_fields)]
#[schemars(rename = "Jenkins")]
pub(crate) struct Jenkins {
    /// Where Jenkins is.
    #[schemars(required)]
    pub(crate) url: Option<At<AddressText>>,
    /// The job, its folders before it: `ops/restart`.
    #[schemars(required)]
    pub(crate) job: Option<At<String>>,
    /// Who we are there.
    #[schemars(required)]
    pub(crate) user: Option<At<String>>,
    /// The user's API token.
    pub(crate) token: Option<At<SecretText>>,
    /// File with the API token.
    pub(crate) token_file: Option<At<String>>,
    /// Parameters of the build; placeholders as in `http`.
    pub(crate) params: Option<At<Named<String>>>,
    /// How long the build is waited for, 10s to 30m. Default `30m`.
    pub(crate) build_limit: Option<At<DurationText>>,
    /// File with additional root certificates.
    pub(crate) ca_file: Option<At<String>>,
}

words! {
    /// How the asker confirms.
    ConfirmWord, ["none", "button", "type_name"]
}
words! {
    /// Whether it has to be said why.
    ReasonWord, ["required", "optional"]
}
words! {
    /// The role that a target has to have.
    WantedRoleWord, ["inactive", "active", "any"]
}
