//! A pretend Slack for a bot: channels with messages that can be edited, have threads, and are found again. It says no in
//! every way, and loses answers.

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    model::{ChannelName, Entry, EntryKey, IncidentId, Kind, Spot, Timestamp},
    notify::errand::{Answer, Call, Fault, Found},
};

use super::{Parcel, Way};

/// What becomes of one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CallFate {
    Fine,
    /// Done, and the answer is lost.
    LostDone,
    /// Not done, and nobody knows.
    LostUndone,
    NoConnection,
    Throttled,
    /// Done, and the process that asked is gone.
    Dies,
    /// Refused for good.
    Refused,
    /// This form is refused.
    Malformed,
    /// An error that nobody has heard of.
    Unheard,
}

/// A message that people see.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) spot: Spot,
    pub(super) channel: ChannelName,
    pub(super) parent: Option<Spot>,
    pub(super) at: Timestamp,
    /// What it told when it was posted.
    pub(super) told: Vec<EntryKey>,
    pub(super) does_live: bool,
    /// What it shows now: the kind and the sequence of the newest entry.
    pub(super) shows: (Kind, u32),
    pub(super) edits: u32,
    pub(super) is_repeat: bool,
    pub(super) is_deleted: bool,
}

/// The workspace.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) seen: Vec<Seen>,
    /// What becomes of the next calls; beyond that chance decides, if there is any, else all is well.
    pub(super) script: VecDeque<CallFate>,
    pub(super) chance: Option<StdRng>,
    /// Whether messages can be looked for.
    pub(super) may_read: bool,
    /// Whether the bot is refused for good.
    pub(super) refuses: bool,
    /// All calls, for stories.
    pub(super) calls: Vec<String>,
}

impl Workspace {
    pub(super) fn new() -> Self {
        Self {
            seen: Vec::new(),
            script: VecDeque::new(),
            chance: None,
            may_read: true,
            refuses: false,
            calls: Vec::new(),
        }
    }

    pub(super) fn random(seed: u64) -> Self {
        Self {
            chance: Some(StdRng::seed_from_u64(seed)),
            ..Self::new()
        }
    }

    fn fate(&mut self) -> CallFate {
        if let Some(fate) = self.script.pop_front() {
            return fate;
        }
        let Some(rng) = &mut self.chance else {
            return CallFate::Fine;
        };
        match rng.random_range(0..40) {
            0 | 1 => CallFate::LostDone,
            2 | 3 => CallFate::LostUndone,
            4 => CallFate::NoConnection,
            5 => CallFate::Throttled,
            6 => CallFate::Dies,
            7 => CallFate::Malformed,
            8 => CallFate::Unheard,
            _ => CallFate::Fine,
        }
    }

    /// What is answered; nothing if the one that asked is gone.
    pub(super) fn answer(
        &mut self,
        call: &Call,
        parcel: &Parcel,
        at: Timestamp,
    ) -> (Option<Answer>, Option<Seen>) {
        let fate = self.fate();
        self.calls.push(match fate {
            CallFate::Fine => String::from(word(call)),
            CallFate::LostDone
            | CallFate::LostUndone
            | CallFate::NoConnection
            | CallFate::Throttled
            | CallFate::Dies
            | CallFate::Refused
            | CallFate::Malformed
            | CallFate::Unheard => format!("{} ({fate:?})", word(call)),
        });
        let fault = |fault: Fault| (Some(Answer::Failed(fault)), None);
        let why = format!("{fate:?}");
        let is_reading = match call {
            Call::Channels { .. } | Call::History { .. } | Call::Replies { .. } => true,
            Call::Post { .. } | Call::Update { .. } | Call::Reply { .. } => false,
        };
        if self.refuses || (is_reading && !self.may_read) {
            return fault(Fault::Refused(String::from("missing_scope")));
        }
        match fate {
            CallFate::LostUndone => return fault(Fault::Lost(why)),
            CallFate::NoConnection | CallFate::Unheard => return fault(Fault::Later(why)),
            CallFate::Throttled => return fault(Fault::Throttled { after: None, why }),
            CallFate::Refused => return fault(Fault::Refused(why)),
            CallFate::Malformed if !parcel.is_plain && !is_reading => {
                return fault(Fault::Malformed(why));
            }
            CallFate::Fine | CallFate::LostDone | CallFate::Dies | CallFate::Malformed => {}
        }
        let (answer, seen) = self.act(call, parcel, at);
        match fate {
            CallFate::Dies => (None, seen),
            CallFate::LostDone => (Some(Answer::Failed(Fault::Lost(why))), seen),
            CallFate::Fine
            | CallFate::Malformed
            | CallFate::LostUndone
            | CallFate::NoConnection
            | CallFate::Unheard
            | CallFate::Throttled
            | CallFate::Refused => (Some(answer), seen),
        }
    }

    fn act(&mut self, call: &Call, parcel: &Parcel, at: Timestamp) -> (Answer, Option<Seen>) {
        let channel_id = format!("C-{}", parcel.channel);
        match call {
            Call::Channels { .. } => (
                Answer::Channels {
                    id: Some(channel_id),
                    next: None,
                },
                None,
            ),
            Call::History { since, .. } => (
                self.messages(|seen| seen.parent.is_none() && seen.at >= *since, parcel),
                None,
            ),
            Call::Replies { of, .. } => (
                self.messages(|seen| seen.parent.as_ref() == Some(of), parcel),
                None,
            ),
            Call::Update { spot, .. } => {
                let newest = parcel.newest();
                match self.at(spot) {
                    Some(seen) => {
                        seen.shows = (newest.kind, newest.key.sequence);
                        seen.edits += 1;
                        (Answer::Done, None)
                    }
                    None => (
                        Answer::Failed(Fault::Gone(String::from("message_not_found"))),
                        None,
                    ),
                }
            }
            Call::Post { is_repeat } => {
                let does_live = match parcel.way {
                    Way::Begin | Way::GoOn(_) => true,
                    Way::Post | Way::Spare => false,
                };
                let told: Vec<_> = parcel.entries.iter().collect();
                self.add(&told, parcel, None, does_live, *is_repeat, at)
            }
            Call::Reply {
                to,
                after,
                is_repeat,
            } => {
                if self.at(to).is_none() {
                    let gone = Fault::Gone(String::from("thread_not_found"));
                    return (Answer::Failed(gone), None);
                }
                let told: Vec<_> = parcel
                    .entries
                    .iter()
                    .filter(|entry| after.is_none_or(|after| entry.key.sequence > after))
                    .collect();
                self.add(&told, parcel, Some(to.clone()), false, *is_repeat, at)
            }
        }
    }

    fn add(
        &mut self,
        told: &[&Entry],
        parcel: &Parcel,
        parent: Option<Spot>,
        does_live: bool,
        is_repeat: bool,
        at: Timestamp,
    ) -> (Answer, Option<Seen>) {
        let newest = parcel.newest();
        let seen = Seen {
            spot: Spot {
                channel_id: format!("C-{}", parcel.channel),
                ts: format!("{}", self.seen.len()),
            },
            channel: parcel.channel.clone(),
            parent,
            at,
            told: told.iter().map(|entry| entry.key.clone()).collect(),
            does_live,
            shows: (newest.kind, newest.key.sequence),
            edits: 0,
            is_repeat,
            is_deleted: false,
        };
        self.seen.push(seen.clone());
        (Answer::Posted(seen.spot.clone()), Some(seen))
    }

    fn at(&mut self, spot: &Spot) -> Option<&mut Seen> {
        self.seen
            .iter_mut()
            .find(|seen| seen.spot == *spot && !seen.is_deleted)
    }

    fn messages(&self, is_wanted: impl Fn(&Seen) -> bool, parcel: &Parcel) -> Answer {
        let found = self
            .seen
            .iter()
            .filter(|seen| !seen.is_deleted && seen.channel == parcel.channel && is_wanted(seen))
            .map(|seen| Found {
                spot: seen.spot.clone(),
                told: newest_of(&seen.told),
                does_live: seen.does_live,
            })
            .collect();
        Answer::Messages { found, next: None }
    }

    /// Somebody deletes a message, and its thread with it.
    pub(super) fn delete(&mut self, place: usize) {
        let spot = self.seen[place].spot.clone();
        for seen in &mut self.seen {
            seen.is_deleted |= seen.spot == spot || seen.parent.as_ref() == Some(&spot);
        }
    }

    /// Whether this message was deleted; what no bot posted never is.
    pub(super) fn is_deleted(&self, spot: Option<&Spot>) -> bool {
        self.seen
            .iter()
            .any(|seen| Some(&seen.spot) == spot && seen.is_deleted)
    }

    /// The living messages that are there, of this incident in this channel.
    pub(super) fn living(&self, incident: &str, channel: &str) -> Vec<&Seen> {
        self.seen
            .iter()
            .filter(|seen| {
                seen.does_live
                    && !seen.is_deleted
                    && seen.channel.as_str() == channel
                    && seen
                        .told
                        .iter()
                        .any(|key| key.incident.as_str() == incident)
            })
            .collect()
    }
}

fn newest_of(told: &[EntryKey]) -> Vec<(IncidentId, u32)> {
    let mut out: Vec<(IncidentId, u32)> = Vec::new();
    for key in told {
        match out
            .iter_mut()
            .find(|(incident, _)| *incident == key.incident)
        {
            Some((_, sequence)) => *sequence = key.sequence.max(*sequence),
            None => out.push((key.incident.clone(), key.sequence)),
        }
    }
    out
}

const fn word(call: &Call) -> &'static str {
    match call {
        Call::Channels { .. } => "list",
        Call::History { .. } => "history",
        Call::Replies { .. } => "replies",
        Call::Post { is_repeat: false } => "post",
        Call::Post { is_repeat: true } => "post, repeat",
        Call::Update { .. } => "edit",
        Call::Reply {
            is_repeat: false, ..
        } => "line",
        Call::Reply {
            is_repeat: true, ..
        } => "line, repeat",
    }
}
