//! Health bodies in plain text.

use crate::model::{ComponentState, Family};

use super::{
    parts::{Parts, Path, Said, message},
    vocabulary,
};

use ComponentState::{Down, Up};

/// The most bytes of a body that is one word or one short sentence about state.
const SENTENCE_BYTES_MAX: usize = 300;

/// The dialect of a text; nothing if it says nothing that is understood.
pub(super) fn detect(text: &str) -> Option<Family> {
    if is_check_line(text) {
        return Some(Family::Kubernetes);
    }
    let word = unquoted(text);
    if is_any(word, &["healthy", "degraded", "unhealthy"]) {
        Some(Family::AspNet)
    } else if is_any(word, &["alive", "dead", "throttled"]) {
        Some(Family::Graylog)
    } else {
        word_state(word).map(|_| Family::Word)
    }
}

/// Reads a text as one dialect and adds its components; nothing if it does not fit.
pub(super) fn read<'t>(family: Family, text: &'t str, parts: &mut Parts<'_>) -> Option<Said<'t>> {
    let word = unquoted(text);
    match family {
        Family::Kubernetes if text.lines().any(is_check_line) => Some(read_kubernetes(text, parts)),
        Family::Kubernetes => is_any(word, &["ok"]).then(|| Said::word(word)),
        Family::AspNet => {
            is_any(word, &["healthy", "degraded", "unhealthy"]).then(|| Said::word(word))
        }
        Family::Graylog => is_any(word, &["alive", "dead", "throttled"]).then(|| Said::word(word)),
        Family::Word => word_state(word),
        Family::Spring3
        | Family::Spring2
        | Family::Spring1
        | Family::Microprofile
        | Family::AspNetUi
        | Family::HealthJson
        | Family::Terminus
        | Family::Django
        | Family::GoHealth
        | Family::Dropwizard
        | Family::HealthGo
        | Family::Consul
        | Family::Simple
        | Family::CodeOnly => None,
    }
}

/// A JSON text on its own is a word in quotes.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
}

fn is_any(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// What a word or a short sentence says. A sentence counts only if it begins with a word for down: free text that
/// begins well, such as `ready to accept`, proves less than the code beside it.
fn word_state(text: &str) -> Option<Said<'_>> {
    if text.len() > SENTENCE_BYTES_MAX {
        return None;
    }
    if let Some(state) = vocabulary::state_of(text) {
        return Some(Said::known(state, text));
    }
    let line = text.lines().next()?;
    let (first, rest) = split_word(line);
    if first.eq_ignore_ascii_case("not") {
        let (second, _) = split_word(rest.trim_start());
        return matches!(vocabulary::state_of(second), Some(Up)).then(|| Said::known(Down, text));
    }
    let is_down =
        matches!(vocabulary::state_of(first), Some(Down)) && !is_any(first, &["false", "red"]);
    // `errors: 0` and `failed = none` say that nothing is wrong.
    let why = rest.trim_matches(|c: char| !c.is_alphanumeric());
    let counts_nothing =
        split_word(why).0 == "0" || is_any(why, &["none", "no", "null", "false", "nothing"]);
    (is_down && !counts_nothing).then(|| Said::known(Down, text))
}

fn split_word(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_alphanumeric())
            .unwrap_or(text.len()),
    )
}

fn is_check_line(line: &str) -> bool {
    line.starts_with("[+]") || line.starts_with("[-]")
}

/// `[+]ping ok`, `[-]etcd failed: reason withheld`, and a last line for the whole.
/// Source: Kubernetes' API server, "API health endpoints".
fn read_kubernetes(text: &str, parts: &mut Parts<'_>) -> Said<'static> {
    let mut is_failed = false;
    for line in text.lines().map(str::trim) {
        let (state, check) = if let Some(check) = line.strip_prefix("[+]") {
            (Said::known(Up, "ok"), check)
        } else if let Some(check) = line.strip_prefix("[-]") {
            (Said::known(Down, "failed"), check)
        } else {
            is_failed |= line.ends_with("check failed");
            continue;
        };
        let (name, why) = check.split_once(' ').unwrap_or((check, ""));
        if why.starts_with("excluded") {
            continue;
        }
        let why = why.trim_start_matches("failed").trim_start_matches(':');
        parts.add_with(Path::top(name), &state, || message(why));
    }
    if parts.down > 0 {
        // Which checks failed says more than that some did.
        Said::of_components(Down)
    } else if is_failed {
        Said::known(Down, "failed")
    } else {
        Said::known(Up, "ok")
    }
}
