//! What the servers' answers prove, and what they do not.

use mailbox_exporter::sim::Fault;

use crate::readiness::board::{Fleet, takes_passwords};
use crate::support::folder::Folder;
use crate::support::process::{Program, run};

#[tokio::test(flavor = "multi_thread")]
async fn an_imap_server_without_password_logins_is_closed() {
    let mut fleet = Fleet::new().await;
    fleet.generic("checks: [imap]").await;
    takes_passwords(&fleet.generic("checks: [imap]").await);
    let board = fleet.round();
    // AUTH=XOAUTH2 LOGINDISABLED.
    assert_eq!(board.finding("m0", "imap", "offer").unwrap(), "not_offered");
    assert_eq!(
        (board.basic("m0", "imap"), board.state("m0", "imap")),
        ("closed".into(), "decommissioned".into())
    );
    assert_eq!(board.finding("m1", "imap", "offer").unwrap(), "offered");
    assert_eq!((board.basic("m1", "imap"), board.state("m1", "imap")), ("unknown".into(), "dual".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_smtp_server_that_lists_login_proves_nothing() {
    let mut fleet = Fleet::new().await;
    fleet.exchange(Fault::None, "").await;
    let board = fleet.round();
    assert_eq!(board.finding("m0", "smtp", "offer").unwrap(), "offered");
    assert_eq!((board.basic("m0", "smtp"), board.state("m0", "smtp")), ("unknown".into(), "dual".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_listed_before_tls_proves_nothing() {
    let mut fleet = Fleet::new().await;
    let mailbox = fleet.generic("checks: [imap]").await;
    takes_passwords(&mailbox);
    let file = fleet.configure();
    // The clear-text port lists LOGINDISABLED until TLS stands, and then the handshake fails.
    let text = std::fs::read_to_string(&file).unwrap();
    let clear = format!("port: {}, tls: starttls", mailbox.imap_starttls_port());
    let text = text.replace(&format!("port: {}, tls: implicit", mailbox.imap_port()), &clear);
    mailbox.set_fault(Fault::CertificateExpired);
    std::fs::write(&file, text).unwrap();
    let json = run(&["readiness", "--output", "json"], Some(&file)).json();
    let standing = &json["mailboxes"][0];
    assert_eq!(
        (&standing["basic"], &standing["state"]),
        (&"unknown".into(), &"unknown".into()),
        "{standing}"
    );
    assert!(standing["evidence"].as_array().unwrap().is_empty(), "{standing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calendar_closes_imap_at_exchange_and_dates_smtp() {
    let mut fleet = Fleet::new().await;
    fleet.exchange(Fault::None, "").await;
    takes_passwords(&fleet.exchange(Fault::None, "checks: [imap]").await);
    let board = fleet.round();
    assert_eq!(board.state("m0", "imap"), "decommissioned");
    assert_eq!(board.state("m1", "imap"), "dual", "a server of one's own that offers passwords");
    assert_eq!(board.finding("m0", "imap", "calendar").unwrap(), "removed");
    assert_eq!(board.finding("m0", "smtp", "calendar"), None);
    assert_eq!(board.standing("m0", "smtp")["deadline"]["date"], "2026-12-31");
    assert_eq!(board.standing("m0", "smtp")["deadline"]["kind"], "default_off");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_of_ones_own_takes_the_place_of_the_shipped_one() {
    let mut fleet = Fleet::new().await;
    let mailbox = fleet.exchange(Fault::None, "").await;
    takes_passwords(&mailbox);
    let provider = fleet.provider(&mailbox);
    fleet.file(
        "calendar.yaml",
        format!("- {{ provider: {provider}, protocol: smtp, kind: removal, date: 2020-01-01 }}\n- {{ provider: exchange_online, protocol: imap, kind: default_off, date: 2020-01-01 }}\n"),
    );
    fleet.top = "readiness: { calendar: calendar.yaml }\n".to_owned();
    let board = fleet.round();
    assert_eq!(board.basic("m0", "smtp"), "closed", "a removal of this provider has come");
    assert_eq!(board.basic("m0", "imap"), "unknown", "default_off closes nothing");
    assert_eq!(board.json["calendar"].as_array().unwrap().len(), 2);
}

#[test]
fn a_closed_password_is_replaced_and_no_oauth_is_mended() {
    let folder = Folder::new();
    let removal = "- { provider: own, protocol: imap, kind: removal, date: 2020-01-01 }\n";
    folder.write("calendar.yaml", removal);
    let file = folder.write(
        "config.yaml",
        "credentials: { old: { type: password, password: { env: OLD } } }\n\
         providers: { own: { imap: { host: 127.0.0.1, port: 9 } } }\n\
         mailboxes: [{ name: desk, address: desk@contoso.example, provider: own, credential: old, checks: [imap] }]\n\
         readiness: { calendar: calendar.yaml }\n",
    );
    let run = Program::new(&["readiness", "--output", "json"]).config(&file).env("OLD", "old-pass").run();
    let advice = "desk logs in by password, which is closed here. Give the mailbox a credential with a token";
    assert!(run.stdout.contains(advice) && !run.stdout.contains("Mend OAuth"), "{}", run.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn submission_is_blocked_by_either_of_its_switches() {
    let mut fleet = Fleet::new().await;
    fleet.exchange(Fault::SmtpAuthDisabledTenant, "").await;
    fleet.exchange(Fault::SmtpAuthDisabledMailbox, "").await;
    let board = fleet.round();
    for mailbox in ["m0", "m1"] {
        assert_eq!(board.basic(mailbox, "smtp"), "closed");
        assert_eq!(board.state(mailbox, "smtp"), "blocked");
        let next = board.standing(mailbox, "smtp")["next"].as_str().unwrap();
        assert!(next.contains("-SmtpClientAuthenticationDisabled $false"), "{next}");
        assert_eq!(board.state(mailbox, "imap"), "decommissioned", "IMAP is not touched");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_at_risk_and_an_unreached_server_unknown() {
    let mut fleet = Fleet::new().await;
    fleet.exchange(Fault::TokenRejected, "").await;
    fleet.exchange(Fault::Refused, "").await;
    fleet.exchange(Fault::Throttled, "").await;
    let board = fleet.round();
    assert_eq!((board.state("m0", "smtp"), board.state("m0", "imap")), ("at_risk".into(), "blocked".into()));
    for mailbox in ["m1", "m2"] {
        assert_eq!(board.state(mailbox, "smtp"), "unknown", "what passes says nothing about OAuth");
    }
    let score = &board.json["tenants"][0];
    assert_eq!(score["checks"]["smtp"]["at_risk"], 1);
    assert_eq!(score["checks"]["smtp"]["ready"], 0, "every state is counted, also at 0");
}
