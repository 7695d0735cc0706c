//! What is said of each of the fourteen questions, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Subject {
    Config,
    Store,
    Clock,
    Network,
    Tls,
    Targets,
    Logs,
    Token,
    Scopes,
    Channels,
    Mentions,
    Command,
    DeadMan,
    Capacity,
}

impl Subject {
    /// All of them, in the order in which they are told.
    pub(super) const ALL: [Self; 14] = [
        Self::Config,
        Self::Store,
        Self::Clock,
        Self::Network,
        Self::Tls,
        Self::Targets,
        Self::Logs,
        Self::Token,
        Self::Scopes,
        Self::Channels,
        Self::Mentions,
        Self::Command,
        Self::DeadMan,
        Self::Capacity,
    ];

    /// Its place, from 1.
    pub(super) const fn number(self) -> usize {
        self as usize + 1
    }

    /// For programs; it does not change.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Store => "store",
            Self::Clock => "clock",
            Self::Network => "network",
            Self::Tls => "tls",
            Self::Targets => "targets",
            Self::Logs => "log_sources",
            Self::Token => "slack_token",
            Self::Scopes => "slack_scopes",
            Self::Channels => "channels",
            Self::Mentions => "mentions",
            Self::Command => "command",
            Self::DeadMan => "dead_man",
            Self::Capacity => "capacity",
        }
    }

    /// For people.
    const fn title(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Store => "store",
            Self::Clock => "clock",
            Self::Network => "network",
            Self::Tls => "TLS",
            Self::Targets => "targets",
            Self::Logs => "log sources",
            Self::Token => "Slack token",
            Self::Scopes => "Slack scopes",
            Self::Channels => "channels",
            Self::Mentions => "mentions",
            Self::Command => "command",
            Self::DeadMan => "dead man",
            Self::Capacity => "capacity",
        }
    }
}

/// How it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum State {
    /// There is nothing to ask, or it could not be asked.
    Unseen,
    Fine,
    /// hekate works, but not as well as it could, or not for long.
    Warning,
    /// Something would be missed, or nobody would be told.
    Problem,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unseen => "unseen",
            Self::Fine => "fine",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }

    const fn mark(self) -> char {
        match self {
            Self::Unseen => '\u{b7}',
            Self::Fine => '✔',
            Self::Warning => '!',
            Self::Problem => '✖',
        }
    }

    const fn color(self) -> anstyle::AnsiColor {
        match self {
            Self::Unseen => anstyle::AnsiColor::BrightBlack,
            Self::Fine => anstyle::AnsiColor::Green,
            Self::Warning => anstyle::AnsiColor::Yellow,
            Self::Problem => anstyle::AnsiColor::Red,
        }
    }
}

/// The answer to one question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    pub(super) subject: Subject,
    pub(super) state: State,
    pub(super) words: String,
    /// What else is wrong, a sentence each.
    pub(super) details: Vec<String>,
    /// What to do about it, a sentence each.
    pub(super) fixes: Vec<String>,
}

impl Line {
    pub(super) fn new(subject: Subject, state: State, words: impl Into<String>) -> Self {
        Self {
            subject,
            state,
            words: words.into(),
            details: Vec::new(),
            fixes: Vec::new(),
        }
    }

    pub(super) fn fine(subject: Subject, words: impl Into<String>) -> Self {
        Self::new(subject, State::Fine, words)
    }

    pub(super) fn unseen(subject: Subject, words: impl Into<String>) -> Self {
        Self::new(subject, State::Unseen, words)
    }

    /// The same, with something to do about it.
    #[must_use]
    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fixes.push(fix.into());
        self
    }

    /// The same, with more that is to be known.
    #[must_use]
    pub(super) fn with(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// The same, at least as bad as this.
    #[must_use]
    pub(super) fn at_least(mut self, state: State) -> Self {
        self.state = self.state.max(state);
        self
    }
}

/// How many are fine, warnings and problems.
fn counts(lines: &[Line]) -> [usize; 3] {
    [State::Fine, State::Warning, State::Problem]
        .map(|state| lines.iter().filter(|line| line.state == state).count())
}

/// For people.
pub(super) fn text(lines: &[Line], has_color: bool) -> String {
    let mut out = String::new();
    for line in lines {
        let style = if has_color {
            anstyle::Style::new().fg_color(Some(line.state.color().into()))
        } else {
            anstyle::Style::new()
        };
        let _infallible = writeln!(
            out,
            "{:>2} {style}{}{style:#} {:<13} {}",
            line.subject.number(),
            line.state.mark(),
            line.subject.title(),
            line.words
        );
        for detail in &line.details {
            let _infallible = writeln!(out, "{:19}{detail}", "");
        }
        for fix in &line.fixes {
            let _infallible = writeln!(out, "{:19}fix: {fix}", "");
        }
    }
    let [fine, warnings, problems] = counts(lines);
    let plural = |number: usize| if number == 1 { "" } else { "s" };
    let _infallible = writeln!(
        out,
        "{fine} fine, {warnings} warning{}, {problems} problem{}",
        plural(warnings),
        plural(problems)
    );
    out
}

/// One line each, for grep.
pub(super) fn short(lines: &[Line]) -> String {
    let mut out = String::new();
    for line in lines {
        let _infallible = writeln!(
            out,
            "{} {}: {}",
            line.state.as_str(),
            line.subject.code(),
            line.words
        );
    }
    out
}

/// For programs, and for whoever is asked for help.
pub(super) fn json(lines: &[Line]) -> Value {
    let [fine, warnings, problems] = counts(lines);
    let checks: Vec<_> = lines
        .iter()
        .map(|line| {
            json!({
                "number": line.subject.number(),
                "code": line.subject.code(),
                "state": line.state.as_str(),
                "words": line.words,
                "details": line.details,
                "fixes": line.fixes,
            })
        })
        .collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "fine": fine,
        "warnings": warnings,
        "problems": problems,
        "checks": checks,
    })
}
