//! Logs that cannot be judged because of what the file asks for: told once to whoever owns the target, and once when it is over.
//!
//! While a store answers others, one of whose logs it does not let us read, does not understand, or never had a line of, the
//! mistake lies in the file. Those found out in one round are one message a channel, which names them.

use std::collections::BTreeMap;

use super::Engine;
use crate::{
    judge::freshness::{self, Evidence},
    model::{
        Batch, ChannelName, Moment, Slot, Story, Verdict,
        logs::{LogMemory, LogQuestion, LogRow, LogSource},
        text::clean,
    },
    route,
};

/// So many targets are named for each reason; the rest is counted.
const NAMED_MAX: usize = 8;
/// Of what a store says so much is repeated.
const FAULT_MAX: usize = 100;

/// What changed about a log that may not be judged.
pub(super) enum Readable {
    /// It cannot be judged, for this reason.
    Not(String),
    /// It can be judged again; these were told that it could not.
    Again(Vec<ChannelName>),
}

/// What one round found out about one target.
pub(super) struct Found {
    pub(super) slot: Slot,
    pub(super) check: u8,
    pub(super) what: Readable,
}

/// Whether that a log cannot be judged begins or ends with this decision.
pub(super) fn changed(
    memory: &LogMemory,
    question: &LogQuestion,
    evidence: &Evidence<'_>,
    row: LogRow,
) -> Option<Readable> {
    let is_wrong = freshness::is_misconfigured(memory, question, evidence.now);
    if !memory.warned.is_empty() {
        let is_over = !is_wrong && evidence.reading.is_ok() && memory.newest.is_some();
        return is_over.then(|| Readable::Again(memory.warned.clone()));
    }
    let is_silence_expected =
        evidence.is_expected_silent || freshness::is_quiet(&question.quiet, evidence.now);
    let reason = match (row, &evidence.reading) {
        (LogRow::Auth | LogRow::Config, Err(fault)) => {
            format!("{} ({})", row.as_str(), clean(&fault.words, FAULT_MAX))
        }
        (LogRow::NeverSeen, Ok(_)) if !is_silence_expected => {
            String::from("never a line since it is asked for")
        }
        (_, Ok(_) | Err(_)) => return None,
    };
    is_wrong.then_some(Readable::Not(reason))
}

impl Engine {
    /// Tells what one round found out: one message for each channel.
    pub(super) fn tell_unreadable(
        &mut self,
        now: Moment,
        source: &LogSource,
        found: Vec<Found>,
        batch: &mut Batch,
    ) {
        let mut begun: BTreeMap<ChannelName, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        let mut over: BTreeMap<ChannelName, Vec<String>> = BTreeMap::new();
        for Found { slot, check, what } in found {
            let Some(watched) = self.at(slot) else {
                continue;
            };
            let title = watched.target.title();
            let told = match what {
                Readable::Again(told) => {
                    for channel in told {
                        over.entry(channel).or_default().push(title.clone());
                    }
                    Vec::new()
                }
                Readable::Not(reason) => {
                    // What falls short and cannot be seen are for different people: this one can be put right by its owner.
                    let decision = route::route(&self.plan, watched.case(Verdict::Degraded));
                    let told: Vec<_> = decision
                        .to
                        .into_iter()
                        .map(|(channel, _)| channel)
                        .collect();
                    for channel in &told {
                        let reasons = begun.entry(channel.clone()).or_default();
                        reasons
                            .entry(reason.clone())
                            .or_default()
                            .push(title.clone());
                    }
                    told
                }
            };
            if let Some(watched) = self.at_mut(slot) {
                watched.log_mut(check).warned = told;
                batch
                    .checks
                    .push(watched.record(usize::from(check), now.at));
            }
        }
        let store = source.name.as_str();
        for (channel, reasons) in begun {
            let count = reasons.values().map(Vec::len).sum();
            let title = format!("{store}: {} cannot be judged", logs(count));
            let reasons: Vec<String> = reasons
                .into_iter()
                .map(|(reason, names)| format!("{reason}: {}", named(&names)))
                .collect();
            let story = Story::plain(title, reasons.join("; "), now.at);
            self.news(now, story, vec![channel], batch);
        }
        for (channel, names) in over {
            let title = format!("over: {store}: {} can be judged again", logs(names.len()));
            let story = Story::plain(title, named(&names), now.at);
            self.news(now, story, vec![channel], batch);
        }
    }
}

fn logs(count: usize) -> String {
    match count {
        1 => String::from("the log of one target"),
        count => format!("the logs of {count} targets"),
    }
}

fn named(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    let mut out = names[..names.len() - more].join(", ");
    if more > 0 {
        out.push_str(" and ");
        out.push_str(&more.to_string());
        out.push_str(" more");
    }
    out
}
