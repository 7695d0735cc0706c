//! The Home tab, whole, at every size of a fleet.

use std::{collections::HashSet, sync::Arc};

use expect_test::{ExpectFile, expect_file};
use hekate::{
    command::{Home, ask},
    model::{
        Board, IncidentId, TargetId, Verdict,
        plan::Matcher,
        planned::{Acknowledgement, Agenda, Person, PlanId, PlanKind, Planned},
    },
    slack::{home, interaction::Action, reply},
};
use serde_json::{Value, json};

use super::{
    rules::check,
    world::{NOW, OPTIONS, ago, board, disaster, fleet, set, target, ten},
};

const EVA: &str = "U0EVA";

fn eva() -> Person {
    Person {
        name: String::from("@eva"),
        slack_user: Some(EVA.to_owned()),
    }
}

fn view(board: &Board) -> Value {
    home::render(&Home::of(board, EVA, NOW, "/roih"), None, &OPTIONS)
}

/// Slack takes it: few enough blocks, each as in a message, and whatever can be pressed is understood.
fn is_taken(view: &Value) {
    assert_eq!(view["type"], "home");
    let blocks = view["blocks"].as_array().expect("it has blocks");
    assert!(blocks.len() <= home::BLOCKS_MAX, "{} blocks", blocks.len());
    for some in blocks.chunks(20) {
        check(&json!({ "response_type": "ephemeral", "text": "a part", "blocks": some }));
    }
    let mut ids = HashSet::new();
    for block in blocks {
        for control in block["elements"].as_array().into_iter().flatten() {
            if let Some(id) = control["action_id"].as_str() {
                assert!(ids.insert(id.to_owned()), "{control}");
            }
            if control["type"] == "button" {
                let text = |key: &str| control[key].as_str().expect("a text").to_owned();
                let read = Action::read(&text("action_id"), &text("value"));
                assert!(read.is_ok(), "{control}");
            }
        }
    }
    assert!(view.to_string().len() < 100_000);
}

fn is(view: &Value, file: &ExpectFile) {
    is_taken(view);
    file.assert_eq(&format!("{view:#}\n"));
}

/// Each that is not well with an incident of its own.
fn apart(board: Board) -> Board {
    for (at, row) in board.rows.iter().enumerate() {
        let mut facts = (*row.facts()).clone();
        let number = 100_000 + u64::try_from(at).expect("a few");
        facts.incident =
            (facts.verdict != Verdict::Operational).then(|| IncidentId::from_number(number));
        row.set_facts(facts);
    }
    board
}

/// A silence of these, by eva if no other name is given.
fn silence(board: &Board, number: u64, targets: &[&str], by: Person) {
    let mut agenda: Agenda = (**board.agenda.load()).clone();
    agenda.made.push(Arc::new(Planned {
        id: PlanId {
            kind: PlanKind::Silence,
            number,
        },
        matcher: Matcher {
            targets: targets.iter().map(|id| TargetId::new(*id)).collect(),
            ..Matcher::default()
        },
        why: String::from("db <restore> & more"),
        release: None,
        by,
        from: ago(600),
        until: ago(0) + std::time::Duration::from_mins(25),
        ended: None,
        is_until_recovered: false,
    }));
    board.agenda.store(Arc::new(agenda));
}

#[test]
fn the_home_of_every_size() {
    is(&view(&board(Vec::new())), &expect_file!["home_0.json"]);
    let one = board(vec![target(None, "api", None)]);
    set(&one, "api", Verdict::Down, "HTTP 503", 240);
    is(&view(&apart(one)), &expect_file!["home_1.json"]);
    is(&view(&apart(ten())), &expect_file!["home_10.json"]);
    is(&view(&apart(fleet(100, 4))), &expect_file!["home_100.json"]);
    is(
        &view(&apart(fleet(1_000, 25))),
        &expect_file!["home_1000.json"],
    );
    is(
        &view(&apart(fleet(2_000, 20))),
        &expect_file!["home_2000.json"],
    );
    for count in [10, 100, 2_000] {
        let view = view(&apart(disaster(count, 20)));
        is_taken(&view);
        assert!(
            view.to_string().contains("more not well") || count <= 10,
            "{view:#}"
        );
    }
}

#[test]
fn what_somebody_does_is_theirs_and_nobody_elses() {
    let board = apart(ten());
    let troubles = Home::of(&board, EVA, NOW, "/roih").troubles;
    let open = troubles.iter().find(|trouble| trouble.incident.is_some());
    let open = open.expect("something is told");
    for line in &open.lines {
        let row = board.row(&line.target.id).expect("it is watched");
        let mut facts = (*row.facts()).clone();
        facts.acknowledged = Some(Acknowledgement {
            by: eva(),
            at: ago(60),
            why: None,
        });
        row.set_facts(facts);
    }
    silence(&board, 41, &["master/blue", "master/green"], eva());
    let jan = Person {
        name: String::from("@eva"),
        slack_user: Some(String::from("U0JAN")),
    };
    silence(&board, 42, &["master/blue"], jan);
    // What was answered to something pressed there stands above everything else.
    let said = ask(&board, "why master blue", NOW, "/roih");
    let note = reply::render(&said, "/roih", &OPTIONS).without_controls();
    let home = Home::of(&board, EVA, NOW, "/roih");
    assert_eq!((home.taken.len(), home.begun.len()), (1, 1));
    is(
        &home::render(&home, Some(&note), &OPTIONS),
        &expect_file!["home_mine.json"],
    );
    is_taken(&home::plain(&home));
    let others = Home::of(&board, "U0NOBODY", NOW, "/roih");
    assert!(others.taken.is_empty() && others.begun.is_empty());
}

#[test]
fn many_plans_and_long_names_are_counted_and_cut() {
    let long = "very-long-name-".repeat(8);
    let targets = (0..40)
        .map(|at| {
            target(
                Some(&format!("<!channel> *{at}*{long}")),
                &format!("{at}{long}"),
                None,
            )
        })
        .collect();
    let board = board(targets);
    let ids: Vec<String> = board
        .rows
        .iter()
        .map(|row| row.target.id.to_string())
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for id in &ids {
        set(
            &board,
            id,
            Verdict::Down,
            &"x < y & `z` 🔥 ".repeat(100),
            240,
        );
    }
    for number in 0..30 {
        silence(&board, number + 1, &ids, eva());
    }
    let view = view(&apart(board));
    is_taken(&view);
    let text = view.to_string();
    assert!(
        text.contains("+20 more") && !text.contains("<!channel>\""),
        "{view:#}"
    );
}
