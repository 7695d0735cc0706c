//! A small board for tests: two groups and a target of its own, one of them down.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use crate::model::{
    Board, Channel, ChannelName, Check, CheckId, CheckKind, FailureClass, Group, GroupName,
    IncidentId, Phases, Plan, Policy, Proof, Reason, Rule, Secret, Severity, State, Target,
    TargetId, Timestamp, Transition, Verdict,
    board::{Facts, Suspicion},
    incident::Told,
    judgement::Good,
    plan::{
        Connection, Destination, HealthQuestion, HttpVersion, IpFamily, Question, Server,
        SlackSettings, StoreSettings, TlsSettings,
    },
};

/// 2026-11-21 14:14:40 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_270_480_000);

/// A target that is asked for its health.
pub(crate) fn target(group: Option<&str>, name: &str) -> Target {
    let group = group.map(GroupName::new);
    let url = "https://secret-host.example.test/health"
        .parse()
        .expect("a constant URL");
    Target {
        id: TargetId::of(group.as_ref(), name),
        name: name.to_owned(),
        group,
        aliases: Vec::new(),
        icon: None,
        severity: Severity::Critical,
        runbook_url: None,
        was: None,
        depends_on: Vec::new(),
        checks: vec![Check {
            kind: CheckKind::Health,
            policy: Policy::default(),
            question: Question::Health(Arc::new(HealthQuestion {
                role_field: None,
                url,
                url_secrets: Vec::new(),
                headers: vec![(
                    String::from("X-Key"),
                    Secret::new("do-not-show-this-header"),
                )],
                credentials: None,
                format: None,
                critical_components: Vec::new(),
                rules: Vec::new(),
                connection: Connection::Fresh,
                http_version: HttpVersion::Http1,
                ip: IpFamily::Auto,
                all_addresses: false,
                tls: TlsSettings::default(),
            })),
        }],
    }
}

/// A plan with these groups and targets and nothing else of interest.
pub(crate) fn plan_of(groups: Vec<Group>, targets: Vec<Target>) -> Plan {
    let alerts = ChannelName::new("core_alerts");
    Plan {
        server: Server {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            timezone: chrono_tz::UTC,
            token: None,
            ping_key: None,
        },
        store: StoreSettings {
            path: PathBuf::from("data"),
            retention: Duration::from_hours(400 * 24),
        },
        slack: SlackSettings {
            command: String::from("/roih"),
            signing_secrets: Vec::new(),
            ..SlackSettings::default()
        },
        page: crate::model::page::PageSettings::default(),
        dead_man: None,
        channels: BTreeMap::from([(
            alerts.clone(),
            Channel {
                name: alerts,
                label: Some(String::from("#core-alerts")),
                destination: Destination::SlackWebhook {
                    url: Secret::new("https://hooks.slack.test/services/T0/B0/do-not-show"),
                },
                fallback: None,
                max_messages: None,
            },
        )]),
        on_call: BTreeMap::new(),
        groups,
        targets: targets.into_iter().map(Arc::new).collect(),
        groups_incidents: true,
        damps_flapping: true,
        witnesses: Arc::default(),
        maintenance: Arc::default(),
        slos: Arc::default(),
        actions: Arc::default(),
        replies: Arc::default(),
        releases: crate::model::release::ReleaseSettings::default(),
        routes: Vec::new(),
    }
}

/// `master` with blue and green, `cron` with purple and yellow, and `api`.
pub(crate) fn plan() -> Plan {
    let groups = vec![
        Group {
            is_always_active: false,
            is_production: false,
            name: GroupName::new("master"),
            aliases: vec![
                String::from("rh"),
                String::from("roi hunter"),
                String::from("roih"),
            ],
            team: Some(String::from("core")),
        },
        Group {
            is_always_active: false,
            is_production: false,
            name: GroupName::new("cron"),
            aliases: Vec::new(),
            team: None,
        },
    ];
    let mut targets = vec![
        target(Some("master"), "blue"),
        target(Some("master"), "green"),
        target(Some("cron"), "purple"),
        target(Some("cron"), "yellow"),
        target(None, "api"),
    ];
    for target in &mut targets[..4] {
        target.icon = Some(format!(":hekate-{}:", target.name));
    }
    targets[2].severity = Severity::Warning;
    targets[4].aliases.push(String::from("public gateway"));
    plan_of(groups, targets)
}

/// The board of [`plan`]: green is down, yellow is unknown, purple is being confirmed, the rest is well.
pub(crate) fn board() -> Board {
    let plan = plan();
    let board = Board::of(&plan, NOW, None);
    let ago = |seconds| NOW - Duration::from_secs(seconds);
    let row = |id| board.row(&TargetId::new(id)).expect("it is in the plan");
    for (id, took) in [("master/blue", 84), ("api", 121), ("cron/purple", 3_000)] {
        row(id).set_facts(well(ago(86_400)));
        row(id).set_looked(ago(4), Duration::from_millis(took));
    }
    row("master/green").set_facts(down(ago(750), ago(780), ago(688)));
    row("master/green").set_looked(ago(9), Duration::from_secs(5));
    let mut purple = well(ago(86_400));
    purple.verdict = Verdict::Suspect;
    purple.suspicion = Some(Suspicion {
        words: String::from("HTTP 503, the body says DOWN"),
        since: ago(6),
        looks: 2,
    });
    row("cron/purple").set_facts(purple);
    board
}

/// All is well since then.
pub(crate) fn well(since: Timestamp) -> Facts {
    Facts {
        verdict: Verdict::Operational,
        settled: Verdict::Operational,
        reason: Reason {
            rule: Rule::FirstLook,
            words: String::from("HTTP 200"),
        },
        since,
        last_good: Some(Good {
            at: since,
            took: Duration::from_millis(80),
            status: Some(200),
        }),
        ..Facts::unknown(since)
    }
}

/// It is down since then.
fn down(since: Timestamp, good_at: Timestamp, told_at: Timestamp) -> Facts {
    Facts {
        verdict: Verdict::Down,
        settled: Verdict::Down,
        reason: Reason {
            rule: Rule::Confirmed(FailureClass::Silent),
            words: String::from("no answer within 5 s"),
        },
        since,
        suspicion: None,
        incident: Some(IncidentId::new("k7f2")),
        told: vec![Told {
            channel: ChannelName::new("core_alerts"),
            at: told_at,
            mention: None,
        }],
        near: Vec::new(),
        remind_after: Vec::new(),
        acknowledged: None,
        note: None,
        last_good: Some(Good {
            at: good_at,
            took: Duration::from_millis(88),
            status: Some(200),
        }),
        phases: Phases {
            resolve_us: Some(400),
            connect_us: Some(3_000),
            tls_us: Some(11_000),
            first_byte_us: None,
            body_us: None,
        },
        detail: None,
        held: None,
        next: String::from("recovers after 3 good looks (0 so far)"),
    }
}

/// A target that went down and came back, and is down again.
pub(crate) fn transitions(target: &str) -> Vec<Transition> {
    let ago = |seconds| NOW - Duration::from_secs(seconds);
    let step =
        |number, from, to, (since, at): (u64, u64), rule, words: &str, incident| Transition {
            check: CheckId {
                target: TargetId::new(target),
                kind: CheckKind::Health,
            },
            number,
            from,
            to,
            at: ago(at),
            since: ago(since),
            reason: Reason {
                rule,
                words: String::from(words),
            },
            looks_for: 3,
            looks_of: 3,
            phases: Phases {
                resolve_us: Some(400),
                ..Phases::default()
            },
            detail: None,
            last_good: None,
            incident: Some(IncidentId::new(incident)),
            proof: Box::new(Proof {
                policy: Policy::default(),
                before: State::new(ago(at)),
                seen: Vec::new(),
            }),
        };
    let explicit = Rule::Confirmed(FailureClass::Explicit);
    let silent = Rule::Confirmed(FailureClass::Silent);
    let (good, down) = (Verdict::Operational, Verdict::Down);
    vec![
        step(
            1,
            good,
            down,
            (90_000, 89_992),
            explicit,
            "HTTP 503",
            "abcd",
        ),
        step(
            2,
            down,
            good,
            (89_000, 88_990),
            Rule::Recovered,
            "3 good looks in a row",
            "abcd",
        ),
        step(
            3,
            good,
            down,
            (750, 688),
            silent,
            "no answer within 5 s",
            "k7f2",
        ),
    ]
}
