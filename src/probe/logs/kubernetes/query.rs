//! `namespace/label-selector[/container]`.

use crate::model::logs::{LogFault, LogFaultKind};

/// The longest name that Kubernetes gives to anything.
const NAME_MAX: usize = 253;

/// A query, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query<'a> {
    pub(super) namespace: &'a str,
    pub(super) selector: &'a str,
    pub(super) container: Option<&'a str>,
}

impl<'a> Query<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, LogFault> {
        let (namespace, rest) = text.trim().split_once('/').unwrap_or_default();
        let (selector, container) = match container_at(rest) {
            Some(slash) => (&rest[..slash], Some(&rest[slash + 1..])),
            None => (rest, None),
        };
        if !is_name(namespace) || selector.is_empty() {
            return Err(LogFault::new(
                LogFaultKind::BadQuery,
                "it is not written namespace/label-selector or namespace/label-selector/container",
            ));
        }
        Ok(Self {
            namespace,
            selector,
            container,
        })
    }
}

/// Where the slash before the container is. Keys of labels may hold a slash themselves, as in
/// `app.kubernetes.io/name=core`, so not every last slash is one.
fn container_at(rest: &str) -> Option<usize> {
    let slash = rest.rfind('/')?;
    if !is_name(&rest[slash + 1..]) {
        return None;
    }
    // What is between the last comma and the slash is a whole requirement, or the first part of a key.
    let before = rest[..slash].rsplit(',').next().unwrap_or_default();
    let is_prefix_of_a_key = before.contains('.') && !before.contains(['=', '!', ' ', ')']);
    (!is_prefix_of_a_key).then_some(slash)
}

/// Whether this can be the name of a namespace, a pod or a container; such a name is safe as a part of a path.
pub(in crate::probe) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= NAME_MAX
        && !text.starts_with(['.', '-'])
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_in_keys_are_not_the_container() {
        for (text, selector, container) in [
            ("prod/app=core", "app=core", None),
            ("prod/app=core/web", "app=core", Some("web")),
            (
                "prod/app.kubernetes.io/name=core",
                "app.kubernetes.io/name=core",
                None,
            ),
            (
                "prod/app.kubernetes.io/name=core/web",
                "app.kubernetes.io/name=core",
                Some("web"),
            ),
            ("prod/tier in (a,b)/web", "tier in (a,b)", Some("web")),
            (
                "prod/app=core,example.com/logs",
                "app=core,example.com/logs",
                None,
            ),
            ("prod/app=v1.2/web", "app=v1.2", Some("web")),
            ("prod/app/web", "app", Some("web")),
            ("prod/!canary/web", "!canary", Some("web")),
        ] {
            let expected = Query {
                namespace: "prod",
                selector,
                container,
            };
            assert_eq!(Query::read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for text in [
            "",
            "prod",
            "prod/",
            "/app=core",
            "../app=core",
            "pr od/app=core",
            "prod//web",
        ] {
            let fault = Query::read(text).unwrap_err();
            assert_eq!(fault.kind, LogFaultKind::BadQuery, "{text}");
        }
    }
}
