//! A build of Jenkins: its crumb, the question for it, its place in the queue, its end.
//!
//! Source: Jenkins, "Remote Access API" and "CSRF Protection": a build that is asked for answers 201 with its item of the queue in
//! `Location`; the item gets an `executable` with the number when it leaves the queue; a crumb holds together with the session
//! that it was given to.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use serde_json::Value;
use tokio::time::{sleep, timeout};
use url::form_urlencoded;

use super::{Ended, Job, WORDS_MAX, beginning, client, unanswered, words_of};
use crate::model::{
    action::{JenkinsCall, RanResult},
    text::{clean, span},
};

/// How long one answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// From one look at a build to the next; doubled until the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// One Jenkins and who we are there.
struct Jenkins<'a> {
    client: Client,
    call: &'a JenkinsCall,
    base: String,
    job_address: String,
}

pub(super) async fn run(
    call: &JenkinsCall,
    job: &Job,
    tell: impl Fn(&str, Option<String>),
) -> Ended {
    let client = match client(call.ca_pem.as_deref(), ANSWER_WITHIN) {
        Ok(client) => client,
        Err(why) => return Ended::failed(why),
    };
    let base = job.filled_in_address(call.url.expose());
    let jenkins = Jenkins {
        job_address: job_address(&base, &call.job),
        base,
        client,
        call,
    };
    let crumb = match jenkins.crumb().await {
        Ok(crumb) => crumb,
        Err(why) => return Ended::failed(why),
    };
    let item = match jenkins.ask(job, crumb).await {
        Ok(item) => item,
        Err(ended) => return ended,
    };
    tell("in the queue of Jenkins", None);
    let mut number = None;
    let begun = |number: u64| tell("building", Some(name_of(number)));
    let ended = timeout(call.build_limit, jenkins.follow(item, &mut number, begun)).await;
    let ended = ended.unwrap_or_else(|_late| {
        let where_ = if number.is_some() {
            "building"
        } else {
            "in the queue"
        };
        Ended::unknown(format!("still {where_} after {}", span(call.build_limit)))
    });
    ended.called(number.map(name_of))
}

fn name_of(number: u64) -> String {
    format!("Jenkins #{number}")
}

fn job_address(base: &str, job: &[String]) -> String {
    let mut address = base.to_owned();
    for part in job {
        let part: String = form_urlencoded::byte_serialize(part.as_bytes()).collect();
        address.push_str("/job/");
        address.push_str(&part.replace('+', "%20"));
    }
    address
}

/// What protects Jenkins from forms of strangers.
struct Crumb {
    field: String,
    value: String,
    cookies: String,
}

impl Jenkins<'_> {
    fn known(&self, request: RequestBuilder) -> RequestBuilder {
        let JenkinsCall { user, token, .. } = self.call;
        request.basic_auth(user, Some(token.expose()))
    }

    async fn get(&self, address: &str) -> Result<Response, String> {
        let sent = self.known(self.client.get(address)).send().await;
        sent.map_err(|error| words_of(error).1)
    }

    /// The crumb, if this Jenkins wants one. Nothing was begun as long as this is under way.
    async fn crumb(&self) -> Result<Option<Crumb>, String> {
        let base = &self.base;
        let response = self.get(&format!("{base}/crumbIssuer/api/json")).await?;
        let status = response.status();
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !status.is_success() {
            return Err(refused("the crumb", status));
        }
        let cookies: Vec<_> = response
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|cookie| Some(cookie.to_str().ok()?.split(';').next()?.to_owned()))
            .collect();
        let answer: Value = serde_json::from_slice(&beginning(response).await)
            .map_err(|_error| String::from("the crumb of Jenkins cannot be read"))?;
        let text = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
        let (Some(field), Some(value)) = (text("crumbRequestField"), text("crumb")) else {
            return Err(String::from("the crumb of Jenkins cannot be read"));
        };
        Ok(Some(Crumb {
            field,
            value,
            cookies: cookies.join("; "),
        }))
    }

    /// Asks for the build; its number in the queue.
    async fn ask(&self, job: &Job, crumb: Option<Crumb>) -> Result<u64, Ended> {
        let way = if self.call.params.is_empty() {
            "build"
        } else {
            "buildWithParameters"
        };
        let address = format!("{}/{way}", self.job_address);
        let mut request = self
            .known(self.client.post(address))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(job.form(&self.call.params));
        if let Some(crumb) = crumb {
            request = request.header(crumb.field, crumb.value);
            if !crumb.cookies.is_empty() {
                request = request.header(header::COOKIE, crumb.cookies);
            }
        }
        let response = request.send().await.map_err(Ended::of_error)?;
        let status = response.status();
        if let Some(words) = unanswered(status) {
            return Err(Ended::unknown(format!(
                "Jenkins was asked, but it is {words}"
            )));
        }
        if status != StatusCode::CREATED {
            return Err(Ended::failed(refused("the build", status)));
        }
        let place = response.headers().get(header::LOCATION);
        let place = place.and_then(|place| place.to_str().ok());
        // Its host is what Jenkins calls itself, which need not be how we reach it.
        let item = place
            .and_then(|place| place.trim_end_matches('/').rsplit_once("/queue/item/"))
            .and_then(|(_, item)| item.parse().ok());
        item.ok_or_else(|| Ended::unknown("Jenkins took it and did not say where it stands"))
    }

    /// Waits for the number of the build, and for its end. Trouble on the way is waited out; only time ends it.
    async fn follow(&self, item: u64, number: &mut Option<u64>, begun: impl Fn(u64)) -> Ended {
        let base = &self.base;
        let queue = format!("{base}/queue/item/{item}/api/json");
        let mut pause = FIRST_PAUSE;
        let found = loop {
            if let Some(answer) = self.json(&queue).await {
                let executable = &answer["executable"]["number"];
                if let Some(number) = executable.as_u64() {
                    break number;
                }
                if answer["cancelled"].as_bool() == Some(true) {
                    return Ended::failed("taken out of the queue of Jenkins");
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        };
        *number = Some(found);
        begun(found);
        let build = format!("{}/{found}/api/json", self.job_address);
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(answer) = self.json(&build).await
                && answer["building"].as_bool() == Some(false)
                && let Some(result) = answer["result"].as_str()
            {
                return ended(result);
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn json(&self, address: &str) -> Option<Value> {
        let response = match self.get(address).await {
            Ok(response) if response.status().is_success() => response,
            Ok(response) => {
                tracing::debug!(
                    status = response.status().as_u16(),
                    "Jenkins does not say how a build is"
                );
                return None;
            }
            Err(why) => {
                tracing::debug!(%why, "Jenkins does not say how a build is");
                return None;
            }
        };
        serde_json::from_slice(&beginning(response).await).ok()
    }
}

fn ended(result: &str) -> Ended {
    if result == "SUCCESS" {
        Ended {
            result: RanResult::Done,
            words: String::from("done"),
            reference: None,
        }
    } else {
        Ended::failed(format!("the build ended as {}", clean(result, WORDS_MAX)))
    }
}

fn refused(what: &str, status: StatusCode) -> String {
    let why = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ": it does not let us in",
        StatusCode::NOT_FOUND => ": there is no such job",
        other if other.is_redirection() => ", and redirects are not followed",
        _ => "",
    };
    format!("Jenkins refused {what} with HTTP {}{why}", status.as_u16())
}
