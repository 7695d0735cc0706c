//! What real and realistic answers of health endpoints are read as, one line each.
//!
//! A file in `health_corpus` is an answer: lines with `>` are settings of the check, then the status, then headers, an
//! empty line, the body byte by byte. `UPDATE_EXPECT=1 cargo test --test health_corpus` writes `readings.txt` anew.

use std::{fmt::Write as _, fs, path::Path};

use expect_test::expect_file;
use hekate::{
    model::{
        Detail, Family, Outcome,
        plan::{Connection, HealthQuestion, HttpVersion, IpFamily, TlsSettings},
    },
    probe::health::{Answer, Reading, read},
};

#[test]
fn every_answer_of_the_corpus_is_read_as_before() {
    expect_file!["./health_corpus/readings.txt"].assert_eq(&readings());
}
#[test]
fn every_dialect_is_in_the_corpus() {
    let readings = readings();
    for family in Family::ALL {
        let tag = format!("[{family}]");
        let (good, bad): (Vec<_>, Vec<_>) = readings
            .lines()
            .filter(|line| line.contains(&tag))
            .partition(|line| line.contains(": healthy"));
        assert!(!good.is_empty(), "no good answer of {family}");
        assert!(!bad.is_empty(), "no bad answer of {family}");
    }
}

/// Every file of the corpus with its reading, one a line.
fn readings() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/health_corpus");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .expect("the corpus is part of the sources")
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "http")
        })
        .collect();
    names.sort();
    let mut lines = String::new();
    for path in &names {
        let name = path
            .file_stem()
            .expect("it has an extension")
            .to_string_lossy();
        let file = fs::read(path).expect("the file can be read");
        lines += &name;
        lines += ": ";
        lines += &one_line(&read_file(&file));
        lines.push('\n');
    }
    assert!(names.len() > 100);
    lines
}

/// Reads one file of the corpus.
fn read_file(file: &[u8]) -> Reading {
    let split_at = file
        .windows(2)
        .position(|two| two == b"\n\n")
        .expect("an empty line ends the head");
    let head = std::str::from_utf8(&file[..split_at]).expect("the head is text");
    let mut question = HealthQuestion {
        role_field: None,
        url: "https://api.example.test/health"
            .parse()
            .expect("it is an address"),
        url_secrets: Vec::new(),
        headers: Vec::new(),
        credentials: None,
        format: None,
        critical_components: Vec::new(),
        rules: Vec::new(),
        connection: Connection::Fresh,
        http_version: HttpVersion::Http1,
        ip: IpFamily::Auto,
        all_addresses: false,
        tls: TlsSettings::default(),
    };
    let mut answer = Answer {
        status: 0,
        content_type: None,
        location: None,
        server: None,
        via: None,
        retry_after: None,
        body: &file[split_at + 2..],
        is_cut: false,
        is_unreadable: false,
    };
    for line in head.lines() {
        let (name, value) = line.split_once(": ").unwrap_or(("status", line));
        match name {
            "> critical_components" => {
                question.critical_components = value.split(", ").map(str::to_owned).collect();
            }
            "> format" => question.format = Family::from_word(value),
            "> url" => question.url = value.parse().expect("it is an address"),
            "status" => answer.status = value.parse().expect("it is a number"),
            "content-type" => answer.content_type = Some(value),
            "location" => answer.location = Some(value),
            "server" => answer.server = Some(value),
            "via" => answer.via = Some(value),
            "retry-after" => answer.retry_after = Some(value),
            other => panic!("nobody knows the header {other}"),
        }
    }
    read(&question, &answer)
}

/// A reading as one line: what it is, the dialect, the words, what else is kept.
fn one_line(reading: &Reading) -> String {
    let family = reading.family.map_or("-", Family::as_str);
    let mut line = match &reading.outcome {
        Outcome::Healthy => format!("healthy [{family}]"),
        Outcome::Degraded(it) => format!("degraded [{family}] {}: {}", it.kind.as_str(), it.words),
        Outcome::Unhealthy(it) => {
            format!(
                "unhealthy [{family}] {} {}: {}",
                it.class.as_str(),
                it.kind.as_str(),
                it.words
            )
        }
        Outcome::Unobservable(it) => {
            format!("unobservable [{family}] {}: {}", it.kind.as_str(), it.words)
        }
    };
    if let Some(detail) = &reading.detail {
        let Detail {
            address,
            components,
            components_total,
            excerpt,
            via,
            note,
        } = &**detail;
        assert_eq!(*address, None);
        if *components_total > 0 {
            let _ = write!(line, " | {} of {components_total}:", components.len());
            for component in components {
                let message = component.message.as_deref().unwrap_or("-");
                let _ = write!(
                    line,
                    " {}={:?} ({message})",
                    component.name, component.state
                );
            }
        }
        for (name, value) in [("excerpt", excerpt), ("from", via), ("note", note)] {
            if let Some(value) = value {
                let _ = write!(line, " | {name} {value}");
            }
        }
    }
    line
}
