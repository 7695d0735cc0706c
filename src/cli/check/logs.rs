//! The stores of logs in a check by hand: one round each, the way of a canary followed for a while, and what the newest
//! line of every target would mean.

use std::{collections::HashMap, fmt::Write as _, sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    clock::Clock,
    judge::{freshness, watermark},
    model::{
        Extra, LookId, Observation, Plan, Slot, Target, Timestamp,
        logs::{
            LogAnswer, LogAsk, LogFault, LogMemory, LogQuestion, LogRow, LogSource,
            LogStoreQuestion, Reading, Witness,
        },
        plan::Question,
        text::span,
    },
    probe::{Freshness, Prober},
};

/// For how long the return of a canary is waited for.
const CANARY_LIMIT: Duration = Duration::from_secs(15);
/// From one question for it to the next.
const CANARY_EVERY: Duration = Duration::from_secs(1);

/// What a check by hand found out about one store.
pub(in crate::cli) struct Checked {
    source: Arc<LogSource>,
    answer: LogAnswer,
    took: Duration,
    /// How long our own line took to come back; absent if it was not sent or did not come.
    canary_after: Option<Duration>,
    readers: Vec<Read>,
    at: Timestamp,
}

/// What the store says of one target.
struct Read {
    title: String,
    query: String,
    reading: Result<Reading, LogFault>,
    row: LogRow,
    newest: Option<Timestamp>,
}

/// Asks the stores that these targets' logs are in, and those among them.
pub(super) async fn check(
    plan: &Plan,
    targets: &[Arc<Target>],
    prober: &Prober,
    clock: &Clock,
) -> Vec<Checked> {
    let is_wanted = |store: &LogStoreQuestion, target: &Target| {
        let reads = targets.iter().flat_map(|target| log_of(target));
        let mut names = reads.map(|question| &question.source);
        targets.iter().any(|other| other.id == target.id)
            || names.any(|name| *name == store.source.name)
    };
    let mut rounds = Vec::new();
    for target in &plan.targets {
        for check in &target.checks {
            if let Question::LogStore(store) = &check.question
                && is_wanted(store, target)
            {
                rounds.push(round(store, check.policy.timeout, targets, prober, clock));
            }
        }
    }
    futures_util::future::join_all(rounds).await
}

fn log_of(target: &Target) -> impl Iterator<Item = &Arc<LogQuestion>> {
    target.checks.iter().filter_map(|check| {
        if let Question::LogFreshness(question) = &check.question {
            Some(question)
        } else {
            None
        }
    })
}

async fn round(
    store: &Arc<LogStoreQuestion>,
    limit: Duration,
    targets: &[Arc<Target>],
    prober: &Prober,
    clock: &Clock,
) -> Checked {
    let source = Arc::clone(&store.source);
    let begun = clock.now();
    let mut witness = Witness::default();
    let chance = u32::try_from(begun.at.as_millis() & 0xFFFF_FFFF).unwrap_or(1);
    let ask = watermark::plan_round(&mut witness, &source, chance, begun.at);
    let question = Question::LogStore(Arc::clone(store));
    let answer = answer_of(look(prober, &question, limit, &ask).await);
    let took = clock.now().tick.since(begun.tick);
    watermark::take_in(&mut witness, &source, &ask, &answer, clock.now().at);
    let canary_after = follow(&source, &mut witness, limit, prober, clock, &ask).await;
    let at = clock.now().at;
    let readers = targets
        .iter()
        .flat_map(|target| log_of(target).map(move |question| (target, question)))
        .filter(|(_, question)| question.source == source.name)
        .filter_map(|(target, question)| {
            let index = store
                .subjects
                .iter()
                .position(|subject| *subject == question.subject)?;
            let reading = answer.readings.get(index)?;
            Some(read(target, question, reading, (&source, &witness), at))
        })
        .collect();
    Checked {
        source,
        answer,
        took,
        canary_after,
        readers,
        at,
    }
}

async fn look(prober: &Prober, question: &Question, limit: Duration, ask: &LogAsk) -> Observation {
    let id = LookId {
        slot: Slot(0),
        check: 0,
        number: 0,
    };
    prober
        .look_with(id, question, limit, Freshness::Fresh, ask)
        .await
}

fn answer_of(observation: Observation) -> LogAnswer {
    match observation.extra.map(|extra| *extra) {
        Some(Extra::Logs(answer)) => answer,
        Some(Extra::Roles(_) | Extra::OwnRole(_) | Extra::Ending(_) | Extra::Steps(_)) | None => {
            LogAnswer {
                sent: None,
                seen: None,
                statement: None,
                skew_ms: None,
                readings: Vec::new(),
            }
        }
    }
}

/// Asks for our own line until it comes back.
async fn follow(
    source: &Arc<LogSource>,
    witness: &mut Witness,
    limit: Duration,
    prober: &Prober,
    clock: &Clock,
    sent: &LogAsk,
) -> Option<Duration> {
    let mark = sent.send?;
    let only_canary = Question::LogStore(Arc::new(LogStoreQuestion {
        source: Arc::clone(source),
        subjects: Vec::new(),
    }));
    let begun = clock.now().tick;
    while !witness.unseen.is_empty() && clock.now().tick.since(begun) < CANARY_LIMIT {
        let ask = LogAsk {
            send: None,
            unseen: witness.unseen.clone(),
            ..sent.clone()
        };
        let answer = answer_of(look(prober, &only_canary, limit, &ask).await);
        let now = clock.now().at;
        watermark::take_in(witness, source, &ask, &answer, now);
        if witness.found_up_to >= Some(mark.sent_at) {
            return Some(now.since(mark.sent_at));
        }
        tokio::time::sleep(CANARY_EVERY).await;
    }
    None
}

fn read(
    target: &Target,
    question: &LogQuestion,
    reading: &Result<Reading, LogFault>,
    (source, witness): (&LogSource, &Witness),
    now: Timestamp,
) -> Read {
    // As if it had been asked for long enough; a check by hand is for those who do not want to wait.
    let long_ago = now - question.max_age * 4;
    let mut memory = LogMemory {
        asked_since: Some(long_ago),
        refused_rounds: 9,
        misunderstood_rounds: 9,
        unanswered_rounds: 9,
        ..LogMemory::default()
    };
    let evidence = freshness::Evidence {
        now,
        looking_since: long_ago,
        startup_grace: Duration::ZERO,
        is_in_maintenance: false,
        is_blind: false,
        reading: reading.as_ref().map(|reading| *reading),
        watermark: witness.watermark,
        is_proved_by_canary: source.canary.is_some(),
        is_store_lagging: watermark::is_lagging(witness),
        lag_limit: source.lag_limit,
        gap_end: None,
        skew_ms: witness.skew_ms,
        grace_until: None,
        active_since: None,
        is_expected_silent: false,
        is_failing_otherwise: false,
    };
    let decision = freshness::decide(&mut memory, question, &evidence);
    Read {
        title: target.title(),
        query: question.subject.query.clone(),
        reading: reading.clone(),
        row: decision.row,
        newest: decision.newest,
    }
}

impl Checked {
    /// Whether the search answered at all.
    pub(in crate::cli) fn is_answering(&self) -> bool {
        self.answer.readings.is_empty() || self.answer.readings.iter().any(Result::is_ok)
    }

    /// The store's own trouble in words, if it has any.
    pub(in crate::cli) fn trouble(&self) -> Option<&str> {
        let faults = self
            .answer
            .readings
            .iter()
            .filter_map(|reading| reading.as_ref().err());
        let refused = match &self.answer.sent {
            Some(Err(fault)) => Some(fault),
            Some(Ok(())) | None => None,
        };
        faults
            .chain(refused)
            .map(|fault| fault.words.as_str())
            .next()
    }

    /// Targets of which it can say nothing, or not that they are alive, and why.
    pub(in crate::cli) fn silent(&self) -> impl Iterator<Item = String> {
        let silent = self.readers.iter().filter(|read| read.newest.is_none());
        silent.map(|read| {
            let why = match &read.reading {
                Err(fault) => fault.words.as_str(),
                Ok(_) => "no line within its lookback",
            };
            format!("{}: {why}", read.title)
        })
    }

    /// Our own line was sent and did not come back.
    pub(in crate::cli) fn has_lost_canary(&self) -> bool {
        self.source.canary.is_some() && self.canary_after.is_none()
    }

    /// Which store.
    pub(in crate::cli) fn name(&self) -> &str {
        self.source.name.as_str()
    }

    /// A paragraph for people.
    pub(super) fn text(&self) -> String {
        let mut out = format!(
            "log source {} ({}): answered in {}",
            self.source.name,
            self.source.store.title(),
            span(self.took)
        );
        let mut add = |words: &str| {
            out.push_str(" · ");
            out.push_str(words);
        };
        if let Some(canary) = &self.source.canary {
            let via = canary.via.as_str();
            match (&self.answer.sent, self.canary_after) {
                (_, Some(after)) => add(&format!("canary via {via} found after {}", span(after))),
                (Some(Err(fault)), None) => {
                    add(&format!("canary via {via} refused: {}", fault.words));
                }
                (Some(Ok(())) | None, None) => add(&format!(
                    "canary via {via} not found within {}",
                    span(CANARY_LIMIT)
                )),
            }
        }
        if let Some(statement) = &self.answer.statement {
            add(&statement.words);
        }
        if let Some(skew) = self.answer.skew_ms.filter(|skew| skew.abs() > 5_000) {
            add(&format!("its clock differs by {} s", skew / 1_000));
        }
        out.push('\n');
        for read in &self.readers {
            let newest = match (&read.reading, read.newest) {
                (Err(fault), _) => fault.words.clone(),
                (Ok(_), Some(newest)) => format!("last line {} ago", span(self.at.since(newest))),
                (Ok(_), None) => String::from("no line within its lookback"),
            };
            let _infallible = writeln!(
                out,
                "  {}: {newest} · row {} {} · {}",
                read.title,
                read.row.number(),
                read.row.as_str(),
                read.query
            );
        }
        out
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let readers: HashMap<&str, Value> = self
            .readers
            .iter()
            .map(|read| {
                let value = json!({
                    "query": read.query,
                    "row": read.row.number(),
                    "state": read.row.as_str(),
                    "newest_at": read.newest.map(|at| at.to_string()),
                    "fault": read.reading.as_ref().err().map(|fault| &fault.words),
                });
                (read.title.as_str(), value)
            })
            .collect();
        json!({
            "source": self.name(),
            "store": self.source.store.as_str(),
            "took_ms": millis(self.took),
            "canary_after_ms": self.canary_after.map(millis),
            "trouble": self.trouble(),
            "targets": readers,
        })
    }
}
