//! `steps:` from the file to what a run says: what is sent, what is handed on, what is never told.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use expect_test::{expect, expect_file};
use hekate::{
    config::{Environment, Format, load_text},
    model::{Extra, Observation, Outcome, plan::Question},
};
use tokio::io::AsyncReadExt as _;

use super::stage::{PATIENT, look_with, prober, read_head, send, serve, told, until_closed};

/// A request that a server was sent, and over which of its connections.
#[derive(Clone, Debug)]
struct Heard {
    connection: usize,
    text: String,
}

impl Heard {
    /// `POST /login`
    fn line(&self) -> String {
        let mut words = self.text.split(' ').take(2);
        let method = words.next().unwrap_or_default();
        format!("{method} {}", words.next().unwrap_or_default())
    }

    fn path(&self) -> &str {
        self.text.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of a header, empty if it is not there.
    fn header(&self, name: &str) -> &str {
        let value = self.text.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        });
        value.unwrap_or_default()
    }

    fn body(&self) -> &str {
        self.text
            .split_once("\r\n\r\n")
            .map_or("", |(_, body)| body)
    }
}

/// A server that keeps connections open.
#[derive(Clone)]
struct Shop {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Shop {
    /// One that answers so; with nothing it is silent.
    async fn open(answer: impl Fn(&Heard) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let (answer, heard) = (Arc::new(answer), Arc::new(Mutex::new(Vec::new())));
        let (count, list) = (Arc::new(AtomicUsize::new(1)), Arc::clone(&heard));
        let address = serve(move |mut stream| {
            let connection = count.fetch_add(1, Ordering::Relaxed);
            let (answer, list) = (Arc::clone(&answer), Arc::clone(&list));
            async move {
                loop {
                    let mut text = read_head(&mut stream).await;
                    if text.is_empty() {
                        return;
                    }
                    let mut heard = Heard { connection, text };
                    let length = heard.header("content-length").parse().unwrap_or(0);
                    let mut body = vec![0; length];
                    if stream.read_exact(&mut body).await.is_err() {
                        return;
                    }
                    text = String::from_utf8_lossy(&body).into_owned();
                    heard.text.push_str(&text);
                    let bytes = answer(&heard);
                    list.lock().expect("nobody panics").push(heard);
                    if bytes.is_empty() {
                        until_closed(&mut stream).await;
                        return;
                    }
                    send(&mut stream, &bytes).await;
                }
            }
        })
        .await;
        Self { address, heard }
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("nobody panics").clone()
    }

    fn lines(&self) -> Vec<String> {
        self.heard().iter().map(Heard::line).collect()
    }
}

fn answer(status: u16, headers: &[&str], body: &str) -> Vec<u8> {
    let mut head = format!(
        "HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n",
        body.len()
    );
    for header in headers {
        let _ = write!(head, "{header}\r\n");
    }
    format!("{head}\r\n{body}").into_bytes()
}

/// The question of a file whose only target has these steps; `SHOP` stands for the server.
fn question(steps: &str, shop: &Shop) -> Question {
    let steps = steps.replace("SHOP", &shop.address.to_string());
    let text = format!(
        "channels: {{ alerts: \"${{HOOK}}\" }}\n\
         targets:\n- name: shop\n  timeout: 20s\n  steps: {steps}\n"
    );
    let environment = Environment::of([
        (
            "HOOK",
            "https://hooks.slack.com/services/T0/B0/not-a-secret",
        ),
        ("PASSWORD", "pass{{word}}-1234"),
        ("COOKIE", "own=1"),
    ]);
    let outcome = load_text("targets.yaml", &text, &environment);
    let said = outcome.report.render(Format::Human, false);
    let plan = outcome.plan.unwrap_or_else(|| panic!("{said}"));
    assert_eq!(said, "");
    plan.targets[0].checks[0].question.clone()
}

async fn run(steps: &str, shop: &Shop) -> Observation {
    look_with(&prober(), &question(steps, shop), PATIENT).await
}

/// What came of each step, without times.
fn steps_of(seen: &Observation) -> String {
    let Some(Extra::Steps(steps)) = seen.extra.as_deref() else {
        panic!("there are steps");
    };
    let mut out = String::new();
    for step in steps {
        let mark = if step.is_cleanup { " (cleans up)" } else { "" };
        let took = if step.took.is_some() {
            ""
        } else {
            ", not taken"
        };
        let status = step.status.map_or(0, |status| status);
        let trouble = step.trouble.as_deref().unwrap_or("fine");
        let _ = writeln!(out, "{}{mark} {status}{took}: {trouble}", step.title);
    }
    out
}

/// A shop that works, or fails at one path.
async fn working(fails_at: &'static str) -> Shop {
    Shop::open(move |heard| {
        if heard.path().starts_with(fails_at) && !fails_at.is_empty() {
            return answer(500, &["Server: s3cr3t-token/1"], "");
        }
        match heard.path() {
            "/login" => answer(
                201,
                &[
                    "Location: /orders/4711",
                    "Set-Cookie: sid=c00kie-value; Path=/; HttpOnly",
                ],
                r#"{"session": {"token": "s3cr3t-token"}}"#,
            ),
            "/pay" | "/session" => answer(200, &["Set-Cookie: sid=; Path=/; Max-Age=0"], ""),
            _ => answer(200, &[], r#"{"ok": true, "csrf": "a&b=c+d"}"#),
        }
    })
    .await
}

const VISIT: &str = r#"
    - name: log in
      http: { url: "http://SHOP/login", method: POST, headers: { Content-Type: application/json }, body: '{"password": "${PASSWORD}"}' }
      extract: { token: "$.session.token", "order-id": { header: Location, pattern: "/orders/([0-9]+)" } }
    - name: look
      http: { url: "http://SHOP/orders/{{order-id}}?full={{ token }}", bearer: "{{token}}", headers: { X-Order: "no {{order-id}}" }, expect: { json: "$.ok == true" } }
      extract: { csrf: { body: '"csrf": "([^"]+)"' } }
    - http: { url: "http://SHOP/pay", method: POST, headers: { Content-Type: application/x-www-form-urlencoded, Cookie: "${COOKIE}" }, body: "csrf={{csrf}}" }
    - name: log out
      cleanup: true
      http: { url: "http://SHOP/session", method: DELETE, bearer: "{{token}}" }
"#;

#[tokio::test]
async fn values_and_cookies_are_handed_on() {
    let shop = working("").await;
    let seen = run(VISIT, &shop).await;
    assert_eq!(told(&seen), "healthy");
    assert!(seen.detail.is_none());
    expect![[r#"
        step 1 "log in" 201: fine
        step 2 "look" 200: fine
        step 3 200: fine
        step 4 "log out" (cleans up) 200: fine
    "#]]
    .assert_eq(&steps_of(&seen));
    let heard = shop.heard();
    expect![[r#"
        [
            "POST /login",
            "GET /orders/4711?full=s3cr3t-token",
            "POST /pay",
            "DELETE /session",
        ]
    "#]]
    .assert_debug_eq(&shop.lines());
    assert_eq!(heard[0].body(), r#"{"password": "pass{{word}}-1234"}"#);
    assert_eq!(heard[0].header("cookie"), "");
    assert_eq!(heard[1].header("authorization"), "Bearer s3cr3t-token");
    assert_eq!(heard[1].header("x-order"), "no 4711");
    assert_eq!(heard[1].header("cookie"), "sid=c00kie-value");
    assert_eq!(heard[2].header("cookie"), "own=1; sid=c00kie-value");
    assert_eq!(heard[2].body(), "csrf=a%26b%3Dc%2Bd");
    // It was deleted by the answer before.
    assert_eq!(heard[3].header("cookie"), "");
    let phases = seen.phases;
    assert!(phases.connect_us.is_some() && phases.first_byte_us.is_some());
}

#[tokio::test]
async fn a_run_is_one_visitor_and_the_next_run_is_another() {
    let shop = Shop::open(|heard| {
        let cookie = if heard.header("cookie").is_empty() {
            "Set-Cookie: sid=1"
        } else {
            "X-Known: 1"
        };
        answer(200, &[cookie], "")
    })
    .await;
    let steps = r#"
    - http: "http://SHOP/a"
    - http: "http://SHOP/b"
    - http: { url: "http://SHOP/c", method: POST, body: x }
    - http: "http://SHOP/d"
"#;
    let (question, prober) = (question(steps, &shop), prober());
    for _ in 0..2 {
        assert_eq!(
            told(&look_with(&prober, &question, PATIENT).await),
            "healthy"
        );
    }
    let found: Vec<_> = shop
        .heard()
        .iter()
        .map(|heard| {
            (
                heard.path().to_owned(),
                heard.connection,
                heard.header("cookie").to_owned(),
            )
        })
        .collect();
    let path =
        |path: &str, connection, cookie: &str| (path.to_owned(), connection, cookie.to_owned());
    // What must not be sent twice has a connection of its own: an old one may be dead.
    let run = |first| {
        [
            path("/a", first, ""),
            path("/b", first, "sid=1"),
            path("/c", first + 1, "sid=1"),
        ]
    };
    assert_eq!(found[..3], run(1));
    assert_eq!(found[4..7], run(3));
    assert!(
        [1, 2].contains(&found[3].1) && [3, 4].contains(&found[7].1),
        "{found:?}"
    );
}

#[tokio::test]
async fn the_step_that_fails_is_named_and_the_rest_is_cleaned_up() {
    let mut said = String::new();
    for fails_at in ["/login", "/orders", "/pay", "/session"] {
        let shop = working(fails_at).await;
        let seen = run(VISIT, &shop).await;
        let note = seen.detail.as_ref().and_then(|detail| detail.note.clone());
        let note = without_numbers(&note.unwrap_or_default());
        let _ = writeln!(
            said,
            "{fails_at}\n  {}\n  {note}\n{}  {:?}",
            told(&seen),
            steps_of(&seen),
            shop.lines()
        );
    }
    expect_file!["scenarios/failing_steps.txt"].assert_eq(&said);
}

/// Times are replaced; those of a test say nothing.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for word in text.split(' ') {
        let is_time =
            word.parse::<f64>().is_ok() && !out.ends_with("step") && !out.ends_with("HTTP");
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(if is_time { "N" } else { word });
    }
    out
}

#[tokio::test]
async fn what_is_not_there_names_step_and_expression() {
    let shop = Shop::open(|heard| match heard.path() {
        "/json" => answer(
            200,
            &["X-Empty:", "X-Id: 17"],
            r#"{"token": "", "list": [1], "nothing": null, "lines": "a\nb"}"#,
        ),
        "/long" => answer(
            200,
            &[],
            &format!("{{\"token\": \"{}\"}}", "x".repeat(20_000)),
        ),
        "/huge" => answer(200, &[], &"x".repeat(300_000)),
        _ => answer(200, &["Content-Type: text/html"], "<p>hello</p>"),
    })
    .await;
    let mut said = String::new();
    for (path, extract) in [
        ("json", "\"$.session.token\""),
        ("json", "\"$.token\""),
        ("json", "\"$.list\""),
        ("json", "\"$.nothing\""),
        ("json", "\"$.lines\""),
        ("json", "{ header: X-Token }"),
        ("json", "{ header: X-Empty }"),
        ("json", "{ header: X-Id, pattern: \"[a-z]+\" }"),
        ("json", "{ body: 'csrf=(.+)' }"),
        ("long", "\"$.token\""),
        ("huge", "{ body: x }"),
        ("html", "\"$.token\""),
    ] {
        let steps = format!(
            "\n    - name: fetch\n      http: \"http://SHOP/{path}\"\n      extract: {{ token: {extract} }}\n    \
             - http: \"http://SHOP/next?{{{{token}}}}\"\n"
        );
        let seen = run(&steps, &shop).await;
        let _ = writeln!(said, "{path} {extract}\n    {}", told(&seen));
    }
    assert!(!shop.lines().iter().any(|line| line.contains("/next")));
    expect_file!["scenarios/missing_values.txt"].assert_eq(&said);
}

#[tokio::test]
async fn what_falls_short_does_not_end_the_run() {
    let shop = Shop::open(|heard| match heard.path() {
        "/slow" => answer(418, &[], ""),
        "/bad" => answer(503, &[], ""),
        _ => answer(200, &[], ""),
    })
    .await;
    let short = r#"{ name: tea, http: { url: "http://SHOP/slow", expect: { then: degraded } } }"#;
    let good = r#"{ http: "http://SHOP/good" }"#;
    let bad = r#"{ http: "http://SHOP/bad" }"#;
    for (steps, expected) in [
        (
            vec![short, good],
            expect![[r#"degraded unexpected: step 1 "tea": HTTP 418 (expected 2xx)"#]],
        ),
        (
            vec![good, short, short],
            expect![[r#"degraded unexpected: step 2 "tea": HTTP 418 (expected 2xx)"#]],
        ),
        (
            vec![short, bad, good],
            expect!["refused unexpected: step 2: HTTP 503 (expected 2xx)"],
        ),
    ] {
        let seen = run(&format!("[{}]", steps.join(", ")), &shop).await;
        expected.assert_eq(&told(&seen));
    }
}

#[tokio::test]
async fn redirects_are_followed_only_if_asked_and_tell_nothing_to_strangers() {
    let stranger = Shop::open(|_| answer(200, &["Set-Cookie: foreign=1"], "")).await;
    let away = format!("Location: http://{}/there", stranger.address);
    let shop = Shop::open(move |heard| match heard.path() {
        "/login" => answer(
            302,
            &["Location: /home", "Set-Cookie: sid=c00kie-value"],
            "",
        ),
        "/away" => answer(302, &[&away], ""),
        "/post-away" => answer(307, &[&away], ""),
        _ => answer(200, &["X-Token: s3cr3t-token"], ""),
    })
    .await;
    let seen = run(r#"[{ http: "http://SHOP/login" }]"#, &shop).await;
    expect!["refused unexpected: step 1: HTTP 302 to /home (expected 2xx)"].assert_eq(&told(&seen));
    let steps = r#"
    - { http: { url: "http://SHOP/login", follow_redirects: 1 }, extract: { token: { header: X-Token } } }
    - { http: { url: "http://SHOP/away", follow_redirects: 1, bearer: "{{token}}", headers: { X-Key: "{{token}}" } } }
    - { http: "http://SHOP/back" }
    - { http: { url: "http://SHOP/post-away", method: POST, body: "{{token}}", follow_redirects: 1 } }
"#;
    let seen = run(steps, &shop).await;
    expect![
        "refused unexpected: step 4: redirects what is sent to another host, which is not followed"
    ]
    .assert_eq(&told(&seen));
    let heard = shop.heard();
    let home = heard
        .iter()
        .find(|heard| heard.path() == "/home")
        .expect("it was followed");
    assert_eq!(home.header("cookie"), "sid=c00kie-value");
    let back = heard
        .iter()
        .find(|heard| heard.path() == "/back")
        .expect("it went on");
    assert_eq!(back.header("cookie"), "sid=c00kie-value");
    let strange = stranger.heard();
    assert_eq!(strange.len(), 1, "{strange:?}");
    for secret in ["c00kie", "s3cr3t"] {
        assert!(!strange[0].text.contains(secret), "{}", strange[0].text);
    }
}

#[tokio::test]
async fn nothing_that_was_extracted_is_ever_shown() {
    let shop = Shop::open(|heard| match heard.path() {
        "/login" => answer(
            200,
            &["Set-Cookie: sid=c00kie-value"],
            r#"{"token": "s3cr3t-token", "pin": "4711", "odd": "a b/c&d é"}"#,
        ),
        _ => answer(
            302,
            &[
                "Location: /s3cr3t-token/4711/a%20b/c%26d%20%C3%A9?c00kie-value",
                "Server: s3cr3t-token c00kie-value 4711 a+b%2Fc%26d+%C3%A9",
            ],
            "",
        ),
    })
    .await;
    let steps = r#"
    - http: { url: "http://SHOP/login", method: POST, body: "${PASSWORD}" }
      extract: { token: "$.token", pin: "$.pin", odd: "$.odd" }
    - http: { url: "http://SHOP/{{token}}/{{pin}}", bearer: "{{token}}", headers: { X-Odd: "{{odd}}" } }
    - http: "http://SHOP/last"
      cleanup: true
"#;
    let question = question(steps, &shop);
    let seen = look_with(&prober(), &question, PATIENT).await;
    expect!["refused unexpected: step 2: HTTP 302 to /***/***/*** (expected 2xx)"]
        .assert_eq(&told(&seen));
    let shown = format!("{seen:?} {question:?}");
    for secret in [
        "s3cr3t",
        "c00kie",
        "4711",
        "a b/c",
        "a%20b",
        "a+b%2F",
        "pass{{word}}",
    ] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

#[tokio::test]
async fn a_step_that_hangs_leaves_time_to_clean_up() {
    let shop = Shop::open(|heard| match heard.path() {
        "/hang" => Vec::new(),
        _ => answer(200, &[], ""),
    })
    .await;
    let clean = r#"{ cleanup: true, name: sweep, http: "http://SHOP/sweep" }"#;
    let own = r#"[{ http: "http://SHOP/a" }, { name: wait, http: { url: "http://SHOP/hang", timeout: 200ms } }, { http: "http://SHOP/b" }, CLEAN]"#;
    let all = r#"[{ name: wait, http: "http://SHOP/hang" }, CLEAN]"#;
    for (steps, limit, expected) in [
        (own, PATIENT, "no answer within 200 ms"),
        (all, Duration::from_millis(800), "no answer within "),
    ] {
        let question = question(&steps.replace("CLEAN", clean), &shop);
        let seen = look_with(&prober(), &question, limit).await;
        let Outcome::Unhealthy(failure) = &seen.outcome else {
            panic!("{seen:?}");
        };
        assert_eq!(failure.class.as_str(), "silent");
        let words = &failure.words;
        assert!(words.contains(" \"wait\": connected in "), "{words}");
        assert!(words.contains(expected), "{words}");
        assert_eq!(shop.lines().last().map(String::as_str), Some("GET /sweep"));
    }
    assert!(!shop.lines().contains(&String::from("GET /b")));
}

#[tokio::test]
async fn a_step_that_cannot_connect_keeps_its_class() {
    let shop = Shop::open(|_| answer(200, &[], "")).await;
    let nobody = super::stage::nobody().await;
    let steps =
        format!(r#"[{{ http: "http://SHOP/" }}, {{ name: pay, http: "http://{nobody}/" }}]"#);
    let seen = run(&steps, &shop).await;
    expect![[
        r#"refused connection_refused: step 2 "pay": connection refused, nothing listens on port N"#
    ]]
    .assert_eq(&told(&seen));
}
