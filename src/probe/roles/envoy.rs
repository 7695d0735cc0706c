//! A cluster of Envoy, by its admin interface.

use serde_json::Value;

use crate::{
    model::{Timestamp, roles::Member},
    probe::logs::web::Web,
};

use super::{Said, named, web};

pub(super) async fn ask(web: &Web, cluster: &str, members: &[Member], now: Timestamp) -> Said {
    let json = web::json(web, "/clusters", &[("format", "json")], now).await?;
    active(&json, cluster, members)
}

/// Those with a weight whose checks do not fail. The health that discovery gives is not enough: it stays HEALTHY while the
/// active check fails.
pub(super) fn active(clusters: &Value, cluster: &str, members: &[Member]) -> Said {
    let list = clusters["cluster_statuses"].as_array();
    let list = list.ok_or_else(|| String::from("its answer is not Envoy's list of clusters"))?;
    let found = list
        .iter()
        .find(|status| status["name"].as_str() == Some(cluster));
    let found = found.ok_or_else(|| format!("there is no cluster `{cluster}`"))?;
    let hosts = found["host_statuses"].as_array();
    hosts
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter(|host| is_active(host))
        .map(|host| {
            let address = &host["address"]["socket_address"];
            let name = address["address"].as_str().unwrap_or_default();
            let port = address["port_value"]
                .as_u64()
                .and_then(|port| u16::try_from(port).ok());
            let hostname = host["hostname"].as_str().unwrap_or_default();
            named::by_address(members, name, port)
                .or_else(|| named::by_any(members, hostname))
                .or_else(|| named::by_name(members, name))
                .ok_or_else(|| named::nobody(name))
        })
        .collect()
}

fn is_active(host: &Value) -> bool {
    let health = &host["health_status"];
    let fails = ["failed_active_health_check", "failed_outlier_check"]
        .iter()
        .any(|check| health[check].as_bool() == Some(true));
    let is_out = matches!(
        health["eds_health_status"].as_str(),
        Some("UNHEALTHY" | "DRAINING" | "TIMEOUT")
    );
    // The least weight that can be configured is 1; none is said where there is none.
    !fails && !is_out && host["weight"].as_u64().unwrap_or(1) > 0
}
