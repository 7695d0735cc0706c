//! How far something long has come: a bar on a terminal, else a line for each tenth.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::terminal::Terminal;

/// With fewer records it is done before anybody could read how far it is.
const MANY: u64 = 20_000;

/// Shows how far something has come.
pub(super) struct Bar {
    what: &'static str,
    shown: Shown,
}

enum Shown {
    Bar(ProgressBar),
    /// A line for each tenth, and the tenth that was told last.
    Lines(Terminal, u64),
}

impl Bar {
    /// For something that is done, such as `compacting`.
    pub(super) fn new(what: &'static str, terminal: Terminal) -> Self {
        let shown = if io::stderr().is_terminal() && !terminal.is_quiet() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{msg} {wide_bar} {percent} % {eta}");
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar.set_message(what);
            Shown::Bar(bar)
        } else {
            Shown::Lines(terminal, 0)
        };
        Self { what, shown }
    }

    /// So many are done, of about so many.
    pub(super) fn tell(&mut self, done: u64, about: u64) {
        if about < MANY {
            return;
        }
        match &mut self.shown {
            Shown::Bar(bar) => {
                bar.set_length(about);
                bar.set_position(done.min(about));
            }
            Shown::Lines(terminal, told) => {
                if let Some(tenth) = next_tenth(*told, done, about) {
                    *told = tenth;
                    terminal.remark(&format!("{}: {} %", self.what, tenth * 10));
                }
            }
        }
    }

    /// It is over, well or not.
    pub(super) fn end(self) {
        if let Shown::Bar(bar) = self.shown {
            bar.finish_and_clear();
        }
    }
}

/// The tenth that has been reached since the one that was told, if any.
fn next_tenth(told: u64, done: u64, about: u64) -> Option<u64> {
    let tenth = (done.saturating_mul(10) / about.max(1)).min(10);
    (tenth > told).then_some(tenth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenth_is_told_once_and_never_more_than_all() {
        let mut told = 0;
        let mut lines = Vec::new();
        for done in 0..=130 {
            if let Some(tenth) = next_tenth(told, done, 100) {
                told = tenth;
                lines.push(tenth);
            }
        }
        assert_eq!(lines, (1..=10).collect::<Vec<_>>());
        assert_eq!(next_tenth(0, 0, 0), None);
        assert_eq!(next_tenth(2, 95, 100), Some(9));
    }
}
