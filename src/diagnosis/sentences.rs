//! Sentences that mean the same in every mail protocol, strongest first: outages and limits that hide
//! under the code of a refusal, then policies, then everything that names its cause.
//!
//! Not here: the plain "no" to a credential, which comes last, at the end; wordings that only
//! one protocol has, which stand in its file; texts of resolvers, sockets and TLS libraries.
//!
//! A source that reads "generic" marks a variation of our own making: close to recorded wordings, and
//! itself not recorded anywhere.

use super::wording::Says::{Before, Denied, Is, Refused};
use super::wording::{Wording, wordings};
use crate::model::Reason as R;

/// The meaning of sentences, no matter which code they come with. The order matters: the first row wins.
pub(super) const SENTENCES: &[Wording] = wordings! {
    // --- limits and outages that some servers report as refusals
    // Two providers list every cause there is: of such a sentence only the "no" is left.
    Refused => {
        "service is not open, password is incorrect", "QQ Mail: Login fail. Account is abnormal, service is not open, password is incorrect, …";
    }
    // A lock is told together with its cause: "Too many failed login attempts".
    Is(R::AccountLocked) => {
        "account locked", "warmbly/warmbly internal mailcause tests: 535 5.7.139 account locked";
        "account is locked", "Zimbra, Kerio, Exchange Server";
        "account*been locked", "Yahoo, AOL, Zoho";
        "account*temporarily locked", "Yahoo, Kerio";
        "locked out", "generic";
    }
    Is(R::Throttled) => {
        "credits exceeded", "SendGrid: Maximum credits exceeded";
        "request is throttled", "ikvk/imap_tools#135; imapsync/imapsync#198";
        "suggested backoff time", "simonrob/email-oauth2-proxy#191";
        "exceeded command or bandwidth limits", "Gmail, under [OVERQUOTA]: design/reasons.md, misleading words";
        "authenticate too many times", "nodemailer/nodemailer#1350";
        "too many bad auth", "PHPMailer/PHPMailer#2034; nodemailer/nodemailer#1112";
        "too many auth commands", "postfix src/smtpd/smtpd.c";
        "too many login", "Gmail SMTP error reference: 454 4.7.0 Too many login attempts";
        "too many authentication", "Kerio Connect and others: too many authentication failures";
        "too many failed", "cPanel, Plesk and others: too many failed login attempts";
        "too many invalid login", "hMailServer auto-ban";
        "too many attempts", "generic variation of the rows above";
        "too many wrong", "generic variation of the rows above";
        "submissionquotaexceeded", "MicrosoftDocs/OfficeDocs-Support#1150";
        "sending limit exceeded", "Gmail SMTP error reference: 550 5.4.5 Daily user sending limit exceeded";
        "sending quota exceeded", "Gmail SMTP error reference: 550 5.4.5 Daily sending quota exceeded";
        "exceeded*sending limit", "Zoho, GoDaddy and others: user has exceeded its sending limit";
        "recipient limit exceeded", "Exchange Online 5.5.3 and 5.2.121 in the vendor's NDR list";
        "submission rate limit", "Exchange Online: The message can't be submitted because the sender's submission quota was exceeded";
        "quota was exceeded*submi", "MicrosoftDocs/OfficeDocs-Support#1150";
        "submission quota", "MicrosoftDocs/OfficeDocs-Support#1150";
        "daily*limit", "Exchange Online 5.1.90: you've reached your daily limit; generic";
        "too much mail", "postfix src/smtpd/smtpd.c: too much mail from 192.0.2.1";
        "unusual rate", "Gmail: 421 4.7.0 Our system has detected an unusual rate of unsolicited mail";
        "rate limit", "generic; Amazon SES, Mailgun, Fastmail";
        "rate exceeded", "Amazon SES: Maximum sending rate exceeded";
        "limit for logins", "generic: Already reached per-10 minute limit for logins";
        "login frequency*limited", "QQ Mail: user login frequency limited";
        "exceeded the rate limit", "generic";
        "throttl", "generic: throttled, throttling";
    }
    Is(R::ProtocolError) => {
        "too many invalid commands", "dovecot src/login-common: Disconnected: Too many invalid commands (no auth attempts in 0 secs)";
    }
    Is(R::ConnectionClosed) => {
        // Before the connections that there can be too many of: "too many errors on this connection".
        "too many errors", "postfix src/smtpd/smtpd.c; Sendmail";
    }
    Is(R::TooManyConnections) => {
        "maximum number of connections", "mscdex/node-imap#606; dovecot src/imap-login/client-authenticate.c";
        "too many connection", "postfix src/smtpd/smtpd.c; cyrusimap/cyrus-imapd imap/imap_err.et";
        "too many open connection", "cyrusimap/cyrus-imapd imap/imapd.c, imap/pop3d.c";
        "too many*connections", "Gmail: Too many simultaneous connections; generic";
        "too many simultaneous", "Gmail, Zoho: [ALERT] Too many simultaneous connections";
        "too many concurrent", "exim SMTP, Exchange SMTP";
        "too many sessions", "Domino, Zimbra";
        "too many open sessions", "1&1, GMX";
        "too many users", "hMailServer, uw-imapd";
        "concurrent connection", "Exchange SMTP: 432 4.3.2 Concurrent connections limit exceeded";
        "sender thread limit exceeded", "Exchange SMTP: 432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded";
        "connection limit", "generic; Exchange 421 4.3.2 The maximum number of concurrent connections";
        "connection count exceeded", "generic";
        "connection rate", "generic; postfix anvil";
        "maximum*connections", "hMailServer, Courier: maximum connection limit reached";
        "connections*exceed", "generic";
        "session limit", "generic";
        "locked by another", "dovecot src/pop3/main.c";
        "another*session", "dovecot, Courier, qpopper: lock held by another POP session";
        "maildrop already locked", "RFC 1939 section 5, example";
        "already locked", "generic POP3 and mbox servers";
        "lock busy", "qpopper: maildrop lock busy";
        "mailbox*is locked", "Cyrus, teapop: mailbox is locked";
        "lock mailbox", "apache/james-project: SELECT failed. Failed to lock mailbox.";
        "unable to lock", "RFC 1939 section 4; Cyrus pop3d";
        "in-use", "RFC 2449 section 8.1.2 where the library hides the brackets";
    }
    Is(R::ServerUnavailable) => {
        "something went wrong", "generic: a server that does not know itself";
        "auth process", "dovecot src/login-common: Disconnected: Auth process broken";
        "insufficient disk", "sendmail: 452 4.4.5 Insufficient disk space";
        "no space left", "generic";
        "connection lost to authentication server", "neomutt/neomutt#2690; docker-mailserver/docker-mailserver#3891";
        "authentication failed: generic failure", "postfix src/xsasl/xsasl_cyrus_server.c; domain facts";
        "generic failure", "cyrus-sasl lib/common.c, SASL_FAIL";
        "temporary authentication failure", "dovecot src/login-common/client-common-auth.c; postfix";
        "temporary auth", "exim: 435 Unable to authenticate at present";
        "unable to authenticate at present", "exim src/smtp_in.c";
        "authentication*temporarily", "generic variation of the row above";
        "temporarily unavailable", "Gmail, iCloud, Yahoo";
        "temporarily not available", "LukeSmithxyz/mutt-wizard#764";
        "federated sts", "Exchange Online troubleshooting page: federated STS service was unreachable";
        "authentication service*unavailable", "generic";
        "authentication server*unavailable", "generic";
        "can't connect to auth", "generic";
        "cannot connect to auth", "generic; courier authdaemon";
        "cannot connect to", "proxies: AXIGEN Proxy: cannot connect to its back end";
        "cannot connect to saslauthd", "cyrus-sasl: its daemon is not running";
        "auth server not", "hMailServer, Kerio";
    }
    // --- policies of the sign-in
    Is(R::ConditionalAccess) => {
        "security defaults", "Exchange Online SMTP: user is locked by your organization's security defaults policy";
        "not meet the criteria", "web page: SMTP troubleshoot (third-party product)";
        "5.7.139*crit", "gophish/gophish#3220: the same sentence in the languages that spell it critérios, criterios, critères, criteri";
        "5.7.139*krit", "the same sentence in the languages that spell it Kriterien, kriterier, kryteriów";
        "conditional access", "MicrosoftDocs/entra-docs reference-error-codes";
        "blocked by*authentication policy", "Exchange Online authentication policies";
        "blocked by your organization", "generic";
        "access policy", "generic variation of the rows above";
        "unsafe login", "163 and 126 mail: SELECT Unsafe Login";
        "ip address*not authorized", "generic relay services";
        "traffic not accepted from this ip", "Exchange Online 5.7.708";
        "banned sending ip", "Exchange Online 5.7.606 to 5.7.649: Access denied, banned sending IP";
        "blacklist", "generic: your address is on a list";
        "blocklist", "generic";
        "block list", "generic; Outlook.com S3140";
        "listed at", "generic: 192.0.2.1 listed at zen.spamhaus.org";
        "blocked using", "postfix src/smtpd/smtpd_check.c: Client host [192.0.2.1] blocked using LIST";
        "client host*reject", "postfix src/smtpd/smtpd_check.c: Client host rejected";
        "country*blocked", "generic: logins from this country are blocked";
    }
    Is(R::MfaRequired) => {
        "multi-factor", "MicrosoftDocs/entra-docs reference-error-codes";
        "multifactor", "generic variation of the row above";
        "mfa required", "generic variation of the row above";
    }
    // --- what is refused for now, whatever it is called
    Is(R::EncryptionRequired) => {
        "before tls", "generic: not allowed, disabled before TLS";
        "before starttls", "generic variation of the row above";
        "use starttls", "generic: LOGIN is disabled, use STARTTLS";
        "use tls", "generic: Plaintext login disallowed. Use TLS.";
        "use ssl", "generic variation of the row above";
    }
    // --- accounts
    Is(R::AccountLocked) => {
        "user is locked", "generic; the security-defaults sentence has won before";
        "account is blocked", "Outlook.com: Account is blocked. Login to your account via a web browser";
        "account*been blocked", "Zoho: Your account has been blocked";
        "account blocked", "generic";
        "user*is blocked", "generic; Yandex";
        "account is frozen", "QQ Mail";
        "outboundspamexception", "Exchange Online: WASCL UserAction verdict RefuseQuota, ShowTierUpgrade, Suspend: held for sending too much";
        "spam abuse detected", "Exchange Online 5.7.501: the sender is banned for spam";
        "banned sender", "Exchange Online 5.7.502, 5.7.503";
        "bad outbound sender", "Exchange Online 5.1.8: restricted for sending spam";
        "tenant has exceeded threshold", "Exchange Online 5.7.705: the tenant is restricted";
        "wascl useraction", "Exchange Online, the same sentence cut";
        "is suspended", "generic hosting panels";
        "been suspended", "generic hosting panels";
        "account suspended", "generic hosting panels";
        "webalert", "pmengal/MailSystem.NET#17; smiley22/S22.Imap#116";
        "web login required", "pmengal/MailSystem.NET#17";
        "webloginrequired", "Gmail: the anchor of its help page";
        "via your web browser", "Gmail IMAP: Please log in via your web browser";
        "with your web browser", "Gmail SMTP: 534-5.7.14 Please log in with your web browser and then try again";
        "via web browser", "Gmail IMAP, older wording: Please login via web browser";
        "via a web browser", "Outlook.com: Login to your account via a web browser";
        "through your web browser", "generic variation of the rows above";
        "through the web", "Yahoo, Yandex: please sign in through the web interface";
        "web interface*accept", "Yandex: Please accept EULA first (web interface)";
        "not a robot", "Yandex: You need to use web for sending or prove you are not a robot";
        "accept eula", "Yandex: 535 5.7.8 Please accept EULA first";
        "sign in to your account", "Outlook.com: 550 5.3.4 To continue sending messages, please sign in to your account.";
        "verify your account", "Outlook.com, Yahoo";
        "verify your identity", "generic";
        "unusual activity", "generic";
        "unusual sending activity", "Zoho 550 5.4.6";
        "suspicious", "generic: suspicious activity, suspicious login";
        "service abuse mode", "AzureAD/microsoft-authentication-library-for-objc#2290";
        "account is not fully set up", "Keycloak: a required action is open";
    }
    Is(R::PasswordExpired) => {
        "password expired", "dovecot src/auth; generic";
        "password*has expired", "generic; Exchange, Zimbra, Kerio";
        "password*is expired", "generic";
        "expired password", "generic";
        "passexpired", "dovecot src/auth/auth-request.c";
        "must change*password", "Zimbra: must change password";
        "password is too simple", "MailCore/mailcore2#1517 (Tiscali)";
        "password*too weak", "generic variation of the row above";
        "password must be changed", "generic; Active Directory behind Dovecot or Kerio";
        "password change*required", "generic";
        "password transition*need", "RFC 4954 section 6, 4.7.12";
    }
    // --- passwords as such, before the switches of a protocol: both sentences speak of "disabled"
    Is(R::BasicAuthDisabled) => {
        "autenticación básica", "Exchange Online, 5.7.139 in Spanish";
        "autenticação básica", "Exchange Online, 5.7.139 in Portuguese";
        "standardauthentifizierung", "Exchange Online, 5.7.139 in German";
        "authentification de base", "Exchange Online, 5.7.139 in French";
        "basisverificatie", "Exchange Online, 5.7.139 in Dutch";
        "autenticazione di base", "Exchange Online, 5.7.139 in Italian";
        "authorized code to login", "QQ Mail: Please using authorized code to login";
        "configuration doesn't allow this auth", "Microsoft Learn, Troubleshoot issues with High Volume Email: 5.7.139";
        "basic authentication is disabled", "holon-run/uxc#445; domain facts, wordings";
        "basic authentication is not supported", "integration guide of a third-party product: 550 5.7.30";
        "basic auth*disabled", "generic variation of the row above";
        "basic authentication*blocked", "generic variation of the row above";
        "basicauthblocked", "moralmunky/Home-Assistant-Mail-And-Packages#1014";
        "application-specific password", "warmbly/warmbly internal mailcause tests; mozilla-b2g gaia e-mail client";
        "application specific password", "generic variation of the row above";
        "invalidsecondfactor", "Gmail: the anchor of its help page";
        "application password", "Mail.ru: Application password is REQUIRED";
        "app password", "Fastmail, Yahoo, Zoho";
        "app-specific password", "iCloud";
        "parol prilozheniya", "Mail.ru: NEOBHODIM parol prilozheniya";
        "authorization code to log", "QQ Mail: Please enter your authorization code to login";
        "authorization code*login", "QQ Mail";
        "less secure", "Gmail: less secure apps";
        "legacy authentication", "generic";
        "password authentication*disabled", "generic";
        "password authentication*not allowed", "generic";
        "password login*disabled", "generic";
        "oauth is required", "generic";
        "oauth2 is required", "generic";
        "requires oauth", "generic";
        "only oauth", "generic";
        "must use oauth", "generic";
        "modern auth", "generic: use modern authentication";
    }
    Is(R::SmtpAuthDisabledTenant) => {
        "smtpclientauthentication is disabled for the tenant", "simonrob/email-oauth2-proxy#193; nodemailer/nodemailer#1484";
        "smtpclientauthentication*tenant", "the same sentence, other wording or language around the names";
    }
    Is(R::SmtpAuthDisabledMailbox) => {
        "smtpclientauthentication is disabled for the mailbox", "source comment of a Dart mail client; code of public mail senders (2026)";
        "smtpclientauthentication*mailbox", "the same sentence, other wording around the names";
    }
    Is(R::SmtpAuthDisabledTenant) => {
        "smtpclientauthentication", "the same sentence in a language that translates the rest";
        "smtp_auth_disabled", "the anchor of its help page";
    }
    // --- switches of a protocol
    Is(R::ProtocolDisabled) => {
        "domain policy*disabled", "Gmail: Domain policy has disabled third-party Mail clients";
        "not enabled for imap", "mozilla-b2g gaia e-mail client";
        "not enabled for pop", "Gmail POP3: [SYS/PERM] Your account is not enabled for POP access";
        "enable imap", "Zoho: You are yet to enable IMAP for your account";
        "enable pop", "Zoho: You are yet to enable POP for your account";
        "imap access*disabled", "mozilla-b2g gaia e-mail client: IMAP access is disabled for your domain";
        "pop access*disabled", "Gmail POP3";
        "not have*access enabled", "Zimbra/zm-mailbox: account does not have IMAP access enabled";
        "imap access is not", "generic: enabled, available, allowed";
        "imap access not", "generic";
        "pop access is not", "generic; Yahoo: POP access is not available";
        "pop access not", "generic";
        "pop3 access*not", "generic";
        "imap is switched off", "generic";
        "imap*turned off", "generic";
        "pop*switched off", "generic";
        "imap is disabled", "Foundry376/Mailspring#904 (Yandex)";
        "imap is not enabled", "generic";
        "imap support is not enabled", "Gmail: Full IMAP support is not enabled for this account";
        "smtp is switched off", "generic, as the row above";
        "imap*disabled for", "generic: IMAP is disabled for this account, domain";
        "imap service*disabled", "generic; Zimbra, Kerio";
        "pop3 is disabled", "Yandex";
        "pop is disabled", "generic";
        "smtp is disabled", "generic";
        "smtp access*disabled", "generic";
        "smtp access is not", "generic; Zoho: SMTP access is not enabled";
        "imap service is not", "generic; 163 mail: the service is not open";
        "smtp service is not", "generic; 163 mail: the service is not open";
        "does not have access rights to this service", "warmbly/warmbly internal mailcause tests (Yandex)";
        "protocol*disabled", "generic; Dovecot: protocol disabled for user";
        "protocol*not enabled", "generic";
        "user has no permission", "163 mail: 550 User has no permission";
        "not allowed to use imap", "generic";
        "not permitted to use imap", "generic";
        "imap not allowed", "generic";
        "client access*disabled", "Exchange client access rules";
        "access denied by*client access", "Exchange client access rules";
    }
    Is(R::AccountDisabled) => {
        "login disabled for this user", "dovecot src/login-common/client-common-auth.c";
        "user disabled", "generic; Domino";
        "user is disabled", "generic";
        "account disabled", "RFC 5248 5.7.13; Cyrus, Kerio";
        "account is disabled", "generic; Exchange, iCloud";
        "account*been disabled", "generic";
        "account*been deactivated", "Yahoo";
        "account*deactivated", "generic";
        "account*been deleted", "generic";
        "account is inactive", "Zimbra";
        "account inactive", "generic";
        "account is not active", "Zimbra: account is not active";
        "account not active", "generic";
        "user is inactive", "generic";
        "account*maintenance mode", "Zimbra account status maintenance";
        "mailbox cannot be accessed", "Exchange Online, RFC 3463 X.2.1: the mailbox is disabled or has no licence";
        "mailbox disabled", "RFC 3463 X.2.1";
        "mailbox is disabled", "generic";
        "mailbox is inactive", "generic";
        "login*disabled for your account", "generic";
        "login is disabled", "generic";
        "access to your account*disabled", "generic";
        "account is closed", "Zimbra: account is closed";
        "account closed", "generic; AOL";
        "account*been closed", "generic";
        "account expired", "cyrus-sasl SASL_EXPIRED; Dovecot";
        "account*has expired", "generic";
    }
    Is(R::ServerUnavailable) => {
        "no such file or directory", "ENOENT on the server's side: a socket, a mailbox file";
    }
    Is(R::AccountNotFound) => {
        "lookup failed", "jstedfast/MailKit#1786 (Gmail)";
        "no such user", "cyrus-sasl SASL_NOUSER; sendmail";
        "user unknown", "postfix, sendmail";
    }
    // --- the token, and what it was for
    Is(R::MailboxNotConnected) => {
        "authenticated but not connected", "simonrob/email-oauth2-proxy#74; Webklex/php-imap#450; mscdex/node-imap#523";
    }
    Is(R::TokenRejected) => {
        "accesstokenexpired", "iroco-co/aioimaplib#83; imapsync/imapsync#250";
        "access token expired", "generic variation of the row above";
        "access token*invalid", "generic";
        "invalid access token", "generic";
        "invalid token", "generic";
        "invalid_token", "RFC 7628 section 3.2.2";
        "token expired", "generic";
        "token*has expired", "generic";
        "bearer token", "generic";
        "insufficient_scope", "RFC 7628 section 3.2.2";
    }
    // --- mechanisms and encryption
    Is(R::TlsProtocol) => {
        "tls_start_servertls", "cyrusimap/cyrus-imapd imap/imapd.c: Fatal error: tls_start_servertls() failed";
    }
    Is(R::EncryptionRequired) => {
        "issue a starttls", "postfix src/smtpd/smtpd.c; Gmail; RFC 3207 section 4";
        "starttls*first", "generic variation of the row above";
        "starttls*required", "generic";
        "cleartext login", "Zimbra ImapHandler; nginx mail proxy";
        "cleartext auth", "hMailServer, GroupWise";
        "plaintext auth", "dovecot src/login-common/client-common-auth.c";
        "plaintext login", "Courier, uw-imapd: plaintext login disabled";
        "plaintext password", "generic";
        "plain text", "generic: plain text passwords are not allowed";
        "over plain-text", "stalwartlabs/stalwart: Cannot authenticate over plain-text.";
        "plain login*disabled", "apache/james-project: Plain login / authentication are disabled.";
        "ssl/tls-connection", "hmailserver/hmailserver: A SSL/TLS-connection is required for authentication.";
        "authentication disallowed on non-secure", "dovecot src/login-common/client-common-auth.c";
        "stls is required", "hmailserver/hmailserver";
        "unencrypted", "generic: logins on unencrypted connections are refused";
        "encryption required", "postfix src/smtpd/smtpd_sasl_proto.c; RFC 4954 section 6";
        "encryption is required", "generic";
        "encryption needed", "qmail patches";
        "requires encryption", "generic";
        "only available under a layer", "cyrusimap/cyrus-imapd imap/pop3d.c, imapd.c";
        "privacyrequired", "RFC 5530 section 3";
        "require*secure connection", "generic";
        "secure connection*required", "generic";
        "must use*ssl", "generic";
        "must use*tls", "generic";
        "tls is required", "generic";
        "ssl is required", "generic";
        "ssl required", "generic";
        "tls required", "generic";
        "requires tls", "generic";
        "requires ssl", "generic";
        "without tls", "generic; exim: authentication without TLS";
        "without ssl", "generic; dovecot: not allowed without SSL/TLS";
        "only over tls", "generic";
        "only*encrypted connection", "generic";
        "insecure connection", "generic";
        "not allowed on insecure", "generic";
        "logindisabled", "RFC 3501 section 6.2.3";
    }
    Is(R::MechanismUnsupported) => {
        "no compatible authentication", "lettre: No compatible authentication mechanism was found";
        "not support xoauth2", "generic: Server does not support XOAUTH2";
        "xoauth2 not", "generic: XOAUTH2 not supported, enabled";
        "xoauth2 is not", "generic";
        "invalid command in current state", "hmailserver/hmailserver#230";
        "wrong authentication type", "Ruby Net::SMTP";
        "unrecognized authentication type", "nodemailer/nodemailer#189; mikel/mail#1357";
        "unrecognised authentication", "generic spelling of the row above";
        "unrecognized auth", "generic";
        "mechanism not supported", "Zimbra ImapHandler";
        "mechanism*not supported", "generic";
        "mechanism*not available", "cyrus-sasl SASL_NOMECH";
        "mechanism*unavailable", "generic";
        "mechanism*unsupported", "apache/james-project: Authentication mechanism is unsupported.";
        "auth method*not", "OpenSMTPD: AUTH method \"XOAUTH2\" not supported";
        "authentication not allowed", "1&1, sisimai/p5-sisimai: Authentication not allowed on IBSMTP Servers";
        "invalid auth string", "haraka/Haraka: 504 Invalid AUTH string";
        "mechanism*not enabled", "generic";
        "mechanism*not recognized", "generic";
        "mechanism*unknown", "generic";
        "mechanism*disabled", "generic";
        "mechanism too weak", "RFC 4954 section 6: Authentication mechanism is too weak";
        "mechanism is too weak", "RFC 4954 section 6";
        "no mechanism available", "cyrus-sasl lib/common.c, SASL_NOMECH";
        "no mechanism", "generic";
        "unsupported authentication", "dovecot src/login-common/client-common-auth.c";
        "unsupported auth", "generic";
        "unsupported mechanism", "generic";
        "unsupported sasl", "generic";
        "invalid authentication mechanism", "postfix with dovecot: 535 5.7.8 Invalid authentication mechanism";
        "invalid auth*mechanism", "generic";
        "unknown authentication", "generic; Courier";
        "unknown auth", "generic";
        "unknown sasl", "generic";
        "unknown mechanism", "generic";
        "authentication not enabled", "antespi/docker-imap-devel#6; mail-in-a-box/mailinabox#2284";
        "authentication is not enabled", "generic";
        "authentication not supported", "generic";
        "authentication is not supported", "generic variation of the row above";
        "authentication not available", "generic";
        "authentication*not implemented", "generic";
        "authentication method*not", "generic: authentication method not supported, allowed";
        "authentication type*not", "generic: authentication type not supported";
        "auth not", "generic: AUTH not available, supported, allowed, enabled, implemented";
        "auth command*not", "generic; qmail";
        "auth command used when not advertised", "exim src/smtp_in.c";
        "auth is not", "generic";
        "unimplemented*auth", "generic";
        "command unrecognized: \"auth", "Foundry376/Mailspring#811 (sendmail without SASL)";
        "unrecognized command*auth", "generic; Exchange Server without AUTH on the connector";
        "unrecognised command*auth", "generic; exim";
        "invalid command*auth", "generic";
        "unknown command*auth", "generic";
    }
    // --- rights
    Is(R::MailboxAccessDenied) => {
        "send as this", "swiftmailer/swiftmailer#1030: does not have permissions to send as this sender";
        "sendasdenied", "FusionAuth/fusionauth-issues#220; Notifuse/notifuse#250";
        "send as denied", "generic";
        "not allowed to send", "generic";
        "not authorized to send", "generic";
        "not permitted to send", "generic";
        "send on behalf", "Exchange";
        "send the message on behalf", "Outlook, Exchange: You do not have the permission to send …";
        "authorization failure", "cyrus-sasl SASL_BADAUTH of the proxied user, imap/imapd.c";
        "delegation is forbidden", "apache/james-project";
        "relaying denied", "courier, sendmail: Relaying denied";
        "relay not permitted", "exim src/acl.c: 550 relay not permitted";
        "relay access denied", "postfix src/smtpd/smtpd_check.c; Exchange Online 5.7.64";
        "unable to relay", "Exchange Server 5.7.1";
        "authorization failed", "dovecot src/login-common/client-common-auth.c";
        "not owned by", "postfix reject_sender_login_mismatch: Sender address rejected: not owned by user";
        "not one of your addresses", "iCloud: 550 5.7.0 From address is not one of your addresses";
        "mail from must equal", "163 mail, Yandex: 553 Mail from must equal authorized user";
        "must equal authorized", "163 mail";
        "must match authenticated", "generic";
        "does not match authenticated", "generic";
        "doesn't match authenticated", "generic";
        "relaying disallowed as", "Zoho: 553 Relaying disallowed as";
        "sender verify failed", "exim src/verify.c";
        "address is not verified", "Amazon SES: Message rejected: Email address is not verified";
        "sender address rejected", "postfix src/smtpd/smtpd_check.c";
        "sender address*not allowed", "1&1, GMX: Sender address is not allowed";
        "sender is not allowed", "1&1, GMX";
        "sender not allowed", "generic";
        "sender*not authorized", "generic";
        "not authorised to use", "Fastmail: You are not authorised to send mail from";
        "permission denied", "RFC 4314; dovecot src/lib-storage/mail-error.h";
        "noperm", "RFC 5530 section 3";
        "no permission", "generic";
        "insufficient permission", "generic";
        "not have permission", "generic";
        "authorizationfailed", "RFC 5530 section 3";
    }
};

/// Words of a family, read after every code that means one thing: an unseen variation still lands
/// where it belongs. Vague words come last.
pub(super) const FAMILIES: &[Wording] = wordings! {
    Is(R::ProtocolError) => {
        "too many invalid imap commands", "dovecot src/imap/imap-client.c";
        "too many bad commands", "hMailServer, Courier";
        "too many unrecognized", "exim, sendmail";
        "too many syntax", "exim src/smtp_in.c: Too many syntax or protocol errors";
        "too many nonmail commands", "exim src/smtp_in.c";
    }
    Is(R::TooManyConnections) => {
        "in use by", "generic";
        "already in use", "generic; POP3 servers";
        "currently in use", "generic; Exchange, Domino";
    }
    Is(R::Throttled) => {
        "too many", "generic; what else there can be too many of has won before";
    }
    Is(R::OverQuota) => {
        "over quota", "cyrusimap/cyrus-imapd imap/imapd.c; public bounce-parser tests";
        "overquota", "RFC 5530 section 3";
        "quota", "generic: quota exceeded, exceeds the quota";
        "due to quota", "apache/james-project: Could not append due to quota error";
        "quota exceeded", "dovecot src/plugins/quota: Quota exceeded (mailbox for user is full)";
        "mailbox is full", "generic";
        "mailbox full", "RFC 3463 X.2.2";
        "storage limit", "generic; Exchange, Yahoo";
        "out of storage", "Gmail: The recipient's inbox is out of storage space";
        "storage is full", "generic; Google Workspace";
        "mailbox size", "Exchange: mailbox size limit";
        "exceeded*storage", "generic";
    }
    Is(R::Throttled) => {
        "exceeded*limit", "generic; SendGrid: You have exceeded your messaging limits";
    }
    Is(R::ServerUnavailable) => {
        "temporar", "generic: temporary, temporarily";
        "unavailable", "generic; Exchange: Server Unavailable. 15";
        "not available", "generic: service not available, mailbox not available";
        "try again", "generic: please try again later";
        "try later", "generic";
        "internal error", "dovecot src/lib-storage/mail-error.h";
        "internal server error", "generic";
        "internal*failure", "dovecot src/login-common/client-common-auth.c: Internal login failure";
        "refer to server log", "dovecot src/lib-storage/mail-error.h";
        "not responding", "dovecot: Auth process not responding";
        "too much load", "exim src/daemon.c";
        "invalid format", "cyrusimap/cyrus-imapd imap/imap_err.et: Mailbox has an invalid format";
        "io failure", "apache/james-project";
        "unable to access", "hmailserver/hmailserver: Unable to access mailbox.";
        "inconsistent", "dovecot src/pop3: Mailbox is in inconsistent state";
        "server error", "Yahoo: LOGIN Server error - Please try again later";
        "server busy", "Exchange: 4.3.2 Server busy";
        "server is busy", "generic";
        "system is busy", "generic";
        "busy", "generic";
        "system error", "Gmail: System Error (Failure)";
        "i/o error", "cyrusimap/cyrus-imapd imap/pop3d.c";
        "backend", "generic; nginx and Dovecot proxies";
        "maintenance", "generic";
        "shutting down", "dovecot: Server shutting down; RFC 3501 section 7.1.5";
        "shutdown", "generic";
        "overload", "generic";
        "load is too high", "generic; sendmail, postfix: system load";
        "serverbug", "RFC 5530 section 3";
        "insufficient system", "RFC 5321 section 4.2.3";
        "insufficient resources", "Exchange 452 4.3.1 Insufficient system resources";
        "out of memory", "generic";
        "mailboxes database", "cyrusimap/cyrus-imapd: can't open mailboxes database";
        "database error", "generic; auth back ends";
        "database is", "generic: locked, down, read-only";
        "database*fail", "generic; auth back ends";
        "database*offline", "generic";
        "ldap server", "generic; auth back ends";
        "ldap error", "generic; auth back ends";
        "ldap*down", "generic";
        "ldap*connect", "generic";
        "couldn't sync", "dovecot src/pop3/pop3-client.c";
        "couldn't open", "dovecot src/pop3/pop3-client.c";
        "unable to open", "cyrusimap/cyrus-imapd imap/pop3d.c";
        "can't open", "generic; uw-imapd, Courier";
        "corrupt", "generic: mailbox is corrupted";
        "local problem", "postfix: local problem";
        "queue file write error", "postfix src/smtpd/smtpd.c";
        "local error in processing", "RFC 5321 section 4.2.3";
        "bad configuration", "generic";
        "configuration error", "postfix: Server configuration error";
        "configuration problem", "postfix src/smtpd/smtpd_check.c: Server configuration problem";
        "no system resources", "postfix src/postscreen/postscreen.c: 421 4.3.2 No system resources";
        "out of resources", "generic";
        "outage", "generic";
    }
    Is(R::ProtocolError) => {
        "command argument error", "imapsync/imapsync#389; jstedfast/MailKit#1139";
        "command error", "mscdex/node-imap#44";
        "command received in invalid state", "imapsync/imapsync#250";
        "invalid state", "generic";
        "wrong state", "generic";
        "invalid base64", "dovecot; postfix: Invalid base64 data";
        "base64", "generic: malformed, bad, could not decode base64";
        "sasl response limit", "postfix src/smtpd/smtpd_sasl_glue.c";
        "line*too long", "postfix, dovecot, Haraka; RFC 5321 section 4.5.3.1";
        "command too long", "postfix src/smtpd/smtpd.c";
        "response too large", "dovecot src/login-common/client-common-auth.c";
        "must be in", "Zimbra/zm-mailbox: must be in SELECTED state";
        "login first", "cyrusimap/cyrus-imapd imap/imapd.c: Please login first";
        "select a mailbox", "cyrusimap/cyrus-imapd imap/imapd.c: Please select a mailbox first";
        "invalid xoauth2", "Exchange Online: 501 5.5.124 Invalid XOAUTH2 auth data";
        "invalid sasl argument", "Gmail: BAD Invalid SASL argument";
        "cannot decode", "generic; Courier, qmail";
        "malformed", "generic; qmail: malformed auth input";
        "protocol deviation", "generic";
        "protocol error", "Exchange POP3: Protocol error. Connection is closed. 10";
        "syntax", "generic; RFC 5321 section 4.2.3";
        "parse", "generic: Could not parse command (Gmail)";
        "unknown command", "generic; Gmail, Dovecot";
        "not understood", "getmail6/getmail6#252 (Gmail): Command not understood";
        "unrecognized command", "generic; Cyrus, Exchange";
        "unrecognised command", "exim src/smtp_in.c";
        "command not recognized", "postfix src/smtpd/smtpd.c";
        "command unrecognized", "sendmail";
        "command unknown", "generic";
        "command not implemented", "RFC 5321 section 4.2.3";
        "not implemented", "generic";
        "bad command", "postfix; Cyrus";
        "invalid command", "generic; hMailServer";
        "command not valid", "Gmail, IBM";
        "illegal command", "generic";
        "bad sequence", "RFC 5321 section 4.2.3";
        "invalid argument", "generic";
        "invalid parameter", "generic";
        "missing*argument", "Cyrus: Missing required argument";
        "missing*parameter", "generic";
        "unexpected*argument", "Cyrus: Unexpected extra arguments";
        "authentication aborted", "dovecot; RFC 4954 section 4";
        "auth*aborted", "exim, sendmail";
        "auth*cancelled", "exim: Authentication cancelled";
        "auth*canceled", "generic spelling of the row above";
        "error in imap command", "dovecot src/imap/imap-client.c";
        "improper command", "generic; sendmail: improper command pipelining";
        "pipelining", "postfix: SMTP command pipelining";
        "no mailbox selected", "generic; Dovecot, Cyrus, Gmail";
        "already authenticated", "generic; RFC 4954 section 4";
        "eppars", "generic: GreenMail and James parser faults";
    }
    Is(R::ConnectionClosed) => {
        "atom: bye", "jstedfast/MailKit#262";
        "inactivity", "dovecot src/login-common/client-common.c";
        "inactive too long", "generic";
        "idle t", "generic: idle timeout, idle too long; Cyrus, Courier";
        "idle for", "generic: idle for too long";
        "session expired", "Gmail: * BYE Session expired, please login again.";
        "excessive amount", "hmailserver/hmailserver: Excessive amounts of data sent to server.";
        "autologout", "RFC 3501 section 5.4; Courier, uw-imapd";
        "auto-logout", "generic";
        "auto logout", "generic";
        "connection closed", "jstedfast/MailKit#849";
        "connection is closed", "Exchange";
        "connection*dropped", "exim: unexpected disconnection while reading SMTP command";
        "connection timed out", "haraka/Haraka#2321";
        "connection reset", "generic";
        "lost connection", "postfix";
        "connection lost", "generic";
        "closing connection", "exim, sendmail, hMailServer";
        "closing transmission channel", "RFC 5321 section 4.2.3";
        "closing channel", "generic";
        "timeout exceeded", "postfix src/smtpd/smtpd.c";
        "timed out", "generic; exim: SMTP command timeout";
        "timeout", "generic";
        "disconnect", "generic";
        "too slow", "generic";
        "signing off", "Exchange: * BYE Microsoft Exchange Server IMAP4 server signing off";
        "logging out", "generic: * BYE Logging out";
        "goodbye", "generic";
    }
    Refused => {
        "unknown user or", "generic: unknown user or bad password; CommuniGate, Kerio";
        "unknown user name or", "Exchange: Logon failure: unknown user name or bad password";
        "unknown username or", "generic";
        "no such user or", "generic";
        "user not found or", "generic";
    }
    Denied => {
        "access denied", "generic; Exchange, Domino, Postfix";
        "access is denied", "generic";
        "access restricted", "Zoho: 554 5.7.8 Access Restricted";
        "not authorized", "generic";
        "not authorised", "generic";
        "not allowed", "generic";
        "forbidden", "generic";
    }
    Before { auth: R::AccountNotFound, later: R::FolderMissing } => {
        "does not exist", "bkaankose/Wino-Mail#366; jstedfast/MailKit#746";
        "doesn't exist", "dovecot src/lib-storage/mail-storage.h";
        "nonexistent", "RFC 5530 section 3";
        "no such", "generic: no such mailbox, folder, user";
        "not found", "generic: mailbox, folder not found; Yahoo, Domino";
        "could not be found", "Exchange: The specified folder could not be found in the store";
        "unknown mailbox", "Gmail: Unknown Mailbox: NoSuchFolder (Failure)";
        "unknown folder", "generic";
        "mailbox unknown", "generic";
        "user unknown", "postfix, sendmail";
        "unknown user", "generic";
    }
    Is(R::FolderMissing) => {
        "isn't selectable", "imapsync/imapsync#167";
        "not selectable", "generic; Cyrus, Gmail: Folder is not selectable";
        "not be selected", "generic";
        "noselect", "RFC 3501 section 7.2.2";
        "invalid mailbox", "Cyrus: Invalid mailbox name";
        "mailbox name", "dovecot: Mailbox name should probably be prefixed";
        "invalid folder", "generic; Gmail: Invalid folder (Failure)";
        "trycreate", "RFC 3501 section 7.1";
        "namespace", "rob-luke/emails-html-to-pdf#42";
        "unable to find", "generic";
    }
    Is(R::ProtocolDisabled) => {
        "imap*disabled", "generic";
        "imap*not enabled", "generic";
        "pop*disabled", "generic";
        "pop*not enabled", "generic";
        "smtp*disabled", "generic";
        "smtp*not enabled", "generic";
        "service*not open", "generic; Chinese providers";
        "service is not enabled", "generic";
    }
    Is(R::MechanismUnsupported) => {
        "command is disabled", "generic: LOGIN command is disabled";
        "auth is disabled", "generic: SMTP AUTH is disabled";
        "auth disabled", "generic";
        "authentication is disabled", "generic; basic, password and plaintext ones have won before";
        "authentication disabled", "generic";
    }
    Is(R::AccountDisabled) => {
        "disabled", "generic; what else can be disabled has won before";
    }
};

/// A plain "no" to what was shown. Last, for servers say it beside better reasons.
pub(super) const REFUSALS: &[Wording] = wordings! {
    Refused => {
        "authenticate failed", "MicrosoftDocs/office-developer-exchange-docs how-to-authenticate-an-imap";
        "login failed", "paperless-ngx/paperless-ngx#1647; imapsync/imapsync#317";
        "login failure", "Courier: LOGIN failure";
        "login fail", "QQ Mail";
        "login error", "163 mail: LOGIN Login error or password error";
        "password error", "163 mail";
        "could not authenticate", "PHPMailer: SMTP Error: Could not authenticate.";
        "login denied", "curl: (67) Login denied";
        "login incorrect", "generic; public mail client tests";
        "invalid login", "marcpope/borgbackupserver#16; cyrusimap/cyrus-imapd imap/pop3d.c";
        "invalid credential", "imapsync/imapsync#175 (Gmail)";
        "invalid user", "Domino, Kerio: invalid user name or password";
        "invalid password", "generic";
        "invalid authentication", "generic";
        "bad login", "generic";
        "bad user", "generic: bad username or password";
        "bad password", "Exchange: Logon failure: unknown user name or bad password";
        "logon fail", "Exchange: Logon failure";
        "logondenied", "web page: LogonDenied error on IMAP OAuth (2025)";
        "authfailed", "web page: LogonDenied error on IMAP OAuth (2025)";
        "incorrect", "Exim: 535 Incorrect authentication data; Yahoo: Incorrect username or password";
        "wrong pass", "generic: wrong password";
        "wrong user", "generic: wrong user or password";
        "wrong login", "generic";
        "wrong credential", "generic";
        "wrong auth", "generic: wrong authentication data";
        "wrong name or password", "generic";
        "wrong account", "generic";
        "wrong e", "generic: wrong email or password";
        "password*wrong", "generic: user name or password is wrong";
        "authentication unsuccessful", "MicrosoftDocs/office-developer-exchange-docs; jstedfast/MailKit#1770";
        "authentication fail", "RainLoop/rainloop-webmail#1629; docker-mailserver/docker-mailserver#1631";
        "authentication was unsuccessful", "generic";
        "authentication rejected", "generic";
        "authentication denied", "generic";
        "authentication credentials", "RFC 4954 section 6: Authentication credentials invalid";
        "authentication error", "generic";
        "authentication required", "RFC 4954 section 6";
        "auth failed", "generic";
        "auth failure", "generic";
        "password mismatch", "dovecot src/auth: its own log";
        "password not accepted", "nodemailer/nodemailer#114 (Gmail)";
        "password rejected", "generic";
        "badcredentials", "Gmail: the anchor of its help page";
        "credentials", "Exchange Online: the user credentials were incorrect";
        "not authenticated", "Exchange Online 5.7.57; generic";
        "username", "generic: username or password";
        "autenticaci", "the same in Spanish: autenticación";
        "autenticação", "the same in Portuguese";
        "anmeldung", "the same in German";
    }
};
