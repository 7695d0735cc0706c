//! The simulation: the real engine, the real courier and the real store in virtual time.
//!
//! Nothing waits and nothing is random that a seed does not decide, so a day of a fleet takes milliseconds and every
//! failure can be played again: `HEKATE_SIM_SEED=… cargo test --test sim`. After every step the invariants are checked;
//! at the end everything heals, and whoever was told of a trouble must have heard of its end.

#![expect(
    clippy::print_stdout,
    reason = "a seed has to be seen to be played again"
)]

mod eyes;
mod fleet;
mod invariants;
mod ledger;
mod quality;
mod random;
mod receiver;
mod reference;
mod stories;
mod trace;
mod weather;
mod world;
