//! How things stand, gathered once: the JSON of the admin listener and the operator page are two forms of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::ambient::UnixSecs;
use crate::continuity::outlook::{Choice, outlook};
use crate::continuity::{Member, Standing, Why};
use crate::health::Reason;
use crate::model::{Continuity, IdpIndex};
use crate::serve::continuity::Serving;
use crate::serve::continuity::history::Probed;
use crate::serve::state::State;
use crate::serve::telemetry::metrics::{Levels, ProviderLevel};

/// Most sessions that are listed.
pub const SESSIONS_MAX: usize = 200;

/// A moment, as RFC 3339 text in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("format" = "date-time"))]
pub struct Moment(pub String);

impl From<UnixSecs> for Moment {
    fn from(at: UnixSecs) -> Self {
        Moment(timestamp(at).to_string())
    }
}

fn timestamp(at: UnixSecs) -> jiff::Timestamp {
    jiff::Timestamp::from_second(i64::try_from(at.0).unwrap_or(0)).unwrap_or_default()
}

/// State of a node: `/api/status`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Of this shape: 1.
    pub version: u8,
    /// Now.
    pub at: Moment,
    /// Name of this node.
    pub node: String,
    /// Version of the program.
    pub program: &'static str,
    /// Label of the configuration.
    pub configuration: Option<String>,
    /// Since the start.
    pub uptime_seconds: u64,
    /// Whether the status endpoint sends balancers away.
    pub draining: bool,
    /// Sessions on this node.
    pub sessions: usize,
    /// `healthy`, `degraded`, or `outage`: some app has no healthy provider left. As `maverics probe` says it.
    pub verdict: &'static str,
    /// Every provider, in the order of the file.
    pub providers: Vec<Provider>,
    /// Every continuity connector, in the order of the file.
    pub continuity: Vec<Group>,
    /// Every app that signs people in: where its logins would go now.
    pub apps: Vec<Outcome>,
}

/// A provider.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// Connector.
    pub name: String,
    /// Value of its `type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is asked at regular times.
    pub watched: bool,
    /// Whether new logins may go there.
    pub available: bool,
    /// `unknown`, `healthy` or `unhealthy`, by the thresholds.
    pub standing: &'static str,
    /// Why new logins skip it until a probe succeeds, if they do: a reason code.
    pub suspect: Option<&'static str>,
    /// Why it last failed, until it is well again: a reason code.
    pub reason: Option<&'static str>,
    /// When the standing changed.
    pub since: Moment,
    /// When it became suspect, if it is.
    pub suspect_since: Option<Moment>,
    /// Scheduled probes that failed in a row.
    pub consecutive_failures: u32,
    /// Failures in a row that make it unhealthy.
    pub unhealthy_threshold: u32,
    /// Successes in a row that make it healthy again; more than configured while it flaps.
    pub healthy_threshold: u32,
    /// Seconds since it last answered well, to a probe or before a login.
    pub last_good_seconds: Option<u64>,
    /// Age of its documents in use, in seconds.
    pub documents_age_seconds: Option<u64>,
    /// The last scheduled probe.
    pub last_probe: Option<Probe>,
    /// The last probes, oldest first.
    pub probes: Vec<Probe>,
}

/// A scheduled probe.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// When it ended.
    pub at: Moment,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// Why the provider was not well: a reason code. Null when it was.
    pub reason: Option<&'static str>,
}

/// A continuity connector.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Where a login would go now, before its pre-flight.
    #[serde(flatten)]
    pub now: Outcome,
    /// Who served the last login, since when, and why; the first member before any.
    pub serving: Served,
}

/// Who served the last login.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Served {
    /// The provider.
    pub name: String,
    /// Why: the code of a choice.
    pub reason: &'static str,
    /// Since when.
    pub since: Moment,
}

/// Where a login would go now.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Continuity connector, or app.
    pub name: String,
    /// The provider; null when nobody is left.
    pub would_serve: Option<String>,
    /// Why that one, or why nobody: the code of a choice, as `maverics probe` says it.
    pub reason: &'static str,
    /// Everybody else.
    pub others: Vec<Other>,
}

/// A provider that would not serve.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Other {
    /// The provider.
    pub name: String,
    /// Why it is where it is: the code of a choice.
    pub reason: &'static str,
    /// What ails it, where that is why: a reason code.
    pub because: Option<&'static str>,
}

impl From<&Choice> for Outcome {
    fn from(choice: &Choice) -> Self {
        let other = |(name, why): &(String, Why)| Other {
            name: name.clone(),
            reason: why.code(),
            because: why.because().map(Reason::code),
        };
        Outcome {
            name: choice.name.clone(),
            would_serve: choice.would_serve.clone(),
            reason: choice.why.code(),
            others: choice.others.iter().map(other).collect(),
        }
    }
}

impl From<&Probed> for Probe {
    fn from(probed: &Probed) -> Self {
        Probe { at: probed.at.into(), millis: probed.millis, reason: probed.reason.map(Reason::code) }
    }
}

/// What a report is made of: the state machines themselves, for words that codes do not carry.
pub struct Scene {
    /// Every provider's state, by its place.
    pub members: BTreeMap<IdpIndex, Member>,
    /// Where logins of continuity connectors would go.
    pub choices: Vec<Choice>,
    /// The same for programs.
    pub status: Status,
}

/// Looks at everything at one moment.
pub fn scene(state: &State) -> Scene {
    let deployment = &state.deployment;
    let all = || (0..deployment.idps.len()).map(IdpIndex);
    let members: BTreeMap<IdpIndex, Member> = all().zip(state.board.members(all())).collect();
    let all_well =
        members.values().all(|member| member.is_available() && member.standing() != Standing::Unhealthy);
    let looks = outlook(deployment, &members, all_well);
    let serving = state.board.serving();
    let groups = looks.continuity.iter().zip(&serving).map(|(choice, serving)| Group {
        now: choice.into(),
        serving: Served { name: serving.member.clone(), reason: serving.why, since: serving.since.into() },
    });
    let status = Status {
        version: 1,
        at: state.now().into(),
        node: state.node.clone(),
        program: env!("CARGO_PKG_VERSION"),
        configuration: deployment.version.clone(),
        uptime_seconds: state.clock.millis().since(state.started) / 1000,
        draining: state.is_draining(),
        sessions: state.sessions.len(),
        verdict: looks.overall.word(),
        providers: members.iter().map(|(index, member)| provider(state, *index, member)).collect(),
        continuity: groups.collect(),
        apps: looks.apps.iter().map(Outcome::from).collect(),
    };
    Scene { members, choices: looks.continuity, status }
}

fn provider(state: &State, index: IdpIndex, member: &Member) -> Provider {
    let idp = state.deployment.idp(index);
    let name = idp.name.to_string();
    let probes: Vec<Probe> = state.telling.history.probes(&name).iter().map(Probe::from).collect();
    let (now, wall) = (state.board.now(), state.now());
    let since = UnixSecs(wall.0.saturating_sub(now.since(member.since()) / 1000));
    let suspect_since = member.suspect().and_then(|_| state.telling.history.suspect_since(&name));
    Provider {
        kind: idp.type_name.clone(),
        watched: idp.check.is_some(),
        available: member.is_available(),
        standing: member.standing().word(),
        suspect: member.suspect().map(Reason::code),
        reason: member.last_reason().map(Reason::code),
        since: since.into(),
        suspect_since: suspect_since.map(Moment::from),
        consecutive_failures: member.failures(),
        unhealthy_threshold: idp.check_or_default().unhealthy_threshold.max(1),
        healthy_threshold: member.healthy_threshold_now(),
        last_good_seconds: member.last_good().map(|at| now.since(at) / 1000),
        documents_age_seconds: state.connectors[index.0].documents_age_secs(),
        last_probe: probes.last().cloned(),
        probes,
        name,
    }
}

/// Who is signed in: `/api/sessions`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sessions {
    /// Of this shape: 1.
    pub version: u8,
    /// How many there are on this node.
    pub total: usize,
    /// The newest, newest first.
    pub sessions: Vec<SignedIn>,
}

/// One session. Nothing in it says who the person is, and the hash opens nothing.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// Shown hash, as in the log.
    pub session: String,
    /// Since the first sign-in.
    pub age_seconds: u64,
    /// Since the last request, in steps of half a minute.
    pub idle_seconds: u64,
    /// Who signed the person in, and why that provider did.
    pub providers: Vec<SignedInBy>,
}

/// A sign-in of a session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedInBy {
    /// The provider.
    pub name: String,
    /// Why it served: the code of a choice.
    pub reason: String,
}

/// The newest sessions, at most `max`.
pub fn sessions(state: &State, max: usize) -> Sessions {
    let now = state.now();
    let newest = state.sessions.newest(max, now).into_iter().map(|(key, session)| {
        let last_seen = UnixSecs(session.last_seen.load(std::sync::atomic::Ordering::Relaxed));
        let by =
            session.authentications.iter().map(|a| SignedInBy { name: a.idp.clone(), reason: a.why.clone() });
        SignedIn {
            session: key.shown(),
            age_seconds: now.since(session.created),
            idle_seconds: now.since(last_seen),
            providers: by.collect(),
        }
    });
    let sessions = newest.collect();
    Sessions { version: 1, total: state.sessions.len(), sessions }
}

/// The levels of now, for the metrics.
pub fn levels(state: &State) -> Levels {
    let deployment = &state.deployment;
    let now = state.board.now();
    let all = (0..deployment.idps.len()).map(IdpIndex);
    let providers = all.map(|index| {
        let member = state.board.member(index);
        ProviderLevel {
            name: deployment.idp(index).name.to_string(),
            standing: member.standing(),
            suspect: member.suspect().is_some(),
            available: member.is_available(),
            failures: member.failures(),
            last_good_secs: member.last_good().map(|at| now.since(at) as f64 / 1000.0),
            document_age_secs: state.connectors[index.0].documents_age_secs(),
        }
    });
    let serves = |(group, serving): (&Continuity, Serving)| {
        let name = group.name.to_string();
        let members: Vec<_> = group.members.iter().copied().collect();
        members.into_iter().map(move |member| {
            let member = deployment.idp(member).name.to_string();
            let serves = member == serving.member;
            (name.clone(), member, serves)
        })
    };
    Levels {
        providers: providers.collect(),
        serving: deployment.continuity.iter().zip(state.board.serving()).flat_map(serves).collect(),
        sessions: state.sessions.len(),
        draining: state.is_draining(),
        uptime_secs: state.clock.millis().since(state.started) / 1000,
    }
}
