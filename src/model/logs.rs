//! Stores of logs: what the file says of them, what a round asks them, and what they answered.
//!
//! A store is a target of its own. Once every interval a *round* asks it, in one look, for everything that all the
//! targets on it want to know, so that fifty instances cost a store one question where it can answer so. A round also
//! sends a *canary*, a line of our own, and asks which earlier ones can be found: that gives the *watermark*, the time up
//! to which the store has provably made everything searchable.

use std::{path::PathBuf, sync::Arc, time::Duration};

use url::Url;

use super::{
    names::{ChannelName, SourceName},
    pauses::Pauses,
    plan::{Credentials, TlsSettings},
    secret::Secret,
    text::{FOREIGN_MAX, clean},
    time::Timestamp,
};

/// `log_sources:` one store of logs.
#[derive(Clone, PartialEq, Debug)]
pub struct LogSource {
    /// The key.
    pub name: SourceName,
    /// What it is and how it is reached.
    pub store: LogStore,
    /// How our own line gets into it; without one the watermark comes from what the store says of itself, or from its peers.
    pub canary: Option<Canary>,
    /// `lag_limit:` behind by more is an incident of the store. Default 90 s, 120 s for VictoriaMetrics.
    pub lag_limit: Duration,
    /// `reorder_margin:` taken off the watermark if several nodes of the store may overtake each other. Default 10 s.
    pub reorder_margin: Duration,
    /// `startup_grace:` for how long after a start no log is judged. Default 2 min.
    pub startup_grace: Duration,
    /// Where the store's own incidents go; absent = as the routes say.
    pub channel: Option<ChannelName>,
}

/// The kinds of store.
#[derive(Clone, PartialEq, Debug)]
pub enum LogStore {
    /// `graylog:`
    Graylog(HttpStore),
    /// `elasticsearch:` or `opensearch:`
    Elasticsearch {
        /// How it is reached.
        http: HttpStore,
        /// The index, alias or pattern.
        index: String,
        /// The field with the time of an event. Default `@timestamp`.
        time_field: String,
        /// The field with the time of taking in, if there is one, such as `event.ingested`.
        ingest_field: Option<String>,
    },
    /// `loki:`
    Loki {
        /// How it is reached.
        http: HttpStore,
        /// `X-Scope-OrgID`.
        tenant: Option<String>,
    },
    /// `victorialogs:`
    VictoriaLogs {
        /// How it is reached.
        http: HttpStore,
        /// `AccountID` and `ProjectID`.
        tenant: Option<(u32, u32)>,
    },
    /// `prometheus:` or `victoriametrics:`; a query gives the time of the newest line in seconds since 1970.
    Prometheus {
        /// How it is reached.
        http: HttpStore,
        /// Whether it is VictoriaMetrics, which hides its newest 30 s.
        is_victoria: bool,
    },
    /// `file:` a query is a path.
    File {
        /// Zone of timestamps that carry none. Default UTC.
        timezone: chrono_tz::Tz,
        /// For how long a missing file is a rotation. Default 60 s.
        rotation_grace: Duration,
    },
    /// `journald:` journal files of this machine, read through `journalctl`; a query is a unit.
    Journald {
        /// `-D`, a folder of journals in place of the machine's own.
        directory: Option<PathBuf>,
    },
    /// `journal_gateway:` systemd-journal-gatewayd; a query is a unit.
    JournalGateway(HttpStore),
    /// `docker:` a query is the name or id of a container.
    Docker {
        /// The socket. Default `/var/run/docker.sock`.
        socket: PathBuf,
    },
    /// `kubernetes:` a query is `namespace/label-selector[/container]`.
    Kubernetes(HttpStore),
    /// `http_json:` any endpoint that says when the newest line was; a query is a path or address joined to the URL.
    HttpJson {
        /// How it is reached.
        http: HttpStore,
        /// Where in the answer the time stands.
        place: TimePlace,
        /// How it is written.
        format: TimeFormat,
    },
    /// `push:` the application or its shipper calls us; a query is the name that it calls with.
    Push {
        /// What a caller has to know.
        token: Secret,
    },
}

/// Where an endpoint says a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TimePlace {
    /// `pointer:` a JSON pointer (RFC 6901) into the body.
    Pointer(String),
    /// `header:` a header of the answer.
    Header(String),
}

/// How a time is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeFormat {
    /// RFC 3339, or the date of HTTP.
    Text,
    /// Seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    UnixMillis,
    /// Microseconds since 1970.
    UnixMicros,
    /// Nanoseconds since 1970.
    UnixNanos,
    /// Seconds ago.
    AgeSeconds,
}

/// A store that is asked over HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpStore {
    /// Its base address, without a slash at the end and without user info.
    pub url: Url,
    /// Who we are.
    pub credentials: Option<StoreCredentials>,
    /// More headers.
    pub headers: Vec<(String, Secret)>,
    /// Whom we trust.
    pub tls: TlsSettings,
}

/// How stores of logs are logged in to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreCredentials {
    /// User name and password, or a bearer token.
    Common(Credentials),
    /// A token in the way of the store: Graylog's `<token>:token`, Elasticsearch's `ApiKey`.
    Token(Secret),
}

/// `canary:` how our own line gets into a store.
#[derive(Clone, PartialEq, Debug)]
pub struct Canary {
    /// The way.
    pub via: CanaryPath,
    /// After this time a line that cannot be found is given up. Default 10 min.
    pub give_up: Duration,
}

/// The way of a canary.
#[derive(Clone, PartialEq, Debug)]
pub enum CanaryPath {
    /// `gelf_http:` Graylog's GELF over HTTP.
    GelfHttp(Url),
    /// `gelf_tcp:` Graylog's GELF over TCP, `host:port`.
    GelfTcp(String),
    /// `loki_push:` Loki's push, which VictoriaLogs speaks as well.
    LokiPush(Url),
    /// `elastic_index:` a document into this index of the same store.
    ElasticIndex(String),
    /// `file:` a line appended to a file that the shipper follows, so that the shipper is proved as well.
    File(PathBuf),
    /// `import:` the import of Prometheus text of VictoriaMetrics.
    Import(Url),
}

impl CanaryPath {
    /// What it proves, for people: `via GELF HTTP`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::GelfHttp(_) => "GELF HTTP",
            Self::GelfTcp(_) => "GELF TCP",
            Self::LokiPush(_) => "push",
            Self::ElasticIndex(_) => "index",
            Self::File(_) => "a file through the shipper",
            Self::Import(_) => "import",
        }
    }
}

impl LogStore {
    /// The key in the file.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Graylog(_) => "graylog",
            Self::Elasticsearch { .. } => "elasticsearch",
            Self::Loki { .. } => "loki",
            Self::VictoriaLogs { .. } => "victorialogs",
            Self::Prometheus {
                is_victoria: true, ..
            } => "victoriametrics",
            Self::Prometheus { .. } => "prometheus",
            Self::File { .. } => "file",
            Self::Journald { .. } => "journald",
            Self::JournalGateway(_) => "journal_gateway",
            Self::Docker { .. } => "docker",
            Self::Kubernetes(_) => "kubernetes",
            Self::HttpJson { .. } => "http_json",
            Self::Push { .. } => "push",
        }
    }

    /// What people call it.
    pub const fn title(&self) -> &'static str {
        match self {
            Self::Graylog(_) => "Graylog",
            Self::Elasticsearch { .. } => "Elasticsearch",
            Self::Loki { .. } => "Loki",
            Self::VictoriaLogs { .. } => "VictoriaLogs",
            Self::Prometheus {
                is_victoria: true, ..
            } => "VictoriaMetrics",
            Self::Prometheus { .. } => "Prometheus",
            Self::File { .. } => "the log file",
            Self::Journald { .. } | Self::JournalGateway(_) => "the journal",
            Self::Docker { .. } => "Docker",
            Self::Kubernetes(_) => "Kubernetes",
            Self::HttpJson { .. } => "its own word",
            Self::Push { .. } => "push",
        }
    }
}

/// What is wanted of a store for one target.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Subject {
    /// In the store's own words: a query, a path, a unit.
    pub query: String,
    /// Graylog's streams.
    pub streams: Vec<String>,
    /// How far back a line is looked for: at least three times the longest silence allowed, and 15 min.
    pub lookback: Duration,
}

/// A store of logs as a question: everything that one round asks it.
#[derive(Clone, PartialEq, Debug)]
pub struct LogStoreQuestion {
    /// The store.
    pub source: Arc<LogSource>,
    /// What is wanted, each once; targets that want the same share it.
    pub subjects: Vec<Subject>,
}

/// What the engine adds to a round.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LogAsk {
    /// Names this hekate among others that write canaries into the same store.
    pub monitor: String,
    /// The canary to send in this round.
    pub send: Option<CanaryMark>,
    /// Canaries not seen yet, oldest first.
    pub unseen: Vec<CanaryMark>,
}

/// One canary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CanaryMark {
    /// Runs up, across restarts.
    pub number: u64,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// What a round brought back.
#[derive(Clone, PartialEq, Debug)]
pub struct LogAnswer {
    /// What became of the canary that was to be sent; absent if none was.
    pub sent: Option<Result<(), LogFault>>,
    /// Numbers of the unseen canaries that can be found now; absent if none were asked for.
    pub seen: Option<Result<Vec<u64>, LogFault>>,
    /// What the store says of itself; absent if it says nothing.
    pub statement: Option<Statement>,
    /// How far the store's clock (its `Date`) is ahead of ours, in milliseconds.
    pub skew_ms: Option<i64>,
    /// One reading for each subject, in their order.
    pub readings: Vec<Result<Reading, LogFault>>,
}

/// What a store says of its own pipeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// Everything taken in up to then can be searched; absent if it only tells its backlog.
    pub complete_until: Option<Timestamp>,
    /// How long its backlog will take, if it has one and says so.
    pub drains_within: Option<Duration>,
    /// One clause for people: `12,000 messages in the journal`.
    pub words: String,
}

/// What is known of the newest line of one subject.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Reading {
    /// Its own time; absent if nothing was found within the lookback.
    pub event: Option<Timestamp>,
    /// When the store took it in, if it says so.
    pub ingest: Option<Timestamp>,
    /// Whether the answer is known to be incomplete (shards failed, timed out, warnings).
    pub is_partial: bool,
}

/// Why a store could not answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogFault {
    /// Its class.
    pub kind: LogFaultKind,
    /// One clause for people, without secrets; cleaned, at most 300 characters.
    pub words: String,
}

/// The classes of what a store of logs can fail with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LogFaultKind {
    /// No connection, no answer in time, a server's error, an answer that is cut or is not the store's.
    Unreachable,
    /// 429, a queue that is full, a circuit that is broken.
    Overloaded,
    /// 401 or 403.
    Auth,
    /// The store does not understand what the file asks.
    BadQuery,
    /// There is no such index, stream, file, unit, container.
    NotFound,
    /// It lies with this machine: descriptors, resolver, a program that is missing, permissions of a file.
    Own,
}

impl LogFault {
    /// A fault with foreign or own words, cleaned.
    pub fn new(kind: LogFaultKind, words: impl AsRef<str>) -> Self {
        Self {
            kind,
            words: clean(words.as_ref(), FOREIGN_MAX),
        }
    }
}

impl LogFaultKind {
    /// The word for records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Overloaded => "overloaded",
            Self::Auth => "auth",
            Self::BadQuery => "bad_query",
            Self::NotFound => "not_found",
            Self::Own => "own",
        }
    }
}

/// `log_freshness:` how fresh the log of a target has to be.
#[derive(Clone, PartialEq, Debug)]
pub struct LogQuestion {
    /// Whose store.
    pub source: SourceName,
    /// What is asked there.
    pub subject: Subject,
    /// `max_age:` the longest silence that is not told. Default 5 min.
    pub max_age: Duration,
    /// `quiet:` when silence is expected.
    pub quiet: Vec<Quiet>,
    /// `expect_when_inactive:` whether an inactive instance is expected to be silent. Default `logging`.
    pub is_silent_when_inactive: bool,
}

/// One window of the week in which a log may be silent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quiet {
    /// Days on which it begins, Monday = 0; empty = every day.
    pub days: Vec<u8>,
    /// Beginning, minutes from midnight.
    pub from_minute: u16,
    /// End, minutes from midnight; not after the beginning = on the next day.
    pub to_minute: u16,
    /// In which zone.
    pub timezone: chrono_tz::Tz,
}

/// What is remembered of a store between rounds and restarts.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Witness {
    /// Names this hekate among others that write canaries into the same store; 0 = not drawn yet.
    pub monitor: u32,
    /// Up to when everything is known to be searchable; never moves back.
    pub watermark: Option<Timestamp>,
    /// When the newest canary that was ever found was sent.
    pub found_up_to: Option<Timestamp>,
    /// When the first line was sent that was found after a hole; what was written before it may be lost for good.
    pub gap_end: Option<Timestamp>,
    /// The number of the next canary.
    pub next_number: u64,
    /// Canaries that were sent and not found yet, oldest first, at most 64.
    pub unseen: Vec<CanaryMark>,
    /// Canaries in a row that were given up.
    pub lost_in_row: u8,
    /// Rounds in a row in which the search did not answer anything.
    pub unreachable_rounds: u8,
    /// Rounds in a row in which our line was not taken in while the search answered.
    pub intake_rounds: u8,
    /// Rounds in a row in which the store was behind by more than its limit.
    pub lagging_rounds: u8,
    /// Rounds in a row in which it was neither unreachable nor behind.
    pub good_rounds: u8,
    /// Since when answers are incomplete.
    pub partial_since: Option<Timestamp>,
    /// When the last round was finished that brought any answer.
    pub answered_at: Option<Timestamp>,
    /// What the store says of its own pipeline, as of the last round.
    pub statement: Option<Statement>,
    /// How far its clock is ahead of ours, in milliseconds.
    pub skew_ms: Option<i64>,
}

/// What is remembered of one target's log between rounds and restarts.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LogMemory {
    /// The newest line of all that was ever seen.
    pub newest: Option<Timestamp>,
    /// When it was taken in, if the store says so.
    pub ingest: Option<Timestamp>,
    /// Since when it is asked for; before that nothing could be missed.
    pub asked_since: Option<Timestamp>,
    /// Rounds in a row that were refused (401, 403).
    pub refused_rounds: u8,
    /// Rounds in a row in which the store did not understand the question, or had no such thing.
    pub misunderstood_rounds: u8,
    /// Rounds in a row without an answer.
    pub unanswered_rounds: u8,
    /// Rounds in a row in which it was silent for too long.
    pub silent_rounds: u8,
    /// What was decided last.
    pub row: Option<LogRow>,
    /// Who was told that it cannot be judged as the file asks for it; empty while it can.
    pub warned: Vec<ChannelName>,
    /// How long it usually says nothing.
    pub pauses: Pauses,
}

/// The state of one target's log: one for each row of the table of decisions, in its order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LogRow {
    /// 1: hekate or this check began a moment ago, or it is in maintenance.
    Grace,
    /// 2: our own network is down.
    Blind,
    /// 3: a line was written lately; proof of life whatever the state of the store.
    Fresh,
    /// 4: the store does not let us in.
    Auth,
    /// 5: the store does not understand the question, or has no such index, stream or file.
    Config,
    /// 6: the store does not answer.
    Unreachable,
    /// 7: the answer is incomplete.
    Partial,
    /// 8: old lines are coming in: the shipper is working off a backlog.
    LaggingSource,
    /// 9: the store is behind.
    LaggingStore,
    /// 10: nothing says up to when the store is complete.
    Unproven,
    /// 11: nothing was ever seen.
    NeverSeen,
    /// 12: silence is expected now.
    Idle,
    /// 13: silent, not yet for too long.
    Late,
    /// 14: silent for too long, for the first time.
    Confirming,
    /// 15: silent for too long, and proved to be.
    Stale,
}

impl LogRow {
    /// Its number in the table.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The word for records, metrics and people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grace => "grace",
            Self::Blind => "blind",
            Self::Fresh => "fresh",
            Self::Auth => "not let in",
            Self::Config => "not understood",
            Self::Unreachable => "store unreachable",
            Self::Partial => "incomplete",
            Self::LaggingSource => "shipper behind",
            Self::LaggingStore => "store behind",
            Self::Unproven => "unproven",
            Self::NeverSeen => "never seen",
            Self::Idle => "idle",
            Self::Late => "late",
            Self::Confirming => "silent, being confirmed",
            Self::Stale => "silent",
        }
    }

    /// Whether the log says nothing about the target now: shown grey, never red.
    pub const fn is_grey(self) -> bool {
        match self {
            Self::Grace
            | Self::Blind
            | Self::Auth
            | Self::Config
            | Self::Unreachable
            | Self::Partial
            | Self::LaggingSource
            | Self::LaggingStore
            | Self::Unproven
            | Self::NeverSeen => true,
            Self::Fresh | Self::Idle | Self::Late | Self::Confirming | Self::Stale => false,
        }
    }
}
