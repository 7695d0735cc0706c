//! `channels:` and `on_call:`.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono_tz::Tz;

use super::{
    Check,
    references::References,
    values::{Found, KEY_MIN, SecretFields},
};
use crate::{
    config::{
        code::Code,
        decode::{At, Named, OneOrMany, TextOr},
        raw,
        report::Problem,
        source::Span,
    },
    model::{
        Channel, ChannelName, OnCallName, Secret,
        plan::{Destination, OnCall},
        text::clean,
    },
};

/// A preview's stand-in for an address: nothing listens on the discard port of a workstation.
const STAND_IN: &str = "http://127.0.0.1:9/preview";

/// The channels, and who refers to them.
pub(super) struct Channels {
    pub(super) references: References,
    channels: BTreeMap<ChannelName, Channel>,
}

/// The bot that tells channels, if the file has one.
pub(super) enum Bot {
    /// It has none.
    Absent,
    /// It has one that cannot be used, which was said already.
    Broken,
    /// It has one.
    Token {
        /// Its token.
        token: Secret,
        /// Where Slack's methods are.
        base_url: String,
    },
}

/// Something that was given and cannot be used, which was said already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken;

/// The on-call entries, and who refers to them.
pub(super) struct OnCalls {
    pub(super) references: References,
    pub(super) on_call: BTreeMap<OnCallName, OnCall>,
}

impl Check<'_> {
    pub(super) fn channels(
        &mut self,
        at: Option<At<Named<TextOr<raw::Channel>>>>,
        whole: Span,
        bot: &Bot,
    ) -> Channels {
        let mut out = Channels {
            references: References::new("channel", Code::NoSuchChannel),
            channels: BTreeMap::new(),
        };
        let (span, named) = match at {
            Some(At {
                span,
                value: Some(Named(named)),
            }) => (span, named),
            Some(At { value: None, .. }) => {
                out.references.unknowable();
                return out;
            }
            None if self.findings.was_meant(whole, "channels") => {
                out.references.unknowable();
                return out;
            }
            None => (whole, Vec::new()),
        };
        if named.is_empty() {
            self.report(
                Problem::new(
                    Code::NoChannel,
                    span,
                    "there is no channel, so nobody would be told of anything",
                )
                .help("add `channels: { alerts: \"${SLACK_WEBHOOK_URL}\" }`"),
            );
        }
        for (key, _) in &named {
            if let Some(name) = &key.value {
                out.references.declare(name, key.span);
            }
        }
        for (key, at) in named {
            if let Some(channel) = self.channel(&key, at, &mut out.references, bot) {
                out.channels.insert(channel.name.clone(), channel);
            }
        }
        let ops = ChannelName::new("ops");
        if out.references.is_declared("ops") {
            for channel in out.channels.values_mut() {
                if channel.fallback.is_none() && channel.name != ops {
                    channel.fallback = Some(ops.clone());
                }
            }
        }
        out
    }

    fn channel(
        &mut self,
        key: &At<String>,
        at: At<TextOr<raw::Channel>>,
        references: &mut References,
        bot: &Bot,
    ) -> Option<Channel> {
        let name = self.name(key, "the name of a channel")?;
        let owner = format!("channel `{name}`");
        let span = at.span;
        let raw = match at.value? {
            TextOr::Section(section) => section,
            TextOr::Text(text) => {
                let at = At {
                    span,
                    value: Some(raw::SecretText(text)),
                };
                return self.shorthand(&name, &owner, &at, bot);
            }
        };
        let slack = raw.slack.as_ref().and_then(|at| self.slack_place(at));
        let fallback = raw
            .fallback
            .as_ref()
            .and_then(|at| self.fallback(at, &name, references));
        let max_messages = raw.max_messages.as_ref().map(|at| self.allowance(at));
        let by_bot = match (bot, &slack) {
            (Bot::Token { token, base_url }, Some(channel)) => {
                Ok(Some(bot_of(channel, token, base_url)))
            }
            (Bot::Broken, Some(_)) => Err(Broken),
            (Bot::Token { .. }, None) if raw.slack.is_some() => Err(Broken),
            (Bot::Absent, _) | (Bot::Token { .. } | Bot::Broken, None) => Ok(None),
        };
        let destination = self.destination(&raw, &name, &owner, (key.span, span), by_bot);
        let label = slack.filter(|text| text.starts_with('#'));
        Some(Channel {
            name: ChannelName::new(name.as_str()),
            label,
            destination: destination?,
            fallback,
            max_messages: max_messages.flatten(),
        })
    }

    fn shorthand(
        &mut self,
        name: &str,
        owner: &str,
        at: &At<raw::SecretText>,
        bot: &Bot,
    ) -> Option<Channel> {
        let of = |label, destination| Channel {
            name: ChannelName::new(name),
            label,
            destination,
            fallback: None,
            max_messages: None,
        };
        if let Some(raw::SecretText(text)) = &at.value
            && text.starts_with('#')
        {
            let place = At {
                span: at.span,
                value: Some(text.clone()),
            };
            match bot {
                Bot::Token { token, base_url } => {
                    let place = self.slack_place(&place)?;
                    return Some(of(Some(place.clone()), bot_of(&place, token, base_url)));
                }
                Bot::Broken => return None,
                Bot::Absent => {}
            }
            self.report(
                Problem::new(
                    Code::NoDestination,
                    at.span,
                    format!("{owner} has a name, but no address to send to"),
                )
                .help(format!(
                    "write `{{ slack: \"{}\", webhook_url: \"${{{}}}\" }}`",
                    clean(text, 64),
                    webhook_variable(name)
                )),
            );
            return None;
        }
        let found = self.webhook(owner, name, Some(at), None)?;
        Some(of(None, Destination::SlackWebhook { url: found.secret }))
    }

    /// What Slack calls a channel: its id, or `#` and its name.
    ///
    /// Source: <https://slack.com/help/articles/201402297-Create-a-channel>: lower case, no spaces, at most 80
    /// characters.
    fn slack_place(&self, at: &At<String>) -> Option<String> {
        let text = self.text(at, "`slack`")?;
        if is_slack_id(&text, &["C", "G", "D"]) {
            return Some(text);
        }
        let word = text.strip_prefix('#').unwrap_or(&text);
        let is_good = !word.is_empty()
            && word.chars().count() <= 80
            && !word.chars().any(|c| {
                c.is_whitespace()
                    || c.is_uppercase()
                    || matches!(
                        c,
                        '#' | '.' | ',' | '@' | '"' | '\'' | '`' | '<' | '>' | '&' | '|' | '/'
                    )
            });
        if is_good {
            return Some(format!("#{word}"));
        }
        self.report(
            Problem::new(
                Code::SlackName,
                at.span,
                format!("`{}` cannot be the name of a channel in Slack", clean(&text, 64)),
            )
            .help("names of channels are in lower case, without spaces and full stops, such as \"#core-alerts\""),
        );
        None
    }

    fn fallback(
        &self,
        at: &At<String>,
        own: &str,
        references: &mut References,
    ) -> Option<ChannelName> {
        let name = self.text(at, "`fallback`")?;
        if name == own {
            self.report(
                Problem::new(
                    Code::OwnFallback,
                    at.span,
                    format!("channel `{own}` is its own fallback"),
                )
                .help("name another channel, or remove the key: `ops` is the fallback of all"),
            );
            return None;
        }
        references
            .refer(
                &name,
                at.span,
                format!("channel `{own}` falls back to `{}`", clean(&name, 64)),
            )
            .then(|| ChannelName::new(name))
    }

    fn destination(
        &mut self,
        raw: &raw::Channel,
        name: &str,
        owner: &str,
        (key, map): (Span, Span),
        by_bot: Result<Option<Destination>, Broken>,
    ) -> Option<Destination> {
        let webhook = raw.webhook_url.as_ref().map(|at| at.span);
        let webhook = webhook.or(raw.webhook_url_file.as_ref().map(|at| at.span));
        match (webhook, &raw.signed_webhook) {
            (Some(span), Some(signed)) => {
                self.report(
                    Problem::new(
                        Code::Both,
                        signed.span,
                        format!("{owner} has both `webhook_url` and `signed_webhook`"),
                    )
                    .other(span, "and here")
                    .help("keep one of them, or make two channels of it"),
                );
                None
            }
            (Some(_), None) => {
                let found = self.webhook(
                    owner,
                    name,
                    raw.webhook_url.as_ref(),
                    raw.webhook_url_file.as_ref(),
                )?;
                Some(match by_bot {
                    Ok(Some(bot)) => with_spare(bot, found.secret),
                    Ok(None) | Err(Broken) => Destination::SlackWebhook { url: found.secret },
                })
            }
            (None, Some(signed)) => self.signed_webhook(signed, owner),
            (None, None) if !matches!(by_bot, Ok(None)) => by_bot.ok().flatten(),
            (None, None) => {
                let is_told = ["webhook_url", "webhook_url_file", "signed_webhook"]
                    .iter()
                    .any(|key| self.findings.was_meant(map, key));
                if !is_told {
                    self.report(
                        Problem::new(
                            Code::NoDestination,
                            key,
                            format!("{owner} has no address to send to"),
                        )
                        .help(if raw.slack.is_some() {
                            format!(
                                "add `webhook_url: \"${{{}}}\"`, or let a bot tell it: `slack: {{ bot_token: \"${{SLACK_BOT_TOKEN}}\" }}`",
                                webhook_variable(name)
                            )
                        } else {
                            format!("add `webhook_url: \"${{{}}}\"`", webhook_variable(name))
                        }),
                    );
                }
                None
            }
        }
    }

    fn webhook(
        &mut self,
        owner: &str,
        name: &str,
        direct: Option<&At<raw::SecretText>>,
        file: Option<&At<String>>,
    ) -> Option<Found> {
        let stand_in = format!("{STAND_IN}/{}", url_word(name));
        let variable = webhook_variable(name);
        let found = self.secret(&SecretFields {
            owner,
            key: "webhook_url",
            direct,
            file,
            in_preview: Some(&stand_in),
            is_optional: false,
            variable: Some(&variable),
            has_file_twin: true,
        })?;
        let text = found.secret.expose();
        let url = self.url(
            found.span,
            text,
            false,
            &format!("`webhook_url` of {owner}"),
        )?;
        let is_slack = matches!(
            url.host_str(),
            Some("hooks.slack.com" | "hooks.slack-gov.com")
        );
        let why = if !found.is_stand_in && !Self::is_safe_receiver(text) {
            "it has to begin with https://"
        } else if is_slack && !url.path().starts_with("/services/") {
            "incoming webhooks begin with https://hooks.slack.com/services/; this is a trigger of a workflow"
        } else if is_slack
            && url
                .path()
                .split('/')
                .filter(|part| !part.is_empty())
                .count()
                != 4
        {
            "incoming webhooks have three parts after /services/"
        } else if matches!(
            url.host_str(),
            Some("app.slack.com" | "slack.com" | "api.slack.com")
        ) || (!is_slack
            && url
                .host_str()
                .is_some_and(|host| host.ends_with(".slack.com")))
        {
            "this is a page of Slack, not an incoming webhook"
        } else {
            return Some(found);
        };
        self.report(
            Problem::new(
                Code::Webhook,
                found.span,
                format!("`webhook_url` of {owner} is not an incoming webhook of Slack"),
            )
            .label(why)
            .help("Slack shows it under Your Apps → Incoming Webhooks"),
        );
        None
    }

    fn signed_webhook(&mut self, at: &At<raw::SignedWebhook>, owner: &str) -> Option<Destination> {
        let raw = at.value.as_ref()?;
        let owner = format!("`signed_webhook` of {owner}");
        let missing = |has: bool, key: &str| {
            if !has && !self.findings.was_meant(at.span, key) {
                self.report(
                    Problem::new(Code::Missing, at.span, format!("{owner} has no `{key}`"))
                        .help(format!("add `{key}`, or `{key}_file`")),
                );
            }
        };
        missing(raw.url.is_some() || raw.url_file.is_some(), "url");
        missing(raw.secret.is_some() || raw.secret_file.is_some(), "secret");
        let url = self.secret(&SecretFields {
            owner: &owner,
            key: "url",
            direct: raw.url.as_ref(),
            file: raw.url_file.as_ref(),
            in_preview: Some(STAND_IN),
            is_optional: false,
            variable: None,
            has_file_twin: true,
        });
        let secret = self.secret(&SecretFields {
            owner: &owner,
            key: "secret",
            direct: raw.secret.as_ref(),
            file: raw.secret_file.as_ref(),
            in_preview: Some("preview-preview-preview"),
            is_optional: false,
            variable: Some("SIGNATURE_KEY"),
            has_file_twin: true,
        });
        let url = url.filter(|url| {
            let is_good = self.url(
                url.span,
                url.secret.expose(),
                false,
                &format!("`url` of {owner}"),
            );
            is_good.is_some()
        })?;
        let secret = secret?;
        self.is_key(&secret, &owner)
            .then_some(Destination::SignedWebhook {
                url: url.secret,
                secret: secret.secret,
            })
    }

    /// Whether a secret can sign anything.
    fn is_key(&self, secret: &Found, owner: &str) -> bool {
        if secret.secret.expose().chars().count() < KEY_MIN {
            self.report(
                Problem::new(
                    Code::WeakKey,
                    secret.span,
                    format!("`secret` of {owner} is shorter than {KEY_MIN} characters"),
                )
                .help("make one with `openssl rand -base64 32`"),
            );
            return false;
        }
        if let Err(why) = base64_key(secret.secret.expose()) {
            self.report(
                Problem::new(
                    Code::BrokenKey,
                    secret.span,
                    format!("`secret` of {owner} begins with whsec_, but what follows is no key"),
                )
                .label(why)
                .help(
                    "after whsec_ comes a key of 24 to 64 bytes in Base64: copy it anew from the receiver, or make one \
                     with `echo whsec_$(openssl rand -base64 32)`",
                ),
            );
            return false;
        }
        true
    }

    pub(super) fn on_call(
        &self,
        at: Option<At<Named<raw::OnCall>>>,
        whole: Span,
        zone: Tz,
    ) -> OnCalls {
        let mut out = OnCalls {
            references: References::new("on-call entry", Code::NoSuchOnCall),
            on_call: BTreeMap::new(),
        };
        let is_wrong = at.as_ref().is_some_and(|at| at.value.is_none());
        if is_wrong || self.findings.was_meant(whole, "on_call") {
            out.references.unknowable();
        }
        let named = at
            .and_then(|at| at.value)
            .map_or_else(Vec::new, |named| named.0);
        for (key, at) in named {
            let Some(name) = self.name(&key, "the name of an on-call entry") else {
                continue;
            };
            out.references.declare(&name, key.span);
            let Some(raw) = at.value else { continue };
            let is_told = ["user_group", "users", "rota"]
                .iter()
                .any(|key| self.findings.was_meant(at.span, key));
            let is_nobody = raw.user_group.is_none() && raw.users.is_none() && raw.rota.is_none();
            if is_nobody && !is_told {
                self.report(
                    Problem::new(
                        Code::Nobody,
                        key.span,
                        format!("on-call entry `{name}` names nobody"),
                    )
                    .help("add `user_group: S…`, `users: [U…]`, or a `rota`"),
                );
            }
            let quiet_hours = raw.quiet_hours.as_ref();
            let quiet_hours = quiet_hours.and_then(|at| self.quiet_hours(at, zone));
            let rota = raw.rota.as_ref().and_then(|at| self.rota(at, zone));
            let user_group = raw
                .user_group
                .and_then(|at| self.slack_id(&at, &["S"], "a user group"));
            let users =
                raw.users
                    .and_then(|at| at.value)
                    .map_or_else(Vec::new, |OneOrMany(users)| {
                        users
                            .iter()
                            .filter_map(|at| self.slack_id(at, &["U", "W"], "a user"))
                            .collect()
                    });
            let name = OnCallName::new(name);
            let entry = OnCall {
                name: name.clone(),
                user_group,
                users,
                rota,
                quiet_hours,
            };
            out.on_call.insert(name, entry);
        }
        out
    }

    /// Slack's ids: a letter for the kind, then capital letters and digits.
    pub(super) fn slack_id(&self, at: &At<String>, letters: &[&str], noun: &str) -> Option<String> {
        let help = "Slack shows it in the profile under ⋮ → Copy member ID, and of a user group in its address";
        self.slack_id_found(at, letters, noun, help)
    }

    /// The same, with a word on where Slack shows it.
    pub(super) fn slack_id_found(
        &self,
        at: &At<String>,
        letters: &[&str],
        noun: &str,
        help: &str,
    ) -> Option<String> {
        let text = self.text(at, "this id")?;
        let is_good = letters.iter().any(|letter| text.starts_with(letter))
            && text.len() >= 3
            && text.len() <= 32
            && text
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if is_good {
            return Some(text);
        }
        self.report(
            Problem::new(
                Code::SlackId,
                at.span,
                format!("`{}` is not the id of {noun} in Slack", clean(&text, 64)),
            )
            .label(format!(
                "it begins with {} and has capital letters and digits only",
                letters.join(" or ")
            ))
            .help(help),
        );
        None
    }
}

fn bot_of(channel: &str, token: &Secret, base_url: &str) -> Destination {
    Destination::SlackBot {
        channel: channel.to_owned(),
        token: token.clone(),
        base_url: base_url.to_owned(),
        spare: None,
    }
}

fn with_spare(destination: Destination, webhook: Secret) -> Destination {
    match destination {
        Destination::SlackBot {
            channel,
            token,
            base_url,
            spare: _,
        } => Destination::SlackBot {
            channel,
            token,
            base_url,
            spare: Some(webhook),
        },
        other @ (Destination::SlackWebhook { .. } | Destination::SignedWebhook { .. }) => other,
    }
}

/// Whether this is Slack's id of a channel that begins with one of these letters.
pub(super) fn is_slack_id(text: &str, letters: &[&str]) -> bool {
    (9..=32).contains(&text.len())
        && letters.iter().any(|letter| text.starts_with(letter))
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

impl Channels {
    /// One of them; absent if it is not there or was wrong.
    pub(super) fn get(&self, name: &ChannelName) -> Option<&Channel> {
        self.channels.get(name)
    }

    pub(super) fn finish(self, check: &Check<'_>) -> BTreeMap<ChannelName, Channel> {
        self.references.finish(check);
        self.channels
    }
}

impl OnCalls {
    pub(super) fn finish(self, check: &Check<'_>) -> BTreeMap<OnCallName, OnCall> {
        self.references.finish(check);
        self.on_call
    }
}

/// A good name for the variable that holds a channel's address: `SLACK_WEBHOOK_CORE_ALERTS`.
fn webhook_variable(name: &str) -> String {
    let word: String = name
        .to_ascii_uppercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    format!("SLACK_WEBHOOK_{word}")
}

/// A name as part of an address.
fn url_word(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect()
}

/// Whether a secret in the form of Standard Webhooks holds a key; any other text is a key as it stands.
///
/// Source: Standard Webhooks, specification 1.0.0, "Signature scheme": keys of 24 to 64 bytes, in Base64 after `whsec_`.
fn base64_key(secret: &str) -> Result<(), &'static str> {
    let Some(text) = secret.strip_prefix("whsec_") else {
        return Ok(());
    };
    match BASE64_STANDARD.decode(text) {
        Err(_) => Err("it is not Base64"),
        Ok(key) if !(24..=64).contains(&key.len()) => {
            Err("it is shorter than 24 or longer than 64 bytes")
        }
        Ok(_) => Ok(()),
    }
}
