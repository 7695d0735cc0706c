//! What can be pressed: buttons and menus, with Slack's limits kept by construction.
//!
//! Source: <https://docs.slack.dev/reference/block-kit/blocks/actions-block>.

use serde_json::{Value, json};

use super::block::cost;
use crate::model::text::clean;

/// The most controls side by side.
pub const CONTROLS_MAX: usize = 25;
/// The most options of a menu.
pub const OPTIONS_MAX: usize = 100;
/// The most characters of a label; Slack shows about 30 of a button's.
pub const LABEL_MAX: usize = 75;
/// The most characters of what a button carries.
pub const VALUE_MAX: usize = 2_000;
/// The most characters of what an option carries.
pub const OPTION_VALUE_MAX: usize = 150;
/// The most characters of an id.
pub const ID_MAX: usize = 255;

/// Controls side by side.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Controls {
    id: Option<String>,
    controls: Vec<Control>,
}

/// Something to press.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Control {
    /// A button.
    Button {
        /// What it says; may be foreign, is cleaned and cut.
        label: String,
        /// What it does; another one for each control of a message.
        action_id: String,
        /// What it is about.
        value: String,
        /// How it looks.
        look: Look,
    },
    /// A menu with its options.
    Menu {
        /// What it says before anything is chosen.
        placeholder: String,
        /// What it does.
        action_id: String,
        /// What can be chosen.
        options: Vec<Choice>,
    },
    /// A menu that asks for its options while somebody types.
    Search {
        /// What it says before anything is chosen.
        placeholder: String,
        /// What it does.
        action_id: String,
    },
    /// A menu of the people of the workspace.
    People {
        /// What it says before anybody is chosen.
        placeholder: String,
        /// What it does.
        action_id: String,
    },
}

/// How a button looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// As any other.
    Plain,
    /// As what one would press first.
    Primary,
    /// As what one should think about before one presses it.
    Danger,
}

/// Something to choose in a menu.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// What it says; may be foreign, is cleaned and cut.
    pub label: String,
    /// What it carries.
    pub value: String,
}

impl Controls {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// None yet, in a block of this name, which comes back with whatever is pressed.
    pub fn named(id: &str) -> Self {
        Self {
            id: Some(id.to_owned()).filter(|id| is_at_most(id, ID_MAX)),
            controls: Vec::new(),
        }
    }

    /// Adds one; what Slack would not take is left out, as is everything above [`CONTROLS_MAX`].
    pub fn add(&mut self, control: Control) -> &mut Self {
        if self.controls.len() < CONTROLS_MAX && control.is_possible() {
            self.controls.push(control);
        }
        self
    }

    /// Whether there is nothing to press.
    pub fn is_empty(&self) -> bool {
        self.controls.is_empty()
    }

    /// How much all labels count.
    pub fn cost(&self) -> usize {
        self.controls.iter().map(Control::cost).sum()
    }

    /// As Slack is to receive it.
    pub fn to_json(&self) -> Value {
        let elements: Vec<_> = self.controls.iter().map(Control::to_json).collect();
        let mut out = json!({ "type": "actions", "elements": elements });
        if let Some(id) = &self.id {
            out["block_id"] = json!(id);
        }
        out
    }
}

impl Control {
    /// A button.
    pub fn button(label: &str, action_id: String, value: String, look: Look) -> Self {
        Self::Button {
            label: label.to_owned(),
            action_id,
            value,
            look,
        }
    }

    fn is_possible(&self) -> bool {
        match self {
            Self::Button {
                label,
                action_id,
                value,
                look: Look::Plain | Look::Primary | Look::Danger,
            } => {
                !clean(label, LABEL_MAX).is_empty()
                    && is_at_most(action_id, ID_MAX)
                    && is_at_most(value, VALUE_MAX)
            }
            Self::Menu {
                action_id, options, ..
            } => is_at_most(action_id, ID_MAX) && options.iter().any(Choice::is_possible),
            Self::Search { action_id, .. } | Self::People { action_id, .. } => {
                is_at_most(action_id, ID_MAX)
            }
        }
    }

    fn cost(&self) -> usize {
        match self {
            Self::Button { label, .. } => cost(&clean(label, LABEL_MAX)),
            Self::Menu {
                placeholder,
                options,
                ..
            } => {
                let labels = options.iter().map(|choice| cost(&choice.label));
                cost(placeholder) + labels.sum::<usize>()
            }
            Self::Search { placeholder, .. } | Self::People { placeholder, .. } => {
                cost(placeholder)
            }
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Button {
                label,
                action_id,
                value,
                look,
            } => {
                let mut out = json!({
                    "type": "button", "text": plain(label), "action_id": action_id, "value": value,
                });
                match look {
                    Look::Plain => {}
                    Look::Primary => out["style"] = json!("primary"),
                    Look::Danger => out["style"] = json!("danger"),
                }
                out
            }
            Self::Menu {
                placeholder,
                action_id,
                options,
            } => json!({
                "type": "static_select", "placeholder": plain(placeholder), "action_id": action_id,
                "options": options_json(options),
            }),
            Self::Search {
                placeholder,
                action_id,
            } => json!({
                "type": "external_select", "placeholder": plain(placeholder), "action_id": action_id,
                "min_query_length": 0,
            }),
            Self::People {
                placeholder,
                action_id,
            } => json!({
                "type": "users_select", "placeholder": plain(placeholder), "action_id": action_id,
            }),
        }
    }
}

impl Choice {
    fn is_possible(&self) -> bool {
        !clean(&self.label, LABEL_MAX).is_empty() && is_at_most(&self.value, OPTION_VALUE_MAX)
    }
}

/// Options as Slack is to receive them, at most [`OPTIONS_MAX`]; what it would not take is left out.
pub fn options_json(choices: &[Choice]) -> Value {
    choices
        .iter()
        .filter(|choice| choice.is_possible())
        .take(OPTIONS_MAX)
        .map(|choice| json!({ "text": plain(&choice.label), "value": choice.value }))
        .collect()
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": clean(text, LABEL_MAX), "emoji": true })
}

fn is_at_most(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn button(label: &str, value: &str) -> Control {
        Control::button(label, String::from("a"), value.to_owned(), Look::Plain)
    }

    #[test]
    fn what_slack_would_not_take_is_left_out() {
        let mut controls = Controls::named(&"x".repeat(ID_MAX + 1));
        controls
            .add(button("\u{200b}", "v"))
            .add(button("empty", ""))
            .add(button("long", &"v".repeat(VALUE_MAX + 1)))
            .add(Control::Menu {
                placeholder: String::from("…"),
                action_id: String::from("a"),
                options: vec![Choice {
                    label: String::from("long"),
                    value: "v".repeat(OPTION_VALUE_MAX + 1),
                }],
            });
        assert!(controls.is_empty());
        for number in 0..30 {
            controls.add(button(&number.to_string(), "v"));
        }
        let json = controls.to_json();
        assert_eq!(json["elements"].as_array().unwrap().len(), CONTROLS_MAX);
        assert_eq!(json["block_id"], Value::Null);
    }

    #[test]
    fn a_label_is_clean_and_short() {
        let mut controls = Controls::new();
        controls.add(button(&format!("\u{202e}ab{}", "c".repeat(200)), "v"));
        let json = controls.to_json();
        let label = json["elements"][0]["text"]["text"].as_str().unwrap();
        assert!(label.starts_with("abc") && label.chars().count() <= LABEL_MAX);
        assert!(controls.cost() <= LABEL_MAX);
    }
}
