//! What a build of Jenkins sends: our own form, from a step of the pipeline, or that of its Notification plugin.
//!
//! Source: <https://plugins.jenkins.io/notification/> (`build.phase`, `build.status`, `build.parameters`).

use serde_json::Value;

use super::{Release, Told, first_text, short, some_text, text, wanted, who};
use crate::model::text::clean;

pub(super) fn read(body: &Value) -> Result<Told, String> {
    if body.get("build").is_some_and(Value::is_object) {
        plugin(body)
    } else {
        own(body)
    }
}

/// `{"project": "core-deploy", "version": "4.18.2", "environment": "production", "by": "alice", "changes": "…", "url": "…"}`
fn own(body: &Value) -> Result<Told, String> {
    let project = wanted(body, &["/project"])?;
    let version = wanted(body, &["/version"])?;
    let changes = match body.get("changes") {
        Some(Value::Array(lines)) => {
            let lines: Vec<_> = lines.iter().filter_map(Value::as_str).collect();
            lines.join("\n")
        }
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            String::new()
        }
    };
    let url = some_text(body, &["/url"]);
    let environment = some_text(body, &["/environment"]);
    Ok(Told::Release(Box::new(Release {
        key: format!(
            "jenkins {project} {version} {} {}",
            environment.as_deref().unwrap_or_default(),
            url.as_deref().unwrap_or_default()
        ),
        project,
        environment,
        version: short(&version),
        by: who(&text(body, "/by"), "Jenkins"),
        notes: changes,
        url,
    })))
}

fn plugin(body: &Value) -> Result<Told, String> {
    let phase = text(body, "/build/phase");
    // It calls for each of its phases; results are there from COMPLETED on, and FINALIZED comes behind it.
    if phase != "COMPLETED" {
        let phase = clean(&phase, 40);
        return Ok(Told::Nothing(format!(
            "the build is {phase}, not COMPLETED"
        )));
    }
    let status = text(body, "/build/status");
    if status != "SUCCESS" {
        let status = clean(&status, 40);
        return Ok(Told::Nothing(format!(
            "the build ended with {status}, not SUCCESS"
        )));
    }
    let project = wanted(body, &["/name"])?;
    let number = wanted(body, &["/build/number"])?;
    let version = first_text(
        body,
        &[
            "/build/parameters/VERSION",
            "/build/parameters/version",
            "/build/parameters/TAG",
            "/build/scm/commit",
        ],
    );
    Ok(Told::Release(Box::new(Release {
        key: format!("jenkins build {project} {number}"),
        project,
        environment: some_text(
            body,
            &[
                "/build/parameters/ENVIRONMENT",
                "/build/parameters/environment",
            ],
        ),
        version: if version.is_empty() {
            format!("#{number}")
        } else {
            short(&version)
        },
        by: who("", "Jenkins"),
        notes: String::new(),
        url: some_text(body, &["/build/full_url"]),
    })))
}
