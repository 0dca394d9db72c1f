//! Pastes of every shape, and of no shape at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

use crate::model::Protocol;
use proptest::prelude::*;

use super::{Family, Mechanism, Paste, Phase, Reading, Reason, Source, family, read};

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
    assert_eq!(reading.source, Some(Source::Mail(Protocol::Imap)));
    assert_eq!((reading.phase, reading.mechanism), (Some(Phase::Select), Some(Mechanism::Xoauth2)));
}

#[test]
fn the_mechanism_of_a_dialogue_decides_a_refusals_meaning() {
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
fn a_line_with_a_meaning_wins_over_the_farewell() {
    let text =
        "BAD Request is throttled. Suggested Backoff Time: 89117 milliseconds\n* BYE Connection closed. 14";
    let verdict = bare(text).verdict.unwrap();
    assert_eq!(verdict.reason, Reason::Throttled);
    assert_eq!(verdict.retry_after.unwrap().as_millis(), 89_117);
}

#[test]
fn a_success_has_no_fault_and_no_owner() {
    for text in [
        "1 OK LOGIN Ok.",
        "* CAPABILITY IMAP4rev1 QUOTA NAMESPACE UIDPLUS",
        "A1 OK [CAPABILITY IMAP4rev1 QUOTA NAMESPACE] Authentication successful",
        "* OK The Microsoft Exchange IMAP4 service is ready.",
        "220 smtp.contoso.example ESMTP temporary.contoso.example",
        "250-smtp.contoso.example\n250-PIPELINING\n250-AUTH LOGIN XOAUTH2\n250 SMTPUTF8",
        "235 2.7.0 Authentication successful",
        "250 2.1.0 Sender OK",
        "+OK Logged in.",
        "334 VXNlcm5hbWU6",
        "{\"token_type\":\"Bearer\",\"access_token\":\"x\",\"refresh_token\":\"y\",\"expires_in\":3599}",
        "< 220 ready\n> EHLO x\n< 250 AUTH PLAIN\n> AUTH PLAIN x\n< 235 ok\n> QUIT\n< 221 Bye\n* Closing connection 0",
        "C: a1 AUTHENTICATE GSSAPI\nS: a1 NO no such mechanism\nC: a2 LOGIN x y\nS: a2 OK done",
    ] {
        assert_eq!(bare(text).reason(), None, "{text}");
    }
    for text in [
        "S: * OK ready\nC: a1 LOGIN x y\nS: a1 NO [AUTHENTICATIONFAILED] no",
        "< 220 ready\n> EHLO x\n< 250 AUTH PLAIN\n> AUTH PLAIN x\n< 535 5.7.8 no",
    ] {
        assert_eq!(reason(text), Reason::CredentialsRejected, "{text}");
    }
    assert_eq!(reason("* OK ready\nC: a1 LOGIN x y\nMailException: strange error"), Reason::Unexpected);
}

#[test]
fn the_first_cause_wins_over_its_consequences() {
    for (text, wanted) in [
        (
            "< 535 5.7.8 Error: authentication failed\n* Closing connection 0\ncurl: (67) Login denied",
            Reason::CredentialsRejected,
        ),
        (
            "Can not authenticate to IMAP server: [AUTHENTICATIONFAILED] Invalid credentials\nToo many login failures",
            Reason::CredentialsRejected,
        ),
        (
            "S: a1 BAD User is authenticated but not connected.\nS: * BYE Connection closed. 14\nbroken pipe",
            Reason::MailboxNotConnected,
        ),
        ("error: socket hang up\ncaused by: certificate has expired", Reason::TlsCertificateExpired),
        ("S: * BYE Too many connections from your address\nconnection closed", Reason::TooManyConnections),
    ] {
        assert_eq!(reason(text), wanted, "{text}");
    }
}

#[test]
fn the_inner_exception_outweighs_the_outer_one() {
    let outer = "MailKit.Security.SslHandshakeException: An error occurred while attempting to establish an SSL or TLS connection.\n\nThis usually means that the SSL certificate presented by the server is not trusted for one or more of the following reasons:\n1. The server is using a self-signed certificate which cannot be verified.\n4. The certificate presented by the server is expired or invalid.\n";
    for (inner, wanted) in [
        ("RemoteCertificateNameMismatch", Reason::TlsNameMismatch),
        ("NotTimeValid", Reason::TlsCertificateExpired),
        ("UntrustedRoot", Reason::TlsCertificateUntrusted),
    ] {
        let text = format!(
            "{outer} ---> System.Security.Authentication.AuthenticationException: The remote certificate is invalid: {inner}"
        );
        assert_eq!(reason(&text), wanted, "{inner}");
    }
    let java = "javax.mail.MessagingException: Could not connect to SMTP host: smtp.contoso.example, port: 465;\n  nested exception is:\n\tjava.net.ConnectException: Connection refused";
    assert_eq!(reason(java), Reason::ConnectionRefused);
}

#[test]
fn wrappers_are_taken_off_before_a_line_is_looked_for() {
    for (text, wanted) in [
        (
            "{ Error: certificate has expired\n    at TLSSocket.emit (events.js:1:2)",
            Reason::TlsCertificateExpired,
        ),
        ("S (3): 535 5.7.8 Authentication credentials invalid", Reason::CredentialsRejected),
        ("aioimaplib.CommandTimeout", Reason::Timeout),
        ("D:\\app\\parser.js:12 535 5.7.8 no", Reason::CredentialsRejected),
        (
            "{\"level\":50,\"msg\":\"send failed\",\"err\":{\"message\":\"Invalid login: 535 5.7.8 no\"}}",
            Reason::CredentialsRejected,
        ),
        ("2026-01-02 10:00:00 SERVER -> CLIENT: 535 5.7.8 no", Reason::CredentialsRejected),
        ("Jan  2 10:00:00 mx app[1]: send: (535, b'5.7.8 no')", Reason::CredentialsRejected),
        ("[WinError 10061] Es konnte keine Verbindung hergestellt werden", Reason::ConnectionRefused),
        ("connect: errno=113", Reason::NetworkUnreachable),
        ("Task 'x' reported error (0x800CCC0D) : 'Der Server wurde nicht gefunden'", Reason::DnsNotFound),
    ] {
        assert_eq!(reason(text), wanted, "{text}");
    }
}

#[test]
fn a_word_counts_only_in_a_sentence_that_refuses() {
    for text in [
        "Something went wrong",
        "Error: strange\n    at base64.decode (parser.js:12:3)",
        "I raised the quota, disabled the filter, and there are temporary files in the namespace. Any ideas?",
        "open /etc/mail.conf: no such file or directory",
        "connectionTimeout: 10000,",
        "Mail could not be sent. See the log.",
        "NO PROBLEM AT ALL",
    ] {
        assert_eq!(reason(text), Reason::Unexpected, "{text}");
    }
}

#[test]
fn a_named_mechanism_decides_between_token_and_password() {
    for (text, wanted) in [
        ("auth [PLAIN]: Error: NO AUTHENTICATE failed.", Reason::CredentialsRejected),
        ("auth [XOAUTH2]: Error: NO AUTHENTICATE failed.", Reason::TokenRejected),
        (
            "imaplib.IMAP4.error: b'[AUTHENTICATIONFAILED] no'\n  File \"x.py\", line 3\n    conn.authenticate('XOAUTH2', f)",
            Reason::TokenRejected,
        ),
        (
            "  File \"x.py\", line 3\n    conn.login(user, password)\nimaplib.IMAP4.error: b'[AUTHENTICATIONFAILED] no'",
            Reason::CredentialsRejected,
        ),
        ("command: 'AUTH XOAUTH2', response: '535 5.7.8 no'", Reason::TokenRejected),
    ] {
        assert_eq!(reason(text), wanted, "{text}");
    }
}

#[test]
fn what_mail_programs_show_people_is_known() {
    for (text, wanted) in [
        (
            "You can't sign in here with a personal account. Use your work or school account instead.",
            Reason::AccountNotFound,
        ),
        (
            "The IMAP server imap.contoso.example does not support the selected authentication method.",
            Reason::MechanismUnsupported,
        ),
        (
            "Access to server smtp.contoso.example with user name x was not successful",
            Reason::CredentialsRejected,
        ),
        ("Login to server imap.contoso.example with username x failed.", Reason::CredentialsRejected),
        (
            "The host name did not match the name given in the server's SSL certificate.",
            Reason::TlsNameMismatch,
        ),
        ("No authentication mechanisms supported by both server and client", Reason::MechanismUnsupported),
    ] {
        assert_eq!(reason(text), wanted, "{text}");
    }
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
    let source = Some(Source::Mail(Protocol::Smtp));
    let smtp = |text| read(&Paste { text, source, phase: None, mechanism: None, family: None });
    assert_eq!(smtp("420 flux").reason().unwrap(), Reason::ServerUnavailable);
    assert_eq!(smtp("520 flux").reason().unwrap(), Reason::Unexpected);
}

fn sources() -> impl Strategy<Value = Option<Source>> {
    prop::option::of(prop::sample::select(vec![
        Source::Mail(Protocol::Imap),
        Source::Mail(Protocol::Smtp),
        Source::Mail(Protocol::Pop3),
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
