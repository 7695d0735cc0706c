//! What a target could have in common with others, and how many could.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use super::super::{Engine, watched::Watched};
use crate::{
    judge::cause::Census,
    model::{ComponentState, Detail, Rule, Slot, Tick, cause::Cause, plan::Question},
};

/// Where no more than so many are, they are counted whenever it is asked how many of them are bad …
const COUNTED_ANEW_MAX: usize = 500;
/// … and elsewhere a count holds for so long, a small part of the time for which troubles wait for each other.
const COUNTED_FOR: Duration = Duration::from_secs(1);

impl Engine {
    /// What a target could have in common with others that are bad.
    pub(super) fn traits(&self, now: Tick, slot: Slot) -> Vec<Cause> {
        let Some(watched) = self.at(slot) else {
            return Vec::new();
        };
        let deciding = watched.deciding();
        let watching = &watched.checks[deciding];
        let question = &watched.target.checks[deciding].question;
        let detail = watching.last.detail.as_deref();
        let mut out = Vec::new();
        // Whoever answered proved its host and its network.
        if watching.last.phases.first_byte_us.is_none() {
            out.extend(question.host().map(Cause::Host));
            if let Some(address) = detail
                .and_then(address_of)
                .filter(|address| !address.is_loopback())
            {
                out.push(Cause::Host(address.to_string()));
                out.push(Cause::Network(network_of(address)));
            }
        }
        let components = detail.iter().flat_map(|detail| &detail.components);
        out.extend(
            components
                .filter(|component| component.state == ComponentState::Down)
                .map(|component| Cause::Component(component.name.clone())),
        );
        if let Question::LogFreshness(log) = question {
            out.push(Cause::Source(log.source.clone()));
        }
        out.extend(watched.target.group.clone().map(Cause::Group));
        let label = if watching.state.reason.rule == Rule::Slow {
            // Looks that are answered well, only late, have no other name.
            Some(String::from("slow answers"))
        } else {
            watching.last.label.clone()
        };
        out.extend(label.map(Cause::Error));
        out.extend(self.release_of(now, slot).map(Cause::Release));
        out.push(Cause::Together);
        out
    }

    /// How many could suffer from a cause, and how many do, as far as the file says where they are.
    ///
    /// It costs what is at that place, not what there is: in a disaster it is asked for every host at once. Where very many
    /// are, it is asked for each of them, and what was counted a moment ago will do.
    pub(super) fn census(&mut self, now: Tick, cause: &Cause) -> Census {
        let known = self.commons.counted.get(cause);
        if let Some((_, census)) = known.filter(|(at, _)| now.since(*at) < COUNTED_FOR) {
            return *census;
        }
        let (census, cost) = self.count_at(cause);
        if cost > COUNTED_ANEW_MAX {
            let counted = &mut self.commons.counted;
            counted.retain(|_, (at, _)| now.since(*at) < COUNTED_FOR);
            counted.insert(cause.clone(), (now, census));
        }
        census
    }

    /// How many there are, and how much it cost to count them.
    fn count_at(&self, cause: &Cause) -> (Census, usize) {
        let nobody = Vec::new();
        let slots = match cause {
            Cause::Host(host) => self.hosts.get(host).unwrap_or(&nobody),
            Cause::Group(group) => self.groups.get(group).unwrap_or(&nobody),
            Cause::Network(network) => {
                let is_in = |host: &str| {
                    let address = host.parse().ok();
                    address.is_some_and(|address| network_of(address) == *network)
                };
                let hosts = self.hosts.iter().filter(|(host, _)| is_in(host));
                let there: BTreeSet<Slot> = hosts.flat_map(|(_, slots)| slots).copied().collect();
                return (self.count(&there), self.hosts.len());
            }
            Cause::Component(_)
            | Cause::Source(_)
            | Cause::Error(_)
            | Cause::Release(_)
            | Cause::Together => &nobody,
        };
        (self.count(slots), slots.len())
    }

    fn count<'a>(&self, slots: impl IntoIterator<Item = &'a Slot>) -> Census {
        let mut census = Census::default();
        for watched in slots.into_iter().filter_map(|slot| self.at(*slot)) {
            census.all += 1;
            census.bad += usize::from(watched.standing().is_some() || watched.is_suspect());
        }
        census
    }
}

/// Whether it says something that two have this in common.
pub(super) const fn is_telling(cause: &Cause) -> bool {
    match cause {
        Cause::Host(_)
        | Cause::Component(_)
        | Cause::Source(_)
        | Cause::Group(_)
        | Cause::Release(_) => true,
        Cause::Network(_) | Cause::Error(_) | Cause::Together => false,
    }
}

/// The address that was asked last.
fn address_of(detail: &Detail) -> Option<IpAddr> {
    let place: SocketAddr = detail.address.as_ref()?.parse().ok()?;
    Some(place.ip())
}

/// The network an address probably is in: its first 24 bits, or 64.
fn network_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

impl Watched {
    /// What people call it, with its role.
    pub(in crate::engine) fn title(&self) -> String {
        match &self.role {
            Some(standing) => format!("{} ({})", self.target.title(), standing.role.words()),
            None => self.target.title(),
        }
    }

    /// Whether one of its checks is in question.
    pub(in crate::engine) fn is_suspect(&self) -> bool {
        let mut checks = self.checks.iter();
        checks.any(|watching| watching.state.burst.is_some())
    }

    /// Whether it is a store of logs or the roles of a group: their troubles are told for themselves.
    pub(in crate::engine) fn stands_for_others(&self) -> bool {
        self.target.stands_for_others()
    }

    /// Whether its troubles have to do with nobody else's.
    pub(in crate::engine) fn is_told_alone(&self) -> bool {
        self.target.is_told_alone()
    }
}
