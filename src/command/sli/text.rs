//! What was measured, for a terminal.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::{Availability, Line, NOTHING_MEASURED, clauses};
use crate::{
    command::text::{Look, padded},
    judge::sli::Sli,
    model::text::span,
};

/// A line a target, the worst first, and all of them together.
pub fn text(availability: &Availability, look: Look) -> String {
    if let Some(nothing) = availability.nothing() {
        return nothing + "\n";
    }
    let until = availability.window.until;
    let mut out = format!(
        "{} in the last {}, since {} {}\n",
        look.bold("availability"),
        span(availability.back()),
        look.time(availability.window.from, until),
        look.zone(availability.window.from),
    );
    let (lines, together) = (availability.worst_first(), availability.together());
    let all = format!("together ({} targets)", lines.len());
    let titles = lines.iter().map(|line| line.title.as_str());
    let width = titles
        .map(str::width)
        .chain((lines.len() > 1).then(|| all.width()))
        .max()
        .unwrap_or(0);
    let mut row = |title: &str, sli: &Sli| {
        let mut said = clauses(sli, &|at| look.time(at, until));
        let share = sli.words().unwrap_or_else(|| {
            // The clauses say only how long that was.
            said.insert(0, NOTHING_MEASURED.to_owned());
            String::from("?")
        });
        let line = format!(
            "  {share:>8}  {}  {}",
            padded(title, width),
            said.join(" · ")
        );
        let _infallible = writeln!(out, "{}", line.trim_end());
    };
    for Line { title, sli, .. } in &lines {
        row(title, sli);
    }
    if lines.len() > 1 {
        row(&all, &together);
    }
    for slo in &availability.slos {
        let sign = match slo.is_kept() {
            Some(true) => '\u{2714}',
            Some(false) => '\u{2716}',
            None => '?',
        };
        let _infallible = writeln!(out, "  {sign} SLO {}: {}", slo.name, slo.words());
    }
    out
}

/// One line a target and nothing else, in the order of the file: `99.982%: master blue`.
pub fn short(availability: &Availability) -> String {
    let mut out = String::new();
    for line in &availability.lines {
        let share = line.sli.words();
        let share = share.as_deref().unwrap_or(NOTHING_MEASURED);
        let _infallible = writeln!(out, "{share}: {}", line.title);
    }
    out
}
