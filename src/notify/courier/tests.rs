//! Stories in virtual time: what each channel saw, and what is on disk.

use std::time::Duration;

use expect_test::{Expect, expect};

use crate::model::{
    ChannelName, Delivery, EntryState,
    Kind::{Changed, Notice, Opened, Recovered, Reminder, Removed},
    Secret,
    Severity::{Critical, Info, Warning},
    plan::Destination,
};

use super::{
    Parcel,
    world::{Fate, World, channel},
};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

fn world() -> World {
    World::new(7, &[channel("alerts", Some("ops")), channel("ops", None)])
}

fn well(_: Duration, _: &Parcel) -> Fate {
    Fate::accept()
}

/// Everything is told: nothing is left on disk or in memory.
#[track_caller]
fn all_told(world: &World) {
    assert!(world.outbox.is_empty(), "{:?}", world.outbox);
    let outlook = world.courier.outlook();
    assert_eq!((outlook.waiting, outlook.parked), (0, 0));
    assert_eq!(world.courier.next_deadline(), None);
}

#[track_caller]
fn diary(world: &World, expected: &Expect) {
    expected.assert_eq(&world.diary);
}

#[test]
fn a_message_is_told_and_finished() {
    let mut world = world();
    world.tell("k7f2", 1, "alerts", Opened, Critical);
    world.run(minutes(1), well);
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 alerts <- k7f2 opened => accepted
    "#]],
    );
    assert_eq!(world.finished.values().collect::<Vec<_>>(), [&"accepted"]);
    all_told(&world);
}

#[test]
fn messages_of_a_channel_go_one_by_one_a_second_apart_in_their_order() {
    let mut world = world();
    for incident in ["aaaa", "bbbb", "cccc"] {
        world.tell(incident, 1, "alerts", Opened, Critical);
    }
    world.tell("aaaa", 2, "alerts", Recovered, Critical);
    world.tell("aaaa", 2, "ops", Recovered, Critical);
    world.run(minutes(1), well);
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 alerts <- aaaa opened => accepted
        00:00:00.0 ops <- aaaa recovered => accepted
        00:00:01.2 alerts <- bbbb opened => accepted
        00:00:02.4 alerts <- cccc opened => accepted
        00:00:03.6 alerts <- aaaa recovered => accepted
    "#]],
    );
    all_told(&world);
}

#[test]
fn critical_channels_go_first_when_many_are_waiting() {
    let names: Vec<_> = (0..12).map(|number| format!("c{number:02}")).collect();
    let channels: Vec<_> = names.iter().map(|name| channel(name, None)).collect();
    let mut world = World::new(1, &channels);
    for (number, name) in names.iter().enumerate() {
        let severity = [Info, Warning, Critical][number % 3];
        world.tell(name, 1, name, Opened, severity);
    }
    world.run(minutes(1), well);
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 c02 <- c02 opened => accepted
        00:00:00.0 c05 <- c05 opened => accepted
        00:00:00.0 c08 <- c08 opened => accepted
        00:00:00.0 c11 <- c11 opened => accepted
        00:00:00.0 c01 <- c01 opened => accepted
        00:00:00.0 c04 <- c04 opened => accepted
        00:00:00.0 c07 <- c07 opened => accepted
        00:00:00.0 c10 <- c10 opened => accepted
        00:00:00.2 c00 <- c00 opened => accepted
        00:00:00.2 c03 <- c03 opened => accepted
        00:00:00.2 c06 <- c06 opened => accepted
        00:00:00.2 c09 <- c09 opened => accepted
    "#]],
    );
    all_told(&world);
}

#[test]
fn a_throttled_channel_waits_as_long_as_it_is_asked_and_loses_nothing() {
    let mut world = world();
    for sequence in 1..=2 {
        world.tell(
            "aaaa",
            sequence,
            "alerts",
            if sequence == 1 { Opened } else { Changed },
            Critical,
        );
    }
    world.tell("bbbb", 1, "alerts", Opened, Warning);
    let mut answers = 0;
    world.run(minutes(30), |_, _| {
        answers += 1;
        match answers {
            1 => Fate::throttle(None),
            2 => Fate::throttle(Some(600)),
            3 => Fate::throttle(Some(100_000)),
            _ => Fate::accept(),
        }
    });
    assert_eq!(world.outbox[0].attempts, 0, "a 429 does not count");
    world.run(hours(2), well);
    diary(
        &world,
        &expect![[r#"
            00:00:00.0 alerts <- aaaa opened => throttled
            00:00:30.1 alerts <- aaaa opened => throttled
            00:10:30.2 alerts <- aaaa opened aaaa changed, 630 s late because the channel did not take it: HTTP 429 => throttled
            00:30:00.0 ops hears: Unreachable { channel: "alerts", why: "HTTP 429", since: 2026-01-31T08:00:00.100Z, told_instead: None }
            01:10:30.3 alerts <- aaaa opened aaaa changed, 4230 s late because the channel did not take it: HTTP 429 => accepted
            01:10:30.5 ops hears: Reached { channel: "alerts", since: 2026-01-31T08:00:00.100Z, until: 2026-01-31T09:10:30.500Z }
            01:10:31.5 alerts <- bbbb opened, 4231 s late because the channel did not take it: HTTP 429 => accepted
        "#]],
    );
    all_told(&world);
}

#[test]
fn slack_down_for_half_an_hour_then_one_truthful_message() {
    for fate in [Fate::no_connection(), Fate::server_error()] {
        let mut world = world();
        world.tell("aaaa", 1, "alerts", Opened, Critical);
        world.run(minutes(5), |_, _| fate.clone());
        world.tell("aaaa", 2, "alerts", Changed, Critical);
        world.run(minutes(10), |_, _| fate.clone());
        world.tell("aaaa", 3, "alerts", Reminder, Critical);
        world.run(minutes(20), |_, _| fate.clone());
        world.tell("aaaa", 4, "alerts", Recovered, Critical);
        world.run(minutes(30), |_, _| fate.clone());
        let attempts = world.diary.lines().count();
        assert!((60..80).contains(&attempts), "{attempts}");
        assert_eq!(world.courier.outlook().failing.len(), 1);
        world.diary.clear();
        world.run(hours(1), well);
        assert_eq!(world.messages("alerts"), 1);
        assert_eq!(
            world.finished.values().copied().collect::<Vec<_>>(),
            ["folded", "folded", "folded", "accepted"]
        );
        all_told(&world);
        assert_eq!(world.courier.outlook().failing, []);
        if matches!(fate.delivery, Delivery::Unsure { .. }) {
            diary(
                &world,
                &expect![[r#"
                    00:30:07.7 alerts <- aaaa opened aaaa changed aaaa reminder aaaa recovered, repeat, 1807 s late because the channel did not take it: HTTP 503 => accepted
                    00:30:07.9 ops hears: Reached { channel: "alerts", since: 2026-01-31T08:00:00.100Z, until: 2026-01-31T08:30:07.910Z }
                "#]],
            );
        } else {
            diary(
                &world,
                &expect![[r#"
                    00:30:01.6 alerts <- aaaa opened aaaa changed aaaa reminder aaaa recovered, 1801 s late because the channel did not take it: connection refused => accepted
                    00:30:01.8 ops hears: Reached { channel: "alerts", since: 2026-01-31T08:00:00.005Z, until: 2026-01-31T08:30:01.830Z }
                "#]],
            );
        }
    }
}

#[test]
fn a_large_backlog_becomes_a_few_summaries() {
    let mut world = world();
    let names: Vec<_> = (0..30).map(|number| format!("i{number:02}")).collect();
    for name in &names {
        world.tell(name, 1, "alerts", Opened, Critical);
    }
    world.run(minutes(2), |_, _| Fate::no_connection());
    for name in &names[..15] {
        world.tell(name, 2, "alerts", Recovered, Critical);
    }
    world.diary.clear();
    world.run(minutes(5), well);
    assert_eq!(world.messages("alerts"), 3);
    assert_eq!(world.finished.len(), 45);
    diary(
        &world,
        &expect![[r#"
        00:02:01.6 alerts <- i00 opened i01 opened i02 opened i03 opened i04 opened i05 opened i06 opened i07 opened i08 opened i09 opened i00 recovered i01 recovered i02 recovered i03 recovered i04 recovered i05 recovered i06 recovered i07 recovered i08 recovered i09 recovered, 121 s late because the channel did not take it: connection refused => accepted
        00:02:02.8 alerts <- i10 opened i11 opened i12 opened i13 opened i14 opened i15 opened i16 opened i17 opened i18 opened i19 opened i20 opened i21 opened i22 opened i23 opened i24 opened i10 recovered i11 recovered i12 recovered i13 recovered i14 recovered, 122 s late because the channel did not take it: connection refused => accepted
        00:02:04.0 alerts <- i25 opened i26 opened i27 opened i28 opened i29 opened, 124 s late because the channel did not take it: connection refused => accepted
    "#]],
    );
    all_told(&world);
}

#[test]
fn four_late_messages_stay_four() {
    let mut world = world();
    for name in ["aaaa", "bbbb", "cccc", "dddd"] {
        world.tell(name, 1, "alerts", Opened, Critical);
    }
    world.run(minutes(2), |_, _| Fate::no_connection());
    world.run(minutes(5), well);
    assert_eq!(world.messages("alerts"), 4);
    all_told(&world);
}

#[test]
fn a_lost_answer_is_repeated_and_says_so() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.tell("bbbb", 1, "alerts", Opened, Critical);
    let mut answers = 0;
    world.run(minutes(1), |_, _| {
        answers += 1;
        if answers == 1 {
            Fate::lost_answer(true)
        } else {
            Fate::accept()
        }
    });
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 alerts <- aaaa opened => unsure
        00:00:11.1 alerts <- aaaa opened, repeat => accepted
        00:00:12.3 alerts <- bbbb opened => accepted
    "#]],
    );
    assert!(world.arrivals[1].is_repeat);
    all_told(&world);
}

#[test]
fn still_down_is_not_said_once_it_is_over() {
    let mut world = world();
    world.tell("aaaa", 4, "alerts", Reminder, Critical);
    world.tell("aaaa", 5, "alerts", Recovered, Critical);
    world.run(minutes(1), well);
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 alerts <- aaaa reminder aaaa recovered => accepted
    "#]],
    );
    assert_eq!(
        world.finished.values().copied().collect::<Vec<_>>(),
        ["folded", "accepted"]
    );
    all_told(&world);
}

#[test]
fn a_refused_rich_message_is_told_in_plain_text_at_once() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(minutes(1), |_, parcel| {
        if parcel.is_plain {
            Fate::accept()
        } else {
            Fate::malformed()
        }
    });
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 alerts <- aaaa opened => malformed
        00:00:01.1 alerts <- aaaa opened, plain => accepted
    "#]],
    );
    assert!(world.troubles.is_empty());
    all_told(&world);
}

#[test]
fn one_message_that_no_form_makes_fit_does_not_keep_the_others() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.tell("bbbb", 1, "alerts", Opened, Critical);
    let spoilt = |_: Duration, parcel: &Parcel| {
        let is_spoilt = parcel.channel.as_str() == "alerts"
            && parcel
                .entries
                .iter()
                .any(|entry| entry.key.incident.as_str() == "aaaa");
        if is_spoilt {
            Fate::malformed()
        } else {
            Fate::accept()
        }
    };
    world.run(minutes(90), spoilt);
    world.tell("aaaa", 2, "alerts", Recovered, Critical);
    world.run(minutes(100), spoilt);
    let outlook = world.courier.outlook();
    assert_eq!((outlook.parked, outlook.parked_critical), (2, 0));
    world.run(hours(4), well);
    diary(
        &world,
        &expect![[r#"
            00:00:00.0 alerts <- aaaa opened => malformed
            00:00:01.1 alerts <- aaaa opened, plain => malformed
            00:00:01.2 ops hears: RefusesOne { key: EntryKey { incident: "aaaa", sequence: 1, channel: "alerts" }, title: "the aaaa", why: "HTTP 400, invalid_blocks", told_instead: Some("ops") }
            00:00:01.2 ops <- aaaa opened (for alerts) => accepted
            00:00:02.2 alerts <- bbbb opened => accepted
            01:00:01.2 alerts <- aaaa opened, 3601 s late because the channel did not take it: HTTP 400, invalid_blocks => malformed
            01:00:02.3 alerts <- aaaa opened, plain, 3602 s late because the channel did not take it: HTTP 400, invalid_blocks => malformed
            01:30:00.0 alerts <- aaaa opened aaaa recovered, 5400 s late because the channel did not take it: HTTP 400, invalid_blocks => malformed
            01:30:00.0 ops <- aaaa recovered (for alerts) => accepted
            01:30:01.1 alerts <- aaaa opened aaaa recovered, plain, 5401 s late because the channel did not take it: HTTP 400, invalid_blocks => malformed
            02:30:01.2 alerts <- aaaa opened aaaa recovered, 9001 s late because the channel did not take it: HTTP 400, invalid_blocks => accepted
        "#]],
    );
    all_told(&world);
}

#[test]
fn a_spoilt_message_in_a_summary_does_not_spoil_the_rest() {
    let mut world = world();
    for name in ["aaaa", "bbbb", "cccc", "dddd", "eeee", "ffff"] {
        world.tell(name, 1, "alerts", Opened, Warning);
    }
    world.run(minutes(2), |_, _| Fate::no_connection());
    world.diary.clear();
    world.run(minutes(30), |_, parcel| {
        let is_spoilt = parcel.channel.as_str() == "alerts"
            && parcel
                .entries
                .iter()
                .any(|entry| entry.key.incident.as_str() == "cccc");
        if is_spoilt {
            Fate::malformed()
        } else {
            Fate::accept()
        }
    });
    diary(
        &world,
        &expect![[r#"
            00:02:01.6 alerts <- aaaa opened bbbb opened cccc opened dddd opened eeee opened ffff opened, 121 s late because the channel did not take it: connection refused => malformed
            00:02:02.7 alerts <- aaaa opened bbbb opened cccc opened dddd opened eeee opened ffff opened, plain, 122 s late because the channel did not take it: HTTP 400, invalid_blocks => malformed
            00:02:03.8 alerts <- aaaa opened, 123 s late because the channel did not take it: HTTP 400, invalid_blocks => accepted
            00:02:05.0 alerts <- bbbb opened, 125 s late because the channel did not take it: HTTP 400, invalid_blocks => accepted
            00:02:06.2 alerts <- cccc opened, 126 s late because the channel did not take it: HTTP 400, invalid_blocks => malformed
            00:02:07.3 alerts <- cccc opened, plain, 127 s late because the channel did not take it: HTTP 400, invalid_blocks => malformed
            00:02:07.4 ops hears: RefusesOne { key: EntryKey { incident: "cccc", sequence: 1, channel: "alerts" }, title: "the cccc", why: "HTTP 400, invalid_blocks", told_instead: Some("ops") }
            00:02:07.4 ops <- cccc opened (for alerts), 127 s late because the channel that it was meant for did not take it => accepted
            00:02:08.4 alerts <- dddd opened, 128 s late because the channel did not take it: HTTP 400, invalid_blocks => accepted
            00:02:09.6 alerts <- eeee opened, 129 s late because the channel did not take it: HTTP 400, invalid_blocks => accepted
            00:02:10.8 alerts <- ffff opened, 130 s late because the channel did not take it: HTTP 400, invalid_blocks => accepted
        "#]],
    );
    assert_eq!(world.outbox.len(), 1);
}

#[test]
fn a_dead_webhook_is_told_elsewhere_tried_hourly_and_heals() {
    let mut world = world();
    let dead = |_: Duration, parcel: &Parcel| {
        if parcel.channel.as_str() == "alerts" {
            Fate::gone()
        } else {
            Fate::accept()
        }
    };
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.tell("bbbb", 1, "alerts", Opened, Critical);
    world.run(minutes(10), dead);
    let outlook = world.courier.outlook();
    assert_eq!((outlook.parked, outlook.parked_critical), (2, 0));
    assert_eq!(outlook.oldest, None);
    world.tell("aaaa", 2, "alerts", Recovered, Critical);
    world.run(minutes(150), dead);
    world.run(minutes(200), well);
    world.tell("bbbb", 2, "alerts", Recovered, Critical);
    world.run(minutes(300), well);
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 alerts <- aaaa opened => refused
        00:00:00.1 ops hears: Refuses { channel: "alerts", why: "HTTP 404, no_service", since: 2026-01-31T08:00:00.100Z, told_instead: Some("ops") }
        00:00:00.1 ops <- aaaa opened (for alerts) => accepted
        00:00:01.3 ops <- bbbb opened (for alerts) => accepted
        00:10:00.0 ops <- aaaa recovered (for alerts) => accepted
        01:00:00.1 alerts <- aaaa opened aaaa recovered, 3600 s late because the channel did not take it: HTTP 404, no_service => refused
        02:00:00.2 alerts <- aaaa opened aaaa recovered, 7200 s late because the channel did not take it: HTTP 404, no_service => refused
        03:00:00.3 alerts <- aaaa opened aaaa recovered, 10800 s late because the channel did not take it: HTTP 404, no_service => accepted
        03:00:00.5 ops hears: TakesAgain { channel: "alerts", since: 2026-01-31T08:00:00.100Z, until: 2026-01-31T11:00:00.500Z }
        03:00:01.5 alerts <- bbbb opened, 10801 s late because the channel did not take it: HTTP 404, no_service => accepted
        03:20:00.0 alerts <- bbbb recovered => accepted
        03:20:00.0 ops <- bbbb recovered (for alerts) => accepted
    "#]],
    );
    assert_eq!(world.troubles.len(), 2);
    assert_eq!(world.courier.outlook().refusing, []);
    all_told(&world);
}

#[test]
fn a_fallback_that_was_told_itself_is_not_told_twice() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.tell("aaaa", 1, "ops", Opened, Critical);
    world.run(minutes(10), |_, parcel| {
        if parcel.channel.as_str() == "alerts" {
            Fate::gone()
        } else {
            Fate::accept()
        }
    });
    assert_eq!(world.messages("ops"), 1);
    assert_eq!(world.outbox.len(), 1);
    assert!(matches!(world.outbox[0].state, EntryState::Parked { .. }));
}

#[test]
fn when_the_fallback_is_dead_too_it_is_told_as_soon_as_one_of_them_heals() {
    let mut world = world();
    world.tell("aaaa", 1, "ops", Notice, Warning);
    world.tell("bbbb", 1, "alerts", Opened, Critical);
    world.run(minutes(30), |_, _| Fate::gone());
    assert_eq!(world.courier.outlook().refusing.len(), 2);
    world.run(minutes(70), |_, parcel| {
        if parcel.channel.as_str() == "alerts" {
            Fate::gone()
        } else {
            Fate::accept()
        }
    });
    world.run(minutes(200), well);
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 alerts <- bbbb opened => refused
        00:00:00.0 ops <- aaaa notice => refused
        00:00:00.1 ops hears: Refuses { channel: "alerts", why: "HTTP 404, no_service", since: 2026-01-31T08:00:00.100Z, told_instead: Some("ops") }
        00:00:00.1 ops hears: Refuses { channel: "ops", why: "HTTP 404, no_service", since: 2026-01-31T08:00:00.100Z, told_instead: None }
        01:00:00.1 alerts <- bbbb opened, 3600 s late because the channel did not take it: HTTP 404, no_service => refused
        01:00:00.1 ops <- aaaa notice, 3600 s late because the channel did not take it: HTTP 404, no_service => accepted
        01:00:00.3 ops hears: TakesAgain { channel: "ops", since: 2026-01-31T08:00:00.100Z, until: 2026-01-31T09:00:00.300Z }
        01:00:01.3 ops <- bbbb opened (for alerts), 3601 s late because the channel did not take it: HTTP 404, no_service => accepted
        02:00:00.2 alerts <- bbbb opened, 7200 s late because the channel did not take it: HTTP 404, no_service => accepted
        02:00:00.4 ops hears: TakesAgain { channel: "alerts", since: 2026-01-31T08:00:00.100Z, until: 2026-01-31T10:00:00.400Z }
    "#]],
    );
    all_told(&world);
}

#[test]
fn a_new_address_is_tried_at_once() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(minutes(5), |_, parcel| {
        if parcel.channel.as_str() == "alerts" {
            Fate::gone()
        } else {
            Fate::accept()
        }
    });
    if let Some(alerts) = world.channels.get_mut(&ChannelName::new("alerts")) {
        alerts.destination = Destination::SlackWebhook {
            url: Secret::new("https://hooks.example.test/new"),
        };
    }
    world.configure();
    world.run(minutes(6), well);
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 alerts <- aaaa opened => refused
        00:00:00.1 ops hears: Refuses { channel: "alerts", why: "HTTP 404, no_service", since: 2026-01-31T08:00:00.100Z, told_instead: Some("ops") }
        00:00:00.1 ops <- aaaa opened (for alerts) => accepted
        00:05:00.0 alerts <- aaaa opened, 300 s late because the channel did not take it: HTTP 404, no_service => accepted
        00:05:00.2 ops hears: TakesAgain { channel: "alerts", since: 2026-01-31T08:00:00.100Z, until: 2026-01-31T08:05:00.200Z }
    "#]],
    );
    all_told(&world);
}

#[test]
fn a_channel_that_leaves_the_file_is_inherited() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(seconds(30), |_, _| Fate::lost_answer(true));
    world.channels.remove(&ChannelName::new("alerts"));
    world.configure();
    world.run(minutes(1), well);
    world.tell("aaaa", 2, "alerts", Removed, Critical);
    world.run(minutes(2), well);
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 alerts <- aaaa opened => unsure
        00:00:11.1 alerts <- aaaa opened, repeat => unsure
        00:00:23.0 alerts <- aaaa opened, repeat => unsure
        00:00:33.0 ops <- aaaa opened (for alerts) => accepted
        00:01:00.0 ops <- aaaa removed (for alerts) => accepted
    "#]],
    );
    assert_eq!(
        world
            .finished
            .iter()
            .map(|(key, how)| format!("{} {} {how}", key.channel, key.sequence))
            .collect::<Vec<_>>(),
        [
            "alerts 1 handed over",
            "ops 1 accepted",
            "alerts 2 handed over",
            "ops 2 accepted"
        ]
    );
    all_told(&world);
}

#[test]
fn a_restart_in_every_state_loses_nothing_and_repeats_only_with_a_word() {
    // While it waits, while it is on its way, after a lost answer, while it is parked.
    let fates = [
        Fate::no_connection(),
        Fate::lost_answer(true),
        Fate::server_error(),
        Fate::gone(),
    ];
    for fate in fates {
        for stop_after_millis in [0, 50, 9_000, 11_500, 40_000] {
            let mut world = world();
            world.tell("aaaa", 1, "alerts", Opened, Critical);
            world.run(Duration::from_millis(stop_after_millis), |_, parcel| {
                if parcel.channel.as_str() == "alerts" {
                    fate.clone()
                } else {
                    Fate::accept()
                }
            });
            world.restart(minutes(3));
            world.tell("aaaa", 2, "alerts", Recovered, Critical);
            world.run(hours(2), well);
            all_told(&world);
            let last = world
                .arrivals
                .iter()
                .rfind(|arrival| arrival.channel.as_str() == "alerts");
            assert!(
                last.is_some_and(|last| last.kinds.last() == Some(&Recovered)),
                "{}",
                world.diary
            );
        }
    }
}

#[test]
fn after_a_restart_it_says_what_kept_it() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.restart(minutes(10));
    world.run(minutes(11), well);
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 restart
        00:10:00.0 alerts <- aaaa opened, 600 s late because hekate was restarted meanwhile => accepted
    "#]],
    );
    all_told(&world);
}

#[test]
fn after_three_days_it_is_given_up_and_said() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(hours(71), |_, _| Fate::no_connection());
    assert_eq!(world.troubles.len(), 1, "that it cannot be reached");
    world.run(hours(73), |_, _| Fate::no_connection());
    assert_eq!(world.troubles.len(), 2);
    assert_eq!(world.finished.values().collect::<Vec<_>>(), [&"expired"]);
    all_told(&world);
}

#[test]
fn an_old_message_gets_its_chance_after_a_restart_even_if_the_clock_is_wrong() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.wall_millis += 1000 * 24 * 3_600_000;
    world.restart(minutes(1));
    world.run(minutes(2), well);
    assert_eq!(world.messages("alerts"), 1);
    all_told(&world);
}

#[test]
fn a_clock_jump_within_a_process_does_not_matter() {
    let mut diaries = Vec::new();
    for jump_millis in [0, -3_600_000, 3_600_000, 400 * 24 * 3_600_000] {
        let mut world = world();
        world.tell("aaaa", 1, "alerts", Opened, Critical);
        world.run(minutes(3), |_, _| Fate::no_connection());
        world.wall_millis += jump_millis;
        world.tell("aaaa", 2, "alerts", Recovered, Critical);
        world.run(minutes(10), well);
        all_told(&world);
        diaries.push(world.diary);
    }
    assert!(diaries.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn an_attempt_that_nobody_answers_is_taken_for_lost() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    let mut attempts = 0;
    world.run(minutes(10), |_, _| {
        attempts += 1;
        if attempts == 1 {
            Fate::nobody_answers()
        } else {
            Fate::accept()
        }
    });
    assert!(world.arrivals[1].is_repeat);
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 alerts <- aaaa opened => unsure
        00:02:31.1 alerts <- aaaa opened, repeat, 151 s late because the channel did not take it: the attempt was lost => accepted
    "#]],
    );
    all_told(&world);
    let too_late = world.arrivals[0].keys[0].clone();
    let steps = world
        .courier
        .delivered(world.now(), &too_late, Delivery::Accepted);
    assert_eq!(steps, []);
}

#[test]
fn whoever_was_told_in_its_place_hears_the_end_even_if_that_waited_already() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.tell("aaaa", 2, "alerts", Recovered, Critical);
    world.run(minutes(10), |_, parcel| {
        let is_spoilt = parcel.channel.as_str() == "alerts" && parcel.newest().kind == Opened;
        if is_spoilt {
            Fate::malformed()
        } else {
            Fate::accept()
        }
    });
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 alerts <- aaaa opened => malformed
        00:00:01.1 alerts <- aaaa opened, plain => malformed
        00:00:01.2 ops hears: RefusesOne { key: EntryKey { incident: "aaaa", sequence: 1, channel: "alerts" }, title: "the aaaa", why: "HTTP 400, invalid_blocks", told_instead: Some("ops") }
        00:00:01.2 ops <- aaaa opened (for alerts) => accepted
        00:00:02.2 alerts <- aaaa opened aaaa recovered => accepted
        00:00:02.4 ops <- aaaa recovered (for alerts) => accepted
    "#]],
    );
    all_told(&world);
}

#[test]
fn messages_that_stay_refused_do_not_close_the_channel_again_and_again() {
    let mut world = world();
    let picky = |_: Duration, parcel: &Parcel| {
        let is_spoilt = parcel.channel.as_str() == "alerts"
            && parcel
                .entries
                .iter()
                .any(|entry| entry.key.incident.as_str().starts_with('x'));
        if is_spoilt {
            Fate::malformed()
        } else {
            Fate::accept()
        }
    };
    for name in ["x1", "x2", "x3", "x4"] {
        world.tell(name, 1, "alerts", Opened, Critical);
    }
    world.run(hours(3), picky);
    world.tell("good", 1, "alerts", Opened, Critical);
    world.run(hours(10), picky);
    let reports = world.troubles.len();
    world.run(hours(20), picky);
    assert_eq!(world.troubles.len(), reports, "{}", world.diary);
    assert_eq!(world.courier.outlook().refusing, []);
    world.tell("good", 2, "alerts", Recovered, Critical);
    world.run(hours(20) + seconds(5), picky);
    assert_eq!(world.outbox.len(), 4);
    assert_eq!(world.messages("alerts"), 2);
}

#[test]
fn only_what_nobody_was_told_counts_as_critical_and_refused() {
    let dead = |_: Duration, _: &Parcel| Fate::gone();
    let alerts_dead = |_: Duration, parcel: &Parcel| match parcel.channel.as_str() {
        "alerts" => Fate::gone(),
        _ => Fate::accept(),
    };
    let critical = |world: &World| world.courier.outlook().parked_critical;
    for is_malformed in [false, true] {
        let mut world = world();
        let alerts_bad = |at: Duration, parcel: &Parcel| match parcel.channel.as_str() {
            "alerts" if is_malformed => Fate::malformed(),
            _ => alerts_dead(at, parcel),
        };
        world.tell("aaaa", 1, "alerts", Opened, Critical);
        world.run(minutes(10), alerts_bad);
        assert_eq!(critical(&world), 0, "ops was told");
        world.restart(minutes(1));
        assert_eq!(critical(&world), 0, "ops was told before the restart");
        world.run(minutes(20), alerts_bad);
        assert_eq!(critical(&world), 0);
        world.run(minutes(200), well);
        all_told(&world);
    }
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.tell("bbbb", 1, "ops", Opened, Critical);
    world.run(minutes(10), dead);
    assert!(critical(&world) >= 2, "nobody was told");
    world.restart(minutes(1));
    world.run(minutes(20), dead);
    assert!(critical(&world) >= 2, "nobody was told in two lives");
}

#[test]
fn after_a_long_weekend_one_failed_attempt_gives_up_nothing() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(minutes(1), |_, _| Fate::no_connection());
    world.restart(hours(80));
    let back = world.time + minutes(5);
    world.run(back, |_, _| Fate::no_connection());
    assert_eq!(world.finished.len(), 0, "{}", world.diary);
    world.run(back + minutes(5), well);
    assert_eq!(world.messages("alerts"), 1);
    all_told(&world);
}

#[test]
fn many_channels_that_hang_keep_none_that_is_well() {
    let names: Vec<_> = (0..60).map(|number| format!("c{number:02}")).collect();
    let channels: Vec<_> = names.iter().map(|name| channel(name, None)).collect();
    let mut world = World::new(1, &channels);
    world.is_brief = true;
    let hang = |_: Duration, parcel: &Parcel| match parcel.channel.as_str() {
        "c59" => Fate::accept(),
        _ => Fate::lost_answer(false),
    };
    for name in &names[..59] {
        world.tell(name, 1, name, Opened, Critical);
    }
    world.run(minutes(10), hang);
    world.tell("c59", 1, "c59", Opened, Warning);
    world.run(minutes(10) + seconds(15), hang);
    assert_eq!(world.messages("c59"), 1);
}

fn alerts_broken(_: Duration, parcel: &Parcel) -> Fate {
    match parcel.channel.as_str() {
        "alerts" => Fate::server_error(),
        _ => Fate::accept(),
    }
}

#[test]
fn what_is_critical_reaches_a_fallback_that_works_while_its_channel_fails_for_long() {
    let mut world = world();
    world.is_brief = true;
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.tell("bbbb", 1, "alerts", Opened, Warning);
    world.run(minutes(16), alerts_broken);
    assert_eq!(world.troubles.len(), 1);
    assert_eq!(world.messages("ops"), 0, "whether it works is not known");
    // The trouble itself is told there, and shows that it works.
    world.tell("zzzz", 1, "ops", Notice, Warning);
    world.run(minutes(20), alerts_broken);
    assert_eq!(world.messages("ops"), 2);
    assert_eq!(world.courier.outlook().parked_critical, 0);
    world.tell("aaaa", 2, "alerts", Recovered, Critical);
    world.run(minutes(22), alerts_broken);
    world.restart(minutes(1));
    let end = world.time + hours(2);
    world.run(end, well);
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 alerts <- aaaa opened => unsure
        00:15:07.6 ops hears: Unreachable { channel: "alerts", why: "HTTP 503", since: 2026-01-31T08:00:00.100Z, told_instead: None }
        00:16:00.0 ops <- zzzz notice => accepted
        00:16:05.8 ops <- aaaa opened (for alerts), 965 s late because the channel that it was meant for did not take it => accepted
        00:20:00.0 ops <- aaaa recovered (for alerts) => accepted
        00:20:22.8 alerts <- aaaa opened aaaa recovered, repeat, 1222 s late because the channel did not take it: HTTP 503 => unsure
        00:22:00.0 restart
        00:23:01.0 alerts <- aaaa opened aaaa recovered, repeat, 1381 s late because hekate was restarted meanwhile => accepted
        00:23:02.2 alerts <- bbbb opened, 1382 s late because hekate was restarted meanwhile => accepted
    "#]],
    );
    all_told(&world);
}

#[test]
fn a_fallback_somewhere_else_needs_no_proof_and_one_of_the_same_origin_is_not_told_of_an_outage_of_all()
 {
    let mut elsewhere = channel("pager", None);
    elsewhere.destination = Destination::SignedWebhook {
        url: Secret::new("https://pager.example.test/"),
        secret: Secret::new("whsec_AAAAAAAAAAAAAAAAAAAAAAAA"),
    };
    let channels = [
        channel("alerts", Some("ops")),
        channel("ops", Some("pager")),
        elsewhere,
    ];
    let slack_is_down = |_: Duration, parcel: &Parcel| match parcel.channel.as_str() {
        "pager" => Fate::accept(),
        _ => Fate::no_connection(),
    };
    let mut world = World::new(7, &channels);
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.tell("bbbb", 1, "alerts", Opened, Critical);
    world.tell("bbbb", 2, "alerts", Recovered, Critical);
    world.run(minutes(20), slack_is_down);
    assert_eq!((world.messages("pager"), world.messages("ops")), (1, 0));
    assert_eq!(world.arrivals[0].keys[0].incident.as_str(), "aaaa");
    world.run(minutes(25), well);
    world.tell("aaaa", 2, "alerts", Recovered, Critical);
    world.run(minutes(30), well);
    assert_eq!((world.messages("pager"), world.messages("ops")), (2, 0));
    assert_eq!(world.troubles.len(), 2, "{:?}", world.troubles);
    all_told(&world);

    let mut world = super::tests::world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.tell("cccc", 1, "ops", Opened, Critical);
    world.run(hours(2), |_, _| Fate::no_connection());
    world.run(hours(3), well);
    assert_eq!((world.messages("alerts"), world.messages("ops")), (1, 1));
    all_told(&world);
}

#[test]
fn what_may_have_been_read_together_is_repeated_together_whatever_the_clock_says() {
    let mut world = world();
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(minutes(2), |_, _| Fate::no_connection());
    world.tell("aaaa", 2, "alerts", Recovered, Critical);
    world.run(minutes(3), |_, _| Fate::lost_answer(true));
    world.wall_millis -= 3_600_000;
    world.restart(seconds(2));
    let end = world.time + minutes(5);
    world.run(end, well);
    let last = world.arrivals.last().expect("it was told");
    assert_eq!(last.kinds, [Opened, Recovered], "{}", world.diary);
    all_told(&world);
}

#[test]
fn nobody_stands_in_who_was_told_of_no_beginning() {
    let names = ["alerts", "team"].map(ChannelName::new);
    let mut world = World::new(
        7,
        &[
            channel("alerts", Some("team")),
            channel("team", Some("ops")),
            channel("ops", None),
        ],
    );
    // The answer to the first is lost, then the channel is gone: its fallback has both by itself.
    world.tell_all("aaaa", 1, &names, Opened, Critical);
    world.run(seconds(5), |_, parcel| match parcel.channel.as_str() {
        "alerts" => Fate::lost_answer(false),
        _ => Fate::accept(),
    });
    let alerts_gone = |_: Duration, parcel: &Parcel| match parcel.channel.as_str() {
        "alerts" => Fate::gone(),
        _ => Fate::accept(),
    };
    world.run(minutes(1), alerts_gone);
    world.tell_all("aaaa", 2, &names, Changed, Critical);
    world.run(minutes(2), alerts_gone);
    // Then the fallback is gone as well, so that the one behind it is told what is new.
    let ops_alone = |_: Duration, parcel: &Parcel| match parcel.channel.as_str() {
        "ops" => Fate::accept(),
        _ => Fate::gone(),
    };
    world.tell("bbbb", 1, "team", Opened, Critical);
    world.run(minutes(3), ops_alone);
    world.restart(minutes(1));
    world.run(minutes(5), ops_alone);
    let stands_in = |incident: &str| {
        let ops = ChannelName::new("ops");
        let mut stand_ins = world.stand_ins.iter();
        stand_ins.any(|(of, channel)| of.as_str() == incident && *channel == ops)
    };
    assert_eq!(world.messages("ops"), 1, "{}", world.diary);
    assert!(stands_in("bbbb"), "{:?}", world.stand_ins);
    assert!(!stands_in("aaaa"), "{:?}", world.stand_ins);
}

/// Taken by the fallback and forgotten, had the process died before it was stored who has to hear of the end.
#[test]
fn a_fallback_is_told_nothing_before_it_is_stored_that_it_has_to_hear_of_the_end() {
    let alerts_gone = |_: Duration, parcel: &Parcel| match parcel.channel.as_str() {
        "alerts" => Fate::gone(),
        _ => Fate::accept(),
    };
    let mut world = world();
    world.engine_takes = minutes(1);
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.tell("bbbb", 1, "ops", Opened, Critical);
    world.run(seconds(50), alerts_gone);
    assert_eq!(
        world.messages("ops"),
        1,
        "what is its own goes on\n{}",
        world.diary
    );
    world.restart(seconds(5));
    world.engine_takes = seconds(2);
    world.run(seconds(90), alerts_gone);
    assert_eq!(world.stand_ins.len(), 1, "{:?}", world.stand_ins);
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 alerts <- aaaa opened => refused
        00:00:00.0 ops <- bbbb opened => accepted
        00:00:00.1 ops hears: Refuses { channel: "alerts", why: "HTTP 404, no_service", since: 2026-01-31T08:00:00.100Z, told_instead: Some("ops") }
        00:00:50.0 restart
        00:00:56.0 alerts <- aaaa opened => refused
        00:00:57.0 ops <- aaaa opened (for alerts) => accepted
    "#]],
    );
}

/// What nobody could be told in the channel's place when it was refused goes to the fallback that the file names now,
/// once the channel was asked again; and after another restart it does not go there once more.
#[test]
fn a_fallback_that_was_added_while_nobody_ran_is_told_what_is_parked() {
    let alerts_gone = |_: Duration, parcel: &Parcel| match parcel.channel.as_str() {
        "alerts" => Fate::gone(),
        _ => Fate::accept(),
    };
    let mut world = World::new(7, &[channel("alerts", None), channel("ops", None)]);
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(minutes(1), alerts_gone);
    world
        .channels
        .insert(ChannelName::new("alerts"), channel("alerts", Some("ops")));
    world.restart(minutes(1));
    world.run(minutes(5), alerts_gone);
    world.restart(minutes(1));
    world.run(minutes(10), alerts_gone);
    let ops = ChannelName::new("ops");
    world.tell_all(
        "aaaa",
        2,
        &[ChannelName::new("alerts"), ops.clone()],
        Recovered,
        Critical,
    );
    world.run(minutes(15), alerts_gone);
    assert!(world.stand_ins.iter().all(|(_, channel)| *channel == ops));
    diary(
        &world,
        &expect![[r#"
        00:00:00.0 alerts <- aaaa opened => refused
        00:00:00.1 ops hears: Refuses { channel: "alerts", why: "HTTP 404, no_service", since: 2026-01-31T08:00:00.100Z, told_instead: None }
        00:01:00.0 restart
        00:02:01.0 alerts <- aaaa opened, 121 s late because hekate was restarted meanwhile => refused
        00:02:01.1 ops <- aaaa opened (for alerts), 121 s late because the channel that it was meant for did not take it => accepted
        00:05:00.0 restart
        00:06:01.0 alerts <- aaaa opened, 361 s late because hekate was restarted meanwhile => refused
        00:10:00.0 ops <- aaaa recovered => accepted
    "#]],
    );
}

/// The channel may be well again by now: then nobody else has to hear of it.
#[test]
fn a_fallback_that_was_added_is_not_told_what_the_channel_takes_by_now() {
    let mut world = World::new(7, &[channel("alerts", None), channel("ops", None)]);
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(minutes(1), |_, _| Fate::gone());
    world
        .channels
        .insert(ChannelName::new("alerts"), channel("alerts", Some("ops")));
    world.restart(minutes(1));
    world.run(minutes(5), well);
    assert_eq!((world.messages("alerts"), world.messages("ops")), (1, 0));
    all_told(&world);
}

#[test]
fn whoever_was_told_itself_later_is_not_told_what_was_before_though_nobody_remembers_it() {
    let mut world = world();
    world.is_brief = true;
    world.tell("aaaa", 1, "alerts", Opened, Critical);
    world.run(minutes(2), alerts_broken);
    world.tell("aaaa", 2, "ops", Opened, Critical);
    world.run(minutes(3), alerts_broken);
    world.restart(minutes(1));
    world.run(minutes(10), |_, parcel| match parcel.channel.as_str() {
        "alerts" => Fate::gone(),
        _ => Fate::accept(),
    });
    assert_eq!(world.messages("ops"), 1);
    world.tell("aaaa", 3, "alerts", Recovered, Critical);
    world.tell("aaaa", 3, "ops", Recovered, Critical);
    world.run(hours(3), well);
    assert_eq!(world.messages("ops"), 2);
    all_told(&world);
}

#[test]
fn two_hundred_at_once_are_merged_and_none_is_lost_or_told_twice() {
    let mut world = world();
    for number in 0..200 {
        world.tell(&format!("i{number:03}"), 1, "alerts", Opened, Critical);
    }
    // Slack takes a message a second, and refuses what comes sooner.
    let mut last: Option<Duration> = None;
    world.run(minutes(30), |now, _| {
        if last.is_some_and(|last| now < last + seconds(1)) {
            return Fate::throttle(Some(1));
        }
        last = Some(now);
        Fate::accept()
    });
    let arrivals = world.arrivals.iter();
    let mut told: Vec<_> = arrivals.flat_map(|arrival| arrival.keys.clone()).collect();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), 200);
    let all: usize = world
        .arrivals
        .iter()
        .map(|arrival| arrival.keys.len())
        .sum();
    assert_eq!(all, 200, "nobody is told anything twice");
    let first = world.diary.lines().next().unwrap_or_default();
    assert!(first.starts_with("00:00:00.0 alerts <- "), "{first}");
    assert!(world.messages("alerts") <= 10, "{}", world.diary);
    all_told(&world);
}
