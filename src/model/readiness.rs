//! Readiness: the words for what is known about passwords of a mailbox, and how it stands.
//!
//! Owns the closed lists and the facts. Which evidence makes which state is `readiness`.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::{CheckName, Mailbox, Protocol, Reason};

/// What the program knows of one signal.
#[derive(Debug)]
pub struct SignalRow {
    /// Label value in metrics.
    pub label: &'static str,
    /// For people.
    pub title: &'static str,
}

table! {
    /// Where evidence comes from.
    pub enum Signal: SignalRow {
        /// What the server lists before anybody logs in.
        Offer => SignalRow { label: "offer", title: "mechanisms offered" };
        /// A login with an access token, as every probe tries it.
        OauthLogin => SignalRow { label: "oauth_login", title: "OAuth login" };
        /// A login with a password that the operator declared.
        PasswordLogin => SignalRow { label: "password_login", title: "login with the declared password" };
        /// A login with the deliberate wrong password.
        Refusal => SignalRow { label: "refusal", title: "refusal of the wrong password" };
        /// Who still uses passwords, imported.
        Usage => SignalRow { label: "usage", title: "imported usage" };
        /// How an administrator has set the switches, imported.
        Switch => SignalRow { label: "switch", title: "imported switches" };
        /// The provider's announced dates.
        Calendar => SignalRow { label: "calendar", title: "provider's calendar" };
    }
}

/// What the program knows of one finding.
#[derive(Debug)]
pub struct FindingRow {
    /// Name in JSON and in the store.
    pub label: &'static str,
    /// What it says about passwords; `None` where it says nothing.
    pub basic: Option<Basic>,
    /// What it means.
    pub meaning: &'static str,
}

const fn finding(label: &'static str, basic: Option<Basic>, meaning: &'static str) -> FindingRow {
    FindingRow { label, basic, meaning }
}

table! {
    /// What a piece of evidence says. Of two that are equally old the later row counts: the worse news.
    pub enum Finding: FindingRow {
        /// The server offers no way to show a password.
        NotOffered => finding("not_offered", Some(Basic::Closed), "no password mechanism is offered");
        /// It does; that proves nothing.
        Offered => finding("offered", None, "password mechanisms are offered, which proves nothing");
        /// The mailbox opened.
        OauthWorks => finding("oauth_works", None, "OAuth opens the mailbox");
        /// It was refused.
        OauthFails => finding("oauth_fails", None, "OAuth does not open the mailbox");
        /// Refused as a whole: no password and no token is taken.
        SmtpAuthOff => finding("smtp_auth_off", Some(Basic::Closed), "SMTP AUTH is switched off, for passwords and OAuth alike");
        /// A policy refuses passwords.
        PolicyRefuses => finding("policy_refuses", Some(Basic::Closed), "passwords are refused by policy");
        /// Refused in words that a wrong password and a closed door share.
        Undecided => finding("undecided", None, "refused in words that prove nothing");
        /// The account is locked.
        Locked => finding("locked", None, "the account is locked: no more passwords are tried in this tenant");
        /// The password was looked at.
        Reached => finding("reached", Some(Basic::Open), "the password reached the directory: passwords are still looked at");
        /// The password opened the mailbox.
        Accepted => finding("accepted", Some(Basic::Open), "the password was accepted");
        /// Nobody logs in by password.
        Unused => finding("unused", None, "nobody uses a password");
        /// Somebody does.
        Used => finding("used", None, "somebody uses a password");
        /// The switch of the protocol is on; that proves nothing.
        SwitchedOn => finding("switched_on", None, "the protocol is switched on, which proves nothing");
        /// The switch of the protocol is off, for passwords and OAuth alike.
        SwitchedOff => finding("switched_off", Some(Basic::Closed), "the protocol is switched off, for passwords and OAuth alike");
        /// The provider has removed passwords.
        Removed => finding("removed", Some(Basic::Closed), "the provider has removed passwords for good");
    }
}

/// One dated fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// When it was seen, or from when on it holds.
    pub at: Timestamp,
    /// What it says.
    pub finding: Finding,
    /// Where it comes from.
    pub signal: Signal,
    /// Until when it may be believed, where it says so itself.
    pub until: Option<Timestamp>,
    /// In which words: a server's sentence, a file and line, a source. Scrubbed and cut.
    pub note: String,
}

/// A row that is nothing but its label and its meaning.
#[derive(Debug)]
pub struct WordRow {
    /// Name in metrics and JSON.
    pub label: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

const fn word(label: &'static str, meaning: &'static str) -> WordRow {
    WordRow { label, meaning }
}

table! {
    /// Whether the server takes passwords for this mailbox.
    pub enum Basic: WordRow {
        /// It does.
        Open => word("open", "passwords are taken");
        /// It does not.
        Closed => word("closed", "passwords are not taken");
        /// Nothing fresh says.
        Unknown => word("unknown", "nothing fresh says whether passwords are taken");
    }
}

table! {
    /// Whether OAuth opens the mailbox.
    pub enum Oauth: WordRow {
        /// It does, now.
        Ok => word("ok", "OAuth works");
        /// It is refused, not offered, or not configured.
        NotOk => word("not_ok", "OAuth does not work");
        /// Nothing fresh says.
        Unknown => word("unknown", "nothing fresh says whether OAuth works");
    }
}

table! {
    /// Whether somebody still logs in by password.
    pub enum Use: WordRow {
        /// Nobody.
        None => word("none", "nobody uses passwords");
        /// Somebody.
        Seen => word("seen", "somebody uses passwords");
        /// Nobody has said.
        Unknown => word("unknown", "nobody has said whether passwords are used");
    }
}

/// What the program knows of one state.
#[derive(Debug)]
pub struct StateRow {
    /// Label value in metrics.
    pub label: &'static str,
    /// What it is worth in the score, in hundredths; `None` where it stays outside.
    pub weight: Option<u32>,
    /// Whether nothing is left to do before the switch-off.
    pub settled: bool,
    /// What it means.
    pub meaning: &'static str,
}

table! {
    /// How one mailbox stands in one protocol, before and after passwords are switched off.
    pub enum State: StateRow {
        /// Broken already.
        Blocked => StateRow { label: "blocked", weight: Some(0), settled: false, meaning: "passwords are closed and OAuth does not work: broken already" };
        /// Will break.
        AtRisk => StateRow { label: "at_risk", weight: Some(0), settled: false, meaning: "OAuth does not work: the switch-off will break it" };
        /// Not known.
        Unknown => StateRow { label: "unknown", weight: Some(30), settled: false, meaning: "the evidence is stale or missing" };
        /// Both ways.
        Dual => StateRow { label: "dual", weight: Some(60), settled: false, meaning: "OAuth works, somebody may still use passwords" };
        /// May be switched off.
        Ready => StateRow { label: "ready", weight: Some(90), settled: true, meaning: "passwords may be switched off" };
        /// Done.
        Decommissioned => StateRow { label: "decommissioned", weight: Some(100), settled: true, meaning: "passwords are closed and OAuth works: done" };
        /// Of no interest.
        NotExpected => StateRow { label: "not_expected", weight: None, settled: true, meaning: "nobody expects this protocol on the mailbox" };
    }
}

table! {
    /// What a date of the calendar means.
    pub enum DeadlineKind: WordRow {
        /// Off unless an administrator turns it on again. Closes nothing by itself.
        DefaultOff => word("default_off", "off by default, an administrator may turn it on again");
        /// Gone for good: from that day on passwords are closed.
        Removal => word("removal", "removed for good");
        /// Account passwords are gone, app passwords are not. Closes nothing.
        AccountPassword => word("account_password", "account passwords are gone, app passwords still work");
    }
}

table! {
    /// How sure a date is.
    pub enum Confidence: WordRow {
        /// Said by the provider, as a day.
        High => word("high", "said by the provider");
        /// Said by the provider roughly, or by others.
        Medium => word("medium", "said roughly, or by others than the provider");
        /// A guess.
        Low => word("low", "a guess");
    }
}

/// A row of the calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// Whose servers: a preset's family or a provider of the configuration.
    pub provider: String,
    /// `imap`, `smtp`, `pop3`, or a protocol that is not checked, such as `ews`.
    pub protocol: String,
    /// What happens.
    pub kind: DeadlineKind,
    /// When, from the start of that day in UTC; `None` where no date is known.
    pub date: Option<Date>,
    /// How sure it is.
    pub confidence: Confidence,
    /// Who says so.
    pub source: String,
    /// When somebody last looked whether it still holds.
    pub reviewed: Option<Date>,
}

/// What the logins by OAuth of the last days have shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Record {
    /// Logins of the last seven days that opened the mailbox.
    pub successes: u64,
    /// Logins of the last seven days that were refused.
    pub failures: u64,
    /// The same of the last 24 hours.
    pub failures_today: u64,
    /// From when on logins are remembered.
    pub since: Option<Timestamp>,
    /// Whether that is enough to call OAuth dependable: 95 % over seven days, the last 24 hours clean.
    pub steady: bool,
}

/// One piece of evidence, and whether it still counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhibit {
    /// The evidence.
    pub evidence: Evidence,
    /// Not past its shelf life.
    pub fresh: bool,
}

/// How one mailbox stands in one protocol.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Which.
    pub name: CheckName,
    /// The mailbox.
    pub mailbox: Arc<Mailbox>,
    /// The tenant of its credential; empty for passwords.
    pub tenant: String,
    /// Passwords.
    pub basic: Basic,
    /// OAuth.
    pub oauth: Oauth,
    /// Users of passwords.
    pub usage: Use,
    /// All in one word.
    pub state: State,
    /// Why OAuth fails, where it does.
    pub reason: Option<Reason>,
    /// What is known: the newest of each signal, and of passwords also the last that proved something.
    pub evidence: Vec<Exhibit>,
    /// How dependable OAuth is.
    pub record: Record,
    /// The next date that matters to it.
    pub deadline: Option<Deadline>,
    /// What to do next, in one line.
    pub advice: String,
}

/// One tenant's score, never without its counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// The tenant.
    pub tenant: String,
    /// 0 to 100; `None` where nothing is expected.
    pub score: Option<f64>,
    /// Held down because a mailbox at risk has a deadline within thirty days.
    pub capped: bool,
    /// Checks by protocol and state, every state of every protocol there is.
    pub counts: Vec<(Protocol, State, usize)>,
}

/// What became of one imported file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// The file.
    pub file: String,
    /// Of when its facts are.
    pub at: Option<Timestamp>,
    /// Lines that were taken.
    pub taken: usize,
    /// Lines that were not, from 1, and why; the first hundred.
    pub refused: Vec<(usize, String)>,
    /// How many lines were not taken.
    pub refused_count: usize,
    /// Lines that are in order and name no mailbox of the configuration.
    pub strangers: usize,
    /// Some of the names in those, fit to be shown.
    pub stranger_examples: Vec<String>,
    /// Lines that are in order and say nothing about passwords by the protocols of a mailbox.
    pub irrelevant: usize,
    /// Why nothing could be made of the file at all.
    pub fault: Option<String>,
}

impl ImportReport {
    /// `3 rows name no configured mailbox (such as a, b)`: a mailbox that nobody watches is told, not passed over.
    pub fn of_strangers(&self) -> String {
        let names = self.stranger_examples.join(", ");
        match self.strangers {
            0 => "every row names a configured mailbox".to_owned(),
            1 => format!("1 row names no configured mailbox ({names})"),
            count => format!("{count} rows name no configured mailbox (such as {names})"),
        }
    }

    /// `, 3 about something else`, or nothing.
    pub fn of_others(&self) -> String {
        match self.irrelevant {
            0 => String::new(),
            count => format!(", {count} about something else"),
        }
    }
}

/// How writing to the state directory goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// Whether the last attempt succeeded.
    pub writable: bool,
    /// Attempts that failed since the start.
    pub failures: u64,
}

/// Everything the board shows, as of one moment.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// Every mailbox and protocol, by name.
    pub standings: Vec<Standing>,
    /// Every tenant, by name.
    pub scores: Vec<Score>,
    /// The calendar in force.
    pub calendar: Vec<Deadline>,
    /// What was imported.
    pub imports: Vec<ImportReport>,
    /// What is remembered across restarts, and what is not, in one sentence.
    pub memory: String,
    /// How writing it down goes; `None` without a state directory.
    pub keeping: Option<Keeping>,
    /// Tenants in which no more passwords are tried, and what the server said.
    pub stopped: Vec<(String, Timestamp, String)>,
}
