//! Messages by IMAP: UID SEARCH, FETCH, STORE and EXPUNGE, as far as a round trip uses them.
//!
//! The messages themselves are in `post.rs`. A search looks at UNDELETED and at the first quoted text alone.

use std::io;

use crate::sim::post::Message;
use crate::sim::script::Step;
use crate::sim::session::{Met, Session};

/// The commands at which a fault may be met.
const STEPS: [(&str, Step); 4] =
    [("SEARCH", Step::Search), ("FETCH", Step::Fetch), ("STORE", Step::Store), ("EXPUNGE", Step::Expunge)];

/// Answers a command that begins with `UID`; `rest` is the text after that word.
pub(super) async fn uid(session: &mut Session, rest: &str) -> io::Result<()> {
    let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let word = word.to_ascii_uppercase();
    session.hear(&format!("UID {word}"));
    let Some(account) = session.account.clone() else { return session.say("{tag} BAD No mailbox. 12").await };
    let messages = account.post.messages(&session.folder);
    let step = STEPS.iter().find(|(named, _)| *named == word).map(|(_, step)| *step);
    if let Some(step) = step
        && session.meet(step).await? == Met::Answered
    {
        return Ok(());
    }
    match word.as_str() {
        "SEARCH" => {
            let wanted = rest.split('"').nth(1).unwrap_or_default();
            let undeleted = rest.starts_with("UNDELETED ");
            let fits = |message: &&Message| !(undeleted && message.deleted) && message.text.contains(wanted);
            let found: String =
                messages.iter().filter(fits).map(|message| format!(" {}", message.uid)).collect();
            session.say(&format!("* SEARCH{found}")).await?;
        }
        "FETCH" => {
            let (set, items) = rest.split_once(' ').unwrap_or((rest, ""));
            let uids = numbers(set);
            for (place, message) in
                messages.iter().enumerate().filter(|(_, message)| uids.contains(&message.uid))
            {
                let section =
                    items.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(s, _)| s);
                let number = place + 1;
                let uid = message.uid;
                let data = match part(message, section) {
                    Some(text) => format!("{{{}}}\r\n{text}", text.len()),
                    None => "NIL".to_owned(),
                };
                // Not by `say`, which would take braces in the text for placeholders.
                let line = format!("* {number} FETCH (UID {uid} BODY[{section}]<0> {data})\r\n");
                session.wire.send(line.as_bytes()).await?;
            }
        }
        "STORE" => account.post.delete(&numbers(rest.split(' ').next().unwrap_or_default())),
        "EXPUNGE" => account.post.expunge(&numbers(rest)),
        _ => return session.say("{tag} BAD Command Error. 10").await,
    }
    session.say(&format!("{{tag}} OK {word} completed.")).await
}

fn numbers(set: &str) -> Vec<u32> {
    set.split(',').filter_map(|number| number.parse().ok()).collect()
}

/// The section of a message that FETCH names: header fields, or a part of a delivery report.
fn part(message: &Message, section: &str) -> Option<String> {
    let fields = section.split_once('(').map(|(_, names)| names.trim_end_matches(')'));
    match (message.status, section.split('.').next()?) {
        (Some(_), "HEADER") => {
            Some("Content-Type: multipart/report; report-type=delivery-status\r\n\r\n".to_owned())
        }
        (Some(status), "2") => Some(status.to_owned()),
        (Some(_), "3") => {
            Some(fields.map_or_else(|| message.text.clone(), |names| header(&message.text, names)))
        }
        (None, "HEADER") => Some(header(&message.text, fields?)),
        _ => None,
    }
}

/// The header fields with these names, and the empty line at their end.
fn header(text: &str, names: &str) -> String {
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let mut found = String::new();
    let mut taking = false;
    for line in head.split("\r\n") {
        if !line.starts_with([' ', '\t']) {
            let name = line.split(':').next().unwrap_or_default();
            taking = names.split(' ').any(|wanted| wanted.eq_ignore_ascii_case(name));
        }
        if taking {
            found += line;
            found += "\r\n";
        }
    }
    found + "\r\n"
}
