//! The file or the folder, and how several files become one.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest, Sha256};

use super::{
    code::Code,
    findings::Findings,
    report::Problem,
    source::{Source, Span},
    tree::{self, Entry, Kind, Node},
};
use crate::model::text::clean;

/// The longest file that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The longest secret or certificate file that is read.
const SIDE_FILE_BYTES_MAX: u64 = 64 * 1024;
/// The most files of a folder.
const FILES_MAX: usize = 1_000;

/// What a reading found in which file: compared later to know whether anything changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Contents {
    root: PathBuf,
    /// The file or the files of the folder.
    own: BTreeMap<PathBuf, Option<Print>>,
    /// Secrets and certificates.
    side: BTreeMap<PathBuf, Option<Print>>,
}

/// A fingerprint of a content.
type Print = [u8; 32];

impl Contents {
    /// The file or folder that was named to us.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Every file that was read, or should have been.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.own
            .keys()
            .chain(self.side.keys())
            .map(PathBuf::as_path)
    }

    /// What is there now.
    pub(super) fn read_again(&self) -> Self {
        let paths = if self.root.is_dir() {
            in_folder(&self.root).unwrap_or_default()
        } else {
            vec![self.root.clone()]
        };
        let mut now = Self {
            root: self.root.clone(),
            ..Self::default()
        };
        for path in &paths {
            let _ = now.read_own(path);
        }
        for path in self.side.keys() {
            let _ = now.read_side(path);
        }
        now
    }

    fn read_own(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let read = read_capped(path, FILE_BYTES_MAX);
        self.own.insert(path.to_owned(), print(&read));
        read
    }

    /// Reads a secret or certificate that the file names.
    ///
    /// # Errors
    ///
    /// As [`read_capped`] with 64 KiB.
    pub(super) fn read_side(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let read = read_capped(path, SIDE_FILE_BYTES_MAX);
        self.side.insert(path.to_owned(), print(&read));
        read
    }
}

/// The fingerprint of what was read; absent if it could not be.
fn print(read: &io::Result<Vec<u8>>) -> Option<Print> {
    read.as_ref().ok().map(|bytes| Sha256::digest(bytes).into())
}

/// What was read.
#[derive(Clone)]
pub(super) struct Loaded {
    /// The texts, in the order of their names.
    pub(super) sources: Vec<Arc<Source>>,
    /// What paths in them are relative to.
    pub(super) folder: PathBuf,
    /// What is to be compared later.
    pub(super) contents: Contents,
}

/// Reads the file, or all files of the folder.
pub(super) fn read(path: &Path, findings: &Findings) -> Loaded {
    let is_folder = path.is_dir();
    let folder = if is_folder {
        path.to_owned()
    } else {
        path.parent().map(Path::to_owned).unwrap_or_default()
    };
    let paths = if is_folder {
        files_of(path, findings)
    } else {
        vec![path.to_owned()]
    };
    let mut sources = Vec::with_capacity(paths.len());
    let mut contents = Contents {
        root: path.to_owned(),
        ..Contents::default()
    };
    for (index, path) in paths.iter().enumerate() {
        let span = Span {
            file: u16::try_from(index).unwrap_or(u16::MAX),
            start: 0,
            end: 0,
        };
        sources.push(Arc::new(read_one(path, span, &mut contents, findings)));
    }
    if sources.is_empty() {
        sources.push(Arc::new(Source::new(path.display().to_string(), "")));
    }
    Loaded {
        sources,
        folder,
        contents,
    }
}

fn files_of(folder: &Path, findings: &Findings) -> Vec<PathBuf> {
    let mut paths = match in_folder(folder) {
        Ok(paths) => paths,
        Err(error) => {
            findings.report(unreadable(folder, &error));
            return Vec::new();
        }
    };
    if paths.is_empty() {
        findings.report(
            Problem::new(
                Code::Unreadable,
                Span::default(),
                format!("there is no .yaml or .yml file in {}", folder.display()),
            )
            .help("name a file, or a folder with such files directly in it"),
        );
    }
    if paths.len() > FILES_MAX {
        findings.report(Problem::new(
            Code::TooMuch,
            Span::default(),
            format!(
                "there are more than {FILES_MAX} files in {}",
                folder.display()
            ),
        ));
        paths.truncate(FILES_MAX);
    }
    paths
}

/// The files of a folder that are part of the configuration, in the order of their names.
///
/// # Errors
///
/// If the folder cannot be read.
fn in_folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| is_ours(path))
        .collect();
    paths.sort();
    Ok(paths)
}

/// Whether a file of the folder is part of the configuration; what begins with a dot belongs to editors and Kubernetes.
fn is_ours(path: &Path) -> bool {
    let is_yaml = path
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml");
    let is_hidden = path
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    is_yaml && !is_hidden && path.is_file()
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let problem = Problem::new(
        Code::Unreadable,
        Span::default(),
        format!("{} cannot be read: {error}", path.display()),
    );
    let kind = error.kind();
    problem.help(if kind == io::ErrorKind::NotFound {
        "five lines are enough for a first file (`hekate explain H0107` shows some); another place is named with \
         `--config`"
    } else if kind == io::ErrorKind::InvalidInput {
        "name a file, or a folder of files"
    } else {
        "is it readable for the user that hekate runs as?"
    })
}

/// Reads one file; what is wrong with it is written down and makes it empty, or readable in part.
fn read_one(path: &Path, span: Span, contents: &mut Contents, findings: &Findings) -> Source {
    let name = path.display().to_string();
    let report = |problem: Problem| findings.report(Problem { span, ..problem });
    let bytes = match contents.read_own(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            report(
                Problem::new(Code::TooMuch, span, format!("{name} is larger than 1 MiB"))
                    .help("split it: a folder of files is read as well"),
            );
            return Source::new(name, "");
        }
        Err(error) => {
            report(unreadable(path, &error));
            return Source::new(name, "");
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Source::new(name, text),
        Err(error) if is_utf16(error.as_bytes()) => {
            report(
                Problem::new(
                    Code::Unreadable,
                    span,
                    format!("{name} is UTF-16, not UTF-8 text"),
                )
                .help("save the file as UTF-8"),
            );
            Source::new(name, "")
        }
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let width = text[good..].chars().next().map_or(0, char::len_utf8);
            findings.report(
                Problem::new(
                    Code::Unreadable,
                    span.with(good..good + width),
                    format!("{name} is not UTF-8 text"),
                )
                .label("this byte is not")
                .help("save the file as UTF-8"),
            );
            Source::new(name, text)
        }
    }
}

/// Whether it begins with a mark of UTF-16: read as anything else, every second character would be a mistake.
fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF])
}

/// Reads a regular file of at most so many bytes.
///
/// # Errors
///
/// As the system says; `FileTooLarge` for longer ones, `InvalidInput` for what is no regular file: a device or a pipe
/// might never end.
fn read_capped(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a file",
        ));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(bytes_max + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is too large",
        ));
    }
    Ok(bytes)
}

/// The tree of all files together (absent if there is nothing to go on with), and whether no part of it is missing.
pub(super) fn tree(sources: &[Arc<Source>], findings: &Findings) -> (Option<Node>, bool) {
    let is_single = sources.len() == 1;
    let mut all: Option<Node> = None;
    let mut is_whole = !findings.has_any();
    for (index, source) in sources.iter().enumerate() {
        let file = u16::try_from(index).unwrap_or(u16::MAX);
        if !is_single && says_nothing(&source.text) {
            continue;
        }
        // What could not be read at all was already reported.
        if source.text.is_empty() && !is_whole {
            continue;
        }
        let Some(mut node) = tree::read(source, file, findings) else {
            is_whole = false;
            continue;
        };
        let Kind::Map(entries) = &mut node.kind else {
            findings.report(
                Problem::new(
                    Code::WrongType,
                    node.span,
                    "the file should have sections such as `channels:` and `targets:`",
                )
                .help("a section is a word at the beginning of a line, with a colon after it"),
            );
            is_whole = false;
            continue;
        };
        entries.retain(|entry| !entry.key.starts_with("x-"));
        match &mut all {
            None => all = Some(node),
            Some(all) => merge(all, node, findings),
        }
    }
    if all.is_none() && is_whole {
        findings.report(
            Problem::new(
                Code::EmptyFile,
                Span::default(),
                "there is nothing in these files",
            )
            .help("at least one of them needs `channels:`, and one `targets:`"),
        );
    }
    (all, is_whole)
}

/// Whether there are only comments and empty lines.
fn says_nothing(text: &str) -> bool {
    text.lines()
        .map(str::trim_start)
        .all(|line| line.is_empty() || line.starts_with('#'))
}

/// Lists append, maps merge, and anything else that is there twice is an error that names both places.
fn merge(all: &mut Node, more: Node, findings: &Findings) {
    let (Kind::Map(all), Kind::Map(more)) = (&mut all.kind, more.kind) else {
        return;
    };
    for entry in more {
        let Some(before) = all.iter_mut().find(|before| before.key == entry.key) else {
            all.push(entry);
            continue;
        };
        match (&mut before.value.kind, entry.value.kind) {
            (Kind::List(items), Kind::List(more)) => items.extend(more),
            (Kind::Map(entries), Kind::Map(more)) => {
                for entry in more {
                    match entries.iter().find(|before| before.key == entry.key) {
                        Some(before) => findings.report(twice(before, entry.span)),
                        None => entries.push(entry),
                    }
                }
            }
            (Kind::Scalar(..) | Kind::List(_) | Kind::Map(_), _) => {
                findings.report(twice(before, entry.span));
            }
        }
    }
}

fn twice(before: &Entry, again: Span) -> Problem {
    Problem::new(
        Code::Twice,
        again,
        format!("`{}` is in two files", clean(&before.key, 64)),
    )
    .label("and again here")
    .other(before.span, "first here")
    .help("remove one of them, or give it another name")
}
