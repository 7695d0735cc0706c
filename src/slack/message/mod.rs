//! The messages of an incident, one at a time, and a backlog as one.

mod evidence;
mod folded;
mod headline;
mod living;

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::{
    Attachment, Audience, Message,
    block::Block,
    look,
    mrkdwn::{self, DateFormat, Markup},
};
use crate::{
    model::{
        ChannelName, Entry, Kind, OnCallName, Plan, Severity, Timestamp, Verdict, plan::OnCall,
    },
    notify::courier::Parcel,
};

pub use folded::render_folded;
pub use living::{arguments, edited, living, thread_line};

/// At most so many other channels are named.
const OTHERS_MAX: usize = 5;

/// What a message needs to know beside its entry.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// When it is sent.
    pub now: Timestamp,
    /// The zone for times in plain words.
    pub timezone: Tz,
    /// Who can be mentioned.
    pub on_call: &'a BTreeMap<OnCallName, OnCall>,
    /// How people reach the status page.
    pub public_url: Option<&'a str>,
    /// If it is told late: why, as one clause without a full stop, such as `Slack did not answer`.
    pub late: Option<&'a str>,
    /// Whether an earlier attempt may have been delivered.
    pub is_repeat: bool,
    /// Whether it tells of what waited for quiet hours to end.
    pub is_digest: bool,
    /// Whether what is pressed gets here, so that there can be something to press.
    pub has_buttons: bool,
}

impl<'a> Context<'a> {
    /// The context of a message that is sent now, in time and for the first time.
    pub const fn of(plan: &'a Plan, now: Timestamp) -> Self {
        Self {
            now,
            timezone: plan.server.timezone,
            on_call: &plan.on_call,
            public_url: match &plan.server.public_url {
                Some(url) => Some(url.as_str()),
                None => None,
            },
            late: None,
            is_repeat: false,
            is_digest: false,
            has_buttons: plan.slack.app_token.is_some() || !plan.slack.signing_secrets.is_empty(),
        }
    }

    /// A time in words and in the configured zone; with its day, if it is not near.
    fn clock(&self, at: Timestamp) -> String {
        mrkdwn::clock(at, DateFormat::near(at, self.now), self.timezone)
    }

    /// From one time to another, the zone said once if both are near: `12:55:48 to 13:00:00 CET`.
    fn clocks(&self, from: Timestamp, to: Timestamp) -> String {
        let until = self.clock(to);
        match DateFormat::near(from, self.now) {
            DateFormat::Time => {
                let local = from.to_utc().with_timezone(&self.timezone);
                format!("{} to {until}", local.format("%H:%M:%S"))
            }
            DateFormat::DayAndTime => format!("{} to {until}", self.clock(from)),
        }
    }

    /// Who is to be mentioned for this entry: the engine decides it; an end is never a reason to.
    fn on_call_of(&self, entry: &Entry) -> Option<&'a OnCall> {
        let name = entry.mention.as_ref().filter(|_| may_mention(entry))?;
        self.on_call.get(name)
    }
}

/// Whether anybody may be mentioned for this entry.
const fn may_mention(entry: &Entry) -> bool {
    match entry.kind {
        Kind::Opened | Kind::Changed | Kind::Reminder | Kind::Notice => true,
        Kind::Recovered | Kind::Removed | Kind::Noted | Kind::Split => false,
    }
}

/// The message of one entry of the outbox.
///
/// Its top-level text says everything in words, of about 150 characters where nothing foreign makes it longer: mark,
/// name, reason, since when, and the id to search for. The first line of blocks is complete on a lock screen; the
/// evidence stands beside a bar in the colour of the state.
pub fn render(entry: &Entry, context: &Context<'_>) -> Message {
    let on_call = context.on_call_of(entry);
    Message::new(
        Audience::Channel,
        &headline::text(entry, context),
        on_call.and_then(|on_call| mrkdwn::mention(on_call, context.now)),
        vec![Block::section(&headline::line(entry, context, on_call))],
        vec![Attachment {
            color: color(entry),
            blocks: evidence::blocks(entry, context),
        }],
    )
}

/// The message of what the courier sends: one entry, or several told as one.
pub fn of_parcel(plan: &Plan, parcel: &Parcel, now: Timestamp) -> Message {
    let late = parcel.late.as_ref().map(|late| late.why.to_string());
    let context = Context {
        late: late.as_deref(),
        is_repeat: parcel.is_repeat,
        is_digest: parcel.is_digest(),
        ..Context::of(plan, now)
    };
    let rich = match parcel.entries.as_slice() {
        [entry] if !context.is_digest => render(entry, &context),
        entries => render_folded(entries, &context),
    };
    if parcel.is_plain { rich.plain() } else { rich }
}

fn color(entry: &Entry) -> &'static str {
    match entry.kind {
        Kind::Opened | Kind::Changed | Kind::Reminder | Kind::Noted => {
            look::color(headline::shown(&entry.story))
        }
        Kind::Recovered => look::color(entry.story.to),
        Kind::Removed | Kind::Split => look::color(Verdict::Unknown),
        Kind::Notice => match entry.story.severity {
            Severity::Disaster | Severity::Critical | Severity::Warning => {
                look::color(Verdict::Degraded)
            }
            Severity::Info => look::NOTICE_COLOR,
        },
    }
}

/// The line of small print: ids, links, and what is unusual about this delivery.
///
/// `foreign` is shown last, and nothing in it is parsed.
fn small_print(entry: &Entry, context: &Context<'_>, foreign: &str) -> Block {
    let story = &entry.story;
    let mut parts = Vec::new();
    let mut part = |fill: &mut dyn FnMut(&mut Markup)| {
        let mut markup = Markup::new();
        fill(&mut markup);
        parts.push(markup);
    };
    part(&mut |m| {
        m.own("`#").words(entry.key.incident.as_str()).own("`");
    });
    let is_news = entry.kind == Kind::Notice;
    if let Some(url) = &story.runbook_url {
        part(&mut |m| {
            m.link(url, if is_news { "what changed" } else { "runbook" });
        });
    }
    if let Some(url) = context.public_url {
        part(&mut |m| {
            m.link(url, "status page");
        });
    }
    let others: Vec<_> = story
        .also_told
        .iter()
        .filter(|other| **other != entry.key.channel)
        .take(OTHERS_MAX)
        .collect();
    if !others.is_empty() {
        part(&mut |m| {
            m.own("also told: ").append(&joined(&others));
        });
    }
    if let Some(channel) = &entry.instead_of {
        part(&mut |m| {
            m.own("meant for ")
                .bold(channel.as_str())
                .own(", which refuses messages");
        });
    }
    if let (Some(name), Kind::Opened) = (&entry.mention, entry.kind)
        && context
            .on_call
            .get(name)
            .and_then(|on_call| mrkdwn::mention(on_call, context.now))
            .is_none()
    {
        part(&mut |m| {
            m.own("nobody mentioned: no one is on call for ")
                .bold(name.as_str());
        });
    }
    parts.extend(unusual(context));
    Block::context_with(&parts, foreign)
}

/// What is unusual about this delivery: why it comes late, and that it may have come before.
fn unusual(context: &Context<'_>) -> Vec<Markup> {
    let mut parts = Vec::new();
    if let Some(why) = context.late {
        let mut late = Markup::new();
        late.own("told at ")
            .date(context.now, DateFormat::Time, context.timezone)
            .own(", ")
            .words(why);
        parts.push(late);
    }
    if context.is_repeat {
        let mut repeat = Markup::new();
        repeat.own("repeat: first delivery unconfirmed");
        parts.push(repeat);
    }
    parts
}

/// The names of other channels, as one clause.
fn joined(channels: &[&ChannelName]) -> Markup {
    let mut markup = Markup::new();
    for (at, channel) in channels.iter().enumerate() {
        if at > 0 {
            markup.own(", ");
        }
        markup.words(channel.as_str());
    }
    markup
}
