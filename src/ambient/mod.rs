//! Time and chance. Nothing else in the house asks the system for either: what needs the time takes
//! `now` as an argument or holds a [`Clock`]; what needs chance takes an [`Entropy`].

pub mod clock;
pub mod entropy;

pub use clock::{Clock, Millis, UnixSecs};
pub use entropy::Entropy;
