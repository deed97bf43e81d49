//! The running orchestrator: the whole wiring, top to bottom.

pub mod admin;
pub mod app;
pub mod cache;
pub mod continuity;
pub mod dispatch;
pub mod edge;
pub mod fittings;
pub mod login;
pub mod logout;
pub mod run;
pub mod session;
pub mod state;
pub mod telemetry;

pub use fittings::Fittings;
pub use run::{Options, Running, StartError, start};
pub use state::State;
