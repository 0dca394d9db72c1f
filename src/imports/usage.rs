//! Who still uses passwords: written by hand, or the SMTP AUTH clients report of Exchange as it is exported.
//!
//! Only a column that names the way of logging in says that a sender uses OAuth; without that column every sender
//! counts as seen. A sender that is not in the report is not thereby unused: the report looks back a week, and a
//! printer may send once a quarter.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::{Finding, Plan, Protocol};

use super::signins::SignIns;
use super::table::{Table, plain};
use super::{Fact, Reading, kind, login, named};

/// The names of the mailbox column: those that people write, and the report's in its languages.
const MAILBOX: &[&str] = &[
    "mailbox",
    "address",
    "email",
    "emailaddress",
    "user",
    "username",
    "userprincipalname",
    "upn",
    "account",
    "primarysmtpaddress",
    "sender",
    "senderaddress",
    "absender",
    "absenderadresse",
    "expéditeur",
    "adressedelexpéditeur",
    "adresseexpéditeur",
    "remitente",
    "direccióndelremitente",
    "direcciónderemitente",
    "mittente",
    "indirizzomittente",
    "indirizzodelmittente",
    "afzender",
    "afzenderadres",
    "adresvanafzender",
    "remetente",
    "endereçodoremetente",
    "nadawca",
    "adresnadawcy",
    "送信者アドレス",
    "发件人地址",
];
const PROTOCOL: &[&str] = &["protocol", "protokoll", "protocole", "protocolo", "protocollo"];
/// The names of the column with the answer, …
const USE: &[&str] = &["use", "used", "usage", "password", "passwords"];
/// … and names that count only where the values leave no doubt: other tables have such columns too.
const STATE: &[&str] = &["state", "status"];
const UNTIL: &[&str] = &["until", "validuntil", "expires", "bis"];
const TENANT: &[&str] = &["tenant", "tenantid"];

/// Where the columns are that make a file by hand.
struct ByHand {
    mailbox: usize,
    protocol: Option<usize>,
    usage: usize,
    /// Whether yes and no count besides used and unused.
    loose: bool,
    until: Option<usize>,
    tenant: Option<usize>,
}

/// Where those of the report are.
struct Report {
    sender: usize,
    login: Option<login::Column>,
}

/// Nothing in a header: mailbox, protocol, used or unused, until, tenant.
const POSITIONS: ByHand =
    ByHand { mailbox: 0, protocol: Some(1), usage: 2, loose: true, until: Some(3), tenant: Some(4) };

pub(super) fn read(table: &Table, _: &Plan) -> Result<Reading, String> {
    let Some(((_, header), rows)) = table.rows.split_first() else { return Err("holds no rows".to_owned()) };
    if let Some(log) = SignIns::of(header) {
        return Ok(log.read(table));
    }
    if let Some(what) = kind::of_header(header) {
        return Err(what.to_owned());
    }
    let names: Vec<String> = header.iter().map(|name| plain(name)).collect();
    let column = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
    let answer = column(USE).map(|usage| (usage, true)).or_else(|| column(STATE).map(|usage| (usage, false)));
    if let Some((mailbox, (usage, loose))) = column(MAILBOX).zip(answer) {
        let columns = ByHand {
            mailbox,
            protocol: column(PROTOCOL),
            usage,
            loose,
            until: column(UNTIL),
            tenant: column(TENANT),
        };
        let answers = |(_, row): &(usize, Vec<String>)| {
            row.get(usage).is_some_and(|text| answer_of(text, loose).is_some())
        };
        if !rows.is_empty() && !rows.iter().any(answers) {
            return Err(format!(
                "is something else: its column {:?} says neither used nor unused in any row",
                header.get(usage).map_or("", String::as_str)
            ));
        }
        return Ok(collect(rows, |line, row| by_hand(line, row, &columns)));
    }
    if by_hand(1, header, &POSITIONS).is_ok() {
        return Ok(collect(&table.rows, |line, row| by_hand(line, row, &POSITIONS)));
    }
    let report = Report {
        sender: column(MAILBOX).or_else(|| addresses(rows)).ok_or(
            "has neither the columns mailbox, protocol, used|unused, until nor a column of sender addresses",
        )?,
        login: login::Column::of(&names, rows),
    };
    Ok(collect(rows, |line, row| reported(line, row, &report)))
}

fn collect(
    rows: &[(usize, Vec<String>)],
    read: impl Fn(usize, &[String]) -> Result<Fact, String>,
) -> Reading {
    let mut reading = Reading::default();
    for (line, row) in rows {
        match read(*line, row) {
            Ok(fact) => reading.facts.push(fact),
            Err(why) => reading.refused.push((*line, why)),
        }
    }
    reading
}

/// The column in which more than half of the rows have an address.
fn addresses(rows: &[(usize, Vec<String>)]) -> Option<usize> {
    let widest = rows.iter().map(|(_, row)| row.len()).max().unwrap_or(0);
    (0..widest).find(|column| {
        let has = |row: &Vec<String>| row.get(*column).is_some_and(|value| value.contains('@'));
        rows.iter().filter(|(_, row)| has(row)).count() * 2 > rows.len()
    })
}

fn by_hand(line: usize, row: &[String], columns: &ByHand) -> Result<Fact, String> {
    let field = |column: usize| row.get(column).map_or("", String::as_str);
    let mailbox = named(field(columns.mailbox))?;
    let protocol = match columns.protocol.map(field).unwrap_or_default().to_lowercase().as_str() {
        "" | "*" | "all" | "any" => None,
        name => Some(Protocol::of_mail().find(|protocol| protocol.label() == name).ok_or_else(|| {
            let known: Vec<_> = Protocol::of_mail().map(Protocol::label).collect();
            format!("the protocol is not one of {}", known.join(", "))
        })?),
    };
    let finding = answer_of(field(columns.usage), columns.loose).ok_or("expected used or unused")?;
    let until = match columns.until.map(field).unwrap_or_default() {
        "" => None,
        text => Some(until(text).ok_or("until is a date like 2027-03-01")?),
    };
    let tenant = columns.tenant.map(field).filter(|tenant| !tenant.is_empty()).map(str::to_lowercase);
    Ok(Fact { line, mailbox, tenant, protocol, finding, until, note: "" })
}

fn answer_of(text: &str, loose: bool) -> Option<Finding> {
    match text.to_lowercase().as_str() {
        "used" | "seen" => Some(Finding::Used),
        "unused" => Some(Finding::Unused),
        "yes" | "true" if loose => Some(Finding::Used),
        "no" | "false" | "none" if loose => Some(Finding::Unused),
        _ => None,
    }
}

fn reported(line: usize, row: &[String], report: &Report) -> Result<Fact, String> {
    let field = |column: usize| row.get(column).map_or("", String::as_str);
    let mailbox = named(field(report.sender))?;
    if !mailbox.contains('@') {
        return Err("the sender is not a mail address".to_owned());
    }
    let by_password = report.login.as_ref().map(|login| login.by_password(row));
    let (finding, note) = match by_password {
        Some(Some(true)) => (Finding::Used, ""),
        Some(Some(false)) => (Finding::Unused, ""),
        Some(None) => return Err("the way of logging in is neither Basic nor OAuth".to_owned()),
        // Better one mailbox too many on the list than one switched off in use.
        None => (Finding::SignedIn, ": the report does not tell passwords from OAuth"),
    };
    Ok(Fact { line, mailbox, tenant: None, protocol: Some(Protocol::Smtp), finding, until: None, note })
}

/// The start of a day in UTC, or a moment.
fn until(text: &str) -> Option<Timestamp> {
    const DATE: usize = "2027-03-01".len();
    if text.len() > DATE {
        return text.parse().ok();
    }
    let date: Date = text.parse().ok().filter(|_| text.len() == DATE)?;
    date.to_zoned_datetime(TimeZone::UTC).ok().map(|start| start.timestamp())
}
