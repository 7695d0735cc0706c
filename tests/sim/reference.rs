//! A second opinion, kept apart from the judge: from the true answers that every look got, and from what people read in
//! their channels, it says in its own words and with its own numbers what must have been told and what must not.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use hekate::model::{ChannelName, Entry, EntryKey, Kind, Policy, Severity, TargetId, Verdict};

use crate::{
    planned::{self, Keeping, Works, kept_until, was_kept},
    weather::Sky,
    world::World,
};

/// The process counts in microseconds, the world in less.
const ROUNDING: Duration = Duration::from_millis(1);

/// One look and what it truly met.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) target: TargetId,
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
    pub(crate) sky: Sky,
    pub(crate) is_regular: bool,
    pub(crate) life: u32,
    pub(crate) policy: Policy,
}

/// What happened in a world, as it happened.
#[derive(Debug, Default)]
pub(crate) struct Chronicle {
    pub(crate) looks: HashMap<TargetId, Vec<Look>>,
    /// Every message that was decided on, once, with the time and the life of the process in which it was.
    pub(crate) decided: Vec<(Duration, u32, Entry)>,
    known: std::collections::BTreeSet<EntryKey>,
    /// When what was in question was thrown away: kills, stalls, moved clocks.
    pub(crate) voids: Vec<Duration>,
    /// When the file changed.
    pub(crate) reloads: Vec<Duration>,
    /// Who was taken out of the file, and when.
    pub(crate) taken_out: Vec<(Duration, TargetId)>,
    /// When hekate said that it is blind, or sees again.
    pub(crate) sights: Vec<(Duration, bool)>,
    /// What people and the file planned.
    pub(crate) works: Works,
    /// Whether the file leaves it at telling less of what flaps.
    is_damped: bool,
}

/// What a look of this sky says of its target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Word {
    Well,
    Bad,
    Else,
    Nothing,
}

fn word(sky: Sky) -> Word {
    match sky {
        Sky::SaysDown | Sky::NoDatabase | Sky::Refused | Sky::Silent | Sky::Drip => Word::Bad,
        Sky::Ends(_) if sky.is_warned_of() => Word::Else,
        Sky::Fine | Sky::Pausing | Sky::Ends(_) => Word::Well,
        Sky::Contradiction | Sky::SaysDegraded | Sky::Locked => Word::Else,
        Sky::NoDescriptors | Sky::Unseen | Sky::Unnamed => Word::Nothing,
    }
}

/// How long this has to last before anybody hears of it, as it is printed for people.
const fn patience(sky: Sky) -> Duration {
    Duration::from_secs(match sky {
        Sky::SaysDown | Sky::NoDatabase => 8,
        Sky::Refused => 12,
        Sky::Silent
        | Sky::Drip
        | Sky::Fine
        | Sky::Pausing
        | Sky::Contradiction
        | Sky::SaysDegraded
        | Sky::Locked
        | Sky::NoDescriptors
        | Sky::Unseen
        | Sky::Unnamed
        | Sky::Ends(_) => 20,
    })
}

/// The longest that people wait for the news of an outage of this kind, as it is printed for people.
pub(crate) fn longest(sky: Sky, policy: &Policy) -> Duration {
    if let Some(count) = policy.count {
        return policy.interval * u32::from(count.failures) + policy.timeout;
    }
    let span = patience(sky);
    policy.interval + policy.timeout + span + span / 10 + Duration::from_secs(8)
}

impl Chronicle {
    /// Of a world in which this is what the file says.
    pub(crate) fn of(is_damped: bool) -> Self {
        Self {
            is_damped,
            ..Self::default()
        }
    }

    pub(crate) fn look(&mut self, look: Look) {
        self.looks
            .entry(look.target.clone())
            .or_default()
            .push(look);
    }

    pub(crate) fn written(&mut self, now: Duration, life: u32, entry: &Entry) {
        if entry.instead_of.is_none() && self.known.insert(entry.key.clone()) {
            self.decided.push((now, life, entry.clone()));
        }
    }

    /// Looks at this target that had ended by then, last one first.
    pub(crate) fn before(&self, target: &TargetId, now: Duration) -> impl Iterator<Item = &Look> {
        self.looks
            .get(target)
            .into_iter()
            .flat_map(|looks| looks.iter().rev())
            .filter(move |look| look.ended <= now)
    }

    /// Whether failures in a row, seen by one life without an interruption, lasted long enough by then.
    fn has_full_run(&self, target: &TargetId, now: Duration, life: u32) -> bool {
        let void = self.voids.iter().filter(|at| **at <= now).max();
        let mut needed = Duration::ZERO;
        let mut last = None;
        let mut is_real = false;
        for look in self.before(target, now) {
            if look.life != life || void.is_some_and(|void| look.began + ROUNDING < *void) {
                return false;
            }
            match self.word_of(look) {
                Word::Bad => is_real = true,
                Word::Nothing if self.is_taken_for_silence(look, now) => {}
                Word::Nothing => continue,
                Word::Well | Word::Else => return false,
            }
            let last = *last.get_or_insert(look.began);
            needed = needed.max(patience(look.sky));
            if is_real && last.saturating_sub(look.ended) + ROUNDING >= needed {
                return true;
            }
        }
        false
    }

    /// What a look says, as far as it could see: silence says nothing while hekate has said that it is blind. Whether it is
    /// right to say so is another question, and asked elsewhere.
    pub(crate) fn word_of(&self, look: &Look) -> Word {
        let is_silence = matches!(look.sky, Sky::Silent | Sky::Drip);
        let said = |by: Duration| self.sights.iter().rfind(|(at, _)| *at <= by);
        let was_blind = |by: Duration| said(by).is_some_and(|(_, is_blind)| *is_blind);
        if is_silence && (was_blind(look.began) || was_blind(look.ended)) {
            return Word::Nothing;
        }
        word(look.sky)
    }

    /// A loss of our own network that was over before two rounds of witnesses could notice it looks like silence of the
    /// target. Beside true silence nobody can tell the two apart; by itself it has to accuse nobody.
    fn is_taken_for_silence(&self, look: &Look, now: Duration) -> bool {
        let sights = self.sights.iter().filter(|(at, _)| *at <= now);
        let last = sights
            .rev()
            .find(|(at, is_blind)| *is_blind || *at <= look.began);
        look.sky == Sky::Unseen && last.is_none_or(|(_, is_blind)| !is_blind)
    }

    /// Whether the last that was said of it by then is of an open incident of several.
    pub(crate) fn is_shared(&self, target: &TargetId, now: Duration) -> bool {
        let mut said = self.decided.iter();
        let last = said.rfind(|(at, _, entry)| *at <= now && said_of(entry, target).is_some());
        last.is_some_and(|(_, _, entry)| {
            let is_end = matches!(entry.kind, Kind::Recovered | Kind::Removed | Kind::Split);
            entry.story.many.is_some() && !is_end
        })
    }

    /// Whether it was told of as flapping, or often, so that what is new may have to last first.
    pub(crate) fn is_restless(&self, target: &TargetId, now: Duration) -> bool {
        let lately = |at: Duration| at <= now && now <= at + Duration::from_hours(2);
        let said = self.decided.iter();
        let said = said.filter(|(at, _, entry)| lately(*at) && said_of(entry, target).is_some());
        let (mut flapping, mut count) = (false, 0);
        for (_, _, entry) in said {
            flapping |= entry.story.flapping.is_some();
            count += 1;
        }
        self.is_damped && (flapping || count > 3)
    }

    /// The longest that people wait, if this is the longest for something that is told at once and by itself.
    fn with_patience(&self, target: &TargetId, from: Duration, bound: Duration) -> Duration {
        let bound = if self.is_restless(target, from + bound) {
            bound + STEADY
        } else {
            bound
        };
        if self.is_shared(target, from + bound) {
            bound + SHARED_PATIENCE
        } else {
            bound
        }
    }

    /// Whether somebody was told before, in the same incident, that a target is down, and of nothing else since.
    fn was_told(&self, now: Duration, target: &TargetId, entry: &Entry) -> bool {
        let mut told = self.decided.iter().filter(|(at, _, before)| {
            *at < now
                && before.key.incident == entry.key.incident
                && before.key.sequence < entry.key.sequence
        });
        let last = told.rfind(|(_, _, before)| said_of(before, target).is_some());
        last.is_some_and(|(_, _, before)| said_of(before, target) == Some(Verdict::Down))
    }

    /// Whether what this is a part of told the same of it last.
    fn was_told_in_whole(&self, target: &TargetId, at: Duration, part: &Entry) -> bool {
        let whole = planned::whole_of(part);
        let title = target.as_str().replacen('/', " ", 1);
        let told = self.decided.iter().rev().filter(|(then, _, entry)| {
            *then <= at
                && Some(entry.key.incident.as_str()) == whole
                && !matches!(entry.kind, Kind::Noted | Kind::Split)
        });
        let mut verdicts = told.filter_map(|(_, _, entry)| match &entry.story.many {
            Some(many) => {
                let mut members = many.members.iter();
                let one = members.find(|one| {
                    one.title == title || one.title.starts_with(&format!("{title} ("))
                })?;
                Some(one.verdict)
            }
            None => (entry.story.target.as_ref() == Some(target)).then_some(entry.story.to),
        });
        verdicts.next() == Some(part.story.to)
    }

    /// Whether it was down at some time before this one, and was not seen to be well again since.
    fn is_still_down(&self, target: &TargetId, now: Duration) -> bool {
        let mut well = 0;
        for look in self.before(target, now) {
            let is_full = match look.policy.count {
                Some(count) => self.has_full_count(target, look.ended, count.failures, count.of),
                None => self.has_full_run(target, look.ended, look.life),
            };
            if is_full {
                return true;
            }
            match self.word_of(look) {
                Word::Well => well += 1,
                Word::Bad | Word::Else => well = 0,
                Word::Nothing => {}
            }
            if well == 3 {
                return false;
            }
        }
        false
    }

    /// Whether enough looks in a row had failed by then, or a moment before.
    fn was_decided(
        &self,
        target: &TargetId,
        (at, life): (Duration, u32),
        policy: Option<&Policy>,
    ) -> bool {
        if let Some(count) = policy.and_then(|it| it.count) {
            self.before(target, at)
                .take_while(|look| look.ended + WAIT + DOUBT + ROUNDING >= at)
                .map(|look| look.ended)
                .chain([at])
                .any(|then| self.has_full_count(target, then, count.failures, count.of))
        } else {
            // It may have waited for others that were in question at the same time, a restart in that time changes
            // nothing of what was decided, and after it a look of the next life is waited for.
            let mut waited = self
                .before(target, at)
                .take_while(|look| look.ended + WAIT + DOUBT + ROUNDING >= at)
                .map(|look| (look.ended, look.life))
                .chain([(at, life)]);
            let untold = self.before(target, at);
            let mut untold = untold
                .take_while(|look| word(look.sky) != Word::Well)
                .filter(|look| look.life < life);
            waited.any(|(then, life)| self.has_full_run(target, then, life))
                || untold.any(|look| self.has_full_run(target, look.ended, look.life))
        }
    }

    /// Whether so many of the last regular looks failed.
    fn has_full_count(&self, target: &TargetId, now: Duration, failures: u8, of: u8) -> bool {
        let is_bad = |look: &Look| self.word_of(look) == Word::Bad;
        let regular = self.before(target, now).filter(|look| look.is_regular);
        let counted: Vec<_> = regular
            .filter(|look| {
                self.word_of(look) != Word::Nothing || self.is_taken_for_silence(look, now)
            })
            .take(usize::from(of))
            .filter(|look| !matches!(self.word_of(look), Word::Well | Word::Else))
            .collect();
        counted.len() >= usize::from(failures) && counted.into_iter().any(is_bad)
    }
}

/// What a message says of a target, by the name people call it.
fn said_of(entry: &Entry, target: &TargetId) -> Option<Verdict> {
    if let Some(many) = &entry.story.many {
        let name = target.as_str().replacen('/', " ", 1);
        let one = many.members.iter().find(|one| one.title == name)?;
        // Of what is told by itself by now, this says nothing.
        if one.words.starts_with("an incident of its own since") {
            return None;
        }
        return Some(one.verdict);
    }
    (entry.story.target.as_ref() == Some(target)).then_some(entry.story.to)
}

/// All of whom a message says something, and what.
pub(crate) fn named_in(chronicle: &Chronicle, entry: &Entry) -> Vec<(TargetId, Verdict)> {
    let targets = chronicle.looks.keys();
    targets
        .filter_map(|target| Some((target.clone(), said_of(entry, target)?)))
        .collect()
}

/// Who shares an incident hears of its changes after some time that grows with their number.
const SHARED_PATIENCE: Duration = Duration::from_mins(33);
/// What flaps is told when it has lasted for so long, and looks have come back.
const STEADY: Duration = Duration::from_secs(330);
/// Nobody hears of one target more often than this within an hour.
const HEARD_MAX: usize = 6;
/// So long after the end of a trouble of our own everything is looked at again.
const SEES_AGAIN: Duration = Duration::from_secs(20);
/// For so long a look may wait for witnesses: a pause, and two rounds of 3 s with a pause between them.
const DOUBT: Duration = Duration::from_secs(10);
/// For so long a trouble waits for others that are in question.
const WAIT: Duration = Duration::from_secs(10);

/// All that the second opinion has to say of a world in which everything healed in the end.
pub(crate) fn agrees(world: &World, keeping: &Keeping, seed: u64) {
    let mut faults = Vec::new();
    for (at, life, entry) in &world.chronicle.decided {
        faults.extend(unfounded(world, keeping, *at, *life, entry));
        faults.extend(unfounded_members(world, *at, entry));
    }
    faults.extend(told_twice(&world.chronicle));
    faults.extend(told_too_often(&world.chronicle));
    faults.extend(untold(world, keeping));
    faults.extend(unfinished(world));
    faults.extend(undelivered(world));
    assert!(
        faults.is_empty(),
        "the second opinion on the world with HEKATE_SIM_SEED={seed}:\n{}",
        faults.join("\n")
    );
}

/// A message that what was seen does not bear out.
fn unfounded(
    world: &World,
    keeping: &Keeping,
    at: Duration,
    life: u32,
    entry: &Entry,
) -> Option<String> {
    let chronicle = &world.chronicle;
    let target = entry.story.target.as_ref()?;
    let last = |count: usize| {
        let looks = chronicle.before(target, at);
        let looks = looks.filter(|look| chronicle.word_of(look) != Word::Nothing);
        looks.take(count).collect::<Vec<_>>()
    };
    let policy = last(1).first().map(|look| look.policy.clone());
    let is_founded = match (entry.kind, entry.story.to) {
        // Somebody split what told of it: that is no news, and it says what was told, if it is not so still. What it is by now is told as
        // ever.
        (Kind::Opened, Verdict::Down) if planned::whole_of(entry).is_some() => {
            let is_so = last(1)
                .first()
                .is_some_and(|look| word(look.sky) == Word::Bad && look.life == life);
            is_so
                || chronicle.is_still_down(target, at)
                || chronicle.was_told_in_whole(target, at, entry)
        }
        // What flaps and stays down is told later than it was decided.
        (Kind::Opened | Kind::Changed, Verdict::Down) if entry.story.flapping.is_some() => last(1)
            .first()
            .is_some_and(|look| word(look.sky) == Word::Bad && look.life == life),
        // Others hear of what was told before: it has to be so still.
        (Kind::Opened, Verdict::Down) if chronicle.was_told(at, target, entry) => last(1)
            .first()
            .is_some_and(|look| word(look.sky) == Word::Bad && look.life == life),
        // Something planned kept it from being told when it was decided.
        (Kind::Opened | Kind::Changed, Verdict::Down)
            if was_kept(keeping, target, at) && chronicle.is_still_down(target, at) =>
        {
            true
        }
        (Kind::Opened | Kind::Changed, Verdict::Down) => {
            chronicle.was_decided(target, (at, life), policy.as_ref())
        }
        // Held back for half an hour, or an hour if much was told before, and an absence may lie between.
        (Kind::Opened, _) => chronicle
            .before(target, at)
            .take_while(|look| look.ended + Duration::from_mins(110) >= at)
            .any(|look| !matches!(look.sky, Sky::Fine | Sky::Unseen | Sky::Unnamed)),
        (Kind::Recovered, Verdict::Operational) => {
            let looks = last(3);
            // An end that had to wait was decided before, and one bad look since then is no news.
            let has_waited = chronicle.is_restless(target, at);
            let well = looks
                .iter()
                .filter(|look| word(look.sky) == Word::Well)
                .count();
            well == 3 || has_waited
        }
        (Kind::Reminder, Verdict::Down) => last(1)
            .first()
            .is_some_and(|look| word(look.sky) == Word::Bad && look.life == life),
        (Kind::Recovered, _) => false,
        (
            Kind::Changed
            | Kind::Reminder
            | Kind::Removed
            | Kind::Notice
            | Kind::Noted
            | Kind::Split,
            _,
        ) => true,
    };
    (!is_founded).then(|| {
        format!(
            "{:?} said at {at:?} that {target} is {}, and that is not what was seen: {:?}",
            entry.kind,
            entry.story.to,
            sights(chronicle.before(target, at))
        )
    })
}

/// The last looks in short: when, what, in which life.
fn sights<'a>(looks: impl Iterator<Item = &'a Look>) -> Vec<(Duration, Duration, Sky, u32)> {
    let last = looks.take(12);
    last.map(|look| (look.began, look.ended, look.sky, look.life))
        .collect()
}

/// Whether there ever were good looks in a row, three or as many as are counted.
fn has_healed(looks: &[&Look]) -> bool {
    (0..looks.len()).any(|last| {
        let count = looks[last].policy.count;
        let enough = count.map_or(3, |count| count.failures.min(3));
        let row = looks[last..].iter().take(enough.into());
        row.len() == usize::from(enough)
            && row.clone().all(|look| {
                // A certificate that is to be renewed is told by itself.
                matches!(word(look.sky), Word::Well | Word::Nothing)
                    || matches!(look.sky, Sky::Ends(_))
            })
    })
}

/// A message about several that what was seen of one of them does not bear out.
fn unfounded_members(world: &World, at: Duration, entry: &Entry) -> Vec<String> {
    let Some(many) = &entry.story.many else {
        return Vec::new();
    };
    let chronicle = &world.chronicle;
    let mut faults = Vec::new();
    for one in &many.members {
        let name = one.title.as_str();
        let targets = chronicle.looks.keys();
        let Some(target) = targets
            .into_iter()
            .find(|target| target.as_str().replacen('/', " ", 1) == name)
        else {
            faults.push(format!("{name} was told of, and nobody ever looked at it"));
            continue;
        };
        let looks: Vec<_> = chronicle.before(target, at).collect();
        let is_founded = match one.verdict {
            Verdict::Down => looks.iter().any(|look| match look.policy.count {
                Some(count) => {
                    chronicle.has_full_count(target, look.ended, count.failures, count.of)
                }
                None => chronicle.has_full_run(target, look.ended, look.life),
            }),
            Verdict::Degraded | Verdict::Unknown => looks
                .iter()
                .any(|look| !matches!(look.sky, Sky::Fine | Sky::Unseen | Sky::Unnamed)),
            Verdict::Operational => one.words == "taken out of the file" || has_healed(&looks),
            Verdict::Suspect => false,
        };
        if !is_founded {
            faults.push(format!(
                "{:?} said at {at:?} that {name} is {} ({}), and that was never seen: {:?}",
                entry.kind,
                one.verdict,
                one.words,
                sights(looks.into_iter())
            ));
        }
    }
    faults
}

/// What a message says: the worst, the words, how each of several is, and of what flaps whether this lasts.
type Said<'a> = (
    Verdict,
    Severity,
    &'a str,
    Option<Vec<(&'a str, Verdict)>>,
    Option<bool>,
);

/// A message that says to a channel what the one before it said.
fn told_twice(chronicle: &Chronicle) -> Vec<String> {
    let mut last: HashMap<(&ChannelName, String), Said<'_>> = HashMap::new();
    let mut faults = Vec::new();
    for (at, _, entry) in &chronicle.decided {
        // Who was split off and comes back to the whole is news to it.
        if let Some(whole) = planned::whole_of(entry) {
            last.remove(&(&entry.key.channel, whole.to_owned()));
        }
        // A reminder of several, and one of something that flaps, says how it is by then, so what was said before is news again.
        let is_telling = entry.story.many.is_some() || entry.story.flapping.is_some();
        let is_reminder = entry.kind == Kind::Reminder && is_telling;
        if !matches!(entry.kind, Kind::Opened | Kind::Changed) && !is_reminder {
            continue;
        }
        let whom = (&entry.key.channel, entry.key.incident.to_string());
        let how = entry.story.many.as_ref().map(|many| {
            let members = many.members.iter();
            members
                .map(|one| (one.title.as_str(), one.verdict))
                .collect::<Vec<_>>()
        });
        let flapping = entry.story.flapping.as_deref();
        let lasts = flapping.map(|flapping| flapping.is_steady);
        let what = (
            entry.story.to,
            entry.story.severity,
            entry.story.reason.words.as_str(),
            how,
            lasts,
        );
        if last.insert(whom, what.clone()) == Some(what.clone()) && !is_reminder {
            faults.push(format!("{:?} says at {at:?} again: {what:?}", entry.key));
        }
    }
    faults
}

/// From when on something that lasted from `from` to `until` could be seen without a break.
fn seen_from(world: &World, from: Duration, until: Duration) -> Duration {
    let troubles = world.eyes.troubles().into_iter();
    let over = troubles.filter(|(begin, end, _)| *begin <= until && *end + SEES_AGAIN > from);
    over.map(|(_, end, _)| end.saturating_add(SEES_AGAIN))
        .fold(from, Duration::max)
}

/// Whether this is what tells a channel that an incident is a disaster.
fn is_first_of_disaster(chronicle: &Chronicle, entry: &Entry) -> bool {
    let is_disaster = |other: &Entry| other.story.severity == Severity::Disaster;
    let mut others = chronicle.decided.iter().map(|(_, _, other)| other);
    is_disaster(entry)
        && others.all(|other| {
            let (key, other_key) = (&entry.key, &other.key);
            (&other_key.channel, &other_key.incident) != (&key.channel, &key.incident)
                || other_key.sequence >= key.sequence
                || !is_disaster(other)
        })
}

/// A target of which a channel was told more often than people want to hear of anything.
fn told_too_often(chronicle: &Chronicle) -> Vec<String> {
    let mut heard: HashMap<(&ChannelName, &TargetId), Vec<Duration>> = HashMap::new();
    let mut faults = Vec::new();
    for (at, _, entry) in chronicle.decided.iter().filter(|_| chronicle.is_damped) {
        let Some(target) = entry.story.target.as_ref() else {
            continue;
        };
        // That nobody holds up production any more is heard, whatever was heard before.
        if is_first_of_disaster(chronicle, entry) {
            continue;
        }
        // That it is not watched any more is somebody's own doing.
        let is_own_doing = matches!(entry.kind, Kind::Notice | Kind::Removed);
        if is_own_doing || planned::whole_of(entry).is_some() {
            continue;
        }
        let times = heard.entry((&entry.key.channel, target)).or_default();
        times.retain(|then| *at < *then + Duration::from_hours(1));
        // Whoever was taken out of the file is forgotten, so what is put back later is somebody else.
        let taken_out = chronicle.taken_out.iter();
        let mut taken_out = taken_out.filter(|(out, who)| who == target && out <= at);
        if let Some((out, _)) = taken_out.next_back() {
            times.retain(|then| then > out);
        }
        times.push(*at);
        // Dates are all that a new process has, and clocks may have been moved before it began.
        let is_calm = chronicle
            .voids
            .iter()
            .all(|void| void > at || *void + Duration::from_hours(1) < *at);
        if is_calm && times.len() > HEARD_MAX {
            let count = times.len();
            faults.push(format!("{:?} is one of {count} within an hour", entry.key));
        }
    }
    faults
}

/// An outage that lasted for longer than people were promised, and of which nothing was said.
fn untold(world: &World, keeping: &Keeping) -> Vec<String> {
    let chronicle = &world.chronicle;
    let mut faults = Vec::new();
    for (target, weather) in &world.weather {
        let kept = keeping.get(target).map_or(&[][..], Vec::as_slice);
        for (from, until, sky) in weather.stretches(world.now) {
            if word(sky) != Word::Bad {
                continue;
            }
            let calm = |at: &Duration| *at + Duration::from_mins(3) < from || *at > until;
            let is_calm = chronicle.voids.iter().all(calm)
                && chronicle.reloads.iter().all(calm)
                && world
                    .disturbed
                    .iter()
                    .all(|(begin, end)| *end < from || *begin > until);
            // Whoever was taken out of the file meanwhile is not looked at.
            let policy = chronicle
                .before(target, until)
                .next()
                .filter(|look| look.ended >= from)
                .map(|look| look.policy.clone());
            let Some(policy) = policy.filter(|_| is_calm) else {
                continue;
            };
            // What was something milder a moment ago may be decided as that first; where looks are counted, the last ones are
            // counted together, however long ago they were.
            let counted = policy
                .count
                .map(|count| policy.interval * u32::from(count.of));
            let moment = Duration::from_mins(1).max(counted.unwrap_or_default());
            let is_mixed = chronicle
                .before(target, until)
                .skip_while(|look| look.began >= from)
                .take_while(|look| look.ended + moment >= from)
                .any(|look| look.sky != Sky::Fine);
            // What is half bad already may take the longer patience with lossy paths.
            let bound = longest(sky, &policy).max(Duration::from_secs(if policy.count.is_none() {
                103
            } else {
                0
            }));
            let bound = if is_mixed { bound * 2 } else { bound } + WAIT;
            let bound = chronicle.with_patience(target, from, bound);
            // What began or went on while nothing could be seen is told once it can be seen.
            let from = seen_from(world, from, until);
            // What was kept by something planned is told when that ends, or with the next look.
            let from = match kept_until(kept, from, bound) {
                later if later > from => later.saturating_add(policy.interval + policy.timeout),
                _ => from,
            };
            if until < from + bound {
                continue;
            }
            let said = chronicle
                .decided
                .iter()
                .filter(|(at, _, entry)| *at <= from + bound && said_of(entry, target).is_some())
                .rfind(|(_, _, entry)| entry.kind != Kind::Notice);
            if said.is_none_or(|(_, _, entry)| said_of(entry, target) != Some(Verdict::Down)) {
                faults.push(format!(
                    "{target} was {sky:?} from {from:?} to {until:?}, and the last word was {:?}; it was looked at {:?}",
                    said.map(|(at, _, entry)| (at, entry.kind, said_of(entry, target))),
                    sights(chronicle.before(target, from + bound))
                ));
            }
        }
    }
    faults
}

/// A channel in which the last word about a target is not its end, or in which an end came without a beginning.
fn unfinished(world: &World) -> Vec<String> {
    let mut last: BTreeMap<(&ChannelName, String), Kind> = BTreeMap::new();
    let mut faults = Vec::new();
    for arrived in &world.receiver.arrived {
        let entries = arrived.keys.iter().zip(&arrived.kinds);
        for ((key, kind), is_in_place) in entries.zip(&arrived.is_in_place) {
            if *kind == Kind::Notice {
                continue;
            }
            let whom = (&arrived.channel, key.incident.to_string());
            let is_end = matches!(kind, Kind::Recovered | Kind::Removed | Kind::Split);
            // Whoever hears it in place of a channel that refuses it now may not have been asked at the beginning, and a channel
            // that was not in the file at the beginning was not told of it.
            let is_left_out = world.left_out.contains(arrived.channel.as_str());
            if is_end && !is_in_place && !is_left_out && !last.contains_key(&whom) {
                faults.push(format!(
                    "#{} heard of the end of {} and of nothing before, at {:?}",
                    arrived.channel, key.incident, arrived.at
                ));
            }
            last.insert(whom, *kind);
        }
    }
    for ((channel, incident), kind) in last {
        let is_left_out = world.left_out.contains(channel.as_str());
        if !is_left_out && !matches!(kind, Kind::Recovered | Kind::Removed | Kind::Split) {
            faults.push(format!(
                "#{channel} heard {} of {incident} as the last word",
                kind.as_str()
            ));
        }
    }
    faults
}

/// A message for a channel that has been well for long, and that did not arrive within seconds.
fn undelivered(world: &World) -> Vec<String> {
    let mut faults = Vec::new();
    let disturbed = |at: Duration| {
        let chronicle = &world.chronicle;
        let near = |other: &Duration| {
            *other + Duration::from_mins(3) > at && *other < at + Duration::from_mins(3)
        };
        chronicle.voids.iter().any(near) || chronicle.reloads.iter().any(near)
    };
    for (at, _, entry) in &world.chronicle.decided {
        let key = &entry.key;
        let is_left_out = world.left_out.contains(key.channel.as_str());
        let at = &world.due_at(*at, entry);
        let is_seen = world.sees(
            at.saturating_sub(Duration::from_mins(75)),
            *at + Duration::from_mins(1),
        );
        let is_moved = !world.minor.is_empty() && world.chronicle.works.is_moved();
        if is_left_out
            || is_moved
            || disturbed(*at)
            || !is_seen
            || !world.is_due_known(entry)
            || !world.receiver.is_well(&key.channel, *at)
        {
            continue;
        }
        let arrived = world
            .receiver
            .arrived
            .iter()
            .find(|arrived| arrived.keys.contains(key));
        // Others of the same moment may be before it, a second each.
        if arrived.is_none_or(|arrived| arrived.at > *at + Duration::from_secs(20)) {
            faults.push(format!(
                "{key:?} ({:?}, {}, {:?}) was due at {at:?} and arrived at {:?}",
                entry.kind,
                entry.story.to,
                entry.story.many,
                arrived.map(|arrived| arrived.at)
            ));
        }
    }
    faults
}
