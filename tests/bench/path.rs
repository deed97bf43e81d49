//! What does judging a path cost on every request? Input: a plain path, and one with escapes and dots.

use maverics::serve::edge::path::canonical;

#[divan::bench(args = ["/app/static/main.1f3a.css", "/app/%7Euser/./a/../b%20c"])]
fn canonical_path(path: &str) -> usize {
    canonical(path).map_or(0, |p| p.len())
}
