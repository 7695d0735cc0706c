//! What receivers of actions do, and what members say of their own role right before something is done.

use std::time::Duration;

use super::{A_MOMENT, Scenery};
use crate::{
    config::script::Receiving,
    model::{
        GroupName, TargetId,
        action::{Action, Call, RanResult},
        text::span,
    },
};

/// What the receiver of an action does from now on.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) answers: Receiving,
    pub(super) took: Option<Duration>,
    pub(super) says: Option<String>,
    pub(super) step: usize,
}

impl Scenery {
    /// What a member says of its own role; absent while our network is away.
    pub(in crate::rehearsal) fn own_role(
        &self,
        group: &GroupName,
        target: &TargetId,
    ) -> Option<String> {
        let active = self.active.get(group);
        let is_active = active.is_some_and(|active| active.contains(target));
        self.is_network_up.then(|| is_active.to_string())
    }

    /// What becomes of something that is to be done, and after how long.
    pub(in crate::rehearsal) fn run(&mut self, action: &Action) -> (Duration, RanResult, String) {
        let known = self.runs.get(&action.name);
        if let Some(known) = known {
            self.met.insert(known.step);
        }
        let limit = match &action.call {
            Call::Http(call) => call.timeout,
            Call::Jenkins(call) => call.build_limit,
            // hekate does it without asking anybody.
            Call::Own(_) => A_MOMENT,
        };
        let took = known.and_then(|known| known.took).unwrap_or(A_MOMENT);
        let says = known.and_then(|known| known.says.clone());
        let words = |usual: &str| says.clone().unwrap_or_else(|| usual.to_owned());
        if !self.is_network_up {
            return (A_MOMENT, RanResult::Failed, String::from("no connection"));
        }
        match known.map_or(Receiving::Ok, |known| known.answers) {
            Receiving::Ok => (took, RanResult::Done, words("HTTP 200")),
            Receiving::Error => (took, RanResult::Failed, words("HTTP 500")),
            Receiving::Refused => (took, RanResult::Failed, words("connection refused")),
            Receiving::Unauthorised => (took, RanResult::Failed, words("HTTP 401")),
            Receiving::Throttled => (took, RanResult::Failed, words("HTTP 429")),
            Receiving::Silent => {
                let usual = format!("no answer within {}", span(limit));
                (limit, RanResult::Unknown, words(&usual))
            }
        }
    }
}
