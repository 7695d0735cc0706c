//! Buttons of messages that tell of an incident.

use super::{
    Action, Place, Subject,
    pickers::{button, silence},
};
use crate::{
    model::Incident,
    slack::{
        block::Block,
        control::{Control, Controls, Look},
    },
};

/// What can be pressed below a message about an incident; absent if it is about hekate itself, of which nobody can take care
/// with a button.
///
/// They carry the incident's id and nothing of its state: what is true is looked up when they are pressed. The controls fit
/// into one block of any message whose texts cost at most 9,500.
pub fn incident_buttons(incident: &Incident) -> Option<Block> {
    let count = incident.targets.len();
    if count == 0 {
        return None;
    }
    let subject = Subject::Incident(incident.id.clone());
    let mut controls = Controls::new();
    if incident.is_open() {
        controls.add(taking(incident, &subject));
        controls.add(silence(
            &subject,
            if count == 1 { "Silence" } else { "Silence all" },
        ));
    }
    controls.add(details(incident, count));
    if count == 1 || !incident.is_open() {
        controls.add(button("False alarm", &Action::FalseAlarm(subject), None));
    }
    Some(Block::actions(controls))
}

fn taking(incident: &Incident, subject: &Subject) -> Control {
    match (&incident.acknowledged, incident.targets.len()) {
        (Some(_), _) => button("Take over", &Action::TakeOver(subject.clone()), None),
        (None, count) => {
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

fn details(incident: &Incident, count: usize) -> Control {
    let id = &incident.id;
    if count > 1 && incident.is_open() {
        let action = Action::say(format!("status {id}"), Place::Beside);
        return button(&format!("List all {count}"), &action, None);
    }
    button(
        "Details",
        &Action::say(format!("why {id}"), Place::Beside),
        None,
    )
}
