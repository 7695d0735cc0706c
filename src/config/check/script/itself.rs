//! What befalls hekate itself in a script: it is started again, its file changes, somebody moves its clock.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{Checker, Context, SCRIPT_MAX};
use crate::{
    config::{
        code::Code,
        decode::At,
        raw::{DurationText, script as raw},
        report::Problem,
        script::{Doing, Ending, Step},
        source::Span,
    },
    model::text::{clean, span},
};

/// For how long hekate is not running when nobody says it: as a service manager needs to start it again.
const AWAY: Duration = Duration::from_secs(2);

impl Checker<'_> {
    pub(super) fn of_restart(&self, span: Span, step: &raw::Step) -> Option<Doing> {
        let how = match step.restart.as_ref()?.value.as_ref()?.0.as_str() {
            "orderly" => Ending::Orderly,
            _ => Ending::Killed,
        };
        let away = match &step.away {
            Some(at) => self.moment(at, "`away`")?,
            None => AWAY,
        };
        self.has_only(span, step, &["away"])
            .then_some(Doing::Restart { how, away })
    }

    /// The names of the steps below are those of the other file.
    pub(super) fn of_reload(
        &self,
        span: Span,
        step: &raw::Step,
        context: &mut Context<'_>,
    ) -> Option<Doing> {
        let at = step.reload.as_ref()?;
        let file = self.file(&self.check.text(at, "`reload`")?);
        if !self.has_only(span, step, &[]) {
            return None;
        }
        let Some(Ok(plan)) = context.files.get(&file) else {
            self.check.report(
                Problem::new(
                    Code::Unreadable,
                    at.span,
                    format!("`{}` cannot be used", named(&file)),
                )
                .help("what is wrong with it is said on its own; a real hekate would not take it over"),
            );
            return None;
        };
        context.turn_to(plan);
        Some(Doing::Reload {
            file,
            plan: Arc::clone(plan),
        })
    }

    pub(super) fn of_clock(&self, span: Span, step: &raw::Step) -> Option<Doing> {
        let at = step.clock.as_ref()?;
        let text = at.value.as_ref()?.0.trim();
        let wrong = |what: &str, help: String| {
            let words = format!("`{}` {what}", clean(text, 40));
            self.check
                .report(Problem::new(Code::Duration, at.span, words).help(help));
            None
        };
        let (sign, length) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
            (Some(length), _) => (1, length.trim()),
            (None, Some(length)) => (-1, length.trim()),
            (None, None) => {
                let shown = clean(text, 40);
                let help = format!("write `+{shown}` for forwards, or `-{shown}` for backwards");
                return wrong("does not say where the clock jumps", help);
            }
        };
        if length == "0" || humantime::parse_duration(length).is_err() {
            return wrong(
                "is no jump of a clock",
                String::from("write it like `+1h` or `-10m`"),
            );
        }
        let length = At {
            span: at.span,
            value: Some(DurationText(length.to_owned())),
        };
        let range = Duration::from_millis(1)..=SCRIPT_MAX;
        let length = self.check.duration(&length, "`clock`", range).value?;
        let by_ms = i64::try_from(length.as_millis()).ok()? * sign;
        self.has_only(span, step, &[])
            .then_some(Doing::Clock { by_ms })
    }

    /// Whether hekate is there when it is needed: nobody starts it twice, and nobody hears what is said to it meanwhile.
    pub(super) fn is_there(&self, steps: &[Step], ends_after: Option<Duration>) -> bool {
        let mut back: Option<Duration> = None;
        let mut is_good = true;
        for step in steps {
            let is_away = back.is_some_and(|back| step.after < back);
            let words = match &step.doing {
                Doing::Restart { .. } | Doing::Command { .. } | Doing::Action { .. } if is_away => {
                    let back = back.unwrap_or_default();
                    format!(
                        "hekate is not running by then: it is back after {}",
                        humantime::format_duration(back)
                    )
                }
                Doing::Restart { away, .. } => {
                    let returns = step.after + *away;
                    back = Some(returns);
                    if ends_after.is_none_or(|end| returns <= end) {
                        continue;
                    }
                    format!("the script ends while hekate is away for {}", span(*away))
                }
                Doing::Command { .. }
                | Doing::Action { .. }
                | Doing::Run { .. }
                | Doing::Answer { .. }
                | Doing::Log { .. }
                | Doing::Beats { .. }
                | Doing::Source { .. }
                | Doing::Active { .. }
                | Doing::Channel { .. }
                | Doing::Reload { .. }
                | Doing::Clock { .. }
                | Doing::OurNetwork { .. } => continue,
            };
            is_good = false;
            self.check.report(
                Problem::new(Code::Range, step.span, words)
                    .help("let it happen later, or let hekate be away for less"),
            );
        }
        is_good
    }

    /// A path in the file of tests.
    pub(super) fn file(&self, text: &str) -> PathBuf {
        self.check.folder.join(text)
    }
}

/// A path for people.
fn named(file: &std::path::Path) -> String {
    clean(&file.display().to_string(), 80)
}
