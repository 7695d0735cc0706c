//! What real servers answer, and what real programs write, read by the real reader.
//!
//! `.ci/servers` installs them. Where one is missing its tests say so on standard error and pass; with
//! `HEKATE_REQUIRE_SERVERS=1` they fail instead.

mod health_django;
mod health_proxies;
mod health_terminus;
mod log_metrics;
mod logs;
mod logs_files;
mod logs_journal;
mod roles;
mod roles_dns;
mod roles_haproxy;
mod roles_nginx;
mod roles_traefik;
mod servers;
