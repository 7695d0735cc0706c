//! What was stored of a script, judged by other rules.

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc, time::Duration};

use expect_test::{Expect, expect};

use super::{FILE, script};
use crate::{
    command::sli::Span,
    config::{self, Environment},
    model::{
        Batch, Incident, Plan, Timestamp,
        incident::{Mark, Worth},
        plan::StoreSettings,
    },
    rehearsal::{
        noise::{self, Noise},
        past,
        replay::{self, Row, WouldBe},
        review::moment,
        stage,
        weekly::{Measured, weekly},
    },
    store::{self, Chronicle, Database},
};

/// Three short silences, a long outage, and a port that refuses for a moment.
const STEPS: &str = "
    at: 5m, for: 66s, target: master green, health: silent
    at: 50m, for: 66s, target: master green, health: silent
    at: 95m, for: 66s, target: master green, health: silent
    at: 140m, for: 20m, target: master green, health: silent
    at: 3h, for: 30s, target: worker, tcp: refused
    at: 4h, end: true";

/// The time at 0s of scripts without a beginning of their own: 2026-01-05 09:00 in Prague.
const BEGINNING: Timestamp = Timestamp::from_millis(1_767_600_000_000);

/// What the journal of a real store tells after this script, with marks on incidents by their order.
pub(super) fn stored(steps: &str, marks: &[Option<Worth>]) -> Chronicle {
    let folder = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        path: folder.path().join("data"),
        retention: Duration::from_hours(24 * 400),
    };
    let batches = stage::recorded(&script(steps, "times: 0"), 1);
    let (mut database, _, _) = Database::open(&settings, batches[0].at).unwrap();
    for batch in batches {
        database.commit(&[Arc::new(batch)]).unwrap();
    }
    let incidents = store::chronicle(&settings.path).unwrap().incidents;
    let over = incidents.into_iter().filter(|one| !one.is_open());
    let marked: Vec<Incident> = over
        .zip(marks)
        .map(|(incident, worth)| Incident {
            mark: worth.map(|worth| Mark {
                worth,
                reason: String::from("a backup"),
                by: String::from("dana"),
                at: BEGINNING,
            }),
            ..incident
        })
        .collect();
    let batch = Batch {
        incidents: marked,
        ..Batch::new(BEGINNING + Duration::from_hours(3))
    };
    database.commit(&[Arc::new(batch)]).unwrap();
    // The store is still open: reading beside a running hekate is what it is for.
    store::chronicle(&settings.path).unwrap()
}

fn plan(text: &str) -> Arc<Plan> {
    let outcome = config::load_text("new.yaml", text, &Environment::of_process());
    let report = outcome.report.render(config::Format::Short, false);
    outcome
        .plan
        .unwrap_or_else(|| panic!("a good file: {report}"))
}

fn said(noise: &[Noise]) -> String {
    let mut out = String::new();
    for noise in noise {
        let _ = writeln!(
            out,
            "{} {}: {} told, {} false, {} useful, {} short, {} unknowable",
            noise.check.target,
            noise.check.kind,
            noise.told,
            noise.false_alarms,
            noise.useful,
            noise.short,
            noise.unknowable
        );
        if let Some(proposal) = &noise.proposal {
            let _ = writeln!(
                out,
                "  {} (now {}): {} avoided, {} others, up to {} s later, certain: {}",
                proposal.setting,
                proposal.instead_of,
                proposal.avoided,
                proposal.others_avoided,
                proposal.later.as_secs(),
                proposal.is_certain
            );
        }
    }
    out
}

#[expect(clippy::needless_pass_by_value, reason = "as expect-test has it")]
fn replayed(text: &str, expected: Expect) {
    let rows = replay::replay(&stored(STEPS, &[]), BEGINNING, &plan(text));
    let line = |row: &Row| {
        let at = |at: Timestamp| moment(at.since(BEGINNING));
        let to = |telling: &replay::Telling| {
            let to: Vec<_> = telling.to.iter().map(ToString::to_string).collect();
            let who: Vec<_> = telling
                .mention
                .iter()
                .map(|who| format!("@{who}"))
                .collect();
            format!(
                "{} {}{} +{}",
                at(telling.at),
                to.join(","),
                who.join(","),
                telling.reminders
            )
        };
        let would_be = match &row.would_be {
            WouldBe::Told { .. } if !row.differs() => String::from("the same"),
            WouldBe::Told {
                telling,
                verdict,
                is_certain,
            } => {
                format!("{verdict} {} certain: {is_certain}", to(telling))
            }
            WouldBe::Nothing { is_certain } => format!("nothing, certain: {is_certain}"),
            WouldBe::NotWatched => String::from("not watched"),
            WouldBe::Unknown(why) => format!("unknown: {why}"),
        };
        format!(
            "{} {} {} → {would_be}\n",
            row.check.target,
            row.verdict,
            to(&row.was)
        )
    };
    let lines: String = rows.iter().map(line).collect();
    expected.assert_eq(&lines);
}

#[test]
fn a_longer_limit_is_proposed_that_would_have_kept_false_alarms_back() {
    use Worth::{FalseAlarm, Useful};
    let marks = [Some(FalseAlarm), Some(FalseAlarm), None, Some(Useful), None];
    let chronicle = stored(STEPS, &marks);
    expect![[r#"
        master/green health: 4 told, 2 false, 1 useful, 3 short, 0 unknowable
          confirm: { silent: 1m } (now 20s): 2 avoided, 1 others, up to 39 s later, certain: false
        jobs/worker tcp: 1 told, 0 false, 0 useful, 1 short, 0 unknowable
    "#]]
    .assert_eq(&said(&noise::noise(&chronicle, BEGINNING)));
    // What was useful must not be lost for it.
    let marks = [Some(FalseAlarm), Some(Useful), None, Some(FalseAlarm), None];
    let noise = noise::noise(&stored(STEPS, &marks), BEGINNING);
    let kept_back = noise[0].proposal.as_ref().map(|proposal| proposal.avoided);
    assert!(kept_back.unwrap_or(0) <= 1, "{}", said(&noise));
}

#[test]
fn without_marks_there_is_no_proposal_and_before_the_window_no_noise() {
    let chronicle = stored(STEPS, &[]);
    let noise = noise::noise(&chronicle, BEGINNING);
    assert!(noise.iter().all(|noise| noise.proposal.is_none()));
    assert_eq!(noise.iter().map(|noise| noise.told).sum::<usize>(), 5);
    let late = BEGINNING + Duration::from_mins(170);
    let told = noise::noise(&chronicle, late);
    assert_eq!(told.iter().map(|noise| noise.told).sum::<usize>(), 1);
}

#[test]
fn the_same_file_would_tell_the_same() {
    let chronicle = stored(STEPS, &[]);
    let rows = replay::replay(&chronicle, BEGINNING, &plan(FILE));
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| !row.differs()), "{rows:#?}");
    assert!(replay::stricter(&chronicle, BEGINNING, &plan(FILE)).is_empty());
}

#[test]
fn another_file_is_put_beside_what_was_told() {
    let patient = FILE.replace("channels:", "defaults: { confirm: 40s }\nchannels:");
    replayed(
        &patient,
        expect![[r#"
            master/green down 5m 53s core +0 → down 6m 14s core +0 certain: false
            master/green down 50m 38s core +0 → down 50m 59s core +0 certain: false
            master/green down 1h 35m 39s core +0 → down 1h 36m core +0 certain: false
            master/green down 2h 20m 32s core +0 → down 2h 20m 53s core +0 certain: false
            jobs/worker down 3h 27s team +0 → nothing, certain: false
        "#]],
    );
    let elsewhere = FILE
        .replace(
            "to: core, mention: core, remind_after: 30m",
            "to: [core, ops], remind_after: 5m",
        )
        .replace("health: \"http://green.test/h\"", "tcp: \"green.test:80\"");
    replayed(
        &elsewhere,
        expect![[r#"
            master/green down 5m 53s core +0 → not watched
            master/green down 50m 38s core +0 → not watched
            master/green down 1h 35m 39s core +0 → not watched
            master/green down 2h 20m 32s core +0 → not watched
            jobs/worker down 3h 27s team +0 → the same
        "#]],
    );
    let hasty = FILE.replace("channels:", "defaults: { confirm: 3s }\nchannels:");
    let chronicle = stored(STEPS, &[]);
    let sooner = replay::stricter(&chronicle, BEGINNING, &plan(&hasty));
    assert_eq!(sooner.len(), 2);
}

#[test]
fn a_folder_without_a_journal_has_no_past() {
    let folder = tempfile::tempdir().unwrap();
    let chronicle = store::chronicle(folder.path()).unwrap();
    assert_eq!(chronicle, Chronicle::default());
    assert!(noise::noise(&chronicle, BEGINNING).is_empty());
}

/// What was told later than it was decided belongs to what told it: together with others, or when a silence was over.
#[test]
fn every_telling_knows_the_change_that_it_tells() {
    let steps = "at: 4m, command: silence add worker for 1h because db restore
                 at: 5m, target: worker, tcp: refused
                 at: 10m, target: master green, health: refused
                 at: 10m, target: master blue, health: refused
                 at: 90m, end: true";
    let chronicle = stored(steps, &[]);
    let told: Vec<_> = past::told(&chronicle, BEGINNING)
        .iter()
        .map(|one| {
            let begun = one.trouble.begun;
            assert_eq!(begun.incident.as_ref(), Some(&one.incident.id));
            let later = one.incident.opened_at.since(begun.at);
            format!("{} {} {}", begun.check.target, begun.to, moment(later))
        })
        .collect();
    expect![[r#"
        jobs/worker down 58m 45s
        master/blue down 0s
        master/green down 0s"#]]
    .assert_eq(&told.join("\n"));
    let changes = chronicle.transitions.iter();
    let unique: BTreeSet<_> = changes.map(|one| (&one.check, one.number)).collect();
    let all = chronicle.transitions.len();
    assert_eq!(unique.len(), all, "each change is there once");
}

#[test]
fn a_week_names_the_noisiest_check_of_each_group_with_its_proposal() {
    let alarm = Some(Worth::FalseAlarm);
    let chronicle = stored(STEPS, &[alarm, alarm, alarm]);
    let window = Span {
        from: BEGINNING,
        until: BEGINNING + Duration::from_hours(4),
    };
    let weekly = weekly(&chronicle, window, &plan(FILE), &Measured::default(), &[]);
    let mut out = String::new();
    for part in &weekly.parts {
        let group = part.group.as_ref().map_or("", |group| group.as_str());
        let _ = writeln!(out, "{group}: {} began", part.incidents.begun);
        out.push_str(&said(part.noisiest.as_slice()));
    }
    expect![[r#"
        master: 4 began
        master/green health: 4 told, 3 false, 0 useful, 3 short, 0 unknowable
          confirm: { silent: 1m } (now 20s): 3 avoided, 0 others, up to 39 s later, certain: false
        jobs: 1 began
    "#]]
    .assert_eq(&out);
}
