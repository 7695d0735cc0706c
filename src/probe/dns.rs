//! `dns:` what a name leads to, asked anew every time, at this machine's resolver or at one of the file's choice.

use std::{net::SocketAddr, pin::pin, time::Duration};

use hickory_resolver::{
    TokioResolver,
    config::{NameServerConfig, ResolveHosts, ResolverConfig},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{Name, RData, RecordType},
    },
};

use crate::{
    clock::Clock,
    model::{
        Detail, FailureKind, GapKind, Outcome, Tick,
        text::{FOREIGN_MAX, clean},
        wire::{DnsQuestion, Expected, RecordKind},
    },
};

use super::http::{
    Findings,
    limits::{Expired, Limits},
    trouble,
};

/// Of what came and of what was expected so much is shown in words.
const SHOWN_MAX: usize = 120;

/// One look.
pub(super) async fn look(
    question: &DnsQuestion,
    clock: &Clock,
    started: Tick,
    limit: Duration,
) -> Findings {
    let timer = pin!(tokio::time::sleep_until(clock.instant(started + limit)));
    let mut limits = Limits::new(clock, timer, started, limit);
    let asked = limits.run_to_the_end(Box::pin(ask(question, limit))).await;
    let resolve_us = limits.lap();
    let (outcome, came) = match asked {
        Ok(Ok(records)) => (judge(question, &records), Some(records.join(", "))),
        Ok(Err(outcome)) => (outcome, None),
        Err(expired) => (late(question, expired), None),
    };
    let mut findings = Findings::of(outcome);
    findings.phases.resolve_us = Some(resolve_us);
    if findings.outcome != Outcome::Healthy {
        findings.detail = Some(Box::new(Detail {
            address: question.resolver.map(|address| address.to_string()),
            excerpt: came.map(|came| clean(&came, FOREIGN_MAX)),
            ..Detail::default()
        }));
    }
    findings
}

/// The records of the name, each as it is written, sorted.
async fn ask(question: &DnsQuestion, limit: Duration) -> Result<Vec<String>, Outcome> {
    let resolver = resolver(question.resolver, limit)?;
    let name = whole(&question.name)?;
    let wanted = record_type(question.record);
    let found = resolver
        .lookup(name, wanted)
        .await
        .map_err(|error| refused(question, &error))?;
    let mut records: Vec<String> = found
        .answers()
        .iter()
        .filter(|record| record.record_type() == wanted)
        .map(|record| written(&record.data))
        .collect();
    if records.is_empty() {
        return Err(no_records(question));
    }
    records.sort();
    records.dedup();
    Ok(records)
}

/// With its last dot the name is whole: no search domain is tried.
fn whole(name: &str) -> Result<Name, Outcome> {
    let whole = format!("{}.", name.trim_end_matches('.'));
    Name::from_utf8(&whole)
        .map_err(|_error| trouble::gap(GapKind::NotConfigured, "the name cannot be asked for"))
}

/// One SRV record.
pub(super) struct Service {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    /// Without its last dot; empty if the service is decidedly not offered.
    pub(super) host: String,
}

/// The SRV records of a name; none if there is such a name without them.
///
/// # Errors
///
/// Why nobody knows: there is no such name, or no answer that can be used.
pub(super) async fn services(
    name: &str,
    server: Option<SocketAddr>,
    limit: Duration,
) -> Result<Vec<Service>, Outcome> {
    let question = DnsQuestion {
        name: name.to_owned(),
        record: RecordKind::Srv,
        expect: Expected::Any,
        resolver: server,
    };
    let resolver = resolver(server, limit)?;
    let found = match resolver.lookup(whole(name)?, RecordType::SRV).await {
        Ok(found) => found,
        Err(NetError::Dns(DnsError::NoRecordsFound(none)))
            if none.response_code == ResponseCode::NoError =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(refused(&question, &error)),
    };
    let services = found.answers().iter().filter_map(|record| {
        let RData::SRV(service) = &record.data else {
            return None;
        };
        Some(Service {
            priority: service.priority,
            weight: service.weight,
            port: service.port,
            host: service.target.to_ascii().trim_end_matches('.').to_owned(),
        })
    });
    Ok(services.collect())
}

fn resolver(server: Option<SocketAddr>, limit: Duration) -> Result<TokioResolver, Outcome> {
    let own = |error: &NetError| {
        trouble::gap(
            GapKind::Resolver,
            format!(
                "this machine's resolver cannot be used: {}",
                trouble::plain(error)
            ),
        )
    };
    let mut builder = match server {
        None => TokioResolver::builder_tokio().map_err(|error| own(&error))?,
        Some(server) => {
            let config = ResolverConfig::from_name_servers(vec![name_server(server)]);
            let mut builder =
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
            builder.options_mut().use_hosts_file = ResolveHosts::Never;
            builder
        }
    };
    let options = builder.options_mut();
    // Every look asks; what was answered before is not of interest.
    options.cache_size = 0;
    // A lost datagram is sent again twice within the look.
    options.attempts = 2;
    options.timeout = limit / 3;
    builder.build().map_err(|error| own(&error))
}

/// UDP, and TCP for answers that do not fit.
fn name_server(address: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

const fn record_type(record: RecordKind) -> RecordType {
    match record {
        RecordKind::A => RecordType::A,
        RecordKind::Aaaa => RecordType::AAAA,
        RecordKind::Cname => RecordType::CNAME,
        RecordKind::Mx => RecordType::MX,
        RecordKind::Txt => RecordType::TXT,
        RecordKind::Ns => RecordType::NS,
        RecordKind::Srv => RecordType::SRV,
        RecordKind::Soa => RecordType::SOA,
        RecordKind::Caa => RecordType::CAA,
    }
}

/// A record as people write it: names without their last dot.
fn written(data: &RData) -> String {
    let text = data.to_string();
    if matches!(data, RData::TXT(_)) {
        return text;
    }
    normal(&text)
}

/// Names are compared without case and without their last dots.
fn normal(text: &str) -> String {
    text.split_whitespace()
        .map(|word| {
            word.strip_suffix('.')
                .filter(|word| !word.is_empty())
                .unwrap_or(word)
        })
        .collect::<Vec<_>>()
        .join(" ")
        .to_ascii_lowercase()
}

/// Whether the records are those that the file asks for.
fn judge(question: &DnsQuestion, records: &[String]) -> Outcome {
    let (wanted, is_exact) = match &question.expect {
        Expected::Any => return Outcome::Healthy,
        Expected::Exactly(wanted) => (wanted, true),
        Expected::Containing(wanted) => (wanted, false),
    };
    let alike = |text: &String| match question.record {
        RecordKind::Txt => text.clone(),
        // Addresses have many ways to be written.
        RecordKind::A | RecordKind::Aaaa => text
            .parse::<std::net::IpAddr>()
            .map_or_else(|_no_address| normal(text), |address| address.to_string()),
        RecordKind::Cname
        | RecordKind::Mx
        | RecordKind::Ns
        | RecordKind::Srv
        | RecordKind::Soa
        | RecordKind::Caa => normal(text),
    };
    let mut wanted: Vec<String> = wanted.iter().map(alike).collect();
    wanted.sort();
    wanted.dedup();
    let came: Vec<String> = records.iter().map(alike).collect();
    let has_all = wanted.iter().all(|one| came.contains(one));
    let has_more = came.iter().any(|one| !wanted.contains(one));
    if has_all && !(is_exact && has_more) {
        return Outcome::Healthy;
    }
    trouble::explicit(
        FailureKind::Unexpected,
        format!(
            "{} of {} is {}, expected {}{}",
            question.record.as_str(),
            question.name,
            clean(&records.join(", "), SHOWN_MAX),
            if is_exact { "" } else { "among others " },
            clean(&wanted.join(", "), SHOWN_MAX)
        ),
    )
}

fn no_records(question: &DnsQuestion) -> Outcome {
    trouble::explicit(
        FailureKind::NameNotFound,
        format!(
            "{} has no {} record",
            question.name,
            question.record.as_str()
        ),
    )
}

/// What an answer without records means. What this machine's own resolver cannot do is our trouble; one of the file's
/// choice is what is being looked at.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's other errors all mean that nobody answered"
)]
fn refused(question: &DnsQuestion, error: &NetError) -> Outcome {
    let silence = |words: &str| match question.resolver {
        None => trouble::gap(
            GapKind::Resolver,
            format!("this machine's resolver {words}"),
        ),
        Some(server) => trouble::silent(
            FailureKind::FirstByteTimeout,
            format!("the resolver {server} {words}"),
        ),
    };
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => trouble::explicit(
                FailureKind::NameNotFound,
                format!("there is no name {}", question.name),
            ),
            ResponseCode::NoError => no_records(question),
            code => answered(question, code),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => answered(question, *code),
        NetError::Timeout => silence("did not answer in time"),
        NetError::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            match question.resolver {
                None => silence("refuses connections"),
                Some(server) => trouble::refused(
                    FailureKind::ConnectionRefused,
                    format!("nothing listens at the resolver {server}"),
                ),
            }
        }
        other => silence(&format!("did not answer: {}", trouble::plain(other))),
    }
}

/// An answer that is an error.
fn answered(question: &DnsQuestion, code: ResponseCode) -> Outcome {
    let name = if code == ResponseCode::ServFail {
        "SERVFAIL".to_owned()
    } else if code == ResponseCode::Refused {
        "REFUSED".to_owned()
    } else {
        clean(&code.to_string(), 40)
    };
    match question.resolver {
        None => trouble::gap(
            GapKind::Resolver,
            format!(
                "this machine's resolver answers {name} for {}",
                question.name
            ),
        ),
        Some(server) => trouble::refused(
            FailureKind::ServerError,
            format!("the resolver {server} answers {name} for {}", question.name),
        ),
    }
}

fn late(question: &DnsQuestion, expired: Expired) -> Outcome {
    expired.accuse(|| {
        let within = trouble::span(expired.limit);
        match question.resolver {
            None => trouble::gap(
                GapKind::Resolver,
                format!("this machine's resolver did not answer within {within}"),
            ),
            Some(server) => trouble::silent(
                FailureKind::FirstByteTimeout,
                format!("the resolver {server} did not answer within {within}"),
            ),
        }
    })
}
