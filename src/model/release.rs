//! What was released, to whom, and what came of it.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use super::{
    living::Account,
    names::{ChannelName, TargetId},
    plan::Matcher,
    planned::{Person, Planned},
    secret::Secret,
    text::span,
    time::Timestamp,
    verdict::Verdict,
};

/// So many are remembered; the oldest are forgotten first. Each takes some 500 bytes.
pub const RELEASES_MAX: usize = 200;
/// So many lines of changes are told; the rest is behind the link.
pub const CHANGES_MAX: usize = 10;
/// The most characters of one such line, and of a version.
pub const CHANGE_CHARS_MAX: usize = 200;
/// The most characters of a version.
pub const VERSION_CHARS_MAX: usize = 80;
/// The most characters of a link.
pub const URL_CHARS_MAX: usize = 500;

/// The id that a release has, such as `r12`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct ReleaseId(pub u64);

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("r{}", self.0))
    }
}

/// What somebody announces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announcement {
    /// What people call those who get it: `core`, `master blue`. Not foreign text.
    pub title: String,
    /// Who gets it; not empty.
    pub targets: Vec<TargetId>,
    /// The version. Cleaned; foreign.
    pub version: String,
    /// What changed, one line each, at most [`CHANGES_MAX`]. Cleaned; foreign.
    pub changes: Vec<String>,
    /// Where to read more: `http` or `https`.
    pub url: Option<String>,
    /// Whoever announces the same again says the same word; without one the same version to the same targets is the same.
    pub key: Option<String>,
    /// Whether one instance gets it just now, so that it may go down and come back.
    pub is_deploy: bool,
}

/// A release that was announced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Release {
    /// Which.
    pub id: ReleaseId,
    /// What people call those who got it.
    pub title: String,
    /// Who got it.
    pub targets: Vec<TargetId>,
    /// The version. Cleaned; foreign.
    pub version: String,
    /// Who announced it.
    pub by: Person,
    /// What changed. Cleaned; foreign.
    pub changes: Vec<String>,
    /// Where to read more.
    pub url: Option<String>,
    /// By which a repeat is known.
    pub key: Option<String>,
    /// When it was announced.
    pub at: Timestamp,
    /// Those of its targets that were not operational then.
    pub before: Vec<(TargetId, Verdict)>,
    /// The message that tells of it, where a bot edits messages.
    pub account: Option<Account>,
    /// What came of it; absent until somebody has looked.
    pub outcome: Option<Outcome>,
}

impl Release {
    /// `core 4.18.2`
    pub fn name(&self) -> String {
        format!("{} {}", self.title, self.version)
    }
}

/// What came of a release.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// When somebody looked.
    pub at: Timestamp,
    /// One clause each, without a full stop: what is worse, what is better, or that all is as before. Not foreign text.
    pub words: Vec<String>,
    /// Whether anything got worse, be it for a while.
    pub is_worse: bool,
}

/// A release that was taken in.
#[derive(Clone, PartialEq, Debug)]
pub struct Announced {
    /// As it stands.
    pub release: Release,
    /// Whether it was known already, so that nothing was done.
    pub is_repeat: bool,
    /// The deploy that it began.
    pub deploy: Option<Planned>,
    /// What the asker has to know beside it, as a sentence without a full stop.
    pub but: Option<String>,
}

/// Something that may be why a trouble began: a release, an action, a reload, the run of a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// Whom it may have touched; empty for everybody.
    pub targets: Vec<TargetId>,
    /// The job whose run it was: it is no reason for its own trouble.
    pub job: Option<TargetId>,
    /// What, as a clause to be followed by "6 min before": `core 4.18.2 by jan went out`. May be foreign.
    pub words: String,
    /// How likely it is the reason, the likeliest first: those that are told are few.
    pub kind: ChangeKind,
}

/// What kind of change it was, the likeliest reason first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ChangeKind {
    /// A release.
    Release,
    /// Something that people had hekate do.
    Action,
    /// The file was read anew.
    Reload,
    /// A run of a job.
    Job,
}

impl Change {
    /// `core 4.18.2 by jan went out 6 min before`, for a trouble that began at this time.
    pub fn near(&self, since: Timestamp) -> String {
        let words = &self.words;
        if self.at > since {
            format!("{words} {} after it began", span(self.at.since(since)))
        } else {
            format!("{words} {} before", span(since.since(self.at)))
        }
    }
}

/// So many changes are said of a trouble.
pub const NEAR_MAX: usize = 3;
/// What happened so soon after the first bad look may still be its reason: it was announced when it was done.
pub const NEAR_AFTER: Duration = Duration::from_mins(1);

/// What happened near the beginning of a trouble of these targets, the likeliest reason first, at most [`NEAR_MAX`]; of the same
/// kind the newest first, and of each job the newest only.
///
/// A job that ran more than once in that time is routine, and no reason.
pub fn near<'a>(
    changes: impl Iterator<Item = &'a Change> + Clone,
    targets: &[TargetId],
    since: Timestamp,
    within: Duration,
) -> Vec<&'a Change> {
    let is_near = |change: &&Change| {
        let is_before = change.at <= since && since.since(change.at) <= within;
        let is_after = change.at > since && change.at.since(since) <= NEAR_AFTER;
        let is_theirs = change.targets.is_empty()
            || change.targets.iter().any(|target| targets.contains(target));
        let is_own = change.job.as_ref().is_some_and(|job| targets.contains(job));
        (is_before || is_after) && is_theirs && !is_own
    };
    let all: Vec<_> = changes.filter(is_near).collect();
    let is_routine = |change: &Change| {
        let mut same = all
            .iter()
            .filter(|other| other.job == change.job && other.words == change.words);
        change.job.is_some() && same.by_ref().count() > 1
    };
    let mut near: Vec<_> = all
        .iter()
        .copied()
        .filter(|change| !is_routine(change))
        .collect();
    near.sort_by_key(|change| (change.kind, std::cmp::Reverse(change.at)));
    let mut jobs = BTreeSet::new();
    near.retain(|change| change.job.as_ref().is_none_or(|job| jobs.insert(job)));
    near.truncate(NEAR_MAX);
    near
}

/// `releases:`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReleaseSettings {
    /// Where releases are announced; absent if nobody is told, and they are only remembered.
    pub channel: Option<ChannelName>,
    /// How long after a release is looked what came of it, 1 min to 1 h. Default 10 min.
    pub look_after: Duration,
    /// What happened so long before a trouble is told with it, 1 min to 6 h. Default 30 min.
    pub near_within: Duration,
    /// By what GitHub signs what it sends, at least 16 characters; absent if it is not heard.
    pub github: Option<Secret>,
    /// What GitLab sends along.
    pub gitlab: Option<Secret>,
    /// What a build of Jenkins sends along.
    pub jenkins: Option<Secret>,
    /// Who gets what the projects there release.
    pub projects: Arc<[Project]>,
}

/// How long after a release is looked what came of it, unless the file says.
pub const LOOK_AFTER: Duration = Duration::from_mins(10);
/// What happened so long before a trouble is told with it, unless the file says.
pub const NEAR_WITHIN: Duration = Duration::from_mins(30);

impl Default for ReleaseSettings {
    fn default() -> Self {
        Self {
            channel: None,
            look_after: LOOK_AFTER,
            near_within: NEAR_WITHIN,
            github: None,
            gitlab: None,
            jenkins: None,
            projects: Arc::default(),
        }
    }
}

/// A project of GitHub, GitLab or Jenkins, and who gets what it releases.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Project {
    /// `acme/core`, as it is called there; `acme/core@production` for one of its environments only.
    pub name: String,
    /// Who gets it: by group and target only.
    pub to: Matcher,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(minute: i64, kind: ChangeKind, targets: &[&str], job: Option<&str>) -> Change {
        Change {
            at: Timestamp::from_millis(minute * 60_000),
            targets: targets.iter().map(|id| TargetId::new(*id)).collect(),
            job: job.map(TargetId::new),
            words: job.map_or_else(
                || format!("{kind:?} at {minute}"),
                |job| format!("{job} began"),
            ),
            kind,
        }
    }

    #[test]
    fn what_is_near_is_before_it_and_theirs_and_no_routine() {
        let since = Timestamp::from_millis(60 * 60_000);
        let changes = [
            change(10, ChangeKind::Release, &["a"], None),
            change(35, ChangeKind::Release, &["a", "b"], None),
            change(40, ChangeKind::Release, &["c"], None),
            change(50, ChangeKind::Reload, &["a"], None),
            change(55, ChangeKind::Action, &["a"], None),
            change(45, ChangeKind::Job, &[], Some("job/often")),
            change(58, ChangeKind::Job, &[], Some("job/often")),
            change(57, ChangeKind::Job, &[], Some("job/once")),
            Change {
                words: String::from("job/once ended"),
                ..change(59, ChangeKind::Job, &[], Some("job/once"))
            },
            change(61, ChangeKind::Release, &["b"], None),
            change(62, ChangeKind::Release, &["a"], None),
        ];
        let said = |target: &str| -> Vec<String> {
            let targets = [TargetId::new(target)];
            let within = Duration::from_mins(30);
            let near = near(changes.iter(), &targets, since, within);
            near.iter().map(|change| change.near(since)).collect()
        };
        assert_eq!(
            said("a"),
            [
                "Release at 35 25 min before",
                "Action at 55 5 min before",
                "Reload at 50 10 min before"
            ]
        );
        assert_eq!(
            said("b"),
            [
                "Release at 61 1 min after it began",
                "Release at 35 25 min before",
                "job/once ended 1 min before"
            ]
        );
        assert_eq!(said("d"), ["job/once ended 1 min before"]);
        // A run of its own is what is wrong with a job, not the reason.
        assert_eq!(said("job/once"), Vec::<String>::new());
    }
}
