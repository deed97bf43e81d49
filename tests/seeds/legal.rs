//! Changes that leave a configuration legal, each with the reason.

use super::mutants::{Mutant, Op};

/// A legal change.
pub struct Legal {
    pub op: Op,
    /// Where; `*` stands for one segment.
    pub pointer: &'static str,
    pub why: &'static str,
}

impl Legal {
    pub fn covers(&self, _block: &str, mutant: &Mutant) -> bool {
        let (want, have) = (self.pointer.split('/'), mutant.original.split('/'));
        self.op == mutant.op && want.clone().count() == have.clone().count()
            && want.zip(have).all(|(want, have)| want == "*" || want == have)
    }
}

pub const LEGAL: &[Legal] = &[];
