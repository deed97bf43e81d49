//! Search filters, built as trees and never from text (RFC 4511 §4.5.1.7): a value cannot become syntax.

use std::fmt;

use ldap3_proto::proto::LdapFilter;

/// What an entry must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of these.
    And(Vec<Filter>),
    /// One of these.
    Or(Vec<Filter>),
    /// The attribute has this value.
    Equals(String, String),
    /// The attribute is there.
    Present(String),
}

impl Filter {
    /// `attribute` has `value`. The value is anything; the name comes from a configuration, never from a person.
    pub fn equals(attribute: &str, value: &str) -> Self {
        Filter::Equals(attribute.to_owned(), value.to_owned())
    }

    /// Every entry there is.
    pub fn any() -> Self {
        Filter::Present("objectClass".into())
    }

    /// As it goes over the wire.
    pub fn to_wire(&self) -> LdapFilter {
        match self {
            Filter::And(list) => LdapFilter::And(list.iter().map(Filter::to_wire).collect()),
            Filter::Or(list) => LdapFilter::Or(list.iter().map(Filter::to_wire).collect()),
            Filter::Equals(name, value) => LdapFilter::Equality(name.clone(), value.clone()),
            Filter::Present(name) => LdapFilter::Present(name.clone()),
        }
    }
}

/// The text of RFC 4515, for people and logs.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, sign: char, list: &[Filter]| {
            write!(f, "({sign}")?;
            list.iter().try_for_each(|part| part.fmt(f))?;
            f.write_str(")")
        };
        match self {
            Filter::And(parts) => list(f, '&', parts),
            Filter::Or(parts) => list(f, '|', parts),
            Filter::Equals(name, value) => write!(f, "({name}={})", escape(value)),
            Filter::Present(name) => write!(f, "({name}=*)"),
        }
    }
}

/// A value as the text of a filter has it (RFC 4515 §3): `* ( ) \` and NUL as `\` and two hexadecimal digits. So
/// are other control characters and blanks at the ends, which the grammar leaves alone and readers lose.
pub fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.len().saturating_sub(1);
    for (at, c) in value.char_indices() {
        let is_edge_blank = c == ' ' && (at == 0 || at == last);
        if matches!(c, '*' | '(' | ')' | '\\') || c.is_ascii_control() || is_edge_blank {
            text.push_str(&format!("\\{:02x}", c as u32));
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ldap::message;
    use crate::protocol::ldap::search::Search;
    use ldap3_proto::proto::LdapOp;

    #[test]
    fn the_text_is_that_of_the_standard() {
        let filter = Filter::And(vec![
            Filter::any(),
            Filter::Or(vec![Filter::equals("uid", "a*b(c)\\d\0"), Filter::equals("cn", "Lučić")]),
        ]);
        assert_eq!(filter.to_string(), "(&(objectClass=*)(|(uid=a\\2ab\\28c\\29\\5cd\\00)(cn=Lučić)))");
    }

    /// The one value of `(uid=value)`, read by the grammar of RFC 4515 §3; `None` when it is anything else.
    fn one_value(text: &str) -> Option<String> {
        let inside = text.strip_prefix("(uid=")?.strip_suffix(')')?;
        let mut bytes = Vec::new();
        let mut rest = inside.as_bytes();
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            match byte {
                b'*' | b'(' | b')' | 0 => return None,
                b'\\' => {
                    let (digits, after) = rest.split_at_checked(2)?;
                    bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
                    rest = after;
                }
                other => bytes.push(other),
            }
        }
        String::from_utf8(bytes).ok()
    }

    proptest::proptest! {
        /// Whatever is typed stays one value, in the text and on the wire.
        #[test]
        fn values_stay_values(value in "\\PC{1,40}|[*()\\\\ \0a-c,=#~&|!\n]{1,12}") {
            let filter = Filter::equals("uid", &value);
            proptest::prop_assert_eq!(one_value(&filter.to_string()), Some(value.clone()));
            let search = Search { filter, ..Search::entry("dc=x", Vec::new()) };
            let bytes = message::encode(search.to_wire(1, 0)).expect("a message");
            let LdapOp::SearchRequest(read) = message::decode(&bytes).expect("a message").op else { panic!("no search") };
            proptest::prop_assert_eq!(read.filter, LdapFilter::Equality("uid".into(), value));
        }
    }
}
