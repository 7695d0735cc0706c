//! `why` and `health`: everything that is known of one target.

use std::{fmt::Write as _, time::Duration};

use super::{
    Choice, Choices, Heard, Line, Question, Reply, help,
    json::component_word,
    lookup::{self, NEAREST_MAX, One, SHOWN_MAX},
};
use crate::model::{
    ChannelName, Component, Timestamp, Verdict,
    board::Row,
    planned::Note,
    roles::{Role, RoleFacts},
    text::{clean, span},
};

/// One target, to be told of with all that is known of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Known {
    /// What the grid knows of it.
    pub line: Line,
    /// When it was asked for.
    pub now: Timestamp,
}

/// One fact: what it is about in a word, and the words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fact {
    /// `why`, `told`; empty if it belongs to the one before it.
    pub label: &'static str,
    /// Of foreign making in part, cleaned and capped, and not escaped.
    pub words: String,
}

/// How times and channels are called where it is told.
pub struct Terms<'a> {
    /// A time of day, with its date if that is another one.
    pub time: &'a dyn Fn(Timestamp) -> String,
    /// What people call a channel.
    pub channel: &'a dyn Fn(&ChannelName) -> String,
}

pub(super) fn answer(question: &Question<'_>, word: &str) -> Heard {
    Heard::Reply(one(question, word, "").map_or_else(
        |reply| *reply,
        |row| {
            Reply::Known(Box::new(Known {
                line: Line::of(row, question.now),
                now: question.now,
            }))
        },
    ))
}

/// The target that is asked for with `word`, and with what is said `after` it.
///
/// # Errors
///
/// What to say if the words name none, or several: whom they can mean.
pub(super) fn one<'a>(
    question: &Question<'a>,
    word: &str,
    after: &str,
) -> Result<&'a Row, Box<Reply>> {
    let said = |name: String| match after {
        "" => format!("{word} {name}"),
        after => format!("{word} {name} {after}"),
    };
    let all = || Choice::of(&question.board.rows);
    let (understood, nearest, targets) = match lookup::one(question.board, question.words) {
        One::Row(row) => return Ok(row),
        One::Several(rows) => {
            let shown = clean(question.words, SHOWN_MAX);
            let targets = Choice::of(rows);
            (
                format!("`{shown}` means several targets"),
                titles(&targets),
                targets,
            )
        }
        One::Nobody { .. } if question.words.is_empty() => {
            let targets = all();
            (format!("{word} of which target"), titles(&targets), targets)
        }
        One::Nobody {
            understood,
            nearest,
        } => (understood, nearest, Vec::new()),
    };
    let nearest = nearest.into_iter().take(NEAREST_MAX);
    Err(Box::new(Reply::Problem {
        understood,
        nearest: nearest.map(said).collect(),
        hint: help::hint(question.command),
        choices: Choices::among(targets, word, after),
    }))
}

fn titles(targets: &[Choice]) -> Vec<String> {
    targets.iter().map(|choice| choice.title.clone()).collect()
}

/// All that is known of a target, in the order in which people ask: why, what the looks saw, who was told, what is planned.
pub fn facts(target: &Line, now: Timestamp, terms: &Terms<'_>) -> Vec<Fact> {
    let mut out = Vec::new();
    why(&mut out, target);
    looks(&mut out, target, now, terms);
    body(&mut out, target);
    for (at, words) in target.facts.near.iter().enumerate() {
        add(&mut out, if at == 0 { "near" } else { "" }, words.clone());
    }
    told(&mut out, target, terms);
    plans(&mut out, target, terms);
    if !target.facts.next.is_empty() {
        add(&mut out, "next", target.facts.next.clone());
    }
    out
}

fn add(out: &mut Vec<Fact>, label: &'static str, words: String) {
    out.push(Fact { label, words });
}

fn why(out: &mut Vec<Fact>, target: &Line) {
    add(out, "why", target.why().to_owned());
    let is_suspect = target.verdict() == Verdict::Suspect;
    let suspicion = target.facts.suspicion.as_ref();
    if let Some(suspicion) = suspicion.filter(|_| is_suspect) {
        let looks = suspicion.looks;
        let noun = if looks == 1 { "look" } else { "looks" };
        let settled = target.facts.settled;
        add(
            out,
            "",
            format!("{looks} bad {noun} so far; until this is confirmed it counts as {settled}"),
        );
    }
}

/// What a single look saw: why it says so, how far it came, and what the body said.
pub(super) fn seen(target: &Line) -> Vec<Fact> {
    let mut out = Vec::new();
    add(&mut out, "why", target.why().to_owned());
    phases(&mut out, target);
    body(&mut out, target);
    out
}

fn phases(out: &mut Vec<Fact>, target: &Line) {
    let phases = target.facts.phases.finished();
    let phases: Vec<String> = phases
        .map(|(name, length)| format!("{name} {}", span(length)))
        .collect();
    if !phases.is_empty() {
        add(out, "phases", phases.join(" \u{b7} "));
    }
}

/// The look that decided, the last one, and the last good one before it.
fn looks(out: &mut Vec<Fact>, target: &Line, now: Timestamp, terms: &Terms<'_>) {
    phases(out, target);
    if let Some((at, took)) = target.looked {
        let words = format!("took {}, {} ago", span(took), age(at, now));
        add(out, "last look", words);
    }
    if let Some(role) = target.role.as_ref().filter(|role| !role.words.is_empty()) {
        add(out, "role", role_words(role, now, terms));
    }
    if let Some(log) = &target.log {
        add(out, "log", log.words(now));
    }
    let last_good = target.facts.last_good;
    if let Some(good) = last_good.filter(|_| target.verdict() != Verdict::Operational) {
        let status = good
            .status
            .map_or_else(|| String::from("fine"), |status| status.to_string());
        let words = format!(
            "{status} in {} at {}",
            span(good.took),
            (terms.time)(good.at)
        );
        add(out, "last good", words);
    }
}

/// What the body of the last look said.
fn body(out: &mut Vec<Fact>, target: &Line) {
    for component in target.facts.components() {
        add(out, "part", component_words(component));
    }
    if let Some(detail) = &target.facts.detail {
        let said = [
            ("note", &detail.note),
            ("said", &detail.excerpt),
            ("by", &detail.via),
        ];
        for (label, words) in said {
            if let Some(words) = words {
                add(out, label, words.clone());
            }
        }
    }
}

fn component_words(component: &Component) -> String {
    let state = component_word(component.state);
    match &component.message {
        Some(message) => format!("{} {state}: {message}", component.name),
        None => format!("{} {state}", component.name),
    }
}

fn told(out: &mut Vec<Fact>, target: &Line, terms: &Terms<'_>) {
    let incident = target.facts.incident.as_ref();
    let id = incident.map_or_else(String::new, |id| format!(", id {id}"));
    for told in &target.facts.told {
        let channel = (terms.channel)(&told.channel);
        add(
            out,
            "told",
            format!("{channel} at {}{id}", (terms.time)(told.at)),
        );
    }
}

/// Who has taken it on, and what keeps it from being told.
fn plans(out: &mut Vec<Fact>, target: &Line, terms: &Terms<'_>) {
    let facts = &target.facts;
    if let Some(taken) = &facts.acknowledged {
        let words = format!("{}, {}", taken.words(), (terms.time)(taken.at));
        add(out, "taken", words);
    }
    if let Some(note) = &facts.note {
        add(out, "planned", planned_words(note, terms.time));
    }
    if let Some(held) = &facts.held {
        add(out, "held", held.clone());
    }
}

/// `silenced by jan@laptop until 16:20:00 (s41)`
pub(super) fn planned_words(note: &Note, time: &dyn Fn(Timestamp) -> String) -> String {
    let id = match &note.by {
        Some(_) => format!(" ({})", note.name),
        None => String::new(),
    };
    format!("{} until {}{id}", note.words(), time(note.until))
}

/// `active since 14:02:10 (12 min); haproxy_csv says blue`
fn role_words(facts: &RoleFacts, now: Timestamp, terms: &Terms<'_>) -> String {
    let mut words = facts.role.map_or("", Role::as_str).to_owned();
    if let Some(since) = facts.since {
        let lead = if facts.role.is_some() {
            " since"
        } else {
            "exchanged"
        };
        let _infallible = write!(
            words,
            "{lead} {} ({})",
            (terms.time)(since),
            age(since, now)
        );
    }
    if !words.is_empty() {
        words.push_str("; ");
    }
    words + &facts.words
}

/// How long ago something was, for people: nobody reads parts of a second.
pub(super) fn age(at: Timestamp, now: Timestamp) -> String {
    span(Duration::from_secs(now.since(at).as_secs()))
}
