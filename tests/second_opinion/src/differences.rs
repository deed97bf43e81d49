//! Where samael and we differ, and why we are content with that. The list is exact: a difference that is not on it
//! is a fault, and so is an entry that no document needs.

/// One kind of difference.
pub struct Difference {
    pub reason: &'static str,
    /// What samael says of the document, or how it begins; see [`crate::opinion`].
    pub says: &'static str,
    /// Names of documents; with a `*` at the end, how they begin.
    pub documents: &'static [&'static str],
}

const fn difference(
    reason: &'static str,
    says: &'static str,
    documents: &'static [&'static str],
) -> Difference {
    Difference { reason, says, documents }
}

pub const DIFFERENCES: &[Difference] = &[difference("x", "y", &["z"])];
