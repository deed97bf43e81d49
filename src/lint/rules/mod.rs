//! The table of rules: one line each, in the order of the tiers.

use super::rule::Rule;

/// The list of files becomes the module declarations and the slice.
macro_rules! rules {
    ($($file:ident),* $(,)?) => {
        $(mod $file;)*
        /// Every rule.
        pub static RULES: &[&Rule] = &[$(&$file::RULE),*];
    };
}

rules![
    single_member_continuity,
    member_unmonitored,
    attribute_unmapped,
    backup_shares_vendor,
    edge_with_one_root,
    root_with_two_vendors,
    slow_tactical_detection,
    affinity_cookie_is_session_cookie,
    secret_written_inline,
];
