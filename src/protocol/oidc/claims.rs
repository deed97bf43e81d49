//! Standard claims: which scope asks for which, and the types they must have (Core §5.1, §5.4).

use serde_json::Value;

/// The scope that asks for a standard claim; `None` for claims of our own, which come with `openid`.
pub fn scope_of(claim: &str) -> Option<&'static str> {
    match claim {
        "name" | "family_name" | "given_name" | "middle_name" | "nickname" | "preferred_username"
        | "profile" | "picture" | "website" | "gender" | "birthdate" | "zoneinfo" | "locale"
        | "updated_at" => Some("profile"),
        "email" | "email_verified" => Some("email"),
        "address" => Some("address"),
        "phone_number" | "phone_number_verified" => Some("phone"),
        _ => None,
    }
}

/// A value in the type the claim must have: `email_verified` is a boolean and `updated_at` a number even
/// where a directory could only say text. `None` when it cannot be.
pub fn typed(claim: &str, value: Value) -> Option<Value> {
    match (claim, value) {
        ("email_verified" | "phone_number_verified", Value::String(text)) => match text.as_str() {
            "true" | "TRUE" | "True" | "1" => Some(Value::Bool(true)),
            "false" | "FALSE" | "False" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        ("updated_at", Value::String(text)) => text.parse::<i64>().ok().map(Value::from),
        (_, value) => Some(value),
    }
}

/// Claims of a token that are about the token, not about the person.
pub fn is_protocol_claim(claim: &str) -> bool {
    matches!(
        claim,
        "iss"
            | "aud"
            | "exp"
            | "iat"
            | "nbf"
            | "jti"
            | "nonce"
            | "at_hash"
            | "c_hash"
            | "s_hash"
            | "azp"
            | "sid"
            | "auth_time"
            | "acr"
            | "amr"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_put_right_or_refused() {
        assert_eq!(typed("email_verified", json!("true")), Some(json!(true)));
        assert_eq!(typed("email_verified", json!("perhaps")), None);
        assert_eq!(typed("updated_at", json!("12")), Some(json!(12)));
        assert_eq!(typed("groups", json!(["a"])), Some(json!(["a"])));
        assert_eq!((scope_of("email"), scope_of("groups")), (Some("email"), None));
    }
}
