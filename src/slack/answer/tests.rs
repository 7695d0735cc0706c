use expect_test::{Expect, expect};

use super::*;

fn read(status: u16, retry_after: Option<&str>, body: &str) -> String {
    let delivery = of_webhook(status, retry_after, body.as_bytes());
    let form = if is_about_form(status, body.as_bytes()) {
        " [words alone]"
    } else {
        ""
    };
    match delivery {
        Delivery::Accepted => String::from("accepted"),
        Delivery::Retry {
            after,
            is_throttled,
            why,
        } => format!(
            "{} after {}: {why}{form}",
            if is_throttled { "slower" } else { "retry" },
            after.map_or_else(|| String::from("a while"), |after| format!("{after:?}")),
        ),
        Delivery::Unsure { why } => format!("unsure: {why}{form}"),
        Delivery::Refused { why } => format!("refused: {why}{form}"),
    }
}

fn check(answers: &[(u16, Option<&str>, &str)], expected: &Expect) {
    let lines: Vec<String> = answers
        .iter()
        .map(|(status, retry_after, body)| read(*status, *retry_after, body))
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn only_ok_is_a_success() {
    check(
        &[
            (200, None, "ok"),
            (200, None, "ok\n"),
            (200, None, ""),
            (200, None, "<html><title>Log in</title>"),
            (200, None, "OK"),
            (200, None, "not ok"),
            (200, None, "no_service"),
            (200, None, r#"{"ok":false,"error":"channel_not_found"}"#),
            (200, Some("7"), r#"{"ok":false,"error":"rate_limited"}"#),
            (302, None, ""),
            (304, None, ""),
        ],
        &expect![[r#"
            accepted
            accepted
            unsure: 200 without the word ok
            retry after a while: 200, but the answer is not Slack's; something else answered
            retry after a while: 200, but the answer is not Slack's; something else answered
            retry after a while: 200, but the answer is not Slack's; something else answered
            refused: 200 no_service: the webhook was disabled or removed
            refused: 200 channel_not_found: the channel is gone
            slower after 7s: 429 rate_limited: too many messages
            retry after a while: 302: a redirect, which Slack never sends; something else answered
            retry after a while: 304: a redirect, which Slack never sends; something else answered"#]],
    );
}

#[test]
fn every_code_of_slack_s() {
    check(
        &[
            (400, None, "invalid_payload"),
            (400, None, "no_text"),
            (400, None, "too_many_attachments"),
            (400, None, "invalid_blocks"),
            (400, None, "msg_blocks_too_long"),
            (400, None, "a_code_of_tomorrow"),
            (400, None, "<html>Bad Request"),
            (400, None, "user_not_found"),
            (403, None, "action_prohibited"),
            (403, None, "posting_to_general_channel_denied"),
            (403, None, "invalid_token"),
            (403, None, "team_disabled"),
            (404, None, "channel_not_found"),
            (404, None, "no_service"),
            (404, None, "no_active_hooks"),
            (410, None, "channel_is_archived"),
            (413, None, ""),
            (500, None, "rollup_error"),
            (502, None, "<html>Bad Gateway"),
            (503, Some("60"), ""),
            (408, None, ""),
        ],
        &expect![[r#"
            refused: 400 invalid_payload: Slack does not take the form of the message [words alone]
            refused: 400 no_text: Slack does not take the form of the message [words alone]
            refused: 400 too_many_attachments: Slack does not take the form of the message [words alone]
            refused: 400 invalid_blocks: Slack does not take the form of the message [words alone]
            refused: 400 msg_blocks_too_long: Slack does not take the form of the message [words alone]
            refused: 400 a_code_of_tomorrow [words alone]
            refused: 400 (not an answer of Slack's) [words alone]
            refused: 400 user_not_found: the user that the webhook belongs to is gone
            refused: 403 action_prohibited: an administrator has restricted posting
            refused: 403 posting_to_general_channel_denied: an administrator has restricted posting to #general
            refused: 403 invalid_token: the webhook's token is not valid any more
            refused: 403 team_disabled: the workspace is gone
            refused: 404 channel_not_found: the channel is gone
            refused: 404 no_service: the webhook was disabled or removed
            refused: 404 no_active_hooks: the webhook was disabled or removed
            refused: 410 channel_is_archived: the channel is archived
            refused: 413 [words alone]
            unsure: 500 rollup_error: trouble on Slack's side
            unsure: 502 (not an answer of Slack's): trouble on Slack's side
            unsure: 503: trouble on Slack's side
            retry after a while: 408: the request did not arrive in time"#]],
    );
}

#[test]
fn a_slower_pace_is_kept() {
    let body = r#"{"retry_after":1,"ok":false,"error":"rate_limited"}"#;
    check(
        &[
            (429, Some("1"), body),
            (429, Some("30"), "rate_limited"),
            (429, Some(" 120 "), ""),
            (429, Some("999999999"), ""),
            (429, Some("99999999999999999999999"), ""),
            (429, Some("0"), ""),
            (429, Some("-1"), ""),
            (429, Some("soon"), ""),
            (429, None, body),
        ],
        &expect![[r#"
            slower after 1s: 429 rate_limited: too many messages
            slower after 30s: 429 rate_limited: too many messages
            slower after 120s: 429: too many messages
            slower after 3600s: 429: too many messages
            slower after 3600s: 429: too many messages
            slower after 0ns: 429: too many messages
            slower after 30s: 429: too many messages
            slower after 30s: 429: too many messages
            slower after 30s: 429 rate_limited: too many messages"#]],
    );
}

#[test]
fn no_answer_is_ever_quoted_unless_it_is_a_code() {
    for status in [
        100, 199, 200, 204, 301, 400, 401, 404, 429, 499, 500, 599, 999,
    ] {
        for body in ["<!channel>", "secret T0/B0/XXXX", "A_CODE", &"x".repeat(65)] {
            let shown = read(status, None, body);
            assert!(!shown.contains(body), "{shown}");
        }
        let _no_panic = of_webhook(status, None, &[0xff, 0xfe]);
    }
}
