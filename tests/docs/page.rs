//! A page of the docs, cut into its blocks.

use std::{fs, path::Path};

/// What a comment in front of a block says of it: `<!-- file: NAME -->`, `<!-- not run: WHY -->` or `<!-- not compared: WHY -->`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Note {
    /// The block is the content of this file of the scratch folder.
    File(String),
    /// The commands cannot be run here.
    NotRun(String),
    /// The commands are run, but what they print rests on what is not there: a month of looks, say.
    NotCompared(String),
}

/// What stands between two fences.
#[derive(Debug)]
pub(crate) struct Block {
    /// Where the first line of its text is in the page, from 0.
    pub(crate) begins_at: usize,
    /// How far all of it is indented.
    pub(crate) indent: usize,
    pub(crate) language: String,
    pub(crate) note: Option<Note>,
    /// Its lines without the indentation.
    pub(crate) lines: Vec<String>,
}

/// A command of a console block, and what the page shows below it.
#[derive(Debug)]
pub(crate) struct Step {
    /// All lines of the command, without `$ `.
    pub(crate) command: String,
    /// Where in the block what it prints begins, and the lines of it.
    pub(crate) printed_at: usize,
    pub(crate) printed: Vec<String>,
}

/// The text of a page.
pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("the page is there")
}

/// The blocks of a page, in its order.
pub(crate) fn blocks(name: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    let mut note = None;
    for (at, line) in text(name).lines().enumerate() {
        let words = line.trim_start();
        if let Some(language) = words.strip_prefix("```") {
            if !open {
                blocks.push(Block {
                    begins_at: at + 1,
                    indent: line.len() - words.len(),
                    language: language.to_owned(),
                    note: note.take(),
                    lines: Vec::new(),
                });
            }
            open = !open;
        } else if open {
            let block = blocks.last_mut().expect("it was opened");
            let line = line.get(block.indent..).unwrap_or_default();
            block.lines.push(line.to_owned());
        } else if let Some(comment) = words.strip_prefix("<!--") {
            note = read(comment, name, at);
        } else if !words.is_empty() {
            assert_eq!(note, None, "{name}:{at}: the comment above has no block");
        }
    }
    assert!(!open, "{name}: a block has no end");
    blocks
}

fn read(comment: &str, name: &str, at: usize) -> Option<Note> {
    let comment = comment.trim_end().strip_suffix("-->").unwrap_or(comment);
    let (kind, words) = comment.split_once(':').unwrap_or_default();
    let words = words.trim().to_owned();
    assert!(!words.is_empty(), "{name}:{}: {comment}", at + 1);
    match kind.trim() {
        "file" => Some(Note::File(words)),
        "not run" => Some(Note::NotRun(words)),
        "not compared" => Some(Note::NotCompared(words)),
        // Where another test begins to write.
        "measured" => None,
        other => panic!("{name}:{}: nobody knows {other:?}", at + 1),
    }
}

impl Block {
    /// The commands of a console block.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut goes_on = false;
        for (at, line) in self.lines.iter().enumerate() {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step {
                    command: command.to_owned(),
                    printed_at: at + 1,
                    printed: Vec::new(),
                });
            } else if goes_on {
                let step = steps.last_mut().expect("a command goes on");
                step.command += "\n";
                step.command += line;
                step.printed_at = at + 1;
            } else {
                let step = steps.last_mut();
                let step = step.unwrap_or_else(|| panic!("no `$` in front of {line:?}"));
                step.printed.push(line.clone());
                continue;
            }
            goes_on = line.ends_with('\\');
        }
        for step in &mut steps {
            while step.printed.last().is_some_and(String::is_empty) {
                step.printed.pop();
            }
        }
        steps
    }
}
