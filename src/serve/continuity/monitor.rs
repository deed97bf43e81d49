//! One task for each provider: ask, tell the state machine, sleep until the next start.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Board;
use crate::ambient::Entropy;
use crate::continuity::pace::{Pace, RECOVERY_MILLIS};
use crate::model::IdpIndex;

/// Starts the monitors; when they ask is [`Pace`]'s, with a phase of chance.
pub fn start(board: &Arc<Board>, entropy: &Entropy, stop: &CancellationToken) {
    for (i, slot) in board.slots.iter().enumerate() {
        let pace = Pace::of(&slot.check);
        let phase = entropy.below(pace.interval);
        let (board, stop, watched) = (board.clone(), stop.clone(), slot.watched);
        let runtime = board.runtime.clone();
        runtime.spawn(async move {
            let watch = async {
                if watched {
                    watch(&board, IdpIndex(i), pace, phase).await;
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

async fn watch(board: &Board, index: IdpIndex, pace: Pace, phase: u64) {
    let origin = Instant::now();
    let mut due = 0;
    let mut phase = Some(phase);
    loop {
        sleep_until(origin + Duration::from_millis(due)).await;
        let begun = u64::try_from(origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        board.probe(index, Duration::from_millis(pace.timeout)).await;
        due = pace.next(due, begun, phase.take());
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
