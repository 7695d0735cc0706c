//! The body of a container's log: lines, in frames if the container has no terminal.

use chrono::DateTime;

use crate::{
    model::{
        Timestamp,
        logs::{LogFault, LogFaultKind},
    },
    probe::logs::FUTURE_MAX,
};

/// A frame begins with its stream, three NUL bytes and its length, big-endian.
const HEADER: usize = 8;
/// The stream on which the engine tells its own trouble.
const TROUBLE: u8 = 3;

/// The newest time that stands at the beginning of a line.
///
/// Some engines do not say which form they send, so the bytes have to: no line begins with such a header, since with
/// `timestamps=1` it begins with a year.
///
/// # Errors
///
/// What the engine says instead of lines.
pub(in crate::probe::logs) fn newest(
    body: &[u8],
    now: Timestamp,
) -> Result<Option<Timestamp>, LogFault> {
    if !is_framed(body) {
        return Ok(newest_line(body, now));
    }
    let mut newest = None;
    let mut trouble = None;
    let mut rest = body;
    while is_framed(rest) {
        let (stream, length) = (rest[0], [rest[4], rest[5], rest[6], rest[7]]);
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let after = &rest[HEADER..];
        // The last frame may be cut by our own limit.
        let (frame, after) = after.split_at(length.min(after.len()));
        if stream == TROUBLE {
            trouble = Some(frame);
        } else {
            newest = newest.max(newest_line(frame, now));
        }
        rest = after;
    }
    match (newest, trouble) {
        (None, Some(trouble)) => Err(LogFault::new(
            LogFaultKind::Unreachable,
            String::from_utf8_lossy(trouble),
        )),
        _ => Ok(newest),
    }
}

fn is_framed(bytes: &[u8]) -> bool {
    matches!(bytes, [0..=TROUBLE, 0, 0, 0, _, _, _, _, ..])
}

fn newest_line(lines: &[u8], now: Timestamp) -> Option<Timestamp> {
    lines
        .split(|byte| *byte == b'\n')
        .filter_map(|line| stamp(line, now))
        .max()
}

/// `2026-01-02T03:04:05.678901234Z ` before the line itself.
fn stamp(line: &[u8], now: Timestamp) -> Option<Timestamp> {
    let end = line.iter().position(u8::is_ascii_whitespace)?;
    let text = std::str::from_utf8(&line[..end]).ok()?;
    let at = Timestamp::from(DateTime::parse_from_rfc3339(text).ok()?.to_utc());
    (at.as_millis() >= 0 && at <= now + FUTURE_MAX).then(|| at.min(now))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn frame(stream: u8, text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0], &length[..], text.as_bytes()].concat()
    }

    fn read(body: &[u8]) -> String {
        match newest(body, NOW) {
            Ok(Some(at)) => at.to_string(),
            Ok(None) => String::from("-"),
            Err(fault) => format!("{}: {}", fault.kind.as_str(), fault.words),
        }
    }

    #[test]
    fn the_form_is_seen_in_the_bytes() {
        let (old, new) = (
            "2027-01-15T07:00:00.123456789Z one\n",
            "2027-01-15T08:30:00.5+01:00 two\n",
        );
        let rows = [
            (Vec::new(), "-"),
            (new.into(), "2027-01-15T07:30:00.500Z"),
            (format!("{new}{old}").into(), "2027-01-15T07:30:00.500Z"),
            (frame(1, old), "2027-01-15T07:00:00.123Z"),
            (
                [frame(2, new), frame(1, old)].concat(),
                "2027-01-15T07:30:00.500Z",
            ),
            (
                frame(1, "2027-01-15T07:30:00Z "),
                "2027-01-15T07:30:00.000Z",
            ),
            // Cut by the limit, and with more promised than there is.
            (frame(1, new)[..40].to_vec(), "2027-01-15T07:30:00.500Z"),
            (
                [frame(1, old), vec![1, 0, 0, 0, 255]].concat(),
                "2027-01-15T07:00:00.123Z",
            ),
            (
                [frame(1, old), frame(3, "gone")].concat(),
                "2027-01-15T07:00:00.123Z",
            ),
            (
                frame(3, "Error grabbing logs: unexpected EOF\n"),
                "unreachable: Error grabbing logs: unexpected EOF",
            ),
            (frame(1, ""), "-"),
            (frame(1, "2027-01-15T08:00:31Z tomorrow\n"), "-"),
            (
                frame(1, "2027-01-15T08:00:29Z soon\n"),
                "2027-01-15T08:00:00.000Z",
            ),
            (frame(1, "0001-01-01T00:00:00Z never\n"), "-"),
            (frame(1, "no time\n"), "-"),
            (vec![0xFF; 64], "-"),
        ];
        for (body, expected) in rows {
            assert_eq!(
                read(&body),
                expected,
                "{:?}",
                String::from_utf8_lossy(&body)
            );
        }
    }

    proptest! {
        #[test]
        fn no_body_panics_or_is_read_in_the_future(
            body in proptest::collection::vec(prop_oneof![0_u8..4, any::<u8>()], 0..200)
        ) {
            if let Ok(newest) = newest(&body, NOW) {
                prop_assert!(newest <= Some(NOW));
            }
        }
    }
}
