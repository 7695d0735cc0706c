//! Who is in a user group, as Slack says. Rights hang on it, so what nobody can say for sure counts as no.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::time::timeout;

use super::{
    Chat,
    spoken::{Voice, voice},
};
use crate::{
    command::act::Groups,
    model::{
        Board, Plan, Tick,
        action::{Asker, Door},
    },
    notify::errand::Body,
    slack::members,
};

/// For so long what Slack said answers what is only a question.
const KNOWN_FOR: Duration = Duration::from_mins(5);
/// How long Slack may take; it waits 3 s for all of an answer itself.
const ASKED_WITHIN: Duration = Duration::from_millis(700);
/// The most groups that are asked about for one order.
const GROUPS_MAX: usize = 20;

/// The people of a group.
type People = Arc<HashSet<String>>;

/// How old what is known may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Freshness {
    /// It is asked right now: something is to be done.
    Now,
    /// It was asked lately: something is only shown.
    Recent,
}

/// What Slack said lately, by the id of the group.
#[derive(Default, Debug)]
pub struct Members(Mutex<HashMap<String, (Tick, People)>>);

impl Members {
    fn known(&self, group: &str, now: Tick) -> Option<People> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked_at, people) = known.get(group)?;
        (now.since(*asked_at) <= KNOWN_FOR).then(|| Arc::clone(people))
    }

    fn learn(&self, group: &str, now: Tick, people: &People) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Groups of an earlier file are forgotten.
        known.retain(|_, (asked_at, _)| now.since(*asked_at) <= KNOWN_FOR);
        known.insert(group.to_owned(), (now, Arc::clone(people)));
    }

    fn forget(&self, group: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(group);
    }
}

impl Chat {
    /// The same person, with the user groups of the file's actions in which Slack says that they are.
    pub(super) async fn with_memberships(&self, asker: Asker, freshness: Freshness) -> Asker {
        let memberships = match (&asker.door, &asker.by.slack_user) {
            (Door::Slack { .. }, Some(user)) => self.memberships(user, freshness).await,
            (Door::Slack { .. }, None) | (Door::Program, _) => None,
        };
        Asker {
            memberships,
            ..asker
        }
    }

    /// Absent if nobody can say, and there is something to say.
    async fn memberships(&self, user: &str, freshness: Freshness) -> Option<Vec<String>> {
        let plan = self.plan.load_full();
        let groups = groups(&plan);
        if groups.is_empty() {
            return Some(Vec::new());
        }
        let voice = voice(&plan)?;
        let asked = groups.iter().take(GROUPS_MAX).map(async |group| {
            let people = self.people_of(group, &voice, freshness).await;
            people.map(|people| people.contains(user).then(|| group.clone()))
        });
        let said = join_all(asked).await;
        let is_all_known = said.iter().all(Option::is_some) && groups.len() <= GROUPS_MAX;
        let memberships: Vec<_> = said.into_iter().flatten().flatten().collect();
        (is_all_known || !memberships.is_empty()).then_some(memberships)
    }

    /// Who is in the user groups that are on call, as Slack says or said lately; none without a bot that could ask.
    pub(super) async fn on_call_groups(&self, board: &Board) -> Groups {
        let plan = self.plan.load_full();
        let Some(voice) = voice(&plan) else {
            return Groups::new();
        };
        let groups = board.on_call.iter();
        let groups: BTreeSet<_> = groups
            .filter_map(|on_call| on_call.user_group.as_ref())
            .collect();
        let asked = groups.into_iter().take(GROUPS_MAX).map(async |group| {
            let people = self.people_of(group, &voice, Freshness::Recent).await;
            let people = people.map(|people| {
                let mut people: Vec<_> = people.iter().cloned().collect();
                people.sort_unstable();
                people
            });
            (group.clone(), people)
        });
        join_all(asked).await.into_iter().collect()
    }

    async fn people_of(&self, group: &str, voice: &Voice, freshness: Freshness) -> Option<People> {
        let now = self.clock.now();
        if freshness == Freshness::Recent
            && let Some(people) = self.members.known(group, now.tick)
        {
            return Some(people);
        }
        let address = voice.base.method(members::METHOD);
        let form = Body::Form(vec![("usergroup", group.to_owned())]);
        let asking = self.sender.bid(&address, &voice.token, now.at, form);
        let said = match timeout(ASKED_WITHIN, asking).await {
            Ok(Ok(answer)) => {
                members::read(&answer).ok_or_else(|| String::from("Slack named nobody"))
            }
            Ok(Err(fault)) => Err(fault.why().to_owned()),
            Err(_late) => Err(format!("no answer within {} ms", ASKED_WITHIN.as_millis())),
        };
        match said {
            Ok(people) => {
                let people = Arc::new(people);
                self.members.learn(group, now.tick, &people);
                Some(people)
            }
            Err(why) => {
                // What was known before says nothing about now.
                self.members.forget(group);
                tracing::warn!(event = "slack.members_unknown", group, %why, "nobody can say who is in a user group; it gives no right");
                None
            }
        }
    }
}

/// The user groups that actions obey, and whose people the file does not name.
fn groups(plan: &Plan) -> BTreeSet<String> {
    let actions = plan.actions.iter();
    let groups = actions.flat_map(|action| action.guard.allow.user_groups.iter().cloned());
    groups.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Tick {
        Tick::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn what_slack_said_holds_for_five_minutes_and_until_it_cannot_be_asked() {
        let members = Members::default();
        let people: People = Arc::new(HashSet::from([String::from("U1")]));
        assert_eq!(members.known("S1", at(0)), None);
        members.learn("S1", at(0), &people);
        assert_eq!(members.known("S1", at(300)), Some(Arc::clone(&people)));
        assert_eq!(members.known("S2", at(300)), None);
        assert_eq!(members.known("S1", at(301)), None);
        members.learn("S2", at(301), &people);
        assert_eq!(
            members.0.lock().unwrap().len(),
            1,
            "what is old is forgotten"
        );
        members.forget("S2");
        assert_eq!(members.known("S2", at(301)), None);
    }
}
