//! The two ways on which people in Slack ask: signed requests, and connections that hekate holds.

use super::{
    home::Home,
    slash::let_in,
    socket_mode::stand_in::{StandIn, TOKEN},
};

/// The way on which people ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Door {
    Request,
    Connection,
}

impl Door {
    /// What the section `slack` says of it, with the variable that it needs.
    pub(crate) fn key(self, home: &mut Home) -> &'static str {
        match self {
            Self::Request => {
                let_in(home);
                "signing_secret: \"${SIGNING_SECRET}\""
            }
            Self::Connection => {
                home.set("APP_TOKEN", TOKEN);
                "app_token: \"${APP_TOKEN}\""
            }
        }
    }

    /// Waits until people can ask.
    pub(crate) async fn is_open(self, slack: &StandIn) {
        match self {
            Self::Request => {}
            Self::Connection => drop(slack.has_lines(2).await),
        }
    }
}
