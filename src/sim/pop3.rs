//! The POP3 server: RFC 1939, RFC 2449 and RFC 5034 as far as a probe walks, in the words of Exchange Online.
//!
//! Gives no message away and deletes none: RETR, TOP and DELE are refused and counted. Faults are met at each
//! step by `session.rs`.

use std::io;
use std::sync::atomic::Ordering;

use crate::sim::login::Wording;
use crate::sim::sasl::{self, Mechanism};
use crate::sim::script::{Act, Step};
use crate::sim::session::{HOST, Met, Session, scripted_end};

/// What is offered in every state of a connection.
const BASE: &[&str] = &["TOP", "UIDL"];
/// A client that sends more unknown commands than this is disconnected.
const MAX_UNKNOWN_COMMANDS: usize = 10;
/// Bytes of every message.
const OCTETS: u64 = 3_120;
const WORDING: Wording = Wording {
    prompt: "+ ",
    accepted: "+OK User successfully authenticated.",
    malformed: "-ERR Protocol error. 19",
    aborted: "-ERR Authentication aborted by client.",
    wrong_token: "-ERR Authentication failure: unknown user name or bad password.",
    wrong_password: "-ERR Logon failure: unknown user name or bad password.",
    passwords_off: "-ERR Basic authentication is disabled",
};
const BEFORE_TLS: &str =
    "-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.";
const WRONG_STATE: &str = "-ERR Command is not valid in this state.";
const NOT_UNDERSTOOD: &str = "-ERR Protocol error. 14";

/// Serves one connection to its end.
pub(super) async fn serve(session: &mut Session, implicit_tls: bool) -> io::Result<()> {
    if implicit_tls {
        session.secure().await?;
    }
    greet(session).await?;
    let (mut inside, mut user) = (false, None);
    let mut unknown_commands = 0;
    while let Some(line) = session.wire.line().await? {
        let (word, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
        let word = word.to_ascii_uppercase();
        match word.as_str() {
            "CAPA" => capability(session).await?,
            "STLS" if !inside => start_tls(session).await?,
            "AUTH" if !inside => inside = auth(session, rest).await?,
            "USER" if !inside => user = name(session, rest).await?,
            "PASS" if !inside => inside = pass(session, user.take(), rest).await?,
            "STAT" if inside => stat(session).await?,
            "NOOP" if inside => {
                session.hear(&word);
                session.say("+OK").await?;
            }
            "RETR" | "TOP" | "DELE" => {
                session.hear(&word);
                session.ledger().mail_attempts.fetch_add(1, Ordering::SeqCst);
                session.say("-ERR No message is given away here").await?;
            }
            "QUIT" => {
                session.hear(&word);
                session.meet(Step::Goodbye).await?;
                session.say("+OK Microsoft Exchange Server POP3 server signing off.").await?;
                return session.end().await;
            }
            "STLS" | "AUTH" | "USER" | "PASS" | "STAT" | "NOOP" => {
                session.hear(&word);
                session.say(WRONG_STATE).await?;
            }
            _ => {
                // A line that is not understood may be a misplaced secret, so its words are not kept.
                session.hear("?");
                unknown_commands += 1;
                if unknown_commands > MAX_UNKNOWN_COMMANDS {
                    session.say("-ERR Protocol error. Connection is closed. 10").await?;
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
    // Exchange Online names its front end so: base64 of UTF-16LE.
    let wide: Vec<u8> = HOST.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let greeting = format!("+OK The Microsoft Exchange POP3 service is ready. [{}]", sasl::encode(wide));
    session.say(&greeting).await
}

/// The lines offered now.
fn offered(session: &Session) -> Vec<String> {
    let secured = session.wire.secured();
    if let Some(mechanism) = session.offers().sasl {
        return vec![if secured { format!("SASL {mechanism}") } else { "STLS".to_owned() }];
    }
    if let Some(Act::Offer(lines)) = session.act(Step::Capability) {
        return lines
            .iter()
            .filter(|&&line| !(secured && line == "STLS"))
            .map(|&line| line.to_owned())
            .collect();
    }
    let offers = session.offers();
    let mut lines: Vec<String> = BASE.iter().map(|&line| line.to_owned()).collect();
    if !secured {
        lines.push("STLS".to_owned());
    }
    if secured || offers.without_tls {
        let also = [(offers.passwords, " PLAIN LOGIN"), (offers.oauthbearer, " OAUTHBEARER")];
        let also: String = also.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
        let bearer = if offers.no_xoauth2 { "" } else { " XOAUTH2" };
        lines.push(format!("SASL{bearer}{also}"));
        if offers.passwords {
            lines.push("USER".to_owned());
        }
    }
    lines
}

async fn capability(session: &mut Session) -> io::Result<()> {
    session.hear("CAPA");
    if session.meet(Step::Capability).await? == Met::Answered {
        return Ok(());
    }
    let lines = offered(session).join("\r\n");
    session.say(&format!("+OK\r\n{lines}\r\n.")).await
}

async fn start_tls(session: &mut Session) -> io::Result<()> {
    session.hear("STLS");
    if session.wire.secured() || !offered(session).iter().any(|line| line == "STLS") {
        return session.say(NOT_UNDERSTOOD).await;
    }
    if session.meet(Step::StartTls).await? == Met::Answered {
        return Ok(());
    }
    session.say_go_ahead("+OK Begin TLS negotiation now.").await?;
    if !session.secure().await? {
        session.wire.ignore_first().await?;
        session.say(NOT_UNDERSTOOD).await?;
    }
    Ok(())
}

async fn auth(session: &mut Session, rest: &str) -> io::Result<bool> {
    let (name, initial) = rest.split_once(' ').map_or((rest, None), |(name, initial)| (name, Some(initial)));
    let mechanism = Mechanism::named(name);
    session.hear(&format!("AUTH {}", mechanism.map_or("?", Mechanism::name)));
    if refused_before_tls(session, initial.is_some()).await? {
        return Ok(false);
    }
    if initial.is_some() {
        // Exchange Online drops a client that says everything in one line.
        session.say("-ERR Protocol error. Connection is closed. 10").await?;
        return session.end().await;
    }
    let lines = offered(session);
    let names = lines.iter().find_map(|line| line.strip_prefix("SASL ")).unwrap_or_default();
    let is_offered = |mechanism: &Mechanism| names.split(' ').any(|name| name == mechanism.name());
    match mechanism {
        // Exchange Online knows PLAIN well enough to say that it is switched off.
        Some(mechanism) if is_offered(&mechanism) || !mechanism.is_bearer() => {
            session.authenticate(mechanism, None, &WORDING).await
        }
        _ => session.say(NOT_UNDERSTOOD).await.map(|()| false),
    }
}

async fn name(session: &mut Session, user: &str) -> io::Result<Option<String>> {
    session.hear("USER");
    if refused_before_tls(session, false).await? {
        return Ok(None);
    }
    session.say("+OK").await?;
    Ok(Some(user.to_owned()))
}

async fn pass(session: &mut Session, user: Option<String>, secret: &str) -> io::Result<bool> {
    session.hear("PASS");
    if refused_before_tls(session, true).await? {
        return Ok(false);
    }
    let Some(user) = user else { return session.say(WRONG_STATE).await.map(|()| false) };
    secret.clone_into(&mut session.sent.blob);
    session.decide(&sasl::password(&user, secret), &WORDING).await
}

/// Refuses a login in clear text, and counts a secret that came with it.
async fn refused_before_tls(session: &mut Session, with_secret: bool) -> io::Result<bool> {
    if session.wire.secured() || session.offers().without_tls {
        return Ok(false);
    }
    if with_secret {
        session.ledger().early_secrets.fetch_add(1, Ordering::SeqCst);
    }
    session.say(BEFORE_TLS).await.map(|()| true)
}

async fn stat(session: &mut Session) -> io::Result<()> {
    session.hear("STAT");
    if session.meet(Step::Select).await? == Met::Answered {
        return Ok(());
    }
    let messages = session.account.as_ref().ok_or_else(scripted_end)?.messages();
    session.say(&format!("+OK {messages} {}", u64::from(messages) * OCTETS)).await
}
