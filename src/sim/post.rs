//! Mail under way: the mailbox that each mailbox sends to, and what happens to the messages.
//!
//! Off unless a test sets a route. Knows no protocol: `smtp.rs` hands messages in, `letters.rs` shows them by IMAP.

use std::sync::{Arc, Mutex, Weak};

use crate::sim::account::Account;
use crate::sim::folders::SimFolders;
use crate::sim::lock;

/// How many messages a mailbox holds, besides those that are only counted.
const MOST: usize = 100;

/// What happens to messages that are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// They arrive.
    Delivered,
    /// They arrive in the junk folder.
    Junk,
    /// They wait until the route changes.
    Held,
    /// They come back as undeliverable.
    Returned,
}

/// A message.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) uid: u32,
    pub(super) folder: &'static str,
    pub(super) text: String,
    /// For a report of failed delivery: its machine-readable part. `text` is then the message that is returned.
    pub(super) status: Option<&'static str>,
    pub(super) deleted: bool,
}

/// The messages of one mailbox, and the route of those that it sends.
#[derive(Default)]
pub(super) struct Post(Mutex<State>);

#[derive(Default)]
struct State {
    messages: Vec<Message>,
    last_uid: u32,
    way: Option<(Weak<Account>, Route)>,
    held: Vec<String>,
    folders: SimFolders,
}

/// The machine-readable part of a report, RFC 3464.
const FAILED: &str = "Reporting-MTA: dns; sim.contoso.example\r\n\r\nFinal-Recipient: rfc822; gone@contoso.example\r\n\
    Action: failed\r\nStatus: 5.1.10\r\nDiagnostic-Code: smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found\r\n";

/// The header that the receiving server adds at the top of a message.
const RECEIVED: &str = "Authentication-Results: spf=pass (sender IP is 127.0.0.1)\r\n smtp.mailfrom=contoso.example; dkim=none (message not signed)\r\n header.d=none;dmarc=bestguesspass action=none\r\n";

impl Post {
    /// From now on, accepts messages for this mailbox and sends them by this route; the held ones too.
    pub(super) fn route(&self, to: &Arc<Account>, route: Route) {
        let held = {
            let mut state = lock(&self.0);
            state.way = Some((Arc::downgrade(to), route));
            if route == Route::Held { Vec::new() } else { std::mem::take(&mut state.held) }
        };
        for text in held {
            self.send(text);
        }
    }

    /// Whether messages for this address are accepted.
    pub(super) fn takes(&self, address: &str) -> bool {
        let state = lock(&self.0);
        let to = state.way.as_ref().and_then(|(to, _)| to.upgrade());
        to.is_some_and(|to| to.address.eq_ignore_ascii_case(address))
    }

    pub(super) fn folders(&self) -> SimFolders {
        lock(&self.0).folders
    }

    pub(super) fn set_folders(&self, folders: SimFolders) {
        lock(&self.0).folders = folders;
    }

    /// Sends a message by the current route.
    pub(super) fn take(&self, text: String) {
        let SimFolders { sent, keeps_copies, .. } = self.folders();
        if keeps_copies {
            self.put(sent, text.clone(), None);
        }
        self.send(text);
    }

    fn send(&self, text: String) {
        let Some((to, route)) = lock(&self.0).way.clone() else { return };
        let Some(to) = to.upgrade() else { return };
        let received = format!("{RECEIVED}{text}");
        match route {
            Route::Delivered => to.post.put("INBOX", received, None),
            Route::Junk => to.post.put(to.post.folders().junk, received, None),
            Route::Held => lock(&self.0).held.push(text),
            Route::Returned => self.put("INBOX", text, Some(FAILED)),
        }
    }

    pub(super) fn put(&self, folder: &'static str, text: String, status: Option<&'static str>) {
        let mut state = lock(&self.0);
        if state.messages.len() < MOST {
            state.last_uid += 1;
            let uid = state.last_uid;
            state.messages.push(Message { uid, folder, text, status, deleted: false });
        }
    }

    /// The messages of a folder.
    pub(super) fn messages(&self, folder: &str) -> Vec<Message> {
        lock(&self.0).messages.iter().filter(|message| message.folder == folder).cloned().collect()
    }

    pub(super) fn all(&self) -> Vec<Message> {
        lock(&self.0).messages.clone()
    }

    /// Marks messages as deleted.
    pub(super) fn delete(&self, uids: &[u32]) {
        let mut state = lock(&self.0);
        state
            .messages
            .iter_mut()
            .filter(|message| uids.contains(&message.uid))
            .for_each(|message| message.deleted = true);
    }

    /// Removes those of these messages that are marked as deleted.
    pub(super) fn expunge(&self, uids: &[u32]) {
        lock(&self.0).messages.retain(|message| !(message.deleted && uids.contains(&message.uid)));
    }
}
