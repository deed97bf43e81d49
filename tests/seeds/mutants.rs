//! One key of a tree deleted, misspelt, retyped or written twice, and the tree written as JSON.

use serde_json::{Map, Value, json};

/// What is done to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// It is gone.
    Delete,
    /// Two of its letters change places.
    Swap,
    /// One of its letters is gone.
    Drop,
    /// Its value becomes a map.
    ToMap,
    /// Its value becomes a list.
    ToList,
    /// Its value becomes a text.
    ToText,
    /// Its value becomes a number.
    ToNumber,
    /// It stands there twice.
    Duplicate,
}

/// A tree with one change.
pub struct Mutant {
    pub op: Op,
    /// Where the changed key is, spelt as it then is.
    pub pointer: String,
    /// Where it was.
    pub original: String,
    pub text: String,
}

impl Mutant {
    /// The map around the key.
    pub fn parent(&self) -> &str {
        self.pointer.rsplit_once('/').map_or("", |(parent, _)| parent)
    }

    pub fn what(&self) -> String {
        format!("{:?} of {}", self.op, self.original)
    }
}

/// A change at one place.
pub struct Change {
    pointer: String,
    op: Op,
}

/// Every mutant of every key.
pub fn all(tree: &Value) -> Vec<Mutant> {
    let mut keys = Vec::new();
    collect(tree, "", &mut keys);
    keys.into_iter()
        .flat_map(|(pointer, value)| {
            let retyped: &[Op] = match value {
                Value::Object(_) => &[Op::ToText, Op::ToList],
                Value::Array(_) => &[Op::ToMap, Op::ToNumber],
                _ => &[Op::ToMap, Op::ToList],
            };
            let ops = [&[Op::Delete, Op::Swap, Op::Drop, Op::Duplicate], retyped].concat();
            ops.into_iter().map(move |op| mutant(tree, pointer.clone(), op)).collect::<Vec<_>>()
        })
        .collect()
}

fn mutant(tree: &Value, original: String, op: Op) -> Mutant {
    let (parent, key) = original.rsplit_once('/').expect("a key is below something");
    let pointer = format!("{parent}/{}", spelling(key, op));
    let text = json(tree, Some(&Change { pointer: original.clone(), op }));
    Mutant { op, pointer, original, text }
}

fn collect<'a>(value: &'a Value, pointer: &str, keys: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let at = format!("{pointer}/{key}");
                keys.push((at.clone(), value));
                collect(value, &at, keys);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                collect(item, &format!("{pointer}/{i}"), keys);
            }
        }
        _ => {}
    }
}

/// The key as the change spells it.
fn spelling(key: &str, op: Op) -> String {
    let mut letters: Vec<char> = key.chars().collect();
    match op {
        Op::Swap => {
            // Inner letters where there are two that differ; the last two of a short word.
            let inner = (1..letters.len().saturating_sub(2)).find(|i| letters[*i] != letters[i + 1]);
            let at = inner.unwrap_or(letters.len() - 2);
            letters.swap(at, at + 1);
        }
        Op::Drop => {
            letters.remove(letters.len() / 2);
        }
        _ => {}
    }
    letters.into_iter().collect()
}

/// A tree as JSON, with one change. Keys keep their order; a map may then have a key twice, which no JSON
/// value can.
pub fn json(tree: &Value, change: Option<&Change>) -> String {
    let mut out = String::new();
    write(tree, "", change, &mut out);
    out
}

fn write(value: &Value, pointer: &str, change: Option<&Change>, out: &mut String) {
    match value {
        Value::Object(map) => map_of(map, pointer, change, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write(item, &format!("{pointer}/{i}"), change, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn map_of(map: &Map<String, Value>, pointer: &str, change: Option<&Change>, out: &mut String) {
    out.push('{');
    let mut first = true;
    for (key, value) in map {
        let at = format!("{pointer}/{key}");
        let here = change.filter(|change| change.pointer == at).map(|change| change.op);
        let times = match here {
            Some(Op::Delete) => 0,
            Some(Op::Duplicate) => 2,
            _ => 1,
        };
        for _ in 0..times {
            if !first {
                out.push_str(", ");
            }
            first = false;
            let name = here.map_or(key.clone(), |op| spelling(key, op));
            out.push_str(&format!("{}: ", Value::String(name)));
            match here {
                Some(Op::ToMap) => out.push_str(&json!({"x": 1}).to_string()),
                Some(Op::ToList) => out.push_str(&json!([value]).to_string()),
                Some(Op::ToText) => out.push_str("\"text\""),
                Some(Op::ToNumber) => out.push('7'),
                _ => write(value, &at, change, out),
            }
        }
    }
    out.push('}');
}
