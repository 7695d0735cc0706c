//! `slos:` how available targets are meant to be.

use std::{fmt, time::Duration};

use super::{
    names::{GroupName, TargetId},
    plan::Target,
};

/// The group of the error budgets that are watched.
pub const GROUP: &str = "slo";
/// `burn_alerts:` needs a window of at least this: in less, an outage that is told anyway is all there is to say.
pub const BURN_WINDOW_MIN: Duration = Duration::from_hours(24);
/// How often an error budget is looked at.
pub const BURN_EVERY: Duration = Duration::from_mins(1);

/// How available some targets are meant to be, over how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slo {
    /// What it is called, for people.
    pub name: String,
    /// Any of these groups; empty for all.
    pub groups: Vec<GroupName>,
    /// Any of these targets; empty for all.
    pub targets: Vec<TargetId>,
    /// The share of the time in which they are to be available.
    pub objective: Objective,
    /// Over how long, up to now. Default 30 d.
    pub window: Duration,
}

impl Slo {
    /// Whether it is about this target; never about what is watched for others.
    pub fn takes(&self, target: &Target) -> bool {
        let is_of_group = || {
            let group = target.group.as_ref();
            group.is_some_and(|group| self.groups.contains(group))
        };
        (self.groups.is_empty() || is_of_group())
            && (self.targets.is_empty() || self.targets.contains(&target.id))
            && !target.stands_for_others()
    }
}

/// A share that is to be reached, in thousandths of a percent: more than none, and less than all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Objective(u32);

/// All of it, in thousandths of a percent.
const WHOLE: u32 = 100_000;
/// Thousandths of a percent in a percent.
const UNIT: u32 = 1_000;

impl Objective {
    /// What somebody wrote: `99.9%`, with up to three decimal places.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as a clause without a full stop.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let number = text.trim();
        let number = number.strip_suffix('%').ok_or("it has no `%`")?.trim_end();
        let (whole, places) = number.split_once('.').unwrap_or((number, ""));
        let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
        let has_empty_part = whole.is_empty() || number.ends_with('.');
        if has_empty_part || whole.len() > 3 || !is_number(whole) || !is_number(places) {
            return Err("it is no number of percent");
        }
        if places.len() > 3 {
            return Err("it has more than three decimal places");
        }
        let whole: u32 = whole.parse().map_err(|_| "it is no number of percent")?;
        let places: u32 = format!("{places:0<3}").parse().unwrap_or(0);
        match whole * UNIT + places {
            0 => Err("that is nothing"),
            thousandths if thousandths < WHOLE => Ok(Self(thousandths)),
            WHOLE => Err("nothing is available all the time"),
            _ => Err("that is more than all the time"),
        }
    }

    /// In thousandths of a percent: 99,900 for 99.9%.
    pub const fn thousandths(self) -> u32 {
        self.0
    }

    /// What may be missing of this whole, rounded down to a millisecond.
    pub fn budget(self, whole: Duration) -> Duration {
        let ms = whole.as_millis() * u128::from(WHOLE - self.0) / u128::from(WHOLE);
        Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&percent(self.0))
    }
}

/// Thousandths of a percent as people read them: `99.982%`, `100%`.
pub fn percent(thousandths: u32) -> String {
    let (whole, rest) = (thousandths / UNIT, thousandths % UNIT);
    if rest == 0 {
        return format!("{whole}%");
    }
    let places = format!("{rest:03}");
    format!("{whole}.{}%", places.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objective_is_what_people_write() {
        for (text, thousandths) in [
            ("99.9%", 99_900),
            ("99.95 %", 99_950),
            ("99.999%", 99_999),
            ("99%", 99_000),
            ("0.001%", 1),
        ] {
            let objective = Objective::parse(text);
            assert_eq!(objective.map(Objective::thousandths), Ok(thousandths));
        }
        for thousandths in 1..WHOLE {
            let objective = Objective(thousandths);
            assert_eq!(Objective::parse(&objective.to_string()), Ok(objective));
        }
        for text in [
            "", "%", "99.9", "99.9.9%", "-1%", "+9%", "1e1%", "99,9%", "99.%", ".9%", "99.9999%",
            "100%", "100.001%", "999%", "1000%", "0%", "0.000%", "９９%",
        ] {
            assert!(Objective::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn three_nines_of_a_month_leave_43_minutes() {
        let objective = Objective::parse("99.9%").unwrap();
        let month = Duration::from_hours(30 * 24);
        assert_eq!(objective.budget(month), Duration::from_secs(43 * 60 + 12));
        assert_eq!(objective.budget(Duration::ZERO), Duration::ZERO);
    }
}
