//! Doubt about mailboxes that a file calls unused: an unread line of the same file may have said the opposite.
//!
//! Owns the rule that such a mailbox is not called unused by this file.

use std::collections::HashSet;

use crate::model::Finding;

use super::Reading;
use super::table::Table;

/// The most unread lines that are searched for names. A file with more of them calls no mailbox unused.
const MOST: usize = 10_000;

/// The text of the unread lines.
pub(super) struct Doubt {
    lines: Vec<String>,
    words: HashSet<String>,
    /// There are more unread lines than [`MOST`].
    all: bool,
}

impl Doubt {
    pub(super) fn of(table: &Table, reading: &Reading) -> Self {
        let refused: HashSet<usize> = reading.refused.iter().map(|(line, _)| *line).collect();
        let rows = table.rows.iter().filter(|(line, _)| refused.contains(line));
        let rows = rows.map(|(_, row)| row.join(",").to_lowercase());
        let lines: Vec<String> = table.unread.iter().cloned().chain(rows).take(MOST + 1).collect();
        let between =
            |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '\'' | '<' | '>' | '|' | ':');
        let words = lines.iter().flat_map(|line| line.split(between)).map(str::to_owned).collect();
        Self { all: lines.len() > MOST, words, lines }
    }

    /// Drops "unused" for the mailboxes that an unread line names.
    pub(super) fn withhold(&self, reading: &mut Reading) {
        if self.lines.is_empty() {
            return;
        }
        let (kept, doubted) = std::mem::take(&mut reading.facts)
            .into_iter()
            .partition(|fact| fact.finding != Finding::Unused || !self.concerns(&fact.mailbox));
        reading.facts = kept;
        let doubted: Vec<super::Fact> = doubted;
        let why = "says unused, and a line about the same mailbox could not be understood";
        reading.refused.extend(doubted.into_iter().map(|fact| (fact.line, why.to_owned())));
    }

    fn concerns(&self, mailbox: &str) -> bool {
        self.all
            || self.words.contains(mailbox)
            || mailbox.contains(' ') && self.lines.iter().any(|line| line.contains(mailbox))
    }
}
