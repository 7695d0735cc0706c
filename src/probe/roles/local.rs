//! What stands in a file, or what a program says.

use std::{path::Path, process::Stdio};

use tokio::{fs::File, io::AsyncReadExt as _, process::Command};

use crate::model::roles::Member;

use super::{Said, named};

/// More of a file or of the output of a program is not read; one word is wanted.
const TEXT_BYTES_MAX: u64 = 64 * 1024;

pub(super) async fn file(path: &Path, members: &[Member]) -> Said {
    let said = |error: std::io::Error| error.to_string();
    let mut text = Vec::new();
    let file = File::open(path).await.map_err(said)?;
    file.take(TEXT_BYTES_MAX)
        .read_to_end(&mut text)
        .await
        .map_err(said)?;
    first_word(&text, members)
}

/// Starts the program without a shell; it is killed if it is not over in time.
pub(super) async fn command(argv: &[String], members: &[Member]) -> Said {
    let said = |error: std::io::Error| error.to_string();
    let (program, arguments) = argv
        .split_first()
        .ok_or_else(|| String::from("there is no program"))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(said)?;
    let mut text = Vec::new();
    if let Some(output) = child.stdout.take() {
        output
            .take(TEXT_BYTES_MAX)
            .read_to_end(&mut text)
            .await
            .map_err(said)?;
    }
    let status = child.wait().await.map_err(said)?;
    if !status.success() {
        return Err(match status.code() {
            Some(code) => format!("the program ended with {code}"),
            None => String::from("the program was killed"),
        });
    }
    first_word(&text, members)
}

/// The first word is the name of the active one.
pub(super) fn first_word(text: &[u8], members: &[Member]) -> Said {
    let text = String::from_utf8_lossy(text);
    named::one(members, text.split_whitespace().next().unwrap_or_default())
}
