//! One file for each kind of message and each size of grid.

use expect_test::{ExpectFile, expect_file};
use hekate::{
    command::{Reply, ask},
    model::{
        ChannelName, CheckKind, Entry, EntryKey, IncidentId, Kind, Reason, Rule, Severity, Story,
        TargetId, Verdict, unrest::Flapping,
    },
    slack::{
        Message, grid,
        message::{Context, render, render_folded},
        reply,
    },
};

use super::{
    rules::check,
    world::{
        NOW, OPTIONS, ago, context, degraded_story, entry, fleet, mentioning, notice_story,
        on_call, recovered_story, shared_story, silent_story, status, story, ten, unknown_story,
    },
};

pub(crate) fn is_file(message: &Message, file: &ExpectFile) {
    let payload = message.to_json();
    check(&payload);
    check(&message.plain().to_json());
    let mut pretty = serde_json::to_string_pretty(&payload).expect("JSON");
    pretty.push('\n');
    file.assert_eq(&pretty);
}

pub(crate) fn is(entry: &Entry, file: &ExpectFile) {
    is_file(&render(entry, &context(&on_call())), file);
}

#[test]
fn a_target_goes_down() {
    is(
        &mentioning(Kind::Opened, story()),
        &expect_file!["down.json"],
    );
    is(
        &mentioning(Kind::Opened, silent_story()),
        &expect_file!["down_silent.json"],
    );
}

#[test]
fn a_disaster_says_so_first() {
    let mut story = story();
    story.severity = Severity::Disaster;
    story.notes = vec![String::from("nobody active in master is up")];
    let entry = mentioning(Kind::Opened, story);
    is(&entry, &expect_file!["disaster.json"]);
}

#[test]
fn a_target_falls_short() {
    is(
        &entry(Kind::Opened, degraded_story()),
        &expect_file!["degraded.json"],
    );
}

#[test]
fn a_target_cannot_be_seen() {
    is(
        &entry(Kind::Opened, unknown_story()),
        &expect_file!["unknown.json"],
    );
}

#[test]
fn a_trouble_changes() {
    let mut story = degraded_story();
    story.from = Verdict::Down;
    is(&entry(Kind::Changed, story), &expect_file!["changed.json"]);
}

#[test]
fn a_certificate_comes_nearer_to_its_end() {
    let mut story = degraded_story();
    story.from = Verdict::Degraded;
    story.reason = Reason {
        rule: Rule::FallsShort,
        words: String::from(
            "certificate of blue.example.test ends in 6 days (2026-10-31), was told at 21 d",
        ),
    };
    story.looks_for = 4;
    story.looks_of = 4;
    is(
        &entry(Kind::Changed, story),
        &expect_file!["certificate.json"],
    );
}

#[test]
fn it_is_still_down() {
    let mut story = story();
    story.since = ago(7_380);
    is(
        &entry(Kind::Reminder, story),
        &expect_file!["reminder.json"],
    );
}

#[test]
fn it_is_over() {
    is(
        &entry(Kind::Recovered, recovered_story()),
        &expect_file!["recovered.json"],
    );
}

/// Up and down three times, and what that looks like.
fn flapping(is_steady: bool) -> Flapping {
    Flapping {
        outages: 3,
        since: ago(1_340),
        timeline: String::from("down 40 s, up 2 min, down 1 min, up 17 min 50 s, down now"),
        is_steady,
    }
}

#[test]
fn it_goes_up_and_down() {
    let mut begins = story();
    begins.flapping = Some(Box::new(flapping(false)));
    is(
        &mentioning(Kind::Opened, begins.clone()),
        &expect_file!["flapping.json"],
    );
    let mut goes_on = begins;
    goes_on.to = Verdict::Operational;
    is(
        &entry(Kind::Reminder, goes_on),
        &expect_file!["flapping_reminder.json"],
    );
    let mut stays = story();
    stays.from = Verdict::Down;
    stays.since = ago(300);
    stays.flapping = Some(Box::new(flapping(true)));
    is(
        &entry(Kind::Changed, stays),
        &expect_file!["flapping_steady.json"],
    );
    let mut over = recovered_story();
    over.flapping = Some(Box::new(flapping(true)));
    is(
        &entry(Kind::Recovered, over),
        &expect_file!["flapping_recovered.json"],
    );
}

#[test]
fn a_target_leaves_the_file_while_it_is_down() {
    let mut story = recovered_story();
    story.to = Verdict::Down;
    is(&entry(Kind::Removed, story), &expect_file!["removed.json"]);
}

#[test]
fn a_host_takes_three_targets_with_it() {
    is(
        &mentioning(Kind::Opened, shared_story(3, 0)),
        &expect_file!["shared.json"],
    );
    is(
        &entry(Kind::Changed, shared_story(30, 4)),
        &expect_file!["shared_changed.json"],
    );
    is(
        &entry(Kind::Reminder, shared_story(3, 1)),
        &expect_file!["shared_reminder.json"],
    );
    is(
        &entry(Kind::Recovered, shared_story(3, 3)),
        &expect_file!["shared_recovered.json"],
    );
}

#[test]
fn whose_shift_begins_hears_what_there_is() {
    let mut story = notice_story();
    story.severity = Severity::Info;
    story.title = String::from("you are on call for core");
    story.reason.words = String::from("until 30 Nov 09:00:00 CET");
    story.notes = vec![
        String::from(
            "open: master blue DOWN since 23 Nov 08:12:31 CET, @eva is on it (#k7f2); api degraded since 23 Nov 07:40:02 CET (#m3qa)",
        ),
        String::from(
            "silent or in maintenance: cron purple until 23 Nov 16:20:00 CET, <!channel> *db* restore (s41)",
        ),
        String::from(
            "in the shift before: 5 incidents, the longest master green DOWN for 45 min (#b4x1)",
        ),
    ];
    is(&entry(Kind::Notice, story), &expect_file!["shift.json"]);
}

/// The message of a release, as the engine gathers it.
pub(crate) fn release_story() -> Story {
    Story {
        severity: Severity::Info,
        title: String::from("core 4.18.2 is released"),
        runbook_url: Some(String::from(
            "https://git.example.com/acme/core/releases/4.18.2",
        )),
        notes: vec![
            String::from("faster imports (#812)"),
            String::from("prices with four digits"),
            String::from("the old export is gone"),
        ],
        reason: Reason {
            words: String::from("by alice (GitHub) · r12"),
            ..notice_story().reason
        },
        ..notice_story()
    }
}

#[test]
fn something_is_released() {
    let story = release_story();
    is(
        &entry(Kind::Notice, story.clone()),
        &expect_file!["release.json"],
    );
    let mut ended = story;
    ended.notes.insert(
        0,
        String::from("10 min later: worse: core a is DOWN since 22 Nov 14:05:11 CET; better: core c is operational, it was DOWN"),
    );
    is(
        &entry(Kind::Notice, ended),
        &expect_file!["release_ended.json"],
    );
    let mut hostile = release_story();
    hostile.title = String::from("core <!channel> *4*`18`\u{202e}2 <@U0ALICE> is released");
    hostile.reason.words = String::from("by @here & <https://evil.example|friend> · r13");
    hostile.notes = (0..40)
        .map(|at| format!("{at} <!everyone> {}", "*long* ~words~ ".repeat(13)))
        .collect();
    is(
        &entry(Kind::Notice, hostile),
        &expect_file!["release_hostile.json"],
    );
    let mut worse = release_story();
    worse.title = String::from("worse after core 4.18.2");
    worse.reason.words = String::from(
        "10 min later: worse: core a is DOWN since 22 Nov 14:05:11 CET; better: core c is operational, it was DOWN",
    );
    worse.notes = Vec::new();
    is(
        &entry(Kind::Notice, worse),
        &expect_file!["release_worse.json"],
    );
}

#[test]
fn hekate_has_news_of_its_own() {
    is(
        &entry(Kind::Notice, notice_story()),
        &expect_file!["notice.json"],
    );
    let mut story = notice_story();
    story.severity = Severity::Info;
    story.title = String::from("the changed file was taken");
    story.reason.words = String::from("2 targets added, 1 removed");
    is(
        &entry(Kind::Notice, story),
        &expect_file!["notice_info.json"],
    );
}

#[test]
fn roles_are_exchanged() {
    let mut story = notice_story();
    story.severity = Severity::Info;
    story.target = Some(TargetId::new("master/roles"));
    story.check = Some(CheckKind::Roles);
    story.title = String::from("master: green is active now, blue is not");
    story.reason.words = String::from("read from HAProxy");
    story.also_told = vec![ChannelName::new("core_alerts")];
    is(&entry(Kind::Notice, story), &expect_file!["swap.json"]);
}

#[test]
fn a_late_repeat_for_another_channel_says_all_of_that() {
    let on_call = on_call();
    let context = Context {
        late: Some("Slack did not answer"),
        is_repeat: true,
        now: NOW + std::time::Duration::from_mins(20),
        ..context(&on_call)
    };
    let entry = Entry {
        instead_of: Some(ChannelName::new("core_alerts")),
        ..mentioning(Kind::Opened, story())
    };
    is_file(
        &render(&entry, &context),
        &expect_file!["down_late_repeat.json"],
    );
}

#[test]
fn a_stale_backlog_is_one_message() {
    let keyed = |incident: &str, sequence, title: &str, entry: Entry| {
        let mut story = (*entry.story).clone();
        story.title = title.to_owned();
        Entry {
            key: EntryKey {
                incident: IncidentId::new(incident),
                sequence,
                channel: ChannelName::new("disaster"),
            },
            story: story.into(),
            ..entry
        }
    };
    let entries = [
        keyed("k7f2", 0, "master blue", mentioning(Kind::Opened, story())),
        keyed(
            "k7f2",
            1,
            "master blue",
            entry(Kind::Recovered, recovered_story()),
        ),
        keyed(
            "m3x9",
            0,
            "cart 01",
            mentioning(Kind::Opened, silent_story()),
        ),
        keyed(
            "p8aa",
            3,
            "staging green",
            entry(Kind::Reminder, degraded_story()),
        ),
        keyed("q2bc", 1, "hooks", entry(Kind::Removed, recovered_story())),
        keyed(
            "n0te",
            0,
            "channel ops refuses messages",
            entry(Kind::Notice, notice_story()),
        ),
    ];
    let on_call = on_call();
    let unreachable = Context {
        late: Some("Slack was unreachable"),
        ..context(&on_call)
    };
    is_file(
        &render_folded(&entries, &unreachable),
        &expect_file!["folded.json"],
    );
    let morning = Context {
        is_digest: true,
        ..context(&on_call)
    };
    is_file(
        &render_folded(&entries, &morning),
        &expect_file!["digest.json"],
    );
    // They only waited for their turn: nobody was unreachable, and nothing is late.
    let message = render_folded(&entries, &context(&on_call));
    let payload = message.to_json().to_string();
    assert!(payload.contains("Several at once"), "{payload}");
    for untrue in ["late", "unreachable", "did not take"] {
        assert!(!payload.contains(untrue), "{untrue}: {payload}");
    }
}

#[test]
fn the_grid_of_nobody_and_of_one() {
    for (count, file) in [
        (0, expect_file!["grid_0.json"]),
        (1, expect_file!["grid_1.json"]),
    ] {
        is_file(&grid::render(&status(&fleet(count, 1)), &OPTIONS), &file);
    }
}

#[test]
fn a_storm_of_every_size() {
    for (count, begun, goes_on) in [
        (
            100,
            expect_file!["shared_100.json"],
            expect_file!["shared_changed_100.json"],
        ),
        (
            1_000,
            expect_file!["shared_1000.json"],
            expect_file!["shared_changed_1000.json"],
        ),
        (
            2_000,
            expect_file!["shared_2000.json"],
            expect_file!["shared_changed_2000.json"],
        ),
    ] {
        is(&mentioning(Kind::Opened, shared_story(count, 0)), &begun);
        is(
            &entry(Kind::Changed, shared_story(count, count / 3)),
            &goes_on,
        );
    }
}

#[test]
fn the_grid_of_ten() {
    is_file(
        &grid::render(&status(&ten()), &OPTIONS),
        &expect_file!["grid_10.json"],
    );
}

#[test]
fn the_grid_of_a_hundred() {
    is_file(
        &grid::render(&status(&fleet(100, 4)), &OPTIONS),
        &expect_file!["grid_100.json"],
    );
}

#[test]
fn the_grid_of_a_thousand() {
    is_file(
        &grid::render(&status(&fleet(1_000, 25)), &OPTIONS),
        &expect_file!["grid_1000.json"],
    );
}

#[test]
fn the_grid_of_two_thousand() {
    is_file(
        &grid::render(&status(&fleet(2_000, 20)), &OPTIONS),
        &expect_file!["grid_2000.json"],
    );
}

#[test]
fn all_that_is_known_of_one_target() {
    let board = ten();
    for (question, file) in [
        ("why master blue", expect_file!["why_down.json"]),
        (
            "health master blue",
            expect_file!["health_operational.json"],
        ),
        ("why master", expect_file!["why_several.json"]),
    ] {
        let reply = ask(&board, question, NOW, "/roih");
        is_file(&reply::render(&reply, "/roih", &OPTIONS), &file);
    }
}

#[test]
fn help_and_a_question_nobody_understands() {
    let board = ten();
    let answer = |text| ask(&board, text, NOW, "/roih");
    let shown = |reply: &Reply| reply::render(reply, "/roih", &OPTIONS);
    is_file(&shown(&answer("help")), &expect_file!["help.json"]);
    is_file(
        &shown(&answer("status bleu <!channel>")),
        &expect_file!["problem.json"],
    );
    is_file(
        &shown(&answer("status down")),
        &expect_file!["grid_selected.json"],
    );
}
