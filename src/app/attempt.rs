//! One attempt to deliver one parcel, whatever the kind of its channel.

use crate::{
    clock::Clock,
    model::{Channel, Delivery, Plan, Timestamp, plan::Destination},
    notify::{
        courier::{Parcel, Way},
        errand::{Call, Line},
        sender::{Payload, Sender},
        signed,
    },
    slack::{api::Base, message},
};

/// What an attempt needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    /// The way out.
    pub(crate) sender: &'a Sender,
    /// How everything is configured.
    pub(crate) plan: &'a Plan,
    /// What time it is.
    pub(crate) clock: &'a Clock,
}

impl Attempt<'_> {
    /// Sends the parcel once, by as many requests as that takes.
    pub(crate) async fn deliver(&self, parcel: &Parcel, channel: &Channel) -> Delivery {
        let now = self.clock.now().at;
        match &channel.destination {
            Destination::SlackWebhook { .. } => {
                let body = slack_body(self.plan, parcel, now);
                self.post(parcel, &channel.destination, &body, now).await
            }
            Destination::SignedWebhook { .. } => {
                let body = signed::body(parcel);
                self.post(parcel, &channel.destination, &body, now).await
            }
            Destination::SlackBot {
                spare: Some(url), ..
            } if parcel.way == Way::Spare => {
                let webhook = Destination::SlackWebhook { url: url.clone() };
                let body = slack_body(self.plan, parcel, now);
                self.post(parcel, &webhook, &body, now).await
            }
            Destination::SlackBot {
                channel,
                token,
                base_url,
                spare: _,
            } => {
                let line = Line {
                    token,
                    channel,
                    now,
                };
                self.by_bot(parcel, line, base_url).await
            }
        }
    }

    async fn post(
        &self,
        parcel: &Parcel,
        destination: &Destination,
        body: &serde_json::Value,
        now: Timestamp,
    ) -> Delivery {
        let payload = Payload {
            id: signed::id_of(&parcel.key),
            sent_at: now,
            body: body.to_string().into_bytes(),
        };
        self.sender.deliver(destination, &payload).await
    }

    async fn by_bot(&self, parcel: &Parcel, line: Line<'_>, base_url: &str) -> Delivery {
        let Ok(base) = Base::parse(base_url) else {
            return Delivery::Refused {
                why: String::from("its address is not Slack's"),
                is_malformed: false,
            };
        };
        let address = |method: &str| base.method(method);
        let body =
            |call: &Call| message::arguments(self.plan, parcel, call, line.channel, line.now);
        let tick = || self.clock.now().tick;
        self.sender.run(parcel, line, address, body, tick).await
    }
}

/// The payload for an incoming webhook of Slack.
fn slack_body(plan: &Plan, parcel: &Parcel, now: Timestamp) -> serde_json::Value {
    message::of_parcel(plan, parcel, now).to_json()
}
