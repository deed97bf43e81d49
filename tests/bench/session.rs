//! What does finding a session cost among 50,000? Input: random ids, one reader and two.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use maverics::ambient::{Entropy, UnixSecs};
use maverics::serve::session::lifetime::Limits;
use maverics::serve::session::{Session, Store};

static FILLED: LazyLock<(Store, Vec<String>)> = LazyLock::new(|| {
    let store = Store::new(50_000, Limits { absolute_secs: 43_200, idle_secs: 1_800 });
    let entropy = Entropy::counted(1);
    let ids = (0..50_000)
        .map(|_| store.open(None, &entropy, |_| Session::new(String::new(), UnixSecs(0))).0)
        .collect();
    (store, ids)
});

#[divan::bench(threads = [1, 2])]
fn find(bencher: divan::Bencher<'_, '_>) {
    let (store, ids) = &*FILLED;
    let next = AtomicUsize::new(0);
    bencher.bench(|| {
        store.find(&ids[next.fetch_add(7919, Ordering::Relaxed) % ids.len()], UnixSecs(1)).is_some()
    });
}
