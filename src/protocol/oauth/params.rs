//! Request parameters: a parameter must not stand twice (RFC 6749 §3.1).

/// Most parameters of one request.
pub const PARAMS_MAX: usize = 100;

/// Parameters in the order sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params {
    pairs: Vec<(String, String)>,
    raw: String,
}

/// Why a query or form is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// A name stands twice.
    #[error("the parameter `{0}` stands twice")]
    Repeated(String),
    /// More than [`PARAMS_MAX`].
    #[error("more than {PARAMS_MAX} parameters")]
    TooMany,
    /// Not UTF-8 once decoded: such a `state` could not be given back as it came.
    #[error("a parameter is not UTF-8")]
    NotText,
}

impl Params {
    /// Parses `application/x-www-form-urlencoded` text, keeping repeated names for [`Params::unique`].
    pub fn parse(text: &str) -> Result<Self, ParamsError> {
        if percent_encoding::percent_decode_str(text).decode_utf8().is_err() {
            return Err(ParamsError::NotText);
        }
        Self::lenient(text)
    }

    /// As [`Params::parse`]; bytes that are not UTF-8 become U+FFFD. For answers of providers, whose
    /// descriptions for people may be in any encoding.
    pub fn lenient(text: &str) -> Result<Self, ParamsError> {
        let mut pairs = Vec::new();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            if pairs.len() == PARAMS_MAX {
                return Err(ParamsError::TooMany);
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Params { pairs, raw: text.to_owned() })
    }

    /// Refuses repeated names.
    pub fn unique(self) -> Result<Self, ParamsError> {
        for (i, (name, _)) in self.pairs.iter().enumerate() {
            if self.pairs[..i].iter().any(|(other, _)| other == name) {
                return Err(ParamsError::Repeated(name.chars().take(40).collect()));
            }
        }
        Ok(self)
    }

    /// The first value of a name. An empty value counts as absent (RFC 6749 §3.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// How often a name stands.
    pub fn count(&self, name: &str) -> usize {
        self.pairs.iter().filter(|(n, _)| n == name).count()
    }

    /// The text they were read from, as it was sent: some signatures are made over that.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// All pairs.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_names_are_seen() {
        let params = Params::parse("a=1&b=&c=%20x&a=2").unwrap();
        assert_eq!((params.get("a"), params.get("b"), params.get("c")), (Some("1"), None, Some(" x")));
        assert_eq!(params.unique(), Err(ParamsError::Repeated("a".into())));
        assert_eq!(Params::parse(&"x=1&".repeat(101)).err(), Some(ParamsError::TooMany));
        assert_eq!(Params::parse("a=%ff").err(), Some(ParamsError::NotText));
        assert_eq!(Params::parse("a=%c3&b=%a9").err(), Some(ParamsError::NotText));
        assert!(Params::parse("a=%c3%a9%26").is_ok());
    }
}
