//! Answers to commands as Slack shows them: to the one who asked, and to nobody else.

use super::{
    Attachment, Audience, Message,
    block::{Block, Rich},
    control::{Control, Controls, Look},
    grid::{self, Options},
    interaction::{Action, pickers},
    look,
    mrkdwn::{DateFormat, NAME_MAX, clock, neutral},
    sought,
};
use crate::{
    command::{
        HelpLine, Known, Past, Reply,
        act::{Asking, ByForm},
        known::{self, Terms},
    },
    model::{Timestamp, text::span},
};

/// The most characters of what was understood, and of a hint.
const SENTENCE_MAX: usize = 300;
/// The most sentences of an answer; the rest is counted.
const SENTENCES_MAX: usize = 20;

/// The most facts of one target; a body may call many components by name.
const FACTS_MAX: usize = 40;

/// The message of an answer.
pub fn render(reply: &Reply, command: &str, options: &Options<'_>) -> Message {
    match reply {
        Reply::Status(status) => {
            grid::render(status, options).with_controls(pickers::below_status(status))
        }
        Reply::Help(lines) => help(lines),
        Reply::Past(reply) => past(reply, options),
        Reply::Known(reply) => known(reply, options).with_controls(pickers::below_known(reply)),
        Reply::History(reply) => {
            sought::history(reply, options).with_controls(pickers::below_sought(&reply.words()))
        }
        Reply::Looked(reply) => {
            sought::looked(reply, options).with_controls(pickers::below_sought(&reply.words()))
        }
        Reply::Fresh(reply) => sought::fresh(reply, options),
        Reply::Availability(reply) => sought::availability(reply, options)
            .with_controls(pickers::below_sought(&reply.words())),
        Reply::Said(sentences) => said(sentences),
        Reply::Asking(asking) => question(asking),
        Reply::Problem {
            understood,
            nearest,
            hint,
            choices,
        } => {
            let controls = match choices {
                Some(choices) => pickers::choices(choices),
                None => pickers::nearest(nearest),
            };
            problem(understood, nearest, hint, command).with_controls(controls)
        }
    }
}

fn help(lines: &[HelpLine]) -> Message {
    let mut text = String::from("What can be asked: ");
    let mut rich = Rich::new();
    rich.bold("What can be asked").end_line();
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            text.push_str("; ");
        }
        text.push_str(&neutral(&line.usage, SENTENCE_MAX));
        text.push_str(" – ");
        text.push_str(&neutral(line.what, SENTENCE_MAX));
        rich.own("• ").code(&line.usage).own(" ");
        sentence(&mut rich, line.what);
        rich.end_line();
    }
    Message::new(
        Audience::Asker,
        &text,
        None,
        vec![Block::rich(rich)],
        Vec::new(),
    )
}

/// What became of an incident: `#k7f2 master blue was DOWN since 14:02:10 CET, closed at 14:09:12 CET`.
fn past(past: &Past, options: &Options<'_>) -> Message {
    let time = |at: Timestamp| clock(at, DateFormat::near(at, past.now), options.timezone);
    let since = format!(" since {}, ", time(past.since));
    let until = past.closed_at.map_or_else(
        || String::from("still open"),
        |at| format!("closed at {}", time(at)),
    );
    let mut rich = Rich::new();
    rich.code(&format!("#{}", past.id))
        .own(" ")
        .foreign(&past.title(), SENTENCE_MAX)
        .own(" was ")
        .bold(look::mark(past.worst))
        .own(&since)
        .own(&until)
        .end_line();
    for (words, times) in &past.seen {
        rich.own("• seen: ")
            .foreign(words, SENTENCE_MAX)
            .own(&format!(" ({times}×)"))
            .end_line();
    }
    for words in &past.near {
        rich.own("• near: ").foreign(words, SENTENCE_MAX).end_line();
    }
    for (channel, at) in &past.told {
        rich.own("• told: ")
            .foreign(channel.as_str(), NAME_MAX)
            .own(&format!(" at {}", time(*at)))
            .end_line();
    }
    let text = format!(
        "#{} {} was {}{since}{until}",
        past.id,
        neutral(&past.title(), SENTENCE_MAX),
        look::mark(past.worst)
    );
    Message::new(
        Audience::Asker,
        &text,
        None,
        vec![Block::rich(rich)],
        Vec::new(),
    )
}

/// All that is known of one target: its state in the first line, then a fact a line.
fn known(known: &Known, options: &Options<'_>) -> Message {
    let time = |at: Timestamp| clock(at, DateFormat::near(at, known.now), options.timezone);
    let line = &known.line;
    let (title, verdict) = (line.title(), line.verdict());
    let since = format!(
        " since {} ({}), {}",
        time(line.since()),
        span(known.now.since(line.since())),
        line.target.severity
    );
    let mut rich = Rich::new();
    rich.emoji(look::circle(verdict))
        .bold(&title)
        .own(" ")
        .bold(look::mark(verdict))
        .own(&since)
        .end_line();
    let terms = Terms {
        time: &time,
        channel: &|name| name.to_string(),
    };
    for fact in known::facts(line, known.now, &terms).iter().take(FACTS_MAX) {
        let lead = if fact.label.is_empty() {
            "  "
        } else {
            "\u{2022} "
        };
        rich.own(lead).bold(fact.label);
        let gap = if fact.label.is_empty() { "" } else { "  " };
        rich.own(gap).foreign(&fact.words, SENTENCE_MAX).end_line();
    }
    let text = format!(
        "{}: {}{since} \u{2013} {}",
        look::mark(verdict),
        neutral(&title, SENTENCE_MAX),
        neutral(line.why(), SENTENCE_MAX)
    );
    let facts = Attachment {
        color: look::color(verdict),
        blocks: vec![Block::rich(rich)],
    };
    Message::new(Audience::Asker, &text, None, Vec::new(), vec![facts])
}

/// Sentences, each on its line.
fn said(sentences: &[String]) -> Message {
    let mut text = Vec::new();
    let mut rich = Rich::new();
    for (at, words) in sentences.iter().take(SENTENCES_MAX).enumerate() {
        if at > 0 {
            rich.end_line();
        }
        text.push(neutral(words, SENTENCE_MAX));
        sentence(&mut rich, words);
    }
    if let Some(more) = sentences
        .len()
        .checked_sub(SENTENCES_MAX)
        .filter(|more| *more > 0)
    {
        let words = format!("and {more} more");
        rich.end_line().own(&words);
        text.push(words);
    }
    Message::new(
        Audience::Asker,
        &text.join("; "),
        None,
        vec![Block::rich(rich)],
        Vec::new(),
    )
}

/// A question, with the buttons that answer it; everything can be typed as well.
fn question(asking: &Asking) -> Message {
    let mut text = Vec::new();
    let mut rich = Rich::new();
    for (at, words) in asking.sentences.iter().enumerate() {
        if at > 0 {
            rich.end_line();
        }
        text.push(neutral(words, SENTENCE_MAX));
        sentence(&mut rich, words);
    }
    let mut controls = Controls::new();
    let mut add = |label: &str, action: Action, look: Look| {
        controls.add(Control::button(
            label,
            action.id(None),
            action.value(),
            look,
        ));
    };
    if asking.has_button {
        let action = Action::Confirm(asking.nonce.clone());
        add("Do it", action, Look::Danger);
    }
    match asking.by_form {
        ByForm::No => {}
        ByForm::OnDemand | ByForm::Shown => {
            let action = Action::TypeName(asking.nonce.clone());
            add("Type its name", action, Look::Primary);
        }
    }
    let action = Action::Cancel(asking.nonce.clone());
    add("Cancel", action, Look::Plain);
    Message::new(
        Audience::Asker,
        &text.join(" "),
        None,
        vec![Block::rich(rich)],
        Vec::new(),
    )
    .with_controls(controls)
}

/// What was typed comes back here, so nothing of it is parsed.
fn problem(understood: &str, nearest: &[String], hint: &str, command: &str) -> Message {
    let mut text = neutral(understood, SENTENCE_MAX);
    let mut rich = Rich::new();
    sentence(&mut rich, understood);
    rich.end_line();
    if !nearest.is_empty() {
        text.push_str(". Did you mean: ");
        rich.own("Did you mean").end_line();
        for (at, question) in nearest.iter().enumerate() {
            if at > 0 {
                text.push_str(" or ");
            }
            text.push_str(&neutral(&format!("{command} {question}"), SENTENCE_MAX));
            rich.own("• ")
                .code(&format!("{command} {question}"))
                .end_line();
        }
    }
    if !hint.is_empty() {
        text.push_str(". ");
        text.push_str(&neutral(hint, SENTENCE_MAX));
        sentence(&mut rich, hint);
    }
    Message::new(
        Audience::Asker,
        &text,
        None,
        vec![Block::rich(rich)],
        Vec::new(),
    )
}

/// A sentence in which names to type stand in backticks.
fn sentence(rich: &mut Rich, sentence: &str) {
    let cut = crate::model::text::clean(sentence, SENTENCE_MAX);
    for (at, part) in cut.split('`').enumerate() {
        if at % 2 == 1 {
            rich.code(part);
        } else {
            rich.own(part);
        }
    }
}
