//! What sources say, in a table, and what may never come out.

use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::model::{GroupName, Secret};

const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn at(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

fn roles(sources: Vec<RoleSource>, names: &[&str]) -> Roles {
    let group = GroupName::new("master");
    Roles {
        members: names
            .iter()
            .map(|name| Member {
                target: TargetId::of(Some(&group), name),
                name: (*name).to_owned(),
                called: format!("srv-{name}"),
                address: None,
            })
            .collect(),
        group,
        sources,
        is_exactly_one: true,
        is_announced: true,
        every: Duration::from_secs(10),
        stale_after: Duration::from_mins(5),
        grace: Duration::from_mins(3),
    }
}

fn dns() -> RoleSource {
    RoleSource::Dns {
        name: String::from("active.example.test"),
    }
}

fn file() -> RoleSource {
    RoleSource::File {
        path: "/run/active".into(),
    }
}

fn says(from: &'static str, active: &[u16]) -> Opinion {
    Opinion {
        from,
        active: Ok(active.to_vec()),
    }
}

fn is_away(from: &'static str) -> Opinion {
    Opinion {
        from,
        active: Err(String::from("no answer")),
    }
}

fn line(decision: &Decision) -> String {
    let roles: Vec<&str> = decision.roles.iter().map(|role| role.as_str()).collect();
    let outcome = match &decision.outcome {
        Outcome::Healthy => String::from("well"),
        Outcome::Degraded(it) => it.words.clone(),
        Outcome::Unobservable(gap) => gap.words.clone(),
        Outcome::Unhealthy(_) => panic!("roles are never down"),
    };
    let swap = decision.swap.as_ref();
    let swap = swap.map_or_else(String::new, |swap| {
        format!(" | swap {:?} -> {:?}", swap.from, swap.to)
    });
    let news = decision.news.as_ref().map_or_else(String::new, |news| {
        let since = news.since.since(START).as_secs();
        let unseen = news.unseen_since.map_or_else(String::new, |at| {
            format!(" (unseen from {})", at.since(START).as_secs())
        });
        format!(
            " | told {:?} -> {:?} since {since}{unseen}",
            news.inactive, news.active
        )
    });
    format!(
        "{} | {outcome} | {}{swap}{news}\n",
        roles.join(" "),
        decision.words
    )
}

fn story(sources: Vec<RoleSource>, steps: &[(u64, Vec<Opinion>)], expected: &Expect) {
    let roles = roles(sources, &["blue", "green"]);
    let mut memory = RolesMemory::default();
    let told: Vec<String> = steps
        .iter()
        .map(|(seconds, opinions)| {
            let decision = decide(&roles, &mut memory, opinions, at(*seconds));
            format!("{seconds}: {}", line(&decision))
        })
        .collect();
    let told = told.concat();
    expected.assert_eq(&told);
}

#[test]
fn one_is_active_then_the_other() {
    story(
        vec![dns()],
        &[
            (0, vec![says("dns", &[0])]),
            (10, vec![says("dns", &[0, 1])]),
            (20, vec![says("dns", &[1])]),
        ],
        &expect![[r#"
            0: active inactive | well | dns says blue
            10: active active | two are active: blue, green | dns says blue, green | swap [] -> [1]
            20: inactive active | well | dns says green | swap [0] -> []
        "#]],
    );
}

#[test]
fn nobody_takes_no_role_away() {
    story(
        vec![dns()],
        &[
            (0, vec![says("dns", &[])]),
            (10, vec![says("dns", &[0])]),
            (20, vec![says("dns", &[])]),
            (30, vec![says("dns", &[1])]),
        ],
        &expect![[r#"
            0: unknown unknown | nobody is active | dns says nobody
            10: active inactive | well | dns says blue
            20: active inactive | nobody is active | dns says nobody
            30: inactive active | well | dns says green | swap [0] -> [1]
        "#]],
    );
}

#[test]
fn a_dead_source_leaves_the_last_answer_for_a_while() {
    story(
        vec![dns()],
        &[
            (0, vec![is_away("dns")]),
            (10, vec![says("dns", &[0])]),
            (20, vec![is_away("dns")]),
            (310, vec![is_away("dns")]),
            (311, vec![is_away("dns")]),
            (600, vec![says("dns", &[0])]),
            (610, vec![]),
        ],
        &expect![[r#"
            0: unknown unknown | nobody can say who is active: dns: no answer | dns cannot say: no answer
            10: active inactive | well | dns says blue
            20: active inactive | well | dns cannot say: no answer
            310: active inactive | well | dns cannot say: no answer
            311: unknown unknown | nobody can say who is active for 5 min 1 s: dns: no answer | dns cannot say: no answer
            600: active inactive | well | dns says blue
            610: active inactive | well | dns cannot say: it was not read
        "#]],
    );
}

#[test]
fn a_second_opinion_decides_only_while_the_first_cannot_say() {
    story(
        vec![dns(), file()],
        &[
            (0, vec![says("dns", &[0]), says("file", &[0])]),
            (10, vec![says("dns", &[0]), says("file", &[1])]),
            (20, vec![is_away("dns"), says("file", &[1])]),
            (30, vec![says("dns", &[0]), is_away("file")]),
        ],
        &expect![[r#"
            0: active inactive | well | dns says blue
            10: active inactive | well | dns says blue; file says green
            20: inactive active | well | dns cannot say: no answer; file says green | swap [0] -> [1]
            30: active inactive | well | dns says blue; file cannot say: no answer | swap [1] -> [0]
        "#]],
    );
}

#[test]
fn members_speak_for_themselves_and_a_mute_one_keeps_its_word() {
    let roles = roles(
        vec![RoleSource::HealthField(String::from("/active"))],
        &["blue", "green"],
    );
    let mut memory = RolesMemory::default();
    let mut told = String::new();
    for (seconds, blue, green) in [
        (0, Some("true"), None),
        (10, Some("true"), Some("false")),
        (20, None, Some("false")),
        (30, None, Some("active")),
        (40, Some("srv-blue"), Some("green")),
        (50, Some("standby"), Some("standby")),
        (60, None, Some("standby")),
        (70, Some("blue"), Some("blue")),
    ] {
        hear(&roles, &mut memory, 0, blue, at(seconds));
        hear(&roles, &mut memory, 1, green, at(seconds));
        let decision = decide(&roles, &mut memory, &[], at(seconds));
        told.extend([format!("{seconds}: "), line(&decision)]);
    }
    expect![[r#"
        0: active inactive | well | health_field says blue
        10: active inactive | well | health_field says blue
        20: active inactive | well | health_field says blue
        30: inactive active | well | health_field says green | swap [0] -> [1]
        40: active active | two are active: blue, green | health_field says blue, green | swap [] -> [0]
        50: active active | nobody is active | health_field says nobody
        60: active active | nobody is active | health_field cannot say: blue does not say it, and nobody else says to be active
        70: active inactive | well | health_field says blue | swap [1] -> []
    "#]].assert_eq(&told);
}

#[test]
fn what_is_pushed_holds_until_it_is_pushed_otherwise() {
    let roles = roles(
        vec![RoleSource::Push {
            token: Secret::new("a-token-of-many-characters"),
        }],
        &["blue", "green"],
    );
    let mut memory = RolesMemory::default();
    let before = decide(&roles, &mut memory, &[], at(0));
    assert_eq!(before.roles, [Role::Unknown; 2]);
    assert!(push(&roles, &mut memory, "purple", at(1)).is_none());
    assert!(push(&roles, &mut memory, "srv-green", at(1)).is_some());
    for later in [2, 100_000] {
        let decision = decide(&roles, &mut memory, &[], at(later));
        assert_eq!(decision.roles, [Role::Inactive, Role::Active]);
        assert_eq!(decision.outcome, Outcome::Healthy);
    }
}

#[test]
fn where_several_may_be_active_nothing_is_wrong() {
    let mut roles = roles(vec![dns()], &["blue", "green", "red"]);
    roles.is_exactly_one = false;
    let mut memory = RolesMemory::default();
    for active in [&[][..], &[0], &[0, 2]] {
        let decision = decide(&roles, &mut memory, &[says("dns", active)], at(0));
        assert_eq!(decision.outcome, Outcome::Healthy);
    }
}

#[test]
fn a_swap_is_told_when_it_was_read_twice() {
    story(
        vec![dns()],
        &[
            (0, vec![says("dns", &[0])]),
            (10, vec![says("dns", &[1])]),
            (20, vec![says("dns", &[0])]),
            (30, vec![says("dns", &[1])]),
            (40, vec![says("dns", &[0, 1])]),
            (50, vec![says("dns", &[])]),
            (60, vec![is_away("dns")]),
            (70, vec![says("dns", &[1])]),
            (80, vec![says("dns", &[1])]),
            (90, vec![says("dns", &[0])]),
            (100, vec![says("dns", &[0])]),
        ],
        &expect![[r#"
            0: active inactive | well | dns says blue
            10: inactive active | well | dns says green | swap [0] -> [1]
            20: active inactive | well | dns says blue | swap [1] -> [0]
            30: inactive active | well | dns says green | swap [0] -> [1]
            40: active active | two are active: blue, green | dns says blue, green | swap [] -> [0]
            50: active active | nobody is active | dns says nobody
            60: active active | nobody is active | dns cannot say: no answer
            70: inactive active | well | dns says green | swap [0] -> [] | told [0] -> [1] since 30
            80: inactive active | well | dns says green
            90: active inactive | well | dns says blue | swap [1] -> [0]
            100: active inactive | well | dns says blue | told [1] -> [0] since 90
        "#]],
    );
}

#[test]
fn a_swap_that_happened_while_nobody_was_looking_says_so() {
    story(
        vec![dns()],
        &[
            (0, vec![says("dns", &[0])]),
            (3_600, vec![says("dns", &[1])]),
            (3_610, vec![says("dns", &[1])]),
        ],
        &expect![[r#"
            0: active inactive | well | dns says blue
            3600: inactive active | well | dns says green | swap [0] -> [1]
            3610: inactive active | well | dns says green | told [0] -> [1] since 3600 (unseen from 0)
        "#]],
    );
}

#[test]
fn a_source_that_is_away_for_a_while_is_no_swap() {
    let mut steps = vec![(0, vec![says("dns", &[0]), says("file", &[1])])];
    steps.extend((1..20).map(|round| (round * 10, vec![is_away("dns"), says("file", &[1])])));
    steps.push((200, vec![says("dns", &[0]), says("file", &[1])]));
    let roles = roles(vec![dns(), file()], &["blue", "green"]);
    let mut memory = RolesMemory::default();
    for (seconds, opinions) in steps {
        let decision = decide(&roles, &mut memory, &opinions, at(seconds));
        assert_eq!(decision.news, None, "at {seconds}");
    }
    // Gone for good, it is the other one that is believed after its last answer holds no more.
    let told_at = (21..100).find(|round| {
        let opinions = [is_away("dns"), says("file", &[1])];
        decide(&roles, &mut memory, &opinions, at(round * 10))
            .news
            .is_some()
    });
    assert_eq!(told_at, Some(51));
}

#[test]
fn one_who_left_the_group_is_forgotten() {
    let mut memory = RolesMemory::default();
    let both = roles(vec![dns()], &["blue", "green"]);
    let _ = decide(&both, &mut memory, &[says("dns", &[0])], at(0));
    let rest = roles(vec![dns()], &["green", "red"]);
    let decision = decide(&rest, &mut memory, &[is_away("dns")], at(10));
    assert_eq!(decision.roles, [Role::Unknown; 2]);
}

fn opinion() -> impl Strategy<Value = Opinion> {
    let active = prop_oneof![
        3 => proptest::collection::vec(0_u16..5, 0..4).prop_map(Ok),
        1 => ".{0,20}".prop_map(Err),
    ];
    active.prop_map(|active| Opinion {
        from: "dns",
        active,
    })
}

proptest! {
    /// Whatever sources say, and however long they say nothing: each member has one role, somebody waits only while
    /// somebody else is active, and nobody waits when nobody could say for long.
    #[test]
    fn nobody_waits_unless_somebody_is_active(
        steps in proptest::collection::vec((0_u64..400, proptest::collection::vec(opinion(), 0..3)), 1..30),
        members in 1_usize..5,
    ) {
        let names = ["a", "b", "c", "d"];
        let roles = roles(vec![dns(), file()], &names[..members]);
        let mut memory = RolesMemory::default();
        let (mut now, mut said_at) = (0, None);
        let mut told: Option<Vec<TargetId>> = None;
        for (wait, opinions) in steps {
            now += wait;
            let decision = decide(&roles, &mut memory, &opinions, at(now));
            if opinions.iter().take(2).any(|opinion| opinion.active.is_ok()) {
                said_at = Some(now);
            }
            prop_assert_eq!(decision.roles.len(), members);
            let waits = decision.roles.contains(&Role::Inactive);
            prop_assert!(!waits || decision.roles.contains(&Role::Active));
            let is_stale = said_at.is_none_or(|said| now - said > 300);
            prop_assert!(!(waits && is_stale));
            prop_assert_eq!(standing(&roles, &memory, at(now)), decision.roles);
            if let Some(news) = &decision.news {
                prop_assert!(!news.active.is_empty() && !news.inactive.is_empty());
                prop_assert!(told.replace(memory.told.clone()).as_ref() != Some(&memory.told));
            }
        }
    }
}
