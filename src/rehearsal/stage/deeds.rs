//! What people have done in a script: asked, confirmed, seconded, and answered by the scenery, through the engine that decides in
//! earnest.

use std::time::Duration;

use super::{Coming, Deed, Refusal, Stage};
use crate::{
    config::script::{ActionOutcome, Confirming, Doing},
    engine::{Event, Reread, RereadAnswer, Run},
    model::{
        Extra,
        action::{
            Answered, Ask, Asker, Attempt, Confirm, Order, Ordered, Ran, Stage as AttemptStage,
        },
    },
    rehearsal::people,
};

/// How long people take from a question to their answer.
const PEOPLE_TAKE: Duration = Duration::from_secs(2);
/// How long a look at who is active takes, right before something is done.
const LOOK_TAKES: Duration = Duration::from_millis(20);
/// The word that confirms what the step with this number asked begins so.
const NONCE: &str = "step";

impl Stage<'_> {
    /// Somebody asks for an action.
    pub(super) fn ask(&mut self, index: usize, words: &str) {
        let at = self.moment().at;
        let understood = match &self.process {
            Some(process) => people::ask(&process.board, words, at),
            None => Err(String::from("hekate is not running")),
        };
        match understood {
            Ok(ask) => {
                let order = Order::Ask(Ask {
                    nonce: format!("{NONCE}{index}"),
                    // Whoever types the name into a form says there why as well.
                    reason_may_follow: false,
                    ..ask
                });
                self.order(index, order, Speaker::Asker);
            }
            Err(words) => {
                self.scenery.met.insert(index);
                self.played.refused.push(Refusal { step: index, words });
            }
        }
    }

    /// Hands an order of somebody of a step to the engine; its answer carries the number of the step.
    pub(super) fn order(&mut self, index: usize, order: Order, speaker: Speaker) {
        let Doing::Action { by, second, .. } = &self.script.steps[index].doing else {
            return;
        };
        let who = match (speaker, by, second) {
            (Speaker::Asker, Some(who), _) => people::in_slack(&who.user, who),
            (Speaker::Second, Some(who), Some(second)) => people::in_slack(second, who),
            (Speaker::Asker, None, _) | (Speaker::Second, _, _) => Asker {
                by: people::somebody(),
                door: crate::model::action::Door::Program,
                memberships: None,
            },
        };
        self.event(Event::Ordered(Ordered {
            number: index as u64,
            order,
            asker: who,
        }));
    }

    /// What somebody of a step hears, and what they do then.
    pub(super) fn ordered(&mut self, number: u64, answered: Answered) {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        self.scenery.met.insert(index);
        let Some(Doing::Action {
            confirm,
            types,
            second,
            ..
        }) = self.script.steps.get(index).map(|step| &step.doing)
        else {
            return;
        };
        match answered {
            Answered::Confirm { attempt, how } => {
                let nonce = attempt.nonce.clone();
                let order = match confirm {
                    Confirming::Never => return,
                    Confirming::Cancel => Order::Cancel { nonce },
                    Confirming::Yes => Order::Confirm {
                        nonce,
                        typed: match (how, types) {
                            (_, Some(typed)) => Some(typed.clone()),
                            (Confirm::TypeName, None) => Some(title_of(&attempt)),
                            (Confirm::No | Confirm::Button, None) => None,
                        },
                        why: None,
                    },
                };
                self.say_soon(index, order, Speaker::Asker);
            }
            Answered::Second(attempt) if second.is_some() => {
                let order = Order::Confirm {
                    nonce: attempt.nonce.clone(),
                    typed: None,
                    why: None,
                };
                self.say_soon(index, order, Speaker::Second);
            }
            // What is refused for good is in the attempt, which was written down.
            Answered::Refused {
                refusal,
                attempt: Some(attempt),
            } if !attempt.stage.is_over() => {
                self.became(&attempt, ActionOutcome::Refused, &refusal.words)
            }
            Answered::Refused {
                refusal,
                attempt: None,
            } => {
                let words = refusal.words;
                self.played.refused.push(Refusal { step: index, words });
            }
            Answered::Refused { .. }
            | Answered::Would { .. }
            | Answered::Second(_)
            | Answered::Taken(_) => {}
        }
    }

    fn say_soon(&mut self, index: usize, order: Order, speaker: Speaker) {
        let at = self.now + PEOPLE_TAKE;
        self.push(
            at,
            Coming::Says {
                index,
                order,
                speaker,
            },
        );
    }

    /// Looks at who is active, from nothing that is kept.
    pub(super) fn reread(&mut self, reread: &Reread) {
        let opinions = match self.scenery.roles(&reread.roles).extra.map(|extra| *extra) {
            Some(Extra::Roles(answer)) => answer.opinions,
            Some(Extra::Logs(_) | Extra::OwnRole(_) | Extra::Ending(_) | Extra::Steps(_))
            | None => Vec::new(),
        };
        let members = reread.members.iter();
        let words = members.filter_map(|(position, target, _)| {
            let word = self.scenery.own_role(&reread.roles.group, &target.id)?;
            Some((*position, word))
        });
        let answer = RereadAnswer {
            attempt: reread.attempt,
            opinions,
            words: words.collect(),
        };
        self.push(self.now + LOOK_TAKES, Coming::Reread(answer));
    }

    /// Does what is stored as running: its receiver answers as the script says.
    pub(super) fn run_action(&mut self, run: &Run) {
        let (took, result, words) = self.scenery.run(&run.action);
        let ran = Ran {
            attempt: run.attempt,
            result,
            words,
            reference: None,
        };
        self.push(self.now + took, Coming::Ran(ran));
    }

    /// Notes how an attempt stands that was written down.
    pub(super) fn note_attempt(&mut self, attempt: &Attempt) {
        let outcome = match attempt.stage {
            AttemptStage::Asked
            | AttemptStage::Seconding
            | AttemptStage::Checking
            | AttemptStage::Settling => return,
            AttemptStage::Running => ActionOutcome::Begun,
            AttemptStage::Done => ActionOutcome::Done,
            AttemptStage::Failed => ActionOutcome::Failed,
            AttemptStage::Refused => ActionOutcome::Refused,
            AttemptStage::Expired => ActionOutcome::Expired,
            AttemptStage::Cancelled => ActionOutcome::Cancelled,
            AttemptStage::Unknown => ActionOutcome::Unknown,
        };
        self.became(attempt, outcome, &attempt.words);
    }

    fn became(&mut self, attempt: &Attempt, outcome: ActionOutcome, words: &str) {
        let step = attempt.nonce.strip_prefix(NONCE);
        let step = step.and_then(|number| number.parse().ok());
        let known = self.played.deeds.iter().rev();
        let mut of_it = known.filter(|deed| deed.attempt == attempt.id);
        // Going on with the same is written down as well.
        if of_it
            .next()
            .is_some_and(|deed| deed.outcome == outcome && outcome != ActionOutcome::Refused)
        {
            return;
        }
        self.played.deeds.push(Deed {
            after: self.after(),
            step,
            attempt: attempt.id,
            action: attempt.action.clone(),
            target: attempt.target.clone(),
            outcome,
            words: words.to_owned(),
        });
    }
}

/// Who of a step says something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Speaker {
    Asker,
    Second,
}

/// The target as people call it: `master blue`.
fn title_of(attempt: &Attempt) -> String {
    attempt.target.as_str().replacen('/', " ", 1)
}
