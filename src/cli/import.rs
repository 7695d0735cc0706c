//! `hekate import`: a `targets.yaml` from the file of another program. It asks nobody and needs no running hekate.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{
    Exit,
    arguments::{Format, Import},
    file::count,
    terminal::Terminal,
};
use crate::{
    import::{self, Imported, Note, Text, Trouble},
    model::text::clean,
};

/// `hekate import …`
pub(super) fn import(asked: &Import, terminal: Terminal) -> Exit {
    let mut files = Vec::with_capacity(asked.files.len());
    for path in &asked.files {
        match read(path) {
            Ok(text) => files.push((name(path), text)),
            Err(error) => {
                terminal.complain(&format!("cannot read {}: {error}", name(path)));
                return Exit::Config;
            }
        }
    }
    let texts: Vec<Text<'_>> = files
        .iter()
        .map(|(name, text)| Text { name, text })
        .collect();
    match import::import(asked.from.origin(), &texts) {
        Ok(imported) => hand_out(asked, &imported, terminal),
        Err(trouble) => {
            terminal.complain(&format!("{trouble}"));
            match trouble {
                Trouble::Nothing { left } => {
                    listed("not carried", &left, terminal);
                    Exit::NotSo
                }
                Trouble::Unreadable { .. } => Exit::Config,
                Trouble::OurFault(_) => Exit::NotSo,
            }
        }
    }
}

fn name(path: &Path) -> String {
    if path == Path::new("-") {
        String::from("standard input")
    } else {
        clean(&path.to_string_lossy(), 200)
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    // One more than is taken, so that what is too large is told as that.
    let limit = u64::try_from(import::BYTES_MAX).unwrap_or(u64::MAX) + 1;
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    }
    // A database is no text, but what it is can be told.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn hand_out(asked: &Import, imported: &Imported, terminal: Terminal) -> Exit {
    if let Some(path) = &asked.to
        && let Err(error) = write(path, &imported.text, asked.force)
    {
        let hint = if error.kind() == io::ErrorKind::AlreadyExists {
            "; it is left as it is (`--force` writes over it)"
        } else {
            ""
        };
        terminal.complain(&format!("cannot write {}: {error}{hint}", path.display()));
        return Exit::NotSo;
    }
    if terminal.format == Format::Json {
        let notes = |notes: &[Note]| -> Vec<_> {
            let shown = notes.iter();
            shown
                .map(|note| json!({ "of": note.of, "what": note.what }))
                .collect()
        };
        terminal.say_json(&json!({
            "file": imported.text,
            "targets": imported.targets,
            "channels": imported.channels,
            "not_carried": notes(&imported.left),
            "nearly": notes(&imported.near),
            "variables": imported.variables.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        }));
        return Exit::Done;
    }
    if asked.to.is_none() {
        terminal.say(&imported.text);
    }
    told(asked.to.as_ref(), imported, terminal);
    Exit::Done
}

fn told(to: Option<&PathBuf>, imported: &Imported, terminal: Terminal) {
    listed("not carried", &imported.left, terminal);
    listed("nearly the same", &imported.near, terminal);
    if !imported.variables.is_empty() {
        terminal.remark("\nto be set in the environment:");
        for (name, what) in &imported.variables {
            terminal.remark(&format!("  {name}: {what}"));
        }
    }
    let place = to.map_or_else(String::new, |to| format!(" in {}", to.display()));
    terminal.remark(&format!(
        "\n{} and {}{place}; not carried: {}, nearly the same: {}",
        count(imported.targets, "target"),
        count(imported.channels, "channel"),
        imported.left.len(),
        imported.near.len()
    ));
    if let Some(to) = to {
        let to = to.display();
        terminal.remark(&format!("next: hekate check --config {to}"));
    }
}

/// Notes under a title. What is not carried is said to the quiet, too.
fn listed(title: &str, notes: &[Note], terminal: Terminal) {
    if notes.is_empty() {
        return;
    }
    terminal.complain(&format!("{title}:"));
    for note in notes {
        terminal.complain(&format!("  {note}"));
    }
}

/// Writes a new file; an old one only if that is wanted, and then as a whole or not at all.
fn write(path: &Path, text: &str, is_forced: bool) -> io::Result<()> {
    if !is_forced {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all());
        if written.is_err() {
            // Half of it would look like all of it.
            let _ = fs::remove_file(path);
        }
        return written;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_file_is_written_over_only_if_that_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("targets.yaml");
        write(&path, "one", false).unwrap();
        let again = write(&path, "two", false).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        write(&path, "two", true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = folder.path().join("no folder").join("targets.yaml");
        assert!(write(&nowhere, "one", true).is_err());
    }
}
