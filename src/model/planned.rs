//! What people have planned or taken on: silences, maintenance, announced deploys, acknowledgements.
//!
//! All of it may stop a new telling; none of it stops a look, or the end of what was told.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{Days, NaiveTime, TimeZone as _};
use chrono_tz::Tz;

use super::{
    calendar::Times,
    names::{IncidentId, TargetId},
    plan::Matcher,
    release::{Announced, Announcement, Change, Release},
    time::Timestamp,
};

/// The longest silence or maintenance that a person can begin; the file may say more.
pub const LENGTH_MAX: Duration = Duration::from_hours(24);
/// The shortest.
pub const LENGTH_MIN: Duration = Duration::from_mins(1);
/// How long a deploy may take unless its announcement says more.
pub const DEPLOY_DEFAULT: Duration = Duration::from_mins(5);
/// The longest that an announced deploy may take.
pub const DEPLOY_MAX: Duration = Duration::from_hours(1);
/// So many targets of an incident become incidents of their own at once: each is a message in its channels.
pub const SPLIT_MAX: usize = 20;
/// So many plans of people are kept at once.
pub const PLANS_MAX: usize = 200;
/// The most characters of a reason, a release or a name that are kept.
pub const WORDS_MAX: usize = 200;

/// What kind of plan somebody made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PlanKind {
    /// Nobody wants to hear of it for a while.
    Silence,
    /// Somebody works on it.
    Maintenance,
    /// A new release is being put there.
    Deploy,
}

impl PlanKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Silence, Self::Maintenance, Self::Deploy];

    /// The word for people, records and commands.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Maintenance => "maintenance",
            Self::Deploy => "deploy",
        }
    }

    /// The first letter of its ids.
    const fn letter(self) -> char {
        match self {
            Self::Silence => 's',
            Self::Maintenance => 'm',
            Self::Deploy => 'd',
        }
    }
}

/// What people call a plan: a letter for its kind and a number that no other plan has, such as `s41`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PlanId {
    /// Its kind.
    pub kind: PlanKind,
    /// Runs up over all kinds; from 1.
    pub number: u64,
}

impl PlanId {
    /// The id that somebody wrote, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        let mut letters = word.chars();
        let letter = letters.next()?.to_ascii_lowercase();
        let digits = letters.as_str();
        let kind = PlanKind::ALL
            .into_iter()
            .find(|kind| kind.letter() == letter)?;
        let is_number = !digits.is_empty()
            && digits.bytes().all(|digit| digit.is_ascii_digit())
            && !digits.starts_with('0');
        let number = digits.parse().ok().filter(|_| is_number)?;
        Some(Self { kind, number })
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}{}", self.kind.letter(), self.number))
    }
}

/// Somebody who did something.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Person {
    /// What to call them: `jan@laptop`. Cleaned; may be foreign.
    pub name: String,
    /// The user's id in Slack, from a signed request.
    pub slack_user: Option<String>,
}

impl Person {
    /// Whether this is the same person: who speaks to the bot has no name there, and is the same all the same.
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (&self.slack_user, &other.slack_user) {
            (Some(one), Some(other)) => one == other,
            (Some(_) | None, _) => self == other,
        }
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// A silence, a maintenance or a deploy that somebody began or announced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planned {
    /// What people call it.
    pub id: PlanId,
    /// What it takes, as routes do; never everything.
    pub matcher: Matcher,
    /// Why; of a deploy empty.
    pub why: String,
    /// Of a deploy what is deployed, if that was said.
    pub release: Option<String>,
    /// Who made it.
    pub by: Person,
    /// When it was made, which is when it begins.
    pub from: Timestamp,
    /// When it ends; at the latest, if it ends with what it is about.
    pub until: Timestamp,
    /// Whether it ends as soon as nobody of those whom it is about is bad any more.
    pub is_until_recovered: bool,
    /// How it ended, if it has.
    pub ended: Option<Ended>,
}

impl Planned {
    /// When it ends, behind "until": `22 Nov 16:20:00 CET`, or `it recovers, at the latest 22 Nov 16:20:00 CET`; the time in
    /// the given words.
    pub fn end(&self, until: &str) -> String {
        if self.is_until_recovered {
            let they = match self.matcher.targets.len() {
                1 => "it recovers",
                _ => "they recover",
            };
            format!("{they}, at the latest {until}")
        } else {
            until.to_owned()
        }
    }
}

/// When somebody wants a plan to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Length {
    /// After so long.
    For(Duration),
    /// At the next such time of day of the file's zone.
    At(NaiveTime),
    /// As soon as nobody of those whom it is about is bad any more, and after [`LENGTH_MAX`] in any case.
    Recovered,
}

impl Length {
    /// The time of day that somebody wrote: `8:00`, `08:00`.
    pub fn clock(word: &str) -> Option<NaiveTime> {
        let (hour, minute) = word.split_once(':')?;
        let is_number = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
        let is_clock = (1..=2).contains(&hour.len()) && minute.len() == 2;
        if !is_clock || !is_number(hour) || !is_number(minute) {
            return None;
        }
        NaiveTime::from_hms_opt(hour.parse().ok()?, minute.parse().ok()?, 0)
    }

    /// How long that is from now on, at the longest. A time of day that is less than [`LENGTH_MIN`] away is that of
    /// tomorrow; where a clock that is put back makes that longer than [`LENGTH_MAX`], it ends after that.
    pub fn from_now(self, now: Timestamp, zone: Tz) -> Duration {
        match self {
            Self::For(length) => length,
            Self::At(time) => until(time, now, zone).min(LENGTH_MAX),
            Self::Recovered => LENGTH_MAX,
        }
    }
}

fn until(time: NaiveTime, now: Timestamp, zone: Tz) -> Duration {
    let local = now.to_utc().with_timezone(&zone);
    let days = (0..3).filter_map(|days| {
        let day = local.date_naive().checked_add_days(Days::new(days))?;
        let at = zone.from_local_datetime(&day.and_time(time)).earliest()?;
        (at - local).to_std().ok()
    });
    days.into_iter()
        .find(|wait| *wait > LENGTH_MIN)
        .unwrap_or(LENGTH_MAX)
}

/// How a plan ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub how: HowEnded,
    /// Who ended it, if somebody did.
    pub by: Option<Person>,
}

/// Why a plan ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HowEnded {
    /// Its time was over.
    Over,
    /// Somebody ended it.
    Stopped,
    /// What was deployed went down and came back.
    CameBack,
    /// Another one took its place.
    Replaced,
    /// Nobody of those whom it was about was bad any more.
    Recovered,
}

impl HowEnded {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Stopped => "ended",
            Self::CameBack => "came back",
            Self::Replaced => "replaced",
            Self::Recovered => "recovered",
        }
    }
}

/// `maintenance:` a window of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    /// What it is called.
    pub name: String,
    /// What it takes; never by state.
    pub matcher: Matcher,
    /// When it is open.
    pub times: Times,
}

/// Somebody has taken an incident on: no more reminders until it changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acknowledgement {
    /// Who.
    pub by: Person,
    /// When.
    pub at: Timestamp,
    /// What they said about it, if anything.
    pub why: Option<String>,
}

impl Acknowledgement {
    /// `acknowledged by jan@laptop: I am restarting it`.
    pub fn words(&self) -> String {
        match &self.why {
            Some(why) => format!("acknowledged by {}: {why}", self.by),
            None => format!("acknowledged by {}", self.by),
        }
    }
}

/// What people do about an open incident.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Attended {
    /// Who is on it, if anybody is.
    pub on_it: Option<Acknowledgement>,
    /// That all that is still bad of it is silenced or in maintenance, if it is.
    pub silent: Option<Silent>,
    /// What somebody did just now, as a clause without a full stop; empty if this is not told because of that. May be foreign.
    pub deed: String,
    /// The user's id in Slack of whoever has to do something because of that.
    pub calls: Option<String>,
}

/// That nobody hears of something for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Silent {
    /// Until when, at the latest.
    pub until: Timestamp,
    /// Whether it ends as soon as it recovers.
    pub is_until_recovered: bool,
}

impl Attended {
    /// Whether nobody does anything about it.
    pub const fn is_nothing(&self) -> bool {
        self.on_it.is_none() && self.silent.is_none() && self.deed.is_empty()
    }
}

/// What somebody wishes to be planned or taken on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wish {
    /// A silence, a maintenance or a deploy, from now on.
    Begin {
        /// Which.
        kind: PlanKind,
        /// Whom it is about; not empty, of a deploy exactly one.
        targets: Vec<TargetId>,
        /// When it is to end; of a deploy never [`Length::Recovered`].
        length: Length,
        /// Why; of a deploy empty.
        why: String,
        /// Of a deploy what is deployed, if that is said.
        release: Option<String>,
    },
    /// The end of one that was begun.
    End {
        /// Which.
        id: PlanId,
    },
    /// Somebody takes an incident on.
    Acknowledge {
        /// Which.
        incident: IncidentId,
        /// What they say about it.
        why: Option<String>,
        /// What is to become of it if somebody else has taken it on.
        if_taken: IfTaken,
    },
    /// Whoever is on an incident is not any more.
    GiveBack {
        /// Which.
        incident: IncidentId,
    },
    /// Somebody else is on an incident from now on, whoever was before.
    HandOver {
        /// Which.
        incident: IncidentId,
        /// Who.
        to: Person,
    },
    /// Targets of an incident of several become incidents of their own.
    Split {
        /// Which.
        incident: IncidentId,
        /// Which of its targets; empty for all that are bad.
        targets: Vec<TargetId>,
    },
    /// Something is released.
    Announce(Box<Announcement>),
}

/// What is to become of an incident that somebody else has taken on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IfTaken {
    /// It is theirs from now on.
    TakeOver,
    /// It stays with whoever was first.
    Leave,
}

/// A wish on its way to the engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// The answer carries it.
    pub number: u64,
    /// What is wished.
    pub wish: Wish,
    /// By whom.
    pub by: Person,
}

/// What was done; it is stored when this is answered.
#[derive(Clone, PartialEq, Debug)]
pub enum Done {
    /// It began.
    Begun {
        /// As it stands.
        planned: Planned,
        /// What the asker has to know beside it, as a sentence without a full stop.
        but: Option<String>,
    },
    /// It has ended.
    Ended(Planned),
    /// Somebody has taken it on.
    Acknowledged {
        /// The incident.
        incident: IncidentId,
        /// What people call those whom it is about.
        titles: Vec<String>,
        /// Who, when, and what they said.
        acknowledgement: Acknowledgement,
    },
    /// Nobody is on it any more.
    GivenBack {
        /// The incident.
        incident: IncidentId,
        /// What people call those whom it is about.
        titles: Vec<String>,
    },
    /// Some of its targets are incidents of their own now.
    Split {
        /// The incident of several.
        incident: IncidentId,
        /// Each new one, and what people call its target.
        into: Vec<(IncidentId, String)>,
        /// Whether nobody bad is left in it, so that it is over.
        is_over: bool,
    },
    /// A release is known.
    Announced(Box<Announced>),
}

/// Why a wish was not done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Whether it is about something that is not there (any more).
    pub is_missing: bool,
    /// As a sentence without a full stop.
    pub words: String,
}

/// What became of a wish.
pub type Answer = Result<Done, Refused>;

/// What keeps a target from being told of, as the grid and the page say it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// What kind.
    pub kind: PlanKind,
    /// The id, or the name of a window of the file.
    pub name: String,
    /// When it ends.
    pub until: Timestamp,
    /// Who made it; absent if the file did.
    pub by: Option<String>,
}

impl Note {
    /// As people read it, without the time: `silenced by jan@laptop`, `maintenance staging rebuild`.
    pub fn words(&self) -> String {
        let by = self
            .by
            .as_ref()
            .map(|by| format!(" by {by}"))
            .unwrap_or_default();
        match (self.kind, &self.by) {
            (PlanKind::Silence, _) => format!("silenced{by}"),
            (PlanKind::Maintenance, None) => format!("in maintenance: {}", self.name),
            (PlanKind::Maintenance, Some(_)) => format!("in maintenance{by}"),
            (PlanKind::Deploy, _) => format!("being deployed{by}"),
        }
    }
}

/// All that is planned, and what was released or changed lately, as it can be listed.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Agenda {
    /// What people began, oldest first.
    pub made: Vec<Arc<Planned>>,
    /// The windows of the file, in its order.
    pub windows: Vec<WindowFacts>,
    /// What was released, oldest first.
    pub releases: Vec<Arc<Release>>,
    /// What may be why something fails, oldest first.
    pub changes: Arc<[Change]>,
    /// How long before a trouble what changed is said of it.
    pub near_within: Duration,
}

/// A window of the file as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WindowFacts {
    /// What it is called.
    pub name: String,
    /// From when to when, if it is open.
    pub open: Option<(Timestamp, Timestamp)>,
    /// When it opens next, if it ever does.
    pub opens_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_what_people_write() {
        for kind in PlanKind::ALL {
            for number in [1, 41, 100_000, u64::MAX] {
                let id = PlanId { kind, number };
                assert_eq!(PlanId::from_word(&id.to_string()), Some(id));
                assert_eq!(PlanId::from_word(&id.to_string().to_uppercase()), Some(id));
            }
        }
        for word in [
            "",
            "s",
            "41",
            "x41",
            "s041",
            "s0",
            "s4 1",
            "s+4",
            "s-4",
            "s99999999999999999999",
            "š4",
            "s４",
        ] {
            assert_eq!(PlanId::from_word(word), None, "{word}");
        }
    }

    #[test]
    fn a_time_of_day_is_the_next_one_and_never_more_than_a_day_away() {
        let prague = chrono_tz::Europe::Prague;
        let at = |text: &str| {
            let time = chrono::DateTime::parse_from_rfc3339(text).unwrap();
            Timestamp::from_millis(time.timestamp_millis())
        };
        for (now, minutes) in [
            ("2026-11-21T23:00:00+01:00", 9 * 60),
            ("2026-11-22T00:30:00+01:00", 7 * 60 + 30),
            ("2026-11-22T08:00:00+01:00", 24 * 60),
            ("2026-11-22T07:59:30+01:00", 24 * 60),
            // The night in which an hour is lived twice, and the one that lacks one.
            ("2026-10-24T22:00:00+02:00", 11 * 60),
            ("2026-10-24T08:00:00+02:00", 24 * 60),
            ("2026-03-28T22:00:00+01:00", 9 * 60),
        ] {
            let eight = Length::At(Length::clock("8:00").unwrap());
            let length = eight.from_now(at(now), prague);
            assert_eq!(length.as_secs() / 60, minutes, "{now}");
        }
        // A time that the clock skips is that of the day after.
        let skipped = Length::At(Length::clock("02:30").unwrap());
        let length = skipped.from_now(at("2026-03-28T22:00:00+01:00"), prague);
        assert_eq!(length, LENGTH_MAX);
        for word in [
            "", "8", "24:00", "8:60", "8:0", "+8:00", "008:00", "8:00:00", "８:00",
        ] {
            assert_eq!(Length::clock(word), None, "{word}");
        }
    }
}
