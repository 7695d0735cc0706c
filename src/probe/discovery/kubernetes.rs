//! Pods, the endpoints of services, and services, as an API server of Kubernetes lists them.
//!
//! A pod that begins answers nobody yet, and one that ends no longer has to: a thing joins when it is ready for the first
//! time, and leaves when it is being ended. In between it stays, ready or not: that is what is looked at.
//!
//! Source: Kubernetes API concepts, "Retrieving large results sets in chunks"; reference of `Pod` and `EndpointSlice`.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use chrono::{DateTime, Utc};
use http::StatusCode;
use reqwest::Method;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{
    model::{
        Timestamp,
        discovery::{Found, KubernetesList, KubernetesPlace},
        logs::{LogFault, LogFaultKind},
    },
    probe::logs::{
        kubernetes::{query::is_name, refusal},
        web::{Tls, Web},
    },
};

use super::{FOUND_MAX, Labels, is_switched_off, known_before, too_many};

/// So many things are asked for at once; with all that is kept beside them, a page stays well below 4 MiB.
const PAGE: &str = "100";
/// A list that changes too fast for its pages is begun anew so often.
const BEGINNINGS_MAX: u8 = 3;
/// What a pod or a service says to us.
const PREFIX: &str = "hekate.io/";
/// A pod that has not been ready for so long will not be by itself.
const BEGINS_FOR: Duration = Duration::from_mins(5);
/// Which service endpoints belong to.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct List<T> {
    #[serde(deserialize_with = "or_null")]
    items: Vec<T>,
    metadata: Option<ListMetadata>,
}

/// A list that is there; some servers write an empty one as null.
fn or_null<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[derive(Deserialize)]
struct ListMetadata {
    r#continue: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    uid: String,
    creation_timestamp: Option<DateTime<Utc>>,
    deletion_timestamp: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Pod {
    metadata: Metadata,
    spec: PodSpec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    node_name: Option<String>,
    containers: Option<Vec<PodContainer>>,
}

#[derive(Deserialize)]
struct PodContainer {
    ports: Option<Vec<Port>>,
}

#[derive(Deserialize, Default)]
struct PodStatus {
    phase: Option<String>,
    #[serde(rename = "podIP")]
    ip: Option<String>,
    conditions: Option<Vec<Condition>>,
}

#[derive(Deserialize)]
struct Condition {
    r#type: String,
    status: String,
}

#[derive(Deserialize)]
struct Service {
    metadata: Metadata,
    #[serde(default)]
    spec: ServiceSpec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct ServiceSpec {
    r#type: Option<String>,
    external_name: Option<String>,
    ports: Option<Vec<Port>>,
}

/// A port of a pod, of a service, or of endpoints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Port {
    name: Option<String>,
    #[serde(rename = "port", alias = "containerPort")]
    number: Option<u16>,
    protocol: Option<String>,
}

#[derive(Deserialize)]
struct Slice {
    metadata: Metadata,
    endpoints: Option<Vec<Endpoint>>,
    ports: Option<Vec<Port>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    addresses: Option<Vec<String>>,
    #[serde(default)]
    conditions: Conditions,
    target_ref: Option<TargetRef>,
    node_name: Option<String>,
    zone: Option<String>,
}

/// What is not said of `ready` means yes, of `serving` the same as `ready`, of `terminating` no.
#[derive(Deserialize, Default)]
struct Conditions {
    ready: Option<bool>,
    serving: Option<bool>,
    terminating: Option<bool>,
}

#[derive(Deserialize)]
struct TargetRef {
    name: Option<String>,
    uid: Option<String>,
}

/// One reading under way.
struct Asking<'a> {
    web: Web,
    place: &'a KubernetesPlace,
    before: &'a [Found],
    now: Timestamp,
}

pub(super) async fn read(
    place: &KubernetesPlace,
    tls: &Tls,
    before: &[Found],
    now: Timestamp,
) -> Result<Vec<Found>, String> {
    let asking = Asking {
        web: Web::open(&place.server, tls).map_err(|fault| fault.words)?,
        place,
        before,
        now,
    };
    match place.list {
        KubernetesList::Pods => asking.pods().await,
        KubernetesList::Services => asking.services().await,
        KubernetesList::Endpoints => asking.endpoints().await,
    }
}

impl Asking<'_> {
    async fn pods(&self) -> Result<Vec<Found>, String> {
        let pods: Vec<Pod> = self.all("/api/v1", "pods").await?;
        let watched = pods.iter().filter(|pod| {
            let conditions = pod.status.conditions.as_deref().unwrap_or_default();
            let is_ready = conditions
                .iter()
                .any(|condition| condition.r#type == "Ready" && condition.status == "True");
            let has_begun =
                is_ready || self.is_known(&pod.metadata.uid) || self.is_overdue(&pod.metadata);
            // It ended by itself; what replaces it is another one.
            let has_ended = matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
            has_begun && !has_ended && pod.metadata.deletion_timestamp.is_none()
        });
        let found = watched.filter_map(|pod| {
            let mut labels = own_words(&pod.metadata, "pod")?;
            labels.set_some("node", pod.spec.node_name.as_deref());
            let containers = pod.spec.containers.as_deref().unwrap_or_default();
            let ports = containers
                .iter()
                .flat_map(|container| container.ports.as_deref().unwrap_or_default());
            let port = port(&pod.metadata, ports);
            let host = pod.status.ip.as_deref().and_then(host);
            Some(found(host, port, labels))
        });
        Ok(found.collect())
    }

    async fn services(&self) -> Result<Vec<Found>, String> {
        let services: Vec<Service> = self.all("/api/v1", "services").await?;
        let found = services.iter().filter_map(|service| {
            let metadata = &service.metadata;
            let labels = own_words(metadata, "service")?;
            let is_elsewhere = service.spec.r#type.as_deref() == Some("ExternalName");
            let name = if is_elsewhere {
                service.spec.external_name.clone().unwrap_or_default()
            } else {
                format!("{}.{}.svc", metadata.name, metadata.namespace)
            };
            let ports = service.spec.ports.as_deref().unwrap_or_default();
            Some(found(host(&name), port(metadata, ports), labels))
        });
        Ok(found.collect())
    }

    /// What a service says to us stands at the service; its endpoints are listed elsewhere.
    async fn endpoints(&self) -> Result<Vec<Found>, String> {
        let services: Vec<Service> = self.all("/api/v1", "services").await?;
        let slices: Vec<Slice> = self
            .all("/apis/discovery.k8s.io/v1", "endpointslices")
            .await?;
        let services: BTreeMap<(&str, &str), &Metadata> = services
            .iter()
            .map(|service| {
                let metadata = &service.metadata;
                (
                    (metadata.namespace.as_str(), metadata.name.as_str()),
                    metadata,
                )
            })
            .collect();
        // Families have slices of their own, and while things move one endpoint may be in two of them.
        let mut out: BTreeMap<(String, String, String), Found> = BTreeMap::new();
        for slice in &slices {
            let of_slice = slice.metadata.labels.as_ref();
            let Some(service) = of_slice.and_then(|labels| labels.get(SERVICE_LABEL)) else {
                continue;
            };
            let namespace = slice.metadata.namespace.as_str();
            let Some(service) = services.get(&(namespace, service.as_str())) else {
                continue;
            };
            for endpoint in slice.endpoints.as_deref().unwrap_or_default() {
                let Some((uid, found)) = self.endpoint(service, slice, endpoint) else {
                    continue;
                };
                let key = (namespace.to_owned(), service.name.clone(), uid);
                match out.get(&key) {
                    // IPv4 addresses come first, for no better reason than that it is always the same one.
                    Some(other) if !other.address.starts_with('[') => {}
                    Some(_) | None => {
                        out.insert(key, found);
                    }
                }
            }
        }
        Ok(out.into_values().collect())
    }

    fn endpoint(
        &self,
        service: &Metadata,
        slice: &Slice,
        endpoint: &Endpoint,
    ) -> Option<(String, Found)> {
        let address = endpoint.addresses.as_ref()?.first()?;
        let reference = endpoint.target_ref.as_ref();
        let name = reference.and_then(|reference| reference.name.as_deref());
        let uid = reference.and_then(|reference| reference.uid.as_deref());
        let uid = uid.unwrap_or(address);
        let conditions = &endpoint.conditions;
        let is_ready = conditions.ready.unwrap_or(true);
        let is_serving = conditions.serving.unwrap_or(is_ready);
        let is_ending = conditions.terminating.unwrap_or(false);
        if is_ending || !(is_ready || is_serving || self.is_known(uid)) {
            return None;
        }
        let mut labels = own_words(service, "service")?;
        let is_named = service
            .annotations
            .as_ref()
            .is_some_and(|said| said.contains_key("hekate.io/name"));
        if !is_named {
            labels.set("name", name.unwrap_or(address));
        }
        labels.set_some("pod", name);
        labels.set_some("node", endpoint.node_name.as_deref());
        labels.set_some("zone", endpoint.zone.as_deref());
        labels.set("uid", uid);
        let ports = slice.ports.as_deref().unwrap_or_default();
        Some((
            uid.to_owned(),
            found(host(address), port(service, ports), labels),
        ))
    }

    fn is_known(&self, uid: &str) -> bool {
        !uid.is_empty() && known_before(self.before, "uid", uid).is_some()
    }

    fn is_overdue(&self, metadata: &Metadata) -> bool {
        metadata.creation_timestamp.is_some_and(|created| {
            let age = self.now.as_millis() - Timestamp::from(created).as_millis();
            u128::try_from(age).is_ok_and(|age| age >= BEGINS_FOR.as_millis())
        })
    }

    /// All things of a kind in all namespaces that are asked for.
    async fn all<T: DeserializeOwned>(&self, base: &str, kind: &str) -> Result<Vec<T>, String> {
        if self.place.namespaces.is_empty() {
            return self.list(&format!("{base}/{kind}")).await;
        }
        let mut all = Vec::new();
        for namespace in &self.place.namespaces {
            let path = format!("{base}/namespaces/{namespace}/{kind}");
            all.extend(self.list(&path).await?);
        }
        Ok(all)
    }

    async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, String> {
        for _ in 0..BEGINNINGS_MAX {
            let whole = self.pages(path).await.map_err(|fault| fault.words)?;
            if let Some(list) = whole {
                return if list.len() > FOUND_MAX {
                    Err(too_many())
                } else {
                    Ok(list)
                };
            }
        }
        Err(String::from(
            "its list changes faster than its pages can be read (HTTP 410)",
        ))
    }

    /// The pages of a list; nothing if the server has forgotten in between what the list was (410).
    async fn pages<T: DeserializeOwned>(&self, path: &str) -> Result<Option<Vec<T>>, LogFault> {
        let (mut items, mut token) = (Vec::new(), String::new());
        while items.len() <= FOUND_MAX {
            let mut parameters = vec![("limit", PAGE)];
            if !self.place.selector.is_empty() {
                parameters.push(("labelSelector", &self.place.selector));
            }
            if !token.is_empty() {
                parameters.push(("continue", &token));
            }
            let request = self.web.request_with(Method::GET, path, &parameters);
            let request = request.header(http::header::ACCEPT, "application/json");
            let answered = self.web.ask(request, self.now).await?;
            if answered.status == StatusCode::GONE && !token.is_empty() {
                return Ok(None);
            }
            if let Some(fault) = refusal(&answered) {
                return Err(fault);
            }
            let page: List<T> = serde_json::from_slice(&answered.body).map_err(|_| shape())?;
            items.extend(page.items);
            let next = page.metadata.and_then(|metadata| metadata.r#continue);
            match next.filter(|next| !next.is_empty()) {
                None => break,
                // It would go round for ever.
                Some(next) if next == token => return Err(shape()),
                Some(next) => token = next,
            }
        }
        Ok(Some(items))
    }
}

/// What a pod or a service says, and what it is; nothing if it says that it is not to be watched.
fn own_words(metadata: &Metadata, kind: &str) -> Option<Labels> {
    let none = BTreeMap::new();
    let annotations = metadata.annotations.as_ref().unwrap_or(&none);
    if is_switched_off(annotations.get("hekate.io/enable")) {
        return None;
    }
    let mut labels = Labels::foreign(metadata.labels.as_ref().unwrap_or(&none));
    labels.set("name", &metadata.name);
    labels.own(PREFIX, annotations);
    labels.set(kind, &metadata.name);
    labels.set("namespace", &metadata.namespace);
    labels.set("uid", &metadata.uid);
    Some(labels)
}

fn found(host: Option<String>, port: Option<u16>, mut labels: Labels) -> Found {
    let address = match (host, port) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host,
        (None, _) => String::new(),
    };
    if let Some(port) = port {
        labels.set("port", &port.to_string());
    }
    Found {
        address,
        labels: labels.0,
    }
}

/// An address or a name, if it is one.
fn host(text: &str) -> Option<String> {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => Some(ip.to_string()),
        Ok(IpAddr::V6(ip)) => Some(format!("[{ip}]")),
        Err(_) => is_name(text).then(|| text.to_owned()),
    }
}

/// The port that the annotation asks for, by number or by name; else the one called `http`, else the lowest.
fn port<'a>(metadata: &Metadata, ports: impl IntoIterator<Item = &'a Port>) -> Option<u16> {
    let wanted = metadata.annotations.as_ref();
    let wanted = wanted.and_then(|said| said.get("hekate.io/port"));
    let wanted = wanted.map(|wanted| wanted.trim());
    if let Some(number) = wanted.and_then(|wanted| wanted.parse::<u16>().ok()) {
        return Some(number);
    }
    let ports: Vec<(Option<&str>, u16)> = ports
        .into_iter()
        .filter(|port| port.protocol.as_deref().is_none_or(|kind| kind == "TCP"))
        .filter_map(|port| Some((port.name.as_deref(), port.number?)))
        .collect();
    let called = |name: &str| ports.iter().find(|(known, _)| *known == Some(name));
    let named = called(wanted.unwrap_or("http"));
    let lowest = || ports.iter().min_by_key(|(_, port)| *port);
    named.or_else(lowest).map(|(_, port)| *port)
}

fn shape() -> LogFault {
    LogFault::new(
        LogFaultKind::Unreachable,
        "its answer is no list as Kubernetes writes them",
    )
}
