//! Pastes of every shape, and of no shape at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

use proptest::prelude::*;

use super::{Dialect, Family, Mechanism, Paste, Phase, Reading, Reason, Source, family, read};

fn bare(text: &str) -> Reading {
    read(&Paste { text, source: None, phase: None, mechanism: None, family: None })
}

fn reason(text: &str) -> Reason {
    bare(text).reason().unwrap()
}

#[test]
fn a_dialogue_tells_protocol_phase_and_mechanism_by_itself() {
    let reading = bare(
        "S: * OK The Microsoft Exchange IMAP4 service is ready.\n\
         C: A1 AUTHENTICATE XOAUTH2 <redacted>\n\
         S: A1 OK AUTHENTICATE completed.\n\
         C: A2 SELECT INBOX\n\
         S: A2 BAD User is authenticated but not connected.\n\
         S: * BYE Connection closed. 14",
    );
    assert_eq!(reading.reason().unwrap(), Reason::MailboxNotConnected);
    assert_eq!(reading.source, Some(Source::Mail(Dialect::Imap)));
    assert_eq!((reading.phase, reading.mechanism), (Some(Phase::Select), Some(Mechanism::Xoauth2)));
}

#[test]
fn the_mechanism_of_a_dialogue_decides_what_the_same_refusal_means() {
    let dialogue = |command: &str| {
        format!(
            "> {command}\n< 334\n> <redacted>\n< 535 5.7.3 Authentication unsuccessful [X.PROD.OUTLOOK.COM]"
        )
    };
    assert_eq!(reason(&dialogue("AUTH XOAUTH2")), Reason::TokenRejected);
    assert_eq!(reason(&dialogue("AUTH LOGIN")), Reason::CredentialsRejected);
}

#[test]
fn a_challenge_before_the_refusal_is_read_with_it() {
    let challenge = "eyJzdGF0dXMiOiI0MDMiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=";
    let imap = format!(
        "C: a1 AUTHENTICATE XOAUTH2 <redacted>\n+ {challenge}\na1 NO [AUTHENTICATIONFAILED] Authentication failed."
    );
    assert_eq!(reason(&imap), Reason::AccountDisabled, "Dovecot's 403 is a disabled account");
    let smtp = format!("334 {challenge}\n535 5.7.8 Error: authentication failed");
    assert_eq!(reason(&smtp), Reason::AccountDisabled);
    assert_eq!(reason(challenge), Reason::AccountDisabled, "alone");
}

#[test]
fn the_line_that_carries_the_meaning_wins_over_the_farewell_after_it() {
    let text =
        "BAD Request is throttled. Suggested Backoff Time: 89117 milliseconds\n* BYE Connection closed. 14";
    let verdict = bare(text).verdict.unwrap();
    assert_eq!(verdict.reason, Reason::Throttled);
    assert_eq!(verdict.retry_after.unwrap().as_millis(), 89_117);
}

#[test]
fn logs_of_proxies_and_tools_are_read_through_their_marks() {
    let proxy = "2026-04-29 13:13:27: POP (10.1.2.90->outlook.office365.com:995) --> b'AUTH XOAUTH2\\r\\n'\n\
                 2026-04-29 13:13:27: POP (10.1.2.90->outlook.office365.com:995) <-- b'+ \\r\\n'\n\
                 2026-04-29 13:13:36: POP (10.1.2.90->outlook.office365.com:995) <-- b'-ERR Authentication failure: unknown user name or bad password.\\r\\n'";
    assert_eq!(reason(proxy), Reason::TokenRejected);
    let swaks = " -> EHLO probe\n<-  250-mail.contoso.example\n<-  250 AUTH LOGIN\n -> AUTH LOGIN\n<** 535 5.7.8 Error: authentication failed: generic failure\n -> QUIT\n<-  221 2.0.0 Bye";
    assert_eq!(reason(swaks), Reason::ServerUnavailable);
}

#[test]
fn a_wordless_no_is_the_logins_only_where_somebody_says_so() {
    assert_eq!(reason("a1 NO"), Reason::Unexpected);
    assert_eq!(reason("C: a1 LOGIN x <redacted>\nS: a1 NO"), Reason::CredentialsRejected);
}

#[test]
fn numbers_of_entra_are_found_with_their_letters_and_without() {
    for text in [
        "7000215",
        "AADSTS7000215",
        " aadsts7000215: x ",
        "error code AADSTS7000215.",
        "AADSTS 7000215",
        "error code 7000215",
        "`AADSTS7000215`",
    ] {
        assert_eq!(reason(text), Reason::SecretInvalid, "{text}");
    }
    assert_eq!(reason("99999999"), Reason::Unexpected);
}

#[test]
fn marks_tell_whose_server_speaks() {
    for (text, wanted) in [
        ("535 5.7.3 Authentication unsuccessful [X.PROD.OUTLOOK.COM]", Some(Family::ExchangeOnline)),
        ("AADSTS7000215", Some(Family::ExchangeOnline)),
        ("NO AuthFailed:LogonDenied-BasicAuthBlocked <UserType:OutlookCom>", Some(Family::OutlookCom)),
        ("535 5.7.8 https://support.google.com/mail/?p=BadCredentials x - gsmtp", Some(Family::Gmail)),
        ("535 5.7.8 Error: authentication failed", None),
    ] {
        assert_eq!(family(text), wanted, "{text}");
    }
}

#[test]
fn a_reasons_name_is_that_reason() {
    for wanted in Reason::ALL {
        let reading = bare(&format!("  {} \n", wanted.label().to_uppercase()));
        assert_eq!(reading.reason().unwrap(), *wanted);
        assert!(reading.by_name);
    }
}

#[test]
fn codes_that_nobody_has_seen_fall_back_by_their_family() {
    for (text, wanted) in [
        (
            "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7999999: new\"}",
            Reason::SecretInvalid,
        ),
        ("{\"error\":\"invalid_scope\",\"error_description\":\"AADSTS7999999: new\"}", Reason::ScopeInvalid),
        ("{\"error\":\"interaction_required\",\"error_description\":\"new\"}", Reason::ConditionalAccess),
        ("{\"error\":\"temporarily_unavailable\",\"error_description\":\"new\"}", Reason::IdpUnavailable),
        ("{\"error\":\"invalid_grant\",\"error_description\":\"new\"}", Reason::RefreshTokenExpired),
        ("a1 NO [UNAVAILABLE] flux", Reason::ServerUnavailable),
        ("a1 NO [INUSE] flux", Reason::TooManyConnections),
        ("a1 NO [EXPIRED] flux", Reason::PasswordExpired),
        ("-ERR [SYS/TEMP] flux", Reason::ServerUnavailable),
        ("-ERR [LOGIN-DELAY] flux", Reason::Throttled),
        ("455 4.9.9 flux", Reason::ServerUnavailable),
        ("599 5.9.9 flux", Reason::Unexpected),
        ("AADSTS53999: flux", Reason::ConditionalAccess),
        ("AADSTS700219: flux", Reason::FederatedIdentityMismatch),
    ] {
        assert_eq!(reason(text), wanted, "{text}");
    }
    let source = Some(Source::Mail(Dialect::Smtp));
    let smtp = |text| read(&Paste { text, source, phase: None, mechanism: None, family: None });
    assert_eq!(smtp("420 flux").reason().unwrap(), Reason::ServerUnavailable);
    assert_eq!(smtp("520 flux").reason().unwrap(), Reason::Unexpected);
}

fn sources() -> impl Strategy<Value = Option<Source>> {
    prop::option::of(prop::sample::select(vec![
        Source::Mail(Dialect::Imap),
        Source::Mail(Dialect::Smtp),
        Source::Mail(Dialect::Pop3),
        Source::Token,
        Source::Network,
    ]))
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), source in sources(), phase in prop::option::of(prop::sample::select(Phase::ALL))) {
        let text = String::from_utf8_lossy(&bytes);
        read(&Paste { text: &text, source, phase, mechanism: None, family: None });
    }

    #[test]
    fn pieces_of_answers_in_any_order_are_read_without_a_panic(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "* ", "a1 ", "NO ", "BAD ", "BYE", "+ ", "-ERR ", "+OK", "535", "535-", " 5.7.8 ", "334 ", "[", "]", "(", ")", "b'", "'", "\"", "{", "}",
            "eyJ", "AADSTS", "7000215", "\"error\"", ":", "\n", "\r\n", "\\n", "S: ", "C: ", "AUTH ", "LOGIN ", "XOAUTH2", "error_codes", "[1,", "é", "\u{0}", " ", "no response: code:", "backoff time: ", "9999999999999999999999 milliseconds",
        ]), 0..24),
        source in sources(),
    ) {
        let text: String = pieces.concat();
        read(&Paste { text: &text, source, phase: None, mechanism: None, family: Some(Family::ExchangeOnline) });
    }
}
