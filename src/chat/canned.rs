//! Replies that the file has ready: said when nothing else is to be said to what somebody said.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::Chat;
use crate::{
    command::{self, Heard, Reply},
    model::{
        Tick,
        replies::{self, CannedReply},
    },
    slack::{
        command::Typed,
        event::{Said, Venue},
    },
};

/// More places are looked through for those that can be forgotten.
const REMEMBERED: usize = 1_000;

impl Chat {
    /// What the file has ready for words that were said to hekate, unless they are a command or name something.
    pub(super) fn ready(&self, text: &str) -> Option<CannedReply> {
        let plan = self.plan.load();
        let found = replies::find(plan.replies.iter(), text)?;
        let board = self.board.load();
        let (now, word) = (self.clock.now().at, &plan.slack.command);
        let is_meant = command::is_command(&board, text, now, word)
            || !matches!(
                command::hear(&board, text, now, word),
                Heard::Reply(Reply::Problem { .. })
            );
        (!is_meant).then(|| found.clone())
    }

    /// What the file has ready for what somebody said, if it is time to say it.
    ///
    /// Whoever speaks to hekate alone is always answered.
    pub(super) fn canned(&self, said: &Said, text: &str) -> Option<Reply> {
        let reply = match said.venue {
            Venue::Direct => return self.ready(text).map(|reply| shown(&reply)),
            Venue::Channel => self.ready(text)?,
            Venue::Overheard => self.overheard(said, text)?,
        };
        let now = self.clock.now().tick;
        let is_due = self.hall.said_lately.is_due(&reply, &said.channel_id, now);
        is_due.then(|| shown(&reply))
    }

    /// Whether an ordinary message may be one that the file has a reply to. It is looked at and not kept.
    pub(super) fn is_of_interest(&self, said: &Said) -> bool {
        self.overheard(said, &Typed::read(&said.raw).text).is_some()
    }

    fn overheard(&self, said: &Said, text: &str) -> Option<CannedReply> {
        let plan = self.plan.load();
        let here = plan
            .replies
            .iter()
            .filter(|reply| reply.channels.contains(&said.channel_id));
        replies::find(here, text).cloned()
    }
}

/// A canned reply as an answer.
pub(super) fn shown(reply: &CannedReply) -> Reply {
    Reply::Said(vec![reply.say.clone()])
}

/// What was said where in the time in which it is not said again.
#[derive(Default)]
pub(super) struct SaidLately(Mutex<HashMap<(String, String), (Tick, Duration)>>);

impl SaidLately {
    /// Whether a reply can be said in this channel; then it counts as said.
    pub(super) fn is_due(&self, reply: &CannedReply, channel_id: &str, now: Tick) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (reply.say.clone(), channel_id.to_owned());
        if let Some((at, _)) = said.get(&place)
            && now.since(*at) < reply.cooldown
        {
            return false;
        }
        if said.len() >= REMEMBERED {
            said.retain(|_, (at, cooldown)| now.since(*at) < *cooldown);
        }
        if said.len() < REMEMBERED {
            said.insert(place, (now, reply.cooldown));
        }
        true
    }
}

impl fmt::Debug for SaidLately {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaidLately").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::replies::Phrase;

    #[test]
    fn a_reply_is_said_again_in_the_same_channel_after_its_cooldown() {
        let minutes = |minutes: u64| Tick::from_micros(minutes * 60_000_000);
        let reply = |say: &str, cooldown| CannedReply {
            when: vec![Phrase::of("time").unwrap()],
            say: say.to_owned(),
            channels: Vec::new(),
            cooldown: Duration::from_mins(cooldown),
        };
        let (never, soon) = (reply("never", 10), reply("soon", 0));
        let lately = SaidLately::default();
        for (reply, channel, at, expected) in [
            (&never, "C1", 1, true),
            (&never, "C1", 10, false),
            (&never, "C2", 10, true),
            (&soon, "C1", 10, true),
            (&soon, "C1", 10, true),
            // What was not said does not prolong it.
            (&never, "C1", 11, true),
            (&never, "C1", 12, false),
        ] {
            let is_due = lately.is_due(reply, channel, minutes(at));
            assert_eq!(is_due, expected, "{} in {channel} at {at}", reply.say);
        }
        for number in 0..2 * REMEMBERED {
            lately.is_due(&never, &format!("C{number}"), minutes(13));
        }
        assert!(lately.0.lock().unwrap().len() <= REMEMBERED);
    }
}
