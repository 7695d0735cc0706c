//! What `journalctl` and systemd-journal-gatewayd have in common: names of units, and entries as lines of JSON.

use serde::Deserialize;

use crate::model::{
    Timestamp,
    logs::{LogFault, LogFaultKind, Reading},
};

use super::FUTURE_MAX;

/// The longest name of a unit that systemd takes.
///
/// Source: `UNIT_NAME_MAX` of systemd.
const UNIT_MAX: usize = 255;

/// What the name of a unit can end with; without one of them it is a service.
///
/// Source: systemd.unit(5).
const TYPES: [&str; 11] = [
    ".service",
    ".socket",
    ".device",
    ".mount",
    ".automount",
    ".swap",
    ".target",
    ".path",
    ".timer",
    ".slice",
    ".scope",
];

/// The fields of an entry that hold times: microseconds since 1970, as text.
#[derive(Deserialize)]
struct Entry {
    /// When the journal took it in.
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    taken: String,
    /// When it was sent, if the sender said so. A field that an entry has twice is an array.
    #[serde(rename = "_SOURCE_REALTIME_TIMESTAMP", default)]
    sent: serde_json::Value,
}

/// The match that finds what a unit itself wrote.
///
/// `journalctl -u` would also bring what systemd writes about the unit; with that, a unit that crashes and is started
/// again for ever would look alive.
///
/// # Errors
///
/// A query that is no name of a unit.
pub(super) fn unit_match(query: &str) -> Result<(&'static str, String), LogFault> {
    let is_valid = !query.is_empty()
        && query.len() <= UNIT_MAX
        && !query.starts_with(['-', '.'])
        && query
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.' | '\\' | '@'));
    if !is_valid {
        return Err(LogFault::new(
            LogFaultKind::BadQuery,
            "it is not the name of a unit",
        ));
    }
    let has_type = TYPES.iter().any(|kind| query.ends_with(kind));
    let unit = if has_type {
        query.to_owned()
    } else {
        format!("{query}.service")
    };
    Ok(("_SYSTEMD_UNIT", unit))
}

/// The newest times of these entries, one a line; no entries are no times, and entries of which none can be believed are an
/// answer that misses something.
///
/// # Errors
///
/// Lines of which none is an entry.
pub(super) fn newest(lines: &[u8], now: Timestamp) -> Result<Reading, LogFault> {
    let mut reading = Reading::default();
    let (mut lines_count, mut entries_count) = (0, 0);
    for line in lines.split(|byte| *byte == b'\n') {
        if line.trim_ascii().is_empty() {
            continue;
        }
        lines_count += 1;
        let Ok(entry) = serde_json::from_slice::<Entry>(line) else {
            continue;
        };
        entries_count += 1;
        // An entry of a time when the clock was wrong may lie in the future; it would keep a dead unit alive until then.
        let Some(taken) = believable(&entry.taken, now) else {
            continue;
        };
        let sent = entry.sent.as_str().and_then(|sent| believable(sent, now));
        reading.ingest = reading.ingest.max(Some(taken));
        reading.event = reading.event.max(sent.or(Some(taken)));
    }
    if lines_count > 0 && entries_count == 0 {
        return Err(LogFault::new(
            LogFaultKind::Unreachable,
            "its answer has no entries of a journal",
        ));
    }
    reading.is_partial = entries_count > 0 && reading.ingest.is_none();
    Ok(reading)
}

/// A time of the journal, unless it is in the future.
pub(super) fn believable(micros: &str, now: Timestamp) -> Option<Timestamp> {
    let micros: i64 = micros.parse().ok()?;
    let at = Timestamp::from_millis(micros / 1_000);
    (micros > 0 && at <= now + FUTURE_MAX).then(|| at.min(now))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    #[test]
    fn units_are_completed_and_checked() {
        let rows = [
            ("nginx", Some("nginx.service")),
            ("nginx.service", Some("nginx.service")),
            ("cron.timer", Some("cron.timer")),
            ("app@blue", Some("app@blue.service")),
            ("my.app", Some("my.app.service")),
            (
                "dev-disk-by\\x2duuid.swap",
                Some("dev-disk-by\\x2duuid.swap"),
            ),
            ("", None),
            ("-f", None),
            ("--rotate", None),
            (".hidden", None),
            ("a b", None),
            ("a/b", None),
            ("a*", None),
            ("a\nb", None),
            ("a&b=c", None),
            ("ž", None),
        ];
        for (query, expected) in rows {
            let unit = unit_match(query).map(|(_, unit)| unit);
            assert_eq!(unit.ok().as_deref(), expected, "{query:?}");
        }
        assert!(unit_match(&"a".repeat(256)).is_err());
    }

    #[test]
    fn the_newest_of_several_entries_counts_and_the_future_does_not() {
        let lines = br#"{"__REALTIME_TIMESTAMP":"1799999990000000","_SOURCE_REALTIME_TIMESTAMP":"1799999980000000"}
{"__REALTIME_TIMESTAMP":"1799999995000000","MESSAGE":[1,2,255]}
{"__REALTIME_TIMESTAMP":"1800000031000000"}
{"__REALTIME_TIMESTAMP":"1799999000000000","_SOURCE_REALTIME_TIMESTAMP":["1","2"]}
"#;
        let reading = newest(lines, NOW).unwrap();
        assert_eq!(
            reading.event,
            Some(Timestamp::from_millis(1_799_999_995_000))
        );
        assert_eq!(
            reading.ingest,
            Some(Timestamp::from_millis(1_799_999_995_000))
        );
        assert_eq!(newest(b"", NOW).unwrap(), Reading::default());
        let ahead = newest(br#"{"__REALTIME_TIMESTAMP":"1900000000000000"}"#, NOW).unwrap();
        assert_eq!((ahead.event, ahead.is_partial), (None, true));
        assert!(newest(b"<html>\n", NOW).is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_is_read_in_the_future(
            text in proptest::collection::vec(any::<u8>(), 0..200), micros in any::<i64>()
        ) {
            let _ = newest(&text, NOW);
            let line = format!("{{\"__REALTIME_TIMESTAMP\":\"{micros}\"}}");
            prop_assert!(newest(line.as_bytes(), NOW).unwrap().event <= Some(NOW));
        }
    }
}
