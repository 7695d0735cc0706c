//! `releases`: what was released and what came of it; and what somebody announces, understood from words.
//!
//! ```json
//! {"now": "…", "releases": [{"id": "r12", "title": "core", "targets": ["core/a"], "version": "4.18.2", "by": "jan",
//!  "changes": ["…"], "url": null, "at": "…", "outcome": {"at": "…", "words": ["all 6 are as before"], "worse": false}}]}
//! ```

use std::collections::HashSet;

use serde_json::{Value, json};
use url::Url;

use super::{
    Heard, Question, Reply, help,
    lookup::{self, Selection},
    planned::several,
};
use crate::model::{
    Board, TargetId, Timestamp,
    board::Row,
    planned::{Agenda, WORDS_MAX, Wish},
    release::{
        Announced, Announcement, CHANGE_CHARS_MAX, CHANGES_MAX, Release, URL_CHARS_MAX,
        VERSION_CHARS_MAX,
    },
    text::{clean, span},
};

/// So many releases are listed, the newest first.
const LISTED_MAX: usize = 10;
/// So many targets are named in a title; the rest is counted.
const NAMED_MAX: usize = 3;

/// What somebody announces, as they say it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Said {
    /// Who gets it, as people call them.
    pub names: String,
    /// The version.
    pub version: String,
    /// What changed, a line each.
    pub changes: Vec<String>,
    /// Where to read more.
    pub url: Option<String>,
    /// By which a repeat is known.
    pub key: Option<String>,
}

/// `release announce master version 4.18.2: faster imports; prices with four digits`
pub(super) fn heard(question: &Question<'_>) -> Heard {
    match Said::read(question.words) {
        Ok(said) => announce(said, question.board, question.command),
        Err(understood) => Heard::Reply(Reply::Problem {
            understood,
            nearest: Vec::new(),
            hint: hint(question.command),
            choices: None,
        }),
    }
}

fn hint(command: &str) -> String {
    if command.starts_with('/') {
        format!(
            "say it as `{command} release announce core version 4.18.2: what changed; what else`"
        )
    } else {
        format!("say it as `{command} release announce core --version 4.18.2`")
    }
}

impl Said {
    /// Names, `version` and the version, and behind a colon what changed, a semicolon between two changes.
    fn read(words: &str) -> Result<Self, String> {
        let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
        let is = |word: &str| lookup::is_same_word(first, word);
        if !is("announce") && !is("add") {
            return Err(if first.is_empty() {
                String::from("it is not said what is released")
            } else {
                let shown = clean(first, lookup::SHOWN_MAX);
                format!("`{shown}` is nothing that can be done with a release")
            });
        }
        let rest: Vec<_> = rest.split(' ').collect();
        let at = rest.iter().position(|word| {
            lookup::is_same_word(word.trim_start_matches(['-', '—', '–']), "version")
        });
        let Some(at) = at else {
            return Err(String::from("it is not said which version"));
        };
        let behind = rest[at + 1..].join(" ");
        let (version, changes) = behind.split_once(' ').unwrap_or((&behind, ""));
        Ok(Self {
            names: rest[..at].join(" "),
            version: version.trim_end_matches([':', ';', ',']).to_owned(),
            changes: changes.split(';').map(str::to_owned).collect(),
            ..Self::default()
        })
    }
}

/// Understands an announcement.
pub fn announce(said: Said, board: &Board, command: &str) -> Heard {
    let problem = |understood: String, nearest: Vec<String>| {
        Heard::Reply(Reply::Problem {
            understood,
            nearest,
            hint: hint(command),
            choices: None,
        })
    };
    let targets = match several(board, &said.names) {
        Ok(targets) => targets,
        Err(nobody) => {
            let nearest = nobody.nearest.into_iter();
            let dashes = if command.starts_with('/') { "" } else { "--" };
            let version = &said.version;
            let again = |name| format!("release announce {name} {dashes}version {version}");
            return problem(nobody.understood, nearest.map(again).collect());
        }
    };
    match checked(said, targets, board) {
        Ok(announcement) => Heard::Wish(Wish::Announce(Box::new(announcement))),
        Err(understood) => problem(understood, Vec::new()),
    }
}

/// What is announced to these targets, with everything that is foreign cleaned and capped.
///
/// # Errors
///
/// What is wrong with it, as a sentence without a full stop.
pub fn checked(said: Said, targets: Vec<TargetId>, board: &Board) -> Result<Announcement, String> {
    let version = clean(&said.version, VERSION_CHARS_MAX);
    if version.is_empty() {
        return Err(String::from("it is not said which version"));
    }
    let url = said.url.filter(|url| !url.trim().is_empty());
    let url = url.map(|url| link(&url)).transpose()?;
    let lines = said.changes.iter().flat_map(|text| text.lines());
    let mut changes: Vec<String> = lines
        .map(|line| {
            clean(
                line.trim_start_matches(['-', '*', '•', ' ']),
                CHANGE_CHARS_MAX,
            )
        })
        .filter(|line| !line.is_empty())
        .collect();
    if changes.len() > CHANGES_MAX {
        let more = changes.len() - (CHANGES_MAX - 1);
        changes.truncate(CHANGES_MAX - 1);
        changes.push(format!("and {more} more"));
    }
    let key = said.key.map(|key| clean(&key, WORDS_MAX));
    Ok(Announcement {
        title: title(&targets, board),
        is_deploy: targets.len() == 1,
        targets,
        version,
        changes,
        url,
        key: key.filter(|key| !key.is_empty()),
    })
}

fn link(text: &str) -> Result<String, String> {
    let url = Url::parse(text.trim()).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    // Names and passwords in a link would be shown to everybody.
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
    let url = url
        .map(String::from)
        .filter(|url| url.len() <= URL_CHARS_MAX);
    url.ok_or_else(|| {
        format!("`url` is no link to a page, such as https://git.example.com/core/releases/4.18.2 of at most {URL_CHARS_MAX} characters")
    })
}

/// What people call these together: the group if it is all of one, else each of them.
fn title(targets: &[TargetId], board: &Board) -> String {
    let rows: Vec<_> = targets
        .iter()
        .filter_map(|target| board.row(target))
        .collect();
    let group = rows.first().and_then(|row| row.target.group.clone());
    let of_group = |row: &Row| row.target.group == group;
    let is_whole = group.is_some()
        && rows.len() > 1
        && rows.iter().all(|row| of_group(row))
        && board.rows.iter().filter(|row| of_group(row)).count() == rows.len();
    if let Some(group) = group.filter(|_| is_whole) {
        return group.as_str().to_owned();
    }
    let named = rows.iter().take(NAMED_MAX).map(|row| row.target.title());
    let mut title = named.collect::<Vec<_>>().join(", ");
    let more = rows.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        title.push_str(" and ");
        title.push_str(&more.to_string());
        title.push_str(" more");
    }
    title
}

/// `releases [words]`
pub(super) fn answer(question: &Question<'_>) -> Reply {
    let agenda = question.board.agenda.load();
    match select(question.board, &agenda, question.words) {
        Ok(releases) => Reply::Said(lines(&releases, question.now)),
        Err((understood, nearest)) => Reply::Problem {
            understood,
            nearest: nearest
                .into_iter()
                .map(|name| format!("releases {name}"))
                .collect(),
            hint: help::hint(question.command),
            choices: None,
        },
    }
}

/// The releases that those got whom the words name, or all; the newest first.
///
/// # Errors
///
/// What was not understood, and the nearest names.
pub fn select<'a>(
    board: &Board,
    agenda: &'a Agenda,
    words: &str,
) -> Result<Vec<&'a Release>, (String, Vec<String>)> {
    let newest = agenda.releases.iter().rev().map(|release| &**release);
    if words.trim().is_empty() {
        return Ok(newest.collect());
    }
    match lookup::select(board, words) {
        Selection::Rows { rows, .. } => {
            let wanted: HashSet<_> = rows.iter().map(|row| &row.target.id).collect();
            let is_wanted = |target: &TargetId| wanted.contains(target);
            Ok(newest
                .filter(|release| release.targets.iter().any(is_wanted))
                .collect())
        }
        Selection::Nothing {
            understood,
            nearest,
        } => Err((understood, nearest)),
    }
}

/// A line each: `` `r12` core 4.18.2 by jan 20 min ago: all 6 are as before ``.
pub fn lines(releases: &[&Release], now: Timestamp) -> Vec<String> {
    if releases.is_empty() {
        return vec![String::from("no release is known")];
    }
    let mut out: Vec<_> = releases
        .iter()
        .take(LISTED_MAX)
        .map(|release| one(release, now))
        .collect();
    let more = releases.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        out.push(format!("and {more} that are older"));
    }
    out
}

fn one(release: &Release, now: Timestamp) -> String {
    let came_of_it = match &release.outcome {
        Some(outcome) => format!(
            "{} later: {}",
            span(outcome.at.since(release.at)),
            outcome.words.join("; ")
        ),
        None => String::from("what comes of it is not known yet"),
    };
    format!(
        "`{}` {} by {} {} ago; {}",
        release.id,
        said(&release.name()),
        said(&release.by.name),
        span(now.since(release.at)),
        said(&came_of_it)
    )
}

/// What was taken in, as sentences without a full stop.
pub(super) fn done(announced: &Announced, now: Timestamp, command: &str) -> Vec<String> {
    let release = &announced.release;
    if announced.is_repeat {
        let ago = span(now.since(release.at));
        return vec![format!(
            "{} is known already: {} was announced {ago} ago, and nothing was done again",
            said(&release.name()),
            release.id
        )];
    }
    let mut out = vec![format!(
        "{} is announced — id {}; `{command} releases` says what comes of it",
        said(&release.name()),
        release.id
    )];
    out.extend(announced.deploy.as_ref().map(|planned| {
        format!(
            "{} may go down and come back untold for {} (deploy {})",
            release.title,
            span(planned.until.since(planned.from)),
            planned.id
        )
    }));
    out.extend(announced.but.clone());
    out
}

/// `{"release": …, "is_repeat": false, "deploy": "d13", "but": null}`
pub(super) fn json_announced(announced: &Announced) -> Value {
    json!({
        "release": json_one(&announced.release),
        "is_repeat": announced.is_repeat,
        "deploy": announced.deploy.as_ref().map(|planned| planned.id.to_string()),
        "but": announced.but,
    })
}

/// As at the top.
pub fn json(releases: &[&Release], now: Timestamp) -> Value {
    let releases: Vec<_> = releases.iter().map(|release| json_one(release)).collect();
    json!({ "now": now.to_string(), "releases": releases })
}

fn json_one(release: &Release) -> Value {
    json!({
        "id": release.id.to_string(),
        "title": release.title,
        "targets": release.targets.iter().map(TargetId::as_str).collect::<Vec<_>>(),
        "version": release.version,
        "by": release.by.name,
        "changes": release.changes,
        "url": release.url,
        "at": release.at.to_string(),
        "outcome": release.outcome.as_ref().map(|outcome| json!({
            "at": outcome.at.to_string(),
            "words": outcome.words,
            "worse": outcome.is_worse,
        })),
    })
}

/// Foreign words where what stands in backticks can be typed.
fn said(words: &str) -> String {
    words.replace('`', "'")
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write as _, sync::Arc, time::Duration};

    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        command::{ask, fixture},
        model::{
            planned::Person,
            release::{Change, ChangeKind, Outcome, ReleaseId},
        },
    };

    fn release(number: u64, targets: &[&str], minutes_ago: u64) -> Release {
        let at = fixture::NOW - Duration::from_mins(minutes_ago);
        Release {
            id: ReleaseId(number),
            title: String::from("master"),
            targets: targets.iter().map(|id| TargetId::new(*id)).collect(),
            version: format!("4.18.{number}"),
            by: Person {
                name: String::from("alice"),
                slack_user: None,
            },
            changes: Vec::new(),
            url: None,
            key: None,
            at,
            before: Vec::new(),
            account: None,
            outcome: (minutes_ago > 10).then(|| Outcome {
                at: at + Duration::from_mins(10),
                words: vec![String::from("all 2 are as before")],
                is_worse: false,
            }),
        }
    }

    fn board() -> Board {
        let board = fixture::board();
        let mut agenda = (**board.agenda.load()).clone();
        agenda.releases = vec![
            Arc::new(release(1, &["master/blue", "master/green"], 90)),
            Arc::new(Release {
                version: String::from("`4` <!channel>"),
                ..release(2, &["cron/purple"], 3)
            }),
        ];
        agenda.near_within = Duration::from_mins(30);
        agenda.changes = [Change {
            at: fixture::NOW - Duration::from_mins(20),
            targets: vec![TargetId::new("master/green")],
            job: None,
            words: String::from("master 4.18.1 by alice went out"),
            kind: ChangeKind::Release,
        }]
        .into();
        board.agenda.store(Arc::new(agenda));
        board
    }

    #[test]
    fn releases_are_listed_newest_first_and_by_whoever_got_them() {
        let board = board();
        let mut out = String::new();
        for words in [
            "releases",
            "releases green",
            "releases api",
            "releases grean",
        ] {
            let reply = ask(&board, words, fixture::NOW, "hekate");
            let Reply::Said(lines) = &reply else {
                let Reply::Problem {
                    understood,
                    nearest,
                    ..
                } = reply
                else {
                    panic!("{reply:?}");
                };
                writeln!(out, "{words}: {understood}; {nearest:?}").unwrap();
                continue;
            };
            writeln!(out, "{words}:\n  {}", lines.join("\n  ")).unwrap();
        }
        expect![[r#"
            releases:
              `r2` master '4' <!channel> by alice 3 min ago; what comes of it is not known yet
              `r1` master 4.18.1 by alice 1 h 30 min ago; 10 min later: all 2 are as before
            releases green:
              `r1` master 4.18.1 by alice 1 h 30 min ago; 10 min later: all 2 are as before
            releases api:
              no release is known
            releases grean: nothing is called `grean`; ["releases green"]
        "#]]
        .assert_eq(&out);
    }

    fn understood(said: Said) -> Result<Announcement, String> {
        match announce(said, &fixture::board(), "hekate") {
            Heard::Wish(Wish::Announce(announcement)) => Ok(*announcement),
            Heard::Reply(Reply::Problem {
                understood,
                nearest,
                ..
            }) => Err(format!("{understood} {nearest:?}")),
            other @ (Heard::Reply(_)
            | Heard::List(_)
            | Heard::Wish(_)
            | Heard::Order(_)
            | Heard::Tasks(_)
            | Heard::Opinion(_)
            | Heard::Seek(_)
            | Heard::Measure(_)
            | Heard::OnCall) => panic!("{other:?}"),
        }
    }

    fn said(names: &str, version: &str) -> Said {
        Said {
            names: names.to_owned(),
            version: version.to_owned(),
            ..Said::default()
        }
    }

    #[test]
    fn whoever_gets_it_is_called_as_people_call_them() {
        for (names, title, is_deploy) in [
            ("master", "master", false),
            ("rh", "master", false),
            ("green master", "master green", true),
            (
                "master, cron",
                "master blue, master green, cron purple and 1 more",
                false,
            ),
            ("api", "api", true),
        ] {
            let announcement = understood(said(names, "4.18.2")).unwrap();
            assert_eq!(
                (&*announcement.title, announcement.is_deploy),
                (title, is_deploy)
            );
        }
        for (said, why) in [
            (said("mastr", "1"), "release announce master"),
            (said("", "1"), "no target was named"),
            (
                said("master", " \u{200b}\n"),
                "it is not said which version",
            ),
            (
                Said {
                    url: Some(String::from("javascript:alert(1)")),
                    ..said("master", "1")
                },
                "`url` is no link",
            ),
            (
                Said {
                    url: Some(String::from("https://jan:secret@git.example.com/")),
                    ..said("master", "1")
                },
                "`url` is no link",
            ),
        ] {
            let words = understood(said).unwrap_err();
            assert!(words.contains(why) && !words.contains("secret"), "{words}");
        }
    }

    #[test]
    fn it_is_announced_in_slack_by_words() {
        let mut out = String::new();
        for words in [
            "release announce master version 4.18.2",
            "release announce green master version 4.18.2: faster imports; prices with four digits;",
            "Release Add api Version v2, what the version changes",
            "release announce master 4.18.2",
            "release announce mastr version 4.18.2",
            "release announce version 4.18.2",
            "release announce master version",
            "release",
            "release end r12",
        ] {
            let heard = crate::command::hear(&fixture::board(), words, fixture::NOW, "/roih");
            match heard {
                Heard::Wish(Wish::Announce(said)) => writeln!(
                    out,
                    "{words}: {} {} {:?}",
                    said.title, said.version, said.changes
                ),
                Heard::Reply(Reply::Problem {
                    understood,
                    nearest,
                    ..
                }) => {
                    writeln!(out, "{words}: {understood} {nearest:?}")
                }
                other @ (Heard::Reply(_)
                | Heard::List(_)
                | Heard::Wish(_)
                | Heard::Order(_)
                | Heard::Tasks(_)
                | Heard::Opinion(_)
                | Heard::Seek(_)
                | Heard::Measure(_)
                | Heard::OnCall) => panic!("{other:?}"),
            }
            .unwrap();
        }
        expect![[r#"
            release announce master version 4.18.2: master 4.18.2 []
            release announce green master version 4.18.2: faster imports; prices with four digits;: master green 4.18.2 ["faster imports", "prices with four digits"]
            Release Add api Version v2, what the version changes: api v2 ["what the version changes"]
            release announce master 4.18.2: it is not said which version []
            release announce mastr version 4.18.2: nothing is called `mastr` ["release announce master version 4.18.2"]
            release announce version 4.18.2: no target was named []
            release announce master version: it is not said which version []
            release: it is not said what is released []
            release end r12: `end` is nothing that can be done with a release []
        "#]].assert_eq(&out);
    }

    #[test]
    fn more_lines_than_are_told_are_counted() {
        let changes = |count: usize| {
            let lines = (0..count).map(|at| format!("- change {at}\n\n"));
            let said = Said {
                changes: vec![lines.collect()],
                ..said("master", "1")
            };
            understood(said).unwrap().changes
        };
        assert_eq!(changes(10).len(), 10);
        assert_eq!(changes(10)[9], "change 9");
        assert_eq!(changes(11).len(), 10);
        assert_eq!(changes(11)[9], "and 2 more");
        assert_eq!(changes(0).len(), 0);
    }

    proptest! {
        #[test]
        fn whatever_is_announced_is_short_and_on_one_line(
            version in "\\PC{0,200}",
            changes in proptest::collection::vec("(?s).{0,400}", 0..30),
            key in proptest::option::of("\\PC{0,300}"),
        ) {
            let said = Said { changes, key, ..said("master", &version) };
            if let Ok(announcement) = understood(said) {
                prop_assert!(announcement.version.chars().count() <= VERSION_CHARS_MAX);
                prop_assert!(announcement.changes.len() <= CHANGES_MAX);
                for line in announcement.changes {
                    prop_assert!(!line.contains('\n') && line.chars().count() <= CHANGE_CHARS_MAX);
                }
            }
        }
    }
}
