use proptest::prelude::*;

use super::*;

fn envelope(kind: EnvelopeKind, takes_payload: bool, payload: Value) -> Frame {
    Frame::Envelope(Envelope {
        id: String::from("e1"),
        kind,
        takes_payload,
        payload,
    })
}

#[test]
fn what_slack_says_is_understood() {
    for (text, expected) in [
        (
            r#"{"type":"hello","num_connections":1,"connection_info":{"app_id":"A1"},"debug_info":{"approximate_connection_time":3600}}"#,
            Frame::Hello,
        ),
        (
            r#"{"type":"disconnect","reason":"warning","debug_info":{"host":"x"}}"#,
            Frame::Disconnect(Parting::Warning),
        ),
        (
            r#"{"type":"disconnect","reason":"refresh_requested"}"#,
            Frame::Disconnect(Parting::RefreshRequested),
        ),
        (
            r#"{"type":"disconnect","reason":"link_disabled"}"#,
            Frame::Disconnect(Parting::LinkDisabled),
        ),
        (
            r#"{"type":"disconnect","reason":"something_new"}"#,
            Frame::Disconnect(Parting::Other),
        ),
        (
            r#"{"type":"disconnect"}"#,
            Frame::Disconnect(Parting::Other),
        ),
        (
            r#"{"envelope_id":"e1","type":"slash_commands","accepts_response_payload":true,"payload":{"command":"/roih"}}"#,
            envelope(
                EnvelopeKind::SlashCommand,
                true,
                json!({ "command": "/roih" }),
            ),
        ),
        (
            r#"{"envelope_id":"e1","type":"interactive","accepts_response_payload":false,"payload":{}}"#,
            envelope(EnvelopeKind::Interactive, false, json!({})),
        ),
        (
            r#"{"envelope_id":"e1","type":"events_api","retry_attempt":1,"retry_reason":"timeout"}"#,
            envelope(EnvelopeKind::Event, false, Value::Null),
        ),
        // Even what is called like a greeting is acknowledged if it has an id.
        (
            r#"{"envelope_id":"e1","type":"hello","payload":[1]}"#,
            envelope(EnvelopeKind::Other, false, json!([1])),
        ),
        (r#"{"type":"something_new"}"#, Frame::Other),
    ] {
        assert_eq!(Frame::read(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_slack_would_not_say_is_told_apart() {
    let long = format!(r#"{{"type":"x","envelope_id":"{}"}}"#, "e".repeat(201));
    for (text, expected) in [
        ("", NotAFrame::Form),
        ("hello", NotAFrame::Form),
        ("{", NotAFrame::Form),
        ("[]", NotAFrame::Form),
        ("{}", NotAFrame::Form),
        ("null", NotAFrame::Form),
        (r#"{"type":5}"#, NotAFrame::Form),
        (r#"{"type":"x","envelope_id":5}"#, NotAFrame::Id),
        (r#"{"type":"x","envelope_id":""}"#, NotAFrame::Id),
        (long.as_str(), NotAFrame::Id),
    ] {
        assert_eq!(Frame::read(text), Err(expected), "{text}");
    }
}

#[test]
fn an_acknowledgement_carries_an_answer_or_nothing() {
    assert_eq!(acknowledgement("e\"1", None), r#"{"envelope_id":"e\"1"}"#);
    let answer = json!({ "text": "x" });
    assert_eq!(
        acknowledgement("e1", Some(&answer)),
        r#"{"envelope_id":"e1","payload":{"text":"x"}}"#
    );
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in any::<String>(), kind in any::<String>(), id in any::<String>()) {
        let _whatever_it_is = Frame::read(&text);
        let frame = Frame::read(&json!({ "type": kind, "envelope_id": id }).to_string());
        prop_assert_eq!(frame.is_ok(), (1..=ID_MAX).contains(&id.len()));
    }
}
