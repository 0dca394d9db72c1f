//! What the answer to a password login proves: passwords are closed by policy, passwords are still checked, or
//! nothing.
//!
//! The table is separate from the reasons: a reason says what to do about a failure, and one reason has wordings
//! that prove a policy and wordings that prove nothing. Policy sentences come first, credential sentences last.

use super::text::{fold, matches};
use crate::model::{Failure, Phase, Reason};

/// What an answer to a password proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A policy refuses every password: closed.
    Policy,
    /// Submission is off for passwords and OAuth alike: closed, and OAuth is broken.
    SmtpAuthOff,
    /// The password went on to a directory: open, no matter what the directory said.
    Directory,
    /// The same, and the directory is the organisation's own, which counts failures by itself.
    Federated,
    /// A sentence that only the directory writes: open, if the password was known to be wrong.
    Incorrect,
    /// A sentence that fits a wrong password and a policy alike, or a policy that applies after the password.
    Nothing,
    /// The account is locked: no other password may be tried.
    Locked,
    /// The server did not judge the password.
    Silence,
}

/// Wordings of the answer to a password login, folded. Sources: domain facts, section 1.
const WORDINGS: &[(&str, Proof)] = &[
    // Exchange Online: one of the two switches; refuses OAuth as well (nodemailer#1484, email-oauth2-proxy#193).
    ("smtpclientauthentication", Proof::SmtpAuthOff),
    // Exchange Online IMAP, POP and SMTP: before any account is looked up (holon-run/uxc#445).
    ("basic authentication is disabled", Proof::Policy),
    // Exchange Online, announced for the final removal: 550 5.7.30.
    ("basic authentication is not supported", Proof::Policy),
    ("5.7.30 ", Proof::Policy),
    // Exchange Online and Outlook.com: AuthFailed:LogonDenied-BasicAuthBlocked (moralmunky#1014).
    ("basicauthblocked", Proof::Policy),
    ("basic auth*disabled", Proof::Policy),
    ("basic authentication*blocked", Proof::Policy),
    // Entra: security defaults refuse legacy authentication. Its sentence speaks of a locked user: not an account.
    ("security defaults", Proof::Policy),
    ("aadsts530035", Proof::Policy),
    ("blocked by*authentication policy", Proof::Policy),
    // Exchange Online, troubleshooting page: the password was handed on to the organisation's own federation.
    ("federated sts", Proof::Federated),
    ("does not support https", Proof::Federated),
    // A policy behind an accepted first factor, also seen for wrong passwords.
    ("not meet the criteria", Proof::Nothing),
    ("5.7.139*crit", Proof::Nothing),
    ("5.7.139*krit", Proof::Nothing),
    // Exchange Online: the directory's own sentence, also seen with accounts that need a second factor.
    ("user credentials were incorrect", Proof::Incorrect),
];

/// What a failed login with a password proves.
pub fn password_proof(failure: &Failure) -> Proof {
    let cause = &failure.cause;
    // A failure before the login says nothing; a failure after it means that the login was accepted.
    match failure.phase {
        Phase::Auth => {}
        phase if phase < Phase::Auth => return Proof::Silence,
        _ => return Proof::Directory,
    }
    let text = fold(&cause.detail);
    let said = WORDINGS.iter().find(|(wording, _)| matches(&text, wording)).map(|(_, proof)| *proof);
    if let Some(proof) = said {
        return proof;
    }
    match cause.reason {
        // The account is locked, in whatever words.
        Reason::AccountLocked => Proof::Locked,
        _ if text.contains("locked") => Proof::Locked,
        // The protocol is off for this mailbox, for everything.
        Reason::ProtocolDisabled => Proof::Policy,
        // The password was not judged.
        Reason::MechanismUnsupported | Reason::EncryptionRequired | Reason::Internal => Proof::Silence,
        reason if reason.row().transient => Proof::Silence,
        _ => Proof::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{Answer, reply};
    use crate::model::{Cause, Family, Mechanism, Protocol};

    /// Each wording for which the domain facts name a meaning, as a server sends it.
    #[rustfmt::skip] // one wording, one line
    const SAID: &[(Protocol, &str, Proof)] = &[
        (Protocol::Imap, "NO Basic authentication is disabled.", Proof::Policy),
        (Protocol::Imap, "NO LOGIN failed. Error=\"AuthFailed:LogonDenied-BasicAuthBlocked\"", Proof::Policy),
        (Protocol::Imap, "NO [AUTHENTICATIONFAILED] AuthFailed:LogonDenied-BasicAuthBlocked <UserType:OutlookCom>", Proof::Policy),
        (Protocol::Imap, "NO LOGIN failed.", Proof::Nothing),
        (Protocol::Imap, "NO AUTHENTICATE failed.", Proof::Nothing),
        (Protocol::Imap, "NO [ALERT] Application-specific password required", Proof::Nothing),
        (Protocol::Imap, "NO [AUTHENTICATIONFAILED] Authentication failed.", Proof::Nothing),
        (Protocol::Imap, "NO Request is throttled. Suggested Backoff Time: 300000 milliseconds", Proof::Silence),
        (Protocol::Smtp, "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [H 2026-08-10T13:48:18.010Z 08DE]", Proof::Policy),
        (Protocol::Smtp, "550 5.7.30 Basic authentication is not supported for Client Submission.", Proof::Policy),
        (Protocol::Smtp, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled", Proof::SmtpAuthOff),
        (Protocol::Smtp, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.", Proof::SmtpAuthOff),
        (Protocol::Smtp, "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.", Proof::Policy),
        (Protocol::Smtp, "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator.", Proof::Nothing),
        (Protocol::Smtp, "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.", Proof::Incorrect),
        (Protocol::Smtp, "535 5.7.139 Authentication unsuccessful, account locked. Contact your administrator.", Proof::Locked),
        (Protocol::Smtp, "535 5.7.139 Authentication unsuccessful, the federated STS service was unreachable.", Proof::Federated),
        (Protocol::Smtp, "535 5.7.139 Authentication unsuccessful, the federated STS does not support HTTPS.", Proof::Federated),
        (Protocol::Smtp, "535 5.7.3 Authentication unsuccessful", Proof::Nothing),
        (Protocol::Smtp, "432 4.3.2 Concurrent connections limit exceeded.", Proof::Silence),
        (Protocol::Smtp, "535-5.7.8 Username and Password not accepted.", Proof::Nothing),
    ];

    #[test]
    fn every_wording_of_the_vendors_proves_what_it_says_and_no_more() {
        for (protocol, text, proof) in SAID {
            let answer = Answer {
                phase: Phase::Auth,
                protocol: *protocol,
                mechanism: Some(Mechanism::Login),
                family: Family::ExchangeOnline,
                encrypted: true,
                challenge: None,
                text,
            };
            let cause = Cause::new(reply(&answer).reason, *text);
            assert_eq!(password_proof(&Failure { phase: Phase::Auth, cause }), *proof, "{text}");
        }
    }

    #[test]
    fn only_a_failure_after_the_login_proves_a_password() {
        let failed =
            |phase| password_proof(&Failure { phase, cause: Cause::new(Reason::FolderMissing, "no") });
        assert_eq!(failed(Phase::Capability), Proof::Silence);
        assert_eq!(failed(Phase::Select), Proof::Directory);
        assert_eq!(failed(Phase::Sender), Proof::Directory);
    }
}
