//! What people have done in a script: guards decide in earnest, and the scenery answers.

use std::path::Path;

use expect_test::{Expect, expect};

use super::{
    super::{review, review::moment, stage},
    library, plan_of, script_in,
};
use crate::config::script::{Library, Script};

const FILE: &str = r##"
channels:
  core: { slack: "#core-alerts", webhook_url: "http://127.0.0.1:9/c" }
  secret: { slack: C0SECRET001, webhook_url: "http://127.0.0.1:9/s" }
  ops: "http://127.0.0.1:9/o"
on_call: { core: { user_group: S0CORE01 } }
server: { timezone: Europe/Prague }
groups:
  master: { active: { file: /run/active, exactly_one: true } }
targets:
  - { name: blue, group: master, health: "http://blue.test/h" }
  - { name: green, group: master, health: "http://green.test/h" }
routes: [ { match: { state: down }, to: core }, { to: ops } ]
actions:
  restart:
    when: { group: master }
    allow: { users: [U0ALICE], groups: [core], api: true }
    rate: 2 per 10m
    http: { method: POST, url: "http://127.0.0.1:9/restart" }
  force_restart:
    when: { role: any }
    allow: { users: [U0ALICE] }
    reason: required
    http: { method: POST, url: "http://127.0.0.1:9/restart" }
  fail_over:
    when: { role: any }
    second_person: true
    allow: { users: [U0ALICE, U0BOB], channels: [C0SECRET001] }
    jenkins: { url: "http://127.0.0.1:9", job: fail-over, user: hekate, token: "0123456789abcdef" }
  quiet:
    confirm: none
    allow: { users: [U0ALICE] }
    silence: { for: 1h }
"##;

fn file() -> Library {
    library().with_plan(plan_of(FILE))
}

fn script(steps: &str, expected: &str) -> Script {
    script_in(&mut file(), steps, expected)
}

/// What becomes of what these steps want done, and what is told of it.
#[expect(clippy::needless_pass_by_value, reason = "as expect-test has it")]
fn becomes(steps: &str, expected: Expect) {
    let script = script(steps, "times: 0");
    let played = stage::play(&script, 1);
    assert!(played.refused.is_empty(), "{:?}", played.refused);
    let mut lines: Vec<_> = played
        .deeds
        .iter()
        .map(|deed| {
            let outcome = deed.outcome.as_str();
            let line = format!(
                "{} {} {}: {outcome}: {}",
                moment(deed.after),
                deed.action,
                deed.target,
                deed.words
            );
            (deed.after, line)
        })
        .collect();
    lines.extend(played.messages.iter().map(|message| {
        let line = format!(
            "{} → {} {}",
            moment(message.after),
            message.channel,
            message.text
        );
        (message.after, line)
    }));
    lines.sort_by_key(|(after, _)| *after);
    let lines: Vec<_> = lines.into_iter().map(|(_, line)| line + "\n").collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn whoever_may_has_it_done_and_the_line_tells_what_came_of_it() {
    becomes(
        "at: 0s, run: restart, answers: ok, took: 8s
         at: 5m, action: restart master green because it hangs, by: U0ALICE, in: core
         at: 5m 12s, for: 20s, target: master green, health: refused
         at: 20m, end: true",
        expect![[r#"
            5m 2s restart master/green: begun: 
            5m 35s restart master/green: done: back after 33 s
            5m 35s → core hekate: ＠U0ALICE restarted master green – back after 33 s · because it hangs · a1 · #re8q
        "#]],
    );
}

#[test]
fn what_is_not_allowed_is_refused_by_whom_where_and_to_what() {
    becomes(
        "at: 1m, action: restart master green, by: U0MALLORY, in: core
         at: 2m, action: restart master blue, by: U0ALICE, in: core
         at: 3m, action: force-restart master blue, by: U0ALICE
         at: 4m, action: force restart master blue because it hangs, by: U0ALICE, types: master green
         at: 5m, action: fail over master blue, by: U0ALICE, in: core
         at: 6m, action: restart master green
         at: 7m, action: restart master green, by: U0EVE, member_of: S0CORE01
         at: 8m, action: restart master green, by: U0ALICE, in: C0OTHER
         at: 20m, end: true",
        expect![[r#"
            1m restart master/green: refused: `restart` does not obey you
            2m restart master/blue: refused: master blue is active
            3m force_restart master/blue: refused: it has to be said why
            4m 2s force_restart master/blue: refused: `master green` is not its name
            5m fail_over master/blue: refused: `fail over` cannot be asked for in this channel
            5m force_restart master/blue: expired: nobody confirmed it in time
            6m 2s restart master/green: begun: 
            7m 2s restart master/green: begun: 
            7m 2s restart master/green: done: HTTP 200
            7m 2s → ops hekate: the script restarted master green – HTTP 200 · a6 · #re8q
            8m restart master/green: refused: `restart` was done 2 times within 10 min, which is as often as the file allows
            8m 2s restart master/green: done: HTTP 200
            8m 2s → ops hekate: ＠U0EVE restarted master green – HTTP 200 · a7 · #qnsa
        "#]],
    );
}

#[test]
fn a_second_person_nobody_and_somebody_who_thinks_better_of_it() {
    becomes(
        "at: 0s, run: fail_over, answers: ok, took: 90s, says: build 812
         at: 1m, action: fail over master blue, by: U0ALICE, in: C0SECRET001, second: U0BOB
         at: 10m, action: fail over master blue, by: U0ALICE, in: secret, second: U0ALICE
         at: 20m, action: fail over master blue, by: U0BOB, in: secret
         at: 30m, action: fail over master blue, by: U0BOB, in: secret, confirm: cancel
         at: 40m, action: fail over master blue, by: U0BOB, in: secret, confirm: never
         at: 1h, end: true",
        expect![[r#"
            1m 2s → ops hekate: ＠U0ALICE wants to fail over master blue – somebody else has to confirm it until 5 Jan 09∶02∶02 CET: 'confirm step1' · #re8q
            1m 4s fail_over master/blue: begun: 
            3m 34s fail_over master/blue: done: build 812
            3m 34s → ops hekate: ＠U0ALICE: fail over master blue – build 812 · with ＠U0BOB · a1 · #qnsa
            10m fail_over master/blue: refused: `fail over` cannot be asked for in this channel
            20m fail_over master/blue: refused: `fail over` cannot be asked for in this channel
            30m fail_over master/blue: refused: `fail over` cannot be asked for in this channel
            40m fail_over master/blue: refused: `fail over` cannot be asked for in this channel
        "#]],
    );
}

#[test]
fn a_role_that_changes_before_it_is_done_keeps_it_from_being_done() {
    becomes(
        "at: 5m, action: restart master green, by: U0ALICE, in: core
         at: 5m 1s, group: master, active: green
         at: 20m, end: true",
        expect![[r#"
            5m 2s restart master/green: refused: master green was inactive when it was asked, and is active now
            5m 2s → core hekate: ＠U0ALICE tried: restart master green – refused: master green was inactive when it was asked, and is active now · a1 · #re8q
            5m 10s → ops master: green is active now, blue is not – read from its file, since 09:05:01 CET · #qnsa
        "#]],
    );
}

#[test]
fn what_its_receiver_does_is_told_and_what_may_have_run_is_not_run_again() {
    becomes(
        "at: 0s, run: restart, answers: error, says: no such job
         at: 5m, action: restart master green, by: U0ALICE, in: core
         at: 20m, run: restart, answers: silent
         at: 20m, action: restart master green, by: U0ALICE, in: core
         at: 40m, run: restart, answers: ok, took: 20s
         at: 40m, action: restart master green, by: U0ALICE, in: core
         at: 40m 5s, restart: killed
         at: 50m, for: 5m, our_network: down
         at: 50m, action: restart master green, by: U0ALICE, in: core
         at: 1h, action: quiet master green, by: U0ALICE
         at: 2h 30m, end: true",
        expect![[r#"
            5m 2s restart master/green: begun: 
            5m 2s restart master/green: failed: no such job
            5m 2s → core hekate: ＠U0ALICE tried: restart master green – failed: no such job · a1 · #re8q
            20m 2s restart master/green: begun: 
            20m 32s restart master/green: unknown: no answer within 30 s
            20m 32s → core hekate: ＠U0ALICE tried: restart master green – may have run: no answer within 30 s · a2 · #qnsa
            40m 2s restart master/green: begun: 
            40m 7s restart master/green: unknown: hekate ended while it was being done
            40m 7s → core hekate: ＠U0ALICE tried: restart master green – may have run: hekate ended while it was being done; it is not begun again · a3 · #gzes
            50m 2s restart master/green: begun: 
            50m 2s restart master/green: failed: no connection
            55m → core hekate: ＠U0ALICE tried: restart master green – failed: no connection · a4 · #f8yb (told at 09:55:00 CET, the channel did not take it: no connection)
            55m 3s → ops hekate: hekate was blind – from 5 Jan 09∶50∶07 CET to 5 Jan 09∶55∶03 CET (4 min 56 s): 2 of 2 witnesses do not answer (the resolver: no answer; the receiver of channel 'core': no answer); 2 targets could not be seen, and nothing is known of them for that time · #xz5f
            1h quiet master/green: done: silence until 5 Jan 11:00:00 CET, s5
            1h → core hekate: 1 target is silenced until 5 Jan 11∶00∶00 CET – by ＠U0ALICE: quiet a5 · master green · s5 · #etam
            1h → ops hekate: ＠U0ALICE: quiet master green – silence until 5 Jan 11∶00∶00 CET, s5 · a5 · #wkfr
        "#]],
    );
}

#[test]
fn what_is_expected_of_an_action_is_compared() {
    let steps = "at: 5m, action: restart master green, by: U0ALICE, in: core
         at: 6m, action: restart master blue, by: U0ALICE, in: core
         at: 20m, end: true";
    let wrong = |expected: &str| {
        let review = review::review(&script(steps, expected), 1);
        let words: Vec<_> = review.faults.into_iter().map(|fault| fault.words).collect();
        words.join("\n")
    };
    let refused = "outcome: refused, action: restart, target: master blue, text_contains: ACTIVE";
    let good = format!(
        "within: [5m, 8m], outcome: done, action: restart, target: master green\n{refused}\nnever: true, outcome: begun, target: master blue\ntimes: 1, outcome: begun\nkind: notice, text_contains: restart"
    );
    assert_eq!(wrong(&good), "");
    let mut out = String::new();
    for expected in [
        "outcome: done",
        "outcome: refused, text_contains: rate",
        "outcome: refused, never: true",
        &format!("{refused}\nwithin: [10m, 11m], outcome: done"),
        &format!("{refused}\ntimes: 2, outcome: done"),
        &format!("{refused}\noutcome: failed"),
        &format!("{refused}\nnever: true, outcome: begun"),
    ] {
        out.push_str(&format!(
            "{expected}\n  {}\n",
            wrong(expected).replace('\n', "\n  ")
        ));
    }
    expect![[r#"
        outcome: done
          it is refused, and no `outcome: refused` expects it: master blue is active
        outcome: refused, text_contains: rate
          it is refused, and no `outcome: refused` expects it: master blue is active
          this does not come; the last is: restart master/green is done: HTTP 200
        outcome: refused, never: true
          it is refused, and no `outcome: refused` expects it: master blue is active
          this must not be: restart master/blue is refused: master blue is active
        outcome: refused, action: restart, target: master blue, text_contains: ACTIVE
        within: [10m, 11m], outcome: done
          this does not come in time but at 6m 2s: restart master/green is done: HTTP 200
        outcome: refused, action: restart, target: master blue, text_contains: ACTIVE
        times: 2, outcome: done
          this comes 1 times and not 2
        outcome: refused, action: restart, target: master blue, text_contains: ACTIVE
        outcome: failed
          this does not come; the last is: restart master/green is done: HTTP 200
        outcome: refused, action: restart, target: master blue, text_contains: ACTIVE
        never: true, outcome: begun
          this must not be: restart master/green is begun: 
    "#]]
    .assert_eq(&out);
}

#[test]
fn what_is_wrong_with_a_step_about_an_action_is_said_with_its_place() {
    let mut out = String::new();
    for (steps, expected) in [
        ("at: 1m, action: restrt master green", "outcome: done"),
        (
            "at: 1m, action: restart master green, in: core",
            "outcome: done",
        ),
        (
            "at: 1m, action: restart master green, by: alice",
            "outcome: done",
        ),
        (
            "at: 1m, action: restart master green, by: U0ALICE, in: cor",
            "outcome: done",
        ),
        (
            "at: 1m, action: restart master green, by: U0ALICE, confirm: never, types: x",
            "outcome: done",
        ),
        (
            "at: 1m, action: restart master green, by: U0ALICE, took: 5s",
            "outcome: done",
        ),
        (
            "at: 1m, for: 5s, action: restart master green, by: U0ALICE",
            "outcome: done",
        ),
        ("at: 1m, run: restat, answers: ok", "outcome: done"),
        ("at: 1m, run: quiet, answers: ok", "outcome: done"),
        ("at: 1m, run: restart", "outcome: done"),
        (
            "at: 1m, run: restart, answers: ok, took: 1h",
            "outcome: done",
        ),
        ("at: 1m, action: restart master green", "action: restart"),
        (
            "at: 1m, action: restart master green",
            "outcome: done, channel: core",
        ),
        ("at: 1m, action: restart master green", "outcome: well"),
        (
            "at: 1m, restart: killed, away: 5m\nat: 2m, action: restart master green",
            "outcome: done",
        ),
    ] {
        let steps: String = steps
            .lines()
            .map(|line| format!("  - {{ {line} }}\n"))
            .collect();
        let text = format!(
            "name: a test\nscript:\n{steps}  - {{ at: 20m, end: true }}\nexpect:\n  - {{ {expected} }}\n"
        );
        let loaded = file().load_text("a.yaml", &text);
        assert!(loaded.scripts.is_empty(), "{text}");
        out.push_str(&loaded.report.render(crate::config::Format::Short, false));
    }
    expect![[r#"
        a.yaml:3:23: error[H0114]: `restrt master green` begins with no action of the file that is tested
        a.yaml:3:49: error[H0113]: `in` is about people in Slack, and this step does not say who asks
        a.yaml:3:49: error[H0605]: `alice` is not the id of a person in Slack
        a.yaml:3:62: error[H0210]: `cor` is not a channel of the file that is tested
        a.yaml:3:81: error[H0120]: nothing is typed by whoever does not confirm
        a.yaml:3:5: error[H0120]: `took` means nothing in this step
        a.yaml:3:5: error[H0120]: a step of this kind has no `for`
        a.yaml:3:20: error[H0114]: `restat` is not an action of the file that is tested
        a.yaml:3:20: error[H0120]: hekate does this itself, and asks nobody
        a.yaml:3:5: error[H0113]: this step has no `answers`
        a.yaml:3:48: error[H0115]: it is given up after 30 s
        a.yaml:6:5: error[H0113]: this expectation has no `outcome`
        a.yaml:6:5: error[H0120]: `channel` means nothing for what becomes of an action
        a.yaml:6:16: error[H0114]: `outcome` cannot be `well`
        a.yaml:4:5: error[H0115]: hekate is not running by then: it is back after 6m
    "#]].assert_eq(&out);
}

#[test]
fn words_that_name_nobody_fail_the_test() {
    let script = script(
        "at: 1m, action: restart nobody\nat: 5m, end: true",
        "times: 0",
    );
    let review = review::review(&script, 1);
    assert_eq!(review.faults.len(), 1, "{:?}", review.faults);
    assert!(
        review.faults[0].words.contains("nobody"),
        "{:?}",
        review.faults
    );
    assert_eq!(script.file, Path::new("targets.yaml"));
}
