//! Whether the bot of the file can do what it is for, asked without posting anything.

use std::collections::BTreeSet;

use serde_json::Value;

use super::verify::{Finding, State};
use crate::{
    model::{Channel, Plan, Secret, plan::Destination},
    notify::{Heard, errand::answer::meaning, sender::Sender},
    slack::{api::Base, manifest::Scope},
};

/// At most so many pages of a thousand channels are read for names.
const PAGES_MAX: usize = 20;

/// What can be said of a bot and its channels.
pub(super) fn findings(plan: &Plan, token: &Secret, wanted: &[Scope]) -> Vec<Finding> {
    let asking = async {
        let sender = Sender::new().map_err(|error| error.to_string())?;
        let base = Base::parse(&plan.slack.base_url).map_err(|error| error.to_string())?;
        Ok::<_, String>(
            Asking {
                sender,
                base,
                token,
            }
            .all(plan, wanted)
            .await,
        )
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let asked = match runtime {
        Ok(runtime) => runtime.block_on(asking),
        Err(error) => Err(format!("cannot start: {error}")),
    };
    asked.unwrap_or_else(|why| vec![Finding::new("bot token", State::Wrong, why)])
}

/// Who asks, and with what.
struct Asking<'a> {
    sender: Sender,
    base: Base,
    token: &'a Secret,
}

impl Asking<'_> {
    async fn all(&self, plan: &Plan, wanted: &[Scope]) -> Vec<Finding> {
        let heard = self.ask("auth.test", &[]).await;
        let (identity, scopes) = match heard {
            Ok(heard) => (identity(&heard), heard.scopes.unwrap_or_default()),
            Err(why) => (Err(why), Vec::new()),
        };
        let mut findings = match identity {
            Err(why) => return vec![Finding::new("bot token", State::Wrong, why)],
            Ok(words) => vec![Finding::new("bot token", State::Fine, words)],
        };
        findings.extend(rights(wanted, &scopes));
        let names = self.names(plan).await;
        for channel in plan.channels.values() {
            if let Destination::SlackBot { channel: place, .. } = &channel.destination {
                findings.push(self.channel(channel, place, &names, &scopes).await);
            }
        }
        let overheard = plan.replies.iter().flat_map(|reply| &reply.channels);
        for place in overheard.collect::<BTreeSet<_>>() {
            findings.push(self.overheard(place).await);
        }
        findings
    }

    async fn ask(&self, method: &str, pairs: &[(&str, &str)]) -> Result<Heard, String> {
        let address = self.base.method(method);
        self.sender.question(&address, self.token, pairs).await
    }

    /// All channels by their names, if the file needs them.
    async fn names(&self, plan: &Plan) -> Result<Vec<Value>, String> {
        let is_needed = plan.channels.values().any(|channel| {
            matches!(&channel.destination, Destination::SlackBot { channel, .. } if channel.starts_with('#'))
        });
        let (mut all, mut cursor) = (Vec::new(), String::new());
        if !is_needed {
            return Ok(all);
        }
        for _ in 0..PAGES_MAX {
            let pairs = [
                ("types", "public_channel,private_channel"),
                ("limit", "1000"),
                ("cursor", cursor.as_str()),
            ];
            let body = good(&self.ask("conversations.list", &pairs).await?)?;
            let page = body["channels"].as_array().cloned().unwrap_or_default();
            all.extend(page);
            let next = body["response_metadata"]["next_cursor"].as_str();
            match next.filter(|next| !next.is_empty()) {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        Ok(all)
    }

    /// A channel of whose ordinary messages some are answered.
    async fn overheard(&self, place: &str) -> Finding {
        let what = format!("replies in {place}");
        let asked = self.ask("conversations.info", &[("channel", place)]).await;
        match asked.and_then(|heard| good(&heard)) {
            Ok(body) => {
                let (state, words) = audible(&body["channel"], place);
                Finding::new(what, state, words)
            }
            Err(why) if why.starts_with("missing_scope") => {
                let words = "cannot be looked at: the token lacks `channels:read`; the bot has to be in there";
                Finding::new(what, State::Odd, words)
            }
            Err(why) => Finding::new(what, State::Wrong, why),
        }
    }

    async fn channel(
        &self,
        channel: &Channel,
        place: &str,
        names: &Result<Vec<Value>, String>,
        scopes: &[String],
    ) -> Finding {
        let what = format!("channel {}", channel.name);
        let found = match place.strip_prefix('#') {
            Some(name) => names.clone().map(|all| {
                let found = all.into_iter().find(|one| one["name"] == name);
                found.unwrap_or_default()
            }),
            None => match self.ask("conversations.info", &[("channel", place)]).await {
                Ok(heard) => good(&heard).map(|body| body["channel"].clone()),
                Err(why) => Err(why),
            },
        };
        match found {
            Err(why) if why.starts_with("missing_scope") => Finding::new(
                what,
                State::Odd,
                format!(
                    "cannot be looked at without posting: the token lacks `channels:read`; `hekate notify test {}` posts to it",
                    channel.name
                ),
            ),
            Err(why) => Finding::new(what, State::Wrong, why),
            Ok(found) => {
                let (state, words) = reachable(&found, place, scopes);
                Finding::new(what, state, words)
            }
        }
    }
}

/// Whether the bot hears what is said there, as far as Slack says.
fn audible(found: &Value, place: &str) -> (State, String) {
    if found["is_archived"] == true {
        (State::Wrong, format!("{place} is archived"))
    } else if found["is_member"] == true {
        (
            State::Fine,
            format!("the bot hears what is said in {place}"),
        )
    } else {
        let words = format!("the bot is not in {place} and hears nothing there: `/invite` it");
        (State::Wrong, words)
    }
}

/// The body of an answer that went well.
fn good(heard: &Heard) -> Result<Value, String> {
    let body: Value = serde_json::from_slice(&heard.body).unwrap_or_default();
    if body["ok"] == true {
        return Ok(body);
    }
    let code = body["error"].as_str().filter(|code| {
        let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        code.len() <= 60 && code.bytes().all(is_word)
    });
    Err(match code {
        Some(code) => meaning(code),
        None => format!("HTTP {}, and no answer of Slack's", heard.status),
    })
}

/// Whose token it is: `hekate in Example (T0123)`.
fn identity(heard: &Heard) -> Result<String, String> {
    let body = good(heard)?;
    let word = |key: &str| crate::model::text::clean(body[key].as_str().unwrap_or("?"), 80);
    if body["bot_id"].is_null() {
        return Err(String::from("this is the token of a person, not of a bot"));
    }
    Ok(format!(
        "it is {} in {} ({})",
        word("user"),
        word("team"),
        word("team_id")
    ))
}

/// What the token lacks.
fn rights(wanted: &[Scope], scopes: &[String]) -> Vec<Finding> {
    let missing: Vec<_> = wanted
        .iter()
        .filter(|scope| !scopes.iter().any(|one| one == scope.name))
        .collect();
    if missing.is_empty() {
        return vec![Finding::new(
            "bot scopes",
            State::Fine,
            "it has all that it needs",
        )];
    }
    missing
        .into_iter()
        .map(|scope| {
            let state = if scope.name == "chat:write" {
                State::Wrong
            } else {
                State::Odd
            };
            let words = format!("{} is missing: {}", scope.name, scope.why);
            Finding::new("bot scopes", state, words)
        })
        .collect()
}

/// Whether a channel can be told, as far as Slack says.
fn reachable(found: &Value, place: &str, scopes: &[String]) -> (State, String) {
    if found.is_null() {
        let words = format!("{place} is not there, or is private and the bot was not invited");
        return (State::Wrong, words);
    }
    if found["is_archived"] == true {
        return (State::Wrong, format!("{place} is archived"));
    }
    let is_inside = found["is_member"] == true;
    let may_post = scopes.iter().any(|scope| scope == "chat:write.public");
    let is_open = found["is_private"] != true && may_post;
    match (is_inside, is_open) {
        (true, _) => (State::Fine, format!("the bot is in {place}")),
        (false, true) => (
            State::Odd,
            format!(
                "the bot tells {place} without being in it, but cannot look there after a lost answer; `/invite` it"
            ),
        ),
        (false, false) => (
            State::Wrong,
            format!("the bot is not in {place}: `/invite` it there"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::expect;
    use serde_json::json;

    use super::*;
    use crate::slack::manifest::Bot;

    #[test]
    fn what_is_said_of_every_channel() {
        let scopes = [
            String::from("chat:write"),
            String::from("chat:write.public"),
        ];
        let mut out = String::new();
        for (found, scopes) in [
            (json!({ "is_member": true }), &scopes[..]),
            (json!({ "is_member": false }), &scopes[..]),
            (json!({ "is_member": false }), &scopes[..1]),
            (
                json!({ "is_member": false, "is_private": true }),
                &scopes[..],
            ),
            (
                json!({ "is_member": true, "is_archived": true }),
                &scopes[..],
            ),
            (Value::Null, &scopes[..]),
        ] {
            let (state, words) = reachable(&found, "#alerts", scopes);
            writeln!(out, "{:<5} {words}", state.as_str()).unwrap();
        }
        for found in [
            json!({ "is_member": true }),
            json!({ "is_member": true, "is_archived": true }),
            Value::Null,
        ] {
            let (state, words) = audible(&found, "C0CORE001");
            writeln!(out, "{:<5} {words}", state.as_str()).unwrap();
        }
        for body in [
            json!({ "ok": true, "user": "hekate", "team": "Example", "team_id": "T0", "bot_id": "B0" }),
            json!({ "ok": true, "user": "jan", "team": "Example", "team_id": "T0" }),
            json!({ "ok": false, "error": "token_revoked" }),
            json!({ "ok": false, "error": "xoxb-SECRET" }),
        ] {
            let heard = Heard {
                status: 200,
                scopes: None,
                body: body.to_string().into_bytes(),
            };
            writeln!(out, "{:?}", identity(&heard)).unwrap();
        }
        assert!(!out.contains("SECRET"));
        expect![[r#"
            ok    the bot is in #alerts
            odd   the bot tells #alerts without being in it, but cannot look there after a lost answer; `/invite` it
            wrong the bot is not in #alerts: `/invite` it there
            wrong the bot is not in #alerts: `/invite` it there
            wrong #alerts is archived
            wrong #alerts is not there, or is private and the bot was not invited
            ok    the bot hears what is said in C0CORE001
            wrong C0CORE001 is archived
            wrong the bot is not in C0CORE001 and hears nothing there: `/invite` it
            Ok("it is hekate in Example (T0)")
            Err("this is the token of a person, not of a bot")
            Err("token_revoked: the token was revoked")
            Err("HTTP 200, and no answer of Slack's")
        "#]].assert_eq(&out);
    }

    #[test]
    fn what_the_token_lacks() {
        let wanted = Bot {
            channels: vec![String::from("alerts")],
            by_name: vec![String::from("alerts")],
            has_token: true,
            user_groups: Vec::new(),
            on_call: Vec::new(),
            overheard: Vec::new(),
        };
        let scopes = [
            String::from("chat:write.public"),
            String::from("channels:read"),
        ];
        let lines: Vec<_> = rights(&wanted.scopes(), &scopes)
            .iter()
            .map(|finding| format!("{} {}", finding.state.as_str(), finding.words))
            .collect();
        expect![[r#"
            wrong chat:write is missing: the bot tells `alerts`, and edits what it told
            odd channels:history is missing: after a lost answer it looks whether its message is there, rather than tell it twice
            odd groups:history is missing: the same in private channels
            odd groups:read is missing: the same of private channels
        "#]].assert_eq(&(lines.join("\n") + "\n"));
    }
}
