//! `hekate report weekly`: what a week was like. What happened is read from the journal, how available targets were is
//! asked of the running hekate, because only that knows when it was blind, and what was planned.

mod measured;
mod words;

#[cfg(test)]
mod tests;

use reqwest::Method;

use super::{
    Exit,
    arguments::{self, Format, Global},
    ask::{Server, explain_refusal, wait},
    past,
    terminal::Terminal,
};
use crate::{
    command::{
        lookup::{NEAREST_MAX, nearest_words},
        sli::{Span, WINDOW_MAX, WINDOW_MIN},
    },
    model::{GroupName, Plan},
    rehearsal::weekly::{self as reckoning, Measured, Weekly},
};

/// `hekate report weekly`
pub(super) fn weekly(global: &Global, asked: &arguments::Weekly, terminal: Terminal) -> Exit {
    if !(WINDOW_MIN..=WINDOW_MAX).contains(&asked.window) {
        terminal.complain("`--window` is a span such as 7d, from 5m to 400d");
        return Exit::Usage;
    }
    let past = match past::read(global, asked.window, asked.store.as_deref(), terminal) {
        Ok(past) => past,
        Err(exit) => return exit,
    };
    let (measured, unmeasured) = match &asked.store {
        Some(_) => (None, None),
        None => match ask(global, asked, terminal) {
            Ok(Ok(measured)) => (Some(measured), None),
            Ok(Err(why)) => (None, Some(why)),
            Err(exit) => return exit,
        },
    };
    let groups: Vec<_> = asked
        .group
        .iter()
        .map(|name| GroupName::new(name.trim()))
        .collect();
    let window = Span {
        from: past.since,
        until: past.since + asked.window,
    };
    let is_measured = measured.is_some();
    let measured = measured.unwrap_or_default();
    let weekly = reckoning::weekly(&past.chronicle, window, &past.plan, &measured, &groups);
    if let Some(why) = unknown(&groups, &weekly, &past.plan) {
        terminal.complain(&why);
        return Exit::NotSo;
    }
    let zone = past.plan.server.timezone;
    match terminal.format {
        Format::Json => {
            let known_since = past.chronicle.since;
            terminal.say_json(&words::json(&weekly, known_since));
        }
        Format::Markdown => terminal.say(&words::markdown(&weekly, zone)),
        Format::Short => terminal.say(&words::short(&weekly)),
        // The last two never come here.
        Format::Human | Format::Github | Format::Csv => terminal.say(&words::text(&weekly, zone)),
    }
    terminal.remark(&past::reach(&past));
    if let Some(why) = unmeasured {
        terminal.remark(&format!(
            "note: nothing is said of availability and error budgets: {why}"
        ));
    } else if !is_measured {
        terminal.remark(
            "note: nothing is said of availability and error budgets, which are asked only of the hekate whose store it is: leave out `--store`",
        );
    }
    Exit::Done
}

/// What the running hekate measured; else why it says nothing.
fn ask(
    global: &Global,
    asked: &arguments::Weekly,
    terminal: Terminal,
) -> Result<Result<Measured, String>, Exit> {
    let server = Server::of(global, terminal)?;
    let window = format!("{}s", asked.window.as_secs());
    let query = [("window", window.as_str()), ("format", "json")];
    let path = ["api", "v1", "sli"];
    let answer = wait(terminal, async {
        Ok(server.ask(Method::GET, &path, &query).await)
    })?;
    Ok(match answer {
        Ok(answer) if answer.status.is_success() => measured::read(&answer.text),
        Ok(answer) => Err(explain_refusal(&answer)),
        Err(why) => Err(format!("no hekate answers at {}: {why}", server.address())),
    })
}

/// That there is no such group, with the nearest ones.
fn unknown(groups: &[GroupName], weekly: &Weekly, plan: &Plan) -> Option<String> {
    let is_known = |name: &GroupName| {
        weekly
            .parts
            .iter()
            .any(|part| part.group.as_ref() == Some(name))
            || plan.groups.iter().any(|group| group.name == *name)
    };
    let name = groups.iter().find(|name| !is_known(name))?;
    let known = plan.groups.iter().map(|group| group.name.as_str());
    let nearest = nearest_words(name.as_str(), known, NEAREST_MAX);
    let name = crate::model::text::clean(name.as_str(), NAME_MAX);
    Some(if nearest.is_empty() {
        format!("there is no group `{name}`")
    } else {
        format!(
            "there is no group `{name}`; did you mean: {}",
            nearest.join(", ")
        )
    })
}

/// The most characters of a name that are said back.
const NAME_MAX: usize = 60;
