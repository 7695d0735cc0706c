//! What a person typed after the command, out of the escapes that Slack put it in.

/// What followed the command.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Typed {
    /// As the person saw it: a mention as `@name` (or `@U012`), a channel as `#name`, a link as its words.
    pub text: String,
    /// The ids of the mentioned users, in order.
    pub users: Vec<String>,
}

impl Typed {
    /// Takes mentions, channels and links out of their brackets, then undoes the escapes once.
    ///
    /// Foreign text still: to be cleaned and escaped wherever it goes.
    pub fn read(raw: &str) -> Self {
        let mut typed = Self::default();
        let mut rest = raw;
        while let Some(start) = rest.find('<') {
            typed.text.push_str(&unescape(&rest[..start]));
            let after = &rest[start + 1..];
            match after.find(['<', '>']) {
                Some(end) if after[end..].starts_with('>') => {
                    typed.take(&after[..end]);
                    rest = &after[end + 1..];
                }
                // A bracket that nobody closed is not of Slack's making: it stays what it is.
                Some(_) | None => {
                    typed.text.push('<');
                    rest = after;
                }
            }
        }
        typed.text.push_str(&unescape(rest));
        typed
    }

    /// What stood in one pair of brackets.
    fn take(&mut self, inside: &str) {
        let (target, label) = inside.split_once('|').unwrap_or((inside, ""));
        if let Some(id) = target.strip_prefix('@') {
            self.users.push(id.to_owned());
            self.push_named('@', id, label);
        } else if let Some(id) = target.strip_prefix('#') {
            self.push_named('#', id, label);
        } else {
            let shown = if label.is_empty() { target } else { label };
            self.text.push_str(&unescape(shown));
        }
    }

    fn push_named(&mut self, sign: char, id: &str, label: &str) {
        self.text.push(sign);
        let shown = if label.is_empty() { id } else { label };
        self.text.push_str(&unescape(shown));
    }
}

/// The three entities of Slack's, once: `&amp;lt;` becomes `&lt;`.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (c, length) = match () {
            () if rest.starts_with("&amp;") => ('&', 5),
            () if rest.starts_with("&lt;") => ('<', 4),
            () if rest.starts_with("&gt;") => ('>', 4),
            () => ('&', 1),
        };
        out.push(c);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}
