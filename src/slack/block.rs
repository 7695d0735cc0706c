//! Block Kit, as much of it as we use, with Slack's limits kept by construction.
//!
//! How Slack counts is not documented, so we count carefully: every emoji as 20 characters, and ten per cent of every
//! limit stay free. What does not fit is cut on purpose, and the cut says so.
//!
//! Source: <https://docs.slack.dev/reference/block-kit/blocks>.

use serde_json::{Value, json};

use super::{
    control::Controls,
    mrkdwn::{Markup, emoji_name},
};
use crate::model::text;

/// The most a section costs; Slack allows 3,000 characters.
pub const SECTION_MAX: usize = 2_700;
/// The most one of a section's fields costs; Slack allows 2,000 characters.
pub const FIELD_MAX: usize = 1_800;
/// The most fields of a section.
pub const FIELDS_MAX: usize = 10;
/// The most characters of a header.
pub const HEADER_MAX: usize = 150;
/// The most elements of a context.
pub const CONTEXT_MAX: usize = 10;
/// The most blocks of a message, attachments included; Slack allows 50.
pub const BLOCKS_MAX: usize = 45;
/// The most all texts of a message cost together; Slack refuses somewhere above 12,000.
pub const MESSAGE_MAX: usize = 10_000;
/// What an emoji costs, whether it is written as a character or in colon form.
pub const EMOJI_COST: usize = 20;

/// The most characters of a bold or code part of a line.
const STYLED_MAX: usize = 200;

const CUT: &str = " … (cut)";

/// How much a text counts: its characters, every pictograph as [`EMOJI_COST`].
pub fn cost(text: &str) -> usize {
    text.chars().map(cost_of).sum()
}

/// Pictographs begin at U+2300 except for the dashes, arrows and shapes of ordinary text, which cost too much at worst.
const fn cost_of(c: char) -> usize {
    match c {
        '\u{2300}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}' => EMOJI_COST,
        _ => 1,
    }
}

/// A part of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block(Shape);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Shape {
    Section(String),
    Fields(Vec<String>),
    Header(String),
    Context(Vec<Small>),
    Divider,
    Rich(Vec<RichElement>),
    Actions(Controls),
}

/// A part of a context.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Small {
    Parsed(String),
    Plain(String),
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum RichElement {
    Section(Vec<Piece>),
    Preformatted(String),
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Text { text: String, style: Style },
    Emoji(String),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Style {
    Plain,
    Bold,
    Code,
}

impl Block {
    /// A section of one text.
    pub fn section(text: &Markup) -> Self {
        Self(Shape::Section(fit(text.as_str(), SECTION_MAX)))
    }

    /// A section of fields in two columns; more than ten are cut, empty ones left out.
    pub fn fields(fields: &[Markup]) -> Self {
        Self(Shape::Fields(fitted(fields, FIELDS_MAX, FIELD_MAX)))
    }

    /// A large line of plain text.
    pub fn header(text: &str) -> Self {
        Self(Shape::Header(text::clean(text, HEADER_MAX)))
    }

    /// Small grey text; more than ten elements are cut, empty ones left out.
    pub fn context(elements: &[Markup]) -> Self {
        Self::context_with(elements, "")
    }

    /// As [`Block::context`], with foreign text as the last element, in which nothing is parsed.
    pub fn context_with(elements: &[Markup], foreign: &str) -> Self {
        let foreign = text::clean(foreign, text::FOREIGN_MAX);
        let own = if foreign.is_empty() {
            CONTEXT_MAX
        } else {
            CONTEXT_MAX - 1
        };
        let mut small: Vec<Small> = fitted(elements, own, FIELD_MAX)
            .into_iter()
            .map(Small::Parsed)
            .collect();
        if !foreign.is_empty() {
            small.push(Small::Plain(foreign));
        }
        Self(Shape::Context(small))
    }

    /// A line across.
    pub const fn divider() -> Self {
        Self(Shape::Divider)
    }

    /// Text of which nothing is parsed.
    pub fn rich(rich: Rich) -> Self {
        Self(Shape::Rich(rich.finish()))
    }

    /// What can be pressed.
    pub const fn actions(controls: Controls) -> Self {
        Self(Shape::Actions(controls))
    }

    /// Whether there is nothing in it; Slack refuses such blocks.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Shape::Section(text) | Shape::Header(text) => text.is_empty(),
            Shape::Fields(texts) => texts.is_empty(),
            Shape::Context(parts) => parts.is_empty(),
            Shape::Divider => false,
            Shape::Rich(elements) => elements.is_empty(),
            Shape::Actions(controls) => controls.is_empty(),
        }
    }

    /// How much it counts towards [`MESSAGE_MAX`].
    pub fn cost(&self) -> usize {
        match &self.0 {
            Shape::Section(text) | Shape::Header(text) => cost(text),
            Shape::Fields(texts) => texts.iter().map(|t| cost(t)).sum(),
            Shape::Context(parts) => parts.iter().map(Small::cost).sum(),
            Shape::Divider => 1,
            Shape::Rich(elements) => elements.iter().map(RichElement::cost).sum(),
            Shape::Actions(controls) => controls.cost(),
        }
    }

    /// As Slack is to receive it.
    pub fn to_json(&self) -> Value {
        match &self.0 {
            Shape::Section(text) => json!({"type": "section", "text": parsed(text)}),
            Shape::Fields(texts) => {
                json!({"type": "section", "fields": texts.iter().map(|t| parsed(t)).collect::<Vec<_>>()})
            }
            Shape::Header(text) => {
                json!({"type": "header", "text": {"type": "plain_text", "text": text, "emoji": false}})
            }
            Shape::Context(parts) => {
                json!({"type": "context", "elements": parts.iter().map(Small::to_json).collect::<Vec<_>>()})
            }
            Shape::Divider => json!({"type": "divider"}),
            Shape::Rich(elements) => {
                json!({"type": "rich_text", "elements": elements.iter().map(RichElement::to_json).collect::<Vec<_>>()})
            }
            Shape::Actions(controls) => controls.to_json(),
        }
    }
}

/// `verbatim` keeps Slack from finding links, channels and names in what is not marked as such.
fn parsed(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

fn fitted(texts: &[Markup], count: usize, each: usize) -> Vec<String> {
    texts
        .iter()
        .filter(|text| !text.is_empty())
        .take(count)
        .map(|text| fit(text.as_str(), each))
        .collect()
}

/// The text, cut so that it costs at most `max`: not within `<…>`, `&…;` or `:…:`, and with bold and code closed.
pub fn fit(text: &str, max: usize) -> String {
    if cost(text) <= max {
        return text.to_owned();
    }
    // Two more for the marks that may have to be closed.
    let room = max.saturating_sub(cost(CUT) + 2);
    let mut spent = 0;
    let mut safe = 0;
    let mut open_until = None;
    for (at, c) in text.char_indices() {
        if open_until.is_none() {
            safe = at;
            open_until = token_end(&text[at..]).map(|length| at + length);
        }
        spent += cost_of(c);
        if spent > room {
            break;
        }
        if open_until.is_some_and(|end| at + c.len_utf8() >= end) {
            open_until = None;
        }
    }
    let mut out = text[..safe].to_owned();
    for mark in ['`', '*'] {
        if out.matches(mark).count() % 2 == 1 {
            out.push(mark);
        }
    }
    out.push_str(CUT);
    out
}

/// The length in bytes of what must not be cut, if the text begins with such a thing.
fn token_end(text: &str) -> Option<usize> {
    let (end, blanks): (char, &[char]) = match text.chars().next()? {
        // A date or a link may have blanks in it.
        '<' => ('>', &[]),
        '&' => (';', &[' ', '\n']),
        ':' => (':', &[' ', '\n']),
        _ => return None,
    };
    let length = text[1..].find(|c| c == end || blanks.contains(&c))? + 2;
    text[..length].ends_with(end).then_some(length)
}

/// Lines of text of which Slack parses nothing: the place for everything that others wrote.
///
/// Source: <https://docs.slack.dev/reference/block-kit/blocks/rich-text-block>.
#[derive(Clone, Default, Debug)]
pub struct Rich {
    done: Vec<RichElement>,
    line: Vec<Piece>,
}

impl Rich {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Our own words.
    pub fn own(&mut self, text: &str) -> &mut Self {
        if let Some(Piece::Text {
            text: before,
            style: Style::Plain,
        }) = self.line.last_mut()
        {
            before.push_str(text);
        } else if !text.is_empty() {
            self.line.push(Piece::Text {
                text: text.to_owned(),
                style: Style::Plain,
            });
        }
        self
    }

    /// Any text, cleaned and cut to `max` characters.
    pub fn foreign(&mut self, text: &str, max: usize) -> &mut Self {
        self.own(&text::clean(text, max))
    }

    /// A name or a label in bold.
    pub fn bold(&mut self, text: &str) -> &mut Self {
        self.styled(text, Style::Bold)
    }

    /// What can be typed as it is.
    pub fn code(&mut self, text: &str) -> &mut Self {
        self.styled(text, Style::Code)
    }

    fn styled(&mut self, text: &str, style: Style) -> &mut Self {
        let text = text::clean(text, STYLED_MAX);
        if !text.is_empty() {
            self.line.push(Piece::Text { text, style });
        }
        self
    }

    /// An emoji in colon form and a blank; nothing, if it has not the shape of one.
    pub fn emoji(&mut self, code: &str) -> &mut Self {
        if let Some(name) = emoji_name(code) {
            self.line.push(Piece::Emoji(name.to_owned()));
            self.own(" ");
        }
        self
    }

    /// Ends the line.
    pub fn end_line(&mut self) -> &mut Self {
        self.own("\n")
    }

    /// A box of foreign text in fixed width, cleaned and cut to `max` characters.
    pub fn preformatted(&mut self, text: &str, max: usize) -> &mut Self {
        let text = text::clean(text, max);
        if !text.is_empty() {
            self.end_section();
            self.done.push(RichElement::Preformatted(text));
        }
        self
    }

    /// How much all of it counts so far.
    pub fn cost(&self) -> usize {
        let done: usize = self.done.iter().map(RichElement::cost).sum();
        done + self.line.iter().map(Piece::cost).sum::<usize>()
    }

    fn end_section(&mut self) {
        let mut pieces = std::mem::take(&mut self.line);
        if let Some(Piece::Text { text, .. }) = pieces.last_mut() {
            text.truncate(text.trim_end().len());
            if text.is_empty() {
                pieces.pop();
            }
        }
        if !pieces.is_empty() {
            self.done.push(RichElement::Section(pieces));
        }
    }

    fn finish(mut self) -> Vec<RichElement> {
        self.end_section();
        self.done
    }
}

impl Small {
    fn cost(&self) -> usize {
        match self {
            Self::Parsed(text) | Self::Plain(text) => cost(text),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Parsed(text) => parsed(text),
            Self::Plain(text) => json!({"type": "plain_text", "text": text, "emoji": false}),
        }
    }
}

impl RichElement {
    fn cost(&self) -> usize {
        match self {
            Self::Section(pieces) => pieces.iter().map(Piece::cost).sum(),
            Self::Preformatted(text) => cost(text),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Section(pieces) => {
                json!({"type": "rich_text_section", "elements": pieces.iter().map(Piece::to_json).collect::<Vec<_>>()})
            }
            Self::Preformatted(text) => {
                json!({"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]})
            }
        }
    }
}

impl Piece {
    fn cost(&self) -> usize {
        match self {
            Self::Text { text, .. } => cost(text),
            Self::Emoji(name) => EMOJI_COST.max(name.len() + 2),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Text { text, style } => {
                let mut out = json!({"type": "text", "text": text});
                match style {
                    Style::Plain => {}
                    Style::Bold => out["style"] = json!({"bold": true}),
                    Style::Code => out["style"] = json!({"code": true}),
                }
                out
            }
            Self::Emoji(name) => json!({"type": "emoji", "name": name}),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_emoji_counts_twenty() {
        assert_eq!(cost("down"), 4);
        assert_eq!(cost("🔴🟢 x"), 42);
        assert_eq!(cost(":red_circle:"), 12);
        assert_eq!(cost("modrá – ∗"), 9);
    }

    #[test]
    fn a_cut_is_said_and_leaves_nothing_half() {
        assert_eq!(fit("short", 10), "short");
        assert_eq!(fit(&"x".repeat(40), 20), format!("{}{CUT}", "x".repeat(10)));
        assert_eq!(
            fit("1234567 <!date^1^{time}|12:00 UTC> and more", 30),
            "1234567  … (cut)"
        );
        assert_eq!(
            fit("12345678 &amp; and more of it all", 23),
            "12345678  … (cut)"
        );
        assert_eq!(
            fit("1234 *bold and more and more of it*", 20),
            "1234 *bold* … (cut)"
        );
    }

    #[test]
    fn rich_text_keeps_what_others_wrote_apart() {
        let mut rich = Rich::new();
        rich.bold("What")
            .own("\n")
            .foreign("<!here> *x*", 100)
            .end_line();
        rich.preformatted("body", 10).own("after").end_line();
        assert_eq!(
            Block::rich(rich).to_json(),
            json!({"type": "rich_text", "elements": [
                {"type": "rich_text_section", "elements": [
                    {"type": "text", "text": "What", "style": {"bold": true}},
                    {"type": "text", "text": "\n<!here> *x*"},
                ]},
                {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "body"}]},
                {"type": "rich_text_section", "elements": [{"type": "text", "text": "after"}]},
            ]})
        );
    }

    #[test]
    fn nothing_in_it_is_nothing() {
        let mut rich = Rich::new();
        rich.own("")
            .own("\n")
            .bold("")
            .foreign("", 5)
            .preformatted("", 5);
        for block in [
            Block::rich(rich),
            Block::section(&Markup::new()),
            Block::fields(&[Markup::new()]),
            Block::context(&[]),
            Block::header(" "),
        ] {
            assert!(block.is_empty(), "{block:?}");
        }
    }

    proptest! {
        #[test]
        fn a_cut_text_fits(text in "[a-z <>&;:*`🔴é\n]{0,200}", max in 20_usize..120) {
            prop_assert!(cost(&fit(&text, max)) <= max);
        }
    }
}
