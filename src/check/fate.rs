//! The fate of a round trip's message, and of earlier ones.
//!
//! Pure: learns from what was seen, decides what may be deleted, and gives the verdict.

use std::time::Duration;

use jiff::Timestamp;

use super::trips::Missing;
use super::visit::Sighting;
use crate::diagnosis::Returned;
use crate::model::{Cause, Reason, RoundTrip, SenderVerdicts};
use crate::probe::Mark;

/// Where a message was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Inbox,
    Junk,
    /// At the sender, or in a folder of sent mail: it has not arrived by being there.
    Elsewhere,
}

/// What is known about the message of this run, and about those of earlier runs.
pub(super) struct Fate {
    pub(super) mark: Mark,
    /// Messages of earlier runs whose fate is unknown.
    missing: Vec<Missing>,
    /// Messages of other machines may be under way for this long.
    timeout: Duration,
    pub(super) place: Option<Place>,
    /// The folder that it was found in.
    pub(super) found_in: String,
    /// The folders where it would be if the server took it for junk.
    pub(super) junk: Vec<String>,
    pub(super) verdicts: SenderVerdicts,
    returned: Option<Returned>,
    /// The fate of earlier messages, one sentence each.
    pub(super) earlier: Vec<String>,
    /// The messages that need not be looked for any more.
    pub(super) settled: Vec<String>,
}

impl Fate {
    pub(super) const fn of(mark: Mark, missing: Vec<Missing>, timeout: Duration) -> Self {
        Self {
            mark,
            missing,
            timeout,
            place: None,
            found_in: String::new(),
            junk: Vec::new(),
            verdicts: Vec::new(),
            returned: None,
            earlier: Vec::new(),
            settled: Vec::new(),
        }
    }

    /// Whether it is known what became of the message of this run.
    pub(super) const fn is_known(&self) -> bool {
        self.place.is_some() || self.returned.is_some()
    }

    /// Notes one message. Returns whether it may be deleted.
    pub(super) fn note(&mut self, sighting: &Sighting, place: Place, now: Timestamp) -> bool {
        let Sighting { mark, report, .. } = sighting;
        if mark.id == self.mark.id {
            match report {
                Some(Some(returned)) => self.returned = Some(returned.clone()),
                None if place != Place::Elsewhere && self.place.is_none() => self.place = Some(place),
                Some(None) | None => {}
            }
            return true;
        }
        let known = self.missing.iter().position(|missing| missing.mark.id == mark.id);
        if known.is_none() && mark.host != self.mark.host && age(mark, now) < self.timeout {
            // The message of another agent, which is still looking for it.
            return false;
        }
        let fate = match (report, place) {
            (Some(Some(returned)), _) => format!("came back: {}", told(returned)),
            // A report of delay, or a copy: the message itself may still arrive.
            (Some(None), _) | (None, Place::Elsewhere) => return true,
            (None, Place::Inbox) => "arrived late".to_owned(),
            (None, Place::Junk) => "arrived late, as junk".to_owned(),
        };
        if let Some(known) = known {
            self.missing.remove(known);
            self.settled.push(mark.id.clone());
            self.earlier.push(format!("the message of {} {fate}", mark.sent_at));
        } else {
            let left = format!("a message of {}, left behind by an earlier run, {fate}", mark.sent_at);
            self.earlier.push(left);
        }
        true
    }

    /// Ends the search: what has not been seen by now is lost, or at least later than a whole interval.
    pub(super) fn conclude(&mut self, now: Timestamp) {
        for Missing { mark, accepted } in std::mem::take(&mut self.missing) {
            if !accepted {
                self.settled.push(mark.id);
                continue;
            }
            let minutes = Duration::from_secs(age(&mark, now).as_secs() / 60 * 60);
            let minutes = humantime::format_duration(minutes);
            self.earlier.push(format!("the message of {} is lost: not found after {minutes}", mark.sent_at));
        }
        if self.is_known() {
            self.settled.push(self.mark.id.clone());
        }
    }

    /// Why the message has not arrived as it should; `None` if it has. `answer` is what the sender's server said
    /// when it took the message.
    pub(super) fn verdict(&self, trip: &RoundTrip, answer: &str) -> Option<Cause> {
        let (to, found_in, junk) = (&trip.to().name, &self.found_in, self.junk.join(" or "));
        let (reason, detail) = match (self.place, &self.returned) {
            (Some(Place::Inbox | Place::Elsewhere), _) => return None,
            (Some(Place::Junk), _) => (
                Reason::DeliveredToJunk,
                format!("the message is in the folder {found_in} of {to}{}", self.authentication()),
            ),
            (None, Some(returned)) => (Reason::Bounced, format!("the message came back: {}", told(returned))),
            (None, None) => (
                Reason::NotDelivered,
                format!(
                    "the message is neither in INBOX nor in {junk} of {to}, and no report came back; the sender's server took it with: {answer}"
                ),
            ),
        };
        let detail = std::iter::once(detail).chain(self.earlier.iter().cloned());
        Some(Cause::new(reason, detail.collect::<Vec<_>>().join("; ")))
    }

    /// What the receiving server thinks of the sender, if it has written that down.
    fn authentication(&self) -> String {
        let verdicts = self.verdicts.iter().map(|(check, verdict)| format!("{check} {verdict}"));
        let verdicts = verdicts.collect::<Vec<_>>().join(", ");
        if verdicts.is_empty() { verdicts } else { format!(" (the server says: {verdicts})") }
    }
}

fn age(mark: &Mark, now: Timestamp) -> Duration {
    now.duration_since(mark.sent_at).unsigned_abs()
}

/// What a report says, code first.
fn told(returned: &Returned) -> String {
    let status = returned.status.as_deref().unwrap_or("no status code");
    match &returned.diagnostic {
        Some(diagnostic) => format!("{status} ({diagnostic})"),
        None => status.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(600);

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_mins(minute)
    }

    fn mark(id: &str, host: &str, minute: i64) -> Mark {
        Mark { id: id.to_owned(), trip: "trip".to_owned(), host: host.to_owned(), sent_at: at(minute) }
    }

    fn fate(missing: &[(&str, bool)]) -> Fate {
        let missing =
            missing.iter().map(|(id, accepted)| Missing { mark: mark(id, "here", 0), accepted: *accepted });
        Fate::of(mark("now", "here", 60), missing.collect(), TIMEOUT)
    }

    fn message(mark: Mark) -> Sighting {
        Sighting { uid: 1, mark, report: None }
    }

    #[test]
    fn late_and_lost_messages_are_told_apart() {
        let mut fate = fate(&[("late", true), ("lost", true), ("refused", false)]);
        assert!(fate.note(&message(mark("late", "here", 0)), Place::Inbox, at(60)));
        assert!(fate.note(&message(mark("now", "here", 60)), Place::Inbox, at(60)));
        fate.conclude(at(60));
        assert_eq!(
            fate.earlier,
            [
                "the message of 1970-01-01T00:00:00Z arrived late",
                "the message of 1970-01-01T00:00:00Z is lost: not found after 1h"
            ]
        );
        // A lost message is looked for again.
        assert_eq!(fate.settled, ["late", "refused", "now"]);
    }

    #[test]
    fn a_message_of_another_machine_that_is_under_way_is_left_alone() {
        let mut fate = fate(&[]);
        assert!(!fate.note(&message(mark("theirs", "there", 55)), Place::Inbox, at(60)));
        assert!(fate.note(&message(mark("theirs", "there", 49)), Place::Inbox, at(60)));
        assert!(fate.note(&message(mark("ours", "here", 59)), Place::Inbox, at(60)));
        assert!(!fate.is_known());
    }

    #[test]
    fn a_copy_and_a_report_of_delay_are_no_arrival() {
        let mut fate = fate(&[]);
        let now = || mark("now", "here", 60);
        assert!(fate.note(&message(now()), Place::Elsewhere, at(60)));
        assert!(fate.note(&Sighting { report: Some(None), ..message(now()) }, Place::Inbox, at(60)));
        assert!(!fate.is_known());
        let returned = Returned { status: Some("5.1.1".to_owned()), diagnostic: None };
        assert!(fate.note(
            &Sighting { report: Some(Some(returned)), ..message(now()) },
            Place::Inbox,
            at(60)
        ));
        assert!(fate.is_known() && fate.place.is_none());
    }
}
