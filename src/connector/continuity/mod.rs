//! `type: continuity`: in the file one more connector, in the house none. It has members and no health of
//! its own, so this kind only reads; the model links it and `continuity/` decides with it.

pub mod config;

use super::{Entry, Kind, Section};
use crate::config::{schema, section};

/// The line for the table.
pub static KIND: Kind = Kind { type_names: &["continuity"], schema: branches, read };

fn branches(generator: &mut schemars::SchemaGenerator) -> Vec<super::Branch> {
    vec![(vec![("type", "continuity")], schema::of::<config::Config>(generator))]
}

fn read(section: &mut Section<'_>) -> Option<Entry> {
    section::read(section.document, section.pointer, section.value, section.findings).map(Entry::Continuity)
}
