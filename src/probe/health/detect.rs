//! Which dialect of health a JSON body speaks.

use crate::model::Family;

use super::json::Node;

/// Where an object says in one word how it is.
pub(super) const STATE_KEYS: [&str; 6] = ["status", "state", "health", "ok", "healthy", "alive"];

/// How the texts of django-health-check begin when something is wrong, in lower case.
const DJANGO_STARTS: [&str; 4] = [
    "unavailable",
    "unexpected result",
    "unknown error",
    "warning",
];

/// What surrounds a body and helps to tell its dialect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) status: u16,
    pub(super) content_type: &'a str,
    pub(super) path: &'a str,
}

impl Surroundings<'_> {
    pub(super) fn is_failure(self) -> bool {
        self.status >= 400
    }

    fn type_contains(self, part: &str) -> bool {
        super::contains_ignoring_case(self.content_type, part)
    }
}

/// The dialect of a body, by its keys; nothing if it says nothing that is understood.
pub(super) fn detect(node: &Node<'_>, around: Surroundings<'_>) -> Option<Family> {
    if node.is_list() {
        return detect_list(node, around);
    }
    let has_status = node.get("status").is_some();
    let checks = node.get("checks");
    let details = node.get("details").filter(|details| details.is_map());
    let family = if checks
        .is_some_and(|checks| checks.is_list() && checks.items().iter().all(is_named))
        && has_status
    {
        Family::Microprofile
    } else if has_status
        && (around.type_contains("health+json") || checks.is_some_and(is_map_of_lists))
    {
        Family::HealthJson
    } else if has_status && node.get("entries").is_some_and(Node::is_map) {
        Family::AspNetUi
    } else if has_status
        && details.is_some()
        && node.get("info").is_some()
        && node.get("error").is_some()
    {
        Family::Terminus
    } else if node.get("components").is_some_and(has_stateful_member)
        || has_status && node.get("groups").is_some_and(Node::is_list)
        || around.type_contains("actuator.v3")
    {
        Family::Spring3
    } else if details.is_some_and(has_stateful_member) {
        if node
            .get("status")
            .and_then(Node::text)
            .is_some_and(is_lower_case)
        {
            Family::GoHealth
        } else {
            Family::Spring2
        }
    } else if around.type_contains("actuator.v2") {
        Family::Spring2
    } else if has_status && is_health_go(node) {
        Family::HealthGo
    } else if has_status && has_stateful_member(node) {
        Family::Spring1
    } else if is_dropwizard(node) {
        Family::Dropwizard
    } else if is_django(node, around) {
        Family::Django
    } else {
        Family::Simple
    };
    Some(family)
}

fn detect_list(node: &Node<'_>, around: Surroundings<'_>) -> Option<Family> {
    let is_consul = |item: &Node<'_>| item.get("Checks").is_some() || item.get("CheckID").is_some();
    if node.items().is_empty() {
        return around
            .path
            .contains("/v1/health/")
            .then_some(Family::Consul);
    }
    if node.items().iter().all(is_consul) {
        Some(Family::Consul)
    } else if is_dropwizard(node) {
        Some(Family::Dropwizard)
    } else {
        node.items().iter().all(is_named).then_some(Family::Simple)
    }
}

fn is_named(item: &Node<'_>) -> bool {
    item.get("name").and_then(Node::text).is_some()
}

fn is_map_of_lists(node: &Node<'_>) -> bool {
    !node.members().is_empty() && node.members().iter().all(|(_, value)| value.is_list())
}

fn has_stateful_member(node: &Node<'_>) -> bool {
    node.members()
        .iter()
        .any(|(_, value)| value.get("status").is_some_and(|status| !status.is_map()))
}

fn is_lower_case(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn is_health_go(node: &Node<'_>) -> bool {
    node.get("component")
        .is_some_and(|component| component.get("name").is_some())
        || node.get("failures").is_some_and(|failures| {
            failures.is_map()
                && failures
                    .members()
                    .iter()
                    .all(|(_, why)| why.text().is_some())
        })
}

fn is_dropwizard(node: &Node<'_>) -> bool {
    let is_check = |check: &Node<'_>| matches!(check.get("healthy"), Some(Node::Bool(_)));
    if node.is_list() {
        return !node.items().is_empty()
            && node
                .items()
                .iter()
                .all(|item| is_named(item) && is_check(item));
    }
    !node.members().is_empty() && node.members().iter().all(|(_, check)| is_check(check))
}

/// A flat map of texts is this dialect only if they read like it: other flat maps, such as a version and a name, say
/// nothing about health. With a failure code one text that reads like it is enough, for the others may be any error.
fn is_django(node: &Node<'_>, around: Surroundings<'_>) -> bool {
    let reads_like_it = |text: &str| {
        let folded = text.trim().to_lowercase();
        matches!(folded.as_str(), "ok" | "working")
            || DJANGO_STARTS.iter().any(|start| folded.starts_with(start))
    };
    let members = node.members();
    let texts = members.iter().filter_map(|(_, value)| value.text());
    !members.is_empty()
        && texts.clone().count() == members.len()
        && !members.iter().any(|(key, _)| {
            STATE_KEYS
                .iter()
                .any(|state| key.eq_ignore_ascii_case(state))
        })
        && if around.is_failure() {
            texts.clone().any(reads_like_it)
        } else {
            texts.clone().all(reads_like_it)
        }
}
