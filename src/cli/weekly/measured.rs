//! What a running hekate answers to `sli`, read back.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::{
    command::sli::{Line, Sli, SloLine},
    judge::sli::Outage,
    model::{
        GroupName, TargetId,
        slo::Objective,
        text::{FOREIGN_MAX, clean},
    },
    rehearsal::weekly::Measured,
};

#[derive(Deserialize)]
struct Answer {
    targets: Vec<Target>,
    slos: Vec<Slo>,
}

#[derive(Deserialize)]
struct Target {
    id: String,
    group: Option<String>,
    title: String,
    #[serde(flatten)]
    times: Times,
}

#[derive(Deserialize)]
struct Slo {
    name: String,
    objective: f64,
    window_ms: u64,
    #[serde(flatten)]
    times: Times,
}

#[derive(Deserialize)]
struct Times {
    operational_ms: u64,
    degraded_ms: u64,
    down_ms: u64,
    maintenance_ms: u64,
    not_measured_ms: u64,
    outages: u32,
    longest_outage: Option<Longest>,
}

#[derive(Deserialize)]
struct Longest {
    from: DateTime<Utc>,
    lasted_ms: u64,
}

impl Times {
    fn sli(&self) -> Sli {
        let ms = Duration::from_millis;
        Sli {
            operational: ms(self.operational_ms),
            degraded: ms(self.degraded_ms),
            down: ms(self.down_ms),
            maintenance: ms(self.maintenance_ms),
            not_measured: ms(self.not_measured_ms),
            outages: self.outages,
            longest: self.longest_outage.as_ref().map(|longest| Outage {
                from: longest.from.into(),
                lasted: ms(longest.lasted_ms),
            }),
        }
    }
}

/// The answer's targets and SLOs.
///
/// # Errors
///
/// Why it cannot be read, as a clause.
pub(super) fn read(text: &str) -> Result<Measured, String> {
    let answer: Answer = serde_json::from_str(text)
        .map_err(|error| format!("it answered something else than hekate would: {error}"))?;
    let lines = answer.targets.into_iter().map(|target| Line {
        sli: target.times.sli(),
        target: TargetId::new(target.id),
        group: target
            .group
            .map(|group| GroupName::new(clean(&group, FOREIGN_MAX))),
        // It goes to a terminal, and who is at that address is not known.
        title: clean(&target.title, FOREIGN_MAX),
    });
    let slos = answer.slos.into_iter().map(|slo| {
        // The share comes as a number from 0 to 1; three places of its percentage are all that it has.
        let objective = Objective::parse(&format!("{:.3}%", slo.objective * 100.0))?;
        Ok(SloLine {
            sli: slo.times.sli(),
            name: clean(&slo.name, FOREIGN_MAX),
            objective,
            window: Duration::from_millis(slo.window_ms),
        })
    });
    Ok(Measured {
        lines: lines.collect(),
        slos: slos
            .collect::<Result<_, &str>>()
            .map_err(|why| format!("it answered an objective that is none: {why}"))?,
    })
}
