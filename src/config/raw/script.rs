//! A file of tests as typed: scripts of what happens, and what people are expected to hear.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, ShiftText, StateWord, words};
use crate::config::decode::{At, OneOrMany};

/// Tests of a file: one, or several under `tests`.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a file of tests", deny_unknown_fields)]
#[schemars(rename = "File")]
pub(crate) struct TestFile {
    /// The file that is tested, relative to this one. Default: the one of the command line.
    pub(crate) config: Option<At<String>>,
    /// What this test shows; unique in the file.
    pub(crate) name: Option<At<String>>,
    /// The wall time at 0s: `2026-01-05 03:00` in the file's time zone. Default `2026-01-05 09:00`, a Monday.
    pub(crate) starts_at: Option<At<String>>,
    /// What happens, in order; the last step is the end.
    pub(crate) script: Option<At<Vec<At<Step>>>>,
    /// What is expected of it.
    pub(crate) expect: Option<At<Vec<At<Expectation>>>>,
    /// Several tests in place of one.
    pub(crate) tests: Option<At<Vec<At<Test>>>>,
}

/// One test.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a test", deny_unknown_fields)]
#[schemars(rename = "Test")]
pub(crate) struct Test {
    /// What this test shows; unique in the file.
    pub(crate) name: Option<At<String>>,
    /// The wall time at 0s.
    pub(crate) starts_at: Option<At<String>>,
    /// What happens, in order; the last step is the end.
    pub(crate) script: Option<At<Vec<At<Step>>>>,
    /// What is expected of it.
    pub(crate) expect: Option<At<Vec<At<Expectation>>>>,
}

/// One thing that happens.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "a step of a script", deny_unknown_fields)]
#[schemars(rename = "Step")]
pub(crate) struct Step {
    /// When, counted from the beginning.
    pub(crate) at: Option<At<DurationText>>,
    /// For how long; all is well again after it.
    pub(crate) r#for: Option<At<DurationText>>,
    /// Of which target the answers change.
    pub(crate) target: Option<At<String>>,
    /// What all its checks that ask it are answered.
    pub(crate) all_checks: Option<At<AnswerWord>>,
    /// What its `health` is answered.
    pub(crate) health: Option<At<AnswerWord>>,
    /// What its `http` is answered.
    pub(crate) http: Option<At<AnswerWord>>,
    /// What its `tcp` is answered.
    pub(crate) tcp: Option<At<AnswerWord>>,
    /// What its `tls` is answered.
    pub(crate) tls: Option<At<AnswerWord>>,
    /// What its `dns` is answered.
    pub(crate) dns: Option<At<AnswerWord>>,
    /// What its `grpc` is answered.
    pub(crate) grpc: Option<At<AnswerWord>>,
    /// What its `icmp` is answered.
    pub(crate) icmp: Option<At<AnswerWord>>,
    /// What its `websocket` is answered.
    pub(crate) websocket: Option<At<AnswerWord>>,
    /// What its `steps` are answered.
    pub(crate) steps: Option<At<AnswerWord>>,
    /// What its `metrics` are answered.
    pub(crate) metrics: Option<At<AnswerWord>>,
    /// Whether lines are written to its log.
    pub(crate) log_freshness: Option<At<LogWord>>,
    /// Whether it calls.
    pub(crate) heartbeat: Option<At<BeatWord>>,
    /// How long answers take; shorter than the limit of a look, or of the action.
    pub(crate) took: Option<At<DurationText>>,
    /// What a bad answer says.
    pub(crate) says: Option<At<String>>,
    /// The store of logs that changes.
    pub(crate) source: Option<At<String>>,
    /// What a store of logs, a channel, or the receiver of an action does with what it is asked.
    pub(crate) answers: Option<At<ReceiverWord>>,
    /// How far a store of logs is behind; `0s`: not at all.
    pub(crate) lag: Option<At<DurationText>>,
    /// The group whose roles change.
    pub(crate) group: Option<At<String>>,
    /// Who of it is active from now on; `[]`: nobody.
    pub(crate) active: Option<At<OneOrMany<String>>>,
    /// The channel that changes.
    pub(crate) channel: Option<At<String>>,
    /// What somebody says, as after `hekate` in a terminal or `/roih` in Slack: `silence add master blue for 30m because db restore`.
    pub(crate) command: Option<At<String>>,
    /// What somebody wants done, as after `/roih` in Slack: `restart master green because it hangs`.
    pub(crate) action: Option<At<String>>,
    /// Who wants it: Slack's id of a person (`U…`). Default: a program on this machine.
    pub(crate) by: Option<At<String>>,
    /// Where they say it: a channel of the file, or Slack's id of one. Default: to the bot alone.
    pub(crate) r#in: Option<At<String>>,
    /// In which user groups (`S…`) Slack says that they are, and whoever is `second`.
    pub(crate) member_of: Option<At<OneOrMany<String>>>,
    /// What they do when they are asked to confirm it. Default `yes`: they press the button, or type the name.
    pub(crate) confirm: Option<At<ConfirmWord>>,
    /// What they type where a name has to be typed. Default the name.
    pub(crate) types: Option<At<String>>,
    /// Who confirms as the second person. Default nobody.
    pub(crate) second: Option<At<String>>,
    /// The action whose receiver does something else from now on.
    pub(crate) run: Option<At<String>>,
    /// How hekate itself ends, to be started again.
    pub(crate) restart: Option<At<RestartWord>>,
    /// For how long hekate is not running in a `restart`. Default `2s`.
    pub(crate) away: Option<At<DurationText>>,
    /// What the file that is tested becomes: another file, relative to this one.
    pub(crate) reload: Option<At<String>>,
    /// How far the clock of hekate's machine jumps: `+1h`, `-10m`.
    pub(crate) clock: Option<At<ShiftText>>,
    /// Whether hekate's own network works.
    pub(crate) our_network: Option<At<NetworkWord>>,
    /// The end of the script.
    pub(crate) end: Option<At<bool>>,
}

/// What is expected.
#[derive(Deserialize, JsonSchema, Default, Debug)]
#[serde(rename = "an expectation", deny_unknown_fields)]
#[schemars(rename = "Expectation")]
pub(crate) struct Expectation {
    /// From when to when, `[1m, 3m]`. Default: at any time.
    pub(crate) within: Option<At<Vec<At<DurationText>>>>,
    /// Exactly then, for states.
    pub(crate) at: Option<At<DurationText>>,
    /// At the end, for states.
    pub(crate) at_end: Option<At<bool>>,
    /// It must not be so.
    pub(crate) never: Option<At<bool>>,
    /// So many messages, no more and no fewer. Default: at least one.
    pub(crate) times: Option<At<u32>>,
    /// The channel that gets the message.
    pub(crate) channel: Option<At<String>>,
    /// A piece of its words; case does not matter.
    pub(crate) text_contains: Option<At<String>>,
    /// What the message is for.
    pub(crate) kind: Option<At<KindWord>>,
    /// Who is mentioned: a key of `on_call`, or `nobody`.
    pub(crate) mention: Option<At<String>>,
    /// The target that the message, or the state, is about.
    pub(crate) target: Option<At<String>>,
    /// The store of logs that the message, or the state, is about.
    pub(crate) source: Option<At<String>>,
    /// How the target or source is.
    pub(crate) state: Option<At<ShownWord>>,
    /// What becomes of an action that somebody wants done.
    pub(crate) outcome: Option<At<OutcomeWord>>,
    /// The action, by its key. Default any.
    pub(crate) action: Option<At<String>>,
}

words! {
    /// What a look brings back.
    AnswerWord, ["ok", "degraded", "down", "error", "refused", "silent", "not_found", "unauthorised"]
}
words! {
    /// Whether lines are written.
    LogWord, ["fresh", "stale"]
}
words! {
    /// Whether it calls.
    BeatWord, ["beating", "silent", "failing"]
}
words! {
    /// What a store or a channel does.
    ReceiverWord, ["ok", "error", "refused", "silent", "unauthorised", "throttled"]
}
words! {
    /// How hekate ends: at once, or in order.
    RestartWord, ["killed", "orderly"]
}
words! {
    /// What whoever is asked to confirm does.
    ConfirmWord, ["yes", "never", "cancel"]
}
words! {
    /// What becomes of an action.
    OutcomeWord, ["refused", "begun", "done", "failed", "unknown", "expired", "cancelled"]
}
words! {
    /// Whether it works.
    NetworkWord, ["up", "down"]
}
words! {
    /// What a message is for.
    KindWord, ["opened", "changed", "reminder", "recovered", "removed", "split", "notice"]
}
words! {
    /// What the grid shows.
    ShownWord, ["operational", "suspect", "degraded", "down", "unknown"]
}

impl Step {
    /// The keys that ask a target, each with its word.
    pub(crate) fn answers_of_checks(
        &self,
    ) -> impl Iterator<Item = (crate::model::CheckKind, &At<AnswerWord>)> {
        use crate::model::CheckKind as Kind;
        [
            (Kind::Health, &self.health),
            (Kind::Http, &self.http),
            (Kind::Tcp, &self.tcp),
            (Kind::Tls, &self.tls),
            (Kind::Dns, &self.dns),
            (Kind::Grpc, &self.grpc),
            (Kind::Icmp, &self.icmp),
            (Kind::Websocket, &self.websocket),
            (Kind::Steps, &self.steps),
            (Kind::Metrics, &self.metrics),
        ]
        .into_iter()
        .filter_map(|(kind, at)| Some((kind, at.as_ref()?)))
    }
}

// A route can ask for fewer states than people are shown; the words of both stay together.
const _: () = assert!(StateWord::WORDS.len() < ShownWord::WORDS.len());
