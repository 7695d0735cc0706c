//! Every explanation's example shows its problem and every fix has none; the rest of the stories is in `tests/config.rs`.

use std::fmt::Write as _;

use expect_test::expect;

use super::*;

fn environment() -> Environment {
    Environment::of([
        (
            "SLACK_WEBHOOK_URL",
            "https://hooks.slack.com/services/T0/B0/abcdefghijkl",
        ),
        ("TOKEN", "a-token-of-many-characters"),
        ("BOT_TOKEN", "xoxb-0-0-not-a-secret"),
        ("APP_TOKEN", "xapp-1-A0-0-not-a-secret"),
        ("SHORT", "short"),
        ("BROKEN", "whsec_this is not Base64 at all"),
        ("BLANK", ""),
    ])
}

/// The snippet as a whole file: with a channel and a target if it has none.
fn whole(snippet: &str) -> String {
    let mut out = snippet.to_owned();
    if !snippet.contains("channels:") {
        out.push_str("channels:\n  alerts: \"${SLACK_WEBHOOK_URL}\"\n");
    }
    if !snippet.contains("targets:") {
        out.push_str("targets:\n  - name: api\n    health: \"https://api.example.test/health\"\n");
    }
    out
}

#[test]
fn every_code_is_explained_by_an_example_that_shows_it_and_a_fix_that_loads() {
    // Of these the example is no text of a file, or the fix needs a file that is not here, or it is right in this build.
    let untold = [
        Code::ReadersDiffer,
        Code::TooMuch,
        Code::Unreadable,
        Code::NotBuilt,
    ];
    let mut wrong = String::new();
    for code in Code::ALL {
        let Some(explanation) = explanation(code.as_str()) else {
            writeln!(wrong, "{code} has no explanation").unwrap();
            continue;
        };
        assert!(!explanation.cause.is_empty() && !explanation.title.is_empty());
        if untold.contains(code) {
            continue;
        }
        let example = if *code == Code::EmptyFile {
            explanation.example.to_owned()
        } else {
            whole(explanation.example)
        };
        let before = load_text("example.yaml", &example, &environment());
        if !before
            .report
            .problems
            .iter()
            .any(|problem| problem.code == *code)
        {
            writeln!(
                wrong,
                "{code}: the example gives\n{}",
                before.report.render(Format::Human, false)
            )
            .unwrap();
        }
        let after = load_text("fix.yaml", &whole(explanation.fix), &environment());
        if !after.report.problems.is_empty() {
            writeln!(
                wrong,
                "{code}: the fix gives\n{}",
                after.report.render(Format::Human, false)
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(explanations().len(), Code::ALL.len());
    assert!(explanation("h0102").is_some() && explanation("H9999").is_none());
}

fn plan(text: &str) -> Arc<Plan> {
    let outcome = load_text("targets.yaml", text, &environment());
    let said = outcome.report.render(Format::Human, false);
    outcome.plan.unwrap_or_else(|| panic!("{said}"))
}

#[test]
#[expect(clippy::too_many_lines, reason = "what is expected is long")]
fn five_lines_are_enough() {
    let plan = plan(include_str!("../../examples/minimal.yaml"));
    let mut out = String::new();
    writeln!(out, "{:#?}", plan.server).unwrap();
    writeln!(out, "{:#?}", plan.store).unwrap();
    writeln!(out, "{:#?}", plan.channels.values().collect::<Vec<_>>()).unwrap();
    writeln!(out, "{:#?}", plan.targets).unwrap();
    writeln!(out, "{:#?}", plan.routes).unwrap();
    expect![[r#"
        Server {
            listen: 127.0.0.1:8080,
            public_url: None,
            timezone: UTC,
            token: None,
            ping_key: None,
        }
        StoreSettings {
            path: "data",
            retention: 34560000s,
        }
        [
            Channel {
                name: "alerts",
                label: None,
                destination: SlackWebhook {
                    url: (redacted),
                },
                fallback: None,
                max_messages: None,
            },
        ]
        [
            Target {
                id: "api",
                name: "api",
                group: None,
                aliases: [],
                icon: None,
                severity: Critical,
                runbook_url: None,
                was: None,
                depends_on: [],
                checks: [
                    Check {
                        kind: Health,
                        policy: Policy {
                            interval: 30s,
                            timeout: 5s,
                            spans: Spans {
                                explicit: 8s,
                                refused: 12s,
                                silent: 20s,
                            },
                            count: None,
                            successes: 3,
                            slow_after: 2s,
                        },
                        question: Health(
                            HealthQuestion {
                                url: Url {
                                    scheme: "https",
                                    cannot_be_a_base: false,
                                    username: "",
                                    password: None,
                                    host: Some(
                                        Domain(
                                            "api.example.test",
                                        ),
                                    ),
                                    port: None,
                                    path: "/health",
                                    query: None,
                                    fragment: None,
                                },
                                url_secrets: [],
                                headers: [],
                                credentials: None,
                                format: None,
                                critical_components: [],
                                rules: [],
                                connection: Fresh,
                                http_version: Http1,
                                ip: Auto,
                                all_addresses: false,
                                tls: TlsSettings {
                                    ca_pem: None,
                                    certificate_pem: None,
                                    key_pem: None,
                                    server_name: None,
                                    insecure: false,
                                },
                                role_field: None,
                            },
                        ),
                    },
                ],
            },
        ]
        [
            Route {
                matcher: Matcher {
                    groups: [],
                    targets: [],
                    severities: [],
                    states: [],
                    roles: [],
                    components: [],
                },
                to: [
                    "alerts",
                ],
                mention: None,
                remind_after: [],
                goes_on: false,
            },
        ]
    "#]]
    .assert_eq(&out);
}

#[test]
fn the_nearest_that_says_something_decides() {
    let plan = plan(
        r#"
channels: { alerts: "${SLACK_WEBHOOK_URL}" }
defaults: { interval: 1m, failures: 3 of 5, severity: warning }
groups:
  quick: { interval: 10s, confirm: { explicit: 4s }, successes: 2 }
  counted: { failures: 2 }
targets:
  - { name: a, health: "https://a.example.test" }
  - { name: b, group: quick, health: "https://b.example.test" }
  - { name: c, group: quick, interval: 3s, severity: info, health: "https://c.example.test" }
  - { name: d, group: counted, timeout: 20s, slow_after: 10s, confirm: 1m, health: "https://d.example.test" }
  - { name: e, group: counted, health: "https://e.example.test" }
"#,
    );
    let mut out = String::new();
    for target in &plan.targets {
        let policy = &target.checks[0].policy;
        let spans = policy.spans;
        writeln!(
            out,
            "{:9} {:8} {:?} {:?} {:?}/{:?}/{:?} {:?} {} {:?}",
            target.id,
            target.severity,
            policy.interval,
            policy.timeout,
            spans.explicit,
            spans.refused,
            spans.silent,
            policy.count.map(|count| (count.failures, count.of)),
            policy.successes,
            policy.slow_after,
        )
        .unwrap();
    }
    expect![[r#"
        a         warning  60s 5s 8s/12s/20s Some((3, 5)) 3 2s
        quick/b   warning  10s 5s 4s/12s/20s None 2 2s
        quick/c   info     3s 2.4s 4s/12s/20s None 2 1.2s
        counted/d warning  60s 20s 60s/60s/60s None 3 10s
        counted/e warning  60s 5s 8s/12s/20s Some((2, 2)) 3 2s
    "#]]
    .assert_eq(&out);
}

#[test]
#[expect(clippy::too_many_lines, reason = "what is expected is long")]
fn references_are_resolved() {
    let plan = plan(
        r##"
channels:
  core: { slack: core, webhook_url: "${SLACK_WEBHOOK_URL}", fallback: data }
  data: "${SLACK_WEBHOOK_URL}"
  ops: "${SLACK_WEBHOOK_URL}"
on_call: { night: { users: U0ALICE } }
server: { listen: "localhost:9000", public_url: "https://status.example.test/hekate/" }
targets:
  - { name: blue, group: master, was: azure, health: "https://a.example.test" }
  - { name: green, group: master, was: old/green, health: "https://b.example.test" }
  - { name: green, group: cron, was: /green, health: "https://c.example.test" }
  - name: asked
    health:
      url: "https://d.example.test/?key=${TOKEN}"
      headers: { X-Team: core }
      basic: { username: hekate, password: "a$$b${TOKEN}" }
      format: spring3
      connection: reuse
      http_version: 2
      ip: v6
      rules: [{ if: '$.status == "UP"', then: operational }]
routes:
  - { match: { target: [blue, cron/green], state: down }, to: core, mention: night, remind_after: 30m }
  - { match: { group: master, severity: [critical] }, to: [core, data], continue: true }
  - { to: ops }
"##,
    );
    let mut out = String::new();
    writeln!(out, "{} {:?}", plan.server.listen, plan.server.public_url).unwrap();
    for channel in plan.channels.values() {
        writeln!(out, "{} -> {:?}", channel.title(), channel.fallback).unwrap();
    }
    for group in &plan.groups {
        writeln!(out, "group {}", group.name).unwrap();
    }
    for target in &plan.targets {
        writeln!(out, "{} was {:?}", target.id, target.was).unwrap();
    }
    for route in &plan.routes {
        writeln!(out, "{route:?}").unwrap();
    }
    writeln!(out, "{:#?}", plan.targets[3].checks[0].question).unwrap();
    expect![[r#"
        127.0.0.1:9000 Some("https://status.example.test/hekate")
        #core -> Some("data")
        data -> Some("ops")
        ops -> None
        group master
        group cron
        master/blue was Some("master/azure")
        master/green was Some("old/green")
        cron/green was Some("green")
        asked was None
        Route { matcher: Matcher { groups: [], targets: ["master/blue", "cron/green"], severities: [], states: [Down], roles: [], components: [] }, to: ["core"], mention: Some("night"), remind_after: [1800s], goes_on: false }
        Route { matcher: Matcher { groups: ["master"], targets: [], severities: [Critical], states: [], roles: [], components: [] }, to: ["core", "data"], mention: None, remind_after: [], goes_on: true }
        Route { matcher: Matcher { groups: [], targets: [], severities: [], states: [], roles: [], components: [] }, to: ["ops"], mention: None, remind_after: [], goes_on: false }
        Health(
            HealthQuestion {
                url: Url {
                    scheme: "https",
                    cannot_be_a_base: false,
                    username: "",
                    password: None,
                    host: Some(
                        Domain(
                            "d.example.test",
                        ),
                    ),
                    port: None,
                    path: "/***",
                    query: None,
                    fragment: None,
                },
                url_secrets: [
                    (redacted),
                ],
                headers: [
                    (
                        "X-Team",
                        (redacted),
                    ),
                ],
                credentials: Some(
                    Basic {
                        username: "hekate",
                        password: (redacted),
                    },
                ),
                format: Some(
                    Spring3,
                ),
                critical_components: [],
                rules: [
                    HealthRule {
                        subject: Json(
                            JsonPath(
                                Query {
                                    kind: Root,
                                    segments: [
                                        QuerySegment {
                                            kind: Child,
                                            segment: DotName(
                                                "status",
                                            ),
                                        },
                                    ],
                                },
                            ),
                        ),
                        comparison: Equal,
                        value: Some(
                            String("UP"),
                        ),
                        then: Operational,
                        say: "$.status == \"UP\"",
                    },
                ],
                connection: Reuse,
                http_version: Http2,
                ip: V6,
                all_addresses: false,
                tls: TlsSettings {
                    ca_pem: None,
                    certificate_pem: None,
                    key_pem: None,
                    server_name: None,
                    insecure: false,
                },
                role_field: None,
            },
        )
    "#]].assert_eq(&out);
    let crate::model::plan::Question::Health(question) = &plan.targets[3].checks[0].question else {
        panic!("it is a health check");
    };
    let Some(crate::model::plan::Credentials::Basic { password, .. }) = &question.credentials
    else {
        panic!("there is a password");
    };
    assert_eq!(password.expose(), "a$ba-token-of-many-characters");
}

#[test]
fn a_preview_needs_no_variable_and_reaches_nobody() {
    let text = r#"
slack: { signing_secret: "${NOBODY}" }
dead_man: { url: "${NOBODY}" }
channels:
  alerts: "${NOBODY}"
  given: { webhook_url: "${SLACK_WEBHOOK_URL}" }
  pager: { signed_webhook: { url: "${NOBODY:?say so}", secret: "${NOBODY}" } }
targets: [{ name: api, health: "https://api.example.test" }]
routes: [{ to: [alerts, given, pager] }]
"#;
    let strict = load_text("a", text, &environment());
    assert_eq!(strict.report.errors(), 5);
    let plan = load_text("a", text, &environment().for_preview())
        .plan
        .unwrap();
    assert!(plan.slack.signing_secrets.is_empty() && plan.dead_man.is_none());
    let mut out = String::new();
    for channel in plan.channels.values() {
        match &channel.destination {
            crate::model::plan::Destination::SlackWebhook { url }
            | crate::model::plan::Destination::SignedWebhook { url, .. } => {
                writeln!(out, "{} {}", channel.name, url.expose()).unwrap();
            }
            crate::model::plan::Destination::SlackBot { channel, .. } => {
                writeln!(out, "{channel}").unwrap();
            }
        }
    }
    expect![[r#"
        alerts http://127.0.0.1:9/preview/alerts
        given https://hooks.slack.com/services/T0/B0/abcdefghijkl
        pager http://127.0.0.1:9/preview
    "#]]
    .assert_eq(&out);
}

/// Whoever may read logs, messages and the terminal may not learn a secret from a mistake beside it.
#[test]
fn no_secret_is_ever_shown() {
    let canary = "kAnArYkAnArYkAnArY";
    let hook = format!("https://hooks.slack.com/services/T0/B0/{canary}");
    let shipped = include_str!("../../targets.yaml");
    let mut texts = Vec::new();
    // In every place where a person might paste it …
    let places = [
        "channels: { alerts: \"@\" }\nroutes: nonsense",
        "channels: { alerts: { slack: \"@\", webhook_url: \"@\", webhok_url: \"@\" } }",
        "channels: [\"@\"]",
        "channels: { alerts: \"@ @\" }",
        "channels: { \"@\": \"@\" }",
        "channels: { alerts: { signed_webhook: { url: \"@\", secret: @, scret: @ } } }",
        "routes: [{ to: \"@\", mention: \"@\", match: { group: \"@\", target: \"@\", state: \"@\" }, remind_after: \"@\" }]",
        "defaults: { interval: \"@\", severity: \"@\", failures: \"@\" }",
        "server: { listen: \"@\", timezone: \"@\", public_url: \"@x\" }",
        "slack: { command: \"@\", signing_secret: \"@\", previous_signing_secret: [\"@\"] }",
        "on_call: { core: { user_group: \"@\", users: \"@\" } }",
        "targets: [{ name: \"@\", group: \"@\", icon: \"@\", was: \"@\", health: \"@ \" }]",
        "targets: [{ name: a, health: { url: \"@@\", bearer: \"@\nx\", basic: { username: \"a:b\", password: \"@\" }, headers: { Authorization: \"@é\", \"@\": \"@\" } } }]",
        "dead_man: { url: \"@\", every: \"@\" }\n\"@\": \"@\"",
        // … also where the YAML is broken.
        "channels: { alerts: \"@\n",
        "channels: { alerts: { webhook_url: @ }\nx",
        "\talerts: @",
    ];
    for place in places {
        texts.push(format!("{}\n", place.replace('@', &hook)));
        texts.push(
            shipped.replace("${SLACK_WEBHOOK_OPS}", &hook) + place.replace('@', &hook).as_str(),
        );
    }
    texts.push(format!("channels: {{ a: {{ webhook_url: \"{canary}\" }} }}\nslack: {{ signing_secret: {canary}, command: 5 }}\n"));
    texts.push(format!("targets:\n- name: a\n  health:\n    bearer: {canary}\n    basic: {{ password: {canary}, pasword: {canary} }}\n"));
    texts.push(format!("targets:\n- name: a\n  health: {{ url: \"https://me:{canary}@host.example.test/?{canary}\", headers: {{ X-Api-Key: {canary} }}, x: }}\n"));
    // And in the environment, where only the value is wrong.
    texts.push(String::from("channels: { a: \"${CANARY}\" }\ntargets: [{ name: a, health: { url: \"${CANARY}\", bearer: \"${CANARY}é\" } }]\n"));
    let environment = Environment::of([("CANARY", format!("ftp://{canary} {canary}@x"))]);
    for text in texts {
        let outcome = load_text("a.yaml", &text, &environment);
        assert!(!outcome.report.problems.is_empty(), "{text}");
        for format in [Format::Human, Format::Short, Format::Json, Format::Github] {
            let said = outcome.report.render(format, false);
            assert!(!said.contains(canary), "{text}\n{said}");
        }
        let said = format!(
            "{} {outcome:?} {environment:?}",
            outcome.report.first_line()
        );
        assert!(!said.contains(canary), "{text}\n{said}");
    }
}

#[test]
fn hostile_yaml_is_refused_quickly() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        let _ = writeln!(
            bomb,
            "a{level}: &a{level} [{}]",
            vec![before; 10].join(", ")
        );
    }
    let cases = [
        (bomb, Code::TooMuch),
        ("[".repeat(100_000), Code::TooMuch),
        ("- ".repeat(100_000), Code::TooMuch),
        (String::from("a: &x [*x]"), Code::Syntax),
        (String::from("? [a]\n: b"), Code::WrongType),
        (String::from("- a"), Code::WrongType),
        (String::from("just text"), Code::WrongType),
        (String::from("\u{feff}"), Code::EmptyFile),
        (String::from("---\n...\n"), Code::EmptyFile),
    ];
    for (text, code) in cases {
        let outcome = load_text("a.yaml", &text, &environment());
        let codes: Vec<_> = outcome
            .report
            .problems
            .iter()
            .map(|problem| problem.code)
            .collect();
        assert!(codes.contains(&code), "{text:.80}: {codes:?}");
    }
}

#[test]
fn files_that_cannot_be_read_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("big.yaml"), vec![b'#'; 1024 * 1024 + 1]).unwrap();
    std::fs::write(path("latin.yaml"), b"a: 1\nname: modr\xe1\n").unwrap();
    std::fs::create_dir(path("empty")).unwrap();
    std::fs::create_dir(path("parts")).unwrap();
    std::fs::write(path("parts/a.yaml"), "# nothing\n").unwrap();
    std::fs::write(path("parts/.hidden.yaml"), "x").unwrap();
    std::fs::write(path("parts/b.yaml"), "a: [\n").unwrap();
    std::fs::write(path("parts/c.yml"), "groups: { a: {} }\ntargets: 5\n").unwrap();
    let secrets = r#"
slack: { signing_secret_file: /dev/zero, previous_signing_secret_file: blank }
channels: { alerts: { webhook_url_file: hook } }
targets: [{ name: api, health: { url: "https://api.example.test", bearer_file: . } }]
"#;
    std::fs::write(path("secrets.yaml"), secrets).unwrap();
    std::fs::write(path("blank"), "\n").unwrap();
    std::fs::write(path("hook"), "https://hooks.slack.com/services/T0/B0/x\n").unwrap();
    let mut out = String::new();
    for name in [
        "big.yaml",
        "latin.yaml",
        "empty",
        "parts",
        "nowhere.yaml",
        "secrets.yaml",
    ] {
        let outcome = load(&path(name), &environment());
        let said = outcome.report.render(Format::Short, false);
        out.push_str(&said.replace(&folder.path().display().to_string(), "…"));
        writeln!(out, "  {} files", outcome.files.len()).unwrap();
    }
    expect![[r#"
        …/big.yaml:1:1: error[H0117]: …/big.yaml is larger than 1 MiB
          1 files
        …/latin.yaml:1:1: error[H0102]: unknown field `a`
        …/latin.yaml:2:1: error[H0102]: unknown field `name`
        …/latin.yaml:2:11: error[H0118]: …/latin.yaml is not UTF-8 text
          1 files
        …/empty:1:1: error[H0118]: there is no .yaml or .yml file in …/empty
          0 files
        …/parts/b.yaml:1:1: error[H0101]: a value is missing or cannot be read here
        …/parts/c.yml:2:10: error[H0105]: `targets` should be a list, not a number
          3 files
        …/nowhere.yaml:1:1: error[H0118]: …/nowhere.yaml cannot be read: No such file or directory (os error 2)
          1 files
        …/secrets.yaml:2:31: error[H0134]: the file of `signing_secret_file` of `slack` cannot be read: it is not a file
        …/secrets.yaml:2:72: error[H0134]: the file of `previous_signing_secret_file` of `slack` is empty
        …/secrets.yaml:4:80: error[H0134]: the file of `bearer_file` of `health` of `api` cannot be read: it is not a file
          5 files
    "#]].assert_eq(&out);
}

#[test]
#[expect(clippy::too_many_lines, reason = "what is expected is long")]
fn the_other_formats_say_the_same() {
    let text = "channels: { ž, a: 1 }\ndefaults: { interval: 30, timeout: 100%, x,y: 1 }\n";
    let report = load_text("a,b.yaml", text, &environment()).report;
    let mut out = String::new();
    for format in [Format::Short, Format::Github, Format::Json] {
        out.push_str(&report.render(format, false));
    }
    writeln!(out, "{}", report.first_line()).unwrap();
    expect![[r#"
        a,b.yaml:1:1: error[H0207]: there is no target, so there is nothing to watch
        a,b.yaml:1:13: error[H0126]: `ž` is empty
        a,b.yaml:1:16: error[H0214]: there are 2 channels, but no `routes` that say which one hears of what
        a,b.yaml:1:19: error[H0122]: `webhook_url` of channel `a` is not a usable address
        a,b.yaml:2:23: error[H0110]: `30` has no unit
        a,b.yaml:2:36: error[H0110]: `100%` is not a duration
        a,b.yaml:2:42: error[H0102]: unknown field `x`
        a,b.yaml:2:44: error[H0102]: unknown field `y`
        ::error file=a%2Cb.yaml,line=1,endLine=1,col=1,endColumn=9,title=H0207::there is no target, so there is nothing to watch%0Aadd `targets:` with `- { name: api, health: "https://api.example.test/health" }`
        ::error file=a%2Cb.yaml,line=1,endLine=1,col=13,endColumn=14,title=H0126::`ž` is empty%0Agive it a value, or remove the key
        ::error file=a%2Cb.yaml,line=1,endLine=1,col=16,endColumn=17,title=H0214::there are 2 channels, but no `routes` that say which one hears of what%0Aadd `routes:` with `- to: [ž]`
        ::error file=a%2Cb.yaml,line=1,endLine=1,col=19,endColumn=20,title=H0122::`webhook_url` of channel `a` is not a usable address%0Ait should begin with https:// or http://%0Aan address looks like https://api.example.test/health
        ::error file=a%2Cb.yaml,line=2,endLine=2,col=23,endColumn=25,title=H0110::`30` has no unit%0Adid you mean `30s`?%0Awrite durations like 500ms, 30s, 1m 30s, 2h, 14d
        ::error file=a%2Cb.yaml,line=2,endLine=2,col=36,endColumn=40,title=H0110::`100%25` is not a duration%0Ait is not a number and a unit%0Awrite durations like 500ms, 30s, 1m 30s, 2h, 14d
        ::error file=a%2Cb.yaml,line=2,endLine=2,col=42,endColumn=43,title=H0102::unknown field `x`%0A`defaults` may have: interval, timeout, confirm, failures, successes, slow_after, severity
        ::error file=a%2Cb.yaml,line=2,endLine=2,col=44,endColumn=45,title=H0102::unknown field `y`%0A`defaults` may have: interval, timeout, confirm, failures, successes, slow_after, severity
        {
          "errors": 8,
          "problems": [
            {
              "code": "H0207",
              "help": [
                "add `targets:` with `- { name: api, health: \"https://api.example.test/health\" }`"
              ],
              "label": "",
              "level": "error",
              "message": "there is no target, so there is nothing to watch",
              "notes": [],
              "others": [],
              "place": {
                "column": 1,
                "end_column": 9,
                "end_line": 1,
                "file": "a,b.yaml",
                "line": 1
              }
            },
            {
              "code": "H0126",
              "help": [
                "give it a value, or remove the key"
              ],
              "label": "",
              "level": "error",
              "message": "`ž` is empty",
              "notes": [],
              "others": [],
              "place": {
                "column": 13,
                "end_column": 14,
                "end_line": 1,
                "file": "a,b.yaml",
                "line": 1
              }
            },
            {
              "code": "H0214",
              "help": [
                "add `routes:` with `- to: [ž]`"
              ],
              "label": "",
              "level": "error",
              "message": "there are 2 channels, but no `routes` that say which one hears of what",
              "notes": [],
              "others": [
                {
                  "label": "",
                  "place": {
                    "column": 13,
                    "end_column": 14,
                    "end_line": 1,
                    "file": "a,b.yaml",
                    "line": 1
                  }
                }
              ],
              "place": {
                "column": 16,
                "end_column": 17,
                "end_line": 1,
                "file": "a,b.yaml",
                "line": 1
              }
            },
            {
              "code": "H0122",
              "help": [
                "an address looks like https://api.example.test/health"
              ],
              "label": "it should begin with https:// or http://",
              "level": "error",
              "message": "`webhook_url` of channel `a` is not a usable address",
              "notes": [],
              "others": [],
              "place": {
                "column": 19,
                "end_column": 20,
                "end_line": 1,
                "file": "a,b.yaml",
                "line": 1
              }
            },
            {
              "code": "H0110",
              "help": [
                "write durations like 500ms, 30s, 1m 30s, 2h, 14d"
              ],
              "label": "did you mean `30s`?",
              "level": "error",
              "message": "`30` has no unit",
              "notes": [],
              "others": [],
              "place": {
                "column": 23,
                "end_column": 25,
                "end_line": 2,
                "file": "a,b.yaml",
                "line": 2
              }
            },
            {
              "code": "H0110",
              "help": [
                "write durations like 500ms, 30s, 1m 30s, 2h, 14d"
              ],
              "label": "it is not a number and a unit",
              "level": "error",
              "message": "`100%` is not a duration",
              "notes": [],
              "others": [],
              "place": {
                "column": 36,
                "end_column": 40,
                "end_line": 2,
                "file": "a,b.yaml",
                "line": 2
              }
            },
            {
              "code": "H0102",
              "help": [
                "`defaults` may have: interval, timeout, confirm, failures, successes, slow_after, severity"
              ],
              "label": "",
              "level": "error",
              "message": "unknown field `x`",
              "notes": [],
              "others": [],
              "place": {
                "column": 42,
                "end_column": 43,
                "end_line": 2,
                "file": "a,b.yaml",
                "line": 2
              }
            },
            {
              "code": "H0102",
              "help": [
                "`defaults` may have: interval, timeout, confirm, failures, successes, slow_after, severity"
              ],
              "label": "",
              "level": "error",
              "message": "unknown field `y`",
              "notes": [],
              "others": [],
              "place": {
                "column": 44,
                "end_column": 45,
                "end_line": 2,
                "file": "a,b.yaml",
                "line": 2
              }
            }
          ],
          "warnings": 0
        }
        a,b.yaml:1:1: error[H0207]: there is no target, so there is nothing to watch (and 7 more)
    "#]].assert_eq(&out);
    assert!(report.render(Format::Human, true).contains("\u{1b}["));
    assert_eq!(Report::default().first_line(), "");
    assert_eq!(Report::default().render(Format::Human, false), "");
}

#[test]
fn what_was_found_becomes_targets_and_what_cannot_be_one_is_left_out() {
    let text = r#"
channels: { ops: "${SLACK_WEBHOOK_URL}" }
groups: { core: { aliases: kernel } }
targets:
  - { name: here, group: core, health: "https://here.example.test/health" }
discovery:
  shops:
    http_sd: "https://inventory.example.test/sd"
    target: { name: "{{host}}", group: "{{label.group}}", health: { url: "http://{{address}}/health", bearer: "${TOKEN}" } }
"#;
    let mut list = Vec::new();
    for (address, group) in [
        ("a.example.test:8080", "core"),
        ("a.example.test:9090", "core"),
        ("here", "core"),
        ("kernel", "core"),
        ("b.example.test", "other"),
        ("user@c.example.test", "core"),
        ("${TOKEN}", "core"),
        ("{{address}}", "core"),
        ("", "core"),
        ("d\n  e", "core"),
        ("žluť.example.test:80", "core"),
    ] {
        list.push(discovery::Found {
            address: address.to_owned(),
            labels: [("group".to_owned(), group.to_owned())].into(),
        });
    }
    list.push(discovery::Found {
        address: "z.example.test".to_owned(),
        labels: std::collections::BTreeMap::default(),
    });
    let first = load_text("a.yaml", text, &environment());
    assert_eq!(
        first.discovery.entries.len(),
        1,
        "{}",
        first.report.render(Format::Short, false)
    );
    assert_eq!(first.plan.unwrap().targets.len(), 1);
    let lists = [("shops".to_owned(), list)].into();
    let outcome = first.discovery.again(&lists).unwrap();
    let plan = outcome.plan.expect("what is found breaks no plan");
    let mut out = String::new();
    for target in &plan.targets {
        writeln!(out, "{}", target.id).unwrap();
    }
    for why in &outcome.discovery.left_out {
        writeln!(out, "{why}").unwrap();
    }
    assert!(!out.contains("a-token-of-many-characters"));
    expect![[r#"
        core/here
        core/a.example.test
        core/žluť.example.test
        `a.example.test:9090` of `shops` is left out: there already is a target `core/a.example.test`
        `here` of `shops` is left out: there already is a target `core/here`
        `kernel` of `shops` is left out: `kernel` means something else already
        `b.example.test` of `shops` is left out: there is no group `other`
        `user@c.example.test` of `shops` is left out: `health` of `user@c.example.test` contains a user name or password
        `${TOKEN}` of `shops` is left out: `${TOKEN}` is not filled in here: write the name of a target out
        `{{address}}` of `shops` is left out: `health` of `{{address}}` is not a usable address: it contains '{'
        `` of `shops` is left out: it has no `address`
        `d e` of `shops` is left out: the name of a target contains the control character U+000A
        `z.example.test` of `shops` is left out: it has no `label.group`
    "#]].assert_eq(&out);
}

#[test]
fn what_was_found_cannot_name_a_variable() {
    let text = r#"
channels: { ops: "${SLACK_WEBHOOK_URL}" }
discovery:
  shops:
    file_sd: ./list.json
    target: { name: "{{label.name}}", health: "{{label.url}}" }
"#;
    let first = load_text("a.yaml", text, &environment());
    for url in [
        "https://one.example.test/$$x",
        "https://one.example.test/${TOKEN}",
    ] {
        let found = discovery::Found {
            address: "one:1".to_owned(),
            labels: [("name", "one"), ("url", url)]
                .map(|(label, value)| (label.to_owned(), value.to_owned()))
                .into(),
        };
        let lists = [("shops".to_owned(), vec![found])].into();
        let outcome = first.discovery.again(&lists).unwrap();
        let plan = outcome.plan.expect("what is found breaks no plan");
        let shown = format!("{plan:?} {:?}", outcome.discovery.left_out);
        assert!(!shown.contains("a-token-of-many-characters"), "{shown}");
        let is_literal = plan.targets.len() == 1 && shown.contains("/$$x");
        let is_refused = plan.targets.is_empty() && outcome.discovery.left_out.len() == 1;
        assert!(is_literal || is_refused, "{shown}");
    }
}

/// Who tells our blindness from the trouble of others is there without being written down.
#[test]
fn the_resolver_the_receivers_and_the_gateway_are_witnesses_of_themselves() {
    let plan = plan(
        "channels: { alerts: \"https://hooks.slack.com/services/T00000000/B00000000/x\", pager: \"https://hooks.slack.com/services/T00000000/B00000000/y\" }
witnesses:
  balancer: { tcp: \"10.0.0.1:443\" }
targets: [ { name: api, health: \"https://api.example.test/health\" } ]
routes: [ { to: [alerts, pager] } ]
",
    );
    let names: Vec<_> = plan
        .witnesses
        .iter()
        .map(|witness| witness.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "witness `balancer`",
            "the resolver",
            "the receiver of channel `alerts`",
            "this machine's gateway",
            "this process itself"
        ]
    );
}

/// The addresses of the steps of every target, values and all.
fn addresses_of_steps(plan: &Plan) -> String {
    let mut out = String::new();
    for target in &plan.targets {
        let Some(crate::model::plan::Question::Steps(question)) =
            target.checks.first().map(|check| &check.question)
        else {
            continue;
        };
        for step in &question.steps {
            let plain = step.request.asked.url.as_str();
            let address = step
                .address
                .as_ref()
                .map_or(plain, crate::model::Secret::expose);
            writeln!(out, "{} {address}", target.id).unwrap();
        }
    }
    out
}

#[test]
fn a_scenario_of_a_family_has_values_of_its_own() {
    let plan = plan(
        r#"
channels: { ops: "${SLACK_WEBHOOK_URL}" }
targets:
  - name: "shop-{{1..2}}"
    steps:
      - { http: "https://{{each}}.example.test/", extract: { id: "$.id" } }
      - { http: { url: "https://{{each}}.example.test/{{ id }}?of={{each}}", bearer: "{{id}}" } }
"#,
    );
    expect![[r#"
        shop-1 https://1.example.test/
        shop-1 https://1.example.test/{{id}}?of=1
        shop-2 https://2.example.test/
        shop-2 https://2.example.test/{{id}}?of=2
    "#]]
    .assert_eq(&addresses_of_steps(&plan));
}

#[test]
fn a_scenario_that_was_discovered_has_values_of_its_own() {
    let text = r#"
channels: { ops: "${SLACK_WEBHOOK_URL}" }
discovery:
  shops:
    file_sd: ./list.json
    target:
      name: "{{host}}"
      steps:
        - { http: { url: "https://{{address}}/login" }, extract: { token: "$.token" } }
        - { http: { url: "https://{{address}}/{{label.path}}?x={{token}}", bearer: "{{token}}" } }
"#;
    let first = load_text("a.yaml", text, &environment());
    assert!(
        first.report.problems.is_empty(),
        "{}",
        first.report.render(Format::Human, false)
    );
    let found = |address: &str, path: &str| discovery::Found {
        address: address.to_owned(),
        labels: [("path".to_owned(), path.to_owned())].into(),
    };
    let list = vec![
        found("one.test:80", "cart"),
        found("two.test:80", "{{token}}"),
        found("three{{token}}", "cart"),
    ];
    let outcome = first.discovery.again(&[("shops".to_owned(), list)].into());
    let outcome = outcome.unwrap();
    let plan = outcome.plan.expect("what is found breaks no plan");
    let left_out = outcome.discovery.left_out.join("\n");
    expect![[r#"
        one.test https://one.test:80/login
        one.test https://one.test:80/cart?x={{token}}
        `two.test:80` of `shops` is left out: its `label.path` has braces in it
        `three{{token}}` of `shops` is left out: its `address` has braces in it"#]]
    .assert_eq(&format!("{}{left_out}", addresses_of_steps(&plan)));
}

/// A webhook beside a bot is for when the bot is refused; without a token it is all there is.
#[test]
fn a_bot_tells_the_channels_that_say_where() {
    let text = r##"
slack: { bot_token: "${BOT_TOKEN}", base_url: "https://slack-gov.com" }
channels:
  both: { slack: "#both", webhook_url: "${SLACK_WEBHOOK_URL}" }
  by_id: { slack: C0123456789 }
  named: { slack: core-alerts }
  short: "#short"
  webhook: "${SLACK_WEBHOOK_URL}"
targets: [{ name: api, health: "https://api.example.test/health" }]
routes: [{ to: [both, by_id, named, short, webhook] }]
"##;
    let destinations = |text: &str| {
        let outcome = load_text("a", text, &environment());
        let said = outcome.report.render(Format::Human, false);
        let plan = outcome.plan.unwrap_or_else(|| panic!("{said}"));
        let all: Vec<_> = plan
            .channels
            .values()
            .map(|channel| {
                let title = channel.title().to_owned();
                match &channel.destination {
                    crate::model::plan::Destination::SlackBot {
                        channel,
                        base_url,
                        spare,
                        ..
                    } => format!(
                        "{title}: bot {channel} at {base_url}, webhook {}",
                        spare.is_some()
                    ),
                    crate::model::plan::Destination::SlackWebhook { .. } => {
                        format!("{title}: webhook")
                    }
                    crate::model::plan::Destination::SignedWebhook { .. } => {
                        format!("{title}: signed")
                    }
                }
            })
            .collect();
        all.join("\n") + "\n"
    };
    expect![[r#"
        #both: bot #both at https://slack-gov.com, webhook true
        by_id: bot C0123456789 at https://slack-gov.com, webhook false
        #core-alerts: bot #core-alerts at https://slack-gov.com, webhook false
        #short: bot #short at https://slack-gov.com, webhook false
        webhook: webhook
    "#]]
    .assert_eq(&destinations(text));
    let without = r##"
slack: { bot_token: "${BLANK:-}" }
channels: { both: { slack: "#both", webhook_url: "${SLACK_WEBHOOK_URL}" } }
targets: [{ name: api, health: "https://api.example.test/health" }]
"##;
    expect![[r#"
        #both: webhook
    "#]]
    .assert_eq(&destinations(without));
}
