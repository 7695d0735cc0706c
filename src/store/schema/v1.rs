//! Version 1 of all that is stored.
//!
//! Nothing in here may ever change its meaning, its place or its name: `golden/v1` in the tests holds bytes that were
//! written with it. What has to change becomes version 2 beside it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::form::{Form, Micros, Span, Time};
use crate::model;

/// Stored enums have the variants of their model, in the order in which they came to be.
macro_rules! same_variants {
    ($name:ident of $model:path { $($variant:ident),* $(,)? }) => {
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
        #[serde(rename_all = "snake_case")]
        pub(in crate::store) enum $name {
            $($variant),*
        }

        impl Form<$model> for $name {
            fn of(model: &$model) -> Self {
                use $model as Model;
                match model {
                    $(Model::$variant => Self::$variant),*
                }
            }

            fn into_model(self) -> $model {
                use $model as Model;
                match self {
                    $(Self::$variant => Model::$variant),*
                }
            }
        }
    };
}

/// Stored structs have the fields of their model, each in its stored form.
macro_rules! same_fields {
    (
        $(#[$attribute:meta])* $name:ident of $model:path { $($field:ident: $kind:ty),* $(,)? }
        $(kept_elsewhere { $($elsewhere:ident),* })?
    ) => {
        #[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
        $(#[$attribute])*
        pub(in crate::store) struct $name {
            $(pub(in crate::store) $field: $kind),*
        }

        impl Form<$model> for $name {
            fn of(model: &$model) -> Self {
                Self {
                    $($field: Form::of(&model.$field)),*
                }
            }

            fn into_model(self) -> $model {
                use $model as Model;
                Model {
                    $($field: self.$field.into_model(),)*
                    $($($elsewhere: Default::default()),*)?
                }
            }
        }
    };
}

same_variants!(CheckKind of model::CheckKind {
    Health, LogFreshness, Http, Tcp, Tls, Dns, Grpc, Icmp, Websocket, Heartbeat, Steps, Metrics, LogStore, Roles,
    Job, ErrorBudget,
});
same_variants!(Verdict of model::Verdict { Operational, Suspect, Unknown, Degraded, Down });
same_variants!(Role of model::roles::Role { Active, Inactive, Unknown });
same_variants!(Severity of model::Severity { Info, Warning, Critical, Disaster });
same_variants!(FailureClass of model::FailureClass { Explicit, Refused, Silent });
same_variants!(FailureKind of model::FailureKind {
    SaysDown, CriticalComponent, RuleMatched, ServerError, ProxyError, NotFound, ClientError, ConnectionRefused,
    ConnectionClosed, TlsHandshake, Certificate, NotHttp, TooLarge, ConnectTimeout, TlsTimeout, FirstByteTimeout,
    BodyTimeout, BodyCut, Unreachable, NameNotFound, Unexpected, NoReply, Missed, LogSilence, JobFailed,
    JobStuck, JobLate, BudgetBurns,
});
same_variants!(DegradationKind of model::DegradationKind {
    SaysDegraded, Component, RuleMatched, Contradiction, BrokenBody, OtherFormat, Redirected, Throttled,
    Expiring, Unexpected, LogSilence, Lagging, Roles, Overrun, BudgetBurns,
});
same_variants!(GapKind of model::GapKind {
    OwnResources, OwnNetwork, Resolver, OwnTls, Interrupted, Panicked, NotAuthorised, SaysUnknown, NotConfigured,
    Witness,
});
same_variants!(Family of model::Family {
    Spring3, Spring2, Spring1, Microprofile, AspNet, AspNetUi, HealthJson, Terminus, Django, Kubernetes, GoHealth,
    Dropwizard, HealthGo, Consul, Graylog, Simple, Word, CodeOnly,
});
same_variants!(ComponentState of model::ComponentState { Up, Unknown, Degraded, PlannedDown, Down });
same_variants!(PlainKind of model::Kind { Opened, Changed, Reminder, Recovered, Removed, Notice, Noted, Split });

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum Rule {
    NotYetSeen,
    FirstLook,
    Confirmed(FailureClass),
    Counted,
    FallsShort,
    PartialFailure,
    Slow,
    NoVerdict,
    Recovered,
    AnswersAgain,
    Stale,
    Blocked,
}

impl Form<model::Rule> for Rule {
    fn of(model: &model::Rule) -> Self {
        use model::Rule as Model;
        match model {
            Model::NotYetSeen => Self::NotYetSeen,
            Model::FirstLook => Self::FirstLook,
            Model::Confirmed(class) => Self::Confirmed(Form::of(class)),
            Model::Counted => Self::Counted,
            Model::FallsShort => Self::FallsShort,
            Model::PartialFailure => Self::PartialFailure,
            Model::Slow => Self::Slow,
            Model::NoVerdict => Self::NoVerdict,
            Model::Recovered => Self::Recovered,
            Model::AnswersAgain => Self::AnswersAgain,
            Model::Stale => Self::Stale,
            Model::Blocked => Self::Blocked,
        }
    }

    fn into_model(self) -> model::Rule {
        use model::Rule as Model;
        match self {
            Self::NotYetSeen => Model::NotYetSeen,
            Self::FirstLook => Model::FirstLook,
            Self::Confirmed(class) => Model::Confirmed(class.into_model()),
            Self::Counted => Model::Counted,
            Self::FallsShort => Model::FallsShort,
            Self::PartialFailure => Model::PartialFailure,
            Self::Slow => Model::Slow,
            Self::NoVerdict => Model::NoVerdict,
            Self::Recovered => Model::Recovered,
            Self::AnswersAgain => Model::AnswersAgain,
            Self::Stale => Model::Stale,
            Self::Blocked => Model::Blocked,
        }
    }
}

/// How long answers took in an hour or a day of one check.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(in crate::store) struct Latency {
    pub(in crate::store) check: CheckId,
    pub(in crate::store) from: Time,
    pub(in crate::store) grain: Grain,
    /// Each class that is not empty as its distance to the one before it, and how many durations are in it.
    pub(in crate::store) answers: Vec<(u16, u32)>,
    pub(in crate::store) explicit: u32,
    pub(in crate::store) refused: u32,
    pub(in crate::store) silent: u32,
    pub(in crate::store) gaps: u32,
}

same_variants!(Grain of model::latency::Grain { Hour, Day });

impl Form<model::latency::LatencyBlock> for Latency {
    fn of(block: &model::latency::LatencyBlock) -> Self {
        let counted = &block.counted;
        let mut last = 0;
        let steps = counted.answers.classes().iter().map(|(class, count)| {
            let step = class - last;
            last = *class;
            (step, *count)
        });
        Self {
            check: Form::of(&block.check),
            from: Form::of(&block.from),
            grain: Form::of(&block.grain),
            answers: steps.collect(),
            explicit: counted.explicit,
            refused: counted.refused,
            silent: counted.silent,
            gaps: counted.gaps,
        }
    }

    fn into_model(self) -> model::latency::LatencyBlock {
        let mut last = 0_u16;
        let classes = self.answers.into_iter().map(|(step, count)| {
            last = last.saturating_add(step);
            (last, count)
        });
        model::latency::LatencyBlock {
            counted: model::latency::Latencies {
                answers: model::latency::Sketch::of_classes(classes),
                explicit: self.explicit,
                refused: self.refused,
                silent: self.silent,
                gaps: self.gaps,
            },
            check: self.check.into_model(),
            from: self.from.into_model(),
            grain: self.grain.into_model(),
        }
    }
}

same_fields!(Reason of model::Reason { rule: Rule, words: String });
same_fields!(Failure of model::Failure { class: FailureClass, kind: FailureKind, words: String });
same_fields!(Degradation of model::Degradation { kind: DegradationKind, words: String });
same_fields!(Gap of model::Gap { kind: GapKind, words: String });

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum Outcome {
    Healthy,
    Degraded(Degradation),
    Unhealthy(Failure),
    Unobservable(Gap),
}

impl Form<model::Outcome> for Outcome {
    fn of(model: &model::Outcome) -> Self {
        use model::Outcome as Model;
        match model {
            Model::Healthy => Self::Healthy,
            Model::Degraded(degradation) => Self::Degraded(Form::of(degradation)),
            Model::Unhealthy(failure) => Self::Unhealthy(Form::of(failure)),
            Model::Unobservable(gap) => Self::Unobservable(Form::of(gap)),
        }
    }

    fn into_model(self) -> model::Outcome {
        use model::Outcome as Model;
        match self {
            Self::Healthy => Model::Healthy,
            Self::Degraded(degradation) => Model::Degraded(degradation.into_model()),
            Self::Unhealthy(failure) => Model::Unhealthy(failure.into_model()),
            Self::Unobservable(gap) => Model::Unobservable(gap.into_model()),
        }
    }
}

same_fields!(
    #[expect(clippy::struct_field_names, reason = "the fields are those of the model")]
    Phases of model::Phases {
    resolve_us: Option<u32>,
    connect_us: Option<u32>,
    tls_us: Option<u32>,
    first_byte_us: Option<u32>,
    body_us: Option<u32>,
});
same_fields!(Component of model::Component { name: String, state: ComponentState, message: Option<String> });
same_fields!(Detail of model::Detail {
    address: Option<String>,
    components: Vec<Component>,
    components_total: u32,
    excerpt: Option<String>,
    via: Option<String>,
    note: Option<String>,
});
same_fields!(Spans of model::judgement::Spans { explicit: Span, refused: Span, silent: Span });
same_fields!(Count of model::judgement::Count { failures: u8, of: u8 });
same_fields!(Policy of model::Policy {
    interval: Span,
    timeout: Span,
    spans: Spans,
    count: Option<Count>,
    successes: u8,
    slow_after: Span,
});
same_fields!(Ending of model::Ending { warning: Option<Span>, nearly: Span });
same_fields!(Seen of model::Seen {
    started: Micros,
    finished: Micros,
    at: Time,
    is_regular: bool,
    outcome: Outcome,
    status: Option<u16>,
    family: Option<Family>,
    ending: Option<Ending>,
});
same_fields!(Burst of model::judgement::Burst {
    since: Time,
    known: Micros,
    heard: Micros,
    looks: u16,
    failures: u16,
    shortfalls: u16,
    no_verdicts: u16,
    weakest: FailureClass,
    words: String,
    warning: Option<Span>,
});
same_fields!(Recovery of model::judgement::Recovery {
    towards: Verdict,
    looks: u8,
    started: Micros,
    since: Time,
});
same_fields!(Good of model::judgement::Good { at: Time, took: Span, status: Option<u16> });

/// The judge's memory without its trail, which is empty wherever a memory is stored.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub(in crate::store) struct State {
    settled: Verdict,
    reason: Reason,
    since: Time,
    ever_worked: bool,
    burst: Option<Burst>,
    recovery: Option<Recovery>,
    answered: (u16, u16),
    score: u32,
    failed_bits: u32,
    failed_len: u8,
    slow_bits: u8,
    slow_len: u8,
    seen_lately: u16,
    failed_lately: u16,
    blips: u32,
    last_good: Option<Good>,
    family: Option<Family>,
    warned_at: Option<Span>,
}

impl Form<model::State> for State {
    fn of(model: &model::State) -> Self {
        Self {
            settled: Form::of(&model.settled),
            reason: Form::of(&model.reason),
            since: Form::of(&model.since),
            ever_worked: model.ever_worked,
            burst: Form::of(&model.burst),
            recovery: Form::of(&model.recovery),
            answered: model.answered,
            score: model.score,
            failed_bits: model.failed_bits,
            failed_len: model.failed_len,
            slow_bits: model.slow_bits,
            slow_len: model.slow_len,
            seen_lately: model.seen_lately,
            failed_lately: model.failed_lately,
            blips: model.blips,
            last_good: Form::of(&model.last_good),
            family: Form::of(&model.family),
            warned_at: Form::of(&model.warned_at),
        }
    }

    fn into_model(self) -> model::State {
        model::State {
            settled: self.settled.into_model(),
            reason: self.reason.into_model(),
            since: self.since.into_model(),
            ever_worked: self.ever_worked,
            burst: self.burst.into_model(),
            recovery: self.recovery.into_model(),
            answered: self.answered,
            score: self.score,
            failed_bits: self.failed_bits,
            failed_len: self.failed_len,
            slow_bits: self.slow_bits,
            slow_len: self.slow_len,
            seen_lately: self.seen_lately,
            failed_lately: self.failed_lately,
            blips: self.blips,
            last_good: self.last_good.into_model(),
            family: self.family.into_model(),
            warned_at: self.warned_at.into_model(),
            trail: None,
        }
    }
}

same_fields!(Proof of model::Proof { policy: Policy, before: State, seen: Vec<Seen> });

/// Which check: the order of the fields is the order of the memories on the disk.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
pub(in crate::store) struct CheckId {
    pub(in crate::store) target: String,
    pub(in crate::store) kind: CheckKind,
}

impl Form<model::CheckId> for CheckId {
    fn of(model: &model::CheckId) -> Self {
        Self {
            target: Form::of(&model.target),
            kind: Form::of(&model.kind),
        }
    }

    fn into_model(self) -> model::CheckId {
        model::CheckId {
            target: self.target.into_model(),
            kind: self.kind.into_model(),
        }
    }
}

same_fields!(Transition of model::Transition {
    check: CheckId,
    number: u64,
    from: Verdict,
    to: Verdict,
    at: Time,
    since: Time,
    reason: Reason,
    looks_for: u16,
    looks_of: u16,
    phases: Phases,
    detail: Option<Box<Detail>>,
    last_good: Option<Good>,
    incident: Option<String>,
    proof: Box<Proof>,
});
same_fields!(Told of model::Told { channel: String, at: Time, mention: Option<String> });
/// What several have in common: the word for its kind, and its name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(in crate::store) struct Cause {
    kind: String,
    name: String,
}

impl Form<model::cause::Cause> for Cause {
    fn of(model: &model::cause::Cause) -> Self {
        Self {
            kind: model.as_str().to_owned(),
            name: model.name().to_owned(),
        }
    }

    fn into_model(self) -> model::cause::Cause {
        // A word that nobody knows is from a hekate to come; what it told of is told on, without the reason.
        model::cause::Cause::of(&self.kind, self.name).unwrap_or(model::cause::Cause::Together)
    }
}

same_fields!(Member of model::cause::Member {
    target: String,
    title: String,
    verdict: Verdict,
    words: String,
    since: Time,
    until: Option<Time>,
    channels: Vec<String>,
    said: Vec<(String, Verdict)>,
});
same_fields!(Person of model::planned::Person { name: String, slack_user: Option<String> });
same_fields!(Acknowledgement of model::planned::Acknowledgement { by: Person, at: Time, why: Option<String> });
same_variants!(HowEnded of model::planned::HowEnded { Over, Stopped, CameBack, Replaced, Recovered });

/// What kind of plan it is, and how it is to end: those that end with what they are about came later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum PlanKind {
    Silence,
    Maintenance,
    Deploy,
    SilenceUntilRecovered,
    MaintenanceUntilRecovered,
    DeployUntilRecovered,
}

impl PlanKind {
    const fn of(kind: model::planned::PlanKind, is_until_recovered: bool) -> Self {
        use model::planned::PlanKind as Model;
        match (kind, is_until_recovered) {
            (Model::Silence, false) => Self::Silence,
            (Model::Maintenance, false) => Self::Maintenance,
            (Model::Deploy, false) => Self::Deploy,
            (Model::Silence, true) => Self::SilenceUntilRecovered,
            (Model::Maintenance, true) => Self::MaintenanceUntilRecovered,
            (Model::Deploy, true) => Self::DeployUntilRecovered,
        }
    }

    const fn into_model(self) -> (model::planned::PlanKind, bool) {
        use model::planned::PlanKind as Model;
        match self {
            Self::Silence => (Model::Silence, false),
            Self::Maintenance => (Model::Maintenance, false),
            Self::Deploy => (Model::Deploy, false),
            Self::SilenceUntilRecovered => (Model::Silence, true),
            Self::MaintenanceUntilRecovered => (Model::Maintenance, true),
            Self::DeployUntilRecovered => (Model::Deploy, true),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(in crate::store) struct PlanId {
    pub(in crate::store) kind: PlanKind,
    pub(in crate::store) number: u64,
}

same_fields!(Matcher of model::plan::Matcher {
    groups: Vec<String>,
    targets: Vec<String>,
    severities: Vec<Severity>,
    states: Vec<Verdict>,
    roles: Vec<Role>,
    components: Vec<String>,
});
same_fields!(Ended of model::planned::Ended { at: Time, how: HowEnded, by: Option<Person> });
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub(in crate::store) struct Planned {
    pub(in crate::store) id: PlanId,
    pub(in crate::store) matcher: Matcher,
    pub(in crate::store) why: String,
    pub(in crate::store) release: Option<String>,
    pub(in crate::store) by: Person,
    pub(in crate::store) from: Time,
    pub(in crate::store) until: Time,
    pub(in crate::store) ended: Option<Ended>,
}

impl Planned {
    /// When it ended, if it has.
    pub(in crate::store) fn ended_at(&self) -> Option<Time> {
        self.ended.as_ref().map(|ended| ended.at)
    }

    /// Whom it is about.
    pub(in crate::store) fn targets_mut(&mut self) -> &mut [String] {
        &mut self.matcher.targets
    }
}

impl Form<model::planned::Planned> for Planned {
    fn of(model: &model::planned::Planned) -> Self {
        Self {
            id: PlanId {
                kind: PlanKind::of(model.id.kind, model.is_until_recovered),
                number: model.id.number,
            },
            matcher: Form::of(&model.matcher),
            why: model.why.clone(),
            release: model.release.clone(),
            by: Form::of(&model.by),
            from: Form::of(&model.from),
            until: Form::of(&model.until),
            ended: Form::of(&model.ended),
        }
    }

    fn into_model(self) -> model::planned::Planned {
        let (kind, is_until_recovered) = self.id.kind.into_model();
        model::planned::Planned {
            id: model::planned::PlanId {
                kind,
                number: self.id.number,
            },
            matcher: self.matcher.into_model(),
            why: self.why,
            release: self.release,
            by: self.by.into_model(),
            from: self.from.into_model(),
            until: self.until.into_model(),
            is_until_recovered,
            ended: self.ended.into_model(),
        }
    }
}
same_variants!(ToldFlapping of model::ToldFlapping { Unsteady, Steady });
same_fields!(Edge of model::unrest::Edge { to: Verdict, at: Time });
same_fields!(Unrest of model::unrest::Unrest {
    points: u32,
    at: Time,
    is_flapping: bool,
    outages: u32,
    since: Time,
    edges: Vec<Edge>,
    told: Vec<Time>,
});
same_fields!(Flapping of model::unrest::Flapping { outages: u32, since: Time, timeline: String, is_steady: bool });
same_fields!(Common of model::cause::Common {
    cause: Cause,
    population: u32,
    members: Vec<Member>,
    flapping: Option<Flapping>,
});
same_variants!(Worth of model::incident::Worth { FalseAlarm, Useful });
same_fields!(Mark of model::incident::Mark { worth: Worth, reason: String, by: String, at: Time });
same_fields!(Incident of model::Incident {
    id: String,
    number: u64,
    targets: Vec<String>,
    severity: Severity,
    since: Time,
    opened_at: Time,
    closed_at: Option<Time>,
    verdict: Verdict,
    worst: Verdict,
    told: Vec<Told>,
    sequence: u32,
    remind_after: Vec<Span>,
    reminders: u32,
    remind_at: Option<Time>,
    seen: Vec<(String, u32)>,
    mark: Option<Mark>,
    common: Option<Box<Common>>,
    warned_at: Option<Span>,
    flapping: Option<ToldFlapping>,
    is_short_otherwise: bool,
    acknowledged: Option<Acknowledgement>,
});
same_fields!(One of model::notification::One { title: String, verdict: Verdict, words: String, since: Time });
same_fields!(Many of model::notification::Many { members: Vec<One>, total: u32, back: u32 });
same_fields!(Outage of model::Outage { worst: Verdict, since: Time, until: Time, seen: Vec<(String, u32)> });
same_fields!(Story of model::Story {
    target: Option<String>,
    title: String,
    icon: Option<String>,
    severity: Severity,
    check: Option<CheckKind>,
    from: Verdict,
    to: Verdict,
    since: Time,
    decided_at: Time,
    reason: Reason,
    looks_for: u16,
    looks_of: u16,
    phases: Phases,
    detail: Option<Box<Detail>>,
    last_good: Option<Good>,
    outage: Option<Outage>,
    runbook_url: Option<String>,
    also_told: Vec<String>,
    siblings: Vec<String>,
    log: Option<String>,
    role: Option<Role>,
    many: Option<Box<Many>>,
    notes: Vec<String>,
    flapping: Option<Box<Flapping>>,
} kept_elsewhere { attended });

same_fields!(Silent of model::planned::Silent { until: Time, is_until_recovered: bool });
same_fields!(Attended of model::planned::Attended {
    on_it: Option<Acknowledgement>,
    silent: Option<Silent>,
    deed: String,
    calls: Option<String>,
});

/// What an entry is for.
///
/// What people do about it came later than the rest of an entry: it stands in a variant behind those that were there.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum Kind {
    Opened,
    Changed,
    Reminder,
    Recovered,
    Removed,
    Notice,
    Attended(Box<AttendedKind>),
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub(in crate::store) struct AttendedKind {
    kind: PlainKind,
    attended: Option<Attended>,
}

impl Kind {
    fn of(entry: &model::Entry) -> Self {
        let attended = entry.story.attended.as_deref();
        match (entry.kind, attended) {
            (model::Kind::Opened, None) => Self::Opened,
            (model::Kind::Changed, None) => Self::Changed,
            (model::Kind::Reminder, None) => Self::Reminder,
            (model::Kind::Recovered, None) => Self::Recovered,
            (model::Kind::Removed, None) => Self::Removed,
            (model::Kind::Notice, None) => Self::Notice,
            (kind, attended) => Self::Attended(Box::new(AttendedKind {
                kind: Form::of(&kind),
                attended: attended.map(Form::of),
            })),
        }
    }

    fn into_model(self) -> (model::Kind, Option<Box<model::planned::Attended>>) {
        let kind = match self {
            Self::Opened => model::Kind::Opened,
            Self::Changed => model::Kind::Changed,
            Self::Reminder => model::Kind::Reminder,
            Self::Recovered => model::Kind::Recovered,
            Self::Removed => model::Kind::Removed,
            Self::Notice => model::Kind::Notice,
            Self::Attended(it) => {
                let attended = it.attended.map(|attended| Box::new(attended.into_model()));
                return (it.kind.into_model(), attended);
            }
        };
        (kind, None)
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum EntryState {
    Queued,
    Sending,
    Unsure,
    Parked {
        why: String,
        since: Time,
        is_handed_over: bool,
    },
    SendingFindable,
    UnsureFindable,
}

impl Form<model::EntryState> for EntryState {
    fn of(model: &model::EntryState) -> Self {
        use model::EntryState as Model;
        match model {
            Model::Queued => Self::Queued,
            Model::Sending => Self::Sending,
            Model::Unsure => Self::Unsure,
            Model::SendingFindable => Self::SendingFindable,
            Model::UnsureFindable => Self::UnsureFindable,
            Model::Parked {
                why,
                since,
                is_handed_over,
            } => Self::Parked {
                why: why.clone(),
                since: Form::of(since),
                is_handed_over: *is_handed_over,
            },
        }
    }

    fn into_model(self) -> model::EntryState {
        use model::EntryState as Model;
        match self {
            Self::Queued => Model::Queued,
            Self::Sending => Model::Sending,
            Self::Unsure => Model::Unsure,
            Self::SendingFindable => Model::SendingFindable,
            Self::UnsureFindable => Model::UnsureFindable,
            Self::Parked {
                why,
                since,
                is_handed_over,
            } => Model::Parked {
                why,
                since: since.into_model(),
                is_handed_over,
            },
        }
    }
}

/// Which entry: the order of the fields is the order of the outbox on the disk.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
pub(in crate::store) struct EntryKey {
    pub(in crate::store) incident: String,
    pub(in crate::store) sequence: u32,
    pub(in crate::store) channel: String,
}

impl Form<model::EntryKey> for EntryKey {
    fn of(model: &model::EntryKey) -> Self {
        Self {
            incident: Form::of(&model.incident),
            sequence: model.sequence,
            channel: Form::of(&model.channel),
        }
    }

    fn into_model(self) -> model::EntryKey {
        model::EntryKey {
            incident: self.incident.into_model(),
            sequence: self.sequence,
            channel: self.channel.into_model(),
        }
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub(in crate::store) struct Entry {
    pub(in crate::store) key: EntryKey,
    pub(in crate::store) kind: Kind,
    pub(in crate::store) created_at: Time,
    pub(in crate::store) mention: Option<String>,
    pub(in crate::store) story: Box<Story>,
    pub(in crate::store) state: EntryState,
    pub(in crate::store) attempts: u32,
    pub(in crate::store) held_until: Option<Time>,
    pub(in crate::store) instead_of: Option<String>,
}

impl Form<model::Entry> for Entry {
    fn of(model: &model::Entry) -> Self {
        Self {
            key: Form::of(&model.key),
            kind: Kind::of(model),
            created_at: Form::of(&model.created_at),
            mention: Form::of(&model.mention),
            story: Form::of(&model.story),
            state: Form::of(&model.state),
            attempts: model.attempts,
            held_until: Form::of(&model.held_until),
            instead_of: Form::of(&model.instead_of),
        }
    }

    fn into_model(self) -> model::Entry {
        let (kind, attended) = self.kind.into_model();
        let story: model::Story = (*self.story).into_model();
        model::Entry {
            key: self.key.into_model(),
            kind,
            created_at: self.created_at.into_model(),
            mention: self.mention.into_model(),
            story: Arc::new(model::Story { attended, ..story }),
            state: self.state.into_model(),
            attempts: self.attempts,
            held_until: self.held_until.into_model(),
            instead_of: self.instead_of.into_model(),
        }
    }
}

#[expect(
    clippy::struct_field_names,
    reason = "the fields are those of the model"
)]
/// The memory of one check; what was in question is left out, for it is asked anew.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub(in crate::store) struct Check {
    pub(in crate::store) check: CheckId,
    pub(in crate::store) state: State,
    pub(in crate::store) transitions: u64,
    pub(in crate::store) at: Time,
    pub(in crate::store) memory: Option<Box<Memory>>,
    pub(in crate::store) unrest: Option<Box<Unrest>>,
}

same_variants!(LogRow of model::logs::LogRow {
    Grace, Blind, Fresh, Auth, Config, Unreachable, Partial, LaggingSource, LaggingStore, Unproven, NeverSeen, Idle, Late,
    Confirming, Stale,
});
same_fields!(CanaryMark of model::logs::CanaryMark { number: u64, sent_at: Time });
same_fields!(Statement of model::logs::Statement {
    complete_until: Option<Time>,
    drains_within: Option<Span>,
    words: String,
});
same_fields!(Witness of model::logs::Witness {
    monitor: u32,
    watermark: Option<Time>,
    found_up_to: Option<Time>,
    gap_end: Option<Time>,
    next_number: u64,
    unseen: Vec<CanaryMark>,
    lost_in_row: u8,
    unreachable_rounds: u8,
    intake_rounds: u8,
    lagging_rounds: u8,
    good_rounds: u8,
    partial_since: Option<Time>,
    answered_at: Option<Time>,
    statement: Option<Statement>,
    skew_ms: Option<i64>,
});
same_fields!(Pause of model::pauses::Pause {
    since: Time,
    proved: Span,
    is_whole: bool,
    is_told: bool,
    is_excused: bool,
});
same_fields!(PauseDay of model::pauses::PauseDay {
    day: u16,
    watched_s: u32,
    longest_s: u32,
    is_longest_whole: bool,
    told_s: u32,
    is_told_whole: bool,
});
same_fields!(Pauses of model::pauses::Pauses {
    open: Option<Pause>,
    proved_at: Option<Time>,
    days: Vec<PauseDay>,
});
same_fields!(LogMemory of model::logs::LogMemory {
    newest: Option<Time>,
    ingest: Option<Time>,
    asked_since: Option<Time>,
    refused_rounds: u8,
    misunderstood_rounds: u8,
    unanswered_rounds: u8,
    silent_rounds: u8,
    row: Option<LogRow>,
    warned: Vec<String>,
    pauses: Pauses,
});

same_fields!(Beat of model::heartbeat::Beat {
    at: Time,
    failure: Option<String>,
});
same_fields!(OwnWord of model::roles::OwnWord {
    target: String,
    is_active: bool,
    said_at: Time,
    is_answering: bool,
});
same_fields!(HeardSwap of model::roles::HeardSwap {
    active: Vec<String>,
    from: String,
    since: Time,
    readings: u8,
    unseen_since: Option<Time>,
});
same_fields!(RolesMemory of model::roles::RolesMemory {
    active: Vec<String>,
    active_since: Option<Time>,
    before: Vec<String>,
    said_at: Option<Time>,
    count: u16,
    own_words: Vec<OwnWord>,
    pushed: Option<(String, Time)>,
    told: Vec<String>,
    told_by: Option<String>,
    heard: Option<HeardSwap>,
});

same_variants!(RunLag of model::job::RunLag { InTime, Overrun, Stuck });
same_variants!(Fault of model::job::Fault { Ours, ThirdParty });
same_fields!(Run of model::job::Run {
    id: String,
    began_at: Time,
    lag: RunLag,
    said: String,
    account: Option<Account>,
    shown_at: Time,
});
same_fields!(EndedRun of model::job::Ended {
    id: String,
    at: Time,
    took: Option<Span>,
    failure: Option<String>,
    fault: Option<Fault>,
});
same_fields!(GoodRun of model::job::GoodRun { at: Time, took: Option<Span>, said: String });
same_fields!(JobMemory of model::job::JobMemory {
    rhythm: String,
    settled_to: Time,
    runs: Vec<Run>,
    last: Option<EndedRun>,
    good: Option<GoodRun>,
    missed: Option<Time>,
    unheard: Option<Time>,
});

/// What some kinds of check remember beside the judge.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum Memory {
    Witness(Witness),
    Log(LogMemory),
    Beat(Beat),
    Roles(RolesMemory),
    Job(JobMemory),
}

impl Form<model::Memory> for Memory {
    fn of(model: &model::Memory) -> Self {
        match model {
            model::Memory::Witness(witness) => Self::Witness(Form::of(witness)),
            model::Memory::Log(memory) => Self::Log(Form::of(memory)),
            model::Memory::Beat(beat) => Self::Beat(Form::of(beat)),
            model::Memory::Roles(memory) => Self::Roles(Form::of(memory)),
            model::Memory::Job(memory) => Self::Job(Form::of(memory)),
        }
    }

    fn into_model(self) -> model::Memory {
        match self {
            Self::Witness(witness) => model::Memory::Witness(witness.into_model()),
            Self::Log(memory) => model::Memory::Log(memory.into_model()),
            Self::Beat(beat) => model::Memory::Beat(beat.into_model()),
            Self::Roles(memory) => model::Memory::Roles(memory.into_model()),
            Self::Job(memory) => model::Memory::Job(memory.into_model()),
        }
    }
}

impl Form<model::CheckRecord> for Check {
    fn of(model: &model::CheckRecord) -> Self {
        let mut state: State = Form::of(&model.state);
        state.burst = None;
        state.recovery = None;
        Self {
            check: Form::of(&model.check),
            state,
            transitions: model.transitions,
            at: Form::of(&model.at),
            memory: Form::of(&model.memory),
            unrest: Form::of(&model.unrest),
        }
    }

    fn into_model(self) -> model::CheckRecord {
        model::CheckRecord {
            check: self.check.into_model(),
            state: self.state.into_model(),
            transitions: self.transitions,
            at: self.at.into_model(),
            memory: self.memory.into_model(),
            unrest: self.unrest.into_model(),
        }
    }
}

same_variants!(LapseKind of model::lapse::LapseKind { Blind, Away, Stopped });
same_fields!(Lapse of model::lapse::Lapse {
    from: Time,
    until: Option<Time>,
    kind: LapseKind,
    words: String,
});

/// Where it was asked for, and what tells of it; those that are told of as they go on came later.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum Door {
    Slack {
        channel: String,
        channel_name: String,
    },
    Program,
    SlackTold {
        channel: String,
        channel_name: String,
        account: Account,
    },
    ProgramTold {
        account: Account,
    },
}

same_fields!(Account of model::living::Account { incident: String, channel: String, sequence: u32 });

impl Door {
    fn of(model: &model::action::Door, account: Option<&model::living::Account>) -> Self {
        use model::action::Door as Model;
        match (model, account) {
            (
                Model::Slack {
                    channel,
                    channel_name,
                },
                None,
            ) => Self::Slack {
                channel: channel.clone(),
                channel_name: channel_name.clone(),
            },
            (
                Model::Slack {
                    channel,
                    channel_name,
                },
                Some(account),
            ) => Self::SlackTold {
                channel: channel.clone(),
                channel_name: channel_name.clone(),
                account: Form::of(account),
            },
            (Model::Program, None) => Self::Program,
            (Model::Program, Some(account)) => Self::ProgramTold {
                account: Form::of(account),
            },
        }
    }

    fn into_model(self) -> (model::action::Door, Option<model::living::Account>) {
        use model::action::Door as Model;
        let slack = |channel, channel_name| Model::Slack {
            channel,
            channel_name,
        };
        match self {
            Self::Slack {
                channel,
                channel_name,
            } => (slack(channel, channel_name), None),
            Self::SlackTold {
                channel,
                channel_name,
                account,
            } => (slack(channel, channel_name), Some(account.into_model())),
            Self::Program => (Model::Program, None),
            Self::ProgramTold { account } => (Model::Program, Some(account.into_model())),
        }
    }
}

same_variants!(Stage of model::action::Stage {
    Asked, Seconding, Checking, Running, Settling, Done, Failed, Refused, Expired, Cancelled, Unknown,
});
same_fields!(Confirmed of model::action::Confirmed { by: Person, at: Time });

/// Somebody's attempt to have something done.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub(in crate::store) struct Attempt {
    pub(in crate::store) id: u64,
    pub(in crate::store) action: String,
    pub(in crate::store) target: String,
    pub(in crate::store) by: Person,
    pub(in crate::store) door: Door,
    pub(in crate::store) why: Option<String>,
    pub(in crate::store) role: Option<Role>,
    pub(in crate::store) verdict: Verdict,
    pub(in crate::store) nonce: String,
    pub(in crate::store) trigger: Option<String>,
    pub(in crate::store) asked_at: Time,
    pub(in crate::store) expires_at: Time,
    pub(in crate::store) confirmed: Vec<Confirmed>,
    pub(in crate::store) began_at: Option<Time>,
    pub(in crate::store) ended_at: Option<Time>,
    pub(in crate::store) stage: Stage,
    pub(in crate::store) words: String,
    pub(in crate::store) reference: Option<String>,
}

impl Form<model::action::Attempt> for Attempt {
    fn of(model: &model::action::Attempt) -> Self {
        Self {
            id: model.id.0,
            action: model.action.clone(),
            target: Form::of(&model.target),
            by: Form::of(&model.by),
            door: Door::of(&model.door, model.account.as_ref()),
            why: model.why.clone(),
            role: Form::of(&model.role),
            verdict: Form::of(&model.verdict),
            nonce: model.nonce.clone(),
            trigger: model.trigger.clone(),
            asked_at: Form::of(&model.asked_at),
            expires_at: Form::of(&model.expires_at),
            confirmed: Form::of(&model.confirmed),
            began_at: Form::of(&model.began_at),
            ended_at: Form::of(&model.ended_at),
            stage: Form::of(&model.stage),
            words: model.words.clone(),
            reference: model.reference.clone(),
        }
    }

    fn into_model(self) -> model::action::Attempt {
        let (door, account) = self.door.into_model();
        model::action::Attempt {
            id: model::action::AttemptId(self.id),
            action: self.action,
            target: self.target.into_model(),
            by: self.by.into_model(),
            door,
            why: self.why,
            role: self.role.into_model(),
            verdict: self.verdict.into_model(),
            nonce: self.nonce,
            trigger: self.trigger,
            asked_at: self.asked_at.into_model(),
            expires_at: self.expires_at.into_model(),
            confirmed: self.confirmed.into_model(),
            began_at: self.began_at.into_model(),
            ended_at: self.ended_at.into_model(),
            stage: self.stage.into_model(),
            words: self.words,
            reference: self.reference,
            account,
        }
    }
}

same_fields!(Spot of model::living::Spot { channel_id: String, ts: String });
same_fields!(LastTold of model::living::LastTold { verdict: Verdict, severity: Severity, bad: u32 });
same_fields!(Living of model::living::Living {
    incident: String,
    channel: String,
    spot: Option<Spot>,
    begun_by: u32,
    begun_at: Time,
    told: LastTold,
    is_mentioned: bool,
});

same_fields!(CameOfIt of model::release::Outcome { at: Time, words: Vec<String>, is_worse: bool });

/// A release that was announced.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub(in crate::store) struct Release {
    pub(in crate::store) id: u64,
    pub(in crate::store) title: String,
    pub(in crate::store) targets: Vec<String>,
    pub(in crate::store) version: String,
    pub(in crate::store) by: Person,
    pub(in crate::store) changes: Vec<String>,
    pub(in crate::store) url: Option<String>,
    pub(in crate::store) key: Option<String>,
    pub(in crate::store) at: Time,
    pub(in crate::store) before: Vec<(String, Verdict)>,
    pub(in crate::store) account: Option<Account>,
    pub(in crate::store) outcome: Option<CameOfIt>,
}

impl Form<model::release::Release> for Release {
    fn of(model: &model::release::Release) -> Self {
        Self {
            id: model.id.0,
            title: model.title.clone(),
            targets: Form::of(&model.targets),
            version: model.version.clone(),
            by: Form::of(&model.by),
            changes: Form::of(&model.changes),
            url: model.url.clone(),
            key: model.key.clone(),
            at: Form::of(&model.at),
            before: Form::of(&model.before),
            account: Form::of(&model.account),
            outcome: Form::of(&model.outcome),
        }
    }

    fn into_model(self) -> model::release::Release {
        model::release::Release {
            id: model::release::ReleaseId(self.id),
            title: self.title,
            targets: self.targets.into_model(),
            version: self.version,
            by: self.by.into_model(),
            changes: self.changes,
            url: self.url,
            key: self.key,
            at: self.at.into_model(),
            before: self.before.into_model(),
            account: self.account.into_model(),
            outcome: self.outcome.into_model(),
        }
    }
}

/// How an entry left the outbox; kept in the journal only.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub(in crate::store) struct Finished {
    pub(in crate::store) key: EntryKey,
    pub(in crate::store) how: String,
    pub(in crate::store) attempts: u32,
    pub(in crate::store) at: Time,
}

/// One commit, as a line of the journal carries it.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub(in crate::store) struct Batch {
    pub(in crate::store) at: Time,
    pub(in crate::store) checks: Vec<Check>,
    pub(in crate::store) forgotten: Vec<String>,
    pub(in crate::store) renamed: Vec<(String, String)>,
    pub(in crate::store) transitions: Vec<Transition>,
    pub(in crate::store) incidents: Vec<Incident>,
    pub(in crate::store) entries: Vec<Entry>,
    pub(in crate::store) finished: Vec<Finished>,
    pub(in crate::store) planned: Vec<Planned>,
    pub(in crate::store) lapses: Vec<Lapse>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::store) attempts: Vec<Attempt>,
    /// Came later than the others, so a journal may be without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::store) living: Vec<Living>,
    /// Came later still.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::store) releases: Vec<Release>,
}

impl Batch {
    /// What is stored of it.
    pub(in crate::store) fn of(model: &model::Batch) -> Self {
        Self {
            at: Form::of(&model.at),
            checks: Form::of(&model.checks),
            forgotten: Form::of(&model.forgotten),
            renamed: Form::of(&model.renamed),
            // What is written again takes the place of what was written.
            transitions: model
                .transitions
                .iter()
                .chain(&model.claimed)
                .map(Form::of)
                .collect(),
            incidents: Form::of(&model.incidents),
            entries: Form::of(&model.entries),
            finished: model
                .finished
                .iter()
                .map(|finished| Finished {
                    key: Form::of(&finished.key),
                    how: String::from(finished.how),
                    attempts: finished.attempts,
                    at: Form::of(&finished.at),
                })
                .collect(),
            planned: Form::of(&model.planned),
            lapses: Form::of(&model.lapses),
            attempts: Form::of(&model.attempts),
            living: Form::of(&model.living),
            releases: Form::of(&model.releases),
        }
    }
}

/// All live state, as the first line of a journal file carries it.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub(in crate::store) struct Checkpoint {
    pub(in crate::store) checks: Vec<Check>,
    pub(in crate::store) open: Vec<Incident>,
    pub(in crate::store) outbox: Vec<Entry>,
    pub(in crate::store) planned: Vec<Planned>,
    pub(in crate::store) lapses: Vec<Lapse>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::store) attempts: Vec<Attempt>,
    /// Came later than the others, so a journal may be without it.
    #[serde(default)]
    pub(in crate::store) living: Vec<Living>,
    #[serde(default)]
    pub(in crate::store) releases: Vec<Release>,
    pub(in crate::store) incidents: u64,
    pub(in crate::store) plans: u64,
    pub(in crate::store) last_at: Option<Time>,
}

/// A [`Checkpoint`] that is written from where its parts are.
#[derive(Serialize, Debug)]
pub(in crate::store) struct CheckpointOf<'a> {
    pub(in crate::store) checks: Vec<&'a Check>,
    pub(in crate::store) open: Vec<&'a Incident>,
    pub(in crate::store) outbox: Vec<&'a Entry>,
    pub(in crate::store) planned: Vec<&'a Planned>,
    pub(in crate::store) lapses: Vec<&'a Lapse>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::store) attempts: Vec<&'a Attempt>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::store) living: Vec<&'a Living>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::store) releases: Vec<&'a Release>,
    pub(in crate::store) incidents: u64,
    pub(in crate::store) plans: u64,
    pub(in crate::store) last_at: Option<Time>,
}

/// What sled knows of itself: where in the journal it stands, and how much it ought to hold.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize, Debug)]
pub(in crate::store) struct Meta {
    /// The number of the last journal line that is in sled.
    pub(in crate::store) number: u64,
    /// The hash of that line.
    pub(in crate::store) hash: [u8; 32],
    /// How many memories of checks there are.
    pub(in crate::store) checks: u64,
    pub(in crate::store) transitions: u64,
    pub(in crate::store) incidents: u64,
    pub(in crate::store) outbox: u64,
    /// How many plans of people there are that have not ended.
    pub(in crate::store) planned: u64,
    pub(in crate::store) lapses: u64,
    /// The highest incident number ever given out.
    pub(in crate::store) last_incident: u64,
    /// The highest number of a plan ever given out.
    pub(in crate::store) last_plan: u64,
    /// When the last batch was written.
    pub(in crate::store) last_at: Option<Time>,
    /// Transitions and closed incidents before this time were taken away on purpose.
    pub(in crate::store) swept_before: Option<Time>,
}
