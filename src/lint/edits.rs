//! Edits of a file's own text, by span: what stands around them, comments and spelling, stays as it was.
//! What an alias or a variable put in place has no text of its own here, and is left to people.

use serde_json::Value;

use super::Site;
use crate::config::yaml::{self, child};
use crate::diag::{Edit, Place};

/// Sets a key of a map: replaces its value, or adds the key. `None` when there is no text to edit: the map or
/// the value came through an alias, a variable stands there, or there is no such map.
pub fn set(site: Site<'_>, map: &str, key: &str, value: &str) -> Option<Edit> {
    let document = site.document();
    let pointer = child(map, key);
    if document.alias(map).is_some() || document.alias(&pointer).is_some() {
        return None;
    }
    let entries = document.root.pointer(map)?.as_object()?;
    if entries.contains_key(key) {
        return replace(site, &pointer, value);
    }
    let text = &site.source.text;
    let here = document.value(map);
    let added = |at: usize, text: String| Some(Edit { place: Place { file: here.file, span: at..at }, text });
    if text[here.span.clone()].starts_with('{') {
        let rest = if entries.is_empty() { "" } else { ", " };
        let key = spelt(site, key);
        return added(here.span.start + 1, format!("{key}: {}{rest}", spelt(site, value)));
    }
    // Below the first entry that fits a line, in the column of its key.
    let mut places: Vec<_> = entries
        .keys()
        .map(|key| child(map, key))
        .filter(|pointer| document.alias(pointer).is_none())
        .map(|pointer| document.key(&pointer).span.start..document.value(&pointer).span.end)
        .collect();
    places.sort_by_key(|span| span.start);
    let line = places.into_iter().find(|span| text.get(span.clone()).is_some_and(|t| !t.contains('\n')))?;
    let start = text[..line.start].rfind('\n').map_or(0, |newline| newline + 1);
    let indent = text[start..line.start].chars().count();
    let end = text[line.end..].find('\n').map_or(text.len(), |newline| line.end + newline);
    let end = end - usize::from(text[..end].ends_with('\r'));
    added(end, format!("\n{:indent$}{key}: {value}", ""))
}

/// Replaces a value that stands in the file as one scalar. `None` as for [`set`].
pub fn replace(site: Site<'_>, pointer: &str, value: &str) -> Option<Edit> {
    let document = site.document();
    if document.alias(pointer).is_some() {
        return None;
    }
    let scalar = !matches!(document.root.pointer(pointer)?, Value::Object(_) | Value::Array(_));
    let place = document.value(pointer);
    let written = site.source.text.get(place.span.clone())?;
    // A variable or a reference: the value stands somewhere else.
    let foreign = written.contains("{{") || written.starts_with(['<', '&', '!', '|', '>']);
    (scalar && !foreign && !written.is_empty()).then(|| Edit { place, text: spelt(site, value) })
}

/// A value as the file would write it: in quotes where the file is JSON.
fn spelt(site: Site<'_>, value: &str) -> String {
    let is_json = site.source.text.trim_start().starts_with('{');
    let tree = yaml::parse(site.document().file, value).0.filter(|_| is_json);
    tree.map_or_else(|| value.to_owned(), |tree| tree.root.to_string())
}
