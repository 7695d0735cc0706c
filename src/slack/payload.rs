//! A whole message as Slack is to receive it.

use serde_json::{Value, json};

use super::{
    block::{BLOCKS_MAX, Block, MESSAGE_MAX, cost},
    control::Controls,
    mrkdwn::Markup,
};

/// The most characters of the top-level text; Slack's own limit is far above.
const TEXT_MAX: usize = 3_000;

/// Whom a message is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience {
    /// Everybody in a channel, or whom a bot speaks to.
    Channel,
    /// The one who asked, in answer to a command.
    Asker,
}

/// A message: the words, and how they look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    audience: Audience,
    text: String,
    mention: Option<String>,
    blocks: Vec<Block>,
    attachments: Vec<Attachment>,
    /// What can be pressed, below everything else.
    controls: Option<Block>,
}

/// Blocks beside a coloured bar.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attachment {
    /// The colour of the bar.
    pub color: &'static str,
    /// The blocks.
    pub blocks: Vec<Block>,
}

impl Message {
    /// A message of these parts; empty blocks are left out, and what is above Slack's limits is cut and said so.
    ///
    /// `text` is everything in words, already safe to be parsed (see [`mrkdwn::neutral`](super::mrkdwn::neutral));
    /// `mention` is whom the blocks mention, so that the words alone can do it too.
    pub fn new(
        audience: Audience,
        text: &str,
        mention: Option<String>,
        blocks: Vec<Block>,
        attachments: Vec<Attachment>,
    ) -> Self {
        let mut message = Self {
            audience,
            text: super::block::fit(text, TEXT_MAX),
            mention,
            blocks,
            attachments,
            controls: None,
        };
        message.fit();
        message
    }

    /// Everything in words: what a notification and a screen reader say.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The words alone, with the mention: for when Slack refuses how it looks.
    #[must_use]
    pub fn plain(&self) -> Self {
        let text = match &self.mention {
            Some(mention) => format!("{} {mention}", self.text),
            None => self.text.clone(),
        };
        Self {
            audience: self.audience,
            text,
            mention: None,
            blocks: Vec::new(),
            attachments: Vec::new(),
            controls: None,
        }
    }

    /// The same with something to press below it; room is made for it.
    #[must_use]
    pub fn with_controls(mut self, controls: Controls) -> Self {
        self.controls = Some(Block::actions(controls)).filter(|block| !block.is_empty());
        self.fit();
        self
    }

    /// The same for everybody in a channel: nothing to press, and who shows it.
    #[must_use]
    pub fn shared_by(mut self, name: &str) -> Self {
        self.controls = None;
        let by = Block::context_with(&[], &format!("shared by {name}"));
        match self.attachments.last_mut() {
            Some(part) => part.blocks.push(by),
            None => self.blocks.push(by),
        }
        self.fit();
        self
    }

    /// The same, said by a bot: what stands in it calls nobody and shows no preview of a link.
    #[must_use]
    pub fn spoken(mut self) -> Self {
        self.audience = Audience::Channel;
        self
    }

    /// The same without anything to press.
    #[must_use]
    pub fn without_controls(mut self) -> Self {
        self.controls = None;
        self
    }

    /// How much all texts count together.
    pub fn cost(&self) -> usize {
        self.all_blocks().map(Block::cost).sum::<usize>() + cost(&self.text)
    }

    /// As Slack is to receive it.
    pub fn to_json(&self) -> Value {
        let mut out = match self.audience {
            Audience::Channel => json!({
                "unfurl_links": false, "unfurl_media": false, "link_names": false, "parse": "none",
            }),
            Audience::Asker => json!({ "response_type": "ephemeral" }),
        };
        out["text"] = json!(self.text);
        // Below everything else, so in the last attachment if there is one.
        let is_attached = !self.attachments.is_empty();
        let controls = |wanted: bool| self.controls.iter().filter(move |_| wanted);
        let own: Vec<_> = self.blocks.iter().chain(controls(!is_attached)).collect();
        if !own.is_empty() {
            out["blocks"] = own.into_iter().map(Block::to_json).collect();
        }
        if is_attached {
            let last = self.attachments.len() - 1;
            out["attachments"] = self
                .attachments
                .iter()
                .enumerate()
                .map(|(at, part)| {
                    let blocks = part.blocks.iter().chain(controls(at == last));
                    json!({
                        "color": part.color,
                        "fallback": self.text,
                        "blocks": blocks.map(Block::to_json).collect::<Vec<_>>(),
                    })
                })
                .collect();
        }
        out
    }

    /// Everything that can be seen, and what can be pressed last.
    pub fn all_blocks(&self) -> impl Iterator<Item = &Block> {
        self.blocks
            .iter()
            .chain(self.attachments.iter().flat_map(|part| &part.blocks))
            .chain(&self.controls)
    }

    /// The last word on Slack's limits: parts are planned to fit, so this cuts only what nobody has thought of.
    fn fit(&mut self) {
        self.blocks.retain(|block| !block.is_empty());
        for part in &mut self.attachments {
            part.blocks.retain(|block| !block.is_empty());
        }
        self.attachments.retain(|part| !part.blocks.is_empty());
        let mut cut = 0;
        while self.all_blocks().count() >= BLOCKS_MAX || self.cost() > MESSAGE_MAX {
            let last = match self.attachments.last_mut() {
                Some(part) => part.blocks.pop(),
                None => self.blocks.pop(),
            };
            if self
                .attachments
                .last()
                .is_some_and(|part| part.blocks.is_empty())
            {
                self.attachments.pop();
            }
            if last.is_none() {
                break;
            }
            cut += 1;
        }
        if cut > 0 {
            let mut note = Markup::new();
            note.own("… cut to what Slack takes: ")
                .number(cut)
                .own(if cut == 1 {
                    " part more"
                } else {
                    " parts more"
                });
            self.blocks.push(Block::context(&[note]));
        }
    }
}
