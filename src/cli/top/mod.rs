//! `hekate top`: what the running hekate sees and does, on one screen that goes on.
//!
//! The terminal is given back whatever happens: at the end, at a signal, and by a panic. A hekate that goes away is waited for.

mod feed;
mod figures;
mod screen;
#[cfg(test)]
mod tests;
mod view;

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
    thread,
    time::Duration,
};

use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyEventKind},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc::{Receiver, Sender, channel},
    time::{MissedTickBehavior, interval},
};

use self::{
    feed::Page,
    screen::Paint,
    view::{View, Wish},
};
use super::{
    Exit,
    arguments::{Format, Global},
    ask::{Server, silent, wait},
    terminal::Terminal,
};
use crate::clock::Clock;

/// What the screen waits for.
enum News {
    /// An answer, or why there was none.
    Page(Result<Page, String>),
    /// Everything known of a target, or why nobody said it.
    Details(String, Result<String, String>),
}

/// `hekate top`
pub(super) fn top(global: &Global, every: Duration, terminal: Terminal) -> Exit {
    if terminal.format != Format::Human || !io::stdout().is_terminal() || !io::stdin().is_terminal()
    {
        terminal.complain(
            "`hekate top` draws a screen and reads keys, so it needs a terminal\nhint: `hekate status --watch` prints the grid again and again, \
             `hekate status --format json` is for programs",
        );
        return Exit::Usage;
    }
    let shown = Server::of(global, terminal).and_then(|server| {
        wait(terminal, async {
            // What cannot be reached at all is said where it can be read afterwards.
            let first = match feed::page(&server).await {
                Ok(page) => page,
                Err(why) => return Err(silent(&server, terminal, &why)),
            };
            let paint = Paint {
                has_color: terminal.has_color,
            };
            let shown = ratatui::try_init();
            let shown = match shown {
                Ok(mut screen) => show(&mut screen, server, first, every, paint).await,
                Err(error) => Err(error),
            };
            ratatui::restore();
            shown.map_err(|error| {
                terminal.complain(&format!("the terminal cannot be used: {error}"));
                Exit::Unavailable
            })
        })
    });
    match shown {
        Ok(exit) | Err(exit) => exit,
    }
}

/// Draws until somebody leaves.
async fn show(
    screen: &mut DefaultTerminal,
    server: Server,
    first: Page,
    every: Duration,
    paint: Paint,
) -> io::Result<Exit> {
    let clock = Clock::start();
    let server = Arc::new(server);
    let mut view = View::new(server.address());
    view.take(Ok(first), clock.now().at);
    let mut ended = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let mut keys = typed();
    let (news, mut heard) = channel(4);
    let (wishes, wished) = channel(4);
    let asking = tokio::spawn(ask_on(Arc::clone(&server), every, news.clone(), wished));
    let exit = loop {
        screen.draw(|frame| screen::draw(frame, &mut view, paint, clock.now().at))?;
        tokio::select! {
            key = keys.recv() => match key {
                // Nobody can type any more.
                None => break Exit::Done,
                Some(Event::Key(key)) if key.kind != KeyEventKind::Release => match view.press(key) {
                    Wish::Nothing => {}
                    Wish::Leave => break Exit::Done,
                    // A full queue asks soon anyway.
                    Wish::Refresh => drop(wishes.try_send(())),
                    Wish::Details(target) => {
                        let (server, news) = (Arc::clone(&server), news.clone());
                        tokio::spawn(async move {
                            let details = feed::details(&server, &target).await;
                            // Nobody waits for it only when the screen is gone.
                            let _ = news.send(News::Details(target, details)).await;
                        });
                    }
                },
                // Another size draws anew; nothing else means anything.
                Some(Event::Key(_) | Event::Resize(..) | Event::FocusGained | Event::FocusLost | Event::Mouse(_) | Event::Paste(_)) => {}
            },
            news = heard.recv() => match news {
                Some(News::Page(page)) => view.take(page, clock.now().at),
                Some(News::Details(target, details)) => view.take_details(&target, details),
                None => break Exit::Done,
            },
            _ = ended.recv() => break Exit::Done,
            _ = hung_up.recv() => break Exit::Done,
        }
    };
    asking.abort();
    Ok(exit)
}

/// Asks again and again, and at once when somebody wishes it.
async fn ask_on(
    server: Arc<Server>,
    every: Duration,
    news: Sender<News>,
    mut wished: Receiver<()>,
) {
    let mut times = interval(every);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first is there already.
    times.tick().await;
    loop {
        tokio::select! {
            _ = times.tick() => {}
            wish = wished.recv() => if wish.is_none() { return },
        }
        if news
            .send(News::Page(feed::page(&server).await))
            .await
            .is_err()
        {
            return;
        }
    }
}

/// What is typed. The thread waits in the terminal and ends with the process.
fn typed() -> Receiver<Event> {
    let (keys, typed) = channel(16);
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            if keys.blocking_send(event).is_err() {
                return;
            }
        }
    });
    typed
}
