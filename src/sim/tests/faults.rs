//! Every fault once: what the client is told, and how the connection ends.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::sim::tests::walk::{Walk, form, token, token_answer};
use crate::sim::{Fault, Service, Sim, TokenFault};

/// A fault, then for IMAP and SMTP what must be among the lines told, and how the walk must end;
/// an empty pair is a dialogue this fault does not touch: it must end like the healthy one.
const ROWS: &[(Fault, [&str; 2], [&str; 2])] = &[
    (Fault::None, ["a5 OK [READ-WRITE]", "closed"], ["235 2.7.0", "closed"]),
    (Fault::Refused, ["", "connect: refused"], ["", "connect: refused"]),
    (Fault::SilentConnect, ["", "connect: silence"], ["", "connect: silence"]),
    (Fault::ResetConnect, ["", "reset"], ["", "reset"]),
    (Fault::CertificateExpired, ["expired", "tls: failed"], ["expired", "tls: failed"]),
    (Fault::CertificateNotYetValid, ["not valid yet", "tls: failed"], ["not valid yet", "tls: failed"]),
    (
        Fault::CertificateOtherName,
        ["not valid for name", "tls: failed"],
        ["not valid for name", "tls: failed"],
    ),
    (
        Fault::CertificateSelfSigned,
        ["CaUsedAsEndEntity", "tls: failed"],
        ["CaUsedAsEndEntity", "tls: failed"],
    ),
    (Fault::CertificateUnknownAuthority, ["UnknownIssuer", "tls: failed"], ["UnknownIssuer", "tls: failed"]),
    (Fault::Cleartext, ["corrupt message", "tls: failed"], ["corrupt message", "tls: failed"]),
    (Fault::TlsTooOld, ["ProtocolVersion", "tls: failed"], ["ProtocolVersion", "tls: failed"]),
    (Fault::SilentTls, ["a2 OK", "tls: silence"], ["220 2.0.0", "tls: silence"]),
    (Fault::ClosedTls, ["eof", "tls: failed"], ["eof", "tls: failed"]),
    (Fault::SilentGreeting, ["", "silence"], ["", "silence"]),
    (Fault::SilentCapability, ["* OK", "silence"], ["220", "silence"]),
    (Fault::SilentStartTls, ["a1 OK", "silence"], ["250", "silence"]),
    (Fault::SilentAuth, ["a3 OK", "silence"], ["334 ", "silence"]),
    (Fault::SilentChallenge, ["+ eyJ", "silence"], ["334 eyJ", "silence"]),
    (Fault::SilentSelect, ["a4 OK", "silence"], ["", ""]),
    (Fault::SilentSender, ["", ""], ["235", "silence"]),
    (Fault::SilentGoodbye, ["a5 OK", "silence"], ["235", "silence"]),
    (Fault::ClosedGreeting, ["", "closed"], ["", "closed"]),
    (Fault::ClosedCapability, ["* OK", "closed"], ["220", "closed"]),
    (Fault::ClosedStartTls, ["a1 OK", "closed"], ["250", "closed"]),
    (Fault::ClosedAuth, ["a3 OK", "closed"], ["334 ", "closed"]),
    (Fault::ClosedChallenge, ["+ eyJ", "closed"], ["334 eyJ", "closed"]),
    (Fault::ClosedSelect, ["* 0 RECENT", "closed"], ["", ""]),
    (Fault::ClosedSender, ["", ""], ["235", "closed"]),
    (Fault::CutGoodbye, ["a5 OK", "cut"], ["235", "cut"]),
    (Fault::ByeGreeting, ["* BYE Connection closed. 14", "closed"], ["421 4.3.2", "closed"]),
    (
        Fault::Throttled,
        ["a4 NO Request is throttled. Suggested Backoff Time: 300000 milliseconds", "closed"],
        ["454 4.7.0", "closed"],
    ),
    (Fault::ThrottledSelect, ["a5 BAD Request is throttled", "closed"], ["", ""]),
    (Fault::ByeSelect, ["* BYE Connection closed. 14", "closed"], ["", ""]),
    (Fault::ServerUnavailable, ["a5 NO Server Unavailable. 15", "closed"], ["451 4.7.0", "closed"]),
    (Fault::AuthUnavailable, ["a4 NO [UNAVAILABLE]", "closed"], ["454 4.7.0", "closed"]),
    (Fault::TooManyConnections, ["a4 NO [LIMIT]", "closed"], ["432 4.3.2", "closed"]),
    (
        Fault::TokenRejected,
        ["a4 NO AUTHENTICATE failed.", "closed"],
        ["535 5.7.3 Authentication unsuccessful [", "closed"],
    ),
    (Fault::TokenRejectedChallenge, ["a4 NO [AUTHENTICATIONFAILED]", "closed"], ["535 5.7.8", "closed"]),
    (Fault::SessionExpired, ["* BYE Session invalidated - AccessTokenExpired", "closed"], ["", ""]),
    (Fault::NotConnected, ["a5 BAD User is authenticated but not connected.", "closed"], ["", ""]),
    (
        Fault::CredentialsRejected,
        ["a4 NO [AUTHENTICATIONFAILED]", "closed"],
        ["535 5.7.139 Authentication unsuccessful, the user credentials", "closed"],
    ),
    (
        Fault::BasicAuthDisabled,
        ["* BYE Microsoft Exchange Server IMAP4 server signing off.", "closed"],
        ["535 5.7.139 Authentication unsuccessful, basic", "closed"],
    ),
    (Fault::SecurityDefaults, ["", ""], ["security defaults policy", "closed"]),
    (Fault::AccountLocked, ["", ""], ["account locked", "closed"]),
    (Fault::SmtpAuthDisabledTenant, ["", ""], ["disabled for the Tenant", "closed"]),
    (Fault::SmtpAuthDisabledMailbox, ["", ""], ["disabled for the Mailbox", "closed"]),
    (Fault::MechanismMissing, ["a2 BAD", "no tls"], ["504 5.7.4", "closed"]),
    (Fault::NoAuth, ["a4 NO [ALERT] Unsupported", "closed"], ["503 5.5.1", "closed"]),
    (Fault::NoStartTls, ["a2 BAD", "no tls"], ["502 5.5.1", "no tls"]),
    (Fault::StartTlsRefused, ["a2 NO TLS", "no tls"], ["454 4.7.0", "no tls"]),
    (Fault::EncryptionRequired, ["a4 NO [PRIVACYREQUIRED]", "closed"], ["530 5.7.0", "closed"]),
    (Fault::EchoedLogin, ["{TOKEN}", "closed"], ["{TOKEN}", "closed"]),
    (Fault::SilentPrompt, ["a3 OK", "silence"], ["250", "silence"]),
    (Fault::ClosedPrompt, ["a3 OK", "closed"], ["250", "closed"]),
    (Fault::GarbledPrompt, ["\u{7f}ELF", "silence"], ["\u{7f}ELF", "silence"]),
    (Fault::SilentAfterPrompt, ["+ ", "silence"], ["334 ", "silence"]),
    (Fault::ClosedAfterPrompt, ["+ ", "closed"], ["334 ", "closed"]),
    (Fault::GarbledAuth, ["\u{7f}ELF", "silence"], ["\u{7f}ELF", "closed"]),
    // The second prompt is LOGIN's.
    (Fault::SilentPassword, ["a5 OK", "closed"], ["235", "closed"]),
    (Fault::ClosedPassword, ["a5 OK", "closed"], ["235", "closed"]),
    (Fault::GarbledPassword, ["a5 OK", "closed"], ["235", "closed"]),
    (Fault::ClosedAfterPassword, ["a5 OK", "closed"], ["235", "closed"]),
    (Fault::FolderMissing, ["a5 NO Mailbox doesn't exist: INBOX", "closed"], ["", ""]),
    (Fault::OverQuota, ["a5 NO [OVERQUOTA]", "closed"], ["552 5.2.2", "closed"]),
    (Fault::AccessDenied, ["a5 NO [NOPERM]", "closed"], ["", ""]),
    (Fault::SenderRefused, ["", ""], ["550 5.7.60", "closed"]),
    (Fault::WarningBeforeOk, ["* NO Disk", "closed"], ["", ""]),
    (Fault::CapabilityInOk, ["a4 OK [CAPABILITY IMAP4rev1", "closed"], ["", ""]),
    (Fault::CapabilityInGreeting, ["* OK [CAPABILITY IMAP4rev1", "closed"], ["", ""]),
    (Fault::OddContinuation, ["+ go ahead", "closed"], ["334 go ahead", "closed"]),
    (Fault::UnknownUntagged, ["* XVENDOR", "closed"], ["", ""]),
    (Fault::EightBitText, ["* OK [ALERT]é", "closed"], ["für", "closed"]),
    (Fault::Trickle, ["a5 OK [READ-WRITE]", "closed"], ["235 2.7.0", "closed"]),
    (Fault::DeepNesting, ["* OK", "silence"], ["", ""]),
    (Fault::HugeLiteral, ["* STATUS {500000000}", "closed"], ["", ""]),
    (Fault::EndlessLine, ["* OK", "long line"], ["", "long line"]),
    (Fault::EndlessLines, ["* OK still here", "many lines"], ["220-still here", "many lines"]),
    (Fault::NulBytes, ["rea\0dy\0", "closed"], ["rea\0dy\0", "closed"]),
    (Fault::LoneLf, ["* OK ready\n", "closed"], ["220 ready\n", "closed"]),
    (Fault::EmptyLineFirst, ["", "closed"], ["", "no tls"]),
    (Fault::WrongService, ["220 mail", "closed"], ["* OK [CAPABILITY", "closed"]),
    (Fault::HttpService, ["HTTP/1.1 400", "closed"], ["HTTP/1.1 400", "no tls"]),
    (Fault::NoSpace, ["", ""], ["220", "closed"]),
    (Fault::OddCode, ["", ""], ["571 5.7.1", "closed"]),
    (Fault::InjectedPlaintext, ["a2 OK", "tls: injected"], ["220 2.0.0", "tls: injected"]),
    (Fault::ByeAuth, ["* BYE Connection closed. 14", "closed"], ["421 4.7.0", "closed"]),
    (Fault::ChallengeNotJson, ["+ dGhlIHRva2Vu", "closed"], ["334 dGhlIHRva2Vu", "closed"]),
    (Fault::ChallengeNotBase64, ["+ {status", "closed"], ["334 {status", "closed"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_mail_shows_as_its_row_says() {
    let sim = Arc::new(Sim::start().await.unwrap());
    let mut walks = JoinSet::new();
    for &(fault, imap, smtp) in ROWS {
        let shows = fault.shows();
        let mailbox = sim.mailbox(fault).await.unwrap();
        for (service, [line, end], shows) in
            [(Service::Imap, imap, shows.imap), (Service::Smtp, smtp, shows.smtp)]
        {
            assert_eq!(shows, !end.is_empty() && fault != Fault::None, "{fault:?} {service:?}");
            let (line, end) = if end.is_empty() { ("", "closed") } else { (line, end) };
            let (sim, mailbox) = (Arc::clone(&sim), mailbox.clone());
            walks.spawn(async move {
                let token = token(&sim, mailbox.app()).await;
                let port =
                    if service == Service::Imap { mailbox.imap_starttls_port() } else { mailbox.smtp_port() };
                let (told, ended) = match Walk::connect(port).await {
                    Ok(mut walk) => {
                        let ended = walk.all(&sim, &mailbox, service, &token).await;
                        (walk.told, ended)
                    }
                    Err(ended) => (Vec::new(), ended),
                };
                let expected = line.replace("{TOKEN}", &token);
                let is_told = expected.is_empty() || told.iter().any(|told| told.contains(&expected));
                (fault, service, is_told && ended == end, ended, told)
            });
        }
    }
    let walks = walks.join_all().await;
    let wrong: Vec<_> = walks.iter().filter(|(.., right, _, _)| !right).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_fault_of_mail_has_a_row() {
    let covered: HashSet<Fault> = ROWS.iter().map(|row| row.0).collect();
    // Three bytes a second take over a minute: its own test reads the first few.
    let excused = [Fault::SlowDrip];
    for fault in Fault::ALL {
        let is_covered =
            matches!(fault, Fault::Token(_)) || covered.contains(fault) || excused.contains(fault);
        assert!(is_covered, "{fault:?}");
    }
}

#[tokio::test]
async fn a_slow_drip_is_slow_and_right() {
    let sim = Sim::start().await.unwrap();
    let mailbox = sim.mailbox(Fault::SlowDrip).await.unwrap();
    let begin = std::time::Instant::now();
    let mut walk = Walk::connect(mailbox.imap_starttls_port()).await.unwrap();
    assert_eq!(walk.line().await, Ok("* OK ready".to_owned()));
    // Eleven pauses lie between the twelve bytes of the line.
    assert!(begin.elapsed() >= std::time::Duration::from_millis(11 * 300));
}

/// What must be in the answer to an honest request.
const TOKEN_ROWS: &[(TokenFault, &str)] = &[
    (TokenFault::SecretInvalid, "AADSTS7000215: Invalid client secret provided."),
    (TokenFault::SecretExpired, "AADSTS7000222: The provided client secret keys"),
    (TokenFault::AppNotFound, "\"error\":\"unauthorized_client\""),
    (TokenFault::AppDisabled, "\"error_codes\":[7000112]"),
    (TokenFault::TenantNotFound, "AADSTS90002: Tenant '"),
    (TokenFault::ScopeInvalid, "The scope https://outlook.office365.com/.default is not valid."),
    (TokenFault::ConsentMissing, "AADSTS65001:"),
    (TokenFault::ConditionalAccess, "AADSTS53003:"),
    (TokenFault::RefreshTokenIdle, "AADSTS700082:"),
    (TokenFault::RefreshTokenExpired, "AADSTS70008:"),
    (TokenFault::RefreshTokenRevoked, "AADSTS50173:"),
    (TokenFault::SignInFrequency, "AADSTS70043:"),
    (TokenFault::MfaRequired, "AADSTS50076:"),
    (TokenFault::ClockSkew, "AADSTS700024:"),
    (TokenFault::IdpOutage, "HTTP/1.1 503 "),
    (TokenFault::IdpThrottled, "\r\nRetry-After: 60\r\n\r\nToo Many Requests"),
    (TokenFault::EchoedSecret, "{SECRET}"),
    (TokenFault::Roleless, "\"access_token\":\"eyJ"),
    (TokenFault::WrongAudience, "\"access_token\":\"eyJ"),
    (TokenFault::OpaqueToken, "\"access_token\":\"EwB"),
    (TokenFault::StaleToken, "\"access_token\":\"eyJ"),
    (TokenFault::LifetimeAsText, "\"expires_in\":\"3599\""),
    (TokenFault::NoLifetime, "{\"access_token\":\"eyJ"),
    (TokenFault::NoType, "\"ext_expires_in\":3599}"),
    (TokenFault::NoToken, "{\"expires_in\":3599,"),
    (TokenFault::HtmlBody, "<!DOCTYPE html>"),
    (
        TokenFault::BareOutage,
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n",
    ),
    (TokenFault::Redirected, "\r\nLocation: https://login.moved.example/token\r\n"),
    (TokenFault::TokenSilence, "silence"),
    (TokenFault::TokenClosed, "closed"),
    (TokenFault::HugeBody, "AAAAAAAAAAAAAAAA"),
    (TokenFault::OpenPage, "silence"),
    (TokenFault::OpenText, "silence"),
    (TokenFault::StalledLimit, "silence"),
    (TokenFault::EndlessInterim, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"),
    (TokenFault::EndlessHeader, "X-Endless: aaaa"),
    (TokenFault::EndlessHeaders, "X-Endless: a\r\nX-Endless: a\r\n"),
    (TokenFault::EndlessBody, "\r\n\r\n{\"a\":\"aaaa"),
    (TokenFault::EndlessChunkSize, "Transfer-Encoding: chunked\r\n\r\n0000"),
    (TokenFault::EndlessBlanks, "Transfer-Encoding: chunked\r\n\r\n1    "),
    (TokenFault::EndlessExtension, "Transfer-Encoding: chunked\r\n\r\n1;aaaa"),
    (TokenFault::EndlessTrailers, "2\r\n{}\r\n0\r\nX-Endless: a\r\n"),
    (TokenFault::TruncatedBody, "\"access_token\":\"eyJ0eXAiOiJKV1Qi"),
];

#[tokio::test]
async fn every_fault_of_the_token_shows_as_its_row_says() {
    let sim = Sim::start().await.unwrap();
    let app = sim.app();
    for &(fault, expected) in TOKEN_ROWS {
        app.set_fault(Some(fault));
        let answer = token_answer(&sim, &app.tenant, "", &form(&app, sim.scope())).await;
        let start: String = answer.chars().take(2000).collect();
        assert!(answer.contains(&expected.replace("{SECRET}", &app.secret)), "{fault:?}: {start}");
    }
    assert_eq!(TOKEN_ROWS.len(), TokenFault::ALL.len(), "every fault has a row");
    assert_eq!(app.requests().len(), TOKEN_ROWS.len());
}

#[tokio::test]
async fn tokens_without_role_or_for_another_audience_open_nothing() {
    let sim = Sim::start().await.unwrap();
    for fault in [TokenFault::Roleless, TokenFault::WrongAudience, TokenFault::StaleToken] {
        let mailbox = sim.mailbox(Fault::Token(fault)).await.unwrap();
        let token = token(&sim, mailbox.app()).await;
        let mut walk = Walk::connect(mailbox.imap_starttls_port()).await.unwrap();
        walk.all(&sim, &mailbox, Service::Imap, &token).await;
        assert!(walk.told.contains(&"a4 NO AUTHENTICATE failed.".to_owned()), "{:?}", walk.told);
        let mut walk = Walk::connect(mailbox.smtp_port()).await.unwrap();
        walk.all(&sim, &mailbox, Service::Smtp, &token).await;
        assert!(walk.told.iter().any(|line| line.starts_with("535 5.7.3 ")), "{:?}", walk.told);
    }
}
