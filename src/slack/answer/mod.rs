//! What Slack's answer to a webhook means.

use std::time::Duration;

use crate::model::Delivery;

/// How long a slower pace lasts at most; a longer wish is one nobody can mean.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);
/// How long to wait if Slack asks for a slower pace without saying how long.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(30);
/// Answers longer than this are not Slack's.
const CODE_MAX: usize = 64;

/// What one attempt came to: by the class of the status first, by the body second.
///
/// `retry_after` is the header of that name. Only a 2xx whose body is `ok` is a success; a page with 200 or a redirect
/// comes from something between us and Slack.
///
/// Source: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>, "Handling errors", and
/// <https://docs.slack.dev/apis/web-api/rate-limits>.
pub fn of_webhook(status: u16, retry_after: Option<&str>, body: &[u8]) -> Delivery {
    let answer = Answer::read(body);
    match status {
        200..=299 => success(status, retry_after, answer),
        300..=399 => Delivery::Retry {
            after: None,
            is_throttled: false,
            why: format!("{status}: a redirect, which Slack never sends; something else answered"),
        },
        408 => Delivery::Retry {
            after: retry_after.and_then(seconds),
            is_throttled: false,
            why: String::from("408: the request did not arrive in time"),
        },
        429 => throttled(retry_after, answer),
        400..=499 => Delivery::Refused {
            why: refusal(status, answer),
        },
        _ => Delivery::Unsure {
            why: format!("{status}{}: trouble on Slack's side", answer.suffix()),
        },
    }
}

/// Whether this answer finds fault with the form of the message, so that its words alone may be taken.
pub fn is_about_form(status: u16, body: &[u8]) -> bool {
    match (status, Answer::read(body)) {
        (400, Answer::Code(code)) => !matches!(code, "user_not_found" | "channel_not_found"),
        (400 | 413 | 422, _) => true,
        _ => false,
    }
}

/// What a body can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer<'a> {
    Ok,
    Code(&'a str),
    Empty,
    Foreign,
}

impl<'a> Answer<'a> {
    fn read(body: &'a [u8]) -> Self {
        match std::str::from_utf8(body).map(str::trim) {
            Ok("ok") => Self::Ok,
            Ok("") => Self::Empty,
            Ok(text) if is_code(text) => Self::Code(text),
            Ok(text) => error_of_json(text).map_or(Self::Foreign, Self::Code),
            Err(_) => Self::Foreign,
        }
    }

    fn suffix(self) -> String {
        match self {
            Self::Ok => String::from(" ok"),
            Self::Code(code) => format!(" {code}"),
            Self::Empty => String::new(),
            Self::Foreign => String::from(" (not an answer of Slack's)"),
        }
    }
}

fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= CODE_MAX
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The code in `{"ok":false,"error":"rate_limited"}`.
fn error_of_json(text: &str) -> Option<&str> {
    #[derive(serde::Deserialize)]
    struct Failed<'a> {
        #[serde(borrow)]
        error: &'a str,
    }
    let failed: Failed<'_> = serde_json::from_str(text).ok()?;
    is_code(failed.error).then_some(failed.error)
}

fn success(status: u16, retry_after: Option<&str>, answer: Answer<'_>) -> Delivery {
    match answer {
        Answer::Ok => Delivery::Accepted,
        Answer::Code("rate_limited" | "ratelimited") => throttled(retry_after, answer),
        Answer::Code(_) => Delivery::Refused {
            why: refusal(status, answer),
        },
        Answer::Empty => Delivery::Unsure {
            why: format!("{status} without the word ok"),
        },
        Answer::Foreign => Delivery::Retry {
            after: None,
            is_throttled: false,
            why: format!("{status}, but the answer is not Slack's; something else answered"),
        },
    }
}

fn throttled(retry_after: Option<&str>, answer: Answer<'_>) -> Delivery {
    Delivery::Retry {
        after: Some(retry_after.and_then(seconds).unwrap_or(RETRY_AFTER_DEFAULT)),
        is_throttled: true,
        why: match answer {
            Answer::Code(code) => format!("429 {code}: too many messages"),
            Answer::Ok | Answer::Empty | Answer::Foreign => String::from("429: too many messages"),
        },
    }
}

fn seconds(header: &str) -> Option<Duration> {
    let digits = header.trim();
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| {
        digits
            .parse()
            .map_or(RETRY_AFTER_MAX, Duration::from_secs)
            .min(RETRY_AFTER_MAX)
    })
}

fn refusal(status: u16, answer: Answer<'_>) -> String {
    let meaning = match answer {
        Answer::Code(code) => meaning(code),
        Answer::Ok | Answer::Empty | Answer::Foreign => None,
    };
    match meaning {
        Some(meaning) => format!("{status}{}: {meaning}", answer.suffix()),
        None => format!("{status}{}", answer.suffix()),
    }
}

/// What a code of Slack's means for the person who has to mend it.
fn meaning(code: &str) -> Option<&'static str> {
    Some(match code {
        "invalid_payload"
        | "no_text"
        | "invalid_blocks"
        | "invalid_blocks_format"
        | "too_many_attachments"
        | "invalid_attachments"
        | "msg_too_long"
        | "msg_blocks_too_long" => "Slack does not take the form of the message",
        "user_not_found" => "the user that the webhook belongs to is gone",
        "action_prohibited" => "an administrator has restricted posting",
        "posting_to_general_channel_denied" => {
            "an administrator has restricted posting to #general"
        }
        "invalid_token" | "invalid_auth" => "the webhook's token is not valid any more",
        "team_disabled" | "no_team" => "the workspace is gone",
        "channel_not_found" => "the channel is gone",
        "channel_is_archived" | "is_archived" => "the channel is archived",
        "no_service" | "no_service_id" | "no_active_hooks" => "the webhook was disabled or removed",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
