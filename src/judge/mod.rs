//! Turns observations into verdicts: pure, total, without a clock.
