//! Healthchecks: what calls from time to time, and what calls at times of a cron line.
//!
//! Source: its "Management API v3", `GET /api/v3/checks/`: `timeout` and `grace` in seconds, or `schedule` and `tz`.

use std::time::Duration;

use serde_json::Value as Json;

use super::{
    Tree, Trouble,
    draft::{Draft, Job},
    read::Fields,
    target::Value,
    words,
};

/// What says nothing of when a call is due. The ids and addresses are secrets: whoever has them can call.
const NO_MATTER: [&str; 17] = [
    "desc",
    "n_pings",
    "started",
    "last_ping",
    "next_ping",
    "last_duration",
    "badge_url",
    "uuid",
    "unique_key",
    "ping_url",
    "update_url",
    "pause_url",
    "resume_url",
    "subject",
    "subject_fail",
    "tags",
    "channels",
];

/// The shortest and the longest period of a job.
const PERIOD: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(365 * 24));
/// The shortest and the longest grace.
const GRACE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(7 * 24));

/// Reads the answer of the API.
///
/// # Errors
///
/// If one of the files is none.
pub(super) fn draft(trees: &[Tree<'_>]) -> Result<Draft, Trouble> {
    let mut draft = Draft::default();
    let (mut has_tags, mut has_channels) = (false, false);
    for tree in trees {
        let list = match (tree.tree.get("checks"), &tree.tree) {
            (Some(Json::Array(list)), _) | (None, Json::Array(list)) => list.as_slice(),
            (None, one @ Json::Object(map)) if map.contains_key("grace") => {
                std::slice::from_ref(one)
            }
            _ => {
                return Err(tree.is_not(
                    "this is no answer of the API of Healthchecks: it has no `checks` (GET /api/v3/checks/)",
                ));
            }
        };
        for (at, check) in list.iter().enumerate() {
            one(&mut draft, check, at);
            let says = |key: &str| {
                check
                    .get(key)
                    .is_some_and(|value| value.as_str().is_some_and(|text| !text.is_empty()))
            };
            has_tags |= says("tags");
            has_channels |= says("channels");
        }
    }
    if has_tags {
        draft.leave(
            "tags",
            "what belongs together is a `group:`, and routes match it",
        );
    }
    if has_channels {
        draft.leave(
            "integrations",
            "the answer has only their ids; say who is told with `channels:` and `routes:`",
        );
    }
    Ok(draft)
}

fn one(draft: &mut Draft, check: &Json, at: usize) {
    let mut fields = Fields::of(check);
    let slug = fields.text("slug");
    let name = fields.text("name").or_else(|| slug.clone());
    let name = name.unwrap_or_else(|| format!("check {}", at + 1));
    let from = format!("check `{}`", words::shown(&name));
    let seconds = |fields: &mut Fields<'_>, key: &str| {
        let seconds = fields.number(key)?;
        Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|length| !length.is_zero())
    };
    let grace = seconds(&mut fields, "grace");
    let every = seconds(&mut fields, "timeout");
    let schedule = fields.text("schedule");
    let zone = fields.text("tz");
    let is_paused = fields
        .text("status")
        .is_some_and(|status| status == "paused");
    for key in NO_MATTER {
        fields.ignore(key);
    }
    if is_paused {
        draft.leave(from, "it is paused");
        return;
    }
    if every.is_none() && schedule.is_none() {
        draft.leave(from, "it has neither a `timeout` nor a `schedule`");
        return;
    }
    // A check has both in some answers, and then the line counts for nothing.
    let schedule = schedule.filter(|_| every.is_none());
    job(draft, (&name, slug), &from, (every, schedule, zone), grace);
    draft.leave_keys(&from, &fields.rest());
}

/// A job that runs so long after its last sign, or at the times of a cron line.
fn job(
    draft: &mut Draft,
    (name, slug): (&str, Option<String>),
    from: &str,
    (every, schedule, zone): (Option<Duration>, Option<String>, Option<String>),
    grace: Option<Duration>,
) {
    let mut near = Vec::new();
    let mut capped = |what: &str, length: Duration, (least, most): (Duration, Duration)| {
        let kept = length.clamp(least, most);
        if kept != length {
            let (was, is) = (words::written(length), words::written(kept));
            near.push(format!("{what} was {was}, and now is {is}"));
        }
        Value::length(kept)
    };
    let mut keys = Vec::new();
    if let Some(every) = every {
        let value = capped("its period", every, PERIOD);
        keys.push((String::from("period"), value));
    }
    let grace = grace.map(|grace| capped("its grace", grace, GRACE));
    if let Some(schedule) = schedule {
        keys.push((String::from("schedule"), Value::text(schedule)));
        if let Some(zone) = zone {
            keys.push((String::from("timezone"), Value::text(zone)));
        }
    }
    keys.extend(grace.map(|grace| (String::from("grace"), grace)));
    let slug = slug.filter(|slug| !slug.is_empty());
    let name = slug.unwrap_or_else(|| words::name(name));
    let path = url::Url::parse("http://hekate/ping/")
        .ok()
        .map(|mut address| {
            if let Ok(mut parts) = address.path_segments_mut() {
                parts.pop_if_empty().push("<ping key>").push(&name);
            }
            address.path().replace("%3Cping%20key%3E", "<ping key>")
        });
    near.extend(path.map(|path| format!("its callers call {path} from now on")));
    draft.jobs.push(Job {
        name,
        from: from.to_owned(),
        near,
        keys,
    });
}
