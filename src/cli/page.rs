//! `hekate page`: the status page as files, from a running hekate or from its store.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use axum::{Router, body::Body, http::Request};
use http_body_util::BodyExt as _;
use reqwest::{Method, Url};
use tower_service::Service as _;

use super::{
    Exit,
    arguments::{Global, Page},
    ask::{Answer, Server, explain_refusal, silent, wait},
    file,
    terminal::Terminal,
};
use crate::{
    app::still,
    clock::Clock,
    config::Environment,
    model::page::Language,
    page::Format,
    store::{self, Database},
    web::{Peer, router},
};

/// How often it is asked whether what was is read, and how long between.
const TRIES_MAX: usize = 60;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
/// The copy that strangers may see.
const COPY: (&str, &str) = ("copy", "");

/// `hekate page …`
pub(super) fn page(global: &Global, command: &Page, terminal: Terminal) -> Exit {
    let Page::Export { to } = command;
    let written = source(global, terminal).and_then(|source| {
        wait(terminal, async {
            let files = files(&source, terminal).await?;
            write(to, &files).map_err(|error| {
                terminal.complain(&format!("cannot write to {}: {error}", to.display()));
                Exit::Store
            })?;
            Ok(files.len())
        })
    });
    match written {
        Ok(count) => {
            terminal.remark(&format!("{count} files written to {}", to.display()));
            Exit::Done
        }
        Err(exit) => exit,
    }
}

/// Who says what is on the page.
enum Source {
    /// Whoever runs.
    Running(Server),
    /// The store, which is ours for so long.
    Store(Box<Router>, Box<Database>),
}

/// A running hekate, else the store of the file.
fn source(global: &Global, terminal: Terminal) -> Result<Source, Exit> {
    let server = Server::of(global, terminal)?;
    let is_running = global.server.is_some() || {
        let pinged = wait(terminal, async {
            Ok(server.ask(Method::GET, &["healthz"], &[]).await.is_ok())
        });
        !matches!(pinged, Ok(false))
    };
    if is_running {
        return Ok(Source::Running(server));
    }
    let plan = file::plan(global, &Environment::of_process().for_preview(), terminal)?;
    let mut plan = (*plan).clone();
    let folder = &plan.store.path;
    if !folder.is_dir() {
        terminal.complain(&format!(
            "no hekate is running, and there is no store in {}: nothing was seen yet",
            folder.display()
        ));
        return Err(Exit::Unavailable);
    }
    let now = Clock::start().now().at;
    let (database, loaded, _notices) = Database::open(&plan.store, now).map_err(|error| {
        terminal.complain(&error.to_string());
        if matches!(error, store::Error::InUse { .. }) {
            terminal.complain("hint: `--server URL` names the hekate to ask");
        }
        Exit::Store
    })?;
    // Whoever can read the store needs no token.
    plan.server.token = None;
    plan.page.trusted_proxy = None;
    let state = still(plan, &database.reader(), loaded).map_err(|error| {
        terminal.complain(&error.to_string());
        Exit::Unavailable
    })?;
    terminal.remark("no hekate is running; this is what its store remembers");
    Ok(Source::Store(Box::new(router(state)), Box::new(database)))
}

impl Source {
    async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, String> {
        let router = match self {
            Self::Running(server) => return server.ask(Method::GET, path, query).await,
            Self::Store(router, _database) => router,
        };
        let mut url = Url::parse("http://127.0.0.1/").map_err(|error| error.to_string())?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url.query_pairs_mut().extend_pairs(query).finish();
        let request = Request::get(url.as_str()).body(Body::empty());
        let mut request = request.map_err(|error| error.to_string())?;
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        request.extensions_mut().insert(Peer(here));
        let answer = router.as_ref().clone().call(request).await;
        let (head, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
        let bytes = body.collect().await.map_err(|error| error.to_string())?;
        let status = head.status;
        let text = String::from_utf8_lossy(&bytes.to_bytes()).into_owned();
        Ok(Answer { status, text })
    }
}

/// A file of the copy: what it is called below the folder, and what is in it.
type File = (String, String);

/// All of the copy, the page last. Nothing is written before all of it is there.
async fn files(source: &Source, terminal: Terminal) -> Result<Vec<File>, Exit> {
    wait_for_the_past(source, terminal).await?;
    let mut out = vec![wanted(source, terminal, "page.css", &["page.css"], &[]).await?];
    for format in Format::ALL {
        let file = format.file();
        out.push(wanted(source, terminal, file, &[file], &[COPY]).await?);
    }
    out.extend(badges(source, terminal).await?);
    let text = [("format", "text"), COPY];
    out.push(wanted(source, terminal, "page.txt", &[], &text).await?);
    for language in Language::ALL {
        let file = format!("index.{}.html", language.tag());
        let query = [("format", "html"), ("lang", language.tag()), COPY];
        out.push(wanted(source, terminal, &file, &[], &query).await?);
    }
    let html = [("format", "html"), COPY];
    out.push(wanted(source, terminal, "index.html", &[], &html).await?);
    Ok(out)
}

/// What was is read beside everything else when somebody asks for it; until then there is no feed.
async fn wait_for_the_past(source: &Source, terminal: Terminal) -> Result<(), Exit> {
    for _ in 0..TRIES_MAX {
        let answer = asked(source, terminal, &["feed.json"], &[COPY]).await?;
        if !answer.status.is_server_error() {
            return Ok(());
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    terminal.complain("the store does not say what was");
    Err(Exit::Store)
}

async fn asked(
    source: &Source,
    terminal: Terminal,
    path: &[&str],
    query: &[(&str, &str)],
) -> Result<Answer, Exit> {
    source.get(path, query).await.map_err(|why| match source {
        Source::Running(server) => silent(server, terminal, &why),
        Source::Store(..) => {
            terminal.complain(&why);
            Exit::Store
        }
    })
}

async fn wanted(
    source: &Source,
    terminal: Terminal,
    file: &str,
    path: &[&str],
    query: &[(&str, &str)],
) -> Result<File, Exit> {
    let answer = asked(source, terminal, path, query).await?;
    if answer.status.is_success() {
        return Ok((file.to_owned(), answer.text));
    }
    terminal.complain(&format!("{file}: {}", explain_refusal(&answer)));
    Err(Exit::Unavailable)
}

/// The badge of everything, and one for each group.
async fn badges(source: &Source, terminal: Terminal) -> Result<Vec<File>, Exit> {
    let status = asked(source, terminal, &["api", "v1", "status"], &[]).await?;
    let status: serde_json::Value = serde_json::from_str(&status.text).unwrap_or_default();
    let targets = status["targets"].as_array().into_iter().flatten();
    let groups = targets.filter_map(|target| target["group"].as_str());
    let names: BTreeSet<_> = groups.filter(|name| is_name_of_file(name)).collect();
    let mut out = Vec::new();
    for name in std::iter::once("all").chain(names) {
        let file = format!("{name}.svg");
        let answer = asked(source, terminal, &["badge", &file], &[COPY]).await?;
        // Of a group in which nothing is for strangers there is none.
        if answer.status.is_success() {
            out.push((format!("badge/{file}"), answer.text));
        }
    }
    Ok(out)
}

/// Whether something can be called so in a folder, and nowhere else.
fn is_name_of_file(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | ':'))
}

/// Replaces each file in one step, in this order.
fn write(folder: &Path, files: &[File]) -> io::Result<()> {
    fs::create_dir_all(folder.join("badge"))?;
    for (name, text) in files {
        let path = folder.join(name);
        let mut beside = path.clone();
        beside.set_extension("new");
        let mut file = fs::File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        drop(file);
        fs::rename(&beside, &path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_into_the_folder_and_nowhere_else() {
        for (name, is_one) in [
            ("master", true),
            ("roi hunter", true),
            ("česká větev", true),
            ("", false),
            ("..", false),
            (".ssh", false),
            ("a/b", false),
            ("a\\b", false),
            ("c:", false),
            ("a\0b", false),
        ] {
            assert_eq!(is_name_of_file(name), is_one, "{name:?}");
        }
    }

    #[test]
    fn what_was_there_is_replaced_and_what_else_is_there_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("a/b");
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        write(&to, &[file("badge/all.svg", "1"), file("index.html", "1")]).unwrap();
        fs::write(to.join("robots.txt"), "mine").unwrap();
        write(&to, &[file("badge/all.svg", "2"), file("index.html", "2")]).unwrap();
        let read = |name: &str| fs::read_to_string(to.join(name)).unwrap();
        assert_eq!(
            (read("badge/all.svg"), read("index.html")),
            (String::from("2"), String::from("2"))
        );
        assert_eq!(read("robots.txt"), "mine");
        assert_eq!(fs::read_dir(&to).unwrap().count(), 3);
        // A folder that takes nothing leaves what is there.
        fs::create_dir(to.join("page.txt")).unwrap();
        let stopped = write(&to, &[file("page.txt", "3"), file("index.html", "3")]);
        assert!(stopped.is_err());
        assert_eq!(read("index.html"), "2");
    }
}
