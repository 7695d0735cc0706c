//! What is looked at and told in a rehearsal: it answers as the script says, and well where the script says nothing.

mod deeds;
mod logs;

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use self::{
    deeds::Running,
    logs::{Store, log_of},
};
use crate::{
    config::script::{Answer, Beats, Doing, Receiving},
    engine::Order,
    model::{
        ChannelName, CheckKind, Degradation, DegradationKind, Delivery, Extra, Failure,
        FailureClass, FailureKind, Family, Gap, GapKind, GroupName, Outcome, Plan, SourceName,
        TargetId, Timestamp,
        heartbeat::News,
        logs::Subject,
        plan::{HealthQuestion, Question},
        roles::{Opinion, RoleSource, Roles, RolesAnswer},
        text::span,
    },
};

/// How long an answer takes when the script does not say it.
const A_MOMENT: Duration = Duration::from_millis(20);
/// How long a channel may take before an attempt is given up.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// What a channel that asks for a slower pace asks for.
const SLOWER: Duration = Duration::from_secs(30);

/// What a look brings back, and after how long.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) took: Duration,
    pub(super) outcome: Outcome,
    pub(super) status: Option<u16>,
    pub(super) family: Option<Family>,
    pub(super) extra: Option<Box<Extra>>,
}

/// What clocks show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Clocks {
    /// Everywhere else.
    pub(super) world: Timestamp,
    /// On hekate's machine.
    pub(super) ours: Timestamp,
}

/// What looks at one check bring back from now on.
#[derive(Clone, Debug)]
struct Answering {
    kind: CheckKind,
    answer: Answer,
    took: Option<Duration>,
    says: Option<String>,
    step: usize,
}

/// The world as it is now.
#[derive(Debug)]
pub(super) struct Scenery {
    answers: HashMap<TargetId, Vec<Answering>>,
    stores: HashMap<SourceName, Store>,
    /// Logs to which nothing is written, since when.
    silent_logs: HashMap<(SourceName, Subject), Clocks>,
    /// When our own lines were sent, by their numbers.
    canaries: HashMap<(SourceName, u64), Timestamp>,
    active: HashMap<GroupName, Vec<TargetId>>,
    channels: HashMap<ChannelName, (Receiving, Option<usize>)>,
    beats: HashMap<TargetId, (Beats, String)>,
    /// What receivers of actions do, by the actions' keys.
    runs: HashMap<String, Running>,
    is_network_up: bool,
    /// The steps that anything came of.
    pub(super) met: BTreeSet<usize>,
}

impl Scenery {
    /// A world in which all is well: everything answers, every log is written, the first member of each group is active.
    pub(super) fn new(plan: &Plan, now: Timestamp) -> Self {
        let mut scenery = Self {
            answers: HashMap::new(),
            stores: HashMap::new(),
            silent_logs: HashMap::new(),
            canaries: HashMap::new(),
            active: HashMap::new(),
            channels: HashMap::new(),
            beats: HashMap::new(),
            runs: HashMap::new(),
            is_network_up: true,
            met: BTreeSet::new(),
        };
        for check in plan.targets.iter().flat_map(|target| &target.checks) {
            if let Question::LogStore(store) = &check.question {
                let well = Store {
                    answers: Receiving::Ok,
                    lag: Duration::ZERO,
                    horizon: now,
                    step: None,
                };
                scenery.stores.insert(store.source.name.clone(), well);
            }
            if let Question::Roles(roles) = &check.question {
                let first = roles.members.iter().take(1);
                let first = first.map(|member| member.target.clone()).collect();
                scenery.active.insert(roles.group.clone(), first);
            }
        }
        scenery
    }

    /// The file changed: what was named anew is the same thing, and what is named for the first time is well. Answers the
    /// groups of which nobody asked before who is active.
    pub(super) fn replan(&mut self, before: &Plan, plan: &Plan, now: Timestamp) -> Vec<GroupName> {
        for target in &plan.targets {
            let knows =
                |plan: &Plan, id: &TargetId| plan.targets.iter().any(|target| target.id == *id);
            let was = target.was.as_ref();
            let was = was.filter(|was| !knows(plan, was) && knows(before, was));
            if let Some(was) = was {
                self.rename(was, &target.id);
            }
            // Whoever writes nothing writes nothing whatever is asked for.
            let silent_since = log_of(before, was.unwrap_or(&target.id))
                .and_then(|log| self.silent_logs.get(&log).copied());
            if let (Some(since), Some(log)) = (silent_since, log_of(plan, &target.id)) {
                self.silent_logs.entry(log).or_insert(since);
            }
        }
        let mut well = Self::new(plan, now);
        for (source, store) in well.stores.drain() {
            self.stores.entry(source).or_insert(store);
        }
        let fresh: Vec<_> = well
            .active
            .into_iter()
            .filter(|(group, _)| !self.active.contains_key(group))
            .collect();
        let groups = fresh.iter().map(|(group, _)| group.clone()).collect();
        self.active.extend(fresh);
        groups
    }

    fn rename(&mut self, was: &TargetId, target: &TargetId) {
        if let Some(answers) = self.answers.remove(was) {
            self.answers.insert(target.clone(), answers);
        }
        if let Some(beats) = self.beats.remove(was) {
            self.beats.insert(target.clone(), beats);
        }
        for active in self.active.values_mut().flatten() {
            if active == was {
                active.clone_from(target);
            }
        }
    }

    /// A step of the script happens.
    pub(super) fn turn(&mut self, plan: &Plan, now: Clocks, step: usize, doing: &Doing) {
        match doing {
            Doing::Answer {
                target,
                kinds,
                answer,
                took,
                says,
            } => {
                let answers = self.answers.entry(target.clone()).or_default();
                answers.retain(|known| !kinds.contains(&known.kind));
                answers.extend(kinds.iter().map(|kind| Answering {
                    kind: *kind,
                    answer: *answer,
                    took: *took,
                    says: says.clone(),
                    step,
                }));
            }
            Doing::Log { target, is_written } => {
                let Some(log) = log_of(plan, target) else {
                    return;
                };
                self.met.insert(step);
                if *is_written {
                    self.silent_logs.remove(&log);
                } else {
                    self.silent_logs.entry(log).or_insert(now);
                }
            }
            Doing::Beats {
                target,
                beats,
                says,
            } => {
                self.met.insert(step);
                let says = says.clone().unwrap_or_default();
                self.beats.insert(target.clone(), (*beats, says));
            }
            Doing::Source {
                source,
                answers,
                lag,
            } => {
                if let Some(store) = self.stores.get_mut(source) {
                    store.settle(now.world);
                    store.answers = answers.unwrap_or(store.answers);
                    store.lag = lag.unwrap_or(store.lag);
                    store.step = Some(step);
                }
            }
            Doing::Active { group, members } => {
                self.met.insert(step);
                self.active.insert(group.clone(), members.clone());
            }
            Doing::Channel { channel, answers } => {
                self.channels
                    .insert(channel.clone(), (*answers, Some(step)));
            }
            // Who is asked for it answers.
            Doing::Command { .. }
            | Doing::Action { .. }
            | Doing::Restart { .. }
            | Doing::Reload { .. }
            | Doing::Clock { .. } => {}
            Doing::Run {
                action,
                answers,
                took,
                says,
            } => {
                let running = Running {
                    answers: *answers,
                    took: *took,
                    says: says.clone(),
                    step,
                };
                self.runs.insert(action.clone(), running);
            }
            Doing::OurNetwork { is_up } => {
                self.met.insert(step);
                self.is_network_up = *is_up;
            }
        }
    }

    pub(super) const fn is_network_up(&self) -> bool {
        self.is_network_up
    }

    /// The one who is active, if there is exactly one.
    pub(super) fn the_active<'a>(&self, roles: &'a Roles) -> Option<&'a str> {
        let [only] = self.active.get(&roles.group)?.as_slice() else {
            return None;
        };
        let member = roles.members.iter().find(|member| member.target == *only)?;
        Some(&member.called)
    }

    /// What this target says when it calls now; absent if it does not call, or cannot.
    pub(super) fn beat(&self, target: &TargetId) -> Option<News> {
        let failure = match self.beats.get(target) {
            _ if !self.is_network_up => return None,
            None | Some((Beats::Beating, _)) => None,
            Some((Beats::Failing, says)) => Some(says.clone()),
            Some((Beats::Silent, _)) => return None,
        };
        Some(News::Beat { failure })
    }

    /// What a look brings back.
    pub(super) fn look(&mut self, order: &Order, now: Clocks) -> Seen {
        let check = &order.target.checks[usize::from(order.look.check)];
        match &check.question {
            Question::LogStore(question) => self.round(question, order, now),
            Question::Roles(roles) => self.roles(roles),
            Question::Health(question) => {
                let seen = self.asked(order, check.kind);
                self.with_role(order, question, seen)
            }
            Question::LogFreshness(_)
            | Question::Heartbeat(_)
            | Question::Job(_)
            | Question::ErrorBudget(_)
            | Question::Tcp(_)
            | Question::Tls(_)
            | Question::Dns(_)
            | Question::Icmp(_)
            | Question::Websocket(_)
            | Question::Grpc(_)
            | Question::Http(_)
            | Question::Metrics(_)
            | Question::Steps(_) => self.asked(order, check.kind),
        }
    }

    /// A health answer says its own role, where the file says that it does.
    fn with_role(&self, order: &Order, question: &HealthQuestion, mut seen: Seen) -> Seen {
        let is_answer = match &seen.outcome {
            Outcome::Healthy | Outcome::Degraded(_) => true,
            Outcome::Unhealthy(failure) => failure.class == FailureClass::Explicit,
            Outcome::Unobservable(_) => false,
        };
        if question.role_field.is_some() && is_answer {
            let group = order.target.group.as_ref();
            let active = group.and_then(|group| self.active.get(group));
            let is_active = active.is_some_and(|active| active.contains(&order.target.id));
            seen.extra = Some(Box::new(Extra::OwnRole(is_active.to_string())));
        }
        seen
    }

    fn asked(&mut self, order: &Order, kind: CheckKind) -> Seen {
        let known = self.answers.get(&order.target.id);
        let known = known.and_then(|known| known.iter().find(|known| known.kind == kind));
        if let Some(known) = known {
            self.met.insert(known.step);
        }
        let took = known.and_then(|known| known.took).unwrap_or(A_MOMENT);
        let answer = match known {
            _ if !self.is_network_up || took >= order.limit => Answer::Silent,
            Some(known) => known.answer,
            None => Answer::Ok,
        };
        let says = known.and_then(|known| known.says.clone());
        let (status, outcome) = outcome(answer, says.as_ref(), order.limit);
        let is_http = matches!(
            kind,
            CheckKind::Health | CheckKind::Http | CheckKind::Metrics | CheckKind::Steps
        );
        Seen {
            took: if answer == Answer::Silent {
                order.limit
            } else {
                took
            },
            outcome,
            status: status.filter(|_| is_http),
            family: (kind == CheckKind::Health && answer == Answer::Ok).then_some(Family::Simple),
            extra: None,
        }
    }

    pub(super) fn roles(&self, roles: &Roles) -> Seen {
        let active = self.active.get(&roles.group);
        let positions = roles.members.iter().enumerate().filter_map(|(at, member)| {
            let is_active = active.is_some_and(|active| active.contains(&member.target));
            is_active.then(|| u16::try_from(at).unwrap_or(u16::MAX))
        });
        let positions: Vec<_> = positions.collect();
        let asked = roles.sources.iter().filter(|source| is_asked(source));
        let opinions = asked.map(|source| Opinion {
            from: source.as_str(),
            active: if self.is_network_up || is_local(source) {
                Ok(positions.clone())
            } else {
                Err(String::from("no answer"))
            },
        });
        let answer = RolesAnswer {
            opinions: opinions.collect(),
        };
        Seen {
            took: A_MOMENT,
            outcome: Outcome::Healthy,
            status: None,
            family: None,
            extra: Some(Box::new(Extra::Roles(answer))),
        }
    }

    /// What becomes of an attempt to send to a channel, and after how long; whether the message arrives.
    pub(super) fn send(&mut self, channel: &ChannelName) -> (Duration, Delivery) {
        let (receiving, step) = self
            .channels
            .get(channel)
            .copied()
            .unwrap_or((Receiving::Ok, None));
        if let Some(step) = step {
            self.met.insert(step);
        }
        let retry = |after, is_throttled, why: &str| Delivery::Retry {
            after,
            is_throttled,
            why: why.to_owned(),
        };
        if !self.is_network_up {
            return (A_MOMENT, retry(None, false, "no connection"));
        }
        let unsure = |why: &str| Delivery::Unsure {
            why: why.to_owned(),
        };
        match receiving {
            Receiving::Ok => (A_MOMENT, Delivery::Accepted),
            Receiving::Error => (A_MOMENT, unsure("HTTP 500")),
            Receiving::Refused => (A_MOMENT, retry(None, false, "connection refused")),
            Receiving::Silent => (SEND_LIMIT, unsure("no answer within 10 s")),
            Receiving::Unauthorised => (
                A_MOMENT,
                Delivery::Refused {
                    why: String::from("HTTP 404 no_service"),
                    is_malformed: false,
                },
            ),
            Receiving::Throttled => (A_MOMENT, retry(Some(SLOWER), true, "HTTP 429")),
        }
    }
}

/// Whether a source of roles is asked by a look; the others are answered elsewhere.
const fn is_asked(source: &RoleSource) -> bool {
    match source {
        RoleSource::Always | RoleSource::HealthField(_) | RoleSource::Push { .. } => false,
        RoleSource::Header { .. }
        | RoleSource::Body { .. }
        | RoleSource::Redirect { .. }
        | RoleSource::HaproxyCsv { .. }
        | RoleSource::HaproxySocket { .. }
        | RoleSource::Traefik { .. }
        | RoleSource::Envoy { .. }
        | RoleSource::KubernetesService { .. }
        | RoleSource::KubernetesEndpoints { .. }
        | RoleSource::Dns { .. }
        | RoleSource::File { .. }
        | RoleSource::Command { .. } => true,
    }
}

/// Whether a source of roles is on this machine.
const fn is_local(source: &RoleSource) -> bool {
    matches!(source, RoleSource::File { .. } | RoleSource::Command { .. })
}

fn outcome(answer: Answer, says: Option<&String>, limit: Duration) -> (Option<u16>, Outcome) {
    let words = |usual: &str| says.cloned().unwrap_or_else(|| usual.to_owned());
    let failure = |class, kind, usual: &str| {
        Outcome::Unhealthy(Failure {
            class,
            kind,
            words: words(usual),
        })
    };
    match answer {
        Answer::Ok => (Some(200), Outcome::Healthy),
        Answer::Degraded => {
            let degradation = Degradation {
                kind: DegradationKind::SaysDegraded,
                words: words("it says that it is degraded"),
            };
            (Some(200), Outcome::Degraded(degradation))
        }
        Answer::Down => (
            Some(503),
            failure(
                FailureClass::Explicit,
                FailureKind::SaysDown,
                "it says that it is down",
            ),
        ),
        Answer::Error => (
            Some(500),
            failure(FailureClass::Refused, FailureKind::ServerError, "HTTP 500"),
        ),
        Answer::Refused => (
            None,
            failure(
                FailureClass::Refused,
                FailureKind::ConnectionRefused,
                "connection refused",
            ),
        ),
        Answer::Silent => (
            None,
            failure(
                FailureClass::Silent,
                FailureKind::ConnectTimeout,
                &format!("no answer within {}", span(limit)),
            ),
        ),
        Answer::NotFound => (
            Some(404),
            failure(FailureClass::Refused, FailureKind::NotFound, "HTTP 404"),
        ),
        Answer::Unauthorised => {
            let gap = Gap {
                kind: GapKind::NotAuthorised,
                words: words("HTTP 401"),
            };
            (Some(401), Outcome::Unobservable(gap))
        }
    }
}
