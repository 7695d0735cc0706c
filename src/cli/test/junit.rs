//! Results of tests in the form that build servers read.

use std::fmt::Write as _;

use super::{Total, shape};
use crate::config::Format;

/// A document with one suite for each file.
///
/// Source: the schema of `JUnit`'s results as Jenkins, `GitLab` and the actions of `GitHub` read it:
/// <https://github.com/testmoapp/junitxml>.
pub(super) fn document(total: &Total) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites tests=\"{}\" failures=\"{}\" time=\"{:.3}\">",
        total.tests().count(),
        total.failed(),
        total.took.as_secs_f64()
    );
    for file in &total.files {
        let name = escaped(&file.name);
        let failed = file
            .results
            .iter()
            .filter(|(_, review)| !review.faults.is_empty())
            .count();
        let broken: String = std::iter::once(&file.report)
            .chain(&file.plan_reports)
            .filter(|report| report.has_errors())
            .map(|report| report.render(Format::Short, false))
            .collect();
        let errors = u8::from(!broken.is_empty());
        let _ = writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\" errors=\"{errors}\">",
            file.results.len() + usize::from(errors)
        );
        if !broken.is_empty() {
            let _ = writeln!(
                out,
                "    <testcase classname=\"{name}\" name=\"the file can be read\"><error message=\"it cannot\">{}</error></testcase>",
                escaped(&broken)
            );
        }
        for (script, review) in &file.results {
            let title = escaped(&script.name);
            let _ = write!(out, "    <testcase classname=\"{name}\" name=\"{title}\"");
            match review.faults.first() {
                None => out.push_str("/>\n"),
                Some(first) => {
                    let _ = writeln!(
                        out,
                        "><failure message=\"{}\">{}</failure></testcase>",
                        escaped(&shape::said(file, first)),
                        escaped(&shape::timeline(file, script, review))
                    );
                }
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// Text for an element or an attribute; what XML 1.0 cannot hold at all is left out.
///
/// Source: <https://www.w3.org/TR/xml/#charsets>.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_in_a_text_it_stays_text() {
        assert_eq!(
            escaped("<a href=\"x\">&\u{0}\u{1b}\n\tž</a>"),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#10;&#9;ž&lt;/a&gt;"
        );
    }
}
