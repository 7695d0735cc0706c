//! Targets that come and go with the lists of others.

use std::{
    fs,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    home::Home,
    receiver::{Receiver, Told},
    targets::{Mood, Targets},
    wait::until,
    wire::{read_request, respond},
};

fn list(targets: &Targets, names: &[&str]) -> String {
    let address = targets.url("");
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let things: Vec<_> = names
        .iter()
        .map(|name| serde_json::json!({ "targets": [address], "labels": { "name": name } }))
        .collect();
    serde_json::Value::from(things).to_string()
}

const TARGET: &str = r#"{ name: "{{label.name}}", health: "http://{{address}}/{{label.name}}" }"#;

fn is_gone(told: &Told) -> bool {
    told.text.starts_with("NO LONGER WATCHED: one")
}

fn is_unread(told: &Told) -> bool {
    told.text.contains("cannot be read")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_file_lists_comes_and_goes() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let home = Home::new(&receiver, &["ops"]);
    home.write(&format!(
        "discovery:\n  shops: {{ file_sd: ./list.json, every: 1s, target: {TARGET} }}\n"
    ));
    let put = |names: &[&str]| {
        let beside = home.path().join("list.new");
        fs::write(&beside, list(&targets, names)).expect("the folder takes files");
        fs::rename(&beside, home.path().join("list.json")).expect("the folder takes files");
    };
    put(&["one", "two"]);
    targets.set("one", Mood::Down);
    let printed = home.run(&["discover"]).await;
    assert_eq!(printed.status.code(), Some(0), "{printed:?}");
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(
        printed.starts_with("shops  one  http://127.0.0.1:"),
        "{printed}"
    );

    let hekate = home.start().await;
    let down = receiver.hear_down("ops").await;
    hekate.shows("two", "operational").await;
    put(&["one", "two", "three"]);
    hekate.shows("three", "operational").await;

    // Without its source a restart remembers what there was, and the incident goes on.
    hekate.stop().await;
    fs::remove_file(home.path().join("list.json")).expect("it is there");
    let hekate = home.start().await;
    let one = hekate.shows("one", "down").await;
    assert_eq!(one["incident"], down.id());
    hekate.shows("three", "operational").await;
    receiver.hear("ops", "of the missing file", is_unread).await;

    // What leaves the list is gone, not down.
    put(&["two", "three"]);
    let gone = receiver.hear("ops", "that it is gone", is_gone).await;
    assert_eq!(gone.id(), down.id());
    assert!(hekate.target("one").await.is_null());
    hekate.stop().await;
}

/// Answers with whatever list is there.
async fn inventory(said: Arc<Mutex<String>>) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if read_request(&mut stream).await.is_some() {
                let body = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
                respond(
                    &mut stream,
                    200,
                    "Content-Type: application/json\r\n",
                    &body,
                )
                .await;
            }
        }
    });
    (format!("http://{address}/sd"), serving)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_dies_takes_nothing_with_it() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let said = Arc::new(Mutex::new(list(&targets, &["one", "two"])));
    let (url, serving) = inventory(Arc::clone(&said)).await;
    let home = Home::new(&receiver, &["ops"]);
    home.write(&format!(
        "discovery:\n  shops: {{ http_sd: \"{url}\", every: 1s, target: {TARGET} }}\n"
    ));
    targets.set("one", Mood::Down);
    let hekate = home.start().await;
    let down = receiver.hear_down("ops").await;
    hekate.shows("two", "operational").await;

    // Garbage is no list, and is told once.
    *said.lock().unwrap_or_else(PoisonError::into_inner) = String::from("<html>sorry</html>");
    receiver.hear("ops", "of the garbage", is_unread).await;
    serving.abort();
    let asked = targets.asked("two");
    until("it goes on looking", async || {
        (targets.asked("two") > asked + 3).then_some(())
    })
    .await;
    // A file that is read again keeps what was found.
    let text = fs::read_to_string(home.file()).expect("it was written");
    home.write_text(&text.replace("interval: 1s", "interval: 2s"));
    let server = format!("http://{}", hekate.address);
    let asked = home.run(&["reload", "--server", &server]).await;
    assert_eq!(asked.status.code(), Some(0), "{asked:?}");
    let one = hekate.shows("one", "down").await;
    assert_eq!(one["incident"], down.id());
    hekate.stop().await;
    assert!(!receiver.told_to("ops").iter().any(is_gone));
    let troubles = receiver
        .told_to("ops")
        .into_iter()
        .filter(is_unread)
        .count();
    assert_eq!(troubles, 1);
}

/// An API server with one pod, for whoever knows the token of the hour.
async fn api_server(token: Arc<Mutex<String>>, address: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has ports");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let (ip, port) = address.split_once(':').expect("it has a port");
    let pods = serde_json::json!({ "kind": "PodList", "metadata": {}, "items": [ {
        "metadata": { "name": "shop-7c9f", "namespace": "shop", "uid": "u1",
                      "annotations": { "hekate.io/health": "/one", "hekate.io/port": port, "hekate.io/name": "one" } },
        "spec": { "containers": [] },
        "status": { "phase": "Running", "podIP": ip, "conditions": [ { "type": "Ready", "status": "True" } ] }
    } ] })
    .to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let Some(request) = read_request(&mut stream).await else {
                continue;
            };
            let known = token.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let known = format!("Bearer {known}");
            let is_known = request.header("authorization") == Some(known.as_str());
            let (status, body) = if is_known {
                (200, pods.as_str())
            } else {
                (
                    401,
                    r#"{"kind":"Status","message":"Unauthorized","code":401}"#,
                )
            };
            respond(
                &mut stream,
                status,
                "Content-Type: application/json\r\n",
                body,
            )
            .await;
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_changes_is_read_again() {
    let (targets, receiver) = (Targets::start().await, Receiver::start().await);
    let address = targets.url("");
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let token = Arc::new(Mutex::new(String::from("first-token-of-the-account")));
    let url = api_server(Arc::clone(&token), address.to_owned()).await;
    let home = Home::new(&receiver, &["ops"]);
    let put = |text: &str| {
        let beside = home.path().join("token.new");
        fs::write(&beside, text).expect("the folder takes files");
        fs::rename(&beside, home.path().join("token")).expect("the folder takes files");
    };
    put("first-token-of-the-account\n");
    home.write(&format!(
        "discovery:\n  pods:\n    kubernetes: {{ url: \"{url}\", token_file: ./token, list: pods }}\n    every: 1s\n    \
         target: {{ name: \"{{{{label.name}}}}\", health: \"http://{{{{address}}}}{{{{label.health}}}}\" }}\n"
    ));
    let printed = home.run(&["discover"]).await;
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert_eq!(printed, format!("pods  one  http://{address}/one\n"));

    let hekate = home.start().await;
    hekate.shows("one", "operational").await;
    "second-token-of-the-account"
        .clone_into(&mut token.lock().unwrap_or_else(PoisonError::into_inner));
    let told = receiver.hear("ops", "of the refusal", is_unread).await;
    assert!(told.text.contains("401"), "{}", told.text);
    hekate.shows("one", "operational").await;
    put("second-token-of-the-account\n");
    receiver
        .hear("ops", "that it is read again", |told| {
            told.text.contains("over: ")
        })
        .await;
    hekate.shows("one", "operational").await;
    hekate.stop().await;
}
