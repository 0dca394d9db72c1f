//! The message of a round trip, and the mark by which it is known again.
//!
//! Owns every word of the message. A mark tells whose the message is: only messages with a mark of the same round
//! trip are ever removed.

use std::fmt;

use jiff::Timestamp;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::model::{Cause, Reason, RoundTrip};

/// The header that carries the mark.
pub const HEADER: &str = "X-Mailbox-Exporter-Round-Trip";

/// Identifies one message of one round trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The message's own id, which cannot be guessed.
    pub id: String,
    /// The id of the round trip: all messages between the same two addresses have it.
    pub trip: String,
    /// Of the machine that sent it.
    pub host: String,
    /// When it was written, in whole seconds.
    pub sent_at: Timestamp,
}

impl Mark {
    /// The mark of a new message.
    pub fn new(trip: &RoundTrip, host: &str, now: Timestamp) -> Self {
        let sent_at = Timestamp::from_second(now.as_second()).unwrap_or(now);
        Self { id: Uuid::new_v4().simple().to_string(), trip: tag(trip), host: digest(&[host], 4), sent_at }
    }

    /// The mark in the headers of a message, or in a text that holds them; `None` without one.
    pub fn find(text: &str) -> Option<Self> {
        let text = text.replace("\r\n", "\n");
        let start = text.lines().position(|line| {
            line.split_once(':').is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case(HEADER))
        })?;
        let mut lines = text.lines().skip(start);
        let first = lines.next()?.split_once(':')?.1;
        let folded = lines.take_while(|line| line.starts_with([' ', '\t']));
        let value: String = std::iter::once(first).chain(folded).collect();
        let member = |name: &str| {
            let found = value.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
            found.map(|found| found.trim().to_owned())
        };
        Some(Self {
            id: member("id")?,
            trip: member("trip")?,
            host: member("host")?,
            sent_at: member("sent")?.parse().ok()?,
        })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, trip, host, sent_at } = self;
        write!(f, "id={id}; trip={trip}; host={host}; sent={sent_at}")
    }
}

/// The word that all messages of a round trip have in common. It is in the subject and in the text, so that a server can
/// search for it.
fn tag(trip: &RoundTrip) -> String {
    let (from, to) = (&trip.send.mailbox.address, &trip.to().address);
    digest(&[&from.to_lowercase(), &to.to_lowercase()], 6)
}

fn digest(parts: &[&str], bytes: usize) -> String {
    let digest = Sha256::digest(parts.join("\0"));
    digest.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// A message that is ready to be sent.
#[derive(Debug)]
pub struct Letter {
    pub(super) from: String,
    pub(super) to: String,
    /// The whole message, lines ending in CR LF.
    pub(super) text: Vec<u8>,
}

impl Letter {
    /// Writes the message of a round trip with this mark, from this machine.
    ///
    /// # Errors
    /// An address that cannot be written in a message.
    pub fn write(trip: &RoundTrip, mark: &Mark, host: &str) -> Result<Self, Cause> {
        let (from, to) = (trip.send.mailbox.address.clone(), trip.to().address.clone());
        let written = message(trip, mark, host).map_err(|error| {
            let why = format!("no message can be written from {from} to {to}: {error}");
            Cause::new(Reason::Unexpected, why)
        })?;
        Ok(Self { from, to, text: written.formatted() })
    }
}

fn message(trip: &RoundTrip, mark: &Mark, host: &str) -> Result<Message, Box<dyn std::error::Error>> {
    let (from, to) = (&trip.send.mailbox.address, &trip.to().address);
    let ask = trip.page.clone().unwrap_or_else(|| format!("the people who run {host}"));
    let tag = &mark.trip;
    let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let header =
        |name: &'static str, value: String| HeaderValue::new(HeaderName::new_from_ascii_str(name), value);
    let text = format!(
        "mailbox-exporter on {host} tests whether mail gets from {from}\r\n\
         to {to}. It looks for this message and deletes it by itself, usually\r\n\
         within minutes.\r\n\
         \r\n\
         You may delete it. To have the test changed or stopped, ask:\r\n\
         {ask}\r\n\
         \r\n\
         Round trip {tag}\r\n"
    );
    let message = Message::builder()
        .from(from.parse()?)
        .to(to.parse()?)
        .subject(format!("mailbox-exporter round trip {tag}: a test that deletes itself"))
        .date_now()
        .message_id(Some(format!("<{}@{domain}>", mark.id)))
        .raw_header(header(HEADER, mark.to_string()))
        .raw_header(header("X-Mailbox-Exporter-Contact", ask.clone()))
        // No answers from absent people (RFC 3834 section 5; Exchange), but reports of failed delivery.
        .raw_header(header("Auto-Submitted", "auto-generated".to_owned()))
        .raw_header(header("X-Auto-Response-Suppress", "OOF, AutoReply".to_owned()))
        .header(ContentType::TEXT_PLAIN)
        .body(text)?;
    Ok(message)
}

#[cfg(test)]
// A test that cannot go on should say so at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark() -> Mark {
        Mark {
            id: "3f".repeat(16),
            trip: "0123456789ab".to_owned(),
            host: "89abcdef".to_owned(),
            sent_at: "2026-11-30T09:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_mark_is_found_however_its_line_is_folded() {
        let (mark, name) = (mark(), HEADER.to_lowercase());
        let text = mark.to_string();
        for written in [
            format!("{HEADER}: {text}\r\n\r\n"),
            format!(
                "Received: from x\r\n\tby y\r\n{name}:\r\n {}\r\nSubject: x\r\n",
                text.replace("; ", ";\r\n ")
            ),
            format!("Reporting-MTA: dns; x\n\n{HEADER}: {text}\n"),
        ] {
            assert_eq!(Mark::find(&written), Some(mark.clone()), "{written}");
        }
    }

    #[test]
    fn what_is_no_whole_mark_is_none() {
        let text = mark().to_string();
        for written in [
            String::new(),
            format!("X-Other: {text}"),
            format!("{HEADER}: id=1; trip=2; host=3"),
            format!("{HEADER}: {}", text.replace("2026", "then")),
            format!("{HEADER}:\r\nSubject: {text}"),
        ] {
            assert_eq!(Mark::find(&written), None, "{written}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_reading_a_mark_fail_otherwise(
            value in "((id|trip|host|sent|\\PC{0,6})=(2026-11-30T09:00:00Z|\\PC{0,12});? ?(\r?\n[ \t])?){0,6}", text in "\\PC{0,80}",
        ) {
            let _ = Mark::find(&text);
            if let Some(mark) = Mark::find(&format!("{HEADER}: {value}\r\n")) {
                prop_assert!(!mark.id.contains(['\r', '\n', ';']), "{mark:?}");
            }
        }
    }
}
