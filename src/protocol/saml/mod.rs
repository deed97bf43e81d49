//! SAML 2.0, strict by construction: one parser, one tree, and nothing is read but below an element that a
//! signature covers.
//!
//! XML, canonicalisation and signatures are `uppsala`'s and `bergshamra`'s; what is ours is which of their
//! answers we accept. [`xml`] reads, [`signature`] says which element is signed, [`response`] and [`logout`]
//! judge what a provider sends us, [`accept`] what a service does; [`request`], [`redirect`] and [`issue`] make what
//! we send.

pub mod accept;
pub mod algorithms;
pub mod assertion;
pub mod describe;
pub mod encryption;
pub mod issue;
pub mod keys;
pub mod logout;
pub mod message;
pub mod metadata;
pub mod names;
pub mod redirect;
pub mod request;
pub mod response;
mod scan;
pub mod signature;
pub mod time;
mod write;
pub mod xml;

pub use assertion::VerifiedAssertion;
pub use describe::SpMetadata;
pub use keys::{OwnKey, PeerKey};
pub use message::{Common, NameId, Status, new_id};
pub use metadata::IdpMetadata;
pub use request::AuthnRequest;
