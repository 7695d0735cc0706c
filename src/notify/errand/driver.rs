//! Takes an errand to Slack.

use std::time::Duration;

use reqwest::header;
use serde_json::Value;

use super::{
    Answer, Call, Errand, Fault,
    answer::{self, Received},
};
use crate::{
    model::{Delivery, Secret, Tick, Timestamp},
    notify::{
        courier::Parcel,
        sender::{Sender, failed, reading},
        slack_api::after,
    },
};

/// More of an answer is not read: a page of a hundred messages of Slack's longest has less.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// No further request is begun after this; an attempt has to end before the courier takes it for lost.
const BEGUN_WITHIN: Duration = Duration::from_mins(1);

/// The arguments of a method.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// As JSON.
    Json(Value),
    /// As a form: what only reads takes nothing else.
    Form(Vec<(&'static str, String)>),
}

/// The way to Slack for one attempt.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The bot's token.
    pub token: &'a Secret,
    /// What the file calls the channel: its id, or `#` and its name.
    pub channel: &'a str,
    /// When it begins; for a `Retry-After` that is a date.
    pub now: Timestamp,
}

impl Sender {
    /// Delivers a parcel as a bot. `address` gives the address of a method, `body` the arguments of a call, `tick` the time
    /// that passes.
    pub async fn run(
        &self,
        parcel: &Parcel,
        line: Line<'_>,
        address: impl Fn(&str) -> String,
        body: impl Fn(&Call) -> Body,
        tick: impl Fn() -> Tick,
    ) -> Delivery {
        let mut errand = Errand::new(parcel, line.channel);
        let began = tick();
        loop {
            let call = errand.next().clone();
            let answer = if tick().since(began) > BEGUN_WITHIN {
                Answer::Failed(Fault::Later(String::from("Slack was too slow")))
            } else {
                let method = address(call.method());
                match self.ask(&method, line.token, line.now, body(&call)).await {
                    Ok(said) => answer::read(&call, &parcel.key, line.channel, &said.received()),
                    Err(fault) => Answer::Failed(fault),
                }
            };
            if let Some(delivery) = errand.answered(answer) {
                return delivery;
            }
        }
    }

    /// Calls a method once, within 10 s; what Slack says if it is done.
    ///
    /// # Errors
    ///
    /// Why it is not done, or that nobody knows.
    pub async fn bid(
        &self,
        address: &str,
        token: &Secret,
        now: Timestamp,
        body: Body,
    ) -> Result<Value, Fault> {
        let said = self.ask(address, token, now, body).await?;
        answer::done(&said.received())
    }

    /// Calls a method once, within 10 s.
    async fn ask(
        &self,
        address: &str,
        token: &Secret,
        now: Timestamp,
        body: Body,
    ) -> Result<Said, Fault> {
        let request = self.client.post(address).bearer_auth(token.expose());
        let request = match body {
            Body::Json(value) => request
                .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
                .body(value.to_string()),
            Body::Form(pairs) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(pairs);
                request
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(form.finish())
            }
        };
        match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let after = after(&response, now);
                let (body, is_whole) = reading(response, ANSWER_BYTES_MAX).await;
                Ok(Said {
                    status,
                    after,
                    body,
                    is_whole,
                })
            }
            Err(error) => Err(match failed(error) {
                Delivery::Retry { why, .. } => Fault::Later(why),
                Delivery::Unsure { why } => Fault::Lost(why),
                Delivery::Refused { why, .. } => Fault::Refused(why),
                Delivery::Accepted | Delivery::Posted(_) => {
                    Fault::Lost(String::from("there is no answer"))
                }
            }),
        }
    }
}

struct Said {
    status: u16,
    after: Option<Duration>,
    body: Vec<u8>,
    is_whole: bool,
}

impl Said {
    fn received(&self) -> Received<'_> {
        Received {
            status: self.status,
            after: self.after,
            body: &self.body,
            is_whole: self.is_whole,
        }
    }
}
