//! Instants as SAML writes them: `xs:dateTime` in UTC, with the `Z` (Core §1.3.3).

use crate::ambient::UnixSecs;

/// Longest instant read, in characters: nine digits of a second's fraction are enough.
const CHARS_MAX: usize = 30;

/// Reads an instant, cutting off parts of a second. `None` for anything but `YYYY-MM-DDThh:mm:ss[.fff]Z` of an
/// existing moment since 1970.
pub fn parse(text: &str) -> Option<UnixSecs> {
    let bytes = text.as_bytes();
    let shape = b"dddd-dd-ddTdd:dd:dd";
    if bytes.len() > CHARS_MAX || bytes.len() <= shape.len() {
        return None;
    }
    let (whole, rest) = bytes.split_at(shape.len());
    if !whole.iter().zip(shape).all(|(have, want)| match want {
        b'd' => have.is_ascii_digit(),
        other => have == other,
    }) {
        return None;
    }
    let fraction = rest.strip_suffix(b"Z")?;
    if let [first, digits @ ..] = fraction
        && (*first != b'.' || digits.is_empty() || !digits.iter().all(u8::is_ascii_digit))
    {
        return None;
    }
    let number = |range: std::ops::Range<usize>| -> Option<i8> { text.get(range)?.parse().ok() };
    let year: i16 = text.get(0..4)?.parse().ok()?;
    let date = jiff::civil::Date::new(year, number(5..7)?, number(8..10)?).ok()?;
    let time = jiff::civil::Time::new(number(11..13)?, number(14..16)?, number(17..19)?, 0).ok()?;
    // In civil time, since jiff's instants end a day before the year 9999 does, and providers like that day.
    let since =
        date.to_datetime(time).duration_since(jiff::civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    u64::try_from(since.as_secs()).ok().map(UnixSecs)
}

/// Writes an instant, to the second.
pub fn format(at: UnixSecs) -> String {
    let secs = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(secs)
        .unwrap_or(jiff::Timestamp::MAX)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// Reads an `xs:duration` as seconds, a month being 30 days and a year 365. `None` for anything else, and for
/// negative ones.
pub fn parse_duration(text: &str) -> Option<u64> {
    let mut rest = text.strip_prefix('P').filter(|rest| !rest.is_empty() && rest.len() <= CHARS_MAX)?;
    let mut units: &[(char, u64)] = &[('Y', 31_536_000), ('M', 2_592_000), ('D', 86_400)];
    let (mut total, mut in_time) = (0u64, false);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            if in_time || after.is_empty() {
                return None;
            }
            (rest, in_time, units) = (after, true, &[('H', 3_600), ('M', 60), ('S', 1)]);
        }
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..end].parse().ok()?;
        let (unit, fraction) = match rest[end..].strip_prefix('.') {
            // A fraction, of seconds only, is cut off.
            Some(digits) => (digits.trim_start_matches(|c: char| c.is_ascii_digit()), true),
            None => (&rest[end..], false),
        };
        let letter = unit.chars().next()?;
        let place = units.iter().position(|(name, _)| *name == letter)?;
        if fraction && letter != 'S' {
            return None;
        }
        total = total.checked_add(number.checked_mul(units[place].1)?)?;
        units = &units[place + 1..];
        rest = &unit[1..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_utc_and_whole() {
        for (text, want) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2027-01-15T08:00:00Z", Some(1_800_000_000)),
            ("2027-01-15T08:00:00.999Z", Some(1_800_000_000)),
            ("2027-01-15T08:00:00.123456789Z", Some(1_800_000_000)),
            ("2024-02-29T23:59:59Z", Some(1_709_251_199)),
            ("2023-02-29T00:00:00Z", None),
            ("2027-01-15T08:00:00", None),
            ("2027-01-15T08:00:00+00:00", None),
            ("2027-01-15T08:00:00.Z", None),
            ("2027-01-15T08:00:00.1234567890123Z", None),
            ("2027-01-15T24:00:00Z", None),
            ("2027-01-15T08:00:60Z", None),
            ("2027-01-15 08:00:00Z", None),
            (" 2027-01-15T08:00:00Z", None),
            ("-027-01-15T08:00:00Z", None),
            ("2027-01-1५T08:00:00Z", None),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799)),
            ("1969-12-31T23:59:59Z", None),
            ("PT5M", None),
            ("", None),
        ] {
            assert_eq!(parse(text), want.map(UnixSecs), "{text}");
        }
        assert_eq!(format(UnixSecs(1_800_000_000)), "2027-01-15T08:00:00Z");
        assert!(parse(&format(UnixSecs(u64::MAX))).is_some());
    }

    #[test]
    fn durations_are_seconds() {
        for (text, want) in [
            ("PT1H", Some(3_600)),
            ("P1D", Some(86_400)),
            ("P1Y2M3DT4H5M6S", Some(31_536_000 + 2 * 2_592_000 + 3 * 86_400 + 4 * 3_600 + 5 * 60 + 6)),
            ("PT604800S", Some(604_800)),
            ("PT0.5S", Some(0)),
            ("P0D", Some(0)),
            ("P", None),
            ("PT", None),
            ("P1DT", None),
            ("-PT1H", None),
            ("PT1M1H", None),
            ("PT1H1H", None),
            ("P1H", None),
            ("PT1.5H", None),
            ("PTT1H", None),
            ("1H", None),
            ("PT99999999999999999999S", None),
            ("P9999999999999Y", None),
            ("PTxS", None),
            ("PT1é", None),
            ("", None),
        ] {
            assert_eq!(parse_duration(text), want, "{text}");
        }
    }
}
