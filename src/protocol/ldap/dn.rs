//! Distinguished names (RFC 4514): built with their values escaped, read as far as comparing needs.

use std::fmt;

/// Longest name that is read, in bytes.
pub const DN_BYTES_MAX: usize = 8 * 1024;

/// A distinguished name, most specific part first, prepared for comparing: types and values in lower case, blanks
/// in values folded (RFC 4518, as far as names of people and groups differ in practice).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dn(Vec<Vec<(String, Vec<u8>)>>);

/// Not a distinguished name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a distinguished name")]
pub struct NotADn;

impl Dn {
    /// Reads a name. The empty text is the root.
    pub fn parse(text: &str) -> Result<Self, NotADn> {
        if text.len() > DN_BYTES_MAX {
            return Err(NotADn);
        }
        if text.trim().is_empty() {
            return Ok(Dn(Vec::new()));
        }
        let mut parts = Vec::new();
        let mut part = Vec::new();
        let mut rest = text;
        loop {
            let (kind, after) = rest.split_once('=').ok_or(NotADn)?;
            let kind = kind.trim().to_ascii_lowercase();
            let kind = kind.strip_prefix("oid.").unwrap_or(&kind);
            if !super::is_attribute_name(kind) {
                return Err(NotADn);
            }
            let (value, end) = value(after)?;
            part.push((kind.to_owned(), value));
            match end {
                Some(('+', next)) => rest = next,
                Some((_, next)) => {
                    parts.push(sorted(std::mem::take(&mut part)));
                    rest = next;
                }
                None => {
                    parts.push(sorted(part));
                    return Ok(Dn(parts));
                }
            }
        }
    }

    /// Whether it is `base` or below it.
    pub fn is_within(&self, base: &Dn) -> bool {
        self.0.ends_with(&base.0)
    }

    /// How many parts it has.
    pub fn parts(&self) -> usize {
        self.0.len()
    }

    /// Whether it is the root: a name without parts.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.0.iter().enumerate() {
            for (j, (kind, value)) in part.iter().enumerate() {
                let before = match (i, j) {
                    (0, 0) => "",
                    (_, 0) => ",",
                    _ => "+",
                };
                match std::str::from_utf8(value) {
                    Ok(text) => write!(f, "{before}{kind}={}", escape(text))?,
                    Err(_) => {
                        write!(f, "{before}{kind}=")?;
                        value.iter().try_for_each(|byte| write!(f, "\\{byte:02x}"))?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn sorted(mut part: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    part.sort();
    part
}

/// A value and, unless it is the last one, the sign after it and what follows.
fn value(text: &str) -> Result<(Vec<u8>, Option<(char, &str)>), NotADn> {
    let text = text.trim_start_matches(' ');
    if let Some(hex) = text.strip_prefix('#') {
        return hex_value(hex);
    }
    let mut bytes = Vec::new();
    // Blanks at the end belong to the value only when they are escaped.
    let mut kept = 0;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            ',' | '+' => {
                bytes.truncate(kept);
                return Ok((prepared(bytes), Some((c, &text[at + 1..]))));
            }
            '"' | ';' | '<' | '>' | '\0' => return Err(NotADn),
            '\\' => {
                let (_, escaped) = chars.next().ok_or(NotADn)?;
                match escaped.to_digit(16) {
                    Some(high) => {
                        let low = chars.next().and_then(|(_, c)| c.to_digit(16)).ok_or(NotADn)?;
                        bytes.push(u8::try_from(high * 16 + low).map_err(|_| NotADn)?);
                    }
                    None if " \"#+,;<=>\\".contains(escaped) => bytes.push(escaped as u8),
                    None => return Err(NotADn),
                }
                kept = bytes.len();
            }
            _ => {
                let mut encoded = [0; 4];
                bytes.extend_from_slice(c.encode_utf8(&mut encoded).as_bytes());
                if c != ' ' {
                    kept = bytes.len();
                }
            }
        }
    }
    bytes.truncate(kept);
    Ok((prepared(bytes), None))
}

/// `#` and the hexadecimal digits of a BER value: taken as bytes, compared as bytes.
fn hex_value(hex: &str) -> Result<(Vec<u8>, Option<(char, &str)>), NotADn> {
    let end = hex.find([',', '+']).unwrap_or(hex.len());
    let digits = hex[..end].trim_end();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.bytes().all(|b| b.is_ascii_hexdigit())
    {
        return Err(NotADn);
    }
    let mut bytes = vec![b'#'];
    bytes.extend(digits.bytes().map(|b| b.to_ascii_lowercase()));
    Ok((bytes, hex[end..].chars().next().map(|sign| (sign, &hex[end + 1..]))))
}

/// A value prepared for comparing: lower case, runs of blanks as one, none at the ends.
fn prepared(bytes: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(bytes) {
        Ok(text) => fold(&text).into_bytes(),
        Err(error) => error.into_bytes(),
    }
}

/// Whether a name is written so that, of two such, exactly those are the same that differ in nothing but the case of
/// letters: ASCII without escapes, quotes, numbers for types, blanks at the ends of values or side by side.
pub fn is_plain(name: &str) -> bool {
    let bytes = name.as_bytes();
    let is_edge = |at: Option<&u8>| at.is_none_or(|byte| matches!(byte, b',' | b'=' | b' '));
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b' ' => !is_edge(at.checked_sub(1).and_then(|at| bytes.get(at))) && !is_edge(bytes.get(at + 1)),
        b'\\' | b'"' | b'#' | b'+' | b';' | b'<' | b'>' => false,
        // `oid.` in front of a type means nothing.
        b'.' => !name[..at].to_ascii_lowercase().ends_with("oid"),
        _ => byte.is_ascii_graphic(),
    })
}

/// A text as directories compare names (RFC 4518, in part): in lower case, blanks folded, invisible characters gone.
pub fn fold(text: &str) -> String {
    let lower: String = text
        .chars()
        .filter(|c| !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}'))
        .flat_map(char::to_lowercase)
        .collect();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A value as the text of a name has it (RFC 4514 §2.4). Every sign with a meaning is escaped, `=` as well, and
/// control characters as `\` and two hexadecimal digits.
pub fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.len().saturating_sub(1);
    for (at, c) in value.char_indices() {
        let is_edge = (at == 0 && matches!(c, ' ' | '#')) || (at == last && c == ' ');
        if c.is_ascii_control() {
            text.push_str(&format!("\\{:02x}", c as u32));
        } else {
            if is_edge || matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=') {
                text.push('\\');
            }
            text.push(c);
        }
    }
    text
}

/// The name of the entry `attribute=value` below `base`, whatever the value is.
pub fn child(attribute: &str, value: &str, base: &str) -> String {
    match base.trim() {
        "" => format!("{attribute}={}", escape(value)),
        base => format!("{attribute}={},{base}", escape(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dn(text: &str) -> Dn {
        Dn::parse(text).unwrap_or_else(|_| panic!("{text}"))
    }

    proptest::proptest! {
        /// What compares names without reading them says what reading them says.
        #[test]
        fn plain_names_compare_as_texts(
            a in "(cn|CN|ou|2.5.4.3|oid.2.5.4.3)=[a-bA-B .,=#+;\"\\\\é]{0,6}(,dc=[x ]{1,2})?",
            b in "(cn|CN|ou|2.5.4.3|OID.2.5.4.3)=[a-bA-B .,=#+;\"\\\\é]{0,6}(,dc=[x ]{1,2})?",
        ) {
            if let (true, true, Ok(one), Ok(other)) = (is_plain(&a), is_plain(&b), Dn::parse(&a), Dn::parse(&b)) {
                proptest::prop_assert_eq!(one == other, a.eq_ignore_ascii_case(&b), "{} {}", a, b);
            }
        }
    }

    #[test]
    fn which_names_are_plain() {
        for (name, plain) in [
            ("CN=Domain Admins,OU=Groups,DC=corp,DC=example", true),
            ("uid=a.b-c_d@x/y'z,dc=x", true),
            ("cn=a  b,dc=x", false),
            ("cn=a, dc=x", false),
            ("cn= a,dc=x", false),
            ("cn=a,dc=x ", false),
            (" cn=a", false),
            (r"cn=a\2Cb,dc=x", false),
            ("cn=a+sn=b", false),
            ("cn=#04", false),
            ("cn=é", false),
            ("cn=a\tb", false),
            ("OID.2.5.4.3=a", false),
        ] {
            assert_eq!(is_plain(name), plain, "{name}");
        }
    }

    #[test]
    fn names_compare_as_directories_do() {
        for (a, b, equal) in [
            ("CN=Ann  Lee, OU=People,dc=example,DC=com", "cn=ann lee,ou=people,dc=Example,dc=com", true),
            ("cn=a+sn=b,dc=x", "SN=B+CN=A,dc=x", true),
            (r"cn=Lu\C4\8Di\C4\87", "cn=Lučić", true),
            (r"cn=a\20", "cn=a", true),
            (r"cn=a\,b", r"cn=a\2cb", true),
            ("1.3.6.1.4.1.1466.0=#04024869", "OID.1.3.6.1.4.1.1466.0=#04024869", true),
            (r"cn=a\,ou=b", "cn=a,ou=b", false),
            ("cn=a", "cn=b", false),
            ("", " ", true),
        ] {
            assert_eq!(dn(a) == dn(b), equal, "{a} and {b}");
        }
    }

    #[test]
    fn names_below_names() {
        let base = dn("dc=example,dc=com");
        assert!(dn("uid=a,ou=People,DC=Example,dc=com").is_within(&base) && base.is_within(&base));
        assert!(!dn("uid=a,dc=notexample,dc=com").is_within(&base));
        assert!(!dn(r"uid=a\,dc\=example\,dc\=com").is_within(&base));
        assert!(base.is_within(&dn("")) && dn("").is_root());
    }

    #[test]
    fn not_names() {
        for text in [
            "a",
            "=a",
            "cn=a,",
            "cn=a,,dc=b",
            r"cn=a\",
            r"cn=a\4",
            r"cn=a\zz",
            "cn=a;dc=b",
            "cn=\"a\"",
            "cn=#0",
            "cn=#",
            "cn=<a>",
        ] {
            assert!(Dn::parse(text).is_err(), "{text}");
        }
        assert!(Dn::parse(&format!("cn={}", "a".repeat(DN_BYTES_MAX))).is_err());
    }

    #[test]
    fn a_person_cannot_choose_the_branch() {
        for (typed, want) in [
            ("a,ou=admins", r"uid=a\,ou\=admins,dc=x"),
            ("#x", r"uid=\#x,dc=x"),
            (" a ", r"uid=\ a\ ,dc=x"),
            ("a\0", r"uid=a\00,dc=x"),
            ("a+b\"<>;\\", r#"uid=a\+b\"\<\>\;\\,dc=x"#),
        ] {
            assert_eq!(child("uid", typed, "dc=x"), want);
        }
    }

    proptest::proptest! {
        /// Whatever is typed stays one value of one part, below the base.
        #[test]
        fn values_stay_values(typed in "\\PC{1,40}|[,+\"\\\\<>;= #a-c\0\n]{1,12}") {
            let base = dn("ou=people,dc=example,dc=com");
            let built = dn(&child("uid", &typed, "ou=people,dc=example,dc=com"));
            proptest::prop_assert!(built.is_within(&base));
            proptest::prop_assert_eq!(built.0.len(), base.0.len() + 1);
            proptest::prop_assert_eq!(&built.0[0], &vec![("uid".to_owned(), fold(&typed).into_bytes())]);
        }

        /// What a name says about itself reads back as the same name.
        #[test]
        fn names_are_written_as_they_are_read(typed in "\\PC{1,20}") {
            let name = dn(&child("cn", &typed, "dc=x"));
            proptest::prop_assert_eq!(dn(&name.to_string()), name);
        }

        /// Nothing that is read breaks off.
        #[test]
        fn any_text_is_read(text in "\\PC{0,60}|[,+=#\\\\a0 ]{0,20}") {
            let _ = Dn::parse(&text);
        }
    }
}
