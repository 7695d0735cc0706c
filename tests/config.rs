//! Whole files and what is said of them: the shipped file, the examples, and golden files of mistakes.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use expect_test::expect_file;
use hekate::config::{Environment, Format, Level, Outcome, load, load_text, schema};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All variables that the shipped file and the examples use.
fn environment() -> Environment {
    let webhooks = [
        "URL", "DISASTER", "CORE", "NASTENKA", "RELEASES", "OPS", "DATA",
    ]
    .map(|name| {
        (
            format!("SLACK_WEBHOOK_{name}"),
            "https://hooks.slack.com/services/T0/B0/not-a-secret",
        )
    });
    let others = ["INTRANET_TOKEN", "PAGER_SECRET", "SHOP_PASSWORD"]
        .map(|name| (String::from(name), "a-value-of-many-characters"));
    Environment::of(webhooks.into_iter().chain(others))
}

fn shipped() -> String {
    fs::read_to_string(root().join("targets.yaml")).expect("targets.yaml is at the root")
}

fn loads_without_a_word(path: &Path) -> Outcome {
    let outcome = load(path, &environment());
    let said = outcome.report.render(Format::Human, false);
    assert!(
        outcome.report.problems.is_empty() && outcome.plan.is_some(),
        "{said}"
    );
    outcome
}

#[test]
fn the_shipped_file_loads() {
    let outcome = loads_without_a_word(&root().join("targets.yaml"));
    let plan = outcome.plan.expect("it has no errors");
    let ids: Vec<_> = plan
        .targets
        .iter()
        .map(|target| target.id.as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "master/blue",
            "master/green",
            "cron/purple",
            "cron/yellow",
            "staging/blue",
            "staging/green"
        ]
    );
    assert_eq!(
        plan.ops().map(hekate::model::ChannelName::as_str),
        Some("ops")
    );
}

#[test]
fn the_shipped_file_can_be_tried_without_any_variable() {
    let preview = Environment::default().for_preview();
    let outcome = load(&root().join("targets.yaml"), &preview);
    assert!(
        outcome.plan.is_some(),
        "{}",
        outcome.report.render(Format::Human, false)
    );
    let outcome = load(&root().join("targets.yaml"), &Environment::default());
    assert_eq!(
        outcome.report.errors(),
        5,
        "{}",
        outcome.report.render(Format::Human, false)
    );
}

#[test]
fn every_example_loads() {
    let mut count = 0;
    for entry in fs::read_dir(root().join("examples")).expect("there are examples") {
        let path = entry.expect("the folder can be read").path();
        // What is in `tests` is no file of targets, but what is expected of one.
        let is_folder = path.is_dir() && !path.ends_with("tests");
        let is_file = path
            .extension()
            .is_some_and(|extension| extension == "yaml");
        if is_folder || is_file {
            loads_without_a_word(&path);
            count += 1;
        }
    }
    assert!(count >= 5, "{count}");
}

#[test]
fn the_schema_beside_the_shipped_file_is_in_step() {
    let text = format!("{:#}\n", schema());
    expect_file!["../targets.schema.json"].assert_eq(&text);
    assert!(shipped().starts_with("# yaml-language-server: $schema=./targets.schema.json\n"));
}

/// All keys of all sections of the schema.
fn keys_of(schema: &Value, out: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                out.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| keys_of(value, out));
        }
        Value::Array(items) => items.iter().for_each(|item| keys_of(item, out)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Names in the shipped file that are of its own choice.
const NAMES: &[&str] = &[
    "disaster",
    "core_alerts",
    "nastenka",
    "releases",
    "ops",
    "pager",
    "later",
    "core",
    "night",
    "master",
    "cron",
    "staging",
    "elastic",
    "containers",
    "far_containers",
    "machines",
    "pods",
    "shops",
    "far_journal",
    "files",
    "journal",
    "own_header",
    "own_word",
    "blue",
    "balancer",
    "intranet",
    "green",
    "search",
    "shipped",
    "shipper",
    "victoria",
    "victoria_logs",
    "queue",
    "session",
    "csrf",
    "order_id",
    "hubspot_export",
    "acme/core",
    "acme/core@staging",
    "acme/green",
    "invoices",
    "restart",
    "flush_cache",
    "hush",
    "rebuild",
    "swap_soon",
    "INSTANCE",
    "WHY",
    "instance",
];

#[test]
fn the_shipped_file_shows_every_key_and_no_other() {
    let mut known = BTreeSet::new();
    keys_of(&schema(), &mut known);
    let mut shown = BTreeSet::new();
    // A comment that is not code has no `key:` with a space or a line end after it, but prose and links may.
    for line in shipped()
        .lines()
        .skip_while(|line| !line.starts_with("version"))
    {
        let code = line.trim_start().trim_start_matches(['#', ' ']);
        let code = code
            .split(" # ")
            .next()
            .unwrap_or(code)
            .split("  #")
            .next()
            .unwrap_or(code);
        let mut word = String::new();
        let mut is_quoted = false;
        let mut chars = code.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' => is_quoted = !is_quoted,
                _ if is_quoted => {}
                'a'..='z' | 'A'..='Z' | '_' | '-' => word.push(c),
                ':' if !word.is_empty() && chars.peek().is_none_or(|next| *next == ' ') => {
                    shown.insert(std::mem::take(&mut word));
                }
                _ => word.clear(),
            }
        }
    }
    let missing: Vec<_> = known.difference(&shown).collect();
    assert!(
        missing.is_empty(),
        "keys that targets.yaml does not show: {missing:?}"
    );
    let strange: Vec<_> = shown
        .difference(&known)
        // Names of headers are people's own.
        .filter(|word| !NAMES.contains(&word.as_str()) && !word.contains('-'))
        .collect();
    assert!(
        strange.is_empty(),
        "keys in targets.yaml that nobody reads: {strange:?}"
    );
}

#[test]
fn mistakes_are_explained() {
    let folder = root().join("tests/config");
    let mut names: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("there are golden files")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
                || path.is_dir()
        })
        .collect();
    names.sort();
    assert!(names.len() >= 22, "{}", names.len());
    let environment = Environment::of([
        (
            "SLACK_WEBHOOK_URL",
            "https://hooks.slack.com/services/T0/B0/not-a-secret",
        ),
        (
            "SLACK_WEBHOOK_CROE",
            "https://hooks.slack.com/services/T0/B0/not-a-secret",
        ),
        ("EMPTY", ""),
    ]);
    for path in names {
        // Relative paths keep the place where this was checked out from showing.
        let path = Path::new("tests/config").join(path.file_name().expect("it is a file"));
        let outcome = load(&path, &environment);
        let said = outcome.report.render(Format::Human, false);
        assert!(!outcome.report.problems.is_empty(), "{}", path.display());
        assert_eq!(outcome.plan.is_none(), outcome.report.has_errors());
        expect_file![
            folder.join(
                path.with_extension("txt")
                    .file_name()
                    .expect("it is a file")
            )
        ]
        .assert_eq(&said);
    }
}

/// The file of the shipped kind that random edits start from: without comments, so that most edits mean something.
fn bare() -> String {
    let lines: Vec<_> = shipped()
        .lines()
        .map(|line| match line.find("  #").or_else(|| line.find(" # ")) {
            Some(at) => line[..at].trim_end().to_owned(),
            None => line.trim_end().to_owned(),
        })
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    format!("{}\n", lines.join("\n"))
}

fn is_sane(text: &str) -> Result<(), TestCaseError> {
    let outcome = load_text("targets.yaml", text, &environment());
    let lines: Vec<&str> = text.split('\n').collect();
    prop_assert_eq!(outcome.plan.is_none(), outcome.report.has_errors());
    for problem in &outcome.report.problems {
        let spans =
            std::iter::once(problem.span).chain(problem.others.iter().map(|(span, _)| *span));
        for span in spans {
            let place = outcome.report.place(span);
            prop_assert!(place.line >= 1 && place.line <= lines.len(), "{place:?}");
            let width = lines[place.line - 1].chars().count();
            prop_assert!(
                place.column >= 1 && place.column <= width + 1,
                "{place:?} of {width}"
            );
            prop_assert!(!problem.sentence.is_empty());
        }
    }
    for format in [Format::Human, Format::Short, Format::Json, Format::Github] {
        let said = outcome.report.render(format, format == Format::Human);
        prop_assert!(
            format == Format::Json || said.is_empty() == outcome.report.problems.is_empty()
        );
    }
    Ok(())
}

/// Places in a text at which it can be cut.
fn borders(text: &str) -> Vec<usize> {
    text.char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect()
}

proptest! {
    #![proptest_config(Config { cases: 200, failure_persistence: None, ..Config::default() })]

    #[test]
    fn random_edits_never_panic_and_every_place_is_inside(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4, "[ \\t\\n:#{}\\[\\]\"'&*!|>%@`,?$~<a-z0-9é🐈-]{0,3}"), 1..6),
        is_bare in any::<bool>(),
    ) {
        let mut text = if is_bare { bare() } else { shipped() };
        for (at, length, instead) in edits {
            let borders = borders(&text);
            let start = at.index(borders.len());
            let end = (start + length).min(borders.len() - 1);
            text.replace_range(borders[start]..borders[end], &instead);
        }
        is_sane(&text)?;
    }

    #[test]
    fn cut_files_never_panic(at in any::<prop::sample::Index>()) {
        let text = shipped();
        let borders = borders(&text);
        is_sane(&text[..borders[at.index(borders.len())]])?;
    }

    #[test]
    fn random_text_never_panics(text in "[ \\t\\r\\n:#{}\\[\\]\"'&*!|>%@`,?$~<=a-z0-9\\x00-\\x08\u{85}\u{2028}\u{feff}é🐈-]{0,200}") {
        is_sane(text.trim_start_matches('\u{feff}'))?;
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        is_sane(String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}'))?;
    }
}

/// Of 600 single-character edits with a fixed seed that make the file wrong, nineteen out of twenty are reported first on the
/// line that was edited.
#[test]
fn the_first_line_of_an_error_is_the_edited_one() {
    let seed = [7; 32];
    let mut runner = TestRunner::new_with_rng(
        Config {
            failure_persistence: None,
            ..Config::default()
        },
        TestRng::from_seed(RngAlgorithm::ChaCha, &seed),
    );
    let text = bare();
    let borders = borders(&text);
    let edit = (0..borders.len() - 1, 0_u8..4, "[ -~é]");
    let (mut wrong, mut right) = (0_u32, 0_u32);
    let mut elsewhere = Vec::new();
    for _ in 0..600 {
        let (at, kind, c) = edit
            .new_tree(&mut runner)
            .expect("it can be made")
            .current();
        let (start, end) = (borders[at], borders[at + 1]);
        let mut edited = text.clone();
        match kind {
            0 => edited.replace_range(start..end, ""),
            1 => edited.replace_range(start..start, &c),
            2 => edited.replace_range(start..end, &c),
            _ => {
                // Two neighbours change places.
                let Some(&after) = borders.get(at + 2) else {
                    continue;
                };
                let swapped = format!("{}{}", &text[end..after], &text[start..end]);
                edited.replace_range(start..after, &swapped);
            }
        }
        let line = 1 + text[..start].matches('\n').count();
        let outcome = load_text("targets.yaml", &edited, &environment());
        let Some(first) = outcome
            .report
            .problems
            .iter()
            .find(|problem| problem.level == Level::Error)
        else {
            continue;
        };
        wrong += 1;
        // A line end that went, or moved, belongs to both of its lines.
        let touches_end = text[start..].starts_with('\n') || text[end..].starts_with('\n');
        let found = outcome.report.place(first.span).line;
        if found == line || (touches_end && found == line + 1) {
            right += 1;
        } else {
            let shown = edited.lines().nth(line - 1).unwrap_or("");
            elsewhere.push(format!(
                "edited {line} {shown:?}\n  -> {}",
                outcome.report.first_line()
            ));
        }
    }
    let share = f64::from(right) / f64::from(wrong);
    assert!(wrong > 250, "{wrong}");
    assert!(
        share >= 0.95,
        "{right} of {wrong}:\n{}",
        elsewhere.join("\n")
    );
}
