//! Questions to a running hekate.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};

use super::{
    Exit,
    arguments::{Availability, Format, Global, Mark, Status},
    file,
    terminal::Terminal,
};
use crate::{
    config::{self, Environment},
    model::Secret,
};

/// The variable with the token of a hekate that wants one.
const TOKEN_VARIABLE: &str = "HEKATE_TOKEN";
/// How long a running hekate may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// From one grid to the next under `--watch`.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// An answer: its status and its text.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

/// The way to a running hekate.
pub(super) struct Server {
    client: Client,
    url: Url,
    token: Option<Secret>,
}

impl Server {
    /// As `--server` says, else where the file says that it listens.
    pub(super) fn of(global: &Global, terminal: Terminal) -> Result<Self, Exit> {
        let (text, token) = match &global.server {
            // The file's token is for the hekate of the file, and for nobody else.
            Some(server) => (server.clone(), None),
            None => Self::of_file(global),
        };
        let given = std::env::var(TOKEN_VARIABLE).ok();
        let token = given
            .filter(|token| !token.is_empty())
            .map(Secret::new)
            .or(token);
        let is_usable = |url: &Url| url.has_host() && matches!(url.scheme(), "http" | "https");
        let url = Url::parse(&text).ok().filter(is_usable);
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
        Ok(Self { client, url, token })
    }

    fn of_file(global: &Global) -> (String, Option<Secret>) {
        let outcome = config::load(
            &file::path(global),
            &Environment::of_process().for_preview(),
        );
        let Some(plan) = outcome.plan else {
            return (String::from("http://127.0.0.1:8080"), None);
        };
        let mut listen = plan.server.listen;
        if listen.ip().is_unspecified() {
            listen.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        (format!("http://{listen}"), plan.server.token.clone())
    }

    /// Where it is.
    pub(super) fn address(&self) -> &str {
        self.url.as_str()
    }

    /// Asks.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Answer, String> {
        self.send(method, path, query, None).await
    }

    /// Asks, and says this as JSON.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&serde_json::Value>,
    ) -> Result<Answer, String> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url.query_pairs_mut().extend_pairs(query).finish();
        let mut request = self.client.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        if let Some(body) = body {
            request = request
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        answer(request).await
    }

    /// Posts this body with these headers, without our token.
    pub(super) async fn post(
        &self,
        path: &[&str],
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<Answer, String> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let mut request = self.client.post(url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request).await
    }
}

async fn answer(request: RequestBuilder) -> Result<Answer, String> {
    let response = request.send().await.map_err(innermost)?;
    let status = response.status();
    let text = response.text().await.map_err(innermost)?;
    Ok(Answer { status, text })
}

/// What really went wrong: `Connection refused` says more than `error sending request`.
pub(super) fn innermost(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", ANSWER_WITHIN.as_secs());
    }
    let error = error.without_url();
    let mut inner: &dyn std::error::Error = &error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// Runs a question to its end.
pub(super) fn wait<T>(
    terminal: Terminal,
    asking: impl Future<Output = Result<T, Exit>>,
) -> Result<T, Exit> {
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
    match terminal.format {
        Format::Json => {}
        Format::Short => query.push(("format", "short")),
        Format::Csv => query.push(("format", "csv")),
        Format::Markdown => query.push(("format", "markdown")),
        Format::Human | Format::Github => query.extend([("format", "text"), ("color", color)]),
    }
    match server.ask(Method::GET, path, &query).await {
        Err(why) => Err(silent(server, terminal, &why)),
        Ok(answer) if answer.status.is_success() => Ok(answer.text),
        Ok(answer) => {
            terminal.complain(&explain_refusal(&answer));
            Err(match answer.status {
                StatusCode::NOT_FOUND | StatusCode::CONFLICT => Exit::NotSo,
                StatusCode::BAD_REQUEST => Exit::Usage,
                _ => Exit::Unavailable,
            })
        }
    }
}

/// Says that nobody answers, and what to do about it.
pub(super) fn silent(server: &Server, terminal: Terminal, why: &str) -> Exit {
    terminal.complain(&format!(
        "no running hekate answers at {}: {why}\nhint: `hekate run` starts one; `--server URL` names another",
        server.url
    ));
    Exit::Unavailable
}

/// What a refusal says, for people.
pub(super) fn explain_refusal(answer: &Answer) -> String {
    let value: serde_json::Value = serde_json::from_str(&answer.text).unwrap_or_default();
    let error = &value["error"];
    let message = error["message"]
        .as_str()
        .unwrap_or("it answered something else than hekate would");
    let list = |name: &str| {
        let words: Vec<_> = error[name]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|word| word.as_str())
            .collect();
        words.join(", ")
    };
    let hint = match (error["code"].as_str(), list("nearest"), list("candidates")) {
        (Some("token_wanted"), _, _) => {
            format!("\nhint: put it into the environment variable {TOKEN_VARIABLE}")
        }
        (_, _, candidates) if !candidates.is_empty() => format!(": {candidates}"),
        (_, nearest, _) if !nearest.is_empty() => format!("\ndid you mean: {nearest}"),
        _ => String::new(),
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
                // Cleared only when the next one is there, and no more once nobody reads it.
                if !terminal.is_read(&format!("\u{1b}[2J\u{1b}[H{text}")) {
                    return Err(Exit::Done);
                }
                tokio::select! {
                    () = tokio::time::sleep(WATCH_EVERY) => {}
                    _ = tokio::signal::ctrl_c() => return Err(Exit::Interrupted),
                }
            }
        })
    });
    print(shown, terminal)
}

/// Asks for what `max_age` should be; absent if no hekate is running where the file says.
pub(super) fn suggest(global: &Global, words: &str, terminal: Terminal) -> Option<Exit> {
    let server = match Server::of(global, terminal) {
        Ok(server) => server,
        Err(exit) => return Some(exit),
    };
    let is_running = global.server.is_some() || {
        let pinged = wait(terminal, async {
            Ok(server.ask(Method::GET, &["healthz"], &[]).await.is_ok())
        });
        !matches!(pinged, Ok(false))
    };
    is_running.then(|| {
        let path = ["api", "v1", "suggest"];
        let shown = wait(terminal, async {
            ask(&server, terminal, &path, &[("words", words)]).await
        });
        print(shown, terminal)
    })
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

/// `hekate fresh`
pub(super) fn fresh(global: &Global, words: &[String], terminal: Terminal) -> Exit {
    let words = words.join(" ");
    let shown = Server::of(global, terminal).and_then(|server| {
        let path = ["api", "v1", "jobs"];
        wait(terminal, async {
            ask(&server, terminal, &path, &[("words", &words)]).await
        })
    });
    print(shown, terminal)
}

/// `hekate report sli`
pub(super) fn sli(global: &Global, asked: &Availability, terminal: Terminal) -> Exit {
    let words = asked.words.join(" ");
    let window = format!("{}s", asked.window.as_secs());
    let groups = asked.group.join(",");
    let mut query = vec![("words", words.as_str()), ("window", &window)];
    if !groups.is_empty() {
        query.push(("group", &groups));
    }
    let shown = Server::of(global, terminal).and_then(|server| {
        wait(terminal, async {
            ask(&server, terminal, &["api", "v1", "sli"], &query).await
        })
    });
    print(shown, terminal)
}

/// `hekate mark`
pub(super) fn mark(global: &Global, mark: &Mark, terminal: Terminal) -> Exit {
    let by = mark.by.clone().or_else(|| {
        let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
        user.ok().filter(|user| !user.is_empty())
    });
    let body = serde_json::json!({
        "mark": mark.worth.as_str(),
        "reason": mark.reason,
        "by": by.unwrap_or_default(),
    });
    let id = mark.incident.trim_start_matches('#');
    let asked = Server::of(global, terminal).and_then(|server| {
        let path = ["v1", "incidents", id, "mark"];
        wait(terminal, async {
            match server.send(Method::POST, &path, &[], Some(&body)).await {
                Ok(answer) => Ok(answer),
                Err(why) => Err(silent(&server, terminal, &why)),
            }
        })
    });
    match asked {
        Err(exit) => exit,
        Ok(answer) if answer.status.is_success() => {
            match terminal.format {
                Format::Json => terminal.say(&format!("{}\n", answer.text.trim_end())),
                Format::Human | Format::Short | Format::Github | Format::Csv | Format::Markdown => {
                    terminal.say(&format!(
                        "#{id} is marked as {}; `hekate report noise` counts it\n",
                        mark.worth.as_str()
                    ));
                }
            }
            Exit::Done
        }
        Ok(answer) => {
            terminal.complain(&explain_refusal(&answer));
            match answer.status {
                StatusCode::NOT_FOUND | StatusCode::CONFLICT => Exit::NotSo,
                StatusCode::BAD_REQUEST => Exit::Usage,
                _ => Exit::Unavailable,
            }
        }
    }
}

/// `hekate reload`
pub(super) fn reload(global: &Global, terminal: Terminal) -> Exit {
    let asked = Server::of(global, terminal).and_then(|server| {
        wait(terminal, async {
            match server.ask(Method::POST, &["-", "reload"], &[]).await {
                Ok(answer) => Ok(answer),
                Err(why) => Err(silent(&server, terminal, &why)),
            }
        })
    });
    let answer = match asked {
        Ok(answer) => answer,
        Err(exit) => return exit,
    };
    if answer.status.is_success() {
        let value: serde_json::Value = serde_json::from_str(&answer.text).unwrap_or_default();
        match (terminal.format, value["summary"].as_str()) {
            (Format::Human | Format::Short, Some(summary)) => terminal.say(&format!("{summary}\n")),
            _ => terminal.say(&format!("{}\n", answer.text.trim_end())),
        }
        Exit::Done
    } else {
        terminal.complain(&explain_refusal(&answer));
        match answer.status {
            StatusCode::UNPROCESSABLE_ENTITY => Exit::Config,
            _ => Exit::Unavailable,
        }
    }
}

pub(super) fn print(shown: Result<String, Exit>, terminal: Terminal) -> Exit {
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
