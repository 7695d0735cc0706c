//! What hekate is shipped in says the same everywhere: unit, image, compose file, manifests, package.

use std::{fs, path::Path};

use hekate::config::{Environment, Format, load_text};
use serde::Deserialize as _;
use serde_yaml::Value;

/// Where the file and the store are, whatever hekate is shipped in.
const FILE: &str = "/etc/hekate/targets.yaml";
const STORE: &str = "/var/lib/hekate";

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("it is shipped")
}

fn documents(name: &str) -> Vec<Value> {
    let text = read(name);
    serde_yaml::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).expect("YAML"))
        .collect()
}

fn of_kind<'a>(all: &'a [Value], kind: &str) -> &'a Value {
    let found = all.iter().find(|one| one["kind"] == kind);
    found.unwrap_or_else(|| panic!("there is no {kind}"))
}

#[test]
fn the_file_of_the_manifests_is_taken_and_its_store_is_a_volume() {
    let all = documents("deploy/kubernetes/hekate.yaml");
    let file = of_kind(&all, "ConfigMap")["data"]["targets.yaml"].as_str();
    let file = file.expect("it holds a file");
    let webhook = "https://hooks.slack.com/services/T0/B0/not-a-secret";
    let environment = Environment::of([("SLACK_WEBHOOK_URL", webhook)]);
    let outcome = load_text("targets.yaml", file, &environment);
    let said = outcome.report.render(Format::Human, false);
    assert!(outcome.report.problems.is_empty(), "{said}");
    let plan = outcome.plan.expect("it has no errors");
    assert_eq!(plan.store.path, Path::new(STORE));
    let pod = &of_kind(&all, "StatefulSet")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let mounts = container["volumeMounts"]
        .as_sequence()
        .expect("it has some");
    let paths: Vec<_> = mounts
        .iter()
        .filter_map(|mount| mount["mountPath"].as_str())
        .collect();
    assert_eq!(paths, ["/etc/hekate", STORE]);
    assert!(mounts.iter().all(|mount| mount.get("subPath").is_none()));
    assert_eq!(container["args"][2], FILE);
}

#[test]
fn nothing_is_shipped_with_more_rights_than_it_needs() {
    let all = documents("deploy/kubernetes/hekate.yaml");
    let set = &of_kind(&all, "StatefulSet")["spec"];
    assert_eq!(set["replicas"], 1, "two would tell everything twice");
    let pod = &set["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let container = &pod["containers"][0]["securityContext"];
    assert_eq!(container["readOnlyRootFilesystem"], true);
    assert_eq!(container["allowPrivilegeEscalation"], false);
    assert_eq!(container["capabilities"]["drop"][0], "ALL");
    let compose = &documents("deploy/compose.yaml")[0]["services"]["hekate"];
    assert_eq!(compose["read_only"], true);
    assert_eq!(compose["cap_drop"][0], "ALL");
    assert_eq!(compose["security_opt"][0], "no-new-privileges:true");
    let user = compose["user"].as_str().expect("it has a user");
    assert!(read("deploy/Dockerfile").contains(&format!("USER {user}\n")));
    assert_eq!(
        format!(
            "{0}:{0}",
            pod["securityContext"]["runAsUser"]
                .as_u64()
                .expect("a number")
        ),
        user
    );
}

#[test]
fn the_same_places_are_meant_everywhere() {
    for name in [
        "deploy/Dockerfile",
        "deploy/compose.yaml",
        "deploy/hekate.service",
    ] {
        let text = read(name);
        assert!(text.contains(FILE) && text.contains(STORE), "{name}");
        assert!(text.contains("hekate"), "{name}");
    }
    let manifest = read("Cargo.toml");
    let rust = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \""))
        .expect("it says which");
    let image = format!("FROM rust:{}-", rust.trim_end_matches('"'));
    assert!(read("deploy/Dockerfile").contains(&image), "{image}");
}
