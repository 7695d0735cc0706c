//! What people have done to targets: asked, confirmed, checked once more, done, told. Nothing here touches the world.
//!
//! Every step is in a [`Batch`] before what follows from it is ordered, and what may have been begun is never begun again: not
//! by a repeat of the question, not by a repeat of its confirmation, and not after a restart.

mod run;
mod words;

use std::{collections::VecDeque, sync::Arc};

use super::{Action as Deed, Engine};
use crate::{
    judge::guard::{self, Case, Decision},
    model::{
        Batch, Moment, Slot, TargetId, Tick, Verdict,
        action::{
            ATTEMPTS_MAX, Action, Answered, Ask, Asker, Attempt, AttemptId, Confirm, Confirmed,
            Order, Ordered, Refusal, Stage,
        },
        plan::Target,
        roles::{Opinion, Roles},
        text::clean,
    },
};

/// The most characters of a foreign word that are said again.
const SHOWN_MAX: usize = 40;

/// What is known of attempts.
#[derive(Debug, Default)]
pub(in crate::engine) struct Acts {
    /// All that are kept, oldest first.
    attempts: VecDeque<Attempt>,
    /// Those that are not over, with what only this process knows of them.
    under_way: Vec<UnderWay>,
}

/// An attempt that is not over.
#[derive(Debug)]
struct UnderWay {
    id: AttemptId,
    asker: Asker,
    ask: Ask,
    /// When it expires, or when its target has to be back.
    until: Tick,
    /// When it was begun.
    began: Option<Tick>,
    /// Whether the target was seen to be away since then.
    was_away: bool,
    /// When it was seen to be back.
    back: Option<Tick>,
}

/// What somebody says who confirms.
#[derive(Clone, Copy)]
struct Said<'a> {
    /// The word of the question.
    nonce: &'a str,
    /// The name, if it was typed.
    typed: Option<&'a str>,
    /// Why, if that was said.
    why: Option<&'a str>,
}

/// A look at who is active, right before something is done.
#[derive(Clone, Debug)]
pub struct Reread {
    /// For which attempt.
    pub attempt: AttemptId,
    /// Who is asked.
    pub roles: Arc<Roles>,
    /// Members who say it themselves: their position, and which of their checks it is.
    pub members: Vec<(usize, Arc<Target>, u8)>,
}

/// What such a look brought back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RereadAnswer {
    /// For which attempt.
    pub attempt: AttemptId,
    /// What the sources say.
    pub opinions: Vec<Opinion>,
    /// What members say of themselves, by their position.
    pub words: Vec<(usize, String)>,
}

/// Something to be done now.
#[derive(Clone, Debug)]
pub struct Run {
    /// For which attempt; it is stored as running.
    pub attempt: AttemptId,
    /// What.
    pub action: Arc<Action>,
    /// When it was decided; what is stored much later is not done any more.
    pub decided: Tick,
    /// `{target}`
    pub target: TargetId,
    /// `{name}`
    pub name: String,
    /// `{group}`
    pub group: String,
    /// `{asker}`
    pub asker: String,
    /// `{reason}`
    pub reason: String,
}

impl Acts {
    /// When something expires or has to be back.
    pub(in crate::engine) fn next_deadline(&self) -> Option<Tick> {
        self.under_way.iter().map(|under_way| under_way.until).min()
    }

    fn attempt(&self, id: AttemptId) -> Option<&Attempt> {
        self.attempts.iter().rev().find(|attempt| attempt.id == id)
    }

    /// Writes down how an attempt stands now.
    fn write(&mut self, attempt: Attempt, batch: &mut Batch) {
        batch.attempts.retain(|written| written.id != attempt.id);
        batch.attempts.push(attempt.clone());
        if attempt.stage.is_over() {
            self.under_way
                .retain(|under_way| under_way.id != attempt.id);
        }
        let known = self.attempts.iter_mut().rev();
        match known.into_iter().find(|known| known.id == attempt.id) {
            Some(known) => *known = attempt,
            None => self.attempts.push_back(attempt),
        }
        while self.attempts.len() > ATTEMPTS_MAX {
            let over = self.attempts.iter().position(|known| known.stage.is_over());
            match over {
                Some(oldest) => drop(self.attempts.remove(oldest)),
                None => break,
            }
        }
    }
}

impl Engine {
    /// Does what somebody orders, and answers.
    pub(in crate::engine) fn ordered(
        &mut self,
        now: Moment,
        ordered: Ordered,
        actions: &mut Vec<Deed>,
    ) {
        let Ordered {
            number,
            order,
            asker,
        } = ordered;
        let mut batch = Batch::new(now.at);
        let mut then = Vec::new();
        let answer = match order {
            Order::Ask(ask) => self.ask(now, ask, asker, &mut batch, &mut then),
            Order::Confirm { nonce, typed, why } => {
                let said = Said {
                    nonce: &nonce,
                    typed: typed.as_deref(),
                    why: why.as_deref(),
                };
                self.confirm(now, said, &asker, &mut batch, &mut then)
            }
            Order::Recall { nonce } => self.recall_question(&nonce, &asker),
            Order::Cancel { nonce } => self.cancel(now, &nonce, &asker, &mut batch),
        };
        if !batch.is_empty() {
            actions.push(Deed::Commit(Arc::new(batch)));
        }
        actions.append(&mut then);
        // Behind the commit: what is answered is stored.
        actions.push(Deed::Ordered(number, Box::new(answer)));
    }

    fn ask(
        &mut self,
        now: Moment,
        ask: Ask,
        asker: Asker,
        batch: &mut Batch,
        then: &mut Vec<Deed>,
    ) -> Answered {
        if let Some(known) = self.repeated(&ask, &asker) {
            return self.answer_of(known);
        }
        if let Some(refusal) = self.cannot_write() {
            return refused(refusal, None);
        }
        let (decision, action, mut attempt) = match self.decide(now, &ask, &asker) {
            Ok(decided) => decided,
            Err(refusal) => return refused(refusal, None),
        };
        if ask.is_dry {
            return match decision {
                Decision::Refused(refusal) => refused(refusal, None),
                Decision::Allowed
                | Decision::NeedsConfirmation(_)
                | Decision::NeedsSecondPerson => Answered::Would {
                    action: action.name.clone(),
                    target: ask.target,
                    confirm: action.guard.confirm,
                    needs_second_person: action.guard.needs_second_person,
                },
            };
        }
        let answer = match decision {
            Decision::Refused(refusal) => {
                attempt.stage = Stage::Refused;
                attempt.ended_at = Some(now.at);
                attempt.words.clone_from(&refusal.words);
                self.acts.write(attempt.clone(), batch);
                return refused(refusal, Some(attempt));
            }
            Decision::NeedsConfirmation(how) => Answered::Confirm {
                attempt: Box::new(attempt.clone()),
                how,
            },
            Decision::NeedsSecondPerson => {
                attempt.stage = Stage::Seconding;
                attempt.confirmed.push(confirmed(&asker, now));
                self.call_for_second(now, &action, &attempt, batch);
                Answered::Second(Box::new(attempt.clone()))
            }
            Decision::Allowed => {
                attempt.stage = Stage::Checking;
                attempt.confirmed.push(confirmed(&asker, now));
                Answered::Taken(Box::new(attempt.clone()))
            }
        };
        let id = attempt.id;
        let is_ready = attempt.stage == Stage::Checking;
        self.acts.under_way.push(UnderWay {
            id,
            asker,
            ask,
            until: now.tick + action.guard.expires_after,
            began: None,
            was_away: false,
            back: None,
        });
        self.acts.write(attempt, batch);
        if is_ready {
            self.check_once_more(now, id, batch, then);
            // Without roles to be read it has begun, is done or is refused by now.
            if let Some(attempt) = self.acts.attempt(id) {
                return self.answer_of(attempt);
            }
        }
        answer
    }

    /// Decides on a question; with how its attempt would begin.
    fn decide(
        &self,
        now: Moment,
        ask: &Ask,
        asker: &Asker,
    ) -> Result<(Decision, Arc<Action>, Attempt), Refusal> {
        let action = self.action(&ask.action)?;
        let (_, watched) = self.slot_of(&ask.target)?;
        let title = watched.target.title();
        let role = watched.role.as_ref().map(|standing| standing.role);
        let last = self.acts.attempts.back().map_or(0, |attempt| attempt.id.0);
        let attempt = Attempt {
            id: AttemptId(last + 1),
            action: action.name.clone(),
            target: ask.target.clone(),
            by: asker.by.clone(),
            door: asker.door.clone(),
            why: Some(ask.why.clone()).filter(|why| !why.is_empty()),
            role,
            verdict: watched.settled(),
            nonce: ask.nonce.clone(),
            trigger: ask.trigger.clone(),
            asked_at: now.at,
            expires_at: now.at + action.guard.expires_after,
            confirmed: Vec::new(),
            began_at: None,
            ended_at: None,
            stage: Stage::Asked,
            words: String::new(),
            reference: None,
            account: None,
        };
        let recent: Vec<_> = self.acts.attempts.iter().cloned().collect();
        let decision = guard::decide(&Case {
            now: now.at,
            action: &action,
            title: &title,
            ask,
            group: watched.target.group.as_ref(),
            role,
            verdict: watched.settled(),
            asker,
            recent: &recent,
            attempt: None,
        });
        Ok((decision, action, attempt))
    }

    /// The attempt that the same question made before.
    fn repeated(&self, ask: &Ask, asker: &Asker) -> Option<&Attempt> {
        let trigger = ask.trigger.as_ref()?;
        let mut attempts = self.acts.attempts.iter().rev();
        attempts.find(|known| known.trigger.as_ref() == Some(trigger) && asker.is(&known.by))
    }

    fn cannot_write(&self) -> Option<Refusal> {
        let is_broken = self.troubles.iter().any(|key| key == "store");
        is_broken.then(|| Refusal {
            words: String::from("it cannot be written down who does what, so nothing is done"),
            way_out: String::from("`status` says what is wrong with the store"),
        })
    }

    fn action(&self, name: &str) -> Result<Arc<Action>, Refusal> {
        let mut actions = self.plan.actions.iter();
        let known = actions.find(|action| action.name == name);
        known.cloned().ok_or_else(|| Refusal {
            words: String::from("the file does not declare such an action any more"),
            way_out: String::from("`show tasks` says what there is"),
        })
    }

    fn slot_of(&self, target: &TargetId) -> Result<(Slot, &super::Watched), Refusal> {
        let found = self.index.get(target);
        let found = found.and_then(|slot| Some((*slot, self.at(*slot)?)));
        found.ok_or_else(|| Refusal {
            words: String::from("it is not watched any more"),
            way_out: String::from("`status` says who is"),
        })
    }

    fn confirm(
        &mut self,
        now: Moment,
        said: Said<'_>,
        asker: &Asker,
        batch: &mut Batch,
        then: &mut Vec<Deed>,
    ) -> Answered {
        let mut attempt = match self.asked_with(said.nonce) {
            Ok(attempt) => attempt.clone(),
            Err(refusal) => return refused(refusal, None),
        };
        if !attempt.stage.is_waiting() {
            return self.answer_of(&attempt);
        }
        if let Some(refusal) = self.cannot_write() {
            return refused(refusal, Some(attempt));
        }
        let action = match self.action(&attempt.action) {
            Ok(action) => action,
            Err(refusal) => return self.refuse(now, attempt, refusal, batch),
        };
        if let Err(refusal) = self.may_confirm(&action, &attempt, said, asker) {
            return refused(refusal, Some(attempt));
        }
        if attempt.stage == Stage::Asked {
            self.take_reason(&mut attempt, said.why);
        }
        attempt.confirmed.push(confirmed(asker, now));
        if asker.is(&attempt.by) {
            let mut under_way = self.acts.under_way.iter_mut();
            if let Some(known) = under_way.find(|known| known.id == attempt.id) {
                // Who left a group since the question was asked has lost its right.
                known.asker.memberships.clone_from(&asker.memberships);
            }
        }
        if attempt.stage == Stage::Asked && action.guard.needs_second_person {
            attempt.stage = Stage::Seconding;
            attempt.expires_at = now.at + action.guard.expires_after;
            let mut under_way = self.acts.under_way.iter_mut();
            if let Some(known) = under_way.find(|known| known.id == attempt.id) {
                known.until = now.tick + action.guard.expires_after;
            }
            self.call_for_second(now, &action, &attempt, batch);
            self.acts.write(attempt.clone(), batch);
            return Answered::Second(Box::new(attempt));
        }
        attempt.stage = Stage::Checking;
        let id = attempt.id;
        self.acts.write(attempt, batch);
        self.check_once_more(now, id, batch, then);
        match self.acts.attempt(id) {
            Some(attempt) => self.answer_of(attempt),
            None => refused(unknown_word(said.nonce), None),
        }
    }

    /// Keeps the reason that came with the confirmation, unless there was one before.
    fn take_reason(&mut self, attempt: &mut Attempt, why: Option<&str>) {
        let mut under_way = self.acts.under_way.iter_mut();
        let Some(known) = under_way.find(|known| known.id == attempt.id) else {
            return;
        };
        known.ask.reason_may_follow = false;
        if let (None, Some(why)) = (&attempt.why, why.filter(|why| !why.trim().is_empty())) {
            why.clone_into(&mut known.ask.why);
            attempt.why = Some(why.to_owned());
        }
    }

    /// How a question stands, for whoever asked it.
    fn recall_question(&self, nonce: &str, asker: &Asker) -> Answered {
        match self.asked_with(nonce) {
            Ok(attempt) if asker.is(&attempt.by) => self.answer_of(attempt),
            Ok(attempt) => refused(not_theirs(attempt), None),
            Err(refusal) => refused(refusal, None),
        }
    }

    /// Whether this person may confirm this question now, in this way.
    fn may_confirm(
        &self,
        action: &Action,
        attempt: &Attempt,
        said: Said<'_>,
        asker: &Asker,
    ) -> Result<(), Refusal> {
        if attempt.stage == Stage::Seconding {
            return guard::may_second(action, attempt, asker);
        }
        if !asker.is(&attempt.by) {
            return Err(not_theirs(attempt));
        }
        let title = self.title_of(&attempt.target);
        match (action.guard.confirm, said.typed) {
            (Confirm::No | Confirm::Button, None) => Ok(()),
            (Confirm::TypeName, None) => Err(Refusal {
                words: String::from("it is confirmed by typing its name"),
                way_out: format!("`confirm {} {title}`", attempt.nonce),
            }),
            (Confirm::No | Confirm::Button | Confirm::TypeName, Some(typed)) => {
                guard::is_name(typed, &title, &attempt.target)
            }
        }?;
        let why = attempt.why.as_deref().or(said.why);
        guard::has_reason(action, why, &attempt.nonce, &title)
    }

    fn cancel(&mut self, now: Moment, nonce: &str, asker: &Asker, batch: &mut Batch) -> Answered {
        let mut attempt = match self.asked_with(nonce) {
            Ok(attempt) => attempt.clone(),
            Err(refusal) => return refused(refusal, None),
        };
        if !attempt.stage.is_waiting() {
            return self.answer_of(&attempt);
        }
        let is_theirs = asker.is(&attempt.by);
        let may = self.action(&attempt.action).and_then(|action| {
            if is_theirs {
                Ok(())
            } else {
                guard::allowed(&action, asker)
            }
        });
        if let Err(refusal) = may {
            return refused(refusal, Some(attempt));
        }
        attempt.stage = Stage::Cancelled;
        attempt.ended_at = Some(now.at);
        attempt.words = format!("taken back by {}", asker.by);
        self.acts.write(attempt.clone(), batch);
        self.answer_of(&attempt)
    }

    /// The newest attempt that this word stands for.
    fn asked_with(&self, nonce: &str) -> Result<&Attempt, Refusal> {
        let mut attempts = self.acts.attempts.iter().rev();
        attempts
            .find(|attempt| attempt.nonce.eq_ignore_ascii_case(nonce))
            .ok_or_else(|| unknown_word(nonce))
    }

    /// Ends an attempt because it is not allowed after all.
    fn refuse(
        &mut self,
        now: Moment,
        mut attempt: Attempt,
        refusal: Refusal,
        batch: &mut Batch,
    ) -> Answered {
        attempt.stage = Stage::Refused;
        attempt.ended_at = Some(now.at);
        attempt.words.clone_from(&refusal.words);
        self.acts.write(attempt.clone(), batch);
        refused(refusal, Some(attempt))
    }

    /// What is answered to whoever asks or confirms once more.
    fn answer_of(&self, attempt: &Attempt) -> Answered {
        let action = self.action(&attempt.action);
        let attempt = Box::new(attempt.clone());
        match attempt.stage {
            Stage::Seconding => Answered::Second(attempt),
            Stage::Asked => Answered::Confirm {
                how: action.map_or(Confirm::TypeName, |action| action.guard.confirm),
                attempt,
            },
            Stage::Checking
            | Stage::Running
            | Stage::Settling
            | Stage::Done
            | Stage::Failed
            | Stage::Unknown => Answered::Taken(attempt),
            Stage::Refused | Stage::Expired | Stage::Cancelled => Answered::Refused {
                refusal: Refusal {
                    words: attempt.words.clone(),
                    way_out: String::from("ask for it again"),
                },
                attempt: Some(attempt),
            },
        }
    }

    pub(in crate::engine) fn title_of(&self, target: &TargetId) -> String {
        let watched = self.index.get(target).and_then(|slot| self.at(*slot));
        watched.map_or_else(|| target.to_string(), |watched| watched.target.title())
    }

    /// Whether the target is as it should be, and nothing is in question.
    fn is_well(&self, target: &TargetId) -> Option<bool> {
        let watched = self.index.get(target).and_then(|slot| self.at(*slot))?;
        let mut checks = watched.checks.iter();
        let is_doubted = checks.any(|watching| watching.state.burst.is_some());
        Some(watched.settled() == Verdict::Operational && !is_doubted)
    }
}

fn confirmed(asker: &Asker, now: Moment) -> Confirmed {
    Confirmed {
        by: asker.by.clone(),
        at: now.at,
    }
}

fn refused(refusal: Refusal, attempt: Option<Attempt>) -> Answered {
    Answered::Refused {
        refusal,
        attempt: attempt.map(Box::new),
    }
}

fn not_theirs(attempt: &Attempt) -> Refusal {
    Refusal {
        words: format!("only {} can confirm it", attempt.by),
        way_out: String::from("ask for it yourself"),
    }
}

fn unknown_word(nonce: &str) -> Refusal {
    Refusal {
        words: format!("nothing waits for the word `{}`", clean(nonce, SHOWN_MAX)),
        way_out: String::from("ask for it again"),
    }
}
