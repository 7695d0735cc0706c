//! The exact texts of real servers, and whom they mean.

use std::{collections::BTreeSet, fs, path::PathBuf};

use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::{
    model::{GroupName, Secret, TargetId, plan::TlsSettings, roles::Member},
    probe::{Freshness, Prober},
};

fn members() -> Vec<Member> {
    let group = GroupName::new("master");
    [("blue", 18_921), ("green", 18_922)]
        .into_iter()
        .map(|(name, port)| Member {
            target: TargetId::of(Some(&group), name),
            name: name.to_owned(),
            called: format!("srv-{name}"),
            address: Some((String::from("127.0.0.1"), port)),
        })
        .collect()
}

/// The names of the active ones, or the reason.
fn said(said: Said) -> String {
    match said {
        Ok(active) => {
            let names: Vec<_> = active
                .iter()
                .map(|position| ["blue", "green"][usize::from(*position)])
                .collect();
            names.join(" ")
        }
        Err(why) => format!("! {why}"),
    }
}

#[test]
fn of_a_header_the_last_address_served() {
    for (value, expected) in [
        ("127.0.0.1:18921", "blue"),
        ("127.0.0.1:18921, 127.0.0.1:18922", "green"),
        (
            "127.0.0.1:18922, 127.0.0.1:18921 : 127.0.0.1:18922",
            "green",
        ),
        ("srv-blue", "blue"),
        ("green", "green"),
        ("http://127.0.0.1:18922/", "green"),
        ("[::ffff:127.0.0.1]:18922", "green"),
        ("127.0.0.1", "! it names `127.0.0.1`, which is no member"),
        ("-", "! it names `-`, which is no member"),
        ("", "! it names nobody"),
    ] {
        let found = web::from_header(StatusCode::OK, value, &members());
        assert_eq!(said(found), expected, "{value}");
    }
    for (value, expected) in [
        ("127.0.0.1:18921", "blue"),
        (
            "127.0.0.1:18921, 127.0.0.1:18922",
            "! HTTP 502, and none of those that were asked answered",
        ),
    ] {
        let found = web::from_header(StatusCode::BAD_GATEWAY, value, &members());
        assert_eq!(said(found), expected, "{value}");
    }
}

#[test]
fn a_body_has_a_name_or_names() {
    for (body, pointer, expected) in [
        ("green\n", "", "green"),
        (
            r#"{"active":{"slot":"srv-green"}}"#,
            "/active/slot",
            "green",
        ),
        (r#"{"active":["blue","green"]}"#, "/active", "blue green"),
        (r#"{"active":null}"#, "/active", ""),
        (
            r#"{"active":7}"#,
            "/active",
            "! what stands at `/active` is no name",
        ),
        ("{}", "/active", "! there is nothing at `/active`"),
        ("<html>", "/active", "! its answer is no JSON"),
    ] {
        let found = web::from_body(body.as_bytes(), pointer, &members());
        assert_eq!(said(found), expected, "{body}");
    }
}

#[test]
fn haproxy_up_is_not_active() {
    let table = |blue: &str, green: &str| {
        format!(
            "# pxname,svname,status,weight,act,bck,addr,\n\
             stats,FRONTEND,OPEN,,,,,\n\
             roih,srv-blue,{blue},\n\
             roih,srv-green,{green},\n\
             roih,BACKEND,UP,100,1,0,,\n\
             other,srv-blue,UP,100,1,0,,\n"
        )
    };
    for (blue, green, expected) in [
        ("UP,100,1,0,", "UP,0,1,0,", "blue"),
        ("UP,100,1,0,", "UP,100,1,0,", "blue green"),
        ("DRAIN,100,1,0,", "UP 1/2,100,1,0,", "green"),
        ("MAINT,100,1,0,", "no check,1,1,0,", "green"),
        ("DOWN,100,1,0,", "UP,0,1,0,", ""),
        ("UP,100,1,0,", "UP,100,0,1,", "blue"),
        ("DOWN,100,1,0,", "UP,100,0,1,", "green"),
        ("UP,x,1,0,", "\"UP\",100,1,0,\"a,b\"", "green"),
    ] {
        let found = haproxy::active(&table(blue, green), "roih", &members());
        assert_eq!(said(found), expected, "{blue} {green}");
    }
    let none = haproxy::active(&table("UP,1,1,0,", "UP,1,1,0,"), "shop", &members());
    assert_eq!(said(none), "! there is no backend `shop`");
    let page = haproxy::active("<html>\n", "roih", &members());
    assert_eq!(said(page), "! its answer is not HAProxy's table of servers");
}

#[test]
fn of_several_backups_haproxy_uses_the_first_unless_told_to_use_all() {
    let table = |blue: &str, total: u32| {
        format!(
            "# pxname,svname,status,weight,act,bck,addr,\n\
             roih,old,{blue},,\n\
             roih,srv-blue,UP,50,0,1,,\n\
             roih,srv-green,UP,30,0,1,,\n\
             roih,BACKEND,UP,{total},0,2,,\n"
        )
    };
    let mut members = members();
    members.push(Member {
        called: String::from("old"),
        ..members[0].clone()
    });
    for (old, total, expected) in [
        ("DOWN,100,1,0", 50, "blue"),
        ("DOWN,100,1,0", 80, "blue green"),
        ("UP,100,1,0", 100, "old"),
    ] {
        let found = haproxy::active(&table(old, total), "roih", &members);
        let names: Vec<_> = found
            .unwrap()
            .iter()
            .map(|position| ["blue", "green", "old"][usize::from(*position)])
            .collect();
        assert_eq!(names.join(" "), expected);
    }
}

/// Half a table would make the members of its other half inactive.
#[tokio::test]
async fn a_table_that_breaks_off_says_nothing() {
    const HEAD: &str = "# pxname,svname,status,weight,act,bck,addr,\n";
    let whole = format!("{HEAD}roih,srv-blue,UP,1,1,0,,\nroih,srv-green,UP,1,1,0,,\n\n");
    let half = format!("{HEAD}roih,srv-blue,UP,1,1,0,,\n");
    let endless = format!("{half}{}\n\n", "x".repeat(ANSWER_BYTES_MAX));
    let is_broken_off = "! its table breaks off";
    let is_too_large = "! its table is larger than 1024 KiB";
    for (answer, expected) in [
        (&*whole, "blue green"),
        (&*half, is_broken_off),
        (&*endless, is_too_large),
        ("\n", "! its answer is not HAProxy's table of servers"),
        (
            "Permission denied\n\n",
            "! its answer is not HAProxy's table of servers",
        ),
        ("", "! its answer is not HAProxy's table of servers"),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answer = answer.to_owned();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 10];
            stream.read_exact(&mut asked).await.unwrap();
            // It is not read to its end where it is too large.
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        let found = haproxy::over_socket(&address, "roih", &members()).await;
        assert_eq!(said(found), expected);
        serving.await.unwrap();
    }
}

#[test]
fn traefik_has_weights_or_servers() {
    let weighted = |blue: i32, green: i32| {
        json!({ "weighted": { "services": [
            { "name": "srv-blue@file", "weight": blue }, { "name": "green", "weight": green },
        ] }, "status": "enabled" })
    };
    let servers = json!([{ "url": "http://127.0.0.1:18921" }, { "url": "http://127.0.0.1:18922" }]);
    let balancer =
        |status: Value| json!({ "loadBalancer": { "servers": servers }, "serverStatus": status });
    for (service, expected) in [
        (weighted(1, 0), "blue"),
        (weighted(3, 1), "blue green"),
        (balancer(Value::Null), "blue green"),
        (
            balancer(json!({ "http://127.0.0.1:18921": "DOWN", "http://127.0.0.1:18922": "UP" })),
            "green",
        ),
        (
            json!({ "mirroring": {} }),
            "! it is neither a weighted service nor a load balancer",
        ),
    ] {
        assert_eq!(
            said(traefik::active(&service, &members())),
            expected,
            "{service}"
        );
    }
}

#[test]
fn envoy_is_not_believed_about_health_alone() {
    let host = |port: u16, health: Value, weight: u32| {
        json!({ "address": { "socket_address": { "address": "127.0.0.1", "port_value": port } },
                "weight": weight, "health_status": health })
    };
    let failing = json!({ "eds_health_status": "HEALTHY", "failed_active_health_check": true });
    let well = json!({ "eds_health_status": "HEALTHY" });
    let draining = json!({ "eds_health_status": "DRAINING" });
    for (blue, green, expected) in [
        (&well, &failing, "blue"),
        (&draining, &well, "green"),
        (&well, &well, "blue green"),
    ] {
        let clusters = json!({ "cluster_statuses": [
            { "name": "shop", "host_statuses": [] },
            { "name": "roih", "host_statuses": [host(18_921, blue.clone(), 1), host(18_922, green.clone(), 1)] },
        ] });
        assert_eq!(said(envoy::active(&clusters, "roih", &members())), expected);
    }
    assert_eq!(
        said(envoy::active(
            &json!({ "cluster_statuses": [] }),
            "roih",
            &members()
        )),
        "! there is no cluster `roih`"
    );
}

#[test]
fn kubernetes_selects_or_is_ready() {
    let service = json!({ "spec": { "selector": { "app": "roih", "color": "srv-blue" } } });
    assert_eq!(
        said(kubernetes::selected(&service, "color", &members())),
        "blue"
    );
    assert_eq!(
        said(kubernetes::selected(&service, "tier", &members())),
        "! its selector has no `tier`"
    );
    let slices = json!({ "items": [{ "endpoints": [
        { "addresses": ["10.0.0.7"], "conditions": { "ready": true }, "targetRef": { "name": "srv-green-7c9f-x2" } },
        { "addresses": ["10.0.0.8"], "conditions": { "ready": true }, "targetRef": { "name": "srv-green-7c9f-x3" } },
        { "addresses": ["10.0.0.9"], "conditions": { "ready": false }, "targetRef": { "name": "srv-blue-1" } },
    ] }] });
    assert_eq!(said(kubernetes::ready(&slices, &members())), "green");
    assert_eq!(
        said(kubernetes::ready(&json!({ "items": [] }), &members())),
        ""
    );
}

#[test]
fn a_name_has_the_addresses_of_members() {
    let set = |addresses: &[&str]| -> BTreeSet<_> {
        addresses
            .iter()
            .map(|address| address.parse().unwrap())
            .collect()
    };
    let hosts = [set(&["10.0.0.1"]), set(&["10.0.0.2", "10.0.0.3"])];
    for (found, expected) in [
        (set(&["10.0.0.3"]), "green"),
        (set(&["10.0.0.1", "10.0.0.2"]), "blue green"),
        (
            set(&["10.0.0.9"]),
            "! it names `10.0.0.9`, which is no member",
        ),
        (set(&[]), "! the name has no address"),
    ] {
        assert_eq!(said(dns::matching(&found, &hosts)), expected);
    }
}

#[test]
fn a_health_answer_has_a_word_or_none() {
    for (body, expected) in [
        (r#"{"active":true}"#, "true"),
        (r#"{"active":" blue "}"#, "blue"),
        (r#"{"active":1}"#, ""),
        ("{}", ""),
        ("UP", ""),
    ] {
        assert_eq!(own::word("/active", body.as_bytes()), expected, "{body}");
    }
}

/// A reading of these sources by the prober, as the engine asks for it.
async fn read(sources: Vec<RoleSource>, limit: Duration) -> Vec<String> {
    let roles = Roles {
        group: GroupName::new("master"),
        members: members(),
        sources,
        is_exactly_one: true,
        is_announced: true,
        every: Duration::from_secs(10),
        stale_after: Duration::from_mins(5),
        grace: Duration::from_mins(3),
    };
    let look = crate::model::LookId {
        slot: crate::model::Slot(1),
        check: 0,
        number: 1,
    };
    let question = crate::model::plan::Question::Roles(Arc::new(roles));
    let prober = Prober::new(Clock::start());
    let seen = prober
        .look(look, &question, limit, Freshness::AsConfigured)
        .await;
    let Some(Extra::Roles(answer)) = seen.extra.as_deref() else {
        panic!("a reading of roles brings opinions");
    };
    let opinions = answer.opinions.iter();
    opinions
        .map(|opinion| format!("{}: {}", opinion.from, said(opinion.active.clone())))
        .collect()
}

fn command(argv: &[&str]) -> RoleSource {
    RoleSource::Command {
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
    }
}

#[tokio::test]
async fn a_file_and_programs_are_read() {
    let path = std::env::temp_dir().join(format!("hekate-active-{}", std::process::id()));
    fs::write(&path, "green since noon\n").unwrap();
    let file = RoleSource::File { path: path.clone() };
    let missing = RoleSource::File {
        path: PathBuf::from("/nonexistent/active"),
    };
    let sources = vec![
        file,
        missing,
        command(&["/bin/echo", "srv-blue", "; echo green"]),
        command(&["/bin/false"]),
        command(&["/nonexistent/program"]),
        // It never ends by itself, and its output is endless.
        command(&["/usr/bin/yes", "blue"]),
        RoleSource::Push {
            token: Secret::new("a-token-of-many-characters"),
        },
    ];
    let read = read(sources, Duration::from_secs(20)).await;
    fs::remove_file(path).unwrap();
    assert_eq!(
        read,
        [
            "file: green",
            "file: ! No such file or directory (os error 2)",
            "command: blue",
            "command: ! the program ended with 1",
            "command: ! No such file or directory (os error 2)",
            "command: ! the program was killed",
        ]
    );
}

#[tokio::test]
async fn a_program_that_hangs_is_given_up() {
    let read = read(
        vec![command(&["/bin/sleep", "600"])],
        Duration::from_millis(50),
    )
    .await;
    assert_eq!(read, ["command: ! no answer within 50 ms"]);
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_no_answer() {
    let store = HttpStore {
        url: "http://127.0.0.1:9/".parse().unwrap(),
        credentials: None,
        headers: Vec::new(),
        tls: TlsSettings::default(),
    };
    let source = RoleSource::Redirect {
        request: Arc::new(store),
    };
    let read = read(vec![source], Duration::from_secs(20)).await;
    assert!(read[0].starts_with("redirect: ! "), "{read:?}");
}
