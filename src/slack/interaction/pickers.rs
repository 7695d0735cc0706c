//! Buttons and menus below private answers.

use super::{Action, PICK, Pick, Place, Quiet, Subject};
use crate::{
    command::{self, Choices, Known, Line, Status, Trouble},
    model::{Board, Verdict, planned::Planned, text::clean},
    slack::{
        control::{
            CONTROLS_MAX, Choice, Control, Controls, LABEL_MAX, Look, OPTION_VALUE_MAX, OPTIONS_MAX,
        },
        look,
    },
};

/// More are offered in a menu that can be searched; one place is left for the way out.
const BUTTONS_MAX: usize = CONTROLS_MAX - 1;

/// Whom somebody can have meant: a button each, or a menu that asks for its options.
pub fn choices(choices: &Choices) -> Controls {
    let pick = Pick {
        before: choices.before.clone(),
        after: choices.after.clone(),
        place: Place::Instead,
    };
    let mut controls = match pick.block_id() {
        Some(id) if choices.targets.len() > BUTTONS_MAX => {
            let mut controls = Controls::named(&id);
            controls.add(search("group and name …"));
            controls
        }
        Some(_) | None => {
            let mut controls = Controls::new();
            for (at, choice) in choices.targets.iter().take(BUTTONS_MAX).enumerate() {
                let words = pick.words(choice.id.as_str());
                let action = Action::say(words, Place::Instead);
                controls.add(button(&label(choice), &action, Some(at)));
            }
            controls
        }
    };
    controls.add(cancel());
    controls
}

/// What somebody probably meant, each as it would be typed.
pub fn nearest(nearest: &[String]) -> Controls {
    let mut controls = Controls::new();
    for (at, words) in nearest.iter().enumerate() {
        let action = Action::say(words.clone(), Place::Instead);
        controls.add(button(words, &action, Some(at)));
    }
    if !controls.is_empty() {
        controls.add(cancel());
    }
    controls
}

/// Below the grid: the same again, less or more of it, one of it, and for everybody.
pub fn below_status(status: &Status) -> Controls {
    let again = said("status", &status.selection);
    let details = Pick {
        before: String::from("why"),
        after: String::new(),
        place: Place::Beside,
    };
    let mut controls = details
        .block_id()
        .map_or_else(Controls::new, |id| Controls::named(&id));
    controls.add(share(&again)).add(refresh(&again));
    let is_mixed = !status.problems.is_empty() && status.counts.of(Verdict::Operational) > 0;
    if is_mixed && status.selection.is_empty() {
        let action = Action::say("status problems", Place::Instead);
        controls.add(button("Problems only", &action, Some(1)));
    } else if !status.selection.is_empty() {
        let action = Action::say("status", Place::Instead);
        controls.add(button("Everything", &action, Some(2)));
    }
    if status.counts.total() > 0 {
        controls.add(search("Details of …"));
    }
    controls
}

/// Below all that is known of one target.
pub fn below_known(known: &Known) -> Controls {
    let line = &known.line;
    let again = said("why", line.target.id.as_str());
    let mut controls = Controls::new();
    if line.facts.incident.is_some() {
        let subject = Subject::Target(line.target.id.clone());
        controls.add(taking(&subject, line, "I'm on it", None));
        controls.add(silence(&subject, "Silence", None));
    }
    let beside = |label: &str, word: &str, number| {
        let words = said(word, line.target.id.as_str());
        button(label, &Action::say(&words, Place::Beside), Some(number))
    };
    controls.add(beside("History", "history", 1));
    if !line.target.stands_for_others() {
        controls.add(beside("Look now", "check", 2));
    }
    controls.add(share(&again)).add(refresh(&again));
    controls
}

/// Below a trouble on the Home tab; `place` tells it from others of the same view.
pub fn below_trouble(trouble: &Trouble, place: usize) -> Controls {
    let mut controls = Controls::new();
    let Some(line) = trouble.lines.first() else {
        return controls;
    };
    let at = Some(place);
    let subject = match &trouble.incident {
        Some(incident) => {
            let subject = Subject::Incident(incident.clone());
            if !trouble.is_theirs {
                controls.add(taking(&subject, line, "I'm on it", at));
            }
            subject
        }
        None => Subject::Target(line.target.id.clone()),
    };
    let details = Action::say(said("why", line.target.id.as_str()), Place::Instead);
    controls
        .add(silence(&subject, "Silence", at))
        .add(button("Details", &details, at));
    controls
}

/// Below something that somebody has begun; `place` tells it from others of the same view.
pub fn below_plan(planned: &Planned, place: usize) -> Controls {
    let id = planned.id;
    let words = format!("{} end {id}", id.kind.as_str());
    let mut controls = Controls::new();
    let action = Action::say(words, Place::Instead);
    controls.add(button("End", &action, Some(place)));
    controls
}

/// What can be done with an incident that somebody has taken on.
pub fn below_taken(taken: &command::Taken, place: usize) -> Controls {
    let words = format!("ack end {}", taken.incident);
    let mut controls = Controls::new();
    let action = Action::say(words, Place::Instead);
    controls.add(button("End", &action, Some(place)));
    controls
}

/// What a menu offers while this is typed into it: problems first, at most as many as Slack takes.
///
/// All words have to be in the name, in any order; what is said is the id, which is never ambiguous. A name that is too
/// long for a menu can only be typed.
pub fn options(board: &Board, typed: &str) -> Vec<Choice> {
    let typed = typed.to_lowercase();
    let words: Vec<&str> = typed.split_whitespace().collect();
    let is_meant = |choice: &command::Choice| {
        let name = format!(
            "{} {}",
            choice.title,
            choice.icon.as_deref().unwrap_or_default()
        );
        let name = name.to_lowercase();
        words.iter().all(|word| name.contains(word))
    };
    command::Choice::of(&board.rows)
        .into_iter()
        .filter(is_meant)
        .map(|choice| Choice {
            label: label(&choice),
            value: choice.id.as_str().to_owned(),
        })
        .filter(|choice| choice.value.chars().count() <= OPTION_VALUE_MAX)
        .take(OPTIONS_MAX)
        .collect()
}

/// Takes it on, or takes it over from whoever has.
fn taking(subject: &Subject, line: &Line, words: &str, number: Option<usize>) -> Control {
    match &line.facts.acknowledged {
        None => {
            let action = Action::Acknowledge(subject.clone());
            Control::button(words, action.id(number), action.value(), Look::Primary)
        }
        Some(_) => button("Take over", &Action::TakeOver(subject.clone()), number),
    }
}

/// The menu of silences.
pub(super) fn silence(subject: &Subject, words: &str, number: Option<usize>) -> Control {
    let options = Quiet::ALL.map(|quiet| Choice {
        label: quiet.words().to_owned(),
        value: Action::Silence(subject.clone(), quiet).value(),
    });
    Control::Menu {
        placeholder: words.to_owned(),
        action_id: Action::Silence(subject.clone(), Quiet::HalfAnHour).id(number),
        options: options.into(),
    }
}

/// A button that looks as any other.
pub(super) fn button(label: &str, action: &Action, number: Option<usize>) -> Control {
    Control::button(label, action.id(number), action.value(), Look::Plain)
}

/// Below what was sought: everybody may see it, and it can be sought again.
pub fn below_sought(words: &str) -> Controls {
    let mut controls = Controls::new();
    controls.add(share(words)).add(refresh(words));
    controls
}

fn share(words: &str) -> Control {
    button("Share here", &Action::say(words, Place::Channel), None)
}

fn refresh(words: &str) -> Control {
    button("Refresh", &Action::say(words, Place::Instead), None)
}

fn cancel() -> Control {
    button("Cancel", &Action::Dismiss, None)
}

fn search(words: &str) -> Control {
    Control::Search {
        placeholder: words.to_owned(),
        action_id: PICK.to_owned(),
    }
}

fn said(word: &str, words: &str) -> String {
    if words.is_empty() {
        word.to_owned()
    } else {
        format!("{word} {words}")
    }
}

/// `:red_circle: :hekate-blue: master blue DOWN`: whatever is not well is so in words too.
fn label(choice: &command::Choice) -> String {
    let icon = choice.icon.as_deref().unwrap_or_default();
    let marks = format!("{} {icon}", look::circle(choice.verdict));
    let state = match choice.verdict {
        Verdict::Operational => "",
        Verdict::Suspect | Verdict::Unknown | Verdict::Degraded | Verdict::Down => {
            look::mark(choice.verdict)
        }
    };
    let room = LABEL_MAX.saturating_sub(marks.chars().count() + state.chars().count() + 2);
    let title = clean(&choice.title, room);
    format!("{} {title} {state}", marks.trim_end())
}
