//! The plans that the simulated fleets live by.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use hekate::model::{
    Channel, ChannelName, Check, CheckKind, Group, GroupName, OnCallName, Plan, Policy, Route,
    Secret, Severity, Target, TargetId,
    plan::{
        Connection, Destination, HealthQuestion, HttpVersion, IpFamily, Matcher, OnCall, Question,
        Server, SlackSettings, StoreSettings, TlsSettings,
    },
    quiet_hours::QuietHours,
};

use crate::eyes;

/// A target `group/name`, or `name`.
pub(crate) fn target(id: &str) -> Target {
    let (group, name) = id.split_once('/').map_or((None, id), |(group, name)| {
        (Some(GroupName::new(group)), name)
    });
    let question = HealthQuestion {
        role_field: None,
        // What is in no group is on one host, what is in a group on hosts of its own: both are told together if they fail together.
        url: match &group {
            Some(group) => format!("http://{name}.{group}.test/health"),
            None => String::from("http://shared.test/health"),
        }
        .parse()
        .expect("an address"),
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
    };
    Target {
        id: TargetId::new(id),
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
            question: Question::Health(Arc::new(question)),
        }],
    }
}

fn channel(name: &str, fallback: Option<&str>) -> (ChannelName, Channel) {
    let name = ChannelName::new(name);
    let channel = Channel {
        name: name.clone(),
        label: None,
        destination: Destination::SlackWebhook {
            url: Secret::new(format!("http://127.0.0.1:9/{name}")),
        },
        fallback: fallback.map(ChannelName::new),
        max_messages: None,
    };
    (name, channel)
}

/// Whoever is mentioned where `master` is told, and sleeps from ten to seven.
fn sleeper() -> OnCall {
    OnCall {
        name: OnCallName::new("core"),
        user_group: Some(String::from("S0CORE01")),
        users: Vec::new(),
        rota: None,
        quiet_hours: Some(QuietHours {
            from_minute: 22 * 60,
            to_minute: 7 * 60,
            timezone: chrono_tz::Europe::Prague,
            severities: vec![Severity::Warning],
        }),
    }
}

/// The fleet of these targets: `master/…` is told to `disaster` and `core`, the rest to `core`. A channel that was taken
/// out of the file has its place taken by `ops`.
pub(crate) fn plan(
    folder: &Path,
    targets: Vec<Target>,
    without: &[&str],
    groups_incidents: bool,
    damps_flapping: bool,
) -> Plan {
    let there = |name: &'static str| if without.contains(&name) { "ops" } else { name };
    let to = |names: &[&'static str]| Route {
        matcher: Matcher::default(),
        to: names
            .iter()
            .map(|name| ChannelName::new(there(name)))
            .collect(),
        mention: None,
        remind_after: Vec::new(),
        goes_on: false,
    };
    let master = Route {
        matcher: Matcher {
            groups: vec![GroupName::new("master")],
            ..Matcher::default()
        },
        mention: Some(OnCallName::new("core")),
        remind_after: vec![Duration::from_mins(30), Duration::from_hours(2)],
        ..to(&["disaster", "core"])
    };
    Plan {
        actions: Arc::default(),
        replies: Arc::default(),
        releases: hekate::model::release::ReleaseSettings::default(),
        server: Server {
            listen: "127.0.0.1:0".parse().expect("an address"),
            public_url: None,
            // Its summer time ends while a world lasts.
            timezone: chrono_tz::Europe::Prague,
            token: None,
            ping_key: None,
        },
        store: StoreSettings {
            path: folder.to_owned(),
            retention: Duration::from_hours(24 * 400),
        },
        slack: SlackSettings {
            command: String::from("/roih"),
            signing_secrets: Vec::new(),
            ..SlackSettings::default()
        },
        page: hekate::model::page::PageSettings::default(),
        dead_man: None,
        channels: [
            channel("disaster", Some(there("core"))),
            channel("core", Some("ops")),
            channel("ops", None),
        ]
        .into_iter()
        .filter(|(name, _)| !without.contains(&name.as_str()))
        .collect::<BTreeMap<_, _>>(),
        on_call: BTreeMap::new(),
        groups: Vec::new(),
        targets: targets.into_iter().map(Arc::new).collect(),
        groups_incidents,
        damps_flapping,
        witnesses: eyes::witnesses(),
        maintenance: Arc::default(),
        slos: Arc::default(),
        routes: vec![master, to(&["core"])],
    }
}

/// Makes a group hold up production, and tells of disasters where hekate's own trouble is told.
pub(crate) fn hold_production(plan: &mut Plan) {
    plan.groups = vec![Group {
        name: GroupName::new("master"),
        aliases: Vec::new(),
        team: None,
        is_always_active: false,
        is_production: true,
    }];
    let disasters = Route {
        matcher: Matcher {
            severities: vec![Severity::Disaster],
            ..Matcher::default()
        },
        to: vec![ChannelName::new("ops")],
        mention: None,
        remind_after: Vec::new(),
        goes_on: true,
    };
    plan.routes.insert(0, disasters);
}

/// What can wait is told in the morning.
pub(crate) fn let_sleep(plan: &mut Plan) {
    let sleeper = sleeper();
    plan.on_call.insert(sleeper.name.clone(), sleeper);
}

/// The trouble of these can wait.
pub(crate) fn make_minor(plan: &mut Plan, minor: &[&str]) {
    for target in &mut plan.targets {
        if minor.contains(&target.id.as_str()) {
            Arc::make_mut(target).severity = Severity::Warning;
        }
    }
}
