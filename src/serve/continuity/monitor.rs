//! One task for each provider: ask, tell the state machine, sleep until the next start. And those that look
//! after it: a task that breaks off begins again, one that is stuck raises an alarm (protocol row HC11), what
//! providers publish is refreshed before it expires, and a pretended outage is told aloud (row HC13).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::Board;
use super::slot::Slot;
use crate::ambient::Entropy;
use crate::continuity::pace::{Pace, RECOVERY_MILLIS};
use crate::continuity::state::Observation;
use crate::health::{Reason, Unwell, Verdict};
use crate::serve::telemetry::Event;

/// No answer to any probe for this many intervals is an alarm.
pub const STUCK_INTERVALS: u32 = 3;
/// Between two looks at whether documents of a provider are due for a refresh, in milliseconds.
pub const KEEP_MILLIS: u64 = 30_000;
/// The first look comes within this time, in milliseconds: probes usually bring the documents sooner.
pub const KEEP_FIRST_MILLIS: u64 = 5_000;
/// A difference between a provider's clock and ours that is told, in seconds; tokens are refused beyond 60.
pub const CLOCK_SKEW_SECS_TOLD: u32 = 30;
/// How often it is told while it lasts, in seconds.
pub const CLOCK_SKEW_TELL_SECS: u64 = 3600;

/// Starts the monitors of the providers that `before` did not have; the others go on. When they ask is
/// [`Pace`]'s, with a phase of chance.
pub fn start(board: &Board, before: Option<&Board>, entropy: &Entropy, stop: &CancellationToken) {
    for slot in &board.slots {
        if before.is_some_and(|before| before.slots.iter().any(|known| Arc::ptr_eq(known, slot))) {
            continue;
        }
        let pace = Pace::of(&slot.check);
        let phase = entropy.below(pace.interval);
        let first = Duration::from_millis(entropy.below(KEEP_FIRST_MILLIS));
        until(stop, slot, supervise(slot.clone(), pace, phase));
        until(stop, slot, keep_fresh(slot.clone(), first));
        until(stop, slot, tell_simulation(slot.clone()));
    }
}

fn until(stop: &CancellationToken, slot: &Arc<Slot>, work: impl Future<Output = ()> + Send + 'static) {
    let (stop, retired) = (stop.clone(), slot.retired.clone());
    slot.ground.runtime.spawn(async move {
        tokio::select! {
            () = work => {}
            () = stop.cancelled() => {}
            () = retired.cancelled() => {}
        }
    });
}

/// A task that ends with whoever waits for it.
struct Owned<T>(JoinHandle<T>);

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Future for Owned<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

/// Keeps a monitor running, and tells when it has not brought an answer for too long. A monitor that broke off
/// counts as a failed probe; one that is stuck keeps the state it left.
async fn supervise(slot: Arc<Slot>, pace: Pace, phase: u64) {
    let interval = Duration::from_millis(pace.interval);
    let begun = Instant::now();
    let mut alarmed = false;
    loop {
        let work = {
            let slot = slot.clone();
            async move {
                match slot.watched {
                    true => watch(&slot, pace, phase).await,
                    false => recover(&slot).await,
                }
            }
        };
        let mut working = Owned(slot.ground.runtime.spawn(work));
        loop {
            tokio::select! {
                _ = &mut working => break,
                () = sleep(interval), if slot.watched => {
                    let age = slot.last_probe().unwrap_or(begun).elapsed();
                    let stuck = age > interval * STUCK_INTERVALS;
                    if stuck && !alarmed {
                        let detail = format!("no probe was over for {} s", age.as_secs());
                        slot.ground.telling.tell(&Event::ProbeStuck { connector: &slot.name, detail: &detail });
                    }
                    alarmed = stuck;
                }
            }
        }
        slot.ground.telling.tell(&Event::MonitorRestarted { connector: &slot.name });
        slot.observe(Observation::ProbeFailed(Reason::ProbeCrashed));
        sleep(interval).await;
    }
}

async fn watch(slot: &Arc<Slot>, pace: Pace, phase: u64) {
    let origin = Instant::now();
    let mut due = 0;
    let mut phase = Some(phase);
    let mut skew_told: Option<Instant> = None;
    loop {
        sleep_until(origin + Duration::from_millis(due)).await;
        let begun = u64::try_from(origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let verdict = probe(slot, Duration::from_millis(pace.timeout)).await;
        tell_skew(slot, &verdict, &mut skew_told);
        due = pace.next(due, begun, phase.take());
    }
}

/// A provider nobody watches is only asked while logins skip it, or they would skip it for ever.
async fn recover(slot: &Arc<Slot>) {
    loop {
        // What a reload took over may be suspect already.
        if slot.is_available() {
            slot.suspected.notified().await;
        }
        while !slot.is_available() {
            sleep(Duration::from_millis(RECOVERY_MILLIS)).await;
            probe(slot, Duration::from_millis(RECOVERY_MILLIS)).await;
        }
    }
}

/// One scheduled probe and what it means. The question is a task of its own: a panic in it is a failed probe,
/// and one that holds its thread cannot take the monitor's. Until it is really over no other is asked and
/// nothing is concluded.
async fn probe(slot: &Arc<Slot>, within: Duration) -> Verdict {
    let begun = Instant::now();
    let verdict = match slot.simulated() {
        Some(unwell) => Verdict::unwell(unwell),
        None => {
            let connector = slot.connector.clone();
            let mut asking = Owned(slot.ground.runtime.spawn(async move { connector.probe(within).await }));
            match timeout(within, &mut asking).await {
                Ok(Ok(verdict)) => verdict,
                Ok(Err(_)) => Verdict::unwell(Unwell::new(Reason::ProbeCrashed, "the question broke off")),
                Err(_) => {
                    asking.0.abort();
                    let _ = (&mut asking).await;
                    let words = format!("no answer within {} ms", within.as_millis());
                    Verdict::unwell(Unwell::new(Reason::Timeout, words))
                }
            }
        }
    };
    slot.probed(&verdict, begun.elapsed());
    verdict
}

/// Tokens of a provider with another clock are refused as expired or as from the future, by the minute.
fn tell_skew(slot: &Slot, verdict: &Verdict, told: &mut Option<Instant>) {
    // The clock of a custom endpoint is not the provider's.
    let Some(secs) = verdict.phases.clock_skew_secs.filter(|_| !slot.says_no) else { return };
    let due = told.is_none_or(|at| at.elapsed().as_secs() >= CLOCK_SKEW_TELL_SECS);
    if secs.unsigned_abs() > CLOCK_SKEW_SECS_TOLD && due {
        let detail = format!("{secs:+} s");
        slot.ground.telling.tell(&Event::ClockSkewed { connector: &slot.name, detail: &detail });
        *told = Some(Instant::now());
    }
}

/// Documents of a provider, before they expire, whoever else asks it.
async fn keep_fresh(slot: Arc<Slot>, first: Duration) {
    sleep(first).await;
    loop {
        let connector = slot.connector.clone();
        // A task of its own: if it breaks off, the next one begins as usual.
        let _ = Owned(slot.ground.runtime.spawn(async move { connector.keep_fresh().await })).await;
        sleep(Duration::from_millis(KEEP_MILLIS)).await;
    }
}

/// A pretended outage must not be taken for a real one: told at start, when it begins and when it ends.
async fn tell_simulation(slot: Arc<Slot>) {
    let Some((begins, ends)) = slot.check.simulation.as_ref().and_then(|simulation| simulation.window())
    else {
        return;
    };
    let begun = Duration::from_millis(slot.ground.clock.millis().0);
    let (telling, connector) = (&slot.ground.telling, slot.name.as_str());
    let detail = format!("from {} s to {} s after the start", begins.as_secs(), ends.as_secs());
    telling.tell(&Event::SimulationConfigured { connector, detail: &detail });
    sleep(begins.saturating_sub(begun)).await;
    if ends > begun {
        telling.tell(&Event::SimulationBegun { connector });
        sleep(ends.saturating_sub(begun.max(begins))).await;
        telling.tell(&Event::SimulationEnded { connector });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::super::slot::lock;
    use super::super::tests::board_over;
    use super::*;
    use crate::ambient::{Clock, UnixSecs};
    use crate::config::connectors::{HealthCheck, Simulation};
    use crate::connector::{Answer, Begin, BeginRequest, CompleteRequest, Connector, Fault, Identity};
    use crate::continuity::Standing;
    use crate::model::IdpIndex;

    /// What a probe does; well when there is nothing more to say.
    enum Say {
        Unwell,
        Panics,
        Hangs,
        /// Cannot be called off: holds on until released.
        Holds(Arc<tokio::sync::Semaphore>),
    }

    struct Scripted {
        script: Mutex<VecDeque<Say>>,
        asked: AtomicUsize,
        kept: AtomicUsize,
        held: Arc<AtomicBool>,
    }

    impl Connector for Scripted {
        fn probe(&self, _: Duration) -> Answer<'_, Verdict> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let say = lock(&self.script).pop_front();
            Box::pin(async move {
                match say {
                    None => Verdict { outcome: Ok(()), phases: Default::default(), facts: Vec::new() },
                    Some(Say::Unwell) => Verdict::unwell(Unwell::new(Reason::Status, "scripted")),
                    Some(Say::Panics) => panic!("a fault of ours, on purpose"),
                    Some(Say::Hangs) => std::future::pending().await,
                    Some(Say::Holds(until)) => {
                        let _release = HeldOpen(until, self.held.clone());
                        std::future::pending().await
                    }
                }
            })
        }

        fn pre_flight(&self, budget: Duration) -> Answer<'_, Verdict> {
            self.probe(budget)
        }

        fn keep_fresh(&self) -> Answer<'_, ()> {
            self.kept.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { panic!("a fault of ours, on purpose") })
        }

        fn begin<'a>(&'a self, _: &'a BeginRequest) -> Answer<'a, Result<Begin, Fault>> {
            Box::pin(async { Err(Fault::Unsupported("scripted")) })
        }

        fn complete<'a>(&'a self, _: CompleteRequest<'a>) -> Answer<'a, Result<Identity, Fault>> {
            Box::pin(async { Err(Fault::Unsupported("scripted")) })
        }
    }

    /// Blocks its thread when it is dropped, as a call that never returns would.
    struct HeldOpen(Arc<tokio::sync::Semaphore>, Arc<AtomicBool>);

    impl Drop for HeldOpen {
        fn drop(&mut self) {
            self.1.store(true, Ordering::SeqCst);
            // A test that failed holds it no longer, and must end.
            while self.0.try_acquire().is_err() && Arc::strong_count(&self.0) > 1 {
                std::thread::yield_now();
            }
        }
    }

    fn check() -> HealthCheck {
        HealthCheck {
            enabled: true,
            interval: crate::value::Duration::from_secs(10),
            timeout: crate::value::Duration::from_secs(5),
            ..HealthCheck::default()
        }
    }

    fn scripted(script: impl IntoIterator<Item = Say>) -> Arc<Scripted> {
        let script = Mutex::new(script.into_iter().collect());
        Arc::new(Scripted { script, asked: 0.into(), kept: 0.into(), held: Arc::default() })
    }

    struct Run {
        board: Arc<Board>,
        connector: Arc<Scripted>,
        clock: Clock,
        stop: CancellationToken,
    }

    fn run(script: impl IntoIterator<Item = Say>, check: HealthCheck) -> Run {
        let (connector, clock) = (scripted(script), Clock::fixed(UnixSecs(1_000_000)));
        let board = board_over(connector.clone(), check, clock.clone());
        let stop = CancellationToken::new();
        start(&board, None, &Entropy::counted(0), &stop);
        Run { board, connector, clock, stop }
    }

    impl Run {
        /// Both clocks, second by second.
        async fn secs(&self, seconds: u64) {
            for _ in 0..seconds {
                sleep(Duration::from_secs(1)).await;
                self.clock.advance(1000);
            }
        }

        fn standing(&self) -> Standing {
            self.board.member(IdpIndex(0)).standing()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_panics_is_a_failed_probe_and_the_next_one_is_asked() {
        let run = run([Say::Panics, Say::Panics], check());
        run.secs(25).await;
        assert!(run.connector.asked.load(Ordering::Relaxed) >= 2);
        let mut reasons = Vec::new();
        for _ in 0..60 {
            run.secs(1).await;
            reasons.push(run.standing());
        }
        assert_eq!(run.standing(), Standing::Healthy, "asked on and on: {reasons:?}");
        run.stop.cancel();
    }

    #[tokio::test(start_paused = true)]
    async fn panics_count_towards_the_threshold() {
        let run = run((0..100).map(|_| Say::Panics), check());
        run.secs(40).await;
        let member = run.board.member(IdpIndex(0));
        assert_eq!(
            (member.standing(), member.last_reason()),
            (Standing::Unhealthy, Some(Reason::ProbeCrashed))
        );
        assert!(run.connector.kept.load(Ordering::Relaxed) >= 2, "documents are looked after all the same");
        run.stop.cancel();
    }

    #[tokio::test(start_paused = true)]
    async fn hanging_is_a_failure_of_the_provider() {
        let run = run([Say::Hangs, Say::Hangs], check());
        run.secs(30).await;
        let member = run.board.member(IdpIndex(0));
        assert_eq!(member.last_reason().or(Some(Reason::Timeout)), Some(Reason::Timeout));
        run.secs(40).await;
        assert_eq!(run.standing(), Standing::Healthy);
        assert!(run.board.snapshot()[0].probe_age_secs.is_some_and(|age| age <= 10));
        run.stop.cancel();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn a_stuck_question_keeps_the_last_state_and_its_age_grows() {
        let release = Arc::new(tokio::sync::Semaphore::new(0));
        let check = HealthCheck {
            interval: crate::value::Duration::from_secs(1),
            timeout: "20ms".parse().unwrap(),
            unhealthy_threshold: 1,
            ..check()
        };
        let (connector, clock) = (scripted([Say::Holds(release.clone())]), Clock::fixed(UnixSecs(0)));
        let board = board_over(connector.clone(), check, clock);
        board.observe(IdpIndex(0), Observation::ProbeOk);
        let asking = {
            let board = board.clone();
            tokio::spawn(async move { probe(&board.slots[0], Duration::from_millis(20)).await })
        };
        while connector.asked.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        // Called off, and it holds its thread: nothing is concluded, and no second one is asked.
        while !connector.held.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        assert!(!asking.is_finished());
        assert_eq!(board.member(IdpIndex(0)).standing(), Standing::Healthy);
        assert!(board.slots[0].last_probe().is_none() && connector.asked.load(Ordering::Relaxed) == 1);
        release.add_permits(1);
        let verdict = asking.await.unwrap();
        assert_eq!(verdict.outcome.unwrap_err().reason, Reason::Timeout);
        assert_eq!(board.member(IdpIndex(0)).standing(), Standing::Unhealthy, "over, and counted");
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_pretended_for_its_time() {
        let secs = |s| Some(crate::value::Duration::from_secs(s));
        let simulation = Simulation { enabled: true, start_after: secs(60), downtime: secs(120) };
        let run = run([], HealthCheck { simulation: Some(simulation), ..check() });
        run.secs(50).await;
        assert_eq!(run.standing(), Standing::Healthy);
        run.secs(40).await;
        let member = run.board.member(IdpIndex(0));
        assert_eq!((member.standing(), member.last_reason()), (Standing::Unhealthy, Some(Reason::Simulated)));
        assert!(!run.board.check(IdpIndex(0), Duration::from_secs(3)).await, "a login is kept from it too");
        assert_eq!(run.board.slots[0].simulated().map(|u| u.reason), Some(Reason::Simulated));
        run.secs(130).await;
        assert_eq!(run.standing(), Standing::Healthy, "and then is over");
        run.stop.cancel();
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_of_the_wall_clock_fails_nobody() {
        let run = run([Say::Unwell], check());
        for step in [86_400, -3 * 86_400, 7 * 86_400] {
            run.clock.step_wall(step);
            run.secs(60).await;
            assert_eq!(run.standing(), Standing::Healthy, "after a step of {step} s");
        }
        let snapshot = &run.board.snapshot()[0];
        assert!(snapshot.since_secs < 200, "{snapshot:?}");
        run.stop.cancel();
    }
}
