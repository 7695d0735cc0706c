//! A pretend store, pretend receivers and virtual time for the tests of the courier; it checks at every step what has
//! always to hold, and keeps a diary that reads like what people in the channels saw.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
    time::Duration,
};

use crate::model::{
    Batch, Channel, ChannelName, Delivery, Entry, EntryKey, EntryState, IncidentId, Kind, Living,
    Moment, Phases, Reason, Rule, Secret, Severity, Spot, Story, Tick, Timestamp, Verdict,
    plan::Destination,
};

use super::{Courier, Parcel, Step, Trouble, Way, is_closing, workspace::Workspace};
use crate::notify::errand::Errand;

/// What a pretend receiver does with one attempt.
#[derive(Clone, Debug)]
pub(super) struct Fate {
    /// How long the answer takes.
    pub(super) takes: Duration,
    /// Whether the message is there, whatever the answer says.
    pub(super) arrives: bool,
    pub(super) delivery: Delivery,
}

impl Fate {
    pub(super) fn accept() -> Self {
        Self {
            takes: Duration::from_millis(200),
            arrives: true,
            delivery: Delivery::Accepted,
        }
    }

    pub(super) fn no_connection() -> Self {
        Self {
            takes: Duration::from_millis(5),
            arrives: false,
            delivery: Delivery::Retry {
                after: None,
                is_throttled: false,
                why: String::from("connection refused"),
            },
        }
    }

    pub(super) fn throttle(after: Option<u64>) -> Self {
        Self {
            takes: Duration::from_millis(100),
            arrives: false,
            delivery: Delivery::Retry {
                after: after.map(Duration::from_secs),
                is_throttled: true,
                why: String::from("HTTP 429"),
            },
        }
    }

    pub(super) fn lost_answer(arrives: bool) -> Self {
        Self {
            takes: Duration::from_secs(10),
            arrives,
            delivery: Delivery::Unsure {
                why: String::from("no answer within 10 s"),
            },
        }
    }

    /// The task that sends it died.
    pub(super) fn nobody_answers() -> Self {
        Self {
            takes: Duration::MAX,
            ..Self::lost_answer(true)
        }
    }

    pub(super) fn server_error() -> Self {
        Self {
            takes: Duration::from_millis(100),
            arrives: false,
            delivery: Delivery::Unsure {
                why: String::from("HTTP 503"),
            },
        }
    }

    pub(super) fn gone() -> Self {
        Self {
            takes: Duration::from_millis(100),
            arrives: false,
            delivery: Delivery::Refused {
                why: String::from("HTTP 404, no_service"),
                is_malformed: false,
            },
        }
    }

    pub(super) fn malformed() -> Self {
        Self {
            takes: Duration::from_millis(100),
            arrives: false,
            delivery: Delivery::Refused {
                why: String::from("HTTP 400, invalid_blocks"),
                is_malformed: true,
            },
        }
    }

    fn word(&self) -> String {
        match &self.delivery {
            Delivery::Refused {
                is_malformed: true, ..
            } => String::from("malformed"),
            Delivery::Accepted
            | Delivery::Posted(_)
            | Delivery::Retry { .. }
            | Delivery::Unsure { .. }
            | Delivery::Refused { .. } => String::from(self.delivery.as_str()),
        }
    }
}

/// One message as it is in a channel for people to read.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) channel: ChannelName,
    pub(super) keys: Vec<EntryKey>,
    pub(super) kinds: Vec<Kind>,
    pub(super) is_repeat: bool,
    /// The message, if a bot posted it.
    pub(super) spot: Option<Spot>,
}

pub(super) struct World {
    pub(super) courier: Courier,
    pub(super) channels: BTreeMap<ChannelName, Channel>,
    /// Time since the beginning, which neither restarts nor jumps.
    pub(super) time: Duration,
    /// When the process that runs now was started.
    started: Duration,
    /// What the wall clock says at time zero, in milliseconds; changed by a jump.
    pub(super) wall_millis: i64,
    /// The outbox as it is on disk, by order of writing.
    pub(super) outbox: Vec<Entry>,
    pub(super) finished: BTreeMap<EntryKey, &'static str>,
    /// The living messages as they are on disk.
    pub(super) living: Vec<Living>,
    /// The Slack of those channels that a bot tells.
    pub(super) slack: Workspace,
    /// Answers that are still to come.
    pub(super) answers: Vec<(Duration, EntryKey, Fate)>,
    pub(super) arrivals: Vec<Arrival>,
    /// What the engine has stored of them.
    pub(super) stand_ins: Vec<(IncidentId, ChannelName)>,
    /// What is on its way to the engine, and when it will be stored there.
    noting: Vec<(Duration, IncidentId, ChannelName)>,
    /// How long the engine takes for that.
    pub(super) engine_takes: Duration,
    last_begin: BTreeMap<ChannelName, Duration>,
    /// Keys whose last attempt in that channel may have arrived.
    unsure: BTreeSet<EntryKey>,
    pub(super) diary: String,
    pub(super) troubles: Vec<Trouble>,
    /// The process dies after so many more steps, if it is to die.
    pub(super) dies_after: Option<u32>,
    /// Leaves out of the diary what only repeats the line before.
    pub(super) is_brief: bool,
    /// Until when it is quiet: what is told then and does not end anything waits.
    pub(super) quiet_until: Option<Duration>,
    last_lines: BTreeMap<ChannelName, String>,
    seed: u64,
}

pub(super) fn channel(name: &str, fallback: Option<&str>) -> Channel {
    Channel {
        name: ChannelName::new(name),
        label: None,
        destination: Destination::SlackWebhook {
            url: Secret::new(format!("https://hooks.example.test/{name}")),
        },
        fallback: fallback.map(ChannelName::new),
        max_messages: None,
    }
}

/// A channel that a bot tells, with or without a webhook for when the bot is refused.
pub(super) fn bot_channel(name: &str, fallback: Option<&str>, has_spare: bool) -> Channel {
    Channel {
        destination: Destination::SlackBot {
            channel: format!("#{name}"),
            token: Secret::new("xoxb-1"),
            base_url: String::from("https://slack.example.test"),
            spare: has_spare.then(|| Secret::new(format!("https://hooks.example.test/{name}"))),
        },
        ..channel(name, fallback)
    }
}

pub(super) fn entry(
    incident: &str,
    sequence: u32,
    channel: &ChannelName,
    kind: Kind,
    severity: Severity,
    at: Timestamp,
) -> Entry {
    Entry {
        key: EntryKey {
            incident: IncidentId::new(incident),
            sequence,
            channel: channel.clone(),
        },
        kind,
        created_at: at,
        mention: None,
        story: Arc::new(Story {
            target: None,
            title: format!("the {incident}"),
            icon: None,
            severity,
            check: None,
            from: Verdict::Operational,
            to: Verdict::Down,
            since: at,
            decided_at: at,
            reason: Reason {
                rule: Rule::Counted,
                words: String::from("HTTP 503"),
            },
            looks_for: 3,
            looks_of: 3,
            phases: Phases::default(),
            detail: None,
            last_good: None,
            outage: None,
            runbook_url: None,
            also_told: Vec::new(),
            siblings: Vec::new(),
            log: None,
            role: None,
            many: None,
            notes: Vec::new(),
            flapping: None,
            attended: (kind == Kind::Noted).then(Box::default),
        }),
        state: EntryState::Queued,
        attempts: 0,
        held_until: None,
        instead_of: None,
    }
}

impl World {
    pub(super) fn new(seed: u64, channels: &[Channel]) -> Self {
        let channels: BTreeMap<_, _> = channels
            .iter()
            .map(|channel| (channel.name.clone(), channel.clone()))
            .collect();
        let mut world = Self {
            courier: Courier::new(seed),
            channels,
            time: Duration::ZERO,
            started: Duration::ZERO,
            wall_millis: 1_769_846_400_000, // 2026-01-31 08:00:00
            outbox: Vec::new(),
            finished: BTreeMap::new(),
            living: Vec::new(),
            slack: Workspace::new(),
            answers: Vec::new(),
            arrivals: Vec::new(),
            stand_ins: Vec::new(),
            noting: Vec::new(),
            engine_takes: Duration::ZERO,
            last_begin: BTreeMap::new(),
            unsure: BTreeSet::new(),
            diary: String::new(),
            troubles: Vec::new(),
            dies_after: None,
            is_brief: false,
            quiet_until: None,
            last_lines: BTreeMap::new(),
            seed,
        };
        world.configure();
        world
    }

    pub(super) fn now(&self) -> Moment {
        Moment {
            tick: Tick::ZERO + self.time.saturating_sub(self.started),
            at: Timestamp::from_millis(self.wall_millis) + self.time,
        }
    }

    pub(super) fn configure(&mut self) {
        let ops = ChannelName::new("ops");
        let ops = self.channels.contains_key(&ops).then_some(&ops);
        self.courier.configure(self.now(), &self.channels, ops);
    }

    /// Commits an entry and hands it to the courier, as the engine does.
    pub(super) fn tell(
        &mut self,
        incident: &str,
        sequence: u32,
        channel: &str,
        kind: Kind,
        severity: Severity,
    ) {
        self.tell_all(
            incident,
            sequence,
            &[ChannelName::new(channel)],
            kind,
            severity,
        );
    }

    /// The same of an entry that is made already.
    pub(super) fn tell_entry(&mut self, entry: Entry) {
        self.write(&entry);
        self.courier.enqueue(self.now(), entry);
    }

    /// The same of how something goes on that people have done.
    pub(super) fn tell_account(
        &mut self,
        incident: &str,
        sequence: u32,
        channel: &str,
        kind: Kind,
    ) {
        let channel = ChannelName::new(channel);
        let at = self.now().at;
        let mut entry = entry(incident, sequence, &channel, kind, Severity::Info, at);
        entry.story = Arc::new(Story::plain(
            format!("@alice restarts the {incident}"),
            format!("step {sequence}"),
            at,
        ));
        self.tell_entry(entry);
    }

    /// The same to several channels, in one commit.
    pub(super) fn tell_all(
        &mut self,
        incident: &str,
        sequence: u32,
        channels: &[ChannelName],
        kind: Kind,
        severity: Severity,
    ) {
        let entries: Vec<_> = channels
            .iter()
            .map(|channel| {
                let mut entry = entry(incident, sequence, channel, kind, severity, self.now().at);
                let others = channels.iter().filter(|other| *other != channel);
                Arc::make_mut(&mut entry.story).also_told = others.cloned().collect();
                let is_held = !is_closing(kind) && kind != Kind::Notice && kind != Kind::Noted;
                let until = self
                    .quiet_until
                    .filter(|until| is_held && *until > self.time);
                entry.held_until =
                    until.map(|until| Timestamp::from_millis(self.wall_millis) + until);
                entry
            })
            .collect();
        for entry in &entries {
            self.write(entry);
        }
        for entry in entries {
            self.courier.enqueue(self.now(), entry);
        }
    }

    /// A crash and a new process after `down`. What was on its way is answered by nobody.
    pub(super) fn restart(&mut self, down: Duration) {
        self.note("restart");
        self.dies_after = None;
        self.answers.clear();
        self.noting.clear();
        self.time += down;
        self.started = self.time;
        self.seed += 1;
        self.courier = Courier::new(self.seed);
        self.configure();
        for entry in &self.outbox {
            if entry.state.clone().after_crash() != entry.state {
                self.unsure.insert(entry.key.clone());
            }
        }
        self.courier.restore_living(self.living.clone());
        self.courier.restore(self.now(), self.outbox.clone());
    }

    /// Lets time pass until `end`; `fate` decides every attempt.
    pub(super) fn run(&mut self, end: Duration, mut fate: impl FnMut(Duration, &Parcel) -> Fate) {
        let mut rounds_at = (self.time, 0);
        loop {
            let steps = self.courier.poll(self.now());
            self.carry_out(steps, &mut fate);
            if self.dies_after == Some(0) {
                return;
            }
            let deadline = self
                .courier
                .next_deadline()
                .map(|tick| self.started + tick.since(Tick::ZERO));
            let answer = self.answers.iter().map(|(at, ..)| *at).min();
            let noted = self.noting.iter().map(|(at, ..)| *at).min();
            let Some(next) = [deadline, answer, noted].into_iter().flatten().min() else {
                break;
            };
            let next = next.max(self.time);
            rounds_at = if next == rounds_at.0 {
                (next, rounds_at.1 + 1)
            } else {
                (next, 0)
            };
            assert!(rounds_at.1 < 1_000, "it wakes for nothing\n{}", self.diary);
            if next > end {
                break;
            }
            self.time = next;
            self.note_stand_ins();
            while let Some(place) = self.answers.iter().position(|(at, ..)| *at <= self.time) {
                let (_, key, fate_of_it) = self.answers.remove(place);
                let steps = self
                    .courier
                    .delivered(self.now(), &key, fate_of_it.delivery);
                self.carry_out(steps, &mut fate);
            }
        }
        self.time = self.time.max(end);
    }

    fn carry_out(&mut self, steps: Vec<Step>, fate: &mut impl FnMut(Duration, &Parcel) -> Fate) {
        for step in steps {
            if let Some(left) = &mut self.dies_after {
                if *left == 0 {
                    return;
                }
                *left -= 1;
            }
            match step {
                Step::Send { mark, parcel } => {
                    self.commit(mark);
                    if self.dies_after == Some(0) {
                        return;
                    }
                    if self.is_by_bot(&parcel) {
                        self.send_by_bot(&parcel);
                    } else {
                        let fate = fate(self.time, &parcel);
                        self.send(&parcel, fate);
                    }
                }
                Step::Commit(batch) => self.commit(batch),
                Step::Report(trouble) => {
                    self.note(&format!("ops hears: {trouble:?}"));
                    self.troubles.push(trouble);
                }
                Step::StandsIn {
                    incident, channel, ..
                } => {
                    let at = self.time.saturating_add(self.engine_takes);
                    self.noting.push((at, incident, channel));
                }
            }
        }
    }

    /// The engine stores who has to hear of an end, and says so.
    fn note_stand_ins(&mut self) {
        while let Some(place) = self.noting.iter().position(|(at, ..)| *at <= self.time) {
            let (_, incident, channel) = self.noting.remove(place);
            self.courier.noted(&incident, &channel);
            self.stand_ins.push((incident, channel));
        }
    }

    fn commit(&mut self, batch: Batch) {
        for entry in &batch.entries {
            self.write(entry);
        }
        for living in batch.living {
            self.living.retain(|other| {
                other.incident != living.incident || other.channel != living.channel
            });
            if living.spot.is_some() {
                self.living.push(living);
            }
        }
        for finished in batch.finished {
            self.outbox.retain(|entry| entry.key != finished.key);
            let before = self.finished.insert(finished.key.clone(), finished.how);
            assert_eq!(
                before, None,
                "{:?} ended twice\n{}",
                finished.key, self.diary
            );
        }
    }

    fn write(&mut self, entry: &Entry) {
        if entry.instead_of.is_some() && entry.state.is_unsure() {
            // Whether it was told here in an earlier life is not known, and it says so.
            self.finished.remove(&entry.key);
        }
        assert!(
            !self.finished.contains_key(&entry.key),
            "{entry:?} comes back after its end, {}\n{}",
            self.finished[&entry.key],
            self.diary
        );
        match self.outbox.iter_mut().find(|other| other.key == entry.key) {
            Some(other) => other.clone_from(entry),
            None => self.outbox.push(entry.clone()),
        }
    }

    fn send(&mut self, parcel: &Parcel, fate: Fate) {
        self.check_begin(parcel);
        let keys: Vec<_> = parcel
            .entries
            .iter()
            .map(|entry| entry.key.clone())
            .collect();
        let mut line = format!("{} <-", parcel.channel);
        for entry in &parcel.entries {
            let _ = write!(line, " {} {}", entry.key.incident, entry.kind.as_str());
            if let Some(origin) = &entry.instead_of {
                let _ = write!(line, " (for {origin})");
            }
        }
        if parcel.is_plain {
            line.push_str(", plain");
        }
        if parcel.is_repeat {
            line.push_str(", repeat");
        }
        if let Some(late) = &parcel.late {
            let _ = write!(line, ", {} s late because {}", late.by.as_secs(), late.why);
        }
        let is_news = self
            .last_lines
            .insert(parcel.channel.clone(), format!("{keys:?} {}", fate.word()))
            .is_none_or(|before| before != format!("{keys:?} {}", fate.word()));
        let _ = write!(line, " => {}", fate.word());
        if is_news || !self.is_brief {
            self.note(&line);
        }
        if fate.arrives {
            self.arrive(&parcel.entries, parcel.is_repeat, None);
        }
        for key in keys {
            match &fate.delivery {
                Delivery::Unsure { .. } => self.unsure.insert(key),
                Delivery::Accepted
                | Delivery::Posted(_)
                | Delivery::Retry { .. }
                | Delivery::Refused { .. } => fate.arrives && self.unsure.insert(key),
            };
        }
        if fate.takes < Duration::MAX {
            self.answers
                .push((self.time + fate.takes, parcel.key.clone(), fate));
        }
    }

    fn is_by_bot(&self, parcel: &Parcel) -> bool {
        let channel = self.channels.get(&parcel.channel);
        channel.is_some_and(|channel| match channel.destination {
            Destination::SlackBot { .. } => parcel.way != Way::Spare,
            Destination::SlackWebhook { .. } | Destination::SignedWebhook { .. } => false,
        })
    }

    fn send_by_bot(&mut self, parcel: &Parcel) {
        self.check_begin(parcel);
        // Slack's clock is right, whatever ours says.
        let at = Timestamp::from_millis(1_769_846_400_000) + self.time;
        let mut errand = Errand::new(parcel, &format!("#{}", parcel.channel));
        let mut takes = Duration::ZERO;
        let begun = self.slack.calls.len();
        let delivery = loop {
            takes += Duration::from_millis(200);
            let call = errand.next().clone();
            let (answer, seen) = self.slack.answer(&call, parcel, at);
            if let Some(seen) = seen {
                let told: Vec<_> = parcel
                    .entries
                    .iter()
                    .filter(|entry| seen.told.contains(&entry.key))
                    .cloned()
                    .collect();
                self.arrive(&told, seen.is_repeat, Some(seen.spot));
            }
            let Some(answer) = answer else {
                break None;
            };
            if let Some(delivery) = errand.answered(answer) {
                break Some(delivery);
            }
        };
        self.note_by_bot(parcel, begun, delivery.as_ref());
        for entry in &parcel.entries {
            self.unsure.insert(entry.key.clone());
        }
        if let Some(delivery) = delivery {
            let fate = Fate {
                takes,
                arrives: false,
                delivery,
            };
            self.answers
                .push((self.time + takes, parcel.key.clone(), fate));
        }
    }

    fn note_by_bot(&mut self, parcel: &Parcel, begun: usize, delivery: Option<&Delivery>) {
        let mut line = format!("{} <-", parcel.channel);
        for entry in &parcel.entries {
            let _ = write!(line, " {} {}", entry.key.incident, entry.kind.as_str());
        }
        if parcel.is_plain {
            line.push_str(", plain");
        }
        if let Way::GoOn(message) = &parcel.way
            && message.is_loud
        {
            line.push_str(", loud");
        }
        let calls = self.slack.calls[begun..].join(", ");
        let end = delivery.map_or("gone", Delivery::as_str);
        let _ = write!(line, ": {calls} => {end}");
        self.note(&line);
    }

    fn check_begin(&mut self, parcel: &Parcel) {
        assert!(!parcel.entries.is_empty());
        assert_eq!(parcel.newest().key, parcel.key);
        for entry in &parcel.entries {
            assert_eq!(entry.key.channel, parcel.channel);
            let stored = self.outbox.iter().find(|other| other.key == entry.key);
            assert!(
                stored.is_some_and(|stored| stored.state.clone().after_crash() != stored.state
                    && stored.attempts == entry.attempts + 1),
                "{:?} leaves before its mark is stored\n{}",
                entry.key,
                self.diary
            );
        }
        assert!(
            !parcel.is_repeat
                || parcel.entries.iter().any(|entry| {
                    self.unsure.contains(&entry.key) || entry.instead_of.is_some()
                }),
            "it claims to be a repeat and is none: {:?}\n{}",
            parcel
                .entries
                .iter()
                .map(|entry| (&entry.key, entry.kind, &entry.state))
                .collect::<Vec<_>>(),
            self.diary
        );
        // What waited for a budget or for quiet hours may be more than a backlog.
        assert!(!parcel.is_summary() || parcel.entries.len() <= 60);
        assert!(
            !self
                .answers
                .iter()
                .any(|(_, key, _)| key.channel == parcel.channel),
            "two at once in {}\n{}",
            parcel.channel,
            self.diary
        );
        assert!(self.answers.len() < super::IN_FLIGHT_MAX);
        if let Some(before) = self.last_begin.insert(parcel.channel.clone(), self.time) {
            assert!(
                self.time.saturating_sub(before) >= Duration::from_secs(1),
                "too fast in {}\n{}",
                parcel.channel,
                self.diary
            );
        }
    }

    fn arrive(&mut self, entries: &[Entry], is_repeat: bool, spot: Option<Spot>) {
        // In another's place something older may come after a restart, when it is not known any more who knows what.
        let is_copy = entries.iter().any(|entry| entry.instead_of.is_some());
        let Some(channel) = entries.first().map(|entry| entry.key.channel.clone()) else {
            return;
        };
        for Entry { key, kind, .. } in entries {
            // A message that lives shows the newest; what somebody did before that says nothing in it.
            let is_beside = *kind == Kind::Noted
                && entries.iter().any(|other| {
                    other.key.incident == key.incident && other.key.sequence > key.sequence
                });
            let again = self
                .arrivals
                .iter()
                .filter(|arrival| !self.slack.is_deleted(arrival.spot.as_ref()))
                .any(|arrival| arrival.keys.contains(key));
            assert!(
                !again || is_repeat,
                "{key:?} is told twice without a word\n{}",
                self.diary
            );
            let later = self
                .arrivals
                .iter()
                .filter(|arrival| arrival.channel == channel)
                .filter(|arrival| !self.slack.is_deleted(arrival.spot.as_ref()))
                .flat_map(|arrival| &arrival.keys)
                .any(|other| other.incident == key.incident && other.sequence > key.sequence);
            assert!(
                !later || again || is_beside || (is_repeat && is_copy),
                "{key:?} is told after something later\n{}",
                self.diary
            );
        }
        self.arrivals.push(Arrival {
            channel,
            keys: entries.iter().map(|entry| entry.key.clone()).collect(),
            kinds: entries.iter().map(|entry| entry.kind).collect(),
            is_repeat,
            spot,
        });
    }

    pub(super) fn note(&mut self, line: &str) {
        let seconds = self.time.as_secs();
        let _ = writeln!(
            self.diary,
            "{:02}:{:02}:{:02}.{} {line}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            self.time.subsec_millis() / 100
        );
    }

    pub(super) fn messages(&self, channel: &str) -> usize {
        self.arrivals
            .iter()
            .filter(|arrival| arrival.channel.as_str() == channel)
            .count()
    }
}
