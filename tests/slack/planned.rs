//! What people planned and took on: as a note of a message, and as the answers to those who typed it.

use std::{sync::Arc, time::Duration};

use expect_test::{ExpectFile, expect_file};
use hekate::{
    command::{Heard, Reply, ask, hear, planned},
    model::{
        IncidentId, Kind, Severity, Verdict,
        plan::Matcher,
        planned::{
            Acknowledgement, Agenda, Done, Ended, HowEnded, Length, Person, PlanId, PlanKind,
            Planned, Refused, WindowFacts, Wish,
        },
    },
    slack::reply,
};

use super::{
    golden::{is, is_file},
    world::{
        NOW, OPTIONS, ago, entry, mentioning, recovered_story, shared_story, silent_story, story,
        ten,
    },
};

/// What somebody may type as a reason: mentions, a link, formats, an order, a word that turns the line around.
const HOSTILE: &str = "<!channel> @here <@U0ALICE> <https://evil.test|click> *all* `/roih silence end s1` _is_ ~well~ \
                       :tada: \u{202E}lliw ti &amp; <!here";

fn somebody(name: &str) -> Person {
    Person {
        name: format!("@{name}"),
        slack_user: Some(String::from("U0JANA777")),
    }
}

fn acknowledged(why: &str) -> String {
    let taken = Acknowledgement {
        by: somebody("jana"),
        at: ago(100),
        why: Some(why.to_owned()),
    };
    taken.words()
}

#[test]
fn what_a_maintenance_held_back_is_told_with_why() {
    let mut held = story();
    held.since = ago(1_500);
    held.notes = vec![String::from(
        "held back by maintenance m1 of @jana: new disks",
    )];
    let opened = mentioning(Kind::Opened, held);
    is(&opened, &expect_file!["held_back_maintenance.json"]);
    let mut held = silent_story();
    held.notes = vec![String::from(
        "held back by the maintenance window `staging rebuild`",
    )];
    let opened = mentioning(Kind::Opened, held);
    is(&opened, &expect_file!["held_back_window.json"]);
}

#[test]
fn what_a_silence_held_back_is_told_with_why_whatever_was_typed() {
    let mut held = story();
    held.from = Verdict::Degraded;
    held.notes = vec![
        format!("held back by silence s1 of @jana: {HOSTILE}"),
        String::from("held back by silence s2 of @steve: db restore"),
    ];
    let changed = mentioning(Kind::Changed, held);
    is(&changed, &expect_file!["held_back_silence.json"]);
}

#[test]
fn the_end_of_what_somebody_took_on_says_who_it_was() {
    let mut over = recovered_story();
    over.notes = vec![acknowledged("I restart it")];
    is(
        &entry(Kind::Recovered, over.clone()),
        &expect_file!["acknowledged_recovered.json"],
    );
    over.notes = vec![acknowledged(HOSTILE)];
    is(
        &entry(Kind::Recovered, over),
        &expect_file!["acknowledged_recovered_hostile.json"],
    );
    let mut over = shared_story(3, 3);
    over.notes = vec![acknowledged("I restart them")];
    is(
        &entry(Kind::Recovered, over),
        &expect_file!["acknowledged_shared_recovered.json"],
    );
}

#[test]
fn several_that_are_a_disaster_say_so_first() {
    let mut shared = shared_story(3, 0);
    shared.severity = Severity::Disaster;
    shared.notes = vec![String::from("nobody active in shop is up")];
    is(
        &mentioning(Kind::Opened, shared.clone()),
        &expect_file!["shared_disaster.json"],
    );
    let held = "held back by maintenance m1 of @jana: new disks";
    shared.notes.push(held.to_owned());
    is(
        &mentioning(Kind::Opened, shared),
        &expect_file!["shared_disaster_held_back.json"],
    );
}

/// The message of sentences.
fn said(sentences: Vec<String>, file: &ExpectFile) {
    is_file(
        &reply::render(&Reply::Said(sentences), "/roih", &OPTIONS),
        file,
    );
}

/// What was typed, as the plan that it begins.
fn begun(typed: &str, number: u64, by: &str) -> Planned {
    let heard = hear(&ten(), typed, NOW, "/roih");
    let Heard::Wish(Wish::Begin {
        kind,
        targets,
        length,
        why,
        release,
    }) = heard
    else {
        panic!("{typed} begins nothing: {heard:?}");
    };
    Planned {
        id: PlanId { kind, number },
        matcher: Matcher {
            targets,
            ..Matcher::default()
        },
        why,
        release,
        by: somebody(by),
        from: NOW,
        until: NOW + length.from_now(NOW, chrono_tz::UTC),
        is_until_recovered: length == Length::Recovered,
        ended: None,
    }
}

fn done(done: &Done) -> Vec<String> {
    planned::done(done, NOW, OPTIONS.timezone, "/roih")
}

/// What was done, with words of the engine beside it.
fn answer_of(planned: &Planned, but: Option<&str>) -> Vec<String> {
    done(&Done::Begun {
        planned: planned.clone(),
        but: but.map(str::to_owned),
    })
}

#[test]
fn what_begins_is_answered_with_whom_until_when_and_how_to_end_it() {
    let silence = begun("silence add master for 2h because db restore", 41, "jana");
    let but = "one incident is open already; that it is over will be told";
    said(
        answer_of(&silence, Some(but)),
        &expect_file!["said_silence.json"],
    );
    let work = begun(
        "maintenance start staging blue for 45m because x",
        42,
        "jana",
    );
    said(
        answer_of(&work, None),
        &expect_file!["said_maintenance.json"],
    );
    let deploy = "deploy announce master green for 10m release 4.18.2";
    let deploy = begun(deploy, 43, "jana");
    let but = "master green is active, so until it is switched away its trouble is told at once";
    said(
        answer_of(&deploy, Some(but)),
        &expect_file!["said_deploy.json"],
    );
    let deploy = begun("deploy announce unicorn release `<!here>`", 44, "*`jana`*");
    said(
        answer_of(&deploy, None),
        &expect_file!["said_deploy_hostile.json"],
    );
}

#[test]
fn what_ends_or_is_taken_on_is_answered() {
    let mut silence = begun("silence add master for 2h because x", 41, "jana");
    silence.ended = Some(Ended {
        at: NOW,
        how: HowEnded::Stopped,
        by: Some(somebody("steve")),
    });
    said(
        done(&Done::Ended(silence)),
        &expect_file!["said_ended.json"],
    );
    let taken = |why: &str| {
        done(&Done::Acknowledged {
            incident: IncidentId::new("k7f2"),
            titles: vec![String::from("master blue"), String::from("staging green")],
            acknowledgement: Acknowledgement {
                by: somebody("jana"),
                at: NOW,
                why: Some(why.to_owned()),
            },
        })
    };
    said(taken("I restart it"), &expect_file!["said_ack.json"]);
    said(taken(HOSTILE), &expect_file!["said_ack_hostile.json"]);
}

#[test]
fn what_is_on_is_listed_whatever_was_typed() {
    let hostile = format!("silence add staging for 30m because {HOSTILE}");
    let made = [
        begun("silence add master for 2h because db restore", 41, "jana"),
        begun(&hostile, 45, "<!channel>`*x*"),
        begun("maintenance start nastenka for 24h because x", 46, "steve"),
        begun("deploy announce unicorn release 4.18.2", 47, "pipeline"),
    ];
    let window = |name: &str, open, opens_at| WindowFacts {
        name: name.to_owned(),
        open,
        opens_at,
    };
    let later = NOW + Duration::from_hours(14);
    let agenda = Agenda {
        made: made.into_iter().map(Arc::new).collect(),
        windows: vec![
            window("nightly", None, Some(later)),
            window("move", Some((ago(600), later)), None),
            window("long ago", None, None),
        ],
        ..Agenda::default()
    };
    for (kind, full, empty) in [
        (
            PlanKind::Silence,
            expect_file!["list_silences.json"],
            expect_file!["list_no_silences.json"],
        ),
        (
            PlanKind::Maintenance,
            expect_file!["list_maintenances.json"],
            expect_file!["list_no_maintenances.json"],
        ),
        (
            PlanKind::Deploy,
            expect_file!["list_deploys.json"],
            expect_file!["list_no_deploys.json"],
        ),
    ] {
        let list = |agenda: &Agenda| planned::list(agenda, kind, NOW, OPTIONS.timezone);
        said(list(&agenda), &full);
        said(list(&Agenda::default()), &empty);
    }
}

#[test]
fn what_is_not_done_says_why() {
    let board = ten();
    let typed = |text: &str, file: &ExpectFile| {
        let answer = ask(&board, text, NOW, "/roih");
        assert!(matches!(answer, Reply::Problem { .. }), "{text}");
        is_file(&reply::render(&answer, "/roih", &OPTIONS), file);
    };
    typed(
        "silence master bleu 30m db restore",
        &expect_file!["refused_not_said_so.json"],
    );
    typed(
        "silence add master bleu for 30m because db restore",
        &expect_file!["refused_nobody.json"],
    );
    typed(
        &format!("silence add {HOSTILE} for <!here> because {HOSTILE}"),
        &expect_file!["refused_hostile.json"],
    );
    typed("silence end m42", &expect_file!["refused_other_kind.json"]);
    let refused = Refused {
        is_missing: false,
        words: String::from("it may last from 1 min to 24 h"),
    };
    let refused = Reply::Problem {
        understood: refused.words,
        nearest: Vec::new(),
        hint: String::new(),
        choices: None,
    };
    is_file(
        &reply::render(&refused, "/roih", &OPTIONS),
        &expect_file!["refused_too_long.json"],
    );
}
