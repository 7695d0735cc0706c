//! Which channel hears of it.

use std::time::Duration;

use crate::model::{
    ChannelName, GroupName, OnCallName, Plan, Route, Severity, TargetId, Timestamp, Verdict,
    plan::Matcher, roles::Role,
};

/// What is to be told.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// Of whom.
    pub target: &'a TargetId,
    /// Of which group.
    pub group: Option<&'a GroupName>,
    /// How bad it is for people.
    pub severity: Severity,
    /// What it is.
    pub verdict: Verdict,
    /// Its role, if it has one.
    pub role: Option<Role>,
    /// The component that is down, if its body named one.
    pub component: Option<&'a str>,
}

/// Who hears of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Decision {
    /// The channels in the order of the routes, each once, with who is mentioned there.
    pub to: Vec<(ChannelName, Option<OnCallName>)>,
    /// When reminders follow; from the first route that matched.
    pub remind_after: Vec<Duration>,
    /// Which routes matched, counted from 0.
    pub routes: Vec<usize>,
}

/// Finds who hears of a case: the first route that matches, and the next ones as long as each says `continue`.
///
/// Somebody is mentioned only for something critical that is down; for the inactive half of a pair only by a route that
/// names it. What we cannot see is nobody's fault: unless a route
/// asks for `unknown` by name, it goes to `ops`.
pub fn route(plan: &Plan, case: Case<'_>) -> Decision {
    let mut decision = Decision::default();
    let is_urgent = case.severity.is_critical() && case.verdict == Verdict::Down;
    for (index, route) in plan.routes.iter().enumerate() {
        if misses(&route.matcher, case).is_some() {
            continue;
        }
        let is_waiting = case.role == Some(Role::Inactive);
        let may_wake = !is_waiting || route.matcher.roles.contains(&Role::Inactive);
        add(&mut decision, index, route, is_urgent && may_wake);
        if !route.goes_on {
            break;
        }
    }
    let asked_by_name = |index: &usize| {
        plan.routes[*index]
            .matcher
            .states
            .contains(&Verdict::Unknown)
    };
    if case.verdict == Verdict::Unknown
        && !decision.routes.iter().any(asked_by_name)
        && let Some(ops) = plan.ops()
        && plan.channels.contains_key(ops)
    {
        decision.to = vec![(ops.clone(), None)];
        decision.remind_after.clear();
    }
    decision
}

/// Until when a case waits for a channel because of quiet hours; absent if it does not.
///
/// Quiet hours are those of whoever a matching route names, mentioned or not. If several routes lead to the channel, all of them
/// have to hold it; it waits until the first of them would let it pass.
pub fn quiet_until(
    plan: &Plan,
    case: Case<'_>,
    channel: &ChannelName,
    now: Timestamp,
) -> Option<Timestamp> {
    let mut until: Option<Timestamp> = None;
    for index in route(plan, case).routes {
        let route = &plan.routes[index];
        if !route.to.contains(channel) {
            continue;
        }
        let on_call = route
            .mention
            .as_ref()
            .and_then(|name| plan.on_call.get(name));
        let hours = on_call.and_then(|on_call| on_call.quiet_hours.as_ref());
        let of_this = hours
            .filter(|hours| hours.holds(case.severity))
            .and_then(|hours| hours.until(now))?;
        until = Some(until.map_or(of_this, |until| until.min(of_this)));
    }
    until
}

fn add(decision: &mut Decision, index: usize, route: &Route, is_urgent: bool) {
    let mention = route.mention.as_ref().filter(|_| is_urgent);
    for channel in &route.to {
        match decision.to.iter_mut().find(|(known, _)| known == channel) {
            Some((_, mentioned)) => {
                if mentioned.is_none() {
                    *mentioned = mention.cloned();
                }
            }
            None => decision.to.push((channel.clone(), mention.cloned())),
        }
    }
    if decision.routes.is_empty() {
        decision.remind_after.clone_from(&route.remind_after);
    }
    decision.routes.push(index);
}

/// An unknown role is treated as active: too much noise is better than an outage that nobody hears of.
const fn as_told(role: Role) -> Role {
    if role.is_active() {
        Role::Active
    } else {
        Role::Inactive
    }
}

/// The first key of a matcher, as the file calls it, that does not hold for a case; absent if the route takes the case.
pub fn misses(matcher: &Matcher, case: Case<'_>) -> Option<&'static str> {
    let Matcher {
        groups,
        targets,
        severities,
        states,
        roles,
        components,
    } = matcher;
    let is_called = |name: &str| {
        components
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    };
    let is_of_group = case.group.is_some_and(|group| groups.contains(group));
    let has_role = case.role.is_some_and(|role| roles.contains(&as_told(role)));
    // Whoever hears of what is critical hears of what is worse.
    let is_disaster = case.severity == Severity::Disaster;
    let is_as_bad = severities.contains(&case.severity)
        || is_disaster && severities.contains(&Severity::Critical);
    let holds = [
        ("group", groups.is_empty() || is_of_group),
        (
            "target",
            targets.is_empty() || targets.contains(case.target),
        ),
        ("severity", severities.is_empty() || is_as_bad),
        ("state", states.is_empty() || states.contains(&case.verdict)),
        ("role", roles.is_empty() || has_role),
        (
            "component",
            components.is_empty() || case.component.is_some_and(is_called),
        ),
    ];
    holds.iter().find(|(_, holds)| !holds).map(|(key, _)| *key)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{collections::BTreeMap, path::PathBuf};

    use super::*;
    use crate::model::{
        Channel, Secret,
        plan::{Destination, Server, SlackSettings, StoreSettings},
    };

    /// A plan with these channels and routes, watching nothing.
    pub(crate) fn plan(channels: &[&str], routes: Vec<Route>) -> Plan {
        let channel = |name: &&str| {
            let name = ChannelName::new(*name);
            let url = Secret::new("http://127.0.0.1:9/");
            let channel = Channel {
                name: name.clone(),
                label: None,
                destination: Destination::SlackWebhook { url },
                fallback: None,
                max_messages: None,
            };
            (name, channel)
        };
        Plan {
            server: Server {
                listen: "127.0.0.1:8080".parse().expect("an address"),
                public_url: None,
                timezone: chrono_tz::UTC,
                token: None,
                ping_key: None,
            },
            store: StoreSettings {
                path: PathBuf::from("data"),
                retention: Duration::from_hours(24 * 400),
            },
            slack: SlackSettings {
                command: String::from("/roih"),
                signing_secrets: Vec::new(),
                ..SlackSettings::default()
            },
            page: crate::model::page::PageSettings::default(),
            dead_man: None,
            channels: channels.iter().map(channel).collect(),
            on_call: BTreeMap::new(),
            groups: Vec::new(),
            targets: Vec::new(),
            routes,
            groups_incidents: true,
            damps_flapping: true,
            witnesses: std::sync::Arc::default(),
            maintenance: std::sync::Arc::default(),
            slos: std::sync::Arc::default(),
            actions: std::sync::Arc::default(),
            replies: std::sync::Arc::default(),
            releases: crate::model::release::ReleaseSettings::default(),
        }
    }

    /// A route to these channels.
    pub(crate) fn to(channels: &[&str]) -> Route {
        Route {
            matcher: Matcher::default(),
            to: channels
                .iter()
                .map(|name| ChannelName::new(*name))
                .collect(),
            mention: None,
            remind_after: Vec::new(),
            goes_on: false,
        }
    }

    fn names(decision: &Decision) -> Vec<String> {
        let name = |(channel, mention): &(ChannelName, Option<OnCallName>)| match mention {
            Some(mention) => format!("{channel} @{mention}"),
            None => channel.to_string(),
        };
        decision.to.iter().map(name).collect()
    }

    fn case(group: &str, severity: Severity, verdict: Verdict, check: impl Fn(Case<'_>)) {
        let group = GroupName::new(group);
        let target = TargetId::of(Some(&group), "blue");
        check(Case {
            target: &target,
            group: Some(&group),
            severity,
            verdict,
            role: None,
            component: None,
        });
    }

    #[test]
    fn the_first_match_wins_unless_it_says_continue() {
        let master = Matcher {
            groups: vec![GroupName::new("master")],
            ..Matcher::default()
        };
        let first = Route {
            matcher: master,
            mention: Some(OnCallName::new("core")),
            remind_after: vec![Duration::from_mins(30)],
            ..to(&["disaster"])
        };
        let plan_of = |goes_on| {
            let first = Route {
                goes_on,
                ..first.clone()
            };
            plan(
                &["disaster", "core", "ops"],
                vec![first, to(&["core", "disaster"]), to(&["ops"])],
            )
        };
        case("master", Severity::Critical, Verdict::Down, |case| {
            assert_eq!(names(&route(&plan_of(false), case)), ["disaster @core"]);
            let both = route(&plan_of(true), case);
            assert_eq!(names(&both), ["disaster @core", "core"]);
            assert_eq!(
                (both.routes, both.remind_after),
                (vec![0, 1], vec![Duration::from_mins(30)])
            );
        });
        case("staging", Severity::Critical, Verdict::Down, |case| {
            assert_eq!(names(&route(&plan_of(false), case)), ["core", "disaster"]);
        });
    }

    #[test]
    fn only_something_critical_that_is_down_mentions_anybody() {
        let plan = plan(
            &["core"],
            vec![Route {
                mention: Some(OnCallName::new("core")),
                ..to(&["core"])
            }],
        );
        for (severity, verdict, expected) in [
            (Severity::Critical, Verdict::Down, "core @core"),
            (Severity::Warning, Verdict::Down, "core"),
            (Severity::Critical, Verdict::Degraded, "core"),
            (Severity::Critical, Verdict::Unknown, "core"),
        ] {
            case("master", severity, verdict, |case| {
                assert_eq!(names(&route(&plan, case)), [expected]);
            });
        }
    }

    #[test]
    fn what_we_cannot_see_goes_to_ops_unless_a_route_asks_for_it() {
        let routes = vec![to(&["core"])];
        case("master", Severity::Critical, Verdict::Unknown, |case| {
            assert_eq!(
                names(&route(&plan(&["core", "ops"], routes.clone()), case)),
                ["ops"]
            );
            assert_eq!(
                names(&route(&plan(&["core"], routes.clone()), case)),
                ["core"]
            );
            let asking = Matcher {
                states: vec![Verdict::Unknown],
                ..Matcher::default()
            };
            let routes = vec![
                Route {
                    matcher: asking,
                    ..to(&["team"])
                },
                to(&["core"]),
            ];
            assert_eq!(
                names(&route(&plan(&["core", "ops", "team"], routes), case)),
                ["team"]
            );
        });
    }
}
