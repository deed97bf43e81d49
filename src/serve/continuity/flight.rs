//! Questions before and amid sign-ins, which the logins that wait share: one of a kind is in flight for each
//! provider, and its answer counts for all that arrived before it began.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::slot::{Slot, lock, millis};
use crate::continuity::pace::Landed;
use crate::continuity::state::Observation;
use crate::health::{Reason, Verdict};
use crate::serve::telemetry::Event;

/// What is asked of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// May a browser be sent there?
    PreFlight,
    /// A sign-in failed there: are the parts that only a sign-in needs well?
    Check,
}

/// Pre-flights, and checks in the middle of a sign-in: each kind has its own one in flight.
#[derive(Default)]
pub(super) struct Flights([(Mutex<Flight>, Notify); 2]);

#[derive(Default)]
struct Flight {
    running: bool,
    /// The last one that landed, in the board's own count.
    last: Option<Landed>,
}

impl Slot {
    /// Whether the provider is well, by an answer to a request begun after `arrived`.
    pub(super) async fn share(self: &Arc<Self>, question: Question, arrived: u64, budget: Duration) -> bool {
        let (flight, landed) = &self.flights.0[question as usize];
        let came = Instant::now();
        loop {
            let landing = landed.notified();
            tokio::pin!(landing);
            // Listen before looking, or a landing in between would be missed.
            landing.as_mut().enable();
            let answer;
            {
                let mut flight = lock(flight);
                answer = flight.last.filter(|landed| landed.counts_for(arrived));
                if answer.is_none() && !flight.running {
                    flight.running = true;
                    let landing = Landing {
                        slot: self.clone(),
                        question,
                        begun: self.ground.arrive(),
                        started: Instant::now(),
                        well: false,
                    };
                    // Spawned: a login that goes away must not leave the others without an answer.
                    self.ground.runtime.spawn(self.clone().fly(landing, budget));
                }
            }
            match answer {
                Some(landed) if landed.well => return true,
                Some(landed) => {
                    tokio::time::sleep(landed.step_back(came.elapsed())).await;
                    return false;
                }
                None => landing.await,
            }
        }
    }

    async fn fly(self: Arc<Self>, mut landing: Landing, budget: Duration) {
        let asking = match (self.simulated(), landing.question) {
            (Some(unwell), _) => Box::pin(async { Verdict::unwell(unwell) }),
            (None, Question::PreFlight) => self.connector.pre_flight(budget),
            (None, Question::Check) => self.connector.check(budget),
        };
        let answered = tokio::time::timeout(budget, asking).await;
        let took = landing.started.elapsed();
        let telling = &self.ground.telling;
        telling.metrics.asked(&self.name, took);
        let outcome = match answered {
            Ok(verdict) => verdict.outcome.map_err(|unwell| (unwell.reason, unwell.detail)),
            Err(_) => Err((Reason::Timeout, format!("no answer within {} ms", budget.as_millis()))),
        };
        match outcome {
            Ok(()) => {
                landing.well = true;
                self.observe(Observation::PreFlightOk);
            }
            // This machine could not ask, which says nothing about the provider: go on as if it had not.
            Err((Reason::OurLimit, detail)) => {
                landing.well = true;
                telling.tell(&Event::NotAsked { connector: &self.name, detail: &detail });
            }
            Err((reason, detail)) => {
                let (connector, detail, millis) = (self.name.as_str(), detail.as_str(), Some(millis(took)));
                telling.tell(&Event::PreFlightFailed { connector, reason, detail, millis });
                self.observe(Observation::PreFlightFailed(reason));
            }
        }
    }
}

/// A question under way. However it ends, also by a panic, those who wait learn it.
struct Landing {
    slot: Arc<Slot>,
    question: Question,
    begun: u64,
    started: Instant,
    well: bool,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let (flight, landed) = &self.slot.flights.0[self.question as usize];
        {
            let mut flight = lock(flight);
            flight.running = false;
            flight.last = Some(Landed {
                begun: self.begun,
                ended: self.slot.ground.arrive(),
                well: self.well,
                took: self.started.elapsed(),
            });
        }
        landed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::Board;
    use super::super::tests::board_over;
    use super::*;
    use crate::ambient::{Clock, UnixSecs};
    use crate::config::connectors::HealthCheck;
    use crate::connector::{Answer, Begin, BeginRequest, CompleteRequest, Connector, Fault, Identity};
    use crate::health::Unwell;
    use crate::model::IdpIndex;

    struct Scripted {
        asked: AtomicUsize,
        well: Mutex<bool>,
        takes: Duration,
    }

    impl Connector for Scripted {
        fn probe(&self, budget: Duration) -> Answer<'_, Verdict> {
            self.pre_flight(budget)
        }

        fn pre_flight(&self, _: Duration) -> Answer<'_, Verdict> {
            Box::pin(async move {
                self.asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(self.takes).await;
                let mut verdict = Verdict::unwell(Unwell::new(Reason::Status, "scripted"));
                if *lock(&self.well) {
                    verdict.outcome = Ok(());
                }
                verdict
            })
        }

        fn begin<'a>(&'a self, _: &'a BeginRequest) -> Answer<'a, Result<Begin, Fault>> {
            Box::pin(async { Err(Fault::Unsupported("scripted")) })
        }

        fn complete<'a>(&'a self, _: CompleteRequest<'a>) -> Answer<'a, Result<Identity, Fault>> {
            Box::pin(async { Err(Fault::Unsupported("scripted")) })
        }
    }

    fn board(well: bool, takes: Duration) -> (Arc<Board>, Arc<Scripted>) {
        let connector = Arc::new(Scripted { asked: AtomicUsize::new(0), well: Mutex::new(well), takes });
        (board_over(connector.clone(), HealthCheck::default(), Clock::fixed(UnixSecs(0))), connector)
    }

    const BUDGET: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn waiting_logins_share_one_question() {
        let (board, connector) = board(true, Duration::from_millis(100));
        let logins = (0..50).map(|_| {
            let (board, arrived) = (board.clone(), board.arrive());
            tokio::spawn(async move { board.ask(IdpIndex(0), arrived, BUDGET, Duration::ZERO).await })
        });
        for login in logins.collect::<Vec<_>>() {
            assert!(login.await.unwrap());
        }
        assert_eq!(connector.asked.load(Ordering::Relaxed), 1);
        let arrived = board.arrive();
        assert!(board.ask(IdpIndex(0), arrived, BUDGET, Duration::ZERO).await);
        assert_eq!(connector.asked.load(Ordering::Relaxed), 2, "an older answer is not evidence");
        let arrived = board.arrive();
        assert!(board.ask(IdpIndex(0), arrived, BUDGET, Duration::from_secs(9)).await);
        assert_eq!(connector.asked.load(Ordering::Relaxed), 2, "unless the configuration accepts it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_provider_costs_everybody_one_budget_at_most() {
        let (board, connector) = board(true, Duration::from_secs(3600));
        let begun = tokio::time::Instant::now();
        let first = board.arrive();
        let one = {
            let board = board.clone();
            tokio::spawn(async move { board.ask(IdpIndex(0), first, BUDGET, Duration::ZERO).await })
        };
        tokio::time::sleep(Duration::from_secs(2)).await;
        let second = board.arrive();
        assert!(
            !board.ask(IdpIndex(0), second, BUDGET, Duration::ZERO).await,
            "a flight that failed meanwhile"
        );
        assert!(!one.await.unwrap());
        assert_eq!(begun.elapsed().as_secs(), 3);
        assert_eq!(connector.asked.load(Ordering::Relaxed), 1);
        assert!(!board.member(IdpIndex(0)).is_available());
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_that_goes_away_leaves_the_others_their_answer() {
        let (board, _) = board(true, Duration::from_millis(500));
        let (a, b) = (board.arrive(), board.arrive());
        let gone = {
            let board = board.clone();
            tokio::spawn(async move { board.ask(IdpIndex(0), a, BUDGET, Duration::ZERO).await })
        };
        tokio::task::yield_now().await;
        let waiting = {
            let board = board.clone();
            tokio::spawn(async move { board.ask(IdpIndex(0), b, BUDGET, Duration::ZERO).await })
        };
        tokio::task::yield_now().await;
        gone.abort();
        assert!(waiting.await.unwrap());
    }
}
