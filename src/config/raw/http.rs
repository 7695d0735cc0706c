//! `http:` as typed.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{
    AddressText, Basic, ConnectionWord, DurationText, HttpVersionWord, IpWord, SecretText, Tls,
    words,
};
use crate::config::decode::{At, Named, OneOrMany};

/// One request, and what its answer has to be. A text in place of it is its `url`.
#[derive(Deserialize, JsonSchema, Clone, Default, Debug)]
#[serde(rename = "`http`", deny_unknown_fields)]
#[schemars(rename = "Http")]
#[expect(
    clippy::struct_field_names,
    reason = "`http_version` is its key in the file"
)]
pub(crate) struct Http {
    /// Its address.
    #[schemars(required)]
    pub(crate) url: Option<At<AddressText>>,
    /// Default `GET`.
    pub(crate) method: Option<At<MethodWord>>,
    /// More headers.
    pub(crate) headers: Option<At<Named<SecretText>>>,
    /// What is sent.
    pub(crate) body: Option<At<SecretText>>,
    /// User name and password.
    pub(crate) basic: Option<At<Basic>>,
    /// A bearer token.
    pub(crate) bearer: Option<At<SecretText>>,
    /// File with the bearer token.
    pub(crate) bearer_file: Option<At<String>>,
    /// `fresh`: a new connection for every look, as a new user would have. `reuse`: kept open. Default `fresh`.
    pub(crate) connection: Option<At<ConnectionWord>>,
    /// Default `"1.1"`.
    pub(crate) http_version: Option<At<HttpVersionWord>>,
    /// Which addresses are used: `auto`, `v4` or `v6`. Default `auto`.
    pub(crate) ip: Option<At<IpWord>>,
    /// Whether every address of the name is asked, up to 16 at once; the worst decides. Default `false`: the first that
    /// answers.
    pub(crate) all_addresses: Option<At<bool>>,
    /// Whom to trust and who we are.
    pub(crate) tls: Option<At<Tls>>,
    /// How many redirects are followed, 0 to 10; never from https to http. Default 0: a redirect is the answer.
    pub(crate) follow_redirects: Option<At<u32>>,
    /// What the answer has to be. Default any status from 200 to 299.
    pub(crate) expect: Option<At<Expect>>,
    /// From one look to the next. Default that of the target.
    pub(crate) interval: Option<At<DurationText>>,
    /// Limit of one look. Default that of the target.
    pub(crate) timeout: Option<At<DurationText>>,
}

/// What an answer has to be; everything given has to hold.
#[derive(Deserialize, JsonSchema, Clone, Default, Debug)]
#[serde(rename = "`expect`", deny_unknown_fields)]
#[schemars(rename = "Expect")]
pub(crate) struct Expect {
    /// Status codes: `200`, `2xx`, `200-204`, or a list of these. Default `2xx`.
    pub(crate) status: Option<At<OneOrMany<StatusText>>>,
    /// Headers that have to be there, each with a regular expression that has to be found in its value.
    pub(crate) header: Option<At<Named<String>>>,
    /// Conditions on a JSON body: `$.queue.depth < 100`, `$.items exists`.
    pub(crate) json: Option<At<OneOrMany<String>>>,
    /// A regular expression that has to be found in the body.
    pub(crate) body: Option<At<String>>,
    /// The longest body allowed, 1 to 262144 bytes.
    pub(crate) max_bytes: Option<At<u32>>,
    /// The longest time allowed for all of it; shorter than `timeout`.
    pub(crate) max_duration: Option<At<DurationText>>,
    /// What it means if it is not so: `down` or `degraded`. Default `down`.
    pub(crate) then: Option<At<UnmetWord>>,
}

words! {
    /// How a request is made.
    MethodWord, ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
}
words! {
    /// What an unmet expectation means.
    UnmetWord, ["degraded", "down"]
}

/// `200`, `2xx` or `200-204`.
#[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(transparent)]
pub(crate) struct StatusText(pub(crate) String);

impl JsonSchema for StatusText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "StatusText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "pattern": "^ *([1-5][0-9][0-9]( *- *[1-5][0-9][0-9])?|[1-5]xx) *$",
            "examples": ["200", "2xx", "200-204"],
        })
    }
}
