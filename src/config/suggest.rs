//! "Did you mean …?"

use strsim::damerau_levenshtein;

/// The candidate that somebody most likely meant, if any is near enough: one slip in up to four letters, two in up to
/// seven, three in longer words, or the same word but for case, dashes and spaces.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = folded(word);
    let limit = match wanted.chars().count() {
        0 => return None,
        1..=4 => 1,
        5..=7 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .map(|candidate| (damerau_levenshtein(&wanted, &folded(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Case, dashes and spaces are not what people slip on.
fn folded(word: &str) -> String {
    word.trim().to_lowercase().replace(['-', ' '], "_")
}

/// The words in back quotes, at most eight of them: `` `a`, `b`, … ``.
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut words = words.into_iter();
    let mut out: Vec<String> = words
        .by_ref()
        .take(8)
        .map(|word| format!("`{}`", crate::model::text::clean(word, 64)))
        .collect();
    if words.next().is_some() {
        out.push(String::from("…"));
    }
    out.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let keys = ["name", "group", "aliases", "interval", "timeout"];
        assert_eq!(nearest("aliasses", keys), Some("aliases"));
        assert_eq!(nearest("Time-Out", keys), Some("timeout"));
        assert_eq!(nearest("nmae", keys), Some("name"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest("", keys), None);
        assert_eq!(nearest("x", ["y"]), None);
    }
}
