//! What can be pressed: below answers, and below messages that tell of an incident.

use std::time::Duration;

use expect_test::{ExpectFile, expect_file};
use hekate::{
    command::ask,
    model::{
        Board, Incident, TargetId, Timestamp,
        planned::{Acknowledgement, Person},
    },
    slack::{
        Attachment, Audience, Message,
        control::options_json,
        interaction::{
            Action,
            buttons::{About, incident_buttons},
            pickers,
        },
        reply,
    },
};
use serde_json::{Value, json};

use super::{
    golden::is_file,
    rules::{blocks, check},
    world::{NOW, OPTIONS, disaster, fleet, target, ten},
};

fn asked(board: &Board, words: &str) -> Message {
    reply::render(&ask(board, words, NOW, "/roih"), "/roih", &OPTIONS)
}

/// Everything that can be pressed in a payload.
fn controls(payload: &Value) -> Vec<Value> {
    let rows = blocks(payload)
        .into_iter()
        .filter(|block| block["type"] == "actions");
    rows.flat_map(|block| block["elements"].as_array().cloned().unwrap_or_default())
        .collect()
}

#[test]
fn a_status_can_be_shared_refreshed_and_narrowed() {
    is_file(
        &asked(&ten(), "status"),
        &expect_file!["status_controls.json"],
    );
    is_file(
        &asked(&ten(), "status staging"),
        &expect_file!["status_selected_controls.json"],
    );
    is_file(
        &asked(&fleet(0, 1), "status"),
        &expect_file!["status_0_controls.json"],
    );
}

#[test]
fn health_alone_asks_of_which() {
    is_file(&asked(&ten(), "health"), &expect_file!["pick_10.json"]);
    is_file(
        &asked(&fleet(100, 4), "health"),
        &expect_file!["pick_100.json"],
    );
    is_file(&asked(&fleet(0, 1), "health"), &expect_file!["pick_0.json"]);
    is_file(&asked(&fleet(1, 1), "health"), &expect_file!["pick_1.json"]);
    is_file(
        &asked(&fleet(1_000, 25), "health"),
        &expect_file!["pick_1000.json"],
    );
    is_file(
        &asked(&fleet(2_000, 20), "health"),
        &expect_file!["pick_2000.json"],
    );
}

#[test]
fn what_was_probably_meant_can_be_pressed() {
    is_file(
        &asked(&ten(), "staus mster"),
        &expect_file!["nearest_controls.json"],
    );
}

/// Of what somebody can type, what is answered at once; the rest has tests of its own.
const WORDS: [&str; 14] = [
    "",
    "help",
    "status",
    "status problems",
    "status down",
    "health",
    "why",
    "ack",
    "silence",
    "maintenance",
    "panic",
    "on-call",
    "show tasks",
    "toy",
];

#[test]
fn every_answer_at_every_size_is_taken() {
    for count in [0, 1, 10, 100, 1_000, 2_000] {
        for board in [fleet(count, 25), disaster(count, 25)] {
            for words in WORDS {
                check(&asked(&board, words).to_json());
            }
        }
    }
}

/// Two hundred words, in ordinary and in hostile letters: what was understood, and nothing that acts or is long.
#[test]
fn a_command_of_two_hundred_words_is_answered_shortly() {
    let board = ten();
    for word in [
        "master",
        "blue green",
        "<!channel>",
        "*_~`",
        "\u{202e}\u{200b}x\u{200d}",
        "مرحبا",
        "🟦🟩",
        "&lt;!here&gt;",
        "\n\t",
    ] {
        for begin in [
            "",
            "status ",
            "health ",
            "silence add ",
            "ack ",
            "hand over ",
            "split ",
            "show tasks ",
            "sli ",
        ] {
            let typed = format!("{begin}{}", format!("{word} ").repeat(200));
            let payload = asked(&board, &typed).to_json();
            check(&payload);
            let text = payload["text"].as_str().expect("everything in words");
            assert!(text.chars().count() <= 1_000, "{begin}{word}: {text}");
            let all = payload.to_string();
            assert!(
                !all.contains("<!channel>") || !text.contains("<!"),
                "{text}"
            );
            assert!(!text.contains(['\u{202e}', '\u{200b}']), "{text:?}");
        }
    }
}

#[test]
fn pickers_of_any_size_are_taken_and_what_is_pressed_is_understood() {
    for count in [0, 1, 2, 10, 24, 25, 100, 1_000, 2_000] {
        let board = fleet(count, 25);
        for words in ["health", "status", "ack", "why"] {
            let payload = asked(&board, words).to_json();
            check(&payload);
            for control in controls(&payload) {
                if control["type"] == "button" {
                    let text = |key: &str| control[key].as_str().expect("a text").to_owned();
                    let read = Action::read(&text("action_id"), &text("value"));
                    assert!(read.is_ok(), "{control}");
                }
            }
        }
        let payload = asked(&board, "health").to_json();
        let pressed = controls(&payload);
        let buttons = pressed.iter().filter(|c| c["type"] == "button").count();
        let menus = pressed.len() - buttons;
        assert_eq!(
            (buttons, menus),
            match count {
                0 => (0, 0),
                // And the way out.
                1..=24 => (count + 1, 0),
                _ => (1, 1),
            },
            "{count}"
        );
        let options = options_json(&pickers::options(&board, ""));
        assert_eq!(options.as_array().map(Vec::len), Some(count.min(100)));
    }
    for count in [10, 100, 1_000, 2_000] {
        for words in ["status", "status problems"] {
            let payload = asked(&disaster(count, 25), words).to_json();
            check(&payload);
            assert!(controls(&payload).len() >= 2, "nothing takes their room");
        }
    }
}

#[test]
fn hostile_and_long_names_are_labels_and_nothing_else() {
    let long = "very-long-name-".repeat(20);
    let targets = (0..20)
        .map(|at| {
            target(
                Some(&format!("<!channel> *{at}*")),
                &format!("\u{202e}`{long}`"),
                Some(":an-emoji-with-quite-a-long-name-of-its-own:"),
            )
        })
        .collect();
    let board = super::world::board(targets);
    for words in ["health", "status", "why <!channel>"] {
        check(&asked(&board, words).to_json());
    }
    let options = options_json(&pickers::options(&board, ""));
    assert_eq!(options, json!([]), "their ids are too long for a menu");
}

fn incident(targets: u32) -> Incident {
    let mut incident = Incident::begun(7, NOW - Duration::from_mins(4));
    incident.targets = (0..targets)
        .map(|at| TargetId::new(format!("shop/{at:02}")))
        .collect();
    incident
}

fn taken(incident: &Incident) -> Incident {
    let by = Person {
        name: String::from("@eva"),
        slack_user: Some(String::from("U1")),
    };
    Incident {
        acknowledged: Some(Acknowledgement {
            by,
            at: NOW,
            why: None,
        }),
        ..incident.clone()
    }
}

fn closed(incident: &Incident, at: Timestamp) -> Incident {
    Incident {
        closed_at: Some(at),
        ..incident.clone()
    }
}

fn is_row(incident: &Incident, file: &ExpectFile) {
    let block = incident_buttons(&About::incident(incident)).expect("it is about somebody");
    let text = format!("{:#}\n", block.to_json());
    file.assert_eq(&text);
    for place in [(vec![block.clone()], vec![]), (vec![], vec![block])] {
        let (blocks, attached) = place;
        let part = Attachment {
            color: "#E01E5A",
            blocks: attached,
        };
        let message = Message::new(Audience::Channel, "DOWN", None, blocks, vec![part]);
        check(&message.to_json());
    }
}

#[test]
fn an_incident_has_the_buttons_of_its_state() {
    let (one, storm) = (incident(1), incident(37));
    is_row(&one, &expect_file!["buttons_open.json"]);
    is_row(&taken(&one), &expect_file!["buttons_taken.json"]);
    is_row(&closed(&one, NOW), &expect_file!["buttons_over.json"]);
    is_row(&storm, &expect_file!["buttons_storm.json"]);
    is_row(&taken(&storm), &expect_file!["buttons_storm_taken.json"]);
    is_row(
        &closed(&storm, NOW),
        &expect_file!["buttons_storm_over.json"],
    );
    assert_eq!(incident_buttons(&About::incident(&incident(0))), None);
}

#[test]
fn all_of_a_storm_are_listed() {
    let board = fleet(10, 5);
    let id = hekate::model::IncidentId::from_number(7);
    for row in &board.rows[2..6] {
        let mut facts = (*row.facts()).clone();
        facts.incident = Some(id.clone());
        row.set_facts(facts);
    }
    let listed = asked(&board, &format!("status {id}")).to_json();
    assert!(
        listed["text"]
            .as_str()
            .is_some_and(|text| text.starts_with("4 targets")),
        "{listed}"
    );
}
