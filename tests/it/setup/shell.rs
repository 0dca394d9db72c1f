//! As much of PowerShell as `setup` writes: a command a line, and a list that is piped into one.
//!
//! Owns the syntax alone: a line of another form ends the test. What a command does is in `tenant`.

use std::iter::Peekable;
use std::str::Chars;

/// A command with its parameters, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) name: String,
    /// Without the hyphen; those without a name have an empty one. A list has several values.
    pub(super) parameters: Vec<(String, Vec<String>)>,
}

impl Command {
    pub(super) fn get(&self, name: &str) -> Option<&[String]> {
        let (_, values) = self.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(values)
    }

    /// The one value of a parameter that must be there.
    pub(super) fn one(&self, name: &str) -> &str {
        let Some([value]) = self.get(name) else { panic!("{} wants one {name}: {self:?}", self.name) };
        value
    }
}

/// The commands of a script, comments left out, loops unrolled.
pub(super) fn commands(script: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut lines = script.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    while let Some(line) = lines.next() {
        if line != "@(" {
            commands.push(command(line));
            continue;
        }
        let mut items = Vec::new();
        let body = loop {
            let line = lines.next().unwrap_or_else(|| panic!("the list has no end: {script}"));
            if let Some(body) = line.strip_prefix(") | ForEach-Object { ") {
                break body.strip_suffix(" }").unwrap_or_else(|| panic!("a loop has no end: {line}"));
            }
            items.push(line.trim());
        };
        // A variable stands alone, as a word: a value is never part of a text.
        commands.extend(items.iter().map(|item| command(&body.replace("$_", item))));
    }
    commands
}

fn command(line: &str) -> Command {
    let mut words = words(line).into_iter().peekable();
    let name = match words.next() {
        Some(Word::Bare(name)) => name,
        other => panic!("a line begins with {other:?}: {line}"),
    };
    let mut parameters: Vec<(String, Vec<String>)> = Vec::new();
    while let Some(word) = words.next() {
        match word {
            Word::Bare(word) if word.starts_with('-') => {
                // `-Confirm:$false`
                let (name, value) = word.split_once(':').unwrap_or((&word, ""));
                let values = if value.is_empty() { Vec::new() } else { vec![value.to_owned()] };
                parameters.push((name.trim_start_matches('-').to_owned(), values));
            }
            Word::Bare(value) | Word::Text(value) => match parameters.last_mut() {
                Some((_, values)) if values.is_empty() => values.push(value),
                Some((name, _)) if !name.is_empty() => panic!("{value} belongs to nothing: {line}"),
                _ => parameters.push((String::new(), vec![value])),
            },
            Word::Comma => match (parameters.last_mut(), words.next()) {
                (Some((_, values)), Some(Word::Bare(value) | Word::Text(value))) => values.push(value),
                other => panic!("a comma without a value: {other:?}: {line}"),
            },
        }
    }
    Command { name, parameters }
}

#[derive(Debug)]
enum Word {
    Bare(String),
    Text(String),
    Comma,
}

fn words(line: &str) -> Vec<Word> {
    let mut letters = line.chars().peekable();
    let mut words = Vec::new();
    while let Some(&letter) = letters.peek() {
        match letter {
            ' ' => drop(letters.next()),
            ',' => {
                letters.next();
                words.push(Word::Comma);
            }
            '\'' | '"' => words.push(Word::Text(text(&mut letters, line))),
            '@' | '|' | '{' | '}' | '(' | ')' | ';' | '`' => panic!("{letter} is no part of this: {line}"),
            _ => {
                let mut word = String::new();
                while let Some(letter) = letters.next_if(|letter| ![' ', ',', '\'', '"'].contains(letter)) {
                    word.push(letter);
                }
                words.push(Word::Bare(word));
            }
        }
    }
    words
}

/// A text in quotation marks. A mark inside is doubled; between double ones `$( … )` is taken as it stands.
fn text(letters: &mut Peekable<Chars<'_>>, line: &str) -> String {
    let mark = letters.next().unwrap();
    let mut text = String::new();
    loop {
        match letters.next() {
            Some(letter) if letter == mark => match letters.next_if_eq(&mark) {
                Some(_) => text.push(mark),
                None => return text,
            },
            Some(letter) => text.push(letter),
            None => panic!("a text has no end: {line}"),
        }
    }
}
