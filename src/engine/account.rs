//! Messages that tell of something from its beginning to its end, where a bot edits messages: what people have done, the run of a job.

use std::sync::Arc;

use super::tell::entry_of;
use crate::model::{Batch, ChannelName, EntryKey, Kind, Moment, Severity, Story, living::Account};

/// The facts of such a message.
pub(super) fn story(channel: &ChannelName, headline: String, words: String, now: Moment) -> Story {
    Story {
        severity: Severity::Info,
        also_told: vec![channel.clone()],
        ..Story::plain(headline, words, now.at)
    }
}

/// The next step of such a message; of kind `Notice` its end.
pub(super) fn step(
    now: Moment,
    account: &mut Account,
    kind: Kind,
    headline: String,
    words: String,
    batch: &mut Batch,
) {
    account.sequence += 1;
    let key = EntryKey {
        incident: account.incident.clone(),
        sequence: account.sequence,
        channel: account.channel.clone(),
    };
    let story = Arc::new(story(&account.channel, headline, words, now));
    batch.entries.push(entry_of(key, kind, now, None, &story));
}
