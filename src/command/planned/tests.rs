//! What is understood, what is asked back, and that nobody is ever meant who was not named.

use std::{fmt::Write as _, time::Duration};

use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::{
    command::{fixture, hear},
    model::{
        Timestamp,
        plan::Matcher,
        planned::{Acknowledgement, Agenda, Done, Person, Planned, WindowFacts},
    },
};

fn understood(typed: &str) -> String {
    match hear(&fixture::board(), typed, fixture::NOW, "/roih") {
        Heard::Wish(wish) => match wish {
            Wish::Begin {
                kind,
                targets,
                length,
                why,
                release,
            } => {
                let ids: Vec<&str> = targets.iter().map(TargetId::as_str).collect();
                let release = release
                    .map(|name| format!(" of {name:?}"))
                    .unwrap_or_default();
                let length = match length {
                    Length::For(length) => format!("for {}", humantime::format_duration(length)),
                    Length::At(time) => format!("until {time}"),
                    Length::Recovered => String::from("until recovered"),
                };
                format!(
                    "{}{release}: {} {length} because {why:?}",
                    kind.as_str(),
                    ids.join(" + "),
                )
            }
            Wish::End { id } => format!("end {id}"),
            Wish::Announce(said) => format!("release {} {}", said.title, said.version),
            Wish::GiveBack { incident } => format!("nobody is on {incident}"),
            Wish::Split { incident, targets } => {
                let ids: Vec<&str> = targets.iter().map(TargetId::as_str).collect();
                format!("split {incident} into {ids:?}")
            }
            Wish::HandOver { incident, to } => format!("hand over {incident} to {to}"),
            Wish::Acknowledge { incident, why, .. } => format!("ack {incident} because {why:?}"),
        },
        Heard::List(kind) => format!("list of every {}", kind.as_str()),
        other @ (Heard::Order(_)
        | Heard::Tasks(_)
        | Heard::Seek(_)
        | Heard::Measure(_)
        | Heard::OnCall) => {
            panic!("no plan: {other:?}")
        }
        Heard::Reply(Reply::Problem {
            understood,
            nearest,
            hint,
            ..
        }) => format!("? {understood} | {} | {hint}", nearest.join(", ")),
        Heard::Reply(_) | Heard::Opinion(_) => String::from("an answer"),
    }
}

fn table(typed: &[&str]) -> String {
    let mut out = String::new();
    for typed in typed {
        writeln!(out, "{typed}\n    {}", understood(typed)).expect("a string takes it");
    }
    out
}

#[test]
#[expect(clippy::too_many_lines, reason = "there are many ways")]
fn plans_are_said_in_many_ways() {
    expect![[r#"
        silence
            list of every silence
        silence list
            list of every silence
        silence add master for 2h because db restore
            silence: master/blue + master/green for 2h because "db restore"
        Silence Add blue master --for 2h --reason "db restore"
            silence: master/blue for 2h because "db restore"
        silence add master --for=2h --reason=db restore
            silence: master/blue + master/green for 2h because "db restore"
        silence add rh, api for 2 hours db restore
            silence: master/blue + master/green + api for 2h because "db restore"
        silence add master for 1h 30m because „db restore“
            silence: master/blue + master/green for 1h 30m because "db restore"
        silence add master down for 5m because it is known
            silence: master/green for 5m because "it is known"
        silence add k7f2 for 5m because it is known
            silence: master/green for 5m because "it is known"
        maintenance start cron for 45m because new disks
            maintenance: cron/purple + cron/yellow for 45m because "new disks"
        maintenance list
            list of every maintenance
        maintenance end M3
            end m3
        silence end #s41
            end s41
        deploy announce green master
            deploy: master/green for 5m because ""
        deploy announce green master release 4.18.2 for 10m
            deploy of "4.18.2": master/green for 10m because ""
        deploy announce green master --release=4.18.2
            deploy of "4.18.2": master/green for 5m because ""
        deploy list
            list of every deploy
        deploy end d7
            end d7
        ack k7f2
            ack k7f2 because None
        ack #k7f2 because I restart it
            ack k7f2 because Some("I restart it")
        ack master green --reason on it
            ack k7f2 because Some("on it")
        ack end k7f2
            nobody is on k7f2
        ack END green master
            nobody is on k7f2
        hand over k7f2 to @jan
            hand over k7f2 to @jan
        hand over green master to @Jan Novak
            hand over k7f2 to @Jan Novak
        Hand master green to @U0JAN
            hand over k7f2 to @U0JAN
        split k7f2
            split k7f2 into []
        Split #k7f2 green master, api
            split k7f2 into ["master/green", "api"]
        split
            ? it is not said which incident |  | say it as `/roih split k7f2` or `/roih split k7f2 master blue`
        split green master
            ? master green is a target, no incident | split k7f2 master green, split k7f2 | say it as `/roih split k7f2` or `/roih split k7f2 master blue`
        split k7f2 nobody
            ? nothing is called `nobody` |  | say it as `/roih split k7f2` or `/roih split k7f2 master blue`
        split k7f2 master
            ? this could be each of 2 targets | split k7f2 master green, split k7f2 master blue | say it as `/roih split k7f2` or `/roih split k7f2 master blue`
    "#]]
    .assert_eq(&table(&[
        "silence",
        "silence list",
        "silence add master for 2h because db restore",
        "Silence Add blue master --for 2h --reason \"db restore\"",
        "silence add master --for=2h --reason=db restore",
        "silence add rh, api for 2 hours db restore",
        "silence add master for 1h 30m because „db restore“",
        "silence add master down for 5m because it is known",
        "silence add k7f2 for 5m because it is known",
        "maintenance start cron for 45m because new disks",
        "maintenance list",
        "maintenance end M3",
        "silence end #s41",
        "deploy announce green master",
        "deploy announce green master release 4.18.2 for 10m",
        "deploy announce green master --release=4.18.2",
        "deploy list",
        "deploy end d7",
        "ack k7f2",
        "ack #k7f2 because I restart it",
        "ack master green --reason on it",
        "ack end k7f2",
        "ack END green master",
        "hand over k7f2 to @jan",
        "hand over green master to @Jan Novak",
        "Hand master green to @U0JAN",
        "split k7f2",
        "Split #k7f2 green master, api",
        "split",
        "split green master",
        "split k7f2 nobody",
        "split k7f2 master",
    ]));
}

#[test]
fn a_plan_can_end_with_its_trouble_or_at_a_time_of_day() {
    expect![[r#"
        silence add blue master until recovered because it is known
            silence: master/blue until recovered because "it is known"
        silence add blue master until it recovers it is known
            silence: master/blue until recovered because "it is known"
        silence add blue master --until=recovered --reason "it is known"
            silence: master/blue until recovered because "it is known"
        silence add master until 08:00 because night
            silence: master/blue + master/green until 08:00:00 because "night"
        silence add master until tomorrow 8:00 because night
            silence: master/blue + master/green until 08:00:00 because "night"
        maintenance start cron for 45m until the disks are there
            maintenance: cron/purple + cron/yellow for 45m because "until the disks are there"
        silence add master for 2h until 08:00 because night
            ? it is said twice for how long |  | say it as `/roih silence add master blue for 2h because db restore`
        silence add master until noon because night
            ? `noon` is neither a time such as 08:00 nor `recovered` |  | say it as `/roih silence add master blue for 2h because db restore`
        silence add mster until recovered because night
            ? nothing is called `mster` | silence add master until recovered because night | say it as `/roih silence add master blue for 2h because db restore`
        deploy announce green master until recovered
            ? a deploy ends by itself when what is deployed has come back |  | say it as `/roih deploy announce master green for 5m release 4.18.2`
    "#]]
    .assert_eq(&table(&[
        "silence add blue master until recovered because it is known",
        "silence add blue master until it recovers it is known",
        "silence add blue master --until=recovered --reason \"it is known\"",
        "silence add master until 08:00 because night",
        "silence add master until tomorrow 8:00 because night",
        "maintenance start cron for 45m until the disks are there",
        "silence add master for 2h until 08:00 because night",
        "silence add master until noon because night",
        "silence add mster until recovered because night",
        "deploy announce green master until recovered",
    ]));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_is_not_understood_is_asked_back_and_nothing_is_done() {
    expect![[r#"
        silence add for 2h because everything
            ? no target was named |  | say it as `/roih silence add master blue for 2h because db restore`
        silence add , for 2h because everything
            ? no target was named |  | say it as `/roih silence add master blue for 2h because db restore`
        silence add all for 2h because everything
            ? nothing is called `all` |  | say it as `/roih silence add master blue for 2h because db restore`
        silence add master because no time
            ? it is not said for how long |  | say it as `/roih silence add master blue for 2h because db restore`
        silence add master for 2h
            ? it is not said why |  | say it as `/roih silence add master blue for 2h because db restore`
        silence add master for ever because it hurts
            ? `ever` is no length such as 30m or 2h |  | say it as `/roih silence add master blue for 2h because db restore`
        silence add master for
            ? it is not said for how long |  | say it as `/roih silence add master blue for 2h because db restore`
        silence add master for 2h for 3h because twice
            ? it is said twice for how long |  | say it as `/roih silence add master blue for 2h because db restore`
        silence add master for 2h release 4 because no deploy
            ? only a deploy has a release |  | say it as `/roih silence add master blue for 2h because db restore`
        silence add mastre for 2h because a slip
            ? nothing is called `mastre` | silence add master for 2h because a slip | say it as `/roih silence add master blue for 2h because db restore`
        silence add unknown master for 2h because nobody is
            ? nobody is like that now |  | say it as `/roih silence add master blue for 2h because db restore`
        silence add master --till 16:20 because no such word
            ? `--till` is not known here |  | say it as `/roih silence add master blue for 2h because db restore`
        silence master for 2h because of what
            ? `master` is nothing that can be done with a silence | silence add master for 2h because of what, silence list | say it as `/roih silence add master blue for 2h because db restore`
        silence list master
            ? `list` is nothing that can be done with a silence | silence list | say it as `/roih silence add master blue for 2h because db restore`
        silence end
            ? it is not said which silence |  | `/roih silence list` shows their ids
        silence end master
            ? `master` is no id of a silence |  | `/roih silence list` shows their ids
        silence end m3
            ? m3 is a maintenance | maintenance end m3 | `/roih silence list` shows their ids
        deploy announce master for 5m
            ? this could be each of 2 targets | deploy announce master green for 5m, deploy announce master blue for 5m | say it as `/roih deploy announce master green for 5m release 4.18.2`
        deploy announce for 5m
            ? no target was named |  | say it as `/roih deploy announce master green for 5m release 4.18.2`
        ack
            ? it is not said which incident |  | say it as `/roih ack k7f2` or `/roih ack master blue because I restart it`
        ack api
            ? api has no open incident |  | `/roih status` shows what is open
        ack master
            ? this could be each of 2 targets | ack master green, ack master blue | say it as `/roih ack k7f2` or `/roih ack master blue because I restart it`
        ack zzzz
            ? nothing is called `zzzz` |  | say it as `/roih ack k7f2` or `/roih ack master blue because I restart it`
        ack master green for 2h
            ? an incident is taken on until it changes, not for a time |  | say it as `/roih ack k7f2` or `/roih ack master blue because I restart it`
        ack end
            ? nothing is called `end` |  | say it as `/roih ack k7f2` or `/roih ack master blue because I restart it`
        ack end api
            ? api has no open incident |  | `/roih status` shows what is open
        ack end master
            ? this could be each of 2 targets | ack end master green, ack end master blue | say it as `/roih ack end k7f2` or `/roih ack end master blue`
        hand
            ? it is not said to whom |  | say it as `/roih hand over master blue to @somebody`
        hand over
            ? it is not said to whom |  | say it as `/roih hand over master blue to @somebody`
        hand over master green
            ? it is not said to whom |  | say it as `/roih hand over master blue to @somebody`
        hand over to @jan
            ? it is not said to whom |  | say it as `/roih hand over master blue to @somebody`
        hand over master green to jan
            ? it is not said to whom |  | say it as `/roih hand over master blue to @somebody`
        hand over master green to @
            ? it is not said to whom |  | say it as `/roih hand over master blue to @somebody`
        hand over master to @jan
            ? this could be each of 2 targets | hand over master green to @jan, hand over master blue to @jan | say it as `/roih hand over master blue to @somebody`
        hand over api to @jan
            ? api has no open incident |  | `/roih status` shows what is open
        hand over zzzz to @jan
            ? nothing is called `zzzz` |  | say it as `/roih hand over master blue to @somebody`
        hand over k7f2 to @jan because I leave
            ? whoever is handed something is mentioned, and no reason is told |  | say it as `/roih hand over master blue to @somebody`
    "#]].assert_eq(&table(&[
        "silence add for 2h because everything",
        "silence add , for 2h because everything",
        "silence add all for 2h because everything",
        "silence add master because no time",
        "silence add master for 2h",
        "silence add master for ever because it hurts",
        "silence add master for",
        "silence add master for 2h for 3h because twice",
        "silence add master for 2h release 4 because no deploy",
        "silence add mastre for 2h because a slip",
        "silence add unknown master for 2h because nobody is",
        "silence add master --till 16:20 because no such word",
        "silence master for 2h because of what",
        "silence list master",
        "silence end",
        "silence end master",
        "silence end m3",
        "deploy announce master for 5m",
        "deploy announce for 5m",
        "ack",
        "ack api",
        "ack master",
        "ack zzzz",
        "ack master green for 2h",
        "ack end",
        "ack end api",
        "ack end master",
        "hand",
        "hand over",
        "hand over master green",
        "hand over to @jan",
        "hand over master green to jan",
        "hand over master green to @",
        "hand over master to @jan",
        "hand over api to @jan",
        "hand over zzzz to @jan",
        "hand over k7f2 to @jan because I leave",
    ]));
}

#[test]
fn what_is_near_can_be_typed_as_it_stands_in_a_terminal_too() {
    let said = Said {
        names: String::from("mastre"),
        length: Some(Length::For(Duration::from_mins(150))),
        why: String::from("it's a slip"),
        release: None,
    };
    let heard = begin(PlanKind::Silence, said, &fixture::board(), "hekate");
    let Heard::Reply(Reply::Problem { nearest, .. }) = heard else {
        panic!("{heard:?}");
    };
    assert_eq!(
        nearest,
        [r"silence add master --for 2h30m --reason 'it'\''s a slip'"]
    );
}

fn jan() -> Person {
    Person {
        name: String::from("jan@laptop"),
        slack_user: None,
    }
}

fn planned(kind: PlanKind, targets: &[&str]) -> Planned {
    let is_deploy = kind == PlanKind::Deploy;
    Planned {
        id: PlanId { kind, number: 41 },
        matcher: Matcher {
            targets: targets.iter().map(|id| TargetId::new(*id)).collect(),
            ..Matcher::default()
        },
        why: String::from(if is_deploy { "" } else { "db restore" }),
        release: is_deploy.then(|| String::from("4.18.2")),
        by: jan(),
        from: fixture::NOW,
        until: fixture::NOW + Duration::from_hours(2),
        is_until_recovered: false,
        ended: None,
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_was_done_is_said_with_its_end() {
    let prague = crate::model::calendar::zone("Europe/Prague").expect("a zone");
    let mut out = String::new();
    let five = ["a", "b", "c", "d", "e"];
    for one in [
        Done::Begun {
            planned: planned(PlanKind::Silence, &["master/blue", "master/green"]),
            but: Some(String::from(
                "one incident is open already; that it is over will be told",
            )),
        },
        Done::Begun {
            planned: planned(PlanKind::Maintenance, &["api"]),
            but: None,
        },
        Done::Begun {
            planned: planned(PlanKind::Deploy, &["master/green"]),
            but: None,
        },
        Done::Ended(planned(PlanKind::Silence, &five)),
        Done::Acknowledged {
            incident: IncidentId::new("k7f2"),
            titles: five.map(String::from).to_vec(),
            acknowledgement: Acknowledgement {
                by: jan(),
                at: fixture::NOW,
                why: Some(String::from("I restart it")),
            },
        },
    ] {
        for line in done(&one, fixture::NOW, prague, "hekate") {
            writeln!(out, "{line}").expect("a string takes it");
        }
    }
    let agenda = Agenda {
        made: [
            planned(PlanKind::Silence, &five),
            planned(PlanKind::Deploy, &["master/green"]),
        ]
        .map(Arc::new)
        .to_vec(),
        windows: vec![
            WindowFacts {
                name: String::from("rebuild"),
                open: Some((fixture::NOW, fixture::NOW + Duration::from_mins(45))),
                opens_at: None,
            },
            WindowFacts {
                name: String::from("move"),
                open: None,
                opens_at: Some(fixture::NOW + Duration::from_hours(20)),
            },
            WindowFacts {
                name: String::from("past"),
                open: None,
                opens_at: None,
            },
        ],
        ..Agenda::default()
    };
    for kind in PlanKind::ALL {
        for agenda in [&agenda, &Agenda::default()] {
            for line in list(agenda, kind, fixture::NOW, prague) {
                writeln!(out, "{}: {line}", kind.as_str()).expect("a string takes it");
            }
        }
    }
    expect![[r#"
        silenced 2 targets until 17:14 (Europe/Prague), by jan@laptop — id s41; `hekate silence end s41` ends it
        one incident is open already; that it is over will be told
        maintenance of 1 target until 17:14 (Europe/Prague), by jan@laptop — id m41; `hekate maintenance end m41` ends it
        deploy of 4.18.2 announced for master green until 17:14 (Europe/Prague), by jan@laptop — id d41; `hekate deploy end d41` ends it
        silence s41 of 5 targets has ended; what is still bad is told now
        k7f2 (a, b, c, d and 1 more) acknowledged by jan@laptop: I restart it; no reminders until it changes
        silence: `s41` 5 targets until 17:14 (2 h left), by jan@laptop: db restore — a, b, c, d and 1 more
        silence: nothing is silenced
        maintenance: `rebuild` of the file: open until 15:59 (45 min left)
        maintenance: `move` of the file: opens 2026-11-22 11:14
        maintenance: `past` of the file: over
        maintenance: nothing is in maintenance, and none is planned
        deploy: `d41` 1 target until 17:14 (2 h left), by jan@laptop: release 4.18.2 — master green
        deploy: no deploy is announced
    "#]].assert_eq(&out);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever is typed: an answer, and never a plan of somebody who is not called by any of the words.
    #[test]
    fn nobody_is_meant_who_was_not_named(
        first in "(silence|maintenance|deploy|ack)",
        second in "(add|start|announce|end|list|)",
        rest in prop_oneof![
            ".{0,60}",
            "((master|blue|green|api|cron|down|for|2h|because|release|,|--for=1h|--|“x) ){0,8}",
        ],
    ) {
        let typed = format!("{first} {second} {rest}");
        if let Heard::Wish(Wish::Begin { targets, .. }) =
            hear(&fixture::board(), &typed, Timestamp::default(), "/roih")
        {
            prop_assert!(!targets.is_empty());
            let lower = typed.to_lowercase();
            for target in targets {
                let (group, name) = target.as_str().split_once('/').unwrap_or(("", target.as_str()));
                let words = [group, name, "down", "problems", "operational", "unknown", "degraded", "suspect", "rh",
                    "roi", "hunter", "roih", "public", "gateway", "hekate", "k7f2"];
                prop_assert!(
                    words.iter().any(|word| !word.is_empty() && lower.contains(word)),
                    "{typed:?} meant {target}"
                );
            }
        }
    }
}
