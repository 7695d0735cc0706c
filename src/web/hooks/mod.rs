//! Webhooks of those who build and deploy: GitHub, GitLab, Jenkins. What they say was released becomes an announcement.
//!
//! Whoever calls has to know the secret of the file. What is no release is answered with 200 and the reason, because those who send
//! webhooks stop after some refusals.

mod github;
mod gitlab;
mod jenkins;

#[cfg(test)]
mod tests;

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::Value;

use super::{Shared, access, planned, trouble};
use crate::{
    command::{
        Heard,
        release::{Said, checked},
    },
    model::{
        Board, Secret, TargetId,
        planned::Wish,
        release::{Project, ReleaseSettings},
        text::clean,
    },
};

/// Notes of a release may be long; GitHub allows 125 000 characters.
pub(super) const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The most characters of a foreign name in an answer.
const SHOWN_MAX: usize = 80;

/// A release, as somebody else tells of it.
#[derive(PartialEq, Eq, Debug)]
struct Release {
    /// What the project is called there.
    project: String,
    /// Where it went; absent if it was published and is nowhere yet.
    environment: Option<String>,
    version: String,
    by: String,
    /// Notes, in Markdown.
    notes: String,
    url: Option<String>,
    /// By which a repeat is known.
    key: String,
}

/// What a webhook says.
#[derive(PartialEq, Eq, Debug)]
enum Told {
    Release(Box<Release>),
    /// Something else, and what.
    Nothing(String),
}

/// `POST /hooks/github`
pub(super) async fn github(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let settings = shared.plan.load().releases.clone();
    let Some(secret) = &settings.github else {
        return nobody_home();
    };
    let signature = header(&headers, "x-hub-signature-256");
    if !github::is_signed(secret, signature, &body) {
        return refused(
            "the signature in X-Hub-Signature-256 is not that of `github_secret` of `releases`",
        );
    }
    let event = header(&headers, "x-github-event").to_owned();
    heard(&shared, &settings, &body, |body| github::read(&event, body)).await
}

/// `POST /hooks/gitlab`
pub(super) async fn gitlab(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let settings = shared.plan.load().releases.clone();
    let Some(token) = &settings.gitlab else {
        return nobody_home();
    };
    if Secret::new(header(&headers, "x-gitlab-token")) != *token {
        return refused("X-Gitlab-Token is not `gitlab_token` of `releases`");
    }
    heard(&shared, &settings, &body, gitlab::read).await
}

/// `POST /hooks/jenkins`, with the token as a bearer token.
pub(super) async fn jenkins(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let settings = shared.plan.load().releases.clone();
    let Some(token) = &settings.jenkins else {
        return nobody_home();
    };
    if !access::has_token(&headers, token) {
        return refused("the bearer token is not `jenkins_token` of `releases`");
    }
    heard(&shared, &settings, &body, jenkins::read).await
}

/// `POST /hooks/jenkins/<token>`, for plugins that send no headers.
pub(super) async fn jenkins_with_path(
    State(shared): State<Shared>,
    Path(given): Path<String>,
    body: Bytes,
) -> Response {
    let settings = shared.plan.load().releases.clone();
    let Some(token) = &settings.jenkins else {
        return nobody_home();
    };
    if Secret::new(given) != *token {
        return refused("the end of the path is not `jenkins_token` of `releases`");
    }
    heard(&shared, &settings, &body, jenkins::read).await
}

async fn heard(
    shared: &Shared,
    settings: &ReleaseSettings,
    body: &[u8],
    read: impl FnOnce(&Value) -> Result<Told, String>,
) -> Response {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => {
            let why = clean(&error.to_string(), SHOWN_MAX);
            let why =
                format!("the body is no JSON: {why}; choose application/json as its content type");
            return trouble(StatusCode::BAD_REQUEST, "bad_body", &why);
        }
    };
    let release = match read(&value) {
        Ok(Told::Release(release)) => release,
        Ok(Told::Nothing(why)) => return ignored(&why),
        Err(why) => return trouble(StatusCode::UNPROCESSABLE_ENTITY, "not_understood", &why),
    };
    let board = shared.board.load_full();
    let Some(project) = project_of(settings, &release) else {
        let name = clean(&release.project, SHOWN_MAX);
        let place = release.environment.as_ref();
        let place = place.map_or_else(String::new, |name| {
            format!(" in {}", clean(name, SHOWN_MAX))
        });
        return ignored(&format!(
            "`projects` of `releases` does not name {name}{place}"
        ));
    };
    let targets = targets_of(project, &board);
    if targets.is_empty() {
        return ignored(&format!(
            "nobody gets what {} releases",
            clean(&project.name, SHOWN_MAX)
        ));
    }
    let by = planned::person(Some(&release.by));
    let said = Said {
        names: String::new(),
        version: release.version,
        changes: changes(&release.notes),
        url: release.url,
        key: Some(release.key),
    };
    match checked(said, targets, &board) {
        Ok(announcement) => {
            let heard = Heard::Wish(Wish::Announce(Box::new(announcement)));
            planned::carry_out(shared, heard, by, planned::Format::Text).await
        }
        Err(why) => trouble(StatusCode::UNPROCESSABLE_ENTITY, "not_understood", &why),
    }
}

/// `acme/core@production` goes before `acme/core`, which takes every place.
fn project_of<'a>(settings: &'a ReleaseSettings, release: &Release) -> Option<&'a Project> {
    let called = |name: &str| {
        settings
            .projects
            .iter()
            .find(|project| project.name == name)
    };
    let with_place = release.environment.as_ref();
    let with_place = with_place.and_then(|place| called(&format!("{}@{place}", release.project)));
    with_place.or_else(|| called(&release.project))
}

fn targets_of(project: &Project, board: &Board) -> Vec<TargetId> {
    let to = &project.to;
    let rows = board.rows.iter().filter(|row| {
        let group = row.target.group.as_ref();
        let is_group = to.groups.is_empty() || group.is_some_and(|group| to.groups.contains(group));
        is_group && (to.targets.is_empty() || to.targets.contains(&row.target.id))
    });
    rows.map(|row| row.target.id.clone()).collect()
}

/// The items of the lists in notes, without what stands around them; all lines if there is no list.
fn changes(notes: &str) -> Vec<String> {
    let lines = || notes.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_item = |line: &&str| line.starts_with("- ") || line.starts_with("* ");
    let items: Vec<_> = lines().filter(is_item).map(str::to_owned).collect();
    if items.is_empty() {
        let is_text = |line: &&str| !line.starts_with('#');
        lines().filter(is_text).map(str::to_owned).collect()
    } else {
        items
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn nobody_home() -> Response {
    trouble(StatusCode::NOT_FOUND, "not_found", "nothing lives here")
}

fn refused(why: &str) -> Response {
    trouble(StatusCode::UNAUTHORIZED, "not_you", why)
}

fn ignored(why: &str) -> Response {
    tracing::info!(
        event = "release.ignored",
        why,
        "a webhook told of no release"
    );
    (StatusCode::OK, format!("ignored: {why}\n")).into_response()
}

/// The text at this place, empty if there is none.
fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer);
    match found {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => {
            String::new()
        }
    }
}

/// The first of these places that says something.
fn first_text(value: &Value, pointers: &[&str]) -> String {
    let texts = pointers.iter().map(|pointer| text(value, pointer));
    texts
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// The same, absent if none does.
fn some_text(value: &Value, pointers: &[&str]) -> Option<String> {
    Some(first_text(value, pointers)).filter(|text| !text.is_empty())
}

/// What has to be there, and where it was looked for.
fn wanted(value: &Value, pointers: &[&str]) -> Result<String, String> {
    some_text(value, pointers).ok_or_else(|| {
        let names: Vec<_> = pointers
            .iter()
            .map(|pointer| pointer.trim_start_matches('/').replace('/', "."))
            .collect();
        format!("the body says no {}", names.join(" and no "))
    })
}

/// The beginning of a commit's id, as people write it.
fn short(commit: &str) -> String {
    let is_commit = commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit {
        commit[..7].to_owned()
    } else {
        commit.to_owned()
    }
}

/// Who it was, with where they said so: `alice (GitHub)`.
fn who(name: &str, place: &str) -> String {
    if name.is_empty() {
        place.to_owned()
    } else {
        format!("{} ({place})", clean(name, SHOWN_MAX / 2))
    }
}
