//! What the README promises is computed from the code.

use std::{fs, path::Path, time::Duration};

use hekate::{
    judge::contract,
    model::{FailureClass, Policy},
};

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"))
        .expect("there is a README")
}

fn seconds(span: Duration) -> String {
    format!("{} s", (span.as_secs_f64() * 10.0).round() / 10.0)
}

#[test]
fn the_contract_in_the_readme_is_the_one_of_the_code() {
    let readme = readme();
    let rows = [
        (
            "an answer that says \"not healthy\"",
            FailureClass::Explicit,
        ),
        (
            "refused, reset, TLS alert, 5xx from who knows whom",
            FailureClass::Refused,
        ),
        (
            "silence: no connection, no answer, no end",
            FailureClass::Silent,
        ),
    ];
    for (what, class) in rows {
        let promise = contract(&Policy::default(), class);
        let row = format!(
            "| {what} | {} | {} |",
            seconds(promise.never_told_under),
            seconds(promise.always_told_over)
        );
        assert!(
            readme.contains(&row),
            "the README should have the row\n{row}"
        );
    }
}

#[test]
fn every_file_that_the_readme_names_is_there() {
    let readme = readme();
    for (at, _) in readme.match_indices("](") {
        let target = readme[at + 2..].split(')').next().expect("a link ends");
        if target.starts_with("http") {
            continue;
        }
        assert!(
            Path::new(env!("CARGO_MANIFEST_DIR")).join(target).exists(),
            "{target}"
        );
    }
}
