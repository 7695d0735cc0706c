//! `discovery:` as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    AddressText, At, Basic, DurationText, Named, OneOrMany, SecretText, Target, TextOr, Tls,
    logs::{Reached, Rest},
    words,
};

/// A source that says what there is, and what of it becomes a target.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "an entry of `discovery`", deny_unknown_fields)]
#[schemars(rename = "Discovery")]
pub(crate) struct Discovery {
    /// Files in Prometheus' form: a list of `{ targets: […], labels: {…} }`, JSON or YAML; relative to the file.
    pub(crate) file_sd: Option<At<OneOrMany<String>>>,
    /// An address that answers with such a list as JSON.
    pub(crate) http_sd: Option<At<TextOr<HttpSd>>>,
    /// Names with SRV records; each record is a thing.
    pub(crate) dns_srv: Option<At<TextOr<DnsSrv>>>,
    /// Containers of a Docker engine.
    pub(crate) docker: Option<At<DockerSd>>,
    /// Pods, endpoints or services of Kubernetes.
    pub(crate) kubernetes: Option<At<TextOr<KubernetesSd>>>,
    /// How often it is read, 1s to 1d. Default `30s`.
    pub(crate) every: Option<At<DurationText>>,
    /// The target that each thing becomes; `{{address}}`, `{{host}}` and `{{label.…}}` stand for what is known of it.
    #[schemars(required)]
    pub(crate) target: Option<At<Target>>,
}

/// An address that answers with a list. A text in place of it is its `url`.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`http_sd`", deny_unknown_fields)]
#[schemars(rename = "HttpSd")]
pub(crate) struct HttpSd {
    /// Its address.
    #[schemars(required)]
    pub(crate) url: Option<At<AddressText>>,
    /// A bearer token.
    pub(crate) bearer: Option<At<SecretText>>,
    /// File with the bearer token.
    pub(crate) bearer_file: Option<At<String>>,
}

/// Names with SRV records. A text in place of it is one of its `names`.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`dns_srv`", deny_unknown_fields)]
#[schemars(rename = "DnsSrv")]
pub(crate) struct DnsSrv {
    /// The whole names: `_http._tcp.shop.example.test`.
    #[schemars(required)]
    pub(crate) names: Option<At<OneOrMany<String>>>,
    /// Who is asked: address and perhaps port, `1.1.1.1:53`. Default: this machine's resolver.
    pub(crate) resolver: Option<At<String>>,
}

words! {
    /// Which address of a container.
    ContainerAddressWord, ["network", "published"]
}
words! {
    /// What of Kubernetes becomes targets.
    KubernetesListWord, ["endpoints", "pods", "services"]
}

/// Containers of a Docker engine; `docker: {}` is the one of this machine.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`docker` of `discovery`", deny_unknown_fields)]
#[schemars(rename = "DockerSd")]
pub(crate) struct DockerSd {
    /// Its socket. Default `/var/run/docker.sock`.
    pub(crate) socket: Option<At<String>>,
    /// Its address over TCP, in place of the socket: `https://docker.internal:2376`.
    pub(crate) url: Option<At<AddressText>>,
    /// Whom to trust and who we are, for `url`.
    pub(crate) tls: Option<At<Tls>>,
    /// Labels that a container has to have, `key` or `key=value`. Default `hekate.enable=true`.
    pub(crate) labels: Option<At<OneOrMany<String>>>,
    /// `network`: its address in a network. `published`: the port that the engine publishes. Default `network`.
    pub(crate) address: Option<At<ContainerAddressWord>>,
    /// The network whose address is taken. Default: the first by name in which it has one.
    pub(crate) network: Option<At<String>>,
    /// Where published ports are. Default the host of `url`, or `127.0.0.1`.
    pub(crate) host: Option<At<String>>,
}

/// What an API server of Kubernetes lists. A text in place of it is its `url`.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`kubernetes` of `discovery`", deny_unknown_fields)]
#[schemars(rename = "KubernetesSd")]
pub(crate) struct KubernetesSd {
    /// Its address: `https://kubernetes.default.svc` from within.
    #[schemars(required)]
    pub(crate) url: Option<At<AddressText>>,
    /// A bearer token.
    pub(crate) token: Option<At<SecretText>>,
    /// File with the bearer token.
    pub(crate) token_file: Option<At<String>>,
    /// User name and password.
    pub(crate) basic: Option<At<Basic>>,
    /// More headers.
    pub(crate) headers: Option<At<Named<SecretText>>>,
    /// Whom to trust and who we are.
    pub(crate) tls: Option<At<Tls>>,
    /// Every pod, every address behind a service, or every service by its own name. Default `endpoints`.
    pub(crate) list: Option<At<KubernetesListWord>>,
    /// Namespaces. Default all; the role has to be one of the cluster then.
    pub(crate) namespaces: Option<At<OneOrMany<String>>>,
    /// A label selector: `app=shop,tier in (web, api)`. With `endpoints` it is that of the services. Default everything.
    pub(crate) selector: Option<At<String>>,
}

impl From<&KubernetesSd> for Reached {
    fn from(raw: &KubernetesSd) -> Self {
        Self {
            url: raw.url.clone(),
            token: raw.token.clone(),
            token_file: raw.token_file.clone(),
        }
    }
}

impl KubernetesSd {
    /// Where the rest of what it takes to reach it stands.
    pub(crate) fn rest(&self) -> Rest<'_> {
        Rest {
            basic: self.basic.as_ref(),
            headers: self.headers.as_ref(),
            tls: self.tls.as_ref(),
        }
    }
}
