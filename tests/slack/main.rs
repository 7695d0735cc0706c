//! What Slack is sent: every kind of message and every size of grid as a file that Slack's Block Kit Builder can show,
//! checked against Slack's rules, and against everything hostile that a target could say.

mod actions;
mod controls;
mod golden;
mod home;
mod hostile;
mod limits;
mod living;
mod manifests;
mod planned;
mod rules;
mod sought;
mod types;
mod world;
