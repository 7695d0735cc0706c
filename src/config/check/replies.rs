//! `replies:` what is said when somebody says certain words.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Check,
    channels::{Bot, Channels, is_slack_id},
};
use crate::{
    config::{
        code::Code,
        decode::{At, OneOrMany},
        raw::replies::Reply as RawReply,
        report::Problem,
        source::Span,
    },
    model::{
        ChannelName,
        plan::{Destination, SlackSettings},
        replies::{CannedReply, Phrase},
        text::clean,
    },
};

/// More could not be kept in mind by those who wrote them.
const REPLIES_MAX: usize = 200;
/// The most characters of words to wait for.
const WHEN_MAX: usize = 100;
/// The most characters of what is said; the same as of any sentence of an answer.
const SAY_MAX: usize = 300;
/// A joke is worn out when it comes twice in the same talk.
const COOLDOWN: Duration = Duration::from_mins(10);
const COOLDOWN_RANGE: std::ops::RangeInclusive<Duration> =
    Duration::ZERO..=Duration::from_hours(7 * 24);

/// What the replies are checked against.
struct Around<'a> {
    channels: &'a mut Channels,
    bot: &'a Bot,
}

impl Check<'_> {
    /// The replies in the order of the file.
    pub(super) fn replies(
        &self,
        at: Option<At<Vec<At<RawReply>>>>,
        channels: &mut Channels,
        slack: &SlackSettings,
        bot: &Bot,
    ) -> Arc<[CannedReply]> {
        let Some(At {
            span: whole,
            value: Some(list),
        }) = at
        else {
            return Arc::default();
        };
        if list.len() > REPLIES_MAX {
            self.report(Problem::new(
                Code::TooMuch,
                whole,
                format!(
                    "there are {} replies; {REPLIES_MAX} is the most",
                    list.len()
                ),
            ));
        }
        if !list.is_empty() && slack.app_token.is_none() && slack.signing_secrets.is_empty() {
            self.report(
                Problem::new(Code::Unheard, whole, "nobody can say anything to hekate")
                    .label("so none of these is ever said")
                    .help("add `app_token` or `signing_secret` to `slack`"),
            );
        }
        let mut known = BTreeMap::new();
        let mut around = Around { channels, bot };
        let replies = list.into_iter().filter_map(|at| {
            let raw = at.value?;
            self.canned_reply(&raw, at.span, &mut around, &mut known)
        });
        replies.collect()
    }

    fn canned_reply(
        &self,
        raw: &RawReply,
        span: Span,
        around: &mut Around<'_>,
        known: &mut BTreeMap<Phrase, Span>,
    ) -> Option<CannedReply> {
        for (key, has) in [("when", raw.when.is_some()), ("say", raw.say.is_some())] {
            if !has && !self.findings.was_meant(span, key) {
                self.report(
                    Problem::new(Code::Missing, span, format!("this reply has no `{key}`"))
                        .help("write `{ when: \"when we have time\", say: \"that means never\" }`"),
                );
            }
        }
        let when = raw.when.as_ref().and_then(|at| self.phrases(at, known));
        let say = raw.say.as_ref().and_then(|at| self.words_said(at));
        let channels = raw.channels.as_ref();
        let channels = channels.map(|at| self.overheard(at, around));
        let cooldown = raw.cooldown.as_ref();
        let cooldown =
            cooldown.and_then(|at| self.duration(at, "`cooldown`", COOLDOWN_RANGE).value);
        Some(CannedReply {
            when: when?,
            say: say?,
            channels: channels.unwrap_or_default(),
            cooldown: cooldown.unwrap_or(COOLDOWN),
        })
    }

    fn phrases(
        &self,
        at: &At<OneOrMany<String>>,
        known: &mut BTreeMap<Phrase, Span>,
    ) -> Option<Vec<Phrase>> {
        let OneOrMany(list) = at.value.as_ref()?;
        if list.is_empty() {
            self.report(
                Problem::new(Code::Reply, at.span, "this reply waits for no words")
                    .help("say which: `when: \"when we have time\"`"),
            );
        }
        let phrases: Vec<_> = list
            .iter()
            .filter_map(|at| self.words_awaited(at, known))
            .collect();
        (!phrases.is_empty()).then_some(phrases)
    }

    fn words_awaited(&self, at: &At<String>, known: &mut BTreeMap<Phrase, Span>) -> Option<Phrase> {
        let text = self.text(at, "`when`")?;
        let length = text.chars().count();
        if length > WHEN_MAX {
            self.report(
                Problem::new(
                    Code::Reply,
                    at.span,
                    format!("`when` has {length} characters; {WHEN_MAX} is the most"),
                )
                .help("a few words that people really say are enough"),
            );
            return None;
        }
        let Some(phrase) = Phrase::of(&text) else {
            self.report(
                Problem::new(
                    Code::Reply,
                    at.span,
                    format!("`{}` has no letter and no digit", clean(&text, 40)),
                )
                .label("nothing that anybody says would have these words")
                .help("write words; punctuation and pictures between them do not count"),
            );
            return None;
        };
        if let Some(first) = known.get(&phrase) {
            self.report(
                Problem::new(
                    Code::Twice,
                    at.span,
                    format!("there is a reply to `{}` already", clean(&text, 40)),
                )
                .other(*first, "the first one; this one would never be said"),
            );
            return None;
        }
        known.insert(phrase.clone(), at.span);
        Some(phrase)
    }

    fn words_said(&self, at: &At<String>) -> Option<String> {
        let text = self.text(at, "`say`")?;
        let length = text.chars().count();
        if length > SAY_MAX {
            self.report(Problem::new(
                Code::Reply,
                at.span,
                format!("`say` has {length} characters; {SAY_MAX} is the most"),
            ));
            return None;
        }
        Some(clean(&text, SAY_MAX))
    }

    /// The ids of the channels whose ordinary messages are answered.
    fn overheard(&self, at: &At<OneOrMany<String>>, around: &mut Around<'_>) -> Vec<String> {
        let Some(OneOrMany(list)) = at.value.as_ref() else {
            return Vec::new();
        };
        if !list.is_empty() && matches!(around.bot, Bot::Absent) {
            self.report(
                Problem::new(
                    Code::Unheard,
                    at.span,
                    "without a bot hekate hears nothing of what is said in channels",
                )
                .help("add a `bot_token` to `slack`"),
            );
        }
        let mut ids = Vec::new();
        for at in list {
            let id = self.overheard_channel(at, around);
            ids.extend(id.filter(|id| !ids.contains(id)));
        }
        ids
    }

    fn overheard_channel(&self, at: &At<String>, around: &mut Around<'_>) -> Option<String> {
        let text = self.text(at, "a channel of a reply")?;
        let is_declared = around.channels.references.is_declared(&text);
        if !is_declared && is_slack_id(&text, &["C", "G"]) {
            return Some(text);
        }
        if text.starts_with('#') {
            self.report(
                Problem::new(
                    Code::Reply,
                    at.span,
                    format!(
                        "`{}` is a name, and a message says Slack's id",
                        clean(&text, 64)
                    ),
                )
                .help("write the id, `C…`: Slack shows it at the end of the channel's details"),
            );
            return None;
        }
        if !is_declared {
            let who = format!("a reply listens in `{}`", clean(&text, 64));
            around.channels.references.refer(&text, at.span, who);
            return None;
        }
        // Absent if it is wrong, which was said there.
        let channel = around.channels.get(&ChannelName::new(&*text))?;
        match &channel.destination {
            Destination::SlackBot { channel, .. } if !channel.starts_with('#') => {
                Some(channel.clone())
            }
            Destination::SlackBot { .. }
            | Destination::SlackWebhook { .. }
            | Destination::SignedWebhook { .. } => {
                self.report(
                    Problem::new(
                        Code::Reply,
                        at.span,
                        format!(
                            "nobody knows Slack's id of the channel `{}`, and a message says nothing else",
                            clean(&text, 64)
                        ),
                    )
                    .help("write the id here, `C…`; or, if a bot tells that channel, as its `slack`"),
                );
                None
            }
        }
    }
}
