use std::fs;

use super::*;

const VIEW: View<'static> = View {
    timezone: chrono_tz::Europe::Prague,
    names: &[],
};

fn payload(name: &str) -> Value {
    let path = format!("{}/tests/slack/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn sent(name: &str, minute: i64) -> Sent {
    Sent {
        at: Timestamp::from_millis(1_792_929_600_000 + minute * 60_000),
        payload: payload(name),
    }
}

fn channels() -> Vec<Channel> {
    let channel = |key: &str, title: &str, messages| Channel {
        key: key.to_owned(),
        title: title.to_owned(),
        messages,
    };
    vec![
        channel(
            "disaster",
            "#disaster",
            vec![
                sent("degraded", 0),
                sent("unknown", 1),
                sent("folded", 2),
                sent("down", 3),
                sent("recovered", 7),
            ],
        ),
        channel("core_alerts", "#core-alerts", vec![sent("down_silent", 3)]),
        channel(
            "ops & co",
            "#ops",
            vec![sent("notice", 4), sent("notice_info", 5)],
        ),
        channel("quiet", "#quiet", Vec::new()),
    ]
}

fn page_of(open: &str, answer: Option<&Answer>) -> String {
    page(&Page {
        channels: &channels(),
        open,
        answer,
        command: "/roih",
        path: "/slack",
        refresh_after: Duration::from_secs(2),
        view: VIEW,
    })
    .into_string()
}

#[test]
fn a_message_shows_its_evidence_and_its_mention() {
    let shown = html(&payload("down"), &VIEW).into_string();
    for part in [
        "<span class=\"mention\" title=\"S0CORE01\">@S0CORE01</span>",
        "<b>master blue</b>",
        "title=\":hekate-blue:\"",
        "🟦",
        "border-color:#E01E5A",
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
fn the_page_has_all_channels_and_what_a_lock_screen_shows() {
    let shown = page_of("disaster", None);
    for part in [
        "href=\"/slack?channel=ops+%26+co\"",
        "UP AGAIN: master blue, was down 4 min 12 s",
        "<li class=\"open\">",
        "name=\"text\"",
        "http-equiv=\"refresh\"",
    ] {
        assert!(shown.contains(part), "{part}");
    }
    assert!(page_of("quiet", None).contains("Nothing was said here"));
    // A key that nobody knows opens the first one.
    assert!(page_of("gone", None).contains("<h1>#disaster</h1>"));
}

#[test]
fn an_answer_is_only_for_the_one_who_asked() {
    let answer = Answer {
        question: String::from("status <b>"),
        sent: sent("grid_10", 8),
    };
    let shown = page_of("quiet", Some(&answer));
    assert!(shown.contains("Only visible to you"));
    assert!(shown.contains("/roih status &lt;b&gt;"));
}

#[test]
fn every_payload_we_have_can_be_shown() {
    let folder = format!("{}/tests/slack", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let payload = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
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
        serde_json::json!(null),
        serde_json::json!([]),
        serde_json::json!({"text": "<script>alert(1)</script>"}),
        serde_json::json!({"blocks": "<script>", "attachments": [1, {"color": "red;x:y", "blocks": [{"type": "<script>"}]}]}),
        serde_json::json!({"blocks": [{"type": "section", "text": "<script>"}, {"type": "header"}, {"type": "actions", "elements": [{}]}]}),
    ] {
        let shown = html(&payload, &VIEW).into_string();
        assert!(!shown.contains("<script"), "{shown}");
        assert!(!shown.contains("x:y"), "{shown}");
    }
}

/// Writes the page to the file in `HEKATE_PREVIEW_TO`, to be looked at.
#[test]
#[ignore = "writes a page to look at"]
fn a_page_to_look_at() {
    let answer = Answer {
        question: String::from("status"),
        sent: sent(
            &std::env::var("HEKATE_PREVIEW_ANSWER").unwrap_or_else(|_| String::from("grid_10")),
            8,
        ),
    };
    let to = std::env::var("HEKATE_PREVIEW_TO").unwrap();
    let open = std::env::var("HEKATE_PREVIEW_OPEN").unwrap_or_else(|_| String::from("disaster"));
    let asked = std::env::var("HEKATE_PREVIEW_ANSWER").is_ok();
    fs::write(to, page_of(&open, asked.then_some(&answer))).unwrap();
}
