//! The checked configuration: immutable, complete, without a secret that can be printed.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use chrono_tz::Tz;
use serde_json::Value;
use url::Url;

use super::{
    action::Action,
    health::Family,
    heartbeat::HeartbeatQuestion,
    http::HttpQuestion,
    job::JobQuestion,
    judgement::Policy,
    logs::{LogQuestion, LogStoreQuestion},
    metrics::MetricsQuestion,
    names::{ChannelName, CheckKind, GroupName, OnCallName, TargetId},
    page::PageSettings,
    planned::Window,
    quiet_hours::{Allowance, QuietHours},
    release::ReleaseSettings,
    replies::CannedReply,
    roles::{Role, Roles},
    rota::Rota,
    secret::Secret,
    slo::Slo,
    steps::StepsQuestion,
    time::Timestamp,
    verdict::Verdict,
    wire::{DnsQuestion, GrpcQuestion, IcmpQuestion, TcpQuestion, TlsQuestion, WebsocketQuestion},
    witness::Witness,
};

/// How bad it is for people when a target is down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look at it by day.
    Warning,
    /// Somebody has to act now. The default.
    #[default]
    Critical,
    /// Everybody has to know: what everything rests on is down. Told wherever something critical is, too.
    Disaster,
}

impl Severity {
    /// The word in the file and for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Disaster => "disaster",
        }
    }

    /// The severity with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Critical, Self::Disaster]
            .into_iter()
            .find(|severity| severity.as_str() == word)
    }

    /// Whether somebody has to act now, at any hour.
    pub const fn is_critical(self) -> bool {
        matches!(self, Self::Critical | Self::Disaster)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Everything the file says, checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// `server:`
    pub server: Server,
    /// `store:`
    pub store: StoreSettings,
    /// `slack:`
    pub slack: SlackSettings,
    /// `page:`
    pub page: PageSettings,
    /// `dead_man:`
    pub dead_man: Option<DeadMan>,
    /// `channels:` by name.
    pub channels: BTreeMap<ChannelName, Channel>,
    /// `on_call:` by name.
    pub on_call: BTreeMap<OnCallName, OnCall>,
    /// `groups:` in the order of the file.
    pub groups: Vec<Group>,
    /// `targets:` in the order of the file.
    pub targets: Vec<Arc<Target>>,
    /// `routes:` in the order of the file; the last one matches everything.
    pub routes: Vec<Route>,
    /// `group_incidents:` whether targets that are bad for one reason are told as one. Default yes.
    pub groups_incidents: bool,
    /// `damp_flapping:` whether people hear less of what goes up and down, and of one target six times an hour at most.
    /// Default yes.
    pub damps_flapping: bool,
    /// Who tells our blindness from the trouble of others: `witnesses:` and those that the file implies.
    pub witnesses: Arc<[Witness]>,
    /// `maintenance:` in the order of the file.
    pub maintenance: Arc<[Window]>,
    /// `slos:` in the order of the file.
    pub slos: Arc<[Slo]>,
    /// `actions:` in the order of the file.
    pub actions: Arc<[Arc<Action>]>,
    /// `replies:` in the order of the file.
    pub replies: Arc<[CannedReply]>,
    /// `releases:`
    pub releases: ReleaseSettings,
}

impl Plan {
    /// The channel for hekate's own trouble: the one called `ops`, else the last route's first.
    pub fn ops(&self) -> Option<&ChannelName> {
        self.channels
            .keys()
            .find(|name| name.as_str() == "ops")
            .or_else(|| self.routes.last().and_then(|route| route.to.first()))
    }

    /// The name of what somebody alone is told, by the user's id in Slack: `@U0ALICE`. No key of a file is like that.
    pub fn mailbox_of(user: &str) -> ChannelName {
        ChannelName::new(format!("@{user}"))
    }

    /// Those who can be told something alone: with a bot, everybody whom a rota names.
    ///
    /// Source: a user's id in place of a channel's opens a direct message,
    /// <https://docs.slack.dev/reference/methods/chat.postMessage>.
    pub fn direct(&self) -> BTreeMap<ChannelName, Channel> {
        let Some(token) = &self.slack.bot_token else {
            return BTreeMap::new();
        };
        let rotas = self
            .on_call
            .values()
            .filter_map(|on_call| on_call.rota.as_ref());
        let mailbox = |user: &String| {
            let channel = Channel {
                name: Self::mailbox_of(user),
                label: None,
                destination: Destination::SlackBot {
                    channel: user.clone(),
                    token: token.clone(),
                    base_url: self.slack.base_url.clone(),
                    spare: None,
                },
                fallback: None,
                max_messages: None,
            };
            (channel.name.clone(), channel)
        };
        rotas.flat_map(Rota::people).map(mailbox).collect()
    }

    /// All that can be told: the channels of the file, and people alone.
    pub fn mailboxes(&self) -> BTreeMap<ChannelName, Channel> {
        let mut all = self.direct();
        all.extend(self.channels.clone());
        all
    }
}

/// `server:` where people and Slack reach this process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Server {
    /// Address to listen on. Default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// How people reach it, for links; no slash at the end.
    pub public_url: Option<String>,
    /// The zone for times in plain text. Default UTC.
    pub timezone: Tz,
    /// What programs have to send to read the API and the metrics; without it only those on this machine can.
    pub token: Option<Secret>,
    /// What jobs have in the path when they call.
    pub ping_key: Option<Secret>,
}

/// `store:` where everything is remembered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreSettings {
    /// The folder. Default `./data` beside the file.
    pub path: PathBuf,
    /// How long transitions and closed incidents are kept. Default 400 days.
    pub retention: Duration,
}

/// `slack:`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlackSettings {
    /// The slash command. Default `/roih`.
    pub command: String,
    /// With them signed requests are accepted; two at once while one is being rotated. Empty: `/slack/command` is off.
    pub signing_secrets: Vec<Secret>,
    /// With it connections to Slack are held, over which it asks us (Socket Mode). Absent: none are.
    pub app_token: Option<Secret>,
    /// The token of the app's bot; with it channels that have a `slack` are told by the bot.
    pub bot_token: Option<Secret>,
    /// The workspace whose people are obeyed, `T…`, or the organisation, `E…`. Absent: that of the bot, as Slack says.
    pub team_id: Option<String>,
    /// Where Slack's methods are: scheme and host, no slash at its end. Default [`SLACK_URL`].
    pub base_url: String,
}

/// Where Slack's methods are, unless the file says otherwise.
pub const SLACK_URL: &str = "https://slack.com";

impl Default for SlackSettings {
    fn default() -> Self {
        Self {
            command: String::from("/roih"),
            signing_secrets: Vec::new(),
            app_token: None,
            bot_token: None,
            team_id: None,
            base_url: String::from(SLACK_URL),
        }
    }
}

/// `dead_man:` an outside service that pages when we fall silent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadMan {
    /// Where to ping.
    pub url: Secret,
    /// How often. Default 60 s.
    pub every: Duration,
}

/// `channels:` where messages go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Channel {
    /// The key.
    pub name: ChannelName,
    /// What Slack calls it, for people: `#core-alerts`.
    pub label: Option<String>,
    /// How to reach it.
    pub destination: Destination,
    /// Who gets its messages while it refuses them. Default `ops`, if there is one and this is not it.
    pub fallback: Option<ChannelName>,
    /// `max_messages:` how many messages it gets in which time. Default: as many as there are.
    pub max_messages: Option<Allowance>,
}

impl Channel {
    /// What people call it: `#core-alerts`, else the key.
    pub fn title(&self) -> &str {
        self.label.as_deref().unwrap_or_else(|| self.name.as_str())
    }
}

/// How a channel is reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    /// `webhook_url:` an incoming webhook of Slack.
    SlackWebhook {
        /// The address, which is the permission.
        url: Secret,
    },
    /// `slack:` of a channel and `bot_token:` of `slack`: a bot of Slack, which can edit what it said.
    SlackBot {
        /// What the file calls the channel: Slack's id of it, or `#` and its name.
        channel: String,
        /// The bot's token.
        token: Secret,
        /// Where Slack's methods are, as [`SlackSettings::base_url`].
        base_url: String,
        /// `webhook_url:` beside it: an incoming webhook for when the bot is refused.
        spare: Option<Secret>,
    },
    /// `signed_webhook:` any other receiver; JSON, signed as Standard Webhooks asks for.
    SignedWebhook {
        /// The address.
        url: Secret,
        /// The key of the signature.
        secret: Secret,
    },
}

/// `on_call:` who is mentioned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OnCall {
    /// The key.
    pub name: OnCallName,
    /// A user group's id, `S…`.
    pub user_group: Option<String>,
    /// Users' ids, `U…` or `W…`.
    pub users: Vec<String>,
    /// Who is on call when. Default: all of the above, always.
    pub rota: Option<Rota>,
    /// When only what cannot wait is told by routes that mention it. Default never.
    pub quiet_hours: Option<QuietHours>,
}

impl OnCall {
    /// Who is on call at this time: `users`, and of a rota the people of the shift that is on.
    pub fn users_at(&self, now: Timestamp) -> Vec<&String> {
        let turn = self.rota.as_ref().and_then(|rota| rota.turn_at(now));
        let of_turn = turn.map(|turn| turn.users);
        self.users
            .iter()
            .chain(of_turn.into_iter().flatten())
            .collect()
    }

    /// Everybody whom it names, whenever they are on call.
    pub fn people(&self) -> Vec<&String> {
        let mut people: Vec<_> = self.users.iter().collect();
        people.extend(self.rota.iter().flat_map(Rota::people));
        people
    }
}

/// `groups:` what belongs together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// The key.
    pub name: GroupName,
    /// Other words for it.
    pub aliases: Vec<String>,
    /// Who owns it, for people.
    pub team: Option<String>,
    /// `active: always`: all of its members are active, whatever happens.
    pub is_always_active: bool,
    /// `production: true`: it is a disaster if nobody active in it is up, or most of its active ones are down.
    pub is_production: bool,
}

/// `targets:` what is watched.
#[derive(Clone, PartialEq, Debug)]
pub struct Target {
    /// What it is called for ever.
    pub id: TargetId,
    /// Its own name.
    pub name: String,
    /// Its group.
    pub group: Option<GroupName>,
    /// Other words for it.
    pub aliases: Vec<String>,
    /// An emoji in colon form; identity, never state.
    pub icon: Option<String>,
    /// How bad it is for people when it is down.
    pub severity: Severity,
    /// Where to read what to do.
    pub runbook_url: Option<String>,
    /// What it was called before, so that its memory and incidents follow it.
    pub was: Option<TargetId>,
    /// What it cannot work without: while one of them is down, nobody can say how this one is. Free of circles.
    pub depends_on: Vec<Parent>,
    /// The questions; at least one, at most 255.
    pub checks: Vec<Check>,
}

impl Target {
    /// What people call it: `master blue`, or the name alone if there is no group.
    pub fn title(&self) -> String {
        match &self.group {
            Some(group) => format!("{group} {}", self.name),
            None => self.name.clone(),
        }
    }

    /// Whether it is a store of logs, the roles of a group, or the error budget of an SLO: their troubles are told for themselves.
    pub fn stands_for_others(&self) -> bool {
        let mut checks = self.checks.iter();
        checks.any(|check| {
            matches!(
                check.question,
                Question::LogStore(_) | Question::Roles(_) | Question::ErrorBudget(_)
            )
        })
    }

    /// Whether its troubles have to do with nobody else's, so that they are told by themselves: a store of logs, the roles of a group, a job.
    pub fn is_told_alone(&self) -> bool {
        self.stands_for_others() || self.job().is_some()
    }

    /// The job that it is, and where that stands among the checks.
    pub fn job(&self) -> Option<(u8, &Arc<JobQuestion>)> {
        let mut checks = (0_u8..).zip(&self.checks);
        checks.find_map(|(place, check)| Some((place, check.question.job()?)))
    }

    /// The SLO whose error budget it is.
    pub fn slo(&self) -> Option<&Arc<Slo>> {
        self.checks.iter().find_map(|check| check.question.slo())
    }

    /// The check that waits for its calls, and where it stands among the checks; a target has at most one.
    pub fn heartbeat(&self) -> Option<(u8, &Arc<HeartbeatQuestion>)> {
        let mut checks = (0_u8..).zip(&self.checks);
        checks.find_map(|(place, check)| Some((place, check.question.heartbeat()?)))
    }
}

/// What a target can depend on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Parent {
    /// Another target.
    Target(TargetId),
    /// A group as a whole: it is down when nobody in it who could serve is up.
    Group(GroupName),
}

/// One question about a target.
#[derive(Clone, PartialEq, Debug)]
pub struct Check {
    /// Its kind; a target has at most one check of a kind.
    pub kind: CheckKind,
    /// The rules of judgement.
    pub policy: Policy,
    /// What to ask.
    pub question: Question,
}

/// What is asked.
#[derive(Clone, PartialEq, Debug)]
pub enum Question {
    /// `health:`
    Health(Arc<HealthQuestion>),
    /// `log_freshness:`; never asked itself, its store is.
    LogFreshness(Arc<LogQuestion>),
    /// A store of logs.
    LogStore(Arc<LogStoreQuestion>),
    /// `active:` of a group.
    Roles(Arc<Roles>),
    /// `tcp:`
    Tcp(Arc<TcpQuestion>),
    /// `tls:`
    Tls(Arc<TlsQuestion>),
    /// `dns:`
    Dns(Arc<DnsQuestion>),
    /// `icmp:`
    Icmp(Arc<IcmpQuestion>),
    /// `websocket:`
    Websocket(Arc<WebsocketQuestion>),
    /// `grpc:`
    Grpc(Arc<GrpcQuestion>),
    /// `heartbeat:`; never asked, the target calls us.
    Heartbeat(Arc<HeartbeatQuestion>),
    /// `http:`
    Http(Arc<HttpQuestion>),
    /// `metrics:`
    Metrics(Arc<MetricsQuestion>),
    /// `steps:`
    Steps(Arc<StepsQuestion>),
    /// A job of `jobs:`; never asked, it calls us.
    Job(Arc<JobQuestion>),
    /// `burn_alerts:` of an SLO; it is read from what is remembered of its targets.
    ErrorBudget(Arc<Slo>),
}

impl Question {
    /// The host that is asked, a name or an address, as far as it may explain what several have in common: absent if there
    /// is none, if it is a secret, or if it is this machine, which is there as long as we are.
    pub fn host(&self) -> Option<String> {
        self.any_host().filter(|host| !is_this_machine(host))
    }

    fn any_host(&self) -> Option<String> {
        match self {
            Self::Health(health) => shown_host(&health.url, &health.url_secrets),
            Self::Http(http) => shown_host(&http.asked.url, &http.asked.url_secrets),
            Self::Metrics(metrics) => shown_host(&metrics.asked.url, &metrics.asked.url_secrets),
            Self::Steps(steps) => steps.steps.first().and_then(|step| {
                shown_host(&step.request.asked.url, &step.request.asked.url_secrets)
            }),
            Self::Websocket(websocket) => websocket.url.host_str().map(str::to_owned),
            Self::Tcp(tcp) => Some(tcp.endpoint.bare_host()),
            Self::Tls(tls) => Some(tls.endpoint.bare_host()),
            Self::Grpc(grpc) => Some(grpc.endpoint.bare_host()),
            Self::Icmp(icmp) => Some(icmp.host.to_string()),
            Self::Dns(_)
            | Self::Heartbeat(_)
            | Self::Job(_)
            | Self::ErrorBudget(_)
            | Self::LogFreshness(_)
            | Self::LogStore(_)
            | Self::Roles(_) => None,
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// The host of an address, unless a variable brought it.
fn shown_host(url: &Url, secrets: &[Secret]) -> Option<String> {
    let host = url.host_str()?;
    let is_secret = secrets.iter().any(|secret| {
        let secret = secret.expose();
        secret.contains(host) || (!secret.is_empty() && host.contains(secret))
    });
    (!is_secret).then(|| host.to_owned())
}

impl Question {
    /// Whether it is never asked, because it calls us.
    pub const fn calls_us(&self) -> bool {
        self.heartbeat().is_some() || self.job().is_some()
    }

    /// What is expected of a job, if it is one.
    pub const fn job(&self) -> Option<&Arc<JobQuestion>> {
        match self {
            Self::Job(question) => Some(question),
            Self::Heartbeat(_)
            | Self::ErrorBudget(_)
            | Self::Health(_)
            | Self::Http(_)
            | Self::Metrics(_)
            | Self::Steps(_)
            | Self::LogFreshness(_)
            | Self::LogStore(_)
            | Self::Roles(_)
            | Self::Tcp(_)
            | Self::Tls(_)
            | Self::Dns(_)
            | Self::Icmp(_)
            | Self::Websocket(_)
            | Self::Grpc(_) => None,
        }
    }

    /// The SLO whose error budget this is about, if it is.
    pub const fn slo(&self) -> Option<&Arc<Slo>> {
        match self {
            Self::ErrorBudget(slo) => Some(slo),
            Self::Heartbeat(_)
            | Self::Job(_)
            | Self::Health(_)
            | Self::Http(_)
            | Self::Metrics(_)
            | Self::Steps(_)
            | Self::LogFreshness(_)
            | Self::LogStore(_)
            | Self::Roles(_)
            | Self::Tcp(_)
            | Self::Tls(_)
            | Self::Dns(_)
            | Self::Icmp(_)
            | Self::Websocket(_)
            | Self::Grpc(_) => None,
        }
    }

    /// What is expected of one that sends signs of life, if it is such a one.
    pub const fn heartbeat(&self) -> Option<&Arc<HeartbeatQuestion>> {
        match self {
            Self::Heartbeat(question) => Some(question),
            Self::Job(_)
            | Self::ErrorBudget(_)
            | Self::Health(_)
            | Self::Http(_)
            | Self::Metrics(_)
            | Self::Steps(_)
            | Self::LogFreshness(_)
            | Self::LogStore(_)
            | Self::Roles(_)
            | Self::Tcp(_)
            | Self::Tls(_)
            | Self::Dns(_)
            | Self::Icmp(_)
            | Self::Websocket(_)
            | Self::Grpc(_) => None,
        }
    }
}

/// `health:` how an HTTP health endpoint is asked and understood.
#[derive(Clone, PartialEq)]
pub struct HealthQuestion {
    /// `http` or `https`, without user info. What of it came from variables is in `url_secrets`, so it is not to be shown.
    pub url: Url,
    /// What variables brought into the address; covered wherever a target repeats it.
    pub url_secrets: Vec<Secret>,
    /// More headers; credentials among them are secrets like the rest.
    pub headers: Vec<(String, Secret)>,
    /// `basic:` or `bearer:`
    pub credentials: Option<Credentials>,
    /// `format:`; absent = found out by itself.
    pub format: Option<Family>,
    /// `critical_components:` names whose being down is the target's being down.
    pub critical_components: Vec<String>,
    /// `rules:` in order, the first that matches decides.
    pub rules: Vec<HealthRule>,
    /// `connection:`
    pub connection: Connection,
    /// `http_version:`
    pub http_version: HttpVersion,
    /// `ip:`
    pub ip: IpFamily,
    /// `all_addresses:` whether every address of the name is asked. Default: the first that answers.
    pub all_addresses: bool,
    /// `tls:`
    pub tls: TlsSettings,
    /// `health_field:` of `active:` of its group: the place in the body at which its role stands.
    pub role_field: Option<String>,
}

impl fmt::Debug for HealthQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.url.clone();
        if !self.url_secrets.is_empty() {
            url.set_path("/***");
            url.set_query(None);
        }
        f.debug_struct("HealthQuestion")
            .field("url", &url)
            .field("url_secrets", &self.url_secrets)
            .field("headers", &self.headers)
            .field("credentials", &self.credentials)
            .field("format", &self.format)
            .field("critical_components", &self.critical_components)
            .field("rules", &self.rules)
            .field("connection", &self.connection)
            .field("http_version", &self.http_version)
            .field("ip", &self.ip)
            .field("all_addresses", &self.all_addresses)
            .field("tls", &self.tls)
            .field("role_field", &self.role_field)
            .finish()
    }
}

/// Who we say we are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Credentials {
    /// `basic: { username, password }`
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// `bearer:`
    Bearer(Secret),
}

/// Whether looks share connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Connection {
    /// A new one for every look: what a new user would meet. The default.
    #[default]
    Fresh,
    /// Kept open between looks; cheaper, and blind to DNS, connect and certificate faults.
    Reuse,
}

/// Which HTTP is spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HttpVersion {
    /// HTTP/1.1. The default.
    #[default]
    Http1,
    /// HTTP/2, by prior knowledge over plain connections.
    Http2,
}

/// Which addresses are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum IpFamily {
    /// Both, racing. The default.
    #[default]
    Auto,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// `tls:` whom we trust and who we are.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct TlsSettings {
    /// Additional roots, PEM, as read from `ca_file`.
    pub ca_pem: Option<Arc<[u8]>>,
    /// Our certificate chain, PEM, as read from `certificate_file`.
    pub certificate_pem: Option<Arc<[u8]>>,
    /// Its key, PEM, as read from `key_file`.
    pub key_pem: Option<Secret>,
    /// The name that the certificate has to carry, if not the host of the URL.
    pub server_name: Option<String>,
    /// Accept any certificate.
    pub insecure: bool,
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings")
            .field("ca_pem", &self.ca_pem.as_ref().map(|pem| pem.len()))
            .field(
                "certificate_pem",
                &self.certificate_pem.as_ref().map(|pem| pem.len()),
            )
            .field("key_pem", &self.key_pem)
            .field("server_name", &self.server_name)
            .field("insecure", &self.insecure)
            .finish()
    }
}

/// One line of `rules:`: `{ if: "$.queue.depth > 100", then: degraded, say: "queue is long" }`.
#[derive(Clone, PartialEq, Debug)]
pub struct HealthRule {
    /// What is compared.
    pub subject: Subject,
    /// How.
    pub comparison: Comparison,
    /// With what; absent for `exists`.
    pub value: Option<Value>,
    /// What it means if it holds.
    pub then: RuleVerdict,
    /// How to say it; by default the condition itself.
    pub say: String,
}

/// What a rule looks at.
#[derive(Clone, PartialEq, Debug)]
pub enum Subject {
    /// The HTTP status.
    Status,
    /// The nodes that a `JSONPath` (RFC 9535) finds in the body; the rule holds if it holds for any of them.
    Json(serde_json_path::JsonPath),
}

/// How a rule compares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`; also holds where nothing is found.
    NotEqual,
    /// `<`, numbers only.
    Less,
    /// `<=`, numbers only.
    LessOrEqual,
    /// `>`, numbers only.
    Greater,
    /// `>=`, numbers only.
    GreaterOrEqual,
    /// `exists`
    Exists,
    /// `missing`
    Missing,
}

/// What a matching rule says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RuleVerdict {
    /// All is well, whatever code and body say.
    Operational,
    /// It falls short.
    Degraded,
    /// It is down.
    Down,
}

/// `routes:` who hears of what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// What it takes; everything given has to hold.
    pub matcher: Matcher,
    /// Who is told.
    pub to: Vec<ChannelName>,
    /// Who is mentioned in the first message of something critical that is down.
    pub mention: Option<OnCallName>,
    /// After which times a reminder follows while it is still bad; the last gap repeats.
    pub remind_after: Vec<Duration>,
    /// Whether later routes are asked as well.
    pub goes_on: bool,
}

/// What a route takes; an empty list takes everything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Matcher {
    /// Any of these groups.
    pub groups: Vec<GroupName>,
    /// Any of these targets.
    pub targets: Vec<TargetId>,
    /// Any of these severities.
    pub severities: Vec<Severity>,
    /// Any of these verdicts.
    pub states: Vec<Verdict>,
    /// Any of these roles; a target without a role has none of them, and one of unknown role counts as active.
    pub roles: Vec<Role>,
    /// Any of these components is what is down: of one target, or of several whose common cause it is; in any case of
    /// letters.
    pub components: Vec<String>,
}
