//! Our own trouble, told to `ops` once when it begins and once when it is over.

use std::{sync::Arc, time::Duration};

use super::{Action, Engine, Trouble, tell::entry_of};
use crate::model::{
    Batch, ChannelName, EntryKey, Incident, IncidentId, Kind, Moment, Story, Tick, Told, Verdict,
};

/// So many troubles are remembered as told; those that have no end would add up over the months.
const TROUBLES_MAX: usize = 500;

/// Interruptions that leave no more time than this between them leave none to confirm anything …
const UNDISTURBED: Duration = Duration::from_mins(1);
/// … and when that has gone on for so long, people have to know; when there was none for so long, that it is over.
const STALLING_TOLD_AFTER: Duration = Duration::from_mins(5);

/// Interruptions that come one close after the other.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Stalling {
    /// The first of them and the last; absent if there was none lately.
    between: Option<(Tick, Tick)>,
    is_told: bool,
}

impl Engine {
    /// Counts an interruption, and tells `ops` once if they never leave the time to confirm anything.
    pub(super) fn note_interruption(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let began = self
            .stalling
            .between
            .filter(|(_, last)| now.tick.since(*last) <= UNDISTURBED)
            .map_or(now.tick, |(began, _)| began);
        self.stalling.between = Some((began, now.tick));
        if !self.stalling.is_told && now.tick.since(began) > STALLING_TOLD_AFTER {
            self.stalling.is_told = true;
            self.troubled(now, stalling_trouble(false), actions);
        }
    }

    /// Says that interruptions are over, if it was said that they go on.
    pub(super) fn end_stalling(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let Stalling {
            between: Some((_, last)),
            is_told: true,
        } = self.stalling
        else {
            return;
        };
        if now.tick.since(last) > STALLING_TOLD_AFTER {
            self.stalling = Stalling::default();
            self.troubled(now, stalling_trouble(true), actions);
        }
    }

    /// Takes note of our own trouble, and tells `ops` once that it began and once that it is over.
    pub(super) fn troubled(&mut self, now: Moment, trouble: Trouble, actions: &mut Vec<Action>) {
        let mut batch = Batch::new(now.at);
        self.note_trouble(now, trouble, &mut batch);
        if !batch.is_empty() {
            actions.push(Action::Commit(Arc::new(batch)));
        }
    }

    /// The same, as a part of something else that is to be stored.
    pub(super) fn note_trouble(&mut self, now: Moment, trouble: Trouble, batch: &mut Batch) {
        let known = self.troubles.iter().position(|key| *key == trouble.key);
        match known {
            Some(place) if trouble.is_over => {
                self.troubles.remove(place);
            }
            None if !trouble.is_over => {
                if self.troubles.len() >= TROUBLES_MAX {
                    self.troubles.pop_front();
                }
                self.troubles.push_back(trouble.key.clone());
            }
            Some(_) | None => return,
        }
        let title = if trouble.is_over {
            format!("over: {}", trouble.title)
        } else {
            trouble.title
        };
        self.notice(now, &title, &trouble.words, trouble.not_to.as_ref(), batch);
    }

    /// Writes a message of our own for `ops`.
    pub(super) fn notice(
        &mut self,
        now: Moment,
        title: &str,
        words: &str,
        not_to: Option<&ChannelName>,
        batch: &mut Batch,
    ) {
        let Some(channel) = self.plan.ops().filter(|ops| Some(*ops) != not_to).cloned() else {
            return;
        };
        let story = Story::plain(title.to_owned(), words.to_owned(), now.at);
        self.news(now, story, vec![channel], batch);
    }

    /// Writes a message that belongs to no trouble of a target, for these channels.
    pub(super) fn news(
        &mut self,
        now: Moment,
        story: Story,
        channels: Vec<ChannelName>,
        batch: &mut Batch,
    ) {
        self.news_as(now, Kind::Notice, story, channels, batch);
    }

    /// The same, of a kind that goes on; what its entries belong to.
    pub(super) fn news_as(
        &mut self,
        now: Moment,
        kind: Kind,
        story: Story,
        channels: Vec<ChannelName>,
        batch: &mut Batch,
    ) -> IncidentId {
        self.incidents += 1;
        let told = |channel: &ChannelName| Told {
            channel: channel.clone(),
            at: now.at,
            mention: None,
        };
        let incident = Incident {
            id: IncidentId::from_number(self.incidents),
            number: self.incidents,
            targets: Vec::new(),
            severity: story.severity,
            since: now.at,
            opened_at: now.at,
            closed_at: Some(now.at),
            verdict: Verdict::Unknown,
            worst: Verdict::Unknown,
            told: channels.iter().map(told).collect(),
            sequence: 1,
            remind_after: Vec::new(),
            reminders: 0,
            remind_at: None,
            seen: Vec::new(),
            mark: None,
            common: None,
            warned_at: None,
            flapping: None,
            is_short_otherwise: false,
            acknowledged: None,
        };
        let id = incident.id.clone();
        let story = Arc::new(story);
        for channel in channels {
            let key = EntryKey {
                incident: id.clone(),
                sequence: 0,
                channel,
            };
            batch.entries.push(entry_of(key, kind, now, None, &story));
        }
        batch.incidents.push(incident);
        id
    }
}

fn stalling_trouble(is_over: bool) -> Trouble {
    let words = if is_over {
        "nothing held it up for 5 min; failures are confirmed again"
    } else {
        "for 5 min it was held up again and again, never a whole minute without, so that no failure can be confirmed"
    };
    Trouble {
        key: String::from("stalls"),
        is_over,
        title: String::from("hekate cannot judge: this machine keeps stopping it"),
        words: words.to_owned(),
        not_to: None,
    }
}
