//! What the hekate that runs with this file says of itself, if one does.

use reqwest::Method;

use crate::cli::ask::{Answer, Server};

/// A hekate that runs, or why none is seen.
pub(super) struct Running {
    /// Where one would be.
    pub(super) address: String,
    /// Whether one answers there.
    pub(super) is_there: Result<(), String>,
    /// What it counts; why not.
    series: Result<Series, String>,
}

impl Running {
    /// Asks.
    pub(super) async fn of(server: &Server) -> Self {
        let read = |answer: Answer| {
            if answer.status.is_success() {
                Ok(answer.text)
            } else {
                Err(format!("HTTP {}", answer.status.as_u16()))
            }
        };
        let healthz = server.ask(Method::GET, &["healthz"], &[]).await;
        let is_there = healthz.and_then(read).map(drop);
        let series = match &is_there {
            Ok(()) => server.ask(Method::GET, &["metrics"], &[]).await,
            Err(why) => Err(why.clone()),
        };
        Self {
            address: server.address().to_owned(),
            is_there,
            series: series.and_then(read).map(|text| Series::read(&text)),
        }
    }

    /// What it counts.
    pub(super) const fn series(&self) -> Result<&Series, &String> {
        self.series.as_ref()
    }

    /// One of which this is known.
    #[cfg(test)]
    pub(super) fn fixed(is_there: bool, metrics: &str) -> Self {
        let refused = || String::from("Connection refused (os error 111)");
        Self {
            address: String::from("http://127.0.0.1:8080/"),
            is_there: if is_there { Ok(()) } else { Err(refused()) },
            series: if is_there {
                Ok(Series::read(metrics))
            } else {
                Err(refused())
            },
        }
    }
}

/// Numbers of the page of metrics, by name with labels.
///
/// Source: Prometheus, "Exposition formats", text format 0.0.4.
#[derive(Debug)]
pub(super) struct Series(Vec<(String, f64)>);

impl Series {
    fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(pairs.collect())
    }

    /// The number with exactly this name and labels.
    pub(super) fn get(&self, name: &str) -> Option<f64> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| *value)
    }

    /// Below which bound of the histogram this part of all lies; infinite if above all of them, absent if there is nothing.
    pub(super) fn at_most(&self, name: &str, part: f64) -> Option<f64> {
        let prefix = format!("{name}_bucket{{le=\"");
        let mut buckets: Vec<(f64, f64)> = self
            .0
            .iter()
            .filter_map(|(known, count)| {
                let bound = known.strip_prefix(&prefix)?.strip_suffix("\"}")?;
                let bound = if bound == "+Inf" {
                    f64::INFINITY
                } else {
                    bound.parse().ok()?
                };
                Some((bound, *count))
            })
            .collect();
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        let all = buckets.last().map(|(_, count)| *count)?;
        let wanted = all * part;
        let found = buckets.iter().find(|(_, count)| *count >= wanted);
        found.filter(|_| all > 0.0).map(|(bound, _)| *bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_histogram_lies_below_its_bound() {
        let page = "# HELP x x\nx_bucket{le=\"0.005\"} 90\nx_bucket{le=\"0.05\"} 99\nx_bucket{le=\"+Inf\"} 100\nx_count 100\ny 3\n\
                    e_bucket{le=\"+Inf\"} 0\n";
        let series = Series::read(page);
        assert_eq!(series.at_most("x", 0.5), Some(0.005));
        assert_eq!(series.at_most("x", 0.99), Some(0.05));
        assert_eq!(series.at_most("x", 0.999), Some(f64::INFINITY));
        assert_eq!(series.at_most("e", 0.99), None);
        assert_eq!(series.at_most("z", 0.99), None);
        assert_eq!(series.get("y"), Some(3.0));
    }
}
