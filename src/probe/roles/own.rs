//! What a health answer says of the role of whoever gave it.

use serde_json::Value;

/// Longer words are no role.
const WORD_MAX: usize = 100;

/// The word at this JSON pointer of a body; empty if there is none.
pub(in crate::probe) fn word(pointer: &str, body: &[u8]) -> String {
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        return String::new();
    };
    match json.pointer(pointer) {
        Some(Value::Bool(is_active)) => is_active.to_string(),
        Some(Value::String(word)) if word.len() <= WORD_MAX => word.trim().to_owned(),
        Some(
            Value::String(_) | Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_),
        )
        | None => String::new(),
    }
}
