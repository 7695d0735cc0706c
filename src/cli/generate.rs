//! Manual page, completions and unit, all made from the one description of the command line.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{
    Exit,
    arguments::{Arguments, Generate},
    terminal::Terminal,
};

/// `hekate generate …`
pub(super) fn generate(what: Generate, terminal: Terminal) -> Exit {
    let shell = match what {
        Generate::Man => return manual(terminal),
        Generate::Systemd => {
            terminal.say(UNIT);
            return Exit::Done;
        }
        Generate::Bash => Shell::Bash,
        Generate::Zsh => Shell::Zsh,
        Generate::Fish => Shell::Fish,
        Generate::Powershell => Shell::PowerShell,
        Generate::Elvish => Shell::Elvish,
    };
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "hekate", &mut out);
    terminal.say(&String::from_utf8_lossy(&out));
    Exit::Done
}

fn manual(terminal: Terminal) -> Exit {
    let mut out = Vec::new();
    match clap_mangen::Man::new(Arguments::command()).render(&mut out) {
        Ok(()) => {
            terminal.say(&String::from_utf8_lossy(&out));
            Exit::Done
        }
        Err(error) => {
            terminal.complain(&error.to_string());
            Exit::NotSo
        }
    }
}

/// The same text as `deploy/hekate.service`; a test compares the two.
const UNIT: &str = include_str!("../../deploy/hekate.service");
