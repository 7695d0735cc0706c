//! Slack's rules, checked by somebody else's reading of them and by our own.

use std::collections::BTreeMap;

use serde_json::Value;
use slackblocks::{MessageResponse, WebhookMessage};

/// Everything that must hold for anything that is sent to Slack.
pub(crate) fn check(payload: &Value) {
    if payload.get("response_type").is_some() {
        assert_eq!(payload["response_type"], "ephemeral");
        serde_json::from_value::<MessageResponse>(payload.clone())
            .unwrap_or_else(|error| panic!("{error}\n{payload:#}"));
    } else {
        assert_eq!(payload["unfurl_links"], false);
        assert_eq!(payload["unfurl_media"], false);
        assert_eq!(payload["link_names"], false);
        assert_eq!(payload["parse"], "none");
    }
    serde_json::from_value::<WebhookMessage>(payload.clone())
        .unwrap_or_else(|error| panic!("{error}\n{payload:#}"));
    let text = payload["text"].as_str().expect("text is always there");
    assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
    assert!(text.chars().count() <= 3_000);
    ids_are_unique(payload);
    texts_are_objects(payload);
    let cost: usize = texts(payload).iter().map(|text| cost(text)).sum();
    assert!(cost <= 10_000, "all texts cost {cost}");
    let blocks = blocks(payload);
    assert!(blocks.len() <= 45, "{} blocks", blocks.len());
    for block in blocks {
        fits(block);
    }
}

/// All blocks, also those of attachments.
pub(crate) fn blocks(payload: &Value) -> Vec<&Value> {
    let own = payload["blocks"].as_array().into_iter().flatten();
    let attached = payload["attachments"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|part| part["blocks"].as_array().into_iter().flatten());
    own.chain(attached).collect()
}

fn fits(block: &Value) {
    if let Some(text) = block["text"]["text"].as_str() {
        let limit = if block["type"] == "header" {
            150
        } else {
            2_700
        };
        assert!((1..=limit).contains(&cost(text)), "{text}");
    }
    for list in ["fields", "elements"] {
        for part in block[list].as_array().into_iter().flatten() {
            if let Some(text) = part["text"].as_str() {
                assert!((1..=1_800).contains(&cost(text)), "{text}");
            }
        }
    }
    if block["type"] == "context" {
        assert!(block["elements"].as_array().expect("elements").len() <= 10);
    }
    if let Some(fields) = block["fields"].as_array() {
        assert!((1..=10).contains(&fields.len()));
    }
}

/// As Slack may count, at worst: an emoji in any form as 20.
pub(crate) fn cost(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '🟢' | '🟠' | '⚪' | '🟡' | '🔴' | '🔥' => 20,
            _ => 1,
        })
        .sum()
}

/// Every `text` of a text object, and the name of every emoji, as their lengths count together.
fn texts(value: &Value) -> Vec<&str> {
    let mut out = Vec::new();
    walk(value, &mut |key, value| {
        if matches!(key, "text" | "name")
            && let Some(text) = value.as_str()
        {
            out.push(text);
        }
    });
    out
}

/// Every text that Slack parses: the top-level one, fallbacks, and all mrkdwn.
pub(crate) fn parsed_texts(payload: &Value) -> Vec<&str> {
    let mut out: Vec<&str> = payload["text"].as_str().into_iter().collect();
    collect_parsed(payload, &mut out);
    out
}

fn collect_parsed<'a>(value: &'a Value, out: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            out.extend(map.get("fallback").and_then(Value::as_str));
            if map.get("type").and_then(Value::as_str) == Some("mrkdwn") {
                assert_eq!(map.get("verbatim"), Some(&Value::Bool(true)));
                out.extend(map.get("text").and_then(Value::as_str));
            }
            map.values().for_each(|value| collect_parsed(value, out));
        }
        Value::Array(list) => list.iter().for_each(|value| collect_parsed(value, out)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn walk<'a>(value: &'a Value, see: &mut impl FnMut(&'a str, &'a Value)) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                see(key, value);
                walk(value, see);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| walk(value, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn ids_are_unique(payload: &Value) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    walk(payload, &mut |key, value| {
        if let ("block_id" | "action_id", Some(id)) = (key, value.as_str()) {
            *seen.entry(id).or_default() += 1;
        }
    });
    assert!(seen.values().all(|count| *count == 1), "{seen:?}");
}

/// What slackblocks lets pass: a string where Slack wants a text object.
fn texts_are_objects(payload: &Value) {
    for block in blocks(payload) {
        match block["type"].as_str().expect("a type") {
            "section" | "header" => {
                if let Some(text) = block.get("text") {
                    assert!(text.is_object(), "{block:#}");
                }
                for field in block["fields"].as_array().into_iter().flatten() {
                    assert!(field.is_object(), "{block:#}");
                }
            }
            "context" => {
                for element in block["elements"].as_array().expect("elements") {
                    assert!(element.is_object(), "{block:#}");
                }
            }
            "actions" => {
                let elements = block["elements"].as_array().expect("elements");
                assert!((1..=25).contains(&elements.len()), "{block:#}");
                elements.iter().for_each(control_fits);
            }
            "rich_text" | "divider" => {}
            other => panic!("{other} is not one of ours"),
        }
    }
}

/// A button or a menu, whose limits are counted in characters.
fn control_fits(control: &Value) {
    let length = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
    let is_label = |text: &Value| {
        assert_eq!(text["type"], "plain_text", "{control:#}");
        assert!((1..=75).contains(&length(&text["text"])), "{control:#}");
    };
    assert!(
        (1..=255).contains(&length(&control["action_id"])),
        "{control:#}"
    );
    match control["type"].as_str().expect("a type") {
        "button" => {
            is_label(&control["text"]);
            assert!(
                (1..=2_000).contains(&length(&control["value"])),
                "{control:#}"
            );
        }
        "static_select" => {
            is_label(&control["placeholder"]);
            let options = control["options"].as_array().expect("options");
            assert!((1..=100).contains(&options.len()), "{control:#}");
            for option in options {
                is_label(&option["text"]);
                assert!((1..=150).contains(&length(&option["value"])), "{control:#}");
            }
        }
        "external_select" | "users_select" => is_label(&control["placeholder"]),
        other => panic!("{other} is not one of ours"),
    }
}
