//! A service of Traefik, by its API.

use serde_json::Value;

use crate::{
    model::{Timestamp, roles::Member},
    probe::logs::web::Web,
};

use super::{Said, named, web};

pub(super) async fn ask(web: &Web, service: &str, members: &[Member], now: Timestamp) -> Said {
    let path = format!("/api/http/services/{service}");
    active(&web::json(web, &path, &[], now).await?, members)
}

/// Of a weighted service those with a weight; of a load balancer those that no health check found down.
pub(super) fn active(service: &Value, members: &[Member]) -> Said {
    if let Some(services) = service.pointer("/weighted/services") {
        let services = services.as_array().map_or(&[][..], Vec::as_slice);
        return services
            .iter()
            // A weight that is not said is 1.
            .filter(|child| child["weight"].as_i64().unwrap_or(1) > 0)
            .map(|child| {
                let name = child["name"].as_str().unwrap_or_default();
                let bare = name.split_once('@').map_or(name, |(bare, _)| bare);
                named::by_name(members, name)
                    .or_else(|| named::by_name(members, bare))
                    .ok_or_else(|| named::nobody(name))
            })
            .collect();
    }
    let Some(servers) = service
        .pointer("/loadBalancer/servers")
        .and_then(Value::as_array)
    else {
        return Err(String::from(
            "it is neither a weighted service nor a load balancer",
        ));
    };
    let is_up = |url: &str| {
        service["serverStatus"][url]
            .as_str()
            .is_none_or(|status| status == "UP")
    };
    servers
        .iter()
        .filter_map(|server| server["url"].as_str())
        .filter(|url| is_up(url))
        .map(|url| named::by_url(members, url).ok_or_else(|| named::nobody(url)))
        .collect()
}
