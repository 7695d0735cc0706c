//! Whom words can mean, for a person to choose from where something can be pressed.

use std::{cmp::Reverse, sync::Arc};

use crate::model::{TargetId, Verdict, board::Row};

/// The targets that words can mean, and what is said with the one that is chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choices {
    /// What stands before its name: `health`, `silence add`.
    pub before: String,
    /// What stands behind it, with the blank between: ` for 2h because db restore`; mostly empty.
    pub after: String,
    /// Problems first, then in the order of the file; not empty.
    pub targets: Vec<Choice>,
}

/// One target to choose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// Its id, which is never ambiguous.
    pub id: TargetId,
    /// What people call it.
    pub title: String,
    /// Its icon, if it has one.
    pub icon: Option<String>,
    /// How it is.
    pub verdict: Verdict,
}

impl Choice {
    /// These rows, problems first.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a Arc<Row>>) -> Vec<Self> {
        let mut choices: Vec<Self> = rows
            .into_iter()
            .map(|row| Self {
                id: row.target.id.clone(),
                title: row.target.title(),
                icon: row.target.icon.clone(),
                verdict: row.facts().verdict,
            })
            .collect();
        // Stable: among equals the order of the file.
        choices.sort_by_key(|choice| Reverse(choice.verdict));
        choices
    }
}

impl Choices {
    /// What is said with each of these names; absent if there is nobody to choose.
    pub fn among(targets: Vec<Choice>, before: &str, after: &str) -> Option<Box<Self>> {
        (!targets.is_empty()).then(|| {
            Box::new(Self {
                before: before.to_owned(),
                after: after.to_owned(),
                targets,
            })
        })
    }
}
