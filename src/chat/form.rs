//! Forms in which the name of a target is typed: shown where Slack takes them, so that whoever cannot have one types the same words.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    Chat, Speaker, Trust,
    act::ORDER_LIMIT,
    answer::{just_started, speaker},
    click::unknown,
    problem,
    spoken::voice,
    stranger::elsewhere,
};
use crate::{
    command::{
        Reply,
        act::{self, ByForm, Filled, Form},
    },
    model::{
        Tick,
        action::{Answered, Attempt, Confirm, Order},
    },
    notify::errand::{Body, Fault},
    slack::{form, interaction::Submission},
};

/// A form has to be there so long after somebody asked: Slack takes the trigger, and waits for the answer, for 3 s.
const SHOWN_WITHIN: Duration = Duration::from_millis(2_500);
/// With less time left it is not tried: the answer has to leave as well.
const TRIED_WITH: Duration = Duration::from_millis(100);
/// What was sent is answered after so long at most; Slack waits 3 s.
const SUBMITTED_WITHIN: Duration = Duration::from_millis(2_500);
/// What Slack says of the trigger alone; another one may well be taken.
const OF_TRIGGER: [&str; 3] = [
    "expired_trigger_id",
    "exchanged_trigger_id",
    "invalid_trigger_id",
];

impl Chat {
    /// Whether the file has a bot that could show a form.
    pub(super) fn has_forms(&self) -> bool {
        voice(&self.plan.load()).is_some()
    }

    /// The same answer; if it asks for a name to be typed, a form is shown as well, or a button for it.
    pub(super) async fn with_form(
        &self,
        reply: Reply,
        answer: Option<&Answered>,
        speaker: &Speaker,
        asked: Tick,
    ) -> Reply {
        let attempt = match answer {
            Some(Answered::Confirm {
                attempt,
                how: Confirm::TypeName,
            }) => attempt,
            Some(
                Answered::Confirm {
                    how: Confirm::No | Confirm::Button,
                    ..
                }
                | Answered::Would { .. }
                | Answered::Second(_)
                | Answered::Taken(_)
                | Answered::Refused { .. },
            )
            | None => return reply,
        };
        match reply {
            Reply::Asking(asking) => {
                let by_form = self.show_form(attempt, speaker, asked).await;
                Reply::Asking(asking.with_form(by_form))
            }
            other @ (Reply::Status(_)
            | Reply::Help(_)
            | Reply::Past(_)
            | Reply::Known(_)
            | Reply::History(_)
            | Reply::Looked(_)
            | Reply::Availability(_)
            | Reply::Fresh(_)
            | Reply::Said(_)
            | Reply::Problem { .. }) => other,
        }
    }

    /// Shows the form of a question to whoever asked it, if Slack lets it be shown in time.
    async fn show_form(&self, attempt: &Attempt, speaker: &Speaker, asked: Tick) -> ByForm {
        let Some(voice) = voice(&self.plan.load()) else {
            return ByForm::No;
        };
        let now = self.clock.now();
        let Some(form) = Form::of(attempt, &self.board.load(), now.at) else {
            return ByForm::No;
        };
        let Some(trigger) = speaker.trigger.as_ref().filter(|_| speaker.opens_forms) else {
            return ByForm::OnDemand;
        };
        let left = SHOWN_WITHIN.saturating_sub(now.tick.since(asked));
        if left < TRIED_WITH {
            return ByForm::OnDemand;
        }
        let address = voice.base.method(form::METHOD);
        let view = json!({ "trigger_id": trigger, "view": form::render(&form) });
        let showing = self
            .sender
            .bid(&address, &voice.token, now.at, Body::Json(view));
        let fault = match timeout(left, showing).await {
            Ok(Ok(_)) => {
                self.hall.taken();
                return ByForm::Shown;
            }
            Ok(Err(fault)) => fault,
            Err(_late) => Fault::Lost(format!("no answer within {} ms", left.as_millis())),
        };
        let why = fault.why();
        tracing::warn!(event = "slack.no_form", attempt = %attempt.id, %why, "Slack did not show a form; the name can be typed behind the command");
        let is_of_trigger = OF_TRIGGER.iter().any(|word| why.starts_with(word));
        match fault {
            Fault::Throttled { .. } | Fault::Later(_) | Fault::Lost(_) => ByForm::OnDemand,
            Fault::Refused(_) | Fault::Malformed(_) | Fault::Gone(_) if is_of_trigger => {
                ByForm::OnDemand
            }
            Fault::Refused(_) => {
                self.hall.refused(why);
                ByForm::No
            }
            Fault::Malformed(_) | Fault::Gone(_) => ByForm::No,
        }
    }

    /// Shows the form of a question that still waits, for whoever asked it and pressed the button for the form.
    pub(super) async fn form_again(&self, nonce: &str, speaker: &Speaker, command: &str) -> Reply {
        let asked = self.clock.now().tick;
        let order = Order::Recall {
            nonce: nonce.to_owned(),
        };
        let answer = self.give(order, speaker.asker.clone(), ORDER_LIMIT).await;
        let reply = self.answered(answer.as_ref(), command);
        self.with_form(reply, answer.as_ref(), speaker, asked).await
    }

    /// What is answered to a form that was sent, within 2.5 s: what to type instead, or what became of it, in its place.
    pub async fn submitted(&self, submission: &Submission, trust: Trust) -> Value {
        let command = self.plan.load().slack.command.clone();
        if let Err(why) = self.admit(&submission.origin).await {
            return self.in_place(&elsewhere(why));
        }
        let filled = match &submission.filled {
            Ok(_) if trust == Trust::MayBeRepeat => return self.in_place(&just_started()),
            Ok(filled) => filled,
            Err(why) => return self.in_place(&unknown(*why, &command)),
        };
        let doing = self.fill_in(filled, submission, &command);
        match timeout(SUBMITTED_WITHIN, doing).await {
            Ok(answer) => answer,
            Err(_late) => self.in_place(&self.answered(None, &command)),
        }
    }

    async fn fill_in(&self, filled: &Filled, submission: &Submission, command: &str) -> Value {
        // The form says nothing of a channel: the question was asked in one, and that one counts.
        let user = (submission.user.id.as_str(), submission.user.name.as_str());
        let asker = speaker(user, ("", ""), "").asker;
        tracing::info!(event = "slack.form", by = %asker.by, "somebody sent a form");
        let order = Order::Confirm {
            nonce: filled.nonce.clone(),
            typed: Some(filled.name.clone()),
            why: filled.why.clone(),
        };
        let answer = self.give(order, asker.clone(), ORDER_LIMIT).await;
        let corrections = answer.as_ref().map_or_else(Vec::new, |answer| {
            act::corrections(answer, filled, &asker, &self.board.load())
        });
        if corrections.is_empty() {
            self.in_place(&self.answered(answer.as_ref(), command))
        } else {
            form::errors(&corrections)
        }
    }

    fn in_place(&self, reply: &Reply) -> Value {
        let command = self.plan.load().slack.command.clone();
        form::answer(&self.show(reply, &command))
    }

    /// What is answered to a form when too much is going on: nothing was done.
    pub fn busy_form(&self) -> Value {
        self.in_place(&problem(
            "hekate is asked too much at once, so nothing was done",
            "send it again in a moment",
        ))
    }
}
