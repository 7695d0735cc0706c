//! The simulation: the real engine, the real courier and the real store in virtual time.
//!
//! Nothing waits and nothing is random that a seed does not decide, so a day of a fleet takes milliseconds and every
//! failure can be played again: `HEKATE_SIM_SEED=… cargo test --test sim`. After every step the invariants are checked;
//! at the end everything heals, and whoever was told of a trouble must have heard of its end.
//!
//! `HEKATE_SIM_SEEDS=1000000 cargo test --release --test sim whatever_happens` plays a million worlds, from a seed that
//! it prints or from `HEKATE_SIM_FIRST`; it goes on after a world that fails and names all of them in the end. Two runs of
//! a seed do the same to the last byte: `HEKATE_SIM_SEED=…` prints a fingerprint of all that was done.
//!
//! [`quality`] plays years of worlds of which everything is known; `docs/signal-quality.md` has its numbers.

#![expect(
    clippy::print_stdout,
    reason = "a seed has to be seen to be played again"
)]

mod eyes;
mod fleet;
mod invariants;
mod ledger;
mod parents;
mod planned;
mod quality;
mod quiet;
mod random;
mod receiver;
mod reference;
mod stories;
mod trace;
mod weather;
mod world;
