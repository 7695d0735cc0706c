//! The dead-man ping: an outside service hears of us as long as we do our work, and pages when it does not.
//!
//! A ping that is sent by a timer alone proves that a timer runs. This one is sent only while everything that a person
//! relies on is so: looks are begun and bring something back, changes can be stored, and messages get out.

use std::time::Duration;

use serde_json::json;

use crate::model::{Secret, Tick};

use super::sender::Sender;

/// A message may wait so long before we count as silent; below the patience of most dead-man services.
const WAIT_MAX: Duration = Duration::from_mins(5);

/// Blindness that lasts for so long is somebody else's to page for.
const BLIND_MAX: Duration = Duration::from_secs(30);

/// The shortest time in which looks are missed: intervals of a second may be exceeded now and then.
const LOOKS_WITHIN_MIN: Duration = Duration::from_secs(10);

/// What the decision rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeadManFacts {
    /// The time of the decision.
    pub now: Tick,
    /// The shortest interval of all checks.
    pub interval: Duration,
    /// When the schedule last gave out a look.
    pub scheduled_at: Option<Tick>,
    /// When a look last said something about its target, good or bad.
    pub looked_at: Option<Tick>,
    /// Whether the last commit succeeded.
    pub is_store_writable: bool,
    /// How long the oldest undelivered message has waited, parked ones not counted.
    pub oldest_waits: Option<Duration>,
    /// How long we have seen nothing, if we do not see now.
    pub blind_for: Option<Duration>,
    /// Critical messages that their channel refuses and that nobody is told of in their place.
    pub parked_critical: usize,
}

/// Whether the outside service may be told that all is well.
///
/// # Errors
///
/// Every reason against it, each a clause without a full stop.
pub fn may_ping(facts: &DeadManFacts) -> Result<(), Vec<&'static str>> {
    let patience = facts.interval.saturating_mul(2).max(LOOKS_WITHIN_MIN);
    // Before the first one it counts from the start: a restart is no silence where looks are an hour apart.
    let is_recent = |at: Option<Tick>| facts.now.since(at.unwrap_or(Tick::ZERO)) <= patience;
    let conditions = [
        (
            is_recent(facts.scheduled_at),
            "no look was begun for two intervals",
        ),
        (
            is_recent(facts.looked_at),
            "no look brought anything back for two intervals",
        ),
        (facts.is_store_writable, "the store cannot be written"),
        (
            facts.oldest_waits.is_none_or(|waits| waits < WAIT_MAX),
            "a message has waited for 5 min or longer",
        ),
        (
            facts.blind_for.is_none_or(|blind| blind < BLIND_MAX),
            "we have been blind for 30 s or longer",
        ),
        (
            facts.parked_critical == 0,
            "a critical message is refused by its channel, and nobody is told in its place",
        ),
    ];
    let against: Vec<_> = conditions
        .into_iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, words)| words)
        .collect();
    if against.is_empty() {
        Ok(())
    } else {
        Err(against)
    }
}

/// What a ping tells besides that it came.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Targets that are watched.
    pub targets: usize,
    /// Those of them that are not operational.
    pub not_operational: usize,
    /// Open incidents.
    pub incidents: usize,
    /// Messages that wait.
    pub waiting: usize,
    /// Messages that are refused.
    pub parked: usize,
}

/// Tells the outside service; a POST with the counts as JSON, or a GET if it does not take a POST.
///
/// # Errors
///
/// Why it was not told, in words without the address.
pub async fn ping(sender: &Sender, url: &Secret, counts: &Counts) -> Result<(), String> {
    let body = json!({
        "targets": counts.targets,
        "not_operational": counts.not_operational,
        "incidents": counts.incidents,
        "waiting": counts.waiting,
        "parked": counts.parked,
    });
    sender.ping(url, body.to_string()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Tick {
        Tick::ZERO + Duration::from_secs(seconds)
    }

    const WELL: DeadManFacts = DeadManFacts {
        now: Tick::from_micros(1_000_000_000),
        interval: Duration::from_secs(30),
        scheduled_at: Some(Tick::from_micros(990_000_000)),
        looked_at: Some(Tick::from_micros(940_000_000)),
        is_store_writable: true,
        oldest_waits: Some(Duration::from_secs(299)),
        blind_for: Some(Duration::from_secs(29)),
        parked_critical: 0,
    };

    #[test]
    fn all_has_to_hold() {
        assert_eq!(may_ping(&WELL), Ok(()));
        let facts = DeadManFacts {
            oldest_waits: None,
            ..WELL
        };
        assert_eq!(may_ping(&facts), Ok(()));
    }

    #[test]
    fn each_reason_alone_keeps_it_silent() {
        let cases = [
            (
                DeadManFacts {
                    scheduled_at: Some(at(939)),
                    ..WELL
                },
                "no look was begun for two intervals",
            ),
            (
                DeadManFacts {
                    scheduled_at: None,
                    ..WELL
                },
                "no look was begun for two intervals",
            ),
            (
                DeadManFacts {
                    looked_at: Some(at(939)),
                    ..WELL
                },
                "no look brought anything back for two intervals",
            ),
            (
                DeadManFacts {
                    looked_at: None,
                    ..WELL
                },
                "no look brought anything back for two intervals",
            ),
            (
                DeadManFacts {
                    is_store_writable: false,
                    ..WELL
                },
                "the store cannot be written",
            ),
            (
                DeadManFacts {
                    oldest_waits: Some(Duration::from_mins(5)),
                    ..WELL
                },
                "a message has waited for 5 min or longer",
            ),
            (
                DeadManFacts {
                    blind_for: Some(Duration::from_secs(30)),
                    ..WELL
                },
                "we have been blind for 30 s or longer",
            ),
            (
                DeadManFacts {
                    parked_critical: 1,
                    ..WELL
                },
                "a critical message is refused by its channel, and nobody is told in its place",
            ),
        ];
        for (facts, words) in cases {
            assert_eq!(may_ping(&facts), Err(vec![words]), "{facts:?}");
        }
    }

    #[test]
    fn a_start_is_given_the_time_of_two_intervals() {
        let facts = |seconds| DeadManFacts {
            now: at(seconds),
            interval: Duration::from_hours(1),
            scheduled_at: None,
            looked_at: None,
            ..WELL
        };
        assert_eq!(may_ping(&facts(7_200)), Ok(()));
        assert!(may_ping(&facts(7_201)).is_err());
    }

    #[test]
    fn a_moment_without_a_look_is_no_silence_even_if_looks_are_a_second_apart() {
        let facts = DeadManFacts {
            interval: Duration::from_secs(1),
            scheduled_at: Some(at(995)),
            looked_at: Some(at(990)),
            ..WELL
        };
        assert_eq!(may_ping(&facts), Ok(()));
    }

    #[test]
    fn all_reasons_are_said_at_once() {
        let facts = DeadManFacts {
            scheduled_at: None,
            looked_at: None,
            parked_critical: 3,
            ..WELL
        };
        assert_eq!(may_ping(&facts).map_err(|against| against.len()), Err(3));
    }
}
