//! `explain`: the meaning of an answer from a server, an identity provider or the network.
//!
//! Owns the options and the layout. `diagnosis` reads the text. It is never printed, because people paste secrets.

use std::ffi::OsString;
use std::io::{self, Read};

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::diagnosis::Verdict;
use crate::diagnosis::paste::{self, Paste, Reading, Source};
use crate::diagnosis::remedy::{self, Heard};
use crate::model::{Family, Mechanism, Phase, Protocol, Reason};
use crate::report::text::stretch;
use crate::safe;

use super::answer::{complain, say};
use super::table::{BOLD, RED, Style};
use super::{Exit, cannot_run, colours};

/// How many bytes of a text are read. The rest of a longer one is dropped, with a note.
const LONGEST: usize = 64 * 1024;

/// The argument that means standard input.
const STANDARD_INPUT: &str = "-";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// A raw reply, a dialogue, an AADSTS number, a JSON error body, a base64 challenge, a library's
    /// message, or a reason's name; `-` reads standard input.
    #[arg(allow_hyphen_values = true)]
    text: OsString,
    /// The other words of a text that was given without quotes.
    #[arg(hide = true)]
    more: Vec<OsString>,
    /// Who said it: imap, smtp, pop3, graph, oauth (an identity provider) or net (a socket, a resolver, TLS).
    #[arg(long, value_parser = protocol)]
    protocol: Option<Source>,
    /// At which step: token, resolve, connect, tls, greeting, starttls, capability, auth, select or stat, sender or send, deliver, clean, open.
    #[arg(long, value_parser = phase)]
    phase: Option<Step>,
    /// How the login was tried: xoauth2, oauthbearer, plain, login, user_pass.
    #[arg(long, value_parser = mechanism)]
    mechanism: Option<Tried>,
    /// The provider of the server: a preset's name, such as `exchange_online` or `gmail`; any other name means a
    /// standard server.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// The format: text for people, JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// A mechanism; `None` if the user says that there was none, or that it is not known.
type Tried = Option<Mechanism>;

/// The values of `--protocol` that are not mail protocols.
const SOURCES: &[(&str, Source)] =
    &[("graph", Source::Mail(Protocol::Graph)), ("oauth", Source::Token), ("net", Source::Network)];

/// A phase; `None` if it may be any.
type Step = Option<Phase>;

/// Values of `--phase` that take precedence over the names of phases.
const STEPS: &[(&str, Step)] = &[("send", Some(Phase::Sender)), ("any", None)];

/// Further values of `--mechanism`: mechanisms that no check uses, and words for none or any.
const MECHANISMS: &[(&str, Tried)] = &[
    ("user_pass", Some(Mechanism::Other)),
    ("apop", Some(Mechanism::Other)),
    ("cram_sha256", Some(Mechanism::Other)),
    ("ntlm", Some(Mechanism::Other)),
    ("gssapi", Some(Mechanism::Other)),
    ("scram_sha_1", Some(Mechanism::Other)),
    ("scram_sha_256", Some(Mechanism::Other)),
    ("any", None),
    ("cram_md5", Some(Mechanism::Other)),
    ("none", None),
];

/// The beginnings of providers' names, with `_` between their words.
const PROVIDERS: &[(&str, Family)] = &[
    ("exchange_online", Family::ExchangeOnline),
    ("office_365", Family::ExchangeOnline),
    ("office365", Family::ExchangeOnline),
    ("microsoft_365", Family::ExchangeOnline),
    ("microsoft365", Family::ExchangeOnline),
    ("m365", Family::ExchangeOnline),
    ("o365", Family::ExchangeOnline),
    ("entra", Family::ExchangeOnline),
    ("azure", Family::ExchangeOnline),
    ("outlook", Family::OutlookCom),
    ("hotmail", Family::OutlookCom),
    ("live_com", Family::OutlookCom),
    ("gmail", Family::Gmail),
    ("google", Family::Gmail),
];

/// The value with this name in a table.
fn named<T: Copy>(table: &[(&str, T)], text: &str) -> Option<T> {
    table.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}

/// The spelling that names are compared in: lower case, with `_` between words.
fn folded(text: &str) -> String {
    text.trim().to_ascii_lowercase().replace(['.', '-', ' '], "_")
}

fn expected<'a>(names: impl Iterator<Item = &'a str>) -> String {
    format!("expected one of {}", names.collect::<Vec<_>>().join(", "))
}

fn protocol(text: &str) -> Result<Source, String> {
    let name = folded(text);
    let mail = || Protocol::of_mail().map(Protocol::label);
    let names = || mail().chain(SOURCES.iter().map(|(name, _)| *name));
    let found = Protocol::of_mail()
        .find(|protocol| protocol.label() == name)
        .map(Source::Mail)
        .or_else(|| named(SOURCES, &name));
    found.ok_or_else(|| expected(names()))
}

fn phase(text: &str) -> Result<Step, String> {
    let name = folded(text);
    let known = || Phase::ALL.iter().map(|phase| phase.label()).filter(|label| named(STEPS, label).is_none());
    let names = || known().chain(STEPS.iter().map(|(name, _)| *name));
    named(STEPS, &name).or_else(|| Phase::from_label(&name).map(Some)).ok_or_else(|| expected(names()))
}

fn mechanism(text: &str) -> Result<Tried, String> {
    let name = folded(text);
    let known = || Mechanism::ALL.iter().map(|mechanism| mechanism.label());
    let names = || known().chain(MECHANISMS.iter().map(|(name, _)| *name));
    let found = Mechanism::from_label(&name).map(Some).or_else(|| named(MECHANISMS, &name));
    found.ok_or_else(|| expected(names()))
}

fn family(provider: &str) -> Family {
    let name = folded(provider);
    let known = PROVIDERS.iter().find(|(beginning, _)| name.starts_with(beginning));
    known.map_or(Family::Generic, |(_, family)| *family)
}

pub(super) fn run(options: &Options) -> Exit {
    let text = match text(options) {
        Ok(text) => text,
        Err(exit) => return exit,
    };
    let provider = options.provider.as_deref().map(family);
    let reading = paste::read(&Paste {
        text: &text,
        source: options.protocol,
        phase: options.phase.flatten(),
        mechanism: options.mechanism.flatten(),
        family: provider,
    });
    let style = Style { colours: colours(&io::stdout()), transcript: false };
    let Some(verdict) = reading.verdict else {
        let said = match options.output {
            Output::Text => no_failure(&reading),
            Output::Json => no_failure_json(),
        };
        return say(&said, Exit::Fine);
    };
    let hint = remedy::hint_unconfigured(
        verdict.reason,
        &Heard {
            // Many answers show which provider sent them: enough for a remedy, not for a verdict.
            family: provider.or_else(|| paste::family(&text)),
            protocol: match reading.source {
                Some(Source::Mail(protocol)) => Some(protocol),
                _ => None,
            },
            phase: reading.phase.or(options.phase.flatten()),
            mechanism: reading.mechanism,
            text: &text,
        },
    );
    let known = verdict.reason != Reason::Unexpected || reading.by_name;
    let exit = if known { Exit::Fine } else { Exit::Failing };
    match options.output {
        Output::Text => say(&page(&reading, verdict, &hint, style), exit),
        Output::Json => say(&json(verdict.reason, &hint), exit),
    }
}

/// The text on the command line, or the content of standard input.
fn text(options: &Options) -> Result<String, Exit> {
    let words: Vec<_> =
        std::iter::once(&options.text).chain(&options.more).map(|word| word.to_string_lossy()).collect();
    // A text may begin with one hyphen, as `-ERR` does. Two hyphens are a misspelt option.
    if let Some(option) = words.iter().find(|word| word.starts_with("--")) {
        complain(&format!("explain has no option {option:?}; see `mailbox-exporter explain --help`\n"));
        return Err(Exit::Bad);
    }
    let mut bytes = Vec::new();
    if words == [STANDARD_INPUT] {
        let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX).saturating_add(1);
        io::stdin()
            .lock()
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(|error| cannot_run(&format!("standard input: {error}")))?;
    } else {
        bytes.extend(words.join(" ").bytes());
    }
    if bytes.len() > LONGEST {
        bytes.truncate(LONGEST);
        complain(&format!("only the first {} KiB were read\n", LONGEST / 1024));
    }
    // Some shells pipe UTF-16. Without its zero bytes it is readable as ASCII.
    bytes.retain(|byte| *byte != 0);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if text.trim().is_empty() {
        complain("there is no text to explain: nothing was given\n");
    }
    Ok(text)
}

fn json(reason: Reason, hint: &str) -> String {
    let row = reason.row();
    let owners: Vec<_> = row.owners.iter().map(|owner| owner.label()).collect();
    let object = json!({
        "reason": row.label,
        "meaning": row.meaning,
        "owner": owners,
        "transient": row.transient,
        "hint": hint,
        "docs": reason.docs(),
    });
    safe::json(format!("{object:#}\n"))
}

/// The members of [`json`] for an answer that is not a failure: only the meaning has a value.
fn no_failure_json() -> String {
    let object = json!({
        "reason": null,
        "meaning": NO_FAILURE,
        "owner": [],
        "transient": null,
        "hint": "",
        "docs": null,
    });
    format!("{object:#}\n")
}

const NO_FAILURE: &str = "The text reports no failure.";

fn no_failure(reading: &Reading) -> String {
    let read = read_as(reading).map(|read| format!("  read   {read}\n")).unwrap_or_default();
    format!("no failure\n  means  {NO_FAILURE}\n{read}")
}

fn page(reading: &Reading, verdict: Verdict, hint: &str, style: Style) -> String {
    let reason = verdict.reason;
    let row = reason.row();
    let owners: Vec<&str> = row.owners.iter().map(|owner| owner.row().title).collect();
    let passes = match (row.transient, verdict.retry_after) {
        (true, Some(pause)) => format!("by itself; the server asks for a pause of {}", stretch(pause)),
        (true, None) => "by itself, mostly".to_owned(),
        (false, _) => "not by itself".to_owned(),
    };
    let mut text = format!("{}\n", style.paint(RED, row.label));
    let mut entry = |name: &str, line: &str| {
        text += format!("  {name:<6} {line}").trim_end();
        text.push('\n');
    };
    entry("means", row.meaning);
    entry("acts", &owners.join(", "));
    entry("passes", &passes);
    if let Some(read) = read_as(reading) {
        entry("read", &read);
    }
    for (place, line) in hint.lines().filter(|line| !line.trim().is_empty()).enumerate() {
        entry(if place == 0 { "do" } else { "" }, &commands(line, style));
    }
    entry("more", &format!("{} of the status page", reason.docs()));
    text
}

/// How the text was understood, so that a user who knows better can correct it with an option.
fn read_as(reading: &Reading) -> Option<String> {
    let who = match reading.source? {
        Source::Mail(protocol) => format!("an answer by {}", protocol.title()),
        Source::Token => "an identity provider's answer".to_owned(),
        Source::Network => "a fault of network or TLS".to_owned(),
    };
    let phase = reading.phase.map(|phase| format!(", phase {phase}")).unwrap_or_default();
    let login = reading.mechanism.map(|mechanism| format!(", login by {mechanism}")).unwrap_or_default();
    Some(format!("as {who}{phase}{login}"))
}

/// Highlights commands and values, which stand between backticks, on a terminal.
fn commands(line: &str, style: Style) -> String {
    if !style.colours {
        return line.to_owned();
    }
    let pieces = line.split('`').enumerate();
    pieces
        .map(|(place, piece)| if place % 2 == 1 { style.paint(BOLD, piece) } else { piece.to_owned() })
        .collect()
}
