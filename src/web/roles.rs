//! Whoever deploys says who of a group is active: `POST /v1/groups/<group>/active {"instance": "green"}`.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::{Shared, access::has_token, trouble};
use crate::model::{
    GroupName, Plan,
    plan::Question,
    roles::{RoleSource, Roles},
};

/// 202 when it was taken, 401 without the token of the group's `push:`, which also hides what groups there are.
pub(super) async fn active(
    State(shared): State<Shared>,
    Path(group): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let plan = shared.plan.load_full();
    let group = GroupName::new(group);
    let Some(roles) = pushed(&plan, &group, &headers) else {
        let mut refusal = trouble(
            StatusCode::UNAUTHORIZED,
            "token_wanted",
            "this needs the token of `push:` of this group: Authorization: Bearer …",
        );
        refusal
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return refusal;
    };
    let said: Option<Value> = serde_json::from_slice(&body).ok();
    let instance = said.as_ref().and_then(|said| said["instance"].as_str());
    let Some(instance) = instance else {
        return trouble(
            StatusCode::BAD_REQUEST,
            "instance_wanted",
            "the body has to be {\"instance\": \"<name>\"}",
        );
    };
    let member = roles
        .members
        .iter()
        .find(|member| member.name == instance || member.called == instance);
    let Some(member) = member else {
        return trouble(
            StatusCode::UNPROCESSABLE_ENTITY,
            "no_such_instance",
            "nobody in this group is called so",
        );
    };
    (shared.role_said)(group, member.name.clone());
    let taken = json!({ "group": roles.group.as_str(), "active": member.name });
    (StatusCode::ACCEPTED, axum::Json(taken)).into_response()
}

/// The roles of this group, if they are pushed and the caller may.
fn pushed(plan: &Plan, group: &GroupName, headers: &HeaderMap) -> Option<Arc<Roles>> {
    let checks = plan.targets.iter().flat_map(|target| &target.checks);
    checks
        .filter_map(|check| match &check.question {
            Question::Roles(roles) if roles.group == *group => Some(roles),
            Question::Roles(_)
            | Question::Health(_)
            | Question::Tcp(_)
            | Question::Tls(_)
            | Question::Dns(_)
            | Question::Icmp(_)
            | Question::Websocket(_)
            | Question::Grpc(_)
            | Question::Heartbeat(_)
            | Question::Job(_)
            | Question::ErrorBudget(_)
            | Question::Http(_)
            | Question::Metrics(_)
            | Question::Steps(_)
            | Question::LogFreshness(_)
            | Question::LogStore(_) => None,
        })
        .find(|roles| roles.sources.iter().any(|source| lets_in(source, headers)))
        .cloned()
}

fn lets_in(source: &RoleSource, headers: &HeaderMap) -> bool {
    if let RoleSource::Push { token } = source {
        has_token(headers, token)
    } else {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex, PoisonError},
        time::Duration,
    };

    use axum::{
        body::Body,
        http::{Method, Request, StatusCode},
    };
    use proptest::prelude::*;

    use super::*;
    use crate::{
        command::fixture,
        model::{Board, Check, CheckKind, Group, Policy, Secret, TargetId, roles::Member},
        web::{
            BODY_BYTES_MAX, router,
            tests::{World, send, world_of},
        },
    };

    const TOKEN: &str = "the-token-of-whoever-deploys";
    const OTHER: &str = "the-token-of-the-other-group";

    type Said = Arc<Mutex<Vec<(String, String)>>>;

    fn roles(group: &str, source: RoleSource) -> Question {
        let group = GroupName::new(group);
        let member = |name: &str| Member {
            target: TargetId::of(Some(&group), name),
            name: name.to_owned(),
            called: format!("srv-{name}"),
            address: None,
        };
        Question::Roles(Arc::new(Roles {
            members: vec![member("blue"), member("green")],
            group: group.clone(),
            sources: vec![
                RoleSource::Dns {
                    name: String::from("active.example.test"),
                },
                source,
            ],
            is_exactly_one: true,
            every: Duration::from_secs(10),
            stale_after: Duration::from_mins(5),
            grace: Duration::from_mins(3),
            is_announced: true,
        }))
    }

    /// A world in which `master` and `other` are pushed and `read` is not, and what it was told.
    fn world() -> (World, Said) {
        let push = |token| RoleSource::Push {
            token: Secret::new(token),
        };
        let file = RoleSource::File {
            path: "/run/active".into(),
        };
        let sources = [
            ("master", push(TOKEN)),
            ("other", push(OTHER)),
            ("read", file),
        ];
        let mut groups = Vec::new();
        let mut targets = Vec::new();
        for (name, source) in sources {
            groups.push(Group {
                name: GroupName::new(name),
                aliases: Vec::new(),
                team: None,
                is_always_active: false,
                is_production: false,
            });
            let mut target = fixture::target(Some(name), "roles");
            target.checks = vec![Check {
                kind: CheckKind::Roles,
                policy: Policy::default(),
                question: roles(name, source),
            }];
            targets.push(target);
        }
        let plan = fixture::plan_of(groups, targets);
        let board = Board::of(&plan, fixture::NOW, None);
        let mut world = world_of(plan, board, &[]);
        let said = Said::default();
        let heard = Arc::clone(&said);
        world.state.role_said = Arc::new(move |group, name| {
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push((group.to_string(), name));
        });
        (world, said)
    }

    fn request(group: &str, token: Option<&str>, body: impl Into<Body>) -> Request<Body> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("/v1/groups/{group}/active"));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        request.body(body.into()).expect("a request")
    }

    fn heard(said: &Said) -> Vec<(String, String)> {
        std::mem::take(&mut *said.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[tokio::test]
    async fn whoever_deploys_says_who_is_active() {
        let (World { state, .. }, said) = world();
        let router = router(state);
        for name in ["green", "srv-green"] {
            let body = format!(r#"{{"instance": "{name}"}}"#);
            let answer = send(&router, request("master", Some(TOKEN), body)).await;
            assert_eq!(answer.status, StatusCode::ACCEPTED);
            assert_eq!(
                answer.json(),
                json!({ "group": "master", "active": "green" })
            );
            let green = (String::from("master"), String::from("green"));
            assert_eq!(heard(&said), [green], "{name}");
        }
    }

    #[tokio::test]
    async fn nobody_else_is_let_in_and_nobody_learns_which_groups_there_are() {
        let (World { state, .. }, said) = world();
        let router = router(state);
        let body = r#"{"instance": "green"}"#;
        let mut refusals = Vec::new();
        for (group, token) in [
            ("master", None),
            ("master", Some("")),
            ("master", Some(OTHER)),
            ("master", Some("the-token-of-whoever-deploy")),
            ("other", Some(TOKEN)),
            ("read", Some(TOKEN)),
            ("nobody", Some(TOKEN)),
            ("%00%2F..", Some(TOKEN)),
        ] {
            let answer = send(&router, request(group, token, body)).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{group}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
            refusals.push(answer.json());
        }
        refusals.dedup();
        assert_eq!(refusals.len(), 1, "{refusals:?}");
        let get = Request::builder()
            .uri("/v1/groups/master/active")
            .header("Authorization", format!("Bearer {TOKEN}"))
            .body(Body::empty())
            .expect("a request");
        let answer = send(&router, get).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(heard(&said), []);
    }

    #[tokio::test]
    async fn what_is_not_understood_changes_nothing() {
        let (World { state, .. }, said) = world();
        let router = router(state);
        let long = format!(r#"{{"instance": "{}"}}"#, "x".repeat(BODY_BYTES_MAX));
        for (body, status) in [
            ("", StatusCode::BAD_REQUEST),
            ("green", StatusCode::BAD_REQUEST),
            ("{}", StatusCode::BAD_REQUEST),
            (r#"["green"]"#, StatusCode::BAD_REQUEST),
            (r#"{"instance": 7}"#, StatusCode::BAD_REQUEST),
            (r#"{"instance": null}"#, StatusCode::BAD_REQUEST),
            (r#"{"instance": ["green"]}"#, StatusCode::BAD_REQUEST),
            (r#"{"instance": "green""#, StatusCode::BAD_REQUEST),
            (r#"{"instance": ""}"#, StatusCode::UNPROCESSABLE_ENTITY),
            (
                r#"{"instance": "purple"}"#,
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            (
                r#"{"instance": "master/green"}"#,
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            (&long, StatusCode::PAYLOAD_TOO_LARGE),
        ] {
            let answer = send(&router, request("master", Some(TOKEN), body.to_owned())).await;
            let shown = body.chars().take(40).collect::<String>();
            assert_eq!(answer.status, status, "{shown}");
            assert_eq!(heard(&said), [], "{shown}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// Whatever is sent: an answer, and never anybody active who is no member.
        #[test]
        fn whatever_is_sent_is_answered(body in proptest::collection::vec(any::<u8>(), 0..300), name in ".{0,40}") {
            let (World { state, .. }, said) = world();
            let router = router(state);
            let named = json!({ "instance": name }).to_string().into_bytes();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            for body in [body, named] {
                let answer = runtime.block_on(send(&router, request("master", Some(TOKEN), body)));
                prop_assert!(answer.status.is_client_error() || answer.status == StatusCode::ACCEPTED);
            }
            for (group, name) in heard(&said) {
                prop_assert_eq!(group, "master");
                prop_assert!(["blue", "green"].contains(&name.as_str()));
            }
        }
    }
}
