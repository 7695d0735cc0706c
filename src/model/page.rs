//! What the file says of the status page.

use ipnet::IpNet;

/// `page:` how the status page is, and who sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageSettings {
    /// What it is called. Default `Status`.
    pub title: String,
    /// Its language for readers whose browser likes none of ours. Default English.
    pub language: Language,
    /// Whether anybody may see names, states and times; whoever may read the API sees all of it in any case. Default no.
    pub is_public: bool,
    /// The origins, `https://wiki.example.test`, whose pages may show cards in a frame. Default none.
    pub embed_on: Vec<String>,
    /// The proxies that say who looks, if there are any. Default none.
    pub trusted_proxy: Option<TrustedProxy>,
}

/// Proxies that let people in, and say so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrustedProxy {
    /// Where they are; whoever asks from elsewhere is not believed.
    pub from: Vec<IpNet>,
    /// The header in which they say who looks, in lower case.
    pub user_header: String,
}

impl Default for PageSettings {
    fn default() -> Self {
        Self {
            title: String::from("Status"),
            language: Language::English,
            is_public: false,
            embed_on: Vec::new(),
            trusted_proxy: None,
        }
    }
}

/// A language of the page.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Czech.
    Czech,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Czech];

    /// As browsers and `lang` attributes name it.
    ///
    /// Source: RFC 5646.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Czech => "cs",
        }
    }

    /// By its tag, with whatever narrows it: `cs-CZ`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next()?.trim();
        Self::ALL
            .into_iter()
            .find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }
}
