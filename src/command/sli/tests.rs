use std::time::Duration;

use expect_test::{Expect, expect, expect_file};

use super::*;
use crate::{
    command::{
        fixture::{NOW, board},
        hear,
        text::{self as plain, Look},
    },
    judge::sli::Outage,
};

const PLAIN: Look = Look {
    timezone: chrono_tz::UTC,
    has_color: false,
};

/// What is heard: whom, how far back in minutes; or the problem as a terminal shows it.
fn heard(words: &str, expected: &Expect) {
    let said = match hear(&board(), words, NOW, "/roih") {
        Heard::Measure(asked) => {
            let ids: Vec<_> = asked.targets.iter().map(TargetId::as_str).collect();
            let minutes = asked.window.as_secs() / 60;
            format!("{} for {minutes} min, `{}`", ids.join(" "), asked.selection)
        }
        Heard::Reply(reply) => plain::reply(&reply, PLAIN),
        Heard::List(_)
        | Heard::Wish(_)
        | Heard::Order(_)
        | Heard::Tasks(_)
        | Heard::Opinion(_)
        | Heard::Seek(_)
        | Heard::OnCall => String::from("something else"),
    };
    expected.assert_eq(&said);
}

#[test]
fn whom_and_how_far_back_is_read_in_words() {
    heard(
        "sli",
        &expect!["master/blue master/green cron/purple cron/yellow api for 43200 min, ``"],
    );
    heard(
        "SLI master",
        &expect!["master/blue master/green for 43200 min, `master`"],
    );
    heard(
        "sli green master 7d",
        &expect!["master/green for 10080 min, `green master`"],
    );
    heard(
        "sli master for 36h",
        &expect!["master/blue master/green for 2160 min, `master`"],
    );
    heard(
        "sli 90d",
        &expect!["master/blue master/green cron/purple cron/yellow api for 129600 min, ``"],
    );
    heard("sli down", &expect!["master/green for 43200 min, `down`"]);
}

#[test]
fn what_cannot_be_measured_is_answered_with_what_can() {
    heard(
        "sli mastre 7d",
        &expect![[r#"
        nothing is called `mastre`
        did you mean:
          sli master 7d
        hint: `/roih help` lists what can be asked
    "#]],
    );
    heard(
        "sli master 10s",
        &expect![[r#"
        `10s` is too short to be measured: from 5m to 400d
        did you mean:
          sli master 1d
          sli master 30d
        hint: `/roih help` lists what can be asked
    "#]],
    );
    heard(
        "sli master 401d",
        &expect![[r#"
        `401d` is too long to be measured: from 5m to 400d
        did you mean:
          sli master 90d
          sli master 400d
        hint: `/roih help` lists what can be asked
    "#]],
    );
    heard(
        "sli 1m",
        &expect![[r#"
        `1m` is too short to be measured: from 5m to 400d
        did you mean:
          sli 1d
          sli 30d
        hint: `/roih help` lists what can be asked
    "#]],
    );
}

fn line(group: Option<&str>, name: &str, sli: Sli) -> Line {
    let group = group.map(GroupName::new);
    Line {
        target: TargetId::of(group.as_ref(), name),
        title: group
            .as_ref()
            .map_or_else(|| name.to_owned(), |group| format!("{group} {name}")),
        group,
        sli,
    }
}

fn days(days: u64) -> Duration {
    Duration::from_hours(days * 24)
}

fn availability(lines: Vec<Line>) -> Availability {
    Availability {
        selection: String::from("master"),
        window: Span {
            from: NOW - days(30),
            until: NOW,
        },
        lines,
        slos: Vec::new(),
    }
}

/// One that was never down, one that was, one of which nothing is known, and one with a name that spreadsheets and wikis
/// would take for something else.
fn several() -> Availability {
    let down = Duration::from_secs(467);
    let rest = Duration::from_mins(45) + Duration::from_hours(2) + Duration::from_hours(1);
    let blue = Sli {
        operational: days(30).saturating_sub(rest + down),
        degraded: Duration::from_hours(1),
        down,
        maintenance: Duration::from_mins(45),
        not_measured: Duration::from_hours(2),
        outages: 2,
        longest: Some(Outage {
            from: NOW - days(3),
            lasted: Duration::from_mins(5),
        }),
    };
    let green = Sli {
        operational: days(30),
        ..Sli::default()
    };
    let new = Sli {
        not_measured: days(30),
        ..Sli::default()
    };
    let odd = Sli {
        operational: days(29),
        down: days(1),
        outages: 1,
        longest: Some(Outage {
            from: NOW - days(1),
            lasted: days(1),
        }),
        ..Sli::default()
    };
    let slo = |name: &str, objective, sli| SloLine {
        name: name.to_owned(),
        objective: Objective::parse(objective).expect("an objective"),
        window: days(30),
        sli,
    };
    let slos = vec![
        slo("blue", "99.9%", blue),
        slo("blue, *strictly*", "99.99%", blue),
        slo("new", "99.9%", new),
    ];
    let lines = vec![
        line(Some("master"), "blue", blue),
        line(Some("master"), "green", green),
        line(None, "new", new),
        line(None, "=a\"b,c|*d*", odd),
    ];
    Availability {
        slos,
        ..availability(lines)
    }
}

#[test]
fn an_slo_is_shown_with_all_of_its_targets_and_not_with_some() {
    let mut board = board();
    let names = |board: &Board, slo: &Slo, words| {
        let Ok(asked) = Asked::select(board, words, WINDOW) else {
            panic!("{words} names nobody");
        };
        let found = concerned(std::slice::from_ref(slo), board, &asked.targets);
        let ids = found.into_iter().flat_map(|(_, ids)| ids);
        let ids: Vec<_> = ids.map(|id| id.to_string()).collect();
        ids.join(" ")
    };
    let mut slo = Slo {
        name: String::from("master availability"),
        groups: vec![GroupName::new("master")],
        targets: Vec::new(),
        objective: Objective::parse("99.9%").expect("an objective"),
        window: days(30),
    };
    let both = "master/blue master/green";
    assert_eq!(names(&board, &slo, ""), both);
    assert_eq!(names(&board, &slo, "master, api"), both);
    assert_eq!(names(&board, &slo, "blue"), "");
    slo.targets = vec![TargetId::new("master/blue"), TargetId::new("api")];
    assert_eq!(names(&board, &slo, "blue"), "master/blue");
    slo.groups.clear();
    assert_eq!(names(&board, &slo, "blue"), "");
    assert_eq!(names(&board, &slo, "blue, api"), "master/blue api");
    board.rows.clear();
    assert_eq!(concerned(&[slo], &board, &[]), []);
}

#[test]
fn a_terminal_shows_the_worst_first() {
    expect![[r#"
        availability in the last 30 d, since 2026-10-22 14:14:40 UTC
           96.666%  =a"b,c|*d*            down 1 d in one outage from 2026-11-20 14:14:40
           99.981%  master blue           down 7 min 47 s in 2 outages, the longest 5 min from 2026-11-18 14:14:40 · degraded 1 h · maintenance 45 min · not measured 2 h
              100%  master green
                 ?  new                   nothing measured · not measured 30 d
           98.881%  together (4 targets)  down 1 d in 3 outages, the longest 1 d from 2026-11-20 14:14:40 · degraded 1 h · maintenance 45 min · not measured 30 d 2 h
          ✔ SLO blue: 99.981% of 99.9% in 30 d, 81% of the error budget left: 35 min 15 s of 43 min 2 s
          ✖ SLO blue, *strictly*: 99.981% of 99.99% in 30 d, the error budget of 4 min 18 s is spent, and 3 min 28 s more
          ? SLO new: nothing measured in 30 d, 99.9% is wanted
    "#]].assert_eq(&text(&several(), PLAIN));
    let mut one = several();
    one.lines.truncate(1);
    expect![[r#"
        availability in the last 30 d, since 2026-10-22 14:14:40 UTC
           99.981%  master blue  down 7 min 47 s in 2 outages, the longest 5 min from 2026-11-18 14:14:40 · degraded 1 h · maintenance 45 min · not measured 2 h
          ✔ SLO blue: 99.981% of 99.9% in 30 d, 81% of the error budget left: 35 min 15 s of 43 min 2 s
          ✖ SLO blue, *strictly*: 99.981% of 99.99% in 30 d, the error budget of 4 min 18 s is spent, and 3 min 28 s more
          ? SLO new: nothing measured in 30 d, 99.9% is wanted
    "#]].assert_eq(&text(&one, PLAIN));
    expect![[r#"
        no target is `master`
    "#]]
    .assert_eq(&text(&availability(Vec::new()), PLAIN));
    expect![[r#"
        99.981%: master blue
        100%: master green
        nothing measured: new
        96.666%: =a"b,c|*d*
    "#]]
    .assert_eq(&short(&several()));
}

#[test]
fn programs_spreadsheets_and_wikis_get_the_order_of_the_file() {
    let value = format!("{:#}\n", json(&several()));
    expect_file!["../golden/sli.json"].assert_eq(&value);
    // Golden files are compared with plain line feeds.
    let table = csv(&several());
    assert_eq!(table.matches('\n').count(), table.matches("\r\n").count());
    expect_file!["../golden/sli.csv"].assert_eq(&table.replace("\r\n", "\n"));
    expect_file!["../golden/sli.md"].assert_eq(&markdown(&several()));
    expect![[r#"
        Availability from 2026-10-22T14:14:40.000Z to 2026-11-21T14:14:40.000Z

        no target is \`master\`
    "#]]
    .assert_eq(&markdown(&availability(Vec::new())));
}

#[test]
fn it_is_asked_for_again_in_the_words_that_mean_it() {
    let again = |selection: &str, back| {
        let window = Span {
            from: NOW - back,
            until: NOW,
        };
        let selection = selection.to_owned();
        Availability {
            selection,
            window,
            lines: Vec::new(),
            slos: Vec::new(),
        }
        .words()
    };
    assert_eq!(again("", days(30)), "sli 30d");
    assert_eq!(again("master", Duration::from_hours(36)), "sli master 36h");
    assert_eq!(again("a, b", Duration::from_mins(90)), "sli a, b 90m");
}
