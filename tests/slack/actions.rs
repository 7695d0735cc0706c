//! What is answered to people who want something done, and the line that everybody reads.

use std::sync::Arc;

use expect_test::{ExpectFile, expect_file};
use hekate::{
    command::{
        Reply,
        act::{self, ByForm, Correction, Form, Input},
    },
    model::{
        Kind, Severity, Story, TargetId, Verdict,
        action::{Answered, Attempt, AttemptId, Confirm, Confirmed, Door, Refusal, Stage},
        planned::Person,
        roles::Role,
    },
    slack::{
        form,
        message::{edited, living, render},
        reply,
    },
};
use serde_json::Value;
use slackblocks::ModalView;

use super::{
    golden::{is, is_file},
    world::{NOW, OPTIONS, ago, context, entry, on_call, ten},
};

/// What somebody may type as a reason, or Jenkins may answer.
const HOSTILE: &str = "<!channel> @here <@U0ALICE> <https://evil.test|click> *all* `/roih confirm k7f2q` :tada: &amp;";

fn somebody(name: &str) -> Person {
    Person {
        name: format!("@{name}"),
        slack_user: Some(format!("U0{}", name.to_uppercase())),
    }
}

fn attempt(stage: Stage) -> Box<Attempt> {
    Box::new(Attempt {
        id: AttemptId(17),
        action: String::from("force_restart"),
        target: TargetId::new("master/blue"),
        by: somebody("alice"),
        door: Door::Slack {
            channel: String::from("C0OPS"),
            channel_name: String::from("ops"),
        },
        why: Some(HOSTILE.to_owned()),
        role: Some(Role::Inactive),
        verdict: Verdict::Down,
        nonce: String::from("k7f2q"),
        trigger: None,
        asked_at: ago(10),
        expires_at: NOW + std::time::Duration::from_secs(50),
        confirmed: vec![Confirmed {
            by: somebody("alice"),
            at: NOW,
        }],
        began_at: None,
        ended_at: None,
        stage,
        words: String::new(),
        reference: None,
        account: None,
    })
}

fn refused(words: &str, way_out: &str, stage: Option<Stage>) -> Answered {
    Answered::Refused {
        refusal: Refusal {
            words: words.to_owned(),
            way_out: way_out.to_owned(),
        },
        attempt: stage.map(attempt),
    }
}

fn answers(answer: &Answered, file: &ExpectFile) {
    let reply = act::answered(answer, &ten(), "/roih");
    is_file(&reply::render(&reply, "/roih", &OPTIONS), file);
}

#[test]
fn a_question_has_buttons_and_words_that_do_the_same() {
    let asked = |how| Answered::Confirm {
        attempt: attempt(Stage::Asked),
        how,
    };
    answers(
        &asked(Confirm::Button),
        &expect_file!["action_confirm.json"],
    );
    answers(
        &asked(Confirm::TypeName),
        &expect_file!["action_type_name.json"],
    );
    answers(
        &Answered::Second(attempt(Stage::Seconding)),
        &expect_file!["action_second.json"],
    );
}

fn form_of(wants_reason: bool) -> Form {
    Form {
        nonce: String::from("k7f2q"),
        action: String::from("force restart"),
        target: String::from("master blue"),
        verdict: Verdict::Down,
        role: Some(Role::Active),
        deed: String::from("builds ops/restart in Jenkins"),
        why: (!wants_reason).then(|| HOSTILE.to_owned()),
        wants_reason,
        needs_second_person: !wants_reason,
        within: std::time::Duration::from_secs(59),
        id: AttemptId(17),
    }
}

/// A view as Slack takes it: as others read its rules, and as we do.
fn is_view(view: &Value, file: &ExpectFile) {
    serde_json::from_value::<ModalView>(view.clone()).unwrap_or_else(|e| panic!("{e}\n{view:#}"));
    for part in ["title", "submit", "close"] {
        let words = view[part]["text"].as_str().unwrap_or("-");
        assert!((1..=24).contains(&words.chars().count()), "{words}");
    }
    let metadata = view["private_metadata"].as_str().unwrap_or_default();
    assert!(metadata.len() <= 3_000);
    for block in view["blocks"].as_array().expect("blocks") {
        let placeholder = block["element"]["placeholder"]["text"].as_str();
        assert!(placeholder.is_none_or(|words| (1..=150).contains(&words.chars().count())));
        let label = block["label"]["text"].as_str();
        assert!(label.is_none_or(|words| (1..=2_000).contains(&words.chars().count())));
    }
    let mut pretty = serde_json::to_string_pretty(view).expect("JSON");
    assert!(!pretty.contains("mrkdwn"), "nothing of it is parsed");
    pretty.push('\n');
    file.assert_eq(&pretty);
}

#[test]
fn a_form_says_what_is_done_to_whom_and_asks_for_the_name() {
    is_view(
        &form::render(&form_of(true)),
        &expect_file!["views/form_reason.json"],
    );
    is_view(
        &form::render(&form_of(false)),
        &expect_file!["views/form_second.json"],
    );
    let mut longest = form_of(true);
    longest.action = "wipe the cache of every edge of the world ".repeat(9);
    longest.target = "a target with a long name ".repeat(40);
    longest.deed = HOSTILE.repeat(9);
    longest.role = Some(Role::Unknown);
    is_view(
        &form::render(&longest),
        &expect_file!["views/form_longest.json"],
    );
}

#[test]
fn a_form_that_was_sent_is_answered_in_its_place() {
    let wrong = [
        Correction {
            input: Input::Name,
            words: format!("`{HOSTILE}` is not its name; type `master blue`"),
        },
        Correction {
            input: Input::Reason,
            words: String::from("it has to be said why"),
        },
    ];
    let errors = form::errors(&wrong);
    assert_eq!(errors["response_action"], "errors");
    assert_eq!(errors["errors"]["reason"], "it has to be said why");
    let name = errors["errors"]["name"].as_str().expect("words");
    assert!(name.chars().count() <= 200, "{name}");
    let taken = Answered::Taken(attempt(Stage::Checking));
    let reply = act::answered(&taken, &ten(), "/roih");
    let answer = form::answer(&reply::render(&reply, "/roih", &OPTIONS));
    assert_eq!(answer["response_action"], "update");
    is_view(&answer["view"], &expect_file!["views/form_taken.json"]);
}

#[test]
fn a_question_for_a_name_offers_the_form() {
    let asked = Answered::Confirm {
        attempt: attempt(Stage::Asked),
        how: Confirm::TypeName,
    };
    for (by_form, file) in [
        (ByForm::OnDemand, expect_file!["action_form_on_demand.json"]),
        (ByForm::Shown, expect_file!["action_form_shown.json"]),
    ] {
        let Reply::Asking(asking) = act::answered(&asked, &ten(), "/roih") else {
            panic!("it is a question")
        };
        let reply = Reply::Asking(asking.with_form(by_form));
        is_file(&reply::render(&reply, "/roih", &OPTIONS), &file);
    }
}

#[test]
fn whoever_confirmed_reads_how_far_it_is() {
    let taken = |stage, words: &str| {
        let mut attempt = attempt(stage);
        attempt.words = words.to_owned();
        attempt.reference = (!words.is_empty()).then(|| String::from("Jenkins #812"));
        Answered::Taken(attempt)
    };
    answers(
        &taken(Stage::Checking, ""),
        &expect_file!["action_checking.json"],
    );
    answers(
        &taken(Stage::Running, ""),
        &expect_file!["action_running.json"],
    );
    answers(
        &taken(Stage::Settling, "done"),
        &expect_file!["action_settling.json"],
    );
    answers(
        &taken(Stage::Failed, HOSTILE),
        &expect_file!["action_failed.json"],
    );
    answers(
        &taken(Stage::Unknown, "hekate ended while it was being done"),
        &expect_file!["action_unknown.json"],
    );
}

#[test]
fn a_refusal_says_why_and_what_helps() {
    answers(
        &refused(
            "master green is active",
            "switch it away first; `restart` leaves what is active alone",
            Some(Stage::Refused),
        ),
        &expect_file!["action_refused.json"],
    );
    answers(
        &refused(
            &format!("`{HOSTILE}` is not its name"),
            "type `master blue`",
            None,
        ),
        &expect_file!["action_refused_hostile.json"],
    );
    answers(
        &refused("taken back by @alice", "", Some(Stage::Cancelled)),
        &expect_file!["action_cancelled.json"],
    );
}

#[test]
fn one_line_says_what_came_of_it() {
    let words = format!("Jenkins #812 · back after 38 s · because {HOSTILE} · a17");
    let story = Story {
        severity: Severity::Info,
        ..Story::plain(String::from("@alice restarted master green"), words, NOW)
    };
    let mut goes_on = entry(Kind::Noted, story.clone());
    Arc::make_mut(&mut goes_on.story).title = String::from("@alice restarts master green");
    let begun = living(&goes_on, &context(&on_call()));
    is_file(&begun, &expect_file!["action_goes_on.json"]);
    let mut over = entry(Kind::Notice, story.clone());
    over.key.sequence = 4;
    assert_eq!(
        edited(&over, &context(&on_call())).to_json(),
        render(&over, &context(&on_call())).to_json(),
        "its end looks as if nothing had been said before"
    );
    is(
        &entry(Kind::Notice, story),
        &expect_file!["action_told.json"],
    );
}
