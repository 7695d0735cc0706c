//! What the store tells ops of itself.

/// Something that ops must be told once: what was repaired, what is lost, what is running out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// The headline, without a full stop.
    pub title: String,
    /// What happened, what was done about it, what a person should do; whole sentences.
    pub words: String,
}

impl Notice {
    pub(super) fn new(title: impl Into<String>, words: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            words: words.into(),
        }
    }
}
