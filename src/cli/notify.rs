//! `hekate notify`: see a message, or really send one.

use std::sync::Arc;

use super::{
    Exit,
    arguments::{Format, Global, MessageKind, Notify},
    file,
    terminal::Terminal,
};
use crate::{
    clock::Clock,
    command,
    config::Environment,
    model::{
        Board, ChannelName, CheckKind, Component, ComponentState, Delivery, Detail, Entry,
        EntryKey, EntryState, FailureClass, IncidentId, Kind, Outage, Phases, Plan, Reason, Rule,
        Severity, Story, Timestamp, Verdict, judgement::Good, plan::Destination,
    },
    notify::{
        courier::Parcel,
        sender::{Payload, Sender},
        signed,
    },
    slack::{self, message},
};

pub(super) fn notify(global: &Global, command: &Notify, terminal: &Terminal) -> Exit {
    match command {
        Notify::Test { channel } => test(global, channel, terminal),
        Notify::Preview { kind } => preview(global, *kind, terminal),
    }
}

/// Really sends a marked test message.
fn test(global: &Global, channel: &str, terminal: &Terminal) -> Exit {
    let plan = match file::plan(global, &Environment::of_process(), terminal) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let Some(channel) = plan.channels.get(&ChannelName::new(channel)) else {
        let known: Vec<_> = plan.channels.keys().map(ChannelName::as_str).collect();
        terminal.complain(&format!(
            "there is no channel `{channel}`; the file has: {}",
            known.join(", ")
        ));
        return Exit::NotSo;
    };
    let clock = Clock::start();
    let now = clock.now().at;
    let title = String::from("this is a test of hekate");
    let words = format!(
        "`hekate notify test {}` was run; nothing is wrong and nobody has to do anything",
        channel.name
    );
    let entry = entry(
        Kind::Notice,
        channel.name.clone(),
        plain(title, words, now),
        now,
    );
    let parcel = Parcel {
        key: entry.key.clone(),
        channel: channel.name.clone(),
        entries: vec![entry],
        is_repeat: false,
        late: None,
        is_plain: false,
    };
    let body = match &channel.destination {
        Destination::SlackWebhook { .. } => {
            message::render(parcel.newest(), &message::Context::of(&plan, now)).to_json()
        }
        Destination::SignedWebhook { .. } => signed::body(&parcel),
    };
    let payload = Payload {
        id: signed::id_of(&parcel.key),
        sent_at: now,
        body: body.to_string().into_bytes(),
    };
    let sending = async {
        let sender = Sender::new().map_err(|error| error.to_string())?;
        Ok::<_, String>(sender.deliver(&channel.destination, &payload).await)
    };
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal.complain(&format!("cannot start: {error}"));
            return Exit::NotSo;
        }
    };
    match runtime.block_on(sending) {
        Ok(Delivery::Accepted) => {
            terminal.say(&format!("`{}` took the test message\n", channel.name));
            Exit::Done
        }
        Ok(
            Delivery::Retry { why, .. } | Delivery::Unsure { why } | Delivery::Refused { why, .. },
        )
        | Err(why) => {
            terminal.complain(&format!(
                "`{}` did not take the test message: {why}",
                channel.name
            ));
            Exit::NotSo
        }
    }
}

/// Prints the payload of a message about an example.
fn preview(global: &Global, kind: MessageKind, terminal: &Terminal) -> Exit {
    let plan = match file::plan(global, &Environment::of_process().for_preview(), terminal) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let now = Clock::start().now().at;
    let payload = match kind {
        MessageKind::Status => {
            let board = Board::of(&plan, now, None);
            let reply = command::ask(&board, "status", now, &plan.slack.command);
            let options = slack::grid::Options {
                timezone: plan.server.timezone,
                public_url: plan.server.public_url.as_deref(),
            };
            slack::reply::render(&reply, &plan.slack.command, &options).to_json()
        }
        MessageKind::Down
        | MessageKind::Degraded
        | MessageKind::Unknown
        | MessageKind::Reminder
        | MessageKind::Recovered => {
            let entry = example(&plan, kind, now);
            message::render(&entry, &message::Context::of(&plan, now)).to_json()
        }
    };
    match terminal.format {
        Format::Short => terminal.say(&format!(
            "{}\n",
            payload["text"].as_str().unwrap_or_default()
        )),
        Format::Human | Format::Json | Format::Github => terminal.say_json(&payload),
    }
    Exit::Done
}

/// An example about the first target of the file.
fn example(plan: &Plan, kind: MessageKind, now: Timestamp) -> Entry {
    use std::time::Duration;
    let target = plan.targets.first();
    let title = target.map_or_else(|| String::from("api"), |target| target.title());
    let since = now - Duration::from_secs(192);
    let (to, words) = match kind {
        MessageKind::Degraded => (
            Verdict::Degraded,
            "queue is DEGRADED (1 of 7 components not up)",
        ),
        MessageKind::Unknown => (Verdict::Unknown, "HTTP 401, it does not let us in"),
        MessageKind::Recovered => (Verdict::Operational, "3 good looks in a row"),
        MessageKind::Down | MessageKind::Reminder | MessageKind::Status => (
            Verdict::Down,
            "HTTP 503, the body says DOWN: db connection pool exhausted",
        ),
    };
    let component = Component {
        name: String::from("db"),
        state: ComponentState::Down,
        message: Some(String::from("connection pool exhausted <0 of 50 idle>")),
    };
    let detail = Detail {
        address: Some(String::from("192.0.2.10:443")),
        components: vec![component],
        components_total: 7,
        excerpt: Some(String::from(
            r#"{"status":"DOWN","components":{"db":{"status":"DOWN"}}}"#,
        )),
        via: Some(String::from("nginx")),
        note: None,
    };
    let story = Story {
        target: target.map(|target| target.id.clone()),
        icon: target.and_then(|target| target.icon.clone()),
        severity: target.map_or(Severity::Critical, |target| target.severity),
        check: Some(CheckKind::Health),
        from: if to == Verdict::Operational {
            Verdict::Down
        } else {
            Verdict::Operational
        },
        to,
        since,
        reason: Reason {
            rule: Rule::Confirmed(FailureClass::Explicit),
            words: words.to_owned(),
        },
        looks_for: 4,
        looks_of: 4,
        phases: Phases {
            resolve_us: Some(400),
            connect_us: Some(3_000),
            tls_us: Some(11_000),
            first_byte_us: Some(84_000),
            body_us: Some(300),
        },
        detail: (to != Verdict::Operational).then(|| Box::new(detail)),
        last_good: Some(Good {
            at: since - Duration::from_secs(28),
            took: Duration::from_millis(88),
            status: Some(200),
        }),
        outage: (to == Verdict::Operational).then(|| Outage {
            worst: Verdict::Down,
            since,
            until: now,
            seen: vec![
                (String::from("HTTP 503"), 14),
                (String::from("first byte timeout"), 2),
            ],
        }),
        runbook_url: target.and_then(|target| target.runbook_url.clone()),
        ..plain(title, String::new(), now)
    };
    let kind = match kind {
        MessageKind::Reminder => Kind::Reminder,
        MessageKind::Recovered => Kind::Recovered,
        MessageKind::Down | MessageKind::Degraded | MessageKind::Unknown | MessageKind::Status => {
            Kind::Opened
        }
    };
    let channel = plan
        .channels
        .keys()
        .next()
        .cloned()
        .unwrap_or_else(|| ChannelName::new("alerts"));
    let mention = plan
        .routes
        .iter()
        .find_map(|route| route.mention.clone())
        .filter(|_| to == Verdict::Down);
    Entry {
        mention,
        ..entry(kind, channel, story, now)
    }
}

fn entry(kind: Kind, channel: ChannelName, story: Story, now: Timestamp) -> Entry {
    Entry {
        key: EntryKey {
            incident: IncidentId::new("test"),
            sequence: 0,
            channel,
        },
        kind,
        created_at: now,
        mention: None,
        story: Arc::new(story),
        state: EntryState::Queued,
        attempts: 0,
        instead_of: None,
    }
}

fn plain(title: String, words: String, now: Timestamp) -> Story {
    Story {
        target: None,
        title,
        icon: None,
        severity: Severity::Info,
        check: None,
        from: Verdict::Unknown,
        to: Verdict::Unknown,
        since: now,
        decided_at: now,
        reason: Reason {
            rule: Rule::NotYetSeen,
            words,
        },
        looks_for: 0,
        looks_of: 0,
        phases: Phases::default(),
        detail: None,
        last_good: None,
        outage: None,
        runbook_url: None,
        also_told: Vec::new(),
        siblings: Vec::new(),
    }
}
