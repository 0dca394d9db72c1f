//! What survives: a restart, a crash, a torn line, a changed mailbox; and what is tried only once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::super::{Asker, Readiness, StoreError};
use crate::imports::{self, Topic};
use crate::model::samples;
use crate::model::{
    Basic, Expectation, Finding, PasswordLogin, Plan, Protocol, Reason, SecretRef, Signal, Standing, State,
};

const INTERVAL: Duration = Duration::from_secs(300);

/// A directory of this test's own, gone with it.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("readiness-{}", Uuid::new_v4()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.state().join("readiness.journal")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

pub(super) fn plan(state: &Path) -> Plan {
    let contoso = samples::credential("contoso");
    let mailboxes = [samples::mailbox("invoices", &contoso), samples::mailbox("desk", &contoso)];
    let mut plan = samples::plan(&mailboxes);
    plan.policy.state_dir = Some(state.to_owned());
    plan
}

pub(super) fn standing(readiness: &Readiness, mailbox: &str, protocol: Protocol) -> Standing {
    let board = readiness.board(Timestamp::now());
    let found =
        board.standings.into_iter().find(|s| &*s.name.mailbox == mailbox && s.name.protocol == protocol);
    found.unwrap()
}

pub(super) fn see(readiness: &Readiness, plan: &Plan, ago: SignedDuration) {
    for check in &plan.checks {
        readiness.record(&samples::up(check, Timestamp::now() - ago), INTERVAL);
    }
}

#[test]
fn evidence_survives_a_restart_and_is_private() {
    let folder = Folder::new();
    let plan = plan(&folder.state());
    let readiness = Readiness::open(&plan).unwrap();
    see(&readiness, &plan, SignedDuration::from_mins(1));
    readiness.flush();
    let before = standing(&readiness, "invoices", Protocol::Smtp);
    assert_eq!(before.state, State::Dual);
    drop(readiness);

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder.state()), mode(&folder.journal())), (0o700, 0o600));

    let after = standing(&Readiness::open(&plan).unwrap(), "invoices", Protocol::Smtp);
    assert_eq!(after.evidence, before.evidence);
    assert_eq!((after.state, after.record), (before.state, before.record));
}

#[test]
fn a_week_of_logins_makes_ready_only_with_a_memory() {
    let folder = Folder::new();
    let mut plan = plan(&folder.state());
    let usage = Ok((b"mailbox,protocol,used\ninvoices,smtp,unused\n".to_vec(), Timestamp::now()));
    let usage = imports::understand(Path::new("usage.csv"), Topic::Usage, &usage, &plan);
    plan.policy.imports = vec![Arc::new(usage)];
    for hours in (0..=7 * 24 + 1).rev() {
        // A new program every hour.
        let readiness = Readiness::open(&plan).unwrap();
        see(&readiness, &plan, SignedDuration::from_hours(hours));
        readiness.flush();
    }
    let state = |plan: &Plan| standing(&Readiness::open(plan).unwrap(), "invoices", Protocol::Smtp).state;
    assert_eq!(state(&plan), State::Ready);
    plan.policy.imports.clear();
    assert_eq!(state(&plan), State::Dual);
    plan.policy.state_dir = None;
    assert_eq!(state(&plan), State::Unknown);
}

#[test]
fn a_torn_line_costs_itself_and_nothing_else() {
    let folder = Folder::new();
    let plan = plan(&folder.state());
    let readiness = Readiness::open(&plan).unwrap();
    see(&readiness, &plan, SignedDuration::from_mins(1));
    readiness.flush();
    drop(readiness);
    let whole = fs::read(folder.journal()).unwrap();
    // Cut anywhere: it opens, and what it holds is a part of the whole.
    for cut in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
        fs::write(folder.journal(), &whole[..cut]).unwrap();
        let readiness = Readiness::open(&plan).unwrap();
        let seen = standing(&readiness, "invoices", Protocol::Smtp).evidence;
        assert!(seen.len() <= 3, "cut at {cut}: {seen:?}");
        // What a crash leaves is no loss; only a file without its first line is.
        let header = whole.iter().position(|byte| *byte == b'\n').unwrap();
        let memory = readiness.board(Timestamp::now()).memory;
        assert_eq!(
            memory.contains("could not be read"),
            (0..=header).contains(&cut),
            "cut at {cut}: {memory}"
        );
    }
}

#[test]
fn a_rotten_journal_stops_passwords_for_a_day() {
    let folder = Folder::new();
    let mut plan = plan(&folder.state());
    let readiness = Readiness::open(&plan).unwrap();
    see(&readiness, &plan, SignedDuration::from_mins(1));
    readiness.flush();
    drop(readiness);
    let mut bytes = fs::read(folder.journal()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(folder.journal(), bytes).unwrap();
    declare(&mut plan);
    let readiness = Readiness::open(&plan).unwrap();
    assert!(readiness.board(Timestamp::now()).memory.contains("could not be read"));
    assert!(readiness.claim(Asker::Agent, Timestamp::now()).is_none());
    drop(readiness);
    // The hold itself survives.
    let readiness = Readiness::open(&plan).unwrap();
    assert!(readiness.claim(Asker::Agent, Timestamp::now()).is_none());
    assert!(readiness.claim(Asker::Agent, Timestamp::now() + SignedDuration::from_hours(25)).is_some());
}

#[test]
fn a_later_journal_is_left_alone_and_a_foreign_one_set_aside() {
    let folder = Folder::new();
    let plan = plan(&folder.state());
    drop(Readiness::open(&plan).unwrap());
    let json = br#"{"entry":"journal","version":2}"#;
    let line = format!("{:08x} {}\n", crc32fast::hash(json), String::from_utf8_lossy(json));
    fs::write(folder.journal(), &line).unwrap();
    assert!(matches!(Readiness::open(&plan), Err(StoreError::Newer { version: 2, .. })));
    assert_eq!(fs::read_to_string(folder.journal()).unwrap(), line);

    fs::write(folder.journal(), "a shopping list\n").unwrap();
    let readiness = Readiness::open(&plan).unwrap();
    assert!(readiness.board(Timestamp::now()).memory.contains("could not be read"));
    let aside = folder.state().join("readiness.journal.unreadable");
    assert_eq!(fs::read_to_string(aside).unwrap(), "a shopping list\n");
}

#[test]
fn a_state_directory_belongs_to_one_process_and_others_may_look() {
    let folder = Folder::new();
    let mut plan = plan(&folder.state());
    declare(&mut plan);
    let readiness = Readiness::open(&plan).unwrap();
    see(&readiness, &plan, SignedDuration::from_mins(1));
    readiness.flush();
    assert!(matches!(Readiness::open(&plan), Err(StoreError::Busy(_))));
    let looking = Readiness::look(&plan).unwrap();
    assert_eq!(standing(&looking, "desk", Protocol::Imap).state, State::Decommissioned);
    assert!(looking.claim(Asker::Agent, Timestamp::now()).is_none(), "what is tried could not be remembered");
}

#[test]
fn the_journal_does_not_grow_without_end() {
    let folder = Folder::new();
    let plan = plan(&folder.state());
    let readiness = Readiness::open(&plan).unwrap();
    let mut largest = 0;
    for _ in 0..1_500 {
        see(&readiness, &plan, SignedDuration::from_secs(1));
        readiness.flush();
        largest = largest.max(fs::metadata(folder.journal()).unwrap().len());
    }
    assert!(largest < 1_200_000, "{largest} bytes");
    readiness.flush();
    assert_eq!(standing(&readiness, "desk", Protocol::Smtp).record.successes, 1_500);
}

#[test]
fn only_a_new_address_makes_a_mailbox_start_anew() {
    let folder = Folder::new();
    let mut plan = plan(&folder.state());
    let readiness = Readiness::open(&plan).unwrap();
    see(&readiness, &plan, SignedDuration::from_mins(1));
    plan.checks.reverse();
    readiness.apply(&plan);
    assert_eq!(standing(&readiness, "desk", Protocol::Smtp).state, State::Dual);
    for check in &mut plan.checks {
        let mut mailbox = (*check.mailbox).clone();
        mailbox.address = format!("other-{}", mailbox.address);
        *check = Arc::new(crate::model::Check { mailbox: Arc::new(mailbox), ..(**check).clone() });
    }
    readiness.apply(&plan);
    assert_eq!(standing(&readiness, "desk", Protocol::Smtp).state, State::Unknown);
}

/// Every mailbox declares its password.
pub(super) fn declare(plan: &mut Plan) {
    plan.policy.password_login = PasswordLogin::Declared;
    for mailbox in &plan.mailboxes {
        let password = Some(SecretRef::Env("PASSWORD".to_owned()));
        plan.policy
            .expectations
            .insert(mailbox.name.clone(), Expectation { password, ..Expectation::default() });
    }
}

/// The tenant opts into the wrong password.
pub(super) fn opt_in(plan: &mut Plan) {
    plan.policy.password_login = PasswordLogin::Refusal;
    plan.policy.refusal_tenants.insert("contoso-tenant".to_owned());
}

/// A memory that is older than a day.
pub(super) fn aged(plan: &Plan) -> Readiness {
    drop(Readiness::open_at(plan, Timestamp::now() - SignedDuration::from_hours(25)).unwrap());
    Readiness::open(plan).unwrap()
}

#[test]
fn a_wrong_password_is_tried_once_a_day_also_across_restarts() {
    let folder = Folder::new();
    let mut plan = plan(&folder.state());
    opt_in(&mut plan);
    let now = Timestamp::now();
    let readiness = aged(&plan);
    let first = readiness.claim(Asker::Agent, now).unwrap();
    assert!(first.is_wrong() && first.check.protocol() == Protocol::Smtp);
    // As by kill -9: nothing is flushed, nothing is concluded.
    std::mem::forget(fs::File::open(folder.journal()).unwrap());
    drop(readiness);
    let readiness = Readiness::open(&plan).unwrap();
    let second = readiness.claim(Asker::Agent, now).unwrap();
    assert_ne!(first.check.mailbox.name, second.check.mailbox.name);
    assert!(
        readiness.claim(Asker::Agent, now + SignedDuration::from_hours(23)).is_none(),
        "one try a mailbox, not one a protocol"
    );
    assert!(readiness.claim(Asker::Agent, now + SignedDuration::from_hours(24)).is_some());
}

#[test]
fn two_names_for_one_account_share_its_one_try() {
    let folder = Folder::new();
    let mut plan = plan(&folder.state());
    for check in &mut plan.checks {
        let mut mailbox = (*check.mailbox).clone();
        mailbox.username = "SHARED@contoso.example".to_owned();
        *check = Arc::new(crate::model::Check { mailbox: Arc::new(mailbox), ..(**check).clone() });
    }
    opt_in(&mut plan);
    let readiness = aged(&plan);
    assert!(readiness.claim(Asker::Agent, Timestamp::now()).is_some());
    assert!(readiness.claim(Asker::Agent, Timestamp::now()).is_none());
}

#[test]
fn the_first_lock_stops_all_passwords_of_its_tenant() {
    let folder = Folder::new();
    let mut plan = plan(&folder.state());
    declare(&mut plan);
    opt_in(&mut plan);
    let now = Timestamp::now();
    let readiness = aged(&plan);
    let trial = readiness.claim(Asker::Agent, now).unwrap();
    let locked = "535 5.7.139 Authentication unsuccessful, account locked. Contact your administrator.";
    let seen = samples::refused(&trial.check, now, Reason::AccountLocked, locked);
    readiness.conclude(&trial, &seen);
    let much_later = now + SignedDuration::from_hours(90 * 24);
    assert!(
        readiness.claim(Asker::Agent, now).is_none() && readiness.claim(Asker::Agent, much_later).is_none()
    );
    drop(readiness);
    let readiness = Readiness::open(&plan).unwrap();
    assert!(readiness.claim(Asker::Agent, much_later).is_none());
    assert_eq!(readiness.board(now).stopped[0].0, "contoso-tenant");
    let (login, tenants) = (plan.policy.password_login, plan.policy.refusal_tenants.clone());
    plan.policy.refusal_tenants.clear();
    readiness.apply(&plan);
    plan.policy.refusal_tenants = tenants;
    readiness.apply(&plan);
    assert!(readiness.claim(Asker::Agent, much_later).is_none(), "only never ends it");
    plan.policy.password_login = PasswordLogin::Never;
    readiness.apply(&plan);
    plan.policy.password_login = login;
    readiness.apply(&plan);
    assert!(readiness.claim(Asker::Agent, much_later).is_some());
}

#[test]
fn a_password_that_cannot_be_written_down_first_is_not_tried() {
    let folder = Folder::new();
    let mut plan = plan(&folder.state());
    opt_in(&mut plan);
    plan.policy.state_dir = None;
    assert!(Readiness::open(&plan).unwrap().claim(Asker::Agent, Timestamp::now()).is_none());
}

#[test]
fn what_a_trial_shows_lands_in_the_state() {
    let folder = Folder::new();
    let mut plan = plan(&folder.state());
    declare(&mut plan);
    let readiness = Readiness::open(&plan).unwrap();
    see(&readiness, &plan, SignedDuration::from_secs(1));
    let now = Timestamp::now();
    let trial = readiness.claim(Asker::Agent, now).unwrap();
    readiness.conclude(&trial, &samples::up(&trial.check, now));
    let mailbox = trial.check.mailbox.name.clone();
    let open = standing(&readiness, &mailbox, Protocol::Smtp);
    assert_eq!((open.basic, open.state), (Basic::Open, State::Dual));
    let exhibit =
        open.evidence.iter().find(|exhibit| exhibit.evidence.signal == Signal::PasswordLogin).unwrap();
    assert_eq!(exhibit.evidence.finding, Finding::Accepted);
}
