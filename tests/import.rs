//! Files of other programs become files that hekate takes, and nothing of them is lost without a word.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use expect_test::expect_file;
use hekate::{
    config::{Environment, Format, load_text},
    import::{Imported, Origin, Text, Trouble, import},
};
use proptest::prelude::*;
use serde_json::Value;

/// The files of each program, and what they become.
const CASES: [(Origin, &[&str], &str); 7] = [
    (Origin::Gatus, &["gatus.yaml"], "gatus.targets.yaml"),
    (
        Origin::Gatus,
        &["kubernetes.yaml"],
        "kubernetes.targets.yaml",
    ),
    (
        Origin::UptimeKuma,
        &["uptime_kuma.json"],
        "uptime_kuma.targets.yaml",
    ),
    (
        Origin::Healthchecks,
        &["healthchecks.json"],
        "healthchecks.targets.yaml",
    ),
    (
        Origin::Prometheus,
        &["prometheus.yml", "blackbox.yml"],
        "prometheus.targets.yaml",
    ),
    (Origin::Blackbox, &["blackbox.yml"], "blackbox.targets.yaml"),
    (
        Origin::Prometheus,
        &["prometheus.yml"],
        "prometheus_alone.targets.yaml",
    ),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).expect("a file of the tests")
}

fn imported(origin: Origin, names: &[&str]) -> Imported {
    let texts: Vec<String> = names.iter().map(|name| read(name)).collect();
    let files: Vec<Text<'_>> = names
        .iter()
        .zip(&texts)
        .map(|(name, text)| Text { name, text })
        .collect();
    import(origin, &files).unwrap_or_else(|trouble| panic!("{names:?}: {trouble}"))
}

/// The variables that a file wants, each with a value that fits its name.
fn environment(imported: &Imported) -> Vec<(String, String)> {
    let value = |name: &str| match name {
        name if name.contains("WEBHOOK") => "https://hooks.slack.com/services/T0/B0/not-a-secret",
        "WEBSOCKET_TARGET" => "wss://feed.example.test/",
        name if name.starts_with("HTTP") && name.ends_with("_TARGET") => {
            "https://www.example.test/"
        }
        name if name.ends_with("_TARGET") => "db.example.test:5432",
        _ => "a-value-of-many-characters",
    };
    imported
        .variables
        .iter()
        .map(|(name, _)| (name.clone(), value(name).to_owned()))
        .collect()
}

#[test]
fn what_others_watch_is_watched() {
    for (origin, names, golden) in CASES {
        let imported = imported(origin, names);
        expect_file![folder().join(golden)].assert_eq(&imported.text);
        let outcome = load_text(
            "targets.yaml",
            &imported.text,
            &Environment::of(environment(&imported)),
        );
        let said = outcome.report.render(Format::Human, false);
        // What the old file accepted is said again by hekate, and nothing else is.
        let mut others = outcome.report.problems.iter();
        assert!(
            others.all(|problem| problem.code.as_str() == "H0403"),
            "{golden}:\n{said}"
        );
        let plan = outcome.plan.expect("it has no errors");
        assert_eq!(plan.targets.len(), imported.targets, "{golden}");
        // Whatever was not carried stands in the file, too.
        for note in imported.left.iter().chain(&imported.near) {
            assert!(imported.text.contains(&note.what), "{golden}: {note}");
        }
    }
}

#[test]
fn no_secret_of_the_old_file_is_anywhere() {
    for (origin, names, golden) in CASES {
        let imported = imported(origin, names);
        assert!(
            names.iter().any(|name| read(name).contains("hunter2")),
            "{golden}: there is no secret to be kept"
        );
        assert!(!format!("{imported:?}").contains("hunter2"), "{golden}");
    }
}

#[test]
fn what_is_no_such_file_is_told_with_its_place() {
    let mut out = String::new();
    for (origin, text) in [
        (Origin::Gatus, ""),
        (Origin::Gatus, "endpoints: [\n"),
        (Origin::Gatus, "a: 1\na: 2\n"),
        (Origin::Gatus, "targets: []\n"),
        (Origin::Gatus, "endpoints: []\n"),
        (Origin::Gatus, "endpoints: 7\n"),
        (Origin::Gatus, "endpoints: [{ name: a, url: 'quic://a' }]\n"),
        (Origin::Gatus, "a: &a [*a]\nendpoints: []\n"),
        (Origin::Gatus, "SQLite format 3\0"),
        (Origin::UptimeKuma, "{"),
        (Origin::UptimeKuma, "{}"),
        (Origin::UptimeKuma, "[]"),
        (Origin::UptimeKuma, "SQLite format 3\0"),
        (Origin::Healthchecks, r#"{"detail": "wrong api key"}"#),
        (Origin::Healthchecks, r#"{"checks": {}}"#),
        (Origin::Blackbox, "modules: {}\n"),
        (Origin::Blackbox, "groups: []\n"),
        (Origin::Prometheus, "scrape_configs: []\n"),
        (Origin::Prometheus, "%YAML 9\n--- x\n--- y\n"),
    ] {
        let said = match import(origin, &[Text { name: "old", text }]) {
            Ok(imported) => format!("{} targets", imported.targets),
            Err(trouble @ Trouble::Nothing { .. }) => match &trouble {
                Trouble::Nothing { left } if !left.is_empty() => format!("{trouble}: {}", left[0]),
                Trouble::Nothing { .. } | Trouble::Unreadable { .. } | Trouble::OurFault(_) => {
                    trouble.to_string()
                }
            },
            Err(trouble) => trouble.to_string(),
        };
        writeln!(out, "{} {text:?}\n    {said}", origin.word()).expect("a text takes it");
    }
    expect_file![folder().join("refused.txt")].assert_eq(&out);
}

fn hekate(arguments: &[&str], folder: &Path, variables: &[(String, String)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hekate"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(variables.iter().cloned())
        .output()
        .expect("hekate runs")
}

#[test]
fn the_binary_writes_a_file_that_the_binary_takes() {
    let place = tempfile::tempdir().expect("a folder");
    let old = folder().join("gatus.yaml");
    let old = old.to_str().expect("UTF-8");
    let made = hekate(
        &["import", "gatus", old, "--to", "targets.yaml"],
        place.path(),
        &[],
    );
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.status.success() && made.stdout.is_empty(), "{said}");
    assert!(
        said.contains("not carried:") && said.contains("SLACK_WEBHOOK_ALERTS"),
        "{said}"
    );
    let variables = environment(&imported(Origin::Gatus, &["gatus.yaml"]));
    let taken = hekate(&["validate", "--deny-warnings"], place.path(), &variables);
    assert!(
        taken.status.success(),
        "{}",
        String::from_utf8_lossy(&taken.stdout)
    );
    // Never over a file that is there, unless that is wanted.
    fs::write(place.path().join("targets.yaml"), "mine").expect("it can be written");
    let again = hekate(
        &["import", "gatus", old, "--to", "targets.yaml"],
        place.path(),
        &[],
    );
    assert_eq!(again.status.code(), Some(1));
    let mine = fs::read_to_string(place.path().join("targets.yaml")).expect("it is there");
    assert_eq!(mine, "mine");
    let forced = ["import", "gatus", old, "--to", "targets.yaml", "--force"];
    assert!(hekate(&forced, place.path(), &[]).status.success());
    let as_json = hekate(
        &["import", "gatus", old, "--format", "json"],
        place.path(),
        &[],
    );
    let told: Value = serde_json::from_slice(&as_json.stdout).expect("JSON");
    assert_eq!(
        told["file"],
        fs::read_to_string(place.path().join("targets.yaml")).expect("it is there")
    );
    assert!(
        told["not_carried"]
            .as_array()
            .is_some_and(|list| !list.is_empty()),
        "{told}"
    );
    for (arguments, code) in [
        (["import", "gatus", "nowhere.yaml"], 78),
        (["import", "prometheus", old], 78),
        (["import", "nagios", old], 2),
    ] {
        assert_eq!(
            hekate(&arguments, place.path(), &[]).status.code(),
            Some(code)
        );
    }
}

/// Any value of JSON.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[\\[\\]A-Za-z0-9:/.{}$@#%&?=*()<>!' \"-]{0,30}".prop_map(Value::from),
        Just(Value::from("https://a.example.test/{{01..99}}/${X}/$$")),
        Just(Value::from("99999999h")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z_/-]{0,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Puts something else in place of some values of a tree: the `at`-th, and every `step`-th after it.
fn changed(tree: &mut Value, at: &mut usize, step: usize, other: &Value) {
    if *at == 0 {
        *at = step;
        *tree = other.clone();
        return;
    }
    *at -= 1;
    match tree {
        Value::Array(list) => list
            .iter_mut()
            .for_each(|value| changed(value, at, step, other)),
        Value::Object(map) => map
            .values_mut()
            .for_each(|value| changed(value, at, step, other)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn as_json(name: &str) -> Value {
    let text = read(name);
    if Path::new(name)
        .extension()
        .is_some_and(|kind| kind == "json")
    {
        return serde_json::from_str(&text).expect("JSON");
    }
    let text = text.replace("!!binary ", "");
    let first = text.split("\n---\n").next().expect("there is one");
    let mut tree: serde_yaml::Value = serde_yaml::from_str(first).expect("YAML");
    tree.apply_merge().expect("its anchors are there");
    serde_json::to_value(tree).expect("JSON can say it")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_a_file_says_it_is_refused_or_taken_whole(
        which in 0..CASES.len(),
        at in 0_usize..400,
        step in 20_usize..400,
        other in anything(),
    ) {
        let (origin, names, _) = CASES[which];
        let mut at = at;
        let texts: Vec<String> = names
            .iter()
            .map(|name| {
                let mut tree = as_json(name);
                changed(&mut tree, &mut at, step, &other);
                tree.to_string()
            })
            .collect();
        let files: Vec<Text<'_>> = names.iter().zip(&texts).map(|(name, text)| Text { name, text }).collect();
        match import(origin, &files) {
            Ok(imported) => prop_assert!(imported.targets > 0),
            Err(Trouble::OurFault(why)) => prop_assert!(false, "{why}\n{texts:?}"),
            Err(Trouble::Unreadable { .. } | Trouble::Nothing { .. }) => {}
        }
    }

    #[test]
    fn no_text_is_too_odd(which in 0..CASES.len(), text in "\\PC{0,60}|[\\[\\]{}:,\"'&*!|> a-z0-9\\n-]{0,60}") {
        let (origin, _, _) = CASES[which];
        let text = format!("endpoints:\n{text}");
        for text in [text.as_str(), &text[11..]] {
            let made = import(origin, &[Text { name: "old", text }]);
            prop_assert!(!matches!(made, Err(Trouble::OurFault(_))), "{made:?}");
        }
    }
}
