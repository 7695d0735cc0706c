//! `releases:` where they are told, how they are followed, and who may announce them.

use std::{ops::RangeInclusive, time::Duration};

use super::{
    Check,
    channels::Channels,
    targets::{Groups, Targets},
    values::SecretFields,
};
use crate::{
    config::{
        code::Code,
        decode::{At, Named},
        raw::{
            Match as RawMatch, SecretText,
            releases::{Project as RawProject, Releases as RawReleases},
        },
        report::Problem,
    },
    model::{
        ChannelName, Secret,
        release::{LOOK_AFTER, NEAR_WITHIN, Project, ReleaseSettings},
        text::clean,
    },
};

const MINUTE: Duration = Duration::from_mins(1);
const LOOK_AFTER_RANGE: RangeInclusive<Duration> = MINUTE..=Duration::from_hours(1);
const NEAR_WITHIN_RANGE: RangeInclusive<Duration> = MINUTE..=Duration::from_hours(6);
/// What an unset token is in a preview.
const STAND_IN: &str = "preview-preview-preview";
/// The most characters of a project's name.
const NAME_MAX: usize = 200;

impl Check<'_> {
    pub(super) fn releases(
        &mut self,
        at: Option<At<RawReleases>>,
        channels: &mut Channels,
        groups: &Groups,
        targets: &Targets,
    ) -> ReleaseSettings {
        let Some(At {
            span: _,
            value: Some(raw),
        }) = at
        else {
            return ReleaseSettings::default();
        };
        let channel = raw.channel.as_ref().and_then(|at| {
            let channel = self.text(at, "`channel`")?;
            let who = format!("`releases` tells `{}`", clean(&channel, 64));
            channels
                .references
                .refer(&channel, at.span, who)
                .then(|| ChannelName::new(channel))
        });
        let look_after = raw.look_after.as_ref();
        let look_after =
            look_after.and_then(|at| self.duration(at, "`look_after`", LOOK_AFTER_RANGE).value);
        let near_within = raw.near_within.as_ref();
        let near_within =
            near_within.and_then(|at| self.duration(at, "`near_within`", NEAR_WITHIN_RANGE).value);
        let (direct, file) = (raw.github_secret.as_ref(), raw.github_secret_file.as_ref());
        let github = self.hook_key("github_secret", "HEKATE_GITHUB_SECRET", direct, file);
        let (direct, file) = (raw.gitlab_token.as_ref(), raw.gitlab_token_file.as_ref());
        let gitlab = self.hook_key("gitlab_token", "HEKATE_GITLAB_TOKEN", direct, file);
        let (direct, file) = (raw.jenkins_token.as_ref(), raw.jenkins_token_file.as_ref());
        let jenkins = self.hook_key("jenkins_token", "HEKATE_JENKINS_TOKEN", direct, file);
        // One that is wrong is complained of by itself.
        let is_heard = [&raw.github_secret, &raw.gitlab_token, &raw.jenkins_token]
            .iter()
            .any(|at| at.is_some())
            || [
                &raw.github_secret_file,
                &raw.gitlab_token_file,
                &raw.jenkins_token_file,
            ]
            .iter()
            .any(|at| at.is_some());
        let projects = self.projects(raw.projects, is_heard, groups, targets);
        ReleaseSettings {
            channel,
            look_after: look_after.unwrap_or(LOOK_AFTER),
            near_within: near_within.unwrap_or(NEAR_WITHIN),
            github,
            gitlab,
            jenkins,
            projects: projects.into(),
        }
    }

    fn hook_key(
        &mut self,
        key: &'static str,
        variable: &'static str,
        direct: Option<&At<SecretText>>,
        file: Option<&At<String>>,
    ) -> Option<Secret> {
        if direct.is_none() && file.is_none() {
            return None;
        }
        let found = self.key(&SecretFields {
            owner: "`releases`",
            key,
            direct,
            file,
            in_preview: Some(STAND_IN),
            is_optional: false,
            variable: Some(variable),
            has_file_twin: true,
        })?;
        Some(found.secret)
    }

    fn projects(
        &self,
        at: Option<At<Named<RawProject>>>,
        is_heard: bool,
        groups: &Groups,
        targets: &Targets,
    ) -> Vec<Project> {
        let Some(At {
            span: whole,
            value: Some(Named(named)),
        }) = at
        else {
            return Vec::new();
        };
        if !is_heard && !named.is_empty() {
            self.report(
                Problem::new(
                    Code::Unheard,
                    whole,
                    "nobody can say what these projects release",
                )
                .label("so none of them is ever looked up")
                .help("add `github_secret`, `gitlab_token` or `jenkins_token` to `releases`"),
            );
        }
        let mut out = Vec::new();
        for (key, at) in named {
            let span = at.span;
            let (Some(raw), Some(name)) = (at.value, self.text(&key, "a project")) else {
                continue;
            };
            let who = format!("project `{}`", clean(&name, NAME_MAX));
            if raw.group.is_none() && raw.target.is_none() {
                let mut keys = ["group", "target"].iter();
                if !keys.any(|key| self.findings.was_meant(span, key)) {
                    let words = format!("{who} does not say who gets what it releases");
                    self.report(
                        Problem::new(Code::Missing, span, words)
                            .help("add `group: core`, or `target: core/a`"),
                    );
                }
                continue;
            }
            let typed = At {
                span,
                value: Some(RawMatch {
                    group: raw.group,
                    target: raw.target,
                    ..RawMatch::default()
                }),
            };
            let mut is_doubtful = false;
            let to = self.matcher(typed, &who, groups, targets, &mut is_doubtful);
            if !is_doubtful {
                out.push(Project { name, to });
            }
        }
        out
    }
}
