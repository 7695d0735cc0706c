//! Where every step of reading writes down what it finds.

use std::{cell::RefCell, collections::HashSet};

use super::{report::Problem, source::Span};

/// Collects problems; reading goes on after each of them.
#[derive(Default, Debug)]
pub(crate) struct Findings {
    problems: RefCell<Vec<Problem>>,
    secrets: RefCell<Vec<Span>>,
    meant: RefCell<HashSet<(Span, String)>>,
}

impl Findings {
    /// Writes a problem down.
    pub(crate) fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// This piece is a secret and is not shown.
    pub(crate) fn hide(&self, span: Span) {
        self.secrets.borrow_mut().push(span);
    }

    /// Somebody most likely meant this key of the map that is here: that it is missing is no second problem.
    pub(crate) fn meant(&self, map: Span, key: &str) {
        self.meant.borrow_mut().insert((map, key.to_owned()));
    }

    /// Whether [`Findings::meant`] was said of it.
    pub(crate) fn was_meant(&self, map: Span, key: &str) -> bool {
        self.meant.borrow().contains(&(map, key.to_owned()))
    }

    /// How many problems there are so far.
    pub(crate) fn count(&self) -> usize {
        self.problems.borrow().len()
    }

    /// Whether there is any problem so far.
    pub(crate) fn has_any(&self) -> bool {
        !self.problems.borrow().is_empty()
    }

    /// Everything so far: problems and secrets.
    pub(crate) fn take(&self) -> (Vec<Problem>, Vec<Span>) {
        (self.problems.take(), self.secrets.take())
    }
}
