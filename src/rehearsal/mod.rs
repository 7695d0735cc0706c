//! What would happen: the rules of a file tried out before they wake anybody.
//!
//! [`routing`] says which route would be taken, and [`later`] who would hear of it only later. [`stage`] lets the real engine and the real courier live through a script in
//! virtual time, in front of a [`scenery`] that answers every look; [`review`] compares what came of it with what
//! was expected. [`retrial`] judges what is stored of the past by other rules: for [`noise`], which proposes a limit where false
//! alarms were, and for [`replay`], which puts what another file would have told beside what was told. [`weekly`] counts what a time was like. Nothing in here looks at anything, sends anything, or reads a clock.

pub mod later;
pub mod noise;
pub mod open;
pub mod past;
mod people;
pub mod replay;
pub mod retrial;
pub mod review;
pub mod routing;
pub mod scenery;
pub mod stage;
#[cfg(test)]
mod tests;
pub mod weekly;
pub mod words;
