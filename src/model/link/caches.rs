//! Caches: names, and keys that were meant to rotate.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Linking;
use crate::config::caches::LOCAL_DEFAULT;
use crate::config::yaml::child;
use crate::model::codes;

pub(super) fn check(linking: &mut Linking<'_>) {
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    for (i, cache) in linking.list("caches").iter().enumerate() {
        let at = format!("/caches/{i}");
        for block in ["encryption", "hashing"] {
            keys(linking, cache, &at, block);
        }
        let Some(name) = cache.get("name").and_then(Value::as_str) else { continue };
        let at_name = child(&at, "name");
        if name == LOCAL_DEFAULT {
            let words =
                format!("the cache `{LOCAL_DEFAULT}` always exists, in memory, and cannot be declared");
            linking.at_value(&codes::DUPLICATE_NAME, &at_name, words).help =
                Some("Choose another name.".into());
        } else if let Some(first) = seen.get(name) {
            let also = linking.document.value(first);
            let finding = linking.at_value(
                &codes::DUPLICATE_NAME,
                &at_name,
                format!("a second cache is called `{name}`"),
            );
            finding.related.push((also, "the first".into()));
        }
        seen.entry(name).or_insert(at_name);
    }
}

/// A key that replaced itself replaced nothing.
fn keys(linking: &mut Linking<'_>, cache: &Value, at: &str, block: &str) {
    let Some(keys) = cache.get(block).and_then(|b| b.get("keys")) else { return };
    let Some(current) = keys.get("current").and_then(Value::as_str) else { return };
    let old = keys.get("old").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (i, _) in old.iter().enumerate().filter(|(_, key)| key.as_str() == Some(current)) {
        let also = linking.document.value(&format!("{at}/{block}/keys/current"));
        let finding = linking.at_value(
            &codes::CONTRADICTION,
            &format!("{at}/{block}/keys/old/{i}"),
            "an old key is the current key",
        );
        finding.related.push((also, "the current key".into()));
        finding.help = Some("List the keys that `current` replaced.".into());
    }
}
