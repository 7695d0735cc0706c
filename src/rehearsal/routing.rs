//! Who would hear of it: one case taken through the routes, with the reason of every step.

use crate::{
    model::{Plan, Route, Target, Verdict, plan::Question, roles::Role},
    route::{self, Case, Decision},
};

/// One case taken through the routes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trace {
    /// The role that it was asked with, after what the file says is taken into account.
    pub role: Option<Role>,
    /// Every route that was asked, in order; the last one is where it ended.
    pub steps: Vec<Step>,
    /// Who hears of it.
    pub decision: Decision,
    /// Whether it goes to `ops` and not where the routes say, because no route asks for what cannot be seen.
    pub is_for_ops: bool,
}

/// A route that was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Its place in [`Plan::routes`].
    pub index: usize,
    /// The key of its `match` that did not hold; absent if it was taken.
    pub misses: Option<&'static str>,
}

/// Takes a case through the routes. Without a role its group says which one it has: that of a group whose members are always
/// active, `unknown` where it is read somewhere, none where nobody reads it. `component` is the one that is down, if its body
/// names one.
pub fn trace(
    plan: &Plan,
    target: &Target,
    verdict: Verdict,
    role: Option<Role>,
    component: Option<&str>,
) -> Trace {
    let role = role.or_else(|| role_of(plan, target));
    let case = Case {
        target: &target.id,
        group: target.group.as_ref(),
        severity: target.severity,
        verdict,
        role,
        component,
    };
    let decision = route::route(plan, case);
    let mut steps = Vec::new();
    for (index, route) in plan.routes.iter().enumerate() {
        let misses = route::misses(&route.matcher, case);
        steps.push(Step { index, misses });
        if misses.is_none() && !route.goes_on {
            break;
        }
    }
    let said: Vec<_> = decision
        .routes
        .iter()
        .flat_map(|index| &plan.routes[*index].to)
        .collect();
    let is_for_ops = decision
        .to
        .iter()
        .any(|(channel, _)| !said.contains(&channel));
    Trace {
        role,
        steps,
        decision,
        is_for_ops,
    }
}

/// The role that is certain, or `unknown` if one is read; absent if there is none.
pub fn role_of(plan: &Plan, target: &Target) -> Option<Role> {
    let is_always = |group: &&crate::model::Group| {
        group.is_always_active && Some(&group.name) == target.group.as_ref()
    };
    if plan.groups.iter().any(|group| is_always(&group)) {
        return Some(Role::Active);
    }
    let mut checks = plan.targets.iter().flat_map(|target| &target.checks);
    let is_read = checks.any(|check| match &check.question {
        Question::Roles(roles) => roles
            .members
            .iter()
            .any(|member| member.target == target.id),
        Question::Health(_)
        | Question::LogFreshness(_)
        | Question::LogStore(_)
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
        | Question::Steps(_) => false,
    });
    is_read.then_some(Role::Unknown)
}

/// What people call a route: `route 2`, counted as in the file, or where it comes from if it does not stand under `routes:`.
pub fn name(plan: &Plan, index: usize) -> String {
    let is_of_source = |route: &&Route| match route.matcher.targets.as_slice() {
        [only] => plan.targets.iter().any(|target| {
            target.id == *only
                && target
                    .checks
                    .iter()
                    .any(|check| matches!(check.question, Question::LogStore(_)))
        }),
        _ => false,
    };
    let implied = plan.routes.iter().take_while(is_of_source).count();
    match index.checked_sub(implied) {
        Some(number) => format!("route {}", number + 1),
        None => String::from("the log source's own channel"),
    }
}

/// What a route takes, in the words of the file: `group=master severity=critical`, or `everything`.
pub fn conditions(route: &Route) -> String {
    fn part<T: ToString>(key: &str, values: &[T], out: &mut Vec<String>) {
        if !values.is_empty() {
            let values: Vec<_> = values.iter().map(ToString::to_string).collect();
            out.push(format!("{key}={}", values.join(",")));
        }
    }
    let mut out = Vec::new();
    let matcher = &route.matcher;
    part("group", &matcher.groups, &mut out);
    part("target", &matcher.targets, &mut out);
    part("severity", &matcher.severities, &mut out);
    part("state", &matcher.states, &mut out);
    let roles: Vec<_> = matcher.roles.iter().map(|role| role.as_str()).collect();
    part("role", &roles, &mut out);
    part("component", &matcher.components, &mut out);
    if out.is_empty() {
        return String::from("everything");
    }
    out.join(" ")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::config::{self, Environment};

    const FILE: &str = r#"
channels: { disaster: "http://127.0.0.1:9/d", core: "http://127.0.0.1:9/c", ops: "http://127.0.0.1:9/o" }
on_call: { core: { user_group: S0CORE01 } }
groups:
  master: { active: { health_field: /active } }
  cron: { active: always }
  plain: {}
log_sources:
  graylog: { graylog: { url: "http://127.0.0.1:9/api" }, channel: ops }
targets:
  - { name: blue, group: master, health: "http://blue.test/h" }
  - { name: purple, group: cron, health: "http://purple.test/h", log_freshness: { source: graylog, query: x, max_age: 5m } }
  - { name: other, group: plain, severity: warning, health: "http://other.test/h" }
routes:
  - { match: { group: master, role: active, state: down }, to: [disaster, core], mention: core, remind_after: [30m, 2h] }
  - { match: { group: [master, cron], severity: critical }, to: core, continue: true }
  - { to: ops }
"#;

    fn plan() -> std::sync::Arc<Plan> {
        let outcome = config::load_text("a.yaml", FILE, &Environment::of_process());
        let report = outcome.report.render(config::Format::Short, false);
        outcome
            .plan
            .unwrap_or_else(|| panic!("a good file: {report}"))
    }

    #[expect(clippy::needless_pass_by_value, reason = "as expect-test has it")]
    fn check(target: &str, verdict: Verdict, role: Option<Role>, expected: Expect) {
        let plan = plan();
        let target = plan
            .targets
            .iter()
            .find(|known| known.id.as_str() == target)
            .expect("a target");
        let trace = trace(&plan, target, verdict, role, None);
        let mut out: Vec<String> = trace
            .steps
            .iter()
            .map(|step| match step.misses {
                None => format!("{}: taken", name(&plan, step.index)),
                Some(key) => format!("{}: {key}", name(&plan, step.index)),
            })
            .collect();
        let to = |(channel, mention): &(crate::model::ChannelName, Option<_>)| match mention {
            Some(who) => format!("{channel} @{who}"),
            None => channel.to_string(),
        };
        let to: Vec<_> = trace.decision.to.iter().map(to).collect();
        let ops = if trace.is_for_ops { " (ops)" } else { "" };
        out.push(format!("{:?} → {}{ops}\n", trace.role, to.join(", ")));
        expected.assert_eq(&out.join("\n"));
    }

    #[test]
    fn every_route_that_was_asked_says_why() {
        check(
            "master/blue",
            Verdict::Down,
            None,
            expect![[r#"
                the log source's own channel: target
                route 1: taken
                Some(Unknown) → disaster @core, core @core
            "#]],
        );
        check(
            "master/blue",
            Verdict::Down,
            Some(Role::Inactive),
            expect![[r#"
                the log source's own channel: target
                route 1: role
                route 2: taken
                route 3: taken
                Some(Inactive) → core, ops
            "#]],
        );
        check(
            "master/blue",
            Verdict::Unknown,
            None,
            expect![[r#"
                the log source's own channel: target
                route 1: state
                route 2: taken
                route 3: taken
                Some(Unknown) → ops
            "#]],
        );
        check(
            "plain/other",
            Verdict::Degraded,
            None,
            expect![[r#"
                the log source's own channel: target
                route 1: group
                route 2: group
                route 3: taken
                None → ops
            "#]],
        );
        check(
            "cron/purple",
            Verdict::Down,
            None,
            expect![[r#"
                the log source's own channel: target
                route 1: group
                route 2: taken
                route 3: taken
                Some(Active) → core, ops
            "#]],
        );
    }

    #[test]
    fn conditions_are_said_as_the_file_says_them() {
        let plan = plan();
        let said: Vec<_> = plan.routes.iter().skip(1).map(conditions).collect();
        assert_eq!(
            said,
            [
                "group=master state=down role=active",
                "group=master,cron severity=critical",
                "everything"
            ]
        );
    }
}
