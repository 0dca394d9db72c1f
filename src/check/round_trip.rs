//! A round trip as one probe: sends a message, looks for it with growing pauses, and deletes it.
//!
//! Owns the sequence of these steps. Each conversation with a server has its own login and holds its permits only
//! while it lasts, so that other checks can use the mailbox while the message is under way.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use super::fate::{Fate, Place};
use super::request::Purpose;
use super::visit::{Folders, Search, Visit};
use super::{GOODBYE, Open, Prober, Traces, catching_panic};
use crate::clock;
use crate::model::{Cause, Check, Failure, Outcome, Phase, Reason, Redacted, RoundTrip, Transcript};
use crate::net::{Dialogue, Stopwatch};
use crate::probe::{Letter, Login, Mark, Probe, Secret, Session};

/// Where mail arrives.
const INBOX: &str = "INBOX";

/// How long one session stays open to look for the message. Most messages arrive within this time.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pauses between two looks in one session: the first, and the longest. Each is twice as long as the previous one.
const LOOK_PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(4));
/// Pauses between two sessions, likewise.
const VISIT_PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));
/// The part of the time limit that is kept for cleaning up, at most a quarter.
const RESERVE: Duration = Duration::from_secs(30);
/// How many dialogues are kept per probe: the first one, and the latest ones.
const DIALOGUES: usize = 6;

/// One run of a round trip.
pub(super) struct Run<'a> {
    prober: &'a Prober,
    check: &'a Arc<Check>,
    trip: &'a RoundTrip,
    purpose: Purpose,
    watch: &'a mut Stopwatch,
    dialogues: Vec<Dialogue>,
    fate: Fate,
    /// When the sender's server accepted the message.
    sent_at: Instant,
    /// How long the message was under way, once it is known.
    delivered_after: Option<Duration>,
    /// The first failure of the cleanup.
    cleanup_failure: Option<Outcome>,
}

impl<'a> Run<'a> {
    /// A run that has not sent its message yet.
    pub(super) fn new(
        prober: &'a Prober,
        check: &'a Arc<Check>,
        trip: &'a RoundTrip,
        purpose: Purpose,
        watch: &'a mut Stopwatch,
    ) -> Self {
        let missing = prober.trips.missing(&check.name());
        let mark = Mark::new(trip, &prober.trips.host, clock::now());
        let fate = Fate::of(mark, missing, check.timeout);
        Self {
            prober,
            check,
            trip,
            purpose,
            watch,
            dialogues: Vec::new(),
            fate,
            sent_at: Instant::now(),
            delivered_after: None,
            cleanup_failure: None,
        }
    }

    /// The dialogues of all conversations, one after the other. Each counts its time from its own beginning.
    pub(super) fn dialogue(&self) -> Transcript {
        let parts: Vec<Transcript> = self.dialogues.iter().map(Dialogue::transcript).collect();
        Transcript::written_by(move || parts.iter().flat_map(|part| part.iter().cloned()).collect())
    }

    /// Takes all steps and gives the verdict. `mailbox` is the permit for the sending mailbox.
    pub(super) async fn complete(
        &mut self,
        mailbox: Option<OwnedSemaphorePermit>,
        traces: &mut Traces,
    ) -> Outcome {
        let letter = match Letter::write(self.trip, &self.fate.mark, &self.prober.trips.host) {
            Ok(letter) => letter,
            Err(cause) => return self.failed(traces, Phase::Send, cause).await,
        };
        let answer = match self.send(&letter, traces).await {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        drop(mailbox);
        let searched = self.await_delivery().await;
        let facts = &mut traces.facts.trip;
        facts.deliver = self.delivered_after;
        facts.authentication.clone_from(&self.fate.verdicts);
        if let Err(outcome) = searched {
            return outcome;
        }
        self.fate.conclude(clock::now());
        facts.earlier.clone_from(&self.fate.earlier);
        let name = self.check.name();
        self.fate.settled.iter().for_each(|id| self.prober.trips.settled(&name, id));
        match self.fate.verdict(self.trip, &answer) {
            Some(cause) => self.failed(traces, Phase::Deliver, cause).await,
            None => self.cleanup_failure.take().unwrap_or(Outcome::Up),
        }
    }

    /// Hands the message to the sender's server. Returns that server's answer.
    async fn send(&mut self, letter: &Letter, traces: &mut Traces) -> Result<String, Outcome> {
        let (prober, leg) = (self.prober, &*self.trip.send);
        let mut open = Open::default();
        let opened = prober.converse(leg, self.purpose, self.watch, traces, &mut open).await;
        self.dialogues.extend(traces.dialogue.clone());
        if let Err(failure) = opened {
            return Err(prober.conclude(leg, traces, Err(failure)).await);
        }
        let Some(Session::Smtp(mut smtp)) = open.session.take() else {
            let cause = Cause::new(Reason::Internal, "this session cannot send messages");
            return Err(self.failed(traces, Phase::Send, cause).await);
        };
        let no_secret = Redacted::from(String::new());
        let login = Login { username: &leg.mailbox.username, secret: Secret::Password(&no_secret) };
        let probe = Probe { check: leg, login, dialer: &prober.dialer };
        let name = self.check.name();
        prober.trips.sends(&name, &self.fate.mark);
        let begun = Instant::now();
        let sent = self.watch.phase(Phase::Send, smtp.send(probe, letter)).await;
        let took = begun.elapsed();
        self.sent_at = Instant::now();
        self.watch.book_on(Phase::Deliver);
        // The result of the goodbye does not matter: the message is under way, or it was refused.
        drop(timeout(GOODBYE, catching_panic(Session::Smtp(smtp).goodbye())).await);
        match sent {
            Ok(answer) => {
                prober.trips.accepted(&name, &self.fate.mark);
                traces.facts.trip.send = Some(took);
                Ok(answer)
            }
            Err(failure) => {
                if failure.cause.reason != Reason::Timeout && failure.cause.reason != Reason::ConnectionClosed
                {
                    prober.trips.settled(&name, &self.fate.mark.id);
                }
                Err(prober.conclude(leg, traces, Err(failure)).await)
            }
        }
    }

    /// Looks for the message until its fate is known or the time is up; then cleans up.
    async fn await_delivery(&mut self) -> Result<(), Outcome> {
        let trip = self.trip;
        let reserve = RESERVE.min(self.check.timeout / 4);
        let mut pause = VISIT_PAUSES.0;
        let visit = loop {
            let mut visit = self.start_visit(&trip.receive).await?;
            self.poll(&mut visit, reserve).await?;
            if trip.home.is_none() && !self.fate.is_known() {
                self.look_and_delete(&mut visit, INBOX, Place::Inbox, Search::Thorough).await?;
            }
            if self.fate.is_known() || self.watch.left() <= reserve {
                break visit;
            }
            self.end_visit(visit).await;
            if let Some(home) = &trip.home {
                let mut visit = self.start_visit(home).await?;
                self.look_and_delete(&mut visit, INBOX, Place::Elsewhere, Search::Thorough).await?;
                self.end_visit(visit).await;
            }
            if !self.fate.is_known() {
                let left = self.watch.left().saturating_sub(reserve);
                self.watch.pause(pause.min(left)).await;
                pause = (pause * 2).min(VISIT_PAUSES.1);
            }
        };
        self.watch.book_on(Phase::Clean);
        if let Err(outcome) = self.clean_up(visit).await {
            // The message's own fate is the more important news.
            self.cleanup_failure.get_or_insert(outcome);
        }
        Ok(())
    }

    /// Looks repeatedly within one session, with growing pauses.
    async fn poll(&mut self, visit: &mut Visit<'_>, reserve: Duration) -> Result<(), Outcome> {
        let end = Instant::now() + PATIENCE.min(self.watch.left().saturating_sub(reserve));
        let (mut pause, longest) = LOOK_PAUSES;
        let folders = self.folders(visit).await?;
        self.fate.junk.clone_from(&folders.junk);
        let junk = || folders.junk.iter().map(|folder| (&**folder, Place::Junk));
        loop {
            for (folder, place) in std::iter::once((INBOX, Place::Inbox)).chain(junk()) {
                self.look_and_delete(visit, folder, place, Search::Quick).await?;
                if self.fate.is_known() {
                    return Ok(());
                }
            }
            if Instant::now() + pause >= end {
                return Ok(());
            }
            self.watch.pause(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Deletes the messages of this round trip that are still there, in every folder where one may be.
    async fn clean_up(&mut self, mut visit: Visit<'_>) -> Result<(), Outcome> {
        let arrived = (Place::Inbox, Place::Junk);
        self.clean_up_mailbox(&mut visit, arrived, self.trip.home.is_none()).await?;
        self.end_visit(visit).await;
        let Some(home) = &self.trip.home else { return Ok(()) };
        let mut visit = self.start_visit(home).await?;
        self.clean_up_mailbox(&mut visit, (Place::Elsewhere, Place::Elsewhere), true).await?;
        self.end_visit(visit).await;
        Ok(())
    }

    /// The same in one mailbox; `places` say what a message in the inbox and one among junk are.
    async fn clean_up_mailbox(
        &mut self,
        visit: &mut Visit<'_>,
        places: (Place, Place),
        sends: bool,
    ) -> Result<(), Outcome> {
        let folders = self.folders(visit).await?;
        let junk = folders.junk.iter().map(|folder| (&**folder, places.1));
        let sent = folders.sent.iter().filter(|_| sends).map(|folder| (&**folder, Place::Elsewhere));
        for (folder, place) in std::iter::once((INBOX, places.0)).chain(junk).chain(sent) {
            self.look_and_delete(visit, folder, place, Search::Thorough).await?;
        }
        Ok(())
    }

    /// The folders of a mailbox where messages may be.
    async fn folders(&mut self, visit: &mut Visit<'_>) -> Result<Arc<Folders>, Outcome> {
        let (leg, phase) = (visit.leg(), self.watch.current());
        match self.watch.phase(phase, visit.folders(self.trip)).await {
            Ok(folders) => Ok(folders),
            Err(failure) => Err(self.leg_failed(leg, &Traces::default(), failure).await),
        }
    }

    /// Opens a mailbox by IMAP.
    async fn start_visit<'v>(&mut self, leg: &'v Check) -> Result<Visit<'v>, Outcome>
    where
        'a: 'v,
    {
        let prober = self.prober;
        let mailbox = self.watch.wait(prober.permits.mailbox(&leg.mailbox.name)).await;
        let (mut traces, mut open) = (Traces::default(), Open::default());
        let opened = prober.converse(leg, self.purpose, self.watch, &mut traces, &mut open).await;
        if let Some(dialogue) = traces.dialogue.take() {
            if self.dialogues.len() == DIALOGUES {
                self.dialogues.remove(1);
            }
            self.dialogues.push(dialogue);
        }
        match opened {
            Ok(()) => match Visit::new(open, mailbox, leg, &prober.dialer) {
                Ok(visit) => Ok(visit),
                Err(cause) => Err(self.failed(&traces, self.watch.current(), cause).await),
            },
            Err(failure) => Err(self.leg_failed(leg, &traces, failure).await),
        }
    }

    async fn end_visit(&mut self, visit: Visit<'_>) {
        drop(timeout(GOODBYE, catching_panic(visit.leave())).await);
    }

    /// Looks into one folder, notes the messages of this round trip, and deletes those that may be deleted. A folder
    /// that does not exist counts as empty.
    async fn look_and_delete(
        &mut self,
        visit: &mut Visit<'_>,
        folder: &str,
        place: Place,
        search: Search,
    ) -> Result<(), Outcome> {
        let leg = visit.leg();
        let phase = self.watch.current();
        let tag = &self.fate.mark.trip;
        let looked = async {
            if !visit.open(folder).await? {
                return Ok(Vec::new());
            }
            visit.look(tag, search, clock::now()).await
        };
        let sightings = match self.watch.phase(phase, looked).await {
            Ok(sightings) => sightings,
            Err(failure) => return Err(self.leg_failed(leg, &Traces::default(), failure).await),
        };
        let now = clock::now();
        let was_known = self.fate.place.is_some();
        let mut ours = Vec::new();
        for sighting in &sightings {
            if self.fate.note(sighting, place, now) {
                ours.push(sighting.uid);
            }
            if !was_known && self.fate.place.is_some() && self.delivered_after.is_none() {
                self.delivered_after = Some(self.sent_at.elapsed());
                self.fate.found_in = folder.to_owned();
                match self.watch.phase(phase, visit.verdicts(sighting.uid)).await {
                    Ok(verdicts) => self.fate.verdicts = verdicts,
                    Err(failure) => return Err(self.leg_failed(leg, &Traces::default(), failure).await),
                }
            }
        }
        if ours.is_empty() {
            return Ok(());
        }
        self.watch.book_on(Phase::Clean);
        let removed = self.watch.phase(Phase::Clean, visit.remove(&ours)).await;
        if let Err(failure) = removed {
            let outcome = self.leg_failed(leg, &Traces::default(), failure).await;
            self.cleanup_failure.get_or_insert(outcome);
        }
        self.watch.book_on(phase);
        Ok(())
    }

    /// The outcome when the round trip itself fails.
    async fn failed(&self, traces: &Traces, phase: Phase, cause: Cause) -> Outcome {
        self.prober.conclude(self.check, traces, Err(Failure { phase, cause })).await
    }

    /// The outcome when one conversation fails. Its own phase selects the remedy and is named in the detail; the
    /// outcome itself reports the round trip's phase.
    async fn leg_failed(&self, leg: &Check, traces: &Traces, failure: Failure) -> Outcome {
        let (within, phase) = (failure.phase, self.watch.current());
        let mut outcome = self.prober.conclude(leg, traces, Err(failure)).await;
        if let Outcome::Down { failure, .. } = &mut outcome {
            let (protocol, name) = (leg.protocol().title(), &leg.mailbox.name);
            failure.phase = phase;
            let detail = std::mem::take(&mut failure.cause.detail);
            failure.cause.detail = if within == phase {
                format!("{protocol} at {name}: {detail}")
            } else {
                format!("{protocol} at {name}, phase {within}: {detail}")
            };
        }
        outcome
    }
}
