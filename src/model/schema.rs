//! The schema of the whole file: sections from their types, connectors and apps by their `type`.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::config::check::Checker;
use crate::config::file::File;
use crate::config::{apps, schema};
use crate::connector::KINDS;

/// Values of `type` of an app.
pub const APP_TYPES: &[&str] = &["oidc", "saml", "proxy", "mcpProxy", "mcpBridge"];

/// The schema, as `maverics schema` prints it and `schemas/maverics.schema.json` keeps it.
pub fn document() -> Value {
    let mut generator = schema::generator();
    let root = schema::of::<File>(&mut generator);
    let mut types = Vec::new();
    let mut branches = Vec::new();
    for kind in KINDS {
        types.extend_from_slice(kind.type_names);
        branches.extend((kind.schema)(&mut generator));
    }
    let connectors = schema::by_type(&types, branches);
    let apps = schema::by_type(APP_TYPES, apps::branches(&mut generator));
    let mut definitions = Value::Object(generator.take_definitions(true).into_iter().collect());
    let mut file = definitions.as_object_mut().and_then(|d| d.remove("File")).unwrap_or(root);
    file["properties"]["connectors"]["items"] = connectors;
    file["properties"]["apps"]["items"] = apps;
    file["$defs"] = definitions;
    file["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    file["title"] = json!("maverics.yaml");
    schema::tidy(&mut file);
    file
}

static CHECKER: LazyLock<Checker> = LazyLock::new(|| Checker::new(document()));

/// The compiled schema; made once.
pub fn checker() -> &'static Checker {
    &CHECKER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_compiles_and_has_no_opaque_choices() {
        let text = document().to_string();
        assert!(
            !text.contains("unevaluatedProperties") && !text.contains("oneOf"),
            "errors would name no key"
        );
        let _ = checker();
    }

    #[test]
    fn every_property_has_a_status_and_a_description() {
        fn walk(value: &Value, path: &str, faults: &mut Vec<String>) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::Object(properties)) = map.get("properties") {
                        for (name, property) in properties {
                            if property.get("x-maverics").and_then(|x| x.get("status")).is_none() {
                                faults.push(format!("{path}.{name} has no status"));
                            }
                            if property.get("description").is_none() {
                                faults.push(format!("{path}.{name} has no description"));
                            }
                        }
                    }
                    for (key, value) in map.iter().filter(|(key, _)| *key != "if") {
                        walk(value, &format!("{path}.{key}"), faults);
                    }
                }
                Value::Array(list) => list.iter().for_each(|v| walk(v, path, faults)),
                _ => {}
            }
        }
        let mut faults = Vec::new();
        walk(&document(), "", &mut faults);
        assert_eq!(faults, [""; 0]);
    }
}
