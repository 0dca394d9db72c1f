//! The remedies against every reason, family, protocol and phase: whom they address, what they name, how long they are.
// A test that cannot go on has failed; saying so by a panic is what a test is for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod claims;
mod found;
mod high_volume;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::{NATIVE_CLIENT, Subject, consent_url, generic_hint, hint};
use crate::model::{
    Access, Auth, Check, Claims, Cloud, Credential, Endpoint, Family, Goal, IpChoice, Mailbox, Phase, Proof,
    Protocol, Provider, Reason, SecretRef, Security, ServerFacts, TokenAccess, TokenSpec,
};

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const APP: &str = "66666666-7777-8888-9999-000000000000";
const OID: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

/// A mailbox of a family; its check has a token.
fn check(family: Family, protocol: Protocol, address: &str) -> Check {
    let proof = Proof::sample(Some(TENANT), APP, "CONTOSO_SECRET");
    let auth = Auth::Token(Arc::clone(&proof));
    let credential = Arc::new(Credential { name: "contoso".into(), auth, expires: None });
    let (host, url, scope) = match family {
        Family::ExchangeOnline | Family::OutlookCom => (
            "outlook.office365.com",
            "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token",
            "https://outlook.office365.com/.default",
        ),
        Family::Gmail => {
            ("imap.gmail.com", "https://oauth2.googleapis.com/token", "https://mail.google.com/")
        }
        Family::Generic => ("mail.lab.example", "https://idp.lab.example/realms/lab/token", "mail"),
    };
    let (goal, permission) = match protocol {
        Protocol::Imap => {
            (Goal::Folder { name: "INBOX".to_owned(), read_only: false, unread: None }, "IMAP.AccessAsApp")
        }
        Protocol::Smtp => (Goal::Submission { sender: false, ehlo: None }, "SMTP.SendAsApp"),
        Protocol::Graph => (Goal::GraphFolder { folder: "inbox".to_owned() }, "Mail.ReadBasic.All"),
        // What a round trip is told does not depend on its legs.
        Protocol::Pop3 | Protocol::RoundTrip => (Goal::Maildrop, "POP.AccessAsApp"),
    };
    let spec = TokenSpec {
        credential: Arc::clone(&credential.name),
        proof,
        url: url.into(),
        scope: scope.into(),
        ca_file: None,
        url_is_written: false,
        user: None,
    };
    Check {
        mailbox: Arc::new(Mailbox {
            name: "invoices".into(),
            address: address.to_owned(),
            username: address.to_owned(),
            credential,
            provider: Arc::new(Provider {
                name: "preset".into(),
                family,
                cloud: Cloud::Worldwide,
                service: None,
                ca_file: None,
            }),
            labels: BTreeMap::new(),
            alert_path: false,
        }),
        endpoint: Endpoint { host: host.to_owned(), port: 993, security: Security::Implicit },
        ip: IpChoice::Auto,
        access: Access::Token(TokenAccess {
            spec,
            mechanism: None,
            permission: (family == Family::ExchangeOnline).then_some(permission),
        }),
        goal,
        interval: Duration::from_secs(300),
        timeout: Duration::from_secs(90),
    }
}

fn claims(permission: &str) -> Claims {
    Claims {
        audience: Some("https://outlook.office365.com".to_owned()),
        tenant: Some(TENANT.to_owned()),
        app: Some(APP.to_owned()),
        object_id: Some(OID.to_owned()),
        permissions: vec![permission.to_owned()],
        ..Claims::default()
    }
}

fn subject<'a>(check: &'a Check, claims: Option<&'a Claims>) -> Subject<'a> {
    static NOTHING_SEEN: LazyLock<ServerFacts> = LazyLock::new(ServerFacts::default);
    let server = &*NOTHING_SEEN;
    Subject { check, claims, clock_skew: None, at: Timestamp::UNIX_EPOCH, server, detail: "", works: None }
}

#[test]
fn every_reason_has_a_remedy_everywhere() {
    for &reason in Reason::ALL {
        assert!(generic_hint(reason, None, None).len() > 20, "{reason}");
        for &family in Family::ALL {
            assert!(generic_hint(reason, Some(family), None).len() > 20, "{reason} at {family}");
            for &protocol in Protocol::ALL {
                let check = check(family, protocol, "invoices@contoso.example");
                for &phase in Phase::ALL {
                    let text = hint(reason, phase, &subject(&check, None));
                    assert!(text.len() > 20, "{reason} at {family}, {protocol}, {phase}");
                    assert!(!text.contains(['{', '}']), "{reason}: a place is not filled: {text}");
                    assert_eq!(text.matches('`').count() % 2, 0, "{reason}: backticks are no pairs: {text}");
                    for line in text.lines() {
                        assert!(line.matches('`').count() % 2 == 0, "{reason}: a command over two lines");
                    }
                }
            }
        }
    }
}

#[test]
fn hints_are_short_enough_to_be_read_at_three_in_the_morning() {
    /// With every value filled in: the five causes of a session that is attached to no mailbox.
    const LONGEST: usize = 1000;
    for &reason in Reason::ALL {
        for &family in Family::ALL {
            for &protocol in Protocol::ALL {
                let check = check(family, protocol, "invoices@contoso.example");
                let claims = claims("IMAP.AccessAsApp");
                for works in [None, Some(Protocol::Imap), Some(Protocol::Smtp)] {
                    let subject = Subject { works, ..subject(&check, Some(&claims)) };
                    let text = hint(reason, Phase::Auth, &subject);
                    assert!(text.len() <= LONGEST, "{reason} at {family}: {} bytes\n{text}", text.len());
                }
            }
        }
    }
}

#[test]
fn commands_of_exchange_are_shown_to_nobody_else() {
    let foreign = ["Set-CASMailbox", "New-ServicePrincipal", "Add-MailboxPermission", "Get-", "az ad"];
    // Only Exchange Online has this switch, so an answer that mentions it comes from there, whatever the configuration says.
    let exchange_alone = [Reason::SmtpAuthDisabledTenant, Reason::SmtpAuthDisabledMailbox];
    // Its own entra portal, whatever the mail server: nobody else has such credentials.
    let entra_alone = [Reason::FederatedIdentityMismatch];
    for &reason in Reason::ALL {
        if exchange_alone.contains(&reason) || entra_alone.contains(&reason) {
            continue;
        }
        for family in [Family::Gmail, Family::Generic] {
            for &protocol in Protocol::ALL {
                let check = check(family, protocol, "invoices@contoso.example");
                for &phase in Phase::ALL {
                    let text = hint(reason, phase, &subject(&check, None));
                    for command in foreign {
                        assert!(!text.contains(command), "{reason} at {family}: {text}");
                    }
                }
            }
        }
    }
}

#[test]
fn entra_tokens_at_an_own_server_get_entra_remedies() {
    let mut check = check(Family::Generic, Protocol::Imap, "invoices@contoso.example");
    let Access::Token(TokenAccess { spec, .. }) = &mut check.access else { panic!("the check has a token") };
    spec.url = "https://LOGIN.microsoftonline.com/t/oauth2/v2.0/token".into();
    let token = hint(Reason::SecretExpired, Phase::Token, &subject(&check, None));
    assert!(token.contains(&format!("`az ad app credential reset --id {APP} --append`")), "{token}");
    let login = hint(Reason::TokenRejected, Phase::Auth, &subject(&check, None));
    assert!(!login.contains("New-ServicePrincipal"), "{login}");
    let Access::Token(TokenAccess { spec, .. }) = &mut check.access else { panic!("the check has a token") };
    spec.url = "https://evilmicrosoftonline.com/token".into();
    let other = hint(Reason::SecretExpired, Phase::Token, &subject(&check, None));
    assert!(!other.contains("az ad"), "{other}");
}

#[test]
fn a_switched_off_smtp_auth_names_the_command_and_its_effects() {
    let check = check(Family::ExchangeOnline, Protocol::Smtp, "o'brien@contoso.example");
    let expected =
        "`Set-CASMailbox -Identity 'o''brien@contoso.example' -SmtpClientAuthenticationDisabled $false`";
    for reason in [Reason::SmtpAuthDisabledTenant, Reason::SmtpAuthDisabledMailbox] {
        let text = hint(reason, Phase::Auth, &subject(&check, None));
        assert!(text.contains(expected), "{text}");
        assert!(text.contains("OAuth logins are refused as well"), "{text}");
        assert!(generic_hint(reason, None, None).contains("Set-CASMailbox -Identity 'ADDRESS'"));
    }
    let tenant = hint(Reason::SmtpAuthDisabledTenant, Phase::Auth, &subject(&check, None));
    assert!(tenant.contains("`Set-TransportConfig -SmtpClientAuthenticationDisabled $false`"), "{tenant}");
}

#[test]
fn a_password_that_no_server_takes_needs_a_token() {
    for family in [Family::ExchangeOnline, Family::OutlookCom, Family::Generic] {
        for protocol in [Protocol::Imap, Protocol::Smtp, Protocol::Pop3] {
            let password = Access::Password(SecretRef::Env("PASSWORD".to_owned()));
            let check = Check { access: password, ..check(family, protocol, "invoices@contoso.example") };
            let text = hint(Reason::MechanismUnsupported, Phase::Auth, &subject(&check, None));
            assert!(text.contains("takes no passwords") && text.contains("a token"), "{family}: {text}");
            assert!(!text.contains("`mechanism"), "a password has no mechanism to choose: {text}");
            assert!(protocol == Protocol::Smtp || !text.contains("submission port"), "{protocol}: {text}");
        }
    }
}

#[test]
fn a_rejected_token_in_order_leaves_the_exchange_steps() {
    let check = check(Family::ExchangeOnline, Protocol::Imap, "invoices@contoso.example");
    let claims = claims("IMAP.AccessAsApp");
    let text = hint(Reason::TokenRejected, Phase::Auth, &subject(&check, Some(&claims)));
    assert!(
        text.starts_with("The token itself is in order (audience, tenant, app, `IMAP.AccessAsApp`)"),
        "{text}"
    );
    assert!(text.contains(&format!("`New-ServicePrincipal -AppId '{APP}' -ObjectId '{OID}'`")), "{text}");
    let permission = format!(
        "`Add-MailboxPermission -Identity 'invoices@contoso.example' -User '{OID}' -AccessRights FullAccess`"
    );
    assert!(text.contains(&permission), "{text}");
}

#[test]
fn imap_fine_and_smtp_refused_with_the_same_token_is_said() {
    let check = check(Family::ExchangeOnline, Protocol::Smtp, "invoices@contoso.example");
    let claims = claims("SMTP.SendAsApp");
    let works = Some(Protocol::Imap);
    let subject = Subject { works, ..subject(&check, Some(&claims)) };
    let text = hint(Reason::TokenRejected, Phase::Auth, &subject);
    assert!(text.contains("opens this mailbox by IMAP right now"), "{text}");
    assert!(text.contains("SmtpClientAuthenticationDisabled"), "{text}");
    assert!(!text.contains("New-ServicePrincipal"), "what works proves that the app is registered: {text}");
}

#[test]
fn a_token_whose_time_ended_needs_nothing_done() {
    let check = check(Family::ExchangeOnline, Protocol::Imap, "invoices@contoso.example");
    let detail = "* BYE Session invalidated - AccessTokenExpired";
    let text = hint(Reason::TokenRejected, Phase::Select, &Subject { detail, ..subject(&check, None) });
    assert!(text.ends_with("the next probe fetches a new one."), "{text}");
}

#[test]
fn at_the_token_the_peer_is_the_identity_provider() {
    let check = check(Family::ExchangeOnline, Protocol::Imap, "invoices@contoso.example");
    let text = hint(Reason::DnsNotFound, Phase::Token, &subject(&check, None));
    assert!(text.contains("login.microsoftonline.com") && !text.contains("outlook.office365.com"), "{text}");
    let text = hint(Reason::DnsNotFound, Phase::Resolve, &subject(&check, None));
    assert!(text.contains("`getent hosts outlook.office365.com`"), "{text}");
}

#[test]
fn the_consent_url_follows_cloud_protocol_and_redirect() {
    let mut check = check(Family::ExchangeOnline, Protocol::Imap, "invoices@contoso.example");
    let Access::Token(TokenAccess { spec, .. }) = &mut check.access else { panic!("the check has a token") };
    let head = format!("https://login.microsoftonline.com/{TENANT}/v2.0/adminconsent?client_id={APP}");
    let redirect = "https%3A%2F%2Flogin.microsoftonline.com%2Fcommon%2Foauth2%2Fnativeclient";
    assert_eq!(
        consent_url(spec, Protocol::Imap, NATIVE_CLIENT).unwrap(),
        format!("{head}&redirect_uri={redirect}&scope=https%3A%2F%2Fps.outlook.com%2F.default")
    );
    assert_eq!(
        consent_url(spec, Protocol::Smtp, "https://a.example/?x=1&y").unwrap(),
        format!(
            "{head}&redirect_uri=https%3A%2F%2Fa.example%2F%3Fx%3D1%26y&scope=https%3A%2F%2Foutlook.office365.com%2F.default"
        )
    );
    spec.url = "https://login.microsoftonline.us/t/oauth2/v2.0/token".into();
    spec.scope = "https://outlook.office365.us/.default".into();
    let url = consent_url(spec, Protocol::Imap, NATIVE_CLIENT).unwrap();
    assert!(url.starts_with("https://login.microsoftonline.us/"), "{url}");
    assert!(url.ends_with("&scope=https%3A%2F%2Foutlook.office365.us%2F.default"), "{url}");
}

#[test]
fn apostrophes_of_every_kind_are_doubled() {
    assert_eq!(crate::safe::powershell("o'brien"), "'o''brien'");
    assert_eq!(crate::safe::powershell("o\u{2019}brien"), "'o\u{2019}\u{2019}brien'");
    assert_eq!(crate::safe::powershell("$(x); `y"), "'$(x); `y'");
}

proptest! {
    /// Whatever an operator writes as an address: it ends where its quotes end, and the page's commands
    /// and paragraphs stay whole.
    #[test]
    fn no_value_breaks_out_of_its_command(address in "[a-z'’‘`$;|&(){}<>\"\\n\\r\u{1b} @.-]{0,40}", folder in "\\PC{0,20}") {
        let mut check = check(Family::ExchangeOnline, Protocol::Imap, &address);
        check.goal = Goal::Folder { name: folder, read_only: false, unread: None };
        let plain = super::tests::check(Family::ExchangeOnline, Protocol::Imap, "x");
        for &reason in Reason::ALL {
            let text = hint(reason, Phase::Auth, &subject(&check, None));
            let usual = hint(reason, Phase::Auth, &subject(&plain, None));
            prop_assert_eq!(text.lines().count(), usual.lines().count());
            prop_assert_eq!(text.matches('`').count(), usual.matches('`').count());
            let control = text.contains(['\u{1b}', '\r']);
            prop_assert!(!control);
            for command in text.split('`').skip(1).step_by(2).filter(|command| command.contains("-Identity '")) {
                // Quotes of PowerShell come in pairs, however many stand inside.
                let quotes = command.chars().filter(|c| matches!(c, '\'' | '\u{2018}'..='\u{201b}')).count();
                prop_assert_eq!(quotes % 2, 0, "{}", command);
            }
        }
    }
}
