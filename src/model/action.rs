//! What people can have done to a target: the actions that the file declares, their guards, and every attempt at one.
//!
//! An attempt is written down before anything is done, whether it is allowed or not, and nothing that was begun is ever
//! begun a second time by itself.

use std::{fmt, sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    living::Account,
    names::{ChannelName, GroupName, TargetId},
    plan::Credentials,
    planned::{Person, PlanKind},
    quiet_hours::Allowance,
    roles::Role,
    secret::Secret,
    time::Timestamp,
    verdict::Verdict,
};

/// How long a question waits for its confirmation, unless the file says otherwise.
pub const EXPIRES_DEFAULT: Duration = Duration::from_mins(1);
/// How long a target may be away because of an action, unless the file says otherwise.
pub const GRACE_DEFAULT: Duration = Duration::from_mins(5);
/// So many attempts are kept; the oldest that are over go first.
pub const ATTEMPTS_MAX: usize = 1_000;
/// The most characters of what came of an attempt that are kept.
pub const WORDS_MAX: usize = 300;
/// First words that are commands of hekate's own; no action can be called by one of them.
pub const TAKEN: &[&str] = &[
    "status",
    "why",
    "health",
    "ack",
    "hand",
    "split",
    "silence",
    "maintenance",
    "mark",
    "history",
    "sli",
    "fresh",
    "check",
    "help",
    "show",
    "confirm",
    "cancel",
    "on-call",
    "panic",
    "release",
    "releases",
    "toy",
];

/// `actions:` something that people can have done to a target.
#[derive(Clone, PartialEq, Debug)]
pub struct Action {
    /// The key: `force_restart`. People may say `force restart` and `force-restart` as well.
    pub name: String,
    /// Other words for it.
    pub aliases: Vec<String>,
    /// Who may have it done to what, and how it is confirmed.
    pub guard: Guard,
    /// For how long afterwards the target may be away without anybody being told. Default 5 min.
    pub grace: Duration,
    /// Where it is told what came of it. Default: the channel in which it was asked if the file knows it by its label, else
    /// the one for hekate's own trouble.
    pub tell: Option<ChannelName>,
    /// What is done.
    pub call: Call,
}

impl Action {
    /// What people call it: `force restart`.
    pub fn title(&self) -> String {
        self.name.replace(['_', '-'], " ")
    }

    /// Every phrase by which it can be asked for.
    pub fn phrases(&self) -> impl Iterator<Item = String> {
        let names = std::iter::once(&self.name).chain(&self.aliases);
        names.map(|name| name.replace(['_', '-'], " ").to_lowercase())
    }
}

/// Who may have an action done to what. What is not allowed is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guard {
    /// To what.
    pub when: When,
    /// Whom it obeys.
    pub allow: Allow,
    /// What the asker has to confirm, and how.
    pub confirm: Confirm,
    /// Whether somebody else who is allowed has to confirm as well.
    pub needs_second_person: bool,
    /// Whether it has to be said why.
    pub needs_reason: bool,
    /// How often it may be done in which time. Default: as often as people want.
    pub rate: Option<Allowance>,
    /// How long a question waits for its confirmation, 5 s to 15 min. Default 60 s.
    pub expires_after: Duration,
}

/// `when:` to what something may be done.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct When {
    /// In which role.
    pub role: RoleWanted,
    /// In which of these states; empty: in any.
    pub states: Vec<Verdict>,
    /// In which of these groups; empty: everywhere.
    pub groups: Vec<GroupName>,
}

/// The role that a target has to have.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum RoleWanted {
    /// None, or inactive. What is active, or may be, is left alone. The default.
    #[default]
    NotActive,
    /// Inactive: it has a role, and this one.
    Inactive,
    /// Active.
    Active,
    /// Whatever it is; its name has to be typed.
    Any,
}

impl RoleWanted {
    /// Whether it could be the active one.
    pub const fn takes_active(self) -> bool {
        match self {
            Self::NotActive | Self::Inactive => false,
            Self::Active | Self::Any => true,
        }
    }
}

/// `allow:` whom an action obeys. Nobody who is not in it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Allow {
    /// Ids of users in Slack, those included that the file lists for the groups.
    pub users: Vec<String>,
    /// Ids of user groups whose people the file does not list.
    pub user_groups: Vec<String>,
    /// Ids of the channels in which it can be asked for; empty: in all of them.
    pub channels: Vec<String>,
    /// Whether programs on this machine, and those with the token of `server`, may as well.
    pub programs: bool,
}

/// How the asker confirms.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Confirm {
    /// Not at all.
    No,
    /// By a button, or by typing the word that stands for this one question.
    Button,
    /// By typing the name of the target as well.
    TypeName,
}

impl Confirm {
    /// The word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "none",
            Self::Button => "button",
            Self::TypeName => "type_name",
        }
    }
}

/// What is done.
#[derive(Clone, PartialEq, Debug)]
pub enum Call {
    /// `http:` one request.
    Http(Box<HttpCall>),
    /// `jenkins:` a build, waited for.
    Jenkins(Box<JenkinsCall>),
    /// `silence:`, `maintenance:` or `deploy:` something that hekate itself can do.
    Own(OwnCall),
}

/// `silence:`, `maintenance:` or `deploy:` what a person could begin with the command of that name, under the guard of the action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OwnCall {
    /// What begins.
    pub kind: PlanKind,
    /// `for:` how long it lasts, 1 min to 24 h, of a deploy 1 h.
    pub length: Duration,
}

/// `http:` one request. `{target}`, `{name}`, `{group}`, `{asker}`, `{reason}` and `{attempt}` are filled in wherever text is
/// sent, in addresses percent-encoded.
#[derive(Clone, PartialEq, Debug)]
pub struct HttpCall {
    /// The method: `POST`.
    pub method: String,
    /// The address with its placeholders.
    pub url: Secret,
    /// Headers.
    pub headers: Vec<(String, Secret)>,
    /// Who we are.
    pub credentials: Option<Credentials>,
    /// `params:` fields of a form in the body; of a `GET` in the address.
    pub params: Vec<(String, String)>,
    /// `json:` the body.
    pub json: Option<Value>,
    /// Ranges of statuses that mean that it was done, both ends included.
    pub success: Vec<(u16, u16)>,
    /// How long one answer is waited for. Default 30 s.
    pub timeout: Duration,
    /// Additional roots, PEM, as read from `ca_file`.
    pub ca_pem: Option<Arc<[u8]>>,
}

/// `jenkins:` a build, waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JenkinsCall {
    /// Where Jenkins is; no slash at its end.
    pub url: Secret,
    /// The job's name, its folders before it.
    pub job: Vec<String>,
    /// Who we are.
    pub user: String,
    /// The user's API token.
    pub token: Secret,
    /// Parameters of the build.
    pub params: Vec<(String, String)>,
    /// How long the build is waited for, 10 s to 30 min. Default 30 min.
    pub build_limit: Duration,
    /// Additional roots, PEM, as read from `ca_file`.
    pub ca_pem: Option<Arc<[u8]>>,
}

/// What people call an attempt: `a17`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AttemptId(pub u64);

impl AttemptId {
    /// The id that somebody wrote, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        let digits = word.strip_prefix(['a', 'A'])?;
        let is_number = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse().ok().filter(|_| is_number).map(Self)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("a{}", self.0))
    }
}

/// Through what somebody asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Door {
    /// Slack, in a request that was verified.
    Slack {
        /// The id of the channel.
        channel: String,
        /// What Slack calls it, without `#`; shown and used to find where to tell, never to allow.
        channel_name: String,
    },
    /// The API or a terminal.
    Program,
}

/// Somebody who asks or confirms.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asker {
    /// Who.
    pub by: Person,
    /// Through what.
    pub door: Door,
    /// Ids of the user groups that actions obey, and in which Slack says that they are; absent if nobody can say.
    pub memberships: Option<Vec<String>>,
}

impl Asker {
    /// Whether these are the same person. People at terminals call themselves what they like, so they are all one.
    pub fn is(&self, other: &Person) -> bool {
        self.by.slack_user == other.slack_user
    }
}

/// Somebody who confirmed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Confirmed {
    /// Who.
    pub by: Person,
    /// When.
    pub at: Timestamp,
}

/// How far an attempt has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stage {
    /// The asker has to confirm.
    Asked,
    /// Somebody else has to confirm.
    Seconding,
    /// Confirmed; the role is read once more. Nothing was done yet.
    Checking,
    /// It is being done, or was when hekate ended.
    Running,
    /// It was done, and the target may be away for it.
    Settling,
    /// It was done.
    Done,
    /// It was tried, and did not work.
    Failed,
    /// It was not allowed.
    Refused,
    /// Nobody confirmed in time.
    Expired,
    /// The asker took it back.
    Cancelled,
    /// It may or may not have been done.
    Unknown,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Asked,
        Self::Seconding,
        Self::Checking,
        Self::Running,
        Self::Settling,
        Self::Done,
        Self::Failed,
        Self::Refused,
        Self::Expired,
        Self::Cancelled,
        Self::Unknown,
    ];

    /// The word for people and programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Seconding => "waits for a second person",
            Self::Checking => "confirmed",
            Self::Running => "running",
            Self::Settling => "done, coming back",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Unknown => "may have run",
        }
    }

    /// Whether nothing comes after it.
    pub const fn is_over(self) -> bool {
        match self {
            Self::Asked | Self::Seconding | Self::Checking | Self::Running | Self::Settling => {
                false
            }
            Self::Done
            | Self::Failed
            | Self::Refused
            | Self::Expired
            | Self::Cancelled
            | Self::Unknown => true,
        }
    }

    /// Whether somebody has to confirm.
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Asked | Self::Seconding)
    }
}

/// Somebody's attempt to have something done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// What people call it.
    pub id: AttemptId,
    /// The action's key.
    pub action: String,
    /// To what.
    pub target: TargetId,
    /// Who asked.
    pub by: Person,
    /// Through what.
    pub door: Door,
    /// Why, if it was said; cleaned.
    pub why: Option<String>,
    /// The target's role when it was asked.
    pub role: Option<Role>,
    /// The target's state when it was asked.
    pub verdict: Verdict,
    /// The word that confirms it.
    pub nonce: String,
    /// What tells a repeat of the question from another one, if the asker's program says it.
    pub trigger: Option<String>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Until when it can be confirmed.
    pub expires_at: Timestamp,
    /// Who confirmed, the asker first.
    pub confirmed: Vec<Confirmed>,
    /// When it was begun.
    pub began_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// How far it has come.
    pub stage: Stage,
    /// What came of it, as a clause; may be foreign, is cleaned.
    pub words: String,
    /// What the receiver calls it: `Jenkins #812`.
    pub reference: Option<String>,
    /// The message that tells of it as it goes on, where a bot edits messages; else only its end is told.
    pub account: Option<Account>,
}

/// Why something is not done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Why, as a sentence without a full stop.
    pub words: String,
    /// What helps, as a sentence without a full stop; empty if nothing does.
    pub way_out: String,
}

/// What somebody wants of the actions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// That something is done.
    Ask(Ask),
    /// That what was asked is done now.
    Confirm {
        /// The word of the question.
        nonce: String,
        /// The name that was typed, if one was.
        typed: Option<String>,
        /// Why, if it is said only now; cleaned. What was said before holds.
        why: Option<String>,
    },
    /// How a question stands that still waits: for whoever asked it, and nothing is done.
    Recall {
        /// The word of the question.
        nonce: String,
    },
    /// That it is not done.
    Cancel {
        /// The word of the question.
        nonce: String,
    },
}

/// That something is done to a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// The action's key.
    pub action: String,
    /// To what.
    pub target: TargetId,
    /// Why; cleaned, empty if it was not said.
    pub why: String,
    /// The name that was typed at once, if one was; it confirms.
    pub typed: Option<String>,
    /// The word that will confirm it; made by chance, so that nobody knows it before.
    pub nonce: String,
    /// What tells a repeat of the question from another one.
    pub trigger: Option<String>,
    /// Whether only the answer is wanted.
    pub is_dry: bool,
    /// Whether it can be said why together with the name, where that has to be typed: there is a form for both.
    pub reason_may_follow: bool,
}

/// An order on its way to the engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ordered {
    /// The answer carries it.
    pub number: u64,
    /// What is wanted.
    pub order: Order,
    /// By whom.
    pub asker: Asker,
}

/// What became of an order; it is stored when this is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answered {
    /// It would be done: how it would have to be confirmed.
    Would {
        /// The action's key.
        action: String,
        /// To what.
        target: TargetId,
        /// How the asker would confirm.
        confirm: Confirm,
        /// Whether somebody else would have to.
        needs_second_person: bool,
    },
    /// The asker has to confirm.
    Confirm {
        /// As it stands.
        attempt: Box<Attempt>,
        /// How.
        how: Confirm,
    },
    /// Somebody else has to confirm.
    Second(Box<Attempt>),
    /// It is on its way, or was before.
    Taken(Box<Attempt>),
    /// It is not done; the attempt is in the records, unless there was none.
    Refused {
        /// Why not.
        refusal: Refusal,
        /// As it stands.
        attempt: Option<Box<Attempt>>,
    },
}

/// What doing it brought back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ran {
    /// Of which attempt.
    pub attempt: AttemptId,
    /// How it ended.
    pub result: RanResult,
    /// What came of it, as a clause; cleaned.
    pub words: String,
    /// What the receiver calls it.
    pub reference: Option<String>,
}

/// How far doing it has come, while it goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ongoing {
    /// Of which attempt.
    pub attempt: AttemptId,
    /// How far, as a clause; cleaned.
    pub words: String,
    /// What the receiver calls it, if it has said so by now.
    pub reference: Option<String>,
}

/// How doing it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RanResult {
    /// It was done.
    Done,
    /// It was not, or did not work.
    Failed,
    /// Nobody knows: no answer came, or none in time.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_what_people_write() {
        for number in [1, 17, u64::MAX] {
            let id = AttemptId(number);
            assert_eq!(AttemptId::from_word(&id.to_string()), Some(id));
            assert_eq!(
                AttemptId::from_word(&id.to_string().to_uppercase()),
                Some(id)
            );
        }
        for word in ["", "a", "17", "a0", "a017", "a+1", "b17", "a1 2", "a１"] {
            assert_eq!(AttemptId::from_word(word), None, "{word}");
        }
    }

    #[test]
    fn what_waits_is_not_over() {
        for stage in Stage::ALL {
            assert!(!(stage.is_waiting() && stage.is_over()), "{stage:?}");
        }
    }
}
