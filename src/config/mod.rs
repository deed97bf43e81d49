//! Bytes to typed sections. Pure: no file is opened here, no environment read, no secret fetched.
//!
//! The pipeline, in order, each step reporting all it finds:
//!
//! 1. [`yaml`]: text to a tree in which every node remembers its bytes;
//! 2. [`fill`]: scalars take the type the schema wants, `{{ env.NAME }}` and references are filled in;
//! 3. [`check`]: the tree against the schema;
//! 4. typed sections ([`file::File`]), read by serde from the same tree.
//!
//! What the sections *mean together* (names that exist, settings that contradict) is the model's business.

pub mod access;
pub mod app_mcp;
pub mod app_saml;
pub mod apps;
pub mod caches;
pub mod check;
pub mod clusters;
pub mod codes;
pub mod connectors;
pub mod features;
pub mod file;
pub mod fill;
pub mod health;
pub mod hook;
pub mod http;
pub mod legacy;
pub mod logger;
pub mod logout;
pub mod provider_ldap;
pub mod provider_mcp;
pub mod provider_saml;
pub mod providers;
pub mod schema;
pub mod section;
pub mod session;
pub mod statuses;
pub mod telemetry;
pub mod text;
pub mod tls;
pub mod upstream_login;
pub mod yaml;

pub use yaml::Document;
