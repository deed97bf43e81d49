//! One task for each provider: ask, tell the state machine, sleep until the next start.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Board, Slot};
use crate::ambient::Entropy;
use crate::continuity::pace::{Pace, RECOVERY_MILLIS};

/// Starts the monitors of the providers that `before` did not have; the others go on. When they ask is
/// [`Pace`]'s, with a phase of chance.
pub fn start(board: &Board, before: Option<&Board>, entropy: &Entropy, stop: &CancellationToken) {
    for slot in &board.slots {
        if before.is_some_and(|before| before.slots.iter().any(|known| Arc::ptr_eq(known, slot))) {
            continue;
        }
        let pace = Pace::of(&slot.check);
        let phase = entropy.below(pace.interval);
        let (slot, stop) = (slot.clone(), stop.clone());
        let runtime = slot.ground.runtime.clone();
        runtime.spawn(async move {
            let watch = async {
                if slot.watched {
                    watch(&slot, pace, phase).await;
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

async fn watch(slot: &Slot, pace: Pace, phase: u64) {
    let origin = Instant::now();
    let mut due = 0;
    let mut phase = Some(phase);
    loop {
        sleep_until(origin + Duration::from_millis(due)).await;
        let begun = u64::try_from(origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        slot.probe(Duration::from_millis(pace.timeout)).await;
        due = pace.next(due, begun, phase.take());
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
