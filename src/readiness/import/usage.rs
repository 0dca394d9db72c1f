//! Who still uses passwords: written by hand, or the SMTP AUTH clients report of Exchange as it is exported.
//!
//! A sender who is not in the report is not thereby unused: it looks back a week, and somebody's printer sends
//! once a quarter.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::{Finding, Plan, Protocol};

use super::table::{Table, plain};
use super::{Fact, Reading};

/// What the column with the mailbox is called, by people and by the report in its languages.
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
const USE: &[&str] = &["use", "used", "usage", "state", "status", "password", "passwords"];
const UNTIL: &[&str] = &["until", "validuntil", "expires", "bis"];

/// Where the columns are that make a file by hand.
struct ByHand {
    mailbox: usize,
    protocol: Option<usize>,
    usage: usize,
    until: Option<usize>,
}

/// Where those of the report are.
struct Report {
    sender: usize,
    /// The way of logging in, or counts of messages sent by password.
    login: Option<usize>,
}

pub(super) fn read(table: &Table, _: &Plan) -> Result<Reading, String> {
    let Some(((_, header), rows)) = table.rows.split_first() else { return Err("holds no rows".to_owned()) };
    let names: Vec<String> = header.iter().map(|name| plain(name)).collect();
    let column = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
    if let Some((mailbox, usage)) = column(MAILBOX).zip(column(USE)) {
        let columns = ByHand { mailbox, protocol: column(PROTOCOL), usage, until: column(UNTIL) };
        return Ok(collect(rows, |line, row| by_hand(line, row, &columns)));
    }
    if by_hand(1, header, &POSITIONS).is_ok() {
        return Ok(collect(&table.rows, |line, row| by_hand(line, row, &POSITIONS)));
    }
    let report = Report {
        sender: column(MAILBOX).or_else(|| filled_with(rows, |value| value.contains('@'))).ok_or(
            "has neither the columns mailbox, protocol, used|unused, until nor a column of sender addresses",
        )?,
        // Its name in any language speaks of authentication; else its values tell.
        login: names
            .iter()
            .position(|name| {
                name.contains("authprotocol") || name.contains("authentic") || name.contains("authentif")
            })
            .or_else(|| names.iter().position(|name| name.contains("basic")))
            .or_else(|| filled_with(rows, |value| in_words(&plain(value)).is_some())),
    };
    Ok(collect(rows, |line, row| reported(line, row, &report)))
}

/// Without a header: mailbox, protocol, used or unused, until.
const POSITIONS: ByHand = ByHand { mailbox: 0, protocol: Some(1), usage: 2, until: Some(3) };

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

/// The column in which more than half of the rows have a value of that kind.
fn filled_with(rows: &[(usize, Vec<String>)], kind: impl Fn(&str) -> bool) -> Option<usize> {
    let widest = rows.iter().map(|(_, row)| row.len()).max().unwrap_or(0);
    (0..widest).find(|column| {
        let fits = rows.iter().filter(|(_, row)| row.get(*column).is_some_and(|value| kind(value))).count();
        fits * 2 > rows.len()
    })
}

fn by_hand(line: usize, row: &[String], columns: &ByHand) -> Result<Fact, String> {
    let field = |column: usize| row.get(column).map_or("", String::as_str);
    let whom = whom(field(columns.mailbox))?;
    let protocol = match columns.protocol.map(field).unwrap_or_default().to_lowercase().as_str() {
        "" | "*" | "all" | "any" => None,
        name => Some(Protocol::from_label(name).ok_or_else(|| {
            let known: Vec<_> = Protocol::ALL.iter().map(|protocol| protocol.label()).collect();
            format!("the protocol is none of {}", known.join(", "))
        })?),
    };
    let finding = match field(columns.usage).to_lowercase().as_str() {
        "used" | "yes" | "true" | "seen" => Finding::Used,
        "unused" | "no" | "false" | "none" => Finding::Unused,
        _ => return Err("expected used or unused".to_owned()),
    };
    let until = match columns.until.map(field).unwrap_or_default() {
        "" => None,
        text => Some(until(text).ok_or("until is a date like 2027-03-01")?),
    };
    Ok(Fact { line, whom, protocol, finding, until, note: "" })
}

fn reported(line: usize, row: &[String], report: &Report) -> Result<Fact, String> {
    let field = |column: usize| row.get(column).map_or("", String::as_str);
    let whom = whom(field(report.sender))?;
    if !whom.contains('@') {
        return Err("the sender is no mail address".to_owned());
    }
    let (used, note) = match report.login {
        Some(login) => {
            let value = field(login);
            (by_password(value).ok_or("the way of logging in is neither Basic nor OAuth")?, "")
        }
        // Better one mailbox too many on the list than one switched off in use.
        None => (true, ": the report does not tell passwords from OAuth"),
    };
    let finding = if used { Finding::Used } else { Finding::Unused };
    Ok(Fact { line, whom, protocol: Some(Protocol::Smtp), finding, until: None, note })
}

/// Whether a value of the login column speaks of a password; a number counts messages sent by one.
fn by_password(value: &str) -> Option<bool> {
    let value = plain(value);
    value.parse::<u64>().ok().map(|messages| messages > 0).or_else(|| in_words(&value))
}

fn in_words(value: &str) -> Option<bool> {
    let any = |words: &[&str]| words.iter().any(|word| value.contains(word));
    let basic = any(&["basic", "básic", "basis", "standardauth", "base", "legacy", "podstawow"]);
    (basic || any(&["oauth", "modern"])).then_some(basic)
}

fn whom(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("names no mailbox".to_owned());
    }
    Ok(text.to_lowercase())
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
