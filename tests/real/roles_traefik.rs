//! Roles from Traefik: weights that change while it runs, and servers that its health checks find down.

use std::{fs, path::Path, process::Command};

use expect_test::expect;
use hekate::model::roles::RoleSource;

use crate::{
    roles::{Application, Colours, request},
    servers::{Server, installed, line},
};

fn traefik(folder: &Path) -> Option<Server> {
    let traefik = installed("traefik")?.join("bin/traefik");
    Some(Server::on_a_port(folder, |port| {
        let mut command = Command::new(&traefik);
        command.args([
            "--api.insecure=true",
            "--ping=true",
            "--global.checknewversion=false",
            "--global.sendanonymoususage=false",
            "--log.level=WARN",
            "--providers.providersthrottleduration=10ms",
        ]);
        command
            .arg(format!("--entrypoints.traefik.address=127.0.0.1:{port}"))
            .arg(format!(
                "--providers.file.filename={}",
                folder.join("dynamic.yml").display()
            ));
        command
    }))
}

/// The file of its services; both weights, as they are written in it.
fn write(folder: &Path, ports: [u16; 2], weights: [&str; 2]) {
    let [blue, green] = ports;
    let [blue_weight, green_weight] = weights;
    let text = format!(
        "
http:
  routers:
    public: {{ rule: 'PathPrefix(`/shop`)', service: roih, entryPoints: [traefik] }}
    # Traefik builds, and checks, only what a router uses.
    checked: {{ rule: 'PathPrefix(`/checked`)', service: checked, entryPoints: [traefik] }}
  services:
    roih:
      weighted:
        services:
          - {{ name: srv-blue{blue_weight} }}
          - {{ name: green{green_weight} }}
    srv-blue: {{ loadBalancer: {{ servers: [{{ url: 'http://127.0.0.1:{blue}' }}] }} }}
    green: {{ loadBalancer: {{ servers: [{{ url: 'http://127.0.0.1:{green}' }}] }} }}
    checked:
      loadBalancer:
        healthCheck: {{ path: /health, interval: 50ms, timeout: 5s }}
        servers: [{{ url: 'http://127.0.0.1:{blue}' }}, {{ url: 'http://127.0.0.1:{green}/' }}]
    strange: {{ mirroring: {{ service: roih }} }}
"
    );
    let file = folder.join("dynamic.yml");
    let beside = folder.join("dynamic.yml.new");
    fs::write(&beside, text).expect("the folder takes files");
    fs::rename(beside, file).expect("the folder takes files");
}

#[tokio::test]
async fn weights_change_while_it_runs() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let (blue, green) = (
        Application::start("blue").await,
        Application::start("green").await,
    );
    let ports = [blue.port, green.port];
    let colours = Colours::at(blue.port, green.port);
    write(folder.path(), ports, [", weight: 1", ", weight: 0"]);
    let Some(server) = traefik(folder.path()) else {
        return;
    };
    let service = |name: &str| RoleSource::Traefik {
        request: request(&format!("http://127.0.0.1:{}", server.port)),
        service: name.to_owned(),
    };
    let weighted = [service("roih@file")];
    colours.until(&weighted, "blue").await;
    for (weights, expected) in [
        ([", weight: 0", ", weight: 3"], "green"),
        ([", weight: 1", ", weight: 3"], "blue green"),
        ([", weight: 0", ", weight: 0"], ""),
        (["", ", weight: 0"], "blue"),
    ] {
        write(folder.path(), ports, weights);
        colours.until(&weighted, expected).await;
    }

    expect!["healthy [word]"].assert_eq(&line(&server.look("/ping").await));

    let checked = [service("checked@file")];
    colours.until(&checked, "blue green").await;
    blue.stop().await;
    colours.until(&checked, "green").await;

    let said = colours
        .read(&[
            service("strange@file"),
            service("nothing@file"),
            service("../../rawdata"),
        ])
        .await;
    assert_eq!(
        said[0],
        "! it is neither a weighted service nor a load balancer"
    );
    assert!(said[1].starts_with("! HTTP 404"), "{said:?}");
    assert!(said[2].starts_with("! "), "{said:?}");
}
