//! The folders that a server has marked by their use (RFC 6154), whatever their names and languages.

use async_imap::imap_proto::{MailboxDatum, NameAttribute, Response};

use super::super::Probe;
use super::super::verdict::Stage;
use super::{Imap, folder};
use crate::model::{Cause, Phase};

/// How many folders of one use are looked into at most. A server may mark several, for mail programs of different
/// habits.
const MOST: usize = 4;

/// Folders by their use, under the names that [`Imap::open`] takes. Empty if the server marks none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marked {
    /// Where copies of sent mail are kept.
    pub sent: Vec<String>,
    /// Where the server puts mail that it takes for junk.
    pub junk: Vec<String>,
}

impl Marked {
    fn hear(&mut self, response: &Response<'_>) {
        let Response::MailboxData(MailboxDatum::List(list)) = response else { return };
        for (mark, folders) in [(NameAttribute::Sent, &mut self.sent), (NameAttribute::Junk, &mut self.junk)]
        {
            if list.name_attributes.contains(&mark) && folders.len() < MOST {
                folders.push(folder::readable(&list.name));
            }
        }
    }
}

impl Imap {
    /// Asks which folders are marked.
    ///
    /// # Errors
    /// Why the server did not answer. A refusal is not an error: it means that no folder is marked.
    pub async fn marked(&mut self, probe: Probe<'_>) -> Result<Marked, Cause> {
        let offer = self.offer(probe).await?;
        let command = match (offer.special_use, offer.extended_list) {
            (false, _) => return Ok(Marked::default()),
            (true, true) => "LIST (SPECIAL-USE) \"\" \"*\"",
            // Here the answer lists every folder, marked or not, so only the top level is asked for.
            (true, false) => "LIST \"\" \"%\"",
        };
        let stage = Stage::at(Phase::Select, self.encrypted);
        let mut marked = Marked::default();
        self.say(probe, &stage, command, |response| marked.hear(response)).await?;
        Ok(marked)
    }
}
