//! Just enough HTTP/1.1 for a token endpoint: one request in, one response out, connections kept.
//!
//! Written by hand, since half of the endpoint's answers are ones that no server crate would send.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;

use crate::sim::wire::{LINE_LIMIT, Wire};

/// The most header lines of a request.
const HEADERS: usize = 100;

/// A request, body included.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    /// The path, and the parameters of the query. A parameter that is not well-formed is left out.
    pub(super) fn path_and_query(&self) -> (&str, HashMap<String, String>) {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        (path, pairs.filter_map(|(name, value)| Some((unescape(name)?, unescape(value)?))).collect())
    }

    /// Reads the next request; `None` when the client has left.
    ///
    /// # Errors
    /// `InvalidData` for a request that is not HTTP or is too long, and whatever the socket says.
    pub(super) async fn read(wire: &mut Wire) -> io::Result<Option<Self>> {
        let Some(start) = wire.line().await? else { return Ok(None) };
        let mut words = start.split(' ');
        let (Some(method), Some(path), Some(version)) = (words.next(), words.next(), words.next()) else {
            return Err(invalid("no request line"));
        };
        if !version.starts_with("HTTP/1.") {
            return Err(invalid("no HTTP/1 request"));
        }
        let (method, path) = (method.to_owned(), path.to_owned());
        let mut headers = Vec::new();
        loop {
            let line = wire.line().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| invalid("no header"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            if headers.len() > HEADERS {
                return Err(invalid("too many headers"));
            }
        }
        let mut request = Self { method, path, headers, body: String::new() };
        if let Some(length) = request.header("content-length") {
            let length = length.parse().map_err(|_| invalid("no content length"))?;
            let body = wire.exactly(length).await?;
            request.body = String::from_utf8(body).map_err(|_| invalid("a body that is not text"))?;
        }
        Ok(Some(request))
    }

    /// The value of a header, by its lower-case name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body's fields, when it is a form.
    pub(super) fn form(&self) -> Option<Vec<(String, String)>> {
        let kind = self.header("content-type")?.split(';').next()?.trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return None;
        }
        let field = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((unescape(name)?, unescape(value)?))
        };
        self.body.split('&').filter(|pair| !pair.is_empty()).map(field).collect()
    }

    /// Whether the client wants the connection to end after the answer.
    pub(super) fn is_last(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// The head of a response whose body has this length.
pub(super) fn head(status: u16, kind: &str, length: usize, more: &[(&str, String)]) -> String {
    let phrase = match status {
        200 => "OK",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Answer",
    };
    let mut head = format!(
        "HTTP/1.1 {status} {phrase}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-store, no-cache\r\n"
    );
    for (name, value) in more {
        // Writing to a String cannot fail.
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    head
}

/// Undoes percent-encoding and `+`; `None` when it is malformed or no UTF-8.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut plain = Vec::with_capacity(text.len().min(LINE_LIMIT));
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'+' => b' ',
            b'%' => hex(bytes.next()?)? * 16 + hex(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(plain).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_unescaped_strictly() {
        assert_eq!(unescape("a%2Fb+c~").as_deref(), Some("a/b c~"));
        assert_eq!(unescape("100%"), None);
        assert_eq!(unescape("%zz"), None);
        assert_eq!(unescape("%ff"), None);
    }
}
