//! How it looks in Slack: messages, the grid, answers to commands, their limits, and what Slack sends us.
//!
//! Formats of Slack live only here. Every function is plain: the time is an argument and nothing is sent.
//!
//! Foreign text (bodies, component messages, headers) is put only where Slack parses nothing: into `rich_text` and
//! `plain_text`. The one exception is the top-level `text`, which Slack shows in notifications; there it goes through
//! [`mrkdwn::neutral`], after which nothing in it can mention, link or format.

pub mod api;
pub mod block;
pub mod command;
pub mod control;
pub mod event;
pub mod form;
pub mod grid;
pub mod home;
pub mod interaction;
pub mod look;
pub mod manifest;
pub mod members;
pub mod message;
pub mod mrkdwn;
pub mod origin;
pub mod payload;
pub mod reply;
pub mod signature;
pub mod socket;
mod sought;

pub use payload::{Attachment, Audience, Message};
