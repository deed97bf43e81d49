//! Every event there is: its stable name, how loud it is, what the line says, and what it means. The log, the
//! metric `maverics_events_total` and the pages for people go by these names.

/// How loud an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loudness {
    /// For those who look closely.
    Debug,
    /// The course of things.
    Info,
    /// Somebody should know.
    Warn,
    /// Somebody should act.
    Error,
}

/// A kind of event.
#[derive(Debug)]
pub struct Kind {
    /// Stable name.
    pub name: &'static str,
    /// How loud it usually is.
    pub loudness: Loudness,
    /// The log line's words.
    pub words: &'static str,
    /// What it means to an operator, in one line.
    pub doc: &'static str,
}

impl Kind {
    /// The kind of this name.
    pub fn named(name: &str) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.name == name).copied()
    }
}

macro_rules! kinds {
    ($($id:ident = $name:literal, $loudness:ident, $words:literal, $doc:literal;)*) => {
        $(#[doc = $doc]
        pub static $id: Kind = Kind { name: $name, loudness: Loudness::$loudness, words: $words, doc: $doc };)*

        /// All of them.
        pub static KINDS: &[&Kind] = &[$(&$id),*];
    };
}

kinds! {
    // health
    PROBE_FAILED = "health.probe.failed", Info, "probe failed",
        "A scheduled probe found a provider unwell; it counts towards the threshold.";
    STATE_CHANGED = "health.state.changed", Info, "provider state changed",
        "A provider became healthy or unhealthy by its thresholds.";
    SUSPECTED = "health.suspected", Warn, "provider is suspect: new logins skip it until a probe succeeds",
        "A request before or during a login failed, or a custom endpoint said no.";
    CLEARED = "health.cleared", Info, "provider is no longer suspect",
        "A scheduled probe of a suspect provider succeeded.";
    FLAPPING = "health.flapping", Warn, "provider flaps: its healthy threshold is multiplied",
        "Three changes within ten minutes: failback is damped by `factor`.";
    PRE_FLIGHT_FAILED = "health.preflight.failed", Warn, "pre-flight failed",
        "A request of ours before a login, or in the middle of one, was not answered well.";
    NOT_ASKED = "health.not_asked", Error, "this machine is out of resources",
        "A provider could not be asked for want of descriptors, ports or memory here; nothing is held against it.";
    PROBE_STUCK = "health.probe.stuck", Error, "no probe was over for several intervals",
        "A probe gives no answer, good or bad: the provider keeps its last state, which may be true no more.";
    MONITOR_RESTARTED = "health.monitor.restarted", Error, "the monitor broke off and begins again",
        "A fault of ours in asking a provider; it counts as a failed probe.";
    CLOCK_SKEWED = "health.clock.skewed", Warn, "the provider's clock differs from ours",
        "Tokens of a provider whose clock differs by more than 60 s are refused.";
    SIMULATION_CONFIGURED = "health.simulation.configured", Warn, "an outage of this provider will be pretended",
        "`healthCheck.simulation` is in the configuration: remove it in production.";
    SIMULATION_BEGUN = "health.simulation.begun", Error, "the pretended outage begins",
        "New logins are kept from a provider because `healthCheck.simulation` says so.";
    SIMULATION_ENDED = "health.simulation.ended", Warn, "the pretended outage is over",
        "The provider is judged by what it answers again.";
    // continuity
    SELECTED = "continuity.selected", Debug, "login begins",
        "A login goes to `connector`; `reason` is why.";
    FAILOVER = "continuity.failover", Warn, "logins go to another provider",
        "Logins of a continuity connector go to another member than before; `because` is what ails the former.";
    FAILBACK = "continuity.failback", Info, "logins go to the primary again",
        "Logins of a continuity connector go to its first member again.";
    EXHAUSTED = "continuity.exhausted", Error, "no identity provider is available",
        "A person could not sign in at all and was told so.";
    RESTARTED = "continuity.login.restarted", Warn, "login begins again at another provider",
        "A provider failed in the middle of a login, which went on at the next.";
    // logins
    COMPLETED = "login.completed", Info, "person signed in",
        "A person signed in; `session` is the shown hash of the session.";
    DENIED = "login.denied", Info, "sign-in denied",
        "The provider, or a wrong password, said no to a person.";
    REJECTED = "login.rejected", Warn, "answer of a sign-in refused",
        "An answer was not acceptable; `reference` is on the page the person saw.";
    BEGIN_FAILED = "login.begin.failed", Error, "a sign-in could not begin",
        "A connector cannot begin sign-ins as it is configured.";
    DOUBTED = "login.provider.doubted", Info, "a sign-in failed at the provider; asking it ourselves",
        "A step of a sign-in failed; a request of ours decides what follows.";
    UNCONFIRMED = "login.failure.unconfirmed", Warn, "a failure in a callback moved nobody: the provider is well",
        "A callback reported a failure, and the provider is well: a hiccup, or somebody who forges errors.";
    CALLBACK_UNKNOWN = "login.callback.unknown", Info, "a callback belongs to no sign-in here",
        "A callback without a sign-in of this browser: late, bookmarked, or forged.";
    CALLBACK_REPLAYED = "login.callback.replayed", Warn, "a callback came a second time",
        "The answer of a sign-in was sent again: a second tab, a reload, or a replay.";
    MISMATCH = "identity.mismatch", Warn, "another person than the one who was signed in",
        "Asked to prove again who he is, a person came back as somebody else, and was refused.";
    COLLISION = "identity.collision", Warn, "an identity changed hands at a provider",
        "A provider gave an identity to another account than lately, and the sign-in was refused.";
    CIRCLES = "login.circles", Warn, "a browser is sent in circles; are its requests going to several nodes?",
        "A browser signed in several times within a minute and never had a session, and was stopped.";
    SESSION_ENDED = "session.ended", Info, "session ended",
        "A session ended by more than its time; `reason` says who ended it.";
    LOGOUT_RECEIVED = "logout.received", Info, "provider announced a logout",
        "A provider said that a session ended there; those of this node that came from it ended.";
    LOGOUT_REFUSED = "logout.refused", Warn, "announced logout refused",
        "An announcement of a logout was not acceptable.";
    RELYING_PARTY_TOLD = "logout.backchannel.delivered", Info, "relying party was told of a logout",
        "An application took our announcement of a logout.";
    RELYING_PARTY_NOT_TOLD = "logout.backchannel.failed", Warn, "relying party could not be told of a logout",
        "An application did not take our announcement of a logout; its own session may go on.";
    LOGOUT_INCOMPLETE = "logout.upstream.incomplete", Warn, "the provider's session may still live",
        "A session ended here, and the provider could not be told.";
    LOOKUP_FAILED = "attributes.lookup.failed", Warn, "a provider could not be asked about a person; going on without",
        "A look-up of `attrProviders` brought nothing: the app goes on without, and rules that read it let nobody pass.";
    // identity provider documents
    STALE_USED = "idp.metadata.stale_used", Warn, "using stale provider metadata",
        "A provider's documents are past their age and it does not answer; the old ones go on for a day.";
    METADATA_RESTORED = "idp.metadata.restored", Info, "what an earlier run fetched is known again",
        "A provider's documents were read from the state folder, and their MAC is right.";
    COPY_IGNORED = "idp.metadata.copy_ignored", Warn, "the copy of the provider's metadata is not used",
        "What the state folder has of a provider is tampered with, foreign, broken or too old.";
    ENDPOINT_IGNORED = "idp.metadata.endpoint_ignored", Warn, "an endpoint of the provider is not https and is not used",
        "Its others serve; without any sign-on endpoint left it is unwell.";
    COPY_FAILED = "idp.metadata.copy_failed", Warn, "the provider's metadata could not be kept over a restart",
        "The state folder could not be written.";
    UNKNOWN_KID = "idp.jwks.unknown_kid", Info, "a token names an unknown key; fetching the keys",
        "A token was signed with a key we had not seen; at most one fetch a minute follows.";
    USERINFO_FAILED = "idp.userinfo.failed", Warn, "UserInfo failed; the claims of the ID token must be enough",
        "A part of what a provider says about a person could not be fetched.";
    USERS_FILE_BAD = "local.users.unreadable", Error, "the users file changed and cannot be used; keeping the old",
        "The file of a `type: local` connector has a mistake; the people of before go on.";
    LDAP_BIND_REFUSED = "ldap.bind.refused", Info, "the directory refuses a sign-in",
        "A person of a directory was not let in; `reason` is what the directory says, such as a locked account. The person reads that name or password are wrong.";
    LDAP_PASSWORD_EXPIRED = "ldap.password.expired", Warn, "a password that has expired is taken a few times more",
        "A person signed in with a password that has expired, which the directory allows a number of times; `left` is how many.";
    LDAP_SERVER_ASIDE = "ldap.server.aside", Warn, "a server of the directory is put aside",
        "A server of a directory failed: the others serve, and it is tried again by itself.";
    LDAP_SERVER_BACK = "ldap.server.back", Info, "a server of the directory serves again",
        "A server of a directory that was put aside answers.";
    LDAP_GROUPS_CUT = "ldap.groups.cut", Warn, "groups of groups were not all followed",
        "A person's groups are deeper or more than are followed, or cannot all be read; `detail` is why: `memberOf` is not known, and no rule that reads it decides.";
    LDAP_ATTRIBUTES_WITHHELD = "ldap.attributes.withheld", Warn, "attributes of an entry are too large or came in part",
        "A directory has more of a person than a session keeps; `detail` names the attributes. No rule that reads them decides.";
    // applications
    ACCESS_DENIED = "access.denied", Info, "access denied",
        "A person is signed in and may not pass.";
    CODE_REUSED = "oauth.code.reused", Warn, "a code was used twice; its token is revoked",
        "Somebody has an authorization code who should not.";
    HEADER_OMITTED = "proxy.header.omitted", Warn, "the value has control characters or is too long",
        "An attribute could not be put into a header.";
    COOKIE_DROPPED = "proxy.cookie.dropped", Warn, "the upstream set a cookie of ours",
        "A protected application tried to set our session cookie.";
    UPSTREAM_TIMEOUT = "proxy.upstream.timeout", Warn, "no answer from the upstream",
        "A protected application did not answer in time.";
    UPSTREAM_FAILED = "proxy.upstream.failed", Warn, "upstream failed",
        "A protected application could not be reached, or broke off.";
    REQUEST = "http.request", Info, "request",
        "The access log; not counted as an event, `maverics_http_requests_total` counts requests.";
    // the program
    STARTED = "started", Info, "serving", "The listener answers.";
    ADMIN_STARTED = "admin.started", Info, "operator page and metrics", "The admin listener answers; `token_file` has its token.";
    START_WARNING = "start.warning", Warn, "", "Something an operator should know at every start.";
    HEARTBEAT = "heartbeat", Info, "alive", "At regular times.";
    DRAINING = "draining", Info, "status is 503; still serving", "SIGTERM or SIGINT came. A drain by an operator is `admin.action`, and does not stop the node.";
    STOPPING = "stopping", Info, "finishing requests in flight", "The drain delay is over.";
    STOPPED = "stopped", Info, "bye", "The last line.";
    ADMIN_ACTION = "admin.action", Warn, "an operator acted",
        "Somebody with the admin token did `action`, from `client`.";
    ADMIN_REFUSED = "admin.refused", Warn, "an admin request was refused",
        "Host, Origin or token of a request to the admin listener was not acceptable.";
    DEMO_SWITCHED = "demo.switched", Info, "switch turned", "Somebody broke or mended a provider of `maverics demo`.";
    // the program
    RELOAD_DONE = "reload.done", Info, "serving the configuration as it is now",
        "A new configuration was applied; sessions and what is known of unchanged providers went over.";
    RELOAD_REFUSED = "reload.refused", Error, "the configuration was not applied; serving as before",
        "A new configuration cannot be served; nothing changed.";
    RELOAD_FINDING = "reload.finding", Error, "a finding in the new configuration",
        "What is wrong with a configuration that was to be applied: code, place and words.";
    RELOAD_PARTLY = "reload.partly", Warn, "this section takes effect after a restart",
        "A section of the new configuration cannot change while the server runs.";
    CERTIFICATES_RENEWED = "certificates.renewed", Info, "new connections get the new certificates",
        "The listener's certificate files changed and were taken over.";
    CERTIFICATES_REFUSED = "certificates.refused", Error, "the old certificates stay",
        "The listener's certificate files changed and cannot be used.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_a_page() {
        for (i, kind) in KINDS.iter().enumerate() {
            let fits = |c: char| c.is_ascii_lowercase() || c == '.' || c == '_';
            assert!(!kind.name.is_empty() && kind.name.chars().all(fits), "{}", kind.name);
            assert!(kind.doc.ends_with('.') && kind.doc.len() > 10, "{}", kind.name);
            assert!(KINDS[..i].iter().all(|before| before.name != kind.name), "{} twice", kind.name);
        }
        assert_eq!(Kind::named("health.flapping").map(|k| k.name), Some("health.flapping"));
    }
}
