//! Messages of mail programs, devices and libraries: dialogue windows, Outlook's numbers, exceptions.
//!
//! Not here: sockets, resolvers and TLS, which have tables of their own.

use super::{apple, languages};
use crate::diagnosis::text::words;
use crate::diagnosis::wording::Says::{Is, Refused};
use crate::diagnosis::wording::{Says, Wording, find, shown, wordings};
use crate::model::{Auth, Mechanism, Reason};

use Reason as R;

/// The cause that a folded statement names.
pub(super) fn reason(folded: &str, mechanism: Option<Mechanism>) -> Option<Reason> {
    if let Some(reason) = apple::reason(folded) {
        let refused = reason == R::CredentialsRejected;
        return Some(if refused { resolve(Refused, folded, mechanism) } else { reason });
    }
    let numbered = words(folded).find_map(|word| NUMBERS.iter().find(|(number, _)| *number == word));
    let says = numbered
        .map(|(_, says)| *says)
        .or_else(|| find(WORDINGS, folded))
        .or_else(|| find(languages::CAUSES, folded))?;
    Some(resolve(says, folded, mechanism))
}

/// The reason of a statement that tells of a failed login without a cause.
pub(super) fn refusal(folded: &str, mechanism: Option<Mechanism>) -> Option<Reason> {
    let says = find(REFUSALS, folded).or_else(|| find(languages::REFUSALS, folded))?;
    Some(resolve(says, folded, mechanism))
}

fn resolve(says: Says, folded: &str, mechanism: Option<Mechanism>) -> Reason {
    match says {
        Is(reason) => reason,
        _ if shown(mechanism, false, folded) == Auth::Token(()) => R::TokenRejected,
        _ => R::CredentialsRejected,
    }
}

/// Numbers of Outlook, Windows and their relatives: Microsoft's lists of Outlook, WinINet and Schannel errors.
const NUMBERS: &[(&str, Says)] = &[
    ("0x800ccc0d", Is(R::DnsNotFound)),             // CANT_FIND_HOST
    ("0x800ccc05", Is(R::DnsNotFound)),             // HOST_NOT_FOUND
    ("0x800ccc0e", Is(R::ConnectionRefused)),       // FAILED_TO_CONNECT
    ("0x800ccc15", Is(R::ConnectionRefused)),       // SOCKET_CONNECT_ERROR
    ("0x800ccc0f", Is(R::ConnectionClosed)),        // CONNECTION_DROPPED
    ("0x800ccc14", Is(R::ConnectionClosed)),        // FAILED_TO_SEND
    ("0x800ccc19", Is(R::Timeout)),                 // TIMEOUT
    ("0x8004210a", Is(R::Timeout)),                 // the operation timed out waiting for a response
    ("0x8004210b", Is(R::Timeout)),                 // the same while sending
    ("0x800ccc18", Refused),                        // LOGON_FAILED by secure password authentication
    ("0x800ccc92", Refused),                        // POP3: the server rejected the login
    ("0x800cccd1", Refused),                        // IMAP: LOGIN failed
    ("0x800ccc78", Is(R::CredentialsRejected)),     // SMTP: sender unknown, a login is wanted
    ("0x800ccc7a", Is(R::CredentialsRejected)),     // SMTP 530
    ("0x800ccc1a", Is(R::TlsProtocol)),             // the server does not support this type of encryption
    ("0x800ccc7d", Is(R::TlsProtocol)),             // the server does not offer STARTTLS
    ("0x800ccc80", Is(R::MechanismUnsupported)),    // no authentication method in common
    ("0x800ccc79", Is(R::MailboxAccessDenied)),     // a recipient was refused: no relaying
    ("0x800ccc0a", Is(R::ConnectionClosed)),        // the message was not downloaded wholly
    ("0x800ccc69", Is(R::ServerUnavailable)),       // SMTP 450: mailbox busy
    ("0x800ccc67", Is(R::ServerUnavailable)),       // SMTP 421
    ("0x800ccc6c", Is(R::OverQuota)),               // SMTP 552
    ("0x00002af9", Is(R::DnsNotFound)),             // .NET: WSAHOST_NOT_FOUND
    ("0x00002afa", Is(R::DnsFailure)),              // .NET: WSATRY_AGAIN
    ("0x00002afc", Is(R::DnsNotFound)),             // .NET: WSANO_DATA
    ("0x80072ee2", Is(R::Timeout)),                 // ERROR_INTERNET_TIMEOUT
    ("0x80072ee7", Is(R::DnsNotFound)),             // ERROR_INTERNET_NAME_NOT_RESOLVED
    ("0x80072efd", Is(R::ConnectionRefused)),       // ERROR_INTERNET_CANNOT_CONNECT
    ("0x80072efe", Is(R::ConnectionClosed)),        // ERROR_INTERNET_CONNECTION_ABORTED
    ("0x80072f05", Is(R::TlsCertificateExpired)),   // ERROR_INTERNET_SEC_CERT_DATE_INVALID
    ("0x80072f06", Is(R::TlsNameMismatch)),         // ERROR_INTERNET_SEC_CERT_CN_INVALID
    ("0x80072f0d", Is(R::TlsCertificateUntrusted)), // ERROR_INTERNET_INVALID_CA
    ("0x800b0101", Is(R::TlsCertificateExpired)),   // CERT_E_EXPIRED
    ("0x800b0109", Is(R::TlsCertificateUntrusted)), // CERT_E_UNTRUSTEDROOT
    ("0x800b010f", Is(R::TlsNameMismatch)),         // CERT_E_CN_NO_MATCH
    ("0x80090322", Is(R::TlsNameMismatch)),         // SEC_E_WRONG_PRINCIPAL
    ("0x80090325", Is(R::TlsCertificateUntrusted)), // SEC_E_UNTRUSTED_ROOT
    ("0x80090326", Is(R::TlsProtocol)),             // SEC_E_ILLEGAL_MESSAGE
    ("0x80090328", Is(R::TlsCertificateExpired)),   // SEC_E_CERT_EXPIRED
    ("0x80090331", Is(R::TlsProtocol)),             // SEC_E_ALGORITHM_MISMATCH
    ("0x80090308", Is(R::TlsProtocol)),             // SEC_E_INVALID_TOKEN: no TLS on this port
];

const WORDINGS: &[Wording] = wordings! {
    // --- the account
    Is(R::AccountNotFound) => {
        "can't sign in here with a personal account", "Microsoft's sign-in page";
        "use your work or school account instead", "Microsoft's sign-in page";
        "that microsoft account doesn't exist", "Microsoft's sign-in page";
        "username may be incorrect", "Microsoft's sign-in page: This username may be incorrect";
        "couldn't find your google account", "Google's sign-in page";
        "couldn't find an account with that", "Microsoft's sign-in page";
    }
    Is(R::RefreshTokenExpired) => {
        "invalid refresh token", "Proton: [10013] Invalid refresh token; generic";
        "refresh token*expired", "generic";
        "refresh token*revoked", "generic";
    }
    Is(R::ConsentMissing) => {
        "need admin approval", "Microsoft's sign-in page";
        "needs permission to access resources in your organi", "Microsoft's sign-in page";
        "approval required", "Microsoft's sign-in page";
    }
    Is(R::ConditionalAccess) => {
        "you cannot access this right now", "Microsoft's sign-in page, Conditional Access";
        "does not meet the criteria to access", "Microsoft's sign-in page, Conditional Access";
        "this app is blocked", "Google's sign-in page";
        "blocked by your organi", "sign-in pages";
    }
    Is(R::BasicAuthDisabled) => {
        "app-specific password*required", "Apple, Google: an app-specific password is required";
        "application-specific password*required", "Google";
        "use an app password", "Yahoo, Fastmail";
        "application password is required", "Mail.ru";
    }
    // These sentences hold words of other rows: of access, and of the session's end.
    Refused => {
        "get authorization failed", "fetchmail's mail to the postmaster: The attempt to get authorization failed.";
        "authorization failure on", "fetchmail: Authorization failure on USER@HOST";
        "query status=3", "fetchmail: (AUTHFAIL)";
        "auth failed*attempts", "dovecot src/login-common: Disconnected: … (auth failed, 1 attempts in 2 secs)";
        "denied pop3 access for the given username and password", "Gmail, check mail from other accounts";
    }
    // --- the way of logging in
    Is(R::MechanismUnsupported) => {
        "do secure authentication with this server", "c-client: Can't do secure authentication with this server";
        "not support any compatible authentication", "MailKit";
        "using 0 possible authenticators", "Swift Mailer, Symfony Mailer: the server offered none that they know";
        "no supported authentication", "node-imap, aiosmtplib and others: No supported authentication scheme, mechanism available";
        "find any supported authenticators", "Symfony Mailer";
        "server supports*client supports", "go-sasl and others list both sides";
        "unknown auth mechanism", "Alertmanager: find auth mechanism: unknown auth mechanism";
        "wrong authentication type", "Ruby Net::SMTP";
        "does not support the selected authentication method", "Thunderbird, IMAP, POP and SMTP";
        "doesn't support the selected authentication method", "Thunderbird, earlier wording";
        "does not seem to support encrypted passwords", "Thunderbird";
        "doesn't seem to support encrypted passwords", "Thunderbird, earlier wording";
        "none of the authentication methods supported", "Outlook 0x800CCC80";
        "no supported authentication method", "node-imap: No supported authentication method(s) available. Unable to login.";
        "no authentication mech*supported by both", "Jakarta Mail: … mechanisms (older: mechansims) supported by both server and client";
        "no authenticators available", "exim, Cyrus SASL";
        "unable to find a callback", "cyrus-sasl: a plug-in for the mechanism is missing on our side";
        "no worthy mechs", "cyrus-sasl: SASL(-4): no mechanism available";
        "no compatible authentication mechanisms found", "MailKit: … authentication mechanisms found";
        "cannot find a suitable auth", "generic; msmtp";
        "cannot use a secure authentication method", "msmtp";
        "authentication method * not supported by server", "msmtp: authentication method OAUTHBEARER not supported by server";
        "server does not support authentication", "msmtp; generic";
        "doesn't support smtp auth", "Go; generic";
        "smtp server does not support authentication", "JavaMail, .NET";
        "does not advertise auth", "emersion/go-smtp, Python; generic";
        "no supported authenticators", "Symfony Mailer; IMAP libraries";
        "no known authentication methods available", "generic";
        "did not advertise authentication", "swaks: Host did not advertise authentication";
        "no known auth", "curl: No known authentication mechanisms supported!";
        "imap server does not support plain auth", "go-imap and others";
        "unsupported login authentication method", "Net::SMTP: unsupported";
        "skipped xoauth2", "offlineimap; isync: SASL mechanism not available";
        "sasl mechanism*not available", "mbsync: Error: SASL mechanism XOAUTH2 not available";
        "mailbox is using an unsupported authentication", "generic";
    }
    Is(R::EncryptionRequired) => {
        "logging in is disabled", "node-imap, where the server lists LOGINDISABLED";
        "unencrypted connection", "Go net/smtp: PlainAuth before TLS";
        "login command is disabled", "MailKit, where the server lists LOGINDISABLED: The LOGIN command is disabled";
    }
    // --- TLS
    Is(R::TlsCertificateUntrusted) => {
        "fingerprint*does not match", "offlineimap, mbsync, fetchmail: the certificate is not the configured one";
        "fingerprint mismatch", "generic";
    }
    Is(R::TlsProtocol) => {
        "requested ssl level failed", "curl (64)";
        "not support starttls", "printers; generic";
        "not offer starttls", "generic";
        "unexpected or badly formatted", "Schannel SEC_E_ILLEGAL_MESSAGE";
        "tls is required, but was not offered", "postfix src/smtp/smtp_proto.c";
        "reserved for plain-text connections", "MailKit: port 587 is typically reserved for plain-text connections";
        "does not support the specified connection encryption", "Outlook 0x800CCC1A";
        "doesn't support the specified connection encryption", "Outlook 0x800CCC1A";
        "does not support the connection encryption type", "Outlook";
        "doesn't support the connection encryption type", "Outlook: Your server does not support the connection encryption type you have specified.";
        "unable to establish secure ssl connection", "Gmail, check mail from other accounts";
        "server does not offer starttls", "generic; msmtp";
        "does not advertise the starttls", "Alertmanager: … does not advertise the STARTTLS extension";
        "does not advertise starttls", "Thunderbird: … because it doesn't advertise that feature";
        "doesn't advertise that feature", "Thunderbird: unable to establish a secure link using STARTTLS";
        "unable to establish a secure link", "Thunderbird";
        "server doesn't support starttls", "Go; generic";
        "does not support the starttls extension", "MailKit; generic";
        "does not support tls via the starttls", "msmtp";
        "does not support secure connections", ".NET SmtpClient: Server does not support secure connections.";
        "starttls is required but host does not support starttls", "Jakarta Mail";
        "starttls extension not supported", "Python smtplib";
    }
    Is(R::TlsNameMismatch) => {
        "host name did not match", "MailKit: The host name did not match the name given in the server's SSL certificate";
        "certificate doesn't match the host", "Gmail: TLS Negotiation failed, the certificate doesn't match the host.";
        "certificate*different site", "Thunderbird: Wrong Site: the certificate belongs to a different site";
        "wrong site", "Thunderbird's security exception";
        "peer certificate cn=", "PHP: Peer certificate CN=… did not match expected CN=…";
        "certificate is only valid for", "Thunderbird, Firefox";
        "certificate owner does not match", "msmtp with GnuTLS";
        "server certificate*does not match hostname", "fetchmail, mbsync";
        "server commonname mismatch", "fetchmail: Server CommonName mismatch";
    }
    Is(R::TlsCertificateUntrusted) => {
        "unacceptable tls certificate", "GLib";
        "identity of*cannot be verified", "Apple Mail: The identity of … cannot be verified";
        "cannot verify server identity", "iOS Mail";
        "can't verify the identity of", "Apple Mail";
        "unable to verify the identity of", "Apple Mail";
        "certificate you are using cannot be verified", "Outlook: The server you are connected to is using a security certificate that cannot be verified.";
        "security certificate that cannot be verified", "Outlook";
        "a certificate chain processed, but terminated in a root", "Outlook, Schannel CERT_E_UNTRUSTEDROOT";
        "unknown identity", "Thunderbird's security exception";
        "certificate's issuer has been marked as not trusted", "NSS";
        "certificate issuer is unknown", "GnuTLS; mutt: certificate issuer is unknown";
        "the certificate hasn't got a known issuer", "msmtp with GnuTLS";
        "problem with the ssl ca cert", "curl (77)";
    }
    Is(R::TlsCertificateExpired) => {
        "outdated information", "Thunderbird's security exception: the certificate is not currently valid";
        "certificate*is not currently valid", "Thunderbird";
        "certificate is no longer valid", "mutt, macOS";
    }
    // --- what is missing on this side
    Is(R::SecretUnreadable) => {
        "password command*status", "mbsync: Skipping account …, password command exited with status 2";
        "cannot set x509", "msmtp: cannot set X509 trust file … Error while reading";
        "cannot read output of", "msmtp: cannot read output of 'pass mail/ops'";
        "decryption failed: no secret key", "GnuPG, which programs ask for the password";
        "is not in the password store", "pass, as the row above";
    }
    // --- connections
    Is(R::TooManyConnections) => {
        "number of connections*limited", "people, of Thunderbird's limit";
        "process_limit*reached", "dovecot src/master: process_limit (100) reached, client connections are being dropped";
        "client_limit*reached", "dovecot src/lib-master";
        "mail_max_userip_connections", "Dovecot's setting, which its refusal names";
        "exceeded the maximum number of connections", "Thunderbird: You may have exceeded the maximum number of connections to this server.";
    }
    Is(R::ConnectionRefused) => {
        "refused to allow a connection", "Apple Mail: The server … refused to allow a connection on port …";
        "refusing smtp connections", "Thunderbird: the server may be unavailable or is refusing SMTP connections";
        "refused to connect", "browsers, Electron";
        "unable to connect to the remote server", ".NET";
    }
    Is(R::ConnectionClosed) => {
        "ended unexpectedly", "nodemailer: Connection ended unexpectedly";
        "unexpected socket close", "nodemailer";
        "connection not available", "ImapFlow";
        "closed the transport stream", ".NET: the remote party has closed the transport stream";
        "closed unexpectedly", "Symfony Mailer: Connection to … has been closed unexpectedly";
        "connection was lost", "macOS Foundation: The network connection was lost.";
        "error in the pull function", "GnuTLS: the socket failed within the handshake";
        "please run connect() first", "Python smtplib: the connection has ended before";
        "server*has disconnected", "Thunderbird: Server … has disconnected.";
        "connection*was lost in the middle", "Thunderbird: … lost in the middle of the transaction";
        "connection to server*was reset", "Thunderbird";
        "connection to the server was interrupted", "Outlook 0x800CCC0F";
        "but got code \"\"", "Swift Mailer, Symfony Mailer: Expected response code 220 but got code \"\", with message \"\"";
        "but got empty code", "Symfony Mailer";
        "got an empty response", "Swift Mailer: Expected response code 250 but got an empty response";
        "terminated the connection", "Outlook 0x800CCC0F; generic";
        "server unexpectedly terminated the connection", "Outlook 0x800CCC0F";
    }
    Is(R::Timeout) => {
        "is not responding", "Apple Mail, Outlook: The mail server … is not responding";
        "operation timed out waiting for a response", "Outlook 0x8004210A";
        "no answer from", "generic";
        "lost connection after", "generic";
    }
    Is(R::ProtocolError) => {
        "response error: error tag", "lettre: the server's reply is none of SMTP";
        "illegal in state", "Python imaplib: command SEARCH illegal in state AUTH";
        "missing +ok response", "Gmail: Missing +OK response upon connecting to the server";
        "greeting was expected", "generic";
        "not an imap4rev1 server", "offlineimap, imaplib";
        "unexpected greeting", "mutt: unexpected greeting";
        "empty startup greeting", "Roundcube";
        "unexpected response from imap server", "generic";
    }
    Is(R::NetworkUnreachable) => {
        "appears to be offline", "macOS Foundation: The Internet connection appears to be offline.";
    }
    Is(R::DnsFailure) => {
        "name service error*try again", "postfix: Host not found, try again";
    }
    Is(R::ServerUnavailable) => {
        "sasl: connect to*failed", "postfix src/xsasl/xsasl_dovecot_server.c";
        "connect to private/auth failed", "postfix: its SASL service is not running";
        "connect to private/auth-client failed", "postfix, as the row above";
    }
    Is(R::FolderMissing) => {
        "folder does not exist", "MailCore: The requested folder does not exist.";
        "folder doesn't exist", "generic";
        "folder selection failed", "MailCore";
        "couldn't open the folder", "Jira: JIRA couldn't open the folder 'inbox' at …";
        "could not open folder", "generic";
        "could not open the folder", "generic";
        "no such folder", "generic";
        "no such mailbox", "generic";
    }
    // The client's own SASL plug-in gave up; another line tells the cause.
    Is(R::Unexpected) => {
        "bad protocol / cancel", "cyrus-sasl SASL_BADPROT";
    }
    Is(R::DnsNotFound) => {
        "can't be found", "browsers and Outlook: the server can't be found";
        "cannot find the e-mail server", "Outlook 0x800CCC0D: Cannot find the e-mail server. Verify the server information";
        "cannot find the email server", "Outlook, newer spelling";
        "a server with the specified hostname could not be found", "macOS Foundation";
        "could not find host", "mutt, Outlook";
        "cannot resolve smtp server", "Xerox 016-503";
    }
    // TLS failed, and the sentence tells no more.
    Is(R::TlsProtocol) => {
        "could not open secure tls connection", "Horde";
        "could not create ssl/tls secure channel", ".NET";
        "ssl negotiation failed", "c-client, dma and others";
    }
    Is(R::OverQuota) => {
        "mailbox has exceeded its storage", "Outlook";
        "mailbox is over its storage", "Outlook";
    }
};

/// A server's refusal in a program's words.
const REFUSALS: &[Wording] = wordings! {
    Is(R::ProtocolError) => {
        "unexpected token in imap*http", "MailKit: Unexpected token in IMAP greeting: a web server answers";
    }
    Refused => {
        "login to server*failed", "Thunderbird: Login to server … with username … failed.";
        "unable to log in at server", "Thunderbird: Probably wrong configuration, username or password.";
        "unable to authenticate to outgoing server", "Thunderbird: Sending of the message failed";
        "rejected the password", "Apple Mail: The IMAP server … rejected the password for user …";
        "user name or password*is incorrect", "Apple Mail: The user name or password for … is incorrect";
        "username or password*is incorrect", "iOS Mail";
        "user name or password are incorrect", "HP printers";
        "unable to verify account name or password", "Apple Mail";
        "access to server*was not successful", "Lotus Notes, Domino and others: Access to server … with user name … was not successful";
        "check your username/password", "Gmail: Authentication failed. Please check your username/password.";
        "email server rejected your login", "Outlook 0x800CCC92";
        "server responded*login failed", "Thunderbird, Outlook";
        "authentication with the destination has failed", "Ricoh";
        "smtp authentication failed", "printers; generic";
        "smtp authentication error", "printers; generic";
        "pop3 authentication error", "Canon, Brother";
        "smtp error: could not authenticate", "PHPMailer";
        "denied authentication", "Horde: Mail server denied authentication.";
        "unable to authenticate with", "MailCore: Unable to authenticate with the current session's credentials.";
        "username or password incorrect", "generic";
        "incorrect username or password", "generic";
        "introspection failed", "dovecot src/auth: oauth2 failed: Introspection failed";
        "authentication failure [smtp", "PEAR Mail";
        "login to your mail server was refused", "generic";
        "enter your network password", "Outlook: Enter your user name and password for the following server";
        "wrong smtp user", "printers: Wrong SMTP user name or password";
        "wrong user name or password", "printers; generic";
        "too many login failures", "c-client: its own words after three refusals";
        "failed to authenticate on smtp server", "Swift Mailer, Symfony Mailer";
        "can not authenticate to imap server", "c-client";
        "can not authenticate to pop3 server", "c-client";
        "login denied", "curl (67)";
        "access denied to remote resource", "curl (67) in builds of other languages";
        "lookup of user failed", "generic";
        "mail system login error", "Konica Minolta, Canon";
        "auth for user*failed", "OTRS, Znuny: Kernel::System::MailAccount::POP3S => POP3S: Auth for user … failed!";
        "imap login failed", "generic";
        "imap authentication failed", "generic";
        "imap errorauthentication failed", "Nextcloud Mail writes it without the blank";
        "pop3 login failed", "generic";
        "couldn't log in to", "K-9 Mail and others";
        "cannot log in to the server", "generic";
    }
};
