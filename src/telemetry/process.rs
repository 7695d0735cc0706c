//! What the system knows of this process, under the names that all Prometheus clients use.
//!
//! Read from `/proc` when somebody asks; where there is none, nothing is said.

use std::{fmt, fs};

use prometheus_client::{encoding::DescriptorEncoder, metrics::MetricType};

/// Adds what can be read.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let mut gauge = |name, help, value: Option<u64>| match value {
        Some(value) => encoder
            .encode_descriptor(name, help, None, MetricType::Gauge)?
            .encode_gauge(&value),
        None => Ok(()),
    };
    gauge(
        "process_resident_memory_bytes",
        "Resident memory size in bytes",
        resident_bytes(&read("status")),
    )?;
    gauge(
        "process_open_fds",
        "Number of open file descriptors",
        open_files(),
    )?;
    gauge(
        "process_max_fds",
        "Maximum number of open file descriptors",
        open_files_max(&read("limits")),
    )
}

fn read(name: &str) -> String {
    fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default()
}

/// `VmRSS:     12345 kB`
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

fn open_files() -> Option<u64> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    // One of them is the folder that is being read.
    u64::try_from(open.saturating_sub(1)).ok()
}

/// `Max open files            1024                 524288               files`; the soft limit is the one that holds.
fn open_files_max(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_system_are_understood() {
        let status = "Name:\thekate\nVmHWM:\t  99999 kB\nVmRSS:\t   12345 kB\nThreads:\t3\n";
        assert_eq!(resident_bytes(status), Some(12_641_280));
        let limits = "Max processes  1 1 processes\nMax open files            1024                 524288               files\n";
        assert_eq!(open_files_max(limits), Some(1_024));
        assert_eq!(
            open_files_max("Max open files  unlimited  unlimited  files"),
            None
        );
        for nonsense in [
            "",
            "VmRSS:",
            "VmRSS: x kB",
            "VmRSS: 18446744073709551615 kB",
            "Max open files",
        ] {
            assert_eq!(resident_bytes(nonsense), None);
            assert_eq!(open_files_max(nonsense), None);
        }
    }
}
