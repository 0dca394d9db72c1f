//! How an administrator has set the switches: `Get-CASMailbox` and `Get-TransportConfig`, exported by `Export-Csv`.
//!
//! Both may stand in one file, each under its own header. The mailbox's value wins; an empty one inherits the
//! organisation's. "On" proves nothing about passwords, since an authentication policy may refuse them; "off"
//! stops OAuth as well.

use std::collections::BTreeSet;

use crate::model::{Family, Finding, Plan, Protocol};

use super::table::{Table, plain};
use super::{Fact, Reading, kind};

/// The columns that may name a mailbox, the best first.
const MAILBOX: &[&str] = &[
    "primarysmtpaddress",
    "windowsemailaddress",
    "emailaddress",
    "address",
    "mailbox",
    "userprincipalname",
    "identity",
    "name",
    "alias",
    "samaccountname",
    "displayname",
    "guid",
    "distinguishedname",
    "user",
    "upn",
];
/// How the organisation's row calls itself, …
const ORGANISATION: &str = "transportsettings";
/// … and in which columns.
const ORGANISATIONS_NAME: &[&str] = &["identity", "name"];

/// Columns that only a table of mailboxes has.
const OF_MAILBOXES: &[&str] = &["imapenabled", "popenabled", "primarysmtpaddress", "windowsemailaddress"];

/// One header, and where its columns are.
struct Header {
    mailboxes: Vec<usize>,
    /// Where the organisation's row has its name; none where the table can only be one of mailboxes.
    organisation: Vec<usize>,
    /// Each with its protocol, and the value that means "off".
    switches: Vec<(usize, Protocol, bool)>,
}

impl Header {
    fn of(row: &[String]) -> Option<Self> {
        let names: Vec<String> = row.iter().map(|name| plain(name)).collect();
        let column = |name: &str| names.iter().position(|known| known == name);
        let switch = |protocol: &Protocol| {
            let (name, on) = protocol.mail()?.cas_switch;
            Some((column(&plain(name))?, *protocol, !on))
        };
        let switches: Vec<_> = Protocol::ALL.iter().filter_map(switch).collect();
        let mailboxes = MAILBOX.iter().filter_map(|name| column(name)).collect();
        // An organisation has no protocols of its own and no address.
        let of_mailboxes = names.iter().any(|name| OF_MAILBOXES.contains(&name.as_str()));
        let organisation = ORGANISATIONS_NAME.iter().filter(|_| !of_mailboxes);
        let organisation = organisation.filter_map(|name| column(name)).collect();
        (!switches.is_empty()).then_some(Self { mailboxes, organisation, switches })
    }
}

/// A switch of a protocol: off, on, or as the organisation has it.
type Switch = (Protocol, Option<bool>);

pub(super) fn read(table: &Table, plan: &Plan) -> Result<Reading, String> {
    let known: BTreeSet<String> = plan
        .mailboxes
        .iter()
        .flat_map(|mailbox| {
            [mailbox.name.to_lowercase(), mailbox.address.to_lowercase(), mailbox.username.to_lowercase()]
        })
        .collect();
    let (mut header, mut seen) = (None, false);
    let (mut rows, mut reading, mut organisations) = (Vec::new(), Reading::default(), Vec::new());
    for (line, row) in &table.rows {
        if let Some(new) = Header::of(row) {
            (header, seen) = (Some(new), true);
            continue;
        }
        let Some(header) = &header else {
            reading.refused.push((*line, "is above the header".to_owned()));
            continue;
        };
        match understand(row, header, &known) {
            Ok(Understood::Mailbox(mailbox, switches)) => rows.push((*line, mailbox, switches)),
            Ok(Understood::Organisation(off)) => organisations.extend(off.map(|off| (*line, off))),
            Err(why) => reading.refused.push((*line, why)),
        }
    }
    if !seen {
        let first = table.rows.first().and_then(|(_, row)| kind::of_header(row));
        if let Some(what) = first {
            return Err(what.to_owned());
        }
        return Err("has no column SmtpClientAuthenticationDisabled, ImapEnabled or PopEnabled: export it by `Get-CASMailbox | Export-Csv`".to_owned());
    }
    // The file does not say which organisation it is.
    let tenants: BTreeSet<&str> = plan
        .mailboxes
        .iter()
        .filter(|mailbox| mailbox.provider.family == Family::ExchangeOnline)
        .filter_map(|mailbox| mailbox.credential.tenant())
        .collect();
    let several = (tenants.len() > 1)
        .then_some("the configuration has several tenants, and Get-TransportConfig does not say whose it is");
    let differ = organisations.windows(2).any(|pair| matches!(pair, [a, b] if a.1 != b.1));
    let differ = differ.then_some("two rows of Get-TransportConfig say the opposite of each other");
    if let Some(why) = several.or(differ) {
        reading.refused.extend(organisations.drain(..).map(|(line, _)| (line, why.to_owned())));
    }
    let organisation = organisations.first().copied();
    for (line, mailbox, switches) in rows {
        let taken = reading.facts.len();
        for (protocol, off) in switches {
            let inherited = off.is_none();
            let off = off.or(organisation.map(|(_, off)| off).filter(|_| protocol == Protocol::Smtp));
            let Some(off) = off else { continue };
            let finding = if off { Finding::SwitchedOff } else { Finding::SwitchedOn };
            let note = if inherited { ", inherited from the organisation" } else { "" };
            let (mailbox, protocol) = (mailbox.clone(), Some(protocol));
            reading.facts.push(Fact { line, mailbox, tenant: None, protocol, finding, until: None, note });
        }
        if reading.facts.len() == taken {
            let why = "inherits the organisation's switch, which is not in the file: add the rows of `Get-TransportConfig | Export-Csv`";
            reading.refused.push((line, why.to_owned()));
        }
    }
    Ok(reading)
}

enum Understood {
    Mailbox(String, Vec<Switch>),
    Organisation(Option<bool>),
}

fn understand(row: &[String], header: &Header, known: &BTreeSet<String>) -> Result<Understood, String> {
    let names: Vec<&String> = header
        .mailboxes
        .iter()
        .filter_map(|column| row.get(*column))
        .filter(|name| !name.is_empty())
        .collect();
    let mut switches = Vec::new();
    for (column, protocol, off_value) in &header.switches {
        let value = row.get(*column).ok_or("too few columns")?;
        switches.push((*protocol, boolean(value)?.map(|value| value == *off_value)));
    }
    let called = header.organisation.iter().filter_map(|column| row.get(*column));
    if called.into_iter().any(|name| plain(name) == ORGANISATION) {
        let smtp = switches.iter().find(|(protocol, _)| *protocol == Protocol::Smtp);
        return Ok(Understood::Organisation(smtp.and_then(|(_, off)| *off)));
    }
    if header.mailboxes.is_empty() {
        return Err(
            "no column says whose switch this is: export PrimarySmtpAddress as well, or Name for Get-TransportConfig"
                .to_owned(),
        );
    }
    if names.is_empty() {
        return Err("names no mailbox".to_owned());
    }
    // The name that the configuration knows; else the first, which then names no configured mailbox.
    let mailbox = names.iter().map(|name| name.to_lowercase());
    let mailbox = mailbox
        .clone()
        .find(|name| known.contains(name))
        .or_else(|| mailbox.clone().next())
        .unwrap_or_default();
    Ok(Understood::Mailbox(mailbox, switches))
}

/// A boolean as PowerShell or a spreadsheet writes it, in any of their languages; `None` if the cell is empty.
fn boolean(text: &str) -> Result<Option<bool>, String> {
    match text.to_lowercase().trim_start_matches('$') {
        "" | "null" => Ok(None),
        "true" | "wahr" | "vrai" | "verdadero" | "vero" | "waar" | "verdadeiro" | "prawda" => Ok(Some(true)),
        "false" | "falsch" | "faux" | "falso" | "onwaar" | "fałsz" => Ok(Some(false)),
        _ => Err("expected True, False or nothing".to_owned()),
    }
}
