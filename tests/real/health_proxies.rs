//! What stands in front of applications: nginx and `HAProxy`; and Prometheus, which answers in free text.

use std::{fs, net::TcpListener, path::Path, process::Command};

use expect_test::expect;

use crate::servers::{Server, free_port, line, program};

fn nginx(folder: &Path) -> Option<Server> {
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
                limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m; limit_req_status 429;
                server {{
                    listen 127.0.0.1:{port};
                    location = /word {{ default_type text/plain; return 200 "healthy\n"; }}
                    location = /json {{ default_type application/json; return 200 '{{"status":"UP"}}'; }}
                    location = /page {{ default_type text/html; return 200 '<html>shop</html>'; }}
                    location = /empty {{ return 204; }}
                    location = /gone {{ proxy_pass http://127.0.0.1:{nobody}; }}
                    location = /busy {{ return 503; }}
                    location = /down {{ default_type application/json; return 503 '{{"status":"DOWN"}}'; }}
                    location = /moved {{ return 301 https://new.example.test/health?key=1; }}
                    location = /door {{ return 302 /login?next=/door; }}
                    location = /locked {{ auth_basic "x"; auth_basic_user_file {place}/nobody; try_files /nothing =418; }}
                    location = /forbidden {{ deny all; }}
                    location = /limited {{ limit_req zone=one; try_files /nothing =418; }}
                }}
            }}
            "#,
            place = folder.display(),
        );
        fs::write(folder.join("nobody"), "").expect("the folder can be written");
        let file = folder.join("nginx.conf");
        fs::write(&file, config).expect("the folder can be written");
        let mut command = Command::new(&nginx);
        command.arg("-c").arg(file).arg("-p").arg(folder);
        command
    }))
}

#[tokio::test]
async fn nginx_as_application_and_as_proxy() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let Some(server) = nginx(folder.path()) else {
        return;
    };
    let lines = server
        .lines(&[
            "/word",
            "/json",
            "/page",
            "/empty",
            "/gone",
            "/busy",
            "/down",
            "/moved",
            "/door",
            "/locked",
            "/forbidden",
            "/nothing",
        ])
        .await;
    expect![[r#"
        /word healthy [aspnet]
        /json healthy [simple]
        /page healthy [code_only]
        /empty healthy [code_only]
        /gone unhealthy [code_only] refused proxy_error: HTTP 502, the load balancer answered, not the app (nginx)
        /busy unhealthy [code_only] refused proxy_error: HTTP 503, the load balancer answered, not the app (nginx)
        /down unhealthy [simple] explicit says_down: HTTP 503, the body says DOWN
        /moved degraded [-] redirected: HTTP 301, redirected to https://new.example.test/health
        /door unobservable [-] not_authorised: HTTP 302, redirected to a login page: http://127.0.0.1:PORT/login
        /locked unobservable [-] not_authorised: HTTP 401, we are not let in
        /forbidden unobservable [-] not_authorised: HTTP 403, we are not let in
        /nothing unhealthy [-] refused not_found: HTTP 404, there is nothing at this path
    "#]].assert_eq(&lines);
    // One a minute is let through.
    server.look("/limited").await;
    expect!["degraded [code_only] throttled: HTTP 429, we are told to ask less often"]
        .assert_eq(&line(&server.look("/limited").await));
    let via = server
        .look("/gone")
        .await
        .detail
        .and_then(|detail| detail.via);
    assert!(via.is_some_and(|via| via.starts_with("nginx/")));
}

#[tokio::test]
async fn haproxy_says_when_nobody_is_behind_it() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let Some((haproxy, application)) = program("haproxy").zip(nginx(folder.path())) else {
        return;
    };
    let nobody = free_port();
    // It takes connections and never answers.
    let mute = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let mute_port = mute.local_addr().expect("it is bound").port();
    let server = Server::on_a_port(folder.path(), |port| {
        let config = format!(
            "
global
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 300ms
    retries 0
frontend all
    bind 127.0.0.1:{port}
    monitor-uri /ping
    acl is_dead path_beg /dead
    acl is_mute path_beg /mute
    use_backend dead if is_dead
    use_backend mute if is_mute
    default_backend application
backend application
    server one 127.0.0.1:{application}
backend dead
    server one 127.0.0.1:{nobody}
backend mute
    server one 127.0.0.1:{mute_port}
",
            application = application.port,
        );
        let file = folder.path().join("haproxy.cfg");
        fs::write(&file, config).expect("the folder can be written");
        let mut command = Command::new(&haproxy);
        command.arg("-db").arg("-f").arg(file);
        command
    });
    let lines = server
        .lines(&["/ping", "/json", "/down", "/dead", "/mute"])
        .await;
    expect![[r#"
        /ping healthy [code_only]
        /json healthy [simple]
        /down unhealthy [simple] explicit says_down: HTTP 503, the body says DOWN
        /dead unhealthy [code_only] refused proxy_error: HTTP 503, the load balancer answered, not the app
        /mute unhealthy [code_only] refused proxy_error: HTTP 504, the load balancer answered, not the app
    "#]].assert_eq(&lines);
}

#[tokio::test]
async fn haproxy_fails_its_monitor_uri() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let Some(haproxy) = program("haproxy") else {
        return;
    };
    let server = Server::on_a_port(folder.path(), |port| {
        let config = format!(
            "
global
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
frontend all
    bind 127.0.0.1:{port}
    monitor-uri /ping
    monitor fail if {{ nbsrv(nobody) lt 1 }}
    default_backend nobody
backend nobody
"
        );
        let file = folder.path().join("haproxy.cfg");
        fs::write(&file, config).expect("the folder can be written");
        let mut command = Command::new(&haproxy);
        command.arg("-db").arg("-f").arg(file);
        command
    });
    expect!["unhealthy [code_only] refused proxy_error: HTTP 503, the load balancer answered, not the app"].assert_eq(&line(&server.look("/ping").await));
}

#[tokio::test]
async fn prometheus_answers_in_free_text_and_in_json() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let Some(prometheus) = program("prometheus") else {
        return;
    };
    let config = folder.path().join("prometheus.yml");
    fs::write(&config, "global: {}\n").expect("the folder can be written");
    let server = Server::on_a_port(folder.path(), |port| {
        let mut command = Command::new(&prometheus);
        command
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ));
        command
    });
    // It listens before it is ready, and says 503 until then.
    let ready = server
        .look_until("/-/ready", |reading| line(reading).starts_with("healthy"))
        .await;
    expect!["healthy [code_only]"].assert_eq(&line(&ready));
    let lines = server
        .lines(&[
            "/-/healthy",
            "/",
            "/api/v1/status/buildinfo",
            "/api/v1/query",
            "/-/nothing",
        ])
        .await;
    expect![[r#"
        /-/healthy healthy [code_only]
        / degraded [-] redirected: HTTP 302, redirected to http://127.0.0.1:PORT/classic/graph
        /api/v1/status/buildinfo healthy [simple]
        /api/v1/query unhealthy [simple] explicit says_down: HTTP 400, the body says error: invalid parameter "query": 1:1: parse error: no expression found in input
        /-/nothing unhealthy [-] refused not_found: HTTP 404, there is nothing at this path
    "#]].assert_eq(&lines);
}
