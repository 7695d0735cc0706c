//! hekate.
fn main() {}
