//! Going in circles (row Q04): whoever signs in again and again within a minute and never arrives is told so,
//! instead of being sent around until the browser gives up. It happens when a session is made on one node and
//! the next request goes to another one, or when something on the way drops our cookie.

use http::{HeaderMap, StatusCode};

use crate::ambient::UnixSecs;
use crate::serve::edge::pages::Page;
use crate::serve::edge::{Context, Response, answer};
use crate::serve::session::cookie;
use crate::serve::state::State;
use crate::serve::telemetry::Event;

/// Sign-ins of one browser within [`CIRCLE_SECS`] after which it is not sent on without having a session.
pub const TRIPS_MAX: u32 = 5;
/// The time in which they count, in seconds.
pub const CIRCLE_SECS: u64 = 60;

/// Stands where the id of a pending sign-in would be, so that applications do not see the cookie.
const ID: &str = "trips";

/// The page that ends the circle; `None` for everybody who is not in one. What the cookie says is not sealed:
/// whoever changes it fools himself.
pub(super) fn stop(state: &State, context: &Context, app: &str) -> Option<Response> {
    let headers = &context.parts.headers;
    let (trips, _) = trips(headers, state.now())?;
    if trips < TRIPS_MAX || state.session(headers).is_some() {
        return None;
    }
    Event::Circles { app }.log();
    let page = Page::new(
        "You are being sent in circles",
        "You have signed in several times within a minute, and each time your sign-in was gone again.",
    )
    .more("Please check that your browser accepts cookies, wait a minute, and open the application again.")
    .more("If that does not help, tell whoever runs the application: requests of one browser may be going to several servers.");
    Some(answer::with_retry_after(answer::page(StatusCode::LOOP_DETECTED, &page), CIRCLE_SECS))
}

/// A `Set-Cookie` value that counts one more sign-in.
pub(super) fn one_more(state: &State, headers: &HeaderMap) -> String {
    let now = state.now();
    let (before, since) = trips(headers, now).unwrap_or((0, now));
    let value = format!("{}-{}", before.saturating_add(1), since.0);
    state.cookies.pending(ID, &value, CIRCLE_SECS)
}

/// How many there were in this minute, and when it began.
fn trips(headers: &HeaderMap, now: UnixSecs) -> Option<(u32, UnixSecs)> {
    let name = cookie::pending_name(ID);
    cookie::values(headers, &name).find_map(|value| {
        let (count, since) = value.split_once('-')?;
        let (count, since) = (count.parse().ok()?, UnixSecs(since.parse().ok()?));
        (since <= now && now.since(since) < CIRCLE_SECS).then_some((count, since))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_minute_counts() {
        let told = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::COOKIE, format!("maverics_tx_trips={value}").parse().unwrap());
            trips(&headers, UnixSecs(1_000))
        };
        assert_eq!(told("4-990"), Some((4, UnixSecs(990))));
        for other in ["4-940", "4-1001", "x-990", "4", "-", "99999999999-990", "4--1"] {
            assert_eq!(told(other), None, "{other}");
        }
    }
}
