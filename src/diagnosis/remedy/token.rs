//! What to do if no token can be obtained: the identity provider's refusals.
//!
//! Rows of the Exchange Online family are for Entra, those of the Gmail family for Google. Commands: the
//! Azure CLI's reference, and Exchange Online PowerShell's where Exchange is concerned.

use super::{Remedy, remedies};
use crate::model::Phase::Token;
use crate::model::Protocol::{Graph, Smtp};

pub(super) const TABLE: &[Remedy] = remedies! {
    SecretInvalid, ExchangeOnline => "\
Entra does not take what is in {secret} for app `{app}`. Mostly the secret's ID was deployed in place of its Value.
New secret: `az ad app credential reset --id {!app} --append`, or App registrations > Certificates & secrets > New client secret.
Put its Value into {secret}; it is read again at the next try.";
    SecretInvalid, Gmail => "\
Google does not take the secret of client `{app}`.
Google Cloud console > APIs & Services > Credentials: compare the client id, make a new secret, put it into {secret}.";
    SecretInvalid => "\
The identity provider at `{idp}` does not take what is in {secret} for client `{app}`.
Compare client id and secret there. The client must be confidential and allowed to use client credentials (Keycloak: Client authentication and Service accounts roles on).
A provider that takes the secret in the Authorization header alone (`client_secret_basic`) needs `client_auth: basic` in credential `{credential}`.";

    SecretExpired, ExchangeOnline => "\
Every secret of app `{app}` has expired.
New one first: `az ad app credential reset --id {!app} --append`; put its Value into {secret}, which is read again at the next try; then remove the old ones.
Write its end to `expires` of credential `{credential}`, so that the next end is announced.";
    SecretExpired => "\
The secret of client `{app}` has expired. Make a new one at the identity provider and put it into {secret}; it is read again at the next try.";

    CertificateRejected, ExchangeOnline => "\
The certificate that signs is not registered at app `{app}`, or has expired.
Registered: `az ad app credential list --id {!app} --cert` shows the thumbprints (`customKeyIdentifier`).
Add it: `az ad app credential reset --id {!app} --append --cert @app.pem`, with the certificate alone in app.pem.";
    CertificateRejected, Gmail => "\
Google does not know the key that signed. It was deleted, or the account was: Google Cloud console > IAM > Service accounts > Keys > Add key; put the new JSON file into {secret}.";
    CertificateRejected => "\
The identity provider at `{idp}` does not take what is signed for client `{app}`. Some providers answer an unknown client in the same words.
Compare the client id there; register the certificate for that client; set `algorithm` of credential `{credential}` to the one that the client is registered for (ps256 if not written).";

    ClockSkew; In(Token) => "\
Compare this machine's clock with the world's: `timedatectl`, `chronyc tracking`. Containers have the clock of their host.
If the clock is right, an old assertion was sent: a federated token's file that is no longer renewed looks the same.";
    ClockSkew => "\
The certificate of `{peer}` is not valid yet by our clock. Compare the clock with the world's first: `timedatectl`, `chronyc tracking`; containers have the clock of their host.
If the clock is right, the server's certificate was deployed too early.";

    FederatedIdentityMismatch, ExchangeOnline => "\
App registrations > `{app}` > Certificates & secrets > Federated credentials: issuer, subject and audience must equal those in the server's sentence, letter by letter, case included.
Shown by `az ad app federated-credential list --id {!app}`. Kubernetes: subject `system:serviceaccount:NAMESPACE:NAME`, audience `api://AzureADTokenExchange`, issuer the cluster's, as it stands in the token.
Just created: it takes some minutes until it counts.";
    FederatedIdentityMismatch => "\
The identity provider at `{idp}` does not take the workload's token for client `{app}`. Some providers answer an unknown client in the same words.
It must know the token's issuer, and let its subject and audience in for that client, letter by letter.";

    AppNotFound, ExchangeOnline => "\
One of these: tenant `{tenant}` is the wrong one; client id `{app}` is mistyped, or is an object id; the app has no enterprise application in this tenant.
To see: `az ad sp show --id {!app}`. To create it: `az ad sp create --id {!app}`; for an app of another tenant an administrator opens {consent}";
    AppNotFound, Gmail; Says("account not found") => "\
Google does not know the service account: it was deleted, or the key file is another project's. Google Cloud console > IAM & Admin > Service accounts; a deleted account can be restored for 30 days.";
    AppNotFound, Gmail => "\
Google does not know client `{app}`: it was deleted or mistyped. Google Cloud console > APIs & Services > Credentials; a deleted client can be restored for 30 days.";
    AppNotFound; Delegated => "\
The identity provider at `{idp}` does not know client `{app}`, or knows it as one that has a secret: then `secret` of credential `{credential}` must name its place. Compare client id, realm and tenant.";
    AppNotFound => "\
The identity provider at `{idp}` does not know client `{app}`. Compare client id, realm and tenant.";

    AppDisabled, ExchangeOnline => "\
Enterprise applications > the app, or the service that the sentence names > Properties > Enabled for users to sign-in = Yes.
For app `{app}`: `az ad sp update --id {!app} --set accountEnabled=true`.
Ask who switched it off, and why. If the service is Exchange itself (`00000002-0000-0ff1-ce00-000000000000`), look at the tenant's subscription.";
    AppDisabled => "\
Client `{app}` is switched off at the identity provider. Ask who switched it off, and why, then enable it there.";

    TenantNotFound, ExchangeOnline => "\
No tenant `{tenant}` at `{idp}`. Use the directory (tenant) ID: Entra admin center > Overview.
If it is right, the cloud is wrong: GCC High and DoD tenants are at login.microsoftonline.us, those of 21Vianet at login.partner.microsoftonline.cn; choose that provider.";
    TenantNotFound => "\
No tenant or realm `{tenant}` at `{idp}`. Compare `tenant` of credential `{credential}` and the provider's `token_url`.";

    ConsentMissing, ExchangeOnline; By(Graph) => "\
An administrator consents: App registrations > `{app}` > API permissions > Microsoft Graph > `{permission}`, then Grant admin consent; or opens {consent}
Mail permissions of Office 365 Exchange Online do not count for Microsoft Graph. Where users may consent for themselves, a new sign-in asks for it.";
    ConsentMissing, ExchangeOnline; Delegated => "\
Nobody has consented to `{permission}` for app `{app}`. App registrations > `{app}` > API permissions > Office 365 Exchange Online > Delegated permissions > `{permission}`; then Grant admin consent, or an administrator opens {consent}
Where users may consent for themselves, a new sign-in asks for it: `mailbox-exporter login --config FILE {!credential}`.";
    ConsentMissing; Delegated => "\
The holder of `{user}` has not consented, or has withdrawn it. A new sign-in asks for it: `mailbox-exporter login --config FILE {!credential}`.";
    ConsentMissing, ExchangeOnline => "\
An administrator consents: App registrations > `{app}` > API permissions > Grant admin consent, or `az ad app permission admin-consent --id {!app}`, or opens {consent}
The list must hold the application permission `{permission}` of Office 365 Exchange Online; that of Microsoft Graph does not do.";
    ConsentMissing, Gmail => "\
Google Admin console > Security > Access and data control > API controls > Domain-wide delegation: add the service account's client id with exactly the scope `{scope}`. It takes up to a day, mostly minutes.
Mailbox `{user}` must belong to the domain whose Admin console that is.";
    ConsentMissing => "\
The identity provider at `{idp}` does not let client `{app}` ask for `{scope}`. Its administrator allows it there.";

    ScopeInvalid, ExchangeOnline; By(Graph) => "\
Asked for was `{scope}`. It follows from the address of Microsoft Graph: correct `base_url` of the provider's `graph` to that of the tenant's cloud, or write `scope` beside it.";
    ScopeInvalid, Gmail; Delegated => "\
Asked for was `{scope}`. For mailboxes it must be `https://mail.google.com/`, and the refresh token must have been issued for it.
Google's sign-in by a code gives no mail scope: obtain the refresh token by the flow for desktop applications, with access_type=offline, and put it into {rotated}.";
    ScopeInvalid; Delegated => "\
Asked for was `{scope}`. The refresh token must have been issued for it: sign in again by `mailbox-exporter login --config FILE {!credential}`, or correct the provider's `scope`.";
    ScopeInvalid, ExchangeOnline => "\
Asked for was `{scope}`. For mailboxes it must be `{token_scope}`: one resource, ending in `/.default`; in national clouds that cloud's host.
If that is what stands there, the tenant has no Exchange Online, or its service principal is missing: `az ad sp create --id 00000002-0000-0ff1-ce00-000000000000`.";
    ScopeInvalid, Gmail => "Asked for was `{scope}`. For mailboxes it must be `https://mail.google.com/`, or `https://www.googleapis.com/auth/gmail.imap_admin` for IMAP alone.";
    ScopeInvalid => "\
The identity provider at `{idp}` does not know scope `{scope}`. Compare the provider's `scope` with the scopes that client `{app}` has there.";

    RoleMissing, ExchangeOnline; By(Graph) => "\
App registrations > `{app}` > API permissions > Add > Microsoft Graph > Application permissions > `{permission}` (`Mail.Read` and `Mail.ReadWrite` include it), then Grant admin consent; or an administrator opens {consent}
For a person's sign-in it is the delegated permission, and a new sign-in. Permissions of Office 365 Exchange Online do not count here.
By Exchange's RBAC for Applications no role is needed, but an assignment: `Test-ServicePrincipalAuthorization -Identity {'oid} -Resource {'address}`.";
    RoleMissing, ExchangeOnline; Delegated => "\
App registrations > `{app}` > API permissions > APIs my organization uses > Office 365 Exchange Online > Delegated permissions > `{permission}`, then sign in again: `mailbox-exporter login --config FILE {!credential}`.
The application permissions and those of Microsoft Graph do not count for a person's token.";
    RoleMissing, ExchangeOnline; In(Token) => "\
App `{app}` is not assigned to the service, which demands an assignment: Enterprise applications > the service > Users and groups, or app role `{permission}` granted with admin consent: {consent}";
    RoleMissing, ExchangeOnline; By(Smtp) => "\
App registrations > `{app}` > API permissions > APIs my organization uses > Office 365 Exchange Online > Application permissions > `{permission}`, then Grant admin consent; or an administrator opens {consent}
A new token has it; the next ones are fetched by themselves.
Where Exchange's RBAC for Applications is used instead, no role is needed, but an assignment: `New-ManagementRoleAssignment -App {'oid} -Role 'Application SMTP.SendAsApp' -CustomResourceScope SCOPE`.";
    RoleMissing, ExchangeOnline => "\
App registrations > `{app}` > API permissions > APIs my organization uses > Office 365 Exchange Online > Application permissions > `{permission}`, then Grant admin consent; or an administrator opens {consent}
A permission of the same name under Microsoft Graph, or a delegated one (`IMAP.AccessAsUser.All`), does not do.
A new token has it; the next ones are fetched by themselves.";
    RoleMissing => "\
Client `{app}` lacks the role that the service demands. Its administrator assigns it at `{idp}`.";

    TokenRequestInvalid, ExchangeOnline; Delegated => "\
Read the sentence: it names the parameter. If a secret or an assertion is missing, the app is no public client: App registrations > `{app}` > Authentication > Allow public client flows = Yes, or `secret` in credential `{credential}`.
Compare `tenant` and `client_id` of credential `{credential}` too: no placeholder may be left.";
    TokenRequestInvalid; Delegated => "\
Read the sentence: it names what is wrong. Client `{app}` must be allowed the grants `refresh_token` and `urn:ietf:params:oauth:grant-type:device_code` at `{idp}`; a confidential client needs `secret` in credential `{credential}`.";
    TokenRequestInvalid, ExchangeOnline => "\
Read the sentence: it names the parameter. Compare `tenant`, `client_id` and, where written, `token_url` and `scope` of credential `{credential}`: no placeholder may be left, the address must be `https://login.microsoftonline.com/TENANT_ID/oauth2/v2.0/token`.
If it says that the client is public: App registrations > `{app}` > Authentication > Allow public client flows = No.";
    TokenRequestInvalid, Gmail => "\
Read the sentence: it names what is wrong. `{idp}` must be Google's token endpoint, `https://oauth2.googleapis.com/token`: what is signed is for the `token_url` of the provider or, if none is written, the `token_uri` of the key file.";
    TokenRequestInvalid => "\
Read the sentence: it names what is wrong. `{idp}` must be the token endpoint, and client `{app}` must be allowed the grant `client_credentials` (Keycloak: Service accounts roles on).";

    ConditionalAccess, ExchangeOnline; Says("security defaults") => "\
Security defaults refuse this kind of sign-in, and know no exceptions. Move mailbox `{address}` to an app's own token (`type: client_secret`); that they let pass.";
    ConditionalAccess, ExchangeOnline; Password => "\
A policy refuses the password of `{address}`. Entra admin center > Sign-in logs, user `{user}`, client app Authenticated SMTP or IMAP: the row names the policy.
Either exclude this account there, or move the mailbox to an app's own token (`type: client_secret`).";
    ConditionalAccess, ExchangeOnline; Delegated => "\
A policy refuses `{user}` from here. Entra admin center > Sign-in logs, user `{user}`, app `{app}`: the row names the policy. Policies against the device code flow refuse the command `login` alike.
Exclude the app or our egress address there; or move the mailbox to an app's own token (`type: client_secret` or `certificate`).";
    ConditionalAccess, ExchangeOnline => "\
Entra admin center > Sign-in logs > Service principal sign-ins, app `{app}`: the failed row names the policy and the address we came from.
Conditional Access for workload identities: exclude the app, or add our egress address to the named location. Identity Protection: dismiss the risk of the service principal.";
    ConditionalAccess, OutlookCom => "\
The account's protection refuses this sign-in. Its holder looks at account.live.com > Security > Recent activity and confirms that it was us.";
    ConditionalAccess, Gmail => "\
Google Admin console > Security > API controls: the app must be trusted. Context-aware access and the user's organisational unit decide as well.";
    ConditionalAccess => "\
A policy of the provider refuses this sign-in: by address, country or kind of client. Its log names the policy; let `{user}` in from our egress address.";

    MfaRequired; Delegated => "\
The provider wants a second factor from `{user}` before it goes on. Sign in again, it asks for it then: `mailbox-exporter login --config FILE {!credential}`.
If it comes back, a policy wants it each time: exclude the app from it, or use an app's own token (`type: client_secret`).";
    MfaRequired, ExchangeOnline => "\
No unattended program can do a second factor. Move mailbox `{address}` to an app's own token (`type: client_secret`), which needs none.
If a user's sign-in has to stay, exclude that account from the policy which the sign-in log names.";
    MfaRequired => "\
No unattended program can do a second factor. Use an app password, or OAuth by an app of its own, for `{user}`.";

    AccountNotFound, ExchangeOnline; By(Graph) => "\
Microsoft Graph finds no mailbox `{user}`: `Get-EXOMailbox -Identity {'address}`. It wants the user principal name; if that differs from the address, write it as `username`.
A mailbox without a licence, a deleted one, and one that is still on an own Exchange Server are not found either.
If the mailbox is fine, tenant `{tenant}` is the wrong one.";
    AccountNotFound, ExchangeOnline => "\
No user or mailbox `{user}` in the tenant: `Get-EXOMailbox -Identity {'address}`. Correct address or `username`; a shared mailbox may need its user principal name.
If it exists, tenant `{tenant}` is the wrong one, or it is a personal account.";
    AccountNotFound, Gmail => "\
Google knows no account `{user}`, or not as a mailbox of the domain. Use the primary address, not an alias or a group.";
    AccountNotFound => "The server knows no `{user}`. Correct the address or `username`; some servers want the name without its domain.";

    AccountDisabled, ExchangeOnline => "\
Sign-in is blocked: `Get-MgUser -UserId {'user} -Property AccountEnabled`, then `Update-MgUser -UserId {'user} -AccountEnabled:$true`. Shared mailboxes are blocked by design: open them by an app's own token.
Ask who blocked it, and why.";
    AccountDisabled, Gmail => "Google Admin console > Users > `{user}`: the user is suspended or archived. Ask who did it, and why.";
    AccountDisabled => "\
Account `{user}` is switched off, or expired. Dovecot: `doveadm user` shows a field `nologin`; Zimbra: `zmprov getAccount {!address} zimbraAccountStatus`.
Ask who switched it off, and why.";

    AccountLocked, ExchangeOnline => "\
First correct the password wherever it is stored, or the lock comes back. It ends by itself after some minutes without wrong tries.
Entra admin center > Sign-in logs, user `{user}`: who tries, from where. At once: a new password, or Protection > Risky users.";
    AccountLocked, OutlookCom => "\
Microsoft holds the account. Its holder signs in as `{user}` at https://outlook.live.com with a browser and follows what is asked; then authorises again.";
    AccountLocked, Gmail => "\
Google holds the account. Its holder signs in as `{user}` with a browser, answers what is asked, and opens https://accounts.google.com/DisplayUnlockCaptcha
If it comes back, use OAuth or an app password in place of the password.";
    AccountLocked => "\
Correct the stored password first, or the lock comes back. Then its holder signs in as `{user}` at the provider's web mail and answers what is asked, or an administrator unlocks it.";

    PasswordExpired, ExchangeOnline => "\
The holder of `{user}` sets a new password at https://mysignins.microsoft.com; put it into {secret}. For good: move the mailbox to an app's own token (`type: client_secret`).";
    PasswordExpired => "The holder of `{user}` sets a new password; put it into {secret}.";

    RefreshTokenExpired, Gmail => "\
Somebody signs in again as `{user}`, and the new refresh token replaces the one in {rotated}. Causes: consent withdrawn, password changed, half a year unused, or the app's consent screen is still in testing (seven days).
A service account: the user in `sub` must exist.";
    RefreshTokenExpired => "\
Somebody signs in again as `{user}`: `mailbox-exporter login --config FILE {!credential}`. The new refresh token replaces the one in {rotated}. Causes: long unused, password changed, sessions revoked, a sign-in-frequency policy.
An app's own token (`type: client_secret`) needs no such thing.";

    IdpUnavailable => "\
Nothing to do here: it passes. Tokens already fetched serve on, probes try again by themselves.
If it lasts: the identity provider's status page, and whether `{idp}` answers from this machine.";
    IdpThrottled => "\
The identity provider wants fewer requests; we wait as long as it says. Tokens are cached and shared here, so look for what else asks as app `{app}`: more replicas, scripts, other programs.";
};
