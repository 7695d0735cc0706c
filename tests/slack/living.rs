//! Messages that are edited as their incident goes on, state by state, and the lines of their threads.

use std::{sync::Arc, time::Duration};

use expect_test::{ExpectFile, expect_file};
use hekate::{
    model::{
        Entry, Kind, Severity, Verdict,
        planned::{Acknowledgement, Attended, Person, Silent},
        unrest::Flapping,
    },
    slack::{
        Message,
        message::{edited, living, thread_line},
    },
};

use super::{
    golden::is_file,
    world::{
        ago, context, degraded_story, entry, mentioning, on_call, recovered_story, shared_story,
        story,
    },
};

/// An edit, which mentions nobody whatever it says.
fn shows(entry: &Entry, file: &ExpectFile) {
    let message = edited(entry, &context(&on_call()));
    mentions_nobody(&message);
    is_file(&message, file);
}

fn mentions_nobody(message: &Message) {
    for payload in [message.to_json(), message.plain().to_json()] {
        let text = payload.to_string();
        assert!(
            !text.contains("<!subteam") && !text.contains("<@"),
            "{text}"
        );
    }
}

#[test]
fn it_begins_with_a_mention_and_no_edit_has_one() {
    let entry = mentioning(Kind::Opened, story());
    let begun = living(&entry, &context(&on_call()));
    assert!(begun.to_json().to_string().contains("<!subteam"));
    is_file(&begun, &expect_file!["living_begun.json"]);
    for kind in [
        Kind::Opened,
        Kind::Changed,
        Kind::Reminder,
        Kind::Recovered,
        Kind::Removed,
        Kind::Noted,
        Kind::Split,
    ] {
        let mut over = recovered_story();
        over.to = story().to;
        for story in [story(), over] {
            mentions_nobody(&edited(&mentioning(kind, story), &context(&on_call())));
        }
    }
}

#[test]
fn it_shows_how_it_is_now() {
    let mut worse = story();
    worse.from = Verdict::Degraded;
    shows(
        &mentioning(Kind::Changed, worse),
        &expect_file!["living_worse.json"],
    );
    let mut better = degraded_story();
    better.from = Verdict::Down;
    shows(
        &entry(Kind::Changed, better),
        &expect_file!["living_better.json"],
    );
    // That it was said again is for the thread.
    let mut again = story();
    again.since = ago(7_380);
    shows(
        &mentioning(Kind::Reminder, again),
        &expect_file!["living_reminded.json"],
    );
    shows(
        &entry(Kind::Changed, shared_story(9, 3)),
        &expect_file!["living_partly_back.json"],
    );
    let mut unsteady = story();
    unsteady.flapping = Some(Box::new(Flapping {
        outages: 3,
        since: ago(1_340),
        timeline: String::from("down 40 s, up 2 min, down 1 min, up 17 min 50 s, down now"),
        is_steady: false,
    }));
    shows(
        &mentioning(Kind::Changed, unsteady),
        &expect_file!["living_flapping.json"],
    );
    let mut noted = story();
    noted.notes = vec![
        String::from("acknowledged by @jana: I restart it"),
        String::from("maintenance m7 until 14:30 by jan@laptop: new disks"),
    ];
    shows(
        &mentioning(Kind::Changed, noted),
        &expect_file!["living_noted.json"],
    );
    shows(
        &entry(Kind::Recovered, recovered_story()),
        &expect_file!["living_recovered.json"],
    );
    shows(
        &entry(Kind::Removed, recovered_story()),
        &expect_file!["living_removed.json"],
    );
    let mut split = shared_story(9, 3);
    split.to = Verdict::Unknown;
    split.reason.words =
        String::from("eva <!channel> split it: whatever is bad is an incident of its own now");
    for one in split.many.iter_mut().flat_map(|many| &mut many.members) {
        if one.verdict != Verdict::Operational {
            one.verdict = Verdict::Unknown;
            one.words = String::from("an incident of its own since it was split off: k7f3");
        }
    }
    shows(
        &entry(Kind::Split, split),
        &expect_file!["living_split.json"],
    );
}

fn taken(why: &str) -> Attended {
    Attended {
        on_it: Some(Acknowledgement {
            by: Person {
                name: String::from("eva <!channel> *x*"),
                slack_user: Some(String::from("U0EVA")),
            },
            at: ago(30),
            why: Some(why.to_owned()),
        }),
        silent: None,
        deed: format!("eva <!channel> *x* is on it: {why}"),
        calls: None,
    }
}

#[test]
fn it_shows_what_people_do_about_it() {
    let mut attended = taken("I restart it & look");
    let mut on_it = story();
    on_it.attended = Some(Box::new(attended.clone()));
    let entries = [
        mentioning(Kind::Noted, on_it.clone()),
        mentioning(Kind::Changed, on_it),
    ];
    shows(&entries[0], &expect_file!["living_taken.json"]);
    let button = |entry: &Entry| {
        let shown = edited(entry, &context(&on_call())).to_json().to_string();
        assert!(!shown.contains("hekate.ack"), "{shown}");
        shown.contains("hekate.take_over")
    };
    assert!(entries.iter().all(button));

    attended.silent = Some(Silent {
        until: ago(0) + Duration::from_hours(2),
        is_until_recovered: false,
    });
    attended.on_it = None;
    attended.deed = String::from("jan@laptop silenced it until 15:00:00 CET: known (s41)");
    let mut shared = shared_story(9, 3);
    shared.attended = Some(Box::new(attended));
    let silenced = entry(Kind::Noted, shared);
    shows(&silenced, &expect_file!["living_silenced.json"]);
    let mut with_it = silenced.clone();
    let attended = Arc::make_mut(&mut with_it.story).attended.as_mut();
    let silent = attended.and_then(|attended| attended.silent.as_mut());
    silent.expect("it is silent").is_until_recovered = true;
    let shown = edited(&with_it, &context(&on_call())).to_json().to_string();
    assert!(
        shown.contains("silent until it recovers, at the latest 15:00:00 CET"),
        "{shown}"
    );

    let lines = [&entries[0], &silenced];
    let lines = thread_line(&lines, &context(&on_call()), false);
    mentions_nobody(&lines);
    assert!(!lines.to_json()["text"].to_string().contains("<!channel>"));
    is_file(&lines, &expect_file!["thread_noted.json"]);
}

#[test]
fn whoever_it_is_handed_to_is_mentioned_in_the_thread_while_it_goes_on() {
    let mut attended = taken("handed over by @jan");
    attended.on_it = attended.on_it.map(|taken| Acknowledgement {
        by: Person {
            name: String::from("@U0EVA"),
            slack_user: Some(String::from("U0EVA")),
        },
        ..taken
    });
    attended.deed = String::from("@jan handed it over to @U0EVA");
    attended.calls = Some(String::from("U0EVA"));
    let mut handed = story();
    handed.attended = Some(Box::new(attended));
    let handed = entry(Kind::Noted, handed);
    is_file(
        &edited(&handed, &context(&on_call())),
        &expect_file!["living_handed.json"],
    );
    let line = thread_line(&[&handed], &context(&on_call()), false);
    is_file(&line, &expect_file!["thread_handed.json"]);
    assert!(
        line.plain().to_json()["text"]
            .to_string()
            .contains("<@U0EVA>")
    );
    let over = entry(Kind::Recovered, recovered_story());
    mentions_nobody(&thread_line(&[&handed, &over], &context(&on_call()), false));
}

#[test]
fn its_story_is_in_the_thread() {
    let mut worse = story();
    worse.from = Verdict::Degraded;
    let mut hostile = degraded_story();
    hostile.from = Verdict::Down;
    hostile.reason.words = String::from("<!channel> `rm` *now* & <https://evil.test|click>");
    let entries = [
        mentioning(Kind::Changed, worse),
        entry(Kind::Changed, hostile),
        entry(Kind::Changed, shared_story(9, 3)),
        entry(Kind::Recovered, recovered_story()),
    ];
    let entries: Vec<_> = entries.iter().collect();
    let lines = thread_line(&entries, &context(&on_call()), false);
    mentions_nobody(&lines);
    assert!(!lines.to_json()["text"].to_string().contains("<!channel>"));
    is_file(&lines, &expect_file!["thread_quiet.json"]);

    let on_call = on_call();
    let mut late = context(&on_call);
    late.late = Some("Slack did not answer");
    late.is_repeat = true;
    let line = thread_line(&entries[3..], &late, false);
    is_file(&line, &expect_file!["thread_late_repeat.json"]);
}

#[test]
fn what_is_broadcast_stands_for_itself_and_mentions_only_what_goes_on() {
    let mut still = story();
    still.since = ago(7_380);
    still.severity = Severity::Critical;
    let reminder = mentioning(Kind::Reminder, still);
    let told = thread_line(&[&reminder], &context(&on_call()), true);
    assert!(told.to_json().to_string().contains("<!subteam"));
    is_file(&told, &expect_file!["thread_reminder.json"]);
    let over = mentioning(Kind::Recovered, recovered_story());
    let told = thread_line(&[&reminder, &over], &context(&on_call()), true);
    mentions_nobody(&told);
    is_file(&told, &expect_file!["thread_over.json"]);
}
