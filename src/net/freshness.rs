//! How long an answer may be used without asking again (RFC 9111 §4.2), within bounds of the caller's.

use std::ops::RangeInclusive;

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES};

/// Seconds for which an answer is fresh: `max-age` less `Age`, else `Expires` less `Date`, moved into `within`.
/// An answer that says nothing, or that it must not be kept, is fresh for the least of `within`: a document
/// without which nobody can sign in is kept whatever its server says.
pub fn fresh_secs(headers: &HeaderMap, within: RangeInclusive<u64>) -> u64 {
    said(headers).unwrap_or(0).clamp(*within.start(), *within.end())
}

/// What the headers say; `None` when they say nothing that can be understood.
fn said(headers: &HeaderMap) -> Option<u64> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let mut max_age = None;
    for value in headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()) {
        for directive in value.split(',').map(str::trim) {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            if ["no-store", "no-cache"].iter().any(|no| name.eq_ignore_ascii_case(no)) {
                return Some(0);
            }
            if name.eq_ignore_ascii_case("max-age") && max_age.is_none() {
                // Digits only; a number too large to hold is as long as it gets (RFC 9111 §1.2.2).
                let digits = argument.trim().trim_matches('"');
                let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                max_age = Some(if number { digits.parse().unwrap_or(u64::MAX) } else { 0 });
            }
        }
    }
    if let Some(max_age) = max_age {
        let age = text(AGE).and_then(|age| age.parse::<u64>().ok()).unwrap_or(0);
        return Some(max_age.saturating_sub(age));
    }
    let at = |name| jiff::fmt::rfc2822::parse(text(name)?).ok().map(|date| date.timestamp().as_second());
    // Both by the server's clock, so that a difference between the clocks does not matter.
    match (text(EXPIRES), at(EXPIRES), at(DATE)) {
        (Some(_), Some(expires), Some(date)) => u64::try_from(expires - date).ok().or(Some(0)),
        // An `Expires` that is no date (`0`) has passed (RFC 9111 §5.3).
        (Some(_), None, _) => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_decide_within_bounds() {
        let date = ("date", "Sat, 21 Nov 2026 10:00:00 GMT");
        for (headers, want) in [
            (&[][..], 300),
            (&[("cache-control", "max-age=1800")], 1800),
            (&[("cache-control", "public, Max-Age=\"1800\", must-revalidate")], 1800),
            (&[("cache-control", "max-age=1800"), ("age", "600")], 1200),
            (&[("cache-control", "max-age=1800"), ("age", "9999")], 300),
            (&[("cache-control", "max-age=5")], 300),
            (&[("cache-control", "max-age=99999999999999999999999")], 86_400),
            (&[("cache-control", "max-age=-1")], 300),
            (&[("cache-control", "max-age=1h")], 300),
            (&[("cache-control", "max-age=1800"), ("cache-control", "no-store")], 300),
            (&[("cache-control", "no-cache, max-age=1800")], 300),
            (&[date, ("expires", "Sat, 21 Nov 2026 11:00:00 GMT")], 3600),
            (&[date, ("expires", "Sat, 21 Nov 2026 09:00:00 GMT")], 300),
            (&[date, ("expires", "0")], 300),
            (&[("expires", "Sat, 21 Nov 2026 11:00:00 GMT")], 300),
            (&[date, ("expires", "Sat, 21 Nov 2026 11:00:00 GMT"), ("cache-control", "max-age=400")], 400),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(http::HeaderName::from_static(name), value.parse().unwrap());
            }
            assert_eq!(fresh_secs(&map, 300..=86_400), want, "{headers:?}");
        }
    }
}
