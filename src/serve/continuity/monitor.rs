//! One task for each provider: ask, tell the state machine, sleep until the next start.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Board, RECOVERY_MILLIS, Slot};
use crate::ambient::Entropy;

/// Starts the monitors of the providers that `before` did not have; the others go on. The first probe is at
/// once; the phase of the following ones is random, so that many nodes do not ask in step. From then on probes
/// start exactly one interval apart, which keeps detection at `threshold x interval + timeout`.
pub fn start(board: &Board, before: Option<&Board>, entropy: &Entropy, stop: &CancellationToken) {
    for slot in &board.slots {
        if before.is_some_and(|before| before.slots.iter().any(|known| Arc::ptr_eq(known, slot))) {
            continue;
        }
        let interval = slot.check.interval.std().max(Duration::from_secs(1));
        let timeout = slot.check.timeout.std().min(interval).max(Duration::from_millis(1));
        let phase = Duration::from_millis(entropy.below(interval.as_millis() as u64));
        let (slot, stop) = (slot.clone(), stop.clone());
        let runtime = slot.ground.runtime.clone();
        runtime.spawn(async move {
            let watch = async {
                if slot.watched {
                    watch(&slot, interval, timeout, phase).await;
                } else {
                    recover(&slot).await;
                }
            };
            tokio::select! {
                () = watch => {}
                () = stop.cancelled() => {}
                () = slot.retired.cancelled() => {}
            }
        });
    }
}

async fn watch(slot: &Slot, interval: Duration, timeout: Duration, phase: Duration) {
    let mut next = Instant::now();
    let mut first = true;
    loop {
        sleep_until(next).await;
        let begun = Instant::now();
        slot.probe(timeout).await;
        next += if std::mem::take(&mut first) { phase.max(Duration::from_secs(1)) } else { interval };
        // After a suspended machine wakes, do not make up for what was missed.
        if next + interval < begun {
            next = begun + interval;
        }
    }
}

/// A provider nobody watches is only asked while logins skip it, or they would skip it for ever.
async fn recover(slot: &Slot) {
    loop {
        // What a reload took over may be suspect already.
        if slot.is_available() {
            slot.suspected.notified().await;
        }
        while !slot.is_available() {
            tokio::time::sleep(Duration::from_millis(RECOVERY_MILLIS)).await;
            slot.probe(Duration::from_millis(RECOVERY_MILLIS)).await;
        }
    }
}
