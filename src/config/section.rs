//! The settings of one protocol: its keys in the file, and the goal of the check that results.
//!
//! The only place in the configuration that tells protocols apart; the servers of the presets are in `presets`.

use std::time::Duration;

use super::cursor::{Cursor, Map};
use super::fault::Faults;
use super::keys::{Keys, SERVER, instead, section, works};
use super::place::{At, Written};
use super::value;
use crate::model::{Goal, Patience, Protocol, RoundTrip};

/// The folder that every mailbox has, RFC 9051.
pub(super) const FOLDER: &str = "INBOX";
/// Its well-known name at Graph.
const GRAPH_FOLDER: &str = "inbox";

pub(super) static IMAP: Keys = section(
    "imap",
    &[
        works("folder"),
        works("read_only"),
        works("unread"),
        works("read_within"),
        works("arrives_within"),
        works("interval"),
        works("timeout"),
        instead("host", SERVER),
        instead("port", SERVER),
        instead("tls", SERVER),
    ],
);

pub(super) static SMTP: Keys = section(
    "smtp",
    &[
        works("sender"),
        works("ehlo"),
        works("interval"),
        works("timeout"),
        instead("host", SERVER),
        instead("port", SERVER),
        instead("tls", SERVER),
        instead("helo", "write smtp: {ehlo: NAME}"),
    ],
);

pub(super) static POP3: Keys = section(
    "pop3",
    &[
        works("interval"),
        works("timeout"),
        instead("host", SERVER),
        instead("port", SERVER),
        instead("tls", SERVER),
        instead("folder", "POP3 knows one folder, the inbox"),
    ],
);

pub(super) static GRAPH: Keys = section(
    "graph",
    &[
        works("folder"),
        works("interval"),
        works("timeout"),
        instead("base_url", SERVER),
        instead("scope", SERVER),
        instead("unread", "Graph counts unread messages in any case"),
        instead("read_only", "Graph opens nothing for writing here"),
    ],
);

pub(super) static ROUND_TRIP: Keys = section(
    "round_trip",
    &[
        works("to"),
        works("interval"),
        works("timeout"),
        works("junk"),
        works("sent"),
        instead("folder", "a message is looked for in INBOX and in the folder for junk: junk: NAME"),
    ],
);

/// Times of a check whose own section alone decides them; `None` if those of the mailbox hold.
pub(super) const fn own_times(protocol: Protocol) -> Option<Times> {
    match protocol {
        Protocol::RoundTrip => {
            Some(Times { interval: Duration::from_secs(60 * 60), timeout: Duration::from_secs(10 * 60) })
        }
        Protocol::Imap | Protocol::Smtp | Protocol::Pop3 | Protocol::Graph => None,
    }
}

/// The defaults.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
}

/// Whose server a check connects to first.
pub(super) const fn server_of(protocol: Protocol) -> Protocol {
    match protocol {
        Protocol::RoundTrip => Protocol::Smtp,
        Protocol::Imap | Protocol::Smtp | Protocol::Pop3 | Protocol::Graph => protocol,
    }
}

/// The keys under the name of a protocol.
const fn keys(protocol: Protocol) -> &'static Keys {
    match protocol {
        Protocol::Imap => &IMAP,
        Protocol::Smtp => &SMTP,
        Protocol::Pop3 => &POP3,
        Protocol::RoundTrip => &ROUND_TRIP,
        Protocol::Graph => &GRAPH,
    }
}

/// The section of one protocol. Keys that the protocol does not have are absent.
#[derive(Debug, Default)]
pub(super) struct Section {
    pub(super) pace: Pace,
    folder: Written<String>,
    read_only: Written<bool>,
    unread: Written<bool>,
    read_within: Written<Duration>,
    arrives_within: Written<Duration>,
    sender: Written<bool>,
    ehlo: Written<String>,
    pub(super) to: Written<String>,
    pub(super) junk: Written<String>,
    pub(super) sent: Written<String>,
}

#[derive(Debug, Default)]
pub(super) struct Pace {
    pub(super) interval: Written<Duration>,
    pub(super) timeout: Written<Duration>,
}

impl Pace {
    pub(super) fn read(map: &Map<'_>) -> Self {
        Self {
            interval: map.read("interval", value::duration),
            timeout: map.read("timeout", value::duration),
        }
    }

    pub(super) const fn is_absent(&self) -> bool {
        self.interval.is_absent() && self.timeout.is_absent()
    }
}

impl Section {
    pub(super) fn read(protocol: Protocol, at: &Cursor<'_>) -> Option<Self> {
        let map = at.map(keys(protocol))?;
        let mut section = Self { pace: Pace::read(&map), ..Self::default() };
        match protocol {
            Protocol::Imap => {
                section.folder = map.read("folder", |at| at.text().map(str::to_owned));
                section.read_only = map.read("read_only", Cursor::boolean);
                section.unread = map.read("unread", Cursor::boolean);
                section.read_within = map.read("read_within", value::duration);
                section.arrives_within = map.read("arrives_within", value::duration);
            }
            Protocol::Smtp => {
                section.sender = map.read("sender", Cursor::boolean);
                section.ehlo = map.read("ehlo", |at| at.judge(value::ehlo));
            }
            Protocol::Pop3 => {}
            Protocol::Graph => section.folder = map.read("folder", |at| at.judge(value::graph_folder)),
            Protocol::RoundTrip => {
                section.pace.interval = map.read("interval", trip_interval);
                section.to = map.read("to", |at| at.text().map(str::to_owned));
                section.junk = map.read("junk", |at| at.text().map(str::to_owned));
                section.sent = map.read("sent", |at| at.text().map(str::to_owned));
            }
        }
        Some(section)
    }

    /// The goal of a check of one mail protocol, by the mailbox's own section over that of the defaults; `None`
    /// where a fault has been reported. The goal of a round trip needs other mailboxes: `round_trip`.
    pub(super) fn goal(&self, protocol: Protocol, defaults: &Self, faults: &Faults) -> Option<Goal> {
        Some(match protocol {
            Protocol::Imap => Goal::Folder {
                name: self.folder.or(&defaults.folder).or_default(FOLDER.to_owned())?,
                read_only: self.read_only.or(&defaults.read_only).or_default(false)?,
                unread: self.unread(defaults, faults)?,
            },
            Protocol::Smtp => Goal::Submission {
                sender: self.sender.or(&defaults.sender).or_default(false)?,
                ehlo: match self.ehlo.or(&defaults.ehlo) {
                    Written::Absent => None,
                    Written::Faulty => return None,
                    Written::Is(at) => Some(at.value.clone()),
                },
            },
            Protocol::Pop3 => Goal::Maildrop,
            Protocol::Graph => Goal::GraphFolder {
                folder: self.folder.or(&defaults.folder).or_default(GRAPH_FOLDER.to_owned())?,
            },
            Protocol::RoundTrip => return None,
        })
    }

    /// The folder, where one is written.
    pub(super) fn folder<'a>(&'a self, defaults: &'a Self) -> Option<&'a At<String>> {
        match self.folder.or(&defaults.folder) {
            Written::Is(at) => Some(at),
            Written::Absent | Written::Faulty => None,
        }
    }

    /// Whether unread messages are counted, and for how long they may stay; the outer `None` is a reported fault.
    fn unread(&self, defaults: &Self, faults: &Faults) -> Option<Option<Patience>> {
        let limit = |own: &Written<Duration>, default: &Written<Duration>| match own.or(default) {
            Written::Absent => Some(None),
            Written::Faulty => None,
            Written::Is(at) => Some(Some(at.value)),
        };
        let read_within = limit(&self.read_within, &defaults.read_within)?;
        let arrives_within = limit(&self.arrives_within, &defaults.arrives_within)?;
        if self.unread.or(&defaults.unread).or_default(false)? {
            return Some(Some(Patience { read_within, arrives_within }));
        }
        // Limits among the defaults wait for mailboxes that count; one of the mailbox itself is meant now.
        let own = [("read_within", &self.read_within), ("arrives_within", &self.arrives_within)];
        for (key, written) in own {
            if let Written::Is(at) = written {
                faults.add(&at.place, format!("{key} has no effect without unread: true beside it"));
                return None;
            }
        }
        Some(None)
    }
}

fn trip_interval(at: &Cursor<'_>) -> Option<Duration> {
    let interval = value::duration(at)?;
    if interval < RoundTrip::SHORTEST_GAP {
        let (short, least) = (value::spell(interval), value::spell(RoundTrip::SHORTEST_GAP));
        return at.complain(format!(
            "a round trip every {short} is too often: each sends a message, so the interval is at least {least}"
        ));
    }
    Some(interval)
}
