//! What an open folder tells about its readers and its senders: unread messages, since when, and the newest message.
//!
//! Nothing of a message is fetched but its INTERNALDATE, and no flag changes. No answer grows with the folder: an
//! extended search (RFC 4731) counts at the server; without one STATUS counts, the UNSEEN code of the SELECT says
//! where the first unread message is, and a plain SEARCH lists a bounded number. These figures never decide whether
//! the mailbox can be used: what a server does not tell is missing, with the reason.
//!
//! "Oldest" is the first unread message in the folder's own order, that in which messages came into this folder. A
//! message that was moved in keeps its date, and may be older than that; to look at every date would take a time
//! that grows with the folder.

use async_imap::imap_proto::{AttributeValue, MailboxDatum, Response, ResponseCode, StatusAttribute};
use jiff::Timestamp;
use jiff::fmt::strtime;

use super::super::Probe;
use super::super::verdict::Stage;
use super::{Capabilities, Ending, Imap, folder};
use crate::model::{Cause, Phase, Unread};

/// Unread messages that a plain SEARCH may list: seven digits and a blank each, half of the longest line.
const MOST_LISTED: u32 = 1000;
/// Messages at the end of the folder among which the newest is: some may have been moved in, with older dates.
const NEWEST_AMONG: u32 = 10;
/// Dates that a server may send at most: those, and the first unread message's.
const MOST_DATES: usize = 2 * NEWEST_AMONG as usize;

/// What has been heard so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    unseen: Option<u32>,
    pub(super) first_unseen: Option<u32>,
    dates: Vec<(u32, Timestamp)>,
}

impl Heard {
    pub(super) fn hear(&mut self, response: &Response<'_>) {
        match response {
            Response::MailboxData(MailboxDatum::Status { status, .. }) => {
                let unseen = status.iter().find_map(|attribute| match attribute {
                    StatusAttribute::Unseen(count) => Some(*count),
                    _ => None,
                });
                self.unseen = unseen.or(self.unseen);
            }
            Response::MailboxData(MailboxDatum::Search(places)) => {
                self.unseen = u32::try_from(places.len()).ok();
                self.first_unseen = places.iter().min().copied();
            }
            Response::Data { outcome, .. } => {
                if let Some(ResponseCode::Unseen(place)) = outcome.code {
                    self.first_unseen = Some(place);
                }
            }
            Response::Fetch(place, items) if self.dates.len() < MOST_DATES => {
                let date = items.iter().find_map(|item| match item {
                    AttributeValue::InternalDate(text) => date(text),
                    _ => None,
                });
                self.dates.extend(date.map(|date| (*place, date)));
            }
            _ => {}
        }
    }

    /// The date of the message at this place.
    fn date_of(&self, place: u32) -> Option<Timestamp> {
        self.dates.iter().find(|(at, _)| *at == place).map(|(_, date)| *date)
    }
}

/// A date as RFC 3501 section 9 writes it: ` 7-Jul-1996 02:44:25 -0700`.
fn date(text: &str) -> Option<Timestamp> {
    strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim_start()).ok()?.to_timestamp().ok()
}

impl Imap {
    /// Asks about a folder that is open.
    ///
    /// # Errors
    /// Why the dialogue ended.
    pub(super) async fn unread(
        &mut self,
        probe: Probe<'_>,
        offer: &Capabilities,
        name: &str,
    ) -> Result<Unread, Cause> {
        let stage = Stage::at(Phase::Select, self.encrypted);
        let mut heard = Heard { first_unseen: self.first_unseen, ..Heard::default() };
        let mut missing = None;
        if offer.extended_search {
            self.ask(probe, &stage, "SEARCH RETURN (MIN COUNT) UNSEEN", &mut heard).await?;
        }
        if heard.unseen.is_none() {
            // Of the open folder servers need not answer it, says RFC 3501 section 6.3.10; RFC 9051 wants it.
            let command = format!("STATUS {} (UNSEEN)", folder::quoted(&folder::spelt(name)));
            missing = self.ask(probe, &stage, &command, &mut heard).await?;
        }
        match heard.unseen {
            Some(0) => heard.first_unseen = None,
            Some(count) if heard.first_unseen.is_none() && count <= MOST_LISTED => {
                missing = self.ask(probe, &stage, "SEARCH UNSEEN", &mut heard).await?;
            }
            Some(count) if heard.first_unseen.is_none() => {
                missing = Some(format!(
                    "the server does not say which of {count} unread messages is the first, and offers no ESEARCH to ask by"
                ));
            }
            Some(_) | None => {}
        }
        let last = self.messages.unwrap_or_default();
        if last > 0 {
            let from = last.saturating_sub(NEWEST_AMONG - 1).max(1);
            let first = heard.first_unseen.filter(|first| (1..from).contains(first));
            let first = first.map_or_else(String::new, |first| format!("{first},"));
            let command = format!("FETCH {first}{from}:{last} (INTERNALDATE)");
            missing = self.ask(probe, &stage, &command, &mut heard).await?.or(missing);
            return Ok(heard.told(missing, from));
        }
        Ok(heard.told(missing, 1))
    }

    /// Asks one thing. What the server says if it refuses.
    async fn ask(
        &mut self,
        probe: Probe<'_>,
        stage: &Stage<'_>,
        command: &str,
        heard: &mut Heard,
    ) -> Result<Option<String>, Cause> {
        let ending = self.say(probe, stage, command, |response| heard.hear(response)).await?;
        Ok(match ending {
            Ending::Done { ok: true, .. } => None,
            Ending::Done { text, .. } | Ending::Continue { text } => {
                let verb = command.split(' ').next().unwrap_or_default();
                Some(format!("the server refuses {verb}: {text}"))
            }
        })
    }
}

impl Heard {
    fn told(self, missing: Option<String>, newest_from: u32) -> Unread {
        let oldest = self.first_unseen.and_then(|first| self.date_of(first));
        let recent = self.dates.iter().filter(|(place, _)| *place >= newest_from).map(|(_, date)| *date);
        let unsaid = || "the server sends no date of a message that it was asked for".to_owned();
        let newest = recent.max();
        let missing =
            missing.or_else(|| (self.unseen.is_some_and(|count| count > 0) && oldest.is_none()).then(unsaid));
        Unread { messages: self.unseen, oldest, newest, missing }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_as_imap_writes_them() {
        let read = |text: &str| date(text).map(|date| date.to_string());
        assert_eq!(read("17-Jul-1996 02:44:25 -0700").as_deref(), Some("1996-07-17T09:44:25Z"));
        assert_eq!(read(" 7-Feb-2026 23:59:60 +0000").as_deref(), Some("2026-02-07T23:59:59Z"));
        assert_eq!(read("7-feb-2026 00:00:00 +0530").as_deref(), Some("2026-02-06T18:30:00Z"));
        for nonsense in ["", "yesterday", "31-Feb-2026 00:00:00 +0000", "17-Jul-1996 02:44:25"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_a_date_fail_otherwise(text in "[ 0-9]{1,4}-[A-Za-z]{0,4}-[0-9]{1,6} [0-9:]{0,9} [+-]?[0-9]{0,6}|\\PC{0,40}") {
            let _ = date(&text);
        }
    }
}
