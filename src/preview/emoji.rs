//! Emoji by Slack's names, as many of them as hekate's own messages use.

/// Name and character.
const KNOWN: [(&str, &str); 36] = [
    ("large_green_circle", "🟢"),
    ("large_yellow_circle", "🟡"),
    ("large_orange_circle", "🟠"),
    ("large_blue_circle", "🔵"),
    ("large_purple_circle", "🟣"),
    ("red_circle", "🔴"),
    ("white_circle", "⚪"),
    ("black_circle", "⚫"),
    ("large_green_square", "🟩"),
    ("large_yellow_square", "🟨"),
    ("large_orange_square", "🟧"),
    ("large_blue_square", "🟦"),
    ("large_purple_square", "🟪"),
    ("large_red_square", "🟥"),
    ("white_large_square", "⬜"),
    ("black_large_square", "⬛"),
    ("warning", "⚠️"),
    ("information_source", "ℹ️"),
    ("heavy_minus_sign", "➖"),
    ("hourglass", "⌛"),
    ("hourglass_flowing_sand", "⏳"),
    ("satellite_antenna", "📡"),
    ("rotating_light", "🚨"),
    ("white_check_mark", "✅"),
    ("x", "❌"),
    ("package", "📦"),
    ("memo", "📝"),
    ("bell", "🔔"),
    ("no_bell", "🔕"),
    ("eyes", "👀"),
    ("tada", "🎉"),
    ("fire", "🔥"),
    ("rocket", "🚀"),
    ("wrench", "🔧"),
    ("shopping_trolley", "🛒"),
    ("moneybag", "💰"),
];

/// Words within the name of a workspace's own emoji that say what it may look like.
const COLOURS: [(&str, &str); 7] = [
    ("green", "🟩"),
    ("blue", "🟦"),
    ("purple", "🟪"),
    ("yellow", "🟨"),
    ("orange", "🟧"),
    ("red", "🟥"),
    ("white", "⬜"),
];

/// The character of this name; for a workspace's own emoji named after a colour a square of it, as squares are identity
/// and never state.
pub(super) fn character(name: &str) -> Option<&'static str> {
    let known = KNOWN.iter().find(|(known, _)| *known == name);
    let coloured = || {
        COLOURS
            .iter()
            .find(|(colour, _)| name.split(['-', '_']).any(|part| part == *colour))
    };
    known.or_else(coloured).map(|(_, character)| *character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_slack_s_and_colours_are_guessed() {
        assert_eq!(character("red_circle"), Some("🔴"));
        assert_eq!(character("hekate-blue"), Some("🟦"));
        assert_eq!(character("large_red_circle"), Some("🟥"));
        assert_eq!(character("blueprint"), None);
    }
}
