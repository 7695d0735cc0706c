//! Our own lines found again: the numbers of canaries out of the text of lines.

use crate::model::logs::CanaryMark;

/// What every canary has in its text, before the name of its monitor.
pub(super) const KEY: &str = "hekate_canary=";

/// The number of this monitor's canary in a line, if it holds one.
pub(super) fn number(line: &str, monitor: &str) -> Option<u64> {
    let (mut rest, mark) = (line, format!("{KEY}{monitor}-"));
    while let Some((_, after)) = rest.split_once(&mark) {
        let end = after
            .find(|character: char| !character.is_ascii_digit())
            .unwrap_or(after.len());
        let (digits, next) = after.split_at(end);
        // `a-1-7` is canary 7 of the monitor `a-1`, not canary 1 of the monitor `a`.
        let is_whole =
            !next.starts_with(|next: char| next.is_alphanumeric() || "-_.".contains(next));
        if is_whole && let Ok(number) = digits.parse() {
            return Some(number);
        }
        rest = after;
    }
    None
}

/// Those of the unseen that these lines show, each once, in their order.
pub(super) fn seen<'a>(
    lines: impl IntoIterator<Item = &'a str>,
    monitor: &str,
    unseen: &[CanaryMark],
) -> Vec<u64> {
    let shown: Vec<u64> = lines
        .into_iter()
        .filter_map(|line| number(line, monitor))
        .collect();
    unseen
        .iter()
        .map(|mark| mark.number)
        .filter(|number| shown.contains(number))
        .collect()
}

/// Text between double quotes, as the query languages of Loki, `VictoriaLogs` and Prometheus read it.
pub(super) fn quoted(text: &str) -> String {
    // All three unquote as Go does, which knows every escape that JSON has for text.
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use crate::model::Timestamp;

    use super::*;

    #[test]
    fn numbers_of_ours_only() {
        for (line, number_of_a) in [
            ("hekate_canary=a-7", Some(7)),
            ("hekate_canary=a-7 sent=1795309200000000000", Some(7)),
            (r#"{"msg":"hekate_canary=a-7","x":1}"#, Some(7)),
            ("hekate_canary=b-7", None),
            ("hekate_canary=a-1-7", None),
            ("hekate_canary=a-7x", None),
            ("hekate_canary=a-", None),
            ("hekate_canary=a-99999999999999999999999", None),
            ("hekate_canary=a-x hekate_canary=a-8", Some(8)),
            ("", None),
        ] {
            assert_eq!(number(line, "a"), number_of_a, "{line}");
        }
        assert_eq!(number("hekate_canary=a-1-7", "a-1"), Some(7));
    }

    #[test]
    fn only_what_was_asked_for_and_once() {
        let unseen = [5, 6, 8].map(|number| CanaryMark {
            number,
            sent_at: Timestamp::from_millis(0),
        });
        let lines = [
            "hekate_canary=a-8",
            "hekate_canary=a-7",
            "hekate_canary=a-8",
            "hekate_canary=a-5",
        ];
        assert_eq!(seen(lines, "a", &unseen), [5, 8]);
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(quoted("a\"} or {b=\"\\\n"), r#""a\"} or {b=\"\\\n""#);
    }
}
