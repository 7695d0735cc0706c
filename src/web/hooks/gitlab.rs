//! What GitLab sends.
//!
//! Source: <https://docs.gitlab.com/user/project/integrations/webhook_events/> (release events, deployment events).

use serde_json::Value;

use super::{Release, Told, short, some_text, text, wanted, who};
use crate::model::text::clean;

pub(super) fn read(body: &Value) -> Result<Told, String> {
    match text(body, "/object_kind").as_str() {
        "release" => release(body),
        "deployment" => deployment(body),
        other => Ok(Told::Nothing(format!(
            "`{}` is no event that tells of a release; choose Releases events or Deployment events",
            clean(other, 40)
        ))),
    }
}

fn release(body: &Value) -> Result<Told, String> {
    let action = text(body, "/action");
    if action != "create" {
        let action = clean(&action, 40);
        return Ok(Told::Nothing(format!(
            "what was done to the release is `{action}`, not `create`"
        )));
    }
    let project = wanted(body, &["/project/path_with_namespace"])?;
    let version = wanted(body, &["/tag", "/name"])?;
    Ok(Told::Release(Box::new(Release {
        key: format!("gitlab release {project} {version}"),
        project,
        environment: None,
        version,
        by: who(&text(body, "/commit/author/name"), "GitLab"),
        notes: text(body, "/description"),
        url: some_text(body, &["/url"]),
    })))
}

fn deployment(body: &Value) -> Result<Told, String> {
    let status = text(body, "/status");
    if status != "success" {
        let status = clean(&status, 40);
        return Ok(Told::Nothing(format!(
            "the deployment is `{status}`, not `success`"
        )));
    }
    let project = wanted(body, &["/project/path_with_namespace"])?;
    let id = wanted(body, &["/deployment_id"])?;
    Ok(Told::Release(Box::new(Release {
        key: format!("gitlab deployment {id}"),
        project,
        environment: some_text(body, &["/environment"]),
        version: short(&wanted(body, &["/ref", "/short_sha"])?),
        by: who(
            &some_text(body, &["/user/username", "/user/name"]).unwrap_or_default(),
            "GitLab",
        ),
        notes: text(body, "/commit_title"),
        url: some_text(
            body,
            &["/deployable_url", "/commit_url", "/project/web_url"],
        ),
    })))
}
