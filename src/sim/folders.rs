//! The folders of a simulated mailbox, and how LIST tells them.

use std::io;

use crate::sim::script::Step;
use crate::sim::session::{Met, Session};

/// The folders of every mailbox besides those of [`SimFolders`].
const FOLDERS: [&str; 4] = ["INBOX", "Archive", "Drafts", "Deleted Items"];

/// The folders of a mailbox where its server puts mail by itself, by their names on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimFolders {
    /// For junk.
    pub junk: &'static str,
    /// For copies of what was sent.
    pub sent: &'static str,
    /// Whether copies are kept.
    pub keeps_copies: bool,
    /// How they are marked.
    pub marks: Marks,
}

/// How a server tells the use of folders, RFC 6154.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// Not at all, as Exchange Online.
    None,
    /// In every LIST.
    Plain,
    /// Also where marked folders alone are asked for.
    Extended,
}

impl Default for SimFolders {
    fn default() -> Self {
        Self { junk: "Junk Email", sent: "Sent Items", keeps_copies: false, marks: Marks::None }
    }
}

impl SimFolders {
    /// Whether there is a folder of this name.
    pub(super) fn has(&self, folder: &str) -> bool {
        let is_inbox = folder.eq_ignore_ascii_case(FOLDERS[0]);
        is_inbox || FOLDERS.contains(&folder) || [self.junk, self.sent].contains(&folder)
    }

    /// What is offered besides the usual.
    pub(super) fn offered(&self) -> &'static [&'static str] {
        match self.marks {
            Marks::None => &[],
            Marks::Plain => &["SPECIAL-USE"],
            Marks::Extended => &["SPECIAL-USE", "LIST-EXTENDED"],
        }
    }
}

/// Answers LIST: all folders, or the marked ones.
pub(super) async fn list(session: &mut Session, rest: &str) -> io::Result<()> {
    session.hear(&format!("LIST {rest}"));
    if session.meet(Step::List).await? == Met::Answered {
        return Ok(());
    }
    let folders = session.account.as_ref().map(|account| account.post.folders()).unwrap_or_default();
    let marked_alone = rest.starts_with("(SPECIAL-USE) ");
    if marked_alone && folders.marks != Marks::Extended {
        return session.say("{tag} BAD Command Argument Error. 11").await;
    }
    let (junk, sent) = if folders.marks == Marks::None { ("", "") } else { (" \\Junk", " \\Sent") };
    let plain = FOLDERS.iter().filter(|_| !marked_alone).map(|name| (*name, ""));
    let lines: String = plain
        .chain([(folders.junk, junk), (folders.sent, sent)])
        .map(|(name, mark)| format!("* LIST (\\HasNoChildren{mark}) \"/\" \"{name}\"\r\n"))
        .collect();
    session.say(&format!("{lines}{{tag}} OK LIST completed.")).await
}
