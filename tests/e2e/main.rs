//! The real binary, on loopback and in real time: what types and simulation cannot promise.
//!
//! Signals, kills, a full disk, damaged files, a Slack that misbehaves, a thousand targets, certificates, exit codes, networks
//! that are cut, lose packets or have no resolver, clocks that jump. What needs a program or a right that is not there says
//! `SKIPPED, NOT TESTED` aloud; with `HEKATE_REQUIRE_SERVERS=1` a missing program is a failure.
//! Waiting is always for an event, with a limit that only a fault reaches. The heavy tests run few rounds unless told
//! otherwise:
//!
//! | variable | what | default |
//! |---|---|---|
//! | `HEKATE_E2E_KILLS` | how often hekate is killed with fifty incidents in flight | 8 |
//! | `HEKATE_E2E_KILL_POINTS` | at how many steps of a commit hekate is killed | 4 |
//! | `HEKATE_E2E_CORRUPTIONS` | in how many ways files of the store are damaged | 8 |
//! | `HEKATE_E2E_STOP_SECONDS` | for how long hekate is frozen | 4 |
//! | `HEKATE_E2E_SEED` | the chance of all of these; printed by every run | new each time |

mod actions;
mod availability;
mod bot;
mod certificates;
mod chance;
#[cfg(feature = "socket_mode")]
mod clicks;
mod clocks;
mod corruption;
mod crowd;
mod discovery;
mod doctor;
#[cfg(feature = "socket_mode")]
mod door;
mod endings;
mod flapping;
#[cfg(feature = "socket_mode")]
mod forms;
mod freeze;
mod full_disk;
mod home;
#[path = "../probe/hostile/mod.rs"]
mod hostile;
mod hostile_fleet;
mod jenkins;
mod jobs;
mod kill_points;
mod kills;
#[cfg(all(feature = "demo", feature = "websocket"))]
mod latencies;
mod logs;
mod network;
mod outage;
mod page_copy;
mod planned;
#[cfg(all(feature = "demo", feature = "websocket"))]
mod preview;
mod receiver;
mod releases;
mod reload;
mod reload_ways;
mod rights;
mod secrets;
mod sick_disk;
mod slack_troubles;
mod slash;
mod slash_planned;
#[cfg(feature = "socket_mode")]
mod socket_mode;
#[cfg(feature = "socket_mode")]
mod spoken;
#[cfg(all(feature = "demo", feature = "websocket"))]
mod status_page;
mod strace;
#[cfg(feature = "socket_mode")]
mod strangers;
mod swap;
mod systemd;
mod targets;
#[cfg(feature = "top")]
mod top;
mod wait;
mod wire;
