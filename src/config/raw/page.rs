//! `page:` as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{At, OneOrMany, words};

/// The status page.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`page`", deny_unknown_fields)]
#[schemars(rename = "Page")]
pub(crate) struct Page {
    /// What it is called, at most 64 characters. Default `Status`.
    pub(crate) title: Option<At<String>>,
    /// Its language for readers whose browser likes neither. Default `en`.
    pub(crate) language: Option<At<LanguageWord>>,
    /// Whether anybody may see names, states and times. Default `false`: only whoever may read the API sees it, and all of it.
    pub(crate) public: Option<At<bool>>,
    /// The origins whose pages may show its cards (`/embed/…`) in a frame, such as `https://wiki.example.test`; at most 20. Default none.
    pub(crate) embed_on: Option<At<OneOrMany<String>>>,
    /// Proxies in front of it that know who looks: whom they name sees all of the page.
    pub(crate) trusted_proxy: Option<At<TrustedProxy>>,
}

/// Proxies that know who looks.
#[derive(Deserialize, JsonSchema, Debug)]
#[serde(rename = "`trusted_proxy` of `page`", deny_unknown_fields)]
#[schemars(rename = "TrustedProxy")]
pub(crate) struct TrustedProxy {
    /// Their addresses or networks, such as `10.0.0.0/8`; at most 20.
    pub(crate) from: Option<At<OneOrMany<String>>>,
    /// The header in which they name who looks; they have to take it away from what comes from outside. Default `X-Forwarded-User`.
    pub(crate) user_header: Option<At<String>>,
}

words! {
    /// A language of the page.
    LanguageWord, ["en", "cs"]
}
