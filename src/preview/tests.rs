use std::{fs, time::Duration};

use serde_json::json;

use super::{
    address::{Address, Look, Search},
    workspace::Workspace,
    *,
};
use crate::model::{Secret, Timestamp};

const VIEW: View<'static> = View {
    timezone: chrono_tz::Europe::Prague,
    names: &[],
};
const TIERS: &[(&str, &str)] = &[("bot", "Bot"), ("webhook", "Webhooks only")];

fn payload(name: &str) -> Value {
    let path = format!("{}/tests/slack/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis(1_792_929_600_000 + minute * 60_000)
}

fn workspace() -> Workspace {
    let mut workspace = Workspace::new(Secret::new("xoxb"));
    let channels = ["disaster", "core_alerts", "ops & co", "quiet"];
    let channels = channels.map(|key| (key.to_owned(), format!("#{key}")));
    workspace.furnish(&channels);
    for (channel, name, minute) in [
        ("disaster", "degraded", 0),
        ("disaster", "unknown", 1),
        ("disaster", "folded", 2),
        ("disaster", "recovered", 7),
        ("core_alerts", "down_silent", 3),
        ("ops & co", "notice", 4),
        ("ops & co", "notice_info", 5),
    ] {
        workspace.hook(channel, payload(name), at(minute)).unwrap();
    }
    workspace
}

fn shown(workspace: &Workspace, address: &Address, found: Option<&Value>) -> String {
    let page = Page {
        workspace,
        tiers: TIERS,
        address,
        found,
        command: "/roih",
        token: "t0ken",
        refresh_after: Duration::from_secs(1),
        view: VIEW,
    };
    super::page(&page).into_string()
}

fn of(channel: &str) -> Address {
    Address {
        tier: String::from("bot"),
        channel: channel.to_owned(),
        ..Address::default()
    }
}

#[test]
fn a_message_shows_its_evidence_and_its_mention() {
    let shown = html(&payload("down"), &VIEW).into_string();
    for part in [
        "<span class=\"mention\" title=\"S0CORE01\">@S0CORE01</span>",
        "<b>master blue</b>",
        "title=\":hekate-blue:\"",
        "🟦",
        "fill=\"#E01E5A\"",
        "connection pool exhausted &lt;0 of 50 idle&gt;",
        "<pre>{&quot;status&quot;:&quot;DOWN&quot;",
        "12:59:15</time>",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
}

#[test]
fn those_on_call_are_shown_by_name() {
    let name = OnCallName::new("core");
    let names = names_of(&BTreeMap::from([(
        name.clone(),
        OnCall {
            name,
            user_group: Some(String::from("S0CORE01")),
            users: vec![String::from("U0ALICE")],
            rota: None,
            quiet_hours: None,
        },
    )]));
    let view = View {
        names: &names,
        ..VIEW
    };
    let shown = html(&payload("down"), &view).into_string();
    assert!(shown.contains("title=\"S0CORE01\">@core</span>"), "{shown}");
    assert!(shown.contains("@U0ALICE"), "{shown}");
}

#[test]
fn the_page_has_all_channels_with_what_is_new_in_them() {
    let mut workspace = workspace();
    workspace.read("disaster");
    let page = shown(&workspace, &of("disaster"), None);
    for part in [
        "href=\"/?tier=bot&amp;channel=ops+%26+co\" class=\"unread\"",
        "<span class=\"count\" title=\"unread\">2</span>",
        "<h1>#disaster</h1>",
        "aria-current=\"true\">Bot</a>",
        "<a href=\"/?tier=webhook&amp;channel=disaster\">Webhooks only</a>",
        "name=\"text\"",
        "name=\"token\" value=\"t0ken\"",
        "http-equiv=\"refresh\"",
        "https://app.slack.com/block-kit-builder/#%7B%22attachments%22",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let empty = shown(&workspace, &of("quiet"), None);
    assert!(empty.contains("Nothing was said here"));
    // No style and no script stands in the page itself, so its policy can forbid both.
    for inline in ["<style", "style=", "onclick", "<script>"] {
        assert!(!page.contains(inline), "{inline}");
    }
}

#[test]
fn a_locked_phone_shows_the_words_alone() {
    let address = of("disaster").looking(Look::LockScreen);
    let page = shown(&workspace(), &address, None);
    assert!(page.contains("UP AGAIN: master blue, was down 4 min 12 s"));
    assert!(!page.contains("attachment"), "{page}");
}

#[test]
fn a_thread_opens_beside_its_message_and_an_edit_says_that_it_is_one() {
    let mut workspace = workspace();
    let call = |workspace: &mut Workspace, method: &str, arguments: &Value| {
        let answer = workspace.call(method, Some("xoxb"), arguments, at(8));
        assert_eq!(answer["ok"], true, "{answer}");
        answer["ts"].as_str().unwrap().to_owned()
    };
    let message = json!({ "channel": "#quiet", "text": "DOWN: api" });
    let ts = call(&mut workspace, "chat.postMessage", &message);
    for (line, is_loud) in [("13:09 worse", false), ("13:10 back", true)] {
        let line = json!({ "channel": "#quiet", "text": line, "thread_ts": ts, "reply_broadcast": is_loud });
        let _ts = call(&mut workspace, "chat.postMessage", &line);
    }
    let edit = json!({ "channel": "#quiet", "text": "UP AGAIN: api", "ts": ts });
    let _ts = call(&mut workspace, "chat.update", &edit);
    let closed = shown(&workspace, &of("quiet"), None);
    for part in [
        "(edited)",
        "data-edits=\"1\"",
        "2 replies",
        "13:10 back",
        "also sent to the channel",
    ] {
        assert!(closed.contains(part), "{part} is not in {closed}");
    }
    for part in ["DOWN: api", "13:09 worse"] {
        assert!(!closed.contains(part), "{part} is in {closed}");
    }
    // A phone has heard of what was sent to the channel, and of no edit.
    let locked = shown(&workspace, &of("quiet").looking(Look::LockScreen), None);
    assert!(
        locked.contains("DOWN: api") && locked.contains("13:10 back"),
        "{locked}"
    );
    assert!(
        !locked.contains("UP AGAIN") && !locked.contains("13:09"),
        "{locked}"
    );
    let open = shown(&workspace, &of("quiet").with_thread(Some(&ts)), None);
    assert!(
        open.contains("13:09 worse") && open.contains("<h2>Thread</h2>"),
        "{open}"
    );
}

#[test]
fn an_answer_is_only_for_the_one_who_asked() {
    let mut workspace = workspace();
    let _address = workspace.typed("quiet", "/roih status <b>", at(8));
    workspace.answered("quiet", payload("grid_10"), at(8));
    let page = shown(&workspace, &of("quiet"), None);
    assert!(page.contains("Only visible to you"));
    assert!(page.contains("/roih status &lt;b&gt;"));
    assert_eq!(workspace.unread("quiet"), 0);
}

#[test]
fn what_can_be_pressed_says_where_it_is_and_a_menu_shows_what_was_found() {
    let mut workspace = workspace();
    let controls = json!({ "text": "?", "blocks": [{ "type": "actions", "elements": [
        { "type": "button", "style": "primary", "text": { "type": "plain_text", "text": "I'm on it" } },
        { "type": "static_select", "placeholder": { "type": "plain_text", "text": "Silence" }, "options": [
            { "text": { "type": "plain_text", "text": "for <2 h>" }, "value": "1 2h i:k1" },
        ] },
        { "type": "external_select", "placeholder": { "type": "plain_text", "text": "Details of …" } },
        { "type": "datepicker", "placeholder": { "type": "plain_text", "text": "a day" } },
    ] }] });
    workspace.hook("quiet", controls, at(9)).unwrap();
    let ts = workspace.posts_of("quiet").last().unwrap().ts.clone();
    let mut address = of("quiet");
    let page = shown(&workspace, &address, None);
    for part in [
        "name=\"part\" value=\"/blocks/0/elements/0\"><button class=\"primary\">I'm on it</button>",
        "name=\"chosen\" value=\"1 2h i:k1\">for &lt;2 h&gt;</button>",
        "name=\"menu\" value=\"/blocks/0/elements/2\"",
        "<button type=\"button\" disabled class=\"\">a day</button>",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(!page.contains("<details class=\"menu\" open"), "{page}");
    let search = |part: &str| Search {
        ts: ts.clone(),
        part: part.to_owned(),
        typed: String::from("\"blue"),
    };
    address.search = Some(search("/blocks/0/elements/2"));
    let found = json!({ "options": [{ "text": { "type": "plain_text", "text": "master blue" }, "value": "master/blue" }] });
    let page = shown(&workspace, &address, Some(&found));
    for part in [
        "<details class=\"menu\" open",
        "value=\"&quot;blue\"",
        "name=\"chosen\" value=\"master/blue\">master blue</button>",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let none = shown(&workspace, &address, Some(&json!({ "options": [] })));
    assert!(none.contains("No such name."), "{none}");
}

#[test]
fn the_builder_gets_what_can_be_seen_and_nothing_else() {
    let decoded = |payload: &Value| -> Value {
        let link = row::builder(payload);
        let (_, encoded) = link.split_once('#').unwrap();
        let pair = format!("x={encoded}");
        let (_, text) = form_urlencoded::parse(pair.as_bytes()).next().unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let text = json!({ "text": "a + b & c", "metadata": { "secret": 1 } });
    let shown = json!({ "blocks": [{ "type": "section", "text": { "type": "mrkdwn", "text": "a + b & c" } }] });
    assert_eq!(decoded(&text), shown);
    let down = payload("down");
    assert_eq!(decoded(&down)["attachments"], down["attachments"]);
    assert_eq!(decoded(&down)["text"], Value::Null);
}

#[test]
fn every_payload_we_have_can_be_shown() {
    let folder = format!("{}/tests/slack", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let payload: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let shown = html(&payload, &VIEW).into_string();
            assert!(!shown.contains("a block of type"), "{}", path.display());
            count += 1;
        }
    }
    assert!(count > 15, "{count}");
}

#[test]
fn what_is_no_message_is_shown_as_nothing_and_never_as_html() {
    for payload in [
        json!(null),
        json!([]),
        json!({"text": "<script>alert(1)</script>"}),
        json!({"blocks": "<script>", "attachments": [1, {"color": "red;x:y", "blocks": [{"type": "<script>"}]}]}),
        json!({"blocks": [{"type": "section", "text": "<script>"}, {"type": "header"}, {"type": "actions", "elements": [{}]}]}),
    ] {
        let shown = html(&payload, &VIEW).into_string();
        assert!(!shown.contains("<script"), "{shown}");
        assert!(!shown.contains("x:y"), "{shown}");
        let mut workspace = workspace();
        let message = json!({ "text": "x", "blocks": payload["blocks"], "attachments": payload["attachments"] });
        workspace.hook("quiet", message, at(0)).unwrap();
        let page = self::shown(&workspace, &of("quiet"), None);
        assert!(!page.contains("<script>"), "{page}");
    }
}
