//! The read model behind the grid, the page, the API and the metrics: always there, never waited for.
//!
//! A [`Board`] is made once for each plan. Its rows are shared and change in place, each in one atomic step, so that
//! publishing a look costs the same whether there are ten targets or twenty thousand, and readers never wait.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::{
    action::Action,
    health::Component,
    incident::Told,
    job::JobFacts,
    judgement::Good,
    lapse::{LAPSES_MAX, Lapse},
    logs::LogRow,
    names::{ChannelName, GroupName, IncidentId, SourceName, TargetId},
    observation::{Detail, FailureKind, Observation, Outcome, Phases},
    pauses::PauseFacts,
    plan::{Group, OnCall, Plan, Target},
    planned::{Acknowledgement, Agenda, Note},
    roles::RoleFacts,
    text::span,
    time::Timestamp,
    verdict::{Reason, Rule, Verdict},
};

/// What is known of everything that is watched, and of ourselves.
#[derive(Debug)]
pub struct Board {
    /// One row a target, in the order of the file.
    pub rows: Vec<Arc<Row>>,
    /// The groups in the order of the file; targets without one come last.
    pub groups: Vec<Group>,
    /// How hekate itself is.
    pub ourselves: Arc<ArcSwap<Ourselves>>,
    /// What is planned.
    pub agenda: Arc<ArcSwap<Agenda>>,
    /// What people can have done, in the order of the file.
    pub actions: Arc<[Arc<Action>]>,
    /// Who is on call, by name.
    pub on_call: Vec<OnCall>,
    by_id: HashMap<TargetId, usize>,
}

/// One target.
#[derive(Debug)]
pub struct Row {
    /// What the file says of it.
    pub target: Arc<Target>,
    looked_at: AtomicI64,
    took_us: AtomicU32,
    facts: ArcSwap<Facts>,
    log: ArcSwapOption<LogFacts>,
    role: ArcSwapOption<RoleFacts>,
    job: ArcSwapOption<JobFacts>,
}

/// What is known of one target, as one consistent whole.
#[derive(Clone, PartialEq, Debug)]
pub struct Facts {
    /// What the grid shows.
    pub verdict: Verdict,
    /// The verdict that holds and was told; differs from `verdict` only while a failure is being confirmed.
    pub settled: Verdict,
    /// Why `settled`.
    pub reason: Reason,
    /// Since when `settled`.
    pub since: Timestamp,
    /// While suspect: what the last look said, and how many looks of how many so far failed.
    pub suspicion: Option<Suspicion>,
    /// The open incident.
    pub incident: Option<IncidentId>,
    /// The channels that were told of it, when, and who was mentioned there.
    pub told: Vec<Told>,
    /// When it is reminded of, counted from its beginning; empty = not at all.
    pub remind_after: Vec<Duration>,
    /// Who has taken it on, if somebody has.
    pub acknowledged: Option<Acknowledgement>,
    /// What keeps it from being told of, if anything that was planned does.
    pub note: Option<Note>,
    /// The last good look.
    pub last_good: Option<Good>,
    /// The parts of the last look that changed anything.
    pub phases: Phases,
    /// What that look brought along.
    pub detail: Option<Box<Detail>>,
    /// Why it is not told yet, or not that it is worse than what was told, as a clause: `it was down less than 30 min
    /// ago`; absent if nothing is held back.
    pub held: Option<String>,
    /// What will happen next, as a sentence without a full stop: `recovers after 3 good looks (1 so far)`.
    pub next: String,
    /// What happened near the beginning of an open incident, one clause each: `core 4.18.2 by jan went out 6 min before`. May be
    /// foreign.
    pub near: Vec<String>,
}

/// What is known of a target's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogFacts {
    /// The store it is read from.
    pub source: SourceName,
    /// What people call that store.
    pub title: &'static str,
    /// What its newest line proves.
    pub row: LogRow,
    /// When the newest line was written.
    pub newest: Option<Timestamp>,
    /// Up to when the store is complete.
    pub proved_to: Option<Timestamp>,
    /// How long it usually says nothing.
    pub pauses: PauseFacts,
}

impl LogFacts {
    /// As people read it: `last line 6 s ago via Graylog (lag 4 s)`.
    pub fn words(&self, now: Timestamp) -> String {
        let mut out = match self.newest {
            Some(newest) => format!(
                "last line {} ago via {}",
                span(now.since(newest)),
                self.title
            ),
            None => format!("no line seen yet via {}", self.title),
        };
        if let Some(proved_to) = self.proved_to {
            out.push_str(" (lag ");
            out.push_str(&span(now.since(proved_to)));
            out.push(')');
        }
        if self.row.is_grey() {
            out.push_str(": ");
            out.push_str(self.row.as_str());
        }
        out
    }
}

/// A failure that is being confirmed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suspicion {
    /// What the last bad look said.
    pub words: String,
    /// When the first bad look started.
    pub since: Timestamp,
    /// Bad looks so far.
    pub looks: u16,
}

impl Facts {
    /// Nothing is known yet.
    pub fn unknown(since: Timestamp) -> Self {
        Self {
            verdict: Verdict::Unknown,
            settled: Verdict::Unknown,
            reason: Reason {
                rule: Rule::NotYetSeen,
                words: String::from("not looked at yet"),
            },
            since,
            suspicion: None,
            incident: None,
            told: Vec::new(),
            remind_after: Vec::new(),
            acknowledged: None,
            note: None,
            last_good: None,
            phases: Phases::default(),
            detail: None,
            held: None,
            next: String::new(),
            near: Vec::new(),
        }
    }

    /// What a single look says; nothing is confirmed by it.
    pub fn of_look(look: &Observation) -> Self {
        Self::of_outcome(look, &look.outcome)
    }

    /// As [`Facts::of_look`], with another outcome of it.
    pub fn of_outcome(look: &Observation, outcome: &Outcome) -> Self {
        let (verdict, words) = match outcome {
            Outcome::Healthy => (Verdict::Operational, String::from("the look was good")),
            Outcome::Degraded(degradation) => (Verdict::Degraded, degradation.words.clone()),
            Outcome::Unhealthy(failure) if failure.kind == FailureKind::NotFound => {
                (Verdict::Unknown, failure.words.clone())
            }
            Outcome::Unhealthy(failure) => (Verdict::Down, failure.words.clone()),
            Outcome::Unobservable(gap) => (Verdict::Unknown, gap.words.clone()),
        };
        Self {
            verdict,
            settled: verdict,
            reason: Reason {
                rule: Rule::FirstLook,
                words,
            },
            phases: look.phases,
            detail: look.detail.clone(),
            ..Self::unknown(look.started.at)
        }
    }

    /// The components that are not up.
    pub fn components(&self) -> &[Component] {
        self.detail
            .as_ref()
            .map_or(&[], |detail| &detail.components)
    }
}

impl Row {
    /// A row of which nothing is known yet.
    pub fn new(target: Arc<Target>, facts: Facts) -> Self {
        Self {
            target,
            looked_at: AtomicI64::new(i64::MIN),
            took_us: AtomicU32::new(0),
            facts: ArcSwap::from_pointee(facts),
            log: ArcSwapOption::empty(),
            role: ArcSwapOption::empty(),
            job: ArcSwapOption::empty(),
        }
    }

    /// What is known.
    pub fn facts(&self) -> Arc<Facts> {
        self.facts.load_full()
    }

    /// What is known of its log, if it is read.
    pub fn log(&self) -> Option<Arc<LogFacts>> {
        self.log.load_full()
    }

    /// Writes down what is known of its log now.
    pub fn set_log(&self, facts: Arc<LogFacts>) {
        self.log.store(Some(facts));
    }

    /// What is known of its role, if it has one; of the roles of a group who says what.
    pub fn role(&self) -> Option<Arc<RoleFacts>> {
        self.role.load_full()
    }

    /// Writes down what is known of its role now.
    pub fn set_role(&self, facts: Option<Arc<RoleFacts>>) {
        self.role.store(facts);
    }

    /// What is known of it as a job, if it is one.
    pub fn job(&self) -> Option<Arc<JobFacts>> {
        self.job.load_full()
    }

    /// Writes down what is known of it as a job now.
    pub fn set_job(&self, facts: Arc<JobFacts>) {
        self.job.store(Some(facts));
    }

    /// Writes down what is known now.
    pub fn set_facts(&self, facts: Facts) {
        self.facts.store(Arc::new(facts));
    }

    /// Writes down that a look was finished.
    pub fn set_looked(&self, at: Timestamp, took: Duration) {
        self.took_us.store(
            u32::try_from(took.as_micros()).unwrap_or(u32::MAX),
            Ordering::Relaxed,
        );
        self.looked_at.store(at.as_millis(), Ordering::Release);
    }

    /// When the last look was finished, and how long it took; absent if there was none in this process.
    pub fn looked(&self) -> Option<(Timestamp, Duration)> {
        let at = self.looked_at.load(Ordering::Acquire);
        let took = Duration::from_micros(u64::from(self.took_us.load(Ordering::Relaxed)));
        (at != i64::MIN).then(|| (Timestamp::from_millis(at), took))
    }

    /// Whether the evidence is older than two and a half intervals at this time (or was never there).
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let interval = self
            .target
            .checks
            .first()
            .map_or(Duration::from_secs(30), |check| check.policy.interval);
        self.looked()
            .is_none_or(|(at, _)| now.since(at) > interval * 5 / 2)
    }
}

impl Board {
    /// The board of a plan; rows of targets that were on `before` keep what is known.
    pub fn of(plan: &Plan, now: Timestamp, before: Option<&Self>) -> Self {
        let rows: Vec<_> = plan
            .targets
            .iter()
            .map(|target| Self::row_of(target, now, before))
            .collect();
        let by_id = rows
            .iter()
            .enumerate()
            .map(|(index, row)| (row.target.id.clone(), index))
            .collect();
        let ourselves = before.map_or_else(
            || Arc::new(ArcSwap::from_pointee(Ourselves::default())),
            |board| Arc::clone(&board.ourselves),
        );
        let agenda = before.map_or_else(Arc::default, |board| Arc::clone(&board.agenda));
        Self {
            rows,
            groups: plan.groups.clone(),
            ourselves,
            agenda,
            actions: Arc::clone(&plan.actions),
            // Who is somebody only because a job is theirs is on call for nothing else.
            on_call: plan
                .on_call
                .values()
                .filter(|on_call| !on_call.name.as_str().starts_with('@'))
                .cloned()
                .collect(),
            by_id,
        }
    }

    fn row_of(target: &Arc<Target>, now: Timestamp, before: Option<&Self>) -> Arc<Row> {
        let known = before.and_then(|board| {
            board
                .row(&target.id)
                .or_else(|| board.row(target.was.as_ref()?))
        });
        match known {
            Some(row) if *row.target == **target => Arc::clone(row),
            Some(row) => {
                let fresh = Row::new(Arc::clone(target), (*row.facts()).clone());
                if let Some((at, took)) = row.looked() {
                    fresh.set_looked(at, took);
                }
                if let Some(log) = row.log() {
                    fresh.set_log(log);
                }
                fresh.set_role(row.role());
                if let Some(job) = row.job() {
                    fresh.set_job(job);
                }
                Arc::new(fresh)
            }
            None => Arc::new(Row::new(Arc::clone(target), Facts::unknown(now))),
        }
    }

    /// The row of this target.
    pub fn row(&self, id: &TargetId) -> Option<&Arc<Row>> {
        self.by_id.get(id).map(|&index| &self.rows[index])
    }

    /// The rows of this group, in the order of the file.
    pub fn rows_of<'a>(
        &'a self,
        group: Option<&'a GroupName>,
    ) -> impl Iterator<Item = &'a Arc<Row>> {
        self.rows
            .iter()
            .filter(move |row| row.target.group.as_ref() == group)
    }

    /// When the last look of all was finished.
    pub fn last_looked(&self) -> Option<Timestamp> {
        self.rows
            .iter()
            .filter_map(|row| row.looked())
            .map(|(at, _)| at)
            .max()
    }
}

/// How hekate itself is.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Ourselves {
    /// Why the store cannot be written, and since when; absent while it can.
    pub store_trouble: Option<(String, Timestamp)>,
    /// Channels that do not take messages: which, how (`refuses messages: …`), since when.
    pub channel_troubles: Vec<(ChannelName, String, Timestamp)>,
    /// The last reload that failed: its first problem, and when.
    pub config_trouble: Option<(String, Timestamp)>,
    /// Why nobody can ask us over the connections to Slack that the file wants, and since when.
    pub slack_trouble: Option<(String, Timestamp)>,
    /// What keeps looks from saying anything, such as a lack of file descriptors: why, since when.
    pub look_trouble: Option<(String, Timestamp)>,
    /// Who does not answer, and since when, while we see nothing.
    pub blind: Option<(String, Timestamp)>,
    /// Times in which nobody looked or nobody could see, oldest first.
    pub lapses: Vec<Lapse>,
    /// Entries waiting in the outbox.
    pub outbox: usize,
    /// When the oldest of them was written.
    pub outbox_oldest: Option<Timestamp>,
}

impl Ourselves {
    /// Takes note of a lapse, new or over.
    pub fn note(&mut self, lapse: &Lapse) {
        let is_same = |known: &&mut Lapse| known.from == lapse.from && known.kind == lapse.kind;
        if let Some(known) = self.lapses.iter_mut().find(is_same) {
            known.clone_from(lapse);
            return;
        }
        let place = self
            .lapses
            .partition_point(|known| known.from <= lapse.from);
        self.lapses.insert(place, lapse.clone());
        if self.lapses.len() > LAPSES_MAX {
            self.lapses.remove(0);
        }
    }

    /// Lapses that were not over at this time, oldest first.
    pub fn lapses_since(&self, since: Timestamp) -> impl Iterator<Item = &Lapse> {
        self.lapses
            .iter()
            .filter(move |lapse| lapse.until.is_none_or(|until| until > since))
    }

    /// Each trouble as a clause, worst first.
    pub fn troubles(&self) -> Vec<String> {
        let mut out = Vec::new();
        if let Some((why, _)) = &self.store_trouble {
            out.push(format!("the store cannot be written: {why}"));
        }
        if let Some((why, since)) = &self.blind {
            out.push(format!("blind since {since}: {why}"));
        }
        if let Some((why, _)) = &self.look_trouble {
            out.push(why.clone());
        }
        for (channel, why, _) in &self.channel_troubles {
            out.push(format!("channel `{channel}` {why}"));
        }
        if let Some((why, _)) = &self.slack_trouble {
            out.push(format!("slash commands are not answered: {why}"));
        }
        if let Some((why, _)) = &self.config_trouble {
            out.push(format!("the changed file was not taken: {why}"));
        }
        out
    }
}
