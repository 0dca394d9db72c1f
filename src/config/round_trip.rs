//! Round trips: turns "this mailbox sends to that one" into a check, with a check of its own for each leg.
//!
//! Runs after all mailboxes are read, because a round trip names another one.

use std::sync::Arc;

use super::fault::Faults;
use super::file::{Mailbox, Settings};
use super::login;
use super::lower::Lowering;
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

/// Reports what is wrong with the names and the servers of the round trips, whatever else is wrong with their mailboxes.
pub(super) fn judge(lowering: &Lowering<'_>, mailboxes: &[&Mailbox]) {
    let defaults = &lowering.file.defaults;
    for sender in mailboxes.iter().copied() {
        let is_trip = |at: &At<Protocol>| at.value == Protocol::RoundTrip;
        let sends = match sender.settings.checks.or(&defaults.checks) {
            Written::Is(at) => Some(at.value.iter().any(is_trip)),
            Written::Faulty => None,
            Written::Absent => Some(false),
        };
        if sends == Some(false) {
            continue;
        }
        let (receiver, place) = match to(sender, lowering) {
            Written::Faulty => (None, &sender.place),
            Written::Absent => (Some(sender), &sender.place),
            Written::Is(at) => (named_mailbox(lowering, at), &at.place),
        };
        // Of faulty checks only the name is judged: they may have meant others.
        let opened = receiver.into_iter().chain([sender]).filter(|_| sends.is_some());
        opened.for_each(|opened| require_imap(lowering, opened, place));
    }
}

/// The mailbox that a round trip goes to, as it is written.
fn to<'a>(sender: &'a Mailbox, lowering: &Lowering<'a>) -> &'a Written<String> {
    let section = |settings: &'a Settings| &settings.sections[Protocol::RoundTrip].to;
    section(&sender.settings).or(section(&lowering.file.defaults))
}

/// Reports a mailbox whose provider has no IMAP server, by which a message is looked for and its copies are deleted.
fn require_imap(lowering: &Lowering<'_>, opened: &Mailbox, place: &Place) {
    let Some(provider) = lowering.provider(opened) else { return };
    if let Ok(None) = provider.endpoint(Protocol::Imap) {
        let name = opened.name.value().or(opened.address.as_ref().map(|at| &at.value));
        let (name, at) = (Quoted(name.map_or("", String::as_str)), Quoted(&provider.provider.name));
        let protocol = Protocol::Imap;
        lowering.faults.add(
            place,
            format!(
                "a round trip opens mailbox {name} by {protocol}, and provider {at} has no {protocol} server: write {protocol}: {{host: NAME}} there"
            ),
        );
    }
}

/// The checks of all round trips.
pub(super) fn lower(lowering: &mut Lowering<'_>, address: &Address) -> Vec<Arc<Check>> {
    let drafts = std::mem::take(&mut lowering.trips);
    drafts.iter().filter_map(|draft| check(lowering, draft, address)).collect()
}

fn check(lowering: &mut Lowering<'_>, draft: &Draft<'_>, address: &Address) -> Option<Arc<Check>> {
    let own = &draft.written.settings.sections[Protocol::RoundTrip];
    let defaults = &lowering.file.defaults.sections[Protocol::RoundTrip];
    let (to, to_written) = match to(draft.written, lowering) {
        Written::Faulty => return None,
        Written::Absent => (Arc::clone(&draft.mailbox), draft.written),
        Written::Is(at) => lowering.known.get(at.value.as_str()).cloned()?,
    };
    let junk = own.junk.or(&defaults.junk).optional()?;
    let sent = own.sent.or(&defaults.sent).optional()?;
    let send = leg(lowering, &draft.mailbox, draft.written, Protocol::Smtp, draft)?;
    let receive = leg(lowering, &to, to_written, Protocol::Imap, draft)?;
    let home = if to.name == draft.mailbox.name {
        None
    } else {
        Some(leg(lowering, &draft.mailbox, draft.written, Protocol::Imap, draft)?)
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

/// The mailbox of this name; an unknown name is reported.
fn named_mailbox<'a>(lowering: &Lowering<'a>, at: &At<String>) -> Option<&'a Mailbox> {
    if let Some((_, written)) = lowering.names.get(at.value.as_str()) {
        return Some(written);
    }
    let name = Quoted(&at.value);
    let hint = lowering.faults.hint("mailbox", &at.value, lowering.names.keys().copied());
    lowering.faults.add(
        &at.place,
        format!("there is no mailbox {name}{hint}: a round trip goes to a mailbox of this configuration"),
    );
    None
}

/// One leg of a round trip, as a check of its own.
fn leg(
    lowering: &mut Lowering<'_>,
    mailbox: &Arc<model::Mailbox>,
    written: &Mailbox,
    protocol: Protocol,
    draft: &Draft<'_>,
) -> Option<Arc<Check>> {
    let provider = lowering.provider(written)?;
    // What is missing has been reported.
    let Ok(Some(endpoint)) = provider.endpoint(protocol) else { return None };
    let endpoint = endpoint.clone();
    let access = lowering.login(written.credential.as_ref()?, &provider, &mailbox.credential)?;
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
        access: login::permitted(access, &provider, &mailbox.username, protocol),
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
