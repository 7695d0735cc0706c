//! How long a grid takes to render: `cargo bench --bench grid`.
//!
//! The wish is at most 2 ms for 1,000 targets, so that an answer within Slack's three seconds never depends on it.

#[path = "../tests/slack/world.rs"]
#[expect(dead_code, reason = "the tests need more of this world")]
mod world;

use std::time::Duration;

use hekate::slack::grid;

const ROUNDS: u32 = 200;

#[expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and prints what it says"
)]
fn main() {
    for (name, board) in [
        ("1,000 targets", world::fleet(1_000, 25)),
        ("2,000 targets", world::fleet(2_000, 20)),
        ("1,000 targets, all down", world::disaster(1_000, 25)),
        ("2,000 targets, all down", world::disaster(2_000, 20)),
    ] {
        let mut best = Duration::MAX;
        let mut total = Duration::ZERO;
        for _ in 0..ROUNDS {
            let start = std::time::Instant::now();
            let status = world::status(&board);
            let json = grid::render(&status, &world::OPTIONS).to_json().to_string();
            let took = start.elapsed();
            assert!(!json.is_empty());
            best = best.min(took);
            total += took;
        }
        println!(
            "{name}: {:?} in the middle, {best:?} at best (facts, grid and JSON)",
            total / ROUNDS
        );
    }
}
