//! From a file of tests as typed to scripts: every name is looked up in the file that is tested.

mod deeds;
mod expect;
mod itself;
mod names;
mod steps;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{NaiveDateTime, TimeZone as _};

use self::names::Names;
use super::Check;
use crate::{
    config::{
        code::Code,
        decode::At,
        environment::Environment,
        files::Contents,
        findings::Findings,
        raw::{DurationText, script as raw},
        report::Problem,
        script::{Expectation, Plans, Script},
        source::{Source, Span},
    },
    model::{Plan, Timestamp, text::clean},
};

/// The longest script.
const SCRIPT_MAX: Duration = Duration::from_hours(24 * 14);
/// The wall time at the beginning when a test says nothing of it: a Monday morning.
const BEGINNING: &str = "2026-01-05 09:00";

/// Checks one file of tests.
pub(in crate::config) struct Checker<'a> {
    check: Check<'a>,
}

/// What a test is checked with.
struct Context<'a> {
    /// Every file that is tested.
    files: &'a Plans,
    /// What the file says that holds while this step happens.
    plan: &'a Plan,
    /// What those said that held so far, this one included.
    plans: Vec<&'a Plan>,
    names: Names<'a>,
    /// When the script ends, if that is known.
    ends_after: Option<Duration>,
}

impl<'a> Context<'a> {
    fn of(files: &'a Plans, plan: &'a Plan) -> Self {
        Self {
            files,
            plan,
            plans: vec![plan],
            names: Names::of(&[plan]),
            ends_after: None,
        }
    }

    /// From now on this plan holds.
    fn turn_to(&mut self, plan: &'a Plan) {
        self.plan = plan;
        self.plans.push(plan);
        self.names = Names::of(&[plan]);
    }

    /// From now on whatever any of the plans names can be named.
    fn look_back(&mut self) {
        self.names = Names::of(&self.plans);
    }
}

impl<'a> Checker<'a> {
    pub(in crate::config) fn new(
        sources: &'a [Arc<Source>],
        folder: &'a Path,
        environment: &'a Environment,
        findings: &'a Findings,
        contents: &'a mut Contents,
    ) -> Self {
        Self {
            check: Check {
                sources,
                folder,
                environment,
                findings,
                contents,
            },
        }
    }

    /// The tests as typed, and the file that they test.
    pub(in crate::config) fn tests(
        &mut self,
        file: At<raw::TestFile>,
    ) -> (Vec<At<raw::Test>>, Option<PathBuf>) {
        let check = &self.check;
        let whole = file.span;
        let Some(file) = file.value else {
            return (Vec::new(), None);
        };
        let path = file
            .config
            .and_then(|at| check.text(&at, "`config`"))
            .map(|text| check.folder.join(text));
        let is_one = file.name.is_some() || file.script.is_some() || file.expect.is_some();
        let tests = match file.tests {
            Some(at) if is_one => {
                check.report(
                    Problem::new(
                        Code::Both,
                        at.span,
                        "`tests` stands beside a test of its own",
                    )
                    .help("move `name`, `script` and `expect` into an item of `tests`"),
                );
                Vec::new()
            }
            Some(at) => {
                let list = at.value.unwrap_or_default();
                if list.is_empty() {
                    check.report(Problem::new(
                        Code::Empty,
                        at.span,
                        "there is no test in `tests`",
                    ));
                }
                list
            }
            None if !is_one && check.findings.was_meant(whole, "tests") => Vec::new(),
            None => vec![At {
                span: whole,
                value: Some(raw::Test {
                    name: file.name,
                    starts_at: None,
                    script: file.script,
                    expect: file.expect,
                }),
            }],
        };
        (with_beginning(tests, file.starts_at.as_ref()), path)
    }

    /// The files that these tests let the tested one become.
    pub(in crate::config) fn reloads(&self, tests: &[At<raw::Test>]) -> BTreeSet<PathBuf> {
        let scripts = tests
            .iter()
            .filter_map(|at| at.value.as_ref()?.script.as_ref());
        let steps = scripts.filter_map(|at| at.value.as_ref()).flatten();
        let files = steps.filter_map(|at| at.value.as_ref()?.reload.as_ref()?.value.as_ref());
        let files = files.filter(|text| !text.trim().is_empty());
        files.map(|text| self.file(text)).collect()
    }

    /// The scripts of these tests; none if the file that they test cannot be used.
    pub(in crate::config) fn scripts(
        &mut self,
        file: &Path,
        files: &Plans,
        tests: Vec<At<raw::Test>>,
    ) -> Vec<Script> {
        let Some(Ok(plan)) = files.get(file) else {
            return Vec::new();
        };
        let mut names: BTreeMap<String, Span> = BTreeMap::new();
        let mut out = Vec::new();
        for at in tests {
            let Some(test) = at.value else { continue };
            let name = self.name_of(at.span, test.name.as_ref(), &mut names);
            let script = self.script(files, plan, at.span, test);
            if let (Some(name), Some(script)) = (name, script) {
                let file = file.to_owned();
                out.push(Script {
                    name,
                    file,
                    ..script
                });
            }
        }
        out
    }

    fn name_of(
        &self,
        span: Span,
        at: Option<&At<String>>,
        names: &mut BTreeMap<String, Span>,
    ) -> Option<String> {
        let Some(at) = at else {
            self.missing(
                span,
                "name",
                "this test",
                "say what it shows: `name: a lagging Graylog pages nobody`",
            );
            return None;
        };
        let name = self.check.text(at, "`name`")?;
        if let Some(first) = names.insert(name.clone(), at.span) {
            self.check.report(
                Problem::new(
                    Code::Twice,
                    at.span,
                    format!("two tests are called `{}`", clean(&name, 64)),
                )
                .other(first, "the other one"),
            );
            return None;
        }
        Some(name)
    }

    fn script(
        &self,
        files: &Plans,
        plan: &Arc<Plan>,
        span: Span,
        test: raw::Test,
    ) -> Option<Script> {
        let mut context = Context::of(files, plan);
        let starts_at = self.beginning(plan, test.starts_at.as_ref());
        let steps = if let Some(at) = test.script {
            self.steps(at.span, at.value?, &mut context)
        } else {
            self.missing(
                span,
                "script",
                "this test",
                "add `script:` with what happens",
            );
            None
        };
        context.look_back();
        let expectations = self.expectations(span, test.expect, &context);
        Some(Script {
            name: String::new(),
            file: PathBuf::new(),
            plan: Arc::clone(plan),
            starts_at: starts_at?,
            steps: steps?,
            ends_after: context.ends_after?,
            expectations: expectations.filter(|list| !list.is_empty())?,
        })
    }

    fn expectations(
        &self,
        span: Span,
        at: Option<At<Vec<At<raw::Expectation>>>>,
        context: &Context<'_>,
    ) -> Option<Vec<Expectation>> {
        let Some(at) = at else {
            let help = "a test that expects nothing could never fail: add `expect:`";
            self.missing(span, "expect", "this test", help);
            return None;
        };
        let (place, list) = (at.span, at.value?);
        if list.is_empty() {
            let problem = Problem::new(
                Code::Empty,
                place,
                "nothing is expected, so this test could never fail",
            );
            self.check.report(problem.help(
                "add what has to be heard, or what must not be: `- { never: true, channel: disaster }`",
            ));
        }
        // All of them are checked, so that one run shows all mistakes.
        let checked = list.into_iter().map(|at| self.expectation(at, context));
        let checked: Vec<_> = checked.collect();
        checked.into_iter().collect()
    }

    fn missing(&self, span: Span, key: &str, owner: &str, help: &str) {
        if !self.check.findings.was_meant(span, key) {
            let problem = Problem::new(Code::Missing, span, format!("{owner} has no `{key}`"));
            self.check.report(problem.help(help));
        }
    }

    /// A length of time from the beginning.
    fn moment(&self, at: &At<DurationText>, subject: &str) -> Option<Duration> {
        let range = Duration::ZERO..=SCRIPT_MAX;
        self.check.duration(at, subject, range).value
    }

    fn beginning(&self, plan: &Plan, at: Option<&At<String>>) -> Option<Timestamp> {
        let (span, text) = match at {
            Some(at) => (at.span, self.check.text(at, "`starts_at`")?),
            None => (Span::default(), String::from(BEGINNING)),
        };
        let zone = plan.server.timezone;
        let local = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M").ok();
        let found = local.and_then(|local| zone.from_local_datetime(&local).earliest());
        if found.is_none() {
            self.check.report(
                Problem::new(
                    Code::ClockTime,
                    span,
                    format!("`{}` is no date and time in {zone}", clean(&text, 40)),
                )
                .help(format!("write it like `{BEGINNING}`")),
            );
        }
        found.map(|time| Timestamp::from(time.to_utc()))
    }
}

/// Tests without a beginning of their own begin when the file says.
fn with_beginning(tests: Vec<At<raw::Test>>, common: Option<&At<String>>) -> Vec<At<raw::Test>> {
    let with = |mut at: At<raw::Test>| {
        if let Some(test) = &mut at.value
            && test.starts_at.is_none()
        {
            test.starts_at = common.cloned();
        }
        at
    };
    tests.into_iter().map(with).collect()
}
