//! Which logins the servers accept and refuse, and what the ledger remembers of both.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::sim::tests::walk::{Walk, form, token, token_answer, xoauth2};
use crate::sim::{Fault, Offers, Service, Sim, SimMailbox, TokenFault, TokenOutcome};

/// A connection over TLS, greeted.
async fn inside(sim: &Sim, port: u16) -> Walk {
    let mut walk = Walk::connect(port).await.unwrap();
    walk.secure(sim).await.unwrap();
    walk.line().await.unwrap();
    walk
}

async fn imap_answer(sim: &Sim, mailbox: &SimMailbox, command: &str) -> String {
    inside(sim, mailbox.imap_port()).await.ask("a1", command).await.unwrap()
}

async fn smtp_answer(sim: &Sim, mailbox: &SimMailbox, command: &str) -> String {
    let mut walk = inside(sim, mailbox.smtp_tls_port()).await;
    walk.ask("", "EHLO probe").await.unwrap();
    walk.ask("", command).await.unwrap()
}

#[tokio::test]
async fn a_right_token_opens_its_mailbox_and_no_other() {
    let sim = Sim::start().await.unwrap();
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    let stranger = sim.mailbox(Fault::None).await.unwrap();
    let right = token(&sim, mailbox.app()).await;
    let user = mailbox.username();
    for (user, token, is_right) in [
        (user.as_str(), right.as_str(), true),
        (stranger.address(), right.as_str(), false),
        (user.as_str(), &token(&sim, stranger.app()).await, false),
        (user.as_str(), "made.up.token", false),
    ] {
        let blob = xoauth2(user, token);
        let imap = imap_answer(&sim, &mailbox, &format!("AUTHENTICATE XOAUTH2 {blob}")).await;
        assert_eq!(
            imap,
            if is_right { "a1 OK AUTHENTICATE completed." } else { "a1 NO AUTHENTICATE failed." }
        );
        let smtp = smtp_answer(&sim, &mailbox, &format!("AUTH XOAUTH2 {blob}")).await;
        assert!(smtp.starts_with(if is_right { "235 2.7.0 " } else { "535 5.7.3 " }), "{smtp}");
    }
    assert_eq!((mailbox.logins(Service::Imap), mailbox.logins(Service::Smtp)), (1, 1));
    assert_eq!(stranger.connections(Service::Imap).total, 0);
}

#[tokio::test]
async fn nonsense_is_called_nonsense() {
    let sim = Sim::start().await.unwrap();
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    for blob in ["!!!!".to_owned(), STANDARD.encode("user=a"), "=".to_owned()] {
        let imap = imap_answer(&sim, &mailbox, &format!("AUTHENTICATE XOAUTH2 {blob}")).await;
        assert_eq!(imap, "a1 BAD Command Argument Error. 12");
        let smtp = smtp_answer(&sim, &mailbox, &format!("AUTH XOAUTH2 {blob}")).await;
        assert!(smtp.starts_with("501 5.5.124 Invalid XOAUTH2 auth data"), "{smtp}");
    }
    assert_eq!(
        imap_answer(&sim, &mailbox, "SELECT INBOX").await,
        "a1 BAD Command received in Invalid state."
    );
    assert!(smtp_answer(&sim, &mailbox, "MAIL FROM:<a@b.example>").await.starts_with("530 5.7.57"));
}

#[tokio::test]
async fn an_expired_or_revoked_token_opens_nothing() {
    let sim = Sim::start().await.unwrap();
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    let app = mailbox.app();
    let blob = |token: &str| format!("AUTHENTICATE XOAUTH2 {}", xoauth2(mailbox.address(), token));
    app.set_lifetime(Duration::ZERO, None);
    let expired = token(&sim, app).await;
    assert_eq!(imap_answer(&sim, &mailbox, &blob(&expired)).await, "a1 NO AUTHENTICATE failed.");
    app.set_lifetime(Duration::from_secs(3600), None);
    let revoked = token(&sim, app).await;
    assert_eq!(imap_answer(&sim, &mailbox, &blob(&revoked)).await, "a1 OK AUTHENTICATE completed.");
    app.revoke_tokens();
    assert_eq!(imap_answer(&sim, &mailbox, &blob(&revoked)).await, "a1 NO AUTHENTICATE failed.");
}

#[tokio::test]
async fn passwords_open_a_mailbox_only_where_it_takes_them() {
    let sim = Sim::start().await.unwrap();
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    let (user, password) = (mailbox.username(), mailbox.password().to_owned());
    let plain = |password: &str| STANDARD.encode(format!("\0{user}\0{password}"));
    let off = imap_answer(&sim, &mailbox, &format!("LOGIN {user} {password}")).await;
    assert_eq!(off, "a1 NO Basic authentication is disabled.");
    assert!(
        smtp_answer(&sim, &mailbox, &format!("AUTH PLAIN {}", plain(&password)))
            .await
            .starts_with("504 5.7.4")
    );
    mailbox.set_offers(Offers {
        passwords: true,
        oauthbearer: true,
        without_tls: false,
        ..Offers::default()
    });
    for (command, answer) in [
        (format!("LOGIN {user} \"{password}\""), "a1 OK LOGIN completed."),
        (format!("LOGIN {user} wrong"), "a1 NO LOGIN failed."),
        (format!("AUTHENTICATE PLAIN {}", plain(&password)), "a1 OK AUTHENTICATE completed."),
        (format!("AUTHENTICATE PLAIN {}", plain("wrong")), "a1 NO AUTHENTICATE failed."),
    ] {
        assert_eq!(imap_answer(&sim, &mailbox, &command).await, answer);
    }
    let mut walk = inside(&sim, mailbox.smtp_tls_port()).await;
    walk.ask("", "EHLO probe").await.unwrap();
    assert_eq!(walk.ask("", "AUTH LOGIN").await.unwrap(), "334 VXNlcm5hbWU6");
    assert_eq!(walk.ask("", &STANDARD.encode(&user)).await.unwrap(), "334 UGFzc3dvcmQ6");
    assert!(walk.ask("", &STANDARD.encode(&password)).await.unwrap().starts_with("235 "));
    let token = token(&sim, mailbox.app()).await;
    let blob = STANDARD.encode(format!("n,a={user},\u{1}host=localhost\u{1}auth=Bearer {token}\u{1}\u{1}"));
    let answer = imap_answer(&sim, &mailbox, &format!("AUTHENTICATE OAUTHBEARER {blob}")).await;
    assert_eq!(answer, "a1 OK AUTHENTICATE completed.");
}

#[tokio::test]
async fn what_comes_before_tls_is_refused_and_counted() {
    let sim = Sim::start().await.unwrap();
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    let mut imap = Walk::connect(mailbox.imap_starttls_port()).await.unwrap();
    imap.line().await.unwrap();
    assert!(imap.ask("a1", "LOGIN user password").await.unwrap().starts_with("a1 NO [PRIVACYREQUIRED]"));
    let mut smtp = Walk::connect(mailbox.smtp_port()).await.unwrap();
    smtp.line().await.unwrap();
    smtp.ask("", "EHLO probe").await.unwrap();
    assert!(!smtp.told.iter().any(|line| line.contains("AUTH")), "{:?}", smtp.told);
    assert!(smtp.ask("", "AUTH XOAUTH2 abc").await.unwrap().starts_with("530 5.7.0"));
    assert_eq!((mailbox.early_secrets(Service::Imap), mailbox.early_secrets(Service::Smtp)), (1, 1));
}

#[tokio::test]
async fn a_mailbox_remembers_what_it_was_told_but_no_secret() {
    let sim = Sim::start().await.unwrap();
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    let token = token(&sim, mailbox.app()).await;
    for service in Service::ALL {
        let port = match service {
            Service::Imap => mailbox.imap_starttls_port(),
            Service::Smtp => mailbox.smtp_port(),
            Service::Pop3 => mailbox.pop3_starttls_port(),
        };
        Walk::connect(port).await.unwrap().all(&sim, &mailbox, service, &token).await;
    }
    let words = |service| -> Vec<String> {
        mailbox
            .heard(service)
            .iter()
            .map(|heard| format!("{}{}", if heard.tls { "" } else { "~" }, heard.words))
            .collect()
    };
    let imap = ["~CAPABILITY", "~STARTTLS", "CAPABILITY", "AUTHENTICATE XOAUTH2", "SELECT INBOX", "LOGOUT"];
    assert_eq!(words(Service::Imap), imap);
    assert_eq!(
        words(Service::Smtp),
        ["~EHLO", "~STARTTLS", "EHLO", "AUTH XOAUTH2", "MAIL FROM", "RSET", "QUIT"]
    );
    assert_eq!(words(Service::Pop3), ["~CAPA", "~STLS", "CAPA", "AUTH XOAUTH2", "STAT", "QUIT"]);
    assert_eq!(mailbox.mail_attempts(), 0);
    let seen = mailbox.connections(Service::Imap);
    assert_eq!((seen.total, seen.highest), (1, 1));
}

#[tokio::test]
async fn the_identity_provider_checks_what_it_is_asked() {
    let sim = Sim::start().await.unwrap();
    let app = sim.app();
    let good = form(&app, sim.scope());
    let (tenant, scope) = (app.tenant.as_str(), "https%3A%2F%2Foutlook.office365.com%2F.default");
    for (tenant, form, code) in [
        ("elsewhere", good.clone(), 90_002),
        (tenant, good.replace("client_credentials", "password"), 70_003),
        (tenant, good.replace("grant_type", "grant"), 900_144),
        (tenant, good.replace(scope, "openid"), 1_002_012),
        (tenant, good.replace("sim8Q", "wrong"), 7_000_215),
        (tenant, good.replace("client_secret", "secret"), 7_000_218),
        (tenant, good.replace(&app.client_id, "absent"), 700_016),
    ] {
        let answer = token_answer(&sim, tenant, "", &form).await;
        assert!(answer.contains(&format!("\"error_codes\":[{code}]")), "{code}: {answer}");
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let answer = token_answer(&sim, tenant, "Content-Type: application/json\r\n", &good).await;
    assert!(answer.contains("'client_id'"), "{answer}");
    let id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    let pair = STANDARD.encode(format!("{}:{}", app.client_id, app.secret.replace('~', "%7E")));
    let headers = format!("Authorization: Basic {pair}\r\nClient-Request-Id: {id}\r\n");
    let answer =
        token_answer(&sim, tenant, &headers, &format!("grant_type=client_credentials&scope={scope}")).await;
    assert!(answer.contains("\"access_token\":\"eyJ"), "{answer}");
    app.set_fault(Some(TokenFault::SecretExpired));
    let answer = token_answer(&sim, tenant, &headers, &good).await;
    assert!(answer.contains(&format!("\"correlation_id\":\"{id}\"")), "{answer}");
    let seen = app.requests();
    let outcomes: Vec<_> = seen.iter().map(|seen| seen.outcome).collect();
    assert_eq!(
        outcomes[outcomes.len() - 2..],
        [TokenOutcome::Issued, TokenOutcome::Fault(TokenFault::SecretExpired)]
    );
    assert!(
        seen.last().is_some_and(|seen| seen.basic_header && seen.client_request_id.as_deref() == Some(id))
    );
}

#[tokio::test]
async fn a_token_has_the_claims_and_the_length_of_a_real_one() {
    let sim = Sim::start().await.unwrap();
    let app = sim.app();
    let token = token(&sim, &app).await;
    assert!((1200..2500).contains(&token.len()), "{}", token.len());
    let payload = token.split('.').nth(1).unwrap();
    let claims: serde_json::Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert_eq!(claims["aud"], "https://outlook.office365.com");
    assert_eq!(
        (claims["tid"].as_str(), claims["appid"].as_str()),
        (Some(&*app.tenant), Some(&*app.client_id))
    );
    assert_eq!(claims["roles"][2], "SMTP.SendAsApp");
    for name in ["iss", "oid", "exp", "nbf", "iat", "uti", "ver", "idtyp"] {
        assert!(claims.get(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn many_mailboxes_share_two_ports_and_keep_their_faults_apart() {
    let sim = Sim::start().await.unwrap();
    let app = sim.app();
    let mailboxes = sim.mailboxes_on_one_port(&app, 2000).await.unwrap();
    let (sick, well) = (&mailboxes[41], &mailboxes[1999]);
    assert_eq!((sick.address(), well.imap_port()), ("user0042@contoso.example", sick.imap_port()));
    sick.set_fault(Fault::TokenRejected);
    let token = token(&sim, &app).await;
    for (mailbox, start) in [(sick, "a1 NO"), (well, "a1 OK")] {
        let blob = xoauth2(mailbox.address(), &token);
        let answer = imap_answer(&sim, mailbox, &format!("AUTHENTICATE XOAUTH2 {blob}")).await;
        assert!(answer.starts_with(start), "{answer}");
    }
    let logins: Vec<usize> = [sick, well].map(|mailbox| mailbox.logins(Service::Imap)).to_vec();
    assert_eq!(logins, [0, 1]);
    assert_eq!(well.server_connections(Service::Imap).total, 2);
    assert_eq!(well.connections(Service::Imap).total, 1);
}

#[tokio::test]
async fn a_fault_can_come_and_go() {
    let sim = Sim::start().await.unwrap();
    let mailbox = sim.mailbox(Fault::Refused).await.unwrap();
    let port = mailbox.imap_port();
    assert_eq!(Walk::connect(port).await.err(), Some("connect: refused"));
    for (fault, is_open) in [(Fault::None, true), (Fault::Refused, false), (Fault::TokenRejected, true)] {
        mailbox.set_fault(fault);
        // The port follows a moment later; a port that does not follow at all ends the test by its count.
        let mut tries = 0;
        while Walk::connect(port).await.is_ok() != is_open {
            tries += 1;
            assert!(tries < 10_000, "{fault:?}");
            tokio::task::yield_now().await;
        }
    }
    mailbox.set_fault(Fault::Token(TokenFault::SecretExpired));
    assert_eq!(mailbox.app().fault(), Some(TokenFault::SecretExpired));
    mailbox.set_fault(Fault::None);
    assert_eq!(mailbox.app().fault(), None);
}

#[tokio::test]
async fn everything_ends_with_the_simulator() {
    let sim = Sim::start().await.unwrap();
    let mailbox = sim.mailbox(Fault::SilentGreeting).await.unwrap();
    let mut walk = Walk::connect(mailbox.imap_starttls_port()).await.unwrap();
    drop(sim);
    assert!(["closed", "reset"].contains(&walk.line().await.unwrap_err()));
    let mut tries = 0;
    while Walk::connect(mailbox.imap_starttls_port()).await.is_ok() {
        tries += 1;
        assert!(tries < 10_000, "the port is still open");
        tokio::task::yield_now().await;
    }
}
