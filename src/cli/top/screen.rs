//! The screen, drawn: what hekate says of itself above, the targets below, the keys at the foot.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Cell, Clear, Paragraph, Row, Table, TableState},
};

use super::{
    feed::{Counts, Status, Target},
    view::{Over, View},
};
use crate::{
    command::text::mark,
    model::{
        Timestamp, Verdict,
        text::{clean, span},
    },
};

/// So many troubles of ours are named.
const TROUBLES_SHOWN: usize = 3;
/// The counts, and what hekate says of itself, take so many lines each.
const LINES_MAX: usize = 3;
/// Looks that are handed out later than this, in seconds, are worth a look at hekate itself.
const LAG_LOUD: f64 = 1.0;
/// So is a message that waits for longer, in seconds.
const OUTBOX_LOUD: f64 = 60.0;
/// The longest title that is shown whole, in characters.
const TITLE_MAX: u16 = 36;
/// Below this width a row has its state, its name and its reason only.
const NARROW: u16 = 70;
/// From this width on it has everything.
const WIDE: u16 = 100;

/// How it is painted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    /// Whether there are colours. Without them words, signs and bold type say the same.
    pub(super) has_color: bool,
}

impl Paint {
    fn of(self, verdict: Verdict) -> Style {
        let style = Style::new();
        let style = match verdict {
            Verdict::Down => style.add_modifier(Modifier::BOLD),
            Verdict::Operational | Verdict::Suspect | Verdict::Unknown | Verdict::Degraded => style,
        };
        let color = match verdict {
            Verdict::Operational => Color::Green,
            Verdict::Suspect | Verdict::Degraded => Color::Yellow,
            Verdict::Unknown => Color::Blue,
            Verdict::Down => Color::Red,
        };
        if self.has_color {
            style.fg(color)
        } else {
            style
        }
    }

    /// For what needs attention and is no state.
    fn loud(self) -> Style {
        self.of(Verdict::Down)
    }
}

/// Draws everything. `now` is our own clock, for how long hekate has been silent.
pub(super) fn draw(frame: &mut Frame<'_>, view: &mut View, paint: Paint, now: Timestamp) {
    let head = head(view, paint, now, frame.area().width);
    let height = u16::try_from(head.len()).unwrap_or(u16::MAX);
    let [above, list, foot] = Layout::vertical([
        Constraint::Length(height),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(head), above);
    // One row is the head of the table.
    view.rows_shown = usize::from(list.height.saturating_sub(1)).max(1);
    draw_list(frame, list, view, paint);
    frame.render_widget(Paragraph::new(keys(view)), foot);
    match &view.over {
        Over::Nothing => {}
        Over::Help => draw_over(
            frame,
            " keys ",
            HELP.iter().map(|line| Line::raw(*line)).collect(),
        ),
        Over::Details { target, lines, top } => {
            let title = format!(" {} ", clean(target, 60));
            let lines = match lines {
                None => vec![Line::raw("asking …")],
                Some(lines) => lines
                    .iter()
                    .skip(*top)
                    .map(|line| Line::raw(line.as_str()))
                    .collect(),
            };
            draw_over(frame, &title, lines);
        }
    }
}

const HELP: [&str; 9] = [
    "↑ ↓ PgUp PgDn Home End   select a target",
    "Enter                    everything known of it",
    "/                        only targets with these words",
    "p                        only what is wrong",
    "s                        the order",
    "r                        ask now",
    "Esc                      back; from the list: leave",
    "q                        leave",
    "",
];

fn draw_over(frame: &mut Frame<'_>, title: &str, lines: Vec<Line<'_>>) {
    let whole = frame.area();
    let area = Rect {
        x: whole.x + whole.width / 20,
        y: whole.y + whole.height / 10,
        width: whole.width - whole.width / 20 * 2,
        height: whole.height - whole.height / 10 * 2,
    };
    frame.render_widget(Clear, area);
    let block = Block::bordered()
        .title(title.to_owned())
        .title_bottom(" Esc: back ");
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// The lines above the list.
fn head(view: &View, paint: Paint, now: Timestamp, width: u16) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let at = view
        .page
        .as_ref()
        .map(|page| page.status.now.format(" · %H:%M:%S UTC").to_string());
    lines.push(Line::from(vec![
        Span::styled("hekate", Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(format!(
            " at {}{}",
            clean(&view.address, 60),
            at.unwrap_or_default()
        )),
    ]));
    if let Some((why, since)) = &view.silent {
        let long = Duration::from_secs(now.since(*since).as_secs());
        let known = if view.page.is_some() {
            "; what is shown is from before"
        } else {
            ""
        };
        lines.push(Line::styled(
            format!("✖ no answer for {}: {}{known}", span(long), clean(why, 120)),
            paint.loud(),
        ));
    }
    if let Some(page) = &view.page {
        lines.extend(wrapped(counts(&page.status.counts, paint), "  ", width));
        lines.extend(wrapped(figures(view, paint), " · ", width));
        lines.extend(troubles(&page.status, paint));
    }
    lines
}

/// How many targets are how, in words beside the colours.
fn counts(counts: &Counts, paint: Paint) -> Vec<Span<'static>> {
    let total = counts.total;
    let mut spans = vec![Span::raw(format!(
        "{total} target{}",
        if total == 1 { "" } else { "s" }
    ))];
    let each = [
        (Verdict::Down, counts.down),
        (Verdict::Degraded, counts.degraded),
        (Verdict::Suspect, counts.suspect),
        (Verdict::Unknown, counts.unknown),
        (Verdict::Operational, counts.operational),
    ];
    let there = each.into_iter().filter(|(_, count)| *count > 0);
    spans.extend(there.map(|(verdict, count)| {
        let words = format!("{} {count} {verdict}", mark(verdict));
        Span::styled(words, paint.of(verdict))
    }));
    spans
}

/// What hekate says of itself, what is wrong before all else.
fn figures(view: &View, paint: Paint) -> Vec<Span<'static>> {
    let recent = &view.recent;
    let Some(last) = recent.last() else {
        return Vec::new();
    };
    let mut parts: Vec<(String, bool)> = Vec::new();
    if last.is_store_writable == Some(false) {
        parts.push((String::from("STORE CANNOT BE WRITTEN"), true));
    }
    if last.is_file_good == Some(false) {
        parts.push((String::from("THE FILE WAS NOT TAKEN"), true));
    }
    let looks = recent.looks_per_second();
    parts.extend(looks.map(|looks| (format!("looks {looks:.1}/s"), false)));
    parts.extend(recent.lag_p99().map(|lag| {
        let words = if lag.is_finite() {
            format!("lag p99 ≤ {}", seconds(lag))
        } else {
            String::from("lag p99 beyond measure")
        };
        (words, lag > LAG_LOUD)
    }));
    let under_way = last.in_flight;
    parts.extend(under_way.map(|count| (format!("{count} under way"), false)));
    parts.extend(last.outbox.map(|count| {
        let oldest = last.outbox_oldest.filter(|_| count > 0.0);
        let words = oldest.map_or_else(String::new, |oldest| {
            format!(", the oldest for {}", seconds(oldest))
        });
        let is_loud = oldest.is_some_and(|oldest| oldest > OUTBOX_LOUD);
        (format!("outbox {count}{words}"), is_loud)
    }));
    let told = recent.told_per_minute();
    parts.extend(told.map(|told| (format!("told {told:.0}/min"), false)));
    let size = last.store_bytes;
    parts.extend(size.map(|size| (format!("store {}", bytes(size)), false)));
    let connections = last.slack_connections;
    parts.extend(connections.map(|count| (format!("slack connections {count}"), false)));
    let memory = last.memory_bytes;
    parts.extend(memory.map(|size| (format!("memory {}", bytes(size)), false)));
    let span = |(words, is_loud)| {
        let style = if is_loud { paint.loud() } else { Style::new() };
        Span::styled(words, style)
    };
    parts.into_iter().map(span).collect()
}

/// Parts in as many lines as they take, up to three; none is torn apart that fits into a line.
fn wrapped(parts: Vec<Span<'static>>, between: &'static str, width: u16) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    for part in parts {
        let room = usize::from(width);
        match lines.last_mut() {
            Some(line) if line.width() + between.chars().count() + part.width() <= room => {
                line.push_span(Span::raw(between));
                line.push_span(part);
            }
            Some(_) | None => lines.push(Line::from(part)),
        }
    }
    lines.truncate(LINES_MAX);
    lines
}

fn troubles(status: &Status, paint: Paint) -> Vec<Line<'static>> {
    let mut lines: Vec<_> = status
        .troubles
        .iter()
        .take(TROUBLES_SHOWN)
        .map(|trouble| {
            Line::styled(
                format!("! {}", clean(trouble, 200)),
                paint.of(Verdict::Degraded),
            )
        })
        .collect();
    let left = status.troubles.len().saturating_sub(TROUBLES_SHOWN);
    if left > 0 {
        lines.push(Line::raw(format!(
            "! and {left} more troubles of hekate's own"
        )));
    }
    lines
}

/// The list of targets.
fn draw_list(frame: &mut Frame<'_>, area: Rect, view: &View, paint: Paint) {
    let rows = view.rows();
    let Some(page) = &view.page else { return };
    if rows.is_empty() {
        let words = match (page.status.targets.is_empty(), view.filter.is_empty()) {
            (true, _) => "no targets are watched",
            (false, false) => "no target has these words; Esc shows all",
            (false, true) => "nothing is wrong; p shows all",
        };
        frame.render_widget(Paragraph::new(words), area);
        return;
    }
    let widest = rows
        .iter()
        .map(|target| target.title.chars().count())
        .max()
        .unwrap_or(0);
    let title = u16::try_from(widest)
        .unwrap_or(TITLE_MAX)
        .clamp(6, TITLE_MAX);
    let columns = Columns {
        width: area.width,
        title,
    };
    let drawn = rows
        .iter()
        .map(|target| columns.row(target, page.status.now, paint));
    let table = Table::new(drawn, columns.widths())
        .header(
            columns
                .head()
                .style(Style::new().add_modifier(Modifier::DIM)),
        )
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
        .column_spacing(1);
    let mut state = TableState::default().with_selected(view.place(&rows));
    frame.render_stateful_widget(table, area, &mut state);
}

/// Which columns there are.
#[derive(Clone, Copy)]
struct Columns {
    width: u16,
    title: u16,
}

impl Columns {
    const fn has_times(self) -> bool {
        self.width >= NARROW
    }

    const fn has_role(self) -> bool {
        self.width >= WIDE
    }

    fn widths(self) -> Vec<Constraint> {
        let mut widths = vec![Constraint::Length(13), Constraint::Length(self.title)];
        if self.has_times() {
            widths.extend([Constraint::Length(12), Constraint::Length(8)]);
        }
        if self.has_role() {
            widths.extend([Constraint::Length(8), Constraint::Length(8)]);
        }
        widths.push(Constraint::Fill(1));
        widths
    }

    fn head(self) -> Row<'static> {
        let mut cells = vec!["STATE", "TARGET"];
        if self.has_times() {
            cells.extend(["FOR", "TOOK"]);
        }
        if self.has_role() {
            cells.extend(["LOOKED", "ROLE"]);
        }
        cells.push("WHY");
        Row::new(cells)
    }

    fn row(self, target: &Target, now: DateTime<Utc>, paint: Paint) -> Row<'static> {
        let verdict = target.verdict();
        // A word of a later version is shown as it came.
        let state = format!("{} {}", mark(verdict), clean(&target.verdict, 11));
        let mut cells = vec![
            Cell::from(state).style(paint.of(verdict)),
            Cell::from(clean(&target.title, usize::from(self.title))),
        ];
        if self.has_times() {
            let held = (now - target.since).to_std().unwrap_or_default();
            let took = target.latency_ms.map(|millis| seconds(millis / 1_000.0));
            cells.push(Cell::from(span(Duration::from_secs(held.as_secs()))));
            cells.push(Cell::from(took.unwrap_or_default()));
        }
        if self.has_role() {
            let age = target
                .age_ms
                .map(|millis| span(Duration::from_secs(millis / 1_000)));
            let age = age.unwrap_or_default();
            let style = if target.stale {
                paint.loud()
            } else {
                Style::new()
            };
            cells.push(Cell::from(age).style(style));
            cells.push(Cell::from(clean(target.role.as_deref().unwrap_or(""), 8)));
        }
        cells.push(Cell::from(why(target)));
        Row::new(cells)
    }
}

/// Why it is so, and who knows of it.
fn why(target: &Target) -> String {
    let mut parts = Vec::new();
    if target.stale {
        parts.push(String::from("STALE: not looked at for too long"));
    }
    if target.verdict() != Verdict::Operational && !target.reason.words.is_empty() {
        parts.push(clean(&target.reason.words, 300));
    }
    parts.extend(
        target
            .incident
            .as_ref()
            .map(|id| format!("#{}", clean(id, 12))),
    );
    parts.extend(
        target
            .acknowledged
            .as_ref()
            .map(|taken| format!("{} is on it", clean(&taken.by, 40))),
    );
    parts.extend(
        target
            .planned
            .as_ref()
            .map(|planned| clean(&planned.kind, 20)),
    );
    parts.join(" · ")
}

/// The foot of the screen.
fn keys(view: &View) -> Line<'static> {
    if view.is_typing {
        return Line::raw(format!("/{}▏  Enter: keep · Esc: all", view.filter));
    }
    let mut parts = vec![String::from("q leave · Enter details · ? keys")];
    if view.is_problems_only {
        parts.push(String::from("p shows all"));
    } else {
        parts.push(String::from("p problems"));
    }
    parts.push(format!("s {}", view.order.words()));
    if view.filter.is_empty() {
        parts.push(String::from("/ filter"));
    } else {
        parts.push(format!("/{}", view.filter));
    }
    Line::styled(parts.join(" · "), Style::new().add_modifier(Modifier::DIM))
}

/// A length of time that is given in seconds.
fn seconds(value: f64) -> String {
    Duration::try_from_secs_f64(value).map_or_else(|_| String::from("?"), span)
}

/// A size for people: `41 MB`.
fn bytes(value: f64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = value.max(0.0);
    let mut unit = 0;
    while value >= 1_000.0 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    if unit > 0 && value < 10.0 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.0} {}", UNITS[unit])
    }
}
