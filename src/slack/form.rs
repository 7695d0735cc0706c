//! The form in which the name of a target is typed, and what is answered when it is sent.
//!
//! Source: <https://docs.slack.dev/reference/views/modal-views>.

use serde_json::{Value, json};

use super::{
    Message,
    block::{Block, Rich},
    interaction::Action,
    look,
};
use crate::{
    command::act::{Correction, Form, Input},
    model::{
        action::WORDS_MAX,
        roles::Role,
        text::{clean, span},
    },
};

/// The method that shows it.
pub const METHOD: &str = "views.open";
/// The input for the name: its block, and what is in it.
pub const NAME: &str = "name";
/// The input for the reason.
pub const REASON: &str = "reason";

/// The most characters of the words on top and on buttons.
const TITLE_MAX: usize = 24;
/// The most characters of a placeholder.
const PLACEHOLDER_MAX: usize = 150;
/// The most characters of a name in a label, and of a sentence.
const SHOWN_MAX: usize = 200;
/// The most blocks of an answer.
const ANSWER_BLOCKS_MAX: usize = 20;

/// The form as Slack is to receive it.
pub fn render(form: &Form) -> Value {
    let action = Action::TypeName(form.nonce.clone());
    let mut blocks = vec![what(form).to_json()];
    let label = format!("Type {} to go on", clean(&form.target, SHOWN_MAX));
    blocks.push(input(NAME, &label, &form.target));
    if form.wants_reason {
        blocks.push(input(REASON, "Why? Everybody will read it", "because …"));
    }
    blocks.push(terms(form).to_json());
    json!({
        "type": "modal",
        "callback_id": action.id(None),
        "private_metadata": action.value(),
        "title": plain(&capital(&form.action), TITLE_MAX),
        "submit": plain(&now(&form.action), TITLE_MAX),
        "close": plain("Close", TITLE_MAX),
        "blocks": blocks,
    })
}

/// What is done to whom, and how that is now.
fn what(form: &Form) -> Block {
    let mut rich = Rich::new();
    rich.emoji(look::circle(form.verdict))
        .bold(&form.target)
        .own(" is ")
        .bold(look::mark(form.verdict));
    match form.role {
        Some(role @ (Role::Active | Role::Inactive)) => {
            rich.own(" and ").bold(role.words());
        }
        Some(Role::Unknown) => {
            rich.own("; nobody can say whether it is active");
        }
        None => {}
    }
    rich.end_line()
        .bold(&form.action)
        .own(" ")
        .foreign(&form.deed, SHOWN_MAX)
        .own(" for it, once; what comes of it is told in public");
    if let Some(why) = &form.why {
        rich.end_line().own("Why: ").foreign(why, WORDS_MAX);
    }
    Block::rich(rich)
}

/// How long it can be sent, and what else has to happen.
fn terms(form: &Form) -> Block {
    let mut rich = Rich::new();
    rich.own(&format!("It can be confirmed for {}. ", span(form.within)))
        .own("Rights, role and state are judged again right before it is done");
    if form.needs_second_person {
        rich.own(", and somebody else has to confirm it after you");
    }
    rich.own(&format!(" \u{2014} {}", form.id));
    Block::rich(rich)
}

fn input(id: &str, label: &str, placeholder: &str) -> Value {
    json!({
        "type": "input",
        "block_id": id,
        "label": plain(label, SHOWN_MAX + 30),
        "element": {
            "type": "plain_text_input",
            "action_id": id,
            "max_length": WORDS_MAX,
            "placeholder": plain(placeholder, PLACEHOLDER_MAX),
        },
    })
}

/// Leaves the form open and says what is wrong with what was typed; only for inputs that it has.
pub fn errors(corrections: &[Correction]) -> Value {
    let errors: serde_json::Map<String, Value> = corrections
        .iter()
        .map(|correction| {
            let id = match correction.input {
                Input::Name => NAME,
                Input::Reason => REASON,
            };
            let words = clean(&correction.words.replace('`', ""), SHOWN_MAX);
            (id.to_owned(), json!(words))
        })
        .collect();
    json!({ "response_action": "errors", "errors": errors })
}

/// Puts an answer in place of the form.
pub fn answer(message: &Message) -> Value {
    let message = message.clone().without_controls();
    let blocks: Vec<_> = message
        .all_blocks()
        .filter(|block| !block.is_empty())
        .take(ANSWER_BLOCKS_MAX)
        .map(Block::to_json)
        .collect();
    json!({
        "response_action": "update",
        "view": {
            "type": "modal",
            "title": plain("hekate", TITLE_MAX),
            "close": plain("Close", TITLE_MAX),
            "blocks": blocks,
        },
    })
}

fn plain(text: &str, max: usize) -> Value {
    json!({ "type": "plain_text", "text": clean(text, max), "emoji": false })
}

/// `Force restart`
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>());
    first.unwrap_or_default() + letters.as_str()
}

/// `Force restart now`, if there is room for it.
fn now(action: &str) -> String {
    let words = format!("{} now", capital(action));
    if words.chars().count() <= TITLE_MAX {
        words
    } else {
        String::from("Do it now")
    }
}
