//! Buttons of messages that tell of an incident.

use super::{
    Action, Place, Subject,
    action::{HAND_OVER, hand_block},
    pickers::{button, silence},
};
use crate::{
    model::{Entry, Incident, IncidentId, Kind},
    slack::{
        block::Block,
        control::{Control, Controls, Look},
    },
};

/// What a message is about, as far as its buttons have to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct About<'a> {
    /// The incident.
    pub incident: &'a IncidentId,
    /// Of how many targets it tells.
    pub targets: usize,
    /// Whether it is not over.
    pub is_open: bool,
    /// Whether somebody is known to have taken it on.
    pub is_taken: bool,
}

impl<'a> About<'a> {
    /// An incident as the store has it.
    pub fn incident(incident: &'a Incident) -> Self {
        Self {
            incident: &incident.id,
            targets: incident.targets.len(),
            is_open: incident.is_open(),
            is_taken: incident.acknowledged.is_some(),
        }
    }

    /// What an entry of the outbox tells of, as it was then; whoever presses hears who has taken it on meanwhile.
    pub fn entry(entry: &'a Entry) -> Self {
        let many = entry.story.many.as_deref();
        let several = many.map(|many| usize::try_from(many.total).unwrap_or(usize::MAX));
        let one = usize::from(entry.story.target.is_some());
        Self {
            incident: &entry.key.incident,
            targets: several.unwrap_or(one),
            is_open: match entry.kind {
                Kind::Opened | Kind::Changed | Kind::Reminder | Kind::Noted => true,
                Kind::Recovered | Kind::Removed | Kind::Notice | Kind::Split => false,
            },
            is_taken: entry
                .story
                .attended
                .as_ref()
                .is_some_and(|attended| attended.on_it.is_some()),
        }
    }
}

/// What can be pressed below a message about an incident; absent if it is about hekate itself, of which nobody can take care
/// with a button.
///
/// They carry the incident's id and nothing of its state: what is true is looked up when they are pressed. The controls fit
/// into one block of any message whose texts cost at most 9,500.
pub fn incident_buttons(about: &About<'_>) -> Option<Block> {
    let count = about.targets;
    if count == 0 {
        return None;
    }
    let subject = Subject::Incident(about.incident.clone());
    let is_taken = about.is_open && about.is_taken;
    let mut controls = if is_taken {
        Controls::named(&hand_block(&subject))
    } else {
        Controls::new()
    };
    if about.is_open {
        controls.add(taking(about, &subject));
        if is_taken {
            controls.add(Control::People {
                placeholder: String::from("Hand over to …"),
                action_id: String::from(HAND_OVER),
            });
        }
        controls.add(silence(
            &subject,
            if count == 1 { "Silence" } else { "Silence all" },
            None,
        ));
    }
    if about.is_open && count > 1 {
        controls.add(button("Split", &Action::Split(subject.clone()), None));
    }
    controls.add(details(about));
    // While it goes on nobody knows what it was worth, and the answer could only be that it is too soon.
    if !about.is_open {
        controls.add(button("False alarm", &Action::FalseAlarm(subject), None));
    }
    Some(Block::actions(controls))
}

fn taking(about: &About<'_>, subject: &Subject) -> Control {
    match (about.is_taken, about.targets) {
        (true, _) => button("Take over", &Action::TakeOver(subject.clone()), None),
        (false, count) => {
            let action = Action::Acknowledge(subject.clone());
            let words = if count == 1 {
                "I'm on it"
            } else {
                "Acknowledge all"
            };
            Control::button(words, action.id(None), action.value(), Look::Primary)
        }
    }
}

fn details(about: &About<'_>) -> Control {
    let (id, count) = (about.incident, about.targets);
    if count > 1 && about.is_open {
        let action = Action::say(format!("status {id}"), Place::Beside);
        return button(&format!("List all {count}"), &action, None);
    }
    button(
        "Details",
        &Action::say(format!("why {id}"), Place::Beside),
        None,
    )
}
