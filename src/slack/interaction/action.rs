//! What a button means: the small grammar of `action_id` and `value`.
//!
//! `action_id` is `hekate.` and a word, for buttons of one message that do the same also a number; `value` begins with the
//! version of this grammar. Whatever comes back is untrusted and may be months old: it is read as strictly as it is
//! written, and what it names is looked up again.

use thiserror::Error;

use crate::{
    model::{IncidentId, TargetId, text::clean},
    slack::mrkdwn::mention_user,
};

/// Before every word.
const PREFIX: &str = "hekate.";
/// The version of the grammar, in front of every value.
const VERSION: &str = "1 ";
/// The longest value that is read, in bytes.
const VALUE_BYTES_MAX: usize = 8_000;
/// The most characters of words that are said by a button.
const WORDS_MAX: usize = 500;
/// The longest id of a target or a nonce, in bytes.
const ID_BYTES_MAX: usize = 300;

/// What somebody wants who pressed something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// The same as typing these words.
    Say {
        /// The words, without the command.
        words: String,
        /// Where the answer goes.
        place: Place,
    },
    /// They take an incident on, if nobody has.
    Acknowledge(Subject),
    /// They take an incident on from whoever has.
    TakeOver(Subject),
    /// Somebody else, by the user's id, is on it from now on.
    HandOver(Subject, String),
    /// All of it that is bad becomes incidents of their own.
    Split(Subject),
    /// Nobody wants to hear of it for a while.
    Silence(Subject, Quiet),
    /// It was not worth telling.
    FalseAlarm(Subject),
    /// The private message is not needed any more.
    Dismiss,
    /// They want the form in which the name is typed that confirms something.
    TypeName(String),
    /// Something that was asked for is really wanted.
    Confirm(String),
    /// It is not.
    Cancel(String),
}

/// Where an answer goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Beside what was pressed, for the one who pressed it.
    Beside,
    /// In place of what was pressed, if that was private.
    Instead,
    /// Into the channel, for everybody in it.
    Channel,
}

/// What it is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// An incident.
    Incident(IncidentId),
    /// A target, and whatever incident it has.
    Target(TargetId),
}

/// For how long nobody wants to hear.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quiet {
    /// Half an hour.
    HalfAnHour,
    /// Two hours.
    TwoHours,
    /// Eight hours.
    EightHours,
    /// Until the next 08:00 of the server's zone.
    Morning,
    /// Until it is over.
    Recovered,
}

/// Why something that was pressed means nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum BadAction {
    /// It is none of ours, or of a hekate that knows more.
    #[error("its action_id is not known")]
    Unknown,
    /// Another version made it.
    #[error("its value is of another version")]
    Version,
    /// What it carries cannot be read.
    #[error("its value cannot be read")]
    Value,
}

impl Quiet {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 5] = [
        Self::HalfAnHour,
        Self::TwoHours,
        Self::EightHours,
        Self::Morning,
        Self::Recovered,
    ];

    /// The word for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::HalfAnHour => "for 30 min",
            Self::TwoHours => "for 2 h",
            Self::EightHours => "for 8 h",
            Self::Morning => "until 08:00 in the morning",
            Self::Recovered => "until it recovers",
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::HalfAnHour => "30m",
            Self::TwoHours => "2h",
            Self::EightHours => "8h",
            Self::Morning => "morning",
            Self::Recovered => "recovered",
        }
    }
}

impl Subject {
    /// As people would type it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Incident(id) => id.as_str(),
            Self::Target(id) => id.as_str(),
        }
    }

    fn code(&self) -> String {
        match self {
            Self::Incident(id) => format!("i:{id}"),
            Self::Target(id) => format!("t:{id}"),
        }
    }

    fn read(code: &str) -> Option<Self> {
        if let Some(id) = code.strip_prefix("i:") {
            let id = IncidentId::new(id);
            return id.number().is_some().then_some(Self::Incident(id));
        }
        let id = code.strip_prefix("t:")?;
        let is_id = (1..=ID_BYTES_MAX).contains(&id.len()) && clean(id, ID_BYTES_MAX) == id;
        is_id.then(|| Self::Target(TargetId::new(id)))
    }
}

/// In front of the name of the block whose menu hands something over; a menu of people carries nothing else.
const HAND_BLOCK: &str = "hand ";
/// The word of what such a menu does.
pub(super) const HAND_OVER: &str = "hekate.hand_over";

/// The name of the block whose menu hands this over.
pub(super) fn hand_block(subject: &Subject) -> String {
    format!("{HAND_BLOCK}{VERSION}{}", subject.code())
}

/// What it means that somebody was chosen in the menu of a block of this name.
///
/// # Errors
///
/// If this version of hekate has not written the name, or nobody was chosen.
pub(super) fn handed(block_id: &str, user: &str) -> Result<Action, BadAction> {
    let rest = block_id.strip_prefix(HAND_BLOCK);
    let code = rest.and_then(|rest| rest.strip_prefix(VERSION));
    let code = code.ok_or(BadAction::Version)?;
    Action::read(HAND_OVER, &format!("{VERSION}{user} {code}"))
}

impl Action {
    /// Typed words whose answer is shown there.
    pub fn say(words: impl Into<String>, place: Place) -> Self {
        Self::Say {
            words: words.into(),
            place,
        }
    }

    /// The word that says what it does, `hekate.ack`; `number` tells it from others of the same message.
    pub fn id(&self, number: Option<usize>) -> String {
        let word = self.word();
        match number {
            Some(number) => format!("{PREFIX}{word}.{number}"),
            None => format!("{PREFIX}{word}"),
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Say { place, .. } => match place {
                Place::Beside => "ask",
                Place::Instead => "show",
                Place::Channel => "share",
            },
            Self::Acknowledge(_) => "ack",
            Self::TakeOver(_) => "take_over",
            Self::HandOver(..) => "hand_over",
            Self::Split(_) => "split",
            Self::Silence(..) => "silence",
            Self::FalseAlarm(_) => "false_alarm",
            Self::Dismiss => "dismiss",
            Self::TypeName(_) => "action.type_name",
            Self::Confirm(_) => "action.confirm",
            Self::Cancel(_) => "action.cancel",
        }
    }

    /// What it carries.
    pub fn value(&self) -> String {
        let payload = match self {
            Self::Say { words, .. } => words.clone(),
            Self::Acknowledge(subject)
            | Self::TakeOver(subject)
            | Self::Split(subject)
            | Self::FalseAlarm(subject) => subject.code(),
            Self::Silence(subject, quiet) => format!("{} {}", quiet.code(), subject.code()),
            Self::HandOver(subject, user) => format!("{user} {}", subject.code()),
            Self::Dismiss => String::from("-"),
            Self::TypeName(nonce) | Self::Confirm(nonce) | Self::Cancel(nonce) => nonce.clone(),
        };
        format!("{VERSION}{payload}")
    }

    /// Reads what came back.
    ///
    /// # Errors
    ///
    /// If this version of hekate has not written it.
    pub fn read(action_id: &str, value: &str) -> Result<Self, BadAction> {
        let word = action_id.strip_prefix(PREFIX).ok_or(BadAction::Unknown)?;
        let word = match word.rsplit_once('.') {
            Some((word, number))
                if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) =>
            {
                word
            }
            Some(_) | None => word,
        };
        let read = Reader::of(word).ok_or(BadAction::Unknown)?;
        if value.len() > VALUE_BYTES_MAX {
            return Err(BadAction::Value);
        }
        let payload = value.strip_prefix(VERSION).ok_or(BadAction::Version)?;
        read.read(payload).ok_or(BadAction::Value)
    }
}

/// How the value behind a word is read.
#[derive(Clone, Copy)]
enum Reader {
    Words(Place),
    Subject(fn(Subject) -> Action),
    Silence,
    HandOver,
    Dismiss,
    Nonce(fn(String) -> Action),
}

impl Reader {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "ask" => Self::Words(Place::Beside),
            "show" => Self::Words(Place::Instead),
            "share" => Self::Words(Place::Channel),
            "ack" => Self::Subject(Action::Acknowledge),
            "take_over" => Self::Subject(Action::TakeOver),
            "split" => Self::Subject(Action::Split),
            "false_alarm" => Self::Subject(Action::FalseAlarm),
            "silence" => Self::Silence,
            "hand_over" => Self::HandOver,
            "dismiss" => Self::Dismiss,
            "action.type_name" => Self::Nonce(Action::TypeName),
            "action.confirm" => Self::Nonce(Action::Confirm),
            "action.cancel" => Self::Nonce(Action::Cancel),
            _ => return None,
        })
    }

    fn read(self, payload: &str) -> Option<Action> {
        match self {
            Self::Words(place) => {
                (payload.chars().count() <= WORDS_MAX).then(|| Action::say(payload, place))
            }
            Self::Subject(action) => Subject::read(payload).map(action),
            Self::Silence => {
                let (code, subject) = payload.split_once(' ')?;
                let quiet = Quiet::ALL.into_iter().find(|quiet| quiet.code() == code)?;
                Some(Action::Silence(Subject::read(subject)?, quiet))
            }
            Self::HandOver => {
                let (user, subject) = payload.split_once(' ')?;
                mention_user(user)?;
                Some(Action::HandOver(Subject::read(subject)?, user.to_owned()))
            }
            Self::Dismiss => (payload == "-").then_some(Action::Dismiss),
            Self::Nonce(action) => {
                let is_nonce = (1..=ID_BYTES_MAX).contains(&payload.len())
                    && payload.bytes().all(|b| b.is_ascii_graphic());
                is_nonce.then(|| action(payload.to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all() -> Vec<Action> {
        let incident = Subject::Incident(IncidentId::from_number(7));
        let target = Subject::Target(TargetId::new("master/blue"));
        let mut all = vec![
            Action::say("status master", Place::Beside),
            Action::say("", Place::Instead),
            Action::say("health master/blue", Place::Channel),
            Action::Acknowledge(incident.clone()),
            Action::TakeOver(target.clone()),
            Action::Split(incident.clone()),
            Action::FalseAlarm(incident.clone()),
            Action::HandOver(incident.clone(), String::from("U0JAN")),
            Action::Dismiss,
            Action::TypeName(String::from("a1b2")),
            Action::Confirm(String::from("a1b2")),
            Action::Cancel(String::from("a1b2")),
        ];
        all.extend(Quiet::ALL.map(|quiet| Action::Silence(target.clone(), quiet)));
        all
    }

    #[test]
    fn what_is_written_is_read_again_with_and_without_a_number() {
        for action in all() {
            for number in [None, Some(0), Some(23)] {
                let read = Action::read(&action.id(number), &action.value());
                assert_eq!(read, Ok(action.clone()));
            }
        }
    }

    #[test]
    fn what_is_not_ours_says_why() {
        for (id, value, why) in [
            ("", "1 -", BadAction::Unknown),
            ("dismiss", "1 -", BadAction::Unknown),
            ("hekate.", "1 -", BadAction::Unknown),
            ("hekate.3", "1 -", BadAction::Unknown),
            ("hekate.reboot", "1 -", BadAction::Unknown),
            ("hekate.action", "1 -", BadAction::Unknown),
            ("hekate.dismiss", "-", BadAction::Version),
            ("hekate.dismiss", "2 -", BadAction::Version),
            ("hekate.dismiss", "1 x", BadAction::Value),
            ("hekate.ack", "1 k7f2", BadAction::Value),
            ("hekate.ack", "1 i:K7F2", BadAction::Value),
            ("hekate.ack", "1 i:", BadAction::Value),
            ("hekate.ack", "1 t:", BadAction::Value),
            ("hekate.ack", "1 t:a\u{202e}b", BadAction::Value),
            ("hekate.silence", "1 3y t:a", BadAction::Value),
            ("hekate.silence", "1 2h", BadAction::Value),
            ("hekate.hand_over", "1 i:k7f2", BadAction::Value),
            ("hekate.hand_over", "1 jan i:k7f2", BadAction::Value),
            ("hekate.hand_over", "1 S0CORE01 i:k7f2", BadAction::Value),
            ("hekate.action.confirm", "1 ", BadAction::Value),
            ("hekate.action.confirm", "1 a b", BadAction::Value),
        ] {
            assert_eq!(Action::read(id, value), Err(why), "{id} {value}");
        }
        let long = format!("1 {}", "x".repeat(WORDS_MAX + 1));
        assert_eq!(Action::read("hekate.ask", &long), Err(BadAction::Value));
    }

    proptest! {
        #[test]
        fn whatever_comes_back_is_read_or_refused(
            id in "(hekate\\.)?[a-z_.0-9]{0,20}", value in "(1 )?\\PC{0,80}",
        ) {
            if let Ok(action) = Action::read(&id, &value) {
                prop_assert_eq!(action.value(), value);
            }
        }
    }
}
