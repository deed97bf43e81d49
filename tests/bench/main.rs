//! Benchmarks of pure rooms: `cargo bench`. Each file says what question it answers and on what input.
//! Whole-process comparisons with other programs are in `compare/`.

mod config_read;
mod continuity;
mod drill;
mod jose;
mod ldap;
mod offline;
mod path;
mod saml;
mod session;

fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    divan::main();
}
