//! How much of what a provider says about a person is kept (row AM09).

/// Most members of one value.
pub const MEMBERS_MAX: usize = 1_000;
/// Most bytes of one value.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
