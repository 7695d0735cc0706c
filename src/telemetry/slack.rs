//! What is counted of the connections over which Slack asks us.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::metrics::registered;

/// How a connection to Slack ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineEnd {
    /// We closed it because another one had taken its place, or none is wanted any more.
    Closed,
    /// It broke, fell silent, was closed by Slack, or never came about.
    Broken,
    /// Slack asked for a slower pace.
    Throttled,
    /// Slack refused it for good.
    Refused,
}

impl LineEnd {
    const ALL: [Self; 4] = [Self::Closed, Self::Broken, Self::Throttled, Self::Refused];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Broken => "broken",
            Self::Throttled => "throttled",
            Self::Refused => "refused",
        }
    }
}

/// What became of something that Slack handed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// The answer went with the acknowledgement.
    Answered,
    /// The answer was sent afterwards.
    Late,
    /// No answer could be delivered.
    Undelivered,
    /// Nobody here takes such things.
    Ignored,
    /// It was not signed by Slack, or its signature was used before.
    Refused,
    /// It had come before.
    Repeat,
    /// It could not be understood.
    Broken,
    /// Too much was going on.
    Busy,
}

impl Fate {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Late => "late",
            Self::Undelivered => "undelivered",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
            Self::Repeat => "repeat",
            Self::Broken => "broken",
            Self::Busy => "busy",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct EndLabels {
    how: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct EnvelopeLabels {
    r#type: &'static str,
    outcome: &'static str,
}

/// The series of Socket Mode.
#[derive(Debug)]
pub(super) struct SlackSeries {
    lines: Gauge,
    ends: Family<EndLabels, Counter>,
    envelopes: Family<EnvelopeLabels, Counter>,
}

impl SlackSeries {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let ends: Family<EndLabels, Counter> = registered(
            registry,
            "slack_connections_ended",
            "Connections to Slack that ended or never came about, by how",
        );
        for end in LineEnd::ALL {
            // A rate needs a zero to start from.
            drop(ends.get_or_create(&EndLabels { how: end.as_str() }));
        }
        Self {
            lines: registered(
                registry,
                "slack_connections",
                "Connections over which Slack can ask us now",
            ),
            ends,
            envelopes: registered(
                registry,
                "slack_envelopes",
                "What Slack handed over, slash commands by requests apart, by what became of it",
            ),
        }
    }

    pub(super) fn lines(&self, serving: usize) {
        self.lines.set(i64::try_from(serving).unwrap_or(i64::MAX));
    }

    pub(super) fn ended(&self, end: LineEnd) {
        self.ends
            .get_or_create(&EndLabels { how: end.as_str() })
            .inc();
    }

    pub(super) fn envelope(&self, kind: &'static str, fate: Fate) {
        self.envelopes
            .get_or_create(&EnvelopeLabels {
                r#type: kind,
                outcome: fate.as_str(),
            })
            .inc();
    }
}
