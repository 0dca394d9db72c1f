//! How often a check is probed, and how long a probe may take.
//!
//! Owns the precedence of the places where both may be written, and their defaults.

use std::time::Duration;

use super::fault::Faults;
use super::file::{Mailbox, Settings};
use super::lower::Lowering;
use super::place::Written;
use super::section::{self, Pace, Times};
use super::value;
use crate::model::Protocol;

/// How often a mailbox is probed: soon enough for a page, rare enough for a large tenant's throttling. How long a probe
/// may take: servers hold refusals back for up to a minute.
const USUAL: Times = Times { interval: Duration::from_secs(5 * 60), timeout: Duration::from_secs(90) };

impl<'a> Lowering<'a> {
    /// The interval and the timeout of a check: the mailbox's protocol, the mailbox, the defaults'
    /// protocol, the defaults. A check with times of its own takes none that were meant for the others.
    pub(super) fn pace(&self, written: &'a Mailbox, protocol: Protocol) -> Option<Rhythm> {
        let (own, defaults) = (&written.settings, &self.file.defaults);
        let pace_of = |settings: &'a Settings| &settings.sections[protocol].pace;
        let (own_times, none) = (section::own_times(protocol), Pace::default());
        let layers = match own_times {
            None => [pace_of(own), &own.pace, pace_of(defaults), &defaults.pace],
            Some(_) => [pace_of(own), &none, pace_of(defaults), &none],
        };
        rhythm(layers, own_times.unwrap_or(USUAL), self.faults)
    }

    /// Reports times of a mailbox that no check takes and that contradict each other all the same: those of a protocol
    /// that is not checked, and those of the mailbox if each of its checks has times of its own.
    pub(super) fn judge_idle_times(&self, written: &'a Mailbox, checked: &[Protocol]) {
        let (own, defaults) = (&written.settings, &self.file.defaults);
        let idle =
            |protocol: &&Protocol| !checked.contains(protocol) && !own.sections[**protocol].pace.is_absent();
        for protocol in Protocol::ALL.iter().filter(idle) {
            self.pace(written, *protocol);
        }
        if checked.iter().all(|protocol| section::own_times(*protocol).is_some()) {
            rhythm([&own.pace, &defaults.pace], USUAL, self.faults);
        }
    }
}

/// The times of the strongest layers, if they fit; a timeout that is too long for its interval is reported.
fn rhythm<const N: usize>(layers: [&Pace; N], usual: Times, faults: &Faults) -> Option<Rhythm> {
    let (interval_rank, interval) = strongest(layers.map(|pace| &pace.interval));
    let (timeout_rank, timeout) = strongest(layers.map(|pace| &pace.timeout));
    let interval_place = match interval {
        Written::Is(at) => Some(&at.place),
        Written::Absent | Written::Faulty => None,
    };
    let interval = interval.or_default(usual.interval)?;
    let timeout = match timeout {
        Written::Faulty => return None,
        Written::Absent => {
            return Some(Rhythm { interval, timeout: usual.timeout.min(interval * 9 / 10) });
        }
        Written::Is(at) => at,
    };
    if timeout.value < interval {
        return Some(Rhythm { interval, timeout: timeout.value });
    }
    // Whichever was said last, nearest to the check, is what has to change.
    let (long, short) = (value::spell(timeout.value), value::spell(interval));
    match interval_place {
        Some(place) if interval_rank < timeout_rank => {
            let message = format!(
                "an interval of {short} is not longer than the timeout of {long} at {}: a probe must end before the next begins",
                timeout.place
            );
            faults.add(place, message);
        }
        place => {
            let origin = place.map_or_else(|| "by default".to_owned(), |place| format!("at {place}"));
            let message = format!(
                "a timeout of {long} is not shorter than the interval of {short} ({origin}): a probe must end before the next begins"
            );
            faults.add(&timeout.place, message);
        }
    }
    None
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm {
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
}

fn strongest<T, const N: usize>(layers: [&Written<T>; N]) -> (usize, &Written<T>) {
    let written = layers.into_iter().enumerate().find(|(_, layer)| !layer.is_absent());
    written.unwrap_or((N, &Written::Absent))
}
