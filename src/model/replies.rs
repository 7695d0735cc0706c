//! Replies that the file has ready for certain words.

use std::time::Duration;

/// One of `replies:`: what is said when somebody says certain words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CannedReply {
    /// Any of these; at least one.
    pub when: Vec<Phrase>,
    /// What is said: one line, shown as it is written.
    pub say: String,
    /// The channels, by Slack's ids `C…` and `G…`, in which ordinary messages are answered as well. Default none: only what is
    /// said to hekate.
    pub channels: Vec<String>,
    /// How long it is not said again in the same channel, 0 s to 7 d.
    pub cooldown: Duration,
}

/// Words in a row: of letters and digits alone, in lower case; at least one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Phrase(Vec<String>);

impl Phrase {
    /// The words of a text; absent if it has none.
    pub fn of(text: &str) -> Option<Self> {
        let words: Vec<_> = words(text).collect();
        (!words.is_empty()).then_some(Self(words))
    }

    /// Whether these words stand in the other phrase, whole, in this order and with nothing between them.
    pub fn is_in(&self, other: &Self) -> bool {
        other.0.windows(self.0.len()).any(|part| part == self.0)
    }
}

/// The first reply of these that has the words of a text.
pub fn find<'a>(
    replies: impl IntoIterator<Item = &'a CannedReply>,
    text: &str,
) -> Option<&'a CannedReply> {
    let said = Phrase::of(text)?;
    replies
        .into_iter()
        .find(|reply| reply.when.iter().any(|phrase| phrase.is_in(&said)))
}

/// Whatever is no letter and no digit stands between words: people write `don’t` and `don't`, and end with `!`.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply(when: &str, say: &str) -> CannedReply {
        CannedReply {
            when: vec![Phrase::of(when).expect("words")],
            say: say.to_owned(),
            channels: Vec::new(),
            cooldown: Duration::ZERO,
        }
    }

    #[test]
    fn words_are_found_whole_whatever_their_case_and_what_stands_between_them() {
        let phrase = Phrase::of("When we  have time").expect("words");
        for (text, expected) in [
            ("when we have time", true),
            ("We do it WHEN\twe\u{a0}have, time!", true),
            ("(when we have time)", true),
            ("*when we have time*", true),
            ("when we have timeouts", false),
            ("xwhen we have time", false),
            ("when we have no time", false),
            ("time have we when", false),
            ("when we have", false),
            ("", false),
        ] {
            let said = Phrase::of(text);
            assert_eq!(
                said.is_some_and(|said| phrase.is_in(&said)),
                expected,
                "{text}"
            );
        }
        assert!(
            Phrase::of("až BUDE Čas")
                .expect("words")
                .is_in(&Phrase::of("Až bude čas?").expect("words"))
        );
        assert_eq!(Phrase::of(" \u{1f389} !"), None);
    }

    #[test]
    fn the_first_one_of_the_file_is_said() {
        let replies = [reply("time", "first"), reply("have time", "second")];
        let said = find(&replies, "we have time").map(|reply| reply.say.as_str());
        assert_eq!(said, Some("first"));
        assert_eq!(find(&replies, "we have times"), None);
        assert_eq!(find(&replies, ""), None);
    }

    proptest! {
        #[test]
        fn a_phrase_is_always_in_what_surrounds_it_with_other_words(
            before in "[ a-z]{0,20}", when in "[A-Za-z]{1,8}( [a-z]{1,8}){0,3}", after in "[ a-z]{0,20}",
        ) {
            let said = Phrase::of(&format!("{before} {when}. {after}")).expect("words");
            prop_assert!(Phrase::of(&when.to_uppercase()).expect("words").is_in(&said));
        }
    }
}
