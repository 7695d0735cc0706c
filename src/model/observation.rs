//! What a look brought back. A look never fails: what went wrong is data in here.

use std::{fmt, time::Duration};

use super::{
    health::{Component, Family},
    logs::LogAnswer,
    names::LookId,
    roles::RolesAnswer,
    steps::StepSeen,
    time::Moment,
};

/// What one look at one target brought back.
#[derive(Clone, PartialEq, Debug)]
pub struct Observation {
    /// Which look this answers.
    pub look: LookId,
    /// When the first packet could have left.
    pub started: Moment,
    /// When all was known.
    pub finished: Moment,
    /// What it means.
    pub outcome: Outcome,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// How long each part took.
    pub phases: Phases,
    /// The dialect of the body, if there was a body.
    pub family: Option<Family>,
    /// What else a person would want to know; absent for a plain good answer, so that good looks stay cheap.
    pub detail: Option<Box<Detail>>,
    /// What only some kinds of check bring back.
    pub extra: Option<Box<Extra>>,
}

/// What only some kinds of check bring back.
#[derive(Clone, PartialEq, Debug)]
pub enum Extra {
    /// A round of a store of logs.
    Logs(LogAnswer),
    /// Who is active.
    Roles(RolesAnswer),
    /// What a health answer says at the place where its role stands; empty if there is no word there.
    OwnRole(String),
    /// How the steps of a scenario went, in their order.
    Steps(Vec<StepSeen>),
    /// How near something is to its end; absent while that is far away.
    Ending(Ending),
}

/// How near something is to an end that is known beforehand, in the warnings that the file asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ending {
    /// The shortest warning time within which the end is; absent while it is within none.
    pub warning: Option<Duration>,
    /// The shortest one within which it would be if a day less were left. A warning that was given is only taken back when
    /// even this one is longer, so that nothing flaps around the beginning of a warning.
    pub nearly: Duration,
}

impl Ending {
    /// So much more has to be left before a warning is taken back.
    pub const MARGIN: Duration = Duration::from_hours(24);

    /// Of what ends after `left`, with these warnings; absent if nobody needs to know yet.
    pub fn of(left: Duration, warn_at: &[Duration]) -> Option<Self> {
        let within = |left: Duration| warn_at.iter().copied().filter(|at| left <= *at).min();
        let nearly = within(left.saturating_sub(Self::MARGIN))?;
        Some(Self {
            warning: within(left),
            nearly,
        })
    }
}

impl Observation {
    /// How long the look took.
    pub fn took(&self) -> Duration {
        self.finished.tick.since(self.started.tick)
    }
}

/// What a look means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It answered and says that it is well.
    Healthy,
    /// It answered, and what it said falls short of well without being down.
    Degraded(Degradation),
    /// It is bad, or it did not answer.
    Unhealthy(Failure),
    /// The look says nothing about the target: the fault is ours, or we were not let in.
    Unobservable(Gap),
}

/// How strong a failure is as evidence; decides how long it has to last before it is believed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FailureClass {
    /// A complete answer that says "not healthy".
    Explicit,
    /// Something answered, and it was not the application being well: refused, TLS alert, 5xx from nobody known.
    Refused,
    /// Nothing came back: time-outs, unreachable, name not found.
    Silent,
}

impl FailureClass {
    /// The word for records, metrics and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Explicit => "explicit",
            Self::Refused => "refused",
            Self::Silent => "silent",
        }
    }
}

/// What exactly failed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FailureKind {
    /// The body says that it is down.
    SaysDown,
    /// A component named in `critical_components` is down.
    CriticalComponent,
    /// A rule of the file says that it is down.
    RuleMatched,
    /// 500 or 503 without a body that means anything, or another 5xx.
    ServerError,
    /// 502, 504, or 503 of a proxy: something in front of it answered.
    ProxyError,
    /// 404, 405 or 501.
    NotFound,
    /// Any other 4xx.
    ClientError,
    /// Nothing listens.
    ConnectionRefused,
    /// Reset or closed before a full answer head.
    ConnectionClosed,
    /// The TLS handshake was refused or is broken.
    TlsHandshake,
    /// The certificate is expired, for another name, or not trusted.
    Certificate,
    /// What came back is no HTTP.
    NotHttp,
    /// The answer broke a limit of size.
    TooLarge,
    /// No connection within the limit.
    ConnectTimeout,
    /// Connected, but TLS did not end within the limit.
    TlsTimeout,
    /// Connected, but no answer within the limit.
    FirstByteTimeout,
    /// The answer began and did not end within the limit.
    BodyTimeout,
    /// The answer began and was cut off.
    BodyCut,
    /// A router said that the host or its network cannot be reached.
    Unreachable,
    /// The resolver works and says that there is no such name.
    NameNotFound,
    /// It answered, and not what the file expects.
    Unexpected,
    /// No reply to an echo request.
    NoReply,
    /// A sign of life did not come in time.
    Missed,
    /// Its log has been silent for too long, and it has no endpoint that says otherwise.
    LogSilence,
    /// A run of a job says that it failed.
    JobFailed,
    /// A run of a job does not end.
    JobStuck,
    /// A run of a job was due, and did not come.
    JobLate,
    /// The error budget of an SLO will be gone in days.
    BudgetBurns,
}

impl FailureKind {
    /// The word for records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SaysDown => "says_down",
            Self::CriticalComponent => "critical_component",
            Self::RuleMatched => "rule_matched",
            Self::ServerError => "server_error",
            Self::ProxyError => "proxy_error",
            Self::NotFound => "not_found",
            Self::ClientError => "client_error",
            Self::ConnectionRefused => "connection_refused",
            Self::ConnectionClosed => "connection_closed",
            Self::TlsHandshake => "tls_handshake",
            Self::Certificate => "certificate",
            Self::NotHttp => "not_http",
            Self::TooLarge => "too_large",
            Self::ConnectTimeout => "connect_timeout",
            Self::TlsTimeout => "tls_timeout",
            Self::FirstByteTimeout => "first_byte_timeout",
            Self::BodyTimeout => "body_timeout",
            Self::BodyCut => "body_cut",
            Self::Unreachable => "unreachable",
            Self::NameNotFound => "name_not_found",
            Self::Unexpected => "unexpected",
            Self::NoReply => "no_reply",
            Self::Missed => "missed",
            Self::LogSilence => "log_silence",
            Self::JobFailed => "job_failed",
            Self::JobStuck => "job_stuck",
            Self::JobLate => "job_late",
            Self::BudgetBurns => "budget_burns",
        }
    }
}

/// A look that accuses the target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// How much it proves.
    pub class: FailureClass,
    /// What it was.
    pub kind: FailureKind,
    /// One clause for people without a full stop, such as `no answer within 5 s`; cleaned, at most 300 characters.
    pub words: String,
}

/// In which way an answer falls short.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DegradationKind {
    /// The body says degraded, warning, or a word nobody knows.
    SaysDegraded,
    /// All is up but a component that is not critical.
    Component,
    /// A rule of the file says degraded.
    RuleMatched,
    /// Code and body disagree.
    Contradiction,
    /// JSON was announced or begun, and it cannot be read.
    BrokenBody,
    /// Not the dialect that was pinned or seen before, such as a proxy's error page.
    OtherFormat,
    /// It answered with a redirect.
    Redirected,
    /// 429, or throttled.
    Throttled,
    /// A certificate ends soon.
    Expiring,
    /// It answered, and not what the file asks for.
    Unexpected,
    /// Its log has been silent for too long.
    LogSilence,
    /// The store of logs is behind.
    Lagging,
    /// Not exactly one member of the group is active.
    Roles,
    /// A run of a job takes longer than it may.
    Overrun,
    /// The error budget of an SLO will be gone before its window is over.
    BudgetBurns,
}

impl DegradationKind {
    /// The word for records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SaysDegraded => "says_degraded",
            Self::Component => "component",
            Self::RuleMatched => "rule_matched",
            Self::Contradiction => "contradiction",
            Self::BrokenBody => "broken_body",
            Self::OtherFormat => "other_format",
            Self::Redirected => "redirected",
            Self::Throttled => "throttled",
            Self::Expiring => "expiring",
            Self::Unexpected => "unexpected",
            Self::LogSilence => "log_silence",
            Self::Lagging => "lagging",
            Self::Roles => "roles",
            Self::Overrun => "overrun",
            Self::BudgetBurns => "budget_burns",
        }
    }
}

/// A look whose answer falls short of well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Degradation {
    /// In which way.
    pub kind: DegradationKind,
    /// One clause for people, as [`Failure::words`].
    pub words: String,
}

/// Why a look says nothing about its target.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum GapKind {
    /// This process or machine lacks file descriptors, buffers, ports or memory.
    OwnResources,
    /// This machine's own network is down.
    OwnNetwork,
    /// The resolver does not answer.
    Resolver,
    /// This machine has no TLS root certificates, or a configured certificate cannot be used.
    OwnTls,
    /// The look overlapped a stall, a suspend or a clock jump.
    Interrupted,
    /// The look panicked: a fault of this program.
    Panicked,
    /// 401, 403, or a redirect to a login page.
    NotAuthorised,
    /// It answers that it does not know how it is, such as `starting`.
    SaysUnknown,
    /// It answers that its checks are not set up, such as 501 without checks.
    NotConfigured,
    /// The witness that would know (a store of logs) cannot say; nobody is accused and nobody cleared.
    Witness,
}

impl GapKind {
    /// Whether the gap is this machine's own trouble rather than an answer that cannot be used.
    pub const fn is_own(self) -> bool {
        match self {
            Self::OwnResources
            | Self::OwnNetwork
            | Self::Resolver
            | Self::OwnTls
            | Self::Interrupted
            | Self::Panicked => true,
            Self::NotAuthorised | Self::SaysUnknown | Self::NotConfigured | Self::Witness => false,
        }
    }

    /// Whether the gap neither accuses nor clears and is no answer either: our own trouble, or a witness that cannot say.
    pub const fn says_nothing(self) -> bool {
        self.is_own() || matches!(self, Self::Witness)
    }

    /// The word for records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OwnResources => "own_resources",
            Self::OwnNetwork => "own_network",
            Self::Resolver => "resolver",
            Self::OwnTls => "own_tls",
            Self::Interrupted => "interrupted",
            Self::Panicked => "panicked",
            Self::NotAuthorised => "not_authorised",
            Self::SaysUnknown => "says_unknown",
            Self::NotConfigured => "not_configured",
            Self::Witness => "witness",
        }
    }
}

/// A look that cannot accuse and cannot clear.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gap {
    /// Why.
    pub kind: GapKind,
    /// One clause for people, as [`Failure::words`].
    pub words: String,
}

/// How long the parts of a look took, in microseconds; a part that was not reached or not needed is absent.
///
/// In the order of time: resolve, connect, TLS, first byte, body.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// Finding the address.
    pub resolve_us: Option<u32>,
    /// Opening the TCP connection.
    pub connect_us: Option<u32>,
    /// The TLS handshake.
    pub tls_us: Option<u32>,
    /// From the request being sent to the head of the answer.
    pub first_byte_us: Option<u32>,
    /// From the head to the end of the body.
    pub body_us: Option<u32>,
}

impl Phases {
    /// Name and length of each part that was finished, in order.
    pub fn finished(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        [
            ("dns", self.resolve_us),
            ("connect", self.connect_us),
            ("tls", self.tls_us),
            ("first byte", self.first_byte_us),
            ("body", self.body_us),
        ]
        .into_iter()
        .filter_map(|(name, micros)| Some((name, Duration::from_micros(u64::from(micros?)))))
    }
}

impl fmt::Debug for Phases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.finished()).finish()
    }
}

/// The part of an observation that only people and later questions need.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Detail {
    /// The address that was asked, `ip:port`.
    pub address: Option<String>,
    /// The components that are not up, worst first, at most 20.
    pub components: Vec<Component>,
    /// How many components the body named in all.
    pub components_total: u32,
    /// The beginning of the body: cleaned, at most 300 characters.
    pub excerpt: Option<String>,
    /// What the answer says about who sent it (`Server`, `Via`); cleaned, at most 100 characters.
    pub via: Option<String>,
    /// Anything else worth a line, such as `200 but the body says DOWN`; ours, not foreign.
    pub note: Option<String>,
}
