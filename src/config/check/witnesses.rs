//! `witnesses:`, and those that the rest of the file implies.

use std::{collections::BTreeMap, sync::Arc};

use url::{Host, Url};

use super::Check;
use crate::{
    config::{
        code::Code,
        decode::{At, Named},
        raw,
        report::Problem,
        source::Span,
    },
    model::{
        Channel, ChannelName, Secret, Target,
        plan::{Destination, Question},
        witness::{Witness, WitnessQuestion},
    },
};

/// More receivers than this are not asked: they are there to be told, not to be called.
const RECEIVERS_MAX: usize = 4;

impl Check<'_> {
    /// The witnesses of the file, and after them the resolver, the receivers of messages, the gateway and ourselves.
    pub(super) fn witnesses(
        &mut self,
        at: Option<At<Named<raw::Witness>>>,
        channels: &BTreeMap<ChannelName, Channel>,
        targets: &[Arc<Target>],
    ) -> Arc<[Witness]> {
        let mut out = Vec::new();
        let named = at.and_then(|at| at.value).map(|Named(named)| named);
        for (key, at) in named.unwrap_or_default() {
            let name = self.name(&key, "the name of a witness");
            let question = self.witness(key.span, at);
            if let (Some(name), Some(question)) = (name, question) {
                out.push(Witness {
                    name: format!("witness `{name}`"),
                    question,
                });
            }
        }
        out.extend(implied(channels, targets));
        out.into()
    }

    fn witness(&mut self, key: Span, at: At<raw::Witness>) -> Option<WitnessQuestion> {
        let At { span, value } = at;
        let raw = value?;
        match (raw.tcp, raw.dns) {
            (Some(tcp), None) => {
                let endpoint = self.endpoint(&tcp, "`tcp` of a witness", None)?;
                Some(WitnessQuestion::Connection {
                    host: Secret::new(endpoint.bare_host()),
                    port: endpoint.port,
                })
            }
            (None, Some(dns)) => {
                let name = self.domain(&dns, "`dns` of a witness")?;
                Some(WitnessQuestion::Name(Secret::new(name)))
            }
            (Some(tcp), Some(dns)) => {
                self.report(
                    Problem::new(Code::Both, tcp.span, "a witness has both `tcp` and `dns`")
                        .other(dns.span, "and here")
                        .help("keep one of them, or make two witnesses of it"),
                );
                None
            }
            (None, None) => {
                let is_told = ["tcp", "dns"]
                    .iter()
                    .any(|key| self.findings.was_meant(span, key));
                if !is_told {
                    self.report(
                        Problem::new(Code::Missing, key, "this witness has no question")
                            .help("add `tcp: \"lb.internal:443\"` or `dns: intranet.example.test`"),
                    );
                }
                None
            }
        }
    }
}

/// What is asked without being written down: messages have to get there, and names have to be found.
fn implied(channels: &BTreeMap<ChannelName, Channel>, targets: &[Arc<Target>]) -> Vec<Witness> {
    let mut out: Vec<Witness> = Vec::new();
    let mut names = Vec::new();
    for channel in channels.values() {
        let url = match &channel.destination {
            Destination::SlackWebhook { url } | Destination::SignedWebhook { url, .. } => {
                url.expose()
            }
            Destination::SlackBot { base_url, .. } => base_url,
        };
        let Some((host, port)) = place_of(url) else {
            continue;
        };
        if let Host::Domain(name) = &host {
            names.push(name.clone());
        }
        let host = match host {
            Host::Domain(name) => name,
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let question = WitnessQuestion::Connection {
            host: Secret::new(host),
            port,
        };
        let is_known = out.iter().any(|known| known.question == question);
        if !is_known && out.len() < RECEIVERS_MAX {
            out.push(Witness {
                name: format!("the receiver of channel `{}`", channel.name),
                question,
            });
        }
    }
    let asked = targets
        .iter()
        .flat_map(|target| &target.checks)
        .find_map(|check| {
            let Question::Health(health) = &check.question else {
                return None;
            };
            health.url.domain().map(str::to_owned)
        });
    if let Some(name) = names.into_iter().next().or(asked) {
        let question = WitnessQuestion::Name(Secret::new(name));
        out.insert(
            0,
            Witness {
                name: String::from("the resolver"),
                question,
            },
        );
    }
    for (name, question) in [
        ("this machine's gateway", WitnessQuestion::Gateway),
        ("this process itself", WitnessQuestion::Loopback),
    ] {
        out.push(Witness {
            name: name.to_owned(),
            question,
        });
    }
    out
}

fn place_of(url: &str) -> Option<(Host<String>, u16)> {
    let url = Url::parse(url).ok()?;
    Some((url.host()?.to_owned(), url.port_or_known_default()?))
}
