//! One event, one line of the log: foreign values cannot move the cursor or forge a line, in text or in JSON.
//!
//! Not here: where the log goes and how much of it there is (`logging`).

use std::fmt::{self, Debug};

use tracing::field::Field;
use tracing::{Event, Subscriber};
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer, debug_fn};
use tracing_subscriber::registry::LookupSpan;

use crate::safe;

/// The message is the one field that is written without its name.
const MESSAGE: &str = "message";
/// Fields that repeat what the line begins with, in events of libraries that use `log`.
const REPEATED: &str = "log.";

/// How the fields of a line of text are written: `name=value`, each value in one line.
pub(super) fn fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    debug_fn(field).delimited(" ")
}

fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    let name = field.name();
    if name.starts_with(REPEATED) {
        return Ok(());
    }
    let value = format!("{value:?}");
    let value = safe::line(&value);
    match (name, writer.has_ansi_escapes()) {
        (MESSAGE, _) => write!(writer, "{value}"),
        (_, true) => write!(writer, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}"),
        (_, false) => write!(writer, "{name}={value}"),
    }
}

/// Lines of JSON in which control characters are escaped.
pub(super) struct Escaped<F>(pub(super) F);

impl<S, N, F> FormatEvent<S, N> for Escaped<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(&safe::json(line))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::{Layer, fmt, registry};

    use super::*;
    use crate::report::samples::Lines;

    /// What the log holds of one event, whose text tries everything.
    fn written(json: bool, colours: bool) -> String {
        let evil = "x\u{1b}[31m\r\n2026-01-01T00:00:00Z INFO forged \u{9b}2J\u{202e}\u{e0041}\u{7f}\u{2028}";
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = fmt::layer().with_ansi(colours).with_writer(move || writer.clone());
        let layer = match json {
            true => layer.json().map_event_format(Escaped).boxed(),
            false => layer.fmt_fields(fields()).boxed(),
        };
        tracing::subscriber::with_default(registry().with(layer), || {
            tracing::warn!(text = evil, shown = %evil, number = 7, "message {evil}");
        });
        lines.text()
    }

    #[test]
    fn an_event_is_one_line_whatever_its_values_hold() {
        for json in [false, true] {
            let line = written(json, false);
            let line = line.strip_suffix('\n').unwrap();
            assert!(!line.contains(safe::acts), "{line:?}");
            assert!(
                line.contains("message x") && line.contains("number") && line.contains("forged"),
                "{line}"
            );
        }
    }

    #[test]
    fn json_keeps_what_was_said() {
        let line: serde_json::Value = serde_json::from_str(&written(true, false)).unwrap();
        let text = line["fields"]["text"].as_str().unwrap();
        assert!(text.starts_with("x\u{1b}[31m\r\n") && text.contains("\u{202e}\u{e0041}\u{7f}\u{2028}"));
    }

    #[test]
    fn colours_are_the_programs_own() {
        let line = written(false, true);
        assert!(line.contains("\u{1b}[3mnumber\u{1b}[0m\u{1b}[2m=\u{1b}[0m7"), "{line:?}");
        assert!(!line.contains("\u{1b}[31m") && line.lines().count() == 1, "{line:?}");
    }
}
