//! Framing: where an answer of a server ends, and the form in which a parser is given it.
//!
//! Owns the interface between the tap, which knows bytes, and the protocols, which know lines. Each
//! protocol implements it in `probe`.

use super::Violation;

/// What a line adds to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The answer goes on behind this line.
    More,
    /// The answer is complete.
    Answer,
    /// The answer is complete, and the parser gets none of it.
    Skipped,
}

/// Cuts the lines of one connection into answers.
pub trait Framing: Send + Sync {
    /// Takes the next line, its line end included, and appends to `fit` what the parser is given of it.
    ///
    /// # Errors
    /// [`Violation::NotUnderstood`] with the line, where the protocol has no such line.
    fn line(&mut self, line: &[u8], fit: &mut Vec<u8>) -> Result<Step, Violation>;

    /// Of the bytes that wait while the client is about to speak: an answer to what was not yet asked.
    fn early<'a>(&self, waiting: &'a [u8]) -> Option<&'a [u8]>;
}
