use expect_test::expect;
use serde_json::json;

use super::*;

fn bot(enterprise: Option<&str>) -> Identity {
    Identity {
        user_id: String::from("U0HEKATE"),
        team_id: String::from("T1"),
        enterprise_id: enterprise.map(str::to_owned),
        app_id: Some(String::from("A1")),
    }
}

/// What Slack sends with a click, with these in place of what it usually says.
fn click(changes: &[(&str, Value)]) -> Origin {
    let mut payload = json!({
        "team": { "id": "T1", "domain": "firm" }, "enterprise": null, "is_enterprise_install": false, "api_app_id": "A1",
        "user": { "id": "U1", "team_id": "T1" },
    });
    for (path, value) in changes {
        match path.split_once('/') {
            Some((of, name)) => payload[of][name] = value.clone(),
            None => payload[path] = value.clone(),
        }
    }
    Origin::of_interaction(&payload)
}

#[test]
fn who_is_let_in_where() {
    let cases: [(&str, Origin); 12] = [
        ("as always", click(&[])),
        ("another workspace", click(&[("team/id", json!("T2"))])),
        ("another app", click(&[("api_app_id", json!("A2"))])),
        ("no app is said", click(&[("api_app_id", json!(null))])),
        (
            "a guest of a shared channel",
            click(&[("user/team_id", json!("T2"))]),
        ),
        (
            "no team of the person is said",
            click(&[("user/team_id", json!(null))]),
        ),
        ("no workspace is said", click(&[("team", json!(null))])),
        (
            "an app of the organisation, a click",
            click(&[("team", json!(null)), ("enterprise", json!({ "id": "E1" }))]),
        ),
        (
            "an app of the organisation, a workspace of it",
            click(&[
                ("team/id", json!("T3")),
                ("user/team_id", json!("T3")),
                ("enterprise", json!({ "id": "E1" })),
                ("is_enterprise_install", json!(true)),
            ]),
        ),
        (
            "a workspace of the organisation where the app is not for all",
            click(&[
                ("team/id", json!("T3")),
                ("enterprise", json!({ "id": "E1" })),
            ]),
        ),
        (
            "another organisation",
            click(&[
                ("team/id", json!("T3")),
                ("enterprise", json!({ "id": "E2" })),
                ("is_enterprise_install", json!("true")),
            ]),
        ),
        ("no id at all", click(&[("team/id", json!("T 1"))])),
    ];
    let homes = [
        Home::new(None, Some(&bot(None))),
        Home::new(None, Some(&bot(Some("E1")))),
        Home::new(Some("T1"), None),
        Home::new(Some("T2"), Some(&bot(Some("E1")))),
    ];
    let mut out = String::from(
        "the bot's | with organisation | only the file's | the file's against the bot's\n",
    );
    for (what, origin) in &cases {
        let said = homes.iter().map(|home| {
            let home = home.as_ref().expect("somebody says it");
            match home.admit(origin) {
                Ok(()) => "in",
                Err(Foreign::App) => "app",
                Err(Foreign::Workspace) => "workspace",
                Err(Foreign::Person) => "person",
            }
        });
        out.push_str(&format!(
            "{what}: {}\n",
            said.collect::<Vec<_>>().join(" | ")
        ));
    }
    expect![[r#"
        the bot's | with organisation | only the file's | the file's against the bot's
        as always: in | in | in | workspace
        another workspace: workspace | workspace | workspace | person
        another app: app | app | in | app
        no app is said: in | in | in | workspace
        a guest of a shared channel: person | person | person | workspace
        no team of the person is said: in | in | in | workspace
        no workspace is said: workspace | workspace | workspace | workspace
        an app of the organisation, a click: workspace | in | workspace | workspace
        an app of the organisation, a workspace of it: workspace | in | workspace | workspace
        a workspace of the organisation where the app is not for all: workspace | workspace | workspace | workspace
        another organisation: workspace | workspace | workspace | workspace
        no id at all: workspace | workspace | workspace | workspace
    "#]].assert_eq(&out);
    assert_eq!(Home::new(None, None), None);
}

#[test]
fn what_people_read_of_a_place_is_short_and_plain() {
    let long = Origin {
        team_id: format!("<!channel>\u{202e}{}", "T".repeat(500)),
        ..Origin::default()
    };
    assert!(long.place().chars().count() <= ID_MAX);
    assert!(!long.place().contains('\u{202e}'));
    let organisation = Origin {
        enterprise_id: String::from("E1"),
        ..Origin::default()
    };
    assert_eq!(organisation.place(), "E1");
    assert_eq!(Origin::default().place(), "that Slack does not name");
}
