//! The servers of one directory: they take turns, one that fails is put aside for everybody, and tried again on a
//! clock of its own, so that no sign-in waits for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::pool::Pool;
use crate::health::{Reason, Unwell};
use crate::net::ldap::Target;

/// Longest wait for one server while another could be asked, in milliseconds.
pub const ATTEMPT_MILLIS_MAX: u64 = 3_000;
/// First pause before a server that was put aside is tried again, in milliseconds; doubles with each failure.
pub const RETRY_MILLIS_FIRST: u64 = 500;
/// Longest pause between two tries, in milliseconds.
pub const RETRY_MILLIS_MAX: u64 = 15_000;

/// First pause after a server refused the service account, in milliseconds; doubles with each refusal. Directories
/// lock accounts whose wrong password is tried again and again.
pub const REFUSED_MILLIS_FIRST: u64 = 2_000;
/// Longest such pause, in milliseconds.
pub const REFUSED_MILLIS_MAX: u64 = 60_000;

/// A server.
pub(super) struct Server {
    pub target: Target,
    pub pool: Pool,
    /// Failed tries since it was put aside; zero while it serves.
    failures: AtomicU32,
    /// Refusals of the service account in a row, until when it is not tried, and what was said.
    refused: Mutex<Option<(u32, Instant, Unwell)>>,
    /// Asks it while it is aside.
    minder: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Server {
    pub(super) fn new(target: Target) -> Self {
        Server {
            target,
            pool: Pool::default(),
            failures: AtomicU32::new(0),
            refused: Mutex::new(None),
            minder: Mutex::new(None),
        }
    }

    pub(super) fn serves(&self) -> bool {
        self.failures.load(Ordering::Relaxed) == 0
    }

    /// It failed. `true` when it served until now.
    pub(super) fn put_aside(&self) -> bool {
        self.pool.clear();
        self.failures.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// It was tried again, in vain.
    pub(super) fn failed_again(&self) {
        let more = |n: u32| (n > 0).then(|| n.saturating_add(1));
        let _ = self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// The task that asks it until it is back: the only one, since the one before, which may have a long pause before
    /// it, ends.
    pub(super) fn mind(&self, task: AbortOnDropHandle<()>) {
        *self.minder.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// It answers the service account. `true` when it was aside.
    pub(super) fn take_back(&self) -> bool {
        self.failures.swap(0, Ordering::Relaxed) != 0
    }

    /// What it said to the service account lately, while that is not to be tried again.
    pub(super) fn refusal(&self, now: Instant) -> Option<Unwell> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.as_ref().filter(|(_, until, _)| now < *until).map(|(_, _, unwell)| unwell.clone())
    }

    /// It refused the service account, or with `None` took it.
    pub(super) fn service_bind(&self, now: Instant, refusal: Option<&Unwell>) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let times = refused.as_ref().map_or(0, |(times, _, _)| *times);
        *refused = refusal.map(|unwell| {
            let pause = (REFUSED_MILLIS_FIRST << times.min(16)).min(REFUSED_MILLIS_MAX);
            (times.saturating_add(1), now + Duration::from_millis(pause), unwell.clone())
        });
    }

    /// How long to wait before it is tried again.
    pub(super) fn pause(&self) -> Duration {
        let doublings = self.failures.load(Ordering::Relaxed).saturating_sub(1).min(16);
        Duration::from_millis((RETRY_MILLIS_FIRST << doublings).min(RETRY_MILLIS_MAX))
    }
}

/// All of them.
pub(super) struct Servers {
    pub list: Vec<Arc<Server>>,
    turn: AtomicUsize,
}

impl Servers {
    pub(super) fn new(targets: Vec<Target>) -> Self {
        let list = targets.into_iter().map(|target| Arc::new(Server::new(target))).collect();
        Servers { list, turn: AtomicUsize::new(0) }
    }

    /// Servers to ask, best first, until `deadline`: those that serve, in turn, or beginning with `first`; then, as
    /// a last resort, those that are aside.
    pub(super) fn attempts(&self, first: Option<&Arc<Server>>, deadline: Instant) -> Attempts {
        let count = self.list.len().max(1);
        let from = self.turn.fetch_add(1, Ordering::Relaxed) % count;
        let turned = || self.list.iter().cycle().skip(from).take(self.list.len());
        let mut order: Vec<Arc<Server>> = turned().filter(|server| server.serves()).cloned().collect();
        if let Some(first) = first.filter(|first| first.serves()) {
            order.sort_by_key(|server| !Arc::ptr_eq(server, first));
        }
        order.extend(turned().filter(|server| !server.serves()).cloned());
        Attempts { order: order.into(), deadline, last: None }
    }
}

/// Servers still to be asked.
pub(super) struct Attempts {
    order: VecDeque<Arc<Server>>,
    deadline: Instant,
    last: Option<Unwell>,
}

impl Attempts {
    /// The next one, and until when it may be waited for: long enough for the one that is left, and shorter while
    /// there is another.
    pub(super) fn next(&mut self, now: Instant) -> Option<(Arc<Server>, Instant)> {
        let left = self.deadline.checked_duration_since(now).filter(|left| !left.is_zero())?;
        let server = self.order.pop_front()?;
        let others = self.order.iter().filter(|other| other.serves()).count();
        let patience = match (others, self.order.is_empty()) {
            (0, true) => left,
            // Those that are left did not answer lately: most of the time belongs to this one.
            (0, false) => left / 2,
            (_, _) => (left / (u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1)))
                .min(Duration::from_millis(ATTEMPT_MILLIS_MAX)),
        };
        Some((server, now + patience))
    }

    /// Why the last one did not serve.
    pub(super) fn failed(&mut self, unwell: Unwell) {
        // What the first one said is worth more than that a dead one is still dead.
        self.last.get_or_insert(unwell);
    }

    /// Nobody is left.
    pub(super) fn unwell(self) -> Unwell {
        self.last.unwrap_or_else(|| Unwell::new(Reason::Timeout, "no server of the directory answered in time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::ldap::Protection;
    use crate::net::tls::{ClientTls, client_config};
    use crate::protocol::ldap::Address;

    fn servers(count: usize) -> Servers {
        let tls = client_config(&ClientTls::default(), &[]).unwrap();
        let target = |i: usize| Target {
            address: Address::parse(&format!("ldap://dc{i}")).unwrap(),
            protection: Protection::None,
            tls: tls.clone(),
        };
        Servers::new((0..count).map(target).collect())
    }

    fn asked(servers: &Servers, first: Option<&Arc<Server>>, millis: u64) -> Vec<(String, u64)> {
        let now = Instant::now();
        let mut attempts = servers.attempts(first, now + Duration::from_millis(millis));
        std::iter::from_fn(|| attempts.next(now))
            .map(|(server, until)| (server.target.address.host.clone(), (until - now).as_millis() as u64))
            .collect()
    }

    #[tokio::test]
    async fn they_take_turns_and_the_dead_come_last() {
        let servers = servers(3);
        let hosts = |first: Option<&Arc<Server>>| {
            asked(&servers, first, 9_000).into_iter().map(|(host, _)| host).collect::<Vec<_>>()
        };
        assert_eq!(hosts(None), ["dc0", "dc1", "dc2"]);
        assert_eq!(hosts(None), ["dc1", "dc2", "dc0"]);
        assert!(servers.list[2].put_aside() && !servers.list[2].put_aside());
        assert_eq!(hosts(None), ["dc0", "dc1", "dc2"]);
        assert_eq!(hosts(Some(&servers.list[1])), ["dc1", "dc0", "dc2"]);
        assert_eq!(hosts(Some(&servers.list[2])).last().unwrap(), "dc2", "a dead one is not first for being asked for");
        assert!(servers.list[2].take_back() && !servers.list[2].take_back());
    }

    #[tokio::test]
    async fn patience_is_for_the_last_one() {
        let servers = servers(2);
        let waits = |millis| asked(&servers, None, millis).into_iter().map(|(_, wait)| wait).collect::<Vec<_>>();
        assert_eq!(waits(10_000), [ATTEMPT_MILLIS_MAX, 10_000]);
        assert_eq!(waits(3_000), [1_500, 3_000], "a short budget is shared");
        servers.list[0].put_aside();
        assert_eq!(waits(10_000), [5_000, 10_000]);
        assert!(waits(0).is_empty());
    }

    #[tokio::test]
    async fn a_refused_service_account_is_not_tried_again_at_once() {
        let servers = servers(1);
        let (server, begun) = (&servers.list[0], Instant::now());
        let unwell = Unwell::new(Reason::ServiceBindRefused, "no");
        let at = |millis| begun + Duration::from_millis(millis);
        server.service_bind(begun, Some(&unwell));
        assert!(server.refusal(at(1_999)).is_some() && server.refusal(at(2_000)).is_none());
        server.service_bind(at(2_000), Some(&unwell));
        assert!(server.refusal(at(5_999)).is_some() && server.refusal(at(6_000)).is_none());
        (0..100).for_each(|_| server.service_bind(begun, Some(&unwell)));
        assert!(server.refusal(at(59_999)).is_some() && server.refusal(at(60_000)).is_none());
        server.service_bind(begun, None);
        assert!(server.refusal(begun).is_none());
    }

    #[tokio::test]
    async fn one_task_minds_a_server() {
        let servers = servers(1);
        let (alive, mut ended) = tokio::sync::mpsc::unbounded_channel::<()>();
        for _ in 0..5 {
            let alive = alive.clone();
            let task = tokio::spawn(async move {
                let _alive = alive;
                std::future::pending::<()>().await;
            });
            servers.list[0].mind(AbortOnDropHandle::new(task));
        }
        let last = alive.downgrade();
        drop(alive);
        while last.strong_count() > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(last.strong_count(), 1, "four ended, the last one goes on");
        drop(servers);
        assert_eq!(ended.recv().await, None, "and ends with the server");
    }

    #[tokio::test]
    async fn pauses_grow_to_a_bound() {
        let servers = servers(1);
        servers.list[0].failed_again();
        assert!(servers.list[0].serves(), "only what is aside fails again");
        servers.list[0].put_aside();
        servers.list[0].put_aside();
        let pause = || servers.list[0].pause().as_millis();
        let mut pauses = vec![pause()];
        for _ in 0..7 {
            servers.list[0].failed_again();
            pauses.push(pause());
        }
        assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
    }
}
