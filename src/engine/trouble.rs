//! Our own trouble, told to `ops` once when it begins and once when it is over.

use std::sync::Arc;

use super::{Action, Engine, Trouble, tell::entry_of};
use crate::model::{
    Batch, ChannelName, EntryKey, Incident, IncidentId, Kind, Moment, Story, Told, Verdict,
};

/// So many troubles are remembered as told; those that have no end would add up over the months.
const TROUBLES_MAX: usize = 500;

impl Engine {
    /// Takes note of our own trouble, and tells `ops` once that it began and once that it is over.
    pub(super) fn troubled(&mut self, now: Moment, trouble: Trouble, actions: &mut Vec<Action>) {
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
        let mut batch = Batch::new(now.at);
        self.notice(
            now,
            &title,
            &trouble.words,
            trouble.not_to.as_ref(),
            &mut batch,
        );
        if !batch.is_empty() {
            actions.push(Action::Commit(Arc::new(batch)));
        }
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
            common: None,
            warned_at: None,
            is_short_otherwise: false,
        };
        let story = Arc::new(story);
        for channel in channels {
            let key = EntryKey {
                incident: incident.id.clone(),
                sequence: 0,
                channel,
            };
            batch
                .entries
                .push(entry_of(key, Kind::Notice, now, None, &story));
        }
        batch.incidents.push(incident);
    }
}
