//! What a bot says: messages that are edited as their incident goes on, and the lines of their threads.
//!
//! An edit says how it is now and mentions nobody. A line of the thread says what happened; only one that has to reach people
//! who do not look there is broadcast to the channel, and stands for itself.
//!
//! Source: <https://docs.slack.dev/reference/methods/chat.update>, `chat.postMessage`.

use std::{fmt::Write as _, sync::Arc};

use serde_json::{Value, json};

use super::{Context, color, evidence, headline, may_mention, of_parcel, render, unusual};
use crate::{
    model::{Entry, EntryKey, Kind, Plan, Spot, Story, Timestamp, Verdict},
    notify::{
        courier::{Parcel, Way},
        errand::{Body, Call, answer::metadata},
    },
    slack::{
        Attachment, Audience, Message,
        block::{Block, Rich},
        interaction::buttons::{About, incident_buttons},
        look,
        mrkdwn::{self, Markup, NAME_MAX, neutral, span},
    },
};

/// The most characters of a reason in a line of a thread.
const REASON_MAX: usize = 200;
/// So many messages of a channel or a thread are read at once.
const MESSAGES_PAGE: &str = "200";
/// So many channels of the workspace are read at once; Slack gives no more.
const CHANNELS_PAGE: &str = "1000";

/// The arguments of a call that tells this parcel in the channel that the file calls so.
pub fn arguments(plan: &Plan, parcel: &Parcel, call: &Call, channel: &str, now: Timestamp) -> Body {
    match call {
        Call::Channels { cursor } => form(
            vec![
                ("types", String::from("public_channel,private_channel")),
                ("exclude_archived", String::from("true")),
                ("limit", String::from(CHANNELS_PAGE)),
            ],
            cursor.as_ref(),
        ),
        Call::History {
            channel_id,
            since,
            cursor,
        } => form(
            vec![
                ("channel", channel_id.clone()),
                ("oldest", since.as_seconds().to_string()),
                ("include_all_metadata", String::from("true")),
                ("limit", String::from(MESSAGES_PAGE)),
            ],
            cursor.as_ref(),
        ),
        Call::Replies { of, cursor } => form(
            vec![
                ("channel", of.channel_id.clone()),
                ("ts", of.ts.clone()),
                ("include_all_metadata", String::from("true")),
                ("limit", String::from(MESSAGES_PAGE)),
            ],
            cursor.as_ref(),
        ),
        Call::Post { is_repeat } => {
            let mut body = posted(plan, parcel, *is_repeat, now).to_json();
            body["channel"] = json!(channel);
            let told = parcel.entries.iter().map(|entry| &entry.key);
            body["metadata"] = metadata(&parcel.channel, told, does_live(parcel));
            Body::Json(body)
        }
        Call::Update { spot, begun_by } => {
            let context = Context::of(plan, now);
            let message = edited(parcel.newest(), &context);
            let message = as_wanted(parcel, message);
            let begun_by = EntryKey {
                sequence: *begun_by,
                ..parcel.key.clone()
            };
            let metadata = metadata(&parcel.channel, [&begun_by].into_iter(), true);
            Body::Json(update(&message, spot, &metadata))
        }
        Call::Reply {
            to,
            after,
            is_repeat,
        } => {
            let message = as_wanted(parcel, line_of(plan, parcel, *after, *is_repeat, now));
            let mut body = message.to_json();
            body["channel"] = json!(to.channel_id);
            body["thread_ts"] = json!(to.ts);
            body["reply_broadcast"] = json!(is_loud(parcel));
            body["metadata"] = metadata(&parcel.channel, [&parcel.key].into_iter(), false);
            Body::Json(body)
        }
    }
}

fn form(mut pairs: Vec<(&'static str, String)>, cursor: Option<&String>) -> Body {
    pairs.extend(cursor.map(|cursor| ("cursor", cursor.clone())));
    Body::Form(pairs)
}

fn as_wanted(parcel: &Parcel, message: Message) -> Message {
    if parcel.is_plain {
        message.plain()
    } else {
        message
    }
}

/// Whether what is posted is edited later.
const fn does_live(parcel: &Parcel) -> bool {
    match parcel.way {
        Way::Begin | Way::GoOn(_) => true,
        Way::Post | Way::Spare => false,
    }
}

fn is_loud(parcel: &Parcel) -> bool {
    match &parcel.way {
        Way::GoOn(message) => message.is_loud,
        // An attempt before began the message, and what happened since goes to its thread.
        Way::Post | Way::Spare | Way::Begin => false,
    }
}

/// An edit as Slack wants it: blocks that are not said stay as they are, so those that are gone are said to be none.
fn update(message: &Message, spot: &Spot, metadata: &Value) -> Value {
    let message = message.to_json();
    let none = json!([]);
    json!({
        "channel": spot.channel_id,
        "ts": spot.ts,
        "text": message["text"],
        "blocks": message.get("blocks").unwrap_or(&none),
        "attachments": message.get("attachments").unwrap_or(&none),
        "link_names": false,
        "parse": "none",
        "metadata": metadata,
    })
}

/// The message of a parcel that begins something, or that is a message by itself.
fn posted(plan: &Plan, parcel: &Parcel, is_repeat: bool, now: Timestamp) -> Message {
    if !does_live(parcel) {
        let parcel = Parcel {
            is_repeat,
            ..parcel.clone()
        };
        return of_parcel(plan, &parcel, now);
    }
    let late = parcel.late.as_ref().map(|late| late.why.to_string());
    let context = Context {
        late: late.as_deref(),
        is_repeat,
        ..Context::of(plan, now)
    };
    // Several that are told at once: who would have been mentioned for any of them is, if it still goes on.
    let mut entry = parcel.newest().clone();
    entry.mention = parcel
        .entries
        .iter()
        .rev()
        .find_map(|entry| entry.mention.clone());
    as_wanted(parcel, living(&entry, &context))
}

/// How an incident is now, in place of what its message said before: nobody is mentioned by it.
pub fn edited(entry: &Entry, context: &Context<'_>) -> Message {
    let entry = Entry {
        mention: None,
        ..entry.clone()
    };
    living(&entry, context)
}

/// The message of an incident as it is now.
pub fn living(entry: &Entry, context: &Context<'_>) -> Message {
    // What people have done has nothing to press, and its end looks as its beginning does.
    if entry.is_account() || entry.kind == Kind::Notice {
        let notice = Entry {
            kind: Kind::Notice,
            ..entry.clone()
        };
        return render(&notice, context);
    }
    let mut entry = Entry {
        // That it was said again, and what somebody did just now, is for the thread; the message says what is so.
        kind: match entry.kind {
            Kind::Noted if entry.story.many.is_some() => Kind::Changed,
            Kind::Reminder | Kind::Noted => Kind::Opened,
            other @ (Kind::Opened
            | Kind::Changed
            | Kind::Recovered
            | Kind::Removed
            | Kind::Notice
            | Kind::Split) => other,
        },
        ..entry.clone()
    };
    let notes = attended_words(&entry.story, context);
    if !notes.is_empty() {
        Arc::make_mut(&mut entry.story).notes.splice(0..0, notes);
    }
    let on_call = context.on_call_of(&entry);
    // What is pressed says which incident, not how it was when it was shown.
    let mut beside = evidence::blocks(&entry, context);
    if context.has_buttons {
        beside.extend(incident_buttons(&About::entry(&entry)));
    }
    let mut line = headline::line(&entry, context, on_call);
    attend(&mut line, &entry.story, context);
    let is_taken = entry.story.attended.as_ref();
    let is_taken = is_taken.is_some_and(|attended| attended.on_it.is_some());
    Message::new(
        Audience::Channel,
        &headline::text(&entry, context),
        on_call.and_then(|on_call| mrkdwn::mention(on_call, context.now)),
        vec![Block::section(&line)],
        vec![Attachment {
            color: if is_taken {
                look::TAKEN_COLOR
            } else {
                color(&entry)
            },
            blocks: beside,
        }],
    )
}

/// What people do about it, as notes: who is on it and what they said, and until when nobody else is to hear of it.
fn attended_words(story: &Story, context: &Context<'_>) -> Vec<String> {
    let Some(attended) = &story.attended else {
        return Vec::new();
    };
    let on_it = attended.on_it.as_ref().map(|taken| match &taken.why {
        Some(why) => format!("{} is on it: {why}", taken.by),
        None => format!("{} is on it", taken.by),
    });
    let silent = attended.silent.map(|silent| {
        let until = context.clock(silent.until);
        if silent.is_until_recovered {
            format!("silent until it recovers, at the latest {until}")
        } else {
            format!("silent until {until}")
        }
    });
    on_it.into_iter().chain(silent).collect()
}

/// The same behind the first line: who has to do nothing any more sees it without reading on.
fn attend(line: &mut Markup, story: &Story, context: &Context<'_>) {
    let Some(attended) = &story.attended else {
        return;
    };
    if let Some(taken) = &attended.on_it {
        line.own("  ·  ");
        // Of whom nothing but the id is known, Slack knows the name; an edit notifies nobody.
        let id = taken.by.slack_user.as_deref();
        match id.filter(|id| taken.by.name == format!("@{id}")) {
            Some(id) => line.user(id),
            None => line.bold(&taken.by.name),
        };
        line.own(" is on it since ")
            .near(taken.at, context.now, context.timezone);
    }
    match attended.silent {
        Some(silent) if silent.is_until_recovered => {
            line.own("  ·  silent until it recovers");
        }
        Some(silent) => {
            line.own("  ·  silent until ")
                .near(silent.until, context.now, context.timezone);
        }
        None => {}
    }
}

/// The message of a thread that tells what is not told yet.
fn line_of(
    plan: &Plan,
    parcel: &Parcel,
    after: Option<u32>,
    is_repeat: bool,
    now: Timestamp,
) -> Message {
    let late = parcel.late.as_ref().map(|late| late.why.to_string());
    let context = Context {
        late: late.as_deref(),
        is_repeat,
        ..Context::of(plan, now)
    };
    let entries: Vec<_> = parcel
        .entries
        .iter()
        .filter(|entry| after.is_none_or(|after| entry.key.sequence > after))
        .collect();
    thread_line(&entries, &context, is_loud(parcel))
}

/// What happened, a line for each of these entries; of one that is loud the last line stands for itself in the channel.
pub fn thread_line(entries: &[&Entry], context: &Context<'_>, is_loud: bool) -> Message {
    let (last, before) = match entries.split_last() {
        Some((last, before)) if is_loud => (Some(*last), before),
        Some(_) | None => (None, entries),
    };
    let mut words = String::new();
    let mut lines = Rich::new();
    for entry in before {
        let _infallible = write!(words, "{}; ", happened(entry, context, &mut lines));
    }
    let mut words = words.trim_end_matches("; ").to_owned();
    let mut blocks = Vec::new();
    let mut mention = None;
    if let Some(last) = last {
        let on_call = entries
            .iter()
            .rev()
            .find_map(|entry| context.on_call_of(entry))
            .filter(|_| may_mention(last));
        mention = on_call.and_then(|on_call| mrkdwn::mention(on_call, context.now));
        // The words before it are in the blocks; a lock screen shows what is so.
        words = headline::text(last, context);
        blocks.push(Block::section(&headline::line(last, context, on_call)));
        let mut reason = Rich::new();
        if may_mention(last) {
            reason.foreign(&last.story.reason.words, REASON_MAX);
        }
        blocks.push(Block::rich(reason));
    } else {
        words.push_str(&headline::unusual(context));
        if let Some(id) = called(entries) {
            mention = mrkdwn::mention_user(id);
            let mut line = Markup::new();
            line.user(id).own(" it is yours now");
            blocks.push(Block::section(&line));
        }
    }
    blocks.push(Block::rich(lines));
    blocks.push(Block::context(&unusual(context)));
    Message::new(Audience::Channel, &words, mention, blocks, Vec::new())
}

/// Who has to do something because of the newest of these; nobody, if it is over by now or something else happened since.
fn called<'a>(entries: &[&'a Entry]) -> Option<&'a str> {
    let newest = entries.last().filter(|entry| entry.kind == Kind::Noted)?;
    newest.story.attended.as_ref()?.calls.as_deref()
}

/// `14:09:12 CET operational again, was down 7 min`, added to the lines and given back as words.
fn happened(entry: &Entry, context: &Context<'_>, lines: &mut Rich) -> String {
    let story = &entry.story;
    let what = match entry.kind {
        Kind::Opened | Kind::Notice | Kind::Noted => state(story.to).to_owned(),
        Kind::Changed => changed(entry),
        Kind::Reminder => {
            let length = context.now.since(story.since);
            format!("still {}, for {}", state(story.to), span(length))
        }
        Kind::Recovered => over(entry),
        Kind::Removed => String::from("taken out of the file, no longer watched"),
        Kind::Split => String::from("split"),
    };
    if entry.kind == Kind::Noted {
        return done(entry, context, lines);
    }
    let at = context.clock(story.decided_at);
    let reason = match entry.kind {
        Kind::Opened | Kind::Changed | Kind::Reminder | Kind::Notice | Kind::Split => {
            &*story.reason.words
        }
        Kind::Recovered | Kind::Removed | Kind::Noted => "",
    };
    let mut words = format!("{at} {what}");
    lines.own(&format!("{at} ")).bold(&what);
    if !reason.is_empty() {
        let _infallible = write!(words, " – {}", neutral(reason, NAME_MAX));
        lines.own(" – ").foreign(reason, REASON_MAX);
    }
    for note in story.notes.iter().take(2) {
        let _infallible = write!(words, " ({})", neutral(note, NAME_MAX));
        lines.own(" · ").foreign(note, REASON_MAX);
    }
    lines.end_line();
    words
}

/// `14:09:12 CET jan@laptop is on it: I restart it`; all but the time may be foreign.
fn done(entry: &Entry, context: &Context<'_>, lines: &mut Rich) -> String {
    let at = context.clock(entry.created_at);
    let attended = entry.story.attended.as_deref();
    let deed = attended.map_or("", |attended| &attended.deed);
    lines.own(&format!("{at} ")).foreign(deed, REASON_MAX);
    lines.end_line();
    format!("{at} {}", neutral(deed, REASON_MAX))
}

const fn state(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Operational => "operational",
        Verdict::Suspect => "suspect",
        Verdict::Unknown => "cannot be seen",
        Verdict::Degraded => "degraded",
        Verdict::Down => "down",
    }
}

fn changed(entry: &Entry) -> String {
    let story = &entry.story;
    if headline::is_unsteady(story) {
        return String::from("goes up and down");
    }
    match &story.many {
        Some(many) if many.back > 0 => format!(
            "{} of {} are back, the others are {}",
            many.back,
            many.total,
            state(story.to)
        ),
        Some(many) => format!("{} are {}", many.total, state(story.to)),
        None if story.from == story.to => format!("still {}", state(story.to)),
        None => format!("{}, was {}", state(story.to), state(story.from)),
    }
}

fn over(entry: &Entry) -> String {
    let story = &entry.story;
    let again = match story.to {
        Verdict::Operational => "operational again",
        other @ (Verdict::Suspect | Verdict::Unknown | Verdict::Degraded | Verdict::Down) => {
            state(other)
        }
    };
    match &story.outage {
        Some(outage) => format!(
            "{again}, was {} for {}",
            match outage.worst {
                Verdict::Unknown => "not seen",
                worst @ (Verdict::Operational
                | Verdict::Suspect
                | Verdict::Degraded
                | Verdict::Down) => state(worst),
            },
            span(outage.until.since(outage.since))
        ),
        None => again.to_owned(),
    }
}
