//! The IMAP server: the part of RFC 3501 that a probe uses, in the words of Exchange Online.
//!
//! `letters.rs` shows and deletes delivered messages; all others are only a number. `session.rs` plays the scripted
//! fault of each step.

use std::io;
use std::sync::atomic::Ordering;

use crate::sim::folders;
use crate::sim::letters;
use crate::sim::login::Wording;
use crate::sim::reading;
use crate::sim::sasl::{self, Mechanism};
use crate::sim::script::{Act, Step};
use crate::sim::session::{HOST, Met, Session, scripted_end};
use crate::sim::wire::LINE_LIMIT;

/// What is offered in every state of a connection.
const BASE: &[&str] = &[
    "IMAP4",
    "IMAP4rev1",
    "SASL-IR",
    "UIDPLUS",
    "MOVE",
    "ID",
    "UNSELECT",
    "CHILDREN",
    "IDLE",
    "NAMESPACE",
    "LITERAL+",
];
/// A client that sends more unknown commands than this is disconnected.
const MAX_UNKNOWN_COMMANDS: usize = 10;
const WORDING: Wording = Wording {
    prompt: "+ ",
    accepted: "{tag} OK AUTHENTICATE completed.",
    malformed: "{tag} BAD Command Argument Error. 12",
    aborted: "{tag} BAD Authentication aborted by client.",
    wrong_token: "{tag} NO AUTHENTICATE failed.",
    wrong_password: "{tag} NO AUTHENTICATE failed.",
    passwords_off: "{tag} NO Basic authentication is disabled.",
};
const LOGIN_WORDING: Wording =
    Wording { accepted: "{tag} OK LOGIN completed.", wrong_password: "{tag} NO LOGIN failed.", ..WORDING };
const BEFORE_TLS: &str =
    "{tag} NO [PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.";
const WRONG_STATE: &str = "{tag} BAD Command received in Invalid state.";
const NOT_UNDERSTOOD: &str = "{tag} BAD Command Error. 10";
const BAD_ARGUMENT: &str = "{tag} BAD Command Argument Error. 11";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    LoggedOut,
    LoggedIn,
}

/// Serves one connection to its end.
pub(super) async fn serve(session: &mut Session, implicit_tls: bool) -> io::Result<()> {
    if implicit_tls {
        session.secure().await?;
    }
    greet(session).await?;
    let mut state = State::LoggedOut;
    let mut unknown_commands = 0;
    while let Some(line) = session.wire.line().await? {
        let (tag, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
        let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        tag.clone_into(&mut session.tag);
        let word = word.to_ascii_uppercase();
        match word.as_str() {
            "CAPABILITY" => capability(session).await?,
            "STARTTLS" => start_tls(session).await?,
            "AUTHENTICATE" if state == State::LoggedOut => {
                if authenticate(session, rest).await? {
                    state = State::LoggedIn;
                }
            }
            "LOGIN" if state == State::LoggedOut => {
                if login(session, rest).await? {
                    state = State::LoggedIn;
                }
            }
            "SELECT" | "EXAMINE" if state == State::LoggedIn => select(session, &word, rest).await?,
            "STATUS" | "SEARCH" | "FETCH" if state == State::LoggedIn => {
                reading::answer(session, &word, rest).await?;
            }
            "LIST" if state == State::LoggedIn => folders::list(session, rest).await?,
            "UID" if state == State::LoggedIn => letters::uid(session, rest).await?,
            "CLOSE" | "UNSELECT" if state == State::LoggedIn => {
                session.hear(&word);
                session.say(&format!("{{tag}} OK {word} completed.")).await?;
            }
            "AUTHENTICATE" | "LOGIN" | "SELECT" | "EXAMINE" | "STATUS" | "SEARCH" | "FETCH" | "LIST"
            | "CLOSE" | "UNSELECT" => {
                session.hear(&word);
                session.say(WRONG_STATE).await?;
            }
            "NOOP" => {
                session.hear(&word);
                session.say("{tag} OK NOOP completed.").await?;
            }
            "ID" => {
                session.hear(&word);
                let id = "* ID (\"name\" \"Microsoft.Exchange.Imap4.Imap4Server\" \"version\" \"15.20\")";
                session.say(id).await?;
                session.say("{tag} OK ID completed").await?;
            }
            "LOGOUT" => return logout(session).await,
            _ => {
                // An unknown command may be a misplaced secret: its words are not kept.
                session.hear("?");
                unknown_commands += 1;
                if unknown_commands > MAX_UNKNOWN_COMMANDS {
                    session.say("* BYE Connection closed. 14").await?;
                    return session.end().await;
                }
                session.say(NOT_UNDERSTOOD).await?;
            }
        }
    }
    session.end().await
}

async fn greet(session: &mut Session) -> io::Result<()> {
    if session.meet(Step::Greeting).await? == Met::Answered {
        return Ok(());
    }
    // Exchange Online names its front end in the greeting, as base64 of UTF-16LE.
    let wide: Vec<u8> = HOST.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let list = match session.offers().in_greeting {
        true => format!("[CAPABILITY {}] ", offered(session).join(" ")),
        false => String::new(),
    };
    let greeting =
        format!("* OK {list}The Microsoft Exchange IMAP4 service is ready. [{}]", sasl::encode(wide));
    session.say(&greeting).await
}

/// The capabilities that are offered in the present state.
fn offered(session: &Session) -> Vec<&'static str> {
    let secured = session.wire.secured();
    let offers = session.offers();
    if let Some(mechanism) = offers.sasl {
        let name = match mechanism {
            "XOAUTH2" => "AUTH=XOAUTH2",
            "OAUTHBEARER" => "AUTH=OAUTHBEARER",
            "PLAIN" => "AUTH=PLAIN",
            _ => "AUTH=LOGIN",
        };
        return vec!["IMAP4rev1", "LOGINDISABLED", if secured { name } else { "STARTTLS" }];
    }
    if let Some(Act::Offer(words)) = session.act(Step::Capability) {
        return words.iter().copied().filter(|&word| !(secured && word == "STARTTLS")).collect();
    }
    let mut words = BASE.to_vec();
    if !secured {
        words.push("STARTTLS");
    }
    if offers.esearch {
        words.push("ESEARCH");
    }
    if let Some(account) = &session.account {
        words.extend(account.post.folders().offered());
    }
    if secured || offers.without_tls {
        if !offers.no_xoauth2 {
            words.push("AUTH=XOAUTH2");
        }
        if offers.oauthbearer {
            words.push("AUTH=OAUTHBEARER");
        }
        if offers.passwords {
            words.extend(["AUTH=PLAIN", "AUTH=LOGIN"]);
        }
    }
    if !(offers.passwords && (secured || offers.without_tls)) {
        words.push("LOGINDISABLED");
    }
    words
}

async fn capability(session: &mut Session) -> io::Result<()> {
    session.hear("CAPABILITY");
    if session.meet(Step::Capability).await? == Met::Answered {
        return Ok(());
    }
    let words = offered(session).join(" ");
    session.say(&format!("* CAPABILITY {words}\r\n{{tag}} OK CAPABILITY completed.")).await
}

async fn start_tls(session: &mut Session) -> io::Result<()> {
    session.hear("STARTTLS");
    if session.wire.secured() || !offered(session).contains(&"STARTTLS") {
        return session.say(NOT_UNDERSTOOD).await;
    }
    if session.meet(Step::StartTls).await? == Met::Answered {
        return Ok(());
    }
    session.say_go_ahead("{tag} OK Begin TLS negotiation now.").await?;
    if !session.secure().await? {
        session.wire.ignore_first().await?;
        session.say("* BAD Command Error. 10").await?;
    }
    Ok(())
}

/// Whether the client is logged in afterwards.
async fn authenticate(session: &mut Session, rest: &str) -> io::Result<bool> {
    let (name, initial) = rest.split_once(' ').map_or((rest, None), |(name, initial)| (name, Some(initial)));
    let mechanism = Mechanism::named(name);
    session.hear(&format!("AUTHENTICATE {}", mechanism.map_or("?", Mechanism::name)));
    if refused_before_tls(session, initial.is_some()).await? {
        return Ok(false);
    }
    let words = offered(session);
    let is_offered = |mechanism: &Mechanism| words.contains(&format!("AUTH={}", mechanism.name()).as_str());
    match mechanism {
        // Exchange Online takes PLAIN and LOGIN even if it does not offer them, and answers that they are switched off.
        Some(mechanism) if is_offered(&mechanism) || !mechanism.is_bearer() => {
            session.authenticate(mechanism, initial, &WORDING).await
        }
        _ => session.say("{tag} NO [ALERT] Unsupported authentication mechanism.").await.map(|()| false),
    }
}

/// Whether the client is logged in afterwards.
async fn login(session: &mut Session, rest: &str) -> io::Result<bool> {
    session.hear("LOGIN");
    let arguments = arguments(session, rest).await?;
    if refused_before_tls(session, true).await? {
        return Ok(false);
    }
    match arguments.as_deref() {
        Some([user, secret]) => {
            session.sent.blob.clone_from(secret);
            session.decide(&sasl::password(user, secret), &LOGIN_WORDING).await
        }
        _ => session.say(BAD_ARGUMENT).await.map(|()| false),
    }
}

/// Refuses a login without TLS if TLS is required, and counts a secret that came with it. Whether it was refused.
async fn refused_before_tls(session: &mut Session, with_secret: bool) -> io::Result<bool> {
    if session.wire.secured() || session.offers().without_tls {
        return Ok(false);
    }
    if with_secret {
        session.ledger().early_secrets.fetch_add(1, Ordering::SeqCst);
    }
    session.say(BEFORE_TLS).await.map(|()| true)
}

async fn select(session: &mut Session, word: &str, rest: &str) -> io::Result<()> {
    let arguments = arguments(session, rest).await?;
    let Some([folder]) = arguments.as_deref() else {
        session.hear(word);
        return session.say(BAD_ARGUMENT).await;
    };
    session.hear(&format!("{word} {folder}"));
    session.folder.clone_from(folder);
    if session.meet(Step::Select).await? == Met::Answered {
        return Ok(());
    }
    let folders = session.account.as_ref().map(|account| account.post.folders()).unwrap_or_default();
    if !folders.has(folder) {
        return session.say("{tag} NO Mailbox doesn't exist: {folder}").await;
    }
    let access = if word == "SELECT" { "READ-WRITE" } else { "READ-ONLY" };
    let messages = session.account.as_ref().map_or(0, |account| account.messages());
    let next = u64::from(messages) + 1;
    let unseen = reading::first_unread(session)
        .map_or_else(String::new, |place| format!("* OK [UNSEEN {place}] Is the first unseen message\r\n"));
    session
        .say(&format!(
            "* {messages} EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $MDNSent)\r\n\
             * OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $MDNSent)] Permanent flags\r\n\
             {unseen}* OK [UIDVALIDITY 14] UIDVALIDITY value\r\n* OK [UIDNEXT {next}] The next unique identifier value\r\n\
             {{tag}} OK [{access}] {word} completed."
        ))
        .await
}

async fn logout(session: &mut Session) -> io::Result<()> {
    session.hear("LOGOUT");
    session.meet(Step::Goodbye).await?;
    session
        .say("* BYE Microsoft Exchange Server IMAP4 server signing off.\r\n{tag} OK LOGOUT completed.")
        .await?;
    session.end().await
}

/// The arguments of a command: atoms, quoted strings, literals; `None` when they are malformed.
async fn arguments(session: &mut Session, rest: &str) -> io::Result<Option<Vec<String>>> {
    let mut found = Vec::new();
    let mut rest = rest.to_owned();
    let mut size = 0;
    while !rest.is_empty() {
        let (value, after) = if let Some(quoted) = rest.strip_prefix('"') {
            match unquote(quoted) {
                Some(parts) => parts,
                None => return Ok(None),
            }
        } else if let Some(literal) = rest.strip_prefix('{') {
            let Some(count) = literal.strip_suffix('}') else { return Ok(None) };
            let waits = !count.ends_with('+');
            let Ok(count) = count.trim_end_matches('+').parse::<usize>() else { return Ok(None) };
            if waits {
                session.say("+ Ready for additional command text.").await?;
            }
            let value = String::from_utf8_lossy(&session.wire.exactly(count).await?).into_owned();
            (value, session.wire.line().await?.ok_or_else(scripted_end)?)
        } else {
            let end = rest.find(' ').unwrap_or(rest.len());
            let (atom, after) = rest.split_at(end);
            (atom.to_owned(), after.to_owned())
        };
        size += value.len() + 1;
        if size > LINE_LIMIT {
            return Ok(None);
        }
        found.push(value);
        rest = match after.strip_prefix(' ') {
            Some(after) => after.to_owned(),
            None if after.is_empty() => after,
            None => return Ok(None),
        };
    }
    Ok(Some(found))
}

/// A quoted string after its first quote, and what follows it.
fn unquote(quoted: &str) -> Option<(String, String)> {
    let mut value = String::new();
    let mut letters = quoted.chars();
    loop {
        match letters.next()? {
            '"' => return Some((value, letters.as_str().to_owned())),
            '\\' => value.push(letters.next().filter(|c| matches!(c, '"' | '\\'))?),
            other => value.push(other),
        }
    }
}
