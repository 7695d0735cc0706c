//! What people ask, and what they are told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use expect_test::{Expect, expect, expect_file};
use proptest::{prelude::*, sample::subsequence};

use super::{
    Command, Heard, Line, Reply, ask,
    fixture::{NOW, board, plan, plan_of, target, transitions, well},
    hear, json,
    lookup::{self, One, Selection},
    seek::What,
    text::{self, Look},
};
use crate::model::{
    Board, Component, ComponentState, Group, GroupName, IncidentId, Plan, Severity, SourceName,
    TargetId, Verdict,
    board::{Facts, LogFacts, Ourselves},
    lapse::{Lapse, LapseKind},
    logs::LogRow,
    observation::Detail,
    pauses::PauseFacts,
    planned::{Acknowledgement, Note, Person, PlanKind},
    roles::{Role, RoleFacts},
};

const PLAIN: Look = Look {
    timezone: chrono_tz::UTC,
    has_color: false,
};

/// What is told to somebody who types this after `/roih`.
fn told(question: &str, expected: &Expect) {
    expected.assert_eq(&text::reply(&ask(&board(), question, NOW, "/roih"), PLAIN));
}

/// The ids that a question selects, or what is said instead.
fn selected(board: &Board, question: &str) -> Result<BTreeSet<String>, String> {
    match lookup::select(board, question) {
        Selection::Rows { rows, .. } => Ok(rows
            .iter()
            .map(|row| row.target.id.as_str().to_owned())
            .collect()),
        Selection::Nothing { understood, .. } => Err(understood),
    }
}

fn ids<const N: usize>(ids: [&str; N]) -> BTreeSet<String> {
    ids.into_iter().map(str::to_owned).collect()
}

/// Who is selected by something that is understood.
fn found(board: &Board, question: &str) -> BTreeSet<String> {
    selected(board, question).expect("it is understood")
}

#[test]
fn no_words_ask_for_everything() {
    let everything = expect![[r#"
        master
          ✔ operational  master blue   health 200 in 84 ms
          ✖ down         master green  no answer within 5 s · since 14:02:10 (12 min 30 s) · k7f2
        cron
          ~ suspect      cron purple   HTTP 503, the body says DOWN · since 14:14:34 (6 s)
          ? unknown      cron yellow   not looked at yet
        no group
          ✔ operational  api           health 200 in 121 ms

        5 targets: 1 down, 1 unknown, 1 suspect, 2 operational        measured 4 s ago
        hint: `hekate explain "master green"` shows what is known of it
    "#]];
    told("", &everything);
    assert_eq!(
        ask(&board(), "  \n", NOW, "/roih"),
        ask(&board(), "status", NOW, "/roih")
    );
}

#[test]
fn words_narrow_what_is_shown() {
    told(
        "status green",
        &expect![[r#"
        master
          ✖ down         master green  no answer within 5 s · since 14:02:10 (12 min 30 s) · k7f2

        1 target: 1 down        measured 9 s ago
        hint: `hekate explain "master green"` shows what is known of it
    "#]],
    );
    told(
        "status problems",
        &expect![[r#"
        master
          ✖ down         master green  no answer within 5 s · since 14:02:10 (12 min 30 s) · k7f2
        cron
          ~ suspect      cron purple   HTTP 503, the body says DOWN · since 14:14:34 (6 s)
          ? unknown      cron yellow   not looked at yet

        3 targets: 1 down, 1 unknown, 1 suspect        measured 4 s ago
        hint: `hekate explain "master green"` shows what is known of it
    "#]],
    );
    told(
        "status degraded",
        &expect![[r#"
            no target is `degraded`
        "#]],
    );
}

#[test]
fn a_question_without_a_command_is_one_for_the_status_of_what_it_names() {
    assert_eq!(
        ask(&board(), "master down", NOW, "/roih"),
        ask(&board(), "status master down", NOW, "/roih")
    );
}

#[test]
fn help_is_made_from_the_table() {
    told(
        "help",
        &expect![[r#"
            /roih status                                                           how everything is, problems first
            /roih status <words>                                                   only what the words name, in any order: group, target, alias, icon, `down`, `degraded`, `unknown`, `suspect`, `operational` or `problems`; a comma joins several
            /roih why <target or incident>                                         all that is known of it: what the last looks saw, who was told and when, what keeps it from being told
            /roih health <target>                                                  the same, for something that is well
            /roih history <target> [<7d>]                                          how it changed, latest first
            /roih sli [<words>] [<30d>]                                            how available they were, the worst first: outages, maintenance, and what nobody could measure
            /roih fresh [<job>]                                                    how fresh the data is that jobs bring: when each last ended well, and what keeps it from the next time
            /roih release announce <names> version <version>[: <what changed>; …]  say that something is released: it is told, looked after, and said with whatever fails near it
            /roih releases [words]                                                 what was released lately, to all or to those whom the words name, and what came of it
            /roih check <target>                                                   look at it now; nothing is judged by that
            /roih ack <incident or target> [because <reason>]                      take it on: no reminders until it changes; `ack end <incident>` gives it back
            /roih hand over <incident or target> to @<somebody>                    somebody else is on it from now on, and is mentioned; Slack has to know them
            /roih split <incident> [<targets>]                                     what is bad in an incident of several is told one by one from now on; or only the targets that are named
            /roih silence add <words> for <2h> because <reason>                    tell nothing new of them for at most a day; or `until recovered`, `until 08:00`; `list` shows what is silenced, `end <id>` ends it
            /roih maintenance start <words> for <45m> because <reason>             the same, because somebody works on them; `list` and `end <id>` as well
            /roih deploy announce <target> [for <5m>] [release <name>]             it may go down for a while, unless it is active; `list` and `end <id>` as well
            /roih show tasks <target>                                              what you can have done to it, such as `restart master green`, and why not the rest
            /roih confirm <word> [<target>]                                        do what was asked; the question says the word, and `cancel <word>` takes it back
            /roih cancel <word>                                                    take back what was asked
            /roih panic                                                            everything that is wrong, and nothing else
            /roih on-call                                                          who is on call, and who is in a user group
            /roih toy                                                              something to play with
            /roih mark <incident> false-alarm because <reason>                     what it was worth when it is over; or `useful`
            /roih help                                                             this list
        "#]],
    );
    told(
        "HELP",
        &expect![[r#"
            /roih status                                                           how everything is, problems first
            /roih status <words>                                                   only what the words name, in any order: group, target, alias, icon, `down`, `degraded`, `unknown`, `suspect`, `operational` or `problems`; a comma joins several
            /roih why <target or incident>                                         all that is known of it: what the last looks saw, who was told and when, what keeps it from being told
            /roih health <target>                                                  the same, for something that is well
            /roih history <target> [<7d>]                                          how it changed, latest first
            /roih sli [<words>] [<30d>]                                            how available they were, the worst first: outages, maintenance, and what nobody could measure
            /roih fresh [<job>]                                                    how fresh the data is that jobs bring: when each last ended well, and what keeps it from the next time
            /roih release announce <names> version <version>[: <what changed>; …]  say that something is released: it is told, looked after, and said with whatever fails near it
            /roih releases [words]                                                 what was released lately, to all or to those whom the words name, and what came of it
            /roih check <target>                                                   look at it now; nothing is judged by that
            /roih ack <incident or target> [because <reason>]                      take it on: no reminders until it changes; `ack end <incident>` gives it back
            /roih hand over <incident or target> to @<somebody>                    somebody else is on it from now on, and is mentioned; Slack has to know them
            /roih split <incident> [<targets>]                                     what is bad in an incident of several is told one by one from now on; or only the targets that are named
            /roih silence add <words> for <2h> because <reason>                    tell nothing new of them for at most a day; or `until recovered`, `until 08:00`; `list` shows what is silenced, `end <id>` ends it
            /roih maintenance start <words> for <45m> because <reason>             the same, because somebody works on them; `list` and `end <id>` as well
            /roih deploy announce <target> [for <5m>] [release <name>]             it may go down for a while, unless it is active; `list` and `end <id>` as well
            /roih show tasks <target>                                              what you can have done to it, such as `restart master green`, and why not the rest
            /roih confirm <word> [<target>]                                        do what was asked; the question says the word, and `cancel <word>` takes it back
            /roih cancel <word>                                                    take back what was asked
            /roih panic                                                            everything that is wrong, and nothing else
            /roih on-call                                                          who is on call, and who is in a user group
            /roih toy                                                              something to play with
            /roih mark <incident> false-alarm because <reason>                     what it was worth when it is over; or `useful`
            /roih help                                                             this list
        "#]],
    );
}

#[test]
fn what_is_not_known_is_answered_with_what_is_near() {
    told(
        "status mastr",
        &expect![[r#"
        nothing is called `mastr`
        did you mean:
          status master
        hint: `/roih help` lists what can be asked
    "#]],
    );
    told(
        "status master geen",
        &expect![[r#"
        nothing is called `geen`
        did you mean:
          status master green
        hint: `/roih help` lists what can be asked
    "#]],
    );
    told(
        "staus master",
        &expect![[r#"
        `staus` is no command, and nothing that is watched is called that
        did you mean:
          status master
        hint: `/roih help` lists what can be asked
    "#]],
    );
    told(
        "hlep",
        &expect![[r#"
        `hlep` is no command, and nothing that is watched is called that
        did you mean:
          help
        hint: `/roih help` lists what can be asked
    "#]],
    );
    told(
        "status blue cron",
        &expect![[r#"
        nothing is called all of `blue`, `cron`
        did you mean:
          status master blue
          status cron purple
          status cron yellow
        hint: `/roih help` lists what can be asked
    "#]],
    );
    told(
        "status kubernetes nginx",
        &expect![[r#"
        nothing is called `kubernetes`, `nginx`
        hint: `/roih help` lists what can be asked
    "#]],
    );
    told(
        "deploy everything <!channel> `now`",
        &expect![[r#"
            `everything` is nothing that can be done with a deploy
            did you mean:
              deploy list
            hint: say it as `/roih deploy announce master green for 5m release 4.18.2`
        "#]],
    );
}

#[test]
fn of_a_long_question_no_word_is_left_out_in_silence() {
    let board = board();
    let most = "blue ".repeat(32);
    assert_eq!(found(&board, &most), ids(["master/blue"]));
    for too_long in [format!("{most} green"), format!("{most}, green")] {
        let understood = selected(&board, &too_long).unwrap_err();
        assert_eq!(understood, "that is more than 32 words");
        let one = lookup::one(&board, &too_long);
        assert!(matches!(one, One::Nobody { .. }), "{one:?}");
    }
}

#[test]
fn all_ways_to_name_something_lead_to_it() {
    let board = board();
    let blue = || ids(["master/blue"]);
    for question in [
        "blue",
        "master blue",
        "blue master",
        "master/blue",
        "BLUE Master",
        ":hekate-blue:",
        ":hekate_blue:",
        "rh blue",
        "hunter blue roi",
        "\"master blue\"",
        "`blue`?",
        "blue operational",
        "  blue,  ",
    ] {
        assert_eq!(found(&board, question), blue(), "{question}");
    }
    let master = ids(["master/blue", "master/green"]);
    for question in ["master", "roih", "roi hunter", "blue, green", "blue,green"] {
        assert_eq!(found(&board, question), master, "{question}");
    }
    assert_eq!(found(&board, "gateway public"), ids(["api"]));
}

#[test]
fn state_words_select_by_what_is_shown() {
    let board = board();
    for (question, expected) in [
        ("down", ids(["master/green"])),
        ("suspect", ids(["cron/purple"])),
        ("unknown", ids(["cron/yellow"])),
        ("down suspect", ids(["master/green", "cron/purple"])),
        (
            "problems",
            ids(["master/green", "cron/purple", "cron/yellow"]),
        ),
        ("cron problems", ids(["cron/purple", "cron/yellow"])),
        ("operational", ids(["master/blue", "api"])),
        ("degraded", ids([])),
        ("master unknown", ids([])),
    ] {
        assert_eq!(found(&board, question), expected, "{question}");
    }
}

#[test]
fn a_target_called_like_a_state_can_still_be_named() {
    let plan = plan_of(
        Vec::new(),
        vec![target(None, "unknown"), target(None, "other")],
    );
    let board = Board::of(&plan, NOW, None);
    for row in &board.rows {
        row.set_facts(well(NOW));
    }
    assert_eq!(found(&board, "unknown"), ids(["unknown"]));
}

#[test]
fn a_group_with_nobody_in_it_is_no_mistake() {
    let group = Group {
        is_always_active: false,
        is_production: false,
        name: GroupName::new("empty"),
        aliases: Vec::new(),
        team: None,
    };
    let board = Board::of(&plan_of(vec![group], vec![target(None, "api")]), NOW, None);
    assert_eq!(found(&board, "empty"), ids([]));
}

#[test]
fn one_target_is_meant_or_none() {
    let plan = plan_of(
        Vec::new(),
        vec![
            target(Some("master"), "blue"),
            target(Some("stage"), "blue"),
            target(Some("api"), "api"),
            target(Some("api"), "worker"),
        ],
    );
    let board = Board::of(&plan, NOW, None);
    let meant = |words: &str| match lookup::one(&board, words) {
        One::Row(row) => row.target.id.as_str().to_owned(),
        One::Several(rows) => format!("one of {}", rows.len()),
        One::Nobody { understood, .. } => understood,
    };
    assert_eq!(meant("blue stage"), "stage/blue");
    assert_eq!(meant("blue"), "one of 2");
    // All of its name, although the word fits its sibling too.
    assert_eq!(meant("api"), "api/api");
    assert_eq!(meant("down"), "nothing is called all of `down`");
    assert_eq!(meant(" , "), "no target was named");
}

#[test]
fn an_open_incident_names_its_target() {
    let board = board();
    let row = board
        .rows
        .iter()
        .find(|row| row.facts().incident.is_some())
        .expect("one is down");
    let id = row
        .facts()
        .incident
        .clone()
        .expect("it was just seen")
        .to_string();
    for words in [id.clone(), format!("#{id}")] {
        let One::Row(found) = lookup::one(&board, &words) else {
            panic!("{words} is open")
        };
        assert_eq!(found.target.id, row.target.id);
    }
    assert!(matches!(lookup::one(&board, "#zzzz"), One::Nobody { .. }));
}

#[test]
fn our_own_troubles_are_told_with_every_status() {
    let board = board();
    board.ourselves.store(Arc::new(Ourselves {
        store_trouble: Some((String::from("no space left on device"), NOW)),
        ..Ourselves::default()
    }));
    let Reply::Status(status) = ask(&board, "api", NOW, "/roih") else {
        panic!("api is there");
    };
    assert_eq!(
        status.troubles,
        ["the store cannot be written: no space left on device"]
    );
}

#[test]
fn lapses_of_the_last_day_are_told_with_every_status() {
    let board = board();
    let mut ourselves = Ourselves::default();
    let lapse = |minutes_ago: u64, lasted: Option<u64>| {
        let from = NOW - Duration::from_mins(minutes_ago);
        Lapse {
            from,
            until: lasted.map(|lasted| from + Duration::from_mins(lasted)),
            kind: LapseKind::Blind,
            words: String::from("2 of 2 witnesses do not answer"),
        }
    };
    for (minutes_ago, lasted) in [
        (5, None),
        (3_000, Some(10)),
        (300, Some(17)),
        (200, None),
        (200, Some(1)),
        (100, Some(2)),
        (1_445, Some(10)),
    ] {
        ourselves.note(&lapse(minutes_ago, lasted));
    }
    board.ourselves.store(Arc::new(ourselves));
    let Reply::Status(status) = ask(&board, "api", NOW, "/roih") else {
        panic!("api is there");
    };
    let given: Vec<_> = status.lapses.iter().map(|lapse| lapse.from).collect();
    let expected = [1_445, 300, 200, 100, 5].map(|minutes| NOW - Duration::from_mins(minutes));
    assert_eq!(given, expected);
    let look = Look {
        timezone: chrono_tz::UTC,
        has_color: false,
    };
    let grid = text::grid(&status, look);
    let said: Vec<_> = grid
        .lines()
        .filter(|line| line.starts_with("hekate") || line.contains("lapse"))
        .collect();
    expect![[r#"
        1 earlier lapse of the last 24 h: GET /api/v1/lapses
        hekate was blind from 09:14:40 to 09:31:40 (17 min): 2 of 2 witnesses do not answer
        hekate was blind from 10:54:40 to 10:55:40 (1 min): 2 of 2 witnesses do not answer
        hekate was blind from 12:34:40 to 12:36:40 (2 min): 2 of 2 witnesses do not answer"#]]
    .assert_eq(&said.join("\n"));
    assert_eq!(
        serde_json::json!(json::status(&status))["lapses"][4]["until"],
        serde_json::Value::Null
    );
}

#[test]
fn problems_come_the_worst_first_and_old_ones_last() {
    let names = ["old", "minor", "shaky", "fine", "new"];
    let mut targets: Vec<_> = names.iter().map(|name| target(None, name)).collect();
    targets[1].severity = Severity::Info;
    let board = Board::of(&plan_of(Vec::new(), targets), NOW, None);
    let set = |place: usize, verdict, hours_ago| {
        let facts = Facts {
            verdict,
            ..Facts::unknown(NOW - Duration::from_hours(hours_ago))
        };
        board.rows[place].set_facts(facts);
    };
    set(0, Verdict::Down, 72);
    set(1, Verdict::Down, 1);
    set(2, Verdict::Degraded, 1);
    set(3, Verdict::Operational, 1);
    set(4, Verdict::Down, 1);
    let Reply::Status(status) = ask(&board, "", NOW, "/roih") else {
        panic!("everything is always there");
    };
    let order: Vec<_> = status
        .problems
        .iter()
        .map(|line| line.target.name.as_str())
        .collect();
    assert_eq!(order, ["new", "old", "minor", "shaky"]);
    assert_eq!(status.counts.total(), 5);
    assert_eq!(status.counts.down, 3);
}

#[test]
fn colours_are_used_only_if_asked_for_and_never_alone() {
    let reply = ask(&board(), "", NOW, "hekate");
    let plain = text::reply(&reply, PLAIN);
    let colored = text::reply(
        &reply,
        Look {
            has_color: true,
            ..PLAIN
        },
    );
    assert!(!plain.contains('\u{1b}'));
    assert!(colored.contains("\u{1b}[31m✖ down       \u{1b}[0m"));
    let mut bare = colored;
    for code in ["[0m", "[1m", "[31m", "[32m", "[33m", "[34m"] {
        bare = bare.replace(&format!("\u{1b}{code}"), "");
    }
    assert_eq!(bare, plain);
}

#[test]
fn columns_are_measured_as_terminals_show_them() {
    let mut targets = vec![target(None, "東京"), target(None, "brno-č")];
    targets[0].severity = Severity::Info;
    let board = Board::of(&plan_of(Vec::new(), targets), NOW, None);
    let shown = text::reply(&ask(&board, "", NOW, "hekate"), PLAIN);
    expect![[r#"
          ? unknown      東京    not looked at yet
          ? unknown      brno-č  not looked at yet

        2 targets: 2 unknown
        hint: `hekate explain "brno-č"` shows what is known of it
    "#]]
    .assert_eq(&shown);
}

fn explained(id: &str, board: &Board) -> String {
    let row = board.row(&TargetId::new(id)).unwrap();
    text::explain(&Line::of(row, NOW), &plan().channels, &[], NOW, PLAIN)
}

#[test]
fn why_tells_of_one_target_or_asks_which() {
    told(
        "why master green",
        &expect![[r#"
        master green — DOWN since 14:02:10 UTC (12 min 30 s), critical
          why        no answer within 5 s
          phases     dns 0.4 ms · connect 3 ms · tls 11 ms
          last look  took 5 s, 9 s ago
          last good  200 in 88 ms at 14:01:40
          told       core_alerts at 14:03:12, id k7f2
          next       recovers after 3 good looks (0 so far)
    "#]],
    );
    assert_eq!(
        ask(&board(), "health green master", NOW, "/roih"),
        ask(&board(), "why k7f2", NOW, "/roih")
    );
    told(
        "why master",
        &expect![[r#"
            `master` means several targets
            did you mean:
              why master green
              why master blue
            hint: `/roih help` lists what can be asked
        "#]],
    );
    told(
        "why mastr green",
        &expect![[r#"
        nothing is called `mastr`
        did you mean:
          why master green
        hint: `/roih help` lists what can be asked
    "#]],
    );
    told(
        "why",
        &expect![[r#"
            why of which target
            did you mean:
              why master green
              why cron yellow
              why cron purple
              why master blue
              why api
            hint: `/roih help` lists what can be asked
        "#]],
    );
    told(
        "wyh master green",
        &expect![[r#"
        `wyh` is no command, and nothing that is watched is called that
        did you mean:
          why master green
        hint: `/roih help` lists what can be asked
    "#]],
    );
}

#[test]
fn everything_known_of_one_target_is_said() {
    let board = board();
    expect![[r#"
        master green — DOWN since 14:02:10 UTC (12 min 30 s), critical
          why        no answer within 5 s
          phases     dns 0.4 ms · connect 3 ms · tls 11 ms
          last look  took 5 s, 9 s ago
          last good  200 in 88 ms at 14:01:40
          told       #core-alerts at 14:03:12, id k7f2
          next       recovers after 3 good looks (0 so far)
    "#]]
    .assert_eq(&explained("master/green", &board));
    expect![[r#"
        cron purple — suspect since 14:14:34 UTC (6 s), warning
          why        HTTP 503, the body says DOWN
                     2 bad looks so far; until this is confirmed it counts as operational
          last look  took 3 s, 4 s ago
          last good  200 in 80 ms at 2026-11-20 14:14:40
    "#]]
    .assert_eq(&explained("cron/purple", &board));
    expect![[r#"
        cron yellow — unknown since 14:14:40 UTC (0 s), critical
          why        not looked at yet
    "#]]
    .assert_eq(&explained("cron/yellow", &board));
    expect![[r#"
        api — operational since 2026-11-20 14:14:40 UTC (1 d), critical
          why        HTTP 200
          last look  took 121 ms, 4 s ago
    "#]]
    .assert_eq(&explained("api", &board));
}

#[test]
fn the_parts_that_are_not_up_are_named() {
    let board = board();
    let row = board.row(&TargetId::new("master/green")).unwrap();
    let mut facts = (*row.facts()).clone();
    facts.detail = Some(Box::new(Detail {
        address: Some(String::from("10.1.2.3:443")),
        components: vec![Component {
            name: String::from("db/main"),
            state: ComponentState::Down,
            message: Some(String::from("connection refused")),
        }],
        components_total: 6,
        excerpt: Some(String::from("{\"status\":\"DOWN\"}")),
        via: None,
        note: Some(String::from("200 but the body says DOWN")),
    }));
    row.set_facts(facts);
    expect![[r#"
        master green — DOWN since 14:02:10 UTC (12 min 30 s), critical
          why        no answer within 5 s
          phases     dns 0.4 ms · connect 3 ms · tls 11 ms
          last look  took 5 s, 9 s ago
          last good  200 in 88 ms at 14:01:40
          part       db/main down: connection refused
          note       200 but the body says DOWN
          said       {"status":"DOWN"}
          told       #core-alerts at 14:03:12, id k7f2
          next       recovers after 3 good looks (0 so far)
    "#]]
    .assert_eq(&explained("master/green", &board));
}

#[test]
fn history_is_a_table() {
    expect![[r#"
        master green (times in UTC)
          2026-11-20 13:14:40  ✖ down         HTTP 503 (3 of 3 looks, decided after 8 s) · abcd
          2026-11-20 13:31:20  ✔ operational  3 good looks in a row (3 of 3 looks, decided after 10 s) · abcd
          14:02:10             ✖ down         no answer within 5 s (3 of 3 looks, decided after 1 min 2 s) · k7f2
    "#]].assert_eq(&text::history(
        "master green",
        &transitions("master/green"),
        NOW,
        PLAIN,
    ));
    expect![[r#"
        api: no change of state in this time
    "#]]
    .assert_eq(&text::history("api", &[], NOW, PLAIN));
}

#[test]
fn the_shapes_for_programs_are_stable() {
    let Reply::Status(status) = ask(&board(), "status master, api", NOW, "hekate") else {
        panic!("both are there");
    };
    let pretty = |value: serde_json::Value| format!("{value:#}\n");
    let shape = json::status(&status);
    let written = serde_json::to_string_pretty(&shape).unwrap() + "\n";
    expect_file!["golden/status.json"].assert_eq(&written);
    let board = board();
    let row = board.row(&TargetId::new("master/green")).unwrap();
    let line = Line::of(row, NOW);
    expect_file!["golden/explain.json"].assert_eq(&pretty(json::explain(&line, NOW)));
    let history = json::history("master/green", &transitions("master/green"));
    expect_file!["golden/history.json"].assert_eq(&pretty(history));
}

/// Every member of a target is there, in the bytes that are sent, and in the order of the alphabet.
#[test]
fn a_target_of_which_everything_is_known_is_written_as_ever() {
    let Reply::Status(mut status) = ask(&board(), "status master blue", NOW, "hekate") else {
        panic!("it is there");
    };
    let line = &mut status.sections[0].lines[0];
    let facts = Arc::make_mut(&mut line.facts);
    facts.incident = Some(IncidentId::new("k7f2"));
    facts.acknowledged = Some(Acknowledgement {
        by: Person {
            name: String::from("jan \"the\" admin"),
            slack_user: Some(String::from("U0JAN")),
        },
        at: NOW - Duration::from_mins(1),
        why: Some(String::from("I am\nrestarting it")),
    });
    facts.note = Some(Note {
        kind: PlanKind::Maintenance,
        name: String::from("m4"),
        until: NOW + Duration::from_mins(1),
        by: None,
    });
    line.log = Some(Arc::new(LogFacts {
        source: SourceName::new("graylog"),
        title: "Graylog",
        row: LogRow::Fresh,
        newest: Some(NOW - Duration::from_secs(6)),
        proved_to: None,
        pauses: PauseFacts::default(),
    }));
    line.role = Some(Arc::new(RoleFacts {
        role: Some(Role::Active),
        since: Some(NOW - Duration::from_mins(10)),
        words: String::from("haproxy_csv says blue"),
    }));
    let shape = json::status(&status);
    let written = serde_json::to_string(&shape).unwrap();
    // A value keeps its members in the order of the alphabet.
    assert_eq!(written, serde_json::json!(shape).to_string());
    expect![[r#"{"counts":{"degraded":0,"down":0,"operational":1,"suspect":0,"total":1,"unknown":0},"lapses":[],"measured_at":"2026-11-21T14:14:36.000Z","now":"2026-11-21T14:14:40.000Z","oldest_at":"2026-11-21T14:14:36.000Z","selection":"master blue","targets":[{"acknowledged":{"at":"2026-11-21T14:13:40.000Z","by":"jan \"the\" admin","why":"I am\nrestarting it"},"age_ms":4000,"group":"master","icon":":hekate-blue:","id":"master/blue","incident":"k7f2","latency_ms":84.0,"log":{"complete_until":null,"newest_at":"2026-11-21T14:14:34.000Z","row":3,"source":"graylog","state":"fresh"},"name":"blue","planned":{"by":null,"kind":"maintenance","name":"m4","until":"2026-11-21T14:15:40.000Z"},"reason":{"rule":"first_look","words":"HTTP 200"},"role":"active","roles":{"since":"2026-11-21T14:04:40.000Z","words":"haproxy_csv says blue"},"settled":"operational","severity":"critical","since":"2026-11-20T14:14:40.000Z","stale":false,"title":"master blue","verdict":"operational"}],"troubles":[]}"#]].assert_eq(&written);
}

#[test]
fn nothing_secret_is_in_any_answer() {
    let board = board();
    let mut all = String::new();
    for Command { word, .. } in super::COMMANDS {
        all += &text::reply(&ask(&board, word, NOW, "/roih"), PLAIN);
    }
    for row in &board.rows {
        let line = Line::of(row, NOW);
        all += &json::explain(&line, NOW).to_string();
        all += &text::explain(&line, &plan().channels, &[], NOW, PLAIN);
    }
    for secret in ["do-not-show", "secret-host", "hooks.slack"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

/// Plans of up to twelve targets with short names that collide now and then.
fn plans() -> impl Strategy<Value = Plan> {
    let word = "[a-c]{1,2}(-[a-c])?";
    let groups = prop::collection::btree_map(word, prop::collection::vec(word, 0..2), 0..3);
    let targets = prop::collection::btree_map(
        (prop::option::of(0_usize..3), word),
        (
            prop::collection::vec("[a-c]{1,2}( [a-c])?", 0..2),
            any::<bool>(),
        ),
        1..12,
    );
    (groups, targets).prop_map(|(groups, targets)| {
        let groups: Vec<Group> = groups
            .into_iter()
            .map(|(name, aliases)| Group {
                is_always_active: false,
                is_production: false,
                name: GroupName::new(name),
                aliases,
                team: None,
            })
            .collect();
        let mut by_id = BTreeMap::new();
        for ((group, name), (aliases, has_icon)) in targets {
            let group = group.and_then(|place| groups.get(place));
            let mut target = target(group.map(|group| group.name.as_str()), &name);
            target.aliases = aliases;
            target.icon = has_icon.then(|| format!(":{name}:"));
            by_id.insert(target.id.clone(), target);
        }
        let targets = by_id.into_values().collect();
        plan_of(groups, targets)
    })
}

/// Every word that the target is called by, found in another way than the resolver does.
fn words_of(plan: &Plan, id: &TargetId) -> Vec<String> {
    let target = plan.targets.iter().find(|target| target.id == *id).unwrap();
    let mut phrases = vec![target.name.clone()];
    phrases.extend(target.aliases.clone());
    phrases.extend(target.icon.clone());
    if let Some(name) = &target.group {
        phrases.push(name.as_str().to_owned());
        let group = plan.groups.iter().find(|group| group.name == *name);
        phrases.extend(group.unwrap().aliases.clone());
    }
    phrases
        .iter()
        .flat_map(|phrase| phrase.split(' '))
        .map(|word| word.replace('-', "_"))
        .collect()
}

#[test]
fn a_misspelt_command_is_not_offered_with_words_that_nobody_knows() {
    let Reply::Problem { nearest, .. } = ask(&board(), "atu a", NOW, "/roih") else {
        panic!("nobody is called that");
    };
    assert!(!nearest.contains(&String::from("status a")), "{nearest:?}");
}

#[test]
fn how_far_back_is_read_behind_the_target_and_a_target_may_be_called_like_a_span() {
    let sought = |board: &Board, words: &str| match hear(board, words, NOW, "/roih") {
        Heard::Seek(sought) => match sought.what {
            What::History { back } => (sought.target.to_string(), back.as_secs() / 3_600),
            What::Look => panic!("nobody asked for a look"),
        },
        other @ (Heard::Reply(_)
        | Heard::List(_)
        | Heard::Wish(_)
        | Heard::Opinion(_)
        | Heard::Order(_)
        | Heard::OnCall
        | Heard::Measure(_)
        | Heard::Tasks(_)) => panic!("not sought: {other:?}"),
    };
    let board = board();
    let blue = |hours| (String::from("master/blue"), hours);
    assert_eq!(sought(&board, "history master blue"), blue(7 * 24));
    assert_eq!(sought(&board, "history blue 36h"), blue(36));
    assert_eq!(sought(&board, "history blue for 3d"), blue(72));
    assert_eq!(sought(&board, "HISTORY rh blue since 1d"), blue(24));
    assert_eq!(sought(&board, "history blue last 9000d"), blue(400 * 24));
    let plan = plan_of(Vec::new(), vec![target(None, "3d")]);
    let odd = Board::of(&plan, NOW, None);
    assert_eq!(sought(&odd, "history 3d"), (String::from("3d"), 7 * 24));
    assert_eq!(sought(&odd, "history 3d 2h"), (String::from("3d"), 2));
}

#[test]
fn whose_history_is_not_clear_is_asked() {
    told(
        "history",
        &expect![[r#"
        history of which target
        did you mean:
          history master green
          history cron yellow
          history cron purple
          history master blue
          history api
        hint: `/roih help` lists what can be asked
    "#]],
    );
    told(
        "history 3d",
        &expect![[r#"
            history of which target
            did you mean:
              history master green 3d
              history cron yellow 3d
              history cron purple 3d
              history master blue 3d
              history api 3d
            hint: `/roih help` lists what can be asked
        "#]],
    );
    told(
        "history master",
        &expect![[r#"
        `master` means several targets
        did you mean:
          history master green
          history master blue
        hint: `/roih help` lists what can be asked
    "#]],
    );
}

/// A misspelt order is offered as a whole if it would be understood, and never as a word that says nothing by itself.
#[test]
fn a_misspelt_order_is_offered_with_its_words() {
    let nearest = |text: &str| match hear(&board(), text, NOW, "/roih") {
        Heard::Reply(Reply::Problem { nearest, .. }) => nearest,
        other @ (Heard::Reply(_)
        | Heard::List(_)
        | Heard::Wish(_)
        | Heard::Opinion(_)
        | Heard::Order(_)
        | Heard::Tasks(_)
        | Heard::Seek(_)
        | Heard::Measure(_)
        | Heard::OnCall) => {
            panic!("nothing is called that: {other:?}")
        }
    };
    assert_eq!(
        nearest("silense add master blue for 2h because db restore").first(),
        Some(&String::from(
            "silence add master blue for 2h because db restore"
        ))
    );
    assert_eq!(nearest("ac a"), [""; 0]);
}

proptest! {
    #[test]
    fn any_of_a_targets_words_in_any_order_find_it(
        (plan, words) in plans().prop_flat_map(|plan| {
            let words = words_of(&plan, &plan.targets[0].id);
            let count = words.len();
            (Just(plan), subsequence(words, 1..=count).prop_shuffle())
        }),
    ) {
        let board = Board::of(&plan, NOW, None);
        let id = plan.targets[0].id.as_str();
        let question = words.join(" ");
        prop_assert!(selected(&board, &question).unwrap().contains(id), "{question}");
        let is_found = match lookup::one(&board, &question) {
            One::Row(_) => true,
            One::Several(rows) => rows.iter().any(|row| row.target.id.as_str() == id),
            One::Nobody { .. } => false,
        };
        prop_assert!(is_found, "{question}");
    }

    #[test]
    fn nothing_is_ever_resolved_to_what_it_does_not_name(
        plan in plans(),
        question in "([a-d]{1,2}(-[a-d])?[ /]){1,3}",
    ) {
        let board = Board::of(&plan, NOW, None);
        let said: Vec<String> = question
            .split([' ', '/'])
            .filter(|word| !word.is_empty())
            .map(|word| word.replace('-', "_"))
            .collect();
        let rows = match lookup::one(&board, &question) {
            One::Row(row) => vec![row],
            One::Several(rows) => rows,
            One::Nobody { .. } => Vec::new(),
        };
        let selected = selected(&board, &question).unwrap_or_default();
        let found = rows.iter().map(|row| row.target.id.as_str()).chain(selected.iter().map(String::as_str));
        for id in found {
            let names = words_of(&plan, &TargetId::new(id));
            prop_assert!(said.iter().all(|word| names.contains(word)), "{question} is not {id}");
        }
    }

    #[test]
    fn whatever_is_typed_there_is_an_answer_of_bounded_size(question in any::<String>()) {
        let reply = ask(&board(), &question, NOW, "/roih");
        let shown = text::reply(&reply, PLAIN);
        prop_assert!(shown.ends_with('\n'));
        prop_assert!(shown.len() < 8_000);
        prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
        if let Reply::Problem { nearest, .. } = reply {
            prop_assert!(nearest.len() <= lookup::NEAREST_MAX);
        }
    }

    /// Words that are near to a command are not offered if nothing would come of them.
    #[test]
    fn every_suggestion_would_be_answered(question in "(status )?[a-z]{1,8} [a-z]{1,8}") {
        let board = board();
        if let Reply::Problem { nearest, .. } = ask(&board, &question, NOW, "/roih") {
            for suggestion in nearest {
                let heard = hear(&board, &suggestion, NOW, "/roih");
                let is_answered = !matches!(heard, Heard::Reply(Reply::Problem { .. }));
                prop_assert!(is_answered, "{question} -> {suggestion}");
            }
        }
    }
}
