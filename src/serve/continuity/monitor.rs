//! One task for each provider: ask, tell the state machine, sleep until the next start.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Board, RECOVERY_MILLIS};
use crate::ambient::Entropy;
use crate::model::IdpIndex;

/// Starts the monitors. The first probe is at once; the phase of the following ones is random, so that many
/// nodes do not ask in step. From then on probes start exactly one interval apart, which keeps detection at
/// `threshold x interval + timeout`.
pub fn start(board: &Arc<Board>, entropy: &Entropy, stop: &CancellationToken) {
    for (i, slot) in board.slots.iter().enumerate() {
        let interval = slot.check.interval.std().max(Duration::from_secs(1));
        let timeout = slot.check.timeout.std().min(interval).max(Duration::from_millis(1));
        let phase = Duration::from_millis(entropy.below(interval.as_millis() as u64));
        let (board, stop, watched) = (board.clone(), stop.clone(), slot.watched);
        let runtime = board.runtime.clone();
        runtime.spawn(async move {
            let watch = async {
                if watched {
                    watch(&board, IdpIndex(i), interval, timeout, phase).await;
                } else {
                    recover(&board, IdpIndex(i)).await;
                }
            };
            tokio::select! {
                () = watch => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

async fn watch(board: &Board, index: IdpIndex, interval: Duration, timeout: Duration, phase: Duration) {
    let mut next = Instant::now();
    let mut first = true;
    loop {
        sleep_until(next).await;
        let begun = Instant::now();
        board.probe(index, timeout).await;
        next += if std::mem::take(&mut first) { phase.max(Duration::from_secs(1)) } else { interval };
        // After a suspended machine wakes, do not make up for what was missed.
        if next + interval < begun {
            next = begun + interval;
        }
    }
}

/// A provider nobody watches is only asked while logins skip it, or they would skip it for ever.
async fn recover(board: &Board, index: IdpIndex) {
    let slot = &board.slots[index.0];
    loop {
        slot.suspected.notified().await;
        while !board.member(index).is_available() {
            tokio::time::sleep(Duration::from_millis(RECOVERY_MILLIS)).await;
            board.probe(index, Duration::from_millis(RECOVERY_MILLIS)).await;
        }
    }
}
