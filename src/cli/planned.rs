//! `ack`, `silence`, `maintenance`, `deploy`: wishes to a running hekate.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Exit,
    arguments::{Ack, Begin, Deploy, Format, Global, Maintenance, Silence},
    ask::{Server, explain_refusal, print, silent, wait},
    terminal::Terminal,
};

/// What is asked of a running hekate.
struct Request {
    method: Method,
    path: Vec<String>,
    said: Option<Value>,
}

impl Request {
    fn list(plans: &str) -> Self {
        Self {
            method: Method::GET,
            path: vec![String::from("v1"), plans.to_owned()],
            said: None,
        }
    }

    fn end(plans: &str, id: &str) -> Self {
        Self {
            method: Method::DELETE,
            path: vec![String::from("v1"), plans.to_owned(), id.to_owned()],
            said: None,
        }
    }

    fn begin(plans: &str, mut said: Value) -> Self {
        said["by"] = whoever_asks().into();
        Self {
            method: Method::POST,
            path: vec![String::from("v1"), plans.to_owned()],
            said: Some(said),
        }
    }
}

/// `hekate ack`
pub(super) fn ack(global: &Global, ack: &Ack, terminal: Terminal) -> Exit {
    let request = Request {
        method: Method::POST,
        path: ["v1", "incidents", &ack.words.join(" "), "ack"]
            .map(String::from)
            .to_vec(),
        said: Some(json!({ "why": ack.reason, "by": whoever_asks() })),
    };
    send(global, &request, terminal)
}

/// `hekate silence`
pub(super) fn silence(global: &Global, command: &Silence, terminal: Terminal) -> Exit {
    let request = match command {
        Silence::Add(begin) => Request::begin("silences", begun(begin)),
        Silence::List => Request::list("silences"),
        Silence::End { id } => Request::end("silences", id),
    };
    send(global, &request, terminal)
}

/// `hekate maintenance`
pub(super) fn maintenance(global: &Global, command: &Maintenance, terminal: Terminal) -> Exit {
    let request = match command {
        Maintenance::Start(begin) => Request::begin("maintenance", begun(begin)),
        Maintenance::List => Request::list("maintenance"),
        Maintenance::End { id } => Request::end("maintenance", id),
    };
    send(global, &request, terminal)
}

/// `hekate deploy`
pub(super) fn deploy(global: &Global, command: &Deploy, terminal: Terminal) -> Exit {
    let request = match command {
        Deploy::Announce {
            words,
            length,
            release,
        } => Request::begin(
            "deploys",
            json!({ "words": words.join(" "), "for": length, "release": release }),
        ),
        Deploy::List => Request::list("deploys"),
        Deploy::End { id } => Request::end("deploys", id),
    };
    send(global, &request, terminal)
}

fn begun(begin: &Begin) -> Value {
    json!({
        "words": begin.words.join(" "),
        "for": begin.length,
        "until": begin.until,
        "why": begin.reason,
    })
}

fn send(global: &Global, request: &Request, terminal: Terminal) -> Exit {
    let shown = Server::of(global, terminal).and_then(|server| {
        wait(terminal, async {
            let mut query = Vec::new();
            if terminal.format != Format::Json {
                query.push(("format", "text"));
            }
            let by = whoever_asks();
            if request.method == Method::DELETE {
                query.push(("by", by.as_str()));
            }
            let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
            let method = request.method.clone();
            let answer = server.send(method, &path, &query, request.said.as_ref());
            match answer.await {
                Err(why) => Err(silent(&server, terminal, &why)),
                Ok(answer) if answer.status.is_success() => Ok(answer.text),
                Ok(answer) => {
                    terminal.complain(&explain_refusal(&answer));
                    Err(match answer.status {
                        StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => Exit::NotSo,
                        StatusCode::BAD_REQUEST => Exit::Usage,
                        _ => Exit::Unavailable,
                    })
                }
            }
        })
    });
    print(shown, terminal)
}

/// `jan@laptop`: the user and the machine, as far as they can be found out.
pub(super) fn whoever_asks() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME"));
    let user = user.unwrap_or_else(|| String::from("somebody"));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host
        .map(|host| host.trim().to_owned())
        .or_else(|| variable("HOSTNAME"))
        .filter(|host| !host.is_empty());
    match host {
        Some(host) => format!("{user}@{host}"),
        None => user,
    }
}
