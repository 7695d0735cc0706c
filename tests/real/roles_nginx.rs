//! Roles from nginx: whom it asked, what it says, and where it sends visitors.

use std::{fs, path::Path, process::Command};

use hekate::model::roles::RoleSource;

use crate::{
    roles::{Application, Colours, request},
    servers::{Server, free_port, program},
};

fn nginx(folder: &Path, blue: u16, green: u16) -> Option<Server> {
    let nginx = program("nginx")?;
    let nobody = free_port();
    Some(Server::on_a_port(folder, |port| {
        let config = format!(
            r#"
            daemon off; master_process off; pid {place}/nginx.pid; error_log {place}/error.log;
            events {{ }}
            http {{
                access_log off; client_body_temp_path {place}/b; proxy_temp_path {place}/p; fastcgi_temp_path {place}/f;
                uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
                # Without max_fails it asks the first one every time.
                upstream pair {{ server 127.0.0.1:{blue} max_fails=0; server 127.0.0.1:{green} backup; }}
                upstream dead {{ server 127.0.0.1:{nobody}; }}
                server {{
                    listen 127.0.0.1:{port};
                    add_header X-Active-Upstream $upstream_addr always;
                    location = / {{ proxy_pass http://pair; }}
                    location = /dead {{ proxy_pass http://dead; }}
                    location = /own {{ return 200 "nobody was asked"; }}
                    location = /word {{ default_type text/plain; return 200 "srv-green\n"; }}
                    location = /json {{ default_type application/json; return 200 '{{"live":{{"slot":"blue"}}}}'; }}
                    location = /moved {{ return 302 http://127.0.0.1:{green}/shop?from=here; }}
                    location = /elsewhere {{ return 301 https://shop.example.test/; }}
                }}
            }}
            "#,
            place = folder.display(),
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, config).expect("the folder can be written");
        let mut command = Command::new(&nginx);
        command.arg("-c").arg(file).arg("-p").arg(folder);
        command
    }))
}

#[tokio::test]
async fn of_those_that_were_asked_the_last_one_answered() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let (blue, green) = (
        Application::start("blue").await,
        Application::start("green").await,
    );
    let colours = Colours::at(blue.port, green.port);
    let Some(server) = nginx(folder.path(), blue.port, green.port) else {
        return;
    };
    let header = |path: &str| RoleSource::Header {
        request: request(&format!("http://127.0.0.1:{}{path}", server.port)),
        name: String::from("x-active-upstream"),
    };
    let public = [header("/")];
    assert_eq!(colours.read(&public).await, ["blue"]);
    blue.stop().await;
    // Its header now has both addresses.
    assert_eq!(colours.read(&public).await, ["green"]);
    green.stop().await;
    // All of them refused: the one that was asked last answered nothing, and nginx says so itself.
    let said = colours
        .read(&[header("/"), header("/dead"), header("/own")])
        .await;
    assert_eq!(said[2], "! the answer has no `x-active-upstream`");
    assert!(said[1].starts_with("! it names `127.0.0.1:"), "{said:?}");
    assert_eq!(
        said[0],
        "! HTTP 502, and none of those that were asked answered"
    );
}

#[tokio::test]
async fn a_word_a_place_and_a_redirect() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let (blue, green) = (free_port(), free_port());
    let colours = Colours::at(blue, green);
    let Some(server) = nginx(folder.path(), blue, green) else {
        return;
    };
    let at = |path: &str| request(&format!("http://127.0.0.1:{}{path}", server.port));
    let body = |path: &str, pointer: &str| RoleSource::Body {
        request: at(path),
        pointer: pointer.to_owned(),
    };
    let redirect = |path: &str| RoleSource::Redirect { request: at(path) };
    let said = colours
        .read(&[
            body("/word", ""),
            body("/json", "/live/slot"),
            body("/json", "/live"),
            body("/nothing", ""),
            redirect("/moved"),
            redirect("/elsewhere"),
            redirect("/word"),
        ])
        .await;
    assert!(said[3].starts_with("! HTTP 404"), "{said:?}");
    let others = [&said[..3], &said[4..]].concat();
    assert_eq!(
        others,
        [
            "green",
            "blue",
            "! what stands at `/live` is no name",
            "green",
            "! it names `shop.example.test`, which is no member",
            "! it does not redirect (HTTP 200)",
        ]
    );
}
