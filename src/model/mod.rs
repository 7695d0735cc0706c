//! The words of the product as types: data only, no clock, no socket, no file, no decision.
//!
//! A **target** is what runs; a **check** is a configured question about it; a **look** is one asking, and an
//! [`Observation`] is what it brought back. The judge turns observations into a [`Verdict`]; a change of verdict is a
//! [`Transition`]; the span people are told about is an [`Incident`]; one message owed to one channel is an [`Entry`]
//! of the outbox. A [`Batch`] is everything that one decision changes, and is stored whole or not at all.

pub mod action;
pub mod batch;
pub mod board;
pub mod calendar;
pub mod cause;
pub mod discovery;
pub mod health;
pub mod heartbeat;
pub mod http;
pub mod incident;
pub mod job;
pub mod judgement;
pub mod lapse;
pub mod latency;
pub mod living;
pub mod logs;
pub mod metrics;
pub mod names;
pub mod notification;
pub mod observation;
pub mod page;
pub mod pauses;
pub mod plan;
pub mod planned;
pub mod quiet_hours;
pub mod release;
pub mod replies;
pub mod roles;
pub mod rota;
pub mod secret;
pub mod slo;
pub mod steps;
pub mod text;
pub mod time;
pub mod transition;
pub mod unrest;
pub mod verdict;
pub mod wire;
pub mod witness;

pub use batch::{Batch, CheckRecord, Finished, Loaded, Memory};
pub use board::Board;
pub use health::{Component, ComponentState, Family};
pub use incident::{Incident, Outage, Told, ToldFlapping};
pub use judgement::{Policy, Proof, Seen, State};
pub use living::{Living, Spot};
pub use names::{
    ChannelName, CheckId, CheckKind, GroupName, IncidentId, LookId, OnCallName, Slot, SourceName,
    TargetId,
};
pub use notification::{Delivery, Entry, EntryKey, EntryState, Kind, Story};
pub use observation::{
    Degradation, DegradationKind, Detail, Ending, Extra, Failure, FailureClass, FailureKind, Gap,
    GapKind, Observation, Outcome, Phases,
};
pub use plan::{Channel, Check, Group, Plan, Route, Severity, Target};
pub use secret::Secret;
pub use time::{Moment, Tick, Timestamp};
pub use transition::Transition;
pub use verdict::{Reason, Rule, Verdict};
