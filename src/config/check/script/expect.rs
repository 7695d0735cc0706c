//! What is expected of a script.

use std::{collections::BTreeMap, time::Duration};

use super::{Checker, Context, deeds::outcome_of};
use crate::{
    config::{
        code::Code,
        decode::At,
        raw::{DurationText, script as raw},
        report::Problem,
        script::{Expectation, Times, What, When},
        source::Span,
        suggest::listed,
    },
    model::{Kind, OnCallName, TargetId, Verdict},
};

impl Checker<'_> {
    pub(super) fn expectation(
        &self,
        at: At<raw::Expectation>,
        context: &Context<'_>,
    ) -> Option<Expectation> {
        let span = at.span;
        let raw = at.value?;
        let when = self.when(span, &raw, context);
        let times = self.times(span, &raw);
        let what = if raw.state.is_some() {
            self.state(span, &raw, context)
        } else if raw.outcome.is_some() || raw.action.is_some() {
            self.deed(span, &raw, context)
        } else {
            self.message(span, &raw, context)
        };
        Some(Expectation {
            span,
            when: when?,
            times: times?,
            what: what?,
        })
    }

    fn when(&self, span: Span, raw: &raw::Expectation, context: &Context<'_>) -> Option<When> {
        let is_state = raw.state.is_some();
        let given = [
            ("within", raw.within.is_some()),
            ("at", raw.at.is_some()),
            ("at_end", raw.at_end.is_some()),
        ];
        let given: Vec<_> = given
            .iter()
            .filter(|(_, is_given)| *is_given)
            .map(|(key, _)| *key)
            .collect();
        match given.as_slice() {
            [] if is_state && raw.never.is_none() => {
                self.missing(
                    span,
                    "at_end",
                    "this expectation",
                    "say of when it is: `at_end: true`, `at: 5m` or `within: [1m, 3m]`",
                );
                None
            }
            [] => Some(When::Any),
            ["within"] => self.within(raw.within.as_ref()?, context),
            ["at"] if is_state => {
                let at = raw.at.as_ref()?;
                let moment = self.moment(at, "`at`")?;
                self.is_before_end(at, moment, context)
                    .then_some(When::At(moment))
            }
            ["at_end"] if is_state => {
                let at = raw.at_end.as_ref()?;
                if at.value? {
                    return Some(When::AtEnd);
                }
                self.check.report(Problem::new(
                    Code::NoSuchWord,
                    at.span,
                    "`at_end` is `true`, or it is left out",
                ));
                None
            }
            [_] => {
                self.check.report(
                    Problem::new(Code::Both, span, "a message comes within some time")
                        .help("write `within: [1m, 3m]`, or add the `state` that is meant"),
                );
                None
            }
            several => {
                self.check.report(Problem::new(
                    Code::Both,
                    span,
                    format!("{} exclude each other", listed(several.iter().copied())),
                ));
                None
            }
        }
    }

    fn within(&self, at: &At<Vec<At<DurationText>>>, context: &Context<'_>) -> Option<When> {
        let list = at.value.as_ref()?;
        let [from, to] = list.as_slice() else {
            self.check.report(
                Problem::new(
                    Code::WrongType,
                    at.span,
                    "`within` has a beginning and an end",
                )
                .help("write `within: [1m, 3m]`"),
            );
            return None;
        };
        let (begins, ends) = (self.moment(from, "`within`")?, self.moment(to, "`within`")?);
        if ends < begins {
            self.check.report(Problem::new(
                Code::Range,
                at.span,
                "`within` ends before it begins",
            ));
            return None;
        }
        self.is_before_end(to, ends, context)
            .then_some(When::Within(begins, ends))
    }

    /// What is expected after the end would never be looked at.
    fn is_before_end(
        &self,
        at: &At<DurationText>,
        moment: Duration,
        context: &Context<'_>,
    ) -> bool {
        let Some(end) = context.ends_after.filter(|end| moment > *end) else {
            return true;
        };
        let end = humantime::format_duration(end);
        self.check.report(
            Problem::new(
                Code::Range,
                at.span,
                format!("the script has ended by then: it ends after {end}"),
            )
            .help("let it end later"),
        );
        false
    }

    fn times(&self, span: Span, raw: &raw::Expectation) -> Option<Times> {
        match (&raw.never, &raw.times) {
            (None, None) => Some(Times::AtLeastOnce),
            (Some(at), None) => {
                if at.value? {
                    return Some(Times::Never);
                }
                self.check.report(Problem::new(
                    Code::NoSuchWord,
                    at.span,
                    "`never` is `true`, or it is left out",
                ));
                None
            }
            (None, Some(at)) if raw.state.is_some() => {
                self.check.report(
                    Problem::new(
                        Code::Both,
                        at.span,
                        "`times` counts messages, and this is a state",
                    )
                    .help("leave out `times` or `state`"),
                );
                None
            }
            (None, Some(at)) => Some(Times::Exactly(at.value?)),
            (Some(_), Some(_)) => {
                self.check.report(Problem::new(
                    Code::Both,
                    span,
                    "`never` and `times` exclude each other",
                ));
                None
            }
        }
    }

    fn state(&self, span: Span, raw: &raw::Expectation, context: &Context<'_>) -> Option<What> {
        let of_messages = [
            ("channel", raw.channel.is_some()),
            ("text_contains", raw.text_contains.is_some()),
            ("kind", raw.kind.is_some()),
            ("mention", raw.mention.is_some()),
        ];
        let wrong = of_messages.iter().filter(|(_, is_given)| *is_given);
        let wrong: Vec<_> = wrong.map(|(key, _)| *key).collect();
        if !wrong.is_empty() {
            self.check.report(
                Problem::new(
                    Code::Both,
                    span,
                    format!(
                        "{} belongs to a message, and this is a state",
                        listed(wrong)
                    ),
                )
                .help("write two expectations"),
            );
            return None;
        }
        let Some(target) = self.whom(span, raw, context).ok()? else {
            self.missing(
                span,
                "target",
                "this expectation",
                "say whose state it is: `target: master blue`",
            );
            return None;
        };
        let state = Verdict::from_word(&raw.state.as_ref()?.value.as_ref()?.0)?;
        Some(What::State { target, state })
    }

    /// Whom it is about, if it says so; an error is already reported.
    fn whom(
        &self,
        span: Span,
        raw: &raw::Expectation,
        context: &Context<'_>,
    ) -> Result<Option<TargetId>, ()> {
        match (&raw.target, &raw.source) {
            (None, None) => Ok(None),
            (Some(at), None) => {
                let target = self.target(at, &context.names).ok_or(())?;
                Ok(Some(target.id.clone()))
            }
            (None, Some(at)) => Ok(Some(self.source(at, &context.plans).ok_or(())?.0)),
            (Some(_), Some(_)) => {
                self.check.report(Problem::new(
                    Code::Both,
                    span,
                    "`target` and `source` exclude each other",
                ));
                Err(())
            }
        }
    }

    fn deed(&self, span: Span, raw: &raw::Expectation, context: &Context<'_>) -> Option<What> {
        let others = [
            ("channel", raw.channel.is_some()),
            ("kind", raw.kind.is_some()),
            ("mention", raw.mention.is_some()),
            ("source", raw.source.is_some()),
        ];
        let others = others.iter().filter(|(_, is_given)| *is_given);
        let others: Vec<_> = others.map(|(key, _)| *key).collect();
        if !others.is_empty() {
            let words = format!(
                "{} means nothing for what becomes of an action",
                listed(others)
            );
            let problem = Problem::new(Code::Both, span, words);
            self.check
                .report(problem.help("expect the message that tells of it as one of its own"));
            return None;
        }
        let Some(outcome) = &raw.outcome else {
            let help = "say what becomes of it: `outcome: refused`, `begun`, `done` or `failed`";
            self.missing(span, "outcome", "this expectation", help);
            return None;
        };
        Some(What::Action {
            outcome: outcome_of(&outcome.value.as_ref()?.0)?,
            action: match &raw.action {
                Some(at) => Some(self.action_called(at, &context.plans)?.name.clone()),
                None => None,
            },
            target: self.whom(span, raw, context).ok()?,
            text: match &raw.text_contains {
                Some(at) => Some(self.check.text(at, "`text_contains`")?.to_lowercase()),
                None => None,
            },
        })
    }

    fn message(&self, span: Span, raw: &raw::Expectation, context: &Context<'_>) -> Option<What> {
        // Whom a rota names can be told alone.
        let mailboxes = context.plans.iter().flat_map(|plan| plan.mailboxes());
        let mailboxes: BTreeMap<_, _> = mailboxes.collect();
        let channel = match &raw.channel {
            Some(at) => {
                let known = mailboxes.keys().map(|name| (name.as_str(), name));
                Some(self.one_of(at, (Code::NoSuchChannel, "a channel"), known)?)
            }
            None => None,
        };
        let text = match &raw.text_contains {
            Some(at) => Some(self.check.text(at, "`text_contains`")?.to_lowercase()),
            None => None,
        };
        let kind = match &raw.kind {
            Some(at) => Some(kind_of(&at.value.as_ref()?.0)),
            None => None,
        };
        let mention = match &raw.mention {
            Some(at) if at.value.as_deref() == Some("nobody") => Some(None),
            Some(at) => {
                let known = context.plans.iter().flat_map(|plan| plan.on_call.keys());
                let known = known.map(|name| (name.as_str(), name));
                let who: &OnCallName =
                    self.one_of(at, (Code::NoSuchOnCall, "an on-call entry"), known)?;
                Some(Some(who.clone()))
            }
            None => None,
        };
        let target = self.whom(span, raw, context).ok()?;
        let says_which = channel.is_some()
            || text.is_some()
            || kind.is_some()
            || mention.is_some()
            || target.is_some();
        if !says_which && raw.times.is_none() {
            self.check.report(
                Problem::new(Code::Missing, span, "this does not say what is expected").help(
                    "name a `channel`, a piece of the text, a `target` with its `state`, or with `times: 0` that nobody hears anything",
                ),
            );
            return None;
        }
        Some(What::Message {
            channel: channel.cloned(),
            text,
            kind,
            mention,
            target,
        })
    }
}

fn kind_of(word: &str) -> Kind {
    match word {
        "opened" => Kind::Opened,
        "changed" => Kind::Changed,
        "reminder" => Kind::Reminder,
        "recovered" => Kind::Recovered,
        "removed" => Kind::Removed,
        "split" => Kind::Split,
        _ => Kind::Notice,
    }
}
