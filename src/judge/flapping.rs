//! Who goes up and down all the time is told once, and what lasts is told all the same.
//!
//! Each outage adds to a penalty that halves every 30 minutes: 1,000 points for a confirmed "down", 500 for a mere
//! degradation of something that was fine. At 2,000 points, which is the third outage within about 40 minutes, the target is
//! flapping; it is no longer when it was up for 30 minutes, or the penalty has fallen under 750. What we could not see is no
//! outage. While it flaps, people hear:
//!
//! * that it flaps, once, with the outage that made it so;
//! * that it is down (or degraded) when that has lasted 5 minutes, and after that that it is up when that has lasted as long;
//! * how it goes on, now and then;
//! * the end, with what is true by then.
//!
//! Beside that, nobody hears of one target more than six times in any hour: the sixth place is kept for its being down, which
//! so never waits, and the fifth for what is new, so that no reminder keeps an end from being told. What finds no room waits until
//! there is room, and then what is true is told.
//!
//! All of it is counted in ticks; only what outlives a restart is stored as dates and turned into ticks once.

use std::time::Duration;

use crate::model::{
    Moment, Tick, Verdict,
    text::span,
    unrest::{Edge, Flapping, Unrest},
};

/// After this time half of a penalty is left.
const HALF_LIFE: Duration = Duration::from_mins(30);
/// What an outage costs.
const DOWN: f64 = 1_000.0;
/// What a degradation of something fine costs.
const DEGRADED: f64 = 500.0;
/// From here on it flaps.
const ON: f64 = 2_000.0;
/// Under this it does not any more.
const OFF: f64 = 750.0;
/// Where the penalty stops, so that it is forgotten in about an hour.
const CAP: f64 = 4_000.0;
/// Under this the next outage begins a new count: an hour after a single one.
const REST: f64 = 250.0;
/// What has lasted so long is told in spite of the flapping.
pub const STEADY: Duration = Duration::from_mins(5);
/// Up for so long, it does not flap any more.
pub const CALM: Duration = Duration::from_mins(30);
/// How often people hear of one target …
pub const HEARD_MAX: usize = 6;
/// … in this time.
pub const HEARD_WITHIN: Duration = Duration::from_hours(1);
/// From one digest of something that flaps to the next; the last gap repeats.
pub const DIGESTS_AFTER: [Duration; 3] = [
    Duration::from_hours(1),
    Duration::from_hours(3),
    Duration::from_hours(7),
];

/// How restless one target is, and how often people heard of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Restlessness {
    /// The penalty at `counted`, in points.
    points: f64,
    counted: Tick,
    /// What is known of it, what we cannot see included; nothing at first.
    shown: Option<Verdict>,
    /// What was last known of it.
    known: Option<Verdict>,
    /// When `shown` came to be …
    edge: Tick,
    /// … and how old it was by then.
    before: Duration,
    /// When each telling of the last hour is an hour old.
    heard: Vec<Tick>,
    stored: Unrest,
    /// Whether nothing counts, because the file says so.
    is_ignored: bool,
}

/// What people were told of the trouble that is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Said {
    /// What it was.
    pub verdict: Verdict,
    /// Whether it was told as flapping.
    pub is_flapping: bool,
    /// If so, whether `verdict` was told as something that lasts.
    pub is_steady: bool,
}

/// What there is to be heard of a target: the more it matters, the more places of an hour it may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// That it is down: all of them.
    Down,
    /// Anything else that is new, its end above all: all but one.
    Other,
    /// What was told before: all but two, so that it keeps no end from being told.
    Again,
}

impl News {
    /// That it is like this.
    pub const fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Down => Self::Down,
            Verdict::Operational | Verdict::Suspect | Verdict::Unknown | Verdict::Degraded => {
                Self::Other
            }
        }
    }
}

/// What is to be done about a target that may have to be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Telling {
    /// Nothing is to be told.
    Nothing,
    /// Nothing before this time.
    Wait(Tick),
    /// What is true is to be told.
    Truth,
    /// That it is over.
    End,
    /// Nothing: it does not flap any more and what was told is true, so its trouble goes on like any other.
    Ordinary,
}

impl Restlessness {
    /// Of a target of which nothing is known.
    pub fn new(now: Moment) -> Self {
        Self::recall(Unrest::default(), now)
    }

    /// Takes up what was remembered; the only place where dates become ticks.
    pub fn recall(stored: Unrest, now: Moment) -> Self {
        let last = stored.edges.last().copied();
        let known = stored.edges.iter().rev().map(|edge| edge.to);
        let heard = stored.told.iter().map(|told| {
            let age = now.at.since(*told);
            now.tick + HEARD_WITHIN.saturating_sub(age)
        });
        Self {
            points: decayed(f64::from(stored.points), now.at.since(stored.at)),
            counted: now.tick,
            shown: last.map(|edge| edge.to),
            known: known.into_iter().find(|verdict| is_known(*verdict)),
            edge: now.tick,
            before: last.map_or(Duration::ZERO, |edge| now.at.since(edge.at)),
            heard: heard.collect(),
            stored,
            is_ignored: false,
        }
    }

    /// Whether nothing of all this is to count; what was counted is forgotten then. Answers whether that is new.
    pub fn ignore(&mut self, yes: bool, now: Moment) -> bool {
        let is_new = yes && !self.is_ignored;
        if is_new {
            *self = Self::new(now);
        }
        self.is_ignored = yes;
        is_new
    }

    /// What is to be remembered of it.
    pub const fn stored(&self) -> &Unrest {
        &self.stored
    }

    /// Whether there is anything to remember.
    pub fn is_known(&self) -> bool {
        self.stored.outages > 0 || !self.stored.told.is_empty()
    }

    /// Whether it is flapping.
    pub const fn is_flapping(&self) -> bool {
        self.stored.is_flapping
    }

    /// Takes in what is known of it now; the same again changes nothing.
    pub fn note(&mut self, now: Moment, verdict: Verdict) {
        if self.is_ignored {
            return;
        }
        if self.shown == Some(verdict) || verdict == Verdict::Suspect {
            return;
        }
        let cost = match (verdict, self.known) {
            (Verdict::Down, before) if before != Some(Verdict::Down) => DOWN,
            (Verdict::Degraded, None | Some(Verdict::Operational)) => DEGRADED,
            (
                Verdict::Operational
                | Verdict::Suspect
                | Verdict::Unknown
                | Verdict::Degraded
                | Verdict::Down,
                _,
            ) => 0.0,
        };
        if cost > 0.0 {
            self.count(now, cost);
        }
        self.shown = Some(verdict);
        if is_known(verdict) {
            self.known = Some(verdict);
        }
        self.edge = now.tick;
        self.before = Duration::ZERO;
        let edges = &mut self.stored.edges;
        if edges.len() >= Unrest::EDGES_MAX {
            edges.remove(0);
        }
        edges.push(Edge {
            to: verdict,
            at: now.at,
        });
    }

    fn count(&mut self, now: Moment, cost: f64) {
        let before = self.points(now.tick);
        if before < OFF || self.is_at_rest(now.tick) {
            self.stored.is_flapping = false;
        }
        if before < REST {
            self.stored.outages = 0;
            self.stored.edges.clear();
        }
        if self.stored.outages == 0 {
            self.stored.since = now.at;
        }
        self.stored.outages = self.stored.outages.saturating_add(1);
        self.points = (before + cost).min(CAP);
        self.counted = now.tick;
        self.stored.points = whole(self.points);
        self.stored.at = now.at;
        if self.points >= ON {
            self.stored.is_flapping = true;
        }
    }

    /// People hear of it now.
    pub fn tell(&mut self, now: Moment) {
        if self.is_ignored {
            return;
        }
        self.heard.retain(|at| *at > now.tick);
        self.heard.push(now.tick + HEARD_WITHIN);
        let kept = self.heard.len();
        let told = &mut self.stored.told;
        told.push(now.at);
        told.drain(..told.len().saturating_sub(kept));
    }

    /// It flaps no more, and that is known to those who were told that it does.
    pub const fn rest(&mut self) {
        self.stored.is_flapping = false;
    }

    /// When people may hear such news of it next; absent if they may now.
    pub fn room(&self, now: Tick, news: News) -> Option<Tick> {
        let places = match news {
            News::Down => HEARD_MAX,
            News::Other => HEARD_MAX - 1,
            News::Again => HEARD_MAX - 2,
        };
        let mut heard: Vec<_> = self.heard.iter().filter(|at| **at > now).copied().collect();
        heard.sort_unstable();
        let over = heard.len().checked_sub(places)?;
        heard.get(over).copied()
    }

    /// How long what is known has lasted.
    fn lasted(&self, now: Tick) -> Duration {
        self.before.saturating_add(now.since(self.edge))
    }

    /// When what is known will have lasted so long; it has not yet.
    fn lasts_at(&self, so_long: Duration) -> Tick {
        self.edge + so_long.saturating_sub(self.before)
    }

    fn is_at_rest(&self, now: Tick) -> bool {
        self.shown == Some(Verdict::Operational) && self.lasted(now) >= CALM
    }

    /// When it will be at rest, if it flaps and nothing happens; absent if it is.
    pub fn calms_at(&self, now: Tick) -> Option<Tick> {
        let is_calm = !self.is_flapping() || self.is_at_rest(now) || self.points(now) < OFF;
        let rests_at = if self.shown == Some(Verdict::Operational) {
            self.lasts_at(CALM)
        } else {
            self.cools_at()
        };
        (!is_calm).then(|| rests_at.min(self.cools_at()).max(now))
    }

    /// The penalty, in points.
    pub fn points(&self, now: Tick) -> f64 {
        decayed(self.points, now.since(self.counted))
    }

    /// When the penalty is low enough.
    fn cools_at(&self) -> Tick {
        let half_lives = (self.points / OFF).log2().max(0.0);
        // A little later, so that it certainly is.
        self.counted + HALF_LIFE.mul_f64(half_lives) + Duration::from_secs(1)
    }

    /// What is to be told of it, if anything: what was told is compared with what is true. No truth means that it is fine.
    pub fn telling(&self, said: Option<Said>, truth: Option<Verdict>, now: Tick) -> Telling {
        match (said, truth) {
            (None, None) => Telling::Nothing,
            (Some(said), None) if said.is_flapping => self.telling_of_rest(said, now),
            (Some(said), Some(bad)) if said.is_flapping => self.telling_of_trouble(said, bad, now),
            (Some(said), Some(bad)) if said.verdict == bad => Telling::Nothing,
            (Some(_), None) => self.if_room(now, News::Other, Telling::End),
            (None | Some(_), Some(bad)) => {
                // Of two messages, that it flaps and that it lasts, only the second may use the last place.
                let news = if self.is_flapping() {
                    News::Other
                } else {
                    News::of(bad)
                };
                self.if_room_or_steady(now, bad, news)
            }
        }
    }

    /// Whether what is known has lasted so long that it is told in spite of the flapping.
    pub fn has_lasted(&self, now: Tick) -> bool {
        self.lasted(now) >= STEADY
    }

    /// When what is known will have lasted so long.
    pub fn steady_at(&self) -> Tick {
        self.lasts_at(STEADY)
    }

    fn if_room(&self, now: Tick, news: News, telling: Telling) -> Telling {
        self.room(now, news).map_or(telling, Telling::Wait)
    }

    /// That it is down is told at the latest when it has lasted, whatever was told before.
    fn if_room_or_steady(&self, now: Tick, bad: Verdict, news: News) -> Telling {
        match self.room(now, news) {
            None => Telling::Truth,
            Some(_) if bad == Verdict::Down && self.has_lasted(now) => Telling::Truth,
            Some(at) if bad == Verdict::Down => Telling::Wait(at.min(self.lasts_at(STEADY))),
            Some(at) => Telling::Wait(at),
        }
    }

    /// It flaps, and is fine now.
    fn telling_of_rest(&self, said: Said, now: Tick) -> Telling {
        if self.is_at_rest(now) || self.points(now) < OFF {
            return self.if_room(now, News::Other, Telling::End);
        }
        let ends_at = self.lasts_at(CALM).min(self.cools_at()).max(now);
        let is_told_bad = said.is_steady && said.verdict != Verdict::Operational;
        match is_told_bad {
            // That it is over will be told in a moment; both would say the same.
            true if self.has_lasted(now) && ends_at.since(now) < STEADY => Telling::Wait(ends_at),
            true if self.has_lasted(now) => match self.room(now, News::Other) {
                Some(at) => Telling::Wait(at.min(ends_at)),
                None => Telling::Truth,
            },
            true => Telling::Wait(self.lasts_at(STEADY).min(ends_at)),
            false => Telling::Wait(ends_at),
        }
    }

    /// It flaps, and is bad now.
    fn telling_of_trouble(&self, said: Said, bad: Verdict, now: Tick) -> Telling {
        if said.is_steady && said.verdict == bad {
            return if self.points(now) < OFF {
                Telling::Ordinary
            } else {
                Telling::Wait(self.cools_at())
            };
        }
        if !self.has_lasted(now) {
            return Telling::Wait(self.lasts_at(STEADY));
        }
        self.if_room_or_steady(now, bad, News::of(bad))
    }

    /// What is told of its flapping.
    pub fn words(&self, now: Moment, is_steady: bool) -> Flapping {
        Flapping {
            outages: self.stored.outages,
            since: self.stored.since,
            timeline: self.timeline(now),
            is_steady,
        }
    }

    /// Its last changes: `down 40 s, up 2 min, down now`.
    fn timeline(&self, now: Moment) -> String {
        let edges = &self.stored.edges;
        let ends = edges.iter().skip(1).map(|edge| Some(edge.at));
        let parts = edges.iter().zip(ends.chain([None])).map(|(edge, end)| {
            let word = match edge.to {
                Verdict::Operational => "up",
                Verdict::Unknown => "not seen",
                bad @ (Verdict::Suspect | Verdict::Degraded | Verdict::Down) => bad.as_str(),
            };
            match end {
                Some(end) => format!("{word} {}", span(end.since(edge.at))),
                None if self.lasted(now.tick) < Duration::from_secs(5) => format!("{word} now"),
                None => format!("{word} for {}", span(whole_seconds(self.lasted(now.tick)))),
            }
        });
        parts.collect::<Vec<_>>().join(", ")
    }
}

const fn is_known(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Operational | Verdict::Degraded | Verdict::Down => true,
        Verdict::Suspect | Verdict::Unknown => false,
    }
}

/// What is left of a penalty: computed from the last time it grew, never step by step, so that nothing adds up.
fn decayed(points: f64, after: Duration) -> f64 {
    points * (-after.as_secs_f64() / HALF_LIFE.as_secs_f64()).exp2()
}

/// Whole points, as they are stored.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a penalty is from 0 to 4,000"
)]
fn whole(points: f64) -> u32 {
    points.clamp(0.0, CAP).round() as u32
}

const fn whole_seconds(length: Duration) -> Duration {
    Duration::from_secs(length.as_secs())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// One target and those who are told of it, without the rest of the engine.
    struct World {
        restless: Restlessness,
        now: Moment,
        truth: Verdict,
        said: Option<Said>,
        heard: Vec<Tick>,
        told: String,
    }

    impl World {
        fn new() -> Self {
            let now = Moment::default() + Duration::from_hours(24);
            let mut restless = Restlessness::new(now);
            restless.note(now, Verdict::Operational);
            Self {
                restless,
                now,
                truth: Verdict::Operational,
                said: None,
                heard: Vec::new(),
                told: String::new(),
            }
        }

        fn standing(&self) -> Option<Verdict> {
            (self.truth != Verdict::Operational).then_some(self.truth)
        }

        fn say(&mut self, words: &str) {
            self.restless.tell(self.now);
            self.heard.push(self.now.tick);
            let at = self.now.tick.since(Tick::ZERO + Duration::from_hours(24));
            let words = format!("{} {words}", span(whole_seconds(at)));
            writeln!(self.told, "{words}").expect("a string takes it");
        }

        /// Tells what is to be told now; answers when to ask again.
        fn settle(&mut self) -> Option<Tick> {
            let truth = self.standing();
            match self.restless.telling(self.said, truth, self.now.tick) {
                Telling::Nothing => None,
                Telling::Wait(at) => {
                    assert!(at > self.now.tick, "{at:?} {:?}", self.now.tick);
                    Some(at)
                }
                Telling::Truth => {
                    let was_flapping = self.said.is_some_and(|said| said.is_flapping);
                    let is_flapping = was_flapping || self.restless.is_flapping();
                    let is_steady = self.restless.has_lasted(self.now.tick);
                    let flapping = self.restless.words(self.now, is_steady);
                    let words = if was_flapping {
                        format!("steadily {}", self.truth)
                    } else if is_flapping {
                        format!("flapping, {}: {}", flapping.outages, flapping.timeline)
                    } else {
                        self.truth.to_string()
                    };
                    self.say(&words);
                    self.said = Some(Said {
                        verdict: self.truth,
                        is_flapping,
                        is_steady,
                    });
                    self.settle()
                }
                Telling::End => {
                    self.say("over");
                    self.restless.rest();
                    self.said = None;
                    self.settle()
                }
                Telling::Ordinary => {
                    self.restless.rest();
                    if let Some(said) = &mut self.said {
                        said.is_flapping = false;
                    }
                    self.settle()
                }
            }
        }

        /// Lets it be like this for so long.
        fn be(&mut self, verdict: Verdict, length: Duration) {
            let end = self.now.tick + length;
            self.truth = verdict;
            self.restless.note(self.now, verdict);
            while let Some(at) = self.settle().filter(|at| *at <= end) {
                let wait = at.since(self.now.tick);
                self.now = self.now + wait;
            }
            self.now = self.now + end.since(self.now.tick);
        }

        fn check(&mut self, expected: &Expect) {
            expected.assert_eq(&std::mem::take(&mut self.told));
        }

        /// Never more than six in any hour.
        fn check_bound(&self) {
            for (index, at) in self.heard.iter().enumerate() {
                let within = self.heard[index..]
                    .iter()
                    .filter(|other| other.since(*at) < HEARD_WITHIN);
                assert!(within.count() <= HEARD_MAX, "{}", self.told);
            }
        }
    }

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    const fn minutes(count: u64) -> Duration {
        Duration::from_mins(count)
    }

    #[test]
    fn the_third_outage_within_forty_minutes_flaps() {
        let mut world = World::new();
        for _ in 0..4 {
            world.be(Verdict::Down, seconds(40));
            world.be(Verdict::Operational, minutes(2));
        }
        world.be(Verdict::Operational, minutes(60));
        world.check(&expect![[r#"
            0 s down
            40 s over
            2 min 40 s down
            3 min 20 s over
            5 min 20 s flapping, 3: down 40 s, up 2 min, down 40 s, up 2 min, down now
            1 h over
        "#]]);
    }

    #[test]
    fn what_lasts_is_told_in_spite_of_it() {
        let mut world = World::new();
        for _ in 0..4 {
            world.be(Verdict::Down, minutes(1));
            world.be(Verdict::Operational, minutes(2));
        }
        world.be(Verdict::Down, minutes(20));
        world.be(Verdict::Operational, minutes(60));
        world.check(&expect![[r#"
            0 s down
            1 min over
            3 min down
            4 min over
            6 min flapping, 3: down 1 min, up 2 min, down 1 min, up 2 min, down now
            17 min steadily down
            1 h 2 min over
        "#]]);
    }

    #[test]
    fn a_long_outage_ends_the_flapping_and_is_an_ordinary_one() {
        let mut world = World::new();
        for _ in 0..3 {
            world.be(Verdict::Down, minutes(1));
            world.be(Verdict::Operational, minutes(1));
        }
        world.be(Verdict::Down, Duration::from_hours(3));
        world.be(Verdict::Operational, minutes(10));
        world.check(&expect![[r#"
            0 s down
            1 min over
            2 min down
            3 min over
            4 min flapping, 3: down 1 min, up 1 min, down 1 min, up 1 min, down now
            11 min steadily down
            3 h 6 min over
        "#]]);
    }

    #[test]
    fn what_we_cannot_see_is_no_outage() {
        let mut world = World::new();
        world.be(Verdict::Down, minutes(2));
        for _ in 0..6 {
            world.be(Verdict::Unknown, minutes(1));
            world.be(Verdict::Down, minutes(1));
        }
        assert!(!world.restless.is_flapping());
        assert!(world.restless.points(world.now.tick) <= 1_000.0);
    }

    #[test]
    fn a_period_of_one_minute_to_one_hour_is_heard_six_times_an_hour_at_most() {
        for period in 1..=60 {
            let mut world = World::new();
            let half = Duration::from_secs(period * 30);
            while world.now.tick.since(Tick::ZERO) < Duration::from_hours(30) {
                world.be(Verdict::Down, half);
                world.be(Verdict::Operational, half);
            }
            world.check_bound();
            world.be(Verdict::Operational, Duration::from_hours(2));
            assert_eq!(world.said, None, "period of {period} min");
        }
    }

    #[test]
    fn half_a_minute_up_and_half_a_minute_down_for_two_hours_is_six_messages() {
        let mut world = World::new();
        for _ in 0..120 {
            world.be(Verdict::Down, seconds(30));
            world.be(Verdict::Operational, seconds(30));
        }
        world.be(Verdict::Operational, minutes(60));
        world.check(&expect![[r#"
            0 s down
            30 s over
            1 min down
            1 min 30 s over
            2 min flapping, 3: down 30 s, up 30 s, down 30 s, up 30 s, down now
            2 h 29 min over
        "#]]);
    }

    #[test]
    fn the_penalty_halves_in_half_an_hour_however_often_it_is_asked_for() {
        let mut world = World::new();
        world.be(Verdict::Down, Duration::ZERO);
        world.now = world.now + HALF_LIFE;
        assert!((world.restless.points(world.now.tick) - 500.0).abs() < 1e-9);
        let later = world.now + HALF_LIFE;
        let recalled = Restlessness::recall(world.restless.stored().clone(), later);
        assert!((recalled.points(later.tick) - 250.0).abs() < 1.0);
    }

    fn verdict() -> impl Strategy<Value = Verdict> {
        prop_oneof![
            4 => Just(Verdict::Operational),
            4 => Just(Verdict::Down),
            1 => Just(Verdict::Degraded),
            1 => Just(Verdict::Unknown),
        ]
    }

    fn length() -> impl Strategy<Value = Duration> {
        prop_oneof![
            4 => (1..600_u64).prop_map(Duration::from_secs),
            1 => (600..6_000_u64).prop_map(Duration::from_secs),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_people_hear_little_and_in_the_end_the_truth(
            life in vec((verdict(), length(), proptest::bool::weighted(0.05)), 1..150),
        ) {
            let mut world = World::new();
            for (verdict, length, is_restarted) in life {
                if is_restarted {
                    let stored = world.restless.stored().clone();
                    world.restless = Restlessness::recall(stored, world.now);
                }
                world.be(verdict, length);
                let is_told_down = world.said.is_some_and(|said| {
                    said.verdict == Verdict::Down && (!said.is_flapping || said.is_steady)
                });
                if verdict == Verdict::Down && length > STEADY {
                    prop_assert!(is_told_down, "{}", world.told);
                }
            }
            world.check_bound();
            let last = world.truth;
            world.be(last, Duration::from_hours(3));
            world.check_bound();
            match world.said {
                None => prop_assert_eq!(last, Verdict::Operational),
                Some(said) => {
                    prop_assert_eq!(said.verdict, last);
                    prop_assert!(!said.is_flapping || said.is_steady);
                }
            }
        }
    }
}
