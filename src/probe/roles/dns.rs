//! A name that points at the active member.

use std::{collections::BTreeSet, net::IpAddr};

use futures_util::future::join_all;

use crate::model::roles::Member;

use super::{Said, named};

pub(super) async fn ask(name: &str, members: &[Member]) -> Said {
    let hosts = members.iter().map(|member| async {
        match &member.address {
            Some((host, _)) => resolve(host).await.unwrap_or_default(),
            None => BTreeSet::new(),
        }
    });
    let (found, hosts) = tokio::join!(resolve(name), join_all(hosts));
    matching(&found?, &hosts)
}

async fn resolve(name: &str) -> Result<BTreeSet<IpAddr>, String> {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((bare, 0)).await;
    let found = found.map_err(|error| error.to_string())?;
    Ok(found.map(|address| address.ip().to_canonical()).collect())
}

/// Those that have one of the addresses; two answers mean both.
pub(super) fn matching(found: &BTreeSet<IpAddr>, hosts: &[BTreeSet<IpAddr>]) -> Said {
    let active: Vec<u16> = (0_u16..)
        .zip(hosts)
        .filter(|(_, addresses)| !addresses.is_disjoint(found))
        .map(|(position, _)| position)
        .collect();
    match (active.is_empty(), found.first()) {
        (true, Some(address)) => Err(named::nobody(&address.to_string())),
        (true, None) => Err(String::from("the name has no address")),
        (false, _) => Ok(active),
    }
}
