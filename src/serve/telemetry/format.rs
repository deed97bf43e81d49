//! Log lines: logfmt or JSON, with the documented fields. Values are quoted, so that nothing a person sends
//! can forge a line.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::ambient::Clock;
use crate::config::logger::Logger;

/// Writes events as the configuration asks.
pub struct Format {
    json: bool,
    ordered: bool,
    time: TimeFormat,
    clock: Clock,
    /// Name of this node, on every line that has an event.
    node: String,
}

/// How times are written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TimeFormat {
    Rfc3339,
    Strftime(String),
}

impl Format {
    /// Of the configuration. `node` is this machine's name; it stands on lines that have an event, and an empty
    /// one is left out. The error names a `timeFormat` that is not understood.
    pub fn new(logger: &Logger, clock: Clock, node: impl Into<String>) -> Result<Self, String> {
        Ok(Format {
            json: logger.json_output,
            ordered: logger.field_ordering.enabled,
            time: TimeFormat::parse(&logger.time_format)?,
            clock,
            node: node.into(),
        })
    }

    fn now(&self) -> String {
        let at =
            jiff::Timestamp::from_second(i64::try_from(self.clock.unix().0).unwrap_or(0)).unwrap_or_default();
        match &self.time {
            TimeFormat::Rfc3339 => at.to_string(),
            TimeFormat::Strftime(format) => at.strftime(format).to_string(),
        }
    }
}

impl TimeFormat {
    /// A name of Go's time package, or one of its layouts.
    fn parse(text: &str) -> Result<Self, String> {
        let layout = match text.to_ascii_lowercase().as_str() {
            "rfc3339" | "rfc3339nano" => return Ok(TimeFormat::Rfc3339),
            "ansic" => "%a %b %e %H:%M:%S %Y",
            "unixdate" => "%a %b %e %H:%M:%S UTC %Y",
            "rubydate" => "%a %b %d %H:%M:%S +0000 %Y",
            "rfc822" => "%d %b %y %H:%M UTC",
            "rfc822z" => "%d %b %y %H:%M +0000",
            "rfc850" => "%A, %d-%b-%y %H:%M:%S UTC",
            "rfc1123" => "%a, %d %b %Y %H:%M:%S UTC",
            "rfc1123z" => "%a, %d %b %Y %H:%M:%S +0000",
            "kitchen" => "%I:%M%p",
            "stamp" | "stampmilli" | "stampmicro" | "stampnano" => "%b %e %H:%M:%S",
            "datetime" => "%Y-%m-%d %H:%M:%S",
            _ => return go_layout(text),
        };
        Ok(TimeFormat::Strftime(layout.to_owned()))
    }
}

/// A Go layout (`2006-01-02 15:04:05`) as a strftime format.
fn go_layout(text: &str) -> Result<TimeFormat, String> {
    const TOKENS: &[(&str, &str)] = &[
        ("2006", "%Y"),
        ("January", "%B"),
        ("Jan", "%b"),
        ("Monday", "%A"),
        ("Mon", "%a"),
        ("-07:00", "+00:00"),
        ("-0700", "+0000"),
        ("Z07:00", "Z"),
        ("MST", "UTC"),
        ("01", "%m"),
        ("02", "%d"),
        ("_2", "%e"),
        ("15", "%H"),
        ("03", "%I"),
        ("04", "%M"),
        ("05", "%S"),
        ("PM", "%p"),
        ("06", "%y"),
        ("000", ""),
    ];
    let (mut out, mut rest, mut found) = (String::new(), text, false);
    'outer: while let Some(c) = rest.chars().next() {
        for (token, format) in TOKENS {
            if let Some(after) = rest.strip_prefix(token) {
                out.push_str(format);
                rest = after;
                found = true;
                continue 'outer;
            }
        }
        if c == '%' {
            out.push('%');
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    if found {
        Ok(TimeFormat::Strftime(out))
    } else {
        Err(format!("logger.timeFormat: `{text}` is neither a known name (such as RFC3339) nor a Go layout"))
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::String(value.to_owned()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

impl<S, N> FormatEvent<S, N> for Format
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if fields.others.iter().any(|(name, _)| *name == "event") {
            fields.others.push(("node", Value::String(self.node.clone())));
        }
        fields.others.retain(|(_, value)| value.as_str() != Some(""));
        if self.ordered {
            fields.others.sort_by_key(|(name, _)| *name);
        }
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        let head =
            [("ts", self.now()), ("level", level), ("service", "maverics".into()), ("msg", fields.message)];
        if self.json {
            let mut line = Map::new();
            line.extend(head.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))));
            line.extend(fields.others.into_iter().map(|(name, value)| (name.to_owned(), value)));
            return writeln!(out, "{}", Value::Object(line));
        }
        let mut line = String::new();
        for (name, value) in head {
            pair(&mut line, name, &value);
        }
        for (name, value) in &fields.others {
            match value {
                Value::String(text) => pair(&mut line, name, text),
                other => pair(&mut line, name, &other.to_string()),
            }
        }
        writeln!(out, "{line}")
    }
}

fn pair(line: &mut String, name: &str, value: &str) {
    if !line.is_empty() {
        line.push(' ');
    }
    let plain = !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic() && !b"\"=\\".contains(&b));
    let _ = if plain {
        write!(line, "{name}={value}")
    } else {
        write!(line, "{name}={}", Value::String(value.into()))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_layouts() {
        let strftime = |text: &str| match TimeFormat::parse(text) {
            Ok(TimeFormat::Strftime(format)) => format,
            other => format!("{other:?}"),
        };
        assert_eq!(strftime("2006-01-02 15:04:05"), "%Y-%m-%d %H:%M:%S");
        assert_eq!(TimeFormat::parse("rfc3339"), Ok(TimeFormat::Rfc3339));
        assert!(TimeFormat::parse("tomorrow").is_err());
    }

    #[test]
    fn a_value_cannot_forge_a_line() {
        let mut line = String::new();
        pair(&mut line, "user", "x\nlevel=error msg=\"forged\"");
        assert_eq!(line.lines().count(), 1);
        assert!(line.starts_with("user=\"x\\n"), "{line}");
    }
}
