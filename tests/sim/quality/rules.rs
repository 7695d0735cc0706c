//! The rules that people know from elsewhere, as far as they decide and tell: none of them asks whether it can see, and
//! none keeps what could not be sent.

use std::time::Duration;

use super::{score::Told, truth::Truth};
use crate::weather::Sky;

/// A look at something silent ends after this time.
const LIMIT: Duration = Duration::from_secs(5);

/// A rule that counts looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    every: Duration,
    /// From one look to the next while a failure is not confirmed.
    again: Duration,
    failures: u32,
    successes: u32,
    /// Whether a "down" that could not be sent is tried again with the next failing look; an "up" never is.
    insists: bool,
}

pub(crate) const RULES: [Rule; 3] = [
    Rule {
        name: "the first failure, every 60 s",
        every: Duration::from_secs(60),
        again: Duration::from_secs(60),
        failures: 1,
        successes: 1,
        insists: false,
    },
    Rule {
        name: "three in a row, every 60 s",
        every: Duration::from_secs(60),
        again: Duration::from_secs(60),
        failures: 3,
        successes: 2,
        insists: true,
    },
    Rule {
        name: "three, 1 min apart, every 5 min",
        every: Duration::from_mins(5),
        again: Duration::from_secs(60),
        failures: 3,
        successes: 1,
        insists: false,
    },
];

impl Rule {
    /// What people are told of one target.
    pub(crate) fn play(&self, truth: &Truth, subject: usize) -> Vec<Told> {
        let mut told: Vec<Told> = Vec::new();
        let (mut failures, mut successes, mut is_down) = (0, 0, false);
        let phase = u32::try_from(subject).expect("a small fleet") * 7 % 60;
        let mut at = Duration::from_secs(phase.into());
        while at < truth.end {
            let sky = truth.met(subject, at);
            let fails = !matches!(sky, Sky::Fine) || truth.eyes.at(at).hides();
            let is_slow = !matches!(sky, Sky::Fine | Sky::SaysDown | Sky::Refused);
            let now = at + if is_slow { LIMIT } else { Duration::ZERO };
            let heard = truth.eyes.at(now).sends().then_some(now);
            if fails {
                (failures, successes) = (failures + 1, 0);
                if !is_down && failures >= self.failures {
                    is_down = true;
                    told.push(Told::new(now, true, heard));
                } else if is_down && self.insists {
                    let last = told.last_mut().expect("it was told down");
                    last.heard = last.heard.or(heard);
                }
            } else {
                (failures, successes) = (0, successes + 1);
                if is_down && successes >= self.successes {
                    is_down = false;
                    let is_known = told.last().is_some_and(|told| told.heard.is_some());
                    if is_known || !self.insists {
                        told.push(Told::new(now, false, heard));
                    }
                }
            }
            let is_open = failures > 0 && !is_down;
            at += if is_open { self.again } else { self.every };
        }
        told
    }
}
