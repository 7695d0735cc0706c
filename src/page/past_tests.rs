//! What was, as pages and feeds tell it.

use std::fmt::Write as _;

use expect_test::{expect, expect_file};
use proptest::prelude::*;

use super::{
    tests::{is, look, page_of, status, well},
    words::Phrase,
    *,
};
use crate::{
    command::{
        days::{Count, DAYS, How},
        fixture,
        sli::Sli,
    },
    model::{
        Board, TargetId, Verdict,
        incident::{Mark, Worth},
        planned::{Acknowledgement, Person},
    },
};

/// The days up to now, each as it is said to be.
pub(super) fn bars(board: &Board, day: impl Fn(&str, usize) -> Sli) -> Bars {
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
pub(super) fn restless(_: &str, place: usize) -> Sli {
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
    }
    expect![[r#"
        99.971% of what was measured in 90 days; down: 2 days (20 Nov 2 min, 4 Nov 14 min); maintenance: 1 day; seen in part: 37 days; no data: 50 days
        99.971% of what was measured in 90 days; down: 2 days (20 Nov 2 min, 4 Nov 14 min); maintenance: 1 day; seen in part: 1 day; no data: 50 days
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
        99,971 % z toho, co bylo změřeno za 90 dní; neběží: 2 dny (20. 11. 2 min, 4. 11. 14 min); údržba: 1 den; viděno zčásti: 37 dní; bez dat: 50 dní
        99,971 % z toho, co bylo změřeno za 90 dní; neběží: 2 dny (20. 11. 2 min, 4. 11. 14 min); údržba: 1 den; viděno zčásti: 1 den; bez dat: 50 dní
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
fn the_marks_are_explained_in_every_language() {
    let board = well();
    let status = status(&board);
    let bars = bars(&board, some_days);
    for language in Language::ALL {
        let page = Page {
            bars: Some(&bars),
            ..page_of(&status, Viewer::Public, language)
        };
        let html = page.html();
        let legend = html.split("<p class=\"legend\">").nth(1).expect("a legend");
        let legend = legend.split("</p>").next().expect("it ends");
        for how in How::ALL {
            assert!(legend.contains(language.day(how)), "{how:?}: {legend}");
        }
        // Until when was counted.
        assert!(legend.contains("15:14 CET"), "{legend}");
    }
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
    for format in Format::ALL {
        let inside = feed(format, Viewer::Insider, &incidents(), "ROIH platform");
        assert!(inside.contains("eva-canary was on it"), "{inside}");
        let public = feed(format, Viewer::Public, &incidents()[..2], "ROIH platform");
        assert!(!public.contains("canary"), "{public}");
        let lines = public.replace("><", ">\n<").replace("\",\"", "\",\n\"");
        let golden = match format {
            Format::Rss => expect_file!["golden/feed.rss"],
            Format::Atom => expect_file!["golden/feed.atom"],
            Format::Json => expect_file!["golden/feed.json"],
        };
        golden.assert_eq(&(lines + "\n"));
    }
}

#[test]
fn the_page_of_a_target_says_each_day_or_that_none_is_counted() {
    let board = well();
    let status = status(&board);
    let bars = bars(&board, some_days);
    let none = Count::begin(fixture::NOW, chrono_tz::UTC, 1, None).end();
    for (bars, said) in [
        (None, Phrase::NotCounted),
        (Some(&none), Phrase::NoDays),
        (Some(&bars), Phrase::EachDay),
    ] {
        let target = TargetPage {
            page: Page {
                bars,
                ..page_of(&status, Viewer::Public, Language::English)
            },
            line: status.lines().next().expect("master blue"),
            changes: None,
            charts: &[],
            channels: &std::collections::BTreeMap::new(),
        };
        let html = target.html();
        for phrase in [Phrase::NotCounted, Phrase::NoDays, Phrase::EachDay] {
            let is_said = html.contains(Language::English.say(phrase));
            assert_eq!(is_said, phrase == said, "{phrase:?}: {html}");
        }
        let days = html
            .matches("<th scope=\"row\"><time datetime=\"2026-")
            .count();
        assert_eq!(days, if said == Phrase::EachDay { DAYS } else { 0 });
    }
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever it is called, whatever it answers, and whoever asks for its card.
    #[test]
    fn the_page_of_a_target_stays_a_page(
        title in hostile(),
        name in hostile(),
        words in hostile(),
        change in hostile(),
    ) {
        let board = well();
        is(&board, "master/green", Verdict::Down);
        let mut facts = (*board.row(&TargetId::new("master/green")).expect("it is there").facts()).clone();
        facts.reason.words = words;
        board.row(&TargetId::new("master/green")).expect("it is there").set_facts(facts);
        let mut status = status(&board);
        for section in &mut status.sections {
            for line in &mut section.lines {
                std::sync::Arc::make_mut(&mut line.target).name.clone_from(&name);
            }
        }
        let line = status.lines().find(|line| line.target.id.as_str() == "master/green");
        let mut changes = fixture::transitions("master/green");
        for known in &mut changes {
            known.reason.words.clone_from(&change);
        }
        let bars = bars(&board, restless);
        let page = Page {
            bars: Some(&bars),
            look: Look { title: &title, ..look(Viewer::Insider, Language::English) },
            ..page_of(&status, Viewer::Insider, Language::English)
        };
        let target = TargetPage {
            page,
            line: line.expect("it is there"),
            changes: Some(&changes),
            charts: &[],
            channels: &std::collections::BTreeMap::new(),
        };
        for html in [target.html(), page.card(&name)] {
            prop_assert_eq!(html.matches("<script").count(), 1, "{}", html);
            for never in ["<img", "<!--", "]]>", "onerror=alert(1)>"] {
                prop_assert!(!html.contains(never), "{}: {}", never, html);
            }
        }
    }

    /// An address names the target and nothing else, and is found again.
    #[test]
    fn the_address_of_a_target_is_its_id_and_no_more(id in hostile()) {
        let address = address(&TargetId::new(id.as_str()));
        prop_assert!(address.is_ascii());
        let path = address.strip_prefix("/targets/").expect("they all lie there");
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/%".contains(c);
        prop_assert!(path.chars().all(is_plain), "{}", path);
        let (mut bytes, mut rest) = (Vec::new(), path.bytes());
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'%' => {
                    let hex: Vec<u8> = rest.by_ref().take(2).collect();
                    let hex = std::str::from_utf8(&hex).expect("it is ASCII");
                    u8::from_str_radix(hex, 16).expect("two digits")
                }
                byte => byte,
            });
        }
        prop_assert_eq!(String::from_utf8(bytes), Ok(id));
    }
}
