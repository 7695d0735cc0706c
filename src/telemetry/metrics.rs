//! What is counted, and how Prometheus reads it.

use std::{
    fmt,
    sync::{Arc, OnceLock, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet, MetricEncoder, text},
    metrics::{MetricType, counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::{
    process,
    slack::{Fate, LineEnd, SlackSeries},
};
use crate::model::{
    Board, ChannelName, CheckKind, Delivery, GroupName, Kind, Outcome, Timestamp, Verdict,
};

/// Upper bounds of the buckets for the time of a look, in seconds.
///
/// Chosen so that healthy services fall in the first half, and the default limit of 5 s is a bound of its own.
const LOOK_SECONDS: [f64; 13] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0,
];

/// Upper bounds of the buckets for how late we are ourselves, in seconds: anything above a second is a fault.
const LAG_SECONDS: [f64; 10] = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// Upper bounds of the buckets from a change to its accepted message, in seconds.
const DELAY_SECONDS: [f64; 11] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3_600.0,
];

/// The results of a look, in the order of a [`LookSeries`] of one kind.
const RESULTS: [&str; 4] = ["healthy", "degraded", "unhealthy", "unobservable"];

type Labels<const N: usize> = [(&'static str, &'static str); N];
type FloatGauge = Gauge<f64, AtomicU64>;

/// Counters and histograms of this process.
///
/// What is counted per look is resolved beforehand and costs a few atomic operations. What is true at a moment (states,
/// outbox, store) is read from the board when somebody asks.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    results: Results,
    problems: Family<Labels<3>, Counter>,
    transitions: Family<Labels<2>, Counter>,
    notifications: Family<NotificationLabels, Counter>,
    notification_delay: Histogram,
    scheduler_lag: Histogram,
    overruns: Counter,
    blind_seconds: Counter,
    looks_in_flight: Gauge,
    look_waiting: Histogram,
    store_size: Gauge<u64, AtomicU64>,
    reload_successful: Gauge,
    reload_at: FloatGauge,
    slash_commands: [Counter; Answer::ALL.len()],
    slack: SlackSeries,
}

/// The series of all kinds of check; those of a kind are there from its first look on.
#[derive(Debug)]
struct Results {
    counts: Family<Labels<2>, Counter>,
    seconds: Family<Labels<2>, Histogram, fn() -> Histogram>,
    kinds: [OnceLock<[LookSeries; RESULTS.len()]>; CheckKind::ALL.len()],
}

impl Results {
    fn of(&self, kind: CheckKind) -> &[LookSeries; RESULTS.len()] {
        self.kinds[kind as usize].get_or_init(|| {
            RESULTS.map(|result| {
                let labels = [("check", kind.as_str()), ("result", result)];
                LookSeries {
                    count: self.counts.get_or_create_owned(&labels),
                    seconds: self.seconds.get_or_create_owned(&labels),
                }
            })
        })
    }
}

/// The series of one check and result.
#[derive(Debug)]
struct LookSeries {
    count: Counter,
    seconds: Histogram,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct NotificationLabels {
    channel: String,
    kind: &'static str,
    outcome: &'static str,
}

/// What became of a slash command, whichever way it came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It was answered.
    Answered,
    /// It came by a request whose signature was missing, wrong, too old, or used before, or from another workspace or app.
    Refused,
    /// It came from Slack and could not be understood.
    Broken,
}

impl Answer {
    const ALL: [Self; 3] = [Self::Answered, Self::Refused, Self::Broken];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Broken => "broken",
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All counts at zero; every series whose labels are known beforehand is there from the start.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("hekate");
        let results = look_series(&mut registry);
        let transitions = transition_series(&mut registry);
        build_series(&mut registry);
        Self {
            results,
            transitions,
            problems: registered(
                &mut registry,
                "probe_problems",
                "Looks that were not healthy, by what exactly was wrong",
            ),
            notifications: registered(
                &mut registry,
                "notifications",
                "Attempts to deliver a message, by how they ended",
            ),
            notification_delay: histogram(
                &mut registry,
                "notification_delay_seconds",
                "From the decision to the receiver's ok",
                &DELAY_SECONDS,
            ),
            scheduler_lag: histogram(
                &mut registry,
                "scheduler_lag_seconds",
                "From when a look was due to when it was handed out",
                &LAG_SECONDS,
            ),
            blind_seconds: registered(
                &mut registry,
                "blind_seconds",
                "Time in which no witness answered, counted when it is over",
            ),
            overruns: registered(
                &mut registry,
                "overruns",
                "Looks that were left out because the one before was still under way",
            ),
            looks_in_flight: registered(
                &mut registry,
                "looks_in_flight",
                "Looks that are under way",
            ),
            look_waiting: histogram(
                &mut registry,
                "look_waiting_seconds",
                "How long looks waited for their turn because too many others were under way",
                &LAG_SECONDS,
            ),
            store_size: registered(
                &mut registry,
                "store_size_bytes",
                "What the store takes on the disk",
            ),
            reload_successful: registered(
                &mut registry,
                "config_last_reload_successful",
                "Whether the file was taken when it was last read",
            ),
            reload_at: registered(
                &mut registry,
                "config_last_reload_timestamp_seconds",
                "When the file was last read and taken",
            ),
            slash_commands: slash_series(&mut registry),
            slack: SlackSeries::new(&mut registry),
            registry,
        }
    }

    /// A look was finished.
    pub fn looked(&self, kind: CheckKind, outcome: &Outcome, took: Duration) {
        let (result, problem) = match outcome {
            Outcome::Healthy => (0, None),
            Outcome::Degraded(degradation) => (1, Some(degradation.kind.as_str())),
            Outcome::Unhealthy(failure) => (2, Some(failure.kind.as_str())),
            Outcome::Unobservable(gap) => (3, Some(gap.kind.as_str())),
        };
        let series = &self.results.of(kind)[result];
        series.count.inc();
        series.seconds.observe(took.as_secs_f64());
        if let Some(problem) = problem {
            self.problems
                .get_or_create(&[
                    ("check", kind.as_str()),
                    ("result", RESULTS[result]),
                    ("kind", problem),
                ])
                .inc();
        }
    }

    /// A verdict changed.
    pub fn transition(&self, from: Verdict, to: Verdict) {
        self.transitions
            .get_or_create(&[("from", from.as_str()), ("to", to.as_str())])
            .inc();
    }

    /// An attempt to deliver a message ended; `delay` is the time since it was decided.
    pub fn delivered(
        &self,
        channel: &ChannelName,
        kind: Kind,
        delivery: &Delivery,
        delay: Duration,
    ) {
        self.notifications
            .get_or_create(&NotificationLabels {
                channel: channel.as_str().to_owned(),
                kind: kind.as_str(),
                outcome: delivery.as_str(),
            })
            .inc();
        if matches!(delivery, Delivery::Accepted | Delivery::Posted(_)) {
            self.notification_delay.observe(delay.as_secs_f64());
        }
    }

    /// A look was handed out this long after it was due.
    pub fn scheduler_lag(&self, lag: Duration) {
        self.scheduler_lag.observe(lag.as_secs_f64());
    }

    /// A look was left out because the one before is still under way.
    pub fn overrun(&self) {
        self.overruns.inc();
    }

    /// We saw nothing for so long, and see again.
    pub fn was_blind(&self, lasted: Duration) {
        self.blind_seconds.inc_by(lasted.as_secs());
    }

    /// A look begins after having waited this long for its turn.
    pub fn look_began(&self, waited: Duration) {
        self.looks_in_flight.inc();
        self.look_waiting.observe(waited.as_secs_f64());
    }

    /// A look that began is over, however it ended.
    pub fn look_ended(&self) {
        self.looks_in_flight.dec();
    }

    /// The store takes this much on the disk.
    pub fn store_size(&self, bytes: u64) {
        self.store_size.set(bytes);
    }

    /// The file was read and taken, at the start or later.
    pub fn reloaded(&self, at: Timestamp) {
        self.reload_successful.set(1);
        self.reload_at.set(seconds_of(at));
    }

    /// The file was read again and not taken.
    pub fn reload_failed(&self) {
        self.reload_successful.set(0);
    }

    /// A slash command was answered or refused.
    pub fn slash_command(&self, answer: Answer) {
        self.slash_commands[answer as usize].inc();
    }

    /// Slack can ask us over so many connections now.
    pub fn slack_lines(&self, serving: usize) {
        self.slack.lines(serving);
    }

    /// A connection to Slack ended, or never came about.
    pub fn slack_line_ended(&self, end: LineEnd) {
        self.slack.ended(end);
    }

    /// Slack handed something over; `kind` is its word for it.
    pub fn slack_envelope(&self, kind: &'static str, fate: Fate) {
        self.slack.envelope(kind, fate);
    }

    /// Everything in Prometheus' text format, together with what the board says now.
    ///
    /// Source: Prometheus, "Exposition formats", text format 0.0.4.
    pub fn render(&self, board: Arc<Board>, now: Timestamp) -> String {
        let mut at_this_moment = Registry::default();
        at_this_moment.register_collector(Box::new(Moment { board, now }));
        let mut out = String::new();
        let _infallible = text::encode_registry(&mut out, &self.registry)
            .and_then(|()| text::encode_registry(&mut out, &at_this_moment));
        plain(&out)
    }
}

/// The content type of [`Metrics::render`].
pub const METRICS_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

fn seconds_of(at: Timestamp) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 are exact in a double for 285,000 years"
    )]
    let millis = at.as_millis() as f64;
    millis / 1_000.0
}

pub(super) fn registered<M>(registry: &mut Registry, name: &str, help: &str) -> M
where
    M: prometheus_client::registry::Metric + Clone + Default,
{
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn histogram(registry: &mut Registry, name: &str, help: &str, bounds: &[f64]) -> Histogram {
    let histogram = Histogram::new(bounds.iter().copied());
    registry.register(name, help, histogram.clone());
    histogram
}

fn build_series(registry: &mut Registry) {
    let build: Family<Labels<1>, Gauge> =
        registered(registry, "build_info", "Which hekate this is; always 1");
    build
        .get_or_create(&[("version", env!("CARGO_PKG_VERSION"))])
        .set(1);
}

fn look_series(registry: &mut Registry) -> Results {
    let counts: Family<Labels<2>, Counter> = registered(
        registry,
        "probe_results",
        "Looks, by what they brought back",
    );
    let seconds: Family<Labels<2>, Histogram, fn() -> Histogram> =
        Family::new_with_constructor(|| Histogram::new(LOOK_SECONDS));
    registry.register(
        "probe_duration_seconds",
        "How long looks took; those that were not healthy are apart",
        seconds.clone(),
    );
    let results = Results {
        counts,
        seconds,
        kinds: Default::default(),
    };
    // A rate needs a zero to start from.
    results.of(CheckKind::Health);
    results
}

fn transition_series(registry: &mut Registry) -> Family<Labels<2>, Counter> {
    let family: Family<Labels<2>, Counter> =
        registered(registry, "transitions", "Changes of the verdict of a check");
    // A rate needs a zero to start from. Suspect is shown and never settled on.
    let settled = Verdict::ALL
        .into_iter()
        .filter(|&verdict| verdict != Verdict::Suspect);
    for from in settled.clone() {
        for to in settled.clone().filter(|&to| to != from) {
            drop(family.get_or_create(&[("from", from.as_str()), ("to", to.as_str())]));
        }
    }
    family
}

fn slash_series(registry: &mut Registry) -> [Counter; Answer::ALL.len()] {
    let family: Family<Labels<1>, Counter> = registered(
        registry,
        "slash_commands",
        "Slash commands, by what became of them",
    );
    Answer::ALL.map(|answer| family.get_or_create_owned(&[("outcome", answer.as_str())]))
}

/// What is true at the moment of asking.
#[derive(Debug)]
struct Moment {
    board: Arc<Board>,
    now: Timestamp,
}

impl Collector for Moment {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let states = encoder.encode_descriptor(
            "hekate_target_state",
            "1 for the state that a target is in, 0 for the others",
            None,
            MetricType::Gauge,
        )?;
        self.encode_states(states)?;
        self.encode_looks(&mut encoder)?;
        process::encode(&mut encoder)?;
        let ourselves = self.board.ourselves.load();
        let waiting = ourselves
            .outbox_oldest
            .map_or(0.0, |oldest| self.now.since(oldest).as_secs_f64());
        let is_writable = u32::from(ourselves.store_trouble.is_none());
        let outbox = u64::try_from(ourselves.outbox).unwrap_or(u64::MAX);
        let mut one = |name, help, value: &dyn GaugeValue| {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            value.encode(metric)
        };
        one(
            "hekate_targets",
            "How many targets are watched",
            &u64::try_from(self.board.rows.len()).unwrap_or(u64::MAX),
        )?;
        one(
            "hekate_outbox_messages",
            "Messages that wait to be delivered",
            &outbox,
        )?;
        one(
            "hekate_outbox_oldest_seconds",
            "How long the oldest of them has waited",
            &waiting,
        )?;
        one(
            "hekate_store_writable",
            "Whether the store could be written when it was last tried",
            &is_writable,
        )
    }
}

impl Moment {
    /// How long the last look at each target took, and when it was over; targets that were not looked at are absent.
    fn encode_looks(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let looks: Vec<_> = self
            .board
            .rows
            .iter()
            .filter_map(|row| row.looked().map(|look| (row, look)))
            .collect();
        let of_each = |mut metric: MetricEncoder<'_>, value: fn(Timestamp, Duration) -> f64| {
            looks.iter().try_for_each(|(row, (at, took))| {
                let group = row.target.group.as_ref().map_or("", GroupName::as_str);
                let labels = [("target", row.target.id.as_str()), ("group", group)];
                metric
                    .encode_family(&labels)?
                    .encode_gauge(&value(*at, *took))
            })
        };
        let took = encoder.encode_descriptor(
            "hekate_target_last_look_duration_seconds",
            "How long the last look took",
            None,
            MetricType::Gauge,
        )?;
        of_each(took, |_, took| took.as_secs_f64())?;
        let at = encoder.encode_descriptor(
            "hekate_target_last_look_timestamp_seconds",
            "When the last look was over",
            None,
            MetricType::Gauge,
        )?;
        of_each(at, |at, _| seconds_of(at))
    }

    fn encode_states(&self, mut metric: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        for row in &self.board.rows {
            let verdict = row.facts().verdict;
            let group = row.target.group.as_ref().map_or("", GroupName::as_str);
            for state in Verdict::ALL {
                let labels = [
                    ("target", row.target.id.as_str()),
                    ("group", group),
                    ("state", state.as_str()),
                ];
                metric
                    .encode_family(&labels)?
                    .encode_gauge(&u32::from(state == verdict))?;
            }
        }
        Ok(())
    }
}

/// A number that can be a gauge's value, whatever its type.
trait GaugeValue {
    fn encode(&self, metric: MetricEncoder<'_>) -> Result<(), fmt::Error>;
}

impl<T: EncodeGaugeValue> GaugeValue for T {
    fn encode(&self, mut metric: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        metric.encode_gauge(self)
    }
}

/// `OpenMetrics` text as Prometheus' older and more widely read format: there the description of a counter carries the
/// suffix `_total` as its samples do.
fn plain(open_metrics: &str) -> String {
    let mut out = String::with_capacity(open_metrics.len() + 256);
    let mut lines = open_metrics.lines().peekable();
    while let Some(line) = lines.next() {
        let head = line.strip_prefix("# HELP ").and_then(|rest| {
            let (name, help) = rest.split_once(' ')?;
            let kind = lines.peek()?.strip_prefix("# TYPE ")?.strip_prefix(name)?;
            Some((name, help, kind.trim_start()))
        });
        if let Some((name, help, kind)) = head {
            let suffix = if kind == "counter" { "_total" } else { "" };
            out.extend(["# HELP ", name, suffix, " ", help, "\n"]);
            out.extend(["# TYPE ", name, suffix, " ", kind, "\n"]);
            lines.next();
        } else {
            out.extend([line, "\n"]);
        }
    }
    out
}
