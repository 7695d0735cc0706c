//! However much there is to say, Slack takes it, and what was cut is said.

use hekate::{
    model::{
        Kind, Verdict,
        notification::{Many, One},
    },
    slack::{
        grid,
        message::{Context, render, render_folded},
    },
};

use super::{
    rules::{blocks, check},
    world::{
        NOW, OPTIONS, board, component, context, disaster, entry, fleet, mentioning, on_call,
        recovered_story, status, story, target,
    },
};

#[test]
fn a_grid_of_any_size_is_taken() {
    for per_group in [1, 2, 4, 7, 25, 100, 3_000] {
        for count in [0, 1, 2, 10, 29, 30, 31, 99, 200, 201, 1_000, 2_000, 3_000] {
            check(&grid::render(&status(&fleet(count, per_group)), &OPTIONS).to_json());
            check(&grid::render(&status(&disaster(count, per_group)), &OPTIONS).to_json());
        }
    }
}

#[test]
fn long_names_are_cut_and_still_taken() {
    let long = "very-long-name-".repeat(20);
    for count in [5, 30, 150, 500] {
        let targets = (0..count)
            .map(|at| {
                target(
                    Some(&format!("{}{long}", at / 2)),
                    &format!("{at}{long}"),
                    Some(":an-emoji-with-quite-a-long-name-of-its-own:"),
                )
            })
            .collect();
        check(&grid::render(&status(&board(targets)), &OPTIONS).to_json());
    }
}

#[test]
fn every_problem_of_a_grid_is_shown_or_counted() {
    let payload = grid::render(&status(&disaster(1_000, 25)), &OPTIONS).to_json();
    let text = payload.to_string();
    assert!(text.contains("1,000 down"), "{text}");
    assert!(text.contains("more not well"), "{text}");
    assert!(text.contains("more groups with problems"), "{text}");
}

#[test]
fn evidence_without_end_is_taken() {
    let long = "x < y & z 🔥 ".repeat(500);
    let mut story = story();
    story.title.clone_from(&long);
    story.reason.words.clone_from(&long);
    story.siblings = vec![long.clone(); 50];
    let detail = story.detail.as_mut().expect("there is one");
    detail.components = vec![component(&long, &long); 50];
    detail.excerpt = Some(long.clone());
    detail.via = Some(long.clone());
    detail.note = Some(long.clone());
    let one = One {
        title: long.clone(),
        verdict: Verdict::Down,
        words: long.clone(),
        since: NOW,
    };
    let many = Many {
        members: vec![one; Many::SHOWN_MAX],
        total: u32::MAX,
        back: 7,
    };
    let on_call = on_call();
    let mut shared = story.clone();
    shared.many = Some(Box::new(many));
    for kind in [Kind::Opened, Kind::Changed, Kind::Reminder, Kind::Recovered] {
        let message = render(&mentioning(kind, shared.clone()), &context(&on_call));
        check(&message.to_json());
        check(&message.plain().to_json());
    }
    for kind in [
        Kind::Opened,
        Kind::Changed,
        Kind::Reminder,
        Kind::Removed,
        Kind::Notice,
    ] {
        let message = render(&mentioning(kind, story.clone()), &context(&on_call));
        check(&message.to_json());
        check(&message.plain().to_json());
    }
    let mut over = recovered_story();
    over.outage.as_mut().expect("there is one").seen = vec![(long, 7); 99];
    check(&render(&entry(Kind::Recovered, over), &context(&on_call)).to_json());
}

#[test]
fn a_backlog_of_any_length_is_taken() {
    let on_call = on_call();
    for count in [0, 1, 20, 21, 5_000] {
        let entries: Vec<_> = (0..count)
            .map(|at| {
                let mut one = mentioning(Kind::Opened, story());
                one.key.incident = hekate::model::IncidentId::from_number(at);
                one
            })
            .collect();
        let context = Context {
            late: Some("Slack was unreachable"),
            ..context(&on_call)
        };
        let message = render_folded(&entries, &context);
        check(&message.to_json());
        if count > 20 {
            let more = format!("+{} more", count - 20);
            assert!(message.to_json().to_string().contains(&more));
        }
        // Many incidents, one mention.
        let mentions = message.to_json().to_string().matches("<!subteam").count();
        assert_eq!(mentions, usize::from(count > 0));
    }
}

#[test]
fn the_words_of_a_message_fit_a_lock_screen() {
    let on_call = on_call();
    for kind in [Kind::Opened, Kind::Changed, Kind::Reminder] {
        let mut story = story();
        story.reason.words = "a reason that goes on and on ".repeat(20);
        let message = render(&mentioning(kind, story), &context(&on_call));
        let text = message.text();
        assert!(text.chars().count() <= 150, "{text}");
        assert!(
            text.contains("master blue") && text.contains("#k7f2"),
            "{text}"
        );
    }
}

#[test]
fn a_refused_message_still_says_all_in_words_and_mentions() {
    let on_call = on_call();
    let message = render(&mentioning(Kind::Opened, story()), &context(&on_call));
    let plain = message.plain().to_json();
    assert!(blocks(&plain).is_empty());
    let text = plain["text"].as_str().expect("text");
    assert!(text.starts_with("DOWN: master blue – HTTP 503"), "{text}");
    assert!(
        text.ends_with("#k7f2 <!subteam^S0CORE01> <@U0ALICE>"),
        "{text}"
    );
}
