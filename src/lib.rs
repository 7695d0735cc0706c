//! hekate watches health endpoints and tells Slack only when something changed.
//!
//! The modules, in the order in which data passes them:
//!
//! * [`config`] reads `targets.yaml` and checks it: a [`model::Plan`], or every mistake with its place.
//! * [`schedule`] knows who is due; [`probe`] looks at one target and brings an [`model::Observation`].
//! * [`judge`] turns observations into verdicts; [`route`] knows who hears of it; [`engine`] joins the three and says
//!   what to store and to tell. All of these are plain functions of what they are given.
//! * [`store`] keeps every change; [`notify`] empties the outbox; [`slack`] is how it looks.
//! * `preview` (feature `demo`) shows it as a web page.
//! * [`command`] answers people from the [`model::Board`]; [`web`] lets them ask; [`telemetry`] counts and logs.

pub mod clock;
pub mod command;
pub mod config;
pub mod engine;
pub mod judge;
pub mod model;
pub mod notify;
#[cfg(feature = "demo")]
pub mod preview;
pub mod probe;
pub mod route;
pub mod schedule;
pub mod slack;
pub mod store;
pub mod telemetry;
pub mod web;
