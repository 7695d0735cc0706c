//! Containers of a Docker engine, and of what speaks as it does.
//!
//! A container is there until it is removed: one that died is down, not gone. Only what ended with code 0 has done what it
//! was there for. A container that does not run has no address, so the one that it had before holds.
//!
//! Source: Docker Engine API, "List containers".

use std::{collections::BTreeMap, net::IpAddr};

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use crate::{
    model::{
        Timestamp,
        discovery::{DockerEngine, DockerPlace, Found},
    },
    probe::logs::{
        docker::engine::{Engine, refused},
        web::{Tls, Web},
    },
};

use super::{Labels, is_switched_off, known_before};

/// More of an answer is not read.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What a container says to us.
const PREFIX: &str = "hekate.";
/// So much of an id says which container it is.
const ID_CHARS: usize = 12;
/// Swarm leaves the containers of tasks behind that it replaced.
const SWARM_TASK: &str = "com.docker.swarm.task.id";

/// A container as the list has it. Lists are null in some engines where they are empty.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    id: String,
    names: Option<Vec<String>>,
    image: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    state: String,
    status: Option<String>,
    ports: Option<Vec<Port>>,
    host_config: Option<HostConfig>,
    network_settings: Option<NetworkSettings>,
}

#[derive(Deserialize)]
struct Port {
    #[serde(rename = "PrivatePort")]
    private: u16,
    #[serde(rename = "PublicPort")]
    public: Option<u16>,
    #[serde(rename = "Type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    network_mode: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkSettings {
    networks: Option<BTreeMap<String, Network>>,
}

#[derive(Deserialize)]
struct Network {
    #[serde(rename = "IPAddress")]
    v4: Option<String>,
    #[serde(rename = "GlobalIPv6Address")]
    v6: Option<String>,
}

pub(super) async fn read(
    place: &DockerPlace,
    tls: &Tls,
    before: &[Found],
    now: Timestamp,
) -> Result<Vec<Found>, String> {
    let containers: Vec<Container> = serde_json::from_slice(&ask(place, tls, now).await?)
        .map_err(|_error| String::from("its answer is no list of containers"))?;
    let (mut list, mut stopped) = (Vec::new(), Vec::new());
    for container in &containers {
        let labels = container.labels.as_ref();
        if is_switched_off(labels.and_then(|labels| labels.get("hekate.enable"))) {
            continue;
        }
        let found = found(place, container);
        match container.state.as_str() {
            "running" | "restarting" | "paused" => {
                list.push(with_address(found, before));
            }
            "exited" if !has_done_its_work(container) => stopped.push(with_address(found, before)),
            // Not started yet, being removed, or done.
            _ => {}
        }
    }
    // Whatever took the place of a container that died stands for it.
    stopped.retain(|found| {
        !found.address.is_empty()
            && !list
                .iter()
                .any(|other: &Found| other.labels.get("name") == found.labels.get("name"))
    });
    list.append(&mut stopped);
    Ok(list)
}

async fn ask(place: &DockerPlace, tls: &Tls, now: Timestamp) -> Result<Vec<u8>, String> {
    let filters = json!({ "label": place.labels }).to_string();
    let (status, body) = match &place.engine {
        DockerEngine::Socket(socket) => {
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("all", "1"), ("filters", &filters)])
                .finish();
            let engine = Engine {
                socket: socket.clone(),
            };
            let path = format!("/containers/json?{query}");
            let answer = engine.get(&path, ANSWER_BYTES_MAX).await;
            answer.map_err(|fault| fault.words)?
        }
        DockerEngine::Http(http) => {
            let web = Web::open(http, tls).map_err(|fault| fault.words)?;
            let parameters = [("all", "1"), ("filters", filters.as_str())];
            let request = web.request_with(Method::GET, "/containers/json", &parameters);
            let answer = web.ask(request, now).await;
            let answer = answer.map_err(|fault| fault.words)?;
            (answer.status, answer.body)
        }
    };
    if !status.is_success() {
        return Err(refused(status, &body).words);
    }
    if body.len() >= ANSWER_BYTES_MAX {
        return Err(String::from("its answer is larger than 8 MiB"));
    }
    Ok(body)
}

/// `Exited (0) 2 minutes ago`; and what an orchestrator has replaced.
fn has_done_its_work(container: &Container) -> bool {
    let labels = container.labels.as_ref();
    let is_replaced = labels.is_some_and(|labels| labels.contains_key(SWARM_TASK));
    let status = container.status.as_deref().unwrap_or_default();
    is_replaced || status.starts_with("Exited (0)")
}

/// What does not run, or not yet again, is where it was.
fn with_address(mut found: Found, before: &[Found]) -> Found {
    if found.address.is_empty()
        && let Some(known) = found
            .labels
            .get("id")
            .and_then(|id| known_before(before, "id", id))
    {
        found.address.clone_from(&known.address);
        if let Some(port) = known.labels.get("port") {
            found.labels.insert(String::from("port"), port.clone());
        }
    }
    found
}

fn found(place: &DockerPlace, container: &Container) -> Found {
    let none = BTreeMap::new();
    let said = container.labels.as_ref().unwrap_or(&none);
    let mut labels = Labels::foreign(said.iter().filter(|(key, _)| !key.starts_with(PREFIX)));
    let id: String = container.id.chars().take(ID_CHARS).collect();
    // Names of links have a second slash.
    let names = container.names.as_deref().unwrap_or_default();
    let name = names
        .iter()
        .map(|name| name.trim_start_matches('/'))
        .find(|name| !name.contains('/'));
    labels.set("name", name.unwrap_or(&id));
    labels.set_some("image", container.image.as_deref());
    labels.own(PREFIX, said);
    labels.set("id", &id);
    let wanted = said
        .get("hekate.port")
        .and_then(|port| port.trim().parse::<u16>().ok());
    let (host, port) = if place.is_published {
        (Some(place.host.clone()), published(container, wanted))
    } else {
        in_network(place, container, wanted)
    };
    let address = match (host, port) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        // Without any port that is known, the one of the address's scheme.
        (Some(host), None) if !place.is_published => host,
        (Some(_), None) | (None, _) => String::new(),
    };
    if let Some(port) = port {
        labels.set("port", &port.to_string());
    }
    Found {
        address,
        labels: labels.0,
    }
}

/// The public port of the one that is wanted, or of the lowest that has one.
fn published(container: &Container, wanted: Option<u16>) -> Option<u16> {
    if is_on_the_host(container) {
        return wanted;
    }
    let ports = container.ports.as_deref().unwrap_or_default();
    ports
        .iter()
        .filter(|port| is_tcp(port) && wanted.is_none_or(|wanted| port.private == wanted))
        .filter_map(|port| Some((port.private, port.public?)))
        .min()
        .map(|(_, public)| public)
}

/// Address and port in the network that is wanted, or in the first that has an address.
fn in_network(
    place: &DockerPlace,
    container: &Container,
    wanted: Option<u16>,
) -> (Option<String>, Option<u16>) {
    let ports = container.ports.as_deref().unwrap_or_default();
    let ports = ports.iter().filter(|port| is_tcp(port));
    let port = wanted.or_else(|| ports.map(|port| port.private).min());
    if is_on_the_host(container) {
        return (Some(place.host.clone()), port);
    }
    let networks = container.network_settings.as_ref();
    let networks = networks.and_then(|settings| settings.networks.as_ref());
    let ip = networks.into_iter().flatten().find_map(|(name, network)| {
        if place.network.as_ref().is_some_and(|wanted| wanted != name) {
            return None;
        }
        [&network.v4, &network.v6]
            .into_iter()
            .flatten()
            .find_map(|ip| ip.parse::<IpAddr>().ok())
    });
    let host = ip.map(|ip| match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    });
    (host, port)
}

fn is_on_the_host(container: &Container) -> bool {
    let config = container.host_config.as_ref();
    config.is_some_and(|config| config.network_mode.as_deref() == Some("host"))
}

fn is_tcp(port: &Port) -> bool {
    port.kind.as_deref().is_none_or(|kind| kind == "tcp")
}
