//! Finding our own lines in a file.

use std::collections::HashSet;

/// So much of the end of a file is searched: with a canary every 30 s and a give-up of 10 min, room for 1.7 KiB of other
/// lines a second.
pub(super) const SEARCHED: usize = 1024 * 1024;

/// What stands before a mark, whether the line is `key=value`, JSON, or JSON inside of a string of JSON.
const KEY: &str = "hekate_canary";

/// The numbers of all canaries of this monitor in these texts.
pub(super) fn numbers(texts: &[Vec<u8>], monitor: &str) -> HashSet<u64> {
    let mut found = HashSet::new();
    for text in texts {
        let text = String::from_utf8_lossy(text);
        found.extend(
            text.match_indices(KEY)
                .filter_map(|(at, key)| number(&text[at + key.len()..], monitor)),
        );
    }
    found
}

/// The number in `="monitor-17"` and its like.
fn number(after: &str, monitor: &str) -> Option<u64> {
    let mark = after.trim_start_matches(['"', '\\', ' ']);
    let mark = mark.strip_prefix(['=', ':'])?;
    let mark = mark.trim_start_matches(['"', '\\', ' ']);
    let digits = mark.strip_prefix(monitor)?.strip_prefix('-')?;
    let end = digits.find(|c: char| !c.is_ascii_digit())?;
    // A mark that goes on is another monitor's, whose name begins as ours.
    let next = digits[end..].chars().next()?;
    if next.is_alphanumeric() || matches!(next, '-' | '_' | '.') {
        return None;
    }
    digits[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_in_every_form_of_a_line() {
        let text = br#"x hekate_canary=one-1 hekate
{"message":"canary","hekate_canary":"one-2","n":2}
{"hekate_canary" : "one-3"}
{"log":"{\"hekate_canary\":\"one-4\"}\n"}
hekate_canary=one-5
hekate_canary=other-6
hekate_canary=one-7-8
hekate_canary=one-9x
hekate_canary=one-
hekate_canary=one-99999999999999999999999
hekate_canary one-10
hekate_canaryhekate_canary=one-11
"#;
        let mut found: Vec<_> = numbers(&[text.to_vec()], "one").into_iter().collect();
        found.sort_unstable();
        assert_eq!(found, [1, 2, 3, 4, 5, 11]);
    }

    /// Its end may not be written yet, and `one-1` is not `one-12`.
    #[test]
    fn a_mark_at_the_very_end_is_not_believed() {
        assert!(numbers(&[b"hekate_canary=one-1".to_vec()], "one").is_empty());
    }
}
