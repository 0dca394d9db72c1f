//! Tests of mistakes that no file may cause: a sender that was seen is called unused, a setting is guessed to be the
//! organisation's, a file is mistaken for another kind.

#![allow(clippy::unwrap_used)] // a test that cannot go on should say so at once

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::model::samples;

/// Mailboxes whose addresses hold the words by which a login is told.
const ADDRESSES: [&str; 4] = [
    "printer@modernfoods.example",
    "x@oauthlab.example",
    "basic.oauth@contoso.example",
    "oauth@oauth.example",
];

fn plan() -> Plan {
    let contoso = samples::credential("contoso");
    let mailboxes: Vec<Arc<Mailbox>> = ADDRESSES
        .iter()
        .map(|address| {
            let mailbox = samples::mailbox(address, &contoso);
            Arc::new(Mailbox {
                address: (*address).to_owned(),
                username: (*address).to_owned(),
                ..(*mailbox).clone()
            })
        })
        .collect();
    samples::plan(&mailboxes)
}

fn imported(text: &str, topic: Topic) -> Import {
    let content = Ok((text.as_bytes().to_vec(), Timestamp::UNIX_EPOCH));
    understand(Path::new("import.csv"), topic, &content, &plan())
}

fn findings(import: &Import, address: &str) -> Vec<Finding> {
    let of_address = import.evidence.iter().filter(|(name, _)| &*name.mailbox == address);
    of_address.flat_map(|(_, seen)| seen.iter().map(|seen| seen.finding)).collect()
}

#[test]
fn without_a_login_column_every_sender_counts_as_seen() {
    for header in [
        "Sender address,Message count,TLS 1.2,Domain",
        "Sender,Messages,Version,Team",
        // A column that speaks of authentication and holds something else decides nothing either.
        "Sender address,Authenticated sender,Team,Domain",
    ] {
        let rows: String = ADDRESSES.iter().map(|it| format!("{it},{it},OAuth,modern\n")).collect();
        let imported = imported(&format!("{header}\n{rows}"), Topic::Usage);
        for address in ADDRESSES {
            assert_eq!(findings(&imported, address), [Finding::SignedIn], "{header}: {address}");
        }
    }
}

#[test]
fn a_value_of_the_login_column_counts_as_a_whole() {
    let text = "Sender address,Authentication protocol\n\
        printer@modernfoods.example,Modern authentication\n\
        x@oauthlab.example,\"OAuth, Basic\"\n\
        basic.oauth@contoso.example,OAuth-like\n\
        oauth@oauth.example,OAuth\n\
        oauth@oauth.example,carrier pigeon\n";
    let imported = imported(text, Topic::Usage);
    assert_eq!(findings(&imported, ADDRESSES[0]), [Finding::Unused]);
    assert_eq!(findings(&imported, ADDRESSES[1]), [Finding::Used]);
    assert_eq!(findings(&imported, ADDRESSES[2]), []);
    assert_eq!(findings(&imported, ADDRESSES[3]), [], "one of its lines was not understood");
}

#[test]
fn rows_without_a_configured_mailbox_are_counted_in_bounds() {
    let mut text = "Sender address,Authentication protocol\n".to_owned();
    for number in 0..1000 {
        text += &format!("stranger{number:04}\u{202e}\u{3164}{}@fabrikam.example,Basic\n", "x".repeat(100));
    }
    let imported = imported(&text, Topic::Usage);
    let report = &imported.report;
    assert_eq!((report.taken, report.unknown, report.unknown_examples.len()), (0, 1000, 5));
    assert!(
        report
            .of_unknown()
            .starts_with("1000 rows name no configured mailbox (such as stranger0000\u{fffd}\u{fffd}x")
    );
    assert!(report.unknown_examples.iter().all(|name| name.chars().count() <= 65));
}

#[test]
fn a_sign_in_log_shows_password_users_and_calls_none_unused() {
    let portal = "Date (UTC),Request ID,User,Username,Application,Status,Sign-in error code,Client app\n\
        2026-11-01,1,Printer,printer@modernfoods.example,Office 365 Exchange Online,Success,,Authenticated SMTP\n\
        2026-11-01,2,X,x@oauthlab.example,Office 365 Exchange Online,Failure,50126,IMAP4\n\
        2026-11-01,3,B,basic.oauth@contoso.example,Office 365 Exchange Online,Success,,Browser\n\
        2026-11-01,4,O,oauth@oauth.example,Office 365 Exchange Online,Success,,Other clients\n\
        2026-11-01,5,S,stranger@contoso.example,Office 365 Exchange Online,Success,,POP3\n\
        2026-11-01,6,S,stranger@contoso.example,Office 365 Exchange Online,Success,,IMAP4\n";
    let imported = imported(portal, Topic::Usage);
    assert_eq!(findings(&imported, ADDRESSES[0]), [Finding::SignedIn]);
    assert_eq!(findings(&imported, ADDRESSES[1]), [], "a guess at a password is no use of one");
    assert_eq!(findings(&imported, ADDRESSES[2]), []);
    assert_eq!(findings(&imported, ADDRESSES[3]), [Finding::SignedIn; 3]);
    let report = &imported.report;
    assert_eq!((report.taken, report.refused_count, report.irrelevant, report.unknown), (2, 0, 2, 2));
}

#[test]
fn a_file_that_is_something_else_says_what_it_is_once() {
    let usage: [(&str, &str); 10] = [
        (
            "Identity,PrimarySmtpAddress,SmtpClientAuthenticationDisabled\na,a@b.example,True\n",
            "under `switches`",
        ),
        (
            "DisplayName,PrimarySmtpAddress,RecipientTypeDetails\nA,x@oauthlab.example,UserMailbox\n",
            "Get-Mailbox",
        ),
        (
            "Received,SenderAddress,RecipientAddress,Subject,Status\n1,x@oauthlab.example,b@c,Hi,Delivered\n",
            "message trace",
        ),
        ("userPrincipalName,displayName,accountEnabled\nx@oauthlab.example,X,True\n", "table of users"),
        ("User,Status\nx@oauthlab.example,Active\nprinter@modernfoods.example,Active\n", "is something else"),
        ("{\"value\": [{\"clientAppUsed\": \"IMAP4\"}]}\n", "is JSON"),
        ("<!DOCTYPE html><html>Sign in</html>\n", "is HTML"),
        ("PK\u{3}\u{4}workbook", "Excel workbook"),
        ("", "is empty"),
        ("m\0a\0i\0l\0b\0o\0x\0,\0", "UTF-16 without a byte order mark"),
    ];
    let switches = [
        ("Sender address,Client app\nx@oauthlab.example,SMTP\n", "under `usage`"),
        (
            "DisplayName,PrimarySmtpAddress,RecipientTypeDetails\nA,x@oauthlab.example,UserMailbox\n",
            "Get-Mailbox",
        ),
    ];
    let usage = usage.map(|(text, what)| (text, Topic::Usage, what));
    let switches = switches.map(|(text, what)| (text, Topic::Switches, what));
    for (text, named, what) in usage.into_iter().chain(switches) {
        let imported = imported(text, named);
        let report = &imported.report;
        assert!(report.fault.as_ref().is_some_and(|fault| fault.contains(what)), "{what}: {report:?}");
        assert!(imported.evidence.is_empty() && report.refused.is_empty(), "{report:?}");
    }
}

#[test]
fn a_row_is_the_organisations_only_where_it_says_so() {
    let rows = "DisplayName,SmtpClientAuthenticationDisabled\nPrinter,True\nScanner,True\n";
    let mailbox = "PrimarySmtpAddress,SmtpClientAuthenticationDisabled\nx@oauthlab.example,\n";
    let unnamed = "SmtpClientAuthenticationDisabled\nTrue\n";
    let persons = "Name,PrimarySmtpAddress,SmtpClientAuthenticationDisabled\nTransport Settings,t@contoso.example,True\n";
    for guess in [rows, unnamed, persons] {
        let imported = imported(&format!("{guess}{mailbox}"), Topic::Switches);
        assert_eq!(findings(&imported, "x@oauthlab.example"), [], "{guess}");
    }
    let said = "Name,SmtpClientAuthenticationDisabled\nTransport Settings,True\n";
    let inherited = imported(&format!("{said}{mailbox}"), Topic::Switches);
    assert_eq!(findings(&inherited, "x@oauthlab.example"), [Finding::SwitchedOff]);
    let opposite = format!("{said}Transport Settings,False\n{mailbox}");
    assert_eq!(findings(&imported(&opposite, Topic::Switches), "x@oauthlab.example"), []);
}

#[test]
fn a_tenant_column_keeps_one_name_of_two_tenants_apart() {
    let of = |tenant: &str| {
        let text = format!("mailbox,protocol,used,until,tenant\nx@oauthlab.example,smtp,unused,,{tenant}\n");
        findings(&imported(&text, Topic::Usage), "x@oauthlab.example")
    };
    assert_eq!(of("CONTOSO-tenant"), [Finding::Unused]);
    assert_eq!(of("fabrikam-tenant"), []);
    assert_eq!(of(""), [Finding::Unused]);
}

proptest! {
    /// Whatever the columns and the values: who is seen in a row is called unused by that file only where a column of
    /// that name says OAuth in so many words.
    #[test]
    fn no_column_but_a_login_column_makes_anybody_unused(
        headers in proptest::collection::vec("[A-Za-z ]{1,20}|Domain|Messages|Display name|Connector", 1..4),
        values in proptest::collection::vec("OAuth|Modern|Basic|oauth2|0|[a-z@.,]{0,12}", 3),
        quoted in any::<bool>(),
    ) {
        let speaks = |name: &String| {
            let name = table::plain(name);
            ["auth", "basic", "use", "password", "state", "status"].iter().any(|word| name.contains(word))
        };
        prop_assume!(!headers.iter().any(speaks));
        let quote = |value: &String| if quoted { format!("\"{value}\"") } else { value.clone() };
        let values: Vec<String> = values.iter().take(headers.len()).map(quote).collect();
        let text = format!("Sender address,{}\nx@oauthlab.example,{}\n", headers.join(","), values.join(","));
        let imported = imported(&text, Topic::Usage);
        prop_assert!(!findings(&imported, "x@oauthlab.example").contains(&Finding::Unused), "{text}");
    }
}
