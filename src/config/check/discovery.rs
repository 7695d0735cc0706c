//! `discovery:`, and targets from what was found.

use std::collections::{BTreeMap, HashSet};

use url::Url;

use super::{
    Check, Typed,
    aliases::folded,
    logs::Sources,
    targets::{Context, Groups, Placed, Targets},
    timing::Complaints,
    values::SecretFields,
};
use crate::{
    config::{
        code::Code,
        decode::{self, At, Named, TextOr},
        discovery::{Entry, Found, Lists, Origin},
        families::{SCENARIO, scenario_of},
        findings::Findings,
        raw::{self, discovery::HttpSd},
        report::{Level, Problem},
        source::Span,
        template::{Placeholder, each_text, piece, placeholders},
        tree::{self, Form, Kind, Node},
    },
    model::{TargetId, text::clean},
};

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);
const DAY: std::time::Duration = std::time::Duration::from_hours(24);
/// The most targets of a plan.
const TARGETS_MAX: usize = 20_000;
/// So many things that are left out are named.
const LEFT_OUT_MAX: usize = 50;
/// Where what a source says may be put in. What it says must choose neither a file nor a secret.
const OPEN_KEYS: [&str; 6] = ["name", "group", "icon", "health", "url", "runbook_url"];

/// What a target that was found cannot have: it would have to be known before.
const CLOSED_KEYS: [&str; 3] = ["aliases", "was", "log_freshness"];

/// What was found, and what it is made into.
pub(in crate::config) struct Discovered<'a> {
    pub(in crate::config) templates: BTreeMap<String, Node>,
    pub(in crate::config) lists: &'a Lists,
    /// Filled by the check.
    pub(in crate::config) entries: Vec<Entry>,
    pub(in crate::config) targets: Vec<(String, TargetId)>,
    pub(in crate::config) left_out: Vec<String>,
}

impl<'a> Discovered<'a> {
    /// Before anything was read.
    pub(in crate::config) fn of(lists: &'a Lists) -> Self {
        Self {
            templates: BTreeMap::new(),
            lists,
            entries: Vec::new(),
            targets: Vec::new(),
            left_out: Vec::new(),
        }
    }
}

/// What stands for a placeholder.
enum Value {
    /// Of something that was found.
    Of(String),
    /// There is no such label.
    NoLabel,
    /// It is none of ours.
    Unknown,
}

impl Check<'_> {
    /// Checks the entries, and their templates with a made-up thing in them.
    pub(super) fn discovery(
        &mut self,
        at: Option<At<Named<raw::discovery::Discovery>>>,
        context: &Context<'_>,
        groups: &mut Groups,
        sources: &mut Sources,
        discovered: &mut Discovered<'_>,
    ) {
        let named = at.and_then(|at| at.value).map_or_else(Vec::new, |at| at.0);
        for (key, at) in named {
            let place = at.span;
            let Some(name) = self.name(&key, "the name of an entry") else {
                continue;
            };
            let Some(raw) = at.value else { continue };
            let every = raw.every.as_ref().map_or(
                Typed {
                    span: place,
                    value: Some(SECOND * 30),
                },
                |at| self.duration(at, "`every`", SECOND..=DAY),
            );
            let from = self.from(&raw, place, &name);
            let is_missing = raw.target.is_none() && !self.findings.was_meant(place, "target");
            if is_missing {
                self.report(
                    Problem::new(
                        Code::Missing,
                        place,
                        format!("`{name}` of `discovery` has no `target`"),
                    )
                    .help("add `target: { name: \"{{host}}\", health: \"https://{{address}}/health\" }`"),
                );
            } else if let Some(template) = discovered.templates.get(&name) {
                self.template(template, context, groups, sources);
            }
            if let (Some(from), Some(every)) = (from, every.value) {
                discovered.entries.push(Entry { name, from, every });
            }
        }
    }

    /// Exactly one source.
    fn from(&mut self, raw: &raw::discovery::Discovery, place: Span, name: &str) -> Option<Origin> {
        let kinds: [(&str, Option<Span>); 5] = [
            ("file_sd", raw.file_sd.as_ref().map(|at| at.span)),
            ("http_sd", raw.http_sd.as_ref().map(|at| at.span)),
            ("dns_srv", raw.dns_srv.as_ref().map(|at| at.span)),
            ("docker", raw.docker.as_ref().map(|at| at.span)),
            ("kubernetes", raw.kubernetes.as_ref().map(|at| at.span)),
        ];
        let mut given = kinds
            .iter()
            .filter_map(|(kind, span)| Some((*kind, (*span)?)));
        match (given.next(), given.next()) {
            (Some(_), None) => self.the_source(raw, name),
            (Some((first, _)), Some((second, span))) => {
                self.report(
                    Problem::new(
                        Code::Both,
                        span,
                        format!("`{name}` has `{first}` and `{second}`"),
                    )
                    .help("make two entries of them"),
                );
                None
            }
            (None, _) => {
                let was_meant = kinds
                    .iter()
                    .any(|(kind, _)| self.findings.was_meant(place, kind));
                if !was_meant {
                    self.report(
                        Problem::new(
                            Code::Missing,
                            place,
                            format!("`{name}` of `discovery` has no source"),
                        )
                        .help("add `file_sd: ./things.json`, or `http_sd`, `dns_srv`, `docker`, `kubernetes`"),
                    );
                }
                None
            }
        }
    }

    fn the_source(&mut self, raw: &raw::discovery::Discovery, name: &str) -> Option<Origin> {
        if let Some(files) = &raw.file_sd {
            let paths: Option<Vec<_>> = files
                .value
                .as_ref()?
                .0
                .iter()
                .map(|at| Some(self.folder.join(self.text(at, "`file_sd`")?)))
                .collect();
            return paths.map(Origin::Files);
        }
        if let Some(at) = &raw.http_sd {
            return self.http_sd(at, name);
        }
        self.place(raw, name)
            .map(|place| Origin::Place(Box::new(place)))
    }

    fn http_sd(&mut self, at: &At<TextOr<HttpSd>>, name: &str) -> Option<Origin> {
        match at.value.as_ref()? {
            TextOr::Text(text) => {
                let at = At {
                    span: at.span,
                    value: Some(raw::AddressText(text.clone())),
                };
                let url: Url = self.address(&at, "`http_sd`")?;
                Some(Origin::Http { url, bearer: None })
            }
            TextOr::Section(raw) => {
                let bearer = self.secret(&SecretFields {
                    owner: &format!("`http_sd` of `{name}`"),
                    key: "bearer",
                    direct: raw.bearer.as_ref(),
                    file: raw.bearer_file.as_ref(),
                    in_preview: None,
                    is_optional: true,
                    variable: Some("DISCOVERY_TOKEN"),
                    has_file_twin: true,
                });
                let Some(url) = &raw.url else {
                    if !self.findings.was_meant(at.span, "url") {
                        self.report(Problem::new(
                            Code::Missing,
                            at.span,
                            "`http_sd` has no `url`",
                        ));
                    }
                    return None;
                };
                let url = self.address(url, "`url` of `http_sd`")?;
                let bearer = bearer.map(|found| found.secret);
                Some(Origin::Http { url, bearer })
            }
        }
    }

    /// Checks a template as if something had been found.
    fn template(
        &mut self,
        template: &Node,
        context: &Context<'_>,
        groups: &mut Groups,
        sources: &mut Sources,
    ) {
        let mut is_understood = true;
        let scenario = scenario_of(template);
        each_text(template, "", &mut |key, span, text| {
            // The steps of a scenario have values of their own.
            let has_own = scenario.contains(&span);
            for placeholder in placeholders(text) {
                if let Some(problem) = self.unfit(&placeholder, key, span, has_own) {
                    is_understood = false;
                    self.report(problem);
                }
            }
        });
        let mut pretended = filled_in(template, &made_up);
        if let (Kind::Map(typed), Kind::Map(made)) = (&template.kind, &mut pretended.kind) {
            for (typed, made) in typed.iter().zip(made) {
                if typed.key == SCENARIO {
                    made.value = filled_in(&typed.value, &made_up_of_ours);
                }
            }
        }
        let Kind::Map(entries) = &mut pretended.kind else {
            return;
        };
        for entry in entries.iter() {
            if CLOSED_KEYS.contains(&entry.key.as_str()) {
                is_understood = false;
                self.report(
                    Problem::new(
                        Code::Placeholder,
                        entry.span,
                        format!("a target of `discovery` has no `{}`", entry.key),
                    )
                    .help("only targets of the file can have it"),
                );
            }
        }
        // Which group it will be is only known later.
        let has_free_group = matches!(&template.kind, Kind::Map(entries)
            if entries.iter().any(|entry| entry.key == "group" && has_placeholder(&entry.value)));
        entries.retain(|entry| !(has_free_group && entry.key == "group"));
        if is_understood {
            // Mistakes of form were found with the rest of the file.
            let form = Findings::default();
            let raw: At<raw::Target> = decode::decode(&pretended, self.sources, &form);
            if let Some(raw) = raw.value
                && !form.has_any()
            {
                let mut complaints = Complaints::default();
                self.target(
                    &raw,
                    template.span,
                    context,
                    groups,
                    sources,
                    &mut complaints,
                );
            }
        }
    }

    /// What is wrong with a placeholder under this key.
    fn unfit(
        &self,
        placeholder: &Placeholder<'_>,
        key: &str,
        span: Span,
        may_be_foreign: bool,
    ) -> Option<Problem> {
        let place = self.at(span, placeholder);
        match value_of(placeholder, &sample()) {
            Value::Unknown if may_be_foreign => None,
            Value::Unknown => Some(
                Problem::new(
                    Code::Placeholder,
                    place,
                    format!("`{}` stands for nothing here", clean(placeholder.whole, 64)),
                )
                .help("there is `{{address}}`, `{{host}}` (without the port) and `{{label.name}}`"),
            ),
            Value::Of(_) | Value::NoLabel
                if OPEN_KEYS.contains(&key) || CLOSED_KEYS.contains(&key) =>
            {
                None
            }
            Value::Of(_) | Value::NoLabel => Some(
                Problem::new(
                    Code::Placeholder,
                    place,
                    format!(
                        "nothing that was found can be put into `{}`",
                        clean(key, 64)
                    ),
                )
                .help(format!(
                    "what a source says must choose no file and no secret; it can be in: {}",
                    OPEN_KEYS.join(", ")
                )),
            ),
        }
    }

    fn at(&self, span: Span, placeholder: &Placeholder<'_>) -> Span {
        let source = self.sources.get(usize::from(span.file));
        piece(source.map(|source| &**source), span, placeholder.whole)
    }

    /// Adds targets for everything that was found; what cannot be one is left out, and the rest goes on.
    pub(super) fn found(
        &mut self,
        context: &Context<'_>,
        groups: &mut Groups,
        sources: &mut Sources,
        targets: &mut Targets,
        discovered: &mut Discovered<'_>,
    ) {
        let mut ids: HashSet<TargetId> = targets
            .placed
            .iter()
            .map(|placed| placed.target.id.clone())
            .collect();
        let of_groups = groups.list.iter().flat_map(|group| &group.aliases);
        let of_targets = targets
            .placed
            .iter()
            .flat_map(|placed| &placed.target.aliases);
        let words: HashSet<String> = of_groups
            .chain(of_targets)
            .map(|word| folded(word))
            .collect();
        let names: Vec<String> = discovered
            .entries
            .iter()
            .map(|entry| entry.name.clone())
            .collect();
        let mut left_out = 0;
        for name in names {
            let (Some(template), Some(list)) =
                (discovered.templates.get(&name), discovered.lists.get(&name))
            else {
                continue;
            };
            for found in list {
                let made = if targets.placed.len() < TARGETS_MAX {
                    self.one(template, found, context, groups, sources)
                } else {
                    Err(format!("there are {TARGETS_MAX} targets already"))
                };
                let why = match made {
                    Ok(placed) if ids.contains(&placed.target.id) => {
                        format!("there already is a target `{}`", placed.target.id)
                    }
                    Ok(placed)
                        if words.contains(&folded(&placed.target.name))
                            || words.contains(&folded(&placed.target.title())) =>
                    {
                        format!("`{}` means something else already", placed.target.name)
                    }
                    Ok(placed) => {
                        let id = placed.target.id.clone();
                        ids.insert(id.clone());
                        discovered.targets.push((name.clone(), id));
                        targets.placed.push(placed);
                        continue;
                    }
                    Err(why) => why,
                };
                left_out += 1;
                if left_out <= LEFT_OUT_MAX {
                    discovered.left_out.push(format!(
                        "`{}` of `{name}` is left out: {why}",
                        clean(called(found), 64)
                    ));
                }
            }
        }
        if left_out > LEFT_OUT_MAX {
            discovered
                .left_out
                .push(format!("and {} more are left out", left_out - LEFT_OUT_MAX));
        }
    }

    fn one(
        &mut self,
        template: &Node,
        found: &Found,
        context: &Context<'_>,
        groups: &mut Groups,
        sources: &mut Sources,
    ) -> Result<Placed, String> {
        let node = filled_with(template, found)?;
        let findings = Findings::default();
        let raw: At<raw::Target> = decode::decode(&node, self.sources, &findings);
        let group = raw
            .value
            .as_ref()
            .and_then(|raw| raw.group.as_ref()?.value.clone());
        if let Some(group) = group.filter(|group| !groups.takes(group)) {
            return Err(format!("there is no group `{}`", clean(&group, 64)));
        }
        let mut own = Check {
            sources: self.sources,
            folder: self.folder,
            environment: self.environment,
            findings: &findings,
            contents: &mut *self.contents,
        };
        let mut complaints = Complaints::default();
        let placed = raw.value.and_then(|raw| {
            own.target(
                &raw,
                template.span,
                context,
                groups,
                sources,
                &mut complaints,
            )
        });
        let (problems, secrets) = findings.take();
        for secret in secrets {
            self.findings.hide(secret);
        }
        let wrong = problems
            .into_iter()
            .find(|problem| problem.level == Level::Error);
        match (wrong, placed) {
            (None, Some(placed)) => Ok(placed),
            (Some(problem), _) if problem.label.is_empty() => Err(clean(&problem.sentence, 200)),
            (Some(problem), _) => Err(clean(
                &format!("{}: {}", problem.sentence, problem.label),
                200,
            )),
            (None, None) => Err(String::from("it cannot be a target")),
        }
    }
}

/// A template with what was found in it.
fn filled_with(template: &Node, found: &Found) -> Result<Node, String> {
    let missing = std::cell::RefCell::new(None);
    let has_scenario = !scenario_of(template).is_empty();
    let node = filled_in(template, &|key, text| {
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for placeholder in placeholders(text) {
            match value_of(&placeholder, found) {
                // It must not choose what of an answer is sent where.
                Value::Of(value) if has_scenario && value.contains("{{") => {
                    let why = format!("its `{}` has braces in it", placeholder.word);
                    *missing.borrow_mut() = Some(why);
                }
                Value::Of(value) if OPEN_KEYS.contains(&key) => {
                    out.push_str(&text[done..placeholder.range.start]);
                    // Variables are filled in later; what a source says must not name one.
                    let is_filled = ["health", "url", "runbook_url"].contains(&key);
                    out.push_str(&if is_filled {
                        value.replace('$', "$$")
                    } else {
                        value
                    });
                    done = placeholder.range.end;
                }
                Value::NoLabel => {
                    *missing.borrow_mut() = Some(format!("it has no `{}`", placeholder.word));
                }
                Value::Of(_) | Value::Unknown => {}
            }
        }
        out.push_str(&text[done..]);
        out
    });
    if let Some(why) = missing.into_inner() {
        return Err(why);
    }
    Ok(node)
}

fn has_placeholder(node: &Node) -> bool {
    let mut is_so = false;
    each_text(node, "", &mut |_, _, text| {
        is_so |= !placeholders(text).is_empty();
    });
    is_so
}

/// The same node with other texts, by the key that they stand under.
fn filled_in(node: &Node, change: &impl Fn(&str, &str) -> String) -> Node {
    fn walk(node: &Node, key: &str, change: &impl Fn(&str, &str) -> String) -> Node {
        let kind = match &node.kind {
            Kind::Scalar(Form::Text, text) => Kind::Scalar(Form::Text, change(key, text)),
            Kind::Scalar(form, text) => Kind::Scalar(*form, text.clone()),
            Kind::List(items) => {
                Kind::List(items.iter().map(|item| walk(item, key, change)).collect())
            }
            Kind::Map(entries) => Kind::Map(
                entries
                    .iter()
                    .map(|entry| tree::Entry {
                        key: entry.key.clone(),
                        span: entry.span,
                        value: walk(&entry.value, &entry.key, change),
                    })
                    .collect(),
            ),
        };
        Node {
            span: node.span,
            kind,
        }
    }
    walk(node, "", change)
}

fn value_of(placeholder: &Placeholder<'_>, found: &Found) -> Value {
    match placeholder.word {
        "address" | "host" if found.address.is_empty() => Value::NoLabel,
        "address" => Value::Of(found.address.clone()),
        "host" => Value::Of(host(&found.address).to_owned()),
        word => match word.strip_prefix("label.") {
            Some(label) if !label.is_empty() => match found.labels.get(label) {
                Some(value) => Value::Of(value.clone()),
                None => Value::NoLabel,
            },
            Some(_) | None => Value::Unknown,
        },
    }
}

/// What people would call it.
fn called(found: &Found) -> &str {
    match found.labels.get("name") {
        Some(name) if found.address.is_empty() => name,
        Some(_) | None => &found.address,
    }
}

/// An address without its port.
fn host(address: &str) -> &str {
    match address.rsplit_once(':') {
        Some((host, port))
            if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            host
        }
        Some(_) | None => address,
    }
}

fn sample() -> Found {
    Found {
        address: String::from("sample.test:80"),
        labels: BTreeMap::new(),
    }
}

/// The same where what is none of ours may be of the steps of a scenario.
fn made_up_of_ours(key: &str, text: &str) -> String {
    let mut out = String::new();
    let mut done = 0;
    for placeholder in placeholders(text) {
        if matches!(value_of(&placeholder, &sample()), Value::Unknown) {
            continue;
        }
        out.push_str(&text[done..placeholder.range.start]);
        out.push_str(&made_up(key, placeholder.whole));
        done = placeholder.range.end;
    }
    out.push_str(&text[done..]);
    out
}

/// A text with something plausible in it, to see whether the template can ever be right.
fn made_up(key: &str, text: &str) -> String {
    let mut out = String::new();
    let mut done = 0;
    for placeholder in placeholders(text) {
        let is_whole = placeholder.range == (0..text.len());
        let value = match value_of(&placeholder, &sample()) {
            Value::Of(value) => value,
            Value::NoLabel | Value::Unknown if text[placeholder.range.end..].starts_with("://") => {
                String::from("https")
            }
            Value::NoLabel | Value::Unknown => match key {
                "icon" if is_whole => String::from("🔵"),
                "health" | "url" | "runbook_url" if is_whole => {
                    String::from("https://sample.test/")
                }
                _ => String::from("1"),
            },
        };
        out.push_str(&text[done..placeholder.range.start]);
        out.push_str(&value);
        done = placeholder.range.end;
    }
    out.push_str(&text[done..]);
    out
}
