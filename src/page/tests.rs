use std::{fmt::Write as _, sync::Arc};

use expect_test::expect;
use proptest::prelude::*;

use super::{badge::color as badge_color, headline::maintenance, words::Phrase, *};
use crate::{
    command::{
        days::{Count, DAYS, How},
        fixture,
        sli::Sli,
    },
    model::{
        Board, Reason, Rule, TargetId, Verdict,
        board::{Facts, Ourselves},
        incident::{Mark, Worth},
        plan::Severity,
        planned::{Acknowledgement, Note, Person, PlanKind},
        roles::{Role, RoleFacts},
    },
};

/// The fixture's five targets, all well.
fn well() -> Board {
    let board = fixture::board();
    for row in &board.rows {
        row.set_facts(fixture::well(fixture::NOW));
        row.set_looked(fixture::NOW, std::time::Duration::from_millis(84));
    }
    board
}

fn set(board: &Board, id: &str, change: impl FnOnce(&mut Facts)) {
    let row = board.row(&TargetId::new(id)).expect("it is there");
    let mut facts = (*row.facts()).clone();
    change(&mut facts);
    row.set_facts(facts);
}

fn is(board: &Board, id: &str, verdict: Verdict) {
    set(board, id, |facts| {
        facts.verdict = verdict;
        facts.settled = verdict;
        facts.reason = Reason {
            rule: Rule::FirstLook,
            words: String::from("no answer from http://10.0.0.7:8080/canary"),
        };
    });
}

fn plans(board: &Board, id: &str, kind: PlanKind) {
    set(board, id, |facts| {
        facts.note = Some(Note {
            kind,
            name: String::from("m1"),
            until: fixture::NOW + std::time::Duration::from_hours(1),
            by: Some(String::from("jan-canary")),
        });
    });
}

fn status(board: &Board) -> Status {
    Status::of(board, &board.rows, fixture::NOW, String::new(), "hekate")
}

fn look(viewer: Viewer, language: Language) -> Look<'static> {
    Look {
        title: "ROIH platform",
        language,
        viewer,
        timezone: chrono_tz::Europe::Prague,
        refresh_seconds: 15,
    }
}

fn page_of(status: &Status, viewer: Viewer, language: Language) -> Page<'_> {
    Page {
        status,
        windows: &[],
        bars: None,
        incidents: None,
        look: look(viewer, language),
    }
}

fn sentences(board: &Board) -> String {
    let status = status(board);
    let headline = Headline::of(status.sections.iter().flat_map(|section| &section.lines));
    let said = Language::ALL.map(|language| language.headline(&headline));
    format!("{:<12}{}\n", headline.level.as_str(), said.join(" | "))
}

#[test]
fn the_sentence_is_as_bad_as_the_worst_and_no_better() {
    let mut out = String::new();
    let mut say = |change: &dyn Fn(&Board)| {
        let board = well();
        change(&board);
        out.push_str(&sentences(&board));
    };
    let green = "master/green";
    let role = |board: &Board, id: &str, role: Role| {
        let row = board.row(&TargetId::new(id)).expect("it is there");
        row.set_role(Some(Arc::new(RoleFacts {
            role: Some(role),
            since: None,
            words: String::from("haproxy says so"),
        })));
    };
    say(&|_| {});
    say(&|board| is(board, green, Verdict::Suspect));
    say(&|board| plans(board, green, PlanKind::Maintenance));
    // Silenced is not planned: it is down all the same.
    say(&|board| {
        is(board, green, Verdict::Down);
        plans(board, green, PlanKind::Silence);
    });
    // Down as planned, and nothing else.
    say(&|board| {
        is(board, green, Verdict::Down);
        plans(board, green, PlanKind::Maintenance);
    });
    // A maintenance hides no outage elsewhere, and what cannot be seen is not fine.
    say(&|board| {
        plans(board, green, PlanKind::Maintenance);
        is(board, "api", Verdict::Unknown);
    });
    say(&|board| {
        plans(board, green, PlanKind::Maintenance);
        is(board, "api", Verdict::Unknown);
        is(board, "cron/purple", Verdict::Degraded);
    });
    // The half that stands by is missed less than anything that carries a load.
    say(&|board| {
        is(board, green, Verdict::Down);
        role(board, green, Role::Inactive);
        is(board, "cron/purple", Verdict::Degraded);
    });
    say(&|board| {
        is(board, green, Verdict::Down);
        role(board, green, Role::Inactive);
        is(board, "api", Verdict::Down);
    });
    say(&|board| {
        is(board, green, Verdict::Down);
        role(board, green, Role::Unknown);
        is(board, "master/blue", Verdict::Down);
        role(board, "master/blue", Role::Active);
    });
    say(&|board| {
        for row in &board.rows {
            is(board, row.target.id.as_str(), Verdict::Down);
        }
    });
    expect![[r#"
        fine        All 5 work | Všech 5 běží
        checking    master green failed a look and is looked at again | master green se znovu ověřuje
        maintenance master green is in maintenance | master green je v údržbě
        outage      master green is down | master green neběží
        maintenance master green is in maintenance | master green je v údržbě
        unseen      api cannot be seen | api není vidět
        degraded    cron purple works, but not well | cron purple běží, ale ne dobře
        partial     master green (inactive) is down | master green (neaktivní) neběží
        outage      api is down | api neběží
        outage      master blue (active) and master green (role unknown) are down | master blue (aktivní) a master green (role neznámá) neběží
        outage      4 of 5 are down: master blue, master green, cron yellow and 1 more | 4 z 5 neběží: master blue, master green, cron yellow a 1 další
    "#]].assert_eq(&out);
}

#[test]
fn whom_nobody_needs_at_once_is_no_outage() {
    let board = well();
    is(&board, "api", Verdict::Down);
    let status = status(&board);
    let mut line = status.problems[0].clone();
    for (severity, level) in [
        (Severity::Info, Level::Partial),
        (Severity::Warning, Level::Partial),
        (Severity::Critical, Level::Outage),
        (Severity::Disaster, Level::Outage),
    ] {
        Arc::make_mut(&mut line.target).severity = severity;
        assert_eq!(Level::of(&line), level, "{severity:?}");
    }
}

#[test]
fn what_is_too_old_cannot_be_seen() {
    let board = well();
    let mut status = status(&board);
    status.sections[0].lines[0].is_stale = true;
    let page = page_of(&status, Viewer::Public, Language::English);
    let plain = page.plain();
    assert!(plain.contains("cannot be seen"), "{plain}");
    assert_eq!(page.problems().len(), 1);
    // That it is down stays true until somebody sees otherwise.
    is(&board, "api", Verdict::Down);
    let mut line = Line::of(
        board.row(&TargetId::new("api")).expect("it is there"),
        fixture::NOW,
    );
    line.is_stale = true;
    assert_eq!(Level::of(&line), Level::Outage);
}

/// Everything at once.
fn busy() -> Board {
    let board = well();
    is(&board, "master/green", Verdict::Down);
    set(&board, "master/green", |facts| {
        facts.acknowledged = Some(Acknowledgement {
            by: Person {
                slack_user: Some(String::from("U0CANARY")),
                name: String::from("eva-canary"),
            },
            at: fixture::NOW,
            why: Some(String::from("canary of a reason")),
        });
    });
    is(&board, "cron/yellow", Verdict::Unknown);
    is(&board, "cron/purple", Verdict::Degraded);
    plans(&board, "cron/purple", PlanKind::Maintenance);
    board
}

fn windows() -> Vec<WindowFacts> {
    let at = |minutes: u64| fixture::NOW + std::time::Duration::from_mins(minutes);
    vec![
        WindowFacts {
            name: String::from("never again"),
            open: None,
            opens_at: None,
        },
        WindowFacts {
            name: String::from("nightly rebuild"),
            open: None,
            opens_at: Some(at(600)),
        },
        WindowFacts {
            name: String::from("database"),
            open: Some((fixture::NOW, at(45))),
            opens_at: Some(at(10_000)),
        },
    ]
}

#[test]
fn what_a_terminal_shows() {
    let board = busy();
    let status = status(&board);
    let mut out = String::new();
    for (viewer, language) in [
        (Viewer::Insider, Language::English),
        (Viewer::Public, Language::Czech),
    ] {
        let page = page_of(&status, viewer, language);
        let _infallible = writeln!(out, "--- {viewer:?}\n{}", page.plain());
    }
    expect![[r#"
        --- Insider
        master green is down

        down  master green  since 15:14 CET
          no answer from http://10.0.0.7:8080/canary

        not seen  cron yellow  since 15:14 CET
          no answer from http://10.0.0.7:8080/canary

        maintenance  cron purple  since 15:14 CET
          no answer from http://10.0.0.7:8080/canary

        master
          operational  master blue
          down         master green

        cron
          maintenance  cron purple
          not seen     cron yellow

        others
          operational  api

        --- Public
        master green neběží

        neběží  master green  od 15:14 CET

        neviděno  cron yellow  od 15:14 CET

        údržba  cron purple  od 15:14 CET

        master
          v pořádku  master blue
          neběží     master green

        cron
          údržba    cron purple
          neviděno  cron yellow

        ostatní
          v pořádku  api

    "#]]
    .assert_eq(&out);
}

#[test]
fn strangers_see_names_states_and_times() {
    let board = busy();
    board.ourselves.store(Arc::new(Ourselves {
        look_trouble: Some((String::from("canary of the network"), fixture::NOW)),
        ..Ourselves::default()
    }));
    let status = status(&board);
    let windows = windows();
    let page = |viewer| Page {
        status: &status,
        windows: &windows,
        bars: None,
        incidents: None,
        look: look(viewer, Language::English),
    };
    for text in [page(Viewer::Public).html(), page(Viewer::Public).plain()] {
        assert!(!text.contains("canary"), "{text}");
        assert!(!text.contains("10.0.0.7"), "{text}");
        for words in ["master green", "is down", "degraded"] {
            assert!(
                text.contains(words) || words == "degraded",
                "{words}: {text}"
            );
        }
    }
    let public = page(Viewer::Public).html();
    for words in [
        "somebody is on it",
        "nightly rebuild",
        "database",
        "maintenance until",
    ] {
        assert!(public.contains(words), "{words}: {public}");
    }
    assert!(!public.contains("never again"), "{public}");
    let inside = page(Viewer::Insider).html();
    for words in [
        "no answer from http://10.0.0.7:8080/canary",
        "eva-canary is on it",
        "84 ms",
    ] {
        assert!(inside.contains(words), "{words}: {inside}");
    }
}

#[test]
fn whatever_something_is_called_it_stays_text() {
    let hostile = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</title><script>alert(1)</script>",
        "<!--",
        "&lt;script&gt;",
        "javascript:alert(1)",
        "\u{202e}evil",
        "{{7*7}}",
        "]]>",
    ];
    for name in hostile {
        let board = busy();
        for row in &board.rows {
            is(&board, row.target.id.as_str(), Verdict::Down);
            set(&board, row.target.id.as_str(), |facts| {
                facts.reason.words = name.to_owned();
                facts.acknowledged = Some(Acknowledgement {
                    by: Person {
                        slack_user: Some(name.to_owned()),
                        name: name.to_owned(),
                    },
                    at: fixture::NOW,
                    why: None,
                });
            });
        }
        let mut status = status(&board);
        for line in &mut status.problems {
            Arc::make_mut(&mut line.target).name = name.to_owned();
        }
        for section in &mut status.sections {
            for line in &mut section.lines {
                Arc::make_mut(&mut line.target).name = name.to_owned();
            }
        }
        let windows = [WindowFacts {
            name: name.to_owned(),
            open: None,
            opens_at: Some(fixture::NOW),
        }];
        let page = Page {
            status: &status,
            windows: &windows,
            bars: None,
            incidents: None,
            look: Look {
                title: name,
                ..look(Viewer::Insider, Language::English)
            },
        };
        let html = page.html();
        // The only elements of their kind are ours.
        assert_eq!(html.matches("<script").count(), 1, "{name}: {html}");
        // All values of attributes stand in double quotes, and those are written otherwise.
        for never in ["<img", "onerror=alert(1)>", "=\"' onmouse", "<!--"] {
            assert!(!html.contains(never), "{name}: {html}");
        }
        let badge = badge(name, Level::Outage, Language::English);
        assert!(
            !badge.contains("<script") && !badge.contains("<img"),
            "{badge}"
        );
    }
}

#[test]
fn a_page_of_a_hundred_targets_is_small_and_asks_nobody_else() {
    let board = busy();
    let mut status = status(&board);
    let line = status.sections[0].lines[0].clone();
    status.sections[0].lines = vec![line; 100];
    let bars = bars(&board, restless);
    let page = Page {
        status: &status,
        windows: &windows(),
        bars: Some(&bars),
        incidents: None,
        look: look(Viewer::Insider, Language::Czech),
    };
    let html = page.html();
    assert!(
        html.len() + STYLE.len() + SCRIPT.len() < 60_000,
        "{}",
        html.len()
    );
    for elsewhere in ["src=\"http", "href=\"http", "src=\"//", "href=\"//"] {
        assert!(!html.contains(elsewhere), "{elsewhere}");
    }
    for elsewhere in ["url(", "@import", "http:", "https:"] {
        assert!(
            !STYLE.contains(elsewhere) && !SCRIPT.contains(elsewhere),
            "{elsewhere}"
        );
    }
    assert!(html.contains("lang=\"cs\""));
}

#[test]
fn of_very_many_problems_the_first_hundred_are_told_by_themselves() {
    let board = busy();
    let mut status = status(&board);
    let down = status.problems[0].clone();
    status.problems = vec![down; 5_000];
    let page = page_of(&status, Viewer::Insider, Language::Czech);
    assert!(page.plain().contains("a 4900 dalších níže"));
    let html = page.html();
    assert_eq!(html.matches("<li class=\"outage\">").count(), 100);
    assert!(html.contains("a 4900 dalších níže"));
}

#[test]
fn what_is_well_while_somebody_works_on_it_is_no_problem() {
    let board = well();
    plans(&board, "api", PlanKind::Maintenance);
    let status = status(&board);
    let page = page_of(&status, Viewer::Public, Language::English);
    assert!(page.problems().is_empty());
    assert!(page.html().contains("api is in maintenance"));
}

#[test]
fn every_phrase_is_there_in_every_language() {
    for phrase in Phrase::ALL {
        let said = Language::ALL.map(|language| language.say(phrase));
        assert!(
            said.iter().all(|words| !words.trim().is_empty()),
            "{phrase:?}"
        );
        assert_ne!(said[0], said[1], "{phrase:?}");
    }
}

#[test]
fn readers_get_the_language_that_they_like_best() {
    for (header, liked) in [
        ("cs", Some(Language::Czech)),
        ("cs-CZ,cs;q=0.9,en;q=0.8", Some(Language::Czech)),
        ("de,en;q=0.5,cs;q=0.9", Some(Language::Czech)),
        ("en-GB;q=0.7, cs;q=0.6", Some(Language::English)),
        ("cs;q=0", None),
        ("cs;q=much", None),
        ("*", None),
        ("", None),
        ("csb, ens", None),
    ] {
        assert_eq!(Language::liked(header), liked, "{header}");
    }
}

#[test]
fn a_badge_says_the_same_in_word_and_colour() {
    let mut out = String::new();
    for level in [
        Level::Outage,
        Level::Degraded,
        Level::Unseen,
        Level::Maintenance,
        Level::Fine,
    ] {
        let badge = badge("master", level, Language::English);
        let color = badge_color(level);
        assert!(badge.contains(color), "{badge}");
        let _infallible = writeln!(out, "{color} {}", Language::English.level(level));
        assert!(badge.contains(&format!(
            "<title>master: {}</title>",
            Language::English.level(level)
        )));
    }
    expect![[r#"
        #cf222e down
        #9a6700 degraded
        #57606a not seen
        #0969da maintenance
        #1a7f37 operational
    "#]]
    .assert_eq(&out);
}

/// Relative luminance. Source: WCAG 2.2, definition of relative luminance.
fn luminance(hex: &str) -> f64 {
    let channel = |at: usize| {
        let value = u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn everything_can_be_read_by_day_and_by_night() {
    let mut blocks = STYLE.split(":root {").skip(1);
    for theme in ["light", "dark"] {
        let block = blocks
            .next()
            .expect("two themes")
            .split('}')
            .next()
            .expect("an end");
        let color = |name: &str| {
            let found = block.split(&format!("--{name}: ")).nth(1);
            found.unwrap_or_else(|| panic!("no {name} in {theme}"))[..7].to_owned()
        };
        for back in ["back", "panel"] {
            for text in [
                "text",
                "faint",
                "link",
                "fine",
                "degraded",
                "down",
                "maintenance",
                "unseen",
            ] {
                let contrast = contrast(&color(text), &color(back));
                assert!(contrast >= 4.5, "{theme}: {text} on {back}: {contrast:.2}");
            }
        }
    }
    for level in [
        Level::Outage,
        Level::Degraded,
        Level::Unseen,
        Level::Maintenance,
        Level::Fine,
    ] {
        assert!(contrast(badge_color(level), "#ffffff") >= 4.5);
    }
}

#[test]
fn a_plan_that_only_keeps_quiet_is_no_maintenance() {
    let board = well();
    for (kind, is_maintenance) in [
        (PlanKind::Silence, false),
        (PlanKind::Deploy, false),
        (PlanKind::Maintenance, true),
    ] {
        plans(&board, "api", kind);
        let status = status(&board);
        let api = status.lines().find(|line| line.target.name == "api");
        assert_eq!(
            maintenance(api.expect("it is there")).is_some(),
            is_maintenance
        );
    }
}

/// The days up to now, each as it is said to be.
fn bars(board: &Board, day: impl Fn(&str, usize) -> Sli) -> Bars {
    let targets = board.rows.len();
    let mut count = Count::begin(fixture::NOW, chrono_tz::Europe::Prague, targets, None);
    for row in &board.rows {
        let id = &row.target.id;
        let days = (0..DAYS).map(|place| day(id.as_str(), place)).collect();
        count.take(board, vec![(id.clone(), days)]);
    }
    count.end()
}

const MINUTE: std::time::Duration = std::time::Duration::from_mins(1);

/// Well but for what is taken from it, in minutes.
fn day_of(degraded: u32, down: u32, maintenance: u32, not_measured: u32) -> Sli {
    let other = degraded + down + maintenance + not_measured;
    Sli {
        operational: MINUTE * (1_440 - other),
        degraded: MINUTE * degraded,
        down: MINUTE * down,
        maintenance: MINUTE * maintenance,
        not_measured: MINUTE * not_measured,
        ..Sli::default()
    }
}

/// No two days after each other are alike.
fn restless(_: &str, place: usize) -> Sli {
    match place % 5 {
        0 => day_of(10, 0, 0, 0),
        1 => day_of(0, 14, 0, 0),
        2 => day_of(0, 0, 45, 0),
        3 => day_of(0, 0, 0, 600),
        _ => day_of(0, 0, 0, 0),
    }
}

/// Watched for forty days, with two outages of blue; of all others nothing is known.
fn some_days(id: &str, place: usize) -> Sli {
    match (id, place) {
        ("master/blue", 72) => day_of(0, 14, 0, 0),
        ("master/blue", 88) => day_of(3, 2, 0, 0),
        ("master/blue", 80) => day_of(0, 0, 45, 0),
        ("master/blue", 50) => day_of(0, 0, 0, 900),
        ("master/blue", 51..) => day_of(0, 0, 0, 0),
        _ => day_of(0, 0, 0, 1_440),
    }
}

#[test]
fn the_last_days_are_shown_and_said() {
    let board = well();
    let status = status(&board);
    let bars = bars(&board, some_days);
    let mut out = String::new();
    for language in Language::ALL {
        let page = Page {
            bars: Some(&bars),
            ..page_of(&status, Viewer::Public, language)
        };
        let html = page.html();
        // What is a picture is said beside it.
        for said in html.split("<span class=\"days\">").skip(1).take(2) {
            let _infallible = writeln!(out, "{}", said.split('<').next().unwrap_or_default());
        }
        let bar = html
            .split("<svg class=\"days\"")
            .nth(2)
            .expect("blue has a bar");
        let bar = bar.split("</svg>").next().expect("it ends");
        let _infallible = writeln!(out, "{}", bar.replace("><", ">\n<"));
        let legend = html.split("<p class=\"legend\">").nth(1).expect("a legend");
        let legend = legend.split("</p>").next().expect("it ends");
        for how in How::ALL {
            assert!(legend.contains(language.day(how)), "{how:?}: {legend}");
        }
        assert!(legend.contains("15:14"), "{legend}");
    }
    expect![[r#"
        99.971% in 90 days; down: 2 days (20 Nov 2 min, 4 Nov 14 min); maintenance: 1 day; seen in part: 37 days; no data: 50 days
        99.971% in 90 days; down: 2 days (20 Nov 2 min, 4 Nov 14 min); maintenance: 1 day; seen in part: 1 day; no data: 50 days
         aria-hidden="true" viewBox="0 0 360 20" preserveAspectRatio="none">
        <path class="down" d="M288 5.5H292M352 5.5H356M288 14.5H292M352 14.5H356">
        </path>
        <path class="maintenance" d="M320 10H324">
        </path>
        <path class="fine" d="M204 10H288M292 10H320M324 10H352M356 10H360">
        </path>
        <path class="part" d="M200 15.5H204">
        </path>
        <path class="unseen" d="M0 17H200">
        </path>
        <rect x="352" width="4" height="20">
        <title>20 Nov: down 2 min</title>
        </rect>
        <rect x="320" width="4" height="20">
        <title>12 Nov: maintenance 45 min</title>
        </rect>
        <rect x="288" width="4" height="20">
        <title>4 Nov: down 14 min</title>
        </rect>
        99,971 % za 90 dní; neběží: 2 dny (20. 11. 2 min, 4. 11. 14 min); údržba: 1 den; viděno zčásti: 37 dní; bez dat: 50 dní
        99,971 % za 90 dní; neběží: 2 dny (20. 11. 2 min, 4. 11. 14 min); údržba: 1 den; viděno zčásti: 1 den; bez dat: 50 dní
         aria-hidden="true" viewBox="0 0 360 20" preserveAspectRatio="none">
        <path class="down" d="M288 5.5H292M352 5.5H356M288 14.5H292M352 14.5H356">
        </path>
        <path class="maintenance" d="M320 10H324">
        </path>
        <path class="fine" d="M204 10H288M292 10H320M324 10H352M356 10H360">
        </path>
        <path class="part" d="M200 15.5H204">
        </path>
        <path class="unseen" d="M0 17H200">
        </path>
        <rect x="352" width="4" height="20">
        <title>20. 11.: neběží 2 min</title>
        </rect>
        <rect x="320" width="4" height="20">
        <title>12. 11.: údržba 45 min</title>
        </rect>
        <rect x="288" width="4" height="20">
        <title>4. 11.: neběží 14 min</title>
        </rect>
    "#]].assert_eq(&out);
}

#[test]
fn each_kind_of_day_has_a_shape_of_its_own() {
    let board = well();
    let status = status(&board);
    let bars = bars(&board, some_days);
    let page = Page {
        bars: Some(&bars),
        ..page_of(&status, Viewer::Public, Language::English)
    };
    let html = page.html();
    let legend = html.split("<p class=\"legend\">").nth(1).expect("a legend");
    let mut shapes = Vec::new();
    for class in ["down", "degraded", "maintenance", "fine", "part", "unseen"] {
        let path = legend
            .split(&format!("<path class=\"{class}\" d=\""))
            .nth(1);
        let path = path.expect("it is explained").split('"').next();
        let rule = STYLE
            .split(&format!("path.{class} {{"))
            .nth(1)
            .expect("it has a colour");
        let width = rule
            .split("stroke-width: ")
            .nth(1)
            .expect("a width")
            .split(';')
            .next();
        shapes.push((path, width));
    }
    shapes.sort_unstable();
    shapes.dedup();
    assert_eq!(shapes.len(), 6, "{shapes:?}");
}

#[test]
fn of_many_targets_only_those_that_are_not_well_have_their_days_on_the_page() {
    let board = well();
    is(&board, "api", Verdict::Down);
    let mut status = status(&board);
    let bars = bars(&board, restless);
    let line = status.sections[0].lines[0].clone();
    let count = |status: &Status| {
        let page = Page {
            bars: Some(&bars),
            ..page_of(status, Viewer::Public, Language::English)
        };
        let html = page.html();
        (
            html.matches("<tr class=\"days\">").count(),
            html.matches("<svg class=\"days\"").count(),
        )
    };
    // Two groups of two, and one by itself.
    assert_eq!(count(&status), (5, 7));
    status.sections[0].lines = vec![line.clone(); 5_000];
    assert_eq!(count(&status), (1, 3));
    // Of very many that are not well, the first ones.
    let down = status.problems[0].clone();
    status.sections[0].lines = vec![down; 5_000];
    assert_eq!(count(&status), (40, 42));
}

#[test]
fn without_days_the_page_says_that_they_are_not_counted() {
    let board = well();
    let status = status(&board);
    for language in Language::ALL {
        let html = page_of(&status, Viewer::Public, language).html();
        assert!(html.contains(language.say(Phrase::NotCounted)), "{html}");
        assert!(!html.contains("<svg"), "{html}");
    }
}

/// An incident of these targets that ended so many minutes ago.
fn incident(number: u64, targets: &[&str], worst: Verdict, ended: Option<u64>) -> Incident {
    let ago = |minutes| fixture::NOW - MINUTE * u32::try_from(minutes).expect("a year at most");
    let mut incident = Incident::begun(1_000_000 + number, ago(ended.unwrap_or_default() + 14));
    incident.targets = targets.iter().map(|id| TargetId::new(*id)).collect();
    incident.worst = worst;
    incident.closed_at = ended.map(ago);
    incident.seen = vec![(String::from("no answer from 10.0.0.7, a canary"), 3)];
    incident
}

fn incidents() -> Vec<Incident> {
    let mut taken = incident(5, &["master/green", "master/blue"], Verdict::Down, Some(10));
    taken.acknowledged = Some(Acknowledgement {
        by: Person {
            slack_user: None,
            name: String::from("eva-canary"),
        },
        at: fixture::NOW,
        why: Some(String::from("canary of a reason")),
    });
    let mut wrong = incident(3, &["api"], Verdict::Degraded, Some(3_000));
    wrong.mark = Some(Mark {
        worth: Worth::FalseAlarm,
        reason: String::from("a canary of a reason"),
        by: String::from("jan-canary"),
        at: fixture::NOW,
    });
    vec![
        incident(6, &["cron/purple"], Verdict::Down, None),
        taken,
        // hekate about itself, a suspicion, what is no more, and what ended long ago.
        incident(4, &[], Verdict::Down, Some(20)),
        wrong,
        incident(2, &["canary/gone"], Verdict::Unknown, Some(4_000)),
        incident(1, &["api"], Verdict::Down, Some(21 * 1_440)),
    ]
}

/// Without what makes it a page.
fn words_of(html: &str) -> String {
    let mut out = String::new();
    for part in html.split('<') {
        let text = part.split_once('>').map_or(part, |(_, text)| text);
        if !text.trim().is_empty() {
            out.push_str(text);
            out.push('|');
        }
    }
    out
}

#[test]
fn what_ended_lately_is_told_to_each_as_they_may_know_it() {
    let board = well();
    let status = status(&board);
    let incidents = incidents();
    let mut out = String::new();
    for (viewer, language) in [
        (Viewer::Insider, Language::English),
        (Viewer::Public, Language::English),
        (Viewer::Public, Language::Czech),
    ] {
        let page = Page {
            incidents: Some(&incidents),
            ..page_of(&status, viewer, language)
        };
        let html = page.html();
        let past = html.split("<section aria-labelledby=\"past\">").nth(1);
        let past = past
            .expect("it is told")
            .split("</section>")
            .next()
            .expect("it ends");
        if viewer == Viewer::Public {
            assert!(
                !past.contains("canary") && !past.contains("10.0.0.7"),
                "{past}"
            );
        }
        for item in past.split("<li ") {
            let _infallible = writeln!(out, "{}", words_of(item));
        }
    }
    expect![[r#"
        Past incidents|
        ✖| down|master green and master blue|14:50|–|15:04| (14 min)|no answer from 10.0.0.7, a canary|eva-canary was on it|
        ▲| degraded|api|2026-11-19 13:00|–|2026-11-19 13:14| (14 min)|no answer from 10.0.0.7, a canary|it was a false alarm|
        ?| not seen|canary gone|2026-11-18 20:20|–|2026-11-18 20:34| (14 min)|no answer from 10.0.0.7, a canary|
        Past incidents|
        ✖| down|master green and master blue|14:50|–|15:04| (14 min)|somebody was on it|
        ▲| degraded|api|2026-11-19 13:00|–|2026-11-19 13:14| (14 min)|it was a false alarm|
        Minulé incidenty|
        ✖| neběží|master green a master blue|14:50|–|15:04| (14 min)|někdo na tom pracoval|
        ▲| zhoršeno|api|2026-11-19 13:00|–|2026-11-19 13:14| (14 min)|byl to planý poplach|
    "#]].assert_eq(&out);
}

#[test]
fn that_nothing_happened_is_said_only_if_it_is_known() {
    let board = well();
    let status = status(&board);
    let none = Language::English.say(Phrase::NoneLately);
    let page = page_of(&status, Viewer::Public, Language::English);
    assert!(!page.html().contains(none));
    let page = Page {
        incidents: Some(&[]),
        ..page
    };
    assert!(page.html().contains(none));
    // Of very many the last ones.
    let many = vec![incident(1, &["api"], Verdict::Down, Some(5)); 200];
    let page = Page {
        incidents: Some(&many),
        ..page
    };
    let html = page.html();
    assert_eq!(html.matches("<li id=\"incident-").count(), 10);
    assert!(html.contains("and 190 more"), "{html}");
}

fn feed(format: Format, viewer: Viewer, incidents: &[Incident], title: &str) -> String {
    let board = well();
    let status = status(&board);
    let feed = Feed {
        status: &status,
        incidents,
        look: Look {
            title,
            ..look(viewer, Language::English)
        },
        base: "https://status.example.test",
    };
    feed.write(format).0
}

#[test]
fn feeds_tell_the_same_in_three_ways() {
    let mut out = String::new();
    for format in Format::ALL {
        let inside = feed(format, Viewer::Insider, &incidents(), "ROIH platform");
        assert!(inside.contains("eva-canary was on it"), "{inside}");
        let public = feed(format, Viewer::Public, &incidents()[..2], "ROIH platform");
        assert!(!public.contains("canary"), "{public}");
        let lines = public.replace("><", ">\n<").replace("\",\"", "\",\n\"");
        let _infallible = writeln!(out, "{lines}");
    }
    expect![[r#"
        <?xml version="1.0" encoding="utf-8"?>
        <rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">
        <channel>
        <title>ROIH platform</title>
        <link>https://status.example.test/</link>
        <description>ROIH platform</description>
        <language>en</language>
        <atom:link rel="self" type="application/rss+xml" href="https://status.example.test/feed.rss"/>
        <lastBuildDate>Sat, 21 Nov 2026 14:14:40 +0000</lastBuildDate>
        <item>
        <title>cron purple: down</title>
        <link>https://status.example.test/#incident-maeea</link>
        <guid isPermaLink="false">tag:status.example.test,2026:incident/maeea</guid>
        <pubDate>Sat, 21 Nov 2026 14:00:40 +0000</pubDate>
        <description>since 2026-11-21 15:00:40 CET</description>
        </item>
        <item>
        <title>master green and master blue: down, it is over (14 min)</title>
        <link>https://status.example.test/#incident-n3uua</link>
        <guid isPermaLink="false">tag:status.example.test,2026:incident/n3uua</guid>
        <pubDate>Sat, 21 Nov 2026 13:50:40 +0000</pubDate>
        <description>since 2026-11-21 14:50:40 CET; until 2026-11-21 15:04:40 CET; somebody was on it</description>
        </item>
        </channel>
        </rss>

        <?xml version="1.0" encoding="utf-8"?>
        <feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">
        <title>ROIH platform</title>
        <id>tag:status.example.test,2026:incident/</id>
        <updated>2026-11-21T14:14:40.000Z</updated>
        <author>
        <name>ROIH platform</name>
        </author>
        <link rel="self" href="https://status.example.test/feed.atom"/>
        <link rel="alternate" href="https://status.example.test/"/>
        <entry>
        <id>tag:status.example.test,2026:incident/maeea</id>
        <title>cron purple: down</title>
        <published>2026-11-21T14:00:40.000Z</published>
        <updated>2026-11-21T14:00:40.000Z</updated>
        <link rel="alternate" href="https://status.example.test/#incident-maeea"/>
        <summary>since 2026-11-21 15:00:40 CET</summary>
        </entry>
        <entry>
        <id>tag:status.example.test,2026:incident/n3uua</id>
        <title>master green and master blue: down, it is over (14 min)</title>
        <published>2026-11-21T13:50:40.000Z</published>
        <updated>2026-11-21T14:14:40.000Z</updated>
        <link rel="alternate" href="https://status.example.test/#incident-n3uua"/>
        <summary>since 2026-11-21 14:50:40 CET; until 2026-11-21 15:04:40 CET; somebody was on it</summary>
        </entry>
        </feed>

        {"feed_url":"https://status.example.test/feed.json",
        "home_page_url":"https://status.example.test/",
        "items":[{"content_text":"since 2026-11-21 15:00:40 CET",
        "date_modified":"2026-11-21T14:00:40.000Z",
        "date_published":"2026-11-21T14:00:40.000Z",
        "id":"tag:status.example.test,2026:incident/maeea",
        "title":"cron purple: down",
        "url":"https://status.example.test/#incident-maeea"},{"content_text":"since 2026-11-21 14:50:40 CET; until 2026-11-21 15:04:40 CET; somebody was on it",
        "date_modified":"2026-11-21T14:14:40.000Z",
        "date_published":"2026-11-21T13:50:40.000Z",
        "id":"tag:status.example.test,2026:incident/n3uua",
        "title":"master green and master blue: down, it is over (14 min)",
        "url":"https://status.example.test/#incident-n3uua"}],"language":"en",
        "title":"ROIH platform",
        "version":"https://jsonfeed.org/version/1.1"}
    "#]].assert_eq(&out);
}

/// Whether it is XML in which every element ends, and none but these is there.
fn is_well_formed(xml: &str) -> bool {
    const KNOWN: [&str; 20] = [
        "rss",
        "channel",
        "title",
        "link",
        "description",
        "language",
        "atom:link",
        "lastBuildDate",
        "item",
        "guid",
        "pubDate",
        "feed",
        "id",
        "updated",
        "author",
        "name",
        "entry",
        "published",
        "summary",
        "?xml",
    ];
    let mut open = Vec::new();
    let mut parts = xml.split('<');
    if parts.next() != Some("") {
        return false;
    }
    for part in parts {
        let Some((tag, text)) = part.split_once('>') else {
            return false;
        };
        // Whatever is not ours is escaped.
        let entities = text.split('&').skip(1);
        let are_entities = entities
            .map(|rest| rest.split(';').next())
            .all(|name| matches!(name, Some("lt" | "gt" | "amp" | "quot")));
        let is_held = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
        if !are_entities || text.contains("]]>") || !text.chars().all(is_held) {
            return false;
        }
        let name = tag
            .trim_start_matches('/')
            .split([' ', '/'])
            .next()
            .unwrap_or_default();
        if !KNOWN.contains(&name) || tag.matches('"').count() % 2 == 1 {
            return false;
        }
        if tag.starts_with('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with(['/', '?']) {
            open.push(name);
        }
    }
    open.is_empty()
}

#[test]
fn what_is_no_xml_would_be_noticed() {
    for (xml, is_good) in [
        ("<feed><title>a &amp; b</title></feed>", true),
        ("<feed><title>a & b</title></feed>", false),
        ("<feed><title>a</feed></title>", false),
        ("<feed><script>a</script></feed>", false),
        ("<feed><title>\u{ffff}</title></feed>", false),
        ("<feed>", false),
    ] {
        assert_eq!(is_well_formed(xml), is_good, "{xml}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever the file and the services say.
    #[test]
    fn a_feed_can_be_read_whatever_is_in_it(
        title in hostile(),
        who in hostile(),
        words in hostile(),
        person in hostile(),
    ) {
        let mut incident = incident(1, &[&who, "api"], Verdict::Down, Some(5));
        incident.seen = vec![(words, 1)];
        incident.acknowledged = Some(Acknowledgement {
            by: Person { slack_user: None, name: person },
            at: fixture::NOW,
            why: None,
        });
        let incidents = [incident];
        for format in [Format::Rss, Format::Atom] {
            let xml = feed(format, Viewer::Insider, &incidents, &title);
            prop_assert!(is_well_formed(&xml), "{}", xml);
        }
        let json = feed(Format::Json, Viewer::Insider, &incidents, &title);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{}", json);
        let board = well();
        let status = status(&board);
        let page = Page { incidents: Some(&incidents), ..page_of(&status, Viewer::Insider, Language::Czech) };
        let html = page.html();
        prop_assert_eq!(html.matches("<script").count(), 1);
        prop_assert!(!html.contains("<img") && !html.contains("<!--") && !html.contains("]]>"), "{}", html);
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "<script>alert(1)</script>",
        "]]><![CDATA[",
        "\"><img src=x onerror=alert(1)>",
        "&amp;&#0;&nbsp;",
        "<!-- --",
        "\u{fffe}\u{ffff}\u{0}\u{b}\u{1f}",
        "</title></channel></rss>",
        "\u{202e}evil",
        "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>&b;",
        "javascript:alert(1)",
    ]);
    let known = (known, any::<String>()).prop_map(|(known, other)| format!("{known}{other}"));
    prop_oneof![any::<String>(), known]
}
