//! `page:` as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{At, words};

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
}

words! {
    /// A language of the page.
    LanguageWord, ["en", "cs"]
}
