//! What is true whatever the bytes are: one body for each target, called by the fuzzer of that name and, for
//! every file of its corpus, by `tests/corpus.rs`.

mod cookies;
mod redirects;
mod yaml;

/// A body: fails by panicking.
pub type Body = fn(&[u8]);

/// Every target by name; each has a folder in `corpus` and a file in `targets`.
pub const BODIES: &[(&str, Body)] =
    &[("cookies", cookies::body), ("redirects", redirects::body), ("yaml", yaml::body)];

/// Runs the body of that name.
#[allow(dead_code, reason = "the replay walks the table instead")]
pub fn run(target: &str, data: &[u8]) {
    let (_, body) = BODIES.iter().find(|(name, _)| *name == target).expect("a body of that name");
    body(data);
}
