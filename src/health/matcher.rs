//! A custom endpoint's answer to a verdict: status, body and headers, all of which must hold.

use http::HeaderMap;

use super::{Reason, Unwell};
use crate::config::connectors::ResponseMatcher;

/// How much of a body is looked at.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Judges an answer. Nothing passes by accident: an empty list of statuses matches nothing.
pub fn judge(matcher: &ResponseMatcher, status: u16, headers: &HeaderMap, body: &[u8]) -> Result<(), Unwell> {
    if !matcher.expected_statuses.contains(&status) {
        return Err(Unwell::new(
            Reason::Status,
            format!("status {status}, expected {:?}", matcher.expected_statuses),
        ));
    }
    for (name, want) in &matcher.headers {
        let held = headers.get_all(name.as_str()).iter().any(|have| have.as_bytes() == want.as_bytes());
        if !held {
            return Err(Unwell::new(
                Reason::Header,
                format!("the header `{name}` has not the expected value"),
            ));
        }
    }
    if let Some(wanted) = &matcher.body {
        let seen = &body[..body.len().min(BODY_BYTES_MAX)];
        let needle = wanted.contains.as_bytes();
        if needle.is_empty() || !seen.windows(needle.len()).any(|window| window == needle) {
            return Err(Unwell::new(Reason::Body, "the body does not contain the expected text"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::connectors::BodyMatcher;

    #[test]
    fn every_condition_must_hold() {
        let matcher = ResponseMatcher {
            expected_statuses: vec![200, 201],
            body: Some(BodyMatcher { contains: "healthy".into() }),
            headers: [("x-state".to_owned(), "up".to_owned())].into(),
        };
        let mut up = HeaderMap::new();
        up.insert("X-State", "up".parse().unwrap());
        let reason = |status, headers: &HeaderMap, body: &str| {
            judge(&matcher, status, headers, body.as_bytes()).map_err(|u| u.reason)
        };
        assert_eq!(reason(201, &up, "all healthy"), Ok(()));
        assert_eq!(reason(204, &up, "healthy"), Err(Reason::Status));
        assert_eq!(reason(200, &up, "Healthy"), Err(Reason::Body));
        assert_eq!(reason(200, &HeaderMap::new(), "healthy"), Err(Reason::Header));
        let late = format!("{}healthy", " ".repeat(BODY_BYTES_MAX));
        assert_eq!(reason(200, &up, &late), Err(Reason::Body), "only the first 64 KiB count");
    }
}
