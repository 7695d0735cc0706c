//! The rules for Prometheus in `deploy/` name metrics that there are, and speak when they should.

use std::{collections::BTreeSet, io::ErrorKind, path::Path, process::Command};

const RULES: &str = include_str!("../deploy/prometheus/rules.yaml");
/// Made of the code, which the test of the reference sees to.
const REFERENCE: &str = include_str!("../docs/reference.md");

/// Every metric that the text of the rules names.
fn named() -> BTreeSet<&'static str> {
    RULES
        .split(|one: char| !(one.is_ascii_alphanumeric() || one == '_'))
        .filter(|word| word.starts_with("hekate_"))
        .collect()
}

#[test]
fn the_rules_name_metrics_that_there_are() {
    let named = named();
    assert!(named.len() >= 5, "{named:?}");
    for name in named {
        let is_there = ["", "_bucket", "_sum", "_count"].iter().any(|suffix| {
            let kind = if suffix.is_empty() { "" } else { "histogram |" };
            name.strip_suffix(suffix)
                .is_some_and(|name| REFERENCE.contains(&format!("\n| `{name}` | {kind}")))
        });
        assert!(is_there, "{name} is not in docs/reference.md");
    }
}

/// Prometheus' own tool finds them sound, and that they speak when they should and only then.
#[test]
fn promtool_is_content_with_the_rules() {
    for arguments in [
        ["check", "rules", "deploy/prometheus/rules.yaml"],
        ["test", "rules", "tests/prometheus/rules_test.yaml"],
    ] {
        let ended = Command::new("promtool")
            .args(arguments)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
            .output();
        let output = match ended {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                assert!(
                    std::env::var_os("HEKATE_REQUIRE_SERVERS").is_none(),
                    "promtool is required and not installed"
                );
                skipped("promtool is not installed");
                return;
            }
            ended => ended.expect("promtool starts"),
        };
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{complained}");
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test has to be heard of")]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}
