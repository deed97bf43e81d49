//! What the running orchestrator tells.

pub mod events;
pub mod format;
