//! `targets.yaml` exactly as typed: texts and options, nothing checked beyond its form.
//!
//! These types give the decoder its keys, the editor its schema, "did you mean" its words and the tests the list of
//! everything that the shipped file has to show. The comments on the fields are what an editor shows.

use std::{borrow::Cow, sync::LazyLock};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::decode::{At, ListOr, Named, OneOrMany, SwitchOr, TextOr};

pub(crate) mod actions;
pub(crate) mod discovery;
pub(crate) mod heartbeat;
pub(crate) mod http;
pub(crate) mod jobs;
pub(crate) mod logs;
pub(crate) mod maintenance;
pub(crate) mod metrics;
pub(crate) mod page;
pub(crate) mod releases;
pub(crate) mod replies;
pub(crate) mod roles;
pub(crate) mod rota;
pub(crate) mod script;
pub(crate) mod slos;
pub(crate) mod steps;

/// What hekate watches, whom it tells, and how. Top-level keys that begin with `x-` are yours and are ignored.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "the file", deny_unknown_fields)]
#[schemars(rename = "File", extend("patternProperties" = { "^x-": true }))]
pub(crate) struct File {
    /// The version of this form of file: 1.
    #[schemars(extend("enum" = [1]))]
    pub(crate) version: Option<At<u32>>,
    /// Where people and Slack reach this process.
    pub(crate) server: Option<At<Server>>,
    /// Where everything is remembered.
    pub(crate) store: Option<At<Store>>,
    /// Reference points that tell our blindness from the trouble of others, beside the resolver, the receivers of messages and
    /// the gateway, which are asked anyway: names of your choice.
    pub(crate) witnesses: Option<At<Named<Witness>>>,
    /// Whether targets that are bad for one reason are told as one incident. Default `true`.
    pub(crate) group_incidents: Option<At<bool>>,
    /// Whether what goes up and down is told as flapping, and nobody hears of one target more than six times an hour. Default
    /// `true`.
    pub(crate) damp_flapping: Option<At<bool>>,
    /// What every target has unless its group or it says otherwise.
    pub(crate) defaults: Option<At<Defaults>>,
    /// The side of Slack that is the same for all channels.
    pub(crate) slack: Option<At<Slack>>,
    /// The status page.
    pub(crate) page: Option<At<page::Page>>,
    /// An outside service that pages when we fall silent.
    pub(crate) dead_man: Option<At<DeadMan>>,
    /// Where messages go: names of your choice, each with an address. The one called `ops` hears of hekate's own trouble.
    #[schemars(required)]
    pub(crate) channels: Option<At<Named<TextOr<Channel>>>>,
    /// Who can be mentioned.
    pub(crate) on_call: Option<At<Named<OnCall>>>,
    /// Where the logs of targets can be read: names of your choice, each with one store.
    pub(crate) log_sources: Option<At<Named<logs::LogSource>>>,
    /// What belongs together. With this section every `group:` of a target has to be in it.
    pub(crate) groups: Option<At<Named<Group>>>,
    /// What is watched. May be left out if there is `discovery`.
    pub(crate) targets: Option<At<Vec<At<Target>>>>,
    /// Sources that say what else is watched: names of your choice.
    pub(crate) discovery: Option<At<Named<discovery::Discovery>>>,
    /// Who hears of what: the first route that matches decides, unless it says `continue: true`. The last one has to match
    /// everything. May be left out if there is a single channel.
    pub(crate) routes: Option<At<Vec<At<Route>>>>,
    /// When work is planned, and at what: nothing new is told of it meanwhile.
    pub(crate) maintenance: Option<At<Vec<At<maintenance::Window>>>>,
    /// What runs by itself at its times and calls us when it begins and ends: names of your choice.
    pub(crate) jobs: Option<At<Named<jobs::Job>>>,
    /// How available targets are meant to be.
    pub(crate) slos: Option<At<Vec<At<slos::Slo>>>>,
    /// What people can have done to targets, and who may: names of your choice.
    pub(crate) actions: Option<At<Named<actions::Action>>>,
    /// What is said when somebody says certain words to hekate; commands win.
    pub(crate) replies: Option<At<Vec<At<replies::Reply>>>>,
    /// What is released: where it is told, how it is followed, and who may announce it.
    pub(crate) releases: Option<At<releases::Releases>>,
}

/// Where people and Slack reach this process.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`server`", deny_unknown_fields)]
#[schemars(rename = "Server")]
pub(crate) struct Server {
    /// Address and port to listen on. Default `127.0.0.1:8080`.
    pub(crate) listen: Option<At<String>>,
    /// How people reach it, for links in messages.
    pub(crate) public_url: Option<At<AddressText>>,
    /// The time zone for times in plain text, such as `Europe/Prague`. Default `UTC`.
    pub(crate) timezone: Option<At<String>>,
    /// What programs elsewhere have to send (`Authorization: Bearer …`) to read the API and the metrics; at least 16
    /// characters. Default: only programs on this machine can.
    pub(crate) token: Option<At<SecretText>>,
    /// File with the token.
    pub(crate) token_file: Option<At<String>>,
    /// What jobs have in the path when they call (`/ping/<ping key>/<job>`), at least 16 characters.
    pub(crate) ping_key: Option<At<SecretText>>,
    /// File with the ping key.
    pub(crate) ping_key_file: Option<At<String>>,
}

/// Where everything is remembered.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`store`", deny_unknown_fields)]
#[schemars(rename = "Store")]
pub(crate) struct Store {
    /// The folder; relative to the file. Default `./data`.
    pub(crate) path: Option<At<String>>,
    /// How long history is kept, 1d to 3650d. Default `400d`.
    pub(crate) retention: Option<At<DurationText>>,
}

/// What every target has unless its group or it says otherwise.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`defaults`", deny_unknown_fields)]
#[schemars(rename = "Defaults")]
pub(crate) struct Defaults {
    /// From one look to the next, 1s to 1d. Default `30s`.
    pub(crate) interval: Option<At<DurationText>>,
    /// Limit of one look; shorter than the interval. Default `5s`, or less for short intervals.
    pub(crate) timeout: Option<At<DurationText>>,
    /// How long failures have to last before they are told.
    pub(crate) confirm: Option<At<TextOr<Confirm>>>,
    /// Failures among the last looks, in place of `confirm`: `3` in a row, or `3 of 5`.
    pub(crate) failures: Option<At<CountText>>,
    /// Good looks in a row that end an outage, 1 to 10. Default 3.
    pub(crate) successes: Option<At<u32>>,
    /// Answers that take longer are slow. Default `2s`.
    pub(crate) slow_after: Option<At<DurationText>>,
    /// How bad it is for people when it is down. Default `critical`.
    pub(crate) severity: Option<At<SeverityWord>>,
}

/// How long failures have to last before they are told, by the strength of the evidence.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`confirm`", deny_unknown_fields)]
#[schemars(rename = "Confirm")]
pub(crate) struct Confirm {
    /// For answers that say "not healthy". Default `8s`.
    pub(crate) explicit: Option<At<DurationText>>,
    /// For refused connections and answers of somebody else. Default `12s`.
    pub(crate) refused: Option<At<DurationText>>,
    /// For silence. Default `20s`.
    pub(crate) silent: Option<At<DurationText>>,
}

/// The side of Slack that is the same for all channels.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`slack`", deny_unknown_fields)]
#[schemars(rename = "Slack")]
pub(crate) struct Slack {
    /// The slash command. Default `/roih`.
    #[schemars(regex(pattern = "^/[a-z0-9_-]{1,31}$"))]
    pub(crate) command: Option<At<String>>,
    /// Signing secret of the Slack app; with it the slash command is answered.
    pub(crate) signing_secret: Option<At<SecretText>>,
    /// File with the signing secret.
    pub(crate) signing_secret_file: Option<At<String>>,
    /// The signing secret before, accepted while it is being rotated.
    pub(crate) previous_signing_secret: Option<At<SecretText>>,
    /// File with the signing secret before.
    pub(crate) previous_signing_secret_file: Option<At<String>>,
    /// App-level token of the Slack app (`xapp-…`, scope `connections:write`); with it the slash command is answered without
    /// a public address (Socket Mode).
    pub(crate) app_token: Option<At<SecretText>>,
    /// File with the app-level token.
    pub(crate) app_token_file: Option<At<String>>,
    /// The token of the app's bot (`xoxb-…`, scope `chat:write`); with it channels that have a `slack` are told by the bot: one
    /// message for each incident, edited as it goes on.
    pub(crate) bot_token: Option<At<SecretText>>,
    /// File with the bot's token.
    pub(crate) bot_token_file: Option<At<String>>,
    /// The workspace whose people are obeyed (`T…`), or the organisation (`E…`): commands, clicks and mentions from elsewhere are
    /// refused. Default the workspace of the bot, as Slack says.
    pub(crate) team_id: Option<At<String>>,
    /// Where Slack is. Default `https://slack.com`; for governments `https://slack-gov.com`.
    pub(crate) base_url: Option<At<AddressText>>,
}

/// An outside service that pages when we fall silent.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`dead_man`", deny_unknown_fields)]
#[schemars(rename = "DeadMan")]
pub(crate) struct DeadMan {
    /// The address to ping.
    pub(crate) url: Option<At<SecretText>>,
    /// File with the address.
    pub(crate) url_file: Option<At<String>>,
    /// How often, 10s to 1d. Default `60s`.
    pub(crate) every: Option<At<DurationText>>,
}

/// A reference point: something that is always there, unless we cannot see. One of `tcp` and `dns`.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a witness", deny_unknown_fields)]
#[schemars(rename = "Witness")]
pub(crate) struct Witness {
    /// Host and port of something that accepts or refuses connections: `lb.internal:443`.
    pub(crate) tcp: Option<At<EndpointText>>,
    /// A name that the resolver has to say anything about: `intranet.example.test`.
    pub(crate) dns: Option<At<String>>,
}

/// Where messages go. A text in place of it is its `webhook_url`.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a channel", deny_unknown_fields)]
#[schemars(rename = "Channel")]
pub(crate) struct Channel {
    /// What Slack calls it: `"#core-alerts"`, or its id. For people; with a `bot_token` it is where the bot tells.
    pub(crate) slack: Option<At<String>>,
    /// Incoming webhook of Slack. Beside a bot it is used while Slack refuses the bot.
    pub(crate) webhook_url: Option<At<SecretText>>,
    /// File with the webhook's address.
    pub(crate) webhook_url_file: Option<At<String>>,
    /// Any other receiver, in place of Slack.
    pub(crate) signed_webhook: Option<At<SignedWebhook>>,
    /// The channel that gets its messages while this one refuses them. Default `ops`, if there is one.
    pub(crate) fallback: Option<At<String>>,
    /// How many messages it gets in which time: `6 per 10m`. What is over that is told as one. Default no limit.
    pub(crate) max_messages: Option<At<AllowanceText>>,
}

/// A receiver of signed JSON.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`signed_webhook`", deny_unknown_fields)]
#[schemars(rename = "SignedWebhook")]
pub(crate) struct SignedWebhook {
    /// Its address.
    pub(crate) url: Option<At<SecretText>>,
    /// File with its address.
    pub(crate) url_file: Option<At<String>>,
    /// The key of the signature, at least 16 characters.
    pub(crate) secret: Option<At<SecretText>>,
    /// File with the key of the signature.
    pub(crate) secret_file: Option<At<String>>,
}

/// Who can be mentioned.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "an on-call entry", deny_unknown_fields)]
#[schemars(rename = "OnCall")]
pub(crate) struct OnCall {
    /// Slack's id of a user group, `S…`.
    pub(crate) user_group: Option<At<String>>,
    /// Slack's ids of people, `U…` or `W…`.
    pub(crate) users: Option<At<OneOrMany<String>>>,
    /// Who is on call when: whoever it is now is mentioned, unless there is a `user_group`.
    pub(crate) rota: Option<At<rota::Rota>>,
    /// When routes that mention it tell nothing but what cannot wait; the rest is told as one when they are over.
    pub(crate) quiet_hours: Option<At<QuietHours>>,
}

/// Hours in which only what cannot wait is told.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`quiet_hours`", deny_unknown_fields)]
#[schemars(rename = "QuietHours")]
pub(crate) struct QuietHours {
    /// Their beginning, `"22:00"`.
    #[schemars(required)]
    pub(crate) from: Option<At<String>>,
    /// Their end, `"07:00"`; before the beginning = on the next day.
    #[schemars(required)]
    pub(crate) to: Option<At<String>>,
    /// What waits: `info`, `warning`. Default both; what is critical never waits.
    pub(crate) severities: Option<At<OneOrMany<SeverityWord>>>,
    /// Their time zone. Default that of `server`.
    pub(crate) timezone: Option<At<String>>,
}

/// What belongs together.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a group", deny_unknown_fields)]
#[schemars(rename = "Group")]
pub(crate) struct Group {
    /// Other words for it.
    pub(crate) aliases: Option<At<OneOrMany<String>>>,
    /// Who owns it, for people.
    pub(crate) team: Option<At<String>>,
    /// Who of it is active, and where that is read. `always`: all of them.
    pub(crate) active: Option<At<TextOr<roles::Active>>>,
    /// What all of its targets depend on, as in a target.
    pub(crate) depends_on: Option<At<OneOrMany<String>>>,
    /// How bad it is for people when one of its targets is down.
    pub(crate) severity: Option<At<SeverityWord>>,
    /// Whether it is a disaster if nobody active in it is up, or if most of its active ones are down (of three or more).
    pub(crate) production: Option<At<bool>>,
    /// As in `defaults`.
    pub(crate) interval: Option<At<DurationText>>,
    /// As in `defaults`.
    pub(crate) timeout: Option<At<DurationText>>,
    /// As in `defaults`.
    pub(crate) confirm: Option<At<TextOr<Confirm>>>,
    /// As in `defaults`.
    pub(crate) failures: Option<At<CountText>>,
    /// As in `defaults`.
    pub(crate) successes: Option<At<u32>>,
    /// As in `defaults`.
    pub(crate) slow_after: Option<At<DurationText>>,
}

/// What is watched.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a target", deny_unknown_fields)]
#[schemars(rename = "Target")]
pub(crate) struct Target {
    /// Its name, unique within its group; without `/`.
    #[schemars(required)]
    pub(crate) name: Option<At<String>>,
    /// Its group.
    pub(crate) group: Option<At<String>>,
    /// Other words for it.
    pub(crate) aliases: Option<At<OneOrMany<String>>>,
    /// An emoji, `":hekate-blue:"` or `"🔵"`: who it is, not how it is.
    pub(crate) icon: Option<At<String>>,
    /// How bad it is for people when it is down. Default `critical`.
    pub(crate) severity: Option<At<SeverityWord>>,
    /// As in `defaults`.
    pub(crate) interval: Option<At<DurationText>>,
    /// As in `defaults`.
    pub(crate) timeout: Option<At<DurationText>>,
    /// As in `defaults`.
    pub(crate) confirm: Option<At<TextOr<Confirm>>>,
    /// As in `defaults`.
    pub(crate) failures: Option<At<CountText>>,
    /// As in `defaults`.
    pub(crate) successes: Option<At<u32>>,
    /// As in `defaults`.
    pub(crate) slow_after: Option<At<DurationText>>,
    /// Where to read what to do when it is down.
    pub(crate) runbook_url: Option<At<AddressText>>,
    /// What it was called before, so that its memory follows it: `old name`, or `old group/old name`.
    pub(crate) was: Option<At<String>>,
    /// What it cannot work without: targets (`name` or `group/name`) or whole groups. While one of them is down this target
    /// counts as unknown and is not told; if it is still bad 45 s after that one is back, it is.
    pub(crate) depends_on: Option<At<OneOrMany<String>>>,
    /// Its health endpoint.
    pub(crate) health: Option<At<TextOr<Health>>>,
    /// How fresh its log has to be.
    pub(crate) log_freshness: Option<At<logs::LogFreshness>>,
    /// A port that something listens at.
    pub(crate) tcp: Option<At<TextOr<TcpCheck>>>,
    /// A certificate: whom it is for, whether it is trusted, and how long.
    pub(crate) tls: Option<At<TextOr<TlsCheck>>>,
    /// What a name leads to.
    pub(crate) dns: Option<At<TextOr<DnsCheck>>>,
    /// Whether a host answers echo requests.
    pub(crate) icmp: Option<At<TextOr<IcmpCheck>>>,
    /// Whether a connection can be upgraded to `WebSocket`.
    pub(crate) websocket: Option<At<TextOr<WebsocketCheck>>>,
    /// The health service of gRPC.
    pub(crate) grpc: Option<At<TextOr<GrpcCheck>>>,
    /// A sign of life that it sends by itself.
    pub(crate) heartbeat: Option<At<TextOr<heartbeat::Heartbeat>>>,
    /// One request, and what its answer has to be.
    pub(crate) http: Option<At<TextOr<http::Http>>>,
    /// One value among its metrics, and how large it may be.
    pub(crate) metrics: Option<At<metrics::Metrics>>,
    /// A short scenario: requests in order.
    pub(crate) steps: Option<At<ListOr<steps::Step, steps::Steps>>>,
}

/// How a health endpoint is asked and understood. A text in place of it is its `url`.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`health`", deny_unknown_fields)]
#[schemars(rename = "Health")]
pub(crate) struct Health {
    /// Its address.
    #[schemars(required)]
    pub(crate) url: Option<At<AddressText>>,
    /// More headers.
    pub(crate) headers: Option<At<Named<SecretText>>>,
    /// User name and password.
    pub(crate) basic: Option<At<Basic>>,
    /// A bearer token.
    pub(crate) bearer: Option<At<SecretText>>,
    /// File with the bearer token.
    pub(crate) bearer_file: Option<At<String>>,
    /// The dialect of its body. By default it is found out.
    pub(crate) format: Option<At<FormatWord>>,
    /// Components whose being down is the target's being down.
    pub(crate) critical_components: Option<At<OneOrMany<String>>>,
    /// Your own rules; the first that matches decides.
    pub(crate) rules: Option<At<Vec<At<Rule>>>>,
    /// `fresh`: a new connection for every look, as a new user would have. `reuse`: kept open. Default `fresh`.
    pub(crate) connection: Option<At<ConnectionWord>>,
    /// Default `"1.1"`.
    pub(crate) http_version: Option<At<HttpVersionWord>>,
    /// Which addresses are used: `auto`, `v4` or `v6`. Default `auto`.
    pub(crate) ip: Option<At<IpWord>>,
    /// Whether every address of the name is asked, up to 16 at once; the worst decides. Default `false`: the first that
    /// answers.
    pub(crate) all_addresses: Option<At<bool>>,
    /// Whom to trust and who we are.
    pub(crate) tls: Option<At<Tls>>,
}

/// User name and password.
#[derive(Deserialize, JsonSchema, Clone, Default, Debug)]
#[serde(rename = "`basic`", deny_unknown_fields)]
#[schemars(rename = "Basic")]
pub(crate) struct Basic {
    /// The user name.
    #[schemars(required)]
    pub(crate) username: Option<At<SecretText>>,
    /// The password.
    pub(crate) password: Option<At<SecretText>>,
    /// File with the password.
    pub(crate) password_file: Option<At<String>>,
}

/// One rule of your own.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a rule", deny_unknown_fields)]
#[schemars(rename = "Rule")]
pub(crate) struct Rule {
    /// `status >= 500`, `$.queue.depth > 100`, `$.status == "UP"`, `$.error exists`, `$.version missing`.
    #[schemars(required)]
    pub(crate) r#if: Option<At<String>>,
    /// What it means if it holds.
    #[schemars(required)]
    pub(crate) then: Option<At<ThenWord>>,
    /// How to say it. By default the condition itself.
    pub(crate) say: Option<At<String>>,
}

/// Whom to trust and who we are.
#[derive(Deserialize, JsonSchema, Clone, Default, Debug)]
#[serde(rename = "`tls`", deny_unknown_fields)]
#[schemars(rename = "Tls")]
pub(crate) struct Tls {
    /// PEM file with more root certificates.
    pub(crate) ca_file: Option<At<String>>,
    /// PEM file with our certificate chain.
    pub(crate) certificate_file: Option<At<String>>,
    /// PEM file with its key.
    pub(crate) key_file: Option<At<String>>,
    /// The name that the certificate has to carry, if not the host of the address.
    pub(crate) server_name: Option<At<String>>,
    /// Accept any certificate. Default `false`.
    pub(crate) insecure: Option<At<bool>>,
}

/// A port that something listens at. A text in place of it is its `address`.
#[derive(Deserialize, JsonSchema, Clone, Default, Debug)]
#[serde(rename = "`tcp`", deny_unknown_fields)]
#[schemars(rename = "TcpCheck")]
pub(crate) struct TcpCheck {
    /// Host and port: `db.internal:5432`.
    #[schemars(required)]
    pub(crate) address: Option<At<EndpointText>>,
    /// What is said first.
    pub(crate) send: Option<At<SecretText>>,
    /// What has to come within the first 4 KiB.
    pub(crate) expect: Option<At<String>>,
    /// `true`, or whom to trust and who we are. Default `false`.
    pub(crate) tls: Option<At<SwitchOr<Tls>>>,
    /// Whether every address of the name is asked, up to 16 at once; the worst decides. Default `false`: the first that
    /// answers.
    pub(crate) all_addresses: Option<At<bool>>,
    /// Which addresses are used: `auto`, `v4` or `v6`. Default `auto`.
    pub(crate) ip: Option<At<IpWord>>,
    /// As in `defaults`, for this check.
    pub(crate) interval: Option<At<DurationText>>,
    /// As in `defaults`, for this check.
    pub(crate) timeout: Option<At<DurationText>>,
}

/// A certificate. A text in place of it is its `address`.
#[derive(Deserialize, JsonSchema, Clone, Default, Debug)]
#[serde(rename = "`tls` of a target", deny_unknown_fields)]
#[schemars(rename = "TlsCheck")]
pub(crate) struct TlsCheck {
    /// Host and port: `api.example.test:443`. The port may be left out.
    #[schemars(required)]
    pub(crate) address: Option<At<EndpointText>>,
    /// With so much time left it is told, each once, 1h to 365d. Default `[21d, 7d, 1d]`.
    pub(crate) warn_at: Option<At<OneOrMany<DurationText>>>,
    /// What is spoken before TLS begins, if anything.
    pub(crate) starttls: Option<At<StartTlsWord>>,
    /// PEM file with more root certificates.
    pub(crate) ca_file: Option<At<String>>,
    /// PEM file with our certificate chain.
    pub(crate) certificate_file: Option<At<String>>,
    /// PEM file with its key.
    pub(crate) key_file: Option<At<String>>,
    /// The name that the certificate has to carry, if not the host of the address.
    pub(crate) server_name: Option<At<String>>,
    /// Look at its dates only, and accept any certificate. Default `false`.
    pub(crate) insecure: Option<At<bool>>,
    /// Whether every address of the name is asked, up to 16 at once; the worst decides. Default `false`: the first that
    /// answers.
    pub(crate) all_addresses: Option<At<bool>>,
    /// Which addresses are used: `auto`, `v4` or `v6`. Default `auto`.
    pub(crate) ip: Option<At<IpWord>>,
    /// As in `defaults`, for this check.
    pub(crate) interval: Option<At<DurationText>>,
    /// As in `defaults`, for this check.
    pub(crate) timeout: Option<At<DurationText>>,
}

/// What a name leads to. A text in place of it is its `name`.
#[derive(Deserialize, JsonSchema, Clone, Default, Debug)]
#[serde(rename = "`dns`", deny_unknown_fields)]
#[schemars(rename = "DnsCheck")]
pub(crate) struct DnsCheck {
    /// The whole name.
    #[schemars(required)]
    pub(crate) name: Option<At<String>>,
    /// The type of record. Default `A`.
    pub(crate) record: Option<At<RecordWord>>,
    /// The records that it has to have, in any order, and no others.
    pub(crate) expect: Option<At<OneOrMany<String>>>,
    /// Records that it has to have, perhaps among others.
    pub(crate) contains: Option<At<OneOrMany<String>>>,
    /// Who is asked: address and perhaps port, `1.1.1.1:53`. Default: this machine's resolver.
    pub(crate) resolver: Option<At<String>>,
    /// As in `defaults`, for this check.
    pub(crate) interval: Option<At<DurationText>>,
    /// As in `defaults`, for this check.
    pub(crate) timeout: Option<At<DurationText>>,
}

/// Whether a host answers echo requests. A text in place of it is its `host`.
#[derive(Deserialize, JsonSchema, Clone, Default, Debug)]
#[serde(rename = "`icmp`", deny_unknown_fields)]
#[schemars(rename = "IcmpCheck")]
pub(crate) struct IcmpCheck {
    /// A name or an address.
    #[schemars(required)]
    pub(crate) host: Option<At<String>>,
    /// Echo requests of one look, 1 to 10. Default 3.
    pub(crate) packets: Option<At<u32>>,
    /// With more lost ones than this it falls short. By default one reply is enough.
    pub(crate) max_lost: Option<At<u32>>,
    /// Which addresses are used: `auto`, `v4` or `v6`. Default `auto`.
    pub(crate) ip: Option<At<IpWord>>,
    /// As in `defaults`, for this check.
    pub(crate) interval: Option<At<DurationText>>,
    /// As in `defaults`, for this check.
    pub(crate) timeout: Option<At<DurationText>>,
}

/// Whether a connection can be upgraded to `WebSocket`. A text in place of it is its `url`.
#[derive(Deserialize, JsonSchema, Clone, Default, Debug)]
#[serde(rename = "`websocket`", deny_unknown_fields)]
#[schemars(rename = "WebsocketCheck")]
pub(crate) struct WebsocketCheck {
    /// Its address: `wss://…` or `ws://…`.
    #[schemars(required)]
    pub(crate) url: Option<At<AddressText>>,
    /// More headers.
    pub(crate) headers: Option<At<Named<SecretText>>>,
    /// The first message from us.
    pub(crate) send: Option<At<SecretText>>,
    /// What the first message from them has to contain.
    pub(crate) expect: Option<At<String>>,
    /// Whom to trust and who we are.
    pub(crate) tls: Option<At<Tls>>,
    /// Which addresses are used: `auto`, `v4` or `v6`. Default `auto`.
    pub(crate) ip: Option<At<IpWord>>,
    /// As in `defaults`, for this check.
    pub(crate) interval: Option<At<DurationText>>,
    /// As in `defaults`, for this check.
    pub(crate) timeout: Option<At<DurationText>>,
}

/// The health service of gRPC. A text in place of it is its `address`.
#[derive(Deserialize, JsonSchema, Clone, Default, Debug)]
#[serde(rename = "`grpc`", deny_unknown_fields)]
#[schemars(rename = "GrpcCheck")]
pub(crate) struct GrpcCheck {
    /// Host and port: `api.internal:50051`.
    #[schemars(required)]
    pub(crate) address: Option<At<EndpointText>>,
    /// Which service is asked for. By default the server as a whole.
    pub(crate) service: Option<At<String>>,
    /// Sent with the call.
    pub(crate) metadata: Option<At<Named<SecretText>>>,
    /// `true`, or whom to trust and who we are. Default `false`.
    pub(crate) tls: Option<At<SwitchOr<Tls>>>,
    /// Which addresses are used: `auto`, `v4` or `v6`. Default `auto`.
    pub(crate) ip: Option<At<IpWord>>,
    /// As in `defaults`, for this check.
    pub(crate) interval: Option<At<DurationText>>,
    /// As in `defaults`, for this check.
    pub(crate) timeout: Option<At<DurationText>>,
}

/// Who hears of what.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a route", deny_unknown_fields)]
#[schemars(rename = "Route")]
pub(crate) struct Route {
    /// What it takes; everything given has to hold. Without it the route takes everything.
    pub(crate) r#match: Option<At<Match>>,
    /// The channels that are told.
    #[schemars(required)]
    pub(crate) to: Option<At<OneOrMany<String>>>,
    /// Who is mentioned when something critical is down: a key of `on_call`.
    pub(crate) mention: Option<At<String>>,
    /// Times after which a reminder follows while it is still bad, 1m to 30d; the last gap repeats.
    pub(crate) remind_after: Option<At<OneOrMany<DurationText>>>,
    /// Whether later routes are asked as well. Default `false`.
    pub(crate) r#continue: Option<At<bool>>,
}

/// What a route takes.
#[derive(Deserialize, JsonSchema, Clone, Default, Debug)]
#[serde(rename = "`match`", deny_unknown_fields)]
#[schemars(rename = "Match")]
pub(crate) struct Match {
    /// Any of these groups.
    pub(crate) group: Option<At<OneOrMany<String>>>,
    /// Any of these targets: `group/name`, or the name alone if it is the only one.
    pub(crate) target: Option<At<OneOrMany<String>>>,
    /// Any of these severities.
    pub(crate) severity: Option<At<OneOrMany<SeverityWord>>>,
    /// Any of these states.
    pub(crate) state: Option<At<OneOrMany<StateWord>>>,
    /// Any of these roles, for targets whose group says `active:`. An unknown role counts as active.
    pub(crate) role: Option<At<OneOrMany<RoleWord>>>,
    /// Any of these components is down, as health bodies call it: `db`. Of several targets told as one it is their common
    /// cause.
    pub(crate) component: Option<At<OneOrMany<String>>>,
}

/// A text of its own kind, with what an editor is told of it.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $($schema:tt)*) => {
        $(#[$doc])*
        #[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
        #[serde(transparent)]
        pub(crate) struct $name(pub(crate) String);

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($($schema)*)
            }
        }
    };
}

text! {
    /// A duration with its unit.
    DurationText,
    { "type": "string", "pattern": "^ *[0-9]+ *[a-zA-Z]+( *[0-9]+ *[a-zA-Z]+)* *$", "examples": ["500ms", "30s", "1m 30s", "2h", "14d"] }
}
text! {
    /// How far a clock jumps, and where to.
    ShiftText,
    { "type": "string", "pattern": "^ *[+-] *[0-9]+ *[a-zA-Z]+( *[0-9]+ *[a-zA-Z]+)* *$", "examples": ["+1h", "-10m"] }
}
text! {
    /// An address; `${VAR}` works in it.
    AddressText,
    { "type": "string", "examples": ["https://api.example.test/health"] }
}
text! {
    /// A host and a port; `${VAR}` works in it.
    EndpointText,
    { "type": "string", "examples": ["db.internal:5432", "[2001:db8::1]:443"] }
}
text! {
    /// A secret; `${VAR}` works in it.
    SecretText,
    { "type": "string", "examples": ["${VARIABLE}", "${VARIABLE:-default}", "${VARIABLE:?what to do}"] }
}
text! {
    /// `3` or `3 of 5`.
    CountText,
    { "type": ["string", "integer"], "pattern": "^ *[0-9]+( +of +[0-9]+)? *$", "examples": ["3 of 5"] }
}
text! {
    /// `6 per 10m`.
    AllowanceText,
    { "type": "string", "pattern": "^ *[0-9]+ +per +[0-9]+ *[a-zA-Z]+( *[0-9]+ *[a-zA-Z]+)* *$", "examples": ["6 per 10m"] }
}

/// One of a few words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $words:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub(crate) struct $name(pub(crate) String);

        impl $name {
            /// All of them.
            pub(crate) const WORDS: &'static [&'static str] = &$words;
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <String as serde::Deserialize>::deserialize(deserializer)?;
                if Self::WORDS.contains(&word.as_str()) {
                    Ok(Self(word))
                } else {
                    Err(serde::de::Error::unknown_variant(&word, Self::WORDS))
                }
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": Self::WORDS })
            }
        }
    };
}

pub(crate) use words;

words! {
    /// How bad.
    SeverityWord, ["info", "warning", "critical", "disaster"]
}
words! {
    /// What a route can take; other states are never told by themselves.
    StateWord, ["down", "degraded", "unknown"]
}
words! {
    /// What a target carries.
    RoleWord, ["active", "inactive"]
}
words! {
    /// A dialect of health bodies.
    FormatWord, crate::model::Family::ALL_WORDS
}
words! {
    /// Whether looks share connections.
    ConnectionWord, ["fresh", "reuse"]
}
words! {
    /// Which HTTP.
    HttpVersionWord, ["1.1", "2"]
}
words! {
    /// Which addresses.
    IpWord, ["auto", "v4", "v6"]
}
words! {
    /// A protocol that begins in plain text.
    StartTlsWord, crate::model::wire::StartTls::ALL_WORDS
}
words! {
    /// A type of DNS record.
    RecordWord, *crate::model::wire::RecordKind::ALL_WORDS
}
words! {
    /// What a rule means.
    ThenWord, ["operational", "degraded", "down"]
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Named{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}

impl<T: JsonSchema> JsonSchema for TextOr<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("TextOr{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let section = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "string" }, section] })
    }
}

impl<T: JsonSchema> JsonSchema for SwitchOr<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("SwitchOr{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let section = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "boolean" }, section] })
    }
}

impl<I: JsonSchema, T: JsonSchema> JsonSchema for ListOr<I, T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ListOr{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<I>();
        let section = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "array", "items": item }, section] })
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [item, { "type": "array", "items": item }] })
    }
}

/// Keys that a later version will take, by section: they are refused as what they are, not as slips.
const LATER: &[(&str, &[&str])] = &[
    ("the file", &["silences", "status_pages", "include"]),
    (
        "`server`",
        &["tls", "trusted_proxies", "token", "token_file", "public"],
    ),
    ("`store`", &["raw_retention", "rollup_retention"]),
    ("a channel", &["quiet_hours", "alertmanager", "email"]),
    ("an on-call entry", &["fallback_users"]),
    ("a group", &["pair", "order", "maintenance"]),
    ("a target", &["active", "pair", "color", "maintenance"]),
    (
        "`health`",
        &[
            "active_when",
            "expect",
            "method",
            "body",
            "follow_redirects",
            "proxy",
        ],
    ),
    ("`match`", &["kind", "team"]),
];

/// Whether a later version will take this key in this section.
pub(crate) fn is_later(section: &str, key: &str) -> bool {
    LATER
        .iter()
        .any(|(of, keys)| *of == section && keys.contains(&key))
}

/// The sections that take this key.
pub(crate) fn sections_with(key: &str) -> Vec<&'static str> {
    const TITLES: [(&str, &str); 61] = [
        ("Target", "a target"),
        ("Health", "`health`"),
        ("Route", "a route"),
        ("Group", "a group"),
        ("Active", "`active` of a group"),
        ("ActiveFallback", "`fallback` of `active`"),
        ("Channel", "a channel"),
        ("LogSource", "a log source"),
        ("Discovery", "an entry of `discovery`"),
        ("HttpSd", "`http_sd` of `discovery`"),
        ("DnsSrv", "`dns_srv` of `discovery`"),
        ("DockerSd", "`docker` of `discovery`"),
        ("KubernetesSd", "`kubernetes` of `discovery`"),
        ("LogFreshness", "`log_freshness`"),
        ("Heartbeat", "`heartbeat`"),
        ("Http", "`http`"),
        ("Expect", "`expect` of `http`"),
        ("Metrics", "`metrics`"),
        ("Steps", "`steps`"),
        ("Step", "a step"),
        ("Extract", "`extract` of a step"),
        ("LogStore", "a store of logs"),
        ("Canary", "`canary` of a log source"),
        ("Defaults", "`defaults`"),
        ("Match", "`match` of a route"),
        ("Maintenance", "a maintenance"),
        ("Action", "an action"),
        ("ActionWhen", "`when` of an action"),
        ("ActionAllow", "`allow` of an action"),
        ("ActionHttp", "`http` of an action"),
        ("Jenkins", "`jenkins` of an action"),
        ("OwnPlan", "what an action begins"),
        ("OnCall", "`on_call`"),
        ("Rota", "`rota` of `on_call`"),
        ("Shift", "a shift of a `rota`"),
        ("QuietHours", "`quiet_hours` of `on_call`"),
        ("Tls", "`tls` of `health`"),
        ("Basic", "`basic` of `health`"),
        ("Rule", "`rules` of `health`"),
        ("Confirm", "`confirm`"),
        ("Server", "`server`"),
        ("Store", "`store`"),
        ("Slack", "`slack`"),
        ("Page", "`page`"),
        ("TrustedProxy", "`trusted_proxy` of `page`"),
        ("DeadMan", "`dead_man`"),
        ("Witness", "a witness"),
        ("SignedWebhook", "`signed_webhook` of a channel"),
        ("TcpCheck", "`tcp` of a target"),
        ("TlsCheck", "`tls` of a target"),
        ("DnsCheck", "`dns` of a target"),
        ("IcmpCheck", "`icmp` of a target"),
        ("WebsocketCheck", "`websocket` of a target"),
        ("GrpcCheck", "`grpc` of a target"),
        ("Reply", "a reply"),
        ("Slo", "an SLO"),
        ("Job", "a job"),
        ("Releases", "`releases`"),
        ("Project", "a project of `releases`"),
        ("Rotation", "`rotation` of a rota"),
        ("Override", "an override of a rota"),
    ];
    static SCHEMA: LazyLock<serde_json::Value> = LazyLock::new(super::schema::schema);
    TITLES
        .iter()
        .filter(|(name, _)| !SCHEMA["definitions"][name]["properties"][key].is_null())
        .map(|(_, title)| *title)
        .collect()
}
