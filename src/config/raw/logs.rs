//! `log_sources:` and `log_freshness:` as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AddressText, Basic, DurationText, SecretText, Tls};
use crate::config::decode::{At, Named, OneOrMany, TextOr};

/// Where the logs of targets can be read: exactly one kind of store.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a log source", deny_unknown_fields)]
#[schemars(rename = "LogSource")]
pub(crate) struct LogSource {
    /// Graylog 2 and later.
    pub(crate) graylog: Option<At<TextOr<Graylog>>>,
    /// Elasticsearch 6 and later.
    pub(crate) elasticsearch: Option<At<TextOr<Elastic>>>,
    /// OpenSearch.
    pub(crate) opensearch: Option<At<TextOr<Elastic>>>,
    /// Grafana Loki.
    pub(crate) loki: Option<At<TextOr<Loki>>>,
    /// VictoriaLogs.
    pub(crate) victorialogs: Option<At<TextOr<VictoriaLogs>>>,
    /// Prometheus: a query gives the time of the newest line.
    pub(crate) prometheus: Option<At<TextOr<Store>>>,
    /// VictoriaMetrics: as Prometheus.
    pub(crate) victoriametrics: Option<At<TextOr<Store>>>,
    /// Files of this machine: a query is a path.
    pub(crate) file: Option<At<File>>,
    /// The journal of this machine: a query is a unit.
    pub(crate) journald: Option<At<Journald>>,
    /// systemd-journal-gatewayd: a query is a unit.
    pub(crate) journal_gateway: Option<At<TextOr<Store>>>,
    /// Docker of this machine: a query is a container.
    pub(crate) docker: Option<At<Docker>>,
    /// Kubernetes: a query is `namespace/label-selector`, or with `/container`.
    pub(crate) kubernetes: Option<At<TextOr<Store>>>,
    /// Any endpoint that says when the newest line was: a query is joined to its address.
    pub(crate) http_json: Option<At<HttpJson>>,
    /// The application or its shipper calls `POST /v1/heartbeat/<query>`.
    pub(crate) push: Option<At<Push>>,
    /// A line of our own whose return proves up to when the store is complete.
    pub(crate) canary: Option<At<Canary>>,
    /// Behind by more is an incident of the store. Default `90s`.
    pub(crate) lag_limit: Option<At<DurationText>>,
    /// By how much several nodes of the store may overtake each other. Default `10s`.
    pub(crate) reorder_margin: Option<At<DurationText>>,
    /// For how long after a start no log is judged, 0s to 1h. Default `2m`.
    pub(crate) startup_grace: Option<At<DurationText>>,
    /// From one round of questions to the next, 5s to 1h. Default `30s`.
    pub(crate) interval: Option<At<DurationText>>,
    /// Limit of one round. Default `5s`.
    pub(crate) timeout: Option<At<DurationText>>,
    /// The channel that hears of the store's own troubles. By default the routes decide.
    pub(crate) channel: Option<At<String>>,
}

/// A store that is asked over HTTP.
macro_rules! over_http {
    ($(#[$doc:meta])* $name:ident $title:literal $schema:literal { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Deserialize, JsonSchema, Default, Debug)]
        #[serde(rename = $title, deny_unknown_fields)]
        #[schemars(rename = $schema)]
        pub(crate) struct $name {
            /// Its address.
            #[schemars(required)]
            pub(crate) url: Option<At<AddressText>>,
            /// A token in the way of the store: an access token of Graylog, an API key of Elasticsearch, elsewhere a bearer
            /// token.
            pub(crate) token: Option<At<SecretText>>,
            /// File with the token.
            pub(crate) token_file: Option<At<String>>,
            /// User name and password.
            pub(crate) basic: Option<At<Basic>>,
            /// More headers.
            pub(crate) headers: Option<At<Named<SecretText>>>,
            /// Whom to trust and who we are.
            pub(crate) tls: Option<At<Tls>>,
            $($(#[$field_doc])* pub(crate) $field: Option<At<$kind>>,)*
        }

        impl From<&$name> for Reached {
            fn from(raw: &$name) -> Self {
                Self {
                    url: raw.url.clone(),
                    token: raw.token.clone(),
                    token_file: raw.token_file.clone(),
                }
            }
        }

        impl $name {
            /// Where the rest of what it takes to reach it stands.
            pub(crate) fn rest(&self) -> Rest<'_> {
                Rest {
                    basic: self.basic.as_ref(),
                    headers: self.headers.as_ref(),
                    tls: self.tls.as_ref(),
                }
            }
        }
    };
}

/// The address of a store and its token.
#[derive(Clone, Default, Debug)]
pub(crate) struct Reached {
    pub(crate) url: Option<At<AddressText>>,
    pub(crate) token: Option<At<SecretText>>,
    pub(crate) token_file: Option<At<String>>,
}

/// What else it takes to reach a store.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Rest<'a> {
    pub(crate) basic: Option<&'a At<Basic>>,
    pub(crate) headers: Option<&'a At<Named<SecretText>>>,
    pub(crate) tls: Option<&'a At<Tls>>,
}

over_http! {
    /// How a store is reached. A text in place of it is its `url`.
    Store "a store of logs" "LogStore" {}
}
over_http! {
    /// How Graylog is reached. A text in place of it is its `url`.
    Graylog "`graylog`" "Graylog" {}
}
over_http! {
    /// How Elasticsearch or OpenSearch is reached. A text in place of it is its `url`.
    Elastic "`elasticsearch`" "Elasticsearch" {
        /// Index, alias or pattern. Default `logs-*`.
        index: String,
        /// The field with the time of an event. Default `@timestamp`.
        time_field: String,
        /// The field with the time of taking in, if there is one, such as `event.ingested`.
        ingest_field: String,
    }
}
over_http! {
    /// How Loki is reached. A text in place of it is its `url`.
    Loki "`loki`" "Loki" {
        /// The tenant, sent as `X-Scope-OrgID`.
        tenant: String,
    }
}
over_http! {
    /// How VictoriaLogs is reached. A text in place of it is its `url`.
    VictoriaLogs "`victorialogs`" "VictoriaLogs" {
        /// The tenant's account.
        account_id: u32,
        /// The tenant's project.
        project_id: u32,
    }
}
over_http! {
    /// An endpoint that says when the newest line was written.
    HttpJson "`http_json`" "HttpJson" {
        /// JSON pointer to the time in the body, such as `/log/last`.
        pointer: String,
        /// Header of the answer with the time, such as `Last-Modified`.
        header: String,
        /// How the time is written. Default `text`: RFC 3339, or the date of HTTP.
        format: TimeFormatWord,
    }
}

super::words! {
    /// How a time is written.
    TimeFormatWord, ["text", "unix", "unix_ms", "unix_us", "unix_ns", "age_seconds"]
}
super::words! {
    /// A day of the week.
    DayWord, ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
}
super::words! {
    /// What an inactive instance does.
    InactiveWord, ["logging", "silent"]
}

/// Files of this machine.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`file`", deny_unknown_fields)]
#[schemars(rename = "LogFile")]
pub(crate) struct File {
    /// Zone of timestamps that carry none. Default `UTC`.
    pub(crate) timezone: Option<At<String>>,
    /// For how long a missing file is a rotation. Default `60s`.
    pub(crate) rotation_grace: Option<At<DurationText>>,
}

/// The journal of this machine.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`journald`", deny_unknown_fields)]
#[schemars(rename = "Journald")]
pub(crate) struct Journald {
    /// A folder of journals in place of the machine's own.
    pub(crate) directory: Option<At<String>>,
}

/// Docker of this machine.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`docker`", deny_unknown_fields)]
#[schemars(rename = "Docker")]
pub(crate) struct Docker {
    /// Its socket. Default `/var/run/docker.sock`.
    pub(crate) socket: Option<At<String>>,
}

/// Whoever writes calls us.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`push`", deny_unknown_fields)]
#[schemars(rename = "LogPush")]
pub(crate) struct Push {
    /// What a caller has to know, at least 16 characters.
    pub(crate) token: Option<At<SecretText>>,
    /// File with the token.
    pub(crate) token_file: Option<At<String>>,
}

/// A line of our own: exactly one way for it into the store.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`canary`", deny_unknown_fields)]
#[schemars(rename = "Canary")]
pub(crate) struct Canary {
    /// Graylog's GELF over HTTP: its address with the path, `http://graylog.internal:12201/gelf`.
    pub(crate) gelf_http: Option<At<AddressText>>,
    /// Graylog's GELF over TCP: `graylog.internal:12201`.
    pub(crate) gelf_tcp: Option<At<String>>,
    /// Loki's push: `http://loki.internal:3100/loki/api/v1/push`. VictoriaLogs speaks it as well.
    pub(crate) loki_push: Option<At<AddressText>>,
    /// A document in this index of the same Elasticsearch.
    pub(crate) elastic_index: Option<At<String>>,
    /// A line in this file, which the shipper follows: proves the shipper as well.
    pub(crate) file: Option<At<String>>,
    /// The import of VictoriaMetrics: `http://vm.internal:8428/api/v1/import/prometheus`.
    pub(crate) import: Option<At<AddressText>>,
    /// After this time a line that cannot be found is given up, 1m to 1d. Default `10m`.
    pub(crate) give_up: Option<At<DurationText>>,
}

/// How fresh a log has to be.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`log_freshness`", deny_unknown_fields)]
#[schemars(rename = "LogFreshness")]
pub(crate) struct LogFreshness {
    /// A key of `log_sources`. May be left out if there is only one.
    pub(crate) source: Option<At<String>>,
    /// What is asked there, in the store's own words: a query, a path, a unit, a container.
    #[schemars(required)]
    pub(crate) query: Option<At<String>>,
    /// Ids of Graylog's streams.
    pub(crate) streams: Option<At<OneOrMany<String>>>,
    /// The longest silence that is not told, 10s to 30d. Default `5m`.
    pub(crate) max_age: Option<At<DurationText>>,
    /// Times of the week in which silence is expected.
    pub(crate) quiet: Option<At<OneOrMany<Quiet>>>,
    /// What the inactive half of a pair does. Default `logging`.
    pub(crate) expect_when_inactive: Option<At<InactiveWord>>,
}

/// A time of the week in which silence is expected.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`quiet`", deny_unknown_fields)]
#[schemars(rename = "Quiet")]
pub(crate) struct Quiet {
    /// Days on which it begins. Default every day.
    pub(crate) days: Option<At<OneOrMany<DayWord>>>,
    /// Its beginning, `"22:00"`.
    #[schemars(required)]
    pub(crate) from: Option<At<String>>,
    /// Its end, `"06:00"`; before the beginning = on the next day.
    #[schemars(required)]
    pub(crate) to: Option<At<String>>,
    /// Its time zone. Default that of `server`.
    pub(crate) timezone: Option<At<String>>,
}
