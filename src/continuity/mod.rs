//! Who serves this login, and why. Pure: observations and time in, choices with reasons out.
//!
//! One state machine ([`state`]), one choice ([`mod@choose`]), one login ([`transaction`]), four readers:
//! `serve` decides with them, `drill` rehearses with them in virtual time, `probe` explains with them, and
//! `lint` computes detection times from the same constants ([`detection`]). When anybody is asked, and for
//! whom the answer counts, is [`pace`].
//!
//! The rule behind all of it: only a request of ours that carries nothing from the person can demote a
//! provider or move a login. What is seen in a callback merely asks for such a request; otherwise anybody
//! could choose the weaker provider by breaking his own login at the stronger.

pub mod choose;
pub mod detection;
pub mod outlook;
pub mod pace;
pub mod state;
pub mod transaction;

pub use choose::{Plan, Why, choose};
pub use state::{Change, Member, Observation, Settings, Standing};
pub use transaction::{Login, Step};
