//! What people plan in the simulated worlds, and what the file plans: whom it truly keeps from being told, and when.
//!
//! It is worked out from what was wished and from what was done to the clocks, never from what the engine makes of it.

mod opinion;
mod split;
mod taken;

use std::{collections::HashMap, time::Duration};

pub(crate) use opinion::{agrees, is_calm, kept_until, was_kept};
pub(crate) use split::whole_of;
pub(crate) use taken::{Says, Which};
use taken::{Turn, Wished};

use hekate::{
    engine::Event,
    model::{
        GroupName, TargetId, Timestamp,
        calendar::{Recurring, Times},
        plan::Matcher,
        planned::{
            Answer, Asked, HowEnded, Length, Person, PlanId, PlanKind, Planned, Window, Wish,
        },
    },
};

use crate::{
    reference::{Chronicle, Word},
    world::{GENESIS_MS, World},
};

/// What somebody does.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// Begins a silence, a maintenance or a deploy.
    Begin {
        kind: PlanKind,
        targets: Vec<&'static str>,
        length: Duration,
    },
    /// Ends what was begun as the one with this number, counted from 0, if it is on.
    End(usize),
    /// Takes on one of the open incidents, gives it back, or hands it over.
    Attend { which: Which, says: Says },
    /// Splits one of the open incidents of several, counted from 0 and around: all of it, or the one that joined first.
    Split { which: usize, only_first: bool },
    /// Edits the file: these are its windows from now on.
    Windows(Vec<Opens>),
}

/// A window of the file.
#[derive(Clone, Debug)]
pub(crate) struct Opens {
    pub(crate) whom: Whom,
    pub(crate) rhythm: Rhythm,
    pub(crate) length: Duration,
}

/// Whom a window is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whom {
    Target(&'static str),
    Group(&'static str),
}

/// When a window opens, by the wall clock.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rhythm {
    /// Once, so long after the beginning of the world.
    Once(Duration),
    /// At this minute of every hour.
    Hourly(u8),
    /// At half past two in Prague. The hour around it comes twice in the night of every world, and counts once.
    Nightly,
}

/// From the wall clock's beginning to half past two, for the first time.
const HALF_PAST_TWO: Duration = Duration::from_mins(15);
/// The wall clock's minute when a world begins.
const FIRST_MINUTE: i64 = 15;
/// Longer than any world, in hours.
const HOURS: i64 = 12;

impl Opens {
    fn takes(&self, target: &TargetId) -> bool {
        match self.whom {
            Whom::Target(id) => target.as_str() == id,
            Whom::Group(group) => target.as_str().split_once('/').map(|(it, _)| it) == Some(group),
        }
    }

    /// When it opens, in milliseconds of the wall clock since the world began.
    fn begins_ms(&self) -> Vec<i64> {
        match self.rhythm {
            Rhythm::Once(from) => vec![millis(from)],
            Rhythm::Hourly(minute) => (-2..HOURS)
                .map(|hour| (hour * 60 + i64::from(minute) - FIRST_MINUTE) * 60_000)
                .collect(),
            Rhythm::Nightly => vec![millis(HALF_PAST_TWO)],
        }
    }

    fn window(&self, number: usize) -> Window {
        let zone = chrono_tz::Europe::Prague;
        let cron = |line: &str| {
            let recurring = Recurring::parse(line, zone, self.length).expect("a line");
            Times::Recurring(recurring)
        };
        let matcher = match self.whom {
            Whom::Target(id) => Matcher {
                targets: vec![TargetId::new(id)],
                ..Matcher::default()
            },
            Whom::Group(group) => Matcher {
                groups: vec![GroupName::new(group)],
                ..Matcher::default()
            },
        };
        let genesis = Timestamp::from_millis(GENESIS_MS);
        Window {
            name: format!("window {number}"),
            matcher,
            times: match self.rhythm {
                Rhythm::Once(from) => Times::Once {
                    from: genesis + from,
                    to: genesis + from + self.length,
                },
                Rhythm::Hourly(minute) => cron(&format!("{minute} * * * *")),
                Rhythm::Nightly => cron("30 2 * * *"),
            },
        }
    }
}

/// What somebody began.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    kind: PlanKind,
    targets: Vec<TargetId>,
    length: Duration,
    /// When it was stored, and as what; absent if it was refused, or lost with the process.
    began: Option<(Duration, PlanId)>,
    ended: Option<(Duration, HowEnded)>,
    /// When somebody wished that it ends.
    end_wished: Option<Duration>,
}

/// All that was planned in a world, as it happened.
#[derive(Debug, Default)]
pub(crate) struct Works {
    made: Vec<Work>,
    /// What the file said from when on.
    files: Vec<(Duration, Vec<Opens>)>,
    /// When the wall clock was moved, and by how many milliseconds.
    moves: Vec<(Duration, i64)>,
    /// When the machine slept, and for how long.
    sleeps: Vec<(Duration, Duration)>,
    /// Who was on which incident from when on.
    turns: Vec<Turn>,
    /// What somebody has just wished of an incident, until it is answered.
    wished: Option<Wished>,
    /// How many the last split made, and whether nothing was left.
    parted: Option<(usize, bool)>,
    /// Whether it is a split that is wished right now.
    splits: bool,
    faults: Vec<String>,
}

/// What keeps a target from being told.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// It begins no sooner …
    pub(crate) from: Duration,
    /// … and no later.
    pub(crate) surely_from: Duration,
    /// It ends no sooner …
    pub(crate) surely_until: Duration,
    /// … and no later.
    pub(crate) until: Duration,
    pub(crate) cause: Cause,
}

/// What keeps each target from being told.
pub(crate) type Keeping = HashMap<TargetId, Vec<Kept>>;

/// Why a target is kept from being told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// Somebody planned something, or the file did.
    Plan,
    /// What it depends on is down.
    Parent,
}

impl Works {
    pub(crate) fn clock_moved(&mut self, now: Duration, by_ms: i64) {
        self.moves.push((now, by_ms));
    }

    /// Whether ticks and dates ever ran apart.
    pub(crate) fn is_moved(&self) -> bool {
        !self.moves.is_empty() || !self.sleeps.is_empty()
    }

    /// By how much the clock on the wall is behind.
    pub(crate) fn set_back(&self) -> Duration {
        let by_ms: i64 = self.moves.iter().map(|(_, by_ms)| by_ms).sum();
        Duration::from_millis(u64::try_from(-by_ms).unwrap_or(0))
    }

    pub(crate) fn slept(&mut self, now: Duration, length: Duration) {
        self.sleeps.push((now, length));
    }

    /// A plan is durable: it began, or it has ended.
    pub(crate) fn stored(&mut self, now: Duration, planned: &Planned) {
        let id = planned.id;
        let known = |work: &&mut Work| work.began.is_some_and(|(_, known)| known == id);
        let Some(ended) = &planned.ended else {
            let length = planned.until.since(planned.from);
            let mut works = self.made.iter_mut();
            match works.next_back().filter(|work| work.began.is_none()) {
                Some(work) if work.kind == id.kind && work.length == length => {
                    // Whoever was not watched at that moment is not part of it.
                    let matched = &planned.matcher.targets;
                    work.targets.retain(|target| matched.contains(target));
                    work.began = Some((now, id));
                }
                Some(_) | None => self.faults.push(format!("nobody wished {planned:?}")),
            }
            return;
        };
        match self.made.iter_mut().find(known) {
            Some(work) if work.ended.is_none() => work.ended = Some((now, ended.how)),
            Some(_) | None => self.faults.push(format!("{id} has ended again")),
        }
    }

    /// What keeps a target from being told, as far as it is known from what was wished and what befell the clocks.
    fn over(&self, chronicle: &Chronicle, target: &TargetId) -> Vec<Kept> {
        let works = self.made.iter();
        let made = works.filter_map(|work| self.work_over(chronicle, work, target));
        made.chain(self.windows_over(target)).collect()
    }

    fn work_over(&self, chronicle: &Chronicle, work: &Work, target: &TargetId) -> Option<Kept> {
        let (from, _) = work.began.filter(|_| work.targets.contains(target))?;
        let until = from + work.length;
        let since: Vec<_> = self.moves.iter().filter(|(at, _)| *at >= from).collect();
        // Whoever moves the clock ahead makes it shorter, and nobody makes it longer; only a process that knows no more than
        // the date, or a machine that slept, may take it for longer if the clock was moved back.
        let mut moved_ms = 0;
        let mut surely_until = until;
        for (at, by_ms) in &since {
            moved_ms += by_ms;
            let left = millis(until) - millis(*at) - moved_ms;
            let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
            surely_until = surely_until.min(*at + left);
        }
        let back_ms: u64 = since.iter().map(|(_, by_ms)| by_ms.unsigned_abs()).sum();
        let asleep: Duration = self
            .sleeps
            .iter()
            .filter(|(at, _)| *at >= from && !since.is_empty())
            .map(|(_, length)| *length)
            .sum();
        let until = until + Duration::from_millis(back_ms) + asleep;
        let is_deploy = work.kind == PlanKind::Deploy;
        if is_deploy && let Some(back) = chronicle.back_after(target, from) {
            surely_until = surely_until.min(back);
        }
        let stopped = work
            .ended
            .filter(|(_, how)| matches!(how, HowEnded::Stopped | HowEnded::Replaced))
            .map_or(Duration::MAX, |(at, _)| at);
        Some(Kept {
            from,
            surely_from: from,
            surely_until: surely_until.min(stopped),
            until: until.min(stopped),
            cause: Cause::Plan,
        })
    }

    fn windows_over(&self, target: &TargetId) -> Vec<Kept> {
        let mut out = Vec::new();
        let ends = self.files.iter().skip(1).map(|(at, _)| *at);
        for ((read_at, windows), gone_at) in self.files.iter().zip(ends.chain([Duration::MAX])) {
            for window in windows.iter().filter(|window| window.takes(target)) {
                for begin_ms in window.begins_ms() {
                    let end_ms = begin_ms + millis(window.length);
                    let open = self.in_true_time(begin_ms, end_ms);
                    out.extend(open.into_iter().filter_map(|(from, until)| {
                        let (from, until) = (from.max(*read_at), until.min(gone_at));
                        (from < until).then_some(Kept {
                            from,
                            surely_from: from,
                            surely_until: until,
                            until,
                            cause: Cause::Plan,
                        })
                    }));
                }
            }
        }
        out
    }

    /// When the wall clock showed a time of this span.
    fn in_true_time(&self, begin_ms: i64, end_ms: i64) -> Vec<(Duration, Duration)> {
        let mut out = Vec::new();
        let mut moved_ms = 0;
        let mut since = Duration::ZERO;
        let moves = self.moves.iter().copied();
        for (until, by_ms) in moves.chain([(Duration::MAX, 0)]) {
            let true_time = |wall_ms: i64| {
                Duration::from_millis(u64::try_from(wall_ms - moved_ms).unwrap_or(0))
            };
            let (from, to) = (true_time(begin_ms).max(since), true_time(end_ms).min(until));
            if from < to {
                out.push((from, to));
            }
            moved_ms += by_ms;
            since = until;
        }
        out
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).expect("a short world")
}

impl Chronicle {
    /// When a target that was down may first be thought to be back, after this time.
    fn back_after(&self, target: &TargetId, from: Duration) -> Option<Duration> {
        let words = |until: Duration| {
            let looks = self.before(target, until);
            looks.filter(|look| self.word_of(look) != Word::Nothing)
        };
        let mut last = words(from).take(3);
        let mut was_down = !last.all(|look| self.word_of(look) == Word::Well);
        let mut since: Vec<_> = words(Duration::MAX)
            .take_while(|look| look.ended > from)
            .collect();
        since.reverse();
        for look in since {
            match self.word_of(look) {
                Word::Bad => was_down = true,
                Word::Well if was_down => return Some(look.ended),
                Word::Well | Word::Else | Word::Nothing => {}
            }
        }
        None
    }
}

impl World {
    /// Somebody does this now.
    pub(crate) fn carry_deed(&mut self, deed: Deed) {
        let wish = match deed {
            Deed::Windows(windows) => {
                self.windows = (1..)
                    .zip(&windows)
                    .map(|(number, window)| window.window(number))
                    .collect();
                self.chronicle.works.files.push((self.now, windows));
                self.reload();
                return;
            }
            Deed::Begin {
                kind,
                targets,
                length,
            } => {
                let targets: Vec<_> = targets.into_iter().map(TargetId::new).collect();
                self.chronicle.works.made.push(Work {
                    kind,
                    targets: targets.clone(),
                    length,
                    began: None,
                    ended: None,
                    end_wished: None,
                });
                let is_deploy = kind == PlanKind::Deploy;
                Wish::Begin {
                    kind,
                    targets,
                    length: Length::For(length),
                    why: String::from(if is_deploy { "" } else { "db restore" }),
                    release: None,
                }
            }
            Deed::End(number) => {
                let work = self.chronicle.works.made.get_mut(number);
                let Some(work) = work.filter(|work| work.ended.is_none()) else {
                    return;
                };
                let Some((_, id)) = work.began else { return };
                work.end_wished = Some(self.now);
                Wish::End { id }
            }
            Deed::Split { which, only_first } => {
                self.split(which, only_first);
                return;
            }
            Deed::Attend { which, says } => {
                self.attend(which, says);
                return;
            }
        };
        let by = Person {
            name: String::from("jan@laptop"),
            slack_user: None,
        };
        self.event(Event::Planned(Asked {
            number: 1,
            wish,
            by,
        }));
    }

    /// What became of a wish; whatever it was is stored.
    pub(crate) fn answered(&mut self, answer: &Answer) {
        use hekate::model::planned::Done;
        let works = &mut self.chronicle.works;
        match answer {
            Ok(Done::Begun { planned, .. }) => {
                let last = works.made.last().and_then(|work| work.began);
                if last != Some((self.now, planned.id)) {
                    let fault = format!("{} was promised and not stored", planned.id);
                    works.faults.push(fault);
                }
            }
            Ok(Done::Ended(planned)) => {
                let ended = |work: &&Work| work.ended.is_some_and(|(at, _)| at == self.now);
                let mut ended = works.made.iter().filter(ended);
                if !ended.any(|work| work.began.is_some_and(|(_, id)| id == planned.id)) {
                    let fault = format!("the end of {} was promised and not stored", planned.id);
                    works.faults.push(fault);
                }
            }
            Ok(Done::Acknowledged { .. } | Done::GivenBack { .. }) => self.attended(answer),
            Ok(Done::Announced(_)) => {}
            Ok(Done::Split { into, is_over, .. }) => {
                works.parted = Some((into.len(), *is_over));
            }
            Err(_) if works.wished.is_some() => self.attended(answer),
            // Whoever it was about was taken out of the file, or it ended at this very moment.
            Err(refused) if refused.is_missing => {}
            // What people may split changes before it is written down.
            Err(_) if works.splits => {}
            Err(refused) => works.faults.push(format!("it was refused: {refused:?}")),
        }
    }

    /// What keeps this target from being told.
    fn kept_of(&self, target: &TargetId) -> Vec<Kept> {
        let planned = self.chronicle.works.over(&self.chronicle, target);
        planned.into_iter().chain(self.hidden(target)).collect()
    }

    /// Of each target what keeps it from being told.
    pub(crate) fn kept(&self) -> Keeping {
        let targets = self.weather.keys();
        targets
            .map(|target| (target.clone(), self.kept_of(target)))
            .collect()
    }
}
