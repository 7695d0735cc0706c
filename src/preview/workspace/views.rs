//! Forms that are open over the page, and the Home tab: views, as Slack calls them. Only the reader has any.
//!
//! Source: <https://docs.slack.dev/surfaces/modals>, <https://docs.slack.dev/reference/views>.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::{
    READER, Refused, Workspace,
    api::{APP, TEAM},
    press::NotThere,
};
use crate::model::Timestamp;

/// A trigger opens a form for so long, as Slack has it.
const TRIGGER_MILLIS: i64 = 3_000;
/// Triggers that are known at once.
const TRIGGERS_KEPT: usize = 50;
/// Forms that lie over each other at most, as Slack has it.
const FORMS_MAX: usize = 3;
/// The most blocks of a view, as Slack has it.
const BLOCKS_MAX: usize = 100;

/// What is open besides messages.
#[derive(Default, Debug)]
pub(super) struct Views {
    /// Forms, the uppermost last.
    forms: Vec<Form>,
    home: Option<Value>,
    triggers: VecDeque<Trigger>,
    /// How many views and triggers there ever were.
    made: u64,
}

/// A form that is open.
#[derive(Clone, PartialEq, Debug)]
pub struct Form {
    /// Its name in Slack.
    pub id: String,
    /// As Slack received it last.
    pub view: Value,
    /// What is wrong with what was typed, by the block.
    pub errors: BTreeMap<String, String>,
    /// What was typed when it was sent last, by the block.
    pub typed: BTreeMap<String, String>,
    /// How often it changed.
    pub edits: u32,
}

/// What lets an app open a form, once.
#[derive(Debug)]
struct Trigger {
    id: String,
    until: i64,
    is_used: bool,
}

impl Workspace {
    /// A new trigger of something that the reader does.
    pub fn trigger(&mut self, now: Timestamp) -> String {
        let views = &mut self.views;
        views.made += 1;
        let id = format!("{}.{}.preview", now.as_millis(), views.made);
        views.triggers.push_back(Trigger {
            id: id.clone(),
            until: now.as_millis() + TRIGGER_MILLIS,
            is_used: false,
        });
        if views.triggers.len() > TRIGGERS_KEPT {
            views.triggers.pop_front();
        }
        id
    }

    /// The form that lies over the page, if one does.
    pub fn form(&self) -> Option<&Form> {
        self.views.forms.last()
    }

    /// The reader's Home tab, if it was shown by now.
    pub const fn home(&self) -> Option<&Value> {
        self.views.home.as_ref()
    }

    /// The reader closes the form.
    pub fn close(&mut self) {
        self.views.forms.pop();
    }

    /// The payload of the form with this name that the reader sends, with this typed into its blocks.
    ///
    /// # Errors
    ///
    /// If that form is not open any more.
    pub fn submitted(
        &mut self,
        id: &str,
        typed: BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<Value, NotThere> {
        let trigger = self.trigger(now);
        let form = self.views.forms.last_mut().filter(|form| form.id == id);
        let form = form.ok_or(NotThere)?;
        form.errors.clear();
        let mut values = json!({});
        let inputs = blocks(&form.view).iter();
        for block in inputs.filter(|block| block["type"] == "input") {
            let (name, action) = (
                text(&block["block_id"]),
                text(&block["element"]["action_id"]),
            );
            let value = typed.get(&name).filter(|value| !value.is_empty());
            let kind = &block["element"]["type"];
            values[name][action] = json!({ "type": kind, "value": value });
        }
        form.typed = typed;
        let mut view = form.view.clone();
        view["id"] = json!(form.id);
        view["state"] = json!({ "values": values });
        let (user, name) = READER;
        Ok(json!({
            "type": "view_submission",
            "user": { "id": user, "username": name, "name": name, "team_id": TEAM },
            "api_app_id": APP,
            "token": "preview",
            "team": { "id": TEAM, "domain": "preview" },
            "enterprise": null,
            "is_enterprise_install": false,
            "trigger_id": trigger,
            "view": view,
            "response_urls": [],
        }))
    }

    /// What an app answers to a form that was sent; without an answer it closes.
    pub fn resolved(&mut self, answer: Option<&Value>) {
        let nothing = Value::Null;
        let answer = answer.unwrap_or(&nothing);
        match answer["response_action"].as_str() {
            Some("errors") => {
                if let Some(form) = self.views.forms.last_mut() {
                    let errors = answer["errors"].as_object().into_iter().flatten();
                    form.errors = errors
                        .map(|(block, words)| (block.clone(), text(words)))
                        .collect();
                    form.edits += 1;
                }
            }
            Some("update") => {
                if let Some(form) = self.views.forms.last_mut() {
                    form.become_this(answer["view"].clone());
                }
            }
            Some("push") => self.open(answer["view"].clone()),
            Some("clear") => self.views.forms.clear(),
            Some(_) | None => self.close(),
        }
    }

    /// `views.open`, `views.push`
    pub(super) fn open_form(
        &mut self,
        arguments: &Value,
        is_over_another: bool,
        now: Timestamp,
    ) -> Result<Value, Refused> {
        let view = modal(&arguments["view"])?.clone();
        if is_over_another && (self.views.forms.is_empty() || self.views.forms.len() >= FORMS_MAX) {
            return Err("push_limit_reached");
        }
        let asked = arguments["trigger_id"].as_str().unwrap_or_default();
        let mut triggers = self.views.triggers.iter_mut();
        let trigger = triggers.find(|known| known.id == asked);
        let trigger = trigger.ok_or("invalid_trigger_id")?;
        if now.as_millis() > trigger.until {
            return Err("expired_trigger_id");
        }
        if std::mem::replace(&mut trigger.is_used, true) {
            return Err("exchanged_trigger_id");
        }
        if !is_over_another {
            self.views.forms.clear();
        }
        self.open(view);
        Ok(self.form().map_or_else(|| json!({}), told))
    }

    /// `views.update`
    pub(super) fn update_form(&mut self, arguments: &Value) -> Result<Value, Refused> {
        let view = modal(&arguments["view"])?.clone();
        let id = arguments["view_id"].as_str().unwrap_or_default();
        let mut forms = self.views.forms.iter_mut();
        let form = forms.find(|form| form.id == id).ok_or("not_found")?;
        form.become_this(view);
        Ok(told(form))
    }

    /// `views.publish`
    pub(super) fn publish(&mut self, arguments: &Value) -> Result<Value, Refused> {
        let view = &arguments["view"];
        if view["type"] != "home" || blocks(view).len() > BLOCKS_MAX {
            return Err("invalid_arguments");
        }
        // Nobody else's is ever looked at.
        if arguments["user_id"] == READER.0 {
            self.views.home = Some(view.clone());
        }
        Ok(json!({ "view": { "id": "V0HOME", "type": "home" } }))
    }

    fn open(&mut self, view: Value) {
        self.views.made += 1;
        self.views.forms.push(Form {
            id: format!("V0PREVIEW{}", self.views.made),
            view,
            errors: BTreeMap::new(),
            typed: BTreeMap::new(),
            edits: 0,
        });
        if self.views.forms.len() > FORMS_MAX {
            self.views.forms.remove(0);
        }
    }
}

impl Form {
    fn become_this(&mut self, view: Value) {
        self.view = view;
        self.errors.clear();
        self.typed.clear();
        self.edits += 1;
    }
}

/// What Slack says of a form that is open now.
fn told(form: &Form) -> Value {
    json!({ "view": { "id": form.id, "type": "modal", "hash": form.edits.to_string() } })
}

/// A form that Slack would show: with a title, with blocks, and with a button if anything can be typed.
fn modal(view: &Value) -> Result<&Value, Refused> {
    let is_named = view["title"]["text"]
        .as_str()
        .is_some_and(|title| (1..=24).contains(&title.chars().count()));
    let blocks = blocks(view);
    let has_inputs = blocks.iter().any(|block| block["type"] == "input");
    let is_sent = view["submit"].is_object() || !has_inputs;
    if view["type"] == "modal" && is_named && is_sent && (1..=BLOCKS_MAX).contains(&blocks.len()) {
        Ok(view)
    } else {
        Err("invalid_arguments")
    }
}

fn blocks(view: &Value) -> &[Value] {
    view["blocks"].as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
