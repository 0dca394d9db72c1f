//! The body of an answer: limited in bytes, and awaited only as long as it can matter.
//!
//! Every service here answers in JSON. A body that begins otherwise is the page of something in between, and its end may
//! never come.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout_at};

/// How long the body is awaited of an answer whose status says enough.
const PATIENCE_FOR_FAULT: Duration = Duration::from_secs(3);
/// How long the rest is awaited of a body that is not JSON. It is only quoted.
const PATIENCE_FOR_PAGE: Duration = Duration::from_secs(1);
/// Some editors and servers write these bytes before UTF-8 text.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A body as far as it was read.
pub struct Body {
    pub bytes: Vec<u8>,
    pub end: End,
}

/// Why no more was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Whole,
    /// It has more bytes than the limit.
    Limit,
    /// The rest would change nothing.
    Enough,
    /// The connection failed, or the answer breaks the rules of HTTP.
    Lost,
}

/// Whether a status says enough: a front end, and every proxy, may have a fault and no JSON.
pub const fn is_fault(status: u16) -> bool {
    status == 429 || status >= 500
}

/// Whether a body can be JSON, as far as its beginning tells. Blanks alone can.
pub fn may_be_json(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes).trim_ascii_start();
    matches!(text.first(), None | Some(b'{' | b'['))
}

/// Reads the body of an answer with this status, at most `limit` bytes of it. `arrived` is told of every piece.
pub async fn read(mut body: Incoming, status: u16, limit: usize, mut arrived: impl FnMut(&[u8])) -> Body {
    let mut bytes = Vec::new();
    let mut until = is_fault(status).then(|| Instant::now() + PATIENCE_FOR_FAULT);
    let mut is_page = false;
    let end = loop {
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        let frame = match until {
            None => frame.await,
            Some(until) => match timeout_at(until, frame).await {
                Ok(frame) => frame,
                Err(_) => break End::Enough,
            },
        };
        let data = match frame.map(|frame| frame.map(hyper::body::Frame::into_data)) {
            None => break End::Whole,
            Some(Err(_)) => break End::Lost,
            // Trailers.
            Some(Ok(Err(_))) => continue,
            Some(Ok(Ok(data))) => data,
        };
        arrived(&data);
        let room = limit - bytes.len();
        bytes.extend_from_slice(data.get(..room).unwrap_or(&data));
        if data.len() > room {
            break End::Limit;
        }
        if !is_page && !may_be_json(&bytes) {
            is_page = true;
            let enough = Instant::now() + PATIENCE_FOR_PAGE;
            until = Some(until.map_or(enough, |until| until.min(enough)));
        }
    };
    Body { bytes, end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_by_its_beginning() {
        for body in ["", " \r\n", "{", "\u{feff}{\"a\":1}", "\n [1]"] {
            assert!(may_be_json(body.as_bytes()), "{body:?}");
        }
        for body in
            ["<html>", "\u{feff}<!DOCTYPE html>", "  access_token=abc", "upstream connect error", "\0{"]
        {
            assert!(!may_be_json(body.as_bytes()), "{body:?}");
        }
    }
}
