//! What is wrong with the file, and how it is shown.

use std::{fmt::Write as _, ops::Range, sync::Arc};

use annotate_snippets::{AnnotationKind, Group, Level as Shown, Renderer, Snippet};
use serde_json::json;

use super::{
    code::Code,
    source::{Place, Source, Span, without_secrets},
};

/// The most problems that people are shown at once; the rest is counted.
const SHOWN_MAX: usize = 20;

/// How bad a problem is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// The file cannot be used.
    Error,
    /// It can, but somebody should know.
    Warning,
}

impl Level {
    /// The word for people and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// How a report is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// With the lines of the file, marks under them and advice. The default.
    #[default]
    Human,
    /// One line a problem: `file:line:column: error[H0102]: sentence`.
    Short,
    /// One JSON document with every problem.
    Json,
    /// Workflow commands that GitHub shows beside the line.
    Github,
}

/// One thing that is wrong, or dubious.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What kind of problem; [`explanation`](super::explanation) tells more.
    pub code: Code,
    /// How bad.
    pub level: Level,
    /// What is wrong, in one sentence without a full stop.
    pub sentence: String,
    /// Where.
    pub span: Span,
    /// What is said beside the marks; may be empty.
    pub label: String,
    /// Other places that have to do with it, and what is said there.
    pub others: Vec<(Span, String)>,
    /// The smallest fix.
    pub help: Vec<String>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

impl Problem {
    /// A problem at this place; the code knows whether it is an error.
    pub(crate) fn new(code: Code, span: Span, sentence: impl Into<String>) -> Self {
        Self {
            code,
            level: code.level(),
            sentence: sentence.into(),
            span,
            label: String::new(),
            others: Vec::new(),
            help: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// People put addresses into wrong places; what is quoted of them must not give them away.
    fn hide_secrets(&mut self) {
        let others = self.others.iter_mut().map(|(_, label)| label);
        for text in [&mut self.sentence, &mut self.label]
            .into_iter()
            .chain(others)
            .chain(&mut self.help)
            .chain(&mut self.notes)
        {
            if text.contains("://") || text.contains("xox") || text.contains("xapp-") {
                *text = without_secrets(text);
            }
        }
    }

    /// Says this beside the marks.
    #[must_use]
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Shows another place.
    #[must_use]
    pub(crate) fn other(mut self, span: Span, label: impl Into<String>) -> Self {
        self.others.push((span, label.into()));
        self
    }

    /// Adds advice.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Adds a remark.
    #[must_use]
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// Everything that was found, with the texts it was found in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Errors and warnings in the order of the files.
    pub problems: Vec<Problem>,
    sources: Vec<Arc<Source>>,
    secrets: Vec<Span>,
}

impl Report {
    /// Puts the problems in order.
    pub(crate) fn new(
        mut problems: Vec<Problem>,
        sources: Vec<Arc<Source>>,
        secrets: Vec<Span>,
    ) -> Self {
        for problem in &mut problems {
            problem.hide_secrets();
        }
        problems.sort_by_key(|problem| (problem.span, problem.level, problem.code));
        problems.dedup();
        // A warning about a value that is wrong anyway says nothing more.
        let wrong: Vec<Span> = problems
            .iter()
            .filter(|problem| problem.level == Level::Error)
            .map(|problem| problem.span)
            .collect();
        problems.retain(|problem| {
            problem.level == Level::Error || wrong.binary_search(&problem.span).is_err()
        });
        Self {
            problems,
            sources,
            secrets,
        }
    }

    /// Whether the file cannot be used.
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.count(Level::Error)
    }

    /// How many warnings there are.
    pub fn warnings(&self) -> usize {
        self.count(Level::Warning)
    }

    fn count(&self, level: Level) -> usize {
        self.problems
            .iter()
            .filter(|problem| problem.level == level)
            .count()
    }

    /// What people are shown, in order: errors before warnings if there is not room for all.
    fn shown(&self) -> Vec<&Problem> {
        let room_for_warnings = SHOWN_MAX.saturating_sub(self.errors());
        let mut warnings = 0;
        self.problems
            .iter()
            .filter(|problem| {
                warnings += usize::from(problem.level == Level::Warning);
                problem.level == Level::Error || warnings <= room_for_warnings
            })
            .take(SHOWN_MAX)
            .collect()
    }

    /// A span for people and editors.
    pub fn place(&self, span: Span) -> Place {
        self.sources.get(usize::from(span.file)).map_or_else(
            || Place {
                file: String::new(),
                line: 1,
                column: 1,
                end_line: 1,
                end_column: 1,
            },
            |source| source.place(span),
        )
    }

    /// The first error (else the first warning) in one line, for the log and for people in a channel; without a secret.
    ///
    /// Empty if there is nothing to report.
    pub fn first_line(&self) -> String {
        let Some(first) = self
            .problems
            .iter()
            .find(|problem| problem.level == Level::Error)
            .or_else(|| self.problems.first())
        else {
            return String::new();
        };
        let more = match self.problems.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        format!("{}{more}", self.short(first))
    }

    /// The whole report as text; ends with a line feed unless it is empty.
    pub fn render(&self, format: Format, color: bool) -> String {
        match format {
            Format::Human => self.human(color),
            Format::Short => self.lines(|problem| self.short(problem)),
            Format::Json => self.json(),
            Format::Github => self.lines(|problem| self.github(problem)),
        }
    }

    fn lines(&self, line: impl Fn(&Problem) -> String) -> String {
        let mut out = String::new();
        for problem in self.shown() {
            out.push_str(&line(problem));
            out.push('\n');
        }
        if self.problems.len() > SHOWN_MAX {
            let _ = writeln!(out, "and {} more", self.problems.len() - SHOWN_MAX);
        }
        out
    }

    fn short(&self, problem: &Problem) -> String {
        let place = self.place(problem.span);
        format!(
            "{}:{}:{}: {}[{}]: {}",
            place.file,
            place.line,
            place.column,
            problem.level.as_str(),
            problem.code,
            problem.sentence
        )
    }

    fn github(&self, problem: &Problem) -> String {
        let place = self.place(problem.span);
        let mut text = problem.sentence.clone();
        for more in std::iter::once(&problem.label)
            .filter(|label| !label.is_empty())
            .chain(&problem.help)
            .chain(&problem.notes)
        {
            text.push('\n');
            text.push_str(more);
        }
        let of_one_line = if place.line == place.end_line && place.end_column > place.column {
            format!(",endColumn={}", place.end_column)
        } else {
            String::new()
        };
        format!(
            "::{} file={},line={},endLine={},col={}{of_one_line},title={}::{}",
            problem.level.as_str(),
            escape_property(&place.file),
            place.line,
            place.end_line,
            place.column,
            problem.code,
            escape_message(&text)
        )
    }

    fn json(&self) -> String {
        let problems: Vec<_> = self
            .problems
            .iter()
            .map(|problem| {
                let others: Vec<_> = problem
                    .others
                    .iter()
                    .map(|(span, label)| json!({ "place": place_json(&self.place(*span)), "label": label }))
                    .collect();
                json!({
                    "code": problem.code.as_str(),
                    "level": problem.level.as_str(),
                    "message": problem.sentence,
                    "place": place_json(&self.place(problem.span)),
                    "label": problem.label,
                    "others": others,
                    "help": problem.help,
                    "notes": problem.notes,
                })
            })
            .collect();
        let document = json!({
            "errors": self.errors(),
            "warnings": self.warnings(),
            "problems": problems,
        });
        format!("{document:#}\n")
    }

    fn human(&self, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let masked: Vec<String> = self
            .sources
            .iter()
            .enumerate()
            .map(|(index, source)| {
                source.masked(
                    self.secrets
                        .iter()
                        .filter(|span| usize::from(span.file) == index)
                        .map(|span| span.range()),
                )
            })
            .collect();
        let mut out = String::new();
        for problem in self.shown() {
            out.push_str(&renderer.render(&[self.group(problem, &masked)]));
            out.push_str("\n\n");
        }
        if !self.problems.is_empty() {
            out.push_str(&self.sum());
        }
        out
    }

    fn group<'a>(&'a self, problem: &'a Problem, masked: &'a [String]) -> Group<'a> {
        let level = match problem.level {
            Level::Error => Shown::ERROR,
            Level::Warning => Shown::WARNING,
        };
        let mut group = level
            .primary_title(problem.sentence.as_str())
            .id(problem.code.as_str())
            .element(self.snippet(problem, problem.span.file, masked));
        let mut files: Vec<u16> = problem.others.iter().map(|(span, _)| span.file).collect();
        files.retain(|&file| file != problem.span.file);
        files.dedup();
        for file in files {
            group = group.element(self.snippet(problem, file, masked));
        }
        group
            .elements(
                problem
                    .help
                    .iter()
                    .map(|help| Shown::HELP.message(help.as_str())),
            )
            .elements(
                problem
                    .notes
                    .iter()
                    .map(|note| Shown::NOTE.message(note.as_str())),
            )
    }

    /// The lines of one file that a problem is about.
    fn snippet<'a>(
        &'a self,
        problem: &'a Problem,
        file: u16,
        masked: &'a [String],
    ) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let index = usize::from(file);
        let (Some(source), Some(text)) = (self.sources.get(index), masked.get(index)) else {
            return Snippet::source("");
        };
        let mut marks = Vec::new();
        if problem.span.file == file {
            let mark = AnnotationKind::Primary.span(visible(source, problem.span));
            marks.push(mark.label((!problem.label.is_empty()).then_some(problem.label.as_str())));
        }
        for (span, label) in problem.others.iter().filter(|(span, _)| span.file == file) {
            let mark = AnnotationKind::Context.span(visible(source, *span));
            marks.push(mark.label((!label.is_empty()).then_some(label.as_str())));
        }
        Snippet::source(text.as_str())
            .path(source.name.as_str())
            .annotations(marks)
    }

    fn sum(&self) -> String {
        let mut parts = Vec::new();
        for (count, word) in [(self.errors(), "error"), (self.warnings(), "warning")] {
            if count > 0 {
                parts.push(format!(
                    "{count} {word}{}",
                    if count == 1 { "" } else { "s" }
                ));
            }
        }
        let shown = if self.problems.len() > SHOWN_MAX {
            format!("; {SHOWN_MAX} are shown")
        } else {
            String::new()
        };
        let first = self.problems.iter().map(|problem| problem.code).min();
        let example = first.map_or("", Code::as_str);
        format!(
            "{}{shown}; `hekate explain {example}` tells more\n",
            parts.join(", ")
        )
    }
}

/// A span of one line; what goes on over lines is marked to the end of its first one.
fn visible(source: &Source, span: Span) -> Range<usize> {
    let start = source.floor(span.start as usize);
    let line_end = source.line(source.line_of(start)).end.max(start);
    let end = source.floor(span.end as usize).clamp(start, line_end);
    start..end
}

fn place_json(place: &Place) -> serde_json::Value {
    json!({
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
    })
}

/// Source: the escapes of GitHub's workflow commands (`@actions/core`, `command.ts`).
fn escape_message(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The same inside of a property, where two more characters mean something.
fn escape_property(text: &str) -> String {
    escape_message(text).replace(':', "%3A").replace(',', "%2C")
}
