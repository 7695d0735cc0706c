//! `hekate routes`, `hekate test`, `hekate replay` and `hekate report noise` as one types them: what is printed where, and how
//! they end.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// Runs hekate in a folder, without any variable of ours.
fn hekate(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hekate"))
        .current_dir(folder)
        .args(arguments)
        .env_clear()
        .output()
        .expect("the binary runs")
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it prints UTF-8");
    (
        output.status.code().expect("it ended by itself"),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a scratch folder")
}

const FILE: &str = r#"
channels: { core: "http://127.0.0.1:9/c", ops: "http://127.0.0.1:9/o" }
targets: [ { name: api, health: "http://api.test/health" }, { name: web, severity: warning, health: "http://web.test/health" } ]
routes: [ { match: { severity: critical }, to: core }, { to: ops } ]
"#;

/// A folder with a file, and with files of tests where they are looked for.
fn with_tests(tests: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = scratch();
    fs::write(folder.path().join("targets.yaml"), FILE).expect("it can be written");
    let alerts = folder.path().join("tests/alerts");
    fs::create_dir_all(&alerts).expect("it can be made");
    for (name, text) in tests {
        fs::write(alerts.join(name), text).expect("it can be written");
    }
    folder
}

const GOOD: &str = "
name: an outage is told
script: [ { at: 2m, target: api, health: refused }, { at: 10m, end: true } ]
expect: [ { within: [2m, 3m], channel: core }, { times: 1 } ]
";

#[test]
fn the_examples_are_as_expected() {
    let folder = examples();
    let (code, out, err) = said(&hekate(&folder, &["test", "tests", "--coverage"]));
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        out.contains("all as expected") && out.contains("routes "),
        "{out}"
    );
}

#[test]
fn tests_are_found_beside_the_file_and_fail_with_a_timeline() {
    let wrong = GOOD
        .replace("an outage is told", "an <outage> is not told")
        .replace("times: 1", "never: true, channel: core");
    let folder = with_tests(&[("a.yaml", GOOD), ("b.yml", &wrong), ("notes.txt", "x")]);
    let junit = folder.path().join("results.xml");
    let arguments = ["test", "--junit", "results.xml"];
    let (code, out, _) = said(&hekate(folder.path(), &arguments));
    assert_eq!(code, 1, "{out}");
    for part in [
        "✔ an outage is told",
        "✖ an <outage> is not told",
        "▸ api: health refused",
        "→ core: DOWN: api",
        "b.yml:4:",
        "this must not come: `core` hears: DOWN: api",
        "2 tests, 1 failed",
    ] {
        assert!(out.contains(part), "{part} is missing:\n{out}");
    }
    let xml = fs::read_to_string(junit).expect("the results are there");
    assert!(xml.contains("tests=\"2\" failures=\"1\""), "{xml}");
    assert!(xml.contains("an &lt;outage&gt; is not told"), "{xml}");
    let (code, out, _) = said(&hekate(folder.path(), &["test", "--run", "outage is told"]));
    assert_eq!(
        (code, out.contains("1 test, all as expected")),
        (0, true),
        "{out}"
    );
    let (code, _, err) = said(&hekate(folder.path(), &["test", "--run", "nothing"]));
    assert_eq!(
        (code, err.contains("no test has a name")),
        (1, true),
        "{err}"
    );
}

const ITSELF: &str = "
name: hekate is bothered
script:
  - { at: 2m, target: api, health: refused }
  - { at: 5m, restart: killed }
  - { at: 10m, restart: orderly, away: 1m }
  - { at: 20m, clock: -10m }
  - { at: 30m, reload: ../../later.yaml }
  - { at: 40m, end: true }
expect: [ { times: 1 }, { at_end: true, target: web, state: operational } ]
";

/// What befalls hekate itself stands in the timeline, and what is wrong with the other file is told.
#[test]
fn what_befalls_hekate_itself_is_a_step_like_any_other() {
    let folder = with_tests(&[("a.yaml", ITSELF)]);
    let later = folder.path().join("later.yaml");
    let one = FILE.replace(", { name: web", " ] # ");
    fs::write(&later, one).expect("it can be written");
    let (code, out, _) = said(&hekate(
        folder.path(),
        &["test", "--coverage", "--junit", "results.xml"],
    ));
    assert_eq!(code, 1, "{out}");
    for part in [
        "5m        ▸ hekate is killed, and is started again 2s later",
        "10m       ▸ hekate ends in order, and is started again 1m later",
        "20m       ▸ the clock jumps 10m back",
        "30m       ▸ the file is now ",
        "30m         web is not watched any more",
        "a.yaml:10:25: `web` is not operational but not watched",
        "coverage of targets.yaml",
        "later.yaml\n  routes     0 of 2",
    ] {
        assert!(out.contains(part), "{part} is missing:\n{out}");
    }
    assert_eq!(out.matches("→ core: ").count(), 1, "{out}");
    let xml = fs::read_to_string(folder.path().join("results.xml")).expect("the results are there");
    assert!(xml.contains("hekate is killed"), "{xml}");

    fs::write(&later, "targets: 7").expect("it can be written");
    let (code, _, err) = said(&hekate(
        folder.path(),
        &["test", "--junit", "results.xml", "--format", "short"],
    ));
    assert_eq!(code, 78, "{err}");
    assert!(
        err.contains("a.yaml:8:24: error[H0118]") && err.contains("later.yaml:1:10: error"),
        "{err}"
    );
    let xml = fs::read_to_string(folder.path().join("results.xml")).expect("the results are there");
    assert!(xml.contains("the file can be read"), "{xml}");
}

#[test]
fn what_cannot_be_tested_is_no_success() {
    let bad = GOOD.replace("target: api", "target: apy");
    let folder = with_tests(&[("a.yaml", GOOD), ("b.yaml", &bad)]);
    let (code, out, err) = said(&hekate(folder.path(), &["test"]));
    assert_eq!(code, 78, "{out}");
    assert!(
        err.contains("H0213") && err.contains("did you mean `api`?"),
        "{err}"
    );
    fs::write(folder.path().join("targets.yaml"), "targets: 7").expect("it can be written");
    assert_eq!(said(&hekate(folder.path(), &["test"])).0, 78);
    let (code, _, err) = said(&hekate(scratch().path(), &["test"]));
    assert_eq!((code, err.contains("tests/alerts")), (2, true), "{err}");
    let nowhere = hekate(folder.path(), &["test", "nowhere.yaml"]);
    assert_eq!(said(&nowhere).0, 78);
    assert_eq!(said(&hekate(folder.path(), &["test", "--run", "("])).0, 2);
}

#[test]
fn routes_say_who_would_hear_and_whether_that_is_as_expected() {
    let folder = with_tests(&[]);
    let routes = |arguments: &[&str]| {
        let arguments = [&["routes"], arguments].concat();
        said(&hekate(folder.path(), &arguments))
    };
    let (code, out, _) = routes(&[]);
    assert_eq!(code, 0);
    assert!(
        out.contains("route 1  match severity=critical  → core"),
        "{out}"
    );
    let (code, out, _) = routes(&["--for", "api", "--expect", "core"]);
    assert_eq!((code, out.contains("✔ as expected")), (0, true), "{out}");
    let (code, out, _) = routes(&["--for", "web", "--expect", "core"]);
    assert_eq!(code, 1);
    assert!(
        out.contains("route 1 is not taken: its `severity` does not match"),
        "{out}"
    );
    assert!(out.contains("core would hear nothing"), "{out}");
    assert!(
        out.contains("ops would hear of it, and is not expected to"),
        "{out}"
    );
    let (code, _, err) = routes(&["--for", "api", "--expect", "cor"]);
    assert_eq!(
        (code, err.contains("did you mean `core`?")),
        (2, true),
        "{err}"
    );
    assert_eq!(routes(&["--for", "nobody"]).0, 1);
    assert_eq!(routes(&["--for", "api", "--role", "active"]).0, 2);
    let (code, out, _) = routes(&["--for", "api", "--format", "json"]);
    assert_eq!(code, 0);
    assert!(out.contains("\"channel\": \"core\""), "{out}");
}

#[test]
fn without_a_store_there_is_no_past() {
    let folder = with_tests(&[]);
    for arguments in [&["replay"][..], &["report", "noise"], &["report", "weekly"]] {
        let (code, _, err) = said(&hekate(folder.path(), arguments));
        assert_eq!(
            (code, err.contains("there is no store in")),
            (74, true),
            "{err}"
        );
    }
    fs::create_dir(folder.path().join("data")).expect("it can be made");
    let (code, out, err) = said(&hekate(folder.path(), &["report", "noise"]));
    assert_eq!((code, out.as_str()), (0, "nothing was told in this time\n"));
    assert!(err.contains("the journal is empty"), "{err}");
    let weekly = ["report", "weekly", "--store", "data"];
    let (code, out, err) = said(&hekate(folder.path(), &weekly));
    assert_eq!(
        (code, out.as_str()),
        (0, "without a group\n  incidents  none began\n"),
        "{err}"
    );
    assert!(err.contains("leave out `--store`"), "{err}");
    for (more, code, words) in [
        (&["--window", "1s"][..], 2, "from 5m to 400d"),
        (&["--group", "mastre"], 1, "there is no group `mastre`"),
        (&["--format", "csv"], 2, "only `hekate report sli` prints"),
    ] {
        let (ended, _, err) = said(&hekate(folder.path(), &[&weekly[..], more].concat()));
        assert_eq!((ended, err.contains(words)), (code, true), "{err}");
    }
    let (code, out, _) = said(&hekate(folder.path(), &["replay"]));
    assert_eq!(
        (code, out.contains("0 troubles were told")),
        (0, true),
        "{out}"
    );
    let (code, out, err) = said(&hekate(folder.path(), &["replay", "--open"]));
    assert_eq!((code, out.as_str()), (0, "no incident is open\n"), "{err}");
    let both = hekate(folder.path(), &["replay", "--open", "--since", "2d"]);
    assert_eq!(said(&both).0, 2);
    // Nobody to hear it.
    let (code, _, err) = said(&hekate(
        folder.path(),
        &[
            "mark",
            "k7f2",
            "useful",
            "--reason",
            "x",
            "--server",
            "http://127.0.0.1:9",
        ],
    ));
    assert_eq!(
        (code, err.contains("no running hekate")),
        (69, true),
        "{err}"
    );
}

/// By night a warning waits for the morning, and in its window nobody hears of anything.
#[test]
fn routes_say_who_would_hear_at_a_certain_time() {
    let folder = scratch();
    let file = r#"
server: { timezone: Europe/Prague }
channels: { core: "http://127.0.0.1:9/c", ops: "http://127.0.0.1:9/o" }
on_call: { core: { users: [U012AB3CD], quiet_hours: { from: "22:00", to: "07:00" } } }
targets: [ { name: api, health: "http://api.test/health" }, { name: web, severity: warning, health: "http://web.test/health" } ]
routes: [ { match: {}, to: core, mention: core, continue: true }, { to: ops } ]
maintenance: [ { name: backup, match: { target: api }, schedule: "0 2 * * *", duration: 45m } ]
"#;
    fs::write(folder.path().join("targets.yaml"), file).expect("it can be written");
    let routes = |arguments: &str| {
        let arguments: Vec<_> = ["routes"].into_iter().chain(arguments.split('|')).collect();
        let (code, out, err) = said(&hekate(folder.path(), &arguments));
        let last: Vec<_> = out
            .lines()
            .skip_while(|line| !line.starts_with("told"))
            .collect();
        format!("{code} {}{err}", last.join(" / "))
    };
    let asked = [
        "--for|web|--at|2026-01-05 03:00|--expect|ops",
        "--for|web|--at|2026-01-05 12:00|--expect|ops,core",
        "--for|api|--at|2026-01-05 03:00|--expect|core,ops",
        "--for|api|--at|2026-01-05 02:10|--expect|core",
        "--for|api|--at|3 at night",
    ];
    let told = asked.map(routes).join("\n");
    let expected = [
        "0 told: core, ops / core only at 5 Jan 07:00:00 CET: its quiet hours end then / ✔ as expected",
        "0 told: core, ops / ✔ as expected",
        "0 told: core, ops / ✔ as expected",
        "1 told: core, ops / nobody before 5 Jan 02:45:00 CET, if it is still bad then: maintenance window `backup` \
         / ✖ not as expected /   core would hear nothing",
        "2 `3 at night` is no time in Europe/Prague; write it as `03:00` or `2026-01-05 03:00`\n",
    ];
    assert_eq!(told, expected.join("\n"));
    let (_, out, _) = said(&hekate(
        folder.path(),
        &[
            "routes",
            "--for",
            "web",
            "--at",
            "2026-01-05 03:00",
            "--format",
            "json",
        ],
    ));
    assert!(out.contains("2026-01-05T06:00:00.000Z"), "{out}");
}
