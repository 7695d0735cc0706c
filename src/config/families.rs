//! A range in a name stands for a family of targets: `name: "api-{{01..20}}"` is twenty of them.
//!
//! The tree is expanded before it is understood, so that every other rule holds for each member. All members stand in the
//! same place of the file, and what is wrong with that place is said once.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    code::Code,
    findings::Findings,
    report::Problem,
    source::{Source, Span},
    template::{Placeholder, each_text, filled, is_of_a_value, piece, placeholders, with_texts},
    tree::{Form, Kind, Node},
};
use crate::model::text::clean;

/// The most targets of all families and single ones together.
const TARGETS_MAX: usize = 20_000;
/// The most that families may weigh: bytes of text, and [`NODE_WEIGHT`] for every value.
const WEIGHT_MAX: usize = 64 * 1024 * 1024;
const NODE_WEIGHT: usize = 32;
/// How the value of the range is called everywhere but in the name.
const EACH: &str = "each";
/// The key of a target below which `{{…}}` may be of its steps.
pub(super) const SCENARIO: &str = "steps";
/// What is written in place of `{{each}}`; the longer one first.
const SLIPS: [&str; 2] = ["${each}", "{each}"];

/// The places that stand for several targets.
#[derive(Debug, Default)]
pub(super) struct Families {
    /// Where each key and value begins, and the end of the longest one there.
    places: BTreeMap<(u16, u32), u32>,
    /// Whether a range could not be understood: what refers to its members would look wrong as well.
    pub(super) has_broken_range: bool,
}

/// Puts the members of each family in its place.
pub(super) fn expand(
    tree: &mut Node,
    sources: &[std::sync::Arc<Source>],
    findings: &Findings,
) -> Families {
    let mut expanding = Expanding {
        sources,
        findings,
        families: Families::default(),
        weight: 0,
    };
    let Kind::Map(sections) = &mut tree.kind else {
        return expanding.families;
    };
    let targets = sections.iter_mut().find(|entry| entry.key == "targets");
    if let Some(Kind::List(items)) = targets.map(|entry| &mut entry.value.kind) {
        let mut members = Vec::with_capacity(items.len());
        for item in std::mem::take(items) {
            expanding.target(item, &mut members);
            if expanding.families.has_broken_range && members.len() > TARGETS_MAX {
                break;
            }
        }
        *items = members;
    }
    expanding.families
}

struct Expanding<'a> {
    sources: &'a [std::sync::Arc<Source>],
    findings: &'a Findings,
    families: Families,
    weight: usize,
}

impl Expanding<'_> {
    fn target(&mut self, item: Node, members: &mut Vec<Node>) {
        let Some((span, name)) = name_of(&item) else {
            members.push(item);
            return;
        };
        let ranges = placeholders(name);
        let Some(range) = ranges.first() else {
            if self.is_single(&item, span, name) {
                // What waits for a value was reported; anything in its place keeps it from being wrong once more.
                members.push(with_texts(&item, &|text| put_in_each(text, EACH)));
            } else {
                self.families.has_broken_range = true;
            }
            return;
        };
        let Some(values) = self.values(range, ranges.get(1), span) else {
            self.families.has_broken_range = true;
            return;
        };
        self.weight += weight(&item) * values.len();
        if members.len() + values.len() > TARGETS_MAX || self.weight > WEIGHT_MAX {
            self.findings.report(
                Problem::new(
                    Code::TooMuch,
                    self.piece(span, range.whole),
                    format!("with this range there are more than {TARGETS_MAX} targets, or too much text"),
                )
                .help("make the range shorter"),
            );
            self.families.has_broken_range = true;
            return;
        }
        self.is_understood(&item);
        self.families.add(&item);
        for value in &values {
            members.push(member(&item, value));
        }
    }

    /// What the range in a name stands for; nothing, if that had to be reported.
    fn values(
        &self,
        range: &Placeholder<'_>,
        second: Option<&Placeholder<'_>>,
        span: Span,
    ) -> Option<Vec<String>> {
        if let Some(second) = second {
            self.findings.report(
                Problem::new(
                    Code::Placeholder,
                    self.piece(span, second.whole),
                    "a name has a single range",
                )
                .label("this is another one")
                .help("write a target for each value of one of them"),
            );
            return None;
        }
        let (why, help) = match values(range.word) {
            Ok(values) => return Some(values),
            Err(Fault::Neither) => (
                format!("`{}` is neither a range nor a list", clean(range.whole, 64)),
                "write a range, \"api-{{01..20}}\", or a list, \"api-{{blue,green}}\"",
            ),
            Err(Fault::Backwards) => (
                format!("`{}` ends before it begins", clean(range.whole, 64)),
                "write the smaller number first",
            ),
            Err(Fault::TooMany) => {
                let why = format!(
                    "`{}` has more than {TARGETS_MAX} values",
                    clean(range.whole, 64)
                );
                self.findings.report(
                    Problem::new(Code::TooMuch, self.piece(span, range.whole), why)
                        .help("make the range shorter"),
                );
                return None;
            }
            Err(Fault::Twice(value)) => (
                format!("`{}` is in the list twice", clean(&value, 64)),
                "remove one of them",
            ),
        };
        let problem = Problem::new(Code::Placeholder, self.piece(span, range.whole), why);
        self.findings
            .report(as_variable(problem, range.word).help(help));
        None
    }

    /// Says what is wrong with placeholders of a family.
    fn is_understood(&self, item: &Node) {
        let scenario = scenario_of(item);
        each_text(item, "", &mut |key, span, text| {
            if key == "name" && name_of(item).is_some_and(|(name, _)| name == span) {
                return;
            }
            // The steps of a scenario have values of their own.
            let has_own = scenario.contains(&span);
            for placeholder in placeholders(text) {
                if placeholder.word == EACH || has_own {
                    continue;
                }
                let place = self.piece(span, placeholder.whole);
                let shown = clean(placeholder.whole, 64);
                let problem = if values(placeholder.word).is_ok() {
                    Problem::new(Code::Placeholder, place, "the range stands in `name` only")
                        .label("write `{{each}}` here")
                } else {
                    Problem::new(
                        Code::Placeholder,
                        place,
                        format!("`{shown}` stands for nothing here"),
                    )
                    .label("the value of the range is `{{each}}`")
                };
                self.findings.report(as_variable(problem, placeholder.word));
            }
            for wrong in SLIPS {
                let is_there = text
                    .match_indices(wrong)
                    .any(|(at, _)| wrong.starts_with('$') || !text[..at].ends_with(['{', '$']));
                if is_there {
                    self.findings.report(
                        Problem::new(
                            Code::Placeholder,
                            self.piece(span, wrong),
                            format!("`{wrong}` is not the value of the range"),
                        )
                        .label("write `{{each}}`")
                        .help("two braces are values of a range; `${NAME}` is a variable of the environment"),
                    );
                }
            }
        });
    }

    /// Whether a target without a range is meant as one: no `{01..20}` and nothing that waits for a value.
    fn is_single(&self, item: &Node, span: Span, name: &str) -> bool {
        let braces = name.find('{').and_then(|open| {
            let length = name[open..].find('}')?;
            Some((&name[open..=open + length], &name[open + 1..open + length]))
        });
        if let Some((whole, word)) = braces
            && values(word).is_ok()
        {
            self.findings.report(
                Problem::new(
                    Code::Placeholder,
                    self.piece(span, whole),
                    "a range has two braces on each side",
                )
                .label(format!("write `{{{{{}}}}}`", clean(word, 64))),
            );
            return false;
        }
        if name.contains("{{") {
            self.findings.report(
                Problem::new(
                    Code::Placeholder,
                    span,
                    "braces in a name are for ranges and lists",
                )
                .help("write a range, \"api-{{01..20}}\", or a list, \"api-{{blue,green}}\""),
            );
            return false;
        }
        each_text(item, "", &mut |_, place, text| {
            if let Some(placeholder) = placeholders(text)
                .into_iter()
                .find(|placeholder| placeholder.word == EACH)
            {
                self.findings.report(
                    Problem::new(
                        Code::Placeholder,
                        self.piece(place, placeholder.whole),
                        "`{{each}}` stands for nothing, because the name has no range",
                    )
                    .other(span, "such as \"api-{{01..20}}\""),
                );
            }
        });
        true
    }

    fn piece(&self, span: Span, text: &str) -> Span {
        let source = self.sources.get(usize::from(span.file));
        piece(source.map(|source| &**source), span, text)
    }
}

/// A target of a family.
fn member(item: &Node, value: &str) -> Node {
    let mut member = with_texts(item, &|text| put_in(text, value));
    if let (Kind::Map(typed), Kind::Map(made)) = (&item.kind, &mut member.kind) {
        for (typed, made) in typed.iter().zip(made) {
            if typed.key == SCENARIO {
                made.value = with_texts(&typed.value, &|text| {
                    slipped(put_in_each(text, value), value)
                });
            }
        }
    }
    member
}

/// Where the texts of the steps of a target stand.
pub(super) fn scenario_of(item: &Node) -> HashSet<Span> {
    let mut places = HashSet::new();
    if let Kind::Map(entries) = &item.kind {
        for entry in entries.iter().filter(|entry| entry.key == SCENARIO) {
            each_text(&entry.value, "", &mut |_, span, _| {
                places.insert(span);
            });
        }
    }
    places
}

/// A text of a family with the value. What is no placeholder of the range was reported, and is not to be wrong once more.
fn put_in(text: &str, value: &str) -> String {
    slipped(filled(text, |_placeholder| Some(value)), value)
}

/// The same for what was written in its place.
fn slipped(text: String, value: &str) -> String {
    SLIPS.iter().fold(text, |text, slip| {
        if text.contains(slip) {
            text.replace(slip, value)
        } else {
            text
        }
    })
}

/// The same for `{{each}}` alone.
fn put_in_each(text: &str, value: &str) -> String {
    filled(text, |placeholder| {
        (placeholder.word == EACH).then_some(value)
    })
}

/// Who writes a name in capitals means a variable.
fn as_variable(problem: Problem, word: &str) -> Problem {
    let is_capital = word.starts_with(|c: char| c.is_ascii_uppercase())
        && word
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if is_capital {
        problem.help(format!(
            "variables of the environment are written `${{{}}}`",
            clean(word, 64)
        ))
    } else {
        problem
    }
}

/// The name of a target and its place, if it is a text.
fn name_of(item: &Node) -> Option<(Span, &str)> {
    let Kind::Map(entries) = &item.kind else {
        return None;
    };
    let entry = entries.iter().find(|entry| entry.key == "name")?;
    match &entry.value.kind {
        Kind::Scalar(Form::Text, text) => Some((entry.value.span, text)),
        Kind::Scalar(..) | Kind::List(_) | Kind::Map(_) => None,
    }
}

/// Why something is no range.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Fault {
    Neither,
    Backwards,
    TooMany,
    Twice(String),
}

/// The values of `01..20` (with the zeros of its ends) or of `blue,green`.
fn values(word: &str) -> Result<Vec<String>, Fault> {
    if let Some((first, last)) = word.split_once("..") {
        return numbers(first.trim(), last.trim());
    }
    let values: Vec<String> = word
        .split(',')
        .map(|value| value.trim().to_owned())
        .collect();
    let is_list = values.len() > 1
        && values
            .iter()
            .all(|value| !value.is_empty() && value.chars().all(is_of_a_value));
    if !is_list {
        return Err(Fault::Neither);
    }
    if values.len() > TARGETS_MAX {
        return Err(Fault::TooMany);
    }
    let mut known = HashSet::new();
    match values.iter().find(|value| !known.insert(value.as_str())) {
        Some(twice) => Err(Fault::Twice(twice.clone())),
        None => Ok(values),
    }
}

fn numbers(first: &str, last: &str) -> Result<Vec<String>, Fault> {
    let is_number = |text: &str| {
        (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(first) || !is_number(last) {
        return Err(Fault::Neither);
    }
    let number = |text: &str| text.parse::<usize>().map_err(|_digits| Fault::Neither);
    let (from, to) = (number(first)?, number(last)?);
    if from > to {
        return Err(Fault::Backwards);
    }
    if to - from >= TARGETS_MAX {
        return Err(Fault::TooMany);
    }
    let has_zeros = [first, last]
        .iter()
        .any(|text| text.len() > 1 && text.starts_with('0'));
    let width = if has_zeros {
        first.len().max(last.len())
    } else {
        0
    };
    Ok((from..=to)
        .map(|value| format!("{value:0width$}"))
        .collect())
}

fn weight(node: &Node) -> usize {
    NODE_WEIGHT
        + match &node.kind {
            Kind::Scalar(_, text) => text.len(),
            Kind::List(items) => items.iter().map(weight).sum(),
            Kind::Map(entries) => entries
                .iter()
                .map(|entry| NODE_WEIGHT + entry.key.len() + weight(&entry.value))
                .sum(),
        }
}

impl Families {
    fn add(&mut self, node: &Node) {
        self.place(node.span);
        match &node.kind {
            Kind::Scalar(..) => {}
            Kind::List(items) => items.iter().for_each(|item| self.add(item)),
            Kind::Map(entries) => {
                for entry in entries {
                    self.place(entry.span);
                    self.add(&entry.value);
                }
            }
        }
    }

    fn place(&mut self, span: Span) {
        let end = self.places.entry((span.file, span.start)).or_default();
        *end = span.end.max(*end);
    }

    fn has(&self, span: Span) -> bool {
        let before = self.places.range(..=(span.file, span.start)).next_back();
        before.is_some_and(|((file, _), end)| *file == span.file && span.end <= *end)
    }

    /// Of what is wrong with one place, the complaint about the first member, and how many follow.
    pub(super) fn once(&self, problems: Vec<Problem>) -> Vec<Problem> {
        if self.places.is_empty() {
            return problems;
        }
        let mut out: Vec<Problem> = Vec::with_capacity(problems.len());
        let mut first: HashMap<(Span, Code), (usize, usize)> = HashMap::new();
        for problem in problems {
            if !self.has(problem.span) {
                out.push(problem);
            } else if let Some((at, more)) = first.get_mut(&(problem.span, problem.code)) {
                *more += usize::from(out.get(*at) != Some(&problem));
            } else {
                first.insert((problem.span, problem.code), (out.len(), 0));
                out.push(problem);
            }
        }
        for (at, more) in first.into_values().filter(|(_, more)| *more > 0) {
            let more = if more == 1 {
                String::from("one more of them")
            } else {
                format!("{more} more of them")
            };
            out[at].notes.push(format!(
                "this line stands for several targets; the same holds for {more}"
            ));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{Environment, load_text};

    #[test]
    fn ranges_keep_their_zeros() {
        let shown = |word: &str| values(word).map(|values| values.join(" "));
        for (word, wanted) in [
            ("1..3", Ok("1 2 3")),
            ("08..11", Ok("08 09 10 11")),
            ("8..011", Ok("008 009 010 011")),
            ("0..2", Ok("0 1 2")),
            ("7..7", Ok("7")),
            ("blue, green", Ok("blue green")),
            ("a.b,c", Ok("a.b c")),
            ("n", Err(Fault::Neither)),
            ("a..c", Err(Fault::Neither)),
            ("1..", Err(Fault::Neither)),
            ("a,", Err(Fault::Neither)),
            ("3..1", Err(Fault::Backwards)),
            ("0..20000", Err(Fault::TooMany)),
            ("0..99999999999999999999", Err(Fault::Neither)),
            ("a,b,a", Err(Fault::Twice(String::from("a")))),
        ] {
            assert_eq!(shown(word), wanted.map(str::to_owned), "{word}");
        }
    }

    fn file(target: &str) -> String {
        format!(
            "channels: {{ ops: \"https://hooks.slack.com/services/T0/B0/{}\" }}\ntargets:\n  - {target}\n",
            "x".repeat(24)
        )
    }

    #[test]
    fn members_are_ordinary_targets() {
        let text = file(
            r#"{ name: "api-{{01..03}}", group: "g{{each}}", aliases: "a{{each}}", was: "old-{{each}}", health: "https://{{each}}.example.test/{{each}}" }"#,
        );
        let outcome = load_text("a.yaml", &text, &Environment::default());
        let plan = outcome.plan.expect("it is right");
        let shown: Vec<_> = plan
            .targets
            .iter()
            .map(|target| {
                let was = target.was.as_ref().map_or("", |was| was.as_str());
                format!("{} {} {was}", target.id, target.aliases.join(","))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "g01/api-01 a01 g01/old-01",
                "g02/api-02 a02 g02/old-02",
                "g03/api-03 a03 g03/old-03"
            ]
        );
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said_once() {
        let text = file(r#"{ name: "api-{{1..500}}", health: "ftp://{{each}}.example.test/" }"#);
        let outcome = load_text("a.yaml", &text, &Environment::default());
        let errors: Vec<_> = outcome
            .report
            .problems
            .iter()
            .filter(|problem| problem.code == Code::Address)
            .collect();
        assert_eq!(errors.len(), 1);
    }

    #[test]
    fn a_small_file_cannot_become_a_large_memory() {
        let long = "x".repeat(900_000);
        let text = file(&format!(
            r#"{{ name: "api-{{{{1..20000}}}}", health: "https://example.test/{long}" }}"#
        ));
        let outcome = load_text("a.yaml", &text, &Environment::default());
        assert!(
            outcome
                .report
                .problems
                .iter()
                .any(|problem| problem.code == Code::TooMuch)
        );
    }

    proptest! {
        #[test]
        fn no_name_panics_and_expansion_is_the_same_every_time(
            name in "[{}a-c0-9.,$ é]{1,24}",
            url in "[{}a-c0-9.,$ é]{0,24}",
        ) {
            let text = file(&format!(r#"{{ name: "{name}", health: "https://x.example.test/{url}" }}"#));
            let load = || load_text("a.yaml", &text, &Environment::default());
            let (one, two) = (load(), load());
            prop_assert_eq!(one.plan.map(|plan| plan.targets.clone()), two.plan.map(|plan| plan.targets.clone()));
            prop_assert_eq!(one.report, two.report);
        }
    }
}
