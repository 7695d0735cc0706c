//! The file changes while hekate runs.

use rustix::process::Signal;

use super::{
    home::{Hekate, Home},
    receiver::{Receiver, Told},
    targets::{Mood, Targets},
    wait::until,
};

fn routes(of: &[&str], targets: &Targets) -> String {
    let names = of.join(", ");
    targets.section(of)
        + &format!(
            "routes:\n  - {{ match: {{ target: [{names}] }}, to: alerts }}\n  - {{ to: ops }}\n"
        )
}

fn is_refusal(told: &Told) -> bool {
    told.text.contains("the changed file was not taken")
}

async fn reload_is(hekate: &Hekate, successful: f64) {
    until(&format!("the last reload is {successful}"), async || {
        let found = hekate
            .metric("hekate_config_last_reload_successful")
            .await?;
        (found.total_cmp(&successful).is_eq()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_file_is_taken_and_a_bad_one_is_not() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts", "ops"]);
    home.write(&routes(&["old"], &targets));
    targets.set("old", Mood::Down);
    let hekate = home.start().await;
    let server = format!("http://{}", hekate.address);
    let down = receiver.hear_down("alerts").await;

    // A target comes; what is known stays known.
    home.write(&routes(&["old", "new"], &targets));
    hekate.signal(Signal::HUP);
    hekate.shows("new", "operational").await;
    let old = hekate.shows("old", "down").await;
    assert_eq!(old["incident"], down.id());

    // A mistake: the old plan goes on and ops hears of it once, however often it is tried.
    let good = std::fs::read_to_string(home.file()).expect("it was written");
    home.write_text(&good.replace("health:", "helth:"));
    hekate.signal(Signal::HUP);
    reload_is(&hekate, 0.0).await;
    receiver.hear("ops", "of the bad file", is_refusal).await;
    hekate.signal(Signal::HUP);
    let asked = home.run(&["reload", "--server", &server]).await;
    let words = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert_eq!(asked.status.code(), Some(78), "{words}");
    assert!(words.contains("helth"), "{words}");
    assert!(
        words.contains("did you mean") || words.contains("health"),
        "{words}"
    );
    assert!(words.contains("targets.yaml:"), "{words}");
    targets.set("new", Mood::Down);
    let new = receiver
        .hear("alerts", "of the new one", |told| {
            told.text.starts_with("DOWN: new ")
        })
        .await;

    // Taken out while it is down: whoever heard of it hears that nobody looks any more.
    home.write(&routes(&["new"], &targets));
    let asked = home.run(&["reload", "--server", &server]).await;
    assert_eq!(asked.status.code(), Some(0), "{asked:?}");
    reload_is(&hekate, 1.0).await;
    let gone = receiver
        .hear("alerts", "that it is no longer watched", |told| {
            told.text.starts_with("NO LONGER WATCHED: old")
        })
        .await;
    assert_eq!(gone.id(), down.id());
    assert!(hekate.target("old").await.is_null());
    targets.set("new", Mood::Up);
    receiver.hear_up("alerts", new.id()).await;
    hekate.stop().await;

    let refusals = receiver
        .told_to("ops")
        .into_iter()
        .filter(is_refusal)
        .map(|told| told.text)
        .collect::<Vec<_>>();
    assert!(
        matches!(refusals.as_slice(), [_] | [_, _]),
        "once, and perhaps that it is over: {refusals:?}"
    );
    assert_eq!(receiver.told_to("alerts").len(), 4);
}

/// What another file says of an open incident is shown before it is put in place, and logged when it is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_file_changes_of_what_is_open_is_shown_before_and_at_the_reload() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts", "team", "ops"]);
    home.write(&routes(&["old", "other"], &targets));
    let hekate = home.start().await;
    hekate.ready().await;
    targets.set("old", Mood::Down);
    let down = receiver.hear_down("alerts").await;
    hekate.shows("old", "down").await;
    let server = format!("http://{}", hekate.address);

    let before = std::fs::read_to_string(home.file()).expect("it was written");
    let after = before
        .replace("to: alerts", "to: team, remind_after: 1h")
        .replace("name: old", "name: young, was: old")
        .replace("target: [old, other]", "target: [young, other]");
    let new = home.path().join("new.yaml");
    std::fs::write(&new, &after).expect("the folder takes files");
    let (new, store) = (new.to_string_lossy(), home.path().join("data"));
    let arguments = [
        "replay",
        "--open",
        "--config",
        &new,
        "--store",
        &store.to_string_lossy(),
    ];
    let shown = home.run(&arguments).await;
    let words = String::from_utf8_lossy(&shown.stdout).into_owned();
    let changes = [
        "old is called young",
        "was told to alerts, would be told to team",
        "was to be reminded of never, would be after 1h",
    ];
    for part in [down.id(), "1 incident is open; this file says"]
        .iter()
        .chain(&changes)
    {
        assert!(words.contains(*part), "{part} is missing: {words}");
    }

    home.write_text(&after);
    let asked = home.run(&["reload", "--server", &server]).await;
    let words = String::from_utf8_lossy(&asked.stdout).into_owned();
    // The watch over the folder may have been faster.
    assert!(
        words.contains(&changes.join("; ")) || words.contains("nothing changed"),
        "{words}"
    );
    let logged = until("the change is logged", async || {
        hekate.event("config.open_incident")
    })
    .await;
    assert_eq!(logged["incident"], down.id());
    assert_eq!(logged["about"], "old");
    assert_eq!(logged["changes"], changes.join("; "));

    // The file says the same as before of what is open: nothing more is logged.
    home.write_text(&after.replace("to: ops", "to: [ops, alerts]"));
    let asked = home.run(&["reload", "--server", &server]).await;
    assert_eq!(asked.status.code(), Some(0), "{asked:?}");
    assert_eq!(hekate.events("config.open_incident").len(), 1);
    targets.set("old", Mood::Up);
    receiver.hear_up("alerts", down.id()).await;
    hekate.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_with_one_cause_are_told_on_whatever_the_file_says_of_them() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["alerts", "ops"]);
    let file = |names: &[&str]| {
        let mut text = targets.section(names);
        text += "routes:\n  - { to: alerts }\n";
        text
    };
    home.write_grouped(&file(&["gone", "old", "other"]));
    let hekate = home.start().await;
    hekate.ready().await;
    for name in ["gone", "old", "other"] {
        targets.set(name, Mood::Down);
    }
    let down = receiver.hear_down("alerts").await;
    for name in ["gone", "old", "other"] {
        let shown = hekate.shows(name, "down").await;
        assert_eq!(shown["incident"], down.id(), "{name}");
    }

    // One is taken out, one is renamed, one is new and fails as well.
    targets.set("new", Mood::Down);
    let renamed = file(&["other", "new"]).replace(
        "routes:",
        &format!(
            "  - {{ name: young, was: old, health: \"{}\" }}\nroutes:",
            targets.url("old")
        ),
    );
    home.write_grouped(&renamed);
    hekate.signal(Signal::HUP);
    for name in ["young", "other", "new"] {
        let shown = hekate.shows(name, "down").await;
        assert_eq!(shown["incident"], down.id(), "{name}");
    }
    assert!(hekate.target("gone").await.is_null());

    // Nothing is told as one any more, but what was told so ends so, after a kill as well.
    home.write(&renamed);
    hekate.signal(Signal::HUP);
    reload_is(&hekate, 1.0).await;
    hekate.kill();
    let hekate = home.start().await;
    for name in ["old", "other", "new"] {
        targets.set(name, Mood::Up);
    }
    receiver.hear_up("alerts", down.id()).await;
    hekate.stop().await;
    let told = receiver.told();
    // That the new one joined was not said yet, so it may be told by itself; nothing else is.
    let told = told.iter().filter(|told| told.id() != down.id());
    let others: Vec<_> = told.map(|told| &told.text).collect();
    let is_new = |text: &&String| text.contains(": new");
    assert!(others.iter().all(is_new), "{others:?}");
    let ends = receiver.told().into_iter();
    let ends = ends.filter(|told| told.is_up() && told.id() == down.id());
    assert_eq!(ends.count(), 1);
}
