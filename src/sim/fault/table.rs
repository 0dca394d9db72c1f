//! The faults of mailboxes, one row each, with the script that produces it.

use super::{Row, Script};
use crate::sim::post_fault::PostFault;
use crate::sim::script::Act::{
    Accept, BareChallenge, Before, Behind, Bytes, Challenge, Cleartext, Close, Cut, Drip, Farewell, Hush,
    Ignore, Offer, Present, Refuse, Reply, Reset, Silence, TooOld,
};
use crate::sim::script::Step::{
    Auth, Capability, Continue, Goodbye, Greeting, Password, Reach, Select, Sender, StartTls, Tls,
};
use crate::sim::script::{Act, Flood, Identity, Step};
use crate::sim::token_fault::TokenFault;

/// The refusal of Gmail and Dovecot, before base64.
const UNAUTHORISED: &str =
    r#"{"status":"401","schemes":"bearer","scope":"https://outlook.office365.com/.default"}"#;
/// What a web server says to a mail client.
const HTTP: &str = "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 0\r\nConnection: close\r\n";
/// A mail server that takes passwords and nothing else.
const ONLY_PLAIN: &[&str] = &["IMAP4", "IMAP4rev1", "AUTH=PLAIN", "SASL-IR", "UIDPLUS"];
/// A mail server that takes passwords besides tokens, so that a password gets as far as its refusal.
const PASSWORDS_TOO: &[&str] =
    &["IMAP4", "IMAP4rev1", "STARTTLS", "AUTH=PLAIN", "AUTH=LOGIN", "AUTH=XOAUTH2", "SASL-IR", "UIDPLUS"];
/// The same of an SMTP server.
const SMTP_PASSWORDS_TOO: &[&str] = &["SIZE 157286400", "STARTTLS", "AUTH PLAIN LOGIN XOAUTH2", "8BITMIME"];
/// The same of a POP3 server.
const POP3_PASSWORDS_TOO: &[&str] = &["TOP", "UIDL", "STLS", "USER", "SASL PLAIN LOGIN XOAUTH2"];

/// IMAP without SASL-IR: the login data waits for a prompt.
const NO_INITIAL_RESPONSE: &[&str] = &["IMAP4rev1", "STARTTLS", "AUTH=XOAUTH2"];
/// A line of no mail protocol.
const GARBAGE: &[u8] = b"\x7fELF \x02\x01\x01 a line of no protocol\r\n";

faults! {
    None => "none", "info", "Nothing is wrong.", imap [], smtp [];

    // --- below the dialogue
    Refused => "refused", "legacy", "Nothing listens on the port.",
        imap [(Reach, Refuse)], smtp [(Reach, Refuse)], pop3 [(Reach, Refuse)];
    SilentConnect => "silent_connect", "factory", "A firewall swallows every connection attempt.",
        imap [(Reach, Ignore)], smtp [(Reach, Ignore)], pop3 [(Reach, Ignore)];
    ResetConnect => "reset_connect", "lab", "The connection is reset as soon as it is established.",
        imap [(Reach, Reset)], smtp [(Reach, Reset)], pop3 [(Reach, Reset)];
    CertificateExpired => "certificate_expired", "branch-north", "The server's certificate has expired.",
        imap [(Tls, Present(Identity::Expired))], smtp [(Tls, Present(Identity::Expired))], pop3 [(Tls, Present(Identity::Expired))];
    CertificateNotYetValid => "certificate_not_yet_valid", "branch-south", "The server's certificate is not valid yet: a clock is wrong.",
        imap [(Tls, Present(Identity::NotYetValid))], smtp [(Tls, Present(Identity::NotYetValid))], pop3 [(Tls, Present(Identity::NotYetValid))];
    CertificateOtherName => "certificate_other_name", "branch-east", "The certificate is for another host.",
        imap [(Tls, Present(Identity::OtherName))], smtp [(Tls, Present(Identity::OtherName))], pop3 [(Tls, Present(Identity::OtherName))];
    CertificateSelfSigned => "certificate_self_signed", "branch-west", "The server has signed its certificate itself.",
        imap [(Tls, Present(Identity::SelfSigned))], smtp [(Tls, Present(Identity::SelfSigned))], pop3 [(Tls, Present(Identity::SelfSigned))];
    CertificateUnknownAuthority => "certificate_unknown_authority", "intercepted", "The certificate comes from an untrusted authority, as behind an intercepting proxy.",
        imap [(Tls, Present(Identity::UnknownAuthority))], smtp [(Tls, Present(Identity::UnknownAuthority))], pop3 [(Tls, Present(Identity::UnknownAuthority))];
    Cleartext => "cleartext", "cleartext", "The server speaks clear text where TLS is due.",
        imap [(Tls, Cleartext)], smtp [(Tls, Cleartext)], pop3 [(Tls, Cleartext)];
    TlsTooOld => "tls_too_old", "museum", "The server knows no TLS version that is still allowed.",
        imap [(Tls, TooOld)], smtp [(Tls, TooOld)], pop3 [(Tls, TooOld)];
    SilentTls => "silent_tls", "tunnel", "The handshake is never answered.",
        imap [(Tls, Silence)], smtp [(Tls, Silence)], pop3 [(Tls, Silence)];
    ClosedTls => "closed_tls", "gate", "The connection is closed instead of a handshake.",
        imap [(Tls, Close)], smtp [(Tls, Close)], pop3 [(Tls, Close)];

    // --- silence at each step
    SilentGreeting => "silent_greeting", "reception", "The server accepts the connection and never greets.",
        imap [(Greeting, Silence)], smtp [(Greeting, Silence)], pop3 [(Greeting, Silence)];
    SilentCapability => "silent_capability", "silent-capability", "The question for capabilities is never answered.",
        imap [(Capability, Silence)], smtp [(Capability, Silence)], pop3 [(Capability, Silence)];
    SilentStartTls => "silent_starttls", "silent-starttls", "STARTTLS is never answered.",
        imap [(StartTls, Silence)], smtp [(StartTls, Silence)], pop3 [(StartTls, Silence)];
    SilentAuth => "silent_auth", "silent-auth", "The login is never answered.",
        imap [(Auth, Silence)], smtp [(Auth, Silence)], pop3 [(Auth, Silence)];
    SilentChallenge => "silent_challenge", "silent-challenge", "The token is refused by a challenge, and nothing follows.",
        imap [(Auth, Challenge(UNAUTHORISED)), (Step::Challenge, Silence)],
        smtp [(Auth, Challenge(UNAUTHORISED)), (Step::Challenge, Silence)], pop3 [(Auth, Challenge(UNAUTHORISED)), (Step::Challenge, Silence)];
    SilentSelect => "silent_select", "silent-select", "The folder is never opened.",
        imap [(Select, Silence)], smtp [], pop3 [(Select, Silence)];
    SilentSender => "silent_sender", "silent-sender", "The sender is never answered.",
        imap [], smtp [(Sender, Silence)];
    SilentGoodbye => "silent_goodbye", "silent-goodbye", "Everything is well, but the goodbye is never answered.",
        imap [(Goodbye, Silence)], smtp [(Goodbye, Silence)], pop3 [(Goodbye, Silence)];

    // --- a close at each step
    ClosedGreeting => "closed_greeting", "closed-greeting", "The server closes instead of a greeting.",
        imap [(Greeting, Close)], smtp [(Greeting, Close)], pop3 [(Greeting, Close)];
    ClosedCapability => "closed_capability", "closed-capability", "The server closes when asked for capabilities.",
        imap [(Capability, Close)], smtp [(Capability, Close)], pop3 [(Capability, Close)];
    ClosedStartTls => "closed_starttls", "closed-starttls", "The server closes at STARTTLS.",
        imap [(StartTls, Close)], smtp [(StartTls, Close)], pop3 [(StartTls, Close)];
    ClosedAuth => "closed_auth", "closed-auth", "The server closes instead of answering the login.",
        imap [(Auth, Close)], smtp [(Auth, Close)], pop3 [(Auth, Close)];
    ClosedChallenge => "closed_challenge", "closed-challenge", "The token is refused by a challenge, then the server closes.",
        imap [(Auth, Challenge(UNAUTHORISED)), (Step::Challenge, Close)],
        smtp [(Auth, Challenge(UNAUTHORISED)), (Step::Challenge, Close)], pop3 [(Auth, Challenge(UNAUTHORISED)), (Step::Challenge, Close)];
    ClosedSelect => "closed_select", "closed-select", "The server closes in the middle of opening the folder.",
        imap [(Select, Farewell("* 5 EXISTS\r\n* 0 RECENT"))], smtp [], pop3 [(Select, Close)];
    ClosedSender => "closed_sender", "closed-sender", "The server closes when told the sender.",
        imap [], smtp [(Sender, Close)];
    CutGoodbye => "cut_goodbye", "cut-goodbye", "Everything is well, but the connection ends without a goodbye.",
        imap [(Goodbye, Cut)], smtp [(Goodbye, Cut)], pop3 [(Goodbye, Cut)];

    // --- the server has a fault
    ByeGreeting => "bye_greeting", "maintenance", "The server greets with a goodbye.",
        imap [(Greeting, Farewell("* BYE Connection closed. 14"))],
        smtp [(Greeting, Farewell("421 4.3.2 Service not available, closing transmission channel [{host}]"))], pop3 [(Greeting, Farewell("-ERR [SYS/TEMP] Server shutting down."))];
    Throttled => "throttled", "tickets", "The mailbox is throttled, and the server says for how long.",
        imap [(Auth, Reply("{tag} NO Request is throttled. Suggested Backoff Time: 300000 milliseconds"))],
        smtp [(Auth, Reply("454 4.7.0 Temporary authentication failure, request is throttled. Suggested Backoff Time: 300000 milliseconds [{host} {when} {id}]"))], pop3 [(Auth, Reply("-ERR [SYS/TEMP] Request is throttled. Suggested Backoff Time: 300000 milliseconds"))];
    ThrottledSelect => "throttled_select", "throttled-select", "The login is fine, and opening the folder is throttled.",
        imap [(Select, Farewell("{tag} BAD Request is throttled. Suggested Backoff Time: 89117 milliseconds\r\n* BYE Connection closed. 14"))], smtp [], pop3 [(Select, Farewell("-ERR Request is throttled. Suggested Backoff Time: 89117 milliseconds"))];
    ByeSelect => "bye_select", "bye-select", "The login is fine, then the server says goodbye.",
        imap [(Select, Farewell("* BYE Connection closed. 14"))], smtp [];
    ServerUnavailable => "server_unavailable", "support", "The mailbox's server is out of order for the moment.",
        imap [(Select, Reply("{tag} NO Server Unavailable. 15"))],
        smtp [(Auth, Reply("451 4.7.0 Temporary server error. Please try again later. PRX4 [{host} {when} {id}]"))], pop3 [(Select, Reply("-ERR [SYS/TEMP] Couldn't sync mailbox."))];
    AuthUnavailable => "auth_unavailable", "auth-unavailable", "The server cannot check logins for the moment.",
        imap [(Auth, Reply("{tag} NO [UNAVAILABLE] Temporary authentication failure. [{host}:{when}]"))],
        smtp [(Auth, Reply("454 4.7.0 Temporary authentication failure: Connection lost to authentication server"))], pop3 [(Auth, Reply("-ERR [SYS/TEMP] Temporary authentication failure. [{host}:{when}]"))];
    TooManyConnections => "too_many_connections", "printer", "Too many connections to one mailbox at once.",
        imap [(Auth, Reply("{tag} NO [LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)"))],
        smtp [(Auth, Reply("432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [{host} {when} {id}]"))], pop3 [(Auth, Reply("-ERR [IN-USE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)"))];

    // --- the login
    TokenRejected => "token_rejected", "invoices", "The server does not accept the token: the service principal was never registered in Exchange.",
        imap [(Auth, Reply("{tag} NO AUTHENTICATE failed."))],
        smtp [(Auth, Reply("535 5.7.3 Authentication unsuccessful [{host} {when} {id}]"))], pop3 [(Auth, Reply("-ERR Authentication failure: unknown user name or bad password."))];
    TokenRejectedChallenge => "token_rejected_challenge", "google", "The token is refused the way Gmail and Dovecot do, by a challenge.",
        imap [(Auth, Challenge(UNAUTHORISED)), (Step::Challenge, Reply("{tag} NO [AUTHENTICATIONFAILED] Authentication failed."))],
        smtp [(Auth, Challenge(UNAUTHORISED)), (Step::Challenge, Reply("535 5.7.8 Error: authentication failed: (reason unavailable)"))], pop3 [(Auth, Challenge(UNAUTHORISED)), (Step::Challenge, Reply("-ERR [AUTH] Authentication failed."))];
    SessionExpired => "session_expired", "session", "The token expires while the session lasts.",
        imap [(Select, Farewell("* BYE Session invalidated - AccessTokenExpired"))], smtp [];
    NotConnected => "not_connected", "shared", "The token is good, but the app has no permission on this mailbox.",
        imap [(Select, Reply("{tag} BAD User is authenticated but not connected."))], smtp [], pop3 [(Select, Reply("-ERR User is authenticated but not connected."))];
    CredentialsRejected => "credentials_rejected", "fax", "User name or password is wrong.",
        imap [(Capability, Offer(PASSWORDS_TOO)), (Auth, Reply("{tag} NO [AUTHENTICATIONFAILED] Authentication failed."))],
        smtp [(Capability, Offer(SMTP_PASSWORDS_TOO)), (Auth, Reply("535 5.7.139 Authentication unsuccessful, the user credentials were incorrect. [{host} {when} {id}]"))], pop3 [(Capability, Offer(POP3_PASSWORDS_TOO)), (Auth, Reply("-ERR [AUTH] Username and password not accepted."))];
    BasicAuthDisabled => "basic_auth_disabled", "copier", "Passwords are no longer accepted.",
        imap [(Capability, Offer(PASSWORDS_TOO)), (Auth, Farewell("{tag} NO Basic authentication is disabled.\r\n* BYE Microsoft Exchange Server IMAP4 server signing off."))],
        smtp [(Capability, Offer(SMTP_PASSWORDS_TOO)), (Auth, Reply("535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [{host} {when} {id}]"))], pop3 [(Capability, Offer(POP3_PASSWORDS_TOO)), (Auth, Farewell("-ERR Basic authentication is disabled"))];
    SecurityDefaults => "security_defaults", "defaults", "Security defaults of the organisation refuse the login.",
        imap [], smtp [(Auth, Reply("535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator. [{host} {when} {id}]"))];
    AccountLocked => "account_locked", "locked", "The account is locked.",
        imap [], smtp [(Auth, Reply("535 5.7.139 Authentication unsuccessful, account locked. Contact your administrator. [{host} {when} {id}]"))];
    SmtpAuthDisabledTenant => "smtp_auth_disabled_tenant", "notifications", "SMTP AUTH is switched off for the whole organisation.",
        imap [], smtp [(Auth, Reply("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [{host} {when} {id}]"))];
    SmtpAuthDisabledMailbox => "smtp_auth_disabled_mailbox", "hr", "SMTP AUTH is switched off for this mailbox.",
        imap [], smtp [(Auth, Reply("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information. [{host} {when} {id}]"))];
    MechanismMissing => "mechanism_missing", "onprem", "The server offers PLAIN and nothing else.",
        imap [(Capability, Offer(ONLY_PLAIN))], smtp [(Capability, Offer(&["SIZE 157286400", "STARTTLS", "AUTH PLAIN", "8BITMIME"]))], pop3 [(Capability, Offer(&["SASL PLAIN", "USER", "STLS"]))];
    NoAuth => "no_auth", "relay", "The server offers no login at all.",
        imap [(Capability, Offer(&["IMAP4", "IMAP4rev1", "LOGINDISABLED", "STARTTLS"]))], smtp [(Capability, Offer(&["SIZE 157286400", "STARTTLS", "8BITMIME"]))], pop3 [(Capability, Offer(&["TOP", "STLS"]))];
    NoStartTls => "no_starttls", "plaintext", "The server does not offer STARTTLS.",
        imap [(Capability, Offer(&["IMAP4", "IMAP4rev1", "AUTH=XOAUTH2", "SASL-IR"]))], smtp [(Capability, Offer(&["SIZE 157286400", "AUTH LOGIN XOAUTH2", "8BITMIME"]))], pop3 [(Capability, Offer(&["SASL XOAUTH2"]))];
    StartTlsRefused => "starttls_refused", "broken-tls", "STARTTLS is offered and then refused.",
        imap [(StartTls, Reply("{tag} NO TLS is not available for the moment."))],
        smtp [(StartTls, Reply("454 4.7.0 TLS not available due to local problem"))], pop3 [(StartTls, Reply("-ERR TLS is not available for the moment."))];
    EncryptionRequired => "encryption_required", "strict", "The server will not hear of a login before TLS.",
        imap [(Auth, Reply("{tag} NO [PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections."))],
        smtp [(Auth, Reply("530 5.7.0 Must issue a STARTTLS command first"))], pop3 [(Auth, Reply("-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections."))];
    EchoedLogin => "echoed_login", "parrot", "The refusal repeats everything the client sent, secrets too.",
        imap [(Auth, Reply("{tag} NO Cannot log in with {blob} which is {decoded} with {secret} or {secret64}"))],
        smtp [(Auth, Reply("535 5.7.8 Cannot log in with {blob} which is {decoded} with {secret} or {secret64}"))], pop3 [(Auth, Reply("-ERR Cannot log in with {blob} which is {decoded} with {secret} or {secret64}"))];

    // --- the prompts of a login
    SilentPrompt => "silent_prompt", "silent-prompt", "The server never asks for the login data.",
        imap [(Capability, Offer(NO_INITIAL_RESPONSE)), (Continue, Silence)], smtp [(Continue, Silence)], pop3 [(Continue, Silence)];
    ClosedPrompt => "closed_prompt", "closed-prompt", "The server closes instead of asking for the login data.",
        imap [(Capability, Offer(NO_INITIAL_RESPONSE)), (Continue, Close)], smtp [(Continue, Close)], pop3 [(Continue, Close)];
    GarbledPrompt => "garbled_prompt", "garbled-prompt", "Something else than a prompt comes in its place.",
        imap [(Capability, Offer(NO_INITIAL_RESPONSE)), (Continue, Bytes(GARBAGE))], smtp [(Continue, Bytes(GARBAGE))], pop3 [(Continue, Bytes(GARBAGE))];
    SilentAfterPrompt => "silent_after_prompt", "after-prompt", "The server asks for the login data, and stops.",
        imap [(Capability, Offer(NO_INITIAL_RESPONSE)), (Continue, Hush("+ "))], smtp [(Continue, Hush("334 "))], pop3 [(Continue, Hush("+ "))];
    ClosedAfterPrompt => "closed_after_prompt", "closed-after-prompt", "The server asks for the login data, and closes.",
        imap [(Capability, Offer(NO_INITIAL_RESPONSE)), (Continue, Farewell("+ "))], smtp [(Continue, Farewell("334 "))], pop3 [(Continue, Farewell("+ "))];
    GarbledAuth => "garbled_auth", "garbled-auth", "Something else than a verdict comes after the login data.",
        imap [(Auth, Bytes(GARBAGE))], smtp [(Auth, Bytes(GARBAGE))], pop3 [(Auth, Bytes(GARBAGE))];
    SilentPassword => "silent_password", "silent-password", "The server never asks for the password, the second part of LOGIN.",
        imap [(Password, Silence)], smtp [(Password, Silence)], pop3 [(Password, Silence)];
    ClosedPassword => "closed_password", "closed-password", "The server closes instead of asking for the password.",
        imap [(Password, Close)], smtp [(Password, Close)], pop3 [(Password, Close)];
    GarbledPassword => "garbled_password", "garbled-password", "Something else than a prompt comes when the password is due.",
        imap [(Password, Bytes(GARBAGE))], smtp [(Password, Bytes(GARBAGE))], pop3 [(Password, Bytes(GARBAGE))];
    ClosedAfterPassword => "closed_after_password", "closed-after-password", "The server asks for the password, and closes.",
        imap [(Password, Farewell("+ UGFzc3dvcmQ6"))], smtp [(Password, Farewell("334 UGFzc3dvcmQ6"))], pop3 [(Password, Farewell("+ UGFzc3dvcmQ6"))];

    // --- the mailbox
    FolderMissing => "folder_missing", "claims", "The configured folder does not exist.",
        imap [(Select, Reply("{tag} NO Mailbox doesn't exist: {folder} (0.001 + 0.000 secs)."))], smtp [];
    OverQuota => "over_quota", "photos", "The mailbox is full.",
        imap [(Select, Reply("{tag} NO [OVERQUOTA] Quota exceeded (mailbox for user is full)"))],
        smtp [(Sender, Reply("552 5.2.2 user is over quota"))];
    AccessDenied => "access_denied", "directors", "The login is fine, the right to the folder is missing.",
        imap [(Select, Reply("{tag} NO [NOPERM] Permission denied"))], smtp [];
    SenderRefused => "sender_refused", "marketing", "The login is fine, the right to send as this address is missing.",
        imap [], smtp [(Sender, Reply("550 5.7.60 SMTP; Client does not have permissions to send as this sender [{host}]"))];

    // --- odd, yet right
    WarningBeforeOk => "warning_before_ok", "warning", "An untagged warning comes before the folder opens: still a success.",
        imap [(Select, Before("* NO Disk is 98% full, please delete unneeded messages."))], smtp [];
    CapabilityInOk => "capability_in_ok", "dovecot", "The capabilities come in the answer to the login.",
        imap [(Auth, Accept("{tag} OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE] Logged in"))], smtp [];
    CapabilityInGreeting => "capability_in_greeting", "cyrus", "The capabilities come in the greeting.",
        imap [(Greeting, Reply("* OK [CAPABILITY IMAP4rev1 SASL-IR LOGINDISABLED STARTTLS AUTH=XOAUTH2 AUTH=OAUTHBEARER] Server ready.")),
              (Capability, Offer(&["IMAP4rev1", "SASL-IR", "LOGINDISABLED", "STARTTLS", "AUTH=XOAUTH2", "AUTH=OAUTHBEARER"]))], smtp [];
    OddContinuation => "odd_continuation", "courier", "The request for the token is a sentence, not base64.",
        imap [(Capability, Offer(&["IMAP4rev1", "STARTTLS", "AUTH=XOAUTH2"])), (Continue, Reply("+ go ahead"))],
        smtp [(Continue, Reply("334 go ahead"))], pop3 [(Continue, Reply("+ go ahead"))];
    UnknownUntagged => "unknown_untagged", "vendor", "An unknown untagged word comes before the capabilities.",
        imap [(Capability, Before("* XVENDOR 17 something of our own"))], smtp [];
    EightBitText => "eight_bit_text", "umlaut", "Bytes above ASCII right after a known code, and in plain text.",
        imap [(Greeting, Bytes("* OK [ALERT]é ready\r\n".as_bytes()))],
        smtp [(Greeting, Bytes("220 mail.contoso.example bereit für Post\r\n".as_bytes()))], pop3 [(Greeting, Bytes("+OK bereit für Post\r\n".as_bytes()))];
    Trickle => "trickle", "modem", "Every byte comes alone, a few milliseconds apart: slow and right.",
        imap [(Reach, Drip(5))], smtp [(Reach, Drip(5))], pop3 [(Reach, Drip(5))];
    SlowDrip => "slow_drip", "satellite", "Three bytes a second, in short lines: as slow as anything can be and still be right.",
        imap [(Reach, Drip(300)), (Greeting, Reply("* OK ready")), (Capability, Offer(&["IMAP4rev1", "STARTTLS", "AUTH=XOAUTH2"]))],
        smtp [(Reach, Drip(300)), (Greeting, Reply("220 ready")), (Capability, Offer(&["STARTTLS", "AUTH XOAUTH2"]))], pop3 [(Reach, Drip(300)), (Greeting, Reply("+OK ready")), (Capability, Offer(&["STLS", "SASL XOAUTH2"]))];

    // --- hostile, or not a mail server
    DeepNesting => "deep_nesting", "nesting", "Parentheses nested thousands deep, before any login.",
        imap [(Capability, Act::Flood(Flood::Nesting))], smtp [];
    HugeLiteral => "huge_literal", "literal", "A literal of half a gigabyte is announced.",
        imap [(Capability, Before("* STATUS {500000000}"))], smtp [];
    EndlessLine => "endless_line", "endless-line", "A line that does not end.",
        imap [(Capability, Act::Flood(Flood::Line))], smtp [(Greeting, Act::Flood(Flood::Line))], pop3 [(Greeting, Act::Flood(Flood::Line))];
    EndlessLines => "endless_lines", "endless-lines", "Lines that do not end.",
        imap [(Capability, Act::Flood(Flood::Lines))], smtp [(Greeting, Act::Flood(Flood::Lines))], pop3 [(Capability, Act::Flood(Flood::Lines))];
    NulBytes => "nul_bytes", "nul", "Zero bytes in the greeting.",
        imap [(Greeting, Bytes(b"* OK rea\0dy\0\r\n"))], smtp [(Greeting, Bytes(b"220 rea\0dy\0\r\n"))], pop3 [(Greeting, Bytes(b"+OK rea\0dy\0\r\n"))];
    LoneLf => "lone_lf", "lone-lf", "Lines end in LF alone.",
        imap [(Greeting, Bytes(b"* OK ready\n"))], smtp [(Greeting, Bytes(b"220 ready\n"))], pop3 [(Greeting, Bytes(b"+OK ready\n"))];
    EmptyLineFirst => "empty_line_first", "empty-line", "An empty line comes before the greeting.",
        imap [(Greeting, Before(""))], smtp [(Greeting, Before(""))], pop3 [(Greeting, Before(""))];
    WrongService => "wrong_service", "swapped", "Another mail service answers on the port.",
        imap [(Greeting, Reply("220 mail.contoso.example ESMTP ready"))],
        smtp [(Greeting, Reply("* OK [CAPABILITY IMAP4rev1 SASL-IR] ready"))], pop3 [(Greeting, Reply("* OK [CAPABILITY IMAP4rev1 SASL-IR] ready"))];
    HttpService => "http_service", "web", "A web server answers on the port.",
        imap [(Greeting, Farewell(HTTP))], smtp [(Greeting, Farewell(HTTP))], pop3 [(Greeting, Farewell(HTTP))];
    NoSpace => "no_space", "no-space", "The greeting is a bare code.",
        imap [], smtp [(Greeting, Bytes(b"220\r\n"))];
    OddCode => "odd_code", "odd-code", "A reply code whose second digit no document knows.",
        imap [], smtp [(Auth, Reply("571 5.7.1 Delivery not authorized, message refused"))];
    InjectedPlaintext => "injected_plaintext", "injected", "An attacker writes answers behind the one to STARTTLS, before TLS is established.",
        imap [(StartTls, Behind("* CAPABILITY IMAP4rev1 AUTH=PLAIN"))], smtp [(StartTls, Behind("250-injected\r\n250 AUTH PLAIN"))], pop3 [(StartTls, Behind("+OK\r\nSASL PLAIN\r\n."))];
    ByeAuth => "bye_auth", "bye-auth", "The server says goodbye in the middle of the login.",
        imap [(Auth, Farewell("* BYE Connection closed. 14"))],
        smtp [(Auth, Farewell("421 4.7.0 Too many errors on this connection, closing transmission channel"))], pop3 [(Auth, Farewell("-ERR [SYS/TEMP] Server shutting down."))];
    ChallengeNotJson => "challenge_not_json", "not-json", "The error challenge is base64, but not of JSON.",
        imap [(Auth, Challenge("the token is not to my liking"))], smtp [(Auth, Challenge("the token is not to my liking"))], pop3 [(Auth, Challenge("the token is not to my liking"))];
    ChallengeNotBase64 => "challenge_not_base64", "not-base64", "The error challenge is not base64.",
        imap [(Auth, BareChallenge("{status: 401}"))], smtp [(Auth, BareChallenge("{status: 401}"))], pop3 [(Auth, BareChallenge("{status: 401}"))];
}
