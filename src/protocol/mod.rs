//! The standards as pure engines: bytes in, values out. No socket, no file, no clock; `now` is an argument.
//!
//! Signatures are aws-lc's, `jsonwebtoken`'s and `bergshamra`'s; what is ours is which of their answers we accept. Types
//! named `Verified...` are made here and nowhere else.

pub mod jose;
pub mod ldap;
pub mod oauth;
pub mod oidc;
pub mod saml;
pub mod sets;
pub mod strict_json;
