//! Configuration of a load balancer that fits a deployment. Pure: neutral facts in ([`Pool`]), text out.
//!
//! A target is one file here and one line in its table. Quoting rules and vendor quirks stay inside the
//! target. Where the commonly documented snippet would lose sessions, a target writes the right one and says
//! why in a comment; what a vendor cannot do it answers with [`CannotExpress`].

pub mod pool;

pub use pool::{Options, Pool};

use crate::diag::did_you_mean;

/// The list of files becomes the module declarations and the slice.
macro_rules! targets {
    ($($file:ident),* $(,)?) => {
        $(mod $file;)*
        /// Every target.
        pub static TARGETS: &[&Target] = &[$(&$file::TARGET),*];
    };
}

targets![haproxy];

/// One load balancer.
#[derive(Debug)]
pub struct Target {
    /// Name on the command line.
    pub name: &'static str,
    /// One line for the list.
    pub summary: &'static str,
    /// Under which name its parser expects the file.
    pub file_name: &'static str,
    /// The vendor's own check: a program and its arguments, the path of the file last.
    pub validator: Option<&'static [&'static str]>,
    /// Writes the file.
    pub write: fn(&Pool) -> Result<String, CannotExpress>,
}

/// Why a target cannot do what is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{target} cannot express this, because {because}")]
pub struct CannotExpress {
    /// The target.
    pub target: &'static str,
    /// The reason.
    pub because: String,
}

/// A target by name. The error is what to tell somebody who misspelt it.
pub fn find(name: &str) -> Result<&'static Target, String> {
    TARGETS.iter().find(|target| target.name == name).copied().ok_or_else(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        match did_you_mean(name, names.iter().copied()) {
            Some(guess) => format!("there is no target `{name}`; did you mean `{guess}`?"),
            None => format!("there is no target `{name}`; there is: {}", names.join(", ")),
        }
    })
}

/// Writes the configuration of one target.
pub fn write(target: &Target, pool: &Pool) -> Result<String, CannotExpress> {
    (target.write)(pool)
}
