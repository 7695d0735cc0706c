//! Random lives by the hundred: channels that fail in every way, crashes between any two steps, reloads, clock jumps.
//!
//! What must hold at every step is checked by [`World`]; at the end, when everything works again: nothing is left,
//! everything ended once, and whoever was told of a beginning was told of its end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::model::{
    ChannelName, EntryKey, Kind, Secret, Severity, plan::Destination, quiet_hours::Allowance,
};

use super::{
    Parcel, Trouble,
    lane::is_closing,
    workspace::{Seen, Workspace},
    world::{Fate, World, bot_channel, channel},
};

/// How a pretend channel is for a while.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Well,
    Unreachable,
    Throttling,
    Losing,
    Failing,
    Gone,
    OnlyPlain,
    Picky,
    Anything,
}

const MOODS: [Mood; 11] = [
    Mood::Well,
    Mood::Well,
    Mood::Well,
    Mood::Unreachable,
    Mood::Throttling,
    Mood::Losing,
    Mood::Failing,
    Mood::Gone,
    Mood::OnlyPlain,
    Mood::Picky,
    Mood::Anything,
];

fn fate(mood: Mood, parcel: &Parcel, rng: &mut StdRng) -> Fate {
    match mood {
        Mood::Well => Fate {
            takes: Duration::from_millis(rng.random_range(1..4_000)),
            ..Fate::accept()
        },
        Mood::Unreachable => Fate::no_connection(),
        Mood::Throttling => {
            let after = rng.random_range(0..900);
            Fate::throttle((after > 0).then_some(after))
        }
        Mood::Losing => match rng.random_range(0..4) {
            0 => Fate::accept(),
            1 => Fate::nobody_answers(),
            arrives => Fate::lost_answer(arrives == 2),
        },
        Mood::Failing => Fate::server_error(),
        Mood::Gone => Fate::gone(),
        Mood::OnlyPlain if parcel.is_plain => Fate::accept(),
        Mood::OnlyPlain => Fate::malformed(),
        Mood::Picky => {
            let is_disliked = |incident: &str| incident.ends_with(['1', '4', '7']);
            if parcel
                .entries
                .iter()
                .any(|entry| is_disliked(entry.key.incident.as_str()))
            {
                Fate::malformed()
            } else {
                Fate::accept()
            }
        }
        Mood::Anything => {
            let other = MOODS[rng.random_range(0..MOODS.len() - 1)];
            fate(other, parcel, rng)
        }
    }
}

/// What an engine would remember of an incident.
struct Open {
    told: BTreeSet<ChannelName>,
    sequence: u32,
    severity: Severity,
}

struct Life {
    rng: StdRng,
    world: World,
    open: BTreeMap<String, Open>,
    incidents: u32,
    moods: BTreeMap<ChannelName, Mood>,
    /// Channels that were ever taken out of the file.
    left: BTreeSet<ChannelName>,
    enqueued: usize,
    /// Whether bots tell some of the channels.
    has_bots: bool,
    /// What people have done that goes on, with its channel and its newest step.
    accounts: BTreeMap<String, (ChannelName, u32)>,
    /// Those that are over, with their last step.
    ended: Vec<(String, ChannelName, u32)>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let spare = [None, Some("ops"), Some("alerts")][rng.random_range(0..3)];
        let mut alerts = channel("alerts", Some("ops"));
        alerts.max_messages = rng.random_bool(0.5).then_some(Allowance {
            count: rng.random_range(1..10),
            within: Duration::from_mins(10),
        });
        let channels = [
            alerts,
            channel("disaster", Some("alerts")),
            channel("ops", None),
            channel("team", spare),
        ];
        let mut world = World::new(seed, &channels);
        world.is_brief = true;
        Self {
            rng,
            world,
            open: BTreeMap::new(),
            incidents: 0,
            moods: BTreeMap::new(),
            left: BTreeSet::new(),
            enqueued: 0,
            has_bots: false,
            accounts: BTreeMap::new(),
            ended: Vec::new(),
        }
    }

    /// The same with bots, whose Slack says anything to any call.
    fn with_bots(seed: u64) -> Self {
        let mut life = Self::new(seed);
        life.has_bots = true;
        life.world.slack = Workspace::random(seed);
        for name in ["alerts", "team"] {
            life.change_tier(name);
        }
        life
    }

    /// A reload gives a channel to a bot, or takes it away from one.
    fn change_tier(&mut self, name: &str) {
        let has_spare = self.rng.random_bool(0.5);
        let Some(channel) = self.world.channels.get_mut(&ChannelName::new(name)) else {
            return;
        };
        channel.destination = match channel.destination {
            Destination::SlackBot { .. } => super::world::channel(name, None).destination,
            Destination::SlackWebhook { .. } | Destination::SignedWebhook { .. } => {
                bot_channel(name, None, has_spare).destination
            }
        };
        // What was refused by what it was before is forgotten.
        self.troubles_are_said_once();
        self.world.troubles.clear();
        self.world.note(&format!("another tier: {name}"));
        self.world.configure();
    }

    fn trouble_bots(&mut self) {
        match self.rng.random_range(0..12) {
            0 => self.world.slack.refuses = !self.world.slack.refuses,
            1 => self.world.slack.may_read = !self.world.slack.may_read,
            2 => {
                let name = ["alerts", "team"][self.rng.random_range(0..2)];
                self.change_tier(name);
            }
            3 => {
                let count = self.world.slack.seen.len();
                if count > 0 {
                    let place = self.rng.random_range(0..count);
                    self.world.slack.delete(place);
                }
            }
            _ => {}
        }
    }

    fn hear_stand_ins(&mut self) {
        for (incident, channel) in std::mem::take(&mut self.world.stand_ins) {
            if let Some(open) = self.open.get_mut(incident.as_str()) {
                open.told.insert(channel);
            }
        }
    }

    fn open(&mut self) {
        self.incidents += 1;
        let incident = format!("i{}", self.incidents);
        let names: Vec<_> = self.world.channels.keys().cloned().collect();
        let told: BTreeSet<_> = (0..self.rng.random_range(1..=2))
            .map(|_| names[self.rng.random_range(0..names.len())].clone())
            .collect();
        let severity =
            [Severity::Info, Severity::Warning, Severity::Critical][self.rng.random_range(0..3)];
        let open = Open {
            told,
            sequence: 0,
            severity,
        };
        self.open.insert(incident.clone(), open);
        self.go_on(&incident, Kind::Opened);
    }

    fn go_on(&mut self, incident: &str, kind: Kind) {
        let Some(open) = self.open.get_mut(incident) else {
            return;
        };
        open.sequence += 1;
        let told: Vec<_> = open.told.iter().cloned().collect();
        let (sequence, severity) = (open.sequence, open.severity);
        self.enqueued += told.len();
        if is_closing(kind) {
            self.open.remove(incident);
        }
        self.world
            .tell_all(incident, sequence, &told, kind, severity);
    }

    /// Something that people do begins, goes on, or is over: told as it goes on where a bot edits messages.
    fn account(&mut self) {
        let place = self.rng.random_range(0..=self.accounts.len());
        let Some((name, (channel, step))) = self.accounts.iter_mut().nth(place) else {
            let bots = ["alerts", "team"].into_iter().filter(|name| {
                let channel = self.world.channels.get(&ChannelName::new(*name));
                channel.is_some_and(|channel| {
                    matches!(channel.destination, Destination::SlackBot { .. })
                })
            });
            let bots: Vec<_> = bots.collect();
            if bots.is_empty() {
                return;
            }
            let channel = bots[self.rng.random_range(0..bots.len())];
            self.incidents += 1;
            let name = format!("a{}", self.incidents);
            self.enqueued += 1;
            self.world.tell_account(&name, 0, channel, Kind::Noted);
            self.accounts.insert(name, (ChannelName::new(channel), 0));
            return;
        };
        *step += 1;
        self.enqueued += 1;
        let (name, channel, step) = (name.clone(), channel.clone(), *step);
        if self.rng.random_bool(0.6) {
            self.world
                .tell_account(&name, step, channel.as_str(), Kind::Noted);
        } else {
            self.end_account(&name, channel, step);
        }
    }

    fn end_account(&mut self, name: &str, channel: ChannelName, step: u32) {
        self.world
            .tell_account(name, step, channel.as_str(), Kind::Notice);
        self.accounts.remove(name);
        self.ended.push((name.to_owned(), channel, step));
    }

    fn any_open(&mut self) -> Option<String> {
        let count = self.open.len();
        (count > 0).then(|| {
            let place = self.rng.random_range(0..count);
            self.open.keys().nth(place).cloned().unwrap_or_default()
        })
    }

    fn reload(&mut self) {
        // A channel that was out of the file is a new one.
        self.troubles_are_said_once();
        self.world.troubles.clear();
        let name = ["disaster", "team"][self.rng.random_range(0..2)];
        let name = ChannelName::new(name);
        if self.world.channels.remove(&name).is_some() {
            self.left.insert(name.clone());
        } else {
            let mut back = channel(name.as_str(), Some("ops"));
            back.destination = Destination::SignedWebhook {
                url: Secret::new("https://hook.example.test/"),
                secret: Secret::new("key"),
            };
            self.world.channels.insert(name.clone(), back);
        }
        self.world.note(&format!("reload: {name}"));
        self.world.configure();
    }

    fn step(&mut self) {
        if self.has_bots {
            self.trouble_bots();
            if self.rng.random_bool(0.2) {
                self.account();
            }
        }
        match self.rng.random_range(0..100) {
            0..25 => self.open(),
            25..55 => {
                if let Some(incident) = self.any_open() {
                    let kind = [
                        Kind::Changed,
                        Kind::Reminder,
                        Kind::Noted,
                        Kind::Recovered,
                        Kind::Removed,
                    ][self.rng.random_range(0..5)];
                    self.go_on(&incident, kind);
                }
            }
            55..75 => {
                let names = ["alerts", "disaster", "ops", "team"];
                let name = ChannelName::new(names[self.rng.random_range(0..4)]);
                let mood = MOODS[self.rng.random_range(0..MOODS.len())];
                self.world.note(&format!("{name} is {mood:?}"));
                self.moods.insert(name, mood);
            }
            75..82 => self.restart(),
            82..90 => self.world.dies_after = Some(self.rng.random_range(1..6)),
            90..95 => self.reload(),
            95 => {
                let hours = self.rng.random_range(0..4);
                self.world.quiet_until = Some(self.world.time + Duration::from_hours(hours));
            }
            96 => {
                let takes = [0, 0, 1_500, 30_000][self.rng.random_range(0..4)];
                self.world.engine_takes = Duration::from_millis(takes);
            }
            _ => self.world.wall_millis += self.rng.random_range(-7_200_000..7_200_000),
        }
        let pass = [0, 1_500, 60_000, 900_000, 5_400_000][self.rng.random_range(0..5)];
        let pass = Duration::from_millis(self.rng.random_range(0..=pass));
        self.pass(pass);
    }

    fn restart(&mut self) {
        let down = Duration::from_millis(self.rng.random_range(1_000..600_000));
        // A refusal that nobody could be told of in the channel's place is forgotten with the process.
        self.troubles_are_said_once();
        self.world.troubles.clear();
        self.world.restart(down);
        self.hear_stand_ins();
    }

    fn pass(&mut self, time: Duration) {
        let end = self.world.time + time;
        let (moods, rng) = (&self.moods, &mut self.rng);
        self.world.run(end, |_, parcel| {
            let mood = moods.get(&parcel.channel).copied().unwrap_or(Mood::Well);
            fate(mood, parcel, rng)
        });
        self.hear_stand_ins();
        if self.world.dies_after == Some(0) {
            self.restart();
        }
    }

    /// Everything works from now on: all that is owed is told.
    fn end(mut self) {
        self.world.dies_after = None;
        self.moods.clear();
        for incident in self.open.keys().cloned().collect::<Vec<_>>() {
            self.go_on(&incident, Kind::Recovered);
        }
        for (name, (channel, step)) in std::mem::take(&mut self.accounts) {
            self.enqueued += 1;
            self.end_account(&name, channel, step + 1);
        }
        self.world.note("all is well");
        self.world.quiet_until = None;
        self.world.slack.chance = None;
        self.world.slack.refuses = false;
        self.world.slack.may_read = true;
        self.pass(Duration::from_hours(3));
        self.pass(Duration::from_hours(3));
        // Where clocks were moved, quiet hours may seem to last longer.
        self.pass(Duration::from_hours(50));
        let diary = &self.world.diary;
        assert!(
            self.world.outbox.is_empty(),
            "left: {:?}\n{diary}",
            self.world.outbox
        );
        assert_eq!(self.world.courier.outlook().refusing, [], "{diary}");
        assert_eq!(self.world.living, [], "{diary}");
        self.what_lives_is_one_and_true();
        assert!(self.world.finished.len() >= self.enqueued, "{diary}");
        self.told_down_means_told_up();
        self.what_was_done_is_told();
        self.troubles_are_said_once();
    }

    /// In every channel the last message about an incident tells of its end.
    fn told_down_means_told_up(&self) {
        let mut has_end = BTreeMap::new();
        for arrival in &self.world.arrivals {
            let ends: BTreeSet<_> = arrival
                .keys
                .iter()
                .zip(&arrival.kinds)
                .filter(|(_, kind)| is_closing(**kind))
                .map(|(key, _)| &key.incident)
                .collect();
            for key in &arrival.keys {
                has_end.insert((&key.incident, &key.channel), ends.contains(&key.incident));
            }
        }
        for ((incident, channel), has_end) in has_end {
            if self
                .ended
                .iter()
                .any(|(name, ..)| name == incident.as_str())
            {
                continue;
            }
            let was_given_up = self
                .world
                .finished
                .iter()
                .any(|(end, how)| end.incident == *incident && *how == "expired");
            assert!(
                has_end || was_given_up || self.left.contains(channel),
                "{incident} has no end in {channel}\n{}",
                self.world.diary
            );
        }
    }

    /// What came of what people did is told once: by an edit of what told of its beginning, or by itself.
    fn what_was_done_is_told(&self) {
        let diary = &self.world.diary;
        for (name, channel, last) in &self.ended {
            let is_about =
                |key: &EntryKey| key.incident.as_str() == name && key.channel == *channel;
            let is_last = |key: &EntryKey| is_about(key) && key.sequence == *last;
            let arrivals = || self.world.arrivals.iter();
            let posts = arrivals().filter(|arrival| arrival.keys.iter().any(is_last));
            // What somebody took away is told anew.
            let (gone, there): (Vec<_>, Vec<_>) =
                posts.partition(|arrival| self.world.slack.is_deleted(arrival.spot.as_ref()));
            let count = there.len();
            // An edit may be made twice, and nobody hears of it.
            let is_edited =
                self.world.slack.seen.iter().any(|seen| {
                    seen.told.iter().any(is_about) && seen.shows == (Kind::Notice, *last)
                });
            let is_said =
                arrivals().any(|arrival| arrival.is_repeat && arrival.keys.iter().any(is_about));
            assert!(
                count <= 1 || is_said,
                "what came of {name} is told {count} times in {channel}\n{diary}"
            );
            let mut lines = self.world.slack.seen.iter();
            assert!(
                !lines.any(|seen| seen.parent.is_some() && seen.told.iter().any(is_about)),
                "{name} has a line in a thread\n{diary}"
            );
            let mut finished = self.world.finished.iter();
            let is_given_up = finished
                .any(|(key, how)| is_about(key) && key.sequence == *last && *how == "expired");
            let is_told = count > 0 || !gone.is_empty() || is_edited;
            assert!(
                is_told || is_given_up || self.left.contains(channel),
                "what came of {name} is not told in {channel}\n{diary}"
            );
        }
    }

    /// Each incident has one living message in a channel, unless another copy said that it is one; and where its end was
    /// told by a bot, the message shows it.
    fn what_lives_is_one_and_true(&self) {
        let seen = &self.world.slack.seen;
        let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for message in seen
            .iter()
            .filter(|message| message.does_live && !message.is_deleted)
        {
            for key in &message.told {
                let messages = all.entry((&key.incident, &key.channel)).or_default();
                if !messages
                    .iter()
                    .any(|other: &&Seen| other.spot == message.spot)
                {
                    messages.push(message);
                }
            }
        }
        for ((incident, channel), messages) in all {
            let is_said = self.world.arrivals.iter().any(|arrival| {
                arrival.is_repeat
                    && arrival.channel == *channel
                    && arrival.keys.iter().any(|key| key.incident == *incident)
            });
            // What may have begun when a channel was taken out of the file was told elsewhere, and is forgotten there.
            if is_said || self.left.contains(channel) {
                continue;
            }
            let diary = &self.world.diary;
            assert_eq!(
                messages.len(),
                1,
                "{incident} in {channel}: {messages:?}\n{diary}"
            );
            let is_end_told = seen.iter().any(|message| {
                let is_about =
                    |key: &EntryKey| key.incident == *incident && key.channel == *channel;
                is_closing(message.shows.0)
                    && message.parent.is_some()
                    && message.told.iter().any(is_about)
            });
            let is_green = is_closing(messages[0].shows.0);
            assert!(
                is_green || !is_end_told,
                "{incident} in {channel} is not over\n{diary}"
            );
        }
    }

    fn troubles_are_said_once(&self) {
        let mut refusing = BTreeSet::new();
        let mut unreachable = BTreeSet::new();
        let mut spared = BTreeSet::new();
        for trouble in &self.world.troubles {
            match trouble {
                Trouble::Refuses { channel, .. } => {
                    assert!(refusing.insert(channel), "{}", self.world.diary);
                }
                Trouble::TakesAgain { channel, .. } => {
                    refusing.remove(channel);
                }
                Trouble::Unreachable { channel, .. } => {
                    assert!(unreachable.insert(channel), "{}", self.world.diary);
                }
                Trouble::Reached { channel, .. } => {
                    unreachable.remove(channel);
                }
                Trouble::BotRefused { channel, .. } => {
                    assert!(spared.insert(channel), "{}", self.world.diary);
                }
                Trouble::BotTakenAgain { channel, .. } => {
                    spared.remove(channel);
                }
                Trouble::RefusesOne { .. } | Trouble::Expired { .. } => {}
            }
        }
    }
}

fn live(mut life: Life) {
    let steps = life.rng.random_range(5..80);
    for _ in 0..steps {
        life.step();
    }
    life.end();
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// `HEKATE_LIVES` asks for more of them, `HEKATE_SEED` for the one that failed.
fn live_all(lives: u64, begin: fn(u64) -> Life) {
    let lives = 0..number_of("HEKATE_LIVES").unwrap_or(lives);
    let seeds = number_of("HEKATE_SEED").map_or(lives, |seed| seed..seed + 1);
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| live(begin(seed)));
        assert!(outcome.is_ok(), "repeat this life with HEKATE_SEED={seed}");
    }
}

#[test]
fn random_lives_lose_nothing() {
    live_all(500, Life::new);
}

#[test]
fn random_lives_of_bots_lose_nothing_and_what_lives_is_true() {
    live_all(500, Life::with_bots);
}
