//! Single values: durations, names, addresses, secrets.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use url::{Host, Url};

use super::{Check, Typed};
use crate::{
    config::{
        code::Code,
        decode::At,
        environment::{Filled, Trouble},
        raw::{AddressText, DurationText, SecretText},
        report::Problem,
        source::Span,
        suggest::nearest,
        template::placeholders,
    },
    model::{Secret, text::clean},
};

/// The longest name of a group, target, channel or on-call entry, in characters.
const NAME_MAX: usize = 64;

/// Where a secret may come from.
pub(super) struct SecretFields<'a> {
    /// What it belongs to, for people: ``channel `ops` ``.
    pub(super) owner: &'a str,
    /// Its key; empty if the owner says it all.
    pub(super) key: &'static str,
    /// Typed directly.
    pub(super) direct: Option<&'a At<SecretText>>,
    /// Typed as a file.
    pub(super) file: Option<&'a At<String>>,
    /// What an unset variable becomes in a preview: this text, or with nothing here the secret is left out.
    pub(super) in_preview: Option<&'a str>,
    /// Whether `${VAR:-}` means that there is none.
    pub(super) is_optional: bool,
    /// Whether it may not stand in the file without a warning; which variable would be a good place for it.
    pub(super) variable: Option<&'a str>,
    /// Whether there is a `…_file` for it.
    pub(super) has_file_twin: bool,
}

/// The fewest characters of a key that signs, and of a token.
pub(super) const KEY_MIN: usize = 16;

impl SecretFields<'_> {
    /// What it is, for people.
    fn title(&self) -> String {
        if self.key.is_empty() {
            self.owner.to_owned()
        } else {
            format!("`{}` of {}", self.key, self.owner)
        }
    }
}

/// A secret and where it was typed.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) secret: Secret,
    pub(super) span: Span,
    /// Whether it is the stand-in of a preview.
    pub(super) is_stand_in: bool,
}

impl Check<'_> {
    /// Text in which variables do not work; not empty, without control characters.
    pub(super) fn text(&self, at: &At<String>, subject: &str) -> Option<String> {
        let text = at.value.as_deref()?;
        if !self.has_no_variable(at.span, text, subject) {
            return None;
        }
        if text.trim().is_empty() {
            self.report(
                Problem::new(Code::Empty, at.span, format!("{subject} is empty"))
                    .help("give it a value, or remove the key"),
            );
            return None;
        }
        if let Some(c) = text.chars().find(|c| c.is_control()) {
            self.report(
                Problem::new(
                    Code::Name,
                    at.span,
                    format!(
                        "{subject} contains the control character U+{:04X}",
                        u32::from(c)
                    ),
                )
                .help("write it on one line, without tabs"),
            );
            return None;
        }
        Some(text.to_owned())
    }

    /// Refuses `${…}` where it is not filled in.
    pub(super) fn has_no_variable(&self, span: Span, text: &str, subject: &str) -> bool {
        let Some(at) = text.find("${") else {
            return true;
        };
        let end = text[at..].find('}').map_or(text.len(), |end| at + end + 1);
        let variable = &text[at..end];
        self.report(
            Problem::new(
                Code::VariableHere,
                self.piece(span, variable),
                format!("`{}` is not filled in here", clean(variable, 64)),
            )
            .label(format!("write {subject} out"))
            .help("variables work in secrets, addresses and header values only"),
        );
        false
    }

    /// The name of something: what people say and what is stored.
    pub(super) fn name(&self, at: &At<String>, subject: &str) -> Option<String> {
        let text = self.text(at, subject)?;
        let why = if text.contains('/') {
            "may not contain `/`, which stands between group and name"
        } else if text != text.trim() {
            "may not begin or end with a space"
        } else if text.chars().count() > NAME_MAX {
            "may have at most 64 characters"
        } else if clean(&text, NAME_MAX) != text {
            "may not contain invisible characters or two spaces in a row"
        } else if text.starts_with(['"', '\'']) || text.ends_with(['"', '\'']) {
            "has a quote at one end only"
        } else {
            return Some(text);
        };
        self.report(Problem::new(
            Code::Name,
            at.span,
            format!("{subject} {why}"),
        ));
        None
    }

    /// A duration within a range.
    pub(super) fn duration(
        &self,
        at: &At<DurationText>,
        subject: &str,
        range: RangeInclusive<Duration>,
    ) -> Typed<Duration> {
        let value = at
            .value
            .as_ref()
            .and_then(|text| self.parsed_duration(at.span, &text.0, subject))
            .filter(|value| self.is_in_range(at.span, *value, subject, &range));
        Typed {
            span: at.span,
            value,
        }
    }

    fn parsed_duration(&self, span: Span, text: &str, subject: &str) -> Option<Duration> {
        if !self.has_no_variable(span, text, subject) {
            return None;
        }
        let trimmed = text.trim();
        let (wrong, label) = match humantime::parse_duration(trimmed) {
            // humantime takes a bare 0; here it would be the one duration without a unit.
            Ok(duration) if trimmed != "0" => return Some(duration),
            Ok(_) => ("has no unit", String::new()),
            Err(_) if is_bare_number(trimmed) => (
                "has no unit",
                format!("did you mean `{}s`?", clean(trimmed, 40)),
            ),
            Err(error) => ("is not a duration", duration_label(trimmed, &error)),
        };
        self.report(
            Problem::new(
                Code::Duration,
                span,
                format!("`{}` {wrong}", clean(trimmed, 40)),
            )
            .label(label)
            .help("write durations like 500ms, 30s, 1m 30s, 2h, 14d"),
        );
        None
    }

    fn is_in_range(
        &self,
        span: Span,
        value: Duration,
        subject: &str,
        range: &RangeInclusive<Duration>,
    ) -> bool {
        let limit = if value < *range.start() {
            format!("at least {}", spoken(*range.start()))
        } else if value > *range.end() {
            format!("at most {}", spoken(*range.end()))
        } else {
            return true;
        };
        self.report(Problem::new(
            Code::Range,
            span,
            format!("{subject} must be {limit}"),
        ));
        false
    }

    /// A whole number within a range.
    pub(super) fn whole(
        &self,
        at: &At<u32>,
        subject: &str,
        range: RangeInclusive<u8>,
    ) -> Typed<u8> {
        let value = at.value.and_then(|value| {
            let value = u8::try_from(value)
                .ok()
                .filter(|value| range.contains(value));
            if value.is_none() {
                self.report(Problem::new(
                    Code::Range,
                    at.span,
                    format!("{subject} must be {} to {}", range.start(), range.end()),
                ));
            }
            value
        });
        Typed {
            span: at.span,
            value,
        }
    }

    /// A text with its variables filled in.
    pub(super) fn filled(
        &self,
        span: Span,
        text: &str,
        key: &str,
        has_file_twin: bool,
    ) -> Option<Filled> {
        match self.environment.fill(text) {
            Ok(filled) => Some(filled),
            Err(trouble) => {
                self.report(self.variable_problem(span, trouble, key, has_file_twin));
                None
            }
        }
    }

    fn variable_problem(
        &self,
        span: Span,
        trouble: Trouble,
        key: &str,
        has_file_twin: bool,
    ) -> Problem {
        let other_ways = |name: &str| {
            let twin = if has_file_twin {
                format!(", or use `{key}_file`")
            } else {
                String::new()
            };
            format!(
                "export it, or give a default with `${{{name}:-…}}`{twin}; for a try-out without Slack: `hekate run --slack preview`"
            )
        };
        match trouble {
            Trouble::Unset(name) => {
                let problem = Problem::new(
                    Code::Unset,
                    self.piece(span, &format!("${{{name}}}")),
                    format!("environment variable {name} is not set"),
                )
                .help(other_ways(&name));
                match nearest(&name, self.environment.names()) {
                    Some(near) => problem.note(format!(
                        "{} is set: is one of them misspelt?",
                        clean(near, 64)
                    )),
                    None => problem,
                }
            }
            Trouble::Blank(name) => Problem::new(
                Code::Blank,
                self.piece(span, &format!("${{{name}}}")),
                format!("environment variable {name} is set, but empty"),
            )
            .help(other_ways(&name)),
            Trouble::Wanted(name, message) => Problem::new(
                Code::Unset,
                self.piece(span, &format!("${{{name}")),
                format!(
                    "environment variable {name} is not set: {}",
                    clean(&message, 120)
                ),
            ),
            Trouble::Malformed(text) => Problem::new(
                Code::Malformed,
                self.piece(span, &text),
                format!("`{}` is not a variable", clean(&text, 64)),
            )
            .help("write ${NAME}, ${NAME:-default} or ${NAME:?what to do}; `$$` is a dollar sign"),
        }
    }

    /// An address with its variables filled in: http or https, with a host, without user info.
    pub(super) fn address(&self, at: &At<AddressText>, subject: &str) -> Option<Url> {
        self.address_with_secrets(at, subject).map(|(url, _)| url)
    }

    /// The same with what variables brought into it.
    pub(super) fn address_with_secrets(
        &self,
        at: &At<AddressText>,
        subject: &str,
    ) -> Option<(Url, Vec<Secret>)> {
        let text = &at.value.as_ref()?.0;
        let filled = self.filled(at.span, text, "url", false)?;
        let url = self.url(
            self.inner(at.span),
            &filled.text,
            !filled.has_variables,
            subject,
        )?;
        Some((url, filled.values))
    }

    /// Checks an address. It is quoted in messages only if `is_open`.
    pub(super) fn url(&self, span: Span, text: &str, is_open: bool, subject: &str) -> Option<Url> {
        let wrong = |why: String| {
            self.report(
                Problem::new(
                    Code::Address,
                    span,
                    format!("{subject} is not a usable address"),
                )
                .label(why)
                .help("an address looks like https://api.example.test/health"),
            );
            None
        };
        if text.trim().is_empty() {
            return wrong(String::from("it is empty"));
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        if scheme != "http" && scheme != "https" {
            return wrong(match nearest(scheme, ["https", "http"]) {
                Some(meant) => format!("did you mean `{meant}://`?"),
                None => String::from("it should begin with https:// or http://"),
            });
        }
        let is_odd = |c: char| {
            c.is_whitespace()
                || c.is_control()
                || matches!(
                    c,
                    '"' | '\'' | '<' | '>' | '`' | '\\' | '{' | '}' | '|' | '^'
                )
        };
        if let Some(c) = rest.chars().find(|c| is_odd(*c)) {
            return wrong(if is_open {
                format!("it contains {c:?}")
            } else {
                String::from("it contains a character that no address contains")
            });
        }
        let url = match Url::parse(text) {
            Ok(url) if rest.starts_with('/') || url.host_str().is_none_or(str::is_empty) => {
                return wrong(String::from("the host is missing"));
            }
            Ok(url) => url,
            Err(error) => return wrong(error.to_string()),
        };
        if !url.username().is_empty() || url.password().is_some() {
            if let Some(at) = rest.find('@') {
                self.findings.hide(self.piece(span, &rest[..at]));
            }
            self.report(
                Problem::new(
                    Code::UserInfo,
                    span,
                    format!("{subject} contains a user name or password"),
                )
                .help("write them as `basic: { username: …, password: \"${…}\" }`, so that they are never shown"),
            );
            return None;
        }
        match url.host() {
            Some(Host::Domain(domain)) if !is_domain(domain) => {
                wrong(String::from("this is no name of a host"))
            }
            Some(_) | None => Some(url),
        }
    }

    /// A secret that callers have to know, long enough that nobody guesses it.
    pub(super) fn key(&mut self, fields: &SecretFields<'_>) -> Option<Found> {
        let found = self.secret(fields)?;
        if found.secret.expose().chars().count() >= KEY_MIN {
            return Some(found);
        }
        let (key, owner) = (fields.key, fields.owner);
        self.report(
            Problem::new(
                Code::WeakKey,
                found.span,
                format!("`{key}` of {owner} is shorter than {KEY_MIN} characters"),
            )
            .help("make one with `openssl rand -hex 32`"),
        );
        None
    }

    /// A secret from the file, the environment or a file of its own.
    pub(super) fn secret(&mut self, fields: &SecretFields<'_>) -> Option<Found> {
        match (fields.direct, fields.file) {
            (Some(direct), Some(file)) => {
                self.report(
                    Problem::new(
                        Code::Both,
                        file.span,
                        format!(
                            "{} has both `{}` and `{}_file`",
                            fields.owner, fields.key, fields.key
                        ),
                    )
                    .other(direct.span, "and here")
                    .help("keep one of them"),
                );
                None
            }
            (Some(direct), None) => self.direct_secret(direct, fields),
            (None, Some(file)) => self.secret_file(file, fields),
            (None, None) => None,
        }
    }

    fn direct_secret(&self, at: &At<SecretText>, fields: &SecretFields<'_>) -> Option<Found> {
        let text = &at.value.as_ref()?.0;
        let inner = self.inner(at.span);
        if self.environment.preview
            && let Err(Trouble::Unset(_) | Trouble::Blank(_) | Trouble::Wanted(..)) =
                self.environment.fill(text)
        {
            return fields.in_preview.map(|stand_in| Found {
                secret: Secret::new(stand_in),
                span: inner,
                is_stand_in: true,
            });
        }
        let filled = self.filled(inner, text, fields.key, fields.has_file_twin)?;
        if filled.text.is_empty() {
            if !(fields.is_optional && filled.has_variables) {
                self.report(
                    Problem::new(Code::Empty, at.span, format!("{} is empty", fields.title()))
                        .help("give it a value, or remove the key"),
                );
            }
            return None;
        }
        // What an earlier step of a scenario brings stands in no file.
        let is_made = !placeholders(text).is_empty();
        if let Some(variable) = fields
            .variable
            .filter(|_| !filled.has_variables && !is_made)
        {
            self.literal(inner, text, fields, variable);
        }
        Some(Found {
            secret: Secret::new(filled.text),
            span: inner,
            is_stand_in: false,
        })
    }

    /// Hides a secret that stands in the file, and says that it should not stand there.
    fn literal(&self, span: Span, text: &str, fields: &SecretFields<'_>, variable: &str) {
        // Webhooks of Slack are hidden by their look, except for the parts that say which one it is.
        if !text.starts_with("https://hooks.slack.com/services/") {
            self.findings.hide(span);
        }
        if is_loopback(text) {
            return;
        }
        let twin = if fields.has_file_twin {
            format!(", or to a file and use `{}_file`", fields.key)
        } else {
            String::new()
        };
        self.report(
            Problem::new(
                Code::Literal,
                span,
                format!(
                    "{} is written out, so anyone who can read this file can use it",
                    fields.title()
                ),
            )
            .help(format!(
                "move it to the environment and write \"${{{variable}}}\"{twin}"
            )),
        );
    }

    fn secret_file(&mut self, at: &At<String>, fields: &SecretFields<'_>) -> Option<Found> {
        let key = format!("`{}_file` of {}", fields.key, fields.owner);
        let bytes = self.side_file(at, &key)?;
        let Ok(text) = String::from_utf8(bytes) else {
            self.report(Problem::new(
                Code::SideFile,
                at.span,
                format!("the file of {key} is not UTF-8 text"),
            ));
            return None;
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.trim().is_empty() {
            self.report(Problem::new(
                Code::SideFile,
                at.span,
                format!("the file of {key} is empty"),
            ));
            return None;
        }
        Some(Found {
            secret: Secret::new(text),
            span: at.span,
            is_stand_in: false,
        })
    }

    /// Reads a file that the file names.
    pub(super) fn side_file(&mut self, at: &At<String>, key: &str) -> Option<Vec<u8>> {
        let path = PathBuf::from(self.text(at, key)?);
        let path = self.folder.join(path);
        match self.contents.read_side(&path) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.report(
                    Problem::new(
                        Code::SideFile,
                        at.span,
                        format!("the file of {key} cannot be read: {error}"),
                    )
                    .note(format!("looked for it at {}", path.display())),
                );
                None
            }
        }
    }
}

/// Whether this is a name that a resolver can be asked for.
pub(super) fn is_domain(domain: &str) -> bool {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    domain.len() <= 253
        && domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// Whether an address leads to this machine.
pub(super) fn is_loopback(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    })
}

/// A duration for people.
pub(super) fn spoken(duration: Duration) -> String {
    // Not in months and years, whose lengths nobody agrees about.
    let (seconds, day) = (duration.as_secs(), 24 * 60 * 60);
    if duration.subsec_nanos() == 0 && seconds > 0 && seconds % day == 0 {
        return format!("{}d", seconds / day);
    }
    humantime::format_duration(duration).to_string()
}

fn is_bare_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// What is wrong with a duration, in words for people who do not know how it is read.
fn duration_label(text: &str, error: &humantime::DurationError) -> String {
    use humantime::DurationError;
    let lower = text.to_lowercase();
    match error {
        _ if text.starts_with(['-', '\u{2212}']) => String::from("a duration cannot be negative"),
        _ if lower != text && humantime::parse_duration(&lower).is_ok() => {
            format!("did you mean `{}`?", clean(&lower, 40))
        }
        DurationError::Empty => String::from("it is empty"),
        DurationError::NumberOverflow => String::from("it is too long"),
        DurationError::UnknownUnit { unit, .. } if !unit.is_empty() => {
            format!("`{}` is no unit", clean(unit, 20))
        }
        DurationError::UnknownUnit { value, .. } => format!("which unit has the {value}?"),
        DurationError::InvalidCharacter(_) | DurationError::NumberExpected(_) => {
            String::from("it is not a number and a unit")
        }
    }
}
