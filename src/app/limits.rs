//! What the machine allows, and how many looks at once follow from it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::model::Plan;

/// Descriptors kept for everything but looks: the store, the listener, its connections, messages.
const RESERVED: u64 = 768;
/// A look over both address families holds two sockets while they race.
const DESCRIPTORS_A_LOOK: u64 = 2;
/// Above this, more looks at once only cost memory.
const LOOKS_MAX: u64 = 20_000;

/// Raises the limit of open files as far as we may, and says how many looks may be in flight at once; tells the log if
/// that is fewer than this fleet may need.
pub(super) fn looks_at_once(plan: &Plan) -> usize {
    let limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum || limit.maximum.is_none() {
        let wanted = Rlimit {
            current: limit.maximum.or(Some(1 << 20)),
            maximum: limit.maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, wanted) {
            tracing::debug!(%error, "the limit of open files could not be raised");
        }
    }
    let Room {
        looks,
        needed,
        files,
        allowed,
    } = Room::of(plan, getrlimit(Resource::Nofile).current);
    if needed > looks {
        tracing::warn!(
            event = "limits.low",
            looks,
            needed,
            "if every target hung until its timeout, looks would have to wait for each other: {needed} would be in flight and \
             {allowed} open files are enough for {looks}; a limit of {files} (`LimitNOFILE=`, `ulimit -n`) is enough for all"
        );
    }
    usize::try_from(looks).unwrap_or(8)
}

/// What the limit of open files allows, and what a fleet needs if all of it hangs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Room {
    /// So many looks may be in flight at once.
    pub(crate) looks: u64,
    /// So many are if every look takes its whole time.
    pub(crate) needed: u64,
    /// So many open files are enough for that.
    pub(crate) files: u64,
    /// So many open files are allowed.
    pub(crate) allowed: u64,
}

impl Room {
    /// Of this limit of open files; absent: there is none.
    fn of(plan: &Plan, limit: Option<u64>) -> Self {
        let allowed = limit.unwrap_or(u64::MAX);
        let looks = allowed.saturating_sub(RESERVED.min(allowed / 2)) / DESCRIPTORS_A_LOOK;
        let needed = looks_if_all_hang(plan);
        Self {
            looks: looks.clamp(8, LOOKS_MAX),
            needed,
            files: needed * DESCRIPTORS_A_LOOK + RESERVED,
            allowed,
        }
    }

    /// As a hekate has it that is started from here, which raises its limit as far as it may.
    pub(crate) fn here(plan: &Plan) -> Self {
        Self::of(plan, getrlimit(Resource::Nofile).maximum)
    }
}

/// How many looks are in flight at once while every look takes its whole time; at most one of each check.
fn looks_if_all_hang(plan: &Plan) -> u64 {
    let checks = plan.targets.iter().flat_map(|target| &target.checks);
    let thousandths: u128 = checks
        .map(|check| {
            let interval = check.policy.interval.as_millis().max(1);
            (check.policy.timeout.as_millis() * 1_000 / interval).min(1_000)
        })
        .sum();
    u64::try_from(thousandths.div_ceil(1_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::config::{self, Environment};

    #[test]
    fn a_fleet_that_hangs_needs_its_share_of_time_of_each_look() {
        let mut text = String::from(
            "channels: { ops: \"https://hooks.example.test/x\" }\ndefaults: { interval: 10s, timeout: 5s }\ntargets:\n",
        );
        for number in 0..41 {
            writeln!(
                text,
                "  - {{ name: t{number}, health: \"https://t{number}.example.test/\" }}"
            )
            .unwrap();
        }
        let outcome = config::load_text("targets.yaml", &text, &Environment::default());
        let plan = outcome.plan.expect("nothing is wrong with it");
        assert_eq!(looks_if_all_hang(&plan), 21);
    }
}
