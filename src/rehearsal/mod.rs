//! What would happen: the rules of a file tried out before they wake anybody.
//!
//! [`routing`] says which route would be taken. Nothing in here looks at anything, sends anything, or reads a clock.

pub mod routing;
