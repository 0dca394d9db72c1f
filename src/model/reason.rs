//! Reasons: the closed list of why a mailbox cannot be used, and who must act.
//!
//! Remedies, filled with a mailbox's values, are in `diagnosis::remedy`.

use std::time::Duration;

use super::Phase;

/// The facts about one kind of actor.
#[derive(Debug)]
pub struct OwnerRow {
    /// Name in JSON.
    pub label: &'static str,
    /// For people.
    pub title: &'static str,
    /// Its abbreviation where there is room for only one character.
    pub letter: char,
}

table! {
    /// Who must act.
    pub enum Owner: OwnerRow {
        /// App registration or OAuth client.
        App => OwnerRow { label: "app", title: "owner of the app registration", letter: 'A' };
        /// Tenant or mail server.
        Admin => OwnerRow { label: "admin", title: "mail administrator", letter: 'M' };
        /// The mailbox.
        Owner => OwnerRow { label: "owner", title: "holder of the mailbox", letter: 'H' };
        /// Networks and platforms.
        Net => OwnerRow { label: "net", title: "network team", letter: 'N' };
        /// This program.
        Ops => OwnerRow { label: "ops", title: "operator of the exporter", letter: 'O' };
        /// Time: it passes by itself.
        Wait => OwnerRow { label: "wait", title: "nobody, it passes", letter: 'W' };
    }
}

/// The facts about one reason.
#[derive(Debug)]
pub struct ReasonRow {
    /// Label value in metrics.
    pub label: &'static str,
    /// Who must act, the first one first.
    pub owners: &'static [Owner],
    /// Whether it passes by itself.
    pub transient: bool,
    /// What it means.
    pub meaning: &'static str,
}

const fn lasting(label: &'static str, owners: &'static [Owner], meaning: &'static str) -> ReasonRow {
    ReasonRow { label, owners, transient: false, meaning }
}

const fn passing(label: &'static str, owners: &'static [Owner], meaning: &'static str) -> ReasonRow {
    ReasonRow { label, owners, transient: true, meaning }
}

use Owner::{Admin, App, Net, Ops, Wait};

table! {
    /// Why a probe failed. One of these and nothing else becomes a label.
    pub enum Reason: ReasonRow {
        // --- at the token endpoint
        SecretInvalid => lasting("secret_invalid", &[App], "The client secret does not belong to the client id; often the secret's ID was copied instead of its Value.");
        SecretExpired => lasting("secret_expired", &[App], "Every client secret of the app has expired.");
        CertificateRejected => lasting("certificate_rejected", &[App], "The identity provider does not know the certificate or key that signed the request, or the signature is wrong.");
        ClockSkew => lasting("clock_skew", &[Ops], "By our clock an assertion or a certificate lies outside its time window: a clock is wrong.");
        FederatedIdentityMismatch => lasting("federated_identity_mismatch", &[App], "No federated credential of the app fits issuer, subject and audience of the workload's token.");
        AppNotFound => lasting("app_not_found", &[App, Admin], "The tenant does not know this client id, or its service principal is missing.");
        AppDisabled => lasting("app_disabled", &[Admin], "The application, or the service it asks for, is switched off in the tenant.");
        TenantNotFound => lasting("tenant_not_found", &[Ops], "The tenant does not exist in this cloud, or none was named.");
        ConsentMissing => lasting("consent_missing", &[Admin], "No administrator has consented to what the app asks for.");
        ScopeInvalid => lasting("scope_invalid", &[Ops], "The identity provider does not know the scope or resource that was asked for.");
        RoleMissing => lasting("role_missing", &[Admin], "The application permission for this protocol is not in the token: it was never granted, or was revoked.");
        TokenRequestInvalid => lasting("token_request_invalid", &[Ops], "The identity provider cannot read the token request: a parameter, the grant or the address is wrong.");
        ConditionalAccess => lasting("conditional_access", &[Admin], "A policy refuses the sign-in, or the address we come from: Conditional Access, security defaults, risk, an authentication policy, a block list.");
        MfaRequired => lasting("mfa_required", &[Admin], "The account must complete or register multi-factor authentication, which no unattended program can.");
        AccountNotFound => lasting("account_not_found", &[Ops, Admin], "There is no such user or mailbox, or it is of the wrong kind.");
        AccountDisabled => lasting("account_disabled", &[Admin], "The user is blocked or the mailbox is disabled.");
        AccountLocked => lasting("account_locked", &[Owner::Owner, Admin], "The account is locked, suspended, or held until its owner signs in with a browser.");
        PasswordExpired => lasting("password_expired", &[Owner::Owner], "The password has expired.");
        RefreshTokenExpired => lasting("refresh_token_expired", &[Owner::Owner], "The stored sign-in has expired or was revoked: the holder must authorise again.");
        IdpUnavailable => passing("idp_unavailable", &[Wait], "The identity provider has a fault or an outage.");
        IdpThrottled => passing("idp_throttled", &[Ops], "The identity provider is asked too often.");
        // --- signing in at the mail server
        CredentialsRejected => lasting("credentials_rejected", &[Ops, Owner::Owner], "The server refuses the user name or the password.");
        TokenRejected => lasting("token_rejected", &[App, Admin], "The mail server does not accept the access token: wrong audience, role, service principal or user.");
        BasicAuthDisabled => lasting("basic_auth_disabled", &[Ops], "The server takes no ordinary password here any more: OAuth is needed.");
        ProtocolDisabled => lasting("protocol_disabled", &[Owner::Owner, Admin], "This protocol is switched off for the mailbox or its domain.");
        SmtpAuthDisabledTenant => lasting("smtp_auth_disabled_tenant", &[Admin], "Authenticated SMTP is switched off for the whole organisation; OAuth logins are refused as well.");
        SmtpAuthDisabledMailbox => lasting("smtp_auth_disabled_mailbox", &[Admin], "Authenticated SMTP is switched off for this mailbox; OAuth logins are refused as well.");
        MechanismUnsupported => lasting("mechanism_unsupported", &[Ops, Admin], "The server does not offer this login mechanism on this port.");
        EncryptionRequired => lasting("encryption_required", &[Ops], "The server allows no login before TLS.");
        MailboxNotConnected => lasting("mailbox_not_connected", &[Admin], "The token was accepted, but the session was not attached to a mailbox.");
        MailboxAccessDenied => lasting("mailbox_access_denied", &[Admin], "The login worked, but it has no right on this folder, user or sender address.");
        // --- in the mailbox, and of the server
        FolderMissing => lasting("folder_missing", &[Ops], "The configured folder does not exist or cannot be opened.");
        OverQuota => lasting("over_quota", &[Owner::Owner], "The mailbox is full.");
        Throttled => passing("throttled", &[Ops], "The server limits the rate or the bandwidth.");
        TooManyConnections => passing("too_many_connections", &[Ops], "Too many connections are open, or another one holds the mailbox.");
        ServerUnavailable => passing("server_unavailable", &[Wait, Admin], "The mail server has a fault or an outage.");
        ConnectionClosed => passing("connection_closed", &[Net, Wait], "The other side ended the connection without saying why.");
        ProtocolError => lasting("protocol_error", &[Ops], "An answer does not fit the protocol, or ours was not understood.");
        // --- of a message under way
        DeliveredToJunk => lasting("delivered_to_junk", &[Admin, Owner::Owner], "The test message arrived, but in the folder for junk, where nobody looks for mail.");
        NotDelivered => lasting("not_delivered", &[Admin], "The test message was accepted by the sender's server and did not arrive in time.");
        Bounced => lasting("bounced", &[Admin], "The test message was accepted by the sender's server and came back as undeliverable.");
        // --- network and TLS
        DnsNotFound => lasting("dns_not_found", &[Ops], "The name does not exist or has no address.");
        DnsFailure => passing("dns_failure", &[Net], "The name could not be looked up: the resolver fails or cannot be reached.");
        ConnectionRefused => lasting("connection_refused", &[Ops, Admin], "Nothing listens at this address and port.");
        Timeout => passing("timeout", &[Net, Admin], "No answer came in time; the phase tells whose silence it was.");
        NetworkUnreachable => passing("network_unreachable", &[Net], "There is no route to the server, or a local policy forbids it.");
        TlsCertificateExpired => lasting("tls_certificate_expired", &[Admin], "The server's certificate has expired.");
        TlsCertificateUntrusted => lasting("tls_certificate_untrusted", &[Admin, Net], "The server's certificate comes from no trusted authority: self-signed, chain incomplete, or intercepted.");
        TlsNameMismatch => lasting("tls_name_mismatch", &[Admin, Ops], "The server's certificate is for another name.");
        TlsProtocol => lasting("tls_protocol", &[Ops, Admin], "No common TLS version or cipher, or no TLS on this port at all.");
        Unexpected => lasting("unexpected", &[Ops], "The answer fits no known reason.");
        // --- of this program
        SecretUnreadable => lasting("secret_unreadable", &[Ops], "A file or variable with a secret or a certificate authority is missing, unreadable or empty.");
        Internal => lasting("internal", &[Ops], "A fault of this program itself.");
    }
}

impl Reason {
    /// The page about this reason on the status page: meaning, causes, what to do, how to verify.
    pub fn docs(self) -> String {
        format!("/reasons/{}", self.label())
    }
}

/// A reason with what was seen. The text is for people, scrubbed and cut; it is never a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Why.
    pub reason: Reason,
    /// The server's sentence, or ours.
    pub detail: String,
    /// How long the other side asks us to stay away.
    pub retry_after: Option<Duration>,
}

impl Cause {
    /// A cause without a suggested back-off.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), retry_after: None }
    }
}

/// A cause in the phase where it struck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Where.
    pub phase: Phase,
    /// Why.
    pub cause: Cause,
}
