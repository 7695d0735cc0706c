//! `${VARIABLE}` in values, after parsing: a variable can never add a key, a comment or a list.

use std::{collections::BTreeMap, fmt};

use crate::model::Secret;

/// What the file may refer to: variables. Files it names are read as any program would read them.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// For a try-out without Slack: a variable of a channel that is not set becomes an address on this machine to which
    /// nobody listens, a signing secret or dead man's address that is not set is left out. Default `false`.
    pub preview: bool,
}

/// The values are secrets, so only the names are shown.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("preview", &self.preview)
            .finish()
    }
}

/// What is wrong with a `${…}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Trouble {
    /// The variable is not set.
    Unset(String),
    /// The variable is set, but empty.
    Blank(String),
    /// The variable is not set or empty, and the file says what to do.
    Wanted(String, String),
    /// It is none of the forms; which piece of the text it is.
    Malformed(String),
}

/// A text in which every `${…}` is replaced. It may be a secret, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Filled {
    /// The text.
    pub(crate) text: String,
    /// Whether it came from the environment at least in part.
    pub(crate) has_variables: bool,
    /// What each `${…}` was replaced by.
    pub(crate) values: Vec<Secret>,
}

impl Environment {
    /// The variables of this process. Those that are not UTF-8 are left out.
    pub fn of_process() -> Self {
        Self::of(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// These variables.
    pub fn of<K: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self {
            variables: variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            preview: false,
        }
    }

    /// The same with [`Environment::preview`] on.
    #[must_use]
    pub fn for_preview(mut self) -> Self {
        self.preview = true;
        self
    }

    /// The names of all variables that are set.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.variables.keys().map(String::as_str)
    }

    /// Replaces every `${…}`.
    ///
    /// Forms: `${VAR}`, `${VAR:-default}` (also if it is empty), `${VAR:?message}`, and `$$` for a dollar.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub(crate) fn fill(&self, text: &str) -> Result<Filled, Trouble> {
        let mut out = String::with_capacity(text.len());
        let mut values = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("$$") {
                out.push('$');
                rest = after;
            } else if let Some(inside) = rest.strip_prefix("${") {
                let end = inside
                    .find('}')
                    .ok_or_else(|| Trouble::Malformed(rest.to_owned()))?;
                let value = self.value(&inside[..end], &rest[..end + 3])?;
                out.push_str(&value);
                values.push(Secret::new(value));
                rest = &inside[end + 1..];
            } else {
                out.push('$');
                rest = &rest[1..];
            }
        }
        out.push_str(rest);
        Ok(Filled {
            text: out,
            has_variables: !values.is_empty(),
            values,
        })
    }

    /// The value of what stands between the braces; `whole` is the same with them.
    fn value(&self, inside: &str, whole: &str) -> Result<String, Trouble> {
        let (name, otherwise) = match inside.find(':') {
            Some(colon) => (&inside[..colon], Some(&inside[colon + 1..])),
            None => (inside, None),
        };
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(Trouble::Malformed(whole.to_owned()));
        }
        let value = self.variables.get(name);
        let given = value.filter(|value| !value.is_empty());
        match (given, otherwise.map(|text| text.split_at_checked(1))) {
            (Some(value), None | Some(Some(("-" | "?", _)))) => Ok(value.clone()),
            (None, Some(Some(("-", default)))) => Ok(default.to_owned()),
            (None, Some(Some(("?", message)))) => {
                Err(Trouble::Wanted(name.to_owned(), message.to_owned()))
            }
            (None, None) if value.is_some() => Err(Trouble::Blank(name.to_owned())),
            (None, None) => Err(Trouble::Unset(name.to_owned())),
            (_, Some(_)) => Err(Trouble::Malformed(whole.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in() {
        let environment = Environment::of([("A", "one"), ("EMPTY", ""), ("SLY", "x\"\n- y: ${A}")]);
        let filled = |text: &str| environment.fill(text).map(|filled| filled.text);
        for (text, wanted) in [
            ("", Ok("")),
            ("a ${A} b ${A}", Ok("a one b one")),
            ("${B:-two}", Ok("two")),
            ("${A:-two}", Ok("one")),
            ("${EMPTY:-two}", Ok("two")),
            ("${B:-}", Ok("")),
            ("${A:?say}", Ok("one")),
            ("$$ 5$ $A", Ok("$ 5$ $A")),
            ("$${A}", Ok("${A}")),
            // What a variable holds is text and nothing else.
            ("${SLY}", Ok("x\"\n- y: ${A}")),
            ("${B}", Err(Trouble::Unset("B".to_owned()))),
            ("${EMPTY}", Err(Trouble::Blank("EMPTY".to_owned()))),
            (
                "x${EMPTY:?set it}",
                Err(Trouble::Wanted("EMPTY".to_owned(), "set it".to_owned())),
            ),
            ("${A", Err(Trouble::Malformed("${A".to_owned()))),
            ("x ${} y", Err(Trouble::Malformed("${}".to_owned()))),
            ("${A:+x}", Err(Trouble::Malformed("${A:+x}".to_owned()))),
            ("${A:}", Err(Trouble::Malformed("${A:}".to_owned()))),
            ("${$(id)}", Err(Trouble::Malformed("${$(id)}".to_owned()))),
        ] {
            assert_eq!(filled(text), wanted.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn values_are_never_shown() {
        let environment = Environment::of([("TOKEN", "hunter2")]);
        assert!(!format!("{environment:?}").contains("hunter2"));
    }
}
