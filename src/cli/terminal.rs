//! The one place that writes to the terminal.

use std::io::{self, IsTerminal as _, Write as _};

use tokio::runtime::{Builder, Runtime};

use super::arguments::{Color, Format, Global};

/// Where a command's words go, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terminal {
    /// Whether standard output takes colours.
    pub(super) has_color: bool,
    /// How to print.
    pub(super) format: Format,
    is_quiet: bool,
}

impl Terminal {
    pub(super) fn of(global: &Global) -> Self {
        // Source: https://no-color.org: any value counts, `0` too.
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_forced = std::env::var_os("CLICOLOR_FORCE")
            .is_some_and(|value| !value.is_empty() && value != "0");
        let has_color = match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if is_plain => false,
            Color::Auto => is_forced || io::stdout().is_terminal(),
        };
        Self {
            has_color,
            format: global.format,
            is_quiet: global.quiet,
        }
    }

    /// Prints data. A closed pipe ends quietly, as for any filter.
    pub(super) fn say(self, text: &str) {
        // Whoever closed the pipe has read enough.
        let _ = self.is_read(text);
    }

    /// Prints data; whether anybody still reads it.
    #[expect(
        clippy::unused_self,
        reason = "all that is printed goes through a terminal"
    )]
    pub(super) fn is_read(self, text: &str) -> bool {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .is_ok()
    }

    /// Whether only what was asked for is printed.
    pub(super) const fn is_quiet(self) -> bool {
        self.is_quiet
    }

    /// Prints a remark about the work, unless asked to be quiet.
    pub(super) fn remark(self, text: &str) {
        if !self.is_quiet {
            self.complain(text);
        }
    }

    /// Prints what went wrong.
    #[expect(
        clippy::unused_self,
        reason = "all that is printed goes through a terminal"
    )]
    pub(super) fn complain(self, text: &str) {
        let mut err = io::stderr().lock();
        // There is nobody left to tell.
        let _ = err.write_all(text.as_bytes()).and_then(|()| {
            if text.ends_with('\n') {
                Ok(())
            } else {
                err.write_all(b"\n")
            }
        });
    }

    /// Prints a question; the answer is typed on the same line.
    #[expect(
        clippy::unused_self,
        reason = "all that is printed goes through a terminal"
    )]
    pub(super) fn prompt(self, text: &str) {
        let mut err = io::stderr().lock();
        // Without the question there will be no answer either.
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }

    /// What carries a command that asks many at once; if it cannot be made, that is printed.
    pub(super) fn runtime(self) -> io::Result<Runtime> {
        let made = Builder::new_multi_thread().enable_all().build();
        made.inspect_err(|error| self.complain(&format!("cannot start: {error}")))
    }

    /// Prints JSON, indented.
    pub(super) fn say_json(self, value: &serde_json::Value) {
        self.say(&format!("{value:#}\n"));
    }
}
