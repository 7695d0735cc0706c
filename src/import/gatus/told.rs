//! Who is told by Gatus and when nobody is: alerts and maintenance.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value as Json;

use crate::import::{
    draft::{Draft, Window},
    read::Fields,
    target::{Target, Value},
    words,
};

/// Who is told what, by the kind of alert.
#[derive(Default)]
pub(super) struct Alerting {
    /// The channel of everybody.
    pub(super) slack: Option<String>,
    /// The channels of groups.
    pub(super) of_group: BTreeMap<String, String>,
    /// What every alert to Slack says unless it says otherwise.
    usual: Option<Json>,
}

pub(super) fn alerting(draft: &mut Draft, alerting: &mut Alerting, tree: &Json) {
    let mut fields = Fields::of(tree);
    let Some(mut providers) = fields.section("alerting") else {
        return;
    };
    for key in providers.keys() {
        if key != "slack" {
            draft.leave(
                format!("`alerting.{key}`"),
                "hekate tells Slack, and any receiver of a `signed_webhook`",
            );
        }
    }
    let Some(mut slack) = providers.section("slack") else {
        return;
    };
    if let Some(webhook) = slack.text("webhook-url") {
        alerting.slack = Some(draft.channel("alerts", &webhook, None));
    }
    alerting.usual = slack.any("default-alert").cloned();
    for value in slack.list("overrides") {
        let mut fields = Fields::of(value);
        if let (Some(group), Some(webhook)) = (fields.text("group"), fields.text("webhook-url")) {
            let channel = draft.channel(&group, &webhook, None);
            alerting.of_group.insert(group, channel);
        }
    }
    slack.ignore("title");
    draft.leave_keys("`alerting.slack`", &slack.rest());
}

/// Who hears of it, after how many failures, and how often again.
pub(super) fn alerts(
    draft: &mut Draft,
    alerting: &Alerting,
    target: &mut Target,
    fields: &mut Fields<'_>,
    group: Option<&str>,
    interval: Duration,
) {
    let usual = alerting.usual.clone().unwrap_or(Json::Null);
    let mut others = BTreeSet::new();
    let mut is_told = false;
    for alert in fields.list("alerts") {
        let mut own = Fields::of(alert);
        let mut usual = Fields::of(&usual);
        let kind = own.text("type").unwrap_or_default();
        if own.flag("enabled").or_else(|| usual.flag("enabled")) == Some(false) {
            continue;
        }
        if kind != "slack" {
            others.insert(words::shown(&kind));
            continue;
        }
        is_told = true;
        let mut channel = group
            .and_then(|group| alerting.of_group.get(group))
            .cloned();
        channel = channel.or_else(|| alerting.slack.clone());
        if let Some(mut otherwise) = own.section("provider-override")
            && let Some(webhook) = otherwise.text("webhook-url")
        {
            channel = Some(draft.channel(&target.id(), &webhook, None));
        }
        target.to.extend(channel);
        // What calls is told when it is late, whatever else is said.
        let is_looked_at = !target.has("heartbeat");
        let failures = own.number("failure-threshold");
        if let Some(failures) = failures
            .or_else(|| usual.number("failure-threshold"))
            .filter(|_| is_looked_at)
        {
            // So long it took until the last of them, at the earliest.
            target.patience(interval.mul_f64((failures - 1.0).clamp(0.0, 10_000.0)));
        }
        let successes = own.number("success-threshold");
        if let Some(successes) = successes
            .or_else(|| usual.number("success-threshold"))
            .filter(|_| is_looked_at)
        {
            let value = Value::word(successes.clamp(1.0, 10.0).round());
            target.piece(&["successes"], value, "`success-threshold`");
        }
        let again = own.text("minimum-reminder-interval");
        let again = again.or_else(|| usual.text("minimum-reminder-interval"));
        target.remind_after = again
            .and_then(|text| words::duration(&text))
            .map(|again| again.clamp(Duration::from_mins(1), Duration::from_hours(24 * 30)));
        own.ignore("description");
        own.ignore("send-on-resolved");
        let rest = own.rest();
        draft.leave_keys(&format!("{}, alert", target.from), &rest);
    }
    if !others.is_empty() {
        let kinds: Vec<String> = others.into_iter().map(|kind| format!("`{kind}`")).collect();
        draft.leave(&target.from, format!("alerts to {}", kinds.join(", ")));
    }
    if !is_told && (alerting.slack.is_some() || !alerting.of_group.is_empty()) {
        let what = "Gatus told nobody of it in Slack, and hekate does; say `severity: info`, or give it a route";
        target.near.push(String::from(what));
    }
}

/// A window that comes on some days of the week.
pub(super) fn maintenance(
    draft: &mut Draft,
    window: &Json,
    name: &str,
    from: &str,
    matched: (String, Value),
) {
    const DAYS: [&str; 7] = [
        "sunday",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
    ];
    let mut fields = Fields::of(window);
    if fields.flag("enabled") == Some(false) {
        return;
    }
    let start = fields.text("start").unwrap_or_default();
    let at = start.split_once(':').and_then(|(hour, minute)| {
        let hour: u8 = hour.parse().ok().filter(|hour| *hour < 24)?;
        let minute: u8 = minute.parse().ok().filter(|minute| *minute < 60)?;
        Some((hour, minute))
    });
    let length = fields
        .text("duration")
        .and_then(|text| words::duration(&text));
    let (Some((hour, minute)), Some(length)) = (at, length) else {
        draft.leave(
            from,
            "it has no `start` and `duration` that can be understood",
        );
        return;
    };
    let days: Vec<String> = fields
        .words("every")
        .into_iter()
        .filter_map(|day| DAYS.iter().position(|known| *known == day.to_lowercase()))
        .map(|day| day.to_string())
        .collect();
    let days = if days.is_empty() {
        String::from("*")
    } else {
        days.join(",")
    };
    let mut keys = vec![
        (String::from("name"), Value::text(words::name(name))),
        (String::from("match"), Value::Map(vec![matched])),
        (
            String::from("schedule"),
            Value::text(format!("{minute} {hour} * * {days}")),
        ),
        (String::from("duration"), Value::length(length)),
    ];
    if let Some(zone) = fields.text("timezone") {
        keys.push((String::from("timezone"), Value::text(zone)));
    }
    draft.leave_keys(from, &fields.rest());
    draft.windows.push(Window {
        keys,
        from: from.to_owned(),
    });
}
