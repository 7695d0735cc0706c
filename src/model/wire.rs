//! What is asked of things that are no HTTP health endpoint: ports, certificates, names, hosts, sockets, gRPC services.

use std::{fmt, net::SocketAddr, time::Duration};

use url::{Host, Url};

use super::{
    plan::{IpFamily, TlsSettings},
    secret::Secret,
};

/// A host and a port: `db.internal:5432`, `[::1]:443`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Endpoint {
    /// A name or an address.
    pub host: Host<String>,
    /// 1 to 65,535.
    pub port: u16,
}

impl Endpoint {
    /// The host as a certificate and people write it: without brackets.
    pub fn bare_host(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// `tcp:` whether something listens, and what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TcpQuestion {
    /// Where.
    pub endpoint: Endpoint,
    /// `ip:`
    pub ip: IpFamily,
    /// `tls:` whether and how the connection is wrapped in TLS.
    pub tls: Option<TlsSettings>,
    /// `send:` what is said first; it may hold a password.
    pub send: Option<Secret>,
    /// `expect:` what has to come within the first 4 KiB.
    pub expect: Option<String>,
    /// `all_addresses:` whether every address of the name is asked.
    pub all_addresses: bool,
}

/// `tls:` the certificate that is shown, and how long it and its chain are trusted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsQuestion {
    /// Where.
    pub endpoint: Endpoint,
    /// `ip:`
    pub ip: IpFamily,
    /// Whom we trust and who we are.
    pub settings: TlsSettings,
    /// `warn_at:` with so much time left it falls short; longest first, at least one. Default 21, 7 and 1 days.
    pub warn_at: Vec<Duration>,
    /// `starttls:` what is spoken before TLS, if anything.
    pub starttls: Option<StartTls>,
    /// `all_addresses:` whether every address of the name is asked.
    pub all_addresses: bool,
}

impl TlsQuestion {
    /// The steps of warning if the file says nothing.
    pub const WARN_AT: [Duration; 3] = [
        Duration::from_hours(21 * 24),
        Duration::from_hours(7 * 24),
        Duration::from_hours(24),
    ];
}

/// A protocol that begins in plain text and then changes to TLS.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StartTls {
    /// Mail submission and transfer.
    Smtp,
    /// Mailboxes.
    Imap,
    /// `PostgreSQL`.
    Postgres,
}

impl StartTls {
    /// All words.
    pub const ALL_WORDS: [&'static str; 3] = ["smtp", "imap", "postgres"];

    /// The protocol with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "smtp" => Some(Self::Smtp),
            "imap" => Some(Self::Imap),
            "postgres" => Some(Self::Postgres),
            _ => None,
        }
    }
}

/// `dns:` what a name leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DnsQuestion {
    /// The whole name; no search domain is added to it.
    pub name: String,
    /// `record:`
    pub record: RecordKind,
    /// `expect:` or `contains:`
    pub expect: Expected,
    /// `resolver:` who is asked; absent = this machine's resolver.
    pub resolver: Option<SocketAddr>,
}

/// Which records a name has to have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expected {
    /// Any.
    Any,
    /// These and no others, in any order.
    Exactly(Vec<String>),
    /// These, and perhaps others.
    Containing(Vec<String>),
}

macro_rules! record_kinds {
    ($($(#[$doc:meta])* $name:ident $word:literal,)*) => {
        /// A type of DNS record.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
        pub enum RecordKind {
            $($(#[$doc])* $name,)*
        }

        impl RecordKind {
            /// All words.
            pub const ALL_WORDS: &'static [&'static str] = &[$($word,)*];

            /// The word in the file and in DNS.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// The type with this word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

record_kinds! {
    /// An IPv4 address. The default.
    #[default]
    A "A",
    /// An IPv6 address.
    Aaaa "AAAA",
    /// The name that this one stands for.
    Cname "CNAME",
    /// A mail server: `10 mail.example.test`.
    Mx "MX",
    /// Text.
    Txt "TXT",
    /// A name server.
    Ns "NS",
    /// A service: `10 5 5060 sip.example.test`.
    Srv "SRV",
    /// The start of authority.
    Soa "SOA",
    /// Who may sign certificates: `0 issue "ca.example.test"`.
    Caa "CAA",
}

/// `icmp:` whether a host answers echo requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IcmpQuestion {
    /// Whom.
    pub host: Host<String>,
    /// `ip:`
    pub ip: IpFamily,
    /// `packets:` echo requests of one look, 1 to 10. Default 3.
    pub packets: u8,
    /// `max_lost:` more lost ones than this fall short; less than `packets`. Default: one reply is enough.
    pub max_lost: u8,
}

/// `websocket:` whether a connection can be upgraded, and what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebsocketQuestion {
    /// `ws` or `wss`, without user info.
    pub url: Url,
    /// More headers; credentials among them are secrets like the rest.
    pub headers: Vec<(String, Secret)>,
    /// `ip:`
    pub ip: IpFamily,
    /// `tls:`
    pub tls: TlsSettings,
    /// `send:` the first message from us; it may hold a token.
    pub send: Option<Secret>,
    /// `expect:` what the first message from them has to contain.
    pub expect: Option<String>,
}

/// `grpc:` what a server says of itself through `grpc.health.v1.Health/Check`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GrpcQuestion {
    /// Where.
    pub endpoint: Endpoint,
    /// `service:` which service; empty = the server as a whole.
    pub service: String,
    /// `ip:`
    pub ip: IpFamily,
    /// `tls:` whether and how the connection is wrapped in TLS.
    pub tls: Option<TlsSettings>,
    /// `metadata:` sent with the call; credentials among them are secrets like the rest.
    pub metadata: Vec<(String, Secret)>,
}
