//! What is known of a provider: its metadata, from an address or from a file of ours (protocol rows MD01 to MD05).
//! No use goes beyond `validUntil`, however long the provider is silent.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;
use tokio::runtime::Handle;

use super::config::Config;
use crate::ambient::{Clock, Entropy, Millis};
use crate::connector::Opening;
use crate::connector::documents::kept::{Cell, FRESH_SECS, Fetched, Kept, Purpose};
use crate::connector::documents::keeper::{Keeper, Known, Manner};
use crate::files;
use crate::health::{Reason, Unwell};
use crate::net::{Fetch, Phases, freshness};
use crate::protocol::saml::keys::PeerKey;
use crate::protocol::saml::metadata::{Expected, IdpMetadata, MetadataError};
use crate::protocol::saml::xml;
use crate::value::WebUrl;
use crate::value::url::PlainHttp;

/// Shortest time between two fetches that a signature by an unknown key may cause, in seconds.
pub const REFETCH_SECS_MIN: u64 = 60;
/// Redirects followed for the metadata.
const REDIRECTS_MAX: u8 = 3;
/// What metadata is served as: by the standard, and by those who have not heard of it.
const ACCEPTED: &str = "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1";
/// Shortest time between two looks at a file, in milliseconds.
pub const LOOK_MILLIS: u64 = 1_000;

/// When a file was changed, and its size.
type Stamp = (SystemTime, u64);

/// Where the metadata comes from.
pub enum Source {
    /// An address.
    Url(WebUrl),
    /// A file, what it looked like when it was last read, and when it was last looked at.
    File(PathBuf, Mutex<Option<Stamp>>, Mutex<Option<Millis>>),
}

/// The metadata of one provider.
pub struct Metadata {
    keeper: Keeper,
    source: Source,
    entity_id: Option<String>,
    pinned: Option<Vec<PeerKey>>,
    plain: PlainHttp,
    clock: Clock,
    entropy: Entropy,
    runtime: Handle,
    cell: Cell<IdpMetadata>,
    /// What anybody may post must not use up the turn that sign-ins need.
    last_refetch: [tokio::sync::Mutex<Option<Millis>>; 2],
}

/// On whose behalf newer metadata is looked for.
#[derive(Debug, Clone, Copy)]
pub enum Whose {
    /// Of somebody whose sign-in or logout here is under way.
    Ours,
    /// Of whoever posts something.
    Anybodys,
}

/// Metadata that may be used now.
pub type Usable = Arc<Kept<IdpMetadata>>;

impl Metadata {
    /// With the copy of an earlier run, where the shelf has a good one; with the file, where it is one. A file that
    /// is no good makes a provider that is not well, as an address would: the others go on.
    pub fn open(config: &Config, pinned: Option<PeerKey>, opening: &Opening<'_>) -> Result<Arc<Self>, String> {
        let source = match (config.metadata_path(), WebUrl::parse(&config.saml_metadata_url)) {
            (Some(path), _) => Source::File(path.to_owned(), Mutex::default(), Mutex::default()),
            (None, Ok(url)) => Source::Url(url),
            (None, Err(error)) => return Err(format!("samlMetadataURL: {error}")),
        };
        let mut metadata = Metadata {
            keeper: Keeper::new(&config.common.name, &config.saml_metadata_url, opening),
            source,
            entity_id: config.saml_idp_entity_id.clone(),
            pinned: pinned.map(|key| vec![key]),
            plain: opening.plain.clone(),
            clock: opening.clock.clone(),
            entropy: opening.entropy.clone(),
            runtime: opening.blocking.clone(),
            cell: Cell::new(None),
            last_refetch: Default::default(),
        };
        match &metadata.source {
            Source::Url(_) => {
                let known = metadata.keeper.earlier(|copy| {
                    let fetched = copy.document("metadata", &metadata.clock)?;
                    let read = metadata.read(&fetched.body).map_err(|unwell| unwell.to_string())?;
                    let age_secs = fetched.age_secs(metadata.keeper.now());
                    Ok(((read, fetched), age_secs))
                });
                metadata.cell = Cell::new(known);
            }
            Source::File(..) => {
                if let Err(unwell) = metadata.look_at_file() {
                    tracing::error!(
                        event = "idp.metadata.copy_ignored",
                        connector = metadata.keeper.connector(),
                        reason = %unwell,
                        "the metadata file cannot be used: nobody can sign in there until it is another"
                    );
                }
            }
        }
        Ok(Arc::new(metadata))
    }

    /// Whether it comes from a file: then the provider itself is not asked for it.
    pub fn is_file(&self) -> bool {
        matches!(self.source, Source::File(..))
    }

    /// The metadata. What it vouches for comes through people's browsers, so it may be stale only for as long as
    /// keys for what anybody may bring.
    pub async fn current(self: &Arc<Self>) -> Result<Usable, Unwell> {
        let kept = match &self.source {
            Source::File(..) => {
                self.look();
                match self.cell.get() {
                    Some(kept) => kept,
                    // Only after it was dropped.
                    None => self.read_file().await?,
                }
            }
            Source::Url(_) => {
                let fetch = async { self.fetch(Manner::SIGN_IN).await.1.map(drop) };
                self.keeper.current(&self.cell, Purpose::Bearer, "metadata", fetch).await?
            }
        };
        if !self.has_ended(&kept) {
            return Ok(kept);
        }
        // What its headers call fresh has ended by its own word.
        if self.is_file() || self.cell.failed_lately(self.keeper.now()).is_some() {
            return Err(expired());
        }
        let _turn = self.cell.fetching.lock().await;
        match self.cell.get().filter(|kept| !self.has_ended(kept)) {
            Some(kept) => Ok(kept),
            None => self.fetch(Manner::SIGN_IN).await.1,
        }
    }

    fn has_ended(&self, kept: &Usable) -> bool {
        kept.0.valid_until().is_some_and(|until| self.clock.unix() >= until)
    }

    /// Has the file looked at now and then, off the path of whoever signs in.
    fn look(self: &Arc<Self>) {
        let Source::File(_, _, looked) = &self.source else { return };
        let now = self.keeper.now();
        let mut looked = looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.is_some_and(|at| now.since(at) < LOOK_MILLIS) {
            return;
        }
        *looked = Some(now);
        let metadata = self.clone();
        self.runtime.spawn_blocking(move || metadata.look_at_file());
    }

    async fn read_file(self: &Arc<Self>) -> Result<Usable, Unwell> {
        let metadata = self.clone();
        let read = self.runtime.spawn_blocking(move || metadata.look_at_file()).await;
        read.unwrap_or_else(|_| Err(Unwell::new(Reason::FileUnreadable, "the file could not be read")))
    }

    /// Newer metadata than `seen`, because something is signed with a key that was not in it: a provider that
    /// changes its keys says so there first. At most one fetch a minute; whoever waited for it has its answer.
    pub async fn newer(self: &Arc<Self>, whose: Whose, seen: &Usable) -> Option<Usable> {
        let mut last = self.last_refetch[whose as usize].lock().await;
        let newer = || self.cell.get().filter(|kept| !Arc::ptr_eq(kept, seen));
        if let Some(newer) = newer() {
            return Some(newer);
        }
        let now = self.keeper.now();
        if self.is_file() || last.is_some_and(|at| now.since(at) < REFETCH_SECS_MIN * 1000) {
            return None;
        }
        *last = Some(now);
        tracing::info!(
            event = "idp.jwks.unknown_kid",
            connector = self.keeper.connector(),
            "no known key of the provider fits; fetching its metadata"
        );
        self.fetch(Manner::SIGN_IN).await.1.ok()
    }

    /// What is known, whatever its age.
    pub fn known(&self) -> Option<Usable> {
        self.cell.get()
    }

    /// Age in seconds; `None` without any, and for a file, which is as old as it is meant to be.
    pub fn known_age_secs(&self) -> Option<u64> {
        let kept = self.cell.get().filter(|_| !self.is_file())?;
        Some(kept.1.age_secs(self.keeper.now()))
    }

    /// Fetches what will soon be too old. Called at regular times.
    pub async fn keep_fresh(self: &Arc<Self>) {
        if !self.is_file() && self.cell.is_due(self.keeper.now()) {
            let _turn = self.cell.fetching.lock().await;
            let _ = self.fetch(Manner::REFRESH).await;
        }
    }

    /// Forgets the metadata, also on the shelf: the next sign-in asks the provider, or reads the file.
    pub fn drop_all(self: &Arc<Self>) {
        self.cell.clear();
        match &self.source {
            Source::Url(_) => self.keeper.write_copy(|| self.documents()),
            Source::File(_, stamp, _) => *stamp.lock().unwrap_or_else(PoisonError::into_inner) = None,
        }
    }

    /// Fetches the metadata and keeps it when it is good; bad metadata never replaces good.
    pub async fn fetch(self: &Arc<Self>, manner: Manner) -> (Phases, Result<Usable, Unwell>) {
        let Source::Url(url) = &self.source else { return (Phases::default(), self.read_file().await) };
        let fetch = Fetch::get(url.clone())
            .redirects(REDIRECTS_MAX)
            .body_max(xml::METADATA.bytes_max)
            .header(http::header::ACCEPT, http::HeaderValue::from_static(ACCEPTED));
        let fresh = |metadata: &IdpMetadata, headers: &HeaderMap| {
            let said = freshness::fresh_secs(headers, FRESH_SECS);
            // Row MD04: what the document says of itself counts where it says something.
            metadata.cache_secs().unwrap_or(said)
        };
        let metadata = self.clone();
        let read = move |body: &[u8]| match metadata.cell.get().filter(|kept| kept.1.body == body) {
            // Nearly always: what was judged once needs no second judgement, but for its end.
            Some(known) if !metadata.has_ended(&known) => Ok(known.0.clone()),
            _ => metadata.read(body),
        };
        let (phases, kept) = self.keeper.fetch(&self.cell, fetch, manner, read, fresh).await;
        if kept.is_ok() {
            let metadata = self.clone();
            self.keeper.copy(&self.documents(), move || metadata.keeper.write_copy(|| metadata.documents()));
        }
        (phases, kept)
    }

    fn documents(&self) -> Known {
        vec![("metadata", self.cell.get().map(|kept| kept.1.clone()))]
    }

    /// The file as it is now. A changed file that is no good leaves what was known in place and is told to the log.
    fn look_at_file(&self) -> Result<Usable, Unwell> {
        let Source::File(path, last, _) = &self.source else {
            return Err(Unwell::new(Reason::FileUnreadable, "the metadata is not a file"));
        };
        let unreadable =
            |e: std::io::Error| Unwell::new(Reason::FileUnreadable, format!("{}: {e}", path.display()));
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.cell.get();
        let stamp = match (files::stamp(path), &known) {
            (Ok(stamp), _) => stamp,
            // Nobody is locked out because a file was moved.
            (Err(_), Some(known)) => return Ok(known.clone()),
            (Err(error), None) => return Err(unreadable(error)),
        };
        if let (Some(known), true) = (&known, *last == Some(stamp)) {
            return Ok(known.clone());
        }
        let bytes = files::read(path, xml::METADATA.bytes_max as u64).map_err(unreadable);
        let read = bytes.and_then(|bytes| match self.read(&bytes) {
            Ok(metadata) => Ok((metadata, Bytes::from(bytes))),
            Err(unwell) => Err(Unwell::new(unwell.reason, format!("{}: {}", path.display(), unwell.detail))),
        });
        *last = Some(stamp);
        match (read, known) {
            (Ok((metadata, body)), _) => {
                let fetched = Fetched::now(body, *FRESH_SECS.end(), &self.clock, &self.entropy);
                let kept = self.cell.keep(self.cell.ticket(), metadata, fetched);
                kept.ok_or_else(|| Unwell::new(Reason::FileUnreadable, "the metadata was dropped meanwhile"))
            }
            (Err(unwell), Some(known)) => {
                tracing::error!(
                    event = "idp.metadata.copy_ignored",
                    connector = self.keeper.connector(),
                    reason = %unwell,
                    "the metadata file changed and cannot be used; keeping the old"
                );
                Ok(known)
            }
            (Err(unwell), None) => Err(unwell),
        }
    }

    fn read(&self, body: &[u8]) -> Result<IdpMetadata, Unwell> {
        let expected =
            Expected { entity_id: self.entity_id.as_deref(), pinned: self.pinned.as_deref() };
        let mut metadata = IdpMetadata::parse(body, &expected, self.clock.unix()).map_err(|error| {
            let reason = match &error {
                MetadataError::Entity => Reason::IssuerMismatch,
                MetadataError::Expired => return expired(),
                MetadataError::NoEndpoint => Reason::EndpointMissing,
                MetadataError::NoSigningKey(_) | MetadataError::Signature(_) => Reason::NoUsableKey,
                _ => Reason::NotMetadata,
            };
            Unwell::new(reason, error.to_string())
        })?;
        // A person's browser must not be sent over the open network with it.
        let permits = |location: &str| WebUrl::parse(location).is_ok_and(|url| self.plain.permits(&url));
        let dropped = metadata.drop_endpoints(permits);
        match dropped.first() {
            Some(location) if metadata.sso_endpoints().is_empty() => {
                Err(Unwell::new(Reason::EndpointMissing, format!("the endpoint {location} is not https")))
            }
            Some(location) => {
                tracing::warn!(
                    event = "idp.metadata.endpoint_ignored",
                    connector = self.keeper.connector(),
                    detail = location,
                    "an endpoint of the provider is not https and is not used"
                );
                Ok(metadata)
            }
            None => Ok(metadata),
        }
    }
}

fn expired() -> Unwell {
    Unwell::new(Reason::MetadataExpired, "validUntil of the metadata has passed")
}
