//! Whether we can see at all: independent reference points, and what they say.

use std::{sync::Arc, time::Duration};

use super::secret::Secret;

/// From one round of questions to the witnesses to the next.
pub const ROUND_EVERY: Duration = Duration::from_secs(15);
/// Every witness of a round has answered within this time, or has not.
pub const ROUND_LIMIT: Duration = Duration::from_secs(3);

/// `witnesses:` a reference point that tells our blindness from the trouble of others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witness {
    /// What people call it: `the resolver`, `channel core_alerts`, or its name in the file.
    pub name: String,
    /// What is asked of it.
    pub question: WitnessQuestion,
}

/// What is asked of a witness.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WitnessQuestion {
    /// Whether the resolver answers about this name; that there is no such name is an answer as well.
    Name(Secret),
    /// Whether something at this address accepts a connection or refuses it: both prove the way there.
    Connection {
        /// A name or an address.
        host: Secret,
        /// The port.
        port: u16,
    },
    /// Whether the way out of this machine, its default gateway, accepts or refuses a connection.
    Gateway,
    /// Whether this process can open a connection to itself.
    Loopback,
}

impl WitnessQuestion {
    /// Whether its answer says something about the network beyond this machine's own.
    ///
    /// The near ones tell how far we see; they do not count when it is asked whether we see.
    pub const fn is_far(&self) -> bool {
        match self {
            Self::Name(_) | Self::Connection { .. } => true,
            Self::Gateway | Self::Loopback => false,
        }
    }
}

/// One asking of all witnesses at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoundOrder {
    /// Which round it is; its answer has to carry it.
    pub number: u64,
    /// Whom to ask.
    pub witnesses: Arc<[Witness]>,
}

/// What a round brought back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Round {
    /// Which round it was.
    pub number: u64,
    /// What each witness said, in their order.
    pub answers: Vec<Answer>,
}

/// What a witness said: nothing but that it is there, or why it is not, in one clause.
pub type Answer = Result<(), String>;
