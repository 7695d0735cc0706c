//! What a process did to its files, as `strace` wrote it down.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

/// The calls of the system that change files or names, or say that a change is durable.
pub(super) const CALLS: &str = "openat,write,pwrite64,ftruncate,fallocate,lseek,fsync,fdatasync,?rename,?renameat,?renameat2,\
                                ?unlink,unlinkat,?mkdir,mkdirat,?rmdir,close,fcntl";

/// One file, whatever it is called at the moment.
pub(super) type Inode = usize;

/// One thing that was done.
#[derive(Debug)]
pub(super) enum Step {
    /// A name for a new file.
    Named(PathBuf, Inode),
    /// A new folder.
    Folder(PathBuf),
    Renamed(PathBuf, PathBuf),
    Removed(PathBuf),
    /// Bytes at this place of a file.
    Written(Inode, usize, Vec<u8>),
    /// A file was made shorter or longer.
    Resized(Inode, usize),
    /// What was done to the file before this step is durable.
    Synced(Inode, usize),
    /// What was done to names in this folder before this step is durable.
    FolderSynced(PathBuf, usize),
    /// Batches up to this one were acknowledged.
    Acknowledged(u64),
}

/// All that was done, in its order.
#[derive(Default, Debug)]
pub(super) struct Recording {
    pub(super) steps: Vec<Step>,
    names: BTreeMap<PathBuf, Inode>,
    lengths: Vec<usize>,
    opened: HashMap<i64, Opened>,
}

#[derive(Clone, Debug)]
enum Opened {
    File {
        inode: Inode,
        at: usize,
        appends: bool,
    },
    Folder(PathBuf),
}

/// A call as it was written down.
struct Call {
    name: String,
    arguments: Vec<Argument>,
    result: i64,
    /// How many steps there were when it began.
    began: usize,
}

#[derive(Debug)]
enum Argument {
    Text(Vec<u8>),
    Word(String),
}

impl Recording {
    /// Reads what `strace` wrote of a process whose store is in this folder.
    pub(super) fn read(text: &[u8], data: &Path) -> Self {
        let mut recording = Self::default();
        let mut unfinished: HashMap<Vec<u8>, (Vec<u8>, usize)> = HashMap::new();
        for line in text.split(|&byte| byte == b'\n') {
            let Some(space) = line.iter().position(|&byte| byte == b' ') else {
                continue;
            };
            let thread = line[..space].to_vec();
            let rest = line[space..].trim_ascii_start();
            if let Some(begun) = rest.strip_suffix(b" <unfinished ...>") {
                unfinished.insert(thread, (begun.to_vec(), recording.steps.len()));
                continue;
            }
            let (whole, began) = if rest.starts_with(b"<... ") {
                let Some((mut whole, began)) = unfinished.remove(&thread) else {
                    continue;
                };
                let end = find(rest, b" resumed>").expect("strace says so") + b" resumed>".len();
                whole.extend_from_slice(&rest[end..]);
                (whole, began)
            } else {
                (rest.to_vec(), recording.steps.len())
            };
            if let Some(call) = parse(&whole, began) {
                recording.note(&call, data);
            }
        }
        recording
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// The steps at which something was acknowledged, and up to which batch.
    pub(super) fn acknowledged(&self) -> Vec<(usize, u64)> {
        let steps = self.steps.iter().enumerate();
        steps
            .filter_map(|(index, step)| {
                let Step::Acknowledged(number) = step else {
                    return None;
                };
                Some((index, *number))
            })
            .collect()
    }

    /// The last batch that was acknowledged before this step.
    pub(super) fn acknowledged_before(&self, moment: usize) -> u64 {
        let acknowledged = self.acknowledged();
        let before = acknowledged.iter().take_while(|(step, _)| *step < moment);
        before.last().map_or(0, |(_, number)| *number)
    }

    fn note(&mut self, call: &Call, data: &Path) {
        if call.result < 0 {
            return;
        }
        match call.name.as_str() {
            "openat" => self.open(call, data),
            "write" if call.word(0) == "1" => {
                let said = String::from_utf8_lossy(call.text(0));
                if let Some(number) = said.trim().strip_prefix("durable ") {
                    let number = number.parse().expect("it says a number");
                    self.steps.push(Step::Acknowledged(number));
                }
            }
            "write" | "pwrite64" => self.write(call),
            "ftruncate" => self.resize(call),
            "fallocate" => {
                panic!("nobody makes room beforehand so far; teach the recording what it means")
            }
            "lseek" => {
                if let Some(Opened::File { at, .. }) = self.opened.get_mut(&call.descriptor()) {
                    *at = size(call.result);
                }
            }
            "fsync" | "fdatasync" => self.sync(call),
            "rename" | "renameat" | "renameat2" => self.rename(call, data),
            "unlink" | "unlinkat" | "rmdir" => {
                let path = call.path(0);
                if path.starts_with(data) {
                    self.names.remove(&path);
                    self.steps.push(Step::Removed(path));
                }
            }
            "mkdir" | "mkdirat" => {
                let path = call.path(0);
                if path.starts_with(data) {
                    self.steps.push(Step::Folder(path));
                }
            }
            "close" => {
                self.opened.remove(&call.descriptor());
            }
            "fcntl" => {
                if call.word(1).starts_with("F_DUPFD")
                    && let Some(opened) = self.opened.get(&call.descriptor())
                {
                    self.opened.insert(call.result, opened.clone());
                }
            }
            other => panic!("strace was not asked for {other}"),
        }
    }

    fn resize(&mut self, call: &Call) {
        if let Some(Opened::File { inode, .. }) = self.opened.get(&call.descriptor()) {
            let (inode, length) = (*inode, call.word(1).parse().expect("a length"));
            self.lengths[inode] = length;
            self.steps.push(Step::Resized(inode, length));
        }
    }

    fn sync(&mut self, call: &Call) {
        match self.opened.get(&call.descriptor()) {
            Some(Opened::File { inode, .. }) => {
                self.steps.push(Step::Synced(*inode, call.began));
            }
            Some(Opened::Folder(path)) => {
                let synced = Step::FolderSynced(path.clone(), call.began);
                self.steps.push(synced);
            }
            None => {}
        }
    }

    /// The names of files go with the name of their folder.
    fn rename(&mut self, call: &Call, data: &Path) {
        let (from, to) = (call.path(0), call.path(1));
        if !from.starts_with(data) {
            return;
        }
        let names = std::mem::take(&mut self.names);
        self.names = names
            .into_iter()
            .filter(|(name, _)| *name != to)
            .map(|(name, inode)| match name.strip_prefix(&from) {
                Ok(inside) if inside.as_os_str().is_empty() => (to.clone(), inode),
                Ok(inside) => (to.join(inside), inode),
                Err(_) => (name, inode),
            })
            .collect();
        self.steps.push(Step::Renamed(from, to));
    }

    fn open(&mut self, call: &Call, data: &Path) {
        let path = call.path(0);
        let parent = data.parent().expect("it is in a folder");
        if !path.starts_with(data) && path != parent {
            self.opened.remove(&call.result);
            return;
        }
        let flags = call.word(1);
        let inode = match self.names.get(&path) {
            Some(inode) => *inode,
            None if flags.contains("O_CREAT") => {
                let inode = self.lengths.len();
                self.lengths.push(0);
                self.names.insert(path.clone(), inode);
                self.steps.push(Step::Named(path, inode));
                inode
            }
            // What can be opened and is no file that was made is a folder.
            None => {
                self.opened.insert(call.result, Opened::Folder(path));
                return;
            }
        };
        if flags.contains("O_TRUNC") && self.lengths[inode] > 0 {
            self.lengths[inode] = 0;
            self.steps.push(Step::Resized(inode, 0));
        }
        let appends = flags.contains("O_APPEND");
        self.opened.insert(
            call.result,
            Opened::File {
                inode,
                at: 0,
                appends,
            },
        );
    }

    fn write(&mut self, call: &Call) {
        let Some(Opened::File { inode, at, appends }) = self.opened.get_mut(&call.descriptor())
        else {
            return;
        };
        let mut bytes = call.text(0).to_vec();
        bytes.truncate(size(call.result));
        assert_eq!(
            bytes.len(),
            size(call.result),
            "strace wrote down all of it"
        );
        let start = if call.name == "pwrite64" {
            call.word(2).parse().expect("a place")
        } else {
            let start = if *appends { self.lengths[*inode] } else { *at };
            *at = start + bytes.len();
            start
        };
        let length = &mut self.lengths[*inode];
        *length = (*length).max(start + bytes.len());
        self.steps.push(Step::Written(*inode, start, bytes));
    }
}

impl Call {
    /// The words of the arguments that are not texts, by their order among themselves.
    fn word(&self, number: usize) -> &str {
        let words = self.arguments.iter().filter_map(|argument| match argument {
            // Where names are looked for; all names are whole.
            Argument::Word(word) if word == "AT_FDCWD" => None,
            Argument::Word(word) => Some(word.as_str()),
            Argument::Text(_) => None,
        });
        // In `openat` the place is the first word otherwise.
        let shift = usize::from(self.name == "openat");
        let mut words = words;
        words.nth(number.saturating_sub(shift)).unwrap_or_default()
    }

    fn text(&self, number: usize) -> &[u8] {
        let mut texts = self.arguments.iter().filter_map(|argument| match argument {
            Argument::Text(text) => Some(text.as_slice()),
            Argument::Word(_) => None,
        });
        texts.nth(number).unwrap_or_default()
    }

    fn path(&self, number: usize) -> PathBuf {
        PathBuf::from(String::from_utf8_lossy(self.text(number)).into_owned())
    }

    fn descriptor(&self) -> i64 {
        self.word(0).parse().unwrap_or(-1)
    }
}

/// `name(argument, "text", …) = result …`
fn parse(line: &[u8], began: usize) -> Option<Call> {
    let open = line.iter().position(|&byte| byte == b'(')?;
    let name = String::from_utf8_lossy(&line[..open]).into_owned();
    let mut arguments = Vec::new();
    let mut word = Vec::new();
    let mut at = open + 1;
    loop {
        match *line.get(at)? {
            b'"' => {
                let (text, after) = unescape(line, at + 1)?;
                arguments.push(Argument::Text(text));
                at = after;
            }
            end @ (b',' | b')') => {
                let said = String::from_utf8_lossy(&word).trim().to_owned();
                if !said.is_empty() {
                    arguments.push(Argument::Word(said));
                }
                word.clear();
                at += 1;
                if end == b')' {
                    break;
                }
            }
            other => {
                word.push(other);
                at += 1;
            }
        }
    }
    let rest = String::from_utf8_lossy(&line[at..]).into_owned();
    let result = rest.trim_start().strip_prefix("= ")?;
    let result = result.split_whitespace().next()?.parse().ok()?;
    Some(Call {
        name,
        arguments,
        result,
        began,
    })
}

/// A text in quotes as C writes it, and where it ends.
fn unescape(line: &[u8], from: usize) -> Option<(Vec<u8>, usize)> {
    let (mut text, mut at) = (Vec::new(), from);
    loop {
        match *line.get(at)? {
            b'"' => return Some((text, at + 1)),
            b'\\' => {
                at += 1;
                let byte = *line.get(at)?;
                at += 1;
                text.push(match byte {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'v' => 11,
                    b'f' => 12,
                    b'0'..=b'7' => {
                        let mut value = u32::from(byte - b'0');
                        for _ in 0..2 {
                            let Some(digit @ b'0'..=b'7') = line.get(at).copied() else {
                                break;
                            };
                            value = value * 8 + u32::from(digit - b'0');
                            at += 1;
                        }
                        u8::try_from(value).expect("three digits of a byte")
                    }
                    other => other,
                });
            }
            other => {
                text.push(other);
                at += 1;
            }
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn size(number: i64) -> usize {
    usize::try_from(number).expect("it is no error")
}
