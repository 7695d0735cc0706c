//! How a command ends, for scripts.

use std::process::ExitCode;

/// The exit codes; the same table stands in `hekate --help`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done.
    Done,
    /// The thing you asked about is not so: a target is not fine.
    NotSo,
    /// The command line cannot be understood.
    Usage,
    /// No running hekate at that address.
    Unavailable,
    /// The store or its disk cannot be used.
    Store,
    /// The configuration is invalid.
    Config,
    /// Interrupted by Ctrl-C.
    Interrupted,
    /// A code of the monitoring plug-in convention: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    Plugin(u8),
    /// The code of a command that was run.
    Passed(u8),
}

impl Exit {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NotSo => 1,
            Self::Usage => 2,
            Self::Unavailable => 69,
            Self::Store => 74,
            Self::Config => 78,
            Self::Interrupted => 130,
            Self::Plugin(code) | Self::Passed(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
