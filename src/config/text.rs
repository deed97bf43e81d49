//! Texts with a grammar: claim paths and attribute templates (`{{ name.path }}`).
//!
//! ```text
//! template = "{{" ws path ws "}}"     path    = name "." segment *( "." segment )
//! name     = a connector name         segment = 1*( any character but "." "{" "}" "\" / "\" any )
//! ```

/// An attribute of a connector: `ha.email`, `kc.realm_access.roles`, `okta.https://x\.y/roles`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath {
    /// The connector's name.
    pub connector: String,
    /// The rest as written, escapes included.
    pub path: String,
    /// The rest split at dots that no backslash escapes, escapes removed.
    pub segments: Vec<String>,
}

impl ClaimPath {
    /// Parses; the message says what is missing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (connector, path) = text
            .split_once('.')
            .ok_or_else(|| format!("`{text}` has no dot: write `connector.attribute`"))?;
        if connector.is_empty() {
            return Err(format!("`{text}` names no connector: write `connector.attribute`"));
        }
        let segments = split_path(path).ok_or_else(|| format!("`{text}` has an empty part"))?;
        Ok(ClaimPath { connector: connector.to_owned(), path: path.to_owned(), segments })
    }
}

/// Splits a path at unescaped dots and removes the escapes. `None` when a part is empty or a character
/// is not allowed.
pub fn split_path(path: &str) -> Option<Vec<String>> {
    let mut segments = vec![String::new()];
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => segments.last_mut()?.push(chars.next()?),
            '.' => segments.push(String::new()),
            '{' | '}' => return None,
            other => segments.last_mut()?.push(other),
        }
    }
    segments.iter().all(|s| !s.is_empty()).then_some(segments)
}

/// A text with templates in it, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Literal texts and paths, in order.
    pub parts: Vec<Part>,
}

/// One piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// The value of an attribute.
    Attribute(ClaimPath),
}

impl Template {
    /// Parses; the message says which braces are wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            let inside = &rest[open + 2..];
            let close = inside.find("}}").ok_or_else(|| format!("`{text}` has `{{{{` without `}}}}`"))?;
            parts.push(Part::Attribute(ClaimPath::parse(inside[..close].trim())?));
            rest = &inside[close + 2..];
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Template { parts })
    }

    /// The attributes it reads.
    pub fn paths(&self) -> impl Iterator<Item = &ClaimPath> {
        self.parts.iter().filter_map(|part| match part {
            Part::Attribute(path) => Some(path),
            Part::Text(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_and_paths() {
        let template = Template::parse("Hi {{ ha.email }}, {{kc.realm_access.roles}}!").unwrap();
        let names: Vec<_> = template.paths().map(|p| (p.connector.as_str(), p.segments.join("|"))).collect();
        assert_eq!(names, [("ha", "email".to_owned()), ("kc", "realm_access|roles".to_owned())]);
        assert_eq!(template.parts.len(), 5);
        assert_eq!(ClaimPath::parse(r"a.https://x\.y/r").unwrap().segments, ["https://x.y/r"]);
        for bad in ["{{ a.b", "{{ ab }}", "{{ .b }}", "{{ a. }}", "{{ a..b }}"] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }
}
