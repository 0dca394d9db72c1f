//! What the file says about passwords: `state_dir`, `readiness`, and two keys of a mailbox; and the calendar.
//!
//! Owns the check of keys that contradict each other. Reads the CSV files to import; `imports` understands them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::credential;
use super::cursor::{Cursor, Map};
use super::fault::Faults;
use super::file::Mailbox;
use super::keys;
use super::place::{At, Quoted, Written};
use super::source;
use super::sources::Sources;
use crate::files::Fault;
use crate::imports::{self, Content, Topic};
use crate::model::{
    Confidence, Deadline, DeadlineKind, Expectation, Import, ImportReport, PasswordLogin, Plan, Policy,
    Protocol, SecretRef,
};

/// The largest file that is imported, in bytes: a hundred thousand mailboxes take a fifth of it.
const LARGEST_IMPORT: u64 = 32 * 1024 * 1024;
/// Stands for every protocol that has a login.
const EVERY: &str = "all";
/// The protocols that [`EVERY`] stands for, whether or not they are checked.
const PROTOCOLS: [&str; 3] = ["imap", "smtp", "pop3"];

/// The keys of the main file.
#[derive(Debug, Default)]
pub(super) struct Section {
    pub(super) state_dir: Written<PathBuf>,
    /// The file, and its rows; `None` if the file is missing or unusable.
    calendar: Written<(PathBuf, Option<Vec<Deadline>>)>,
    usage: Written<Vec<At<ImportFile>>>,
    switches: Written<Vec<At<ImportFile>>>,
    /// The names of all entries under `usage` and `switches`.
    import_sources: Vec<String>,
    refusal_tenants: Written<Vec<At<String>>>,
    password_login: Written<PasswordLogin>,
    /// The folder that relative paths in mailboxes are resolved against.
    base: PathBuf,
}

/// A file to import, as it was read.
#[derive(Debug)]
struct ImportFile {
    path: PathBuf,
    /// The name of the entry under `usage` or `switches` that led to it.
    source: String,
    /// The content, or why it could not be read.
    content: Result<Content, String>,
}

impl ImportFile {
    fn read(path: PathBuf, source: String, sources: &mut Sources) -> Self {
        let read = source::content(&path);
        sources.note(&path, read.as_ref().ok().map(|content| content.bytes.as_slice()));
        let content = match read {
            Ok(content) if content.bytes.len() as u64 <= LARGEST_IMPORT => {
                let written = content.about.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
                Ok((content.bytes, written.unwrap_or(Timestamp::UNIX_EPOCH)))
            }
            Ok(_) | Err(Fault::TooLarge(_)) => Err(Fault::TooLarge(LARGEST_IMPORT).to_string()),
            Err(fault) => Err(fault.to_string()),
        };
        Self { path, source, content }
    }
}

/// The keys of a mailbox that concern passwords.
#[derive(Debug, Default)]
pub(super) struct MailboxKeys {
    password: Written<SecretRef>,
    pub(super) not_expected: Written<Vec<At<Protocol>>>,
}

/// Reads the keys of the main file, the calendar, and the files to import. These files are noted in `sources`, so
/// that a change in one is a change of the configuration.
pub(super) fn read(top: &Map<'_>, base: &Path, sources: &mut Sources) -> Section {
    let path = |at: &Cursor<'_>| at.text().map(|path| base.join(path));
    let mut section =
        Section { state_dir: top.read("state_dir", path), base: base.to_owned(), ..Section::default() };
    top.read("readiness", |at| {
        let map = at.map(&keys::READINESS)?;
        section.calendar = map.read("calendar", |at| Some(calendar(path(at)?, at, sources)));
        let names = &mut section.import_sources;
        section.usage = map.read("usage", |at| read_import_files(at, Topic::Usage, base, sources, names));
        section.switches =
            map.read("switches", |at| read_import_files(at, Topic::Switches, base, sources, names));
        section.refusal_tenants = map.read("refusal_tenants", |at| {
            let tenant =
                |at: Cursor<'_>| Some(At { value: at.text()?.to_owned(), place: at.place().clone() });
            let list = at.list("a list of tenants, as credentials name them")?;
            Some(list.into_iter().filter_map(tenant).collect())
        });
        section.password_login = map
            .read("password_login", |at| at.word(&keys::PASSWORD_LOGINS).and_then(PasswordLogin::from_label));
        Some(())
    });
    section
}

/// Reads the keys of a mailbox that concern passwords.
pub(super) fn read_mailbox(map: &Map<'_>) -> MailboxKeys {
    MailboxKeys {
        // Relative to the main file, even for a mailbox in another file. It is resolved later.
        password: map.read("password", |at| credential::secret(at, Path::new(""))),
        not_expected: map.read("not_expected", |at| {
            let items = at.list("a list like [smtp]")?;
            let protocol = |item: Cursor<'_>| {
                let value = Protocol::from_label(item.word(&keys::CHECKS)?)?;
                if value.mail().is_none() {
                    return item.complain(format!(
                        "{value} is not a mail protocol, and not_expected is about passwords: leave it out of checks instead"
                    ));
                }
                Some(At { value, place: item.place().clone() })
            };
            Some(items.into_iter().filter_map(protocol).collect())
        }),
    }
}

impl MailboxKeys {
    /// Whether the mailbox lists this protocol under `not_expected`.
    pub(super) fn excludes(&self, protocol: Protocol) -> bool {
        self.not_expected.value().is_some_and(|list| list.iter().any(|at| at.value == protocol))
    }
}

impl Section {
    /// The files that are read besides the configuration.
    pub(super) fn files(&self) -> impl Iterator<Item = PathBuf> {
        let calendar = self.calendar.value().map(|(path, _)| path.clone());
        calendar.into_iter().chain(self.import_files().map(|(_, at)| at.value.path.clone()))
    }

    /// The files that are imported, and where each is named.
    fn import_files(&self) -> impl Iterator<Item = (Topic, &At<ImportFile>)> {
        let (usage, switches) = (self.usage.value(), self.switches.value());
        let usage = usage.into_iter().flatten().map(|at| (Topic::Usage, at));
        usage.chain(switches.into_iter().flatten().map(|at| (Topic::Switches, at)))
    }

    /// The tenants that allow the deliberately wrong password.
    pub(super) fn refusal_tenants(&self) -> &[At<String>] {
        self.refusal_tenants.value().map_or(&[], Vec::as_slice)
    }

    /// The policy that the keys describe.
    pub(super) fn policy(&self, mailboxes: &[&Mailbox], plan: &Plan, faults: &Faults) -> Policy {
        let expectations: BTreeMap<Arc<str>, Expectation> = mailboxes
            .iter()
            .filter_map(|mailbox| {
                let name = mailbox.name.value().or(mailbox.address.as_ref().map(|at| &at.value))?;
                let said = &mailbox.readiness;
                let password = said.password.value().cloned().map(|place| match place {
                    SecretRef::File(path) => SecretRef::File(self.base.join(path)),
                    other => other,
                });
                let not_expected =
                    said.not_expected.value().into_iter().flatten().map(|at| at.value).collect();
                let said = Expectation { password, not_expected };
                (said != Expectation::default()).then(|| (name.as_str().into(), said))
            })
            .collect();
        let policy = Policy {
            state_dir: self.state_dir.value().cloned(),
            calendar: self.calendar.value().and_then(|(_, rows)| rows.clone()),
            imports: Vec::new(),
            sources: self.import_sources.clone(),
            password_login: self.password_login.value().copied().unwrap_or(PasswordLogin::Never),
            refusal_tenants: self.refusal_tenants().iter().map(|at| at.value.clone()).collect(),
            expectations,
        };
        self.judge(&policy, mailboxes, plan, faults);
        policy
    }

    /// Reports keys that contradict each other, and keys that have no effect.
    fn judge(&self, policy: &Policy, mailboxes: &[&Mailbox], plan: &Plan, faults: &Faults) {
        let tried = policy.password_login;
        let tenants = self.refusal_tenants();
        if let Written::Is(at) = &self.refusal_tenants
            && !at.value.is_empty()
        {
            if self.state_dir.is_absent() {
                let why = "needs state_dir: without a memory the wrong password would be tried again after every restart";
                faults.add(&at.place, why);
            }
            if tried != PasswordLogin::Refusal {
                faults.warn(
                    &at.place,
                    "this has no effect: the wrong password is tried only with password_login: refusal",
                );
            }
        }
        if let Written::Is(at) = &self.password_login {
            let declared = policy.expectations.values().any(|said| said.password.is_some());
            if tried != PasswordLogin::Never && declared && self.state_dir.is_absent() {
                let why = "without state_dir a declared password is tried by serve alone, anew after every restart, and not by the command readiness";
                faults.warn(&at.place, why);
            }
            match tried {
                PasswordLogin::Refusal
                    if tenants.is_empty() && !matches!(self.refusal_tenants, Written::Faulty) =>
                {
                    faults.warn(
                        &at.place,
                        "no tenant has opted in: write refusal_tenants, or password_login: declared",
                    );
                }
                PasswordLogin::Declared if !declared => {
                    faults.warn_of_whole(
                        &at.place,
                        "no mailbox declares a password: {file: PATH} or {env: NAME}",
                    );
                }
                _ => {}
            }
        }
        for at in tenants {
            let same =
                |tenant: Option<&str>| tenant.is_some_and(|tenant| tenant.eq_ignore_ascii_case(&at.value));
            if !plan.credentials.iter().any(|credential| same(credential.tenant())) {
                let names = plan.credentials.iter().filter_map(|credential| credential.tenant());
                let hint = faults.hint("tenant", &at.value, names);
                let message = format!("no credential has the tenant {}{hint}", Quoted(&at.value));
                faults.warn_of_whole(&at.place, message);
            }
        }
        if tried == PasswordLogin::Never {
            for mailbox in mailboxes {
                if let Written::Is(at) = &mailbox.readiness.password {
                    faults.warn(
                        &at.place,
                        "this has no effect: no password is tried without readiness.password_login",
                    );
                }
            }
        }
    }

    /// What the imported files say about the mailboxes of the plan. Warns about lines that are not used.
    pub(super) fn imports(&self, plan: &Plan, faults: &Faults) -> Vec<Arc<Import>> {
        let import = |(topic, at): (Topic, &At<ImportFile>)| {
            let ImportFile { path, source, content } = &at.value;
            let mut import = imports::understand(path, topic, content, plan);
            import.report.source.clone_from(source);
            if let Some(sentence) = incomplete_use(&import.report) {
                faults.warn_of_whole(&at.place, sentence);
            }
            Arc::new(import)
        };
        self.import_files().map(import).collect()
    }
}

/// Reads the files to import under one key, which holds a file, a pattern, or a list of these. Notes each file and
/// its content in `sources`, and the name of each entry in `names`.
fn read_import_files(
    at: &Cursor<'_>,
    topic: Topic,
    base: &Path,
    sources: &mut Sources,
    names: &mut Vec<String>,
) -> Option<Vec<At<ImportFile>>> {
    let items = if at.is_list() { at.list("a file, or a list of files")? } else { vec![at.clone()] };
    let mut files: Vec<At<ImportFile>> = Vec::new();
    for item in items {
        let (text, place) = (item.text()?, item.place().clone());
        let name = format!("{}/{}", topic.label(), text.trim_start_matches('/'));
        names.push(name.clone());
        let found = if text.contains(['*', '?', '[']) {
            let pattern = At { value: text.to_owned(), place: place.clone() };
            let found = source::expand(std::slice::from_ref(&pattern), base, at.faults());
            sources.note_patterns(&[pattern]);
            found.into_iter().map(|at| at.value).collect()
        } else {
            vec![base.join(text)]
        };
        for path in found {
            if files.iter().all(|known| known.value.path != path) {
                files.push(At { value: ImportFile::read(path, name.clone(), sources), place: place.clone() });
            }
        }
    }
    Some(files)
}

/// At most this many refused lines are named in a warning.
const MAX_NAMED: usize = 3;

/// The warning about a file that was not used completely; otherwise `None`.
fn incomplete_use(report: &ImportReport) -> Option<String> {
    if let Some(fault) = &report.fault {
        return Some(format!("{}: {fault}: nothing is taken from it", report.file));
    }
    if report.refused_count == 0 && report.taken > 0 && report.unknown == 0 {
        return None;
    }
    let named: Vec<_> =
        report.refused.iter().take(MAX_NAMED).map(|(line, why)| format!("line {line}: {why}")).collect();
    let named = if named.is_empty() { String::new() } else { format!(" ({})", named.join("; ")) };
    Some(format!(
        "{}: lines taken {}, not understood {}{named}{}; {}",
        report.file,
        report.taken,
        report.refused_count,
        report.of_others(),
        report.of_unknown()
    ))
}

/// Reads a calendar. A missing one is a warning, and the shipped one counts instead.
fn calendar(path: PathBuf, named: &Cursor<'_>, sources: &mut Sources) -> (PathBuf, Option<Vec<Deadline>>) {
    let faults = named.faults();
    if matches!(source::bytes(&path), Err(Fault::Missing)) {
        sources.note(&path, None);
        faults.warn(named.place(), format!("{} is not there: the shipped calendar counts", path.display()));
        return (path, None);
    }
    let file: Rc<Path> = path.as_path().into();
    let mut rows = || {
        let text = source::read(&file, Some(named.place()), sources, faults)?;
        let node = source::parse(&file, &text, faults)?;
        let top = Cursor::top(&file, &node, faults);
        let rows = top.list("a list of dates, each with provider, protocol and kind")?;
        Some(rows.iter().filter_map(deadlines).flatten().collect())
    };
    let rows = rows();
    (path, rows)
}

/// The dates in one row of a calendar: one for each protocol, if the row is for [`EVERY`] protocol.
fn deadlines(at: &Cursor<'_>) -> Option<Vec<Deadline>> {
    let map = at.map(&keys::DEADLINE)?;
    let text = |at: &Cursor<'_>| at.text().map(str::to_owned);
    let provider = map.require("provider", "whose date it is: exchange_online, a provider of yours, …", text);
    let protocol =
        map.require("protocol", "imap, smtp, pop3, or all", |at| at.judge(|text| Ok(text.to_lowercase())));
    let kind = map.require("kind", "default_off, removal or account_password", |at| {
        at.parse("one of default_off, removal, account_password", DeadlineKind::from_label)
    });
    let date = map.read("date", day);
    let confidence =
        map.read("confidence", |at| at.parse("one of high, medium, low", Confidence::from_label));
    let source = map.read("source", text);
    let reviewed = map.read("reviewed", day);
    let row = Deadline {
        provider: provider?.value,
        protocol: protocol?.value,
        kind: kind?.value,
        date: date.value().copied(),
        confidence: confidence.or_default(Confidence::Medium)?,
        source: source.or_default(String::new())?,
        reviewed: reviewed.value().copied(),
    };
    if row.protocol != EVERY {
        return Some(vec![row]);
    }
    Some(
        PROTOCOLS
            .iter()
            .map(|protocol| Deadline { protocol: (*protocol).to_owned(), ..row.clone() })
            .collect(),
    )
}

fn day(at: &Cursor<'_>) -> Option<Date> {
    const DATE: usize = "2027-03-01".len();
    at.parse("a date like 2027-03-01", |text| text.parse().ok().filter(|_| text.len() == DATE))
}
