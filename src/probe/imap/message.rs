//! Messages in a folder: searched for, read in part, removed. Only a round trip does that.
//!
//! Owns the commands. The caller, which has read the headers, decides which messages are meant.

use async_imap::imap_proto::{AttributeValue, MailboxDatum, Response};

use super::super::Probe;
use super::super::verdict::Stage;
use super::{Capabilities, Imap, folder};
use crate::model::{Cause, Phase};

/// At most this many messages of a search are examined, the newest first. There are more only if many earlier ones
/// could not be removed.
const MAX_MESSAGES: usize = 20;
/// How many bytes of a message's part are read: fewer than the largest literal that is taken from a server.
const PART: usize = 2000;

impl Imap {
    /// Opens another folder of the mailbox, or the same one again; false if it cannot be opened.
    ///
    /// # Errors
    /// A fault that may pass, which says nothing about the folder.
    pub async fn open(&mut self, probe: Probe<'_>, folder: &str) -> Result<bool, Cause> {
        let stage = Stage::at(Phase::Select, self.encrypted);
        let command = format!("SELECT {}", folder::quoted(&folder::spelt(folder)));
        let ending = self.say(probe, &stage, &command, |_| ()).await?;
        match self.accepted(probe, &stage, ending) {
            Ok(()) => Ok(true),
            Err(cause) if cause.reason.row().transient => Err(cause),
            Err(_) => Ok(false),
        }
    }

    /// The unique identifiers of the newest messages that match, newest first; `None` if the server does not take
    /// these criteria (RFC 3501 section 6.4.4).
    ///
    /// # Errors
    /// Why the server did not answer, or a refusal that may pass.
    pub async fn search(&mut self, probe: Probe<'_>, criteria: &str) -> Result<Option<Vec<u32>>, Cause> {
        let stage = Stage::at(Phase::Select, self.encrypted);
        let mut found: Vec<u32> = Vec::new();
        let command = format!("UID SEARCH {criteria}");
        let ending = self.say(probe, &stage, &command, |response| {
            if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                found.extend(uids);
            }
        });
        let ending = ending.await?;
        match self.accepted(probe, &stage, ending) {
            Ok(()) => {}
            Err(cause) if cause.reason.row().transient => return Err(cause),
            Err(_) => return Ok(None),
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.truncate(MAX_MESSAGES);
        Ok(Some(found))
    }

    /// One part of each of these messages, cut after `PART` bytes. A part that the server does not have or
    /// refuses for good is left out. Nothing is marked as read.
    ///
    /// # Errors
    /// Why the server did not answer.
    pub async fn part(
        &mut self,
        probe: Probe<'_>,
        uids: &[u32],
        part: &str,
    ) -> Result<Vec<(u32, String)>, Cause> {
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        let stage = Stage::at(Phase::Select, self.encrypted);
        let command = format!("UID FETCH {} (UID BODY.PEEK[{part}]<0.{PART}>)", set(uids));
        let mut parts = Vec::new();
        let ending = self.say(probe, &stage, &command, |response| {
            let Response::Fetch(_, attributes) = response else { return };
            let uid = attributes.iter().find_map(|attribute| match attribute {
                AttributeValue::Uid(uid) => Some(*uid),
                _ => None,
            });
            let text = attributes.iter().find_map(|attribute| match attribute {
                AttributeValue::BodySection { data: Some(data), .. } => {
                    Some(String::from_utf8_lossy(data).into_owned())
                }
                _ => None,
            });
            // A server may answer about other messages than it was asked for.
            if let (Some(uid), Some(text)) = (uid, text)
                && uids.contains(&uid)
                && parts.len() < MAX_MESSAGES
            {
                parts.push((uid, text));
            }
        });
        let ending = ending.await?;
        match self.accepted(probe, &stage, ending) {
            Err(cause) if cause.reason.row().transient => Err(cause),
            Ok(()) | Err(_) => Ok(parts),
        }
    }

    /// The capabilities after the login, asked for unless the server has shown them: those before it are often only a
    /// part.
    pub(super) async fn offer(&mut self, probe: Probe<'_>) -> Result<&Capabilities, Cause> {
        let offer = match self.offer.take() {
            Some(offer) => offer,
            None => self.capability(probe, None).await?,
        };
        Ok(self.offer.insert(offer))
    }

    /// Whether [`Imap::remove`] leaves nothing behind: the server has UIDPLUS.
    ///
    /// # Errors
    /// Why the server did not answer, or refused.
    pub async fn can_remove(&mut self, probe: Probe<'_>) -> Result<bool, Cause> {
        Ok(self.offer(probe).await?.uidplus)
    }

    /// Removes these messages and no others (UID EXPUNGE, RFC 4315 section 2.1). Without UIDPLUS they are only marked
    /// as deleted, because a plain EXPUNGE would also remove messages that other programs have marked.
    ///
    /// # Errors
    /// Why the server did not answer, or refused.
    pub async fn remove(&mut self, probe: Probe<'_>, uids: &[u32]) -> Result<(), Cause> {
        if uids.is_empty() {
            return Ok(());
        }
        let stage = Stage::at(Phase::Select, self.encrypted);
        let can_remove = self.can_remove(probe).await?;
        let set = set(uids);
        let mark = format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)");
        let remove = format!("UID EXPUNGE {set}");
        for command in [Some(mark), can_remove.then_some(remove)].into_iter().flatten() {
            let ending = self.say(probe, &stage, &command, |_| ()).await?;
            self.accepted(probe, &stage, ending)?;
        }
        Ok(())
    }
}

/// A set of numbers as commands take it, RFC 3501 section 9.
fn set(uids: &[u32]) -> String {
    uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}
