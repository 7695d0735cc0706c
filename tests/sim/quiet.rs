//! The quiet hours of the simulated worlds: what truly waits for the morning, and what does not.

use std::time::Duration;

use hekate::model::{Entry, Kind, Severity};

use crate::world::World;

/// Every world begins at a quarter past two, and clocks are put back an hour; so long after that it is seven.
const MORNING: Duration = Duration::from_mins(345);
/// A tick is finer than a date.
const ROUNDING: Duration = Duration::from_secs(1);

impl World {
    /// Whether it can be said when this message is due: what of an incident of several can wait depends on all of them, and
    /// where a channel was taken out of the file, what it was to hear comes to `ops` as late as it would have come to it.
    pub(crate) fn is_due_known(&self, entry: &Entry) -> bool {
        let is_one = |entry: &Entry| entry.story.many.is_none();
        let is_another = entry.key.channel.as_str() == "ops" && !self.left_out.is_empty();
        self.minor.is_empty()
            || !is_another
                && is_one(entry)
                && self.of_incident(entry).all(|(_, other)| is_one(other))
    }

    /// When the morning has come and everybody has heard what waited for it, by the clock on the wall.
    pub(crate) fn when_all_is_heard(&self) -> Duration {
        let set_back = self.chronicle.works.set_back();
        if self.minor.is_empty() {
            self.now
        } else {
            MORNING + set_back + Duration::from_mins(30)
        }
    }

    /// When a message is due that was decided on at this time.
    pub(crate) fn due_at(&self, at: Duration, entry: &Entry) -> Duration {
        if self.waits(at, entry) || self.is_end_of_waiting(at, entry) {
            MORNING
        } else {
            at
        }
    }

    /// Whether a message of this time waits for the morning by itself.
    fn waits(&self, at: Duration, entry: &Entry) -> bool {
        let is_telling = matches!(entry.kind, Kind::Opened | Kind::Changed | Kind::Reminder);
        // What cannot be seen goes to those who look after hekate, and they do not sleep.
        let is_ours = entry.key.channel.as_str() == "ops";
        if !is_telling || is_ours || at >= MORNING || entry.story.severity == Severity::Disaster {
            return false;
        }
        // Whoever is not `master` is told by a route that lets nobody sleep.
        let can_wait = |title: &str| {
            let minor = self.minor.iter().filter(|id| id.starts_with("master/"));
            let mut titles = minor.map(|id| id.replacen('/', " ", 1));
            titles.any(|it| it == title)
        };
        let target = entry.story.target.as_ref();
        target.is_some_and(|id| can_wait(&id.as_str().replacen('/', " ", 1)))
    }

    /// Whether it is the end of something of which its channel has heard nothing yet, because that waits.
    fn is_end_of_waiting(&self, at: Duration, entry: &Entry) -> bool {
        let is_end = matches!(entry.kind, Kind::Recovered | Kind::Removed);
        let mut arrived = self.receiver.arrived.iter();
        let is_told = arrived.any(|arrived| {
            let mut keys = arrived.keys.iter();
            arrived.at <= at
                && arrived.channel == entry.key.channel
                && keys.any(|key| key.incident == entry.key.incident)
        });
        let mut before = self.of_incident(entry);
        is_end
            && !is_told
            && before
                .all(|(then, other)| then > at || self.waits(then, other) || other.key == entry.key)
    }

    /// What the channel of this message was to hear of its incident.
    fn of_incident(&self, entry: &Entry) -> impl Iterator<Item = (Duration, &Entry)> {
        let decided = self.chronicle.decided.iter();
        let (channel, incident) = (entry.key.channel.clone(), entry.key.incident.clone());
        decided
            .filter(move |(_, _, other)| {
                other.key.channel == channel && other.key.incident == incident
            })
            .map(|(at, _, other)| (*at, other))
    }
}

/// What was told in the night and could have waited.
pub(crate) fn agrees(world: &World, seed: u64) {
    // Dates that were moved say little of when the morning is.
    if world.minor.is_empty() || world.chronicle.works.is_moved() {
        return;
    }
    let mut faults = Vec::new();
    for (at, _, entry) in &world.chronicle.decided {
        if !world.is_due_known(entry) || !world.waits(*at, entry) {
            continue;
        }
        let arrived = world.receiver.arrived.iter();
        let mut arrived = arrived.filter(|arrived| arrived.keys.contains(&entry.key));
        let Some(arrived) = arrived.next().filter(|it| it.at + ROUNDING < MORNING) else {
            continue;
        };
        // What cannot wait takes along what came before it.
        let mut later = world.of_incident(entry);
        let is_taken_along = later.any(|(then, other)| {
            then <= arrived.at
                && !world.waits(then, other)
                && !world.is_end_of_waiting(then, other)
                && other.key.sequence >= entry.key.sequence
        });
        if !is_taken_along {
            faults.push(format!(
                "{:?} {:?} of {at:?} was told at {:?}: {}",
                entry.key, entry.kind, arrived.at, arrived.line
            ));
        }
    }
    assert!(
        faults.is_empty(),
        "nobody could sleep in the world with HEKATE_SIM_SEED={seed}:\n{}",
        faults.join("\n")
    );
}
