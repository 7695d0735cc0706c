//! Stories of what people have done to targets: who may, what it takes, what is told, and that nothing is done twice.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use expect_test::{Expect, expect};

use super::{
    World, minutes,
    planned::told_by_bot,
    roles::{dns, pair},
};
use crate::{
    engine::{Event, RereadAnswer},
    model::{
        ChannelName, Plan, Secret, TargetId,
        action::{
            Action, Allow, Answered, Ask, Asker, AttemptId, Call, Confirm, Door, Guard, HttpCall,
            Ongoing, Order, Ordered, OwnCall, Ran, RanResult, RoleWanted, Stage, When,
        },
        planned::{Person, PlanKind},
        quiet_hours::Allowance,
        roles::Opinion,
    },
};

const MINUTE: Duration = Duration::from_mins(1);

fn action(name: &str, role: RoleWanted, confirm: Confirm) -> Action {
    Action {
        name: name.to_owned(),
        aliases: Vec::new(),
        guard: Guard {
            when: When {
                role,
                ..When::default()
            },
            allow: Allow {
                users: vec![String::from("U0ALICE"), String::from("U0BOB")],
                programs: true,
                ..Allow::default()
            },
            confirm,
            needs_second_person: name == "wipe",
            needs_reason: false,
            rate: (name == "restart").then_some(Allowance {
                count: 2,
                within: Duration::from_hours(1),
            }),
            expires_after: MINUTE,
        },
        grace: MINUTE * 5,
        tell: None,
        call: Call::Http(Box::new(HttpCall {
            method: String::from("POST"),
            url: Secret::new("http://jenkins.test/"),
            headers: Vec::new(),
            credentials: None,
            params: Vec::new(),
            json: None,
            success: vec![(200, 299)],
            timeout: MINUTE,
            ca_pem: None,
        })),
    }
}

fn file() -> Plan {
    let mut failover = action("failover", RoleWanted::Any, Confirm::TypeName);
    failover.guard.needs_reason = true;
    let mut hush = action("hush", RoleWanted::Any, Confirm::Button);
    hush.call = Call::Own(OwnCall {
        kind: PlanKind::Silence,
        length: MINUTE * 30,
    });
    let actions = [
        failover,
        hush,
        action("restart", RoleWanted::NotActive, Confirm::Button),
        action("force_restart", RoleWanted::Any, Confirm::TypeName),
        action("wipe", RoleWanted::NotActive, Confirm::No),
    ];
    Plan {
        actions: actions.into_iter().map(Arc::new).collect(),
        ..pair(vec![dns()])
    }
}

/// The same where a bot tells `ops`.
fn with_bot() -> Plan {
    let mut plan = file();
    told_by_bot(&mut plan, "ops");
    plan
}

fn asker(name: &str) -> Asker {
    Asker {
        by: Person {
            name: format!("@{name}"),
            slack_user: Some(format!("U0{}", name.to_uppercase())),
        },
        door: Door::Slack {
            channel: String::from("C0OPS"),
            channel_name: String::from("ops"),
        },
        memberships: None,
    }
}

/// A pair that was looked at for ten minutes, and what is said of attempts from then on.
struct Desk {
    world: World,
    said: String,
    asked: u64,
    /// Whether those who ask have forms.
    has_form: bool,
}

impl Desk {
    fn new() -> Self {
        Self::of(file())
    }

    fn of(plan: Plan) -> Self {
        let mut world = World::new(plan);
        world.run_until(minutes(10));
        world.told.clear();
        Self {
            world,
            said: String::new(),
            asked: 0,
            has_form: false,
        }
    }

    fn order(&mut self, who: &str, order: Order) -> Answered {
        self.world.event(Event::Ordered(Ordered {
            number: 1,
            order,
            asker: asker(who),
        }));
        self.world
            .ordered
            .pop()
            .expect("every order is answered at once")
    }

    fn note(&mut self, what: &str, answer: &Answered) {
        let words = match answer {
            Answered::Would { .. } => String::from("would"),
            Answered::Confirm { how, .. } => format!("confirm by {}", how.as_str()),
            Answered::Second(_) => String::from("second person"),
            Answered::Taken(attempt) => format!("taken: {}", attempt.stage.as_str()),
            Answered::Refused { refusal, .. } => format!("no: {}", refusal.words),
        };
        writeln!(self.said, "{what}: {words}").expect("a string takes it");
    }

    fn ask(&mut self, who: &str, action: &str, target: &str) -> &mut Self {
        self.asked += 1;
        let ask = Ask {
            action: action.to_owned(),
            target: TargetId::new(target),
            why: String::new(),
            typed: None,
            nonce: format!("w{}", self.asked),
            trigger: Some(format!("t{}", self.asked)),
            is_dry: false,
            reason_may_follow: self.has_form,
        };
        let answer = self.order(who, Order::Ask(ask));
        self.note(&format!("@{who} {action} {target}"), &answer);
        self
    }

    /// Confirms with the name of a form, and why.
    fn fill_in(&mut self, who: &str, nonce: &str, typed: &str, why: Option<&str>) -> &mut Self {
        let order = Order::Confirm {
            nonce: nonce.to_owned(),
            typed: Some(typed.to_owned()),
            why: why.map(str::to_owned),
        };
        let answer = self.order(who, order);
        self.note(&format!("@{who} fills in {typed}, {why:?}"), &answer);
        self
    }

    fn recall(&mut self, who: &str, nonce: &str) -> &mut Self {
        let order = Order::Recall {
            nonce: nonce.to_owned(),
        };
        let answer = self.order(who, order);
        self.note(&format!("@{who} wants to see {nonce}"), &answer);
        self
    }

    fn confirm(&mut self, who: &str, nonce: &str, typed: Option<&str>) -> &mut Self {
        let order = Order::Confirm {
            nonce: nonce.to_owned(),
            typed: typed.map(str::to_owned),
            why: None,
        };
        let answer = self.order(who, order);
        self.note(
            &format!("@{who} confirm {nonce} {}", typed.unwrap_or_default()),
            &answer,
        );
        self
    }

    /// What was to be read right before is read: these are active now.
    fn read(&mut self, active: Result<Vec<u16>, String>) -> &mut Self {
        let reread = self.world.rereads.pop().expect("somebody wants to know");
        let from = reread.roles.sources[0].as_str();
        self.world.event(Event::Reread(RereadAnswer {
            attempt: reread.attempt,
            opinions: vec![Opinion { from, active }],
            words: Vec::new(),
        }));
        let runs = self.world.runs.len();
        writeln!(self.said, "read; {runs} to be done").expect("a string takes it");
        self
    }

    fn goes_on(&mut self, words: &str, reference: Option<&str>) -> &mut Self {
        let attempt = self.world.runs.last().expect("something is done").attempt;
        self.world.event(Event::Ongoing(Ongoing {
            attempt,
            words: words.to_owned(),
            reference: reference.map(str::to_owned),
        }));
        self
    }

    fn ran(&mut self, result: RanResult) -> &mut Self {
        let run = self.world.runs.pop().expect("something is to be done");
        self.world.event(Event::Ran(Ran {
            attempt: run.attempt,
            result,
            words: String::from("HTTP 500"),
            reference: Some(String::from("Jenkins #812")),
        }));
        self
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        let end = self.world.now + time;
        self.world.run_until(end);
        self
    }

    fn stage(&self, number: u64) -> Stage {
        let mut attempts = self.world.committed.attempts.iter();
        let attempt = attempts.find(|attempt| attempt.id == AttemptId(number));
        attempt.expect("it is stored").stage
    }

    fn is(&self, expected: &Expect) {
        expected.assert_eq(&format!("{}told:\n{}", self.said, self.world.told));
    }
}

#[test]
fn the_inactive_one_is_restarted_and_comes_back() {
    let mut desk = Desk::new();
    desk.ask("alice", "restart", "master/green")
        .confirm("alice", "w1", None);
    assert_eq!(desk.stage(1), Stage::Checking);
    assert!(
        desk.world.runs.is_empty(),
        "nothing runs before the role was read"
    );
    desk.read(Ok(vec![0]));
    assert_eq!(desk.stage(1), Stage::Running);
    desk.world.set("master/green", "refused");
    desk.pass(MINUTE);
    desk.ran(RanResult::Done);
    assert_eq!(desk.stage(1), Stage::Settling);
    desk.world.set("master/green", "ok");
    desk.pass(MINUTE * 2);
    assert_eq!(desk.stage(1), Stage::Done);
    desk.is(&expect![[r#"
        @alice restart master/green: confirm by button
        @alice confirm w1 : taken: confirmed
        read; 1 to be done
        told:
        11m 22s #ops notice: @alice restarted master green: Jenkins #812 · back after 1 min 22 s · a1
    "#]]);
}

#[test]
fn the_active_one_is_left_alone_and_forced_only_by_its_name() {
    let mut desk = Desk::new();
    desk.ask("alice", "restart", "master/blue")
        .ask("alice", "force_restart", "master/blue")
        .confirm("alice", "w2", None)
        .confirm("alice", "w2", Some("master green"))
        .confirm("bob", "w2", Some("master blue"))
        .confirm("alice", "w2", Some("master blue"))
        .read(Ok(vec![0]));
    assert_eq!(desk.stage(1), Stage::Refused);
    assert_eq!(desk.stage(2), Stage::Running);
    desk.is(&expect![[r#"
        @alice restart master/blue: no: master blue is active
        @alice force_restart master/blue: confirm by type_name
        @alice confirm w2 : no: it is confirmed by typing its name
        @alice confirm w2 master green: no: `master green` is not its name
        @bob confirm w2 master blue: no: only @alice can confirm it
        @alice confirm w2 master blue: taken: confirmed
        read; 1 to be done
        told:
    "#]]);
}

#[test]
fn a_reason_may_follow_with_the_name_and_is_kept() {
    let mut desk = Desk::new();
    desk.ask("alice", "failover", "master/blue");
    desk.has_form = true;
    desk.ask("alice", "restart", "master/blue")
        .ask("alice", "failover", "master/blue")
        .recall("bob", "w3")
        .recall("alice", "w3")
        .fill_in("alice", "w3", "blue", Some("it hangs"))
        .fill_in("alice", "w3", "Master Blue", None)
        .fill_in("bob", "w3", "master blue", Some("it hangs"))
        .fill_in("alice", "w3", "master blue", Some("it hangs"))
        .fill_in("alice", "w3", "master blue", Some("no, it is slow"))
        .recall("alice", "w3")
        .read(Ok(vec![0]));
    assert_eq!(desk.stage(3), Stage::Running);
    assert_eq!(desk.world.runs[0].reason, "it hangs");
    desk.ask("alice", "failover", "master/green")
        .pass(MINUTE)
        .fill_in("alice", "w4", "master green", Some("too late"))
        .recall("alice", "w4")
        .recall("alice", "nothing");
    desk.is(&expect![[r#"
        @alice failover master/blue: no: it has to be said why
        @alice restart master/blue: no: master blue is active
        @alice failover master/blue: confirm by type_name
        @bob wants to see w3: no: only @alice can confirm it
        @alice wants to see w3: confirm by type_name
        @alice fills in blue, Some("it hangs"): no: `blue` is not its name
        @alice fills in Master Blue, None: no: it has to be said why
        @bob fills in master blue, Some("it hangs"): no: only @alice can confirm it
        @alice fills in master blue, Some("it hangs"): taken: confirmed
        @alice fills in master blue, Some("no, it is slow"): taken: confirmed
        @alice wants to see w3: taken: confirmed
        read; 1 to be done
        @alice failover master/green: confirm by type_name
        @alice fills in master green, Some("too late"): no: nobody confirmed it in time
        @alice wants to see w4: no: nobody confirmed it in time
        @alice wants to see nothing: no: nothing waits for the word `nothing`
        told:
    "#]]);
}

#[test]
fn a_role_that_changed_or_cannot_be_read_stops_it() {
    let mut desk = Desk::new();
    desk.ask("alice", "restart", "master/green")
        .confirm("alice", "w1", None)
        .read(Ok(vec![1]))
        .ask("alice", "restart", "master/green")
        .confirm("alice", "w2", None)
        .read(Err(String::from("no answer")))
        .ask("alice", "restart", "master/green")
        .confirm("alice", "w3", None)
        .pass(MINUTE);
    for number in 1..=3 {
        assert_eq!(desk.stage(number), Stage::Refused, "{number}");
    }
    // An answer that comes too late begins nothing.
    desk.read(Ok(vec![0]));
    assert_eq!(desk.stage(3), Stage::Refused);
    desk.is(&expect![[r#"
        @alice restart master/green: confirm by button
        @alice confirm w1 : taken: confirmed
        read; 0 to be done
        @alice restart master/green: confirm by button
        @alice confirm w2 : taken: confirmed
        read; 0 to be done
        @alice restart master/green: confirm by button
        @alice confirm w3 : taken: confirmed
        read; 0 to be done
        told:
        10m #ops notice: @alice tried: restart master green: refused: master green was inactive when it was asked, and is active now · a1
        10m #ops notice: @alice tried: restart master green: refused: nobody can say now whether master green is active: dns cannot say: no answer · a2
        10m 30s #ops notice: @alice tried: restart master green: refused: nobody could say in time whether master green is active · a3
    "#]]);
}

#[test]
fn what_is_confirmed_twice_is_done_once() {
    let mut desk = Desk::new();
    desk.ask("alice", "restart", "master/green")
        .confirm("alice", "w1", None)
        .confirm("alice", "w1", None)
        .read(Ok(vec![0]))
        .confirm("alice", "W1", None);
    assert_eq!(desk.world.runs.len(), 1);
    assert!(desk.world.rereads.is_empty());
    desk.ran(RanResult::Failed).confirm("alice", "w1", None);
    assert!(desk.world.runs.is_empty());
    // The same question once more, as Slack may send it, is the same attempt.
    desk.asked = 0;
    desk.ask("alice", "restart", "master/green");
    assert_eq!(desk.world.committed.attempts.len(), 1);
    desk.is(&expect![[r#"
        @alice restart master/green: confirm by button
        @alice confirm w1 : taken: confirmed
        @alice confirm w1 : taken: confirmed
        read; 1 to be done
        @alice confirm W1 : taken: running
        @alice confirm w1 : taken: failed
        @alice restart master/green: taken: failed
        told:
        10m #ops notice: @alice tried: restart master green: Jenkins #812 · failed: HTTP 500 · a1
    "#]]);
}

#[test]
fn nobody_confirms_in_time() {
    let mut desk = Desk::new();
    desk.ask("alice", "restart", "master/green")
        .pass(Duration::from_secs(59));
    assert_eq!(desk.stage(1), Stage::Asked);
    desk.pass(Duration::from_secs(1))
        .confirm("alice", "w1", None);
    assert_eq!(desk.stage(1), Stage::Expired);
    let cancel = |nonce: &str| Order::Cancel {
        nonce: nonce.to_owned(),
    };
    desk.ask("alice", "restart", "master/green");
    let answer = desk.order("alice", cancel("w2"));
    desk.note("@alice cancel w2", &answer);
    let answer = desk.order("eve", cancel("w3"));
    desk.note("@eve cancel w3", &answer);
    assert_eq!(desk.stage(2), Stage::Cancelled);
    desk.is(&expect![[r#"
        @alice restart master/green: confirm by button
        @alice confirm w1 : no: nobody confirmed it in time
        @alice restart master/green: confirm by button
        @alice cancel w2: no: taken back by @alice
        @eve cancel w3: no: nothing waits for the word `w3`
        told:
    "#]]);
}

#[test]
fn two_people_are_two_people() {
    let mut desk = Desk::new();
    desk.ask("alice", "wipe", "master/green")
        .confirm("alice", "w1", None)
        .confirm("eve", "w1", None)
        .confirm("bob", "w1", None)
        .read(Ok(vec![0]));
    assert_eq!(desk.stage(1), Stage::Running);
    desk.ran(RanResult::Done).pass(MINUTE * 2);
    desk.is(&expect![[r#"
        @alice wipe master/green: second person
        @alice confirm w1 : no: somebody else has to confirm it
        @eve confirm w1 : no: `wipe` does not obey you
        @bob confirm w1 : taken: confirmed
        read; 1 to be done
        told:
        10m #ops notice: @alice wants to wipe master green: somebody else has to confirm it until 1 Jan 00:11:00 UTC: `confirm w1`
        11m #ops notice: @alice: wipe master green: Jenkins #812 · HTTP 500 · with @bob · a1
    "#]]);
}

#[test]
fn it_is_done_as_often_as_the_file_says() {
    let mut desk = Desk::new();
    for number in 1..=3 {
        desk.ask("alice", "restart", "master/green");
        if number < 3 {
            desk.confirm("alice", &format!("w{number}"), None)
                .read(Ok(vec![0]))
                .ask("bob", "restart", "master/green");
            desk.asked -= 1;
            desk.ran(RanResult::Done).pass(MINUTE * 2);
        }
    }
    desk.is(&expect![[r#"
        @alice restart master/green: confirm by button
        @alice confirm w1 : taken: confirmed
        read; 1 to be done
        @bob restart master/green: no: restart is being done to master green already, by @alice (a1)
        @alice restart master/green: confirm by button
        @alice confirm w2 : taken: confirmed
        read; 1 to be done
        @bob restart master/green: no: restart is being done to master green already, by @alice (a3)
        @alice restart master/green: no: `restart` was done 2 times within 1 h, which is as often as the file allows
        told:
        11m #ops notice: @alice restarted master green: Jenkins #812 · HTTP 500 · a1
        13m #ops notice: @alice restarted master green: Jenkins #812 · HTTP 500 · a3
    "#]]);
}

#[test]
fn who_is_not_named_is_refused_and_written_down() {
    let mut desk = Desk::new();
    desk.ask("eve", "restart", "master/green")
        .ask("alice", "restart", "master/gone")
        .ask("alice", "explode", "master/green");
    let attempts = &desk.world.committed.attempts;
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    assert_eq!(attempts[0].stage, Stage::Refused);
    assert_eq!(attempts[0].by.name, "@eve");
    desk.is(&expect![[r#"
        @eve restart master/green: no: `restart` does not obey you
        @alice restart master/gone: no: it is not watched any more
        @alice explode master/green: no: the file does not declare such an action any more
        told:
    "#]]);
}

#[test]
fn nothing_is_done_that_cannot_be_written_down() {
    let mut desk = Desk::new();
    desk.world.event(Event::Troubled(crate::engine::Trouble {
        key: String::from("store"),
        is_over: false,
        title: String::from("the store cannot be written"),
        words: String::from("no space left"),
        not_to: None,
    }));
    desk.ask("alice", "restart", "master/green");
    assert!(desk.world.committed.attempts.is_empty());
    desk.is(&expect![[r#"
        @alice restart master/green: no: it cannot be written down who does what, so nothing is done
        told:
        10m #ops notice: the store cannot be written: no space left
    "#]]);
}

/// Killed at every stage: what was running may have run, everything else has not, and nothing goes on by itself.
#[test]
fn after_a_kill_nothing_is_begun_again() {
    expect![[r#"
        asked: Expired; @alice confirm w1 : no: hekate was started anew before it was confirmed
        told: []
        confirmed: Expired; @alice confirm w1 : no: hekate was started anew before it was begun
        told: []
        running: Unknown; @alice confirm w1 : taken: may have run
        told: ["11m #ops notice: @alice tried: restart master green: may have run: hekate ended while it was being done; it is not begun again · a1"]
        done: Done; @alice confirm w1 : taken: done
        told: ["11m #ops notice: @alice restarted master green: Jenkins #812 · hekate was started anew before it was seen back · a1"]
    "#]].assert_eq(&killed(file));
}

/// What says that it goes on says what came of it, and not more.
#[test]
fn after_a_kill_a_message_that_goes_on_comes_to_its_end() {
    expect![[r#"
        asked: Expired; @alice confirm w1 : no: hekate was started anew before it was confirmed
        told: []
        confirmed: Expired; @alice confirm w1 : no: hekate was started anew before it was begun
        told: ["11m #ops notice: @alice tried: restart master green: hekate was started anew before it was begun · a1"]
        running: Unknown; @alice confirm w1 : taken: may have run
        told: ["11m #ops notice: @alice tried: restart master green: may have run: hekate ended while it was being done; it is not begun again · a1"]
        done: Done; @alice confirm w1 : taken: done
        told: ["11m #ops notice: @alice restarted master green: Jenkins #812 · hekate was started anew before it was seen back · a1"]
    "#]].assert_eq(&killed(with_bot));
}

fn killed(file: fn() -> Plan) -> String {
    type Step = fn(&mut Desk);
    let steps: [(&str, Step); 4] = [
        ("asked", |_| {}),
        ("confirmed", |desk| {
            desk.confirm("alice", "w1", None);
        }),
        ("running", |desk| {
            desk.confirm("alice", "w1", None).read(Ok(vec![0]));
        }),
        ("done", |desk| {
            desk.confirm("alice", "w1", None)
                .read(Ok(vec![0]))
                .ran(RanResult::Done);
        }),
    ];
    let mut out = String::new();
    for (name, step) in steps {
        let mut desk = Desk::of(file());
        desk.ask("alice", "restart", "master/green");
        step(&mut desk);
        let committed = desk.world.committed.clone();
        let mut after = Desk {
            world: World::restored(file(), committed, minutes(11)),
            said: String::new(),
            asked: 0,
            has_form: false,
        };
        after.pass(MINUTE * 5).confirm("alice", "w1", None);
        assert!(
            after.world.runs.is_empty() && after.world.rereads.is_empty(),
            "{name}"
        );
        let told = after
            .world
            .told
            .lines()
            .filter(|line| line.contains("@alice"));
        let told: Vec<_> = told.collect();
        writeln!(
            out,
            "{name}: {:?}; {}told: {told:?}",
            after.stage(1),
            after.said
        )
        .expect("a string takes it");
    }
    out
}

#[test]
fn where_a_bot_edits_messages_it_is_one_that_goes_on() {
    let mut desk = Desk::of(with_bot());
    desk.ask("alice", "restart", "master/green");
    assert_eq!(desk.world.told, "", "it is not confirmed yet");
    desk.confirm("alice", "w1", None).read(Ok(vec![0]));
    desk.goes_on("in the queue of Jenkins", None)
        .goes_on("building", Some("Jenkins #812"));
    desk.world.set("master/green", "refused");
    desk.pass(MINUTE);
    desk.ran(RanResult::Done);
    // It was over before this came.
    let late = Ongoing {
        attempt: AttemptId(1),
        words: String::from("building"),
        reference: None,
    };
    desk.world.event(Event::Ongoing(late));
    desk.world.set("master/green", "ok");
    desk.pass(MINUTE * 2);
    assert_eq!(desk.stage(1), Stage::Done);
    desk.is(&expect![[r#"
        @alice restart master/green: confirm by button
        @alice confirm w1 : taken: confirmed
        read; 1 to be done
        told:
        10m #ops noted: @alice restarts master green: confirmed, who is active is read once more · a1
        10m #ops noted: @alice restarts master green: running · a1
        10m #ops noted: @alice restarts master green: in the queue of Jenkins · a1
        10m #ops noted: @alice restarts master green: Jenkins #812 · building · a1
        11m #ops noted: @alice restarts master green: Jenkins #812 · HTTP 500, coming back · a1
        11m 22s #ops notice: @alice restarted master green: Jenkins #812 · back after 1 min 22 s · a1
    "#]]);
    let keys = desk.world.entries.iter().map(|entry| &entry.key);
    let about: Vec<_> = keys
        .filter(|key| key.channel.as_str() == "ops")
        .map(|key| (key.incident.clone(), key.sequence))
        .collect();
    let (incident, first) = about[0].clone();
    assert_eq!(first, 0);
    let expected: Vec<_> = (0..6).map(|step| (incident.clone(), step)).collect();
    assert_eq!(about, expected, "all of it belongs together");
}

#[test]
fn what_is_refused_or_fails_after_it_was_shown_says_so_there() {
    let mut desk = Desk::of(with_bot());
    desk.ask("alice", "restart", "master/green")
        .confirm("alice", "w1", None)
        .read(Ok(vec![1]));
    desk.ask("bob", "restart", "master/green")
        .confirm("bob", "w2", None)
        .pass(MINUTE);
    desk.world.rereads.clear();
    desk.ask("bob", "restart", "master/green")
        .confirm("bob", "w3", None)
        .read(Ok(vec![0]))
        .ran(RanResult::Failed);
    desk.is(&expect![[r#"
        @alice restart master/green: confirm by button
        @alice confirm w1 : taken: confirmed
        read; 0 to be done
        @bob restart master/green: confirm by button
        @bob confirm w2 : taken: confirmed
        @bob restart master/green: confirm by button
        @bob confirm w3 : taken: confirmed
        read; 1 to be done
        told:
        10m #ops noted: @alice restarts master green: confirmed, who is active is read once more · a1
        10m #ops notice: @alice tried: restart master green: refused: master green was inactive when it was asked, and is active now · a1
        10m #ops noted: @bob restarts master green: confirmed, who is active is read once more · a2
        10m 30s #ops notice: @bob tried: restart master green: refused: nobody could say in time whether master green is active · a2
        11m #ops noted: @bob restarts master green: confirmed, who is active is read once more · a3
        11m #ops noted: @bob restarts master green: running · a3
        11m #ops notice: @bob tried: restart master green: Jenkins #812 · failed: HTTP 500 · a3
    "#]]);
}

#[test]
fn a_channel_that_left_the_file_does_not_keep_what_came_of_it() {
    let mut desk = Desk::of(with_bot());
    desk.ask("alice", "restart", "master/green")
        .confirm("alice", "w1", None)
        .read(Ok(vec![0]));
    let mut plan = file();
    let ops = plan.ops().expect("somebody hears of our trouble").clone();
    let mut channel = plan.channels.remove(&ops).expect("it is in the file");
    channel.name = ChannelName::new("team");
    plan.channels.insert(channel.name.clone(), channel);
    for route in &mut plan.routes {
        route.to = vec![ChannelName::new("team")];
    }
    desk.world.event(Event::Replanned(Arc::new(plan)));
    desk.world.told.clear();
    desk.ran(RanResult::Failed);
    desk.is(&expect![[r#"
        @alice restart master/green: confirm by button
        @alice confirm w1 : taken: confirmed
        read; 1 to be done
        told:
        10m #team notice: @alice tried: restart master green: Jenkins #812 · failed: HTTP 500 · a1
    "#]]);
}

/// The same guard, the same audit, and no call to anybody: hekate begins it itself.
#[test]
fn what_hekate_itself_does_is_done_when_it_is_confirmed() {
    let mut desk = Desk::new();
    desk.ask("eve", "hush", "master/blue")
        .ask("alice", "hush", "master/blue")
        .confirm("alice", "w2", None);
    assert!(desk.world.runs.is_empty(), "who is active is read first");
    desk.read(Ok(vec![0]));
    assert!(desk.world.runs.is_empty(), "nobody is asked");
    assert_eq!(desk.stage(2), Stage::Done);
    let planned = desk.world.committed.planned.clone();
    let [silence] = planned.as_slice() else {
        panic!("one silence: {planned:?}");
    };
    assert_eq!(
        (silence.id.kind, silence.by.name.as_str()),
        (PlanKind::Silence, "@alice")
    );
    assert_eq!(silence.until.since(silence.from), MINUTE * 30);
    // Confirmed once more it does not begin once more.
    desk.confirm("alice", "w2", None);
    assert_eq!(desk.world.committed.planned.len(), 1);
    desk.is(&expect![[r#"
        @eve hush master/blue: no: `hush` does not obey you
        @alice hush master/blue: confirm by button
        @alice confirm w2 : taken: confirmed
        read; 0 to be done
        @alice confirm w2 : taken: done
        told:
        10m #disaster notice: 1 target is silenced until 1 Jan 00:40:00 UTC: by @alice: hush a2 · master blue · s1
        10m #core notice: 1 target is silenced until 1 Jan 00:40:00 UTC: by @alice: hush a2 · master blue · s1
        10m #ops notice: @alice: hush master blue: silence until 1 Jan 00:40:00 UTC, s1 · a2
    "#]]);
}

#[test]
fn what_hekate_itself_does_ends_the_line_that_a_bot_began() {
    let mut desk = Desk::of(with_bot());
    desk.ask("alice", "hush", "master/green")
        .confirm("alice", "w1", None)
        .read(Ok(vec![0]));
    desk.ask("bob", "hush", "master/green")
        .confirm("bob", "w2", None)
        .read(Ok(vec![1]));
    assert_eq!(desk.stage(2), Stage::Refused);
    desk.is(&expect![[r#"
        @alice hush master/green: confirm by button
        @alice confirm w1 : taken: confirmed
        read; 0 to be done
        @bob hush master/green: confirm by button
        @bob confirm w2 : taken: confirmed
        read; 0 to be done
        told:
        10m #ops noted: @alice: hush master green: confirmed, who is active is read once more · a1
        10m #core notice: 1 target is silenced until 1 Jan 00:40:00 UTC: by @alice: hush a1 · master green · s1
        10m #ops notice: @alice: hush master green: silence until 1 Jan 00:40:00 UTC, s1 · a1
        10m #ops noted: @bob: hush master green: confirmed, who is active is read once more · a2
        10m #ops notice: @bob tried: hush master green: refused: master green was inactive when it was asked, and is active now · a2
    "#]]);
}

/// Nothing has to be read, so the answer says what it came to.
#[test]
fn what_needs_no_word_and_no_role_is_answered_with_what_became_of_it() {
    let mut plan = file();
    let mut at_once = action("at_once", RoleWanted::Any, Confirm::No);
    at_once.call = Call::Own(OwnCall {
        kind: PlanKind::Deploy,
        length: MINUTE * 10,
    });
    let actions = plan.actions.iter().cloned();
    plan.actions = actions.chain([Arc::new(at_once)]).collect();
    plan.targets = plan
        .targets
        .iter()
        .cloned()
        .chain([Arc::new(super::target("api"))])
        .collect();
    let mut desk = Desk::of(plan);
    desk.ask("alice", "at_once", "api")
        .ask("alice", "wipe", "api");
    assert_eq!(desk.stage(1), Stage::Done);
    let begun = &desk.world.committed.planned;
    let known: Vec<_> = begun.iter().map(|planned| planned.id.kind).collect();
    assert_eq!(known, [PlanKind::Deploy]);
    desk.is(&expect![[r#"
        @alice at_once api: taken: done
        @alice wipe api: second person
        told:
        10m #ops notice: @alice: at once api: deploy until 1 Jan 00:20:00 UTC, d1 · a1
        10m #ops notice: @alice wants to wipe api: somebody else has to confirm it until 1 Jan 00:11:00 UTC: `confirm w2`
    "#]]);
}
