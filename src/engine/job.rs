//! Jobs: what their calls mean, what it means that they do not call, and what is told of each run.
//!
//! Deadlines are wall time and are asked for anew whenever somebody listens, so a clock that is moved moves them along. What a call changed is
//! written down before the caller is answered.

use std::{sync::Arc, time::Duration};

use super::{
    Action, Engine, Looked,
    account::{step, story},
    look::result,
    watched::{Watched, Watching},
};
use crate::{
    judge::job::{self, Heard},
    model::{
        Batch, ChannelName, Kind, Memory, Moment, Outcome, Slot, TargetId, Timestamp, Verdict,
        job::{JobMemory, JobQuestion, Ping, Pinged, Run, RunLag},
        lapse::Lapse,
        living::Account,
        text::span,
    },
    schedule::Due,
};

/// So many times of deafness are remembered.
const DEAF_MAX: usize = 256;
/// What a run says of itself is shown when it has been on its way for so long, and so long after it was shown before.
const SHOWN_EVERY: Duration = Duration::from_mins(1);

impl Engine {
    /// Takes in the call of a job.
    pub(super) fn pinged(
        &mut self,
        now: Moment,
        target: &TargetId,
        ping: &Ping,
        actions: &mut Vec<Action>,
    ) {
        let slot = self.index.get(target).copied();
        let Some((slot, (check, question))) =
            slot.and_then(|slot| Some((slot, self.at(slot)?.job()?)))
        else {
            return;
        };
        let Some(mut memory) = self.take_job(now, slot, check, &question) else {
            return;
        };
        let heard = job::heard(&question, &mut memory, ping, now.at);
        let label = heard.outcome.as_ref().map_or("healthy", result);
        let mut batch = Batch::new(now.at);
        self.tell_run(
            now,
            slot,
            &question,
            &mut memory,
            (ping, &heard),
            &mut batch,
        );
        self.judge_job(now, (slot, check), memory, heard.outcome, batch, actions);
        self.listen_on(now, (slot, check));
        actions.push(listened(now, slot, Duration::ZERO, label));
    }

    /// In place of a look, if this check is a job; says whether it is.
    pub(super) fn await_run(&mut self, now: Moment, due: Due, actions: &mut Vec<Action>) -> bool {
        let (slot, check) = (due.slot, due.check);
        let Some((_, question)) = self
            .at(slot)
            .and_then(Watched::job)
            .filter(|(at, _)| *at == check)
        else {
            return false;
        };
        let is_new = self.at(slot).is_some_and(|watched| {
            let watching = &watched.checks[usize::from(check)];
            watching.beat_remembered.is_none()
        });
        let Some(mut memory) = self.take_job(now, slot, check, &question) else {
            return false;
        };
        let before = memory.clone();
        let deaf = self.deaf_times(now);
        let outcome = job::passed(&question, &mut memory, now.at, &deaf);
        let mut batch = Batch::new(now.at);
        for run in &mut memory.runs {
            let was = before.runs.iter().find(|other| other.id == run.id);
            if was.is_some_and(|was| was.lag < run.lag) {
                self.tell_lag(now, slot, &question, run, &mut batch);
            }
        }
        for lost in before.runs.iter().filter(|run| is_gone(run, &memory)) {
            self.tell_given_up(now, slot, lost.clone(), &mut batch);
        }
        let label = outcome.as_ref().map_or("healthy", result);
        let is_changed = is_new || before != memory || outcome.is_some();
        if is_changed {
            self.judge_job(now, (slot, check), memory, outcome, batch, actions);
        } else {
            self.put_job(now, slot, memory);
        }
        self.listen_on(now, (slot, check));
        let late = now.tick.since(due.planned);
        actions.push(listened(now, slot, late, label));
        true
    }

    /// What is remembered of a job, to be put back by whoever takes it.
    fn take_job(
        &mut self,
        now: Moment,
        slot: Slot,
        check: u8,
        question: &JobQuestion,
    ) -> Option<JobMemory> {
        let watching = self.watching_mut(slot, check)?;
        (watching.is_seen, watching.is_unproved) = (true, false);
        let memory = watching.memory.take().map(|memory| *memory);
        Some(match memory {
            Some(Memory::Job(memory)) => memory,
            Some(Memory::Witness(_) | Memory::Log(_) | Memory::Beat(_) | Memory::Roles(_))
            | None => JobMemory::new(question, now.at),
        })
    }

    /// Puts back what is remembered of a job, and waits for its next deadline.
    fn put_job(&mut self, now: Moment, slot: Slot, memory: JobMemory) {
        let Some(watched) = self.at_mut(slot) else {
            return;
        };
        if let Some((check, question)) = watched.job() {
            let watching = &mut watched.checks[usize::from(check)];
            let deadline = job::next_deadline(&question, &memory);
            watching.awaited = deadline.map(|at| now.tick + at.since(now.at));
            watching.memory = Some(Box::new(Memory::Job(memory)));
            watching.beat_remembered = Some(now.tick);
        }
    }

    fn watching_mut(&mut self, slot: Slot, check: u8) -> Option<&mut Watching> {
        let watched = self.at_mut(slot)?;
        watched.checks.get_mut(usize::from(check))
    }

    /// Puts back what is remembered, judges what is new, and writes all of it down as one.
    fn judge_job(
        &mut self,
        now: Moment,
        (slot, check): (Slot, u8),
        memory: JobMemory,
        outcome: Option<Outcome>,
        mut batch: Batch,
        actions: &mut Vec<Action>,
    ) {
        self.put_job(now, slot, memory);
        let first = actions.len();
        if let Some(outcome) = outcome {
            self.judge_beat(now, (slot, check), outcome, actions);
        }
        if let Some(watched) = self.at(slot) {
            batch
                .checks
                .push(watched.record(usize::from(check), now.at));
        }
        join(batch, first, actions);
        self.show(slot, actions);
    }

    /// Publishes what is known of a job, if it is one.
    pub(super) fn show_job(&self, slot: Slot, actions: &mut Vec<Action>) {
        if let Some(watched) = self.at(slot)
            && let Some((check, question)) = watched.job()
            && let Some(memory) = watched.checks[usize::from(check)].job_memory()
        {
            let facts = job::facts(&question, memory);
            actions.push(Action::ShowJob(slot, Arc::new(facts)));
        }
    }

    /// Shows what a call meant, where the runs of the job are told.
    fn tell_run(
        &mut self,
        now: Moment,
        slot: Slot,
        question: &JobQuestion,
        memory: &mut JobMemory,
        (ping, heard): (&Ping, &Heard),
        batch: &mut Batch,
    ) {
        for run in &heard.given_up {
            self.tell_given_up(now, slot, run.clone(), batch);
        }
        let Some(channel) = self.told_in(question) else {
            return;
        };
        let last_took = memory.good.as_ref().and_then(|good| good.took);
        let on_its_way = heard
            .on_its_way
            .and_then(|place| memory.runs.get_mut(place));
        if let Some(run) = on_its_way.filter(|_| !heard.is_repeat) {
            self.tell_on_its_way(now, slot, &channel, run, last_took, batch);
        }
        match ping.what {
            Pinged::Done | Pinged::Failed(_) if !heard.is_repeat => {
                self.tell_end(now, slot, &channel, memory, heard.ended.clone(), batch);
            }
            Pinged::Done | Pinged::Failed(_) | Pinged::Began | Pinged::Noted => {}
        }
    }

    /// That a run began, or how it gets on.
    fn tell_on_its_way(
        &mut self,
        now: Moment,
        slot: Slot,
        channel: &ChannelName,
        run: &mut Run,
        last_took: Option<Duration>,
        batch: &mut Batch,
    ) {
        let headline = format!("{} is running", self.job_title(slot));
        let began = run.began_at.words(self.plan.server.timezone);
        let usually = last_took.map(|took| format!("took {} last time", span(took)));
        let said = Some(run.said.clone()).filter(|said| !said.is_empty());
        let parts = [Some(format!("since {began}")), usually, said];
        let words = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
        run.account
            .take_if(|account| !self.plan.channels.contains_key(&account.channel));
        let is_time = now.at.since(run.shown_at) >= SHOWN_EVERY;
        match &mut run.account {
            Some(account) if is_time => {
                run.shown_at = now.at;
                step(now, account, Kind::Noted, headline, words, batch);
            }
            None if self.is_edited(channel) => {
                let story = story(channel, headline, words, now);
                let incident = self.news_as(now, Kind::Noted, story, vec![channel.clone()], batch);
                run.shown_at = now.at;
                run.account = Some(Account {
                    incident,
                    channel: channel.clone(),
                    sequence: 0,
                });
            }
            Some(_) | None => {}
        }
    }

    /// How a run ended. A failure is told by its incident, so only a message that is there already tells it too; and where people were told that
    /// the job is in trouble, the end of that says that a run ended well.
    fn tell_end(
        &mut self,
        now: Moment,
        slot: Slot,
        channel: &ChannelName,
        memory: &JobMemory,
        run: Option<Run>,
        batch: &mut Batch,
    ) {
        let Some(last) = &memory.last else { return };
        let name = self.job_title(slot);
        let took = last.took.map(span);
        let (headline, took, said) = if let Some(failure) = &last.failure {
            // The headline says it already.
            let rest = failure.strip_prefix("failed").unwrap_or(failure);
            let rest = rest.trim_start_matches([':', ',', ' ']).to_owned();
            let took = took.map(|took| format!("after {took}"));
            (format!("{name} failed"), took, Some(rest))
        } else {
            let said = memory.good.as_ref().map(|good| good.said.clone());
            let took = took.map(|took| format!("in {took}"));
            (format!("{name} is done"), took, said)
        };
        let parts = [took, said.filter(|said| !said.is_empty())];
        let words = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
        let is_told_otherwise = self.at(slot).is_some_and(|watched| {
            let told = watched.incident.iter().flat_map(|open| &open.incident.told);
            told.into_iter().any(|told| told.channel == *channel)
        });
        match self.account_of(run) {
            Some(mut account) => step(now, &mut account, Kind::Notice, headline, words, batch),
            None if last.failure.is_some() || is_told_otherwise => {}
            None => {
                let story = story(channel, headline, words, now);
                self.news(now, story, vec![channel.clone()], batch);
            }
        }
    }

    /// That a run takes too long, in its own message.
    fn tell_lag(
        &mut self,
        now: Moment,
        slot: Slot,
        question: &JobQuestion,
        run: &mut Run,
        batch: &mut Batch,
    ) {
        let Some(mut account) = self.account_of(Some(run.clone())) else {
            return;
        };
        let name = self.job_title(slot);
        let headline = match run.lag {
            RunLag::Stuck => format!("{name} is stuck"),
            RunLag::InTime | RunLag::Overrun => format!("{name} takes longer than it may"),
        };
        let took = Duration::from_secs(now.at.since(run.began_at).as_secs());
        let limit = question.max_runtime.map_or_else(String::new, |max| {
            format!(" · max_runtime is {}", span(max))
        });
        let words = format!("running for {}{limit}", span(took));
        step(now, &mut account, Kind::Noted, headline, words, batch);
        run.shown_at = now.at;
        run.account = Some(account);
    }

    /// That nobody knows how a run ended, in its own message.
    fn tell_given_up(&self, now: Moment, slot: Slot, run: Run, batch: &mut Batch) {
        let began = run.began_at.words(self.plan.server.timezone);
        if let Some(mut account) = self.account_of(Some(run)) {
            let headline = format!("{}: a run was given up", self.job_title(slot));
            let words = format!("it began {began} and its end was never told");
            step(now, &mut account, Kind::Notice, headline, words, batch);
        }
    }

    /// The message that tells of a run, if there is one and its channel is still there.
    fn account_of(&self, run: Option<Run>) -> Option<Account> {
        run?.account
            .filter(|account| self.plan.channels.contains_key(&account.channel))
    }

    /// Where the runs of a job are told.
    fn told_in(&self, question: &JobQuestion) -> Option<ChannelName> {
        let channel = question.told_in.as_ref();
        channel
            .filter(|channel| self.plan.channels.contains_key(*channel))
            .cloned()
    }

    fn job_title(&self, slot: Slot) -> String {
        self.at(slot)
            .map_or_else(String::new, |watched| watched.target.title())
    }

    /// Remembers the times in which nobody was listening, of what is to be written down.
    pub(super) fn note_deafness(&mut self, actions: &[Action]) {
        for action in actions {
            if let Action::Commit(batch) = action {
                self.note_lapses(&batch.lapses);
            }
        }
    }

    /// Remembers times in which nobody was listening. Those that last are found in other ways.
    pub(super) fn note_lapses(&mut self, lapses: &[Lapse]) {
        for lapse in lapses {
            let Some(until) = lapse.until else { continue };
            let part = (lapse.from, until);
            if !self.deafness.contains(&part) {
                self.deafness.push_back(part);
            }
        }
        while self.deafness.len() > DEAF_MAX {
            self.deafness.pop_front();
        }
    }

    /// The times in which nobody was listening, up to now.
    fn deaf_times(&self, now: Moment) -> Vec<(Timestamp, Timestamp)> {
        let blind = self.lookout.blind_since().map(|since| (since, now.at));
        self.deafness.iter().copied().chain(blind).collect()
    }
}

impl Watched {
    /// The check that is a job, if there is one.
    pub(super) fn job(&self) -> Option<(u8, Arc<JobQuestion>)> {
        let (check, question) = self.target.job()?;
        Some((check, Arc::clone(question)))
    }

    /// Begins to wait for the runs of a job: what was due before stays due, unless the file asks for other times now.
    pub(super) fn await_job(&mut self, now: Moment) {
        let Some((check, question)) = self.job() else {
            return;
        };
        let watching = &mut self.checks[usize::from(check)];
        let rhythm = question.rhythm.to_string();
        if let Some(Memory::Job(memory)) = watching.memory.as_deref_mut()
            && memory.rhythm != rhythm
        {
            memory.rhythm = rhythm;
            memory.settled_to = memory.settled_to.max(now.at);
            // To be written down with the first turn.
            watching.beat_remembered = None;
        }
        let memory = watching.job_memory();
        let deadline = memory.and_then(|memory| job::next_deadline(&question, memory));
        watching.awaited = deadline.map(|at| now.tick + at.since(now.at));
    }

    /// What will happen next of a job, as a clause.
    pub(super) fn next_of_job(&self) -> String {
        let Some((check, question)) = self.job() else {
            return String::new();
        };
        let watching = &self.checks[usize::from(check)];
        let is_running = watching
            .job_memory()
            .is_some_and(|memory| memory.runs.iter().any(|run| run.lag != RunLag::Stuck));
        match (is_running, watching.state.settled) {
            (true, _) => String::from("a run is on its way"),
            (false, Verdict::Operational | Verdict::Suspect) => {
                format!(
                    "a run is expected {}; late {} after it is due",
                    question.rhythm,
                    span(question.grace)
                )
            }
            (false, Verdict::Unknown | Verdict::Degraded | Verdict::Down) => {
                String::from("operational after the next run that ends well")
            }
        }
    }
}

impl Watching {
    fn job_memory(&self) -> Option<&JobMemory> {
        match self.memory.as_deref() {
            Some(Memory::Job(memory)) => Some(memory),
            Some(Memory::Witness(_) | Memory::Log(_) | Memory::Beat(_) | Memory::Roles(_))
            | None => None,
        }
    }
}

/// That somebody listened, for the age of what is known.
const fn listened(now: Moment, slot: Slot, late: Duration, result: &'static str) -> Action {
    Action::Looked(Looked {
        slot,
        at: now.at,
        took: Duration::ZERO,
        late,
        result,
        is_overrun: false,
        is_own_trouble: false,
    })
}

/// Whether a run is not on its way any more.
fn is_gone(run: &Run, memory: &JobMemory) -> bool {
    memory.runs.iter().all(|other| other.id != run.id)
}

/// Adds to the first commit from a place on, or makes one: what belongs together is stored whole or not at all.
fn join(batch: Batch, first: usize, actions: &mut Vec<Action>) {
    for action in &mut actions[first..] {
        if let Action::Commit(commit) = action {
            add(Arc::make_mut(commit), batch);
            return;
        }
    }
    actions.push(Action::Commit(Arc::new(batch)));
}

fn add(commit: &mut Batch, batch: Batch) {
    // The record is the same as the newest that is in it already, or newer.
    let Batch {
        checks,
        entries,
        incidents,
        ..
    } = batch;
    commit.checks.extend(checks);
    commit.entries.extend(entries);
    commit.incidents.extend(incidents);
}
