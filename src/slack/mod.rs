//! How it looks in Slack: messages, grid, limits, signatures. Formats of Slack live only here.
