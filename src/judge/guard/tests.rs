//! The matrix of who may do what, and that nothing is ever done by default.

use std::fmt::Write as _;

use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::model::{
    Secret, TargetId,
    action::{Allow, Call, Confirmed, Guard, HttpCall, When},
    planned::Person,
    quiet_hours::Allowance,
};

fn action(name: &str, role: RoleWanted, allow: Allow) -> Action {
    Action {
        name: name.to_owned(),
        aliases: Vec::new(),
        guard: Guard {
            when: When {
                role,
                ..When::default()
            },
            allow,
            confirm: Confirm::No,
            needs_second_person: false,
            needs_reason: false,
            rate: None,
            expires_after: MINUTE,
        },
        grace: MINUTE,
        tell: None,
        call: Call::Http(Box::new(HttpCall {
            method: String::from("POST"),
            url: Secret::new("http://jenkins.test/"),
            headers: Vec::new(),
            credentials: None,
            params: Vec::new(),
            json: None,
            success: Vec::new(),
            timeout: MINUTE,
            ca_pem: None,
        })),
    }
}

fn of_alice() -> Allow {
    Allow {
        users: vec![String::from("U0ALICE")],
        ..Allow::default()
    }
}

fn slack(user: &str, channel: &str) -> Asker {
    Asker {
        by: Person {
            name: format!("@{user}"),
            slack_user: Some(user.to_owned()),
        },
        door: Door::Slack {
            channel: channel.to_owned(),
            channel_name: String::from("ops"),
        },
        memberships: None,
    }
}

fn terminal() -> Asker {
    Asker {
        by: Person {
            name: String::from("jan@laptop"),
            slack_user: None,
        },
        door: Door::Program,
        memberships: None,
    }
}

fn ask(action: &str) -> Ask {
    Ask {
        action: action.to_owned(),
        target: TargetId::new("master/green"),
        why: String::new(),
        typed: None,
        nonce: String::from("q7w3"),
        trigger: None,
        is_dry: false,
        reason_may_follow: false,
    }
}

fn attempt(number: u64, asker: &Asker, stage: Stage) -> Attempt {
    Attempt {
        id: AttemptId(number),
        action: String::from("restart"),
        target: TargetId::new("master/blue"),
        by: asker.by.clone(),
        door: asker.door.clone(),
        why: None,
        role: None,
        verdict: Verdict::Operational,
        nonce: format!("n{number}"),
        trigger: None,
        asked_at: Timestamp::from_millis(0),
        expires_at: Timestamp::from_millis(60_000),
        confirmed: vec![Confirmed {
            by: asker.by.clone(),
            at: Timestamp::from_millis(0),
        }],
        began_at: Some(Timestamp::from_millis(0)),
        ended_at: None,
        stage,
        words: String::new(),
        reference: None,
        account: None,
    }
}

struct World {
    action: Action,
    ask: Ask,
    role: Option<Role>,
    verdict: Verdict,
    asker: Asker,
    recent: Vec<Attempt>,
    now: Timestamp,
}

impl World {
    fn new(action: Action, asker: Asker) -> Self {
        Self {
            ask: ask(&action.name),
            action,
            role: Some(Role::Inactive),
            verdict: Verdict::Operational,
            asker,
            recent: Vec::new(),
            now: Timestamp::from_millis(1_000_000),
        }
    }

    fn decide(&self) -> Decision {
        let group = GroupName::new("master");
        decide(&Case {
            now: self.now,
            action: &self.action,
            title: "master green",
            ask: &self.ask,
            group: Some(&group),
            role: self.role,
            verdict: self.verdict,
            asker: &self.asker,
            recent: &self.recent,
            attempt: None,
        })
    }

    fn words(&self) -> String {
        match self.decide() {
            Decision::Allowed => String::from("yes"),
            Decision::NeedsConfirmation(how) => format!("confirm: {}", how.as_str()),
            Decision::NeedsSecondPerson => String::from("second person"),
            Decision::Refused(refusal) => format!("no: {}", refusal.words),
        }
    }
}

/// Whom an action may obey.
fn allows() -> [(&'static str, Allow); 5] {
    let in_channel = Allow {
        channels: vec![String::from("C0OPS")],
        ..of_alice()
    };
    let of_group = Allow {
        user_groups: vec![String::from("S0CORE")],
        ..Allow::default()
    };
    let of_programs = Allow {
        programs: true,
        ..Allow::default()
    };
    [
        ("nobody", Allow::default()),
        ("alice", of_alice()),
        ("alice in ops", in_channel),
        ("S0CORE", of_group),
        ("programs", of_programs),
    ]
}

/// Who asks, and where.
fn askers() -> [(&'static str, Asker); 5] {
    let in_core = Asker {
        memberships: Some(vec![String::from("S0CORE")]),
        ..slack("U0CORA", "C0ANY")
    };
    [
        ("alice in any", slack("U0ALICE", "C0ANY")),
        ("alice in ops", slack("U0ALICE", "C0OPS")),
        ("bob in ops", slack("U0BOB", "C0OPS")),
        ("cora of S0CORE", in_core),
        ("terminal", terminal()),
    ]
}

#[test]
fn the_matrix_of_people_and_places() {
    let mut table = String::new();
    for (allowed, allow) in allows() {
        for (who, asker) in askers() {
            let action = action("restart", RoleWanted::NotActive, allow.clone());
            let words = World::new(action, asker).words();
            writeln!(table, "allow {allowed}, {who}: {words}").expect("a string takes it");
        }
    }
    expect![[r#"
        allow nobody, alice in any: no: `restart` does not obey you
        allow nobody, alice in ops: no: `restart` does not obey you
        allow nobody, bob in ops: no: `restart` does not obey you
        allow nobody, cora of S0CORE: no: `restart` does not obey you
        allow nobody, terminal: no: `restart` is not for terminals and programs
        allow alice, alice in any: yes
        allow alice, alice in ops: yes
        allow alice, bob in ops: no: `restart` does not obey you
        allow alice, cora of S0CORE: no: `restart` does not obey you
        allow alice, terminal: no: `restart` is not for terminals and programs
        allow alice in ops, alice in any: no: `restart` cannot be asked for in this channel
        allow alice in ops, alice in ops: yes
        allow alice in ops, bob in ops: no: `restart` does not obey you
        allow alice in ops, cora of S0CORE: no: `restart` cannot be asked for in this channel
        allow alice in ops, terminal: no: `restart` is not for terminals and programs
        allow S0CORE, alice in any: no: nobody can say whether you are in the user group S0CORE, so `restart` does not obey you
        allow S0CORE, alice in ops: no: nobody can say whether you are in the user group S0CORE, so `restart` does not obey you
        allow S0CORE, bob in ops: no: nobody can say whether you are in the user group S0CORE, so `restart` does not obey you
        allow S0CORE, cora of S0CORE: yes
        allow S0CORE, terminal: no: `restart` is not for terminals and programs
        allow programs, alice in any: no: `restart` does not obey you
        allow programs, alice in ops: no: `restart` does not obey you
        allow programs, bob in ops: no: `restart` does not obey you
        allow programs, cora of S0CORE: no: `restart` does not obey you
        allow programs, terminal: yes
    "#]]
    .assert_eq(&table);
}

#[test]
fn the_matrix_of_roles() {
    let mut table = String::new();
    let wanted = [
        (RoleWanted::NotActive, "not active"),
        (RoleWanted::Inactive, "inactive"),
        (RoleWanted::Active, "active"),
        (RoleWanted::Any, "any"),
    ];
    let roles = [
        None,
        Some(Role::Inactive),
        Some(Role::Active),
        Some(Role::Unknown),
    ];
    for (wanted, words) in wanted {
        for role in roles {
            let action = action("restart", wanted, of_alice());
            let mut world = World::new(action, slack("U0ALICE", "C0OPS"));
            world.role = role;
            let is = role.map_or("none", Role::as_str);
            writeln!(table, "wanted {words}, is {is}: {}", world.words())
                .expect("a string takes it");
        }
    }
    expect![[r#"
        wanted not active, is none: yes
        wanted not active, is inactive: yes
        wanted not active, is active: no: master green is active
        wanted not active, is unknown: no: nobody can say now whether master green is active
        wanted inactive, is none: no: master green has no role
        wanted inactive, is inactive: yes
        wanted inactive, is active: no: master green is active
        wanted inactive, is unknown: no: nobody can say now whether master green is active
        wanted active, is none: no: master green has no role
        wanted active, is inactive: no: master green is not active
        wanted active, is active: yes
        wanted active, is unknown: no: nobody can say now whether master green is active
        wanted any, is none: yes
        wanted any, is inactive: yes
        wanted any, is active: yes
        wanted any, is unknown: yes
    "#]]
    .assert_eq(&table);
}

#[test]
fn states_groups_and_reasons() {
    let mut world = World::new(
        action("restart", RoleWanted::NotActive, of_alice()),
        slack("U0ALICE", "C0OPS"),
    );
    world.action.guard.when.states = vec![Verdict::Down, Verdict::Degraded];
    let mut out = String::new();
    for verdict in [Verdict::Operational, Verdict::Down, Verdict::Unknown] {
        world.verdict = verdict;
        writeln!(out, "{verdict}: {}", world.words()).expect("a string takes it");
    }
    world.action.guard.when.states.clear();
    world.action.guard.when.groups = vec![GroupName::new("staging"), GroupName::new("cron")];
    writeln!(out, "elsewhere: {}", world.words()).expect("a string takes it");
    world.action.guard.when.groups = vec![GroupName::new("master")];
    writeln!(out, "here: {}", world.words()).expect("a string takes it");
    world.action.guard.needs_reason = true;
    world.ask.why = String::from("  ");
    writeln!(out, "no reason: {}", world.words()).expect("a string takes it");
    world.ask.why = String::from("it hangs");
    writeln!(out, "a reason: {}", world.words()).expect("a string takes it");
    expect![[r#"
        operational: no: master green is operational
        down: yes
        unknown: no: master green is unknown
        elsewhere: no: master green is not in staging or cron
        here: yes
        no reason: no: it has to be said why
        a reason: yes
    "#]]
    .assert_eq(&out);
}

#[test]
fn confirmation_second_person_and_typed_names() {
    let mut world = World::new(
        action("restart", RoleWanted::Any, of_alice()),
        slack("U0ALICE", "C0OPS"),
    );
    let mut out = String::new();
    for confirm in [Confirm::No, Confirm::Button, Confirm::TypeName] {
        for second in [false, true] {
            for typed in [
                None,
                Some("Master  green"),
                Some("master/green"),
                Some("master blue"),
            ] {
                world.action.guard.confirm = confirm;
                world.action.guard.needs_second_person = second;
                world.ask.typed = typed.map(str::to_owned);
                let second = if second { " + second" } else { "" };
                writeln!(
                    out,
                    "{}{second}, typed {typed:?}: {}",
                    confirm.as_str(),
                    world.words()
                )
                .expect("a string takes it");
            }
        }
    }
    expect![[r#"
        none, typed None: yes
        none, typed Some("Master  green"): yes
        none, typed Some("master/green"): yes
        none, typed Some("master blue"): yes
        none + second, typed None: second person
        none + second, typed Some("Master  green"): second person
        none + second, typed Some("master/green"): second person
        none + second, typed Some("master blue"): second person
        button, typed None: confirm: button
        button, typed Some("Master  green"): yes
        button, typed Some("master/green"): yes
        button, typed Some("master blue"): no: `master blue` is not its name
        button + second, typed None: confirm: button
        button + second, typed Some("Master  green"): second person
        button + second, typed Some("master/green"): second person
        button + second, typed Some("master blue"): no: `master blue` is not its name
        type_name, typed None: confirm: type_name
        type_name, typed Some("Master  green"): yes
        type_name, typed Some("master/green"): yes
        type_name, typed Some("master blue"): no: `master blue` is not its name
        type_name + second, typed None: confirm: type_name
        type_name + second, typed Some("Master  green"): second person
        type_name + second, typed Some("master/green"): second person
        type_name + second, typed Some("master blue"): no: `master blue` is not its name
    "#]]
    .assert_eq(&out);
}

#[test]
fn three_in_an_hour_are_three() {
    let mut world = World::new(
        action("restart", RoleWanted::Any, of_alice()),
        slack("U0ALICE", "C0OPS"),
    );
    world.action.guard.rate = Some(Allowance {
        count: 3,
        within: Duration::from_hours(1),
    });
    let bob = slack("U0BOB", "C0OPS");
    world.now = Timestamp::from_millis(40 * 60_000);
    for number in 0..3 {
        assert_eq!(world.words(), "yes", "after {number}");
        let mut done = attempt(number, &bob, Stage::Done);
        done.began_at = Some(Timestamp::default() + MINUTE * u32::try_from(number * 10).unwrap());
        world.recent.push(done);
    }
    let Decision::Refused(refusal) = world.decide() else {
        panic!("the fourth is allowed")
    };
    assert_eq!(refusal.way_out, "it may be done again in 20 min");
    // Those that were never begun do not count.
    world.recent[1].began_at = None;
    world.recent[1].stage = Stage::Refused;
    assert_eq!(world.words(), "yes");
    // One that is about to be done does.
    world.recent[1].stage = Stage::Checking;
    assert_ne!(world.words(), "yes");
    world.recent.clear();
    world.recent.push(attempt(1, &bob, Stage::Running));
    world.recent[0].target = world.ask.target.clone();
    assert!(world.words().contains("already"), "{}", world.words());
}

#[test]
fn nobody_asks_for_more_than_five_things_a_minute() {
    let alice = slack("U0ALICE", "C0OPS");
    let mut world = World::new(
        action("restart", RoleWanted::Any, of_alice()),
        alice.clone(),
    );
    world.now = Timestamp::from_millis(59_000);
    world.recent = (0..5).map(|n| attempt(n, &alice, Stage::Expired)).collect();
    assert!(
        world.words().starts_with("no: you asked for 5"),
        "{}",
        world.words()
    );
    world.now = Timestamp::from_millis(60_000);
    assert_eq!(world.words(), "yes");
}

#[test]
fn the_second_person_is_somebody_else_who_is_allowed_and_known() {
    let allow = Allow {
        users: vec![String::from("U0ALICE"), String::from("U0BOB")],
        programs: true,
        ..Allow::default()
    };
    let action = action("restart", RoleWanted::Any, allow);
    let asked = attempt(1, &slack("U0ALICE", "C0OPS"), Stage::Seconding);
    let second = |asker: &Asker| may_second(&action, &asked, asker).is_ok();
    assert!(second(&slack("U0BOB", "C0OPS")));
    assert!(!second(&slack("U0ALICE", "C0OPS")));
    assert!(!second(&slack("U0EVE", "C0OPS")));
    assert!(!second(&terminal()));
    // What a terminal asked for needs somebody in Slack as well.
    let asked = attempt(1, &terminal(), Stage::Seconding);
    assert!(may_second(&action, &asked, &slack("U0BOB", "C0OPS")).is_ok());
    assert!(may_second(&action, &asked, &terminal()).is_err());
}

fn any_role() -> impl Strategy<Value = Option<Role>> {
    prop_oneof![
        Just(None),
        Just(Some(Role::Active)),
        Just(Some(Role::Inactive)),
        Just(Some(Role::Unknown))
    ]
}

proptest! {
    /// Whatever else is set: who is not named is refused.
    #[test]
    fn nobody_is_allowed_by_default(
        user in "[UW][A-Z0-9]{2,8}",
        channel in "C[A-Z0-9]{2,8}",
        channels in proptest::collection::vec("C[A-Z0-9]{2,8}", 0..3),
        groups in proptest::collection::vec("S[A-Z0-9]{2,8}", 0..3),
        users in proptest::collection::vec("[UW][A-Z0-9]{2,8}", 0..3),
        role in any_role(),
        programs: bool,
    ) {
        let is_named = users.contains(&user);
        let allow = Allow { users, user_groups: groups, channels, programs };
        let mut world = World::new(action("restart", RoleWanted::Any, allow), slack(&user, &channel));
        world.role = role;
        let is_refused = matches!(world.decide(), Decision::Refused(_));
        prop_assert!(is_named || is_refused);
    }

    /// No order, whoever gives it and however it is confirmed, touches what is active or may be, unless the file says so.
    #[test]
    fn the_active_one_is_left_alone(
        is_strict: bool,
        role in prop_oneof![Just(Role::Active), Just(Role::Unknown)],
        typed in proptest::option::of("master green|master/green|.*"),
        why in ".*",
        confirm in prop_oneof![Just(Confirm::No), Just(Confirm::Button), Just(Confirm::TypeName)],
    ) {
        let wanted = if is_strict { RoleWanted::Inactive } else { RoleWanted::NotActive };
        let mut world = World::new(action("restart", wanted, of_alice()), slack("U0ALICE", "C0OPS"));
        world.role = Some(role);
        world.action.guard.confirm = confirm;
        world.ask.typed = typed;
        world.ask.why = why;
        prop_assert!(matches!(world.decide(), Decision::Refused(_)));
    }

    /// Only its own name confirms it.
    #[test]
    fn no_other_name_confirms(typed in ".*") {
        let squeezed = typed.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let is_it = squeezed == "master green" || squeezed == "master/green";
        let is_taken = is_name(&typed, "master green", &TargetId::new("master/green")).is_ok();
        prop_assert_eq!(is_taken, is_it);
    }
}
