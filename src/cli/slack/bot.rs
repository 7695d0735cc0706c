//! Whether the bot of the file can do what it is for, asked without posting anything.

use std::collections::BTreeSet;

use serde_json::Value;

use super::verify::{Finding, State};
use crate::{
    model::{Channel, Plan, Secret, plan::Destination},
    notify::{Heard, errand::answer::meaning, sender::Sender},
    slack::{api::Base, event::Identity, manifest::Scope},
};

/// At most so many pages of a thousand channels are read for names.
const PAGES_MAX: usize = 20;

/// What can be said of a bot and its channels.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Asked {
    /// Whose token it is.
    pub(in crate::cli) identity: Finding,
    /// The workspace of the token, as Slack says it.
    pub(in crate::cli) team_id: Option<String>,
    /// What it may do. Empty if the token is nobody's.
    pub(in crate::cli) scopes: Vec<Finding>,
    /// The channels that it tells. Empty if the token is nobody's.
    pub(in crate::cli) channels: Vec<Finding>,
    /// The user groups that the file names. Empty if the token is nobody's.
    pub(in crate::cli) groups: Vec<Finding>,
}

impl Asked {
    fn nobody(why: impl Into<String>) -> Self {
        Self {
            identity: Finding::new("bot token", State::Wrong, why),
            team_id: None,
            scopes: Vec::new(),
            channels: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// All of it.
    pub(super) fn findings(self) -> Vec<Finding> {
        let mut all = vec![self.identity];
        all.extend(self.scopes);
        all.extend(self.channels);
        all.extend(self.groups);
        all
    }
}

/// Asks Slack about the bot; nothing is posted.
pub(in crate::cli) async fn ask(plan: &Plan, token: &Secret, wanted: &[Scope]) -> Asked {
    let sender = match Sender::new() {
        Ok(sender) => sender,
        Err(error) => return Asked::nobody(error.to_string()),
    };
    let base = match Base::parse(&plan.slack.base_url) {
        Ok(base) => base,
        Err(error) => return Asked::nobody(error.to_string()),
    };
    let asking = Asking {
        sender,
        base,
        token,
    };
    asking.all(plan, wanted).await
}

/// Who asks, and with what.
struct Asking<'a> {
    sender: Sender,
    base: Base,
    token: &'a Secret,
}

impl Asking<'_> {
    async fn all(&self, plan: &Plan, wanted: &[Scope]) -> Asked {
        let heard = match self.ask("auth.test", &[]).await {
            Ok(heard) => heard,
            Err(why) => return Asked::nobody(why),
        };
        let (identity, team_id) = match identity(&heard) {
            Ok(known) => known,
            Err(why) => return Asked::nobody(why),
        };
        let identity = match good(&heard).map(|body| home(plan, &body)) {
            Ok(Some(elsewhere)) => Finding::new("bot token", State::Wrong, elsewhere),
            Ok(None) | Err(_) => Finding::new("bot token", State::Fine, identity),
        };
        let scopes = heard.scopes.unwrap_or_default();
        let names = self.names(plan).await;
        let mut channels = Vec::new();
        for channel in plan.channels.values() {
            if let Destination::SlackBot { channel: place, .. } = &channel.destination {
                channels.push(self.channel(channel, place, &names, &scopes).await);
            }
        }
        let overheard = plan.replies.iter().flat_map(|reply| &reply.channels);
        for place in overheard.collect::<BTreeSet<_>>() {
            channels.push(self.overheard(place).await);
        }
        let mut groups = Vec::new();
        for group in user_groups(plan) {
            groups.push(self.group(group).await);
        }
        Asked {
            identity,
            team_id,
            scopes: rights(wanted, &scopes),
            channels,
            groups,
        }
    }

    async fn group(&self, id: &str) -> Finding {
        let what = format!("user group {id}");
        let asked = self
            .ask("usergroups.users.list", &[("usergroup", id)])
            .await;
        match asked.and_then(|heard| good(&heard)) {
            Err(why) if why.starts_with("missing_scope") => Finding::new(
                what,
                State::Odd,
                "cannot be looked at: the token lacks `usergroups:read`",
            ),
            Err(why) => Finding::new(what, State::Wrong, why),
            Ok(body) => match body["users"].as_array().map_or(0, Vec::len) {
                0 => Finding::new(what, State::Wrong, "nobody is in it"),
                1 => Finding::new(what, State::Fine, "it has 1 member"),
                members => Finding::new(what, State::Fine, format!("it has {members} members")),
            },
        }
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

/// The user groups that the file names, to be mentioned or to be obeyed.
fn user_groups(plan: &Plan) -> BTreeSet<&str> {
    let mentioned = plan
        .on_call
        .values()
        .filter_map(|on_call| on_call.user_group.as_deref());
    let obeyed = plan.actions.iter();
    let obeyed = obeyed.flat_map(|action| &action.guard.allow.user_groups);
    mentioned.chain(obeyed.map(String::as_str)).collect()
}

/// Whose token it is, `hekate in Example (T0123)`, and the id of the workspace.
fn identity(heard: &Heard) -> Result<(String, Option<String>), String> {
    let body = good(heard)?;
    let word = |key: &str| crate::model::text::clean(body[key].as_str().unwrap_or("?"), 80);
    if body["bot_id"].is_null() {
        return Err(String::from("this is the token of a person, not of a bot"));
    }
    let words = format!(
        "it is {} in {} ({})",
        word("user"),
        word("team"),
        word("team_id")
    );
    Ok((words, body["team_id"].as_str().map(str::to_owned)))
}

/// That the bot is not at home where the file says; absent if it is, or the file does not say.
fn home(plan: &Plan, body: &Value) -> Option<String> {
    let wanted = plan.slack.team_id.as_deref()?;
    let bot = Identity::read(body).filter(|bot| !bot.is_home(wanted))?;
    Some(format!(
        "it is of the workspace {}, and `team_id` of the file says {wanted}; people are obeyed in {wanted} only",
        bot.team_id
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
            writeln!(out, "{:?}", identity(&heard).map(|(words, _)| words)).unwrap();
        }
        let body =
            json!({ "user_id": "U0", "bot_id": "B0", "team_id": "T0", "enterprise_id": "E0" });
        let mut plan = crate::command::fixture::plan();
        for team_id in [None, Some("T0"), Some("E0"), Some("T1")] {
            plan.slack.team_id = team_id.map(str::to_owned);
            writeln!(out, "{team_id:?}: {:?}", home(&plan, &body)).unwrap();
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
            None: None
            Some("T0"): None
            Some("E0"): None
            Some("T1"): Some("it is of the workspace T0, and `team_id` of the file says T1; people are obeyed in T1 only")
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
