//! What people want done, on its way from Slack to the engine and back.

use std::time::Duration;

use rand::{RngExt as _, rngs::StdRng};
use tokio::time::timeout;

use super::{Chat, Speaker, members::Freshness, problem};
use crate::{
    command::{Reply, act},
    model::{
        Board, TargetId, Timestamp,
        action::{Answered, Asker, Order},
    },
};

/// How long it may take until what follows from an order is stored; Slack waits 3 s for all of it.
pub(super) const ORDER_LIMIT: Duration = Duration::from_secs(2);
/// Letters of the word that confirms: those that nobody takes for others.
const LETTERS: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// So many of them: nobody guesses one of 28 million within a minute, and only the right person may use it anyway.
const NONCE_LETTERS: usize = 5;

impl Chat {
    /// Does what somebody confirmed by a button or a form, or typed: `nonce` is the word of the question, `typed` the name of the
    /// target, if it was typed. What was confirmed before is not done a second time.
    ///
    /// Absent if nobody answered in time; then it may or may not have been done.
    pub async fn confirm(&self, nonce: &str, who: Asker, typed: Option<&str>) -> Option<Answered> {
        let order = Order::Confirm {
            nonce: nonce.to_owned(),
            typed: typed.map(str::to_owned),
            why: None,
        };
        self.give(order, who, ORDER_LIMIT).await
    }

    /// Takes back what somebody asked for, by the word of the question.
    ///
    /// Absent if nobody answered in time.
    pub async fn cancel(&self, nonce: &str, who: Asker) -> Option<Answered> {
        let order = Order::Cancel {
            nonce: nonce.to_owned(),
        };
        self.give(order, who, ORDER_LIMIT).await
    }

    /// What became of an order; absent if nobody said so within the limit. In which user groups they are is asked of Slack first.
    pub async fn give(&self, order: Order, who: Asker, limit: Duration) -> Option<Answered> {
        let order = match order {
            Order::Ask(ask) if ask.nonce.is_empty() => Order::Ask(crate::model::action::Ask {
                nonce: nonce(),
                ..ask
            }),
            other @ (Order::Ask(_)
            | Order::Confirm { .. }
            | Order::Recall { .. }
            | Order::Cancel { .. }) => other,
        };
        let who = self.with_memberships(who, Freshness::Now).await;
        timeout(limit, (self.orders)(order, who)).await.ok()?.ok()
    }

    /// The answer to an order, for people: what became of it, or that nobody knows.
    pub fn answered(&self, answer: Option<&Answered>, command: &str) -> Reply {
        match answer {
            Some(answer) => act::answered(answer, &self.board.load(), command),
            None => problem(
                "it may or may not have been done, for hekate did not answer in time",
                "look before you try again",
            ),
        }
    }

    /// What became of what somebody typed.
    pub(super) async fn ordered(&self, order: Order, speaker: &Speaker, command: &str) -> Reply {
        let asked = self.clock.now().tick;
        let order = match order {
            Order::Ask(ask) => Order::Ask(crate::model::action::Ask {
                trigger: speaker.trigger.clone(),
                reason_may_follow: self.has_forms(),
                ..ask
            }),
            other @ (Order::Confirm { .. } | Order::Recall { .. } | Order::Cancel { .. }) => other,
        };
        let answer = self.give(order, speaker.asker.clone(), ORDER_LIMIT).await;
        let reply = self.answered(answer.as_ref(), command);
        self.with_form(reply, answer.as_ref(), speaker, asked).await
    }

    /// `show tasks`
    pub(super) async fn tasks(
        &self,
        board: &Board,
        target: &TargetId,
        asker: &Asker,
        command: &str,
        now: Timestamp,
    ) -> Reply {
        match board.row(target) {
            Some(row) => {
                let asker = self
                    .with_memberships(asker.clone(), Freshness::Recent)
                    .await;
                Reply::Said(act::tasks(board, row, &asker, now, command))
            }
            None => self.answered(None, command),
        }
    }
}

/// A word that nobody knew before.
fn nonce() -> String {
    let mut chance: StdRng = rand::make_rng();
    let letter = |_| char::from(LETTERS[chance.random_range(0..LETTERS.len())]);
    (0..NONCE_LETTERS).map(letter).collect()
}
