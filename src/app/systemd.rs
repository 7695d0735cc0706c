//! What systemd is told: ready, alive, stopping. Without systemd all of it does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::model::Tick;

/// Feeds systemd's watchdog from the engine loop, so that a stuck loop is restarted.
#[derive(Debug, Default)]
pub(super) struct Watchdog {
    every: Option<Duration>,
    fed: Tick,
}

impl Watchdog {
    /// Reads from the environment whether systemd wants to be fed.
    pub(super) fn of_environment() -> Self {
        Self {
            every: sd_notify::watchdog_enabled().map(|limit| limit / 2),
            fed: Tick::ZERO,
        }
    }

    /// Feeds it if it is time.
    pub(super) fn feed(&mut self, now: Tick) {
        if let Some(every) = self.every
            && now.since(self.fed) >= every
        {
            self.fed = now;
            tell(&[NotifyState::Watchdog]);
        }
    }
}

/// We are ready, and what for.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// We are ending.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd could not be told");
    }
}
