//! Answers that were once given another meaning: each row stands for its kind.

use super::{Answer, Family, Mechanism, Phase, Reason, TokenAnswer, reply, token};
use crate::model::Protocol;

fn meaning(protocol: Protocol, phase: Phase, mechanism: Option<Mechanism>, text: &str) -> Reason {
    let family = Family::Generic;
    reply(&Answer { phase, protocol, mechanism, family, encrypted: true, challenge: None, text }).reason
}

#[test]
fn before_the_login_no_answer_refuses_a_login() {
    for phase in [Phase::Greeting, Phase::StartTls, Phase::Capability] {
        for text in ["550 x", "535 5.7.8 x", "553 5.7.1 x"] {
            let reason = meaning(Protocol::Smtp, phase, None, text);
            assert!(
                matches!(reason, Reason::ProtocolError | Reason::TlsProtocol),
                "{phase} {text}: {reason}"
            );
        }
        for (protocol, text) in
            [(Protocol::Imap, "* NO [AUTHENTICATIONFAILED] x"), (Protocol::Pop3, "-ERR [AUTH] x")]
        {
            let reason = meaning(protocol, phase, None, text);
            assert_eq!(reason, Reason::ProtocolError, "{phase} {text}");
        }
    }
    assert_eq!(
        meaning(Protocol::Smtp, Phase::Greeting, None, "554 No SMTP service here"),
        Reason::ServerUnavailable
    );
}

#[test]
fn our_own_name_in_ehlo_is_no_credential() {
    for text in [
        "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)",
        "504 5.5.2 <probe>: Helo command rejected: need fully-qualified hostname",
    ] {
        for phase in [Phase::Capability, Phase::Sender] {
            assert_eq!(meaning(Protocol::Smtp, phase, None, text), Reason::ProtocolError, "{phase} {text}");
        }
    }
}

#[test]
fn a_passing_code_that_no_table_knows_passes() {
    for text in ["450 4.7.0 Message not proxied", "450 4.7.1 Unable to Relay", "499 flux", "421 4.9.9 flux"] {
        for phase in [Phase::Greeting, Phase::Auth, Phase::Sender] {
            let reason = meaning(Protocol::Smtp, phase, Some(Mechanism::Xoauth2), text);
            assert_eq!(reason, Reason::ServerUnavailable, "{phase} {text}");
        }
    }
    assert_eq!(
        meaning(Protocol::Smtp, Phase::Sender, None, "550 5.7.1 Unable to relay"),
        Reason::MailboxAccessDenied
    );
}

#[test]
fn send_limits_and_bans_are_told_apart_from_quota_and_rights() {
    let held = "554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Failed to process message due to a permanent exception with message WASCL UserAction verdict is not None. Actual verdict is RefuseQuota, ShowTierUpgrade.";
    assert_eq!(meaning(Protocol::Smtp, Phase::Sender, None, held), Reason::AccountLocked);
    let banned = "550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal from this list please visit https://sender.office.com/";
    for phase in [Phase::Greeting, Phase::Capability, Phase::Auth, Phase::Sender] {
        assert_eq!(meaning(Protocol::Smtp, phase, None, banned), Reason::ConditionalAccess, "{phase}");
    }
}

#[test]
fn an_imap_referral_says_nothing_about_the_token() {
    let token = Some(Mechanism::Xoauth2);
    let referral = "a1 NO [REFERRAL imap://user;AUTH=*@mail2.contoso.example/] Remote server";
    assert_eq!(meaning(Protocol::Imap, Phase::Auth, token, referral), Reason::ServerUnavailable);
    let busy = "421 Server is busy, try later";
    assert_eq!(meaning(Protocol::Imap, Phase::Greeting, None, busy), Reason::ServerUnavailable);
    let off = "* OK [ALERT] IMAP is switched off for this account";
    assert_eq!(meaning(Protocol::Imap, Phase::Select, token, off), Reason::ProtocolDisabled);
    let wrong = "a1 NO Something went wrong, please retry";
    assert_eq!(meaning(Protocol::Imap, Phase::Auth, token, wrong), Reason::ServerUnavailable);
}

#[test]
fn the_providers_sentence_outweighs_the_error_around_it() {
    let answer = |error: &str, sentence: &str| {
        let body = format!(r#"{{"error":"{error}","error_description":"{sentence}"}}"#);
        token(&TokenAnswer { status: Some(400), retry_after: None, body: &body }).reason
    };
    for (error, sentence, wanted) in [
        ("invalid_grant", "Robot is disabled", Reason::AccountDisabled),
        ("invalid_grant", "The user has been deactivated", Reason::AccountDisabled),
        ("invalid_client", "Client is disabled", Reason::AppDisabled),
        ("unauthorized_client", "Standard flow is disabled for the client", Reason::TokenRequestInvalid),
        ("invalid_grant", "flux", Reason::RefreshTokenExpired),
    ] {
        assert_eq!(answer(error, sentence), wanted, "{error}: {sentence}");
    }
}
