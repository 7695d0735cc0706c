//! What people type, and whom it would reach.

use std::fmt::Write as _;

use chrono::Weekday;
use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::{
    command::{COMMANDS, ask as answer_to, fixture, hear, text},
    model::{
        OnCallName, Secret,
        action::{Allow, Call, Door, Guard, HttpCall, TAKEN, When},
        planned::Person,
        roles::RoleFacts,
        rota::{Cycle, Shift},
    },
};

fn action(name: &str, aliases: &[&str], role: RoleWanted, confirm: Confirm) -> Arc<Action> {
    Arc::new(Action {
        name: name.to_owned(),
        aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
        guard: Guard {
            when: When {
                role,
                ..When::default()
            },
            allow: Allow {
                users: vec![String::from("U0ALICE")],
                ..Allow::default()
            },
            confirm,
            needs_second_person: name == "deploy",
            needs_reason: name == "deploy",
            rate: None,
            expires_after: std::time::Duration::from_mins(1),
        },
        grace: std::time::Duration::from_mins(5),
        tell: None,
        call: Call::Http(Box::new(HttpCall {
            method: String::from("POST"),
            url: Secret::new("http://jenkins.test/"),
            headers: Vec::new(),
            credentials: None,
            params: Vec::new(),
            json: None,
            success: Vec::new(),
            timeout: std::time::Duration::from_secs(5),
            ca_pem: None,
        })),
    })
}

#[test]
fn a_rota_says_who_is_on_call_until_when_and_who_is_next() {
    let shift = |users: &[&str], weekday| Shift {
        users: users.iter().map(|&user| user.to_owned()).collect(),
        week: 0,
        weekday,
        minute: 9 * 60,
    };
    let mut board = board();
    board.on_call = vec![OnCall {
        name: OnCallName::new("night"),
        user_group: None,
        users: vec![String::from("U0CORA")],
        rota: Some(Rota {
            timezone: chrono_tz::Europe::Prague,
            shifts: vec![
                shift(&["U0ALICE"], Weekday::Mon),
                shift(&["U0BOB", "U0DAN"], Weekday::Thu),
            ],
            cycle: Cycle::WEEKLY,
            overrides: Vec::new(),
        }),
        quiet_hours: None,
    }];
    // The first of January 1970 was a Thursday.
    let now = Timestamp::from_millis(0);
    assert_eq!(hear(&board, "on-call", now, "/roih"), Heard::OnCall);
    assert_eq!(
        on_call(&board, now, &Groups::new()),
        [
            "night: user U0CORA, user U0ALICE until Thu 1 Jan 09:00 CET, then user U0BOB and user U0DAN"
        ]
    );
}

#[test]
fn who_is_in_a_user_group_is_said_as_far_as_somebody_knows() {
    let mut board = board();
    board.on_call = vec![OnCall {
        name: OnCallName::new("core"),
        user_group: Some(String::from("S0CORE01")),
        users: vec![String::from("U0CORA")],
        rota: None,
        quiet_hours: None,
    }];
    let many: Vec<_> = (0..12).map(|number| format!("U{number:02}")).collect();
    let mut out = String::new();
    for people in [
        None,
        Some(None),
        Some(Some(Vec::new())),
        Some(Some(vec![String::from("U0ALICE"), String::from("U0BOB")])),
        Some(Some(many)),
    ] {
        let groups = people.map(|people| (String::from("S0CORE01"), people));
        let said = on_call(&board, fixture::NOW, &groups.into_iter().collect());
        writeln!(out, "{}", said.join("; ")).unwrap();
    }
    expect![[r#"
        core: user group S0CORE01, user U0CORA
        core: user group S0CORE01 (who is in it is unknown: Slack did not say), user U0CORA
        core: user group S0CORE01 (nobody is in it), user U0CORA
        core: user group S0CORE01 (user U0ALICE and user U0BOB), user U0CORA
        core: user group S0CORE01 (user U00 and user U01 and user U02 and user U03 and user U04 and user U05 and user U06 and user U07 and user U08 and user U09 and 2 more), user U0CORA
    "#]]
    .assert_eq(&out);
}

/// The usual board, where blue is active and green is not.
fn board() -> Board {
    let mut board = fixture::board();
    board.actions = [
        action(
            "restart",
            &["reboot"],
            RoleWanted::NotActive,
            Confirm::Button,
        ),
        action("force_restart", &[], RoleWanted::Any, Confirm::TypeName),
        action("deploy", &[], RoleWanted::Inactive, Confirm::Button),
    ]
    .into();
    for row in &board.rows {
        if row
            .target
            .group
            .as_ref()
            .is_some_and(|group| group.as_str() == "master")
        {
            let role = match row.target.name.as_str() {
                "blue" => Role::Active,
                _ => Role::Inactive,
            };
            row.set_role(Some(Arc::new(RoleFacts {
                role: Some(role),
                since: None,
                words: String::new(),
            })));
        }
    }
    board
}

fn heard(board: &Board, words: &str) -> String {
    match hear(board, words, fixture::NOW, "/roih") {
        Heard::Order(Order::Ask(ask)) if ask.why.is_empty() => {
            format!("{} at {}", ask.action, ask.target)
        }
        Heard::Order(Order::Ask(ask)) => {
            format!("{} at {} because {}", ask.action, ask.target, ask.why)
        }
        Heard::Order(Order::Confirm { nonce, typed, why }) => {
            let because = why.map_or(String::new(), |why| format!(" because {why}"));
            format!("confirm {nonce} {typed:?}{because}")
        }
        Heard::Order(Order::Recall { nonce }) => format!("recall {nonce}"),
        Heard::Order(Order::Cancel { nonce }) => format!("cancel {nonce}"),
        Heard::Tasks(target) => format!("tasks of {target}"),
        Heard::Wish(_) => String::from("a plan"),
        Heard::Opinion(_) => String::from("an opinion"),
        Heard::Seek(_) => String::from("sought"),
        Heard::Measure(_) => String::from("measured"),
        Heard::OnCall => String::from("who is on call"),
        Heard::List(kind) => format!("list of {}", kind.as_str()),
        Heard::Reply(reply) => {
            let look = text::Look {
                timezone: chrono_tz::UTC,
                has_color: false,
            };
            text::reply(&reply, look).trim_end().replace('\n', " / ")
        }
    }
}

#[test]
fn words_become_orders() {
    let board = board();
    let mut out = String::new();
    for words in [
        "restart master green",
        "Restart green MASTER because it hangs",
        "reboot master green",
        "force restart master blue",
        "force-restart master blue",
        "force_restart master blue",
        "restart master",
        "force restart master",
        "restart",
        "restart nobody",
        "restart master green for 5m",
        "restarting master green",
        "deploy master",
        "deploy announce master green",
        "deploy list",
        "confirm k7f2q",
        "confirm k7f2q master green",
        "confirm k7f2q master green because it <!channel> hangs",
        "confirm k7f2q Because 'it hangs'",
        "confirm k7f2q master green because",
        "confirm",
        "cancel k7f2q",
        "show tasks master green",
        "show tasks",
        "show me",
        "on-call",
        "toy",
    ] {
        writeln!(out, "{words}: {}", heard(&board, words)).expect("a string takes it");
    }
    expect![[r#"
        restart master green: restart at master/green
        Restart green MASTER because it hangs: restart at master/green because it hangs
        reboot master green: restart at master/green
        force restart master blue: force_restart at master/blue
        force-restart master blue: force_restart at master/blue
        force_restart master blue: force_restart at master/blue
        restart master: restart at master/green
        force restart master: this could be each of 2 targets / did you mean: /   force restart master blue /   force restart master green / hint: name one of them
        restart: no target was named / hint: say it as `restart master green`; `show tasks` with a name says what can be done
        restart nobody: nothing is called `nobody` / hint: say it as `restart master green`; `show tasks` with a name says what can be done
        restart master green for 5m: an action has neither a length nor a release / hint: say it as `/roih restart master green`, and if you like `because …`
        restarting master green: `restarting` is no command, and nothing that is watched is called that / hint: `/roih help` lists what can be asked
        deploy master: deploy at master/green
        deploy announce master green: a plan
        deploy list: list of deploy
        confirm k7f2q: confirm k7f2q None
        confirm k7f2q master green: confirm k7f2q Some("master green")
        confirm k7f2q master green because it <!channel> hangs: confirm k7f2q Some("master green") because it <!channel> hangs
        confirm k7f2q Because 'it hangs': confirm k7f2q None because it hangs
        confirm k7f2q master green because: confirm k7f2q Some("master green")
        confirm: it is not said what / hint: every question says the word that confirms it
        cancel k7f2q: cancel k7f2q
        show tasks master green: tasks of master/green
        show tasks: no target was named / hint: say it as `/roih show tasks master green`
        show me: `me` cannot be shown / hint: say it as `/roih show tasks master green`
        on-call: who is on call
        toy: here is a small wooden train; it restarts only when nobody is on it
    "#]].assert_eq(&out);
}

fn alice() -> Asker {
    Asker {
        by: Person {
            name: String::from("@alice"),
            slack_user: Some(String::from("U0ALICE")),
        },
        door: Door::Slack {
            channel: String::from("C0OPS"),
            channel_name: String::from("ops"),
        },
        memberships: None,
    }
}

#[test]
fn tasks_say_what_can_be_done_and_why_not_the_rest() {
    let board = board();
    let mut out = String::new();
    for name in ["master/blue", "master/green"] {
        let row = board.row(&crate::model::TargetId::new(name)).unwrap();
        for line in tasks(&board, row, &alice(), fixture::NOW, "/roih") {
            writeln!(out, "{line}").expect("a string takes it");
        }
    }
    expect![[r#"
        not restart: master blue is active
        `/roih force restart master blue`, after its name was typed
        not deploy: master blue is active
        `/roih restart master green`, after a confirmation
        `/roih force restart master green`, after its name was typed
        `/roih deploy master green`, after a confirmation and somebody else has confirmed; say `because …`
    "#]].assert_eq(&out);
}

#[test]
fn no_action_can_be_called_like_a_command() {
    for command in COMMANDS {
        let is_taken = TAKEN.contains(&command.word) || command.word == "deploy";
        assert!(is_taken, "{}", command.word);
    }
    for word in TAKEN {
        assert!(
            COMMANDS.iter().any(|command| command.word == *word),
            "{word}"
        );
    }
}

#[test]
fn panic_is_everything_that_is_wrong() {
    let board = fixture::board();
    let panic = answer_to(&board, "panic", fixture::NOW, "/roih");
    assert_eq!(
        panic,
        answer_to(&board, "status problems", fixture::NOW, "/roih")
    );
}

proptest! {
    /// Whatever is typed: what is done is done to a target whose name or group, and whose action, was said.
    #[test]
    fn nothing_is_done_to_whom_it_does_not_name(
        words in proptest::collection::vec(
            prop_oneof![
                Just("restart"), Just("force"), Just("force-restart"), Just("deploy"), Just("reboot"),
                Just("master"), Just("blue"), Just("green"), Just("purple"), Just("staging"), Just("cron"), Just("api"),
                Just("because"), Just("for"), Just("5m"), Just(","), Just("down"), Just("all"), Just("*"),
            ],
            0..6,
        ),
    ) {
        let board = board();
        let text = words.join(" ");
        if let Heard::Order(Order::Ask(ask)) = hear(&board, &text, fixture::NOW, "/roih") {
            let row = board.row(&ask.target).unwrap();
            let names = text.split(" because ").next().unwrap();
            let is_named = names.contains(&row.target.name)
                || row.target.group.as_ref().is_some_and(|group| names.contains(group.as_str()))
                || row.target.aliases.iter().any(|alias| names.contains(alias.as_str()));
            prop_assert!(is_named, "{text}: {ask:?}");
            let first = ask.action.split('_').next().unwrap();
            prop_assert!(text.contains(first) || text.contains("reboot"), "{text}: {ask:?}");
        }
    }
}
