//! Each event once: its log line. Names are stable; reason codes are those of `probe`.

use crate::continuity::state::{Change, Standing};
use crate::health::{Reason, Unwell};

/// `health.state.changed`, `health.suspected`, `health.cleared`, `health.flapping`.
pub fn health_changed(connector: &str, change: &Change) {
    match change {
        Change::Standing { from, to, reason } => {
            let reason = reason.map_or("recovered", Reason::code);
            let (from, to) = (from.word(), to.word());
            match change_is_bad(change) {
                true => tracing::warn!(
                    event = "health.state.changed",
                    connector,
                    from,
                    to,
                    reason,
                    "provider state changed"
                ),
                false => tracing::info!(
                    event = "health.state.changed",
                    connector,
                    from,
                    to,
                    reason,
                    "provider state changed"
                ),
            }
        }
        Change::Suspected(reason) => tracing::warn!(
            event = "health.suspected",
            connector,
            reason = reason.code(),
            "provider is suspect: new logins skip it until a probe succeeds"
        ),
        Change::Cleared => {
            tracing::info!(event = "health.cleared", connector, "provider is no longer suspect")
        }
        Change::Damped(factor) => tracing::warn!(
            event = "health.flapping",
            connector,
            factor,
            "provider flaps: its healthy threshold is multiplied"
        ),
    }
}

fn change_is_bad(change: &Change) -> bool {
    matches!(change, Change::Standing { to: Standing::Unhealthy, .. })
}

/// `health.probe.failed`.
pub fn probe_failed(connector: &str, unwell: &Unwell) {
    tracing::info!(
        event = "health.probe.failed",
        connector,
        reason = unwell.reason.code(),
        detail = unwell.detail,
        "probe failed"
    );
}

/// `health.probe.stuck`: no answer for several intervals, good or bad. The state of before is kept.
pub fn probe_stuck(connector: &str, age: std::time::Duration) {
    tracing::error!(
        event = "health.probe.stuck",
        connector,
        age_secs = age.as_secs(),
        "no probe was over for several intervals: its state is not known to be true any more"
    );
}

/// `health.monitor.restarted`: a fault of ours.
pub fn monitor_restarted(connector: &str) {
    tracing::error!(event = "health.monitor.restarted", connector, "the monitor broke off and begins again");
}

/// `health.clock.skewed`: seconds of the provider's clock minus ours.
pub fn clock_skewed(connector: &str, skew_secs: i32) {
    tracing::warn!(
        event = "health.clock.skewed",
        connector,
        skew_secs,
        "the provider's clock differs from ours: its tokens will be refused beyond 60 s"
    );
}

/// `health.simulation.configured`: times in seconds since the start.
pub fn simulation_configured(connector: &str, begins: std::time::Duration, ends: std::time::Duration) {
    tracing::warn!(
        event = "health.simulation.configured",
        connector,
        begins_secs = begins.as_secs(),
        ends_secs = ends.as_secs(),
        "an outage of this provider will be pretended: remove healthCheck.simulation in production"
    );
}

/// `health.simulation.begun`.
pub fn simulation_begun(connector: &str) {
    tracing::error!(
        event = "health.simulation.begun",
        connector,
        "the pretended outage begins: new logins are kept from this provider"
    );
}

/// `health.simulation.ended`.
pub fn simulation_ended(connector: &str) {
    tracing::warn!(event = "health.simulation.ended", connector, "the pretended outage is over");
}

/// `health.preflight.failed`.
pub fn pre_flight_failed(connector: &str, reason: Reason, detail: &str) {
    tracing::warn!(
        event = "health.preflight.failed",
        connector,
        reason = reason.code(),
        detail,
        "pre-flight failed"
    );
}

/// `continuity.selected`: who serves a login, and why.
pub fn selected(app: &str, connector: &str, through: Option<&str>, why: &'static str) {
    let through = through.unwrap_or_default();
    tracing::debug!(event = "continuity.selected", app, connector, through, reason = why, "login begins");
}

/// `continuity.failover` and `continuity.failback`: logins now go to another member than before.
pub fn served_by(through: &str, from: &str, to: &str, primary: bool, why: &'static str) {
    if primary {
        tracing::info!(
            event = "continuity.failback",
            continuity = through,
            from,
            to,
            reason = why,
            "logins go to the primary again"
        );
    } else {
        tracing::warn!(
            event = "continuity.failover",
            continuity = through,
            from,
            to,
            reason = why,
            "logins go to another provider"
        );
    }
}

/// `continuity.exhausted`.
pub fn exhausted(app: &str) {
    tracing::error!(event = "continuity.exhausted", app, "no identity provider is available");
}

/// `continuity.login.restarted`.
pub fn restarted(app: &str, from: &str, reason: &str) {
    tracing::warn!(
        event = "continuity.login.restarted",
        app,
        from,
        reason,
        "login begins again at another provider"
    );
}

/// `login.completed`.
pub fn completed(app: &str, connector: &str, subject: &str, session: &str) {
    tracing::info!(event = "login.completed", app, connector, subject, session, "person signed in");
}

/// `login.denied`: a decision about the person.
pub fn denied(app: &str, connector: &str, reason: &str) {
    tracing::info!(event = "login.denied", app, connector, reason, "sign-in denied");
}

/// `login.rejected`: an answer that is not acceptable. `reference` is on the person's page.
pub fn rejected(connector: &str, reason: &str, reference: &str) {
    tracing::warn!(event = "login.rejected", connector, reason, reference, "answer of a sign-in refused");
}

/// `access.denied`.
pub fn access_denied(app: &str, subject: &str, path: &str) {
    tracing::info!(event = "access.denied", app, subject, path, "access denied");
}
