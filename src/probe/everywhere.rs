//! One look at every address of a name: what the answers mean together.
//!
//! An instance behind a name that rotates hides most of its failures from a look at one address. So the look is as bad as
//! its worst address, and says which one that is.

use std::{net::IpAddr, time::Duration};

use crate::model::{
    Degradation, Extra, Failure, FailureClass, Gap, Outcome,
    text::{FOREIGN_MAX, clean},
};

use super::http::Findings;

/// The most addresses of a name that are looked at in one look, all at the same time; of more it is said.
pub(super) const ADDRESSES_MAX: usize = 16;
/// So many addresses are named with what is wrong there.
const NAMED_MAX: usize = 3;
/// So much of what is wrong at one of several addresses is shown.
const WORDS_MAX: usize = 80;

/// What one address said.
pub(super) struct Asked {
    pub(super) ip: IpAddr,
    /// Of two answers that fall short, the one with the smaller number is the worse.
    pub(super) left: Duration,
    /// With its secrets covered: what is cut later may hold half of one.
    pub(super) findings: Findings,
}

/// How bad an answer is, the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Rank {
    Failing,
    Short,
    /// It answered, and the answer cannot be used.
    Unclear,
    Well,
    /// We could not ask, such as IPv6 addresses on a machine without IPv6.
    Unasked,
}

impl Rank {
    fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Unhealthy(_) => Self::Failing,
            Outcome::Degraded(_) => Self::Short,
            Outcome::Unobservable(gap) if !gap.kind.is_own() => Self::Unclear,
            Outcome::Healthy => Self::Well,
            Outcome::Unobservable(_) => Self::Unasked,
        }
    }
}

/// What the answers of the addresses of a name mean together; `known` is how many addresses it has in all.
///
/// What we could not ask by our own fault counts for nothing as long as anything else could be asked. Of several that are
/// equally bad the one that proves most speaks for them, and of those that are well the slowest.
pub(super) fn joined(mut asked: Vec<Asked>, known: usize) -> Findings {
    asked.sort_by_key(|one| {
        let outcome = &one.findings.outcome;
        (Rank::of(outcome), strength(outcome), one.left)
    });
    let rank = asked
        .first()
        .map_or(Rank::Unasked, |one| Rank::of(&one.findings.outcome));
    if rank == Rank::Well {
        return well(asked, known);
    }
    let unasked = asked
        .iter()
        .filter(|one| rank != Rank::Unasked && rank_of(one) == Rank::Unasked)
        .count();
    let counted = asked.len() - unasked;
    let of_all = if known > asked.len() {
        format!("{counted} addresses looked at, of {known}")
    } else {
        format!("{counted} addresses")
    };
    let alike: Vec<&Asked> = asked.iter().filter(|one| rank_of(one) == rank).collect();
    let said = if counted == 1 && known == 1 {
        None
    } else {
        let count = format!("; {} of {of_all}", alike.len());
        let room = FOREIGN_MAX.saturating_sub(count.chars().count());
        Some(format!("{}{count}", clean(&listed(&alike), room)))
    };
    let extra = extra(&asked);
    let note = asked
        .iter()
        .find(|one| unasked > 0 && rank_of(one) == Rank::Unasked)
        .map(|one| {
            let why = clean(words(&one.findings.outcome), WORDS_MAX);
            format!("{unasked} more could not be asked: {why}")
        });
    let mut findings = asked.swap_remove(0).findings;
    if let Some(said) = said {
        *words_mut(&mut findings.outcome) = said;
    }
    if let Some(note) = note {
        let detail = findings.detail.get_or_insert_default();
        detail.note = Some(match detail.note.take() {
            Some(other) => format!("{other}; {note}"),
            None => note,
        });
    }
    findings.extra = extra;
    findings
}

/// All that could be asked are well.
fn well(mut asked: Vec<Asked>, known: usize) -> Findings {
    let extra = extra(&asked);
    let count = asked.len();
    // One that answers in a poorer dialect, such as a page of a proxy, must not be hidden by the others.
    let family = asked
        .iter()
        .filter(|one| rank_of(one) == Rank::Well)
        .filter_map(|one| one.findings.family)
        .max();
    let slowest = (0..count)
        .filter(|position| rank_of(&asked[*position]) == Rank::Well)
        .max_by_key(|position| {
            let phases = asked[*position].findings.phases.finished();
            phases.map(|(_, took)| took).sum::<Duration>()
        })
        .unwrap_or(0);
    let mut findings = asked.swap_remove(slowest).findings;
    findings.family = family;
    findings.extra = extra;
    if known > count {
        let detail = findings.detail.get_or_insert_default();
        let note = format!("looked at {count} of {known} addresses");
        detail.note.get_or_insert(note);
    }
    findings
}

fn rank_of(one: &Asked) -> Rank {
    Rank::of(&one.findings.outcome)
}

/// The strongest evidence first: one address suffices, so the one that proves most decides how long it has to last.
fn strength(outcome: &Outcome) -> FailureClass {
    match outcome {
        Outcome::Unhealthy(failure) => failure.class,
        Outcome::Healthy | Outcome::Degraded(_) | Outcome::Unobservable(_) => {
            FailureClass::Explicit
        }
    }
}

/// `10.0.0.7: refused`, `10.0.0.7, 10.0.0.8: refused; 10.0.0.9: no answer`.
fn listed(alike: &[&Asked]) -> String {
    let words_max = if alike.len() == 1 {
        FOREIGN_MAX
    } else {
        WORDS_MAX
    };
    let mut by_words: Vec<(String, Vec<String>)> = Vec::new();
    for one in alike.iter().take(NAMED_MAX) {
        let words = clean(words(&one.findings.outcome), words_max);
        let ip = one.ip.to_string();
        match by_words.iter_mut().find(|(before, _)| *before == words) {
            Some((_, ips)) => ips.push(ip),
            None => by_words.push((words, vec![ip])),
        }
    }
    let mut parts: Vec<String> = by_words
        .into_iter()
        .map(|(words, ips)| format!("{}: {words}", ips.join(", ")))
        .collect();
    if alike.len() > NAMED_MAX {
        parts.push(format!("and {} more", alike.len() - NAMED_MAX));
    }
    parts.join("; ")
}

/// What nearest to its end was seen, or the role that all of them say.
fn extra(asked: &[Asked]) -> Option<Box<Extra>> {
    let ends = |one: &&Asked| matches!(one.findings.extra.as_deref(), Some(Extra::Ending(_)));
    match asked.iter().filter(ends).min_by_key(|one| one.left) {
        Some(nearest) => nearest.findings.extra.clone(),
        None => role(asked),
    }
}

/// The role that all of them say, if they say one; without a word if they do not agree.
fn role(asked: &[Asked]) -> Option<Box<Extra>> {
    let mut said = asked
        .iter()
        .filter_map(|one| match one.findings.extra.as_deref() {
            Some(Extra::OwnRole(word)) => Some(word),
            Some(Extra::Logs(_) | Extra::Roles(_) | Extra::Steps(_) | Extra::Ending(_)) | None => {
                None
            }
        });
    let first = said.next()?;
    let word = if said.all(|other| other == first) {
        first.clone()
    } else {
        String::new()
    };
    Some(Box::new(Extra::OwnRole(word)))
}

fn words(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Healthy => "",
        Outcome::Degraded(Degradation { words, .. })
        | Outcome::Unhealthy(Failure { words, .. })
        | Outcome::Unobservable(Gap { words, .. }) => words,
    }
}

/// The words of an answer that is not well.
fn words_mut(outcome: &mut Outcome) -> &mut String {
    match outcome {
        Outcome::Degraded(Degradation { words, .. })
        | Outcome::Unhealthy(Failure { words, .. })
        | Outcome::Unobservable(Gap { words, .. }) => words,
        Outcome::Healthy => unreachable!("only what is not well is put into words"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{DegradationKind, FailureKind, GapKind};

    fn outcome(kind: u8) -> Outcome {
        let failure = |class| {
            Outcome::Unhealthy(Failure {
                class,
                kind: FailureKind::ServerError,
                words: String::from("it fails"),
            })
        };
        let gap = |kind| {
            Outcome::Unobservable(Gap {
                kind,
                words: String::from("nobody knows"),
            })
        };
        match kind {
            0 => failure(FailureClass::Explicit),
            1 => failure(FailureClass::Refused),
            2 => failure(FailureClass::Silent),
            3 => Outcome::Degraded(Degradation {
                kind: DegradationKind::Component,
                words: String::from("it falls short"),
            }),
            4 => gap(GapKind::SaysUnknown),
            5 => Outcome::Healthy,
            6 => gap(GapKind::OwnNetwork),
            _ => gap(GapKind::OwnResources),
        }
    }

    fn answers(kinds: &[u8]) -> Vec<Asked> {
        (1..)
            .zip(kinds)
            .map(|(last, kind)| Asked {
                ip: Ipv4Addr::new(10, 0, 0, last).into(),
                left: Duration::MAX,
                findings: Findings::of(outcome(*kind)),
            })
            .collect()
    }

    fn told(kinds: &[u8]) -> String {
        words(&joined(answers(kinds), kinds.len()).outcome).to_owned()
    }

    #[test]
    fn what_we_could_not_ask_hides_nothing_and_accuses_nobody() {
        let seen = joined(answers(&[6, 2, 5]), 3);
        assert_eq!(words(&seen.outcome), "10.0.0.2: it fails; 1 of 2 addresses");
        let note = seen.detail.and_then(|detail| detail.note);
        assert_eq!(
            note.as_deref(),
            Some("1 more could not be asked: nobody knows")
        );
        assert_eq!(joined(answers(&[6, 5]), 2).outcome, Outcome::Healthy);
        assert!(matches!(
            joined(answers(&[6, 7]), 2).outcome,
            Outcome::Unobservable(gap) if gap.kind.is_own()
        ));
        assert_eq!(
            told(&[6, 6]),
            "10.0.0.1, 10.0.0.2: nobody knows; 2 of 2 addresses"
        );
    }

    #[test]
    fn roles_hold_if_all_agree() {
        let with = |words: &[&str]| {
            let mut asked = answers(&vec![5; words.len()]);
            for (one, word) in asked.iter_mut().zip(words) {
                one.findings.extra = Some(Box::new(Extra::OwnRole((*word).to_owned())));
            }
            joined(asked, words.len()).extra.map(|extra| *extra)
        };
        let role = |word: &str| Some(Extra::OwnRole(word.to_owned()));
        assert_eq!(with(&["true", "true"]), role("true"));
        assert_eq!(with(&["true", "false"]), role(""));
    }

    proptest! {
        #[test]
        fn a_look_is_as_bad_as_its_worst_address(kinds in prop::collection::vec(0_u8..8, 1..20)) {
            let findings = joined(answers(&kinds), kinds.len());
            let worst = kinds.iter().map(|kind| Rank::of(&outcome(*kind))).min().unwrap();
            prop_assert_eq!(Rank::of(&findings.outcome), worst);
            let said = words(&findings.outcome);
            prop_assert!(said.chars().count() <= FOREIGN_MAX);
            if worst == Rank::Failing {
                let failing = kinds.iter().filter(|kind| **kind < 3).count();
                let strongest = kinds.iter().min().unwrap();
                prop_assert_eq!(strength(&findings.outcome), strength(&outcome(*strongest)));
                let is_counted = said.contains(&format!("; {failing} of "));
                prop_assert!(kinds.len() == 1 || is_counted, "{}", said);
            }
        }
    }
}
