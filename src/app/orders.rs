//! What the engine wants done because somebody ordered it.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use crate::{
    act::{self, Job},
    clock::Clock,
    engine::{Event, Reread, RereadAnswer, Run},
    model::{
        Extra, LookId, Outcome, Slot,
        action::{Ran, RanResult},
        plan::Question,
    },
    probe::{Freshness, Prober},
};

/// How long a look at who is active may take, right before something is done.
const REREAD_WITHIN: Duration = Duration::from_secs(5);
/// What could not be stored for so long after it was decided is not done any more.
const STORED_WITHIN: Duration = Duration::from_secs(15);

/// Does what is stored as running, and tells the engine how it ended.
pub(super) fn run(run: Run, clock: &Clock, events: mpsc::UnboundedSender<Event>) {
    let attempt = run.attempt;
    if clock.now().tick.since(run.decided) > STORED_WITHIN {
        let ran = Ran {
            attempt,
            result: RanResult::Failed,
            words: String::from("it could not be written down in time, so it was not done"),
            reference: None,
        };
        // Nobody listens any more only while the process ends.
        let _ = events.send(Event::Ran(ran));
        return;
    }
    let job = Job {
        attempt,
        action: run.action,
        target: run.target,
        name: run.name,
        group: run.group,
        asker: run.asker,
        reason: run.reason,
    };
    tracing::info!(
        event = "action.begun",
        %attempt,
        action = %job.action.name,
        target = %job.target,
        by = %job.asker,
        "{} at {}", job.action.title(), job.target,
    );
    tokio::spawn(async move {
        // A panic of ours must not leave it open what became of it.
        let ongoing = events.clone();
        let tell = move |told| {
            // Nobody listens any more only while the process ends.
            let _ = ongoing.send(Event::Ongoing(told));
        };
        let ran = tokio::spawn(act::run(job, tell))
            .await
            .unwrap_or_else(|_panic| Ran {
                attempt,
                result: RanResult::Unknown,
                words: String::from("a fault of hekate; its log says more"),
                reference: None,
            });
        tracing::info!(
            event = "action.ended",
            attempt = %ran.attempt,
            result = ?ran.result,
            reference = ran.reference,
            "{}", ran.words,
        );
        // Nobody listens any more only while the process ends.
        let _ = events.send(Event::Ran(ran));
    });
}

/// Looks at who is active right now, from nothing that is kept.
pub(super) fn reread(reread: Reread, prober: Prober, events: mpsc::UnboundedSender<Event>) {
    tokio::spawn(async move {
        let Reread {
            attempt,
            roles,
            members,
        } = reread;
        let question = Question::Roles(Arc::clone(&roles));
        let asked = look(&prober, &question);
        let spoken = members.iter().map(|(position, target, check)| {
            let prober = &prober;
            async move {
                let question = &target.checks[usize::from(*check)].question;
                match look(prober, question).await {
                    Some(Extra::OwnRole(word)) => Some((*position, word)),
                    Some(Extra::Logs(_) | Extra::Roles(_) | Extra::Ending(_) | Extra::Steps(_))
                    | None => None,
                }
            }
        });
        let (asked, words) = tokio::join!(asked, futures_util::future::join_all(spoken));
        let opinions = match asked {
            Some(Extra::Roles(answer)) => answer.opinions,
            Some(Extra::Logs(_) | Extra::OwnRole(_) | Extra::Ending(_) | Extra::Steps(_))
            | None => Vec::new(),
        };
        let answer = RereadAnswer {
            attempt,
            opinions,
            words: words.into_iter().flatten().collect(),
        };
        // Nobody listens any more only while the process ends.
        let _ = events.send(Event::Reread(answer));
    });
}

/// What a look brought along; nothing if it met our own trouble.
async fn look(prober: &Prober, question: &Question) -> Option<Extra> {
    // No look of the engine has this place, and its answer never gets there.
    let id = LookId {
        slot: Slot(u32::MAX),
        check: 0,
        number: 0,
    };
    let observation = prober
        .look(id, question, REREAD_WITHIN, Freshness::Fresh)
        .await;
    match &observation.outcome {
        Outcome::Unobservable(gap) if gap.kind.is_own() => None,
        Outcome::Unobservable(_)
        | Outcome::Healthy
        | Outcome::Degraded(_)
        | Outcome::Unhealthy(_) => observation.extra.map(|extra| *extra),
    }
}
