//! The folder with the files of one run: nobody else reads it, and it goes when the demo does.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use maverics::ambient::Entropy;

/// A folder of mode 0700.
pub struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Folder {
    /// A new folder among the temporary ones, removed when this value goes.
    pub fn temporary(entropy: &Entropy) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("maverics-demo-{}", &entropy.token()[..16]));
        make(&path)?;
        Ok(Folder { path, kept: false })
    }

    /// A folder of the person's choice, which stays. It must be new or empty: nothing is written over.
    pub fn kept(path: &Path) -> Result<Self> {
        if !path.exists() {
            make(path)?;
        }
        let path = path.canonicalize().with_context(|| format!("cannot use {}", path.display()))?;
        let entries = std::fs::read_dir(&path).with_context(|| format!("cannot use {}", path.display()))?;
        if entries.count() > 0 {
            bail!("{} is not empty; name a new folder with --keep", path.display());
        }
        Ok(Folder { path, kept: true })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a new file of mode 0600.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path.join(name);
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(&path);
        opened
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

fn make(path: &Path) -> Result<()> {
    let made = DirBuilder::new().mode(0o700).create(path);
    made.with_context(|| format!("cannot make the folder {}", path.display()))
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed is in a folder nobody else can read.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn private_while_it_lives_and_gone_after() {
        let folder = Folder::temporary(&Entropy::system()).unwrap();
        folder.write("a.yaml", "a: 1\n").unwrap();
        let path = folder.path().to_owned();
        assert_eq!((mode(&path), mode(&path.join("a.yaml"))), (0o700, 0o600));
        assert!(folder.write("a.yaml", "twice").is_err());
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn a_kept_folder_is_new_or_empty() {
        let scratch = tempfile::tempdir().unwrap();
        let kept = Folder::kept(&scratch.path().join("new")).unwrap();
        kept.write("a.yaml", "").unwrap();
        assert!(Folder::kept(kept.path()).is_err());
        let path = kept.path().to_owned();
        drop(kept);
        assert!(path.join("a.yaml").exists());
    }
}
