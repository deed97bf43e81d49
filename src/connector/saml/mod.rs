//! `type: saml`: known and validated; not run yet.

pub mod config;

use super::{Entry, Kind, Section};
use crate::config::schema;

/// The line for the table.
pub static KIND: Kind = Kind { type_names: &["saml"], schema: branches, read };

fn branches(generator: &mut schemars::SchemaGenerator) -> Vec<super::Branch> {
    let shape = schema::of::<config::Config>(generator);
    vec![(vec![("type", "saml")], shape.clone()), (vec![("type", "azure"), ("authType", "saml")], shape)]
}

fn read(section: &mut Section<'_>) -> Option<Entry> {
    let name = section.value.get("name")?.as_str()?;
    Some(Entry::NotRun(name.to_owned()))
}
