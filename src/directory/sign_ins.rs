//! Who signs in by IMAP, POP and SMTP: the sign-in log, page by page.
//!
//! A row does not say whether a password or a token was shown, and a missing row proves nothing: the log goes back
//! some days or weeks, and a printer may send once a quarter.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, Unit};
use serde::Deserialize;

use super::Read;
use super::fault::Fault;
use super::graph::{Graph, Item, Page, time};
use crate::model::{DirectoryEnds, Feed, FeedReading, Protocol, Sightings};
use crate::safe;

/// How far back the first reading goes: the log of a licensed tenant is kept so long, and evidence counts so long.
const MEMORY: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How far a later reading goes behind the last: a row may arrive hours after the sign-in.
const OVERLAP: SignedDuration = SignedDuration::from_hours(3);
/// How far a row may be ahead of our clock. One that is further ahead would hide every later sign-in of its user.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// The rows of a page, and the most pages of a reading.
const PAGE: usize = 500;
const PAGES: usize = 200;
/// The most users and protocols that are remembered.
const SIGHTINGS: usize = 100_000;

/// The members of a row that are used.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    user_principal_name: Option<String>,
    created_date_time: Option<String>,
    client_app_used: Option<String>,
    status: Option<Status>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    error_code: Option<i64>,
}

/// Reads what is new since the last complete reading.
pub(super) async fn read(
    graph: &mut Graph<'_>,
    at: Timestamp,
    last: Option<&FeedReading>,
) -> Result<Read, Fault> {
    let oldest = at.checked_sub(MEMORY).unwrap_or(Timestamp::MIN);
    let since = last.and_then(|last| last.at.checked_sub(OVERLAP).ok());
    let since = since.map_or(oldest, |since| since.max(oldest));
    let known = last.map_or_else(Sightings::new, |last| Sightings::clone(&last.sightings));
    let latest = at.checked_add(SKEW).unwrap_or(Timestamp::MAX);
    let mut tally = Tally::within(oldest..=latest);
    tally.sightings = known;
    tally.sightings.retain(|_, seen| *seen >= oldest);
    let mut next = Some(first(&graph.directory.base_url, since));
    let (mut pages, mut bound) = (BTreeSet::new(), None);
    while let Some(url) = next {
        if pages.len() == PAGES {
            bound = Some(format!("{PAGES} pages of {PAGE} rows"));
            break;
        }
        let page = graph.get::<Page<Row>>(&url, Feed::SignIns).await?;
        let page =
            page.ok_or_else(|| Fault::Refused { status: 404, said: "there is no sign-in log".to_owned() })?;
        page.value.iter().for_each(|row| tally.add(row));
        next = page.next().map(|link| graph.next(link)).transpose()?;
        pages.insert(url);
        if next.as_ref().is_some_and(|next| pages.contains(next)) {
            return Err(Fault::Unreadable(
                "the link to the next page leads back to one already read".to_owned(),
            ));
        }
    }
    if tally.overflowed {
        bound = Some(format!("{SIGHTINGS} users and protocols"));
    }
    let Tally { irrelevant, unclear, sightings, .. } = tally;
    // A later reading may bring nothing new in a quiet night, and yet the log is not empty.
    let rows = sightings.len();
    let sightings = Arc::new(sightings);
    let reading = FeedReading { at, rows, sightings, irrelevant, unclear, remark: None };
    Ok(Read { reading, ends: DirectoryEnds::new(), unmatched: Vec::new(), bound })
}

/// The address of the first page, the newest rows first.
fn first(base_url: &str, since: Timestamp) -> String {
    let since = since.round(Unit::Second).unwrap_or(since);
    let mut filter = format!("createdDateTime ge {since}");
    for (position, app) in
        Protocol::of_mail().filter_map(Protocol::mail).map(|mail| mail.client_app).enumerate()
    {
        let joint = if position == 0 { " and (" } else { " or " };
        // Writing to a string cannot fail.
        let _ = write!(filter, "{joint}clientAppUsed eq '{app}'");
    }
    filter.push(')');
    format!("{base_url}/v1.0/auditLogs/signIns?$filter={}&$top={PAGE}", safe::url_part(&filter))
}

#[derive(Debug)]
struct Tally {
    /// The times that a row may have.
    times: RangeInclusive<Timestamp>,
    irrelevant: usize,
    unclear: usize,
    sightings: Sightings,
    overflowed: bool,
}

impl Tally {
    fn within(times: RangeInclusive<Timestamp>) -> Self {
        Self { times, irrelevant: 0, unclear: 0, sightings: Sightings::new(), overflowed: false }
    }

    fn add(&mut self, row: &Item<Row>) {
        let Some(row) = row.read() else {
            self.unclear += 1;
            return;
        };
        let is_app = |protocol: &Protocol| {
            protocol.mail().is_some_and(|mail| row.client_app_used.as_deref() == Some(mail.client_app))
        };
        let failed = row.status.as_ref().and_then(|status| status.error_code).is_some_and(|code| code != 0);
        let protocol = Protocol::of_mail().find(is_app).filter(|_| !failed);
        let Some(protocol) = protocol else {
            self.irrelevant += 1;
            return;
        };
        let user = row.user_principal_name.as_deref().filter(|user| is_name(user));
        let at = time(row.created_date_time.as_deref()).filter(|at| self.times.contains(at));
        let Some((user, at)) = user.zip(at) else {
            self.unclear += 1;
            return;
        };
        let key = (user.to_lowercase(), protocol);
        if let Some(seen) = self.sightings.get_mut(&key) {
            *seen = at.max(*seen);
        } else if self.sightings.len() < SIGHTINGS {
            self.sightings.insert(key, at);
        } else {
            self.overflowed = true;
        }
    }
}

/// Whether it may be the name of a mailbox: one with invisible letters would look like another.
fn is_name(user: &str) -> bool {
    const LONGEST: usize = 320;
    !user.is_empty() && user.len() <= LONGEST && !user.chars().any(safe::acts)
}

#[cfg(test)]
// A test that cannot go on has failed.
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_success_by_a_mail_protocol_is_a_sighting() {
        let mut tally = Tally::within(Timestamp::MIN..=Timestamp::MAX);
        let rows: Vec<Item<Row>> = serde_json::from_str(
            r#"[
            {"userPrincipalName":"Desk@Contoso.example","createdDateTime":"2026-11-01T10:00:00Z","clientAppUsed":"IMAP4","status":{"errorCode":0}},
            {"userPrincipalName":"desk@contoso.example","createdDateTime":"2026-11-02T10:00:00Z","clientAppUsed":"IMAP4","status":{"errorCode":0,"more":[]}},
            {"userPrincipalName":"desk@contoso.example","createdDateTime":"2026-11-03T10:00:00Z","clientAppUsed":"IMAP4","status":{"errorCode":50126}},
            {"userPrincipalName":"desk@contoso.example","createdDateTime":"2026-11-03T10:00:00Z","clientAppUsed":"Browser"},
            {"userPrincipalName":"desk@contoso.example","createdDateTime":"2026-11-04T10:00:00Z","clientAppUsed":"Authenticated SMTP"},
            {"userPrincipalName":"","createdDateTime":"2026-11-04T10:00:00Z","clientAppUsed":"POP3"},
            {"userPrincipalName":"desk@contoso.example","clientAppUsed":"POP3","riskLevel":null},
            null,
            {"userPrincipalName":7,"createdDateTime":"2026-11-04T10:00:00Z","clientAppUsed":"POP3"}]"#,
        )
        .unwrap();
        rows.iter().for_each(|row| tally.add(row));
        assert_eq!((tally.sightings.len(), tally.irrelevant, tally.unclear), (2, 2, 4));
        let at = |protocol| tally.sightings.get(&("desk@contoso.example".to_owned(), protocol)).copied();
        assert_eq!(at(Protocol::Imap), Some("2026-11-02T10:00:00Z".parse().unwrap()));
        assert_eq!(at(Protocol::Smtp), Some("2026-11-04T10:00:00Z".parse().unwrap()));
        assert_eq!(at(Protocol::Pop3), None);
    }

    #[test]
    fn rows_of_impossible_times_and_names_cost_only_themselves() {
        let moment = |text: &str| -> Timestamp { text.parse().unwrap() };
        let mut tally = Tally::within(moment("2026-11-01T00:00:00Z")..=moment("2026-11-30T12:05:00Z"));
        let row = |user: &str, at: &str| -> Item<Row> {
            let json = serde_json::json!({ "userPrincipalName": user, "createdDateTime": at, "clientAppUsed": "IMAP4" });
            serde_json::from_value(json).unwrap()
        };
        let desk = "desk@contoso.example";
        for (user, at) in [
            (desk, "2026-11-29T10:00:00Z"),
            (desk, "2026-11-30T12:04:00Z"),
            (desk, "2026-11-30T13:00:00Z"),
            (desk, "9999-12-31T23:59:59Z"),
            (desk, "0001-01-01T00:00:00Z"),
            (desk, "-9999-01-01T00:00:00Z"),
            (desk, "1601-01-01T00:00:00Z"),
            (desk, "99999999999999999999"),
            (desk, ""),
            ("de\u{200b}sk@contoso.example", "2026-11-29T10:00:00Z"),
            ("\u{202e}elpmaxe.osotnoc@ksed", "2026-11-29T10:00:00Z"),
        ] {
            tally.add(&row(user, at));
        }
        assert_eq!((tally.sightings.len(), tally.unclear), (1, 9));
        let seen = tally.sightings.get(&(desk.to_owned(), Protocol::Imap)).copied();
        assert_eq!(seen, Some(moment("2026-11-30T12:04:00Z")), "a row from the future would hide all others");
    }

    #[test]
    fn the_log_is_asked_for_the_three_clients_from_a_moment_on() {
        let url = first("https://graph.example", "2026-11-01T00:00:00Z".parse().unwrap());
        let url = url::Url::parse(&url).unwrap();
        let filter = url.query_pairs().find(|(name, _)| name == "$filter").unwrap().1.into_owned();
        assert_eq!(
            filter,
            "createdDateTime ge 2026-11-01T00:00:00Z and (clientAppUsed eq 'IMAP4' or clientAppUsed eq 'Authenticated SMTP' or clientAppUsed eq 'POP3')"
        );
    }

    proptest! {
        #[test]
        fn every_row_of_a_page_counts_once_and_only_as_what_it_is(
            rows in prop::collection::vec(
                r#"null|[0-9]{1,3}|\{("(userPrincipalName|createdDateTime|clientAppUsed|status|x)":("(desk@contoso.example|2026-11-0[1-9]T10:00:00Z|IMAP4|POP3|Browser|[ !#-\[\]-~]{0,12})"|null|[0-9]{1,3}|\{"errorCode":[0-9]{1,3}\}))?\}|\{"userPrincipalName":"\PC{0,6}","createdDateTime":"2026-11-01T10:00:00Z","clientAppUsed":"IMAP4","status":\{"errorCode":[01]\}\}"#,
                0..6,
            ),
            body in "\\PC{0,80}",
        ) {
            let _ = serde_json::from_str::<Page<Row>>(&body);
            let text = format!(r#"{{"value":[{}],"@odata.nextLink":null}}"#, rows.join(","));
            let Ok(page) = serde_json::from_str::<Page<Row>>(&text) else { return Ok(()) };
            let mut tally = Tally::within(Timestamp::UNIX_EPOCH..=Timestamp::MAX);
            page.value.iter().for_each(|row| tally.add(row));
            prop_assert_eq!(page.value.len(), rows.len());
            prop_assert!(tally.sightings.len() + tally.irrelevant + tally.unclear <= rows.len());
            prop_assert!(tally.sightings.keys().all(|(user, _)| is_name(user)), "{:?}", tally.sightings);
            let told = rows.iter().filter(|row| row.contains("IMAP4") || row.contains("POP3")).count();
            prop_assert!(tally.sightings.len() <= told);
        }
    }
}
