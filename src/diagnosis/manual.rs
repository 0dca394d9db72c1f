//! The manual: for every reason what brings it about, and how one sees that the fix has worked.
//!
//! Owns these texts, one row per reason; text between backticks is a command or a value. What a reason
//! means and who acts is in `model::Reason`, what to do about it in `remedy`.

use crate::model::Reason;

/// The facts about a reason other than its meaning and its remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The possible causes, the likeliest first. The answer alone does not tell which one it is.
    pub causes: &'static [&'static str],
    /// How to see that the fix has worked, before the next probe does.
    pub verify: &'static str,
}

/// Writes the table; a reason without a row does not compile.
macro_rules! manual {
    ($( $reason:ident { $($cause:literal),+ $(,)? } verify $verify:literal; )+) => {
        /// The entry of a reason.
        pub const fn manual(reason: Reason) -> Entry {
            match reason {
                $( Reason::$reason => Entry { causes: &[$($cause),+], verify: $verify }, )+
            }
        }
    };
}

manual! {
    // --- at the token endpoint
    SecretInvalid {
        "The secret's ID was copied from the portal instead of its Value, which is shown only once.",
        "The secret was replaced at the provider, and the old one is still deployed here.",
        "The secret belongs to another app registration than the configured `client_id`.",
        "A line break, a quotation mark or an escape came into the file or variable on the way.",
    } verify "The length of the deployed secret is that of the Value (40 characters at Entra, the ID has 36): `wc -c FILE`. It is read again at the next try.";
    SecretExpired {
        "The end date of the app's last secret has passed; Entra gives a secret two years at most, portals suggest six months.",
        "A policy of the tenant shortened the life of secrets.",
    } verify "`az ad app credential list --id APP_ID` shows an end date in the future, and `mailbox_credential_success` becomes 1 at the next try. Write the new end to `expires`.";
    CertificateRejected {
        "The certificate was renewed here and not uploaded to the app registration, or the reverse.",
        "The key and the certificate do not belong together.",
        "The client is registered for another `algorithm`, or is unknown: many providers answer `invalid_client` in both cases.",
        "The service-account key was deleted at Google.",
    } verify "The thumbprint of the deployed certificate (`openssl x509 -in app.pem -noout -fingerprint -sha1`) is in `az ad app credential list --id APP_ID --cert`.";
    ClockSkew {
        "The clock of this machine is wrong: no NTP, a suspended virtual machine, a wrong time zone taken for UTC.",
        "A workload token or an assertion was kept too long and sent again.",
        "The server shows a certificate that begins in the future.",
    } verify "`timedatectl` says that the clock is synchronised. The credentials in `/api/v1/credentials` show `clock_skew_seconds` near 0 after the next token request.";
    FederatedIdentityMismatch {
        "The federated credential names another issuer, subject or audience; case counts.",
        "The pod runs under another namespace or service account than the credential was made for.",
        "The cluster's issuer URL has changed, or ends in a slash on one side only.",
        "The credential was created minutes ago and is not known everywhere yet.",
        "Outside Entra: the client is unknown, or the provider takes each token of the file once.",
    } verify "Issuer and subject of `kubectl create token SERVICE_ACCOUNT --audience api://AzureADTokenExchange` (its payload is base64) equal those in `az ad app federated-credential list --id APP_ID`.";
    AppNotFound {
        "The client id is mistyped, or is the object id of the app registration.",
        "The tenant is the wrong one.",
        "The app has no enterprise application in this tenant: no administrator consented there, or it was deleted.",
    } verify "`az ad sp show --id APP_ID` in the configured tenant shows the enterprise application.";
    AppDisabled {
        "An administrator switched off sign-in for the enterprise application.",
        "Microsoft disabled the app for abuse.",
        "The subscription of the service has lapsed.",
    } verify "`az ad sp show --id APP_ID --query accountEnabled` says `true`.";
    TenantNotFound {
        "The tenant id is mistyped.",
        "The tenant lives in another cloud: GCC High, DoD, 21Vianet.",
        "The tenant was deleted.",
    } verify "`curl https://login.microsoftonline.com/TENANT_ID/v2.0/.well-known/openid-configuration` answers with an issuer.";
    ConsentMissing {
        "No administrator has consented to the app's permissions since they were added.",
        "Consent was given for Microsoft Graph, not for Office 365 Exchange Online.",
        "Google: domain-wide delegation lacks the client id or the exact scope.",
    } verify "App registrations > the app > API permissions shows Granted for every row. `mailbox_token_permission` becomes 1 with the next token.";
    ScopeInvalid {
        "The scope names Graph or a single permission where client credentials need `/.default`.",
        "The scope is that of another cloud.",
        "The tenant has no Exchange Online.",
    } verify "`mailbox-exporter validate --config FILE` shows no fault, and the provider's `scope` ends in `/.default` (Google: is `https://mail.google.com/`).";
    RoleMissing {
        "The application permission was never added, or was added without admin consent.",
        "A delegated permission of a similar name was added instead.",
        "Consent was withdrawn: compare with the claims of the last success on the mailbox's page.",
        "SMTP by RBAC for Applications: no role is needed in the token, but the assignment is missing.",
    } verify "`mailbox_token_permission` for this permission is 1 after the next token, and the mailbox's page lists it under the token's permissions.";
    TokenRequestInvalid {
        "A placeholder was left in `token_url`, `tenant` or `client_id`.",
        "The token endpoint is that of another grant or of an old version (v1).",
        "The client is public where a confidential one is needed.",
    } verify "`curl -d grant_type=client_credentials -d client_id=APP_ID TOKEN_URL` is refused for want of a secret, and for nothing else.";
    ConditionalAccess {
        "A Conditional Access policy for workload identities refuses the address we come from.",
        "Security defaults refuse logins by password.",
        "Identity Protection holds the service principal or the user for risky.",
        "An authentication policy of Exchange blocks the protocol.",
    } verify "Entra admin center > Sign-in logs > Service principal sign-ins: the next row for the app says Success.";
    MfaRequired {
        "A policy demands a second factor of the user whose sign-in is used.",
        "The user has not registered a second factor, which is demanded now.",
    } verify "The sign-in log shows the next sign-in of this program as an app's (service principal), not a user's.";
    AccountNotFound {
        "The address is mistyped, or is an alias where the user name is wanted.",
        "The mailbox was renamed, deleted or moved to another tenant.",
        "A personal account was given where a work account is needed.",
    } verify "`Get-EXOMailbox -Identity ADDRESS` shows the mailbox; elsewhere the server's own user list does.";
    AccountDisabled {
        "Sign-in was blocked: somebody has left, or it is a shared mailbox, which is blocked by design.",
        "The account's licence or subscription ended.",
    } verify "`Get-MgUser -UserId USERNAME -Property AccountEnabled` says True; Dovecot: `doveadm user USERNAME` shows no `nologin`.";
    AccountLocked {
        "Wrong passwords were tried, often by another program that has the old one stored.",
        "The provider holds the account until its owner signs in with a browser.",
        "Passwords are being guessed from outside.",
    } verify "The sign-in log shows no more failed tries, and the owner can sign in with a browser.";
    PasswordExpired {
        "The password is older than the policy of its directory allows.",
    } verify "The owner can sign in with a browser by the new password, and the place of the secret holds it.";
    RefreshTokenExpired {
        "The sign-in was not used for too long (Entra: 90 days).",
        "The password was changed, or an administrator revoked the sessions.",
        "A sign-in-frequency policy ends sessions after some hours.",
        "Google: the consent screen is still in testing, which ends every sign-in after seven days.",
    } verify "After somebody has signed in again `mailbox_credential_success` becomes 1 at the next try.";
    IdpUnavailable {
        "The identity provider has an outage.",
        "A proxy in between answers with a fault of its own.",
    } verify "The provider's status page is green and `mailbox_token_requests_total` with outcome `success` rises again.";
    IdpThrottled {
        "Something asks for tokens without keeping them: scripts, more replicas, another program with the same app.",
        "The whole tenant is limited.",
    } verify "Entra's sign-in log shows some twenty rows a day for the app from here, and none from elsewhere.";

    // --- signing in at the mail server
    CredentialsRejected {
        "The password was changed and the old one is still deployed here.",
        "The user name is wrong: some servers want it without its domain, some the primary address.",
        "The provider wants an app password.",
        "SMTP: mail was offered without a login, on port 25 mostly.",
    } verify "The same user name and password open the provider's web mail; Dovecot: `doveadm auth test USERNAME`.";
    TokenRejected {
        "The app is not registered in Exchange, or under the object id of the app registration instead of the enterprise application.",
        "The service principal has no right on this mailbox.",
        "The token is for another audience (Graph), or lacks the role.",
        "The protocol is switched off for the mailbox.",
        "The user name is not the mailbox's own.",
        "The token's time had ended: the hint says so where that is the case.",
    } verify "`Get-ServicePrincipal` shows the app's id beside the `oid` on the mailbox's page, and `Test-ServicePrincipalAuthorization -Identity OBJECT_ID -Resource ADDRESS` shows the mailbox in scope. Changes take minutes to hours.";
    BasicAuthDisabled {
        "The provider has ended passwords for this protocol.",
        "An authentication policy of the organisation blocks them.",
        "Two-step verification is on, and an app password is wanted.",
    } verify "The mailbox has a credential that brings a token, and its page says `xoauth2` under Login by.";
    ProtocolDisabled {
        "An administrator or the owner switched the protocol off for the mailbox.",
        "A policy switches it off for new mailboxes (CAS mailbox plan).",
        "Gmail: IMAP is off in the settings or for the domain.",
    } verify "`Get-CASMailbox -Identity ADDRESS | Format-List ImapEnabled,PopEnabled` says True.";
    SmtpAuthDisabledTenant {
        "The organisation's switch is on, which is the default of tenants made since January 2020.",
        "It was switched when Microsoft ended passwords for SMTP.",
    } verify "`Get-TransportConfig | Format-List SmtpClientAuthenticationDisabled` says False, or the mailbox's own value, which wins, does: `Get-CASMailbox -Identity ADDRESS | Format-List SmtpClientAuthenticationDisabled`.";
    SmtpAuthDisabledMailbox {
        "The mailbox's switch is on; it wins over the organisation's.",
        "Personal Outlook.com mailboxes: the provider's decision, without a switch.",
    } verify "`Get-CASMailbox -Identity ADDRESS | Format-List SmtpClientAuthenticationDisabled` says False, or is empty while the organisation's is False.";
    MechanismUnsupported {
        "The server offers other mechanisms than the configured one.",
        "The port is not the submission port: MX hosts and port 25 offer no login.",
        "Logins are offered only after TLS, and `tls: none` is configured.",
    } verify "`mailbox_server_mechanism_offered` is 1 for the wanted mechanism, and the mailbox's page lists it under Offers.";
    EncryptionRequired {
        "`tls: none` is configured, or a proxy ends TLS before the server.",
        "STARTTLS is demanded first.",
    } verify "The mailbox's page shows a TLS version for the last probe.";
    MailboxNotConnected {
        "The service principal or user has no full access to this mailbox.",
        "The service principal was registered in Exchange under the wrong object id.",
        "IMAP is off for the mailbox, or it has no licence.",
        "A shared mailbox wants its user principal name as `username`.",
        "Too many connections, heavy throttling, or a fault of the service: then it passes.",
    } verify "`Get-MailboxPermission -Identity ADDRESS -User OBJECT_ID` shows FullAccess, `Get-CASMailbox -Identity ADDRESS` ImapEnabled True. Changes take minutes to hours.";
    MailboxAccessDenied {
        "The right to send as this address is missing.",
        "The folder's access list does not name this user.",
        "The address is an alias that sending is not allowed from.",
    } verify "`Get-RecipientPermission -Identity ADDRESS -Trustee OBJECT_ID` shows SendAs; a folder: `Get-MailboxFolderPermission`, Dovecot `doveadm acl get -u USERNAME FOLDER`.";

    // --- in the mailbox, and of the server
    FolderMissing {
        "The folder was renamed or deleted.",
        "Its name is in another language, or needs a prefix or another separator (`INBOX.Archive`).",
        "It exists and cannot be opened: a mere node of the hierarchy.",
    } verify "`Get-EXOMailboxFolderStatistics -Identity ADDRESS | Format-Table FolderPath` lists it; Dovecot: `doveadm mailbox list -u USERNAME`.";
    OverQuota {
        "Mail, calendar and deleted items together reach the limit.",
        "A rule or a loop fills the mailbox.",
    } verify "`Get-EXOMailboxStatistics -Identity ADDRESS` shows TotalItemSize below the quota; Dovecot: `doveadm quota get -u USERNAME`.";
    Throttled {
        "Other programs use the same mailbox or come from the same address.",
        "The interval is short for this provider.",
        "Wrong passwords before: some servers slow down the address that they came from.",
    } verify "The next probe after the time that the server named succeeds; `mailbox_check_interval_seconds` returns to the configured interval.";
    TooManyConnections {
        "Other programs keep their connections open, or end without LOGOUT or QUIT.",
        "A second agent probes the same mailboxes.",
        "The server's limit per user or address is low.",
    } verify "Dovecot: `doveadm who USERNAME` lists fewer sessions than `mail_max_userip_connections`. Elsewhere the next probe tells.";
    ServerUnavailable {
        "The server or its back end is down: maintenance, disk, directory, authentication service.",
        "The mailbox is being moved.",
    } verify "Other mailboxes of the same server succeed as well: `mailbox_probe_success` by `server` (join `mailbox_check_info`).";
    ConnectionClosed {
        "The server or a load balancer restarted.",
        "A firewall or middlebox ends connections it does not like.",
        "A limit by address closes without a word.",
    } verify "`openssl s_client -connect HOST:PORT` stays open after the greeting.";
    ProtocolError {
        "Another service listens on this port, or the kind of TLS is wrong.",
        "A proxy, captive portal or login page answers for the server.",
        "A line was too long for the server: tokens are.",
    } verify "`mailbox-exporter check --config FILE --transcript MAILBOX` shows a dialogue of the right protocol.";

    // --- of a message under way
    DeliveredToJunk {
        "SPF, DKIM or DMARC of the sender's domain do not pass.",
        "The sending server's address has a bad reputation, or is on a block list.",
        "A rule of the mailbox, or its owner, has put such mail among junk.",
    } verify "`mailbox-exporter check --config FILE --protocol round_trip MAILBOX` passes, and `mailbox_round_trip_authentication_info` shows `pass` for spf, dkim and dmarc.";
    NotDelivered {
        "The message waits in a queue: the next server is down, slow, or puts it off (greylisting).",
        "A rule, a filter or a quarantine took it away after its acceptance.",
        "A transport rule or a forwarding sends mail for this address elsewhere.",
        "The round trip's `timeout` is shorter than this way usually takes.",
    } verify "The next run passes, and says of the earlier message whether it was late or lost. `mailbox_round_trip_deliver_seconds` shows the usual time.";
    Bounced {
        "The address does not exist behind the receiving server, though it accepted the message.",
        "The receiving mailbox is full or disabled.",
        "A policy of the receiving side refuses this sender.",
    } verify "`mailbox-exporter check --config FILE --protocol round_trip MAILBOX` passes.";
    // --- network and TLS
    DnsNotFound {
        "The host name is mistyped.",
        "The name exists only inside another network, or only for IPv6 while `ip: 4` is set.",
        "The record was deleted.",
    } verify "`getent hosts HOST` on this machine shows an address.";
    DnsFailure {
        "The resolver is down or overloaded.",
        "A network policy forbids port 53.",
        "The zone's own servers fail or are signed wrongly.",
    } verify "`getent hosts HOST` answers at once, several times in a row.";
    ConnectionRefused {
        "The service does not run, or listens on another port or address.",
        "A firewall refuses in the server's name.",
    } verify "`nc -vz HOST PORT` from this machine succeeds.";
    Timeout {
        "In `connect`: a firewall or network policy drops the packets.",
        "In `tls` or `greeting`: implicit TLS and STARTTLS are mixed up, or the server is overloaded.",
        "In `auth`: the server holds a refusal back, or waits for its directory.",
        "In `token`: no way out to the identity provider, or a proxy that is not configured.",
    } verify "`mailbox_probe_phase_seconds` of the phase in question is far below its bound again.";
    NetworkUnreachable {
        "There is no route, or none for IPv6.",
        "A local firewall, a security module or a network policy forbids the connection.",
    } verify "`ip route get ADDRESS` shows a route, and `nc -vz HOST PORT` succeeds.";
    TlsCertificateExpired {
        "The certificate was not renewed in time.",
        "It was renewed, and the server was not reloaded.",
        "The clock of this machine is ahead.",
    } verify "`mailbox_server_certificate_expiry_timestamp_seconds` lies in the future; `openssl s_client -connect HOST:PORT </dev/null | openssl x509 -noout -dates` shows it now.";
    TlsCertificateUntrusted {
        "The server sends an incomplete chain.",
        "Its authority is the house's own, and no `ca_file` names it.",
        "It signed its certificate itself.",
        "Something in between intercepts TLS: the sentence names who issued the certificate.",
    } verify "`openssl s_client -connect HOST:PORT -verify_return_error </dev/null` ends with Verify return code 0; add `-CAfile FILE` for an own authority.";
    TlsNameMismatch {
        "The host is configured by an alias or an address that is not in the certificate.",
        "The server shows the certificate of another host: its default, where the name is not known to it.",
    } verify "`openssl s_client -connect HOST:PORT -servername HOST </dev/null | openssl x509 -noout -ext subjectAltName` lists the configured host.";
    TlsProtocol {
        "Port and kind of TLS do not fit: `implicit` on a STARTTLS port, or the reverse.",
        "The server knows nothing newer than TLS 1.1.",
        "The server does not offer STARTTLS.",
    } verify "`openssl s_client -connect HOST:PORT -tls1_2` (STARTTLS ports: `-starttls imap` or `-starttls smtp`) completes a handshake.";
    Unexpected {
        "The server's wording is new, or rare.",
        "A proxy or filter answers in words of its own.",
    } verify "`mailbox-exporter check --config FILE --transcript MAILBOX` shows the whole dialogue; once the cause is mended the check says `ok`.";

    // --- of this program
    SecretUnreadable {
        "The file is not mounted, empty, or may not be read by the user that this program runs as.",
        "The environment variable is not set for the service.",
        "The `ca_file` holds no certificate in PEM form.",
    } verify "As the user of the service: `test -s FILE && test -r FILE && echo readable`. Nothing need be restarted for a file.";
    Internal {
        "A fault of this program.",
        "This machine is out of memory, threads or file descriptors.",
    } verify "The log holds no further line about it, and `process_open_fds` is well below `process_max_fds`.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_has_its_causes_proof_and_whole_commands() {
        let mut seen = BTreeSet::new();
        for &reason in Reason::ALL {
            let Entry { causes, verify } = manual(reason);
            assert!(!causes.is_empty() && causes.len() <= 6, "{reason}");
            for text in causes.iter().chain([&verify]) {
                assert!(text.len() > 20 && text.ends_with(['.', ']', ')']), "{reason}: {text}");
                assert_eq!(text.matches('`').count() % 2, 0, "{reason}: {text}");
                assert!(seen.insert(*text) || causes.contains(text), "{reason}: said elsewhere: {text}");
            }
            assert!(verify.len() > 40, "{reason}: {verify}");
        }
    }
}
