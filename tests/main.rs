//! The one integration binary: a module per subject.

mod broken;
mod cli;
mod flows;
mod floors;
mod generated;
mod golden;
mod language;
mod lb;
mod seeds;
mod support;
