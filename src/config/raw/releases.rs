//! `releases:` as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, SecretText};
use crate::config::decode::{At, Named, OneOrMany};

/// Where releases are told, how they are followed, and who may announce them beside programs that may read the API.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "`releases`", deny_unknown_fields)]
#[schemars(rename = "Releases")]
pub(crate) struct Releases {
    /// The channel that hears of them. Default: they are remembered and told with what fails near them, and not announced.
    pub(crate) channel: Option<At<String>>,
    /// How long after a release is looked what got better or worse, 1m to 1h. Default `10m`.
    pub(crate) look_after: Option<At<DurationText>>,
    /// Releases, actions, changes of the file and runs of jobs that were so long before a trouble are told with it, 1m to 6h. Default
    /// `30m`.
    pub(crate) near_within: Option<At<DurationText>>,
    /// The secret of a webhook of GitHub (`POST /hooks/github`), at least 16 characters.
    pub(crate) github_secret: Option<At<SecretText>>,
    /// File with that secret.
    pub(crate) github_secret_file: Option<At<String>>,
    /// The secret token of a webhook of GitLab (`POST /hooks/gitlab`), at least 16 characters.
    pub(crate) gitlab_token: Option<At<SecretText>>,
    /// File with that token.
    pub(crate) gitlab_token_file: Option<At<String>>,
    /// What a build of Jenkins sends along as a bearer token (`POST /hooks/jenkins`), at least 16 characters.
    pub(crate) jenkins_token: Option<At<SecretText>>,
    /// File with that token.
    pub(crate) jenkins_token_file: Option<At<String>>,
    /// Who gets what is released there, by the name that the project has there: `acme/core` of GitHub and GitLab, the job of
    /// Jenkins. `acme/core@production` is what goes to that environment only.
    pub(crate) projects: Option<At<Named<Project>>>,
}

/// Who gets what a project releases. Either `group` or `target`, or both, which then both have to fit.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a project of `releases`", deny_unknown_fields)]
#[schemars(rename = "Project")]
pub(crate) struct Project {
    /// Any of these groups.
    pub(crate) group: Option<At<OneOrMany<String>>>,
    /// Any of these targets: `group/name`, or the name alone if it is the only one.
    pub(crate) target: Option<At<OneOrMany<String>>>,
}
