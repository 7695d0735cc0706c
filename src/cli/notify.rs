//! `hekate notify`: see a message, or really send one.

use super::{
    Exit,
    arguments::{Format, Global, MessageKind, Notify},
    example, file,
    terminal::Terminal,
};
use crate::{
    app::Attempt,
    clock::Clock,
    command,
    config::Environment,
    model::{Board, Channel, ChannelName, Delivery, Kind, Story, Timestamp},
    notify::{
        courier::{Parcel, Way},
        sender::Sender,
    },
    slack::{self, message},
};

pub(super) fn notify(global: &Global, command: &Notify, terminal: Terminal) -> Exit {
    match command {
        Notify::Test { channel } => test(global, channel, terminal),
        Notify::Preview { kind } => preview(global, *kind, terminal),
    }
}

/// Really sends a marked test message.
fn test(global: &Global, channel: &str, terminal: Terminal) -> Exit {
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
    let parcel = test_parcel(channel, clock.now().at);
    let sending = async {
        let sender = Sender::new().map_err(|error| error.to_string())?;
        let attempt = Attempt {
            sender: &sender,
            plan: &plan,
            clock: &clock,
        };
        Ok::<_, String>(attempt.deliver(&parcel, channel).await)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let sent = match runtime {
        Ok(runtime) => runtime.block_on(sending),
        Err(error) => Err(format!("cannot start: {error}")),
    };
    match sent {
        Ok(Delivery::Accepted | Delivery::Posted(_)) => {
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

fn test_parcel(channel: &Channel, now: Timestamp) -> Parcel {
    let title = String::from("this is a test of hekate");
    let words = format!(
        "`hekate notify test {}` was run; nothing is wrong and nobody has to do anything",
        channel.name
    );
    let entry = example::entry(
        Kind::Notice,
        channel.name.clone(),
        Story::plain(title, words, now),
        now,
    );
    Parcel {
        key: entry.key.clone(),
        channel: channel.name.clone(),
        entries: vec![entry],
        is_repeat: false,
        late: None,
        is_plain: false,
        way: Way::Post,
        search: None,
    }
}

/// Prints the payload of a message about an example.
fn preview(global: &Global, kind: MessageKind, terminal: Terminal) -> Exit {
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
            let entry = example::entry_of(&plan, kind, now);
            message::render(&entry, &message::Context::of(&plan, now)).to_json()
        }
    };
    match terminal.format {
        Format::Short => terminal.say(&format!(
            "{}\n",
            payload["text"].as_str().unwrap_or_default()
        )),
        Format::Human | Format::Json | Format::Github | Format::Csv | Format::Markdown => {
            terminal.say_json(&payload);
        }
    }
    Exit::Done
}
