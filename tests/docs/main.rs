//! What the pages say is so: each command in them is run, what they show below it is compared with what it prints, and each
//! block of YAML is read by the real reader. `UPDATE_EXPECT=1` writes what is printed now.

mod page;
mod readme;
mod stage;
mod wanted;
mod yaml;

use std::{env, fmt::Write as _, fs, path::Path};

use page::{Block, Note};
use stage::Stage;

/// A page, and what there is before its first command.
macro_rules! pages {
    ($($test:ident: $page:literal, $stage:expr;)*) => {
        $(
            #[test]
            fn $test() {
                lives_up_to_it($page, $stage);
            }
        )*

        /// Every page, which is every page that there is.
        const PAGES: &[&str] = &[$($page),*];
    };
}

pages! {
    the_readme: "README.md", Stage::with_the_fleet();
    trying_it: "docs/trying-it.md", Stage::new();
    first_target: "docs/first-target.md", Stage::new();
    slack_app: "docs/slack-app.md", Stage::with_the_fleet();
    log_freshness: "docs/log-freshness.md", Stage::with_the_fleet();
    blue_green: "docs/blue-green.md", Stage::new();
    jobs: "docs/jobs.md", Stage::with_the_fleet();
    sli: "docs/sli.md", Stage::with_the_fleet();
    planned_work: "docs/planned-work.md", Stage::with_the_fleet();
    releases: "docs/releases.md", Stage::with_the_fleet();
    actions: "docs/actions.md", Stage::with_the_fleet();
    how_often: "docs/how-often.md", Stage::new();
    status_page: "docs/status-page.md", Stage::with_the_fleet();
    testing_your_file: "docs/testing-your-file.md", Stage::with_the_fleet();
    discovery: "docs/discovery.md", Stage::new();
    moving_in: "docs/moving-in.md", Stage::new();
    running_it: "docs/running-it.md", Stage::with_the_fleet();
    upgrading: "docs/upgrading.md", Stage::with_the_fleet();
    signal_quality: "docs/signal-quality.md", Stage::new();
    performance: "docs/performance.md", Stage::new();
    reference: "docs/reference.md", Stage::new();
}

/// Blocks whose commands are not run, and such of which only the end is looked at: no more than these.
const NOT_RUN: usize = 9;
const NOT_COMPARED: usize = 8;

fn lives_up_to_it(page: &str, mut stage: Stage) {
    let mut said = String::new();
    let mut now: Vec<(usize, usize, String)> = Vec::new();
    for block in &page::blocks(page) {
        if block.language == "yaml" {
            yaml::check(page, block);
        }
        if let Some(Note::File(name)) = &block.note {
            stage.write(name, &(block.lines.join("\n") + "\n"));
        }
        if block.language == "console" {
            run(page, block, &mut stage, &mut said, &mut now);
        }
    }
    if env::var_os("UPDATE_EXPECT").is_some() && !now.is_empty() {
        update(page, &now);
    } else {
        assert!(
            said.is_empty(),
            "`UPDATE_EXPECT=1` writes what is so now\n{said}"
        );
    }
}

/// Runs what a block says, and tells what is otherwise than it shows; `now` is what stands in its place, by lines of the page.
fn run(
    page: &str,
    block: &Block,
    stage: &mut Stage,
    said: &mut String,
    now: &mut Vec<(usize, usize, String)>,
) {
    let steps = block.steps();
    if matches!(block.note, Some(Note::NotRun(_))) {
        return;
    }
    for step in steps {
        let ran = stage.run(&step.command);
        let place = format!("{page}:{}", block.begins_at + step.printed_at);
        let is_shown = !step.printed.is_empty() && block.note.is_none();
        // Some of the fleet is down, so a look may say so. Whatever else is not done has to be shown, and a slip in a command is
        // never meant.
        let is_look = step.command.starts_with("hekate check") || block.note.is_some();
        let is_fine = match ran.code {
            None | Some(0) => true,
            Some(1) => is_look || is_shown,
            Some(code) => code != 2 && is_shown,
        };
        if !is_fine {
            let (code, printed) = (ran.code, &ran.printed);
            let _ = writeln!(
                said,
                "{place}: {}: exit code {code:?}\n{printed}",
                step.command
            );
        } else if is_shown && !stage.ids.fits(&step.printed, &ran.printed) {
            let printed = stage.ids.as_written(ran.printed.trim_end());
            let wanted = step.printed.join("\n");
            let _ = writeln!(
                said,
                "{place}: {}\n--- the page\n{wanted}\n--- now\n{printed}",
                step.command
            );
            let first = block.begins_at + step.printed_at;
            let indent = " ".repeat(block.indent);
            let lines: Vec<String> = printed
                .lines()
                .map(|line| format!("{indent}{line}"))
                .collect();
            now.push((first, step.printed.len(), lines.join("\n")));
        }
    }
}

/// Writes what is printed now into the page, from its end to its beginning.
fn update(page: &str, now: &[(usize, usize, String)]) {
    let text = page::text(page);
    let mut lines: Vec<&str> = text.lines().collect();
    for (first, count, printed) in now.iter().rev() {
        lines.splice(*first..first + count, printed.lines());
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    fs::write(path, lines.join("\n") + "\n").expect("the page can be written");
}

#[test]
fn every_page_is_here_and_the_readme_leads_to_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = page::text("README.md");
    for entry in fs::read_dir(root.join("docs")).expect("there are docs") {
        let name = entry.expect("it can be read").file_name();
        let name = format!("docs/{}", name.to_string_lossy());
        if Path::new(&name)
            .extension()
            .is_some_and(|ends| ends == "md")
        {
            assert!(PAGES.contains(&name.as_str()), "{name} is tried by nobody");
            assert!(
                readme.contains(&format!("]({name})")),
                "nothing leads to {name}"
            );
        }
    }
}

#[test]
fn few_commands_are_not_run_and_each_says_why() {
    let blocks: Vec<(&str, Block)> = PAGES
        .iter()
        .flat_map(|page| page::blocks(page).into_iter().map(|block| (*page, block)))
        .collect();
    let (mut not_run, mut not_compared) = (0, 0);
    for (page, block) in &blocks {
        let place = format!("{page}:{}", block.begins_at);
        assert!(
            !["sh", "bash", "shell"].contains(&block.language.as_str()),
            "{place}: what can be typed is a `console` block, which is run"
        );
        match &block.note {
            Some(Note::NotRun(_)) => not_run += 1,
            Some(Note::NotCompared(_)) => not_compared += 1,
            Some(Note::File(_)) | None => continue,
        }
        assert_eq!(block.language, "console", "{place}");
    }
    assert_eq!((not_run, not_compared), (NOT_RUN, NOT_COMPARED));
}
