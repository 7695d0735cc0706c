//! Names: how things are called in the file, in the store and by people.

use std::{fmt, sync::Arc};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is; the shape is checked where the text comes from.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name! {
    /// What a target is called for ever: `group/name`, or `name` alone if it has no group.
    ///
    /// It survives reloads and restarts; counters, incidents and history hang on it.
    TargetId
}
name! {
    /// A key under `groups:`.
    GroupName
}
name! {
    /// A key under `channels:`; not Slack's own name of the channel.
    ChannelName
}
name! {
    /// A key under `on_call:`.
    OnCallName
}
name! {
    /// A key under `log_sources:`.
    SourceName
}
name! {
    /// A short word that people can say and search for, such as `k7f2`.
    ///
    /// Shape: four or more of `a–z` and `2–9` without `i`, `l`, `o`; unique among all incidents of one store.
    IncidentId
}

impl TargetId {
    /// The id of the target `name` in `group`.
    pub fn of(group: Option<&GroupName>, name: &str) -> Self {
        match group {
            Some(group) => Self::new(format!("{group}/{name}")),
            None => Self::new(name),
        }
    }
}

impl IncidentId {
    const LETTERS: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
    /// Odd, so that multiplying by it modulo a power of two maps no two numbers to one.
    const STRIDE: u64 = 0x9_E377;

    /// The id of the incident with this running number: the same number always gives the same id, two numbers never do.
    ///
    /// The first 2¹⁹ numbers give four letters, later ones five and more.
    pub fn from_number(number: u64) -> Self {
        const FOUR_LETTERS: u64 = 1 << 19;
        let block = number / FOUR_LETTERS;
        let mut rest = (number % FOUR_LETTERS).wrapping_mul(Self::STRIDE) % FOUR_LETTERS;
        let mut text = String::with_capacity(6);
        for _ in 0..4 {
            text.push(Self::letter(rest));
            rest /= 31;
        }
        let mut block_left = block;
        while block_left > 0 {
            text.push(Self::letter(block_left - 1));
            block_left = (block_left - 1) / 31;
        }
        Self::new(text)
    }

    /// The number that this id was made from; absent if it was not made by [`from_number`](Self::from_number).
    pub fn number(&self) -> Option<u64> {
        /// Times `STRIDE` this is one, modulo 2¹⁹.
        const UNDO: u64 = 255_559;
        const FOUR_LETTERS: u64 = 1 << 19;
        let digit = |letter: &u8| {
            let place = Self::LETTERS.iter().position(|known| known == letter)?;
            u64::try_from(place).ok()
        };
        let letters = self.as_str().as_bytes();
        let (first, more) = letters.split_at_checked(4)?;
        let mut rest = 0_u64;
        for letter in first.iter().rev() {
            rest = rest * 31 + digit(letter)?;
        }
        let mut block = 0_u64;
        for letter in more.iter().rev() {
            block = block.checked_mul(31)?.checked_add(digit(letter)? + 1)?;
        }
        if rest >= FOUR_LETTERS {
            return None;
        }
        block
            .checked_mul(FOUR_LETTERS)?
            .checked_add(rest * UNDO % FOUR_LETTERS)
    }

    fn letter(number: u64) -> char {
        char::from(Self::LETTERS[usize::try_from(number % 31).unwrap_or(0)])
    }
}

/// The kinds of question a target can be asked; each is a key of a target in the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CheckKind {
    /// `health:` an HTTP health endpoint.
    Health,
    /// `log_freshness:` when its newest log line was written.
    LogFreshness,
    /// `http:` any HTTP request with conditions.
    Http,
    /// `tcp:` whether something listens.
    Tcp,
    /// `tls:` its certificate.
    Tls,
    /// `dns:` what a name resolves to.
    Dns,
    /// `grpc:` the health service of gRPC.
    Grpc,
    /// `icmp:` an echo request.
    Icmp,
    /// `websocket:` an upgraded connection.
    Websocket,
    /// `heartbeat:` a sign of life that it sends by itself.
    Heartbeat,
    /// `steps:` a short scenario of requests.
    Steps,
    /// `metrics:` a value among its metrics.
    Metrics,
    /// `log_store:` a store of logs, watched as a target of its own.
    LogStore,
    /// `roles:` which members of a group are active.
    Roles,
    /// `job:` whether its runs come, end, and end well.
    Job,
    /// `burn_alerts:` of an SLO: whether its error budget burns too fast.
    ErrorBudget,
}

impl CheckKind {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Health,
        Self::LogFreshness,
        Self::Http,
        Self::Tcp,
        Self::Tls,
        Self::Dns,
        Self::Grpc,
        Self::Icmp,
        Self::Websocket,
        Self::Heartbeat,
        Self::Steps,
        Self::Metrics,
        Self::LogStore,
        Self::Roles,
        Self::Job,
        Self::ErrorBudget,
    ];

    /// Whether it is never asked, because what it is about calls us.
    pub const fn calls_us(self) -> bool {
        match self {
            Self::Heartbeat | Self::Job => true,
            Self::Health
            | Self::LogFreshness
            | Self::Http
            | Self::Tcp
            | Self::Tls
            | Self::Dns
            | Self::Grpc
            | Self::Icmp
            | Self::Websocket
            | Self::Steps
            | Self::Metrics
            | Self::LogStore
            | Self::Roles
            | Self::ErrorBudget => false,
        }
    }

    /// The key in the file, also used in metrics and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::LogFreshness => "log_freshness",
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Dns => "dns",
            Self::Grpc => "grpc",
            Self::Icmp => "icmp",
            Self::Websocket => "websocket",
            Self::Heartbeat => "heartbeat",
            Self::Steps => "steps",
            Self::Metrics => "metrics",
            Self::LogStore => "log_store",
            Self::Roles => "roles",
            Self::Job => "job",
            Self::ErrorBudget => "error_budget",
        }
    }
}

impl fmt::Display for CheckKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One question about one target.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CheckId {
    /// Whom it asks.
    pub target: TargetId,
    /// What it asks.
    pub kind: CheckKind,
}

/// Where a target sits in the memory of this process.
///
/// Given out by the engine when a target appears, never given out twice in one process, never stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Slot(pub u32);

/// One look, so that its answer finds its way back and an answer to an abandoned look is known as such.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LookId {
    /// Whose look it is.
    pub slot: Slot,
    /// Which of the target's checks, by its position in [`Target::checks`](super::Target::checks).
    pub check: u8,
    /// Runs up with every look of this process.
    pub number: u64,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn incident_ids_are_short_and_never_repeat() {
        let ids: HashSet<_> = (0..200_000).map(IncidentId::from_number).collect();
        assert_eq!(ids.len(), 200_000);
        assert!(ids.iter().all(|id| id.as_str().len() == 4));
        let later: HashSet<_> = (524_288..525_288).map(IncidentId::from_number).collect();
        assert_eq!(later.len(), 1_000);
        assert!(later.is_disjoint(&ids));
    }

    #[test]
    fn an_incident_id_tells_its_number() {
        let numbers = (0..40_000).chain(524_200..524_400).chain([
            16_777_215,
            16_777_216,
            9_999_999_999,
            u64::MAX / 2,
            u64::MAX,
        ]);
        for number in numbers {
            assert_eq!(IncidentId::from_number(number).number(), Some(number));
        }
        for foreign in [
            "",
            "abc",
            "abc1",
            "K7F2",
            "příb",
            "9999",
            "aaaa99999999999999999",
        ] {
            assert_eq!(IncidentId::new(foreign).number(), None, "{foreign}");
        }
    }

    #[test]
    fn a_target_is_named_with_its_group() {
        assert_eq!(
            TargetId::of(Some(&GroupName::new("master")), "blue").as_str(),
            "master/blue"
        );
        assert_eq!(TargetId::of(None, "api").as_str(), "api");
    }
}
