//! Looks at error budgets: what the store remembers of the targets of an SLO, shown to the judge, off the loops.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use arc_swap::ArcSwap;

use crate::{
    clock::Clock,
    judge::burn::{self, Measured},
    model::{
        Board, Gap, GapKind, LookId, Observation, Outcome, Phases, TargetId, Timestamp, slo::Slo,
    },
    web::MeasuresEach,
};

/// How the error budget of an SLO stands at this time; it waits for the disk.
pub(super) type Budgets = Arc<dyn Fn(&Slo, Timestamp) -> Outcome + Send + Sync>;

/// Reads error budgets from what is measured of the targets of the board.
pub(super) fn budgets(measures: MeasuresEach, board: Arc<ArcSwap<Board>>) -> Budgets {
    Arc::new(move |slo: &Slo, now: Timestamp| {
        let board = board.load_full();
        let rows = board.rows.iter().filter(|row| slo.takes(&row.target));
        let ids: Vec<TargetId> = rows.map(|row| row.target.id.clone()).collect();
        let bounds = burn::bounds(slo.window, now);
        let measured = match measures(&ids, &bounds) {
            Ok(measured) => measured,
            Err(why) => return unread(format!("what is remembered cannot be read: {why}")),
        };
        let measured: Vec<_> = measured
            .into_iter()
            .map(|(id, slis)| Measured {
                title: board
                    .row(&id)
                    .map_or_else(|| id.to_string(), |row| row.target.title()),
                slis,
            })
            .collect();
        burn::judge(slo, &bounds, &measured)
    })
}

/// One look at an error budget, over within `limit`.
pub(super) async fn look(
    look: LookId,
    slo: &Arc<Slo>,
    limit: Duration,
    clock: &Clock,
    budgets: Budgets,
) -> Observation {
    let started = clock.now();
    let slo = Arc::clone(slo);
    let reading = tokio::task::spawn_blocking(move || {
        std::panic::catch_unwind(AssertUnwindSafe(|| budgets(&slo, started.at)))
    });
    let outcome = match tokio::time::timeout(limit, reading).await {
        Ok(Ok(Ok(outcome))) => outcome,
        Ok(Ok(Err(_)) | Err(_)) => Outcome::Unobservable(Gap {
            kind: GapKind::Panicked,
            words: String::from("hekate made a mistake while it counted"),
        }),
        Err(_) => unread(format!("it was not counted within {} s", limit.as_secs())),
    };
    Observation {
        look,
        started,
        finished: clock.now(),
        outcome,
        status: None,
        phases: Phases::default(),
        family: None,
        detail: None,
        extra: None,
    }
}

fn unread(words: String) -> Outcome {
    Outcome::Unobservable(Gap {
        kind: GapKind::OwnResources,
        words,
    })
}
