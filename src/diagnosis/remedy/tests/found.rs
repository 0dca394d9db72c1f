//! What is found besides the server's sentence: clocks, times in tokens, certificates.

use std::sync::Arc;

use jiff::SignedDuration;

use super::*;
use crate::model::Certificate;

const NOON: i64 = 1_795_521_600;

fn noon() -> Timestamp {
    Timestamp::from_second(NOON).unwrap()
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

/// The hint of an Exchange Online mailbox at noon by our clock, which is ahead by so much.
fn at_noon(reason: Reason, phase: Phase, ahead: Option<i64>, claims: Option<&Claims>) -> String {
    let check = check(Family::ExchangeOnline, Protocol::Imap, "invoices@contoso.example");
    let subject = Subject { at: noon(), clock_skew: ahead.map(minutes), ..subject(&check, claims) };
    hint(reason, phase, &subject)
}

#[test]
fn a_wrong_clock_is_named_where_it_explains_the_failure() {
    let ahead = at_noon(Reason::ClockSkew, Phase::Token, Some(10), None);
    let expected = "This machine's clock is 10m ahead of that of `login.microsoftonline.com`";
    assert!(ahead.starts_with(expected) && ahead.contains("`timedatectl`"), "{ahead}");
    let behind = at_noon(Reason::ClockSkew, Phase::Tls, Some(-90), None);
    assert!(behind.starts_with("This machine's clock is 1h 30m behind that of"), "{behind}");
    let right = at_noon(Reason::ClockSkew, Phase::Token, Some(0), None);
    assert!(right.starts_with("This machine's clock agrees with"), "{right}");
    let expired = at_noon(Reason::TlsCertificateExpired, Phase::Tls, Some(600), None);
    assert!(expired.contains("10h ahead"), "{expired}");
    for (reason, ahead) in [
        (Reason::ClockSkew, None),
        (Reason::TlsCertificateExpired, None),
        (Reason::TlsCertificateExpired, Some(0)),
        (Reason::MailboxNotConnected, Some(600)),
    ] {
        let text = at_noon(reason, Phase::Tls, ahead, None);
        assert!(!text.contains("This machine's clock is") && !text.contains("agrees"), "{reason}: {text}");
    }
}

#[test]
fn a_token_outside_its_time_points_to_the_issuers_clock() {
    let good = claims("IMAP.AccessAsApp");
    let ended = Claims { expires_at: Some(noon() - minutes(5)), ..good.clone() };
    let text = at_noon(Reason::TokenRejected, Phase::Auth, Some(0), Some(&ended));
    assert!(text.starts_with("The token's own time had ended"), "{text}");
    assert!(text.contains("5m earlier by the identity provider's clock"), "{text}");
    assert!(!text.contains("New-ServicePrincipal"), "nothing else is to be looked for: {text}");
    let unmeasured = at_noon(Reason::TokenRejected, Phase::Auth, None, Some(&ended));
    assert!(unmeasured.contains("5m earlier by our clock"), "{unmeasured}");
    // Our clock is ten minutes ahead: there the token is still good, and the refusal has other causes.
    let fresh = at_noon(Reason::TokenRejected, Phase::Auth, Some(10), Some(&ended));
    assert!(fresh.contains("in order") && fresh.contains("New-ServicePrincipal"), "{fresh}");

    let early = Claims { not_before: Some(noon() + minutes(7)), ..good.clone() };
    let text = at_noon(Reason::TokenRejected, Phase::Auth, Some(0), Some(&early));
    assert!(text.starts_with("The token's time had not begun"), "{text}");
    assert!(text.contains("7m later"), "{text}");
    let begun = at_noon(Reason::TokenRejected, Phase::Auth, Some(-10), Some(&early));
    assert!(begun.contains("in order"), "{begun}");
    // A role that is missing would be missing in a fresh token too, but it is not what was refused.
    let both = Claims { permissions: Vec::new(), ..ended };
    let text = at_noon(Reason::RoleMissing, Phase::Auth, Some(0), Some(&both));
    assert!(text.starts_with("The token's own time had ended"), "{text}");
}

#[test]
fn suspected_interception_says_whether_a_credential_was_sent() {
    let check = check(Family::ExchangeOnline, Protocol::Imap, "invoices@contoso.example");
    let certificate = Certificate {
        subject: "CN=outlook.com".to_owned(),
        issuer: "CN=Proxy `of the house`".to_owned(),
        sha256: "00".repeat(32),
        public_root: Some(false),
    };
    let server =
        ServerFacts { certificate: Some(Arc::new(certificate)), intercepted: true, ..ServerFacts::default() };
    let told = |reason, phase| hint(reason, phase, &Subject { server: &server, ..subject(&check, None) });
    let untrusted = told(Reason::TlsCertificateUntrusted, Phase::Tls);
    let expected = "TLS to `outlook.office365.com` seems to be intercepted";
    assert!(untrusted.starts_with(expected), "{untrusted}");
    assert!(untrusted.contains("issued by `CN=Proxy of the house`. No credential was sent."), "{untrusted}");
    let rejected = told(Reason::TokenRejected, Phase::Auth);
    assert!(rejected.starts_with(expected) && rejected.contains("has seen this login"), "{rejected}");
    assert!(rejected.contains("New-ServicePrincipal"), "a suspicion explains no refusal: {rejected}");

    let nobody = hint(Reason::TlsCertificateUntrusted, Phase::Tls, &subject(&check, None));
    assert!(!nobody.contains("seems to be"), "{nobody}");
    let token = hint(Reason::TlsCertificateUntrusted, Phase::Token, &subject(&check, None));
    assert!(token.starts_with("TLS to `login.microsoftonline.com` seems to be intercepted"), "{token}");
}

#[test]
fn commands_reach_the_very_port_and_begin_tls_as_it_wants() {
    let mut check = check(Family::Generic, Protocol::Smtp, "invoices@contoso.example");
    check.endpoint =
        Endpoint { host: "mail.lab.example".to_owned(), port: 587, security: Security::StartTls };
    let told = |check: &Check, reason, phase| hint(reason, phase, &subject(check, None));
    let connect =
        "openssl s_client -connect mail.lab.example:587 -starttls smtp -servername mail.lab.example";
    for reason in [Reason::TlsCertificateExpired, Reason::TlsCertificateUntrusted, Reason::TlsNameMismatch] {
        let text = told(&check, reason, Phase::Tls);
        assert!(text.contains(connect), "{reason}: {text}");
    }
    let text = told(&check, Reason::Timeout, Phase::Connect);
    assert!(text.contains("`nc -vz mail.lab.example 587`"), "{text}");
    // At the token endpoint no STARTTLS is spoken, and the port is the one of its address.
    let text = told(&check, Reason::TlsCertificateUntrusted, Phase::Token);
    assert!(text.contains("-connect idp.lab.example:443 -servername idp.lab.example"), "{text}");
    let Access::Token(TokenAccess { spec, .. }) = &mut check.access else { panic!("the check has a token") };
    spec.url = "http://[::1]:8080/token".into();
    let text = told(&check, Reason::ConnectionRefused, Phase::Token);
    assert!(text.contains("`[::1]:8080`"), "{text}");
    check.endpoint.security = Security::Implicit;
    let text = told(&check, Reason::TlsCertificateExpired, Phase::Tls);
    assert!(text.contains("mail.lab.example:587 -servername"), "{text}");
}
