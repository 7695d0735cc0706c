//! A line appended to a file that a shipper follows.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::fs::OFlags;

use crate::model::logs::{LogFault, LogFaultKind};

/// One file, opened anew for each line, so that it may be rotated at any time.
pub(super) struct Appender {
    path: PathBuf,
    /// A line is being written; a disk that hangs holds one thread, not one more each round.
    is_writing: AtomicBool,
    /// The last line may be there in part, so the next one begins on a line of its own.
    is_cut: AtomicBool,
}

impl Appender {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            is_writing: AtomicBool::new(false),
            is_cut: AtomicBool::new(false),
        }
    }

    /// Appends this line, which has no end of line yet.
    pub(super) async fn append(self: Arc<Self>, line: String) -> Result<(), LogFault> {
        if self.is_writing.swap(true, Ordering::AcqRel) {
            return Err(LogFault::new(
                LogFaultKind::Own,
                "the line before is still being written",
            ));
        }
        let writing = tokio::task::spawn_blocking(move || {
            let written = self.write(line);
            self.is_writing.store(false, Ordering::Release);
            written
        });
        match writing.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(fault(&error)),
            Err(_) => Err(LogFault::new(
                LogFaultKind::Own,
                "the line was not written to its end",
            )),
        }
    }

    fn write(&self, mut line: String) -> io::Result<()> {
        line.push('\n');
        if self.is_cut.load(Ordering::Acquire) {
            line.insert(0, '\n');
        }
        let mut file = self.open()?;
        // In one piece: whoever else appends to the file does not get in between.
        let written = file.write_all(line.as_bytes());
        self.is_cut.store(written.is_err(), Ordering::Release);
        written
    }

    /// Not blocking, because a pipe that nobody reads would hold the thread for ever.
    fn open(&self) -> io::Result<File> {
        OpenOptions::new()
            .append(true)
            .create(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(&self.path)
    }
}

fn fault(error: &io::Error) -> LogFault {
    let kind = if error.kind() == io::ErrorKind::NotFound {
        LogFaultKind::NotFound
    } else {
        LogFaultKind::Own
    };
    LogFault::new(kind, format!("the canary's file: {error}"))
}
