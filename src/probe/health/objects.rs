//! Health bodies in JSON, read as one dialect.

use crate::model::{ComponentState, Family};

use super::{
    detect::{STATE_KEYS, Surroundings},
    json::Node,
    parts::{Basis, Parts, Path, Said, message},
};

use ComponentState::{Degraded, Down, PlannedDown, Up};

/// Where an object of no known dialect keeps its parts.
const PART_KEYS: [&str; 6] = [
    "checks",
    "components",
    "details",
    "services",
    "dependencies",
    "results",
];

/// Reads a body as one dialect and adds its components; nothing if it does not fit.
pub(super) fn read<'n>(
    family: Family,
    node: &'n Node<'_>,
    around: Surroundings<'_>,
    parts: &mut Parts<'_>,
) -> Option<Said<'n>> {
    match family {
        Family::Spring3 => add_tree(node, "components", None, parts),
        Family::Spring2 | Family::GoHealth => add_tree(node, "details", None, parts),
        Family::Spring1 => add_members(node, parts),
        Family::Microprofile => {
            for item in node.get("checks").map_or(&[][..], Node::items) {
                add_item(item, &["name"], "status", parts);
            }
        }
        Family::HealthJson => add_health_json(node, parts),
        Family::AspNetUi => add_entries(node, parts),
        Family::Terminus => add_terminus(node, parts),
        Family::HealthGo => add_failures(node, parts),
        Family::Django => return read_django(node, parts),
        Family::Dropwizard => return read_dropwizard(node, parts),
        Family::Consul => return read_consul(node, parts),
        Family::Simple => return read_simple(node, around, parts),
        Family::AspNet | Family::Kubernetes | Family::Graylog | Family::Word | Family::CodeOnly => {
            return None;
        }
    }
    match total(node, family) {
        Some(said) => Some(said),
        None => derived(parts),
    }
}

/// What `status` at the top says; of a key that is there twice the worse one.
fn total<'n>(node: &'n Node<'_>, family: Family) -> Option<Said<'n>> {
    let state = if family == Family::AspNetUi {
        aspnet_state
    } else {
        state_of
    };
    node.all("status")
        .filter_map(state)
        .max_by_key(|said| said.state)
}

/// What the components say together where the body has no word for the whole.
fn derived(parts: &Parts<'_>) -> Option<Said<'static>> {
    (parts.total > 0).then(|| Said::of_components(parts.worst))
}

/// What a value says as a state: a word, a boolean, or an object that holds one of them.
fn state_of<'n>(node: &'n Node<'_>) -> Option<Said<'n>> {
    match node {
        Node::Text(word) => Some(Said::word(word)),
        Node::Bool(true) => Some(Said::known(Up, "true")),
        Node::Bool(false) => Some(Said::known(Down, "false")),
        Node::Map(_) => {
            ["code", "status", "state", "value"]
                .iter()
                .find_map(|key| match node.get(key)? {
                    inner @ (Node::Text(_) | Node::Bool(_)) => state_of(inner),
                    Node::Null | Node::Number(_) | Node::List(_) | Node::Map(_) => None,
                })
        }
        // A number in place of a word means nothing that is agreed on.
        Node::Number(_) => Some(Said::word("a number")),
        Node::Null | Node::List(_) => None,
    }
}

/// ASP.NET's states, which may also be the numbers behind them.
/// Source: the order of `HealthStatus` in `Microsoft.Extensions.Diagnostics.HealthChecks`.
fn aspnet_state<'n>(node: &'n Node<'_>) -> Option<Said<'n>> {
    let Node::Number(number) = node else {
        return state_of(node);
    };
    Some(match number.as_u64() {
        Some(0) => Said::known(Down, "Unhealthy"),
        Some(1) => Said::known(Degraded, "Degraded"),
        Some(2) => Said::known(Up, "Healthy"),
        _ => Said::word("a number"),
    })
}

/// Adds the members of `key` that have a `status`, and theirs below the same key.
fn add_tree(node: &Node<'_>, key: &str, parent: Option<&Path<'_>>, parts: &mut Parts<'_>) {
    let Some(children) = node.get(key) else {
        return;
    };
    for (name, child) in children.members() {
        let path = parent.map_or(Path::top(name), |parent| parent.child(name));
        // A text in place of an object: Spring's own endpoint never does so, imitations do.
        let status = if child.is_map() {
            child.get("status")
        } else {
            Some(child)
        };
        if let Some(said) = status
            .and_then(state_of)
            .filter(|said| child.is_map() || said.basis == Basis::Known)
        {
            parts.add(path, &said, child);
        }
        add_tree(child, key, Some(&path), parts);
    }
}

/// Adds every member that is an object with a `status`.
fn add_members(node: &Node<'_>, parts: &mut Parts<'_>) {
    for (name, child) in node.members() {
        if let Some(said) = child.get("status").and_then(state_of) {
            parts.add(Path::top(name), &said, child);
        }
    }
}

/// Adds one item of a list under the first of the keys that names it.
fn add_item(item: &Node<'_>, names: &[&str], status: &str, parts: &mut Parts<'_>) {
    let name = names
        .iter()
        .find_map(|key| item.get(key)?.text())
        .unwrap_or("unnamed");
    if let Some(said) = item.get(status).and_then(state_of) {
        parts.add(Path::top(name), &said, item);
    }
}

/// `checks` of the IETF draft: a list per component, where a list of several tells them apart by their ids.
/// Source: draft-inadarei-api-health-check-05, section 4.
fn add_health_json(node: &Node<'_>, parts: &mut Parts<'_>) {
    let Some(checks) = node.get("checks") else {
        return;
    };
    for (name, items) in checks.members() {
        let path = Path::top(name);
        let list = if items.is_map() {
            std::slice::from_ref(items)
        } else {
            items.items()
        };
        for (index, item) in list.iter().enumerate() {
            // The status of one check is optional there; without it the check only reports a value.
            let said = item
                .get("status")
                .and_then(state_of)
                .unwrap_or(Said::known(Up, "pass"));
            let number = (index + 1).to_string();
            let id = item
                .get("componentId")
                .and_then(Node::text)
                .unwrap_or(&number);
            let path = if list.len() > 1 { path.child(id) } else { path };
            parts.add(path, &said, item);
        }
    }
}

fn add_entries(node: &Node<'_>, parts: &mut Parts<'_>) {
    let Some(entries) = node.get("entries") else {
        return;
    };
    for (name, entry) in entries.members() {
        if let Some(said) = entry.get("status").and_then(aspnet_state) {
            parts.add(Path::top(name), &said, entry);
        }
    }
}

/// `details` holds all of terminus' indicators; without it they are split into `info` and `error`.
fn add_terminus(node: &Node<'_>, parts: &mut Parts<'_>) {
    let has_details = node
        .get("details")
        .is_some_and(|details| !details.members().is_empty());
    let places: &[&str] = if has_details {
        &["details"]
    } else {
        &["info", "error"]
    };
    for place in places {
        if let Some(indicators) = node.get(place) {
            add_members(indicators, parts);
        }
    }
}

/// hellofresh/health-go names only what failed.
fn add_failures(node: &Node<'_>, parts: &mut Parts<'_>) {
    for (name, why) in node.get("failures").map_or(&[][..], Node::members) {
        let said = Said::known(Down, "down");
        parts.add_with(Path::top(name), &said, || message(why.text()?));
    }
}

fn read_django(node: &Node<'_>, parts: &mut Parts<'_>) -> Option<Said<'static>> {
    for (name, value) in node.members() {
        let text = value.text()?;
        let is_good = ["ok", "working"]
            .iter()
            .any(|good| text.trim().eq_ignore_ascii_case(good));
        let said = if is_good {
            Said::known(Up, "OK")
        } else if text
            .trim()
            .get(..7)
            .is_some_and(|start| start.eq_ignore_ascii_case("warning"))
        {
            Said::known(Degraded, "warning")
        } else {
            Said::known(Down, "down")
        };
        parts.add_with(Path::top(name), &said, || message(text));
    }
    derived(parts)
}

fn read_dropwizard(node: &Node<'_>, parts: &mut Parts<'_>) -> Option<Said<'static>> {
    let mut add = |name: &str, check: &Node<'_>| {
        let said = match check.get("healthy")? {
            Node::Bool(true) => Said::known(Up, "healthy"),
            // Dropwizard's own health module says which checks count for the whole.
            Node::Bool(false) if matches!(check.get("critical"), Some(Node::Bool(false))) => {
                Said::known(Degraded, "unhealthy")
            }
            Node::Bool(false) => Said::known(Down, "unhealthy"),
            Node::Null | Node::Number(_) | Node::Text(_) | Node::List(_) | Node::Map(_) => {
                return None;
            }
        };
        parts.add(Path::top(name), &said, check);
        Some(())
    };
    for (name, check) in node.members() {
        add(name, check)?;
    }
    for check in node.items() {
        add(check.get("name")?.text()?, check)?;
    }
    derived(parts)
}

/// Consul's answers for a service (entries with `Checks`) and for checks (the checks themselves).
/// Source: Consul's HTTP API, "Health".
fn read_consul(node: &Node<'_>, parts: &mut Parts<'_>) -> Option<Said<'static>> {
    if !node.is_list() {
        return None;
    }
    let is_many = node.items().len() > 1;
    for entry in node.items() {
        let place = entry
            .get("Node")
            .and_then(|place| place.get("Node").unwrap_or(place).text());
        let checks = entry
            .get("Checks")
            .map_or(std::slice::from_ref(entry), Node::items);
        for check in checks {
            let name = ["Name", "CheckID"]
                .iter()
                .find_map(|key| check.get(key)?.text())
                .unwrap_or("check");
            let id = check.get("CheckID").and_then(Node::text).unwrap_or("");
            let mut said = state_of(check.get("Status")?)?;
            if said.state == Down
                && (id.starts_with("_node_maintenance") || id.starts_with("_service_maintenance"))
            {
                said.state = PlannedDown;
            }
            match place.filter(|_| is_many) {
                Some(place) => parts.add(Path::top(place).child(name), &said, check),
                None => parts.add(Path::top(name), &said, check),
            }
        }
    }
    // An empty list is Consul's answer for a service that it does not know.
    Some(derived(parts).unwrap_or(Said::known(ComponentState::Unknown, "[] (no such service)")))
}

/// A state at the top of any object, and parts where most people put them.
fn read_simple<'n>(
    node: &'n Node<'_>,
    around: Surroundings<'_>,
    parts: &mut Parts<'_>,
) -> Option<Said<'n>> {
    let said = STATE_KEYS
        .iter()
        .flat_map(|key| node.all(key).map(move |value| (key, value)))
        .filter_map(|(key, value)| {
            let said = simple_state(value, around)?;
            // `false` on its own tells nobody what is false.
            let needs_key = matches!(value, Node::Bool(_) | Node::Number(_));
            Some(Said {
                key: if needs_key { key } else { "" },
                ..said
            })
        })
        .reduce(|first, next| {
            // The first key that is there decides, unless another plainly contradicts it.
            if next.basis == Basis::Known && next.state > first.state {
                next
            } else {
                first
            }
        });
    for place in PART_KEYS
        .iter()
        .filter_map(|key| node.get(key))
        .chain([node])
    {
        let is_top = std::ptr::eq(place, node);
        for (name, child) in place.members().iter().filter(|_| !is_top) {
            add_loose(name, child, parts);
        }
        for child in place.items() {
            if let Some(name) = child.get("name").and_then(Node::text) {
                add_loose(name, child, parts);
            }
        }
    }
    said.or_else(|| derived(parts))
}

/// A state at the top; numbers are HTTP codes there, and in an answer that failed they only repeat its code, as the
/// error pages of frameworks do.
fn simple_state<'n>(value: &'n Node<'_>, around: Surroundings<'_>) -> Option<Said<'n>> {
    let Node::Number(number) = value else {
        return state_of(value);
    };
    match number.as_u64() {
        Some(400..=599) if around.is_failure() => None,
        Some(200..=299) => Some(Said::known(Up, "a 2xx code")),
        Some(400..=499) => Some(Said::known(Down, "a 4xx code")),
        Some(500..=599) => Some(Said::known(Down, "a 5xx code")),
        _ => state_of(value),
    }
}

/// A part of an object of no known dialect: only what plainly is a state counts.
fn add_loose(name: &str, child: &Node<'_>, parts: &mut Parts<'_>) {
    let said = if child.is_map() {
        STATE_KEYS
            .iter()
            .find_map(|key| child.get(key).and_then(state_of))
    } else {
        state_of(child).filter(|said| said.basis == Basis::Known)
    };
    if let Some(said) = said {
        parts.add(Path::top(name), &said, child);
    }
}
