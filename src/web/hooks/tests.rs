//! What others send, as they send it, and signatures as they make them.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode},
};
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use serde_json::json;
use sha2::Sha256;

use super::*;
use crate::{
    command::fixture,
    model::{GroupName, Plan, plan::Matcher, release::Announcement},
    web::{
        Peer,
        planned::tests::{Wished, heard as wishes, obliging},
        router,
        tests::{Answer, World, send},
    },
};

const SECRET: &str = "a secret that is long enough";

/// A listener for all three, and what is wished of its engine.
fn listener() -> (Router, Wished) {
    let (World { state, .. }, wished) = obliging(None);
    let project = |name: &str, group: &str| Project {
        name: name.to_owned(),
        to: Matcher {
            groups: vec![GroupName::new(group)],
            ..Matcher::default()
        },
    };
    let gateway = Project {
        name: String::from("acme/gateway"),
        to: Matcher {
            targets: vec![TargetId::new("api")],
            ..Matcher::default()
        },
    };
    let secret = || Some(Secret::new(SECRET));
    state.plan.store(Arc::new(Plan {
        releases: ReleaseSettings {
            github: secret(),
            gitlab: secret(),
            jenkins: secret(),
            projects: vec![
                project("acme/core@production", "master"),
                project("acme/core", "cron"),
                project("core-deploy", "master"),
                gateway,
            ]
            .into(),
            ..ReleaseSettings::default()
        },
        ..fixture::plan()
    }));
    (router(state), wished)
}

fn signed(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let mut signature = String::from("sha256=");
    for byte in mac.finalize().into_bytes() {
        write!(signature, "{byte:02x}").unwrap();
    }
    signature
}

/// Sends it from anywhere.
async fn post(router: &Router, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(Method::POST).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::from(body.to_owned())).unwrap();
    let elsewhere = "203.0.113.9:4711".parse().unwrap();
    request.extensions_mut().insert(Peer(elsewhere));
    send(router, request).await
}

async fn from_github(router: &Router, event: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let signature = signed(SECRET, &body);
    let headers = [
        ("x-github-event", event),
        ("x-hub-signature-256", signature.as_str()),
    ];
    post(router, "/hooks/github", &headers, &body).await
}

fn announced(wished: &Wished) -> Option<(Announcement, String)> {
    let mut wishes = wishes(wished);
    let (wish, by) = wishes.pop()?;
    assert_eq!(wishes, [], "one release is announced once");
    match wish {
        Wish::Announce(announcement) => Some((*announcement, by.name)),
        other @ (Wish::Begin { .. }
        | Wish::End { .. }
        | Wish::Acknowledge { .. }
        | Wish::GiveBack { .. }
        | Wish::HandOver { .. }
        | Wish::Split { .. }) => panic!("{other:?}"),
    }
}

fn published() -> Value {
    json!({
        "action": "published",
        "release": {
            "id": 187_001, "tag_name": "v4.18.2", "name": "4.18.2", "draft": false, "prerelease": false,
            "html_url": "https://github.com/acme/core/releases/tag/v4.18.2",
            "author": { "login": "alice" },
            "body": "## What's Changed\r\n* Faster imports by @bob in https://github.com/acme/core/pull/7\r\n- <!channel> fixed\r\n\r\n**Full Changelog**: …",
        },
        "repository": { "full_name": "acme/core" }, "sender": { "login": "alice" },
    })
}

#[tokio::test]
async fn a_release_that_github_publishes_is_announced() {
    let (router, wished) = listener();
    let answer = from_github(&router, "release", &published()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let (said, by) = announced(&wished).unwrap();
    assert_eq!(by, "alice (GitHub)");
    assert_eq!(said.version, "v4.18.2");
    assert_eq!(said.title, "cron");
    assert_eq!(said.key.as_deref(), Some("github release 187001"));
    assert_eq!(
        said.changes,
        [
            "Faster imports by @bob in https://github.com/acme/core/pull/7",
            "<!channel> fixed"
        ]
    );
    assert!(!said.is_deploy);

    for (event, change, why) in [
        ("release", json!({ "action": "edited" }), "was edited"),
        ("push", json!({}), "`push` is no event"),
        ("ping", json!({}), "the webhook works"),
        (
            "release",
            json!({ "repository": { "full_name": "acme/other" } }),
            "does not name acme/other",
        ),
    ] {
        let mut body = published();
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        let answer = from_github(&router, event, &body).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.body.contains(why), "{}", answer.body);
        assert_eq!(announced(&wished), None);
    }
    let mut nameless = published();
    nameless["release"]["tag_name"] = json!(null);
    let answer = from_github(&router, "release", &nameless).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        answer.body.contains("says no release.tag_name"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn what_github_deployed_goes_to_its_environment() {
    let (router, wished) = listener();
    let body = |state: &str, environment: &str| {
        json!({
            "action": "created",
            "deployment_status": { "id": 1, "state": state, "environment": environment, "target_url": "" },
            "deployment": {
                "id": 55, "ref": "4f2a9c8d7e6b5a493827160504f3e2d1c0b9a8f7", "environment": environment,
                "creator": { "login": "deploy-bot" }, "description": null,
            },
            "repository": { "full_name": "acme/core", "html_url": "https://github.com/acme/core" },
        })
    };
    for (environment, title) in [("production", "master"), ("staging", "cron")] {
        let answer = from_github(&router, "deployment_status", &body("success", environment)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        let (said, by) = announced(&wished).unwrap();
        assert_eq!(
            (said.title.as_str(), said.version.as_str()),
            (title, "4f2a9c8")
        );
        assert_eq!(said.url.as_deref(), Some("https://github.com/acme/core"));
        assert_eq!(by, "deploy-bot (GitHub)");
    }
    for state in ["pending", "failure", "in_progress"] {
        let answer = from_github(&router, "deployment_status", &body(state, "production")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.body.contains(state), "{}", answer.body);
        assert_eq!(announced(&wished), None);
    }
}

#[tokio::test]
async fn only_who_knows_the_secret_is_heard() {
    let (router, wished) = listener();
    let body = published().to_string();
    let right = signed(SECRET, &body);
    let wrong = signed("another secret of that length", &body);
    let of_other_body = signed(SECRET, "{}");
    let cut = &right[..right.len() - 1];
    let upper = right.to_uppercase();
    for signature in [
        "",
        "sha256=",
        &wrong,
        &of_other_body,
        cut,
        &upper,
        "sha1=00",
    ] {
        let headers = [
            ("x-github-event", "release"),
            ("x-hub-signature-256", signature),
        ];
        let answer = post(&router, "/hooks/github", &headers, &body).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{signature}");
        assert!(!answer.body.contains(SECRET));
    }
    for token in ["", "a secret", "a secret that is long enough "] {
        let gitlab = post(&router, "/hooks/gitlab", &[("x-gitlab-token", token)], "{}").await;
        assert_eq!(gitlab.status, StatusCode::UNAUTHORIZED, "{token}");
        let bearer = format!("Bearer {token}x");
        let jenkins = post(
            &router,
            "/hooks/jenkins",
            &[("authorization", &bearer)],
            "{}",
        )
        .await;
        assert_eq!(jenkins.status, StatusCode::UNAUTHORIZED);
    }
    let jenkins = post(
        &router,
        "/hooks/jenkins/another-token-of-some-length",
        &[],
        "{}",
    )
    .await;
    assert_eq!(jenkins.status, StatusCode::UNAUTHORIZED);
    assert_eq!(wishes(&wished), []);

    // Whoever has no secret in the file has no door.
    let (World { state, .. }, _) = obliging(None);
    let closed = super::super::router(state);
    for path in [
        "github",
        "gitlab",
        "jenkins",
        "jenkins/some-token-of-some-length",
    ] {
        let answer = post(&closed, &format!("/hooks/{path}"), &[], "{}").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

/// What the Notification plugin sends at the end of a build.
fn build() -> Value {
    json!({
        "name": "core-deploy", "url": "job/core-deploy/",
        "build": {
            "full_url": "https://jenkins.example.com/job/core-deploy/812/", "number": 812, "phase": "COMPLETED",
            "status": "SUCCESS", "parameters": { "VERSION": "4.18.3" },
        },
    })
}

#[tokio::test]
async fn gitlab_and_jenkins_tell_of_theirs() {
    let (router, wished) = listener();
    let plugin = build();
    let gitlab = json!({
        "object_kind": "deployment", "status": "success", "deployment_id": 15, "environment": "production",
        "project": { "path_with_namespace": "acme/core" }, "ref": "main", "short_sha": "279484c0",
        "user": { "username": "eva" }, "commit_title": "Add new file", "deployable_url": "https://gitlab.example.com/acme/core/-/jobs/796",
    });
    let release = json!({
        "object_kind": "release", "action": "create", "tag": "v1.1", "name": "v1.1", "description": "v1.1 has been released",
        "project": { "path_with_namespace": "acme/gateway" }, "url": "https://gitlab.example.com/acme/gateway/-/releases/v1.1",
        "commit": { "author": { "name": "Eva Nová" } },
    });
    let token = [("x-gitlab-token", SECRET)];
    let bearer = format!("Bearer {SECRET}");
    let bearer = [("authorization", bearer.as_str())];
    let own = json!({ "project": "core-deploy", "version": "4.18.2", "by": "alice", "changes": ["one", "two"] });
    let mut told = String::new();
    let path = format!("/hooks/jenkins/{}", SECRET.replace(' ', "%20"));
    for (path, headers, body) in [
        ("/hooks/gitlab", &token[..], &gitlab),
        ("/hooks/gitlab", &token[..], &release),
        ("/hooks/jenkins", &bearer[..], &own),
        (path.as_str(), &[][..], &plugin),
    ] {
        let answer = post(&router, path, headers, &body.to_string()).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        let (said, by) = announced(&wished).unwrap();
        let line = (
            by,
            &said.title,
            &said.version,
            &said.changes,
            said.is_deploy,
            &said.key,
        );
        writeln!(told, "{line:?}").unwrap();
    }
    expect_test::expect![[r#"
        ("eva (GitLab)", "master", "main", ["Add new file"], false, Some("gitlab deployment 15"))
        ("Eva Nová (GitLab)", "api", "v1.1", ["v1.1 has been released"], true, Some("gitlab release acme/gateway v1.1"))
        ("alice (Jenkins)", "master", "4.18.2", ["one", "two"], false, Some("jenkins core-deploy 4.18.2"))
        ("Jenkins", "master", "4.18.3", [], false, Some("jenkins build core-deploy 812"))
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn builds_that_fail_and_bodies_that_say_nothing_are_no_releases() {
    let (router, wished) = listener();
    let plugin = build();
    let bearer = format!("Bearer {SECRET}");
    let bearer = [("authorization", bearer.as_str())];
    let mut failed = plugin.clone();
    failed["build"]["status"] = json!("FAILURE");
    let mut started = plugin;
    started["build"]["phase"] = json!("STARTED");
    for body in [failed, started] {
        let answer = post(&router, "/hooks/jenkins", &bearer, &body.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert!(
            answer.body.starts_with("ignored: the build"),
            "{}",
            answer.body
        );
    }
    for body in ["", "[", "{\"project\": 1", "\u{0}"] {
        let answer = post(&router, "/hooks/jenkins", &bearer, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    for body in [
        "null",
        "[]",
        "7",
        "{}",
        "{\"build\": {}}",
        "{\"project\": [], \"version\": {}}",
    ] {
        let answer = post(&router, "/hooks/jenkins", &bearer, body).await;
        assert!(
            [StatusCode::UNPROCESSABLE_ENTITY, StatusCode::OK].contains(&answer.status),
            "{body}: {}",
            answer.body
        );
    }
    assert_eq!(wishes(&wished), []);
}

/// Any JSON, with members that are asked for now and then.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        Just(Value::from("success")),
        Just(Value::from("published")),
        Just(Value::from("COMPLETED")),
    ];
    let key = prop_oneof![
        "\\PC{0,5}",
        proptest::sample::select(vec![
            "action",
            "release",
            "tag_name",
            "id",
            "repository",
            "full_name",
            "object_kind",
            "status",
            "project",
            "path_with_namespace",
            "build",
            "phase",
            "number",
            "name",
            "version",
            "deployment",
            "state",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 60, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_sent_is_read_or_refused(
        body in json_value(),
        event in proptest::sample::select(vec!["release", "deployment_status", "ping", "x"]),
    ) {
        let told = [github::read(event, &body), gitlab::read(&body), jenkins::read(&body)];
        for release in told.into_iter().flatten() {
            if let Told::Release(release) = release {
                prop_assert!(!release.project.is_empty() && !release.version.is_empty());
                prop_assert!(release.by.chars().count() <= SHOWN_MAX);
            }
        }
    }
}
