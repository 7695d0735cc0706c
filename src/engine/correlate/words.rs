//! How an incident of several targets is told.

use super::super::{
    story::{attended, each_once},
    tell::outage,
};
use super::shared_members;
use crate::model::{
    ChannelName, Incident, Kind, Moment, Outage, Story, Timestamp, Verdict,
    cause::{Cause, Member},
    notification::{Many, One},
    planned::Acknowledgement,
    text::span,
};

/// So many names are said in the words of a message; the others stand in its list.
const NAMED_MAX: usize = 4;
/// Why a member is not looked at any more.
pub(super) const GONE: &str = "taken out of the file";

/// The message of an incident of several targets, as it stands, for one channel.
pub(in crate::engine) fn story_of(
    incident: &Incident,
    channel: Option<&ChannelName>,
    kind: Kind,
    now: Moment,
) -> Story {
    let told: Vec<_> = shared_members(incident)
        .filter(|member| channel.is_none_or(|channel| member.channels.contains(channel)))
        .collect();
    let back = told.iter().filter(|member| member.is_back()).count();
    let worst = told
        .iter()
        .filter(|member| member.until.is_none())
        .map(|member| member.verdict)
        .max();
    let since = told.iter().map(|member| member.since).min();
    let until = told.iter().filter_map(|member| member.until).max();
    let hearers: Vec<_> = incident
        .told
        .iter()
        .map(|told| (told.channel.clone(), None))
        .collect();
    let is_end = matches!(kind, Kind::Recovered | Kind::Removed | Kind::Split);
    let outage = is_end.then(|| Outage {
        since: since.unwrap_or(incident.since),
        ..outage(incident, until.unwrap_or(now.at))
    });
    Story {
        from: match kind {
            Kind::Opened => Verdict::Operational,
            // That all are back may have been told already, if somebody flapped.
            Kind::Recovered | Kind::Removed | Kind::Split
                if incident.verdict == Verdict::Operational =>
            {
                incident.worst
            }
            Kind::Changed
            | Kind::Reminder
            | Kind::Recovered
            | Kind::Removed
            | Kind::Notice
            | Kind::Noted
            | Kind::Split => incident.verdict,
        },
        to: worst.unwrap_or(match kind {
            Kind::Removed | Kind::Split => Verdict::Unknown,
            Kind::Opened
            | Kind::Changed
            | Kind::Reminder
            | Kind::Recovered
            | Kind::Notice
            | Kind::Noted => Verdict::Operational,
        }),
        since: since.unwrap_or(incident.since),
        severity: incident.severity,
        outage,
        also_told: each_once(&hearers),
        many: Some(Box::new(Many {
            members: shown(&told, now.at),
            total: u32::try_from(told.len()).unwrap_or(u32::MAX),
            back: u32::try_from(back).unwrap_or(u32::MAX),
        })),
        notes: incident
            .acknowledged
            .iter()
            .filter(|_| is_end)
            .map(Acknowledgement::words)
            .collect(),
        flapping: incident
            .common
            .as_ref()
            .and_then(|common| common.flapping.clone().map(Box::new)),
        attended: attended(incident.acknowledged.as_ref(), None).filter(|_| !is_end),
        ..Story::plain(title(incident), said(&told, back, is_end), now.at)
    }
}

/// `3 of 4 on host db1`, `5 targets at the same time`.
pub(in crate::engine) fn title(incident: &Incident) -> String {
    let Some(common) = incident.common.as_deref() else {
        return String::new();
    };
    let own = common.members.iter().filter(|member| member.is_split_off());
    // What was split off is not what it is about any more, unless nothing else is left.
    let count = match common.members.len() - own.count() {
        0 => common.members.len(),
        count => count,
    };
    let population = common.population as usize;
    let who = match common.cause {
        Cause::Host(_) | Cause::Network(_) | Cause::Group(_) => {
            format!("{count} of {}", population.max(count))
        }
        Cause::Component(_)
        | Cause::Source(_)
        | Cause::Error(_)
        | Cause::Release(_)
        | Cause::Together => {
            format!("{count} targets")
        }
    };
    format!("{who} {}", common.cause.words())
}

/// Who it is and why, in one clause.
fn said(told: &[&Member], back: usize, is_end: bool) -> String {
    if is_end {
        return String::new();
    }
    let bad: Vec<_> = told
        .iter()
        .filter(|member| member.until.is_none())
        .collect();
    let mut names: Vec<_> = bad
        .iter()
        .take(NAMED_MAX)
        .map(|member| member.title.as_str())
        .collect();
    let more = match bad.len().saturating_sub(names.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let last = if more.is_empty() && names.len() > 1 {
        names.pop().map(|last| format!(" and {last}"))
    } else {
        None
    };
    let names = format!("{}{more}{}", names.join(", "), last.unwrap_or_default());
    let first = bad.first().map(|member| member.words.as_str());
    let why = first
        .filter(|words| bad.iter().all(|member| member.words == *words))
        .map_or_else(String::new, |words| format!(": {words}"));
    match back {
        0 => format!("{names}{why}"),
        back if bad.is_empty() => format!("{back} of {} are back", told.len()),
        back => format!("{back} of {} are back; still bad: {names}{why}", told.len()),
    }
}

/// The members as a message lists them: bad ones first, the worst of them at the top.
fn shown(told: &[&Member], now: Timestamp) -> Vec<One> {
    let mut members: Vec<_> = told.to_vec();
    members.sort_by_key(|member| {
        let verdict = if member.until.is_some() {
            Verdict::Operational
        } else {
            member.verdict
        };
        std::cmp::Reverse(verdict)
    });
    members
        .into_iter()
        .take(Many::SHOWN_MAX)
        .map(|member| match member.until {
            Some(until) => One {
                title: member.title.clone(),
                verdict: if member.is_split_off() {
                    Verdict::Unknown
                } else {
                    Verdict::Operational
                },
                words: if member.words == GONE {
                    GONE.to_owned()
                } else if member.is_split_off() {
                    member.words.clone()
                } else {
                    format!("was bad for {}", span(until.since(member.since)))
                },
                since: until.min(now),
            },
            None => One {
                title: member.title.clone(),
                verdict: member.verdict,
                words: member.words.clone(),
                since: member.since,
            },
        })
        .collect()
}
