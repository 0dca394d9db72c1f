//! A mailbox as its servers know it: which login opens it, and what is wrong with it.
//!
//! Does not speak a protocol, and does not own ports (`site.rs`).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::sim::app::SimApp;
use crate::sim::fault::Fault;
use crate::sim::idp::{AUDIENCE, PERSON_AUDIENCE};
use crate::sim::ledger::Ledger;
use crate::sim::lock;
use crate::sim::post::Post;
use crate::sim::reading::SimUnread;
use crate::sim::sasl::Claim;
use crate::sim::script::{Service, Step};

/// How many messages a folder holds unless a test says otherwise.
const MESSAGES: u32 = 42;

/// What a mailbox's servers offer besides XOAUTH2 after TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offers {
    /// PLAIN and LOGIN, the IMAP command LOGIN, USER and PASS in POP3, by the mailbox's password.
    pub passwords: bool,
    /// OAUTHBEARER, which Exchange Online does not know.
    pub oauthbearer: bool,
    /// XOAUTH2 is not offered.
    pub no_xoauth2: bool,
    /// ESEARCH by IMAP, which Exchange Online does not know.
    pub esearch: bool,
    /// Every login without TLS too, for clients that are told to use none.
    pub without_tls: bool,
    /// IMAP lists all of it in its greeting already.
    pub in_greeting: bool,
    /// This SASL mechanism and no other login, which always waits for a prompt.
    pub sasl: Option<&'static str>,
}

/// One mailbox.
pub(super) struct Account {
    pub(super) address: String,
    pub(super) password: String,
    pub(super) app: SimApp,
    pub(super) messages: AtomicU32,
    pub(super) unread: Mutex<SimUnread>,
    pub(super) ledgers: [Arc<Ledger>; Service::ALL.len()],
    pub(super) post: Post,
    settings: Mutex<Settings>,
}

struct Settings {
    username: String,
    fault: Fault,
    offers: Offers,
    slow: Option<(Step, Duration)>,
}

/// The answer to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The claim opens the mailbox.
    Right,
    /// The token is wrong.
    WrongToken,
    /// The password is wrong.
    WrongPassword,
    /// Passwords are switched off.
    PasswordsOff,
}

impl Account {
    pub(super) fn new(address: String, app: SimApp, fault: Fault) -> Self {
        let settings = Settings { username: address.clone(), fault, offers: Offers::default(), slow: None };
        let account = Self {
            address,
            password: format!("pw-{}", Uuid::new_v4().simple()),
            app,
            messages: AtomicU32::new(MESSAGES),
            unread: Mutex::default(),
            ledgers: Default::default(),
            post: Post::default(),
            settings: Mutex::new(settings),
        };
        account.tell_app(Fault::None, fault);
        account
    }

    pub(super) fn username(&self) -> String {
        lock(&self.settings).username.clone()
    }

    pub(super) fn set_username(&self, username: &str) {
        username.clone_into(&mut lock(&self.settings).username);
    }

    pub(super) fn fault(&self) -> Fault {
        lock(&self.settings).fault
    }

    pub(super) fn set_fault(&self, fault: Fault) {
        let before = std::mem::replace(&mut lock(&self.settings).fault, fault);
        self.tell_app(before, fault);
    }

    pub(super) fn offers(&self) -> Offers {
        lock(&self.settings).offers
    }

    pub(super) fn set_offers(&self, offers: Offers) {
        lock(&self.settings).offers = offers;
    }

    /// How long it takes to answer at a step.
    pub(super) fn delay(&self, step: Step) -> Option<Duration> {
        let slow = lock(&self.settings).slow;
        slow.filter(|(at, _)| *at == step).map(|(_, delay)| delay)
    }

    pub(super) fn set_slow(&self, slow: Option<(Step, Duration)>) {
        lock(&self.settings).slow = slow;
    }

    pub(super) fn ledger(&self, service: Service) -> &Arc<Ledger> {
        &self.ledgers[service as usize]
    }

    /// Whether this claim opens the mailbox by this service.
    pub(super) fn judge(&self, service: Service, claim: &Claim) -> Verdict {
        let is_owner = self.username().eq_ignore_ascii_case(&claim.user);
        if claim.bearer {
            let good = is_owner && self.is_good(service, &claim.secret);
            return if good { Verdict::Right } else { Verdict::WrongToken };
        }
        if !self.offers().passwords {
            return Verdict::PasswordsOff;
        }
        if is_owner && claim.secret == self.password { Verdict::Right } else { Verdict::WrongPassword }
    }

    fn is_good(&self, service: Service, token: &str) -> bool {
        // The application's own, and the one for a person.
        let roles = match service {
            Service::Imap => ["IMAP.AccessAsApp", "IMAP.AccessAsUser.All"],
            Service::Smtp => ["SMTP.SendAsApp", "SMTP.Send"],
            Service::Pop3 => ["POP.AccessAsApp", "POP.AccessAsUser.All"],
        };
        self.app.token(token).is_some_and(|issued| {
            issued.expires > Instant::now()
                && [AUDIENCE, PERSON_AUDIENCE].contains(&issued.audience.as_str())
                && issued.user.as_ref().is_none_or(|user| user.eq_ignore_ascii_case(&self.username()))
                && issued.roles.iter().any(|held| roles.contains(&held.as_str()))
        })
    }

    /// Sets a token fault on the app, and clears it when the mailbox gets another fault.
    fn tell_app(&self, before: Fault, now: Fault) {
        match (before, now) {
            (_, Fault::Token(fault)) => self.app.set_fault(Some(fault)),
            (Fault::Token(_), _) => self.app.set_fault(None),
            _ => {}
        }
    }

    /// How many messages each folder holds.
    pub(super) fn messages(&self) -> u32 {
        self.messages.load(Ordering::SeqCst)
    }
}
