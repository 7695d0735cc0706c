//! Jobs: work that runs by itself at its times and calls us when it begins and when it ends.

use std::{fmt, time::Duration};

use chrono_tz::Tz;

use super::{
    calendar::Recurring, living::Account, names::ChannelName, secret::Secret, text::span,
    time::Timestamp,
};

/// The group in which jobs stand on the board.
pub const GROUP: &str = "job";
/// A job may be on the way so many times at once; of more the oldest is forgotten.
pub const RUNS_MAX: usize = 8;
/// The longest name of a run, in characters; longer ones are cut.
pub const RUN_ID_MAX: usize = 64;
/// The longest time that a run can say it took.
pub const TOOK_MAX: Duration = Duration::from_hours(365 * 24);

/// `jobs:` when a job runs, and what is expected of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobQuestion {
    /// `schedule:` or `period:`
    pub rhythm: Rhythm,
    /// `grace:` how late a run may begin, or end if it does not tell its beginning; and for how much longer than `max_runtime` it may
    /// run before it counts as stuck. 1 s to 7 days. Default a tenth of the time between two runs, at least 1 min and at most 1 h.
    pub grace: Duration,
    /// `max_runtime:` how long a run may take. Default: until the next one is late.
    pub max_runtime: Option<Duration>,
    /// `third_party:` whom the data comes from, for the words of a failure that is theirs.
    pub third_party: Option<String>,
    /// `third_party_exit_codes:` what the job ends with when the fault is theirs.
    pub third_party_exit_codes: Vec<u8>,
    /// `channel:`, if each run is told there (`announce: runs`).
    pub told_in: Option<ChannelName>,
    /// Who may call.
    pub keys: JobKeys,
}

/// What a caller has to know; one of them will do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobKeys {
    /// The job's own: as a bearer token, or in the path in place of its name (`/ping/<token>`).
    pub own: Option<Secret>,
    /// The token of `server`, as a bearer token.
    pub server: Option<Secret>,
    /// `ping_key` of `server`, in the path (`/ping/<ping key>/<job>`).
    pub ping: Option<Secret>,
}

/// When a job runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rhythm {
    /// `schedule:` a cron line in a time zone.
    Cron(Recurring),
    /// `period:` so long after the run before.
    Every(Duration),
}

impl Rhythm {
    /// The first time after this one at which a run is due; absent if none ever is.
    pub fn due_after(&self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron(line) => line.opens_after(at),
            Self::Every(period) => Some(at + *period),
        }
    }

    /// The last time up to `now` at which a run was due, counted from `from`, after which it was not due yet.
    pub fn last_due(&self, from: Timestamp, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron(line) => line.opened_by(now).filter(|due| *due > from),
            Self::Every(period) => {
                let times = now.since(from).as_millis() / period.as_millis().max(1);
                let times = u32::try_from(times).unwrap_or(u32::MAX);
                (times > 0).then(|| from + period.saturating_mul(times))
            }
        }
    }

    /// The time between two runs; of a cron line between the next two after `at`, at most a year.
    pub fn gap(&self, at: Timestamp) -> Duration {
        const YEAR: Duration = Duration::from_hours(365 * 24);
        match self {
            Self::Cron(line) => {
                let first = line.opens_after(at);
                let second = first.and_then(|first| line.opens_after(first));
                first
                    .zip(second)
                    .map_or(YEAR, |(first, second)| second.since(first).min(YEAR))
            }
            Self::Every(period) => *period,
        }
    }
}

/// For people: `every 2 h`, `at 0 */2 * * * (Europe/Prague)`. It changes whenever the rhythm does.
impl fmt::Display for Rhythm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cron(line) if line.timezone == Tz::UTC => write!(f, "at {}", line.line()),
            Self::Cron(line) => write!(f, "at {} ({})", line.line(), line.timezone.name()),
            Self::Every(period) => write!(f, "every {}", span(*period)),
        }
    }
}

/// What a job says when it calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ping {
    /// What happened.
    pub what: Pinged,
    /// Which run it is about; empty if the job does not tell its runs apart. At most [`RUN_ID_MAX`] characters.
    pub run: String,
    /// What the job says of itself; cleaned, at most 300 characters, empty if nothing.
    pub said: String,
    /// Whose fault a failure is, if the job says so.
    pub fault: Option<Fault>,
    /// How long the run took, if whoever tells its end has measured it; at most [`TOOK_MAX`].
    pub took: Option<Duration>,
}

/// What happened to a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pinged {
    /// A run began.
    Began,
    /// A run ended well.
    Done,
    /// A run failed, with this exit code if it has one.
    Failed(Option<u8>),
    /// A run says how it gets on.
    Noted,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fault {
    /// Ours: somebody here can mend it.
    Ours,
    /// Of those whom the data comes from.
    ThirdParty,
}

impl Fault {
    /// The word in calls and records: `ours`, `third_party`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::ThirdParty => "third_party",
        }
    }

    /// The fault with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Ours, Self::ThirdParty]
            .into_iter()
            .find(|fault| fault.as_str() == word)
    }
}

/// What is remembered of a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobMemory {
    /// The rhythm that was asked for, in words: with another one the counting of due times begins anew.
    pub rhythm: String,
    /// Runs that were due up to this time are settled: they came, were missed, or nobody was listening.
    pub settled_to: Timestamp,
    /// The runs that are on their way, oldest first; at most [`RUNS_MAX`].
    pub runs: Vec<Run>,
    /// The last run that ended.
    pub last: Option<Ended>,
    /// The last run that ended well: the data is as fresh as that.
    pub good: Option<GoodRun>,
    /// A due time that passed without a sign, if none has come since.
    pub missed: Option<Timestamp>,
    /// A due time of which nobody can say whether the run came, because we were not listening, if no sign has come since.
    pub unheard: Option<Timestamp>,
}

/// A run that is on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// What the job calls it; empty if it does not tell its runs apart.
    pub id: String,
    /// When it began, by our clock.
    pub began_at: Timestamp,
    /// How far it is beyond what is expected of it.
    pub lag: RunLag,
    /// What it said last of how it gets on.
    pub said: String,
    /// The message that tells of it as it goes on.
    pub account: Option<Account>,
    /// When that was edited last.
    pub shown_at: Timestamp,
}

/// How far a run is beyond what is expected of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RunLag {
    /// It is in time.
    InTime,
    /// It takes longer than `max_runtime`.
    Overrun,
    /// It takes longer by `grace` than that, or the next run is due and late.
    Stuck,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// What the job calls it.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// How long it took, if its beginning was told.
    pub took: Option<Duration>,
    /// Why it failed, as a clause; absent if it did not. Foreign text in it is cleaned.
    pub failure: Option<String>,
    /// Whose fault that was, if anybody said so.
    pub fault: Option<Fault>,
}

/// A run that ended well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GoodRun {
    /// When.
    pub at: Timestamp,
    /// How long it took, if its beginning was told.
    pub took: Option<Duration>,
    /// What it said of itself: `18 204 rows`.
    pub said: String,
}

impl JobMemory {
    /// Nothing was heard yet, and the first run is due at the first due time after `now`.
    pub fn new(question: &JobQuestion, now: Timestamp) -> Self {
        Self {
            rhythm: question.rhythm.to_string(),
            settled_to: now,
            runs: Vec::new(),
            last: None,
            good: None,
            missed: None,
            unheard: None,
        }
    }
}

/// What is shown of a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobFacts {
    /// When it runs, for people: `every 2 h`.
    pub rhythm: String,
    /// The last run that ended well.
    pub good: Option<GoodRun>,
    /// The last run that ended.
    pub last: Option<Ended>,
    /// Since when the runs are on their way that are, oldest first, and what each said last.
    pub running: Vec<(Timestamp, String)>,
    /// When the next run is due; absent if none ever is.
    pub due_at: Option<Timestamp>,
    /// A due time that passed without a sign, if none has come since.
    pub missed: Option<Timestamp>,
    /// A due time that passed while nobody was listening, if no sign has come since.
    pub unheard: Option<Timestamp>,
}
