//! What people plan, from the command line to the channel, with a restart in between.

use std::process::Output;

use super::{
    home::{Hekate, Home},
    receiver::{Receiver, Told},
    targets::{Mood, Targets},
    wait::until,
};

/// Runs a command against a running hekate; what it printed.
async fn say(home: &Home, hekate: &Hekate, arguments: &[&str]) -> String {
    let output = try_to_say(home, hekate, arguments).await;
    let (out, err) = (&output.stdout, &output.stderr);
    assert!(
        output.status.success(),
        "{arguments:?}: {}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    );
    String::from_utf8_lossy(out).into_owned()
}

async fn try_to_say(home: &Home, hekate: &Hekate, arguments: &[&str]) -> Output {
    let server = format!("http://{}", hekate.address);
    let mut all = vec!["--server", server.as_str()];
    all.extend(arguments);
    home.run(&all).await
}

/// The id in what a command printed: `… — id m1; …`.
fn id_in(said: &str) -> String {
    let (_, rest) = said.split_once("— id ").expect("it says its id");
    rest.split(';').next().unwrap_or_default().to_owned()
}

fn file(targets: &Targets) -> String {
    format!(
        "targets:\n  - {{ name: api, health: \"{}\" }}\n  - {{ name: web, health: \"{}\" }}\n\
         routes: [ {{ to: core, remind_after: 1m }} ]\n",
        targets.url("api"),
        targets.url("web")
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_down_in_a_maintenance_is_told_when_it_ends_whatever_happened_to_hekate() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["core"]);
    home.write(&file(&targets));
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    hekate.shows("web", "operational").await;

    let said = say(
        &home,
        &hekate,
        &[
            "maintenance",
            "start",
            "api",
            "--for",
            "2h",
            "--reason",
            "new disks",
        ],
    )
    .await;
    assert!(said.starts_with("maintenance of 1 target until "), "{said}");
    let id = id_in(&said);
    let notice = |told: &Told| told.text.contains("is in maintenance until");
    receiver.hear("core", "of the maintenance", notice).await;

    targets.set("api", Mood::Down);
    hekate.shows("api", "down").await;
    let shown = hekate.target("api").await;
    assert_eq!(shown["planned"]["name"], id.as_str());
    assert!(shown["incident"].is_null(), "{shown}");
    // Whoever is not in maintenance is told, so nothing else keeps messages back.
    targets.set("web", Mood::Down);
    let web = receiver.hear_down("core").await;
    assert!(web.text.contains("web"), "{web:?}");

    hekate.kill();
    let hekate = home.start().await;
    hekate.shows("api", "down").await;
    let listed = say(&home, &hekate, &["maintenance", "list"]).await;
    assert!(
        listed.contains(&format!("`{id}` 1 target until ")),
        "{listed}"
    );
    assert!(
        receiver
            .told()
            .iter()
            .all(|told| !told.text.starts_with("DOWN: api"))
    );

    let said = say(&home, &hekate, &["maintenance", "end", &id]).await;
    assert!(said.contains("what is still bad is told now"), "{said}");
    let down = receiver
        .hear("core", "that api is down", |told| {
            told.text.starts_with("DOWN: api")
        })
        .await;
    assert!(down.text.contains("new disks"), "{down:?}");
    targets.set("api", Mood::Up);
    receiver.hear_up("core", down.id()).await;

    let again = try_to_say(&home, &hekate, &["maintenance", "end", &id]).await;
    assert_eq!(again.status.code(), Some(1));
    hekate.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_that_somebody_has_taken_on_reminds_nobody_and_its_end_says_who() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["core"]);
    home.write(&file(&targets));
    let hekate = home.start().await;
    hekate.shows("api", "operational").await;
    targets.set("api", Mood::Down);
    let down = receiver.hear_down("core").await;
    let said = say(&home, &hekate, &["ack", "api", "--reason", "I restart it"]).await;
    assert!(said.starts_with(down.id()), "{said}");
    hekate.kill();
    let hekate = home.start().await;
    let taken = until("it is known who is on it", async || {
        let shown = hekate.target("api").await;
        let taken = shown["acknowledged"].clone();
        (!taken.is_null()).then_some(taken)
    })
    .await;
    assert_eq!(taken["why"], "I restart it");
    let handed = say(&home, &hekate, &["hand", "over", "api", "to", "eva"]).await;
    assert!(handed.contains("eva"), "{handed}");
    let refused = try_to_say(&home, &hekate, &["ack", "end", "api"]).await;
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{why}");
    assert!(why.contains("eva is on"), "{why}");
    say(&home, &hekate, &["ack", "api"]).await;
    let given = say(&home, &hekate, &["ack", "end", "api"]).await;
    assert!(given.contains("reminders go on"), "{given}");
    let nobody = try_to_say(&home, &hekate, &["ack", "end", "api"]).await;
    assert_eq!(nobody.status.code(), Some(1));
    say(&home, &hekate, &["ack", "api", "--reason", "I restart it"]).await;
    targets.set("api", Mood::Up);
    let up = receiver.hear_up("core", down.id()).await;
    assert!(up.text.contains("I restart it"), "{up:?}");
    hekate.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_names_nobody_silences_nobody() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["core"]);
    home.write(&file(&targets));
    let hekate = home.start().await;
    for (words, length, code) in [("apu", "2h", 1), ("api", "48h", 1), ("api", "soon", 2)] {
        let arguments = ["silence", "add", words, "--for", length, "--reason", "x"];
        let output = try_to_say(&home, &hekate, &arguments).await;
        assert_eq!(output.status.code(), Some(code), "{words} {length}");
    }
    let listed = say(&home, &hekate, &["silence", "list"]).await;
    assert_eq!(listed, "nothing is silenced\n");
    hekate.stop().await;
}
