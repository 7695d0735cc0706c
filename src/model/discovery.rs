//! What is discovered, and the places that are asked for it over their own protocols.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use super::logs::HttpStore;

/// One thing that a source knows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Found {
    /// Where it is, as the source says it: mostly `host:port`. Empty if the source knows the thing, but not where it is.
    pub address: String,
    /// What else is said of it.
    pub labels: BTreeMap<String, String>,
}

/// A place that is asked over its own protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// `dns_srv:`
    DnsSrv(SrvPlace),
    /// `docker:`
    Docker(DockerPlace),
    /// `kubernetes:`
    Kubernetes(KubernetesPlace),
}

/// `dns_srv:` names with SRV records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SrvPlace {
    /// The whole names, at least one; no search domain is added to them.
    pub names: Vec<String>,
    /// `resolver:` who is asked; absent = this machine's resolver.
    pub resolver: Option<SocketAddr>,
}

/// `docker:` containers of one engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DockerPlace {
    /// How the engine is reached.
    pub engine: DockerEngine,
    /// `labels:` what a container has to have, `key` or `key=value`. Default `hekate.enable=true`.
    pub labels: Vec<String>,
    /// `address: published`: the port that the engine publishes, in place of the address in a network.
    pub is_published: bool,
    /// `network:` the network whose address is taken. Default: the first by name in which it has one.
    pub network: Option<String>,
    /// `host:` where published ports are. Default that of the engine's address, or 127.0.0.1.
    pub host: String,
}

/// How a Docker engine is reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DockerEngine {
    /// `socket:` default `/var/run/docker.sock`.
    Socket(PathBuf),
    /// `url:` over TCP, perhaps with TLS.
    Http(Box<HttpStore>),
}

/// `kubernetes:` what an API server knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KubernetesPlace {
    /// How the API server is reached.
    pub server: HttpStore,
    /// `list:`
    pub list: KubernetesList,
    /// `namespaces:` empty = all that we may see.
    pub namespaces: Vec<String>,
    /// `selector:` a label selector in the words of Kubernetes; empty = everything.
    pub selector: String,
}

/// What of Kubernetes becomes targets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum KubernetesList {
    /// Every address behind a service. The default.
    #[default]
    Endpoints,
    /// Every pod.
    Pods,
    /// Every service, by its own name.
    Services,
}

impl KubernetesList {
    /// The list with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "endpoints" => Some(Self::Endpoints),
            "pods" => Some(Self::Pods),
            "services" => Some(Self::Services),
            _ => None,
        }
    }
}
