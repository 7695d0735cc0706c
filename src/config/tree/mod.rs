//! The file as a tree in which every key and value knows its place.
//!
//! Two readers read the text. `saphyr-parser` says where everything is; `serde_yaml` is the authority on what it is (what
//! counts as a number, a truth value or nothing). Where they differ about a value, it is refused: a person would
//! have to guess as well.

mod second_reader;

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use self::second_reader::{Plain, agree};
use super::{
    code::Code,
    findings::Findings,
    report::Problem,
    source::{Source, Span},
    syntax,
};
use crate::model::text::clean;

/// The deepest nesting that is read; a real file has five levels.
const DEPTH_MAX: usize = 32;
/// The most keys, values and lists of one file, aliases counted as what they stand for.
const NODES_MAX: usize = 400_000;

/// A value with its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Node {
    /// Of a list or map its first line, or its first key.
    pub(crate) span: Span,
    /// What it is.
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A single value and its text without quotes.
    Scalar(Form, String),
    /// `- a` or `[a]`
    List(Vec<Node>),
    /// `a: b` or `{a: b}`
    Map(Vec<Entry>),
}

/// What a single value is, as YAML 1.2 has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number,
    /// Text.
    Text,
}

/// One `key: value`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// The key's text.
    pub(crate) key: String,
    /// The key's place.
    pub(crate) span: Span,
    /// Its value.
    pub(crate) value: Node,
}

/// Reads one file. Whatever is wrong with its form is written down; nothing comes back if it cannot be used at all.
pub(crate) fn read(source: &Source, file: u16, findings: &Findings) -> Option<Node> {
    let everything = Span {
        file,
        start: 0,
        end: 0,
    };
    let mut tree = match build(source, everything) {
        Ok(Some(tree)) => tree,
        Ok(None) => {
            findings.report(nothing(everything));
            return None;
        }
        Err(Fault::Syntax { at, words }) => {
            findings.report(syntax::explain(source, file, at, &words));
            return None;
        }
        Err(Fault::Refused(problem)) => {
            findings.report(*problem);
            return None;
        }
    };
    match serde_yaml::from_str::<Plain>(&source.text) {
        Ok(values) => agree(&mut tree, &values, findings),
        Err(error) => {
            let at = error
                .location()
                .map_or(0, |place| source.offset(place.line(), place.column()));
            findings.report(syntax::explain(source, file, at, &error.to_string()));
            return None;
        }
    }
    if matches!(tree.kind, Kind::Scalar(Form::Null, _)) {
        findings.report(nothing(everything));
        return None;
    }
    without_twice(&mut tree, findings);
    Some(tree)
}

fn nothing(span: Span) -> Problem {
    Problem::new(Code::EmptyFile, span, "there is nothing in this file")
        .help("five lines are enough: a channel, and a target with its `health:` address")
}

/// Whether both readers take this text as YAML at all.
pub(crate) fn is_yaml(text: &str) -> bool {
    let source = Source::new("", text);
    !matches!(build(&source, Span::default()), Err(Fault::Syntax { .. }))
        && serde_yaml::from_str::<Plain>(text).is_ok()
}

/// Why no tree can be built.
enum Fault {
    /// It is no YAML: at which byte, and what the reader said.
    Syntax { at: usize, words: String },
    /// It is YAML of a kind that is not taken.
    Refused(Box<Problem>),
}

/// A list or map that is being filled.
struct Open {
    anchor: usize,
    span: Span,
    is_flow: bool,
    children: Vec<Node>,
    is_map: bool,
}

/// Fills lists and maps from events.
struct Builder<'a> {
    source: &'a Source,
    whole: Span,
    /// Where each character begins, in bytes; the event parser counts characters.
    bytes: Vec<usize>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    root: Option<Node>,
}

fn build(source: &Source, whole: Span) -> Result<Option<Node>, Fault> {
    let bytes = source
        .text
        .char_indices()
        .map(|(at, _)| at)
        .chain([source.text.len()])
        .collect();
    let mut builder = Builder {
        source,
        whole,
        bytes,
        open: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        root: None,
    };
    let mut parser = Parser::new_from_str(&source.text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => {
                let span = builder.span(span.start.index(), span.end.index());
                builder.take(event, span)?;
            }
            Err(error) if error.info().contains("recursion limit") => {
                let at = builder.byte(error.marker().index());
                return Err(too_deep(builder.whole.with(at..at)));
            }
            Err(error) => {
                return Err(Fault::Syntax {
                    at: builder.byte(error.marker().index()),
                    words: error.info().to_owned(),
                });
            }
        }
    }
    Ok(builder.root)
}

impl Builder<'_> {
    fn byte(&self, character: usize) -> usize {
        let last = self.source.text.len();
        self.bytes.get(character).copied().unwrap_or(last)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let start = self.byte(start);
        let end = self.byte(end).max(start);
        // The event parser counts the white space after a plain value as part of it.
        let text = &self.source.text[start..end];
        self.whole.with(start..start + text.trim_end().len())
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) => {
                if self.root.is_some() {
                    return Err(refused(
                        Problem::new(Code::SecondDocument, span, "a second document begins here")
                            .help("remove the `---`; several files go into a folder instead"),
                    ));
                }
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(Fault::Syntax {
                        at: span.start as usize,
                        words: String::from("an alias stands inside of what it refers to"),
                    });
                };
                self.nodes += size;
                self.put(node, 0, span)?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.no_tag(tag.as_deref().map(ToString::to_string), span)?;
                // What it is, is for serde_yaml to say; an empty plain value is the one thing we must tell from "".
                let form = match style {
                    ScalarStyle::Plain if text.is_empty() => Form::Null,
                    ScalarStyle::Plain
                    | ScalarStyle::SingleQuoted
                    | ScalarStyle::DoubleQuoted
                    | ScalarStyle::Literal
                    | ScalarStyle::Folded => Form::Text,
                };
                // Nothing is nowhere, though the event parser may name the comma after it.
                let span = if form == Form::Null {
                    span.with(span.start as usize..span.start as usize)
                } else {
                    span
                };
                let kind = Kind::Scalar(form, text.into_owned());
                self.put(Node { span, kind }, anchor, span)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.no_tag(tag.as_deref().map(ToString::to_string), span)?;
                self.begin(anchor, span, false)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.no_tag(tag.as_deref().map(ToString::to_string), span)?;
                self.begin(anchor, span, true)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span)?,
        }
        Ok(())
    }

    fn no_tag(&self, tag: Option<String>, span: Span) -> Result<(), Fault> {
        let Some(tag) = tag else { return Ok(()) };
        // The place is that of the value; the tag stands before it on the same line.
        let line = self.source.line(self.source.line_of(span.start as usize));
        let before = &self.source.text[line.start..(span.start as usize).max(line.start)];
        let place = before.rfind('!').map_or(span, |at| {
            let length = before[at..].trim_end().len();
            span.with(line.start + at..line.start + at + length)
        });
        Err(refused(
            Problem::new(
                Code::Tag,
                place,
                format!("YAML tags such as `{}` are not used here", clean(&tag, 40)),
            )
            .help("remove it; to make text of a number, put it in quotes"),
        ))
    }

    fn begin(&mut self, anchor: usize, span: Span, is_map: bool) -> Result<(), Fault> {
        if self.open.len() >= DEPTH_MAX {
            return Err(too_deep(span));
        }
        let is_flow = matches!(
            self.source.text.as_bytes().get(span.start as usize),
            Some(b'[' | b'{')
        ) && span.start < span.end;
        self.open.push(Open {
            anchor,
            span,
            is_flow,
            children: Vec::new(),
            is_map,
        });
        Ok(())
    }

    fn end(&mut self, end: Span) -> Result<(), Fault> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let span = if open.is_flow {
            open.span
                .with(open.span.start as usize..end.end.max(open.span.end) as usize)
        } else {
            open.children.first().map_or(open.span, |first| first.span)
        };
        let kind = if open.is_map {
            Kind::Map(entries(open.children)?)
        } else {
            Kind::List(open.children)
        };
        self.put(Node { span, kind }, open.anchor, span)
    }

    fn put(&mut self, node: Node, anchor: usize, span: Span) -> Result<(), Fault> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(refused(
                Problem::new(
                    Code::TooMuch,
                    span,
                    format!("there are more than {NODES_MAX} values in this file"),
                )
                .help("aliases count as often as they are used; use `defaults:` and `groups:` instead"),
            ));
        }
        if anchor > 0 {
            let size = size(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }
}

fn too_deep(span: Span) -> Fault {
    refused(
        Problem::new(
            Code::TooMuch,
            span,
            format!("this is nested deeper than {DEPTH_MAX} levels"),
        )
        .help("a real file has about five levels; is a bracket not closed?"),
    )
}

fn refused(problem: Problem) -> Fault {
    Fault::Refused(Box::new(problem))
}

/// How many values a node holds, itself included.
fn size(node: &Node) -> usize {
    match &node.kind {
        Kind::Scalar(..) => 1,
        Kind::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Kind::Map(entries) => {
            1 + entries
                .iter()
                .map(|entry| 1 + size(&entry.value))
                .sum::<usize>()
        }
    }
}

/// Keys and values from the values in turn.
fn entries(children: Vec<Node>) -> Result<Vec<Entry>, Fault> {
    let mut out = Vec::with_capacity(children.len() / 2);
    let mut children = children.into_iter();
    while let (Some(key), Some(value)) = (children.next(), children.next()) {
        let Kind::Scalar(_, text) = key.kind else {
            return Err(refused(
                Problem::new(Code::WrongType, key.span, "a list or map cannot be a key")
                    .label("is a `${…}` or `{{…}}` without quotes, or a bracket too many?")
                    .help("keys are plain words; put values with brackets in quotes"),
            ));
        };
        out.push(Entry {
            key: text,
            span: key.span,
            value,
        });
    }
    Ok(out)
}

/// Reports keys that are there twice, and merge keys, and takes them away.
fn without_twice(node: &mut Node, findings: &Findings) {
    match &mut node.kind {
        Kind::Scalar(..) => {}
        Kind::List(items) => {
            for item in items {
                without_twice(item, findings);
            }
        }
        Kind::Map(entries) => {
            let mut first: HashMap<String, Span> = HashMap::new();
            entries.retain(|entry| {
                if entry.key == "<<" {
                    findings.report(
                        Problem::new(Code::MergeKey, entry.span, "YAML's merge key `<<` is not used here")
                            .label("would be easy to misread")
                            .help("what targets share goes into `defaults:` or into their group; a target may override it"),
                    );
                    return false;
                }
                if let Some(before) = first.get(&entry.key) {
                    findings.report(
                        Problem::new(
                            Code::Twice,
                            entry.span,
                            format!("`{}` is here twice", clean(&entry.key, 64)),
                        )
                        .label("and again here")
                        .other(*before, "first here")
                        .help("remove one of them, or give it another name"),
                    );
                    return false;
                }
                first.insert(entry.key.clone(), entry.span);
                true
            });
            for entry in entries {
                without_twice(&mut entry.value, findings);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn show(node: &Node, source: &Source, depth: usize, out: &mut String) {
        use std::fmt::Write as _;
        let indent = "  ".repeat(depth);
        let place = source.place(node.span);
        let at = format!("{}:{}", place.line, place.column);
        match &node.kind {
            Kind::Scalar(form, text) => {
                let shown = source.slice(node.span);
                writeln!(out, "{indent}{at} {form:?} {text:?} from {shown:?}").unwrap();
            }
            Kind::List(items) => {
                writeln!(out, "{indent}{at} list {:?}", source.slice(node.span)).unwrap();
                for item in items {
                    show(item, source, depth + 1, out);
                }
            }
            Kind::Map(entries) => {
                writeln!(out, "{indent}{at} map {:?}", source.slice(node.span)).unwrap();
                for entry in entries {
                    writeln!(out, "{indent}  {:?}", source.slice(entry.span)).unwrap();
                    show(&entry.value, source, depth + 2, out);
                }
            }
        }
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let text = "\u{feff}jméno: modrá kočka 🐈   # hezká\r\nb:\r\n  - {c: 007, \"d\": ~, e: no}\r\n  - &x [1e3, true]\r\n  - *x\r\n  -\r\nf: |\r\n  two\r\n  lines\r\ng: 'it''s'\r\n";
        let source = Source::new("a", text);
        let findings = Findings::default();
        let Some(tree) = read(&source, 0, &findings) else {
            panic!("{:?}", findings.take().0);
        };
        let mut out = String::new();
        show(&tree, &source, 0, &mut out);
        expect![[r#"
            1:1 map "jméno"
              "jméno"
                1:8 Text "modrá kočka 🐈" from "modrá kočka 🐈"
              "b"
                3:5 list "{c: 007, \"d\": ~, e: no}"
                  3:5 map "{c: 007, \"d\": ~, e: no}"
                    "c"
                      3:9 Text "007" from "007"
                    "\"d\""
                      3:19 Null "~" from "~"
                    "e"
                      3:25 Text "no" from "no"
                  4:9 list "1e3"
                    4:9 Number "1e3" from "1e3"
                    4:14 Bool(true) "true" from "true"
                  4:9 list "1e3"
                    4:9 Number "1e3" from "1e3"
                    4:14 Bool(true) "true" from "true"
                  6:4 Null "" from ""
              "f"
                8:3 Text "two\nlines\n" from "two\r\n  lines"
              "g"
                10:4 Text "it's" from "'it''s'"
        "#]]
        .assert_eq(&out);
        assert!(findings.take().0.is_empty());
    }
}
