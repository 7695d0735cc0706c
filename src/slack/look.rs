//! Marks and colours: a circle is a state, an icon is an identity, and every state but "operational" is also a word.

use crate::model::Verdict;

/// The colour of the bar beside a notice.
pub const NOTICE_COLOR: &str = "#1D9BD1";

/// The colour of the bar beside something bad that somebody has taken on.
pub const TAKEN_COLOR: &str = "#ECB22E";

/// The circle of a verdict in colon form.
pub const fn circle(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Operational => ":large_green_circle:",
        Verdict::Suspect => ":large_orange_circle:",
        Verdict::Unknown => ":white_circle:",
        Verdict::Degraded => ":large_yellow_circle:",
        Verdict::Down => ":red_circle:",
    }
}

/// The circle of a verdict as a character.
pub const fn dot(verdict: Verdict) -> char {
    match verdict {
        Verdict::Operational => '🟢',
        Verdict::Suspect => '🟠',
        Verdict::Unknown => '⚪',
        Verdict::Degraded => '🟡',
        Verdict::Down => '🔴',
    }
}

/// The colour of the bar beside a message about a verdict.
pub const fn color(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Operational => "#2EB67D",
        Verdict::Suspect => "#F2994A",
        Verdict::Unknown => "#8B949E",
        Verdict::Degraded => "#ECB22E",
        Verdict::Down => "#E01E5A",
    }
}

/// The word of a verdict as a mark at the beginning of a line.
pub const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Operational => "OPERATIONAL",
        Verdict::Suspect => "SUSPECT",
        Verdict::Unknown => "UNKNOWN",
        Verdict::Degraded => "DEGRADED",
        Verdict::Down => "DOWN",
    }
}
