//! Shapes of the schema: how the pieces that schemars derives become one document, and how a walker finds
//! which parts of it apply to a value.
//!
//! House rules for the schema: no `unevaluatedProperties` and no `oneOf` over objects, because their
//! errors name no key; a choice by `type` is `allOf` of `if`/`then`. Keywords of ours:
//!
//! | keyword | meaning |
//! | --- | --- |
//! | `x-maverics` | `status`: `documented`, `ours`, `alias` (of `of`), `later` (with `instead`; ignored while `feature` is off) |
//! | `x-maverics-later` | values of a choice that are documented and not run here |
//! | `x-maverics-name` | the value (or each entry of the list) names a `tls` profile, a `cache` or a `connector` |
//! | `x-maverics-secret` | a secret belongs here: a reference, or (linted) its text |
//! | `x-maverics-template` | attribute templates are allowed here |

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// A generator with the house's settings: draft 2020-12, everything that has a name under `$defs`.
pub fn generator() -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12();
    settings.meta_schema = None;
    settings.into_generator()
}

/// The schema of one type inside `generator`, as a value (usually a `$ref`).
pub fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// A choice by the entry's `type`: each branch is a condition on properties (all must be equal; a value that
/// begins with `!` must not be) and a schema that then applies. Types of one shape share a branch, since a
/// validator compiles each branch anew.
pub fn by_type(types: &[&str], branches: Vec<(Vec<(&str, &str)>, Value)>) -> Value {
    let mut shapes: Vec<(Vec<&str>, Value)> = Vec::new();
    let mut parts: Vec<Value> = Vec::new();
    for (conditions, then) in branches {
        match (conditions.as_slice(), shapes.iter_mut().find(|(_, shape)| *shape == then)) {
            ([("type", name)], Some((names, _))) => names.push(name),
            ([("type", name)], None) => shapes.push((vec![name], then)),
            _ => parts.push(json!({"if": all_of(&conditions), "then": then})),
        }
    }
    for (names, then) in shapes {
        let condition = match names.as_slice() {
            [one] => all_of(&[("type", one)]),
            many => json!({"properties": {"type": {"enum": many}}, "required": ["type"]}),
        };
        parts.push(json!({"if": condition, "then": then}));
    }
    json!({
        "type": "object",
        "required": ["type"],
        // The branch that applies closes the map.
        "additionalProperties": true,
        "properties": {"type": {"type": "string", "enum": types, "description": "What kind of entry this is."}},
        "allOf": parts,
    })
}

fn all_of(conditions: &[(&str, &str)]) -> Value {
    let test = |value: &str| match value.strip_prefix('!') {
        Some(other) => json!({"not": {"const": other}}),
        None => json!({"const": value}),
    };
    let properties: Map<String, Value> =
        conditions.iter().map(|(key, value)| ((*key).to_owned(), test(value))).collect();
    let required: Vec<&str> =
        conditions.iter().filter(|(_, value)| !value.starts_with('!')).map(|(key, _)| *key).collect();
    json!({"properties": properties, "required": required})
}

/// A condition for `allOf`: at least one of these keys. Where none is, the first is reported as missing.
pub fn one_of(keys: &[&str]) -> Value {
    let each: Vec<Value> = keys.iter().map(|key| json!({"required": [key]})).collect();
    json!({"if": {"not": {"anyOf": each}}, "then": {"required": [keys[0]]}})
}

/// A condition for `allOf`: where `key` is `value`, these keys are needed.
pub fn when(key: &str, value: &str, needed: &[&str]) -> Value {
    json!({"if": {"properties": {key: {"const": value}}, "required": [key]}, "then": {"required": needed}})
}

/// A condition for `allOf`: these keys are needed, unless the switch `key` is true.
pub fn unless(key: &str, needed: &[&str]) -> Value {
    json!({
        "if": {"not": {"properties": {key: {"const": true}}, "required": [key]}},
        "then": {"required": needed},
    })
}

/// Last touches over a whole document: closes every map, drops the `null` that `Option` adds, and gives
/// each property a status.
pub fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(map) => {
            drop_null(map);
            plain_enum(map);
            if map.contains_key("properties") {
                map.entry("additionalProperties").or_insert(json!(false));
            }
            if let Some(Value::Object(properties)) = map.get_mut("properties") {
                for property in properties.values_mut() {
                    if let Value::Object(property) = property {
                        property.entry("x-maverics").or_insert(json!({"status": "documented"}));
                    }
                }
            }
            // A condition asks about keys and describes none.
            map.iter_mut().filter(|(key, _)| *key != "if").for_each(|(_, value)| tidy(value));
        }
        _ => {}
    }
}

/// Choices with documentation come as `oneOf` of constants; as an `enum` they have one clear error.
fn plain_enum(map: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = map.get("oneOf") else { return };
    let values: Option<Vec<Value>> = choices
        .iter()
        .map(|choice| match (choice.get("const"), choice.get("enum")) {
            (Some(one), _) => Some(vec![one.clone()]),
            (None, Some(Value::Array(many))) => Some(many.clone()),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()
        .map(|lists| lists.concat());
    if let Some(values) = values {
        map.remove("oneOf");
        map.insert("type".into(), json!("string"));
        map.insert("enum".into(), values.into());
    }
}

/// `Option<T>` comes as `type: [t, null]` or `anyOf: [t, null]`; here `null` equals absent and is removed
/// from the tree before the check.
fn drop_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|t| t != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            map.insert("type".into(), one);
        }
    }
    if let Some(Value::Array(choices)) = map.get_mut("enum") {
        choices.retain(|c| !c.is_null());
    }
    if map.get("default").is_some_and(Value::is_null) {
        map.remove("default");
    }
    if let Some(Value::Array(choices)) = map.get_mut("anyOf") {
        choices.retain(|c| c != &json!({"type": "null"}));
        if let [one] = choices.as_slice() {
            let one = one.clone();
            map.remove("anyOf");
            if let Value::Object(one) = one {
                for (key, value) in one {
                    map.entry(key).or_insert(value);
                }
            }
        }
    }
}

/// A schema document with its definitions, ready to be walked beside a tree.
#[derive(Debug, Clone, Copy)]
pub struct Walk<'s> {
    root: &'s Value,
}

impl<'s> Walk<'s> {
    /// Over a whole document.
    pub fn new(root: &'s Value) -> Self {
        Walk { root }
    }

    /// Every part that applies to `value`: the schema itself, what it refers to, and the branches whose
    /// condition holds.
    pub fn applicable(&self, schema: &'s Value, value: &Value) -> Vec<&'s Value> {
        self.applicable_to(schema, value.as_object())
    }

    /// The same for a map, or (`None`) for something that is not one.
    pub fn applicable_to(&self, schema: &'s Value, value: Option<&Map<String, Value>>) -> Vec<&'s Value> {
        let mut found = Vec::new();
        self.gather(schema, value, &mut found, 0);
        found
    }

    fn gather(
        &self,
        schema: &'s Value,
        value: Option<&Map<String, Value>>,
        found: &mut Vec<&'s Value>,
        depth: usize,
    ) {
        if depth > 16 {
            return;
        }
        found.push(schema);
        if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|r| self.resolve(r)) {
            self.gather(target, value, found, depth + 1);
        }
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            match (part.get("if"), part.get("then")) {
                (Some(condition), Some(then)) => {
                    if holds(condition, value) {
                        self.gather(then, value, found, depth + 1);
                    }
                }
                _ => self.gather(part, value, found, depth + 1),
            }
        }
    }

    fn resolve(&self, reference: &str) -> Option<&'s Value> {
        self.root.pointer(reference.strip_prefix('#')?)
    }

    /// The schema of one property, and whether the key is known at all.
    pub fn property(&self, parts: &[&'s Value], key: &str) -> Option<&'s Value> {
        let named = parts.iter().find_map(|part| part.get("properties")?.get(key));
        named.or_else(|| {
            parts.iter().find_map(|part| part.get("additionalProperties").filter(|schema| schema.is_object()))
        })
    }

    /// All keys that `parts` know.
    pub fn known_keys(&self, parts: &[&'s Value]) -> Vec<&'s str> {
        let maps = parts.iter().filter_map(|part| part.get("properties")?.as_object());
        let mut keys: Vec<&str> = maps.flat_map(|map| map.keys().map(String::as_str)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The schema of list items.
    pub fn items(&self, parts: &[&'s Value]) -> Option<&'s Value> {
        parts.iter().find_map(|part| part.get("items"))
    }
}

/// Whether an `if` of the form [`by_type`] writes holds for a value; so does the question whether it is a map
/// at all. Other conditions only ever add required keys, which a walker need not know.
fn holds(condition: &Value, value: Option<&Map<String, Value>>) -> bool {
    let Some(map) = value else { return false };
    match condition.get("properties").and_then(Value::as_object) {
        Some(properties) => properties.iter().all(|(key, want)| {
            let have = map.get(key);
            match (want.get("not"), want.get("enum").and_then(Value::as_array)) {
                (Some(not), _) => have != not.get("const"),
                (None, Some(choices)) => have.is_some_and(|have| choices.contains(have)),
                (None, None) => have.is_some_and(|have| Some(have) == want.get("const")),
            }
        }),
        None => condition.get("type").is_some_and(|t| t == "object"),
    }
}

/// The keys that would do as well where `name` is missing: the others of a [`one_of`], the switch of an
/// [`unless`].
pub fn alternatives<'s>(parts: &[&'s Value], name: &str) -> Vec<&'s str> {
    let conditions = parts.iter().filter_map(|part| part.get("allOf")?.as_array()).flatten();
    let asks = |part: &&Value| {
        part.pointer("/then/required")
            .and_then(Value::as_array)
            .is_some_and(|keys| keys.iter().any(|k| k == name))
    };
    let mut found = Vec::new();
    for negated in conditions.filter(asks).filter_map(|part| part.pointer("/if/not")) {
        let each = negated.get("anyOf").and_then(Value::as_array).into_iter().flatten().chain([negated]);
        found.extend(each.filter_map(|part| part.pointer("/required/0")?.as_str()));
    }
    found
}

/// The first answer that a keyword has among the applicable parts.
pub fn keyword<'s>(parts: &[&'s Value], name: &str) -> Option<&'s Value> {
    parts.iter().find_map(|part| part.get(name))
}
