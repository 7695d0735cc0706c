use std::{fmt::Write as _, sync::Arc};

use expect_test::expect;

use super::{
    badge::color as badge_color,
    headline::maintenance,
    past_tests::{bars, restless},
    words::Phrase,
    *,
};
use crate::{
    command::fixture,
    model::{
        Board, Reason, Rule, TargetId, Verdict,
        board::{Facts, Ourselves},
        plan::Severity,
        planned::{Acknowledgement, Note, Person, PlanKind},
        roles::{Role, RoleFacts},
    },
};

/// The fixture's five targets, all well.
pub(super) fn well() -> Board {
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

pub(super) fn is(board: &Board, id: &str, verdict: Verdict) {
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

pub(super) fn status(board: &Board) -> Status {
    Status::of(board, &board.rows, fixture::NOW, String::new(), "hekate")
}

pub(super) fn look(viewer: Viewer, language: Language) -> Look<'static> {
    Look {
        title: "ROIH platform",
        language,
        viewer,
        timezone: chrono_tz::Europe::Prague,
        refresh_seconds: 15,
        is_copy: false,
    }
}

pub(super) fn page_of(status: &Status, viewer: Viewer, language: Language) -> Page<'_> {
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
    let green = board
        .row(&TargetId::new("master/green"))
        .expect("it is there");
    let mut facts = (*green.facts()).clone();
    facts.near = vec![String::from("canary of a <b>release</b> went out")];
    green.set_facts(facts);
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
    for near in [page(Viewer::Insider).html(), page(Viewer::Insider).plain()] {
        let shown = near.replace("&lt;", "<").replace("&gt;", ">");
        assert!(shown.contains("canary of a <b>release</b>"), "{near}");
    }
    assert!(!page(Viewer::Insider).html().contains("<b>release"));
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
