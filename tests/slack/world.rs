//! A small world to tell of: incidents with all their evidence, and boards of any size.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use hekate::{
    command::Status,
    model::{
        Board, Channel, ChannelName, Check, CheckKind, Component, ComponentState, Entry, EntryKey,
        EntryState, FailureClass, Group, GroupName, IncidentId, Kind, OnCallName, Outage, Phases,
        Plan, Policy, Reason, Rule, Severity, Story, Target, TargetId, Timestamp, Verdict,
        board::{Facts, Ourselves},
        judgement::Good,
        notification::{Many, One},
        observation::Detail,
        plan::{
            Connection, HealthQuestion, HttpVersion, IpFamily, OnCall, Question, Server,
            SlackSettings, StoreSettings, TlsSettings,
        },
    },
    slack::{grid::Options, message::Context},
};

/// 2026-10-25 12:00:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_792_929_600_000);

pub(crate) fn ago(seconds: u64) -> Timestamp {
    NOW - Duration::from_secs(seconds)
}

pub(crate) fn on_call() -> BTreeMap<OnCallName, OnCall> {
    let name = OnCallName::new("core");
    BTreeMap::from([(
        name.clone(),
        OnCall {
            name,
            user_group: Some(String::from("S0CORE01")),
            users: vec![String::from("U0ALICE")],
            rota: None,
            quiet_hours: None,
        },
    )])
}

pub(crate) fn context(on_call: &BTreeMap<OnCallName, OnCall>) -> Context<'_> {
    Context {
        now: NOW,
        timezone: chrono_tz::Europe::Prague,
        on_call,
        public_url: Some("https://status.example.test"),
        late: None,
        is_repeat: false,
        is_digest: false,
        has_buttons: true,
    }
}

/// `master blue` does not answer any more, with all the evidence there can be.
pub(crate) fn story() -> Story {
    Story {
        target: Some(TargetId::new("master/blue")),
        title: String::from("master blue"),
        icon: Some(String::from(":hekate-blue:")),
        severity: Severity::Critical,
        check: Some(CheckKind::Health),
        from: Verdict::Operational,
        to: Verdict::Down,
        since: ago(45),
        decided_at: ago(33),
        reason: Reason {
            rule: Rule::Confirmed(FailureClass::Explicit),
            words: String::from("HTTP 503, the body says DOWN"),
        },
        looks_for: 3,
        looks_of: 3,
        phases: Phases {
            resolve_us: Some(400),
            connect_us: Some(3_100),
            tls_us: Some(11_000),
            first_byte_us: Some(212_000),
            body_us: Some(900),
        },
        detail: Some(Box::new(Detail {
            address: Some(String::from("10.0.0.7:443")),
            components: vec![component("db", "connection pool exhausted <0 of 50 idle>")],
            components_total: 6,
            excerpt: Some(String::from(
                r#"{"status":"DOWN","components":{"db":{"status":"DOWN"}}}"#,
            )),
            via: Some(String::from("nginx/1.27")),
            note: None,
        })),
        last_good: Some(Good {
            at: ago(60),
            took: Duration::from_millis(88),
            status: Some(200),
        }),
        outage: None,
        runbook_url: Some(String::from("https://wiki.example.test/core-down?a=1&b=2")),
        also_told: vec![ChannelName::new("core_alerts")],
        siblings: vec![String::from("master green operational")],
        log: None,
        role: None,
        many: None,
        notes: Vec::new(),
        flapping: None,
        attended: None,
    }
}

/// So many targets on one host are down, of which some are back.
pub(crate) fn shared_story(total: u32, back: u32) -> Story {
    let one = |number: u32| One {
        title: format!("shop {number:02}"),
        verdict: if number < total - back {
            Verdict::Down
        } else {
            Verdict::Operational
        },
        words: if number < total - back {
            String::from("connection refused")
        } else {
            String::from("was bad for 4 min 10 s")
        },
        since: ago(45),
    };
    let is_over = total == back;
    Story {
        target: None,
        title: format!("{total} of {total} on host db1.internal"),
        icon: None,
        check: None,
        from: if back == 0 {
            Verdict::Operational
        } else {
            Verdict::Down
        },
        to: if is_over {
            Verdict::Operational
        } else {
            Verdict::Down
        },
        reason: Reason {
            rule: Rule::NotYetSeen,
            words: match (back, is_over) {
                (_, true) => String::new(),
                (0, false) => String::from("shop 00, shop 01 and shop 02: connection refused"),
                (back, false) => format!(
                    "{back} of {total} are back; still bad: shop 00, shop 01: connection refused"
                ),
            },
        },
        looks_for: 0,
        looks_of: 0,
        phases: Phases::default(),
        detail: None,
        last_good: None,
        outage: is_over.then(|| Outage {
            worst: Verdict::Down,
            since: ago(300),
            until: ago(5),
            seen: Vec::new(),
        }),
        runbook_url: None,
        siblings: Vec::new(),
        many: Some(Box::new(Many {
            members: (0..total.min(12)).map(one).collect(),
            total,
            back,
        })),
        ..story()
    }
}

pub(crate) fn component(name: &str, message: &str) -> Component {
    Component {
        name: name.to_owned(),
        state: ComponentState::Down,
        message: Some(message.to_owned()),
    }
}

/// Nothing came back at all.
pub(crate) fn silent_story() -> Story {
    Story {
        reason: Reason {
            rule: Rule::Confirmed(FailureClass::Silent),
            words: String::from("no answer within 5 s"),
        },
        phases: Phases {
            resolve_us: Some(400),
            connect_us: Some(3_100),
            tls_us: Some(11_000),
            ..Phases::default()
        },
        detail: None,
        ..story()
    }
}

pub(crate) fn degraded_story() -> Story {
    Story {
        to: Verdict::Degraded,
        severity: Severity::Warning,
        reason: Reason {
            rule: Rule::Slow,
            words: String::from("slower than 2 s in 8 of 10 looks"),
        },
        looks_for: 8,
        looks_of: 10,
        detail: None,
        ..story()
    }
}

pub(crate) fn unknown_story() -> Story {
    Story {
        to: Verdict::Unknown,
        reason: Reason {
            rule: Rule::NoVerdict,
            words: String::from("HTTP 403, we are not let in"),
        },
        detail: None,
        ..story()
    }
}

/// It was down for 4 min 12 s.
pub(crate) fn recovered_story() -> Story {
    Story {
        from: Verdict::Down,
        to: Verdict::Operational,
        since: NOW,
        decided_at: NOW,
        reason: Reason {
            rule: Rule::Recovered,
            words: String::from("HTTP 200"),
        },
        detail: None,
        last_good: Some(Good {
            at: NOW,
            took: Duration::from_millis(41),
            status: Some(200),
        }),
        outage: Some(Outage {
            worst: Verdict::Down,
            since: ago(252),
            until: NOW,
            seen: vec![
                (String::from("HTTP 503, the body says DOWN"), 14),
                (String::from("no answer within 5 s"), 2),
            ],
        }),
        ..story()
    }
}

pub(crate) fn notice_story() -> Story {
    Story {
        target: None,
        title: String::from("channel core_alerts refuses messages"),
        icon: None,
        severity: Severity::Warning,
        check: None,
        reason: Reason {
            rule: Rule::Stale,
            words: String::from("404 no_service: the webhook was disabled or removed"),
        },
        detail: None,
        last_good: None,
        runbook_url: None,
        also_told: Vec::new(),
        siblings: Vec::new(),
        ..story()
    }
}

pub(crate) fn entry(kind: Kind, story: Story) -> Entry {
    Entry {
        key: EntryKey {
            incident: IncidentId::new("k7f2"),
            sequence: 0,
            channel: ChannelName::new("disaster"),
        },
        kind,
        created_at: NOW,
        mention: None,
        story: Arc::new(story),
        state: EntryState::Queued,
        attempts: 0,
        held_until: None,
        instead_of: None,
    }
}

/// As [`entry`], and the one on call is to be mentioned.
pub(crate) fn mentioning(kind: Kind, story: Story) -> Entry {
    Entry {
        mention: Some(OnCallName::new("core")),
        ..entry(kind, story)
    }
}

pub(crate) fn target(group: Option<&str>, name: &str, icon: Option<&str>) -> Target {
    let group = group.map(GroupName::new);
    Target {
        id: TargetId::of(group.as_ref(), name),
        name: name.to_owned(),
        group,
        aliases: Vec::new(),
        icon: icon.map(str::to_owned),
        severity: Severity::Critical,
        runbook_url: None,
        was: None,
        depends_on: Vec::new(),
        checks: vec![Check {
            kind: CheckKind::Health,
            policy: Policy::default(),
            question: Question::Health(Arc::new(HealthQuestion {
                role_field: None,
                url: "https://blue.example.test/health".parse().expect("a URL"),
                url_secrets: Vec::new(),
                headers: Vec::new(),
                credentials: None,
                format: None,
                critical_components: Vec::new(),
                rules: Vec::new(),
                connection: Connection::default(),
                http_version: HttpVersion::default(),
                ip: IpFamily::default(),
                all_addresses: false,
                tls: TlsSettings::default(),
            })),
        }],
    }
}

pub(crate) fn board(targets: Vec<Target>) -> Board {
    let mut groups: Vec<Group> = Vec::new();
    for name in targets.iter().filter_map(|target| target.group.clone()) {
        if groups.iter().all(|group| group.name != name) {
            groups.push(Group {
                is_always_active: false,
                is_production: false,
                name,
                aliases: Vec::new(),
                team: None,
            });
        }
    }
    let plan = Plan {
        actions: Arc::default(),
        replies: Arc::default(),
        releases: hekate::model::release::ReleaseSettings::default(),
        server: Server {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
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
        page: hekate::model::page::PageSettings::default(),
        dead_man: None,
        channels: BTreeMap::<ChannelName, Channel>::new(),
        on_call: BTreeMap::new(),
        groups,
        targets: targets.into_iter().map(Arc::new).collect(),
        groups_incidents: true,
        damps_flapping: true,
        witnesses: Arc::default(),
        maintenance: Arc::default(),
        slos: Arc::default(),
        routes: Vec::new(),
    };
    let board = Board::of(&plan, NOW, None);
    for (at, row) in board.rows.iter().enumerate() {
        let age = u64::try_from(at % 14).expect("small");
        row.set_looked(ago(age + 1), Duration::from_millis(19 + age * 7));
        row.set_facts(facts(Verdict::Operational, "HTTP 200", 86_400));
    }
    board
}

pub(crate) fn facts(verdict: Verdict, words: &str, since_s: u64) -> Facts {
    Facts {
        verdict,
        settled: verdict,
        reason: Reason {
            rule: Rule::FirstLook,
            words: words.to_owned(),
        },
        incident: (verdict != Verdict::Operational).then(|| IncidentId::new("k7f2")),
        ..Facts::unknown(ago(since_s))
    }
}

pub(crate) fn set(board: &Board, id: &str, verdict: Verdict, words: &str, since_s: u64) {
    board
        .row(&TargetId::new(id))
        .unwrap_or_else(|| panic!("{id} is not on the board"))
        .set_facts(facts(verdict, words, since_s));
}

/// Ten targets: two groups of four colours, and two without a group.
pub(crate) fn ten() -> Board {
    let mut targets = Vec::new();
    for group in ["master", "staging"] {
        for color in ["green", "blue", "purple", "yellow"] {
            let icon = format!(":hekate-{color}:");
            targets.push(target(Some(group), color, Some(&icon)));
        }
    }
    targets.push(target(None, "unicorn", Some(":satellite_antenna:")));
    targets.push(target(None, "nastenka", None));
    let board = board(targets);
    set(
        &board,
        "master/blue",
        Verdict::Down,
        "HTTP 503, db is down",
        240,
    );
    set(
        &board,
        "staging/green",
        Verdict::Degraded,
        "slower than 2 s",
        130,
    );
    set(
        &board,
        "staging/purple",
        Verdict::Unknown,
        "HTTP 403, we are not let in",
        90_000,
    );
    set(
        &board,
        "nastenka",
        Verdict::Suspect,
        "connection refused",
        4,
    );
    if let Some(row) = board.row(&TargetId::new("unicorn")) {
        row.set_looked(ago(200), Duration::from_millis(12));
    }
    board
}

/// Groups of this size, as many as it takes, with some trouble in every tenth group.
pub(crate) fn fleet(count: usize, per_group: usize) -> Board {
    const NAMES: [&str; 40] = [
        "api", "auth", "billing", "cart", "catalog", "cdn", "chat", "cron", "events", "export",
        "feed", "geo", "graph", "hooks", "import", "jobs", "kpi", "ledger", "mail", "media",
        "notify", "orders", "pay", "quota", "rank", "report", "search", "session", "stats", "sync",
        "tags", "track", "upload", "users", "video", "wallet", "web", "widget", "xfer", "zones",
    ];
    let targets = (0..count)
        .map(|at| {
            let group = at / per_group;
            let name = match group / NAMES.len() {
                0 => NAMES[group].to_owned(),
                round => format!("{}-{}", NAMES[group % NAMES.len()], round + 1),
            };
            target(Some(&name), &format!("{:02}", at % per_group + 1), None)
        })
        .collect();
    let board = board(targets);
    for (at, row) in board.rows.iter().enumerate() {
        let (group, member) = (at / per_group, at % per_group);
        match (group % 10, member) {
            (2, 0..14) => row.set_facts(facts(Verdict::Down, "connection refused", 180)),
            (9, 3) => row.set_facts(facts(Verdict::Down, "HTTP 500, migration pending", 50)),
            (7, 0..2) => row.set_facts(facts(Verdict::Degraded, "slower than 2 s", 125)),
            (6, 1) => row.set_facts(facts(
                Verdict::Unknown,
                "HTTP 403, we are not let in",
                4_000,
            )),
            _ => {}
        }
    }
    board
}

/// Everything is down, and each for a long reason of its own.
pub(crate) fn disaster(count: usize, per_group: usize) -> Board {
    let board = fleet(count, per_group);
    for (at, row) in board.rows.iter().enumerate() {
        let words = format!(
            "reason {at}: {}",
            "everything that could fail did 🔥 ".repeat(8)
        );
        row.set_facts(facts(Verdict::Down, &words, 60));
    }
    board.ourselves.store(Arc::new(Ourselves {
        store_trouble: Some((String::from("no space left on device"), NOW)),
        ..Ourselves::default()
    }));
    board
}

pub(crate) fn status(board: &Board) -> Status {
    Status::of(board, &board.rows, NOW, String::new(), "/roih")
}

pub(crate) const OPTIONS: Options<'static> = Options {
    timezone: chrono_tz::Europe::Prague,
    public_url: Some("https://status.example.test"),
};
