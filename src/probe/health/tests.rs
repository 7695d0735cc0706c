//! The table of code against body, the rules of the file, and what must hold for any answer at all.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{
    ComponentState, DegradationKind, FailureClass, FailureKind, GapKind,
    plan::{
        Comparison, Connection, HealthRule, HttpVersion, IpFamily, RuleVerdict, Subject,
        TlsSettings,
    },
};

fn question() -> HealthQuestion {
    HealthQuestion {
        role_field: None,
        url: "https://api.example.test/health".parse().unwrap(),
        url_secrets: Vec::new(),
        headers: Vec::new(),
        credentials: None,
        format: None,
        critical_components: Vec::new(),
        rules: Vec::new(),
        connection: Connection::Fresh,
        http_version: HttpVersion::Http1,
        ip: IpFamily::Auto,
        all_addresses: false,
        tls: TlsSettings::default(),
    }
}

fn answer(status: u16, body: &[u8]) -> Answer<'_> {
    Answer {
        status,
        content_type: None,
        location: None,
        server: None,
        via: None,
        retry_after: None,
        body,
        is_cut: false,
        is_unreadable: false,
    }
}

/// An outcome without its words.
#[derive(PartialEq, Eq, Debug)]
enum Short {
    Healthy,
    Degraded(DegradationKind),
    Unhealthy(FailureClass, FailureKind),
    Unobservable(GapKind),
}

use Short::{Degraded, Healthy, Unhealthy, Unobservable};

fn short(reading: &Reading) -> Short {
    match &reading.outcome {
        Outcome::Healthy => Healthy,
        Outcome::Degraded(it) => Degraded(it.kind),
        Outcome::Unhealthy(it) => Unhealthy(it.class, it.kind),
        Outcome::Unobservable(it) => Unobservable(it.kind),
    }
}

fn note_of(reading: &Reading) -> Option<&str> {
    reading.detail.as_ref()?.note.as_deref()
}

const UP: &str = r#"{"status":"UP"}"#;
const DOWN: &str = r#"{"status":"DOWN"}"#;
const DB_DOWN: &str =
    r#"{"status":"UP","components":{"db":{"status":"DOWN"},"mail":{"status":"UP"}}}"#;
const DB_AND_ALL_DOWN: &str =
    r#"{"status":"DOWN","components":{"db":{"status":"DOWN"},"mail":{"status":"UP"}}}"#;
const MAIL_AND_ALL_DOWN: &str =
    r#"{"status":"DOWN","components":{"db":{"status":"UP"},"mail":{"status":"DOWN"}}}"#;

/// Status, body, components that are critical, meaning, note.
type Row = (
    u16,
    &'static str,
    &'static [&'static str],
    Short,
    Option<&'static str>,
);

/// Every row of the table of code against body.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn code_and_body_together() {
    use DegradationKind as D;
    use FailureClass::{Explicit, Refused};
    use FailureKind as F;
    use GapKind as G;

    let disagree = Some("code and body disagree");
    let says_down = Some("200 but the body says DOWN");
    let page = Some("this page is HTML; set `format:` or the path");
    #[rustfmt::skip]
    let rows: &[Row] = &[
        (200, UP, &[], Healthy, None),
        (204, "", &[], Healthy, None),
        (200, r#"{"status":"warn"}"#, &[], Degraded(D::SaysDegraded), None),
        (200, DOWN, &[], Unhealthy(Explicit, F::SaysDown), says_down),
        (200, DB_DOWN, &[], Degraded(D::Component), None),
        (200, DB_DOWN, &["mail"], Degraded(D::Component), None),
        (200, DB_DOWN, &["db"], Unhealthy(Explicit, F::CriticalComponent), None),
        (200, MAIL_AND_ALL_DOWN, &["db"], Degraded(D::Component), says_down),
        (200, r#"{"status":"wobbly"}"#, &[], Degraded(D::SaysDegraded), None),
        (200, r#"{"status":""}"#, &[], Degraded(D::SaysDegraded), None),
        (200, r#"{"status":"UNKNOWN"}"#, &[], Unobservable(G::SaysUnknown), None),
        (200, "<html></html>", &[], Healthy, page),
        (200, r#"{"status":"#, &[], Degraded(D::BrokenBody), None),
        (200, UP, &["db"], Healthy, Some("`db` of `critical_components` is not named in the body")),
        (304, "", &[], Degraded(D::Redirected), None),
        (401, DOWN, &["db"], Unobservable(G::NotAuthorised), None),
        (403, "", &[], Unobservable(G::NotAuthorised), None),
        (407, "", &[], Unobservable(G::NotAuthorised), None),
        (511, "", &[], Unobservable(G::NotAuthorised), None),
        (404, UP, &[], Unhealthy(Refused, F::NotFound), None),
        (405, "", &[], Unhealthy(Refused, F::NotFound), None),
        (501, "", &[], Unhealthy(Refused, F::NotFound), None),
        (501, "{}", &[], Unobservable(G::NotConfigured), None),
        (429, DOWN, &[], Degraded(D::Throttled), None),
        (429, "", &[], Degraded(D::Throttled), None),
        (500, UP, &[], Degraded(D::Contradiction), disagree),
        (503, UP, &[], Degraded(D::Contradiction), disagree),
        (400, UP, &[], Degraded(D::Contradiction), disagree),
        (503, MAIL_AND_ALL_DOWN, &[], Unhealthy(Explicit, F::SaysDown), None),
        (503, MAIL_AND_ALL_DOWN, &["db"], Degraded(D::Component), None),
        (503, MAIL_AND_ALL_DOWN, &["db", "queue"], Unhealthy(Explicit, F::SaysDown), None),
        (503, DB_AND_ALL_DOWN, &["db"], Unhealthy(Explicit, F::CriticalComponent), None),
        (500, r#"{"Disk": "warning: 91 %", "Cache": "working"}"#, &[], Degraded(D::Component), None),
        (500, r#"{"Disk": "warning: 91 %", "Cache": "unavailable: x"}"#, &[], Unhealthy(Explicit, F::SaysDown), None),
        (503, r#"{"status":"degraded"}"#, &[], Degraded(D::SaysDegraded), None),
        (500, DOWN, &[], Unhealthy(Explicit, F::SaysDown), None),
        (503, r#"{"status":"OUT_OF_SERVICE"}"#, &[], Unhealthy(Explicit, F::SaysDown), None),
        (503, r#"{"status":"starting"}"#, &[], Unobservable(G::SaysUnknown), None),
        (503, r#"{"status":"wobbly"}"#, &[], Unhealthy(Refused, F::ServerError), None),
        (500, "", &[], Unhealthy(Refused, F::ServerError), None),
        (500, r#"{"status":"#, &[], Unhealthy(Refused, F::ServerError), None),
        (502, "", &[], Unhealthy(Refused, F::ProxyError), None),
        (504, "<html></html>", &[], Unhealthy(Refused, F::ProxyError), None),
        (503, "<html></html>", &[], Unhealthy(Refused, F::ProxyError), None),
        (503, "", &[], Unhealthy(Refused, F::ServerError), None),
        (502, DOWN, &[], Unhealthy(Explicit, F::SaysDown), None),
        (418, "", &[], Unhealthy(Refused, F::ClientError), None),
        (599, "", &[], Unhealthy(Refused, F::ServerError), None),
        (101, "", &[], Unhealthy(Refused, F::ServerError), None),
        (999, "", &[], Unhealthy(Refused, F::ServerError), None),
    ];
    for (status, body, critical, expected, note) in rows {
        let mut question = question();
        question.critical_components = critical.iter().map(|&name| name.to_owned()).collect();
        let reading = read(&question, &answer(*status, body.as_bytes()));
        assert_eq!(
            short(&reading),
            *expected,
            "{status} {body} {critical:?}: {reading:?}"
        );
        assert_eq!(note_of(&reading), *note, "{status} {body} {critical:?}");
    }
}

#[test]
fn a_plain_good_answer_leaves_nothing_behind() {
    for body in [
        UP,
        "OK",
        "",
        r#"{"status":"pass","checks":{"db":[{"status":"pass"}]}}"#,
    ] {
        assert_eq!(
            read(&question(), &answer(200, body.as_bytes())).detail,
            None,
            "{body}"
        );
    }
}

#[test]
fn a_cut_or_unreadable_body_is_never_taken_for_well() {
    let cut = Answer {
        is_cut: true,
        ..answer(200, br#"{"status":"UP","x":""#)
    };
    let reading = read(&question(), &cut);
    assert_eq!(short(&reading), Degraded(DegradationKind::BrokenBody));
    let unreadable = Answer {
        is_unreadable: true,
        ..answer(200, UP.as_bytes())
    };
    let reading = read(&question(), &unreadable);
    assert_eq!(short(&reading), Degraded(DegradationKind::BrokenBody));
    assert_eq!(reading.family, None);
    let unreadable = Answer {
        is_unreadable: true,
        ..answer(503, DOWN.as_bytes())
    };
    assert_eq!(
        short(&read(&question(), &unreadable)),
        Unhealthy(FailureClass::Refused, FailureKind::ServerError)
    );
}

#[test]
fn redirects_name_the_place_and_login_pages_are_no_verdict() {
    let moved = Answer {
        location: Some("https://u:p@new.example.test/h?key=1"),
        ..answer(308, b"")
    };
    let reading = read(&question(), &moved);
    assert_eq!(
        reading.outcome,
        Outcome::Degraded(crate::model::Degradation {
            kind: DegradationKind::Redirected,
            words: "HTTP 308, redirected to https://new.example.test/h".to_owned(),
        })
    );
    let login = Answer {
        location: Some("/oauth2/start?rd=%2Fhealth"),
        ..answer(302, b"")
    };
    assert_eq!(
        short(&read(&question(), &login)),
        Unobservable(GapKind::NotAuthorised)
    );
}

#[test]
fn of_many_components_the_worst_twenty_are_kept_and_all_are_counted() {
    let mut components = serde_json::Map::new();
    for index in 0..100 {
        components.insert(format!("slow{index:02}"), json!({"status": "DEGRADED"}));
        components.insert(format!("gone{index:02}"), json!({"status": "DOWN"}));
    }
    components.insert("zz".to_owned(), json!({"status": "OUT_OF_SERVICE"}));
    let body = json!({"status": "DOWN", "components": components}).to_string();
    let detail = read(&question(), &answer(503, body.as_bytes()))
        .detail
        .unwrap();
    assert_eq!(detail.components_total, 201);
    assert_eq!(detail.components.len(), 20);
    assert!(
        detail
            .components
            .iter()
            .all(|component| component.state == ComponentState::Down)
    );
    assert_eq!(detail.components[0].name, "gone00");
}

/// A rule: subject (`status` or a path), comparison, value.
fn rule(
    subject: &str,
    comparison: Comparison,
    value: Option<Value>,
    then: RuleVerdict,
) -> HealthRule {
    HealthRule {
        subject: match subject {
            "status" => Subject::Status,
            path => Subject::Json(serde_json_path::JsonPath::parse(path).unwrap()),
        },
        comparison,
        value,
        then,
        say: format!("rule on {subject}"),
    }
}

#[test]
fn rules_compare_as_they_say() {
    use Comparison::{
        Equal, Exists, Greater, GreaterOrEqual, Less, LessOrEqual, Missing, NotEqual,
    };

    let body = br#"{"status":"UP","depth":100,"load":1.0,"name":"x","none":null,"list":[1,5,9]}"#;
    #[rustfmt::skip]
    let rows = [
        ("status", Equal, json!(200), true),
        ("status", GreaterOrEqual, json!(500), false),
        ("status", NotEqual, json!(200), false),
        ("$.depth", Greater, json!(99), true),
        ("$.depth", Greater, json!(99.5), true),
        ("$.depth", Greater, json!(100), false),
        ("$.depth", GreaterOrEqual, json!(100), true),
        ("$.depth", Less, json!(101), true),
        ("$.depth", LessOrEqual, json!(99), false),
        ("$.depth", Equal, json!("100"), false),
        ("$.load", Equal, json!(1), true),
        ("$.load", NotEqual, json!(1), false),
        ("$.name", Equal, json!("x"), true),
        ("$.name", Greater, json!("a"), false),
        ("$.list[*]", Greater, json!(8), true),
        ("$.list[*]", Equal, json!(5), true),
        ("$.list[*]", Greater, json!(9), false),
        ("$.list", Equal, json!([1, 5, 9]), true),
        ("$.none", Exists, Value::Null, true),
        ("$.none", Missing, Value::Null, false),
        ("$.none", Equal, Value::Null, true),
        ("$.gone", Exists, Value::Null, false),
        ("$.gone", Missing, Value::Null, true),
        ("$.gone", NotEqual, json!(1), true),
        ("$.gone", Equal, json!(1), false),
        ("$.gone", Less, json!(1), false),
    ];
    for (subject, comparison, value, expected) in rows {
        let mut question = question();
        let value = (!matches!(comparison, Exists | Missing)).then_some(value);
        let text = format!("{subject} {comparison:?} {value:?}");
        question.rules = vec![rule(subject, comparison, value, RuleVerdict::Down)];
        let reading = read(&question, &answer(200, body));
        assert_eq!(short(&reading) != Healthy, expected, "{text}");
    }
}

#[test]
fn the_first_rule_that_matches_decides_over_code_and_body() {
    let mut question = question();
    question.rules = vec![
        rule(
            "status",
            Comparison::Equal,
            Some(json!(401)),
            RuleVerdict::Operational,
        ),
        rule(
            "$.queue",
            Comparison::Greater,
            Some(json!(10)),
            RuleVerdict::Degraded,
        ),
        rule(
            "$.queue",
            Comparison::Greater,
            Some(json!(5)),
            RuleVerdict::Down,
        ),
    ];
    #[rustfmt::skip]
    let rows: [(u16, &[u8], Short); 6] = [
        (401, b"", Healthy),
        (503, br#"{"status":"DOWN","queue":11}"#, Degraded(DegradationKind::RuleMatched)),
        (200, br#"{"status":"UP","queue":6}"#, Unhealthy(FailureClass::Explicit, FailureKind::RuleMatched)),
        (200, br#"{"status":"UP","queue":5}"#, Healthy),
        (200, b"queue 99", Healthy),
        (200, br#"{"queue":99"#, Degraded(DegradationKind::BrokenBody)),
    ];
    for (status, body, expected) in rows {
        assert_eq!(
            short(&read(&question, &answer(status, body))),
            expected,
            "{status}"
        );
    }
    let reading = read(&question, &answer(200, br#"{"status":"UP","queue":6}"#));
    assert!(matches!(&reading.outcome, Outcome::Unhealthy(it) if it.words == "rule on $.queue"));
}

#[test]
fn a_path_on_a_body_that_is_no_json_finds_nothing() {
    let mut question = question();
    question.rules = vec![rule("$.x", Comparison::Missing, None, RuleVerdict::Down)];
    let reading = read(&question, &answer(200, b"OK"));
    assert_eq!(
        short(&reading),
        Unhealthy(FailureClass::Explicit, FailureKind::RuleMatched)
    );
}

#[test]
fn hostile_bodies_are_read_without_harm() {
    let bodies: Vec<Vec<u8>> = vec![
        b"[".repeat(200_000),
        br#"{"a":"#.repeat(50_000),
        br#"{"status":"UP","x":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"#.to_vec(),
        format!(r#"{{"status":"UP","n":{}}}"#, "9".repeat(100_000)).into_bytes(),
        br#"{"status":1e999999}"#.to_vec(),
        br#"{"status":-0.0}"#.to_vec(),
        br#"{"status":"\ud800"}"#.to_vec(),
        br#"{"status":"UP\ud800"}"#.to_vec(),
        b"{\"status\":\"UP\0\"}".to_vec(),
        b"{\"status\":\"wobbly\xff\xfe\"}".to_vec(),
        br#"{"status":{"status":{"status":"UP"}}}"#.to_vec(),
        br#"{"status":["UP"]}"#.to_vec(),
        br#"{"$serde_json::private::Number":"x"}"#.to_vec(),
        format!("[{}1]", "1,".repeat(100_000)).into_bytes(),
        b"\xEF\xBB\xBF".to_vec(),
        b"\xFF\xFE{\0}\0".to_vec(),
        b"[+]".to_vec(),
        b"[-]\n[-] \n[+]x".to_vec(),
    ];
    for body in bodies {
        for status in [200, 503] {
            for family in Family::ALL.map(Some).into_iter().chain([None]) {
                let mut question = question();
                question.format = family;
                let reading = read(&question, &answer(status, &body));
                check_limits(&reading);
            }
        }
    }
}

/// What holds for every reading.
fn check_limits(reading: &Reading) {
    let is_line = |text: &str, max: usize| {
        assert!(text.chars().count() <= max, "{text}");
        assert!(!text.chars().any(char::is_control), "{text}");
    };
    match &reading.outcome {
        Outcome::Healthy => {}
        Outcome::Degraded(it) => is_line(&it.words, 300),
        Outcome::Unhealthy(it) => is_line(&it.words, 300),
        Outcome::Unobservable(it) => is_line(&it.words, 300),
    }
    if let Some(detail) = &reading.detail {
        assert!(detail.components.len() <= 20);
        assert!(detail.components.len() <= detail.components_total as usize);
        assert!(
            detail
                .components
                .is_sorted_by(|one, next| one.state >= next.state)
        );
        for component in &detail.components {
            assert_ne!(component.state, ComponentState::Up);
            is_line(&component.name, 100);
            is_line(component.message.as_deref().unwrap_or(""), 300);
        }
        is_line(detail.excerpt.as_deref().unwrap_or(""), 300);
        is_line(detail.via.as_deref().unwrap_or(""), 100);
        is_line(detail.note.as_deref().unwrap_or(""), 300);
    }
}

/// JSON that looks like health bodies, as far as chance makes it.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "status",
        "components",
        "details",
        "checks",
        "entries",
        "info",
        "error",
        "failures",
        "component",
        "healthy",
        "name",
        "Status",
        "Checks",
        "CheckID",
        "ok",
        "db",
        "message",
        "state",
        "output",
    ]);
    let word = prop_oneof![
        prop::sample::select(vec![
            "UP",
            "DOWN",
            "warn",
            "unknown",
            "Healthy",
            "OUT_OF_SERVICE",
            "unavailable: x",
            "wobbly"
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_i64..600).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_can_be_read(
        status in 0_u16..1000,
        body in prop::collection::vec(any::<u8>(), 0..400),
        is_cut in any::<bool>(),
        location in prop::option::of(any::<String>()),
        header in prop::option::of(any::<String>()),
    ) {
        let header = header.as_deref();
        let answer = Answer {
            location: location.as_deref(),
            content_type: header,
            server: header,
            via: header,
            retry_after: header,
            is_cut,
            ..answer(status, &body)
        };
        check_limits(&read(&question(), &answer));
    }

    #[test]
    fn any_text_can_be_read(
        status in prop::sample::select(vec![200, 404, 500, 503]),
        start in prop::sample::select(vec!["", "[+]", "[-]", "ok", "down: ", "not ", "<", "{", "[", "\"", "error=", "\u{FEFF}"]),
        rest in any::<String>(),
        family in prop::option::of(prop::sample::select(Family::ALL.to_vec())),
    ) {
        let mut question = question();
        question.format = family;
        check_limits(&read(&question, &answer(status, format!("{start}{rest}").as_bytes())));
    }

    #[test]
    fn any_json_can_be_read(
        status in prop::sample::select(vec![200, 204, 404, 429, 500, 501, 503]),
        value in any_json(),
        family in prop::option::of(prop::sample::select(Family::ALL.to_vec())),
        critical in prop::option::of(Just("db".to_owned())),
    ) {
        let mut question = question();
        question.format = family;
        question.critical_components = critical.into_iter().collect();
        check_limits(&read(&question, &answer(status, value.to_string().as_bytes())));
    }

    #[test]
    fn an_object_with_a_word_that_nobody_knows_is_never_well(
        word in "[a-zA-Z_]{1,30}",
        mut rest in any_json(),
        status in prop::sample::select(vec![200_u16, 201, 500, 503]),
    ) {
        prop_assume!(vocabulary::state_of(&word).is_none());
        if let Value::Object(members) = &mut rest {
            members.remove("Status");
        } else {
            rest = json!({});
        }
        rest["status"] = Value::from(word);
        let reading = read(&question(), &answer(status, rest.to_string().as_bytes()));
        prop_assert_ne!(reading.outcome, Outcome::Healthy);
    }

    #[test]
    fn a_body_that_says_down_is_never_well(value in any_json(), status in 100_u16..600) {
        let mut value = value;
        if !value.is_object() {
            value = json!({});
        }
        value["status"] = Value::from("DOWN");
        let reading = read(&question(), &answer(status, value.to_string().as_bytes()));
        prop_assert_ne!(reading.outcome, Outcome::Healthy);
    }

    #[test]
    fn a_text_cut_anywhere_is_no_better_than_whole(cut in 0_usize..200) {
        let body = br#"{"status":"DOWN","components":{"db":{"status":"DOWN","details":{"error":"x"}},"c":{"status":"UP"}}}"#;
        let body = body.get(..cut).unwrap_or(body);
        prop_assume!(!body.is_empty());
        let reading = read(&question(), &Answer { is_cut: true, ..answer(200, body) });
        prop_assert_ne!(reading.outcome, Outcome::Healthy);
    }
}
