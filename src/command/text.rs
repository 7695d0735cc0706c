//! Answers for a terminal: plain lines, with colour only if asked for.
//!
//! Every state has a mark and a word, so nothing is said by colour alone. Columns are measured as terminals show them.

use std::{collections::BTreeMap, fmt::Write};

use anstyle::{AnsiColor, Style};
use chrono_tz::Tz;
use unicode_width::UnicodeWidthStr;

use super::{
    HelpLine, Line, Looked, Past, Reply, Status, fresh,
    known::{self, Terms, age, planned_words},
    sli,
};
use crate::model::{Channel, ChannelName, Timestamp, Transition, Verdict, text::span};

/// The column in which the words of an explanation begin.
const LABEL_WIDTH: usize = 9;
/// So many times in which nobody saw are named.
const LAPSES_SHOWN: usize = 3;

/// How it should look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The zone of the times shown.
    pub timezone: Tz,
    /// Whether ANSI colours are used.
    pub has_color: bool,
}

impl Look {
    /// A text in the colour of a state.
    pub(super) fn paint(self, verdict: Verdict, text: &str) -> String {
        if self.has_color {
            let style = color_of(verdict);
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    pub(super) fn bold(self, text: &str) -> String {
        if self.has_color {
            let style = Style::new().bold();
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    /// A time of day, with its date if it is not of the same day as `now`.
    pub(super) fn time(self, at: Timestamp, now: Timestamp) -> String {
        let local = at.to_utc().with_timezone(&self.timezone);
        let today = now.to_utc().with_timezone(&self.timezone);
        if local.date_naive() == today.date_naive() {
            local.format("%H:%M:%S").to_string()
        } else {
            local.format("%Y-%m-%d %H:%M:%S").to_string()
        }
    }

    /// What the zone is called at that time: `CET`, `UTC`.
    pub(super) fn zone(self, at: Timestamp) -> String {
        at.to_utc()
            .with_timezone(&self.timezone)
            .format("%Z")
            .to_string()
    }
}

/// The sign in front of a state's word.
pub const fn mark(verdict: Verdict) -> char {
    match verdict {
        Verdict::Operational => '✔',
        Verdict::Suspect => '~',
        Verdict::Unknown => '?',
        Verdict::Degraded => '!',
        Verdict::Down => '✖',
    }
}

const fn color_of(verdict: Verdict) -> Style {
    let color = match verdict {
        Verdict::Operational => AnsiColor::Green,
        Verdict::Suspect | Verdict::Degraded => AnsiColor::Yellow,
        Verdict::Unknown => AnsiColor::Blue,
        Verdict::Down => AnsiColor::Red,
    };
    color.on_default()
}

/// Any answer, ending with a line feed.
pub fn reply(reply: &Reply, look: Look) -> String {
    match reply {
        Reply::Status(answer) => status(answer, look),
        Reply::Help(lines) => help(lines),
        Reply::Past(reply) => past(reply, &BTreeMap::new(), look),
        Reply::Known(known) => explain(&known.line, &BTreeMap::new(), &[], known.now, look),
        Reply::History(answer) => history(&answer.title, &answer.transitions, answer.now, look),
        Reply::Looked(answer) => looked(answer, look),
        Reply::Availability(answer) => sli::text(answer, look),
        Reply::Fresh(answer) => fresh::text(answer, look),
        Reply::Said(sentences) => sentences.join("\n") + "\n",
        Reply::Asking(asking) => asking.sentences.join("\n") + "\n",
        Reply::Problem {
            understood,
            nearest,
            hint,
            choices: _,
        } => problem(understood, nearest, hint),
    }
}

/// The grid with a hint where to read on.
pub fn status(status: &Status, look: Look) -> String {
    let mut out = grid(status, look);
    if let Some(worst) = status
        .problems
        .first()
        .filter(|worst| worst.verdict() != Verdict::Suspect)
    {
        line(
            &mut out,
            &format!(
                "hint: `hekate explain \"{}\"` shows what is known of it",
                worst.target.title()
            ),
        );
    }
    out
}

/// One line a target and nothing else: `down: master blue: no answer within 5 s`.
pub fn short(status: &Status) -> String {
    let mut out = String::new();
    for target in status.lines() {
        let verdict = target.verdict();
        let said = match verdict {
            Verdict::Operational => good_words(target),
            Verdict::Suspect | Verdict::Unknown | Verdict::Degraded | Verdict::Down => {
                target.why().to_owned()
            }
        };
        let title = target.title();
        line(&mut out, &format!("{verdict}: {title}: {said}"));
    }
    out
}

/// The grid: one line a target under its group, then how many are how, and hekate's own troubles.
pub fn grid(status: &Status, look: Look) -> String {
    let mut out = String::new();
    let title_width = status
        .lines()
        .map(|line| line.title().width())
        .max()
        .unwrap_or(0);
    let is_one_list = status
        .sections
        .iter()
        .all(|section| section.group.is_none());
    for section in &status.sections {
        if !is_one_list {
            let name = section
                .group
                .as_ref()
                .map_or("no group", |group| group.name.as_str());
            line(&mut out, &look.bold(name));
        }
        for target in &section.lines {
            line(&mut out, &row(target, status.now, title_width, look));
        }
    }
    if !status.sections.is_empty() {
        out.push('\n');
    }
    line(&mut out, &summary(status));
    for (note, count) in &status.notes {
        let noun = if *count == 1 { "target" } else { "targets" };
        let words = planned_words(note, &|at| look.time(at, status.now));
        line(&mut out, &format!("{count} {noun} {words}"));
    }
    for trouble in &status.troubles {
        line(&mut out, &format!("hekate itself: {trouble}"));
    }
    lapses(&mut out, status, look);
    out
}

/// `hekate was blind from 14:02:07 to 14:19:10 (17 min 3 s): …`, the latest last.
fn lapses(out: &mut String, status: &Status, look: Look) {
    let over: Vec<_> = status
        .lapses
        .iter()
        .filter_map(|lapse| Some((lapse, lapse.until?)))
        .collect();
    let unsaid = over.len().saturating_sub(LAPSES_SHOWN);
    if unsaid > 0 {
        let noun = if unsaid == 1 { "lapse" } else { "lapses" };
        let words = format!("{unsaid} earlier {noun} of the last 24 h: GET /api/v1/lapses");
        line(out, &words);
    }
    for (lapse, until) in &over[unsaid..] {
        let words = format!(
            "hekate was {} from {} to {} ({}): {}",
            lapse.kind.words(),
            look.time(lapse.from, status.now),
            look.time(*until, status.now),
            span(until.since(lapse.from)),
            lapse.words
        );
        line(out, &words);
    }
}

fn row(target: &Line, now: Timestamp, title_width: usize, look: Look) -> String {
    let verdict = target.verdict();
    let state = look.paint(verdict, &format!("{} {verdict:<11}", mark(verdict)));
    let title = padded(&target.title(), title_width);
    let mut said = match verdict {
        Verdict::Operational => good_words(target),
        Verdict::Unknown if target.looked.is_none() => target.why().to_owned(),
        Verdict::Suspect | Verdict::Unknown | Verdict::Degraded | Verdict::Down => {
            bad_words(target, now, look)
        }
    };
    if let Some((at, _)) = target.looked.filter(|_| target.is_stale) {
        let _infallible = write!(said, " · last measured {} ago", age(at, now));
    }
    if let Some(taken) = &target.facts.acknowledged {
        let _infallible = write!(
            said,
            " · {} is on it since {}",
            taken.by,
            look.time(taken.at, now)
        );
    }
    if let Some(note) = &target.facts.note {
        let _infallible = write!(said, " · {}", planned_words(note, &|at| look.time(at, now)));
    }
    format!("  {state}  {title}  {said}")
}

/// `health 200 in 84 ms`
fn good_words(target: &Line) -> String {
    let check = target
        .target
        .checks
        .first()
        .map_or("", |check| check.kind.as_str());
    let status = target.facts.last_good.and_then(|good| good.status);
    let mut words = String::from(check);
    if let Some(status) = status {
        let _infallible = write!(words, " {status}");
    }
    if let Some(took) = target.latency() {
        let _infallible = write!(words, " in {}", span(took));
    }
    words
}

/// `no answer within 5 s · since 14:02:10 (12 min) · k7f2`
fn bad_words(target: &Line, now: Timestamp, look: Look) -> String {
    let mut words = String::from(target.why());
    let since = target.since();
    let _infallible = write!(
        words,
        " · since {} ({})",
        look.time(since, now),
        age(since, now)
    );
    if let Some(incident) = &target.facts.incident {
        let _infallible = write!(words, " · {incident}");
    }
    words
}

/// `4 targets: 1 down, 1 unknown, 2 operational        measured 4 s ago`
fn summary(status: &Status) -> String {
    let total = status.counts.total();
    let noun = if total == 1 { "target" } else { "targets" };
    let counts: Vec<String> = status
        .counts
        .present()
        .map(|(verdict, count)| format!("{count} {verdict}"))
        .collect();
    let mut out = match (total, status.selection.as_str()) {
        (0, "") => String::from("no targets"),
        (0, "problems" | "problem") => String::from("no problems"),
        (0, selection) => format!("no target is `{selection}`"),
        _ => format!("{total} {noun}: {}", counts.join(", ")),
    };
    if let Some(at) = status.measured_at {
        let _infallible = write!(out, "        measured {} ago", age(at, status.now));
    }
    out
}

fn help(lines: &[HelpLine]) -> String {
    let width = lines
        .iter()
        .map(|help| help.usage.width())
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for help in lines {
        line(
            &mut out,
            &format!("{}  {}", padded(&help.usage, width), help.what),
        );
    }
    out
}

fn problem(understood: &str, nearest: &[String], hint: &str) -> String {
    let mut out = format!("{understood}\n");
    if !nearest.is_empty() {
        line(&mut out, "did you mean:");
        for question in nearest {
            line(&mut out, &format!("  {question}"));
        }
    }
    line(&mut out, &format!("hint: {hint}"));
    out
}

/// Everything known of one target, and in a sentence for each check how long its answers took.
///
/// `channels` gives channels the names that people know them by.
pub fn explain(
    target: &Line,
    channels: &BTreeMap<ChannelName, Channel>,
    answers: &[String],
    now: Timestamp,
    look: Look,
) -> String {
    let verdict = target.verdict();
    let since = target.since();
    let mut out = String::new();
    let word = match verdict {
        Verdict::Down => String::from("DOWN"),
        Verdict::Operational | Verdict::Suspect | Verdict::Unknown | Verdict::Degraded => {
            verdict.to_string()
        }
    };
    line(
        &mut out,
        &format!(
            "{} — {} since {} {} ({}), {}",
            look.bold(&target.title()),
            look.paint(verdict, &word),
            look.time(since, now),
            look.zone(since),
            age(since, now),
            target.target.severity
        ),
    );
    let channel = |name: &ChannelName| {
        let known = channels.get(name);
        known.map_or_else(|| name.to_string(), |channel| channel.title().to_owned())
    };
    let terms = Terms {
        time: &|at| look.time(at, now),
        channel: &channel,
    };
    for fact in known::facts(target, now, &terms) {
        labelled(&mut out, fact.label, &fact.words);
    }
    for words in answers {
        labelled(&mut out, "answers", words);
    }
    out
}

/// What became of an incident.
///
/// `channels` gives channels the names that people know them by.
pub fn past(past: &Past, channels: &BTreeMap<ChannelName, Channel>, look: Look) -> String {
    let mut out = String::new();
    let zone = look.zone(past.since);
    let until = past.closed_at.map_or_else(
        || String::from("still open"),
        |at| format!("closed at {}", look.time(at, past.now)),
    );
    line(
        &mut out,
        &format!(
            "#{} — {} was {} since {} {zone}, {until}",
            past.id,
            look.bold(&past.title()),
            look.paint(past.worst, past.worst.as_str()),
            look.time(past.since, past.now),
        ),
    );
    for (words, times) in &past.seen {
        labelled(&mut out, "seen", &format!("{words} ({times}×)"));
    }
    for words in &past.near {
        labelled(&mut out, "near", words);
    }
    for (name, at) in &past.told {
        let title = channels
            .get(name)
            .map_or_else(|| name.as_str(), Channel::title);
        let words = format!("{title} at {}", look.time(*at, past.now));
        labelled(&mut out, "told", &words);
    }
    if let Some(mark) = &past.mark {
        let when = look.time(mark.at, past.now);
        let words = format!(
            "{}, says {} at {when}: {}",
            mark.worth.as_str(),
            mark.by,
            mark.reason
        );
        labelled(&mut out, "marked", &words);
    }
    out
}

/// Transitions of one target as a table, in the order given.
pub fn history(title: &str, transitions: &[Transition], now: Timestamp, look: Look) -> String {
    if transitions.is_empty() {
        return format!("{title}: no change of state in this time\n");
    }
    let times: Vec<String> = transitions
        .iter()
        .map(|transition| look.time(transition.since, now))
        .collect();
    let width = times.iter().map(|time| time.width()).max().unwrap_or(0);
    let mut out = String::new();
    let zone = look.zone(now);
    line(&mut out, &format!("{} (times in {zone})", look.bold(title)));
    for (time, transition) in times.iter().zip(transitions) {
        let to = transition.to;
        let state = look.paint(to, &format!("{} {to:<11}", mark(to)));
        let mut words = transition.reason.words.clone();
        if transition.reason.rule.has_span() {
            let _infallible = write!(
                words,
                " ({} of {} looks, decided after {})",
                transition.looks_for,
                transition.looks_of,
                age(transition.since, transition.at)
            );
        }
        if let Some(incident) = &transition.incident {
            let _infallible = write!(words, " · {incident}");
        }
        line(
            &mut out,
            &format!("  {}  {state}  {words}", padded(time, width)),
        );
    }
    out
}

/// What a look by hand saw.
fn looked(looked: &Looked, look: Look) -> String {
    let verdict = looked.line.verdict();
    let mut out = String::new();
    line(
        &mut out,
        &format!(
            "{} {} \u{2013} a look by hand, {}",
            look.bold(&looked.line.title()),
            look.paint(verdict, &format!("{} {verdict}", mark(verdict))),
            looked.took_words()
        ),
    );
    for fact in looked.facts() {
        labelled(&mut out, fact.label, &fact.words);
    }
    let time = |at| look.time(at, looked.now);
    labelled(&mut out, "", &looked.standing_words(&time));
    out
}

fn labelled(out: &mut String, label: &str, words: &str) {
    line(out, &format!("  {}  {words}", padded(label, LABEL_WIDTH)));
}

fn line(out: &mut String, words: &str) {
    out.push_str(words.trim_end());
    out.push('\n');
}

/// A text with spaces behind it, until it is so many columns wide.
pub fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}
