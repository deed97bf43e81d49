//! What a request of ours, or a browser, meets at a provider at a moment. A request meets the weather of the
//! moment in which it begins.

use super::chance::{Chance, Draw};
use super::fault::Fault;
use crate::connector::facts::Protocol;
use crate::health::Reason;

/// How long a provider that is well takes with an answer, in milliseconds.
pub const ANSWER_MILLIS: u64 = 50;
/// How long a browser waits for a page, in milliseconds.
pub const PAGE_PATIENCE_MILLIS: u64 = 30_000;

/// Requests of ours by what counts as an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// The custom endpoint of a health check.
    Endpoint,
    /// A document of the provider, or a directory's answer to the service account.
    Document,
    /// The sign-on page without a request: whatever it says below 500, it is there.
    SignOn,
    /// An empty request to the token endpoint, which refuses it when it lives.
    Empty,
    /// A code for tokens, or a password for a yes.
    Code,
    /// The attributes.
    UserInfo,
    /// Verifying what the browser brought; no request at all.
    Assertion,
}

/// What the last of some requests brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// As it should be.
    Well,
    /// The provider is not well.
    Unwell(Reason),
    /// An answer, and not one to accept.
    Rejected,
}

/// An answer, and when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Met {
    /// Milliseconds from the first request to the last answer.
    pub(super) takes: u64,
    /// What came.
    pub(super) answer: Answer,
}

/// How much time some requests have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Budget {
    /// All of them together, in milliseconds.
    Together(u64),
    /// Each of them, in milliseconds.
    Each(u64),
}

/// A fault in its stretch of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Place among the faults of the drill.
    pub(super) fault_number: usize,
    /// Place among the members.
    pub(super) member: usize,
    /// Begins, milliseconds.
    pub(super) from: u64,
    /// Has ended, milliseconds.
    pub(super) until: u64,
    /// What is wrong.
    pub(super) fault: Fault,
    /// Period of a provider that flaps, in milliseconds.
    pub(super) period: u64,
}

/// All faults of a drill.
#[derive(Debug, Clone)]
pub(super) struct Weather {
    /// Per member, in the order in which they begin.
    windows: Vec<Vec<Window>>,
    chance: Chance,
}

impl Weather {
    pub(super) fn new(members: usize, windows: &[Window], chance: Chance) -> Self {
        let mut by_member = vec![Vec::new(); members];
        for window in windows {
            by_member[window.member].push(*window);
        }
        for windows in &mut by_member {
            windows.sort_by_key(|window: &Window| window.from);
        }
        Weather { windows: by_member, chance }
    }

    /// What is wrong with a member at a moment: of several faults, the one that began last. A provider that
    /// flaps is refused or well.
    pub(super) fn at(&self, member: usize, now: u64) -> Option<Fault> {
        let windows = self.windows[member].iter().rev();
        let window = windows.into_iter().find(|window| window.from <= now && now < window.until)?;
        match window.fault {
            Fault::Flap { percent, .. } => {
                let number = (now - window.from) / window.period.max(1);
                let drawn = self.chance.below(100, Draw::Flap(window.fault_number), number);
                (drawn < u64::from(percent)).then_some(Fault::Refused)
            }
            fault => Some(fault),
        }
    }

    /// Some requests, one after the other, until one of them fails.
    pub(super) fn ask(&self, member: usize, begun: u64, requests: &[Request], budget: Budget) -> Met {
        let mut takes = 0;
        for request in requests {
            let left = match budget {
                Budget::Together(all) => all.saturating_sub(takes),
                Budget::Each(each) => each,
            };
            let met = answer(self.at(member, begun + takes), *request, left);
            takes += met.takes;
            if met.answer != Answer::Well {
                return Met { takes, answer: met.answer };
            }
        }
        Met { takes, answer: Answer::Well }
    }

    /// How long a browser waits for a page of the provider; `None` when it is dead.
    pub(super) fn page(&self, member: usize, now: u64) -> Option<u64> {
        match self.at(member, now) {
            None | Some(Fault::WrongIssuer) => Some(ANSWER_MILLIS),
            Some(Fault::Slow(time)) => {
                Some(time.as_millis().max(ANSWER_MILLIS)).filter(|time| *time < PAGE_PATIENCE_MILLIS)
            }
            Some(Fault::Refused | Fault::Blackhole | Fault::Http(_) | Fault::Flap { .. }) => None,
        }
    }
}

/// One request, with this many milliseconds left.
fn answer(fault: Option<Fault>, request: Request, left: u64) -> Met {
    let at_once = |answer| Met { takes: 0, answer };
    let after = |time: u64, answer| {
        if time <= left {
            Met { takes: time, answer }
        } else {
            Met { takes: left, answer: Answer::Unwell(Reason::Timeout) }
        }
    };
    if request == Request::Assertion {
        let forged = fault == Some(Fault::WrongIssuer);
        return at_once(if forged { Answer::Rejected } else { Answer::Well });
    }
    match fault {
        None => after(ANSWER_MILLIS, Answer::Well),
        Some(Fault::Refused | Fault::Flap { .. }) => at_once(Answer::Unwell(Reason::ConnectionRefused)),
        Some(Fault::Blackhole) => after(u64::MAX, Answer::Well),
        Some(Fault::Slow(time)) => after(time.as_millis().max(ANSWER_MILLIS), Answer::Well),
        Some(Fault::Http(status)) => after(ANSWER_MILLIS, to_status(status, request)),
        Some(Fault::WrongIssuer) => {
            let answer = match request {
                Request::Document => Answer::Unwell(Reason::IssuerMismatch),
                Request::Code => Answer::Rejected,
                _ => Answer::Well,
            };
            after(ANSWER_MILLIS, answer)
        }
    }
}

fn to_status(status: u16, request: Request) -> Answer {
    match request {
        Request::Document if status == 429 => Answer::Unwell(Reason::RateLimited),
        Request::Empty | Request::SignOn if status < 500 => Answer::Well,
        Request::Code if status < 500 && status != 429 => Answer::Rejected,
        _ => Answer::Unwell(Reason::Status),
    }
}

/// The requests of each question, as the connectors ask them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Questions {
    /// Whether a custom endpoint is asked instead.
    pub(super) custom: bool,
    /// What the provider speaks.
    pub(super) protocol: Protocol,
    /// Whether its documents are a file of ours: then its sign-on page is asked instead.
    pub(super) by_file: bool,
}

impl Questions {
    /// A scheduled probe.
    pub(super) fn probe(self) -> &'static [Request] {
        match (self.custom, self.protocol) {
            (true, _) => &[Request::Endpoint],
            // The discovery document and the keys; the bind of the service account and the search base.
            (false, Protocol::Oidc | Protocol::Ldap) => &[Request::Document, Request::Document],
            (false, Protocol::Saml) if self.by_file => &[Request::SignOn],
            (false, _) => &[Request::Document],
        }
    }

    /// Before a browser is sent there.
    pub(super) fn pre_flight(self) -> &'static [Request] {
        match (self.custom, self.by_file) {
            (true, _) => &[Request::Endpoint],
            (false, true) => &[Request::SignOn],
            (false, false) => &[Request::Document],
        }
    }

    /// After a sign-in failed there.
    pub(super) fn check(self) -> &'static [Request] {
        match (self.custom, self.protocol) {
            (true, Protocol::Oidc) => &[Request::Endpoint, Request::Document, Request::Empty],
            (true, Protocol::Saml) if self.by_file => &[Request::Endpoint, Request::SignOn],
            (true, Protocol::Saml) => &[Request::Endpoint, Request::Document, Request::SignOn],
            (true, Protocol::Ldap) => &[Request::Endpoint, Request::Document, Request::Document],
            (true, Protocol::Local) => &[Request::Endpoint, Request::Document],
            (false, Protocol::Oidc) => &[Request::Document, Request::Empty],
            (false, Protocol::Saml) if self.by_file => &[Request::SignOn],
            (false, Protocol::Saml) => &[Request::Document, Request::SignOn],
            (false, Protocol::Ldap) => &[Request::Document, Request::Document],
            (false, Protocol::Local) => &[Request::Document],
        }
    }

    /// Completing a sign-in.
    pub(super) fn complete(self) -> &'static [Request] {
        match self.protocol {
            Protocol::Oidc => &[Request::Code, Request::UserInfo],
            Protocol::Saml => &[Request::Assertion],
            // The entry is found by the service account; then the person's own bind says yes or no.
            Protocol::Ldap => &[Request::Document, Request::Code],
            Protocol::Local => &[Request::Code],
        }
    }

    /// Whether a browser can be sent there only once its documents were read.
    pub(super) fn needs_documents(self) -> bool {
        matches!(self.protocol, Protocol::Oidc | Protocol::Saml) && !self.by_file
    }

    /// Whether the person types at a page of ours.
    pub(super) fn has_our_page(self) -> bool {
        self.protocol.asks_for_password()
    }

    /// What a sign-in takes besides the person's own time when everything is well, in milliseconds.
    pub(super) fn usual_millis(self, asks_first: bool) -> u64 {
        let pages = if self.has_our_page() { 0 } else { 2 };
        let calls = self.complete().iter().filter(|request| **request != Request::Assertion).count() as u64;
        let first = if asks_first { self.pre_flight().len() as u64 } else { 0 };
        (first + pages + calls) * ANSWER_MILLIS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Duration;

    const OIDC: Questions = Questions { custom: false, protocol: Protocol::Oidc, by_file: false };
    const SAML: Questions = Questions { protocol: Protocol::Saml, ..OIDC };
    const FILE: Questions = Questions { by_file: true, ..SAML };
    const LDAP: Questions = Questions { protocol: Protocol::Ldap, ..OIDC };

    fn weather(fault: Fault) -> Weather {
        let window = Window { fault_number: 0, member: 0, from: 1_000, until: 2_000, fault, period: 100 };
        Weather::new(1, &[window], Chance(1))
    }

    #[test]
    fn each_fault_ends_a_question_in_its_own_way() {
        let unwell = Answer::Unwell;
        let budget = Budget::Together(2_500);
        for (fault, requests, takes, answer) in [
            (Fault::Refused, OIDC.probe(), 0, unwell(Reason::ConnectionRefused)),
            (Fault::Blackhole, OIDC.probe(), 2_500, unwell(Reason::Timeout)),
            (Fault::Slow(Duration::from_secs(1)), OIDC.probe(), 1_050, Answer::Well),
            (Fault::Slow(Duration::from_millis(800)), OIDC.probe(), 1_600, Answer::Well),
            (Fault::Slow(Duration::from_secs(9)), OIDC.pre_flight(), 2_500, unwell(Reason::Timeout)),
            (Fault::Http(500), OIDC.pre_flight(), 50, unwell(Reason::Status)),
            (Fault::Http(429), OIDC.pre_flight(), 50, unwell(Reason::RateLimited)),
            (Fault::Http(404), OIDC.complete(), 50, Answer::Rejected),
            (Fault::Http(503), OIDC.complete(), 50, unwell(Reason::Status)),
            (Fault::WrongIssuer, OIDC.probe(), 50, unwell(Reason::IssuerMismatch)),
            (Fault::WrongIssuer, OIDC.complete(), 50, Answer::Rejected),
            (Fault::WrongIssuer, SAML.probe(), 50, unwell(Reason::IssuerMismatch)),
            (Fault::WrongIssuer, SAML.complete(), 0, Answer::Rejected),
            (Fault::WrongIssuer, FILE.probe(), 50, Answer::Well),
            (Fault::Refused, SAML.complete(), 0, Answer::Well),
            (Fault::Http(404), FILE.probe(), 50, Answer::Well),
            (Fault::Http(503), FILE.check(), 50, unwell(Reason::Status)),
            (Fault::Http(503), SAML.check(), 50, unwell(Reason::Status)),
            (Fault::Refused, LDAP.probe(), 0, unwell(Reason::ConnectionRefused)),
            (Fault::Refused, LDAP.complete(), 0, unwell(Reason::ConnectionRefused)),
            (Fault::Blackhole, LDAP.complete(), 2_500, unwell(Reason::Timeout)),
            (Fault::Slow(Duration::from_secs(1)), LDAP.complete(), 1_050, Answer::Well),
        ] {
            let met = weather(fault).ask(0, 1_100, requests, budget);
            assert_eq!(met, Met { takes, answer }, "{fault} {requests:?}");
        }
    }

    #[test]
    fn a_fault_begins_and_ends_with_its_window() {
        let weather = weather(Fault::Refused);
        let faults = [999, 1_000, 1_999, 2_000].map(|now| weather.at(0, now));
        assert_eq!(faults, [None, Some(Fault::Refused), Some(Fault::Refused), None]);
        // The second document of a probe that began while all was well.
        let met = weather.ask(0, 960, OIDC.probe(), Budget::Together(2_500));
        assert_eq!(met, Met { takes: 50, answer: Answer::Unwell(Reason::ConnectionRefused) });
    }

    #[test]
    fn flapping_is_drawn_for_each_period() {
        let weather = weather(Fault::Flap { percent: 50, period: None });
        let draws: Vec<bool> = (0..10).map(|n| weather.at(0, 1_000 + n * 100).is_some()).collect();
        assert!(draws.contains(&true) && draws.contains(&false), "{draws:?}");
        for (n, down) in draws.iter().enumerate() {
            assert_eq!(weather.at(0, 1_099 + n as u64 * 100).is_some(), *down, "one draw for a period");
        }
    }

    #[test]
    fn pages_die_with_the_provider() {
        assert_eq!(weather(Fault::Blackhole).page(0, 1_500), None);
        assert_eq!(weather(Fault::WrongIssuer).page(0, 1_500), Some(ANSWER_MILLIS));
        assert_eq!(weather(Fault::Slow(Duration::from_secs(9))).page(0, 1_500), Some(9_000));
        assert_eq!(weather(Fault::Slow(Duration::from_secs(30))).page(0, 1_500), None);
        assert_eq!(OIDC.usual_millis(true), 250);
        // An assertion is verified here, and nobody stands on a page of a directory.
        assert_eq!((SAML.usual_millis(true), LDAP.usual_millis(true)), (150, 150));
        assert!(LDAP.has_our_page() && !LDAP.needs_documents() && !FILE.needs_documents());
    }
}
