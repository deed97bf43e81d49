//! Schemas, completions and manual pages are what the types say.

use crate::cli::Transcript;

#[test]
fn generated_files_are_current() {
    let done = Transcript::of(&["generate", "--check"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
}
