//! Prometheus' text format and `OpenMetrics`, as far as one value has to be found in it.
//!
//! Source: Prometheus, "Exposition formats", text format version 0.0.4; a sample is
//! `name{label="value",…} number [timestamp]`, within a value `\\`, `\"` and `\n` stand for what they escape, and all lines
//! of one name stand together. `OpenMetrics` 1.0 adds `# EOF` at the end and an exemplar after `#`; names that are no
//! words stand in quotes within the braces (Prometheus 3).

use std::{borrow::Cow, collections::HashSet};

/// What a page says about one name.
#[derive(PartialEq, Debug, Default)]
pub(super) struct Found<'page> {
    /// The series of this name that carry the wanted labels, each once.
    pub(super) series: Vec<Series<'page>>,
    /// How far the page went.
    pub(super) reach: Reach,
    /// Whether a line of this name could not be read.
    pub(super) is_broken: bool,
    /// What the page says the metric is: `histogram`, `gauge`.
    pub(super) kind: Option<&'page str>,
    /// Whether any line is one of this format.
    pub(super) is_metrics: bool,
    /// Whether the last line is `# EOF`.
    pub(super) has_end: bool,
}

/// How far a page went, seen from the lines of one name, which stand together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Reach {
    /// There was none of them.
    #[default]
    Before,
    /// It ends with one of them.
    Among,
    /// Something else came after them.
    Past,
}

/// One series and its value.
#[derive(PartialEq, Debug)]
pub(super) struct Series<'page> {
    /// Its labels, in the order of their names.
    pub(super) labels: Vec<Label<'page>>,
    pub(super) value: f64,
}

/// Name and value of a label.
pub(super) type Label<'page> = (Cow<'page, str>, Cow<'page, str>);

/// Everything that a page says about this name, of series with these labels.
///
/// Lines of other names are only looked at until one shows that this is a page of metrics: one broken metric must not
/// hide another. Of a series that is there twice the first counts, as it does for Prometheus.
pub(super) fn find<'page>(
    page: &'page str,
    name: &str,
    wanted: &[(String, String)],
) -> Found<'page> {
    let mut found = Found::default();
    let mut known = HashSet::new();
    for line in page.split('\n') {
        let line = line.trim_matches([' ', '\t', '\r']);
        if line.is_empty() {
            continue;
        }
        found.has_end = false;
        if let Some(comment) = line.strip_prefix('#') {
            found.comment(comment, name);
            continue;
        }
        if is_of(line, name) {
            found.reach = Reach::Among;
            let Some(sample) = sample(line) else {
                found.is_broken = true;
                continue;
            };
            found.is_metrics = true;
            let mut labels = sample.labels;
            let carries = |(key, value): &(String, String)| {
                labels
                    .iter()
                    .any(|(other, held)| other == key && held == value)
            };
            if wanted.iter().all(carries) {
                labels.sort_unstable();
                if known.insert(labels.clone()) {
                    found.series.push(Series {
                        labels,
                        value: sample.value,
                    });
                }
            }
        } else {
            found.passes();
            found.is_metrics = found.is_metrics || sample(line).is_some();
        }
    }
    found
}

impl<'page> Found<'page> {
    fn passes(&mut self) {
        if self.reach == Reach::Among {
            self.reach = Reach::Past;
        }
    }

    fn comment(&mut self, comment: &'page str, name: &str) {
        let mut words = comment.split_ascii_whitespace();
        match words.next() {
            Some("EOF") => {
                self.has_end = true;
                self.passes();
                self.is_metrics = true;
            }
            Some("TYPE") => {
                let of = words.next().unwrap_or_default();
                self.passes();
                self.is_metrics = self.is_metrics || words.clone().count() == 1;
                if of.trim_matches('"') == name {
                    self.kind = words.next();
                }
            }
            Some(_) | None => {}
        }
    }
}

/// Whether a line is of a series of this name.
fn is_of(line: &str, name: &str) -> bool {
    if let Some(rest) = line.strip_prefix('{') {
        return quoted(rest.trim_start())
            .is_some_and(|(first, after)| first == name && !after.trim_start().starts_with('='));
    }
    line.strip_prefix(name)
        .is_some_and(|rest| rest.starts_with(['{', ' ', '\t']) || rest.is_empty())
}

/// One line, read.
struct Sample<'page> {
    labels: Vec<Label<'page>>,
    value: f64,
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let name_ends = line.find(['{', ' ', '\t']).unwrap_or(line.len());
    let (name, rest) = line.split_at(name_ends);
    let is_word = !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.contains(|c: char| "\"'<>=,;()[]}/\\&".contains(c));
    let rest = rest.trim_start();
    let (labels, has_name, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels_of(inside)?,
        None => (Vec::new(), false, rest),
    };
    // The name stands before the braces or, in quotes, within them.
    if !is_word || name.is_empty() != has_name {
        return None;
    }
    let mut words = rest.split_ascii_whitespace();
    let value = words.next()?.parse().ok()?;
    match words.next() {
        // An exemplar, or nothing.
        None | Some("#") => {}
        Some(stamp) => {
            stamp.parse::<f64>().ok()?;
            if !matches!(words.next(), None | Some("#")) {
                return None;
            }
        }
    }
    Some(Sample { labels, value })
}

/// The labels up to the closing brace, whether a quoted name is among them, and what comes after.
fn labels_of(mut rest: &str) -> Option<(Vec<Label<'_>>, bool, &str)> {
    let mut labels = Vec::new();
    let mut has_name = false;
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, has_name, after));
        }
        let (key, after) = if rest.starts_with('"') {
            quoted(rest)?
        } else {
            let (key, _) = rest.split_once('=')?;
            (Cow::Borrowed(key.trim_end()), &rest[key.len()..])
        };
        rest = after.trim_start();
        if let Some(after) = rest.strip_prefix('=') {
            let (value, after) = quoted(after.trim_start())?;
            labels.push((key, value));
            rest = after.trim_start();
        } else if labels.is_empty() && !has_name {
            has_name = true;
        } else {
            return None;
        }
        rest = match rest.strip_prefix(',') {
            Some(after) => after,
            None if rest.starts_with('}') => rest,
            None => return None,
        };
    }
}

/// What stands between quotes at the beginning of a text, and what comes after them.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let text = text.strip_prefix('"')?;
    let end = text.find(['"', '\\'])?;
    if text[end..].starts_with('"') {
        return Some((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let mut out = text[..end].to_owned();
    let mut chars = text[end..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Cow::Owned(out), &text[end + at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGE: &str = "# HELP queue_depth How long it is.\n# TYPE queue_depth gauge\n\
        queue_depth{queue=\"mail\",host=\"a\"} 7 1700000000000\r\n\
        queue_depth { queue = \"mail\" , host=\"b\", } 5.5\n  queue_depth{queue=\"a\\\"b\\\\c\\n}\"} 1e3 # {trace=\"x\"} 1\n\
        queue_depth{host=\"a\",queue=\"mail\"} 9\n\
        queue_depth_max 100\nup 1\nbroken{ 3\nbroken{a=\"b\"} x\nbroken{a=\"b\"} 1 2 3\nbroken\nbroken 4\ninfinite +Inf\n\
        {\"http.requests\", method=\"get\", \"a b\"=\"c\"} 12 17 # {} 1\n{no=\"name\"} 3\nbelow -2.5e-3\nnothing NaN";

    fn labels(list: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        list.iter().map(owned).collect()
    }

    #[test]
    fn series_are_found_by_name_and_labels() {
        for (name, wanted, expected, is_broken) in [
            ("queue_depth", &[][..], &[7.0, 5.5, 1000.0][..], false),
            ("queue_depth", &[("queue", "mail")], &[7.0, 5.5], false),
            (
                "queue_depth",
                &[("host", "b"), ("queue", "mail")],
                &[5.5],
                false,
            ),
            ("queue_depth", &[("queue", "a\"b\\c\n}")], &[1000.0], false),
            ("queue_depth", &[("queue", "none")], &[], false),
            ("queue_depth_max", &[], &[100.0], false),
            ("queue", &[], &[], false),
            ("up", &[], &[1.0], false),
            ("broken", &[], &[4.0], true),
            ("infinite", &[], &[f64::INFINITY], false),
            ("http.requests", &[("a b", "c")], &[12.0], false),
            ("no", &[], &[], false),
            ("below", &[], &[-0.0025], false),
        ] {
            let found = find(PAGE, name, &labels(wanted));
            let values: Vec<_> = found.series.iter().map(|series| series.value).collect();
            assert_eq!(values, expected, "{name} {wanted:?}");
            assert_eq!(found.is_broken, is_broken, "{name} {wanted:?}");
        }
        let nothing = find(PAGE, "nothing", &[]);
        assert!(nothing.series[0].value.is_nan() && nothing.reach == Reach::Among);
        let queue = find(PAGE, "queue_depth", &[]);
        assert!(queue.reach == Reach::Past && queue.kind == Some("gauge"));
    }

    #[test]
    fn pages_of_metrics_are_told_from_others() {
        for (page, is_metrics) in [
            (PAGE, true),
            ("a 1", true),
            ("# TYPE a gauge\n", true),
            ("# EOF\n", true),
            ("", false),
            ("# a comment\n", false),
            ("hello, here I am\nOK 200 fine\n", false),
            ("{\"status\": \"UP\"}", false),
            ("{\n  \"a\": 1,\n  \"b\": 2\n}\n", false),
            ("<!DOCTYPE html>\n<p>count 1\n<b>x 3</b>\n", false),
            ("404 1\n", false),
        ] {
            assert_eq!(find(page, "a", &[]).is_metrics, is_metrics, "{page}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(a|\\{?\"?a\"?\\{[a-z=\",\\\\ {}é]{0,20}\\}?|.{0,10})( [0-9.eE+naNIf-]{0,8})?\n?[#{\"a, =}\\\\]{0,20}.{0,20}") {
            find(&text, "a", &labels(&[("b", "c")]));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            find(&String::from_utf8_lossy(&bytes), "a", &[]);
        }

        #[test]
        fn what_is_written_is_read(value in any::<f64>(), label in "[^\n]{0,20}", is_quoted in any::<bool>()) {
            let escaped = label.replace('\\', "\\\\").replace('"', "\\\"");
            let head = if is_quoted { "{\"a\"," } else { "a{" };
            let text = format!("{head}b=\"{escaped}\",c=\"d\"}} {value:?}\n");
            let found = find(&text, "a", &labels(&[("b", &label)]));
            prop_assert!(!found.is_broken && found.is_metrics, "{text}");
            prop_assert_eq!(found.series.len(), 1);
            let read = found.series[0].value;
            prop_assert!(read.to_bits() == value.to_bits() || value.is_nan() && read.is_nan(), "{text} {read}");
        }

        #[test]
        fn a_cut_page_never_shows_another_value(value in 0_u32..1_000_000, at in any::<prop::sample::Index>()) {
            let page = format!("up 1\na{{b=\"c\"}} {value}\nz 3\n");
            let cut = &page[..at.index(page.len())];
            let whole = &cut[..cut.rfind('\n').map_or(0, |end| end + 1)];
            for series in find(whole, "a", &[]).series {
                prop_assert!((series.value - f64::from(value)).abs() < f64::EPSILON);
            }
        }
    }
}
