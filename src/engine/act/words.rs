//! What is told of attempts, and to whom: one line in public, with the name of who asked.

use super::super::Engine;
use crate::model::{
    Batch, ChannelName, Moment, Severity, Story,
    action::{Action, Attempt, Door, Stage},
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
        let mut parts: Vec<String> = Vec::new();
        parts.extend(attempt.reference.clone());
        parts.push(outcome.to_owned());
        if let Some(second) = attempt.confirmed.get(1) {
            parts.push(format!("with {}", second.by));
        }
        parts.extend(attempt.why.as_ref().map(|why| format!("because {why}")));
        parts.push(attempt.id.to_string());
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
        self.tell_public(now, attempt, headline, parts.join(" · "), batch);
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
        let story = Story {
            severity: Severity::Info,
            also_told: vec![channel.clone()],
            ..Story::plain(headline, words, now.at)
        };
        self.news(now, story, vec![channel], batch);
    }

    /// Where it is told: where the file says, else where it was asked, else where hekate's own trouble is told.
    fn channel_for(&self, attempt: &Attempt) -> Option<ChannelName> {
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
