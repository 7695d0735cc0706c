//! Stories of questions that the board cannot answer.

use super::{
    tests::{World, text_of, world},
    *,
};
use crate::{
    command::{fixture, sli::Sli},
    model::{
        FailureClass, FailureKind, GroupName, LookId, Moment, Observation, Outcome, Phases, Slot,
        Target, TargetId, Tick, Timestamp,
        observation::Failure,
        slo::{Objective, Slo},
    },
};

fn seen(target: &Target, outcome: Outcome) -> Observation {
    let at = |micros| Moment {
        tick: Tick::from_micros(micros),
        at: Timestamp::from_millis(fixture::NOW.as_millis()),
    };
    assert!(!target.name.is_empty());
    Observation {
        look: LookId {
            slot: Slot(0),
            check: 0,
            number: 0,
        },
        started: at(0),
        finished: at(84_000),
        outcome,
        status: Some(503),
        phases: Phases::default(),
        family: None,
        detail: None,
        extra: None,
    }
}

fn refused() -> Outcome {
    Outcome::Unhealthy(Failure {
        class: FailureClass::Explicit,
        kind: FailureKind::ServerError,
        words: String::from("connection refused <!channel>"),
    })
}

/// Whatever is looked at refuses connections.
fn looking() -> World {
    let mut world = world();
    world.chat.glances = Arc::new(|target| {
        let (answer, answered) = oneshot::channel();
        let _ = answer.send(seen(&target, refused()));
        answered
    });
    world
}

impl World {
    async fn says(&self, words: &str) -> String {
        let by = answer::speaker(("U1", "eva"), ("C1", "core"), "");
        text_of(&self.chat.say(words, &by, Trust::MayBeRepeat, "/roih").await)
    }
}

#[tokio::test]
async fn a_look_by_hand_says_what_it_saw_and_changes_nothing() {
    let world = looking();
    let said = world.says("check blue master").await;
    assert_eq!(
        said,
        "DOWN: master blue in a look by hand, 84 ms \u{2013} connection refused &lt;!channel&gt;"
    );
    let board = world.chat.board.load_full();
    let blue = board.row(&TargetId::new("master/blue")).unwrap();
    assert_eq!(blue.facts().verdict, crate::model::Verdict::Operational);
    assert_eq!(world.wishes(), 0);
}

#[tokio::test]
async fn nobody_has_the_same_target_looked_at_again_and_again() {
    let world = looking();
    assert!(world.says("check api").await.starts_with("DOWN: api"));
    let said = world.says("check api").await;
    assert!(
        said.contains("somebody had api looked at just now; it can be again in"),
        "{said}"
    );
    assert!(said.contains("/roih why api"), "{said}");
    assert!(
        world
            .says("check blue")
            .await
            .starts_with("DOWN: master blue")
    );
}

#[tokio::test]
async fn a_look_that_does_not_end_is_said_not_to() {
    let world = world();
    let said = world.says("check api").await;
    assert!(said.contains("the look at api did not end"), "{said}");
}

#[tokio::test]
async fn whoever_is_not_meant_clearly_is_asked_for_and_not_looked_at() {
    let world = looking();
    let said = world.says("check master").await;
    assert!(said.contains("'master' means several targets"), "{said}");
    let said = world.says("check").await;
    assert!(said.contains("check of which target"), "{said}");
    let said = world.says("check gren").await;
    assert!(said.contains("/roih check green"), "{said}");
}

#[tokio::test]
async fn history_is_the_stores() {
    let mut world = world();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&asked);
    world.chat.histories = Arc::new(move |target, since, limit| {
        note.lock().unwrap().push((target.clone(), since, limit));
        Ok(fixture::transitions(target.as_str()))
    });
    let before = world.chat.clock.now().at;
    let said = world.says("history green for 3d").await;
    assert!(said.starts_with("master green: "), "{said}");
    assert!(
        said.contains("changes in the last 3 d, the last to "),
        "{said}"
    );
    let (target, since, limit) = asked.lock().unwrap().remove(0);
    assert_eq!((target.as_str(), limit), ("master/green", 1_000));
    let back = before.since(since);
    let days = Duration::from_hours(72);
    assert!(
        back <= days && back + Duration::from_mins(1) > days,
        "{back:?}"
    );

    world.chat.histories = Arc::new(|_, _, _| Ok(Vec::new()));
    let said = world.says("history green").await;
    assert_eq!(said, "master green: no change in the last 7 d");

    world.chat.histories = Arc::new(|_, _, _| Err(String::from("a page is damaged")));
    let said = world.says("history green").await;
    assert!(
        said.contains("the store does not say: a page is damaged"),
        "{said}"
    );
}

#[tokio::test]
async fn availability_is_measured_off_the_runtime_and_its_failures_are_said() {
    let mut world = world();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&asked);
    world.chat.measures = Arc::new(move |targets, window| {
        note.lock()
            .unwrap()
            .push((targets.to_vec(), window.until.since(window.from)));
        let sli = Sli {
            operational: Duration::from_hours(999),
            down: Duration::from_hours(1),
            ..Sli::default()
        };
        let known = targets.iter().map(|target| (target.clone(), sli));
        // Somebody who is not watched any more.
        let gone = (TargetId::new("gone"), Sli::default());
        Ok(known.chain([gone]).collect())
    });
    let mut plan = (*world.chat.plan.load_full()).clone();
    let slo = |name: &str, target| Slo {
        name: name.to_owned(),
        groups: vec![GroupName::new("master")],
        targets: Option::into_iter(target).map(TargetId::new).collect(),
        objective: Objective::parse("99.95%").unwrap(),
        window: Duration::from_hours(24),
    };
    plan.slos = [
        slo("all of it", None),
        slo("half of it", Some("master/blue")),
    ]
    .into();
    world.chat.plan.store(Arc::new(plan));
    let said = world.says("sli master 7d").await;
    assert_eq!(
        said,
        "Availability of master in the last 7 d: 99.9%, at worst master blue 99.9%; the error budgets of 2 SLOs are spent"
    );
    let master = ["master/blue", "master/green"].map(TargetId::new).to_vec();
    let days = |days: u64| Duration::from_hours(days * 24);
    assert_eq!(
        std::mem::take(&mut *asked.lock().unwrap()),
        [
            (master.clone(), days(7)),
            (master.clone(), days(1)),
            (master[..1].to_vec(), days(1)),
        ]
    );
    let said = world.says("sli green 7d").await;
    assert_eq!(said, "Availability of green in the last 7 d: 99.9%");

    world.chat.measures = Arc::new(|_, _| Err(String::from("a page is damaged")));
    let said = world.says("sli").await;
    assert!(
        said.contains("the store does not say: a page is damaged"),
        "{said}"
    );
    world.chat.measures = Arc::new(|_, _| panic!("a fault of ours"));
    let said = world.says("sli").await;
    assert!(said.contains("a fault of hekate"), "{said}");
}
