//! Connections of the service account to one server: lent to one search at a time, never used for anybody's
//! password.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::net::ldap::Connection;

/// Most service connections to one server at once; whoever comes then waits.
pub const CONNECTIONS_MAX: usize = 16;
/// Places beside those for requests of our own.
pub const PLACES_OF_OURS: usize = 2;
/// How long an idle one is kept, in seconds: below what firewalls and directories usually allow.
pub const IDLE_SECS_MAX: u64 = 30;

/// Idle connections, and places for busy ones.
pub(super) struct Pool {
    places: Arc<Semaphore>,
    ours: Arc<Semaphore>,
    idle: Mutex<Vec<(Connection, Instant)>>,
}

impl Default for Pool {
    fn default() -> Self {
        Pool {
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            ours: Arc::new(Semaphore::new(PLACES_OF_OURS)),
            idle: Mutex::new(Vec::new()),
        }
    }
}

impl Pool {
    /// A place; `None` when none becomes free in time.
    pub(super) async fn place(&self, deadline: Instant) -> Option<OwnedSemaphorePermit> {
        timeout_at(deadline, self.places.clone().acquire_owned()).await.ok()?.ok()
    }

    /// A place to ask how the server is. Those who sign in may have taken all the others, and that says nothing about
    /// the server.
    pub(super) async fn place_of_ours(&self, deadline: Instant) -> Option<OwnedSemaphorePermit> {
        match self.places.clone().try_acquire_owned() {
            Ok(place) => Some(place),
            Err(_) => timeout_at(deadline, self.ours.clone().acquire_owned()).await.ok()?.ok(),
        }
    }

    /// A connection that is idle and as far as one can see alive.
    pub(super) fn take(&self) -> Option<Connection> {
        let mut idle = self.idle();
        while let Some((mut connection, since)) = idle.pop() {
            if since.elapsed() < Duration::from_secs(IDLE_SECS_MAX) && connection.is_sound() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the next search, unless something was left half done on it.
    pub(super) fn give_back(&self, mut connection: Connection) {
        if connection.is_sound() {
            let mut idle = self.idle();
            if idle.len() < CONNECTIONS_MAX {
                idle.push((connection, Instant::now()));
            }
        }
    }

    /// Closes those that were idle for long, or that the server closed.
    pub(super) fn tidy(&self) {
        let old = |since: &Instant| since.elapsed() >= Duration::from_secs(IDLE_SECS_MAX);
        self.idle().retain_mut(|(connection, since)| !old(since) && connection.is_sound());
    }

    /// Closes all that are idle.
    pub(super) fn clear(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn those_who_sign_in_do_not_keep_us_from_asking() {
        let pool = Pool::default();
        let soon = || Instant::now() + Duration::from_secs(1);
        let mut taken = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            taken.push(pool.place(soon()).await.expect("a place"));
        }
        assert!(pool.place(soon()).await.is_none());
        let ours = pool.place_of_ours(soon()).await;
        assert!(ours.is_some() && pool.place_of_ours(soon()).await.is_some());
    }
}
