//! What happens in a script, in words.

use std::time::Duration;

use crate::{
    config::script::{Beats, Doing, Ending},
    model::{TargetId, text::clean},
};

/// What happens in a step, as a person would say it: `master/blue: health down`.
pub fn words(doing: &Doing) -> String {
    match doing {
        Doing::Answer {
            target,
            kinds,
            answer,
            took,
            ..
        } => {
            let kinds: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
            let took = took.map_or_else(String::new, |took| {
                format!(" after {}", humantime::format_duration(took))
            });
            format!("{target}: {} {}{took}", kinds.join(", "), answer.as_str())
        }
        Doing::Log {
            target,
            is_written: true,
        } => format!("{target}: its log is written again"),
        Doing::Log { target, .. } => format!("{target}: nothing more is written to its log"),
        Doing::Beats { target, beats, .. } => format!(
            "{target}: heartbeat {}",
            match beats {
                Beats::Beating => "beating",
                Beats::Silent => "silent",
                Beats::Failing => "failing",
            }
        ),
        Doing::Source {
            source,
            answers,
            lag,
        } => {
            let answers = answers.map(|answers| format!("answers {}", answers.as_str()));
            let lag = lag.map(|lag| format!("is {} behind", humantime::format_duration(lag)));
            let said: Vec<_> = answers.into_iter().chain(lag).collect();
            format!("source {source} {}", said.join(", "))
        }
        Doing::Active { group, members } if members.is_empty() => {
            format!("group {group}: nobody is active")
        }
        Doing::Active { group, members } => {
            let members: Vec<_> = members.iter().map(TargetId::as_str).collect();
            format!("group {group}: active is {}", members.join(", "))
        }
        Doing::Channel { channel, answers } => {
            format!("channel {channel} answers {}", answers.as_str())
        }
        Doing::Command { words } => format!("somebody says: {words}"),
        Doing::Action { words, by, .. } => match by {
            Some(who) => format!("@{} wants: {words}", who.user),
            None => format!("a program wants: {words}"),
        },
        Doing::Run {
            action,
            answers,
            took,
            ..
        } => {
            let took = took.map_or_else(String::new, |took| {
                format!(" after {}", humantime::format_duration(took))
            });
            format!("action {action} is answered {}{took}", answers.as_str())
        }
        Doing::OurNetwork { is_up: true } => String::from("our own network works again"),
        Doing::OurNetwork { .. } => String::from("our own network is down"),
        Doing::Restart { how, away } => {
            let how = match how {
                Ending::Killed => "is killed",
                Ending::Orderly => "ends in order",
            };
            let away = humantime::format_duration(*away);
            format!("hekate {how}, and is started again {away} later")
        }
        Doing::Reload { file, .. } => {
            let file = clean(&file.display().to_string(), 80);
            format!("the file is now {file}")
        }
        Doing::Clock { by_ms } => {
            let by = Duration::from_millis(by_ms.unsigned_abs());
            let by = humantime::format_duration(by);
            let way = if *by_ms < 0 { "back" } else { "forwards" };
            format!("the clock jumps {by} {way}")
        }
    }
}
