//! Slack's own types read every file of this folder: what its compiler refuses, an app in its language could not send either.

use std::{
    env,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// What a file can be. Slack's types leave blocks open to any kind; these take only those that it knows.
const TYPES: &str = "\
import type { HomeView, KnownBlock, MessageAttachment, ModalView } from '@slack/types';
type Part = Omit<MessageAttachment, 'blocks'> & { blocks?: KnownBlock[] };
type Message = {
  text: string; blocks?: KnownBlock[]; attachments?: Part[];
  response_type?: 'ephemeral' | 'in_channel'; replace_original?: boolean; reply_broadcast?: boolean; thread_ts?: string;
  link_names?: boolean; parse?: 'none'; unfurl_links?: boolean; unfurl_media?: boolean; metadata?: unknown;
};
type Home = Omit<HomeView, 'blocks'> & { blocks: KnownBlock[] };
type Modal = Omit<ModalView, 'blocks'> & { blocks: KnownBlock[] };
";

/// Where the compiler and the types are, as `.ci/servers` installs them.
fn folder() -> Option<PathBuf> {
    let servers = env::var_os("HEKATE_SERVERS").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("servers"),
        PathBuf::from,
    );
    let folder = servers.join("slack_types");
    let is_there = folder.join("node_modules/.bin/tsc").exists();
    if !is_there {
        assert!(
            env::var_os("HEKATE_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
            "@slack/types and the compiler are missing: run .ci/servers"
        );
        // Not `eprintln!`: the test runner would swallow it.
        let _ = writeln!(
            io::stderr(),
            "SKIPPED, NOT TESTED: @slack/types is missing, .ci/servers installs it"
        );
    }
    is_there.then_some(folder)
}

/// What the compiler says of a program beside the types.
fn compiled(folder: &Path, name: &str, program: &str) -> Result<(), String> {
    let path = folder.join(name);
    fs::write(&path, program).expect("the folder takes files");
    let output = Command::new(folder.join("node_modules/.bin/tsc"))
        .current_dir(folder)
        .args([
            "--noEmit",
            "--strict",
            "--skipLibCheck",
            "--target",
            "es2022",
        ])
        .args(["--module", "nodenext", "--moduleResolution", "nodenext"])
        .arg(&path)
        .output()
        .expect("the compiler can be started");
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The type that a file has to have, and what of it; absent if Slack has no type for it.
fn kind(name: &str, value: Value) -> Option<(&'static str, Value)> {
    // What is answered to a form that was sent has its view inside.
    let value = match value.get("view") {
        Some(view) => view.clone(),
        None => value,
    };
    let kind = match value["type"].as_str() {
        _ if name.starts_with("manifest") || value.get("errors").is_some() => return None,
        Some("home") => "Home",
        Some("modal") => "Modal",
        Some(_) => "KnownBlock",
        None => "Message",
    };
    Some((kind, value))
}

fn files() -> Vec<(String, Value)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slack");
    let mut files = Vec::new();
    for folder in [here.clone(), here.join("views")] {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let name = path.file_name().expect("a file").to_string_lossy();
                let text = fs::read_to_string(&path).expect("it can be read");
                let value = serde_json::from_str(&text).expect("it is JSON");
                files.push((name.into_owned(), value));
            }
        }
    }
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    files
}

#[test]
fn slacks_own_types_take_every_message_view_and_answer() {
    let Some(folder) = folder() else {
        return;
    };
    let mut program = TYPES.to_owned();
    let mut count = 0;
    for (name, value) in files() {
        if let Some((kind, value)) = kind(&name, value) {
            count += 1;
            writeln!(
                program,
                "export const file{count}: {kind} = /* {name} */ {value};"
            )
            .expect("a text takes everything");
        }
    }
    assert!(count > 100, "{count} files are not all");
    if let Err(words) = compiled(&folder, "golden.ts", &program) {
        panic!("Slack's types refuse some:\n{words}");
    }
    // The compiler would notice.
    for wrong in [
        "export const a: Message = { text: 'x', blocks: [{ type: 'section', text: 'y' }] };",
        "export const a: Message = { text: 'x', blocks: [{ type: 'sektion' }] };",
        "export const a: Modal = { type: 'modal', blocks: [] };",
        "export const a: Message = { blocks: [] };",
    ] {
        let said = compiled(&folder, "wrong.ts", &format!("{TYPES}{wrong}\n"));
        assert!(said.is_err(), "{wrong}");
    }
}
