//! `ack`, `hand over`, `split`, `silence`, `maintenance`, `deploy`: wishes to a running hekate.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Exit,
    arguments::{Ack, Begin, Deploy, Format, Global, Hand, Maintenance, Silence, Split},
    ask::{Server, explain_refusal, print, silent, wait},
    terminal::Terminal,
};

/// What is asked of a running hekate.
#[derive(Default)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: Vec<String>,
    /// Whom it is about, in a query.
    pub(super) words: String,
    pub(super) said: Option<Value>,
}

impl Request {
    fn list(plans: &str) -> Self {
        Self {
            method: Method::GET,
            path: vec![String::from("v1"), plans.to_owned()],
            ..Self::default()
        }
    }

    fn end(plans: &str, id: &str) -> Self {
        Self {
            method: Method::DELETE,
            path: vec![String::from("v1"), plans.to_owned(), id.to_owned()],
            ..Self::default()
        }
    }

    fn of_incident(method: Method, names: &[String], deed: &str, said: Option<Value>) -> Self {
        Self {
            method,
            path: ["v1", "incidents", &names.join(" "), deed]
                .map(String::from)
                .to_vec(),
            said,
            ..Self::default()
        }
    }

    fn begin(plans: &str, mut said: Value) -> Self {
        said["by"] = whoever_asks().into();
        Self {
            method: Method::POST,
            path: vec![String::from("v1"), plans.to_owned()],
            said: Some(said),
            ..Self::default()
        }
    }
}

/// `hekate ack`
pub(super) fn ack(global: &Global, ack: &Ack, terminal: Terminal) -> Exit {
    let (names, is_end) = match ack.words.as_slice() {
        [end, names @ ..] if end.eq_ignore_ascii_case("end") => (names, true),
        names => (names, false),
    };
    if is_end && (names.is_empty() || ack.reason.is_some()) {
        let why = if names.is_empty() {
            "it is not said which incident"
        } else {
            "why somebody is not on it any more is not told"
        };
        terminal.complain(&format!("{why}\n  say it as `hekate ack end k7f2`"));
        return Exit::Usage;
    }
    let request = if is_end {
        Request::of_incident(Method::DELETE, names, "ack", None)
    } else {
        let said = json!({ "why": ack.reason, "by": whoever_asks() });
        Request::of_incident(Method::POST, names, "ack", Some(said))
    };
    send(global, &request, terminal)
}

/// `hekate hand over`
pub(super) fn hand(global: &Global, hand: &Hand, terminal: Terminal) -> Exit {
    let Some((names, to)) = handed(hand) else {
        terminal.complain(
            "it is not said what is handed over to whom\n  say it as `hekate hand over k7f2 to eva@laptop` or \
             `hekate hand over k7f2 --slack-user U024BE7LH`",
        );
        return Exit::Usage;
    };
    let said = json!({ "to": to, "to_slack_user": hand.slack_user, "by": whoever_asks() });
    let request = Request::of_incident(Method::POST, names, "hand-over", Some(said));
    send(global, &request, terminal)
}

/// `hekate split`
pub(super) fn split(global: &Global, split: &Split, terminal: Terminal) -> Exit {
    let incident = std::slice::from_ref(&split.incident);
    let said = json!({ "words": split.words.join(" "), "by": whoever_asks() });
    let request = Request::of_incident(Method::POST, incident, "split", Some(said));
    send(global, &request, terminal)
}

/// What is handed over, and to whom unless that is a user of Slack.
fn handed(hand: &Hand) -> Option<(&[String], Option<String>)> {
    let is = |word: &String, wanted: &str| word.eq_ignore_ascii_case(wanted);
    let words = match hand.words.as_slice() {
        [over, words @ ..] if is(over, "over") => words,
        words => words,
    };
    let (names, to) = match words.iter().rposition(|word| is(word, "to")) {
        Some(at) => (&words[..at], Some(words[at + 1..].join(" "))),
        None => (words, None),
    };
    let is_one_told = match (&to, &hand.slack_user) {
        (Some(to), None) => !to.trim().is_empty(),
        (None, Some(_)) => true,
        (Some(_), Some(_)) | (None, None) => false,
    };
    (is_one_told && !names.is_empty()).then_some((names, to))
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

pub(super) fn send(global: &Global, request: &Request, terminal: Terminal) -> Exit {
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
            if !request.words.is_empty() {
                query.push(("words", &request.words));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(words: &str, slack_user: Option<&str>) -> Option<String> {
        let hand = Hand {
            words: words.split_whitespace().map(String::from).collect(),
            slack_user: slack_user.map(String::from),
        };
        handed(&hand).map(|(names, to)| format!("{} → {to:?}", names.join(" ")))
    }

    #[test]
    fn what_is_handed_over_to_whom_is_read_as_in_slack() {
        for (words, slack_user, expected) in [
            (
                "over k7f2 to eva@laptop",
                None,
                Some(r#"k7f2 → Some("eva@laptop")"#),
            ),
            ("k7f2 to eva", None, Some(r#"k7f2 → Some("eva")"#)),
            (
                "Over master blue TO Eva Nová",
                None,
                Some(r#"master blue → Some("Eva Nová")"#),
            ),
            (
                "over way to go to eva",
                None,
                Some(r#"way to go → Some("eva")"#),
            ),
            (
                "over master blue",
                Some("U0EVA"),
                Some("master blue → None"),
            ),
            ("over master blue to eva", Some("U0EVA"), None),
            ("over master blue to", Some("U0EVA"), None),
            ("over master blue to", None, None),
            ("over master blue", None, None),
            ("over to eva", None, None),
            ("over", Some("U0EVA"), None),
        ] {
            let expected = expected.map(String::from);
            assert_eq!(
                understood(words, slack_user),
                expected,
                "{words} {slack_user:?}"
            );
        }
    }
}
