//! What people have done in a script (`action`), and what the receiver of that does (`run`).

use std::sync::Arc;

use super::{Checker, Context, steps::receiving};
use crate::{
    config::{
        code::Code,
        decode::At,
        raw::script as raw,
        report::Problem,
        script::{ActionOutcome, Confirming, Doing, Who},
        source::Span,
        suggest::{listed, nearest},
    },
    model::{
        action::{Action, Call},
        text::{FOREIGN_MAX, clean, span as length},
    },
};

/// Where Slack shows the id of a person.
const WHERE_IDS_ARE: &str = "Slack shows it in the profile under ⋮ → Copy member ID";

impl Checker<'_> {
    /// Somebody asks for an action.
    pub(super) fn of_action(
        &self,
        span: Span,
        step: &raw::Step,
        context: &Context<'_>,
    ) -> Option<Doing> {
        let at = step.action.as_ref()?;
        let words = clean(&self.check.text(at, "`action`")?, FOREIGN_MAX);
        self.begins_with_an_action(at.span, &words, context)?;
        let allowed = ["by", "in", "member_of", "confirm", "types", "second"];
        if !self.has_only(span, step, &allowed) {
            return None;
        }
        let confirm = match &step.confirm {
            None => Confirming::Yes,
            Some(at) => match at.value.as_ref()?.0.as_str() {
                "never" => Confirming::Never,
                "cancel" => Confirming::Cancel,
                _ => Confirming::Yes,
            },
        };
        let types = match &step.types {
            None => None,
            Some(at) if confirm == Confirming::Yes => Some(self.check.text(at, "`types`")?),
            Some(at) => {
                self.both(at.span, "nothing is typed by whoever does not confirm");
                return None;
            }
        };
        Some(Doing::Action {
            words,
            by: self.who(step, context)?,
            confirm,
            types,
            second: match &step.second {
                None => None,
                Some(at) => Some(self.person(at)?),
            },
        })
    }

    /// Who asks, and where; a program on this machine if the step does not say.
    fn who(&self, step: &raw::Step, context: &Context<'_>) -> Option<Option<Who>> {
        let Some(at) = &step.by else {
            let alone = [
                ("in", step.r#in.as_ref().map(|at| at.span)),
                ("member_of", step.member_of.as_ref().map(|at| at.span)),
                ("second", step.second.as_ref().map(|at| at.span)),
            ];
            for (key, place) in alone {
                if let Some(place) = place {
                    let problem = Problem::new(
                        Code::Missing,
                        place,
                        format!(
                            "`{key}` is about people in Slack, and this step does not say who asks"
                        ),
                    );
                    self.check
                        .report(problem.help("add `by: U0ALICE`; without it a program asks"));
                    return None;
                }
            }
            return Some(None);
        };
        let user = self.person(at)?;
        let (channel, channel_name) = match &step.r#in {
            // Said to the bot alone.
            None => (String::from("D0SCRIPT"), String::from("directmessage")),
            Some(at) => self.place(at, context)?,
        };
        let mut member_of = Vec::new();
        for at in step.member_of.iter().filter_map(|at| at.value.as_ref()) {
            for at in &at.0 {
                member_of.push(self.check.slack_id(at, &["S"], "a user group")?);
            }
        }
        Some(Some(Who {
            user,
            channel,
            channel_name,
            member_of,
        }))
    }

    fn person(&self, at: &At<String>) -> Option<String> {
        self.check
            .slack_id_found(at, &["U", "W"], "a person", WHERE_IDS_ARE)
    }

    /// A channel of the file, or any by Slack's id.
    fn place(&self, at: &At<String>, context: &Context<'_>) -> Option<(String, String)> {
        let word = self.check.text(at, "`in`")?;
        let is_id = |text: &str| {
            text.starts_with(['C', 'G', 'D'])
                && text.len() > 2
                && text
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        if is_id(&word) {
            return Some((word, String::new()));
        }
        let known = context.plan.channels.values();
        let known = known.map(|channel| (channel.name.as_str(), channel));
        let channel = self.one_of(at, (Code::NoSuchChannel, "a channel"), known)?;
        let label = channel.label.as_deref().unwrap_or_default();
        let label = label.trim_start_matches('#').to_owned();
        Some(if is_id(&label) {
            (label, String::new())
        } else {
            (String::new(), label)
        })
    }

    fn begins_with_an_action(&self, at: Span, words: &str, context: &Context<'_>) -> Option<()> {
        let plain = |text: &str| text.replace(['-', '_'], " ").to_lowercase();
        let said = plain(words);
        let phrases = || {
            context
                .plan
                .actions
                .iter()
                .flat_map(|action| action.phrases())
        };
        let is_there = phrases().any(|phrase| {
            said.strip_prefix(&phrase)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        if is_there {
            return Some(());
        }
        let all: Vec<_> = phrases().collect();
        let first = said.split(' ').next().unwrap_or_default();
        let mut problem = Problem::new(
            Code::NoSuchWord,
            at,
            format!(
                "`{}` begins with no action of the file that is tested",
                clean(words, 64)
            ),
        );
        if let Some(meant) = nearest(first, all.iter().map(String::as_str)) {
            problem = problem.label(format!("did you mean `{meant}`?"));
        }
        let help = if all.is_empty() {
            String::from("it declares no `actions`")
        } else {
            format!("it has: {}", listed(all.iter().map(String::as_str)))
        };
        self.check.report(problem.help(help));
        None
    }

    /// The receiver of an action does something else.
    pub(super) fn of_run(
        &self,
        span: Span,
        step: &raw::Step,
        context: &Context<'_>,
    ) -> Option<Doing> {
        let at = step.run.as_ref()?;
        let action = self.action_called(at, std::slice::from_ref(&context.plan))?;
        let limit = match &action.call {
            Call::Http(call) => call.timeout,
            Call::Jenkins(call) => call.build_limit,
            Call::Own(_) => {
                self.both(at.span, "hekate does this itself, and asks nobody");
                return None;
            }
        };
        if !self.has_only(span, step, &["answers", "took", "says"]) {
            return None;
        }
        let Some(answers) = &step.answers else {
            let help =
                "say what becomes of it: `answers: error`, or `answers: ok` with `took: 40s`";
            self.missing(span, "answers", "this step", help);
            return None;
        };
        let took = match &step.took {
            None => None,
            Some(at) => Some(self.moment(at, "`took`")?),
        };
        if let (Some(took), Some(at)) = (took, &step.took)
            && took >= limit
        {
            let words = format!("it is given up after {}", length(limit));
            let problem = Problem::new(Code::Range, at.span, words);
            self.check
                .report(problem.help("write `answers: silent` for what does not answer in time"));
            return None;
        }
        Some(Doing::Run {
            action: action.name.clone(),
            answers: receiving(&answers.value.as_ref()?.0)?,
            took,
            says: match &step.says {
                Some(at) => Some(clean(&self.check.text(at, "`says`")?, FOREIGN_MAX)),
                None => None,
            },
        })
    }

    /// An action of any of these files, by its key.
    pub(super) fn action_called<'p>(
        &self,
        at: &At<String>,
        plans: &[&'p crate::model::Plan],
    ) -> Option<&'p Arc<Action>> {
        let known = plans.iter().flat_map(|plan| plan.actions.iter());
        let known = known.map(|action| (action.name.as_str(), action));
        self.one_of(at, (Code::NoSuchWord, "an action"), known)
    }

    fn both(&self, place: Span, words: &str) {
        self.check.report(Problem::new(Code::Both, place, words));
    }
}

/// What is expected to become of an action.
pub(super) fn outcome_of(word: &str) -> Option<ActionOutcome> {
    let mut all = ActionOutcome::ALL.into_iter();
    all.find(|outcome| outcome.as_str() == word)
}
