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
