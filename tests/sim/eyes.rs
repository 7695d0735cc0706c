//! Our own network: what hekate itself can reach, whatever its targets do.

use std::{sync::Arc, time::Duration};

use hekate::model::{
    Secret,
    witness::{Answer, ROUND_LIMIT, Witness, WitnessQuestion},
};

/// The resolver; all others but the balancer are known by name.
const RESOLVER: &str = "the resolver";
const SLACK: &str = "channel core";

/// How well we see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Net {
    /// Everything can be reached.
    Clear,
    /// Nothing can.
    Lost,
    /// The resolver is away. What was reached before is asked at its last known address, as the prober does.
    NoNames,
    /// The resolver is away and no address is known.
    NoAddresses,
    /// Slack alone cannot be reached.
    NoSlack,
    /// All can be reached, and the rounds of the witnesses never come back: a fault of ours.
    NoRounds,
}

impl Net {
    /// Whether it hides targets.
    pub(crate) const fn hides(self) -> bool {
        matches!(self, Self::Lost | Self::NoNames | Self::NoAddresses)
    }

    /// Whether messages get out.
    pub(crate) const fn sends(self) -> bool {
        matches!(self, Self::Clear | Self::NoRounds)
    }
}

/// The witnesses of every world: two that are known by name, and an address.
pub(crate) fn witnesses() -> Arc<[Witness]> {
    let connection = |name: &str| Witness {
        name: name.to_owned(),
        question: WitnessQuestion::Connection {
            host: Secret::new(name),
            port: 443,
        },
    };
    [
        Witness {
            name: RESOLVER.to_owned(),
            question: WitnessQuestion::Name(Secret::new("hekate.test")),
        },
        connection(SLACK),
        connection("the balancer"),
    ]
    .into()
}

/// What the witnesses say in a round that begins now, and how long it takes; absent if it never comes back.
pub(crate) fn round(net: Net, witnesses: &[Witness]) -> Option<(Duration, Vec<Answer>)> {
    let is_silent = |name: &str| match net {
        Net::Clear | Net::NoRounds => false,
        Net::Lost => true,
        Net::NoNames | Net::NoAddresses => name == RESOLVER || name == SLACK,
        Net::NoSlack => name == SLACK,
    };
    if net == Net::NoRounds {
        return None;
    }
    let answers: Vec<Answer> = witnesses
        .iter()
        .map(|witness| match is_silent(&witness.name) {
            false => Ok(()),
            true => Err(String::from("no answer within 3 s")),
        })
        .collect();
    let took = if answers.iter().any(Result::is_err) {
        ROUND_LIMIT
    } else {
        Duration::from_millis(10)
    };
    Some((took, answers))
}

/// Our own network from each time on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Eyes {
    changes: Vec<(Duration, Net)>,
}

impl Eyes {
    /// From this time on it is like this; times have to run forward.
    pub(crate) fn turn(&mut self, at: Duration, net: Net) {
        assert!(
            self.changes.last().is_none_or(|(last, _)| *last <= at),
            "what befalls us is told forwards"
        );
        self.changes.push((at, net));
    }

    /// How it is at this time.
    pub(crate) fn at(&self, at: Duration) -> Net {
        let index = self.changes.partition_point(|(from, _)| *from <= at);
        index
            .checked_sub(1)
            .map_or(Net::Clear, |index| self.changes[index].1)
    }

    /// The times in which it was not clear that touch this one.
    pub(crate) fn near(
        &self,
        from: Duration,
        until: Duration,
    ) -> impl Iterator<Item = (Duration, Duration, Net)> {
        let first = self.changes.partition_point(|(at, _)| *at <= from);
        let changes = &self.changes[first.saturating_sub(1)..];
        let ends = changes.iter().skip(1).map(|(at, _)| *at);
        let times = changes.iter().zip(ends.chain([Duration::MAX]));
        times
            .map(|((at, net), end)| (*at, end, *net))
            .filter(|(_, _, net)| *net != Net::Clear)
            .take_while(move |(at, _, _)| *at <= until)
            .filter(move |(_, end, _)| *end >= from)
    }

    /// The times in which it was not clear: from, until, how.
    pub(crate) fn troubles(&self) -> Vec<(Duration, Duration, Net)> {
        let mut out: Vec<(Duration, Duration, Net)> = Vec::new();
        for (at, net) in &self.changes {
            if let Some(last) = out.last_mut().filter(|last| last.1 == Duration::MAX) {
                last.1 = *at;
            }
            if *net != Net::Clear {
                out.push((*at, Duration::MAX, *net));
            }
        }
        out.retain(|(from, until, _)| from < until);
        out
    }
}
