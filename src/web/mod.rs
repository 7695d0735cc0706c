//! The HTTP server: slash command, API, metrics, liveness.
