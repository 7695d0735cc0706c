//! The description of a Slack app from which Slack makes one: only what the file uses.
//!
//! Source: <https://docs.slack.dev/reference/app-manifest>.

use serde_json::{Value, json};

/// Our route for slash commands.
const ROUTE: &str = "/slack/command";

/// What the app wants to hear of: each takes a right or, as the last, the Home tab.
const EVENTS: [&str; 3] = ["app_mention", "message.im", "app_home_opened"];

/// Ordinary messages of channels, public and private: of an id nobody can tell which it is.
const OVERHEARING: [&str; 2] = ["message.channels", "message.groups"];

/// What an app is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// The slash command: `/roih`.
    pub command: String,
    /// The channels that are told by incoming webhooks, by their keys in the file.
    pub webhooks: Vec<String>,
    /// The channels that the bot tells, if it tells any.
    pub bot: Bot,
    /// How the slash command comes to us.
    pub transport: Transport,
}

/// What the bot tells.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Bot {
    /// The channels, by their keys in the file.
    pub channels: Vec<String>,
    /// Those of them of which the file says a name and not Slack's id.
    pub by_name: Vec<String>,
    /// Whether the file has its token.
    pub has_token: bool,
    /// The user groups that actions obey, by Slack's ids, as far as the file does not say who is in them.
    pub user_groups: Vec<String>,
    /// The user groups that are on call, by Slack's ids.
    pub on_call: Vec<String>,
    /// The channels of whose ordinary messages some are answered, by Slack's ids.
    pub overheard: Vec<String>,
}

/// How a slash command comes to us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Transport {
    /// Not at all.
    None,
    /// By signed requests to this address.
    Http(String),
    /// Over connections that we hold.
    SocketMode,
}

/// One right that the app asks for, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scope {
    /// Slack's word for it.
    pub name: &'static str,
    /// A clause for people.
    pub why: String,
}

impl Wanted {
    /// Whether there is anything to make an app for.
    pub fn is_anything(&self) -> bool {
        !self.webhooks.is_empty()
            || !self.bot.channels.is_empty()
            || self.transport != Transport::None
    }

    /// Whether people can speak to the bot: there is one, and a way on which it hears of it.
    pub fn is_spoken_to(&self) -> bool {
        self.bot.has_token && self.transport != Transport::None
    }

    /// The rights that the bot needs to tell and to be spoken to.
    pub fn bot_scopes(&self) -> Vec<Scope> {
        let mut scopes = self.bot.scopes();
        if !self.is_spoken_to() {
            return scopes;
        }
        also(&mut scopes, "chat:write", "it answers who speaks to it");
        let hears = if self.bot.overheard.is_empty() {
            "it hears what mentions it, and nothing else that is said in channels"
        } else {
            "it hears what mentions it"
        };
        also(&mut scopes, "app_mentions:read", hears);
        if !self.bot.overheard.is_empty() {
            let places = self.bot.overheard.join(", ");
            let why = format!(
                "`replies` answers ordinary messages in {places}; Slack sends those of every channel that it is in, and the others are dropped unread"
            );
            also(&mut scopes, "channels:history", &why);
            also(
                &mut scopes,
                "groups:history",
                "the same in private channels",
            );
        }
        scopes.push(Scope {
            name: "im:history",
            why: String::from("it hears what is written to it alone"),
        });
        if !self.bot.user_groups.is_empty() {
            let groups = self.bot.user_groups.join(", ");
            let why = format!("actions obey {groups}, and Slack knows who is in there");
            also(&mut scopes, "usergroups:read", &why);
        }
        if !self.bot.on_call.is_empty() {
            let groups = self.bot.on_call.join(", ");
            let why = format!("{groups} is on call, and `on-call` says who is in there");
            also(&mut scopes, "usergroups:read", &why);
        }
        scopes
    }

    /// The rights of the bot, in Slack's order of names.
    pub fn scopes(&self) -> Vec<Scope> {
        let mut scopes = self.bot_scopes();
        if self.transport != Transport::None {
            scopes.push(Scope {
                name: "commands",
                why: format!("people ask with {}", self.command),
            });
        }
        if !self.webhooks.is_empty() {
            let names: Vec<_> = self
                .webhooks
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            scopes.push(Scope {
                name: "incoming-webhook",
                why: format!("messages are posted to {}", names.join(", ")),
            });
        }
        scopes.sort_by_key(|scope| scope.name);
        scopes
    }

    /// The manifest.
    pub fn manifest(&self) -> Value {
        let scopes: Vec<_> = self.scopes().iter().map(|scope| scope.name).collect();
        let mut manifest = json!({
            "display_information": {
                "name": "hekate",
                "description": "Tells when something is down, and when it is up again.",
                "background_color": "#3F0E40",
            },
            // Rights are given to a bot, so there has to be one, even if it never says a word by itself.
            "features": { "bot_user": { "display_name": "hekate", "always_online": true } },
            "oauth_config": { "scopes": { "bot": scopes } },
            "settings": {
                "org_deploy_enabled": false,
                "socket_mode_enabled": self.transport == Transport::SocketMode,
                "token_rotation_enabled": false,
            },
        });
        if !self.webhooks.is_empty() {
            manifest["settings"]["incoming_webhooks"] =
                json!({ "incoming_webhooks_enabled": true });
        }
        let mut command = json!({
            "command": self.command,
            "description": "How everything is, and silences",
            "usage_hint": "status | status <words> | help",
            "should_escape": true,
        });
        match &self.transport {
            Transport::None => return manifest,
            Transport::Http(url) => command["url"] = json!(url),
            Transport::SocketMode => {}
        }
        manifest["features"]["slash_commands"] = json!([command]);
        let mut interactivity = json!({ "is_enabled": true });
        if let Transport::Http(url) = &self.transport {
            let url = beside(url, "/slack/interactive");
            interactivity["request_url"] = json!(url);
            interactivity["message_menu_options_url"] = json!(url);
        }
        manifest["settings"]["interactivity"] = interactivity;
        if self.is_spoken_to() {
            self.let_speak(&mut manifest);
        }
        manifest
    }

    /// Mentions, direct messages and the Home tab.
    fn let_speak(&self, manifest: &mut Value) {
        manifest["features"]["app_home"] = json!({
            "home_tab_enabled": true,
            "messages_tab_enabled": true,
            // Or people could read what the bot writes to them, and not answer.
            "messages_tab_read_only_enabled": false,
        });
        let mut kinds = EVENTS.to_vec();
        if !self.bot.overheard.is_empty() {
            kinds.extend(OVERHEARING);
        }
        let mut events = json!({ "bot_events": kinds });
        if let Transport::Http(url) = &self.transport {
            events["request_url"] = json!(beside(url, "/slack/events"));
        }
        manifest["settings"]["event_subscriptions"] = events;
    }
}

impl Bot {
    /// The rights that telling takes.
    pub fn scopes(&self) -> Vec<Scope> {
        if self.channels.is_empty() {
            return Vec::new();
        }
        let quoted = |names: &[String]| {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            names.join(", ")
        };
        let scope = |name, why: String| Scope { name, why };
        let mut scopes = vec![
            scope(
                "chat:write",
                format!(
                    "the bot tells {}, and edits what it told",
                    quoted(&self.channels)
                ),
            ),
            scope(
                "chat:write.public",
                String::from("it need not be invited to public channels"),
            ),
            scope(
                "channels:history",
                String::from(
                    "after a lost answer it looks whether its message is there, rather than tell it twice",
                ),
            ),
            scope(
                "groups:history",
                String::from("the same in private channels"),
            ),
        ];
        if !self.by_name.is_empty() {
            let names = quoted(&self.by_name);
            scopes.push(scope(
                "channels:read",
                format!("to look there it needs the id behind the name of {names}"),
            ));
            scopes.push(scope(
                "groups:read",
                String::from("the same of private channels"),
            ));
        }
        scopes
    }
}

/// Asks for one right more, or for the same one for another reason as well.
fn also(scopes: &mut Vec<Scope>, name: &'static str, why: &str) {
    match scopes.iter_mut().find(|scope| scope.name == name) {
        Some(scope) if scope.why == why => {}
        Some(scope) => {
            scope.why.push_str("; ");
            scope.why.push_str(why);
        }
        None => scopes.push(Scope {
            name,
            why: why.to_owned(),
        }),
    }
}

/// The address at which Slack shows a new app of this manifest, ready to be made.
pub fn link(manifest: &Value) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("new_app", "1")
        .append_pair("manifest_json", &manifest.to_string())
        .finish()
        // A plus sign means a space to some readers only.
        .replace('+', "%20");
    format!("https://api.slack.com/apps?{query}")
}

/// The address of another route of ours, beside the one for slash commands.
fn beside(command_url: &str, route: &str) -> String {
    let base = command_url.strip_suffix(ROUTE).unwrap_or(command_url);
    format!("{base}{route}")
}

/// The address of our route for slash commands below the address at which Slack reaches us; absent if that is none that
/// Slack calls: it wants `https` and a host.
pub fn request_url(base: &str) -> Option<String> {
    let url = url::Url::parse(base).ok()?;
    let is_good = url.scheme() == "https"
        && url.host_str().is_some()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let base = url.as_str().trim_end_matches('/');
    let base = base.strip_suffix(ROUTE).unwrap_or(base);
    is_good.then(|| format!("{base}{ROUTE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_for_commands_is_our_route_over_tls() {
        for (base, expected) in [
            (
                "https://status.example.test",
                Some("https://status.example.test/slack/command"),
            ),
            (
                "https://status.example.test/hekate/",
                Some("https://status.example.test/hekate/slack/command"),
            ),
            (
                "https://status.example.test/slack/command",
                Some("https://status.example.test/slack/command"),
            ),
            ("http://status.example.test", None),
            ("https://user@status.example.test", None),
            ("https://status.example.test/?a=1", None),
            ("status.example.test", None),
        ] {
            assert_eq!(request_url(base).as_deref(), expected, "{base}");
        }
    }

    #[test]
    fn a_link_carries_the_whole_manifest() {
        let manifest = Wanted {
            command: String::from("/roih"),
            webhooks: vec![String::from("alerts")],
            bot: Bot::default(),
            transport: Transport::SocketMode,
        }
        .manifest();
        let link = link(&manifest);
        let (_, query) = link.split_once('?').unwrap();
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        assert_eq!(pairs[0].1, "1");
        assert_eq!(
            serde_json::from_str::<Value>(&pairs[1].1).unwrap(),
            manifest
        );
    }
}
