//! The steps of a scenario in a check by hand: each with its time.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::milliseconds;
use crate::model::{Extra, Observation, Target, TargetId, steps::StepSeen};

/// One run of the scenario of a target.
pub(super) struct Walked {
    target: TargetId,
    title: String,
    steps: Vec<StepSeen>,
}

impl Walked {
    /// The steps of this look, if it was one.
    pub(super) fn of(target: &Target, look: &Observation) -> Option<Self> {
        match look.extra.as_deref() {
            Some(Extra::Steps(steps)) => Some(Self {
                target: target.id.clone(),
                title: target.title(),
                steps: steps.clone(),
            }),
            Some(Extra::Logs(_) | Extra::Roles(_) | Extra::OwnRole(_) | Extra::Ending(_))
            | None => None,
        }
    }

    /// Whether it is of this target.
    pub(super) fn is_of(&self, target: &Target) -> bool {
        self.target == target.id
    }

    /// A line for each step.
    pub(super) fn text(&self) -> String {
        let width = self.steps.iter().map(|step| step.title.chars().count());
        let width = width.max().unwrap_or_default();
        let mut out = format!("{}:\n", self.title);
        for step in &self.steps {
            let took = step
                .took
                .map_or_else(|| String::from("not taken"), milliseconds);
            let said = match (&step.trouble, step.status) {
                (Some(trouble), _) => trouble.clone(),
                (None, Some(status)) => format!("HTTP {status}"),
                (None, None) => String::new(),
            };
            let mark = if step.is_cleanup { "cleans up" } else { "" };
            let parts: Vec<_> = [took.as_str(), mark, &said]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect();
            let _ = writeln!(out, "  {:width$}  {}", step.title, parts.join(" · "));
        }
        out
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        let steps = self.steps.iter().map(|step| {
            json!({
                "title": step.title,
                "took_ms": step.took.map(|took| took.as_secs_f64() * 1_000.0),
                "status": step.status,
                "trouble": step.trouble,
                "cleanup": step.is_cleanup,
            })
        });
        steps.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;

    use super::*;

    #[test]
    fn every_step_has_its_line() {
        let step = |title: &str, took_ms: Option<u64>, status, trouble: Option<&str>| StepSeen {
            title: title.to_owned(),
            took: took_ms.map(Duration::from_millis),
            status,
            trouble: trouble.map(str::to_owned),
            is_cleanup: false,
        };
        let mut last = step("step 4", Some(3), Some(204), None);
        last.is_cleanup = true;
        let walked = Walked {
            target: TargetId::new("shop"),
            title: String::from("shop"),
            steps: vec![
                step("step 1 \"open\"", Some(12), Some(200), None),
                step(
                    "step 2 \"log in\"",
                    Some(40),
                    Some(500),
                    Some("HTTP 500 (expected 2xx)"),
                ),
                step("step 3", None, None, None),
                last,
            ],
        };
        expect![[r#"
            shop:
              step 1 "open"    12.0 ms · HTTP 200
              step 2 "log in"  40.0 ms · HTTP 500 (expected 2xx)
              step 3           not taken
              step 4           3.0 ms · cleans up · HTTP 204
        "#]]
        .assert_eq(&walked.text());
        expect![[r#"[{"cleanup":false,"status":200,"title":"step 1 \"open\"","took_ms":12.0,"trouble":null},{"cleanup":false,"status":500,"title":"step 2 \"log in\"","took_ms":40.0,"trouble":"HTTP 500 (expected 2xx)"},{"cleanup":false,"status":null,"title":"step 3","took_ms":null,"trouble":null},{"cleanup":true,"status":204,"title":"step 4","took_ms":3.0,"trouble":null}]"#]].assert_eq(&walked.json().to_string());
    }
}
