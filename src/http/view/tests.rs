//! Queries in and out.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use super::*;
use proptest::prelude::*;

fn read(list: List, query: &str) -> Result<View, String> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    View::read(list, &query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect())
}

#[test]
fn a_view_has_one_address_and_is_read_from_it() {
    for query in [
        "",
        "?name=a%20b",
        "?reason=timeout&credential=x%26y%3Dz&sort=-duration&offset=50&limit=20",
        "?label=team%3Dbilling&format=csv",
    ] {
        let pairs = query.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty());
        let parameters = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            let value = percent_encoding::percent_decode_str(value).decode_utf8().unwrap();
            (name.to_owned(), value.into_owned())
        });
        assert_eq!(View::read(List::Mailboxes, &parameters.collect()).unwrap().query(), query);
    }
}

#[test]
fn a_form_that_sends_empty_fields_asks_for_the_whole_list() {
    let view = read(List::Mailboxes, "name=&label=&reason=&sort=").unwrap();
    assert!(view.is_whole() && view.query().is_empty());
    assert!(!read(List::Mailboxes, "name=a").unwrap().is_whole());
    assert!(read(List::Mailboxes, "format=csv").unwrap().is_whole());
}

#[test]
fn what_a_list_cannot_do_is_refused_with_what_it_can() {
    let rows = [
        ("limit=-1", "whole number"),
        ("offset=x", "whole number"),
        ("limit=99999999999999999999999", "whole number"),
        ("protocol=ftp", "imap, smtp, pop3"),
        ("reason=broken", "timeout"),
        ("owner=me", "net"),
        ("outcome=down", "failure, waiting, success"),
        ("sort=size", "outcome, name"),
        ("sort=state", "outcome, name"),
        ("format=xml", "json, csv"),
        ("reasn=timeout", "reason"),
        ("reason=timeout&reason=throttled", "is given twice"),
    ];
    for (query, told) in rows {
        let error = read(List::Mailboxes, query).unwrap_err();
        assert!(error.contains(told), "{query}: {error}");
    }
    let long = format!("name={}", "x".repeat(300));
    assert!(read(List::Mailboxes, &long).is_err());
    assert!(read(List::Readiness, "sort=-state").is_ok());
}

/// The parameters of a view's own address.
fn parameters(query: &str) -> Parameters {
    let pairs = query.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty());
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
    pairs
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), decoded(value)))
        .collect()
}

proptest! {
    #[test]
    fn whatever_is_asked_for_is_refused_or_has_an_address(
        pairs in prop::collection::vec(
            ("name|label|sort|offset|limit|format|provider|server|\\PC{0,10}", "\\PC{0,20}|[0-9]{1,25}|-?(name|duration)|csv|json"),
            0..5,
        ),
    ) {
        for list in [List::Mailboxes, List::Readiness] {
            match View::read(list, &pairs) {
                Ok(view) => prop_assert_eq!(View::read(list, &parameters(&view.query())), Ok(view)),
                Err(why) => prop_assert!(why.chars().count() < 400 && !why.contains(char::is_control), "{why}"),
            }
        }
    }
}
