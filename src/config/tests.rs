//! Every explanation's example shows its problem and every fix has none; the rest of the stories is in `tests/config.rs`.

use std::fmt::Write as _;

use super::*;

fn environment() -> Environment {
    Environment::of([
        (
            "SLACK_WEBHOOK_URL",
            "https://hooks.slack.com/services/T0/B0/abcdefghijkl",
        ),
        ("TOKEN", "a-token-of-many-characters"),
        ("SHORT", "short"),
        ("BLANK", ""),
    ])
}

/// The snippet as a whole file: with a channel and a target if it has none.
fn whole(snippet: &str) -> String {
    let mut out = snippet.to_owned();
    if !snippet.contains("channels:") {
        out.push_str("channels:\n  alerts: \"${SLACK_WEBHOOK_URL}\"\n");
    }
    if !snippet.contains("targets:") {
        out.push_str("targets:\n  - name: api\n    health: \"https://api.example.test/health\"\n");
    }
    out
}

#[test]
fn every_code_is_explained_by_an_example_that_shows_it_and_a_fix_that_loads() {
    // Of these the example is no text of a file, or the fix needs a file that is not here.
    let untold = [Code::ReadersDiffer, Code::TooMuch, Code::Unreadable];
    let mut wrong = String::new();
    for code in Code::ALL {
        let Some(explanation) = explanation(code.as_str()) else {
            writeln!(wrong, "{code} has no explanation").unwrap();
            continue;
        };
        assert!(!explanation.cause.is_empty() && !explanation.title.is_empty());
        if untold.contains(code) {
            continue;
        }
        let example = if *code == Code::EmptyFile {
            explanation.example.to_owned()
        } else {
            whole(explanation.example)
        };
        let before = load_text("example.yaml", &example, &environment());
        if !before
            .report
            .problems
            .iter()
            .any(|problem| problem.code == *code)
        {
            writeln!(
                wrong,
                "{code}: the example gives\n{}",
                before.report.render(Format::Human, false)
            )
            .unwrap();
        }
        let after = load_text("fix.yaml", &whole(explanation.fix), &environment());
        if !after.report.problems.is_empty() {
            writeln!(
                wrong,
                "{code}: the fix gives\n{}",
                after.report.render(Format::Human, false)
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(explanations().len(), Code::ALL.len());
    assert!(explanation("h0102").is_some() && explanation("H9999").is_none());
}
