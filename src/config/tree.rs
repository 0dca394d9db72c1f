//! YAML as a tree in which every value knows its line and column.
//!
//! Owns the syntax: what the YAML library reads, within bounds. Knows nothing of what a key means.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Error, Location, Spanned};

/// Values in one file: twice what a hundred thousand mailboxes need.
const MAX_NODES: usize = 4_000_000;

/// Nesting. The deepest of our own keys lies at five.
const MAX_DEPTH: usize = 32;

/// Aliases and merge keys in one file: a fleet may merge one base into each of its mailboxes.
const MAX_ALIASES: usize = 1_000_000;

/// Nodes that aliases may add: so many to any file, …
const MIN_REPLAYED: usize = 100_000;

/// … and so many more for each byte of it, which stops a small file from unfolding without end. A mailbox that merges
/// a base of thirty keys takes forty bytes.
const REPLAYED_A_BYTE: usize = 2;

/// Nodes that aliases may add to the largest file.
const MAX_REPLAYED: usize = 4_000_000;

/// Bytes of text in one file, copies by aliases included: so many for each byte of it, and this much to any.
const TEXT_A_BYTE: usize = 8;
const MIN_TEXT: usize = 1024 * 1024;
/// Bytes of text in the largest file.
const MAX_TEXT: usize = 128 * 1024 * 1024;

/// One value.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) line: u32,
    pub(super) column: u32,
}

/// What stands there.
#[derive(Debug)]
pub(super) enum Kind {
    Null,
    /// The value, and how it was spelt.
    Bool(bool, Box<str>),
    /// As it was spelt: a tenant of digits keeps its leading zeros.
    Number(Box<str>),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file; a key may occur twice.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) node: Node,
}

/// What is wrong with the syntax, and where; line 0 if the place is unknown.
#[derive(Debug)]
pub(super) struct SyntaxFault {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) message: String,
}

/// Reads one document. The first syntax fault ends the reading: what follows it cannot be trusted.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxFault> {
    let replayed = text.len().saturating_mul(REPLAYED_A_BYTE).saturating_add(MIN_REPLAYED).min(MAX_REPLAYED);
    let letters = text.len().saturating_mul(TEXT_A_BYTE).saturating_add(MIN_TEXT).min(MAX_TEXT);
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_nodes: MAX_NODES,
            max_events: 2 * MAX_NODES,
            max_depth: MAX_DEPTH,
            max_aliases: MAX_ALIASES,
            max_merge_keys: MAX_ALIASES,
            max_recorded_anchor_events: replayed,
            max_total_scalar_bytes: letters,
            // One base merged into every mailbox is how the feature is meant to be used.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: replayed },
        // Handed on, so that duplicates are reported along with everything else.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        strict_booleans: true,
        reject_unsupported_tags: true,
        // A snippet would repeat lines of the file, secrets included.
        with_snippet: false,
    };
    let read = serde_yaml::from_str_with_options::<Spanned<Raw>>(text, options);
    read.map(|raw| place(raw, text)).map_err(|error| explain(&error, replayed))
}

/// The value as the library hands it over; numbers and booleans are read from the source afterwards.
enum Raw {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

fn place(raw: Spanned<Raw>, text: &str) -> Node {
    let (line, column) = position(&raw.defined);
    let spelt = |at: &Location| -> Box<str> {
        let span = at.span();
        let start = span.byte_offset().and_then(|start| usize::try_from(start).ok());
        let len = span.byte_len().and_then(|len| usize::try_from(len).ok());
        let piece = start.zip(len).and_then(|(start, len)| text.get(start..start.checked_add(len)?));
        piece.unwrap_or_default().trim().into()
    };
    let kind = match raw.value {
        Raw::Null => Kind::Null,
        Raw::Bool(value) => Kind::Bool(value, spelt(&raw.defined)),
        Raw::Number => Kind::Number(spelt(&raw.defined)),
        Raw::Text(text) => Kind::Text(text),
        Raw::List(items) => Kind::List(items.into_iter().map(|item| place(item, text)).collect()),
        Raw::Map(entries) => Kind::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let (line, column) = position(&key.defined);
                    Entry { key: key.value, line, column, node: place(value, text) }
                })
                .collect(),
        ),
    };
    Node { kind, line, column }
}

fn position(at: &Location) -> (u32, u32) {
    let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    (number(at.line()), number(at.column()))
}

/// The library's complaint in a sentence that repeats nothing of the file.
fn explain(error: &Error, replayed: usize) -> SyntaxFault {
    let (line, column) = error.location().as_ref().map_or((0, 0), position);
    SyntaxFault { line, column, message: sentence(error, replayed) }
}

fn sentence(error: &Error, replayed: usize) -> String {
    match error {
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => sentence(error, replayed),
        // The scanner names at most the one character it stumbled over.
        Error::ExternalMessage { msg, .. } => format!("this is not valid YAML: {msg}"),
        Error::MultipleDocuments { .. } => {
            "a second document begins here; a file is one document, without a line of ---".to_owned()
        }
        Error::UnknownAnchor { .. } => "this alias names an anchor that no line above defines".to_owned(),
        Error::UnsupportedTag { .. } => "tags like !this have no meaning here".to_owned(),
        Error::MergeValueNotMapOrSeqOfMaps { .. } => "<< merges keys, or a list of such".to_owned(),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. } => format!(
            "too much for one file: at most {MAX_NODES} values, {MAX_DEPTH} levels, and in a file of this size {replayed} copies by aliases"
        ),
        Error::Eof { .. } => "the file ends in the middle of a value".to_owned(),
        _ => {
            "this is not valid YAML here: a key must be text, and a tagged value must fit its tag".to_owned()
        }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
