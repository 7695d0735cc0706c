//! What befalls hekate itself: it is started again, its file changes, its clock jumps.

use std::path::Path;

use expect_test::expect;

use super::{super::review, FILE, library, plan_of, script, script_in, short, told, wrong};
use crate::{config::script::Library, rehearsal::stage};

/// Whatever is under way, nobody hears of it twice, and everybody hears of the end.
#[test]
fn over_a_restart_nothing_is_told_twice_and_nothing_is_lost() {
    told(
        "at: 5m, target: master blue, health: refused
         at: 10m, restart: killed
         at: 20m, restart: orderly, away: 1m
         at: 40m, target: master blue, health: ok
         at: 1h, end: true",
        expect![[r#"
            5m 16s core @core DOWN: master blue (active) – connection refused, since 09:05:04 CET
            35m 16s core @core STILL DOWN: master blue (active) for 30 min 12 s – connection refused
            40m 24s core UP AGAIN: master blue (active), was down 35 min 9 s (09:05:04 to 09:40:13 CET)
        "#]],
    );
}

#[test]
fn what_ends_while_nobody_looks_is_told_by_the_next_start() {
    told(
        "at: 5m, target: master blue, health: refused
         at: 10m, restart: killed, away: 30m
         at: 20m, target: master blue, health: ok
         at: 1h, end: true",
        expect![[r#"
            5m 16s core @core DOWN: master blue (active) – connection refused, since 09:05:04 CET
            40m ops hekate: hekate is back; nobody was looking for a while – the last sign of life is from 5 Jan 09∶09∶46 CET; what happened since then was not seen
            40m 10s core UP AGAIN: master blue (active), was down 34 min 55 s (09:05:04 to 09:40:00 CET)
        "#]],
    );
}

#[test]
fn what_is_in_question_at_a_restart_is_asked_anew() {
    told(
        "at: 5m, target: master blue, health: refused
         at: 5m 8s, restart: killed
         at: 20m, end: true",
        expect![[r#"
            5m 22s core @core DOWN: master blue (active) – connection refused, since 09:05:10 CET
        "#]],
    );
}

#[test]
fn a_message_whose_answer_was_lost_says_that_it_may_be_a_repeat() {
    let steps = |how: &str| {
        format!(
            "at: 4m, channel: core, answers: silent
             at: 5m, target: master blue, health: refused
             at: 5m 22s, restart: {how}
             at: 6m, channel: core, answers: ok
             at: 20m, end: true"
        )
    };
    for how in ["killed", "orderly"] {
        let repeat = "times: 1, channel: core, text_contains: first delivery unconfirmed";
        assert_eq!(wrong(&steps(how), repeat), [""; 0], "{how}");
        assert_eq!(wrong(&steps(how), "times: 1"), [""; 0], "{how}");
    }
}

#[test]
fn what_people_planned_and_took_on_outlives_a_restart() {
    told(
        "at: 4m, command: silence add master green for 30m because db restore
         at: 5m, target: master blue, health: refused
         at: 5m, target: master green, health: refused
         at: 10m, command: ack master blue because I am on it
         at: 12m, restart: killed
         at: 1h, end: true",
        expect![[r#"
            4m core hekate: 1 target is silenced until 5 Jan 09∶34∶00 CET – by the script: db restore · master green · s1
            5m 17s core @core DOWN: master blue (active) – connection refused, since 09:05:04 CET
            34m core DOWN: master green (inactive) – connection refused, since 09:05:05 CET (held back by silence s1 of the script: db restore)
        "#]],
    );
}

#[test]
fn a_reload_keeps_what_is_open_and_whoever_was_told_hears_of_the_end() {
    told(
        "at: 5m, target: master blue, health: refused
         at: 5m, target: worker, tcp: refused
         at: 10m, reload: other.yaml
         at: 40m, target: master azure, health: ok
         at: 45m, target: jobs import, heartbeat: silent
         at: 1h, end: true",
        expect![[r#"
            5m 14s team DOWN: jobs worker – connection refused, since 09:05:02 CET
            5m 17s core @core DOWN: master blue (active) – connection refused, since 09:05:04 CET
            10m ops NO LONGER WATCHED: jobs worker, taken out of the file while down since 09:05:02 CET
            35m 17s core @core STILL DOWN: master azure (active) for 30 min 12 s – connection refused
            40m 14s core UP AGAIN: master azure (active), was down 34 min 59 s (09:05:04 to 09:40:03 CET)
            46m ops DOWN: jobs import – no beat for 6 min (expected every 5 min, grace 1 min), since 09:46:00 CET
        "#]],
    );
}

#[test]
fn a_file_that_changes_while_hekate_is_away_is_read_by_the_next_start() {
    told(
        "at: 5m, target: master blue, health: refused
         at: 10m, restart: killed, away: 10m
         at: 15m, reload: other.yaml
         at: 40m, target: azure, health: ok
         at: 1h, end: true",
        expect![[r#"
            5m 16s core @core DOWN: master blue (active) – connection refused, since 09:05:04 CET
            20m ops hekate: hekate is back; nobody was looking for a while – the last sign of life is from 5 Jan 09∶09∶46 CET; what happened since then was not seen
            35m 16s core @core STILL DOWN: master azure (active) for 30 min 12 s – connection refused
            40m 23s core UP AGAIN: master azure (active), was down 35 min 7 s (09:05:04 to 09:40:12 CET)
        "#]],
    );
}

#[test]
fn a_target_that_is_gone_is_not_watched_any_more() {
    let steps = "at: 5m, target: worker, tcp: refused
                 at: 10m, reload: other.yaml
                 at: 20m, end: true";
    assert_eq!(wrong(steps, "at: 8m, target: worker, state: down"), [""; 0]);
    assert_eq!(
        wrong(steps, "at_end: true, target: worker, state: down"),
        ["20m: `jobs/worker` is not down but not watched"]
    );
    for good in [
        "never: true, within: [11m, 20m], target: worker, state: down",
        "at_end: true, target: master azure, state: operational",
        "never: true, channel: night",
    ] {
        assert_eq!(wrong(steps, good), [""; 0], "{good}");
    }
}

/// No jump of the clock is taken for time that passed.
#[test]
fn a_clock_that_jumps_accuses_nobody_and_ends_nothing() {
    for by in ["+1h", "-10m", "+3d", "-26h"] {
        let steps = format!("at: 5m, clock: {by}\nat: 2h, end: true");
        let found = wrong(&steps, "times: 0, kind: opened");
        assert_eq!(found, [""; 0], "{by}");
    }
    told(
        "at: 5m, target: master blue, health: refused
         at: 10m, clock: +1h
         at: 20m, for: 5m, clock: -10m
         at: 40m, target: master blue, health: ok
         at: 1h, end: true",
        expect![[r#"
            5m 16s core @core DOWN: master blue (active) – connection refused, since 09:05:04 CET
            35m 16s core @core STILL DOWN: master blue (active) for 1 h 30 min – connection refused
            40m 14s core UP AGAIN: master blue (active), was down 1 h 34 min (09:05:04 to 10:40:04 CET)
        "#]],
    );
}

#[test]
fn the_clock_decides_when_people_sleep_and_work_is_planned() {
    told(
        "at: 4m, command: silence add master blue for 30m because db restore
         at: 5m, target: master blue, health: refused
         at: 10m, clock: +1h
         at: 20m, end: true",
        expect![[r#"
            4m core hekate: 1 target is silenced until 5 Jan 09∶34∶00 CET – by the script: db restore · master blue · s1
            10m core @core DOWN: master blue (active) – connection refused, since 09:05:04 CET (held back by silence s1 of the script: db restore)
        "#]],
    );
}

#[test]
fn whose_turn_begins_can_be_expected_to_be_told_alone() {
    let file = FILE
        .replace(
            "server: {",
            "slack: { bot_token: xoxb-0123456789-abcdefghij }\nserver: {",
        )
        .replace(
            "user_group: S0CORE01",
            "rota: { shifts: [{ who: U0ALICE, from: \"fri 10:00\" }, { who: U0BOB, from: \"mon 10:00\" }] }",
        );
    let steps = "at: 30m, target: master blue, health: refused
                 at: 70m, end: true";
    let told = "channel: \"@U0BOB\", kind: notice, text_contains: \"open: master blue\", within: [60m, 61m]
                channel: \"@U0ALICE\", never: true";
    let mut library = library().with_plan(plan_of(&file));
    let right = script_in(&mut library, steps, told);
    assert_eq!(review::review(&right, 1).faults, []);
    let wrong = script_in(&mut library, steps, "channel: \"@U0ALICE\"");
    assert_eq!(review::review(&wrong, 1).faults.len(), 1);
}

/// Nobody has to script the runs of jobs: they come when they are due, and nobody hears of a late one.
#[test]
fn jobs_run_by_themselves() {
    let file = FILE
        .replace("server: {", "server: { ping_key: 0123456789abcdef,")
        .replace(
            "routes:",
            "jobs: { nightly: { schedule: \"*/20 * * * *\", grace: 1m, channel: team, announce: failures }, often: { period: 5m, grace: 1m } }\nroutes:",
        );
    let mut library = library().with_plan(plan_of(&file));
    let quiet = script_in(&mut library, "at: 3h, end: true", "times: 0");
    let found = review::review(&quiet, 1);
    assert_eq!(found.faults, []);
    // What nobody can hear is late only if somebody was listening.
    let steps = "at: 30m, our_network: down
                 at: 90m, our_network: up
                 at: 3h, end: true";
    let cut = script_in(&mut library, steps, "channel: team, never: true");
    assert_eq!(review::review(&cut, 1).faults, []);
    // Where runs are told they are told from the beginning on, and the one that made everything well before it is not.
    let file = file.replace(", announce: failures", "");
    let mut library = library.with_plan(plan_of(&file));
    let told = script_in(
        &mut library,
        "at: 50m, end: true",
        "channel: team, text_contains: job nightly is done, times: 3
         times: 3",
    );
    assert_eq!(review::review(&told, 1).faults, []);
}

#[test]
fn each_file_has_its_own_coverage() {
    let script = script(
        "at: 5m, target: master green, health: refused
         at: 10m, target: master green, health: ok
         at: 20m, reload: other.yaml
         at: 25m, target: master azure, health: refused
         at: 30m, end: true",
        "times: 3",
    );
    let coverage = stage::play(&script, 1).coverage;
    let targets = |file: &str| {
        let touched = coverage.of(Path::new(file)).unwrap();
        touched.targets.iter().map(ToString::to_string).collect()
    };
    let touched: [Vec<String>; 2] = ["targets.yaml", "other.yaml"].map(targets);
    assert_eq!(touched, [["master/green"], ["master/azure"]]);
    let files: Vec<_> = script.tested().map(|(file, _)| file).collect();
    assert_eq!(files, [Path::new("targets.yaml"), Path::new("other.yaml")]);
}

#[test]
fn the_same_file_again_changes_nothing() {
    let steps = "at: 5m, target: master blue, health: refused
                 at: 10m, reload: targets.yaml
                 at: 20m, end: true";
    assert_eq!(wrong(steps, "times: 1"), [""; 0]);
}

const WRONG: &str = "
name: wrong
script:
  - { at: 1m, restart: kiled }
  - { at: 1m, restart: killed, away: 2 }
  - { at: 2m, restart: killed, for: 1m }
  - { at: 3m, restart: killed, says: bye }
  - { at: 4m, reload: nowhere.yaml }
  - { at: 4m, reload: '' }
  - { at: 4m, reload: other.yaml, for: 1m }
  - { at: 5m, target: master blue, health: down }
  - { at: 5m, target: master azure, health: down }
  - { at: 6m, clock: 1h }
  - { at: 6m, clock: +1 }
  - { at: 6m, clock: -0 }
  - { at: 6m, clock: -1x }
  - { at: 6m, clock: +0s }
  - { at: 6m, clock: +90d }
  - { at: 6m, clock: +1h, away: 1m }
  - { at: 6m, target: green, health: down, away: 1m }
  - { at: 9m, end: true }
expect:
  - { channel: nigth }
  - { channel: night }
  - { channel: team }
";

const NOT_THERE: &str = "
name: not there
script:
  - { at: 2m, restart: killed, away: 2m }
  - { at: 3m, restart: orderly }
  - { at: 3m, command: ack master blue }
  - { at: 4m, command: ack master blue }
  - { at: 5m, restart: orderly, away: 10m }
  - { at: 9m, end: true }
expect: [ { times: 0 } ]
";

#[test]
fn mistakes_in_these_steps_are_explained() {
    expect![[r#"
        4:24 H0114 `restart` cannot be `kiled` (did you mean `killed`?)
        5:38 H0110 `2` has no unit (did you mean `2s`?)
        6:5 H0120 a step of this kind has no `for`
        7:5 H0120 `says` means nothing in this step
        8:23 H0118 `nowhere.yaml` cannot be used
        9:23 H0126 `reload` is empty
        10:5 H0120 a step of this kind has no `for`
        11:23 H0213 `master blue` is not a target of the file that is tested (did you mean `master azure`?)
        13:22 H0110 `1h` does not say where the clock jumps
        14:22 H0110 `+1` is no jump of a clock
        15:22 H0110 `-0` is no jump of a clock
        16:22 H0110 `-1x` is no jump of a clock
        17:22 H0115 `clock` must be at least 1ms
        18:22 H0115 `clock` must be at most 14d
        19:5 H0120 `away` means nothing in this step
        20:5 H0120 `away` means nothing in this step
        23:16 H0210 `nigth` is not a channel of the file that is tested (did you mean `night`?)
    "#]].assert_eq(&short(WRONG));
    expect![[r#"
        5:5 H0115 hekate is not running by then: it is back after 4m
        6:5 H0115 hekate is not running by then: it is back after 4m
        8:5 H0115 the script ends while hekate is away for 10 min
    "#]]
    .assert_eq(&short(NOT_THERE));
}

/// A file that a real hekate would not take over cannot be rehearsed; what is wrong with it is told as well.
#[test]
fn a_file_that_cannot_be_used_is_no_reload() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("good.yaml", FILE);
    write("bad.yaml", "targets: 7\n");
    write(
        "test.yaml",
        "name: a\nconfig: good.yaml\nscript: [ { at: 1m, reload: bad.yaml }, { at: 2m, end: true } ]\nexpect: [ { times: 0 } ]\n",
    );
    let environment = crate::config::Environment::of_process();
    let loaded = Library::new(environment, folder.path().join("nowhere.yaml"))
        .load(&folder.path().join("test.yaml"));
    assert!(loaded.scripts.is_empty());
    let reports = loaded.plan_reports.iter().chain([&loaded.report]);
    let said: Vec<_> = reports
        .map(|report| {
            let first = report.first_line();
            let at = first.rfind('/').map_or(0, |at| at + 1);
            first[at..].to_owned()
        })
        .collect();
    expect![[r#"
        [
            "bad.yaml:1:1: error[H0208]: there is no channel, so nobody would be told of anything (and 1 more)",
            "bad.yaml` cannot be used",
        ]"#]].assert_eq(&format!("{said:#?}"));
}
