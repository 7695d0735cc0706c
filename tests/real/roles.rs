//! Who of a group is active, read as the engine has it read.

use std::{path::Path, sync::Arc, time::Duration};

use hekate::{
    clock::Clock,
    model::{
        Extra, GroupName, LookId, Slot, TargetId,
        logs::HttpStore,
        plan::{Question, TlsSettings},
        roles::{Member, RoleSource, Roles},
    },
    probe::{Freshness, Prober},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

/// Far more than any of these servers takes.
const LIMIT: Duration = Duration::from_secs(10);
/// How long a change may take to be seen.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two readings.
const READ_EVERY: Duration = Duration::from_millis(20);

/// Blue and green, called `srv-blue` and `srv-green` where roles are read.
pub(crate) struct Colours {
    prober: Prober,
    members: Vec<Member>,
}

impl Colours {
    /// Whose health addresses are at these ports of loopback.
    pub(crate) fn at(blue: u16, green: u16) -> Self {
        Self::with_addresses([("127.0.0.1", blue), ("127.0.0.1", green)])
    }

    /// Whose health addresses are these.
    pub(crate) fn with_addresses([blue, green]: [(&str, u16); 2]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let group = GroupName::new("master");
        let member = |(name, (host, port)): (&str, (&str, u16))| Member {
            target: TargetId::of(Some(&group), name),
            name: name.to_owned(),
            called: format!("srv-{name}"),
            address: Some((host.to_owned(), port)),
        };
        Self {
            prober: Prober::new(Clock::start()),
            members: [("blue", blue), ("green", green)].map(member).to_vec(),
        }
    }

    /// What each source says: the names of the active ones, or after a `!` why it cannot say.
    pub(crate) async fn read(&self, sources: &[RoleSource]) -> Vec<String> {
        let roles = Roles {
            is_announced: true,
            group: GroupName::new("master"),
            members: self.members.clone(),
            sources: sources.to_vec(),
            is_exactly_one: true,
            every: Duration::from_secs(10),
            stale_after: Duration::from_mins(5),
            grace: Duration::ZERO,
        };
        let look = LookId {
            slot: Slot(1),
            check: 0,
            number: 1,
        };
        let question = Question::Roles(Arc::new(roles));
        let seen = self
            .prober
            .look(look, &question, LIMIT, Freshness::AsConfigured)
            .await;
        let Some(Extra::Roles(answer)) = seen.extra.map(|extra| *extra) else {
            panic!("a reading brings opinions");
        };
        let said = answer
            .opinions
            .into_iter()
            .map(|opinion| match opinion.active {
                Ok(active) => {
                    let names = active
                        .iter()
                        .map(|position| &*self.members[usize::from(*position)].name);
                    names.collect::<Vec<_>>().join(" ")
                }
                Err(why) => format!("! {why}"),
            });
        said.collect()
    }

    /// Reads until all of them say this.
    pub(crate) async fn until(&self, sources: &[RoleSource], expected: &str) {
        let mut last = Vec::new();
        let reading = async {
            loop {
                last = self.read(sources).await;
                if last.iter().all(|said| said == expected) {
                    return;
                }
                tokio::time::sleep(READ_EVERY).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, reading).await;
        assert!(waited.is_ok(), "{last:?}, never all `{expected}`");
    }
}

/// How an address is asked.
pub(crate) fn request(url: &str) -> Arc<HttpStore> {
    Arc::new(HttpStore {
        url: url.parse().expect("it is an address"),
        credentials: None,
        headers: Vec::new(),
        tls: TlsSettings::default(),
    })
}

/// An application that answers everything with its name, until this value ends.
pub(crate) struct Application {
    pub(crate) port: u16,
    task: JoinHandle<()>,
}

impl Drop for Application {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Application {
    pub(crate) async fn start(name: &'static str) -> Self {
        Self::start_at(0, name).await
    }

    /// At a port where it was before.
    pub(crate) async fn start_at(port: u16, name: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .expect("the port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{name}",
            name.len()
        );
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                // Whoever asks gets the same; a client that hangs up misses it.
                let _ = stream.read(&mut [0; 4_096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { port, task }
    }

    /// Ends it; its port refuses from now on.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        // Only then is its listener closed.
        let _ = (&mut self.task).await;
    }
}

#[tokio::test]
async fn a_file_that_deployments_replace() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let colours = Colours::at(1, 2);
    let path = folder.path().join("active");
    let file = [RoleSource::File { path: path.clone() }];
    assert_eq!(
        colours.read(&file).await,
        ["! No such file or directory (os error 2)"]
    );
    for (text, expected) in [
        ("srv-blue\n", "blue"),
        ("\u{feff}green since 12:00\n", "green"),
        ("\n\n   green   since 12:00\n", "green"),
        ("127.0.0.1:1", "blue"),
        ("", "! it names nobody"),
        (
            "<!channel> \u{1b}[31m",
            "! it names `<!channel>`, which is no member",
        ),
    ] {
        let beside = folder.path().join("active.new");
        std::fs::write(&beside, text).expect("the folder takes files");
        std::fs::rename(&beside, &path).expect("the folder takes files");
        assert_eq!(colours.read(&file).await, [expected], "{text:?}");
    }
    // A link to the folder of a release, as some deployments have it.
    std::fs::remove_file(&path).expect("it is ours");
    write_and_link(folder.path(), "green", &path);
    assert_eq!(colours.read(&file).await, ["green"]);
    let folder_itself = [RoleSource::File {
        path: folder.path().to_owned(),
    }];
    assert_eq!(
        colours.read(&folder_itself).await,
        ["! Is a directory (os error 21)"]
    );
}

fn write_and_link(folder: &Path, word: &str, link: &Path) {
    let release = folder.join("release");
    std::fs::write(&release, word).expect("the folder takes files");
    std::os::unix::fs::symlink(&release, link).expect("the folder takes links");
}

/// What a shell would do with an argument is not done.
#[tokio::test]
async fn a_command_without_a_shell() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let colours = Colours::at(1, 2);
    let trap = folder.path().join("trap");
    let touch = format!("; touch {}", trap.display());
    let touch_inside = format!("$(touch {})", trap.display());
    let says = |argv: &[&str]| RoleSource::Command {
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
    };
    let said = colours
        .read(&[
            says(&["/bin/echo", "srv-green", &touch]),
            says(&["/bin/echo", &touch_inside]),
            says(&["echo", "blue"]),
            says(&["/bin/sh", "-c", "echo blue; exit 3"]),
            says(&["/bin/sh", "-c", "kill -9 $$"]),
            says(&["/bin/sh", "-c", "read line && echo green || echo blue"]),
        ])
        .await;
    assert_eq!(
        said[1..],
        [
            "! it names `$(touch`, which is no member",
            "blue",
            "! the program ended with 3",
            "! the program was killed",
            "blue",
        ]
    );
    assert_eq!(said[0], "green");
    assert!(!trap.exists());
}
