//! The sign-in log of Entra as the portal, Graph and Log Analytics export it: who signs in by the protocols of a mailbox.
//!
//! A row does not say whether a password or a token was shown, and a missing row proves nothing: the log goes back some
//! days or weeks, and a printer may send once a quarter.

use crate::model::{Finding, Protocol};

use super::table::{Table, plain};
use super::{Fact, Reading, named};

/// The column that makes a table a sign-in log.
const CLIENT: &[&str] = &["clientapp", "clientappused"];
/// The columns of the user, the best first: `User` may hold a display name.
const WHO: &[&str] = &["username", "userprincipalname", "signinidentifier", "userid", "user"];
/// Whether it succeeded: a word or a number.
const STATUS: &[&str] = &["status", "resulttype", "signinerrorcode", "statuserrorcode", "errorcode"];

/// What a row says about the sign-in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Success,
    Failure,
    Unknown,
}

/// Where the columns are.
pub(super) struct SignIns {
    client: usize,
    who: usize,
    status: Vec<usize>,
}

impl SignIns {
    /// The columns of a sign-in log; `None` if the header is of something else.
    pub(super) fn of(header: &[String]) -> Option<Self> {
        let names: Vec<String> = header.iter().map(|name| plain(name)).collect();
        let column = |known: &&str| names.iter().position(|name| name == known);
        let best = |known: &[&str]| known.iter().find_map(column);
        Some(Self {
            client: best(CLIENT)?,
            who: best(WHO)?,
            status: STATUS.iter().filter_map(column).collect(),
        })
    }

    /// What the rows say.
    pub(super) fn read(&self, table: &Table) -> Reading {
        let mut reading = Reading::default();
        for (line, row) in table.rows.iter().skip(1) {
            match self.fact(*line, row) {
                Ok(Some(fact)) => reading.facts.push(fact),
                Ok(None) => reading.irrelevant += 1,
                Err(why) => reading.refused.push((*line, why)),
            }
        }
        reading
    }

    /// `None` if the sign-in failed, or the protocol is not one of ours.
    fn fact(&self, line: usize, row: &[String]) -> Result<Option<Fact>, String> {
        let field = |column: usize| row.get(column).map_or("", String::as_str);
        let Some(protocols) = protocols(field(self.client)) else { return Ok(None) };
        let outcomes = self.status.iter().map(|column| outcome(field(*column)));
        let outcome = outcomes.into_iter().find(|outcome| *outcome != Outcome::Unknown);
        let note = match outcome {
            Some(Outcome::Failure) => return Ok(None),
            Some(Outcome::Success | Outcome::Unknown) => ": signed in; the log does not say with what",
            None => ": signed in, or tried to; the log does not say which, nor with what",
        };
        let mailbox = named(field(self.who))?;
        Ok(Some(Fact {
            line,
            mailbox,
            tenant: None,
            protocol: protocols,
            finding: Finding::SignedIn,
            until: None,
            note,
        }))
    }
}

/// The protocol of a mail client, or all if the log knows only that it was an old one; `None` for others.
fn protocols(client: &str) -> Option<Option<Protocol>> {
    let client = plain(client);
    let by_name = [("imap", "imap"), ("smtp", "smtp"), ("pop", "pop3")];
    match by_name.iter().find(|(word, _)| client.contains(word)) {
        Some((_, label)) => Protocol::from_label(label).map(Some),
        None => (client == "otherclients").then_some(None),
    }
}

fn outcome(text: &str) -> Outcome {
    match plain(text).as_str() {
        "success" | "0" => Outcome::Success,
        "failure" | "interrupted" => Outcome::Failure,
        text if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}
