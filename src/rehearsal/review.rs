//! What came of a script, compared with what was expected.

use std::{collections::BTreeSet, time::Duration};

use super::stage::{self, Coverages, Deed, Message, Played};
use crate::{
    config::{
        Span,
        script::{ActionOutcome, Expectation, Script, Step, Times, What, When},
    },
    model::{TargetId, Verdict},
};

/// So often a script is played at most only so that every step of it is seen by somebody.
pub const PLAYS_MAX: u64 = 50;

/// A script that was played, perhaps several times.
#[derive(Clone, Debug)]
pub struct Review {
    /// What was not as expected; empty if all was.
    pub faults: Vec<Fault>,
    /// What came of it in the play that is told: the first that went wrong, else the first.
    pub played: Played,
    /// Which play that was, counted from 1.
    pub play: u64,
    /// What all plays touched.
    pub coverage: Coverages,
    /// How many looks all plays made.
    pub looks: u64,
}

/// Something that was not as expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The expectation, or the step, that it is about.
    pub span: Span,
    /// When it went wrong; absent if there was no such moment.
    pub after: Option<Duration>,
    /// What was wrong, in one sentence without a full stop.
    pub words: String,
}

/// Plays a script so many times (at least once), each time with looks at other moments, and compares every play.
///
/// A short trouble may fall between two looks, so plays go on until every step was seen by somebody, up to [`PLAYS_MAX`]. A script
/// also fails if a step of it came to nothing in all of them, since a test of what nobody saw proves nothing, and if anybody
/// heard anything before it began.
pub fn review(script: &Script, plays: u64) -> Review {
    let mut coverage = Coverages::default();
    let mut met: BTreeSet<usize> = BTreeSet::new();
    let mut looks = 0;
    let mut told: Option<(u64, Played, Vec<Fault>)> = None;
    for play in 1..=plays.max(PLAYS_MAX) {
        let is_whole = unmet(script, &met).next().is_none();
        let is_wrong = matches!(&told, Some((_, _, faults)) if !faults.is_empty());
        if play > plays.max(1) && (is_whole || is_wrong) {
            break;
        }
        let played = stage::play(script, play);
        coverage.join(&played.coverage);
        met.extend(&played.met);
        looks += played.looks;
        let faults = faults(script, &played);
        let is_better_told = told
            .as_ref()
            .is_none_or(|(_, _, known)| known.is_empty() && !faults.is_empty());
        if is_better_told {
            told = Some((play, played, faults));
        }
    }
    let (play, played, mut faults) = told.unwrap_or_default();
    faults.extend(unmet(script, &met).map(|step| Fault {
        span: step.span,
        after: Some(step.after),
        words: String::from(
            "nothing came of this step: nobody looked, or sent anything, while it lasted",
        ),
    }));
    Review {
        faults,
        played,
        play,
        coverage,
        looks,
    }
}

/// The steps that nothing came of.
fn unmet<'a>(script: &'a Script, met: &BTreeSet<usize>) -> impl Iterator<Item = &'a Step> {
    let steps = script.steps.iter().enumerate();
    steps
        .filter(|(index, step)| !step.is_end && !met.contains(index))
        .map(|(_, step)| step)
}

/// What was not as expected in one play.
pub fn faults(script: &Script, played: &Played) -> Vec<Fault> {
    let early = played.messages.iter().filter(|message| message.is_early);
    let early = early.map(|message| Fault {
        span: script.expectations[0].span,
        after: None,
        words: format!(
            "before the script began, `{}` was told: {}",
            message.channel, message.text
        ),
    });
    let end = script.ends_after;
    let wrong = script
        .expectations
        .iter()
        .filter_map(|expectation| match &expectation.what {
            What::State { target, state } => of_state(expectation, target, *state, played, end),
            What::Message { .. } => of_message(expectation, played, end),
            What::Action { .. } => of_deed(expectation, played, end),
        });
    let denied = unexpected(script, played);
    let refused = played.refused.iter().map(|refused| Fault {
        span: script.steps[refused.step].span,
        after: Some(script.steps[refused.step].after),
        words: refused.words.clone(),
    });
    early.chain(refused).chain(denied).chain(wrong).collect()
}

/// What was refused although nobody expects that: a script whose people are sent away shows something else than it says.
fn unexpected<'a>(script: &'a Script, played: &'a Played) -> impl Iterator<Item = Fault> + 'a {
    let refused = played.deeds.iter();
    let refused = refused.filter(|deed| deed.outcome == ActionOutcome::Refused);
    let is_expected = |deed: &&Deed| {
        script.expectations.iter().any(|expectation| {
            expectation.times != Times::Never && is_of_deed(&expectation.what, deed)
        })
    };
    let unexpected = refused.filter(move |deed| !is_expected(deed));
    unexpected.filter_map(|deed| {
        Some(Fault {
            span: script.steps.get(deed.step?)?.span,
            after: Some(deed.after),
            words: format!(
                "it is refused, and no `outcome: refused` expects it: {}",
                deed.words
            ),
        })
    })
}

fn of_deed(expectation: &Expectation, played: &Played, end: Duration) -> Option<Fault> {
    let (from, to) = window(expectation.when, end);
    let all: Vec<&Deed> = played
        .deeds
        .iter()
        .filter(|deed| is_of_deed(&expectation.what, deed))
        .collect();
    let inside = all.iter().filter(|deed| (from..=to).contains(&deed.after));
    let inside: Vec<&&Deed> = inside.collect();
    let fault = |after, words| {
        Some(Fault {
            span: expectation.span,
            after: Some(after),
            words,
        })
    };
    let said = |deed: &Deed| {
        let title = deed.action.replace('_', " ");
        format!(
            "{title} {} is {}: {}",
            deed.target,
            deed.outcome.as_str(),
            deed.words
        )
    };
    match expectation.times {
        Times::AtLeastOnce if !inside.is_empty() => None,
        Times::AtLeastOnce => match (all.first(), played.deeds.last()) {
            (Some(deed), _) => fault(
                deed.after,
                format!(
                    "this does not come in time but at {}: {}",
                    moment(deed.after),
                    said(deed)
                ),
            ),
            (None, Some(deed)) => fault(
                to,
                format!("this does not come; the last is: {}", said(deed)),
            ),
            (None, None) => fault(to, String::from("nobody has anything done")),
        },
        Times::Never => {
            let deed = inside.first()?;
            fault(deed.after, format!("this must not be: {}", said(deed)))
        }
        Times::Exactly(wanted) => (inside.len() != usize::try_from(wanted).unwrap_or(usize::MAX))
            .then(|| Fault {
                span: expectation.span,
                after: Some(inside.last().map_or(to, |deed| deed.after)),
                words: format!("this comes {} times and not {wanted}", inside.len()),
            }),
    }
}

fn is_of_deed(what: &What, deed: &Deed) -> bool {
    let What::Action {
        outcome,
        action,
        target,
        text,
    } = what
    else {
        return false;
    };
    *outcome == deed.outcome
        && action.as_ref().is_none_or(|action| *action == deed.action)
        && target.as_ref().is_none_or(|target| *target == deed.target)
        && text
            .as_ref()
            .is_none_or(|text| deed.words.to_lowercase().contains(text))
}

/// From when to when; both ends belong to it.
fn window(when: When, end: Duration) -> (Duration, Duration) {
    match when {
        When::Any => (Duration::ZERO, end),
        When::Within(from, to) => (from, to),
        When::At(at) => (at, at),
        When::AtEnd => (end, end),
    }
}

fn of_state(
    expectation: &Expectation,
    target: &TargetId,
    state: Verdict,
    played: &Played,
    end: Duration,
) -> Option<Fault> {
    let (from, to) = window(expectation.when, end);
    let changes = played.states.iter().filter(|shown| shown.target == *target);
    let before = changes
        .clone()
        .take_while(|shown| shown.after <= from)
        .last()
        .map(|shown| shown.verdict);
    let inside = changes
        .filter(|shown| shown.after > from && shown.after <= to)
        .map(|shown| (shown.after, shown.verdict));
    let seen: Vec<_> = before
        .map(|verdict| (from, verdict))
        .into_iter()
        .chain(inside)
        .collect();
    let found = seen.iter().find(|(_, verdict)| *verdict == Some(state));
    let name = target.as_str();
    let fault = |after, words| Fault {
        span: expectation.span,
        after: Some(after),
        words,
    };
    match (expectation.times, found) {
        (Times::Never, Some((after, _))) => Some(fault(
            *after,
            format!("`{name}` is {state}, which must not be"),
        )),
        (Times::Never, None) | (Times::AtLeastOnce | Times::Exactly(_), Some(_)) => None,
        (Times::AtLeastOnce | Times::Exactly(_), None) => {
            let was = seen
                .iter()
                .map(|(_, verdict)| verdict.map_or("not watched", Verdict::as_str));
            let was: Vec<_> = was.collect();
            let was = if was.is_empty() {
                String::from("never looked at")
            } else {
                was.join(", then ")
            };
            Some(fault(to, format!("`{name}` is not {state} but {was}")))
        }
    }
}

fn of_message(expectation: &Expectation, played: &Played, end: Duration) -> Option<Fault> {
    let (from, to) = window(expectation.when, end);
    let all: Vec<&Message> = played
        .messages
        .iter()
        .filter(|message| !message.is_early && is_meant(&expectation.what, message))
        .collect();
    let inside: Vec<&&Message> = all
        .iter()
        .filter(|message| (from..=to).contains(&message.after))
        .collect();
    let fault = |after, words| {
        Some(Fault {
            span: expectation.span,
            after: Some(after),
            words,
        })
    };
    let one_too_many = |allowed: usize| {
        inside.get(allowed).map(|message| {
            (
                message.after,
                format!("`{}` hears: {}", message.channel, message.text),
            )
        })
    };
    match expectation.times {
        Times::AtLeastOnce if !inside.is_empty() => None,
        Times::AtLeastOnce => match all.first() {
            Some(message) => fault(
                message.after,
                format!(
                    "no such message in time; it comes at {}",
                    moment(message.after)
                ),
            ),
            None => fault(to, String::from("no such message comes")),
        },
        Times::Never => {
            let (after, words) = one_too_many(0)?;
            fault(after, format!("this must not come: {words}"))
        }
        Times::Exactly(wanted) => {
            let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
            if let Some((after, words)) = one_too_many(wanted) {
                return fault(
                    after,
                    format!("{} messages come and not {wanted}: {words}", inside.len()),
                );
            }
            (inside.len() < wanted).then(|| Fault {
                span: expectation.span,
                after: Some(to),
                words: format!("{} messages come and not {wanted}", inside.len()),
            })
        }
    }
}

fn is_meant(what: &What, message: &Message) -> bool {
    let What::Message {
        channel,
        text,
        kind,
        mention,
        target,
    } = what
    else {
        return false;
    };
    channel
        .as_ref()
        .is_none_or(|channel| *channel == message.channel)
        && text
            .as_ref()
            .is_none_or(|text| message.text.to_lowercase().contains(text))
        && kind.is_none_or(|kind| message.kinds.contains(&kind))
        && mention
            .as_ref()
            .is_none_or(|mention| *mention == message.mention)
        && target
            .as_ref()
            .is_none_or(|target| message.targets.contains(target))
}

/// A moment of a script as people write it: `1m 5s`.
pub fn moment(after: Duration) -> String {
    let whole = Duration::from_secs(after.as_secs());
    humantime::format_duration(whole).to_string()
}
