//! Readiness: the vocabulary for the switch-off of passwords.
//!
//! Owns the closed lists and the facts. `readiness` decides which evidence leads to which state.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::{CheckName, Mailbox, Protocol, Reason};

/// The facts of one signal.
#[derive(Debug)]
pub struct SignalRow {
    /// The label value in metrics.
    pub label: &'static str,
    /// The display name.
    pub title: &'static str,
}

table! {
    /// The source of a piece of evidence.
    pub enum Signal: SignalRow {
        /// The mechanisms that the server lists before the login.
        Offer => SignalRow { label: "offer", title: "mechanisms offered" };
        /// A login with an access token, which every OAuth probe attempts.
        OauthLogin => SignalRow { label: "oauth_login", title: "OAuth login" };
        /// A login with a declared password.
        PasswordLogin => SignalRow { label: "password_login", title: "login with the declared password" };
        /// A login with the deliberately wrong password.
        Refusal => SignalRow { label: "refusal", title: "refusal of the wrong password" };
        /// A list, a report or a log of who still uses passwords, or may: imported, or read from a directory.
        Usage => SignalRow { label: "usage", title: "reported use" };
        /// An imported list of the administrator's settings.
        Switch => SignalRow { label: "switch", title: "imported switches" };
        /// The dates that the provider has announced.
        Calendar => SignalRow { label: "calendar", title: "provider's calendar" };
    }
}

/// The facts of one finding.
#[derive(Debug)]
pub struct FindingRow {
    /// The name in JSON and in the state file.
    pub label: &'static str,
    /// What it says about password logins; `None` if nothing.
    pub basic: Option<Basic>,
    pub meaning: &'static str,
}

const fn finding(label: &'static str, basic: Option<Basic>, meaning: &'static str) -> FindingRow {
    FindingRow { label, basic, meaning }
}

table! {
    /// What a piece of evidence says. If two are equally old, the later row counts, since it is worse news.
    pub enum Finding: FindingRow {
        NotOffered => finding("not_offered", Some(Basic::Closed), "no password mechanism is offered");
        Offered => finding("offered", None, "password mechanisms are offered, which proves nothing");
        OauthWorks => finding("oauth_works", None, "OAuth opens the mailbox");
        OauthFails => finding("oauth_fails", None, "OAuth does not open the mailbox");
        SmtpAuthOff => finding("smtp_auth_off", Some(Basic::Closed), "SMTP AUTH is switched off, for passwords and OAuth alike");
        PolicyRefuses => finding("policy_refuses", Some(Basic::Closed), "passwords are refused by policy");
        /// Refused with an answer that fits both a wrong password and a disabled login.
        Undecided => finding("undecided", None, "refused in words that prove nothing");
        Locked => finding("locked", None, "the account is locked: no more passwords are tried in this tenant");
        /// The server checked the password.
        Reached => finding("reached", Some(Basic::Open), "the password reached the directory: passwords are still looked at");
        Accepted => finding("accepted", Some(Basic::Open), "the password was accepted");
        Unused => finding("unused", None, "the mailbox uses no password");
        /// A log or a report names the mailbox, but not what was shown. The mailbox counts as seen; nothing is proved.
        SignedIn => finding("signed_in", None, "somebody signed in, with a password or a token");
        Used => finding("used", None, "the mailbox uses a password");
        SwitchedOn => finding("switched_on", None, "the protocol is switched on, which proves nothing");
        SwitchedOff => finding("switched_off", Some(Basic::Closed), "the protocol is switched off, for passwords and OAuth alike");
        Removed => finding("removed", Some(Basic::Closed), "the provider has removed passwords for good");
    }
}

/// One dated piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    pub at: Timestamp,
    pub finding: Finding,
    pub signal: Signal,
    /// The end of its validity, if the evidence states one.
    pub until: Option<Timestamp>,
    /// The source in words: a server's answer, a file and line, or a document. Redacted and truncated.
    pub note: String,
}

/// A table row with a label and its meaning.
#[derive(Debug)]
pub struct WordRow {
    /// The name in metrics and JSON.
    pub label: &'static str,
    pub meaning: &'static str,
}

const fn word(label: &'static str, meaning: &'static str) -> WordRow {
    WordRow { label, meaning }
}

table! {
    /// Whether the server accepts passwords for this mailbox.
    pub enum Basic: WordRow {
        Open => word("open", "passwords are taken");
        Closed => word("closed", "passwords are not taken");
        Unknown => word("unknown", "nothing fresh says whether passwords are taken");
    }
}

table! {
    /// Whether OAuth opens the mailbox.
    pub enum Oauth: WordRow {
        Ok => word("ok", "OAuth works");
        /// OAuth is refused, not offered, or not configured.
        NotOk => word("not_ok", "OAuth does not work");
        Unknown => word("unknown", "nothing fresh says whether OAuth works");
    }
}

table! {
    /// Whether passwords are still used to log in.
    pub enum Use: WordRow {
        None => word("none", "passwords are not used");
        Seen => word("seen", "passwords are used, or may be");
        Unknown => word("unknown", "it is not known whether passwords are used");
    }
}

#[derive(Debug)]
pub struct StateRow {
    /// The label value in metrics.
    pub label: &'static str,
    /// The weight in the score, in percent; `None` if it does not count.
    pub weight: Option<u32>,
    /// Whether no work is left before the switch-off.
    pub settled: bool,
    pub meaning: &'static str,
}

table! {
    /// The state of one mailbox in one protocol, before and after the switch-off of passwords.
    pub enum State: StateRow {
        Blocked => StateRow { label: "blocked", weight: Some(0), settled: false, meaning: "passwords are closed and OAuth does not work: broken already" };
        AtRisk => StateRow { label: "at_risk", weight: Some(0), settled: false, meaning: "OAuth does not work: the switch-off will break it" };
        Unknown => StateRow { label: "unknown", weight: Some(30), settled: false, meaning: "the evidence is stale or missing" };
        Dual => StateRow { label: "dual", weight: Some(60), settled: false, meaning: "OAuth works, passwords may still be used" };
        Ready => StateRow { label: "ready", weight: Some(90), settled: true, meaning: "passwords may be switched off" };
        Decommissioned => StateRow { label: "decommissioned", weight: Some(100), settled: true, meaning: "passwords are closed and OAuth works: done" };
        NotExpected => StateRow { label: "not_expected", weight: None, settled: true, meaning: "this protocol is not expected on the mailbox" };
    }
}

table! {
    /// What happens on a date in the calendar.
    pub enum DeadlineKind: WordRow {
        /// Off unless an administrator turns it on again. Does not close passwords by itself.
        DefaultOff => word("default_off", "off by default, an administrator may turn it on again");
        /// Removed for good: passwords are closed from that day on.
        Removal => word("removal", "removed for good");
        /// Account passwords stop working, app passwords do not. Does not close passwords.
        AccountPassword => word("account_password", "account passwords are gone, app passwords still work");
    }
}

table! {
    /// How reliable a date is.
    pub enum Confidence: WordRow {
        /// Announced by the provider, to the day.
        High => word("high", "said by the provider");
        /// Announced approximately, or by a third party.
        Medium => word("medium", "said roughly, or by others than the provider");
        Low => word("low", "a guess");
    }
}

/// One row of the calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// The family of a preset, or a provider in the configuration.
    pub provider: String,
    /// `imap`, `smtp`, `pop3`, or a protocol that is not probed, such as `ews`.
    pub protocol: String,
    pub kind: DeadlineKind,
    /// The start of that day in UTC; `None` if the date is unknown.
    pub date: Option<Date>,
    pub confidence: Confidence,
    /// The source of the date.
    pub source: String,
    /// When the source was last checked.
    pub reviewed: Option<Date>,
}

/// A setting that says the opposite of what was seen after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub setting: Evidence,
    pub seen: Evidence,
}

/// OAuth logins of the last seven days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Record {
    /// Successful logins of the last seven days.
    pub successes: u64,
    /// Refused logins of the last seven days.
    pub failures: u64,
    /// Refused logins of the last 24 hours.
    pub failures_today: u64,
    /// The start of the record.
    pub since: Option<Timestamp>,
    /// Whether OAuth counts as reliable: 95 % over seven days, and no refusal in the last 24 hours.
    pub steady: bool,
}

/// One piece of evidence, and whether it still counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhibit {
    pub evidence: Evidence,
    /// Whether it is not yet outdated.
    pub fresh: bool,
}

/// The state of one mailbox in one protocol.
#[derive(Debug, Clone)]
pub struct Standing {
    pub name: CheckName,
    pub mailbox: Arc<Mailbox>,
    /// The tenant of its credential; empty for passwords.
    pub tenant: String,
    pub basic: Basic,
    pub oauth: Oauth,
    pub usage: Use,
    pub state: State,
    /// Why OAuth fails, if it does.
    pub reason: Option<Reason>,
    /// The newest evidence of each signal; for passwords also the latest conclusive one.
    pub evidence: Vec<Exhibit>,
    /// Where settings and observations disagree.
    pub conflict: Option<Conflict>,
    pub record: Record,
    pub deadline: Option<Deadline>,
    /// What to do next, in one line.
    pub advice: String,
}

/// The score of one tenant, always with the counts behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    pub tenant: String,
    /// 0 to 100; `None` if the tenant has no checks that count.
    pub score: Option<f64>,
    /// Whether the score is capped, because a mailbox at risk has a deadline within thirty days.
    pub capped: bool,
    /// Checks by protocol and state, including states with no checks.
    pub counts: Vec<(Protocol, State, usize)>,
}

/// The result of importing one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    pub file: String,
    /// The entry of the configuration that names the file; see [`SourceReading::name`].
    pub source: String,
    /// The date of its data.
    pub at: Option<Timestamp>,
    pub taken: usize,
    /// Rejected lines, numbered from 1, and why; at most a hundred.
    pub refused: Vec<(usize, String)>,
    /// How many lines were rejected.
    pub refused_count: usize,
    /// Valid lines that name no configured mailbox.
    pub unknown: usize,
    /// Some of those names, safe to display.
    pub unknown_examples: Vec<String>,
    /// Valid lines without information about passwords for a probed protocol.
    pub irrelevant: usize,
    /// Why the whole file was rejected.
    pub fault: Option<String>,
}

impl ImportReport {
    /// `3 rows name no configured mailbox (such as a, b)`. Such a mailbox is probably missing in the
    /// configuration, so it is reported.
    pub fn of_unknown(&self) -> String {
        let names = self.unknown_examples.join(", ");
        match self.unknown {
            0 => "every row names a configured mailbox".to_owned(),
            1 => format!("1 row names no configured mailbox ({names})"),
            count => format!("{count} rows name no configured mailbox (such as {names})"),
        }
    }

    /// `, 3 about something else`, or an empty text.
    pub fn of_others(&self) -> String {
        match self.irrelevant {
            0 => String::new(),
            count => format!(", {count} about something else"),
        }
    }
}

/// What one imported file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Dated by when the file was last written.
    pub report: ImportReport,
    /// Identifies the content; empty if it could not be used.
    pub sha256: String,
    pub evidence: BTreeMap<CheckName, Vec<Evidence>>,
}

/// How a source of facts other than the probes is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceReading {
    /// `usage/` or `switches/` and the entry of the configuration, a pattern included; or `directory/`, its name and
    /// what is read from it.
    pub name: String,
    /// Rows that it gave the last time; 0 before.
    pub rows: usize,
    /// The date of its newest data; `None` if it has never given any.
    pub last_success: Option<Timestamp>,
    /// Why the last attempt to read it failed; only directories have one.
    pub fault: Option<String>,
}

/// The state of saving to the state directory.
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
    /// Every source of the configuration, by name, those without a file included.
    pub sources: Vec<SourceReading>,
    /// What is remembered across restarts, and what is not, in one sentence.
    pub memory: String,
    /// How writing it down goes; `None` without a state directory.
    pub keeping: Option<Keeping>,
    /// Tenants in which no more passwords are tried, and what the server said.
    pub stopped: Vec<(String, Timestamp, String)>,
}
