//! A choice among targets: which words are said with the one that is chosen.

use super::action::{Action, BadAction, Place};

/// The `action_id` of a menu that asks for its options.
pub const PICK: &str = "hekate.pick";
/// The version of this form, in front of every block id.
const VERSION: &str = "pick1 ";
/// The longest block id; Slack takes no longer one.
const BLOCK_ID_MAX: usize = 255;
/// The most characters of the name that is chosen.
const NAME_MAX: usize = 150;

/// The words around the name that is to be chosen; they are the name of the block, since a menu carries nothing else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pick {
    /// What stands before it: `health`.
    pub before: String,
    /// What stands behind it, with the blank between: ` for 2h because db restore`; mostly empty.
    pub after: String,
    /// Where the answer goes.
    pub place: Place,
}

impl Pick {
    /// The name of the block; absent if the words are too many for it.
    pub fn block_id(&self) -> Option<String> {
        let place = match self.place {
            Place::Beside => "ask",
            Place::Instead | Place::Channel => "show",
        };
        let id = format!("{VERSION}{place}|{}|{}", self.before, self.after);
        (id.chars().count() <= BLOCK_ID_MAX && !self.before.contains('|')).then_some(id)
    }

    /// Reads the name of a block.
    ///
    /// # Errors
    ///
    /// If this version of hekate has not written it.
    pub fn read(block_id: &str) -> Result<Self, BadAction> {
        let rest = block_id.strip_prefix(VERSION).ok_or(BadAction::Version)?;
        if block_id.chars().count() > BLOCK_ID_MAX {
            return Err(BadAction::Value);
        }
        let mut parts = rest.splitn(3, '|');
        let (Some(place), Some(before), Some(after)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(BadAction::Value);
        };
        let place = match place {
            "ask" => Place::Beside,
            "show" => Place::Instead,
            _ => return Err(BadAction::Value),
        };
        Ok(Self {
            before: before.to_owned(),
            after: after.to_owned(),
            place,
        })
    }

    /// The words with the name in them.
    pub fn words(&self, name: &str) -> String {
        format!("{} {name}{}", self.before, self.after)
    }

    /// What a choice means.
    ///
    /// # Errors
    ///
    /// If it is too long for a name.
    pub fn chosen(&self, name: &str) -> Result<Action, BadAction> {
        if name.is_empty() || name.chars().count() > NAME_MAX {
            return Err(BadAction::Value);
        }
        Ok(Action::say(self.words(name), self.place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_come_back_with_the_block() {
        for (before, after, place) in [
            ("health", "", Place::Instead),
            ("why", "", Place::Beside),
            ("deploy announce", " release a|b", Place::Instead),
        ] {
            let pick = Pick {
                before: before.to_owned(),
                after: after.to_owned(),
                place,
            };
            let read = Pick::read(&pick.block_id().unwrap()).unwrap();
            assert_eq!(read, pick);
            assert_eq!(
                read.chosen("master/blue"),
                Ok(Action::say(format!("{before} master/blue{after}"), place))
            );
        }
    }

    #[test]
    fn another_block_means_nothing() {
        for (id, why) in [
            ("", BadAction::Version),
            ("grid", BadAction::Version),
            ("pick2 show|health|", BadAction::Version),
            ("pick1 show|health", BadAction::Value),
            ("pick1 share|health|", BadAction::Value),
        ] {
            assert_eq!(Pick::read(id), Err(why), "{id}");
        }
        let long = Pick {
            before: String::from("silence add"),
            after: "x".repeat(BLOCK_ID_MAX),
            place: Place::Instead,
        };
        assert_eq!(long.block_id(), None);
    }
}
