//! Credentials and the places of their secrets.
//!
//! Owns what a credential must and must not carry. Reads no secret: that happens whenever one is used.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::cursor::{Cursor, Map};
use super::keys;
use super::place::{At, Written};
use super::value;
use crate::model::{Algorithm, App, Auth, Credential, PairRef, Proof, SecretIn, SecretRef};

/// What a value in the place of a secret is answered with, whatever the value.
const PLACE: &str = "a secret is a place, never a value: write {file: PATH} or {env: NAME}";

/// Reads one credential; `None` once its faults are reported. Paths are relative to `base`.
pub(super) fn read(name: &str, at: &Cursor<'_>, base: &Path) -> Option<Arc<Credential>> {
    let Some(kind) = at.secret_key("type") else {
        let map = at.map(&keys::CREDENTIAL)?;
        map.require(
            "type",
            "one of client_secret, certificate, federated, google_service_account, password",
            |_| Some(()),
        )?;
        return None;
    };
    let (auth, expires) = match kind.word(&keys::CREDENTIAL_TYPES) {
        Some("client_secret") => client_secret(&at.map(&keys::CLIENT_SECRET)?, base),
        Some("certificate") => certificate(&at.map(&keys::CERTIFICATE)?, base),
        Some("federated") => federated(&at.map(&keys::FEDERATED)?, base),
        Some("google_service_account") => {
            google_service_account(&at.map(&keys::GOOGLE_SERVICE_ACCOUNT)?, base)
        }
        Some(_) => password(&at.map(&keys::PASSWORD)?, base),
        // The keys of a type that is still to come are not known, and the type has been refused.
        None if kind.is_any_of(&keys::CREDENTIAL_TYPES) => return None,
        None => {
            at.map(&keys::CREDENTIAL)?;
            return None;
        }
    };
    let expires = match expires {
        Written::Absent => None,
        Written::Is(at) => Some(at.value),
        Written::Faulty => return None,
    };
    Some(Arc::new(Credential { name: name.into(), auth: auth?, expires }))
}

type Parts = (Option<Auth<Arc<Proof>, SecretRef>>, Written<jiff::Timestamp>);

fn client_secret(map: &Map<'_>, base: &Path) -> Parts {
    let app = app(map);
    let secret =
        map.require("secret", "write secret: {file: PATH} or secret: {env: NAME}", |at| secret(at, base));
    let sent_in = map.read("client_auth", |at| at.parse("one of body, basic", SecretIn::from_label));
    let expires = map.read("expires", value::date);
    let proof = || {
        Some(Proof::ClientSecret {
            app: app?,
            secret: secret?.value,
            sent_in: sent_in.or_default(SecretIn::Body)?,
        })
    };
    (proof().map(Arc::new).map(Auth::Token), expires)
}

fn certificate(map: &Map<'_>, base: &Path) -> Parts {
    let app = app(map);
    let certificate = map.require("certificate", "the path of a PEM file", |at| {
        if at.has_text("-----BEGIN") {
            return at.complain("this is the path of a PEM file, never its content");
        }
        Some(SecretRef::File(base.join(at.text()?)))
    });
    let private_key = map.read("private_key", |at| secret(at, base));
    let passphrase = map.read("passphrase", |at| secret(at, base));
    let algorithm = map.read("algorithm", |at| at.parse("one of ps256, rs256, es256", Algorithm::from_label));
    let expires = map.read("expires", value::date);
    let proof = || {
        let certificate = certificate?.value;
        let pair = PairRef {
            // One file may hold both.
            private_key: private_key.or_default(certificate.clone())?,
            passphrase: match passphrase {
                Written::Absent => None,
                Written::Is(at) => Some(at.value),
                Written::Faulty => return None,
            },
            certificate,
        };
        Some(Proof::Certificate { app: app?, pair, algorithm: algorithm.or_default(Algorithm::Ps256)? })
    };
    (proof().map(Arc::new).map(Auth::Token), expires)
}

/// What the webhook of Azure Workload Identity tells the pod. Keys of the configuration win.
const TENANT_VARIABLE: &str = "AZURE_TENANT_ID";
const CLIENT_VARIABLE: &str = "AZURE_CLIENT_ID";
const TOKEN_VARIABLE: &str = "AZURE_FEDERATED_TOKEN_FILE";
const AUTHORITY_VARIABLE: &str = "AZURE_AUTHORITY_HOST";
/// What Entra wants to stand in the token.
const AUDIENCE: &str = "api://AzureADTokenExchange";

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn federated(map: &Map<'_>, base: &Path) -> Parts {
    let app = app_of(map, environment(TENANT_VARIABLE), environment(CLIENT_VARIABLE));
    let file = |at: &Cursor<'_>| Some(SecretRef::File(base.join(at.text()?)));
    let token = match environment(TOKEN_VARIABLE) {
        Some(path) => map.read("token_file", file).or_default(SecretRef::File(path.into())),
        None => map
            .require("token_file", "the path of the token, where AZURE_FEDERATED_TOKEN_FILE is not set", file)
            .map(|at| at.value),
    };
    let audience = map.read("audience", own_text).or_default(AUDIENCE.to_owned());
    let expires = map.read("expires", value::date);
    let authority = environment(AUTHORITY_VARIABLE);
    let proof = || Some(Proof::Federated { app: app?, token: token?, audience: audience?, authority });
    (proof().map(Arc::new).map(Auth::Token), expires)
}

fn google_service_account(map: &Map<'_>, base: &Path) -> Parts {
    let key = map.require("key", "the file that Google downloads: key: {file: PATH}", |at| secret(at, base));
    let expires = map.read("expires", value::date);
    let proof = key.map(|key| Proof::GoogleServiceAccount { key: key.value });
    (proof.map(Arc::new).map(Auth::Token), expires)
}

/// The keys of every kind that has a registered application.
fn app(map: &Map<'_>) -> Option<App> {
    app_of(map, None, None)
}

/// The same, with what the environment says where a key is absent.
fn app_of(map: &Map<'_>, tenant: Option<String>, client_id: Option<String>) -> Option<App> {
    // Whether a tenant is needed depends on the provider.
    let tenant = match map.read("tenant", own_text) {
        Written::Absent => Some(tenant),
        Written::Is(at) => Some(Some(at.value)),
        Written::Faulty => None,
    };
    let client_id = match client_id {
        Some(known) => map.read("client_id", own_text).or_default(known),
        None => map.require("client_id", "the application (client) id", own_text).map(|at| at.value),
    };
    let parameters = map.read("parameters", parameters);
    Some(App { tenant: tenant?, client_id: client_id?, parameters: parameters.or_default(BTreeMap::new())? })
}

/// Fields of a token request that are written by the program itself.
const OWN_FIELDS: &[&str] = &[
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "assertion",
    "refresh_token",
    "username",
    "password",
];

const FIELDS: &str = "fields of the token request, like {audience: https://mail.contoso.example}";

/// Further fields of the token request, by name.
fn parameters(at: &Cursor<'_>) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut faulty = false;
    for (name, value) in at.unspoken_names(FIELDS)? {
        if OWN_FIELDS.contains(&name.value) {
            let why = match name.value {
                "scope" => "it belongs to a provider: scope",
                "client_id" => "it stands beside parameters",
                "client_secret" => "it is a place, beside parameters: secret: {file: PATH}",
                _ => "the program writes this field itself, and a secret has no place here",
            };
            at.faults().add(&name.place, format!("{}: {why}", name.value));
            faulty = true;
        }
        match value.free_text() {
            Some(text) => drop(parameters.insert(name.value.to_owned(), text.to_owned())),
            None => faulty = true,
        }
    }
    (!faulty).then_some(parameters)
}

fn password(map: &Map<'_>, base: &Path) -> Parts {
    let password = map
        .require("password", "write password: {file: PATH} or password: {env: NAME}", |at| secret(at, base));
    let expires = map.read("expires", value::date);
    (password.map(|At { value: place, .. }| Auth::Password(place)), expires)
}

fn own_text(at: &Cursor<'_>) -> Option<String> {
    at.text().map(str::to_owned)
}

/// Reads the place of a secret.
pub(super) fn secret(at: &Cursor<'_>, base: &Path) -> Option<SecretRef> {
    if !at.is_map() {
        return at.complain(PLACE);
    }
    let map = at.map(&keys::SECRET)?;
    let file = map.read("file", |at| at.text().map(|path| SecretRef::File(base.join(path))));
    let env = map.read("env", |at| at.judge(variable));
    match (file, env) {
        (Written::Is(place), Written::Absent) | (Written::Absent, Written::Is(place)) => Some(place.value),
        (Written::Absent, Written::Absent) if map.is_empty() => at.complain(PLACE),
        // What else stands there has been reported.
        (Written::Absent, Written::Absent) | (Written::Faulty, Written::Absent) => None,
        (Written::Absent, Written::Faulty) => None,
        _ => at.complain("a secret has one place: write file or env, not both"),
    }
}

/// A variable's name. What was found is not repeated: it may be the secret.
fn variable(text: &str) -> Result<SecretRef, String> {
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    if text.starts_with(starts) && text.chars().all(|c| starts(c) || c.is_ascii_digit()) {
        return Ok(SecretRef::Env(text.to_owned()));
    }
    Err("expected the name of an environment variable: letters, digits and underscores, like CONTOSO_SECRET"
        .to_owned())
}
