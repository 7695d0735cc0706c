//! Who of a group is active: how it is found out and what was found.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{
    logs::HttpStore,
    names::{GroupName, TargetId},
    secret::Secret,
    time::Timestamp,
};

/// Whether an instance carries the load.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// It does.
    Active,
    /// It waits.
    Inactive,
    /// Nobody could say for five minutes; whatever protects active instances treats it as one.
    Unknown,
}

impl Role {
    /// The word for the file, records and people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Unknown => "unknown",
        }
    }

    /// The word beside a name: `active`, `inactive`, `role unknown`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Unknown => "role unknown",
        }
    }

    /// Whether it has to be treated as active: it is, or nobody can say.
    pub const fn is_active(self) -> bool {
        match self {
            Self::Active | Self::Unknown => true,
            Self::Inactive => false,
        }
    }
}

/// `active:` of a group.
#[derive(Clone, PartialEq, Debug)]
pub struct Roles {
    /// Whose.
    pub group: GroupName,
    /// The members, in the order of the file.
    pub members: Vec<Member>,
    /// Where it is read, in order: the first that answers decides, the next ones are second opinions.
    pub sources: Vec<RoleSource>,
    /// `exactly_one:` whether none or several active ones are an incident.
    pub is_exactly_one: bool,
    /// `every:` how often it is read. Default 10 s.
    pub every: Duration,
    /// `stale_after:` for how long the last known answer holds. Default 5 min.
    pub stale_after: Duration,
    /// `grace:` for how long after a swap the halves are not accused of silence. Default 3 min.
    pub grace: Duration,
    /// `announce:` whether a swap is told. Default yes.
    pub is_announced: bool,
}

/// One that may be active.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Which target.
    pub target: TargetId,
    /// What people call it within its group.
    pub name: String,
    /// What it is called where roles are read: its name, or the one that `map:` gives it.
    pub called: String,
    /// Host and port of its health address.
    pub address: Option<(String, u16)>,
}

/// One place where roles are read.
#[derive(Clone, PartialEq, Debug)]
pub enum RoleSource {
    /// `always:` every member is active.
    Always,
    /// `health_field:` a JSON pointer into each member's own health answer, which its own looks hand out: `true`,
    /// `active`, or its own name.
    HealthField(String),
    /// `header:` of the answer of a public address.
    Header {
        /// The address.
        request: Arc<HttpStore>,
        /// The header's name.
        name: String,
    },
    /// `body:` a JSON pointer into the answer of a public address.
    Body {
        /// The address.
        request: Arc<HttpStore>,
        /// The pointer; empty = the whole text.
        pointer: String,
    },
    /// `redirect:` the `Location` of a public address.
    Redirect {
        /// The address.
        request: Arc<HttpStore>,
    },
    /// `haproxy_csv:`
    HaproxyCsv {
        /// The statistics page, with `;csv` at its end.
        request: Arc<HttpStore>,
        /// The backend.
        backend: String,
    },
    /// `haproxy_socket:`
    HaproxySocket {
        /// The socket's path, or `host:port`.
        address: String,
        /// The backend.
        backend: String,
    },
    /// `traefik:`
    Traefik {
        /// The API's address.
        request: Arc<HttpStore>,
        /// `name@provider`.
        service: String,
    },
    /// `envoy:`
    Envoy {
        /// The admin address.
        request: Arc<HttpStore>,
        /// The cluster.
        cluster: String,
    },
    /// `kubernetes_service:` its selector compared with each member's label.
    KubernetesService {
        /// The API's address.
        request: Arc<HttpStore>,
        /// Where.
        namespace: String,
        /// Which.
        service: String,
        /// The label that tells members apart, such as `color`.
        label: String,
    },
    /// `kubernetes_endpoints:` the ready addresses of a service.
    KubernetesEndpoints {
        /// The API's address.
        request: Arc<HttpStore>,
        /// Where.
        namespace: String,
        /// Which.
        service: String,
    },
    /// `dns:` a name whose address or canonical name is a member's.
    Dns {
        /// The name.
        name: String,
    },
    /// `file:` its first word is a member's name.
    File {
        /// The file.
        path: PathBuf,
    },
    /// `command:` the first word that a program prints is a member's name; no shell.
    Command {
        /// The program and its arguments.
        argv: Vec<String>,
    },
    /// `push:` whoever deploys calls `POST /v1/groups/<group>/active`.
    Push {
        /// What a caller has to know.
        token: Secret,
    },
}

impl RoleSource {
    /// The key in the file.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::HealthField(_) => "health_field",
            Self::Header { .. } => "header",
            Self::Body { .. } => "body",
            Self::Redirect { .. } => "redirect",
            Self::HaproxyCsv { .. } => "haproxy_csv",
            Self::HaproxySocket { .. } => "haproxy_socket",
            Self::Traefik { .. } => "traefik",
            Self::Envoy { .. } => "envoy",
            Self::KubernetesService { .. } => "kubernetes_service",
            Self::KubernetesEndpoints { .. } => "kubernetes_endpoints",
            Self::Dns { .. } => "dns",
            Self::File { .. } => "file",
            Self::Command { .. } => "command",
            Self::Push { .. } => "push",
        }
    }
}

/// What people call the source with this key: `HAProxy`.
pub fn source_title(key: &str) -> &str {
    match key {
        "health_field" => "the health answers",
        "header" => "a header of the public address",
        "body" => "the answer of the public address",
        "redirect" => "a redirect of the public address",
        "haproxy_csv" | "haproxy_socket" => "HAProxy",
        "traefik" => "Traefik",
        "envoy" => "Envoy",
        "kubernetes_service" | "kubernetes_endpoints" => "Kubernetes",
        "dns" => "DNS",
        "file" => "its file",
        "command" => "its program",
        other => other,
    }
}

/// What reading the roles of a group brought back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RolesAnswer {
    /// One answer for each source that was asked, in their order; those that are answered elsewhere (`health_field`,
    /// `push`, `always`) are not asked.
    pub opinions: Vec<Opinion>,
}

/// What one source says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opinion {
    /// The key of the source.
    pub from: &'static str,
    /// The active members, by their position in [`Roles::members`]; or why the source could not say.
    pub active: Result<Vec<u16>, String>,
}

/// What is remembered of the roles of a group.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RolesMemory {
    /// The active members, as last heard; while nobody is, those that last were.
    pub active: Vec<TargetId>,
    /// Since when these.
    pub active_since: Option<Timestamp>,
    /// Who was active before them.
    pub before: Vec<TargetId>,
    /// When a source last could say.
    pub said_at: Option<Timestamp>,
    /// How many it said are active.
    pub count: u16,
    /// What members last said of themselves.
    pub own_words: Vec<OwnWord>,
    /// Who was last said to be active by a caller, and when.
    pub pushed: Option<(TargetId, Timestamp)>,
    /// Who is active as far as people know.
    pub told: Vec<TargetId>,
    /// The source that last said so.
    pub told_by: Option<String>,
    /// An exchange that is not sure yet.
    pub heard: Option<HeardSwap>,
}

/// An exchange of roles that a source says and that is not sure yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeardSwap {
    /// Who is active by it.
    pub active: Vec<TargetId>,
    /// Which source says so.
    pub from: String,
    /// When it first did.
    pub since: Timestamp,
    /// How many times in a row it did.
    pub readings: u8,
    /// If nobody read for long before that: when somebody last could say.
    pub unseen_since: Option<Timestamp>,
}

/// What a member last said of itself in its health answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnWord {
    /// Who.
    pub target: TargetId,
    /// Whether it said that it is active.
    pub is_active: bool,
    /// When it last said so.
    pub said_at: Timestamp,
    /// Whether its last look was answered.
    pub is_answering: bool,
}

/// What is known of a role, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleFacts {
    /// The role; absent for the roles of a whole group.
    pub role: Option<Role>,
    /// Since when the active members of its group are these, if that was seen.
    pub since: Option<Timestamp>,
    /// Who says so, and who says otherwise; foreign parts are cleaned.
    pub words: String,
}
