//! High Volume Email: of Exchange Online, and none of its mailboxes.

use super::*;
use crate::model::HIGH_VOLUME_HOSTS;

/// A check of an account of that service, by a password or by a token.
fn account(host: &str, by_password: bool) -> Check {
    let check = check(Family::ExchangeOnline, Protocol::Smtp, "bulk@contoso.example");
    let access = match by_password {
        true => Access::Password(SecretRef::Env("BULK".to_owned())),
        false => check.access.clone(),
    };
    Check { endpoint: Endpoint { host: host.to_owned(), ..check.endpoint.clone() }, access, ..check }
}

#[test]
fn refused_passwords_lead_to_the_policy_and_to_the_apps_access() {
    for host in HIGH_VOLUME_HOSTS {
        let account = account(host, true);
        let text = hint(Reason::BasicAuthDisabled, Phase::Auth, &subject(&account, None));
        for words in [
            "until September 2028",
            "New-AuthenticationPolicy -Name HVE -AllowBasicAuthSmtp",
            "Set-User -Identity 'bulk@contoso.example' -AuthenticationPolicy HVE",
            "Manage security defaults",
            "Add-HVEAppAccess -Identity 'bulk@contoso.example'",
        ] {
            assert!(text.contains(words), "{host}: {words} in {text}");
        }
    }
}

#[test]
fn no_remedy_names_a_mailbox_that_such_an_account_has_not() {
    let reasons = [
        Reason::BasicAuthDisabled,
        Reason::CredentialsRejected,
        Reason::TokenRejected,
        Reason::SmtpAuthDisabledTenant,
        Reason::SmtpAuthDisabledMailbox,
    ];
    for reason in reasons {
        for by_password in [true, false] {
            let account = account("SMTP-HVE.office365.com", by_password);
            let claims = claims("Mail.Send");
            let claims = (!by_password).then_some(&claims);
            let text = hint(reason, Phase::Auth, &subject(&account, claims));
            for command in
                ["Add-MailboxPermission", "New-ServicePrincipal", "-CASMailbox", "Set-TransportConfig"]
            {
                assert!(!text.contains(command), "{reason}: {text}");
            }
        }
    }
}
