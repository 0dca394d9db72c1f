//! Typed reading of a YAML tree: every wrong value is reported, and the reading goes on.
//!
//! Owns the shapes of values (text, number, list, keys). `value` knows what a text means, and `keys` which keys there
//! are.

use std::collections::HashMap;
use std::rc::Rc;

use super::fault::Faults;
use super::keys::{Key, Keys, State};
use super::place::{At, Place, Quoted, Trail, Written};
use super::tree::{Entry, Kind, Node};
use crate::secret::{TYPOGRAPHIC, placeholder};

/// The longest text value, in characters. An address has at most 254 (RFC 5321), and nothing here is longer than a URL.
const MAX_TEXT: usize = 2048;

/// A value to be read, with its place.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    node: &'a Node,
    place: Place,
    faults: &'a Faults,
    /// A secret may be here by mistake, so complaints do not repeat the value.
    secret: bool,
}

impl<'a> Cursor<'a> {
    /// At the top of a file.
    pub(super) fn top(file: &Rc<std::path::Path>, node: &'a Node, faults: &'a Faults) -> Self {
        Self::at(node, Place::whole(file), faults, false)
    }

    fn at(node: &'a Node, place: Place, faults: &'a Faults, secret: bool) -> Self {
        Self { node, place: Place { line: node.line, column: node.column, ..place }, faults, secret }
    }

    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    pub(super) const fn faults(&self) -> &'a Faults {
        self.faults
    }

    /// Reports a fault of this value. Always `None`, for a reader to return.
    pub(super) fn complain<T>(&self, message: impl Into<String>) -> Option<T> {
        self.faults.add(&self.place, message);
        None
    }

    /// Reports `expected …, found …` for a value of the wrong shape. Its shape is named; the value is never repeated.
    pub(super) fn expected<T>(&self, what: &str) -> Option<T> {
        let found = match &self.node.kind {
            Kind::Null => "nothing",
            Kind::Bool(..) => "true or false",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "keys",
        };
        self.complain(format!("expected {what}, found {found}"))
    }

    /// Reports `expected …, found "…"` for a value of the right shape that makes no sense. The value is repeated
    /// only where no secret can be written by mistake.
    pub(super) fn senseless<T>(&self, what: &str) -> Option<T> {
        match &self.node.kind {
            Kind::Bool(_, text) | Kind::Number(text) if !self.secret => {
                self.complain(format!("expected {what}, found {}", Quoted(text)))
            }
            Kind::Text(text) if !self.secret => {
                self.complain(format!("expected {what}, found {}", Quoted(text)))
            }
            Kind::Bool(..) | Kind::Number(_) | Kind::Text(_) => {
                self.complain(format!("expected {what}, found something else"))
            }
            Kind::Null | Kind::List(_) | Kind::Map(_) => self.expected(what),
        }
    }

    /// A text that is not empty. A bare number is taken as it was spelt.
    pub(super) fn text(&self) -> Option<&'a str> {
        let text: &str = match &self.node.kind {
            Kind::Text(text) => text,
            Kind::Number(text) => text,
            _ => return self.expected("text"),
        };
        self.checked(text)
    }

    /// Whether the value is text that contains these words, even if such a text is not allowed here.
    pub(super) fn has_text(&self, words: &str) -> bool {
        matches!(&self.node.kind, Kind::Text(text) if text.contains(words))
    }

    /// Like [`Cursor::text`], but also takes `true`, `false` and an empty text as texts.
    pub(super) fn free_text(&self) -> Option<&'a str> {
        match &self.node.kind {
            Kind::Text(text) if text.is_empty() => Some(text),
            Kind::Bool(_, text) => Some(text),
            _ => self.text(),
        }
    }

    /// Texts end up in commands, URLs, headers, log lines and labels, and none of these may hold control characters.
    fn checked(&self, text: &'a str) -> Option<&'a str> {
        if text.is_empty() {
            return self.complain("expected text, found an empty one");
        }
        if text.chars().any(char::is_control) {
            return self.complain("a line break, tab or other control character has no place here");
        }
        if text.chars().nth(MAX_TEXT).is_some() {
            return self.complain(format!("at most {MAX_TEXT} characters are taken here"));
        }
        self.warn_of_leftovers(text);
        Some(text)
    }

    /// Warns of a placeholder that was not replaced, and of quotation marks that YAML takes for letters. The text is
    /// not repeated, because it may be a secret in the wrong place.
    fn warn_of_leftovers(&self, text: &str) {
        if let Some(form) = placeholder(text) {
            let message = format!(
                "a placeholder ({form}) seems to have been left standing: the text is taken as it is, nothing is filled in"
            );
            self.faults.warn(&self.place, message);
        }
        if text.starts_with(TYPOGRAPHIC) || text.ends_with(TYPOGRAPHIC) {
            let message = "a typographic quotation mark belongs to this text: YAML knows only \" and '";
            self.faults.warn(&self.place, message);
        }
    }

    /// A text that `parse` understands, or `expected WHAT, found …`.
    pub(super) fn parse<T>(&self, what: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        match &self.node.kind {
            Kind::Text(_) | Kind::Number(_) => {
                let text = self.text()?;
                parse(text).map_or_else(|| self.senseless(what), Some)
            }
            _ => self.expected(what),
        }
    }

    /// A text for which `parse` finds either a meaning or the sentence that says what is wrong.
    pub(super) fn judge<T>(&self, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        match parse(self.text()?) {
            Ok(value) => Some(value),
            Err(sentence) => self.complain(sentence),
        }
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        match &self.node.kind {
            Kind::Bool(value, _) => Some(*value),
            _ => self.senseless("true or false"),
        }
    }

    /// The value of a key, for a look before [`Cursor::map`] checks the keys. No complaint repeats the value.
    pub(super) fn peek(&self, key: &str) -> Option<Self> {
        let Kind::Map(entries) = &self.node.kind else { return None };
        let entry = entries.iter().find(|entry| entry.key == key)?;
        let place = Place { trail: self.place.trail.key(key), ..self.place.clone() };
        Some(Self::at(&entry.node, place, self.faults, true))
    }

    pub(super) const fn is_number(&self) -> bool {
        matches!(self.node.kind, Kind::Number(_))
    }

    pub(super) const fn is_nothing(&self) -> bool {
        matches!(self.node.kind, Kind::Null)
    }

    pub(super) const fn is_list(&self) -> bool {
        matches!(self.node.kind, Kind::List(_))
    }

    pub(super) const fn is_map(&self) -> bool {
        matches!(self.node.kind, Kind::Map(_))
    }

    /// One word of a table. Any other word is refused, with the nearest right one.
    pub(super) fn word(&self, words: &'static Keys) -> Option<&'static str> {
        let list = list(words.working());
        let text: &str = match &self.node.kind {
            Kind::Text(text) => text,
            Kind::Number(text) => text,
            _ => return self.expected(&format!("one of {list}")),
        };
        match words.find(text) {
            Some(Key { name, state: State::Works }) => Some(name),
            Some(Key { name, state: State::Later }) => {
                self.complain(format!("{name} is not in this version; it knows {list}"))
            }
            Some(Key { state: State::Instead(meant), .. }) => self.complain(*meant),
            None | Some(Key { state: State::Free | State::Protocols, .. }) => {
                let hint = self.faults.hint(words.of, text, words.names());
                self.senseless(&format!("one of {list}{hint}"))
            }
        }
    }

    /// The elements of a list. `what` names the list in the complaint about a value of another shape.
    pub(super) fn list(&self, what: &str) -> Option<Vec<Self>> {
        let Kind::List(items) = &self.node.kind else { return self.expected(what) };
        let step = |(index, node)| {
            let place = Place { trail: self.place.trail.index(index), ..self.place.clone() };
            Self::at(node, place, self.faults, self.secret)
        };
        Some(items.iter().enumerate().map(step).collect())
    }

    /// The entries of a section whose keys are the operator's own names, each key once.
    pub(super) fn names(&self, what: &str) -> Option<Vec<(At<&'a str>, Self)>> {
        self.entries(what, |name| self.place.trail.key(name))
    }

    /// As [`Cursor::names`], but no complaint repeats a name, because it may be a secret in the wrong place.
    pub(super) fn unspoken_names(&self, what: &str) -> Option<Vec<(At<&'a str>, Self)>> {
        self.entries(what, |_| self.place.trail.clone())
    }

    fn entries(&self, what: &str, trail: impl Fn(&str) -> Trail) -> Option<Vec<(At<&'a str>, Self)>> {
        let Kind::Map(entries) = &self.node.kind else { return self.expected(what) };
        let step = |entry: &'a Entry| {
            let trail = trail(&entry.key);
            let place = Place { line: entry.line, column: entry.column, trail, ..self.place.clone() };
            let value = Self::at(&entry.node, place.clone(), self.faults, self.secret);
            (At { value: entry.key.as_str(), place }, value)
        };
        Some(first_of_each(entries, &self.place, self.faults, false).into_iter().map(step).collect())
    }

    /// The keys of a section. Unknown ones, those of a later version and duplicates are reported here.
    pub(super) fn map(&self, keys: &'static Keys) -> Option<Map<'a>> {
        let Kind::Map(entries) = &self.node.kind else {
            let known = list(keys.working());
            return self.expected(&format!("keys ({known})"));
        };
        let entries = first_of_each(entries, &self.place, self.faults, keys.secret);
        let map = Map { keys, place: self.place.clone(), entries, faults: self.faults };
        for entry in &map.entries {
            map.recognise(entry);
        }
        Some(map)
    }
}

/// The first entry of each key. Duplicates are reported; if `secret`, without their key.
fn first_of_each<'a>(entries: &'a [Entry], place: &Place, faults: &Faults, secret: bool) -> Vec<&'a Entry> {
    let mut first: HashMap<&str, &Entry> = HashMap::with_capacity(entries.len());
    let mut kept = Vec::with_capacity(entries.len());
    for entry in entries {
        if let Some(earlier) = first.get(entry.key.as_str()) {
            let trail = if secret { place.trail.clone() } else { place.trail.key(&entry.key) };
            let at = Place { line: entry.line, column: entry.column, trail, ..place.clone() };
            faults.add(
                &at,
                format!("this key appears twice; the first is at {}:{}", earlier.line, earlier.column),
            );
        } else {
            first.insert(&entry.key, entry);
            kept.push(entry);
        }
    }
    kept
}

/// A section whose keys are known.
pub(super) struct Map<'a> {
    keys: &'static Keys,
    place: Place,
    entries: Vec<&'a Entry>,
    faults: &'a Faults,
}

impl<'a> Map<'a> {
    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    pub(super) const fn faults(&self) -> &'a Faults {
        self.faults
    }

    /// Reports what is wrong with a key's value, or with its absence.
    pub(super) fn complain_of(&self, key: &str, message: impl Into<String>) {
        let place = self.cursor(key).map_or_else(|| self.place.clone(), |cursor| cursor.place);
        self.faults.add(&place, message);
    }

    /// Warns about a key's value, if the key is there.
    pub(super) fn warn_of(&self, key: &str, message: impl Into<String>) {
        if let Some(cursor) = self.cursor(key) {
            self.faults.warn(&cursor.place, message);
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a list is absent or holds nothing.
    pub(super) fn is_empty_list(&self, key: &str) -> bool {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        entry.is_none_or(|entry| matches!(&entry.node.kind, Kind::List(items) if items.is_empty()))
    }

    /// What `read` makes of a key's value.
    pub(super) fn read<T>(&self, key: &str, read: impl FnOnce(&Cursor<'a>) -> Option<T>) -> Written<T> {
        debug_assert!(self.keys.find(key).is_some(), "{key} is in no table");
        let Some(cursor) = self.cursor(key) else { return Written::Absent };
        match read(&cursor) {
            Some(value) => Written::Is(At { value, place: cursor.place }),
            None => Written::Faulty,
        }
    }

    /// Like [`Map::read`], for a section that may hold nothing but comments.
    pub(super) fn read_section<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Cursor<'a>) -> Option<T>,
    ) -> Written<T> {
        if self.cursor(key).is_some_and(|at| at.is_nothing()) {
            Written::Absent
        } else {
            self.read(key, read)
        }
    }

    /// Like [`Map::read`], for a key that must be there; `None` once its absence or fault is reported.
    pub(super) fn require<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&Cursor<'a>) -> Option<T>,
    ) -> Option<At<T>> {
        match self.read(key, read) {
            Written::Is(at) => Some(at),
            Written::Faulty => None,
            Written::Absent => {
                self.faults.add(&self.place, format!("{key} is missing: {expected}"));
                None
            }
        }
    }

    fn cursor(&self, key: &str) -> Option<Cursor<'a>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let place = Place { trail: self.place.trail.key(key), ..self.place.clone() };
        Some(Cursor::at(&entry.node, place, self.faults, self.keys.secret))
    }

    /// Reports a key that is unknown or not in this version.
    fn recognise(&self, entry: &Entry) {
        let known = self.keys.find(&entry.key);
        // A wrong key in a secret's place may be the secret itself: the path ends above it.
        let trail: Trail = match (known, self.keys.secret) {
            (None, true) => self.place.trail.clone(),
            _ => self.place.trail.key(&entry.key),
        };
        let place = Place { line: entry.line, column: entry.column, trail, ..self.place.clone() };
        let message = match known {
            Some(Key { state: State::Works | State::Free | State::Protocols, .. }) => return,
            Some(Key { state: State::Later, .. }) => "not in this version: remove this key".to_owned(),
            Some(Key { state: State::Instead(meant), .. }) => format!("unknown key: {meant}"),
            None => {
                let hint = self.faults.hint(self.keys.of, &entry.key, self.keys.names());
                format!("unknown key{hint}; keys of {}: {}", self.keys.of, list(self.keys.working()))
            }
        };
        self.faults.add(&place, message);
    }
}

fn list(words: impl Iterator<Item = &'static str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}
