//! `heartbeat:` of a target.

use std::{sync::Arc, time::Duration};

use super::{Check, values::SecretFields};
use crate::{
    config::{
        code::Code,
        decode::{At, TextOr},
        raw::{DurationText, heartbeat as raw},
        report::Problem,
        source::Span,
    },
    model::{
        Check as Asked, CheckKind, Policy, Secret, heartbeat::HeartbeatQuestion, judgement::Count,
        plan::Question, text::clean,
    },
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);
/// What an unset token is in a preview.
const STAND_IN: &str = "preview-preview-preview";
/// The board has to hear this often that somebody listens.
const LISTEN_EVERY: Duration = Duration::from_secs(30);

impl Check<'_> {
    /// How often a target has to call; with the token of `server` if the section has none.
    pub(super) fn heartbeat(
        &mut self,
        at: &At<TextOr<raw::Heartbeat>>,
        target: &str,
        server_token: Option<&Secret>,
    ) -> Option<Asked> {
        let default = raw::Heartbeat::default();
        let (shorthand, raw) = match at.value.as_ref()? {
            TextOr::Text(text) => {
                let every = At {
                    span: at.span,
                    value: Some(DurationText(text.clone())),
                };
                (Some(every), &default)
            }
            TextOr::Section(raw) => (None, raw),
        };
        let subject = format!("`heartbeat` of `{}`", clean(target, 64));
        let every = shorthand.as_ref().or(raw.every.as_ref());
        if every.is_none() && !self.findings.was_meant(at.span, "every") {
            self.report(
                Problem::new(Code::Missing, at.span, format!("{subject} has no `every`"))
                    .help("add `every: 1h`, the time from one call to the next"),
            );
        }
        let every = every.and_then(|at| self.duration(at, "`every`", SECOND * 10..=DAY * 90).value);
        let grace = raw
            .grace
            .as_ref()
            .map(|at| self.duration(at, "`grace`", SECOND..=DAY * 7).value);
        let token = self.beat_token(raw, at.span, &subject, server_token);
        let every = every?;
        let grace = match grace {
            Some(grace) => grace?,
            None => (every / 10).clamp(MINUTE, MINUTE * 60),
        };
        let interval = every.min(LISTEN_EVERY);
        Some(Asked {
            kind: CheckKind::Heartbeat,
            policy: Policy {
                interval,
                timeout: interval / 2,
                count: Some(Count { failures: 1, of: 1 }),
                successes: 1,
                slow_after: interval / 2,
                ..Policy::default()
            },
            question: Question::Heartbeat(Arc::new(HeartbeatQuestion {
                every,
                grace,
                token: token?,
            })),
        })
    }

    fn beat_token(
        &mut self,
        raw: &raw::Heartbeat,
        span: Span,
        subject: &str,
        server_token: Option<&Secret>,
    ) -> Option<Secret> {
        if raw.token.is_none() && raw.token_file.is_none() {
            let was_meant = ["token", "token_file"]
                .iter()
                .any(|key| self.findings.was_meant(span, key));
            if server_token.is_none() && self.environment.preview {
                return Some(Secret::new(STAND_IN));
            }
            if server_token.is_none() && !was_meant {
                self.report(
                    Problem::new(
                        Code::Missing,
                        span,
                        format!("nobody could call: {subject} has no `token`, and `server` has none"),
                    )
                    .help("add `token: \"${HEKATE_BEAT_TOKEN}\"`, here or to `server`; callers send it as a bearer token"),
                );
            }
            return server_token.cloned();
        }
        let found = self.key(&SecretFields {
            owner: subject,
            key: "token",
            direct: raw.token.as_ref(),
            file: raw.token_file.as_ref(),
            in_preview: Some(STAND_IN),
            is_optional: false,
            variable: Some("HEKATE_BEAT_TOKEN"),
            has_file_twin: true,
        })?;
        Some(found.secret)
    }
}
