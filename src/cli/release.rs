//! `hekate release announce` and `hekate releases`: what was released.

use std::{io::Read as _, path::PathBuf};

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

use super::{
    Exit,
    arguments::Global,
    planned::{Request, send, whoever_asks},
    terminal::Terminal,
};

/// More than this of a file is not read: ten lines of it are told.
const CHANGES_BYTES_MAX: u64 = 64 * 1024;

/// `hekate release`
#[derive(Subcommand, Debug)]
pub enum Release {
    /// Say that something is released: it is told, looked after, and remembered for whatever fails near it
    ///
    /// Where it names one instance that may go down and come back for 5 minutes without a word, as after `hekate deploy announce`.
    /// Said again it is the same release: with the same --key whenever that is, else with the same version within 10 minutes.
    Announce(Announce),
}

/// `hekate release announce`
#[derive(Args, Debug)]
#[command(disable_version_flag = true)]
pub struct Announce {
    /// Who gets it: a group or targets, in any order of their words, a comma between several
    #[arg(required = true, num_args = 1.., value_name = "NAME")]
    words: Vec<String>,
    /// The version
    #[arg(long, value_name = "VERSION")]
    version: String,
    /// Who released it [default: you]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// What changed; may be given several times
    #[arg(long = "change", value_name = "LINE")]
    changes: Vec<String>,
    /// A file that says what changed, a line each; `-` reads it from the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "changes")]
    changes_file: Option<PathBuf>,
    /// Where to read more
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A word by which a repeat of this is known, such as the number of a build
    #[arg(long, value_name = "WORD")]
    key: Option<String>,
}

/// `hekate release`
pub(super) fn release(global: &Global, command: &Release, terminal: Terminal) -> Exit {
    let Release::Announce(announce) = command;
    let changes = match &announce.changes_file {
        None => announce.changes.join("\n"),
        Some(file) => match read(file) {
            Ok(text) => text,
            Err(error) => {
                terminal.complain(&format!("{}: {error}", file.display()));
                return Exit::Usage;
            }
        },
    };
    let said = json!({
        "words": announce.words.join(" "),
        "version": announce.version,
        "by": announce.by.clone().unwrap_or_else(whoever_asks),
        "changes": changes,
        "url": announce.url,
        "key": announce.key,
    });
    let request = Request {
        method: Method::POST,
        path: path(),
        said: Some(said),
        ..Request::default()
    };
    send(global, &request, terminal)
}

/// `hekate releases`
pub(super) fn releases(global: &Global, words: &[String], terminal: Terminal) -> Exit {
    let request = Request {
        path: path(),
        words: words.join(" "),
        ..Request::default()
    };
    send(global, &request, terminal)
}

fn path() -> Vec<String> {
    ["api", "v1", "releases"].map(String::from).to_vec()
}

fn read(file: &PathBuf) -> std::io::Result<String> {
    let mut text = Vec::new();
    if file.as_os_str() == "-" {
        let input = std::io::stdin();
        input.take(CHANGES_BYTES_MAX).read_to_end(&mut text)?;
    } else {
        let input = std::fs::File::open(file)?;
        input.take(CHANGES_BYTES_MAX).read_to_end(&mut text)?;
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
