//! The facts about a protocol that the tap and the dialogue need: its bounds, its framing, its syntax.
//!
//! Owns the interfaces. Each protocol implements them in `probe` and hands them in, so `net` itself knows no
//! protocol.

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

/// Checks the bytes of one connection before a parser sees them, beyond the checks that the guard makes for every
/// protocol. It does not judge whether an answer makes sense.
pub trait Bounds: Send + Sync {
    /// Checks the next byte. After a line end: whether the next line belongs to the same logical line, so that
    /// the limit on its length counts both.
    ///
    /// # Errors
    /// The limit that was exceeded.
    fn byte(&mut self, byte: u8) -> Result<bool, Violation>;

    /// How many bytes at the front of these may be passed over, because [`Bounds::byte`] would do nothing about them.
    /// A line end is never among them.
    fn indifferent(&self, _bytes: &[u8]) -> usize {
        0
    }
}

/// Splits the lines of one connection into answers.
pub trait Framing: Send + Sync {
    /// Processes the next line, including its line end, and appends what the parser is to see of it to `for_parser`.
    ///
    /// # Errors
    /// [`Violation::NotUnderstood`] with the line, if the protocol does not define such a line.
    fn line(&mut self, line: &[u8], for_parser: &mut Vec<u8>) -> Result<Step, Violation>;

    /// Finds an answer to a command that the client has not sent yet, among the bytes that are still unread when the
    /// client is about to send it.
    fn early<'a>(&self, waiting: &'a [u8]) -> Option<&'a [u8]>;
}

/// How a protocol asks for logins, carries them, and names its server.
#[derive(Debug)]
pub struct Syntax {
    /// How a line of the server begins that asks for login data. The client's next line is then a secret.
    pub prompt: &'static [u8],
    /// The commands that carry login data, each with the number of following words that are not secret.
    pub logins: &'static [(&'static str, usize)],
    /// A line of the server with its encoded part decoded; `None` if it has no such part.
    pub decoded: fn(&[u8]) -> Option<Vec<u8>>,
    /// The word of a greeting that is the server's name.
    pub server_name: fn(&str) -> Option<&str>,
}
