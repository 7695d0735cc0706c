//! What a store says while no hekate works with it: a listener's state in which nothing goes on.

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot};

use super::{availability, histories, incidents, limits, times_answers};
use crate::{
    chat::{Chat, Readers},
    clock::Clock,
    engine::{Action, Engine, Settings},
    model::{
        Board, Loaded, Plan,
        lapse::{Lapse, LapseKind},
    },
    notify::sender::{Sender, SenderError},
    store::Reader,
    telemetry::Metrics,
    web::{self, Pulse},
};

/// What was known last, for whoever asks here and now. Nothing is looked at, told or written, and the time since the last word of the store
/// is one in which nobody looked.
///
/// # Errors
///
/// [`SenderError`] if TLS cannot be set up; nothing is sent.
pub(crate) fn still(
    plan: Plan,
    reader: &Reader,
    loaded: Loaded,
) -> Result<web::State, SenderError> {
    let clock = Clock::start();
    let plan = Arc::new(plan);
    let board = Arc::new(ArcSwap::from_pointee(remembered(&plan, loaded, &clock)));
    let sender = Sender::new()?;
    let plan = Arc::new(ArcSwap::new(plan));
    // Nobody is at the other end of whatever could be wished.
    let (reload, _) = mpsc::channel(1);
    let (measured, past) = (reader.clone(), reader.clone());
    let chat = Chat {
        board: Arc::clone(&board),
        plan: Arc::clone(&plan),
        metrics: Arc::new(Metrics::new()),
        clock,
        incidents: incidents(reader.clone()),
        histories: histories(reader.clone()),
        measures: availability::measures(reader.clone(), Arc::clone(&plan), Arc::clone(&board)),
        glances: Arc::new(|_| oneshot::channel().1),
        by_hand: Arc::default(),
        wishes: Arc::new(|_, _| oneshot::channel().1),
        orders: Arc::new(|_, _| oneshot::channel().1),
        marked: Arc::new(|_| {}),
        readers: Readers::default(),
        sender,
        tell: Arc::new(|_| {}),
        losses: Arc::default(),
        pressed: Arc::default(),
        hall: Arc::default(),
        members: Arc::default(),
        turn: Arc::default(),
    };
    Ok(web::State {
        chat,
        pulse: Arc::new(Pulse::new(Duration::MAX)),
        reload,
        push: Arc::new(|_| false),
        ping: Arc::new(|_, _| oneshot::channel().1),
        role_said: Arc::new(|_, _| {}),
        measures_each: availability::measures_each(measured, plan, board),
        times_answers: times_answers(reader.clone()),
        past: Arc::new(move |since, limit| {
            let read = past.incidents(since, limit);
            read.map_err(|error| error.to_string())
        }),
    })
}

/// The board as an engine shows it that begins with this, before anything happens.
fn remembered(plan: &Arc<Plan>, loaded: Loaded, clock: &Clock) -> Board {
    let now = clock.now();
    let board = Board::of(plan, now.at, None);
    let (last_at, mut lapses) = (loaded.last_at, loaded.lapses.clone());
    lapses.extend(last_at.map(|from| Lapse {
        from,
        until: None,
        kind: LapseKind::Away,
        words: String::from("hekate was not running"),
    }));
    board.ourselves.rcu(|ourselves| {
        let mut ourselves = (**ourselves).clone();
        ourselves.lapses.clone_from(&lapses);
        ourselves
    });
    let settings = Settings {
        seed: 0,
        looks_max: limits::looks_at_once(plan),
    };
    let (_engine, actions) = Engine::start(Arc::clone(plan), loaded, settings, now);
    show(&board, actions);
    if let Some(at) = last_at {
        for row in &board.rows {
            row.set_looked(at, Duration::ZERO);
        }
    }
    board
}

/// Puts on the board what is to be shown, and leaves everything else.
fn show(board: &Board, actions: Vec<Action>) {
    let mut places = HashMap::new();
    for action in actions {
        match action {
            Action::Placed(slot, id) => {
                places.insert(slot, board.row(&id));
            }
            Action::Show(slot, facts) => {
                if let Some(Some(row)) = places.get(&slot) {
                    row.set_facts(*facts);
                }
            }
            Action::ShowLog(slot, facts) => {
                if let Some(Some(row)) = places.get(&slot) {
                    row.set_log(facts);
                }
            }
            Action::ShowRole(slot, facts) => {
                if let Some(Some(row)) = places.get(&slot) {
                    row.set_role(facts);
                }
            }
            Action::ShowJob(slot, facts) => {
                if let Some(Some(row)) = places.get(&slot) {
                    row.set_job(facts);
                }
            }
            Action::ShowAgenda(agenda) => board.agenda.store(agenda),
            Action::Vacated(_)
            | Action::Look(_)
            | Action::Commit(_)
            | Action::Noted(_, _)
            | Action::Looked(_)
            | Action::Heard(_)
            | Action::LookTrouble(_)
            | Action::AskWitnesses(_)
            | Action::Blind(_)
            | Action::Answer(_, _)
            | Action::Ordered(_, _)
            | Action::Reread(_)
            | Action::Run(_) => {}
        }
    }
}
