//! What hekate says of itself: its metrics and its log.

mod log;
mod metrics;
mod process;
mod slack;
#[cfg(test)]
mod tests;

pub use log::{LogError, LogFormat, init_logging};
pub use metrics::{Answer, METRICS_CONTENT_TYPE, Metrics};
pub use slack::{Fate, LineEnd};
