//! The POP3 server when nothing is wrong: what an honest client, and a careless one, are told.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::sim::tests::walk::{Stopped, Walk, token, xoauth2};
use crate::sim::{Fault, Offers, Service, Sim, SimMailbox};

/// An encrypted connection that has been greeted.
async fn greeted(sim: &Sim, mailbox: &SimMailbox) -> Result<Walk, Stopped> {
    let mut walk = Walk::connect(mailbox.pop3_port()).await?;
    walk.secure(sim).await?;
    assert!(walk.line().await?.starts_with("+OK The Microsoft Exchange POP3 service is ready. ["));
    Ok(walk)
}

/// Says one line and reads one.
async fn ask(walk: &mut Walk, line: &str) -> Result<String, Stopped> {
    walk.send(line).await?;
    walk.line().await
}

#[tokio::test]
async fn a_token_in_two_lines_opens_the_maildrop() {
    let sim = Sim::start().await.unwrap();
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    let token = token(&sim, mailbox.app()).await;
    let mut walk = greeted(&sim, &mailbox).await.unwrap();
    assert_eq!(walk.capabilities().await.unwrap(), ["TOP", "UIDL", "SASL XOAUTH2"]);
    assert_eq!(ask(&mut walk, "STAT").await.unwrap(), "-ERR Command is not valid in this state.");
    assert_eq!(ask(&mut walk, "AUTH XOAUTH2").await.unwrap(), "+ ");
    assert!(ask(&mut walk, &xoauth2(mailbox.address(), &token)).await.unwrap().starts_with("+OK"));
    assert_eq!(ask(&mut walk, "STAT").await.unwrap(), "+OK 42 131040");
    assert!(ask(&mut walk, "RETR 1").await.unwrap().starts_with("-ERR"));
    assert!(ask(&mut walk, "QUIT").await.unwrap().starts_with("+OK"));
    assert_eq!(walk.line().await, Err("closed"));
    assert_eq!((mailbox.logins(Service::Pop3), mailbox.mail_attempts()), (1, 1));
}

#[tokio::test]
async fn a_login_in_one_line_is_dropped() {
    let sim = Sim::start().await.unwrap();
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    let mut walk = greeted(&sim, &mailbox).await.unwrap();
    let answer = ask(&mut walk, "AUTH XOAUTH2 dXNlcj1h").await.unwrap();
    assert_eq!(answer, "-ERR Protocol error. Connection is closed. 10");
    assert_eq!(walk.line().await, Err("closed"));
}

#[tokio::test]
async fn passwords_are_taken_where_they_are_offered_and_nowhere_else() {
    let sim = Sim::start().await.unwrap();
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    let password = mailbox.password().to_owned();
    let user = format!("USER {}", mailbox.address());
    let mut walk = greeted(&sim, &mailbox).await.unwrap();
    assert_eq!(ask(&mut walk, &user).await.unwrap(), "+OK");
    assert_eq!(
        ask(&mut walk, &format!("PASS {password}")).await.unwrap(),
        "-ERR Basic authentication is disabled"
    );
    mailbox.set_offers(Offers { passwords: true, ..Offers::default() });
    let mut walk = greeted(&sim, &mailbox).await.unwrap();
    assert!(walk.capabilities().await.unwrap().contains(&"USER".to_owned()));
    assert_eq!(ask(&mut walk, &user).await.unwrap(), "+OK");
    assert!(ask(&mut walk, "PASS wrong").await.unwrap().starts_with("-ERR Logon failure"));
    assert_eq!(ask(&mut walk, &user).await.unwrap(), "+OK");
    assert!(ask(&mut walk, &format!("PASS {password}")).await.unwrap().starts_with("+OK"));
    let plain = STANDARD.encode(format!("\0{}\0{password}", mailbox.address()));
    let mut walk = greeted(&sim, &mailbox).await.unwrap();
    assert_eq!(ask(&mut walk, "AUTH PLAIN").await.unwrap(), "+ ");
    assert!(ask(&mut walk, &plain).await.unwrap().starts_with("+OK"));
}

#[tokio::test]
async fn no_login_works_in_clear_text() {
    let sim = Sim::start().await.unwrap();
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    let mut walk = Walk::connect(mailbox.pop3_starttls_port()).await.unwrap();
    walk.line().await.unwrap();
    assert_eq!(walk.capabilities().await.unwrap(), ["TOP", "UIDL", "STLS"]);
    assert!(ask(&mut walk, "AUTH XOAUTH2 c2VjcmV0").await.unwrap().starts_with("-ERR [AUTH] Plaintext"));
    assert!(ask(&mut walk, "PASS secret").await.unwrap().starts_with("-ERR [AUTH] Plaintext"));
    assert_eq!(mailbox.early_secrets(Service::Pop3), 2);
    assert!(ask(&mut walk, "STLS").await.unwrap().starts_with("+OK"));
    walk.secure(&sim).await.unwrap();
    assert_eq!(walk.capabilities().await.unwrap(), ["TOP", "UIDL", "SASL XOAUTH2"]);
}

/// A fault, what must be among the lines told, and how the walk must end.
const ROWS: &[(Fault, &str, &str)] = &[
    (Fault::None, "+OK 42 131040", "closed"),
    (Fault::SilentGreeting, "", "silence"),
    (Fault::ClosedCapability, "+OK", "closed"),
    (Fault::NoStartTls, "-ERR Protocol error. 14", "no tls"),
    (Fault::TokenRejected, "-ERR Authentication failure: unknown user name or bad password.", "closed"),
    (Fault::TokenRejectedChallenge, "-ERR [AUTH] Authentication failed.", "closed"),
    (Fault::ServerUnavailable, "-ERR [SYS/TEMP] Couldn't sync mailbox.", "closed"),
    (Fault::InjectedPlaintext, "+OK Begin TLS", "tls: injected"),
];

#[tokio::test]
async fn a_fault_shows_by_pop3_as_its_row_says() {
    let sim = Sim::start().await.unwrap();
    for &(fault, line, end) in ROWS {
        let mailbox = sim.mailbox(fault).await.unwrap();
        let token = token(&sim, mailbox.app()).await;
        let mut walk = Walk::connect(mailbox.pop3_starttls_port()).await.unwrap();
        let ended = walk.all(&sim, &mailbox, Service::Pop3, &token).await;
        let is_told = line.is_empty() || walk.told.iter().any(|told| told.contains(line));
        assert!(is_told && ended == end, "{fault:?}: {ended}, {:?}", walk.told);
    }
}
