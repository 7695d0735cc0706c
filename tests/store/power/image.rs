//! What a disk may hold after a loss of power.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use rand::{RngExt as _, rngs::StdRng};

use super::recording::{Inode, Recording, Step};

/// What a disk writes at once or not at all.
const SECTOR_BYTES: usize = 512;

/// Of what was not synced, what is there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keeps {
    /// Nothing.
    Nothing,
    /// What came first, the last write torn.
    TheFirst,
    /// Any sectors.
    Some,
    /// Any sectors; and files have their last lengths, with zeros where nothing was written.
    SomeAndZeros,
    /// Everything of files, and nothing of names.
    NoNames,
    /// Everything, as after a kill.
    Everything,
}

impl Keeps {
    pub(super) const ALL: [Self; 6] = [
        Self::Nothing,
        Self::TheFirst,
        Self::Some,
        Self::SomeAndZeros,
        Self::NoNames,
        Self::Everything,
    ];
}

/// Makes the folder as the disk may have it if the power goes just before this step.
pub(super) fn make(
    recording: &Recording,
    moment: usize,
    keeps: Keeps,
    to: &Path,
    random: &mut StdRng,
) {
    let steps = &recording.steps[..moment];
    let Some(Step::Folder(data)) = recording.steps.first() else {
        panic!("the first thing that is made is the folder");
    };
    let (folders, files) = names(steps, keeps, random);
    for folder in &folders {
        let inside = folder.strip_prefix(data).expect("it is inside");
        fs::create_dir_all(to.join(inside)).expect("there is room");
    }
    for (name, inode) in files {
        let inside = name.strip_prefix(data).expect("it is inside");
        if inside == Path::new("ballast") {
            continue;
        }
        let bytes = content(steps, inode, keeps, random);
        fs::write(to.join(inside), bytes).expect("there is room");
    }
}

/// The folders and files that have names.
fn names(
    steps: &[Step],
    keeps: Keeps,
    random: &mut StdRng,
) -> (BTreeSet<PathBuf>, BTreeMap<PathBuf, Inode>) {
    let synced: Vec<_> = steps
        .iter()
        .filter_map(|step| {
            let Step::FolderSynced(folder, began) = step else {
                return None;
            };
            Some((folder, *began))
        })
        .collect();
    let is_synced = |name: &Path, index: usize| {
        synced
            .iter()
            .any(|(folder, began)| name.parent() == Some(folder) && index < *began)
    };
    let changes: Vec<_> = steps
        .iter()
        .enumerate()
        .filter_map(|(index, step)| {
            let (Step::Named(name, _)
            | Step::Folder(name)
            | Step::Removed(name)
            | Step::Renamed(_, name)) = step
            else {
                return None;
            };
            Some((step, is_synced(name, index)))
        })
        .collect();
    let open = changes.iter().filter(|(_, is_synced)| !is_synced).count();
    let mut kept = match keeps {
        Keeps::Nothing | Keeps::NoNames => 0,
        Keeps::TheFirst | Keeps::Some | Keeps::SomeAndZeros => random.random_range(0..=open),
        Keeps::Everything => open,
    };
    let (mut folders, mut files) = (BTreeSet::new(), BTreeMap::new());
    for (step, is_synced) in changes {
        if !is_synced {
            if kept == 0 {
                continue;
            }
            kept -= 1;
        }
        rename(step, &mut folders, &mut files);
    }
    // What has a name in a folder that has none cannot be found.
    let top = folders.first().cloned();
    let is_found = |name: &Path, folders: &BTreeSet<PathBuf>| {
        let above = name.ancestors().skip(1);
        above
            .take_while(|folder| top.as_ref().is_some_and(|top| folder.starts_with(top)))
            .all(|folder| folders.contains(folder))
    };
    let found: BTreeSet<_> = folders
        .iter()
        .filter(|name| is_found(name, &folders))
        .cloned()
        .collect();
    files.retain(|name, _| name.parent().is_some_and(|folder| found.contains(folder)));
    (found, files)
}

fn rename(step: &Step, folders: &mut BTreeSet<PathBuf>, files: &mut BTreeMap<PathBuf, Inode>) {
    match step {
        Step::Named(name, inode) => {
            files.insert(name.clone(), *inode);
        }
        Step::Folder(name) => {
            folders.insert(name.clone());
        }
        Step::Removed(name) => {
            files.remove(name);
            folders.remove(name);
        }
        Step::Renamed(from, to) => {
            // What is in a folder goes with it.
            let moved = |name: &PathBuf| {
                let inside = name.strip_prefix(from).ok()?;
                let is_itself = inside.as_os_str().is_empty();
                Some(if is_itself {
                    to.clone()
                } else {
                    to.join(inside)
                })
            };
            *folders = folders
                .iter()
                .map(|name| moved(name).unwrap_or_else(|| name.clone()))
                .collect();
            let gone: Vec<_> = files
                .keys()
                .filter(|name| name.starts_with(from))
                .cloned()
                .collect();
            for name in gone {
                if let (Some(inode), Some(name)) = (files.remove(&name), moved(&name)) {
                    files.insert(name, inode);
                }
            }
        }
        Step::Written(..)
        | Step::Resized(..)
        | Step::Synced(..)
        | Step::FolderSynced(..)
        | Step::Acknowledged(_) => {}
    }
}

/// What is in a file.
fn content(steps: &[Step], inode: Inode, keeps: Keeps, random: &mut StdRng) -> Vec<u8> {
    let durable = steps.iter().rev().find_map(|step| {
        let Step::Synced(of, began) = step else {
            return None;
        };
        (*of == inode).then_some(*began)
    });
    let durable = durable.unwrap_or(0);
    let mut bytes = Vec::new();
    for step in &steps[..durable] {
        apply(step, inode, &mut bytes, |_| true);
    }
    let later: Vec<_> = steps[durable..]
        .iter()
        .filter(|step| matches!(step, Step::Written(of, ..) | Step::Resized(of, _) if *of == inode))
        .collect();
    let whole = random.random_range(0..=later.len());
    let chance = f64::from(random.random_range(1..10_u8)) / 10.0;
    let mut last = bytes.len();
    for (index, step) in later.iter().enumerate() {
        if let Step::Written(_, at, written) = step {
            last = last.max(at + written.len());
        } else if let Step::Resized(_, length) = step {
            last = *length;
        }
        match keeps {
            Keeps::NoNames | Keeps::Everything => apply(step, inode, &mut bytes, |_| true),
            Keeps::TheFirst if index < whole => apply(step, inode, &mut bytes, |_| true),
            Keeps::TheFirst if index == whole => {
                let mut goes_on = true;
                apply(step, inode, &mut bytes, |_| {
                    goes_on = goes_on && random.random_bool(0.7);
                    goes_on
                });
            }
            Keeps::Nothing | Keeps::TheFirst => {}
            Keeps::Some | Keeps::SomeAndZeros => {
                apply(step, inode, &mut bytes, |_| random.random_bool(chance));
            }
        }
    }
    if matches!(keeps, Keeps::SomeAndZeros) && bytes.len() < last {
        bytes.resize(last, 0);
    }
    bytes
}

/// Does to the bytes of a file what this step did, as far as its sectors are kept.
fn apply(step: &Step, inode: Inode, bytes: &mut Vec<u8>, mut is_kept: impl FnMut(usize) -> bool) {
    if let Step::Resized(of, length) = step
        && *of == inode
        && is_kept(0)
    {
        bytes.resize(*length, 0);
    }
    let Step::Written(of, at, written) = step else {
        return;
    };
    if *of != inode {
        return;
    }
    let (mut from, end) = (*at, at + written.len());
    while from < end {
        let to = end.min((from / SECTOR_BYTES + 1) * SECTOR_BYTES);
        if is_kept(from / SECTOR_BYTES) {
            if bytes.len() < to {
                bytes.resize(to, 0);
            }
            bytes[from..to].copy_from_slice(&written[from - at..to - at]);
        }
        from = to;
    }
}
