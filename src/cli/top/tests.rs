//! The screen as somebody sees it.

use expect_test::expect;
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
};
use serde_json::json;

use super::{
    feed::Page,
    figures::Figures,
    screen::{Paint, draw},
    view::{Over, View, Wish},
};
use crate::model::Timestamp;

fn target(id: &str, verdict: &str, since: &str, why: &str) -> serde_json::Value {
    json!({
        "id": id, "title": id.replace('/', " "), "verdict": verdict, "since": format!("2026-01-05T{since}Z"),
        "reason": { "rule": null, "words": why }, "incident": null, "age_ms": 4_000, "stale": false, "latency_ms": 38.4,
        "role": null, "acknowledged": null, "planned": null, "of_a_later_version": [1, 2, 3]
    })
}

fn metrics(looks: u32) -> String {
    format!(
        "hekate_probe_results_total{{kind=\"health\"}} {looks}\n\
         hekate_scheduler_lag_seconds_bucket{{le=\"0.01\"}} {looks}\nhekate_scheduler_lag_seconds_bucket{{le=\"+Inf\"}} {looks}\n\
         hekate_looks_in_flight 3\nhekate_outbox_messages 2\nhekate_outbox_oldest_seconds 4\nhekate_store_size_bytes 41234567\n\
         hekate_store_writable 1\nhekate_slack_connections 2\nprocess_resident_memory_bytes 84000000\n"
    )
}

fn page(at: &str, looks: u32, targets: &[serde_json::Value]) -> Page {
    let count = |word: &str| {
        targets
            .iter()
            .filter(|target| target["verdict"] == word)
            .count()
    };
    let status = json!({
        "now": format!("2026-01-05T{at}Z"),
        "counts": {
            "down": count("down"), "degraded": count("degraded"), "unknown": count("unknown"), "suspect": count("suspect"),
            "operational": count("operational"), "total": targets.len()
        },
        "troubles": [],
        "targets": targets
    });
    Page {
        status: serde_json::from_value(status).expect("as the API has it"),
        figures: Figures::read(&metrics(looks)),
    }
}

fn fleet() -> Vec<serde_json::Value> {
    let mut blue = target("master/blue", "down", "14:02:00", "no answer within 5 s");
    blue["incident"] = json!("k7f2");
    blue["acknowledged"] = json!({ "by": "alice", "at": "2026-01-05T14:03:00Z", "why": null });
    blue["role"] = json!("active");
    let mut green = target("master/green", "operational", "00:00:00", "");
    green["role"] = json!("inactive");
    let mut old = target("cron/purple", "degraded", "14:05:30", "slow: 2.1 s");
    old["planned"] = json!({ "kind": "maintenance", "name": "disks", "until": "2026-01-05T15:00:00Z", "by": null });
    let hostile = target(
        "x/\u{1b}[31mred\u{202e}der",
        "unknown",
        "14:06:00",
        "HTTP 401 \u{1b}]0;title\u{7} <!channel>\r\nsecond line",
    );
    vec![green, blue, old, hostile]
}

fn view() -> View {
    let mut view = View::new("http://127.0.0.1:8080/");
    view.take(
        Ok(page("14:05:56.000", 1_000, &fleet())),
        Timestamp::from_millis(0),
    );
    view.take(
        Ok(page("14:06:06.000", 1_124, &fleet())),
        Timestamp::from_millis(10_000),
    );
    view
}

fn drawn(view: &mut View, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen of memory");
    let paint = Paint { has_color: true };
    let now = Timestamp::from_millis(10_000);
    terminal
        .draw(|frame| draw(frame, view, paint, now))
        .expect("it can be drawn");
    let screen = terminal.backend().to_string();
    // Each line stands in quotation marks.
    let lines = screen.lines().map(|line| line.trim_matches('"').trim_end());
    lines.collect::<Vec<_>>().join("\n")
}

fn press(view: &mut View, keys: &str) {
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            '\u{8}' => KeyCode::Backspace,
            other => KeyCode::Char(other),
        };
        view.press(KeyEvent::new(code, KeyModifiers::NONE));
    }
}

#[test]
fn an_ordinary_terminal_shows_the_worst_first_and_how_hekate_is() {
    expect![[r#"
        hekate at http://127.0.0.1:8080/ · 14:06:06 UTC
        4 targets  ✖ 1 down  ! 1 degraded  ? 1 unknown  ✔ 1 operational
        looks 12.4/s · lag p99 ≤ 10 ms · 3 under way · outbox 2, the oldest for 4 s
        told 0/min · store 41 MB · slack connections 2 · memory 84 MB
        STATE         TARGET         FOR          TOOK     WHY
        ✖ down        master blue    4 min 6 s    38 ms    no answer within 5 s · #k7f2
        ! degraded    cron purple    36 s         38 ms    slow: 2.1 s · maintenance
        ? unknown     x [31mredder   6 s          38 ms    HTTP 401 ]0;title <!channel>
        ✔ operational master green   14 h 6 min   38 ms


        q leave · Enter details · ? keys · p problems · s problems first · / filter"#]]
    .assert_eq(&drawn(&mut view(), 80, 12));
}

#[test]
fn a_wide_one_shows_roles_and_ages() {
    expect![[r#"
        hekate at http://127.0.0.1:8080/ · 14:06:06 UTC
        4 targets  ✖ 1 down  ! 1 degraded  ? 1 unknown  ✔ 1 operational
        looks 12.4/s · lag p99 ≤ 10 ms · 3 under way · outbox 2, the oldest for 4 s · told 0/min · store 41 MB · slack connections 2
        memory 84 MB
        STATE         TARGET         FOR          TOOK     LOOKED   ROLE     WHY
        ✖ down        master blue    4 min 6 s    38 ms    4 s      active   no answer within 5 s · #k7f2 · alice is on it
        ! degraded    cron purple    36 s         38 ms    4 s               slow: 2.1 s · maintenance
        ? unknown     x [31mredder   6 s          38 ms    4 s               HTTP 401 ]0;title <!channel> second line
        ✔ operational master green   14 h 6 min   38 ms    4 s      inactive
        q leave · Enter details · ? keys · p problems · s problems first · / filter"#]].assert_eq(&drawn(&mut view(), 132, 10));
}

#[test]
fn a_narrow_one_shows_what_matters() {
    expect![[r#"
        hekate at http://127.0.0.1:8080/ · 14:06:06
        4 targets  ✖ 1 down  ! 1 degraded
        ? 1 unknown  ✔ 1 operational
        looks 12.4/s · lag p99 ≤ 10 ms · 3 under way
        outbox 2, the oldest for 4 s · told 0/min
        store 41 MB · slack connections 2
        STATE         TARGET         WHY
        ✖ down        master blue    no answer withi
        ! degraded    cron purple    slow: 2.1 s · m
        q leave · Enter details · ? keys · p problem"#]]
    .assert_eq(&drawn(&mut view(), 44, 10));
}

#[test]
fn no_size_is_too_small_and_no_state_too_strange() {
    for (width, height) in [(1, 1), (3, 2), (10, 3), (44, 4), (300, 100)] {
        for keys in ["", "?", "\n", "p", "/zz", "sss", "jjjjG"] {
            let mut view = view();
            press(&mut view, keys);
            drawn(&mut view, width, height);
        }
        drawn(&mut View::new("http://h:1/"), width, height);
    }
    let mut empty = View::new("http://h:1/");
    empty.take(Ok(page("14:00:00.000", 0, &[])), Timestamp::from_millis(0));
    assert!(drawn(&mut empty, 60, 8).contains("no targets are watched"));
}

#[test]
fn a_hekate_that_is_away_is_said_and_what_was_known_stays() {
    let mut view = view();
    view.take(
        Err(String::from("Connection refused")),
        Timestamp::from_millis(3_000),
    );
    view.take(
        Err(String::from("Connection refused")),
        Timestamp::from_millis(5_000),
    );
    let screen = drawn(&mut view, 80, 12);
    assert!(
        screen.contains("✖ no answer for 7 s: Connection refused; what is shown is from before"),
        "{screen}"
    );
    assert!(screen.contains("master blue"), "{screen}");
    view.take(
        Ok(page("14:07:00.000", 1_200, &fleet())),
        Timestamp::from_millis(9_000),
    );
    assert!(!drawn(&mut view, 80, 12).contains("no answer for"));
}

#[test]
fn what_goes_wrong_with_hekate_itself_is_loud() {
    let mut page = page("14:06:06.000", 10, &fleet());
    page.status.troubles = (1..=5).map(|number| format!("trouble {number}")).collect();
    page.figures =
        Figures::read("hekate_store_writable 0\nhekate_config_last_reload_successful 0\n");
    let mut view = View::new("http://h:1/");
    view.take(Ok(page), Timestamp::from_millis(0));
    let screen = drawn(&mut view, 100, 14);
    for words in [
        "STORE CANNOT BE WRITTEN",
        "THE FILE WAS NOT TAKEN",
        "! trouble 3",
        "and 2 more troubles",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
}

#[test]
fn filters_and_orders_do_as_they_say() {
    let names = |view: &View| {
        view.rows()
            .iter()
            .map(|target| target.id.clone())
            .collect::<Vec<_>>()
    };
    let mut view = view();
    assert_eq!(names(&view)[..2], ["master/blue", "cron/purple"]);
    press(&mut view, "p");
    assert_eq!(names(&view).len(), 3);
    press(&mut view, "p/GREEN master\n");
    assert_eq!(names(&view), ["master/green"]);
    press(&mut view, "/\u{8}\u{8}zzz\n");
    assert!(names(&view).is_empty());
    assert!(drawn(&mut view, 60, 8).contains("no target has these words"));
    press(&mut view, "\u{1b}s");
    assert_eq!(names(&view)[0], "cron/purple");
    press(&mut view, "ss");
    assert_eq!(names(&view).len(), 4);
    let endless = "x".repeat(500);
    press(&mut view, &format!("/{endless}"));
    assert_eq!(view.filter.chars().count(), 60);
}

#[test]
fn whoever_is_selected_stays_selected_when_others_move() {
    let mut view = view();
    press(&mut view, "j");
    let selected = |view: &View| {
        let rows = view.rows();
        rows[view.place(&rows)].id.clone()
    };
    assert_eq!(selected(&view), "cron/purple");
    let mut fleet = fleet();
    fleet[0]["verdict"] = json!("down");
    fleet[0]["since"] = json!("2026-01-05T14:06:30Z");
    view.take(
        Ok(page("14:06:40.000", 1_200, &fleet)),
        Timestamp::from_millis(20_000),
    );
    assert_eq!(view.rows()[0].id, "master/green");
    assert_eq!(selected(&view), "cron/purple");
    view.take(
        Ok(page("14:06:50.000", 1_300, &[])),
        Timestamp::from_millis(30_000),
    );
    press(&mut view, "jkG");
    assert!(view.rows().is_empty());
}

#[test]
fn details_are_asked_for_shown_and_closed() {
    let mut view = view();
    let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
    assert_eq!(
        view.press(enter),
        Wish::Details(String::from("master/blue"))
    );
    view.take_details("master/green", Ok(String::from("of another")));
    assert!(matches!(&view.over, Over::Details { lines: None, .. }));
    let lines: Vec<_> = (0..40)
        .map(|line| format!("  line {line} \u{1b}[2J\n"))
        .collect();
    let text = lines.concat();
    view.take_details("master/blue", Ok(text));
    let screen = drawn(&mut view, 60, 14);
    assert!(
        screen.contains("  line 0 [2J") && screen.contains("Esc: back"),
        "{screen}"
    );
    press(&mut view, "jjj");
    let screen = drawn(&mut view, 60, 14);
    assert!(
        !screen.contains("line 2 ") && screen.contains("line 3 "),
        "{screen}"
    );
    press(&mut view, "q");
    assert_eq!(view.over, Over::Nothing);
    assert_eq!(
        view.press(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE)),
        Wish::Leave
    );
    assert_eq!(
        view.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)),
        Wish::Leave
    );
}

#[test]
fn without_colours_nothing_is_painted() {
    let mut terminal = Terminal::new(TestBackend::new(80, 12)).expect("a screen of memory");
    let mut view = view();
    let paint = Paint { has_color: false };
    terminal
        .draw(|frame| draw(frame, &mut view, paint, Timestamp::from_millis(0)))
        .expect("it can be drawn");
    let cells = terminal.backend().buffer().content();
    assert!(
        cells
            .iter()
            .all(|cell| cell.fg == ratatui::style::Color::Reset)
    );
    let painted = |cell: &ratatui::buffer::Cell| cell.fg != ratatui::style::Color::Reset;
    let paint = Paint { has_color: true };
    terminal
        .draw(|frame| draw(frame, &mut view, paint, Timestamp::from_millis(0)))
        .expect("it can be drawn");
    assert!(terminal.backend().buffer().content().iter().any(painted));
}
