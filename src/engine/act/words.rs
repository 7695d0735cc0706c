//! What is told of attempts, and to whom: one line in public, with the name of who asked. Where a bot edits messages it is there from
//! the confirmation on and goes on with the attempt; elsewhere it tells what came of it.

use super::super::{
    Engine,
    account::{step, story},
};
use crate::model::{
    Batch, ChannelName, Kind, Moment,
    action::{Action, Attempt, Door, Stage},
    living::Account,
};

impl Engine {
    /// One line for everybody who reads the channel: `@alice restarted master green`, `Jenkins #812 · back after 38 s · a17`.
    pub(super) fn tell_attempt(
        &mut self,
        now: Moment,
        attempt: &Attempt,
        title: &str,
        outcome: &str,
        batch: &mut Batch,
    ) {
        let what = attempt.action.replace(['_', '-'], " ");
        let by = &attempt.by;
        let headline = match attempt.stage {
            Stage::Settling | Stage::Done => match past(&what) {
                Some(done) => format!("{by} {done} {title}"),
                None => format!("{by}: {what} {title}"),
            },
            Stage::Asked
            | Stage::Seconding
            | Stage::Checking
            | Stage::Running
            | Stage::Failed
            | Stage::Refused
            | Stage::Expired
            | Stage::Cancelled
            | Stage::Unknown => format!("{by} tried: {what} {title}"),
        };
        let words = parts(attempt, outcome);
        let account = attempt.account.clone();
        match account.filter(|account| self.plan.channels.contains_key(&account.channel)) {
            Some(mut account) => step(now, &mut account, Kind::Notice, headline, words, batch),
            None => self.tell_public(now, attempt, headline, words, batch),
        }
    }

    /// Writes down an attempt that goes on, and shows it where a bot edits messages: in one message, from its confirmation to its end.
    pub(super) fn go_on(
        &mut self,
        now: Moment,
        mut attempt: Attempt,
        words: &str,
        batch: &mut Batch,
    ) {
        let what = attempt.action.replace(['_', '-'], " ");
        let title = self.title_of(&attempt.target);
        let by = &attempt.by;
        let headline = match present(&what) {
            Some(does) => format!("{by} {does} {title}"),
            None => format!("{by}: {what} {title}"),
        };
        let words = parts(&attempt, words);
        let is_there = |account: &mut Account| self.plan.channels.contains_key(&account.channel);
        attempt.account.take_if(|account| !is_there(account));
        if let Some(account) = &mut attempt.account {
            step(now, account, Kind::Noted, headline, words, batch);
        } else if let Some(channel) = self.channel_for(&attempt)
            && self.is_edited(&channel)
        {
            let story = story(&channel, headline, words, now);
            let incident = self.news_as(now, Kind::Noted, story, vec![channel.clone()], batch);
            attempt.account = Some(Account {
                incident,
                channel,
                sequence: 0,
            });
        }
        self.acts.write(attempt, batch);
    }

    /// Asks in public for somebody else.
    pub(super) fn call_for_second(
        &mut self,
        now: Moment,
        action: &Action,
        attempt: &Attempt,
        batch: &mut Batch,
    ) {
        let title = self.title_of(&attempt.target);
        let headline = format!("{} wants to {} {title}", attempt.by, action.title());
        let mut words = format!(
            "somebody else has to confirm it until {}: `confirm {}`",
            attempt.expires_at.words(self.plan.server.timezone),
            attempt.nonce
        );
        if let Some(why) = &attempt.why {
            words.push_str(" · because ");
            words.push_str(why);
        }
        self.tell_public(now, attempt, headline, words, batch);
    }

    fn tell_public(
        &mut self,
        now: Moment,
        attempt: &Attempt,
        headline: String,
        words: String,
        batch: &mut Batch,
    ) {
        let Some(channel) = self.channel_for(attempt) else {
            return;
        };
        let story = story(&channel, headline, words, now);
        self.news(now, story, vec![channel], batch);
    }

    /// Where it is told: where the file says, else where it was asked, else where hekate's own trouble is told.
    pub(super) fn channel_for(&self, attempt: &Attempt) -> Option<ChannelName> {
        let mut actions = self.plan.actions.iter();
        let action = actions.find(|action| action.name == attempt.action);
        if let Some(told) = action.and_then(|action| action.tell.clone()) {
            return Some(told);
        }
        let asked_in = match &attempt.door {
            Door::Slack { channel_name, .. } => Some(format!("#{channel_name}")),
            Door::Program => None,
        };
        let mut channels = self.plan.channels.values();
        let known = channels.find(|channel| channel.label.is_some() && channel.label == asked_in);
        known
            .map(|channel| &channel.name)
            .or_else(|| self.plan.ops())
            .cloned()
    }
}

/// What is said beside a headline: `Jenkins #812 · back after 38 s · with @jana · because it hangs · a17`.
fn parts(attempt: &Attempt, outcome: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(attempt.reference.clone());
    parts.push(outcome.to_owned());
    if let Some(second) = attempt.confirmed.get(1) {
        parts.push(format!("with {}", second.by));
    }
    parts.extend(attempt.why.as_ref().map(|why| format!("because {why}")));
    parts.push(attempt.id.to_string());
    parts.join(" · ")
}

/// What is being done, for the words that are usual.
fn present(what: &str) -> Option<&'static str> {
    Some(match what {
        "restart" => "restarts",
        "reboot" => "reboots",
        "force restart" => "force-restarts",
        "deploy" => "deploys",
        "start" => "starts",
        "stop" => "stops",
        _ => return None,
    })
}

/// What was done, for the words that are usual.
fn past(what: &str) -> Option<&'static str> {
    Some(match what {
        "restart" => "restarted",
        "reboot" => "rebooted",
        "force restart" => "force-restarted",
        "deploy" => "deployed",
        "start" => "started",
        "stop" => "stopped",
        _ => return None,
    })
}
