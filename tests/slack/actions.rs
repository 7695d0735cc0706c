//! What is answered to people who want something done, and the line that everybody reads.

use expect_test::{ExpectFile, expect_file};
use hekate::{
    command::act,
    model::{
        Kind, Severity, Story, TargetId, Verdict,
        action::{Answered, Attempt, AttemptId, Confirm, Confirmed, Door, Refusal, Stage},
        planned::Person,
        roles::Role,
    },
    slack::reply,
};

use super::{
    golden::{is, is_file},
    world::{NOW, OPTIONS, ago, entry, ten},
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
    is(
        &entry(Kind::Notice, story),
        &expect_file!["action_told.json"],
    );
}
