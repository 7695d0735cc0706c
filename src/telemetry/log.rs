//! The log: who writes how much of it, and in which form.

use std::io::{self, IsTerminal};

use tracing_subscriber::{
    EnvFilter,
    filter::ParseError,
    util::{SubscriberInitExt, TryInitError},
};

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum LogFormat {
    /// For people on a terminal, JSON elsewhere. The default.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `RUST_LOG` cannot be read.
    #[error("RUST_LOG cannot be read: {0}")]
    Filter(#[from] ParseError),
    /// There is a log already.
    #[error("{0}")]
    Twice(#[from] TryInitError),
}

/// Starts writing the log to standard error.
///
/// `RUST_LOG` decides what is written; without it `verbosity` does: below 0 errors and warnings, 0 what matters in
/// operation, 1 more of ours, from 2 on everything of ours and more of the libraries.
///
/// # Errors
///
/// If `RUST_LOG` cannot be read, or a log was already set up in this process.
pub fn init_logging(format: LogFormat, verbosity: i8) -> Result<(), LogError> {
    let directives = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let filter = filter_of(&directives, verbosity)?;
    let is_terminal = io::stderr().is_terminal();
    let for_people = match format {
        LogFormat::Auto => is_terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    if for_people {
        let has_color = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        builder
            .with_ansi(has_color)
            .with_target(false)
            .finish()
            .try_init()?;
    } else {
        builder.json().flatten_event(true).finish().try_init()?;
    }
    Ok(())
}

fn filter_of(directives: &str, verbosity: i8) -> Result<EnvFilter, ParseError> {
    if !directives.trim().is_empty() {
        return EnvFilter::builder().parse(directives);
    }
    EnvFilter::builder().parse(match verbosity {
        i8::MIN..=-1 => "warn",
        0 => "warn,hekate=info",
        1 => "warn,hekate=debug",
        2..=i8::MAX => "info,hekate=trace",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_log_decides_and_a_mistake_in_it_is_said() {
        assert_eq!(filter_of("", 0).unwrap().to_string(), "hekate=info,warn");
        assert_eq!(filter_of("", -1).unwrap().to_string(), "warn");
        assert_eq!(filter_of(" ", 1).unwrap().to_string(), "hekate=debug,warn");
        assert_eq!(
            filter_of("hekate=trace", -1).unwrap().to_string(),
            "hekate=trace"
        );
        assert!(filter_of("hekate=very-loud", 0).is_err());
    }
}
