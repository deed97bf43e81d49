//! A running server and its files: what SIGHUP does, and what is done when a file changed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Result, anyhow};
use maverics::connector::open::World;
use maverics::diag::Level;
use maverics::files;
use maverics::model::Deployment;
use maverics::secrets::keyring;
use maverics::serve::{Fittings, Running};

use super::args::ConfigArgs;
use super::input;
use super::serve::{SetLevel, demo_off_loopback, load_with};

/// How often files are looked at, in milliseconds. Looking works where notifications do not: on network file
/// systems, and where a link to a folder is replaced as Kubernetes does.
pub const LOOK_MILLIS: u64 = 1_000;

/// What a reload works with.
pub struct Reloader<'a> {
    /// Files named on the command line.
    pub files: Vec<PathBuf>,
    /// Where the configuration comes from otherwise.
    pub config: &'a ConfigArgs,
    /// The server.
    pub running: &'a Running,
    /// What connectors are opened with.
    pub world: World,
    /// Changes the level of the log.
    pub log: SetLevel,
}

impl Reloader<'_> {
    /// The file of the configuration.
    pub fn configuration(&self) -> Vec<PathBuf> {
        input::named(&self.files, self.config)
    }

    /// Applies the configuration as it is now, and returns the certificates it is served with; or says why
    /// everything stays as it was.
    pub fn reload(&self) -> Option<Watched> {
        match self.try_reload() {
            Ok((version, certificates)) => {
                tracing::info!(event = "reload.done", version, "serving the configuration as it is now");
                return Some(certificates);
            }
            Err(error) => tracing::error!(
                event = "reload.refused",
                error = format!("{error:#}"),
                "the configuration was not applied; serving as before"
            ),
        }
        None
    }

    fn try_reload(&self) -> Result<(String, Watched)> {
        if self.configuration().iter().any(|path| path.as_os_str() == "-") {
            return Err(anyhow!("it came from standard input, which cannot be read again"));
        }
        let loaded = load_with(&self.files, self.config, &mut |finding, sources| {
            let place = finding.place.as_ref().map(|place| sources.show(place)).unwrap_or_default();
            let (code, words, help) =
                (finding.code.id, &finding.message, finding.help.as_deref().unwrap_or_default());
            match finding.level {
                Level::Error => tracing::error!(event = "reload.finding", code, place, help, "{words}"),
                _ => tracing::warn!(event = "reload.finding", code, place, help, "{words}"),
            }
        })?;
        let Ok((deployment, store)) = loaded else { return Err(anyhow!("it has errors")) };
        let address = self.running.address.to_string();
        if let Some(refusal) = demo_off_loopback(&deployment, Some(&address)) {
            return Err(anyhow!(refusal));
        }
        let before = self.running.state();
        let written = |deployment: &Deployment, section: &str| {
            let mut value = deployment.document.root.get(section).cloned().unwrap_or_default();
            value.as_object_mut().map(|logger| logger.remove("level"));
            value
        };
        for section in ["admin", "logger", "telemetry"] {
            if written(&before.deployment, section) != written(&deployment, section) {
                tracing::warn!(event = "reload.partly", section, "this section takes effect after a restart");
            }
        }
        let keyring = keyring::unlock(deployment.secret_references(), store.as_deref())
            .map_err(|missing| anyhow!("{missing}"))?;
        for (what, changed) in before.secrets_changed(&deployment, &keyring) {
            if changed {
                tracing::warn!(
                    event = "reload.partly",
                    section = what,
                    "this secret changed; the old one is used until a restart"
                );
            }
        }
        let deployment = Arc::new(deployment);
        let certificates = Watched::new(certificates(&deployment));
        let fittings = Fittings::open(deployment.clone(), keyring, Some(&before), &self.world)
            .map_err(|error| anyhow!(error))?;
        self.running.reload(fittings)?;
        (self.log)(&deployment);
        for words in deployment.start_warnings() {
            tracing::warn!(event = "start.warning", "{words}");
        }
        Ok((deployment.version.clone().unwrap_or_default(), certificates))
    }

    /// Takes over the listener's certificates as they are now.
    pub fn renew_certificates(&self) {
        match self.running.renew_certificates() {
            Ok(()) => {
                tracing::info!(event = "certificates.renewed", "new connections get the new certificates")
            }
            Err(error) => tracing::error!(event = "certificates.refused", error, "the old certificates stay"),
        }
    }
}

/// Certificates, keys and roots of the listener.
pub fn certificates(deployment: &Deployment) -> Vec<PathBuf> {
    let hosts = deployment.http.hosts.iter().flatten().map(|host| &host.tls);
    let profiles = deployment.http.tls.iter().chain(hosts).filter_map(|name| deployment.tls.get(name));
    profiles
        .flat_map(|p| p.cert_file.iter().chain(&p.key_file).chain(&p.client_ca_files))
        .map(PathBuf::from)
        .collect()
}

/// When a file changed and how large it is; `None` when it is not there.
type Stamp = Option<(SystemTime, u64)>;

/// Files that are looked at now and then.
pub struct Watched {
    paths: Vec<PathBuf>,
    known: Vec<Stamp>,
    seen: Vec<Stamp>,
}

impl Watched {
    /// As they are now: before they are read, or a change in between would go unnoticed.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let known = stamps(&paths);
        Watched { seen: known.clone(), known, paths }
    }

    /// Whether they changed since they were last said to have, and are at rest since the last look: a file that
    /// is being written, or a key that follows its certificate, is waited for.
    pub fn have_changed(&mut self) -> bool {
        let now = stamps(&self.paths);
        let at_rest = std::mem::replace(&mut self.seen, now.clone()) == now;
        let changed = at_rest && now != self.known;
        if changed {
            self.known = now;
        }
        changed
    }
}

fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    paths.iter().map(|path| files::stamp(path).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_and_when_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        std::fs::write(&path, "a").unwrap();
        let mut watched = Watched::new(vec![path.clone()]);
        assert!(!watched.have_changed() && !watched.have_changed());
        std::fs::write(&path, "ab").unwrap();
        assert!(!watched.have_changed(), "it may still be written");
        assert!(watched.have_changed());
        assert!(!watched.have_changed());
        std::fs::remove_file(&path).unwrap();
        assert!(!watched.have_changed());
        assert!(watched.have_changed(), "gone is a change, which the reload refuses");
    }
}
