//! Passwords tried on purpose: what they show, and every rule that keeps them from doing harm.

use mailbox_exporter::model::WRONG_PASSWORD;
use mailbox_exporter::sim::Fault;

use crate::readiness::board::{Fleet, passwords_shown, takes_passwords};

const DECLARED: &str = "readiness: { password_login: declared }\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_password_that_is_taken_proves_open() {
    let mut fleet = Fleet::new().await;
    for (file, checks) in [("pw0", "[imap]"), ("pw1", "[smtp]")] {
        let keys = format!("password: {{ file: {file} }}, checks: {checks}");
        let mailbox = fleet.exchange(Fault::None, &keys).await;
        takes_passwords(&mailbox);
        fleet.file(file, mailbox.password());
    }
    fleet.top = format!("state_dir: state\n{DECLARED}");
    let board = fleet.round();
    // On IMAP against what the calendar says: passwords came back.
    for (mailbox, protocol) in [("m0", "imap"), ("m1", "smtp")] {
        assert_eq!(board.finding(mailbox, protocol, "password_login").unwrap(), "accepted");
        assert_eq!(
            (board.basic(mailbox, protocol), board.state(mailbox, protocol)),
            ("open".into(), "dual".into())
        );
    }
    for password in fleet.passwords() {
        assert!(!board.said.contains(password) && !board.json.to_string().contains(password));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_refused_by_policy_proves_closed_a_wrong_one_not() {
    let mut fleet = Fleet::new().await;
    fleet.exchange(Fault::None, "password: { file: pw }, checks: [smtp]").await;
    takes_passwords(&fleet.exchange(Fault::None, "password: { file: pw }, checks: [smtp]").await);
    fleet.file("pw", "not the password");
    fleet.top = format!("state_dir: state\n{DECLARED}");
    let board = fleet.round();
    assert_eq!(board.finding("m0", "smtp", "password_login").unwrap(), "policy_refuses");
    assert_eq!(board.state("m0", "smtp"), "decommissioned");
    assert_eq!(board.finding("m1", "smtp", "password_login").unwrap(), "undecided");
    assert_eq!(board.basic("m1", "smtp"), "unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_tried_unless_asked_for() {
    let mut fleet = Fleet::new().await;
    let mailbox = fleet.exchange(Fault::None, "password: { file: pw }").await;
    takes_passwords(&mailbox);
    fleet.file("pw", mailbox.password());
    let board = fleet.round();
    assert_eq!(passwords_shown(&mailbox), 0);
    assert_eq!(board.basic("m0", "smtp"), "unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_password_is_tried_once_a_day_across_restarts() {
    let mut fleet = Fleet::new().await;
    let mailbox = fleet.exchange(Fault::None, "password: { file: pw }, checks: [smtp]").await;
    takes_passwords(&mailbox);
    fleet.file("pw", mailbox.password());
    fleet.top = format!("state_dir: state\n{DECLARED}");
    for _ in 0..3 {
        let board = fleet.round();
        assert_eq!(board.basic("m0", "smtp"), "open", "remembered");
    }
    assert_eq!(passwords_shown(&mailbox), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_password_tells_open_from_closed_once_a_day() {
    let mut fleet = Fleet::new().await;
    let open = fleet.exchange(Fault::None, "checks: [smtp]").await;
    takes_passwords(&open);
    let closed = fleet.exchange(Fault::None, "").await;
    fleet.top = fleet.refusal();
    for _ in 0..3 {
        let board = fleet.agent_round().await;
        assert_eq!(board.finding("m0", "smtp", "refusal").unwrap(), "reached");
        assert_eq!((board.basic("m0", "smtp"), board.state("m0", "smtp")), ("open".into(), "dual".into()));
        assert_eq!(board.finding("m1", "smtp", "refusal").unwrap(), "policy_refuses");
        assert_eq!(board.state("m1", "smtp"), "decommissioned");
        assert!(!board.said.contains(WRONG_PASSWORD));
    }
    assert_eq!((passwords_shown(&open), passwords_shown(&closed)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_password_is_never_tried_without_the_tenants_opt_in() {
    let mut fleet = Fleet::new().await;
    let mailbox = fleet.exchange(Fault::None, "").await;
    takes_passwords(&mailbox);
    for top in [
        String::new(),
        "state_dir: state\nreadiness: { password_login: refusal }\n".to_owned(),
        "state_dir: state\nreadiness: { password_login: refusal, refusal_tenants: [another] }\n".to_owned(),
        format!(
            "state_dir: state\nreadiness: {{ password_login: declared, refusal_tenants: [{}] }}\n",
            fleet.tenant()
        ),
    ] {
        fleet.top = top;
        fleet.agent_round().await;
        assert_eq!(passwords_shown(&mailbox), 0, "{}", fleet.top);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_password_is_tried_only_where_passwords_are_offered() {
    let mut fleet = Fleet::new().await;
    let mailbox = fleet.generic("checks: [imap]").await;
    fleet.top = fleet.refusal();
    let board = fleet.agent_round().await;
    assert_eq!(board.finding("m0", "imap", "offer").unwrap(), "not_offered");
    assert_eq!(passwords_shown(&mailbox), 0);
    // The rule, and not its being unable: where a way is offered, it is tried.
    let offering = fleet.generic("checks: [imap]").await;
    takes_passwords(&offering);
    fleet.agent_round().await;
    assert_eq!((passwords_shown(&mailbox), passwords_shown(&offering)), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_stops_all_passwords_of_its_tenant() {
    let mut fleet = Fleet::new().await;
    let locked = fleet.exchange(Fault::AccountLocked, "checks: [smtp]").await;
    let next = fleet.exchange(Fault::None, "checks: [smtp], password: { file: pw }").await;
    takes_passwords(&next);
    fleet.file("pw", next.password());
    fleet.top = fleet.refusal();
    for _ in 0..2 {
        let board = fleet.agent_round().await;
        // The ordinary probe met the lock: no password is tried even once.
        assert_eq!(board.finding("m0", "smtp", "refusal"), None);
        assert_eq!(board.json["stopped_tenants"][0]["tenant"], fleet.tenant());
    }
    assert_eq!((passwords_shown(&locked), passwords_shown(&next)), (0, 0));
    // The operator has looked into it, and says so.
    locked.set_fault(Fault::None);
    let opted_in = std::mem::replace(&mut fleet.top, "state_dir: state\n".to_owned());
    fleet.agent_round().await;
    fleet.top = opted_in;
    fleet.agent_round().await;
    assert_eq!(passwords_shown(&next), 1 + 1, "its own password, and the wrong one");
    assert_eq!(passwords_shown(&locked), 1, "the wrong one");
}
