//! Reads `targets.yaml` and checks it: a plan, or every mistake with its place.
//!
//! The text becomes a tree in which everything knows its place (`tree`), the tree becomes the sections as typed
//! (`decode`, `raw`), and the sections become a [`Plan`] (`check`). No step stops at a mistake; each goes on with what is
//! left, so that one run shows all of them.

mod check;
mod code;
mod decode;
pub mod discovery;
mod environment;
mod explanations;
mod families;
mod files;
mod findings;
mod raw;
mod report;
mod schema;
pub mod script;
mod source;
mod suggest;
mod syntax;
mod template;
#[cfg(test)]
mod tests;
mod tree;
pub mod watch;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

pub use code::Code;
pub use environment::Environment;
pub use explanations::{Explanation, explanation, explanations};
pub use report::{Format, Level, Problem, Report};
pub use schema::{schema, schema_of_tests};
pub use source::{Place, Span};

pub use files::Contents;

use self::{
    discovery::{Discovery, Lists},
    files::Loaded,
    findings::Findings,
    source::Source,
};
use crate::model::Plan;

/// What came of reading a file.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The plan; absent if there is any error.
    pub plan: Option<Arc<Plan>>,
    /// Errors and warnings.
    pub report: Report,
    /// Every file that was read: the file itself or those of the folder, and the secrets and certificates that it names.
    pub files: Vec<PathBuf>,
    /// What was in them, for [`watch::Watch`].
    pub contents: Contents,
    /// Where more targets are found.
    pub discovery: Discovery,
}

/// Reads a file, or a folder of `*.yaml` and `*.yml` files merged in the order of their names.
///
/// What goes wrong is in the report, even if there is no file at all.
pub fn load(path: &Path, environment: &Environment) -> Outcome {
    load_with(path, environment, &Lists::new())
}

/// The same, with targets for what was discovered.
pub fn load_with(path: &Path, environment: &Environment, lists: &Lists) -> Outcome {
    let findings = Findings::default();
    let loaded = files::read(path, &findings);
    understand(loaded, environment, &findings, lists)
}

/// Understands what was read before, with other lists.
fn with_lists(loaded: Loaded, environment: &Environment, lists: &Lists) -> Outcome {
    understand(loaded, environment, &Findings::default(), lists)
}

/// Reads a text as if it were a file with this name in the current folder.
pub fn load_text(name: &str, text: &str, environment: &Environment) -> Outcome {
    let loaded = Loaded {
        sources: vec![Arc::new(Source::new(name, text))],
        folder: PathBuf::new(),
        contents: Contents::default(),
    };
    understand(loaded, environment, &Findings::default(), &Lists::new())
}

fn understand(
    loaded: Loaded,
    environment: &Environment,
    findings: &Findings,
    lists: &Lists,
) -> Outcome {
    let kept = loaded.clone();
    let mut discovered = check::Discovered::of(lists);
    let Loaded {
        sources,
        folder,
        mut contents,
    } = loaded;
    let (tree, is_whole) = files::tree(&sources, findings);
    let mut lines = families::Families::default();
    let plan = tree.and_then(|mut tree| {
        lines = families::expand(&mut tree, &sources, findings);
        let raw = decode::decode(&tree, &sources, findings);
        // With a part missing everything that refers to it would look wrong as well.
        (is_whole && !lines.has_broken_range).then_some(())?;
        discovered.templates = discovery::templates(&tree);
        check::check(
            raw,
            &sources,
            &folder,
            environment,
            findings,
            &mut contents,
            &mut discovered,
        )
    });
    let (problems, secrets) = findings.take();
    let report = Report::new(lines.once(problems), sources, secrets);
    Outcome {
        plan: plan.filter(|_| !report.has_errors()).map(Arc::new),
        report,
        files: contents.files().map(Path::to_owned).collect(),
        contents,
        discovery: Discovery {
            entries: discovered.entries,
            targets: discovered.targets,
            left_out: discovered.left_out,
            kept: Some(Arc::new((kept, environment.clone()))),
        },
    }
}
