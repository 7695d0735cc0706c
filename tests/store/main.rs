//! The store against a hostile world: kills, damaged files, full and read-only disks.

mod compaction;
mod copies;
mod corruption;
mod disk;
mod kill;
mod power;
mod records;
mod releases;

use std::{path::Path, time::Duration};

use hekate::model::plan::StoreSettings;

/// A store in this folder.
fn settings(path: &Path) -> StoreSettings {
    StoreSettings {
        path: path.to_path_buf(),
        retention: Duration::from_hours(400 * 24),
    }
}
