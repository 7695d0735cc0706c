//! Whether hekate can see: pure arithmetic over what its witnesses say.
//!
//! Silence of a target may be its own or ours. Independent witnesses tell the two apart: if more than half of them are
//! silent as well, twice in a row, nobody is accused. Answers that came (a refusal, a 500) prove the network, so they are
//! never held back; only silence is.

use crate::model::{
    Timestamp,
    witness::{Answer, Witness, WitnessQuestion},
};

/// So many bad rounds in a row are blindness, and so many good ones its end.
const ROUNDS: u8 = 2;

/// What rounds of questions have said so far.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Sight {
    /// Which witnesses ever answered. One that never did says nothing, unless none ever did.
    worked: Vec<bool>,
    bad: u8,
    good: u8,
    bad_since: Timestamp,
    blind_since: Option<Timestamp>,
    why: String,
}

/// A change of whether we see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// We see nothing any more.
    Blinded,
    /// We see again.
    Sees {
        /// Since when we had not.
        since: Timestamp,
        /// Who had been silent, as one clause.
        why: String,
    },
}

impl Sight {
    /// Takes in one round that began at `at`.
    pub fn round(
        &mut self,
        witnesses: &[Witness],
        answers: &[Answer],
        at: Timestamp,
    ) -> Option<Change> {
        self.worked.resize(witnesses.len(), false);
        for (worked, answer) in self.worked.iter_mut().zip(answers) {
            *worked |= answer.is_ok();
        }
        let far = |index: &usize| witnesses[*index].question.is_far();
        let asked: Vec<_> = (0..witnesses.len().min(answers.len()))
            .filter(far)
            .collect();
        let is_any_known = asked.iter().any(|index| self.worked[*index]);
        let counted: Vec<_> = asked
            .into_iter()
            .filter(|index| self.worked[*index] || !is_any_known)
            .collect();
        let silent: Vec<_> = counted
            .iter()
            .filter(|index| answers[**index].is_err())
            .collect();
        let is_bad = silent.len() * 2 > counted.len();
        if is_bad {
            self.why = words(witnesses, answers, silent.len(), counted.len());
        }
        self.count(is_bad, at)
    }

    fn count(&mut self, is_bad: bool, at: Timestamp) -> Option<Change> {
        if is_bad {
            self.good = 0;
            if self.bad == 0 {
                self.bad_since = at;
            }
            self.bad = self.bad.saturating_add(1).min(ROUNDS);
            if self.bad == ROUNDS && self.blind_since.is_none() {
                self.blind_since = Some(self.bad_since);
                return Some(Change::Blinded);
            }
        } else {
            self.bad = 0;
            self.good = self.good.saturating_add(1).min(ROUNDS);
            if self.good == ROUNDS
                && let Some(since) = self.blind_since.take()
            {
                let why = std::mem::take(&mut self.why);
                return Some(Change::Sees { since, why });
            }
        }
        None
    }

    /// Since when we see nothing.
    pub const fn blind_since(&self) -> Option<Timestamp> {
        self.blind_since
    }

    /// Who is silent, as one clause; of no meaning while we see.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Whether the last rounds leave it open: the next one decides.
    pub const fn is_open(&self) -> bool {
        if self.blind_since.is_some() {
            self.good > 0
        } else {
            self.bad > 0
        }
    }

    /// Forgets rounds that leave it open, because time stood still between them.
    pub fn void(&mut self) {
        self.bad = 0;
        self.good = 0;
    }

    /// Other witnesses are asked from now on; whether we see is asked anew, and stays as it is meanwhile.
    pub fn replace(&mut self) {
        self.worked.clear();
        self.void();
    }
}

/// Who is silent and how far we see: `2 of 2 witnesses are silent (the resolver: no answer within 3 s; …); …`.
fn words(witnesses: &[Witness], answers: &[Answer], silent: usize, counted: usize) -> String {
    let whys: Vec<_> = witnesses
        .iter()
        .zip(answers)
        .filter(|(witness, _)| witness.question.is_far())
        .filter_map(|(witness, answer)| Some((&witness.name, answer.as_ref().err()?)))
        .take(3)
        .map(|(name, why)| format!("{name}: {why}"))
        .collect();
    let gateway = witnesses
        .iter()
        .zip(answers)
        .find(|(witness, _)| witness.question == WitnessQuestion::Gateway)
        .map(|(_, answer)| match answer {
            Ok(()) => "; this machine's gateway answers, so the trouble is beyond it",
            Err(_) => "",
        });
    format!(
        "{silent} of {counted} witnesses do not answer ({}){}",
        whys.join("; "),
        gateway.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    fn witnesses() -> Vec<Witness> {
        let far = |name: &str| Witness {
            name: name.to_owned(),
            question: WitnessQuestion::Connection {
                host: Secret::new(name),
                port: 443,
            },
        };
        let gateway = Witness {
            name: String::from("the gateway"),
            question: WitnessQuestion::Gateway,
        };
        vec![far("slack"), far("resolver"), far("balancer"), gateway]
    }

    fn answers(said: &str) -> Vec<Answer> {
        said.chars()
            .map(|said| match said {
                '+' => Ok(()),
                _ => Err(String::from("no answer within 3 s")),
            })
            .collect()
    }

    /// Each word is one round, each sign of it one witness; says what changed after which round.
    fn story(rounds: &str) -> String {
        let mut sight = Sight::default();
        let mut out = Vec::new();
        for (number, said) in rounds.split_whitespace().enumerate() {
            let at = Timestamp::from_millis(i64::try_from(number).expect("a few") * 1_000);
            match sight.round(&witnesses(), &answers(said), at) {
                None => {}
                Some(Change::Blinded) => {
                    out.push(format!("{number} blind since {}", at_of(&sight)));
                }
                Some(Change::Sees { since, .. }) => {
                    out.push(format!(
                        "{number} sees, was blind since {}",
                        since.as_millis() / 1_000
                    ));
                }
            }
        }
        out.join(", ")
    }

    fn at_of(sight: &Sight) -> i64 {
        sight.blind_since().map_or(-1, |at| at.as_millis() / 1_000)
    }

    #[test]
    fn more_than_half_twice_in_a_row_is_blindness() {
        for (rounds, says) in [
            ("++++ --++ --++", "2 blind since 1"),
            ("++++ -+++ -+++ -+++", ""),
            ("++++ ---+ ++++ ---+ ++++", ""),
            (
                "++++ ---+ ---+ ++++ ---+ ++++ ++++",
                "2 blind since 1, 6 sees, was blind since 1",
            ),
            // The near ones do not count, neither for nor against.
            ("++++ +++- +++- +++-", ""),
            ("++++ ---- ----", "2 blind since 1"),
        ] {
            assert_eq!(story(rounds), says, "{rounds}");
        }
    }

    #[test]
    fn who_never_answered_says_nothing_unless_nobody_ever_did() {
        // The balancer and the resolver never answered, so Slack alone counts.
        assert_eq!(story("+--+ +--+ ---+ ---+"), "3 blind since 2");
        assert_eq!(story("---+ ---+ ---+"), "1 blind since 0");
        assert_eq!(
            story("---+ ---+ +--+ +--+"),
            "1 blind since 0, 3 sees, was blind since 0"
        );
    }

    #[test]
    fn the_words_name_who_is_silent_and_how_far_we_see() {
        let mut sight = Sight::default();
        sight.round(&witnesses(), &answers("++++"), Timestamp::from_millis(0));
        sight.round(&witnesses(), &answers("-+-+"), Timestamp::from_millis(1));
        assert_eq!(
            sight.why(),
            "2 of 3 witnesses do not answer (slack: no answer within 3 s; balancer: no answer within 3 s); this machine's gateway answers, so the trouble is beyond it"
        );
        assert!(sight.is_open());
    }

    #[test]
    fn what_time_tore_apart_does_not_add_up() {
        let mut sight = Sight::default();
        let at = Timestamp::from_millis(0);
        sight.round(&witnesses(), &answers("++++"), at);
        sight.round(&witnesses(), &answers("---+"), at);
        sight.void();
        assert_eq!(sight.round(&witnesses(), &answers("---+"), at), None);
        assert!(sight.is_open());
    }
}
