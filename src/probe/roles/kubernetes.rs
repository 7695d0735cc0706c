//! A service of Kubernetes: what it selects, or who is ready behind it.

use serde_json::Value;

use crate::{
    model::{Timestamp, roles::Member},
    probe::logs::web::Web,
};

use super::{Said, named, web};

/// Namespace and service.
type Place<'a> = (&'a str, &'a str);

pub(super) async fn service(
    web: &Web,
    (namespace, service): Place<'_>,
    label: &str,
    members: &[Member],
    now: Timestamp,
) -> Said {
    let path = format!("/api/v1/namespaces/{namespace}/services/{service}");
    selected(&web::json(web, &path, &[], now).await?, label, members)
}

/// Whom the selector means; it is active even if nothing of it is ready: then the active one is down.
pub(super) fn selected(service: &Value, label: &str, members: &[Member]) -> Said {
    match service["spec"]["selector"][label].as_str() {
        Some(value) => named::by_name(members, value)
            .map(|position| vec![position])
            .ok_or_else(|| named::nobody(value)),
        None => Err(format!("its selector has no `{label}`")),
    }
}

pub(super) async fn endpoints(
    web: &Web,
    (namespace, service): Place<'_>,
    members: &[Member],
    now: Timestamp,
) -> Said {
    let path = format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices");
    let selector = format!("kubernetes.io/service-name={service}");
    let parameters = [("labelSelector", selector.as_str())];
    ready(&web::json(web, &path, &parameters, now).await?, members)
}

/// Whose pods are ready: by the address of a member, or by a pod that is called after it (`blue-7c9f…`).
pub(super) fn ready(slices: &Value, members: &[Member]) -> Said {
    let slices = slices["items"].as_array();
    let slices = slices.ok_or_else(|| String::from("its answer is no list of endpoint slices"))?;
    let endpoints = slices
        .iter()
        .filter_map(|slice| slice["endpoints"].as_array())
        .flatten()
        // Nothing said means that nobody knows better.
        .filter(|endpoint| endpoint["conditions"]["ready"].as_bool() != Some(false));
    let mut active = Vec::new();
    for endpoint in endpoints {
        let pod = endpoint["targetRef"]["name"].as_str().unwrap_or_default();
        let addresses = endpoint["addresses"].as_array();
        let by_address = addresses
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(Value::as_str)
            .find_map(|address| named::by_address(members, address, None));
        let position = by_address
            .or_else(|| by_pod(members, pod))
            .ok_or_else(|| named::nobody(pod))?;
        if !active.contains(&position) {
            active.push(position);
        }
    }
    Ok(active)
}

/// The member with the longest name that the pod's begins with.
fn by_pod(members: &[Member], pod: &str) -> Option<u16> {
    (0_u16..)
        .zip(members)
        .filter(|(_, member)| {
            pod.strip_prefix(member.called.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
        .max_by_key(|(_, member)| member.called.len())
        .map(|(position, _)| position)
}
