//! What the machine allows, and how many looks at once follow from it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors kept for everything but looks: the store, the listener, its connections, messages.
const RESERVED: u64 = 512;
/// A look over both address families holds two sockets while they race.
const DESCRIPTORS_A_LOOK: u64 = 2;
/// Above this, more looks at once only cost memory.
const LOOKS_MAX: u64 = 20_000;

/// Raises the limit of open files as far as we may, and says how many looks may be in flight at once.
pub(super) fn looks_at_once() -> usize {
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
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let looks = allowed.saturating_sub(RESERVED.min(allowed / 2)) / DESCRIPTORS_A_LOOK;
    usize::try_from(looks.clamp(8, LOOKS_MAX)).unwrap_or(8)
}
