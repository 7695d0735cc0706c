//! Names that refer to something that has to be declared.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use crate::{
    config::{
        code::Code,
        report::Problem,
        source::Span,
        suggest::{listed, nearest},
    },
    model::text::clean,
};

/// So many places are shown of a name that is used in many.
const PLACES_SHOWN: usize = 4;

/// What is declared under one section, and who refers to it.
pub(super) struct References {
    /// What one of them is called: `channel`.
    noun: &'static str,
    code: Code,
    declared: BTreeMap<String, Span>,
    /// The same in the order of the file.
    order: Vec<String>,
    used: BTreeSet<String>,
    /// Whether what is declared could not be read: then nobody can say that something is missing.
    is_unknowable: bool,
    unknown: BTreeMap<String, Vec<(Span, String)>>,
}

impl References {
    pub(super) fn new(noun: &'static str, code: Code) -> Self {
        Self {
            noun,
            code,
            declared: BTreeMap::new(),
            order: Vec::new(),
            used: BTreeSet::new(),
            is_unknowable: false,
            unknown: BTreeMap::new(),
        }
    }

    /// The section could not be read.
    pub(super) fn unknowable(&mut self) {
        self.is_unknowable = true;
    }

    pub(super) fn declare(&mut self, name: &str, span: Span) {
        if self.declared.insert(name.to_owned(), span).is_none() {
            self.order.push(name.to_owned());
        }
    }

    pub(super) fn is_declared(&self, name: &str) -> bool {
        self.declared.contains_key(name)
    }

    /// Whether what is declared could be read.
    pub(super) fn is_knowable(&self) -> bool {
        !self.is_unknowable
    }

    /// Whether everything that was referred to is there.
    pub(super) fn all_known(&self) -> bool {
        self.unknown.is_empty() && !self.is_unknowable
    }

    pub(super) fn is_used(&self, name: &str) -> bool {
        self.used.contains(name)
    }

    pub(super) fn span(&self, name: &str) -> Option<Span> {
        self.declared.get(name).copied()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.order.iter().map(String::as_str)
    }

    /// Refers to a name; whoever does is told if it is not there: ``route 2 sends to `x` ``.
    pub(super) fn refer(&mut self, name: &str, span: Span, who: impl Into<String>) -> bool {
        if self.is_declared(name) {
            self.used.insert(name.to_owned());
            return true;
        }
        if !self.is_unknowable {
            self.unknown
                .entry(name.to_owned())
                .or_default()
                .push((span, who.into()));
        }
        false
    }

    /// Says which names are not declared.
    ///
    /// When several places use one name, and a declared name that nobody uses is nearly the same, the slip is in the
    /// declaration: one problem there says more than many elsewhere.
    pub(super) fn finish(&self, check: &Check<'_>) {
        for (name, places) in &self.unknown {
            let meant = nearest(name, self.names());
            let unused = meant.filter(|meant| !self.is_used(meant));
            match unused.and_then(|unused| Some((unused, self.span(unused)?))) {
                Some((unused, span)) if places.len() > 1 => {
                    let mut problem = Problem::new(
                        self.code,
                        span,
                        format!(
                            "nothing refers to the {} `{}`, but {} places say `{}`",
                            self.noun,
                            clean(unused, 64),
                            places.len(),
                            clean(name, 64)
                        ),
                    )
                    .label(format!("did you mean `{}`?", clean(name, 64)));
                    for (place, _) in places.iter().take(PLACES_SHOWN) {
                        problem = problem.other(*place, "");
                    }
                    check.report(problem);
                }
                declared => {
                    for (span, who) in places {
                        let problem = self.unknown(*span, who, meant);
                        check.report(match declared {
                            // Either of the two may be the slip.
                            Some((_, span)) => problem.other(span, "nothing refers to this one"),
                            None => problem,
                        });
                    }
                }
            }
        }
    }

    fn unknown(&self, span: Span, who: &str, meant: Option<&str>) -> Problem {
        let article = if self.noun.starts_with(['a', 'e', 'i', 'o', 'u']) {
            "an"
        } else {
            "a"
        };
        let mut problem = Problem::new(
            self.code,
            span,
            format!("{who}, which is not {article} {}", self.noun),
        );
        if let Some(meant) = meant {
            problem = problem.label(format!("did you mean `{}`?", clean(meant, 64)));
        }
        if self.order.is_empty() {
            problem.help(format!("there is no {} in the file", self.noun))
        } else {
            problem.help(format!("there is: {}", listed(self.names())))
        }
    }
}
