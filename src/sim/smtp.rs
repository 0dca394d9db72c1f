//! The SMTP submission server: RFC 5321 and RFC 4954 as far as a probe walks, in the words of Exchange Online.
//!
//! Takes mail only for the mailbox that `post.rs` knows a way to; RCPT and DATA are counted, and refused otherwise. Faults are met at each step by `session.rs`.

use std::io;
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use crate::sim::login::Wording;
use crate::sim::sasl::Mechanism;
use crate::sim::script::{Act, Step};
use crate::sim::session::{HOST, Met, Session};
use crate::sim::wire::LINE_LIMIT;

/// What is offered in every state of a connection.
const BASE: &[&str] = &[
    "SIZE 157286400",
    "PIPELINING",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "8BITMIME",
    "BINARYMIME",
    "CHUNKING",
    "SMTPUTF8",
];
/// A client that sends more unknown commands than this is disconnected.
const MAX_UNKNOWN_COMMANDS: usize = 10;
const WORDING: Wording = Wording {
    prompt: "334 ",
    accepted: "235 2.7.0 Authentication successful",
    malformed: "501 5.5.124 Invalid XOAUTH2 auth data [{host} {when} {id}]",
    aborted: "501 5.7.0 Authentication aborted",
    wrong_token: "535 5.7.3 Authentication unsuccessful [{host} {when} {id}]",
    wrong_password: "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect. [{host} {when} {id}]",
    passwords_off: "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [{host} {when} {id}]",
};
const BEFORE_TLS: &str = "530 5.7.0 Must issue a STARTTLS command first";
const WRONG_STATE: &str = "503 5.5.1 Bad sequence of commands";
const BAD_ARGUMENT: &str = "501 5.5.4 Invalid arguments";
const NOT_UNDERSTOOD: &str = "500 5.3.3 Unrecognized command [{host} {when} {id}]";

/// What has happened so far.
#[derive(Default)]
struct State {
    greeted: bool,
    logged_in: bool,
    sender: bool,
    recipient: bool,
}

/// Serves one connection to its end.
pub(super) async fn serve(session: &mut Session, implicit_tls: bool) -> io::Result<()> {
    if implicit_tls {
        session.secure().await?;
    }
    greet(session).await?;
    let mut state = State::default();
    let mut unknown_commands = 0;
    while let Some(line) = session.wire.line().await? {
        let (word, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
        let word = word.to_ascii_uppercase();
        match word.as_str() {
            "EHLO" | "HELO" => {
                session.hear(&word);
                state = State { greeted: true, logged_in: state.logged_in, sender: false, recipient: false };
                hello(session, &word, rest).await?;
            }
            "STARTTLS" => {
                if start_tls(session).await? {
                    state = State::default();
                }
            }
            "AUTH" => auth(session, rest, &mut state).await?,
            "MAIL" => mail(session, rest, &mut state).await?,
            "RCPT" | "DATA" | "BDAT" => {
                session.hear(&word);
                session.ledger().mail_attempts.fetch_add(1, Ordering::SeqCst);
                match word.as_str() {
                    "RCPT" => recipient(session, rest, &mut state).await?,
                    "DATA" if state.recipient => data(session, &mut state).await?,
                    _ => session.say(WRONG_STATE).await?,
                }
            }
            "RSET" => {
                session.hear(&word);
                (state.sender, state.recipient) = (false, false);
                session.say("250 2.0.0 Resetting").await?;
            }
            "NOOP" => {
                session.hear(&word);
                session.say("250 2.0.0 OK").await?;
            }
            "QUIT" => {
                session.hear(&word);
                session.meet(Step::Goodbye).await?;
                session.say("221 2.0.0 Service closing transmission channel").await?;
                return session.end().await;
            }
            _ => {
                // A line that is not understood may be a misplaced secret, so its words are not kept.
                session.hear("?");
                unknown_commands += 1;
                if unknown_commands > MAX_UNKNOWN_COMMANDS {
                    session
                        .say("421 4.7.0 Too many errors on this connection, closing transmission channel")
                        .await?;
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
    let date = Timestamp::now().strftime("%a, %-d %b %Y %H:%M:%S +0000");
    session.say(&format!("220 {HOST} Microsoft ESMTP MAIL Service ready at {date} [{{id}}]")).await
}

/// The lines offered now.
fn offered(session: &Session) -> Vec<String> {
    let secured = session.wire.secured();
    let offers = session.offers();
    if let Some(mechanism) = offers.sasl {
        return vec![if secured { format!("AUTH {mechanism}") } else { "STARTTLS".to_owned() }];
    }
    let scripted = match session.act(Step::Capability) {
        Some(Act::Offer(lines)) => Some(lines),
        _ => None,
    };
    let mut lines: Vec<String> = scripted.unwrap_or(BASE).iter().map(|&line| line.to_owned()).collect();
    if scripted.is_none() {
        lines.push("STARTTLS".to_owned());
        let also = [(offers.passwords, " PLAIN"), (offers.oauthbearer, " OAUTHBEARER")];
        let also: String = also.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
        let bearer = if offers.no_xoauth2 { "" } else { " XOAUTH2" };
        lines.push(format!("AUTH LOGIN{bearer}{also}"));
    }
    // STARTTLS goes with TLS, and AUTH comes with it; a server without STARTTLS has nothing to wait for.
    let waits = !secured && !offers.without_tls && lines.iter().any(|line| line == "STARTTLS");
    let is_hidden = |line: &str| (secured && line == "STARTTLS") || (waits && line.starts_with("AUTH "));
    lines.retain(|line| !is_hidden(line));
    lines
}

async fn hello(session: &mut Session, word: &str, name: &str) -> io::Result<()> {
    if name.is_empty() {
        return session.say("501 5.5.4 Invalid domain name").await;
    }
    if session.meet(Step::Capability).await? == Met::Answered {
        return Ok(());
    }
    let hello = format!("{HOST} Hello [127.0.0.1]");
    if word == "HELO" {
        return session.say(&format!("250 {hello}")).await;
    }
    let mut lines = vec![hello];
    lines.extend(offered(session));
    let last = lines.len() - 1;
    let reply: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| format!("250{}{line}", if at == last { ' ' } else { '-' }))
        .collect();
    session.say(&reply.join("\r\n")).await
}

/// `true` when TLS is up and everything before it is forgotten.
async fn start_tls(session: &mut Session) -> io::Result<bool> {
    session.hear("STARTTLS");
    if !offered(session).iter().any(|line| line == "STARTTLS") {
        return session.say("502 5.5.1 Command not implemented").await.map(|()| false);
    }
    if session.meet(Step::StartTls).await? == Met::Answered {
        return Ok(false);
    }
    session.say_go_ahead("220 2.0.0 SMTP server ready").await?;
    let secured = session.secure().await?;
    if !secured {
        session.wire.ignore_first().await?;
        session.say(NOT_UNDERSTOOD).await?;
    }
    Ok(secured)
}

async fn auth(session: &mut Session, rest: &str, state: &mut State) -> io::Result<()> {
    let (name, initial) = rest.split_once(' ').map_or((rest, None), |(name, initial)| (name, Some(initial)));
    let mechanism = Mechanism::named(name);
    session.hear(&format!("AUTH {}", mechanism.map_or("?", Mechanism::name)));
    if !state.greeted || state.logged_in {
        return session.say(WRONG_STATE).await;
    }
    if !session.wire.secured() && !session.offers().without_tls {
        if initial.is_some() {
            session.ledger().early_secrets.fetch_add(1, Ordering::SeqCst);
        }
        return session.say(BEFORE_TLS).await;
    }
    let lines = offered(session);
    let Some(names) = lines.iter().find_map(|line| line.strip_prefix("AUTH ")) else {
        return session.say("503 5.5.1 Error: authentication not enabled").await;
    };
    match mechanism.filter(|mechanism| names.split(' ').any(|name| name == mechanism.name())) {
        Some(mechanism) => {
            state.logged_in = session.authenticate(mechanism, initial, &WORDING).await?;
            Ok(())
        }
        None => session.say("504 5.7.4 Unrecognized authentication type [{host} {when} {id}]").await,
    }
}

async fn mail(session: &mut Session, rest: &str, state: &mut State) -> io::Result<()> {
    session.hear("MAIL FROM");
    if !state.logged_in {
        return session.say("530 5.7.57 Client not authenticated to send mail. [{host} {when} {id}]").await;
    }
    if state.sender {
        return session.say("503 5.5.2 Sender already specified").await;
    }
    let prefix = rest.get(..5).filter(|prefix| prefix.eq_ignore_ascii_case("FROM:"));
    let path = prefix.and_then(|_| rest.get(5..)).map(str::trim_start);
    let Some((sender, _)) =
        path.and_then(|path| path.strip_prefix('<')).and_then(|path| path.split_once('>'))
    else {
        return session.say(BAD_ARGUMENT).await;
    };
    if session.meet(Step::Sender).await? == Met::Answered {
        return Ok(());
    }
    let is_own = session.account.as_ref().is_some_and(|account| account.address.eq_ignore_ascii_case(sender));
    if !is_own {
        return session
            .say("550 5.7.60 SMTP; Client does not have permissions to send as this sender [{host}]")
            .await;
    }
    state.sender = true;
    session.say("250 2.1.0 Sender OK").await
}

async fn recipient(session: &mut Session, rest: &str, state: &mut State) -> io::Result<()> {
    let address =
        rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path);
    let taken = session.account.as_ref().is_some_and(|account| account.post.takes(address));
    if !state.sender || !taken {
        return session.say("550 5.7.1 No mail is taken here").await;
    }
    if session.meet(Step::Recipient).await? == Met::Answered {
        return Ok(());
    }
    state.recipient = true;
    session.say("250 2.1.5 Recipient OK").await
}

/// The message, RFC 5321 section 4.5.2.
async fn data(session: &mut Session, state: &mut State) -> io::Result<()> {
    session.say("354 Start mail input; end with <CRLF>.<CRLF>").await?;
    let mut text = String::new();
    while let Some(line) = session.wire.line().await? {
        if line == "." {
            (state.sender, state.recipient) = (false, false);
            if session.meet(Step::Content).await? == Met::Answered {
                return Ok(());
            }
            if let Some(account) = &session.account {
                account.post.take(text);
            }
            return session.say("250 2.0.0 OK <{id}@sim> [Hostname={host}] Queued mail for delivery").await;
        }
        if text.len() < LINE_LIMIT {
            text += line.strip_prefix('.').unwrap_or(&line);
            text += "\r\n";
        }
    }
    Ok(())
}
