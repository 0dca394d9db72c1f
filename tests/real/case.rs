//! THE table: what is wrong with a mailbox, and the phase and reason that the program must name. And its YAML.
//!
//! How the answers are judged is `verdicts.rs`.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use crate::certificates::authority;
use crate::idp::{CLIENT_SECRET, SCOPE, TENANT};
use crate::rig::{DOMAIN, PASSWORD, Rig};

/// What is expected of a probe.
#[derive(Clone, Copy)]
pub(crate) enum Verdict {
    Up,
    /// The phase, and the reasons of which one must be named.
    Down(&'static str, &'static [&'static str]),
}

use Verdict::{Down, Up};

/// One mailbox with one check and a provider of its own, all three under one name.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) protocol: &'static str,
    pub(crate) host: &'static str,
    /// A name in [`crate::rig::Ports`].
    pub(crate) port: &'static str,
    pub(crate) tls: &'static str,
    /// A row of [`CREDENTIALS`]; the mechanism of tokens or [`OFFERED`], empty for passwords.
    pub(crate) credential: &'static str,
    mechanism: &'static str,
    /// Port of the token endpoint, by name; the identity provider itself where empty.
    idp: &'static str,
    /// Before the `@`.
    pub(crate) user: &'static str,
    /// The `username` key, before the `@`; absent where empty.
    login: &'static str,
    trusts_authority: bool,
    /// YAML inside the mailbox.
    extra: &'static str,
    pub(crate) verdict: Verdict,
}

/// Name, and the keys of its YAML. `%` stands for the rig's directory.
const CREDENTIALS: [(&str, &str); 8] = [
    ("right", "type: client_secret, client_id: app-right, secret: {file: %/client-secret}"),
    ("expired", "type: client_secret, client_id: app-expired, secret: {file: %/client-secret}"),
    ("forged", "type: client_secret, client_id: app-forged, secret: {file: %/client-secret}"),
    ("other-audience", "type: client_secret, client_id: app-other-audience, secret: {file: %/client-secret}"),
    ("wrong-secret", "type: client_secret, client_id: app-right, secret: {file: %/wrong-secret}"),
    ("unknown-app", "type: client_secret, client_id: app-unknown, secret: {file: %/client-secret}"),
    ("password", "type: password, password: {file: %/password}"),
    ("wrong-password", "type: password, password: {file: %/wrong-password}"),
];

/// What is not a secret of the rig, and still must not be printed.
pub(crate) const WRONG_SECRET: &str = "canary-wrong-client-secret-77aa";
/// The same.
pub(crate) const WRONG_PASSWORD: &str = "canary-wrong-password-c0c0";

/// No mechanism is configured: the token goes by one that the server offers.
const OFFERED: &str = "offered";

const IMAPS: Case = Case {
    name: "",
    protocol: "imap",
    host: "127.0.0.1",
    port: "imaps",
    tls: "implicit",
    credential: "right",
    mechanism: "xoauth2",
    idp: "",
    user: "user1",
    login: "",
    trusts_authority: true,
    extra: "",
    verdict: Up,
};
const IMAP: Case = Case { port: "imap", tls: "starttls", ..IMAPS };
const POP3S: Case = Case { protocol: "pop3", port: "pop3s", ..IMAPS };
const POP3: Case = Case { port: "pop3", tls: "starttls", ..POP3S };
const SUBMISSIONS: Case = Case { protocol: "smtp", port: "submissions", ..IMAPS };
const SUBMISSION: Case = Case { port: "submission", tls: "starttls", ..SUBMISSIONS };

const TOKEN_REJECTED: Verdict = Down("auth", &["token_rejected"]);
const CREDENTIALS_REJECTED: Verdict = Down("auth", &["credentials_rejected"]);
const UNSUPPORTED: Verdict = Down("auth", &["mechanism_unsupported"]);
const ENCRYPTION_REQUIRED: Verdict = Down("auth", &["encryption_required"]);
const NO_TLS: Verdict = Down("tls", &["tls_protocol"]);
const NO_STARTTLS: Verdict = Down("starttls", &["tls_protocol"]);
const REFUSED: Verdict = Down("connect", &["connection_refused"]);
const UNTRUSTED: Verdict = Down("tls", &["tls_certificate_untrusted"]);
const EXPIRED: Verdict = Down("tls", &["tls_certificate_expired"]);
const OTHER_NAME: Verdict = Down("tls", &["tls_name_mismatch"]);
/// A machine may have no resolver to ask.
const NO_NAME: Verdict = Down("resolve", &["dns_not_found", "dns_failure"]);

/// Every case, good ones first. The rest of a row is what its template says.
#[rustfmt::skip] // one case, one line
pub(crate) const CASES: &[Case] = &[
    Case { name: "imaps-xoauth2", ..IMAPS },
    Case { name: "imaps-oauthbearer", mechanism: "oauthbearer", ..IMAPS },
    Case { name: "imaps-offered", mechanism: OFFERED, ..IMAPS },
    Case { name: "imaps-bearer-alone", port: "imaps-bearer", mechanism: OFFERED, ..IMAPS },
    Case { name: "imaps-by-name", host: "localhost", ..IMAPS },
    Case { name: "imap-starttls", ..IMAP },
    Case { name: "imap-starttls-oauthbearer", mechanism: "oauthbearer", ..IMAP },
    Case { name: "imap-loopback-without-tls", tls: "none", ..IMAP },
    Case { name: "imaps-plain", port: "imaps-plain", credential: "password", mechanism: "", ..IMAPS },
    Case { name: "imap-login", port: "imap-login", tls: "none", credential: "password", mechanism: "", ..IMAPS },
    Case { name: "imap-password-starttls", credential: "password", mechanism: "", ..IMAP },
    Case { name: "imaps-username", user: "shared", login: "user1", ..IMAPS },
    Case { name: "imaps-examine", user: "examined", extra: "imap: {read_only: true}", ..IMAPS },
    Case { name: "smtps-xoauth2", ..SUBMISSIONS },
    Case { name: "smtps-oauthbearer", mechanism: "oauthbearer", ..SUBMISSIONS },
    Case { name: "smtp-starttls", ..SUBMISSION },
    Case { name: "smtp-starttls-oauthbearer", mechanism: "oauthbearer", ..SUBMISSION },
    Case { name: "smtps-offered", mechanism: OFFERED, ..SUBMISSIONS },
    Case { name: "smtps-bearer-alone", port: "submissions-bearer", mechanism: OFFERED, ..SUBMISSIONS },
    Case { name: "smtps-plain", port: "submissions-plain", credential: "password", mechanism: "", ..SUBMISSIONS },
    Case { name: "smtps-login", port: "submissions-login", credential: "password", mechanism: "", ..SUBMISSIONS },
    Case { name: "smtp-sender", extra: "smtp: {sender: true}", ..SUBMISSION },
    Case { name: "pop3s-xoauth2", ..POP3S },
    Case { name: "pop3s-oauthbearer", mechanism: "oauthbearer", ..POP3S },
    Case { name: "pop3-stls", ..POP3 },
    Case { name: "pop3-stls-oauthbearer", mechanism: "oauthbearer", ..POP3 },
    Case { name: "pop3s-offered", mechanism: OFFERED, ..POP3S },
    Case { name: "pop3s-bearer-alone", port: "pop3s-bearer", mechanism: OFFERED, ..POP3S },
    Case { name: "pop3s-plain", port: "pop3s-plain", credential: "password", mechanism: "", ..POP3S },
    Case { name: "pop3-password-stls", credential: "password", mechanism: "", ..POP3 },
    Case { name: "pop3s-fetched", user: "fetched", ..POP3S },
    // --- the token is fetched, and refused by the mail server
    Case { name: "pop3s-token-expired", credential: "expired", verdict: TOKEN_REJECTED, ..POP3S },
    Case { name: "pop3s-token-forged", credential: "forged", verdict: TOKEN_REJECTED, ..POP3S },
    Case { name: "pop3s-token-audience", credential: "other-audience", verdict: TOKEN_REJECTED, ..POP3S },
    Case { name: "pop3s-token-user", user: "absent", verdict: TOKEN_REJECTED, ..POP3S },
    Case { name: "pop3s-bearer-expired", credential: "expired", mechanism: "oauthbearer", verdict: TOKEN_REJECTED, ..POP3S },
    Case { name: "pop3-token-expired", credential: "expired", verdict: TOKEN_REJECTED, ..POP3 },
    Case { name: "imaps-token-expired", credential: "expired", verdict: TOKEN_REJECTED, ..IMAPS },
    Case { name: "imaps-token-forged", credential: "forged", verdict: TOKEN_REJECTED, ..IMAPS },
    Case { name: "imaps-token-audience", credential: "other-audience", verdict: TOKEN_REJECTED, ..IMAPS },
    Case { name: "imaps-token-user", user: "absent", verdict: TOKEN_REJECTED, ..IMAPS },
    Case { name: "imaps-bearer-expired", credential: "expired", mechanism: "oauthbearer", verdict: TOKEN_REJECTED, ..IMAPS },
    Case { name: "imap-token-expired", credential: "expired", verdict: TOKEN_REJECTED, ..IMAP },
    Case { name: "smtps-token-expired", credential: "expired", verdict: TOKEN_REJECTED, ..SUBMISSIONS },
    Case { name: "smtps-token-forged", credential: "forged", verdict: TOKEN_REJECTED, ..SUBMISSIONS },
    Case { name: "smtps-token-audience", credential: "other-audience", verdict: TOKEN_REJECTED, ..SUBMISSIONS },
    Case { name: "smtps-token-user", user: "absent", verdict: TOKEN_REJECTED, ..SUBMISSIONS },
    Case { name: "smtps-bearer-expired", credential: "expired", mechanism: "oauthbearer", verdict: TOKEN_REJECTED, ..SUBMISSIONS },
    Case { name: "smtp-token-expired", credential: "expired", verdict: TOKEN_REJECTED, ..SUBMISSION },
    // --- passwords
    Case { name: "imaps-password-wrong", credential: "wrong-password", mechanism: "", verdict: CREDENTIALS_REJECTED, ..IMAPS },
    Case { name: "imaps-password-user", user: "absent", credential: "password", mechanism: "", verdict: CREDENTIALS_REJECTED, ..IMAPS },
    Case { name: "imap-login-wrong", port: "imap-login", tls: "none", credential: "wrong-password", mechanism: "", verdict: CREDENTIALS_REJECTED, ..IMAPS },
    Case { name: "smtps-password-wrong", credential: "wrong-password", mechanism: "", verdict: CREDENTIALS_REJECTED, ..SUBMISSIONS },
    Case { name: "smtps-password-user", user: "absent", credential: "password", mechanism: "", verdict: CREDENTIALS_REJECTED, ..SUBMISSIONS },
    Case { name: "smtps-login-wrong", port: "submissions-login", credential: "wrong-password", mechanism: "", verdict: CREDENTIALS_REJECTED, ..SUBMISSIONS },
    Case { name: "pop3s-password-wrong", credential: "wrong-password", mechanism: "", verdict: CREDENTIALS_REJECTED, ..POP3S },
    Case { name: "pop3s-password-user", user: "absent", credential: "password", mechanism: "", verdict: CREDENTIALS_REJECTED, ..POP3S },
    // --- behind the login
    Case { name: "imaps-folder", extra: "imap: {folder: NoSuchFolder}", verdict: Down("select", &["folder_missing"]), ..IMAPS },
    Case { name: "imaps-folder-examine", extra: "imap: {folder: NoSuchFolder, read_only: true}", verdict: Down("select", &["folder_missing"]), ..IMAPS },
    Case { name: "smtp-sender-foreign", user: "other", login: "user1", extra: "smtp: {sender: true}", verdict: Down("sender", &["mailbox_access_denied"]), ..SUBMISSION },
    // --- what the server offers
    Case { name: "imaps-no-xoauth2", port: "imaps-plain", verdict: UNSUPPORTED, ..IMAPS },
    Case { name: "imaps-not-named", port: "imaps-bearer", verdict: UNSUPPORTED, ..IMAPS },
    Case { name: "smtps-not-named", port: "submissions-bearer", verdict: UNSUPPORTED, ..SUBMISSIONS },
    Case { name: "pop3s-not-named", port: "pop3s-bearer", verdict: UNSUPPORTED, ..POP3S },
    Case { name: "imaps-bearer-alone-expired", port: "imaps-bearer", credential: "expired", mechanism: OFFERED, verdict: TOKEN_REJECTED, ..IMAPS },
    Case { name: "smtps-bearer-alone-expired", port: "submissions-bearer", credential: "expired", mechanism: OFFERED, verdict: TOKEN_REJECTED, ..SUBMISSIONS },
    Case { name: "pop3s-bearer-alone-expired", port: "pop3s-bearer", credential: "expired", mechanism: OFFERED, verdict: TOKEN_REJECTED, ..POP3S },
    Case { name: "imaps-no-oauthbearer", port: "imaps-plain", mechanism: "oauthbearer", verdict: UNSUPPORTED, ..IMAPS },
    Case { name: "smtps-no-xoauth2", port: "submissions-plain", verdict: UNSUPPORTED, ..SUBMISSIONS },
    Case { name: "pop3s-no-xoauth2", port: "pop3s-plain", verdict: UNSUPPORTED, ..POP3S },
    Case { name: "smtps-no-auth", port: "submissions-noauth", verdict: UNSUPPORTED, ..SUBMISSIONS },
    // 127.0.0.2, because Dovecot takes a connection from an address to itself as secure.
    Case { name: "imap-before-tls", host: "127.0.0.2", tls: "none", verdict: ENCRYPTION_REQUIRED, ..IMAP },
    Case { name: "imap-password-before-tls", host: "127.0.0.2", tls: "none", credential: "password", mechanism: "", verdict: ENCRYPTION_REQUIRED, ..IMAP },
    Case { name: "pop3-before-tls", host: "127.0.0.2", tls: "none", verdict: ENCRYPTION_REQUIRED, ..POP3 },
    Case { name: "pop3-password-before-tls", host: "127.0.0.2", tls: "none", credential: "password", mechanism: "", verdict: ENCRYPTION_REQUIRED, ..POP3 },
    Case { name: "smtp-before-tls", tls: "none", verdict: ENCRYPTION_REQUIRED, ..SUBMISSION },
    Case { name: "imap-no-starttls", port: "imap-login", verdict: NO_STARTTLS, ..IMAP },
    Case { name: "smtp-no-starttls", port: "submission-bare", verdict: NO_STARTTLS, ..SUBMISSION },
    // --- TLS
    Case { name: "imaps-untrusted", trusts_authority: false, verdict: UNTRUSTED, ..IMAPS },
    Case { name: "imap-untrusted", trusts_authority: false, verdict: UNTRUSTED, ..IMAP },
    Case { name: "pop3s-untrusted", trusts_authority: false, verdict: UNTRUSTED, ..POP3S },
    Case { name: "pop3-untrusted", trusts_authority: false, verdict: UNTRUSTED, ..POP3 },
    Case { name: "smtps-untrusted", trusts_authority: false, verdict: UNTRUSTED, ..SUBMISSIONS },
    Case { name: "smtp-untrusted", trusts_authority: false, verdict: UNTRUSTED, ..SUBMISSION },
    Case { name: "imaps-expired", host: "127.0.0.3", verdict: EXPIRED, ..IMAPS },
    Case { name: "imap-expired", host: "127.0.0.3", verdict: EXPIRED, ..IMAP },
    Case { name: "smtps-expired", host: "127.0.0.3", verdict: EXPIRED, ..SUBMISSIONS },
    Case { name: "imaps-other-name", host: "127.0.0.4", verdict: OTHER_NAME, ..IMAPS },
    Case { name: "pop3s-expired", host: "127.0.0.3", verdict: EXPIRED, ..POP3S },
    Case { name: "pop3s-other-name", host: "127.0.0.4", verdict: OTHER_NAME, ..POP3S },
    Case { name: "smtps-other-name", host: "127.0.0.4", verdict: OTHER_NAME, ..SUBMISSIONS },
    Case { name: "imaps-on-imap", port: "imap", verdict: NO_TLS, ..IMAPS },
    Case { name: "smtps-on-smtp", port: "submission", verdict: NO_TLS, ..SUBMISSIONS },
    // The server waits for a handshake, the probe for a greeting.
    Case { name: "pop3s-on-pop3", port: "pop3", verdict: NO_TLS, ..POP3S },
    Case { name: "imap-on-imaps", port: "imaps", extra: "timeout: 2s", verdict: Down("greeting", &["timeout"]), ..IMAP },
    Case { name: "smtp-on-smtps", port: "submissions", extra: "timeout: 2s", verdict: Down("greeting", &["timeout"]), ..SUBMISSION },
    // --- network
    Case { name: "imaps-closed-port", port: "closed", verdict: REFUSED, ..IMAPS },
    Case { name: "smtp-closed-port", port: "closed", verdict: REFUSED, ..SUBMISSION },
    Case { name: "imaps-no-name", host: "does-not-exist.invalid", verdict: NO_NAME, ..IMAPS },
    Case { name: "smtp-no-name", host: "does-not-exist.invalid", verdict: NO_NAME, ..SUBMISSION },
    // --- no token
    Case { name: "imaps-secret-wrong", credential: "wrong-secret", verdict: Down("token", &["secret_invalid"]), ..IMAPS },
    Case { name: "smtps-app-unknown", credential: "unknown-app", verdict: Down("token", &["app_not_found"]), ..SUBMISSIONS },
    Case { name: "smtps-idp-down", idp: "closed", verdict: Down("token", &["connection_refused"]), ..SUBMISSIONS },
];

/// A case outside the table: a login over the sessions that one user may have on the instance `plain`.
pub(crate) const CROWDED: Case = Case {
    name: "imaps-crowded",
    port: "imaps-plain",
    user: "crowded",
    credential: "password",
    mechanism: "",
    verdict: Down("auth", &["too_many_connections"]),
    ..IMAPS
};

/// The same mailbox as in `imaps-examine`, by a SELECT that takes the mark of a new message away.
pub(crate) const SELECTED: Case = Case { name: "imaps-select", user: "selected", ..IMAPS };

/// A mailbox with more messages than any other.
pub(crate) const VAST: Case = Case { name: "vast", user: "vast", ..IMAPS };

impl Case {
    /// With this YAML inside the mailbox, keys of one line.
    pub(crate) const fn with(self, extra: &'static str) -> Self {
        Self { extra, ..self }
    }

    pub(crate) const fn as_user(self, name: &'static str, user: &'static str) -> Self {
        Self { name, user, ..self }
    }
}

/// What readiness is asked about.
#[rustfmt::skip] // one case, one line
pub(crate) const READINESS: &[Case] = &[
    Case { name: "token-only", port: "imaps-token", ..IMAPS },
    Case { name: "advertised", ..SUBMISSION },
    Case { name: "imap-password", extra: "password: {file: password}", ..IMAPS },
    Case { name: "smtp-password", user: "sender", extra: "password: {file: password}", ..SUBMISSION },
    Case { name: "wrong-password", user: "refused", extra: "password: {file: wrong-password}", ..SUBMISSIONS },
    Case { name: "by-password", credential: "password", mechanism: "", ..IMAPS },
];

/// A case of the table by its name.
pub(crate) fn case(name: &str) -> Case {
    *CASES.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case is called {name}"))
}

/// Writes a configuration of these cases, with the secrets it names, and returns its path. `defaults` is YAML.
pub(crate) fn configure(rig: &Rig, test: &str, defaults: &str, cases: &[Case]) -> PathBuf {
    let folder = folder(rig, test);
    let secrets = [
        ("client-secret", CLIENT_SECRET),
        ("wrong-secret", WRONG_SECRET),
        ("password", PASSWORD),
        ("wrong-password", WRONG_PASSWORD),
    ];
    for (name, secret) in secrets {
        fs::write(folder.join(name), secret).unwrap();
    }

    let mut yaml = format!("defaults: {defaults}\ncredentials:\n");
    for (name, keys) in CREDENTIALS {
        let keys = keys.replace('%', folder.to_str().unwrap());
        let tenant =
            if keys.contains("client_secret,") { format!("tenant: {TENANT}, ") } else { String::new() };
        let _ = writeln!(yaml, "  {name}: {{ {tenant}{keys} }}");
    }
    yaml += "providers:\n";
    for case in cases {
        provider(rig, case, &mut yaml);
    }
    yaml += "mailboxes:\n";
    for case in cases {
        mailbox(case, &mut yaml);
    }
    let path = folder.join("config.yaml");
    fs::write(&path, yaml).unwrap();
    path
}

/// A directory of one test's own; it goes with the rig.
pub(crate) fn folder(rig: &Rig, test: &str) -> PathBuf {
    let folder = rig.work.join("tests").join(test);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn provider(rig: &Rig, case: &Case, yaml: &mut String) {
    let Case { name, protocol, host, tls, mechanism, .. } = case;
    let port = rig.ports.of(case.port);
    let _ = writeln!(yaml, "  {name}:\n    {protocol}: {{ host: {host}, port: {port}, tls: {tls} }}");
    if !mechanism.is_empty() {
        let idp = if case.idp.is_empty() { rig.idp.port() } else { rig.ports.of(case.idp) };
        let _ = writeln!(
            yaml,
            "    token_url: \"http://127.0.0.1:{idp}/{{tenant}}/oauth2/v2.0/token\"\n    scope: {SCOPE}"
        );
        if *mechanism != OFFERED {
            let _ = writeln!(yaml, "    mechanism: {mechanism}");
        }
    }
    if case.trusts_authority {
        let _ = writeln!(yaml, "    ca_file: {}", authority(&rig.work).display());
    }
}

fn mailbox(case: &Case, yaml: &mut String) {
    let Case { name, protocol, user, credential, .. } = case;
    let _ = writeln!(
        yaml,
        "  - name: {name}\n    address: {user}@{DOMAIN}\n    credential: {credential}\n    provider: {name}\n    checks: [{protocol}]"
    );
    if !case.login.is_empty() {
        let _ = writeln!(yaml, "    username: {}@{DOMAIN}", case.login);
    }
    if !case.extra.is_empty() {
        let _ = writeln!(yaml, "    {}", case.extra);
    }
}
