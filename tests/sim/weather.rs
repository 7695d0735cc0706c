//! What targets really do: the truth that the judge can only guess at.

use std::time::Duration;

use hekate::model::{
    Component, ComponentState, Degradation, DegradationKind, Detail, Ending, Extra, Failure,
    FailureClass, FailureKind, Gap, GapKind, Outcome, TargetId,
};

use crate::eyes::Net;

/// How a target answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sky {
    /// It is well.
    Fine,
    /// It is well but takes its time, such as a collector of garbage would make it.
    Pausing,
    /// It says that it is down.
    SaysDown,
    /// It says that it is down because its database is.
    NoDatabase,
    /// 503 with a body that says up.
    Contradiction,
    /// Nothing listens.
    Refused,
    /// Packets vanish, or it hangs.
    Silent,
    /// It drips its answer until the limit.
    Drip,
    /// It says that it is degraded.
    SaysDegraded,
    /// It does not let us in.
    Locked,
    /// We have no descriptors left.
    NoDescriptors,
    /// It is not known how it is: our own network is away, and so it is silent.
    Unseen,
    /// It is not known how it is: our resolver is away.
    Unnamed,
    /// It is well, and its certificate ends after so many hours; warned of at 21, 7 and 1 days.
    Ends(u64),
}

impl Sky {
    /// The class of evidence, if this is a reason to call it down.
    pub(crate) const fn class(self) -> Option<FailureClass> {
        match self {
            Self::SaysDown | Self::NoDatabase => Some(FailureClass::Explicit),
            Self::Refused => Some(FailureClass::Refused),
            Self::Silent | Self::Drip => Some(FailureClass::Silent),
            Self::Fine
            | Self::Pausing
            | Self::Contradiction
            | Self::SaysDegraded
            | Self::Locked
            | Self::NoDescriptors
            | Self::Unseen
            | Self::Unnamed
            | Self::Ends(_) => None,
        }
    }

    /// What a look with this limit brings, and how long it takes.
    pub(crate) fn look(self, limit: Duration) -> (Duration, Outcome) {
        let quick = Duration::from_millis(15);
        match self {
            Self::Pausing => (
                limit
                    .min(Duration::from_secs(4))
                    .saturating_sub(Duration::from_millis(10)),
                Outcome::Healthy,
            ),
            Self::SaysDown | Self::NoDatabase => (
                quick,
                failure(
                    FailureClass::Explicit,
                    FailureKind::SaysDown,
                    "the body says DOWN",
                ),
            ),
            Self::Contradiction => (
                quick,
                short(DegradationKind::Contradiction, "503, but the body says UP"),
            ),
            Self::Refused => (
                quick,
                failure(
                    FailureClass::Refused,
                    FailureKind::ConnectionRefused,
                    "connection refused",
                ),
            ),
            Self::Silent | Self::Unseen => (
                limit,
                failure(
                    FailureClass::Silent,
                    FailureKind::FirstByteTimeout,
                    "no answer",
                ),
            ),
            Self::Drip => (
                limit,
                failure(
                    FailureClass::Silent,
                    FailureKind::BodyTimeout,
                    "the answer did not end",
                ),
            ),
            Self::SaysDegraded => (
                quick,
                short(DegradationKind::SaysDegraded, "the body says DEGRADED"),
            ),
            Self::Locked => (quick, gap(GapKind::NotAuthorised, "HTTP 401")),
            Self::NoDescriptors => (quick, gap(GapKind::OwnResources, "too many open files")),
            Self::Unnamed => (limit, gap(GapKind::Resolver, "the resolver is failing")),
            Self::Ends(hours) if self.is_warned_of() => (
                quick,
                short(
                    DegradationKind::Expiring,
                    &format!("certificate ends in {hours} h"),
                ),
            ),
            Self::Fine | Self::Ends(_) => (quick, Outcome::Healthy),
        }
    }

    /// What a look meets where our own network is like this.
    pub(crate) const fn through(self, net: Net) -> Self {
        match (net, self) {
            (Net::Clear | Net::NoSlack | Net::NoRounds, sky)
            | (Net::Lost, sky @ Self::NoDescriptors) => sky,
            (Net::Lost, _) => Self::Unseen,
            // Silence at an address that may be an old one says nothing; an answer does.
            (Net::NoNames, Self::Silent | Self::Drip) | (Net::NoAddresses, _) => Self::Unnamed,
            (Net::NoNames, sky) => sky,
        }
    }

    /// What a look can say of parts of its target.
    pub(crate) fn detail(self) -> Option<Box<Detail>> {
        let database = Component {
            name: String::from("db"),
            state: ComponentState::Down,
            message: None,
        };
        (self == Self::NoDatabase).then(|| {
            Box::new(Detail {
                components: vec![database],
                components_total: 3,
                ..Detail::default()
            })
        })
    }

    /// What a look says beside its outcome.
    pub(crate) fn extra(self) -> Option<Box<Extra>> {
        self.ending().map(Extra::Ending).map(Box::new)
    }

    /// Whether so little is left that somebody is warned.
    pub(crate) fn is_warned_of(self) -> bool {
        self.ending().is_some_and(|ending| ending.warning.is_some())
    }

    fn ending(self) -> Option<Ending> {
        let warn_at = [21, 7, 1].map(|days| Duration::from_hours(24 * days));
        let Self::Ends(hours) = self else { return None };
        Ending::of(Duration::from_hours(hours), &warn_at)
    }
}

fn failure(class: FailureClass, kind: FailureKind, words: &str) -> Outcome {
    Outcome::Unhealthy(Failure {
        class,
        kind,
        words: words.to_owned(),
    })
}

fn short(kind: DegradationKind, words: &str) -> Outcome {
    Outcome::Degraded(Degradation {
        kind,
        words: words.to_owned(),
    })
}

fn gap(kind: GapKind, words: &str) -> Outcome {
    Outcome::Unobservable(Gap {
        kind,
        words: words.to_owned(),
    })
}

/// The sky over one target from each time on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather {
    changes: Vec<(Duration, Sky)>,
}

impl Weather {
    /// From this time on it is like this; times have to run forward.
    pub(crate) fn turn(&mut self, at: Duration, sky: Sky) {
        assert!(
            self.changes.last().is_none_or(|(last, _)| *last <= at),
            "weather is told forwards"
        );
        self.changes.push((at, sky));
    }

    /// How it is at this time.
    pub(crate) fn at(&self, at: Duration) -> Sky {
        let index = self.changes.partition_point(|(from, _)| *from <= at);
        index
            .checked_sub(1)
            .map_or(Sky::Fine, |index| self.changes[index].1)
    }

    /// When how it is at this time began.
    pub(crate) fn since(&self, at: Duration) -> Duration {
        let index = self.changes.partition_point(|(from, _)| *from <= at);
        index
            .checked_sub(1)
            .map_or(Duration::ZERO, |index| self.changes[index].0)
    }

    /// The stretches of equal weather: from, until, how.
    pub(crate) fn stretches(&self, end: Duration) -> Vec<(Duration, Duration, Sky)> {
        let mut out: Vec<(Duration, Duration, Sky)> = vec![(Duration::ZERO, end, Sky::Fine)];
        for (at, sky) in &self.changes {
            let last = out.last_mut().expect("there is one from the start");
            if last.2 == *sky {
                continue;
            }
            last.1 = *at;
            out.push((*at, end, *sky));
        }
        out.retain(|(from, until, _)| from < until);
        out
    }
}

/// Looks that fail by themselves, whoever makes them: decided by who is looked at and when.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Noise {
    /// Of a hundred looks.
    pub(crate) percent: f64,
    pub(crate) seed: u64,
}

impl Noise {
    /// What a look of this sky meets.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a chance needs no more digits than that"
    )]
    pub(crate) fn on(self, target: &TargetId, at: Duration, sky: Sky) -> Sky {
        if self.percent == 0.0 || sky != Sky::Fine {
            return sky;
        }
        let moment = u64::try_from(at.as_micros()).expect("a short world");
        let name = target.as_str().bytes().fold(self.seed, |name, byte| {
            (name ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        // The finaliser of splitmix64.
        let mut mixed = name ^ moment.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let share = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
        if share * 100.0 < self.percent {
            Sky::Silent
        } else {
            sky
        }
    }
}
