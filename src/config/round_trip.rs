//! Round trips: turns "this mailbox sends to that one" into a check, with a check of its own for each leg.
//!
//! Runs after all mailboxes are read, because a round trip names another one.

use std::sync::Arc;

use super::fault::Faults;
use super::file::Mailbox;
use super::lower::{Lowering, permitted};
use super::place::{At, Place, Quoted, Written};
use super::rhythm::Rhythm;
use super::section::Section;
use crate::model::{self, Address, Check, Goal, Protocol, RoundTrip};
use crate::safe::url_part;

/// The folder where mail arrives.
const INBOX: &str = "INBOX";

/// A mailbox that sends: the mailbox itself, its entry in the file, and how often it sends.
pub(super) struct Draft<'a> {
    pub(super) mailbox: Arc<model::Mailbox>,
    pub(super) written: &'a Mailbox,
    pub(super) rhythm: Rhythm,
}

/// The checks of all round trips.
pub(super) fn lower(lowering: &mut Lowering<'_>, address: &Address) -> Vec<Arc<Check>> {
    let drafts = std::mem::take(&mut lowering.trips);
    drafts.iter().filter_map(|draft| check(lowering, draft, address)).collect()
}

fn check(lowering: &mut Lowering<'_>, draft: &Draft<'_>, address: &Address) -> Option<Arc<Check>> {
    let own = &draft.written.settings.sections[Protocol::RoundTrip];
    let defaults = &lowering.file.defaults.sections[Protocol::RoundTrip];
    let named = own.to.or(&defaults.to);
    let (to, to_written) = match named {
        Written::Faulty => return None,
        Written::Absent => (Arc::clone(&draft.mailbox), draft.written),
        Written::Is(at) => named_mailbox(lowering, at)?,
    };
    let junk = own.junk.or(&defaults.junk).optional()?;
    let sent = own.sent.or(&defaults.sent).optional()?;
    let place = match named {
        Written::Is(at) => &at.place,
        Written::Absent | Written::Faulty => &draft.written.place,
    };
    let send = leg(lowering, &draft.mailbox, draft.written, Protocol::Smtp, draft, place)?;
    let receive = leg(lowering, &to, to_written, Protocol::Imap, draft, place)?;
    let home = if to.name == draft.mailbox.name {
        None
    } else {
        Some(leg(lowering, &draft.mailbox, draft.written, Protocol::Imap, draft, place)?)
    };
    let page =
        address.external.as_ref().map(|url| format!("{url}mailboxes/{}", url_part(&draft.mailbox.name)));
    let check = Check {
        goal: Goal::RoundTrip(Arc::new(RoundTrip {
            send: Arc::clone(&send),
            receive,
            home,
            junk,
            sent,
            page,
        })),
        ..Check::clone(&send)
    };
    Some(Arc::new(check))
}

/// The mailbox that a round trip names; `None` if there is no such mailbox, or if it is faulty itself.
fn named_mailbox<'a>(lowering: &Lowering<'a>, at: &At<String>) -> Option<(Arc<model::Mailbox>, &'a Mailbox)> {
    if let Some((mailbox, written)) = lowering.known.get(at.value.as_str()) {
        return Some((Arc::clone(mailbox), written));
    }
    if !lowering.names.contains_key(at.value.as_str()) {
        let name = Quoted(&at.value);
        let hint = lowering.faults.hint("mailbox", &at.value, lowering.known.keys().map(|name| &**name));
        lowering.faults.add(
            &at.place,
            format!("there is no mailbox {name}{hint}: a round trip goes to a mailbox of this configuration"),
        );
    }
    None
}

/// One leg of a round trip, as a check of its own. `place` is where its faults are reported.
fn leg(
    lowering: &mut Lowering<'_>,
    mailbox: &Arc<model::Mailbox>,
    written: &Mailbox,
    protocol: Protocol,
    draft: &Draft<'_>,
    place: &Place,
) -> Option<Arc<Check>> {
    let provider = lowering.provider(written)?;
    let endpoint = match provider.endpoint(protocol) {
        Ok(Some(endpoint)) => endpoint.clone(),
        Ok(None) => {
            let (name, at) = (Quoted(&mailbox.name), Quoted(&provider.provider.name));
            lowering.faults.add(
                place,
                format!(
                    "a round trip opens mailbox {name} by {protocol}, and provider {at} has no {protocol} server: write {protocol}: {{host: NAME}} there"
                ),
            );
            return None;
        }
        Err(_) => return None,
    };
    let login = lowering.login(written.credential.as_ref()?, &provider, &mailbox.credential)?;
    let sections = &written.settings.sections;
    let goal = match protocol {
        Protocol::Smtp => {
            submission(&sections[protocol], &lowering.file.defaults.sections[protocol], lowering.faults)?
        }
        _ => Goal::Folder { name: INBOX.to_owned(), read_only: false, unread: None },
    };
    Some(Arc::new(Check {
        mailbox: Arc::clone(mailbox),
        endpoint,
        ip: lowering.ip(written)?,
        access: permitted(login, &provider, &mailbox.username, protocol),
        goal,
        interval: draft.rhythm.interval,
        timeout: draft.rhythm.timeout,
    }))
}

/// The goal of the leg that sends: to greet the server as the mailbox's `smtp` section says. The sender is not tried,
/// because MAIL FROM comes with the message.
fn submission(own: &Section, defaults: &Section, faults: &Faults) -> Option<Goal> {
    match own.goal(Protocol::Smtp, defaults, faults)? {
        Goal::Submission { ehlo, .. } => Some(Goal::Submission { sender: false, ehlo }),
        other => Some(other),
    }
}
