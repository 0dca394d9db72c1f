//! Which messages of a simulated folder are unread, and how old: STATUS, SEARCH and FETCH, as far as a probe asks.
//!
//! A message is no more than its place, its age and whether it was read. Content is never given away: a FETCH of
//! anything but dates is refused and counted.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::sim::lock;
use crate::sim::session::Session;

/// How far read messages are apart.
const APART: Duration = Duration::from_secs(3600);

/// The unread messages of a folder: its last ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SimUnread {
    /// How many.
    pub messages: u32,
    /// The age of the first.
    pub oldest: Duration,
    /// The age of the folder's last message, unread or not.
    pub newest: Duration,
}

/// What the folder holds now.
struct Folder {
    messages: u32,
    unread: SimUnread,
}

impl Folder {
    fn of(session: &Session) -> Self {
        let account = session.account.as_ref();
        let messages = account.map_or(0, |account| account.messages());
        let unread = account.map(|account| *lock(&account.unread)).unwrap_or_default();
        Self { messages, unread: SimUnread { messages: unread.messages.min(messages), ..unread } }
    }

    fn first_unread(&self) -> Option<u32> {
        (self.unread.messages > 0).then(|| self.messages - self.unread.messages + 1)
    }

    /// The date of a message as IMAP writes it.
    fn date(&self, place: u32) -> String {
        let SimUnread { oldest, newest, .. } = self.unread;
        let age = match self.first_unread() {
            Some(first) if place < first => oldest + APART * (first - place),
            Some(first) if place == first => oldest,
            _ => newest + APART * (self.messages - place),
        };
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        let date = Timestamp::now().checked_sub(age).unwrap_or(Timestamp::UNIX_EPOCH);
        date.strftime("%e-%b-%Y %H:%M:%S +0000").to_string()
    }
}

/// The place of the first unread message.
pub(super) fn first_unread(session: &Session) -> Option<u32> {
    Folder::of(session).first_unread()
}

/// Answers one of these commands.
pub(super) async fn answer(session: &mut Session, word: &str, rest: &str) -> io::Result<()> {
    session.hear(&format!("{word} {rest}"));
    let folder = Folder::of(session);
    let (count, first) = (folder.unread.messages, folder.first_unread());
    let data = match (word, rest) {
        ("STATUS", _) => {
            let name = rest.split(" (").next().unwrap_or_default();
            Some(format!("* STATUS {name} (UNSEEN {count})\r\n"))
        }
        ("SEARCH", "UNSEEN") => {
            let places: String = first.map_or_else(String::new, |first| {
                (first..=folder.messages).map(|place| format!(" {place}")).collect()
            });
            Some(format!("* SEARCH{places}\r\n"))
        }
        ("SEARCH", "RETURN (MIN COUNT) UNSEEN") if session.offers().esearch => {
            let lowest = first.map_or_else(String::new, |first| format!(" MIN {first}"));
            Some(format!("* ESEARCH (TAG \"{{tag}}\"){lowest} COUNT {count}\r\n"))
        }
        ("FETCH", _) => {
            match rest.strip_suffix(" (INTERNALDATE)").and_then(|set| places(set, folder.messages)) {
                Some(places) => {
                    let line =
                        |place: u32| format!("* {place} FETCH (INTERNALDATE \"{}\")\r\n", folder.date(place));
                    Some(places.into_iter().map(line).collect())
                }
                None => {
                    session.ledger().mail_attempts.fetch_add(1, Ordering::SeqCst);
                    None
                }
            }
        }
        _ => None,
    };
    match data {
        Some(data) => session.say(&format!("{data}{{tag}} OK {word} completed.")).await,
        None => session.say("{tag} BAD Command Argument Error. 11").await,
    }
}

/// The places that a sequence set names, RFC 3501 section 9; `None` if one is not in the folder.
fn places(set: &str, messages: u32) -> Option<Vec<u32>> {
    let mut places = Vec::new();
    for part in set.split(',') {
        let (from, to) = part.split_once(':').unwrap_or((part, part));
        let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
        if from == 0 || from > to || to > messages {
            return None;
        }
        places.extend(from..=to);
    }
    Some(places)
}
