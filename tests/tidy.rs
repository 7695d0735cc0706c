//! The shape of the code, kept by the machine: who may name whom, and that the project speaks of itself alone.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Who may name whom, in the order of the flow. The top (`app`, `cli`, `demo`, `main`) may name everything, and nobody
/// may name the top.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("clock", &["model"]),
    ("config", &["model"]),
    ("import", &["model", "config"]),
    ("schedule", &["model"]),
    ("probe", &["model", "clock"]),
    ("judge", &["model"]),
    ("route", &["model"]),
    ("engine", &["model", "judge", "schedule", "route"]),
    ("act", &["model"]),
    ("store", &["model", "judge"]),
    ("notify", &["model", "store"]),
    ("command", &["model", "judge"]),
    ("slack", &["model", "command", "notify"]),
    ("preview", &["model", "slack"]),
    ("page", &["model", "command"]),
    (
        "rehearsal",
        &[
            "model", "config", "judge", "route", "engine", "store", "notify", "slack", "command",
        ],
    ),
    ("telemetry", &["model"]),
    (
        "chat",
        &["model", "clock", "command", "notify", "slack", "telemetry"],
    ),
    (
        "socket",
        &["model", "clock", "slack", "notify", "telemetry", "chat"],
    ),
    (
        "web",
        &[
            "model",
            "clock",
            "command",
            "page",
            "slack",
            "telemetry",
            "chat",
        ],
    ),
];
const TOP: &[&str] = &["app", "cli", "demo", "fuzz", "main", "lib"];

/// Words of a workplace; the project is read by people who were never there.
const FOREIGN_WORDS: &[&str] = &[
    concat!("/", "work/"),
    concat!("/", "tmp/w/"),
    concat!("/", "tmp/t-"),
    concat!("helper", "-"),
    concat!("shared/", "reference"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder; none if there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut stack = vec![folder.to_owned()];
    while let Some(path) = stack.pop() {
        if path.is_dir() {
            stack.extend(
                fs::read_dir(&path)
                    .expect("a folder")
                    .map(|entry| entry.expect("an entry").path()),
            );
        } else if path.is_file() {
            out.push(path);
        }
    }
    out.sort();
    out
}

/// The module a source file belongs to: the first part of its path below `src`.
fn module(path: &Path) -> String {
    let relative = path
        .strip_prefix(root().join("src"))
        .expect("it is below src");
    let first = relative
        .components()
        .next()
        .expect("it has a name")
        .as_os_str()
        .to_string_lossy()
        .into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// The modules that code names as `crate::module` or at the first level of `crate::{…}`, each with its line.
fn named(text: &str) -> Vec<(usize, String)> {
    let mut out = Vec::new();
    for (at, found) in text.match_indices("crate::") {
        let line = text[..at].lines().count().max(1);
        let is_comment = text[..at]
            .lines()
            .last()
            .is_some_and(|line| line.trim_start().starts_with("//"));
        let rest = &text[at + found.len()..];
        if is_comment {
            continue;
        }
        let Some(list) = rest.strip_prefix('{') else {
            out.push((line, word(rest)));
            continue;
        };
        let mut depth = 1;
        let mut is_start = true;
        for (offset, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => is_start = true,
                c if depth == 1 && is_start && c.is_alphabetic() => {
                    out.push((line, word(&list[offset..])));
                    is_start = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    out
}

#[test]
fn modules_name_only_what_the_table_allows() {
    let sources = files(&root().join("src"));
    assert!(sources.len() > 20, "the sources were not found");
    let mut faults = Vec::new();
    for path in sources {
        let module = module(&path);
        if TOP.contains(&&*module) {
            continue;
        }
        let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| *name == module) else {
            faults.push(format!(
                "{}: the table does not know the module `{module}`",
                path.display()
            ));
            continue;
        };
        // Tests beside the code may build what they need with other modules' test forms.
        let is_test = path
            .components()
            .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
        if is_test {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source can be read");
        let body = text.split("\n#[cfg(test)]\n").next().unwrap_or(&text);
        for (line, word) in named(body) {
            let is_module = MAY_NAME.iter().any(|(name, _)| *name == word) || TOP.contains(&&*word);
            if is_module && word != module && !allowed.contains(&&*word) {
                faults.push(format!(
                    "{}:{line}: `{module}` names `{word}`",
                    path.display()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_rule_of_naming_would_notice() {
    let text = "use crate::{\n    model::{Plan, Slot},\n    web::State,\n};\n// crate::app in a comment\nfn f() { crate::store::open(); }\n";
    let words: Vec<_> = named(text).into_iter().map(|(_, word)| word).collect();
    assert_eq!(words, ["model", "web", "store"]);
}

#[test]
fn the_project_speaks_of_itself_alone() {
    let folders = [
        "src", "tests", "examples", "benches", "docs", "deploy", ".ci",
    ];
    let mut faults = Vec::new();
    for path in folders
        .iter()
        .flat_map(|folder| files(&root().join(folder)))
    {
        // Pictures and the like are no text.
        if let Ok(text) = fs::read_to_string(&path) {
            for word in FOREIGN_WORDS.iter().filter(|word| text.contains(**word)) {
                faults.push(format!("{}: `{word}`", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
