//! `type: oauth` and `windowsclientauthenticator`: known, not run.

pub mod config;

use super::{Entry, Kind, Section};
use crate::config::schema;

/// The line for the table.
pub static KIND: Kind =
    Kind { type_names: &["oauth", "windowsclientauthenticator"], schema: branches, read };

fn branches(generator: &mut schemars::SchemaGenerator) -> Vec<super::Branch> {
    vec![
        (vec![("type", "oauth")], schema::of::<config::Oauth>(generator)),
        (vec![("type", "windowsclientauthenticator")], schema::of::<config::Windows>(generator)),
    ]
}

fn read(section: &mut Section<'_>) -> Option<Entry> {
    let name = section.value.get("name")?.as_str()?;
    Some(Entry::NotRun(name.to_owned()))
}
