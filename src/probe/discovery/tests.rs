//! Stand-ins that answer as an API server and an engine do, with what they get wrong.

use std::{
    fmt::Write as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixListener,
};

use crate::{
    model::{
        Secret,
        discovery::{DockerEngine, DockerPlace, KubernetesList, KubernetesPlace},
        logs::StoreCredentials,
        plan::Credentials,
    },
    probe::logs::stand_in::{Asked, Reply, StandIn},
};

use super::*;

fn written(list: &[Found], keys: &[&str]) -> String {
    let mut out = String::new();
    for found in list {
        let _ = write!(out, "{}", found.address);
        for key in keys {
            let value = found.labels.get(*key).map_or("-", String::as_str);
            let _ = write!(out, " {key}={value}");
        }
        out.push('\n');
    }
    out
}

async fn read(place: &Place, before: &[Found]) -> Result<Vec<Found>, String> {
    Reader::new(Clock::start()).read(place, before).await
}

// Docker

fn docker(stand_in: &StandIn) -> DockerPlace {
    DockerPlace {
        engine: DockerEngine::Http(Box::new(stand_in.http())),
        labels: vec![String::from("hekate.enable=true")],
        is_published: false,
        network: None,
        host: String::from("127.0.0.1"),
    }
}

/// A container as the engine lists it, shortened to what matters and something that does not.
fn container(name: &str, state: &str, status: &str, ip: &str, labels: &Value) -> Value {
    json!({
        "Id": format!("{name}{}", "0123456789abcdef".repeat(4)),
        "Names": [format!("/other/{name}"), format!("/{name}")],
        "Image": "registry.test/shop:7", "ImageID": "sha256:1", "Command": "run", "Created": 1_795_000_000,
        "State": state, "Status": status, "Labels": labels,
        "Ports": if ip.is_empty() { json!([]) } else { json!([
            { "PrivatePort": 9090, "Type": "tcp" },
            { "IP": "0.0.0.0", "PrivatePort": 8080, "PublicPort": 32768, "Type": "tcp" },
            { "IP": "::", "PrivatePort": 8080, "PublicPort": 32768, "Type": "tcp" },
            { "PrivatePort": 53, "Type": "udp" }
        ]) },
        "HostConfig": { "NetworkMode": "shop_default" },
        "NetworkSettings": { "Networks": {
            "shop_default": { "IPAddress": ip, "GlobalIPv6Address": "", "MacAddress": "02:42" }
        } },
        "Mounts": []
    })
}

async fn engine(list: Value) -> StandIn {
    StandIn::always(Reply::json(200, &list.to_string())).await
}

#[tokio::test]
async fn containers_say_who_they_are() {
    let stand_in = engine(json!([
        container("web", "running", "Up 2 minutes", "172.18.0.2", &json!({
            "hekate.enable": "true", "hekate.health": "status", "hekate.port": "9090",
            "hekate.group": "shop", "hekate.name": "front", "com.docker.compose.service": "web"
        })),
        container("api", "running", "Up 2 minutes", "172.18.0.3", &json!({ "hekate.enable": "true" })),
        container("off", "running", "Up 2 minutes", "172.18.0.4", &json!({ "hekate.enable": "false" })),
        container("new", "created", "Created", "", &json!({ "hekate.enable": "true" })),
        // Podman writes null where nothing is.
        { "Id": "0123456789abcdef", "Names": ["/bare"], "State": "running", "Labels": null, "Ports": null,
          "NetworkSettings": { "Networks": null } },
    ]))
    .await;
    let place = Place::Docker(docker(&stand_in));
    let list = read(&place, &[]).await.unwrap();
    expect![[r#"
         name=bare health=/health group=- port=- com.docker.compose.service=-
        172.18.0.2:9090 name=front health=/status group=shop port=9090 com.docker.compose.service=web
        172.18.0.3:8080 name=api health=/health group=- port=8080 com.docker.compose.service=-
    "#]]
    .assert_eq(&written(
        &list,
        &["name", "health", "group", "port", "com.docker.compose.service"],
    ));
    let asked = &stand_in.asked()[0];
    assert_eq!(asked.path, "/containers/json");
    assert_eq!(asked.parameter("all"), "1");
    assert_eq!(
        asked.parameter("filters"),
        r#"{"label":["hekate.enable=true"]}"#
    );
    // By published ports; what publishes none is known, but not where it is.
    let place = Place::Docker(DockerPlace {
        is_published: true,
        host: String::from("docker.test"),
        ..docker(&stand_in)
    });
    let list = read(&place, &[]).await.unwrap();
    expect![[r#"
         name=front
         name=bare
        docker.test:32768 name=api
    "#]]
    .assert_eq(&written(&list, &["name"]));
}

#[tokio::test]
async fn a_container_that_died_stays_and_one_that_was_removed_is_gone() {
    let on = json!({ "hekate.enable": "true" });
    let all = |state: &str, status: &str, ip: &str| {
        json!([
            container("api", state, status, ip, &on),
            container("web", "running", "Up 2 minutes", "172.18.0.2", &on)
        ])
    };
    let running = engine(all("running", "Up 2 minutes", "172.18.0.3")).await;
    let before = read(&Place::Docker(docker(&running)), &[]).await.unwrap();
    assert_eq!(before.len(), 2);
    for (state, status, is_there) in [
        ("restarting", "Restarting (1) 3 seconds ago", true),
        ("exited", "Exited (137) 2 minutes ago", true),
        ("exited", "Exited (0) 2 minutes ago", false),
        ("removing", "Removal In Progress", false),
        ("dead", "Dead", false),
    ] {
        let stand_in = engine(all(state, status, "")).await;
        let place = Place::Docker(docker(&stand_in));
        let list = read(&place, &before).await.unwrap();
        let is_same = list == before;
        assert_eq!(
            (is_same, list.len()),
            (is_there, 1 + usize::from(is_there)),
            "{status}"
        );
    }
    // Never seen while it ran: nobody knows where it was.
    let stand_in = engine(all("exited", "Exited (137) 2 minutes ago", "")).await;
    let list = read(&Place::Docker(docker(&stand_in)), &[]).await.unwrap();
    assert_eq!(list.len(), 1);
    // What took its place stands for it.
    let mut after = container("new", "running", "Up 1 second", "172.18.0.9", &on);
    after["Names"] = json!(["/api"]);
    let stand_in = engine(json!([
        container("api", "exited", "Exited (1) 2 minutes ago", "", &on),
        after
    ]))
    .await;
    let list = read(&Place::Docker(docker(&stand_in)), &before)
        .await
        .unwrap();
    assert_eq!(written(&list, &["name"]), "172.18.0.9:8080 name=api\n");
}

#[tokio::test]
async fn half_a_list_of_containers_is_none() {
    let huge = format!("[{}", " ".repeat(5 * 1024 * 1024));
    let cases: [(Reply, Expect); 7] = [
        (Reply::json(200, "[]"), expect!["Ok([])"]),
        (
            Reply::json(200, "{}"),
            expect![[r#"Err("its answer is no list of containers")"#]],
        ),
        (
            Reply::json(200, "null"),
            expect![[r#"Err("its answer is no list of containers")"#]],
        ),
        (
            Reply::text(200, "<html>sorry</html>"),
            expect![[r#"Err("its answer is no list of containers")"#]],
        ),
        (
            Reply::json(500, r#"{"message":"daemon is\nbusy"}"#),
            expect![[r#"Err("HTTP 500: daemon is busy")"#]],
        ),
        (
            Reply::Cut(b"[".to_vec()),
            expect![[r#"Err("end of file before message length reached")"#]],
        ),
        (
            Reply::json(200, &huge),
            expect![[r#"Err("its answer is larger than 4 MiB")"#]],
        ),
    ];
    for (reply, expected) in cases {
        let stand_in = StandIn::always(reply).await;
        let read = read(&Place::Docker(docker(&stand_in)), &[]).await;
        expected.assert_eq(&format!("{read:?}"));
    }
}

#[tokio::test]
async fn the_engine_of_this_machine_is_asked_over_its_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let body = json!([container("api", "running", "Up", "172.18.0.3", &json!({}))]).to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let place = |socket: &Path| {
        Place::Docker(DockerPlace {
            engine: DockerEngine::Socket(socket.to_owned()),
            labels: vec![String::from("a=b c")],
            is_published: false,
            network: None,
            host: String::from("127.0.0.1"),
        })
    };
    let list = read(&place(&path), &[]).await.unwrap();
    assert_eq!(written(&list, &["name"]), "172.18.0.3:8080 name=api\n");
    let missing = read(&place(&folder.path().join("other.sock")), &[]).await;
    assert_eq!(missing, Err(String::from("there is no such socket")));
}

// Kubernetes

fn kubernetes(stand_in: &StandIn, list: KubernetesList) -> Place {
    let mut server = stand_in.http();
    server.credentials = Some(StoreCredentials::Common(Credentials::Bearer(Secret::new(
        "t0ken-of-the-account",
    ))));
    Place::Kubernetes(KubernetesPlace {
        server,
        list,
        namespaces: vec![String::from("shop")],
        selector: String::from("app=shop"),
    })
}

fn list_of(kind: &str, items: &Value, goes_on: &str) -> Reply {
    let list = json!({
        "kind": kind, "apiVersion": "v1",
        "metadata": { "resourceVersion": "7", "continue": goes_on, "remainingItemCount": 1 },
        "items": items
    });
    Reply::json(200, &list.to_string())
}

/// The refusal of an API server.
fn status(code: u16, reason: &str, message: &str) -> Reply {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code
    });
    Reply::json(code, &body.to_string())
}

fn pod(name: &str, ip: &str, phase: &str, is_ready: bool, created: &str) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "shop", "uid": format!("uid-{name}"), "creationTimestamp": created,
            "labels": { "app": "shop", "app.kubernetes.io/name": "shop" },
            "annotations": { "hekate.io/health": "/ready", "hekate.io/group": "shop",
                             "kubectl.kubernetes.io/last-applied-configuration": "{}" },
            "managedFields": [{}]
        },
        "spec": { "nodeName": "node-1", "containers": [
            { "name": "web", "ports": [ { "name": "metrics", "containerPort": 9090, "protocol": "TCP" },
                                        { "name": "http", "containerPort": 8080, "protocol": "TCP" } ] },
            { "name": "side" }
        ] },
        "status": { "phase": phase, "podIP": ip,
            "conditions": [ { "type": "Initialized", "status": "True" },
                            { "type": "Ready", "status": if is_ready { "True" } else { "False" } } ] }
    })
}

/// Long ago, and never: pods that are young are compared with the clock of this machine.
const OLD: &str = "2020-01-01T00:00:00Z";
const YOUNG: &str = "2999-01-01T00:00:00Z";

#[tokio::test]
async fn pods_join_when_they_are_ready_and_leave_when_they_end() {
    let mut ending = pod("ending", "10.1.0.6", "Running", true, OLD);
    ending["metadata"]["deletionTimestamp"] = json!("2026-11-22T01:00:00Z");
    let mut off = pod("off", "10.1.0.7", "Running", true, OLD);
    off["metadata"]["annotations"]["hekate.io/enable"] = json!("false");
    let mut other = pod("other", "fd00::8", "Running", true, OLD);
    other["metadata"]["annotations"] =
        json!({ "hekate.io/port": "metrics", "hekate.io/name": "extra" });
    let items = json!([
        pod("ready", "10.1.0.1", "Running", true, YOUNG),
        pod("beginning", "10.1.0.2", "Running", false, YOUNG),
        pod("stuck", "10.1.0.3", "Running", false, OLD),
        pod("failing", "10.1.0.4", "Running", false, YOUNG),
        pod("done", "10.1.0.5", "Succeeded", false, OLD),
        pod("evicted", "", "Failed", false, OLD),
        pod("waiting", "", "Pending", false, OLD),
        ending,
        off,
        other
    ]);
    let stand_in = StandIn::always(list_of("PodList", &items, "")).await;
    let before = [Found {
        address: String::from("10.1.0.4:8080"),
        labels: [(String::from("uid"), String::from("uid-failing"))].into(),
    }];
    let place = kubernetes(&stand_in, KubernetesList::Pods);
    let list = read(&place, &before).await.unwrap();
    expect![[r#"
         name=waiting health=/ready group=shop pod=waiting app.kubernetes.io_name=shop
        10.1.0.1:8080 name=ready health=/ready group=shop pod=ready app.kubernetes.io_name=shop
        10.1.0.3:8080 name=stuck health=/ready group=shop pod=stuck app.kubernetes.io_name=shop
        10.1.0.4:8080 name=failing health=/ready group=shop pod=failing app.kubernetes.io_name=shop
        [fd00::8]:9090 name=extra health=/health group=- pod=other app.kubernetes.io_name=shop
    "#]]
    .assert_eq(&written(
        &list,
        &["name", "health", "group", "pod", "app.kubernetes.io_name"],
    ));
    let asked = &stand_in.asked()[0];
    assert_eq!(asked.path, "/api/v1/namespaces/shop/pods");
    assert_eq!(asked.parameter("labelSelector"), "app=shop");
    assert_eq!(asked.parameter("limit"), "100");
    assert_eq!(asked.header("authorization"), "Bearer t0ken-of-the-account");
}

fn cluster(asked: &Asked) -> Reply {
    let services = json!([
        { "metadata": { "name": "web", "namespace": "shop", "uid": "s1", "labels": { "tier": "front" },
                        "annotations": { "hekate.io/health": "/live", "hekate.io/port": "admin" } },
          "spec": { "type": "ClusterIP", "clusterIP": "10.96.0.1",
                    "ports": [ { "name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP" } ] } },
        { "metadata": { "name": "far", "namespace": "shop", "uid": "s2" },
          "spec": { "type": "ExternalName", "externalName": "far.example.test" } },
        { "metadata": { "name": "odd", "namespace": "shop", "uid": "s3" },
          "spec": { "type": "ExternalName", "externalName": "not a host" } }
    ]);
    let endpoint = |address: &str, pod: &str, conditions: Value| {
        json!({ "addresses": [address], "conditions": conditions, "nodeName": "node-1", "zone": "eu-1a",
                "targetRef": { "kind": "Pod", "name": pod, "uid": format!("uid-{pod}") } })
    };
    let ports = json!([ { "name": "http", "port": 8080, "protocol": "TCP" },
                        { "name": "admin", "port": 9000, "protocol": "TCP" } ]);
    let slice = |name: &str, service: &str, family: &str, endpoints: Value| {
        json!({ "metadata": { "name": name, "namespace": "shop", "labels": { "kubernetes.io/service-name": service } },
                "addressType": family, "ports": ports, "endpoints": endpoints })
    };
    let slices = json!([
        slice(
            "web-v6",
            "web",
            "IPv6",
            json!([endpoint("fd00::1", "a", json!({ "ready": true }))])
        ),
        slice(
            "web-v4",
            "web",
            "IPv4",
            json!([
                endpoint(
                    "10.1.0.1",
                    "a",
                    json!({ "ready": true, "serving": true, "terminating": false })
                ),
                endpoint("10.1.0.2", "b", json!({})),
                endpoint(
                    "10.1.0.3",
                    "beginning",
                    json!({ "ready": false, "serving": false, "terminating": false })
                ),
                endpoint("10.1.0.4", "failing", json!({ "ready": false })),
                endpoint(
                    "10.1.0.5",
                    "ending",
                    json!({ "ready": false, "serving": true, "terminating": true })
                ),
            ])
        ),
        slice(
            "web-again",
            "web",
            "IPv4",
            json!([endpoint("10.1.0.1", "a", json!({ "ready": true }))])
        ),
        slice(
            "nobody",
            "unknown",
            "IPv4",
            json!([endpoint("10.1.0.9", "z", json!({ "ready": true }))])
        ),
        slice("empty", "web", "IPv4", Value::Null)
    ]);
    if asked.path.ends_with("/endpointslices") {
        list_of("EndpointSliceList", &slices, "")
    } else {
        list_of("ServiceList", &services, "")
    }
}

#[tokio::test]
async fn endpoints_say_what_their_service_says() {
    let stand_in = StandIn::start(cluster).await;
    let before = [Found {
        address: String::from("10.1.0.4:9000"),
        labels: [(String::from("uid"), String::from("uid-failing"))].into(),
    }];
    let place = kubernetes(&stand_in, KubernetesList::Endpoints);
    let list = read(&place, &before).await.unwrap();
    expect![[r#"
        10.1.0.1:9000 name=a service=web health=/live zone=eu-1a tier=front
        10.1.0.2:9000 name=b service=web health=/live zone=eu-1a tier=front
        10.1.0.4:9000 name=failing service=web health=/live zone=eu-1a tier=front
    "#]]
    .assert_eq(&written(
        &list,
        &["name", "service", "health", "zone", "tier"],
    ));
    let place = kubernetes(&stand_in, KubernetesList::Services);
    let list = read(&place, &[]).await.unwrap();
    expect![[r#"
         name=odd namespace=shop
        far.example.test name=far namespace=shop
        web.shop.svc:80 name=web namespace=shop
    "#]]
    .assert_eq(&written(&list, &["name", "namespace"]));
}

#[tokio::test]
async fn pages_are_joined_and_a_list_that_was_forgotten_is_begun_anew() {
    let count = Arc::new(AtomicUsize::new(0));
    let forgotten = Arc::clone(&count);
    let stand_in = StandIn::start(move |asked| match asked.parameter("continue") {
        "" => list_of(
            "PodList",
            &json!([pod("a", "10.1.0.1", "Running", true, OLD)]),
            "page 2==",
        ),
        "page 2==" if forgotten.fetch_add(1, Ordering::SeqCst) == 0 => status(
            410,
            "Expired",
            "The provided continue parameter is too old to display a consistent list result.",
        ),
        "page 2==" => list_of(
            "PodList",
            &json!([pod("b", "10.1.0.2", "Running", true, OLD)]),
            "",
        ),
        other => status(400, "BadRequest", other),
    })
    .await;
    let place = kubernetes(&stand_in, KubernetesList::Pods);
    let list = read(&place, &[]).await.unwrap();
    assert_eq!(written(&list, &[]), "10.1.0.1:8080\n10.1.0.2:8080\n");
    assert_eq!(stand_in.asked().len(), 4);
}

#[tokio::test]
async fn half_a_list_of_kubernetes_is_none() {
    let page = |items: &Value| list_of("PodList", items, "again");
    let huge = format!("{{\"items\":[{}", " ".repeat(5 * 1024 * 1024));
    let cases: [(Reply, Expect); 11] = [
        (list_of("PodList", &json!([]), ""), expect!["Ok([])"]),
        (list_of("PodList", &Value::Null, ""), expect!["Ok([])"]),
        (
            Reply::json(200, "{}"),
            expect![[r#"Err("its answer is no list as Kubernetes writes them")"#]],
        ),
        (
            Reply::json(200, r#"{"items":[{"metadata":{"name":7}}]}"#),
            expect![[r#"Err("its answer is no list as Kubernetes writes them")"#]],
        ),
        (
            Reply::text(200, "<html>sorry</html>"),
            expect![[r#"Err("its answer is no list as Kubernetes writes them")"#]],
        ),
        (
            status(401, "Unauthorized", "Unauthorized: t0ken-of-the-account"),
            expect![[r#"Err("HTTP 401: Unauthorized: (redacted)")"#]],
        ),
        (
            status(
                403,
                "Forbidden",
                "pods is forbidden: User \"x\" cannot list resource \"pods\"",
            ),
            expect![[
                r#"Err("HTTP 403: pods is forbidden: User \"x\" cannot list resource \"pods\"")"#
            ]],
        ),
        (
            status(410, "Expired", "too old resource version"),
            expect![[r#"Err("HTTP 410: too old resource version")"#]],
        ),
        (
            page(&json!([])),
            expect![[r#"Err("its answer is no list as Kubernetes writes them")"#]],
        ),
        (
            Reply::Cut(b"{\"items\":[".to_vec()),
            expect![[r#"Err("end of file before message length reached")"#]],
        ),
        (
            Reply::json(200, &huge),
            expect![[r#"Err("its answer is larger than 4 MiB")"#]],
        ),
    ];
    for (reply, expected) in cases {
        let stand_in = StandIn::always(reply).await;
        let read = read(&kubernetes(&stand_in, KubernetesList::Pods), &[]).await;
        expected.assert_eq(&format!("{read:?}"));
    }
    // Pages that are forgotten again and again.
    let stand_in = StandIn::start(|asked| match asked.parameter("continue") {
        "" => list_of("PodList", &json!([]), "2"),
        _ => status(410, "Expired", "too old"),
    })
    .await;
    let read = read(&kubernetes(&stand_in, KubernetesList::Pods), &[]).await;
    expect![[r#"Err("its list changes faster than its pages can be read (HTTP 410)")"#]]
        .assert_eq(&format!("{read:?}"));
    assert_eq!(stand_in.asked().len(), 6);
}

#[test]
fn a_path_cannot_become_a_part_of_a_host() {
    for (said, path) in [
        ("@evil.test/", "/@evil.test/"),
        ("", "/"),
        ("/ok", "/ok"),
        (":80/x", "/:80/x"),
    ] {
        let mut labels = Labels::default();
        labels.own("hekate.", [(&"hekate.health".to_owned(), &said.to_owned())]);
        assert_eq!(labels.0["health"], path);
    }
}

proptest! {
    #[test]
    fn labels_are_such_that_a_template_can_name_them(
        pairs in prop::collection::btree_map("\\PC{0,150}|[\\x00-\\x20\u{202e}a-z]{0,20}", "(?s).{0,300}", 0..80),
    ) {
        let mut labels = Labels::foreign(&pairs);
        labels.own("a", &pairs);
        for (key, value) in &labels.0 {
            prop_assert!(key.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-')));
            prop_assert!(key.chars().count() <= NAME_MAX && value.chars().count() <= VALUE_MAX);
            prop_assert!(!value.chars().any(char::is_control));
        }
    }
}
