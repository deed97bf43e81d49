//! Between "sent away" and "came back".
//!
//! ```text
//! begin ──► (plan, pre-flight) ──► sealed into a cookie ──► browser at the provider
//!                                                              │
//!   signed in ◄── attributes ◄── complete ◄── callback ◄───────┘
//!                     │              └── provider unwell? ask it ourselves, then the same or the next one
//!                     └── session under a new id, back to where the person wanted to go
//! ```

pub mod begin;
pub mod callback;
pub mod finish;
pub mod password;
pub mod pending;

pub use begin::{Start, begin};
pub use pending::{Pending, Return};
