//! The providers' announced dates, as data, and which of them apply to a check.
//!
//! Owns the built-in table. Only the kind `removal` closes passwords; the others are deadlines.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use crate::model::{
    Check, Confidence, Deadline, DeadlineKind, Evidence, Family, Finding, HIGH_VOLUME_HOSTS, Policy,
    Protocol, Signal,
};

use Confidence::{High, Low, Medium};
use DeadlineKind::{AccountPassword, DefaultOff, Removal};

/// Our name for Microsoft's bulk mail service inside an organisation, which has dates of its own.
const HIGH_VOLUME: &str = "high_volume_email";

/// A row of the built-in table: provider, protocol, kind, date, confidence, source.
type Row = (&'static str, &'static str, DeadlineKind, Option<Date>, Confidence, &'static str);

/// When the rows were last reviewed.
const REVIEWED: Date = date(2026, 11, 29);

const EXCHANGE_TEAM: &str = "Exchange Team Blog, Updated Exchange Online SMTP AUTH Basic Authentication Deprecation Timeline, 2026-01-27";
const DEPRECATION: &str = "Microsoft Learn, Deprecation of Basic authentication in Exchange Online: off in every tenant, October 2022 to January 2023";
const PERSONAL: &str = "Microsoft Support, modern authentication for Outlook.com; secondary sources";
const HELD: &str = "Message center MC786329 of 2026-01-27: the removal is on hold, a follow-up post with its date is announced";
const GOOGLE: &str = "Google Workspace Admin Help, transition from less secure apps (another page of Google says 2025-05-01); personal accounts ended on 2022-05-30; app passwords still work";

const YAHOO: &str = "announced for the first quarter of 2026, as secondary sources say; app passwords still work, and Yahoo's own guides use them";
const ICLOUD: &str = "Apple Support: app-specific passwords are required since 2017-06-15; they still work";

/// The built-in calendar.
#[rustfmt::skip] // one date, one line
const SHIPPED: &[Row] = &[
    ("exchange_online", "imap", Removal, Some(date(2023, 1, 31)), High, DEPRECATION),
    ("exchange_online", "pop3", Removal, Some(date(2023, 1, 31)), High, DEPRECATION),
    // The post says "end of December", and that administrators can turn it on again.
    ("exchange_online", "smtp", DefaultOff, Some(date(2026, 12, 31)), Medium, EXCHANGE_TEAM),
    ("exchange_online", "smtp", Removal, None, Medium, HELD),
    ("exchange_online", "ews", Removal, Some(date(2027, 4, 1)), Medium, "press of 2026 on the end of Exchange Web Services"),
    (HIGH_VOLUME, "smtp", Removal, Some(date(2028, 9, 30)), Medium, "secondary sources on High Volume Email, 2026"),
    ("yahoo", "imap", AccountPassword, Some(date(2026, 3, 31)), Low, YAHOO),
    ("yahoo", "pop3", AccountPassword, Some(date(2026, 3, 31)), Low, YAHOO),
    ("yahoo", "smtp", AccountPassword, Some(date(2026, 3, 31)), Low, YAHOO),
    ("aol", "imap", AccountPassword, Some(date(2026, 3, 31)), Low, YAHOO),
    ("aol", "pop3", AccountPassword, Some(date(2026, 3, 31)), Low, YAHOO),
    ("aol", "smtp", AccountPassword, Some(date(2026, 3, 31)), Low, YAHOO),
    ("icloud", "imap", AccountPassword, Some(date(2017, 6, 15)), High, ICLOUD),
    ("icloud", "smtp", AccountPassword, Some(date(2017, 6, 15)), High, ICLOUD),
    ("outlook_com", "imap", Removal, Some(date(2024, 9, 16)), Medium, PERSONAL),
    ("outlook_com", "pop3", Removal, Some(date(2024, 9, 16)), Medium, PERSONAL),
    ("outlook_com", "smtp", Removal, Some(date(2024, 9, 16)), Medium, PERSONAL),
    ("gmail", "imap", AccountPassword, Some(date(2025, 3, 14)), High, GOOGLE),
    ("gmail", "pop3", AccountPassword, Some(date(2025, 3, 14)), High, GOOGLE),
    ("gmail", "smtp", AccountPassword, Some(date(2025, 3, 14)), High, GOOGLE),
];

/// The built-in calendar as model values.
fn shipped() -> Vec<Deadline> {
    let row = |(provider, protocol, kind, date, confidence, source): &Row| Deadline {
        provider: (*provider).to_owned(),
        protocol: (*protocol).to_owned(),
        kind: *kind,
        date: *date,
        confidence: *confidence,
        source: (*source).to_owned(),
        reviewed: Some(REVIEWED),
    };
    SHIPPED.iter().map(row).collect()
}

/// The start of a day in UTC.
pub fn moment(date: Date) -> Option<Timestamp> {
    date.to_zoned_datetime(TimeZone::UTC).ok().map(|start| start.timestamp())
}

/// The calendar in force: the operator's, or else the built-in one.
pub fn calendar(policy: &Policy) -> Vec<Deadline> {
    policy.calendar.clone().unwrap_or_else(shipped)
}

/// Whether a row applies to a check: by the name of its provider, or by the provider's family or service.
pub fn applies(row: &Deadline, check: &Check) -> bool {
    of(std::slice::from_ref(row), check, check.protocol()).next().is_some()
}

/// The rows of a calendar that apply to a check, as [`applies`] says.
pub(super) fn of<'c>(
    calendar: &'c [Deadline],
    check: &Check,
    protocol: Protocol,
) -> impl Iterator<Item = &'c Deadline> {
    let provider = &check.mailbox.provider;
    let is_its_host = HIGH_VOLUME_HOSTS.iter().any(|host| check.endpoint.host.eq_ignore_ascii_case(host));
    let high_volume = protocol == check.protocol() && is_its_host;
    let family = match provider.family {
        Family::ExchangeOnline if high_volume => Some(HIGH_VOLUME),
        Family::Generic => None,
        family => Some(family.label()),
    };
    let name = provider.name.to_string();
    let service = provider.service.map(|service| service.name);
    calendar.iter().filter(move |row| {
        let named = Some(&*row.provider);
        row.protocol == protocol.label() && (named == family || named == service || row.provider == name)
    })
}

/// What the calendar proves now: the latest removal that has taken effect.
pub(super) fn evidence<'c>(rows: impl Iterator<Item = &'c Deadline>, now: Timestamp) -> Option<Evidence> {
    let removal = |row: &Deadline| {
        let at = moment(row.date?).filter(|at| *at <= now && row.kind == Removal)?;
        let note = format!("{} ({} confidence): {}", row.provider, row.confidence, row.source);
        Some(Evidence { at, finding: Finding::Removed, signal: Signal::Calendar, until: None, note })
    };
    rows.filter_map(removal).max()
}

/// The relevant deadline: the next future one, or else the last one that has passed.
pub(super) fn next<'c>(rows: impl Iterator<Item = &'c Deadline>, now: Timestamp) -> Option<Deadline> {
    let mut dated: Vec<(Timestamp, &Deadline)> = rows
        .filter(|row| row.kind != AccountPassword)
        .filter_map(|row| Some((moment(row.date?)?, row)))
        .collect();
    dated.sort_by_key(|(at, _)| *at);
    let ahead = dated.iter().find(|(at, _)| *at > now);
    ahead.or(dated.last()).map(|(_, row)| (*row).clone())
}
