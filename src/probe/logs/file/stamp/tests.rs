//! Lines of many logs, and the times that they say.

use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::from(chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc())
}

/// 2027-01-15T08:00:00Z in Prague, where it is 09:00.
fn frame() -> Frame {
    Frame {
        zone: Tz::Europe__Prague,
        now: at("2027-01-15T08:00:00Z"),
        modified: at("2027-01-15T08:00:00Z"),
    }
}

fn read(line: &str, frame: &Frame) -> String {
    let line = Line {
        bytes: line.as_bytes(),
        is_ended: true,
    };
    line.stamp(frame)
        .map_or_else(|| String::from("-"), |at| at.to_string())
}

fn check(rows: &[(&str, &str)], frame: &Frame) {
    for (line, expected) in rows {
        let expected = match *expected {
            "-" => String::from("-"),
            expected => at(expected).to_string(),
        };
        assert_eq!(read(line, frame), expected, "{line:?}");
    }
}

#[test]
fn dates_with_the_year_first() {
    check(
        &[
            ("2027-01-15T07:00:01Z hello", "2027-01-15T07:00:01Z"),
            (
                "2027-01-15T07:00:01.123456789Z x",
                "2027-01-15T07:00:01.123Z",
            ),
            ("2027-01-15t07:00:01.5z x", "2027-01-15T07:00:01.5Z"),
            ("2027-01-15T07:00:01+01:00 x", "2027-01-15T06:00:01Z"),
            ("2027-01-15T07:00:01+0330 x", "2027-01-15T03:30:01Z"),
            ("2027-01-15 07:00:01+02 x", "2027-01-15T05:00:01Z"),
            ("2027-01-15T03:00:01-04:30 x", "2027-01-15T07:30:01Z"),
            ("2027-01-15 07:00:01 +0000 x", "2027-01-15T07:00:01Z"),
            ("2027-01-15 07:00:01 UTC x", "2027-01-15T07:00:01Z"),
            (
                "2027-01-15 07:00:01.250 UTC [77] LOG: x",
                "2027-01-15T07:00:01.25Z",
            ),
            (
                "2027-01-15 07:00:01.250 CET [77] LOG: x",
                "2027-01-15T06:00:01.25Z",
            ),
            ("2027-01-15 08:00:01 x", "2027-01-15T07:00:01Z"),
            ("2027-01-15 08:00:01,042 INFO x", "2027-01-15T07:00:01.042Z"),
            ("2027-01-15 08:00:01 - root - INFO", "2027-01-15T07:00:01Z"),
            ("2027-01-15 08:00:01 -12 items", "2027-01-15T07:00:01Z"),
            ("2027-01-15T08:00 x", "2027-01-15T07:00:00Z"),
            ("2027/01/15 08:00:01 [error] 7#7: x", "2027-01-15T07:00:01Z"),
            (
                "2027/01/15 08:00:01.123456 main.go:7: x",
                "2027-01-15T07:00:01.123Z",
            ),
            ("20270115T070001Z x", "2027-01-15T07:00:01Z"),
            ("20270115 08:00:01.5 x", "2027-01-15T07:00:01.5Z"),
            ("[2027-01-15 08:00:01.5] x", "2027-01-15T07:00:01.5Z"),
            (
                "[2027-01-15T08:00:01.500+01:00][info] x",
                "2027-01-15T07:00:01.5Z",
            ),
            ("INFO  [2027-01-15 08:00:01,5] x", "2027-01-15T07:00:01.5Z"),
            ("WARN 2027-01-15 08:00:01 main x", "2027-01-15T07:00:01Z"),
            ("web-1  | 2027-01-15T07:00:01Z x", "2027-01-15T07:00:01Z"),
            ("2026-12-31T23:59:60Z leap", "2026-12-31T23:59:59.999Z"),
            ("\u{feff}2027-01-15T07:00:01Z x", "2027-01-15T07:00:01Z"),
            (
                "\u{1b}[2m2027-01-15T07:00:01Z\u{1b}[0m \u{1b}[32m INFO x",
                "2027-01-15T07:00:01Z",
            ),
            ("\0\0\x002027-01-15T07:00:01Z x", "2027-01-15T07:00:01Z"),
            (
                "2\x000\x002\x007\x00-\x000\x001\x00-\x001\x005\x00T\x000\x007\x00:\x000\x000\x00Z\x00 x",
                "2027-01-15T07:00:00Z",
            ),
        ],
        &frame(),
    );
}

#[test]
fn other_dates() {
    check(
        &[
            (
                "127.0.0.1 - - [15/Jan/2027:08:00:01 +0100] \"GET / HTTP/1.1\" 200",
                "2027-01-15T07:00:01Z",
            ),
            (
                "10.0.0.1 - anna.very.long.name.of.a.user@example.test.with.a.long.domain [15/Jan/2027:07:00:01 +0000] x",
                "2027-01-15T07:00:01Z",
            ),
            (
                "15-Jan-2027 08:00:01.5 INFO [main] x",
                "2027-01-15T07:00:01.5Z",
            ),
            (
                "1:M 15 Jan 2027 08:00:01.123 * Ready",
                "2027-01-15T07:00:01.123Z",
            ),
            ("Fri, 15 Jan 2027 07:00:01 GMT x", "2027-01-15T07:00:01Z"),
            (
                "[Fri Jan 15 08:00:01.123456 2027] [core:notice] x",
                "2027-01-15T07:00:01.123Z",
            ),
            ("Jan 15 08:00:01 host app[7]: x", "2027-01-15T07:00:01Z"),
            ("Jan  5 08:00:01 host app[7]: x", "2027-01-05T07:00:01Z"),
            ("<34>Oct 11 22:14:15 host su: x", "2026-10-11T20:14:15Z"),
            (
                "<165>1 2027-01-15T07:00:01.003Z host app - ID47 - x",
                "2027-01-15T07:00:01.003Z",
            ),
            (
                "I0115 08:00:01.123456       7 main.go:12] x",
                "2027-01-15T07:00:01.123Z",
            ),
            (
                "E20270115 08:00:01.123456 7 main.cc:12] x",
                "2027-01-15T07:00:01.123Z",
            ),
            ("W1231 23:00:00 x", "2026-12-31T22:00:00Z"),
            ("1800000000 x", "2027-01-15T08:00:00Z"),
            ("1799996400.250 200 x", "2027-01-15T07:00:00.25Z"),
            ("1799996400250 x", "2027-01-15T07:00:00.25Z"),
            ("[1799996400250] x", "2027-01-15T07:00:00.25Z"),
            ("1799996400250000 x", "2027-01-15T07:00:00.25Z"),
            ("1799996400250000000 x", "2027-01-15T07:00:00.25Z"),
            (
                "time=\"2027-01-15T08:00:01+01:00\" level=info",
                "2027-01-15T07:00:01Z",
            ),
            (
                "level=info ts=2027-01-15T07:00:01Z msg=x",
                "2027-01-15T07:00:01Z",
            ),
            (
                "level=info caller=a.go:1 ts=1799996400.25 msg=x",
                "2027-01-15T07:00:00.25Z",
            ),
        ],
        &frame(),
    );
}

#[test]
fn json() {
    check(
        &[
            (
                r#"{"ts":1799996400.25,"msg":"x"}"#,
                "2027-01-15T07:00:00.25Z",
            ),
            (
                r#"{"level":30,"time":1799996400250}"#,
                "2027-01-15T07:00:00.25Z",
            ),
            (r#"{"ts":1799996400}"#, "2027-01-15T07:00:00Z"),
            (r#"{"ts":1799996400250000}"#, "2027-01-15T07:00:00.25Z"),
            (r#"{"ts":1799996400250000000}"#, "2027-01-15T07:00:00.25Z"),
            (r#"{"ts":"1799996400"}"#, "2027-01-15T07:00:00Z"),
            (r#"{"time":"2027-01-15T07:00:01Z"}"#, "2027-01-15T07:00:01Z"),
            (
                r#"{"@timestamp":"2027-01-15T08:00:01.5+01:00","ts":1}"#,
                "2027-01-15T07:00:01.5Z",
            ),
            (
                r#"{"timestamp":"2027-01-15 08:00:01,500"}"#,
                "2027-01-15T07:00:01.5Z",
            ),
            (
                r#"{"log":"2099-01-01T00:00:00Z\n","time":"2027-01-15T07:00:01Z"}"#,
                "2027-01-15T07:00:01Z",
            ),
            (
                r#"{"@t":"2027-01-15T07:00:01.0000000Z","@mt":"x"}"#,
                "2027-01-15T07:00:01Z",
            ),
            (r#"{"time":null}"#, "-"),
            (r#"{"time":{"a":1}}"#, "-"),
            (r#"{"time":12}"#, "-"),
            (r#"{"time":-1799996400}"#, "-"),
            (r#"{"time":1e300}"#, "-"),
            (r#"{"time":18446744073709551615}"#, "-"),
            (r#"{"time":"soon"}"#, "-"),
            (r#"{"msg":"2027-01-15T07:00:01Z"}"#, "-"),
            (r#"{"time":"2027-01-15T07:00:01Z""#, "-"),
            (r#"{"time":"2027-01-15T08:00:31Z"}"#, "-"),
        ],
        &frame(),
    );
}

#[test]
fn what_is_no_time_of_a_line() {
    check(
        &[
            ("", "-"),
            ("hello", "-"),
            ("2027-01-15 is a date", "-"),
            ("2027-13-15T07:00:01Z", "-"),
            ("2027-02-29T07:00:01Z", "-"),
            ("2027-01-15T25:00:01Z", "-"),
            ("2027-01-15T07:61:01Z", "-"),
            ("0000-01-01T00:00:00Z", "-"),
            ("1969-12-31T23:59:59Z", "-"),
            ("12345 items", "-"),
            ("1234567890 is a number of an order", "-"),
            ("1799996400x", "-"),
            ("Jan 32 08:00:01 x", "-"),
            ("Jan fell 08:00:01", "-"),
            ("X0115 08:00:01 x", "-"),
            ("<34", "-"),
            ("\u{1b}[", "-"),
            (
                "the certificate of a host with a long name that was looked at is valid until 2026-01-01T00:00:00Z",
                "-",
            ),
        ],
        &frame(),
    );
}

/// 30 s are two clocks that do not quite agree; more is a time that nobody can mean.
#[test]
fn the_future() {
    check(
        &[
            ("2027-01-15T08:00:29Z x", "2027-01-15T08:00:00Z"),
            ("2027-01-15T08:00:30Z x", "2027-01-15T08:00:00Z"),
            ("2027-01-15T08:00:30.001Z x", "-"),
            ("2099-01-01T00:00:00Z x", "-"),
            ("9999-12-31T23:59:59Z x", "-"),
            // Its zone is not ours; it is not of a year ago.
            ("Jan 15 11:00:00 host x", "-"),
            ("Jan 16 11:00:00 host x", "-"),
            ("Jan 20 11:00:00 host x", "2026-01-20T10:00:00Z"),
        ],
        &frame(),
    );
}

#[test]
fn years_that_are_not_written() {
    let new_year = |now: &str| Frame {
        zone: Tz::UTC,
        now: at(now),
        modified: at(now),
    };
    check(
        &[
            ("Dec 31 23:59:59 host x", "2026-12-31T23:59:59Z"),
            ("Jan  1 00:00:01 host x", "2027-01-01T00:00:01Z"),
            ("Feb 29 12:00:00 host x", "2024-02-29T12:00:00Z"),
        ],
        &new_year("2027-01-01T00:00:05Z"),
    );
    // Their clock is a little ahead of ours.
    check(
        &[("Jan  1 00:00:10 host x", "2026-12-31T23:59:50Z")],
        &new_year("2026-12-31T23:59:50Z"),
    );
}

/// On 2026-10-25 the hour from 02:00 comes twice in Prague, on 2026-03-29 it does not come.
#[test]
fn hours_that_come_twice_or_not_at_all() {
    let frame = |now: &str| Frame {
        now: at(now),
        modified: at(now),
        ..frame()
    };
    let twice = "2026-10-25 02:30:00 x";
    check(
        &[(twice, "2026-10-25T00:30:00Z")],
        &frame("2026-10-25T00:30:05Z"),
    );
    check(
        &[(twice, "2026-10-25T01:30:00Z")],
        &frame("2026-10-25T01:30:05Z"),
    );
    let old_file = Frame {
        modified: at("2026-10-25T00:30:01Z"),
        ..frame("2026-10-25T05:00:00Z")
    };
    check(&[(twice, "2026-10-25T00:30:00Z")], &old_file);
    let never = "2026-03-29 02:30:00 x";
    check(
        &[(never, "2026-03-29T01:30:00Z")],
        &frame("2026-03-29T05:00:00Z"),
    );
}

/// Whatever is still to come may change what it means.
#[test]
fn an_unfinished_line_is_read_when_its_time_is_surely_whole() {
    let read = |text: &str| {
        let line = Line {
            bytes: text.as_bytes(),
            is_ended: false,
        };
        line.stamp(&frame()).is_some()
    };
    assert!(!read("2027-01-15 08:00:01"));
    assert!(!read("2027-01-15 08:00:01 +02"));
    assert!(read("2027-01-15 08:00:01 hello there"));
    assert!(!read(r#"{"ts":1799996400"#));
    assert!(read(r#"{"ts":1799996400}"#));
}

proptest! {
    #[test]
    fn no_line_panics_or_is_read_in_the_future(
        line in prop_oneof![
            any::<String>(),
            "[0-9]{1,20}[-/: T.,+Z0-9]{0,30}",
            "(Jan|Feb|Mon)[ 0-9:]{0,20}",
            "[IWEF][0-9]{4,8} [0-9:. ]{0,20}",
            r#"\{"ts":-?[0-9]{1,20}(\.[0-9]{1,5})?(e[0-9]{1,3})?\}"#,
        ],
        millis in 0_i64..4_000_000_000_000,
    ) {
        let now = Timestamp::from_millis(millis);
        let frame = Frame { now, modified: now, ..frame() };
        for is_ended in [true, false] {
            let line = Line { bytes: line.as_bytes(), is_ended };
            prop_assert!(line.stamp(&frame) <= Some(now));
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Line { bytes: &bytes, is_ended: true }.stamp(&frame());
    }
}
