//! A visit: one IMAP session in a mailbox of a round trip, and the marked messages that it finds.
//!
//! Owns how messages are recognised and in which folders they may be. Nothing without a mark of this round trip is touched.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::OwnedSemaphorePermit;

use super::Open;
use crate::diagnosis::{self, Returned};
use crate::model::{Cause, Check, Reason, Redacted, RoundTrip, SenderVerdicts};
use crate::net::Dialer;
use crate::probe::{Imap, Login, MARK_HEADER, Mark, Marked, Probe, Secret, Session};

/// Where junk is put if the server marks no folder for it: Exchange's name, and that of most clients.
const JUNK: [&str; 1] = ["Junk Email"];
/// Where servers store a copy of what was sent, likewise. Folders that do not exist are passed over.
const SENT: [&str; 5] = ["Sent Items", "Sent", "Sent Messages", "INBOX.Sent", "[Gmail]/Sent Mail"];

/// How far back reports of failed delivery are searched for.
const REPORTS: SignedDuration = SignedDuration::from_hours(3 * 24);
/// How many reports are read in one look.
const MAX_REPORTS: usize = 4;

/// An open session; the permits go with it.
pub(super) struct Visit<'a> {
    imap: Imap,
    check: &'a Check,
    dialer: &'a Dialer,
    no_secret: Redacted,
    folders: Option<Arc<Folders>>,
    _open: Open,
    _mailbox: Option<OwnedSemaphorePermit>,
}

/// A message with a mark of this round trip.
pub(super) struct Sighting {
    pub(super) uid: u32,
    pub(super) mark: Mark,
    /// `None`: it is the message that was sent. Otherwise it is a report about that message: `Some(Some(_))` says
    /// that it was returned, `Some(None)` says something else, such as a delay.
    pub(super) report: Option<Option<Returned>>,
}

/// Where a round trip's messages may lie besides the inbox.
#[derive(Debug)]
pub(super) struct Folders {
    pub(super) junk: Vec<String>,
    pub(super) sent: Vec<String>,
}

impl Folders {
    /// What is configured, or else what the server marks, or else the usual names.
    fn of(trip: &RoundTrip, marked: &Marked) -> Self {
        let chosen = |configured: &Option<String>, marked: &[String], usual: &[&str]| match configured {
            Some(folder) => vec![folder.clone()],
            None if marked.is_empty() => usual.iter().map(|&folder| folder.to_owned()).collect(),
            None => marked.to_vec(),
        };
        Self { junk: chosen(&trip.junk, &marked.junk, &JUNK), sent: chosen(&trip.sent, &marked.sent, &SENT) }
    }
}

/// How much a look may cost the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Search {
    /// By subject.
    Quick,
    /// Also in the text of recent messages: reports quote what they return.
    Thorough,
}

impl<'a> Visit<'a> {
    /// Takes over a session that has just been opened.
    pub(super) fn new(
        mut open: Open,
        mailbox: Option<OwnedSemaphorePermit>,
        check: &'a Check,
        dialer: &'a Dialer,
    ) -> Result<Self, Cause> {
        let Some(Session::Imap(imap)) = open.session.take() else {
            return Err(Cause::new(Reason::Internal, "this session cannot read messages"));
        };
        let no_secret = Redacted::from(String::new());
        Ok(Self { imap, check, dialer, no_secret, folders: None, _open: open, _mailbox: mailbox })
    }

    /// The check that this visit is a part of: it names the mailbox and the login.
    pub(super) const fn leg(&self) -> &'a Check {
        self.check
    }

    /// Opens a folder; see [`Imap::open`].
    pub(super) async fn open(&mut self, folder: &str) -> Result<bool, Cause> {
        let (imap, probe) = self.imap_and_probe();
        imap.open(probe, folder).await
    }

    /// The folders of this mailbox; asked once, and only where that is needed.
    pub(super) async fn folders(&mut self, trip: &RoundTrip) -> Result<Arc<Folders>, Cause> {
        if let Some(folders) = &self.folders {
            return Ok(Arc::clone(folders));
        }
        let all_are_configured = trip.junk.is_some() && trip.sent.is_some();
        let (imap, probe) = self.imap_and_probe();
        let marked = if all_are_configured { Marked::default() } else { imap.marked(probe).await? };
        Ok(Arc::clone(self.folders.insert(Arc::new(Folders::of(trip, &marked)))))
    }

    /// The messages of a round trip in the open folder.
    pub(super) async fn look(
        &mut self,
        tag: &str,
        search: Search,
        now: Timestamp,
    ) -> Result<Vec<Sighting>, Cause> {
        let (imap, probe) = self.imap_and_probe();
        // A run that was killed may have marked a message as deleted and not removed it. A server that cannot remove
        // single messages keeps marked ones until the folder is expunged: those are dealt with already.
        let which = if imap.can_remove(probe).await? { "" } else { "UNDELETED " };
        let quick = format!("{which}SUBJECT \"{tag}\"");
        let since = (now - REPORTS).strftime("%-d-%b-%Y");
        let thorough = format!("{which}OR SUBJECT \"{tag}\" (SINCE {since} TEXT \"{tag}\")");
        let found = match search {
            Search::Quick => imap.search(probe, &quick).await?,
            Search::Thorough => match imap.search(probe, &thorough).await? {
                Some(found) => Some(found),
                None => imap.search(probe, &quick).await?,
            },
        };
        let fields = format!("HEADER.FIELDS ({MARK_HEADER} CONTENT-TYPE)");
        let mut heads = imap.part(probe, &found.unwrap_or_default(), &fields).await?;
        // The newest first: of many reports only some are read.
        heads.sort_by_key(|(uid, _)| Reverse(*uid));
        let mut sightings = Vec::new();
        let mut reports = 0;
        for (uid, head) in heads {
            if let Some(mark) = Mark::find(&head) {
                sightings.push(Sighting { uid, mark, report: None });
            } else if head.to_ascii_lowercase().contains("delivery-status") && reports < MAX_REPORTS {
                reports += 1;
                sightings.extend(self.report(uid).await?);
            }
        }
        sightings.retain(|sighting| sighting.mark.trip == tag);
        Ok(sightings)
    }

    /// A report with the mark of the message that it is about (RFC 3462: the second part is for programs, the
    /// third is what is returned). `None` if it returns no marked message.
    async fn report(&mut self, uid: u32) -> Result<Option<Sighting>, Cause> {
        let (imap, probe) = self.imap_and_probe();
        let mut mark = None;
        for part in [format!("3.HEADER.FIELDS ({MARK_HEADER})"), "3".to_owned()] {
            let text = imap.part(probe, &[uid], &part).await?;
            mark = text.first().and_then(|(_, text)| Mark::find(text));
            if mark.is_some() {
                break;
            }
        }
        let Some(mark) = mark else { return Ok(None) };
        let status = imap.part(probe, &[uid], "2").await?;
        let report = status.first().and_then(|(_, text)| diagnosis::returned(text));
        Ok(Some(Sighting { uid, mark, report: Some(report) }))
    }

    /// What the server wrote about the sender of a message in the open folder.
    pub(super) async fn verdicts(&mut self, uid: u32) -> Result<SenderVerdicts, Cause> {
        let (imap, probe) = self.imap_and_probe();
        let headers = imap.part(probe, &[uid], "HEADER.FIELDS (AUTHENTICATION-RESULTS)").await?;
        Ok(diagnosis::sender_verdicts(headers.first().map_or("", |(_, text)| text)))
    }

    pub(super) async fn remove(&mut self, uids: &[u32]) -> Result<(), Cause> {
        let (imap, probe) = self.imap_and_probe();
        imap.remove(probe, uids).await
    }

    /// Logs out. The permits are held until the server has answered; the caller limits the time.
    pub(super) async fn leave(self) {
        let Self { imap, _open, _mailbox, .. } = self;
        Session::Imap(imap).goodbye().await;
    }

    fn imap_and_probe(&mut self) -> (&mut Imap, Probe<'_>) {
        let Self { imap, check, dialer, no_secret, .. } = self;
        // The login is done: nothing secret is needed any more.
        let login = Login { username: &check.mailbox.username, secret: Secret::Password(no_secret) };
        (imap, Probe { check, login, dialer })
    }
}
