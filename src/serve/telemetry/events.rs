//! Each thing worth telling, once and typed. From an [`Event`] follow its log line here, its metrics in
//! [`super::metrics`] and its entry in [`crate::serve::continuity::history`]; the counter of all events listens
//! to the log itself ([`super::count`]). Names are those of [`super::kinds`], reason codes those of `probe`.

use super::kinds::{self, Kind, Loudness};
use crate::continuity::state::{Change, Standing};
use crate::continuity::{Plan, Why};
use crate::health::{Reason, Unwell};

/// Something happened.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the kinds say it, and the fields are the words of every log line")]
pub enum Event<'a> {
    ProbeFailed {
        connector: &'a str,
        unwell: &'a Unwell,
        millis: u64,
    },
    Changed {
        connector: &'a str,
        change: &'a Change,
    },
    PreFlightFailed {
        connector: &'a str,
        reason: Reason,
        detail: &'a str,
        millis: Option<u64>,
    },
    ProbeStuck {
        connector: &'a str,
        detail: &'a str,
    },
    MonitorRestarted {
        connector: &'a str,
    },
    ClockSkewed {
        connector: &'a str,
        detail: &'a str,
    },
    SimulationConfigured {
        connector: &'a str,
        detail: &'a str,
    },
    SimulationBegun {
        connector: &'a str,
    },
    SimulationEnded {
        connector: &'a str,
    },
    NotAsked {
        connector: &'a str,
        detail: &'a str,
    },
    Selected {
        app: &'a str,
        connector: &'a str,
        continuity: Option<&'a str>,
        why: &'static str,
    },
    /// Logins of a continuity connector go to another member. `because`: what ails the former.
    Served {
        continuity: &'a str,
        from: &'a str,
        to: &'a str,
        primary: bool,
        why: &'static str,
        because: Option<Why>,
    },
    Exhausted {
        app: &'a str,
        continuity: Option<&'a str>,
    },
    Restarted {
        app: &'a str,
        continuity: Option<&'a str>,
        from: &'a str,
        reason: &'static str,
    },
    Completed {
        app: &'a str,
        continuity: Option<&'a str>,
        connector: &'a str,
        subject: &'a str,
        session: &'a str,
        why: &'a str,
    },
    Denied {
        app: &'a str,
        continuity: Option<&'a str>,
        connector: &'a str,
        reason: &'static str,
        detail: &'a str,
    },
    Rejected {
        app: &'a str,
        continuity: Option<&'a str>,
        connector: &'a str,
        reason: &'static str,
        detail: &'a str,
        reference: &'a str,
    },
    BeginFailed {
        connector: &'a str,
        detail: &'a str,
    },
    Doubted {
        connector: &'a str,
        unwell: &'a Unwell,
    },
    Unconfirmed {
        app: &'a str,
        connector: &'a str,
        reason: &'static str,
    },
    CallbackUnknown {
        reason: &'static str,
    },
    CallbackReplayed {
        app: &'a str,
        connector: &'a str,
    },
    Mismatch {
        app: &'a str,
        connector: &'a str,
    },
    Collision {
        app: &'a str,
        connector: &'a str,
    },
    Circles {
        app: &'a str,
    },
    SessionEnded {
        session: &'a str,
        reason: &'static str,
    },
    LogoutIncomplete {
        connector: &'a str,
        reason: &'static str,
        detail: &'a str,
    },
    LogoutReceived {
        connector: &'a str,
        detail: &'a str,
    },
    LogoutRefused {
        connector: &'a str,
        detail: &'a str,
    },
    RelyingPartyTold {
        client: &'a str,
    },
    RelyingPartyNotTold {
        client: &'a str,
        detail: &'a str,
    },
    LookupFailed {
        app: &'a str,
        connector: &'a str,
        reason: &'static str,
        detail: &'a str,
    },
    AccessDenied {
        app: &'a str,
        subject: &'a str,
        path: &'a str,
    },
    CodeReused {
        client: &'a str,
    },
    HeaderOmitted {
        app: &'a str,
        header: &'a str,
    },
    CookieDropped {
        app: &'a str,
    },
    UpstreamTimeout {
        app: &'a str,
    },
    UpstreamFailed {
        app: &'a str,
        reason: &'static str,
        detail: &'a str,
    },
    AdminAction {
        action: &'static str,
        client: &'a str,
        session: Option<&'a str>,
    },
    AdminRefused {
        reason: &'static str,
        client: &'a str,
    },
}

/// A log line: its kind and the fields it has.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    kind: &'static Kind,
    loudness: Loudness,
    action: Option<&'a str>,
    app: Option<&'a str>,
    because: Option<&'a str>,
    client: Option<&'a str>,
    connector: Option<&'a str>,
    continuity: Option<&'a str>,
    detail: Option<&'a str>,
    /// Milliseconds.
    duration: Option<u64>,
    factor: Option<u64>,
    from: Option<&'a str>,
    header: Option<&'a str>,
    path: Option<&'a str>,
    reason: Option<&'a str>,
    reference: Option<&'a str>,
    session: Option<&'a str>,
    subject: Option<&'a str>,
    to: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn new(kind: &'static Kind) -> Self {
        Line {
            kind,
            loudness: kind.loudness,
            action: None,
            app: None,
            because: None,
            client: None,
            connector: None,
            continuity: None,
            detail: None,
            duration: None,
            factor: None,
            from: None,
            header: None,
            path: None,
            reason: None,
            reference: None,
            session: None,
            subject: None,
            to: None,
        }
    }

    fn about(kind: &'static Kind, connector: &'a str) -> Self {
        Line { connector: Some(connector), ..Line::new(kind) }
    }

    fn of_app(kind: &'static Kind, app: &'a str) -> Self {
        Line { app: Some(app), ..Line::new(kind) }
    }
}

impl Event<'_> {
    /// Its kind.
    pub fn kind(&self) -> &'static Kind {
        self.line().kind
    }

    /// Its stable reason code, if it has one.
    pub fn reason(&self) -> Option<&str> {
        self.line().reason
    }

    fn line(&self) -> Line<'_> {
        match *self {
            Event::ProbeFailed { connector, unwell, millis } => Line {
                reason: Some(unwell.reason.code()),
                detail: Some(&unwell.detail),
                duration: Some(millis),
                ..Line::about(&kinds::PROBE_FAILED, connector)
            },
            Event::Changed { connector, change } => changed(connector, change),
            Event::PreFlightFailed { connector, reason, detail, millis } => Line {
                reason: Some(reason.code()),
                detail: Some(detail),
                duration: millis,
                ..Line::about(&kinds::PRE_FLIGHT_FAILED, connector)
            },
            Event::NotAsked { connector, detail } => {
                Line { detail: Some(detail), ..Line::about(&kinds::NOT_ASKED, connector) }
            }
            Event::Selected { app, connector, continuity, why } => Line {
                app: Some(app),
                continuity,
                reason: Some(why),
                ..Line::about(&kinds::SELECTED, connector)
            },
            Event::Served { continuity, from, to, primary, why, because } => Line {
                continuity: Some(continuity),
                from: Some(from),
                to: Some(to),
                reason: Some(why),
                because: because.map(|why| why.because().map_or(why.code(), Reason::code)),
                ..Line::new(if primary { &kinds::FAILBACK } else { &kinds::FAILOVER })
            },
            Event::Exhausted { app, continuity } => {
                Line { continuity, ..Line::of_app(&kinds::EXHAUSTED, app) }
            }
            Event::Restarted { app, continuity, from, reason } => Line {
                continuity,
                from: Some(from),
                reason: Some(reason),
                ..Line::of_app(&kinds::RESTARTED, app)
            },
            Event::Completed { app, continuity, connector, subject, session, why } => Line {
                continuity,
                connector: Some(connector),
                subject: Some(subject),
                session: Some(session),
                reason: Some(why),
                ..Line::of_app(&kinds::COMPLETED, app)
            },
            Event::Denied { app, continuity, connector, reason, detail } => Line {
                continuity,
                connector: Some(connector),
                reason: Some(reason),
                detail: Some(detail),
                ..Line::of_app(&kinds::DENIED, app)
            },
            Event::Rejected { app, continuity, connector, reason, detail, reference } => Line {
                continuity,
                connector: Some(connector),
                reason: Some(reason),
                detail: Some(detail),
                reference: Some(reference),
                ..Line::of_app(&kinds::REJECTED, app)
            },
            Event::BeginFailed { connector, detail } => {
                Line { detail: Some(detail), ..Line::about(&kinds::BEGIN_FAILED, connector) }
            }
            Event::Doubted { connector, unwell } => Line {
                reason: Some(unwell.reason.code()),
                detail: Some(&unwell.detail),
                ..Line::about(&kinds::DOUBTED, connector)
            },
            Event::Unconfirmed { app, connector, reason } => {
                Line { app: Some(app), reason: Some(reason), ..Line::about(&kinds::UNCONFIRMED, connector) }
            }
            Event::CallbackUnknown { reason } => {
                Line { reason: Some(reason), ..Line::new(&kinds::CALLBACK_UNKNOWN) }
            }
            Event::CallbackReplayed { app, connector } => {
                Line { app: Some(app), ..Line::about(&kinds::CALLBACK_REPLAYED, connector) }
            }
            Event::Mismatch { app, connector } => {
                Line { app: Some(app), ..Line::about(&kinds::MISMATCH, connector) }
            }
            Event::ProbeStuck { connector, detail } => {
                Line { detail: Some(detail), ..Line::about(&kinds::PROBE_STUCK, connector) }
            }
            Event::MonitorRestarted { connector } => Line::about(&kinds::MONITOR_RESTARTED, connector),
            Event::ClockSkewed { connector, detail } => {
                Line { detail: Some(detail), ..Line::about(&kinds::CLOCK_SKEWED, connector) }
            }
            Event::SimulationConfigured { connector, detail } => {
                Line { detail: Some(detail), ..Line::about(&kinds::SIMULATION_CONFIGURED, connector) }
            }
            Event::SimulationBegun { connector } => Line::about(&kinds::SIMULATION_BEGUN, connector),
            Event::SimulationEnded { connector } => Line::about(&kinds::SIMULATION_ENDED, connector),
            Event::Collision { app, connector } => {
                Line { app: Some(app), ..Line::about(&kinds::COLLISION, connector) }
            }
            Event::Circles { app } => Line::of_app(&kinds::CIRCLES, app),
            Event::SessionEnded { session, reason } => {
                Line { session: Some(session), reason: Some(reason), ..Line::new(&kinds::SESSION_ENDED) }
            }
            Event::LogoutIncomplete { connector, reason, detail } => Line {
                reason: Some(reason),
                detail: Some(detail),
                ..Line::about(&kinds::LOGOUT_INCOMPLETE, connector)
            },
            Event::LogoutReceived { connector, detail } => {
                Line { detail: Some(detail), ..Line::about(&kinds::LOGOUT_RECEIVED, connector) }
            }
            Event::LogoutRefused { connector, detail } => {
                Line { detail: Some(detail), ..Line::about(&kinds::LOGOUT_REFUSED, connector) }
            }
            Event::RelyingPartyTold { client } => {
                Line { client: Some(client), ..Line::new(&kinds::RELYING_PARTY_TOLD) }
            }
            Event::RelyingPartyNotTold { client, detail } => Line {
                client: Some(client),
                detail: Some(detail),
                ..Line::new(&kinds::RELYING_PARTY_NOT_TOLD)
            },
            Event::LookupFailed { app, connector, reason, detail } => Line {
                app: Some(app),
                reason: Some(reason),
                detail: Some(detail),
                ..Line::about(&kinds::LOOKUP_FAILED, connector)
            },
            Event::AccessDenied { app, subject, path } => {
                Line { subject: Some(subject), path: Some(path), ..Line::of_app(&kinds::ACCESS_DENIED, app) }
            }
            Event::CodeReused { client } => Line { client: Some(client), ..Line::new(&kinds::CODE_REUSED) },
            Event::HeaderOmitted { app, header } => {
                Line { header: Some(header), ..Line::of_app(&kinds::HEADER_OMITTED, app) }
            }
            Event::CookieDropped { app } => Line::of_app(&kinds::COOKIE_DROPPED, app),
            Event::UpstreamTimeout { app } => Line::of_app(&kinds::UPSTREAM_TIMEOUT, app),
            Event::UpstreamFailed { app, reason, detail } => Line {
                reason: Some(reason),
                detail: Some(detail),
                ..Line::of_app(&kinds::UPSTREAM_FAILED, app)
            },
            Event::AdminAction { action, client, session } => Line {
                action: Some(action),
                client: Some(client),
                session,
                ..Line::new(&kinds::ADMIN_ACTION)
            },
            Event::AdminRefused { reason, client } => {
                Line { reason: Some(reason), client: Some(client), ..Line::new(&kinds::ADMIN_REFUSED) }
            }
        }
    }

    /// Writes the log line.
    pub fn log(&self) {
        let line = self.line();
        macro_rules! write {
            ($level:ident) => {
                tracing::$level!(
                    event = line.kind.name,
                    action = line.action,
                    app = line.app,
                    because = line.because,
                    client = line.client,
                    connector = line.connector,
                    continuity = line.continuity,
                    detail = line.detail,
                    duration = line.duration,
                    factor = line.factor,
                    from = line.from,
                    header = line.header,
                    path = line.path,
                    reason = line.reason,
                    reference = line.reference,
                    session = line.session,
                    subject = line.subject,
                    to = line.to,
                    "{}",
                    line.kind.words
                )
            };
        }
        match line.loudness {
            Loudness::Debug => write!(debug),
            Loudness::Info => write!(info),
            Loudness::Warn => write!(warn),
            Loudness::Error => write!(error),
        }
    }
}

fn changed<'a>(connector: &'a str, change: &'a Change) -> Line<'a> {
    match change {
        Change::Standing { from, to, reason } => Line {
            from: Some(from.word()),
            to: Some(to.word()),
            reason: Some(reason.map_or("recovered", Reason::code)),
            loudness: if *to == Standing::Unhealthy { Loudness::Warn } else { Loudness::Info },
            ..Line::about(&kinds::STATE_CHANGED, connector)
        },
        Change::Suspected(reason) => {
            Line { reason: Some(reason.code()), ..Line::about(&kinds::SUSPECTED, connector) }
        }
        Change::Cleared => Line::about(&kinds::CLEARED, connector),
        Change::Damped(factor) => {
            Line { factor: Some(u64::from(*factor)), ..Line::about(&kinds::FLAPPING, connector) }
        }
    }
}

/// Why a member of a plan does not serve, for [`Event::Served`].
pub fn passed_over(plan: &Plan, place: usize) -> Option<Why> {
    plan.skipped.iter().find(|(skipped, _)| *skipped == place).map(|(_, why)| *why)
}
