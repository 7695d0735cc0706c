//! Whether a command printed what a page shows.
//!
//! What is different each time stands for any of its kind: a time of day, a date, a span in ms, s, min or h, a size, a port of this
//! machine, a login, and the ids that the pages use. `…` is anything within a line, and alone on a line any lines.

use std::{collections::BTreeMap, mem};

use regex::{Captures, Regex};

/// Ids as the pages write them; what they are in truth is learned from the first answer that names them.
const IDS: [&str; 4] = ["k7f2", "m3xa", "s41", "a17"];

/// What varies, and what may stand in its place.
const KINDS: [(&str, &str); 9] = [
    (r"\d{4}\\-\d\d\\-\d\d", r"\d{4}-\d\d-\d\d"),
    (
        r"\d+(?:\\\.\d+)? (?:KiB|MiB|GiB|KB|MB|GB)\b",
        r"\d+(?:\.\d+)? (?:KiB|MiB|GiB|KB|MB|GB)",
    ),
    (
        r"(?:\d+(?:\\\.\d+)? (?:ms|s|min|h)\b ?)+",
        r"(?:\d+(?:\.\d+)? (?:ms|s|min|h)\b ?)+",
    ),
    (r"127\\\.0\\\.0\\\.1:\d+", r"127\.0\.0\.1:\d+"),
    (r"port \d+", r"port \d+"),
    (r"\d\d:\d\d:\d\d", r"\d\d:\d\d:\d\d"),
    (r"\d\d?:\d\d", r"\d\d?:\d\d"),
    (r"\b(?:CES?T|UTC)\b", "(?:CES?T|UTC)"),
    (r"\b[a-z]+@[a-z]+\b", r"\S+@[\w.-]+"),
];

/// The ids that are known so far, as the pages write them and as they are.
#[derive(Default)]
pub(crate) struct Ids {
    known: BTreeMap<&'static str, String>,
}

impl Ids {
    /// An id of the pages is this one.
    pub(crate) fn learn(&mut self, written: &'static str, real: &str) {
        self.known.insert(written, real.to_owned());
    }

    /// A command with the ids that are real.
    pub(crate) fn in_truth(&self, command: &str) -> String {
        self.known
            .iter()
            .fold(command.to_owned(), |text, (written, real)| {
                word(written).replace_all(&text, real.as_str()).into_owned()
            })
    }

    /// What was printed, with the ids that the page uses.
    pub(crate) fn as_written(&self, printed: &str) -> String {
        self.known
            .iter()
            .fold(printed.to_owned(), |text, (written, real)| {
                word(real).replace_all(&text, *written).into_owned()
            })
    }

    /// Whether this was printed, as far as it can be the same twice; learns the ids that it names.
    pub(crate) fn fits(&mut self, wanted: &[String], printed: &str) -> bool {
        let mut pattern = String::from(r"\A");
        for line in wanted {
            if line.trim() == "…" {
                pattern += r"(?:.*\n)*?";
            } else {
                pattern += &Self::of_line(line);
                pattern += r"[ \t]*\n";
            }
        }
        // Empty lines at the end are not shown.
        pattern += r"\s*\z";
        let pattern = Regex::new(&self.with_ids(pattern)).expect("it was escaped");
        let printed = format!("{}\n", printed.trim_end());
        let Some(found) = pattern.captures(&printed) else {
            return false;
        };
        for id in IDS {
            if let Some(real) = found.name(id) {
                self.known.insert(id, real.as_str().to_owned());
            }
        }
        true
    }

    /// What is known has to stand there; of what is not, the first mention is remembered.
    fn with_ids(&self, mut pattern: String) -> String {
        for id in IDS {
            let mut is_first = true;
            pattern = word(id)
                .replace_all(&pattern, |_: &Captures<'_>| {
                    match (self.known.get(id), mem::take(&mut is_first)) {
                        (Some(real), _) => real.clone(),
                        (None, true) => format!("(?P<{id}>[a-z0-9]+)"),
                        (None, false) => String::from("[a-z0-9]+"),
                    }
                })
                .into_owned();
        }
        pattern
    }

    fn of_line(line: &str) -> String {
        let kinds: Vec<String> = KINDS
            .iter()
            .map(|(written, _)| format!("({written})"))
            .collect();
        let kinds = Regex::new(&kinds.join("|")).expect("it is one");
        let escaped = regex::escape(line.trim_end());
        let mut pattern = kinds
            .replace_all(&escaped, |found: &Captures<'_>| {
                let kind = (1..=KINDS.len()).find(|group| found.get(*group).is_some());
                let (_, stands_for) = KINDS[kind.expect("one of them matched") - 1];
                format!("(?:{stands_for})")
            })
            .into_owned();
        // Columns are as wide as what varies in them.
        let gap = Regex::new(r" {2,}").expect("it is one");
        pattern = gap.replace_all(&pattern, " {2,}").into_owned();
        pattern = pattern.replace('…', ".*?");
        pattern
    }
}

fn word(id: &str) -> Regex {
    Regex::new(&format!(r"\b{id}\b")).expect("an id is letters and digits")
}

#[test]
fn what_varies_stands_for_its_kind_and_all_else_for_itself() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let mut ids = Ids::default();
    let wanted =
        lines("silenced 2 targets until 16:20 (Europe/Prague), by you@laptop — id s41; `end s41`");
    let printed =
        "silenced 2 targets until 09:05 (Europe/Prague), by root@vm-1.x — id s9; `end s9`\n";
    assert!(!ids.fits(&wanted, &printed.replace("`end s9`", "`end`")));
    assert!(ids.fits(&wanted, printed));
    assert!(!ids.fits(&wanted, &printed.replace("2 targets", "3 targets")));
    assert!(!ids.fits(&wanted, &format!("{printed}and more\n")));
    let wanted = lines("up   84 ms   10.5 KiB\n…\nend at 127.0.0.1:7878");
    for (printed, fits) in [
        ("up  5 ms    1 KiB\nend at 127.0.0.1:1\n", true),
        ("up  5 ms    1 KiB\nand\nmore\nend at 127.0.0.1:1\n\n", true),
        ("up 5 ms    1 KiB\nend at 127.0.0.1:1\n", false),
        ("up  5 ms    1 KiB\nthe end at 127.0.0.1:1\n", false),
        ("up  5 apples    1 KiB\nend at 127.0.0.1:1\n", false),
    ] {
        assert_eq!(ids.fits(&wanted, printed), fits, "{printed}");
    }
    ids.learn("k7f2", "abcd");
    assert_eq!(ids.in_truth("ack k7f2 k7f2x"), "ack abcd k7f2x");
    assert!(ids.fits(&lines("#k7f2"), "#abcd\n") && !ids.fits(&lines("#k7f2"), "#efgh\n"));
    assert_eq!(ids.as_written("#abcd"), "#k7f2");
}
