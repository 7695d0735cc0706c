//! Who is in a user group.
//!
//! Source: <https://docs.slack.dev/reference/methods/usergroups.users.list>.

use std::collections::HashSet;

use serde_json::Value;

use super::interaction::id;

/// The method that says it; it takes the right `usergroups:read`.
pub const METHOD: &str = "usergroups.users.list";

/// The ids of the people; absent if the answer does not say them all in a form that is known.
pub fn read(answer: &Value) -> Option<HashSet<String>> {
    let people = answer["users"].as_array()?.iter().map(id);
    let is_person = |id: &String| id.starts_with(['U', 'W']);
    people.map(|id| Some(id).filter(is_person)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_are_read_or_nobody_is_known() {
        let some = json!({ "ok": true, "users": ["U1", "W2", "U1"] });
        let read_of_it = read(&some).unwrap();
        assert_eq!(read_of_it.len(), 2);
        assert!(read_of_it.contains("U1") && read_of_it.contains("W2"));
        assert_eq!(
            read(&json!({ "ok": true, "users": [] })),
            Some(HashSet::new())
        );
        for odd in [
            json!({ "ok": true }),
            json!({ "users": "U1" }),
            json!({ "users": ["U1", 5] }),
            json!({ "users": ["U1", ""] }),
            json!({ "users": ["everybody"] }),
            json!({ "users": { "U1": true } }),
        ] {
            assert_eq!(read(&odd), None, "{odd}");
        }
    }
}
