//! `steps:` a short scenario: requests in order, of which each may use what the answers before it brought.

use std::time::Duration;

use serde_json_path::JsonPath;

use super::{
    http::{HttpQuestion, Pattern},
    secret::Secret,
};

/// `steps:` requests in order.
#[derive(Clone, PartialEq, Debug)]
pub struct StepsQuestion {
    /// The steps, 1 to [`StepsQuestion::STEPS_MAX`]; those that clean up are last, and the first is none of them.
    pub steps: Vec<Step>,
}

impl StepsQuestion {
    /// The most steps.
    pub const STEPS_MAX: usize = 20;
}

/// One request of a scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// `name:` what people call it.
    pub name: Option<String>,
    /// `http:` what is asked and expected. `{{name}}` in headers, credentials and body stands for a value that an earlier
    /// step extracted.
    pub request: HttpQuestion,
    /// The address as it is written, if values are put into it; that of `request` has others in their places then.
    pub address: Option<Secret>,
    /// `timeout:` the longest this step may take; absent = what is left of the time for all of them.
    pub timeout: Option<Duration>,
    /// `extract:` what later steps use of its answer.
    pub extract: Vec<Extract>,
    /// `cleanup:` whether it is also taken after a step failed, and says nothing about the target.
    pub is_cleanup: bool,
}

impl Step {
    /// What people call a step, by its place from 1 on: `step 2 "log in"`.
    pub fn title(&self, number: usize) -> String {
        match &self.name {
            Some(name) => format!("step {number} \"{name}\""),
            None => format!("step {number}"),
        }
    }
}

/// A value of an answer; it is a secret.
#[derive(Clone, PartialEq, Debug)]
pub struct Extract {
    /// What later steps call it.
    pub name: String,
    /// Where it stands.
    pub place: Place,
}

/// Where a value stands in an answer.
#[derive(Clone, PartialEq, Debug)]
pub enum Place {
    /// `json:` the first text, number or truth value that this finds in a JSON body.
    Json(JsonPath),
    /// `header:` the value of a header, or what a `pattern:` finds in it.
    Header(String, Option<Pattern>),
    /// `body:` what this finds in the body: its first group if it has one.
    Body(Pattern),
}

/// How one step went.
#[derive(Clone, PartialEq, Debug)]
pub struct StepSeen {
    /// What people call it: `step 2 "log in"`.
    pub title: String,
    /// How long it took; absent if it was not taken.
    pub took: Option<Duration>,
    /// The HTTP status of its answer, if there was one.
    pub status: Option<u16>,
    /// What was wrong with it; one clause, without secrets.
    pub trouble: Option<String>,
    /// Whether it cleans up.
    pub is_cleanup: bool,
}
