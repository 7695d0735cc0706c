//! The Home tab of the app: one view for each person, of four cards.
//!
//! Source: <https://docs.slack.dev/reference/views/home-tab-views>.

use serde_json::{Value, json};

use super::{
    Message,
    block::{Block, Rich},
    grid::{self, Options, since_words},
    interaction::pickers,
    look,
    mrkdwn::{DateFormat, NAME_MAX, clock},
};
use crate::{
    command::{Home, Line, Status, Taken, Trouble},
    model::{planned::Planned, text::span},
};

/// The most blocks of a view.
pub const BLOCKS_MAX: usize = 100;
/// The most blocks of an answer above the cards.
const NOTE_BLOCKS_MAX: usize = 20;
/// The most troubles with buttons.
const TROUBLES_MAX: usize = 10;
/// The most plans with a button.
const PLANS_MAX: usize = 10;
/// The most incidents that somebody has taken on, with a button.
const TAKEN_MAX: usize = 6;
/// The most names in one line.
const NAMES_MAX: usize = 6;
/// The most sentences of who is on call.
const ON_CALL_MAX: usize = 20;
/// The most characters of a reason, and of a sentence.
const WORDS_MAX: usize = 200;

/// The number of the first trouble's buttons: answers above the cards number theirs from 0.
const FIRST_TROUBLE: usize = 100;
/// The number of the first plan's button.
const FIRST_PLAN: usize = 200;
/// The number of the button of the first incident that was taken on.
const FIRST_TAKEN: usize = 300;

/// The view of a person; `note` is what came of what they pressed there, shown above everything else.
pub fn render(home: &Home, note: Option<&Message>, options: &Options<'_>) -> Value {
    let mut blocks: Vec<Block> = Vec::new();
    if let Some(note) = note {
        blocks.extend(note.all_blocks().take(NOTE_BLOCKS_MAX).cloned());
        blocks.push(Block::divider());
    }
    now(&mut blocks, home, options);
    mine(&mut blocks, home, options);
    on_call(&mut blocks, home);
    tries(&mut blocks, home);
    blocks.retain(|block| !block.is_empty());
    // What nobody has thought of is cut at its end; every card has its own limit.
    blocks.truncate(BLOCKS_MAX);
    json!({
        "type": "home",
        "blocks": blocks.iter().map(Block::to_json).collect::<Vec<_>>(),
    })
}

/// The counts alone, for when Slack refuses how the view looks.
pub fn plain(home: &Home) -> Value {
    let blocks = [
        Block::section(&grid::totals(&home.status)),
        typed(&home.status, "status"),
    ];
    json!({
        "type": "home",
        "blocks": blocks.iter().map(Block::to_json).collect::<Vec<_>>(),
    })
}

fn now(blocks: &mut Vec<Block>, home: &Home, options: &Options<'_>) {
    let status = &home.status;
    blocks.push(Block::header("Now"));
    blocks.push(Block::section(&grid::totals(status)));
    blocks.extend(grid::troubles(status));
    blocks.extend(grid::notes(status, options));
    for (at, trouble) in home.troubles.iter().take(TROUBLES_MAX).enumerate() {
        blocks.push(trouble_line(trouble, status, options));
        blocks.push(Block::actions(pickers::below_trouble(
            trouble,
            FIRST_TROUBLE + at,
        )));
    }
    let more: usize = home
        .troubles
        .iter()
        .skip(TROUBLES_MAX)
        .map(|trouble| trouble.lines.len())
        .sum();
    if more > 0 {
        let mut rich = Rich::new();
        rich.own(&format!("+{more} more not well: "))
            .code(&format!("{} status problems", status.command));
        blocks.push(Block::rich(rich));
    }
}

/// `:red_circle: master blue, green and 3 more DOWN 4 min (since 11:54:00 UTC) · HTTP 503 · #k7f2 · @jan is on it`
fn trouble_line(trouble: &Trouble, status: &Status, options: &Options<'_>) -> Block {
    let mut rich = Rich::new();
    let icon = match trouble.lines.as_slice() {
        [line] => line.target.icon.as_deref().unwrap_or_default(),
        _ => "",
    };
    rich.emoji(look::circle(trouble.worst()))
        .emoji(icon)
        .bold(&names(trouble.lines.iter().map(Line::title)))
        .own(" ")
        .own(look::mark(trouble.worst()));
    if let Some(since) = trouble.since() {
        rich.own(" ").own(&since_words(since, status, options));
    }
    if let Some(line) = trouble.lines.first() {
        rich.own(" · ").foreign(line.why(), WORDS_MAX);
        if let Some(incident) = &trouble.incident {
            rich.own(&format!(" · #{incident}"));
        }
        if let Some(taken) = &line.facts.acknowledged {
            rich.own(" · ")
                .foreign(&taken.by.name, NAME_MAX)
                .own(" is on it");
        }
    }
    Block::rich(rich)
}

fn mine(blocks: &mut Vec<Block>, home: &Home, options: &Options<'_>) {
    blocks.push(Block::divider());
    blocks.push(Block::header("Mine"));
    if home.taken.is_empty() && home.begun.is_empty() {
        let mut rich = Rich::new();
        rich.own("nothing that you have taken on or silenced is open");
        blocks.push(Block::rich(rich));
        return;
    }
    for (at, taken) in home.taken.iter().take(TAKEN_MAX).enumerate() {
        let mut rich = Rich::new();
        taken_line(&mut rich, taken, home, options);
        blocks.push(Block::rich(rich));
        blocks.push(Block::actions(pickers::below_taken(
            taken,
            FIRST_TAKEN + at,
        )));
    }
    let mut rich = Rich::new();
    counted(&mut rich, home.taken.len(), TAKEN_MAX);
    blocks.push(Block::rich(rich));
    for (at, planned) in home.begun.iter().take(PLANS_MAX).enumerate() {
        blocks.push(plan_line(planned, home, options));
        blocks.push(Block::actions(pickers::below_plan(
            planned,
            FIRST_PLAN + at,
        )));
    }
    let mut rich = Rich::new();
    counted(&mut rich, home.begun.len(), PLANS_MAX);
    blocks.push(Block::rich(rich));
}

fn taken_line(rich: &mut Rich, taken: &Taken, home: &Home, options: &Options<'_>) {
    let at = taken.acknowledgement.at;
    let at = clock(at, DateFormat::near(at, home.status.now), options.timezone);
    rich.own(&format!("• #{} ", taken.incident))
        .bold(&names(taken.titles.iter().cloned()))
        .own(&format!(" · you are on it since {at}"))
        .end_line();
}

/// `• s41 silence of master/blue until 16:20:00 CET (35 min left): db restore`
fn plan_line(planned: &Planned, home: &Home, options: &Options<'_>) -> Block {
    let now = home.status.now;
    let until = clock(
        planned.until,
        DateFormat::near(planned.until, now),
        options.timezone,
    );
    let left = std::time::Duration::from_secs(planned.until.since(now).as_secs());
    let targets = planned.matcher.targets.iter();
    let mut rich = Rich::new();
    rich.own("• ")
        .code(&planned.id.to_string())
        .own(&format!(" {} of ", planned.id.kind.as_str()))
        .bold(&names(targets.map(|id| id.as_str().replacen('/', " ", 1))))
        .own(&format!(" until {until} ({} left)", span(left)));
    if !planned.why.is_empty() {
        rich.own(": ").foreign(&planned.why, WORDS_MAX);
    }
    Block::rich(rich)
}

fn on_call(blocks: &mut Vec<Block>, home: &Home) {
    blocks.push(Block::divider());
    blocks.push(Block::header("On call"));
    let mut rich = Rich::new();
    for sentence in home.on_call.iter().take(ON_CALL_MAX) {
        rich.own("• ").foreign(sentence, WORDS_MAX).end_line();
    }
    counted(&mut rich, home.on_call.len(), ON_CALL_MAX);
    blocks.push(Block::rich(rich));
}

fn tries(blocks: &mut Vec<Block>, home: &Home) {
    blocks.push(Block::divider());
    blocks.push(Block::header("Try"));
    let mut rich = Rich::new();
    for words in &home.tries {
        rich.own("• ")
            .code(&format!("{} {words}", home.status.command))
            .end_line();
    }
    rich.own("or write to the bot, or mention it: the same words without ")
        .code(&home.status.command);
    blocks.push(Block::rich(rich));
}

fn typed(status: &Status, words: &str) -> Block {
    let mut rich = Rich::new();
    rich.code(&format!("{} {words}", status.command))
        .own(" shows more");
    Block::rich(rich)
}

fn counted(rich: &mut Rich, total: usize, shown_max: usize) {
    if total > shown_max {
        rich.own(&format!("+{} more", total - shown_max));
    }
}

/// `master blue, master green and 3 more`
fn names(mut all: impl ExactSizeIterator<Item = String>) -> String {
    let mut shown: Vec<_> = all.by_ref().take(NAMES_MAX).collect();
    let more = all.len();
    if more > 0 {
        let last = shown.pop().unwrap_or_default();
        shown.push(format!("{last} and {more} more"));
    }
    shown.join(", ")
}
