//! Framing: where a server's answer ends, and the form in which the parser gets it.
//!
//! Owns the interface between the tap, which handles bytes, and the protocols, which handle lines. Each
//! protocol implements it in `probe`.

use super::Violation;

/// The effect of a line on the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The answer continues after this line.
    More,
    /// The answer is complete.
    Answer,
    /// The answer is complete, and is hidden from the parser.
    Skipped,
}

/// Splits the lines of one connection into answers.
pub trait Framing: Send + Sync {
    /// Processes the next line, including its line end, and appends the parser's part of it to `fit`.
    ///
    /// # Errors
    /// [`Violation::NotUnderstood`] with the line, if the protocol does not define such a line.
    fn line(&mut self, line: &[u8], fit: &mut Vec<u8>) -> Result<Step, Violation>;

    /// Finds an answer that came too early, among the bytes that wait while the client is about to speak.
    fn early<'a>(&self, waiting: &'a [u8]) -> Option<&'a [u8]>;
}
