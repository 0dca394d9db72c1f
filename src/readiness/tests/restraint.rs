//! When no password may be tried any more, or not yet; and what outweighs the calendar.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::{Asker, Readiness};
use super::remembering::{Folder, aged, declare, opt_in, plan, standing};
use crate::model::samples;
use crate::model::{Basic, Check, Mechanism, Plan, Protocol, Reason};

const INTERVAL: Duration = Duration::from_secs(300);
const LOCKED: &str = "535 5.7.139 Authentication unsuccessful, account locked. Contact your administrator.";
const FEDERATED: &str = "535 5.7.139 Authentication unsuccessful, the federated STS service was unreachable.";

/// What an IMAP server at this host that offers these says of passwords.
fn basic(host: &str, offered: &[Mechanism]) -> Basic {
    let mut plan = plan(std::path::Path::new(""));
    plan.policy.state_dir = None;
    for check in &mut plan.checks {
        let mut changed: Check = (**check).clone();
        changed.endpoint.host = host.to_owned();
        *check = Arc::new(changed);
    }
    let readiness = Readiness::open(&plan).unwrap();
    for check in &plan.checks {
        let mut seen = samples::up(check, Timestamp::now());
        seen.server.mechanisms = Some(offered.iter().copied().collect::<BTreeSet<_>>());
        readiness.record(&seen, INTERVAL);
    }
    standing(&readiness, "desk", Protocol::Imap).basic
}

#[test]
fn an_offer_outweighs_the_calendar_only_at_an_own_host() {
    let offered = [Mechanism::Xoauth2, Mechanism::Plain];
    assert_eq!(basic("127.0.0.1", &offered), Basic::Unknown);
    assert_eq!(basic("mail.office365.com.example", &offered), Basic::Unknown);
    assert_eq!(basic("outlook.office365.com", &offered), Basic::Closed);
    assert_eq!(basic("127.0.0.1", &[Mechanism::Xoauth2]), Basic::Closed);
}

#[test]
fn a_mechanism_that_is_not_known_by_name_may_take_passwords() {
    assert_eq!(basic("127.0.0.1", &[Mechanism::Xoauth2, Mechanism::Other]), Basic::Unknown);
    assert_eq!(basic("127.0.0.1", &[Mechanism::Oauthbearer, Mechanism::Xoauth2]), Basic::Closed);
}

/// The tenants of both mailboxes as they are written.
fn written(plan: &mut Plan, tenants: [&str; 2]) {
    for check in &mut plan.checks {
        let tenant = tenants[usize::from(&*check.mailbox.name == "desk")];
        let mut mailbox = (*check.mailbox).clone();
        mailbox.credential = samples::credential(tenant);
        *check = Arc::new(Check { mailbox: Arc::new(mailbox), ..(**check).clone() });
    }
}

#[test]
fn a_tenant_is_stopped_under_every_spelling_of_its_name() {
    let folder = Folder::new();
    let mut plan = plan(&folder.state());
    written(&mut plan, ["Contoso", "contoso"]);
    opt_in(&mut plan);
    let now = Timestamp::now();
    let readiness = aged(&plan);
    let trial = readiness.claim(Asker::Agent, now).unwrap();
    readiness.conclude(&trial, &samples::refused(&trial.check, now, Reason::AccountLocked, LOCKED));
    assert!(readiness.claim(Asker::Agent, now).is_none());
    drop(readiness);
    assert!(Readiness::open(&plan).unwrap().claim(Asker::Agent, now).is_none());
}

#[test]
fn two_spellings_of_a_tenant_share_one_try_a_day() {
    let folder = Folder::new();
    let mut plan = plan(&folder.state());
    written(&mut plan, ["contoso", "other"]);
    for check in &mut plan.checks {
        let mut mailbox = (*check.mailbox).clone();
        mailbox.username = "shared@contoso.example".to_owned();
        *check = Arc::new(Check { mailbox: Arc::new(mailbox), ..(**check).clone() });
    }
    opt_in(&mut plan);
    plan.policy.refusal_tenants.insert("other-tenant".to_owned());
    let readiness = aged(&plan);
    assert!(readiness.claim(Asker::Agent, Timestamp::now()).is_some());
    assert!(readiness.claim(Asker::Agent, Timestamp::now()).is_none());
}

#[test]
fn a_probe_that_meets_a_lock_stops_the_tenant() {
    let folder = Folder::new();
    let mut plan = plan(&folder.state());
    opt_in(&mut plan);
    let now = Timestamp::now();
    let readiness = aged(&plan);
    readiness.record(&samples::refused(&plan.checks[0], now, Reason::AccountLocked, LOCKED), INTERVAL);
    assert!(readiness.claim(Asker::Agent, now).is_none());
    readiness.flush();
    drop(readiness);
    assert!(Readiness::open(&plan).unwrap().claim(Asker::Agent, now).is_none());
}

#[test]
fn a_federated_sign_in_stops_the_tenant_and_is_remembered() {
    let folder = Folder::new();
    let mut plan = plan(&folder.state());
    opt_in(&mut plan);
    let now = Timestamp::now();
    let readiness = aged(&plan);
    let trial = readiness.claim(Asker::Agent, now).unwrap();
    readiness.conclude(&trial, &samples::refused(&trial.check, now, Reason::CredentialsRejected, FEDERATED));
    assert!(readiness.claim(Asker::Agent, now).is_none());
    drop(readiness);
    assert!(Readiness::open(&plan).unwrap().claim(Asker::Agent, now).is_none());
}

#[test]
fn a_new_or_emptied_memory_waits_a_day_before_passwords() {
    let folder = Folder::new();
    let mut plan = plan(&folder.state());
    opt_in(&mut plan);
    let now = Timestamp::now();
    let tomorrow = now + SignedDuration::from_hours(25);
    let readiness = Readiness::open(&plan).unwrap();
    assert!(readiness.claim(Asker::Agent, now).is_none());
    drop(readiness);
    // Its birth is remembered.
    assert!(Readiness::open(&plan).unwrap().claim(Asker::Agent, tomorrow).is_some());
    fs::write(folder.journal(), "").unwrap();
    declare(&mut plan);
    let readiness = Readiness::open(&plan).unwrap();
    assert!(readiness.board(now).memory.contains("could not be read"));
    assert!(readiness.claim(Asker::Agent, now).is_none());
    assert!(readiness.claim(Asker::Agent, tomorrow).is_some());
}

#[test]
fn a_command_tries_no_wrong_password() {
    let folder = Folder::new();
    let mut plan = plan(&folder.state());
    opt_in(&mut plan);
    assert!(aged(&plan).claim(Asker::Command, Timestamp::now()).is_none());
    declare(&mut plan);
    assert!(Readiness::open(&plan).unwrap().claim(Asker::Command, Timestamp::now()).is_some());
    plan.policy.state_dir = None;
    let readiness = Readiness::open(&plan).unwrap();
    assert!(readiness.claim(Asker::Command, Timestamp::now()).is_none());
    assert!(readiness.claim(Asker::Agent, Timestamp::now()).is_some());
}

#[test]
fn evidence_from_the_future_gives_way_to_a_right_clock() {
    let folder = Folder::new();
    let plan = plan(&folder.state());
    let now = Timestamp::now();
    let readiness = Readiness::open(&plan).unwrap();
    for check in &plan.checks {
        readiness.record(&samples::up(check, now + SignedDuration::from_hours(1000)), INTERVAL);
        readiness.record(&samples::up(check, now), INTERVAL);
    }
    let seen = standing(&readiness, "desk", Protocol::Imap);
    assert!(seen.evidence.iter().all(|exhibit| exhibit.evidence.at <= now), "{:?}", seen.evidence);
    assert_eq!(seen.basic, Basic::Closed);
}
