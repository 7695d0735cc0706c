//! Which Graylog it is: where its API begins and which search it has.

use serde_json::Value;

use crate::model::{
    Timestamp,
    logs::{LogFault, LogFaultKind},
};

use super::{Graylog, answer};

/// How it is searched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dialect {
    /// From 5.1 on: `POST search/messages`.
    Messages,
    /// Before: `GET search/universal/absolute`.
    Universal,
}

/// Where its API is, and what it speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Door {
    /// Between the base address and the paths of the API: `/api`, or nothing.
    pub(super) prefix: &'static str,
    pub(super) dialect: Dialect,
}

impl Graylog {
    /// Where to ask; the greeting is asked for only until it was understood once.
    pub(super) async fn door(&self, now: Timestamp) -> Result<Door, LogFault> {
        let mut known = self.door.lock().await;
        if let Some(door) = *known {
            return Ok(door);
        }
        let has_api = self
            .web
            .base()
            .path()
            .trim_end_matches('/')
            .ends_with("/api");
        // A listener of 2.x that is for the API alone may have it at its root.
        let prefixes: &[&'static str] = if has_api { &[""] } else { &["/api", ""] };
        let mut first = None;
        for &prefix in prefixes {
            let greeting = self.get(&format!("{prefix}/"), &[], now).await?;
            let dialect = match answer::fault(&greeting) {
                Some(fault) => Err(fault),
                None => greeting.json().and_then(|said| dialect(&said)),
            };
            match dialect {
                Ok(dialect) => {
                    let door = Door { prefix, dialect };
                    *known = Some(door);
                    return Ok(door);
                }
                Err(fault) => {
                    first.get_or_insert(fault);
                }
            }
        }
        Err(first.unwrap_or_else(not_graylog))
    }
}

fn not_graylog() -> LogFault {
    LogFault::new(LogFaultKind::Unreachable, "it is not Graylog that answers")
}

/// What the greeting means; a version that is no number is one that somebody built today.
pub(super) fn dialect(greeting: &Value) -> Result<Dialect, LogFault> {
    let version = greeting["version"].as_str().ok_or_else(not_graylog)?;
    if !(greeting["node_id"].is_string() || greeting["cluster_id"].is_string()) {
        return Err(not_graylog());
    }
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|number| number.parse::<u32>().ok());
    let number = numbers
        .next()
        .map(|major| (major, numbers.next().unwrap_or(0)));
    Ok(match number {
        Some(number) if number < (5, 1) => Dialect::Universal,
        Some(_) | None => Dialect::Messages,
    })
}
