//! A badge: the same fact as a word and as a colour.

use maud::html;
use unicode_width::UnicodeWidthStr as _;

use super::headline::Level;
use crate::model::page::Language;

/// Pixels of a character of the badge's face, on average and rounded up.
const CHARACTER_PX: usize = 7;
const PADDING_PX: usize = 12;
const HEIGHT_PX: usize = 20;
/// The most characters of a name.
const NAME_MAX: usize = 40;

/// As SVG: what it is about, and how that is. White on each colour has a contrast of 4.5 and more.
///
/// Source: WCAG 2.2, 1.4.3.
#[must_use]
pub fn badge(name: &str, level: Level, language: Language) -> String {
    let name = crate::model::text::clean(name, NAME_MAX);
    let word = language.level(level);
    let width = |text: &str| text.width() * CHARACTER_PX + PADDING_PX;
    let (left, right) = (width(&name), width(word));
    let middle = HEIGHT_PX / 2 + 4;
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(left + right) height=(HEIGHT_PX) role="img" aria-label={ (name) ": " (word) } {
            title { (name) ": " (word) }
            rect width=(left) height=(HEIGHT_PX) fill="#24292f" {}
            rect x=(left) width=(right) height=(HEIGHT_PX) fill=(color(level)) {}
            g fill="#ffffff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle" {
                text x=(left / 2) y=(middle) { (name) }
                text x=(left + right / 2) y=(middle) { (word) }
            }
        }
    }
    .into_string()
}

/// The colour behind white words.
pub(super) const fn color(level: Level) -> &'static str {
    match level {
        Level::Outage | Level::Partial => "#cf222e",
        Level::Degraded => "#9a6700",
        Level::Maintenance => "#0969da",
        Level::Fine => "#1a7f37",
        Level::Unseen | Level::Checking | Level::Empty => "#57606a",
    }
}
