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
const NO_MATTER: [&str; 18] = [
    "slug",
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
    let name = fields.text("name").or_else(|| fields.text("slug"));
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
    match (every, schedule) {
        (Some(every), _) => beat(draft, &name, &from, every, grace),
        (None, Some(schedule)) => job(draft, &name, &from, &schedule, zone, grace),
        (None, None) => {
            draft.leave(from, "it has neither a `timeout` nor a `schedule`");
            return;
        }
    }
    draft.leave_keys(&from, &fields.rest());
}

/// What has to call again within a time.
fn beat(draft: &mut Draft, name: &str, from: &str, every: Duration, grace: Option<Duration>) {
    const LONGEST: Duration = Duration::from_hours(90 * 24);
    const LONGEST_GRACE: Duration = Duration::from_hours(7 * 24);
    let mut target = draft.target(name, None, from.to_owned());
    let kept = every.min(LONGEST);
    if kept != every {
        target.near.push(format!(
            "it called every {}, and hekate waits at most {}",
            words::written(every),
            words::written(kept)
        ));
    }
    let mut keys = vec![(String::from("every"), Value::length(kept))];
    if let Some(grace) = grace {
        let kept = grace.min(LONGEST_GRACE);
        if kept != grace {
            target.near.push(format!(
                "a call could be {} late, and now {}",
                words::written(grace),
                words::written(kept)
            ));
        }
        keys.push((String::from("grace"), Value::length(kept)));
    }
    target
        .keys
        .push((String::from("heartbeat"), Value::Map(keys)));
    target.called();
    draft.targets.push(target);
}

/// What runs at the times of a cron line.
fn job(
    draft: &mut Draft,
    name: &str,
    from: &str,
    schedule: &str,
    zone: Option<String>,
    grace: Option<Duration>,
) {
    let mut keys = vec![(String::from("schedule"), Value::text(schedule))];
    if let Some(zone) = zone.filter(|zone| zone != "UTC") {
        keys.push((String::from("timezone"), Value::text(zone)));
    }
    if let Some(grace) = grace {
        keys.push((String::from("grace"), Value::length(grace)));
    }
    draft.jobs.push(Job {
        name: words::name(name),
        keys,
    });
    let what = format!(
        "it runs at `{}`, and hekate has no `jobs:` yet; `heartbeat:` with the longest pause between two runs is near",
        words::shown(schedule)
    );
    draft.leave(from, what);
}
