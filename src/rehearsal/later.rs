//! What would wait, and until when, if something were told at a certain time.

use chrono::{Days, NaiveDateTime, NaiveTime, TimeZone as _};
use chrono_tz::Tz;

use super::routing::Trace;
use crate::{
    model::{ChannelName, Plan, Target, Timestamp, Verdict},
    route::{self, Case},
};

/// What keeps a case from being told at a certain time.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Later {
    /// The `maintenance:` window that is open for it then, and its end; of several the one that is open longest. Nobody hears
    /// of it before.
    pub window: Option<(String, Timestamp)>,
    /// The channels that hear of it only when their quiet hours end.
    pub quiet: Vec<(ChannelName, Timestamp)>,
}

impl Later {
    /// Whether this channel hears of it at once.
    pub fn lets_hear(&self, channel: &ChannelName) -> bool {
        self.window.is_none() && self.quiet.iter().all(|(quiet, _)| quiet != channel)
    }
}

/// What waits of a case that was taken through the routes, if it comes at this time.
pub fn later(
    plan: &Plan,
    (target, verdict, component): (&Target, Verdict, Option<&str>),
    trace: &Trace,
    at: Timestamp,
) -> Later {
    let case = Case {
        target: &target.id,
        group: target.group.as_ref(),
        severity: target.severity,
        verdict,
        role: trace.role,
        component,
    };
    let windows = plan.maintenance.iter();
    let windows = windows.filter(|window| route::misses(&window.matcher, case).is_none());
    let open = windows.filter_map(|window| {
        let (_, to) = window.times.open_at(at)?;
        Some((window.name.clone(), to))
    });
    let channels = trace.decision.to.iter();
    let quiet = channels.filter_map(|(channel, _)| {
        let until = route::quiet_until(plan, case, channel, at)?;
        Some((channel.clone(), until))
    });
    Later {
        window: open.max_by_key(|(_, to)| *to),
        quiet: quiet.collect(),
    }
}

/// The time that is meant by `03:00`, which is the next time that clocks in this zone show it, or by `2026-01-05 03:00`.
pub fn meant(text: &str, zone: Tz, now: Timestamp) -> Option<Timestamp> {
    let on = |local: NaiveDateTime| {
        let found = zone.from_local_datetime(&local).earliest()?;
        Some(Timestamp::from(found.to_utc()))
    };
    if let Ok(local) = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M") {
        return on(local);
    }
    let time = NaiveTime::parse_from_str(text, "%H:%M").ok()?;
    let today = now.to_utc().with_timezone(&zone).date_naive();
    // A day on which clocks skip this time has none.
    (0..=2).find_map(|days| {
        let day = today.checked_add_days(Days::new(days))?;
        on(day.and_time(time)).filter(|at| *at >= now)
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn at(text: &str) -> Timestamp {
        let time = DateTime::parse_from_rfc3339(text).expect("a time");
        Timestamp::from(time.to_utc())
    }

    #[test]
    fn a_time_of_day_is_the_next_one_and_a_date_is_itself() {
        let now = at("2026-03-28T20:00:00Z");
        for (text, meant_at) in [
            ("22:00", Some("2026-03-28T21:00:00Z")),
            ("20:30", Some("2026-03-29T18:30:00Z")),
            // Clocks skip it this night.
            ("02:30", Some("2026-03-30T00:30:00Z")),
            ("2026-01-05 03:00", Some("2026-01-05T02:00:00Z")),
            ("2026-03-29 02:30", None),
            ("3", None),
            ("25:00", None),
            ("", None),
        ] {
            let found = meant(text, chrono_tz::Europe::Prague, now);
            assert_eq!(found, meant_at.map(at), "{text}");
        }
    }
}
