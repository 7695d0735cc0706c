//! One word, one meaning: what people may say must not mean two things.

use std::collections::{BTreeSet, HashMap};

use super::{
    Check,
    targets::{Groups, Targets},
};
use crate::config::{code::Code, report::Problem, source::Span};

/// What a word means.
#[derive(Clone)]
struct Meaning<'a> {
    /// For people: ``target `master blue` ``.
    title: String,
    span: Option<Span>,
    /// Whether it is somebody's choice of a word, not a name.
    is_alias: bool,
    /// Whom it belongs to; its own words never collide.
    owner: Owner<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner<'a> {
    Group(&'a str),
    Target(usize),
}

impl Check<'_> {
    /// Reports aliases that mean two things. Names of targets may repeat in other groups: people then say the group too.
    pub(super) fn aliases(&self, groups: &Groups, targets: &Targets) {
        let mut words: HashMap<String, Vec<Meaning<'_>>> = HashMap::new();
        for (group, spans) in groups.list.iter().zip(&groups.aliases) {
            let name = group.name.as_str();
            let title = format!("group `{name}`");
            let owner = Owner::Group(name);
            add(
                &mut words,
                name,
                Meaning {
                    title: title.clone(),
                    span: groups.references.span(name),
                    is_alias: false,
                    owner,
                },
            );
            for (alias, span) in group.aliases.iter().zip(spans) {
                add(
                    &mut words,
                    alias,
                    Meaning {
                        title: title.clone(),
                        span: Some(*span),
                        is_alias: true,
                        owner,
                    },
                );
            }
        }
        for (index, placed) in targets.placed.iter().enumerate() {
            let target = &placed.target;
            let title = format!("target `{}`", target.title());
            let owner = Owner::Target(index);
            let name = Meaning {
                title: title.clone(),
                span: Some(placed.name),
                is_alias: false,
                owner,
            };
            add(&mut words, &target.name, name.clone());
            add(&mut words, &target.title(), name);
            for (alias, span) in target.aliases.iter().zip(&placed.aliases) {
                add(
                    &mut words,
                    alias,
                    Meaning {
                        title: title.clone(),
                        span: Some(*span),
                        is_alias: true,
                        owner,
                    },
                );
            }
        }
        for meanings in words.values() {
            self.collisions(meanings);
        }
    }

    fn collisions(&self, meanings: &[Meaning<'_>]) {
        // Two names alone are no collision here: equal targets are another problem, and groups tell the rest apart.
        for (index, later) in meanings.iter().enumerate() {
            let Some(first) = meanings[..index]
                .iter()
                .find(|first| first.owner != later.owner && (first.is_alias || later.is_alias))
            else {
                continue;
            };
            // The one that was chosen is the one that can be dropped.
            let (blamed, other) = if later.is_alias {
                (later, first)
            } else {
                (first, later)
            };
            let Some(span) = blamed.span else { continue };
            let word = self.slice(self.inner(span)).to_owned();
            let what = if matches!(
                (first.owner, later.owner),
                (Owner::Target(_), Owner::Target(_))
            ) {
                "two targets"
            } else {
                "two things"
            };
            let mut problem = Problem::new(
                Code::Ambiguous,
                span,
                format!("`{word}` means {what}, so \"status {word}\" could not be answered"),
            )
            .label(format!("here for {}", blamed.title))
            .help("drop one of them; words are combined anyway: \"stage blue\" and \"blue master\" already work");
            if let Some(span) = other.span {
                problem = problem.other(span, format!("here for {}", other.title));
            }
            self.report(problem);
        }
    }
}

fn add<'a>(words: &mut HashMap<String, Vec<Meaning<'a>>>, word: &str, meaning: Meaning<'a>) {
    let meanings = words.entry(folded(word)).or_default();
    let is_known = meanings
        .iter()
        .any(|known| known.owner == meaning.owner && known.is_alias == meaning.is_alias);
    if !is_known {
        meanings.push(meaning);
    }
}

/// As people say it: case, dashes and the order of words make no difference.
pub(super) fn folded(word: &str) -> String {
    let word = word.to_lowercase().replace(['-', '_'], " ");
    let words: BTreeSet<&str> = word.split_whitespace().collect();
    words.into_iter().collect::<Vec<_>>().join(" ")
}
