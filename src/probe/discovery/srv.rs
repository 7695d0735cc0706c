//! Names with SRV records: each record is a thing.
//!
//! Source: RFC 2782.

use std::time::Duration;

use futures_util::future::try_join_all;

use crate::{
    model::{
        Outcome,
        discovery::{Found, SrvPlace},
    },
    probe::dns::{self, Service},
};

use super::Labels;

/// All names at the same time; one of them without an answer leaves nothing that could be believed.
pub(super) async fn read(place: &SrvPlace, limit: Duration) -> Result<Vec<Found>, String> {
    // The resolver's own limit ends first: its words say more.
    let limit = limit * 3 / 4;
    let asked = place.names.iter().map(|name| async move {
        let services = dns::services(name, place.resolver, limit).await;
        let services = services.map_err(words)?;
        let offered = services.iter().filter(|service| !service.host.is_empty());
        Ok::<_, String>(
            offered
                .map(|service| found(name, service))
                .collect::<Vec<_>>(),
        )
    });
    Ok(try_join_all(asked).await?.concat())
}

fn found(name: &str, service: &Service) -> Found {
    let mut labels = Labels::default();
    labels.set("name", name);
    labels.set("port", &service.port.to_string());
    labels.set("priority", &service.priority.to_string());
    labels.set("weight", &service.weight.to_string());
    // What is no name of a host is known, but not where it is.
    let is_host = service
        .host
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    let address = if is_host && service.port > 0 {
        format!("{}:{}", service.host.to_ascii_lowercase(), service.port)
    } else {
        String::new()
    };
    Found {
        address,
        labels: labels.0,
    }
}

fn words(outcome: Outcome) -> String {
    match outcome {
        Outcome::Healthy => String::new(),
        Outcome::Degraded(short) => short.words,
        Outcome::Unhealthy(failure) => failure.words,
        Outcome::Unobservable(gap) => gap.words,
    }
}
