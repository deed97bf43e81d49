//! JSON Schemas of what the admin listener answers.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::past::History;
use super::report::{Sessions, Status};

fn of<T: schemars::JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".into(), title.into());
    schema.to_value()
}

/// Of `/api/status`.
pub fn status() -> Value {
    of::<Status>("State of a node of maverics")
}

/// Of `/api/history`.
pub fn history() -> Value {
    of::<History>("What moved logins of a node of maverics")
}

/// Of `/api/sessions`.
pub fn sessions() -> Value {
    of::<Sessions>("Sessions of a node of maverics")
}
