//! Scope sets (RFC 6749 §3.3): order does not matter, unknown ones are dropped.

/// Scopes that OpenID Connect Core §5.4 and §11 define.
pub const STANDARD: &[&str] = &["openid", "profile", "email", "address", "phone"];

/// The scopes of `asked` that `known` has, each once, in the order asked.
pub fn granted(asked: &str, known: impl Fn(&str) -> bool) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for scope in asked.split(' ').filter(|s| !s.is_empty()) {
        if known(scope) && !out.iter().any(|have| have == scope) {
            out.push(scope.to_owned());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_repeated_scopes_fall_away() {
        let known = |s: &str| STANDARD.contains(&s);
        assert_eq!(granted("email  openid evil email", known), ["email", "openid"]);
        assert!(granted("", known).is_empty());
    }
}
