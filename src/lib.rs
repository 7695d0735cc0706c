//! hekate watches health endpoints and tells Slack only when something changed.
//!
//! The modules, in the order in which data passes them:
//!
//! * [`config`] reads `targets.yaml` and checks it: a [`model::Plan`], or every mistake with its place.
//! * [`schedule`] knows who is due; [`probe`] looks at one target and brings an [`model::Observation`].
//! * [`judge`] turns observations into verdicts; [`route`] knows who hears of it; [`engine`] joins the three and says
//!   what to store and to tell. All of these are plain functions of what they are given.
//! * [`store`] keeps every change; [`notify`] empties the outbox; [`slack`] is how it looks.
//! * [`rehearsal`] plays all of this in virtual time: which route would be taken, what a script would lead to, what other
//!   rules would have made of the past.
//! * [`import`] writes a `targets.yaml` from the files of other programs.
//! * [`command`] answers people from the [`model::Board`]; [`chat`] does it in Slack, [`web`] lets everybody else ask; [`telemetry`]
//!   counts and logs.
//! * [`app`] wires it all together, and [`cli`] is what one types. With the feature `demo`, `demo` plays a pretend fleet
//!   and a pretend Slack around the real thing, and `preview` shows what Slack would show.
//! * With the feature `fuzz`, `fuzz` has all that strangers write as functions of bytes, for the programs in the folder `fuzz`.

pub mod act;
pub mod app;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod command;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod engine;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod import;
pub mod judge;
pub mod model;
pub mod notify;
pub mod page;
#[cfg(feature = "demo")]
pub mod preview;
pub mod probe;
pub mod rehearsal;
pub mod route;
pub mod schedule;
pub mod slack;
#[cfg(feature = "socket_mode")]
pub mod socket;
pub mod store;
pub mod telemetry;
pub mod web;
