//! From a name to its addresses, every time anew; the last good ones are kept for when the resolver is in trouble.

use std::{
    collections::HashMap,
    fmt, io,
    net::{IpAddr, ToSocketAddrs as _},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::io::Errno;
use tokio::sync::Semaphore;

use crate::model::{FailureKind, GapKind, Outcome, Tick};

use super::{
    limits::{Limits, RESOLVE},
    trouble,
};

/// How many names are looked up at once. Each one holds a thread until the system's resolver gives up, which can take
/// half a minute; above this number looks wait, and end as "the resolver does not answer".
const LOOKUPS_MAX: usize = 64;
/// How long the last good addresses may stand in for an answer. Longer, and we would watch a machine that moved.
const REMEMBERED_FOR: Duration = Duration::from_mins(10);
/// How long trouble with one name makes "no such name" for another one doubtful, unless an answer came since.
const DOUBTFUL_FOR: Duration = Duration::from_mins(1);

/// A way from a name to its addresses; it may block, it runs on a thread of its own.
///
/// "No such name" is an error of kind [`io::ErrorKind::NotFound`] or an empty list; every other error means that the
/// resolver is in trouble.
#[derive(Clone)]
pub struct Lookup(Arc<Find>);

type Find = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

impl Lookup {
    /// This machine's resolver: hosts file, DNS and whatever else it is set up with.
    pub fn system() -> Self {
        Self::new(|name| {
            let found = (name, 0).to_socket_addrs().map_err(|error| {
                if says_no_such_name(&error) {
                    io::Error::new(io::ErrorKind::NotFound, error)
                } else {
                    error
                }
            })?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }

    /// Another way, such as a table.
    pub fn new(find: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").finish_non_exhaustive()
    }
}

/// The C library tells the two apart by a number that the standard library keeps to itself, so its text has to do.
/// Nothing sets a locale in this process, so the text is English.
///
/// Source: the messages of `gai_strerror` for `EAI_NONAME` and `EAI_NODATA` in glibc, musl and Apple's libc.
fn says_no_such_name(error: &io::Error) -> bool {
    const NO_SUCH_NAME: [&str; 5] = [
        "Name or service not known",
        "No address associated with hostname",
        "Name does not resolve",
        "Name has no usable address",
        "nodename nor servname provided",
    ];
    let text = error.to_string();
    error.raw_os_error().is_none() && NO_SUCH_NAME.iter().any(|phrase| text.contains(phrase))
}

/// What a name led to.
pub(in crate::probe) struct Resolved {
    pub(in crate::probe) addresses: Arc<[IpAddr]>,
    /// Whether these are the last good ones, because the resolver is in trouble.
    pub(in crate::probe) is_remembered: bool,
}

/// Resolves names, a bounded number at once, and remembers what it found.
pub(in crate::probe) struct Resolver {
    lookup: Lookup,
    permits: Arc<Semaphore>,
    memory: Mutex<HashMap<Arc<str>, Remembered>>,
    /// Microseconds; 0 = never.
    answered_at: AtomicU64,
    troubled_at: AtomicU64,
}

struct Remembered {
    addresses: Arc<[IpAddr]>,
    at: Tick,
}

/// Why there are no addresses.
enum Trouble {
    /// The resolver says so.
    NoSuchName,
    /// The resolver is at fault; the outcome if nothing is remembered.
    Resolver(Outcome),
}

impl Resolver {
    pub(in crate::probe) fn new(lookup: Lookup) -> Self {
        Self {
            lookup,
            permits: Arc::new(Semaphore::new(LOOKUPS_MAX)),
            memory: Mutex::new(HashMap::new()),
            answered_at: AtomicU64::new(0),
            troubled_at: AtomicU64::new(0),
        }
    }

    /// The addresses of `name`: fresh ones, else those of the last ten minutes.
    pub(in crate::probe) async fn resolve(
        &self,
        name: &Arc<str>,
        limits: &mut Limits<'_>,
    ) -> Result<Resolved, Outcome> {
        let asked = self.ask(name, limits).await;
        let now = limits.clock.now().tick;
        match asked {
            Ok(addresses) => {
                self.answered_at.store(now.as_micros(), Ordering::Relaxed);
                let addresses = self.remember(name, addresses, now);
                Ok(Resolved {
                    addresses,
                    is_remembered: false,
                })
            }
            Err(Trouble::NoSuchName) => Err(self.no_such_name(name, now)),
            Err(Trouble::Resolver(outcome)) => {
                self.troubled_at.store(now.as_micros(), Ordering::Relaxed);
                let addresses = self.recall(name, now).ok_or(outcome)?;
                Ok(Resolved {
                    addresses,
                    is_remembered: true,
                })
            }
        }
    }

    async fn ask(&self, name: &Arc<str>, limits: &mut Limits<'_>) -> Result<Vec<IpAddr>, Trouble> {
        // Half of the look is left for the target, should the last known address have to do.
        let at_most = RESOLVE.min(limits.whole / 2);
        let looked_up = limits.run(at_most, async {
            let permit = Arc::clone(&self.permits)
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            let lookup = self.lookup.clone();
            let name = Arc::clone(name);
            // The permit goes with the thread: a look that gives up does not free a thread that still waits.
            tokio::task::spawn_blocking(move || {
                let found = lookup.0(&name);
                drop(permit);
                found
            })
            .await
        });
        match looked_up.await {
            Ok(Ok(Ok(addresses))) if addresses.is_empty() => Err(Trouble::NoSuchName),
            Ok(Ok(Ok(addresses))) => Ok(addresses),
            Ok(Ok(Err(error))) if error.kind() == io::ErrorKind::NotFound => {
                Err(Trouble::NoSuchName)
            }
            Ok(Ok(Err(error))) => Err(Trouble::Resolver(resolver_outcome(name, &error))),
            Ok(Err(_stopped)) => Err(Trouble::Resolver(trouble::gap(
                GapKind::Resolver,
                format!("looking up {name} broke off"),
            ))),
            Err(expired) => Err(Trouble::Resolver(expired.accuse(|| {
                trouble::gap(
                    GapKind::Resolver,
                    format!(
                        "the resolver did not answer for {name} within {}",
                        trouble::span(expired.limit)
                    ),
                )
            }))),
        }
    }

    /// "No such name" is believed from a resolver that works: one that answered since it was last in trouble.
    fn no_such_name(&self, name: &str, now: Tick) -> Outcome {
        let troubled_at = Tick::from_micros(self.troubled_at.load(Ordering::Relaxed));
        let answered_at = Tick::from_micros(self.answered_at.load(Ordering::Relaxed));
        if troubled_at > answered_at && now.since(troubled_at) < DOUBTFUL_FOR {
            return trouble::gap(
                GapKind::Resolver,
                format!("the resolver is failing, and says that there is no name {name}"),
            );
        }
        trouble::silent(
            FailureKind::NameNotFound,
            format!("there is no name {name}"),
        )
    }

    fn remember(&self, name: &Arc<str>, addresses: Vec<IpAddr>, now: Tick) -> Arc<[IpAddr]> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = memory.get_mut(name) {
            known.at = now;
            if *known.addresses != *addresses {
                known.addresses = addresses.into();
            }
            return Arc::clone(&known.addresses);
        }
        // As many as the next power of two are added before somebody looks for those that nobody asks for any more.
        if memory.len() >= 64 && memory.len().is_power_of_two() {
            memory.retain(|_, known| now.since(known.at) <= REMEMBERED_FOR);
        }
        let addresses: Arc<[IpAddr]> = addresses.into();
        memory.insert(
            Arc::clone(name),
            Remembered {
                addresses: Arc::clone(&addresses),
                at: now,
            },
        );
        addresses
    }

    fn recall(&self, name: &Arc<str>, now: Tick) -> Option<Arc<[IpAddr]>> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory
            .get(name)
            .filter(|known| now.since(known.at) <= REMEMBERED_FOR)
            .map(|known| Arc::clone(&known.addresses))
    }
}

fn resolver_outcome(name: &str, error: &io::Error) -> Outcome {
    if let Some(own) = Errno::from_io_error(error).and_then(trouble::own_resources) {
        return own;
    }
    trouble::gap(
        GapKind::Resolver,
        format!("the resolver fails for {name}: {}", trouble::plain(error)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_words_for_no_such_name_accuse_the_name() {
        for text in [
            "failed to lookup address information: Name or service not known",
            "failed to lookup address information: No address associated with hostname",
            "failed to lookup address information: Name does not resolve",
            "failed to lookup address information: nodename nor servname provided, or not known",
        ] {
            assert!(says_no_such_name(&io::Error::other(text)), "{text}");
        }
        for text in [
            "failed to lookup address information: Temporary failure in name resolution",
            "failed to lookup address information: Try again",
            "failed to lookup address information: Non-recoverable failure in name resolution",
            "failed to lookup address information: System error",
        ] {
            assert!(!says_no_such_name(&io::Error::other(text)), "{text}");
        }
    }
}
