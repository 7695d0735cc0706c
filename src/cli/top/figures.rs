//! What hekate says of itself in its metrics, and what that means of the last minute.

use std::{collections::VecDeque, time::Duration};

use crate::model::Timestamp;

/// Rates are of so long a time.
const RECENT: Duration = Duration::from_mins(1);

/// One reading of `/metrics`, as far as the screen shows it. What the page does not have is absent.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Figures {
    /// Looks since the start.
    looks: f64,
    /// Messages that a receiver took since the start.
    told: f64,
    /// How many looks were handed out within so many seconds of being due: upper bound and count, rising.
    lag: Vec<(f64, f64)>,
    /// Looks that are under way.
    pub(super) in_flight: Option<f64>,
    /// Messages that wait.
    pub(super) outbox: Option<f64>,
    /// How long the oldest of them has waited, in seconds.
    pub(super) outbox_oldest: Option<f64>,
    /// What the store takes on the disk, in bytes.
    pub(super) store_bytes: Option<f64>,
    /// Whether the store could be written when it was last tried.
    pub(super) is_store_writable: Option<bool>,
    /// Connections over which Slack can ask.
    pub(super) slack_connections: Option<f64>,
    /// Memory of the process, in bytes.
    pub(super) memory_bytes: Option<f64>,
    /// Whether the file was taken when it was last read.
    pub(super) is_file_good: Option<bool>,
}

impl Figures {
    /// Reads the page. Lines that cannot be read are left out: the page may be of another version.
    ///
    /// Source: Prometheus' text format, <https://prometheus.io/docs/instrumenting/exposition_formats/>.
    pub(super) fn read(page: &str) -> Self {
        let mut out = Self::default();
        let samples = page.lines().filter(|line| !line.starts_with('#'));
        for (name, labels, value) in samples.filter_map(sample) {
            match name {
                "hekate_probe_results_total" => out.looks += value,
                "hekate_notifications_total" if labels.contains("outcome=\"accepted\"") => {
                    out.told += value;
                }
                "hekate_scheduler_lag_seconds_bucket" => {
                    out.lag.extend(bound(labels).map(|bound| (bound, value)));
                }
                "hekate_looks_in_flight" => out.in_flight = Some(value),
                "hekate_outbox_messages" => out.outbox = Some(value),
                "hekate_outbox_oldest_seconds" => out.outbox_oldest = Some(value),
                "hekate_store_size_bytes" => out.store_bytes = Some(value),
                "hekate_store_writable" => out.is_store_writable = Some(value > 0.0),
                "hekate_slack_connections" => {
                    *out.slack_connections.get_or_insert_default() += value;
                }
                "process_resident_memory_bytes" => out.memory_bytes = Some(value),
                "hekate_config_last_reload_successful" => out.is_file_good = Some(value > 0.0),
                _ => {}
            }
        }
        out.lag.sort_by(|one, other| one.0.total_cmp(&other.0));
        out
    }
}

/// The name, the labels and the value of a line.
fn sample(line: &str) -> Option<(&str, &str, f64)> {
    let (front, value) = line.rsplit_once(' ')?;
    let (name, labels) = front.split_once('{').unwrap_or((front, ""));
    Some((name.trim(), labels, value.parse().ok()?))
}

/// The upper bound of a bucket.
fn bound(labels: &str) -> Option<f64> {
    let (_, rest) = labels.split_once("le=\"")?;
    let (text, _) = rest.split_once('"')?;
    text.parse().ok()
}

/// Readings of the last minute, oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    readings: VecDeque<(Timestamp, Figures)>,
}

impl Recent {
    /// Takes in one more. A hekate that began anew, or whose clock went back, is counted anew.
    pub(super) fn add(&mut self, at: Timestamp, figures: Figures) {
        let is_anew = self
            .readings
            .back()
            .is_some_and(|(last_at, last)| at < *last_at || figures.looks < last.looks);
        if is_anew {
            self.readings.clear();
        }
        self.readings.push_back((at, figures));
        // The one before the minute begins is where it is counted from.
        while self
            .readings
            .get(1)
            .is_some_and(|(second, _)| at.since(*second) >= RECENT)
        {
            self.readings.pop_front();
        }
    }

    /// The last one.
    pub(super) fn last(&self) -> Option<&Figures> {
        self.readings.back().map(|(_, figures)| figures)
    }

    /// The oldest and the last, and how long lies between.
    fn ends(&self) -> Option<(&Figures, &Figures, f64)> {
        let (first_at, first) = self.readings.front()?;
        let (last_at, last) = self.readings.back()?;
        let seconds = last_at.since(*first_at).as_secs_f64();
        (seconds > 0.0).then_some((first, last, seconds))
    }

    /// Looks a second; absent before there are two readings.
    pub(super) fn looks_per_second(&self) -> Option<f64> {
        let (first, last, seconds) = self.ends()?;
        Some((last.looks - first.looks) / seconds)
    }

    /// Messages that were taken, a minute; absent before there are two readings.
    pub(super) fn told_per_minute(&self) -> Option<f64> {
        let (first, last, seconds) = self.ends()?;
        Some((last.told - first.told) * 60.0 / seconds)
    }

    /// Within how many seconds of being due 99 of 100 looks were handed out, as the upper bound of a bucket; infinite above the last one, absent
    /// if there were none.
    pub(super) fn lag_p99(&self) -> Option<f64> {
        let (first, last, _) = self.ends()?;
        let before = |bound: f64| {
            let same = first
                .lag
                .iter()
                .find(|(other, _)| other.total_cmp(&bound).is_eq());
            same.map_or(0.0, |(_, count)| *count)
        };
        let counts: Vec<_> = last
            .lag
            .iter()
            .map(|(bound, count)| (*bound, count - before(*bound)))
            .collect();
        let (_, total) = counts.last().filter(|(_, total)| *total > 0.0)?;
        let reached = counts.iter().find(|(_, count)| *count >= total * 0.99);
        reached.map(|(bound, _)| *bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(looks: u32, late: u32) -> String {
        let in_time = looks - late;
        format!(
            "# HELP hekate_probe_results_total Looks.\n\
             # TYPE hekate_probe_results counter\n\
             hekate_probe_results_total{{kind=\"health\",result=\"healthy\"}} {in_time}\n\
             hekate_probe_results_total{{kind=\"health\",result=\"un }} healthy\"}} {late}\n\
             hekate_notifications_total{{channel=\"ops\",outcome=\"accepted\"}} 3\n\
             hekate_notifications_total{{channel=\"ops\",outcome=\"refused\"}} 9\n\
             hekate_scheduler_lag_seconds_bucket{{le=\"+Inf\"}} {looks}\n\
             hekate_scheduler_lag_seconds_bucket{{le=\"0.01\"}} {in_time}\n\
             hekate_scheduler_lag_seconds_bucket{{le=\"1.0\"}} {looks}\n\
             hekate_outbox_messages 2\nhekate_outbox_oldest_seconds 12.5\n\
             hekate_store_writable 0\nnonsense\nhekate_looks_in_flight x\n"
        )
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_page_is_read_as_far_as_it_can_be() {
        let figures = Figures::read(&page(100, 4));
        assert_eq!((figures.looks, figures.told), (100.0, 3.0));
        assert_eq!(figures.outbox, Some(2.0));
        assert_eq!(figures.outbox_oldest, Some(12.5));
        assert_eq!(figures.is_store_writable, Some(false));
        assert_eq!(figures.in_flight, None);
        assert_eq!(figures.lag.len(), 3);
        assert_eq!(Figures::read("<html>"), Figures::default());
    }

    #[test]
    fn what_hekate_really_serves_has_all_that_is_shown() {
        use std::sync::Arc;

        use crate::{
            command::fixture::{NOW, board},
            model::{ChannelName, CheckKind, Delivery, Kind, Outcome},
            telemetry::Metrics,
        };
        let metrics = Metrics::new();
        metrics.look_began(Duration::ZERO);
        metrics.looked(
            CheckKind::Health,
            &Outcome::Healthy,
            Duration::from_millis(1),
        );
        metrics.scheduler_lag(Duration::from_millis(2));
        metrics.store_size(4_096);
        metrics.reloaded(NOW);
        let ops = ChannelName::new("ops");
        metrics.delivered(&ops, Kind::Opened, &Delivery::Accepted, Duration::ZERO);
        let figures = Figures::read(&metrics.render(Arc::new(board()), NOW));
        assert_eq!((figures.looks, figures.told), (1.0, 1.0));
        assert!(figures.lag.len() > 3 && figures.lag.iter().any(|(bound, _)| bound.is_infinite()));
        assert_eq!(figures.in_flight, Some(1.0));
        assert_eq!(figures.store_bytes, Some(4_096.0));
        assert_eq!(figures.is_file_good, Some(true));
        assert!(figures.outbox.is_some() && figures.is_store_writable.is_some());
        assert!(figures.memory_bytes.is_some() || !cfg!(target_os = "linux"));
        assert!(figures.slack_connections.is_some() || !cfg!(feature = "socket_mode"));
    }

    #[test]
    fn rates_are_of_the_last_minute() {
        let mut recent = Recent::default();
        recent.add(at(0), Figures::read(&page(1_000, 500)));
        assert_eq!(recent.looks_per_second(), None);
        for second in 1..=200_u32 {
            // Ten looks a second, all in time.
            recent.add(
                at(i64::from(second)),
                Figures::read(&page(1_000 + second * 10, 500)),
            );
        }
        assert_eq!(recent.looks_per_second(), Some(10.0));
        assert_eq!(recent.lag_p99(), Some(0.01));
        assert_eq!(recent.told_per_minute(), Some(0.0));
        assert_eq!(recent.readings.len(), 61);
        recent.add(at(201), Figures::read(&page(3_010, 510)));
        assert_eq!(recent.lag_p99(), Some(1.0));
    }

    #[test]
    fn one_that_began_anew_is_counted_anew() {
        let mut recent = Recent::default();
        recent.add(at(0), Figures::read(&page(1_000, 0)));
        recent.add(at(2), Figures::read(&page(10, 0)));
        assert_eq!(recent.looks_per_second(), None);
        recent.add(at(4), Figures::read(&page(30, 0)));
        assert_eq!(recent.looks_per_second(), Some(10.0));
        recent.add(at(3), Figures::read(&page(40, 0)));
        assert_eq!(recent.looks_per_second(), None);
    }
}
