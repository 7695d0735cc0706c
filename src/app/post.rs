//! The post office: drives the courier, stores its marks, renders its parcels and sends them.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::attempt::Attempt;
use crate::{
    clock::Clock,
    engine,
    model::{Batch, Board, ChannelName, Delivery, Entry, EntryKey, IncidentId, Living, Plan, Tick},
    notify::{
        courier::{Courier, Notice, Outlook, Parcel, Step, Trouble},
        sender::Sender,
    },
    store::Writer,
    telemetry::Metrics,
};

/// Something that moves the courier.
#[derive(Debug)]
pub(super) enum Mail {
    /// These are stored and may be sent.
    Entries(Vec<Entry>),
    /// These were found in a store that could not be read before.
    Found(Vec<Entry>, Vec<Living>),
    /// An attempt ended.
    Delivered(EntryKey, Delivery),
    /// That this channel has to hear of the end of this incident is stored before whatever is stored next.
    Noted(IncidentId, ChannelName),
    /// The channels changed.
    Channels,
    /// The clock on the wall and ticks may have run apart.
    ClockStepped,
}

/// What the post office works with.
pub(super) struct PostOffice {
    pub(super) clock: Clock,
    pub(super) courier: Courier,
    pub(super) inbox: mpsc::UnboundedReceiver<Mail>,
    pub(super) desk: Desk,
    pub(super) outlook: watch::Sender<Telling>,
}

/// How telling goes.
#[derive(Clone, Debug, Default)]
pub(super) struct Telling {
    pub(super) outlook: Outlook,
    /// Since when the oldest message waits that is not parked.
    pub(super) waits_since: Option<Tick>,
}

/// What an attempt needs; cheap to clone.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) mail: mpsc::UnboundedSender<Mail>,
    pub(super) events: mpsc::UnboundedSender<engine::Event>,
    pub(super) clock: Clock,
    pub(super) plan: Arc<ArcSwap<Plan>>,
    pub(super) board: Arc<ArcSwap<Board>>,
    pub(super) writer: Writer,
    pub(super) sender: Sender,
    pub(super) metrics: Arc<Metrics>,
    pub(super) attempts: TaskTracker,
}

impl PostOffice {
    /// Runs until it is told to stop; attempts under way are left to whoever waits for `desk.attempts`.
    pub(super) async fn open(mut self, stop: CancellationToken) {
        loop {
            let steps = self.courier.poll(self.clock.now());
            self.carry_out(steps);
            let deadline = self
                .courier
                .next_deadline()
                .unwrap_or(Tick::from_micros(u64::MAX / 2));
            let turn = deadline.min(self.clock.now().tick + Duration::from_hours(1));
            let mail = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                mail = self.inbox.recv() => mail,
                () = tokio::time::sleep_until(self.clock.instant(turn)) => None,
            };
            if let Some(mail) = mail {
                self.take_in(mail);
            }
            self.show();
        }
        // What comes back from attempts under way is still taken in, so that their ends are stored.
        self.desk.attempts.close();
        let limit = tokio::time::sleep(Duration::from_secs(5));
        tokio::pin!(limit);
        loop {
            tokio::select! {
                () = self.desk.attempts.wait() => break,
                () = &mut limit => break,
                Some(mail) = self.inbox.recv() => self.take_last(mail),
            }
        }
        while let Ok(mail) = self.inbox.try_recv() {
            self.take_last(mail);
        }
    }

    fn take_in(&mut self, mail: Mail) {
        let now = self.clock.now();
        match mail {
            Mail::Entries(entries) => entries
                .into_iter()
                .for_each(|entry| self.courier.enqueue(now, entry)),
            Mail::Found(entries, living) => {
                self.courier.restore_living(living);
                self.courier.restore(now, entries);
            }
            Mail::Delivered(key, delivery) => {
                let steps = self.courier.delivered(now, &key, delivery);
                self.carry_out(steps);
            }
            Mail::Noted(incident, channel) => self.courier.noted(&incident, &channel),
            Mail::ClockStepped => self.courier.clock_stepped(now),
            Mail::Channels => {
                let plan = self.desk.plan.load();
                self.courier.configure(now, &plan.mailboxes(), plan.ops());
            }
        }
    }

    /// While ending, what was accepted is stored and nothing new is begun.
    fn take_last(&mut self, mail: Mail) {
        let Mail::Delivered(key, delivery) = mail else {
            return;
        };
        for step in self.courier.delivered(self.clock.now(), &key, delivery) {
            if let Step::Commit(batch) = step {
                drop(self.desk.writer.commit(Arc::new(batch)));
            }
        }
    }

    fn carry_out(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Send { mark, parcel } => self.desk.send(mark, parcel),
                // The writer keeps the order of what it is given and never loses a batch; nobody has to wait for this one.
                Step::Commit(batch) => drop(self.desk.writer.commit(Arc::new(batch))),
                Step::Report(trouble) => self.desk.report(trouble),
                Step::StandsIn {
                    incident, channel, ..
                } => self.desk.say(engine::Event::StoodIn(incident, channel)),
            }
        }
    }

    /// Shows on the board how telling goes.
    fn show(&self) {
        let outlook = self.courier.outlook();
        let refusing = outlook
            .refusing
            .iter()
            .map(|trouble| (trouble, "refuses messages"));
        let failing = outlook
            .failing
            .iter()
            .map(|trouble| (trouble, "cannot be reached"));
        let spared = outlook
            .spared
            .iter()
            .map(|trouble| (trouble, "refuses the bot, so its webhook is used"));
        let troubles: Vec<_> = refusing
            .chain(failing)
            .chain(spared)
            .map(|(trouble, what)| {
                (
                    trouble.channel.clone(),
                    format!("{what}: {}", trouble.why),
                    trouble.since,
                )
            })
            .collect();
        self.desk.board.load().ourselves.rcu(|ourselves| {
            let mut ourselves = (**ourselves).clone();
            ourselves.channel_troubles.clone_from(&troubles);
            ourselves.outbox = outlook.waiting + outlook.parked;
            ourselves.outbox_oldest = outlook.oldest;
            ourselves
        });
        let now = self.clock.now().tick;
        let waits_since = self.courier.oldest_waits(now).map(|waits| now - waits);
        self.outlook.send_replace(Telling {
            outlook,
            waits_since,
        });
    }
}

impl Desk {
    /// Stores the mark, then sends, then says what became of it.
    fn send(&self, mark: Batch, parcel: Parcel) {
        let desk = self.clone();
        let marked = self.writer.commit(Arc::new(mark));
        self.attempts.spawn(async move {
            marked.await;
            let key = parcel.key.clone();
            let delivery = desk.attempt(&parcel).await;
            desk.record(&parcel, &delivery);
            // Nobody listens any more only when the process has ended.
            let _ = desk.mail.send(Mail::Delivered(key, delivery));
        });
    }

    async fn attempt(&self, parcel: &Parcel) -> Delivery {
        let plan = self.plan.load_full();
        let direct = || plan.direct().remove(&parcel.channel);
        let Some(channel) = plan.channels.get(&parcel.channel).cloned().or_else(direct) else {
            let why = String::from("the channel was taken out of the file");
            return Delivery::Retry {
                after: None,
                is_throttled: false,
                why,
            };
        };
        let attempt = Attempt {
            sender: &self.sender,
            plan: &plan,
            clock: &self.clock,
        };
        attempt.deliver(parcel, &channel).await
    }

    fn record(&self, parcel: &Parcel, delivery: &Delivery) {
        let entry = parcel.newest();
        let delay = self.clock.now().at.since(entry.created_at);
        self.metrics
            .delivered(&parcel.channel, entry.kind, delivery, delay);
        let (channel, kind) = (&parcel.channel, entry.kind.as_str());
        let incident = &parcel.key.incident;
        match delivery {
            Delivery::Accepted | Delivery::Posted(_) => {
                let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                tracing::info!(event = "notify.sent", %channel, kind, %incident, delay_ms, "told {channel}");
            }
            Delivery::Retry { why, .. } => {
                tracing::warn!(event = "notify.retry", %channel, kind, %incident, %why, "{channel} was not told yet");
            }
            Delivery::Unsure { why } => {
                tracing::warn!(event = "notify.unsure", %channel, kind, %incident, %why, "{channel} may have been told");
            }
            Delivery::Refused { why, .. } => {
                tracing::error!(event = "notify.refused", %channel, kind, %incident, %why, "{channel} refuses messages");
            }
        }
    }

    fn report(&self, trouble: Trouble) {
        self.say(engine::Event::Troubled(of_channel(trouble)));
    }

    fn say(&self, event: engine::Event) {
        // Nobody listens any more only while the process ends.
        let _ = self.events.send(event);
    }
}

/// A trouble of the courier in the engine's words.
fn of_channel(trouble: Trouble) -> engine::Trouble {
    let Notice {
        key,
        is_over,
        title,
        words,
        not_to,
    } = trouble.notice();
    engine::Trouble {
        key,
        is_over,
        title,
        words,
        not_to,
    }
}
