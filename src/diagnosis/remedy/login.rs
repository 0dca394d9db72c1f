//! What to do if the mail server refuses the login.
//!
//! Commands: Exchange Online PowerShell (MicrosoftDocs/office-docs-powershell), after
//! `Connect-ExchangeOnline`. High Volume Email: Microsoft Learn, "Troubleshoot issues with High Volume Email".

use super::{Remedy, remedies};
use crate::model::HIGH_VOLUME_HOSTS;
use crate::model::Phase::Sender;
use crate::model::Protocol::{Graph, Imap, Smtp};

pub(super) const TABLE: &[Remedy] = remedies! {
    TokenRejected; Says("accesstokenexpired") => "\
The token's time ended during the connection. Nothing to do: the next probe fetches a new one.";
    TokenRejected, ExchangeOnline; By(Graph) => "\
1. The token is for another audience or cloud: it must be that of `base_url` of the provider's `graph`, with the scope of that host, `https://graph.microsoft.com/.default` in the worldwide cloud.
2. The tenant has no service principal for the app any more: `az ad sp show --id {!app}`.
3. Conditional Access or a revoked session ended the token: Entra admin center > Sign-in logs, app `{app}`.";
    TokenRejected, ExchangeOnline; Host(HIGH_VOLUME_HOSTS) => "\
1. The app may not send by High Volume Email: `Add-HVEAppAccess -Identity {'address} -AppIds {'oid}`; the object id of Enterprise applications, a client id fails. It takes about five minutes to count, and ten apps are the most.
2. The token lacks `Mail.Send` of Office 365 Exchange Online (application permission, with an administrator's consent).
3. `{user}` is no High Volume Email account: `Get-MailUser -HVEAccount`.";
    TokenRejected; Host(&["smtp.azurecomm.net"]) => "\
1. `{user}` is not the SMTP username of the Communication Services resource: Azure portal > the resource > SMTP Usernames.
2. The app that it names is not `{app}`, or lacks the role `Communication and Email Service Owner` on the resource (Access control > Role assignments).
3. The scope is not `https://communication.azure.com/.default`, or no email domain is connected to the resource.";
    TokenRejected, ExchangeOnline; OtherWorks => "\
The same credential opens this mailbox by {works} right now: app, consent, service principal and address are fine. Look for what only {protocol} needs.
IMAP: `Get-CASMailbox -Identity {'address}` must show ImapEnabled True. SMTP: there SmtpClientAuthenticationDisabled must be False, or empty with the organisation's open; and the token needs `SMTP.SendAsApp`.
Rights given just now take minutes to hours to count.";
    TokenRejected, ExchangeOnline; By(Smtp) => "\
1. The app is not registered in Exchange, or under another object id (`Get-ServicePrincipal`; a wrong one goes first, `Remove-ServicePrincipal`): `New-ServicePrincipal -AppId {'app} -ObjectId {'oid}`; the id of Enterprise applications, not of App registrations.
2. It has no right on the mailbox: `Add-MailboxPermission -Identity {'address} -User {'oid} -AccessRights FullAccess` and `Add-RecipientPermission -Identity {'address} -Trustee {'oid} -AccessRights SendAs`.
3. `{user}` is not the mailbox's own user name.
Changes take minutes to hours to count.";
    TokenRejected, ExchangeOnline => "\
1. The app is not registered in Exchange, or under another object id (`Get-ServicePrincipal`; a wrong one goes first, `Remove-ServicePrincipal`): `New-ServicePrincipal -AppId {'app} -ObjectId {'oid}`; the id of Enterprise applications, not of App registrations.
2. It has no right on the mailbox: `Add-MailboxPermission -Identity {'address} -User {'oid} -AccessRights FullAccess`.
3. {protocol} is off for the mailbox: `Get-CASMailbox -Identity {'address}`.
4. `{user}` is not the mailbox's own user name.
Changes take minutes to hours to count.";
    TokenRejected, OutlookCom => "\
One of these: the token is for another account than `{user}`; its scope is not `https://outlook.office.com/IMAP.AccessAsUser.All` or `.../SMTP.Send`; POP and IMAP are off (Outlook.com > Settings > Mail > Forwarding and IMAP).
Some newer personal mailboxes refuse SMTP even so, and have no switch.";
    TokenRejected, Gmail => "\
The token must be for user `{user}` and hold the scope `https://mail.google.com/`; `gmail.readonly` and the like do not open IMAP or SMTP.
A service account: domain-wide delegation with that scope, and `sub` = `{user}`. Workspace: IMAP must be on for the user.";
    TokenRejected; OtherWorks => "\
The same token is accepted by {works} right now: issuer, audience and user name are fine. Compare the {protocol} server's OAuth settings with the other's (Dovecot: `oauth2` passdb; Postfix asks Dovecot).";
    TokenRejected => "\
One of these: the server does not trust the issuer of `{idp}`; the audience or scope is not the one it demands; the claim it takes for the user name is not `{user}`; it cannot reach the issuer to ask.
Its log says which: Dovecot with `auth_debug=yes`. Keycloak: a service account's user name is `service-account-CLIENT` unless mapped.";

    CredentialsRejected, ExchangeOnline; Host(HIGH_VOLUME_HOSTS) => "\
User name `{user}` or the password in {secret} is wrong, or it is no High Volume Email account (`Get-MailUser -HVEAccount`). Passwords end there in September 2028: an app's own token works now.";
    CredentialsRejected, ExchangeOnline => "\
Read the sentence. \"Client not authenticated\": mail was offered before a login, or on port 25; use port 587. Otherwise user name `{user}` or the password in {secret} is wrong, or the account demands a second factor.
For good: an app's own token (`type: client_secret`); passwords for SMTP end at Exchange Online.";
    CredentialsRejected, OutlookCom => "\
Personal Microsoft accounts take no passwords by IMAP and SMTP any more: a person has to sign in with OAuth for `{user}`.";
    CredentialsRejected, Gmail => "\
Google takes no account passwords here, only app passwords: the holder of `{user}` makes one at https://myaccount.google.com/apppasswords (2-step verification must be on) and it goes into {secret}. A changed account password ends all of them.";
    CredentialsRejected; KnownService => "\
User name `{user}` or the password in {secret} is wrong. {password}
Do not try too often: many servers lock the account.";
    CredentialsRejected => "\
User name `{user}` or the password in {secret} is wrong. Some servers want the name without its domain; some providers an app password.
Do not try too often: many servers lock the account.";

    BasicAuthDisabled, ExchangeOnline; Host(HIGH_VOLUME_HOSTS) => "\
High Volume Email takes passwords until September 2028, and the organisation refuses them here:
1. The authentication policy of `{user}` does not allow them: `Get-AuthenticationPolicy | Format-List Name,AllowBasicAuthSmtp`. A policy of its own: `New-AuthenticationPolicy -Name HVE -AllowBasicAuthSmtp`, then `Set-User -Identity {'address} -AuthenticationPolicy HVE`.
2. Security defaults are on: Entra admin center > Overview > Properties > Manage security defaults. To switch them off concerns every sign-in.
Or give it a credential of `type: client_secret` with `Mail.Send`: `Add-HVEAppAccess -Identity {'address} -AppIds {'oid}`, the object id of Enterprise applications.";
    BasicAuthDisabled, ExchangeOnline => "\
No password can work here, right or wrong. Register an app, give it `{permission}`, and give the mailbox a credential of `type: client_secret`:
`New-ServicePrincipal -AppId {'app} -ObjectId {'oid}`
`Add-MailboxPermission -Identity {'address} -User {'oid} -AccessRights FullAccess`";
    BasicAuthDisabled, OutlookCom => "\
Personal Microsoft accounts take no passwords here since September 2024, app passwords included. Only OAuth with a person's sign-in works for `{user}`.";
    BasicAuthDisabled, Gmail => "\
Google wants an app password or OAuth. The holder of `{user}` makes one at https://myaccount.google.com/apppasswords (2-step verification must be on); put it into {secret}.";
    BasicAuthDisabled; KnownService => "\
The server does not take this password for `{user}`. {password}
It goes into {secret}.";
    BasicAuthDisabled => "\
The server takes no ordinary password for `{user}`. Either OAuth, or an app password (an authorisation code at some providers) from the account's security settings; put it into {secret}.";

    ProtocolDisabled, ExchangeOnline; By(Imap) => "\
`Set-CASMailbox -Identity {'address} -ImapEnabled $true`
To see: `Get-CASMailbox -Identity {'address}`; the mailbox plan may switch it off for new mailboxes: `Get-CASMailboxPlan`. It takes up to an hour to count.";
    ProtocolDisabled, ExchangeOnline; By(Smtp) => "\
`Set-CASMailbox -Identity {'address} -SmtpClientAuthenticationDisabled $false`
To see: `Get-CASMailbox -Identity {'address}`. It takes up to an hour to count.";
    ProtocolDisabled, ExchangeOnline => "\
IMAP: `Set-CASMailbox -Identity {'address} -ImapEnabled $true`. POP: `-PopEnabled $true`. SMTP: `-SmtpClientAuthenticationDisabled $false`.
To see: `Get-CASMailbox -Identity {'address}`. It takes up to an hour to count.";
    ProtocolDisabled, OutlookCom => "The holder of `{user}` switches it on: Outlook.com > Settings > Mail > Forwarding and IMAP.";
    ProtocolDisabled, Gmail => "\
The holder of `{user}` switches it on: Gmail > Settings > Forwarding and POP/IMAP. Workspace: Admin console > Apps > Google Workspace > Gmail > End User Access.";
    ProtocolDisabled => "\
{protocol} is off for `{user}` or its domain. The holder switches it on in the web mail's settings, or the administrator allows it for the account.";

    SmtpAuthDisabledTenant, ExchangeOnline; Host(HIGH_VOLUME_HOSTS) => "\
The organisation's switch does not concern High Volume Email. Is `{user}` one of its accounts? `Get-MailUser -HVEAccount` lists them; any other mailbox sends by smtp.office365.com:587.";
    SmtpAuthDisabledTenant => "\
For this mailbox alone: `Set-CASMailbox -Identity {'address} -SmtpClientAuthenticationDisabled $false`; the mailbox's value wins.
For the whole organisation: `Set-TransportConfig -SmtpClientAuthenticationDisabled $false`.
The switch stops SMTP AUTH as such: OAuth logins are refused as well as passwords. IMAP is not touched. It takes up to an hour to count.";
    SmtpAuthDisabledMailbox, ExchangeOnline; Host(HIGH_VOLUME_HOSTS) => "\
This switch is a mailbox's, and accounts of High Volume Email have none. Is `{user}` one of them? `Get-MailUser -HVEAccount` lists them; any other mailbox sends by smtp.office365.com:587.";
    SmtpAuthDisabledMailbox, OutlookCom => "\
Some newer personal mailboxes refuse SMTP even with OAuth, and have no switch for it. Send from another mailbox, or by another way.";
    SmtpAuthDisabledMailbox => "\
`Set-CASMailbox -Identity {'address} -SmtpClientAuthenticationDisabled $false`
Or: Microsoft 365 admin center > Users > the user > Mail > Manage email apps > Authenticated SMTP. An empty value inherits the organisation's: `Get-TransportConfig`.
The switch stops SMTP AUTH as such: OAuth logins are refused as well as passwords. It takes up to an hour to count.";

    MechanismUnsupported, ExchangeOnline; PasswordBy(Smtp) => "\
`{server}` takes no passwords here. Give the mailbox a credential with a token, such as one of `type: client_secret`.
If no AUTH is offered at all, `{server}` is not the submission port: use smtp.office365.com:587, not the MX host and not port 25.";
    MechanismUnsupported, ExchangeOnline; Password => "\
`{server}` takes no passwords here. Give the mailbox a credential with a token, such as one of `type: client_secret`.";
    MechanismUnsupported, ExchangeOnline; By(Smtp) => "\
Exchange Online offers XOAUTH2, and LOGIN by SMTP; never OAUTHBEARER or PLAIN. Set `mechanism: xoauth2`.
If no AUTH is offered at all, `{server}` is not the submission port: use smtp.office365.com:587, not the MX host and not port 25.";
    MechanismUnsupported, ExchangeOnline => "Exchange Online offers XOAUTH2, never OAUTHBEARER or PLAIN. Set `mechanism: xoauth2`.";
    MechanismUnsupported, OutlookCom; Password => "\
Outlook.com takes no passwords. Give the mailbox a credential with a token: a person signs in for one of `type: refresh_token`.";
    MechanismUnsupported, OutlookCom; By(Smtp) => "Outlook.com offers XOAUTH2 alone. Set `mechanism: xoauth2`; by SMTP at smtp-mail.outlook.com:587.";
    MechanismUnsupported, OutlookCom => "Outlook.com offers XOAUTH2 alone. Set `mechanism: xoauth2`.";
    MechanismUnsupported, Gmail; By(Smtp) => "Gmail offers XOAUTH2, OAUTHBEARER and PLAIN. If none is offered, `{server}` is not the submission port: use smtp.gmail.com:587.";
    MechanismUnsupported, Gmail => "Gmail offers XOAUTH2, OAUTHBEARER and PLAIN. If none is offered, `{server}` is not Gmail: use imap.gmail.com:993.";
    MechanismUnsupported; PasswordBy(Smtp) => "\
`{server}` takes no passwords here. Give the mailbox a credential with a token, or have the server take passwords: Dovecot `auth_mechanisms = plain login`.
If it offers no login at all, this is no submission port (587, 465), or AUTH is off there: Postfix `smtpd_sasl_auth_enable = yes`.";
    MechanismUnsupported; Password => "\
`{server}` takes no passwords here. Give the mailbox a credential with a token, or have the server take passwords: Dovecot `auth_mechanisms = plain login`.";
    MechanismUnsupported; By(Smtp) => "\
The sentence tells what `{server}` offers. Set `mechanism` to it, or have the server offer ours: Dovecot `auth_mechanisms = plain login xoauth2 oauthbearer`, or `auth_mechanisms` of 2.4 by name.
If it offers no login at all, this is no submission port (587, 465), or AUTH is off there: Postfix `smtpd_sasl_auth_enable = yes`.";
    MechanismUnsupported => "\
The sentence tells what `{server}` offers. Set `mechanism` to it, or have the server offer ours: Dovecot `auth_mechanisms = plain login xoauth2 oauthbearer`, or `auth_mechanisms` of 2.4 by name.";

    EncryptionRequired => "\
Use TLS: `tls: implicit` with port 993 (IMAP) or 465 (SMTP), or `tls: starttls` with 143 or 587. `{server}` allows no login in clear.
If TLS stood, a proxy ends it before the server: the server must trust that proxy's network (Dovecot `login_trusted_networks`).";

    MailboxNotConnected, ExchangeOnline; OtherWorks => "\
The token is good, and opens this mailbox by {works}. What only {protocol} needs, in this order:
1. IMAP is on: `Set-CASMailbox -Identity {'address} -ImapEnabled $true`.
2. Full access, which sending does not need: `Add-MailboxPermission -Identity {'address} -User {'oid} -AccessRights FullAccess -InheritanceType All`.
3. Too many connections or heavy throttling: then it passes.";
    MailboxNotConnected, ExchangeOnline => "\
The token was accepted; several things end like this:
1. No right: `Add-MailboxPermission -Identity {'address} -User {'oid} -AccessRights FullAccess -InheritanceType All`.
2. Registered under the wrong object id: `Get-ServicePrincipal` must show `{oid}` for app `{app}`.
3. IMAP is off, or no licence: `Get-CASMailbox -Identity {'address}`.
4. A shared mailbox wants its user principal name as `username`, not `{user}`.
5. Too many connections, or a fault of the service: then it passes. Changes take minutes to hours to count.";
    MailboxNotConnected => "\
The login was accepted, the mailbox was not opened. Look whether the token belongs to `{user}` or to another account, whether that account may open the mailbox, and whether the mailbox exists.
Holder of a personal account: sign in with a browser once. Now and then it passes by itself.";

    MailboxAccessDenied, ExchangeOnline; In(Sender) => "\
The login works, but it may not send as `{address}`: `Add-RecipientPermission -Identity {'address} -Trustee {'oid} -AccessRights SendAs`. It takes up to an hour to count.
If the sentence speaks of a restricted or blocked sender: Defender portal > Restricted entities.";
    MailboxAccessDenied, ExchangeOnline; By(Graph) => "\
The token has the permission, and the tenant limits it to other mailboxes: `Test-ApplicationAccessPolicy -AppId {'app} -Identity {'address}` must show AccessCheckResult Granted; `Get-ApplicationAccessPolicy` lists the policies.
With RBAC for Applications: `Test-ServicePrincipalAuthorization -Identity {'oid} -Resource {'address}` must show InScope True.
A person's sign-in opens other mailboxes only with FullAccess and `Mail.Read.Shared`. Changes take up to an hour to count.";
    MailboxAccessDenied, ExchangeOnline => "\
`Add-MailboxPermission -Identity {'address} -User {'oid} -AccessRights FullAccess`; to send as it: `Add-RecipientPermission -Identity {'address} -Trustee {'oid} -AccessRights SendAs`.
A single folder: `Get-MailboxFolderPermission`. It takes up to an hour to count.";
    MailboxAccessDenied; In(Sender) => "\
The login works, but `{user}` may not send as `{address}`. Allow it (Postfix: `smtpd_sender_login_maps`; Gmail: Settings > Accounts > Send mail as), or make both the same.";
    MailboxAccessDenied => "\
The login works, but it has no right. Allow `{user}` the folder (Dovecot: `doveadm acl get -u {!user} FOLDER`; it needs `lookup` and `read`), or the sender address `{address}`.";
};
