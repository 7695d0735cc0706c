//! Files of tests: what happens in a script, what is expected of it, and every mistake with its place.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    Environment, Report,
    check::script,
    decode,
    files::{self, Contents},
    findings::Findings,
    source::Span,
};
use crate::model::{
    ChannelName, CheckKind, GroupName, Kind, OnCallName, Plan, SourceName, TargetId, Timestamp,
    Verdict,
};

/// What came of reading a file of tests.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The tests; empty if there is any error.
    pub scripts: Vec<Script>,
    /// What is wrong with the file of tests.
    pub report: Report,
    /// What is wrong with the files that are tested, of those that cannot be used.
    pub plan_reports: Vec<Report>,
}

/// One test: a script and what is expected of it.
#[derive(Clone, Debug)]
pub struct Script {
    /// What it shows.
    pub name: String,
    /// The file that is tested at the beginning, as it was named to us.
    pub file: PathBuf,
    /// What it says.
    pub plan: Arc<Plan>,
    /// The wall time at the beginning.
    pub starts_at: Timestamp,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// When it ends, counted from the beginning.
    pub ends_after: Duration,
    /// What is expected; never empty.
    pub expectations: Vec<Expectation>,
}

impl Script {
    /// Every file that is tested, with what it says: the first, and those that it becomes.
    pub fn tested(&self) -> impl Iterator<Item = (&Path, &Arc<Plan>)> {
        let reloaded = self.steps.iter().filter_map(|step| {
            if let Doing::Reload { file, plan } = &step.doing {
                Some((file.as_path(), plan))
            } else {
                None
            }
        });
        std::iter::once((self.file.as_path(), &self.plan)).chain(reloaded)
    }
}

/// One thing that happens.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// When, counted from the beginning.
    pub after: Duration,
    /// Where it stands.
    pub span: Span,
    /// What happens.
    pub doing: Doing,
    /// Whether it only ends an earlier one that was given a length.
    pub is_end: bool,
}

/// What happens.
#[derive(Clone, PartialEq, Debug)]
pub enum Doing {
    /// Looks at a target bring back something else.
    Answer {
        /// Of which target.
        target: TargetId,
        /// Of which of its checks.
        kinds: Vec<CheckKind>,
        /// What they bring back.
        answer: Answer,
        /// How long they take; absent = a moment.
        took: Option<Duration>,
        /// What a bad answer says.
        says: Option<String>,
    },
    /// Lines are written to the log of a target, or are not any more.
    Log {
        /// Of which target.
        target: TargetId,
        /// Whether they are.
        is_written: bool,
    },
    /// A target that calls us goes on, falls silent, or reports a failure with every call.
    Beats {
        /// Which.
        target: TargetId,
        /// What it does.
        beats: Beats,
        /// What it says of a failure.
        says: Option<String>,
    },
    /// A store of logs answers otherwise, or falls behind.
    Source {
        /// Which.
        source: SourceName,
        /// How it answers, if that changes.
        answers: Option<Receiving>,
        /// How far it is behind, if that changes.
        lag: Option<Duration>,
    },
    /// Others of a group are active.
    Active {
        /// Of which group.
        group: GroupName,
        /// Who; nobody if it is empty.
        members: Vec<TargetId>,
    },
    /// A channel takes messages otherwise.
    Channel {
        /// Which.
        channel: ChannelName,
        /// How.
        answers: Receiving,
    },
    /// Somebody says something that is to be done.
    Command {
        /// As after the name of the program; cleaned.
        words: String,
    },
    /// Somebody wants an action of the file done.
    Action {
        /// As after the slash command; cleaned.
        words: String,
        /// Who; absent: a program on this machine.
        by: Option<Who>,
        /// What they do when they are asked to confirm it.
        confirm: Confirming,
        /// What they type where a name has to be typed; absent: the name.
        types: Option<String>,
        /// Who confirms as the second person, `U…`; absent: nobody.
        second: Option<String>,
    },
    /// The receiver of an action does something else.
    Run {
        /// The action's key.
        action: String,
        /// What it does.
        answers: Receiving,
        /// How long it takes; absent = a moment.
        took: Option<Duration>,
        /// What it says.
        says: Option<String>,
    },
    /// Our own network breaks, or works again.
    OurNetwork {
        /// Whether it works.
        is_up: bool,
    },
    /// hekate ends, and is started again from what is stored.
    Restart {
        /// How it ends.
        how: Ending,
        /// For how long it is not running.
        away: Duration,
    },
    /// The file changes, and hekate takes it over.
    Reload {
        /// The other file, as it was named to us.
        file: PathBuf,
        /// What it says.
        plan: Arc<Plan>,
    },
    /// Somebody moves the clock of hekate's machine.
    Clock {
        /// How far, in milliseconds; negative = back.
        by_ms: i64,
    },
}

/// Somebody in Slack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Who {
    /// Their id, `U…`.
    pub user: String,
    /// Where they are, `C…`; empty if only its name is known.
    pub channel: String,
    /// What Slack calls that place, without `#`; may be empty.
    pub channel_name: String,
    /// In which user groups, `S…`, Slack says that they are.
    pub member_of: Vec<String>,
}

/// What people do who are asked to confirm something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Confirming {
    /// They confirm it.
    Yes,
    /// Nothing.
    Never,
    /// They take it back.
    Cancel,
}

/// What becomes of an action that somebody wants done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ActionOutcome {
    /// It is not allowed, or not as it is said.
    Refused,
    /// It is under way.
    Begun,
    /// It was done.
    Done,
    /// It was tried, and did not work.
    Failed,
    /// It may or may not have been done.
    Unknown,
    /// Nobody confirmed it in time.
    Expired,
    /// It was taken back.
    Cancelled,
}

impl ActionOutcome {
    /// The word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Refused,
        Self::Begun,
        Self::Done,
        Self::Failed,
        Self::Unknown,
        Self::Expired,
        Self::Cancelled,
    ];
}

/// How hekate ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// At once, as by `kill -9`: what was decided is stored, and nothing else.
    Killed,
    /// As by SIGTERM: it remembers what is worth it and lets messages under way arrive.
    Orderly,
}

/// What a look brings back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It is well.
    Ok,
    /// It says that it falls short.
    Degraded,
    /// It says that it is down.
    Down,
    /// HTTP 500 of nobody known, or the like.
    Error,
    /// The connection is refused.
    Refused,
    /// Nothing comes back within the limit.
    Silent,
    /// HTTP 404.
    NotFound,
    /// HTTP 401.
    Unauthorised,
}

impl Answer {
    /// The word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Error => "error",
            Self::Refused => "refused",
            Self::Silent => "silent",
            Self::NotFound => "not_found",
            Self::Unauthorised => "unauthorised",
        }
    }

    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Ok,
        Self::Degraded,
        Self::Down,
        Self::Error,
        Self::Refused,
        Self::Silent,
        Self::NotFound,
        Self::Unauthorised,
    ];
}

impl Receiving {
    /// The word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Refused => "refused",
            Self::Silent => "silent",
            Self::Unauthorised => "unauthorised",
            Self::Throttled => "throttled",
        }
    }

    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::Ok,
        Self::Error,
        Self::Refused,
        Self::Silent,
        Self::Unauthorised,
        Self::Throttled,
    ];
}

/// What one that calls us does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Beats {
    /// It calls in time.
    Beating,
    /// It does not call.
    Silent,
    /// It calls in time and reports a failure.
    Failing,
}

/// What a store of logs, a channel or the receiver of an action does with what it is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Receiving {
    /// It takes it.
    Ok,
    /// It fails with a fault of its own: HTTP 500.
    Error,
    /// Nobody listens there.
    Refused,
    /// Nothing comes back.
    Silent,
    /// It does not let us in: 401; a channel: it is gone for good.
    Unauthorised,
    /// It asks for a slower pace: 429.
    Throttled,
}

/// What is expected.
#[derive(Clone, PartialEq, Debug)]
pub struct Expectation {
    /// Where it stands.
    pub span: Span,
    /// Of when.
    pub when: When,
    /// How often.
    pub times: Times,
    /// What.
    pub what: What,
}

/// Of when something is expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// At any time of the script.
    Any,
    /// From then to then, both included.
    Within(Duration, Duration),
    /// Exactly then.
    At(Duration),
    /// At the end.
    AtEnd,
}

/// How often something is expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Times {
    /// Once or more often.
    AtLeastOnce,
    /// Not at all.
    Never,
    /// So often.
    Exactly(u32),
}

/// What is expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// That a target is shown like this.
    State {
        /// Which.
        target: TargetId,
        /// How.
        state: Verdict,
    },
    /// That this becomes of an action.
    Action {
        /// What becomes of it.
        outcome: ActionOutcome,
        /// Which, by its key.
        action: Option<String>,
        /// Of whom.
        target: Option<TargetId>,
        /// A piece of the words, in lower case.
        text: Option<String>,
    },
    /// A message for which all that is given holds.
    Message {
        /// Where it arrives.
        channel: Option<ChannelName>,
        /// A piece of its words, in lower case.
        text: Option<String>,
        /// What it is for.
        kind: Option<Kind>,
        /// Who is mentioned; `Some(None)` = nobody.
        mention: Option<Option<OnCallName>>,
        /// Whom it is about.
        target: Option<TargetId>,
    },
}

/// Reads files of tests; each file that is tested is read once.
#[derive(Debug)]
pub struct Library {
    environment: Environment,
    fallback: PathBuf,
    plans: Plans,
}

/// What files that are tested say, or what is wrong with them.
pub(super) type Plans = HashMap<PathBuf, Result<Arc<Plan>, Report>>;

impl Library {
    /// `fallback` is the file that is tested by tests that name none.
    pub fn new(environment: Environment, fallback: PathBuf) -> Self {
        Self {
            environment,
            fallback,
            plans: HashMap::new(),
        }
    }

    /// Reads one file of tests. What goes wrong is in the reports, even if there is no file at all.
    pub fn load(&mut self, path: &Path) -> Loaded {
        let findings = Findings::default();
        let read = files::read(path, &findings);
        self.understand(read, &findings)
    }

    /// Reads a text as if it were a file with this name in the current folder.
    pub fn load_text(&mut self, name: &str, text: &str) -> Loaded {
        let read = files::Loaded {
            sources: vec![Arc::new(super::source::Source::new(name, text))],
            folder: PathBuf::new(),
            contents: Contents::default(),
        };
        self.understand(read, &Findings::default())
    }

    /// Tests this plan wherever a test names no file.
    #[must_use]
    pub fn with_plan(self, plan: Arc<Plan>) -> Self {
        let fallback = self.fallback.clone();
        self.with_file(fallback, plan)
    }

    /// Knows what this file says without reading it.
    #[must_use]
    pub fn with_file(mut self, path: PathBuf, plan: Arc<Plan>) -> Self {
        self.plans.insert(path, Ok(plan));
        self
    }

    fn understand(&mut self, read: files::Loaded, findings: &Findings) -> Loaded {
        let files::Loaded {
            sources,
            folder,
            mut contents,
        } = read;
        let (tree, _) = files::tree(&sources, findings);
        let mut scripts = Vec::new();
        let mut plan_reports = Vec::new();
        if let Some(tree) = tree {
            let raw = decode::decode(&tree, &sources, findings);
            let mut checker = script::Checker::new(
                &sources,
                &folder,
                &self.environment,
                findings,
                &mut contents,
            );
            let (tests, path) = checker.tests(raw);
            let path = path.unwrap_or_else(|| self.fallback.clone());
            let mut wanted = checker.reloads(&tests);
            wanted.insert(path.clone());
            for path in wanted {
                let environment = &self.environment;
                let plan = self.plans.entry(path).or_insert_with_key(|path| {
                    let outcome = super::load(path, environment);
                    outcome.plan.ok_or(outcome.report)
                });
                plan_reports.extend(plan.as_ref().err().cloned());
            }
            scripts = checker.scripts(&path, &self.plans, tests);
        }
        let (problems, secrets) = findings.take();
        let report = Report::new(problems, sources, secrets);
        if report.has_errors() {
            scripts.clear();
        }
        Loaded {
            scripts,
            report,
            plan_reports,
        }
    }
}
