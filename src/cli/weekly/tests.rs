//! A week as somebody reads it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use expect_test::{expect, expect_file};
use tempfile::TempDir;

use super::*;
use crate::{
    command::{
        fixture::{NOW, plan, transitions},
        sli::{self, Availability, Line, Sli, SloLine},
    },
    judge::sli::Outage,
    model::{
        Batch, Incident, TargetId, Timestamp, Verdict,
        incident::{Mark, Worth},
        plan::StoreSettings,
        planned::{Acknowledgement, Person},
        slo::{Objective, Slo},
    },
    store::{self, Chronicle, Database},
};

const MINUTE: Duration = Duration::from_mins(1);
const WEEK: Duration = Duration::from_hours(7 * 24);

fn minutes(count: usize) -> Duration {
    MINUTE * u32::try_from(count).unwrap()
}

fn window() -> Span {
    Span {
        from: NOW - WEEK,
        until: NOW,
    }
}

/// So many incidents, one every nine minutes, in turn of four targets, one of which nobody watches any more.
fn past(count: usize) -> Chronicle {
    let mut chronicle = Chronicle {
        since: Some(NOW - WEEK * 2),
        until: Some(NOW),
        ..Chronicle::default()
    };
    for place in 0..count {
        let at = NOW - WEEK + minutes(5 + place * 9);
        let target = ["master/blue", "cron/yellow", "api", "old/gone"][place % 4];
        let mut incident = Incident::begun(u64::try_from(place).unwrap() + 1, at);
        incident.targets = vec![TargetId::new(target)];
        incident.worst = match place % 5 {
            3 => Verdict::Degraded,
            4 => Verdict::Unknown,
            _ => Verdict::Down,
        };
        let lasted = if place % 3 == 0 { 3 } else { 20 };
        incident.closed_at = (place + 1 < count).then(|| at + minutes(lasted));
        incident.mark = (place % 8 == 0).then(|| Mark {
            worth: Worth::FalseAlarm,
            reason: String::from("a backup"),
            by: String::from("dana"),
            at,
        });
        if place % 2 == 0 {
            let acknowledged_at = at + minutes(place % 10 + 1);
            chronicle
                .acknowledged_at
                .insert(incident.number, acknowledged_at);
        }
        let mut turns = transitions(target);
        turns.truncate(2);
        for (turn, number) in turns
            .iter_mut()
            .zip(u64::try_from(place / 4 * 2).unwrap() + 1..)
        {
            turn.number = number;
            (turn.at, turn.since) = (at, at);
            turn.incident = Some(incident.id.clone());
        }
        chronicle.transitions.extend(turns);
        chronicle.incidents.push(incident);
    }
    chronicle
}

fn slo(name: &str, groups: &[&str]) -> Slo {
    Slo {
        name: name.to_owned(),
        groups: groups.iter().map(|group| GroupName::new(*group)).collect(),
        targets: Vec::new(),
        objective: Objective::parse("99.9%").unwrap(),
        window: WEEK,
    }
}

/// `master`, `cron` and `api`, with an SLO of one group and one of all.
fn file() -> Plan {
    Plan {
        slos: [
            slo("master availability", &["master"]),
            slo("all|of it", &[]),
        ]
        .into(),
        ..plan()
    }
}

fn measured() -> Measured {
    let sli = |down: usize, from: usize| Sli {
        operational: WEEK.saturating_sub(minutes(down)),
        down: minutes(down),
        outages: u32::from(down > 0),
        longest: (down > 0).then(|| Outage {
            from: NOW - minutes(from),
            lasted: minutes(down),
        }),
        ..Sli::default()
    };
    let line = |group: Option<&str>, name: &str, sli| {
        let target = crate::command::fixture::target(group, name);
        Line {
            target: target.id.clone(),
            group: target.group.clone(),
            title: target.title(),
            sli,
        }
    };
    let plan = file();
    let slos = plan.slos.iter().map(|slo| SloLine {
        name: slo.name.clone(),
        objective: slo.objective,
        window: slo.window,
        sli: sli(9, 600),
    });
    Measured {
        lines: vec![
            line(Some("master"), "blue", sli(2, 900)),
            line(Some("master"), "green", sli(7, 600)),
            line(Some("cron"), "purple", sli(0, 0)),
            line(
                None,
                "api",
                Sli {
                    not_measured: WEEK,
                    ..Sli::default()
                },
            ),
        ],
        slos: slos.collect(),
    }
}

fn of(count: usize, measured: &Measured, groups: &[&str]) -> Weekly {
    let groups: Vec<_> = groups.iter().map(|group| GroupName::new(*group)).collect();
    reckoning::weekly(&past(count), window(), &file(), measured, &groups)
}

fn golden(name: &str) -> expect_test::ExpectFile {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/cli/weekly/golden");
    expect_file![folder.join(name)]
}

#[test]
fn a_week_of_none_one_ten_and_a_thousand_incidents() {
    for count in [0, 1, 10, 1_000] {
        let weekly = of(count, &measured(), &[]);
        golden(&format!("{count}.txt")).assert_eq(&words::text(&weekly, chrono_tz::UTC));
    }
    let ten = of(10, &measured(), &[]);
    golden("10.md").assert_eq(&words::markdown(&ten, chrono_tz::UTC));
    let json = words::json(&ten, Some(NOW - WEEK));
    golden("10.json").assert_eq(&format!("{json:#}\n"));
}

#[test]
fn where_nobody_measured_only_what_was_told_is_said() {
    let weekly = of(3, &Measured::default(), &["master"]);
    expect![[r#"
        master
          incidents     1 began: 1 down
          acknowledged  1 of 1, half of those within 1 min
          noisiest      master/blue health: 1 told, 1 marked as false alarms, 0 as useful, 1 over within 5 min; no longer limit would have kept its false alarms back without losing what was useful; of 1 of them nobody can say what other limits would have made: too few of their looks are stored
    "#]].assert_eq(&words::text(&weekly, chrono_tz::UTC));
    expect![[r#"
        master: 99.955%, 1 incident
        cron: 100%, 1 incident
        without a group: nothing measured, 1 incident
    "#]]
    .assert_eq(&words::short(&of(3, &measured(), &[])));
}

#[test]
fn each_incident_is_in_each_of_its_groups_and_once_in_all() {
    let mut chronicle = past(1);
    chronicle.incidents[0].targets = vec![TargetId::new("master/blue"), TargetId::new("api")];
    let mut before = chronicle.incidents[0].clone();
    before.number = 2;
    before.opened_at = NOW - WEEK - MINUTE;
    let mut over = before.clone();
    over.closed_at = Some(NOW - WEEK);
    chronicle.incidents.extend([before, over]);
    let weekly = reckoning::weekly(&chronicle, window(), &file(), &measured(), &[]);
    let counts =
        |incidents: &crate::rehearsal::weekly::Incidents| (incidents.begun, incidents.open);
    let parts: Vec<_> = weekly
        .parts
        .iter()
        .map(|part| counts(&part.incidents))
        .collect();
    // What began before counts as long as it is open.
    assert_eq!(parts, [(1, 2), (0, 0), (1, 2)]);
    assert_eq!(counts(&weekly.together), (1, 2));
}

#[test]
fn half_were_acknowledged_within_the_one_in_the_middle() {
    let within = |count| {
        let weekly = of(count, &Measured::default(), &[]);
        weekly.together.acknowledged_within
    };
    assert_eq!(within(0), None);
    assert_eq!(within(1), Some(MINUTE));
    // After 1 and 3 minutes.
    assert_eq!(within(3), Some(2 * MINUTE));
    // After 1, 3 and 5.
    assert_eq!(within(5), Some(3 * MINUTE));
}

#[test]
fn what_a_running_hekate_answers_is_read_back() {
    let measured = measured();
    let answer = sli::json(&Availability {
        selection: String::new(),
        window: window(),
        lines: measured.lines.clone(),
        slos: measured.slos.clone(),
    });
    assert_eq!(measured::read(&answer.to_string()), Ok(measured));
    let why = measured::read("<html>").unwrap_err();
    assert!(why.starts_with("it answered something else"), "{why}");
    let odd = answer.to_string().replace("0.999,", "1.5,");
    assert!(measured::read(&odd).unwrap_err().contains("objective"));
    let hostile = answer
        .to_string()
        .replace("master green", "\\u001b[2Jgreen");
    assert_eq!(measured::read(&hostile).unwrap().lines[1].title, "[2Jgreen");
}

#[test]
fn a_group_that_nobody_knows_is_refused_with_the_nearest() {
    let asked = |name: &str| {
        let groups = [GroupName::new(name)];
        let weekly = reckoning::weekly(&past(9), window(), &file(), &measured(), &groups);
        unknown(&groups, &weekly, &file())
    };
    assert_eq!(asked("master"), None);
    assert_eq!(asked("old"), None, "it had incidents");
    let why = asked("mastre").unwrap();
    assert_eq!(why, "there is no group `mastre`; did you mean: master");
    assert_eq!(asked("1234567").unwrap(), "there is no group `1234567`");
}

#[test]
fn the_first_acknowledgement_counts_whatever_became_of_it() {
    let folder = TempDir::new().unwrap();
    let settings = StoreSettings {
        path: folder.path().join("data"),
        retention: WEEK,
    };
    let (mut database, _, _) = Database::open(&settings, NOW).unwrap();
    let acknowledged = |at: Timestamp| Acknowledgement {
        by: Person {
            name: String::from("dana"),
            slack_user: None,
        },
        at,
        why: None,
    };
    let states = [None, Some(NOW + MINUTE), None, Some(NOW + 5 * MINUTE)];
    for state in states {
        let mut incident = Incident::begun(7, NOW);
        incident.acknowledged = state.map(acknowledged);
        let batch = Batch {
            incidents: vec![incident],
            ..Batch::new(NOW)
        };
        database.commit(&[Arc::new(batch)]).unwrap();
    }
    let read = store::chronicle(&settings.path).unwrap();
    assert_eq!(
        read.acknowledged_at.into_iter().collect::<Vec<_>>(),
        [(7, NOW + MINUTE)]
    );
}
