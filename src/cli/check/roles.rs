//! Who is active, in a check by hand: what every source says now, who that makes active, and who says otherwise.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    clock::Clock,
    judge::roles as judge,
    model::{
        Extra, GroupName, LookId, Observation, Outcome, Plan, Slot, Target, Timestamp,
        plan::Question,
        roles::{Opinion, RoleSource, Roles, RolesMemory, source_title},
        text::span,
    },
    probe::{Freshness, Prober},
};

/// What a check by hand found out about the roles of one group.
pub(super) struct Checked {
    roles: Arc<Roles>,
    took: Duration,
    said: Vec<judge::Said>,
    outcome: Outcome,
}

/// The roles among these targets; `observations` are the looks at them, in their order.
pub(super) async fn check(
    plan: &Plan,
    targets: &[Arc<Target>],
    observations: &[Observation],
    prober: &Prober,
    clock: &Clock,
) -> Vec<Checked> {
    let mut out = Vec::new();
    for (target, observation) in targets.iter().zip(observations) {
        let Some(roles) = roles_of(target) else {
            continue;
        };
        let mut memory = RolesMemory::default();
        if roles.sources.iter().any(is_spoken) {
            hear(plan, &roles, &mut memory, prober, clock).await;
        }
        let opinions = match observation.extra.as_deref() {
            Some(Extra::Roles(answer)) => &answer.opinions[..],
            Some(Extra::Logs(_) | Extra::OwnRole(_) | Extra::Ending(_) | Extra::Steps(_))
            | None => &[],
        };
        out.push(read(
            roles,
            memory,
            opinions,
            observation.took(),
            clock.now().at,
        ));
    }
    out
}

fn read(
    roles: Arc<Roles>,
    mut memory: RolesMemory,
    opinions: &[Opinion],
    took: Duration,
    now: Timestamp,
) -> Checked {
    let said = judge::all(&roles, &memory, opinions, now);
    let decision = judge::decide(&roles, &mut memory, opinions, now);
    Checked {
        roles,
        took,
        said,
        outcome: decision.outcome,
    }
}

fn roles_of(target: &Target) -> Option<Arc<Roles>> {
    target.checks.iter().find_map(|check| {
        if let Question::Roles(roles) = &check.question {
            Some(Arc::clone(roles))
        } else {
            None
        }
    })
}

const fn is_spoken(source: &RoleSource) -> bool {
    matches!(source, RoleSource::HealthField(_))
}

/// Asks the members what they say of themselves.
async fn hear(
    plan: &Plan,
    roles: &Roles,
    memory: &mut RolesMemory,
    prober: &Prober,
    clock: &Clock,
) {
    let looks = roles.members.iter().map(|member| async move {
        let target = plan
            .targets
            .iter()
            .find(|target| target.id == member.target)?;
        let check = target.checks.iter().find(|check| {
            matches!(&check.question, Question::Health(health) if health.role_field.is_some())
        })?;
        let id = LookId {
            slot: Slot(0),
            check: 0,
            number: 0,
        };
        let limit = check.policy.timeout;
        let seen = prober
            .look(id, &check.question, limit, Freshness::Fresh)
            .await;
        match seen.extra.map(|extra| *extra) {
            Some(Extra::OwnRole(word)) => Some(word),
            Some(Extra::Logs(_) | Extra::Roles(_) | Extra::Ending(_) | Extra::Steps(_)) | None => {
                None
            }
        }
    });
    let words = futures_util::future::join_all(looks).await;
    for (position, word) in words.iter().enumerate() {
        judge::hear(roles, memory, position, word.as_deref(), clock.now().at);
    }
}

impl Checked {
    /// Whose roles these are.
    pub(super) fn group(&self) -> &GroupName {
        &self.roles.group
    }

    /// What the reading means for the group.
    pub(super) const fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// What the first source that can say says, with its key.
    fn decided(&self) -> Option<(&'static str, &[u16])> {
        self.said
            .iter()
            .find_map(|(from, said)| Some((*from, said.as_deref().ok()?)))
    }

    fn names(&self, positions: &[u16]) -> Vec<&str> {
        positions
            .iter()
            .filter_map(|position| self.roles.members.get(usize::from(*position)))
            .map(|member| member.name.as_str())
            .collect()
    }

    fn named(&self, positions: &[u16]) -> String {
        match self.names(positions).as_slice() {
            [] => String::from("nobody is"),
            [one] => format!("{one} is"),
            several => format!("{} are", several.join(", ")),
        }
    }

    /// A paragraph for people.
    pub(super) fn text(&self) -> String {
        let decided = self.decided();
        let mut out = format!("roles of {}: ", self.roles.group);
        match decided {
            Some((from, active)) => {
                let _infallible = write!(
                    out,
                    "{} active, as read from {}",
                    self.named(active),
                    source_title(from)
                );
            }
            None => out.push_str("nobody can say who is active; then each is treated as active"),
        }
        let _infallible = writeln!(out, " · read in {}", span(self.took));
        for (from, said) in &self.said {
            let what = match said {
                Ok(active) => {
                    let differs = decided.is_some_and(|(_, decided)| decided != active.as_slice());
                    let note = if differs { " · says otherwise" } else { "" };
                    format!("{} active{note}", self.named(active))
                }
                Err(_) if *from == "push" => {
                    String::from("is said to a hekate that runs, not to this one")
                }
                Err(why) => format!("cannot say: {why}"),
            };
            let _infallible = writeln!(out, "  {from}: {what}");
        }
        out
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        let decided = self.decided();
        let sources: Vec<Value> = self
            .said
            .iter()
            .map(|(from, said)| match said {
                Ok(active) => json!({
                    "source": from,
                    "active": self.names(active),
                    "agrees": decided.is_some_and(|(_, decided)| decided == active.as_slice()),
                }),
                Err(why) => json!({ "source": from, "fault": why }),
            })
            .collect();
        json!({
            "group": self.roles.group.as_str(),
            "active": decided.map(|(_, active)| self.names(active)),
            "decided_by": decided.map(|(from, _)| from),
            "took_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            "sources": sources,
        })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::model::{Secret, TargetId, roles::Member};

    fn roles(sources: Vec<RoleSource>) -> Arc<Roles> {
        let group = GroupName::new("master");
        let member = |name: &str| Member {
            target: TargetId::of(Some(&group), name),
            name: name.to_owned(),
            called: name.to_owned(),
            address: None,
        };
        Arc::new(Roles {
            members: vec![member("blue"), member("green")],
            group: group.clone(),
            sources,
            is_exactly_one: true,
            every: Duration::from_secs(10),
            stale_after: Duration::from_mins(5),
            grace: Duration::from_mins(3),
            is_announced: true,
        })
    }

    fn checked(active: &[Result<Vec<u16>, String>]) -> Checked {
        let sources = vec![
            RoleSource::Dns {
                name: String::from("active.example.test"),
            },
            RoleSource::HealthField(String::from("/active")),
            RoleSource::Push {
                token: Secret::new("a-token-of-many-characters"),
            },
        ];
        let roles = roles(sources);
        let mut memory = RolesMemory::default();
        judge::hear(&roles, &mut memory, 0, Some("true"), Timestamp::default());
        let opinion = |active: &Result<Vec<u16>, String>| Opinion {
            from: "dns",
            active: active.clone(),
        };
        let opinions: Vec<_> = active.iter().map(opinion).collect();
        let took = Duration::from_millis(12);
        read(roles, memory, &opinions, took, Timestamp::default())
    }

    #[test]
    fn who_says_what_and_who_says_otherwise() {
        let seen = checked(&[Ok(vec![1])]);
        expect![[r#"
            roles of master: green is active, as read from DNS · read in 12 ms
              dns: green is active
              health_field: blue is active · says otherwise
              push: is said to a hekate that runs, not to this one
        "#]]
        .assert_eq(&seen.text());
        expect![[r#"{"active":["green"],"decided_by":"dns","group":"master","sources":[{"active":["green"],"agrees":true,"source":"dns"},{"active":["blue"],"agrees":false,"source":"health_field"},{"fault":"nobody has called yet","source":"push"}],"took_ms":12}"#]].assert_eq(&seen.json().to_string());
        assert_eq!(*seen.outcome(), Outcome::Healthy);
    }

    #[test]
    fn a_source_that_cannot_say_leaves_it_to_the_next() {
        let seen = checked(&[Err(String::from("no such name"))]);
        expect![[r#"
            roles of master: blue is active, as read from the health answers · read in 12 ms
              dns: cannot say: no such name
              health_field: blue is active
              push: is said to a hekate that runs, not to this one
        "#]]
        .assert_eq(&seen.text());
        let seen = checked(&[Ok(vec![0, 1])]);
        expect![[r#"
            roles of master: blue, green are active, as read from DNS · read in 12 ms
              dns: blue, green are active
              health_field: blue is active · says otherwise
              push: is said to a hekate that runs, not to this one
        "#]]
        .assert_eq(&seen.text());
        assert!(matches!(seen.outcome(), Outcome::Degraded(_)));
    }
}
