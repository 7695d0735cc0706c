//! `hekate test`: scripts played against the file. It needs no running hekate, looks at nothing and sends nothing.

mod junit;
mod shape;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    Exit,
    arguments::{Format, Global, Test},
    file,
    terminal::Terminal,
};
use crate::{
    clock::Clock,
    config::{
        Environment, Report,
        script::{Library, Script},
    },
    model::Plan,
    rehearsal::{
        review::{self, Review},
        stage::Coverage,
    },
};

/// Where tests are when nobody says it: beside the file that they test.
const FOLDER: &str = "tests/alerts";

/// One file of tests, and what came of it.
struct Tested {
    name: String,
    report: Report,
    /// What is wrong with the files that are tested, of those that cannot be used.
    plan_reports: Vec<Report>,
    results: Vec<(Script, Review)>,
}

/// What came of everything.
struct Total {
    files: Vec<Tested>,
    coverages: Vec<Covered>,
    took: Duration,
}

/// What tests touched of one file that is tested.
struct Covered {
    file: PathBuf,
    plan: Arc<Plan>,
    coverage: Coverage,
}

/// `hekate test`
pub(super) fn test(global: &Global, asked: &Test, terminal: Terminal) -> Exit {
    let paths = match paths(global, asked) {
        Ok(paths) => paths,
        Err(why) => {
            terminal.complain(&why);
            return Exit::Usage;
        }
    };
    let clock = Clock::start();
    let began = clock.now().tick;
    let environment = Environment::of_process().for_preview();
    let mut library = Library::new(environment, file::path(global));
    let files: Vec<_> = paths
        .iter()
        .map(|path| tested(path, asked, &mut library))
        .collect();
    let total = Total {
        coverages: covered(&files),
        files,
        took: clock.now().tick.since(began),
    };
    complain_of_files(&total, terminal);
    match terminal.format {
        Format::Json => terminal.say_json(&shape::json(&total, asked.coverage)),
        Format::Human | Format::Short | Format::Github | Format::Csv | Format::Markdown => {
            terminal.say(&shape::text(&total, asked, terminal));
        }
    }
    if let Some(path) = &asked.junit
        && let Err(error) = std::fs::write(path, junit::document(&total))
    {
        terminal.complain(&format!("cannot write {}: {error}", path.display()));
        return Exit::Store;
    }
    total.exit(asked, terminal)
}

impl Total {
    fn tests(&self) -> impl Iterator<Item = &(Script, Review)> {
        self.files.iter().flat_map(|file| &file.results)
    }

    fn failed(&self) -> usize {
        self.tests()
            .filter(|(_, review)| !review.faults.is_empty())
            .count()
    }

    fn exit(&self, asked: &Test, terminal: Terminal) -> Exit {
        let is_bad = |file: &Tested| file.report.has_errors() || !file.plan_reports.is_empty();
        if self.files.iter().any(is_bad) {
            return Exit::Config;
        }
        if self.tests().next().is_none() {
            terminal.complain(match &asked.run {
                Some(_) => "no test has a name that matches",
                None => "there is no test",
            });
            return Exit::NotSo;
        }
        if self.failed() > 0 {
            return Exit::NotSo;
        }
        Exit::Done
    }
}

fn tested(path: &Path, asked: &Test, library: &mut Library) -> Tested {
    let loaded = library.load(path);
    let is_asked_for = |script: &Script| {
        let run = asked.run.as_ref();
        run.is_none_or(|run| run.is_match(&script.name))
    };
    let scripts = loaded.scripts.into_iter().filter(is_asked_for);
    let results = scripts.map(|script| {
        let review = review::review(&script, asked.plays);
        (script, review)
    });
    Tested {
        name: path.display().to_string(),
        results: results.collect(),
        report: loaded.report,
        plan_reports: loaded.plan_reports,
    }
}

fn complain_of_files(total: &Total, terminal: Terminal) {
    let format = file::report_format(terminal.format);
    let mut told: Vec<String> = Vec::new();
    for file in &total.files {
        for report in std::iter::once(&file.report).chain(&file.plan_reports) {
            let text = report.render(format, terminal.has_color);
            // Many files of tests may be about one file that cannot be used.
            if !report.problems.is_empty() && !told.contains(&text) {
                terminal.complain(&text);
                told.push(text);
            }
        }
    }
}

fn covered(files: &[Tested]) -> Vec<Covered> {
    let mut out: Vec<Covered> = Vec::new();
    for (script, review) in files.iter().flat_map(|file| &file.results) {
        for (file, plan) in script.tested() {
            let coverage = review.coverage.of(file).cloned().unwrap_or_default();
            match out.iter_mut().find(|known| known.file == file) {
                Some(known) => known.coverage.join(&coverage),
                None => out.push(Covered {
                    file: file.to_owned(),
                    plan: Arc::clone(plan),
                    coverage,
                }),
            }
        }
    }
    out
}

/// The files of tests, those of folders in the order of their names.
fn paths(global: &Global, asked: &Test) -> Result<Vec<PathBuf>, String> {
    let named = if asked.files.is_empty() {
        let config = file::path(global);
        let beside = config.parent().unwrap_or(Path::new("")).join(FOLDER);
        if !beside.is_dir() {
            return Err(format!(
                "there is no folder {}: name a file of tests, or put some there",
                beside.display()
            ));
        }
        vec![beside]
    } else {
        asked.files.clone()
    };
    let mut out = Vec::new();
    for path in named {
        if path.is_dir() {
            let found = in_folder(&path)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            if found.is_empty() {
                return Err(format!(
                    "there is no .yaml or .yml file in {}",
                    path.display()
                ));
            }
            out.extend(found);
        } else {
            out.push(path);
        }
    }
    Ok(out)
}

fn in_folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_yaml = path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_yaml {
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}
