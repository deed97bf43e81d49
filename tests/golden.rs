//! Expected texts, kept beside the tests under the extension their real reader knows.

use std::path::{Path, PathBuf};

/// Root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares with `tests/golden/<name>`. With `UPDATE_GOLDEN=1` in the environment the file is written instead.
#[track_caller]
pub fn check(name: &str, have: &str) {
    let path: PathBuf = root().join("tests/golden").join(name);
    if update() {
        std::fs::create_dir_all(path.parent().expect("a golden file is in a folder")).expect("a folder");
        std::fs::write(&path, have).expect("a writable golden file");
        return;
    }
    let want = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        want == have,
        "tests/golden/{name} differs (run with UPDATE_GOLDEN=1 to accept):\n--- have\n{have}\n--- want\n{want}"
    );
}

/// Whether what is kept is to be written anew.
#[expect(clippy::disallowed_methods, reason = "a switch for the person who runs the tests")]
pub fn update() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}
