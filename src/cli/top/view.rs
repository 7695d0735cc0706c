//! What the screen shows of what is known: which targets, in which order, and what was pressed.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    feed::{Page, Target},
    figures::Recent,
};
use crate::model::{Timestamp, Verdict, text::clean};

/// The longest filter, in characters.
const FILTER_MAX: usize = 60;

/// In which order targets stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// What is wrong first, the worst and the newest of it before all.
    Problems,
    /// By name.
    Name,
    /// Those that took longest first.
    Latency,
    /// Those that were looked at longest ago first.
    Age,
}

impl Order {
    const fn next(self) -> Self {
        match self {
            Self::Problems => Self::Name,
            Self::Name => Self::Latency,
            Self::Latency => Self::Age,
            Self::Age => Self::Problems,
        }
    }

    /// For the foot of the screen.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Problems => "problems first",
            Self::Name => "by name",
            Self::Latency => "slowest first",
            Self::Age => "looked at longest ago first",
        }
    }
}

/// What lies over the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Over {
    /// Nothing.
    Nothing,
    /// The keys.
    Help,
    /// Everything known of a target: its id, the lines once they are there, and the first of them that is shown.
    Details {
        /// Whose.
        target: String,
        /// What is known; absent until the answer is there.
        lines: Option<Vec<String>>,
        /// The first line that is shown.
        top: usize,
    },
}

/// What is to be done after a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// Nothing but drawing.
    Nothing,
    /// Ask anew now.
    Refresh,
    /// Ask for everything known of this target.
    Details(String),
    /// Leave.
    Leave,
}

/// The state of the screen.
#[derive(Debug)]
pub(super) struct View {
    /// Where hekate answers.
    pub(super) address: String,
    /// The last answer.
    pub(super) page: Option<Page>,
    /// Readings of the last minute.
    pub(super) recent: Recent,
    /// Why there was no answer, and since when, by our own clock.
    pub(super) silent: Option<(String, Timestamp)>,
    /// In which order.
    pub(super) order: Order,
    /// Whether only what is wrong is shown.
    pub(super) is_problems_only: bool,
    /// Words that have to be in what is shown.
    pub(super) filter: String,
    /// Whether the filter is being typed.
    pub(super) is_typing: bool,
    /// What lies over the list.
    pub(super) over: Over,
    /// The id of the target that is selected: it stays selected when others move.
    selected: Option<String>,
    /// How many rows fit; for jumps.
    pub(super) rows_shown: usize,
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most keys mean nothing here, and nor would new ones"
)]
impl View {
    /// Before the first answer.
    pub(super) fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            page: None,
            recent: Recent::default(),
            silent: None,
            order: Order::Problems,
            is_problems_only: false,
            filter: String::new(),
            is_typing: false,
            over: Over::Nothing,
            selected: None,
            rows_shown: 10,
        }
    }

    /// Takes in an answer, or that there was none.
    pub(super) fn take(&mut self, answer: Result<Page, String>, now: Timestamp) {
        match answer {
            Ok(page) => {
                self.recent.add(page.status.at(), page.figures.clone());
                self.page = Some(page);
                self.silent = None;
            }
            Err(why) => {
                let since = self.silent.as_ref().map_or(now, |(_, since)| *since);
                self.silent = Some((why, since));
            }
        }
    }

    /// Takes in what is known of a target, if it is still asked for.
    pub(super) fn take_details(&mut self, of: &str, answer: Result<String, String>) {
        if let Over::Details { target, lines, .. } = &mut self.over
            && target == of
        {
            let text = answer.unwrap_or_else(|why| why);
            *lines = Some(text.lines().map(legible).collect());
        }
    }

    /// The targets that are shown, in their order.
    pub(super) fn rows(&self) -> Vec<&Target> {
        let Some(page) = &self.page else {
            return Vec::new();
        };
        let words: Vec<_> = self
            .filter
            .to_lowercase()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let mut rows: Vec<_> = page
            .status
            .targets
            .iter()
            .filter(|target| !self.is_problems_only || is_problem(target))
            .filter(|target| {
                let all = format!(
                    "{} {} {} {}",
                    target.title,
                    target.id,
                    target.verdict,
                    target.role.as_deref().unwrap_or("")
                )
                .to_lowercase();
                words.iter().all(|word| all.contains(word))
            })
            .collect();
        match self.order {
            // The sort is stable: what is alike stays in the order of the file.
            Order::Problems => rows.sort_by(|one, other| {
                let rank = |target: &Target| rank(target.verdict());
                let newest = || other.since.cmp(&one.since);
                let both = rank(one).cmp(&rank(other));
                if is_problem(one) {
                    both.then_with(newest)
                } else {
                    both
                }
            }),
            Order::Name => rows.sort_by_cached_key(|target| target.title.to_lowercase()),
            Order::Latency => rows.sort_by(|one, other| {
                let latency = |target: &Target| target.latency_ms.unwrap_or(-1.0);
                latency(other).total_cmp(&latency(one))
            }),
            Order::Age => rows.sort_by_key(|target| std::cmp::Reverse(target.age_ms.unwrap_or(0))),
        }
        rows
    }

    /// The place of the selected target among those shown; the first if it is not shown.
    pub(super) fn place(&self, rows: &[&Target]) -> usize {
        let selected = self.selected.as_ref();
        let place = selected.and_then(|id| rows.iter().position(|target| target.id == *id));
        place.unwrap_or(0)
    }

    /// What a key means.
    pub(super) fn press(&mut self, key: KeyEvent) -> Wish {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Wish::Leave,
                KeyCode::Char('l' | 'r') => Wish::Refresh,
                _ => Wish::Nothing,
            };
        }
        if self.is_typing {
            self.type_filter(key.code);
            return Wish::Nothing;
        }
        if self.over == Over::Nothing {
            return self.press_in_list(key.code);
        }
        match key.code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | '?') => self.over = Over::Nothing,
            other => self.scroll(other),
        }
        Wish::Nothing
    }

    fn type_filter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.is_typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(typed) if self.filter.chars().count() < FILTER_MAX => {
                self.filter.push(typed);
            }
            _ => {}
        }
    }

    fn press_in_list(&mut self, code: KeyCode) -> Wish {
        match code {
            KeyCode::Char('q') => return Wish::Leave,
            KeyCode::Esc if self.filter.is_empty() => return Wish::Leave,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('r') => return Wish::Refresh,
            KeyCode::Char('p') => self.is_problems_only = !self.is_problems_only,
            KeyCode::Char('s') => self.order = self.order.next(),
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Char('?' | 'h') => self.over = Over::Help,
            KeyCode::Enter => return self.open(),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::PageUp => self.step(-step_of(self.rows_shown)),
            KeyCode::PageDown => self.step(step_of(self.rows_shown)),
            KeyCode::Home | KeyCode::Char('g') => self.step(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.step(isize::MAX),
            _ => {}
        }
        Wish::Nothing
    }

    fn open(&mut self) -> Wish {
        let rows = self.rows();
        let Some(target) = rows.get(self.place(&rows)).map(|target| target.id.clone()) else {
            return Wish::Nothing;
        };
        self.selected = Some(target.clone());
        self.over = Over::Details {
            target: target.clone(),
            lines: None,
            top: 0,
        };
        Wish::Details(target)
    }

    /// Selects the target so many rows further down, or up.
    fn step(&mut self, by: isize) {
        let rows = self.rows();
        let last = rows.len().saturating_sub(1);
        let place = self.place(&rows).saturating_add_signed(by).min(last);
        self.selected = rows.get(place).map(|target| target.id.clone());
    }

    fn scroll(&mut self, code: KeyCode) {
        let page = self.rows_shown;
        if let Over::Details { lines, top, .. } = &mut self.over {
            let last = lines
                .as_ref()
                .map_or(0, |lines| lines.len().saturating_sub(1));
            *top = match code {
                KeyCode::Up | KeyCode::Char('k') => top.saturating_sub(1),
                KeyCode::Down | KeyCode::Char('j') => (*top + 1).min(last),
                KeyCode::PageUp => top.saturating_sub(page),
                KeyCode::PageDown => (*top + page).min(last),
                KeyCode::Home | KeyCode::Char('g') => 0,
                KeyCode::End | KeyCode::Char('G') => last,
                _ => *top,
            };
        }
    }
}

fn step_of(rows: usize) -> isize {
    isize::try_from(rows.max(1)).unwrap_or(isize::MAX)
}

/// A line without what could turn or hide what follows; the spaces before it stay.
fn legible(line: &str) -> String {
    let indent: String = line.chars().take_while(|c| *c == ' ').take(20).collect();
    format!("{indent}{}", clean(line, 1_000))
}

/// Whether somebody has to look at it.
fn is_problem(target: &Target) -> bool {
    target.stale || target.verdict() != Verdict::Operational
}

/// The worst first.
const fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Down => 0,
        Verdict::Degraded => 1,
        Verdict::Suspect => 2,
        Verdict::Unknown => 3,
        Verdict::Operational => 4,
    }
}
