//! What providers publish, fetched and kept: how long it may be used, over an outage and over a restart. What the
//! documents say is each kind's own.

pub mod copy;
pub mod keeper;
pub mod kept;
pub mod shelf;
