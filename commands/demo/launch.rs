//! From one written file to a server that runs, by the road that `maverics serve` takes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use maverics::ambient::Clock;
use maverics::secrets::keyring;
use maverics::serve::{Running, start};
use tokio::runtime::Handle;

use super::files::SECRETS;
use super::folder::Folder;
use crate::args::ConfigArgs;
use crate::serve;

/// How long requests in flight may take at the end.
const GRACE: Duration = Duration::from_millis(500);

/// Starts the server of one file. `address` wins over the one written: a provider listens behind its switch.
pub async fn launch(
    folder: &Folder,
    file: &str,
    address: Option<&str>,
    clock: &Clock,
    control: &Handle,
) -> Result<Running> {
    let path = folder.path().join(file);
    let config = ConfigArgs { secret_provider: Some(store_url(folder.path())), ..ConfigArgs::default() };
    let loaded = serve::load(&[path], &config)?;
    let (deployment, store) =
        loaded.ok().with_context(|| format!("{file}, as it was written, has errors"))?;
    let deployment = Arc::new(deployment);
    let keyring = keyring::unlock(deployment.secret_references(), store.as_deref())
        .map_err(|missing| anyhow!("{file}: {missing}"))?;
    let mut options = serve::options(deployment, keyring, config.plain_http(), None, clock, control)?;
    options.address = address.map(str::to_owned);
    options.threads = Some(1);
    options.grace = GRACE;
    start(options).await.map_err(|error| anyhow!("{file}: {error}"))
}

/// The store that the secrets of all files are in.
pub fn store_url(folder: &Path) -> String {
    format!("secretfile://{}", folder.join(SECRETS).display())
}
