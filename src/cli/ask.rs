//! Questions to a running hekate.

use std::time::Duration;

use reqwest::{Client, Method, StatusCode, Url};

use super::{
    Exit,
    arguments::{Format, Global, Status},
    file,
    terminal::Terminal,
};
use crate::config::{self, Environment};

/// How long a running hekate may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// From one grid to the next under `--watch`.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// An answer: its status and its text.
struct Answer {
    status: StatusCode,
    text: String,
}

/// The way to a running hekate.
struct Server {
    client: Client,
    url: Url,
}

impl Server {
    /// As `--server` says, else where the file says that it listens.
    fn of(global: &Global, terminal: Terminal) -> Result<Self, Exit> {
        let text = match &global.server {
            Some(server) => server.clone(),
            None => Self::of_file(global),
        };
        let url = Url::parse(&text).ok().filter(Url::has_host);
        let Some(url) = url else {
            terminal.complain(&format!(
                "`{text}` is no address such as http://127.0.0.1:8080"
            ));
            return Err(Exit::Usage);
        };
        let client = Client::builder()
            .no_proxy()
            .timeout(ANSWER_WITHIN)
            .build()
            .map_err(|error| {
                terminal.complain(&error.to_string());
                Exit::Unavailable
            })?;
        Ok(Self { client, url })
    }

    fn of_file(global: &Global) -> String {
        let outcome = config::load(
            &file::path(global),
            &Environment::of_process().for_preview(),
        );
        let listen = outcome.plan.map_or_else(
            || String::from("127.0.0.1:8080"),
            |plan| {
                let mut listen = plan.server.listen;
                if listen.ip().is_unspecified() {
                    listen.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
                }
                listen.to_string()
            },
        );
        format!("http://{listen}")
    }

    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Answer, String> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url.query_pairs_mut().extend_pairs(query).finish();
        let told = |error: reqwest::Error| error.without_url().to_string();
        let response = self
            .client
            .request(method, url)
            .send()
            .await
            .map_err(told)?;
        let status = response.status();
        let text = response.text().await.map_err(told)?;
        Ok(Answer { status, text })
    }
}

/// Runs a question to its end.
fn wait<T>(terminal: Terminal, asking: impl Future<Output = Result<T, Exit>>) -> Result<T, Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            terminal.complain(&format!("cannot start: {error}"));
            Exit::Unavailable
        })?;
    runtime.block_on(asking)
}

/// Asks once; what is no answer is explained.
async fn ask(
    server: &Server,
    terminal: Terminal,
    path: &[&str],
    query: &[(&str, &str)],
) -> Result<String, Exit> {
    let color = if terminal.has_color { "true" } else { "false" };
    let mut query = query.to_vec();
    if terminal.format != Format::Json {
        query.extend([("format", "text"), ("color", color)]);
    }
    match server.ask(Method::GET, path, &query).await {
        Err(why) => {
            terminal.complain(&format!("no running hekate answers at {}: {why}\nhint: `hekate run` starts one; `--server URL` names another", server.url));
            Err(Exit::Unavailable)
        }
        Ok(answer) if answer.status.is_success() => Ok(answer.text),
        Ok(answer) => {
            terminal.complain(&explain_refusal(&answer));
            Err(if answer.status == StatusCode::NOT_FOUND {
                Exit::NotSo
            } else {
                Exit::Unavailable
            })
        }
    }
}

/// What a refusal says, for people.
fn explain_refusal(answer: &Answer) -> String {
    let value: serde_json::Value = serde_json::from_str(&answer.text).unwrap_or_default();
    let error = &value["error"];
    let message = error["message"]
        .as_str()
        .unwrap_or("it answered something else than hekate would");
    let nearest: Vec<_> = error["nearest"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|word| word.as_str())
        .collect();
    let hint = if nearest.is_empty() {
        String::new()
    } else {
        format!("\ndid you mean: {}", nearest.join(", "))
    };
    format!("{message}{hint}")
}

/// `hekate status`
pub(super) fn status(global: &Global, status: &Status, terminal: Terminal) -> Exit {
    let mut words = status.words.join(" ");
    if status.problems {
        words.push_str(" problems");
    }
    let shown = Server::of(global, terminal).and_then(|server| {
        wait(terminal, async {
            loop {
                let text = ask(
                    &server,
                    terminal,
                    &["api", "v1", "status"],
                    &[("words", words.trim())],
                )
                .await?;
                if !status.watch {
                    return Ok(text);
                }
                terminal.say(&format!("\u{1b}[2J\u{1b}[H{text}"));
                tokio::select! {
                    () = tokio::time::sleep(WATCH_EVERY) => {}
                    _ = tokio::signal::ctrl_c() => return Err(Exit::Interrupted),
                }
            }
        })
    });
    print(shown, terminal)
}

/// `hekate explain NAME`
pub(super) fn explain(global: &Global, words: &[String], terminal: Terminal) -> Exit {
    let words = words.join(" ");
    let shown = Server::of(global, terminal).and_then(|server| {
        wait(terminal, async {
            ask(
                &server,
                terminal,
                &["api", "v1", "targets", &words, "explain"],
                &[],
            )
            .await
        })
    });
    print(shown, terminal)
}

/// `hekate history NAME`
pub(super) fn history(
    global: &Global,
    words: &[String],
    since: Duration,
    terminal: Terminal,
) -> Exit {
    let words = words.join(" ");
    let since = format!("{}s", since.as_secs());
    let shown = Server::of(global, terminal).and_then(|server| {
        let path = ["api", "v1", "targets", &words, "history"];
        wait(terminal, async {
            ask(&server, terminal, &path, &[("since", &since)]).await
        })
    });
    print(shown, terminal)
}

/// `hekate reload`
pub(super) fn reload(global: &Global, terminal: Terminal) -> Exit {
    let asked = Server::of(global, terminal).and_then(|server| {
        wait(terminal, async {
            match server.ask(Method::POST, &["-", "reload"], &[]).await {
                Ok(answer) => Ok(answer),
                Err(why) => {
                    terminal.complain(&format!(
                        "no running hekate answers at {}: {why}",
                        server.url
                    ));
                    Err(Exit::Unavailable)
                }
            }
        })
    });
    let answer = match asked {
        Ok(answer) => answer,
        Err(exit) => return exit,
    };
    if answer.status.is_success() {
        terminal.say(&format!("{}\n", answer.text.trim_end()));
        Exit::Done
    } else {
        terminal.complain(&explain_refusal(&answer));
        Exit::Config
    }
}

fn print(shown: Result<String, Exit>, terminal: Terminal) -> Exit {
    match shown {
        Ok(text) => {
            terminal.say(&text);
            if !text.ends_with('\n') {
                terminal.say("\n");
            }
            Exit::Done
        }
        Err(exit) => exit,
    }
}
