//! `caches` and `clusters`.
