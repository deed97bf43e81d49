//! One canonical path: policy judges it, and the same path goes upstream (rows P01 to P04).

use std::borrow::Cow;

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// An encoded slash or backslash, a NUL or control byte, invalid UTF-8, a broken escape.
    #[error("the path has bytes that mean different things to different programs")]
    Ambiguous,
    /// `..` above the root.
    #[error("the path climbs above the root")]
    AboveRoot,
}

/// The canonical form: unreserved escapes decoded once, other escapes in upper case, dot segments removed,
/// `//` collapsed, `;parameters` cut off. Borrowed when the path is canonical already.
pub fn canonical(path: &str) -> Result<Cow<'_, str>, PathError> {
    if is_plain(path) {
        return Ok(Cow::Borrowed(path));
    }
    let mut decoded = Vec::with_capacity(path.len());
    let bytes = path.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'%' => {
                let value = bytes.get(i + 1..i + 3).and_then(hex).ok_or(PathError::Ambiguous)?;
                match value {
                    b'/' | b'\\' | 0..=0x1f | 0x7f => return Err(PathError::Ambiguous),
                    b if is_unreserved(b) || b"!$&'()*,:@=".contains(&b) => decoded.push(b),
                    b => decoded.extend_from_slice(format!("%{b:02X}").as_bytes()),
                }
                i += 3;
            }
            b'\\' | 0..=0x1f | 0x7f => return Err(PathError::Ambiguous),
            b if !b.is_ascii() => {
                decoded.extend_from_slice(format!("%{b:02X}").as_bytes());
                i += 1;
            }
            b => {
                decoded.push(b);
                i += 1;
            }
        }
    }
    // An escape of `%` itself is fine unless a program that decodes twice would read one of the above. Judged
    // on the result, where what was spelled in pieces stands together.
    for (at, _) in decoded.iter().enumerate().filter(|(at, _)| decoded[*at..].starts_with(b"%25")) {
        let again = decoded.get(at + 3..at + 5).and_then(hex);
        if again.is_some_and(|b| matches!(b, b'/' | b'\\' | b'.' | b'%' | 0..=0x1f | 0x7f)) {
            return Err(PathError::Ambiguous);
        }
    }
    utf8_after_decoding(&decoded)?;
    let text = String::from_utf8(decoded).map_err(|_| PathError::Ambiguous)?;
    let mut segments: Vec<&str> = Vec::new();
    let mut ends_in_slash = true;
    for segment in text.split('/').skip(1) {
        // Some servers route on what stands before `;`, so that is what policy must see too.
        let segment = segment.split(';').next().unwrap_or_default();
        ends_in_slash = segment.is_empty() || segment == "." || segment == "..";
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop().ok_or(PathError::AboveRoot)?;
            }
            other => segments.push(other),
        }
    }
    let mut out = String::with_capacity(text.len());
    for segment in &segments {
        out.push('/');
        out.push_str(segment);
    }
    if ends_in_slash || out.is_empty() {
        out.push('/');
    }
    Ok(Cow::Owned(out))
}

/// Escapes that stay escapes must still be UTF-8 once decoded.
fn utf8_after_decoding(bytes: &[u8]) -> Result<(), PathError> {
    let full = percent_encoding::percent_decode(bytes);
    full.decode_utf8().map(|_| ()).map_err(|_| PathError::Ambiguous)
}

/// Whether nothing in the path needs a second look. Almost every request.
fn is_plain(path: &str) -> bool {
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return false;
    }
    let mut previous = b'x';
    for &b in bytes {
        let fine = b.is_ascii_alphanumeric()
            || b"-_~/!$&'()*+,=:@".contains(&b)
            || (b == b'.' && previous != b'/' && previous != b'.');
        if !fine || (b == b'/' && previous == b'/') {
            return false;
        }
        previous = b;
    }
    true
}

fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~".contains(&b)
}

fn hex(pair: &[u8]) -> Option<u8> {
    let digit = |b: u8| (b as char).to_digit(16);
    Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_path_for_everybody() {
        for (path, want) in [
            ("/", "/"),
            ("/a/b.css", "/a/b.css"),
            ("/public/%2e%2e/admin", "/admin"),
            ("/a/./b", "/a/b"),
            ("/a//b///c/", "/a/b/c/"),
            ("/%61dmin", "/admin"),
            ("/a%3ab", "/a:b"),
            ("/%40admin", "/@admin"),
            ("/a%2bb", "/a%2Bb"),
            ("/admin;x=1/y", "/admin/y"),
            ("/..;/admin", "!"),
            ("//admin", "/admin"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/%c3%a9", "/%C3%A9"),
            ("/a%25b", "/a%25b"),
            ("/.", "/"),
            ("/.well-known/x", "/.well-known/x"),
        ] {
            let got = canonical(path).map_or("!".to_owned(), |p| p.into_owned());
            assert_eq!(got, want, "{path}");
        }
    }

    #[test]
    fn what_is_refused() {
        for path in [
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/%0a",
            "/..",
            "/a/../..",
            "/%",
            "/%2",
            "/%zz",
            "/%ff",
            "/%252e%252e/admin",
            "/%252fadmin",
            "/public/%25%32e%25%32e/admin",
            "/%25%32%66admin",
            "/%25%35%63x",
            "/%c3",
        ] {
            assert!(canonical(path).is_err(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn canonical_is_a_fixed_point(path in "/[a-c./%2eE;\\\\0-9F]{0,30}") {
            if let Ok(once) = canonical(&path) {
                let twice = canonical(&once).expect("canonical paths are accepted");
                prop_assert_eq!(&*once, &*twice);
                prop_assert!(!once.contains("//") && !once.contains("/../") && !once.ends_with("/.."));
            }
        }
    }
}
