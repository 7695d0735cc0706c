//! What would happen: the rules of a file tried out before they wake anybody.
//!
//! [`routing`] says which route would be taken. [`stage`] lets the real engine and the real courier live through a script in
//! virtual time, in front of a [`scenery`] that answers every look; [`review`] compares what came of it with what
//! was expected. Nothing in here looks at anything, sends anything, or reads a clock.

pub mod review;
pub mod routing;
pub mod scenery;
pub mod stage;
#[cfg(test)]
mod tests;
