//! What the file says of the status page.

/// `page:` how the status page is, and who sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageSettings {
    /// What it is called. Default `Status`.
    pub title: String,
    /// Its language for readers whose browser likes none of ours. Default English.
    pub language: Language,
    /// Whether anybody may see names, states and times; whoever may read the API sees all of it in any case. Default no.
    pub is_public: bool,
}

impl Default for PageSettings {
    fn default() -> Self {
        Self {
            title: String::from("Status"),
            language: Language::English,
            is_public: false,
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
