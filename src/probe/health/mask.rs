//! What targets say about themselves goes to Slack; what looks like a secret in it does not.

use crate::model::text;

/// What stands where a secret was.
const MASK: &str = "***";

/// How much of a text is looked at before it is cut to what is shown, so that no secret is cut in two and then
/// overlooked.
const LOOKED_AT_MAX: usize = 1_200;

/// Names whose value is a secret, in lower case without `_`, `-` and spaces. A name that ends in one of them counts.
const SECRET_NAMES: [&str; 16] = [
    "accesskey",
    "apikey",
    "authorization",
    "authtoken",
    "cookie",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "pwd",
    "secret",
    "secretkey",
    "sessionid",
    "token",
];

/// How well-known tokens begin; each is one from ten characters on.
const TOKEN_STARTS: [&str; 27] = [
    "AIza",
    "AKIA",
    "ASIA",
    "EAAC",
    "SG.",
    "dop_v1_",
    "eyJ",
    "ghp_",
    "gho_",
    "ghr_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "hvs.",
    "npm_",
    "pypi-",
    "rk_live_",
    "rk_test_",
    "shpat_",
    "sk-",
    "sk_live_",
    "sk_test_",
    "whsec_",
    "xapp-",
    "xkeys",
    "xox",
];

/// Foreign text ready to be stored and shown: cleaned, without secrets, at most `max` characters.
///
/// Gone are user names and passwords in addresses, the values of names such as `password`, what follows `Bearer` and
/// `Basic`, well-known kinds of tokens, and long runs that look random.
pub(super) fn shown(foreign: &str, max: usize) -> String {
    let cleaned = text::clean(foreign, LOOKED_AT_MAX);
    let whole = match cleaned.strip_suffix('…') {
        // Cut: the last word may be the first part of a secret.
        Some(cut) if cleaned.chars().count() == LOOKED_AT_MAX => cut
            .rfind(is_between)
            .map_or("", |end| cut.get(..end).unwrap_or("")),
        _ => &cleaned,
    };
    let masked = mask(whole);
    let shown = text::clean(&masked, max);
    if whole.len() < cleaned.len() && !shown.ends_with('…') {
        return text::clean(&format!("{masked} …"), max);
    }
    shown
}

/// Between two words.
fn is_between(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '"' | '\'' | '`' | '<' | '>' | ',' | ';' | '(' | ')' | '{' | '}' | '[' | ']' | '|'
        )
}

/// What the words so far tell of the next one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Nothing.
    Word,
    /// The name of a secret was read; a sign such as `:` comes, then the secret.
    Sign,
    /// It is a secret.
    Secret,
}

/// The text with every secret that is recognised exchanged for `***`.
fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut next = Next::Word;
    while !rest.is_empty() {
        let word_at = rest.find(|c| !is_between(c)).unwrap_or(rest.len());
        let (between, after) = rest.split_at(word_at);
        out.push_str(between);
        let quote = between
            .chars()
            .next_back()
            .filter(|c| matches!(c, '"' | '\'' | '`'));
        let (word, after) = match quote {
            Some(quote) if next == Next::Secret => {
                after.split_at(after.find(quote).unwrap_or(after.len()))
            }
            _ => split_word(after),
        };
        rest = after;
        if word.is_empty() {
            break;
        }
        next = match next {
            Next::Sign => {
                let value = word.trim_start_matches(['=', ':', '>']);
                out.push_str(word.strip_suffix(value).unwrap_or(word));
                if value.is_empty() {
                    Next::Secret
                } else {
                    out.push_str(MASK);
                    Next::Word
                }
            }
            Next::Secret if !is_scheme(word) => {
                out.push_str(MASK);
                Next::Word
            }
            Next::Secret | Next::Word => {
                mask_word(word, &mut out);
                after_word(word, rest)
            }
        };
    }
    out
}

/// The first word and the rest. An address ends only where no address can go on, for its password may hold signs.
fn split_word(text: &str) -> (&str, &str) {
    let end = text.find(is_between).unwrap_or(text.len());
    let (word, _) = text.split_at(end);
    let end = if word.contains("://") {
        text.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>'))
            .unwrap_or(text.len())
    } else {
        end
    };
    text.split_at(end)
}

/// `Bearer` and `Basic`, before the token itself.
fn is_scheme(word: &str) -> bool {
    word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic")
}

/// What comes after this word: `Bearer …`, `password: …`, `"password": …`, `password = …`.
fn after_word(word: &str, rest: &str) -> Next {
    let following = rest.trim_start_matches(is_between);
    if is_scheme(word) {
        let token = following.split(is_between).next().unwrap_or("");
        let is_worded = token.bytes().all(|byte| byte.is_ascii_lowercase());
        return if token.len() >= 6 && !is_worded {
            Next::Secret
        } else {
            Next::Word
        };
    }
    let (name, next) = match word.strip_suffix(['=', ':']) {
        Some(name) => (name, Next::Secret),
        None if following.starts_with(['=', ':']) => (word, Next::Sign),
        None => return Next::Word,
    };
    // `a=1&password=` in front of a quoted value: the last name counts.
    if is_secret_name(name.rsplit(['&', '?']).next().unwrap_or(name)) {
        next
    } else {
        Next::Word
    }
}

fn is_secret_name(name: &str) -> bool {
    let folded: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    SECRET_NAMES.iter().any(|secret| folded.ends_with(secret))
}

/// One word without spaces and quotes: an address, a pair, a list of pairs, a token, or just a word.
fn mask_word(word: &str, out: &mut String) {
    let word = mask_user_info(word, out);
    for piece in word.split_inclusive('&') {
        let (piece, joint) = piece
            .strip_suffix('&')
            .map_or((piece, ""), |piece| (piece, "&"));
        match value_at(piece) {
            Some(at) => {
                let (name, _) = piece.split_at(at);
                mask_pieces(name, out);
                out.push_str(MASK);
            }
            None => mask_pieces(piece, out),
        }
        out.push_str(joint);
    }
}

/// Where the secret begins in `password=…`, `token:…` and `https://host/path?key=1&token=…`.
fn value_at(piece: &str) -> Option<usize> {
    let mut name_at = 0;
    for (at, sign) in piece.match_indices(['=', ':', '?', '/', '#']) {
        let value_at = at + sign.len();
        let is_pair = matches!(sign, "=" | ":") && value_at < piece.len();
        if is_pair && piece.get(name_at..at).is_some_and(is_secret_name) {
            return Some(value_at);
        }
        name_at = value_at;
    }
    None
}

/// Writes the word up to the host if it carries a user name and password, and returns what is left to look at.
fn mask_user_info<'w>(word: &'w str, out: &mut String) -> &'w str {
    let (scheme, after) = match word.find("://") {
        Some(at) => word.split_at(at + 3),
        None => ("", word),
    };
    let authority = after.split(['/', '?', '#']).next().unwrap_or("");
    let user_end = if scheme.is_empty() {
        // `user:secret@tcp(…)`, as some drivers write it.
        after
            .rfind('@')
            .filter(|&at| after.get(..at).is_some_and(|user| user.contains(':')))
    } else if authority.contains('@') {
        authority.rfind('@')
    } else {
        // A password with a slash in it ends what a strict reader takes for the host.
        let has_port = authority
            .rsplit_once(':')
            .is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        after.rfind('@').filter(|_| !has_port)
    };
    match user_end.and_then(|at| after.get(at..)) {
        Some(host) => {
            out.push_str(scheme);
            out.push_str(MASK);
            host
        }
        None => word,
    }
}

/// The parts between `=` and `:` of a word, each masked if it is a token.
fn mask_pieces(word: &str, out: &mut String) {
    if is_webhook(word) {
        out.push_str(MASK);
        return;
    }
    for piece in word.split_inclusive(['=', ':', '@', '?']) {
        let token = piece.trim_end_matches(['=', ':', '@', '?', '.', '!', '…']);
        let (token, end) = piece.split_at(token.len());
        out.push_str(if is_token(token) { MASK } else { token });
        out.push_str(end);
    }
}

/// Slack's webhook addresses are permissions.
fn is_webhook(word: &str) -> bool {
    word.contains("hooks.slack.com/") || word.contains("hooks.slack-gov.com/")
}

/// Whether a word is a token: it begins like one, or it is long and looks random.
fn is_token(word: &str) -> bool {
    let bytes = word.as_bytes();
    if bytes.len() >= 10 && TOKEN_STARTS.iter().any(|start| word.starts_with(start)) {
        return true;
    }
    if bytes.len() < 24
        || !bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/_-.".contains(byte))
    {
        return false;
    }
    let hexes = bytes.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
    let has = |kind: fn(&u8) -> bool| bytes.iter().any(kind);
    let has_digit = has(u8::is_ascii_digit);
    if bytes.len() >= 32 && hexes == bytes.len() && has_digit {
        return true;
    }
    // Random letters and digits change their kind at more than half of all places, names and paths seldom do.
    let changes = bytes
        .windows(2)
        .filter(|pair| kind_of(pair.first()) != kind_of(pair.last()))
        .count();
    has_digit
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && changes * 5 >= bytes.len() * 2
}

fn kind_of(byte: Option<&u8>) -> u8 {
    match byte {
        Some(b'0'..=b'9') => 0,
        Some(b'a'..=b'z') => 1,
        Some(b'A'..=b'Z') => 2,
        Some(_) | None => 3,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn secrets_go_and_the_rest_stays() {
        let cases = [
            ("connection refused", "connection refused"),
            (
                "postgres://app:hunter2@db.internal:5432/main",
                "postgres://***@db.internal:5432/main",
            ),
            ("amqp://guest:a/b@mq/", "amqp://***@mq/"),
            ("http://db.internal:8080/a@b", "http://db.internal:8080/a@b"),
            (
                "dial root:hunter2@tcp(10.0.0.1:3306)/db: refused",
                "dial ***@tcp(10.0.0.1:3306)/db: refused",
            ),
            (
                "jdbc:postgresql://db/x?user=app&password=hunter2",
                "jdbc:postgresql://db/x?user=app&password=***",
            ),
            (
                "FATAL: password=hunter2, host=db",
                "FATAL: password=***, host=db",
            ),
            (
                r#"{"password": "hunter2", "db": "x"}"#,
                r#"{"password": "***", "db": "x"}"#,
            ),
            (
                r#"{"password": "hunter two", "db": "x"}"#,
                r#"{"password": "***", "db": "x"}"#,
            ),
            (
                "redis://:a,b(c@cache:6379, retry",
                "redis://***@cache:6379, retry",
            ),
            ("DB_PASSWORD = hunter2 given", "DB_PASSWORD = *** given"),
            ("api-key: abc", "api-key: ***"),
            (
                "Authorization: Bearer abc.def-123",
                "Authorization: Bearer ***",
            ),
            ("sent Bearer abc.def-123 to it", "sent Bearer *** to it"),
            ("sent Basic dXNlcjpwYXNz to it", "sent Basic *** to it"),
            ("Basic checks failed", "Basic checks failed"),
            (
                "password authentication failed for user \"app\"",
                "password authentication failed for user \"app\"",
            ),
            (
                "slack said no to xoxb-1234-abcd-EFGH",
                "slack said no to ***",
            ),
            ("eyJhbGciOiJIUzI1NiJ9.e30.x is bad", "*** is bad"),
            ("key 0123456789abcdef0123456789abcdef", "key ***"),
            ("k=dGhpc0lzQVNlY3JldDEyMzQ1Njc4OTA=", "k=***="),
            ("https://hooks.slack.com/services/T0/B0/x", "***"),
            (
                "pod my-service-deployment-7d9f8c6b5d-x2k4q",
                "pod my-service-deployment-7d9f8c6b5d-x2k4q",
            ),
            (
                "com.example.store.OrderRepositoryHealthIndicator2",
                "com.example.store.OrderRepositoryHealthIndicator2",
            ),
            (
                "/usr/lib/x86_64-linux-gnu/libpq.so.5",
                "/usr/lib/x86_64-linux-gnu/libpq.so.5",
            ),
            (
                "id 7f3e1c52-90ab-4cde-8f01-23456789abcd",
                "id 7f3e1c52-90ab-4cde-8f01-23456789abcd",
            ),
            ("pass\u{200B}word=hunter2", "password=***"),
            ("free 10 B < 10485760 B", "free 10 B < 10485760 B"),
            ("mail to ops@example.test", "mail to ops@example.test"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text, 300), expected, "{text}");
        }
    }

    #[test]
    fn a_secret_at_the_cut_is_not_shown_in_part() {
        let text = format!("{} 0123456789abcdef0123456789abcdef", "x ".repeat(590));
        assert!(!shown(&text, 5_000).contains("0123"));
        let text = format!(
            "password={} {}",
            "a".repeat(1_150),
            "0123456789abcdef".repeat(10)
        );
        assert_eq!(shown(&text, 300), "password=*** …");
    }

    proptest! {
        #[test]
        fn a_password_is_never_shown(
            before in "[a-z ]{0,40}",
            name in prop::sample::select(vec!["password=", "password: ", "\"token\":\"", "api_key = ", "pwd='"]),
            secret in "[A-Z0-9]{8,40}",
            max in 0_usize..400,
        ) {
            let out = shown(&format!("{before} {name}{secret}"), max);
            prop_assert!(!out.contains(&secret[..4]), "{out}");
            prop_assert!(out.chars().count() <= max);
        }

        #[test]
        fn any_text_can_be_shown(text in any::<String>(), max in 0_usize..400) {
            prop_assert!(shown(&text, max).chars().count() <= max);
        }
    }
}
