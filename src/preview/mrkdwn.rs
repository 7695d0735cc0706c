//! Slack's markup as HTML. Whatever the text holds, every letter of it is escaped.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::{View, emoji};

/// A text in Slack's markup.
pub(super) fn html(text: &str, view: &View<'_>) -> Markup {
    let mut parts = Vec::new();
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            parts.push(html! { br; });
        }
        let letters: Vec<char> = line.chars().collect();
        parts.push(inline(&letters, view));
    }
    html! { @for part in &parts { (part) } }
}

/// One line, or a part of one within marks.
fn inline(letters: &[char], view: &View<'_>) -> Markup {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while at < letters.len() {
        if let Some((part, length)) = special(letters, at, view) {
            if !plain.is_empty() {
                parts.push(text(&std::mem::take(&mut plain)));
            }
            parts.push(part);
            at += length;
        } else {
            plain.push(letters[at]);
            at += 1;
        }
    }
    if !plain.is_empty() {
        parts.push(text(&plain));
    }
    html! { @for part in &parts { (part) } }
}

fn text(escaped: &str) -> Markup {
    html! { (unescape(escaped)) }
}

/// The three entities of Slack's, once.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// What begins here, and how many letters it takes; absent for ordinary text.
fn special(letters: &[char], at: usize, view: &View<'_>) -> Option<(Markup, usize)> {
    let rest = &letters[at..];
    match rest[0] {
        '<' => {
            let end = rest.iter().position(|c| *c == '>')?;
            let inside: String = rest[1..end].iter().collect();
            Some((bracketed(&inside, view), end + 1))
        }
        ':' => {
            let end = 1 + rest[1..].iter().position(|c| !is_emoji_letter(*c))?;
            let name: String = rest[1..end].iter().collect();
            // `:59:` is the middle of a time.
            let is_name = name.bytes().any(|b| !b.is_ascii_digit());
            (rest[end] == ':' && is_name).then(|| (emoji(&name), end + 1))
        }
        '`' => {
            let end = 1 + rest[1..].iter().position(|c| *c == '`')?;
            let inside: String = rest[1..end].iter().collect();
            (end > 1).then(|| (html! { code { (unescape(&inside)) } }, end + 1))
        }
        mark @ ('*' | '_' | '~') => {
            let end = marked(letters, at, mark)?;
            let inside = inline(&letters[at + 1..end], view);
            let part = match mark {
                '*' => html! { b { (inside) } },
                '_' => html! { i { (inside) } },
                _ => html! { s { (inside) } },
            };
            Some((part, end + 1 - at))
        }
        _ => None,
    }
}

/// Where the mark that opens here is closed, by Slack's rule: at the borders of words, with no blank inside of it.
fn marked(letters: &[char], at: usize, mark: char) -> Option<usize> {
    let is_free = |neighbour: Option<&char>| neighbour.is_none_or(|c| !c.is_alphanumeric());
    let before = at.checked_sub(1).and_then(|at| letters.get(at));
    let opens = is_free(before) && letters.get(at + 1).is_some_and(|c| !c.is_whitespace());
    if !opens {
        return None;
    }
    (at + 2..letters.len()).find(|&end| {
        letters[end] == mark && !letters[end - 1].is_whitespace() && is_free(letters.get(end + 1))
    })
}

const fn is_emoji_letter(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '+' | '\'')
}

/// An emoji by its name.
pub(super) fn emoji(name: &str) -> Markup {
    let title = format!(":{name}:");
    if let Some(character) = emoji::character(name) {
        html! { span.emoji title=(title) role="img" aria-label=(name) { (character) } }
    } else {
        html! { span.emoji.unknown title=(title) { (title) } }
    }
}

/// A mention by an id, as the name that people know.
pub(super) fn mention(id: &str, view: &View<'_>) -> Markup {
    html! { span.mention title=(id) { "@" (view.name_of(id)) } }
}

/// What stands in `<…>`: a mention, a date or a link.
fn bracketed(inside: &str, view: &View<'_>) -> Markup {
    let (target, label) = inside.split_once('|').unwrap_or((inside, ""));
    let shown = |fallback: &str| unescape(if label.is_empty() { fallback } else { label });
    if let Some(date) = target.strip_prefix("!date^") {
        return self::date(date, &unescape(label), view);
    }
    if let Some(id) = target.strip_prefix("!subteam^") {
        return mention(id, view);
    }
    if let Some(name) = target.strip_prefix('!') {
        return html! { span.mention.loud { "@" (unescape(name)) } };
    }
    if let Some(id) = target.strip_prefix('@') {
        return mention(id, view);
    }
    if let Some(id) = target.strip_prefix('#') {
        return html! { span.mention { "#" (shown(id)) } };
    }
    let address = unescape(target);
    if address.starts_with("https://") || address.starts_with("http://") {
        html! { a href=(address) rel="noreferrer noopener" target="_blank" { (shown(target)) } }
    } else {
        html! { (shown(target)) }
    }
}

/// `1792929555^{time_secs}`, as a reader in the configured zone would see it.
fn date(inside: &str, fallback: &str, view: &View<'_>) -> Markup {
    let mut parts = inside.splitn(3, '^');
    let seconds = parts.next().and_then(|seconds| seconds.parse().ok());
    let format = parts.next().unwrap_or_default();
    let Some(at) = seconds.and_then(|seconds| DateTime::<Utc>::from_timestamp(seconds, 0)) else {
        return html! { (fallback) };
    };
    time(at, &unescape(format), fallback, view)
}

/// A time in the form that Slack's date tokens ask for. The script says it again in the zone of the browser.
pub(super) fn time(at: DateTime<Utc>, form: &str, fallback: &str, view: &View<'_>) -> Markup {
    let local = at.with_timezone(&view.timezone);
    let shown = [
        ("{date_short_pretty}", "%-d %b"),
        ("{date_short}", "%-d %b %Y"),
        ("{date_pretty}", "%-d %B"),
        ("{date_num}", "%Y-%m-%d"),
        ("{date}", "%-d %B %Y"),
        ("{time_secs}", "%H:%M:%S"),
        ("{time}", "%H:%M"),
    ]
    .into_iter()
    .fold(form.to_owned(), |shown, (token, form)| {
        if shown.contains(token) {
            shown.replace(token, &local.format(form).to_string())
        } else {
            shown
        }
    });
    html! { time datetime=(at.to_rfc3339()) data-form=(form) title=[Some(fallback).filter(|words| !words.is_empty())] { (shown) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let names = [(String::from("U1"), String::from("ann"))];
        let view = View {
            timezone: chrono_tz::Europe::Prague,
            names: &names,
        };
        html(text, &view).into_string()
    }

    #[test]
    fn marks_become_elements() {
        assert_eq!(
            shown("*a* _b_ ~c~ `d*`"),
            "<b>a</b> <i>b</i> <s>c</s> <code>d*</code>"
        );
        assert_eq!(shown("a*b*c 2 * 3 * 4"), "a*b*c 2 * 3 * 4");
        assert_eq!(shown("a\nb"), "a<br>b");
        assert_eq!(shown("since 12:59:15 CET"), "since 12:59:15 CET");
    }

    #[test]
    fn brackets_become_pills_dates_and_links() {
        assert_eq!(
            shown("<!subteam^S0CORE01> <@U1> <!here>"),
            "<span class=\"mention\" title=\"S0CORE01\">@S0CORE01</span> \
             <span class=\"mention\" title=\"U1\">@ann</span> \
             <span class=\"mention loud\">@here</span>"
        );
        assert_eq!(
            shown("<!date^1792929555^{time_secs}|11:59:15 UTC>"),
            "<time datetime=\"2026-10-25T11:59:15+00:00\" data-form=\"{time_secs}\" title=\"11:59:15 UTC\">12:59:15</time>"
        );
        assert_eq!(
            shown("<https://wiki.test/?a=1&amp;b=2|runbook>"),
            "<a href=\"https://wiki.test/?a=1&amp;b=2\" rel=\"noreferrer noopener\" target=\"_blank\">runbook</a>"
        );
    }

    #[test]
    fn nothing_of_it_becomes_html() {
        for text in [
            "&lt;script&gt;",
            "<script>alert(1)</script>",
            "<javascript:alert(1)|x>",
            "*<b onclick=x>*",
            "`<i>`",
            ":<u>:",
            "<!date^x^<s>|<s>>",
            "<https://x.test/\"onload=\"x|y>",
        ] {
            let shown = shown(text);
            for tag in [
                "<script",
                "<b on",
                "<u>",
                "javascript:alert(1)\"",
                "\"onload",
            ] {
                assert!(!shown.contains(tag), "{text} became {shown}");
            }
        }
    }
}
