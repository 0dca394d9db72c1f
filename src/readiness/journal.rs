//! Reads the journal: one file of lines with checksums, within memory limits.
//!
//! Owns the format of a line, and the handling of incomplete, damaged and foreign lines. Not here: what the
//! lines say (`contents`), and who may write them (`store`).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use super::contents::{Contents, Entry};
use super::store::StoreError;
use crate::files::{self, Fault};
use crate::model::CheckName;

/// The name of the journal in the state directory.
pub(super) const JOURNAL: &str = "readiness.journal";

/// The version of the format.
pub(super) const VERSION: u32 = 1;
/// Maximum line length in bytes; longer lines are not ours.
const LONGEST: u64 = 64 * 1024;

/// Damage that was found in a journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Damage {
    /// The last line is incomplete, as after a crash. No completed write is lost.
    pub(super) torn: bool,
    /// Damaged lines before the end.
    pub(super) rotten: usize,
    /// The whole file was unreadable, and was moved aside.
    pub(super) lost: bool,
}

impl Damage {
    /// Whether a completed write may be lost.
    pub(super) fn is_loss(self) -> bool {
        self.rotten > 0 || self.lost
    }
}

/// Reads a journal without locking it: another process may be writing to it.
///
/// # Errors
/// [`StoreError::Io`] and [`StoreError::Newer`]. A missing journal counts as empty.
pub(super) fn read(
    folder: &Path,
    planned: &dyn Fn(&CheckName) -> bool,
) -> Result<(Contents, Damage), StoreError> {
    let path = folder.join(JOURNAL);
    let fault = |error| StoreError::Io { path: path.clone(), error };
    let (mut contents, mut damage) = (Contents::default(), Damage::default());
    let mut reader = match files::open(&path) {
        Ok(file) => BufReader::new(file),
        Err(Fault::Missing) => return Ok((contents, damage)),
        Err(fault) => return Err(StoreError::Silent { path, fault }),
    };
    let mut bytes = Vec::new();
    // A journal always has its first line: an empty file has been truncated.
    let (mut first, mut bad) = (true, 0);
    loop {
        bytes.clear();
        if reader.by_ref().take(LONGEST).read_until(b'\n', &mut bytes).map_err(fault)? == 0 {
            break;
        }
        match (parse(&bytes), first) {
            (Some(Entry::Journal { version: VERSION }), true) => {}
            (Some(Entry::Journal { version }), true) => return Err(StoreError::Newer { path, version }),
            (_, true) => return Ok((contents, Damage { lost: true, ..damage })),
            (Some(entry), false) => {
                // The bad line before this one was not the last.
                damage.rotten += std::mem::take(&mut bad);
                if !contents.take(entry) {
                    damage.rotten += 1;
                }
                contents.bound(planned);
            }
            (None, false) => bad += 1,
        }
        first = false;
    }
    if first {
        return Ok((contents, Damage { lost: true, ..damage }));
    }
    // A crash damages at most the last line.
    damage.torn = bad == 1;
    damage.rotten += bad.saturating_sub(1);
    Ok((contents, damage))
}

/// `checksum entry`, in one line.
pub(super) fn line(entry: &Entry, text: &mut Vec<u8>) -> io::Result<()> {
    let json = serde_json::to_vec(entry)?;
    write!(text, "{:08x} ", crc32fast::hash(&json))?;
    text.extend(json);
    text.push(b'\n');
    Ok(())
}

/// Parses a line; `None` if it is incomplete, damaged or foreign.
fn parse(line: &[u8]) -> Option<Entry> {
    let (sum, json) = line.strip_suffix(b"\n")?.split_at_checked(9)?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?.strip_suffix(' ')?, 16).ok()?;
    (crc32fast::hash(json) == sum).then(|| serde_json::from_slice(json).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_line_is_taken_that_was_not_written(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(parse(&bytes).is_none());
            // A line with the right checksum may still not be an entry.
            let mut signed = format!("{:08x} ", crc32fast::hash(&bytes)).into_bytes();
            signed.extend(&bytes);
            signed.push(b'\n');
            prop_assert!(parse(&signed).is_none() || serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
        }
    }
}
