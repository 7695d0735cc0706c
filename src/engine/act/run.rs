//! From the last check of an attempt to the line that tells what came of it.

use std::{sync::Arc, time::Duration};

use super::{Deed, Reread, RereadAnswer, Run};
use crate::{
    engine::Engine,
    judge::guard::{self, Case},
    model::{
        Batch, ChannelName, Moment, TargetId,
        action::{
            Action, Attempt, AttemptId, Call, Ongoing, OwnCall, Ran, RanResult, Refusal, Stage,
            WORDS_MAX,
        },
        plan::Matcher,
        planned::{DEPLOY_MAX, HowEnded, PlanId, PlanKind, Planned},
        roles::Role,
        text::{clean, span},
    },
};

/// A target that nobody saw go away for so long after it was done is taken not to have.
const STAYED: Duration = Duration::from_mins(1);

impl Engine {
    /// Reads the role once more, if the target has one that can be read; else begins.
    pub(super) fn check_once_more(
        &mut self,
        now: Moment,
        id: AttemptId,
        batch: &mut Batch,
        then: &mut Vec<Deed>,
    ) {
        let Some(attempt) = self.acts.attempt(id).cloned() else {
            return;
        };
        match self.read_roles_of(&attempt.target) {
            Some((roles, members)) => {
                let words = "confirmed, who is active is read once more";
                self.go_on(now, attempt, words, batch);
                // Nobody waits for the answer for ever.
                let limit = Duration::from_secs(30);
                let mut under_way = self.acts.under_way.iter_mut();
                if let Some(known) = under_way.find(|known| known.id == id) {
                    known.until = now.tick + limit;
                }
                then.push(Deed::Reread(Box::new(Reread {
                    attempt: id,
                    roles,
                    members,
                })));
            }
            None => self.begin_run(now, id, None, batch, then),
        }
    }

    /// Takes in what the last look at the roles brought back.
    pub(in crate::engine) fn reread(
        &mut self,
        now: Moment,
        answer: &RereadAnswer,
        actions: &mut Vec<Deed>,
    ) {
        let Some(attempt) = self.acts.attempt(answer.attempt) else {
            return;
        };
        if attempt.stage != Stage::Checking {
            return;
        }
        let mut batch = Batch::new(now.at);
        let mut then = Vec::new();
        let fresh = self.fresh_role(now.at, &attempt.target, &answer.opinions, &answer.words);
        self.begin_run(now, answer.attempt, Some(fresh), &mut batch, &mut then);
        if !batch.is_empty() {
            actions.push(Deed::Commit(Arc::new(batch)));
        }
        actions.append(&mut then);
    }

    /// Begins what was confirmed, if everything is still as it was when it was asked.
    fn begin_run(
        &mut self,
        now: Moment,
        id: AttemptId,
        fresh: Option<Result<Role, String>>,
        batch: &mut Batch,
        then: &mut Vec<Deed>,
    ) {
        let Some(mut attempt) = self.acts.attempt(id).cloned() else {
            return;
        };
        let ready = self.still_allowed(now, &attempt, fresh).and_then(|action| {
            let own = match &action.call {
                Call::Own(own) => Some(self.begin_own(now, *own, &action, &attempt, batch, then)?),
                Call::Http(_) | Call::Jenkins(_) => {
                    self.open_grace(now, &action, &attempt, batch, then)?;
                    None
                }
            };
            Ok((action, own))
        });
        let action = match ready {
            Ok((action, None)) => action,
            Ok((_, Some(words))) => {
                attempt.began_at = Some(now.at);
                self.end_own(now, attempt, &words, batch);
                return;
            }
            Err(refusal) => {
                let title = self.title_of(&attempt.target);
                self.tell_attempt(
                    now,
                    &attempt,
                    &title,
                    &format!("refused: {}", refusal.words),
                    batch,
                );
                let _ = self.refuse(now, attempt, refusal, batch);
                return;
            }
        };
        attempt.stage = Stage::Running;
        attempt.began_at = Some(now.at);
        let grace = action.grace + run_limit(&action);
        let mut under_way = self.acts.under_way.iter_mut();
        if let Some(known) = under_way.find(|known| known.id == id) {
            known.began = Some(now.tick);
            known.until = now.tick + grace;
        }
        let run = self.run_of(now, &attempt, action);
        self.go_on(now, attempt, "running", batch);
        then.push(Deed::Run(Box::new(run)));
    }

    /// Begins what hekate itself does; says until when, and how it is called.
    fn begin_own(
        &mut self,
        now: Moment,
        own: OwnCall,
        action: &Action,
        attempt: &Attempt,
        batch: &mut Batch,
        then: &mut Vec<Deed>,
    ) -> Result<String, Refusal> {
        let mut planned = self.plan_of(now, own.kind, action, attempt, own.length);
        if let Some(why) = &attempt.why {
            planned.why.clone_from(why);
        }
        let until = planned.until.words(self.plan.server.timezone);
        let words = format!("{} until {until}, {}", own.kind.as_str(), planned.id);
        self.begin_for(now, planned, batch, then)?;
        Ok(words)
    }

    /// Begins a plan of an attempt.
    fn begin_for(
        &mut self,
        now: Moment,
        planned: Planned,
        batch: &mut Batch,
        then: &mut Vec<Deed>,
    ) -> Result<(), Refusal> {
        match self.begin_plan(now, planned, batch, then) {
            Ok(_) => Ok(()),
            Err(refused) => Err(Refusal {
                words: refused.words,
                way_out: String::from("`maintenance list` and `silence list` show what is on"),
            }),
        }
    }

    /// What hekate itself did is over as soon as it began.
    fn end_own(&mut self, now: Moment, mut attempt: Attempt, words: &str, batch: &mut Batch) {
        let title = self.title_of(&attempt.target);
        attempt.stage = Stage::Done;
        attempt.ended_at = Some(now.at);
        attempt.words = clean(words, WORDS_MAX);
        // Who hears of the target hears of it already, with the same name and the same end.
        let is_told = |channel: &ChannelName| {
            let mut entries = batch.entries.iter();
            entries.any(|entry| entry.key.channel == *channel)
        };
        let is_said =
            attempt.account.is_none() && self.channel_for(&attempt).is_some_and(|at| is_told(&at));
        if !is_said {
            self.tell_attempt(now, &attempt, &title, words, batch);
        }
        self.acts.write(attempt, batch);
    }

    fn run_of(&self, now: Moment, attempt: &Attempt, action: Arc<Action>) -> Run {
        let watched = self
            .index
            .get(&attempt.target)
            .and_then(|slot| self.at(*slot));
        let group = watched.and_then(|watched| watched.target.group.as_ref());
        Run {
            attempt: attempt.id,
            action,
            decided: now.tick,
            target: attempt.target.clone(),
            name: watched.map_or_else(String::new, |watched| watched.target.name.clone()),
            group: group.map_or_else(String::new, ToString::to_string),
            asker: attempt.by.name.clone(),
            reason: attempt.why.clone().unwrap_or_default(),
        }
    }

    /// The same rules once more, with what was read right now.
    fn still_allowed(
        &self,
        now: Moment,
        attempt: &Attempt,
        fresh: Option<Result<Role, String>>,
    ) -> Result<Arc<Action>, Refusal> {
        let action = self.action(&attempt.action)?;
        let (_, watched) = self.slot_of(&attempt.target)?;
        let title = watched.target.title();
        let role = match fresh {
            None => watched.role.as_ref().map(|standing| standing.role),
            Some(Ok(role)) => Some(role),
            Some(Err(why)) => {
                return Err(Refusal {
                    words: format!("nobody can say now whether {title} is active: {why}"),
                    way_out: String::from("try again when it is known"),
                });
            }
        };
        if role != attempt.role {
            let was = attempt.role.map_or("without a role", Role::words);
            let is = role.map_or("without a role", Role::words);
            return Err(Refusal {
                words: format!("{title} was {was} when it was asked, and is {is} now"),
                way_out: String::from("look again, and ask again"),
            });
        }
        let mut under_way = self.acts.under_way.iter();
        let Some(known) = under_way.find(|known| known.id == attempt.id) else {
            return Err(Refusal {
                words: String::from("it is over"),
                way_out: String::new(),
            });
        };
        let recent: Vec<_> = self.acts.attempts.iter().cloned().collect();
        guard::permit(&Case {
            now: now.at,
            action: &action,
            title: &title,
            ask: &known.ask,
            group: watched.target.group.as_ref(),
            role,
            verdict: watched.settled(),
            asker: &known.asker,
            recent: &recent,
            attempt: Some(attempt.id),
        })?;
        Ok(action)
    }

    /// The target may be away from now on, as with a deploy that somebody announces.
    fn open_grace(
        &mut self,
        now: Moment,
        action: &Action,
        attempt: &Attempt,
        batch: &mut Batch,
        then: &mut Vec<Deed>,
    ) -> Result<(), Refusal> {
        let length = action.grace + run_limit(action);
        let planned = self.grace_of(now, action, attempt, length);
        self.begin_for(now, planned, batch, then)
    }

    fn grace_of(
        &self,
        now: Moment,
        action: &Action,
        attempt: &Attempt,
        length: Duration,
    ) -> Planned {
        let length = length.min(DEPLOY_MAX);
        self.plan_of(now, PlanKind::Deploy, action, attempt, length)
    }

    /// What an attempt plans for its target.
    fn plan_of(
        &self,
        now: Moment,
        kind: PlanKind,
        action: &Action,
        attempt: &Attempt,
        length: Duration,
    ) -> Planned {
        Planned {
            id: PlanId {
                kind,
                number: self.plans.last_number() + 1,
            },
            matcher: matcher(&attempt.target),
            why: format!("{} {}", action.title(), attempt.id),
            release: None,
            by: attempt.by.clone(),
            from: now.at,
            until: now.at + length,
            is_until_recovered: false,
            ended: None,
        }
    }

    /// It was done: from now on the target has its grace to come back, and no more.
    fn shorten_grace(
        &mut self,
        now: Moment,
        attempt: &Attempt,
        batch: &mut Batch,
        actions: &mut Vec<Deed>,
    ) {
        let Ok(action) = self.action(&attempt.action) else {
            return;
        };
        // It may have gone away and come back already.
        if self.plans.deploy_of(&matcher(&attempt.target)).is_none() {
            return;
        }
        let planned = self.grace_of(now, &action, attempt, action.grace);
        let renewed = self.begin_plan(now, planned, batch, actions);
        debug_assert!(renewed.is_ok(), "the one before it made room: {renewed:?}");
    }

    /// Takes in how far doing it has come.
    pub(in crate::engine) fn ongoing(
        &mut self,
        now: Moment,
        ongoing: Ongoing,
        actions: &mut Vec<Deed>,
    ) {
        let Some(mut attempt) = self.acts.attempt(ongoing.attempt).cloned() else {
            return;
        };
        if attempt.stage != Stage::Running {
            return;
        }
        let reference = ongoing.reference.map(|name| clean(&name, WORDS_MAX));
        let is_shown = attempt.account.is_some();
        if !is_shown && reference == attempt.reference {
            return;
        }
        let mut batch = Batch::new(now.at);
        attempt.reference = reference;
        let words = clean(&ongoing.words, WORDS_MAX);
        self.go_on(now, attempt, &words, &mut batch);
        actions.push(Deed::Commit(Arc::new(batch)));
    }

    /// Takes in how doing it ended.
    pub(in crate::engine) fn ran(&mut self, now: Moment, ran: Ran, actions: &mut Vec<Deed>) {
        let Some(mut attempt) = self.acts.attempt(ran.attempt).cloned() else {
            return;
        };
        if attempt.stage != Stage::Running {
            return;
        }
        let mut batch = Batch::new(now.at);
        let title = self.title_of(&attempt.target);
        attempt.words = clean(&ran.words, WORDS_MAX);
        attempt.reference = ran.reference.map(|name| clean(&name, WORDS_MAX));
        match ran.result {
            RanResult::Done => {
                attempt.stage = Stage::Settling;
                let grace = self.action(&attempt.action).map(|action| action.grace);
                let grace = grace.unwrap_or(STAYED);
                let mut under_way = self.acts.under_way.iter_mut();
                if let Some(known) = under_way.find(|known| known.id == attempt.id) {
                    known.until = now.tick
                        + if known.was_away {
                            grace
                        } else {
                            grace.min(STAYED)
                        };
                }
                self.shorten_grace(now, &attempt, &mut batch, actions);
                let words = format!("{}, coming back", attempt.words);
                self.go_on(now, attempt, &words, &mut batch);
            }
            RanResult::Failed => {
                attempt.stage = Stage::Failed;
                attempt.ended_at = Some(now.at);
                let words = format!("failed: {}", attempt.words);
                self.tell_attempt(now, &attempt, &title, &words, &mut batch);
                let target = attempt.target.clone();
                self.acts.write(attempt, &mut batch);
                self.end_grace(now, &target, &mut batch, actions);
            }
            RanResult::Unknown => {
                attempt.stage = Stage::Unknown;
                attempt.ended_at = Some(now.at);
                let words = format!("may have run: {}", attempt.words);
                self.tell_attempt(now, &attempt, &title, &words, &mut batch);
                self.acts.write(attempt, &mut batch);
            }
        }
        if !batch.is_empty() {
            actions.push(Deed::Commit(Arc::new(batch)));
        }
        self.turn_acts(now, actions);
    }

    fn end_grace(
        &mut self,
        now: Moment,
        target: &TargetId,
        batch: &mut Batch,
        actions: &mut Vec<Deed>,
    ) {
        if let Some(id) = self.plans.deploy_of(&matcher(target)) {
            let slots = self.slots_of_plan(id).into_iter().collect();
            self.end_plan(now, id, HowEnded::Stopped, None, batch);
            self.resettle(now, &slots, batch, actions);
        }
    }

    /// Expires what nobody confirmed, and tells what came of what was done.
    pub(in crate::engine) fn turn_acts(&mut self, now: Moment, actions: &mut Vec<Deed>) {
        if self.acts.under_way.is_empty() {
            return;
        }
        let mut batch = Batch::new(now.at);
        let ids: Vec<_> = self.acts.under_way.iter().map(|known| known.id).collect();
        for id in ids {
            let Some(attempt) = self.acts.attempt(id).cloned() else {
                continue;
            };
            self.watch_target(now, &attempt);
            self.turn_one(now, attempt, &mut batch);
        }
        if !batch.is_empty() {
            actions.push(Deed::Commit(Arc::new(batch)));
        }
    }

    /// Notes that the target went away, or came back.
    fn watch_target(&mut self, now: Moment, attempt: &Attempt) {
        let is_well = self.is_well(&attempt.target);
        let grace = self.action(&attempt.action).map(|action| action.grace);
        let mut under_way = self.acts.under_way.iter_mut();
        let known = under_way.find(|known| known.id == attempt.id);
        let Some(known) = known.filter(|known| known.began.is_some()) else {
            return;
        };
        match is_well {
            Some(false) if !known.was_away => {
                known.was_away = true;
                if let (Stage::Settling, Ok(grace)) = (attempt.stage, grace) {
                    known.until = now.tick + grace;
                }
            }
            Some(false) => known.back = None,
            Some(true) if known.was_away => {
                known.back = known.back.or(Some(now.tick));
            }
            Some(true) | None => {}
        }
    }

    fn turn_one(&mut self, now: Moment, mut attempt: Attempt, batch: &mut Batch) {
        let mut under_way = self.acts.under_way.iter();
        let Some(known) = under_way.find(|known| known.id == attempt.id) else {
            return;
        };
        let is_due = known.until <= now.tick;
        let (began, was_away, back) = (known.began, known.was_away, known.back);
        let title = self.title_of(&attempt.target);
        match attempt.stage {
            Stage::Asked | Stage::Seconding if is_due => {
                attempt.stage = Stage::Expired;
                attempt.ended_at = Some(now.at);
                attempt.words = String::from("nobody confirmed it in time");
                self.acts.write(attempt, batch);
            }
            Stage::Checking if is_due => {
                let refusal = Refusal {
                    words: format!("nobody could say in time whether {title} is active"),
                    way_out: String::new(),
                };
                let words = format!("refused: {}", refusal.words);
                self.tell_attempt(now, &attempt, &title, &words, batch);
                let _ = self.refuse(now, attempt, refusal, batch);
            }
            Stage::Running if is_due => {
                attempt.stage = Stage::Unknown;
                attempt.ended_at = Some(now.at);
                attempt.words = String::from("no answer came in time");
                self.tell_attempt(
                    now,
                    &attempt,
                    &title,
                    "may have run: no answer came in time",
                    batch,
                );
                self.acts.write(attempt, batch);
            }
            Stage::Settling if back.is_some() || is_due => {
                let words = match (back, began, was_away) {
                    (Some(back), Some(began), _) => {
                        format!("back after {}", span(back.since(began)))
                    }
                    (None, Some(began), true) => {
                        format!("not back after {}", span(now.tick.since(began)))
                    }
                    (_, _, _) => attempt.words.clone(),
                };
                attempt.stage = Stage::Done;
                attempt.ended_at = Some(now.at);
                attempt.words.clone_from(&words);
                self.tell_attempt(now, &attempt, &title, &words, batch);
                self.acts.write(attempt, batch);
            }
            Stage::Asked
            | Stage::Seconding
            | Stage::Checking
            | Stage::Running
            | Stage::Settling
            | Stage::Done
            | Stage::Failed
            | Stage::Refused
            | Stage::Expired
            | Stage::Cancelled
            | Stage::Unknown => {}
        }
    }

    /// Takes over what a store remembers. What was under way is over: nobody knows more of it, and nothing is done again.
    pub(in crate::engine) fn restore_acts(
        &mut self,
        now: Moment,
        attempts: Vec<Attempt>,
        batch: &mut Batch,
    ) {
        for mut attempt in attempts {
            if self.acts.attempt(attempt.id).is_some() {
                continue;
            }
            let title = self.title_of(&attempt.target);
            let (stage, words) = match attempt.stage {
                Stage::Asked | Stage::Seconding => (
                    Stage::Expired,
                    "hekate was started anew before it was confirmed",
                ),
                Stage::Checking => (
                    Stage::Expired,
                    "hekate was started anew before it was begun",
                ),
                Stage::Running => (Stage::Unknown, "hekate ended while it was being done"),
                Stage::Settling => (
                    Stage::Done,
                    "hekate was started anew before it was seen back",
                ),
                Stage::Done
                | Stage::Failed
                | Stage::Refused
                | Stage::Expired
                | Stage::Cancelled
                | Stage::Unknown => {
                    self.acts.attempts.push_back(attempt);
                    continue;
                }
            };
            let was = attempt.stage;
            attempt.stage = stage;
            attempt.ended_at = Some(now.at);
            words.clone_into(&mut attempt.words);
            if was == Stage::Running {
                let told = format!("may have run: {words}; it is not begun again");
                self.tell_attempt(now, &attempt, &title, &told, batch);
            }
            let is_promised = was == Stage::Checking && attempt.account.is_some();
            if was == Stage::Settling || is_promised {
                self.tell_attempt(now, &attempt, &title, words, batch);
            }
            self.acts.write(attempt, batch);
        }
        self.acts
            .attempts
            .make_contiguous()
            .sort_by_key(|attempt| attempt.id);
    }
}

fn matcher(target: &TargetId) -> Matcher {
    Matcher {
        targets: vec![target.clone()],
        ..Matcher::default()
    }
}

/// How long doing it may take.
fn run_limit(action: &Action) -> Duration {
    match &action.call {
        // A crumb, and then the request.
        Call::Http(http) => http.timeout,
        Call::Jenkins(jenkins) => jenkins.build_limit + Duration::from_mins(1),
        Call::Own(_) => Duration::ZERO,
    }
}
