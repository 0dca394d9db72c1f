//! The lines of a dialogue as they came, in one buffer: a success is kept like this until a page shows it.
//!
//! Owns the bound of their number. Not here: which parts of a line are shown.

use std::collections::VecDeque;
use std::time::Duration;

use secrecy::zeroize::Zeroizing;

use crate::model::Speaker;

/// Lines to keep. Further lines drop the oldest, because the end shows what happened.
pub(super) const MOST_LINES: usize = 100;
/// The buffer grows in steps of this size. It is moved by hand, so that no unwiped copy of it is left in memory.
const STEP: usize = 1024;

/// Raw lines: they cannot be printed, and are wiped when dropped.
#[derive(Default)]
pub(super) struct Lines {
    bytes: Zeroizing<Vec<u8>>,
    lines: VecDeque<Line>,
    /// Bytes at the front of the buffer that belong to dropped lines.
    dropped: usize,
}

/// Every check keeps the lines of its last dialogue, so each takes eight bytes besides its text.
#[derive(Clone, Copy)]
struct Line {
    /// Since the dialogue began; times after 71 minutes are shown as 71 minutes.
    micros: u32,
    length: u16,
    from: Speaker,
    is_cut: bool,
}

/// One of the lines.
#[derive(Clone, Copy)]
pub(super) struct Kept<'l> {
    pub(super) at: Duration,
    pub(super) from: Speaker,
    pub(super) bytes: &'l [u8],
    /// Whether the end of the line was dropped.
    pub(super) is_cut: bool,
}

impl Lines {
    /// Adds a line of at most 64 KiB.
    pub(super) fn push(&mut self, line: Kept<'_>) {
        if self.lines.len() == MOST_LINES
            && let Some(oldest) = self.lines.pop_front()
        {
            self.dropped += usize::from(oldest.length);
        }
        let length = u16::try_from(line.bytes.len()).unwrap_or(u16::MAX);
        let kept = line.bytes.get(..usize::from(length)).unwrap_or(line.bytes);
        self.make_room(kept.len());
        self.bytes.extend_from_slice(kept);
        let micros = u32::try_from(line.at.as_micros()).unwrap_or(u32::MAX);
        self.lines.push_back(Line { micros, length, from: line.from, is_cut: line.is_cut });
    }

    /// A vector that grows by itself would leave its old bytes behind.
    fn make_room(&mut self, more: usize) {
        if self.bytes.capacity() - self.bytes.len() >= more {
            return;
        }
        let rest = self.bytes.get(self.dropped..).unwrap_or_default();
        let mut larger = Zeroizing::new(Vec::with_capacity((rest.len() + more).next_multiple_of(STEP)));
        larger.extend_from_slice(rest);
        (self.bytes, self.dropped) = (larger, 0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = Kept<'_>> {
        let mut begin = self.dropped;
        self.lines.iter().map(move |line| {
            let end = begin + usize::from(line.length);
            let bytes = self.bytes.get(begin..end).unwrap_or_default();
            begin = end;
            let at = Duration::from_micros(u64::from(line.micros));
            Kept { at, from: line.from, bytes, is_cut: line.is_cut }
        })
    }

    /// The last line of one side.
    pub(super) fn last_of(&self, from: Speaker) -> Option<Kept<'_>> {
        self.iter().filter(|line| line.from == from).last()
    }

    /// The same lines in no more memory than they need.
    pub(super) fn packed(&self) -> Self {
        let rest = self.bytes.get(self.dropped..).unwrap_or_default();
        let mut lines = self.lines.clone();
        lines.shrink_to_fit();
        Self { bytes: Zeroizing::new(rest.to_vec()), lines, dropped: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &Lines) -> Vec<String> {
        lines.iter().map(|line| String::from_utf8_lossy(line.bytes).into_owned()).collect()
    }

    #[test]
    fn the_last_lines_are_kept_whole_and_in_order() {
        let mut lines = Lines::default();
        let text = |number: usize| format!("{number} {}", "x".repeat(number * 7 % 50));
        for number in 0..3 * MOST_LINES {
            let (text, at) = (text(number), Duration::from_millis(number as u64));
            lines.push(Kept { at, from: Speaker::Server, bytes: text.as_bytes(), is_cut: false });
        }
        let expected: Vec<String> = (2 * MOST_LINES..3 * MOST_LINES).map(text).collect();
        assert_eq!(texts(&lines), expected);
        assert_eq!(texts(&lines.packed()), expected);
        assert_eq!(
            lines.last_of(Speaker::Server).map(|line| line.bytes.to_vec()),
            expected.last().map(|text| text.clone().into_bytes())
        );
        assert!(lines.last_of(Speaker::Client).is_none());
        assert!(lines.bytes.len() < 16 * 1024, "what was dropped takes no memory: {}", lines.bytes.len());
    }
}
