//! Roles from `HAProxy`: its statistics page and its socket, while it is told what to do.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use hekate::model::{
    Secret,
    logs::{HttpStore, StoreCredentials},
    plan::{Credentials, TlsSettings},
    roles::RoleSource,
};

use crate::{
    roles::{Application, Colours, request},
    servers::{Server, free_port, program},
};

const PASSWORD: &str = "opens-the-page";

/// A running `HAProxy` before blue and green.
pub(crate) struct Proxy {
    server: Server,
    socket: PathBuf,
    socket_port: u16,
}

impl Proxy {
    pub(crate) fn start(folder: &Path, blue: u16, green: u16) -> Option<Self> {
        let haproxy = program("haproxy")?;
        let socket = folder.join("admin.sock");
        let socket_port = free_port();
        let server = Server::on_a_port(folder, |port| {
            let config = format!(
                "
global
    stats socket {socket} level admin
    stats socket ipv4@127.0.0.1:{socket_port} level user
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
    option httpchk GET /health
    default-server inter 50ms fall 1 rise 1
frontend public
    bind 127.0.0.1:{port}
    stats enable
    stats uri /stats
    use_backend locked if {{ path_beg /locked }}
    use_backend legends if {{ path_beg /legends }}
    default_backend roih
backend legends
    stats enable
    stats uri /legends
    stats show-legends
backend locked
    stats enable
    stats uri /locked
    stats auth hekate:{PASSWORD}
backend roih
    server srv-blue 127.0.0.1:{blue} weight 100 check
    server srv-green 127.0.0.1:{green} weight 100 check
backend spare
    server srv-blue 127.0.0.1:{blue} weight 10 check
    server srv-green 127.0.0.1:{green} weight 10 check backup
backend spares
    server other 127.0.0.1:1 weight 10 check
    server srv-blue 127.0.0.1:{blue} weight 10 check backup
    server srv-green 127.0.0.1:{green} weight 10 check backup
backend allspares
    option allbackups
    server other 127.0.0.1:1 weight 10 check
    server srv-blue 127.0.0.1:{blue} weight 10 check backup
    server srv-green 127.0.0.1:{green} weight 10 check backup
backend unchecked
    server first 127.0.0.1:{blue}
    server second 127.0.0.1:{green}
backend configured
    server srv-blue 127.0.0.1:{blue} disabled
    server srv-green 127.0.0.1:{green} weight 0
backend foreign
    server srv-blue 127.0.0.1:{blue}
    server stranger 127.0.0.1:1
",
                socket = socket.display(),
            );
            let file = folder.join("haproxy.cfg");
            fs::write(&file, config).expect("the folder can be written");
            let mut command = Command::new(&haproxy);
            command.arg("-db").arg("-f").arg(file);
            command
        });
        Some(Self {
            server,
            socket,
            socket_port,
        })
    }

    /// The address of its public side.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.server.port)
    }

    /// Tells it something over its socket; its answer.
    pub(crate) fn tell(&self, words: &str) -> String {
        let mut stream = UnixStream::connect(&self.socket).expect("it listens");
        writeln!(stream, "{words}").expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer.trim().to_owned()
    }

    /// All three ways to the table.
    fn sources(&self, backend: &str) -> [RoleSource; 3] {
        let socket = |address: String| RoleSource::HaproxySocket {
            address,
            backend: backend.to_owned(),
        };
        [
            self.page("/stats;csv", backend),
            socket(self.socket.display().to_string()),
            socket(format!("127.0.0.1:{}", self.socket_port)),
        ]
    }

    fn page(&self, path: &str, backend: &str) -> RoleSource {
        RoleSource::HaproxyCsv {
            request: request(&self.url(path)),
            backend: backend.to_owned(),
        }
    }

    fn locked_page(&self, password: &str) -> RoleSource {
        let credentials = Credentials::Basic {
            username: String::from("hekate"),
            password: Secret::new(password),
        };
        RoleSource::HaproxyCsv {
            request: Arc::new(HttpStore {
                url: self.url("/locked;csv").parse().expect("it is an address"),
                credentials: Some(StoreCredentials::Common(credentials)),
                headers: Vec::new(),
                tls: TlsSettings::default(),
            }),
            backend: String::from("roih"),
        }
    }
}

#[tokio::test]
async fn every_way_to_take_a_server_out_of_service() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let (blue, green) = (
        Application::start("blue").await,
        Application::start("green").await,
    );
    let colours = Colours::at(blue.port, green.port);
    let Some(proxy) = Proxy::start(folder.path(), blue.port, green.port) else {
        return;
    };
    let sources = proxy.sources("roih");
    colours.until(&sources, "blue green").await;
    // The statuses are DRAIN; UP with weight 0; and MAINT.
    for (out, back) in [
        (
            "set server roih/srv-blue state drain",
            "set server roih/srv-blue state ready",
        ),
        (
            "set server roih/srv-blue weight 0",
            "set server roih/srv-blue weight 100",
        ),
        (
            "set server roih/srv-blue state maint",
            "set server roih/srv-blue state ready",
        ),
        (
            "disable server roih/srv-blue",
            "enable server roih/srv-blue",
        ),
    ] {
        assert_eq!(proxy.tell(out), "", "{out}");
        assert_eq!(colours.read(&sources).await, ["green"; 3], "{out}");
        assert_eq!(proxy.tell(back), "", "{back}");
        // After maintenance the first check has to pass.
        colours.until(&sources, "blue green").await;
    }
    let port = blue.port;
    blue.stop().await;
    colours.until(&sources, "green").await;
    proxy.tell("set server roih/srv-green state drain");
    assert_eq!(colours.read(&sources).await, [""; 3], "nobody is active");
    let _blue = Application::start_at(port, "blue").await;
    colours.until(&sources, "blue").await;
}

#[tokio::test]
async fn backups_wait_until_nobody_else_is_left() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let (blue, green) = (
        Application::start("blue").await,
        Application::start("green").await,
    );
    let colours = Colours::at(blue.port, green.port);
    let Some(proxy) = Proxy::start(folder.path(), blue.port, green.port) else {
        return;
    };
    colours.until(&proxy.sources("spare"), "blue").await;
    // Of two backups one is used, or both, as `option allbackups` says.
    colours.until(&proxy.sources("spares"), "blue").await;
    colours
        .until(&proxy.sources("allspares"), "blue green")
        .await;
    blue.stop().await;
    colours.until(&proxy.sources("spare"), "green").await;
    colours.until(&proxy.sources("spares"), "green").await;
    colours.until(&proxy.sources("allspares"), "green").await;
    proxy.tell("set server spare/srv-green weight 0");
    colours.until(&proxy.sources("spare"), "").await;
}

#[tokio::test]
async fn tables_of_other_shapes_and_doors_that_are_locked() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let colours = Colours::at(4_001, 4_002);
    let Some(proxy) = Proxy::start(folder.path(), 4_001, 4_002) else {
        return;
    };
    // Servers whose names are nobody's are known by their addresses, if those may be seen: by an operator of the socket, or on
    // a page with legends.
    let [page, socket, plain_socket] = proxy.sources("unchecked");
    let legends = proxy.page("/legends;csv", "unchecked");
    let unchecked = [socket, legends, page, plain_socket];
    let first = "! it names `first`, which is no member";
    let second = "! it names `second`, which is no member";
    assert_eq!(
        colours.read(&unchecked).await,
        ["blue green", "blue green", first, first]
    );
    proxy.tell("set server unchecked/first state drain");
    assert_eq!(
        colours.read(&unchecked).await,
        ["green", "green", second, second]
    );
    // `disabled` and weight 0 in its file.
    let configured = proxy.sources("configured");
    assert_eq!(colours.read(&configured).await, [""; 3]);
    let foreign = proxy.sources("foreign");
    let stranger = "! it names `stranger`, which is no member";
    assert_eq!(colours.read(&foreign).await, [stranger; 3]);
    let nothing = proxy.sources("shop");
    assert_eq!(
        colours.read(&nothing).await,
        ["! there is no backend `shop`"; 3]
    );

    let no_table = "! its answer is not HAProxy's table of servers";
    let said = colours
        .read(&[
            proxy.page("/stats", "roih"),
            proxy.page("/stats;json", "roih"),
            proxy.page("/locked;csv", "roih"),
            proxy.locked_page("something-else"),
            proxy.locked_page(PASSWORD),
        ])
        .await;
    assert_eq!(said[..2], [no_table; 2]);
    for locked in &said[2..4] {
        assert!(locked.starts_with("! HTTP 401"), "{locked}");
        assert!(!locked.contains("something-else"), "{locked}");
    }
    assert!(!said[4].starts_with("! HTTP"), "{}", said[4]);
    drop(proxy);
    let gone = folder.path().join("admin.sock");
    let gone = RoleSource::HaproxySocket {
        address: gone.display().to_string(),
        backend: String::from("roih"),
    };
    let said = colours.read(&[gone]).await;
    assert!(said[0].contains("(os error"), "{said:?}");
}
