//! Stories of a pair: who is active, who is told, and what a restart remembers.

use std::{sync::Arc, time::Duration};

use expect_test::expect;

use super::{World, fleet, minutes, target};
use crate::{
    engine::{Event, Order},
    model::{
        Check, CheckKind, Extra, GroupName, Plan, Policy, Route, Slot, TargetId,
        judgement::Spans,
        plan::{Matcher, Question},
        roles::{Member, Opinion, Role, RoleFacts, RoleSource, Roles, RolesAnswer},
    },
    route::tests::to,
};

impl World {
    pub(super) fn role_answer(&self, order: &Order) -> Option<Box<Extra>> {
        let check = &order.target.checks[usize::from(order.look.check)];
        match &check.question {
            Question::Roles(roles) => {
                let is_asked = |source: &&RoleSource| matches!(source, RoleSource::Dns { .. });
                let opinion = |source: &RoleSource| Opinion {
                    from: source.as_str(),
                    active: self.active.clone().ok_or_else(|| String::from("no answer")),
                };
                let opinions = roles.sources.iter().filter(is_asked).map(opinion).collect();
                Some(Box::new(Extra::Roles(RolesAnswer { opinions })))
            }
            Question::Health(health) if health.role_field.is_some() => {
                let is_silent = self
                    .weather
                    .get(order.target.id.as_str())
                    .is_some_and(|weather| weather == "silent");
                let name = order.target.name.as_str();
                let position = ["blue", "green"].iter().position(|known| *known == name)?;
                let position = u16::try_from(position).ok()?;
                let is_active = self.active.as_ref()?.contains(&position);
                (!is_silent).then(|| Box::new(Extra::OwnRole(is_active.to_string())))
            }
            Question::Health(_)
            | Question::Tcp(_)
            | Question::Tls(_)
            | Question::Dns(_)
            | Question::Icmp(_)
            | Question::Websocket(_)
            | Question::Grpc(_)
            | Question::Heartbeat(_)
            | Question::Job(_)
            | Question::ErrorBudget(_)
            | Question::Http(_)
            | Question::Metrics(_)
            | Question::Steps(_)
            | Question::LogFreshness(_)
            | Question::LogStore(_) => None,
        }
    }

    pub(super) fn show_role(&mut self, slot: Slot, facts: Option<&RoleFacts>) {
        let id = self
            .engine_id(slot)
            .unwrap_or_else(|| String::from("starting"));
        match facts.and_then(|facts| facts.role) {
            Some(role) => {
                self.roles.insert(id, role.as_str());
            }
            None => {
                self.roles.remove(&id);
            }
        }
    }

    fn engine_id(&self, slot: Slot) -> Option<String> {
        let watched = self.engine.at(slot)?;
        Some(watched.target.id.to_string())
    }

    fn roles(&self) -> String {
        let roles: Vec<String> = self
            .roles
            .iter()
            .map(|(id, role)| format!("{id} {role}"))
            .collect();
        roles.join(", ")
    }
}

/// Blue and green, whose roles are read from these sources.
pub(super) fn pair(sources: Vec<RoleSource>) -> Plan {
    let group = GroupName::new("master");
    let is_spoken = sources.contains(&field());
    let mut targets = vec![target("master/blue"), target("master/green")];
    for target in &mut targets {
        if let Question::Health(health) = &mut target.checks[0].question {
            Arc::make_mut(health).role_field = is_spoken.then(|| String::from("/active"));
        }
    }
    let minute = Duration::from_mins(1);
    let members = targets.iter().map(|target| Member {
        target: target.id.clone(),
        name: target.name.clone(),
        called: target.name.clone(),
        address: None,
    });
    let question = Roles {
        group: group.clone(),
        members: members.collect(),
        sources,
        is_exactly_one: true,
        is_announced: true,
        every: Duration::from_secs(10),
        stale_after: minute * 5,
        grace: minute * 3,
    };
    let mut roles = target("master/roles");
    roles.checks = vec![Check {
        kind: CheckKind::Roles,
        policy: Policy {
            interval: Duration::from_secs(10),
            spans: Spans {
                explicit: minute,
                refused: minute,
                silent: minute,
            },
            successes: 2,
            slow_after: Duration::from_secs(5),
            ..Policy::default()
        },
        question: Question::Roles(Arc::new(question)),
    }];
    targets.push(roles);
    let mut plan = fleet(targets);
    let disaster = Route {
        matcher: Matcher {
            groups: vec![group],
            roles: vec![Role::Active],
            ..Matcher::default()
        },
        mention: plan.routes[0].mention.clone(),
        goes_on: true,
        ..to(&["disaster"])
    };
    plan.routes.insert(0, disaster);
    plan
}

pub(super) fn dns() -> RoleSource {
    RoleSource::Dns {
        name: String::from("active.example.test"),
    }
}

fn field() -> RoleSource {
    RoleSource::HealthField(String::from("/active"))
}

#[test]
fn the_active_half_wakes_people_and_the_inactive_one_does_not() {
    let mut world = World::new(pair(vec![dns()]));
    world.run_until(minutes(2));
    assert_eq!(world.roles(), "master/blue active, master/green inactive");
    world.set("master/green", "refused");
    world.run_until(minutes(5));
    world.set("master/green", "ok");
    world.set("master/blue", "refused");
    world.run_until(minutes(8));
    world.set("master/blue", "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        2m 21s #core opened: master green (inactive) operational -> down: connection refused
        5m 20s #core recovered: master green (inactive) down -> operational
        5m 40s #disaster @core opened: master blue (active) operational -> down: connection refused
        5m 40s #core @core opened: master blue (active) operational -> down: connection refused
        8m 12s #disaster recovered: master blue (active) down -> operational
        8m 12s #core recovered: master blue (active) down -> operational
    "#]]);
}

#[test]
fn a_swap_during_an_outage_tells_those_whom_the_active_one_concerns() {
    let mut world = World::new(pair(vec![dns()]));
    world.run_until(minutes(2));
    world.set("master/green", "refused");
    world.run_until(minutes(5));
    world.active = Some(vec![1]);
    world.run_until(minutes(10));
    world.active = Some(vec![0]);
    world.run_until(minutes(12));
    world.set("master/green", "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        2m 21s #core opened: master green (inactive) operational -> down: connection refused
        5m 1s #disaster @core opened: master green (active) down -> down: connection refused
        5m 1s #core @core reminder: master green (active) down -> down: connection refused
        5m 10s #core notice: master: green is active now, blue is not: read from DNS
        10m 15s #core notice: master: blue is active now, green is not: read from DNS
        12m 12s #core recovered: master green (inactive) down -> operational
        12m 12s #disaster recovered: master green (inactive) down -> operational
    "#]]);
    assert_eq!(world.roles(), "master/blue active, master/green inactive");
}

#[test]
fn nobody_active_and_two_active_are_incidents_of_their_own() {
    let mut world = World::new(pair(vec![dns()]));
    world.run_until(minutes(2));
    world.active = Some(Vec::new());
    world.run_until(minutes(2) + Duration::from_secs(40));
    world.active = Some(vec![0]);
    world.run_until(minutes(5));
    world.check(&expect![[""]]);
    world.active = Some(Vec::new());
    world.run_until(minutes(10));
    assert_eq!(world.roles(), "master/blue active, master/green inactive");
    world.active = Some(vec![0, 1]);
    world.run_until(minutes(15));
    assert_eq!(world.roles(), "master/blue active, master/green active");
    world.active = Some(vec![1]);
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        6m 5s #core opened: master roles operational -> degraded: nobody is active
        15m 12s #core recovered: master roles degraded -> operational
        15m 12s #core notice: master: green is active now, blue is not: read from DNS
    "#]]);
    assert_eq!(world.roles(), "master/blue inactive, master/green active");
}

#[test]
fn when_nobody_can_say_for_long_everybody_is_treated_as_active() {
    let mut world = World::new(pair(vec![dns()]));
    world.run_until(minutes(2));
    world.active = None;
    world.run_until(minutes(6));
    assert_eq!(world.roles(), "master/blue active, master/green inactive");
    world.run_until(minutes(8));
    assert_eq!(world.roles(), "master/blue unknown, master/green unknown");
    world.set("master/green", "refused");
    world.run_until(minutes(12));
    world.active = Some(vec![0]);
    world.run_until(minutes(15));
    world.set("master/green", "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        7m 57s #ops opened: master roles operational -> unknown: nobody can say who is active for 6 min 2 s: dns: no answer
        8m 35s #disaster @core opened: master green (role unknown) operational -> down: connection refused
        8m 35s #core @core opened: master green (role unknown) operational -> down: connection refused
        12m 8s #ops recovered: master roles unknown -> operational
        15m 11s #disaster recovered: master green (inactive) down -> operational
        15m 11s #core recovered: master green (inactive) down -> operational
    "#]]);
}

#[test]
fn a_restart_forgets_no_role() {
    let mut world = World::new(pair(vec![dns()]));
    world.active = Some(vec![1]);
    world.run_until(minutes(2));
    world.event(Event::Stop);
    let (plan, loaded) = (Arc::clone(&world.engine.plan), world.committed.clone());
    let mut world = World::restored((*plan).clone(), loaded, minutes(3));
    world.active = None;
    world.set("master/blue", "refused");
    world.run_until(minutes(5));
    world.check(&expect![[r#"
        3m 12s #core opened: master blue (inactive) operational -> down: connection refused
    "#]]);
}

#[test]
fn members_that_speak_for_themselves_are_heard_in_their_own_looks() {
    let mut world = World::new(pair(vec![field()]));
    world.run_until(minutes(2));
    assert_eq!(world.roles(), "master/blue active, master/green inactive");
    world.set("master/blue", "silent");
    world.run_until(minutes(5));
    assert_eq!(world.roles(), "master/blue active, master/green inactive");
    world.active = Some(vec![1]);
    world.run_until(minutes(7));
    assert_eq!(world.roles(), "master/blue inactive, master/green active");
    world.set("master/blue", "ok");
    world.run_until(minutes(12));
    world.check(&expect![[r#"
        2m 52s #disaster @core opened: master blue (active) operational -> down: no answer
        2m 52s #core @core opened: master blue (active) operational -> down: no answer
        5m 29s #core notice: master: green is active now, blue is not: read from the health answers
        7m 13s #disaster recovered: master blue (inactive) down -> operational
        7m 13s #core recovered: master blue (inactive) down -> operational
    "#]]);
}

#[test]
fn what_is_pushed_holds_at_once_and_after_a_restart() {
    let push = RoleSource::Push {
        token: crate::model::Secret::new("a-token-of-many-characters"),
    };
    let mut world = World::new(pair(vec![push]));
    world.run_until(minutes(1));
    let group = GroupName::new("master");
    let say = |world: &mut World, name: &str| {
        world.event(Event::RoleSaid(group.clone(), name.to_owned()));
    };
    say(&mut world, "blue");
    world.run_until(minutes(1) + Duration::from_secs(1));
    assert_eq!(world.roles(), "master/blue active, master/green inactive");
    say(&mut world, "green");
    say(&mut world, "nobody");
    world.run_until(minutes(1) + Duration::from_secs(2));
    assert_eq!(world.roles(), "master/blue inactive, master/green active");
    let (plan, loaded) = (Arc::clone(&world.engine.plan), world.committed.clone());
    let mut world = World::restored((*plan).clone(), loaded, minutes(600));
    world.run_until(minutes(601));
    let role = |name: &str| {
        let slot = world.engine.index[&TargetId::new(name)];
        world
            .engine
            .at(slot)
            .and_then(|watched| watched.role.as_ref())
            .map(|standing| standing.role)
    };
    assert_eq!(role("master/green"), Some(Role::Active));
    assert_eq!(role("master/blue"), Some(Role::Inactive));
}

#[test]
fn a_reload_without_roles_takes_them_away() {
    let mut world = World::new(pair(vec![dns()]));
    world.run_until(minutes(1));
    let plain = fleet(vec![target("master/blue"), target("master/green")]);
    world.event(Event::Replanned(Arc::new(plain.clone())));
    assert_eq!(world.roles(), "");
    let mut always = plain;
    always.groups = vec![crate::model::Group {
        name: GroupName::new("master"),
        aliases: Vec::new(),
        team: None,
        is_always_active: true,
        is_production: false,
    }];
    world.event(Event::Replanned(Arc::new(always)));
    assert_eq!(world.roles(), "master/blue active, master/green active");
}

#[test]
fn a_swap_is_told_once_and_no_first_reading_and_no_restart_is_one() {
    let mut world = World::new(pair(vec![dns()]));
    world.run_until(minutes(5));
    world.check(&expect![[""]]);
    world.active = Some(vec![1]);
    world.run_until(minutes(10));
    world.check(&expect![[r#"
        5m 13s #core notice: master: green is active now, blue is not: read from DNS
    "#]]);
    let entry = world.entries.last().expect("it was told");
    assert_eq!(entry.mention, None);
    assert!(world.open.is_empty(), "a swap is no trouble");
    world.event(Event::Stop);
    let (plan, loaded) = (Arc::clone(&world.engine.plan), world.committed.clone());
    let mut world = World::restored((*plan).clone(), loaded, minutes(11));
    world.active = Some(vec![1]);
    world.run_until(minutes(15));
    world.check(&expect![[""]]);
    world.event(Event::Stop);
    let loaded = world.committed.clone();
    let mut world = World::restored((*plan).clone(), loaded, minutes(45));
    world.active = Some(vec![0]);
    world.run_until(minutes(50));
    world.check(&expect![[r#"
        45m #ops notice: hekate is back; nobody was looking for a while: the last sign of life is from 1 Jan 00:15:00 UTC; what happened since then was not seen
        45m 11s #core notice: master: blue is active now, green is not: read from DNS; it may have been up to 30 min 4 s earlier, when nobody was looking
    "#]]);
}

#[test]
fn a_swap_is_not_told_where_the_file_says_so() {
    let quiet = |is_announced| {
        let mut plan = pair(vec![dns()]);
        for target in &mut plan.targets {
            let target = Arc::make_mut(target);
            for check in &mut target.checks {
                if let Question::Roles(roles) = &mut check.question {
                    Arc::make_mut(roles).is_announced = is_announced;
                }
            }
        }
        plan
    };
    let mut world = World::new(quiet(false));
    world.run_until(minutes(5));
    world.active = Some(vec![1]);
    world.run_until(minutes(10));
    // What was not told then is no news later.
    world.event(Event::Replanned(Arc::new(quiet(true))));
    world.run_until(minutes(15));
    world.check(&expect![[""]]);
}
