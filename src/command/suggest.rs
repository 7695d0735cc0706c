//! `suggest`: what `max_age` should be, from the pauses that were seen in each log in the last week.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use crate::model::{
    Target, Timestamp,
    board::Row,
    logs::LogQuestion,
    pauses::{DAYS_WANTED, PauseFacts, SeenPause},
    plan::Question,
    text::span,
};

/// What is suggested for each target whose log is read.
#[derive(Clone, PartialEq, Debug)]
pub struct Suggestions {
    /// One a target, in the order of the file.
    pub lines: Vec<Suggestion>,
}

/// What is suggested for one target.
#[derive(Clone, Debug)]
pub struct Suggestion {
    /// What the file says of it.
    pub target: Arc<Target>,
    /// The `max_age` that holds.
    pub max_age: Duration,
    /// Whether any line of its log was ever seen.
    pub is_seen: bool,
    /// The pauses of its log.
    pub pauses: PauseFacts,
}

impl PartialEq for Suggestion {
    fn eq(&self, other: &Self) -> bool {
        self.target.id == other.target.id
            && self.max_age == other.max_age
            && self.is_seen == other.is_seen
            && self.pauses == other.pauses
    }
}

impl Suggestions {
    /// What these rows of the board suggest; targets whose log nobody reads are left out.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a Arc<Row>>) -> Self {
        let lines = rows.into_iter().filter_map(|row| {
            let log = row.log().filter(|log| log.newest.is_some());
            Suggestion::of(&row.target, log.map(|log| log.pauses))
        });
        Self {
            lines: lines.collect(),
        }
    }
}

fn log_of(target: &Target) -> Option<&LogQuestion> {
    target.checks.iter().find_map(|check| {
        let Question::LogFreshness(question) = &check.question else {
            return None;
        };
        Some(&**question)
    })
}

impl Suggestion {
    /// What the pauses of its log suggest, absent if it never was seen; nothing if nobody reads the log of this target.
    pub fn of(target: &Arc<Target>, pauses: Option<PauseFacts>) -> Option<Self> {
        let question = log_of(target)?;
        Some(Self {
            target: Arc::clone(target),
            max_age: question.max_age,
            is_seen: pauses.is_some(),
            pauses: pauses.unwrap_or_default(),
        })
    }

    /// The `max_age` to write, if enough was seen.
    pub fn suggested(&self) -> Option<Duration> {
        self.pauses.suggested()
    }

    /// Whether the `max_age` that holds is at least three times the longest usual pause.
    pub fn is_enough(&self) -> bool {
        self.pauses
            .longest
            .is_none_or(|pause| self.max_age >= pause.length * 3)
    }

    /// What follows from what was seen, in a few words.
    fn words(&self) -> String {
        if !self.is_seen {
            return String::from("no line seen yet");
        }
        let days = self.pauses.days;
        if days < DAYS_WANTED {
            return format!("not enough seen yet ({days} days of {DAYS_WANTED})");
        }
        match (self.pauses.longest, self.suggested()) {
            (None, _) => String::from("no usual pause seen"),
            (Some(_), None) => {
                String::from("longer than `max_age` can be: no silence of it means anything")
            }
            (Some(_), Some(suggested)) if suggested == self.max_age => {
                String::from("as it should be")
            }
            (Some(_), Some(suggested)) if self.is_enough() => {
                format!("enough; {} would do", written(suggested))
            }
            (Some(_), Some(suggested)) => format!("too short; {}", written(suggested)),
        }
    }

    /// What to ask a person about a silence that was told.
    fn doubt(&self) -> Option<String> {
        let told = self.pauses.told?;
        let wants = told.wants.map(written)?;
        Some(format!(
            "silent for {}, which was told; if that was no outage: {wants}",
            pause_words(&told)
        ))
    }
}

/// `≤ 4 min 25 s on Wed 18 Nov`
fn pause_words(pause: &SeenPause) -> String {
    let sign = if pause.is_whole { '≤' } else { '≥' };
    let day = pause.day.to_utc().format("%a %-d %b");
    format!("{sign} {} on {day}", span(pause.length))
}

/// A length of time as the file takes it: `15m`.
fn written(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0 => String::from("0s"),
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// For people: one line a target, and what can be pasted into the file.
pub fn text(suggestions: &Suggestions) -> String {
    if suggestions.lines.is_empty() {
        return String::from("no target has `log_freshness`, so there is nothing to suggest\n");
    }
    let header = ["target", "longest pause", "max_age", ""].map(String::from);
    let mut rows = vec![(header, None)];
    rows.extend(suggestions.lines.iter().map(|line| {
        let longest = line.pauses.longest.as_ref();
        let cells = [
            line.target.title(),
            longest.map_or_else(|| String::from("-"), pause_words),
            written(line.max_age),
            line.words(),
        ];
        (cells, line.doubt())
    }));
    let widths = [0, 1, 2].map(|column| {
        let cells = rows.iter().map(|(cells, _)| cells[column].width());
        cells.max().unwrap_or(0)
    });
    let mut out = String::new();
    for (cells, doubt) in &rows {
        for (cell, width) in cells.iter().zip(widths) {
            out.push_str(cell);
            out.extend(std::iter::repeat_n(
                ' ',
                width.saturating_sub(cell.width()) + 2,
            ));
        }
        out.push_str(&cells[3]);
        out.truncate(out.trim_end().len());
        out.push('\n');
        if let Some(doubt) = doubt {
            // Writing to a text cannot fail.
            let _ = writeln!(out, "  {doubt}");
        }
    }
    let yaml = yaml(suggestions);
    if !yaml.is_empty() {
        out.push('\n');
        out.push_str(&yaml);
    }
    out
}

/// What to write into the file where it says something else now; empty if nothing is to be changed.
fn yaml(suggestions: &Suggestions) -> String {
    let mut out = String::new();
    for line in &suggestions.lines {
        let (Some(suggested), Some(longest)) = (line.suggested(), &line.pauses.longest) else {
            continue;
        };
        if suggested == line.max_age {
            continue;
        }
        if out.is_empty() {
            out.push_str("targets:\n");
        }
        let quoted = |text: &str| Value::from(text).to_string();
        // Writing to a text cannot fail.
        let _ = writeln!(out, "  - name: {}", quoted(&line.target.name));
        if let Some(group) = &line.target.group {
            let _ = writeln!(out, "    group: {}", quoted(group.as_str()));
        }
        let _ = writeln!(
            out,
            "    log_freshness:\n      max_age: {:6} # was {}; longest usual pause {}",
            written(suggested),
            written(line.max_age),
            pause_words(longest)
        );
    }
    out
}

/// One line a target: `master blue: 15m (max_age 5m): too short; 15m`.
pub fn short(suggestions: &Suggestions) -> String {
    let mut out = String::new();
    for line in &suggestions.lines {
        let suggested = line.suggested().map_or_else(|| String::from("-"), written);
        // Writing to a text cannot fail.
        let _ = writeln!(
            out,
            "{}: {suggested}: max_age {}: {}",
            line.target.title(),
            written(line.max_age),
            line.words()
        );
    }
    out
}

/// For programs:
///
/// ```json
/// {"targets": [{"id": "master/blue", "max_age_ms": 300000, "suggested_ms": 900000, "days_seen": 7, "days_wanted": 7,
///  "seen": true, "longest": {"length_ms": 265000, "at_most": true, "day": "2026-11-18", "wants_ms": 900000},
///  "told": null}]}
/// ```
///
/// `suggested_ms` is `null` while too little was seen. With `at_most` a pause was no longer than `length_ms`, without it
/// no shorter. `told` is a longer one that was told as silence on one day only.
pub fn json(suggestions: &Suggestions) -> Value {
    let millis = |length: Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let pause = |pause: &SeenPause| {
        json!({
            "length_ms": millis(pause.length),
            "at_most": pause.is_whole,
            "day": day(pause.day),
            "wants_ms": pause.wants.map(millis),
        })
    };
    let line = |line: &Suggestion| {
        json!({
            "id": line.target.id.as_str(),
            "max_age_ms": millis(line.max_age),
            "suggested_ms": line.suggested().map(millis),
            "days_seen": line.pauses.days,
            "days_wanted": DAYS_WANTED,
            "seen": line.is_seen,
            "longest": line.pauses.longest.as_ref().map(pause),
            "told": line.pauses.told.as_ref().map(pause),
        })
    };
    json!({ "targets": suggestions.lines.iter().map(line).collect::<Vec<_>>() })
}

fn day(at: Timestamp) -> String {
    at.to_utc().format("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::{
        command::fixture,
        model::{
            Board, Check, CheckKind, Group, Policy, SourceName,
            board::LogFacts,
            logs::{LogRow, Subject},
        },
    };

    fn pause(length: u64, is_whole: bool, wants: u64) -> SeenPause {
        SeenPause {
            length: Duration::from_secs(length),
            is_whole,
            day: Timestamp::from_millis(1_794_960_000_000),
            wants: (wants > 0).then(|| Duration::from_mins(wants)),
        }
    }

    fn facts(days: u8, longest: Option<SeenPause>, told: Option<SeenPause>) -> PauseFacts {
        PauseFacts {
            days,
            longest,
            told,
        }
    }

    /// Targets whose logs were seen to do this; absent = never seen.
    fn board(logs: &[(&str, Option<PauseFacts>)]) -> Board {
        let logging = |name: &str| {
            let mut target = fixture::target(Some("master"), name);
            target.checks.push(Check {
                kind: CheckKind::LogFreshness,
                policy: Policy::default(),
                question: Question::LogFreshness(Arc::new(LogQuestion {
                    source: SourceName::new("graylog"),
                    subject: Subject {
                        query: String::from("app:x"),
                        streams: Vec::new(),
                        lookback: Duration::from_mins(15),
                    },
                    max_age: Duration::from_mins(5),
                    quiet: Vec::new(),
                    is_silent_when_inactive: false,
                })),
            });
            target
        };
        let mut targets: Vec<_> = logs.iter().map(|(name, _)| logging(name)).collect();
        targets.push(fixture::target(Some("master"), "without-a-log"));
        let groups: Vec<Group> = fixture::board().groups;
        let board = Board::of(&fixture::plan_of(groups, targets), fixture::NOW, None);
        for (row, (_, pauses)) in board.rows.iter().zip(logs) {
            row.set_log(Arc::new(LogFacts {
                source: SourceName::new("graylog"),
                title: "Graylog",
                row: LogRow::Fresh,
                newest: pauses.map(|_| fixture::NOW),
                proved_to: Some(fixture::NOW),
                pauses: pauses.unwrap_or_default(),
            }));
        }
        board
    }

    fn all() -> Suggestions {
        let outage = pause(7_200, true, 360);
        let board = board(&[
            ("blue", Some(facts(7, Some(pause(265, true, 15)), None))),
            (
                "green",
                Some(facts(7, Some(pause(30, true, 2)), Some(outage))),
            ),
            ("red", Some(facts(7, Some(pause(95, false, 5)), None))),
            ("young", Some(facts(2, Some(pause(95, true, 5)), None))),
            (
                "monthly",
                Some(facts(7, Some(pause(1_000_000, true, 0)), None)),
            ),
            ("idle", Some(facts(7, None, None))),
            ("no \"one\"", None),
        ]);
        Suggestions::of(&board.rows)
    }

    #[test]
    fn each_target_is_told_what_its_log_asks_for() {
        expect![[r#"
            target           longest pause               max_age
            master blue      ≤ 4 min 25 s on Wed 18 Nov  5m       too short; 15m
            master green     ≤ 30 s on Wed 18 Nov        5m       enough; 2m would do
              silent for ≤ 2 h on Wed 18 Nov, which was told; if that was no outage: 6h
            master red       ≥ 1 min 35 s on Wed 18 Nov  5m       as it should be
            master young     ≤ 1 min 35 s on Wed 18 Nov  5m       not enough seen yet (2 days of 7)
            master monthly   ≤ 11 d 13 h on Wed 18 Nov   5m       longer than `max_age` can be: no silence of it means anything
            master idle      -                           5m       no usual pause seen
            master no "one"  -                           5m       no line seen yet

            targets:
              - name: "blue"
                group: "master"
                log_freshness:
                  max_age: 15m    # was 5m; longest usual pause ≤ 4 min 25 s on Wed 18 Nov
              - name: "green"
                group: "master"
                log_freshness:
                  max_age: 2m     # was 5m; longest usual pause ≤ 30 s on Wed 18 Nov
        "#]].assert_eq(&text(&all()));
        expect![[r#"
            master blue: 15m: max_age 5m: too short; 15m
            master green: 2m: max_age 5m: enough; 2m would do
            master red: 5m: max_age 5m: as it should be
            master young: -: max_age 5m: not enough seen yet (2 days of 7)
            master monthly: -: max_age 5m: longer than `max_age` can be: no silence of it means anything
            master idle: -: max_age 5m: no usual pause seen
            master no "one": -: max_age 5m: no line seen yet
        "#]].assert_eq(&short(&all()));
        expect![[r#"
            no target has `log_freshness`, so there is nothing to suggest
        "#]]
        .assert_eq(&text(&Suggestions::of(&fixture::board().rows)));
    }

    #[test]
    fn programs_are_told_the_same() {
        let mut value = json(&all());
        let targets = value["targets"].as_array_mut().expect("a list");
        targets.truncate(2);
        expect![[r#"
            {
              "targets": [
                {
                  "days_seen": 7,
                  "days_wanted": 7,
                  "id": "master/blue",
                  "longest": {
                    "at_most": true,
                    "day": "2026-11-18",
                    "length_ms": 265000,
                    "wants_ms": 900000
                  },
                  "max_age_ms": 300000,
                  "seen": true,
                  "suggested_ms": 900000,
                  "told": null
                },
                {
                  "days_seen": 7,
                  "days_wanted": 7,
                  "id": "master/green",
                  "longest": {
                    "at_most": true,
                    "day": "2026-11-18",
                    "length_ms": 30000,
                    "wants_ms": 120000
                  },
                  "max_age_ms": 300000,
                  "seen": true,
                  "suggested_ms": 120000,
                  "told": {
                    "at_most": true,
                    "day": "2026-11-18",
                    "length_ms": 7200000,
                    "wants_ms": 21600000
                  }
                }
              ]
            }"#]]
        .assert_eq(&format!("{value:#}"));
    }

    #[test]
    fn what_is_to_be_pasted_is_yaml_and_never_less_than_three_times_a_pause() {
        let suggestions = all();
        let pasted: Value = serde_yaml::from_str(&yaml(&suggestions)).expect("it is YAML");
        let pasted: Vec<_> = pasted["targets"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|target| {
                let max_age = target["log_freshness"]["max_age"].as_str().expect("a text");
                let max_age = humantime::parse_duration(max_age).expect("a length of time");
                (target["name"].as_str().expect("a text").to_owned(), max_age)
            })
            .collect();
        let names: Vec<_> = pasted.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["blue", "green"], "only what would change");
        for (name, max_age) in &pasted {
            let line = suggestions
                .lines
                .iter()
                .find(|line| line.target.name == *name);
            let longest = line
                .and_then(|line| line.pauses.longest)
                .expect("it was seen");
            assert!(*max_age >= longest.length * 3, "{name}");
        }
    }

    #[test]
    fn lengths_are_written_as_the_file_takes_them() {
        let cases = [
            (30, "30s"),
            (90, "90s"),
            (120, "2m"),
            (5_400, "90m"),
            (7_200, "2h"),
            (129_600, "36h"),
            (259_200, "3d"),
        ];
        for (seconds, expected) in cases {
            let text = written(Duration::from_secs(seconds));
            assert_eq!(text, expected);
            assert_eq!(
                humantime::parse_duration(&text),
                Ok(Duration::from_secs(seconds))
            );
        }
    }
}
