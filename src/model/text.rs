//! Foreign text made harmless: cleaned and capped once, where it enters; escaped later, where it goes.

use std::time::Duration;

/// The most characters of any foreign text that is kept.
pub const FOREIGN_MAX: usize = 300;

/// Foreign text as one line: control, direction and zero-width characters gone, white space folded, at most `max`
/// characters, an ellipsis where something was cut.
pub fn clean(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max * 2));
    let mut count = 0;
    let mut pending_space = false;
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            pending_space = !out.is_empty();
            continue;
        }
        if is_invisible(c) {
            continue;
        }
        let needed = if pending_space { 2 } else { 1 };
        if count + needed > max {
            while count + 1 > max && out.pop().is_some() {
                count -= 1;
            }
            if max > 0 {
                out.push('…');
            }
            return out;
        }
        if pending_space {
            out.push(' ');
            pending_space = false;
        }
        out.push(c);
        count += needed;
    }
    out
}

/// A length of time in words: `0 s`, `0.4 ms`, `840 ms`, `2.1 s`, `45 s`, `4 min 12 s`, `2 h 5 min`, `3 d 4 h`.
pub fn span(length: Duration) -> String {
    let micros = length.as_micros();
    let seconds = length.as_secs();
    match () {
        () if micros == 0 => String::from("0 s"),
        () if micros < 1_000 => format!("0.{} ms", micros / 100),
        () if micros < 1_000_000 => format!("{} ms", micros / 1_000),
        () if seconds < 10 && length.subsec_millis() >= 100 => {
            format!("{seconds}.{} s", length.subsec_millis() / 100)
        }
        () if seconds < 60 => format!("{seconds} s"),
        () if seconds < 3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        () if seconds < 86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        () => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

fn two(big: u64, big_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{big} {big_unit}")
    } else {
        format!("{big} {big_unit} {small} {small_unit}")
    }
}

/// Characters that show nothing or turn the direction of what follows.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{00AD}'
            | '\u{061C}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{17B4}'
            | '\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn white_space_folds_and_invisible_characters_go() {
        assert_eq!(clean("  a\r\n\tb\u{0}c  ", 300), "a b c");
        assert_eq!(clean("ab\u{202E}cd\u{200B}e", 300), "abcde");
        assert_eq!(clean("\u{1b}[31mred", 300), "[31mred");
    }

    #[test]
    fn long_text_is_cut_with_an_ellipsis() {
        assert_eq!(clean("abcdef", 4), "abc…");
        assert_eq!(clean("modrá kočka", 6), "modrá…");
        assert_eq!(clean("abcd", 4), "abcd");
        assert_eq!(clean("abcd", 0), "");
    }

    #[test]
    fn lengths_of_time_are_said_with_at_most_two_units() {
        let words = [
            0,
            400,
            84_000,
            2_100_000,
            45_000_000,
            252_000_000,
            7_500_000_000,
            273_600_000_000,
        ]
        .map(|micros| span(Duration::from_micros(micros)));
        assert_eq!(
            words,
            [
                "0 s",
                "0.4 ms",
                "84 ms",
                "2.1 s",
                "45 s",
                "4 min 12 s",
                "2 h 5 min",
                "3 d 4 h"
            ]
        );
    }

    proptest! {
        #[test]
        fn never_longer_than_the_cap_and_never_a_control_character(text in any::<String>(), max in 0_usize..40) {
            let out = clean(&text, max);
            prop_assert!(out.chars().count() <= max);
            prop_assert!(!out.chars().any(|c| c.is_control() || is_invisible(c)));
            prop_assert!(!out.starts_with(' '));
        }
    }
}
