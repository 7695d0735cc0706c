//! The draft as YAML with comments.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    Origin,
    draft::{Draft, Job, Window},
    target::{Piece, Target, Value},
    words,
};

/// Longer lines are broken where they can be.
const LINE_MAX: usize = 118;

/// The comment at the top: where it is from, what has to be set, what is not in it.
pub(super) fn head(origin: Origin, names: &[&str], draft: &Draft) -> String {
    let names: Vec<String> = names.iter().map(|name| words::shown(name)).collect();
    let mut out = format!(
        "# What {} watched, made by `hekate import {}` from {}.\n",
        origin.title(),
        origin.word(),
        words::shown(&names.join(", "))
    );
    if !draft.variables.is_empty() {
        out.push_str("#\n# It reads these variables; nothing secret was copied:\n");
        let longest = draft.variables.keys().map(String::len).max().unwrap_or(0);
        for (name, variable) in &draft.variables {
            // Writing to a text cannot fail.
            let _ = writeln!(out, "#   {name:longest$}  {}", variable.what);
        }
    }
    for (title, notes) in [
        ("Not in here", &draft.left),
        ("Nearly the same", &draft.near),
    ] {
        if !notes.is_empty() {
            let _ = writeln!(out, "#\n# {title}:");
            for note in notes {
                let _ = writeln!(out, "#   {note}");
            }
        }
    }
    out.push('\n');
    out
}

/// Everything but the comment at the top, and the lines of each target: its first one, counted from 1.
pub(super) fn body(draft: &Draft, defaults: &[(String, Value)]) -> (String, Vec<usize>) {
    let mut out = String::new();
    if draft.targets.iter().any(|target| target.has("heartbeat")) {
        out.push_str("server:\n  token: \"${HEKATE_TOKEN}\"\n\n");
    }
    if !draft.jobs.is_empty() {
        out.push_str("server:\n  ping_key: \"${HEKATE_PING_KEY}\"\n\n");
    }
    if !defaults.is_empty() {
        section(&mut out, "defaults", defaults);
    }
    if !draft.witnesses.is_empty() {
        section(&mut out, "witnesses", &draft.witnesses);
    }
    let channels: Vec<_> = draft
        .channels
        .iter()
        .map(|channel| (channel.name.clone(), channel.value.clone()))
        .collect();
    section(&mut out, "channels", &channels);
    if !draft.targets.is_empty() {
        out.push_str("targets:\n");
    }
    let mut lines = Vec::with_capacity(draft.targets.len());
    for target in &draft.targets {
        lines.push(out.matches('\n').count() + 1);
        out.push_str(&one(target, &target.pieces));
    }
    if !draft.targets.is_empty() {
        out.push('\n');
    }
    routes(&mut out, draft);
    windows(&mut out, &draft.windows);
    out.push_str(&jobs(&draft.jobs));
    while out.ends_with("\n\n") {
        out.pop();
    }
    (out, lines)
}

/// A file of this target alone, with some of its pieces, to see whether it is refused.
pub(super) fn alone(target: &Target, pieces: &[Piece]) -> String {
    let token = if target.has("heartbeat") {
        "server: { token: \"${HEKATE_TOKEN}\" }\n"
    } else {
        ""
    };
    format!(
        "{token}channels: {{ alerts: \"http://127.0.0.1:9/\" }}\ntargets:\n{}",
        one(target, pieces)
    )
}

fn one(target: &Target, pieces: &[Piece]) -> String {
    let mut out = String::new();
    for near in &target.near {
        let _ = writeln!(out, "  # nearly: {near}");
    }
    let mut keys = vec![(String::from("name"), Value::text(target.name.as_str()))];
    if let Some(group) = &target.group {
        keys.push((String::from("group"), Value::text(group.as_str())));
    }
    keys.extend(
        target
            .said(pieces)
            .into_iter()
            .map(|(key, value)| (key, shortened(value))),
    );
    item(&mut out, 2, &keys);
    out
}

/// A check that says nothing but its address is its address.
fn shortened(value: Value) -> Value {
    match value {
        Value::Map(mut keys) if keys.len() == 1 => match keys.pop() {
            Some((key, Value::Text(text)))
                if matches!(key.as_str(), "url" | "address" | "host" | "name") =>
            {
                Value::Text(text)
            }
            Some((key, Value::Word(word))) if key == "every" => Value::Word(word),
            Some(only) => Value::Map(vec![only]),
            None => Value::Map(Vec::new()),
        },
        other @ (Value::Text(_) | Value::Word(_) | Value::List(_) | Value::Map(_)) => other,
    }
}

fn section(out: &mut String, title: &str, keys: &[(String, Value)]) {
    let _ = writeln!(out, "{title}:");
    for (key, value) in keys {
        entry(out, 2, key, value);
    }
    out.push('\n');
}

/// The routes, from who was told of what: the usual channels last.
fn routes(out: &mut String, draft: &Draft) {
    let all: Vec<String> = draft
        .channels
        .iter()
        .map(|channel| channel.name.clone())
        .collect();
    let setting = |target: &Target| {
        let mut to: Vec<String> = all
            .iter()
            .filter(|name| target.to.contains(*name))
            .cloned()
            .collect();
        if to.is_empty() {
            to = all.iter().take(1).cloned().collect();
        }
        (to, target.remind_after)
    };
    let mut counts: BTreeMap<_, Vec<&Target>> = BTreeMap::new();
    for target in &draft.targets {
        counts.entry(setting(target)).or_default().push(target);
    }
    let usual = counts
        .iter()
        .max_by_key(|(_, targets)| targets.len())
        .map(|(setting, _)| setting.clone());
    let Some(usual) = usual else { return };
    if counts.len() == 1 && all.len() == 1 && usual.1.is_none() {
        return;
    }
    out.push_str("routes:\n");
    for (setting, targets) in &counts {
        if *setting == usual || draft.has_one_route {
            continue;
        }
        let (groups, others) = whole_groups(targets, &draft.targets);
        for (key, names) in [("group", groups), ("target", others)] {
            if !names.is_empty() {
                let matched = (String::from(key), Value::texts(names));
                route(out, Some(Value::Map(vec![matched])), setting);
            }
        }
    }
    let last = if draft.has_one_route {
        (all, None)
    } else {
        usual
    };
    route(out, None, &last);
    out.push('\n');
}

/// The groups all of whose targets are among these, and the names of the others.
fn whole_groups(targets: &[&Target], all: &[Target]) -> (Vec<String>, Vec<String>) {
    let mut sizes: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for target in all {
        if let Some(group) = &target.group {
            sizes.entry(group).or_default().0 += 1;
        }
    }
    for target in targets {
        if let Some(group) = &target.group {
            sizes.entry(group).or_default().1 += 1;
        }
    }
    let is_whole = |group: &str| sizes.get(group).is_some_and(|(all, here)| all == here);
    let groups = sizes
        .keys()
        .filter(|group| is_whole(group))
        .map(|group| (*group).to_owned())
        .collect();
    let others = targets
        .iter()
        .filter(|target| !target.group.as_deref().is_some_and(is_whole))
        .map(|target| target.id())
        .collect();
    (groups, others)
}

fn route(
    out: &mut String,
    matched: Option<Value>,
    (to, remind_after): &(Vec<String>, Option<std::time::Duration>),
) {
    let mut keys = Vec::new();
    if let Some(matched) = matched {
        keys.push((String::from("match"), matched));
    }
    keys.push((String::from("to"), Value::texts(to.clone())));
    if let Some(after) = remind_after {
        keys.push((
            String::from("remind_after"),
            Value::List(vec![Value::length(*after)]),
        ));
    }
    item(out, 2, &keys);
}

fn windows(out: &mut String, windows: &[Window]) {
    if windows.is_empty() {
        return;
    }
    out.push_str("maintenance:\n");
    for window in windows {
        item(out, 2, &window.keys);
    }
    out.push('\n');
}

fn jobs(jobs: &[Job]) -> String {
    if jobs.is_empty() {
        return String::new();
    }
    let mut out = String::from("jobs:\n");
    for job in jobs {
        for near in &job.near {
            let _ = writeln!(out, "  # nearly: {near}");
        }
        entry(&mut out, 2, &job.name, &Value::Map(job.keys.clone()));
    }
    out.push('\n');
    out
}

/// A file of this job alone, to see whether it is refused.
pub(super) fn job_alone(job: &Job) -> String {
    format!(
        "server: {{ ping_key: \"${{HEKATE_PING_KEY}}\" }}\nchannels: {{ alerts: \"http://127.0.0.1:9/\" }}\n{}",
        jobs(std::slice::from_ref(job))
    )
}

/// An item of a list.
fn item(out: &mut String, indent: usize, keys: &[(String, Value)]) {
    let flow = Value::Map(keys.to_vec());
    let line = format!("{:indent$}- {}", "", flowing(&flow));
    if keys.len() <= 4 && line.chars().count() <= LINE_MAX {
        out.push_str(&line);
        out.push('\n');
        return;
    }
    let mut block = String::new();
    for (key, value) in keys {
        entry(&mut block, indent + 2, key, value);
    }
    let _ = write!(out, "{:indent$}- ", "");
    out.push_str(block.trim_start());
}

fn entry(out: &mut String, indent: usize, key: &str, value: &Value) {
    let key = scalar(key);
    let line = format!("{:indent$}{key}: {}", "", flowing(value));
    let is_short = line.chars().count() <= LINE_MAX;
    match value {
        Value::Map(keys) if !is_short && !keys.is_empty() => {
            let _ = writeln!(out, "{:indent$}{key}:", "");
            for (key, value) in keys {
                entry(out, indent + 2, key, value);
            }
        }
        Value::List(items) if !is_short && !items.is_empty() => {
            let _ = writeln!(out, "{:indent$}{key}:", "");
            for value in items {
                let _ = writeln!(out, "{:1$}- {2}", "", indent + 2, flowing(value));
            }
        }
        Value::Text(_) | Value::Word(_) | Value::List(_) | Value::Map(_) => {
            out.push_str(&line);
            out.push('\n');
        }
    }
}

/// A value on one line.
fn flowing(value: &Value) -> String {
    match value {
        Value::Text(text) => scalar(text),
        Value::Word(word) => word.clone(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(flowing).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(keys) if keys.is_empty() => String::from("{}"),
        Value::Map(keys) => {
            let keys: Vec<String> = keys
                .iter()
                .map(|(key, value)| format!("{}: {}", scalar(key), flowing(value)))
                .collect();
            format!("{{ {} }}", keys.join(", "))
        }
    }
}

/// A text, in quotes unless it is a word that nobody can take for anything else.
fn scalar(text: &str) -> String {
    const TAKEN: [&str; 11] = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf",
    ];
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
        && !TAKEN.contains(&text.to_lowercase().as_str());
    if is_word {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c if u32::from(c) <= 0xFFFF => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_again_as_it_was(text in any::<String>()) {
            let line = format!("key: {}\nflow: {{ a: {} }}\n", scalar(&text), scalar(&text));
            let tree: serde_json::Value = serde_yaml::from_str(&line).unwrap();
            prop_assert_eq!(tree["key"].as_str(), Some(text.as_str()), "{}", line);
            prop_assert_eq!(tree["flow"]["a"].as_str(), Some(text.as_str()), "{}", line);
        }
    }
}
