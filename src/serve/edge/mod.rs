//! The outside wall: sockets, TLS, limits, who answers which path.
//!
//! ```text
//! accept ─► TLS ─► limits ─► HTTP ─► canonical path ─► router ─┬─ status
//!                                                               ├─ endpoints of ours (time limit)
//!                                                               └─ proxied app (no time limit, no progress limit)
//! ```

pub mod answer;
pub mod body;
pub mod context;
pub mod forwarded;
mod head;
pub mod limits;
pub mod listener;
pub mod pages;
pub mod router;
pub mod tls;

pub use crate::value::path;
pub use answer::Response;
pub use body::Body;
pub use context::Context;
