//! Stories of messages that live: what people see in Slack, and what is asked to get there.

use std::{sync::Arc, time::Duration};

use expect_test::{Expect, expect};

use crate::model::{
    Kind::{Changed, Noted, Notice, Opened, Recovered, Reminder},
    OnCallName, Outage,
    Severity::{Critical, Warning},
    Verdict,
    quiet_hours::Allowance,
};

use super::{
    Parcel,
    workspace::CallFate::{
        Dies, Fine, LostDone, LostUndone, Malformed, NoConnection, Refused, Throttled, Unheard,
    },
    world::{Fate, World, bot_channel, channel, entry},
};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

fn world() -> World {
    World::new(
        7,
        &[
            bot_channel("alerts", Some("ops"), true),
            channel("ops", None),
        ],
    )
}

fn well(_: Duration, _: &Parcel) -> Fate {
    Fate::accept()
}

/// The end of an outage that was so long; whether somebody was mentioned for it is up to its beginning.
fn end(world: &mut World, incident: &str, sequence: u32, length: Duration) {
    let now = world.now();
    let name = crate::model::ChannelName::new("alerts");
    let mut entry = entry(incident, sequence, &name, Recovered, Critical, now.at);
    let story = Arc::make_mut(&mut entry.story);
    story.from = Verdict::Down;
    story.to = Verdict::Operational;
    story.outage = Some(Outage {
        worst: Verdict::Down,
        since: now.at - length,
        until: now.at,
        seen: Vec::new(),
    });
    world.tell_entry(entry);
}

/// All is told, each incident has one message, and it shows the end.
#[track_caller]
fn all_told(world: &World, expected: &Expect) {
    assert!(world.outbox.is_empty(), "{:?}", world.outbox);
    for seen in world.slack.seen.iter().filter(|seen| seen.does_live) {
        assert_eq!(seen.shows.0, Recovered, "{seen:?}\n{}", world.diary);
    }
    assert_eq!(world.living, []);
    expected.assert_eq(&world.diary);
}

#[test]
fn an_incident_is_one_message_and_its_story_is_in_the_thread() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(MINUTE, well);
    world.tell("aaaa", 2, "alerts", Changed, Critical);
    world.run(10 * MINUTE, well);
    end(&mut world, "aaaa", 3, 10 * MINUTE);
    world.run(HOUR, well);
    let top = world.slack.seen.iter().filter(|seen| seen.parent.is_none());
    assert_eq!(top.count(), 1);
    all_told(
        &world,
        &expect![[r#"
            00:00:00.0 alerts <- aaaa opened: post => accepted
            00:01:00.0 alerts <- aaaa changed: edit, line => accepted
            00:10:00.0 alerts <- aaaa recovered: edit, line => accepted
        "#]],
    );
}

#[test]
fn what_has_to_reach_people_is_broadcast_and_nothing_else_is() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Warning);
    world.run(MINUTE, well);
    // As bad as before, and quiet; then worse for people; then said again; then a long one ends.
    world.tell("aaaa", 2, "alerts", Changed, Warning);
    world.run(2 * MINUTE, well);
    world.tell("aaaa", 3, "alerts", Changed, Critical);
    world.run(3 * MINUTE, well);
    world.tell("aaaa", 4, "alerts", Reminder, Critical);
    world.run(15 * MINUTE, well);
    end(&mut world, "aaaa", 5, 15 * MINUTE);
    world.run(16 * MINUTE, well);
    // Shorter, but somebody was mentioned.
    for (incident, length) in [("bbbb", 5 * MINUTE), ("cccc", 4 * MINUTE)] {
        let name = crate::model::ChannelName::new("alerts");
        let mut opened = entry(incident, 1, &name, Opened, Critical, world.now().at);
        opened.mention = Some(OnCallName::new("core"));
        world.tell_entry(opened);
        world.run(world.time + length, well);
        end(&mut world, incident, 2, length);
        world.run(world.time + MINUTE, well);
    }
    all_told(
        &world,
        &expect![[r#"
            00:00:00.0 alerts <- aaaa opened: post => accepted
            00:01:00.0 alerts <- aaaa changed: edit, line => accepted
            00:02:00.0 alerts <- aaaa changed, loud: edit, line => accepted
            00:03:00.0 alerts <- aaaa reminder, loud: edit, line => accepted
            00:15:00.0 alerts <- aaaa recovered, loud: edit, line => accepted
            00:16:00.0 alerts <- bbbb opened: post => accepted
            00:21:00.0 alerts <- bbbb recovered, loud: edit, line => accepted
            00:22:00.0 alerts <- cccc opened: post => accepted
            00:26:00.0 alerts <- cccc recovered: edit, line => accepted
        "#]],
    );
}

#[test]
fn what_may_have_arrived_is_looked_for_before_it_is_told_again() {
    let mut world = world();
    // The answer is lost, once with the message there, once without.
    world.slack.script = [LostDone, Fine, Fine, LostUndone].into();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(MINUTE, well);
    world.tell("bbbb", 1, "alerts", Opened, Critical);
    world.run(2 * MINUTE, well);
    // The same of a line in the thread.
    world.slack.script = [Fine, LostDone].into();
    end(&mut world, "aaaa", 2, MINUTE);
    world.run(3 * MINUTE, well);
    world.slack.script = [Fine, LostUndone].into();
    end(&mut world, "bbbb", 2, MINUTE);
    world.run(HOUR, well);
    assert_eq!(world.slack.seen.len(), 4);
    assert!(!world.slack.seen.iter().any(|seen| seen.is_repeat));
    all_told(
        &world,
        &expect![[r#"
            00:00:00.0 alerts <- aaaa opened: post (LostDone) => unsure
            00:00:01.3 alerts <- aaaa opened: list, history => accepted
            00:01:00.0 alerts <- bbbb opened: post (LostUndone) => unsure
            00:01:01.2 alerts <- bbbb opened: history, post => accepted
            00:02:00.0 alerts <- aaaa recovered: edit, line (LostDone) => unsure
            00:02:01.5 alerts <- aaaa recovered: edit, replies => accepted
            00:03:00.0 alerts <- bbbb recovered: edit, line (LostUndone) => unsure
            00:03:01.4 alerts <- bbbb recovered: edit, replies, line => accepted
        "#]],
    );
}

#[test]
fn whoever_may_not_look_says_that_it_is_a_repeat() {
    let mut world = world();
    world.slack.may_read = false;
    world.slack.script = [LostDone].into();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(MINUTE, well);
    end(&mut world, "aaaa", 2, MINUTE);
    world.run(2 * MINUTE, well);
    assert!(world.slack.seen[1].is_repeat && world.slack.seen[1].does_live);
    // The first copy is what nobody knows of; the second one says that it is a repeat, and lives.
    world.slack.seen.remove(0);
    all_told(
        &world,
        &expect![[r#"
            00:00:00.0 alerts <- aaaa opened: post (LostDone) => unsure
            00:00:01.3 alerts <- aaaa opened: list, post, repeat => accepted
            00:01:00.0 alerts <- aaaa recovered: edit, line => accepted
        "#]],
    );
}

#[test]
fn what_cannot_be_looked_for_for_two_minutes_is_told_and_says_so() {
    let mut world = world();
    world.slack.script = [LostUndone].into_iter().chain([NoConnection; 40]).collect();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(90 * Duration::from_secs(1), well);
    assert_eq!(world.slack.seen.len(), 0);
    // Looking goes on failing, posting does not.
    world.slack.script.clear();
    world.slack.script.extend([NoConnection]);
    world.run(MINUTE * 2 + Duration::from_secs(50), well);
    let seen = &world.slack.seen;
    assert_eq!(seen.len(), 1, "{}", world.diary);
}

#[test]
fn a_crash_between_the_edit_and_the_line() {
    for (fates, lines) in [
        (vec![Dies], 1),
        (vec![Fine, Dies], 1),
        (vec![Fine, LostDone], 1),
    ] {
        let mut world = world();
        world.tell("aaaa", 1, "alerts", Opened, Critical);
        world.run(MINUTE, well);
        world.slack.script = fates.into();
        end(&mut world, "aaaa", 2, MINUTE);
        world.run(world.time + Duration::from_secs(3), well);
        world.restart(MINUTE);
        world.run(HOUR, well);
        assert!(world.outbox.is_empty());
        let seen = &world.slack.seen;
        assert_eq!(seen[0].shows.0, Recovered, "{}", world.diary);
        let replies = seen.iter().filter(|seen| seen.parent.is_some());
        assert_eq!(replies.count(), lines, "{}", world.diary);
        assert!(!seen.iter().any(|seen| seen.is_repeat));
    }
}

#[test]
fn a_crash_between_the_post_and_the_store() {
    let mut world = world();
    world.slack.script = [Dies].into();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(Duration::from_secs(3), well);
    world.restart(MINUTE);
    world.run(5 * MINUTE, well);
    end(&mut world, "aaaa", 2, 5 * MINUTE);
    world.run(HOUR, well);
    assert_eq!(world.slack.living("aaaa", "alerts").len(), 1);
    all_told(
        &world,
        &expect![[r#"
            00:00:00.0 alerts <- aaaa opened: post (Dies) => gone
            00:00:03.0 restart
            00:01:04.0 alerts <- aaaa opened: list, history => accepted
            00:05:00.0 alerts <- aaaa recovered: edit, line => accepted
        "#]],
    );
}

#[test]
fn a_message_that_somebody_deleted_is_followed_by_a_new_one() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(MINUTE, well);
    world.slack.delete(0);
    world.tell("aaaa", 2, "alerts", Changed, Critical);
    world.run(2 * MINUTE, well);
    end(&mut world, "aaaa", 3, 2 * MINUTE);
    world.run(HOUR, well);
    world.slack.seen.remove(0);
    all_told(
        &world,
        &expect![[r#"
            00:00:00.0 alerts <- aaaa opened: post => accepted
            00:01:00.0 alerts <- aaaa changed: edit, post => accepted
            00:02:00.0 alerts <- aaaa recovered: edit, line => accepted
        "#]],
    );
}

#[test]
fn a_form_that_is_refused_is_told_in_words() {
    let mut world = world();
    world.slack.script = [Malformed].into();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(MINUTE, well);
    world.slack.script = [Fine, Malformed, Unheard, Throttled].into();
    end(&mut world, "aaaa", 2, MINUTE);
    world.run(HOUR, well);
    all_told(
        &world,
        &expect![[r#"
            00:00:00.0 alerts <- aaaa opened: post (Malformed) => refused
            00:00:01.2 alerts <- aaaa opened, plain: post => accepted
            00:01:00.0 alerts <- aaaa recovered: edit, line (Malformed) => refused
            00:01:01.4 alerts <- aaaa recovered, plain: edit (Unheard) => retry
            00:01:02.7 alerts <- aaaa recovered, plain: edit (Throttled) => throttled
            00:01:32.9 alerts <- aaaa recovered, plain: edit, line => accepted
        "#]],
    );
}

#[test]
fn a_bot_that_is_refused_is_replaced_by_its_webhook_and_tried_again() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(MINUTE, well);
    world.slack.refuses = true;
    world.tell("aaaa", 2, "alerts", Changed, Critical);
    world.tell("bbbb", 1, "alerts", Opened, Critical);
    world.run(2 * HOUR, well);
    world.tell("bbbb", 2, "alerts", Changed, Critical);
    world.run(3 * HOUR, well);
    world.slack.refuses = false;
    world.run(4 * HOUR, well);
    // The message that lives goes on, and the other incident gets one.
    end(&mut world, "aaaa", 3, HOUR);
    end(&mut world, "bbbb", 3, HOUR);
    world.run(5 * HOUR, well);
    assert!(world.courier.outlook().spared.is_empty());
    all_told(
        &world,
        &expect![[r#"
            00:00:00.0 alerts <- aaaa opened: post => accepted
            00:01:00.0 alerts <- aaaa changed: edit => refused
            00:01:00.2 ops hears: BotRefused { channel: "alerts", why: "missing_scope", since: 2026-01-31T08:01:00.200Z }
            00:01:01.2 alerts <- aaaa changed => accepted
            00:01:02.4 alerts <- bbbb opened => accepted
            02:00:00.0 alerts <- bbbb changed: post => refused
            02:00:01.2 alerts <- bbbb changed => accepted
            04:00:00.0 alerts <- aaaa recovered, loud: edit, line => accepted
            04:00:00.4 ops hears: BotTakenAgain { channel: "alerts", since: 2026-01-31T08:01:00.200Z, until: 2026-01-31T12:00:00.400Z }
            04:00:01.4 alerts <- bbbb recovered: post => accepted
        "#]],
    );
}

#[test]
fn a_bot_without_a_webhook_is_refused_like_any_channel() {
    let mut world = World::new(
        7,
        &[
            bot_channel("alerts", Some("ops"), false),
            channel("ops", None),
        ],
    );
    world.slack.script = [Refused].into();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(2 * HOUR, well);
    end(&mut world, "aaaa", 2, 2 * HOUR);
    world.tell("aaaa", 2, "ops", Recovered, Critical);
    world.run(3 * HOUR, well);
    all_told(
        &world,
        &expect![[r#"
            00:00:00.0 alerts <- aaaa opened: post (Refused) => refused
            00:00:00.2 ops hears: Refuses { channel: "alerts", why: "Refused", since: 2026-01-31T08:00:00.200Z, told_instead: Some("ops") }
            00:00:00.2 ops <- aaaa opened (for alerts) => accepted
            01:00:00.2 alerts <- aaaa opened: post => accepted
            01:00:00.4 ops hears: TakesAgain { channel: "alerts", since: 2026-01-31T08:00:00.200Z, until: 2026-01-31T09:00:00.400Z }
            02:00:00.0 alerts <- aaaa recovered, loud: edit, line => accepted
            02:00:00.0 ops <- aaaa recovered => accepted
        "#]],
    );
}

#[test]
fn a_reload_changes_the_tier_in_the_middle_of_an_incident() {
    let mut world = world();
    let bot = world.channels.clone();
    let webhook = channel("alerts", Some("ops"));
    world.channels.insert(webhook.name.clone(), webhook.clone());
    world.configure();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(MINUTE, well);
    world.channels.clone_from(&bot);
    world.configure();
    world.tell("aaaa", 2, "alerts", Changed, Critical);
    world.tell("bbbb", 1, "alerts", Opened, Critical);
    world.run(2 * MINUTE, well);
    world.channels.insert(webhook.name.clone(), webhook);
    world.configure();
    world.tell("bbbb", 2, "alerts", Changed, Critical);
    world.run(3 * MINUTE, well);
    world.channels = bot;
    world.configure();
    end(&mut world, "aaaa", 3, 3 * MINUTE);
    end(&mut world, "bbbb", 3, 3 * MINUTE);
    world.run(HOUR, well);
    all_told(
        &world,
        &expect![[r#"
            00:00:00.0 alerts <- aaaa opened => accepted
            00:01:00.0 alerts <- aaaa changed: post => accepted
            00:01:01.2 alerts <- bbbb opened: post => accepted
            00:02:00.0 alerts <- bbbb changed => accepted
            00:03:00.0 alerts <- aaaa recovered: edit, line => accepted
            00:03:01.4 alerts <- bbbb recovered: edit, line => accepted
        "#]],
    );
}

#[test]
fn what_lives_is_never_rolled_up_and_the_rest_is() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(MINUTE, well);
    world.slack.script = [NoConnection; 12].into();
    for incident in ["bbbb", "cccc", "dddd", "eeee", "ffff"] {
        world.tell(incident, 1, "alerts", Opened, Critical);
    }
    world.run(world.time + Duration::from_secs(1), well);
    end(&mut world, "aaaa", 2, MINUTE);
    world.run(HOUR, well);
    for incident in ["bbbb", "cccc", "dddd", "eeee", "ffff"] {
        end(&mut world, incident, 2, HOUR);
    }
    world.run(2 * HOUR, well);
    all_told(
        &world,
        &expect![[r#"
            00:00:00.0 alerts <- aaaa opened: post => accepted
            00:01:00.0 alerts <- bbbb opened: post (NoConnection) => retry
            00:01:01.3 alerts <- bbbb opened: post (NoConnection) => retry
            00:01:03.4 alerts <- bbbb opened: post (NoConnection) => retry
            00:01:08.3 alerts <- bbbb opened: post (NoConnection) => retry
            00:01:15.2 alerts <- bbbb opened: post (NoConnection) => retry
            00:01:33.2 alerts <- bbbb opened: post (NoConnection) => retry
            00:02:01.6 alerts <- bbbb opened cccc opened dddd opened eeee opened ffff opened: post (NoConnection) => retry
            00:02:37.0 alerts <- bbbb opened cccc opened dddd opened eeee opened ffff opened: post (NoConnection) => retry
            00:03:03.2 alerts <- bbbb opened cccc opened dddd opened eeee opened ffff opened: post (NoConnection) => retry
            00:03:39.0 alerts <- bbbb opened cccc opened dddd opened eeee opened ffff opened: post (NoConnection) => retry
            00:04:14.3 alerts <- bbbb opened cccc opened dddd opened eeee opened ffff opened: post (NoConnection) => retry
            00:04:48.9 alerts <- bbbb opened cccc opened dddd opened eeee opened ffff opened: post (NoConnection) => retry
            00:05:13.1 alerts <- bbbb opened cccc opened dddd opened eeee opened ffff opened: post => accepted
            00:05:14.3 alerts <- aaaa recovered: edit, line => accepted
            01:00:00.0 alerts <- bbbb recovered: post => accepted
            01:00:01.2 alerts <- cccc recovered: post => accepted
            01:00:02.4 alerts <- dddd recovered: post => accepted
            01:00:03.6 alerts <- eeee recovered: post => accepted
            01:00:04.8 alerts <- ffff recovered: post => accepted
        "#]],
    );
}

#[test]
fn what_somebody_did_is_an_edit_and_a_line_and_disturbs_nobody() {
    let mut alerts = bot_channel("alerts", Some("ops"), true);
    alerts.max_messages = Some(Allowance {
        count: 1,
        within: 10 * HOUR,
    });
    let mut world = World::new(7, &[alerts, channel("ops", None)]);
    world.run(11 * HOUR, well);
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(11 * HOUR + MINUTE, well);
    // No night and no budget keep it, and what is told after it is as loud as it would have been.
    world.quiet_until = Some(20 * HOUR);
    world.tell("aaaa", 2, "alerts", Noted, Critical);
    world.run(12 * HOUR, well);
    world.slack.script = [Fine, LostDone].into();
    world.tell("aaaa", 3, "alerts", Noted, Critical);
    world.run(12 * HOUR + 30 * MINUTE, well);
    end(&mut world, "aaaa", 4, HOUR);
    world.run(30 * HOUR, well);
    all_told(
        &world,
        &expect![[r#"
            11:00:00.0 alerts <- aaaa opened: post => accepted
            11:01:00.0 alerts <- aaaa noted: edit, line => accepted
            12:00:00.0 alerts <- aaaa noted: edit, line (LostDone) => unsure
            12:00:01.5 alerts <- aaaa noted: edit, replies => accepted
            21:00:00.2 alerts <- aaaa recovered, loud: edit, line => accepted
        "#]],
    );
    assert!(world.slack.seen.iter().all(|seen| !seen.is_repeat));
}

#[test]
fn what_somebody_did_is_kept_through_a_kill_and_goes_with_what_is_late() {
    let mut world = world();
    world.slack.script = [NoConnection].into();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(MINUTE / 60, well);
    world.slack.script = std::iter::repeat_n(NoConnection, 12).collect();
    world.tell("aaaa", 2, "alerts", Noted, Critical);
    world.run(10 * MINUTE, well);
    world.slack.script = [Fine, Dies].into();
    world.tell("aaaa", 3, "alerts", Noted, Critical);
    world.run(11 * MINUTE, well);
    world.restart(MINUTE);
    world.run(HOUR, well);
    end(&mut world, "aaaa", 4, MINUTE);
    world.run(2 * HOUR, well);
    world.is_brief = true;
    let lines = world.slack.seen.iter().filter(|seen| seen.parent.is_some());
    let lines: Vec<_> = lines.flat_map(|seen| &seen.told).collect();
    assert_eq!(lines.len(), 2, "{}", world.diary);
    assert!(world.slack.seen.iter().all(|seen| !seen.is_repeat));
    assert!(world.outbox.is_empty(), "{}", world.diary);
}

#[test]
fn where_no_message_lives_nobody_hears_what_somebody_did() {
    let mut world = World::new(
        7,
        &[
            bot_channel("alerts", Some("ops"), true),
            channel("ops", None),
            channel("team", Some("ops")),
        ],
    );
    // A webhook, a bot that is refused, one that told a digest, and an incident of which nothing was told there.
    world.tell("aaaa", 1, "team", Opened, Critical);
    world.tell("aaaa", 2, "team", Noted, Critical);
    world.slack.refuses = true;
    world.tell("bbbb", 1, "alerts", Opened, Critical);
    world.run(MINUTE, well);
    world.tell("bbbb", 2, "alerts", Noted, Critical);
    world.run(2 * MINUTE, well);
    world.slack.refuses = false;
    world.run(2 * HOUR, well);
    world.tell("cccc", 7, "alerts", Noted, Critical);
    world.run(3 * HOUR, well);
    assert!(world.outbox.is_empty(), "{:?}", world.outbox);
    let passed = world.finished.values().filter(|how| **how == "passed over");
    assert_eq!(passed.count(), 3, "{:?}", world.finished);
    let kinds = world.arrivals.iter().flat_map(|arrival| &arrival.kinds);
    assert!(kinds.into_iter().all(|kind| *kind == Opened));
}

/// A channel that refuses is stood in for; of what somebody did nobody hears there.
#[test]
fn whoever_stands_in_hears_what_is_and_not_what_somebody_did() {
    let mut world = World::new(
        7,
        &[
            bot_channel("alerts", Some("ops"), false),
            channel("ops", None),
        ],
    );
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(MINUTE, well);
    world.slack.refuses = true;
    world.tell("aaaa", 2, "alerts", Noted, Critical);
    world.run(2 * MINUTE, well);
    world.tell("aaaa", 3, "alerts", Changed, Critical);
    world.run(3 * MINUTE, well);
    world.tell("aaaa", 4, "alerts", Noted, Critical);
    world.run(4 * MINUTE, well);
    world.slack.refuses = false;
    world.run(3 * HOUR, well);
    let in_ops = world
        .arrivals
        .iter()
        .filter(|arrival| arrival.channel.as_str() == "ops");
    let kinds: Vec<_> = in_ops.flat_map(|arrival| arrival.kinds.clone()).collect();
    assert_eq!(kinds, [Changed], "{}", world.diary);
    assert!(world.outbox.is_empty(), "{}", world.diary);
}

#[test]
fn what_people_have_done_is_one_message_that_is_edited_and_has_no_thread() {
    let mut world = world();
    world.tell_account("aaaa", 0, "alerts", Noted);
    world.run(MINUTE, well);
    world.tell_account("aaaa", 1, "alerts", Noted);
    world.slack.script = [LostDone].into();
    world.run(2 * MINUTE, well);
    world.tell_account("aaaa", 2, "alerts", Notice);
    world.run(3 * MINUTE, well);
    assert_eq!(world.living, []);
    assert!(world.outbox.is_empty());
    let [seen] = world.slack.seen.as_slice() else {
        panic!("{}", world.diary);
    };
    assert_eq!(seen.shows, (Notice, 2));
    expect![[r#"
        00:00:00.0 alerts <- aaaa noted: post => accepted
        00:01:00.0 alerts <- aaaa noted: edit (LostDone) => retry
        00:01:01.3 alerts <- aaaa noted: edit => accepted
        00:02:00.0 alerts <- aaaa notice: edit => accepted
    "#]]
    .assert_eq(&world.diary);
}

#[test]
fn what_people_have_done_outlives_a_kill_a_deletion_and_an_outage_of_slack() {
    let mut world = world();
    world.slack.script = [Dies].into();
    world.tell_account("aaaa", 0, "alerts", Noted);
    world.run(MINUTE, well);
    world.restart(MINUTE);
    world.tell_account("aaaa", 1, "alerts", Noted);
    world.run(5 * MINUTE, well);
    world.slack.delete(0);
    world.tell_account("aaaa", 2, "alerts", Notice);
    world.run(10 * MINUTE, well);
    // All of it while Slack was away: one message, of what came of it.
    world.slack.script = std::iter::repeat_n(NoConnection, 20).collect();
    for (step, kind) in [(0, Noted), (1, Noted), (2, Notice)] {
        world.tell_account("bbbb", step, "alerts", kind);
        world.run(world.time + MINUTE, well);
    }
    world.run(2 * HOUR, well);
    assert_eq!(world.living, []);
    assert!(world.outbox.is_empty(), "{:?}", world.outbox);
    assert!(world.slack.seen.iter().all(|seen| !seen.is_repeat));
    let there = world.slack.seen.iter().filter(|seen| !seen.is_deleted);
    let shows: Vec<_> = there.map(|seen| seen.shows).collect();
    assert_eq!(shows, [(Notice, 2), (Notice, 2)], "{}", world.diary);
}

#[test]
fn a_webhook_tells_only_what_came_of_it() {
    let mut world = world();
    world.tell_account("aaaa", 0, "alerts", Noted);
    world.run(MINUTE, well);
    world.channels = [channel("alerts", None), channel("ops", None)]
        .map(|channel| (channel.name.clone(), channel))
        .into();
    world.configure();
    for (step, kind) in [(1, Noted), (2, Notice)] {
        world.tell_account("aaaa", step, "alerts", kind);
        world.run(world.time + MINUTE, well);
    }
    assert_eq!(world.living, []);
    assert!(world.outbox.is_empty(), "{:?}", world.outbox);
    expect![[r#"
        00:00:00.0 alerts <- aaaa noted: post => accepted
        00:02:00.0 alerts <- aaaa notice => accepted
    "#]]
    .assert_eq(&world.diary);
}
