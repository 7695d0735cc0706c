//! What a receiver's answer means for the message.
//!
//! The status class decides first, the body second. No part of a body is ever repeated unless it is a word that Slack
//! is known to say: error pages like to quote the address they were asked for, and the address is the secret.

use std::time::Duration;

use chrono::DateTime;
use serde_json::Value;

use crate::model::{Delivery, Timestamp};

/// What an incoming webhook of Slack says with this status, the wait it asks for, and the beginning of its body.
///
/// Only 200 with the body `ok` means that Slack has the message. Any other 2xx, and every redirect, came from somebody
/// else. Anything from 500 up may have been posted.
///
/// Source: Slack, "Sending messages using incoming webhooks", "Rate limits".
pub fn of_slack(status: u16, after: Option<Duration>, body: &[u8]) -> Delivery {
    let text = std::str::from_utf8(body).map_or("", str::trim);
    if status == 200 && text == "ok" {
        return Delivery::Accepted;
    }
    match status {
        429 => throttled(after.or_else(|| wait_in(body))),
        408 => not_received(after),
        500.. => Delivery::Unsure {
            why: words(status, text),
        },
        200..=299 => Delivery::Refused {
            why: format!("HTTP {status}, but the answer is not Slack's `ok`"),
            is_malformed: false,
        },
        // A person that does not exist is a mistake in the file, and no other form of the message heals it.
        400 | 413 => Delivery::Refused {
            why: words(status, text),
            is_malformed: text != "user_not_found",
        },
        _ => Delivery::Refused {
            why: words(status, text),
            is_malformed: false,
        },
    }
}

/// What the receiver of a signed webhook says: every 2xx means that it has the message.
///
/// Source: Standard Webhooks, "Webhook endpoint responses".
pub fn of_signed(status: u16, after: Option<Duration>) -> Delivery {
    match status {
        200..=299 => Delivery::Accepted,
        429 => throttled(after),
        408 => not_received(after),
        500.. => Delivery::Unsure {
            why: words(status, ""),
        },
        400 | 413 | 422 => Delivery::Refused {
            why: words(status, ""),
            is_malformed: true,
        },
        _ => Delivery::Refused {
            why: words(status, ""),
            is_malformed: false,
        },
    }
}

/// The wait that a `Retry-After` header asks for: seconds, or a date, which is compared with the answer's own `Date` so
/// that the two clocks need not agree (with `now` if there is none). Absent if it is neither.
///
/// Source: RFC 9110, 10.2.3.
pub fn wait_of(retry_after: &str, date: Option<&str>, now: Timestamp) -> Option<Duration> {
    let retry_after = retry_after.trim();
    if let Ok(seconds) = retry_after.parse::<u32>() {
        return Some(Duration::from_secs(u64::from(seconds)));
    }
    let until = date_of(retry_after)?;
    Some(until.since(date.and_then(date_of).unwrap_or(now)))
}

fn date_of(text: &str) -> Option<Timestamp> {
    let date = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some(Timestamp::from_millis(date.timestamp_millis()))
}

/// The wait in the body of a 429, where Slack says it a second time.
fn wait_in(body: &[u8]) -> Option<Duration> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("retry_after")?.as_u64().map(Duration::from_secs)
}

fn throttled(after: Option<Duration>) -> Delivery {
    Delivery::Retry {
        after,
        is_throttled: true,
        why: String::from("HTTP 429, it asks for a slower pace"),
    }
}

/// The receiver gave up before it had the whole request.
fn not_received(after: Option<Duration>) -> Delivery {
    Delivery::Retry {
        after,
        is_throttled: false,
        why: String::from("HTTP 408, it did not get the request in time"),
    }
}

/// `HTTP 404, no_service: …`, with a word of Slack's if there is one that is known.
fn words(status: u16, text: &str) -> String {
    match SAYINGS.iter().find(|(word, _)| *word == text) {
        Some((word, meaning)) => format!("HTTP {status}, {word}: {meaning}"),
        None if (300..400).contains(&status) => {
            format!("HTTP {status}, a redirect, which is not followed")
        }
        None => format!("HTTP {status}"),
    }
}

/// What Slack says and what it means for whoever has to repair it.
const SAYINGS: &[(&str, &str)] = &[
    ("action_prohibited", "an administrator restricts posting"),
    ("channel_is_archived", "the channel is archived"),
    ("channel_not_found", "the channel does not exist"),
    (
        "invalid_blocks",
        "Slack cannot show this form of the message",
    ),
    (
        "invalid_payload",
        "Slack cannot read this form of the message",
    ),
    ("invalid_token", "the webhook's address is wrong or expired"),
    ("no_active_hooks", "the webhook is switched off"),
    ("no_service", "the webhook was removed or switched off"),
    ("no_service_id", "the webhook's address is wrong"),
    ("no_team", "the workspace does not exist"),
    ("no_text", "Slack sees no text in this form of the message"),
    (
        "posting_to_general_channel_denied",
        "the webhook may not post to the general channel",
    ),
    ("rollup_error", "a fault on Slack's side"),
    ("team_disabled", "the workspace is disabled"),
    (
        "too_many_attachments",
        "Slack cannot show this form of the message",
    ),
    ("user_not_found", "the person it goes to does not exist"),
];

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn say(delivery: &Delivery) -> String {
        match delivery {
            Delivery::Accepted | Delivery::Posted(_) => String::from("accepted"),
            Delivery::Retry { after, why, .. } => {
                format!("{} after {after:?}: {why}", delivery.as_str())
            }
            Delivery::Unsure { why } => format!("unsure: {why}"),
            Delivery::Refused { why, is_malformed } => {
                let how = if *is_malformed { " (malformed)" } else { "" };
                format!("refused{how}: {why}")
            }
        }
    }

    fn check(lines: &[String], expected: &Expect) {
        expected.assert_eq(&(lines.join("\n") + "\n"));
    }

    const OF_SLACK: [(u16, &str); 25] = [
        (200, "ok"),
        (200, "ok\n"),
        (200, ""),
        (200, "<html>Welcome to the guest network</html>"),
        (201, "ok"),
        (302, ""),
        (400, "invalid_payload"),
        (400, "invalid_blocks"),
        (400, "user_not_found"),
        (400, "Cannot POST /services/T0/B0/SECRET"),
        (403, "action_prohibited"),
        (403, "invalid_token"),
        (404, "no_service"),
        (404, "channel_not_found"),
        (404, "Cannot POST /services/T0/B0/SECRET"),
        (408, ""),
        (410, "channel_is_archived"),
        (413, ""),
        (418, "short and stout"),
        (429, ""),
        (
            429,
            r#"{"retry_after":7,"ok":false,"error":"rate_limited"}"#,
        ),
        (500, "rollup_error"),
        (502, "<html>"),
        (503, ""),
        (999, ""),
    ];

    #[test]
    fn what_slack_says() {
        let lines: Vec<_> = OF_SLACK
            .iter()
            .map(|(status, body)| {
                let delivery = of_slack(*status, None, body.as_bytes());
                format!("{status} {body:?} -> {}", say(&delivery))
            })
            .collect();
        check(
            &lines,
            &expect![[r#"
            200 "ok" -> accepted
            200 "ok\n" -> accepted
            200 "" -> refused: HTTP 200, but the answer is not Slack's `ok`
            200 "<html>Welcome to the guest network</html>" -> refused: HTTP 200, but the answer is not Slack's `ok`
            201 "ok" -> refused: HTTP 201, but the answer is not Slack's `ok`
            302 "" -> refused: HTTP 302, a redirect, which is not followed
            400 "invalid_payload" -> refused (malformed): HTTP 400, invalid_payload: Slack cannot read this form of the message
            400 "invalid_blocks" -> refused (malformed): HTTP 400, invalid_blocks: Slack cannot show this form of the message
            400 "user_not_found" -> refused: HTTP 400, user_not_found: the person it goes to does not exist
            400 "Cannot POST /services/T0/B0/SECRET" -> refused (malformed): HTTP 400
            403 "action_prohibited" -> refused: HTTP 403, action_prohibited: an administrator restricts posting
            403 "invalid_token" -> refused: HTTP 403, invalid_token: the webhook's address is wrong or expired
            404 "no_service" -> refused: HTTP 404, no_service: the webhook was removed or switched off
            404 "channel_not_found" -> refused: HTTP 404, channel_not_found: the channel does not exist
            404 "Cannot POST /services/T0/B0/SECRET" -> refused: HTTP 404
            408 "" -> retry after None: HTTP 408, it did not get the request in time
            410 "channel_is_archived" -> refused: HTTP 410, channel_is_archived: the channel is archived
            413 "" -> refused (malformed): HTTP 413
            418 "short and stout" -> refused: HTTP 418
            429 "" -> throttled after None: HTTP 429, it asks for a slower pace
            429 "{\"retry_after\":7,\"ok\":false,\"error\":\"rate_limited\"}" -> throttled after Some(7s): HTTP 429, it asks for a slower pace
            500 "rollup_error" -> unsure: HTTP 500, rollup_error: a fault on Slack's side
            502 "<html>" -> unsure: HTTP 502
            503 "" -> unsure: HTTP 503
            999 "" -> unsure: HTTP 999
        "#]],
        );
        assert!(!lines.iter().any(|line| {
            line.split(" -> ")
                .nth(1)
                .is_some_and(|said| said.contains("SECRET"))
        }));
    }

    #[test]
    fn what_a_receiver_of_signed_webhooks_says() {
        let lines: Vec<_> = [200, 204, 301, 400, 401, 404, 408, 410, 422, 429, 500, 504]
            .into_iter()
            .map(|status| {
                format!(
                    "{status} -> {}",
                    say(&of_signed(status, Some(Duration::from_secs(3))))
                )
            })
            .collect();
        check(
            &lines,
            &expect![[r#"
            200 -> accepted
            204 -> accepted
            301 -> refused: HTTP 301, a redirect, which is not followed
            400 -> refused (malformed): HTTP 400
            401 -> refused: HTTP 401
            404 -> refused: HTTP 404
            408 -> retry after Some(3s): HTTP 408, it did not get the request in time
            410 -> refused: HTTP 410
            422 -> refused (malformed): HTTP 422
            429 -> throttled after Some(3s): HTTP 429, it asks for a slower pace
            500 -> unsure: HTTP 500
            504 -> unsure: HTTP 504
        "#]],
        );
    }

    #[test]
    fn a_header_wins_over_the_body() {
        let body = br#"{"retry_after":7}"#;
        let delivery = of_slack(429, Some(Duration::from_mins(10)), body);
        assert!(matches!(
            delivery,
            Delivery::Retry { after: Some(after), is_throttled: true, .. } if after.as_secs() == 600
        ));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::from_millis(784_111_777_000); // Sun, 06 Nov 1994 08:49:37 GMT
        let cases = [
            ("30", None, Some(30)),
            (" 0 ", None, Some(0)),
            ("86400", None, Some(86_400)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", None, Some(30)),
            // A receiver whose clock is an hour ahead of ours.
            (
                "Sun, 06 Nov 1994 09:50:07 GMT",
                Some("Sun, 06 Nov 1994 09:49:37 GMT"),
                Some(30),
            ),
            ("Sun, 06 Nov 1994 08:00:00 GMT", None, Some(0)),
            ("soon", None, None),
            ("-5", None, None),
            ("", None, None),
            ("99999999999999999999", None, None),
        ];
        for (header, date, expected) in cases {
            assert_eq!(
                wait_of(header, date, now),
                expected.map(Duration::from_secs),
                "{header:?} with the date {date:?}"
            );
        }
    }
}
