//! Everything meets every hostile server at once, and nobody else notices.

use std::{fmt::Write as _, fs};

use futures_util::future::join_all;
use serde_json::Value;

use super::{
    home::{Hekate, Home},
    hostile::{self, Hostile, Identities, KINDS, Running},
    receiver::Receiver,
    targets::Targets,
    wait::until,
};

/// Those that are well, and how often they are looked at.
const GOOD: usize = 20;
const GOOD_EVERY_MS: u64 = 2_000;
/// What a busy machine may add.
const SLACK_MS: u64 = 4_000;
const TIMEOUT_SECONDS: f64 = 1.0;
/// After how many rounds of all kinds of check nothing new is met any more: buffers and the pieces of the heap that each
/// thread keeps have their size.
const WARM_ROUNDS: usize = 4;
/// The rounds after which memory is read again.
const LATER_ROUNDS: [usize; 3] = [6, 7, 8];
/// What each server may cost at the worst moment.
const GROWTH_EACH_KIB: u64 = 1_024;
/// What later rounds may add for good.
const GROWTH_LATER_KIB: u64 = 16 * 1_024;

fn write(home: &Home, servers: &[Running], good: &Targets) {
    let sections = hostile::sections(servers, "ca.pem", "5s");
    let mut text = sections.replacen("groups:\n", "groups:\n  good: {}\n", 1);
    for number in 0..GOOD {
        let url = good.url(&format!("good{number}"));
        let _ = writeln!(
            text,
            "  - {{ name: good{number}, group: good, interval: 2s, health: \"{url}\" }}"
        );
    }
    text += "routes:\n  - { match: { group: good }, to: good }\n  - { to: bad }\n";
    let rhythm = "defaults: { interval: 5s, timeout: 1s, confirm: 4s, successes: 1 }\n";
    home.write_with(rhythm, &text);
}

/// A line of `/proc/…/status` in KiB.
fn memory_kib(hekate: &Hekate, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", hekate.pid()));
    let status = status.expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let words = line.expect("Linux says so").split_whitespace();
    let mut numbers = words.filter_map(|word| word.parse().ok());
    numbers.next().expect("it is a number")
}

async fn all_were_looked_at(hekate: &Hekate) {
    until("all were looked at", async || {
        let answer = hekate.get("/readyz").await.json();
        (answer["first_round"] == true).then_some(())
    })
    .await;
}

/// Looks that took longer than they may.
async fn too_long(hekate: &Hekate) -> Vec<String> {
    let text = hekate.get("/metrics").await.body;
    let lines = text.lines().filter(|line| {
        let value = line.rsplit(' ').next().and_then(|text| text.parse().ok());
        let limit = TIMEOUT_SECONDS + f64::from(u32::try_from(SLACK_MS).unwrap_or(0)) / 1_000.0;
        line.starts_with("hekate_target_last_look_duration_seconds{")
            && value.is_none_or(|took: f64| took > limit)
    });
    lines.map(str::to_owned).collect()
}

/// Waits until every server was met often enough, and sees that those that are well are looked at in their rhythm meanwhile.
async fn meet(hekate: &Hekate, servers: &[Running], rounds: usize) {
    let connections = u64::try_from(rounds * KINDS.len()).expect("they are few");
    let mut oldest = 0;
    until("every server was met", async || {
        let status = hekate.status().await;
        let targets = status["targets"].as_array().into_iter().flatten();
        for target in targets.filter(|target| target["group"] == "good") {
            assert_eq!(target["settled"], "operational", "{target}");
            oldest = oldest.max(target["age_ms"].as_u64().unwrap_or(0));
        }
        let is_enough = |server: &Running| server.met().is_none_or(|count| count >= connections);
        servers.iter().all(is_enough).then_some(())
    })
    .await;
    assert!(
        oldest <= GOOD_EVERY_MS + SLACK_MS,
        "one that is well was last looked at {oldest} ms ago"
    );
}

/// Texts of foreign making in all that is parsed, and what no terminal should get.
fn traps(value: &Value, found: &mut Vec<String>, is_parsed: bool) {
    match value {
        Value::String(text) => {
            let is_markup = ["<!channel", "<!here", "<!everyone", "<@U", "<https://evil"]
                .iter()
                .any(|mark| text.contains(mark));
            let is_control = text.chars().any(|c| {
                (c.is_control() && c != '\n')
                    || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
            });
            if is_control || (is_parsed && is_markup) {
                found.push(text.clone());
            }
        }
        Value::Array(values) => values
            .iter()
            .for_each(|value| traps(value, found, is_parsed)),
        Value::Object(fields) => {
            let is_mrkdwn = fields.get("type").is_some_and(|kind| kind == "mrkdwn");
            for (key, value) in fields {
                let is_top = is_parsed && key == "text" && value.is_string();
                traps(value, found, is_mrkdwn || is_top);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_cost_little_and_delay_nobody() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (good, receiver) = (Targets::start().await, Receiver::start().await);
    let identities = Identities::new();
    let home = Home::new(&receiver, &["bad", "good"]);
    fs::write(home.path().join("ca.pem"), &identities.authority_pem)
        .expect("the folder takes files");
    let starting = hostile::all(&identities).into_iter().map(Hostile::start);
    let servers = join_all(starting).await;

    // The same file with servers that are well shows what so many targets cost.
    let well = hostile::well(&servers, &identities).await;
    write(&home, &well, &good);
    let hekate = home.start().await;
    all_were_looked_at(&hekate).await;
    let usual = memory_kib(&hekate, "VmHWM:");
    hekate.stop().await;
    fs::remove_dir_all(home.path().join("data")).expect("it has a store");
    let silent = receiver.told();

    write(&home, &servers, &good);
    let hekate = home.start().await;
    all_were_looked_at(&hekate).await;
    meet(&hekate, &servers, WARM_ROUNDS).await;
    let early = memory_kib(&hekate, "VmRSS:");
    // What leaks is never given back; what was only in use at one reading is not there at another.
    let mut late = u64::MAX;
    for rounds in LATER_ROUNDS {
        meet(&hekate, &servers, rounds).await;
        late = late.min(memory_kib(&hekate, "VmRSS:"));
    }
    let worst = memory_kib(&hekate, "VmHWM:");
    let count = u64::try_from(servers.len()).expect("they are few");
    assert!(count >= 40);
    assert!(
        worst <= usual + count * GROWTH_EACH_KIB,
        "{worst} KiB at the worst moment, {usual} KiB with servers that are well"
    );
    assert!(
        late <= early + GROWTH_LATER_KIB,
        "{early} KiB became {late} KiB"
    );

    assert_eq!(too_long(&hekate).await, [""; 0]);
    let status = hekate.status().await;
    let targets = status["targets"].as_array().into_iter().flatten();
    for target in targets.filter(|target| target["group"] != "good") {
        assert!(
            target["age_ms"].is_u64(),
            "it was never looked at: {target}"
        );
    }
    assert!(!hekate.log().contains("panicked"), "{}", hekate.log());
    let mut found = Vec::new();
    traps(&status, &mut found, false);
    for told in receiver.told() {
        traps(&told.payload, &mut found, true);
    }
    assert_eq!(found, [""; 0]);
    assert!(receiver.told().len() > silent.len(), "nobody was told");
    hekate.stop().await;
    assert!(receiver.told_to("good").is_empty());
}
