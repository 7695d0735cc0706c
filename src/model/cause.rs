//! What several troubles have in common.

use super::{
    names::{ChannelName, GroupName, IncidentId, SourceName, TargetId},
    time::Timestamp,
    unrest::Flapping,
    verdict::Verdict,
};

/// Why several targets are bad at once, as far as it can be seen from here.
///
/// Ordered from the one that explains most to the one that explains least.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// They are on one host: a name or an address.
    Host(String),
    /// Their addresses are in one network: `10.0.7.0/24`.
    Network(String),
    /// The same component is down in all of them.
    Component(String),
    /// Their logs are read from one store.
    Source(SourceName),
    /// They belong together.
    Group(GroupName),
    /// The same thing is wrong with all of them.
    Error(String),
    /// The same release was announced for them a short while ago.
    Release(String),
    /// It happened at the same time.
    Together,
}

impl Cause {
    /// The word for records.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Host(_) => "host",
            Self::Network(_) => "network",
            Self::Component(_) => "component",
            Self::Source(_) => "source",
            Self::Group(_) => "group",
            Self::Error(_) => "error",
            Self::Release(_) => "release",
            Self::Together => "together",
        }
    }

    /// What it is called; empty where there is no name for it.
    pub fn name(&self) -> &str {
        match self {
            Self::Host(name)
            | Self::Network(name)
            | Self::Component(name)
            | Self::Error(name)
            | Self::Release(name) => name,
            Self::Source(name) => name.as_str(),
            Self::Group(name) => name.as_str(),
            Self::Together => "",
        }
    }

    /// The cause with this word and name.
    pub fn of(word: &str, name: String) -> Option<Self> {
        Some(match word {
            "host" => Self::Host(name),
            "network" => Self::Network(name),
            "component" => Self::Component(name),
            "source" => Self::Source(SourceName::new(name)),
            "group" => Self::Group(GroupName::new(name)),
            "error" => Self::Error(name),
            "release" => Self::Release(name),
            "together" => Self::Together,
            _ => return None,
        })
    }

    /// As people read it after a count: `3 of 3 on host db1`.
    pub fn words(&self) -> String {
        match self {
            Self::Host(name) => format!("on host {name}"),
            Self::Network(name) => format!("in network {name}"),
            Self::Component(name) => format!("with component {name}"),
            Self::Source(name) => format!("read from {name}"),
            Self::Group(name) => format!("in group {name}"),
            Self::Error(words) => format!("with the same trouble: {words}"),
            Self::Release(name) => format!("after release {name}"),
            Self::Together => String::from("at the same time"),
        }
    }
}

/// What an incident of several targets is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Common {
    /// What they have in common.
    pub cause: Cause,
    /// How many targets could have it in common, those that are fine among them.
    pub population: u32,
    /// Everyone that ever belonged to it, in the order in which they joined.
    pub members: Vec<Member>,
    /// While one of them flaps, and it stays open for that: how the most restless one does.
    pub flapping: Option<Flapping>,
}

/// One target of several.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Which one.
    pub target: TargetId,
    /// What it is called, with its role.
    pub title: String,
    /// What it was last.
    pub verdict: Verdict,
    /// Why, in one clause; may be foreign.
    pub words: String,
    /// Since when it is bad.
    pub since: Timestamp,
    /// Until when it was, if it is not bad any more.
    pub until: Option<Timestamp>,
    /// Who is told of it.
    pub channels: Vec<ChannelName>,
    /// What each of them was told last: how it was, `Operational` if it was back; who was told nothing yet is absent.
    pub said: Vec<(ChannelName, Verdict)>,
}

/// In front of the id of a member's own incident, where words of several would say why it is bad.
const OWN_INCIDENT: &str = "an incident of its own since it was split off: ";

/// The id in the words of a member that is an incident of its own now; absent of any other.
pub fn own_incident(words: &str) -> Option<&str> {
    words.strip_prefix(OWN_INCIDENT)
}

impl Member {
    /// From now on it is an incident of its own, and this one is not about it any more.
    pub fn split_off(&mut self, at: Timestamp, own: &IncidentId) {
        self.until = Some(at);
        self.words = format!("{OWN_INCIDENT}{own}");
    }

    /// Whether it is not bad any more, as far as this incident is about it.
    pub fn is_back(&self) -> bool {
        self.until.is_some() && !self.is_split_off()
    }

    /// Whether it is an incident of its own now.
    pub fn is_split_off(&self) -> bool {
        self.until.is_some() && own_incident(&self.words).is_some()
    }

    /// What this channel was told last, if anything.
    pub fn said_to(&self, channel: &ChannelName) -> Option<Verdict> {
        let mut said = self.said.iter();
        said.find(|(to, _)| to == channel).map(|(_, said)| *said)
    }

    /// How it is: what it was last, or `Operational` if it is not bad any more.
    pub const fn standing(&self) -> Verdict {
        match self.until {
            None => self.verdict,
            Some(_) => Verdict::Operational,
        }
    }
}

impl Common {
    /// Members that are still bad.
    pub fn bad(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.until.is_none())
    }
}
