#![doc = include_str!("ARCHITECTURE.md")]
#![warn(missing_docs)]

// Rooms in floor order: an import goes to the same room or to a lower floor.

// 1: ground
pub mod ambient;
pub mod diag;
pub mod value;
// 2: reading
pub mod config;
pub mod protocol;
// 3: the way out
pub mod files;
pub mod net;
// 4: wellness and keys
pub mod health;
pub mod secrets;
// 5: one identity provider
pub mod connector;
// 6: the linked whole
pub mod model;
// 7: the decision
pub mod continuity;
// 8: rooms side by side, strangers to one another
pub mod drill;
pub mod lb;
pub mod lint;
pub mod probe;
pub mod serve;
