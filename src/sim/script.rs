//! How a fault is written: the step of a dialogue, and what the server does there.
//!
//! Does not know which faults exist (`fault.rs`) nor how a dialogue goes (`imap.rs`, `smtp.rs`).

/// One of the mail services of the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// IMAP4rev1, RFC 3501.
    Imap,
    /// Message submission, RFC 6409.
    Smtp,
    /// POP3, RFC 1939.
    Pop3,
}

impl Service {
    /// All, in the order of the ledgers.
    pub const ALL: [Self; 3] = [Self::Imap, Self::Smtp, Self::Pop3];
}

/// A step of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The TCP connection itself.
    Reach,
    /// The TLS handshake, on the first byte or after STARTTLS.
    Tls,
    /// The server's first line.
    Greeting,
    /// CAPABILITY, CAPA, or EHLO and HELO.
    Capability,
    /// The answer to STARTTLS and STLS.
    StartTls,
    /// The request for the client's first SASL response.
    Continue,
    /// The request for the password, the second part of LOGIN.
    Password,
    /// The verdict on a login.
    Auth,
    /// The verdict after an error challenge was answered.
    Challenge,
    /// SELECT and EXAMINE, STAT.
    Select,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// The end of the message.
    Content,
    /// LIST.
    List,
    /// UID SEARCH.
    Search,
    /// UID FETCH.
    Fetch,
    /// UID STORE.
    Store,
    /// UID EXPUNGE.
    Expunge,
    /// LOGOUT and QUIT.
    Goodbye,
}

/// What the server does at a step. Texts get a line end of their own and may hold the placeholders of [`fill`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// Reach: the port is held without listening.
    Refuse,
    /// Reach: the first packet of a connection is never answered.
    Ignore,
    /// Reach: accepted, then reset at once.
    Reset,
    /// Reach: every byte comes alone, this many milliseconds after the one before.
    Drip(u64),
    /// Tls: another certificate than the right one.
    Present(Identity),
    /// Tls: no handshake; the server goes on in clear text.
    Cleartext,
    /// Tls: a fatal alert, as from a server that knows only versions before 1.2.
    TooOld,
    /// Nothing more is said; the connection stays open until the client leaves.
    Silence,
    /// The connection ends in good order, without a word.
    Close,
    /// The connection ends without the goodbye of TLS.
    Cut,
    /// This instead of the honest answer; the dialogue goes on.
    Reply(&'static str),
    /// This first, then the honest answer.
    Before(&'static str),
    /// The honest answer and this in one write.
    Behind(&'static str),
    /// This instead of the honest answer, then the connection ends.
    Farewell(&'static str),
    /// This instead of the honest answer, and nothing more; the connection stays open until the client leaves.
    Hush(&'static str),
    /// These bytes, exactly, instead of the honest answer; the dialogue goes on.
    Bytes(&'static [u8]),
    /// An endless or huge answer, then the connection ends.
    Flood(Flood),
    /// Capability: these words (IMAP) or lines (SMTP, POP3) are what is offered, before and after TLS.
    Offer(&'static [&'static str]),
    /// Auth: the answer to a login that is right.
    Accept(&'static str),
    /// Auth: this text, in base64, as an error challenge (bearer mechanisms only); the verdict follows.
    Challenge(&'static str),
    /// Auth: the same, without base64.
    BareChallenge(&'static str),
}

/// Which certificate a server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    /// Issued by the simulator's authority for `localhost` and 127.0.0.1.
    Right,
    /// Ended years ago.
    Expired,
    /// Begins years from now.
    NotYetValid,
    /// For another host name.
    OtherName,
    /// Signed by itself, CA:TRUE, as OpenSSL makes them by default.
    SelfSigned,
    /// Issued by an authority that no client trusts.
    UnknownAuthority,
}

/// An endless or huge answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flood {
    /// One IMAP line of nested parentheses.
    Nesting,
    /// One line that does not end.
    Line,
    /// Correct lines that do not end.
    Lines,
}

/// An endless answer of HTTP, at one of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HttpFlood {
    /// Interim answers without end, each of them correct.
    Interim,
    /// One header without end.
    Header,
    /// Headers without end.
    Headers,
    /// A body without end.
    Body,
    /// The size of a chunk, zeros without end.
    ChunkSize,
    /// Blanks without end behind the size of a chunk.
    ChunkBlanks,
    /// The extension of a chunk without end.
    ChunkExtension,
    /// Trailers without end.
    Trailers,
}

/// Replaces each `{name}` by its value; names that are not in `values` stay, so that JSON may stand in a text.
pub(super) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}
