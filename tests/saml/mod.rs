//! The SAML engine from outside: what we make is accepted here and by others, what others make is accepted
//! here, and what attackers make of it is refused, each for its own reason.

mod attacks;
mod logout;
mod metadata;
mod oracle;
mod property;
mod redirect;
mod requests;
mod round;
mod scene;
mod variants;
