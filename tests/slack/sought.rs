//! What was sought: how a target was, what a look by hand saw, and how available targets were.

use std::{sync::Arc, time::Duration};

use expect_test::{ExpectFile, expect_file};
use hekate::{
    command::{Availability, Fresh, History, Looked, Reply, fresh::Line, sli},
    judge::sli::{Outage, Sli, Span},
    model::{
        CheckId, CheckKind, FailureClass, FailureKind, IncidentId, LookId, Moment, Observation,
        Outcome, Phases, Policy, Proof, Reason, Rule, Slot, State, TargetId, Tick, Transition,
        Verdict,
        job::{GoodRun, JobFacts},
        observation::{Detail, Failure},
        slo::Objective,
    },
    slack::reply,
};

use super::{
    golden::is_file,
    world::{NOW, OPTIONS, ago, component, ten},
};

#[track_caller]
fn shows(answer: &Reply, expected: &ExpectFile) {
    is_file(&reply::render(answer, "/roih", &OPTIONS), expected);
}

fn changed(number: u64, to: Verdict, words: &str, since_s: u64) -> Transition {
    let is_bad = to != Verdict::Operational;
    Transition {
        check: CheckId {
            target: TargetId::new("master/blue"),
            kind: CheckKind::Health,
        },
        number,
        from: Verdict::Operational,
        to,
        at: ago(since_s) + Duration::from_secs(20),
        since: ago(since_s),
        reason: Reason {
            rule: Rule::Confirmed(FailureClass::Silent),
            words: words.to_owned(),
        },
        looks_for: 3,
        looks_of: 3,
        phases: Phases::default(),
        detail: None,
        last_good: None,
        incident: is_bad.then(|| IncidentId::new("k7f2")),
        proof: Box::new(Proof {
            policy: Policy::default(),
            before: State::new(ago(since_s)),
            seen: Vec::new(),
        }),
    }
}

fn history(transitions: Vec<Transition>) -> Reply {
    Reply::History(History {
        title: String::from("master blue"),
        transitions,
        back: Duration::from_hours(7 * 24),
        now: NOW,
    })
}

#[test]
fn changes_are_told_latest_first() {
    shows(&history(Vec::new()), &expect_file!["history_0.json"]);
    let two = vec![
        changed(
            1,
            Verdict::Down,
            "no answer within 5 s <!channel> *x*",
            90_000,
        ),
        changed(2, Verdict::Operational, "2 good looks in a row", 89_000),
    ];
    shows(&history(two), &expect_file!["history_2.json"]);
}

#[test]
fn of_many_changes_the_latest_are_shown_and_the_rest_is_counted() {
    let of = |number| {
        let verdict = if number % 2 == 0 {
            Verdict::Operational
        } else {
            Verdict::Down
        };
        changed(
            number,
            verdict,
            &"long words ".repeat(200),
            100_000 - number,
        )
    };
    shows(
        &history((0..1_000).map(of).collect()),
        &expect_file!["history_1000.json"],
    );
}

#[test]
fn a_look_by_hand_says_what_it_saw_and_what_stays() {
    let board = ten();
    let target = board.rows[0].target.id.clone();
    let at = |micros| Moment {
        tick: Tick::from_micros(micros),
        at: NOW,
    };
    let look = |outcome, detail| Observation {
        look: LookId {
            slot: Slot(0),
            check: 0,
            number: 0,
        },
        started: at(0),
        finished: at(84_321),
        outcome,
        status: Some(503),
        phases: Phases {
            resolve_us: Some(400),
            connect_us: Some(3_100),
            ..Phases::default()
        },
        family: None,
        detail,
        extra: None,
    };
    let shown = |look: &Observation| {
        let looked = Looked::of(&board, &target, look).expect("it is on the board");
        Reply::Looked(Box::new(looked))
    };
    shows(
        &shown(&look(Outcome::Healthy, None)),
        &expect_file!["looked_well.json"],
    );
    let bad = Outcome::Unhealthy(Failure {
        class: FailureClass::Explicit,
        kind: FailureKind::SaysDown,
        words: String::from("the body says DOWN"),
    });
    let detail = Detail {
        components: vec![component("db", "refused <@U1> `x`")],
        ..Detail::default()
    };
    shows(
        &shown(&look(bad, Some(Box::new(detail)))),
        &expect_file!["looked_down.json"],
    );
}

/// So many targets that were down for an hour more, one after the other.
fn availability(count: u64) -> Reply {
    let line = |place: u64| {
        let down = Duration::from_hours(place);
        sli::Line {
            target: TargetId::new(format!("master/{place}")),
            group: None,
            title: format!("<!channel> *{place}*"),
            sli: Sli {
                operational: Duration::from_hours(30 * 24 - place),
                down,
                degraded: Duration::from_mins(place),
                outages: u32::try_from(place).expect("it is small"),
                longest: (place > 0).then(|| Outage {
                    from: ago(90_000),
                    lasted: down,
                }),
                ..Sli::default()
            },
        }
    };
    let slo = |place: u64| sli::SloLine {
        name: format!("<!here> {place}"),
        objective: Objective::parse("99.9%").expect("an objective"),
        window: Duration::from_hours(30 * 24),
        sli: line(place).sli,
    };
    Reply::Availability(Availability {
        selection: String::from("master <@U1>"),
        window: Span {
            from: NOW - Duration::from_hours(30 * 24),
            until: NOW,
        },
        lines: (0..count).map(line).collect(),
        slos: (0..count).map(slo).collect(),
    })
}

#[test]
fn availability_is_told_worst_first_and_the_rest_is_counted() {
    shows(&availability(0), &expect_file!["availability_0.json"]);
    shows(&availability(2), &expect_file!["availability_2.json"]);
    shows(&availability(50), &expect_file!["availability_50.json"]);
}

/// A job that is fresh, one that is late and hostile, one of which nothing is known yet, and as many more as asked for.
fn fresh(more: usize) -> Reply {
    let facts = |hours: u64, said: &str| JobFacts {
        rhythm: String::from("every 2 h"),
        good: Some(GoodRun {
            at: ago(hours * 3_600),
            took: Some(Duration::from_secs(724)),
            said: said.to_owned(),
        }),
        last: None,
        running: Vec::new(),
        due_at: Some(NOW + Duration::from_hours(1)),
        missed: None,
        unheard: None,
    };
    let line = |name: &str, verdict, why: Option<&str>, facts: Option<JobFacts>| Line {
        target: TargetId::new(format!("job/{name}")),
        name: name.to_owned(),
        icon: Some(String::from(":package:")),
        verdict,
        why: why.map(str::to_owned),
        facts: facts.map(Arc::new),
    };
    let why = "late: no run since one was due 2 h ago <!channel> <@U0ALICE> *x* https://evil.example.test";
    let mut lines = vec![
        line(
            "invoices <!here>",
            Verdict::Down,
            Some(why),
            Some(facts(30, "@channel `rm -rf`")),
        ),
        line(
            "hubspot_export",
            Verdict::Operational,
            None,
            Some(JobFacts {
                running: vec![(ago(300), String::from("page 3 of 90"))],
                unheard: Some(ago(7_200)),
                ..facts(2, "18 204 rows")
            }),
        ),
        line("crm", Verdict::Unknown, None, None),
    ];
    lines.extend((0..more).map(|number| {
        let name = format!("job {number}");
        line(&name, Verdict::Operational, None, Some(facts(1, "")))
    }));
    if more == 0 {
        lines = lines.split_off(1);
        lines.truncate(1);
    }
    Reply::Fresh(Fresh {
        selection: String::new(),
        now: NOW,
        lines,
    })
}

#[test]
fn freshness_is_told_for_people_who_are_no_engineers() {
    shows(&fresh(0), &expect_file!["fresh_1.json"]);
    shows(&fresh(1), &expect_file!["fresh_4.json"]);
    shows(&fresh(60), &expect_file!["fresh_63.json"]);
}
