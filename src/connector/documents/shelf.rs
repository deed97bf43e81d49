//! What providers published, kept over a restart (protocol row RM04): one file for each connector in the state
//! folder, which this deployment alone can write and nobody can change unnoticed.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::files::{self, state};
use crate::secrets::sealing;
use crate::value::Secret;

/// Largest file: the largest document that is fetched (SAML metadata of a federation, 10 MiB), encoded, and what
/// belongs to it.
pub const COPY_BYTES_MAX: u64 = 14 * 1024 * 1024;
/// First word of a file: its form.
const FORM: &str = "maverics-copy-1";
/// What the key is derived for.
const PURPOSE: &str = "maverics: what providers published, form 1";

/// The state folder, and the keys that vouch for what is in it.
pub struct Shelf {
    folder: PathBuf,
    /// Writes, and verifies first.
    current: hmac::Key,
    /// Verify only.
    old: Vec<hmac::Key>,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum NotUsed {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It is cut short, or something else.
    #[error("it is not a file of ours")]
    Form,
    /// The MAC is wrong: changed, of another connector, or of a deployment with other keys.
    #[error("its signature is wrong: it was changed, or written with other keys")]
    Forged,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shelf({})", self.folder.display())
    }
}

impl Shelf {
    /// The shelf in a folder, which is made when it is not there. `current` and `old` are the keys of
    /// `session.encryption`; the error says what is wrong with which.
    pub fn open(folder: &Path, current: &Secret<String>, old: &[Secret<String>]) -> Result<Self, String> {
        let key = |text| {
            sealing::mac_key(text, PURPOSE)
                .ok_or("session.encryption: a sealing key is 64 hexadecimal digits")
        };
        let (current, old) = (key(current)?, old.iter().map(key).collect::<Result<_, _>>()?);
        state::folder(folder).map_err(|e| format!("the state folder {}: {e}", folder.display()))?;
        Ok(Shelf { folder: folder.to_owned(), current, old })
    }

    /// What was last put there for a connector, if it is as it was put. `None` when there is nothing.
    pub fn get(&self, connector: &str) -> Result<Option<Vec<u8>>, NotUsed> {
        let bytes = match files::read(&self.path(connector), COPY_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let line = bytes.iter().position(|b| *b == b'\n').ok_or(NotUsed::Form)?;
        let (head, content) = (&bytes[..line], &bytes[line + 1..]);
        let tag = std::str::from_utf8(head).ok().and_then(|head| head.strip_prefix(FORM)?.strip_prefix(' '));
        let tag = tag.and_then(|tag| URL_SAFE_NO_PAD.decode(tag).ok()).ok_or(NotUsed::Form)?;
        let signed = signed(connector, content);
        let vouched = |key: &hmac::Key| hmac::verify(key, &signed, &tag).is_ok();
        if !(vouched(&self.current) || self.old.iter().any(vouched)) {
            return Err(NotUsed::Forged);
        }
        Ok(Some(content.to_vec()))
    }

    /// Puts something there for a connector, in place of what was there. Blocks.
    pub fn put(&self, connector: &str, content: &[u8]) -> io::Result<()> {
        let tag = hmac::sign(&self.current, &signed(connector, content));
        let mut bytes = format!("{FORM} {}\n", URL_SAFE_NO_PAD.encode(tag)).into_bytes();
        bytes.extend_from_slice(content);
        if bytes.len() as u64 > COPY_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("more than {COPY_BYTES_MAX} bytes"),
            ));
        }
        state::replace(&self.path(connector), &bytes)
    }

    /// Removes what is there for a connector. Blocks.
    pub fn remove(&self, connector: &str) -> io::Result<()> {
        state::remove(&self.path(connector))
    }

    /// Names of connectors are letters, digits, `_` and `-` (`ConnectorName`), so they stay in the folder.
    fn path(&self, connector: &str) -> PathBuf {
        self.folder.join(format!("provider-{connector}.copy"))
    }
}

/// The content bound to its form and its connector; no name has a line end in it.
fn signed(connector: &str, content: &[u8]) -> Vec<u8> {
    let mut signed = format!("{FORM}\n{connector}\n").into_bytes();
    signed.extend_from_slice(content);
    signed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(c: char) -> Secret<String> {
        Secret::new(c.to_string().repeat(64))
    }

    #[test]
    fn what_was_put_is_got_and_nothing_else() {
        let scratch = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(scratch.path(), &key('a'), &[]).unwrap();
        assert!(shelf.get("okta").unwrap().is_none());
        shelf.put("okta", b"hello").unwrap();
        assert_eq!(shelf.get("okta").unwrap().unwrap(), b"hello");
        let path = scratch.path().join("provider-okta.copy");
        let good = std::fs::read(&path).unwrap();
        for i in 0..good.len() {
            let mut changed = good.clone();
            changed[i] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert!(shelf.get("okta").is_err(), "byte {i} changed");
            std::fs::write(&path, &good[..i]).unwrap();
            assert!(shelf.get("okta").is_err(), "cut to {i} bytes");
        }
        std::fs::write(&path, [&good[..], b"x"].concat()).unwrap();
        assert!(matches!(shelf.get("okta"), Err(NotUsed::Forged)), "longer");
        std::fs::write(scratch.path().join("provider-entra.copy"), &good).unwrap();
        assert!(matches!(shelf.get("entra"), Err(NotUsed::Forged)), "of another connector");
        std::fs::write(&path, vec![b'x'; COPY_BYTES_MAX as usize + 1]).unwrap();
        assert!(matches!(shelf.get("okta"), Err(NotUsed::Unreadable(_))), "too large");
        assert!(shelf.put("okta", &vec![b'x'; COPY_BYTES_MAX as usize]).is_err());
        shelf.remove("okta").unwrap();
        assert!(shelf.get("okta").unwrap().is_none());
    }

    #[test]
    fn an_old_key_still_verifies_and_a_strange_one_does_not() {
        let scratch = tempfile::tempdir().unwrap();
        Shelf::open(scratch.path(), &key('a'), &[]).unwrap().put("okta", b"hello").unwrap();
        let rotated = Shelf::open(scratch.path(), &key('b'), &[key('a')]).unwrap();
        assert!(rotated.get("okta").unwrap().is_some());
        assert!(matches!(
            Shelf::open(scratch.path(), &key('b'), &[]).unwrap().get("okta"),
            Err(NotUsed::Forged)
        ));
        rotated.put("okta", b"again").unwrap();
        assert!(
            Shelf::open(scratch.path(), &key('a'), &[]).unwrap().get("okta").is_err(),
            "the current key writes"
        );
        assert!(Shelf::open(scratch.path(), &key('z'), &[]).is_err());
    }
}
