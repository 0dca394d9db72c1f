//! The configuration of these tests: credentials of the provider, and for each a mailbox that all three protocols open.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{RESOURCE, SECRET};
use crate::case::folder;
use crate::certificates::authority;
use crate::rig::{DOMAIN, Rig};
use crate::support::process::{results, run};

/// How Dovecot checks a token.
#[derive(Clone, Copy)]
pub(super) enum Checked {
    /// By its signature: an application's, which opens every mailbox.
    Signed,
    /// By asking the provider: a person's, which opens that person's mailbox.
    Asked,
}

/// One credential, its mailbox and its checks, all under one name.
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    /// YAML of the credential. `%` stands for the folder of the keys and certificates.
    pub(super) keys: &'a str,
    pub(super) checked: Checked,
    /// Before the `@`.
    pub(super) user: &'a str,
    pub(super) scope: &'a str,
}

impl<'a> Wanted<'a> {
    /// An application's, for the resource that Dovecot wants to see in the token.
    pub(super) const fn application(name: &'a str, keys: &'a str) -> Self {
        Self { name, keys, checked: Checked::Signed, user: "user1", scope: "mail" }
    }

    pub(super) const fn person(name: &'a str, keys: &'a str) -> Self {
        let scope = "openid offline_access mail";
        Self { name, keys, checked: Checked::Asked, user: "person", scope }
    }
}

/// Writes a configuration, with the files `secret` and `wrong-secret` beside it, and returns its path.
pub(super) fn configure(rig: &Rig, test: &str, head: &str, all: &[Wanted<'_>]) -> PathBuf {
    let folder = folder(rig, test);
    fs::write(folder.join("secret"), SECRET).unwrap();
    fs::write(folder.join("wrong-secret"), "canary-another-secret").unwrap();
    let material = rig.work.join("oidc");
    let (mut credentials, mut providers, mut mailboxes) = (String::new(), String::new(), String::new());
    for Wanted { name, keys, checked, user, scope } in all {
        let keys = keys.replace('%', material.to_str().unwrap());
        let _ = writeln!(credentials, "  {name}: {{ {keys} }}");
        let mechanism = match checked {
            Checked::Signed => "xoauth2",
            Checked::Asked => "oauthbearer",
        };
        let [imap, pop3, smtp] =
            ["imaps-issued", "pop3s-issued", "submissions-issued"].map(|port| rig.ports.of(port));
        let (issuer, ca_file) = (&rig.oidc.issuer, authority(&rig.work));
        let _ = writeln!(
            providers,
            "  {name}:
    imap: {{ host: 127.0.0.1, port: {imap}, tls: implicit }}
    pop3: {{ host: 127.0.0.1, port: {pop3}, tls: implicit }}
    smtp: {{ host: 127.0.0.1, port: {smtp}, tls: implicit }}
    token_url: \"{issuer}/token\"
    scope: {scope}
    mechanism: {mechanism}
    ca_file: {}",
            ca_file.display()
        );
        let _ = writeln!(
            mailboxes,
            "  - {{ name: {name}, address: {user}@{DOMAIN}, credential: {name}, provider: {name}, checks: [imap, pop3, smtp] }}"
        );
    }
    let path = folder.join("config.yaml");
    let yaml = format!("{head}\ncredentials:\n{credentials}providers:\n{providers}mailboxes:\n{mailboxes}");
    fs::write(&path, yaml).unwrap();
    path
}

/// Keys of a credential by a certificate of the rig.
pub(super) fn by_certificate(client: &str, file: &str, algorithm: &str) -> String {
    format!(
        "type: certificate, client_id: {client}, certificate: %/{file}.pem, private_key: {{ file: %/{file}.key }}, algorithm: {algorithm}, parameters: {{ resource: \"{RESOURCE}\" }}"
    )
}

/// Keys of a credential by a secret.
pub(super) fn by_secret(client: &str, client_auth: &str, file: &str) -> String {
    format!(
        "type: client_secret, client_id: {client}, client_auth: {client_auth}, secret: {{ file: {file} }}, parameters: {{ resource: \"{RESOURCE}\" }}"
    )
}

/// The keys of a person's sign-in whose refresh token lies in the file `NAME.token`.
pub(super) fn by_sign_in(rig: &Rig, client: &str, name: &str) -> String {
    let issuer = &rig.oidc.issuer;
    format!(
        "type: refresh_token, client_id: {client}, refresh_token: {{ file: {name}.token }}, device_url: \"{issuer}/device/auth\", parameters: {{ prompt: consent }}"
    )
}

/// One round of the program: what each mailbox came to by each protocol, as `up` or as phase and reason. Secrets must not
/// be printed.
pub(super) fn round(config: &Path, secrets: &[&str]) -> BTreeMap<String, Value> {
    let run = run(&["check", "--output", "json", "--transcript"], Some(config));
    let said = run.said();
    for secret in [&[SECRET], secrets].concat() {
        assert!(!said.contains(secret), "{secret} is printed: {said}");
    }
    let key = |result: &Value| {
        format!("{} {}", result["mailbox"].as_str().unwrap(), result["protocol"].as_str().unwrap())
    };
    let seen: BTreeMap<_, _> = results(&run).into_iter().map(|result| (key(&result), result)).collect();
    assert!(!seen.is_empty(), "{said}");
    seen
}

/// A result in words.
pub(super) fn verdict(result: &Value) -> String {
    if result["success"] == true {
        return "up".to_owned();
    }
    format!("{} {}", result["phase"].as_str().unwrap(), result["reason"].as_str().unwrap())
}
