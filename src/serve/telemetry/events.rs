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

/// `session.ended`: by more than its time.
pub fn session_ended(session: &str, reason: &'static str) {
    tracing::info!(event = "session.ended", session, reason, "session ended");
}

/// `logout.upstream.incomplete`: the session at a provider may still be open, and the person was told.
pub fn logout_incomplete(connector: &str, reason: &str) {
    tracing::warn!(
        event = "logout.upstream.incomplete",
        connector,
        reason,
        "person is signed out here; the session at the provider may still be open"
    );
}

/// `logout.received`: a provider announced that a session ended there.
pub fn logout_received(connector: &str, sessions: usize) {
    tracing::info!(
        event = "logout.received",
        connector,
        sessions = sessions as u64,
        "provider announced a logout"
    );
}

/// `logout.refused`: an announcement that is not acceptable.
pub fn logout_refused(connector: &str, reason: &str) {
    tracing::warn!(event = "logout.refused", connector, reason, "announced logout refused");
}

/// `logout.backchannel.delivered`.
pub fn relying_party_told(client: &str) {
    tracing::info!(event = "logout.backchannel.delivered", client, "relying party was told of a logout");
}

/// `logout.backchannel.failed`.
pub fn relying_party_not_told(client: &str, reason: &str) {
    tracing::warn!(
        event = "logout.backchannel.failed",
        client,
        reason,
        "relying party could not be told of a logout"
    );
}
