//! `hekate store`: looks after the store's folder; some of it needs the folder for itself, so no hekate may be running.

mod copies;
mod progress;
mod upkeep;

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::{Exit, arguments::Global, arguments::Store, file, terminal::Terminal};
use crate::{
    clock::Clock,
    config::Environment,
    model::{Timestamp, plan::StoreSettings},
    store::{self, Database, Error},
};

/// `hekate store …`
pub(super) fn store(global: &Global, command: &Store, terminal: Terminal) -> Exit {
    let plan = match file::plan(global, &Environment::of_process().for_preview(), terminal) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let folder = &plan.store.path;
    let now = Clock::start().now().at;
    // These two make the folder.
    match command {
        Store::Restore { backup, force } => {
            return copies::restore(&plan.store, backup, now, *force, terminal);
        }
        Store::Import { export } => return copies::import(&plan.store, export, now, terminal),
        Store::Verify
        | Store::Export { .. }
        | Store::Backup { .. }
        | Store::Stats
        | Store::Compact
        | Store::Migrate => {}
    }
    if !folder.is_dir() {
        terminal.complain(&format!("there is no store in {}", folder.display()));
        return Exit::Store;
    }
    match command {
        Store::Verify => verify(folder, terminal),
        Store::Export { output } => {
            let written = match output {
                Some(path) => export_to_file(&plan.store, now, path),
                None => export_to(&plan.store, now, &mut BufWriter::new(io::stdout().lock())),
            };
            told(written, output.as_deref(), terminal)
        }
        Store::Backup { to } => copies::backup(folder, to, now, terminal),
        Store::Stats => copies::stats(folder, terminal),
        Store::Compact => upkeep::compact(&plan.store, now, terminal),
        Store::Migrate => upkeep::migrate(&plan.store, now, terminal),
        // They were done above.
        Store::Restore { .. } | Store::Import { .. } => Exit::Done,
    }
}

pub(super) fn verify(folder: &Path, terminal: Terminal) -> Exit {
    match store::verify_journal(folder) {
        Ok(examined) => {
            for fault in &examined.faults {
                terminal.say(&format!("{fault}\n"));
            }
            let (lines, faults) = (examined.lines, examined.faults.len());
            terminal.say(&format!(
                "{lines} lines are whole and follow each other; {faults} faults\n"
            ));
            if examined.faults.is_empty() {
                Exit::Done
            } else {
                Exit::NotSo
            }
        }
        Err(error) => {
            terminal.complain(&error.to_string());
            Exit::Store
        }
    }
}

fn told(written: Result<u64, Trouble>, output: Option<&Path>, terminal: Terminal) -> Exit {
    match (written, output) {
        (Ok(lines), Some(path)) => {
            terminal.remark(&format!("{lines} records written to {}", path.display()));
            Exit::Done
        }
        // Whoever closed the pipe has read enough.
        (Ok(_), None) | (Err(Trouble::NobodyReads), _) => Exit::Done,
        (Err(Trouble::Store(error)), _) => {
            terminal.complain(&error.to_string());
            Exit::Store
        }
        (Err(Trouble::File(error)), path) => {
            let path = path.map_or_else(|| "standard output".into(), Path::to_string_lossy);
            terminal.complain(&format!("cannot write {path}: {error}"));
            Exit::Store
        }
    }
}

/// Why nothing, or not everything, was exported.
#[derive(Debug)]
enum Trouble {
    Store(Error),
    File(io::Error),
    NobodyReads,
}

impl Trouble {
    fn of_output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::NobodyReads
        } else {
            Self::File(error)
        }
    }
}

/// Writes a new file that only its owner can read, since it tells how the fleet is; an old one is never written over.
fn export_to_file(settings: &StoreSettings, now: Timestamp, path: &Path) -> Result<u64, Trouble> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(Trouble::File)?;
    let written = {
        let mut out = BufWriter::new(&file);
        export_to(settings, now, &mut out)
    };
    let written = written.and_then(|lines| file.sync_all().map(|()| lines).map_err(Trouble::File));
    if written.is_err() {
        // Half an export would look like a whole one.
        let _ = std::fs::remove_file(path);
    }
    written
}

fn export_to(
    settings: &StoreSettings,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<u64, Trouble> {
    let (database, _, _) = Database::open(settings, now).map_err(Trouble::Store)?;
    let mut out = Attentive { out, trouble: None };
    let written = database.export(&mut out);
    if let Some(trouble) = out.trouble.take() {
        return Err(Trouble::of_output(trouble));
    }
    let lines = written.map_err(Trouble::Store)?;
    out.out.flush().map_err(Trouble::of_output)?;
    Ok(lines)
}

/// Remembers what went wrong with the output, to tell it from what goes wrong with the store.
struct Attentive<'a> {
    out: &'a mut dyn Write,
    trouble: Option<io::Error>,
}

impl Write for Attentive<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes).map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.trouble = Some(error);
            }
            kind.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc, time::Duration};

    use serde_json::Value;

    use super::*;
    use crate::{command::fixture, model::Batch};

    /// A store with two transitions in it.
    fn settings(folder: &Path) -> StoreSettings {
        let settings = StoreSettings {
            path: folder.join("data"),
            retention: Duration::from_hours(24 * 400),
        };
        let (mut database, _, _) = Database::open(&settings, fixture::NOW).unwrap();
        let transitions = fixture::transitions("api");
        assert!(!transitions.is_empty());
        let batch = Batch {
            transitions,
            ..Batch::new(fixture::NOW)
        };
        database.commit(&[Arc::new(batch)]).unwrap();
        settings
    }

    #[test]
    fn everything_is_written_as_lines_of_json_to_a_new_file_of_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        let path = folder.path().join("export.jsonl");
        let lines = export_to_file(&settings, fixture::NOW, &path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count() as u64, lines);
        // And one line of the store itself.
        assert_eq!(lines, fixture::transitions("api").len() as u64 + 1);
        assert!(text.lines().next().unwrap().contains("\"store\""));
        for line in text.lines().skip(1) {
            let record: Value = serde_json::from_str(line).unwrap();
            assert!(
                record["v"].is_u64() && record["transition"].is_object(),
                "{line}"
            );
        }
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        // The same again to standard output; and never over a file that is there.
        let mut out = Vec::new();
        export_to(&settings, fixture::NOW, &mut out).unwrap();
        assert_eq!(out, text.as_bytes());
        let again = export_to_file(&settings, fixture::NOW, &path);
        assert!(matches!(again, Err(Trouble::File(_))), "{again:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn a_store_in_use_is_left_alone_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        let _running = Database::open(&settings, fixture::NOW).unwrap();
        let path = folder.path().join("export.jsonl");
        let written = export_to_file(&settings, fixture::NOW, &path);
        assert!(
            matches!(written, Err(Trouble::Store(Error::InUse { .. }))),
            "{written:?}"
        );
        assert!(!path.exists());
    }

    #[test]
    fn a_full_disk_and_a_closed_pipe_are_told_apart_from_the_store() {
        struct Broken(io::ErrorKind);
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(self.0.into())
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        let export = |kind| export_to(&settings, fixture::NOW, &mut Broken(kind));
        let full = export(io::ErrorKind::StorageFull);
        assert!(matches!(full, Err(Trouble::File(_))), "{full:?}");
        let closed = export(io::ErrorKind::BrokenPipe);
        assert!(matches!(closed, Err(Trouble::NobodyReads)), "{closed:?}");
    }
}
