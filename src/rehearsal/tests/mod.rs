//! Scripts of all kinds, and what comes of them.

mod deeds;
mod itself;
mod open;
mod past;

use std::{path::Path, path::PathBuf, sync::Arc};

use expect_test::{Expect, expect};

use super::{
    review::{self, moment},
    stage,
};
use crate::{
    config::{
        self, Environment, Format,
        script::{Library, Script},
    },
    model::{Plan, TargetId},
};

const FILE: &str = r#"
channels: { core: "http://127.0.0.1:9/c", team: "http://127.0.0.1:9/t", ops: "http://127.0.0.1:9/o" }
on_call: { core: { user_group: S0CORE01 } }
server: { token: 0123456789abcdef, timezone: Europe/Prague }
groups:
  master: { active: { file: /run/active, exactly_one: true } }
  jobs: {}
log_sources:
  graylog: { graylog: { url: "http://graylog.test/api" }, canary: { gelf_tcp: "graylog.test:12201" } }
  shipper: { push: { token: 0123456789abcdef } }
targets:
  - { name: blue, group: master, health: "http://blue.test/h", log_freshness: { source: graylog, query: "color:blue", max_age: 5m } }
  - { name: green, group: master, health: "http://green.test/h" }
  - { name: export, group: jobs, severity: warning, heartbeat: 10m }
  - { name: worker, group: jobs, tcp: "worker.test:80", log_freshness: { source: shipper, query: worker, max_age: 5m } }
routes:
  - { match: { group: master, state: down }, to: core, mention: core, remind_after: 30m }
  - { match: { group: jobs }, to: team }
  - { to: ops }
"#;

/// The same team with one file more: another channel for what is down, and other targets.
const OTHER: &str = r#"
channels: { core: "http://127.0.0.1:9/c", night: "http://127.0.0.1:9/n", ops: "http://127.0.0.1:9/o" }
on_call: { core: { user_group: S0CORE01 } }
server: { token: 0123456789abcdef, timezone: Europe/Prague }
groups:
  master: { active: { file: /run/active, exactly_one: true } }
  jobs: {}
targets:
  - { name: azure, was: master/blue, group: master, health: "http://blue.test/h" }
  - { name: green, group: master, health: "http://green.test/h" }
  - { name: import, group: jobs, severity: warning, heartbeat: 5m }
routes:
  - { match: { group: master, state: down }, to: night, mention: core, remind_after: 10m }
  - { to: ops }
"#;

fn plan() -> Arc<Plan> {
    plan_of(FILE)
}

fn plan_of(text: &str) -> Arc<Plan> {
    let outcome = config::load_text("targets.yaml", text, &Environment::of_process());
    let report = outcome.report.render(Format::Short, false);
    outcome
        .plan
        .unwrap_or_else(|| panic!("a good file: {report}"))
}

fn library() -> Library {
    let fallback = PathBuf::from("targets.yaml");
    Library::new(Environment::of_process(), fallback)
        .with_plan(plan())
        .with_file(PathBuf::from("other.yaml"), plan_of(OTHER))
}

/// The one test with these steps and expectations, in flow style, one a line.
fn script(steps: &str, expected: &str) -> Script {
    script_in(&mut library(), steps, expected)
}

/// The same about other files.
fn script_in(library: &mut Library, steps: &str, expected: &str) -> Script {
    let list = |text: &str| {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let lines: Vec<_> = lines.map(|line| format!("  - {{ {line} }}\n")).collect();
        lines.concat()
    };
    let text = format!(
        "name: a test\nscript:\n{}expect:\n{}",
        list(steps),
        list(expected)
    );
    let loaded = library.load_text("a.yaml", &text);
    let report = loaded.report.render(Format::Short, false);
    let mut scripts = loaded.scripts;
    assert_eq!(scripts.len(), 1, "{report}");
    scripts.remove(0)
}

/// What is told while these steps happen.
#[expect(clippy::needless_pass_by_value, reason = "as expect-test has it")]
fn told(steps: &str, expected: Expect) {
    let script = script(steps, "times: 0");
    let played = stage::play(&script, 1);
    let lines: Vec<_> = played
        .messages
        .iter()
        .map(|message| {
            let early = if message.is_early { " EARLY" } else { "" };
            let mention = match &message.mention {
                Some(who) => format!(" @{who}"),
                None => String::new(),
            };
            let words = message.text.split(" · #").next().unwrap_or_default();
            format!(
                "{}{early} {}{mention} {words}\n",
                moment(message.after),
                message.channel
            )
        })
        .collect();
    expected.assert_eq(&lines.concat());
}

/// What is wrong with a test, without places.
fn wrong(steps: &str, expected: &str) -> Vec<String> {
    let script = script(steps, expected);
    let faults = review::review(&script, 1).faults;
    faults
        .into_iter()
        .map(|fault| match fault.after {
            Some(after) => format!("{}: {}", moment(after), fault.words),
            None => fault.words,
        })
        .collect()
}

#[test]
fn while_all_is_well_nobody_hears_anything() {
    told("at: 24h, end: true", expect![[""]]);
}

#[test]
fn what_breaks_is_told_where_the_file_says() {
    told(
        "at: 5m, target: master blue, health: refused, says: nobody is there
         at: 40m, target: master blue, health: ok
         at: 1h, end: true",
        expect![[r#"
            5m 16s core @core DOWN: master blue (active) – nobody is there, since 09:05:04 CET
            35m 16s core @core STILL DOWN: master blue (active) for 30 min 12 s – nobody is there
            40m 20s core UP AGAIN: master blue (active), was down 35 min 5 s (09:05:04 to 09:40:10 CET)
        "#]],
    );
}

#[test]
fn the_waiting_half_mentions_nobody_until_it_is_active() {
    told(
        "at: 5m, target: master green, all_checks: down
         at: 10m, group: master, active: green
         at: 12m, end: true",
        expect![[r#"
            5m 32s core DOWN: master green (inactive) – it says that it is down, since 09:05:24 CET
            10m core @core STILL DOWN: master green (active) for 4 min 35 s – it says that it is down
            10m 9s ops master: green is active now, blue is not – read from its file, since 09:10:00 CET
        "#]],
    );
}

#[test]
fn logs_that_are_late_accuse_their_store_and_nobody_else() {
    told(
        "at: 1m, source: graylog, lag: 8m
         at: 20m, source: graylog, lag: 0s
         at: 40m, end: true",
        expect![[r#"
            2m 54s ops DEGRADED: log source graylog – is 2 min 23 s behind; complete up to 1 min 54 s ago, since 09:02:25 CET
            20m 7s ops WELL AGAIN: log source graylog, was degraded 17 min 36 s (09:02:25 to 09:20:02 CET)
        "#]],
    );
    told(
        "at: 1m, target: blue, log_freshness: stale
         at: 20m, target: blue, log_freshness: fresh
         at: 30m, end: true",
        expect![[r#"
            7m 12s ops DEGRADED: master blue (active) – no line in its log for 6 min 12 s (proved up to 39 s ago), since 09:06:43 CET
            20m 23s ops WELL AGAIN: master blue (active), was degraded 13 min 40 s (09:06:43 to 09:20:23 CET)
        "#]],
    );
    told(
        "at: 1m, target: worker, log_freshness: stale
         at: 20m, end: true",
        expect![[r#"
            6m 52s team DEGRADED: jobs worker – no line in its log for 5 min 52 s (proved up to 0 s ago), since 09:06:24 CET
        "#]],
    );
    told(
        "at: 1m, for: 10m, source: graylog, answers: silent
         at: 20m, end: true",
        expect![[r#"
            1m 34s ops DOWN: log source graylog – no answer within 5 s, since 09:01:01 CET
            11m 23s ops UP AGAIN: log source graylog, was down 10 min 16 s (09:01:01 to 09:11:18 CET)
        "#]],
    );
}

#[test]
fn what_calls_us_is_missed_or_tells_of_its_failure() {
    told(
        "at: 1m, target: export, heartbeat: silent
         at: 30m, target: export, heartbeat: failing, says: disk full
         at: 45m, target: export, heartbeat: beating
         at: 1h, end: true",
        expect![[r#"
            11m team DOWN: jobs export – no beat for 11 min (expected every 10 min, grace 1 min), since 09:11:00 CET
            45m team UP AGAIN: jobs export, was down 34 min (09:11:00 to 09:45:00 CET)
        "#]],
    );
}

#[test]
fn while_our_network_is_down_no_target_is_accused() {
    let steps = "at: 5m, for: 10m, our_network: down
                 at: 30m, end: true";
    for target in ["blue", "green", "worker", "export"] {
        let never = format!("never: true, target: {target}, state: down");
        assert_eq!(wrong(steps, &never), [""; 0]);
    }
    assert_eq!(
        wrong(steps, "never: true, source: graylog, state: down"),
        [""; 0]
    );
    let told = "within: [15m, 17m], channel: ops, text_contains: blind";
    assert_eq!(wrong(steps, told), [""; 0]);
    // What is told as blindness is not told once more as trouble of this machine.
    let twice = "never: true, text_contains: looks say nothing";
    assert_eq!(wrong(steps, twice), [""; 0]);
}

#[test]
fn a_channel_that_is_gone_has_its_messages_told_elsewhere() {
    told(
        "at: 1m, channel: core, answers: unauthorised
         at: 5m, target: master blue, health: error
         at: 20m, target: master blue, health: ok
         at: 30m, end: true",
        expect![[r#"
            5m 16s ops @core DOWN: master blue (active) – HTTP 500, since 09:05:04 CET
            5m 17s ops hekate: channel 'core' refuses messages – HTTP 404 no_service; its messages go to 'ops' meanwhile
            20m 20s ops UP AGAIN: master blue (active), was down 15 min 5 s (09:05:04 to 09:20:10 CET)
        "#]],
    );
}

#[test]
fn the_same_seed_comes_to_the_same_and_another_one_looks_at_other_moments() {
    let script = script(
        "at: 5m, target: master blue, health: refused
         at: 1h, end: true",
        "times: 2",
    );
    let told_at = |seed| {
        let messages = stage::play(&script, seed).messages;
        messages
            .into_iter()
            .map(|message| message.after)
            .collect::<Vec<_>>()
    };
    assert_eq!(told_at(1), told_at(1));
    assert_ne!(told_at(1), told_at(2));
}

#[test]
fn every_kind_of_expectation_can_hold_and_can_fail() {
    let steps = "at: 5m, target: master blue, health: refused
                 at: 20m, target: master blue, health: ok
                 at: 30m, end: true";
    for good in [
        "within: [5m, 6m], channel: core, kind: opened, mention: core, target: master blue",
        "text_contains: CONNECTION refused",
        "times: 2",
        "times: 1, kind: recovered, mention: nobody",
        "never: true, channel: team",
        "never: true, within: [0s, 5m], channel: core",
        "at: 10m, target: blue, state: down",
        "at_end: true, target: blue, state: operational",
        "within: [5m, 6m], target: blue, state: suspect",
        "never: true, target: green, state: down",
        "at_end: true, source: graylog, state: operational",
    ] {
        assert_eq!(wrong(steps, good), [""; 0], "{good}");
    }
    for (bad, begins) in [
        (
            "within: [0s, 5m], channel: core",
            "no such message in time; it comes at 5m",
        ),
        ("channel: team", "30m: no such message comes"),
        ("times: 3", "30m: 2 messages come and not 3"),
        (
            "times: 1",
            "2 messages come and not 1: `core` hears: UP AGAIN",
        ),
        (
            "never: true, channel: core",
            "this must not come: `core` hears: DOWN",
        ),
        (
            "at: 10m, target: blue, state: operational",
            "10m: `master/blue` is not operational but down",
        ),
        (
            "at_end: true, target: blue, state: down",
            "30m: `master/blue` is not down but operational",
        ),
        (
            "never: true, target: blue, state: down",
            "`master/blue` is down, which must not be",
        ),
        (
            "within: [0s, 4m], target: blue, state: down",
            "4m: `master/blue` is not down but operational",
        ),
    ] {
        let found = wrong(steps, bad);
        assert!(
            found.len() == 1 && found[0].contains(begins),
            "{bad}: {found:?}"
        );
    }
}

/// The words of the terminal and of Slack, understood by the same code.
#[test]
fn what_people_plan_and_take_on_is_a_step_like_any_other() {
    told(
        "at: 4m, command: silence add master blue for 30m because db restore
         at: 5m, target: master blue, health: refused
         at: 50m, command: ack master blue because I am on it
         at: 3h, target: master blue, health: ok
         at: 4h, command: deploy announce master green release 4.18.2
         at: 4h 1m, target: master green, health: refused
         at: 5h, end: true",
        expect![[r#"
            4m core hekate: 1 target is silenced until 5 Jan 09∶34∶00 CET – by the script: db restore · master blue · s1
            34m core @core DOWN: master blue (active) – connection refused, since 09:05:04 CET (held back by silence s1 of the script: db restore)
            3h 18s core UP AGAIN: master blue (active), was down 2 h 55 min (09:05:04 to 12:00:08 CET) (acknowledged by the script: I am on it)
            4h 5m core DOWN: master green (inactive) – connection refused, since 13:01:02 CET (did not come back after release 4.18.2, announced 5 Jan 13∶00∶00 CET by the script (d2))
            4h 35m core STILL DOWN: master green (inactive) for 33 min 57 s – connection refused
        "#]],
    );
}

#[test]
fn words_that_mean_nothing_fail_the_test() {
    let words = |words: &str| {
        let steps = format!("at: 5m, command: {words}\nat: 10m, end: true");
        wrong(&steps, "never: true, kind: opened").join("\n")
    };
    let answers = [
        words("silence add master blu for 30m because db restore"),
        words("ack master blue"),
        words("status"),
        words("silence end s7"),
        words("silence add master blue for 9d because db restore"),
    ];
    expect![[r#"
        5m: nothing is called `blu`; say it as `hekate silence add master blue for 2h because db restore`
        5m: master blue has no open incident; `hekate status` shows what is open
        5m: `status` is a question, and nothing comes of a question
        5m: there is no silence s7; it has ended, or there never was one
        5m: it may last from 1 min to 1 d
    "#]].assert_eq(&(answers.join("\n") + "\n"));
}

#[test]
fn a_step_that_nobody_saw_proves_nothing() {
    // Too short to be seen often, but seen by somebody in many plays.
    let blip = "at: 5m, for: 4s, target: master blue, health: refused
                at: 10m, end: true";
    assert_eq!(wrong(blip, "times: 0"), [""; 0]);
    let nothing = "at: 5m, for: 1s, channel: team, answers: silent
                   at: 10m, end: true";
    let found = wrong(nothing, "times: 0");
    assert!(
        found.len() == 1 && found[0].contains("nothing came of this step"),
        "{found:?}"
    );
}

#[test]
fn what_was_touched_is_known() {
    let script = script(
        "at: 5m, target: master blue, health: refused
         at: 5m, target: worker, tcp: refused
         at: 30m, end: true",
        "times: 2",
    );
    let played = stage::play(&script, 1).coverage;
    let coverage = played.of(Path::new("targets.yaml")).unwrap().clone();
    let routes: Vec<_> = coverage.routes.into_iter().collect();
    let targets: Vec<_> = coverage.targets.iter().map(TargetId::as_str).collect();
    let states: Vec<_> = coverage.states.iter().map(|state| state.as_str()).collect();
    assert_eq!(
        (routes.as_slice(), targets.as_slice(), states.as_slice()),
        (
            &[0, 1][..],
            &["jobs/worker", "master/blue"][..],
            &["down"][..]
        )
    );
}

/// One mistake of each kind, more or less.
const WRONG: &str = "
name: wrong
script:
  - { at: 1m, target: mastr blue, health: down }
  - { at: 1m, target: blue, tcp: down }
  - { at: 1m, target: blue, helth: down }
  - { at: 1m, target: blue, health: dwon }
  - { at: 1m, target: blue, health: ok, took: 1m }
  - { at: 30s, source: grylog, lag: 1m }
  - { at: 2m, source: shipper, answers: silent }
  - { at: 2m, group: jobs, active: worker }
  - { at: 2m, group: master, active: blu }
  - { at: 2m, channel: cre, answers: silent }
  - { at: 2m, channel: core, lag: 1m, answers: ok }
  - { at: 2m, target: blue, source: graylog, lag: 1m }
  - { at: 2m }
  - { at: 3m, end: true }
expect:
  - { within: [1m, 4m], channel: cor }
  - { within: [2m, 1m], channel: core }
  - { within: [1m], channel: core }
  - { at: 1m, channel: core }
  - { never: true }
  - { target: blue, state: down }
  - { at_end: true, state: down }
  - { at_end: true, target: blue, state: down, channel: core }
  - { times: 1, never: true, channel: core }
  - { mention: coree }
";

/// What is wrong with a file of tests, a line each.
fn short(text: &str) -> String {
    let loaded = library().load_text("a.yaml", text);
    assert!(loaded.scripts.is_empty());
    let report = loaded.report;
    let problems = report.problems.iter().map(|problem| {
        let place = report.place(problem.span);
        let label = if problem.label.is_empty() {
            String::new()
        } else {
            format!(" ({})", problem.label)
        };
        format!(
            "{}:{} {} {}{label}\n",
            place.line, place.column, problem.code, problem.sentence
        )
    });
    problems.collect()
}

/// Every mistake is found, has its place, and says what was meant.
#[test]
fn mistakes_in_a_test_are_explained_as_those_in_the_file() {
    expect![[r#"
        4:23 H0213 `mastr blue` is not a target of the file that is tested (did you mean `master blue`?)
        5:34 H0114 `master blue` has no `tcp`
        6:29 H0102 unknown field `helth` (did you mean `health`?)
        7:37 H0114 `health` cannot be `dwon` (did you mean `down`?)
        8:47 H0115 a look is given up after 5 s
        9:11 H0115 this step is earlier than the one above it
        9:24 H0203 `grylog` is not a log source of the file that is tested (did you mean `graylog`?)
        10:41 H0120 nobody asks a source that is pushed
        11:22 H0202 nobody reads who of `jobs` is active
        12:38 H0213 `blu` is not a member of the file that is tested (did you mean `blue`?)
        13:24 H0210 `cre` is not a channel of the file that is tested (did you mean `core`?)
        14:5 H0120 `lag` means nothing in this step
        15:5 H0120 a step is about one thing, and this one has `target`, `source`
        16:5 H0113 in this step nothing happens
        19:20 H0115 the script has ended by then: it ends after 3m
        19:34 H0210 `cor` is not a channel of the file that is tested (did you mean `core`?)
        20:15 H0115 `within` ends before it begins
        21:15 H0105 `within` has a beginning and an end
        22:5 H0120 a message comes within some time
        23:5 H0113 this does not say what is expected
        24:5 H0113 this expectation has no `at_end`
        25:5 H0113 this expectation has no `target`
        26:5 H0120 `channel` belongs to a message, and this is a state
        27:5 H0120 `never` and `times` exclude each other
        28:16 H0205 `coree` is not an on-call entry of the file that is tested (did you mean `core`?)
    "#]].assert_eq(&short(WRONG));
    for text in [
        "name: a\nscript: [ { at: 1m, end: true } ]\n",
        "name: a\nscript: [ { at: 1m, end: true } ]\nexpect: []\n",
        "name: a\nscript: [ { at: 1m, target: green, health: ok } ]\nexpect: [ { times: 0 } ]\n",
        "script: [ { at: 1m, end: true } ]\nexpect: [ { times: 0 } ]\n",
        "tests: []\n",
        "tests: [ { name: a } ]\nname: b\n",
        "tests:\n  - &a { name: a, script: [ { at: 1m, end: true } ], expect: [ { times: 0 } ] }\n  - *a\n",
        "name: a\nstarts_at: noon\nscript: [ { at: 1m, end: true } ]\nexpect: [ { times: 0 } ]\n",
        "name: a\nscript: [ { at: 1m, end: true }, { at: 2m, target: green, health: ok } ]\nexpect: [ { times: 0 } ]\n",
        "",
        "nonsense",
    ] {
        assert_ne!(short(text), "", "{text}");
    }
}

#[test]
fn the_examples_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tests");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let environment = Environment::of([("UNUSED", "")]).for_preview();
        let loaded = Library::new(environment, PathBuf::from("nowhere.yaml")).load(&path);
        let reports = loaded.plan_reports.iter();
        let reports: Vec<_> = reports
            .map(|report| report.render(Format::Short, false))
            .collect();
        assert_eq!(reports, [""; 0]);
        assert!(
            !loaded.report.has_errors(),
            "{}",
            loaded.report.render(Format::Short, false)
        );
        for script in &loaded.scripts {
            let faults = review::review(script, 3).faults;
            assert_eq!(faults, [], "{}", script.name);
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen}");
}
