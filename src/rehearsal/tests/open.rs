//! What another file says of what is open.

use std::{fmt::Write as _, time::Duration};

use expect_test::{Expect, expect};

use super::{FILE, OTHER, past::stored, plan_of};
use crate::{
    model::{
        Board, ChannelName, IncidentId, OnCallName, TargetId, Timestamp, Verdict, board::Facts,
        incident::Told,
    },
    rehearsal::open::{self, Open},
};

/// 2026-01-05 09:20 in Prague.
const NOW: Timestamp = Timestamp::from_millis(1_767_601_200_000);

fn said(open: &[Open], file: &str) -> String {
    let plan = plan_of(file);
    let mut out = String::new();
    for open in open {
        let _ = writeln!(out, "#{} {}, {}", open.id, open.title(), open.verdict);
        for words in open::words(&open::changes(open, &plan, NOW), &plan) {
            let _ = writeln!(out, "  {words}");
        }
    }
    out
}

#[expect(clippy::needless_pass_by_value, reason = "as expect-test has it")]
fn check(open: &[Open], file: &str, expected: Expect) {
    expected.assert_eq(&said(open, file));
}

#[test]
fn what_is_open_in_a_store_is_put_beside_what_another_file_says() {
    let steps = "at: 5m, target: master blue, health: refused
                 at: 6m, target: worker, tcp: refused
                 at: 20m, end: true";
    let open = open::of_chronicle(&stored(steps, &[]));
    check(
        &open,
        FILE,
        expect![[r#"
        #re8q master blue, down
        #qnsa jobs worker, down
    "#]],
    );
    check(
        &open,
        OTHER,
        expect![[r#"
        #re8q master blue, down
          master blue is called master azure
          was told to core @core, would be told to night @core
          was to be reminded of after 30m, would be after 10m
        #qnsa jobs worker, down
          not in the file: jobs worker; whoever was told hears that nobody watches it any more
    "#]],
    );
    let other = FILE
        .replace("{ name: worker,", "{ name: worker, severity: warning,")
        .replace(
            "to: core, mention: core, remind_after: 30m",
            "to: [core, team]",
        );
    check(
        &open,
        &other,
        expect![[r#"
        #re8q master blue, down
          was told to core @core, would be told to core, team
          was to be reminded of after 30m, would be never
        #qnsa jobs worker, down
          jobs worker was critical, would be warning
    "#]],
    );
    let window = format!(
        "{FILE}maintenance: [ {{ name: disks, match: {{ group: master }}, schedule: \"0 9 * * *\", duration: 45m }} ]\n"
    );
    check(
        &open,
        &window,
        expect![[r#"
            #re8q master blue, down
              maintenance window `disks` covers master blue: reminders wait until 5 Jan 09:45:00 CET
            #qnsa jobs worker, down
        "#]],
    );
    let over = "at: 5m, for: 5m, target: master blue, health: refused
                at: 20m, end: true";
    assert_eq!(open::of_chronicle(&stored(over, &[])), []);
}

/// Two that fail for one reason are one incident, and what the old file said as well is no change.
#[test]
fn only_what_the_old_file_did_not_say_is_changed_by_a_new_one() {
    let old = plan_of(FILE);
    let board = Board::of(&old, NOW, None);
    let told = |channel: &str| Told {
        channel: ChannelName::new(channel),
        at: NOW,
        mention: (channel == "core").then(|| OnCallName::new("core")),
    };
    for target in ["master/blue", "master/green"] {
        let row = board
            .row(&TargetId::new(target))
            .expect("it is in the file");
        row.set_facts(Facts {
            verdict: Verdict::Down,
            settled: Verdict::Down,
            incident: Some(IncidentId::new("k7f2")),
            // It was told to one more than the file says now.
            told: vec![told("core"), told("team")],
            remind_after: vec![Duration::from_mins(30)],
            ..Facts::unknown(NOW)
        });
    }
    let open = open::of_board(&board);
    check(
        &open,
        FILE,
        expect![[r#"
        #k7f2 master blue and 1 more, down
          was told to core @core, team, would be told to core @core
    "#]],
    );
    let between = |new: &str| {
        let new = plan_of(new);
        let changes = open::changes_between(&open[0], &old, &new, NOW);
        open::words(&changes, &new).join("\n")
    };
    assert_eq!(between(FILE), "");
    expect![[r#"
        master blue is called master azure
        master azure has no `log_freshness` any more
        was told to core @core, team, would be told to night @core
        was to be reminded of after 30m, would be after 10m"#]]
    .assert_eq(&between(OTHER));
    expect!["was to be reminded of after 30m, would be after 10m"].assert_eq(&between(
        &FILE.replace("remind_after: 30m", "remind_after: 10m"),
    ));
    assert_eq!(
        between(&FILE.replace("jobs }, to: team", "jobs }, to: core")),
        ""
    );
    let quiet = "user_group: S0CORE01, quiet_hours: { from: \"09:00\", to: \"10:00\", severities: [warning] }";
    expect![[r#"
        master blue was critical, would be warning
        quiet hours: core hears of master blue again from 5 Jan 10:00:00 CET"#]]
    .assert_eq(&between(
        &FILE
            .replace("user_group: S0CORE01", quiet)
            .replace("{ name: blue,", "{ name: blue, severity: warning,"),
    ));
    let unasked = FILE.replace(
        ", log_freshness: { source: graylog, query: \"color:blue\", max_age: 5m }",
        "",
    );
    assert_ne!(unasked, FILE);
    expect!["master blue has no `log_freshness` any more"].assert_eq(&between(&unasked));
}
