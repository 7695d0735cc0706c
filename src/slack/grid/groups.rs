//! What is well, and how much of each group is.

use super::{bar, stale_words, worst};
use crate::{
    command::{Counts, Line, Section, Status},
    model::Verdict,
    slack::{
        block::{Block, FIELD_MAX, FIELDS_MAX, Rich, cost},
        look,
        mrkdwn::{Markup, span},
    },
};

/// The most that one rich block of lines costs.
const RICH_MAX: usize = 2_500;
/// The most that all rows of circles cost together; above, the groups in which all is well are names only.
const CIRCLES_COST_MAX: usize = 5_500;
/// The longest row of single circles; a larger group is shown as a bar.
const ROW_MAX: usize = 20;
/// The most groups with problems that have a bar.
const BARS_MAX: usize = 10;
/// The most that the names of groups in which all is well cost.
const NAMES_COST_MAX: usize = 1_500;

fn name(section: &Section) -> &str {
    section
        .group
        .as_ref()
        .map_or("without a group", |group| group.name.as_str())
}

fn counts(section: &Section) -> Counts {
    let mut counts = Counts::default();
    for line in &section.lines {
        counts.add(line.verdict());
    }
    counts
}

/// One line for each target that is well, by group; its name, how fast it answered, and whether that is old.
pub(super) fn lines(status: &Status) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rich = Rich::new();
    let is_alone = status.sections.len() == 1
        && status
            .sections
            .iter()
            .all(|section| section.group.is_none());
    for section in &status.sections {
        let well: Vec<&Line> = section
            .lines
            .iter()
            .filter(|line| line.verdict() == Verdict::Operational)
            .collect();
        if well.is_empty() {
            continue;
        }
        if rich.cost() > RICH_MAX - 600 {
            blocks.push(Block::rich(std::mem::take(&mut rich)));
        }
        if !is_alone {
            rich.bold(name(section));
            let all = section.lines.len();
            if well.len() < all {
                rich.own(&format!(" · {} of {all} operational", well.len()));
            }
            rich.end_line();
        }
        for line in well {
            if rich.cost() > RICH_MAX {
                blocks.push(Block::rich(std::mem::take(&mut rich)));
            }
            well_line(&mut rich, line, status);
        }
    }
    blocks.push(Block::rich(rich));
    blocks
}

fn well_line(rich: &mut Rich, line: &Line, status: &Status) {
    rich.emoji(look::circle(Verdict::Operational))
        .emoji(line.target.icon.as_deref().unwrap_or_default())
        .bold(&line.target.name);
    if let Some(role) = line.role() {
        rich.own(" · ").own(role.words());
    }
    if let Some(took) = line.latency() {
        rich.own(&format!(" · {}", span(took)));
    }
    rich.own(&stale_words(line, status).unwrap_or_default())
        .end_line();
}

/// One row of circles a group, in two columns; where that is too much, bars and names.
pub(super) fn circles(status: &Status) -> Vec<Block> {
    let rows: Vec<Markup> = status.sections.iter().map(row).collect();
    let all: usize = rows.iter().map(|row| cost(row.as_str()) + 1).sum();
    if all > CIRCLES_COST_MAX {
        let mut blocks = bars(status);
        blocks.push(Block::section(&healthy(status)));
        return blocks;
    }
    // Two columns of the same height, then as many fields as their size asks for: left and right alternate.
    let (left, right) = rows.split_at(rows.len().div_ceil(2));
    let mut left = columns(left).into_iter();
    let mut right = columns(right).into_iter();
    let mut fields = Vec::new();
    loop {
        match (left.next(), right.next()) {
            (None, None) => break,
            (Some(field), None) | (None, Some(field)) => fields.push(field),
            (Some(a), Some(b)) => fields.extend([a, b]),
        }
    }
    fields.chunks(FIELDS_MAX).map(Block::fields).collect()
}

/// `🟢🟢🔴🟢  *cart*  1 down`: a circle for each target in the order of the file.
fn row(section: &Section) -> Markup {
    let mut row = Markup::new();
    if section.lines.len() > ROW_MAX {
        row.dots(&bar::bar(&counts(section)));
    } else {
        row.dots(
            &section
                .lines
                .iter()
                .map(|line| look::dot(line.verdict()))
                .collect::<String>(),
        );
    }
    row.own("  ");
    if worst(&section.lines) == Verdict::Operational {
        row.words(name(section));
    } else {
        row.bold(name(section)).own("  ");
        words(&mut row, &counts(section), false);
    }
    row
}

/// How many are how, in words, worst first.
fn words(row: &mut Markup, counts: &Counts, with_operational: bool) {
    let shown = counts
        .present()
        .filter(|(verdict, _)| with_operational || *verdict != Verdict::Operational);
    for (at, (verdict, count)) in shown.enumerate() {
        if at > 0 {
            row.own(", ");
        }
        row.number(count).own(" ").own(verdict.as_str());
    }
}

fn columns(rows: &[Markup]) -> Vec<Markup> {
    let mut fields = vec![Markup::new()];
    for row in rows {
        let is_full = fields
            .last()
            .is_some_and(|field| cost(field.as_str()) + cost(row.as_str()) + 1 > FIELD_MAX);
        if is_full {
            fields.push(Markup::new());
        }
        if let Some(field) = fields.last_mut() {
            if !field.is_empty() {
                field.own("\n");
            }
            field.append(row);
        }
    }
    fields
}

/// A bar for each group with a problem, the worst first.
pub(super) fn bars(status: &Status) -> Vec<Block> {
    let mut ill: Vec<(&Section, Counts)> = status
        .sections
        .iter()
        .map(|section| (section, counts(section)))
        .filter(|(_, counts)| counts.operational < counts.total())
        .collect();
    ill.sort_by_key(|(_, counts)| {
        std::cmp::Reverse((counts.down, counts.degraded, counts.unknown, counts.suspect))
    });
    let mut lines = Markup::new();
    for (section, counts) in ill.iter().take(BARS_MAX) {
        if !lines.is_empty() {
            lines.own("\n");
        }
        lines
            .dots(&bar::bar(counts))
            .own("  ")
            .bold(name(section))
            .own("  ");
        words(&mut lines, counts, true);
    }
    let mut more = Markup::new();
    if ill.len() > BARS_MAX {
        more.own("+")
            .number(ill.len() - BARS_MAX)
            .own(" more groups with problems: ");
        names(
            &mut more,
            ill[BARS_MAX..].iter().map(|(section, _)| *section),
            NAMES_COST_MAX / 2,
        );
    }
    vec![Block::section(&lines), Block::section(&more)]
}

/// The groups in which all is well, by name.
pub(super) fn healthy(status: &Status) -> Markup {
    let well: Vec<&Section> = status
        .sections
        .iter()
        .filter(|section| worst(&section.lines) == Verdict::Operational)
        .collect();
    let mut line = Markup::new();
    if well.is_empty() {
        return line;
    }
    line.emoji(look::circle(Verdict::Operational))
        .own("*")
        .number(well.len())
        .own(if well.len() == 1 {
            " group all operational:* "
        } else {
            " groups all operational:* "
        });
    names(&mut line, well.into_iter(), NAMES_COST_MAX);
    line
}

fn names<'a>(line: &mut Markup, sections: impl ExactSizeIterator<Item = &'a Section>, max: usize) {
    let count = sections.len();
    let mut spent = 0;
    for (at, section) in sections.enumerate() {
        spent += cost(name(section)) + 2;
        if spent > max {
            line.own(" and ").number(count - at).own(" more");
            return;
        }
        if at > 0 {
            line.own(", ");
        }
        line.words(name(section));
    }
}
