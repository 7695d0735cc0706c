//! A first file: without a terminal, on a terminal, and where there is one already.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

fn hekate(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hekate"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("TZ", "Europe/Prague")
        .stdin(Stdio::null())
        .output()
        .expect("hekate runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn written(folder: &Path) -> String {
    fs::read_to_string(folder.join("targets.yaml")).expect("it was written")
}

#[test]
fn without_a_terminal_nothing_is_asked_and_the_file_is_taken_at_once() {
    let place = tempfile::tempdir().expect("a folder");
    let made = hekate(&["init"], place.path());
    assert!(made.status.success(), "{}", said(&made));
    assert!(said(&made).contains("hekate check"), "{}", said(&made));
    assert!(written(place.path()).contains("Europe/Prague"));
    let taken = hekate(&["validate", "--deny-warnings"], place.path());
    assert!(taken.status.success(), "{}", said(&taken));
    // Never over what is there.
    fs::write(place.path().join("targets.yaml"), "mine").expect("it can be written");
    let again = hekate(&["init", "--yes"], place.path());
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
    assert_eq!(written(place.path()), "mine");
}

#[test]
fn what_is_around_is_taken() {
    let place = tempfile::tempdir().expect("a folder");
    let compose = "services: { web: { ports: [\"8081:80\"] }, api: { ports: [\"9000:80\"] } }\n";
    fs::write(place.path().join("compose.yaml"), compose).expect("it can be written");
    fs::write(place.path().join("config.yaml"), "endpoints: []\n").expect("it can be written");
    let made = hekate(&["init", "--yes"], place.path());
    assert!(
        said(&made).contains("hekate import gatus config.yaml"),
        "{}",
        said(&made)
    );
    let file = written(place.path());
    assert!(
        file.contains("http://127.0.0.1:8081/health")
            && file.contains("http://127.0.0.1:9000/health"),
        "{file}"
    );
    assert!(hekate(&["validate"], place.path()).status.success());
}

/// Runs in a terminal of its own, made by `script`; absent where there is none.
fn on_a_terminal(answers: &str, folder: &Path) -> Option<Output> {
    let script = ["/usr/bin/script", "/bin/script"];
    let script = script.iter().find(|path| Path::new(path).exists())?;
    let command = format!("{} init", env!("CARGO_BIN_EXE_hekate"));
    let mut child = Command::new(script)
        .args(["-q", "-e", "-c", &command, "/dev/null"])
        .current_dir(folder)
        .env_clear()
        .envs([
            ("TZ", "UTC"),
            ("SHELL", "/bin/sh"),
            ("PATH", "/usr/bin:/bin"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take()?;
    std::io::Write::write_all(&mut input, answers.as_bytes()).ok()?;
    // The end of input on a terminal.
    std::io::Write::write_all(&mut input, b"\x04").ok()?;
    drop(input);
    child.wait_with_output().ok()
}

#[expect(
    clippy::print_stderr,
    reason = "a test that does nothing has to say so"
)]
fn skipped() {
    eprintln!("SKIPPED: there is no `script` here, so there is no terminal");
}

#[test]
fn on_a_terminal_four_questions_are_asked_and_a_bad_answer_is_explained() {
    let place = tempfile::tempdir().expect("a folder");
    let answers = "htps://api.example.test/\nhttps://api.example.test/health shop.example.test\nhttps://hooks.slack.com/x\nMY_WEBHOOK\nEurope/Pragu\nEurope/Prague\n\n";
    let Some(made) = on_a_terminal(answers, place.path()) else {
        skipped();
        return;
    };
    let said = said(&made);
    assert!(made.status.success(), "{said}");
    for part in [
        "did you mean `https://`?",
        "the address itself does not belong in the file",
        "Europe/Prague",
        "MY_WEBHOOK is not set",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    let file = written(place.path());
    for part in [
        "{ name: \"api.example.test\", health: \"https://api.example.test/health\" }",
        "https://shop.example.test",
        "${MY_WEBHOOK:-",
        "timezone: \"Europe/Prague\"",
    ] {
        assert!(file.contains(part), "{part}:\n{file}");
    }
    assert!(hekate(&["validate"], place.path()).status.success());
}

#[test]
fn whoever_has_enough_of_the_questions_gets_no_file() {
    let place = tempfile::tempdir().expect("a folder");
    let Some(made) = on_a_terminal("https://api.example.test/health\n", place.path()) else {
        skipped();
        return;
    };
    assert!(!made.status.success(), "{}", said(&made));
    assert!(!place.path().join("targets.yaml").exists());
}
