//! Where people speak to the bot: who is in already, how many may be, and what Slack said of who the bot is.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore};

use super::{Seen, Strangers, Tell, canned::SaidLately, stranger::reported};
use crate::{
    model::{Secret, Tick},
    slack::{
        event::{Event, Happening, Identity, Venue},
        origin::{Foreign, Origin},
    },
};

/// After somebody has waited in vain to hear who the bot is, nobody waits for so long.
const NOT_ASKED_FOR: Duration = Duration::from_mins(1);
/// So many may be answered at once.
const PLACES: usize = 32;
/// What Slack says of one place and not of the bot: another place may well be answered.
const OF_ONE_PLACE: [&str; 8] = [
    "channel_not_found",
    "not_in_channel",
    "is_archived",
    "user_not_in_channel",
    "thread_not_found",
    "cannot_reply_to_message",
    "message_not_found",
    "restricted_action",
];

/// What is known of who the bot is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Known {
    /// This one.
    Is(Identity),
    /// Somebody is asking just now.
    Asked,
    /// Nobody has asked, or nobody could say.
    Nobody,
}

/// What is remembered of those who speak to the bot.
pub struct Hall {
    seen: Mutex<Seen>,
    places: Arc<Semaphore>,
    /// Who the bot with this token is.
    known: AsyncMutex<Option<(Secret, Identity)>>,
    /// Which canned replies were said where.
    pub(super) said_lately: SaidLately,
    /// Why Slack lets the bot say nothing, as it was told.
    refused: Mutex<Option<String>>,
    tell: Tell,
    /// Who came from elsewhere in the last hour, as it was told.
    foreign: Mutex<Seen>,
    strangers: Strangers,
    /// When somebody last waited in vain to hear who the bot is.
    in_vain_at: Mutex<Option<Tick>>,
}

impl Hall {
    /// Nobody is there yet; `tell` hears when Slack lets the bot say nothing, and when that is over, `strangers` of whoever comes from
    /// elsewhere.
    pub fn new(tell: Tell, strangers: Strangers) -> Self {
        Self {
            seen: Mutex::default(),
            places: Arc::new(Semaphore::new(PLACES)),
            known: AsyncMutex::default(),
            said_lately: SaidLately::default(),
            refused: Mutex::default(),
            tell,
            foreign: Mutex::default(),
            strangers,
            in_vain_at: Mutex::default(),
        }
    }

    /// A place for one more, as long as it is held; absent if there is none.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Whether neither this event nor the same message in another one came before.
    pub(super) fn is_first(&self, happening: &Happening, now: Tick) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = seen.insert(format!("event {}", happening.id), now);
        let is_unheard = match &happening.event {
            // Words in a place of two people that mention the bot may come as two events.
            Event::Said(said) => {
                // An ordinary message that mentions the bot comes as a mention too, which must not be taken for its repeat.
                let how = match said.venue {
                    Venue::Channel | Venue::Direct => "said",
                    Venue::Overheard => "overheard",
                };
                seen.insert(format!("{how} {} {}", said.channel_id, said.ts), now)
            }
            Event::HomeOpened { .. } | Event::NotForUs(_) | Event::Other { .. } => true,
        };
        is_new && is_unheard
    }

    /// Who the bot with this token is: as it is known, or as `ask` says. Those who come together ask once.
    pub(super) async fn identity<E>(
        &self,
        token: &Secret,
        ask: impl AsyncFnOnce() -> Result<Identity, E>,
    ) -> Result<Identity, E> {
        let mut known = self.known.lock().await;
        if let Some((of, identity)) = &*known
            && of == token
        {
            return Ok(identity.clone());
        }
        let identity = ask().await?;
        *known = Some((token.clone(), identity.clone()));
        Ok(identity)
    }

    /// Who the bot with this token is, as far as it is known by now.
    pub(super) fn known_identity(&self, token: &Secret) -> Known {
        let Ok(known) = self.known.try_lock() else {
            return Known::Asked;
        };
        match &*known {
            Some((of, identity)) if of == token => Known::Is(identity.clone()),
            Some(_) | None => Known::Nobody,
        }
    }

    /// The same for somebody who waits: once this was in vain, nobody asks for a while, not even those who wait already. A question
    /// of the start that is still under way and fails is no such thing: it is asked once more.
    ///
    /// # Errors
    ///
    /// What `ask` says; nothing if it was in vain for somebody else.
    pub(super) async fn identity_for_waiting<E>(
        &self,
        token: &Secret,
        now: impl Fn() -> Tick,
        ask: impl AsyncFnOnce() -> Result<Identity, E>,
    ) -> Result<Identity, Option<E>> {
        self.identity(token, async || {
            if self.was_in_vain(now()) {
                return Err(None);
            }
            ask().await.map_err(|error| {
                self.in_vain(now());
                Some(error)
            })
        })
        .await
    }

    /// Somebody waited in vain to hear who the bot is.
    pub(super) fn in_vain(&self, now: Tick) {
        let mut at = self
            .in_vain_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *at = Some(now);
    }

    /// Whether somebody did so lately.
    pub(super) fn was_in_vain(&self, now: Tick) -> bool {
        let at = self
            .in_vain_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        at.is_some_and(|at| now.since(at) < NOT_ASKED_FOR)
    }

    /// Something came from elsewhere; told once an hour for each place.
    pub(super) fn stranger(&self, why: Foreign, origin: &Origin, now: Tick) {
        let words = reported(why, origin);
        let mut foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        if foreign.insert(words.clone(), now) {
            (self.strangers)(&words);
        }
    }

    /// Slack refused something for good; told once, unless it is about one place only.
    pub(super) fn refused(&self, why: &str) {
        if OF_ONE_PLACE.iter().any(|word| why.starts_with(word)) {
            return;
        }
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.as_deref() != Some(why) {
            *refused = Some(why.to_owned());
            (self.tell)(Some(why));
        }
    }

    /// Slack took something.
    pub(super) fn taken(&self) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.take().is_some() {
            (self.tell)(None);
        }
    }
}

impl Default for Hall {
    /// Nobody hears of refusals or of strangers: for tests.
    fn default() -> Self {
        Self::new(Arc::new(|_| {}), Arc::new(|_| {}))
    }
}

impl fmt::Debug for Hall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hall")
            .field("free", &self.places.available_permits())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_refusal_of_the_bot_is_told_once_and_so_is_its_end() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hall = Hall::new(
            {
                let told = Arc::clone(&told);
                Arc::new(move |why| told.lock().unwrap().push(why.map(str::to_owned)))
            },
            Arc::new(|_| {}),
        );
        hall.taken();
        hall.refused("not_in_channel: invite it");
        hall.refused("missing_scope: a right");
        hall.refused("missing_scope: a right");
        hall.taken();
        hall.taken();
        hall.refused("missing_scope: a right");
        let why = Some(String::from("missing_scope: a right"));
        assert_eq!(*told.lock().unwrap(), [why.clone(), None, why]);
    }

    #[tokio::test]
    async fn who_the_bot_is_is_asked_once_for_each_token_and_again_after_a_failure() {
        let hall = Hall::default();
        let mut asked = 0;
        for (token, answer) in [
            ("a", None),
            ("a", Some("U1")),
            ("a", None),
            ("b", Some("U2")),
        ] {
            let found = hall
                .identity(&Secret::new(token), async || {
                    asked += 1;
                    answer.map(identity).ok_or(())
                })
                .await;
            let found = found.map(|identity| identity.user_id);
            match (token, asked) {
                ("a", 1) => assert_eq!(found, Err(())),
                ("a", _) => assert_eq!(found.as_deref(), Ok("U1")),
                _ => assert_eq!(found.as_deref(), Ok("U2")),
            }
        }
        assert_eq!(asked, 3);
        let known = |token| hall.known_identity(&Secret::new(token));
        assert_eq!(known("b"), Known::Is(identity("U2")));
        assert_eq!(known("a"), Known::Nobody);
        let asking = hall.known.lock().await;
        assert_eq!(known("b"), Known::Asked);
        drop(asking);
    }

    #[tokio::test]
    async fn a_question_of_the_start_that_fails_is_asked_once_more_and_no_oftener() {
        let hall = Hall::default();
        let token = Secret::new("a");
        for (answer, asked_in_all) in [(None, 1), (Some("U1"), 1)] {
            hall.in_vain_at.lock().unwrap().take();
            let (fails, failed) = tokio::sync::oneshot::channel::<()>();
            let start = hall.identity(&token, async || {
                failed.await.unwrap();
                Err(())
            });
            let asked = AtomicUsize::new(0);
            let waiting = || {
                hall.identity_for_waiting(
                    &token,
                    || Tick::ZERO,
                    async || {
                        asked.fetch_add(1, Ordering::Relaxed);
                        answer.map(identity).ok_or(())
                    },
                )
            };
            let end = async {
                tokio::task::yield_now().await;
                assert_eq!(hall.known_identity(&token), Known::Asked);
                fails.send(()).unwrap();
            };
            let (start, first, second, third, ()) =
                tokio::join!(start, waiting(), waiting(), waiting(), end);
            assert_eq!(start, Err(()));
            assert_eq!(asked.into_inner(), asked_in_all);
            let (own, others) = match answer.map(identity) {
                Some(known) => (Ok(known.clone()), Ok(known)),
                None => (Err(Some(())), Err(None)),
            };
            assert_eq!((first, &second, &third), (own, &others, &others));
        }
    }

    fn identity(user: &str) -> Identity {
        Identity {
            user_id: user.to_owned(),
            team_id: String::from("T1"),
            enterprise_id: None,
            app_id: None,
        }
    }
}
