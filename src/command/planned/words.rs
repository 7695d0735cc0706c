//! How plans are said: to people as sentences, to programs as JSON.

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::super::release;
use crate::model::{
    TargetId, Timestamp,
    planned::{Agenda, Done, PlanKind, Planned, WindowFacts},
    text::span,
};

/// So many targets of a plan are named; the rest is counted.
const NAMED_MAX: usize = 4;

/// What was done, as sentences without a full stop; what can be typed stands in backticks.
///
/// `silenced 2 targets until 16:20 (Europe/Prague), by jan@laptop — id s41; `hekate silence end s41` ends it`
pub fn done(done: &Done, now: Timestamp, zone: Tz, command: &str) -> Vec<String> {
    match done {
        Done::Begun { planned, but } => {
            let (id, by) = (planned.id, said(&planned.by.name));
            let who = counted(planned.matcher.targets.len());
            let until = planned.end(&clock(planned.until, now, zone));
            let until = format!("until {until} ({})", zone.name());
            let ends = format!("id {id}; `{command} {} end {id}` ends it", id.kind.as_str());
            let first = match id.kind {
                PlanKind::Silence => format!("silenced {who} {until}, by {by} — {ends}"),
                PlanKind::Maintenance => {
                    format!("maintenance of {who} {until}, by {by} — {ends}")
                }
                PlanKind::Deploy => {
                    let release = planned.release.as_ref();
                    let release =
                        release.map_or(String::new(), |name| format!(" of {}", said(name)));
                    let target = names(&planned.matcher.targets);
                    format!("deploy{release} announced for {target} {until}, by {by} — {ends}")
                }
            };
            std::iter::once(first).chain(but.clone()).collect()
        }
        Done::Ended(planned) => vec![format!(
            "{} {} of {} has ended; what is still bad is told now",
            planned.id.kind.as_str(),
            planned.id,
            counted(planned.matcher.targets.len())
        )],
        Done::Acknowledged {
            incident,
            titles,
            acknowledgement,
        } => vec![format!(
            "{incident} ({}) {}; no reminders until it changes",
            shortened(titles),
            said(&acknowledgement.words())
        )],
        Done::GivenBack { incident, titles } => vec![format!(
            "nobody is on {incident} ({}) any more; reminders go on",
            shortened(titles)
        )],
        Done::Split {
            incident,
            into,
            is_over,
        } => {
            let own: Vec<_> = into
                .iter()
                .map(|(own, title)| format!("{title} ({own})"))
                .collect();
            let rest = if *is_over {
                "nothing bad is left in it"
            } else {
                "the rest goes on in it"
            };
            vec![format!(
                "split {incident}: {}; {rest}",
                said(&own.join(", "))
            )]
        }
        Done::Announced(announced) => release::done(announced, now, command),
    }
}

/// What of this kind is on, one sentence each; of maintenances also the windows of the file.
pub fn list(agenda: &Agenda, kind: PlanKind, now: Timestamp, zone: Tz) -> Vec<String> {
    let made = agenda.made.iter().filter(|planned| planned.id.kind == kind);
    let mut out: Vec<String> = made.map(|planned| one(planned, now, zone)).collect();
    if kind == PlanKind::Maintenance {
        out.extend(agenda.windows.iter().map(|facts| window(facts, now, zone)));
    }
    if out.is_empty() {
        out.push(match kind {
            PlanKind::Silence => String::from("nothing is silenced"),
            PlanKind::Maintenance => String::from("nothing is in maintenance, and none is planned"),
            PlanKind::Deploy => String::from("no deploy is announced"),
        });
    }
    out
}

/// `s41  2 targets until 16:20 (35 min left), by jan@laptop: db restore — master blue, master green`
fn one(planned: &Planned, now: Timestamp, zone: Tz) -> String {
    let targets = &planned.matcher.targets;
    let why = match (&planned.release, planned.why.as_str()) {
        (Some(release), _) => format!(": release {}", said(release)),
        (None, "") => String::new(),
        (None, why) => format!(": {}", said(why)),
    };
    format!(
        "`{}` {} until {} ({} left), by {}{why} — {}",
        planned.id,
        counted(targets.len()),
        planned.end(&clock(planned.until, now, zone)),
        left(planned.until, now),
        said(&planned.by.name),
        names(targets)
    )
}

fn window(facts: &WindowFacts, now: Timestamp, zone: Tz) -> String {
    let name = &facts.name;
    match (facts.open, facts.opens_at) {
        (Some((_, to)), _) => format!(
            "`{name}` of the file: open until {} ({} left)",
            clock(to, now, zone),
            left(to, now)
        ),
        (None, Some(from)) => {
            format!("`{name}` of the file: opens {}", clock(from, now, zone))
        }
        (None, None) => format!("`{name}` of the file: over"),
    }
}

/// What is on, and the windows of the file:
///
/// ```json
/// {"now": "…", "plans": [{"id": "s41", "kind": "silence", "targets": ["master/blue"], "why": "db restore", "release": null,
///  "by": "jan@laptop", "from": "…", "until": "…", "until_recovered": false, "ended": null}],
///  "windows": [{"name": "staging rebuild", "open": {"from": "…", "until": "…"}, "opens_at": "…"}]}
/// ```
///
/// `windows` is there for maintenances only.
pub fn json_agenda(agenda: &Agenda, kind: PlanKind, now: Timestamp) -> Value {
    let made = agenda.made.iter().filter(|planned| planned.id.kind == kind);
    let mut out = json!({
        "now": now.to_string(),
        "plans": made.map(|planned| json_one(planned)).collect::<Vec<_>>(),
    });
    if kind == PlanKind::Maintenance {
        let window = |facts: &WindowFacts| {
            json!({
                "name": facts.name,
                "open": facts.open.map(|(from, until)| json!({
                    "from": from.to_string(),
                    "until": until.to_string(),
                })),
                "opens_at": facts.opens_at.map(|at| at.to_string()),
            })
        };
        out["windows"] = agenda.windows.iter().map(window).collect();
    }
    out
}

/// What was done: `{"plan": …, "but": …}` as in [`json_agenda`], `{"incident", "titles", "acknowledged": {"by", "at",
/// "why"}}`, or `{"incident", "into": [{"incident", "title"}], "is_over"}`.
pub fn json_done(done: &Done) -> Value {
    match done {
        Done::Begun { planned, but } => json!({ "plan": json_one(planned), "but": but }),
        Done::Ended(planned) => json!({ "plan": json_one(planned), "but": null }),
        Done::Acknowledged {
            incident,
            titles,
            acknowledgement,
        } => json!({
            "incident": incident.as_str(),
            "titles": titles,
            "acknowledged": {
                "by": acknowledgement.by.name,
                "at": acknowledgement.at.to_string(),
                "why": acknowledgement.why,
            },
        }),
        Done::GivenBack { incident, titles } => json!({
            "incident": incident.as_str(),
            "titles": titles,
            "acknowledged": null,
        }),
        Done::Split {
            incident,
            into,
            is_over,
        } => json!({
            "incident": incident.as_str(),
            "into": into
                .iter()
                .map(|(own, title)| json!({ "incident": own.as_str(), "title": title }))
                .collect::<Vec<_>>(),
            "is_over": is_over,
        }),
        Done::Announced(announced) => release::json_announced(announced),
    }
}

fn json_one(planned: &Planned) -> Value {
    json!({
        "id": planned.id.to_string(),
        "kind": planned.id.kind.as_str(),
        "targets": planned.matcher.targets.iter().map(TargetId::as_str).collect::<Vec<_>>(),
        "why": planned.why,
        "release": planned.release,
        "by": planned.by.name,
        "from": planned.from.to_string(),
        "until": planned.until.to_string(),
        "until_recovered": planned.is_until_recovered,
        "ended": planned.ended.as_ref().map(|ended| json!({
            "at": ended.at.to_string(),
            "how": ended.how.as_str(),
            "by": ended.by.as_ref().map(|by| &by.name),
        })),
    })
}

/// What somebody said, without the backticks that would make it look like something to type.
fn said(words: &str) -> String {
    words.replace('`', "'")
}

fn counted(count: usize) -> String {
    if count == 1 {
        String::from("1 target")
    } else {
        format!("{count} targets")
    }
}

fn names(targets: &[TargetId]) -> String {
    let titles: Vec<_> = targets
        .iter()
        .take(NAMED_MAX + 1)
        .map(|target| target.as_str().replacen('/', " ", 1))
        .collect();
    let more = targets.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        format!("{} and {more} more", titles[..NAMED_MAX].join(", "))
    } else {
        titles.join(", ")
    }
}

fn shortened(titles: &[String]) -> String {
    let more = titles.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        format!("{} and {more} more", titles[..NAMED_MAX].join(", "))
    } else {
        titles.join(", ")
    }
}

/// How long is left; nobody reads parts of a second.
fn left(until: Timestamp, now: Timestamp) -> String {
    span(std::time::Duration::from_secs(until.since(now).as_secs()))
}

/// The time of day, with its date if it is another one's.
fn clock(at: Timestamp, now: Timestamp, zone: Tz) -> String {
    let (local, today) = (
        at.to_utc().with_timezone(&zone),
        now.to_utc().with_timezone(&zone),
    );
    let form = if local.date_naive() == today.date_naive() {
        "%H:%M"
    } else {
        "%Y-%m-%d %H:%M"
    };
    local.format(form).to_string()
}
