//! The page for a terminal.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::{PROBLEMS_MAX, Page, headline::Level, words::Phrase};

pub(super) fn page(page: &Page<'_>) -> String {
    let language = page.look.language;
    let mut out = format!("{}\n", language.headline(&page.headline()));
    let problems = page.problems();
    let more = problems.len().saturating_sub(PROBLEMS_MAX);
    for (level, line) in problems.into_iter().take(PROBLEMS_MAX) {
        let _infallible = write!(
            out,
            "\n{}  {}  {} {} {}\n",
            language.level(level),
            language.name(&line.target.title(), line.role()),
            language.say(Phrase::Since),
            page.time(line.since()),
            page.zone()
        );
        if let Some(why) = page.why(line) {
            let _infallible = writeln!(out, "  {why}");
            for near in page.near(line) {
                let _infallible = writeln!(out, "  {near}");
            }
        }
    }
    if more > 0 {
        let _infallible = writeln!(out, "\n{}", language.more(more));
    }
    for section in &page.status.sections {
        let lines: Vec<_> = section
            .lines
            .iter()
            .filter(|line| page.is_shown(line))
            .collect();
        if lines.is_empty() {
            continue;
        }
        let name = section
            .group
            .as_ref()
            .map_or_else(|| language.say(Phrase::Others), |group| group.name.as_str());
        let _infallible = writeln!(out, "\n{name}");
        let words: Vec<_> = lines
            .iter()
            .map(|line| language.level(Level::of(line)))
            .collect();
        let width = words.iter().map(|word| word.width()).max().unwrap_or(0);
        for (word, line) in words.into_iter().zip(lines) {
            let blanks = width - word.width();
            let _infallible = writeln!(
                out,
                "  {word}{:blanks$}  {}",
                "",
                language.name(&line.target.title(), line.role())
            );
        }
    }
    out
}
