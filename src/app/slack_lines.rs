//! The connections over which Slack asks us: who hears when there are none.

use std::sync::Arc;

use super::{Shared, seed};
use crate::{
    chat::Chat,
    engine::{Event, Trouble},
    socket::{Outside, run},
};

/// Holds them as long as the plan wants them.
pub(super) fn hold(shared: &Shared, chat: Chat) -> impl Future<Output = ()> + Send + use<> {
    let (board, clock, events) = (
        Arc::clone(&shared.board),
        shared.clock.clone(),
        shared.events.clone(),
    );
    let tell = move |why: Option<&str>| {
        let at = clock.now().at;
        board.load().ourselves.rcu(|ourselves| {
            let mut ourselves = (**ourselves).clone();
            let since = ourselves.slack_trouble.as_ref().map_or(at, |(_, at)| *at);
            ourselves.slack_trouble = why.map(|why| (why.to_owned(), since));
            ourselves
        });
        let trouble = Trouble {
            key: String::from("slack"),
            is_over: why.is_none(),
            title: String::from("slash commands are not answered"),
            words: why.unwrap_or_default().to_owned(),
            not_to: None,
        };
        // Nobody listens any more only while the process ends.
        let _ = events.send(Event::Troubled(trouble));
    };
    let outside = Outside {
        chat,
        sender: shared.sender.clone(),
        tell: Arc::new(tell),
        seed: seed(),
    };
    run(outside, shared.reloaded.subscribe())
}
