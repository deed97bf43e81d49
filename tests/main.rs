//! The one integration binary: a module per subject.

mod admin;
mod broken;
mod cli;
mod corpus;
mod demo;
mod drill;
mod floors;
mod flows;
mod generated;
mod golden;
mod language;
mod lb;
mod saml;
mod seeds;
mod support;
