//! `server:`, `store:`, `slack:`, `dead_man:`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use chrono_tz::Tz;

use super::{
    Check,
    channels::{Bot, Broken},
    values::{KEY_MIN, SecretFields, is_loopback},
};
use crate::{
    config::{
        code::Code,
        decode::At,
        raw::{self, AddressText, SecretText},
        report::Problem,
        suggest::nearest,
    },
    model::{
        Secret,
        plan::{DeadMan, Server, SlackSettings, StoreSettings},
        text::clean,
    },
};

/// What an app-level token is where nothing is opened with it.
const STAND_IN: &str = "xapp-preview-preview-preview";
/// The same of a bot's token.
const BOT_STAND_IN: &str = "xoxb-preview-preview-preview";
const DAY: Duration = Duration::from_hours(24);

impl Check<'_> {
    pub(super) fn server(&mut self, at: Option<At<raw::Server>>) -> Server {
        let raw = at.and_then(|at| at.value).unwrap_or_default();
        let listen = raw.listen.and_then(|at| self.listen(&at));
        let public_url = raw
            .public_url
            .and_then(|at| self.address(&at, "`public_url`"))
            .map(|url| url.as_str().trim_end_matches('/').to_owned());
        let timezone = raw.timezone.and_then(|at| self.timezone(&at));
        let token = self.server_key("token", raw.token.as_ref(), raw.token_file.as_ref());
        let ping_key = self.server_key(
            "ping_key",
            raw.ping_key.as_ref(),
            raw.ping_key_file.as_ref(),
        );
        Server {
            listen: listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            public_url,
            timezone: timezone.unwrap_or(Tz::UTC),
            token,
            ping_key,
        }
    }

    /// A key of `server` that programs have to know.
    fn server_key(
        &mut self,
        key: &'static str,
        direct: Option<&At<SecretText>>,
        file: Option<&At<String>>,
    ) -> Option<Secret> {
        let found = self.key(&SecretFields {
            owner: "`server`",
            key,
            direct,
            file,
            in_preview: None,
            is_optional: true,
            variable: Some(match key {
                "ping_key" => "HEKATE_PING_KEY",
                _ => "HEKATE_TOKEN",
            }),
            has_file_twin: true,
        })?;
        Some(found.secret)
    }

    fn listen(&self, at: &At<String>) -> Option<SocketAddr> {
        let text = self.text(at, "`listen`")?;
        let address = text.strip_prefix("localhost:").map_or_else(
            || text.parse().ok(),
            |port| {
                port.parse()
                    .ok()
                    .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
            },
        );
        if address.is_none() {
            let label = match text.strip_prefix(':').unwrap_or(&text).parse::<u16>() {
                Ok(port) => format!("did you mean \"127.0.0.1:{port}\"?"),
                Err(_) => String::new(),
            };
            self.report(
                Problem::new(
                    Code::Listen,
                    at.span,
                    format!("`{}` is not an address to listen on", clean(&text, 64)),
                )
                .label(label)
                .help("write an IP address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or \"[::1]:8080\""),
            );
        }
        address
    }

    pub(super) fn timezone(&self, at: &At<String>) -> Option<Tz> {
        let text = self.text(at, "`timezone`")?;
        let zone = text.parse::<Tz>().ok();
        if zone.is_none() {
            let meant = nearest(&text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
            let label = meant.map_or_else(String::new, |meant| format!("did you mean `{meant}`?"));
            self.report(
                Problem::new(
                    Code::Timezone,
                    at.span,
                    format!("`{}` is not a time zone", clean(&text, 64)),
                )
                .label(label)
                .help("write a name of the IANA database, such as Europe/Prague or UTC"),
            );
        }
        zone
    }

    pub(super) fn store(&self, at: Option<At<raw::Store>>) -> StoreSettings {
        let raw = at.and_then(|at| at.value).unwrap_or_default();
        let path = raw.path.and_then(|at| {
            let path = self.folder.join(PathBuf::from(self.text(&at, "`path`")?));
            if path.is_file() {
                self.report(
                    Problem::new(Code::StorePath, at.span, "`path` of `store` is a file")
                        .help("name a folder; it is made if it is not there"),
                );
            }
            Some(path)
        });
        let retention = raw
            .retention
            .and_then(|at| self.duration(&at, "`retention`", DAY..=DAY * 3650).value);
        StoreSettings {
            path: path.unwrap_or_else(|| self.folder.join("data")),
            retention: retention.unwrap_or(DAY * 400),
        }
    }

    pub(super) fn slack(&mut self, at: Option<At<raw::Slack>>) -> (SlackSettings, Bot) {
        let raw = at.and_then(|at| at.value).unwrap_or_default();
        let command = raw.command.and_then(|at| self.command(&at));
        let mut signing_secrets: Vec<Secret> = Vec::new();
        for (key, variable, direct, file) in [
            (
                "signing_secret",
                "SLACK_SIGNING_SECRET",
                &raw.signing_secret,
                &raw.signing_secret_file,
            ),
            (
                "previous_signing_secret",
                "SLACK_SIGNING_SECRET_BEFORE",
                &raw.previous_signing_secret,
                &raw.previous_signing_secret_file,
            ),
        ] {
            let found = self.secret(&SecretFields {
                owner: "`slack`",
                key,
                direct: direct.as_ref(),
                file: file.as_ref(),
                in_preview: None,
                is_optional: true,
                variable: Some(variable),
                has_file_twin: true,
            });
            signing_secrets.extend(found.map(|found| found.secret));
        }
        let app_token = self.app_token(raw.app_token.as_ref(), raw.app_token_file.as_ref());
        let bot_token = self.bot_token(raw.bot_token.as_ref(), raw.bot_token_file.as_ref());
        let base_url = raw.base_url.and_then(|at| self.base_url(&at));
        let team_id = raw.team_id.and_then(|at| {
            let help =
                "the address of the workspace in a browser has it: https://app.slack.com/client/T…";
            self.slack_id_found(&at, &["T", "E"], "a workspace or an organisation", help)
        });
        let usual = SlackSettings::default();
        let settings = SlackSettings {
            command: command.unwrap_or(usual.command),
            signing_secrets,
            app_token,
            bot_token: bot_token.as_ref().ok().cloned().flatten(),
            team_id,
            base_url: base_url.unwrap_or(usual.base_url),
        };
        let bot = match bot_token {
            Ok(Some(token)) => Bot::Token {
                token,
                base_url: settings.base_url.clone(),
            },
            Ok(None) => Bot::Absent,
            Err(Broken) => Bot::Broken,
        };
        (settings, bot)
    }

    /// The bot's token, if there is one.
    fn bot_token(
        &mut self,
        direct: Option<&At<SecretText>>,
        file: Option<&At<String>>,
    ) -> Result<Option<Secret>, Broken> {
        if direct.is_none() && file.is_none() {
            return Ok(None);
        }
        let before = self.findings.count();
        let found = self.secret(&SecretFields {
            owner: "`slack`",
            key: "bot_token",
            direct,
            file,
            in_preview: Some(BOT_STAND_IN),
            is_optional: true,
            variable: Some("SLACK_BOT_TOKEN"),
            has_file_twin: true,
        });
        let Some(found) = found else {
            let is_reported = self.findings.count() > before;
            return if is_reported { Err(Broken) } else { Ok(None) };
        };
        let text = found.secret.expose();
        let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let label = match text.split_once('-') {
            Some(("xoxb", rest)) if is_plain && rest.len() >= KEY_MIN => {
                return Ok(Some(found.secret));
            }
            Some(("xoxb", _)) => "it looks cut off or mistyped",
            Some(("xapp", _)) => "this is an app-level token",
            Some(("xoxp", _)) => "this is the token of a user",
            Some(_) | None => "it does not begin with `xoxb-`",
        };
        self.report(
            Problem::new(
                Code::BotToken,
                found.span,
                "`bot_token` of `slack` is not the token of a bot",
            )
            .label(label)
            .help("Slack shows it under OAuth & Permissions, Bot User OAuth Token, once the app is installed"),
        );
        Err(Broken)
    }

    fn app_token(
        &mut self,
        direct: Option<&At<SecretText>>,
        file: Option<&At<String>>,
    ) -> Option<Secret> {
        let span = direct.map(|at| at.span).or(file.map(|at| at.span))?;
        let found = self.secret(&SecretFields {
            owner: "`slack`",
            key: "app_token",
            direct,
            file,
            in_preview: Some(STAND_IN),
            is_optional: true,
            variable: Some("SLACK_APP_TOKEN"),
            has_file_twin: true,
        })?;
        if cfg!(not(feature = "socket_mode")) {
            self.report(
                Problem::new(
                    Code::NotBuilt,
                    span,
                    "this hekate was built without `socket_mode`",
                )
                .help("use a build with the feature `socket_mode`, or remove the key"),
            );
            return None;
        }
        let text = found.secret.expose();
        let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let label = match text.split_once('-') {
            Some(("xapp", rest)) if is_plain && rest.len() >= KEY_MIN => return Some(found.secret),
            Some(("xapp", _)) => "it looks cut off or mistyped",
            Some(("xoxb", _)) => "this is a bot token",
            Some(("xoxp", _)) => "this is the token of a user",
            Some(_) | None => "it does not begin with `xapp-`",
        };
        self.report(
            Problem::new(
                Code::AppToken,
                found.span,
                "`app_token` of `slack` is not an app-level token",
            )
            .label(label)
            .help("make one under Basic Information, App-Level Tokens, with the scope `connections:write`"),
        );
        None
    }

    /// Where tokens may be sent: to Slack, or to a stand-in on this machine.
    fn base_url(&self, at: &At<AddressText>) -> Option<String> {
        let url = self.address(at, "`base_url` of `slack`")?;
        let is_slack = url.scheme() == "https"
            && url.port().is_none()
            && url.host_str().is_some_and(|host| {
                ["slack.com", "slack-gov.com"].iter().any(|domain| {
                    host.strip_suffix(domain)
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                })
            });
        let has_path = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
        if (is_slack || is_loopback(url.as_str())) && !has_path {
            return Some(url.as_str().trim_end_matches('/').to_owned());
        }
        let label = if has_path {
            "scheme and host are enough"
        } else {
            "this is no host of Slack"
        };
        self.report(
            Problem::new(
                Code::SlackPlace,
                at.span,
                "`base_url` of `slack` is not Slack",
            )
            .label(label)
            .help("remove it, or write https://slack.com or https://slack-gov.com"),
        );
        None
    }

    /// Source: <https://docs.slack.dev/interactivity/implementing-slash-commands/>: lower case, no spaces, at most 32
    /// characters.
    fn command(&self, at: &At<String>) -> Option<String> {
        let text = self.text(at, "`command`")?;
        let is_good = text.strip_prefix('/').is_some_and(|word| {
            (1..=31).contains(&word.len())
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        });
        if is_good {
            return Some(text);
        }
        let word: String = text
            .trim_start_matches('/')
            .to_lowercase()
            .replace(' ', "-");
        self.report(
            Problem::new(
                Code::Command,
                at.span,
                format!("`{}` cannot be a slash command", clean(&text, 40)),
            )
            .label(format!("did you mean `/{}`?", clean(&word, 31)))
            .help("a slash, then at most 31 lower-case letters, digits, `-` and `_`"),
        );
        None
    }

    pub(super) fn dead_man(&mut self, at: Option<At<raw::DeadMan>>) -> Option<DeadMan> {
        let At { span, value } = at?;
        let raw = value?;
        let every = raw.every.and_then(|at| {
            self.duration(&at, "`every`", Duration::from_secs(10)..=DAY)
                .value
        });
        if raw.url.is_none() && raw.url_file.is_none() {
            if !self.findings.was_meant(span, "url") {
                self.report(
                    Problem::new(Code::Missing, span, "`dead_man` has no `url`")
                        .help("write `url: \"${HEKATE_DEAD_MAN_URL}\"`, or remove the section"),
                );
            }
            return None;
        }
        let found = self.secret(&SecretFields {
            owner: "`dead_man`",
            key: "url",
            direct: raw.url.as_ref(),
            file: raw.url_file.as_ref(),
            in_preview: None,
            is_optional: true,
            variable: Some("HEKATE_DEAD_MAN_URL"),
            has_file_twin: true,
        })?;
        self.url(
            found.span,
            found.secret.expose(),
            false,
            "`url` of `dead_man`",
        )?;
        Some(DeadMan {
            url: found.secret,
            every: every.unwrap_or(Duration::from_mins(1)),
        })
    }

    /// Whether messages may go to this address: over TLS, or not leaving this machine.
    pub(super) fn is_safe_receiver(text: &str) -> bool {
        text.starts_with("https://") || is_loopback(text)
    }
}
