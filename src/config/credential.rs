//! Credentials and the places of their secrets.
//!
//! Owns what a credential must and must not carry. Reads no secret: that happens whenever one is used.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::cursor::{Cursor, Map};
use super::place::{At, Written};
use super::value;
use super::{azure, cloud_keys, keys};
use crate::model::{
    Algorithm, App, Auth, Credential, Expires, IdentityService, PairRef, Proof, SecretIn, SecretRef,
};

/// The complaint about a value in the place of a secret. It is the same for any value.
const PLACE: &str = "a secret is a place, never a value: write {file: PATH} or {env: NAME}";

/// Reads one credential; `None` once its faults are reported. Paths are relative to `base`.
pub(super) fn read(name: &str, at: &Cursor<'_>, base: &Path) -> Option<Arc<Credential>> {
    let Some(kind) = at.peek("type") else {
        let map = at.map(&keys::CREDENTIAL)?;
        map.require(
            "type",
            "one of client_secret, certificate, federated, managed_identity, refresh_token, google_service_account, password",
            |_| Some(()),
        )?;
        return None;
    };
    let (auth, expires) = match kind.word(&keys::CREDENTIAL_TYPES) {
        Some("client_secret") => client_secret(&at.map(&keys::CLIENT_SECRET)?, base),
        Some("certificate") => certificate(&at.map(&keys::CERTIFICATE)?, base),
        Some("federated") => federated(&at.map(&keys::FEDERATED)?, base),
        Some("managed_identity") => managed_identity(&at.map(&cloud_keys::MANAGED_IDENTITY)?, base),
        Some("google_service_account") => {
            google_service_account(&at.map(&cloud_keys::GOOGLE_SERVICE_ACCOUNT)?, base)
        }
        Some("refresh_token") => refresh_token(&at.map(&keys::REFRESH_TOKEN)?, base),
        Some(_) => password(&at.map(&keys::PASSWORD)?, base),
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

type Parts = (Option<Auth<Arc<Proof>, SecretRef>>, Written<Expires>);

fn client_secret(map: &Map<'_>, base: &Path) -> Parts {
    let app = app(map);
    let secret =
        map.require("secret", "write secret: {file: PATH} or secret: {env: NAME}", |at| secret(at, base));
    let sent_in = map.read("client_auth", |at| at.parse("one of body, basic", SecretIn::from_label));
    let expires = map.read("expires", |at| expires(at, base));
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
    let expires = map.read("expires", |at| expires(at, base));
    let proof = || {
        let certificate = certificate?.value;
        let pair = PairRef {
            // One file may hold both.
            private_key: private_key.or_default(certificate.clone())?,
            passphrase: optional(passphrase)?,
            certificate,
        };
        Some(Proof::Certificate { app: app?, pair, algorithm: algorithm.or_default(Algorithm::Ps256)? })
    };
    (proof().map(Arc::new).map(Auth::Token), expires)
}

/// The audience that Entra requires in the token.
const AUDIENCE: &str = "api://AzureADTokenExchange";

fn federated(map: &Map<'_>, base: &Path) -> Parts {
    let file = |at: &Cursor<'_>| Some(SecretRef::File(base.join(at.text()?)));
    let token = map.read("token_file", file);
    // A written path means that the token was mounted by hand. Otherwise the webhook provides the path, but only in the
    // pod: a configuration is also validated on other machines.
    let by_webhook = token.is_absent();
    let (path, client_id) = (azure::variable(azure::TOKEN), azure::variable(azure::CLIENT));
    let awaited = path.is_none();
    let token =
        token.or_default(SecretRef::File(path.unwrap_or_else(|| azure::TOKEN_FILE.to_owned()).into()));
    let client_id = client_id.or_else(|| by_webhook.then(String::new));
    let app = app_of(map, azure::variable(azure::TENANT), client_id);
    if by_webhook {
        let absent = [
            (azure::CLIENT, app.as_ref().is_some_and(|app| app.client_id.is_empty())),
            (azure::TENANT, app.as_ref().is_some_and(|app| app.tenant.is_none())),
            (azure::TOKEN, awaited),
        ];
        let absent: Vec<&str> = absent.iter().filter(|(_, absent)| *absent).map(|(name, _)| *name).collect();
        if !absent.is_empty() {
            let message = format!(
                "not set here: {}. The webhook of Azure Workload Identity sets them in a pod with the label azure.workload.identity/use: \"true\" and a service account with the annotation azure.workload.identity/client-id; elsewhere the credential gets no token",
                absent.join(", "),
            );
            map.faults().warn(map.place(), message);
        }
    }
    let audience = map.read("audience", owned_text).or_default(AUDIENCE.to_owned());
    let expires = map.read("expires", |at| expires(at, base));
    let authority = azure::variable(azure::AUTHORITY);
    let proof =
        || Some(Proof::Federated { app: app?, token: token?, audience: audience?, authority, by_webhook });
    (proof().map(Arc::new).map(Auth::Token), expires)
}

/// Older agents ignore the id and give the token of the system-assigned identity, so that the wrong one would be used
/// unnoticed.
const ONE_IDENTITY: &str = "this machine is an Azure Arc server, and its tokens are those of the system-assigned identity: leave client_id out (user-assigned identities of Azure Arc are not in this version)";

fn managed_identity(map: &Map<'_>, base: &Path) -> Parts {
    let client_id = match map.read("client_id", owned_text) {
        Written::Absent => Some(None),
        Written::Is(at) => Some(Some(at.value)),
        Written::Faulty => None,
    };
    let expires = map.read("expires", |at| expires(at, base));
    let service = azure::identity_service().map_err(|why| map.faults().add(map.place(), why)).ok();
    let proof = || {
        let (service, url) = service?;
        if matches!((&service, &client_id), (IdentityService::AzureArc { .. }, Some(Some(_)))) {
            map.complain_of("client_id", ONE_IDENTITY);
            return None;
        }
        Some(Proof::ManagedIdentity { client_id: client_id?, service, url })
    };
    (proof().map(Arc::new).map(Auth::Token), expires)
}

fn google_service_account(map: &Map<'_>, base: &Path) -> Parts {
    let key = map.require("key", "the file that Google downloads: key: {file: PATH}", |at| secret(at, base));
    let expires = map.read("expires", |at| expires(at, base));
    let proof = key.map(|key| Proof::GoogleServiceAccount { key: key.value });
    (proof.map(Arc::new).map(Auth::Token), expires)
}

fn refresh_token(map: &Map<'_>, base: &Path) -> Parts {
    let app = app(map);
    let token = map.require("refresh_token", REFRESH_TOKEN, |at| {
        match secret(at, base)? {
            place @ SecretRef::File(_) => Some(place),
            // The provider replaces the token, and a variable cannot be written back.
            SecretRef::Env(_) | SecretRef::WrongPassword => at.complain(REFRESH_TOKEN),
        }
    });
    let secret = map.read("secret", |at| secret(at, base));
    let sent_in = map.read("client_auth", |at| at.parse("one of body, basic", SecretIn::from_label));
    let device_url = map.read("device_url", |at| at.judge(value::token_url));
    let expires = map.read("expires", |at| expires(at, base));
    let proof = || {
        let app = app?;
        let device_url = optional(device_url)?;
        if app.tenant.is_none() && device_url.as_deref().is_some_and(value::has_tenant) {
            map.complain_of("device_url", "this address holds {tenant}, and the credential has no tenant");
            return None;
        }
        Some(Proof::RefreshToken {
            token: token?.value,
            secret: optional(secret)?,
            sent_in: sent_in.or_default(SecretIn::Body)?,
            device_url: device_url
                .map(|url| value::fill_tenant(&url, app.tenant.as_deref().unwrap_or_default())),
            app,
        })
    };
    (proof().map(Arc::new).map(Auth::Token), expires)
}

/// The complaint about anything else in the place of a refresh token.
const REFRESH_TOKEN: &str = "write refresh_token: {file: PATH}: a file, because the provider replaces the token, which is written back";

/// A value that may be absent; `None` if it is faulty.
fn optional<T>(written: Written<T>) -> Option<Option<T>> {
    match written {
        Written::Absent => Some(None),
        Written::Is(at) => Some(Some(at.value)),
        Written::Faulty => None,
    }
}

/// The keys of every kind that has a registered application.
fn app(map: &Map<'_>) -> Option<App> {
    app_of(map, None, None)
}

/// The same, with the environment's value if a key is absent.
fn app_of(map: &Map<'_>, tenant: Option<String>, client_id: Option<String>) -> Option<App> {
    // Whether a tenant is needed depends on the provider.
    let tenant = optional(map.read("tenant", owned_text)).map(|written| written.or(tenant));
    let client_id = match client_id {
        Some(known) => map.read("client_id", owned_text).or_default(known),
        None => map.require("client_id", "the application (client) id", owned_text).map(|at| at.value),
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
                "client_id" => "it is a key of the credential, next to parameters",
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
    let expires = map.read("expires", |at| expires(at, base));
    (password.map(|At { value: place, .. }| Auth::Password(place)), expires)
}

/// When a secret ends: a date, or the file that holds it.
fn expires(at: &Cursor<'_>, base: &Path) -> Option<Expires> {
    if !at.is_map() {
        return value::date(at).map(Expires::At);
    }
    let map = at.map(&keys::EXPIRES)?;
    let file = map.require(
        "file",
        "a date, or the path of a file that holds one: expires: {file: PATH}",
        owned_text,
    )?;
    Some(Expires::In(base.join(file.value)))
}

fn owned_text(at: &Cursor<'_>) -> Option<String> {
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
        // Anything else that is written there has been reported.
        (Written::Absent, Written::Absent) | (Written::Faulty, Written::Absent) => None,
        (Written::Absent, Written::Faulty) => None,
        _ => at.complain("a secret has one place: write file or env, not both"),
    }
}

/// A variable's name. The complaint does not repeat the text: it may be the secret.
fn variable(text: &str) -> Result<SecretRef, String> {
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    if text.starts_with(starts) && text.chars().all(|c| starts(c) || c.is_ascii_digit()) {
        return Ok(SecretRef::Env(text.to_owned()));
    }
    Err("expected the name of an environment variable: letters, digits and underscores, like CONTOSO_SECRET"
        .to_owned())
}
