//! The schema of the file for editors.

use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde_json::Value;

use super::raw;

/// JSON Schema, draft 7, of `targets.yaml`; made from the types that the file is read into.
///
/// Source: <https://json-schema.org/draft-07>, the newest draft that the YAML language server understands whole.
pub fn schema() -> Value {
    schema_of::<raw::File>("hekate: targets.yaml")
}

/// The same of a file of tests.
pub fn schema_of_tests() -> Value {
    schema_of::<raw::script::TestFile>("hekate: a file of tests")
}

fn schema_of<T: JsonSchema>(title: &str) -> Value {
    let mut settings = SchemaSettings::draft07();
    settings.meta_schema = Some("http://json-schema.org/draft-07/schema#".into());
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(without_null).transform(&mut schema);
    schema.insert(String::from("title"), Value::from(title));
    schema.to_value()
}

/// A key may be left out, but nowhere may it be there and empty.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert(String::from("type"), only);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice["type"] != "null");
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            object.extend(only);
        }
    }
}
