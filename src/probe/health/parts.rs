//! The components of a body: all counted, the worst kept.

use crate::model::{Component, ComponentState};

use super::{json::Node, mask::shown, vocabulary};

/// How many components that are not up are kept.
const KEPT_MAX: usize = 20;

/// The most characters of a component's name.
const NAME_MAX: usize = 100;

/// The most characters of a word of state.
const WORD_MAX: usize = 40;

/// The keys whose text may be shown, in the order in which they are preferred. Everything else that a body says of a
/// component stays out of memory, records and messages.
const MESSAGE_KEYS: [&str; 6] = [
    "error",
    "message",
    "output",
    "exception",
    "description",
    "reason",
];

/// Where those keys may lie beside the state itself.
const MESSAGE_PLACES: [&str; 2] = ["details", "data"];

/// What a state rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Basis {
    /// A word that we know.
    Known,
    /// A word that nobody knows.
    Foreign,
    /// The components alone; there is no word for the whole.
    Components,
}

/// A state together with the word it was said in.
#[derive(Clone, Debug)]
pub(super) struct Said<'a> {
    pub(super) state: ComponentState,
    /// As it stands in the body.
    pub(super) word: &'a str,
    /// The key it stood under, where the word alone would say too little.
    pub(super) key: &'static str,
    /// What it rests on.
    pub(super) basis: Basis,
}

impl<'a> Said<'a> {
    /// What a word says; a word that nobody knows is never good.
    pub(super) fn word(word: &'a str) -> Self {
        let state = vocabulary::state_of(word);
        Self {
            state: state.unwrap_or(ComponentState::Degraded),
            word,
            key: "",
            basis: if state.is_some() {
                Basis::Known
            } else {
                Basis::Foreign
            },
        }
    }

    pub(super) fn known(state: ComponentState, word: &'a str) -> Self {
        Self {
            state,
            word,
            key: "",
            basis: Basis::Known,
        }
    }

    /// What the components say together.
    pub(super) fn of_components(state: ComponentState) -> Self {
        Self {
            basis: Basis::Components,
            ..Self::known(state, "")
        }
    }

    /// The word, made harmless.
    pub(super) fn shown(&self) -> String {
        match shown(self.word, WORD_MAX) {
            word if word.is_empty() => "an empty word".to_owned(),
            word if self.key.is_empty() => word,
            word => format!("{}: {word}", self.key),
        }
    }
}

/// The way to a component from the top, without a list that would have to be allocated.
#[derive(Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Self>,
    name: &'p str,
}

impl<'p> Path<'p> {
    pub(super) fn top(name: &'p str) -> Self {
        Self { parent: None, name }
    }

    pub(super) fn child(&'p self, name: &'p str) -> Self {
        Self {
            parent: Some(self),
            name,
        }
    }

    fn write(&self, out: &mut String) {
        if let Some(parent) = self.parent {
            parent.write(out);
            out.push('/');
        }
        out.push_str(self.name);
    }

    /// Whether a name from the file means this component: its name, its whole path, or its name up to the first `:` or
    /// `(`, as in `db:responseTime` and `Cache(alias='default')`. Case does not matter.
    fn is_called(&self, name: &str) -> bool {
        let short = self
            .name
            .split([':', '('])
            .next()
            .unwrap_or(self.name)
            .trim();
        if self.name.eq_ignore_ascii_case(name) || short.eq_ignore_ascii_case(name) {
            return true;
        }
        self.parent.is_some() && {
            let mut whole = String::new();
            self.write(&mut whole);
            whole.eq_ignore_ascii_case(name)
        }
    }
}

/// A component that is not up.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) component: Component,
    /// Its own word for its state, made harmless.
    pub(super) word: String,
}

/// What all components of a body say together.
#[derive(Debug)]
pub(super) struct Parts<'q> {
    /// `critical_components` of the file.
    critical: &'q [String],
    /// Which of them the body names; empty if none are configured.
    named: Vec<bool>,
    /// Components in all.
    pub(super) total: u32,
    /// Those that are not up.
    pub(super) not_up: u32,
    /// Those that are down, planned or not.
    pub(super) down: u32,
    /// The worst state of any.
    pub(super) worst: ComponentState,
    /// Those that are not up, worst first, at most [`KEPT_MAX`].
    pub(super) kept: Vec<Part>,
    /// The worst critical component that is not up.
    pub(super) critical_part: Option<Part>,
}

impl<'q> Parts<'q> {
    pub(super) fn new(critical: &'q [String]) -> Self {
        Self {
            critical,
            named: vec![false; critical.len()],
            total: 0,
            not_up: 0,
            down: 0,
            worst: ComponentState::Up,
            kept: Vec::new(),
            critical_part: None,
        }
    }

    /// Adds one component; `node` is where its message may be found.
    pub(super) fn add(&mut self, path: Path<'_>, said: &Said<'_>, node: &Node<'_>) {
        self.add_with(path, said, || message_of(node));
    }

    /// Adds one component; its message is asked for only if it is needed.
    pub(super) fn add_with(
        &mut self,
        path: Path<'_>,
        said: &Said<'_>,
        message: impl Fn() -> Option<String>,
    ) {
        self.total = self.total.saturating_add(1);
        let mut is_critical = false;
        for (name, is_named) in self.critical.iter().zip(&mut self.named) {
            if path.is_called(name) {
                is_critical = true;
                *is_named = true;
            }
        }
        if said.state == ComponentState::Up {
            return;
        }
        self.not_up = self.not_up.saturating_add(1);
        self.worst = self.worst.max(said.state);
        if said.state >= ComponentState::PlannedDown {
            self.down = self.down.saturating_add(1);
        }
        let part = || {
            let mut name = String::new();
            path.write(&mut name);
            Part {
                component: Component {
                    name: shown(&name, NAME_MAX),
                    state: said.state,
                    message: message().or_else(|| {
                        (said.basis == Basis::Foreign).then(|| format!("says {}", said.shown()))
                    }),
                },
                word: said.shown(),
            }
        };
        let worst_critical = self.critical_part.as_ref().map(|part| part.component.state);
        if is_critical && worst_critical.is_none_or(|worst| worst < said.state) {
            self.critical_part = Some(part());
        }
        let place = self
            .kept
            .partition_point(|kept| kept.component.state >= said.state);
        if place < KEPT_MAX {
            self.kept.truncate(KEPT_MAX - 1);
            self.kept.insert(place, part());
        }
    }

    /// The component to name when only one can be named: among the worst, the first with something to say.
    pub(super) fn speaker(&self) -> Option<&Part> {
        let worst = self.kept.first()?;
        self.kept
            .iter()
            .take_while(|part| part.component.state == worst.component.state)
            .find(|part| part.component.message.is_some())
            .or(Some(worst))
    }

    /// A critical component that is down.
    pub(super) fn critical_down(&self) -> Option<&Part> {
        self.critical_part
            .as_ref()
            .filter(|part| part.component.state >= ComponentState::PlannedDown)
    }

    /// Whether the file says which components matter, the body names every one of them, none of those is down, and
    /// another is. A critical component that the body does not name might be the one that is down, so it proves nothing.
    pub(super) fn is_down_without_critical(&self) -> bool {
        !self.critical.is_empty()
            && self.named.iter().all(|named| *named)
            && self.critical_down().is_none()
            && self.down > 0
    }

    /// The first critical component that the body does not name.
    pub(super) fn unnamed_critical(&self) -> Option<&'q str> {
        self.critical
            .iter()
            .zip(&self.named)
            .find(|(_, is_named)| !**is_named)
            .map(|(name, _)| name.as_str())
    }
}

/// Why, in the words of the body: the first of the allowed keys with a text.
pub(super) fn message_of(node: &Node<'_>) -> Option<String> {
    let places = MESSAGE_PLACES.iter().filter_map(|place| node.get(place));
    std::iter::once(node)
        .chain(places)
        .flat_map(|place| MESSAGE_KEYS.iter().filter_map(|key| place.get(key)))
        .find_map(message_text)
}

/// A text, or the text inside an error object.
fn message_text(node: &Node<'_>) -> Option<String> {
    let text = node.text().or_else(|| node.get("message")?.text())?;
    message(text)
}

/// A message made harmless, if anything is left of it.
pub(super) fn message(text: &str) -> Option<String> {
    Some(shown(text, crate::model::text::FOREIGN_MAX)).filter(|text| !text.is_empty())
}
