//! Empties the outbox: the courier and the kinds of receivers.
//!
//! * [`courier`] decides what is sent when. It is plain and synchronous: it is told what time it is, what was
//!   committed and what became of each attempt, and it answers with what to store and what to send.
//! * [`sender`] carries out one attempt; [`answer`] says what the receiver's answer means.
//! * `slack_api` calls what is no channel: Slack's methods, and the addresses of late answers.
//! * [`errand`] is what a bot of Slack does for one attempt: it may take several requests.
//! * [`signed`] is the form for receivers that are not Slack.
//! * [`dead_man`] tells an outside service that we are alive, only while we really are.

pub mod answer;
pub mod courier;
pub mod dead_man;
pub mod errand;
pub mod sender;
pub mod signed;
mod slack_api;

pub use slack_api::{Heard, Said};
