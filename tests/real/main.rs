//! What real servers answer, read by the real reader.
//!
//! `.ci/servers` installs them. Where one is missing its tests say so on standard error and pass; with
//! `HEKATE_REQUIRE_SERVERS=1` they fail instead.

mod health_django;
mod health_proxies;
mod health_terminus;
mod log_metrics;
mod servers;
