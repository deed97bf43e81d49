//! The only reads of files in the library: certificates, keys, people, secrets; and the only writes.

pub mod state;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Largest certificate chain, key or users file.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Reads a whole file of at most `bytes_max`.
pub fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "is a directory"));
    }
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("has more than {bytes_max} bytes")));
    }
    Ok(bytes)
}

/// When and how large: changes when the file does.
pub fn stamp(path: &Path) -> io::Result<(std::time::SystemTime, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.modified()?, metadata.len()))
}
